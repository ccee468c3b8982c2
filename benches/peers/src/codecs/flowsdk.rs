//! `flowsdk` with its strict feature: out of a slice, everything is copied.

use flowsdk::mqtt_serde::control_packet::{MqttControlPacket, MqttPacket};
use flowsdk::mqtt_serde::mqttv5::common::properties::Property;
use flowsdk::mqtt_serde::mqttv5::publishv5::MqttPublish;
use flowsdk::mqtt_serde::mqttv5::willv5::WillProperties;
use flowsdk::mqtt_serde::parser::{ParseError, ParseOk};
use mqtt_codec::{PacketType, ProtocolVersion, Side};

use crate::case::Cases;
use crate::codec::{Build, Codec, Filters, Found, Stream, message, present, version};

struct Flowsdk<const LEVEL: u8>;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<Flowsdk<4>>();
    cases.codec::<Flowsdk<5>>();
    cases.build::<Flowsdk<5>>();
}

impl<const LEVEL: u8> Codec for Flowsdk<LEVEL> {
    const NAME: &'static str = "flowsdk";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = Stream;
    type Packet<'a> = MqttPacket;
    type Error = ParseError;
    type Output = Vec<u8>;

    fn input(stream: &[u8], _from: Side) -> Stream {
        Stream::new(stream)
    }

    #[inline]
    fn decode(input: &mut Stream) -> Result<Option<MqttPacket>, ParseError> {
        let (rest, at) = input.rest();
        if rest.len() < 2 {
            return Ok(None);
        }
        let read = if LEVEL == 4 { MqttPacket::from_bytes_v3(rest) } else { MqttPacket::from_bytes_v5(rest) };
        match read {
            Ok(ParseOk::Packet(packet, len)) => {
                *at += len;
                Ok(Some(packet))
            }
            Ok(_) | Err(ParseError::More(..)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn found(packet: &MqttPacket) -> Option<Found<'_>> {
        Some(match packet {
            MqttPacket::Connect3(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.will.as_ref().map_or(0, |will| will.message.len()),
                properties: 0,
            },
            MqttPacket::Publish3(publish) => Found::Publish {
                topic: publish.topic_name.as_bytes(),
                packet_id: publish.message_id.unwrap_or(0),
                properties: 0,
                payload: publish.payload.len(),
            },
            MqttPacket::PubAck3(ack) => Found::Ack(PacketType::Puback, ack.message_id),
            MqttPacket::PubRec3(ack) => Found::Ack(PacketType::Pubrec, ack.message_id),
            MqttPacket::PubRel3(ack) => Found::Ack(PacketType::Pubrel, ack.message_id),
            MqttPacket::PubComp3(ack) => Found::Ack(PacketType::Pubcomp, ack.message_id),
            MqttPacket::Subscribe3(subscribe) => Found::Subscribe {
                packet_id: subscribe.message_id,
                properties: 0,
                filters: Filters::of(subscribe.subscriptions.iter().map(|topic| topic.topic_filter.len())),
            },
            MqttPacket::Connect5(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.will.as_ref().map_or(0, |will| will.will_message.len()),
                properties: connect.properties.len()
                    + connect.will.as_ref().map_or(0, |will| of_will(&will.properties)),
            },
            MqttPacket::Publish5(publish) => Found::Publish {
                topic: publish.topic_name.as_bytes(),
                packet_id: publish.packet_id.unwrap_or(0),
                properties: publish.properties.len(),
                payload: publish.payload.len(),
            },
            MqttPacket::PubAck5(ack) => Found::Ack(PacketType::Puback, ack.packet_id),
            MqttPacket::PubRec5(ack) => Found::Ack(PacketType::Pubrec, ack.packet_id),
            MqttPacket::PubRel5(ack) => Found::Ack(PacketType::Pubrel, ack.packet_id),
            MqttPacket::PubComp5(ack) => Found::Ack(PacketType::Pubcomp, ack.packet_id),
            MqttPacket::Subscribe5(subscribe) => Found::Subscribe {
                packet_id: subscribe.packet_id,
                properties: subscribe.properties.len(),
                filters: Filters::of(subscribe.subscriptions.iter().map(|topic| topic.topic_filter.len())),
            },
            MqttPacket::PingReq3(_) | MqttPacket::PingReq5(_) => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    /// The packets write to a buffer; the enum of them makes a `Vec`, which is for the rare ones here.
    #[inline]
    fn encode(packet: &MqttPacket, output: &mut Vec<u8>) -> bool {
        output.clear();
        match packet {
            MqttPacket::Publish3(packet) => packet.encode_to_buffer(output),
            MqttPacket::PubAck3(packet) => packet.encode_to_buffer(output),
            MqttPacket::Publish5(packet) => packet.encode_to_buffer(output),
            MqttPacket::PubAck5(packet) => packet.encode_to_buffer(output),
            packet => packet.to_bytes().map(|bytes| output.extend(bytes)),
        }
        .is_ok()
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}

impl Build for Flowsdk<5> {
    type Message = ();

    fn message() {}

    #[inline]
    fn build((): &(), output: &mut Vec<u8>) -> bool {
        let properties = vec![
            Property::MessageExpiryInterval(message::EXPIRY),
            Property::ContentType(message::CONTENT_TYPE.into()),
            Property::CorrelationData(message::CORRELATION.to_vec()),
            Property::UserProperty(message::USER.0.into(), message::USER.1.into()),
        ];
        let publish = MqttPublish::new_with_prop(
            1,
            message::TOPIC.into(),
            Some(message::PACKET_ID),
            message::PAYLOAD.to_vec(),
            false,
            false,
            properties,
        );
        output.clear();
        publish.encode_to_buffer(output).is_ok()
    }
}

fn of_will(properties: &WillProperties) -> usize {
    properties.user_properties.len()
        + present([
            properties.will_delay_interval.is_some(),
            properties.payload_format_indicator.is_some(),
            properties.message_expiry_interval.is_some(),
            properties.content_type.is_some(),
            properties.response_topic.is_some(),
            properties.correlation_data.is_some(),
        ])
}
