//! Plays the client scripts against programs that connect over TCP: one line for each statement, and the exit code 0 when
//! nothing failed.
//!
//! `cargo run -p spec-tests --bin conformance-client -- --client mosquitto
//! --publish 'mosquitto_pub -h {host} -p {port} -V {version} -i {id} {keep:-c} {retain:-r} -k {keep_alive} -q {qos} -t {topic} -l'
//! --subscribe 'mosquitto_sub -h {host} -p {port} -V {version} -i {id} {keep:-c -x 600} -k {keep_alive} -q {qos} -t {topic}'`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, io, thread};

use clap::Parser;
use spec_tests::client::scripts;
use spec_tests::conformance::{Column, Played, json, markdown};
use spec_tests::manifest::Version;
use spec_tests::script::{Commands, Hosting, Play, Programs, Script, Verdict, play, remember_panics};

/// What stands above the table.
const HEAD: &str = "# Clients

What came of playing the scripts of [`src/client/`](src/client) over TCP, with programs that publish and subscribe. Written by
`spec-tests/clients.sh`; not to be edited. `tolerated`: what the Server does is against the rules, and the Client, which should
close but need not, goes on. `skip`: why it could not be tried; what needs the calls of our own client is played in process. The
failures are explained in the [README](README.md#clients-of-others).
";

/// Whether a Client does what MQTT demands, statement by statement.
///
/// Words of a command are separated by spaces. `{host}`, `{port}`, `{version}` (mqttv31, mqttv311, mqttv5), `{id}`,
/// `{keep_alive}`, `{qos}` and `{topic}` stand for what they say; `{keep:…}` for the words in it when the Session is to be kept,
/// `{retain:…}` when messages are to be retained. Who publishes reads payloads from standard input, a line each; or `{message}`
/// stands for the only one.
#[derive(Parser)]
struct Options {
    /// What a Client is called. May be repeated, with as many commands.
    #[arg(long = "client", value_name = "NAME", required = true)]
    clients: Vec<String>,
    /// How it is told to publish: it disconnects when everything is acknowledged.
    #[arg(long, value_name = "COMMAND", required = true)]
    publish: Vec<String>,
    /// How it is told to subscribe: it takes what comes.
    #[arg(long, value_name = "COMMAND", required = true)]
    subscribe: Vec<String>,
    /// Only this version: 5.0, 3.1.1 or 3.1.
    #[arg(long = "version", value_parser = version)]
    versions: Vec<Version>,
    /// Only scripts with this text in their name, or of this statement: MQTT-3.3.1-4, M31-12.
    #[arg(long)]
    filter: Option<String>,
    /// The failures of the Client of this name do not count for the exit code.
    #[arg(long, value_name = "NAME")]
    may_fail: Vec<String>,
    /// Seconds a Client may take to answer, and half of those it may take to connect.
    #[arg(long, default_value_t = 4)]
    patience: u64,
    /// Scripts at a time.
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// Show also all that was sent and received by scripts that failed.
    #[arg(long, short)]
    verbose: bool,
    /// Write the verdicts as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the verdicts as a table in Markdown, a column for each Client.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

fn version(text: &str) -> Result<Version, String> {
    let found = Version::ALL.into_iter().find(|version| version.number() == text);
    found.ok_or_else(|| "5.0, 3.1.1 or 3.1".to_owned())
}

fn main() -> io::Result<ExitCode> {
    let options = Options::parse();
    if [options.publish.len(), options.subscribe.len()] != [options.clients.len(); 2] {
        return Err(io::Error::other("each --client needs a --publish and a --subscribe"));
    }
    remember_panics();
    let mut failed = false;
    let mut columns = Vec::new();
    for ((name, publish), subscribe) in options.clients.iter().zip(&options.publish).zip(&options.subscribe) {
        let commands = Commands { publish: publish.clone(), subscribe: subscribe.clone() };
        let played = run(&options, &commands);
        if played.is_empty() {
            eprintln!("no script is about that");
            return Ok(ExitCode::FAILURE);
        }
        let column = Column::new(name, played);
        print!("{}", column.lines(options.verbose));
        println!("{name}: {}", column.summary());
        failed |= column.has_failed() && !options.may_fail.contains(name);
        columns.push(column);
    }
    if let Some(path) = &options.json {
        fs::write(path, json(&columns))?;
    }
    if let Some(path) = &options.table {
        fs::write(path, markdown(&columns, HEAD))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Plays everything that is wanted, some at a time.
fn run(options: &Options, commands: &Commands) -> Vec<Played> {
    let wanted: Vec<(&Script<Hosting>, Version)> = scripts()
        .filter(|script| !script.is_decision())
        .flat_map(|script| script.versions().into_iter().map(move |version| (script, version)))
        .filter(|(_, version)| options.versions.is_empty() || options.versions.contains(version))
        .filter(|(script, version)| {
            options.filter.as_ref().is_none_or(|text| script.is_about(*version, text))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((script, version)) = wanted.get(number) else { return };
                    let one = play_one(script, *version, commands, options.patience);
                    played.lock().expect("nobody panics with the lock").push((number, one));
                }
            });
        }
    });
    let mut played = played.into_inner().expect("nobody panics with the lock");
    played.sort_by_key(|(number, _)| *number);
    played.into_iter().map(|(_, one)| one).collect()
}

fn play_one(
    script: &'static Script<Hosting>,
    version: Version,
    commands: &Commands,
    patience: u64,
) -> Played {
    let (verdict, transcript) = match Programs::new(commands.clone(), Duration::from_secs(patience)) {
        Ok(programs) => {
            let scene = Hosting::with_token(programs, version, "t".to_owned(), false);
            (play(script, &scene), scene.transcript())
        }
        Err(error) => (Verdict::Skip(format!("no port to listen on: {error}")), String::new()),
    };
    Played { script: script.name, version, verdict, transcript }
}
