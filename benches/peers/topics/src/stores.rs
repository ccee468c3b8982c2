//! One module for each library, the floors, and two models.
#![allow(clippy::disallowed_types, reason = "who measures maps uses maps")]

use crate::contest::{Contender, retained, single, subscriptions};
use crate::store::Member;

mod emqx;
pub mod floor;
mod mqtt5;
mod mqtt_topic_engine;
mod mqtt_topic_tree;
mod naive;
pub mod ours;
mod paho_mqtt;
mod rmqtt;
mod rumqttd;

/// Names of what is neither ours nor a peer.
pub const MODELS: [&str; 3] = [naive::NAME, emqx::NAME, <naive::Levels as crate::store::Single>::NAME];

/// Everybody who can do something.
pub fn contenders() -> Vec<Contender> {
    vec![
        subscriptions::<floor::Map>(),
        subscriptions::<ours::Tree<true>>(),
        subscriptions::<ours::Tree<false>>(),
        subscriptions::<naive::Node>(),
        subscriptions::<emqx::Index>(),
        subscriptions::<::mqtt5::broker::router::MessageRouter>(),
        subscriptions::<mqtt_topic_engine::Router>(),
        subscriptions::<::mqtt_topic_tree::TopicTree>(),
        subscriptions::<::paho_mqtt::TopicMatcher<Vec<Member>>>(),
        subscriptions::<::rmqtt::trie::TopicTree<Member>>(),
        subscriptions::<rumqttd::Scan>(),
        retained::<floor::RetainedMap>(),
        retained::<mqtt_topic::RetainedStore<u32>>(),
        retained::<naive::RetainedNode>(),
        retained::<mqtt5::RetainedMessages>(),
        retained::<::rmqtt::retain::RetainTree<u32>>(),
        single::<floor::Equal>(),
        single::<mqtt_topic::TopicFilter<Box<[u8]>>>(),
        single::<naive::Levels>(),
        single::<mqtt5::Filter>(),
        single::<mqtt_topic_engine::Pattern>(),
        single::<paho_mqtt::Filter>(),
        single::<rmqtt::Filter>(),
        single::<rumqttd::Filter>(),
    ]
}

/// Whether a filter is without wildcards.
fn is_exact(text: &str) -> bool {
    !text.contains(['+', '#'])
}
