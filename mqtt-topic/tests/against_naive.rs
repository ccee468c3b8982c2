//! The parsers and the subscription tree against the simplest code that can be right.

extern crate alloc;

use alloc::collections::{BTreeMap, BTreeSet};

use mqtt_topic::{
    GroupId, InvalidTopicKind, Match, ShareName, Subscription, SubscriptionTree, TopicFilter, TopicName,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Section 4.7, word for word.
mod naive {
    pub(crate) fn is_name(text: &str) -> bool {
        (1..=65_535).contains(&text.len()) && !text.contains(['\0', '+', '#'])
    }

    pub(crate) fn is_filter(text: &str) -> bool {
        let levels: Vec<&str> = text.split('/').collect();
        let is_level = |(index, level): (usize, &&str)| {
            *level == "+" || (*level == "#" && index == levels.len() - 1) || !level.contains(['+', '#'])
        };
        (1..=65_535).contains(&text.len()) && !text.contains('\0') && levels.iter().enumerate().all(is_level)
    }

    pub(crate) fn is_share_name(text: &str) -> bool {
        (1..=65_535).contains(&text.len()) && !text.contains(['\0', '/', '+', '#'])
    }

    /// The Share Name, if there is one, and the filter.
    pub(crate) fn subscription(text: &str) -> Option<(Option<&str>, &str)> {
        let parts: Vec<&str> = text.splitn(3, '/').collect();
        match parts[..] {
            ["$share", share_name, filter] => {
                (text.len() <= 65_535 && is_share_name(share_name) && is_filter(filter))
                    .then_some((Some(share_name), filter))
            }
            ["$share", _] => None,
            _ => is_filter(text).then_some((None, text)),
        }
    }

    pub(crate) fn matches(filter: &str, name: &str) -> bool {
        let filter: Vec<&str> = filter.split('/').collect();
        let name: Vec<&str> = name.split('/').collect();
        !(name[0].starts_with('$') && ["+", "#"].contains(&filter[0])) && levels_match(&filter, &name)
    }

    fn levels_match(filter: &[&str], name: &[&str]) -> bool {
        match (filter, name) {
            (["#"], _) | ([], []) => true,
            (["+", filter @ ..], [_, name @ ..]) => levels_match(filter, name),
            ([wanted, filter @ ..], [present, name @ ..]) => wanted == present && levels_match(filter, name),
            _ => false,
        }
    }
}

fn filter(text: &str) -> TopicFilter<&[u8]> {
    TopicFilter::parse(text).unwrap()
}

fn name(text: &str) -> TopicName<&[u8]> {
    TopicName::parse(text).unwrap()
}

/// Few levels, so that texts collide; `a!` sorts between `a` and `a/`, `a0` after.
const LEVELS: &[&str] = &["", "a", "a", "a!", "a0", "b", "$a", "é"];

fn names() -> impl Strategy<Value = String> {
    vec(select(LEVELS), 1..5)
        .prop_map(|levels| levels.join("/"))
        .prop_filter("empty", |text| !text.is_empty())
}

fn filters() -> impl Strategy<Value = String> {
    let level = prop_oneof![2 => select(LEVELS), 1 => Just("+")];
    (vec(level, 0..5), any::<bool>())
        .prop_map(|(mut levels, multi_level)| {
            levels.extend(multi_level.then_some("#"));
            levels.join("/")
        })
        .prop_filter("empty", |text| !text.is_empty())
}

/// Texts that are nearly valid.
fn texts() -> impl Strategy<Value = String> {
    let piece =
        select(vec!["a", "/", "/", "+", "#", "$", "$share/", "$share", "g", "\0", "é", "\u{feff}", " "]);
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_text_is_accepted_if_and_only_if_the_rules_say_so(text in texts()) {
        prop_assert_eq!(TopicName::parse(&text).is_ok(), naive::is_name(&text));
        prop_assert_eq!(TopicFilter::parse(&text).is_ok(), naive::is_filter(&text));
        prop_assert_eq!(ShareName::parse(&text).is_ok(), naive::is_share_name(&text));
        let parsed = Subscription::parse(&text);
        let parts = parsed.as_ref().ok().map(|it| (it.share_name().map(ShareName::as_str), it.filter().as_str()));
        prop_assert_eq!(parts, naive::subscription(&text));

    }

    #[test]
    fn bytes_and_text_are_judged_alike(text in texts()) {
        let bytes = text.as_bytes();
        prop_assert_eq!(TopicName::new(bytes).map(|it| it.to_string()), TopicName::parse(&text).map(|it| it.to_string()));
        prop_assert_eq!(
            TopicFilter::new(bytes).map(|it| it.to_string()),
            TopicFilter::parse(&text).map(|it| it.to_string())
        );
        prop_assert_eq!(ShareName::new(bytes).map(|it| it.to_string()), ShareName::parse(&text).map(|it| it.to_string()));
    }

    #[test]
    fn bytes_are_refused_where_they_stop_being_utf_8(bytes in vec(any::<u8>(), 1..12)) {
        match core::str::from_utf8(&bytes) {
            Ok(text) => prop_assert_eq!(TopicName::new(&bytes).is_ok(), naive::is_name(text)),
            Err(expected) => {
                for error in [TopicName::new(&bytes).unwrap_err(), TopicFilter::new(&bytes).unwrap_err()] {
                    prop_assert_eq!((error.kind(), error.at()), (InvalidTopicKind::NotUtf8, expected.valid_up_to()));
                }
            }
        }
    }

    #[test]
    fn what_is_accepted_prints_as_it_was_written_in_any_storage(text in texts()) {
        if let Ok(subscription) = Subscription::parse(&text) {
            prop_assert_eq!(subscription.to_string(), &*text);
            prop_assert_eq!(subscription.borrowed().to_string(), &*text);
            prop_assert_eq!(subscription.boxed().to_string(), &*text);
            let copied = subscription.map_storage(<[u8]>::to_vec).unwrap();
            prop_assert_eq!(copied.boxed(), subscription.boxed());
            prop_assert!(subscription.map_storage(|_| "another").is_none());
        }
        if let Ok(name) = TopicName::parse(&text) {
            prop_assert_eq!(name.to_string(), &*text);
            prop_assert_eq!(name, name.boxed());
            prop_assert_eq!(name.with_storage(text.clone()).map(TopicName::into_inner), Some(text.clone()));
            prop_assert!(name.with_storage(text.clone() + "/").is_none());
        }
    }

    #[test]
    fn an_error_points_at_what_is_wrong(text in texts()) {
        let found = |error: mqtt_topic::InvalidTopic| text.get(error.at()..).and_then(|rest| rest.chars().next());
        if let Err(error) = TopicName::parse(&text) {
            let expected: &[Option<char>] = match error.kind() {
                InvalidTopicKind::Empty => &[None],
                InvalidTopicKind::Nul => &[Some('\0')],
                InvalidTopicKind::WildcardInName => &[Some('+'), Some('#')],
                other => panic!("{other}"),
            };
            prop_assert!(expected.contains(&found(error)));
        }
        if let Err(error) = Subscription::parse(&text) {
            let expected: &[Option<char>] = match error.kind() {
                InvalidTopicKind::Empty | InvalidTopicKind::ShareWithoutFilter => &[None],
                InvalidTopicKind::Nul => &[Some('\0')],
                InvalidTopicKind::MultiLevelNotLast | InvalidTopicKind::MultiLevelNotAlone => &[Some('#')],
                InvalidTopicKind::SingleLevelNotAlone => &[Some('+')],
                InvalidTopicKind::ShareNameEmpty => &[Some('/')],
                InvalidTopicKind::ShareNameCharacter => &[Some('+'), Some('#')],
                other => panic!("{other}"),
            };
            prop_assert!(expected.contains(&found(error)), "{error} in {text:?}");
        }
    }

    #[test]
    fn a_filter_matches_if_and_only_if_the_rules_say_so(filter in filters(), name in names()) {
        let matches = TopicFilter::parse(&filter).unwrap().matches(&TopicName::parse(&name).unwrap());
        prop_assert_eq!(matches, naive::matches(&filter, &name));
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Insert(Option<&'static str>, String, u8, u16),
    Remove(Option<&'static str>, String, u8),
    Change(Option<&'static str>, String, u8, u16),
    RemoveSubscriber(u8),
    Match(String),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let share = || prop_oneof![2 => Just(None), 1 => Just(Some("g")), 1 => Just(Some("h"))];
    let operation = prop_oneof![
        6 => (share(), filters(), 0..6_u8, any::<u16>()).prop_map(|(s, f, k, v)| Operation::Insert(s, f, k, v)),
        3 => (share(), filters(), 0..6_u8).prop_map(|(s, f, k)| Operation::Remove(s, f, k)),
        1 => (share(), filters(), 0..6_u8, any::<u16>()).prop_map(|(s, f, k, v)| Operation::Change(s, f, k, v)),
        1 => (0..6_u8).prop_map(Operation::RemoveSubscriber),
        5 => names().prop_map(Operation::Match),
    ];
    vec(operation, 1..120)
}

/// Share Name, filter and subscriber; and the value.
type Naive = BTreeMap<(Option<&'static str>, String, u8), u16>;
type Tree = SubscriptionTree<u8, u16>;

/// Does the same to both, and says what both gave back.
fn apply(operation: &Operation, tree: &mut Tree, naive: &mut Naive) -> (Option<u16>, Option<u16>) {
    match operation {
        Operation::Insert(share, text, key, value) => (
            match share {
                None => tree.insert(&filter(text), *key, *value),
                Some(share) => {
                    tree.insert_shared(&ShareName::parse(share).unwrap(), &filter(text), *key, *value)
                }
            },
            naive.insert((*share, text.clone(), *key), *value),
        ),
        Operation::Remove(share, text, key) => (
            match share {
                None => tree.remove(&filter(text), key),
                Some(share) => tree.remove_shared(&ShareName::parse(share).unwrap(), &filter(text), key),
            },
            naive.remove(&(*share, text.clone(), *key)),
        ),
        Operation::Change(share, text, key, value) => {
            let place = match share {
                None => tree.get_mut(&filter(text), key),
                Some(share) => tree.get_shared_mut(&ShareName::parse(share).unwrap(), &filter(text), key),
            };
            let change = |place: &mut u16| core::mem::replace(place, *value);
            (place.map(change), naive.get_mut(&(*share, text.clone(), *key)).map(change))
        }
        Operation::RemoveSubscriber(key) => {
            let before = naive.len();
            naive.retain(|(_, _, subscriber), _| subscriber != key);
            let count = |removed: usize| u16::try_from(removed).ok();
            (count(tree.remove_subscriber(key)), count(before - naive.len()))
        }
        Operation::Match(_) => (None, None),
    }
}

/// Everything both know of one subscription after another.
fn agree(tree: &Tree, naive: &Naive) {
    assert_eq!((tree.len(), tree.is_empty()), (naive.len(), naive.is_empty()));
    let mut found = Naive::new();
    for key in 0..6 {
        for (subscription, value) in tree.subscriptions(&key) {
            let share = subscription.share_name().map(|share| if share.as_str() == "g" { "g" } else { "h" });
            let added = found.insert((share, subscription.filter().to_string(), key), *value);
            assert_eq!(added, None, "{subscription} twice");
        }
    }
    assert_eq!(found, *naive);
    for ((share, text, key), value) in naive {
        let stored = match share {
            None => tree.get(&filter(text), key),
            Some(share) => {
                let share = ShareName::parse(share).unwrap();
                let group = tree.group(&share, &filter(text)).unwrap();
                assert_eq!(
                    (group.share_name().as_str(), group.filter().as_str()),
                    (share.as_str(), text.as_str())
                );
                assert!(group.members().contains(&(*key, *value)));
                tree.get_shared(&share, &filter(text), key)
            }
        };
        assert_eq!(stored, Some(value));
    }
}

fn agree_on(tree: &Tree, naive: &Naive, topic: &str) {
    let expected: Vec<_> = naive.iter().filter(|((_, filter, _), _)| naive::matches(filter, topic)).collect();

    let mut ordinary: Vec<(u8, u16)> = Vec::new();
    let mut groups: BTreeMap<(String, String), BTreeMap<u8, u16>> = BTreeMap::new();
    let mut ids = BTreeSet::<GroupId>::new();
    for found in tree.matches(&name(topic)) {
        match found {
            Match::Ordinary { key, value } => ordinary.push((*key, *value)),
            Match::Shared(group) => {
                assert!(ids.insert(group.id()), "each group has an id of its own");
                let members: BTreeMap<_, _> = group.members().iter().copied().collect();
                assert_eq!(members.len(), group.members().len(), "a member is there once");
                let group = (group.share_name().to_string(), group.filter().to_string());
                assert_eq!(groups.insert(group, members), None, "a group is found once");
            }
        }
    }

    ordinary.sort_unstable();
    let mut expected_ordinary: Vec<(u8, u16)> = expected
        .iter()
        .filter(|((share, ..), _)| share.is_none())
        .map(|((_, _, key), value)| (*key, **value))
        .collect();
    expected_ordinary.sort_unstable();
    assert_eq!(ordinary, expected_ordinary, "ordinary subscriptions for {topic}");

    let mut expected_groups: BTreeMap<(String, String), BTreeMap<u8, u16>> = BTreeMap::new();
    for ((share, filter, key), value) in expected {
        if let Some(share) = share {
            expected_groups.entry(((*share).to_owned(), filter.clone())).or_default().insert(*key, *value);
        }
    }
    assert_eq!(groups, expected_groups, "groups for {topic}");
}

/// All that matches, in the order of the tree.
fn in_order(tree: &Tree, topic: &str) -> String {
    format!("{:?}", tree.matches(&name(topic)).collect::<Vec<_>>())
}

proptest! {
    // Random text is seldom a filter: long runs need room for that.
    #![proptest_config(ProptestConfig { max_local_rejects: u32::MAX, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_does_as_a_list_does(operations in operations()) {
        let (mut tree, mut again, mut naive) = (Tree::new(), Tree::new(), Naive::new());
        for operation in &operations {
            let (got, expected) = apply(operation, &mut tree, &mut naive);
            prop_assert_eq!(got, expected);
            apply(operation, &mut again, &mut naive.clone());
            agree(&tree, &naive);
            if let Operation::Match(topic) = operation {
                agree_on(&tree, &naive, topic);
                prop_assert_eq!(in_order(&tree, topic), in_order(&again, topic), "the same calls give the same order");
            }
        }
    }
}
