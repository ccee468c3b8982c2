//! Kills the example programs while messages pass through them: numbers go at QoS 2 from a publisher, by the example broker on
//! its store, to the example `exactly_once`, which adds them up. Each of the three is ended without warning again and again,
//! and begun anew. Afterwards every number has to be in the sum exactly once.
//!
//! ```sh
//! cargo build --release -p mqtt-session --example broker --example exactly_once
//! cargo run --release -p spec-tests --bin crash -- --kills 50
//! ```

#![expect(clippy::disallowed_methods, reason = "the program has a clock and may wait, the core may not")]

use std::error::Error;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant as Clock};

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{ProtocolVersion, QoS};
use mqtt_session::{
    Client, ClientConfig, ConnectOptions, Event, Instant, Message, Persist, PublishOutcome, Received,
    StoredState,
};

/// How many messages may be under way, so that there are some whenever a program is killed.
const UNRESOLVED: usize = 100;
/// Without any progress for so long, something is lost.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let mut kills = 30;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next()) {
            ("--kills", Some(count)) => kills = count.parse()?,
            _ => return Err("usage: crash [--kills COUNT]".into()),
        }
    }
    let examples = std::env::current_exe()?.with_file_name("examples");
    let folder = examples.with_file_name("crash-data");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let server = TcpListener::bind("127.0.0.1:0")?.local_addr()?;

    let mut broker = Program::new(&examples, "broker", &["--listen", &server.to_string()], &folder)?;
    let mut ledger = Program::new(&examples, "exactly_once", &["--server", &server.to_string()], &folder)?;
    while !ledger.has_said("listening to ledger")? {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut publisher = Publisher::new(server);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let (mut killed, mut progress, mut last_count) = (0, clock(), 0);
    let mut next_kill = clock() + Duration::from_millis(500);
    loop {
        publisher.turn(killed < kills)?;
        let (count, sum) = ledger.last_entry()?;
        if count != last_count {
            (last_count, progress) = (count, clock());
        }
        if killed == kills && publisher.is_done() && (count, sum) == publisher.expected() {
            break;
        }
        if count > publisher.expected().0 || clock() - progress > PATIENCE {
            broker.kill()?;
            ledger.kill()?;
            return Err(format!("{count} numbers with sum {sum}, sent {:?}", publisher.expected()).into());
        }
        if killed < kills && clock() > next_kill {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match (random >> 33) % 5 {
                0 | 1 => broker.restart()?,
                2 | 3 => ledger.restart()?,
                _ => publisher.crash()?,
            }
            killed += 1;
            next_kill = clock() + Duration::from_millis(50 + (random >> 40) % 400);
        }
    }
    // What comes twice would come now.
    std::thread::sleep(Duration::from_millis(500));
    let (count, sum) = ledger.last_entry()?;
    broker.kill()?;
    ledger.kill()?;
    if (count, sum) != publisher.expected() {
        return Err(format!("{count} numbers with sum {sum}, sent {:?}", publisher.expected()).into());
    }
    println!("{killed} kills, {count} numbers, each once; their sum is {sum}");
    Ok(())
}

fn clock() -> Clock {
    Clock::now()
}

/// An example program that keeps its state in a store.
struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    output: PathBuf,
    child: Child,
}

impl Program {
    fn new(examples: &Path, name: &str, arguments: &[&str], folder: &Path) -> Result<Self, Box<dyn Error>> {
        let path = examples.join(name);
        let store = folder.join(name).with_extension("redb");
        let mut arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        arguments.extend(["--store".to_owned(), store.to_str().ok_or("a path that is no text")?.to_owned()]);
        let output = folder.join(name).with_extension("log");
        let child = start(&path, &arguments, &output)?;
        Ok(Self { path, arguments, output, child })
    }

    /// SIGKILL: the program is not asked.
    fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    fn restart(&mut self) -> Result<(), Box<dyn Error>> {
        if let Some(status) = self.child.try_wait()? {
            let log = std::fs::read_to_string(&self.output)?;
            return Err(format!("{} has ended by itself, {status}:\n{log}", self.path.display()).into());
        }
        self.kill()?;
        self.child = start(&self.path, &self.arguments, &self.output)?;
        Ok(())
    }

