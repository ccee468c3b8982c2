//! What the broker asks of whoever drives it.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::fmt;

use mqtt_codec::{ConnackReason, DecodeError, DisconnectReason};

use super::slab::Key;
use crate::persist::Journal;
use crate::{Message, Persist, PersistSeq};

/// Names one Network Connection to a [`Broker`](crate::Broker). Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl Key for ConnectionId {
    fn from_number(number: u64) -> Self {
        Self(number)
    }

    fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something for the driver to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a connection may wait for it"]
pub enum Action {
    /// The connection's [`transmit`](crate::Broker::transmit) was empty and has bytes now.
    Transmit(ConnectionId),
    /// Write what is left in [`transmit`](crate::Broker::transmit), close the transport, then call
    /// [`handle_closed`](crate::Broker::handle_closed). Do not wait for a peer that does not read.
    Close(ConnectionId),
    /// Input was [`Paused`](crate::Received::Paused): offer it again.
    Resume(ConnectionId),
    /// Something worth a line in a log.
    Notice(Notice),
    /// A message of a Client has been taken over and routed: for brokers that share their Clients out, bridges and gateways, if
    /// [`tell_published`](crate::BrokerConfig::tell_published) is on. Once for each message, in the order in which they come; a Will is
    /// told when it is published.
    ///
    /// What the Client is told of it is in [`transmit`](crate::Broker::transmit) already, or held back behind the
    /// [`Persist`](Self::Persist) that comes behind this. So whoever stores the message before writing has it before the Client
    /// believes so, but may be told it again after a crash; whoever stores it together with those changes has a QoS 2 message
    /// exactly once.
    ///
    /// It is told too if there is no room to retain it and nobody to refuse it to (QoS 0, 3.x, Wills).
    Published {
        /// The Client Identifier of the publisher, or of the Will's owner.
        client_id: Arc<str>,
        /// The message, as it may be in the Sessions it is for too.
        message: Arc<Message>,
    },
    /// Changes to be stored, of a [durable](crate::BrokerConfig::durable) broker; then call
    /// [`handle_persisted`](crate::Broker::handle_persisted). It comes behind all other actions.
    Persist(Persist),
}

/// Something the operator of a broker may want to know; nothing has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A CONNECT was refused with this reason, or with silence where the version has no code for it.
    Refused {
        /// The connection, which is closed.
        connection: ConnectionId,
        /// Why.
        reason: ConnackReason,
    },
    /// The broker ended a connection.
    Ended {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        cause: EndCause,
    },
    /// Messages did not get to one of their receivers.
    MessageDropped {
        /// The Client Identifier of the receiver.
        client_id: Arc<str>,
        /// Why.
        cause: DropCause,
        /// How many since the last notice of this kind; at least 1.
        count: u64,
    },
    /// Messages were not retained: the ceiling of messages or of bytes is reached.
    NotRetained {
        /// How many since the last notice of this kind; at least 1.
        count: u64,
    },
    /// A Will was not published: the policy forbids it now.
    WillRefused {
        /// The Client Identifier of the Will's owner.
        client_id: Arc<str>,
    },
}

/// Why the broker ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndCause {
    /// No CONNECT in time.
    ConnectTimeout,
    /// Bytes that are no valid packet.
    Malformed(DecodeError),
    /// This reason, which a 5.0 Client was told.
    Reason(DisconnectReason),
}

/// Why a message did not get to one of its receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DropCause {
    /// QoS 0, and too much waits to be written to the receiver already.
    TransmitFull,
    /// The receiver's queue is at its ceiling of messages or bytes.
    QueueFull,
    /// The packet would be larger than the receiver's Maximum Packet Size `[MQTT-3.1.2-25]`.
    PacketTooLarge,
    /// The receiver may not have it any more: [`Policy::may_receive`](crate::Policy::may_receive).
    NotAuthorized,
}

/// What waits for [`poll_action`](crate::Broker::poll_action).
///
/// Losses are counted instead of queued: one packet can lose a message for every receiver there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    pub(crate) journal: Journal,
    /// Connections with bytes that wait for a transaction, in the order of these.
    held: VecDeque<(PersistSeq, ConnectionId)>,
    queue: VecDeque<Action>,
    dropped: BTreeMap<(Arc<str>, DropCause), u64>,
    not_retained: u64,
}

impl Actions {
    pub(crate) fn new(is_durable: bool) -> Self {
        Self { journal: Journal::new(is_durable), ..Self::default() }
    }

    /// Bytes of this connection wait for this transaction.
    pub(crate) fn held(&mut self, seq: PersistSeq, connection: ConnectionId) {
        self.held.push_back((seq, connection));
    }

    /// The next connection with bytes that wait no longer.
    pub(crate) fn next_released(&mut self) -> Option<ConnectionId> {
        let Self { journal, held, .. } = self;
        held.front().filter(|(seq, _)| journal.is_persisted(*seq))?;
        held.pop_front().map(|(_, connection)| connection)
    }

    pub(crate) fn push_back(&mut self, action: Action) {
        self.queue.push_back(action);
    }

    pub(crate) fn dropped(&mut self, client_id: &Arc<str>, cause: DropCause) {
        *self.dropped.entry((Arc::clone(client_id), cause)).or_default() += 1;
    }

    pub(crate) const fn not_retained(&mut self) {
        self.not_retained += 1;
    }

    pub(crate) fn pop_front(&mut self) -> Option<Action> {
        if let Some(action) = self.queue.pop_front() {
            return Some(action);
        }
        if let Some(((client_id, cause), count)) = self.dropped.pop_first() {
            return Some(Action::Notice(Notice::MessageDropped { client_id, cause, count }));
        }
        match core::mem::take(&mut self.not_retained) {
            0 => self.journal.take().map(Action::Persist),
            count => Some(Action::Notice(Notice::NotRetained { count })),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { connection, reason } => write!(f, "connection {connection} refused: {reason}"),
            Self::Ended { connection, cause } => write!(f, "connection {connection} ended: {cause}"),
            Self::MessageDropped { client_id, cause, count } => {
                write!(f, "message to {client_id:?} dropped: {cause}")?;
                write_times(f, *count)
            }
            Self::NotRetained { count } => {
                f.write_str("message not retained: the store is full")?;
                write_times(f, *count)
            }
            Self::WillRefused { client_id } => {
                write!(f, "Will of {client_id:?} not published: not authorized")
            }
        }
    }
}

fn write_times(f: &mut fmt::Formatter<'_>, count: u64) -> fmt::Result {
    if count > 1 { write!(f, " ({count} times)") } else { Ok(()) }
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectTimeout => f.write_str("no CONNECT in time"),
            Self::Malformed(error) => error.fmt(f),
            Self::Reason(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for DropCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TransmitFull => "too much waits to be written",
            Self::QueueFull => "the queue is full",
            Self::PacketTooLarge => "larger than its Maximum Packet Size",
            Self::NotAuthorized => "it may not have the message",
        })
    }
}
