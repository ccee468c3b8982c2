//! The retained store: queries on 100,000 topics of a fleet, each of which must find as many as a scan of all names does.
//! `src/bin/retained.rs` has 1,000,000, memory and instructions.
//!
//! `cargo bench -p benches --bench retained`
#![allow(missing_docs, reason = "criterion_group! makes public functions")]

use core::hint::black_box;

use benches::topics::exact;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mqtt_topic::{RetainedStore, TopicFilter, TopicName};

const TOPICS: usize = 100_000;

fn retained(criterion: &mut Criterion) {
    let topics = exact(TOPICS);
    let names: Vec<_> = topics.iter().map(|topic| TopicName::parse(topic).expect("a name")).collect();
    let mut store = RetainedStore::new();
    for (number, name) in (0u32..).zip(&names) {
        store.insert(name, number).expect("no limit");
    }

    let mut group = criterion.benchmark_group("retained");
    group.throughput(Throughput::Elements(TOPICS as u64));
    group.sample_size(20);
    group.bench_function("get", |bencher| {
        bencher.iter(|| {
            let found = names.iter().filter(|name| store.get(black_box(name)).is_some()).count();
            assert_eq!(found, TOPICS);
        });
    });
    group.bench_function("insert and remove", |bencher| {
        bencher.iter(|| {
            for (number, name) in (0u32..).zip(&names) {
                assert_eq!(store.remove(black_box(name)), Some(number));
                assert_eq!(store.insert(black_box(name), number), Ok(None));
            }
        });
    });
    for text in [
        "#",
        "+/+/site-0007/#",
        "fleet/region-07/site-0007/+/gps",
        "fleet/+/+/dev-000007/gps",
        "+/+/+/+/none",
        "none/#",
    ] {
        let filter = TopicFilter::parse(text).expect("a filter");
        let expected = names.iter().filter(|name| filter.matches(name)).count();
        group.throughput(Throughput::Elements(expected.max(1) as u64));
        group.bench_function(text, |bencher| {
            bencher.iter(|| assert_eq!(store.matches(black_box(&filter)).count(), expected));
        });
    }
}

criterion_group!(benches, retained);
criterion_main!(benches);
