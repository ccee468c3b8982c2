//! The retained store against a sorted list, and on topics chosen to break it.

#[allow(unreachable_pub, reason = "shared with the fuzz targets, where it is public")]
#[path = "../../fuzz/src/retained.rs"]
mod model;
#[allow(unreachable_pub, reason = "shared with the fuzz targets, where it is public")]
#[path = "../../fuzz/src/naive.rs"]
mod naive;

use std::path::Path;

use mqtt_topic::{
    MAXIMUM_LENGTH, RetainedLimit, RetainedLimits, RetainedMatches, RetainedStore, SearchStep, TopicFilter,
    TopicName,
};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_store_does_as_a_list_does(mut data in vec(any::<u8>(), 0..400), is_limited in any::<bool>()) {
        if !is_limited && let [names, bytes, ..] = data.as_mut_slice() {
            (*names, *bytes) = (0, 0);
        }
        model::operations(&data);
    }

    #[test]
    fn long_names_are_stored_as_short_ones_are(
        names in vec((0..70_000_usize, "[ab/]{1,4}"), 1..12),
        removed in vec(any::<bool>(), 12),
    ) {
        let names: Vec<_> = names
            .into_iter()
            .map(|(len, end)| "x".repeat(len.min(MAXIMUM_LENGTH - end.len())) + &end)
            .collect();
        let (mut store, mut list) = (RetainedStore::new(), std::collections::BTreeMap::new());
        for (number, text) in names.iter().enumerate() {
            prop_assert_eq!(store.insert(&name(text), number), Ok(list.insert(text.clone(), number)));
        }
        for (text, is_removed) in names.iter().zip(removed) {
            if is_removed {
                prop_assert_eq!(store.remove(&name(text)), list.remove(text));
            }
            prop_assert_eq!(store.get(&name(text)), list.get(text));
        }
        prop_assert!(found(store.iter()).eq(&list.into_keys().collect::<Vec<_>>()));
    }
}

#[test]
fn the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/retained");
    let mut inputs = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        model::operations(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs >= 5, "{inputs} inputs");
}

fn name(text: &str) -> TopicName<&[u8]> {
    TopicName::parse(text).unwrap()
}

fn filter(text: &str) -> TopicFilter<&[u8]> {
    TopicFilter::parse(text).unwrap()
}

fn store<'n>(names: impl IntoIterator<Item = &'n str>) -> RetainedStore<()> {
    let mut store = RetainedStore::new();
    for text in names {
        store.insert(&name(text), ()).unwrap();
    }
    store
}

fn found<V>(mut search: RetainedMatches<'_, '_, V>) -> Vec<String> {
    let mut names = Vec::new();
    while search.next().is_some() {
        names.push(search.last_visited().unwrap().to_string());
    }
    names
}

#[test]
fn case_15_the_stack_does_not_grow_with_the_number_of_levels() {
    let small = std::thread::Builder::new().stack_size(64 * 1024);
    small.spawn(deepest).unwrap().join().unwrap();
}

/// Everything with 65,536 levels, dropping included.
fn deepest() {
    let slashes = "/".repeat(MAXIMUM_LENGTH);
    let pluses = "+/".repeat(MAXIMUM_LENGTH / 2) + "+";
    let parent = "/".repeat(MAXIMUM_LENGTH - 1) + "#";
    let mut store = store([slashes.as_str(), &slashes[1..], "/"]);
    let table =
        [(slashes.as_str(), 1), (&pluses, 0), (&parent, 2), ("#", 3), ("/#", 3), ("+/#", 3), ("+/+", 1)];
    for (text, expected) in table {
        assert_eq!(store.matches(&filter(text)).count(), expected);
    }
    store.insert(&name(&pluses.replace('+', "")), ()).unwrap();
    assert_eq!(store.matches(&filter(&pluses)).count(), 1);
    drop(store.clone());
    store.retain(|_, ()| false);
    assert_eq!(store.heap_bytes(), 0);
}

