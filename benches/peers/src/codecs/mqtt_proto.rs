//! `mqtt-proto`, its synchronous interface: out of a slice, everything is copied.

use std::sync::Arc;

use bytes::Bytes;
use mqtt_codec::{PacketType, ProtocolVersion, Side};
use mqtt_proto::{Pid, PollHeader, QosPid, TopicName, VarBytes, v3, v5};

use crate::case::Cases;
use crate::codec::{Build, Codec, Filters, Found, Stream, message, present};

struct V4;
struct V5;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<V4>();
    cases.codec::<V5>();
    cases.build::<V5>();
}

/// The header and where the body begins and ends; it takes whole bodies, so the caller cuts them out.
#[inline]
fn frame<H: PollHeader>(
    header: impl FnOnce(&[u8]) -> Result<H, H::Error>,
    rest: &[u8],
) -> Result<Option<(H, usize, usize)>, H::Error> {
    if rest.len() < 2 {
        return Ok(None);
    }
    let header = match header(rest) {
        Ok(header) => header,
        Err(error) if H::is_eof_error(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    // What it calls the total length is here the number of bytes of the Remaining Length.
    let begin = 1 + header.total_len();
    let end = begin + header.remaining_len();
    Ok((end <= rest.len()).then_some((header, begin, end)))
}

/// Its encoder makes a buffer of its own for each packet.
fn put(output: &mut Option<VarBytes>, encoded: Result<VarBytes, mqtt_proto::Error>) -> bool {
    *output = encoded.ok();
    output.is_some()
}

fn packet_id(qos: QosPid) -> u16 {
    qos.pid().map_or(0, Pid::value)
}

impl Codec for V4 {
    const NAME: &'static str = "mqtt-proto";
    const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;
    type Input = Stream;
    type Packet<'a> = v3::Packet;
    type Error = mqtt_proto::Error;
    type Output = Option<VarBytes>;

    fn input(stream: &[u8], _from: Side) -> Stream {
        Stream::new(stream)
    }

    #[inline]
    fn decode(input: &mut Stream) -> Result<Option<v3::Packet>, mqtt_proto::Error> {
        let (rest, at) = input.rest();
        let Some((header, begin, end)) = frame(v3::Header::decode, rest)? else { return Ok(None) };
        *at += end;
        match header.build_empty_packet() {
            Some(packet) => Ok(Some(packet)),
            None => header.decode_buffer(&rest[begin..end], &mut 0).map(Some),
        }
    }

    fn found(packet: &v3::Packet) -> Option<Found<'_>> {
        Some(match packet {
            v3::Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.message.len()),
                properties: 0,
            },
            v3::Packet::Publish(publish) => Found::Publish {
                topic: publish.topic_name.as_bytes(),
                packet_id: packet_id(publish.qos_pid),
                properties: 0,
                payload: publish.payload.len(),
            },
            v3::Packet::Puback(id) => Found::Ack(PacketType::Puback, id.value()),
            v3::Packet::Pubrec(id) => Found::Ack(PacketType::Pubrec, id.value()),
            v3::Packet::Pubrel(id) => Found::Ack(PacketType::Pubrel, id.value()),
            v3::Packet::Pubcomp(id) => Found::Ack(PacketType::Pubcomp, id.value()),
            v3::Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.pid.value(),
                properties: 0,
                filters: Filters::of(subscribe.topics.iter().map(|(filter, _)| filter.len())),
            },
            v3::Packet::Pingreq => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Option<VarBytes> {
        None
    }

    #[inline]
    fn encode(packet: &v3::Packet, output: &mut Option<VarBytes>) -> bool {
        put(output, packet.encode())
    }

    fn bytes(output: &Option<VarBytes>) -> Vec<u8> {
        output.as_ref().map(|bytes| bytes.as_ref().to_vec()).unwrap_or_default()
    }
}

impl Codec for V5 {
    const NAME: &'static str = "mqtt-proto";
    const VERSION: ProtocolVersion = ProtocolVersion::V5_0;
    type Input = Stream;
    type Packet<'a> = v5::Packet;
    type Error = v5::ErrorV5;
    type Output = Option<VarBytes>;

    fn input(stream: &[u8], _from: Side) -> Stream {
        Stream::new(stream)
    }

    #[inline]
    fn decode(input: &mut Stream) -> Result<Option<v5::Packet>, v5::ErrorV5> {
        let (rest, at) = input.rest();
        let Some((header, begin, end)) = frame(v5::Header::decode, rest)? else { return Ok(None) };
        *at += end;
        match header.build_empty_packet() {
            Some(packet) => Ok(Some(packet)),
            None => header.decode_buffer(&rest[begin..end], &mut 0).map(Some),
        }
    }

    fn found(packet: &v5::Packet) -> Option<Found<'_>> {
        Some(match packet {
            v5::Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.payload.len()),
                properties: of_connect(&connect.properties)
                    + connect.last_will.as_ref().map_or(0, |will| of_will(&will.properties)),
            },
            v5::Packet::Publish(publish) => Found::Publish {
                topic: publish.topic_name.as_bytes(),
                packet_id: packet_id(publish.qos_pid),
                properties: of_publish(&publish.properties),
                payload: publish.payload.len(),
            },
            v5::Packet::Puback(ack) => Found::Ack(PacketType::Puback, ack.pid.value()),
            v5::Packet::Pubrec(ack) => Found::Ack(PacketType::Pubrec, ack.pid.value()),
            v5::Packet::Pubrel(ack) => Found::Ack(PacketType::Pubrel, ack.pid.value()),
            v5::Packet::Pubcomp(ack) => Found::Ack(PacketType::Pubcomp, ack.pid.value()),
            v5::Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.pid.value(),
                properties: usize::from(subscribe.properties.subscription_id.is_some())
                    + subscribe.properties.user_properties.len(),
                filters: Filters::of(subscribe.topics.iter().map(|(filter, _)| filter.len())),
            },
            v5::Packet::Pingreq => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Option<VarBytes> {
        None
    }

    #[inline]
    fn encode(packet: &v5::Packet, output: &mut Option<VarBytes>) -> bool {
        put(output, packet.encode())
    }

    fn bytes(output: &Option<VarBytes>) -> Vec<u8> {
        output.as_ref().map(|bytes| bytes.as_ref().to_vec()).unwrap_or_default()
    }
}

