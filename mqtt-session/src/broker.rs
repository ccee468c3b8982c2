//! The broker: many Sessions, and the routing between them.
//!
//! # How a connection lives
//!
//! ```text
//! open ─► AwaitConnect ─► Authenticating ─► Connected ─► Closed ─► (handle_closed)
//!              └────────────────┴──────── refused ───────────┘
//! ```
//!
//! Everything that ends a connection goes through `Broker::end`, which decides about the Will and the Session; everything
//! that ends a Session goes through `Broker::end_session`. Messages reach Sessions through `State::deliver` alone.
//!
//! What may never happen: a Session with two connections; a connection in `Connected` whose Session does not know it; a timer
//! without its owner; bytes behind a DISCONNECT.

mod authentication;
mod close;
mod config;
mod connect;
mod policy;
mod publish;
mod restore;
mod route;
mod subscribe;
mod timers;
mod will;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_codec::{
    AckProperties, DisconnectReason, EncodeError, Packet, Property, ProtocolVersion, Puback, Pubcomp,
    Publish, Pubrec, Pubrel, ShortAck,
};
use mqtt_topic::{GroupId, SubscriptionTree, TreeConfig};

pub use self::config::BrokerConfig;
pub use self::policy::{Acceptance, AllowAll, AuthRequest, AuthStage, Policy, Redirect, Verdict};
use self::route::Target;
use self::subscribe::Granted;
use self::timers::{TimerKey, Timers};
use self::will::End;
use crate::server::{
    Ack, Action, Actions, ClientInfo, Connection, ConnectionId, EndCause, Judge, Key, Notice, Parcel,
    Pending, Phase, RetainedMessages, Session, SessionId, Slab, Spares, Turn,
};
use crate::{Explanation, Instant, Message, PersistSeq, Received, Transmit};

/// An MQTT broker as a state machine: any number of connections, all versions, no I/O. (The specification calls it a
/// Server.)
///
/// Whoever drives it calls [`open`](Self::open) for each transport connection, offers what arrives to
/// [`handle_input`](Self::handle_input), writes what [`transmit`](Self::transmit) holds, calls
/// [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) says, and takes
/// [`poll_action`](Self::poll_action) until it is empty after every call of these.
///
/// A clone is a second machine in the same state, for the exploration of what can happen next, and never to go on with the
/// same Sessions on the wire.
///
/// ```
/// use bytes::{Buf, BytesMut};
/// use mqtt_session::{Action, AllowAll, Broker, BrokerConfig, Instant};
///
/// let now = Instant::from_millis(0);
/// let mut broker = Broker::new(BrokerConfig::default(), AllowAll);
/// let connection = broker.open(now);
/// let mut input = BytesMut::from(&b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3C\x00\x04test\xC0\x00"[..]);
/// let _ = broker.handle_input(now, connection, &mut input);
///
/// assert_eq!(broker.poll_action(), Some(Action::Transmit(connection)));
/// assert_eq!(broker.poll_action(), None);
/// // CONNACK and PINGRESP.
/// assert_eq!(broker.transmit(connection).unwrap().chunk(), b"\x20\x02\x00\x00\xD0\x00");
/// ```
#[derive(Clone, Debug)]
pub struct Broker<P = AllowAll> {
    policy: P,
    state: State,
}

/// Everything but the embedder's policy.
#[derive(Clone, Debug)]
struct State {
    config: BrokerConfig,
    connections: Slab<ConnectionId, Connection>,
    sessions: Slab<SessionId, Session>,
    by_client_id: BTreeMap<Arc<str>, SessionId>,
    subscriptions: SubscriptionTree<SessionId, Granted>,
    retained: RetainedMessages,
    timers: Timers,
    actions: Actions,
    /// Whose turn it is in each group of a Shared Subscription.
    turns: BTreeMap<GroupId, usize>,
    /// Room for the receivers of one message.
    targets: Vec<Target>,
    /// Memory for messages that have to be kept.
    spares: Spares,
    /// How many messages have been routed.
    routed: u64,
    /// How many Client Identifiers have been assigned.
    assigned: u64,
    /// The last time anybody told.
    now: Instant,
}

