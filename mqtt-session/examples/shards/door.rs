//! Where connections come in: each is looked at until it has sent its CONNECT, which says whose it is.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use mqtt_session::codec::{Decoder, Packet};

use crate::Common;
use crate::shard::{ASSIGNED, MAXIMUM_CONNECT_SIZE, Mailbox, Order};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);

/// How long a CONNECT may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is seen who has been too slow, and whether there is room for more.
const ROUND: Duration = Duration::from_millis(250);

pub(crate) struct Door {
    poll: Poll,
    waker: Arc<Waker>,
    listener: TcpListener,
    maximum: usize,
    waiting: BTreeMap<Token, Waiting>,
    next: usize,
    mailboxes: Vec<Mailbox>,
    common: Arc<Common>,
    #[expect(clippy::disallowed_types, reason = "the program is where the random number comes from")]
    hasher: std::hash::RandomState,
}

/// A connection without CONNECT.
struct Waiting {
    stream: TcpStream,
    input: BytesMut,
    since: Instant,
}

/// What the first bytes of a connection say of it.
enum Told {
    /// Nothing yet.
    Nothing,
    /// Its Client Identifier.
    ClientId(String),
    /// No CONNECT comes: any broker knows what to do.
    Other,
}

impl Door {
    pub(crate) fn open(
        address: SocketAddr,
        maximum: usize,
        mailboxes: Vec<Mailbox>,
        common: Arc<Common>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut listener = TcpListener::bind(address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        #[expect(clippy::disallowed_types, reason = "the program is where the random number comes from")]
        let hasher = std::hash::RandomState::new();
        let waiting = BTreeMap::new();
        Ok(Self { poll, waker, listener, maximum, waiting, next: WAKER.0 + 1, mailboxes, common, hasher })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub(crate) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Until the program is to stop, or one of its threads has failed: the others would wait for it for ever.
    #[expect(clippy::disallowed_methods, reason = "the program is where the time comes from")]
    pub(crate) fn run<T>(&mut self, threads: &[JoinHandle<T>]) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        while !self.common.is_stopping.load(Ordering::Relaxed) && !threads.iter().any(JoinHandle::is_finished)
        {
            match self.poll.poll(&mut events, Some(ROUND)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = Instant::now();
            for event in &events {
                self.look_at(event.token());
            }
            // Those that were too many before, and those that are too slow.
            self.accept(now);
            let late: Vec<Token> = self
                .waiting
                .iter()
                .filter(|(_, waiting)| now.duration_since(waiting.since) > PATIENCE)
                .map(|(token, _)| *token)
                .collect();
            for token in late {
                self.waiting.remove(&token);
                self.common.connections.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn accept(&mut self, since: Instant) {
        while self.common.connections.load(Ordering::Relaxed) < self.maximum {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    let token = Token(self.next);
                    self.next += 1;
                    let interest = Interest::READABLE;
                    if self.poll.registry().register(&mut stream, token, interest).is_ok() {
                        self.common.connections.fetch_add(1, Ordering::Relaxed);
                        self.waiting.insert(token, Waiting { stream, input: BytesMut::new(), since });
                    }
                }
                Err(error) => {
                    // Out of file descriptors, most likely: the connections that end will give some back.
                    if error.kind() != ErrorKind::WouldBlock {
                        eprintln!("accept: {error}");
                    }
                    return;
                }
            }
        }
    }

    /// A connection may have sent something.
    fn look_at(&mut self, token: Token) {
        let Some(waiting) = self.waiting.get_mut(&token) else { return };
        let shard = match waiting.read() {
            Told::Nothing => return,
            Told::ClientId(client_id) => self.shard_of(&client_id, token),
            Told::Other => token.0 % self.mailboxes.len(),
        };
        let Some(Waiting { mut stream, input, .. }) = self.waiting.remove(&token) else { return };
        let is_gone = self.poll.registry().deregister(&mut stream).is_err();
        if is_gone || !self.mailboxes[shard].send(Order::Connection { stream, input }) {
            self.common.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The broker of a Client: the one that assigned its identifier, or that the hash of the identifier says.
    fn shard_of(&self, client_id: &str, token: Token) -> usize {
        let assigned = client_id.strip_prefix(ASSIGNED).and_then(|rest| rest.split('-').next()?.parse().ok());
        let number: usize = match assigned {
            Some(number) => number,
            // It gets an identifier from any.
            None if client_id.is_empty() => token.0,
            None => usize::try_from(self.hasher.hash_one(client_id) >> 33).unwrap_or_default(),
        };
        number % self.mailboxes.len()
    }
}

impl Waiting {
    fn read(&mut self) -> Told {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Told::Other,
                Ok(len) => self.input.extend_from_slice(&chunk[..len]),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Told::Nothing,
                Err(_) => return Told::Other,
            }
            let mut decoder = Decoder::server();
            decoder.set_maximum_packet_size(MAXIMUM_CONNECT_SIZE);
            match decoder.decode(&self.input) {
                Ok(None) => {}
                Ok(Some((Packet::Connect(connect), _))) => {
                    return Told::ClientId(connect.fields().client_id.to_owned());
                }
                Ok(Some(_)) | Err(_) => return Told::Other,
            }
        }
    }
}
