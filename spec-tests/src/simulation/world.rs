//! The machines, their links and the clock: drives them as the contract of the crate says a driver has to.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::RetainHandling;
use mqtt_session::codec::{DisconnectReason, ProtocolVersion, PublishReason, QoS, SubscriptionOptions};
use mqtt_session::{
    AckToken, Action, AllowAll, Broker, BrokerConfig, Client, ClientConfig, ConnectOptions, ConnectionId,
    DisconnectRequest, Disconnected, Event, Instant, Message, Persist, PersistSeq, Received, RejectReason,
    StoredState, SubscribeRequest, Timer, Transmit, UnsubscribeRequest, Violation as ServerViolation, Will,
};

use super::choices::Random;
use super::link::{Arrival, Character, Pipe};
use super::model::Model;
use super::plan::{
    BrokerPlan, ClientPlan, Direction, FILTERS, Operation, Plan, SHARED_FILTER, Step, TOPICS, WILL_TOPIC,
};
use super::wire::payload;
use super::{PINGRESP_TIMEOUT, Violation, check};

/// The largest packet there is, and something for what a machine has to say besides.
const SLACK: usize = 2_600;

/// Everything.
#[derive(Debug)]
pub struct World {
    /// The machine under test.
    pub broker: Broker,
    /// The machines under test.
    pub hosts: Vec<Host>,
    /// All connections, by number.
    links: Vec<Link>,
    /// Those of which an end is open.
    live: Vec<usize>,
    /// The oracle.
    pub model: Model,
    store: Store,
    seed: u64,
    broker_plan: BrokerPlan,
    crashes: usize,
    cuts: usize,
    is_plain: bool,
    has_narrow_links: bool,
    /// How often a machine was given something: bytes, time, a call of its application.
    pub inputs: u64,
}

/// A Client, and the application around it.
#[derive(Debug)]
pub struct Host {
    /// The machine under test.
    pub client: Client,
    plan: ClientPlan,
    link: Option<usize>,
    acks: Vec<Ack>,
    is_over: bool,
    /// The Server has a Session that this Client has no state of.
    must_clean: bool,
    store: Store,
}

/// Stable storage of one machine.
#[derive(Debug, Default)]
struct Store {
    state: StoredState,
    /// What is to be stored, and when it will be.
    pending: VecDeque<(u64, Persist)>,
    /// How many transactions have been told.
    told: usize,
}

impl Store {
    fn take(&mut self, now: u64, delay: u16, persist: Persist) {
        let at = self.pending.back().map_or(0, |(at, _)| *at).max(now + u64::from(delay));
        self.pending.push_back((at, persist));
        self.told += 1;
    }

    fn next_at(&self) -> Option<u64> {
        self.pending.front().map(|(at, _)| *at)
    }

    fn store(&mut self) -> Option<PersistSeq> {
        let (_, Persist { seq, changes }) = self.pending.pop_front()?;
        self.state.apply(&changes);
        Some(seq)
    }
}

#[derive(Debug)]
struct Ack {
    token: AckToken,
    wire: usize,
    id: u16,
    number: u32,
}

#[derive(Debug)]
struct Link {
    client: usize,
    id: ConnectionId,
    pipes: [Pipe; 2],
    arrived: [BytesMut; 2],
    is_paused: [bool; 2],
    /// Of the Client's and the Server's transport.
    is_open: [bool; 2],
    broker_writes: bool,
}

/// Which end of a link is meant, by the direction that leads to it.
const SERVER: usize = Direction::Up as usize;
const CLIENT: usize = Direction::Down as usize;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Arrival(usize, Direction),
    Client(usize),
    Broker,
    ClientStore(usize),
    BrokerStore,
}

impl World {
    /// The machines of a plan, before anything happens.
    pub fn new(plan: &Plan, with_lines: bool) -> Self {
        Self {
            broker: Broker::new(broker_config(&plan.broker), AllowAll),
            hosts: plan.clients.iter().map(|plan| Host::new(*plan)).collect(),
            links: Vec::new(),
            live: Vec::new(),
            model: Model::new(plan.broker, &plan.clients, with_lines),
            store: Store::default(),
            seed: plan.seed,
            broker_plan: plan.broker,
            crashes: 0,
            cuts: 0,
            is_plain: false,
            has_narrow_links: plan.has_narrow_links,
            inputs: 0,
        }
    }

    /// Links without any delay and limit.
    pub const fn with_plain_links(mut self) -> Self {
        self.is_plain = true;
        self
    }

