//! The Client.
//!
//! ```text
//!             connect            CONNACK accepted
//! (no connection) ──► AwaitConnack ──► Connected
//!        ▲                 │               │
//!        └─────────────────┴───────────────┘
//!           end: Event::Disconnected, exactly once for each connect
//! ```
//!
//! What dies with the connection is in `Connection`, and `end` drops it as a whole. What outlives it is in `Session`, which
//! `lose_session` empties: at the end of a connection that the Session does not outlive, at a CONNACK without it, and when
//! the application asks for Clean Start.
//!
//! What may never happen: a token that resolves twice or not at all (one event for each: where it was written, acknowledged, rejected or has expired, and `lose_session`), bytes
//! behind DISCONNECT (nothing is sent without a connection), a message sent on a connection whose Server forbids it.

mod authentication;
mod config;
mod connection;
mod disconnect;
mod error;
mod event;
mod events;
mod incoming;
mod kept;
mod outgoing;
mod persist;
mod request;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;

use bytes::{Buf, BytesMut};
use mqtt_codec::{
    EncodeError, Packet, PacketId, ProtocolVersion, PublishReason, QoS, ReasonAck, ShortAck, Side,
};

pub use self::authentication::{Authentication, ReauthenticateOutcome, ReceivedAuth};
pub use self::config::{ClientConfig, ConnectOptions, Will};
pub use self::connection::ServerLimits;
use self::connection::{Connection, Negotiated, Phase, Request, RequestKind, expiry_property};
pub use self::disconnect::DisconnectRequest;
pub use self::error::{ClientError, RejectReason, Rejected};
pub use self::event::{
    Connected, Disconnected, Event, PublishOutcome, PublishToken, ReceivedMessage, RequestToken,
    SubscribeOutcome, UnsubscribeOutcome, Violation,
};
use self::events::Events;
use self::kept::Keep;
use self::outgoing::{Outgoing, Queued, Tag};
pub use self::request::{InvalidRequest, SubscribeRequest, UnsubscribeRequest};
use crate::delivery::{Receiver, Sender, first_delivery};
use crate::keep_alive::PingerDeadline;
use crate::packet_id::PacketIds;
use crate::persist::{Body, DeliveryLog, Journal};
use crate::{
    AckToken, Acknowledgement, Explanation, Instant, Message, PersistSeq, Received, StaleToken, Transmit,
};

/// A sans-IO MQTT Client. It outlives its Network Connections; the Session State is in it.
///
/// The caller moves bytes and tells the time:
///
/// 1. After any call, drain [`poll_event`](Self::poll_event) and write [`transmit`](Self::transmit).
/// 2. Bytes that arrive go to [`handle_input`](Self::handle_input), the end of the transport to
///    [`handle_closed`](Self::handle_closed).
/// 3. At the time [`poll_timeout`](Self::poll_timeout) names, call [`handle_timeout`](Self::handle_timeout).
///
/// Calls in any order are harmless, and so are too many.
///
/// A clone is a second machine in the same state, for the exploration of what can happen next, and never to go on with the
/// same Session on the wire.
///
/// ```
/// use bytes::{Buf, BytesMut};
/// use mqtt_session::codec::ProtocolVersion;
/// use mqtt_session::{Client, ClientConfig, ConnectOptions, Event, Instant, Message, Received};
///
/// let now = Instant::from_millis(0);
/// let mut client = Client::new(ClientConfig::default());
/// client.connect(now, ConnectOptions::new(ProtocolVersion::V3_1_1))?;
/// let connect = client.transmit().copy_to_bytes(14);
/// assert_eq!(&connect[..], b"\x10\x0C\x00\x04MQTT\x04\x02\x00\x3C\x00\x00");
///
/// // The Server accepts.
/// let mut input = BytesMut::from(&b"\x20\x02\x00\x00"[..]);
/// assert_eq!(client.handle_input(now, &mut input), Received::NeedData(1));
/// assert!(matches!(client.poll_event(), Some(Event::Connected(_))));
///
/// client.publish(now, Message::new("a/b", "hi")?)?;
/// assert_eq!(client.transmit().chunk(), b"\x30\x07\x00\x03a/bhi");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    config: ClientConfig,
    session: Session,
    /// Whose Session State there is, if only an empty one, that a Server may go on with: its Client Identifier
    /// `[MQTT-3.1.3-2]`.
    session_of: Option<String>,
    /// Messages that have never been sent. They belong to the application, not to the Session.
    queue: VecDeque<Queued>,
    /// Bytes of the messages in queue and Session.
    held_bytes: usize,
    connection: Option<Connection>,
    /// Outlives the connection by its last bytes.
    transmit: Transmit,
    events: Events,
    journal: Journal,
    next_token: u64,
    /// The latest time the caller has told.
    now: Instant,
}

