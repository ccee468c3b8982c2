//! The retained messages of a Server, and which of them a new subscription wants (section 3.3.1.3).
//!
//! # How it works
//! A map ordered by the bytes of the Topic Names, in which all names with the same first levels are neighbours. A search looks at
//! a name; where the name does not match, it works out from the filter the least name that may match next, and leaps there.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Range;
use alloc::vec::Vec;
use core::fmt;
use core::iter::Peekable;
use core::ops::Bound;

use crate::{Level, TopicFilter, TopicName};

/// One value (a message) for each Topic Name.
///
/// ```
/// use mqtt_topic::{RetainedStore, TopicFilter, TopicName};
///
/// let mut store = RetainedStore::new();
/// store.insert(&TopicName::parse("home/kitchen/temperature")?, "21.5");
/// store.insert(&TopicName::parse("home/cellar/temperature")?, "14.0");
/// store.insert(&TopicName::parse("home/cellar/humidity")?, "70");
///
/// let filter = TopicFilter::parse("home/+/temperature")?;
/// let found: Vec<_> = store.matches(&filter).map(|(name, value)| (name.to_string(), *value)).collect();
/// assert_eq!(
///     found,
///     [("home/cellar/temperature".to_string(), "14.0"), ("home/kitchen/temperature".to_string(), "21.5")],
/// );
/// # Ok::<(), mqtt_topic::InvalidTopic>(())
/// ```
#[derive(Clone)]
pub struct RetainedStore<V> {
    values: BTreeMap<TopicName<Box<[u8]>>, V>,
}

impl<V> RetainedStore<V> {
    /// Without values.
    pub const fn new() -> Self {
        Self { values: BTreeMap::new() }
    }

    /// Stores `value`, and gives back the one it replaces (`[MQTT-3.3.1-5]`).
    pub fn insert<S: AsRef<[u8]>>(&mut self, name: &TopicName<S>, value: V) -> Option<V> {
        match self.values.get_mut(name.as_bytes()) {
            Some(present) => Some(core::mem::replace(present, value)),
            None => self.values.insert(name.boxed(), value),
        }
    }

    /// Removes the value of `name` (`[MQTT-3.3.1-6]`).
    pub fn remove<S: AsRef<[u8]>>(&mut self, name: &TopicName<S>) -> Option<V> {
        self.values.remove(name.as_bytes())
    }

    /// The value of `name`.
    pub fn get<S: AsRef<[u8]>>(&self, name: &TopicName<S>) -> Option<&V> {
        self.values.get(name.as_bytes())
    }

    /// The value of `name`, to change it.
    pub fn get_mut<S: AsRef<[u8]>>(&mut self, name: &TopicName<S>) -> Option<&mut V> {
        self.values.get_mut(name.as_bytes())
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All values, in the order of the bytes of their names.
    pub fn iter(&self) -> impl Iterator<Item = (TopicName<&[u8]>, &V)> {
        self.values.iter().map(|(name, value)| (name.borrowed(), value))
    }

    /// Keeps the values for which `keep` is true: the sweep for messages that have expired, for one.
    pub fn retain(&mut self, mut keep: impl FnMut(TopicName<&[u8]>, &mut V) -> bool) {
        self.values.retain(|name, value| keep(name.borrowed(), value));
    }

    /// The values whose names `filter` matches, in the order of the bytes of their names.
    ///
    /// A filter that begins with a wildcard passes over names that begin with `$` `[MQTT-4.7.2-1]`.
    ///
    /// Lazy: work is done as the iterator is advanced. Where the filter names a level, the search leaps to it; where the
    /// filter has `+`, it goes through the levels that are there. So what is looked at is bounded by the matches and a few
    /// names for each distinct beginning of stored names that matches the filter up to a `+`.
    pub fn matches<'t, 'f, S: AsRef<[u8]>>(
        &'t self,
        filter: &'f TopicFilter<S>,
    ) -> RetainedMatches<'t, 'f, V> {
        RetainedMatches::new(self, filter.borrowed())
    }

    /// As [`matches`](Self::matches), but only the names behind `last` in the order of their bytes: goes on where an earlier
    /// search was left, with `last` stored or not.
    ///
    /// ```
    /// use mqtt_topic::{RetainedStore, TopicFilter, TopicName};
    ///
    /// let mut store = RetainedStore::new();
    /// for name in ["a/1", "a/2", "a/3", "b"] {
    ///     store.insert(&TopicName::parse(name)?, ());
    /// }
    /// let filter = TopicFilter::parse("a/#")?;
    /// let rest = store.matches_after(&filter, &TopicName::parse("a/1")?);
    /// assert!(rest.map(|(name, ())| name.to_string()).eq(["a/2", "a/3"]));
    /// # Ok::<(), mqtt_topic::InvalidTopic>(())
    /// ```
    pub fn matches_after<'t, 'f, S: AsRef<[u8]>, N: AsRef<[u8]>>(
        &'t self,
        filter: &'f TopicFilter<S>,
        last: &TopicName<N>,
    ) -> RetainedMatches<'t, 'f, V> {
        let mut matches = self.matches(filter);
        if *last.as_bytes() >= *matches.least {
            matches.rest = self.values.range::<[u8], _>((Bound::Excluded(last.as_bytes()), Bound::Unbounded));
        }
        matches
    }
}

impl<V> Default for RetainedStore<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: fmt::Debug> fmt::Debug for RetainedStore<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.values).finish()
    }
}

