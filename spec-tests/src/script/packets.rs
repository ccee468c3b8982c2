//! Pingresp as scripts write them: to be sent, or to be received.

use core::fmt::{self, Debug};

use bytes::BytesMut;
use mqtt_session::codec::{
    Delivery, Packet, PacketId, Property, ProtocolVersion, Puback, Pubcomp, Publish, PublishProperties,
    PublishReason, Pubrec, Pubrel, QoS, ReleaseReason, RetainHandling, Suback, SubackReason, SubackReasons,
    Subscribe as CodecSubscribe, SubscribeProperties, SubscriptionIdentifier, SubscriptionOptions,
    Subscriptions, TopicFilters, Unsuback, UnsubackReason, UnsubackReasons, Unsubscribe as CodecUnsubscribe,
};
use mqtt_session::topic::{Subscription, TopicName};

use super::scene::Stage;

/// Something that can be sent.
pub trait Sent {
    /// Gives the packet to `take`, with the names of the stage.
    #[doc(hidden)]
    fn encode(&self, names: &Names<'_>) -> Vec<u8>;
}

/// Something that may come.
pub trait Expected: Debug {
    /// Whether this is it.
    #[doc(hidden)]
    fn is(&self, packet: &Packet<'_>, names: &Names<'_>) -> bool;
}

/// Where the names of a script become those of the wire.
#[derive(Debug)]
pub struct Names<'a>(pub(super) &'a Stage);

impl Names<'_> {
    fn version(&self) -> ProtocolVersion {
        self.0.version.protocol()
    }
}

/// The level as a QoS.
///
/// # Panics
/// When it is above 2.
pub(super) fn qos(level: u8) -> QoS {
    QoS::from_bits(level).expect("QoS 0, 1 or 2")
}

fn packet_id(id: u16) -> PacketId {
    PacketId::new(id).expect("an identifier is not 0")
}

#[track_caller]
fn encoded(packet: &Packet<'_>, version: ProtocolVersion) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    packet.encode(version, &mut bytes).expect("a packet that can be sent");
    bytes.to_vec()
}

impl Sent for Packet<'_> {
    fn encode(&self, names: &Names<'_>) -> Vec<u8> {
        encoded(self, names.version())
    }
}

/// A PUBLISH. As one to be received, it has these topic, payload, QoS and RETAIN, no DUP unless [`dup`](Self::dup) says so, the
/// Packet Identifier if one is given, and these properties beside others.
#[derive(Clone)]
pub struct Message {
    topic: String,
    payload: Vec<u8>,
    qos: QoS,
    id: Option<u16>,
    dup: bool,
    retain: bool,
    properties: Vec<Property<'static>>,
    absent: Vec<mqtt_session::codec::PropertyId>,
}

/// A QoS 0 PUBLISH, not retained.
pub fn message(topic: &str, payload: &str) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: payload.as_bytes().to_vec(),
        qos: QoS::AtMostOnce,
        id: None,
        dup: false,
        retain: false,
        properties: Vec::new(),
        absent: Vec::new(),
    }
}

impl Message {
    /// With this QoS; sent with the Packet Identifier 1 unless another is given.
    pub fn qos(self, level: u8) -> Self {
        Self { qos: qos(level), ..self }
    }

    /// With this Packet Identifier.
    pub fn id(self, id: u16) -> Self {
        Self { id: Some(id), ..self }
    }

    /// With DUP.
    pub fn dup(self) -> Self {
        Self { dup: true, ..self }
    }

    /// With RETAIN.
    pub fn retained(self) -> Self {
        Self { retain: true, ..self }
    }

    /// With a property, in 5.0.
    pub fn with(mut self, property: Property<'static>) -> Self {
        self.properties.push(property);
        self
    }

    /// Received without this property.
    pub fn without(mut self, property: mqtt_session::codec::PropertyId) -> Self {
        self.absent.push(property);
        self
    }

    pub(super) fn level(&self) -> u8 {
        self.qos.bits()
    }

