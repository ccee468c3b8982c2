//! The messages that wait for one Session: QoS 1 and 2, bounded by number and by bytes.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::Limits;
use super::outgoing::Outgoing;
use crate::Instant;

/// How often a full queue is looked through for what has expired, at most.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Queue {
    messages: VecDeque<Outgoing>,
    bytes: usize,
    /// The queue is worth looking through from here on.
    first_expiry: Option<Instant>,
}

impl Queue {
    /// Appends a message. It comes back when there is no room, also after what has expired is gone: the newest is the one
    /// that is dropped.
    pub(super) fn push(&mut self, now: Instant, outgoing: Outgoing, limits: Limits) -> Result<(), Outgoing> {
        let size = outgoing.size();
        if !self.has_room(size, limits) && self.first_expiry.is_some_and(|at| at <= now) {
            self.drop_expired(now);
        }
        if !self.has_room(size, limits) {
            return Err(outgoing);
        }
        self.bytes += size;
        self.first_expiry = earlier(self.first_expiry, outgoing.expires_at);
        self.messages.push_back(outgoing);
        Ok(())
    }

    /// Takes the oldest message that has not expired.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Outgoing> {
        loop {
            let outgoing = self.messages.pop_front()?;
            self.bytes -= outgoing.size();
            if self.messages.is_empty() {
                // A burst is over.
                *self = Self::default();
            }
            if !outgoing.has_expired(now) {
                return Some(outgoing);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn into_messages(self) -> impl Iterator<Item = Outgoing> {
        self.messages.into_iter()
    }

    pub(super) fn has_room(&self, size: usize, limits: Limits) -> bool {
        self.messages.len() < limits.queued_messages && self.bytes + size <= limits.queued_bytes
    }

    fn drop_expired(&mut self, now: Instant) {
        self.messages.retain(|outgoing| !outgoing.has_expired(now));
        self.bytes = self.messages.iter().map(Outgoing::size).sum();
        let first = self.messages.iter().fold(None, |first, outgoing| earlier(first, outgoing.expires_at));
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