/// The retained messages a subscription wants; see [`RetainedStore::matches`].
#[must_use = "iterators are lazy"]
#[derive(Clone)]
pub struct RetainedMatches<'t, 'f, V> {
    store: &'t RetainedStore<V>,
    filter: TopicFilter<&'f [u8]>,
    /// The names not looked at yet.
    rest: Range<'t, TopicName<Box<[u8]>>, V>,
    /// Names before this cannot match.
    least: Vec<u8>,
    /// The name looked at last.
    last: Option<TopicName<&'t [u8]>>,
    visited: usize,
}

/// How far a search came; see [`RetainedMatches::next_within`].
#[derive(Debug, PartialEq, Eq)]
pub enum SearchStep<'t, V> {
    /// The next match.
    Found(TopicName<&'t [u8]>, &'t V),
    /// The budget is used up, and there may be more.
    OutOfBudget,
    /// There is no more.
    Done,
}

impl<'t, 'f, V> RetainedMatches<'t, 'f, V> {
    fn new(store: &'t RetainedStore<V>, filter: TopicFilter<&'f [u8]>) -> Self {
        let mut least = Vec::new();
        push_names(&mut least, filter.levels().peekable());
        let rest = names_from(store, &least);
        Self { store, filter, rest, least, last: None, visited: 0 }
    }

    /// How many names have been looked at: the measure of the work done so far.
    pub const fn visited(&self) -> usize {
        self.visited
    }

    /// The name that was looked at last, whether it matched or not. A search that
    /// [begins after it](RetainedStore::matches_after) goes on where this one is.
    pub const fn last_visited(&self) -> Option<TopicName<&'t [u8]>> {
        self.last
    }

    /// As [`next`](Iterator::next), but looks at `budget` names at most, and takes from `budget` what it has looked at:
    /// a search without matches cannot hold up everything else.
    ///
    /// ```
    /// use mqtt_topic::{RetainedStore, SearchStep, TopicFilter, TopicName};
    ///
    /// let mut store = RetainedStore::new();
    /// for name in ["a/x", "b/x", "c/y"] {
    ///     store.insert(&TopicName::parse(name)?, ());
    /// }
    /// let filter = TopicFilter::parse("+/y")?;
    /// let mut search = store.matches(&filter);
    /// assert_eq!(search.next_within(&mut 1), SearchStep::OutOfBudget);
    ///
    /// let mut search = store.matches_after(&filter, &search.last_visited().unwrap());
    /// assert!(matches!(search.next_within(&mut 9), SearchStep::Found(name, ()) if name.as_str() == "c/y"));
    /// assert_eq!(search.next_within(&mut 9), SearchStep::Done);
    /// # Ok::<(), mqtt_topic::InvalidTopic>(())
    /// ```
    pub fn next_within(&mut self, budget: &mut usize) -> SearchStep<'t, V> {
        while *budget > 0 {
            let Some((name, value)) = self.next_candidate() else {
                self.rest = Range::default();
                return SearchStep::Done;
            };
            *budget -= 1;
            self.visited += 1;
            self.last = Some(name);
            match judge(self.filter, name.as_bytes(), &mut self.least) {
                Verdict::Matches => return SearchStep::Found(name, value),
                Verdict::Passed | Verdict::Leap => {}
                Verdict::Over => self.rest = Range::default(),
            }
        }
        SearchStep::OutOfBudget
    }

    /// The next name that is not before `least`.
    fn next_candidate(&mut self) -> Option<(TopicName<&'t [u8]>, &'t V)> {
        let (mut name, mut value) = self.rest.next()?;
        // Where the names are sparse the neighbour is far enough, and much cheaper to reach.
        if *name.as_bytes() < *self.least {
            self.rest = names_from(self.store, &self.least);
            (name, value) = self.rest.next()?;
        }
        Some((name.borrowed(), value))
    }
}

