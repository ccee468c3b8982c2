//! A hash table of numbers that never stops to move all of them.
//!
//! Pages of some hundred entries; the low bits of the hash choose the page, the high bits the place in it, and behind that
//! place the entries stand sorted by hash, so that a search ends at the first that is larger, and what a page looks like does
//! not depend on the order of insertion. A page grows and shrinks by itself; one page is split in two, or two
//! become one again, when there are too many entries for the number of pages (linear hashing). What one insertion or removal moves is
//! the entries of one page.
//!
//! A clone shares all pages, as that of an [`Arena`](crate::arena::Arena) does.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::arena::{COUNTS, NONE};

/// Entries in a page, on average, before one is split.
const AVERAGE: usize = 256;

#[derive(Clone)]
pub(super) struct Table {
    pages: Vec<Page>,
    /// One less than the number of pages, rounded up to a power of two.
    mask: usize,
    len: usize,
}

/// Slots that are [`EMPTY`] or hold a hash above and a number below. An entry stands in the slot its hash asks
/// for or behind it, with no empty slot between.
#[derive(Clone)]
struct Page {
    slots: Arc<[u64]>,
    /// The slots that hashes ask for; there are some more behind.
    capacity: u32,
    len: u32,
}

/// Larger than all entries.
const EMPTY: u64 = u64::MAX;

const fn entry(hash: u32, id: u32) -> u64 {
    (hash as u64) << 32 | id as u64
}

const fn hash_of(slot: u64) -> u32 {
    (slot >> 32) as u32
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { pages: Vec::new(), mask: 0, len: 0 }
    }

    #[inline]
    fn page_of(&self, hash: u32) -> usize {
        let page = hash as usize & self.mask;
        if page < self.pages.len() { page } else { page & (self.mask >> 1) }
    }

    /// The first number with this hash that `is` the one.
    #[inline]
    pub(super) fn find(&self, hash: u32, is: impl Fn(u32) -> bool + Copy) -> Option<u32> {
        self.find_map(hash, move |id| is(id).then_some(id))
    }

    /// What `map` makes of the first number with this hash that it makes something of.
    #[expect(clippy::inline_always, reason = "the look-up is what there is to do")]
    #[inline(always)]
    pub(super) fn find_map<T>(&self, hash: u32, map: impl Fn(u32) -> Option<T> + Copy) -> Option<T> {
        let (page, home, slot) = self.first(hash)?;
        // An empty slot may look like an entry, with the number of no record.
        let least = entry(hash, 0);
        let found = map(u32::try_from(slot - least).ok()?);
        if found.is_some() {
            return found;
        }
        // Hardly any others have the same hash.
        let others = page.slots.get(page.place(home, least)..)?.iter().skip(1);
        others.map_while(|slot| u32::try_from(slot - least).ok()).find_map(map)
    }

    /// All numbers with this hash, in order.
    #[inline]
    pub(super) fn all(&self, hash: u32) -> impl Iterator<Item = u32> {
        let least = entry(hash, 0);
        let page = self.pages.get(self.page_of(hash));
        let slots = page.and_then(|page| page.slots.get(page.home(hash)..)).unwrap_or_default();
        let slots = slots.iter().skip_while(move |slot| **slot < least);
        slots.map_while(move |slot| u32::try_from(slot - least).ok().filter(|id| *id != NONE))
    }

    /// The first number with this hash, or [`NONE`]. That is found out without a branch, so that whoever asks for several waits for
    /// memory once.
    #[expect(clippy::inline_always, reason = "the look-up is what there is to do")]
    #[inline(always)]
    pub(super) fn probe(&self, hash: u32) -> u32 {
        let Some((_, _, slot)) = self.first(hash) else { return NONE };
        u32::try_from(slot - entry(hash, 0)).unwrap_or(NONE)
    }

    /// The first slot that is not below what `hash` begins with, and the page and the place the hash asks for.
    #[expect(clippy::inline_always, reason = "the look-up is what there is to do")]
    #[inline(always)]
    fn first(&self, hash: u32) -> Option<(&Page, usize, u64)> {
        let page = self.pages.get(self.page_of(hash))?;
        let home = page.home(hash);
        let least = entry(hash, 0);
        // Nearly all are near. They are halved without branches: those would be foretold wrong half of the time, and hold up what comes
        // behind until the slots have been fetched.
        let near: &[u64; SPILL] = page.slots.get(home..home + SPILL)?.try_into().ok()?;
        let mut at = usize::from(*near.get(3)? < least) * 4;
        at += usize::from(*near.get(at + 1)? < least) * 2;
        at += usize::from(*near.get(at)? < least);
        let mut slot = *near.get(at)?;
        if slot < least {
            slot = *page.slots.get(page.place(home, least))?;
        }
        Some((page, home, slot))
    }

    /// Adds an entry, be there another like it or not.
    pub(super) fn insert(&mut self, hash: u32, id: u32) {
        if self.pages.is_empty() {
            self.pages.push(Page::of(&[]));
        }
        let page = self.page_of(hash);
        if let Some(page) = self.pages.get_mut(page) {
            page.insert(entry(hash, id));
            self.len += 1;
        }
        if self.len > self.pages.len() * AVERAGE {
            self.split();
        }
    }

    pub(super) fn remove(&mut self, hash: u32, id: u32) {
        let page = self.page_of(hash);
        if let Some(page) = self.pages.get_mut(page)
            && page.remove(entry(hash, id))
        {
            self.len -= 1;
        }
        if self.len * 2 < self.pages.len().saturating_sub(1) * AVERAGE {
            self.merge();
        }
    }

    /// Another number for an entry.
    pub(super) fn replace(&mut self, hash: u32, old: u32, new: u32) {
        let page = self.page_of(hash);
        if let Some(page) = self.pages.get_mut(page)
            && !page.replace(entry(hash, old), entry(hash, new))
        {
            self.remove(hash, old);
            self.insert(hash, new);
        }
    }

    /// The entries that belong to the page to come stand in one that is there.
    fn split(&mut self) {
        let new = self.pages.len();
        let mask = (new + 1).next_power_of_two() - 1;
        self.mask = mask;
        if let Some(old) = self.pages.get_mut(new & (mask >> 1)) {
            let (moving, staying): (Vec<u64>, Vec<u64>) =
                old.entries().partition(|slot| hash_of(*slot) as usize & mask == new);
            *old = Page::of(&staying);
            self.pages.push(Page::of(&moving));
        }
    }

    /// Undoes the last [`split`](Self::split).
    fn merge(&mut self) {
        let Some(last) = self.pages.pop() else { return };
        let rest = self.pages.len() & (self.mask >> 1);
        self.mask = self.pages.len().next_power_of_two() - 1;
        if let Some(page) = self.pages.get_mut(rest) {
            let mut entries: Vec<u64> = page.entries().chain(last.entries()).collect();
            entries.sort_unstable();
            *page = Page::of(&entries);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.pages.capacity() * size_of::<Page>()
            + self.pages.iter().map(|page| COUNTS + size_of_val(&*page.slots)).sum::<usize>()
    }
}

