//! Durability: what must be on stable storage before what leaves.
//!
//! The state of a machine that has to survive a crash is a set of *records*, each with a key. A machine that is
//! [durable](crate::ClientConfig::durable) tells every [`Change`] of a record, and holds bytes back until the changes they
//! depend on are stored. Storing is the caller's: any ordered store of keys and values will do.
//!
//! ```text
//! handle_input ──► changes collected, bytes appended to transmit() but invisible
//! poll_*       ──► Persist { seq, changes }       all changes since the last one: a transaction
//!   store them, all or none; one transaction after the other
//! handle_persisted(seq)
//! transmit()   ──► bytes that waited for `seq` or an earlier one are visible
//! ```
//!
//! | change | stored before | or else a crash in between |
//! |---|---|---|
//! | message taken over, by a queue or for sending | PUBLISH with its identifier; PUBACK or PUBREC to its publisher | loses it |
//! | PUBREC has come: the message is given up | PUBREL | sends PUBLISH after PUBREL |
//! | QoS 2 message received | PUBREC | loses it, or delivers it twice |
//! | PUBREL has come: its identifier is forgotten | PUBCOMP | takes the next message for a repeat |
//! | exchange is over | the identifier is used again | mistakes one message for another |
//! | Session, subscription, Will, retained message | CONNACK, SUBACK, UNSUBACK, PUBACK, PUBREC | forgets what was acknowledged |
//! | a Client's Session begins, or is given up | CONNECT, SUBSCRIBE | does not know the Session; takes new messages for repeats of old ones |
//!
//! What may never happen: a transaction with one part of a transition (the messages a QoS 2 PUBLISH becomes, without its
//! identifier). It cannot, because a transaction is taken between calls, never within one.

mod delivery;
mod record;
mod stored;
mod value;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

pub(crate) use self::delivery::{
    DeliveryLog, ExchangeStage, MessageRecord, RestoredDelivery, RestoredExchange, RestoredMessage,
    restored_filter, restored_subscription, restored_topic, subscription_fields,
};
pub(crate) use self::record::{Fields, Kind, Scope, Writer};
pub use self::record::{RestoreError, RestoreFault};
pub use self::stored::{InvalidSnapshot, StoredState};
pub use self::value::Value;
pub(crate) use self::value::{Bodies, Body, Restored};

/// The number of a [`Persist`] transaction. Later ones have higher numbers; a machine that is restored begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersistSeq(u64);

impl fmt::Display for PersistSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Changes to be stored: all of them or none, and after those of every earlier transaction.
///
/// Bytes wait for them until [`Client::handle_persisted`](crate::Client::handle_persisted) or
/// [`Broker::handle_persisted`](crate::Broker::handle_persisted) is told `seq`. Several transactions may be stored together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "bytes wait until these changes are stored"]
pub struct Persist {
    /// The number to report once the changes are stored.
    pub seq: PersistSeq,
    /// In order; never empty. A key can be in there more than once.
    pub changes: Vec<Change>,
}

/// A change of one record, or of some.
///
/// Keys are compared byte by byte, and are at most some 196,700 bytes (a Client Identifier, a Share Name and a Topic Filter
/// of 65,535 bytes each). A value holds one message at most; see [`Value`] for who shares its memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The record with this key has this value now.
    Put {
        /// Which record.
        key: Vec<u8>,
        /// What is in it.
        value: Value,
    },
    /// There is no record with this key any more.
    Remove {
        /// Which record. It may not exist.
        key: Vec<u8>,
    },
    /// There are no records any more whose keys begin with this.
    RemoveAll {
        /// Never empty.
        prefix: Vec<u8>,
    },
}

impl Change {
    /// The message in it.
    fn body(&self) -> Option<&Bytes> {
        match self {
            Self::Put { value, .. } => Some(value.body()).filter(|body| !body.is_empty()),
            Self::Remove { .. } | Self::RemoveAll { .. } => None,
        }
    }

    /// Bytes of memory, without that of the message.
    fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Put { key, value } => key.len() + value.head_len(),
                Self::Remove { key } => key.len(),
                Self::RemoveAll { prefix } => prefix.len(),
            }
    }
}

/// The changes that are still to be told, and the numbers of those that were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    is_enabled: bool,
    changes: Vec<Change>,
    /// The last transaction that was taken.
    taken: u64,
    /// The last transaction that is stored.
    persisted: u64,
    /// Bytes of `changes`.
    bytes: usize,
    /// The transactions that were taken and are not stored, with their bytes.
    waiting: VecDeque<(u64, usize)>,
    /// Bytes of all changes that are not stored.
    unstored: usize,
}

impl Journal {
    pub(crate) fn new(is_enabled: bool) -> Self {
        Self { is_enabled, ..Self::default() }
    }

