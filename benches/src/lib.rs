//! Deterministic workloads for the benchmarks, written byte by byte so that no codec is measured on its own output.

#![allow(clippy::cast_possible_truncation, reason = "the sizes below are constants that fit")]

mod built;
pub mod session;
pub mod topics;

pub use built::built;

use mqtt_codec::ProtocolVersion;

/// A stream of packets of one side, and what a decoder must find in it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Short name, as used in results.
    pub name: &'static str,
    /// The version of the packets.
    pub version: ProtocolVersion,
    /// The bytes.
    pub stream: Vec<u8>,
    /// How many packets the bytes hold.
    pub packets: usize,
}

/// SplitMix64: small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence that depends on `seed` only.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7F {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend(bytes);
}

fn properties(out: &mut Vec<u8>, version: ProtocolVersion, block: &[u8]) {
    if version == ProtocolVersion::V5_0 {
        varint(out, block.len());
        out.extend(block);
    }
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    varint(&mut out, body.len());
    out.extend(body);
    out
}

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 31 + 7) as u8).collect()
}

fn publish(
    version: ProtocolVersion,
    topic: &str,
    packet_id: Option<u16>,
    block: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let mut body = Vec::new();
    field(&mut body, topic.as_bytes());
    body.extend(packet_id.into_iter().flat_map(u16::to_be_bytes));
    properties(&mut body, version, block);
    body.extend(payload);
    packet(if packet_id.is_some() { 0x32 } else { 0x30 }, &body)
}

/// Message Expiry Interval, Content Type, Correlation Data and one User Property.
fn four_properties() -> Vec<u8> {
    let mut block = vec![0x02, 0, 0, 0x0E, 0x10, 0x03];
    field(&mut block, b"application/json");
    block.push(0x09);
    field(&mut block, &payload(16));
    block.push(0x26);
    field(&mut block, b"source");
    field(&mut block, b"line-07");
    block
}

fn connect(version: ProtocolVersion) -> Vec<u8> {
    let mut body = Vec::new();
    field(&mut body, b"MQTT");
    // User Name, Password, Will QoS 1, Will, Clean Start.
    body.extend([version.protocol_level(), 0b1100_1110, 0, 60]);
    let mut block = vec![0x11, 0, 0, 0x0E, 0x10, 0x21, 0, 20, 0x27, 0, 1, 0, 0, 0x22, 0, 10, 0x26];
    field(&mut block, b"region");
    field(&mut block, b"eu-central-1");
    properties(&mut body, version, &block);
    field(&mut body, b"device-00000000-0000042");
    properties(&mut body, version, &[0x18, 0, 0, 0, 30]);
    field(&mut body, b"status/device-0000042");
    field(&mut body, b"offline: connection lost, ttl 30");
    field(&mut body, b"user-42");
    field(&mut body, b"correct horse battery");
    packet(0x10, &body)
}

fn subscribe(version: ProtocolVersion) -> Vec<u8> {
    let mut body = vec![0, 10];
    properties(&mut body, version, &[0x0B, 7]);
    for index in 0..10u8 {
        let filter = match index % 4 {
            0 => format!("site/{index}/+/temperature"),
            1 => format!("site/{index}/devices/#"),
            2 => format!("alerts/region-{index}/high"),
            _ => format!("cmd/device-{index:06}/req"),
        };
        field(&mut body, filter.as_bytes());
        body.push(index % 3);
    }
    packet(0x82, &body)
}

/// 80 % PUBLISH, 15 % acknowledgements, 5 % of the rest that a Client sends.
fn mixed(version: ProtocolVersion, packets: usize) -> Vec<u8> {
    let mut random = Random::new(1);
    let mut out = Vec::new();
    for _ in 0..packets {
        let packet_id = 1 + random.below(60_000) as u16;
        let [high, low] = packet_id.to_be_bytes();
        match random.below(100) {
            0..=79 => {
                let topic = match random.below(4) {
                    0 => format!("dev/{}/t", random.below(1000)),
                    1 => format!(
                        "site/{}/line/{}/sensor/{}",
                        random.below(100),
                        random.below(50),
                        random.below(5000)
                    ),
                    2 => format!("v1/tenants/{:08x}/telemetry", random.below(1 << 32)),
                    _ => format!("home/küche/licht/{}", random.below(20)),
                };
                let block = match random.below(4) {
                    0 | 1 => Vec::new(),
                    2 => vec![0x02, 0, 0, 0, 60],
                    _ => four_properties(),
                };
                let packet_id = (random.below(2) == 1).then_some(packet_id);
                let payload = payload(16 + random.below(497) as usize);
                out.extend(publish(version, &topic, packet_id, &block, &payload));
            }
            80..=89 => out.extend([0x40, 2, high, low]),
            90 | 91 => out.extend([0x50, 2, high, low]),
            92 | 93 => out.extend([0x62, 2, high, low]),
            94 => out.extend([0x70, 2, high, low]),
            95..=97 => out.extend([0xC0, 0]),
            _ => out.extend(subscribe(version)),
        }
    }
    out
}

/// The workloads a to g, each in the versions where it differs.
pub fn workloads() -> Vec<Workload> {
    let (v4, v5) = (ProtocolVersion::V3_1_1, ProtocolVersion::V5_0);
    let topic20 = "sensors/eu/0001/temp";
    let topic30 = "factory/line-07/robot-12/state";
    let repeated = |name, version, one: Vec<u8>| {
        let packets = (32 * 1024 / one.len()).max(4);
        Workload { name, version, stream: one.repeat(packets), packets }
    };
    vec![
        repeated("a", v4, publish(v4, topic20, None, &[], &payload(64))),
        repeated("a5", v5, publish(v5, topic20, None, &[], &payload(64))),
        repeated("b", v5, publish(v5, topic30, Some(0x1234), &four_properties(), &payload(256))),
        repeated("c", v5, vec![0x40, 2, 0x12, 0x34]),
        repeated("d4", v4, connect(v4)),
        repeated("d", v5, connect(v5)),
        repeated("e4", v4, subscribe(v4)),
        repeated("e", v5, subscribe(v5)),
        Workload { name: "f4", version: v4, stream: mixed(v4, 10_000), packets: 10_000 },
        Workload { name: "f", version: v5, stream: mixed(v5, 10_000), packets: 10_000 },
        repeated("g", v5, publish(v5, topic20, Some(7), &[], &payload(1 << 20))),
    ]
}

#[cfg(test)]
mod tests {
    use mqtt_codec::Decoder;

    use super::*;

    #[test]
    fn every_workload_decodes_to_as_many_packets_as_it_says() {
        for workload in workloads() {
            let mut decoder = Decoder::server().with_version(workload.version);
            let (mut input, mut packets) = (&workload.stream[..], 0);
            while let Some((_, len)) = decoder.decode(input).unwrap() {
                input = &input[len..];
                packets += 1;
            }
            assert_eq!((packets, input.len()), (workload.packets, 0), "{}", workload.name);
        }
    }
}
