//! What the application is told.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mqtt_codec::{
    ConnackReason, DecodeError, DisconnectReason, Frame, PublishReason, SubackReason, SubscriptionIdentifier,
    UnsubackReason,
};

use super::{RejectReason, ServerLimits};
use crate::{AckToken, Message, Persist};

/// Names a message given to [`Client::publish`](crate::Client::publish).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublishToken(pub(super) u64);

/// Names a request given to [`Client::subscribe`](crate::Client::subscribe) or
/// [`Client::unsubscribe`](crate::Client::unsubscribe).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub(super) u64);

/// What has happened, in order.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The Server has accepted the connection.
    Connected(Connected),
    /// A message has arrived.
    Message(ReceivedMessage),
    /// What became of a message: exactly once for each that [`Client::publish`](crate::Client::publish) took.
    Published {
        /// The message.
        token: PublishToken,
        /// What became of it.
        outcome: PublishOutcome,
    },
    /// What became of a SUBSCRIBE: exactly once for each that was taken.
    Subscribed {
        /// The request.
        token: RequestToken,
        /// What became of it.
        outcome: SubscribeOutcome,
    },
    /// What became of an UNSUBSCRIBE: exactly once for each that was taken.
    Unsubscribed {
        /// The request.
        token: RequestToken,
        /// What became of it.
        outcome: UnsubscribeOutcome,
    },
    /// The connection is over: exactly once for each [`Client::connect`](crate::Client::connect) that was successful.
    Disconnected(Disconnected),
    /// Changes of the Session State to be stored, of a [durable](crate::ClientConfig::durable) client; then call
    /// [`Client::handle_persisted`](crate::Client::handle_persisted). It comes behind all other events, so that messages in
    /// front of it can be processed in the same transaction.
    Persist(Persist),
}

/// A connection the Server has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The Server has gone on with the Session. When not, subscribe again. Always `false` in 3.1, whose Servers do not
    /// tell.
    pub session_present: bool,
    /// The Client Identifier in force: the one given, or the one the Server has assigned (5.0). Use it to come back to the
    /// Session.
    pub client_id: String,
    /// What the Server supports.
    pub limits: ServerLimits,
    /// The CONNACK.
    pub connack: Frame,
}

/// A message that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// The message. It shares the memory of the read buffer; [detach](Message::detach) it to keep it for long.
    pub message: Message,
    /// The DUP flag: the Server may have sent it before. A QoS 2 message is delivered once for all that.
    pub dup: bool,
    /// The Subscription Identifiers of the subscriptions it is for (5.0).
    pub subscription_identifiers: Vec<SubscriptionIdentifier>,
    /// With manual acknowledgement, what to give to [`Client::acknowledge`](crate::Client::acknowledge) once the message
    /// has been processed. QoS 0 has none.
    pub ack: Option<AckToken>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishOutcome {
    /// QoS 0: it was handed to the connection; nobody tells whether it arrives.
    Sent,
    /// The Server has taken it over (PUBACK; PUBCOMP). `NoMatchingSubscribers` is possible for QoS 1.
    Acknowledged(PublishReason),
    /// The Server has refused it (PUBACK or PUBREC of 0x80 or above) and must not be sent it again.
    Refused {
        /// Why.
        reason: PublishReason,
        /// The Server's Reason String.
        reason_string: Option<String>,
    },
    /// The Session has ended while it was under way. Whether it arrived is not known.
    SessionLost(
        /// The message, to be published again or not. `None`: PUBREC had come, so the Server had taken it over.
        Option<Message>,
    ),
    /// It waited longer than its Message Expiry Interval and was not sent.
    Expired,
    /// The Server of the connection does not take such messages, and it was not sent on it. It waited until then, or an
    /// earlier connection ended before it was acknowledged: whether it arrived on that one is not known.
    Rejected {
        /// The message.
        message: Message,
        /// Why.
        reason: RejectReason,
    },
}

impl PublishOutcome {
    /// Whether the message is with the Server, or for QoS 0 under way to it.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Sent | Self::Acknowledged(_))
    }
}

impl fmt::Display for PublishOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent => f.write_str("sent"),
            Self::Acknowledged(reason) => write!(f, "acknowledged: {reason}"),
            Self::Refused { reason, reason_string } => {
                write!(f, "refused by the Server: {reason}")?;
                write_reason_string(f, reason_string.as_deref())
            }
            Self::SessionLost(Some(_)) => {
                f.write_str("the Session was lost before the Server took the message over")
            }
            Self::SessionLost(None) => {
                f.write_str("the Session was lost after the Server took the message over")
            }
            Self::Expired => f.write_str("expired before it could be sent"),
            Self::Rejected { reason, .. } => write!(f, "not sent: {reason}"),
        }
    }
}

/// What became of a SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeOutcome {
    /// The Server has answered.
    Acknowledged {
        /// One answer for each Topic Filter, in order. Some may be failures.
        reasons: Vec<SubackReason>,
        /// The SUBACK.
        suback: Frame,
    },
    /// The connection ended first.
    Lost,
}

impl SubscribeOutcome {
    /// One answer for each Topic Filter, in order; none when there was no answer.
    pub fn reasons(&self) -> &[SubackReason] {
        match self {
            Self::Acknowledged { reasons, .. } => reasons,
            Self::Lost => &[],
        }
    }
}

