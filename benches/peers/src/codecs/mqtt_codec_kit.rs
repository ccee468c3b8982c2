//! `mqtt-codec-kit`: out of a reader, everything is copied.

use std::io::Cursor;

use mqtt_codec::{PacketType, ProtocolVersion, Side};
use mqtt_codec_kit::common::qos::{QoSWithPacketIdentifier, QualityOfService};
use mqtt_codec_kit::common::{Decodable, Encodable, TopicFilter, TopicName};
use mqtt_codec_kit::v4::packet as v4;
use mqtt_codec_kit::v5::control::{PublishProperties, SubscribeProperties};
use mqtt_codec_kit::v5::packet as v5;

use super::floor;
use crate::case::Cases;
use crate::codec::{Build, BuildOther, Codec, Filters, Found, Kind, message, present, values};

struct V4;
struct V5;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<V4>();
    cases.codec::<V5>();
    cases.build::<V5>();
    cases.build_other::<V4>();
    cases.build_other::<V5>();
}

/// It waits for a reader, so the caller looks whether a packet is complete.
fn is_complete(input: &Cursor<Vec<u8>>) -> bool {
    let at = usize::try_from(input.position()).unwrap_or(usize::MAX);
    floor::lens(input.get_ref().get(at..).unwrap_or_default()).is_some()
}

const fn packet_id(qos: QoSWithPacketIdentifier) -> u16 {
    match qos {
        QoSWithPacketIdentifier::Level0 => 0,
        QoSWithPacketIdentifier::Level1(id) | QoSWithPacketIdentifier::Level2(id) => id,
    }
}

impl Codec for V4 {
    const NAME: &'static str = "mqtt-codec-kit";
    const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;
    type Input = Cursor<Vec<u8>>;
    type Packet<'a> = v4::VariablePacket;
    type Error = v4::VariablePacketError;
    type Output = Vec<u8>;

    fn input(stream: &[u8], _from: Side) -> Self::Input {
        Cursor::new(stream.to_vec())
    }

    #[inline]
    fn decode(input: &mut Self::Input) -> Result<Option<v4::VariablePacket>, Self::Error> {
        if is_complete(input) { v4::VariablePacket::decode(input).map(Some) } else { Ok(None) }
    }

