//! `mqtt5-protocol`: out of a `Bytes`, strings are copied, payloads shared, properties in a hash map.

use bytes::{Bytes, BytesMut};
use mqtt_codec::{PacketType, ProtocolVersion, Side};
use mqtt5_protocol::packet::publish::PublishPacket;
use mqtt5_protocol::packet::{FixedHeader, MqttPacket, Packet};
use mqtt5_protocol::{MqttError, QoS};

use crate::case::Cases;
use crate::codec::{Build, Codec, Filters, Found, message, version};

struct Mqtt5<const LEVEL: u8>;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<Mqtt5<4>>();
    cases.codec::<Mqtt5<5>>();
    cases.build::<Mqtt5<5>>();
}

impl<const LEVEL: u8> Codec for Mqtt5<LEVEL> {
    const NAME: &'static str = "mqtt5-protocol";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = Bytes;
    type Packet<'a> = Packet;
    type Error = MqttError;
    type Output = BytesMut;

    fn input(stream: &[u8], _from: Side) -> Bytes {
        Bytes::copy_from_slice(stream)
    }

    /// It takes whole packets, so the caller cuts them out.
    #[inline]
    fn decode(input: &mut Bytes) -> Result<Option<Packet>, MqttError> {
        if input.len() < 2 {
            return Ok(None);
        }
        let mut rest = &input[..];
        let header = FixedHeader::decode(&mut rest)?;
        let header_len = input.len() - rest.len();
        let Ok(body_len) = usize::try_from(header.remaining_length) else { return Ok(None) };
        if rest.len() < body_len {
            return Ok(None);
        }
        let mut body = input.split_to(header_len + body_len);
        let _ = body.split_to(header_len);
        Packet::decode_from_body_with_version(header.packet_type, &header, &mut body, LEVEL).map(Some)
    }

    fn found(packet: &Packet) -> Option<Found<'_>> {
        Some(match packet {
            Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.will.as_ref().map_or(0, |will| will.payload.len()),
                properties: connect.properties.iter().count() + connect.will_properties.iter().count(),
            },
            Packet::Publish(publish) => Found::Publish {
                topic: publish.topic_name.as_bytes(),
                packet_id: publish.packet_id.unwrap_or(0),
                properties: publish.properties.iter().count(),
                payload: publish.payload.len(),
            },
            Packet::PubAck(ack) => Found::Ack(PacketType::Puback, ack.packet_id),
            Packet::PubRec(ack) => Found::Ack(PacketType::Pubrec, ack.packet_id),
            Packet::PubRel(ack) => Found::Ack(PacketType::Pubrel, ack.packet_id),
            Packet::PubComp(ack) => Found::Ack(PacketType::Pubcomp, ack.packet_id),
            Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.packet_id,
                properties: subscribe.properties.iter().count(),
                filters: Filters::of(subscribe.filters.iter().map(|filter| filter.filter.len())),
            },
            Packet::PingReq => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> BytesMut {
        BytesMut::new()
    }

    #[inline]
    fn encode(packet: &Packet, output: &mut BytesMut) -> bool {
        output.clear();
        match packet {
            Packet::Connect(packet) => packet.encode(output),
            Packet::Publish(packet) => encode_publish(packet, output),
            Packet::PubAck(packet) => packet.encode(output),
            Packet::PubRec(packet) => packet.encode(output),
            Packet::PubRel(packet) => packet.encode(output),
            Packet::PubComp(packet) => packet.encode(output),
            Packet::Subscribe(packet) => packet.encode(output),
            Packet::PingReq => mqtt5_protocol::packet::pingreq::PingReqPacket::default().encode(output),
            _ => return false,
        }
        .is_ok()
    }

    fn bytes(output: &BytesMut) -> Vec<u8> {
        output.to_vec()
    }
}

/// Its fast path.
#[inline]
fn encode_publish(publish: &PublishPacket, output: &mut BytesMut) -> Result<(), MqttError> {
    let body_len = u32::try_from(publish.body_encoded_size())
        .map_err(|_| MqttError::MalformedPacket("too large".into()))?;
    FixedHeader::new(publish.packet_type(), publish.flags(), body_len).encode(output)?;
    publish.encode_body_direct(output)
}

impl Build for Mqtt5<5> {
    type Message = Bytes;

    fn message() -> Bytes {
        Bytes::from_static(message::PAYLOAD)
    }

    #[inline]
    fn build(payload: &Bytes, output: &mut BytesMut) -> bool {
        let publish = PublishPacket::new(message::TOPIC, payload.clone(), QoS::AtLeastOnce)
            .with_packet_id(message::PACKET_ID)
            .with_message_expiry_interval(message::EXPIRY)
            .with_content_type(message::CONTENT_TYPE.into())
            .with_correlation_data(message::CORRELATION.to_vec())
            .with_user_property(message::USER.0.into(), message::USER.1.into());
        output.clear();
        encode_publish(&publish, output).is_ok()
    }
}
