//! What is known of states, by their digests, for several threads.

#![expect(clippy::disallowed_types, reason = "nobody goes through these tables")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many parts a table has, so that threads seldom wait for each other.
const PARTS: usize = 256;

type Part<V> = HashMap<u128, V, BuildHasherDefault<Itself>>;

/// A table in parts.
struct Parts<V>(Vec<Mutex<Part<V>>>);

/// The states that have been seen.
#[derive(Debug, Default)]
pub struct Seen(Parts<()>);

/// What a machine becomes, by what it was and what it was given.
#[derive(Debug, Default)]
pub struct Outcomes(Parts<u128>);

impl<V> Parts<V> {
    fn part(&self, digest: u128) -> MutexGuard<'_, Part<V>> {
        self.0[digest as usize % PARTS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Default for Parts<V> {
    fn default() -> Self {
        Self((0..PARTS).map(|_| Mutex::default()).collect())
    }
}

impl<V> fmt::Debug for Parts<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

impl Seen {
    /// Whether it is seen for the first time.
    pub fn insert(&self, digest: u128) -> bool {
        self.0.part(digest).insert(digest, ()).is_none()
    }
}

impl Outcomes {
    /// What is known, or else what `find` finds.
    pub(super) fn get(&self, given: u128, find: impl FnOnce() -> u128) -> u128 {
        match self.0.part(given).entry(given) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => *place.insert(find()),
        }
    }
}

/// A digest needs no other hash than its upper half: the lower chooses the part.
#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = (digest >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