impl Page {
    /// A page three quarters full with these entries, which are sorted.
    fn of(entries: &[u64]) -> Self {
        let capacity = entries.len() + entries.len() / 3 + 4;
        let mut page = Self { slots: Arc::default(), capacity: capacity as u32, len: entries.len() as u32 };
        let mut slots = Vec::with_capacity(capacity + SPILL);
        for slot in entries {
            slots.resize(slots.len().max(page.home(hash_of(*slot))), EMPTY);
            slots.push(*slot);
        }
        slots.resize((slots.len() + 1).max(capacity + SPILL), EMPTY);
        page.slots = slots.into();
        page
    }

    #[inline]
    const fn home(&self, hash: u32) -> usize {
        ((hash as u64 * self.capacity as u64) >> 32) as usize
    }

    /// Where the first slot is, from `home` on, that is not below `least`.
    #[cold]
    #[inline(never)]
    fn place(&self, home: usize, least: u64) -> usize {
        home + self.slots.iter().skip(home).take_while(|slot| **slot < least).count()
    }

    fn entries(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().copied().filter(|slot| *slot != EMPTY)
    }

    fn insert(&mut self, new: u64) {
        let at = self.home(hash_of(new));
        let has_room = (self.len + 1) * 8 <= self.capacity * 7;
        if has_room && let Some(run) = Arc::make_mut(&mut self.slots).get_mut(at..) {
            let place = run.iter().position(|slot| *slot > new);
            let place = place.unwrap_or(run.len());
            if let Some(behind) = run.get_mut(place..)
                && let Some(gap) = behind.iter().position(|slot| *slot == EMPTY)
            {
                behind.copy_within(..gap, 1);
                if let Some(slot) = behind.first_mut() {
                    *slot = new;
                }
                self.len += 1;
                return;
            }
        }
        let mut entries: Vec<u64> = Vec::with_capacity(self.len as usize + 1);
        entries.extend(self.entries());
        entries.insert(entries.partition_point(|slot| *slot < new), new);
        *self = Self::of(&entries);
    }

    /// Does so in place, if no others have the same hash.
    fn replace(&mut self, old: u64, new: u64) -> bool {
        let least = entry(hash_of(old), 0);
        let home = self.home(hash_of(old));
        let Some(run) = Arc::make_mut(&mut self.slots).get_mut(home..) else { return false };
        let Some(at) = run.iter().position(|slot| *slot >= least) else { return false };
        match run.get_mut(at..) {
            Some([slot, next, ..]) if *slot == old && hash_of(*next) != hash_of(old) => {
                *slot = new;
                true
            }
            _ => false,
        }
    }

