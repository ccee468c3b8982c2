//! PUBLISH of a Client, and what every published message has in common.

use bytes::Bytes;
use mqtt_codec::{
    AckProperties, Delivery, DisconnectReason, Frame, Packet, ProtocolVersion, Puback, Publish,
    PublishReason, Pubrec,
};
use mqtt_topic::TopicName;

use super::route::Parcel;
use super::{Broker, Policy, State};
use crate::delivery::{Answer, Incoming};
use crate::server::{ConnectionId, Phase, Retained, Session, SessionId};
use crate::{Explanation, Instant, Message};

impl<P: Policy> Broker<P> {
    /// A PUBLISH arrives; the message shares the memory of its `frame`.
    pub(super) fn handle_publish(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        frame: &Frame,
        publish: &Publish<'_>,
    ) {
        let Some((session, version)) = self.state.heard_from(now, connection) else { return };
        let topic = match self.state.topic_of(connection, frame, publish) {
            Ok(topic) => topic,
            Err(reason) => return self.violated(now, connection, reason),
        };
        if publish.delivery.qos() > self.state.config.maximum_qos {
            return self.violated(now, connection, DisconnectReason::QoSNotSupported);
        }
        if publish.retain && !self.state.config.retain_available {
            return self.violated(now, connection, DisconnectReason::RetainNotSupported);
        }
        let mut explanation = Explanation::NONE;
        let Some(from) = self.state.sessions.get_mut(session) else { return };
        match from.receiver.publish(publish.delivery) {
            Incoming::Deliver(token) => {
                let message = Message::from_publish(publish, frame, topic);
                let verdict = self.policy.may_publish(&from.info(), &message);
                let reason = match (version, verdict) {
                    (_, Err(refusal)) => {
                        explanation = refusal.explanation;
                        if refusal.reason.is_error() { refusal.reason } else { PublishReason::NotAuthorized }
                    }
                    (ProtocolVersion::V5_0, Ok(()))
                        if token.is_some() && !self.state.can_retain(&message) =>
                    {
                        PublishReason::QuotaExceeded
                    }
                    _ => {
                        let mut parcel = Parcel::received(&message, publish, now);
                        let may_be_refused = version == ProtocolVersion::V5_0 && token.is_some();
                        match self.state.offer(now, &mut parcel, session, may_be_refused) {
                            None => PublishReason::QuotaExceeded,
                            Some(0) => PublishReason::NoMatchingSubscribers,
                            Some(_) => PublishReason::Success,
                        }
                    }
                };
                // 3.x has no way to tell.
                let reason = if version == ProtocolVersion::V5_0 { reason } else { PublishReason::Success };
                let State { sessions, actions, .. } = &mut self.state;
                if let (Some(from), Some(token)) = (sessions.get_mut(session), token) {
                    from.answer(token, reason, actions);
                }
            }
            Incoming::Repeat => {}
            Incoming::IdInUse if version == ProtocolVersion::V5_0 => {
                if let Some(packet) = id_in_use(publish) {
                    self.send(now, connection, &packet);
                }
            }
            Incoming::IdInUse => self.violated(now, connection, DisconnectReason::ProtocolError),
            Incoming::ReceiveMaximumExceeded => {
                self.violated(now, connection, DisconnectReason::ReceiveMaximumExceeded);
            }
        }
        // There is never more than one: the broker answers at once.
        while let Some(answer) = self.state.sessions.get_mut(session).and_then(Session::next_answer) {
            let said = self.state.explain(connection, &explanation, |properties| {
                answering(answer, properties).encoded_len(version)
            });
            let properties = AckProperties::new(&said).unwrap_or_default();
            self.send(now, connection, &answering(answer, properties));
        }
    }
}

impl State {
    /// Takes a message over: retains it if it is to be retained, and sends it to all who want it. How many Sessions these
    /// are.
    pub(super) fn accept(&mut self, now: Instant, parcel: &mut Parcel<'_>, from: Option<SessionId>) -> usize {
        self.find_targets(parcel.message(), from);
        self.accept_found(now, parcel, from)
    }

    /// As [`accept`](Self::accept), unless the message may be refused, and has to be: `None`.
    fn offer(
        &mut self,
        now: Instant,
        parcel: &mut Parcel<'_>,
        from: SessionId,
        may_be_refused: bool,
    ) -> Option<usize> {
        self.find_targets(parcel.message(), Some(from));
        if may_be_refused && self.config.refuse_when_full && self.would_lose(now, parcel.message()) {
            self.targets.clear();
            return None;
        }
        Some(self.accept_found(now, parcel, Some(from)))
    }

    fn accept_found(&mut self, now: Instant, parcel: &mut Parcel<'_>, from: Option<SessionId>) -> usize {
        if parcel.message().retain() {
            self.retain(now, parcel, from);
        }
        self.route(now, parcel)
    }

    fn can_retain(&self, message: &Message) -> bool {
        !message.retain() || message.payload().is_empty() || self.retained.has_room_for(message)
    }

    fn retain(&mut self, now: Instant, parcel: &mut Parcel<'_>, from: Option<SessionId>) {
        let message = parcel.message();
        if message.payload().is_empty() {
            return self.retained.remove(message.topic(), &mut self.actions.journal);
        }
        if message.expiry() == Some(0) {
            // It has expired when the next Client could get it, and takes the place of the one before.
            return self.retained.remove(message.topic(), &mut self.actions.journal);
        }
        self.retained.drop_expired(now, &mut self.actions.journal);
        if !self.retained.has_room_for(message) {
            return self.actions.not_retained();
        }
        let publisher = from.and_then(|from| self.sessions.get(from)).map(|from| from.client_id.clone());
        let expires_at = parcel.expires_at();
        let retained = Retained { message: parcel.shared(), expires_at, publisher };
        self.retained.insert(retained, &mut self.actions.journal);
    }

    fn topic_of(
        &mut self,
        connection: ConnectionId,
        frame: &Frame,
        publish: &Publish<'_>,
    ) -> Result<TopicName<Bytes>, DisconnectReason> {
        match self.connections.get_mut(connection).map(|connection| &mut connection.phase) {
            Some(Phase::Connected(link)) => link.aliases_in.resolve(publish, frame),
            _ => Err(DisconnectReason::UnspecifiedError),
        }
    }
}

/// The packet that answers a PUBLISH.
fn answering(answer: Answer, properties: AckProperties<'_>) -> Packet<'_> {
    match answer {
        Answer::Puback(id, reason) => Packet::Puback(Puback { reason, properties, ..Puback::new(id) }),
        Answer::Pubrec(id, reason) => Packet::Pubrec(Pubrec { reason, properties, ..Pubrec::new(id) }),
    }
}

/// The answer to a PUBLISH whose identifier belongs to an exchange that goes on.
fn id_in_use(publish: &Publish<'_>) -> Option<Packet<'static>> {
    let reason = PublishReason::PacketIdentifierInUse;
    match publish.delivery {
        Delivery::AtMostOnce => None,
        Delivery::AtLeastOnce { packet_id, .. } => {
            Some(Packet::Puback(Puback { reason, ..Puback::new(packet_id) }))
        }
        Delivery::ExactlyOnce { packet_id, .. } => {
            Some(Packet::Pubrec(Pubrec { reason, ..Pubrec::new(packet_id) }))
        }
    }
}
