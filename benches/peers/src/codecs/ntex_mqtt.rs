//! `ntex-mqtt`, its codec: out of a buffer of its own, strings and payloads share it; it writes pages.

use core::num::NonZeroU16;

use mqtt_codec::{PacketType, ProtocolVersion, Side};
use ntex_bytes::{BytePages, ByteString, Bytes, BytesMut};
use ntex_codec::{Decoder, Encoder};
use ntex_mqtt::error::DecodeError;
use ntex_mqtt::{QoS, v3, v5};

use crate::case::Cases;
use crate::codec::{Build, Codec, Filters, Found, Split, message, present};

struct V4;
struct V5;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<V4>();
    cases.codec::<V5>();
    cases.build::<V5>();
    cases.split::<V5>();
}

/// A buffer, to read from or to write to, and the codec.
struct Buffer<B, C> {
    bytes: B,
    codec: C,
}

fn buffered(stream: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::with_capacity(stream.len());
    bytes.extend_from_slice(stream);
    bytes
}

fn collect(pages: &BytePages) -> Vec<u8> {
    pages.iter().flatten().copied().collect()
}

impl Codec for V4 {
    const NAME: &'static str = "ntex-mqtt";
    const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;
    type Input = Buffer<BytesMut, v3::codec::Codec>;
    type Packet<'a> = v3::codec::Decoded;
    type Error = DecodeError;
    type Output = Buffer<BytePages, v3::codec::Codec>;

    fn input(stream: &[u8], _from: Side) -> Self::Input {
        Buffer { bytes: buffered(stream), codec: v3::codec::Codec::new() }
    }

    #[inline]
    fn decode(input: &mut Self::Input) -> Result<Option<v3::codec::Decoded>, DecodeError> {
        input.codec.decode(&mut input.bytes)
    }

    fn found(packet: &v3::codec::Decoded) -> Option<Found<'_>> {
        use v3::codec::{Decoded, Packet};
        let packet = match packet {
            Decoded::Publish(publish, payload, _) => {
                return Some(Found::Publish {
                    topic: publish.topic.as_bytes(),
                    packet_id: publish.packet_id.map_or(0, NonZeroU16::get),
                    properties: 0,
                    payload: payload.len(),
                });
            }
            Decoded::Packet(packet, _) => packet,
            Decoded::PayloadChunk(..) => return Some(Found::Other),
        };
        Some(match packet {
            Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.message.len()),
                properties: 0,
            },
            Packet::PublishAck { packet_id } => Found::Ack(PacketType::Puback, packet_id.get()),
            Packet::PublishReceived { packet_id } => Found::Ack(PacketType::Pubrec, packet_id.get()),
            Packet::PublishRelease { packet_id } => Found::Ack(PacketType::Pubrel, packet_id.get()),
            Packet::PublishComplete { packet_id } => Found::Ack(PacketType::Pubcomp, packet_id.get()),
            Packet::Subscribe { packet_id, topic_filters } => Found::Subscribe {
                packet_id: packet_id.get(),
                properties: 0,
                filters: Filters::of(topic_filters.iter().map(|(filter, _)| filter.len())),
            },
            Packet::PingRequest => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Self::Output {
        Buffer { bytes: BytePages::default(), codec: v3::codec::Codec::new() }
    }

    /// Its encoder takes the packet, so it is cloned.
    #[inline]
    fn encode(packet: &v3::codec::Decoded, output: &mut Self::Output) -> bool {
        use v3::codec::{Decoded, Encoded};
        let packet = match packet {
            Decoded::Packet(packet, _) => Encoded::Packet(packet.clone()),
            Decoded::Publish(publish, payload, _) => Encoded::Publish(publish.clone(), Some(payload.clone())),
            Decoded::PayloadChunk(..) => return false,
        };
        output.bytes.clear();
        output.codec.encode(packet, &mut output.bytes).is_ok()
    }

    fn bytes(output: &Self::Output) -> Vec<u8> {
        collect(&output.bytes)
    }
}

impl Codec for V5 {
    const NAME: &'static str = "ntex-mqtt";
    const VERSION: ProtocolVersion = ProtocolVersion::V5_0;
    type Input = Buffer<BytesMut, v5::codec::Codec>;
    type Packet<'a> = v5::codec::Decoded;
    type Error = DecodeError;
    type Output = Buffer<BytePages, v5::codec::Codec>;

    fn input(stream: &[u8], _from: Side) -> Self::Input {
        Buffer { bytes: buffered(stream), codec: v5::codec::Codec::new() }
    }

    #[inline]
    fn decode(input: &mut Self::Input) -> Result<Option<v5::codec::Decoded>, DecodeError> {
        input.codec.decode(&mut input.bytes)
    }

