//! `mqtt-codec`: borrowed from a slice, owned as a frame, built from values, prepared for many receivers.

mod built;

use core::num::{NonZeroU16, NonZeroU32};

use bytes::{Bytes, BytesMut};
use mqtt_codec::{
    Connect, ConnectFields, ConnectProperties, DecodeError, Decoder, Delivery, Frame, FrameSlot, Hop,
    MessageProperties, Packet, PacketId, PacketType, PreparedPublish, Property, ProtocolVersion, Puback,
    Publish, PublishProperties, QoS, Side, Subscribe, SubscribeProperties, SubscriptionIdentifier,
    SubscriptionOptions, Subscriptions, Will, WillProperties,
};
use mqtt_topic::{Subscription, TopicName};

use crate::case::Cases;
use crate::codec::{
    Build, BuildOther, Codec, Filters, Found, Kind, Prepare, Split, Stream, message, values, version,
};

/// How our names begin.
pub const NAME: &str = "mqtt-codec (";
/// The forms that the others are compared with: the first that does an operation.
pub const REFERENCES: [&str; 2] = [built::Built::<5>::NAME, Borrowed::<5>::NAME];

struct Borrowed<const LEVEL: u8>;
struct Owned<const LEVEL: u8>;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<Borrowed<4>>();
    cases.codec::<Borrowed<5>>();
    cases.build::<Borrowed<5>>();
    cases.build_other::<Borrowed<4>>();
    cases.build_other::<Borrowed<5>>();
    cases.split::<Borrowed<5>>();
    cases.prepare::<Borrowed<4>>();
    cases.prepare::<Borrowed<5>>();
    cases.decoder::<Owned<4>>();
    cases.decoder::<Owned<5>>();
    cases.split::<Owned<5>>();
    cases.encoder::<built::Built<4>>();
    cases.encoder::<built::Built<5>>();
}

fn decoder(version: ProtocolVersion, from: Side, is_connect: bool) -> Decoder {
    match from {
        Side::Client if is_connect => Decoder::server(),
        Side::Client => Decoder::server().with_version(version),
        Side::Server => Decoder::client(version),
    }
}

/// A stream and its decoder.
pub struct Received {
    stream: Stream,
    decoder: Decoder,
}

impl Received {
    /// What `from` has sent.
    pub fn new(stream: &[u8], from: Side, version: ProtocolVersion) -> Self {
        let is_connect = stream.first().is_some_and(|byte| byte >> 4 == 1);
        Self { stream: Stream::new(stream), decoder: decoder(version, from, is_connect) }
    }

    /// The next packet.
    #[inline]
    pub fn packet(&mut self) -> Result<Option<Packet<'_>>, DecodeError> {
        let (rest, at) = self.stream.rest();
        let Some((packet, len)) = self.decoder.decode(rest)? else { return Ok(None) };
        *at += len;
        Ok(Some(packet))
    }
}

/// What is in a packet of a workload.
pub fn found<'a>(packet: &Packet<'a>) -> Found<'a> {
    match packet {
        Packet::Connect(connect) => {
            let fields = connect.fields();
            let of_will = fields.will.map_or(0, |will| will.properties.iter().count());
            Found::Connect {
                client_id: fields.client_id.as_bytes(),
                will_payload: fields.will.map_or(0, |will| will.payload.len()),
                properties: fields.properties.iter().count() + of_will,
            }
        }
        Packet::Publish(publish) => Found::Publish {
            topic: publish.topic.map_or(&[], TopicName::into_inner),
            packet_id: publish.delivery.packet_id().map_or(0, PacketId::get),
            properties: publish.properties.iter().count(),
            payload: publish.payload.len(),
        },
        Packet::Puback(ack) => Found::Ack(PacketType::Puback, ack.packet_id.get()),
        Packet::Pubrec(ack) => Found::Ack(PacketType::Pubrec, ack.packet_id.get()),
        Packet::Pubrel(ack) => Found::Ack(PacketType::Pubrel, ack.packet_id.get()),
        Packet::Pubcomp(ack) => Found::Ack(PacketType::Pubcomp, ack.packet_id.get()),
        Packet::Subscribe(subscribe) => Found::Subscribe {
            packet_id: subscribe.packet_id.get(),
            properties: subscribe.properties.iter().count(),
            filters: Filters::of(
                subscribe
                    .subscriptions
                    .iter()
                    .map(|(subscription, _)| subscription.filter().as_bytes().len()),
            ),
        },
        Packet::Pingreq => Found::Pingreq,
        _ => Found::Other,
    }
}

/// The properties of a PUBLISH of 5.0 in one order.
pub fn properties(publish: &[u8]) -> Vec<String> {
    match Received::new(publish, Side::Client, ProtocolVersion::V5_0).packet() {
        Ok(Some(Packet::Publish(publish))) => {
            let mut properties: Vec<_> =
                publish.properties.iter().map(|property| format!("{property:?}")).collect();
            properties.sort();
            properties
        }
        other => panic!("{other:?} is no PUBLISH"),
    }
}

