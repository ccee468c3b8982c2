//! `mqtt-topic-engine`, the router of `mqtt-typed-client`.

use core::hint::black_box;
use std::collections::HashMap;

use mqtt_topic_engine::{CacheStrategy, QoS, SubscriptionId, TopicPath, TopicPatternPath, TopicRouter};

use crate::store::{Found, Member, Single, Store};

const NAME: &str = "mqtt-topic-engine";

fn pattern(text: &str) -> Option<TopicPatternPath> {
    TopicPatternPath::new_from_string(text, CacheStrategy::NoCache).ok()
}

pub(super) struct Router {
    router: TopicRouter<Member>,
    /// What it wants to be told when a subscription ends.
    ids: HashMap<u32, SubscriptionId>,
}

impl Store for Router {
    const NAME: &'static str = NAME;
    type Name = TopicPath;

    fn new() -> Self {
        Self { router: TopicRouter::new(), ids: HashMap::new() }
    }

    fn name(text: &str) -> Self::Name {
        TopicPath::new(text).expect("a valid name")
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        let Some(pattern) = pattern(filter) else { return false };
        let (_, id) = self.router.add_subscription(pattern, QoS::AtMostOnce, (subscriber, 0));
        self.ids.insert(subscriber, id);
        true
    }

    fn remove(&mut self, _: &str, subscriber: u32) {
        if let Some(id) = self.ids.remove(&subscriber) {
            self.router.unsubscribe(&id).expect("a subscription");
        }
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        found.extend(self.router.get_subscribers(name).into_iter().map(|(_, _, member)| member));
    }
}

pub(super) struct Pattern;

impl Single for Pattern {
    const NAME: &'static str = NAME;
    type Filter = TopicPatternPath;
    type Name = std::sync::Arc<TopicPath>;
    const PARSE: Option<fn(&str)> = Some(|text| _ = black_box(TopicPath::new(text)));

    fn filter(text: &str) -> Option<Self::Filter> {
        pattern(text)
    }

    fn name(text: &str) -> Self::Name {
        TopicPath::new(text).expect("a valid name").into()
    }

    fn matches(filter: &Self::Filter, name: &Self::Name) -> bool {
        filter.try_match(name.clone()).is_ok()
    }
}
