//! The retained store with the topics of a fleet: `retained` prints what one of 1,000,000 takes and how long each query takes;
//! `retained FILTER TIMES TOPICS` runs one query a number of times, for tools that count instructions.

use core::hint::black_box;
use std::alloc::System;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::topics::exact;
use mqtt_topic::{RetainedStore, TopicFilter, TopicName};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TOPICS: usize = 1_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            table(&exact(TOPICS));
            // Every device has a topic of its own.
            let unique =
                |number: u64| format!("cmd/dev-{:010x}/in", number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24);
            memory("unique", &(0..TOPICS as u64).map(unique).collect::<Vec<_>>());
        }
        [filter, times, topics] => {
            let (Ok(filter), Ok(times), Ok(topics)) =
                (TopicFilter::parse(filter), times.parse::<usize>(), topics.parse::<usize>())
            else {
                return usage();
            };
            let store = store(&exact(topics));
            println!("{}", repeat(&store, &filter, times));
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

#[inline(never)]
fn repeat(store: &RetainedStore<u32>, filter: &TopicFilter<&[u8]>, times: usize) -> usize {
    (0..times).map(|_| store.matches(black_box(filter)).count()).sum()
}

fn usage() -> ExitCode {
    eprintln!("retained [FILTER TIMES TOPICS]");
    ExitCode::FAILURE
}

fn store(topics: &[String]) -> RetainedStore<u32> {
    let mut store = RetainedStore::new();
    for (number, topic) in (0..).zip(topics) {
        store.insert(&TopicName::parse(topic).expect("a name"), number).expect("no limit");
    }
    store
}

#[allow(clippy::disallowed_methods, clippy::cast_precision_loss, reason = "this measures time")]
fn memory(name: &str, topics: &[String]) -> RetainedStore<u32> {
    let region = Region::new(ALLOCATOR);
    let start = Instant::now();
    let store = store(topics);
    let nanos = start.elapsed().as_nanos() / TOPICS as u128;
    let change = region.change();
    let heap = change.bytes_allocated.cast_signed() - change.bytes_deallocated.cast_signed();
    let bytes = heap as f64 / TOPICS as f64 - size_of::<u32>() as f64;
    let told = store.heap_bytes() as f64 / TOPICS as f64 - size_of::<u32>() as f64;
    println!("{name}: insert {nanos} ns, {bytes:.1} bytes beside the value (heap_bytes: {told:.1})");
    store
}

#[allow(clippy::disallowed_methods, clippy::cast_precision_loss, reason = "this measures time")]
fn table(topics: &[String]) {
    let names: Vec<_> = topics.iter().map(|topic| TopicName::parse(topic).expect("a name")).collect();
    let per_topic = |time: Duration| time.as_nanos() / TOPICS as u128;

    let mut store = memory("fleet", topics);
    let start = Instant::now();
    let found = names.iter().filter(|name| store.get(black_box(name)).is_some()).count();
    println!("get    {} ns", per_topic(start.elapsed()));
    assert_eq!(found, TOPICS);

    for text in [
        "#",
        "+/+/site-0007/#",
        "fleet/region-07/site-0007/+/gps",
        "fleet/region-07/site-0007/dev-000007/#",
        "fleet/+/+/dev-000007/gps",
        "fleet/+/+/+/gps",
        "+/+/+/+/none",
        "+/+/+/+/+/+",
        "none/#",
    ] {
        let filter = TopicFilter::parse(text).expect("a filter");
        let expected = names.iter().filter(|name| filter.matches(name)).count();
        let region = Region::new(ALLOCATOR);
        // The best of many: others use the machine too.
        let (start, mut times, mut nanos) = (Instant::now(), 0, f64::INFINITY);
        while start.elapsed() < Duration::from_millis(500) {
            let batch = (20_000 / (expected + 20)).max(1);
            let begin = Instant::now();
            for _ in 0..batch {
                assert_eq!(store.matches(black_box(&filter)).count(), expected);
            }
            nanos = nanos.min(begin.elapsed().as_nanos() as f64 / batch as f64);
            times += batch;
        }
        let allocations = region.change().allocations as f64 / times as f64;
        let mut search = store.matches(&filter);
        search.by_ref().for_each(drop);
        let per_hit = nanos / expected.max(1) as f64;
        println!(
            "{text:42} {expected:9} hits {nanos:12.0} ns {per_hit:9.1} ns/hit {:9} looks {allocations:5.1} allocations",
            search.visited()
        );
    }

    let start = Instant::now();
    let removed = names.iter().filter(|name| store.remove(name).is_some()).count();
    println!("remove {} ns", per_topic(start.elapsed()));
    assert_eq!((removed, store.heap_bytes()), (TOPICS, 0));
}
