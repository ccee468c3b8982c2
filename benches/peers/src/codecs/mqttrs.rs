//! `mqttrs`, 3.1.1 only: borrowed from a slice.

use mqtt_codec::{PacketType, ProtocolVersion, Side};
use mqttrs::{Error, Packet, QosPid};

use super::floor;
use crate::case::Cases;
use crate::codec::{Codec, Filters, Found, Stream};

struct V4;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<V4>();
}

impl Codec for V4 {
    const NAME: &'static str = "mqttrs";
    const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;
    type Input = Stream;
    type Packet<'a> = Packet<'a>;
    type Error = Error;
    /// It writes to a slice.
    type Output = Vec<u8>;

    fn input(stream: &[u8], _from: Side) -> Stream {
        Stream::new(stream)
    }

    /// `decode_slice` does not say how much it has read, so the caller reads the length too.
    #[inline]
    fn decode(input: &mut Stream) -> Result<Option<Packet<'_>>, Error> {
        let (rest, at) = input.rest();
        let packet = mqttrs::decode_slice(rest)?;
        if packet.is_some() {
            *at += floor::lens(rest).map_or(0, |(len, _)| len);
        }
        Ok(packet)
    }

    fn found<'p>(packet: &'p Packet<'_>) -> Option<Found<'p>> {
        Some(match packet {
            Packet::Connect(connect) => Found::Connect {
                client_id: connect.client_id.as_bytes(),
                will_payload: connect.last_will.as_ref().map_or(0, |will| will.message.len()),
                properties: 0,
            },
            Packet::Publish(publish) => Found::Publish {
                topic: publish.topic_name.as_bytes(),
                packet_id: match publish.qospid {
                    QosPid::AtMostOnce => 0,
                    QosPid::AtLeastOnce(id) | QosPid::ExactlyOnce(id) => id.get(),
                },
                properties: 0,
                payload: publish.payload.len(),
            },
            Packet::Puback(id) => Found::Ack(PacketType::Puback, id.get()),
            Packet::Pubrec(id) => Found::Ack(PacketType::Pubrec, id.get()),
            Packet::Pubrel(id) => Found::Ack(PacketType::Pubrel, id.get()),
            Packet::Pubcomp(id) => Found::Ack(PacketType::Pubcomp, id.get()),
            Packet::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.pid.get(),
                properties: 0,
                filters: Filters::of(subscribe.topics.iter().map(|topic| topic.topic_path.len())),
            },
            Packet::Pingreq => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Vec<u8> {
        vec![0; 2 << 20]
    }

    #[inline]
    fn encode(packet: &Packet<'_>, output: &mut Vec<u8>) -> bool {
        mqttrs::encode_slice(packet, output).is_ok()
    }

    /// What it returns is not the length of every packet.
    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output[..floor::lens(output).map_or(0, |(len, _)| len)].to_vec()
    }
}
