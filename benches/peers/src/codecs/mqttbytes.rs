//! `mqttbytes`: out of a `BytesMut`, strings are copied, payloads shared.

use bytes::{Bytes, BytesMut};
use mqtt_codec::{PacketType, ProtocolVersion, Side};
use mqttbytes::{Error, QoS, v4, v5};

use crate::case::Cases;
use crate::codec::{Build, BuildOther, Codec, Filters, Found, Kind, message, present, values};

const MAXIMUM_PACKET_SIZE: usize = 1 << 28;

struct V4;
struct V5;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<V4>();
    cases.codec::<V5>();
    cases.build::<V5>();
    cases.build_other::<V4>();
    cases.build_other::<V5>();
}

fn complete<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(packet) => Ok(Some(packet)),
        Err(Error::InsufficientBytes(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Codec for V4 {
    const NAME: &'static str = "mqttbytes";
    const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;
    type Input = BytesMut;
    type Packet<'a> = v4::Packet;
    type Error = Error;
    type Output = BytesMut;

    fn input(stream: &[u8], _from: Side) -> BytesMut {
        BytesMut::from(stream)
    }

    #[inline]
    fn decode(input: &mut BytesMut) -> Result<Option<v4::Packet>, Error> {
        complete(v4::read(input, MAXIMUM_PACKET_SIZE))
    }

    fn found(packet: &v4::Packet) -> Option<Found<'_>> {
        Some(match packet {
            v4::Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.message.len()),
                properties: 0,
            },
            v4::Packet::Publish(publish) => Found::Publish {
                topic: publish.topic.as_bytes(),
                packet_id: publish.pkid,
                properties: 0,
                payload: publish.payload.len(),
            },
            v4::Packet::PubAck(ack) => Found::Ack(PacketType::Puback, ack.pkid),
            v4::Packet::PubRec(ack) => Found::Ack(PacketType::Pubrec, ack.pkid),
            v4::Packet::PubRel(ack) => Found::Ack(PacketType::Pubrel, ack.pkid),
            v4::Packet::PubComp(ack) => Found::Ack(PacketType::Pubcomp, ack.pkid),
            v4::Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.pkid,
                properties: 0,
                filters: Filters::of(subscribe.filters.iter().map(|filter| filter.path.len())),
            },
            v4::Packet::PingReq => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> BytesMut {
        BytesMut::new()
    }

    #[inline]
    fn encode(packet: &v4::Packet, output: &mut BytesMut) -> bool {
        output.clear();
        match packet {
            v4::Packet::Connect(packet) => packet.write(output),
            v4::Packet::Publish(packet) => packet.write(output),
            v4::Packet::PubAck(packet) => packet.write(output),
            v4::Packet::PubRec(packet) => packet.write(output),
            v4::Packet::PubRel(packet) => packet.write(output),
            v4::Packet::PubComp(packet) => packet.write(output),
            v4::Packet::Subscribe(packet) => packet.write(output),
            v4::Packet::PingReq => v4::PingReq.write(output),
            _ => return false,
        }
        .is_ok()
    }

    fn bytes(output: &BytesMut) -> Vec<u8> {
        output.to_vec()
    }
}

impl Codec for V5 {
    const NAME: &'static str = "mqttbytes";
    const VERSION: ProtocolVersion = ProtocolVersion::V5_0;
    type Input = BytesMut;
    type Packet<'a> = v5::Packet;
    type Error = Error;
    type Output = BytesMut;

    fn input(stream: &[u8], _from: Side) -> BytesMut {
        BytesMut::from(stream)
    }

    #[inline]
    fn decode(input: &mut BytesMut) -> Result<Option<v5::Packet>, Error> {
        complete(v5::read(input, MAXIMUM_PACKET_SIZE))
    }

    fn found(packet: &v5::Packet) -> Option<Found<'_>> {
        Some(match packet {
            v5::Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.message.len()),
                properties: connect.properties.as_ref().map_or(0, of_connect)
                    + connect.last_will.as_ref().and_then(|will| will.properties.as_ref()).map_or(0, of_will),
            },
            v5::Packet::Publish(publish) => Found::Publish {
                topic: publish.topic.as_bytes(),
                packet_id: publish.pkid,
                properties: publish.properties.as_ref().map_or(0, of_publish),
                payload: publish.payload.len(),
            },
            v5::Packet::PubAck(ack) => Found::Ack(PacketType::Puback, ack.pkid),
            v5::Packet::PubRec(ack) => Found::Ack(PacketType::Pubrec, ack.pkid),
            v5::Packet::PubRel(ack) => Found::Ack(PacketType::Pubrel, ack.pkid),
            v5::Packet::PubComp(ack) => Found::Ack(PacketType::Pubcomp, ack.pkid),
            v5::Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.pkid,
                properties: subscribe.properties.as_ref().map_or(0, |properties| {
                    usize::from(properties.id.is_some()) + properties.user_properties.len()
                }),
                filters: Filters::of(subscribe.filters.iter().map(|filter| filter.path.len())),
            },
            v5::Packet::PingReq => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> BytesMut {
        BytesMut::new()
    }

    #[inline]
    fn encode(packet: &v5::Packet, output: &mut BytesMut) -> bool {
        output.clear();
        match packet {
            v5::Packet::Connect(packet) => packet.write(output),
            v5::Packet::Publish(packet) => packet.write(output),
            v5::Packet::PubAck(packet) => packet.write(output),
            v5::Packet::PubRec(packet) => packet.write(output),
            v5::Packet::PubRel(packet) => packet.write(output),
            v5::Packet::PubComp(packet) => packet.write(output),
            v5::Packet::Subscribe(packet) => packet.write(output),
            v5::Packet::PingReq => v5::PingReq.write(output),
            _ => return false,
        }
        .is_ok()
    }

    fn bytes(output: &BytesMut) -> Vec<u8> {
        output.to_vec()
    }
}

