//! `paho-mqtt`, with the list of subscribers as the value of a filter.

use paho_mqtt::TopicMatcher;
use paho_mqtt::topic_matcher::topic_matches;

use crate::store::{Found, Member, Single, Store};

const NAME: &str = "paho-mqtt";

impl Store for TopicMatcher<Vec<Member>> {
    const NAME: &'static str = NAME;
    type Name = Box<str>;

    fn new() -> Self {
        Self::new()
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        match self.get_mut(filter) {
            Some(subscribers) => subscribers.push((subscriber, 0)),
            None => self.insert(filter, vec![(subscriber, 0)]),
        }
        true
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        if let Some(subscribers) = self.get_mut(filter) {
            subscribers.retain(|one| one.0 != subscriber);
            if subscribers.is_empty() {
                Self::remove(self, filter);
            }
        }
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        for (_, subscribers) in Self::matches(self, name) {
            found.extend(subscribers);
        }
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
        topic_matches(filter, name)
    }
}
