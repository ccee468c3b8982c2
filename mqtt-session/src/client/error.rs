//! What is wrong with a call of the application.

use mqtt_codec::EncodeError;

/// Why a [`Client`](crate::Client) cannot do what it was asked for. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is a connection already.
    #[error("there is a connection already")]
    AlreadyConnected,
    /// An empty Client Identifier needs Clean Session in 3.1.1 `[MQTT-3.1.3-7]`.
    #[error("an empty Client Identifier needs Clean Session")]
    ClientIdEmpty,
    /// A Client Identifier has at most 23 characters in 3.1, unless
    /// [`ConnectOptions::long_client_id_in_v3_1`](crate::ConnectOptions::long_client_id_in_v3_1) says otherwise.
    #[error("the Client Identifier has more than 23 characters")]
    ClientIdTooLong,
    /// A Session that ends with the connection cannot be prolonged by DISCONNECT (section 3.14.2.2.2).
    #[error("the Session ends with the connection and cannot be prolonged")]
    SessionNotKept,
    /// There is no connection, or the Server has not accepted it yet.
    #[error("not connected")]
    NotConnected,
    /// CONNECT named no Authentication Method `[MQTT-4.12.0-7]`.
    #[error("CONNECT named no Authentication Method")]
    NoAuthenticationMethod,
    /// An authentication exchange is under way already.
    #[error("an authentication exchange is under way already")]
    ExchangeUnderWay,
    /// The Server has not asked for a step of an authentication exchange.
    #[error("the Server has not asked for a step of an authentication exchange")]
    NotChallenged,
    /// The packet is larger than the Server's Maximum Packet Size `[MQTT-3.2.2-15]`.
    #[error("larger than the Server's Maximum Packet Size")]
    PacketTooLarge,
    /// The packet cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// A value the client did not take, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[must_use = "the value has not been taken"]
pub struct Rejected<T> {
    /// What was given, untouched.
    pub value: T,
    /// Why it was not taken.
    pub reason: RejectReason,
}

/// Why a message or request was not taken, or a message that was taken not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RejectReason {
    /// The queue has as many messages or bytes as the configuration allows.
    #[error("the queue is full")]
    QueueFull,
    /// There is no connection, or no CONNACK yet. Requests, unlike messages, do not wait for one.
    #[error("not connected")]
    NotConnected,
    /// Too many requests wait for their answer, or too many bytes wait to be written.
    #[error("too many requests wait")]
    TooManyRequests,
    /// All 65,535 Packet Identifiers are in use.
    #[error("all Packet Identifiers are in use")]
    PacketIdsExhausted,
    /// The packet is larger than the Server's Maximum Packet Size `[MQTT-3.2.2-15]`.
    #[error("larger than the Server's Maximum Packet Size")]
    PacketTooLarge,
    /// The QoS is above the Server's Maximum QoS `[MQTT-3.2.2-11]`.
    #[error("the QoS is above the Server's Maximum QoS")]
    QoSNotSupported,
    /// The Server has no retained messages `[MQTT-3.2.2-14]`.
    #[error("the Server does not support retained messages")]
    RetainNotSupported,
    /// The Server has no wildcards in Topic Filters (section 3.2.2.3.11).
    #[error("the Server does not support wildcards")]
    WildcardSubscriptionsNotSupported,
    /// The Server has no Subscription Identifiers (section 3.2.2.3.12).
    #[error("the Server does not support Subscription Identifiers")]
    SubscriptionIdentifiersNotSupported,
    /// The Server, or 3.x, has no Shared Subscriptions (section 3.2.2.3.13).
    #[error("the Server does not support Shared Subscriptions")]
    SharedSubscriptionsNotSupported,
    /// The packet cannot be written in this version.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl RejectReason {
    /// Whether the same value may be taken later, after events.
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::QueueFull | Self::NotConnected | Self::TooManyRequests | Self::PacketIdsExhausted
        )
    }
}