    /// Does what the plan says, waits until all is quiet, and asks the oracle.
    pub fn run(&mut self, plan: &Plan) -> Result<(), Violation> {
        for step in &plan.steps {
            let done = self.step(step);
            if self.model.is_void() {
                return Ok(());
            }
            done?;
        }
        let done = self.finish();
        if self.model.is_void() { Ok(()) } else { done }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.model.now)
    }

    /// One step of a plan.
    pub fn step(&mut self, step: &Step) -> Result<(), Violation> {
        self.pass(u64::from(step.wait))?;
        self.act(usize::from(step.client), step.operation)
    }

    /// An operation without any time before it.
    pub fn act(&mut self, client: usize, operation: Operation) -> Result<(), Violation> {
        self.operate(client, operation)?;
        self.settle()
    }

    fn operate(&mut self, client: usize, operation: Operation) -> Result<(), Violation> {
        let now = self.model.now;
        match operation {
            Operation::Publish { topic, qos, retain, expiry, size } => {
                self.publish(client, topic, qos, retain, expiry.map(u32::from), usize::from(size))
            }
            Operation::Subscribe { filter, qos, no_local, retained } => {
                self.subscribe(client, filter, qos, no_local, retained)
            }
            Operation::Unsubscribe { filter } => self.unsubscribe(client, filter),
            Operation::Acknowledge { pick, refuse } => self.acknowledge(client, usize::from(pick), refuse),
            Operation::Connect { clean_start } => self.connect(client, clean_start),
            Operation::Disconnect { expiry } => {
                self.inputs += 1;
                let now = Instant::from_millis(now);
                let host = &mut self.hosts[client];
                match expiry.map(u32::from) {
                    Some(expiry) if host.client.limits().is_some() => {
                        let request = DisconnectRequest {
                            session_expiry_interval: Some(expiry),
                            ..DisconnectRequest::new(DisconnectReason::NormalDisconnection)
                        };
                        if host.client.disconnect_with(now, &request).is_ok() {
                            self.model.prolonged(client, expiry);
                        }
                    }
                    _ => host.client.disconnect(now, DisconnectReason::NormalDisconnection),
                }
                Ok(())
            }
            Operation::Cut => {
                if let Some(link) = self.hosts[client].link {
                    self.cut(link);
                }
                Ok(())
            }
            Operation::ClientLeaves { told } => self.client_leaves(client, told),
            Operation::ServerLeaves { told } => self.server_leaves(client, told),
            Operation::CutAfter { direction, bytes } => {
                if let Some(link) = self.hosts[client].link {
                    self.links[link].pipes[direction as usize].cut_after = Some(usize::from(bytes));
                }
                Ok(())
            }
            Operation::HalfClose { direction } => {
                if let Some(link) = self.hosts[client].link {
                    self.links[link].pipes[direction as usize].close(now, 0);
                }
                Ok(())
            }
            Operation::Stall { direction, millis } => {
                if let Some(link) = self.hosts[client].link {
                    self.links[link].pipes[direction as usize].stalled_until = now + u64::from(millis);
                }
                Ok(())
            }
            Operation::Jump { seconds, timers_first } => self.jump(seconds, timers_first),
            Operation::ServerPublish { topic, qos } => self.server_publish(topic, qos),
            Operation::CrashClient { stored } => {
                let pending = self.hosts[client].store.pending.len();
                self.crash_client(client, usize::from(stored) % (pending + 1))
            }
            Operation::CrashServer { stored } => {
                self.crash_server(usize::from(stored) % (self.store.pending.len() + 1))
            }
            Operation::Pass => Ok(()),
        }
    }

    fn publish(
        &mut self,
        client: usize,
        topic: u8,
        qos: QoS,
        retain: bool,
        expiry: Option<u32>,
        size: usize,
    ) -> Result<(), Violation> {
        let now = self.now();
        let host = &mut self.hosts[client];
        let is_v5 = host.plan.version == ProtocolVersion::V5_0;
        // In 3.x a Client cannot know what is too large for its Server, and its user has to.
        let size = if is_v5 { size } else { size.min(self.broker_plan.packet_size as usize - 60) };
        // Only 5.0 carries it, and what the Server does not know it does not count down.
        let expiry = expiry.filter(|_| is_v5);
        let number = self.model.next_number();
        let mut message = message(topic, qos, number, size)?.with_retain(retain);
        if let Some(expiry) = expiry {
            message = message.with_expiry(expiry);
        }
        self.inputs += 1;
        let queued = host.client.queued();
        match host.client.publish(now, message) {
            Ok(token) => {
                self.model.make(Some(client), topic, qos, retain, size, expiry);
                self.model.took(client, token, number)
            }
            Err(rejected) => {
                let is_fair = match rejected.reason {
                    RejectReason::QueueFull => {
                        queued >= host.plan.queued_messages || host.plan.queued_bytes < 10_000
                    }
                    RejectReason::PacketTooLarge => size + 60 > self.broker_plan.packet_size as usize,
                    _ => false,
                };
                check(is_fair, || format!("C{client} does not take a message: {}", rejected.reason))
            }
        }
    }

    fn subscribe(
        &mut self,
        client: usize,
        filter: u8,
        qos: QoS,
        no_local: bool,
        retained: bool,
    ) -> Result<(), Violation> {
        let now = self.now();
        let version = self.hosts[client].plan.version;
        let is_shared = filter == SHARED_FILTER;
        if is_shared && version != ProtocolVersion::V5_0 {
            return Ok(());
        }
        let filter = FILTERS[usize::from(filter)];
        // 3.x has no options.
        let options = if version == ProtocolVersion::V5_0 {
            let retain_handling =
                if retained { RetainHandling::SendAtSubscribe } else { RetainHandling::DoNotSend };
            let no_local = no_local && !is_shared;
            SubscriptionOptions { qos, no_local, retain_handling, ..SubscriptionOptions::default() }
        } else {
            SubscriptionOptions::from(qos)
        };
        let request = SubscribeRequest::new([(filter, options)])
            .map_err(|error| Violation::new(format!("{filter} is refused: {error}")))?;
        self.inputs += 1;
        match self.hosts[client].client.subscribe(now, request) {
            Ok(token) => self.model.asked(client, token, true),
            Err(rejected) => check_request(client, rejected.reason),
        }
    }

    fn unsubscribe(&mut self, client: usize, filter: u8) -> Result<(), Violation> {
        let now = self.now();
        let host = &mut self.hosts[client];
        if filter == SHARED_FILTER && host.plan.version != ProtocolVersion::V5_0 {
            return Ok(());
        }
        let filter = FILTERS[usize::from(filter)];
        let request = UnsubscribeRequest::new([filter])
            .map_err(|error| Violation::new(format!("{filter} is refused: {error}")))?;
        self.inputs += 1;
        match host.client.unsubscribe(now, request) {
            Ok(token) => self.model.asked(client, token, false),
            Err(rejected) => check_request(client, rejected.reason),
        }
    }

    fn acknowledge(&mut self, client: usize, pick: usize, refuse: bool) -> Result<(), Violation> {
        let now = self.now();
        let host = &mut self.hosts[client];
        if host.acks.is_empty() {
            return Ok(());
        }
        let Ack { token, wire, id, number } = host.acks.swap_remove(pick % host.acks.len());
        let is_current = host.client.limits().is_some() && host.link == Some(wire);
        let reason = if refuse { PublishReason::QuotaExceeded } else { PublishReason::Success };
        self.inputs += 1;
        let acknowledged = host.client.acknowledge_with(now, token, reason);
        check(acknowledged.is_ok() == is_current, || {
            format!("C{client} acknowledges #{number}: {acknowledged:?}")
        })?;
        if acknowledged.is_ok() {
            self.model.acknowledged(client, wire, id, number, refuse);
        }
        Ok(())
    }

    /// A Client connects, if it has no connection.
    pub fn connect(&mut self, client: usize, clean_start: bool) -> Result<(), Violation> {
        let now = self.now();
        let host = &mut self.hosts[client];
        if host.link.is_some() {
            return Ok(());
        }
        let plan = host.plan;
        let clean_start = clean_start || plan.clean_start || std::mem::take(&mut host.must_clean);
        let will = plan.will.map(|qos| (qos, self.model.make(Some(client), WILL_TOPIC, qos, false, 8, None)));
        let options = ConnectOptions {
            client_id: format!("C{client}"),
            clean_start,
            keep_alive: plan.keep_alive,
            session_expiry_interval: plan.session_expiry,
            receive_maximum: NonZeroU16::new(plan.receive_maximum).unwrap_or(NonZeroU16::MIN),
            maximum_packet_size: plan.packet_size,
            topic_alias_maximum: plan.topic_alias_maximum,
            will: match will {
                Some((qos, number)) => Some(Will::new(message(WILL_TOPIC, qos, number, 8)?)),
                None => None,
            },
            ..ConnectOptions::new(plan.version)
        };
        self.inputs += 2;
        host.client
            .connect(now, options)
            .map_err(|error| Violation::new(format!("cannot connect: {error}")))?;
        let wire = self.model.connects(client, clean_start, will.map(|(_, number)| number));
        let id = self.broker.open(now);
        let mut random = Random::new(self.seed ^ (wire as u64) << 32);
        let character =
            if self.is_plain { Character::PLAIN } else { Character::new(&mut random, self.has_narrow_links) };
        let pipe = |random: &mut Random| Pipe::new(character, Random::new(random.bits()));
        host.link = Some(wire);
        host.is_over = false;
        self.links.push(Link {
            client,
            id,
            pipes: [pipe(&mut random), pipe(&mut random)],
            arrived: [BytesMut::new(), BytesMut::new()],
            is_paused: [false; 2],
            is_open: [true; 2],
            broker_writes: false,
        });
        self.live.push(wire);
        Ok(())
    }

    fn server_publish(&mut self, topic: u8, qos: QoS) -> Result<(), Violation> {
        let number = self.model.make(None, topic, qos, false, 8, None);
        let (count, is_uncertain) = self.model.route(number);
        self.inputs += 1;
        let message = message(topic, qos, number, 8)?;
        let reached = self.broker.publish(self.now(), &message);
        check(reached == count || is_uncertain, || {
            format!("#{number} is for {reached} Sessions instead of {count}")
        })
    }

    /// The link breaks.
    fn cut(&mut self, link: usize) {
        let now = self.model.now;
        self.model.trace.line(now, || format!("link {link} is cut"));
        self.cuts += 1;
        let Link { pipes, is_paused, .. } = &mut self.links[link];
        for pipe in pipes {
            pipe.reset(now, 0);
        }
        // Who does not read learns it when he writes.
        *is_paused = [false; 2];
    }

    fn client_leaves(&mut self, client: usize, told: Option<u16>) -> Result<(), Violation> {
        let Some(link) = self.hosts[client].link else { return Ok(()) };
        let now = self.model.now;
        self.model.trace.line(now, || format!("C{client} gives its connection up"));
        self.client_lost(link)?;
        if let Some(told) = told {
            self.links[link].pipes[SERVER].close(now, u64::from(told));
        }
        self.links[link].pipes[SERVER].is_closed = true;
        Ok(())
    }

    fn server_leaves(&mut self, client: usize, told: Option<u16>) -> Result<(), Violation> {
        let Some(link) = self.hosts[client].link else { return Ok(()) };
        if !self.links[link].is_open[SERVER] {
            return Ok(());
        }
        let now = self.model.now;
        self.model.trace.line(now, || format!("the Server's end of the connection of C{client} is lost"));
        self.server_lost(link)?;
        if let Some(told) = told {
            self.links[link].pipes[CLIENT].close(now, u64::from(told));
        }
        self.links[link].pipes[CLIENT].is_closed = true;
        Ok(())
    }

    fn jump(&mut self, seconds: u16, timers_first: bool) -> Result<(), Violation> {
        self.model.now += u64::from(seconds) * 1_000;
        let now = self.now();
        self.model.trace.line(self.model.now, || format!("the clock has jumped {seconds} s"));
        if timers_first {
            for client in 0..self.hosts.len() {
                self.client_timeout(client)?;
            }
            self.inputs += 1;
            self.broker.handle_timeout(now);
        }
        Ok(())
    }

    /// Time passes, and what is due in it happens.
    pub fn pass(&mut self, millis: u64) -> Result<(), Violation> {
        let end = self.model.now + millis;
        while let Some((at, next)) = self.next()
            && at <= end
        {
            self.model.now = self.model.now.max(at);
            self.happen(next)?;
            self.settle()?;
        }
        self.model.now = end;
        self.live.iter().try_for_each(|link| self.model.check_keep_alive(*link))
    }

    fn next(&self) -> Option<(u64, Next)> {
        let mut first: Option<(u64, Next)> = None;
        let mut consider = |at: u64, next: Next| {
            if first.is_none_or(|(first, _)| at < first) {
                first = Some((at, next));
            }
        };
        for &link in &self.live {
            for direction in Direction::ALL {
                let end = direction as usize;
                let Link { pipes, is_paused, is_open, .. } = &self.links[link];
                if is_open[end]
                    && !is_paused[end]
                    && let Some(at) = pipes[end].next_at()
                {
                    consider(at, Next::Arrival(link, direction));
                }
            }
        }
        for (client, host) in self.hosts.iter().enumerate() {
            if let Some((at, _)) = host.client.poll_timeout() {
                consider(at.as_millis(), Next::Client(client));
            }
        }
        if let Some(at) = self.broker.poll_timeout() {
            consider(at.as_millis(), Next::Broker);
        }
        for (client, host) in self.hosts.iter().enumerate() {
            if let Some(at) = host.store.next_at() {
                consider(at, Next::ClientStore(client));
            }
        }
        if let Some(at) = self.store.next_at() {
            consider(at, Next::BrokerStore);
        }
        first
    }

    fn happen(&mut self, next: Next) -> Result<(), Violation> {
        match next {
            Next::Arrival(link, direction) => {
                let Link { pipes, arrived, .. } = &mut self.links[link];
                match pipes[direction as usize].arrive(&mut arrived[direction as usize]) {
                    None => Ok(()),
                    Some(Arrival::Bytes(_)) => self.offer(link, direction),
                    Some(Arrival::Cut(_)) => {
                        self.offer(link, direction)?;
                        self.settle()?;
                        self.cut(link);
                        Ok(())
                    }
                    Some(Arrival::End) if direction == Direction::Up => {
                        self.server_lost(link)?;
                        self.links[link].pipes[CLIENT].close(self.model.now, 0);
                        Ok(())
                    }
                    Some(Arrival::End) => self.client_lost(link),
                }
            }
            Next::Client(client) => self.client_timeout(client),
            Next::ClientStore(client) => {
                self.client_stores(client);
                Ok(())
            }
            Next::BrokerStore => {
                self.broker_stores();
                Ok(())
            }
            Next::Broker => {
                self.inputs += 1;
                self.broker.handle_timeout(self.now());
                let now = self.now();
                check(
                    self.broker.poll_timeout().is_none_or(|at| at > now),
                    || "the broker's timeout does not move on",
                )
            }
        }
    }

    fn client_stores(&mut self, client: usize) {
        let now = self.now();
        let host = &mut self.hosts[client];
        if let Some(seq) = host.store.store() {
            self.inputs += 1;
            self.model.client_stores(client);
            host.client.handle_persisted(now, seq);
        }
    }

    fn broker_stores(&mut self) {
        if let Some(seq) = self.store.store() {
            self.inputs += 1;
            self.model.server_stores();
            self.broker.handle_persisted(self.now(), seq);
        }
    }

    /// A Client's process ends, and another goes on from what is stored.
    pub fn crash_client(&mut self, client: usize, stored: usize) -> Result<(), Violation> {
        let now = self.model.now;
        self.model.trace.line(now, || format!("C{client} crashes"));
        self.crashes += 1;
        self.inputs += 1;
        let host = &mut self.hosts[client];
        // A program without a store knows that it has lost everything.
        host.must_clean |= !host.plan.durable;
        host.acks.clear();
        host.is_over = false;
        for _ in 0..stored {
            host.store.store();
            self.model.client_stores(client);
        }
        host.store.pending.clear();
        let restored = Client::restore(client_config(&host.plan), host.store.state.records());
        host.client =
            restored.map_err(|error| Violation::new(format!("C{client} cannot be restored: {error}")))?;
        let mut unresolved = Vec::new();
        for (token, message) in host.client.unresolved() {
            let number = message.map(|message| super::wire::number(message.payload())).transpose()?;
            unresolved.push((token, number));
        }
        self.model.client_crashes(client, &unresolved)?;
        if let Some(link) = host.link.take() {
            let Link { pipes, is_open, .. } = &mut self.links[link];
            is_open[CLIENT] = false;
            pipes[CLIENT].is_closed = true;
            pipes[SERVER].close(now, 0);
        }
        Ok(())
    }

    /// The Server's process ends, and another goes on from what is stored.
    pub fn crash_server(&mut self, stored: usize) -> Result<(), Violation> {
        let now = self.model.now;
        self.model.trace.line(now, || "the Server crashes");
        self.crashes += 1;
        self.inputs += 1;
        for _ in 0..stored {
            self.store.store();
            self.model.server_stores();
        }
        self.store.pending.clear();
        self.model.server_crashes()?;
        let config = broker_config(&self.broker_plan);
        let restored = Broker::restore(self.now(), config, AllowAll, self.store.state.records());
        self.broker =
            restored.map_err(|error| Violation::new(format!("the Server cannot be restored: {error}")))?;
        for link in &self.live {
            let Link { pipes, is_open, .. } = &mut self.links[*link];
            if std::mem::replace(&mut is_open[SERVER], false) {
                pipes[SERVER].is_closed = true;
                pipes[CLIENT].close(now, 0);
            }
        }
        Ok(())
    }

    fn client_timeout(&mut self, client: usize) -> Result<(), Violation> {
        let now = self.now();
        self.inputs += 1;
        let machine = &mut self.hosts[client].client;
        if matches!(machine.poll_timeout(), Some((at, Timer::Pingreq)) if at <= now) {
            self.model.pings(client);
        }
        machine.handle_timeout(now);
        check(machine.poll_timeout().is_none_or(|(at, _)| at > now), || {
            format!("the timeout of C{client} does not move on")
        })
    }

    /// Gives what has arrived to the machine it has arrived at.
    fn offer(&mut self, link: usize, direction: Direction) -> Result<(), Violation> {
        let now = self.now();
        let Link { client, id, arrived, is_open, .. } = &mut self.links[link];
        let end = direction as usize;
        let arrived = &mut arrived[end];
        if !is_open[end] {
            arrived.clear();
            return Ok(());
        }
        self.inputs += 1;
        let before = arrived.len();
        let received = match direction {
            Direction::Up => self.broker.handle_input(now, *id, arrived),
            Direction::Down => self.hosts[*client].client.handle_input(now, arrived),
        };
        let consumed = before - arrived.len();
        self.links[link].is_paused[end] = received == Received::Paused;
        check(received != Received::NeedData(0), || "a machine needs no data, and waits for it")?;
        self.model.consumed(link, direction, consumed)
    }

    /// The connections of which an end is open.
    pub fn live(&self) -> &[usize] {
        &self.live
    }

    /// The connection of a Client.
    pub fn link(&self, client: usize) -> Option<usize> {
        self.hosts[client].link
    }

    /// How many bytes the next packet of this direction has; 0: the end of the stream is next. `None`: nothing is.
    pub fn next_packet(&self, link: usize, direction: Direction) -> Option<usize> {
        let Link { pipes, is_open, .. } = &self.links[link];
        let pipe = &pipes[direction as usize];
        if pipe.is_empty() || !is_open[direction as usize] {
            return None;
        }
        Some(self.model.wires[link].ways[direction as usize].first_packet().unwrap_or(0).min(pipe.len()))
    }

    /// How many transactions a Client has told; `None`: the Server.
    pub fn told(&self, client: Option<usize>) -> usize {
        client.map_or(&self.store, |client| &self.hosts[client].store).told
    }

    /// How many machines have crashed.
    pub const fn crashes(&self) -> usize {
        self.crashes
    }

    /// How many links have been cut.
    pub const fn cuts(&self) -> usize {
        self.cuts
    }

    /// The next thing happens that is due now. `false`: there is none.
    pub fn happen_next(&mut self) -> Result<bool, Violation> {
        let Some((at, next)) = self.next() else { return Ok(false) };
        if at > self.model.now {
            return Ok(false);
        }
        self.happen(next)?;
        self.settle()?;
        Ok(true)
    }

    /// How many transactions a Client is still to store; `None`: the Server.
    pub fn unstored(&self, client: Option<usize>) -> usize {
        client.map_or(&self.store, |client| &self.hosts[client].store).pending.len()
    }

    /// Everything that is to be stored is.
    pub fn store_all(&mut self) -> Result<(), Violation> {
        while self.store.pending.len() + self.hosts.iter().map(|host| host.store.pending.len()).sum::<usize>()
            > 0
        {
            self.broker_stores();
            for client in 0..self.hosts.len() {
                self.client_stores(client);
            }
            self.settle()?;
        }
        Ok(())
    }

    /// A link breaks, and both ends are told at once.
    pub fn cut_now(&mut self, link: usize) -> Result<(), Violation> {
        self.cut(link);
        self.server_lost(link)?;
        self.client_lost(link)?;
        self.settle()
    }

    /// The end of the stream arrives.
    pub fn end_stream(&mut self, link: usize, direction: Direction) -> Result<(), Violation> {
        self.happen(Next::Arrival(link, direction))?;
        self.settle()
    }

    /// Everything that has an influence on what happens from here on.
    pub fn write_state(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let Self { broker, hosts, links, live, model, store, .. } = self;
        write!(out, "{broker:?}{live:?}{model:?}{store:?}")?;
        for Host { client, link, acks, is_over, must_clean, store, .. } in hosts {
            write!(out, "{client:?}{link:?}{acks:?}{is_over}{must_clean}{store:?}")?;
        }
        live.iter().try_for_each(|link| write!(out, "{:?}", links[*link]))
    }

    /// So many bytes arrive at once, whenever they were to.
    pub fn deliver(&mut self, link: usize, direction: Direction, count: usize) -> Result<(), Violation> {
        let Link { pipes, arrived, .. } = &mut self.links[link];
        pipes[direction as usize].take(count, &mut arrived[direction as usize]);
        self.offer(link, direction)?;
        self.settle()
    }

    /// Takes what the machines have to say and to write, until they have nothing more.
    pub fn settle(&mut self) -> Result<(), Violation> {
        for round in 0.. {
            check(round < 100_000, || "a machine never comes to rest")?;
            let mut progress = self.hear_broker()?;
            for client in 0..self.hosts.len() {
                progress |= self.hear_client(client)?;
            }
            for index in (0..self.live.len()).rev() {
                let link = self.live[index];
                progress |= self.broker_writes(link)?;
                if self.links[link].is_open == [false; 2] {
                    self.live.swap_remove(index);
                    self.model.forget(link);
                }
            }
            if !progress {
                break;
            }
        }
        self.model.check_dropped()?;
        self.check_ceilings()
    }

    fn check_ceilings(&mut self) -> Result<(), Violation> {
        for (client, host) in self.hosts.iter_mut().enumerate() {
            let queued = host.client.queued();
            check(queued <= host.plan.queued_messages, || format!("C{client} queues {queued} messages"))?;
            let waiting = waiting_bytes(host.client.transmit());
            let limit = host.plan.transmit_limit.saturating_mul(2) + SLACK;
            check(waiting <= limit, || format!("{waiting} bytes wait to be written by C{client}"))?;
        }
        for &link in &self.live {
            let waiting = self.broker.transmit(self.links[link].id).map_or(0, waiting_bytes);
            let limit = self.broker_plan.transmit_limit + SLACK;
            check(waiting <= limit, || format!("{waiting} bytes wait to be written to a Client"))?;
        }
        Ok(())
    }

    fn hear_broker(&mut self) -> Result<bool, Violation> {
        let mut progress = false;
        while let Some(action) = self.broker.poll_action() {
            progress = true;
            match action {
                Action::Transmit(id) => {
                    if let Some(link) = self.link_of(id) {
                        self.links[link].broker_writes = true;
                    }
                }
                Action::Resume(id) => {
                    if let Some(link) = self.link_of(id) {
                        self.offer(link, Direction::Up)?;
                    }
                }
                Action::Close(id) => {
                    let Some(link) = self.link_of(id) else {
                        return Err(Violation::new("a connection is closed twice"));
                    };
                    self.links[link].broker_writes = true;
                    self.broker_writes(link)?;
                    let now = self.model.now;
                    self.links[link].pipes[CLIENT].close(now, 0);
                    self.server_lost(link)?;
                }
                Action::Notice(notice) => {
                    let Self { model, links, live, broker, broker_plan, .. } = self;
                    model.noticed(&notice, |client| {
                        let is_its =
                            |link: &&usize| links[**link].client == client && links[**link].is_open[SERVER];
                        let mut its = live.iter().filter(is_its).peekable();
                        // It may have ended in the same call.
                        its.peek().is_none()
                            || its.any(|link| {
                                let waiting = broker.transmit(links[*link].id).map_or(0, waiting_bytes);
                                waiting >= broker_plan.transmit_limit
                            })
                    })?;
                }
                Action::Persist(persist) => {
                    self.store.take(self.model.now, self.broker_plan.store_delay, persist);
                    self.model.server_tells_transaction();
                }
                other => return Err(Violation::new(format!("an action nobody knows: {other:?}"))),
            }
        }
        Ok(progress)
    }

    fn link_of(&self, id: ConnectionId) -> Option<usize> {
        self.live.iter().copied().find(|link| self.links[*link].id == id && self.links[*link].is_open[SERVER])
    }

    /// Writes what the link takes. `true`: something.
    fn broker_writes(&mut self, link: usize) -> Result<bool, Violation> {
        let now = self.model.now;
        let Link { id, pipes, is_open, broker_writes, .. } = &mut self.links[link];
        let mut progress = false;
        while *broker_writes && is_open[SERVER] {
            let Some(transmit) = self.broker.transmit(*id) else { break };
            let room = pipes[CLIENT].room();
            let chunk = transmit.chunk();
            if chunk.is_empty() {
                *broker_writes = false;
                break;
            }
            if room == 0 {
                break;
            }
            let chunk = &chunk[..chunk.len().min(room)];
            self.model.written(link, Direction::Down, chunk)?;
            pipes[CLIENT].write(now, chunk);
            let len = chunk.len();
            transmit.advance(len);
            progress = true;
        }
        Ok(progress)
    }

    /// The Server's end of a transport is gone: what it had to write is lost.
    fn server_lost(&mut self, link: usize) -> Result<(), Violation> {
        let now = self.now();
        let Link { id, is_open, pipes, .. } = &mut self.links[link];
        if !std::mem::replace(&mut is_open[SERVER], false) {
            return Ok(());
        }
        if let Some(transmit) = self.broker.transmit(*id) {
            while let Some(lost) = transmit.pop() {
                self.model.written(link, Direction::Down, &lost)?;
            }
            // What was held back is not seen.
            self.model.server_wrote_all(link, transmit.held() > 0);
        }
        // Nobody reads what is written now.
        pipes[SERVER].is_closed = true;
        self.inputs += 1;
        self.broker.handle_closed(now, self.links[link].id);
        self.model.session_leaves(link, false);
        Ok(())
    }

    /// The Client's end of a transport is gone: what it had to write is lost.
    fn client_lost(&mut self, link: usize) -> Result<(), Violation> {
        let now = self.now();
        let Link { client, is_open, pipes, .. } = &mut self.links[link];
        let client = *client;
        pipes[CLIENT].is_closed = true;
        if !std::mem::replace(&mut is_open[CLIENT], false) {
            return Ok(());
        }
        let machine = &mut self.hosts[client].client;
        while let Some(lost) = machine.transmit().pop() {
            self.model.written(link, Direction::Up, &lost)?;
        }
        self.inputs += 1;
        machine.handle_closed(now);
        self.hosts[client].link = None;
        self.hear_client(client)?;
        Ok(())
    }

    /// Takes events, and writes what the link takes. `true`: something.
    fn hear_client(&mut self, client: usize) -> Result<bool, Violation> {
        let now = self.model.now;
        let mut progress = false;
        while let Some(event) = self.hosts[client].client.poll_event() {
            progress = true;
            if let Event::Persist(persist) = event {
                let host = &mut self.hosts[client];
                host.store.take(now, host.plan.store_delay, persist);
                self.model.client_tells_transaction(client);
                continue;
            }
            let acknowledgeable = self.model.told(client, &event)?;
            let host = &mut self.hosts[client];
            match event {
                Event::Message(received) => {
                    let is_manual = host.plan.manual_acknowledgement && acknowledgeable.is_some();
                    check(received.ack.is_some() == is_manual, || "an acknowledgement is asked for, or not")?;
                    if let (Some(token), Some((id, number)), Some(wire)) =
                        (received.ack, acknowledgeable, host.link)
                    {
                        host.acks.push(Ack { token, wire, id, number });
                    }
                }
                Event::Disconnected(why) => {
                    host.is_over = true;
                    host.must_clean |= matches!(
                        why,
                        Disconnected::ProtocolError { violation: ServerViolation::SessionPresent, .. }
                    );
                }
                _ => {}
            }
        }
        self.model.told_all(client)?;
        let Some(link) = self.hosts[client].link else { return Ok(progress) };
        progress |= self.client_writes(client, link)?;
        let host = &mut self.hosts[client];
        // An orderly end waits for the store.
        if host.is_over && host.client.transmit().held() == 0 {
            host.is_over = false;
            self.links[link].pipes[SERVER].close(now, 0);
            self.client_lost(link)?;
            progress = true;
        }
        Ok(progress)
    }

    fn client_writes(&mut self, client: usize, link: usize) -> Result<bool, Violation> {
        let now = self.model.now;
        let mut progress = false;
        let pipe = &mut self.links[link].pipes[SERVER];
        loop {
            let transmit = self.hosts[client].client.transmit();
            let chunk = transmit.chunk();
            let chunk = &chunk[..chunk.len().min(pipe.room())];
            if chunk.is_empty() {
                break;
            }
            self.model.written(link, Direction::Up, chunk)?;
            pipe.write(now, chunk);
            let len = chunk.len();
            transmit.advance(len);
            progress = true;
        }
        if progress && self.links[link].is_paused[CLIENT] {
            self.offer(link, Direction::Down)?;
        }
        Ok(progress)
    }

    /// The faults stop; everybody connects and acknowledges, until all is quiet. Then the oracle has the last word.
    pub fn finish(&mut self) -> Result<(), Violation> {
        self.model.trace.line(self.model.now, || "the faults stop");
        // Nobody waits for what will never come.
        for link in self.live.clone() {
            let Link { pipes, is_open, .. } = &mut self.links[link];
            pipes.iter_mut().for_each(Pipe::heal);
            if *is_open != [true; 2] || pipes.iter().any(|pipe| pipe.is_closed) {
                self.cut(link);
            }
        }
        self.calm()?;
        for round in 0.. {
            for client in 0..self.hosts.len() {
                self.connect(client, false)?;
                self.settle()?;
            }
            self.calm()?;
            if self.hosts.iter().all(|host| host.link.is_some() && host.client.limits().is_some()) {
                break;
            }
            check(round < 5, || "a Client does not get connected")?;
        }
        self.check_quiet()?;
        self.model.finish()?;
        self.end()
    }

    /// Runs until nothing is under way, whatever the timers say.
    fn calm(&mut self) -> Result<(), Violation> {
        for round in 0.. {
            for client in 0..self.hosts.len() {
                while !self.hosts[client].acks.is_empty() {
                    self.acknowledge(client, 0, false)?;
                }
            }
            self.settle()?;
            let is_under_way = |link: &usize| {
                let Link { pipes, is_open, .. } = &self.links[*link];
                Direction::ALL.iter().any(|end| is_open[*end as usize] && !pipes[*end as usize].is_empty())
            };
            let is_stored =
                self.store.pending.is_empty() && self.hosts.iter().all(|host| host.store.pending.is_empty());
            if is_stored
                && !self.live.iter().any(is_under_way)
                && self.hosts.iter().all(|host| host.acks.is_empty())
            {
                return Ok(());
            }
            check(round < 500_000, || "there is no end to it")?;
            let Some((at, next)) = self.next() else {
                return Err(Violation::new("something is under way, and never arrives"));
            };
            self.model.now = self.model.now.max(at);
            self.happen(next)?;
            self.settle()?;
        }
        Ok(())
    }

    fn check_quiet(&mut self) -> Result<(), Violation> {
        for (client, host) in self.hosts.iter_mut().enumerate() {
            let (queued, in_flight) = (host.client.queued(), host.client.in_flight());
            check(queued == 0 && in_flight == 0, || {
                format!("C{client} has {queued} messages queued and {in_flight} in flight, and nothing moves")
            })?;
            check(!host.client.transmit().has_remaining(), || {
                format!("C{client} has something to write, and nothing moves")
            })?;
        }
        for link in &self.live {
            let Link { id, is_paused, arrived, .. } = &self.links[*link];
            check(*is_paused == [false; 2], || "a machine holds its input back, and nothing moves")?;
            check(arrived.iter().all(BytesMut::is_empty), || "a machine leaves a part of its input")?;
            let waits = self.broker.transmit(*id).is_some_and(|transmit| transmit.has_remaining());
            check(!waits, || "the Server has something to write, and nothing moves")?;
        }
        Ok(())
    }

    /// Everybody disconnects, and Sessions expire.
    fn end(&mut self) -> Result<(), Violation> {
        for client in 0..self.hosts.len() {
            self.operate(client, Operation::Disconnect { expiry: None })?;
            self.settle()?;
        }
        self.calm()?;
        for _ in 0..2 {
            let (sessions, expected) = (self.broker.session_count(), self.model.session_count());
            check(sessions == expected, || {
                format!("the Server keeps {sessions} Sessions instead of {expected}")
            })?;
            self.model.now += 200_000_000;
            self.broker.handle_timeout(self.now());
            self.settle()?;
        }
        let connections = self.broker.connection_count();
        check(connections == 0, || format!("the Server keeps {connections} connections"))
    }
}

