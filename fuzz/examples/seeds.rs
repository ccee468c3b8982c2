//! Writes the seeds of all targets: `cargo run --example seeds`.

#[path = "../../mqtt-codec/tests/common/corpus.rs"]
mod corpus;
#[path = "../../mqtt-codec/tests/common/wire.rs"]
mod wire;

use std::collections::BTreeMap;
use std::path::Path;

use mqtt_codec::PacketType;

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
