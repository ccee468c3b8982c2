//! One Session: everything the Server keeps of a Client while it is away, and changes while it is there (section 4.1).

mod fill;

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use mqtt_codec::{
    Delivery, DisconnectReason, PacketId, ProtocolVersion, Pubcomp, PublishReason, Pubrel, QoS,
    ReleaseReason, ShortAck,
};
use mqtt_topic::TopicFilter;

pub(crate) use self::fill::Judge;
use super::Limits;
use super::action::{Actions, ConnectionId, DropCause};
use super::connection::{Connection, TooLarge};
use super::outgoing::Outgoing;
use super::parcel::Parcel;
use super::queue::{Queue, Waiting};
use super::records::{SessionLog, SessionTerms, StoredWill};
use super::retained::RetainedWalk;
use crate::delivery::{Acknowledged, Answer, Receiver, Sender};
use crate::packet_id::PacketIds;
use crate::persist::{Bodies, DeliveryLog, ExchangeStage, RestoredDelivery, RestoredExchange};
use crate::{Instant, Message};

/// The Client a [`Policy`](crate::Policy) is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo<'a> {
    /// Its Client Identifier, the assigned one if it brought none.
    pub client_id: &'a str,
    /// What [`Verdict::AcceptAs`](crate::Verdict::AcceptAs) said of it.
    pub principal: Option<&'a str>,
    /// Its connection; `None` while it is away: its Will is published, or a message comes that is to wait for it.
    pub connection: Option<ConnectionId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) client_id: Arc<str>,
    /// Who began it, where authentication says so.
    pub(crate) principal: Option<Arc<str>>,
    pub(crate) connection: Option<ConnectionId>,
    /// The Session Expiry Interval in force, in seconds; 0xFFFFFFFF: never.
    pub(crate) expiry: u32,
    /// When it ends; only while not connected.
    pub(crate) expires_at: Option<Instant>,
    /// Only while not connected.
    pub(crate) will: Option<DelayedWill>,
    /// The deadline that is set for this Session.
    pub(crate) timer: Option<Instant>,
    /// How many subscriptions it has.
    pub(crate) subscriptions: usize,
    /// Bytes of their Topic Filters.
    pub(crate) subscription_bytes: usize,
    /// Which message found this Session last, and as which of its targets; none if it may not have it.
    pub(crate) mark: (u64, usize),
    /// Its state is in the store of a durable broker.
    pub(crate) is_stored: bool,
    sender: Sender<Outgoing, Tag>,
    packet_ids: PacketIds,
    /// The number of the last message that was to be kept.
    last_number: u64,
    /// How many exchanges have been begun.
    started: u64,
    /// Bytes of the messages in `sender`.
    under_way: usize,
    /// Answers go through [`answer`](Self::answer), PUBREL through [`release`](Self::release).
    pub(crate) receiver: Receiver,
    queue: Queue,
    walks: VecDeque<RetainedWalk>,
    /// The walks have used up their budget and go on when the timer says so.
    pub(crate) walk_rests: bool,
}

/// What an exchange is known by in the store: the number of its message, and its place in the order of first sending.
#[derive(Clone, Copy, Debug)]
struct Tag {
    number: u64,
    order: u64,
}

/// A Will that waits for its Will Delay Interval.
#[derive(Clone, Debug)]
pub(crate) struct DelayedWill {
    pub(crate) message: Arc<Message>,
    /// The Will Delay Interval it came with, in seconds.
    pub(crate) delay: u32,
    pub(crate) at: Instant,
}

impl Session {
    pub(crate) fn new(client_id: Arc<str>, principal: Option<Arc<str>>) -> Self {
        Self {
            client_id,
            principal,
            connection: None,
            expiry: 0,
            expires_at: None,
            will: None,
            timer: None,
            subscriptions: 0,
            subscription_bytes: 0,
            mark: (0, 0),
            is_stored: false,
            sender: Sender::default(),
            packet_ids: PacketIds::default(),
            last_number: 0,
            started: 0,
            under_way: 0,
            receiver: Receiver::default(),
            queue: Queue::default(),
            walks: VecDeque::new(),
            walk_rests: false,
        }
    }

