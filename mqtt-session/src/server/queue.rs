//! The messages that wait for one Session: QoS 1 and 2, bounded by number and by bytes.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::Limits;
use super::outgoing::Outgoing;
use crate::Instant;

/// How often a full queue is looked through for what has expired, at most.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A message that waits, with its number in the Session.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) outgoing: Outgoing,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    messages: VecDeque<Waiting>,
    bytes: usize,
    /// The queue is worth looking through from here on.
    first_expiry: Option<Instant>,
}

impl Queue {
    /// Appends a message. It comes back when there is no room, also after what has expired is gone: the newest is the one
    /// that is dropped. `expired` is told the numbers of those that have expired.
    pub(super) fn push(
        &mut self,
        now: Instant,
        waiting: Waiting,
        limits: Limits,
        expired: impl FnMut(u64),
    ) -> Result<(), Waiting> {
        if !self.make_room(now, waiting.outgoing.size(), limits, expired) {
            return Err(waiting);
        }
        self.restore(waiting);
        Ok(())
    }

    /// Whether there is room for a message of this size, once what has expired is gone.
    pub(super) fn make_room(
        &mut self,
        now: Instant,
        size: usize,
        limits: Limits,
        expired: impl FnMut(u64),
    ) -> bool {
        if !self.has_room(size, limits) && self.first_expiry.is_some_and(|at| at <= now) {
            self.drop_expired(now, expired);
        }
        self.has_room(size, limits)
    }

    /// Appends a message whatever room there is: it was accepted before.
    pub(super) fn restore(&mut self, waiting: Waiting) {
        self.bytes += waiting.outgoing.size();
        self.first_expiry = earlier(self.first_expiry, waiting.outgoing.expires_at);
        self.messages.push_back(waiting);
    }

    /// Takes the oldest message that has not expired. `expired` is told the numbers of those that have.
    pub(super) fn pop(&mut self, now: Instant, mut expired: impl FnMut(u64)) -> Option<Waiting> {
        loop {
            let waiting = self.messages.pop_front()?;
            self.bytes -= waiting.outgoing.size();
            if self.messages.is_empty() {
                // A burst is over.
                *self = Self::default();
            }
            if !waiting.outgoing.has_expired(now) {
                return Some(waiting);
            }
            expired(waiting.number);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.messages.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn into_messages(self) -> impl Iterator<Item = Outgoing> {
        self.messages.into_iter().map(|waiting| waiting.outgoing)
    }

    pub(super) fn has_room(&self, size: usize, limits: Limits) -> bool {
        self.messages.len() < limits.queued_messages && self.bytes + size <= limits.queued_bytes
    }

    fn drop_expired(&mut self, now: Instant, mut expired: impl FnMut(u64)) {
        self.messages.retain(|waiting| {
            let has_expired = waiting.outgoing.has_expired(now);
            if has_expired {
                expired(waiting.number);
            }
            !has_expired
        });
        self.bytes = self.messages.iter().map(|waiting| waiting.outgoing.size()).sum();
        let first =
            self.messages.iter().fold(None, |first, waiting| earlier(first, waiting.outgoing.expires_at));
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
