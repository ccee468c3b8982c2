//! The messages that wait for one Session: QoS 1 and 2, bounded by number and by bytes.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;

use super::Limits;
use super::outgoing::Outgoing;
use crate::Instant;

/// How often a full queue is looked through for what has expired, at most.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A message that waits, with its number in the Session.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) outgoing: Outgoing,
}

/// Most Sessions have no message that waits, and pay for none.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue(Option<Box<Messages>>);

/// At least one message.
#[derive(Clone, Debug, Default)]
struct Messages {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// The queue is worth looking through from here on.
    first_expiry: Option<Instant>,
}

impl Queue {
    /// Whether there is room for a message of this size, once what has expired is gone. `expired` is told the numbers of those that
    /// have. What there is no room for is dropped: it is the newest.
    pub(super) fn make_room(
        &mut self,
        now: Instant,
        size: usize,
        limits: Limits,
        expired: impl FnMut(u64),
    ) -> bool {
        if !self.has_room(size, limits)
            && let Some(messages) = &mut self.0
            && messages.first_expiry.is_some_and(|at| at <= now)
        {
            messages.drop_expired(now, expired);
            self.drop_if_empty();
        }
        self.has_room(size, limits)
    }

    /// Appends a message, whatever room there is.
    pub(super) fn push(&mut self, waiting: Waiting) {
        let messages = self.0.get_or_insert_default();
        messages.bytes += waiting.outgoing.size();
        messages.first_expiry = earlier(messages.first_expiry, waiting.outgoing.expires_at);
        messages.waiting.push_back(waiting);
    }

    /// Takes the oldest message that has not expired. `expired` is told the numbers of those that have.
    pub(super) fn pop(&mut self, now: Instant, mut expired: impl FnMut(u64)) -> Option<Waiting> {
        loop {
            let messages = self.0.as_mut()?;
            let waiting = messages.waiting.pop_front()?;
            messages.bytes -= waiting.outgoing.size();
            self.drop_if_empty();
            if !waiting.outgoing.has_expired(now) {
                return Some(waiting);
            }
            expired(waiting.number);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.0.iter().flat_map(|messages| &messages.waiting)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn into_messages(self) -> impl Iterator<Item = Outgoing> {
        self.0.into_iter().flat_map(|messages| messages.waiting).map(|waiting| waiting.outgoing)
    }

    pub(super) fn has_room(&self, size: usize, limits: Limits) -> bool {
        let (count, bytes) =
            self.0.as_ref().map_or((0, 0), |messages| (messages.waiting.len(), messages.bytes));
        count < limits.queued_messages && bytes + size <= limits.queued_bytes
    }

    /// A burst is over.
    fn drop_if_empty(&mut self) {
        self.0.take_if(|messages| messages.waiting.is_empty());
    }
}

impl Messages {
    fn drop_expired(&mut self, now: Instant, mut expired: impl FnMut(u64)) {
        self.waiting.retain(|waiting| {
            let has_expired = waiting.outgoing.has_expired(now);
            if has_expired {
                expired(waiting.number);
            }
            !has_expired
        });
        self.bytes = self.waiting.iter().map(|waiting| waiting.outgoing.size()).sum();
        let first =
            self.waiting.iter().fold(None, |first, waiting| earlier(first, waiting.outgoing.expires_at));
        // A full queue is not looked through at every push.
        self.first_expiry = first.map(|first| first.max(now + SWEEP_INTERVAL));
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
