//! The parsers against the simplest code that can be right.

use mqtt_topic::{InvalidTopicKind, ShareName, Subscription, TopicFilter, TopicName};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

#[allow(unreachable_pub, reason = "shared with the fuzz targets, where it is public")]
#[path = "../../fuzz/src/naive.rs"]
mod matching;

/// Section 4.7, word for word.
mod naive {
    pub(crate) use super::matching::matches;

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
