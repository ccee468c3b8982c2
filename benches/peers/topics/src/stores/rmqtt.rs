//! `rmqtt`: the trie of its router, and of its retained messages.

use core::hint::black_box;
use std::str::FromStr as _;

use rmqtt::retain::RetainTree;
use rmqtt::topic::Topic;
use rmqtt::trie::TopicTree;

use crate::store::{Found, Member, Retained, Single, Store};

const NAME: &str = "rmqtt";

fn topic(text: &str) -> Topic {
    Topic::from_str(text).expect("a valid topic")
}

impl Store for TopicTree<Member> {
    const NAME: &'static str = NAME;
    type Name = Topic;

    fn new() -> Self {
        Self::default()
    }

    fn name(text: &str) -> Self::Name {
        topic(text)
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        self.insert(&topic(filter), (subscriber, 0))
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        self.remove(&topic(filter), &(subscriber, 0));
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        for (_, subscribers) in Self::matches(self, name).iter() {
            found.extend(subscribers);
        }
    }
}

impl Retained for RetainTree<u32> {
    const NAME: &'static str = NAME;
    type Query = Topic;

    fn new() -> Self {
        Self::default()
    }

    fn query(text: &str) -> Option<Self::Query> {
        Some(topic(text))
    }

    fn insert(&mut self, name: &str, value: u32) {
        self.insert(&topic(name), value);
    }

    fn matches(&self, query: &Self::Query, found: &mut Found) {
        found.extend(Self::matches(self, query).into_iter().map(|(_, value)| value));
    }
}

pub(super) struct Filter;

impl Single for Filter {
    const NAME: &'static str = NAME;
    type Filter = Topic;
    type Name = Topic;
    const PARSE: Option<fn(&str)> = Some(|text| _ = black_box(topic(text)));

    fn filter(text: &str) -> Option<Self::Filter> {
        Some(topic(text))
    }

    fn name(text: &str) -> Self::Name {
        topic(text)
    }

    fn matches(filter: &Self::Filter, name: &Self::Name) -> bool {
        filter.matches(name)
    }
}
