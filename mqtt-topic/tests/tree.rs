//! The subscription tree against a list, with the model of the fuzz target.

#[allow(unreachable_pub, reason = "shared with the fuzz target, where it is public")]
#[path = "../../fuzz/src/tree.rs"]
mod model;
#[allow(unreachable_pub, reason = "shared with the fuzz targets, where it is public")]
#[path = "../../fuzz/src/naive.rs"]
mod naive;

use model::{Model, Operation};
use mqtt_topic::{
    Match, Refused, SearchStep, Subscription, SubscriptionTree, TopicName, TreeConfig, TreeLimit,
};
use proptest::prelude::*;

fn subscription(text: &str) -> Subscription<&[u8]> {
    Subscription::parse(text).unwrap()
}

proptest! {
    #[test]
    fn the_tree_does_as_a_list_does(data in proptest::collection::vec(any::<u8>(), 0..800)) {
        model::check(&data);
    }
}

#[test]
fn the_committed_corpus_passes() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/tree");
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        model::check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus");
}

/// A generator of numbers (xorshift).
struct Random(u32);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % limit
    }
}

#[test]
fn long_lists_do_as_short_ones_do() {
    let texts = ["a/b", "a/+", "$share/g/a/b", "$share/h/#", "b", "#"];
    let mut random = Random(1);
    let mut model = Model::default();
    // Groups of some hundred and some thousand members; growing, shrinking, growing again.
    for (limit, inserts) in [(40, 8), (4_000, 9), (4_000, 3), (40, 5), (4_000, 8)] {
        for number in 0..8_000_u32 {
            let text = texts[random.below(6) as usize].to_owned();
            let key = u16::try_from(random.below(limit)).unwrap();
            model.apply(&match random.below(10) {
                _ if number % 4_000 == 2_000 => Operation::Snapshot,
                0 if limit == 40 => Operation::RemoveSubscriber(key),
                roll if roll < inserts => Operation::Insert(text, key, u16::try_from(number).unwrap()),
                _ => Operation::Remove(text, key),
            });
        }
        model.agree();
        model.agree_with_snapshot();
        for name in ["a/b", "b", "$x"] {
            model.agree_on(name);
        }
    }
}

#[test]
fn a_subscriber_may_have_many_subscriptions() {
    let mut random = Random(1);
    let mut model = Model::default();
    for (inserts, count) in [(9, 6_000), (2, 6_000), (9, 1_000)] {
        for number in 0..count {
            let share = ["", "", "$share/g/"][random.below(3) as usize];
            let tail = ["", "/+", "/#"][random.below(3) as usize];
            let text = format!("{share}{}/{}{tail}", random.below(5), random.below(400));
            let key = u16::from(random.below(20) == 0);
            model.apply(&match random.below(10) {
                roll if roll < inserts => Operation::Insert(text, key, number),
                _ => Operation::Remove(text, key),
            });
        }
        model.agree();
        for name in ["1/1", "2/7/x", "3/300"] {
            model.agree_on(name);
        }
    }
    for key in [0, 1] {
        model.apply(&Operation::RemoveSubscriber(key));
        model.agree();
    }
}

#[test]
fn limits_are_refusals_that_leave_the_tree_as_it_is() {
    for exact_table in [true, false] {
        let mut tree = SubscriptionTree::with_config(TreeConfig {
            exact_table,
            maximum_levels: 3,
            maximum_subscriptions: 4,
            maximum_per_subscriber: 2,
            ..TreeConfig::default()
        });
        let refused = |limit, value| Err(Refused { limit, value });
        assert_eq!(tree.insert(&subscription("a/b/c/d"), 1, 10), refused(TreeLimit::Levels, 10));
        assert_eq!(tree.insert(&subscription("$share/g/a/b/c/#"), 1, 10), refused(TreeLimit::Levels, 10));
        assert_eq!(tree.insert(&subscription("$share/g/a/b/c"), 1, 11), Ok(None));
        assert_eq!(tree.insert(&subscription("a/b/#"), 1, 12), Ok(None));
        assert_eq!(tree.insert(&subscription("a"), 1, 13), refused(TreeLimit::PerSubscriber, 13));
        assert_eq!(tree.insert(&subscription("a/b/#"), 1, 14), Ok(Some(12)), "that is none more");
        assert_eq!(tree.insert(&subscription("a"), 2, 15), Ok(None));
        assert_eq!(tree.insert(&subscription("a"), 3, 16), Ok(None));
        assert_eq!(tree.insert(&subscription("b"), 4, 17), refused(TreeLimit::Subscriptions, 17));
        assert_eq!(tree.insert(&subscription("a"), 2, 18), Ok(Some(15)), "nor is that");
        assert_eq!(tree.len(), 4);
        assert!(tree.group(&subscription("b")).is_none() && tree.get(&subscription("a"), &4).is_none());
        assert_eq!(tree.remove(&subscription("$share/g/a/b/c"), &1), Some(11));
        assert_eq!(tree.insert(&subscription("b"), 1, 19), Ok(None));
    }
}

