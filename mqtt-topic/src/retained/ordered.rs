//! A map ordered by the bytes of its keys that stores of a key only what the key before does not share with it.
//!
//! # How it works
//! Keys and values are in blocks of at most [`ENTRIES`]. A block writes its keys one after the other: how many bytes are
//! those of the key before, how many follow, and these. A tree finds the block by a separator, the shortest text
//! that is behind the last key of the block before. The first block has the empty separator, so each key has a block.
//!
//! Nothing is hashed, so nobody can choose keys that collide.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Range;
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Included, Unbounded};

use crate::bytes::common_prefix;

/// The most keys in a block: fewer take more memory, more are slower to find one in.
const ENTRIES: usize = 48;
/// The most bytes behind the first key of a block with several: so much may have to be moved when a key is added.
const TAIL: usize = 4096;

/// The map. A key has at most 65,535 bytes.
#[derive(Clone)]
pub(crate) struct Ordered<V> {
    blocks: BTreeMap<Box<[u8]>, Block<V>>,
    len: usize,
}

#[derive(Clone)]
struct Block<V> {
    text: Vec<u8>,
    values: Vec<V>,
}

/// A key as it is written.
struct Entry<'b> {
    shared: usize,
    suffix: &'b [u8],
    /// The entries behind.
    rest: &'b [u8],
}

impl<V> Ordered<V> {
    pub(crate) const fn new() -> Self {
        Self { blocks: BTreeMap::new(), len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        let (_, block) = self.block(key)?;
        let place = block.find(key);
        if place.is_present { block.values.get(place.index) } else { None }
    }

    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        let (_, block) = self.block_mut(key)?;
        let place = block.find(key);
        if place.is_present { block.values.get_mut(place.index) } else { None }
    }

    pub(crate) fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        if self.blocks.is_empty() {
            self.blocks.insert(Box::default(), Block { text: Vec::new(), values: Vec::new() });
        }
        let (_, block) = self.block_mut(key)?;
        let place = block.find(key);
        if place.is_present {
            return Some(core::mem::replace(block.values.get_mut(place.index)?, value));
        }
        block.insert(&place, key, value);
        let is_full = block.values.len() > ENTRIES || block.values.len() > 1 && block.tail() > TAIL;
        self.len += 1;
        if is_full {
            self.split(key);
        }
        None
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let (separator, block) = self.block_mut(key)?;
        let place = block.find(key);
        if !place.is_present {
            return None;
        }
        let value = block.remove(&place);
        if block.values.len() < ENTRIES / 4 {
            let separator = Box::<[u8]>::from(separator);
            self.merge(&separator);
        }
        self.len -= 1;
        Some(value)
    }

    /// Before the first key.
    pub(crate) const fn cursor(&self) -> Cursor<'_, V> {
        Cursor { map: self, separator: None, behind: None, text: &[], values: &[], index: 0, key: Vec::new() }
    }

    /// Bytes on the heap, but for what values own. The nodes of the tree of blocks are reckoned two thirds full.
    pub(crate) fn heap_bytes(&self) -> usize {
        let blocks = self.blocks.iter().map(|(separator, block)| {
            separator.len() + block.text.capacity() + block.values.capacity() * size_of::<V>()
        });
        blocks.sum::<usize>() + self.blocks.len() * size_of::<(Box<[u8]>, Block<V>)>() * 3 / 2
    }

    fn block(&self, key: &[u8]) -> Option<(&[u8], &Block<V>)> {
        let (separator, block) = self.blocks.range::<[u8], _>((Unbounded, Included(key))).next_back()?;
        Some((separator, block))
    }

    fn block_mut(&mut self, key: &[u8]) -> Option<(&[u8], &mut Block<V>)> {
        let (separator, block) = self.blocks.range_mut::<[u8], _>((Unbounded, Included(key))).next_back()?;
        Some((separator, block))
    }

    /// Splits the full block that `key` has just been added to.
    fn split(&mut self, key: &[u8]) {
        // Keys that come in order fill their blocks.
        let is_last = self.blocks.last_key_value().is_some_and(|(separator, _)| **separator <= *key);
        let Some((_, block)) = self.block_mut(key) else { return };
        let past = if is_last && block.find(key).index + 1 == block.values.len() {
            block.text.len()
        } else {
            block.text.len() - block.tail() / 2
        };
        if let Some((separator, behind)) = block.split_off(past) {
            self.blocks.insert(separator, behind);
        }
    }

    /// Joins a small block and a neighbour, if they fit into one.
    fn merge(&mut self, separator: &[u8]) {
        let Some(block) = self.blocks.get(separator) else { return };
        let mut behind = self.blocks.range::<[u8], _>((Excluded(separator), Unbounded));
        let mut before = self.blocks.range::<[u8], _>((Unbounded, Excluded(separator)));
        let (into, from) = match (behind.next(), before.next_back()) {
            (Some((from, next)), _) if block.has_room_for(next) => (separator.into(), from.clone()),
            (_, Some((into, previous))) if previous.has_room_for(block) => (into.clone(), separator.into()),
            (None, None) if block.values.is_empty() => return self.blocks.clear(),
            _ => return,
        };
        if let Some(from) = self.blocks.remove::<[u8]>(&from)
            && let Some(into) = self.blocks.get_mut::<[u8]>(&into)
        {
            into.append(from);
        }
    }
}

