//! Which names a filter matches: from one name that is looked at to the next that may match.

use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;

use super::RetainedStore;
use super::ordered::Cursor;
use crate::bytes::{common_prefix, level_end};
use crate::{SearchStep, TopicFilter, TopicName};

/// The retained messages a subscription wants; see [`RetainedStore::matches`].
///
/// The iterator gives the values; [`last_visited`](Self::last_visited) is the name of the one it has just given.
#[must_use = "iterators are lazy"]
pub struct RetainedMatches<'t, 'f, V> {
    cursor: Cursor<'t, V>,
    /// `None` matches everything.
    filter: Option<TopicFilter<&'f [u8]>>,
    next: Next,
    /// Where to leap.
    least: Vec<u8>,
    /// The levels of the last name that was looked at which match.
    matched: Vec<Matched>,
    /// A name that shares so many bytes with the one before matches as that one did.
    sure: usize,
    visited: usize,
}

/// Where the next name is that may match.
#[derive(Clone, Copy)]
enum Next {
    /// Not before `least`.
    Seek,
    /// The one behind.
    Neighbour,
    /// Not before `least`, which has so many bytes in common with the present name.
    Leap(usize),
    Nowhere,
}

/// A level of a name that matches, with all before it. Places are in bytes, at most 65,536.
#[derive(Clone, Copy)]
struct Matched {
    /// Where it ends in the name.
    end: u32,
    /// Where the next level begins in the filter; one past the end, there is none.
    filter: u32,
    /// Where the level ends that the last `+` matches.
    varied: Option<u32>,
}

impl<'t, 'f, V> RetainedMatches<'t, 'f, V> {
    pub(super) fn new(store: &'t RetainedStore<V>, filter: Option<TopicFilter<&'f [u8]>>) -> Self {
        let mut least = Vec::new();
        let mut next = Next::Neighbour;
        if let Some(filter) = filter {
            push_names(&mut least, filter.into_inner());
            next = if store.levels.allow(filter.levels()) { Next::Seek } else { Next::Nowhere };
        }
        Self {
            cursor: store.values.cursor(),
            filter,
            next,
            least,
            matched: Vec::new(),
            sure: usize::MAX,
            visited: 0,
        }
    }

    /// Only names behind `last`.
    pub(super) fn after(mut self, last: &[u8]) -> Self {
        if *last >= *self.least {
            self.least.clear();
            self.least.extend_from_slice(last);
            // The least text behind it; no name contains U+0000.
            self.least.push(0);
        }
        if !matches!(self.next, Next::Nowhere) {
            self.next = Next::Seek;
        }
        self
    }

    /// How many names have been looked at: the measure of the work done so far. To come from one to the next takes no
    /// longer than to look one up.
    pub const fn visited(&self) -> usize {
        self.visited
    }

    /// The name that was looked at last, whether it matched or not: that of the value just given, if there was one. A
    /// search that [begins after it](RetainedStore::matches_after) goes on where this one is.
    pub fn last_visited(&self) -> Option<TopicName<&[u8]>> {
        // The keys of the store are names.
        (!self.cursor.key().is_empty()).then(|| TopicName::checked(self.cursor.key()))
    }