    /// A connection goes on with this Session. `window` is how many messages may be under way to the Client, `receive_maximum`
    /// how many from it.
    pub(crate) fn attach(
        &mut self,
        connection: ConnectionId,
        expiry: u32,
        window: u16,
        receive_maximum: u16,
    ) {
        self.connection = Some(connection);
        self.expiry = expiry;
        self.expires_at = None;
        self.sender.resume(window);
        self.receiver.resume(receive_maximum);
    }

    pub(crate) fn info(&self) -> ClientInfo<'_> {
        let Self { client_id, principal, connection, .. } = self;
        ClientInfo { client_id, principal: principal.as_deref(), connection: *connection }
    }

    /// Whether a QoS 1 or 2 message may go out at once, without overtaking another.
    pub(crate) fn is_ready(&self, limits: Limits) -> bool {
        self.walks.is_empty() && self.queue.is_empty() && self.can_start(limits)
    }

    /// Whether the queue would take a message of this size.
    pub(crate) fn has_room_for(&self, size: usize, limits: Limits) -> bool {
        self.queue.has_room(size_of::<Outgoing>() + size, limits)
    }

    /// Whether [`fill`](Self::fill) may have something to do.
    pub(crate) fn has_waiting(&self) -> bool {
        self.sender.has_resends() || !self.walks.is_empty() || !self.queue.is_empty()
    }

    fn can_start(&self, limits: Limits) -> bool {
        self.sender.can_start() && self.under_way < limits.queued_bytes
    }

    /// Sends a QoS 1 or 2 message that did not wait, and is written in this way.
    #[inline]
    pub(crate) fn start(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        parcel: &mut Parcel<'_>,
        outgoing: Outgoing,
        actions: &mut Actions,
    ) {
        if !connection.takes(now, parcel, outgoing.first_hop()) {
            return self.dropped(DropCause::PacketTooLarge, actions);
        }
        let number = self.number(&outgoing, parcel, actions);
        self.start_numbered(now, connection, parcel, (number, outgoing), actions);
    }

    /// Takes a message over.
    #[inline]
    fn number(&mut self, outgoing: &Outgoing, parcel: &mut Parcel<'_>, actions: &mut Actions) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        let mut log = self.log(actions);
        if log.is_enabled() {
            log.message(number, &outgoing.record(), parcel.body(&outgoing.message));
        }
        number
    }

    #[inline]
    fn start_numbered(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        parcel: &mut Parcel<'_>,
        (number, outgoing): (u64, Outgoing),
        actions: &mut Actions,
    ) {
        let Self { sender, packet_ids, .. } = self;
        let Some(packet_id) = packet_ids.allocate(sender.len(), |id| sender.contains(id)) else {
            debug_assert!(false, "the send quota is not above the number of identifiers");
            self.log(actions).message_gone(number);
            return self.dropped(DropCause::QueueFull, actions);
        };
        self.started += 1;
        let tag = Tag { number, order: self.started };
        self.log(actions).sent(number, tag.order, packet_id);
        let delivery = match outgoing.qos {
            QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup: false },
            QoS::AtLeastOnce | QoS::AtMostOnce => Delivery::AtLeastOnce { packet_id, dup: false },
        };
        match connection.publish(now, parcel, outgoing.hop(delivery), actions) {
            Ok(()) => {
                self.under_way += outgoing.size();
                self.sender.start(packet_id, outgoing.qos, outgoing, tag);
            }
            Err(cause) => {
                self.log(actions).completed(number, true);
                self.dropped(cause, actions);
            }
        }
    }

    /// Whether the queue takes a message of this size; what has expired makes room for it.
    pub(crate) fn make_room(
        &mut self,
        now: Instant,
        size: usize,
        limits: Limits,
        actions: &mut Actions,
    ) -> bool {
        let Self { queue, client_id, is_stored, .. } = self;
        let mut log = DeliveryLog::session(&mut actions.journal, client_id, *is_stored);
        queue.make_room(now, size, limits, |number| log.message_gone(number))
    }

    /// Keeps a QoS 1 or 2 message until it can be sent.
    pub(crate) fn enqueue(
        &mut self,
        now: Instant,
        parcel: &mut Parcel<'_>,
        outgoing: Outgoing,
        limits: Limits,
        actions: &mut Actions,
    ) {
        if outgoing.has_expired(now) {
            return;
        }
        if !self.make_room(now, outgoing.size(), limits, actions) {
            return self.dropped(DropCause::QueueFull, actions);
        }
        let number = self.number(&outgoing, parcel, actions);
        self.queue.push(Waiting { number, outgoing });
    }

    /// What the store has to know of the Session itself.
    pub(crate) fn terms(&self) -> SessionTerms {
        SessionTerms {
            principal: self.principal.clone(),
            expiry: self.expiry,
            was_connected: self.connection.is_some(),
            expires_at: self.expires_at,
        }
    }

    /// Where its other changes are told.
    pub(crate) fn session_log<'a>(&'a self, actions: &'a mut Actions) -> SessionLog<'a> {
        SessionLog::new(&mut actions.journal, &self.client_id, self.is_stored)
    }

    /// Where changes of its deliveries are told.
    #[inline]
    fn log<'a>(&'a self, actions: &'a mut Actions) -> DeliveryLog<'a> {
        DeliveryLog::session(&mut actions.journal, &self.client_id, self.is_stored)
    }

    pub(crate) fn dropped(&self, cause: DropCause, actions: &mut Actions) {
        actions.dropped(&self.client_id, cause);
    }

    /// How many subscriptions still have retained messages to get.
    pub(crate) fn walks(&self) -> usize {
        self.walks.len()
    }

    /// The retained messages of a subscription are to be sent.
    pub(crate) fn walk(&mut self, walk: RetainedWalk, actions: &mut Actions) {
        self.session_log(actions).walk(&walk);
        self.walks.push_back(walk);
    }

    /// A subscription was still to get retained messages when the broker was stopped.
    pub(crate) fn restore_walk(&mut self, walk: RetainedWalk) {
        self.walks.push_back(walk);
    }

    /// The subscription is gone, and what it was still to get.
    pub(crate) fn stop_walk<S: AsRef<[u8]>>(&mut self, filter: &TopicFilter<S>, actions: &mut Actions) {
        let before = self.walks.len();
        self.walks.retain(|walk| walk.filter != *filter);
        if self.walks.len() < before {
            self.session_log(actions).walk_gone(filter);
        }
    }

    /// A step of an exchange arrives, and is answered. The message that is given up, or the reason to end the connection with.
    pub(crate) fn acknowledge(
        &mut self,
        ack: Ack,
        connection: &mut Connection,
        actions: &mut Actions,
    ) -> Result<Option<Arc<Message>>, DisconnectReason> {
        let rest = |outgoing: &mut Option<Outgoing>| {
            outgoing.take().map(|outgoing| (outgoing.size(), outgoing.message))
        };
        let (id, acknowledged) = match ack {
            Ack::Puback(id) => (id, self.sender.puback(id, rest)),
            Ack::Pubrec(id, reason) => (id, self.sender.pubrec(id, reason, rest)),
            Ack::Pubcomp(id) => (id, self.sender.pubcomp(id)),
            Ack::Pubrel(id) => {
                self.release(id, connection, actions)?;
                return Ok(None);
            }
        };
        match acknowledged {
            Acknowledged::Ended { tag, message } => {
                self.log(actions).completed(tag.number, message.is_some());
                Ok(self.given_up(message))
            }
            Acknowledged::Release { tag, message } => {
                if message.is_some() {
                    self.log(actions).released(tag.number, tag.order, id);
                }
                let given_up = self.given_up(message);
                connection.send_short(ShortAck::Pubrel(id).to_bytes(), actions)?;
                Ok(given_up)
            }
            Acknowledged::ReleaseUnknown => {
                let reason = ReleaseReason::PacketIdentifierNotFound;
                match connection.version() {
                    Some(ProtocolVersion::V5_0) => {
                        connection.send(&Pubrel { reason, ..Pubrel::new(id) }.into(), actions)?;
                    }
                    _ => connection.send_short(ShortAck::Pubrel(id).to_bytes(), actions)?,
                }
                Ok(None)
            }
            Acknowledged::Unknown => Ok(None),
            Acknowledged::WrongType => Err(DisconnectReason::ProtocolError),
        }
    }

    /// A PUBREL arrives, and is answered with PUBCOMP.
    fn release(
        &mut self,
        id: PacketId,
        connection: &mut Connection,
        actions: &mut Actions,
    ) -> Result<(), TooLarge> {
        let reason = self.receiver.pubrel(id);
        if reason == ReleaseReason::Success {
            self.log(actions).discarded(id);
        } else if connection.version() == Some(ProtocolVersion::V5_0) {
            return connection.send(&Pubcomp { reason, ..Pubcomp::new(id) }.into(), actions);
        }
        connection.send_short(ShortAck::Pubcomp(id).to_bytes(), actions)
    }

    /// A received message has been handed on, or refused: what it is answered with.
    pub(crate) fn answer(
        &mut self,
        delivery: Delivery,
        reason: PublishReason,
        actions: &mut Actions,
    ) -> Option<Answer> {
        let (kept, answer) = self.receiver.answer_at_once(delivery, reason);
        if let Some(id) = kept {
            self.log(actions).received(id);
        }
        answer
    }

    #[inline]
    fn given_up(&mut self, message: Option<(usize, Arc<Message>)>) -> Option<Arc<Message>> {
        let (size, message) = message?;
        self.under_way -= size;
        Some(message)
    }

    /// The next PUBACK or PUBREC that is due.
    pub(crate) fn next_answer(&mut self) -> Option<Answer> {
        self.receiver.next_answer()
    }

    /// Takes over the deliveries that were stored. `false`: an exchange is none of this Session, or two have the same identifier.
    pub(crate) fn restore(&mut self, delivery: RestoredDelivery) -> bool {
        self.last_number = delivery.last_number();
        for id in delivery.received() {
            self.receiver.restore(id);
        }
        let (exchanges, waiting) = delivery.into_parts();
        for RestoredExchange { number, order, packet_id, message, is_given_up } in exchanges {
            // Only a Client tells that it has given up a message.
            if is_given_up || self.sender.contains(packet_id) {
                return false;
            }
            let message = message.map(Outgoing::from);
            self.under_way += message.as_ref().map_or(0, Outgoing::size);
            self.started = order;
            let message = message.map(|outgoing| (outgoing.qos, outgoing));
            self.sender.restore(packet_id, message, Tag { number, order });
        }
        for (number, message) in waiting {
            self.queue.push(Waiting { number, outgoing: message.into() });
        }
        true
    }

    /// Tells its whole state but for subscriptions, as if it had come to be just now.
    pub(crate) fn record(&self, bodies: &mut Bodies, actions: &mut Actions) {
        let mut log = self.session_log(actions);
        log.terms(&self.terms());
        self.walks.iter().for_each(|walk| log.walk(walk));
        if let Some(will) = &self.will {
            log.will(&StoredWill {
                message: Arc::clone(&will.message),
                delay: will.delay,
                at: Some(will.at),
            });
        }
        let mut log = self.log(actions);
        for (packet_id, tag, outgoing) in self.sender.exchanges() {
            if let Some(outgoing) = outgoing {
                log.message(tag.number, &outgoing.record(), bodies.of(&outgoing.message));
            }
            let stage = if outgoing.is_some() { ExchangeStage::Sent } else { ExchangeStage::Released };
            log.exchange(tag.number, tag.order, packet_id, stage);
        }
        for waiting in self.queue.iter() {
            let Waiting { number, outgoing } = waiting;
            log.message(*number, &outgoing.record(), bodies.of(&outgoing.message));
        }
        self.receiver.accepted().for_each(|id| log.received(id));
    }

    /// The Session has ended: the messages of Shared Subscriptions that another member may get now. A QoS 2 message that
    /// is under way may not `[MQTT-4.8.2-5]`.
    pub(crate) fn into_shared_messages(mut self) -> impl Iterator<Item = Outgoing> {
        let under_way = self.sender.reset().filter_map(|(_, _, outgoing)| outgoing);
        under_way
            .filter(|outgoing| outgoing.qos == QoS::AtLeastOnce)
            .chain(self.queue.into_messages())
            .filter(|outgoing| outgoing.group.is_some())
    }
}

/// A step of the exchange of a message, and what of it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ack {
    Puback(PacketId),
    Pubrec(PacketId, PublishReason),
    Pubrel(PacketId),
    Pubcomp(PacketId),
}

impl From<ShortAck> for Ack {
    #[inline]
    fn from(ack: ShortAck) -> Self {
        match ack {
            ShortAck::Puback(id) => Self::Puback(id),
            ShortAck::Pubrec(id) => Self::Pubrec(id, PublishReason::Success),
            ShortAck::Pubrel(id) => Self::Pubrel(id),
            ShortAck::Pubcomp(id) => Self::Pubcomp(id),
        }
    }
}