#[test]
fn case_16_a_search_looks_at_little_more_than_it_finds() {
    let mut store = RetainedStore::new();
    for number in 0..125_000 {
        let text = format!("{}/{}/{}", number / 2_500, number / 50 % 50, number % 50);
        store.insert(&name(&text), ()).unwrap();
    }
    // Filter, matches, distinct beginnings of names that match up to a `+`.
    let table = [
        ("7/7/7", 1, 0),
        ("7/7/+", 50, 0),
        ("7/+/7", 50, 50),
        ("+/7/7", 50, 50),
        ("+/7/+", 2_500, 50),
        ("+/7/#", 2_500, 50),
        ("7/#", 2_500, 0),
        ("none/+/+", 0, 0),
        ("+/+/+", 125_000, 0),
        ("#", 125_000, 0),
        ("7/+/7/#", 50, 50),
    ];
    for (text, expected, beginnings) in table {
        let filter = filter(text);
        let mut matches = store.matches(&filter);
        assert_eq!(matches.by_ref().count(), expected, "{text}");
        assert!(
            matches.visited() <= expected + 2 * beginnings + 1,
            "{text}: {} looked at",
            matches.visited()
        );
    }
    let everything = filter("#");
    let mut matches = store.matches(&everything);
    matches.next();
    assert_eq!(matches.visited(), 1, "nothing is looked at before it is asked for");

    // No name has such a level there, or so many levels.
    for text in ["+/none/+", "+/+/none", "+/+/51/#", "+", "+/+", "+/+/+/+", "+/+/+/none", "+/+/+/+/#"] {
        let filter = filter(text);
        let mut matches = store.matches(&filter);
        assert_eq!((matches.by_ref().count(), matches.visited()), (0, 0), "{text}");
    }
    // They are counted, not remembered.
    store.insert(&name("a/b/c/none"), ()).unwrap();
    assert_eq!(store.matches(&filter("+/+/+/none")).count(), 1);
    store.remove(&name("a/b/c/none"));
    assert_eq!(store.matches(&filter("+/+/+/none")).visited(), 0);
    assert_eq!(store.matches(&filter("+/+/+/+/#")).count(), 0);
}

#[test]
fn levels_beyond_those_that_are_counted_are_found() {
    for depth in 1..40 {
        let levels = vec!["a"; depth].join("/");
        let long = "x".repeat(200);
        let texts =
            [levels.clone(), format!("{levels}/"), format!("{levels}/{long}a"), format!("{levels}/b")];
        let store = store(texts.iter().map(String::as_str));
        let table = [
            (format!("+{}", &levels[1..]), 1),
            (format!("+{}/{long}a", &levels[1..]), 1),
            (format!("+{}/{long}b", &levels[1..]), 0),
            (format!("+{}/+", &levels[1..]), 3),
            (format!("+{}/+/+", &levels[1..]), 0),
            (format!("+{}/#", &levels[1..]), 4),
        ];
        for (text, expected) in table {
            assert_eq!(store.matches(&filter(&text)).count(), expected, "{text}");
        }
    }
}

#[test]
fn case_17_wildcards_at_the_beginning_do_not_match_dollar_names() {
    let store = store(["!/x", "$SYS/x", "$nosys/x", "%/x"]);
    assert_eq!(found(store.matches(&filter("#"))), ["!/x", "%/x"]);
    assert_eq!(found(store.matches(&filter("+/x"))), ["!/x", "%/x"]);
    assert_eq!(found(store.matches(&filter("$nosys/x"))), ["$nosys/x"]);
    assert_eq!(found(store.matches(&filter("$SYS/#"))), ["$SYS/x"]);
    assert_eq!(store.iter().count(), 4);
}

#[test]
fn a_level_is_not_taken_for_one_that_begins_with_it() {
    // In the order of bytes these are between `a` and `a/b`.
    let store = store(["a", "a!", "a!/b", "a/b", "a0", "a0/b"]);
    assert_eq!(found(store.matches(&filter("+"))), ["a", "a!", "a0"]);
    assert_eq!(found(store.matches(&filter("+/b"))), ["a!/b", "a/b", "a0/b"]);
    assert_eq!(found(store.matches(&filter("a/#"))), ["a", "a/b"]);
    assert_eq!(found(store.matches(&filter("a!/#"))), ["a!", "a!/b"]);
}

