//! The algorithm of EMQX, written anew: filters without wildcards in a hash map, the others in one ordered set, which is
//! searched by jumping to the least filter that may match next.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use foldhash::fast::RandomState;

use crate::store::{Found, Member, Store};
use crate::stores::is_exact;

/// Its name.
pub(super) const NAME: &str = "EMQX's algorithm";

/// The levels of a filter, each with one of these before it and [`END`] behind it, so that the order of bytes is level by
/// level, `#` first and `+` next.
const HASH: u8 = 1;
const PLUS: u8 = 2;
const WORD: u8 = 3;
const END: u8 = 0;

#[derive(Default)]
pub(super) struct Index {
    exact: HashMap<Box<str>, Vec<Member>, RandomState>,
    wild: BTreeMap<Box<[u8]>, Vec<Member>>,
    /// Where to go on in `wild`, kept for its memory.
    target: Vec<u8>,
}

fn push_word(key: &mut Vec<u8>, word: &[u8]) {
    key.push(WORD);
    key.extend(word);
    key.push(END);
}

fn key(filter: &str) -> Box<[u8]> {
    let mut key = Vec::new();
    for level in filter.split('/') {
        match level {
            "#" => key.extend([HASH, END]),
            "+" => key.extend([PLUS, END]),
            _ => push_word(&mut key, level.as_bytes()),
        }
    }
    key.into()
}

/// What a filter that has been looked at means for the search.
enum Step {
    /// It matches.
    Found,
    /// The next one may.
    Next,
    /// None before the target may.
    Seek,
    /// None behind it may.
    Done,
}

/// Compares a filter with a name, and leaves in `target` what to look for if there is something to skip.
fn step(filter: &[u8], name: &[&str], target: &mut Vec<u8>) -> Step {
    let levels = filter.split(|byte| *byte == END);
    // The last END leaves an empty rest.
    let mut levels = levels.take_while(|level| !level.is_empty());
    let mut words = name.iter();
    let mut start = 0;
    // The last level where `+` stands and the word of the name comes later.
    let mut retreat = None;
    loop {
        let Some(level) = levels.next() else {
            // It has as many levels, or is the beginning of what may match.
            return if words.next().is_none() { Step::Found } else { Step::Next };
        };
        if level[0] == HASH {
            return Step::Found;
        }
        let Some(word) = words.next() else { break };
        if level[0] == PLUS {
            retreat = Some((start, *word));
        } else {
            match level[1..].cmp(word.as_bytes()) {
                core::cmp::Ordering::Less => {
                    retreat = Some((start, *word));
                    break;
                }
                core::cmp::Ordering::Equal => {}
                core::cmp::Ordering::Greater => break,
            }
        }
        start += level.len() + 1;
    }
    let Some((start, word)) = retreat else { return Step::Done };
    target.clear();
    target.extend(&filter[..start]);
    push_word(target, word.as_bytes());
    Step::Seek
}

impl Store for Index {
    const NAME: &'static str = NAME;
    type Name = Box<str>;

    fn new() -> Self {
        Self::default()
    }

    fn name(text: &str) -> Self::Name {
        text.into()
    }

    fn insert(&mut self, filter: &str, subscriber: u32) -> bool {
        if !is_exact(filter) {
            self.wild.entry(key(filter)).or_default().push((subscriber, 0));
        } else if let Some(subscribers) = self.exact.get_mut(filter) {
            subscribers.push((subscriber, 0));
        } else {
            self.exact.insert(filter.into(), vec![(subscriber, 0)]);
        }
        true
    }

    fn remove(&mut self, filter: &str, subscriber: u32) {
        if is_exact(filter) {
            if let Some(subscribers) = self.exact.get_mut(filter) {
                subscribers.retain(|one| one.0 != subscriber);
                if subscribers.is_empty() {
                    self.exact.remove(filter);
                }
            }
        } else if let Some(subscribers) = self.wild.get_mut(&key(filter)) {
            subscribers.retain(|one| one.0 != subscriber);
            if subscribers.is_empty() {
                self.wild.remove(&key(filter));
            }
        }
    }

    fn matches(&mut self, name: &Self::Name, found: &mut Found) {
        found.extend(self.exact.get(name).into_iter().flatten());
        let levels: Vec<&str> = name.split('/').collect();
        self.target.clear();
        if name.starts_with('$') {
            push_word(&mut self.target, levels[0].as_bytes());
        }
        loop {
            let from = Bound::Included(self.target.as_slice());
            let mut filters = self.wild.range::<[u8], _>((from, Bound::Unbounded));
            loop {
                let Some((filter, subscribers)) = filters.next() else { return };
                match step(filter, &levels, &mut self.target) {
                    Step::Found => found.extend(subscribers),
                    Step::Next => {}
                    Step::Seek => break,
                    Step::Done => return,
                }
            }
        }
    }
}