/// The Session State of a Client (section 4.1), and which identifier was given last.
#[derive(Clone, Debug, Default)]
struct Session {
    sender: Sender<Outgoing, Tag>,
    receiver: Receiver,
    packet_ids: PacketIds,
    /// What PUBRECs have said beside their reasons, until PUBCOMP.
    pubrecs: BTreeMap<PacketId, Acknowledgement>,
}

/// What [`Client::poll_timeout`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timer {
    /// CONNACK, or the next step of an authentication exchange before it, must be there by then.
    Connack,
    /// A PINGREQ is due then.
    Pingreq,
    /// PINGRESP must arrive by then.
    Pingresp,
}

impl Client {
    /// A client without connection and Session.
    pub fn new(mut config: ClientConfig) -> Self {
        // Nothing would ever move with less.
        config.maximum_queued_messages = config.maximum_queued_messages.max(1);
        config.transmit_limit = config.transmit_limit.max(1);
        let durable = config.durable;
        Self {
            config,
            session: Session::default(),
            session_of: None,
            queue: VecDeque::new(),
            held_bytes: 0,
            connection: None,
            transmit: Transmit::default(),
            events: Events::new(),
            journal: Journal::new(durable),
            next_token: 0,
            now: Instant::from_millis(0),
        }
    }

    /// Begins a connection on a transport that is open: queues CONNECT. The end of it is an [`Event::Disconnected`].
    ///
    /// The Session belongs to a Client Identifier: with another one, as with Clean Start, what this client still holds of it is
    /// given up. What CONNECT does to the Session is stored before it leaves.
    ///
    /// # Errors
    /// [`ClientError`] when there is a connection, or when the options cannot be written as CONNECT. Nothing has changed
    /// then.
    pub fn connect(&mut self, now: Instant, options: ConnectOptions) -> Result<(), ClientError> {
        self.set_now(now);
        if self.connection.is_some() {
            return Err(ClientError::AlreadyConnected);
        }
        let connect = options.encode()?;
        let is_of_another = self.session_of.as_ref().is_some_and(|client_id| *client_id != options.client_id);
        if options.clean_start || is_of_another {
            // The Server gives its half up when it reads CONNECT; ours must not come back after that.
            self.lose_session();
        }
        let had_session = self.session_of.is_some();
        if options.keeps_session() {
            // The Server may begin it, and this program end before it knows.
            self.begin_session(&options.client_id);
        }
        self.transmit = Transmit::with(connect, self.journal.barrier());
        self.connection = Some(Connection::new(self.now, options, self.config.connack_timeout, had_session));
        Ok(())
    }

    /// Publishes a message, now or as soon as connection and send quota allow. What becomes of it is told by one
    /// [`Event::Published`] with the token returned.
    ///
    /// Messages are sent in the order of these calls, QoS 0 as well. In 3.x they are sent without properties.
    ///
    /// # Errors
    /// [`Rejected`] gives the message back: the queue is full, or the Server does not take such messages. While there is no
    /// connection the latter is not known, and becomes the outcome.
    #[expect(clippy::result_large_err, reason = "the message goes back as it came, without an allocation")]
    pub fn publish(&mut self, now: Instant, message: Message) -> Result<PublishToken, Rejected<Message>> {
        self.set_now(now);
        match self.check_publish(&message) {
            Ok(()) => Ok(self.publish_checked(message)),
            Err(reason) => Err(Rejected { value: message, reason }),
        }
    }

