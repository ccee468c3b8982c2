//! What a broker allows, and the ceilings of everything a Client can make it keep.

use alloc::string::String;
use core::num::NonZeroU16;
use core::time::Duration;

use mqtt_codec::{Deviations, QoS};
use mqtt_topic::RetainedLimits;

use crate::server::Limits;

/// The limits of a [`Broker`](crate::Broker). Nothing a peer can cause to grow is without one.
///
/// ```
/// use mqtt_session::BrokerConfig;
///
/// let config = BrokerConfig { maximum_sessions: 500, ..BrokerConfig::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Sessions that outlive their connection, Wills and retained messages survive a crash: every change of them is told by
    /// [`Action::Persist`](crate::Action::Persist), and what depends on it leaves when it is stored. See
    /// [`Persist`](crate::Persist). Off.
    pub durable: bool,
    /// Bytes of the changes of a durable broker that are not stored yet, give or take those of a packet. Above, all input is
    /// paused until the store has caught up. 64 MiB.
    pub maximum_unstored_bytes: usize,
    /// How long a connection may take to send a CONNECT and have it accepted, an authentication exchange included. 10 seconds.
    pub connect_timeout: Duration,
    /// How many steps a Client may make in one enhanced authentication exchange, beside the one that begins it. 16.
    pub maximum_authentication_steps: u16,
    /// The largest packet up to CONNACK, in bytes of the whole packet. 65,535.
    pub maximum_connect_size: u32,
    /// The largest packet after CONNECT, in bytes of the whole packet; announced as Maximum Packet Size. 16 MiB.
    pub maximum_packet_size: u32,
    /// What Clients may do against the specification. Nothing.
    pub accepted_deviations: Deviations,
    /// The longest Client Identifier, in bytes. 1,024.
    pub maximum_client_id_len: usize,
    /// Accept Client Identifiers of more than 23 characters in 3.1, as 3.1.1 does. Off.
    pub long_client_ids_in_v3_1: bool,
    /// What the Client Identifiers begin with that the broker assigns; a number follows. Make it something that cannot be
    /// guessed, and another one each time the broker starts, if Clients without an identifier of their own have Sessions worth
    /// taking over. `auto-`.
    pub assigned_client_id_prefix: String,
    /// The longest Keep Alive in seconds, announced to 5.0 Clients that ask for a longer one or none. Off.
    pub maximum_keep_alive: Option<NonZeroU16>,
    /// The longest Session Expiry Interval in seconds, for Sessions of 3.x with Clean Session 0 too; 0xFFFFFFFF: for ever, which
    /// is the default.
    pub maximum_session_expiry: u32,
    /// How many QoS 1 and QoS 2 messages a 5.0 Client may have under way to the broker. 1,024.
    pub receive_maximum: NonZeroU16,
    /// How many QoS 1 and QoS 2 messages are under way to a Client at most; a 5.0 Client may ask for less. 1,024.
    pub maximum_in_flight: NonZeroU16,
    /// How many Topic Aliases a 5.0 Client may use. 16.
    pub topic_alias_maximum: u16,
    /// How many Topic Aliases the broker uses to a 5.0 Client that takes as many. 16.
    pub maximum_outgoing_topic_aliases: u16,
    /// The highest QoS of messages and subscriptions. 2.
    pub maximum_qos: QoS,
    /// Whether messages can be retained. On.
    pub retain_available: bool,
    /// Whether Topic Filters may have wildcards. On.
    pub wildcard_subscription_available: bool,
    /// Whether subscriptions may have identifiers. On.
    pub subscription_identifier_available: bool,
    /// Whether there are Shared Subscriptions. On.
    pub shared_subscription_available: bool,
    /// The key of the hashes of topics. What the broker does never depends on it, but whoever knows it can choose topics that
    /// are slow to look up: make it a random number. 0.
    pub hash_seed: u64,
    /// Sessions, connected or not. 100,000.
    pub maximum_sessions: usize,
    /// Subscriptions of one Session; the retained messages of twice as many may wait to be sent. 1,000.
    pub maximum_subscriptions: usize,
    /// Bytes of the Topic Filters of one Session. 256 KiB.
    pub maximum_subscription_bytes: usize,
    /// Members of the group of a Shared Subscription. Choosing one may look at all of them. 1,000.
    pub maximum_group_members: usize,
    /// Levels of a Topic Filter. 128.
    pub maximum_filter_levels: usize,
    /// Messages that wait for one Session, beside those under way. 10,000.
    pub maximum_queued_messages: usize,
    /// Bytes of the messages that wait for one Session, and again of those under way to it, give or take a message. 16 MiB.
    pub maximum_queued_bytes: usize,
    /// A QoS 1 or QoS 2 message of a 5.0 Client is refused with 0x97, and goes to nobody, when the queue of one of those it is
    /// for is full. Off: that one loses it, and a [notice](crate::Notice::MessageDropped) tells.
    pub refuse_when_full: bool,
    /// Tell each message that is taken over from a Client, Wills included, by [`Action::Published`](crate::Action::Published); then no
    /// publisher is told 0x10, that nobody wants it. Off.
    pub tell_published: bool,
    /// Retained messages. 1,000,000.
    pub maximum_retained_messages: usize,
    /// Bytes of all retained messages. 256 MiB.
    pub maximum_retained_bytes: usize,
    /// Bytes that may wait to be written to one connection, give or take a packet. Above, its input is paused, its QoS 0
    /// messages are dropped and others wait in the queue. 1 MiB.
    pub transmit_limit: usize,
}

impl BrokerConfig {
    pub(super) const fn retained_limits(&self) -> RetainedLimits {
        RetainedLimits { names: self.maximum_retained_messages, bytes: self.maximum_retained_bytes }
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits {
            transmit: self.transmit_limit,
            queued_messages: self.maximum_queued_messages,
            queued_bytes: self.maximum_queued_bytes,
        }
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        const WINDOW: NonZeroU16 = NonZeroU16::MIN.saturating_add(1_023);
        const MIB: u32 = 1 << 20;
        Self {
            durable: false,
            maximum_unstored_bytes: 64 * MIB as usize,
            connect_timeout: Duration::from_secs(10),
            maximum_authentication_steps: 16,
            maximum_connect_size: 65_535,
            maximum_packet_size: 16 * MIB,
            accepted_deviations: Deviations::NONE,
            maximum_client_id_len: 1_024,
            long_client_ids_in_v3_1: false,
            assigned_client_id_prefix: String::from("auto-"),
            maximum_keep_alive: None,
            maximum_session_expiry: u32::MAX,
            receive_maximum: WINDOW,
            maximum_in_flight: WINDOW,
            topic_alias_maximum: 16,
            maximum_outgoing_topic_aliases: 16,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            wildcard_subscription_available: true,
            subscription_identifier_available: true,
            shared_subscription_available: true,
            hash_seed: 0,
            maximum_sessions: 100_000,
            maximum_subscriptions: 1_000,
            maximum_subscription_bytes: 256 << 10,
            maximum_group_members: 1_000,
            maximum_filter_levels: 128,
            maximum_queued_messages: 10_000,
            maximum_queued_bytes: 16 * MIB as usize,
            refuse_when_full: false,
            tell_published: false,
            maximum_retained_messages: 1_000_000,
            maximum_retained_bytes: 256 * MIB as usize,
            transmit_limit: MIB as usize,
        }
    }
}
