//! PUBLISH of a Client, and what every published message has in common.

use alloc::sync::Arc;

use mqtt_codec::{
    AckProperties, Delivery, DisconnectReason, MessageProperties, Packet, ProtocolVersion, Puback, Publish,
    PublishProperties, PublishReason, Pubrec, ReasonAck,
};
use mqtt_topic::TopicName;

use super::{Broker, Policy, State};
use crate::delivery::{Answer, Incoming};
use crate::server::{Action, Actions, ConnectionId, Parcel, Phase, Retained, SessionId};
use crate::{Explanation, Instant, Refusal};

impl<P: Policy> Broker<P> {
    /// A PUBLISH arrives, and these are its bytes.
    #[inline]
    pub(super) fn handle_publish(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        packet: &[u8],
        publish: &Publish<'_>,
    ) {
        let state = self.state.connections.get_mut(connection);
        let Some(Phase::Connected(link)) = state.map(|state| &mut state.phase) else { return };
        link.watchdog.received(now);
        let (session, version) = (link.session, link.version);
        let aliased = match link.aliases_in.resolve(publish) {
            Ok(topic) => topic,
            Err(reason) => return self.violated(now, connection, reason),
        };
        let Some(topic) = aliased.as_ref().map(TopicName::borrowed).or(publish.topic) else {
            return self.violated(now, connection, DisconnectReason::ProtocolError);
        };
        if publish.delivery.qos() > self.state.config.maximum_qos {
            return self.violated(now, connection, DisconnectReason::QoSNotSupported);
        }
        if publish.retain && !self.state.config.retain_available {
            return self.violated(now, connection, DisconnectReason::RetainNotSupported);
        }
        let Some(from) = self.state.sessions.get_mut(session) else { return };
        match from.receiver.judge(publish.delivery) {
            Incoming::Deliver => {
                let taken = self.take_over(now, session, version, topic, publish, packet);
                if publish.delivery.packet_id().is_none() {
                    return;
                }
                let State { sessions, actions, .. } = &mut self.state;
                let Some(from) = sessions.get_mut(session) else { return };
                match taken {
                    Ok(reason) => {
                        let answer = from.answer(publish.delivery, reason, actions);
                        let Some(answer) = answer else { return };
                        match answer.short() {
                            Some(ack) => self.send_short(now, connection, ack.to_bytes()),
                            None if version == ProtocolVersion::V5_0 => {
                                self.send_short(now, connection, ReasonAck::from(answer).to_bytes());
                            }
                            None => self.answer(now, connection, version, Some(answer), &Explanation::NONE),
                        }
                    }
                    Err(Refusal { reason, explanation }) => {
                        let reason = match reason {
                            // 3.x has no way to tell.
                            _ if version != ProtocolVersion::V5_0 => PublishReason::Success,
                            reason if reason.is_error() => reason,
                            _ => PublishReason::NotAuthorized,
                        };
                        let answer = from.answer(publish.delivery, reason, actions);
                        self.answer(now, connection, version, answer, &explanation);
                    }
                }
            }
            // There is never more than one: the broker answers at once.
            Incoming::Repeat => {
                let answer = from.next_answer();
                self.answer(now, connection, version, answer, &Explanation::NONE);
            }
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
    }

    /// Sends the message of a PUBLISH to all who want it, if that is allowed; the reason to answer with.
    #[expect(clippy::inline_always, reason = "to hand a packet over in memory costs as much as to decode it")]
    #[inline(always)]
    fn take_over(
        &mut self,
        now: Instant,
        session: SessionId,
        version: ProtocolVersion,
        topic: TopicName<&[u8]>,
        publish: &Publish<'_>,
        packet: &[u8],
    ) -> Result<PublishReason, Refusal<PublishReason>> {
        let (own, expiry) = match publish.properties {
            none if none.is_empty() => (None, None),
            some => (properties_of_message(some), some.message_expiry_interval()),
        };
        let properties = own.as_ref().map_or(publish.properties, MessageProperties::as_publish);
        let is_as_it_came = own.is_none() && publish.topic.is_some();
        let packet = is_as_it_came.then_some((packet, version));
        let is_told = version == ProtocolVersion::V5_0 && publish.delivery.packet_id().is_some();
        let publish = Publish { topic: Some(topic), ..*publish };
        let Some(from) = self.state.sessions.get(session) else {
            return Ok(PublishReason::UnspecifiedError);
        };
        self.policy.may_publish(&from.info(), &publish)?;
        let mut parcel = Parcel::received(topic, Publish { properties, ..publish }, packet, expiry, now);
        if is_told && !self.state.can_retain(&parcel) {
            return Ok(PublishReason::QuotaExceeded);
        }
        Ok(match self.state.offer(&self.policy, now, &mut parcel, session, is_told) {
            None => PublishReason::QuotaExceeded,
            // Whoever is told of the message may know of others that want it.
            Some(0) if is_told && !self.state.config.tell_published => PublishReason::NoMatchingSubscribers,
            Some(_) => PublishReason::Success,
        })
    }

    fn answer(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        version: ProtocolVersion,
        answer: Option<Answer>,
        explanation: &Explanation,
    ) {
        let Some(answer) = answer else { return };
        if explanation.is_empty() {
            return self.send(now, connection, &answering(answer, AckProperties::EMPTY));
        }
        let said = self.state.explain(connection, explanation, |properties| {
            answering(answer, properties).encoded_len(version)
        });
        let properties = AckProperties::new(&said).unwrap_or_default();
        self.send(now, connection, &answering(answer, properties));
    }
}

impl State {
    /// Takes a message over: retains it if it is to be retained, and sends it to all who want it. How many Sessions these
    /// are.
    pub(super) fn accept(
        &mut self,
        policy: &impl Policy,
        now: Instant,
        parcel: &mut Parcel<'_>,
        from: Option<SessionId>,
    ) -> usize {
        self.find_targets(policy, parcel, from);
        self.accept_found(now, parcel, from)
    }

