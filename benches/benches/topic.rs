//! Matching: a run looks up 1,000 Topic Names, and must find as many subscriptions as a scan of all filters does.
//!
//! `cargo bench -p benches --bench topic`
#![allow(missing_docs, reason = "criterion_group! makes public functions")]
#![allow(clippy::cast_possible_truncation, reason = "the numbers below are small")]

use core::hint::black_box;

use benches::topics::{Load, load};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mqtt_topic::{Match, Subscription, SubscriptionTree, TopicName, TreeConfig};

const LOOK_UPS: usize = 1_000;

fn matches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match");
    group.throughput(Throughput::Elements(LOOK_UPS as u64));
    for (name, exact_table) in [
        ("exact/1k", true),
        ("exact/100k", true),
        ("exact/100k", false),
        ("mixed/10k", true),
        ("mixed/10k", false),
    ] {
        let Load { filters, names } = load(name).expect("a load");
        let subscriptions: Vec<_> =
            filters.iter().map(|text| Subscription::parse(text).expect("a subscription")).collect();
        let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
        for (subscriber, subscription) in (0u32..).zip(&subscriptions) {
            tree.insert(subscription, subscriber, 0u8).expect("no limit");
        }
        let names: Vec<_> =
            names.iter().take(LOOK_UPS).map(|text| TopicName::parse(text).expect("a name")).collect();
        let wants = |name| subscriptions.iter().filter(|it| it.filter().matches(name)).count();
        // The filters without wildcards are all different.
        let expected: usize =
            if name.starts_with("exact") { LOOK_UPS } else { names.iter().map(wants).sum() };
        let name = if exact_table { name.to_owned() } else { format!("{name}/lean") };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let found: usize = names
                    .iter()
                    .flat_map(|name| tree.matches(black_box(name)))
                    .map(|found| match found {
                        Match::Ordinary(group) | Match::Shared(group) => group.members().len(),
                    })
                    .sum();
                assert_eq!(found, expected);
            });
        });
    }
}

criterion_group!(benches, matches);
criterion_main!(benches);