impl<P: Policy> Broker<P> {
    /// A broker without connections, Sessions and messages.
    pub fn new(config: BrokerConfig, policy: P) -> Self {
        let config = BrokerConfig { transmit_limit: config.transmit_limit.max(1), ..config };
        let state = State {
            connections: Slab::default(),
            sessions: Slab::default(),
            by_client_id: BTreeMap::new(),
            subscriptions: SubscriptionTree::with_config(TreeConfig {
                seed: config.hash_seed,
                ..TreeConfig::default()
            }),
            retained: RetainedMessages::new(config.retained_limits()),
            timers: Timers::default(),
            actions: Actions::new(config.durable),
            turns: BTreeMap::new(),
            targets: Vec::new(),
            spares: Spares::default(),
            routed: 0,
            assigned: 0,
            now: Instant::from_millis(0),
            config,
        };
        Self { policy, state }
    }

    /// The embedder's decisions, to change them.
    pub const fn policy_mut(&mut self) -> &mut P {
        &mut self.policy
    }

    /// A transport connection is there. How many there may be is for the driver to decide; one costs well below 1 KiB until its
    /// CONNECT is accepted.
    ///
    /// With 4,294,967,295 connections open, the next one is closed from the start.
    pub fn open(&mut self, now: Instant) -> ConnectionId {
        let State { connections, timers, config, .. } = self.state.at(now);
        let deadline = now + config.connect_timeout;
        let id = connections
            .insert_with(|id| Connection::new(id, config.maximum_connect_size, config.accepted_deviations))
            .unwrap_or_else(|| ConnectionId::from_number(u64::MAX));
        if let Some(connection) = connections.get_mut(id) {
            timers.arm(TimerKey::Connection(id), &mut connection.timer, Some(deadline));
        }
        id
    }

    /// Bytes have arrived, or the connection was [resumed](Action::Resume). What is understood is taken out of `input`;
    /// offer the rest again, with more behind it.
    pub fn handle_input(&mut self, now: Instant, connection: ConnectionId, input: &mut BytesMut) -> Received {
        self.state.at(now);
        // What is understood is taken out at once, in the end.
        let mut done = 0;
        let received = loop {
            let rest = input.get(done..).unwrap_or_default();
            let limit = self.state.config.transmit_limit;
            let is_behind = self.state.is_store_behind();
            let Some(state) = self.state.connections.get_mut(connection) else { break Received::Closed };
            let is_full = is_behind || state.transmit.pending() >= limit;
            match state.phase {
                Phase::Closed => break Received::Closed,
                // Behind a step of the Client nothing may come before the answer.
                Phase::Authenticating(Pending { exchange, .. }) => {
                    state.paused = is_full || exchange.turn == Turn::Policy;
                }
                Phase::AwaitConnect | Phase::Connected(_) => state.paused = is_full,
            }
            if state.paused {
                break Received::Paused;
            }
            if let Phase::Connected(_) = state.phase
                && let Some(ack) = state.decoder.short_ack(rest)
            {
                self.handle_ack(now, connection, ack.into());
                done += ShortAck::LEN;
                continue;
            }
            let is_exchange = matches!(state.phase, Phase::Authenticating(_));
            let result = match rest.first().map(|first| first >> 4).filter(|_| !is_exchange) {
                // CONNECT may be kept beyond this call, all others are not.
                Some(1) => {
                    input.advance(done);
                    done = 0;
                    match state.decoder.decode_frame(input) {
                        Ok(Some(frame)) => {
                            if let Packet::Connect(connect) = frame.packet() {
                                self.handle_connect(now, connection, &frame, &connect);
                            }
                            continue;
                        }
                        Ok(None) => Ok(None),
                        Err(error) => Err(error),
                    }
                }
                Some(3) => match state.decoder.decode_publish(rest) {
                    Ok(Some((publish, len))) => {
                        let bytes = rest.get(..len).unwrap_or_default();
                        self.handle_publish(now, connection, bytes, &publish);
                        done += len;
                        continue;
                    }
                    Ok(None) => Ok(None),
                    Err(error) => Err(error),
                },
                _ => state.decoder.decode(rest),
            };
            let rest = input.get(done..).unwrap_or_default();
            match result {
                Ok(Some((packet, len))) => {
                    if is_exchange {
                        self.handle_step(now, connection, &packet);
                    } else {
                        self.handle_packet(now, connection, &packet);
                    }
                    done += len;
                }
                Ok(None) => break Received::NeedData(state.decoder.needed(rest).max(1)),
                Err(error) => {
                    self.handle_malformed(now, connection, error, rest);
                    break Received::Closed;
                }
            }
        };
        input.advance(done);
        received
    }

