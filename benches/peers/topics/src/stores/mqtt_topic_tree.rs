//! `mqtt_topic_tree`.

use mqtt_topic_tree::{QoS, TopicFilter, TopicName, TopicTree};

use crate::store::{Found, Store};

impl Store for TopicTree {
    const NAME: &'static str = "mqtt_topic_tree";
    type Name = TopicName;

    fn new() -> Self {
        Self::default()
    }

    fn name(text: &str) -> Self::Name {
        TopicName::try_from(text.to_owned()).expect("a valid name")
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        let Ok(filter) = TopicFilter::try_from(filter.to_owned()) else { return false };
        self.add_subscription(filter, subscriber.into(), QoS::Level0);
        true
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        if let Ok(filter) = TopicFilter::try_from(filter.to_owned()) {
            self.remove_subscription(filter, subscriber.into());
        }
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        for subscriber in self.get_subscriptions(name) {
            found.push(u32::try_from(subscriber.client_id).expect("it was one"));
        }
    }
}