impl<'t, V> Iterator for RetainedMatches<'t, '_, V> {
    type Item = (TopicName<&'t [u8]>, &'t V);

    fn next(&mut self) -> Option<Self::Item> {
        let mut unlimited = usize::MAX;
        match self.next_within(&mut unlimited) {
            SearchStep::Found(name, value) => Some((name, value)),
            SearchStep::OutOfBudget | SearchStep::Done => None,
        }
    }
}

impl<V> core::iter::FusedIterator for RetainedMatches<'_, '_, V> {}

impl<V> fmt::Debug for RetainedMatches<'_, '_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetainedMatches")
            .field("filter", &self.filter)
            .field("visited", &self.visited)
            .finish_non_exhaustive()
    }
}

/// What a look at a name tells.
enum Verdict {
    Matches,
    /// This name does not match, the one after it may.
    Passed,
    /// Names before `least` do not match.
    Leap,
    /// No name after this one matches.
    Over,
}

/// Whether `filter` matches `name`, and if not, what the `least` name is that may match after it.
fn judge(filter: TopicFilter<&[u8]>, name: &[u8], least: &mut Vec<u8>) -> Verdict {
    let mut levels = filter.levels().peekable();
    // Where the level begins; one past the end of the name, there is none.
    let mut start = 0;
    // Where the level ends that the last `+` matched.
    let mut varied = None;
    while let Some(level) = levels.next() {
        let Some(rest) = name.get(start..) else {
            return if level == Level::MultiLevel { Verdict::Matches } else { Verdict::Passed };
        };
        let present = rest.split(|byte| *byte == b'/').next().unwrap_or(rest);
        let end = start + present.len();
        match level {
            Level::SingleLevel | Level::MultiLevel if start == 0 && name.first() == Some(&b'$') => {
                return leap(least, &[], b'$' + 1);
            }
            Level::MultiLevel => return Verdict::Matches,
            Level::SingleLevel => varied = Some(end),
            Level::Name(wanted) if wanted == present => {}
            Level::Name(wanted) => {
                least.clear();
                least.extend_from_slice(name.get(..start).unwrap_or_default());
                least.extend_from_slice(wanted);
                // `a`, which `a/#` matches, comes before `a!`, and that before `a/b`.
                let suffices = levels.peek().is_none_or(|next| *next == Level::MultiLevel && **least > *name);
                if !suffices {
                    least.push(b'/');
                    push_names(least, levels);
                }
                return if **least > *name { Verdict::Leap } else { leap_over(least, name, varied) };
            }
        }
        start = end + 1;
    }
    if start > name.len() { Verdict::Matches } else { leap_over(least, name, varied) }
}

/// After a name that comes later than all that match with the same levels up to the last `+`.
fn leap_over(least: &mut Vec<u8>, name: &[u8], varied: Option<usize>) -> Verdict {
    match varied.and_then(|end| name.get(..end)) {
        Some(same) => leap(least, same, b'/' + 1),
        None => Verdict::Over,
    }
}

fn leap(least: &mut Vec<u8>, beginning: &[u8], next: u8) -> Verdict {
    least.clear();
    least.extend_from_slice(beginning);
    least.push(next);
    Verdict::Leap
}

fn names_from<'t, V>(store: &'t RetainedStore<V>, least: &[u8]) -> Range<'t, TopicName<Box<[u8]>>, V> {
    store.values.range::<[u8], _>((Bound::Included(least), Bound::Unbounded))
}

/// Appends the levels up to the first wildcard: the least text that may match them.
fn push_names<'f>(text: &mut Vec<u8>, mut levels: Peekable<impl Iterator<Item = Level<'f>>>) {
    while let Some(Level::Name(name)) = levels.next() {
        text.extend_from_slice(name);
        // `a/#` matches `a` too.
        if levels.peek().is_some_and(|next| *next != Level::MultiLevel) {
            text.push(b'/');
        }
    }
}