    /// As [`publish`](Self::publish), of a message that stays with the caller: it is cloned where it has to be kept, which one of QoS 0
    /// need not be that is sent at once.
    ///
    /// # Errors
    /// The reason of [`publish`](Self::publish).
    pub fn publish_ref(&mut self, now: Instant, message: &Message) -> Result<PublishToken, RejectReason> {
        self.set_now(now);
        self.check_publish(message)?;
        Ok(self.publish_checked(message))
    }

    /// As [`publish_ref`](Self::publish_ref), of a message that others have too: to keep it is to count one more who has it, which is
    /// cheaper than a clone. For messages that are published again and again, or by many clients.
    ///
    /// # Errors
    /// The reason of [`publish`](Self::publish).
    pub fn publish_shared(
        &mut self,
        now: Instant,
        message: &Arc<Message>,
    ) -> Result<PublishToken, RejectReason> {
        self.set_now(now);
        self.check_publish(message)?;
        Ok(self.publish_checked(message))
    }

    /// Sends a message, or keeps it.
    #[inline]
    fn publish_checked(&mut self, message: impl Keep) -> PublishToken {
        let token = PublishToken(self.take_token());
        let published = message.lend();
        let (qos, size) = (published.qos(), published.size());
        let has_to_wait = !self.queue.is_empty()
            || self.session.sender.has_resends()
            || self.transmit.pending() >= self.config.transmit_limit;
        let expires_at = outgoing::expires_at(self.now, published);
        if self.journal.is_enabled() && qos != QoS::AtMostOnce {
            self.log().message(token.0, &outgoing::record(published, expires_at), Body::of(published));
        }
        if has_to_wait || !self.may_send(qos) {
            self.held_bytes += size;
            let outgoing = Outgoing { message: message.keep(), expires_at };
            self.queue.push_back(Queued { token, outgoing });
            self.send_waiting();
            return token;
        }
        match self.write_first(token, published, expires_at) {
            Ok(None) => self.events.sent(token),
            Ok(Some(id)) => {
                self.held_bytes += size;
                let outgoing = || Outgoing { message: message.keep(), expires_at };
                self.session.sender.start_with(id, qos, outgoing, Tag::new(token));
            }
            Err(reason) => {
                let outcome = PublishOutcome::Rejected { message: message.keep().into_message(), reason };
                self.events.push(Event::Published { token, outcome });
            }
        }
        token
    }

    fn check_publish(&self, message: &Message) -> Result<(), RejectReason> {
        if let Some(connection) = &self.connection
            && let Some(negotiated) = connection.negotiated()
        {
            negotiated.limits.check_message(message, connection.options.version)?;
        }
        if self.journal.is_enabled() {
            // What no packet can hold is not taken over: more than the store asks, which has no limit on the payload.
            let publish =
                message.as_publish(ProtocolVersion::V5_0, first_delivery(message.qos(), PacketId::MIN));
            let expiry = expiry_property(message.expiry(), ProtocolVersion::V5_0);
            publish.encoded_len_with(ProtocolVersion::V5_0, expiry.as_slice())?;
        }
        let held_bytes = self.held_bytes.saturating_add(message.size());
        let is_full = self.queue.len() >= self.config.maximum_queued_messages
            || (self.held_bytes > 0 && held_bytes > self.config.maximum_queued_bytes);
        if is_full { Err(RejectReason::QueueFull) } else { Ok(()) }
    }

    /// Asks for subscriptions. The answer is one [`Event::Subscribed`] with the token returned.
    ///
    /// # Errors
    /// [`Rejected`] gives the request back: there is no connection, too much waits already, or the Server does not support
    /// what is asked for.
    pub fn subscribe(
        &mut self,
        now: Instant,
        request: SubscribeRequest,
    ) -> Result<RequestToken, Rejected<SubscribeRequest>> {
        self.set_now(now);
        let checked =
            self.negotiated().ok_or(RejectReason::NotConnected).and_then(|(version, negotiated)| {
                negotiated.limits.check_subscribe(&request, version).map(|()| version)
            });
        let sent = checked.and_then(|version| {
            self.request(RequestKind::Subscribe, request.filters().len(), |id, send| {
                request.with_packet(id, version, send)
            })
        });
        sent.map_err(|reason| Rejected { value: request, reason })
    }

