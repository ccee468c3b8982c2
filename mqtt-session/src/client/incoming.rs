//! What the Client receives.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use bytes::{Buf, Bytes, BytesMut};
use mqtt_codec::{
    AckProperties, Auth, Connack, DecodeError, Delivery, Disconnect, DisconnectReason, Frame,
    MessageProperties, Packet, PacketId, PacketType, PropertyId, ProtocolVersion, Puback, Pubcomp, Publish,
    PublishReason, Pubrec, ReasonAck, ReleaseReason, ShortAck, Suback, SubscriptionIdentifier, Unsuback,
};
use mqtt_topic::TopicName;

use super::connection::{Negotiated, Phase, Request, RequestKind};
use super::outgoing::{Outgoing, Tag};
use super::{
    Client, ConnectOptions, Connected, Disconnected, Event, PublishOutcome, ReceivedMessage,
    SubscribeOutcome, UnsubscribeOutcome, Violation,
};
use crate::delivery::{Acknowledged, Incoming};
use crate::{Acknowledgement, Message};

impl Client {
    /// Handles the first packet of `input`. `false`: it is not complete.
    pub(super) fn handle_packet(&mut self, input: &mut BytesMut) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let packet_type = input.first().and_then(|first| PacketType::from_bits(first >> 4));
        let is_connected = connection.negotiated().is_some();
        // Acknowledgements have nothing to share, and so need no memory of their own.
        let is_small = matches!(
            packet_type,
            Some(
                PacketType::Puback
                    | PacketType::Pubrec
                    | PacketType::Pubrel
                    | PacketType::Pubcomp
                    | PacketType::Pingresp
            )
        );
        if is_small && is_connected {
            let len = match connection.decoder.decode(input) {
                Ok(None) => return false,
                Ok(Some((packet, len))) => {
                    self.handle_small(&packet);
                    len
                }
                Err(error) => {
                    self.fail_malformed(error);
                    return true;
                }
            };
            input.advance(len);
            return true;
        }
        let mut slot = mqtt_codec::FrameSlot::new();
        if packet_type == Some(PacketType::Publish) && is_connected {
            // Decoded by code of its own, which knows the type.
            match connection.decoder.decode_into(input, &mut slot) {
                Ok(None) => return false,
                Ok(Some((Packet::Publish(publish), frame))) => {
                    if let Some(arrived) = self.judge_publish(&publish, frame)
                        && let Some(frame) = slot.into_frame()
                    {
                        self.deliver(arrived, frame);
                    }
                }
                Ok(Some(_)) => {}
                Err(error) => self.fail_malformed(error),
            }
            return true;
        }
        match connection.decoder.decode_into(input, &mut slot) {
            Ok(None) => return false,
            Ok(Some((packet, frame))) if is_connected => self.handle_frame(&packet, frame),
            Ok(Some((packet, frame))) => self.handle_first(&packet, frame),
            Err(error) => self.fail_malformed(error),
        }
        true
    }

    fn fail_malformed(&mut self, error: DecodeError) {
        self.send_disconnect(
            Disconnect::new(match error.disconnect_reason() {
                reason if reason.may_be_sent_by(mqtt_codec::Side::Client) => reason,
                _ => DisconnectReason::ProtocolError,
            }),
            Disconnected::Malformed(error),
        );
    }

    fn handle_first(&mut self, packet: &Packet<'_>, frame: &Frame) {
        if self.is_unrequested(packet) {
            return self.fail(DisconnectReason::ProtocolError, Violation::UnrequestedProblemInformation);
        }
        let connack = match packet {
            Packet::Connack(connack) => connack,
            Packet::Auth(auth) => return self.handle_auth(auth, frame),
            _ => return self.fail(DisconnectReason::ProtocolError, Violation::NotConnack),
        };
        if connack.reason.is_error() {
            let reason = connack.reason;
            return self.end(Disconnected::Refused { reason, connack: frame.clone() });
        }
        self.handle_accepted(connack, frame);
    }

    fn handle_accepted(&mut self, connack: &Connack<'_>, frame: &Frame) {
        let Some(connection) = &mut self.connection else { return };
        let options = &connection.options;
        let out_of_turn = connection.exchange.is_some_and(|exchange| exchange.is_our_turn);
        let checked = if out_of_turn {
            Err(Violation::AuthenticationTurn)
        } else {
            check_accepted(connack, options, connection.had_session)
        };
        if let Err(violation) = checked {
            return self.fail(DisconnectReason::ProtocolError, violation);
        }
        let negotiated = Negotiated::new(
            self.now,
            options,
            connack,
            self.config.pingresp_timeout,
            self.config.use_topic_aliases,
        );
        let limits = negotiated.limits;
        let version = options.version;
        let receive_maximum = match version {
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => u16::MAX,
            ProtocolVersion::V5_0 => options.receive_maximum.get(),
        };
        let assigned = connack.properties.assigned_client_identifier();
        let client_id = assigned.unwrap_or(&options.client_id).to_owned();
        connection.exchange = None;
        connection.phase = Phase::Connected(negotiated);
        self.events.push(Event::Connected(Connected {
            session_present: connack.session_present,
            client_id: client_id.clone(),
            limits,
            connack: frame.clone(),
        }));
        if !connack.session_present {
            match version {
                // A 3.1 Server cannot tell.
                ProtocolVersion::V3_1 => {}
                // `[MQTT-4.4.0-1]` of 3.1.1 demands that messages are sent again, Session Present or not.
                ProtocolVersion::V3_1_1 => {
                    self.session.receiver.reset();
                    self.log().discarded_all();
                }
                ProtocolVersion::V5_0 => self.lose_session(),
            }
        }
        self.begin_session(&client_id);
        self.session.sender.resume(limits.receive_maximum.min(self.config.maximum_in_flight.get()));
        self.session.receiver.resume(receive_maximum);
    }

    /// Nearly every acknowledgement.
    pub(super) fn handle_short(&mut self, ack: ShortAck) {
        match ack {
            ShortAck::Puback(id) => self.handle_puback(id, Acknowledgement::PLAIN),
            ShortAck::Pubrec(id) => self.handle_pubrec(id, Acknowledgement::PLAIN),
            ShortAck::Pubrel(id) => self.handle_pubrel(id),
            ShortAck::Pubcomp(id) => self.handle_pubcomp(id, &AckProperties::EMPTY),
        }
    }

    /// The answer to a PUBLISH that says more, and nothing beside it.
    pub(super) fn handle_reason(&mut self, ack: ReasonAck) {
        match ack {
            ReasonAck::Puback(id, reason) => {
                self.handle_puback(id, Acknowledgement { reason, explanation: None });
            }
            ReasonAck::Pubrec(id, reason) => {
                self.handle_pubrec(id, Acknowledgement { reason, explanation: None });
            }
        }
    }

    #[inline]
    fn handle_puback(&mut self, id: PacketId, answer: Acknowledgement) {
        let acknowledged = self.session.sender.puback(id, size);
        self.handle_acknowledged(id, acknowledged, answer);
    }

    #[inline]
    fn handle_pubrec(&mut self, id: PacketId, answer: Acknowledgement) {
        let acknowledged = self.session.sender.pubrec(id, answer.reason, size);
        self.handle_acknowledged(id, acknowledged, answer);
    }

    #[inline]
    fn handle_pubcomp(&mut self, id: PacketId, properties: &AckProperties<'_>) {
        let acknowledged = self.session.sender.pubcomp(id);
        let pubrecs = &mut self.session.pubrecs;
        let before = if pubrecs.is_empty() { None } else { pubrecs.remove(&id) };
        let mut answer = before.unwrap_or(Acknowledgement::PLAIN);
        if let Acknowledged::Ended { tag, .. } = &acknowledged {
            answer.reason = tag.pubrec;
        }
        answer.add(properties);
        self.handle_acknowledged(id, acknowledged, answer);
    }

    fn handle_pubrel(&mut self, id: PacketId) {
        let known = self.session.receiver.pubrel(id);
        if known == ReleaseReason::Success {
            self.log().discarded(id);
        } else if self.version() == Some(ProtocolVersion::V5_0) {
            return self.send(&Pubcomp { reason: known, ..Pubcomp::new(id) }.into());
        }
        self.send_short(ShortAck::Pubcomp(id));
    }

    fn handle_small(&mut self, packet: &Packet<'_>) {
        if self.is_unrequested(packet) {
            return self.fail(DisconnectReason::ProtocolError, Violation::UnrequestedProblemInformation);
        }
        match packet {
            Packet::Puback(Puback { packet_id, reason, properties }) => {
                self.handle_puback(*packet_id, Acknowledgement::new(*reason, properties));
            }
            Packet::Pubrec(Pubrec { packet_id, reason, properties }) => {
                self.handle_pubrec(*packet_id, Acknowledgement::new(*reason, properties));
            }
            Packet::Pubcomp(Pubcomp { packet_id, properties, .. }) => {
                self.handle_pubcomp(*packet_id, properties);
            }
            Packet::Pubrel(pubrel) => self.handle_pubrel(pubrel.packet_id),
            _ => {
                if let Some(negotiated) = self.negotiated_mut() {
                    negotiated.pinger.pingresp_received();
                }
            }
        }
    }

    /// Whether the packet explains itself although the Client has forbidden it (section 3.1.2.11.7).
    fn is_unrequested(&self, packet: &Packet<'_>) -> bool {
        let Some(connection) = &self.connection else { return false };
        if connection.options.request_problem_information {
            return false;
        }
        // Reason String and User Property are all that may stand in most of these.
        match packet {
            Packet::Puback(packet) => !packet.properties.is_empty(),
            Packet::Pubrec(packet) => !packet.properties.is_empty(),
            Packet::Pubrel(packet) => !packet.properties.is_empty(),
            Packet::Pubcomp(packet) => !packet.properties.is_empty(),
            Packet::Suback(packet) => !packet.properties.is_empty(),
            Packet::Unsuback(packet) => !packet.properties.is_empty(),
            Packet::Auth(Auth { properties, .. }) => {
                properties.contains(PropertyId::ReasonString) || properties.contains(PropertyId::UserProperty)
            }
            _ => false,
        }
    }

    fn handle_acknowledged(
        &mut self,
        id: PacketId,
        acknowledged: Acknowledged<usize, Tag>,
        answer: Acknowledgement,
    ) {
        match acknowledged {
            Acknowledged::Ended { tag, message } => {
                self.log().completed(tag.token.0, message.is_some());
                self.held_bytes = self.held_bytes.saturating_sub(message.unwrap_or_default());
                let is_error = answer.reason.is_error();
                if is_error {
                    // It may have been a PUBREC behind another one.
                    self.session.pubrecs.remove(&id);
                }
                if tag.is_resolved {
                    return;
                }
                if !is_error && !answer.says_more() {
                    return self.events.acknowledged(tag.token, answer.reason);
                }
                let outcome = if is_error {
                    PublishOutcome::Refused(answer)
                } else {
                    PublishOutcome::Acknowledged(answer)
                };
                self.events.push(Event::Published { token: tag.token, outcome });
            }
            Acknowledged::Release { tag, message } => {
                if let Some(size) = message {
                    self.log().released(tag.token.0, tag.token.0, id);
                    self.held_bytes = self.held_bytes.saturating_sub(size);
                    if answer.reason != PublishReason::Success
                        && let Some(tag) = self.session.sender.tag_mut(id)
                    {
                        tag.pubrec = answer.reason;
                    }
                    if answer.says_more() {
                        self.session.pubrecs.insert(id, answer);
                    }
                }
                self.send_pubrel(id, ReleaseReason::Success);
            }
            Acknowledged::ReleaseUnknown => {
                let reason = match self.version() {
                    Some(ProtocolVersion::V5_0) => ReleaseReason::PacketIdentifierNotFound,
                    _ => ReleaseReason::Success,
                };
                self.send_pubrel(id, reason);
            }
            Acknowledged::Unknown => {}
            Acknowledged::WrongType => {
                self.fail(DisconnectReason::ProtocolError, Violation::WrongAcknowledgement);
            }
        }
    }

    fn handle_frame(&mut self, packet: &Packet<'_>, frame: &Frame) {
        if self.is_unrequested(packet) {
            return self.fail(DisconnectReason::ProtocolError, Violation::UnrequestedProblemInformation);
        }
        match packet {
            Packet::Suback(suback) => self.handle_suback(suback, frame),
            Packet::Unsuback(unsuback) => self.handle_unsuback(unsuback, frame),
            Packet::Disconnect(disconnect) => {
                let reason = disconnect.reason;
                self.end(Disconnected::ByServer { reason, disconnect: frame.clone() });
            }
            Packet::Auth(auth) => self.handle_auth(auth, frame),
            // Nothing else passes a client's decoder.
            _ => self.fail(DisconnectReason::ProtocolError, Violation::SecondConnack),
        }
    }

    /// What of a PUBLISH is to be delivered, if anything is.
    #[inline]
    fn judge_publish(&mut self, publish: &Publish<'_>, frame: &Frame) -> Option<Arrived> {
        let negotiated = self.negotiated_mut()?;
        let own = || publish.topic.and_then(|name| name.with_storage(frame.slice(name.as_bytes())));
        let topic = match negotiated.alias_receiver.resolve(publish).map(|aliased| aliased.or_else(own)) {
            Ok(Some(topic)) => topic,
            Ok(None) => {
                self.fail(DisconnectReason::ProtocolError, Violation::TopicAlias);
                return None;
            }
            Err(reason) => {
                self.fail(reason, Violation::TopicAlias);
                return None;
            }
        };
        match self.session.receiver.judge(publish.delivery) {
            Incoming::Deliver => return Some(Arrived::new(publish, frame, topic)),
            Incoming::Repeat => self.send_answers(),
            Incoming::IdInUse => self.refuse_id_in_use(publish.delivery),
            Incoming::ReceiveMaximumExceeded => {
                self.fail(DisconnectReason::ReceiveMaximumExceeded, Violation::ReceiveMaximumExceeded);
            }
        }
        None
    }

    /// Hands a message to the application, with the memory of its packet.
    #[inline]
    fn deliver(&mut self, arrived: Arrived, frame: Frame) {
        let Arrived { topic, properties, expiry, retain, payload_len, delivery, subscription_identifiers } =
            arrived;
        let mut payload = frame.into_bytes();
        payload.advance(payload.len().saturating_sub(payload_len));
        let is_manual = self.config.manual_acknowledgement;
        let ack = if is_manual { self.session.receiver.keep(delivery) } else { None };
        self.events.push(Event::Message(ReceivedMessage {
            message: Message::received(topic, payload, properties, (expiry, delivery.qos(), retain)),
            dup: delivery.dup(),
            subscription_identifiers,
            ack,
        }));
        if is_manual || delivery == Delivery::AtMostOnce {
            return;
        }
        let (kept, answer) = self.session.receiver.answer_at_once(delivery, PublishReason::Success);
        if let Some(id) = kept {
            self.log().received(id);
        }
        match answer {
            Some(answer) => self.send_answer(answer),
            None => self.send_answers(),
        }
    }

    /// In 3.x, which has no reasons to tell, a repeat is covered by the answer that is still due; nothing covers another
    /// message.
    fn refuse_id_in_use(&mut self, delivery: Delivery) {
        if self.version() != Some(ProtocolVersion::V5_0) {
            if !self.session.receiver.is_due(delivery) {
                self.fail(DisconnectReason::ProtocolError, Violation::PacketIdInUse);
            }
            return;
        }
        let reason = PublishReason::PacketIdentifierInUse;
        match delivery {
            Delivery::AtMostOnce => {}
            Delivery::AtLeastOnce { packet_id, .. } => {
                self.send(&Puback { reason, ..Puback::new(packet_id) }.into());
            }
            Delivery::ExactlyOnce { packet_id, .. } => {
                self.send(&Pubrec { reason, ..Pubrec::new(packet_id) }.into());
            }
        }
    }

    fn handle_suback(&mut self, suback: &Suback<'_>, frame: &Frame) {
        let reasons: Vec<_> = suback.reasons.iter().collect();
        if let Some(Request { token, .. }) =
            self.take_request(suback.packet_id, RequestKind::Subscribe, Some(reasons.len()))
        {
            let outcome = SubscribeOutcome::Acknowledged { reasons, suback: frame.clone() };
            self.events.push(Event::Subscribed { token, outcome });
        }
    }

    fn handle_unsuback(&mut self, unsuback: &Unsuback<'_>, frame: &Frame) {
        let reasons: Vec<_> = unsuback.reasons.iter().collect();
        // 3.x answers without reasons.
        let count = (self.version() == Some(ProtocolVersion::V5_0)).then_some(reasons.len());
        if let Some(Request { token, .. }) =
            self.take_request(unsuback.packet_id, RequestKind::Unsubscribe, count)
        {
            let outcome = UnsubscribeOutcome::Acknowledged { reasons, unsuback: frame.clone() };
            self.events.push(Event::Unsubscribed { token, outcome });
        }
    }

    /// Ends a request that is answered with `count` reasons. An answer that does not fit one ends the connection.
    fn take_request(&mut self, id: PacketId, kind: RequestKind, count: Option<usize>) -> Option<Request> {
        let requests = &mut self.connection.as_mut()?.requests;
        let violation = match requests.get(&id) {
            Some(request) if request.kind != kind => Violation::UnknownRequest,
            None => Violation::UnknownRequest,
            Some(request) if count.is_some_and(|count| count != request.filters) => Violation::ReasonCount,
            Some(_) => return requests.remove(&id),
        };
        self.fail(DisconnectReason::ProtocolError, violation);
        None
    }
}

