//! Who may connect, publish and subscribe: the embedder's decisions.

use alloc::sync::Arc;

use mqtt_codec::{ConnackReason, ConnectFields, PublishReason, QoS, SubackReason};
use mqtt_topic::Subscription;

use crate::Message;
use crate::server::{ClientInfo, ConnectionId};

/// The embedder's decisions. Every method has a default that allows everything.
///
/// They are asked when something is created: a connection, a subscription, a message, and a Will when it is published. What
/// has been granted or taken over stays so; to revoke it, end the Session's connection and let the Session expire.
pub trait Policy {
    /// Judges a CONNECT that is valid in every other respect. What takes time is answered [`Verdict::Pending`] first, and
    /// with [`Broker::handle_authenticated`](crate::Broker::handle_authenticated) later.
    fn authenticate(&mut self, connection: ConnectionId, connect: &ConnectFields<'_>) -> Verdict {
        let _ = (connection, connect);
        Verdict::Accept
    }

    /// Whether the Client may publish this message. A Will is judged when it is published.
    ///
    /// # Errors
    /// The reason to refuse it with, which a 5.0 Client is told; one below 0x80 becomes 0x87. In 3.x the message is
    /// acknowledged, and goes nowhere.
    fn may_publish(&self, client: &ClientInfo<'_>, message: &Message) -> Result<(), PublishReason> {
        let _ = (client, message);
        Ok(())
    }

    /// The QoS at which the Client may have this subscription: the one it asks for, or a lower one.
    ///
    /// # Errors
    /// The reason to refuse it with, which a 5.0 Client is told; one below 0x80 becomes 0x87. In 3.1.1 it becomes 0x80, and a
    /// 3.1 Client is not to know.
    fn may_subscribe(
        &self,
        client: &ClientInfo<'_>,
        subscription: &Subscription<&[u8]>,
        qos: QoS,
    ) -> Result<QoS, SubackReason> {
        let _ = (client, subscription);
        Ok(qos)
    }
}

/// The policy without rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Policy for AllowAll {}

/// The answer to a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Accepted, and nobody in particular: any other Client accepted in this way may take its Session over.
    Accept,
    /// Accepted as this principal (a user, a certificate). A Session belongs to the principal that began it; the same Client
    /// Identifier under another one is refused with 0x87.
    AcceptAs(Arc<str>),
    /// Refused. A reason below 0x80 is replaced by 0x87.
    Refuse(ConnackReason),
    /// The answer comes later. Nothing behind the CONNECT is looked at until then.
    Pending,
}
