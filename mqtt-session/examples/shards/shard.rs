//! A broker, its connections, and what it hears from the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime};

use bytes::{Buf, Bytes, BytesMut};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use mqtt_session::{
    Action, AllowAll, Broker, BrokerConfig, ConnectionId, Instant, Message, Received, Transmit,
};

use crate::Common;

/// What the Client Identifiers begin with that are assigned; the number of the broker follows.
pub(crate) const ASSIGNED: &str = "auto-";

const WAKER: Token = Token(0);

/// The largest CONNECT, in bytes: no broker takes one that the door has not understood.
pub(crate) const MAXIMUM_CONNECT_SIZE: u32 = 65_535;

/// As many orders may wait for a broker, and it follows so many at a time.
const MAILBOX: usize = 256;

/// Bytes of one read.
const READ_SIZE: usize = 64 * 1024;

/// How long a broker waits whose orders find no room.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) enum Order {
    /// A connection is yours, and this is what it has sent.
    Connection { stream: TcpStream, input: BytesMut },
    /// A Client of the broker with this number has published this.
    Message { from: usize, message: Arc<Message> },
}

/// How to reach a broker.
#[derive(Clone)]
pub(crate) struct Mailbox {
    orders: SyncSender<Order>,
    waker: Arc<Waker>,
}

impl Mailbox {
    pub(crate) fn wake(&self) {
        // It fails for want of memory only, and then a broker is late.
        let _ = self.waker.wake();
    }

    /// Waits for room; `false`: nobody is there any more.
    pub(crate) fn send(&self, order: Order) -> bool {
        let is_sent = self.orders.send(order).is_ok();
        self.wake();
        is_sent
    }

