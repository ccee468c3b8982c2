//! `mqtt-protocol-core`, its packet layer: out of a slice, payloads are shared.

use core::hint::black_box;

use mqtt_codec::{PacketType, ProtocolVersion, Side};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder, PacketData, RawPacket};
use mqtt_protocol_core::mqtt::packet::{
    ContentType, CorrelationData, GenericPacketTrait, MessageExpiryInterval, Packet, Properties, Qos,
    SubEntry, UserProperty, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::MqttError;

use crate::case::Cases;
use crate::codec::{Build, Codec, Filters, Found, Split, message, version};

struct ProtocolCore<const LEVEL: u8>;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<ProtocolCore<4>>();
    cases.codec::<ProtocolCore<5>>();
    cases.build::<ProtocolCore<5>>();
    cases.split::<ProtocolCore<5>>();
}

/// A stream and what puts packets together.
struct Received {
    bytes: Vec<u8>,
    at: u64,
    builder: PacketBuilder,
}

impl Received {
    fn next(&mut self) -> Result<Option<RawPacket>, MqttError> {
        let mut cursor = Cursor::new(&self.bytes[..]);
        cursor.set_position(self.at);
        let result = self.builder.feed(&mut cursor);
        self.at = cursor.position();
        match result {
            PacketBuildResult::Complete(packet) => Ok(Some(packet)),
            PacketBuildResult::Incomplete => Ok(None),
            PacketBuildResult::Error(error) => Err(error),
        }
    }
}

fn parse4(raw: &RawPacket) -> Result<Packet, MqttError> {
    Ok(match raw.packet_type() {
        1 => raw.parse_exact(v3_1_1::Connect::parse)?.into(),
        2 => raw.parse_exact(v3_1_1::Connack::parse)?.into(),
        3 => match &raw.data {
            PacketData::Publish(body) => v3_1_1::Publish::parse(raw.flags(), body.clone())?.0.into(),
            PacketData::Normal(_) => return Err(MqttError::MalformedPacket),
        },
        4 => raw.parse_exact(v3_1_1::Puback::parse)?.into(),
        5 => raw.parse_exact(v3_1_1::Pubrec::parse)?.into(),
        6 => raw.parse_exact(v3_1_1::Pubrel::parse)?.into(),
        7 => raw.parse_exact(v3_1_1::Pubcomp::parse)?.into(),
        8 => raw.parse_exact(v3_1_1::Subscribe::parse)?.into(),
        9 => raw.parse_exact(v3_1_1::Suback::parse)?.into(),
        10 => raw.parse_exact(v3_1_1::Unsubscribe::parse)?.into(),
        11 => raw.parse_exact(v3_1_1::Unsuback::parse)?.into(),
        12 => raw.parse_exact(v3_1_1::Pingreq::parse)?.into(),
        13 => raw.parse_exact(v3_1_1::Pingresp::parse)?.into(),
        14 => raw.parse_exact(v3_1_1::Disconnect::parse)?.into(),
        _ => return Err(MqttError::MalformedPacket),
    })
}

fn parse5(raw: &RawPacket) -> Result<Packet, MqttError> {
    Ok(match raw.packet_type() {
        1 => raw.parse_exact(v5_0::Connect::parse)?.into(),
        2 => raw.parse_exact(v5_0::Connack::parse)?.into(),
        3 => match &raw.data {
            PacketData::Publish(body) => v5_0::Publish::parse(raw.flags(), body.clone())?.0.into(),
            PacketData::Normal(_) => return Err(MqttError::MalformedPacket),
        },
        4 => raw.parse_exact(v5_0::Puback::parse)?.into(),
        5 => raw.parse_exact(v5_0::Pubrec::parse)?.into(),
        6 => raw.parse_exact(v5_0::Pubrel::parse)?.into(),
        7 => raw.parse_exact(v5_0::Pubcomp::parse)?.into(),
        8 => raw.parse_exact(v5_0::Subscribe::parse)?.into(),
        9 => raw.parse_exact(v5_0::Suback::parse)?.into(),
        10 => raw.parse_exact(v5_0::Unsubscribe::parse)?.into(),
        11 => raw.parse_exact(v5_0::Unsuback::parse)?.into(),
        12 => raw.parse_exact(v5_0::Pingreq::parse)?.into(),
        13 => raw.parse_exact(v5_0::Pingresp::parse)?.into(),
        14 => raw.parse_exact(v5_0::Disconnect::parse)?.into(),
        15 => raw.parse_exact(v5_0::Auth::parse)?.into(),
        _ => return Err(MqttError::MalformedPacket),
    })
}

