//! Programs that connect over TCP.

use core::fmt;
use core::time::Duration;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use bytes::BytesMut;
use mqtt_session::codec::ProtocolVersion;

use super::{Clients, Job, Work};
use crate::script::{Arrival, Line, Network, Tcp};

/// How a program is called that publishes, and how one that subscribes.
///
/// Words are separated by spaces. `{host}`, `{port}`, `{version}` (`mqttv31`, `mqttv311`, `mqttv5`), `{id}`, `{keep_alive}`,
/// `{qos}` and `{topic}` stand for what they say. `{keep:…}` stands for the words in it when the Session is to be kept, `{retain:…}`
/// when messages are to be retained, and for nothing otherwise; without one of these such a job cannot be done. `{v5:…}` stands for
/// words that are for 5.0. Who publishes
/// reads payloads from standard input, a line each; or `{message}` stands for the only one.
#[derive(Clone, Debug)]
pub struct Commands {
    /// Publishes, and disconnects when everything is acknowledged.
    pub publish: String,
    /// Subscribes, and takes what comes.
    pub subscribe: String,
}

/// A program for each job, and the address it connects to.
pub struct Programs {
    commands: Commands,
    tcp: Tcp,
    listener: TcpListener,
    patience: Duration,
    children: Vec<Child>,
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Programs").field("commands", &self.commands).finish_non_exhaustive()
    }
}

/// How often to look whether a program has connected.
const POLL: Duration = Duration::from_millis(5);

impl Programs {
    /// Programs that get `patience` to connect, and for each answer.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub fn new(commands: Commands, patience: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let tcp = Tcp::new(listener.local_addr()?, patience);
        Ok(Self { commands, tcp, listener, patience, children: Vec::new() })
    }

    fn command(&self, job: &Job) -> Result<(Vec<String>, Vec<String>), String> {
        let (template, topic, qos, retain, payloads) = match &job.work {
            Work::Nothing => return Err("the methods of the program cannot be called".to_owned()),
            Work::Publish { topic, qos, retain, payloads } => {
                (&self.commands.publish, topic, qos, *retain, payloads.clone())
            }
            Work::Subscribe { filter, qos } => (&self.commands.subscribe, filter, qos, false, Vec::new()),
        };
        let options = &job.options;
        let version = match options.version {
            ProtocolVersion::V3_1 => "mqttv31",
            ProtocolVersion::V3_1_1 => "mqttv311",
            ProtocolVersion::V5_0 => "mqttv5",
        };
        let mut text = optional(template, "keep", !options.clean_start)
            .ok_or("the program is not told how to keep a Session ({keep:…})")?;
        text = optional(&text, "retain", retain)
            .ok_or("the program is not told how to retain a message ({retain:…})")?;
        let is_v5 = options.version == ProtocolVersion::V5_0;
        if text.contains("{v5:") {
            text = optional(&text, "v5", is_v5).ok_or("{v5:…} has no end")?;
        }
        let port = self.listener.local_addr().map_err(|error| error.to_string())?.port();
        let mut lines = payloads;
        if text.contains("{message}") {
            if lines.len() != 1 {
                return Err("the program publishes one message only".to_owned());
            }
            text = text.replace("{message}", &lines.remove(0));
        }
        for (name, value) in [
            ("{host}", "127.0.0.1"),
            ("{port}", &port.to_string()),
            ("{version}", version),
            ("{id}", &options.client_id),
            ("{keep_alive}", &options.keep_alive.to_string()),
            ("{qos}", &qos.to_string()),
            ("{topic}", topic),
        ] {
            text = text.replace(name, value);
        }
        Ok((text.split_whitespace().map(str::to_owned).collect(), lines))
    }

    /// The next connection to the listener.
    #[expect(clippy::disallowed_methods, reason = "over TCP, time is real")]
    fn accept(&mut self, patience: Duration) -> Option<Line> {
        let mut waited = Duration::ZERO;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).ok()?;
                    return Some(self.tcp.adopt(stream));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && waited < patience => {
                    std::thread::sleep(POLL);
                    waited += POLL;
                }
                Err(_) => return None,
            }
        }
    }
}

