//! The retained messages of a Server, and which of them a new subscription wants (section 3.3.1.3).
//!
//! # How it works
//! A map `ordered` by the bytes of the Topic Names, in which all names with the same first levels are neighbours. A search
//! looks at a name; where the name does not match, it works out from the filter the least name that may match next, and leaps
//! there. `levels` counts the levels that are there at all, so that a search for another one need not begin.

mod levels;
mod ordered;
mod search;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use self::levels::Levels;
use self::ordered::Ordered;
pub use self::search::RetainedMatches;
use crate::{Refused, TopicFilter, TopicName};

/// One value (a message) for each Topic Name.
///
/// ```
/// use mqtt_topic::{RetainedStore, TopicFilter, TopicName};
///
/// let mut store = RetainedStore::new();
/// store.insert(&TopicName::parse("home/kitchen/temperature")?, "21.5")?;
/// store.insert(&TopicName::parse("home/cellar/temperature")?, "14.0")?;
/// store.insert(&TopicName::parse("home/cellar/humidity")?, "70")?;
///
/// let filter = TopicFilter::parse("home/+/temperature")?;
/// assert!(store.matches(&filter).eq([&"14.0", &"21.5"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RetainedStore<V> {
    values: Ordered<V>,
    levels: Levels,
    bytes: usize,
    limits: RetainedLimits,
    weigh: fn(&V) -> usize,
}

/// How much a [`RetainedStore`] takes; see [`RetainedStore::with_limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetainedLimits {
    /// The most names, and values. There are never more than 4,294,967,295.
    pub names: usize,
    /// The most [`bytes`](RetainedStore::bytes).
    pub bytes: usize,
}

impl RetainedLimits {
    /// As much as the memory holds.
    pub const NONE: Self = Self { names: usize::MAX, bytes: usize::MAX };
}

/// Which of the [`RetainedLimits`] is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetainedLimit {
    /// [`RetainedLimits::names`].
    Names,
    /// [`RetainedLimits::bytes`].
    Bytes,
}

impl fmt::Display for RetainedLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Names => "no room for another retained name",
            Self::Bytes => "no room for so many retained bytes",
        })
    }
}

impl<V> RetainedStore<V> {
    /// Without values, and without limits.
    pub const fn new() -> Self {
        Self::with_limits(RetainedLimits::NONE, |_| 0)
    }