/// What is of interest of a message that has been acknowledged: the bytes that it was counted with.
fn size(outgoing: &mut Option<Outgoing>) -> Option<usize> {
    outgoing.as_ref().map(|outgoing| outgoing.message.size())
}

/// What a PUBLISH has beside its payload, which is the end of its frame.
struct Arrived {
    topic: TopicName<Bytes>,
    properties: MessageProperties,
    expiry: Option<u32>,
    retain: bool,
    payload_len: usize,
    delivery: Delivery,
    subscription_identifiers: Vec<SubscriptionIdentifier>,
}

impl Arrived {
    #[inline]
    fn new(publish: &Publish<'_>, frame: &Frame, topic: TopicName<Bytes>) -> Self {
        let Publish { delivery, retain, properties, payload, .. } = publish;
        let mut arrived = Self {
            topic,
            properties: MessageProperties::default(),
            expiry: None,
            retain: *retain,
            payload_len: payload.len(),
            delivery: *delivery,
            subscription_identifiers: Vec::new(),
        };
        if !properties.is_empty() {
            arrived.properties = MessageProperties::from_publish(*properties, Some(frame.bytes()));
            arrived.expiry = properties.message_expiry_interval();
            arrived.subscription_identifiers = properties.subscription_identifiers().collect();
        }
        arrived
    }
}

/// Whether an accepting CONNACK keeps to what CONNECT said.
fn check_accepted(
    connack: &Connack<'_>,
    options: &ConnectOptions,
    has_session: bool,
) -> Result<(), Violation> {
    let is_v5 = options.version == ProtocolVersion::V5_0;
    // A 3.1.1 Server may have a Session of an earlier run, and there is no rule against going on with it.
    let may_have_session = !options.clean_start && (!is_v5 || has_session || options.has_session);
    if connack.session_present && !may_have_session {
        return Err(Violation::SessionPresent);
    }
    let properties = connack.properties;
    if is_v5 && options.client_id.is_empty() && properties.assigned_client_identifier().is_none() {
        return Err(Violation::NoAssignedClientIdentifier);
    }
    match (properties.authentication_method(), options.method()) {
        (Some(_), None) => Err(Violation::UnexpectedAuthenticationMethod),
        (theirs, ours) if theirs != ours => Err(Violation::AuthenticationMethod),
        _ => Ok(()),
    }
}