/// Where a key is in a block, or would be.
struct Place {
    is_present: bool,
    /// The number of keys before.
    index: usize,
    /// Where the entry begins.
    at: usize,
    /// How many bytes the key has in common with the one before.
    before: usize,
    /// How many bytes the key has in common with the one behind.
    behind: usize,
}

impl<V> Block<V> {
    fn find(&self, key: &[u8]) -> Place {
        let mut text = self.text.as_slice();
        let mut place = Place { is_present: false, index: 0, at: 0, before: 0, behind: 0 };
        while let Some(entry) = Entry::first(text) {
            // What shares more with the entry before is before the key too, and what shares less behind it.
            if entry.shared <= place.before {
                let (order, same) = entry.order(key, place.before);
                if !order.is_lt() {
                    place.is_present = order.is_eq();
                    place.behind = same;
                    break;
                }
                place.before = same;
            }
            text = entry.rest;
            place.index += 1;
        }
        place.at = self.text.len() - text.len();
        place
    }

    fn insert(&mut self, place: &Place, key: &[u8], value: V) {
        let mut added = Vec::with_capacity(key.len() - place.before + 2 * LONG_HEAD);
        write_entry(&mut added, place.before, key.get(place.before..).unwrap_or_default());
        let mut end = place.at;
        if let Some(next) = self.text.get(place.at..).and_then(Entry::first) {
            let suffix = next.suffix.get(place.behind - next.shared..).unwrap_or_default();
            write_head(&mut added, place.behind, suffix.len());
            end = self.text.len() - next.rest.len() - suffix.len();
        }
        reserve(&mut self.text, (place.at + added.len()).saturating_sub(end), 64);
        self.text.splice(place.at..end, added);
        reserve(&mut self.values, 1, 4);
        self.values.insert(place.index, value);
    }

    /// The key must be present.
    fn remove(&mut self, place: &Place) -> V {
        let mut added = Vec::new();
        let mut end = self.text.len();
        if let Some(entry) = self.text.get(place.at..).and_then(Entry::first)
            && let Some(next) = Entry::first(entry.rest)
        {
            let taken = entry.suffix.get(..next.shared.saturating_sub(entry.shared)).unwrap_or_default();
            write_head(&mut added, next.shared - taken.len(), taken.len() + next.suffix.len());
            added.extend_from_slice(taken);
            end -= next.rest.len() + next.suffix.len();
        }
        self.text.splice(place.at..end, added);
        give_back(&mut self.text, 128);
        let value = self.values.remove(place.index);
        give_back(&mut self.values, 8);
        value
    }

    /// The bytes behind the first key.
    fn tail(&self) -> usize {
        Entry::first(&self.text).map_or(0, |first| first.rest.len())
    }

    fn has_room_for(&self, other: &Self) -> bool {
        let both = self.values.len() + other.values.len();
        self.values.is_empty()
            || other.values.is_empty()
            || both <= ENTRIES * 3 / 4 && self.tail() + other.text.len() <= TAIL / 2
    }

    /// Takes the entries from the first on that begins at `past` or behind, or else the last one.
    fn split_off(&mut self, past: usize) -> Option<(Box<[u8]>, Self)> {
        let (mut key, mut text, mut index) = (Vec::new(), self.text.as_slice(), 0);
        while let Some(entry) = Entry::first(text) {
            entry.write_to(&mut key);
            let at = self.text.len() - text.len();
            if index > 0 && (at >= past || entry.rest.is_empty()) {
                let separator = key.get(..=entry.shared)?.into();
                let mut behind = Vec::with_capacity(LONG_HEAD + key.len() + entry.rest.len());
                write_entry(&mut behind, 0, &key);
                behind.extend_from_slice(entry.rest);
                self.text.truncate(at);
                give_back(&mut self.text, 128);
                let values = self.values.split_off(index);
                give_back(&mut self.values, 8);
                return Some((separator, Self { text: behind, values }));
            }
            text = entry.rest;
            index += 1;
        }
        None
    }

