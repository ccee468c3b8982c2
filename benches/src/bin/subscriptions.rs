//! What one load of subscriptions costs: `subscriptions LOAD [lean] [time|TIMES]`, where `LOAD` is one of `benches::topics::LOADS`.
//!
//! Prints bytes for each subscription, the allocations and the most bytes allocated by one insertion, hits, visits and
//! allocations for each match. With `time`, it says how long subscribing, matching and unsubscribing take, beside a hash map of the whole
//! texts for loads without wildcards, and beside a vector for many subscribers of one filter. With `TIMES`, it then matches so many times, in a function of its own, for tools that count instructions:
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
use std::time::Instant;

use allocation_counter::measure;
use benches::Random;
use benches::topics::{LOADS, Load, load};
use hashbrown::HashMap;
use mqtt_topic::{Match, Subscription, SubscriptionTree, TopicName, TreeConfig};

type Tree = SubscriptionTree<u32, u8>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, options)) = arguments.split_first() else { return usage() };
    let Some(load) = load(name) else { return usage() };
    let is_lean = options.iter().any(|option| option == "lean");
    let times = options.iter().find_map(|option| option.parse().ok()).unwrap_or(0);

    let names: Vec<_> = load.names.iter().map(|text| TopicName::parse(text).expect("a name")).collect();
    if options.iter().any(|option| option == "time") {
        time_all(name, is_lean, &load, &names);
        return ExitCode::SUCCESS;
    }
    if times > 0 {
        let tree = filled(is_lean, &load);
        println!("{name}: {} found in {times} matches", match_all(&tree, &names, times));
        return ExitCode::SUCCESS;
    }
    measure_all(name, is_lean, &load, &names);
    ExitCode::SUCCESS
}

fn insert(tree: &mut Tree, text: &str, key: u32) {
    tree.insert(&Subscription::parse(text).expect("a subscription"), key, 0).expect("no limit");
}

fn filled(is_lean: bool, load: &Load) -> Tree {
    let mut tree = Tree::with_config(TreeConfig { exact_table: !is_lean, seed: 1, ..TreeConfig::default() });
    for (key, text) in (0..).zip(&load.filters) {
        insert(&mut tree, text, key);
    }
    tree
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

/// Nanoseconds for each of `count` things that `call` does.
#[allow(clippy::disallowed_methods, reason = "this measures time")]
fn nanos(count: usize, call: impl FnOnce()) -> f64 {
    let start = Instant::now();
    call();
    start.elapsed().as_nanos() as f64 / count as f64
}

/// The best of many: others use the machine too.
fn best(count: usize, mut call: impl FnMut()) -> f64 {
    (0..50).map(|_| nanos(count, &mut call)).fold(f64::INFINITY, f64::min)
}

fn time_all(name: &str, is_lean: bool, load: &Load, names: &[TopicName<&[u8]>]) {
    let Load { filters, .. } = load;
    let mut tree = None;
    let fill = nanos(filters.len(), || tree = Some(filled(is_lean, load)));
    let mut tree = tree.expect("it has been filled");
    println!("{name}{}: insert {fill:.0} ns while growing", if is_lean { " lean" } else { "" });

    let names = names.get(..20_000.min(names.len())).expect("so many");
    let hits = match_all(&tree, names, names.len());
    let matching = best(names.len(), || assert_eq!(match_all(&tree, names, names.len()), hits));
    println!("  match {matching:.1} ns, {:.1} ns a hit", matching * names.len() as f64 / hits.max(1) as f64);
    if name.starts_with("exact") {
        let mut map: HashMap<Box<[u8]>, Vec<u32>> = HashMap::new();
        for (key, text) in (0..).zip(filters) {
            map.entry(text.as_bytes().into()).or_default().push(key);
        }
        let floor = best(names.len(), || assert_eq!(look_up_all(&map, names), hits));
        println!("  a map of texts: {floor:.1} ns, ratio {:.2}", matching / floor);
    }
    if name.starts_with("fan-out") {
        let members: Vec<(u32, u8)> = (0..filters.len() as u32).map(|key| (key, 0)).collect();
        let floor = best(1, || assert_eq!(walk_all(black_box(&members)), hits));
        println!("  a vector: {floor:.1} ns, ratio {:.2}", matching / floor);
        let text = filters.first().expect("there are some");
        let one = best(1_000, || (0..1_000).for_each(|key| insert(&mut tree, text, u32::MAX - key)));
        for key in 0..1_000 {
            remove(&mut tree, text, u32::MAX - key);
        }
        let moved = measure(|| insert(&mut tree, text, u32::MAX)).bytes_total;
        println!("  one more subscriber: {one:.0} ns, {moved} bytes allocated");
        remove(&mut tree, text, u32::MAX);
    }

    // One in ten goes and comes back, in no order.
    let count = (filters.len() / 10).max(1_000).min(filters.len());
    let mut random = Random::new(7);
    let keys: Vec<u32> = (0..count).map(|_| random.below(filters.len() as u64) as u32).collect();
    let (mut off, mut on) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        off = off.min(nanos(count, || {
            for key in &keys {
                remove(&mut tree, &filters[*key as usize], *key);
            }
        }));
        on = on.min(nanos(count, || {
            for key in &keys {
                insert(&mut tree, &filters[*key as usize], *key);
            }
        }));
    }
    println!("  at that size: unsubscribe {off:.0} ns, subscribe {on:.0} ns");
    assert_eq!(match_all(&tree, names, names.len()), hits);
}

fn remove(tree: &mut Tree, text: &str, key: u32) {
    tree.remove(&Subscription::parse(text).expect("a subscription"), &key);
}

#[inline(never)]
fn look_up_all(map: &HashMap<Box<[u8]>, Vec<u32>>, names: &[TopicName<&[u8]>]) -> usize {
    let found = names.iter().filter_map(|name| black_box(map).get(name.as_bytes()));
    found.map(|keys| keys.iter().filter(|key| black_box(**key as usize | 1) > 0).count()).sum()
}

#[inline(never)]
fn walk_all(members: &[(u32, u8)]) -> usize {
    let keys = members.iter().map(|(key, _)| *key as usize | 1);
    keys.fold(0, |count, key| count + usize::from(black_box(key) > 0))
}

fn usage() -> ExitCode {
    eprintln!("subscriptions LOAD [lean] [time|TIMES]; LOAD is one of {LOADS:?}");
    ExitCode::FAILURE
}