impl Host {
    fn new(plan: ClientPlan) -> Self {
        let client = Client::new(client_config(&plan));
        Self {
            client,
            plan,
            link: None,
            acks: Vec::new(),
            is_over: false,
            must_clean: false,
            store: Store::default(),
        }
    }
}

/// Requests do not wait; nothing else is wrong with them.
fn check_request(client: usize, reason: RejectReason) -> Result<(), Violation> {
    let is_fair = matches!(reason, RejectReason::NotConnected | RejectReason::TooManyRequests);
    check(is_fair, || format!("C{client} cannot ask for a subscription: {reason}"))
}

/// Visible or not.
fn waiting_bytes(transmit: &mut Transmit) -> usize {
    transmit.remaining() + transmit.held()
}

fn client_config(plan: &ClientPlan) -> ClientConfig {
    ClientConfig {
        maximum_queued_messages: plan.queued_messages,
        maximum_queued_bytes: plan.queued_bytes,
        maximum_in_flight: NonZeroU16::new(plan.in_flight).unwrap_or(NonZeroU16::MIN),
        manual_acknowledgement: plan.manual_acknowledgement,
        transmit_limit: plan.transmit_limit,
        use_topic_aliases: plan.use_topic_aliases,
        pingresp_timeout: Duration::from_millis(PINGRESP_TIMEOUT),
        durable: plan.durable,
        ..ClientConfig::default()
    }
}

fn broker_config(plan: &BrokerPlan) -> BrokerConfig {
    BrokerConfig {
        receive_maximum: NonZeroU16::new(plan.receive_maximum).unwrap_or(NonZeroU16::MIN),
        maximum_in_flight: NonZeroU16::new(plan.in_flight).unwrap_or(NonZeroU16::MIN),
        maximum_packet_size: plan.packet_size,
        topic_alias_maximum: plan.aliases_in,
        maximum_outgoing_topic_aliases: plan.aliases_out,
        maximum_queued_messages: plan.queued_messages,
        transmit_limit: plan.transmit_limit,
        maximum_session_expiry: plan.maximum_session_expiry,
        maximum_keep_alive: NonZeroU16::new(plan.maximum_keep_alive),
        durable: plan.durable,
        ..BrokerConfig::default()
    }
}

fn message(topic: u8, qos: QoS, number: u32, size: usize) -> Result<Message, Violation> {
    let message = Message::new(TOPICS[usize::from(topic)], payload(number, size))
        .map_err(|error| Violation::new(format!("a topic is refused: {error}")))?;
    Ok(message.with_qos(qos))
}