#[test]
fn the_limit_of_levels_holds_for_the_longest_filters() {
    let slashes = "/".repeat(65_535);
    for (maximum_levels, expected) in [(65_534, [true, true]), (65_535, [false, true]), (65_536, [false; 2])]
    {
        let config = TreeConfig { maximum_levels, ..TreeConfig::default() };
        let mut tree = SubscriptionTree::with_config(config);
        let refused = [&slashes[1..], &slashes].map(|text| tree.insert(&subscription(text), 1, ()).is_err());
        assert_eq!(refused, expected, "{maximum_levels}");
    }
}

#[test]
fn a_value_can_be_changed_and_a_group_without_members_is_none() {
    let mut tree = SubscriptionTree::new();
    for (text, value) in [("$share/g/a", 1), ("b", 2)] {
        tree.insert(&subscription(text), 7, value).unwrap();
        *tree.get_mut(&subscription(text), &7).unwrap() += 10;
        assert_eq!(tree.get(&subscription(text), &7), Some(&(value + 10)));
        assert_eq!(tree.get_mut(&subscription(text), &8), None);
        assert_eq!(tree.group(&subscription(text)).unwrap().members().len(), 1);
    }
    assert!(tree.group(&subscription("a")).is_none() && tree.group(&subscription("$share/g/b")).is_none());
}

#[test]
fn a_limit_says_what_it_is_about() {
    let texts = [TreeLimit::Levels, TreeLimit::Subscriptions, TreeLimit::PerSubscriber]
        .map(|limit| (limit.to_string(), Refused { limit, value: () }.to_string()));
    assert!(texts.iter().all(|(limit, refused)| limit == refused));
    assert_eq!(
        texts.each_ref().map(|(limit, _)| limit.as_str()),
        [
            "the Topic Filter has too many levels",
            "there are too many subscriptions",
            "the subscriber has too many subscriptions",
        ]
    );
}

/// A key that does not tell the hash anything.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Silent(u32);

impl core::hash::Hash for Silent {
    fn hash<H: core::hash::Hasher>(&self, _: &mut H) {}
}

#[test]
fn keys_whose_hashes_collide_are_told_apart() {
    let texts = ["a", "a/+", "#", "$share/g/a"];
    let mut tree = SubscriptionTree::new();
    for key in 0..60 {
        for (value, text) in texts.iter().enumerate().take(key as usize % 4 + 1) {
            assert_eq!(tree.insert(&subscription(text), Silent(key), value), Ok(None));
        }
    }
    for key in 0..60 {
        let found: Vec<_> =
            tree.subscriptions(&Silent(key)).map(|(group, _)| group.subscription().to_string()).collect();
        assert_eq!(found, texts[..=key as usize % 4]);
    }
    for key in 0..60 {
        assert_eq!(tree.remove(&subscription("a"), &Silent(key)), Some(0));
        assert_eq!(tree.remove(&subscription("a"), &Silent(key)), None);
        assert_eq!(tree.remove_subscriber(&Silent(key)), key as usize % 4);
    }
    assert!(tree.is_empty());
}

#[test]
fn matches_come_in_the_order_of_the_calls() {
    let mut tree = SubscriptionTree::new();
    for (key, text) in
        (0..).zip(["#", "a/+", "+/b", "a/b", "a/#", "+/+", "$share/g/a/b", "$share/h/a/b", "a/b/#"])
    {
        tree.insert(&subscription(text), key, ()).unwrap();
    }
    let name = TopicName::parse("a/b").unwrap();
    let found: Vec<String> = tree
        .matches(&name)
        .map(|found| match found {
            Match::Ordinary(group) | Match::Shared(group) => group.subscription().to_string(),
        })
        .collect();
    assert_eq!(found, ["a/b", "$share/h/a/b", "$share/g/a/b", "#", "a/#", "a/b/#", "a/+", "+/b", "+/+"]);
}

/// Bytes that one call allocates: whatever is moved is moved to new memory.
fn allocated(call: impl FnOnce()) -> u64 {
    allocation_counter::measure(call).bytes_total
}