    /// The transport connection is gone, whoever closed it. To be called once for each [`open`](Self::open), also after
    /// [`Action::Close`]; more calls do nothing.
    pub fn handle_closed(&mut self, now: Instant, connection: ConnectionId) {
        self.abandon(connection);
        let State { connections, timers, .. } = self.state.at(now);
        let Some(mut state) = connections.remove(connection) else { return };
        timers.arm(TimerKey::Connection(connection), &mut state.timer, None);
        if let Phase::Connected(link) = state.phase {
            self.leave(now, link.session, link.will, End::Lost);
        }
    }

    /// Time has passed. To be called at [`poll_timeout`](Self::poll_timeout) or later; more calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let State { retained, actions, .. } = self.state.at(now);
        retained.drop_expired(now, &mut actions.journal);
        while let Some(key) = self.state.timers.due(now) {
            match key {
                TimerKey::Connection(connection) => self.handle_connection_timeout(now, connection),
                TimerKey::Session(session) => self.handle_session_timeout(now, session),
            }
        }
    }

    /// Publishes a message of the Server itself; how many Sessions it is for.
    ///
    /// At a durable broker it survives a crash once the changes that this call has told ([`Action::Persist`]) are stored.
    pub fn publish(&mut self, now: Instant, message: &Message) -> usize {
        let Self { state, policy } = self;
        state.at(now).accept(policy, now, &mut Parcel::new(message, now), None)
    }

    /// Sends a message of the Server itself to one Client, whatever it has subscribed to: for gateways that know who is meant, and for
    /// brokers that share their Sessions out and route between the parts. Of QoS 1 or 2 it is queued for a Client that is away; it is never
    /// retained, and its QoS is at most [`maximum_qos`](BrokerConfig::maximum_qos). `true` does not say that there was room for it.
    /// `false`: there is no such Session, or the Client [may not have it](Policy::may_receive).
    ///
    /// ```
    /// use mqtt_session::{AllowAll, Broker, BrokerConfig, Instant, Message};
    ///
    /// let mut broker = Broker::new(BrokerConfig::default(), AllowAll);
    /// let message = Message::new("lamp/7/set", "on")?;
    /// assert!(!broker.publish_to(Instant::from_millis(0), "lamp-7", &message));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn publish_to(&mut self, now: Instant, client_id: &str, message: &Message) -> bool {
        let Self { state, policy } = self;
        let state = state.at(now);
        let Some(id) = state.by_client_id.get(client_id).copied() else { return false };
        let mut parcel = Parcel::new(message, now);
        let Some(session) = state.sessions.get(id) else { return false };
        if !policy.may_receive(&session.info(), parcel.publish()) {
            return false;
        }
        let mut target = Target::unasked(id, state.config.maximum_qos);
        state.deliver(now, &mut parcel, &mut target, true);
        true
    }

    /// Ends a connection: the administrator's hand. A 5.0 Client is told the reason; one that only Clients may give becomes
    /// 0x98. A Will is published.
    pub fn disconnect(&mut self, now: Instant, connection: ConnectionId, reason: DisconnectReason) {
        self.state.at(now);
        let may_be_sent = reason.may_be_sent_by(mqtt_codec::Side::Server);
        let reason = if may_be_sent { reason } else { DisconnectReason::AdministrativeAction };
        self.end(now, connection, End::Lost, Some(EndCause::Reason(reason)));
    }

    /// As [`disconnect`](Self::disconnect), and tells a 5.0 Client more than a reason.
    pub fn disconnect_with(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        reason: DisconnectReason,
        explanation: &Explanation,
    ) {
        self.state.at(now);
        let may_be_sent = reason.may_be_sent_by(mqtt_codec::Side::Server);
        let reason = if may_be_sent { reason } else { DisconnectReason::AdministrativeAction };
        self.say_goodbye(now, connection, reason, explanation, None);
    }

    /// Ends a connection and tells a 5.0 Client which Server to use instead (section 4.11). A Will is published.
    pub fn redirect(&mut self, now: Instant, connection: ConnectionId, redirect: &Redirect) {
        self.state.at(now);
        let reason = if redirect.is_permanent {
            DisconnectReason::ServerMoved
        } else {
            DisconnectReason::UseAnotherServer
        };
        self.say_goodbye(now, connection, reason, &redirect.explanation, Some(&redirect.server_reference));
    }

    /// Ends all connections, with 0x8B in 5.0. Wills are published, Sessions stay.
    pub fn shut_down(&mut self, now: Instant) {
        self.state.at(now);
        let all: Vec<ConnectionId> = self.state.connections.keys().collect();
        for connection in all {
            self.end(
                now,
                connection,
                End::Lost,
                Some(EndCause::Reason(DisconnectReason::ServerShuttingDown)),
            );
        }
    }

    /// The changes of all transactions up to this one ([`Action::Persist`]) are stored: what waited for them may leave. A number
    /// that was never told does nothing.
    pub fn handle_persisted(&mut self, now: Instant, up_to: PersistSeq) {
        let was_behind = self.state.is_store_behind();
        let State { connections, actions, .. } = self.state.at(now);
        actions.journal.persisted(up_to);
        while let Some(id) = actions.next_released() {
            let released =
                connections.get_mut(id).is_some_and(|state| state.transmit.release(&actions.journal));
            if released {
                actions.push_back(Action::Transmit(id));
            }
        }
        if was_behind && !self.state.is_store_behind() {
            self.state.resume_all();
        }
    }

    /// The next thing to do; call until it is `None`.
    #[must_use = "a connection may wait for it"]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.state.actions.pop_front()
    }

    /// What is to be written to a connection. Call it again after writing, until nothing remains: it fills itself from the
    /// queue, and input that was paused is [resumed](Action::Resume). `None` after [`handle_closed`](Self::handle_closed).
    pub fn transmit(&mut self, connection: ConnectionId) -> Option<&mut Transmit> {
        self.fill(self.state.now, connection);
        let is_behind = self.state.is_store_behind();
        let State { connections, actions, config, .. } = &mut self.state;
        let state = connections.get_mut(connection)?;
        if !is_behind && state.may_resume(config.transmit_limit) {
            state.paused = false;
            actions.push_back(Action::Resume(connection));
        }
        Some(&mut state.transmit)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    #[must_use = "nothing expires without it"]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.state.timers.next(), self.state.retained.next_expiry()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// How many Sessions there are, connected or not.
    pub const fn session_count(&self) -> usize {
        self.state.sessions.len()
    }

    /// How many connections are open.
    pub const fn connection_count(&self) -> usize {
        self.state.connections.len()
    }

    /// How many subscriptions there are.
    pub fn subscription_count(&self) -> usize {
        self.state.subscriptions.len()
    }

    /// How many messages are retained.
    pub fn retained_count(&self) -> usize {
        self.state.retained.len()
    }

    /// Any packet but CONNECT and PUBLISH.
    fn handle_packet(&mut self, now: Instant, connection: ConnectionId, packet: &Packet<'_>) {
        let Some((session, version)) = self.state.heard_from(now, connection) else { return };
        match packet {
            Packet::Puback(Puback { packet_id, .. }) => {
                self.handle_ack(now, connection, Ack::Puback(*packet_id));
            }
            Packet::Pubrec(Pubrec { packet_id, reason, .. }) => {
                self.handle_ack(now, connection, Ack::Pubrec(*packet_id, *reason));
            }
            Packet::Pubrel(Pubrel { packet_id, .. }) => {
                self.handle_ack(now, connection, Ack::Pubrel(*packet_id));
            }
            Packet::Pubcomp(Pubcomp { packet_id, .. }) => {
                self.handle_ack(now, connection, Ack::Pubcomp(*packet_id));
            }
            Packet::Subscribe(subscribe) => {
                self.handle_subscribe(now, connection, session, version, subscribe);
            }
            Packet::Unsubscribe(unsubscribe) => {
                self.handle_unsubscribe(now, connection, session, version, unsubscribe);
            }
            Packet::Pingreq => self.send(now, connection, &Packet::Pingresp),
            Packet::Disconnect(disconnect) => self.handle_disconnect(now, connection, session, disconnect),
            Packet::Auth(auth) => self.handle_auth(now, connection, auth),
            // The decoder lets nothing else through.
            _ => self.violated(now, connection, DisconnectReason::ProtocolError),
        }
    }

    /// A step of the exchange of a message.
    fn handle_ack(&mut self, now: Instant, connection: ConnectionId, ack: Ack) {
        let State { connections, sessions, actions, spares, .. } = &mut self.state;
        let Some(state) = connections.get_mut(connection) else { return };
        let Phase::Connected(link) = &mut state.phase else { return };
        link.watchdog.received(now);
        let Some(session) = sessions.get_mut(link.session) else { return };
        let given_up = match session.acknowledge(ack, state, actions) {
            Ok(given_up) => given_up,
            Err(reason) => return self.violated(now, connection, reason),
        };
        let has_waiting = session.has_waiting();
        if let Some(message) = given_up {
            spares.put(message);
        }
        if has_waiting {
            self.fill(now, connection);
        }
    }

    /// As [`send`](Self::send), for what is sent most.
    fn send_short<const LEN: usize>(&mut self, now: Instant, connection: ConnectionId, ack: [u8; LEN]) {
        let State { connections, actions, .. } = &mut self.state;
        let sent = connections.get_mut(connection).map(|state| state.send_short(ack, actions));
        if let Some(Err(_)) = sent {
            self.violated(now, connection, DisconnectReason::ImplementationSpecificError);
        }
    }

    /// Appends a packet to a connection. One that the Client's Maximum Packet Size forbids cannot be left out: the connection
    /// ends.
    fn send(&mut self, now: Instant, connection: ConnectionId, packet: &Packet<'_>) {
        let State { connections, actions, .. } = &mut self.state;
        let sent = connections.get_mut(connection).map(|state| state.send(packet, actions));
        if let Some(Err(_)) = sent {
            self.violated(now, connection, DisconnectReason::ImplementationSpecificError);
        }
    }

    /// Sends what waits for the Session of a connection.
    fn fill(&mut self, now: Instant, connection: ConnectionId) {
        let State { connections, sessions, retained, actions, timers, config, .. } = &mut self.state;
        let Some(state) = connections.get_mut(connection) else { return };
        let Some(id) = state.link().map(|link| link.session) else { return };
        let Some(session) = sessions.get_mut(id) else { return };
        if !session.has_waiting() && session.timer.is_none() {
            return;
        }
        let may_receive =
            |client: &ClientInfo<'_>, message: &Publish<'_>| self.policy.may_receive(client, message);
        let mut judge = Judge { may_receive: &may_receive, refused: Vec::new() };
        let filled = session.fill(now, state, retained, config.limits(), actions, &mut judge);
        // A connected Session has no other deadline.
        let goes_on = session.walk_rests.then(|| session.timer.unwrap_or(now + WALK_PAUSE));
        timers.arm(TimerKey::Session(id), &mut session.timer, goes_on);
        self.state.hand_over(&self.policy, now, judge.refused);
        if filled.is_err() {
            self.violated(now, connection, DisconnectReason::ImplementationSpecificError);
        }
    }
}

