//! What the Client sends: every byte goes through [`Client::send`] or [`Client::send_publish`].

use alloc::collections::BTreeMap;
use core::time::Duration;

use mqtt_codec::{
    AckProperties, Delivery, Disconnect, DisconnectReason, EncodeError, Packet, PacketId, Property,
    ProtocolVersion, Puback, Publish, PublishReason, Pubrec, Pubrel, QoS, ReleaseReason, ShortAck, TopicForm,
};

use super::connection::{Connection, Negotiated, Phase, Request, expiry_property};
use super::kept::Kept;
use super::{Client, Disconnected, Event, PublishOutcome, PublishToken, RejectReason, Session, Violation};
use crate::delivery::{Acknowledged, Answer, Resend, first_delivery};
use crate::persist::{DeliveryLog, Journal, MessageRecord};
use crate::transmit::by_reference;
use crate::{Instant, Message, Transmit};

/// A message on its way, or waiting for it.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) message: Kept,
    pub(super) expires_at: Option<Instant>,
}

/// What stays with an exchange to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub(super) token: PublishToken,
    /// The outcome has been told; what is left is to release the identifier.
    pub(super) is_resolved: bool,
    /// What PUBREC has said, if that is not Success.
    pub(super) pubrec: PublishReason,
}

/// What waits in the queue.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) token: PublishToken,
    pub(super) outgoing: Outgoing,
}

impl Tag {
    pub(super) const fn new(token: PublishToken) -> Self {
        Self { token, is_resolved: false, pubrec: PublishReason::Success }
    }
}

impl Outgoing {
    fn parts(&self) -> (&Message, Option<Instant>) {
        (&self.message, self.expires_at)
    }

    pub(super) fn record(&self) -> MessageRecord<'_> {
        record(&self.message, self.expires_at)
    }

    /// Whether it has waited too long. An interval of 0 means: at once or not at all.
    fn is_expired(&self, now: Instant) -> bool {
        match (self.expires_at, self.message.expiry()) {
            (Some(expires_at), Some(0)) => now > expires_at,
            (Some(expires_at), _) => now >= expires_at,
            (None, _) => false,
        }
    }
}

impl Session {
    /// A free Packet Identifier; `None` when all are in use, by exchanges of the Session or requests of the connection.
    pub(super) fn allocate(&mut self, requests: &BTreeMap<PacketId, Request>) -> Option<PacketId> {
        let Self { sender, packet_ids, .. } = self;
        let is_used = |id| sender.contains(id) || requests.contains_key(&id);
        packet_ids.allocate(sender.len() + requests.len(), is_used)
    }
}

impl Client {
    /// Appends `packet`; ends the connection when the Server's Maximum Packet Size forbids it.
    pub(super) fn send(&mut self, packet: &Packet<'_>) {
        let Some(connection) = &mut self.connection else { return };
        let version = connection.options.version;
        if let Some(negotiated) = connection.negotiated_mut() {
            negotiated.pinger.sent(self.now);
            if negotiated.limits.takes(|| packet.encoded_len(version)) == Ok(false) {
                // Not even a DISCONNECT may fit.
                return self.end(Disconnected::ProtocolError {
                    reason: DisconnectReason::PacketTooLarge,
                    violation: Violation::MaximumPacketSize,
                });
            }
        }
        let is_answer =
            matches!(packet, Packet::Puback(_) | Packet::Pubrec(_) | Packet::Pubrel(_) | Packet::Pubcomp(_));
        if is_answer {
            hold(&mut self.transmit, &self.journal);
        }
        // Packets made here are valid in the version they are made for.
        let encoded = self.transmit.push(packet, version);
        debug_assert_eq!(encoded, Ok(()));
    }

