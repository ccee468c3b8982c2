//! What cannot be done faster: one look-up of a whole topic in a hash map; and to compare two texts.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::store::{Found, Member, Retained, Single, Store};
use crate::stores::is_exact;

/// How its name begins.
pub const NAME: &str = "floor";

/// A map from filters without wildcards to lists of subscribers.
pub(super) struct Map(HashMap<Box<str>, Vec<Member>, RandomState>);

impl Store for Map {
    const NAME: &'static str = "floor (foldhash map)";
    type Name = Box<str>;

    fn new() -> Self {
        Self(HashMap::default())
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        if !is_exact(filter) {
            return false;
        }
        match self.0.get_mut(filter) {
            Some(subscribers) => subscribers.push((subscriber, 0)),
            None => _ = self.0.insert(filter.into(), vec![(subscriber, 0)]),
        }
        true
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        if let Some(subscribers) = self.0.get_mut(filter) {
            subscribers.retain(|one| one.0 != subscriber);
            if subscribers.is_empty() {
                self.0.remove(filter);
            }
        }
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        found.extend(self.0.get(name).into_iter().flatten());
    }
}

/// A map from topics to values.
pub(super) struct RetainedMap(HashMap<Box<str>, u32, RandomState>);

impl Retained for RetainedMap {
    const NAME: &'static str = "floor (foldhash map)";
    type Query = Box<str>;

    fn new() -> Self {
        Self(HashMap::default())
    }

    fn query(text: &str) -> Option<Self::Query> {
        is_exact(text).then(|| text.into())
    }

    fn insert(&mut self, name: &str, value: u32) {
        self.0.insert(name.into(), value);
    }

    fn matches(&self, query: &Self::Query, found: &mut Found) {
        found.extend(self.0.get(query));
    }
}

/// Two texts.
pub(super) struct Equal;

impl Single for Equal {
    const NAME: &'static str = "floor (equal bytes)";
    type Filter = Box<str>;
    type Name = Box<str>;
    const PARSE: Option<fn(&str)> = None;

    fn filter(text: &str) -> Option<Self::Filter> {
        is_exact(text).then(|| text.into())
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn matches(filter: &Self::Filter, name: &Self::Name) -> bool {
        filter == name
    }
}