#[test]
fn growth_and_removal_move_little_at_a_time() {
    const COUNT: u32 = 30_000;
    for (exact_table, make) in [
        (true, (|key| format!("{}/{key}", key % 7)) as fn(u32) -> String),
        (false, |key| format!("{}/{key}", key % 7)),
        (true, |key| format!("{}/+/{key}", key % 7)),
        (true, |_| "all/of/them".to_owned()),
        (true, |_| "$share/g/all/of/them".to_owned()),
    ] {
        let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
        let (mut worst, mut total) = (0, 0);
        for key in 0..COUNT {
            let text = make(key);
            let moved = allocated(|| assert_eq!(tree.insert(&subscription(&text), key, 0_u8), Ok(None)));
            worst = worst.max(moved);
            total += moved;
        }
        // Two or three pages of some hundred entries, and the handles of all pages when their vector grows.
        assert!(worst < 96 * 1_024, "{worst} bytes by one insertion of {}", make(0));
        assert!(total < u64::from(COUNT) * 800, "{total} bytes by all");
        let mut worst = 0;
        for key in 0..COUNT {
            let text = make(key);
            worst = worst.max(allocated(|| assert_eq!(tree.remove(&subscription(&text), &key), Some(0))));
        }
        assert!(worst < 96 * 1_024, "{worst} bytes by one removal of {}", make(0));
    }
}

#[test]
fn memory_is_used_again_and_heap_bytes_says_how_much_there_is() {
    for exact_table in [true, false] {
        let mut random = Random(7);
        let mut held = Vec::new();
        let counted = allocation_counter::measure(|| {
            let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
            let mut texts = std::collections::VecDeque::new();
            let mut peak = 0;
            for number in 0..30_000_u32 {
                // Levels of any length, some too long for the record of a level and some for a page of texts.
                let len = if number % 997 == 0 { 9_000 } else { random.below(40) as usize };
                let tail = ["", "/+", "/#", "/x"][random.below(4) as usize];
                let (text, key) = match random.below(10) {
                    // Many subscribers with one filter, many filters of one subscriber.
                    0 => ("all".to_owned(), number),
                    1 => ("$share/g/all".to_owned(), number),
                    2 => (format!("$share/g/{}{tail}", random.below(20)), number),
                    3 => (format!("{number}{tail}"), u32::MAX),
                    _ => (format!("{}/{}{tail}", random.below(50), "x".repeat(len)), number),
                };
                assert_eq!(tree.insert(&subscription(&text), key, ()), Ok(None));
                texts.push_back((text, key));
                if texts.len() > 1_000 {
                    let (text, key) = texts.remove(random.below(1_001) as usize).unwrap();
                    assert_eq!(tree.remove(&subscription(&text), &key), Some(()));
                }
                peak = peak.max(tree.heap_bytes() * usize::from(number % 1_000 == 0));
                if number == 10_000 {
                    held.push(peak);
                }
            }
            held.push(peak);
            drop(texts);
            held.push(tree.heap_bytes());
            core::mem::forget(tree);
        });
        let [at_a_third, at_end, last] = held[..] else { panic!("{held:?}") };
        assert!(at_end < at_a_third * 5 / 4, "{at_a_third} bytes have become {at_end}");
        let counted = usize::try_from(counted.bytes_current).unwrap() - held.capacity() * 8;
        assert_eq!(last, counted, "what is said is what is there");
    }
}

#[test]
fn nothing_stays_of_what_comes_and_goes() {
    let (long, longer) = ("x".repeat(40) + "N", "x".repeat(50) + "N");
    let texts: [&[&str]; 7] = [
        &["stays/N"],
        &["a/+/N", "a/+/b/c/N"],
        &["$share/g/N", "$share/h/N", "$share/g/a/+/N"],
        &["$share/N/a", "stays/N"],
        &["all", "#"],
        &["+/+/+/N", &long, &longer],
        &["N/+/b", "N/+/c/d", "N/+/e"],
    ];
    for exact_table in [true, false] {
        for texts in texts {
            let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
            tree.insert(&subscription("stays"), 0, ()).unwrap();
            let mut settled = 0;
            for round in 0..5_000 {
                let texts: Vec<String> =
                    texts.iter().map(|text| text.replace('N', &round.to_string())).collect();
                for key in [0, 1] {
                    for text in &texts {
                        tree.insert(&subscription(text), key, ()).unwrap();
                    }
                }
                for key in [1, 0] {
                    for text in &texts {
                        let _ = tree.remove(&subscription(text), &key);
                    }
                }
                assert_eq!(tree.len(), 1);
                // Of the texts in the exact table a page is not given back at once.
                let held = tree.heap_bytes();
                assert!(
                    round < 2_500 || held <= settled * 5 / 4,
                    "{texts:?}: {held} bytes, before {settled}"
                );
                settled = settled.max(held * usize::from(round < 2_500));
            }
        }
    }
}

