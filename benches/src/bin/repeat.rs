//! Runs one workload a number of times, for tools that count instructions: `repeat decode|encode NAME TIMES`.
//!
//! `benches/instructions.sh` calls it.

use core::hint::black_box;
use std::process::ExitCode;

use benches::workloads;
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
        let mut decoder = Decoder::server().with_version(workload.version);
        let (mut input, mut count) = (black_box(&workload.stream[..]), 0);
        out.clear();
        while let Some((packet, len)) = decoder.decode(input).expect("a valid stream") {
            if operation == "encode" {
                packet.encode(workload.version, &mut out).expect("a valid packet");
            }
            black_box(&packet);
            input = &input[len..];
            count += 1;
        }
        assert_eq!(count, workload.packets);
    }
    println!("{}", workload.packets);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("repeat decode|encode NAME TIMES");
    ExitCode::FAILURE
}