/// All that is in a packet, its properties in one order.
pub fn content(packet: &[u8], version: ProtocolVersion) -> Vec<String> {
    let mut received = Received::new(packet, Side::Client, version);
    let packet = match received.packet() {
        Ok(Some(packet)) => packet,
        other => return vec![format!("{other:?}")],
    };
    let mut content = Vec::new();
    let mut add = |property: Property<'_>| content.push(format!("{property:?}"));
    match packet {
        Packet::Connect(connect) => {
            let ConnectFields { properties, will, password, .. } = connect.fields();
            properties.iter().for_each(&mut add);
            if let Some(will) = will {
                will.properties.iter().for_each(&mut add);
            }
            let without = ConnectFields {
                properties: ConnectProperties::EMPTY,
                will: will.map(|will| Will { properties: WillProperties::EMPTY, ..will }),
                ..connect.fields()
            };
            content.push(format!("{without} {password:?} {:?}", will.map(|will| will.payload)));
        }
        Packet::Publish(publish) => {
            publish.properties.iter().for_each(&mut add);
            let without = Publish { properties: PublishProperties::EMPTY, ..publish };
            content.push(format!("{without} {:?}", publish.payload));
        }
        packet => content.push(packet.to_string()),
    }
    content.sort();
    content
}

impl<const LEVEL: u8> Codec for Borrowed<LEVEL> {
    const NAME: &'static str = "mqtt-codec (borrowed)";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = Received;
    type Packet<'a> = Packet<'a>;
    type Error = DecodeError;
    type Output = Vec<u8>;

    fn input(stream: &[u8], from: Side) -> Received {
        Received::new(stream, from, Self::VERSION)
    }