#[test]
fn members_are_counted_and_passed_over() {
    let mut tree = SubscriptionTree::new();
    for count in [1, 2, 512, 513, 1_024, 1_500] {
        for key in tree.len()..count {
            tree.insert(&subscription("a"), key, ()).unwrap();
        }
        let group = tree.group(&subscription("a")).unwrap();
        assert!(group.members().clone().map(|(key, ())| *key).eq(0..count));
        for step in [0, 1, 3, 510, 511, 512, 513, 1_023, 1_600] {
            let (mut members, mut model) = (group.members(), 0..count);
            loop {
                let found = members.nth(step).map(|(key, ())| *key);
                assert_eq!((found, members.len()), (model.nth(step), model.len()), "{count} {step}");
                let next = members.next().map(|(key, ())| *key);
                assert_eq!((next, members.len()), (model.next(), model.len()), "{count} {step}");
                if next.is_none() {
                    break;
                }
            }
        }
    }
}

#[test]
fn there_is_no_position_while_matches_are_left() {
    let mut tree = SubscriptionTree::new();
    let texts = ["a/b", "$share/g/a/b", "a/+", "$share/g/a/+", "#", "a/#", "+/b"];
    for (key, text) in texts.into_iter().enumerate() {
        tree.insert(&subscription(text), key, ()).unwrap();
    }
    let name = TopicName::parse("a/b").unwrap();
    let (mut matches, mut found) = (tree.matches(&name), 0);
    loop {
        match matches.next_within(&mut 1) {
            SearchStep::Found(_) => {
                found += 1;
                let is_between = matches!(matches.clone().next_within(&mut 0), SearchStep::OutOfBudget);
                assert_eq!(matches.position().is_some(), is_between, "{found}");
            }
            SearchStep::OutOfBudget => assert!(matches.position().is_some()),
            SearchStep::Done => break,
        }
    }
    assert_eq!(found, texts.len());
}

#[test]
fn a_search_goes_on_where_it_was() {
    let mut tree = SubscriptionTree::new();
    let texts = ["+/a/b", "$SYS/+/b", "$SYS/a/#", "$SYS/a/+", "#", "x/+/b", "x/a/+", "+/+/b", "+/+/+", "x/#"];
    for (key, text) in texts.into_iter().enumerate() {
        tree.insert(&subscription(text), key, ()).unwrap();
    }
    let subscription = |found| match found {
        Match::Ordinary(group) | Match::Shared(group) => group.subscription().to_string(),
    };
    for (text, count) in [("x/a/b", 7), ("$SYS/a/b", 3), ("$x/a/b", 0)] {
        let name = TopicName::parse(text).unwrap();
        let wanted: Vec<String> = tree.matches(&name).map(subscription).collect();
        assert_eq!(wanted.len(), count);
        let (mut found, mut matches) = (Vec::new(), tree.matches(&name));
        loop {
            match matches.next_within(&mut 1) {
                SearchStep::Found(group) => found.push(subscription(group)),
                SearchStep::OutOfBudget => {
                    let position = matches.position().unwrap();
                    matches = tree.matches_from(&name, &position);
                    // It has gone down the path of the next node to look at, and come back to the same place.
                    assert!(matches.visited() <= 2 && matches.position() == Some(position));
                    assert!(found.is_empty() || matches.visited() > 0);
                }
                SearchStep::Done => break,
            }
        }
        assert_eq!(found, wanted, "{text}");
    }
}

/// All filters over `{a,+}` with up to `levels` levels, and each with `#` behind it.
fn all_filters(levels: usize) -> Vec<String> {
    let mut beginnings = vec![String::new()];
    let mut filters = vec!["#".to_owned()];
    for _ in 0..levels {
        beginnings =
            beginnings.iter().flat_map(|one| ["a", "+"].map(|level| format!("{one}{level}/"))).collect();
        filters
            .extend(beginnings.iter().flat_map(|one| [one[..one.len() - 1].to_owned(), format!("{one}#")]));
    }
    filters
}

