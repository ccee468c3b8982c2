//! A vector in chunks: appending never moves many elements, and a clone shares the chunks until one is written to.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::slice;

use crate::arena::COUNTS;

/// Elements in a chunk.
const CHUNK: usize = 512;

#[derive(Clone)]
pub(super) enum List<T> {
    /// At most one chunk.
    Short(Arc<Vec<T>>),
    /// All chunks but the last are full; it is not empty.
    Long(Arc<Vec<Arc<Vec<T>>>>),
}

impl<T> List<T> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Short(chunk) => chunk.len(),
            Self::Long(chunks) => (chunks.len() - 1) * CHUNK + chunks.last().map_or(0, |chunk| chunk.len()),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<&T> {
        match self {
            Self::Short(chunk) => chunk.get(at),
            Self::Long(chunks) => chunks.get(at / CHUNK)?.get(at % CHUNK),
        }
    }

    /// All elements in order, chunk by chunk.
    pub(super) fn chunks(&self) -> Chunks<'_, T> {
        match self {
            Self::Short(chunk) => Chunks { first: chunk.iter(), rest: [].iter(), len: chunk.len() },
            Self::Long(chunks) => Chunks { first: [].iter(), rest: chunks.iter(), len: self.len() },
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let of_chunk = |chunk: &Arc<Vec<T>>| COUNTS + size_of::<Vec<T>>() + chunk.capacity() * size_of::<T>();
        match self {
            Self::Short(chunk) => of_chunk(chunk),
            Self::Long(chunks) => {
                COUNTS
                    + size_of::<Vec<Arc<Vec<T>>>>()
                    + chunks.capacity() * size_of::<Arc<Vec<T>>>()
                    + chunks.iter().map(of_chunk).sum::<usize>()
            }
        }
    }
}

impl<T: Clone> List<T> {
    pub(super) fn new(elements: Vec<T>) -> Self {
        let mut list = Self::Short(Arc::default());
        match elements.len() {
            0..=CHUNK => list = Self::Short(Arc::new(elements)),
            _ => elements.into_iter().for_each(|element| list.push(element)),
        }
        list
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match self {
            Self::Short(chunk) => Arc::make_mut(chunk).get_mut(at),
            Self::Long(chunks) => {
                Arc::make_mut(Arc::make_mut(chunks).get_mut(at / CHUNK)?).get_mut(at % CHUNK)
            }
        }
    }

    pub(super) fn push(&mut self, element: T) {
        match self {
            Self::Short(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).push(element),
            Self::Short(chunk) => {
                let first = core::mem::take(chunk);
                *self = Self::Long(Arc::new([first, Arc::new(Vec::from([element]))].into()));
            }
            Self::Long(chunks) => {
                let chunks = Arc::make_mut(chunks);
                match chunks.last_mut() {
                    Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(element),
                    _ => chunks.push(Arc::new(Vec::from([element]))),
                }
            }
        }
    }

    /// Removes an element; the last takes its place.
    pub(super) fn swap_remove(&mut self, at: usize) -> Option<T> {
        let last = self.pop()?;
        match self.get_mut(at) {
            Some(element) => Some(core::mem::replace(element, last)),
            // It was the last.
            None => Some(last),
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        match self {
            Self::Short(chunk) => {
                let chunk = Arc::make_mut(chunk);
                let last = chunk.pop();
                if chunk.len() * 4 < chunk.capacity() {
                    chunk.shrink_to(chunk.len() * 2);
                }
                last
            }
            Self::Long(chunks) => {
                let list = Arc::make_mut(chunks);
                let removed = list.last_mut().and_then(|chunk| Arc::make_mut(chunk).pop());
                list.pop_if(|chunk| chunk.is_empty());
                if let [only] = list.as_mut_slice() {
                    *self = Self::Short(core::mem::take(only));
                }
                removed
            }
        }
    }
}

/// The elements of a list from some point on.
pub(super) struct Chunks<'a, T> {
    first: slice::Iter<'a, T>,
    rest: slice::Iter<'a, Arc<Vec<T>>>,
    len: usize,
}

impl<T> Clone for Chunks<'_, T> {
    fn clone(&self) -> Self {
        Self { first: self.first.clone(), rest: self.rest.clone(), len: self.len }
    }
}

impl<T> Default for Chunks<'_, T> {
    fn default() -> Self {
        Self { first: [].iter(), rest: [].iter(), len: 0 }
    }
}

impl<'a, T> Iterator for Chunks<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(element) = self.first.next() {
                self.len -= 1;
                return Some(element);
            }
            self.first = self.rest.next()?.iter();
        }
    }

    fn nth(&mut self, mut n: usize) -> Option<&'a T> {
        while n >= self.first.len() {
            let passed = core::mem::take(&mut self.first).len();
            n -= passed;
            self.len -= passed;
            self.first = self.rest.next()?.iter();
        }
        self.len -= n + 1;
        self.first.nth(n)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a T) -> B>(self, init: B, mut f: F) -> B {
        let first = self.first.fold(init, &mut f);
        self.rest.fold(first, |all, chunk| chunk.iter().fold(all, &mut f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_gives_memory_back_now_and_then() {
        let mut list = List::new((0..CHUNK as u32).collect());
        let capacity = |list: &List<u32>| match list {
            List::Short(chunk) => chunk.capacity(),
            List::Long(_) => 0,
        };
        let (mut before, mut changes) = (capacity(&list), 0);
        for len in (0..CHUNK).rev() {
            assert_eq!(list.pop(), Some(len as u32));
            let now = capacity(&list);
            if now != before {
                assert!(now >= len * 2, "room for as many again");
                changes += 1;
            }
            assert!(now <= len * 4 + 4);
            before = now;
        }
        assert!(changes <= 9, "{changes}");
    }
}