impl Build for V5 {
    type Message = Bytes;

    fn message() -> Bytes {
        Bytes::from_static(message::PAYLOAD)
    }

    #[inline]
    fn build(payload: &Bytes, output: &mut BytesMut) -> bool {
        let mut publish = v5::Publish::from_bytes(message::TOPIC, QoS::AtLeastOnce, payload.clone());
        publish.pkid = message::PACKET_ID;
        publish.properties = Some(v5::PublishProperties {
            payload_format_indicator: None,
            message_expiry_interval: Some(message::EXPIRY),
            topic_alias: None,
            response_topic: None,
            correlation_data: Some(Bytes::from_static(message::CORRELATION)),
            user_properties: vec![(message::USER.0.into(), message::USER.1.into())],
            subscription_identifiers: Vec::new(),
            content_type: Some(message::CONTENT_TYPE.into()),
        });
        output.clear();
        publish.write(output).is_ok()
    }
}

fn of_connect(properties: &v5::ConnectProperties) -> usize {
    properties.user_properties.len()
        + present([
            properties.session_expiry_interval.is_some(),
            properties.receive_maximum.is_some(),
            properties.max_packet_size.is_some(),
            properties.topic_alias_max.is_some(),
            properties.request_response_info.is_some(),
            properties.request_problem_info.is_some(),
            properties.authentication_method.is_some(),
            properties.authentication_data.is_some(),
        ])
}

fn of_will(properties: &v5::WillProperties) -> usize {
    properties.user_properties.len()
        + present([
            properties.delay_interval.is_some(),
            properties.payload_format_indicator.is_some(),
            properties.message_expiry_interval.is_some(),
            properties.content_type.is_some(),
            properties.response_topic.is_some(),
            properties.correlation_data.is_some(),
        ])
}

fn of_publish(properties: &v5::PublishProperties) -> usize {
    properties.user_properties.len()
        + properties.subscription_identifiers.len()
        + present([
            properties.payload_format_indicator.is_some(),
            properties.message_expiry_interval.is_some(),
            properties.topic_alias.is_some(),
            properties.response_topic.is_some(),
            properties.correlation_data.is_some(),
            properties.content_type.is_some(),
        ])
}

