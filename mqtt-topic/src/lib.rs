//! MQTT Topic Names and Topic Filters.
#![no_std]

extern crate alloc;

mod error;
mod filter;
mod name;
mod subscription;
mod text;

pub use self::error::{InvalidTopic, InvalidTopicKind};
pub use self::filter::{Level, TopicFilter};
pub use self::name::TopicName;
pub use self::subscription::{ShareName, Subscription};
pub use self::text::MAXIMUM_LENGTH;
