//! Runs one workload a number of times, for tools that count instructions: `repeat decode|encode NAME TIMES`.
//!
//! `benches/instructions.sh` calls it.

use core::hint::black_box;
use std::process::ExitCode;

use benches::{Workload, workloads};
use bytes::BytesMut;
use mqtt_codec::Decoder;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, operation, name, times] = arguments.as_slice() else { return usage() };
    let (Some(workload), Ok(times)) =
        (workloads().into_iter().find(|workload| workload.name == name), times.parse::<usize>())
    else {
        return usage();
    };
    let mut out = BytesMut::with_capacity(workload.stream.len());
    for _ in 0..times {
        let count = if operation == "encode" { encode(&workload, &mut out) } else { decode(&workload) };
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

/// As [`decode`], and encodes each packet again.
#[inline(never)]
fn encode(workload: &Workload, out: &mut BytesMut) -> usize {
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

fn usage() -> ExitCode {
    eprintln!("repeat decode|encode NAME TIMES");
    ExitCode::FAILURE
}
