//! Topics and filters chosen to break an implementation: the cases are those that broke others.

extern crate alloc;

use alloc::collections::BTreeSet;
use core::fmt::Write as _;

use mqtt_topic::InvalidTopicKind::{
    Empty, MultiLevelNotAlone, MultiLevelNotLast, NotUtf8, ShareNameCharacter, ShareNameEmpty,
    ShareWithoutFilter, SingleLevelNotAlone, WildcardInName,
};
use mqtt_topic::{
    MAXIMUM_LENGTH, Match, SearchStep, Subscription, SubscriptionTree, TopicFilter, TopicName, TreeConfig,
};

#[test]
fn case_13_invalid_filters_are_refused() {
    let table: &[(&[u8], _)] = &[
        (b"a/#/b", MultiLevelNotLast),
        (b"a#", MultiLevelNotAlone),
        (b"#a", MultiLevelNotAlone),
        (b"a+", SingleLevelNotAlone),
        (b"+a/b", SingleLevelNotAlone),
        (b"++", SingleLevelNotAlone),
        (b"##", MultiLevelNotAlone),
        (b"+#", SingleLevelNotAlone),
        (b"", Empty),
        (b"\xc3\x28", NotUtf8),
        (b"\xff\xfe", NotUtf8),
        (b"\xed\xa0\x80", NotUtf8),
        (b"\xf8\x88", NotUtf8),
        (b"\xc0\x80", NotUtf8),
    ];
    for (bytes, kind) in table {
        assert_eq!(TopicFilter::new(bytes).unwrap_err().kind(), *kind, "{}", bytes.escape_ascii());
    }
}

#[test]
fn case_14_invalid_shared_subscriptions_are_refused() {
    let table = [
        ("$share/ab", ShareWithoutFilter),
        ("$share/", ShareWithoutFilter),
        ("$share//x", ShareNameEmpty),
        ("$share/a+/x", ShareNameCharacter),
        ("$share/g/", ShareWithoutFilter),
    ];
    for (text, kind) in table {
        assert_eq!(Subscription::parse(text).unwrap_err().kind(), kind, "{text}");
    }
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
    let name = TopicName::parse(&slashes).unwrap();
    let filters =
        [slashes.as_str(), pluses.as_str(), "#", "/#", "+/#"].map(|text| TopicFilter::parse(text).unwrap());
    assert_eq!(filters.each_ref().map(|filter| filter.matches(&name)), [true, false, true, true, true]);

    let shared = "$share/g/".to_owned() + &slashes[..MAXIMUM_LENGTH - 9];
    for exact_table in [true, false] {
        let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
        for (key, filter) in filters.iter().enumerate() {
            assert_eq!(tree.insert(&Subscription::Ordinary(*filter), key, key), Ok(None));
            assert_eq!(tree.insert(&Subscription::parse(&shared).unwrap(), key, key), Ok(None));
        }
        assert_eq!(tree.matches(&name).count(), 4);
        let mut steps = tree.matches(&name);
        let mut found = 0;
        loop {
            match steps.next_within(&mut 10_000) {
                SearchStep::Found(_) => found += 1,
                SearchStep::OutOfBudget => {
                    steps = tree.matches_from(&name, &steps.position().unwrap());
                }
                SearchStep::Done => break,
            }
        }
        assert_eq!(found, 4);
        assert_eq!(tree.subscriptions(&1).count(), 2);
        assert_eq!(tree.subscriptions(&1).next().unwrap().0.filter().as_bytes(), filters[1].as_bytes());
        drop(tree.clone());
        assert_eq!(tree.remove(&Subscription::Ordinary(filters[0]), &0), Some(0));
        assert_eq!((1..5).map(|key| tree.remove_subscriber(&key)).sum::<usize>(), 8);
        assert_eq!(tree.remove_subscriber(&0), 1);
        assert!(tree.is_empty());
    }
}

