//! Writes the seeds of all targets: `cargo run --example seeds`.

#[path = "../../mqtt-codec/tests/common/corpus.rs"]
mod corpus;
#[path = "../../mqtt-codec/tests/common/wire.rs"]
mod wire;

use std::collections::BTreeMap;
use std::path::Path;

use Side::{Client, Server};
use mqtt_codec::{PacketType, ProtocolVersion, Side};
use wire::{MQTT5, MQTT31, MQTT311, packet, set};

/// What breaks a rule: the version, who sends it, and the packet.
type Malformed = (ProtocolVersion, Side, Vec<u8>);

macro_rules! malformed {
    ($($name:ident: $versions:ident $from:ident $bytes:expr => $fault:ident $code:literal;)+) => {
        fn malformed() -> Vec<(&'static str, Malformed)> {
            let mut all = Vec::new();
            $(for version in $versions {
                all.push((stringify!($name), (*version, $from, Vec::from(&$bytes[..]))));
            })+
            all
        }
    };
}

include!("../../mqtt-codec/tests/common/malformed.rs");

/// Seeds are short, so that mutations hit what matters.
const MAXIMUM_SEED: usize = 200;

fn selector(sample: &corpus::Sample) -> u8 {
    let packet_type = PacketType::from_bits(sample.bytes[0] >> 4).expect("a sample is valid");
    fuzz::codec::selector(sample.version, sample.from, packet_type)
}

fn main() -> std::io::Result<()> {
    let mut streams: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for sample in corpus::corpus() {
        let connection = format!("{}-{:?}", sample.version, sample.from).to_lowercase();
        let seed = [&[selector(&sample)], sample.bytes.as_slice()].concat();
        for target in ["decode", "round_trip", "differential"] {
            write(target, &format!("{connection}-{}", sample.name), &seed)?;
        }
        let streams = streams.entry(connection).or_default();
        match streams.last_mut() {
            Some(stream) if stream.len() + sample.bytes.len() <= MAXIMUM_SEED => {
                stream.extend_from_slice(&sample.bytes);
            }
            _ => streams.push([&[selector(&sample), sample.bytes[0]], sample.bytes.as_slice()].concat()),
        }
    }
    for (connection, streams) in streams {
        for (number, stream) in streams.iter().enumerate() {
            write("split", &format!("{connection}-{number}"), stream)?;
            // Large packets in parts, and passed over, by slice and by `Bytes`.
            for choice in [0x00, 0x20, 0x41, 0x63] {
                let stream = [&[stream[0] + 9 * (choice & 1), choice], &stream[2..]].concat();
                write("split", &format!("{connection}-{number}-{choice:02x}"), &stream)?;
            }
        }
    }
    // What a decoder that accepts deviations accepts, or refuses for another reason.
    for (name, (version, from, bytes)) in malformed() {
        let Some(packet_type) = PacketType::from_bits(bytes[0] >> 4) else { continue };
        let selector = fuzz::codec::selector(version, from, packet_type) + fuzz::codec::DEVIATIONS;
        let (mut decoder, _) = fuzz::codec::decoder(selector);
        if bytes.len() <= MAXIMUM_SEED && decoder.decode(&bytes).is_ok() {
            for target in ["decode", "round_trip"] {
                let name = format!("{version}-{from:?}-{name}").to_lowercase();
                write(target, &name, &[&[selector], bytes.as_slice()].concat())?;
            }
        }
    }
    // A packet is made of whatever comes behind the byte that chooses its type, its sender and how legal it is.
    for kind in 0..0x40 {
        let values = (1..=60_u8).map(|index| index.wrapping_mul(0x3D) ^ kind);
        write("encode", &format!("{kind:02x}"), &[kind].into_iter().chain(values).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn write(target: &str, name: &str, seed: &[u8]) -> std::io::Result<()> {
    let corpus = if target == "differential" { "peers/corpus" } else { "corpus" };
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus).join(target);
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join(name), seed)
}
