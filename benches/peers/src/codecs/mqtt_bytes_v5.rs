//! `mqtt-bytes-v5`, 5.0 only, in its fastest form: strings share the read buffer and are not checked.

use bytes::{Bytes, BytesMut};
use mqtt_bytes_v5::{
    Connect, ConnectProperties, Error, Filter, LastWill, LastWillProperties, Login, Packet, PubAck, Publish,
    PublishProperties, QoS, Subscribe, SubscribeProperties,
};
use mqtt_codec::{PacketType, ProtocolVersion, Side};

use crate::case::Cases;
use crate::codec::{Build, BuildOther, Codec, Filters, Found, Kind, message, present, values};

struct V5;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<V5>();
    cases.build::<V5>();
    cases.build_other::<V5>();
}

impl Codec for V5 {
    const NAME: &'static str = "mqtt-bytes-v5";
    const VERSION: ProtocolVersion = ProtocolVersion::V5_0;
    type Input = BytesMut;
    type Packet<'a> = Packet;
    type Error = Error;
    type Output = BytesMut;

    fn input(stream: &[u8], _from: Side) -> BytesMut {
        BytesMut::from(stream)
    }

    #[inline]
    fn decode(input: &mut BytesMut) -> Result<Option<Packet>, Error> {
        match Packet::read(input, None) {
            Ok(packet) => Ok(Some(packet)),
            Err(Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn found(packet: &Packet) -> Option<Found<'_>> {
        Some(match packet {
            Packet::Connect(connect, will, _) => Found::Connect {
                client_id: &connect.client_id,
                will_payload: will.as_ref().map_or(0, |will| will.message.len()),
                properties: connect.properties.as_ref().map_or(0, of_connect)
                    + will.as_ref().and_then(|will| will.properties.as_ref()).map_or(0, of_will),
            },
            Packet::Publish(publish) => Found::Publish {
                topic: &publish.topic,
                packet_id: publish.pkid,
                properties: publish.properties.as_ref().map_or(0, of_publish),
                payload: publish.payload.len(),
            },
            Packet::PubAck(ack) => Found::Ack(PacketType::Puback, ack.pkid),
            Packet::PubRec(ack) => Found::Ack(PacketType::Pubrec, ack.pkid),
            Packet::PubRel(ack) => Found::Ack(PacketType::Pubrel, ack.pkid),
            Packet::PubComp(ack) => Found::Ack(PacketType::Pubcomp, ack.pkid),
            Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.pkid,
                properties: subscribe.properties.as_ref().map_or(0, |properties| {
                    usize::from(properties.id.is_some()) + properties.user_properties.len()
                }),
                filters: Filters::of(subscribe.filters.iter().map(|filter| filter.path.len())),
            },
            Packet::PingReq(_) => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> BytesMut {
        BytesMut::new()
    }

    #[inline]
    fn encode(packet: &Packet, output: &mut BytesMut) -> bool {
        output.clear();
        packet.write(output).is_ok()
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
        let properties = PublishProperties {
            message_expiry_interval: Some(message::EXPIRY),
            correlation_data: Some(Bytes::from_static(message::CORRELATION)),
            user_properties: vec![(text(message::USER.0), text(message::USER.1))],
            content_type: Some(text(message::CONTENT_TYPE)),
            ..PublishProperties::default()
        };
        let mut publish =
            Publish::new(text(message::TOPIC), QoS::AtLeastOnce, payload.clone(), Some(properties));
        publish.pkid = message::PACKET_ID;
        output.clear();
        Packet::Publish(publish).write(output).is_ok()
    }
}

const fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn of_connect(properties: &ConnectProperties) -> usize {
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

fn of_will(properties: &LastWillProperties) -> usize {
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

fn of_publish(properties: &PublishProperties) -> usize {
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

impl BuildOther for V5 {
    #[inline]
    fn build_other(kind: Kind, output: &mut BytesMut) -> bool {
        let packet = match kind {
            Kind::Publish => {
                let payload = Bytes::from_static(values::PAYLOAD);
                Packet::Publish(Publish::new(values::TOPIC, qos(0), payload, None))
            }
            Kind::Puback => Packet::PubAck(PubAck::new(values::PUBACK_ID, None)),
            Kind::Connect => {
                let connect = Connect {
                    keep_alive: values::KEEP_ALIVE,
                    client_id: values::CLIENT_ID.into(),
                    clean_start: true,
                    properties: Some(ConnectProperties {
                        session_expiry_interval: Some(values::SESSION_EXPIRY),
                        receive_maximum: Some(values::RECEIVE_MAXIMUM),
                        max_packet_size: Some(values::MAXIMUM_PACKET_SIZE),
                        topic_alias_max: Some(values::TOPIC_ALIAS_MAXIMUM),
                        user_properties: vec![(values::USER.0.into(), values::USER.1.into())],
                        ..ConnectProperties::new()
                    }),
                };
                let will = LastWill {
                    topic: Bytes::from_static(values::WILL_TOPIC.as_bytes()),
                    message: Bytes::from_static(values::WILL_PAYLOAD),
                    qos: qos(1),
                    retain: false,
                    properties: Some(LastWillProperties {
                        delay_interval: Some(values::WILL_DELAY),
                        payload_format_indicator: None,
                        message_expiry_interval: None,
                        content_type: None,
                        response_topic: None,
                        correlation_data: None,
                        user_properties: Vec::new(),
                    }),
                };
                let login = Login::new(values::USER_NAME, values::PASSWORD);
                Packet::Connect(connect, Some(will), Some(login))
            }
            Kind::Subscribe => {
                let filter = |(filter, bits): (&'static str, u8)| Filter::new(filter, qos(bits));
                let properties = SubscribeProperties {
                    id: Some(values::SUBSCRIPTION as usize),
                    user_properties: Vec::new(),
                };
                let filters = values::FILTERS.into_iter().map(filter);
                let mut subscribe = Subscribe::new_many(filters, Some(properties));
                subscribe.pkid = values::SUBSCRIBE_ID;
                Packet::Subscribe(subscribe)
            }
        };
        output.clear();
        packet.write(output).is_ok()
    }
}