    /// Adds entries that are behind all of its own.
    fn append(&mut self, mut behind: Self) {
        let (mut last, mut text) = (Vec::new(), self.text.as_slice());
        while let Some(entry) = Entry::first(text) {
            entry.write_to(&mut last);
            text = entry.rest;
        }
        if let Some(first) = Entry::first(&behind.text) {
            let shared = common_prefix(&last, first.suffix);
            self.text.reserve_exact(behind.text.len());
            write_entry(&mut self.text, shared, first.suffix.get(shared..).unwrap_or_default());
            self.text.extend_from_slice(first.rest);
            give_back(&mut self.text, 128);
            self.values.reserve_exact(behind.values.len());
            self.values.append(&mut behind.values);
        }
    }
}

/// Makes room as needed and a little more: doubling would waste a third of the memory.
fn reserve<T>(vec: &mut Vec<T>, needed: usize, more: usize) {
    if vec.capacity() - vec.len() < needed {
        vec.reserve_exact(needed + more);
    }
}

fn give_back<T>(vec: &mut Vec<T>, unused: usize) {
    if vec.capacity() - vec.len() > unused {
        vec.shrink_to(vec.len() + unused / 4);
    }
}

/// Marks a head of numbers that do not fit into a byte each.
const LONG: u8 = u8::MAX;
const LONG_HEAD: usize = 5;

fn write_head(text: &mut Vec<u8>, shared: usize, len: usize) {
    match (u8::try_from(shared), u8::try_from(len)) {
        (Ok(shared), Ok(len)) if shared != LONG => text.extend_from_slice(&[shared, len]),
        _ => {
            text.push(LONG);
            for number in [shared, len] {
                text.extend_from_slice(&u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes());
            }
        }
    }
}

fn write_entry(text: &mut Vec<u8>, shared: usize, suffix: &[u8]) {
    write_head(text, shared, suffix.len());
    text.extend_from_slice(suffix);
}

impl<'b> Entry<'b> {
    #[inline]
    fn first(text: &'b [u8]) -> Option<Self> {
        let (shared, len, text) = match text {
            [LONG, s0, s1, l0, l1, text @ ..] => {
                (u16::from_le_bytes([*s0, *s1]).into(), u16::from_le_bytes([*l0, *l1]).into(), text)
            }
            [shared, len, text @ ..] => (usize::from(*shared), usize::from(*len), text),
            _ => return None,
        };
        let (suffix, rest) = text.split_at_checked(len)?;
        Some(Self { shared, suffix, rest })
    }

    /// Makes the key before this one.
    #[inline]
    fn write_to(&self, key: &mut Vec<u8>) {
        key.truncate(self.shared);
        key.extend_from_slice(self.suffix);
    }

    /// How it compares to `key`, with which the entry before has `agreed` bytes in common and is before it, and how many
    /// bytes both have in common. It shares no more than these with the entry before.
    #[inline]
    fn order(&self, key: &[u8], agreed: usize) -> (core::cmp::Ordering, usize) {
        if self.shared < agreed {
            return (core::cmp::Ordering::Greater, self.shared);
        }
        let wanted = key.get(agreed..).unwrap_or_default();
        let same = common_prefix(self.suffix, wanted);
        (self.suffix.get(same).cmp(&wanted.get(same)), agreed + same)
    }
}

/// Walks over the entries in the order of their keys.
pub(crate) struct Cursor<'t, V> {
    map: &'t Ordered<V>,
    /// The separator of the block it is in; `None` before the first.
    separator: Option<&'t [u8]>,
    /// The blocks behind, once they are asked for.
    behind: Option<Range<'t, Box<[u8]>, Block<V>>>,
    /// What is left of the block.
    text: &'t [u8],
    values: &'t [V],
    index: usize,
    /// The last key that was looked at in whole.
    key: Vec<u8>,
}

/// Not derived: values need not be `Clone`.
impl<V> Clone for Cursor<'_, V> {
    fn clone(&self) -> Self {
        Self { behind: self.behind.clone(), key: self.key.clone(), ..*self }
    }
}