    /// Ends the connection with a DISCONNECT, where the version allows one that says this.
    pub(super) fn send_disconnect(&mut self, disconnect: Disconnect<'_>, why: Disconnected) {
        let Some(version) = self.version() else { return };
        if version == ProtocolVersion::V5_0 || disconnect.reason == DisconnectReason::NormalDisconnection {
            self.send(&disconnect.into());
        }
        self.end(why);
    }

    /// The Server has broken the protocol: it is told so in 5.0 `[MQTT-4.13.1-1]`.
    pub(super) fn fail(&mut self, reason: DisconnectReason, violation: Violation) {
        self.send_disconnect(Disconnect::new(reason), Disconnected::ProtocolError { reason, violation });
    }

    /// Appends acknowledgements of received messages that may leave.
    pub(super) fn send_answers(&mut self) {
        while let Some(answer) = self.session.receiver.next_answer() {
            self.send_answer(answer);
        }
    }

    pub(super) fn send_answer(&mut self, answer: Answer) {
        if let Some(ack) = answer.short()
            && self.connection.as_ref().is_some_and(|connection| connection.explanations.is_empty())
        {
            return self.send_short(ack);
        }
        match answer {
            Answer::Puback(id, reason) => {
                self.acknowledge_by(id, |properties| Puback { reason, properties, ..Puback::new(id) }.into());
            }
            Answer::Pubrec(id, reason) => {
                self.acknowledge_by(id, |properties| Pubrec { reason, properties, ..Pubrec::new(id) }.into());
            }
        }
    }