    pub(super) fn packet_id(&self) -> u16 {
        self.id.unwrap_or(1)
    }

    pub(super) const fn is_retained(&self) -> bool {
        self.retain
    }

    pub(super) fn topic_name(&self) -> &str {
        &self.topic
    }

    /// As an application gives it to its Client.
    pub(super) fn for_client(&self, names: &Names<'_>) -> mqtt_session::Message {
        let message = mqtt_session::Message::new(names.0.wire(&self.topic), self.payload.clone());
        let message = message.expect("a Topic Name").with_qos(self.qos).with_retain(self.retain);
        let expiry = self.properties.iter().find_map(|property| match property {
            Property::MessageExpiryInterval(seconds) => Some(*seconds),
            _ => None,
        });
        expiry.into_iter().fold(message, mqtt_session::Message::with_expiry)
    }
}

impl Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, payload, qos, id, dup, retain, properties, .. } = self;
        let (dup, retain) = (u8::from(*dup), u8::from(*retain));
        write!(f, "PUBLISH ")?;
        if let Some(id) = id {
            write!(f, "id={id} ")?;
        }
        let payload = String::from_utf8_lossy(&payload[..payload.len().min(40)]);
        write!(f, "q{qos} dup={dup} retain={retain} {topic:?} {payload:?}")?;
        if properties.is_empty() { Ok(()) } else { write!(f, " {properties:?}") }
    }
}

impl Sent for Message {
    fn encode(&self, names: &Names<'_>) -> Vec<u8> {
        let topic = names.0.wire(&self.topic);
        let (packet_id, dup) = (packet_id(self.packet_id()), self.dup);
        let delivery = match self.qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id, dup },
            QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup },
        };
        let is_v5 = names.version() == ProtocolVersion::V5_0;
        let properties: &[Property<'_>] = if is_v5 { &self.properties } else { &[] };
        let properties = PublishProperties::new(properties).expect("properties of PUBLISH");
        // No topic at all stands for an alias.
        let topic = (!self.topic.is_empty()).then(|| TopicName::parse(&topic).expect("a Topic Name"));
        let publish = Publish { topic, delivery, retain: self.retain, properties, payload: &self.payload };
        encoded(&Packet::Publish(publish), names.version())
    }
}

impl Expected for Message {
    fn is(&self, packet: &Packet<'_>, names: &Names<'_>) -> bool {
        let Packet::Publish(publish) = packet else { return false };
        let topic = publish.topic.map(|topic| topic.as_str().to_owned()).unwrap_or_default();
        let wanted = if self.topic.is_empty() { String::new() } else { names.0.wire(&self.topic) };
        let got: Vec<Property<'_>> = publish.properties.iter().collect();
        // In the order given, others between them.
        let mut rest = got.iter();
        let are_there = names.version() != ProtocolVersion::V5_0
            || self
                .properties
                .iter()
                .filter(|property| is_ordered(property))
                .all(|wanted| rest.any(|got| got == wanted))
                && self.properties.iter().all(|wanted| got.contains(wanted));
        topic == wanted
            && publish.payload == self.payload
            && publish.delivery.qos() == self.qos
            && publish.delivery.dup() == self.dup
            && publish.retain == self.retain
            && self.id.is_none_or(|id| publish.delivery.packet_id() == PacketId::new(id))
            && are_there
            && !self.absent.iter().any(|absent| publish.properties.contains(*absent))
    }
}

