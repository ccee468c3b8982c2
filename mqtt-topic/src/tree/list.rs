//! A vector in chunks: appending never moves many elements, and a clone shares the chunks until one is written to.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::slice;

use crate::arena::COUNTS;

/// Bytes in a chunk, about.
const CHUNK: usize = 1 << 14;

#[derive(Clone)]
pub(super) enum List<T> {
    None,
    One([T; 1]),
    Two([T; 2]),
    Three([T; 3]),
    /// At most one chunk.
    Short(Arc<Vec<T>>),
    /// All chunks but the last are full; it is not empty.
    Long(Arc<Vec<Arc<Vec<T>>>>),
}

impl<T> List<T> {
    /// Elements in a chunk.
    const CHUNK: usize = {
        let elements = CHUNK / size_of::<T>().next_power_of_two();
        if elements < 16 { 16 } else { elements }
    };

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Long(chunks) => {
                (chunks.len() - 1) * Self::CHUNK + chunks.last().map_or(0, |chunk| chunk.len())
            }
            _ => self.first().len(),
        }
    }

    /// The elements of a list that is not long.
    #[inline]
    fn first(&self) -> &[T] {
        match self {
            Self::None | Self::Long(_) => &[],
            Self::One(elements) => elements,
            Self::Two(elements) => elements,
            Self::Three(elements) => elements,
            Self::Short(chunk) => chunk,
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<&T> {
        match self {
            Self::Long(chunks) => chunks.get(at / Self::CHUNK)?.get(at % Self::CHUNK),
            _ => self.first().get(at),
        }
    }

    /// All elements in order, chunk by chunk.
    #[inline]
    pub(super) fn chunks(&self) -> Chunks<'_, T> {
        let (rest, len) = match self {
            Self::Long(chunks) => (chunks.iter(), self.len()),
            _ => ([].iter(), self.first().len()),
        };
        Chunks { first: self.first().iter(), rest, len }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let of_chunk = |chunk: &Arc<Vec<T>>| COUNTS + size_of::<Vec<T>>() + chunk.capacity() * size_of::<T>();
        match self {
            Self::None | Self::One(_) | Self::Two(_) | Self::Three(_) => 0,
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
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match self {
            Self::None => None,
            Self::One(elements) => elements.get_mut(at),
            Self::Two(elements) => elements.get_mut(at),
            Self::Three(elements) => elements.get_mut(at),
            Self::Short(chunk) => Arc::make_mut(chunk).get_mut(at),
            Self::Long(chunks) => {
                Arc::make_mut(Arc::make_mut(chunks).get_mut(at / Self::CHUNK)?).get_mut(at % Self::CHUNK)
            }
        }
    }

    pub(super) fn push(&mut self, element: T) {
        *self = match core::mem::replace(self, Self::None) {
            Self::None => Self::One([element]),
            Self::One([first]) => Self::Two([first, element]),
            Self::Two([first, second]) => Self::Three([first, second, element]),
            Self::Three(elements) => {
                let mut elements = Vec::from(elements);
                elements.push(element);
                Self::Short(Arc::new(elements))
            }
            Self::Short(mut chunk) if chunk.len() < Self::CHUNK => {
                Arc::make_mut(&mut chunk).push(element);
                Self::Short(chunk)
            }
            Self::Short(chunk) => Self::Long(Arc::new([chunk, Arc::new(Vec::from([element]))].into())),
            Self::Long(mut chunks) => {
                let all = Arc::make_mut(&mut chunks);
                match all.last_mut() {
                    Some(last) if last.len() < Self::CHUNK => Arc::make_mut(last).push(element),
                    _ => all.push(Arc::new(Vec::from([element]))),
                }
                Self::Long(chunks)
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
        let (left, last) = match core::mem::replace(self, Self::None) {
            Self::None => return None,
            Self::One([last]) => (Self::None, last),
            Self::Two([first, last]) => (Self::One([first]), last),
            Self::Three([first, second, last]) => (Self::Two([first, second]), last),
            Self::Short(mut chunk) => {
                let elements = Arc::make_mut(&mut chunk);
                let last = elements.pop()?;
                if let [first, second] = elements.as_slice() {
                    (Self::Two([first.clone(), second.clone()]), last)
                } else {
                    if elements.len() * 4 < elements.capacity() {
                        elements.shrink_to(elements.len() * 2);
                    }
                    (Self::Short(chunk), last)
                }
            }
            Self::Long(mut chunks) => {
                let all = Arc::make_mut(&mut chunks);
                let last = all.last_mut().and_then(|chunk| Arc::make_mut(chunk).pop())?;
                all.pop_if(|chunk| chunk.is_empty());
                match all.as_mut_slice() {
                    [only] => (Self::Short(core::mem::take(only)), last),
                    _ => (Self::Long(chunks), last),
                }
            }
        };
        *self = left;
        Some(last)
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
        // Where the next chunk is has been asked for while the elements of one are handed out.
        let (mut all, mut chunk) = (init, self.first);
        for next in self.rest {
            let next = next.iter();
            all = chunk.fold(all, &mut f);
            chunk = next;
        }
        chunk.fold(all, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_gives_memory_back_now_and_then() {
        const CHUNK: usize = List::<u32>::CHUNK;
        let mut list = List::None;
        (0..CHUNK as u32).for_each(|element| list.push(element));
        let capacity = |list: &List<u32>| match list {
            List::Short(chunk) => chunk.capacity(),
            _ => 0,
        };
        let (mut before, mut changes) = (capacity(&list), 0);
        for len in (0..CHUNK).rev() {
            assert_eq!(list.pop(), Some(len as u32));
            let now = capacity(&list);
            if now != before {
                assert!(now >= len * 2 || now == 0, "room for as many again");
                changes += 1;
            }
            assert!(now <= len * 4 + 4);
            before = now;
        }
        assert!(changes <= 12, "{changes}");
    }
}
