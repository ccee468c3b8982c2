//! Packets as an application makes them, out of values.

use core::cell::RefCell;
use std::collections::BTreeMap;

use benches::built;
use mqtt_codec::{DecodeError, Packet, ProtocolVersion, Side};

use super::Borrowed;
use crate::codec::{Codec, Found, version};
use crate::codecs::floor;

pub(super) struct Built<const LEVEL: u8>;

/// Packets that wait to be taken, the last first.
type Packets = Vec<Packet<'static>>;

thread_local! {
    static MADE: RefCell<BTreeMap<(Vec<u8>, ProtocolVersion), Packet<'static>>> = RefCell::default();
}

/// The packet of `frame`, made once, because it lives as long as the program.
fn made(frame: &[u8], version: ProtocolVersion) -> Packet<'static> {
    MADE.with_borrow_mut(|made| {
        *made.entry((frame.to_vec(), version)).or_insert_with(|| built(frame, version)[0])
    })
}

impl<const LEVEL: u8> Codec for Built<LEVEL> {
    const NAME: &'static str = "mqtt-codec (built)";
    const VERSION: ProtocolVersion = version(LEVEL);
    type Input = Packets;
    type Packet<'a> = Packet<'static>;
    type Error = DecodeError;
    type Output = Vec<u8>;

    fn input(stream: &[u8], _from: Side) -> Packets {
        let (mut rest, mut packets) = (stream, Packets::new());
        while let Some((len, _)) = floor::lens(rest) {
            packets.push(made(&rest[..len], Self::VERSION));
            rest = &rest[len..];
        }
        packets.reverse();
        packets
    }

    fn decode(input: &mut Packets) -> Result<Option<Packet<'static>>, DecodeError> {
        Ok(input.pop())
    }

    fn found<'p>(packet: &'p Packet<'static>) -> Option<Found<'p>> {
        Borrowed::<LEVEL>::found(packet)
    }

    fn output() -> Vec<u8> {
        Vec::new()
    }

    #[inline]
    fn encode(packet: &Packet<'static>, output: &mut Vec<u8>) -> bool {
        Borrowed::<LEVEL>::encode(packet, output)
    }

    fn bytes(output: &Vec<u8>) -> Vec<u8> {
        output.clone()
    }
}
