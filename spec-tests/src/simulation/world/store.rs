//! What survives a crash.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use mqtt_session::{Persist, PersistSeq, StoredState};

/// Stable storage of one machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    pub(super) state: Arc<StoredState>,
    /// What is to be stored, and when it will be.
    pub(super) pending: VecDeque<(u64, Persist)>,
    /// How many transactions have been told.
    pub(super) told: usize,
}

impl Store {
    pub(super) fn take(&mut self, now: u64, delay: u16, persist: Persist) {
        let at = self.pending.back().map_or(0, |(at, _)| *at).max(now + u64::from(delay));
        self.pending.push_back((at, persist));
        self.told += 1;
    }

    pub(super) fn next_at(&self) -> Option<u64> {
        self.pending.front().map(|(at, _)| *at)
    }

    pub(super) fn store(&mut self) -> Option<PersistSeq> {
        let (_, Persist { seq, changes }) = self.pending.pop_front()?;
        Arc::make_mut(&mut self.state).apply(&changes);
        Some(seq)
    }
}

/// What is in it. How much has been told in all is history.
impl Hash for Store {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { state: stored, pending, told: _ } = self;
        stored.len().hash(state);
        stored.records().for_each(|record| record.hash(state));
        pending.len().hash(state);
        if !pending.is_empty() {
            format!("{pending:?}").hash(state);
        }
    }
}
