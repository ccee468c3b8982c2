//! Records at stable numbers, in pages.
//!
//! A clone shares all pages; a page is copied when one of the two writes to it first. Growth adds a page and moves nothing,
//! but while there is only one, which starts small.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter;

/// The number of no record.
pub(crate) const NONE: u32 = u32::MAX;

/// Numbers of records are below it: two bits are left to those who keep them.
pub(crate) const MAXIMUM: usize = 1 << 30;

/// Records in a page.
const PAGE: usize = 512;

/// Records in the first page, to begin with.
const SMALLEST: usize = 4;

/// What can be in an [`Arena`].
pub(crate) trait Record {
    /// What stands at a number that is free; `next` is the next such number or [`NONE`].
    fn vacant(next: u32) -> Self;

    /// The `next` of a free number.
    fn next_vacant(&self) -> Option<u32>;
}

/// Makes a [`Record`] of an enum with the variants `Vacant` and `Used`.
macro_rules! record {
    ($name:ident $(<$($parameter:ident),+>)?) => {
        impl $(<$($parameter),+>)? Record for $name $(<$($parameter),+>)? {
            fn vacant(next: u32) -> Self {
                Self::Vacant(next)
            }

            fn next_vacant(&self) -> Option<u32> {
                match self {
                    Self::Vacant(next) => Some(*next),
                    Self::Used { .. } => None,
                }
            }
        }
    };
}

pub(crate) use record;

#[derive(Clone)]
pub(crate) struct Arena<T> {
    pages: Vec<Arc<[T]>>,
    /// The numbers given out so far, free ones included.
    used: usize,
    /// The number given back last.
    vacant: u32,
    len: usize,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self { pages: Vec::new(), used: 0, vacant: NONE, len: 0 }
    }

    /// How many records there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The number that the next record gets.
    pub(crate) fn next(&self) -> u32 {
        if self.vacant == NONE { u32::try_from(self.used).unwrap_or(NONE) } else { self.vacant }
    }

    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        let id = id as usize;
        self.pages.get(id / PAGE)?.get(id % PAGE)
    }

    /// All records, vacant ones included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter())
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.pages.capacity() * size_of::<Arc<[T]>>()
            + self.pages.iter().map(|page| COUNTS + size_of_val(&**page)).sum::<usize>()
    }
}

impl<T: Record + Clone> Arena<T> {
    #[inline]
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        let id = id as usize;
        Arc::make_mut(self.pages.get_mut(id / PAGE)?).get_mut(id % PAGE)
    }

    /// The caller sees to it that there are fewer than [`MAXIMUM`].
    pub(crate) fn insert(&mut self, record: T) -> u32 {
        let id = if self.vacant == NONE { self.add_slot() } else { self.vacant };
        if let Some(slot) = self.get_mut(id) {
            let vacant = core::mem::replace(slot, record);
            self.vacant = vacant.next_vacant().unwrap_or(NONE);
            self.len += 1;
        }
        id
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<T> {
        let next = self.vacant;
        let slot = self.get_mut(id)?;
        if slot.next_vacant().is_some() {
            return None;
        }
        let record = core::mem::replace(slot, T::vacant(next));
        self.vacant = id;
        self.len -= 1;
        Some(record)
    }

    fn add_slot(&mut self) -> u32 {
        let id = self.used;
        if id.is_multiple_of(PAGE) {
            let size = if id == 0 { SMALLEST } else { PAGE };
            self.pages.push(iter::repeat_n(T::vacant(NONE), size).collect());
        } else if let [page] = self.pages.as_mut_slice()
            && page.len() == id
        {
            *page = page.iter().cloned().chain(iter::repeat_n(T::vacant(NONE), id)).collect();
        }
        self.used += 1;
        u32::try_from(id).unwrap_or(NONE)
    }
}

/// What an `Arc` keeps beside the value.
pub(crate) const COUNTS: usize = 2 * size_of::<usize>();

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Debug)]
    enum Number {
        Vacant(u32),
        Used { number: usize },
    }

    impl Record for Number {
        fn vacant(next: u32) -> Self {
            Self::Vacant(next)
        }

        fn next_vacant(&self) -> Option<u32> {
            if let Self::Vacant(next) = self { Some(*next) } else { None }
        }
    }

    #[test]
    fn numbers_are_used_again_and_counted() {
        let mut arena = Arena::new();
        let ids: Vec<u32> = (0..2 * PAGE).map(|number| arena.insert(Number::Used { number })).collect();
        assert!(ids.iter().map(|id| *id as usize).eq(0..2 * PAGE));
        for (left, id) in (0..ids.len()).rev().zip(&ids) {
            assert_eq!(arena.remove(*id), Some(Number::Used { number: *id as usize }));
            assert_eq!((arena.remove(*id), arena.len()), (None, left));
        }
        // The one given back last is given out first.
        for (number, id) in ids.iter().rev().enumerate() {
            assert_eq!(arena.next(), *id);
            assert_eq!((arena.insert(Number::Used { number }), arena.len()), (*id, number + 1));
            assert_eq!(arena.get(*id), Some(&Number::Used { number }));
        }
        assert_eq!((arena.get(NONE), arena.next() as usize), (None, 2 * PAGE));
    }
}