/// Whether the order of a property among its like counts.
const fn is_ordered(property: &Property<'_>) -> bool {
    matches!(property, Property::UserProperty(_))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AckType {
    Puback,
    Pubrec,
    Pubrel,
    Pubcomp,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP. As one to be received, without a [`code`](Self::code) any that is no failure.
#[derive(Clone, Copy)]
pub struct Ack {
    packet_type: AckType,
    id: u16,
    code: Option<u8>,
}

macro_rules! acks {
    ($($(#[doc = $doc:literal])+ $function:ident: $packet_type:ident;)+) => { $(
        $(#[doc = $doc])+
        pub const fn $function(id: u16) -> Ack {
            Ack { packet_type: AckType::$packet_type, id, code: None }
        }
    )+ };
}

acks! {
    /// A PUBACK.
    puback: Puback;
    /// A PUBREC.
    pubrec: Pubrec;
    /// A PUBREL.
    pubrel: Pubrel;
    /// A PUBCOMP.
    pubcomp: Pubcomp;
}

impl Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} id={}", format!("{:?}", self.packet_type).to_uppercase(), self.id)?;
        self.code.map_or(Ok(()), |code| write!(f, " 0x{code:02X}"))
    }
}

impl Ack {
    /// With this Reason Code, which 3.x does not have.
    pub const fn code(self, code: u8) -> Self {
        Self { code: Some(code), ..self }
    }
}

impl Sent for Ack {
    fn encode(&self, names: &Names<'_>) -> Vec<u8> {
        let id = packet_id(self.id);
        let is_v5 = names.version() == ProtocolVersion::V5_0;
        let code = self.code.filter(|_| is_v5).unwrap_or(0);
        let publish = PublishReason::from_code(code);
        let release = ReleaseReason::from_code(code);
        let packet = match self.packet_type {
            AckType::Puback => publish.map(|reason| Packet::Puback(Puback { reason, ..Puback::new(id) })),
            AckType::Pubrec => publish.map(|reason| Packet::Pubrec(Pubrec { reason, ..Pubrec::new(id) })),
            AckType::Pubrel => release.map(|reason| Packet::Pubrel(Pubrel { reason, ..Pubrel::new(id) })),
            AckType::Pubcomp => release.map(|reason| Packet::Pubcomp(Pubcomp { reason, ..Pubcomp::new(id) })),
        };
        encoded(&packet.expect("a code of the packet"), names.version())
    }
}

/// Type, Packet Identifier and code of an acknowledgement.
fn ack_of(packet: &Packet<'_>) -> Option<(AckType, u16, u8)> {
    Some(match packet {
        Packet::Puback(ack) => (AckType::Puback, ack.packet_id.get(), ack.reason.code()),
        Packet::Pubrec(ack) => (AckType::Pubrec, ack.packet_id.get(), ack.reason.code()),
        Packet::Pubrel(ack) => (AckType::Pubrel, ack.packet_id.get(), ack.reason.code()),
        Packet::Pubcomp(ack) => (AckType::Pubcomp, ack.packet_id.get(), ack.reason.code()),
        _ => return None,
    })
}

impl Ack {
    pub(super) fn is_but_for_code(self, packet: &Packet<'_>) -> bool {
        ack_of(packet).is_some_and(|(packet_type, id, _)| packet_type == self.packet_type && id == self.id)
    }
}

impl Expected for Ack {
    fn is(&self, packet: &Packet<'_>, names: &Names<'_>) -> bool {
        let is_v5 = names.version() == ProtocolVersion::V5_0;
        self.is_but_for_code(packet)
            && ack_of(packet).is_some_and(|(_, _, code)| match self.code {
                Some(wanted) if is_v5 => code == wanted,
                _ => code < 0x80,
            })
    }
}

/// A SUBSCRIBE, with the Packet Identifier 10 unless another is given.
#[derive(Clone, Debug)]
pub struct Subscribe {
    id: u16,
    filters: Vec<(String, SubscriptionOptions)>,
    identifier: Option<u32>,
}

/// A SUBSCRIBE to one filter, at this QoS.
pub fn subscribe(filter: &str, level: u8) -> Subscribe {
    Subscribe { id: 10, filters: vec![(filter.to_owned(), qos(level).into())], identifier: None }
}

impl Subscribe {
    /// And to another one.
    pub fn and(mut self, filter: &str, level: u8) -> Self {
        self.filters.push((filter.to_owned(), qos(level).into()));
        self
    }

    /// With this Packet Identifier.
    pub fn id(self, id: u16) -> Self {
        Self { id, ..self }
    }

    /// With a Subscription Identifier, in 5.0.
    pub fn identifier(self, identifier: u32) -> Self {
        Self { identifier: Some(identifier), ..self }
    }

    /// The last filter: No Local.
    pub fn no_local(mut self) -> Self {
        self.last().no_local = true;
        self
    }

    /// The last filter: Retain As Published.
    pub fn retain_as_published(mut self) -> Self {
        self.last().retain_as_published = true;
        self
    }

    /// The last filter: Retain Handling.
    ///
    /// # Panics
    /// When it is above 2.
    pub fn retain_handling(mut self, handling: u8) -> Self {
        self.last().retain_handling = match handling {
            0 => RetainHandling::SendAtSubscribe,
            1 => RetainHandling::SendAtSubscribeIfNew,
            2 => RetainHandling::DoNotSend,
            _ => panic!("Retain Handling is 0, 1 or 2"),
        };
        self
    }

    fn last(&mut self) -> &mut SubscriptionOptions {
        &mut self.filters.last_mut().expect("there is one").1
    }

    pub(super) const fn packet_id(&self) -> u16 {
        self.id
    }

    pub(super) fn levels(&self) -> Vec<u8> {
        self.filters.iter().map(|(_, options)| options.qos.bits()).collect()
    }
}

impl Sent for Subscribe {
    fn encode(&self, names: &Names<'_>) -> Vec<u8> {
        let is_v5 = names.version() == ProtocolVersion::V5_0;
        let filters: Vec<String> = self.filters.iter().map(|(filter, _)| names.0.wire(filter)).collect();
        let entries: Vec<_> = filters
            .iter()
            .zip(&self.filters)
            .map(|(filter, (_, options))| (parsed(filter, is_v5), *options))
            .collect();
        let identifier = self.identifier.filter(|_| is_v5).and_then(SubscriptionIdentifier::new);
        let properties: Vec<_> = identifier.map(Property::SubscriptionIdentifier).into_iter().collect();
        let properties = SubscribeProperties::new(&properties).expect("properties of SUBSCRIBE");
        let subscriptions = Subscriptions::new(&entries);
        let subscribe =
            CodecSubscribe { properties, ..CodecSubscribe::new(packet_id(self.id), subscriptions) };
        encoded(&Packet::Subscribe(subscribe), names.version())
    }
}

impl Expected for Subscribe {
    /// With any Packet Identifier.
    fn is(&self, packet: &Packet<'_>, names: &Names<'_>) -> bool {
        let Packet::Subscribe(subscribe) = packet else { return false };
        let wanted =
            self.filters.iter().map(|(filter, options)| (names.0.wire(filter).into_bytes(), *options));
        let got = subscribe.subscriptions.iter().map(|(filter, options)| {
            // In 3.x nothing but the QoS is sent.
            (filter.to_string().into_bytes(), options)
        });
        got.eq(wanted)
    }
}

impl Subscribe {
    /// As an application asks its Client for it.
    pub(super) fn for_client(&self, names: &Names<'_>) -> mqtt_session::SubscribeRequest {
        let filters = self.filters.iter().map(|(filter, options)| (names.0.wire(filter), *options));
        let mut request = mqtt_session::SubscribeRequest::new(filters).expect("Topic Filters");
        request.identifier = self.identifier.and_then(SubscriptionIdentifier::new);
        request
    }
}

fn parsed(filter: &str, is_v5: bool) -> Subscription<&[u8]> {
    let parsed = if is_v5 { Subscription::parse(filter) } else { Subscription::ordinary(filter) };
    parsed.expect("a Topic Filter")
}

/// An UNSUBSCRIBE, with the Packet Identifier 11 unless another is given.
#[derive(Clone, Debug)]
pub struct Unsubscribe {
    id: u16,
    filters: Vec<String>,
}

/// An UNSUBSCRIBE of some filters.
pub fn unsubscribe(filters: &[&str]) -> Unsubscribe {
    Unsubscribe { id: 11, filters: filters.iter().map(|filter| (*filter).to_owned()).collect() }
}

impl Unsubscribe {
    /// With this Packet Identifier.
    pub fn id(self, id: u16) -> Self {
        Self { id, ..self }
    }
}

impl Sent for Unsubscribe {
    fn encode(&self, names: &Names<'_>) -> Vec<u8> {
        let is_v5 = names.version() == ProtocolVersion::V5_0;
        let filters: Vec<String> = self.filters.iter().map(|filter| names.0.wire(filter)).collect();
        let entries: Vec<_> = filters.iter().map(|filter| parsed(filter, is_v5)).collect();
        let unsubscribe = CodecUnsubscribe::new(packet_id(self.id), TopicFilters::new(&entries));
        encoded(&Packet::Unsubscribe(unsubscribe), names.version())
    }
}

/// A SUBACK or UNSUBACK to be received.
#[derive(Clone, Debug)]
pub struct Reasons {
    is_suback: bool,
    id: u16,
    codes: Vec<u8>,
}

/// A SUBACK with these codes.
pub fn suback(id: u16, codes: &[u8]) -> Reasons {
    Reasons { is_suback: true, id, codes: codes.to_vec() }
}

/// An UNSUBACK with these codes, which 3.x does not have.
pub fn unsuback(id: u16, codes: &[u8]) -> Reasons {
    Reasons { is_suback: false, id, codes: codes.to_vec() }
}

impl Expected for Reasons {
    fn is(&self, packet: &Packet<'_>, names: &Names<'_>) -> bool {
        match packet {
            Packet::Suback(suback) if self.is_suback => {
                let codes = suback.reasons.iter().map(SubackReason::code);
                suback.packet_id.get() == self.id && codes.eq(self.codes.iter().copied())
            }
            Packet::Unsuback(unsuback) if !self.is_suback => {
                let codes = unsuback.reasons.iter().map(UnsubackReason::code);
                unsuback.packet_id.get() == self.id
                    && (names.version() != ProtocolVersion::V5_0 || codes.eq(self.codes.iter().copied()))
            }
            _ => false,
        }
    }
}

impl Sent for Reasons {
    fn encode(&self, names: &Names<'_>) -> Vec<u8> {
        let id = packet_id(self.id);
        if self.is_suback {
            let codes =
                self.codes.iter().map(|code| SubackReason::from_code(*code).expect("a code of SUBACK"));
            let codes: Vec<_> = codes.collect();
            return encoded(&Suback::new(id, SubackReasons::new(&codes)).into(), names.version());
        }
        let is_v5 = names.version() == ProtocolVersion::V5_0;
        let codes =
            self.codes.iter().map(|code| UnsubackReason::from_code(*code).expect("a code of UNSUBACK"));
        let codes: Vec<_> = codes.filter(|_| is_v5).collect();
        encoded(&Unsuback::new(id, UnsubackReasons::new(&codes)).into(), names.version())
    }
}

/// A PINGRESP to be received.
#[derive(Clone, Copy, Debug)]
pub struct Pingresp;

impl Expected for Pingresp {
    fn is(&self, packet: &Packet<'_>, _: &Names<'_>) -> bool {
        matches!(packet, Packet::Pingresp)
    }
}

/// A packet from its first byte and what follows the Remaining Length.
///
/// # Panics
/// When it is too long for one.
pub fn packet(first_byte: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first_byte];
    let mut len = body.len();
    loop {
        let low = u8::try_from(len % 128).expect("below 128");
        len /= 128;
        bytes.push(if len > 0 { low | 0x80 } else { low });
        if len == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// Bytes behind their length.
///
/// # Panics
/// When they are too many.
pub fn binary(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("at most 65,535 bytes");
    [&len.to_be_bytes()[..], bytes].concat()
}

/// A text behind its length.
pub fn string(text: &str) -> Vec<u8> {
    binary(text.as_bytes())
}
