//! Levels and Share Names as numbers: each text is kept once, for as long as somebody uses it.

use alloc::sync::Arc;

use super::exact::bytes_of;
use super::hash::Seed;
use super::table::Table;
use crate::arena::{Arena, NONE, Record};
use crate::bytes::{WORD, level_end, slashes};

/// Texts of so many bytes stand in the record.
const SHORT: usize = 16;

/// A text as it is compared: the bytes of a short one as two numbers, which without U+0000 say how many there are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Text<'a> {
    Short(u64, u64),
    Long(&'a [u8]),
}

impl<'a> Text<'a> {
    /// A level or a Share Name.
    #[inline(never)]
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self::level(text, 0).0
    }

    /// The level of a Topic Name that begins at `at`, and where it ends.
    #[expect(clippy::inline_always, reason = "a call takes as long as it does")]
    #[inline(always)]
    pub(super) fn level(name: &'a [u8], at: usize) -> (Self, usize) {
        let bytes: Option<&[u8; SHORT]> = name.get(at..at + SHORT).and_then(|bytes| bytes.try_into().ok());
        let [first, second] = match bytes {
            Some(bytes) => words(*bytes),
            None => last_words(name, at),
        };
        let found = slashes(first);
        if found != 0 {
            return (Self::Short(first & before(found), 0), at + index(found));
        }
        let found = slashes(second);
        if found != 0 {
            return (Self::Short(first, second & before(found)), at + WORD + index(found));
        }
        if bytes.is_none() {
            return (Self::Short(first, second), name.len());
        }
        Self::long_level(name, at)
    }

    #[cold]
    #[inline(never)]
    fn long_level(name: &'a [u8], at: usize) -> (Self, usize) {
        let rest = name.get(at..).unwrap_or_default();
        let text = rest.get(..level_end(rest)).unwrap_or_default();
        let short = text.first_chunk().filter(|_| text.len() == SHORT).map(|bytes| words(*bytes));
        (short.map_or(Self::Long(text), |[first, second]| Self::Short(first, second)), at + text.len())
    }

    #[inline]
    fn hash(self, seed: Seed) -> u32 {
        match self {
            Self::Short(first, second) => (seed.words(first, second) >> 32) as u32,
            Self::Long(text) => seed.text(text),
        }
    }
}

/// The bits of the bytes before the one whose highest bit is the lowest that is set.
#[inline]
const fn before(found: u64) -> u64 {
    (found ^ found.wrapping_sub(1)) >> WORD
}

/// The number of that byte.
#[inline]
const fn index(found: u64) -> usize {
    (found.trailing_zeros() / 8) as usize
}

#[inline]
const fn words(bytes: [u8; SHORT]) -> [u64; 2] {
    let both = u128::from_le_bytes(bytes);
    [both as u64, (both >> 64) as u64]
}

/// The last `len` bytes, and zeros.
#[inline]
fn last(word: [u8; WORD], len: usize) -> u64 {
    u64::from_le_bytes(word).checked_shr((WORD - len) as u32 * 8).unwrap_or(0)
}

/// The fewer than 16 bytes from `at` on, and zeros.
#[inline]
fn last_words(name: &[u8], at: usize) -> [u64; 2] {
    let rest = name.get(at..).unwrap_or_default();
    match (rest.split_first_chunk(), name.last_chunk()) {
        (Some((first, rest)), Some(word)) => [u64::from_le_bytes(*first), last(*word, rest.len())],
        (None, Some(word)) => [last(*word, rest.len()), 0],
        (_, None) => [rest.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0],
    }
}

/// What a text has in its record. No two texts of symbols have the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) first: u64,
    pub(super) second: u64,
}

impl Key {
    /// That of no text.
    pub(super) const NONE: Self = Self { first: u64::MAX, second: u64::MAX };
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
    /// The text and zeros; or the number of a long one, or the next vacant number, and what is in no text.
    bytes: [u8; SHORT],
}

#[derive(Clone)]
enum Long {
    Vacant(u32),
    Text(Arc<[u8]>),
}

impl Symbol {
    const fn new(users: u32, len: u16, number: u32) -> Self {
        let mut bytes = [u8::MAX; SHORT];
        if let Some(first) = bytes.first_chunk_mut() {
            *first = number.to_le_bytes();
        }
        Self { users, len, bytes }
    }

    #[inline]
    const fn key(&self) -> Key {
        let [first, second] = words(self.bytes);
        Key { first, second }
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
            Text::Short(first, second) => self.table.find(hash, |id| {
                self.records.get(id).is_some_and(|symbol| symbol.key() == Key { first, second })
            }),
            Text::Long(text) => self.table.find(hash, |id| self.text(id) == text),
        }
    }

    /// What a text has in its record, [`Key::NONE`] if nobody uses it.
    #[inline]
    pub(super) fn key_of(&self, text: Text<'_>) -> Key {
        match text {
            Text::Short(first, second) => Key { first, second },
            Text::Long(text) => self.long_key(text),
        }
    }

    #[cold]
    #[inline(never)]
    fn long_key(&self, text: &[u8]) -> Key {
        self.find(Text::Long(text)).map_or(Key::NONE, |id| self.key(id))
    }

    #[inline]
    pub(super) fn has_key(&self, id: u32, key: Key) -> bool {
        self.records.get(id).is_some_and(|symbol| symbol.key() == key)
    }

    #[inline]
    pub(super) fn key(&self, id: u32) -> Key {
        self.records.get(id).map_or(Key::NONE, Symbol::key)
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
        let symbol = match key {
            Text::Short(first, second) => {
                let bytes = u128::from(second) << 64 | u128::from(first);
                Symbol { users: 1, len, bytes: bytes.to_le_bytes() }
            }
            Text::Long(text) => Symbol::new(1, len, self.long.insert(Long::Text(text.into()))),
        };
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

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_there_as_long_as_somebody_uses_it() {
        let mut symbols = Symbols::new(Seed::new(0));
        let long = [b'x'; 2 * SHORT];
        let texts: Vec<&[u8]> = (0..=long.len()).map(|len| &long[..len]).collect();
        let ids: Vec<u32> = texts.iter().map(|text| symbols.add(text)).collect();
        assert!(texts.iter().map(|text| symbols.add(text)).eq(ids.iter().copied()));
        assert_eq!(symbols.len(), texts.len());
        for left in [texts.len(), 0] {
            for (text, id) in texts.iter().zip(&ids) {
                assert_eq!((symbols.find(super::Text::new(text)), symbols.text(*id)), (Some(*id), *text));
                symbols.release(*id);
            }
            assert_eq!(symbols.len(), left);
        }
        assert!(texts.iter().all(|text| symbols.find(super::Text::new(text)).is_none()));
    }

    proptest! {
        #[test]
        fn levels_are_those_between_the_separators(name in "[a/ü\u{7f}0.]{0,60}", more in "[b/]{0,8}") {
            let name = [name.as_bytes(), more.as_bytes()].concat();
            let mut at = 0;
            for level in name.split(|byte| *byte == b'/') {
                let (text, end) = Text::level(&name, at);
                prop_assert_eq!(end, at + level.len());
                let mut padded = Vec::from(level);
                padded.resize(SHORT.max(level.len()), 0);
                match text {
                    Text::Long(text) => prop_assert!(text == level && level.len() > SHORT),
                    Text::Short(first, second) => {
                        prop_assert_eq!([first.to_le_bytes(), second.to_le_bytes()].concat(), padded);
                    }
                }
                at = end + 1;
            }
        }
    }
}