impl Build for V5 {
    type Message = Bytes;

    fn message() -> Bytes {
        Bytes::from_static(message::PAYLOAD)
    }

    #[inline]
    fn build(payload: &Bytes, output: &mut Option<VarBytes>) -> bool {
        let Ok(topic_name) = TopicName::try_from(message::TOPIC) else { return false };
        let Ok(packet_id) = Pid::try_from(message::PACKET_ID) else { return false };
        let publish = v5::Publish {
            dup: false,
            retain: false,
            qos_pid: QosPid::Level1(packet_id),
            topic_name,
            payload: payload.clone(),
            properties: v5::PublishProperties {
                message_expiry_interval: Some(message::EXPIRY),
                correlation_data: Some(Bytes::from_static(message::CORRELATION)),
                content_type: Some(Arc::from(message::CONTENT_TYPE)),
                user_properties: vec![v5::UserProperty {
                    name: Arc::from(message::USER.0),
                    value: Arc::from(message::USER.1),
                }],
                ..v5::PublishProperties::default()
            },
        };
        put(output, v5::Packet::Publish(publish).encode())
    }
}

fn of_connect(properties: &v5::ConnectProperties) -> usize {
    properties.user_properties.len()
        + present([
            properties.session_expiry_interval.is_some(),
            properties.receive_max.is_some(),
            properties.max_packet_size.is_some(),
            properties.topic_alias_max.is_some(),
            properties.request_response_info.is_some(),
            properties.request_problem_info.is_some(),
            properties.auth_method.is_some(),
            properties.auth_data.is_some(),
        ])
}

fn of_will(properties: &v5::WillProperties) -> usize {
    properties.user_properties.len()
        + present([
            properties.delay_interval.is_some(),
            properties.payload_is_utf8.is_some(),
            properties.message_expiry_interval.is_some(),
            properties.content_type.is_some(),
            properties.response_topic.is_some(),
            properties.correlation_data.is_some(),
        ])
}

fn of_publish(properties: &v5::PublishProperties) -> usize {
    properties.user_properties.len()
        + present([
            properties.payload_is_utf8.is_some(),
            properties.message_expiry_interval.is_some(),
            properties.topic_alias.is_some(),
            properties.response_topic.is_some(),
            properties.correlation_data.is_some(),
            properties.subscription_id.is_some(),
            properties.content_type.is_some(),
        ])
}
