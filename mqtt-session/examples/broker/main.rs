//! An MQTT broker for 3.1, 3.1.1 and 5.0 on one port: [`mqtt_session::Broker`] driven by tokio.
//!
//! One task a connection, one lock around the broker. A turn of a connection is one read, whatever that makes the broker
//! do, and one write for all of it. With a store, a thread beside them puts on the disk what must not be lost; answers that
//! depend on it wait.
//!
//! `cargo run --release -p mqtt-session --example broker -- --listen 127.0.0.1:1883 --store broker.redb`

mod store;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::{Buf, Bytes, BytesMut};
use clap::Parser;
use mqtt_session::{
    Action, AllowAll, Broker, BrokerConfig, ConnectionId, Instant, Notice, Persist, Received,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::store::Store;

/// An MQTT broker for 3.1, 3.1.1 and 5.0.
#[derive(Parser)]
struct Options {
    /// Address and port to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:1883")]
    listen: SocketAddr,
    /// Connections at a time; more wait until one ends.
    #[arg(long, default_value_t = 10_000)]
    max_connections: usize,
    /// The file that keeps Sessions, subscriptions, queues and retained messages; without it they are in memory only.
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

/// Room for one read, at least and at most.
const READ_SIZE: usize = 16 * 1024;
const LARGEST_READ: usize = 256 * 1024;

/// How long a connection may take to send its last bytes.
const CLOSING_GRACE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let store = options.store.as_deref().map(Store::open).transpose()?;
    let hub = Arc::new(Hub::new(store.as_ref())?);
    let storing = store.map(|store| {
        std::thread::spawn({
            let hub = Arc::clone(&hub);
            move || hub.keep_storing(&store)
        })
    });
    let listener = TcpListener::bind(options.listen).await?;
    println!("listening on {}", listener.local_addr()?);

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < options.max_connections => match accepted {
                Ok((stream, _)) => { connections.spawn(serve(Arc::clone(&hub), stream)); }
                // Out of file descriptors, most likely: the connections that end will give some back.
                Err(error) => { eprintln!("accept: {error}"); tokio::time::sleep(Duration::from_millis(100)).await; }
            },
            Some(_) = connections.join_next() => {}
            () = hub.timer() => {}
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    drop(listener);
    hub.with(|core, now| core.broker.shut_down(now));
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSING_GRACE, drained).await.is_err() {
        connections.shutdown().await;
    }
    hub.core().is_stopping = true;
    hub.to_store.notify_one();
    match storing.map(std::thread::JoinHandle::join) {
        Some(Err(_)) => Err("the store has failed".into()),
        Some(Ok(())) | None => Ok(()),
    }
}

/// The broker and what its connections wait for.
struct Hub {
    /// When the program began, by two clocks. The broker is told Unix time, which deadlines in the store are of.
    epoch: tokio::time::Instant,
    epoch_unix: Duration,
    core: Mutex<Core>,
    /// There is something to be stored.
    to_store: Condvar,
    /// The broker's next deadline has come closer.
    rearm: Notify,
}

struct Core {
    broker: Broker<AllowAll>,
    peers: BTreeMap<ConnectionId, Peer>,
    /// The deadline the timer sleeps for.
    armed: Option<Instant>,
    /// What is to be stored.
    unstored: Vec<Persist>,
    is_stopping: bool,
}

/// What a connection's task has to know from others.
struct Peer {
    wake: Arc<Notify>,
    closing: bool,
}

