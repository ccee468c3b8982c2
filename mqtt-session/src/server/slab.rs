//! Values under numbers that are never given twice.

use alloc::vec::Vec;
use core::marker::PhantomData;

/// The number of a value in a [`Slab`].
pub(crate) trait Key: Copy {
    fn from_number(number: u64) -> Self;
    fn number(self) -> u64;
}

/// Names one Session to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId(u64);

impl Key for SessionId {
    fn from_number(number: u64) -> Self {
        Self(number)
    }

    fn number(self) -> u64 {
        self.0
    }
}

/// A number is a slot and how often the slot was used before, so that finding a value costs one look and a number
/// outlives its value without ever meaning another one.
#[derive(Clone, Debug)]
pub(crate) struct Slab<K, T> {
    /// All full but the last, so that growing moves nothing and leaves little unused.
    pages: Vec<Vec<Slot<T>>>,
    free: Vec<u32>,
    len: usize,
    key: PhantomData<K>,
}

/// How many slots a page has.
const PAGE: usize = 32;

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<K, T> Default for Slab<K, T> {
    fn default() -> Self {
        Self { pages: Vec::new(), free: Vec::new(), len: 0, key: PhantomData }
    }
}

impl<K: Key, T> Slab<K, T> {
    /// Stores the value that `make` makes for its number. `None` when all 4,294,967,295 slots are taken.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(K) -> T) -> Option<K> {
        let index = if let Some(index) = self.free.pop() { index } else { self.add_slot()? };
        let slot = self.slot_mut(index as usize)?;
        let key = K::from_number(u64::from(slot.generation) << 32 | u64::from(index));
        slot.value = Some(make(key));
        self.len += 1;
        Some(key)
    }

    fn add_slot(&mut self) -> Option<u32> {
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let before = (self.pages.len() - 1) * PAGE;
        let page = self.pages.last_mut()?;
        let index = u32::try_from(before + page.len()).ok()?;
        page.push(Slot { generation: 0, value: None });
        Some(index)
    }

    #[inline]
    fn slot(&self, index: usize) -> Option<&Slot<T>> {
        self.pages.get(index / PAGE)?.get(index % PAGE)
    }

    #[inline]
    fn slot_mut(&mut self, index: usize) -> Option<&mut Slot<T>> {
        self.pages.get_mut(index / PAGE)?.get_mut(index % PAGE)
    }

    #[inline]
    pub(crate) fn get(&self, key: K) -> Option<&T> {
        let (index, generation) = parts(key);
        self.slot(index).filter(|slot| slot.generation == generation)?.value.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        let (index, generation) = parts(key);
        self.slot_mut(index).filter(|slot| slot.generation == generation)?.value.as_mut()
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<T> {
        let (index, generation) = parts(key);
        let slot = self.slot_mut(index).filter(|slot| slot.generation == generation)?;
        let value = slot.value.take()?;
        // A slot that has run out of numbers is not used again.
        let next = generation.checked_add(1);
        slot.generation = next.unwrap_or(generation);
        if let (Some(_), Ok(index)) = (next, u32::try_from(index)) {
            self.free.push(index);
        }
        self.len -= 1;
        Some(value)
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All numbers in use, by slot.
    pub(crate) fn keys(&self) -> impl Iterator<Item = K> {
        (0_u64..)
            .zip(self.pages.iter().flatten())
            .filter(|(_, slot)| slot.value.is_some())
            .map(|(index, slot)| K::from_number(u64::from(slot.generation) << 32 | index))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
fn parts(key: impl Key) -> (usize, u32) {
    let number = key.number();
    (number as u32 as usize, (number >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Key for u64 {
        fn from_number(number: u64) -> Self {
            number
        }

        fn number(self) -> u64 {
            self
        }
    }

    #[test]
    fn a_number_is_never_given_twice() {
        let mut slab: Slab<u64, u64> = Slab::default();
        let first = slab.insert_with(|key| key).unwrap();
        let second = slab.insert_with(|key| key).unwrap();
        assert_eq!(slab.remove(first), Some(first));
        assert_eq!(slab.remove(first), None);
        let third = slab.insert_with(|key| key).unwrap();
        assert_ne!(third, first);
        assert_eq!((slab.get(first), slab.get(second), slab.get(third)), (None, Some(&second), Some(&third)));
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.keys().collect::<Vec<_>>(), [third, second]);
        assert_eq!(slab.len(), 2);
    }

    #[test]
    fn a_slot_that_has_run_out_of_numbers_is_retired() {
        let mut slab: Slab<u64, ()> = Slab::default();
        slab.insert_with(|_| ()).unwrap();
        slab.pages[0][0].generation = u32::MAX;
        let last = u64::from(u32::MAX) << 32;
        assert_eq!(slab.remove(last), Some(()));
        assert_eq!(slab.insert_with(|_| ()), Some(1));
    }
}
