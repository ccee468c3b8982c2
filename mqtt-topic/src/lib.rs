//! MQTT Topic Names and Topic Filters (section 4.7 of MQTT 3.1.1 and 5.0), the subscriptions of a Server and its
//! retained messages. `no_std`, no clock, no randomness, no recursion: the same calls give the same answers in the same order.
//!
//! # Names and filters
//! Text is checked once, when a [`TopicName`] or [`TopicFilter`] is made of it; whoever holds one need not check again. Any storage
//! of bytes will do: `&str`, `String`, `Vec<u8>`, `bytes::Bytes`.
//!
//! ```
//! use mqtt_topic::{InvalidTopicKind, TopicFilter, TopicName};
//!
//! let filter = TopicFilter::new(String::from("sport/+/player1/#"))?;
//! assert!(filter.matches(&TopicName::parse("sport/tennis/player1/ranking")?));
//!
//! let error = TopicFilter::parse("sport/tennis#").unwrap_err();
//! assert_eq!(error.kind(), InvalidTopicKind::MultiLevelNotAlone);
//! assert_eq!((error.at(), error.clause()), (12, "MQTT-4.7.1-1"));
//! # Ok::<(), mqtt_topic::InvalidTopic>(())
//! ```
//!
//! # Subscriptions
//! A [`Subscription`] is what SUBSCRIBE carries: a Topic Filter, which 5.0 lets several subscribers share. The
//! [`SubscriptionTree`] holds those of all subscribers and finds the ones that want a message.
//!
//! ```
//! use mqtt_topic::{Match, Subscription, SubscriptionTree, TopicName};
//!
//! let mut tree = SubscriptionTree::new();
//! for (client, text) in [(1, "jobs/#"), (2, "$share/workers/jobs/+"), (3, "$share/workers/jobs/+")] {
//!     tree.insert(&Subscription::parse(text)?, client, ()).unwrap();
//! }
//!
//! let mut turn = 0;
//! let mut receivers = Vec::new();
//! for found in tree.matches(&TopicName::parse("jobs/7")?) {
//!     match found {
//!         Match::Ordinary(group) => receivers.extend(group.members().map(|(key, ())| *key)),
//!         // One member of the group gets the message; which one is for the Server to choose.
//!         Match::Shared(group) => {
//!             let members = group.members().len();
//!             receivers.extend(group.members().nth(turn % members).map(|(key, ())| *key));
//!             turn += 1;
//!         }
//!     }
//! }
//! assert_eq!(receivers, [1, 2]);
//! # Ok::<(), mqtt_topic::InvalidTopic>(())
//! ```
//!
//! # Retained messages
//! The [`RetainedStore`] is the other way round: many names, and a filter that asks for some.
//!
//! ```
//! use mqtt_topic::{RetainedStore, TopicFilter, TopicName};
//!
//! let mut store = RetainedStore::new();
//! store.insert(&TopicName::parse("door/front")?, "open")?;
//! store.insert(&TopicName::parse("door/back")?, "shut")?;
//! store.remove(&TopicName::parse("door/front")?);
//!
//! let filter = TopicFilter::parse("door/+")?;
//! let mut search = store.matches(&filter);
//! assert_eq!(search.next(), Some(&"shut"));
//! assert_eq!(search.last_visited().unwrap().as_str(), "door/back");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Access control
//! Does one filter [cover](TopicFilter::covers) another, do two [overlap](TopicFilter::overlaps)? A [`FilterSet`] asks this of a
//! list of patterns, in which `%c` and `%u` stand for the Client Identifier and the User Name.
//!
//! ```
//! use mqtt_topic::{FilterPattern, FilterSet, Identity, TopicFilter, TopicName};
//!
//! let mut readable = FilterSet::new();
//! readable.push(FilterPattern::parse("devices/%c/#")?, ());
//!
//! let client = Identity::new("7", None);
//! assert!(readable.covering(&TopicFilter::parse("devices/7/+/state")?, client).next().is_some());
//! assert!(readable.covering(&TopicFilter::parse("devices/+/state")?, client).next().is_none());
//! // A Client Identifier is never a wildcard.
//! assert!(readable.matching(&TopicName::parse("devices/7/state")?, Identity::new("+", None)).next().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules
//! All public items are at the root of the crate. `scan` looks at a string once; `text` holds what all checked texts have in
//! common; `name`, `filter` and `subscription` their rules; `error` what they break; `filter_set` is the list for access
//! control; `tree` the subscriptions, on the `arena`; `retained` the retained messages; `refused` and `search_step` what both answer;
//! `bytes` what both look for in text.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::string_slice
)]

extern crate alloc;

mod arena;
mod bytes;
mod error;
mod filter;
mod filter_set;
mod name;
mod refused;
mod retained;
mod scan;
mod search_step;
mod subscription;
mod text;
mod tree;

pub use self::error::{InvalidTopic, InvalidTopicKind};
pub use self::filter::{Level, TopicFilter};
pub use self::filter_set::{FilterPattern, FilterSet, Identity, InvalidPattern};
pub use self::name::TopicName;
pub use self::refused::Refused;
pub use self::retained::{RetainedLimit, RetainedLimits, RetainedMatches, RetainedStore, Sweep};
pub use self::scan::{Text, to_str};
pub use self::search_step::SearchStep;
pub use self::subscription::{ShareName, Subscription};
pub use self::text::MAXIMUM_LENGTH;
pub use self::tree::{
    Group, GroupId, Match, MatchPosition, Matches, Members, SubscriptionTree, TreeConfig, TreeLimit,
};
