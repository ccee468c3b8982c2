//! Levels and Share Names as numbers: each text is kept once, for as long as somebody uses it.

use alloc::sync::Arc;

use super::exact::bytes_of;
use super::hash::Seed;
use super::table::Table;
use crate::arena::{Arena, NONE, Record};

/// Texts of so many bytes stand in the record.
const SHORT: usize = 16;

/// A text as it is compared: the bytes of a short one as a number, which without U+0000 says how many there are.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    Short(u128),
    Long(&'a [u8]),
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self::within(text, 0, text.len())
    }

    /// The text from `at` to `end`.
    #[inline]
    pub(super) fn within(all: &'a [u8], at: usize, end: usize) -> Self {
        let text = all.get(at..end).unwrap_or_default();
        let unused = match SHORT.checked_sub(text.len()) {
            None => return Self::Long(text),
            Some(SHORT) => return Self::Short(0),
            Some(unused) => unused as u32 * 8,
        };
        // Sixteen bytes are read, from or to the text's end on, and those beside it cut off.
        Self::Short(if let Some(to) = all.get(..end).and_then(<[u8]>::last_chunk) {
            u128::from_le_bytes(*to) >> unused
        } else if let Some(from) = all.get(at..).and_then(<[u8]>::first_chunk) {
            u128::from_le_bytes(*from) << unused >> unused
        } else {
            text.iter().rev().fold(0, |all, byte| all << 8 | u128::from(*byte))
        })
    }

    #[inline]
    fn hash(self, seed: Seed) -> u32 {
        match self {
            Self::Short(text) => seed.number(text),
            Self::Long(text) => seed.text(text),
        }
    }
}

#[derive(Clone)]
pub(super) struct Symbols {
    seed: Seed,
    table: Table,
    records: Arena<Symbol>,
    /// The texts that are too long for the record.
    long: Arena<Long>,
}

#[derive(Clone, Copy)]
struct Symbol {
    /// None of a vacant one.
    users: u32,
    len: u16,
    /// The text, or the number of a long one, or the next vacant number.
    bytes: [u8; SHORT],
}

#[derive(Clone)]
enum Long {
    Vacant(u32),
    Text(Arc<[u8]>),
}

impl Symbol {
    const fn new(users: u32, len: u16, number: u32) -> Self {
        let mut bytes = [0; SHORT];
        if let Some(first) = bytes.first_chunk_mut() {
            *first = number.to_le_bytes();
        }
        Self { users, len, bytes }
    }

    fn number(&self) -> u32 {
        self.bytes.first_chunk().map_or(NONE, |first| u32::from_le_bytes(*first))
    }
}

impl Record for Symbol {
    fn vacant(next: u32) -> Self {
        Self::new(0, 0, next)
    }

    fn next_vacant(&self) -> Option<u32> {
        (self.users == 0).then(|| self.number())
    }
}

impl Record for Long {
    fn vacant(next: u32) -> Self {
        Self::Vacant(next)
    }

    fn next_vacant(&self) -> Option<u32> {
        match self {
            Self::Vacant(next) => Some(*next),
            Self::Text(_) => None,
        }
    }
}

impl Symbols {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, table: Table::new(), records: Arena::new(), long: Arena::new() }
    }

    #[inline]
    pub(super) fn find(&self, text: Text<'_>) -> Option<u32> {
        self.find_hashed(text.hash(self.seed), text)
    }

    #[inline]
    fn find_hashed(&self, hash: u32, text: Text<'_>) -> Option<u32> {
        match text {
            Text::Short(text) => self.table.find(hash, |id| {
                self.records.get(id).is_some_and(|symbol| {
                    u128::from_le_bytes(symbol.bytes) == text && usize::from(symbol.len) <= SHORT
                })
            }),
            Text::Long(text) => self.table.find(hash, |id| self.text(id) == text),
        }
    }

    pub(super) fn text(&self, id: u32) -> &[u8] {
        let Some(symbol) = self.records.get(id) else { return &[] };
        match symbol.bytes.get(..symbol.len.into()) {
            Some(text) => text,
            None => match self.long.get(symbol.number()) {
                Some(Long::Text(text)) => text,
                Some(Long::Vacant(_)) | None => &[],
            },
        }
    }

    /// The number of a text, which has one user more now.
    pub(super) fn add(&mut self, text: &[u8]) -> u32 {
        let key = Text::new(text);
        let hash = key.hash(self.seed);
        if let Some(id) = self.find_hashed(hash, key) {
            if let Some(symbol) = self.records.get_mut(id) {
                symbol.users += 1;
            }
            return id;
        }
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        let mut symbol = Symbol::new(1, len, 0);
        match symbol.bytes.get_mut(..text.len()) {
            Some(bytes) => bytes.copy_from_slice(text),
            None => symbol = Symbol::new(1, len, self.long.insert(Long::Text(text.into()))),
        }
        let id = self.records.insert(symbol);
        self.table.insert(hash, id);
        id
    }

    /// A user of the text is gone.
    pub(super) fn release(&mut self, id: u32) {
        let Some(symbol) = self.records.get_mut(id) else { return };
        if symbol.users > 1 {
            symbol.users -= 1;
            return;
        }
        let hash = Text::new(self.text(id)).hash(self.seed);
        self.table.remove(hash, id);
        if let Some(symbol) = self.records.remove(id)
            && usize::from(symbol.len) > SHORT
        {
            self.long.remove(symbol.number());
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let long = self.long.iter().map(|long| match long {
            Long::Text(text) => bytes_of(text),
            Long::Vacant(_) => 0,
        });
        self.table.heap_bytes() + self.records.heap_bytes() + self.long.heap_bytes() + long.sum::<usize>()
    }
}
