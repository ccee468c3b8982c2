//! Filters against filters, and lists of them: against all names over a few levels, and against textual replacement.

use mqtt_topic::{FilterPattern, FilterSet, Identity, InvalidPattern, TopicFilter, TopicName};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The levels of filters, and for names one more of each kind, that no filter has.
const LEVELS: &[&str] = &["", "a", "b", "$a"];
const NAME_LEVELS: &[&str] = &["", "a", "b", "$a", "c", "$c"];
const DEPTH: usize = 3;

/// All names of one level more than filters have.
fn all_names() -> Vec<String> {
    let mut names = Vec::new();
    let mut last = vec![String::new()];
    for depth in 0..=DEPTH + 1 {
        last = last
            .iter()
            .flat_map(|name| {
                NAME_LEVELS.iter().map(move |level| {
                    if depth == 0 { (*level).to_owned() } else { format!("{name}/{level}") }
                })
            })
            .collect();
        names.extend(last.iter().filter(|name| !name.is_empty()).cloned());
    }
    names
}

fn filters() -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => select(LEVELS), 2 => Just("+")];
    (vec(level, 0..=DEPTH), any::<bool>())
        .prop_map(|(mut levels, multi_level)| {
            levels.extend(multi_level.then_some("#"));
            levels.join("/")
        })
        .prop_filter("empty", |text| !text.is_empty())
}

fn filter(text: &str) -> TopicFilter<&[u8]> {
    TopicFilter::parse(text).unwrap()
}

fn name(text: &str) -> TopicName<&[u8]> {
    TopicName::parse(text).unwrap()
}

fn pattern(text: &str) -> FilterPattern {
    FilterPattern::parse(text).unwrap()
}

/// All filters of up to [`DEPTH`] levels, with or without `#` behind.
fn all_filters() -> Vec<String> {
    let mut filters = vec!["#".to_owned()];
    let mut last = vec![None::<String>];
    for _ in 0..DEPTH {
        last = last
            .iter()
            .flat_map(|text| {
                let levels = LEVELS.iter().chain(&["+"]);
                levels.map(move |level| {
                    Some(text.as_ref().map_or_else(|| (*level).to_owned(), |text| format!("{text}/{level}")))
                })
            })
            .collect();
        for text in last.iter().flatten() {
            filters.extend((!text.is_empty()).then(|| text.clone()));
            filters.push(format!("{text}/#"));
        }
    }
    filters
}

#[test]
fn filters_cover_and_overlap_as_the_names_they_match_say() {
    let (names, filters) = (all_names(), all_filters());
    let names: Vec<_> = names.iter().map(|text| name(text)).collect();
    // A bit for each name.
    let matched = |filter: &TopicFilter<&[u8]>| -> Vec<u64> {
        let word = |names: &[TopicName<&[u8]>]| {
            names.iter().fold(0, |bits, name| bits << 1 | u64::from(filter.matches(name)))
        };
        names.chunks(64).map(word).collect()
    };
    let filters: Vec<_> =
        filters.iter().map(|text| filter(text)).map(|filter| (filter, matched(&filter))).collect();
    assert!(filters.len() > 300 && names.len() > 9_000);
    for (one, by_one) in &filters {
        assert!(by_one.iter().any(|bits| *bits != 0), "{one} matches a name");
        for (other, by_other) in &filters {
            let mut bits = by_one.iter().zip(by_other);
            let covers = bits.clone().all(|(one, other)| other & !one == 0);
            let overlaps = bits.any(|(one, other)| one & other != 0);
            assert_eq!(one.covers(other), covers, "{one} covers {other}");
            assert_eq!(one.overlaps(other), overlaps, "{one} and {other}");
        }
    }
}

