//! Matching: a run looks up 1,000 Topic Names, and must find as many subscriptions as a scan of all filters does.
//!
//! `cargo bench -p benches --bench topic`
#![allow(missing_docs, reason = "criterion_group! makes public functions")]
#![allow(clippy::cast_possible_truncation, reason = "the numbers below are small")]

use core::hint::black_box;

use benches::Random;
use benches::topics::{TOPICS, exact, mixed, topic};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mqtt_topic::{SubscriptionTree, TopicFilter, TopicName};

const LOOK_UPS: usize = 1_000;

fn matches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match");
    group.throughput(Throughput::Elements(LOOK_UPS as u64));
    let loads = [("exact/1k", exact(1_000)), ("exact/100k", exact(100_000)), ("mixed/10k", mixed(10_000))];
    for (name, filters) in loads {
        let filters: Vec<_> =
            filters.iter().map(|text| TopicFilter::parse(text).expect("a filter")).collect();
        let mut tree = SubscriptionTree::new();
        for (subscriber, filter) in (0u32..).zip(&filters) {
            tree.insert(filter, subscriber, 0u8);
        }
        let mut random = Random::new(4);
        let texts: Vec<String> = (0..LOOK_UPS)
            .map(|_| match name {
                "mixed/10k" => topic(random.below(TOPICS)),
                _ => filters[random.below(filters.len() as u64) as usize].to_string(),
            })
            .collect();
        let names: Vec<_> = texts.iter().map(|text| TopicName::parse(text).expect("a name")).collect();
        let expected: usize = if name == "exact/100k" {
            LOOK_UPS
        } else {
            names.iter().map(|name| filters.iter().filter(|filter| filter.matches(name)).count()).sum()
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let found: usize = names.iter().map(|name| tree.matches(black_box(name)).count()).sum();
                assert_eq!(found, expected);
            });
        });
    }
}

criterion_group!(benches, matches);
criterion_main!(benches);
