//! `rmqtt-codec`: out of a `BytesMut`, strings and payloads share it.

use core::num::{NonZeroU16, NonZeroU32};

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use mqtt_codec::{PacketType, ProtocolVersion, Side};
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::{v3, v5};
use tokio_util::codec::{Decoder, Encoder};

use crate::case::Cases;
use crate::codec::{Build, Codec, Filters, Found, message, present};

struct V4;
struct V5;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<V4>();
    cases.codec::<V5>();
    cases.build::<V5>();
}

/// A buffer, to read from or to write to, and the codec.
struct Buffer<C> {
    bytes: BytesMut,
    codec: C,
}

impl Codec for V4 {
    const NAME: &'static str = "rmqtt-codec";
    const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;
    type Input = Buffer<v3::Codec>;
    type Packet<'a> = v3::Packet;
    type Error = DecodeError;
    type Output = Buffer<v3::Codec>;

    fn input(stream: &[u8], _from: Side) -> Self::Input {
        Buffer { bytes: BytesMut::from(stream), codec: v3::Codec::new(0) }
    }

    #[inline]
    fn decode(input: &mut Self::Input) -> Result<Option<v3::Packet>, DecodeError> {
        Ok(input.codec.decode(&mut input.bytes)?.map(|(packet, _)| packet))
    }

    fn found(packet: &v3::Packet) -> Option<Found<'_>> {
        Some(match packet {
            v3::Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.message.len()),
                properties: 0,
            },
            v3::Packet::Publish(publish) => of_publish(publish),
            v3::Packet::PublishAck { packet_id } => Found::Ack(PacketType::Puback, packet_id.get()),
            v3::Packet::PublishReceived { packet_id } => Found::Ack(PacketType::Pubrec, packet_id.get()),
            v3::Packet::PublishRelease { packet_id } => Found::Ack(PacketType::Pubrel, packet_id.get()),
            v3::Packet::PublishComplete { packet_id } => Found::Ack(PacketType::Pubcomp, packet_id.get()),
            v3::Packet::Subscribe { packet_id, topic_filters } => Found::Subscribe {
                packet_id: packet_id.get(),
                properties: 0,
                filters: Filters::of(topic_filters.iter().map(|(filter, _)| filter.len())),
            },
            v3::Packet::PingRequest => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Self::Output {
        Buffer { bytes: BytesMut::new(), codec: v3::Codec::new(0) }
    }

    /// Its encoder takes the packet, so it is cloned.
    #[inline]
    fn encode(packet: &v3::Packet, output: &mut Self::Output) -> bool {
        output.bytes.clear();
        output.codec.encode(packet.clone(), &mut output.bytes).is_ok()
    }

    fn bytes(output: &Self::Output) -> Vec<u8> {
        output.bytes.to_vec()
    }
}

impl Codec for V5 {
    const NAME: &'static str = "rmqtt-codec";
    const VERSION: ProtocolVersion = ProtocolVersion::V5_0;
    type Input = Buffer<v5::Codec>;
    type Packet<'a> = v5::Packet;
    type Error = DecodeError;
    type Output = Buffer<v5::Codec>;

    fn input(stream: &[u8], _from: Side) -> Self::Input {
        Buffer { bytes: BytesMut::from(stream), codec: v5::Codec::new(0, 0) }
    }

    #[inline]
    fn decode(input: &mut Self::Input) -> Result<Option<v5::Packet>, DecodeError> {
        Ok(input.codec.decode(&mut input.bytes)?.map(|(packet, _)| packet))
    }

    fn found(packet: &v5::Packet) -> Option<Found<'_>> {
        Some(match packet {
            v5::Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.message.len()),
                properties: of_connect(connect) + connect.last_will.as_ref().map_or(0, of_will),
            },
            v5::Packet::Publish(publish) => of_publish(publish),
            v5::Packet::PublishAck(ack) => Found::Ack(PacketType::Puback, ack.packet_id.get()),
            v5::Packet::PublishReceived(ack) => Found::Ack(PacketType::Pubrec, ack.packet_id.get()),
            v5::Packet::PublishRelease(ack) => Found::Ack(PacketType::Pubrel, ack.packet_id.get()),
            v5::Packet::PublishComplete(ack) => Found::Ack(PacketType::Pubcomp, ack.packet_id.get()),
            v5::Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.packet_id.get(),
                properties: usize::from(subscribe.id.is_some()) + subscribe.user_properties.len(),
                filters: Filters::of(subscribe.topic_filters.iter().map(|(filter, _)| filter.len())),
            },
            v5::Packet::PingRequest => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Self::Output {
        Buffer { bytes: BytesMut::new(), codec: v5::Codec::new(0, 0) }
    }

    /// Its encoder takes the packet, so it is cloned.
    #[inline]
    fn encode(packet: &v5::Packet, output: &mut Self::Output) -> bool {
        output.bytes.clear();
        output.codec.encode(packet.clone(), &mut output.bytes).is_ok()
    }

    fn bytes(output: &Self::Output) -> Vec<u8> {
        output.bytes.to_vec()
    }
}

impl Build for V5 {
    type Message = (ByteString, Bytes);

    fn message() -> Self::Message {
        (ByteString::from_static(message::TOPIC), Bytes::from_static(message::PAYLOAD))
    }

    #[inline]
    fn build((topic, payload): &Self::Message, output: &mut Self::Output) -> bool {
        let publish = Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: topic.clone(),
            packet_id: NonZeroU16::new(message::PACKET_ID),
            payload: payload.clone(),
            properties: Some(v5::PublishProperties {
                message_expiry_interval: NonZeroU32::new(message::EXPIRY),
                content_type: Some(ByteString::from_static(message::CONTENT_TYPE)),
                correlation_data: Some(Bytes::from_static(message::CORRELATION)),
                user_properties: vec![(
                    ByteString::from_static(message::USER.0),
                    ByteString::from_static(message::USER.1),
                )],
                ..v5::PublishProperties::default()
            }),
        };
        output.bytes.clear();
        output.codec.encode(v5::Packet::Publish(Box::new(publish)), &mut output.bytes).is_ok()
    }
}

/// It does not tell some properties from their defaults; no workload has such a one.
fn of_connect(connect: &v5::Connect) -> usize {
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

fn of_will(will: &v5::LastWill) -> usize {
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

fn of_publish(publish: &Publish) -> Found<'_> {
    let properties = publish.properties.as_ref().map_or(0, |properties| {
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
    });
    Found::Publish {
        topic: publish.topic.as_bytes(),
        packet_id: publish.packet_id.map_or(0, NonZeroU16::get),
        properties,
        payload: publish.payload.len(),
    }
}
