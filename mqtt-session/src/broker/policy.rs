//! Who may connect, publish and subscribe: the embedder's decisions.

use alloc::sync::Arc;

use mqtt_codec::{ConnackReason, ConnectFields, QoS};
use mqtt_topic::Subscription;

use crate::Message;
use crate::server::ConnectionId;

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
    fn may_publish(&self, client_id: &str, message: &Message) -> bool {
        let _ = (client_id, message);
        true
    }

    /// Whether the Client may have this subscription at this QoS.
    fn may_subscribe(&self, client_id: &str, subscription: &Subscription<&str>, qos: QoS) -> bool {
        let _ = (client_id, subscription, qos);
        true
    }
}

/// The policy without rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Policy for AllowAll {}

/// The answer to a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
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