    /// Appends the acknowledgement that `packet` makes, with what the application says beside its reason, as far as the Server
    /// takes it.
    fn acknowledge_by(&mut self, id: PacketId, packet: impl Fn(AckProperties<'_>) -> Packet<'_>) {
        let explanations = self.connection.as_mut().map(|connection| &mut connection.explanations);
        let explanation = explanations.filter(|all| !all.is_empty()).and_then(|all| all.remove(&id));
        let (Some(explanation), Some((version, negotiated))) = (explanation, self.negotiated()) else {
            return self.send(&packet(AckProperties::EMPTY));
        };
        let limits = negotiated.limits;
        let sent = explanation.fit(&[], |values| {
            let packet = packet(AckProperties::new(values).map_err(EncodeError::from)?);
            if !limits.takes(|| packet.encoded_len(version))? {
                return Err(EncodeError::PacketTooLarge);
            }
            self.send(&packet);
            Ok(())
        });
        if sent.is_err() {
            self.send(&packet(AckProperties::EMPTY));
        }
    }

    pub(super) fn send_pubrel(&mut self, id: PacketId, reason: ReleaseReason) {
        match reason {
            ReleaseReason::Success => self.send_short(ShortAck::Pubrel(id)),
            _ => self.send(&Pubrel { reason, ..Pubrel::new(id) }.into()),
        }
    }

    /// As [`send`](Self::send), for what is sent most.
    #[inline]
    pub(super) fn send_short(&mut self, ack: ShortAck) {
        match negotiated(&mut self.connection) {
            Some((_, negotiated)) if negotiated.limits.maximum_packet_size >= ShortAck::SIZE => {
                negotiated.pinger.sent(self.now);
                hold(&mut self.transmit, &self.journal);
                self.transmit.push_short(ack.to_bytes());
            }
            _ => self.send(&ack.into()),
        }
    }

    /// Appends what waits: first what has to be sent again, then the queue, as far as there is room and send quota.
    pub(super) fn send_waiting(&mut self) {
        while self.transmit.pending() < self.config.transmit_limit {
            if !self.send_again() && !self.send_queued() {
                return;
            }
        }
    }

    /// Sends the next packet of an earlier connection again. `false`: there is none, or none may be sent now.
    fn send_again(&mut self) -> bool {
        let Some((version, negotiated)) = negotiated(&mut self.connection) else { return false };
        let (id, rejected) = match self.session.sender.next_resend() {
            None => return false,
            Some(Resend::Pubrel(id)) => {
                self.send_pubrel(id, ReleaseReason::Success);
                return true;
            }
            Some(Resend::Publish { delivery, message }) => {
                hold(&mut self.transmit, &self.journal);
                let sent = send_publish(
                    &mut self.transmit,
                    negotiated,
                    version,
                    self.now,
                    message.parts(),
                    delivery,
                );
                match (sent, delivery.packet_id()) {
                    (Err(reason), Some(id)) => (id, reason),
                    _ => return true,
                }
            }
        };
        // This Server does not take what the one before took, and may have.
        match self.session.sender.give_up(id, |tag| tag.is_resolved = true) {
            Acknowledged::Ended { tag: Tag { token, .. }, message: Some(outgoing) } => {
                self.log().completed(token.0, true);
                self.resolve_rejected(token, outgoing, rejected);
            }
            Acknowledged::Release { tag: Tag { token, .. }, message: Some(outgoing) } => {
                self.log().given_up(token.0, id);
                self.resolve_rejected(token, outgoing, rejected);
                self.send_pubrel(id, ReleaseReason::Success);
            }
            _ => {}
        }
        true
    }

    /// Sends the next message of the queue for the first time. `false`: there is none, or it may not be sent now.
    fn send_queued(&mut self) -> bool {
        let Some(Queued { outgoing, .. }) = self.queue.front() else { return false };
        let is_expired = outgoing.is_expired(self.now);
        if self.negotiated().is_none() || !(is_expired || self.may_send(outgoing.message.qos())) {
            return false;
        }
        let Some(Queued { token, outgoing }) = self.queue.pop_front() else { return false };
        if is_expired {
            if outgoing.message.qos() != QoS::AtMostOnce {
                self.log().message_gone(token.0);
            }
            self.forget(&outgoing.message);
            self.events.push(Event::Published { token, outcome: PublishOutcome::Expired });
            return true;
        }
        match self.write_first(token, &outgoing.message, outgoing.expires_at) {
            Ok(None) => {
                self.forget(&outgoing.message);
                self.events.sent(token);
            }
            Ok(Some(id)) => {
                let qos = outgoing.message.qos();
                self.session.sender.start_with(id, qos, || outgoing, Tag::new(token));
            }
            Err(reason) => self.resolve_rejected(token, outgoing, reason),
        }
        true
    }

    /// Whether a message of this QoS may be sent for the first time now, if everything before it has been sent.
    pub(super) fn may_send(&self, qos: QoS) -> bool {
        let Some(connection) = self.connection.as_ref().filter(|one| one.negotiated().is_some()) else {
            return false;
        };
        let exchanges = self.session.sender.len() + connection.requests.len();
        qos == QoS::AtMostOnce || self.session.sender.can_start() && exchanges < usize::from(u16::MAX)
    }

    /// Writes a message for the first time, which [`may_send`](Self::may_send) allows. It is for the caller to start the exchange of the
    /// identifier, or to tell that all is over where there is none.
    #[expect(clippy::inline_always, reason = "a small part of what every message takes")]
    #[inline(always)]
    pub(super) fn write_first(
        &mut self,
        token: PublishToken,
        message: &Message,
        expires_at: Option<Instant>,
    ) -> Result<Option<PacketId>, RejectReason> {
        let Self { connection, session, transmit, journal, now, .. } = self;
        let qos = message.qos();
        // Not the case after `may_send`.
        let mut never_sent = |reason| {
            if qos != QoS::AtMostOnce {
                DeliveryLog::client(journal).message_gone(token.0);
            }
            Err(reason)
        };
        let Some(Connection { options, requests, phase: Phase::Connected(negotiated), .. }) = connection
        else {
            return never_sent(RejectReason::NotConnected);
        };
        let version = options.version;
        let (id, delivery) = if qos == QoS::AtMostOnce {
            (None, Delivery::AtMostOnce)
        } else {
            let Some(id) = session.allocate(requests) else {
                return never_sent(RejectReason::PacketIdsExhausted);
            };
            DeliveryLog::client(journal).sent(token.0, token.0, id);
            hold(transmit, journal);
            (Some(id), first_delivery(qos, id))
        };
        let sent = send_publish(transmit, negotiated, version, *now, (message, expires_at), delivery);
        if sent.is_err() && id.is_some() {
            DeliveryLog::client(journal).completed(token.0, true);
        }
        sent.map(|()| id)
    }

    fn resolve_rejected(&mut self, token: PublishToken, outgoing: Outgoing, reason: RejectReason) {
        let message = outgoing.message.into_message();
        self.forget(&message);
        let outcome = PublishOutcome::Rejected { message, reason };
        self.events.push(Event::Published { token, outcome });
    }

    /// The bytes of `message` are no longer held.
    pub(super) fn forget(&mut self, message: &Message) {
        self.held_bytes = self.held_bytes.saturating_sub(message.size());
    }
}

pub(super) fn negotiated(connection: &mut Option<Connection>) -> Option<(ProtocolVersion, &mut Negotiated)> {
    let connection = connection.as_mut()?;
    let version = connection.options.version;
    connection.negotiated_mut().map(|negotiated| (version, negotiated))
}

/// How a message is stored.
pub(super) const fn record(message: &Message, expires_at: Option<Instant>) -> MessageRecord<'_> {
    let (qos, retain) = (message.qos(), message.retain());
    MessageRecord { qos, retain, expires_at, identifiers: &[], group: None }
}