impl<'t, V> Cursor<'t, V> {
    /// The key of the entry it gave last; none before the first.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The next entry: how many bytes of its key are those of the key before, and its value.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<(usize, &'t V)> {
        loop {
            if let Some(entry) = Entry::first(self.text) {
                self.text = entry.rest;
                entry.write_to(&mut self.key);
                return Some((entry.shared, self.take_value()?));
            }
            let (separator, block) = self.behind().next()?;
            self.enter(separator, block);
        }
    }

    /// As [`next`](Self::next), but goes on to the first key that is not before `least`, with which the present key has
    /// `agreed` bytes in common and is before it.
    pub(crate) fn leap(&mut self, least: &[u8], mut agreed: usize) -> Option<(usize, &'t V)> {
        let mut kept = self.key.len();
        loop {
            while let Some(entry) = Entry::first(self.text) {
                self.text = entry.rest;
                if entry.shared > agreed {
                    // Before `least`, for the same reason as the entry before.
                    self.index += 1;
                    continue;
                }
                let (order, same) = entry.order(least, agreed);
                entry.write_to(&mut self.key);
                kept = kept.min(entry.shared);
                let value = self.take_value()?;
                if !order.is_lt() {
                    return Some((kept, value));
                }
                agreed = same;
            }
            // The next block is cheap to reach, any other is looked for from the top.
            let (separator, block) = self.behind().next()?;
            if self.behind().clone().next().is_some_and(|(separator, _)| **separator <= *least) {
                self.enter_block_of(least);
            } else {
                self.enter(separator, block);
            }
            agreed = 0;
        }
    }

    /// As [`leap`](Self::leap), from anywhere.
    pub(crate) fn seek(&mut self, least: &[u8]) -> Option<(usize, &'t V)> {
        self.enter_block_of(least);
        self.leap(least, 0)
    }

    /// The first key that is not before `least` is in this block, or the first of the next.
    fn enter_block_of(&mut self, least: &[u8]) {
        if let Some((separator, block)) = self.map.block(least) {
            self.behind = None;
            self.enter(separator, block);
        }
    }

    fn behind(&mut self) -> &mut Range<'t, Box<[u8]>, Block<V>> {
        self.behind.get_or_insert_with(|| {
            let here = self.separator.map_or(Unbounded, Excluded);
            self.map.blocks.range::<[u8], _>((here, Unbounded))
        })
    }

    fn enter(&mut self, separator: &'t [u8], block: &'t Block<V>) {
        (self.separator, self.text, self.values, self.index) =
            (Some(separator), &block.text, &block.values, 0);
    }

    fn take_value(&mut self) -> Option<&'t V> {
        let value = self.values.get(self.index);
        self.index += 1;
        value
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::string::String;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The keys in order, each block as it should be.
    fn keys(map: &Ordered<u16>) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut small_before = false;
        for (index, (separator, block)) in map.blocks.iter().enumerate() {
            assert_eq!(index == 0, separator.is_empty());
            assert!((1..=ENTRIES).contains(&block.values.len()));
            assert!(keys.last().is_none_or(|before| **before < **separator));
            let (mut key, mut text, mut count) = (Vec::new(), block.text.as_slice(), 0);
            while let Some(entry) = Entry::first(text) {
                assert_eq!(entry.shared, if count == 0 { 0 } else { shared(&keys, &entry, &key) });
                entry.write_to(&mut key);
                keys.push(key.clone());
                text = entry.rest;
                count += 1;
            }
            assert!(**separator <= *keys[keys.len() - count]);
            assert!(text.is_empty() && count == block.values.len());
            let unused = (block.text.capacity() - block.text.len(), block.values.capacity() - count);
            assert!(unused.0 <= 128 && unused.1 <= 8, "{unused:?} unused");
            // Splits leave halves, and removals join what is small.
            let is_small = count * 8 < ENTRIES;
            assert!(!(is_small && small_before), "two small neighbours");
            small_before = is_small;
        }
        keys
    }

    fn shared(keys: &[Vec<u8>], entry: &Entry<'_>, before: &[u8]) -> usize {
        let whole = [&before[..entry.shared], entry.suffix].concat();
        assert!(**keys.last().unwrap() < *whole);
        common_prefix(before, &whole)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn blocks_stay_in_order_and_are_neither_full_nor_empty(
            operations in vec((any::<bool>(), any::<u16>(), 1..200_u16), 1..30),
            prefix in "a{0,300}",
        ) {
            let (mut map, mut list) = (Ordered::new(), BTreeMap::new());
            for (is_insert, from, count) in operations {
                for number in from..from.saturating_add(count) {
                    let key = alloc::format!("{prefix}{:x}/{}", number % 997 * 7 % 997, number % 3);
                    if is_insert {
                        prop_assert_eq!(map.insert(key.as_bytes(), number), list.insert(key, number));
                    } else {
                        prop_assert_eq!(map.remove(key.as_bytes()), list.remove(&key));
                    }
                }
                prop_assert_eq!(map.len(), list.len());
                prop_assert!(keys(&map).iter().map(Vec::as_slice).eq(list.keys().map(String::as_bytes)));
            }
            for (key, value) in &mut list {
                prop_assert_eq!(map.get(key.as_bytes()), Some(&*value));
                prop_assert_eq!(map.get_mut(key.as_bytes()), Some(value));
            }
        }
    }

    #[test]
    fn keys_that_come_in_order_fill_their_blocks() {
        let mut map = Ordered::new();
        for number in 0..10 * ENTRIES {
            map.insert(alloc::format!("{number:06}").as_bytes(), ());
        }
        assert_eq!(map.blocks.len(), 10);
    }

    /// What a map of these keys has in its blocks.
    fn counts(map: &Ordered<()>) -> Vec<usize> {
        map.blocks.values().map(|block| block.values.len()).collect()
    }

    #[test]
    fn a_small_block_joins_a_neighbour_with_which_it_fits_into_one() {
        let key = |number: usize| alloc::format!("{number:06}");
        let small = ENTRIES / 4 - 1;
        // Of two full blocks one becomes small, beside one with `beside` entries.
        for (beside, is_before, joined) in [
            (ENTRIES * 3 / 4 - small - 1, false, true),
            (ENTRIES * 3 / 4 - small, false, true),
            (ENTRIES * 3 / 4 - small + 1, false, false),
            (ENTRIES * 3 / 4 - small, true, true),
            (ENTRIES * 3 / 4 - small + 1, true, false),
        ] {
            let mut map = Ordered::new();
            for number in 0..2 * ENTRIES {
                map.insert(key(number).as_bytes(), ());
            }
            let (small_at, beside_at) = if is_before { (ENTRIES, 0) } else { (0, ENTRIES) };
            let mut remove = |from: usize, left: usize| {
                (from + left..from + ENTRIES).for_each(|number| _ = map.remove(key(number).as_bytes()));
                counts(&map)
            };
            remove(beside_at, beside);
            assert_eq!(remove(small_at, small + 1).len(), 2, "not small yet");
            let counts = remove(small_at, small);
            assert_eq!(counts.len(), if joined { 1 } else { 2 }, "{beside} {is_before}");
            assert_eq!(counts.iter().sum::<usize>(), beside + small);
        }
    }

    #[test]
    fn blocks_of_long_keys_are_not_joined() {
        for (len, joined) in [(TAIL / 2 - 500, true), (TAIL / 2 + 100, false)] {
            let mut map = Ordered::new();
            let key = |number: usize| alloc::format!("{number:06}");
            (0..2 * ENTRIES).for_each(|number| _ = map.insert(key(number).as_bytes(), ()));
            (1..ENTRIES - 1).for_each(|number| _ = map.remove(key(number).as_bytes()));
            (ENTRIES * 3 / 2..2 * ENTRIES).for_each(|number| _ = map.remove(key(number).as_bytes()));
            map.insert(alloc::format!("00000{}", "x".repeat(len)).as_bytes(), ());
            assert_eq!(counts(&map), [3, ENTRIES / 2]);
            map.remove(key(ENTRIES - 1).as_bytes());
            let expected: &[usize] = if joined { &[ENTRIES / 2 + 2] } else { &[2, ENTRIES / 2] };
            assert_eq!(counts(&map), expected, "{len}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_into_a_byte_each_make_a_long_head() {
        for (shared, len, size) in [(0, 0, 2), (254, 255, 2), (255, 0, 5), (256, 1, 5), (0, 256, 5)] {
            let mut text = Vec::new();
            write_head(&mut text, shared, len);
            assert_eq!(text.len(), size, "{shared} {len}");
            text.resize(size + len, b'x');
            let entry = Entry::first(&text).unwrap();
            assert_eq!((entry.shared, entry.suffix.len(), entry.rest.len()), (shared, len, 0));
        }
    }

    #[test]
    fn what_has_to_be_moved_is_bounded() {
        let mut map = Ordered::new();
        for number in 0..100_u32 {
            let key = alloc::format!("{:02}{}", number * 37 % 100, "x".repeat(3_000));
            map.insert(key.as_bytes(), ());
        }
        assert!(map.blocks.values().all(|block| block.values.len() == 1 || block.tail() <= TAIL));
        assert!(map.blocks.len() <= 100);
    }
}