const fn qos(bits: u8) -> QoS {
    match bits {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

impl BuildOther for V4 {
    #[inline]
    fn build_other(kind: Kind, output: &mut BytesMut) -> bool {
        output.clear();
        match kind {
            Kind::Publish => {
                let payload = Bytes::from_static(values::PAYLOAD);
                v4::Publish::from_bytes(values::TOPIC, qos(0), payload).write(output).is_ok()
            }
            Kind::Puback => v4::PubAck::new(values::PUBACK_ID).write(output).is_ok(),
            Kind::Connect => {
                let mut connect = v4::Connect::new(values::CLIENT_ID);
                connect.keep_alive = values::KEEP_ALIVE;
                connect.last_will = Some(v4::LastWill {
                    topic: values::WILL_TOPIC.into(),
                    message: Bytes::from_static(values::WILL_PAYLOAD),
                    qos: qos(1),
                    retain: false,
                });
                connect.set_login(values::USER_NAME, values::PASSWORD);
                connect.write(output).is_ok()
            }
            Kind::Subscribe => {
                let filter = |(filter, bits): (&str, u8)| v4::SubscribeFilter::new(filter.into(), qos(bits));
                let mut subscribe = v4::Subscribe::new_many(values::FILTERS.into_iter().map(filter));
                subscribe.pkid = values::SUBSCRIBE_ID;
                subscribe.write(output).is_ok()
            }
        }
    }
}

impl BuildOther for V5 {
    #[inline]
    fn build_other(kind: Kind, output: &mut BytesMut) -> bool {
        output.clear();
        match kind {
            Kind::Publish => {
                let payload = Bytes::from_static(values::PAYLOAD);
                v5::Publish::from_bytes(values::TOPIC, qos(0), payload).write(output).is_ok()
            }
            Kind::Puback => v5::PubAck::new(values::PUBACK_ID).write(output).is_ok(),
            Kind::Connect => {
                let mut connect = v5::Connect::new(values::CLIENT_ID);
                connect.clean_session = true;
                connect.keep_alive = values::KEEP_ALIVE;
                connect.properties = Some(v5::ConnectProperties {
                    session_expiry_interval: Some(values::SESSION_EXPIRY),
                    receive_maximum: Some(values::RECEIVE_MAXIMUM),
                    max_packet_size: Some(values::MAXIMUM_PACKET_SIZE),
                    topic_alias_max: Some(values::TOPIC_ALIAS_MAXIMUM),
                    user_properties: vec![(values::USER.0.into(), values::USER.1.into())],
                    request_response_info: None,
                    request_problem_info: None,
                    authentication_method: None,
                    authentication_data: None,
                });
                connect.last_will = Some(v5::LastWill {
                    topic: values::WILL_TOPIC.into(),
                    message: Bytes::from_static(values::WILL_PAYLOAD),
                    qos: qos(1),
                    retain: false,
                    properties: Some(v5::WillProperties {
                        delay_interval: Some(values::WILL_DELAY),
                        payload_format_indicator: None,
                        message_expiry_interval: None,
                        content_type: None,
                        response_topic: None,
                        correlation_data: None,
                        user_properties: Vec::new(),
                    }),
                });
                connect.set_login(values::USER_NAME, values::PASSWORD);
                connect.write(output).is_ok()
            }
            Kind::Subscribe => {
                let filter = |(filter, bits): (&str, u8)| v5::SubscribeFilter::new(filter.into(), qos(bits));
                let mut subscribe = v5::Subscribe::new_many(values::FILTERS.into_iter().map(filter));
                subscribe.pkid = values::SUBSCRIBE_ID;
                subscribe.properties = Some(v5::SubscribeProperties {
                    id: Some(values::SUBSCRIPTION as usize),
                    user_properties: Vec::new(),
                });
                subscribe.write(output).is_ok()
            }
        }
    }
}
