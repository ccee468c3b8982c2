//! The filters without wildcards, found with one look-up of the whole Topic Name.
//!
//! Their texts are a log in pages: a new text is appended, and when half of a page is no longer used, what is left of it is
//! appended again and the page given back. So the texts take at most about twice their length, and a removal moves at most a page.
//!
//! Texts of more than a quarter of a page are not taken, nor any when the places are used up: the trie has room for them.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter;

use super::hash::Seed;
use super::table::Table;
use crate::TopicFilter;
use crate::arena::{COUNTS, NONE};

/// Bytes of a page; the first starts smaller.
const PAGE: usize = 1 << BITS;
const BITS: u32 = 14;
const SMALLEST: usize = 256;

/// Before each text: the filter it belongs to ([`NONE`]: no longer) and its length.
const HEAD: usize = 6;

/// The longest text: four fill a page.
const LONGEST: usize = PAGE / 4 - HEAD;

#[derive(Clone)]
pub(super) struct Exact {
    seed: Seed,
    /// The places of the texts.
    table: Table,
    pages: Vec<Page>,
    /// As many pages may there be.
    maximum_pages: usize,
    /// Whether a text has been turned away for want of places.
    is_spilled: bool,
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
        Self {
            seed,
            table: Table::new(),
            pages: Vec::new(),
            maximum_pages: MAXIMUM_PAGES,
            is_spilled: false,
            vacant: Vec::new(),
            current: NONE,
        }
    }

    /// Whether the filter may be here.
    pub(super) fn is_for(filter: TopicFilter<&[u8]>) -> bool {
        filter.as_bytes().len() <= LONGEST && !filter.has_wildcard()
    }

    /// The filter that is this text.
    #[inline]
    pub(super) fn find(&self, text: &[u8]) -> Option<u32> {
        if text.len() > LONGEST { None } else { self.find_hashed(self.hash(text), text) }
    }

    #[inline]
    pub(super) fn hash(&self, text: &[u8]) -> u32 {
        self.seed.text(text)
    }

    /// The filter that is this text with this [`hash`](Self::hash).
    #[inline]
    pub(super) fn find_hashed(&self, hash: u32, text: &[u8]) -> Option<u32> {
        self.table.find_map(hash, |place| {
            self.record(place).and_then(|(owner, found)| (found == text).then_some(owner))
        })
    }

    /// Begins to look for a text.
    #[expect(clippy::inline_always, reason = "the look-up is what there is to do")]
    #[inline(always)]
    pub(super) fn probe(&self, text: &[u8]) -> u32 {
        if text.len() > LONGEST { NONE } else { self.table.probe(self.seed.text(text)) }
    }

    /// The filter that is the text which a [`probe`](Self::probe) was for.
    #[inline]
    pub(super) fn find_probed(&self, text: &[u8], probe: u32) -> Option<u32> {
        if probe == NONE {
            return None;
        }
        match self.record(probe) {
            Some((owner, found)) if found == text => Some(owner),
            _ => self.find_again(text),
        }
    }

    /// Hardly any others have the same hash.
    #[cold]
    #[inline(never)]
    fn find_again(&self, text: &[u8]) -> Option<u32> {
        self.find(text)
    }

    #[inline]
    fn record(&self, place: u32) -> Option<(u32, &[u8])> {
        self.pages.get((place >> BITS) as usize)?.text(place as usize % PAGE)
    }

    pub(super) fn text(&self, place: u32) -> &[u8] {
        self.record(place).map_or(&[], |(_, text)| text)
    }

    /// Whether there is room for one more text; if not, filters that [are for](Self::is_for) here are elsewhere too.
    pub(super) fn make_room(&mut self) -> bool {
        // The page that the last place is taken for is nearly empty: what removals move before they give one back fits into it.
        let has_room = self.pages.len() < self.maximum_pages + self.vacant.len();
        self.is_spilled |= !has_room;
        has_room
    }

    /// Whether filters that [are for](Self::is_for) here may be elsewhere.
    pub(super) const fn is_spilled(&self) -> bool {
        self.is_spilled
    }

    /// Adds a filter that is not there and [is for](Self::is_for) here, and says where its text is, which has this [`hash`](Self::hash). `moved`
    /// hears of others whose text is elsewhere now.
    pub(super) fn insert(&mut self, id: u32, hash: u32, text: &[u8], moved: impl FnMut(u32, u32)) -> u32 {
        let before = self.current;
        let place = self.append(id, text);
        self.table.insert(hash, place);
        if before != self.current {
            self.tidy(before, moved);
        }
        place
    }

    /// Removes a text; `moved` hears of others whose text is elsewhere now.
    pub(super) fn remove(&mut self, place: u32, moved: impl FnMut(u32, u32)) {
        let hash = self.seed.text(self.text(place));
        self.table.remove(hash, place);
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
            if page.used + size > bytes && bytes < PAGE {
                // The first page grows; it is no more than half a page, and a text is a quarter.
                let more = (page.used + size).next_power_of_two() - bytes;
                page.bytes = page.bytes.iter().copied().chain(iter::repeat_n(0, more)).collect();
            }
            if let Some(at) = page.append(id, text) {
                return place(self.current, at);
            }
        }
        let mut page = Page::of_size(if self.pages.is_empty() { size.max(SMALLEST) } else { PAGE });
        let at = page.append(id, text);
        let number = self.vacant.pop().unwrap_or(self.pages.len() as u32);
        match self.pages.get_mut(number as usize) {
            Some(slot) => *slot = page,
            None => self.pages.push(page),
        }
        self.current = number;
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
                if owner != NONE {
                    let new = self.append(owner, text);
                    let hash = self.seed.text(text);
                    self.table.replace(hash, place(number, at), new);
                    moved(owner, new);
                }
                at += HEAD + text.len();
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

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;
    use crate::{Match, Subscription, SubscriptionTree, TopicName};

    /// The filters that match, and a check that the tree knows them.
    fn found(tree: &SubscriptionTree<u32, u32>, text: &str) -> Vec<u32> {
        let name = TopicName::parse(text).unwrap();
        let keys = tree.matches(&name).map(|found| match found {
            Match::Ordinary(group) | Match::Shared(group) => {
                assert_eq!(group.subscription().to_string(), text);
                *group.members().next().unwrap().0
            }
        });
        keys.collect()
    }

    fn check(tree: &SubscriptionTree<u32, u32>, texts: &[String], is_there: impl Fn(u32) -> bool) {
        for (key, text) in (0..).zip(texts) {
            let subscription = Subscription::parse(text).unwrap();
            let wanted = Vec::from_iter(is_there(key).then_some(key));
            assert_eq!(found(tree, text), wanted, "{key}");
            assert_eq!(tree.get(&subscription, &key), wanted.first(), "{key}");
        }
    }

    /// Fills a tree whose table has few pages with more texts than they hold, and takes texts out and in again.
    fn overfill(length: usize) {
        const COUNT: u32 = 400;
        let mut tree = SubscriptionTree::new();
        let maximum = 3;
        tree.groups.trie.exact.as_mut().unwrap().maximum_pages = maximum;
        let texts: Vec<String> = (0..COUNT).map(|key| format!("{key}/{:x>length$}", "/")).collect();
        let insert = |tree: &mut SubscriptionTree<u32, u32>, key: u32| {
            let subscription = Subscription::parse(&texts[key as usize]).unwrap();
            assert_eq!(tree.insert(&subscription, key, key), Ok(None));
            assert_eq!(tree.insert(&subscription, key, key), Ok(Some(key)));
        };
        for key in 0..COUNT {
            insert(&mut tree, key);
        }
        check(&tree, &texts, |_| true);
        for round in 1..8 {
            let moves = |key: u32| key % 8 != round;
            for key in (0..COUNT).filter(|key| moves(*key)) {
                let subscription = Subscription::parse(&texts[key as usize]).unwrap();
                assert_eq!(tree.remove(&subscription, &key), Some(key));
            }
            check(&tree, &texts, |key| !moves(key));
            // Others come into the places that are free now.
            for key in (0..COUNT).rev().filter(|key| moves(*key)) {
                insert(&mut tree, key);
            }
            check(&tree, &texts, |_| true);
            assert!(tree.groups.trie.exact.as_ref().unwrap().pages.len() <= maximum);
        }
        assert_eq!((0..COUNT).map(|key| tree.remove_subscriber(&key)).sum::<usize>(), texts.len());
        check(&tree, &texts, |_| false);
        assert!(!tree.groups.trie.has_paths());
        // There are places again.
        insert(&mut tree, 0);
        assert_eq!(tree.groups.trie.has_paths(), texts[0].len() > LONGEST);
    }

    #[test]
    fn texts_that_find_no_place_go_into_the_trie() {
        overfill(200);
        overfill(LONGEST - 8);
    }

    #[test]
    fn texts_with_equal_hashes_are_told_apart() {
        // Among so many some hashes are equal.
        let mut texts = BTreeMap::new();
        let pairs: Vec<[String; 2]> = (0..300_000)
            .map(|number| number.to_string())
            .filter_map(|text| {
                let other = texts.insert(Seed::new(0).text(text.as_bytes()), text.clone())?;
                Some([other, text])
            })
            .collect();
        assert!(pairs.len() > 3, "{}", pairs.len());
        for pair in pairs {
            for first in [0, 1] {
                let mut tree = SubscriptionTree::new();
                let insert = |tree: &mut SubscriptionTree<u32, u32>, key: u32| {
                    let subscription = Subscription::parse(&pair[key as usize]).unwrap();
                    assert_eq!(tree.insert(&subscription, key, key), Ok(None));
                };
                insert(&mut tree, first);
                check(&tree, &pair, |key| key == first);
                insert(&mut tree, 1 - first);
                check(&tree, &pair, |_| true);
            }
        }
    }

    #[test]
    fn the_first_page_grows_and_others_are_whole() {
        assert_eq!((4 * (HEAD + LONGEST), MAXIMUM_PAGES as u64 * PAGE as u64), (PAGE, 1 << 32));
        let mut exact = Exact::new(Seed::new(0));
        let size = 100;
        for count in 1..500 {
            let text = alloc::format!("{count:0>94}");
            exact.insert(count, exact.hash(text.as_bytes()), text.as_bytes(), |_, _| {});
            let used = count as usize * size;
            let in_page = PAGE / size;
            let pages = (count as usize).div_ceil(in_page);
            let first = if pages == 1 { used.next_power_of_two().max(SMALLEST) } else { PAGE };
            assert!(
                exact
                    .pages
                    .iter()
                    .map(|page| page.bytes.len())
                    .eq(core::iter::once(first).chain(core::iter::repeat_n(PAGE, pages - 1))),
                "{count}"
            );
        }
    }

    #[test]
    fn a_page_is_given_back_when_half_of_it_is_no_longer_used() {
        let mut exact = Exact::new(Seed::new(0));
        let in_page = (PAGE / 100) as u32;
        let mut places = alloc::vec::Vec::new();
        for number in 0..2 * in_page {
            let text = alloc::format!("{number:0>94}");
            let hash = exact.hash(text.as_bytes());
            places.push(exact.insert(number, hash, text.as_bytes(), |_, _| panic!("nothing moves")));
        }
        for number in 0..in_page {
            let mut moved = 0;
            exact.remove(places[number as usize], |id, place| {
                places[id as usize] = place;
                moved += 1;
            });
            // With one more than half of the first page gone, what is left of it moves.
            let left = in_page - number - 1;
            let is_half = number == in_page / 2;
            assert_eq!(moved, if is_half { left } else { 0 }, "{number}");
            assert_eq!(exact.vacant.len(), usize::from(number >= in_page / 2));
            for other in number + 1..2 * in_page {
                assert_eq!(exact.find(alloc::format!("{other:0>94}").as_bytes()), Some(other));
            }
        }
    }

    #[test]
    fn long_texts_take_no_places() {
        overfill(LONGEST + 1);
        let mut tree = SubscriptionTree::new();
        for length in [LONGEST, LONGEST + 1] {
            let text = "x".repeat(length);
            tree.insert(&Subscription::parse(&text).unwrap(), length, ()).unwrap();
            assert_eq!(tree.groups.trie.has_paths(), length > LONGEST);
            assert_eq!(tree.matches(&TopicName::parse(&text).unwrap()).count(), 1);
            assert_eq!(tree.get(&Subscription::parse(&text).unwrap(), &length), Some(&()));
        }
        let exact = tree.groups.trie.exact.unwrap();
        assert_eq!(
            (exact.table.find(exact.seed.text(&[b'x'; LONGEST]), |_| true), exact.pages.len()),
            (Some(0), 1)
        );
    }
}