/// How long the search for retained messages rests between two goes.
const WALK_PAUSE: Duration = Duration::from_millis(1);

impl State {
    /// Remembers the time for calls that do not tell it.
    fn at(&mut self, now: Instant) -> &mut Self {
        self.now = self.now.max(now);
        self
    }

    /// A packet has come; the Session and the version of a connection that is accepted.
    fn heard_from(&mut self, now: Instant, connection: ConnectionId) -> Option<(SessionId, ProtocolVersion)> {
        match &mut self.connections.get_mut(connection)?.phase {
            Phase::Connected(link) => {
                link.watchdog.received(now);
                Some((link.session, link.version))
            }
            _ => None,
        }
    }

    /// What may be said beside the reason of a packet to a Client: `len` is how long the packet becomes with it.
    fn explain<'e>(
        &self,
        connection: ConnectionId,
        explanation: &'e Explanation,
        len: impl Fn(AckProperties<'_>) -> Result<usize, EncodeError>,
    ) -> Vec<Property<'e>> {
        if explanation.is_empty() {
            return Vec::new();
        }
        let link = self.connections.get(connection).and_then(Connection::link);
        let Some(link) = link.filter(|link| link.takes.problem_information) else { return Vec::new() };
        let fitting = explanation.fit(&[], |values| {
            let len = len(AckProperties::new(values)?)?;
            if len <= link.takes.packet_size as usize {
                Ok(values.to_vec())
            } else {
                Err(EncodeError::PacketTooLarge)
            }
        });
        fitting.unwrap_or_default()
    }

    /// Whether too much is still to be stored.
    fn is_store_behind(&self) -> bool {
        self.actions.journal.unstored() > self.config.maximum_unstored_bytes
    }

    /// The store has caught up: input that was paused goes on.
    fn resume_all(&mut self) {
        let Self { connections, actions, config, now, .. } = self;
        let all: Vec<ConnectionId> = connections.keys().collect();
        for id in all {
            if let Some(state) =
                connections.get_mut(id).filter(|state| state.may_resume(config.transmit_limit))
            {
                state.paused = false;
                state.heard(*now);
                actions.push_back(Action::Resume(id));
            }
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.actions.push_back(Action::Notice(notice));
    }
}
