//! When something has to happen without input: one ordered set for the whole broker.

use alloc::collections::BTreeSet;

use crate::Instant;
use crate::server::{ConnectionId, SessionId};

/// What a deadline is for. Each has one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerKey {
    /// CONNECT must have come and been judged, or the Client has been silent for too long.
    Connection(ConnectionId),
    /// A Will is due, or the Session ends.
    Session(SessionId),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Timers(BTreeSet<(Instant, TimerKey)>);

impl Timers {
    /// Replaces the deadline of `key`; `armed` is where its owner remembers it.
    pub(super) fn arm(&mut self, key: TimerKey, armed: &mut Option<Instant>, at: Option<Instant>) {
        if *armed == at {
            return;
        }
        if let Some(before) = core::mem::replace(armed, at) {
            self.0.remove(&(before, key));
        }
        if let Some(at) = at {
            self.0.insert((at, key));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The earliest deadline that has come. Its owner still remembers it: [`arm`](Self::arm) again or forget it.
    pub(super) fn due(&mut self, now: Instant) -> Option<TimerKey> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, key)| key)
    }
}