/// When a message expires that is published now.
#[inline]
pub(super) fn expires_at(now: Instant, message: &Message) -> Option<Instant> {
    message.expiry().map(|seconds| now + Duration::from_secs(seconds.into()))
}

/// Whole seconds until then, rounded up.
fn seconds_until(at: Instant, now: Instant) -> u32 {
    u32::try_from(at.duration_since(now).as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

/// What is appended next waits until all changes so far are stored.
pub(super) fn hold(transmit: &mut Transmit, journal: &Journal) {
    if let Some(seq) = journal.barrier() {
        transmit.hold(seq);
    }
}

/// Appends a PUBLISH with what this hop adds: the Message Expiry Interval that is left, and a Topic Alias.
pub(super) fn send_publish(
    transmit: &mut Transmit,
    negotiated: &mut Negotiated,
    version: ProtocolVersion,
    now: Instant,
    (message, expires_at): (&Message, Option<Instant>),
    delivery: Delivery,
) -> Result<(), RejectReason> {
    negotiated.limits.check_support(message)?;
    let named = message.as_publish(version, delivery);
    let expiry = expiry_property(expires_at.map(|at| seconds_until(at, now)), version);
    let is_small = negotiated.limits.takes_easily(message);
    let mut push = |publish: &Publish<'_>, extra: &[Property<'_>]| {
        if !is_small && !negotiated.limits.takes(|| publish.encoded_len_with(version, extra))? {
            return Err(RejectReason::PacketTooLarge);
        }
        Ok(transmit.push_publish(publish, extra, by_reference(message.payload()), version)?)
    };
    let form = negotiated.alias_sender.choose(message.topic());
    let is_sent = form.alias().is_some_and(|alias| {
        let topic = named.topic.filter(|_| matches!(form, TopicForm::SetAlias(_)));
        let (publish, alias) = (Publish { topic, ..named }, Property::TopicAlias(alias));
        let sent = match expiry {
            None => push(&publish, &[alias]),
            Some(expiry) => push(&publish, &[expiry, alias]),
        };
        sent.is_ok()
    });
    if is_sent {
        negotiated.alias_sender.sent(message.topic(), form);
    } else {
        // There is no alias, or it is a few bytes too much.
        push(&named, expiry.as_slice())?;
    }
    negotiated.pinger.sent(now);
    Ok(())
}
