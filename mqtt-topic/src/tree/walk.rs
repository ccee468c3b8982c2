//! The walk through the trie: depth first, the level itself before `+`. Its [beginning](super::front) goes level by level.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::front::ITEMS;
use super::runs::Run;
use super::symbols::Key;
use super::trie::{Child, Packed, ROOT, Trie, Wanted};
use crate::arena::NONE;

#[derive(Clone)]
pub(super) struct Walk {
    /// What is known of the levels of the name, each at its number, cut.
    levels: [Wanted; KNOWN_LEVELS],
    branches: Branches,
}

/// The branches still to visit, and what has been found behind them, the last first.
#[derive(Clone)]
struct Branches {
    few: [Branch; FEW_BRANCHES],
    len: usize,
    /// Those that `few` has no room for.
    more: Vec<Branch>,
}

/// Names with up to 16 levels are matched without allocating.
const FEW_BRANCHES: usize = ITEMS + 16;

/// So many levels, beside each other, are read once.
const KNOWN_LEVELS: usize = 8;

/// A node whose path matches the name up to `at`, where the next level begins, and there is one; or a filter.
#[derive(Clone, Copy)]
struct Branch {
    child: Packed,
    at: u16,
    level: u16,
}

const START: Branch = Branch::new(ROOT, 0, 0);

impl Branch {
    const fn new(node: u32, at: u16, level: u16) -> Self {
        Self { child: Packed::new(Child::Node(node)), at, level }
    }
}

/// What visits find, in order: each a filter that ends in `#`; and for the last level of a name, what ends with that level, or
/// with `#` behind it, and the same for `+`.
#[derive(Clone)]
pub(super) struct Found {
    filters: [u32; Self::ROOM],
    /// How many have not been given out, the last of them before `end`. Beside the zeros of `filters` a number that begins as 0 would be
    /// written together with them, and the processor would wait for it to be read.
    left: usize,
    end: usize,
}

/// How far a search has come, for [`SubscriptionTree::matches_from`](crate::SubscriptionTree::matches_from). It stays good while the tree changes.
///
/// One bit for each level of the Topic Name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchPosition {
    /// Whether each level up to the place to go on from is `+`.
    wildcards: Box<[u64]>,
    levels: u16,
}

impl MatchPosition {
    /// Whether nothing has been looked at, not even the exact table.
    pub(super) const fn is_start(&self) -> bool {
        self.levels == 0
    }
}

impl Walk {
    /// At the beginning.
    #[inline]
    pub(super) const fn new() -> Self {
        Self::with_branches(1)
    }

    const fn with_branches(len: usize) -> Self {
        // Nothing is known: 0 is not the number of the level in any other place, nor 1 in the first.
        let key = Key { first: 0, second: 0 };
        let mut levels = [Wanted { key, hash: 0, symbol: 0, level: 0, end: 0 }; KNOWN_LEVELS];
        if let Some(first) = levels.first_mut() {
            first.level = 1;
        }
        Self { levels, branches: Branches { few: [START; FEW_BRANCHES], len, more: Vec::new() } }
    }

    /// The walk that goes on from these, the last first; the nodes among them are those of a level.
    #[cold]
    #[inline(never)]
    pub(super) fn with(children: &mut dyn Iterator<Item = Packed>, at: u16, level: u16) -> Self {
        let mut walk = Self::with_branches(0);
        children.for_each(|child| walk.branches.push(Branch { child, at, level }));
        walk
    }

    /// The walk that goes on from `position`, and how many nodes have been looked at to find it.
    pub(super) fn from_position<K, V>(
        trie: &Trie<K, V>,
        name: &[u8],
        position: &MatchPosition,
    ) -> (Self, usize) {
        let mut walk = Self::with_branches(0);
        let mut visited = 0;
        let mut at = Some(START);
        for number in 0..position.levels {
            let Some(branch) = at.take() else { break };
            let Some(node) = trie.nodes.get(branch.child.number()) else { break };
            visited += 1;
            let Some(wanted) = level(&mut walk.levels, trie, name, branch).copied() else {
                break;
            };
            if usize::from(wanted.end) == name.len() {
                break;
            }
            let below = |child| match child {
                Child::Node(node) => Some(Branch::new(node, wanted.end + 1, branch.level + 1)),
                Child::None | Child::Leaf(_) => None,
            };
            let is_wild = number > 0 || is_wild_first(name);
            let single_level = if is_wild { below(node.single_level()) } else { None };
            let bits = position.wildcards.get(usize::from(number) / 64).copied().unwrap_or_default();
            if bits >> (number % 64) & 1 == 1 {
                at = single_level;
            } else {
                // `+` comes after all that goes on with the level itself.
                if let Some(branch) = single_level {
                    walk.branches.push(branch);
                }
                at = below(trie.name_wanted(branch.child.number(), node, &wanted));
            }
        }
        if let Some(branch) = at {
            walk.branches.push(branch);
        }
        (walk, visited)
    }

    /// Where it is, unless at the end.
    pub(super) fn position<K, V>(&self, trie: &Trie<K, V>) -> Option<MatchPosition> {
        let branch = self.branches.last()?;
        let mut wildcards: Vec<u64> = core::iter::repeat_n(0, branch.level.div_ceil(64).into()).collect();
        let levels = (0..branch.level).rev();
        for (level, is_wildcard) in levels.zip(trie.wildcards_above(branch.child.child())) {
            if let Some(bits) = wildcards.get_mut(usize::from(level) / 64) {
                *bits |= u64::from(is_wildcard) << (level % 64);
            }
        }
        Some(MatchPosition { wildcards: wildcards.into(), levels: branch.level })
    }

