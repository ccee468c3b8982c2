//! Which levels the stored names have at all, so that a filter that names another one need not be searched for.

use alloc::vec::Vec;

use super::ordered::Ordered;
use crate::Level;

/// So many levels of a name are counted.
const DEPTH: u8 = 16;
/// So many bytes of a level are told apart.
const LENGTH: usize = 64;
/// Stands for the end of a name: no level begins with U+0000.
const END: &[u8] = &[0];

/// How many names have a level at a depth.
#[derive(Clone)]
pub(super) struct Levels {
    /// Keyed by the depth, from 0, and the level.
    counts: Ordered<u32>,
}

impl Levels {
    pub(super) const fn new() -> Self {
        Self { counts: Ordered::new() }
    }

    pub(super) fn add(&mut self, name: &[u8]) {
        for_each_key(name, |key| match self.counts.get_mut(key) {
            // There are no more names than that.
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.counts.insert(key, 1);
            }
        });
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        for_each_key(name, |key| match self.counts.get_mut(key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.counts.remove(key);
            }
        });
    }

    /// Whether a name may match a filter of these levels. Those before the first wildcard are not looked at, since a
    /// search goes there directly.
    pub(super) fn allow<'f>(&self, mut levels: impl Iterator<Item = Level<'f>>) -> bool {
        let (mut key, mut has_wildcard, mut last) = (Vec::new(), false, 0);
        for (depth, level) in (0..DEPTH).zip(&mut levels) {
            match level {
                Level::MultiLevel => return !has_wildcard || self.reach(last),
                Level::SingleLevel => has_wildcard = true,
                Level::Name(name) => {
                    if has_wildcard && self.counts.get(write_key(&mut key, depth, name)).is_none() {
                        return false;
                    }
                }
            }
            last = depth;
        }
        levels.next().is_some() || !has_wildcard || self.counts.get(write_key(&mut key, last, END)).is_some()
    }

    /// Whether there are levels at `depth`.
    fn reach(&self, depth: u8) -> bool {
        let mut cursor = self.counts.cursor();
        cursor.seek(&[depth]).is_some() && cursor.key().first() == Some(&depth)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.counts.heap_bytes()
    }
}

fn for_each_key(name: &[u8], mut each: impl FnMut(&[u8])) {
    let mut key = Vec::new();
    let mut levels = name.split(|byte| *byte == b'/');
    let mut last = 0;
    for (depth, level) in (0..DEPTH).zip(&mut levels) {
        each(write_key(&mut key, depth, level));
        last = depth;
    }
    if levels.next().is_none() {
        each(write_key(&mut key, last, END));
    }
}

fn write_key<'k>(key: &'k mut Vec<u8>, depth: u8, level: &[u8]) -> &'k [u8] {
    key.clear();
    key.push(depth);
    key.extend_from_slice(level.get(..LENGTH).unwrap_or(level));
    key
}