fn filters(entries: &[SubEntry]) -> Filters {
    Filters::of(entries.iter().map(|entry| entry.topic_filter().len()))
}

impl<const LEVEL: u8> Codec for ProtocolCore<LEVEL> {
    const NAME: &'static str = "mqtt-protocol-core";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = Received;
    type Packet<'a> = Packet;
    type Error = MqttError;
    /// Its encoder makes a buffer of its own for each packet.
    type Output = Vec<u8>;

    fn input(stream: &[u8], _from: Side) -> Received {
        Received { bytes: stream.to_vec(), at: 0, builder: PacketBuilder::new() }
    }

    #[inline]
    fn decode(input: &mut Received) -> Result<Option<Packet>, MqttError> {
        let Some(raw) = input.next()? else { return Ok(None) };
        if LEVEL == 4 { parse4(&raw) } else { parse5(&raw) }.map(Some)
    }

    fn found(packet: &Packet) -> Option<Found<'_>> {
        Some(match packet {
            Packet::V3_1_1Connect(connect) => Found::Connect {
                client_id: connect.client_id().as_bytes(),
                will_payload: connect.will_payload().map_or(0, <[u8]>::len),
                properties: 0,
            },
            Packet::V3_1_1Publish(publish) => Found::Publish {
                topic: publish.topic_name().as_bytes(),
                packet_id: publish.packet_id().unwrap_or(0),
                properties: 0,
                payload: publish.payload().len(),
            },
            Packet::V3_1_1Puback(ack) => Found::Ack(PacketType::Puback, ack.packet_id()),
            Packet::V3_1_1Pubrec(ack) => Found::Ack(PacketType::Pubrec, ack.packet_id()),
            Packet::V3_1_1Pubrel(ack) => Found::Ack(PacketType::Pubrel, ack.packet_id()),
            Packet::V3_1_1Pubcomp(ack) => Found::Ack(PacketType::Pubcomp, ack.packet_id()),
            Packet::V3_1_1Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.packet_id(),
                properties: 0,
                filters: filters(subscribe.entries()),
            },
            Packet::V5_0Connect(connect) => Found::Connect {
                client_id: connect.client_id().as_bytes(),
                will_payload: connect.will_payload().map_or(0, <[u8]>::len),
                properties: connect.props().len() + connect.will_props().len(),
            },
            Packet::V5_0Publish(publish) => Found::Publish {
                topic: publish.topic_name().as_bytes(),
                packet_id: publish.packet_id().unwrap_or(0),
                properties: publish.props().len(),
                payload: publish.payload().len(),
            },
            Packet::V5_0Puback(ack) => Found::Ack(PacketType::Puback, ack.packet_id()),
            Packet::V5_0Pubrec(ack) => Found::Ack(PacketType::Pubrec, ack.packet_id()),
            Packet::V5_0Pubrel(ack) => Found::Ack(PacketType::Pubrel, ack.packet_id()),
            Packet::V5_0Pubcomp(ack) => Found::Ack(PacketType::Pubcomp, ack.packet_id()),
            Packet::V5_0Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.packet_id(),
                properties: subscribe.props().len(),
                filters: filters(subscribe.entries()),
            },
            Packet::V3_1_1Pingreq(_) | Packet::V5_0Pingreq(_) => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    #[inline]
    fn encode(packet: &Packet, output: &mut Vec<u8>) -> bool {
        *output = packet.to_continuous_buffer();
        true
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}

impl Split for ProtocolCore<5> {
    #[inline]
    fn split(packet: &Packet, _output: &mut Vec<u8>) -> usize {
        let pieces = packet.to_buffers();
        black_box(&pieces).iter().map(|piece| piece.len()).sum()
    }
}

impl Build for ProtocolCore<5> {
    type Message = ();

    fn message() {}

    #[inline]
    fn build((): &(), output: &mut Vec<u8>) -> bool {
        let Ok(publish) = publish() else { return false };
        *output = publish.to_continuous_buffer();
        true
    }
}

fn publish() -> Result<v5_0::Publish, MqttError> {
    let properties: Properties = vec![
        MessageExpiryInterval::new(message::EXPIRY)?.into(),
        ContentType::new(message::CONTENT_TYPE)?.into(),
        CorrelationData::new(message::CORRELATION.to_vec())?.into(),
        UserProperty::new(message::USER.0, message::USER.1)?.into(),
    ];
    v5_0::Publish::builder()
        .topic_name(message::TOPIC)?
        .qos(Qos::AtLeastOnce)
        .packet_id(message::PACKET_ID)
        .props(properties)
        .payload(message::PAYLOAD)
        .build()
}
