//! Every message changes a database exactly once, whatever crashes: a ledger that adds up the numbers it is sent.
//!
//! A QoS 2 message is the application's from the moment its identifier is stored. So what the application makes of a message
//! and that change belong into one transaction: the message is acknowledged and processed, and the changes that this makes
//! ([`Event::Persist`]) are committed with the new sum. PUBREC leaves afterwards. A crash before the commit undoes both, and
//! the Server sends the message again; a crash behind it undoes neither, and the repeat is recognised.
//!
//! ```sh
//! cargo run --release -p mqtt-session --example exactly_once -- --store ledger.redb
//! mosquitto_pub -q 2 -t ledger -m 5
//! ```

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::{Buf, BytesMut};
use clap::Parser;
use mqtt_session::codec::{DisconnectReason, ProtocolVersion, QoS};
use mqtt_session::{
    Change, Client, ClientConfig, ConnectOptions, Event, Instant, Message, Received, SubscribeRequest,
};
use redb::{Database, ReadableTable, TableDefinition, WriteTransaction};

/// Adds up the numbers it is sent, each exactly once.
#[derive(Parser)]
struct Options {
    /// Address and port of the Server.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:1883")]
    server: SocketAddr,
    /// The file of the ledger, and of the Session State.
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The Topic Filter to listen to.
    #[arg(long, default_value = "ledger")]
    topic: String,
    /// End when there are so many numbers.
    #[arg(long, default_value_t = u64::MAX)]
    until: u64,
}

/// The Session State of the client, as it tells it.
const SESSION: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("mqtt records 1");
/// How many numbers there were, and their sum.
const LEDGER: TableDefinition<'_, (), (u64, i64)> = TableDefinition::new("ledger");

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let database = Database::create(&options.store)?;
    let transaction = database.begin_write()?;
    let (count, _) = transaction.open_table(LEDGER)?.get(())?.map_or((0, 0), |entry| entry.value());
    transaction.open_table(SESSION)?;
    transaction.commit()?;
    let mut ledger = Ledger { count, options, client: restore(&database)?, database };
    while ledger.count < ledger.options.until {
        match ledger.serve() {
            Ok(()) => {}
            // The network has failed; anything else is worth ending for.
            Err(error) if error.is::<std::io::Error>() => eprintln!("{error}"),
            Err(error) => return Err(error),
        }
        ledger.client.handle_closed(now());
        ledger.turn()?;
        #[expect(clippy::disallowed_methods, reason = "the program may wait, the core may not")]
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn restore(database: &Database) -> Result<Client, Box<dyn Error>> {
    let config = ClientConfig { durable: true, manual_acknowledgement: true, ..ClientConfig::default() };
    let table = database.begin_read()?.open_table(SESSION)?;
    let records = table
        .range::<&[u8]>(..)?
        .map(|record| record.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())));
    Ok(Client::restore(config, records.collect::<Result<Vec<_>, _>>()?)?)
}

struct Ledger {
    options: Options,
    database: Database,
    client: Client,
    count: u64,
}

impl Ledger {
    /// One connection, to its end.
    fn serve(&mut self) -> Result<(), Box<dyn Error>> {
        let mut stream = TcpStream::connect(self.options.server)?;
        stream.set_nodelay(true)?;
        let connect = ConnectOptions {
            client_id: "ledger".into(),
            clean_start: false,
            session_expiry_interval: u32::MAX,
            ..ConnectOptions::new(ProtocolVersion::V5_0)
        };
        self.client.connect(now(), connect)?;
        let mut input = BytesMut::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            let received = self.client.handle_input(now(), &mut input);
            // What is written because of a change can be seen once it is stored; what is written may bring further changes.
            self.turn()?;
            if self.client.transmit().has_remaining() {
                let written = stream.write(self.client.transmit().chunk())?;
                self.client.transmit().advance(written);
                continue;
            }
            match received {
                Received::Closed => return Ok(()),
                Received::Paused => continue,
                Received::NeedData(_) => {}
            }
            let wait = self.client.poll_timeout().map(|(at, _)| at.duration_since(now()));
            stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(len) => input.extend_from_slice(&buffer[..len]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.client.handle_timeout(now());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Everything the client has to say, in one transaction. The changes come last, and are those of all messages before.
    fn turn(&mut self) -> Result<(), Box<dyn Error>> {
        let Some(mut event) = self.client.poll_event() else { return Ok(()) };
        let transaction = self.database.begin_write()?;
        let mut persisted = None;
        loop {
            match event {
                Event::Connected(_) => {
                    let request = SubscribeRequest::new([(self.options.topic.as_str(), QoS::ExactlyOnce)])?;
                    self.client.subscribe(now(), request).map_err(|rejected| rejected.reason)?;
                }
                Event::Message(received) => {
                    // A message whose connection has ended comes again.
                    let is_ours = received.ack.is_none_or(|ack| self.client.acknowledge(now(), ack).is_ok());
                    if is_ours {
                        self.count = enter(&transaction, &received.message)?;
                    }
                }
                Event::Persist(persist) => {
                    for change in &persist.changes {
                        apply(&transaction, change)?;
                    }
                    persisted = Some(persist.seq);
                }
                Event::Subscribed { outcome, .. } => match outcome.reasons() {
                    [reason] if !reason.is_error() => println!("listening to {}", self.options.topic),
                    refused => return Err(format!("no subscription: {refused:?}").into()),
                },
                Event::Disconnected(why) if !why.is_requested() => eprintln!("{why}"),
                _ => {}
            }
            match self.client.poll_event() {
                Some(next) => event = next,
                None => break,
            }
        }
        transaction.commit()?;
        if let Some(seq) = persisted {
            self.client.handle_persisted(now(), seq);
        }
        if self.count >= self.options.until {
            self.client.disconnect(now(), DisconnectReason::NormalDisconnection);
        }
        Ok(())
    }
}

/// Enters a number into the ledger; how many there are now.
fn enter(transaction: &WriteTransaction, message: &Message) -> Result<u64, Box<dyn Error>> {
    let number = std::str::from_utf8(message.payload()).ok().and_then(|text| text.trim().parse::<i64>().ok());
    let mut table = transaction.open_table(LEDGER)?;
    let (count, sum) = table.get(())?.map_or((0, 0), |entry| entry.value());
    let Some(number) = number else {
        eprintln!("no number: {:?}", message.payload());
        return Ok(count);
    };
    let (count, sum) = (count + 1, sum.wrapping_add(number));
    table.insert((), (count, sum))?;
    println!("{count} numbers, {sum} in all");
    Ok(count)
}

fn apply(transaction: &WriteTransaction, change: &Change) -> Result<(), Box<dyn Error>> {
    let mut table = transaction.open_table(SESSION)?;
    match change {
        Change::Put { key, value } => {
            table.insert(&key[..], &value.to_vec()[..])?;
        }
        Change::Remove { key } => {
            table.remove(&key[..])?;
        }
        // The keys of a client are short, and so is this loop.
        Change::RemoveAll { prefix } => {
            table.retain_in(&prefix[..].., |key, _| !key.starts_with(prefix))?;
        }
    }
    Ok(())
}

/// Unix time, so that what is stored about time is true in the next run.
fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the program is where the time comes from")]
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
