//! The examples of sections 4.7 and 4.8.2.

use mqtt_topic::InvalidTopicKind::{
    Empty, MultiLevelNotAlone, MultiLevelNotLast, Nul, ShareNameCharacter, ShareNameEmpty,
    ShareWithoutFilter, SingleLevelNotAlone, TooLong, WildcardInName,
};
use mqtt_topic::{
    FilterPattern, Identity, InvalidTopicKind, Level, MAXIMUM_LENGTH, Match, RetainedStore, ShareName,
    Subscription, SubscriptionTree, TopicFilter, TopicName,
};

/// Filter, names it matches, names it does not match.
const MATCHING: &[(&str, &[&str], &[&str])] = &[
    // 4.7.1.2
    (
        "sport/tennis/player1/#",
        &["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"],
        &["sport/tennis/player2", "sport/tennis", "sport/tennis/player10"],
    ),
    ("sport/#", &["sport"], &["sports", "Sport"]),
    ("sport/tennis/#", &["sport/tennis/player1"], &["sport/golf"]),
    // 4.7.1.3
    ("sport/tennis/+", &["sport/tennis/player1", "sport/tennis/player2"], &["sport/tennis/player1/ranking"]),
    ("sport/+", &["sport/"], &["sport"]),
    ("sport/+/player1", &["sport/tennis/player1"], &["sport/tennis/player2"]),
    ("+/tennis/#", &["sport/tennis", "sport/tennis/player1"], &["sport/golf"]),
    ("+/+", &["/finance"], &["finance"]),
    ("/+", &["/finance"], &["finance"]),
    ("+", &["finance"], &["/finance"]),
    // 4.7.2
    ("#", &["a"], &["$SYS/broker"]),
    ("+/monitor/Clients", &["a/monitor/Clients"], &["$SYS/monitor/Clients"]),
    ("$SYS/#", &["$SYS/monitor"], &["SYS/monitor"]),
    ("$SYS/monitor/+", &["$SYS/monitor/Clients"], &["$SYS/monitor"]),
    // 4.7.3
    ("ACCOUNTS", &["ACCOUNTS"], &["Accounts"]),
    ("Accounts payable", &["Accounts payable"], &["Accountspayable"]),
    ("/finance", &["/finance"], &["finance", "finance/"]),
    ("finance/", &["finance/"], &["finance", "/finance", "finance//"]),
    ("/", &["/"], &["//", "a/"]),
    // Neither case nor form is changed: the letter with a ring, and the letter and a ring.
    ("\u{c5}", &["\u{c5}"], &["A\u{30a}", "\u{e5}"]),
    ("\u{feff}a", &["\u{feff}a"], &["a"]),
    // 4.7.1.1: separators that follow each other have an empty level between them.
    ("sport//player1", &["sport//player1"], &["sport/player1", "sport/tennis/player1"]),
    ("sport/+/player1", &["sport//player1"], &["sport/player1"]),
    // A small example of every form.
    ("#", &["a", "a/b", "/", "/a"], &["$SYS", "$SYS/a"]),
    ("+", &["a"], &["/", "a/b", "/a", "$a"]),
    ("+/+", &["/a", "a/", "/", "a/b"], &["a", "$a/b"]),
    ("/+", &["/a", "/"], &["a"]),
    ("a/+", &["a/b", "a/"], &["a", "a/b/c"]),
    ("a/#", &["a", "a/", "a/b", "a/b/c"], &["b", "ab"]),
    ("a/+/#", &["a/b", "a/", "a/b/c"], &["a"]),
    ("+/#", &["a", "a/b", "/"], &["$SYS/a"]),
    ("$SYS/#", &["$SYS", "$SYS/a"], &["SYS/a"]),
    ("$SYS/+", &["$SYS/a"], &["$SYS"]),
    ("a//b", &["a//b"], &["a/b"]),
    ("a/+", &["a/$x"], &[]),
    ("a/#", &["a/$x"], &[]),
];

