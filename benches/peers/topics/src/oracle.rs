//! What must be found, in the plainest way.

use std::collections::BTreeMap;

use crate::store::Found;

/// Whether `filter` matches `name` (section 4.7), level by level.
pub fn matches(filter: &str, name: &str) -> bool {
    if name.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut levels, mut words) = (filter.split('/'), name.split('/'));
    loop {
        match (levels.next(), words.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(level), Some(word)) if level == word => {}
            _ => return false,
        }
    }
}

/// Filters of many subscribers, by where their wildcards are. In each of these shapes at most one filter matches a name: the one that
/// has the words of the name where there are no wildcards.
#[derive(Debug, Default)]
pub struct Subscribers {
    shapes: BTreeMap<Vec<Wildcard>, BTreeMap<String, Found>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wildcard {
    None,
    Single,
    Multi,
}

impl Subscribers {
    /// The subscriber of each filter is its place.
    pub fn new(filters: &[String]) -> Self {
        let mut this = Self::default();
        for (subscriber, filter) in (0..).zip(filters) {
            let shape = filter.split('/').map(|level| match level {
                "+" => Wildcard::Single,
                "#" => Wildcard::Multi,
                _ => Wildcard::None,
            });
            let shape: Vec<_> = shape.collect();
            let words = Self::words(&shape, &filter.split('/').collect::<Vec<_>>());
            this.shapes.entry(shape).or_default().entry(words).or_default().push(subscriber);
        }
        this
    }

    /// Who must be found.
    pub fn found(&self, name: &str) -> Found {
        let words: Vec<&str> = name.split('/').collect();
        let mut found = Found::default();
        for (shape, filters) in &self.shapes {
            let fits = match shape.last() {
                Some(Wildcard::Multi) => words.len() + 1 >= shape.len(),
                _ => words.len() == shape.len(),
            };
            if !fits || name.starts_with('$') && shape[0] != Wildcard::None {
                continue;
            }
            if let Some(more) = filters.get(&Self::words(shape, &words)) {
                found.add(*more);
            }
        }
        found
    }

    fn words(shape: &[Wildcard], words: &[&str]) -> String {
        let words = shape.iter().zip(words).filter(|(wildcard, _)| **wildcard == Wildcard::None);
        words.map(|(_, word)| *word).collect::<Vec<_>>().join("/")
    }
}

/// Which values of `names` a query must find; the value of each name is its place.
pub fn retained(names: &[String], query: &str) -> Found {
    let mut found = Found::default();
    for (value, name) in (0..).zip(names) {
        if matches(query, name) {
            found.push(value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        for (filter, name, is_match) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/monitor/Clients", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
        ] {
            assert_eq!(matches(filter, name), is_match, "{filter} {name}");
            let found = Subscribers::new(&[filter.to_owned()]).found(name);
            assert_eq!(found.hits, u64::from(is_match), "{filter} {name}");
        }
    }

    #[test]
    fn shapes_find_what_a_scan_finds() {
        let levels = ["a", "b", "", "$c", "+"];
        let mut filters = vec!["#".to_owned()];
        for first in levels {
            filters.extend([first.to_owned(), format!("{first}/#")]);
            for second in levels {
                filters.extend([format!("{first}/{second}"), format!("{first}/{second}/#")]);
            }
        }
        for name in filters.iter().filter(|text| !text.contains(['+', '#'])) {
            let mut scan = Found::default();
            for (subscriber, _) in (0..).zip(&filters).filter(|(_, filter)| matches(filter, name)) {
                scan.push(subscriber);
            }
            assert_eq!(Subscribers::new(&filters).found(name), scan, "{name}");
        }
    }
}