    fn found(packet: &v4::VariablePacket) -> Option<Found<'_>> {
        Some(match packet {
            v4::VariablePacket::ConnectPacket(connect) => Found::Connect {
                client_id: connect.client_identifier().as_bytes(),
                will_payload: connect.will().map_or(0, |will| will.message().0.len()),
                properties: 0,
            },
            v4::VariablePacket::PublishPacket(publish) => Found::Publish {
                topic: publish.topic_name().as_bytes(),
                packet_id: packet_id(publish.qos()),
                properties: 0,
                payload: publish.payload().len(),
            },
            v4::VariablePacket::PubackPacket(ack) => Found::Ack(PacketType::Puback, ack.packet_identifier()),
            v4::VariablePacket::PubrecPacket(ack) => Found::Ack(PacketType::Pubrec, ack.packet_identifier()),
            v4::VariablePacket::PubrelPacket(ack) => Found::Ack(PacketType::Pubrel, ack.packet_identifier()),
            v4::VariablePacket::PubcompPacket(ack) => {
                Found::Ack(PacketType::Pubcomp, ack.packet_identifier())
            }
            v4::VariablePacket::SubscribePacket(subscribe) => Found::Subscribe {
                packet_id: subscribe.packet_identifier(),
                properties: 0,
                filters: Filters::of(subscribe.subscribes().iter().map(|(filter, _)| filter.len())),
            },
            v4::VariablePacket::PingreqPacket(_) => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    #[inline]
    fn encode(packet: &v4::VariablePacket, output: &mut Vec<u8>) -> bool {
        output.clear();
        packet.encode(output).is_ok()
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}

impl Codec for V5 {
    const NAME: &'static str = "mqtt-codec-kit";
    const VERSION: ProtocolVersion = ProtocolVersion::V5_0;
    type Input = Cursor<Vec<u8>>;
    type Packet<'a> = v5::VariablePacket;
    type Error = v5::VariablePacketError;
    type Output = Vec<u8>;

    fn input(stream: &[u8], _from: Side) -> Self::Input {
        Cursor::new(stream.to_vec())
    }

    #[inline]
    fn decode(input: &mut Self::Input) -> Result<Option<v5::VariablePacket>, Self::Error> {
        if is_complete(input) { v5::VariablePacket::decode(input).map(Some) } else { Ok(None) }
    }

    fn found(packet: &v5::VariablePacket) -> Option<Found<'_>> {
        Some(match packet {
            v5::VariablePacket::ConnectPacket(connect) => {
                let will = connect.will();
                Found::Connect {
                    client_id: connect.client_identifier().as_bytes(),
                    will_payload: will.as_ref().map_or(0, |will| will.message().0.len()),
                    properties: of_connect(connect.properties())
                        + will.as_ref().map_or(0, |will| of_will(will.properties())),
                }
            }
            v5::VariablePacket::PublishPacket(publish) => Found::Publish {
                topic: publish.topic_name().as_bytes(),
                packet_id: packet_id(publish.qos()),
                properties: of_publish(publish.properties()),
                payload: publish.payload().len(),
            },
            v5::VariablePacket::PubackPacket(ack) => Found::Ack(PacketType::Puback, ack.packet_identifier()),
            v5::VariablePacket::PubrecPacket(ack) => Found::Ack(PacketType::Pubrec, ack.packet_identifier()),
            v5::VariablePacket::PubrelPacket(ack) => Found::Ack(PacketType::Pubrel, ack.packet_identifier()),
            v5::VariablePacket::PubcompPacket(ack) => {
                Found::Ack(PacketType::Pubcomp, ack.packet_identifier())
            }
            v5::VariablePacket::SubscribePacket(subscribe) => Found::Subscribe {
                packet_id: subscribe.packet_identifier(),
                properties: of_subscribe(subscribe.properties()),
                filters: Filters::of(subscribe.subscribes().iter().map(|(filter, _)| filter.len())),
            },
            v5::VariablePacket::PingreqPacket(_) => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    #[inline]
    fn encode(packet: &v5::VariablePacket, output: &mut Vec<u8>) -> bool {
        output.clear();
        packet.encode(output).is_ok()
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}

impl Build for V5 {
    type Message = ();

    fn message() {}

    #[inline]
    fn build((): &(), output: &mut Vec<u8>) -> bool {
        let Ok(topic) = TopicName::new(message::TOPIC) else { return false };
        let mut properties = PublishProperties::default();
        properties.set_message_expiry_interval(Some(message::EXPIRY));
        properties.set_content_type(Some(message::CONTENT_TYPE.into()));
        properties.set_correlation_data(Some(message::CORRELATION.to_vec()));
        properties.add_user_property(message::USER.0, message::USER.1);
        let qos = QoSWithPacketIdentifier::Level1(message::PACKET_ID);
        let mut publish = v5::PublishPacket::new(topic, qos, message::PAYLOAD);
        publish.set_properties(properties);
        output.clear();
        publish.encode(output).is_ok()
    }
}

fn of_connect(properties: &v5::connect::ConnectProperties) -> usize {
    properties.user_properties().len()
        + present([
            properties.session_expiry_interval().is_some(),
            properties.receive_maximum().is_some(),
            properties.max_packet_size().is_some(),
            properties.topic_alias_max().is_some(),
            properties.request_response_info().is_some(),
            properties.request_problem_info().is_some(),
            properties.authentication_method().is_some(),
            properties.authentication_data().is_some(),
        ])
}

fn of_will(properties: &v5::connect::LastWillProperties) -> usize {
    properties.user_properties().len()
        + present([
            properties.delay_interval().is_some(),
            properties.payload_format_indicator().is_some(),
            properties.message_expiry_interval().is_some(),
            properties.content_type().is_some(),
            properties.response_topic().is_some(),
            properties.correlation_data().is_some(),
        ])
}

fn of_publish(properties: &PublishProperties) -> usize {
    properties.user_properties().len()
        + present([
            properties.payload_format_indicator().is_some(),
            properties.message_expiry_interval().is_some(),
            properties.topic_alias().is_some(),
            properties.response_topic().is_some(),
            properties.correlation_data().is_some(),
            properties.subscription_identifier().is_some(),
            properties.content_type().is_some(),
        ])
}

fn of_subscribe(properties: &SubscribeProperties) -> usize {
    properties.user_properties().len() + usize::from(properties.identifier().is_some())
}

const fn qos(bits: u8) -> QualityOfService {
    match bits {
        0 => QualityOfService::Level0,
        1 => QualityOfService::Level1,
        _ => QualityOfService::Level2,
    }
}

impl BuildOther for V4 {
    #[inline]
    fn build_other(kind: Kind, output: &mut Vec<u8>) -> bool {
        output.clear();
        match kind {
            Kind::Publish => {
                let Ok(topic) = TopicName::new(values::TOPIC) else { return false };
                let qos = QoSWithPacketIdentifier::Level0;
                v4::PublishPacket::new(topic, qos, values::PAYLOAD).encode(output).is_ok()
            }
            Kind::Puback => v4::PubackPacket::new(values::PUBACK_ID).encode(output).is_ok(),
            Kind::Connect => {
                let payload = values::WILL_PAYLOAD.to_vec();
                let Ok(will) = v4::connect::LastWill::new(values::WILL_TOPIC, payload) else { return false };
                let mut connect = v4::ConnectPacket::new(values::CLIENT_ID);
                connect.set_clean_session(true);
                connect.set_keep_alive(values::KEEP_ALIVE);
                connect.set_will(Some(will));
                connect.set_will_qos(1);
                connect.set_username(Some(values::USER_NAME.into()));
                connect.set_password(Some(values::PASSWORD.into()));
                connect.encode(output).is_ok()
            }
            Kind::Subscribe => {
                let filter = |(filter, bits)| Some((TopicFilter::new(filter).ok()?, qos(bits)));
                let Some(filters) = values::FILTERS.into_iter().map(filter).collect() else { return false };
                v4::SubscribePacket::new(values::SUBSCRIBE_ID, filters).encode(output).is_ok()
            }
        }
    }
}

impl BuildOther for V5 {
    #[inline]
    fn build_other(kind: Kind, output: &mut Vec<u8>) -> bool {
        output.clear();
        match kind {
            Kind::Publish => {
                let Ok(topic) = TopicName::new(values::TOPIC) else { return false };
                let qos = QoSWithPacketIdentifier::Level0;
                v5::PublishPacket::new(topic, qos, values::PAYLOAD).encode(output).is_ok()
            }
            Kind::Puback => v5::PubackPacket::new_success(values::PUBACK_ID).encode(output).is_ok(),
            Kind::Connect => {
                let payload = values::WILL_PAYLOAD.to_vec();
                let Ok(mut will) = v5::connect::LastWill::new(values::WILL_TOPIC, payload) else {
                    return false;
                };
                let mut of_will = v5::connect::LastWillProperties::default();
                of_will.set_delay_interval(Some(values::WILL_DELAY));
                will.set_properties(of_will);
                let mut properties = v5::connect::ConnectProperties::default();
                properties.set_session_expiry_interval(Some(values::SESSION_EXPIRY));
                properties.set_receive_maximum(Some(values::RECEIVE_MAXIMUM));
                properties.set_max_packet_size(Some(values::MAXIMUM_PACKET_SIZE));
                properties.set_topic_alias_max(Some(values::TOPIC_ALIAS_MAXIMUM));
                properties.add_user_property(values::USER.0, values::USER.1);
                let mut connect = v5::ConnectPacket::new(values::CLIENT_ID);
                connect.set_clean_session(true);
                connect.set_keep_alive(values::KEEP_ALIVE);
                connect.set_properties(properties);
                connect.set_will(Some(will));
                connect.set_will_qos(1);
                connect.set_username(Some(values::USER_NAME.into()));
                connect.set_password(Some(values::PASSWORD.into()));
                connect.encode(output).is_ok()
            }
            Kind::Subscribe => {
                let filter = |(filter, bits)| {
                    let mut options = v5::subscribe::SubscribeOptions::default();
                    options.set_qos(qos(bits));
                    Some((TopicFilter::new(filter).ok()?, options))
                };
                let Some(filters) = values::FILTERS.into_iter().map(filter).collect() else { return false };
                let mut properties = SubscribeProperties::default();
                properties.set_identifier(Some(values::SUBSCRIPTION as usize));
                let mut subscribe = v5::SubscribePacket::new(values::SUBSCRIBE_ID, filters);
                subscribe.set_properties(properties);
                subscribe.encode(output).is_ok()
            }
        }
    }
}
