//! What our client tells its application, as scripts write it.

use mqtt_session::codec::{DisconnectReason, SubackReason, UnsubackReason};
use mqtt_session::{
    Disconnected, Event, PublishOutcome, ReauthenticateOutcome, RejectReason, SubscribeOutcome,
    UnsubscribeOutcome, Violation,
};

/// An event, without the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// CONNACK has come, without a Session to go on with.
    Connected,
    /// CONNACK has come, with Session Present.
    Resumed,
    /// A message has arrived.
    Delivered {
        /// Its topic, as it stands on the wire.
        topic: String,
        /// Its payload.
        payload: String,
        /// Its QoS.
        qos: u8,
        /// Whether it had DUP.
        dup: bool,
    },
    /// A QoS 0 message has been sent.
    Sent,
    /// A message has arrived at the Server.
    Acknowledged,
    /// The Server has refused a message, with this code.
    Refused(u8),
    /// A message is lost with its Session, before or after the Server had taken it over.
    SessionLost {
        /// Whether PUBREC had come.
        was_taken: bool,
    },
    /// A message has waited too long.
    Expired,
    /// The Server does not take such a message.
    Rejected(RejectReason),
    /// The answers to a SUBSCRIBE.
    Subscribed(Vec<u8>),
    /// The answers to an UNSUBSCRIBE.
    Unsubscribed(Vec<u8>),
    /// The connection has ended before a request was answered.
    RequestLost,
    /// The Server asks for the next step of an authentication, with these data.
    Challenge(String),
    /// The Client has authenticated again.
    Reauthenticated,
    /// The connection has ended before it had.
    ReauthenticationLost,
    /// The connection has ended: as asked for.
    Left,
    /// The connection has ended: the Server has refused it, with this code.
    NotAccepted(u8),
    /// The connection has ended: the Server has sent DISCONNECT with this code.
    DisconnectedBy(u8),
    /// The connection has ended: it was closed.
    Closed,
    /// The connection has ended: the Server has sent no packet.
    Malformed,
    /// The connection has ended: the Server has broken the protocol.
    Violation(Violation),
    /// The connection has ended: no CONNACK came.
    NoConnack,
    /// The connection has ended: no PINGRESP came.
    NoPingresp,
    /// Something that no script asks for.
    Other(String),
}

/// A message that has arrived, without DUP.
pub fn delivered(topic: &str, payload: &str, qos: u8) -> News {
    News::Delivered { topic: topic.to_owned(), payload: payload.to_owned(), qos, dup: false }
}

impl News {
    pub(super) const fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Left
                | Self::NotAccepted(_)
                | Self::DisconnectedBy(_)
                | Self::Closed
                | Self::Malformed
                | Self::Violation(_)
                | Self::NoConnack
                | Self::NoPingresp
        )
    }

    /// The news in an event.
    pub(super) fn of(event: &Event) -> Self {
        match event {
            Event::Connected(connected) if connected.session_present => Self::Resumed,
            Event::Connected(_) => Self::Connected,
            Event::Challenge(received) => {
                Self::Challenge(String::from_utf8_lossy(received.data().unwrap_or_default()).into_owned())
            }
            Event::Reauthenticated(ReauthenticateOutcome::Success(_)) => Self::Reauthenticated,
            Event::Reauthenticated(_) => Self::ReauthenticationLost,
            Event::Message(received) => Self::Delivered {
                topic: received.message.topic().as_str().to_owned(),
                payload: String::from_utf8_lossy(received.message.payload()).into_owned(),
                qos: received.message.qos().bits(),
                dup: received.dup,
            },
            Event::Published { outcome, .. } => Self::of_outcome(outcome),
            Event::Subscribed { outcome: SubscribeOutcome::Acknowledged { reasons, .. }, .. } => {
                Self::Subscribed(reasons.iter().copied().map(SubackReason::code).collect())
            }
            Event::Unsubscribed { outcome: UnsubscribeOutcome::Acknowledged { reasons, .. }, .. } => {
                Self::Unsubscribed(reasons.iter().copied().map(UnsubackReason::code).collect())
            }
            Event::Subscribed { .. } | Event::Unsubscribed { .. } => Self::RequestLost,
            Event::Disconnected(why) => Self::of_end(why),
            other => Self::Other(format!("{other:?}")),
        }
    }

    fn of_outcome(outcome: &PublishOutcome) -> Self {
        match outcome {
            PublishOutcome::Sent => Self::Sent,
            PublishOutcome::Acknowledged(_) => Self::Acknowledged,
            PublishOutcome::Refused(answer) => Self::Refused(answer.reason.code()),
            PublishOutcome::SessionLost(message) => Self::SessionLost { was_taken: message.is_none() },
            PublishOutcome::Expired => Self::Expired,
            PublishOutcome::Rejected { reason, .. } => Self::Rejected(*reason),
            other => Self::Other(format!("{other:?}")),
        }
    }

    fn of_end(why: &Disconnected) -> Self {
        match why {
            Disconnected::Requested => Self::Left,
            Disconnected::Refused { reason, .. } => Self::NotAccepted(reason.code()),
            Disconnected::ByServer { reason, .. } => Self::DisconnectedBy(DisconnectReason::code(*reason)),
            Disconnected::Closed => Self::Closed,
            Disconnected::Malformed(_) => Self::Malformed,
            Disconnected::ProtocolError { violation, .. } => Self::Violation(*violation),
            Disconnected::ConnackTimeout => Self::NoConnack,
            Disconnected::PingrespTimeout => Self::NoPingresp,
            other => Self::Other(format!("{other:?}")),
        }
    }
}