    #[inline]
    fn decode(input: &mut Received) -> Result<Option<Packet<'_>>, DecodeError> {
        input.packet()
    }

    #[inline]
    fn found<'p>(packet: &'p Packet<'_>) -> Option<Found<'p>> {
        Some(found(packet))
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    #[inline]
    fn encode(packet: &Packet<'_>, output: &mut Vec<u8>) -> bool {
        output.clear();
        packet.encode(Self::VERSION, output).is_ok()
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}

impl Build for Borrowed<5> {
    type Message = TopicName<&'static [u8]>;

    fn message() -> Self::Message {
        TopicName::parse(message::TOPIC).expect("a Topic Name")
    }

    #[inline]
    fn build(topic: &Self::Message, output: &mut Vec<u8>) -> bool {
        let properties = [
            Property::MessageExpiryInterval(message::EXPIRY),
            Property::ContentType(message::CONTENT_TYPE),
            Property::CorrelationData(message::CORRELATION),
            Property::UserProperty(message::USER),
        ];
        let Ok(properties) = PublishProperties::new(&properties) else { return false };
        let Some(packet_id) = PacketId::new(message::PACKET_ID) else { return false };
        let publish = Publish {
            delivery: Delivery::AtLeastOnce { packet_id, dup: false },
            properties,
            ..Publish::new(*topic, message::PAYLOAD)
        };
        output.clear();
        publish.encode(Self::VERSION, output).is_ok()
    }
}

impl<const LEVEL: u8> BuildOther for Borrowed<LEVEL> {
    #[inline]
    fn build_other(kind: Kind, output: &mut Vec<u8>) -> bool {
        output.clear();
        match kind {
            Kind::Publish => build_publish(Self::VERSION, output),
            Kind::Puback => build_puback(Self::VERSION, output),
            Kind::Connect => build_connect(Self::VERSION, output),
            Kind::Subscribe => build_subscribe(Self::VERSION, output),
        }
        .is_some()
    }
}

fn build_publish(version: ProtocolVersion, output: &mut Vec<u8>) -> Option<()> {
    let topic = TopicName::parse(values::TOPIC).ok()?;
    Publish::new(topic, values::PAYLOAD).encode(version, output).ok()
}

fn build_puback(version: ProtocolVersion, output: &mut Vec<u8>) -> Option<()> {
    Puback::new(PacketId::new(values::PUBACK_ID)?).encode(version, output).ok()
}

fn build_connect(version: ProtocolVersion, output: &mut Vec<u8>) -> Option<()> {
    let topic = TopicName::parse(values::WILL_TOPIC).ok()?;
    let mut will = Will { qos: QoS::AtLeastOnce, ..Will::new(topic, values::WILL_PAYLOAD) };
    let mut fields = ConnectFields {
        client_id: values::CLIENT_ID,
        keep_alive: values::KEEP_ALIVE,
        username: Some(values::USER_NAME),
        password: Some(values::PASSWORD.as_bytes()),
        ..ConnectFields::default()
    };
    let (of_connect, of_will);
    if version == ProtocolVersion::V5_0 {
        of_will = [Property::WillDelayInterval(values::WILL_DELAY)];
        will.properties = WillProperties::new(&of_will).ok()?;
        of_connect = [
            Property::SessionExpiryInterval(values::SESSION_EXPIRY),
            Property::ReceiveMaximum(NonZeroU16::new(values::RECEIVE_MAXIMUM)?),
            Property::MaximumPacketSize(NonZeroU32::new(values::MAXIMUM_PACKET_SIZE)?),
            Property::TopicAliasMaximum(values::TOPIC_ALIAS_MAXIMUM),
            Property::UserProperty(values::USER),
        ];
        fields.properties = ConnectProperties::new(&of_connect).ok()?;
    }
    fields.will = Some(will);
    Connect::new(&fields).encode(version, output).ok()
}

fn build_subscribe(version: ProtocolVersion, output: &mut Vec<u8>) -> Option<()> {
    let mut entries = Vec::with_capacity(values::FILTERS.len());
    for (filter, qos) in values::FILTERS {
        let subscription = match version {
            ProtocolVersion::V5_0 => Subscription::parse(filter).ok()?,
            _ => Subscription::ordinary(filter).ok()?,
        };
        entries.push((subscription, SubscriptionOptions::from(QoS::from_bits(qos)?)));
    }
    let packet_id = PacketId::new(values::SUBSCRIBE_ID)?;
    let mut subscribe = Subscribe::new(packet_id, Subscriptions::new(&entries));
    let properties;
    if version == ProtocolVersion::V5_0 {
        let identifier = SubscriptionIdentifier::new(values::SUBSCRIPTION)?;
        properties = [Property::SubscriptionIdentifier(identifier)];
        subscribe.properties = SubscribeProperties::new(&properties).ok()?;
    }
    subscribe.encode(version, output).ok()
}

impl<const LEVEL: u8> Split for Borrowed<LEVEL> {
    #[inline]
    fn split(packet: &Packet<'_>, output: &mut Vec<u8>) -> usize {
        let Packet::Publish(publish) = packet else { return 0 };
        output.clear();
        let encoded = publish.encode_head(Self::VERSION, output);
        encoded.map_or(0, |()| output.len() + publish.payload.len())
    }
}

impl<const LEVEL: u8> Prepare for Borrowed<LEVEL> {
    type Prepared = (PreparedPublish, Hop<'static>);

    fn prepare(packet: &Packet<'_>) -> Self::Prepared {
        let Packet::Publish(publish) = packet else { panic!("{packet} is no PUBLISH") };
        let properties = MessageProperties::from_publish(publish.properties, None);
        let payload = Bytes::copy_from_slice(publish.payload);
        let topic = publish.topic.expect("no workload has a Topic Alias");
        let message_expiry_interval = publish.properties.message_expiry_interval();
        let prepared =
            PreparedPublish::new(Self::VERSION, &topic, &properties, payload).expect("it was received");
        (prepared, Hop { delivery: publish.delivery, message_expiry_interval, ..Hop::default() })
    }

    #[inline]
    fn encode_prepared((prepared, hop): &mut Self::Prepared, packet_id: u16, output: &mut Vec<u8>) -> bool {
        if let (Delivery::AtLeastOnce { packet_id, .. }, Some(next)) =
            (&mut hop.delivery, PacketId::new(packet_id))
        {
            *packet_id = next;
        }
        output.clear();
        prepared.encode(hop, output).is_ok()
    }
}

/// A read buffer, its decoder, and the frame that has been taken last.
struct Buffered {
    bytes: BytesMut,
    decoder: Decoder,
    slot: FrameSlot,
}

impl<const LEVEL: u8> Codec for Owned<LEVEL> {
    const NAME: &'static str = "mqtt-codec (owned)";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = Buffered;
    type Packet<'a> = (Packet<'a>, &'a Frame);
    type Error = DecodeError;
    type Output = Vec<u8>;

    fn input(stream: &[u8], from: Side) -> Buffered {
        let is_connect = stream.first().is_some_and(|byte| byte >> 4 == 1);
        let decoder = decoder(Self::VERSION, from, is_connect);
        Buffered { bytes: BytesMut::from(stream), decoder, slot: FrameSlot::new() }
    }

    #[inline]
    fn decode(input: &mut Buffered) -> Result<Option<Self::Packet<'_>>, DecodeError> {
        input.decoder.decode_into(&mut input.bytes, &mut input.slot)
    }

    #[inline]
    fn found<'p>((packet, _): &'p Self::Packet<'_>) -> Option<Found<'p>> {
        Some(found(packet))
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    #[inline]
    fn encode((packet, _): &Self::Packet<'_>, output: &mut Vec<u8>) -> bool {
        Borrowed::<LEVEL>::encode(packet, output)
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}

impl<const LEVEL: u8> Split for Owned<LEVEL> {
    /// The payload is a handle of its own, for a queue that outlives the packet.
    #[inline]
    fn split((packet, frame): &Self::Packet<'_>, output: &mut Vec<u8>) -> usize {
        let Packet::Publish(publish) = packet else { return 0 };
        let payload = frame.slice(publish.payload);
        output.clear();
        let encoded = publish.encode_head(Self::VERSION, output);
        encoded.map_or(0, |()| output.len() + payload.len())
    }
}
