//! Sans-IO MQTT 3.1, 3.1.1 and 5.0 state machines.
#![no_std]

extern crate alloc;

mod broker;
mod client;
mod delivery;
mod id_map;
mod keep_alive;
mod message;
mod packet_id;
mod received;
mod server;
mod time;
mod topic_alias;
mod transmit;

/// The packets, as [`mqtt_codec`] defines them.
pub use mqtt_codec as codec;
/// Topic Names and Topic Filters, as [`mqtt_topic`] defines them.
pub use mqtt_topic as topic;

pub use self::broker::{
    Action, AllowAll, Broker, BrokerConfig, ConnectionId, DropCause, EndCause, Notice, Policy, Verdict,
};
pub use self::client::{
    Client, ClientConfig, ClientError, ConnectOptions, Connected, Disconnected, Event, InvalidRequest,
    PublishOutcome, PublishToken, ReceivedMessage, RejectReason, Rejected, RequestToken, ServerLimits,
    SubscribeOutcome, SubscribeRequest, Timer, UnsubscribeOutcome, UnsubscribeRequest, Violation, Will,
};
pub use self::delivery::{AckToken, StaleToken};
pub use self::message::Message;
pub use self::received::Received;
pub use self::time::Instant;
pub use self::transmit::Transmit;