    /// Whether changes are to be told at all. In memory alone, this is all that durability costs.
    pub(crate) const fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    pub(crate) fn push(&mut self, change: Change) {
        if self.is_enabled {
            let size = change.size() + self.own_body(&change);
            self.bytes += size;
            self.unstored += size;
            self.changes.push(change);
        }
    }

    /// Bytes of the message in a change that is still to be told. One that goes to many Sessions is in memory once.
    fn own_body(&self, change: &Change) -> usize {
        let Some(body) = change.body() else { return 0 };
        // What comes between two changes with the same message is that it is sent.
        let mut before = self.changes.iter().rev().take(2).filter_map(Change::body);
        if before.any(|other| other.as_ptr_range() == body.as_ptr_range()) { 0 } else { body.len() }
    }

    /// Bytes of the changes that are not stored, told or not.
    pub(crate) const fn unstored(&self) -> usize {
        self.unstored
    }

    /// What bytes have to wait for that depend on the changes so far; `None`: nothing.
    pub(crate) const fn barrier(&self) -> Option<PersistSeq> {
        if !self.changes.is_empty() {
            Some(PersistSeq(self.taken + 1))
        } else if self.taken > self.persisted {
            Some(PersistSeq(self.taken))
        } else {
            None
        }
    }

    /// The changes since the last transaction was taken.
    pub(crate) fn take(&mut self) -> Option<Persist> {
        if self.changes.is_empty() {
            return None;
        }
        self.taken += 1;
        self.waiting.push_back((self.taken, core::mem::take(&mut self.bytes)));
        Some(Persist { seq: PersistSeq(self.taken), changes: core::mem::take(&mut self.changes) })
    }

    /// What the changes add up to.
    pub(crate) fn into_state(self) -> StoredState {
        let mut state = StoredState::default();
        state.apply(&self.changes);
        state
    }

    /// Everything up to this transaction is stored. One that has not been taken is of another run, and says nothing.
    pub(crate) fn persisted(&mut self, up_to: PersistSeq) {
        if up_to.0 <= self.taken {
            self.persisted = self.persisted.max(up_to.0);
        }
        while let Some((seq, bytes)) = self.waiting.front().copied()
            && seq <= self.persisted
        {
            self.waiting.pop_front();
            self.unstored -= bytes;
        }
    }

    /// Whether bytes that wait for this transaction are free.
    pub(crate) const fn is_persisted(&self, seq: PersistSeq) -> bool {
        seq.0 <= self.persisted
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_transaction_holds_all_changes_since_the_last() {
        let mut journal = Journal::new(true);
        let change = |byte| Change::Remove { key: vec![byte] };
        assert_eq!((journal.barrier(), journal.take()), (None, None));
        journal.push(change(1));
        journal.push(change(2));
        assert_eq!(journal.barrier(), Some(PersistSeq(1)));
        assert_eq!(journal.take(), Some(Persist { seq: PersistSeq(1), changes: vec![change(1), change(2)] }));
        assert_eq!(journal.barrier(), Some(PersistSeq(1)));
        journal.push(change(3));
        assert_eq!(journal.barrier(), Some(PersistSeq(2)));
        // A number of another run says nothing of this one.
        journal.persisted(PersistSeq(9));
        assert!(!journal.is_persisted(PersistSeq(1)));
        journal.persisted(PersistSeq(1));
        assert!(journal.is_persisted(PersistSeq(1)) && !journal.is_persisted(PersistSeq(2)));
        assert_eq!(journal.unstored(), change(3).size());
        assert_eq!(journal.take().map(|persist| persist.seq), Some(PersistSeq(2)));
        journal.persisted(PersistSeq(2));
        journal.persisted(PersistSeq(1));
        assert_eq!((journal.barrier(), journal.unstored()), (None, 0));
    }

    #[test]
    fn a_message_counts_once_for_all_who_get_it() {
        let change = |number, message: &Bytes| Change::Put {
            key: vec![number],
            value: Value::new(vec![0; 4], message.clone()),
        };
        let (one, other) = (Bytes::from(vec![1; 1_000]), Bytes::from(vec![1; 1_000]));
        let mut journal = Journal::new(true);
        for number in 0..10 {
            journal.push(change(number, &one));
            journal.push(Change::Remove { key: vec![number] });
        }
        assert!((1_000..3_000).contains(&journal.unstored()), "{}", journal.unstored());
        journal.push(change(10, &other));
        assert!((2_000..4_000).contains(&journal.unstored()), "{}", journal.unstored());
        let persist = journal.take().unwrap();
        journal.persisted(persist.seq);
        assert_eq!(journal.unstored(), 0);
    }

    #[test]
    fn in_memory_nothing_is_told() {
        let mut journal = Journal::new(false);
        journal.push(Change::Remove { key: vec![1] });
        assert_eq!((journal.barrier(), journal.take()), (None, None));
    }
}