    /// Gives subscriptions up. The answer is one [`Event::Unsubscribed`] with the token returned.
    ///
    /// # Errors
    /// [`Rejected`] gives the request back: there is no connection, too much waits already, or the packet is too large.
    pub fn unsubscribe(
        &mut self,
        now: Instant,
        request: UnsubscribeRequest,
    ) -> Result<RequestToken, Rejected<UnsubscribeRequest>> {
        self.set_now(now);
        let checked = self.negotiated().ok_or(RejectReason::NotConnected).map(|(version, _)| version);
        let sent = checked.and_then(|version| {
            self.request(RequestKind::Unsubscribe, request.filters().len(), |id, send| {
                request.with_packet(id, version, send)
            })
        });
        sent.map_err(|reason| Rejected { value: request, reason })
    }

    /// Sends a request that `with_packet` turns into a packet.
    fn request(
        &mut self,
        kind: RequestKind,
        filters: usize,
        with_packet: impl FnOnce(
            PacketId,
            &mut dyn FnMut(&Packet<'_>) -> Result<(), EncodeError>,
        ) -> Result<(), EncodeError>,
    ) -> Result<RequestToken, RejectReason> {
        let Self { connection, transmit, config, session, journal, now, .. } = self;
        let connection = connection.as_mut().ok_or(RejectReason::NotConnected)?;
        let version = connection.options.version;
        if connection.requests.len() >= config.maximum_requests || transmit.pending() >= config.transmit_limit
        {
            return Err(RejectReason::TooManyRequests);
        }
        let Phase::Connected(negotiated) = &mut connection.phase else {
            return Err(RejectReason::NotConnected);
        };
        let id = session.allocate(&connection.requests).ok_or(RejectReason::PacketIdsExhausted)?;
        let sent = with_packet(id, &mut |packet| {
            if !negotiated.limits.takes(|| packet.encoded_len(version))? {
                return Err(EncodeError::PacketTooLarge);
            }
            // Messages of a new Session must not meet the identifiers of one that is lost.
            outgoing::hold(transmit, journal);
            transmit.push(packet, version)
        });
        sent.map_err(|error| match error {
            EncodeError::PacketTooLarge => RejectReason::PacketTooLarge,
            error => error.into(),
        })?;
        negotiated.pinger.sent(*now);
        let token = RequestToken(self.take_token());
        if let Some(connection) = &mut self.connection {
            connection.requests.insert(id, Request { token, kind, filters });
        }
        Ok(token)
    }

    /// Acknowledges a received message (with [manual acknowledgement](ClientConfig::manual_acknowledgement)). Messages may
    /// be acknowledged in any order; the acknowledgements leave in the order the messages came in `[MQTT-4.6.0-2]`.
    ///
    /// # Errors
    /// [`StaleToken`] when the connection the message came on is over. The message comes again on the next one, with a
    /// token of its own, unless it is QoS 2 and was acknowledged before.
    pub fn acknowledge(&mut self, now: Instant, token: AckToken) -> Result<(), StaleToken> {
        self.acknowledge_with(now, token, PublishReason::Success)
    }

    /// As [`acknowledge`](Self::acknowledge), with a reason for PUBACK or PUBREC. One of 0x80 or above refuses the message:
    /// the Server does not send it again.
    ///
    /// 3.x knows no failure: `Success` is sent there whatever the reason is. `NoMatchingSubscribers`, which Clients may not
    /// send, is replaced by `Success` too.
    ///
    /// # Errors
    /// As [`acknowledge`](Self::acknowledge).
    pub fn acknowledge_with(
        &mut self,
        now: Instant,
        token: AckToken,
        reason: PublishReason,
    ) -> Result<(), StaleToken> {
        self.acknowledge_explained(now, token, reason, Explanation::NONE)
    }

    /// As [`acknowledge_with`](Self::acknowledge_with), and says more beside the reason. In 3.x it is not sent.
    ///
    /// # Errors
    /// As [`acknowledge`](Self::acknowledge).
    pub fn acknowledge_explained(
        &mut self,
        now: Instant,
        token: AckToken,
        reason: PublishReason,
        explanation: Explanation,
    ) -> Result<(), StaleToken> {
        self.set_now(now);
        let Some((version, _)) = self.negotiated() else { return Err(StaleToken) };
        let is_v5 = version == ProtocolVersion::V5_0;
        let is_sent = is_v5 && reason.may_be_sent_by(Side::Client);
        let id = self.session.receiver.packet_id(&token);
        self.answer(token, if is_sent { reason } else { PublishReason::Success })?;
        if is_v5
            && !explanation.is_empty()
            && let (Some(id), Some(connection)) = (id, &mut self.connection)
        {
            connection.explanations.insert(id, explanation);
        }
        self.send_answers();
        Ok(())
    }

    fn answer(&mut self, token: AckToken, reason: PublishReason) -> Result<(), StaleToken> {
        if let Some(id) = self.session.receiver.answer(token, reason)? {
            self.log().received(id);
        }
        Ok(())
    }

    /// Handles the packets at the front of `input` and removes them.
    ///
    /// Call it when bytes have arrived, and again after [`Received::Paused`] once something has been written. What it
    /// returns says what to do next; without a connection that is [`Received::Closed`].
    pub fn handle_input(&mut self, now: Instant, input: &mut BytesMut) -> Received {
        self.set_now(now);
        loop {
            self.handle_short_acks(input);
            if self.connection.is_none() {
                return Received::Closed;
            }
            if self.is_transmit_full() {
                return Received::Paused;
            }
            if !self.handle_packet(input) {
                let needed =
                    self.connection.as_ref().map_or(1, |connection| connection.decoder.needed(input));
                self.send_waiting();
                return Received::NeedData(needed.max(1));
            }
        }
    }

    /// Handles the acknowledgements in four and five bytes at the front of `input`, and removes them at once.
    #[inline]
    fn handle_short_acks(&mut self, input: &mut BytesMut) {
        let mut done = 0;
        while !self.is_transmit_full()
            && let Some(connection) = &mut self.connection
        {
            let rest = input.get(done..).unwrap_or_default();
            if let Some(ack) = connection.short_ack(rest) {
                self.handle_short(ack);
                done += ShortAck::LEN;
            } else if let Some(ack) = connection.reason_ack(rest) {
                self.handle_reason(ack);
                done += ReasonAck::LEN;
            } else {
                break;
            }
        }
        input.advance(done);
    }

    /// The queue stops at the limit: the second half is for answers, so that a long queue does not stop input.
    fn is_transmit_full(&self) -> bool {
        self.transmit.pending() >= self.config.transmit_limit.saturating_mul(2)
    }

    /// The Network Connection is closed, by whomever. Nothing can be written any more.
    pub fn handle_closed(&mut self, now: Instant) {
        self.set_now(now);
        self.end(Disconnected::Closed);
        self.transmit.clear();
    }

    /// Does what is due at `now`. Call it at the time [`poll_timeout`](Self::poll_timeout) names; earlier it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.set_now(now);
        match self.poll_timeout() {
            Some((deadline, timer)) if deadline <= self.now => match timer {
                Timer::Connack => self.end(Disconnected::ConnackTimeout),
                Timer::Pingresp => self.end(Disconnected::PingrespTimeout),
                Timer::Pingreq => {
                    self.send(&Packet::Pingreq);
                    let now = self.now;
                    if let Some(negotiated) = self.negotiated_mut() {
                        negotiated.pinger.pingreq_sent(now);
                    }
                }
            },
            _ => {}
        }
    }

