//! `mqtt-topic`.

use core::hint::black_box;
use mqtt_topic::{Match, RetainedStore, Subscription, SubscriptionTree, TopicFilter, TopicName, TreeConfig};

use crate::store::{Found, Retained, Single, Store};
use crate::stores::is_exact;

/// How the names of ours begin.
pub const NAME: &str = "mqtt-topic (";

/// What the others are compared with.
pub const REFERENCES: [&str; 3] = [
    <Tree<true> as Store>::NAME,
    <RetainedStore<u32> as Retained>::NAME,
    <TopicFilter<Box<[u8]>> as Single>::NAME,
];

/// With or without the table of exact filters.
pub(super) struct Tree<const EXACT_TABLE: bool>(SubscriptionTree<u32, u8>);

impl<const EXACT_TABLE: bool> Store for Tree<EXACT_TABLE> {
    const NAME: &'static str = if EXACT_TABLE { "mqtt-topic (tree)" } else { "mqtt-topic (lean tree)" };
    type Name = TopicName<Box<[u8]>>;

    fn new() -> Self {
        let config = TreeConfig { seed: 1, exact_table: EXACT_TABLE, ..TreeConfig::default() };
        Self(SubscriptionTree::with_config(config))
    }

    fn name(text: &str) -> Self::Name {
        TopicName::parse(text).expect("a valid name").boxed()
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        let subscription = Subscription::parse(filter).expect("a valid filter");
        self.0.insert(&subscription, subscriber, 0).is_ok()
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        self.0.remove(&Subscription::parse(filter).expect("a valid filter"), &subscriber);
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        for Match::Ordinary(group) | Match::Shared(group) in self.0.matches(name) {
            found.extend(group.members().map(|(subscriber, _)| subscriber));
        }
    }
}

/// A name or a filter.
pub enum Query {
    /// One message.
    Name(TopicName<Box<[u8]>>),
    /// Many.
    Filter(TopicFilter<Box<[u8]>>),
}

impl Retained for RetainedStore<u32> {
    const NAME: &'static str = "mqtt-topic (retained store)";
    type Query = Query;

    fn new() -> Self {
        Self::new()
    }

    fn query(text: &str) -> Option<Self::Query> {
        Some(if is_exact(text) {
            Query::Name(TopicName::parse(text).expect("a valid name").boxed())
        } else {
            Query::Filter(TopicFilter::parse(text).expect("a valid filter").boxed())
        })
    }

    fn insert(&mut self, name: &str, value: u32) {
        self.insert(&TopicName::parse(name).expect("a valid name"), value).expect("no limit");
    }

    fn matches(&self, query: &Self::Query, found: &mut Found) {
        match query {
            Query::Name(name) => found.extend(self.get(name)),
            Query::Filter(filter) => found.extend(self.matches(filter)),
        }
    }
}

impl Single for TopicFilter<Box<[u8]>> {
    const NAME: &'static str = "mqtt-topic (filter)";
    type Filter = Self;
    type Name = TopicName<Box<[u8]>>;
    const PARSE: Option<fn(&str)> = Some(|text| _ = black_box(TopicName::parse(text)));

    fn filter(text: &str) -> Option<Self::Filter> {
        Some(TopicFilter::parse(text).expect("a valid filter").boxed())
    }

    fn name(text: &str) -> Self::Name {
        TopicName::parse(text).expect("a valid name").boxed()
    }

    fn matches(filter: &Self::Filter, name: &Self::Name) -> bool {
        filter.matches(name)
    }
}