/// What became of an UNSUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsubscribeOutcome {
    /// The Server has answered.
    Acknowledged {
        /// One answer for each Topic Filter, in order; none in 3.x.
        reasons: Vec<UnsubackReason>,
        /// The UNSUBACK.
        unsuback: Frame,
    },
    /// The connection ended first.
    Lost,
}

/// Who ended a connection, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disconnected {
    /// The application, by [`Client::disconnect`](crate::Client::disconnect).
    Requested,
    /// The Server has refused the connection.
    Refused {
        /// Why; 3.x return codes are mapped.
        reason: ConnackReason,
        /// The CONNACK.
        connack: Frame,
    },
    /// The Server has sent a DISCONNECT (5.0).
    ByServer {
        /// Why.
        reason: DisconnectReason,
        /// The DISCONNECT.
        disconnect: Frame,
    },
    /// The Network Connection was closed, or failed.
    Closed,
    /// The Server has sent bytes that are no valid packet.
    Malformed(DecodeError),
    /// The Server has broken the protocol.
    ProtocolError {
        /// What the Server was told, in 5.0.
        reason: DisconnectReason,
        /// What it has done.
        violation: Violation,
    },
    /// No CONNACK came in time.
    ConnackTimeout,
    /// No PINGRESP came in time.
    PingrespTimeout,
}

macro_rules! violations {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal;)+) => {
        /// What a Server has done against the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Violation {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl fmt::Display for Violation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }
    };
}

violations! {
    /// Its first packet was not CONNACK `[MQTT-3.2.0-1]`.
    NotConnack = "its first packet was not CONNACK";
    /// It sent a second CONNACK `[MQTT-3.2.0-2]`.
    SecondConnack = "a second CONNACK";
    /// It has a Session although there is none to go on with `[MQTT-3.2.2-2]` `[MQTT-3.2.2-4]`.
    SessionPresent = "Session Present without a Session to go on with";
    /// It assigned no Client Identifier in place of the empty one `[MQTT-3.2.2-16]`.
    NoAssignedClientIdentifier = "no Assigned Client Identifier for an empty one";
    /// Its CONNACK names an Authentication Method although the Client named none `[MQTT-4.12.0-6]`.
    UnexpectedAuthenticationMethod = "an Authentication Method that CONNECT did not name";
    /// It sent AUTH although the Client named no Authentication Method `[MQTT-4.12.0-6]`.
    UnexpectedAuth = "AUTH without an Authentication Method in CONNECT";
    /// It exceeded the Client's Receive Maximum `[MQTT-3.3.4-9]`.
    ReceiveMaximumExceeded = "it exceeds the Receive Maximum";
    /// It used a Topic Alias that is out of range or stands for nothing.
    TopicAlias = "an invalid Topic Alias";
    /// It acknowledged a PUBLISH with a packet of another QoS, or out of turn.
    WrongAcknowledgement = "an acknowledgement of the wrong type";
    /// It sent a PUBLISH with the identifier of another that is not acknowledged or released yet `[MQTT-2.2.1-4]`.
    PacketIdInUse = "a Packet Identifier that is in use";
    /// It sent a Reason String or User Property against Request Problem Information `[MQTT-3.1.2-29]`.
    UnrequestedProblemInformation = "a Reason String or User Property nobody requested";
    /// It answered a SUBSCRIBE or UNSUBSCRIBE that is not open, or with another packet.
    UnknownRequest = "an answer to no request";
    /// Its SUBACK or UNSUBACK has not one reason code for each Topic Filter `[MQTT-3.9.3-1]` `[MQTT-3.11.3-1]`.
    ReasonCount = "not one reason code for each Topic Filter";
    /// Its Maximum Packet Size leaves no room for a packet that has to be sent.
    MaximumPacketSize = "its Maximum Packet Size leaves no room for an answer";
}

impl Disconnected {
    /// Whether the application asked for it.
    pub const fn is_requested(&self) -> bool {
        matches!(self, Self::Requested)
    }
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("disconnected"),
            Self::Refused { reason, connack } => {
                write!(f, "connection refused: {reason}")?;
                let mqtt_codec::Packet::Connack(connack) = connack.packet() else { return Ok(()) };
                write_reason_string(f, connack.properties.reason_string())
            }
            Self::ByServer { reason, disconnect } => {
                write!(f, "disconnected by the Server: {reason}")?;
                let mqtt_codec::Packet::Disconnect(disconnect) = disconnect.packet() else { return Ok(()) };
                write_reason_string(f, disconnect.properties.reason_string())
            }
            Self::Closed => f.write_str("the connection was closed"),
            Self::Malformed(error) => write!(f, "the Server sent no valid packet: {error}"),
            Self::ProtocolError { violation, .. } => write!(f, "the Server broke the protocol: {violation}"),
            Self::ConnackTimeout => f.write_str("no CONNACK in time"),
            Self::PingrespTimeout => f.write_str("no PINGRESP in time"),
        }
    }
}

fn write_reason_string(f: &mut fmt::Formatter<'_>, reason_string: Option<&str>) -> fmt::Result {
    match reason_string {
        Some(reason_string) => write!(f, " ({reason_string:?})"),
        None => Ok(()),
    }
}