    fn has_said(&self, line: &str) -> std::io::Result<bool> {
        Ok(std::fs::read_to_string(&self.output)?.lines().any(|said| said == line))
    }

    /// What the last line of output says that was written completely.
    fn last_entry(&self) -> Result<(u64, i64), Box<dyn Error>> {
        let mut entry = (0, 0);
        for line in BufReader::new(std::fs::File::open(&self.output)?).lines() {
            let line = line?;
            let mut words = line.split(' ');
            if let (Some(count), Some("numbers,"), Some(sum), Some("in")) =
                (words.next(), words.next(), words.next(), words.next())
            {
                entry = (count.parse()?, sum.parse()?);
            }
        }
        Ok(entry)
    }
}

fn start(path: &Path, arguments: &[String], output: &Path) -> Result<Child, Box<dyn Error>> {
    let log = std::fs::File::options().create(true).append(true).open(output)?;
    let child = Command::new(path)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| format!("{}: {error}; build the examples first", path.display()))?;
    Ok(child)
}

/// A durable client, whose store is in memory: it crashes by being thrown away.
struct Publisher {
    server: SocketAddr,
    client: Client,
    store: StoredState,
    stream: Option<TcpStream>,
    input: BytesMut,
    epoch: Clock,
    sent: u64,
    sum: i64,
}

impl Publisher {
    fn new(server: SocketAddr) -> Self {
        let store = StoredState::default();
        let client = Client::new(config());
        let (stream, input) = (None, BytesMut::new());
        Self { server, client, store, stream, input, epoch: clock(), sent: 0, sum: 0 }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// How many numbers were sent, and their sum.
    const fn expected(&self) -> (u64, i64) {
        (self.sent, self.sum)
    }

    fn is_done(&self) -> bool {
        self.client.unresolved().next().is_none()
    }

    fn crash(&mut self) -> Result<(), Box<dyn Error>> {
        self.client = Client::restore(config(), self.store.records())?;
        self.stream = None;
        Ok(())
    }

    /// Sends what can be sent, receives what has come, within some milliseconds.
    fn turn(&mut self, goes_on: bool) -> Result<(), Box<dyn Error>> {
        let now = self.now();
        if self.stream.is_none() {
            self.client.handle_closed(now);
            self.input.clear();
            let Ok(stream) = TcpStream::connect(self.server) else {
                std::thread::sleep(Duration::from_millis(5));
                return self.take_events();
            };
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_millis(5)))?;
            self.stream = Some(stream);
            self.take_events()?;
            let options = ConnectOptions {
                client_id: "publisher".into(),
                clean_start: false,
                session_expiry_interval: u32::MAX,
                ..ConnectOptions::new(ProtocolVersion::V5_0)
            };
            self.client.connect(now, options)?;
        }
        while goes_on && self.client.unresolved().count() < UNRESOLVED {
            let number = i64::try_from(self.sent)? * 7 + 1;
            let message = Message::new("ledger", number.to_string())?.with_qos(QoS::ExactlyOnce);
            self.client.publish(now, message).map_err(|rejected| rejected.reason)?;
            self.sent += 1;
            self.sum += number;
            self.take_events()?;
        }
        let exchanged = self.exchange();
        self.take_events()?;
        if exchanged.is_err() {
            self.stream = None;
        }
        Ok(())
    }

    fn exchange(&mut self) -> std::io::Result<()> {
        let now = self.now();
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.client.transmit().has_remaining() {
            let written = stream.write(self.client.transmit().chunk())?;
            self.client.transmit().advance(written);
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => self.input.extend_from_slice(&buffer[..len]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
        self.client.handle_timeout(now);
        match self.client.handle_input(now, &mut self.input) {
            Received::Closed => Err(ErrorKind::ConnectionAborted.into()),
            Received::NeedData(_) | Received::Paused => Ok(()),
        }
    }

    fn take_events(&mut self) -> Result<(), Box<dyn Error>> {
        let now = self.now();
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Persist(Persist { seq, changes }) => {
                    self.store.apply(&changes);
                    self.client.handle_persisted(now, seq);
                }
                Event::Published { outcome: PublishOutcome::Acknowledged(_), .. } | Event::Connected(_) => {}
                Event::Published { outcome, .. } => return Err(outcome.to_string().into()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn config() -> ClientConfig {
    ClientConfig { durable: true, ..ClientConfig::default() }
}
