//! `mqtt-format`, 3.1.1: borrowed from a slice. What it offers for 5.0 is left out: it has no reader for streams.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use mqtt_codec::{PacketType, ProtocolVersion, Side};
use mqtt_format::v3::packet::{MPacket, mpacket};

use super::floor;
use crate::case::Cases;
use crate::codec::{Codec, Filters, Found, Stream};

struct V4;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<V4>();
}

impl Codec for V4 {
    const NAME: &'static str = "mqtt-format";
    const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;
    type Input = Stream;
    type Packet<'a> = MPacket<'a>;
    type Error = String;
    type Output = Vec<u8>;

    fn input(stream: &[u8], _from: Side) -> Stream {
        Stream::new(stream)
    }

    /// It takes whole packets, so the caller cuts them out.
    #[inline]
    fn decode(input: &mut Stream) -> Result<Option<MPacket<'_>>, String> {
        let (rest, at) = input.rest();
        let Some((len, _)) = floor::lens(rest) else { return Ok(None) };
        *at += len;
        match mpacket(&rest[..len]) {
            Ok(([], packet)) => Ok(Some(packet)),
            Ok(_) => Err("bytes are left".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn found<'p>(packet: &'p MPacket<'_>) -> Option<Found<'p>> {
        Some(match packet {
            MPacket::Connect(connect) => Found::Connect {
                client_id: connect.client_id.value.as_bytes(),
                will_payload: connect.will.as_ref().map_or(0, |will| will.payload.len()),
                properties: 0,
            },
            MPacket::Publish(publish) => Found::Publish {
                topic: publish.topic_name.value.as_bytes(),
                packet_id: publish.id.map_or(0, |id| id.0),
                properties: 0,
                payload: publish.payload.len(),
            },
            MPacket::Puback(ack) => Found::Ack(PacketType::Puback, ack.id.0),
            MPacket::Pubrec(ack) => Found::Ack(PacketType::Pubrec, ack.id.0),
            MPacket::Pubrel(ack) => Found::Ack(PacketType::Pubrel, ack.id.0),
            MPacket::Pubcomp(ack) => Found::Ack(PacketType::Pubcomp, ack.id.0),
            MPacket::Subscribe(subscribe) => Found::Subscribe {
                packet_id: subscribe.id.0,
                properties: 0,
                filters: Filters::of(
                    subscribe.subscriptions.into_iter().map(|wanted| wanted.topic.value.len()),
                ),
            },
            MPacket::Pingreq(_) => Found::Pingreq,
            _ => Found::Other,
        })
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    /// Its writer is a future, which never waits on a `Vec`.
    #[inline]
    fn encode(packet: &MPacket<'_>, output: &mut Vec<u8>) -> bool {
        output.clear();
        let written = pin!(packet.write_to(Pin::new(output)));
        matches!(written.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}