    /// As [`next`](Iterator::next), but looks at `budget` names at most, and takes from `budget` what it has looked at:
    /// a search without matches cannot hold up everything else.
    ///
    /// ```
    /// use mqtt_topic::{RetainedStore, SearchStep, TopicFilter, TopicName};
    ///
    /// let mut store = RetainedStore::new();
    /// for name in ["a/x", "b/x", "c/y"] {
    ///     store.insert(&TopicName::parse(name)?, name)?;
    /// }
    /// let filter = TopicFilter::parse("+/y")?;
    /// let mut search = store.matches(&filter);
    /// assert_eq!(search.next_within(&mut 1), SearchStep::OutOfBudget);
    ///
    /// let mut search = store.matches_after(&filter, &search.last_visited().unwrap());
    /// assert_eq!(search.next_within(&mut 9), SearchStep::Found(&"c/y"));
    /// assert_eq!(search.next_within(&mut 9), SearchStep::Done);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn next_within(&mut self, budget: &mut usize) -> SearchStep<&'t V> {
        while *budget > 0 {
            let found = match self.next {
                Next::Neighbour => self.cursor.next(),
                Next::Leap(agreed) => self.cursor.leap(&self.least, agreed),
                Next::Seek => self.cursor.seek(&self.least),
                Next::Nowhere => None,
            };
            let Some((same, value)) = found else {
                self.next = Next::Nowhere;
                return SearchStep::Done;
            };
            *budget -= 1;
            self.visited += 1;
            if same >= self.sure || self.judge(same) {
                return SearchStep::Found(value);
            }
        }
        SearchStep::OutOfBudget
    }

    /// Whether the name matches, and where the next one is that may. It has the `same` bytes as the one that was judged last.
    fn judge(&mut self, same: usize) -> bool {
        let (name, Some(filter)) = (self.cursor.key(), self.filter) else {
            (self.next, self.sure) = (Next::Neighbour, 0);
            return true;
        };
        let filter = filter.into_inner();
        (self.next, self.sure) = (Next::Neighbour, usize::MAX);
        while self.matched.last().is_some_and(|level| level.end as usize >= same) {
            self.matched.pop();
        }
        loop {
            let (start, at, varied) = match self.matched.last() {
                None => (0, 0, None),
                Some(level) => (level.end as usize + 1, level.filter as usize, level.varied),
            };
            let (present, wanted) = match (name.get(start..), filter.get(at..)) {
                (Some(present), Some(wanted)) => (present, wanted),
                // `a/#` matches `a` too.
                (None, Some(wanted)) => return wanted == b"#",
                (None, None) => {
                    // What comes behind with the same levels up to the last `+` is longer.
                    if filter.last() != Some(&b'+') {
                        self.leap_over(varied);
                    }
                    return true;
                }
                (Some(_), None) => {
                    self.leap_over(varied);
                    return false;
                }
            };
            let is_wildcard = matches!(wanted.first(), Some(b'+' | b'#'));
            if is_wildcard && start == 0 && name.first() == Some(&b'$') {
                self.least.clear();
                self.least.push(b'$' + 1);
                self.next = Next::Leap(0);
                return false;
            }
            if wanted == b"#" {
                self.sure = start.max(1);
                return true;
            }
            let wanted_len = level_end(wanted);
            let (end, varied) = if is_wildcard {
                let end = start + level_end(present);
                (end, Some(place(end)))
            } else {
                let level = present.get(..wanted_len);
                let is_whole = matches!(present.get(wanted_len), None | Some(b'/'));
                if level != wanted.get(..wanted_len) || !is_whole {
                    self.leap_to_level(start, wanted, wanted_len, varied);
                    return false;
                }
                (start + wanted_len, varied)
            };
            self.matched.push(Matched { end: place(end), filter: place(at + wanted_len + 1), varied });
        }
    }

    /// To where the level `wanted` begins with is that the name has another one in place of, or may be next.
    fn leap_to_level(&mut self, start: usize, wanted: &[u8], len: usize, varied: Option<u32>) {
        let name = self.cursor.key();
        self.least.clear();
        self.least.extend_from_slice(name.get(..start).unwrap_or_default());
        self.least.extend_from_slice(wanted.get(..len).unwrap_or_default());
        // `a`, which `a/#` matches, comes before `a!`, and that before `a/b`.
        let suffices = match wanted.get(len..) {
            None | Some([]) => true,
            Some(b"/#") => *self.least > *name,
            Some(_) => false,
        };
        if !suffices {
            self.least.push(b'/');
            push_names(&mut self.least, wanted.get(len + 1..).unwrap_or_default());
        }
        let agreed = common_prefix(name, &self.least);
        if self.least.get(agreed) > name.get(agreed) {
            self.next = Next::Leap(agreed);
        } else {
            self.leap_over(varied);
        }
    }

    /// Behind all names with the same levels up to the last `+`.
    fn leap_over(&mut self, varied: Option<u32>) {
        let Some(end) = varied else {
            self.next = Next::Nowhere;
            return;
        };
        self.least.clear();
        self.least.extend_from_slice(self.cursor.key().get(..end as usize).unwrap_or_default());
        self.least.push(b'/' + 1);
        self.next = Next::Leap(end as usize);
    }
}

/// Texts have at most 65,535 bytes.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Appends the levels up to the first wildcard: the least text that may match them.
fn push_names(text: &mut Vec<u8>, filter: &[u8]) {
    let wildcard = filter.iter().position(|byte| matches!(byte, b'+' | b'#')).unwrap_or(filter.len());
    let names = filter.get(..wildcard).unwrap_or_default();
    // `a/#` matches `a` too.
    let names =
        if filter.get(wildcard) == Some(&b'#') { names.strip_suffix(b"/").unwrap_or(names) } else { names };
    text.extend_from_slice(names);
}

/// Not derived: values need not be `Clone`.
impl<V> Clone for RetainedMatches<'_, '_, V> {
    fn clone(&self) -> Self {
        Self {
            cursor: self.cursor.clone(),
            least: self.least.clone(),
            matched: self.matched.clone(),
            ..*self
        }
    }
}

impl<'t, V> Iterator for RetainedMatches<'t, '_, V> {
    type Item = &'t V;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut unlimited = usize::MAX;
        match self.next_within(&mut unlimited) {
            SearchStep::Found(value) => Some(value),
            SearchStep::OutOfBudget | SearchStep::Done => None,
        }
    }
}

impl<V> FusedIterator for RetainedMatches<'_, '_, V> {}

impl<V> fmt::Debug for RetainedMatches<'_, '_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetainedMatches")
            .field("filter", &self.filter)
            .field("visited", &self.visited)
            .finish_non_exhaustive()
    }
}