    /// Without values. `weigh` says how many bytes a value takes beside its own size: a payload on the heap, for one. It must
    /// say the same as long as the value is in the store.
    ///
    /// ```
    /// use mqtt_topic::{RetainedLimit, RetainedLimits, RetainedStore, TopicName};
    ///
    /// let limits = RetainedLimits { names: 2, bytes: 1024 };
    /// let mut store = RetainedStore::with_limits(limits, Vec::len);
    /// store.insert(&TopicName::parse("a")?, vec![0; 500])?;
    ///
    /// let refused = store.insert(&TopicName::parse("b")?, vec![0; 600]).unwrap_err();
    /// assert_eq!((refused.limit, refused.value.len()), (RetainedLimit::Bytes, 600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn with_limits(limits: RetainedLimits, weigh: fn(&V) -> usize) -> Self {
        Self { values: Ordered::new(), levels: Levels::new(), bytes: 0, limits, weigh }
    }

    /// Stores `value`, and gives back the one it replaces (`[MQTT-3.3.1-5]`).
    ///
    /// # Errors
    /// [`Refused`] when a limit would be exceeded. No memory is taken then.
    pub fn insert<S: AsRef<[u8]>>(
        &mut self,
        name: &TopicName<S>,
        value: V,
    ) -> Result<Option<V>, Refused<V, RetainedLimit>> {
        let present = self.values.get(name.as_bytes());
        let is_new = present.is_none();
        let bytes = match self.bytes_with(name, present, (self.weigh)(&value)) {
            Ok(bytes) => bytes,
            Err(limit) => return Err(Refused { limit, value }),
        };
        self.bytes = bytes;
        if is_new {
            self.levels.add(name.as_bytes());
        }
        Ok(self.values.insert(name.as_bytes(), value))
    }

    /// Whether [`insert`](Self::insert) would take a value that weighs `weight` bytes, in place of the one `name` has.
    ///
    /// # Errors
    /// The limit that would be exceeded.
    pub fn has_room_for<S: AsRef<[u8]>>(
        &self,
        name: &TopicName<S>,
        weight: usize,
    ) -> Result<(), RetainedLimit> {
        self.bytes_with(name, self.values.get(name.as_bytes()), weight).map(|_| ())
    }

    /// The bytes with a value of this weight in place of the `present` one.
    fn bytes_with<S: AsRef<[u8]>>(
        &self,
        name: &TopicName<S>,
        present: Option<&V>,
        weight: usize,
    ) -> Result<usize, RetainedLimit> {
        let maximum = self.limits.names.min(u32::MAX as usize);
        if present.is_none() && self.len() >= maximum {
            return Err(RetainedLimit::Names);
        }
        let freed = present.map_or(0, |present| Self::size(name.as_bytes(), (self.weigh)(present)));
        let bytes = (self.bytes - freed).saturating_add(Self::size(name.as_bytes(), weight));
        if bytes <= self.limits.bytes { Ok(bytes) } else { Err(RetainedLimit::Bytes) }
    }

    const fn size(name: &[u8], weight: usize) -> usize {
        weight.saturating_add(name.len() + size_of::<V>())
    }

    /// Removes the value of `name` (`[MQTT-3.3.1-6]`).
    pub fn remove<S: AsRef<[u8]>>(&mut self, name: &TopicName<S>) -> Option<V> {
        self.remove_bytes(name.as_bytes())
    }

    fn remove_bytes(&mut self, name: &[u8]) -> Option<V> {
        let value = self.values.remove(name)?;
        self.bytes -= Self::size(name, (self.weigh)(&value));
        self.levels.remove(name);
        Some(value)
    }

    /// The value of `name`.
    pub fn get<S: AsRef<[u8]>>(&self, name: &TopicName<S>) -> Option<&V> {
        self.values.get(name.as_bytes())
    }

    /// The number of values.
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no values.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of all names, of all values, and what the values weigh. What is in the store alone decides them, so a store
    /// refuses the same however it came to be.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes of memory that names and values take, without what the values own. Names that begin alike share what they
    /// have in common, so this may be less than [`bytes`](Self::bytes); it may be more for short names, since each of the
    /// first 16 levels of a name that no other has at that depth takes some 20 bytes. An estimate within some percent; asking
    /// takes time in proportion to the number of values.
    pub fn heap_bytes(&self) -> usize {
        self.values.heap_bytes() + self.levels.heap_bytes()
    }

    /// The limits.
    pub const fn limits(&self) -> RetainedLimits {
        self.limits
    }

    /// Replaces the limits. What is stored stays, even where it is more than they allow.
    pub const fn set_limits(&mut self, limits: RetainedLimits) {
        self.limits = limits;
    }

    /// All values, in the order of the bytes of their names.
    pub fn iter(&self) -> RetainedMatches<'_, '_, V> {
        RetainedMatches::new(self, None)
    }

    /// The values whose names `filter` matches, in the order of the bytes of their names.
    ///
    /// A filter that begins with a wildcard passes over names that begin with `$` `[MQTT-4.7.2-1]`.
    ///
    /// Lazy: work is done as the iterator is advanced. Where the filter names a level, the search leaps to it; where the
    /// filter has `+`, it goes through the levels that are there. So what is looked at is bounded by the matches and a few
    /// names for each distinct beginning of stored names that matches the filter up to a `+`. A filter that no stored name can
    /// match, because it names one of the first 16 levels as no name does or has another number of levels, takes no search.
    pub fn matches<'t, 'f, S: AsRef<[u8]>>(
        &'t self,
        filter: &'f TopicFilter<S>,
    ) -> RetainedMatches<'t, 'f, V> {
        RetainedMatches::new(self, Some(filter.borrowed()))
    }

    /// As [`matches`](Self::matches), but only the names behind `last` in the order of their bytes: goes on where an earlier
    /// search was left, with `last` stored or not. What has been stored all the time is found once, whatever else changes.
    ///
    /// ```
    /// use mqtt_topic::{RetainedStore, TopicFilter, TopicName};
    ///
    /// let mut store = RetainedStore::new();
    /// for (value, name) in ["a/1", "a/2", "a/3", "b"].iter().enumerate() {
    ///     store.insert(&TopicName::parse(name)?, value)?;
    /// }
    /// let filter = TopicFilter::parse("a/#")?;
    /// assert!(store.matches_after(&filter, &TopicName::parse("a/1")?).eq(&[1, 2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn matches_after<'t, 'f, S: AsRef<[u8]>, N: AsRef<[u8]>>(
        &'t self,
        filter: &'f TopicFilter<S>,
        last: &TopicName<N>,
    ) -> RetainedMatches<'t, 'f, V> {
        self.matches(filter).after(last.as_bytes())
    }

    /// Keeps the values for which `keep` is true: the sweep for messages that have expired, for one.
    pub fn retain(&mut self, mut keep: impl FnMut(TopicName<&[u8]>, &V) -> bool) {
        let mut sweep = Sweep::new();
        while !sweep.is_complete() {
            self.sweep(&mut sweep, 1024, &mut keep);
        }
    }

    /// As [`retain`](Self::retain), but looks at `budget` values at most, the ones behind those `sweep` has seen, so that no
    /// sweep holds up everything else. Values may be inserted and removed between two goes.
    ///
    /// ```
    /// use mqtt_topic::{RetainedStore, Sweep, TopicName};
    ///
    /// let mut store = RetainedStore::new();
    /// for (name, expires_at) in [("a", 5), ("b", 9), ("c", 5)] {
    ///     store.insert(&TopicName::parse(name)?, expires_at)?;
    /// }
    /// let (mut sweep, now) = (Sweep::new(), 7);
    /// while !sweep.is_complete() {
    ///     store.sweep(&mut sweep, 2, |_, expires_at| *expires_at > now);
    /// }
    /// assert!(store.iter().eq(&[9]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sweep(
        &mut self,
        sweep: &mut Sweep,
        budget: usize,
        mut keep: impl FnMut(TopicName<&[u8]>, &V) -> bool,
    ) {
        let mut values = self.iter();
        if let Some(last) = &sweep.last {
            values = values.after(last);
        }
        let mut unwanted: Vec<Box<[u8]>> = Vec::new();
        let mut looked_at = 0;
        while looked_at < budget {
            let Some(value) = values.next() else {
                sweep.is_complete = true;
                break;
            };
            looked_at += 1;
            if let Some(name) = values.last_visited()
                && !keep(name, value)
            {
                unwanted.push(name.as_bytes().into());
            }
        }
        if let Some(last) = values.last_visited() {
            sweep.last = Some(last.as_bytes().into());
        }
        for name in unwanted {
            self.remove_bytes(&name);
        }
    }
}

/// How far a sweep has come; see [`RetainedStore::sweep`].
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    last: Option<Box<[u8]>>,
    is_complete: bool,
}

impl Sweep {
    /// From the first value on.
    pub const fn new() -> Self {
        Self { last: None, is_complete: false }
    }

    /// Whether it has come to the end.
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }
}

impl<V> Default for RetainedStore<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'t, V> IntoIterator for &'t RetainedStore<V> {
    type Item = &'t V;
    type IntoIter = RetainedMatches<'t, 't, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<V: fmt::Debug> fmt::Debug for RetainedStore<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        let mut values = self.iter();
        while let Some(value) = values.next() {
            map.entry(&values.last_visited(), value);
        }
        map.finish()
    }
}
