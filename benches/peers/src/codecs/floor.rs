//! Lower bounds: packets are cut out of the stream, and nothing in them is looked at; encoding copies finished bytes.

use core::convert::Infallible;

use bytes::{Bytes, BytesMut};
use mqtt_codec::{ProtocolVersion, Side};

use crate::case::Cases;
use crate::codec::{Build, Codec, Found, Prepare, Split, Stream, version};

/// How the names of the floors begin.
pub const NAME: &str = "floor";

/// Each packet is a slice.
struct Slice<const LEVEL: u8>;
/// Each packet is a shared handle, split off the read buffer.
struct Shared<const LEVEL: u8>;

pub(super) fn register(cases: &mut Cases) {
    cases.codec::<Slice<4>>();
    cases.codec::<Slice<5>>();
    cases.build::<Slice<5>>();
    cases.split::<Slice<5>>();
    cases.prepare::<Slice<4>>();
    cases.prepare::<Slice<5>>();
    cases.codec::<Shared<4>>();
    cases.codec::<Shared<5>>();
    cases.split::<Shared<5>>();
}

/// Bytes of the first packet and of its fixed header.
#[inline]
pub fn lens(input: &[u8]) -> Option<(usize, usize)> {
    let mut remaining_len = 0;
    for index in 0..4 {
        let byte = *input.get(1 + index)?;
        remaining_len |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let len = 2 + index + remaining_len;
            return (input.len() >= len).then_some((len, 2 + index));
        }
    }
    None
}

/// Where the Packet Identifier of a PUBLISH is, if its QoS has one.
fn packet_id_at(packet: &[u8]) -> Option<usize> {
    let (_, header_len) = lens(packet)?;
    let topic_len = u16::from_be_bytes([packet[header_len], packet[header_len + 1]]);
    (packet[0] & 0b110 != 0).then_some(header_len + 2 + usize::from(topic_len))
}

/// The PUBLISH with this Packet Identifier, if its QoS has one.
pub fn with_packet_id(packet: &[u8], packet_id: u16) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if let Some(at) = packet_id_at(&packet) {
        packet[at..at + 2].copy_from_slice(&packet_id.to_be_bytes());
    }
    packet
}

/// Where the payload of workload g begins: a Packet Identifier and no properties.
fn payload_at(packet: &[u8]) -> usize {
    packet_id_at(packet).map_or(0, |at| at + 3)
}

impl<const LEVEL: u8> Codec for Slice<LEVEL> {
    const NAME: &'static str = "floor (slice)";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = Stream;
    type Packet<'a> = &'a [u8];
    type Error = Infallible;
    type Output = Vec<u8>;

    fn input(stream: &[u8], _from: Side) -> Stream {
        Stream::new(stream)
    }

    #[inline]
    fn decode(input: &mut Stream) -> Result<Option<&[u8]>, Infallible> {
        let (rest, at) = input.rest();
        let Some((len, _)) = lens(rest) else { return Ok(None) };
        *at += len;
        Ok(Some(&rest[..len]))
    }

    fn found<'p>(_packet: &'p &[u8]) -> Option<Found<'p>> {
        None
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    #[inline]
    fn encode(packet: &&[u8], output: &mut Vec<u8>) -> bool {
        output.clear();
        output.extend_from_slice(packet);
        true
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}

impl Build for Slice<5> {
    type Message = Vec<u8>;

    fn message() -> Vec<u8> {
        let workload = benches::workloads().into_iter().find(|workload| workload.name == "b");
        let stream = workload.expect("it is there").stream;
        stream[..lens(&stream).expect("a packet").0].to_vec()
    }

    #[inline]
    fn build(message: &Vec<u8>, output: &mut Vec<u8>) -> bool {
        Self::encode(&message.as_slice(), output)
    }
}

impl<const LEVEL: u8> Split for Slice<LEVEL> {
    #[inline]
    fn split(packet: &&[u8], output: &mut Vec<u8>) -> usize {
        let (head, payload) = packet.split_at(payload_at(packet));
        output.clear();
        output.extend_from_slice(head);
        output.len() + payload.len()
    }
}

impl<const LEVEL: u8> Prepare for Slice<LEVEL> {
    type Prepared = (Vec<u8>, Option<usize>);

    fn prepare(packet: &&[u8]) -> Self::Prepared {
        (packet.to_vec(), packet_id_at(packet))
    }

    #[inline]
    fn encode_prepared((packet, at): &mut Self::Prepared, packet_id: u16, output: &mut Vec<u8>) -> bool {
        output.clear();
        output.extend_from_slice(packet);
        if let Some(at) = *at {
            output[at..at + 2].copy_from_slice(&packet_id.to_be_bytes());
        }
        true
    }
}

impl<const LEVEL: u8> Codec for Shared<LEVEL> {
    const NAME: &'static str = "floor (BytesMut)";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = BytesMut;
    type Packet<'a> = Bytes;
    type Error = Infallible;
    type Output = BytesMut;

    fn input(stream: &[u8], _from: Side) -> BytesMut {
        BytesMut::from(stream)
    }

    #[inline]
    fn decode(input: &mut BytesMut) -> Result<Option<Bytes>, Infallible> {
        Ok(lens(input).map(|(len, _)| input.split_to(len).freeze()))
    }

    fn found(_packet: &Bytes) -> Option<Found<'_>> {
        None
    }

    fn output() -> BytesMut {
        BytesMut::new()
    }

    #[inline]
    fn encode(packet: &Bytes, output: &mut BytesMut) -> bool {
        output.clear();
        output.extend_from_slice(packet);
        true
    }

    fn bytes(output: &BytesMut) -> Vec<u8> {
        output.to_vec()
    }
}

impl<const LEVEL: u8> Split for Shared<LEVEL> {
    #[inline]
    fn split(packet: &Bytes, output: &mut BytesMut) -> usize {
        let payload = packet.slice(payload_at(packet)..);
        output.clear();
        output.extend_from_slice(&packet[..packet.len() - payload.len()]);
        output.len() + payload.len()
    }
}