    /// Whether nothing is left to visit.
    pub(super) const fn is_over(&self) -> bool {
        self.branches.len == 0
    }

    /// Whether what comes next has been found already.
    pub(super) fn has_found(&self) -> bool {
        self.branches.last().is_some_and(|branch| matches!(branch.child.child(), Child::Leaf(_)))
    }

    /// Visits branches, one for each of `budget`, until enough is found or none is left.
    #[inline]
    pub(super) fn search<K, V>(
        &mut self,
        trie: &Trie<K, V>,
        name: &[u8],
        budget: &mut usize,
        found: &mut Found,
    ) {
        let mut left = *budget;
        while let Some(mut branch) = self.branches.pop() {
            let mut id = branch.child.number();
            if let Child::Leaf(filter) = branch.child.child() {
                if !found.has_room() {
                    self.branches.push(branch);
                    break;
                }
                found.push(filter);
                continue;
            }
            let Some(mut node) = trie.nodes.get(id) else { continue };
            loop {
                if left == 0 || !found.has_room() {
                    self.branches.push(Branch::new(id, branch.at, branch.level));
                    *budget = left;
                    return;
                }
                left -= 1;
                found.push(node.multi_level);
                let Some(known) = level(&mut self.levels, trie, name, branch) else { break };
                if usize::from(known.end) == name.len() {
                    find_ends(trie, trie.name_wanted(id, node, known), found);
                    find_ends(trie, node.single_level(), found);
                    break;
                }
                let (at, level) = (known.end + 1, branch.level + 1);
                if let Child::Node(node) = node.single_level() {
                    self.branches.push(Branch::new(node, at, level));
                } else if let Some(number) = node.run()
                    && let Some(Run::Used { first, exit, levels, text }) = trie.runs.get(number)
                    && *first == id
                {
                    // Nothing else is there up to its exit.
                    let rest = name.get(usize::from(branch.at)..).and_then(|rest| rest.strip_prefix(&**text));
                    let Some(rest) = rest else { break };
                    if rest.is_empty() {
                        find_ends(trie, Child::Node(*exit), found);
                        break;
                    }
                    let Some(next) = trie.nodes.get(*exit).filter(|_| rest.starts_with(b"/")) else { break };
                    let at = branch.at + text.len() as u16 + 1;
                    (id, branch, node) = (*exit, Branch { at, level: branch.level + levels, ..branch }, next);
                    continue;
                }
                let Some((child, next)) = trie.node_wanted(id, node, known) else { break };
                known.symbol = next.symbol;
                (id, branch, node) = (child, Branch { at, level, ..branch }, next);
            }
        }
        *budget = left;
    }
}

impl Branches {
    #[inline]
    fn push(&mut self, branch: Branch) {
        if let Some(slot) = self.few.get_mut(self.len) {
            *slot = branch;
            self.len += 1;
        } else {
            self.more.push(branch);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Branch> {
        if let Some(branch) = self.more.pop() {
            return Some(branch);
        }
        self.len = self.len.checked_sub(1)?;
        self.few.get(self.len).copied()
    }

    fn last(&self) -> Option<&Branch> {
        self.more.last().or_else(|| self.few.get(self.len.checked_sub(1)?))
    }
}

/// The level of the name at a branch.
#[inline]
fn level<'l, K, V>(
    levels: &'l mut [Wanted; KNOWN_LEVELS],
    trie: &Trie<K, V>,
    name: &[u8],
    branch: Branch,
) -> Option<&'l mut Wanted> {
    let known = levels.get_mut(usize::from(branch.level) % KNOWN_LEVELS)?;
    if known.level != branch.level {
        read_level(known, trie, name, branch);
    }
    Some(known)
}

#[inline(never)]
fn read_level<K, V>(known: &mut Wanted, trie: &Trie<K, V>, name: &[u8], branch: Branch) {
    *known = trie.wanted(name, branch.at.into(), branch.level);
}

/// Finds what ends with the last level of a name.
#[inline]
fn find_ends<K, V>(trie: &Trie<K, V>, child: Child, found: &mut Found) {
    match child {
        Child::None => {}
        Child::Leaf(id) => found.push(id),
        Child::Node(id) => {
            if let Some(node) = trie.nodes.get(id) {
                found.push(node.filter);
                // `a/#` matches `a` too.
                found.push(node.multi_level);
            }
        }
    }
}

/// Whether `+` or `#` may stand for the first level `[MQTT-4.7.2-1]`.
#[inline]
pub(super) fn is_wild_first(name: &[u8]) -> bool {
    name.first() != Some(&b'$')
}

impl Found {
    /// As many filters have room.
    pub(super) const ROOM: usize = 32;

    pub(super) const NONE: Self = Self { filters: [0; Self::ROOM], left: 0, end: 0 };

    #[inline]
    pub(super) const fn clear(&mut self) {
        (self.left, self.end) = (0, 0);
    }

    #[inline]
    pub(super) fn push(&mut self, id: u32) {
        if id != NONE
            && let Some(slot) = self.filters.get_mut(self.end)
        {
            *slot = id;
            self.left += 1;
            self.end += 1;
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<u32> {
        let next = self.end - self.left;
        self.left = self.left.checked_sub(1)?;
        self.filters.get(next).copied()
    }

    /// Whether what one more visit may find has room.
    #[inline]
    const fn has_room(&self) -> bool {
        self.end + 5 <= self.filters.len()
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.left == 0
    }
}