#[test]
fn filters_match_alone_in_the_tree_in_the_retained_store_and_each_other() {
    for (text, matching, other) in MATCHING {
        let filter = TopicFilter::parse(text).unwrap();
        let mut tree = SubscriptionTree::new();
        tree.insert(&Subscription::Ordinary(filter), 1, ()).unwrap();
        let verdicts = matching.iter().map(|name| (name, true)).chain(other.iter().map(|name| (name, false)));
        for (name, expected) in verdicts {
            let name = TopicName::parse(name).unwrap();
            assert_eq!(filter.matches(&name), expected, "{filter} and {name}");
            assert_eq!(tree.matches(&name).count() == 1, expected, "{filter} and {name} in the tree");
            let mut store = RetainedStore::new();
            store.insert(&name, ()).unwrap();
            assert_eq!(store.matches(&filter).count() == 1, expected, "{filter} and {name} in the store");
            // Every name is a filter that matches just itself.
            let alone = TopicFilter::parse(name.as_str()).unwrap();
            assert_eq!(filter.covers(&alone), expected, "{filter} and the filter {name}");
            assert_eq!(filter.overlaps(&alone), expected, "{filter} and the filter {name}");
            let pattern = FilterPattern::parse(text).unwrap();
            assert_eq!(
                pattern.matches(&name, Identity::new("", None)),
                expected,
                "the pattern {filter} and {name}"
            );
        }
    }
}

#[test]
fn filters_are_accepted_as_the_specification_says() {
    let table: &[(&str, Option<(InvalidTopicKind, usize)>)] = &[
        ("sport/tennis/#", None),
        ("sport/tennis#", Some((MultiLevelNotAlone, 12))),
        ("sport/tennis/#/ranking", Some((MultiLevelNotLast, 13))),
        ("#", None),
        ("+", None),
        ("+/tennis/#", None),
        ("sport+", Some((SingleLevelNotAlone, 5))),
        ("sport/+/player1", None),
        ("/", None),
        ("", Some((Empty, 0))),
        ("a\0", Some((Nul, 1))),
        (" ", None),
    ];
    for (text, expected) in table {
        let error = TopicFilter::parse(text).err().map(|error| (error.kind(), error.at()));
        assert_eq!(error, *expected, "{text:?}");
    }
}

#[test]
fn names_are_accepted_as_the_specification_says() {
    let table: &[(&str, Option<(InvalidTopicKind, usize)>)] = &[
        ("sport/tennis/player1", None),
        ("/", None),
        ("$SYS/broker", None),
        ("Accounts payable", None),
        ("\u{feff}", None),
        ("", Some((Empty, 0))),
        ("a/+", Some((WildcardInName, 2))),
        ("a#", Some((WildcardInName, 1))),
        ("\0", Some((Nul, 0))),
    ];
    for (text, expected) in table {
        let error = TopicName::parse(text).err().map(|error| (error.kind(), error.at()));
        assert_eq!(error, *expected, "{text:?}");
    }
}

#[test]
fn a_text_has_at_most_65_535_bytes() {
    let longest = "é".repeat(MAXIMUM_LENGTH / 2) + "a";
    assert_eq!(longest.len(), MAXIMUM_LENGTH);
    let shared = format!("$share/g/{}", &longest[..MAXIMUM_LENGTH - 9]);
    assert_eq!(shared.len(), MAXIMUM_LENGTH);
    assert!(TopicName::parse(&longest).is_ok() && TopicFilter::parse(&longest).is_ok());
    assert!(ShareName::parse(&longest).is_ok() && Subscription::parse(&shared).is_ok());

    let (longer, shared) = (longest + "a", shared + "a");
    for error in [
        TopicName::parse(&longer).unwrap_err(),
        TopicFilter::parse(&longer).unwrap_err(),
        ShareName::parse(&longer).unwrap_err(),
        Subscription::parse(&shared).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.at(), error.clause()), (TooLong, MAXIMUM_LENGTH, "MQTT-4.7.3-3"));
    }
}

#[test]
fn shared_subscriptions_are_told_from_ordinary_ones() {
    let table: &[(&str, Option<&str>, &str)] = &[
        ("$share/g/a/+", Some("g"), "a/+"),
        ("$share/g//a", Some("g"), "/a"),
        ("$share/g/#", Some("g"), "#"),
        ("$share/g/$SYS/#", Some("g"), "$SYS/#"),
        ("$share/consumer1//finance", Some("consumer1"), "/finance"),
        ("$share", None, "$share"),
        ("$shared/a", None, "$shared/a"),
        ("$SHARE/g/a", None, "$SHARE/g/a"),
    ];
    for (text, share_name, filter) in table {
        let subscription = Subscription::parse(text).unwrap();
        assert_eq!(subscription.share_name().map(ShareName::as_str), *share_name, "{text}");
        assert_eq!(subscription.filter().as_str(), *filter, "{text}");
        assert_eq!(subscription.to_string(), *text);
        // 3.x knows none.
        assert_eq!(Subscription::ordinary(text).unwrap().filter().as_str(), *text);
    }
}