#[test]
fn the_order_is_the_same_whatever_the_budget() {
    let mut random = Random(3);
    for (depth, levels, share) in
        [(0, 3, 1), (0, 3, 3), (0, 6, 1), (0, 6, 2), (0, 6, 7), (13, 5, 1), (14, 4, 2)]
    {
        let before = "a/".repeat(depth);
        let mut filters: Vec<String> =
            all_filters(levels).iter().map(|filter| before.clone() + filter).collect();
        filters.retain(|_| random.below(share) == 0);
        let mut tree = SubscriptionTree::new();
        for (key, text) in filters.iter().enumerate() {
            tree.insert(&subscription(text), key, ()).unwrap();
        }
        let text = before + &vec!["a"; levels].join("/");
        let name = TopicName::parse(&text).unwrap();
        // What is found in the exact table comes first; then, level by level, `#` before the level and that before `+`.
        let mut wanted: Vec<&String> =
            filters.iter().filter(|filter| subscription(filter).filter().matches(&name)).collect();
        wanted.sort_by_key(|filter| {
            let levels = filter.split('/').map(|level| "#a+".find(level));
            (**filter != text, levels.collect::<Vec<_>>())
        });
        for budget in [1, 2, 3, 5, 8, 13, 40, usize::MAX] {
            let (mut found, mut matches) = (Vec::new(), tree.matches(&name));
            let mut left = budget;
            loop {
                match matches.next_within(&mut left) {
                    SearchStep::Found(Match::Ordinary(group) | Match::Shared(group)) => {
                        found.push(&filters[*group.members().next().unwrap().0]);
                    }
                    SearchStep::OutOfBudget => {
                        matches = tree.matches_from(&name, &matches.position().unwrap());
                        left = budget;
                    }
                    SearchStep::Done => break,
                }
            }
            assert_eq!(found, wanted, "{budget}");
        }
    }
}

#[test]
fn as_many_as_a_level_may_have_are_found() {
    let more = |one: &String| ["a/", "+/"].map(|level| one.clone() + level);
    // Beginnings that match: 1, 2, 4, then 6, each with `#` behind it; those of the last level with all that may end there.
    let (mut wide, mut beginnings) = (vec!["#".to_owned()], vec![String::new()]);
    for _ in 0..3 {
        beginnings = beginnings.iter().flat_map(more).take(6).collect();
        wide.extend(beginnings.iter().map(|one| one.clone() + "#"));
    }
    let mut deep = wide.clone();
    let ends = |one: &String| ["x", "x/#", "+", "+/#"].map(|end| one.clone() + end);
    wide.extend(beginnings.iter().flat_map(ends));
    // 6 for some levels more, then 12, which a filter each goes on from.
    for _ in 0..3 {
        for one in &mut beginnings {
            one.push_str("a/");
        }
        deep.extend(beginnings.iter().map(|one| one.clone() + "#"));
    }
    deep.extend(beginnings.iter().flat_map(more).map(|one| one + "x"));
    for (filters, levels, count) in [(wide, 3, 37), (deep, 7, 43)] {
        assert_eq!(filters.len(), count);
        let name = "a/".repeat(levels) + "x";
        let name = TopicName::parse(&name).unwrap();
        for exact_table in [true, false] {
            let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
            for (key, text) in filters.iter().enumerate() {
                tree.insert(&subscription(text), key, ()).unwrap();
            }
            let (mut keys, _) = keys_by_steps(&tree, &name, usize::MAX);
            assert_eq!(keys_by_steps(&tree, &name, 1).0, keys);
            keys.sort_unstable();
            assert!(keys.into_iter().eq(0..count));
        }
    }
}

#[test]
fn a_search_goes_on_at_any_depth() {
    let mut tree = SubscriptionTree::new();
    let levels = 200;
    // With `+` at two of the levels each.
    let pairs = [(0, 63), (1, 64), (62, 65), (64, 127), (63, 128), (127, 192), (100, 199), (198, 199)];
    for (key, (one, other)) in pairs.into_iter().enumerate() {
        let levels = (0..levels).map(|level| if level == one || level == other { "+" } else { "a" });
        tree.insert(&subscription(&levels.collect::<Vec<_>>().join("/")), key, ()).unwrap();
    }
    let text = ["a"; 200].join("/");
    let name = TopicName::parse(&text).unwrap();
    let id = |found| match found {
        Match::Ordinary(group) | Match::Shared(group) => group.id(),
    };
    let wanted: Vec<_> = tree.matches(&name).map(id).collect();
    assert_eq!(wanted.len(), pairs.len());
    let (mut found, mut matches) = (Vec::new(), tree.matches(&name));
    loop {
        match matches.next_within(&mut 1) {
            SearchStep::Found(group) => found.push(id(group)),
            SearchStep::OutOfBudget => {
                let position = matches.position().unwrap();
                matches = tree.matches_from(&name, &position);
                assert_eq!(matches.position(), Some(position));
            }
            SearchStep::Done => break,
        }
    }
    assert_eq!(found, wanted);
}

#[test]
fn without_wildcards_the_trie_is_not_searched() {
    let mut tree = SubscriptionTree::new();
    let name = TopicName::parse("a/b").unwrap();
    tree.insert(&subscription("a/b"), 1, ()).unwrap();
    for text in ["+/b", "a/#", "#"] {
        tree.insert(&subscription(text), 2, ()).unwrap();
        let mut matches = tree.matches(&name);
        assert!(matches.by_ref().count() == 2 && matches.visited() > 1);
        tree.remove(&subscription(text), &2).unwrap();
        let mut matches = tree.matches(&name);
        assert_eq!((matches.by_ref().count(), matches.visited()), (1, 1));
    }
}