/// What the tree may look at: every beginning of a filter that matches as many levels of the name, once.
fn live_beginnings(filters: &[String], name: &str) -> usize {
    let name: Vec<&str> = name.split('/').collect();
    let mut live = BTreeSet::new();
    for filter in filters {
        let levels = filter.split('/').zip(&name);
        let mut beginning = String::new();
        for (level, _) in levels.take_while(|(level, present)| level == *present || *level == "+") {
            write!(beginning, "{level}/").unwrap();
            live.insert(beginning.clone());
        }
    }
    // And the root.
    live.len() + 1
}

#[test]
fn case_16_the_tree_visits_live_branches_only() {
    const LEVELS: usize = 16;
    // 4,000 of the 65,536 filters over {a,+}^16, and the same with `b`, which are dead at once.
    let mut filters = Vec::new();
    for number in (0..65_536_usize).step_by(16).take(4_000) {
        let mixed = |first: &str| {
            let levels: Vec<_> =
                (0..LEVELS).map(|bit| if number >> bit & 1 == 1 { "+" } else { first }).collect();
            levels.join("/")
        };
        filters.push(mixed("a"));
        filters.push(format!("b/{}", mixed("a")));
    }
    let mut tree = SubscriptionTree::new();
    for (key, filter) in filters.iter().enumerate() {
        tree.insert(&Subscription::parse(filter).unwrap(), key, ()).unwrap();
    }

    let hit = vec!["a"; LEVELS].join("/");
    let miss = vec!["a"; LEVELS - 1].join("/") + "/c/d";
    for (name, expected) in [(hit, 4_000), (miss, 0)] {
        let topic = TopicName::parse(&name).unwrap();
        let mut matches = tree.matches(&topic);
        assert_eq!(matches.by_ref().count(), expected);
        assert!(matches.visited() <= live_beginnings(&filters, &name), "{} visits", matches.visited());
        assert!(matches.visited() <= 4_000 + (LEVELS + 1) * 4_000);
    }
}

#[test]
fn case_16_what_cannot_match_costs_nothing() {
    // The root, and the entry of the exact table or the node `a`.
    for exact_table in [true, false] {
        let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
        for key in 0..10_000 {
            let text = format!("other/{key}/+/#");
            tree.insert(&Subscription::parse(&text).unwrap(), key, ()).unwrap();
        }
        tree.insert(&Subscription::parse("a/b").unwrap(), 0, ()).unwrap();
        let name = TopicName::parse("a/b").unwrap();
        let mut matches = tree.matches(&name);
        assert_eq!(matches.by_ref().count(), 1);
        assert_eq!(matches.visited(), 2);
    }
}

#[test]
fn case_17_wildcards_at_the_beginning_do_not_match_dollar_names() {
    let [multi_level, single_level, ordinary] =
        ["#", "+/x", "$nosys/x"].map(|text| TopicFilter::parse(text).unwrap());
    let mut tree = SubscriptionTree::new();
    for (key, filter) in [multi_level, single_level, ordinary].iter().enumerate() {
        tree.insert(&Subscription::Ordinary(*filter), key, ()).unwrap();
    }
    let keys = |name: &str| -> Vec<usize> {
        let name = TopicName::parse(name).unwrap();
        let mut keys: Vec<_> = tree
            .matches(&name)
            .flat_map(|found| match found {
                Match::Ordinary(group) => group.members().map(|(key, ())| *key),
                Match::Shared(group) => panic!("{group:?}"),
            })
            .collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(keys("$SYS/x"), []);
    assert_eq!(keys("$nosys/x"), [2]);
    assert_eq!(keys("nosys/x"), [0, 1]);
}

#[test]
fn case_17_names_with_wildcards_and_empty_names_are_refused() {
    for (text, kind) in [("a/+", WildcardInName), ("#", WildcardInName), ("a#b", WildcardInName), ("", Empty)]
    {
        assert_eq!(TopicName::parse(text).unwrap_err().kind(), kind, "{text}");
    }
}
