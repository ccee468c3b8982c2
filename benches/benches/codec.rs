//! Decode and encode, per stream: divide by the number of packets for one packet.
//!
//! `cargo bench -p benches --bench codec`
#![allow(missing_docs, reason = "criterion_group! makes public functions")]

use core::hint::black_box;

use benches::{Workload, workloads};
use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mqtt_codec::{Decoder, Packet};

fn decoder(workload: &Workload) -> Decoder {
    Decoder::server().with_version(workload.version)
}

fn packets(workload: &Workload) -> Vec<Packet<'_>> {
    let (mut decoder, mut input, mut packets) = (decoder(workload), &workload.stream[..], Vec::new());
    while let Some((packet, len)) = decoder.decode(input).expect("a valid stream") {
        packets.push(packet);
        input = &input[len..];
    }
    packets
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for workload in workloads() {
        group.throughput(Throughput::Elements(workload.packets as u64));
        group.bench_function(workload.name, |bencher| {
            bencher.iter(|| {
                let (mut decoder, mut input, mut count) =
                    (decoder(&workload), black_box(&workload.stream[..]), 0);
                while let Some((packet, len)) = decoder.decode(input).expect("a valid stream") {
                    black_box(packet);
                    input = &input[len..];
                    count += 1;
                }
                assert_eq!(count, workload.packets);
            });
        });
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for workload in workloads() {
        let packets = packets(&workload);
        let mut out = BytesMut::with_capacity(workload.stream.len());
        for packet in &packets {
            packet.encode(workload.version, &mut out).expect("a valid packet");
        }
        assert_eq!(out, workload.stream, "decode and encode are each other's inverse");
        group.throughput(Throughput::Elements(workload.packets as u64));
        group.bench_function(workload.name, |bencher| {
            bencher.iter(|| {
                out.clear();
                for packet in &packets {
                    packet.encode(workload.version, &mut out).expect("a valid packet");
                }
                assert_eq!(out.len(), workload.stream.len());
            });
        });
    }
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