#[test]
fn a_leap_passes_over_no_level_that_begins_with_what_comes_before_the_separator() {
    let store = store(["w/b", "x/0", "x/a/!", "x/a/!/c", "y/a", "y/a/!", "y/a/-"]);
    assert_eq!(found(store.matches(&filter("+/a/!"))), ["x/a/!", "y/a/!"]);
    assert_eq!(found(store.matches(&filter("+/a/!/#"))), ["x/a/!", "x/a/!/c", "y/a/!"]);
    assert_eq!(found(store.matches(&filter("+/a/-"))), ["y/a/-"]);
}

#[test]
fn a_search_looks_at_no_more_than_its_budget() {
    let texts: Vec<String> = (0..100).map(|number| format!("{number:02}/x")).collect();
    let store = store(texts.iter().map(String::as_str));
    for (text, found) in [("+/x", 10), ("#", 10), ("+/y", 0)] {
        let wanted = filter(text);
        let (mut search, mut budget, mut count) = (store.matches(&wanted), 10, 0);
        while let SearchStep::Found(()) = search.next_within(&mut budget) {
            count += 1;
        }
        // No name has a level `y`.
        let looked_at = if found > 0 { 10 } else { 0 };
        assert_eq!((count, budget, search.visited()), (found, 10 - looked_at, looked_at), "{text}");
    }
}

#[test]
fn a_search_begins_behind_a_name_that_is_the_least_it_could_find() {
    let store = store(["a", "a/b", "b"]);
    for (text, last, expected) in [("a/#", "a", vec!["a/b"]), ("a/b", "a/b", vec![]), ("b", "a/b", vec!["b"])]
    {
        assert_eq!(found(store.matches_after(&filter(text), &name(last))), expected, "{text} behind {last}");
    }
}

#[test]
fn a_leap_forgets_levels_that_differ_on_the_way() {
    let store = store(["a/a/x", "a/b/a", "b/a/a", "b/a/x", "b/b/c", "c/a/x"]);
    assert_eq!(found(store.matches(&filter("+/+/x"))), ["a/a/x", "b/a/x", "c/a/x"]);
    assert_eq!(found(store.matches(&filter("+/a/x"))), ["a/a/x", "b/a/x", "c/a/x"]);
    assert_eq!(found(store.matches(&filter("+/b/+"))), ["a/b/a", "b/b/c"]);
}

/// However often names come and go, what they take is given back or used again.
#[test]
fn memory_does_not_grow_with_inserting_and_removing() {
    let mut store = RetainedStore::new();
    let text = |number: u32| format!("device/{:08x}/state/{}", number.wrapping_mul(0x9E37_79B9), number % 7);
    let (mut highest, mut settled) = (0, 0);
    for round in 0..20 {
        for number in 0..5_000 {
            store.insert(&name(&text(round * 5_000 + number)), number).unwrap();
            if round > 0 {
                assert_eq!(store.remove(&name(&text((round - 1) * 5_000 + number))), Some(number));
            }
        }
        assert_eq!(store.len(), 5_000);
        highest = highest.max(store.heap_bytes());
        if round == 4 {
            settled = highest;
        }
    }
    assert!(highest <= settled + settled / 20, "{settled} bytes, later {highest}");
    assert!(settled / 5_000 <= 100, "{settled} bytes");
}

#[test]
fn heap_bytes_are_what_is_there_within_some_percent() {
    for text in
        [|number: u32| format!("device/{number}/{}/state", number % 7), |number| format!("{number}/x")]
    {
        let mut said = 0;
        let counted = allocation_counter::measure(|| {
            let mut store = RetainedStore::new();
            for number in 0..20_000_u32 {
                store.insert(&name(&text(number)), u64::from(number)).unwrap();
            }
            said = store.heap_bytes();
            core::mem::forget(store);
        });
        let counted = usize::try_from(counted.bytes_current).unwrap();
        assert!(said.abs_diff(counted) * 100 <= counted * 6, "{said} for {counted}");
    }
}

