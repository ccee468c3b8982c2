//! The filters without wildcards, found with one look-up of the whole Topic Name.
//!
//! Their texts are a log in pages: a new text is appended, and when half of a page is no longer used, what is left of it is
//! appended again and the page given back. So the texts take at most about twice their length, and a removal moves at most a page.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter;

use super::hash::Seed;
use super::table::Table;
use crate::arena::{COUNTS, NONE};

/// Bytes of a page; the first starts smaller, and a longer text has a page of its own.
const PAGE: usize = 1 << BITS;
const BITS: u32 = 14;
const SMALLEST: usize = 256;

/// Before each text: the filter it belongs to ([`NONE`]: no longer) and its length.
const HEAD: usize = 6;

#[derive(Clone)]
pub(super) struct Exact {
    seed: Seed,
    table: Table,
    pages: Vec<Page>,
    /// Numbers of pages that have been given back.
    vacant: Vec<u32>,
    /// The page that texts are appended to.
    current: u32,
}

#[derive(Clone)]
struct Page {
    bytes: Arc<[u8]>,
    /// How many have been written.
    used: usize,
    /// How many belong to texts in use.
    live: usize,
}

/// Where a text is: the page above, the place in it below.
const fn place(page: u32, at: usize) -> u32 {
    page << BITS | at as u32
}

/// As many pages can be told apart.
const MAXIMUM_PAGES: usize = 1 << (u32::BITS - BITS);

impl Page {
    /// Without texts. A page that has been given back has size 0.
    fn of_size(size: usize) -> Self {
        Self { bytes: iter::repeat_n(0, size).collect(), used: 0, live: 0 }
    }

    /// The text at a place and the filter it belongs to.
    #[inline]
    fn text(&self, at: usize) -> Option<(u32, &[u8])> {
        let (head, rest) = self.bytes.get(at..)?.split_first_chunk::<HEAD>()?;
        let [a, b, c, d, len @ ..] = *head;
        Some((u32::from_le_bytes([a, b, c, d]), rest.get(..u16::from_le_bytes(len).into())?))
    }

    /// Writes behind what has been written; `None` if there is no room.
    fn append(&mut self, owner: u32, text: &[u8]) -> Option<usize> {
        let at = self.used;
        let (head, rest) = Arc::make_mut(&mut self.bytes).get_mut(at..)?.split_first_chunk_mut::<HEAD>()?;
        rest.get_mut(..text.len())?.copy_from_slice(text);
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        let head: &mut [u8] = head;
        head.iter_mut()
            .zip(owner.to_le_bytes().into_iter().chain(len.to_le_bytes()))
            .for_each(|(to, from)| *to = from);
        self.used += HEAD + text.len();
        self.live += HEAD + text.len();
        Some(at)
    }
}

impl Exact {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, table: Table::new(), pages: Vec::new(), vacant: Vec::new(), current: NONE }
    }

    /// The filter that is this text. `place_of` says where its text is.
    #[inline]
    pub(super) fn find(&self, text: &[u8], place_of: impl Fn(u32) -> u32 + Copy) -> Option<u32> {
        self.table.find(self.seed.text(text), move |id| self.text(place_of(id)) == text)
    }

    #[inline]
    pub(super) fn text(&self, place: u32) -> &[u8] {
        let page = self.pages.get((place >> BITS) as usize);
        page.and_then(|page| page.text(place as usize % PAGE)).map_or(&[], |(_, text)| text)
    }

    /// Whether there is room for one more text.
    pub(super) fn has_room(&self) -> bool {
        self.pages.len() < MAXIMUM_PAGES - 1 || !self.vacant.is_empty()
    }

    /// Adds a filter that is not there. `moved` hears where its text is, and of others whose text is elsewhere now.
    pub(super) fn insert(&mut self, id: u32, text: &[u8], mut moved: impl FnMut(u32, u32)) {
        self.table.insert(self.seed.text(text), id);
        let before = self.current;
        moved(id, self.append(id, text));
        if before != self.current {
            self.tidy(before, moved);
        }
    }

    /// Removes a filter; `moved` hears of others whose text is elsewhere now.
    pub(super) fn remove(&mut self, id: u32, place: u32, moved: impl FnMut(u32, u32)) {
        let hash = self.seed.text(self.text(place));
        self.table.remove(hash, id);
        let at = place as usize % PAGE;
        let Some(page) = self.pages.get_mut((place >> BITS) as usize) else { return };
        page.live -= HEAD + page.text(at).map_or(0, |(_, text)| text.len());
        let owner = Arc::make_mut(&mut page.bytes).get_mut(at..).and_then(|rest| rest.first_chunk_mut());
        if let Some(owner) = owner {
            *owner = NONE.to_le_bytes();
        }
        self.tidy(place >> BITS, moved);
    }

    /// Appends a text to the current page, or to a new one.
    fn append(&mut self, id: u32, text: &[u8]) -> u32 {
        let size = HEAD + text.len();
        if let Some(page) = self.pages.get_mut(self.current as usize) {
            let bytes = page.bytes.len();
            if page.used + size > bytes && page.used + size <= PAGE && bytes < PAGE {
                // The first page grows.
                let more = (page.used + size).next_power_of_two() - bytes;
                page.bytes = page.bytes.iter().copied().chain(iter::repeat_n(0, more)).collect();
            }
            if let Some(at) = page.append(id, text) {
                return place(self.current, at);
            }
        }
        let is_long = size * 4 > PAGE;
        let mut page = Page::of_size(match (is_long, self.pages.is_empty()) {
            (true, _) => size,
            (false, true) => size.max(SMALLEST),
            (false, false) => PAGE,
        });
        let at = page.append(id, text);
        let number = self.vacant.pop().unwrap_or(self.pages.len() as u32);
        match self.pages.get_mut(number as usize) {
            Some(slot) => *slot = page,
            None => self.pages.push(page),
        }
        if !is_long {
            self.current = number;
        }
        at.map_or(NONE, |at| place(number, at))
    }

    /// Gives a page back if less than half of it is in use; what is left of it moves.
    fn tidy(&mut self, number: u32, mut moved: impl FnMut(u32, u32)) {
        let mut number = number;
        while number != self.current
            && let Some(page) = self.pages.get_mut(number as usize)
            && page.live * 2 < page.used
        {
            let page = core::mem::replace(page, Page::of_size(0));
            let before = self.current;
            let mut at = 0;
            while at < page.used
                && let Some((owner, text)) = page.text(at)
            {
                at += HEAD + text.len();
                if owner != NONE {
                    moved(owner, self.append(owner, text));
                }
            }
            self.vacant.push(number);
            number = before;
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.table.heap_bytes()
            + self.pages.capacity() * size_of::<Page>()
            + self.vacant.capacity() * size_of::<u32>()
            + self.pages.iter().map(|page| bytes_of(&page.bytes)).sum::<usize>()
    }
}

/// The bytes on the heap of shared bytes.
pub(super) fn bytes_of(bytes: &Arc<[u8]>) -> usize {
    (COUNTS + bytes.len()).next_multiple_of(align_of::<usize>())
}
