//! Who may connect, publish and subscribe: the embedder's decisions.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use bytes::Bytes;
use mqtt_codec::{Auth, ConnackReason, ConnectFields, Publish, PublishReason, QoS, SubackReason};
use mqtt_topic::Subscription;

use crate::server::{ClientInfo, ConnectionId};
use crate::{AuthStep, Explanation, Refusal};

/// The embedder's decisions. Every method has a default that allows everything.
///
/// A connection, a subscription and a message are judged when they come, a Will when it is published. Each copy of a message
/// is judged [when it is sent](Policy::may_receive), so that a right that has been revoked holds for nothing that waits.
pub trait Policy {
    /// Judges a CONNECT that is valid in every other respect, and names no Authentication Method. What takes time is answered [`Verdict::Pending`] first, and
    /// with [`Broker::handle_authenticated`](crate::Broker::handle_authenticated) later.
    fn authenticate(&mut self, connection: ConnectionId, connect: &ConnectFields<'_>) -> Verdict {
        let _ = (connection, connect);
        Verdict::Accept
    }

    /// Judges a CONNECT that names an Authentication Method, and each AUTH behind it (5.0, section 4.12).
    ///
    /// [`Verdict::Continue`] asks the Client for another step, for which this is called again. A Client may begin a new
    /// exchange while it is connected; that one ends the connection if it is refused, or accepted as another principal.
    /// Meanwhile everything else goes on, with the rights there were.
    ///
    /// The whole exchange before CONNACK has the time of [`connect_timeout`](crate::BrokerConfig::connect_timeout). No
    /// exchange has more steps than [`maximum_authentication_steps`](crate::BrokerConfig::maximum_authentication_steps). The
    /// example `scram` is a whole one. By default no method is supported `[MQTT-4.12.0-1]`.
    fn exchange(&mut self, connection: ConnectionId, request: &AuthRequest<'_>) -> Verdict {
        let _ = (connection, request);
        Verdict::Refuse(ConnackReason::BadAuthenticationMethod.into())
    }

    /// The connection ended, or the Client broke the protocol, before your last word on its authentication: after
    /// [`Verdict::Continue`] or [`Verdict::Pending`]. Forget what you have kept for the exchange.
    fn abandoned(&mut self, connection: ConnectionId) {
        let _ = connection;
    }

    /// Whether the Client may publish this message. Its Topic Name is always there: a Topic Alias has been resolved. Its properties are
    /// those of the packet. A Will is judged when it is published, as the PUBLISH it is then, without its Message Expiry Interval.
    ///
    /// # Errors
    /// The reason to refuse it with, which a 5.0 Client is told; one below 0x80 becomes 0x87. In 3.x the message is
    /// acknowledged, and goes nowhere.
    fn may_publish(
        &self,
        client: &ClientInfo<'_>,
        message: &Publish<'_>,
    ) -> Result<(), Refusal<PublishReason>> {
        let _ = (client, message);
        Ok(())
    }

    /// The QoS at which the Client may have this subscription: the one it asks for, or a lower one.
    ///
    /// # Errors
    /// The reason to refuse it with, which a 5.0 Client is told; one below 0x80 becomes 0x87. In 3.1.1 it becomes 0x80, and a
    /// 3.1 Client is not to know. Of all refusals of one SUBSCRIBE, the first explanation that is not empty is sent.
    fn may_subscribe(
        &self,
        client: &ClientInfo<'_>,
        subscription: &Subscription<&[u8]>,
        qos: QoS,
    ) -> Result<QoS, Refusal<SubackReason>> {
        let _ = (client, subscription);
        Ok(qos)
    }

    /// Whether the Client may have this message, which one of its subscriptions matches.
    ///
    /// Each copy is judged before it is sent, and again before it is sent again: live messages, retained ones, those that have
    /// waited, and what was under way when the last connection ended. One that is refused is not sent, as if no
    /// subscription matched; if it has waited, there is a [`Notice::MessageDropped`](crate::Notice::MessageDropped). A Shared
    /// Subscription gives it to another member, unless it is QoS 2 and was under way.
    ///
    /// A message for a Client that is away, whose [`connection`](ClientInfo::connection) is `None` then, is judged when it
    /// comes, and is not kept if it is refused; what is kept is judged again when the Client is back. What has been put into
    /// [`Broker::transmit`](crate::Broker::transmit) is sent.
    ///
    /// Judge by topic, payload and properties: QoS, RETAIN, DUP and Packet Identifier may be those the message was published
    /// with, or those of the copy.
    fn may_receive(&self, client: &ClientInfo<'_>, message: &Publish<'_>) -> bool {
        let _ = (client, message);
        true
    }
}