    fn remove(&mut self, old: u64) -> bool {
        let home = self.home(hash_of(old));
        let Some(run) = self.slots.get(home..) else { return false };
        let Some(place) = run.iter().take_while(|slot| **slot != EMPTY).position(|slot| *slot == old) else {
            return false;
        };
        let place = home + place;
        // Those behind move up until one stands where it wants to be.
        let behind = self.slots.get(place + 1..).unwrap_or_default();
        let displaced = behind
            .iter()
            .zip(place + 1..)
            .take_while(|(slot, at)| **slot != EMPTY && self.home(hash_of(**slot)) < *at)
            .count();
        let slots = Arc::make_mut(&mut self.slots);
        if let Some(run) = slots.get_mut(place..=place + displaced) {
            run.copy_within(1.., 0);
            if let Some(last) = run.last_mut() {
                *last = EMPTY;
            }
        }
        self.len -= 1;
        if self.len * 8 + 32 < self.capacity * 3 {
            *self = Self::of(&self.entries().collect::<Vec<_>>());
        }
        true
    }
}

/// Slots behind those that hashes ask for.
const SPILL: usize = 8;

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32, u32),
        Remove(usize),
        Replace(usize, u32),
    }

    fn check(table: &Table, model: &BTreeSet<(u32, u32)>) {
        assert_eq!(table.len, model.len());
        let mut found = BTreeSet::new();
        for page in &table.pages {
            assert_eq!(page.entries().count(), page.len as usize);
            // Neither too full to find places nor mostly empty; and all places are used.
            assert!(page.len * 8 <= page.capacity * 7 && page.len * 8 + 32 >= page.capacity * 3);
            let homes = [0, 1 << 31, u32::MAX].map(|hash| page.home(hash) as u32);
            assert_eq!(homes, [0, page.capacity / 2, page.capacity - 1]);
            let mut last = None;
            for (at, slot) in page.slots.iter().enumerate().filter(|(_, slot)| **slot != EMPTY) {
                assert!(last < Some(*slot), "sorted");
                last = Some(*slot);
                let home = page.home(hash_of(*slot));
                assert!(home <= at && page.slots[home..at].iter().all(|slot| *slot != EMPTY), "no gap");
                found.insert((hash_of(*slot), *slot as u32));
            }
        }
        assert_eq!(found, *model);
        for (hash, id) in model {
            assert_eq!(table.find(*hash, |found| found == *id), Some(*id));
            assert!(table.all(*hash).eq(model.range((*hash, 0)..=(*hash, NONE)).map(|(_, id)| *id)));
            assert_eq!(
                table.find(hash.wrapping_add(1), |found| found == *id).is_some(),
                model.contains(&(hash.wrapping_add(1), *id))
            );
        }
    }

    proptest! {
        #[test]
        fn a_table_does_as_a_set_does(
            steps in proptest::collection::vec(
                prop_oneof![
                    3 => (prop_oneof![any::<u32>(), 0..4_u32, Just(u32::MAX)], 0..50_u32).prop_map(|(hash, id)| Step::Insert(hash, id)),
                    2 => any::<usize>().prop_map(Step::Remove),
                    1 => (any::<usize>(), 50..100_u32).prop_map(|(number, id)| Step::Replace(number, id)),
                ],
                0..300,
            ),
        ) {
            let (mut table, mut model) = (Table::new(), BTreeSet::new());
            for step in steps {
                match step {
                    Step::Insert(hash, id) => {
                        if model.insert((hash, id)) {
                            table.insert(hash, id);
                        }
                    }
                    Step::Remove(number) => {
                        if let Some((hash, id)) = model.iter().nth(number % model.len().max(1)).copied() {
                            model.remove(&(hash, id));
                            table.remove(hash, id);
                        }
                    }
                    Step::Replace(number, new) => {
                        if let Some((hash, id)) = model.iter().nth(number % model.len().max(1)).copied()
                            && model.insert((hash, new))
                        {
                            model.remove(&(hash, id));
                            table.replace(hash, id, new);
                        }
                    }
                }
                check(&table, &model);
            }
        }
    }

    #[test]
    fn growing_and_shrinking_splits_and_merges_pages() {
        let (mut table, mut model) = (Table::new(), BTreeSet::new());
        let hash = |number: u32| number.wrapping_mul(0x9E37_79B9) ^ number >> 7;
        let mut pages = BTreeMap::new();
        for number in 0..20_000 {
            table.insert(hash(number), number);
            model.insert((hash(number), number));
            pages.insert(table.pages.len(), number);
        }
        check(&table, &model);
        assert_eq!(pages.len(), 79, "one page after another");
        assert!(table.heap_bytes() < 11 * table.len, "{} bytes", table.heap_bytes());
        let snapshot = table.clone();
        // Pages are joined when they are half empty, not before.
        for number in 0..9_000 {
            table.remove(hash(number), number);
        }
        assert_eq!(table.pages.len(), 79);
        for number in 9_000..20_000 {
            table.remove(hash(number), number);
        }
        check(&table, &BTreeSet::new());
        assert!(table.heap_bytes() < 4_096, "{} bytes", table.heap_bytes());
        check(&snapshot, &model);
    }

    #[test]
    fn equal_hashes_are_told_apart() {
        for hash in [0, 7, u32::MAX] {
            let mut table = Table::new();
            for id in 0..2_000 {
                table.insert(hash, id);
            }
            for id in 0..2_000 {
                assert_eq!(table.find(hash, |found| found == id), Some(id));
            }
            for id in 0..2_000 {
                table.remove(hash, id);
                assert_eq!(table.find(hash, |found| found == id), None);
            }
        }
    }
}