    /// Gives the order back if there is no room; otherwise the broker is to be woken.
    fn offer(&self, order: Order) -> Result<(), Order> {
        match self.orders.try_send(order) {
            Err(TrySendError::Full(order)) => Err(order),
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }
}

pub(crate) struct Shard {
    number: usize,
    broker: Broker<AllowAll>,
    poll: Poll,
    orders: Receiver<Order>,
    peers: BTreeMap<ConnectionId, Peer>,
    /// Connections by the token of their socket.
    tokens: BTreeMap<Token, ConnectionId>,
    next: usize,
    /// Connections that have something to do.
    ready: BTreeSet<ConnectionId>,
    /// What the others are still to hear. While there is any, no input is looked at.
    outbox: VecDeque<(usize, Order)>,
    /// How many messages the others were to hear, and how many all of them have heard.
    told: u64,
    heard: u64,
    /// Connections with answers to messages that not all have heard.
    held: BTreeSet<ConnectionId>,
    /// Room for one read.
    chunk: Box<[u8]>,
    common: Arc<Common>,
    /// When the broker began, by two clocks.
    epoch: std::time::Instant,
    epoch_unix: Duration,
}

struct Peer {
    stream: TcpStream,
    token: Token,
    input: BytesMut,
    output: Bytes,
    /// There may be something to read.
    is_readable: bool,
    is_closing: bool,
    /// Nothing is read or written until all have heard so many messages. So who publishes, and has an answer, finds the message
    /// retained on all threads.
    awaits: u64,
}

impl Shard {
    #[expect(clippy::disallowed_types, reason = "the program is where the random number comes from")]
    #[expect(clippy::disallowed_methods, reason = "the program is where the time comes from")]
    pub(crate) fn new(number: usize, common: Arc<Common>) -> io::Result<(Mailbox, Self)> {
        let epoch_unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let config = BrokerConfig {
            hash_seed: std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), ()),
            assigned_client_id_prefix: format!("{ASSIGNED}{number}-{:x}-", epoch_unix.as_millis()),
            maximum_connect_size: MAXIMUM_CONNECT_SIZE,
            tell_published: true,
            shared_subscription_available: false,
            ..BrokerConfig::default()
        };
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, orders) = sync_channel(MAILBOX);
        let shard = Self {
            number,
            broker: Broker::new(config, AllowAll),
            poll,
            orders,
            peers: BTreeMap::new(),
            tokens: BTreeMap::new(),
            next: WAKER.0 + 1,
            ready: BTreeSet::new(),
            outbox: VecDeque::new(),
            told: 0,
            heard: 0,
            held: BTreeSet::new(),
            chunk: vec![0; READ_SIZE].into(),
            common,
            epoch: std::time::Instant::now(),
            epoch_unix,
        };
        Ok((Mailbox { orders: sender, waker }, shard))
    }

    fn now(&self) -> Instant {
        let since = self.epoch_unix + self.epoch.elapsed();
        Instant::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn run(mut self, mailboxes: &[Mailbox]) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.common.is_stopping.load(Ordering::Relaxed) {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                let Some(connection) = self.tokens.get(&event.token()) else { continue };
                let Some(peer) = self.peers.get_mut(connection) else { continue };
                peer.is_readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                self.ready.insert(*connection);
            }
            self.broker.handle_timeout(self.now());
            self.act(mailboxes);
            self.follow_orders(mailboxes);
            let heard = self.common.heard_from(self.number);
            if heard > self.heard {
                self.heard = heard;
                self.ready.append(&mut self.held);
            }
            for connection in std::mem::take(&mut self.ready) {
                self.turn(connection, mailboxes);
            }
        }
        self.broker.shut_down(self.now());
        self.act(mailboxes);
        for connection in std::mem::take(&mut self.ready) {
            self.turn(connection, mailboxes);
        }
        Ok(())
    }

    /// How long there is nothing to do, should nothing come.
    fn timeout(&self) -> Option<Duration> {
        if !self.outbox.is_empty() {
            return Some(PAUSE);
        }
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        self.broker.poll_timeout().map(|at| at.duration_since(self.now()))
    }

    fn follow_orders(&mut self, mailboxes: &[Mailbox]) {
        let orders: Vec<Order> = self.orders.try_iter().take(MAILBOX).collect();
        if orders.len() == MAILBOX {
            // There may be more.
            mailboxes[self.number].wake();
        }
        let mut heard = BTreeSet::new();
        for order in orders {
            match order {
                Order::Connection { stream, input } => self.connect(stream, input),
                Order::Message { from, message } => {
                    self.broker.publish(self.now(), &message);
                    self.act(mailboxes);
                    self.common.heard[self.number][from].fetch_add(1, Ordering::Release);
                    heard.insert(from);
                }
            }
        }
        for from in heard {
            mailboxes[from].wake();
        }
    }

    fn connect(&mut self, mut stream: TcpStream, input: BytesMut) {
        let token = Token(self.next);
        self.next += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(&mut stream, token, interest);
        if registered.and_then(|()| stream.set_nodelay(true)).is_err() {
            self.common.connections.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let connection = self.broker.open(self.now());
        let peer = Peer {
            stream,
            token,
            input,
            output: Bytes::new(),
            is_readable: true,
            is_closing: false,
            awaits: 0,
        };
        self.peers.insert(connection, peer);
        self.tokens.insert(token, connection);
        self.ready.insert(connection);
    }

    /// One write of what was held back, one offer of the input, one write of all there is, one read; none of it while not all have
    /// heard what it published before.
    fn turn(&mut self, connection: ConnectionId, mailboxes: &[Mailbox]) {
        let now = self.now();
        let told = self.told;
        let Some(peer) = self.peers.get_mut(&connection) else { return };
        if self.heard < peer.awaits && !peer.is_closing {
            self.held.insert(connection);
            return;
        }
        // Before the input, which may have it held back again: who never stops to publish is answered too.
        if peer.write(&mut self.broker, connection).is_err() {
            self.close(connection);
            return self.act(mailboxes);
        }
        let received = if self.outbox.is_empty() {
            self.broker.handle_input(now, connection, &mut peer.input)
        } else {
            self.ready.insert(connection);
            Received::Paused
        };
        self.act(mailboxes);
        let Some(peer) = self.peers.get_mut(&connection) else { return };
        if self.told > told {
            peer.awaits = self.told;
        }
        let is_over = peer.is_closing || matches!(received, Received::Closed);
        let is_wanted = !is_over && peer.is_readable && matches!(received, Received::NeedData(_));
        let mut outcome = Ok(false);
        if self.heard < peer.awaits && !is_over {
            // Nor is it seen that the input has ended, before it is answered.
            self.held.insert(connection);
        } else {
            outcome = peer.write(&mut self.broker, connection).map(|()| false);
            if is_wanted && outcome.is_ok() {
                outcome = peer.read(&mut self.chunk);
            }
        }
        match outcome {
            Ok(may_be_more) if !is_over => {
                if may_be_more {
                    self.ready.insert(connection);
                }
            }
            Ok(_) | Err(_) => self.close(connection),
        }
        self.act(mailboxes);
    }

    fn close(&mut self, connection: ConnectionId) {
        let Some(mut peer) = self.peers.remove(&connection) else { return };
        self.tokens.remove(&peer.token);
        // The system closes what cannot be deregistered.
        let _ = self.poll.registry().deregister(&mut peer.stream);
        self.broker.handle_closed(self.now(), connection);
        self.common.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Does what the broker wants done, as far as there is room.
    fn act(&mut self, mailboxes: &[Mailbox]) {
        while let Some(action) = self.broker.poll_action() {
            match action {
                Action::Transmit(connection) | Action::Resume(connection) => {
                    self.ready.insert(connection);
                }
                Action::Close(connection) => {
                    if let Some(peer) = self.peers.get_mut(&connection) {
                        peer.is_closing = true;
                        self.ready.insert(connection);
                    }
                }
                Action::Published { message, .. } => {
                    let others = (0..mailboxes.len()).filter(|other| *other != self.number);
                    let order =
                        |other| (other, Order::Message { from: self.number, message: Arc::clone(&message) });
                    self.outbox.extend(others.map(order));
                    self.told += 1;
                }
                Action::Notice(notice) => _ = writeln!(io::stderr(), "{notice}"),
                _ => {}
            }
        }
        let mut reached = BTreeSet::new();
        while let Some((other, order)) = self.outbox.pop_front() {
            if let Err(order) = mailboxes[other].offer(order) {
                self.outbox.push_front((other, order));
                break;
            }
            reached.insert(other);
        }
        for other in reached {
            mailboxes[other].wake();
        }
    }
}

impl Peer {
    /// Writes until there is nothing left or no room.
    fn write(&mut self, broker: &mut Broker<AllowAll>, connection: ConnectionId) -> io::Result<()> {
        loop {
            if self.output.is_empty() {
                let Some(next) = broker.transmit(connection).and_then(Transmit::pop) else {
                    return Ok(());
                };
                self.output = next;
            }
            match self.stream.write(&self.output) {
                Ok(len) => self.output.advance(len),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads once; whether there was something.
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<bool> {
        if self.input.is_empty() && self.input.capacity() > chunk.len() {
            // A large packet is over; idle connections keep little.
            self.input = BytesMut::new();
        }
        match self.stream.read(chunk) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => {
                self.input.extend_from_slice(&chunk[..len]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.is_readable = false;
                Ok(false)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }
}
