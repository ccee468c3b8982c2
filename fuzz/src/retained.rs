//! The check behind the target `retained`: a retained store does as a sorted list does. Panics when it does not.
//!
//! An input is a list of operations, each of one byte that selects it and its arguments, of which a name or a filter is a
//! byte that gives the number of levels and a byte for each.

use std::collections::BTreeMap;

use crate::naive::matches;
use mqtt_topic::{
    RetainedLimit, RetainedLimits, RetainedMatches, RetainedStore, SearchStep, Sweep, TopicFilter, TopicName,
};

/// Few levels, so that names collide; `a!` sorts between `a` and `a/`, `a0` behind both.
const LEVELS: [&str; 12] = ["a", "", "a!", "a0", "b", "$a", "é", "ab", "abcdefgh", "abcdefgh!", "0", "/"];

/// The value is its weight.
type Store = RetainedStore<u16>;
type List = BTreeMap<String, u16>;

/// Does the operations to a store and to a list, and compares what both say.
pub fn operations(data: &[u8]) {
    let mut input = data.iter().copied();
    let limits = RetainedLimits { names: limit(&mut input, 1), bytes: limit(&mut input, 40) };
    let mut store = Store::with_limits(limits, |value| usize::from(*value));
    let (mut list, mut sweep) = (List::new(), Sweep::new());
    while let Some(operation) = input.next() {
        match operation % 8 {
            0..=2 => insert(&mut store, &mut list, &name(&mut input), u16::from(input.next().unwrap_or(0))),
            3 => {
                let name = name(&mut input);
                assert_eq!(store.remove(&topic(&name)), list.remove(&name), "remove {name}");
            }
            4 => search(&store, &list, &filter(&mut input), usize::from(input.next().unwrap_or(0))),
            5 => {
                // Many at once, in order or not.
                let (count, step) = (u32::from(input.next().unwrap_or(0)), u32::from(operation / 8 * 2 + 1));
                let prefix = name(&mut input);
                for number in 0..count {
                    let name = format!("{prefix}/{:03}", number * step % 256);
                    insert(&mut store, &mut list, &name, u16::from(operation));
                }
            }
            6 => remove_with_prefix(&mut store, &mut list, &name(&mut input)),
            _ => {
                let oldest = u16::from(input.next().unwrap_or(0));
                let budget = 1 + usize::from(input.next().unwrap_or(0));
                swept(&mut store, &mut list, &mut sweep, oldest, budget);
            }
        }
        assert_eq!((store.len(), store.is_empty()), (list.len(), list.is_empty()));
    }
    same(store.iter(), list.iter());
    let bytes = list.iter().map(|(name, value)| name.len() + 2 + usize::from(*value)).sum::<usize>();
    assert_eq!(store.bytes(), bytes);
    for (name, value) in &list {
        assert_eq!(store.get(&topic(name)), Some(value), "get {name}");
    }
    store.retain(|_, _| false);
    assert_eq!((store.len(), store.bytes(), store.heap_bytes()), (0, 0, 0), "memory is kept");
}

fn limit(input: &mut impl Iterator<Item = u8>, scale: usize) -> usize {
    match input.next() {
        None | Some(0) => usize::MAX,
        Some(limit) => usize::from(limit) * scale,
    }
}

fn level(input: &mut impl Iterator<Item = u8>) -> &'static str {
    LEVELS[usize::from(input.next().unwrap_or(0)) % LEVELS.len()]
}

fn name(input: &mut impl Iterator<Item = u8>) -> String {
    // Short names, and so more that collide, unless the input says otherwise.
    let count = match input.next().unwrap_or(0) {
        byte @ ..20 => 1 + byte,
        byte => 1 + byte % 4,
    };
    let levels: Vec<_> = (0..count).map(|_| level(input)).collect();
    let name = levels.join("/");
    if name.is_empty() { "/".to_owned() } else { name }
}

fn filter(input: &mut impl Iterator<Item = u8>) -> String {
    let selector = input.next().unwrap_or(0);
    let count = match selector {
        ..20 => selector,
        140..160 => selector - 140,
        _ => selector % 4,
    };
    let mut levels: Vec<_> = (0..count)
        .map(|_| match input.next().unwrap_or(0) {
            byte @ ..128 => LEVELS[usize::from(byte) % LEVELS.len()],
            _ => "+",
        })
        .collect();
    levels.extend((selector >= 128).then_some("#"));
    let filter = levels.join("/");
    if filter.is_empty() { "+/#".to_owned() } else { filter }
}

fn topic(name: &str) -> TopicName<&[u8]> {
    TopicName::parse(name).expect("a name")
}