#[test]
fn the_odd_cases_of_covering() {
    // Wide, narrow, the wide one covers the narrow one, the other way round.
    let table = [
        ("#", "+/#", true, true),
        ("a/#", "a/+/#", true, false),
        // A name has at least one character.
        ("/#", "/+/#", true, true),
        ("+/+/#", "/#", true, false),
        ("//#", "//+/#", true, false),
        ("a/#", "a", true, false),
        ("+/+", "#", false, true),
        ("+/#", "$SYS/#", false, false),
        ("$SYS/#", "$SYS", true, false),
        ("$SYS/+", "$SYS/a", true, false),
        ("+/+", "/", true, false),
        ("/+", "/", true, false),
        ("/", "/+", false, true),
        ("//", "/", false, false),
        ("a/+/b", "a/#", false, true),
        ("+", "a/", false, false),
    ];
    for (wide, narrow, covers, is_covered) in table {
        let (wide, narrow) = (filter(wide), filter(narrow));
        assert_eq!(wide.covers(&narrow), covers, "{wide} covers {narrow}");
        assert_eq!(narrow.covers(&wide), is_covered, "{narrow} covers {wide}");
    }
}

#[test]
fn the_odd_cases_of_overlapping() {
    let table = [
        // Only the empty text, which is no name.
        ("/#", "+", false),
        ("/#", "+/+", true),
        ("a/#", "+", true),
        ("#", "+", true),
        ("#", "$SYS/#", false),
        ("+/a", "$SYS/a", false),
        ("$SYS/+", "$SYS/#", true),
        ("a/+", "a", false),
        ("+/b/#", "a/#", true),
        ("+/b/#", "a/c/#", false),
    ];
    for (one, other, expected) in table {
        let (one, other) = (filter(one), filter(other));
        assert_eq!((one.overlaps(&other), other.overlaps(&one)), (expected, expected), "{one} and {other}");
    }
}

#[test]
fn deep_filters_are_compared_without_recursion() {
    let slashes = "/".repeat(65_535);
    let pluses = "+/".repeat(32_767) + "+";
    let under = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        let (slashes, pluses) = (filter(&slashes), filter(&pluses));
        assert!(slashes.covers(&slashes) && pluses.covers(&pluses));
        assert!(!pluses.covers(&slashes) && !pluses.overlaps(&slashes));
        assert!(filter("+/#").covers(&pluses) && pluses.overlaps(&filter("/#")));
    });
    under.unwrap().join().unwrap();
}

/// What a pattern is with the placeholders replaced as text; `None` if it matches nothing.
fn replaced(pattern: &str, client_id: &str, user_name: Option<&str>) -> Option<String> {
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        if char != '%' {
            text.push(char);
            continue;
        }
        let value = match chars.next().unwrap() {
            'c' => client_id,
            'u' => user_name?,
            _ => {
                text.push('%');
                continue;
            }
        };
        if value.is_empty()
            || value.contains(['/', '+', '#', '\0'])
            || text.is_empty() && value.starts_with('$')
        {
            return None;
        }
        text.push_str(value);
    }
    Some(text)
}

const IDENTITIES: &[&str] =
    &["a", "b", "ab", "", "a/b", "+", "#", "/", "$a", "$SYS", "%c", "%", "é", "a\0", "a+"];

proptest! {
    #[test]
    fn case_31_a_pattern_is_the_filter_with_the_placeholders_replaced(
        levels in vec(select(vec!["a", "b", "", "+", "%c", "%u", "a%c", "%cb", "%u%c", "%%", "%%c", "$a"]), 1..4),
        is_multi_level in any::<bool>(),
        client_id in select(IDENTITIES),
        user_name in proptest::option::of(select(IDENTITIES)),
        name_levels in vec(select(vec!["a", "b", "", "ab", "aa", "bb", "abb", "%", "%c", "$a", "é", "%%", "$SYS"]), 1..4),
        against in filters(),
    ) {
        let text = levels.join("/") + if is_multi_level { "/#" } else { "" };
        let name_text = name_levels.join("/");
        prop_assume!(!text.is_empty() && !name_text.is_empty());
        let (pattern, identity) = (pattern(&text), Identity::new(client_id, user_name));
        let (name, against) = (name(&name_text), filter(&against));
        let plain = replaced(&text, client_id, user_name);
        let plain = plain.as_deref().map(filter);
        prop_assert_eq!(pattern.matches(&name, identity), plain.is_some_and(|plain| plain.matches(&name)));
        prop_assert_eq!(pattern.covers(&against, identity), plain.is_some_and(|plain| plain.covers(&against)));
        prop_assert_eq!(pattern.overlaps(&against, identity), plain.is_some_and(|plain| plain.overlaps(&against)));
        if let Some(plain) = plain {
            prop_assert!(pattern.covers(&plain, identity));
        }
    }
}

