//! Plays the server scripts against Servers at TCP addresses: one line for each statement, and the exit code 0 when nothing
//! failed.
//!
//! `cargo run -p spec-tests --bin conformance -- --target 127.0.0.1:1883`

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io, thread};

use clap::Parser;
use spec_tests::conformance::{Column, Played};
use spec_tests::manifest::Version;
use spec_tests::script::{Play, Scene, Script, Tcp, play, remember_panics};
use spec_tests::server::scripts;

/// What stands above the table.
const HEAD: &str = "# Servers

What came of playing the scripts of [`src/server/`](src/server) over TCP. Written by `spec-tests/conformance.sh`; not to be
edited. Behind `pass`: what a Server does that it may and we do not. `skip`: why it could not be tried; what needs a
configuration is played in process. The failures are explained in the [README](README.md#mosquitto).
";

/// Whether a Server does what MQTT demands, statement by statement.
#[derive(Parser)]
struct Options {
    /// A Server; with a name in front where there are several.
    #[arg(long = "target", value_name = "[NAME=]HOST:PORT", required = true, value_parser = target)]
    targets: Vec<Target>,
    /// Only this version: 5.0, 3.1.1 or 3.1.
    #[arg(long = "version", value_parser = version)]
    versions: Vec<Version>,
    /// Only scripts with this text in their name, or of this statement: MQTT-3.3.1-4, M31-12.
    #[arg(long)]
    filter: Option<String>,
    /// The Server of this name must give the reason codes of our tables also where the specification leaves room, and
    /// decide the open points as we do.
    #[arg(long, value_name = "NAME")]
    exact: Vec<String>,
    /// The failures of the Server of this name do not count for the exit code.
    #[arg(long, value_name = "NAME")]
    may_fail: Vec<String>,
    /// Seconds a Server may take to answer.
    #[arg(long, default_value_t = 3)]
    patience: u64,
    /// Scripts at a time.
    #[arg(long, default_value_t = 8)]
    jobs: usize,
    /// Show also what passed, and all that was sent and received by scripts that failed.
    #[arg(long, short)]
    verbose: bool,
    /// Write the verdicts as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the verdicts as a table in Markdown, a column for each Server.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

#[derive(Clone)]
struct Target {
    name: String,
    address: SocketAddr,
}

fn target(text: &str) -> Result<Target, String> {
    let (name, address) = text.split_once('=').unwrap_or(("server", text));
    let found = address.to_socket_addrs().map_err(|error| error.to_string())?.next();
    let address = found.ok_or_else(|| format!("{address} has no address"))?;
    Ok(Target { name: name.to_owned(), address })
}

fn version(text: &str) -> Result<Version, String> {
    let names = |version: &Version| version.to_string() == format!("MQTT {text}");
    Version::ALL.into_iter().find(names).ok_or_else(|| "5.0, 3.1.1 or 3.1".to_owned())
}

fn main() -> io::Result<ExitCode> {
    let options = Options::parse();
    remember_panics();
    let mut failed = false;
    let mut columns = Vec::new();
    for target in &options.targets {
        let played = run(&options, target);
        if played.is_empty() {
            eprintln!("no script is about that");
            return Ok(ExitCode::FAILURE);
        }
        let column = Column::new(&target.name, played);
        print!("{}", column.lines(options.verbose));
        println!("{}: {}", target.name, column.summary());
        failed |= column.has_failed() && !options.may_fail.contains(&target.name);
        columns.push(column);
    }
    if let Some(path) = &options.json {
        fs::write(path, spec_tests::conformance::json(&columns))?;
    }
    if let Some(path) = &options.table {
        fs::write(path, spec_tests::conformance::markdown(&columns, HEAD))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Plays everything that is wanted, some at a time.
fn run(options: &Options, target: &Target) -> Vec<Played> {
    let is_exact = options.exact.contains(&target.name);
    let wanted: Vec<(&Script, Version)> = scripts()
        .filter(|script| is_exact || !script.is_decision())
        .flat_map(|script| script.versions().into_iter().map(move |version| (script, version)))
        .filter(|(_, version)| options.versions.is_empty() || options.versions.contains(version))
        .filter(|(script, version)| {
            options.filter.as_ref().is_none_or(|text| script.is_about(*version, text))
        })
        .collect();
    let run = nonce();
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((script, version)) = wanted.get(number) else { return };
                    let server = Tcp::new(target.address, Duration::from_secs(options.patience));
                    let token = format!("c{run}{}", base36(number as u64, 3));
                    let scene = Scene::with_token(server, *version, token, is_exact);
                    let verdict = play(script, &scene);
                    let transcript = scene.transcript();
                    let one = Played { script: script.name, version: *version, verdict, transcript };
                    played.lock().expect("nobody panics with the lock").push((number, one));
                }
            });
        }
    });
    let mut played = played.into_inner().expect("nobody panics with the lock");
    played.sort_by_key(|(number, _)| *number);
    played.into_iter().map(|(_, one)| one).collect()
}

/// Something that another run does not have.
#[expect(clippy::disallowed_methods, reason = "names of different runs must differ")]
fn nonce() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    base36(u64::try_from(since.as_millis() / 100).unwrap_or_default(), 5)
}

/// The last digits of a number.
fn base36(mut number: u64, digits: usize) -> String {
    let mut text = Vec::new();
    for _ in 0..digits {
        text.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[usize::try_from(number % 36).unwrap_or_default()]);
        number /= 36;
    }
    text.reverse();
    String::from_utf8(text).expect("digits")
}