fn insert(store: &mut Store, list: &mut List, name: &str, value: u16) {
    let before = store.heap_bytes();
    let (limits, bytes) = (store.limits(), store.bytes());
    let size = |value: u16| name.len() + size_of::<u16>() + usize::from(value);
    let present = list.get(name).copied();
    let refused = if present.is_none() && list.len() >= limits.names {
        Some(RetainedLimit::Names)
    } else {
        let bytes = bytes - present.map_or(0, size) + size(value);
        (bytes > limits.bytes).then_some(RetainedLimit::Bytes)
    };
    assert_eq!(store.has_room_for(&topic(name), usize::from(value)).err(), refused);
    match store.insert(&topic(name), value) {
        Ok(replaced) => {
            assert_eq!((refused, replaced), (None, present));
            list.insert(name.to_owned(), value);
        }
        Err(full) => {
            assert_eq!((Some(full.limit), full.value), (refused, value));
            assert_eq!(store.heap_bytes(), before, "a refusal takes memory");
        }
    }
    assert_eq!(store.get(&topic(name)), list.get(name));
}

fn remove_with_prefix(store: &mut Store, list: &mut List, prefix: &str) {
    store.retain(|name, _| !name.as_str().starts_with(prefix));
    list.retain(|name, _| !name.starts_with(prefix));
}

fn swept(store: &mut Store, list: &mut List, sweep: &mut Sweep, oldest: u16, budget: usize) {
    let mut seen = Vec::new();
    store.sweep(sweep, budget, |name, value| {
        seen.push((name.to_string(), *value));
        *value >= oldest
    });
    assert!(seen.len() == budget || sweep.is_complete() && seen.len() < budget);
    for (name, value) in seen {
        assert_eq!(list.get(&name), Some(&value));
        if value < oldest {
            list.remove(&name);
        }
    }
    if sweep.is_complete() {
        *sweep = Sweep::new();
    }
}

/// At once, and in goes of `budget` names.
fn search(store: &Store, list: &List, filter: &str, budget: usize) {
    let expected = || list.iter().filter(|(name, _)| matches(filter, name));
    let parsed = TopicFilter::parse(filter).expect("a filter");
    for name in list.keys() {
        assert_eq!(parsed.matches(&topic(name)), matches(filter, name), "{filter} and {name}");
    }
    let mut whole = store.matches(&parsed);
    whole.by_ref().for_each(drop);
    assert!(whole.visited() <= bound(list, filter), "{} looked at for {filter}", whole.visited());
    same(store.matches(&parsed), expected());

    let (mut found, mut reached) = (Vec::new(), None::<TopicName<Box<[u8]>>>);
    'goes: loop {
        let mut search = match &reached {
            None => store.matches(&parsed),
            Some(reached) => store.matches_after(&parsed, reached),
        };
        let mut rest = 1 + budget;
        loop {
            match search.next_within(&mut rest) {
                SearchStep::Found(value) => {
                    found.push((search.last_visited().expect("a name").to_string(), *value));
                }
                SearchStep::OutOfBudget => break,
                SearchStep::Done => break 'goes,
            }
        }
        assert_eq!((rest, search.visited()), (0, 1 + budget));
        reached = search.last_visited().map(|name| name.boxed());
    }
    assert!(found.iter().map(|(name, value)| (name, value)).eq(expected()), "{filter} in goes");
}

/// The matches, and three names for each distinct beginning of names that matches the filter up to a `+`, or to its end.
fn bound(list: &List, filter: &str) -> usize {
    let wanted: Vec<_> = filter.split('/').collect();
    let mut beginnings = std::collections::BTreeSet::new();
    for name in list.keys() {
        let levels: Vec<_> = name.split('/').collect();
        for (index, (level, wanted)) in levels.iter().zip(&wanted).enumerate() {
            match *wanted {
                "+" => drop(beginnings.insert(levels[..=index].to_vec())),
                wanted if wanted == *level => {}
                _ => break,
            }
        }
    }
    let found = list.keys().filter(|name| matches(filter, name)).count();
    found + 3 * beginnings.len() + 3
}

fn same<'l>(
    mut found: RetainedMatches<'_, '_, u16>,
    mut expected: impl Iterator<Item = (&'l String, &'l u16)>,
) {
    while let Some(value) = found.next() {
        let name = found.last_visited().expect("a name");
        let expected = expected.next().expect("no more");
        // The order of strings is that of their bytes.
        assert_eq!((name.as_str(), value), (expected.0.as_str(), expected.1));
    }
    assert_eq!(expected.next(), None);
}
