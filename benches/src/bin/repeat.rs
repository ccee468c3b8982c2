//! Runs one workload a number of times, for tools that count instructions: `repeat decode|read|encode|received|built NAME TIMES`.
//!
//! `benches/instructions.sh` calls it.

use core::hint::black_box;
use std::process::ExitCode;

use benches::{Workload, built, workloads};
use mqtt_codec::{Decoder, Packet, ProtocolVersion};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, operation, name, times] = arguments.as_slice() else { return usage() };
    let (Some(workload), Ok(times)) =
        (workloads().into_iter().find(|workload| workload.name == name), times.parse::<usize>())
    else {
        return usage();
    };
    let mut out = Vec::with_capacity(workload.stream.len());
    if let "received" | "built" = operation.as_str() {
        let packets = if operation == "built" {
            built(&workload.stream, workload.version)
        } else {
            received(&workload)
        };
        for _ in 0..times {
            assert_eq!(encode_each(&packets, workload.version, &mut out), workload.stream.len());
        }
        println!("{}", workload.packets);
        return ExitCode::SUCCESS;
    }
    for _ in 0..times {
        let count = match operation.as_str() {
            "encode" => encode(&workload, &mut out),
            "read" => read(&workload),
            _ => decode(&workload),
        };
        assert_eq!(count, workload.packets);
    }
    println!("{}", workload.packets);
    ExitCode::SUCCESS
}

/// Decodes the stream; how many packets it holds.
#[inline(never)]
fn decode(workload: &Workload) -> usize {
    let mut decoder = Decoder::server().with_version(workload.version);
    let (mut input, mut count) = (black_box(&workload.stream[..]), 0);
    while let Some((packet, len)) = decoder.decode(input).expect("a valid stream") {
        black_box(&packet);
        input = &input[len..];
        count += 1;
    }
    count
}

/// As [`decode`], and looks at each field of the packets that carry text, the text as `str`.
#[inline(never)]
fn read(workload: &Workload) -> usize {
    let mut decoder = Decoder::server().with_version(workload.version);
    let (mut input, mut count) = (black_box(&workload.stream[..]), 0);
    while let Some((packet, len)) = decoder.decode(input).expect("a valid stream") {
        look_at(&packet);
        input = &input[len..];
        count += 1;
    }
    count
}

fn look_at(packet: &Packet<'_>) {
    match packet {
        Packet::Connect(connect) => {
            let fields = connect.fields();
            for property in &fields.properties {
                black_box(property);
            }
            if let Some(will) = &fields.will {
                for property in &will.properties {
                    black_box(property);
                }
                black_box(will.topic.as_str());
            }
            black_box(&fields);
        }
        Packet::Publish(publish) => {
            for property in &publish.properties {
                black_box(property);
            }
            black_box(publish.topic.as_ref().map(mqtt_topic::TopicName::as_str));
            black_box(publish);
        }
        Packet::Subscribe(subscribe) => {
            for property in &subscribe.properties {
                black_box(property);
            }
            for (subscription, options) in subscribe.subscriptions.iter() {
                black_box(subscription.filter().as_str());
                black_box(options);
            }
        }
        packet => {
            black_box(packet);
        }
    }
}

/// As [`decode`], and encodes each packet again.
#[inline(never)]
fn encode(workload: &Workload, out: &mut Vec<u8>) -> usize {
    let mut decoder = Decoder::server().with_version(workload.version);
    let (mut input, mut count) = (black_box(&workload.stream[..]), 0);
    out.clear();
    while let Some((packet, len)) = decoder.decode(input).expect("a valid stream") {
        black_box(&packet).encode(workload.version, out).expect("a valid packet");
        input = &input[len..];
        count += 1;
    }
    count
}

fn received(workload: &Workload) -> Vec<Packet<'_>> {
    let mut decoder = Decoder::server().with_version(workload.version);
    let (mut input, mut packets) = (&workload.stream[..], Vec::new());
    while let Some((packet, len)) = decoder.decode(input).expect("a valid stream") {
        packets.push(packet);
        input = &input[len..];
    }
    packets
}

/// Encodes packets that are there, each into the empty buffer; how many bytes they take.
#[inline(never)]
fn encode_each(packets: &[Packet<'_>], version: ProtocolVersion, out: &mut Vec<u8>) -> usize {
    let mut written = 0;
    for packet in packets {
        out.clear();
        black_box(packet).encode(version, out).expect("a valid packet");
        written += black_box(&out).len();
    }
    written
}

fn usage() -> ExitCode {
    eprintln!("repeat decode|read|encode|received|built NAME TIMES");
    ExitCode::FAILURE
}
