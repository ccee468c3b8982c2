//! What the application is told.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use mqtt_codec::{
    Connack, ConnackReason, DecodeError, Disconnect, DisconnectReason, Frame, Packet, SubackReason,
    SubscriptionIdentifier, UnsubackReason, UserProperties,
};

use super::{ReauthenticateOutcome, ReceivedAuth, RejectReason, ServerLimits};
use crate::explanation::write_reason_string;
use crate::{AckToken, Acknowledgement, Message, Persist};

/// Names a message given to [`Client::publish`](crate::Client::publish).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublishToken(pub(super) u64);

/// Names a request given to [`Client::subscribe`](crate::Client::subscribe) or
/// [`Client::unsubscribe`](crate::Client::unsubscribe).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub(super) u64);

/// What has happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The Server has accepted the connection.
    Connected(Connected),
    /// The Server asks for the next step of the authentication exchange that CONNECT or
    /// [`Client::reauthenticate`](crate::Client::reauthenticate) has begun: answer with
    /// [`Client::authenticate`](crate::Client::authenticate).
    Challenge(ReceivedAuth),
    /// What became of a re-authentication: exactly once for each that was begun.
    Reauthenticated(ReauthenticateOutcome),
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The Server has taken it over (PUBACK; PUBCOMP). The reason may be `NoMatchingSubscribers`.
    Acknowledged(Acknowledgement),
    /// The Server has refused it (PUBACK or PUBREC of 0x80 or above) and must not be sent it again.
    Refused(Acknowledgement),
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
            Self::Acknowledged(answer) => write!(f, "acknowledged: {answer}"),
            Self::Refused(answer) => write!(f, "refused by the Server: {answer}"),
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
    /// No CONNACK came in time, or the authentication exchange before it stood still.
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
    /// Its CONNACK or AUTH does not name the Authentication Method of CONNECT `[MQTT-4.12.0-5]`.
    AuthenticationMethod = "not the Authentication Method of CONNECT";
    /// It sent AUTH where it was the Client's turn, where no exchange was under way, or with a reason that did not fit; or
    /// CONNACK without waiting for the step it had asked for (section 4.12).
    AuthenticationTurn = "a step of an authentication exchange out of turn";
    /// It asked for more steps of an authentication exchange than the configuration allows.
    AuthenticationSteps = "an authentication exchange without end";
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

impl Connected {
    /// The Authentication Data of the CONNACK, for methods in which the Server speaks last: often the proof that it is the
    /// Server it should be.
    pub fn authentication_data(&self) -> Option<&[u8]> {
        connack(&self.connack)?.properties.authentication_data()
    }

    /// The Response Information, if [requested](crate::ConnectOptions::request_response_information): usually the part of the
    /// topic tree that Response Topics of this Client are to begin with (section 3.2.2.3.15).
    pub fn response_information(&self) -> Option<&str> {
        connack(&self.connack)?.properties.response_information()
    }

    /// The Reason String of the CONNACK.
    pub fn reason_string(&self) -> Option<&str> {
        connack(&self.connack)?.properties.reason_string()
    }

    /// The User Properties of the CONNACK.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        connack(&self.connack).into_iter().flat_map(|connack| connack.properties.user_properties())
    }
}

impl Disconnected {
    /// Whether the application asked for it.
    pub const fn is_requested(&self) -> bool {
        matches!(self, Self::Requested)
    }

    /// Where the Server sends the Client: its Server Reference. With `UseAnotherServer` it holds for now, with `ServerMoved`
    /// for good (section 4.11).
    pub fn server_reference(&self) -> Option<&str> {
        match self {
            Self::Refused { connack: frame, .. } => connack(frame)?.properties.server_reference(),
            Self::ByServer { disconnect: frame, .. } => disconnect(frame)?.properties.server_reference(),
            _ => None,
        }
    }

    /// The Server's Reason String.
    pub fn reason_string(&self) -> Option<&str> {
        match self {
            Self::Refused { connack: frame, .. } => connack(frame)?.properties.reason_string(),
            Self::ByServer { disconnect: frame, .. } => disconnect(frame)?.properties.reason_string(),
            _ => None,
        }
    }

    /// The User Properties of the Server's CONNACK or DISCONNECT.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        let properties: Option<UserProperties<'_>> = match self {
            Self::Refused { connack: frame, .. } => {
                connack(frame).map(|connack| connack.properties.user_properties())
            }
            Self::ByServer { disconnect: frame, .. } => {
                disconnect(frame).map(|disconnect| disconnect.properties.user_properties())
            }
            _ => None,
        };
        properties.into_iter().flatten()
    }
}

fn connack(frame: &Frame) -> Option<Connack<'_>> {
    match frame.packet() {
        Packet::Connack(connack) => Some(connack),
        _ => None,
    }
}

fn disconnect(frame: &Frame) -> Option<Disconnect<'_>> {
    match frame.packet() {
        Packet::Disconnect(disconnect) => Some(disconnect),
        _ => None,
    }
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("disconnected"),
            Self::Refused { reason, .. } => {
                write!(f, "connection refused: {reason}")?;
                write_reason_string(f, self.reason_string())
            }
            Self::ByServer { reason, .. } => {
                write!(f, "disconnected by the Server: {reason}")?;
                write_reason_string(f, self.reason_string())
            }
            Self::Closed => f.write_str("the connection was closed"),
            Self::Malformed(error) => write!(f, "the Server sent no valid packet: {error}"),
            Self::ProtocolError { violation, .. } => write!(f, "the Server broke the protocol: {violation}"),
            Self::ConnackTimeout => f.write_str("no CONNACK in time"),
            Self::PingrespTimeout => f.write_str("no PINGRESP in time"),
        }
    }
}