#[test]
fn names_that_begin_alike_share_memory() {
    let prefix = "x".repeat(10_000);
    let mut store = RetainedStore::new();
    for number in 0..1_000 {
        store.insert(&name(&format!("{prefix}/{number:03}")), ()).unwrap();
    }
    assert!(store.bytes() >= 10_000_000);
    assert!(store.heap_bytes() <= 1_000_000, "{} bytes", store.heap_bytes());
}

#[test]
fn limits_hold_exactly_and_refuse_without_loss() {
    let limits = RetainedLimits { names: 2, bytes: 2 * (1 + size_of::<Vec<u8>>()) + 10 };
    let mut store = RetainedStore::with_limits(limits, Vec::len);
    store.insert(&name("a"), vec![0; 4]).unwrap();
    assert_eq!(store.has_room_for(&name("b"), 7), Err(RetainedLimit::Bytes));
    assert_eq!(store.has_room_for(&name("b"), usize::MAX), Err(RetainedLimit::Bytes));
    store.insert(&name("b"), vec![0; 6]).unwrap();
    assert_eq!(store.bytes(), limits.bytes);

    let refused = store.insert(&name("c"), vec![7]).unwrap_err();
    assert_eq!(
        (refused.limit, refused.to_string().as_str()),
        (RetainedLimit::Names, "no room for another retained name")
    );
    assert_eq!(refused.value, [7]);
    let refused = store.insert(&name("a"), vec![1; 5]).unwrap_err();
    assert_eq!((refused.limit, refused.value), (RetainedLimit::Bytes, vec![1; 5]));
    assert_eq!(store.get(&name("a")), Some(&vec![0; 4]), "the one before stays");
    assert_eq!(store.insert(&name("a"), vec![2]), Ok(Some(vec![0; 4])));
    assert_eq!(store.has_room_for(&name("b"), 9), Ok(()));
    let limits = RetainedLimits { names: 3, ..RetainedLimits::NONE };
    store.set_limits(limits);
    assert_eq!(store.limits(), limits);
    assert_eq!(store.insert(&name("c"), vec![0; 1_000]), Ok(None));
    assert!(format!("{store:?}").contains(r#"TopicName("c")"#));
    assert!(format!("{:?}", store.iter()).starts_with("RetainedMatches"));
}

/// What is there all the time is found once, whatever else comes and goes between two goes.
#[test]
fn a_search_survives_changes() {
    let stays = |number: u32| number.is_multiple_of(3);
    let text = |number: u32| format!("a/{number:04}/x");
    let mut store = RetainedStore::new();
    for number in 0..2_000 {
        store.insert(&name(&text(number)), number).unwrap();
    }
    let wanted = filter("a/+/x");
    let (mut seen, mut last) = (Vec::new(), None::<TopicName<Box<[u8]>>>);
    let mut changed = 0;
    loop {
        let mut search = match &last {
            None => store.matches(&wanted),
            Some(last) => store.matches_after(&wanted, last),
        };
        let mut budget = 7;
        let step = loop {
            match search.next_within(&mut budget) {
                SearchStep::Found(value) => seen.push(*value),
                step => break step,
            }
        };
        if step == SearchStep::Done {
            break;
        }
        last = search.last_visited().map(|name| name.boxed());
        for _ in 0..10 {
            changed = (changed + 7_919) % 2_000;
            if !stays(changed) && store.remove(&name(&text(changed))).is_none() {
                store.insert(&name(&text(changed)), changed).unwrap();
            }
        }
    }
    assert!(seen.is_sorted_by(|one, other| one < other), "nothing is found twice");
    assert!((0..2_000).filter(|number| stays(*number)).all(|number| seen.contains(&number)));
}
