//! Readers beside a writer, at a million subscriptions: what a snapshot costs and the first change after it, and how many
//! matches one and two threads do while a third subscribes and hands out snapshots. `readers [SUBSCRIPTIONS]`

#![allow(clippy::disallowed_methods, reason = "a measurement of time")]
#![allow(clippy::cast_precision_loss, reason = "numbers for people to read")]

use core::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use benches::topics::{TOPICS, mixed, topic};
use mqtt_topic::{Match, Subscription, SubscriptionTree, TopicName};

type Tree = SubscriptionTree<u32, u8>;

fn insert(tree: &mut Tree, text: &str, key: u32) {
    tree.insert(&Subscription::parse(text).expect("a subscription"), key, 0).expect("no limit");
}

fn micros(from: Instant) -> f64 {
    from.elapsed().as_nanos() as f64 / 1e3
}

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let filters = mixed(count);
    let mut tree = Tree::new();
    for (key, text) in (0..).zip(&filters) {
        insert(&mut tree, text, key);
    }
    let (mut clone, mut first) = (f64::MAX, f64::MAX);
    for key in 0..20 {
        let from = Instant::now();
        let snapshot = tree.clone();
        clone = clone.min(micros(from));
        let from = Instant::now();
        insert(&mut tree, "fleet/region-01/site-0001/dev-000001/+", u32::MAX - key);
        first = first.min(micros(from));
        drop(snapshot);
    }
    println!("{count} subscriptions: snapshot {clone:.0} us, first change after it {first:.0} us");

    let names: Vec<String> = (0..20_000).map(|number| topic(number * 7_919 % TOPICS)).collect();
    for threads in [1, 2] {
        println!(
            "{threads} readers beside a writer: {:.0} matches a second",
            throughput(&tree, &names, threads)
        );
    }
}

fn throughput(tree: &Tree, names: &[String], threads: usize) -> f64 {
    let names: Vec<_> = names.iter().map(|text| TopicName::parse(text).expect("a name")).collect();
    let current = Mutex::new(Arc::new(tree.clone()));
    let is_over = AtomicBool::new(false);
    let from = Instant::now();
    let matches: usize = thread::scope(|scope| {
        scope.spawn(|| {
            let mut tree = tree.clone();
            for key in 0.. {
                insert(&mut tree, &format!("fleet/region-00/+/dev-{:06}/x", key % 500), key);
                if key % 100 == 0 {
                    *current.lock().expect("nobody panics") = Arc::new(tree.clone());
                    thread::sleep(Duration::from_millis(10));
                }
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let readers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while from.elapsed() < Duration::from_secs(2) {
                        let tree = Arc::clone(&current.lock().expect("nobody panics"));
                        for name in &names {
                            black_box(tree.matches(name).map(members).sum::<usize>());
                        }
                        count += names.len();
                    }
                    count
                })
            })
            .collect();
        let count = readers.into_iter().map(|reader| reader.join().expect("it ends")).sum();
        is_over.store(true, Ordering::Relaxed);
        count
    });
    matches as f64 / from.elapsed().as_secs_f64()
}

fn members(found: Match<'_, u32, u8>) -> usize {
    match found {
        Match::Ordinary(group) | Match::Shared(group) => group.members().len(),
    }
}