    /// The next event. Call it until it returns `None`, after any other call.
    #[must_use = "the event is gone"]
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        match self.events.pop_brief() {
            None => self.poll_other(),
            brief => brief,
        }
    }

    #[inline(never)]
    fn poll_other(&mut self) -> Option<Event> {
        self.events.pop_other().or_else(|| self.journal.take().map(Event::Persist))
    }

    /// The changes of all transactions up to this one ([`Event::Persist`]) are stored: what waited for them may leave. A number
    /// that was never told does nothing.
    pub fn handle_persisted(&mut self, now: Instant, up_to: PersistSeq) {
        self.set_now(now);
        self.journal.persisted(up_to);
        self.transmit.release(&self.journal);
    }

    /// The bytes to write. Fills itself from the queue: ask for it again after writing. In a durable client that can bring a
    /// [`Event::Persist`]: before waiting for anything, [`poll_event`](Self::poll_event) has to be `None` after the last write.
    pub fn transmit(&mut self) -> &mut Transmit {
        self.send_waiting();
        &mut self.transmit
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and what for. Any other call may change it.
    #[must_use = "nothing else wakes the client"]
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.connection.as_ref()?.phase {
            Phase::AwaitConnack { deadline } => Some((*deadline, Timer::Connack)),
            Phase::Connected(negotiated) => Some(match negotiated.pinger.deadline()? {
                PingerDeadline::Pingreq(deadline) => (deadline, Timer::Pingreq),
                PingerDeadline::Pingresp(deadline) => (deadline, Timer::Pingresp),
            }),
        }
    }

    /// The version of the connection; `None` when there is none.
    pub fn version(&self) -> Option<ProtocolVersion> {
        Some(self.connection.as_ref()?.options.version)
    }

    /// What the Server of the connection supports; `None` before CONNACK and without a connection.
    pub fn limits(&self) -> Option<&ServerLimits> {
        Some(&self.connection.as_ref()?.negotiated()?.limits)
    }

    /// How many messages wait to be sent for the first time.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// How many QoS 1 and QoS 2 messages have been sent and wait for the end of their exchange.
    pub const fn in_flight(&self) -> usize {
        self.session.sender.len()
    }

    /// The connection is over. The first reason stands.
    fn end(&mut self, why: Disconnected) {
        let Some(connection) = self.connection.take() else { return };
        for Request { token, kind, .. } in connection.requests.into_values() {
            self.events.push(match kind {
                RequestKind::Subscribe => Event::Subscribed { token, outcome: SubscribeOutcome::Lost },
                RequestKind::Unsubscribe => Event::Unsubscribed { token, outcome: UnsubscribeOutcome::Lost },
            });
        }
        if matches!(connection.phase, Phase::Connected(_)) && connection.exchange.is_some() {
            self.events.push(Event::Reauthenticated(ReauthenticateOutcome::Lost));
        }
        match connection.phase {
            Phase::Connected(Negotiated { session_expiry_interval: 0, .. }) => self.lose_session(),
            // Otherwise the Server may have begun the Session, and its CONNACK not been read.
            Phase::AwaitConnack { .. }
                if !connection.had_session
                    && !matches!(
                        why,
                        Disconnected::Closed
                            | Disconnected::ConnackTimeout
                            | Disconnected::Requested
                            | Disconnected::Malformed(_)
                    ) =>
            {
                self.lose_session();
            }
            Phase::AwaitConnack { .. } | Phase::Connected(_) => {}
        }
        self.events.push(Event::Disconnected(why));
    }

    /// There is Session State from now on, and it is known to be there.
    fn begin_session(&mut self, client_id: &str) {
        if self.session_of.as_deref() != Some(client_id) {
            self.session_of = Some(client_id.into());
            persist::put_session(&mut self.journal, client_id);
        }
    }

    /// There is no Session any more: the messages in it go back to the application, in the order they were sent in.
    fn lose_session(&mut self) {
        if self.session_of.take().is_some() {
            persist::remove_session(&mut self.journal);
        }
        if self.session.receiver.accepted().next().is_some() {
            self.log().discarded_all();
        }
        self.session.receiver.reset();
        self.session.pubrecs.clear();
        for (_, Tag { token, is_resolved, .. }, outgoing) in self.session.sender.reset() {
            DeliveryLog::client(&mut self.journal).completed(token.0, outgoing.is_some());
            if is_resolved {
                continue;
            }
            let message = outgoing.map(|outgoing| outgoing.message.into_message());
            if let Some(message) = &message {
                self.held_bytes = self.held_bytes.saturating_sub(message.size());
            }
            self.events.push(Event::Published { token, outcome: PublishOutcome::SessionLost(message) });
        }
    }

    fn negotiated(&self) -> Option<(ProtocolVersion, &Negotiated)> {
        let connection = self.connection.as_ref()?;
        Some((connection.options.version, connection.negotiated()?))
    }

    const fn negotiated_mut(&mut self) -> Option<&mut Negotiated> {
        match &mut self.connection {
            Some(connection) => connection.negotiated_mut(),
            None => None,
        }
    }

    fn log(&mut self) -> DeliveryLog<'_> {
        DeliveryLog::client(&mut self.journal)
    }

    const fn take_token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    /// Time does not go backwards.
    fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}
