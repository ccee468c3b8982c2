//! The trie of many brokers: a node for each level, each with a hash map of its own, and recursion.

use std::collections::HashMap;
use std::str::Split;

use foldhash::fast::RandomState;

use crate::store::{Found, Member, Retained, Single, Store};

/// Its name.
pub(super) const NAME: &str = "naive trie";

type Children<N> = HashMap<Box<str>, N, RandomState>;

#[derive(Default)]
pub(super) struct Node {
    children: Children<Self>,
    single: Option<Box<Self>>,
    /// Of filters that end here.
    subscribers: Vec<Member>,
    /// Of filters that end with `#` behind this level.
    below: Vec<Member>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.children.is_empty()
            && self.single.is_none()
            && self.subscribers.is_empty()
            && self.below.is_empty()
    }

    fn find(&self, mut levels: Split<'_, char>, may_be_wild: bool, found: &mut Found) {
        if may_be_wild {
            found.extend(&self.below);
        }
        let Some(level) = levels.next() else {
            found.extend(&self.subscribers);
            return;
        };
        if let Some(child) = self.children.get(level) {
            child.find(levels.clone(), true, found);
        }
        if let (true, Some(child)) = (may_be_wild, &self.single) {
            child.find(levels, true, found);
        }
    }

    fn remove(&mut self, mut levels: Split<'_, char>, subscriber: u32) {
        match levels.next() {
            None => self.subscribers.retain(|one| one.0 != subscriber),
            Some("#") => self.below.retain(|one| one.0 != subscriber),
            Some("+") => {
                if let Some(child) = &mut self.single {
                    child.remove(levels, subscriber);
                    if child.is_empty() {
                        self.single = None;
                    }
                }
            }
            Some(level) => {
                if let Some(child) = self.children.get_mut(level) {
                    child.remove(levels, subscriber);
                    if child.is_empty() {
                        self.children.remove(level);
                    }
                }
            }
        }
    }
}

impl Store for Node {
    const NAME: &'static str = NAME;
    type Name = Box<str>;

    fn new() -> Self {
        Self::default()
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        let mut node = self;
        for level in filter.split('/') {
            node = match level {
                "#" => {
                    node.below.push((subscriber, 0));
                    return true;
                }
                "+" => node.single.get_or_insert_default(),
                _ => child(&mut node.children, level),
            };
        }
        node.subscribers.push((subscriber, 0));
        true
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        self.remove(filter.split('/'), subscriber);
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        self.find(name.split('/'), !name.starts_with('$'), found);
    }
}

fn child<'n, N: Default>(children: &'n mut Children<N>, level: &str) -> &'n mut N {
    if !children.contains_key(level) {
        children.insert(level.into(), N::default());
    }
    children.get_mut(level).expect("it has been inserted")
}

#[derive(Default)]
pub(super) struct RetainedNode {
    children: Children<Self>,
    value: Option<u32>,
}

impl RetainedNode {
    fn find(&self, mut levels: Split<'_, char>, is_root: bool, found: &mut Found) {
        let children = || self.children.iter().filter(|(level, _)| !is_root || !level.starts_with('$'));
        match levels.next() {
            None => found.extend(&self.value),
            Some("#") => {
                found.extend(&self.value);
                children().for_each(|(_, child)| child.find("#".split('/'), false, found));
            }
            Some("+") => children().for_each(|(_, child)| child.find(levels.clone(), false, found)),
            Some(level) => {
                if let Some(child) = self.children.get(level) {
                    child.find(levels, false, found);
                }
            }
        }
    }
}

impl Retained for RetainedNode {
    const NAME: &'static str = NAME;
    type Query = Box<str>;

    fn new() -> Self {
        Self::default()
    }

    fn query(text: &str) -> Option<Self::Query> {
        Some(text.into())
    }

    fn insert(&mut self, name: &str, value: u32) {
        name.split('/').fold(self, |node, level| child(&mut node.children, level)).value = Some(value);
    }

    fn matches(&self, query: &Self::Query, found: &mut Found) {
        self.find(query.split('/'), true, found);
    }
}

/// Level by level.
pub(super) struct Levels;

impl Single for Levels {
    const NAME: &'static str = "naive, level by level";
    type Filter = Box<str>;
    type Name = Box<str>;
    const PARSE: Option<fn(&str)> = None;

    fn filter(text: &str) -> Option<Self::Filter> {
        Some(text.into())
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn matches(filter: &Self::Filter, name: &Self::Name) -> bool {
        crate::oracle::matches(filter, name)
    }
}