    fn found(packet: &v5::codec::Decoded) -> Option<Found<'_>> {
        use v5::codec::{Decoded, Packet};
        let packet = match packet {
            Decoded::Publish(publish, payload, _) => {
                return Some(Found::Publish {
                    topic: publish.topic.as_bytes(),
                    packet_id: publish.packet_id.map_or(0, NonZeroU16::get),
                    properties: of_publish(&publish.properties),
                    payload: payload.len(),
                });
            }
            Decoded::Packet(packet, _) => packet,
            Decoded::PayloadChunk(..) => return Some(Found::Other),
        };
        Some(match packet {
            Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.message.len()),
                properties: of_connect(connect) + connect.last_will.as_ref().map_or(0, of_will),
            },
            Packet::PublishAck(ack) => Found::Ack(PacketType::Puback, ack.packet_id.get()),
            Packet::PublishReceived(ack) => Found::Ack(PacketType::Pubrec, ack.packet_id.get()),
            Packet::PublishRelease(ack) => Found::Ack(PacketType::Pubrel, ack.packet_id.get()),
            Packet::PublishComplete(ack) => Found::Ack(PacketType::Pubcomp, ack.packet_id.get()),
            Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.packet_id.get(),
                properties: usize::from(subscribe.id.is_some()) + subscribe.user_properties.len(),
                filters: Filters::of(subscribe.topic_filters.iter().map(|(filter, _)| filter.len())),
            },
            Packet::PingRequest => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Self::Output {
        Buffer { bytes: BytePages::default(), codec: v5::codec::Codec::new() }
    }

    /// Its encoder takes the packet, so it is cloned.
    #[inline]
    fn encode(packet: &v5::codec::Decoded, output: &mut Self::Output) -> bool {
        use v5::codec::{Decoded, Encoded};
        let packet = match packet {
            Decoded::Packet(packet, _) => Encoded::Packet(packet.clone()),
            Decoded::Publish(publish, payload, _) => Encoded::Publish(publish.clone(), Some(payload.clone())),
            Decoded::PayloadChunk(..) => return false,
        };
        output.bytes.clear();
        output.codec.encode(packet, &mut output.bytes).is_ok()
    }

    fn bytes(output: &Self::Output) -> Vec<u8> {
        collect(&output.bytes)
    }
}

impl Split for V5 {
    /// A large payload becomes a page of its own in any case.
    #[inline]
    fn split(packet: &v5::codec::Decoded, output: &mut Self::Output) -> usize {
        if Self::encode(packet, output) { output.bytes.len() } else { 0 }
    }
}

impl Build for V5 {
    type Message = (ByteString, Bytes);

    fn message() -> Self::Message {
        (ByteString::from_static(message::TOPIC), Bytes::from_static(message::PAYLOAD))
    }

    #[inline]
    fn build((topic, payload): &Self::Message, output: &mut Self::Output) -> bool {
        let Ok(payload_size) = u32::try_from(payload.len()) else { return false };
        let publish = v5::codec::Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: topic.clone(),
            packet_id: NonZeroU16::new(message::PACKET_ID),
            payload_size,
            properties: v5::codec::PublishProperties {
                message_expiry_interval: Some(message::EXPIRY),
                content_type: Some(ByteString::from_static(message::CONTENT_TYPE)),
                correlation_data: Some(Bytes::from_static(message::CORRELATION)),
                user_properties: vec![(
                    ByteString::from_static(message::USER.0),
                    ByteString::from_static(message::USER.1),
                )],
                ..v5::codec::PublishProperties::default()
            },
        };
        output.bytes.clear();
        let packet = v5::codec::Encoded::Publish(publish, Some(payload.clone()));
        output.codec.encode(packet, &mut output.bytes).is_ok()
    }
}

/// It does not tell some properties from their defaults; no workload has such a one.
fn of_connect(connect: &v5::codec::Connect) -> usize {
    connect.user_properties.len()
        + present([
            connect.session_expiry_interval_secs != 0,
            connect.receive_max.is_some(),
            connect.max_packet_size.is_some(),
            connect.topic_alias_max != 0,
            connect.request_response_info,
            !connect.request_problem_info,
            connect.auth_method.is_some(),
            connect.auth_data.is_some(),
        ])
}

fn of_will(will: &v5::codec::LastWill) -> usize {
    will.user_properties.len()
        + present([
            will.will_delay_interval_sec.is_some(),
            will.is_utf8_payload.is_some(),
            will.message_expiry_interval.is_some(),
            will.content_type.is_some(),
            will.response_topic.is_some(),
            will.correlation_data.is_some(),
        ])
}

fn of_publish(properties: &v5::codec::PublishProperties) -> usize {
    properties.user_properties.len()
        + properties.subscription_ids.len()
        + present([
            properties.is_utf8_payload,
            properties.message_expiry_interval.is_some(),
            properties.topic_alias.is_some(),
            properties.response_topic.is_some(),
            properties.correlation_data.is_some(),
            properties.content_type.is_some(),
        ])
}