#[test]
fn faulty_shared_subscriptions_are_refused() {
    let table: &[(&str, InvalidTopicKind, usize, &str)] = &[
        ("$share/g/", ShareWithoutFilter, 9, "MQTT-4.8.2-2"),
        ("$share/g", ShareWithoutFilter, 8, "MQTT-4.8.2-2"),
        ("$share//a", ShareNameEmpty, 7, "MQTT-4.8.2-1"),
        ("$share/g+/a", ShareNameCharacter, 8, "MQTT-4.8.2-2"),
        ("$share/#/a", ShareNameCharacter, 7, "MQTT-4.8.2-2"),
        ("$share/g/a#", MultiLevelNotAlone, 10, "MQTT-4.7.1-1"),
        ("$share/g/b+", SingleLevelNotAlone, 10, "MQTT-4.7.1-2"),
    ];
    for (text, kind, at, clause) in table {
        let error = Subscription::parse(text).unwrap_err();
        assert_eq!((error.kind(), error.at(), error.clause()), (*kind, *at, *clause), "{text}");
    }
}

#[test]
fn a_share_name_says_nothing_about_what_is_matched() {
    let mut tree = SubscriptionTree::new();
    tree.insert(&Subscription::parse("$share/g/#").unwrap(), 1, ()).unwrap();
    tree.insert(&Subscription::parse("$share/g/$SYS/#").unwrap(), 2, ()).unwrap();
    let first_members = |name: &str| -> Vec<i32> {
        let name = TopicName::parse(name).unwrap();
        let groups = tree.matches(&name).map(|found| match found {
            Match::Shared(group) => group,
            Match::Ordinary(group) => panic!("{group:?} is not shared"),
        });
        groups.filter_map(|group| group.members().next()).map(|(key, ())| *key).collect()
    };
    assert_eq!(first_members("a"), [1]);
    assert_eq!(first_members("$SYS/a"), [2]);
}

#[test]
fn groups_are_told_apart_by_share_name_and_filter() {
    let [g_a, h_a, g_plus, h_plus, a] = ["$share/g/a", "$share/h/a", "$share/g/+", "$share/h/+", "a"]
        .map(|text| Subscription::parse(text).unwrap());
    let mut tree = SubscriptionTree::new();
    for key in 1..=3 {
        tree.insert(&g_a, key, ()).unwrap();
    }
    for subscription in [&h_a, &g_plus, &a] {
        tree.insert(subscription, 1, ()).unwrap();
    }
    assert_eq!((tree.len(), tree.matches(&TopicName::parse("a").unwrap()).count()), (6, 4));

    let keys = |tree: &SubscriptionTree<i32, ()>| -> Vec<i32> {
        tree.group(&g_a).unwrap().members().map(|(key, ())| *key).collect()
    };
    assert_eq!(keys(&tree), [1, 2, 3]);
    assert_eq!(tree.insert(&g_a, 1, ()), Ok(Some(())));
    assert_eq!(keys(&tree), [1, 2, 3], "subscribing again keeps the place");
    tree.remove(&g_a, &1);
    assert_eq!(keys(&tree), [3, 2], "the last member takes the place of the one who left");
    assert!(tree.get(&a, &1).is_some() && tree.get(&h_a, &1).is_some());
    assert!(tree.group(&h_plus).is_none());
}

#[test]
fn names_say_whether_they_begin_with_a_dollar() {
    for (text, expected) in [("$SYS/a", true), ("$", true), ("a/$b", false), ("/$SYS", false)] {
        assert_eq!(TopicName::parse(text).unwrap().starts_with_dollar(), expected, "{text}");
    }
    assert_eq!(format!("{:?}", mqtt_topic::Text::new(b"a/b").unwrap()), r#"Text("a/b")"#);
}

#[test]
fn levels_may_be_empty() {
    let levels: Vec<_> = TopicName::parse("/a//").unwrap().levels().map(<[u8]>::to_vec).collect();
    assert_eq!(levels, [&b""[..], b"a", b"", b""]);
    let filter = TopicFilter::parse("/+/a/#").unwrap();
    let levels: Vec<_> = filter.levels().collect();
    assert_eq!(levels, [Level::Name(b""), Level::SingleLevel, Level::Name(b"a"), Level::MultiLevel]);
    assert!(filter.has_wildcard() && !TopicFilter::parse("a/b").unwrap().has_wildcard());
}