#[test]
fn heap_bytes_are_those_of_long_lists_too() {
    let mut said = 0;
    let counted = allocation_counter::measure(|| {
        let mut tree = SubscriptionTree::new();
        for key in 0..1_500_u32 {
            tree.insert(&subscription("a/+"), key, ()).unwrap();
        }
        said = tree.heap_bytes();
        core::mem::forget(tree);
    });
    assert_eq!(usize::try_from(counted.bytes_current), Ok(said));
}

#[test]
fn what_is_shown_for_debugging_says_what_it_is() {
    let mut tree = SubscriptionTree::new();
    tree.insert(&subscription("$share/g/a/+"), 7, "x").unwrap();
    let name = TopicName::parse("a/b").unwrap();
    let matches = tree.matches(&name);
    let found = matches.clone().next().unwrap();
    let (Match::Ordinary(group) | Match::Shared(group)) = found;
    for (shown, expected) in [
        (format!("{tree:?}"), "SubscriptionTree { len: 1, .. }"),
        (format!("{matches:?}"), "Matches { visited: 1, .. }"),
        (format!("{:?}", group.members()), r#"[(7, "x")]"#),
    ] {
        assert_eq!(shown, expected);
    }
    assert!(format!("{found:?}").starts_with("Shared(Group { subscription: "));
    let refused = Refused { limit: TreeLimit::Levels, value: () };
    assert!(format!("{refused:?}").contains("Levels"));
}

#[test]
fn what_several_had_takes_little_more_for_one() {
    let mut tree = SubscriptionTree::new();
    let mut held = Vec::new();
    for key in 0..6 {
        for number in 0..1_000 {
            tree.insert(&subscription(&number.to_string()), key * 1_000 + number, ()).unwrap();
        }
        held.push(tree.heap_bytes());
    }
    for key in 1..6 {
        for number in 0..1_000 {
            assert_eq!(tree.remove(&subscription(&number.to_string()), &(key * 1_000 + number)), Some(()));
        }
    }
    // The lists are gone; the records they were in are kept for others.
    let (several, one) = (held[5] - held[0], tree.heap_bytes() - held[0]);
    assert!(one * 2 < several, "{one} and {several} bytes");
}

#[test]
fn a_match_allocates_nothing() {
    let mut tree = SubscriptionTree::new();
    let levels = "a/".repeat(15) + "a";
    for (key, text) in (0..).zip([&*levels, "#", "+/#", "a/+/a/#", "$share/g/#"]) {
        tree.insert(&subscription(text), key, ()).unwrap();
    }
    let name = TopicName::parse(&levels).unwrap();
    let counted = allocation_counter::measure(|| {
        let members = |found| match found {
            Match::Ordinary(group) | Match::Shared(group) => group.members().len(),
        };
        assert_eq!(tree.matches(&name).map(members).sum::<usize>(), 5);
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn levels_of_any_length_at_any_depth_are_matched_as_a_filter_matches() {
    let long = [
        "b".repeat(7),
        "b".repeat(8),
        "b".repeat(16),
        "b".repeat(17),
        "b".repeat(16) + "/" + &"b".repeat(40),
    ];
    let mut random = Random(9);
    let mut text = |wildcards: bool| {
        let mut levels = Vec::new();
        for _ in 0..=random.below(20) {
            levels.push(match random.below(24) {
                0..14 => "a",
                14..18 if wildcards => "+",
                number => &long[number as usize % long.len()],
            });
        }
        let tail = if wildcards && random.below(4) == 0 { "/#" } else { "" };
        levels.join("/") + tail
    };
    let mut filters: Vec<String> = (0..3_000).map(|_| text(true)).collect();
    filters.sort();
    filters.dedup();
    for exact_table in [false, true] {
        let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
        for (key, filter) in filters.iter().enumerate() {
            assert_eq!(tree.insert(&subscription(filter), key, ()), Ok(None));
        }
        let mut found = 0;
        for name in (0..200)
            .map(|_| text(false))
            .chain(filters.iter().filter(|text| !text.contains(['+', '#'])).take(200).cloned())
        {
            let name = TopicName::parse(&name).unwrap();
            let keys = |found: Match<'_, usize, ()>| match found {
                Match::Ordinary(group) | Match::Shared(group) => {
                    group.members().map(|(key, ())| *key).collect::<Vec<_>>()
                }
            };
            let mut matched: Vec<usize> = tree.matches(&name).flat_map(keys).collect();
            matched.sort_unstable();
            let wanted: Vec<usize> = (0..filters.len())
                .filter(|key| subscription(&filters[*key]).filter().matches(&name))
                .collect();
            found += wanted.len();
            assert_eq!(matched, wanted, "{name:?}");
        }
        assert!(found > 1_000, "{found}");
    }
}

/// The keys that match, by steps of `budget`, and how many nodes were looked at.
fn keys_by_steps(
    tree: &SubscriptionTree<usize, ()>,
    name: &TopicName<&[u8]>,
    budget: usize,
) -> (Vec<usize>, usize) {
    let (mut keys, mut visited) = (Vec::new(), 0);
    let mut matches = tree.matches(name);
    loop {
        let mut left = budget;
        match matches.next_within(&mut left) {
            SearchStep::Found(Match::Ordinary(group) | Match::Shared(group)) => {
                keys.extend(group.members().map(|(key, ())| *key));
            }
            SearchStep::OutOfBudget => {
                if let Some(position) = matches.position() {
                    visited += matches.visited();
                    matches = tree.matches_from(name, &position);
                }
            }
            SearchStep::Done => return (keys, visited + matches.visited()),
        }
    }
}

#[test]
#[allow(clippy::cast_possible_truncation, reason = "the lengths are small")]
fn deep_filters_come_and_go_in_any_order() {
    let mut random = Random(5);
    let deepest: Vec<Vec<&str>> = (0..6)
        .map(|kind| {
            let levels = ["a", "", "bb", "a-level-of-more-than-16-bytes"];
            let level = |random: &mut Random| levels[random.below(levels.len() as u32) as usize];
            let first = if kind == 0 { "$a" } else { "a" };
            let mut deepest = vec![first];
            match kind {
                0..2 => deepest.resize(90, "a"),
                2 => deepest.resize(1_300, ""),
                _ => deepest.extend((0..90).map(|_| level(&mut random))),
            }
            deepest
        })
        .collect();
    let mut text = |wildcards: bool| {
        let all = &deepest[random.below(deepest.len() as u32) as usize];
        let len = match random.below(8) {
            0 => all.len(),
            1 => 1 + random.below(all.len() as u32) as usize,
            2 => 7 + random.below(12) as usize,
            _ => 1 + random.below(90) as usize,
        };
        let mut levels = all[..len].to_vec();
        for _ in 0..random.below(3) {
            let at = random.below(len as u32) as usize;
            levels[at] = if wildcards && random.below(2) == 0 { "+" } else { "a" };
        }
        match random.below(6) {
            0 | 1 if wildcards => levels.push("#"),
            2 if wildcards => levels.push("+"),
            3 => levels.push("x"),
            _ => {}
        }
        let text = levels.join("/");
        if text.is_empty() { "a".to_owned() } else { text }
    };
    for exact_table in [false, true] {
        let mut filters: Vec<String> = (0..200).map(|_| text(true)).collect();
        filters.extend(deepest.iter().map(|levels| levels.join("/") + "/#"));
        filters.sort();
        filters.dedup();
        let mut tree = SubscriptionTree::with_config(TreeConfig { exact_table, ..TreeConfig::default() });
        let mut is_there = vec![false; filters.len()];
        let (mut found, mut settled) = (0, 0);
        for round in 0..1_000_usize {
            // Nearly all of them, then hardly any.
            let many = round / 250 % 2 == 0;
            for key in (0..filters.len()).filter(|key| (key * 7 + round) % 40 == 0) {
                if many {
                    tree.insert(&subscription(&filters[key]), key, ()).unwrap();
                } else {
                    tree.remove(&subscription(&filters[key]), &key);
                }
                is_there[key] = many;
            }
            if round % 10 > 0 {
                continue;
            }
            let name = text(false);
            let name = TopicName::parse(&name).unwrap();
            let wanted: Vec<usize> = (0..filters.len())
                .filter(|key| is_there[*key] && subscription(&filters[*key]).filter().matches(&name))
                .collect();
            let (keys, _) = keys_by_steps(&tree, &name, usize::MAX);
            let (by_steps, _) = keys_by_steps(&tree, &name, 1);
            assert_eq!(by_steps, keys);
            let mut matched = keys;
            matched.sort_unstable();
            assert_eq!(matched, wanted, "{name:?}");
            found += wanted.len();
            if round % 500 == 490 {
                assert!(tree.is_empty());
                settled = if settled == 0 { tree.heap_bytes() } else { settled };
                assert!(tree.heap_bytes() <= settled + settled / 8, "{round}");
            }
        }
        assert!(found > 200, "{found}");
    }
}

#[test]
fn levels_that_lead_to_one_place_are_one_visit() {
    let deep = "level/".repeat(128);
    let name = deep.clone() + "end";
    let name = TopicName::parse(&name).unwrap();
    let mut tree = SubscriptionTree::new();
    tree.insert(&subscription(&(deep.clone() + "+")), 0, ()).unwrap();
    // The exact table, 8 levels, those that follow at once, and what they lead to.
    assert_eq!(keys_by_steps(&tree, &name, usize::MAX), (vec![0], 11));
    for at in [8, 9, 15, 16, 17, 40, 100, 126, 127] {
        for last in ["+", "#", "+/x"] {
            let branch = "level/".repeat(at) + last;
            tree.insert(&subscription(&branch), 1, ()).unwrap();
            let (keys, visited) = keys_by_steps(&tree, &name, usize::MAX);
            assert_eq!((keys.len(), keys.contains(&0)), (1 + usize::from(last == "#"), true));
            assert!(visited <= 30, "{branch}: {visited}");
            tree.remove(&subscription(&branch), &1);
            let (keys, visited) = keys_by_steps(&tree, &name, usize::MAX);
            assert_eq!(keys, [0]);
            assert!(visited <= 30, "{branch}: {visited}");
        }
    }
    // A name that ends before the run does, with it, or goes on in another way.
    let end = deep.trim_end_matches('/');
    for (name, wanted) in [
        (end, false),
        ("level/level", false),
        (&end[6..], false),
        (&(deep.clone() + "x"), true),
        (&(deep.clone() + "x/y"), false),
        (&(end.to_owned() + "s/x"), false),
        (&(deep.replacen("level/level/", "level/other/", 1) + "x"), false),
    ] {
        let (keys, _) = keys_by_steps(&tree, &TopicName::parse(name).unwrap(), 1);
        assert_eq!(!keys.is_empty(), wanted, "{name}");
    }
    tree.insert(&subscription(&(deep.clone() + "#")), 2, ()).unwrap();
    assert_eq!(keys_by_steps(&tree, &TopicName::parse(end).unwrap(), 1).0, [2]);
    assert_eq!(keys_by_steps(&tree, &name, usize::MAX).0.len(), 2);
    let before = tree.clone();
    tree.remove(&subscription(&(deep.clone() + "#")), &2);
    tree.remove(&subscription(&(deep + "+")), &0);
    assert!(tree.is_empty());
    assert_eq!(keys_by_steps(&before, &name, 1).0.len(), 2);
}

#[test]
fn what_came_and_went_costs_a_deep_filter_no_visits() {
    let deep = "level/".repeat(128);
    let name = deep.clone() + "end";
    let name = TopicName::parse(&name).unwrap();
    for last in ["+", "#"] {
        let mut tree = SubscriptionTree::new();
        tree.insert(&subscription(&(deep.clone() + "+")), 0, ()).unwrap();
        let fresh = keys_by_steps(&tree, &name, usize::MAX);
        let branches: Vec<String> = (3..128).step_by(5).map(|at| "level/".repeat(at) + last).collect();
        let insert = |tree: &mut SubscriptionTree<usize, ()>, branch: &String| {
            assert_eq!(tree.insert(&subscription(branch), 1, ()), Ok(None));
        };
        let remove = |tree: &mut SubscriptionTree<usize, ()>, branch: &String| {
            assert_eq!(tree.remove(&subscription(branch), &1), Some(()));
        };
        for branch in &branches {
            insert(&mut tree, branch);
            remove(&mut tree, branch);
        }
        assert_eq!(keys_by_steps(&tree, &name, usize::MAX), fresh, "one after the other, {last}");
        for order in [branches.iter().collect::<Vec<_>>(), branches.iter().rev().collect()] {
            for branch in &branches {
                insert(&mut tree, branch);
            }
            for branch in order {
                remove(&mut tree, branch);
            }
            assert_eq!(keys_by_steps(&tree, &name, usize::MAX), fresh, "all at a time, {last}");
        }
    }
}

#[test]
fn a_visit_gets_past_128_levels_at_most_however_short_they_are() {
    for (levels, visits) in [(8 + 128, 11), (8 + 128 + 8, 12), (8 + 128 + 7, 11 + 7), (8 + 3 * 128, 13)] {
        let name = "/".repeat(levels) + "end";
        let mut tree = SubscriptionTree::new();
        tree.insert(&subscription(&("/".repeat(levels) + "+")), 0, ()).unwrap();
        // The exact table, 8 levels, the runs and what they do not cover, and the last level with what a run leads to.
        let found = keys_by_steps(&tree, &TopicName::parse(&name).unwrap(), usize::MAX);
        assert_eq!(found, (vec![0], visits), "{levels}");
    }
}