impl Hub {
    fn new(store: Option<&Store>) -> Result<Self, Box<dyn Error>> {
        #[expect(clippy::disallowed_types, reason = "the program is where the random number comes from")]
        let hash_seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), ());
        #[expect(clippy::disallowed_methods, reason = "the program is where the time comes from")]
        let epoch_unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        // Identifiers of an earlier run are not given again.
        let assigned_client_id_prefix = format!("auto-{:x}-", epoch_unix.as_millis());
        let durable = store.is_some();
        let config =
            BrokerConfig { hash_seed, assigned_client_id_prefix, durable, ..BrokerConfig::default() };
        let broker = match store {
            Some(store) => store.restore(instant(epoch_unix), config)?,
            None => Broker::new(config, AllowAll),
        };
        let core =
            Core { broker, peers: BTreeMap::new(), armed: None, unstored: Vec::new(), is_stopping: false };
        Ok(Self {
            epoch: tokio::time::Instant::now(),
            epoch_unix,
            core: Mutex::new(core),
            to_store: Condvar::new(),
            rearm: Notify::new(),
        })
    }

    fn now(&self) -> Instant {
        instant(self.epoch_unix + self.epoch.elapsed())
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The work of the storing thread.
    fn keep_storing(&self, store: &Store) {
        loop {
            let transactions = {
                let idle = |core: &mut Core| core.unstored.is_empty() && !core.is_stopping;
                let mut core =
                    self.to_store.wait_while(self.core(), idle).unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut core.unstored)
            };
            if transactions.is_empty() {
                return;
            }
            match store.store(&transactions) {
                Ok(Some(seq)) => self.with(|core, now| core.broker.handle_persisted(now, seq)),
                Ok(None) => {}
                Err(error) => {
                    // Nothing that depends on the store can be promised any more.
                    eprintln!("the store has failed: {error}");
                    std::process::exit(1);
                }
            }
        }
    }

    /// Does something with the broker, then tells the connections what came of it.
    fn with<T>(&self, act: impl FnOnce(&mut Core, Instant) -> T) -> T {
        let (result, notices) = self.with_lock(act);
        // Standard error may be slow, or gone.
        for notice in notices {
            let _ = writeln!(std::io::stderr(), "{notice}");
        }
        result
    }

    fn with_lock<T>(&self, act: impl FnOnce(&mut Core, Instant) -> T) -> (T, Vec<Notice>) {
        let mut core = self.core();
        let result = act(&mut core, self.now());
        let notices = core.spread_actions();
        if !core.unstored.is_empty() {
            self.to_store.notify_one();
        }
        let next = core.broker.poll_timeout();
        if next.is_some_and(|next| core.armed.is_none_or(|armed| next < armed)) {
            self.rearm.notify_one();
        }
        (result, notices)
    }

    /// Sleeps until the broker's next deadline and handles it.
    async fn timer(&self) {
        let deadline = self.with(|core, _| {
            core.armed = core.broker.poll_timeout();
            core.armed
        });
        let Some(deadline) = deadline else { return self.rearm.notified().await };
        tokio::select! {
            () = tokio::time::sleep_until(self.epoch + deadline.duration_since(instant(self.epoch_unix))) => {
                self.with(|core, now| core.broker.handle_timeout(now));
            }
            () = self.rearm.notified() => {}
        }
    }
}

impl Core {
    fn spread_actions(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        while let Some(action) = self.broker.poll_action() {
            match action {
                Action::Transmit(connection) | Action::Resume(connection) => {
                    if let Some(peer) = self.peers.get(&connection) {
                        peer.wake.notify_one();
                    }
                }
                Action::Close(connection) => {
                    if let Some(peer) = self.peers.get_mut(&connection) {
                        peer.closing = true;
                        peer.wake.notify_one();
                    }
                }
                Action::Notice(notice) => notices.push(notice),
                Action::Persist(persist) => self.unstored.push(persist),
                _ => {}
            }
        }
        notices
    }
}

fn instant(since_epoch: Duration) -> Instant {
    Instant::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// Serves one connection to its end.
async fn serve(hub: Arc<Hub>, stream: TcpStream) {
    let wake = Arc::new(Notify::new());
    let connection = hub.with(|core, now| {
        let connection = core.broker.open(now);
        core.peers.insert(connection, Peer { wake: Arc::clone(&wake), closing: false });
        connection
    });
    // An error of the transport ends the connection, as its peer's closing does.
    let _ = exchange(&hub, connection, &wake, stream).await;
    hub.with(|core, now| {
        core.broker.handle_closed(now, connection);
        core.peers.remove(&connection);
    });
}

async fn exchange(
    hub: &Hub,
    connection: ConnectionId,
    wake: &Notify,
    mut stream: TcpStream,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.split();
    let mut input = BytesMut::new();
    let mut output = Bytes::new();
    loop {
        let (received, closing) = hub.with(|core, now| {
            let received = core.broker.handle_input(now, connection, &mut input);
            if let Some(transmit) = core.broker.transmit(connection)
                && !output.has_remaining()
            {
                output = transmit.pop().unwrap_or_default();
            }
            (received, core.peers.get(&connection).is_none_or(|peer| peer.closing))
        });
        let wanted = match received {
            Received::Closed => break,
            _ if closing => break,
            Received::NeedData(hint) => Some(hint),
            Received::Paused => None,
        };
        if input.is_empty() && input.capacity() > READ_SIZE {
            // A large packet is over; idle connections keep little.
            input = BytesMut::new();
        }
        // The hint is what the peer claims: memory is taken as bytes arrive.
        input.reserve(wanted.unwrap_or_default().clamp(READ_SIZE, LARGEST_READ));
        tokio::select! {
            written = write.write_buf(&mut output), if output.has_remaining() => { written?; }
            // The peer may have closed its half only, and wait for answers.
            len = read.read_buf(&mut input), if wanted.is_some() => if len? == 0 { break },
            () = wake.notified() => {}
        }
    }
    let flush = async {
        loop {
            write.write_all_buf(&mut output).await?;
            let (next, held) = hub.with(|core, _| {
                core.broker
                    .transmit(connection)
                    .map_or((None, 0), |transmit| (transmit.pop(), transmit.held()))
            });
            match next {
                Some(next) => output = next,
                None if held > 0 => wake.notified().await,
                None => break write.shutdown().await,
            }
        }
    };
    // Some peers do not read.
    tokio::time::timeout(CLOSING_GRACE, flush).await?
}