    /// As [`accept`](Self::accept), unless the message may be refused, and has to be: `None`.
    fn offer(
        &mut self,
        policy: &impl Policy,
        now: Instant,
        parcel: &mut Parcel<'_>,
        from: SessionId,
        may_be_refused: bool,
    ) -> Option<usize> {
        self.find_targets(policy, parcel, Some(from));
        if may_be_refused && self.config.refuse_when_full && self.would_lose(now, parcel) {
            self.targets.clear();
            return None;
        }
        Some(self.accept_found(now, parcel, Some(from)))
    }

    #[inline]
    fn accept_found(&mut self, now: Instant, parcel: &mut Parcel<'_>, from: Option<SessionId>) -> usize {
        if self.config.tell_published
            && let Some(from) = from
        {
            self.tell(parcel, from);
        }
        if parcel.publish().retain {
            self.retain(now, parcel, from);
        }
        self.route(now, parcel)
    }

    #[cold]
    fn tell(&mut self, parcel: &mut Parcel<'_>, from: SessionId) {
        let Self { sessions, actions, spares, .. } = self;
        if let Some(from) = sessions.get(from)
            && let Some(message) = parcel.shared(spares)
        {
            actions.push_back(Action::Published { client_id: Arc::clone(&from.client_id), message });
        }
    }

    fn can_retain(&self, parcel: &Parcel<'_>) -> bool {
        !parcel.publish().retain
            || parcel.publish().payload.is_empty()
            || self.retained.has_room_for(parcel.topic(), parcel.size())
    }

    fn retain(&mut self, now: Instant, parcel: &mut Parcel<'_>, from: Option<SessionId>) {
        // One that expires at once has expired when the next Client could get it, and takes the place of the one before.
        if parcel.publish().payload.is_empty() || parcel.expiry() == Some(0) {
            return self.retained.remove(parcel.topic(), &mut self.actions.journal);
        }
        self.retained.drop_expired(now, &mut self.actions.journal);
        if !self.retained.has_room_for(parcel.topic(), parcel.size()) {
            return self.actions.not_retained();
        }
        let publisher = from.and_then(|from| self.sessions.get(from)).map(|from| from.client_id.clone());
        let expires_at = parcel.expires_at();
        let Some(message) = parcel.shared(&mut self.spares) else { return };
        let Actions { journal, .. } = &mut self.actions;
        let body = if journal.is_enabled() { parcel.body(&message) } else { None };
        self.retained.insert(Retained { message, expires_at, publisher }, body, journal);
    }
}

/// The properties that go on with the message, unless these are all there are.
fn properties_of_message(properties: PublishProperties<'_>) -> Option<MessageProperties> {
    let is_of_hop = properties.message_expiry_interval().is_some() || properties.topic_alias().is_some();
    is_of_hop.then(|| MessageProperties::from_publish(properties, None))
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
