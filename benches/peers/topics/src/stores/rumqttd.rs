//! `rumqttd`: a scan of all filters, as its router does for a topic that it sees for the first time. Its map is private, so it is
//! written anew here, around its own comparison.

use std::collections::HashMap;

use rumqttd::protocol::matches;

use crate::store::{Found, Member, Single, Store};

const NAME: &str = "rumqttd (scan)";

#[derive(Default)]
pub(super) struct Scan(HashMap<String, Vec<Member>>);

impl Store for Scan {
    const NAME: &'static str = NAME;
    type Name = Box<str>;

    fn new() -> Self {
        Self::default()
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        self.0.entry(filter.to_owned()).or_default().push((subscriber, 0));
        true
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        if let Some(subscribers) = self.0.get_mut(filter) {
            subscribers.retain(|one| one.0 != subscriber);
            if subscribers.is_empty() {
                self.0.remove(filter);
            }
        }
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        let matching = self.0.iter().filter(|(filter, _)| matches(name, filter));
        found.extend(matching.flat_map(|(_, subscribers)| subscribers));
    }
}

pub(super) struct Filter;

impl Single for Filter {
    const NAME: &'static str = NAME;
    type Filter = Box<str>;
    type Name = Box<str>;
    const PARSE: Option<fn(&str)> = None;

    fn filter(text: &str) -> Option<Self::Filter> {
        Some(text.into())
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn matches(filter: &Self::Filter, name: &Self::Name) -> bool {
        matches(name, filter)
    }
}