/// The policy without rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Policy for AllowAll {}

/// The answer to a CONNECT, or to a step of an enhanced authentication exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Accepted, and nobody in particular: any other Client accepted in this way may take its Session over.
    Accept,
    /// Accepted as this principal (a user, a certificate). A Session belongs to the principal that began it; the same Client
    /// Identifier under another one is refused with 0x87.
    AcceptAs(Arc<str>),
    /// Accepted, with more to say.
    AcceptWith(Acceptance),
    /// Refused. A reason below 0x80 is replaced by 0x87. A re-authentication is refused by DISCONNECT, with 0x87 where it has
    /// no such reason.
    Refuse(Refusal<ConnackReason>),
    /// Refused: the Client is to use another Server (section 4.11). In 3.x, this Server is unavailable.
    Redirect(Redirect),
    /// The Client is asked for another step of the exchange, by AUTH with 0x18. Where no Authentication Method was named there is
    /// no exchange: the Client is refused with 0x87.
    Continue(AuthStep),
    /// The answer comes later, by [`Broker::handle_authenticated`](crate::Broker::handle_authenticated). Nothing behind a
    /// CONNECT, or behind a step of its exchange, is looked at until then.
    Pending,
}

/// What is told to a Client that is accepted.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// As [`Verdict::AcceptAs`]; `None`: nobody in particular.
    pub principal: Option<Arc<str>>,
    /// The last Authentication Data of an enhanced authentication exchange, which often proves who the Server is. Not sent
    /// where CONNECT named no method `[MQTT-4.12.0-6]`.
    pub authentication_data: Option<Bytes>,
    /// Usually the part of the topic tree that Response Topics of this Client may begin with. Sent with CONNACK, to Clients
    /// that ask for it `[MQTT-3.1.2-28]`.
    pub response_information: Option<String>,
    /// What is said beside it.
    pub explanation: Explanation,
}

/// Authentication Data can be a secret.
impl fmt::Debug for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptance")
            .field("principal", &self.principal)
            .field("authentication_data", &self.authentication_data.as_ref().map(|_| format_args!("***")))
            .field("response_information", &self.response_information)
            .field("explanation", &self.explanation)
            .finish()
    }
}

/// Another Server to use (section 4.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Where it is: one or more, separated by spaces; the format is up to who runs the Servers.
    pub server_reference: String,
    /// For good (0x9D), or for now (0x9C).
    pub is_permanent: bool,
    /// What is said beside it.
    pub explanation: Explanation,
}

impl Redirect {
    /// For now.
    pub fn temporary(server_reference: impl Into<String>) -> Self {
        let server_reference = server_reference.into();
        Self { server_reference, is_permanent: false, explanation: Explanation::NONE }
    }

    /// For good.
    pub fn permanent(server_reference: impl Into<String>) -> Self {
        Self { is_permanent: true, ..Self::temporary(server_reference) }
    }
}

/// A step of a Client in an enhanced authentication exchange.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AuthRequest<'a> {
    /// Where in the exchange it is.
    pub stage: AuthStage<'a>,
    /// The Authentication Method, the same in all of a connection.
    pub method: &'a str,
    /// The Authentication Data.
    pub data: Option<&'a [u8]>,
}

/// Where in an enhanced authentication exchange a step is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AuthStage<'a> {
    /// A CONNECT begins it.
    Connect(&'a ConnectFields<'a>),
    /// An AUTH with 0x18, the answer to [`Verdict::Continue`].
    Continue(&'a Auth<'a>),
    /// A Client that is connected begins another one, with 0x19.
    Reauthenticate {
        /// The Client.
        client: ClientInfo<'a>,
        /// The AUTH.
        auth: &'a Auth<'a>,
    },
}
