//! Messages through a broker, without I/O: `pair` from Client to Client, `broker` without Clients.
//!
//! `cargo bench -p benches --bench session`
#![allow(missing_docs, reason = "criterion_group! makes public functions")]

use benches::session::{BATCH, Fan, Pair};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mqtt_codec::ProtocolVersion::{V3_1_1, V5_0};
use mqtt_codec::QoS;

const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn pair(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pair");
    group.throughput(Throughput::Elements(BATCH as u64));
    for version in [V3_1_1, V5_0] {
        for qos in QOS {
            let mut pair = Pair::new(version, qos);
            group.bench_function(BenchmarkId::new(format!("{version:?}"), qos.bits()), |bencher| {
                bencher.iter(|| assert_eq!(pair.turn(), BATCH));
            });
        }
    }
}

fn broker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("broker");
    for subscribers in [1, 100, 1000] {
        let messages = BATCH * subscribers;
        group.throughput(Throughput::Elements(messages as u64));
        for version in [V3_1_1, V5_0] {
            for qos in QOS {
                let mut fan = Fan::new(version, qos, subscribers);
                let name = format!("{version:?}/{}", qos.bits());
                group.bench_function(BenchmarkId::new(name, subscribers), |bencher| {
                    bencher.iter(|| assert_eq!(fan.turn(), messages));
                });
            }
        }
    }
}

criterion_group!(benches, pair, broker);
criterion_main!(benches);