/// `{name:words}` becomes the words, or nothing. `None`: it is wanted, and not there.
fn optional(template: &str, name: &str, is_wanted: bool) -> Option<String> {
    let Some((before, rest)) = template.split_once(&format!("{{{name}:")) else {
        return (!is_wanted).then(|| template.to_owned());
    };
    let (words, after) = rest.split_once('}')?;
    Some(format!("{before}{}{after}", if is_wanted { words } else { "" }))
}

impl Clients for Programs {
    fn start(&mut self, job: &Job) -> Result<(usize, Line), String> {
        let (words, lines) = self.command(job)?;
        let (program, arguments) = words.split_first().ok_or("there is no program to call")?;
        let started = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = started.map_err(|error| format!("{program}: {error}"))?;
        if let Some(mut input) = child.stdin.take() {
            // A program that does not read it gets its message in another way.
            for line in lines {
                let _ = writeln!(input, "{line}");
            }
        }
        self.children.push(child);
        let line = self.accept(self.patience * 2).ok_or("the program does not connect")?;
        Ok((self.children.len() - 1, line))
    }

    fn returns(&mut self, client: usize) -> Result<Line, String> {
        let line = self.accept(self.patience * 2);
        let has_ended = matches!(self.children[client].try_wait(), Ok(Some(_)));
        line.ok_or_else(|| {
            let what = if has_ended { "ends with its connection" } else { "does not connect again" };
            format!("the program {what}")
        })
    }

    fn end(&mut self) {
        for mut child in self.children.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        self.end();
    }
}

impl Network for Programs {
    fn send(&mut self, line: Line, bytes: &[u8]) {
        self.tcp.send(line, bytes);
    }

    fn receive(&mut self, line: Line, input: &mut BytesMut, within: Duration) -> Arrival {
        self.tcp.receive(line, input, within)
    }

    fn cut(&mut self, line: Line) {
        self.tcp.cut(line);
    }

    fn wait(&mut self, duration: Duration) {
        self.tcp.wait(duration);
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(publish: &str, job: &Job) -> Result<(String, Vec<String>), String> {
        let commands = Commands { publish: publish.to_owned(), subscribe: "sub {topic}".to_owned() };
        let programs = Programs::new(commands, Duration::ZERO).unwrap();
        programs.command(job).map(|(words, lines)| (words.join(" "), lines))
    }

    fn job(payloads: &[&str], retain: bool) -> Job {
        let payloads = payloads.iter().map(|payload| (*payload).to_owned()).collect();
        let work = Work::Publish { topic: "t/a".to_owned(), payloads, qos: 1, retain };
        Job::new(ProtocolVersion::V3_1_1, "c".to_owned(), work)
    }

    #[test]
    fn a_command_says_what_the_job_is() {
        let command =
            "pub {version} {id} {keep_alive} {qos} {topic} {keep:-c  -x 9} {retain:-r} {v5:-D x} -l";
        let plain = words(command, &job(&["1", "2"], false)).unwrap();
        assert_eq!(plain, ("pub mqttv311 c 60 1 t/a -l".to_owned(), vec!["1".to_owned(), "2".to_owned()]));
        let mut kept = job(&["1"], true);
        kept.options.clean_start = false;
        kept.options.version = ProtocolVersion::V5_0;
        let (text, _) = words(command, &kept).unwrap();
        assert_eq!(text, "pub mqttv5 c 60 1 t/a -c -x 9 -r -D x -l");
        assert_eq!(words("pub -m {message}", &job(&["1"], false)), Ok(("pub -m 1".to_owned(), Vec::new())));
    }

    #[test]
    fn what_a_program_cannot_do_is_not_tried() {
        let mut kept = job(&["1"], false);
        kept.options.clean_start = false;
        for (command, job) in [
            ("pub", &kept),
            ("pub {keep:-c", &kept),
            ("pub", &job(&["1"], true)),
            ("pub {message}", &job(&["1", "2"], false)),
            ("pub", &Job { work: Work::Nothing, ..job(&[], false) }),
        ] {
            assert!(words(command, job).is_err(), "{command}");
        }
    }

    #[test]
    fn a_program_that_does_not_connect_is_an_error() {
        for command in ["true", "spec-tests-has-no-such-program", ""] {
            let commands = Commands { publish: command.to_owned(), subscribe: String::new() };
            let mut programs = Programs::new(commands, Duration::from_millis(20)).unwrap();
            assert!(programs.start(&job(&["1"], false)).is_err(), "{command}");
        }
    }
}