#[test]
fn what_a_client_calls_itself_never_widens_its_access() {
    let texts = ["devices/%c/#", "%c/#", "%u", "devices/%u/x", "a/%c%u", "device-%c/+"];
    let set: FilterSet<&str> = texts.iter().map(|text| (pattern(text), *text)).collect();
    let wide = ["#", "+/#", "+", "devices/#", "devices/+/x", "$SYS/#", "device-+"];
    for hostile in ["#", "+", "a/b", "/", "", "+/#", "x/#", "\0", "a\0", "/a"] {
        let identity = Identity::new(hostile, Some(hostile));
        for text in ["devices/a/b", "devices/a", "a/b", "a", "$SYS/a", "devices//x", "a/", "device-/a"] {
            assert_eq!(set.matching(&name(text), identity).count(), 0, "{hostile:?} and {text}");
        }
        for text in wide.iter().filter_map(|text| TopicFilter::parse(text).ok()) {
            assert_eq!(set.covering(&text, identity).count(), 0, "{hostile:?} and {text}");
            assert_eq!(set.overlapping(&text, identity).count(), 0, "{hostile:?} and {text}");
        }
    }
    let system = Identity::new("$SYS", Some("$SYS"));
    assert_eq!(set.matching(&name("$SYS/broker"), system).count(), 0);
    assert_eq!(set.covering(&filter("$SYS/#"), system).count(), 0);
    assert_eq!(set.matching(&name("$SYS"), system).count(), 0);
    assert!(set.matching(&name("devices/$SYS/x"), system).eq(&["devices/%c/#", "devices/%u/x"]));
    // Without a User Name, what is for a User Name is for nobody.
    assert!(set.matching(&name("devices/a/x"), Identity::new("a", None)).eq(&["devices/%c/#"]));
}

#[test]
fn a_set_answers_in_its_order() {
    let mut set = FilterSet::default();
    assert!(set.is_empty());
    for (number, text) in ["a/#", "b", "+/%c", "%%/x"].iter().enumerate() {
        set.push(pattern(text), number);
    }
    let client = Identity::new("x", None);
    assert!(set.len() == 4 && !set.is_empty());
    assert!(set.matching(&name("a/x"), client).eq(&[0, 2]));
    assert!(set.matching(&name("%/x"), client).eq(&[2, 3]));
    assert!(set.covering(&filter("a/x"), client).eq(&[0, 2]));
    assert!(set.covering(&filter("a/+"), client).eq(&[0]));
    assert!(set.overlapping(&filter("+/+"), client).eq(&[0, 2, 3]));
    assert!(set.iter().map(|(pattern, number)| (pattern.as_str(), *number)).eq([
        ("a/#", 0),
        ("b", 1),
        ("+/%c", 2),
        ("%%/x", 3)
    ]));
}

#[test]
fn patterns_are_filters_with_known_placeholders() {
    for (text, at) in [("%x", 0), ("a/%", 2), ("a%%%", 3), ("%c%/b", 2)] {
        assert_eq!(FilterPattern::parse(text), Err(InvalidPattern::Placeholder { at }), "{text}");
    }
    let error = FilterPattern::parse("a/%c#").unwrap_err();
    assert_eq!(error.to_string(), TopicFilter::parse("a/%c#").unwrap_err().to_string());
}
