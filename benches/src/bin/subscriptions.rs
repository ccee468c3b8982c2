//! What one load of subscriptions costs: `subscriptions LOAD [lean] [TIMES]`, where `LOAD` is one of `benches::topics::LOADS`.
//!
//! Prints bytes for each subscription, the allocations and the most bytes allocated by one insertion, hits, visits and
//! allocations for each match. With `TIMES`, it then matches so many times, in a function of its own, for tools that count instructions:
//!
//! `valgrind --tool=callgrind --toggle-collect='*match_all*' subscriptions mixed/1m 20000`

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "numbers for people to read"
)]

use core::hint::black_box;
use std::process::ExitCode;

use allocation_counter::measure;
use benches::topics::{LOADS, Load, load};
use mqtt_topic::{Match, Subscription, SubscriptionTree, TopicName, TreeConfig};

type Tree = SubscriptionTree<u32, u8>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, options)) = arguments.split_first() else { return usage() };
    let Some(load) = load(name) else { return usage() };
    let is_lean = options.iter().any(|option| option == "lean");
    let times = options.iter().find_map(|option| option.parse().ok()).unwrap_or(0);

    let names: Vec<_> = load.names.iter().map(|text| TopicName::parse(text).expect("a name")).collect();
    if times > 0 {
        let mut tree =
            Tree::with_config(TreeConfig { exact_table: !is_lean, seed: 1, ..TreeConfig::default() });
        for (key, text) in (0..).zip(&load.filters) {
            insert(&mut tree, text, key);
        }
        println!("{name}: {} found in {times} matches", match_all(&tree, &names, times));
        return ExitCode::SUCCESS;
    }
    measure_all(name, is_lean, &load, &names);
    ExitCode::SUCCESS
}

fn insert(tree: &mut Tree, text: &str, key: u32) {
    tree.insert(&Subscription::parse(text).expect("a subscription"), key, 0).expect("no limit");
}

#[inline(never)]
fn match_all(tree: &Tree, names: &[TopicName<&[u8]>], times: usize) -> usize {
    let names = names.iter().cycle().take(times);
    names.map(|name| black_box(tree).matches(name).map(members).sum::<usize>()).sum()
}

fn members(found: Match<'_, u32, u8>) -> usize {
    match found {
        Match::Ordinary(group) | Match::Shared(group) => group
            .members()
            .map(|(key, _)| *key as usize | 1)
            .fold(0, |count, key| count + usize::from(black_box(key) > 0)),
    }
}

fn measure_all(name: &str, is_lean: bool, load: &Load, names: &[TopicName<&[u8]>]) {
    let mut tree = None;
    let (mut worst, mut allocations) = (0, 0);
    let whole = measure(|| {
        let mut filled =
            Tree::with_config(TreeConfig { exact_table: !is_lean, seed: 1, ..TreeConfig::default() });
        for (key, text) in (0..).zip(&load.filters) {
            let one = measure(|| insert(&mut filled, text, key));
            worst = worst.max(one.bytes_total);
            allocations += one.count_total;
        }
        tree = Some(filled);
    });
    let tree = tree.expect("it has been filled");
    let count = load.filters.len();
    let per = |number: usize, of: usize| number as f64 / of as f64;
    let held = whole.bytes_current as usize;
    println!(
        "{name}{}: {count} subscriptions, {:.1} bytes each, {} allocations held, heap_bytes() {:.1}",
        if is_lean { " lean" } else { "" },
        per(held, count),
        whole.count_current,
        per(tree.heap_bytes(), count),
    );
    println!(
        "  insert: {:.3} allocations each, at most {worst} bytes allocated by one",
        per(allocations as usize, count)
    );
    let (mut hits, mut visits) = (0, 0);
    let matching = measure(|| {
        for name in names {
            let mut matches = tree.matches(name);
            hits += matches.by_ref().map(members).sum::<usize>();
            visits += matches.visited();
        }
    });
    println!(
        "  match: {:.2} hits, {:.2} visits, {} allocations each",
        per(hits, names.len()),
        per(visits, names.len()),
        per(matching.count_total as usize, names.len()),
    );
    let mut tree = tree;
    let mut worst = 0;
    for (key, text) in (0..).zip(&load.filters) {
        let one = measure(|| {
            tree.remove(&Subscription::parse(text).expect("a subscription"), &key);
        });
        worst = worst.max(one.bytes_total);
    }
    assert!(tree.is_empty());
    println!("  remove: at most {worst} bytes allocated by one; {} bytes left", tree.heap_bytes());
}

fn usage() -> ExitCode {
    eprintln!("subscriptions LOAD [lean] [TIMES]; LOAD is one of {LOADS:?}");
    ExitCode::FAILURE
}
