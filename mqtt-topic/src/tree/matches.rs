//! The walk that finds the subscriptions of a Topic Name.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::list::Chunks;
use super::trie::{Child, ROOT};
use super::{Sub, SubscriptionTree};
use crate::arena::NONE;
use crate::{ShareName, Subscription, TopicFilter};

/// The subscriptions that want a message; see [`SubscriptionTree::matches`].
#[must_use = "iterators are lazy"]
pub struct Matches<'t, 'n, K, V> {
    tree: &'t SubscriptionTree<K, V>,
    name: &'n [u8],
    /// The filters found last whose subscriptions have not been given out.
    found: Found,
    /// The next group of a Shared Subscription to the filter found last.
    share: u32,
    walk: Option<Walk>,
    visited: usize,
}

/// What a message is wanted by.
#[derive(Debug)]
pub enum Match<'t, K, V> {
    /// All ordinary subscriptions with one Topic Filter: each of them gets the message.
    Ordinary(Group<'t, K, V>),
    /// A Shared Subscription: one of its members gets the message.
    Shared(Group<'t, K, V>),
}

/// The subscribers with one Topic Filter, or those that share one Share Name and one Topic Filter (section 4.8.2). There is at
/// least one.
pub struct Group<'t, K, V> {
    tree: &'t SubscriptionTree<K, V>,
    sub: Sub,
}

/// The number of a [`Group`], for what is kept about it elsewhere: whose turn it is, say. It is the same as long as the group
/// has members, and may then be given to another group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub(super) u32);

/// What a search with a budget has come to; see [`Matches::next_within`].
#[derive(Debug)]
pub enum MatchStep<'t, K, V> {
    /// A match.
    Found(Match<'t, K, V>),
    /// The budget is used up; call again with more.
    OutOfBudget,
    /// There are no more matches.
    Done,
}

/// How far a search has come, for [`SubscriptionTree::matches_from`]. It stays good while the tree changes.
///
/// One bit for each level of the Topic Name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchPosition {
    /// Whether each level up to the place to go on from is `+`.
    wildcards: Box<[u64]>,
    levels: u32,
}

impl<'t, K, V> Group<'t, K, V> {
    pub(super) const fn new(tree: &'t SubscriptionTree<K, V>, sub: Sub) -> Self {
        Self { tree, sub }
    }
}

impl<'t, K, V> Group<'t, K, V> {
    /// The number of the group.
    pub const fn id(&self) -> GroupId {
        GroupId(self.sub.0)
    }

    /// The Share Name, if the subscriptions are shared.
    pub fn share_name(&self) -> Option<ShareName<&'t [u8]>> {
        self.tree.share_name(self.sub)
    }

    /// The Topic Filter, without `$share/` and Share Name. It is put together for the answer.
    pub fn filter(&self) -> TopicFilter<Box<[u8]>> {
        TopicFilter::trusted(self.tree.filter_text(self.sub).into())
    }

    /// The Share Name, if there is one, and the Topic Filter. It is put together for the answer.
    pub fn subscription(&self) -> Subscription<Box<[u8]>> {
        match self.share_name() {
            None => Subscription::Ordinary(self.filter()),
            Some(share_name) => {
                Subscription::Shared { share_name: share_name.boxed(), filter: self.filter() }
            }
        }
    }

    /// The subscribers and what was stored with their subscriptions, at least one. A new member comes last; when one leaves,
    /// the last takes its place.
    pub fn members(&self) -> Members<'t, K, V> {
        self.tree.members(self.sub)
    }
}

/// The members of a [`Group`]; `nth` takes no longer than `next`, give or take 512 members.
#[must_use = "iterators are lazy"]
pub struct Members<'t, K, V> {
    pub(super) one: Option<(&'t K, &'t V)>,
    pub(super) many: Chunks<'t, (K, V)>,
}

impl<'t, K, V> Iterator for Members<'t, K, V> {
    type Item = (&'t K, &'t V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.one.take().or_else(|| self.many.next().map(|(key, value)| (key, value)))
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        match (self.one.take(), n) {
            (None, n) => self.many.nth(n).map(|(key, value)| (key, value)),
            (one, 0) => one,
            (Some(_), _) => None,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.many.size_hint().0 + usize::from(self.one.is_some());
        (len, Some(len))
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        let first = self.one.into_iter().fold(init, &mut f);
        self.many.fold(first, |all, (key, value)| f(all, (key, value)))
    }
}

impl<K, V> ExactSizeIterator for Members<'_, K, V> {}
impl<K, V> core::iter::FusedIterator for Members<'_, K, V> {}

/// What one visit finds: at most a filter and another that ends in `#`.
#[derive(Clone, Copy)]
struct Found([u32; 2]);

impl Found {
    const NONE: Self = Self([NONE; 2]);

    #[inline]
    const fn push(&mut self, id: u32) {
        let Self([first, second]) = self;
        if *first == NONE {
            *first = id;
        } else {
            *second = id;
        }
    }

    #[inline]
    const fn pop(&mut self) -> Option<u32> {
        let Self([first, second]) = *self;
        self.0 = [second, NONE];
        if first == NONE { None } else { Some(first) }
    }
}

/// The walk through the trie: depth first, the level itself before `+`.
#[derive(Clone)]
struct Walk {
    /// The symbols of the first levels of the name, as far as they have been looked at.
    levels: [NameLevel; FEW_LEVELS],
    known: u32,
    /// The branches still to visit, the last first: at most one for each level of the name and one more.
    few: [Branch; FEW_LEVELS + 1],
    len: usize,
    /// Those that `few` has no room for.
    more: Vec<Branch>,
}

/// Names with so many levels are matched without allocating.
const FEW_LEVELS: usize = 16;

#[derive(Clone, Copy)]
struct NameLevel {
    /// [`NONE`] if no filter has it.
    symbol: u32,
    /// Where the next level begins; behind the name if there is none.
    next: u32,
}

/// A node or leaf whose path matches the name up to `at`, where the next level begins.
#[derive(Clone, Copy)]
struct Branch {
    child: Child,
    at: u32,
    level: u32,
}

impl Walk {
    const fn new(first: Branch) -> Self {
        Self {
            levels: [NameLevel { symbol: NONE, next: 0 }; FEW_LEVELS],
            known: 0,
            few: [first; FEW_LEVELS + 1],
            len: 1,
            more: Vec::new(),
        }
    }

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
        if !self.more.is_empty() {
            return self.more.pop();
        }
        self.len = self.len.checked_sub(1)?;
        self.few.get(self.len).copied()
    }

    fn last(&self) -> Option<&Branch> {
        self.more.last().or_else(|| self.few.get(self.len.checked_sub(1)?))
    }

    /// The level of the name at a branch.
    #[inline]
    fn level<K, V>(&mut self, tree: &SubscriptionTree<K, V>, name: &[u8], branch: Branch) -> NameLevel {
        if branch.level < self.known
            && let Some(level) = self.levels.get(branch.level as usize)
        {
            return *level;
        }
        let rest = name.get(branch.at as usize..).unwrap_or_default();
        let text = rest.split(|byte| *byte == b'/').next().unwrap_or(rest);
        let level = NameLevel {
            symbol: tree.trie.symbols.find(text).unwrap_or(NONE),
            next: branch.at + text.len() as u32 + 1,
        };
        if let Some(slot) = self.levels.get_mut(branch.level as usize) {
            *slot = level;
            self.known = branch.level + 1;
        }
        level
    }

    /// Finds what ends at a branch, and where it goes on.
    #[inline]
    fn visit<K, V>(&mut self, tree: &SubscriptionTree<K, V>, name: &[u8], branch: Branch, found: &mut Found) {
        let is_end = branch.at as usize > name.len();
        let id = match branch.child {
            Child::None => return,
            Child::Leaf(id) => {
                if is_end {
                    found.push(id);
                }
                return;
            }
            Child::Node(id) => id,
        };
        let Some(node) = tree.trie.nodes.get(id) else { return };
        if is_end {
            if node.filter != NONE {
                found.push(node.filter);
            }
            // `a/#` matches `a` too.
            if node.multi_level != NONE {
                found.push(node.multi_level);
            }
            return;
        }
        let NameLevel { symbol, next } = self.level(tree, name, branch);
        let is_last = next as usize > name.len();
        let mut go_on = |child| {
            // A leaf that is not the last level does not match.
            if matches!(child, Child::Node(_)) || (is_last && child != Child::None) {
                self.push(Branch { child, at: next, level: branch.level + 1 });
            }
        };
        if is_wild(name, branch) {
            if node.multi_level != NONE {
                found.push(node.multi_level);
            }
            go_on(node.single_level());
        }
        if symbol != NONE {
            go_on(tree.trie.name(id, node, symbol));
        }
    }
}

/// Whether `+` or `#` may stand for the level at a branch: not for the first of a name that begins with `$`
/// `[MQTT-4.7.2-1]`.
#[inline]
fn is_wild(name: &[u8], branch: Branch) -> bool {
    branch.level > 0 || name.first() != Some(&b'$')
}

impl<'t, 'n, K, V> Matches<'t, 'n, K, V> {
    #[inline]
    pub(super) fn new(tree: &'t SubscriptionTree<K, V>, name: &'n [u8]) -> Self {
        let mut found = Found::NONE;
        if let Some(id) = tree.trie.find_exact(name) {
            found.push(id);
        }
        let walk =
            tree.trie.has_paths().then(|| Walk::new(Branch { child: Child::Node(ROOT), at: 0, level: 0 }));
        Self { tree, name, found, share: NONE, walk, visited: usize::from(tree.config.exact_table) }
    }

    /// The search that goes on from `position`.
    pub(super) fn from_position(
        tree: &'t SubscriptionTree<K, V>,
        name: &'n [u8],
        position: &MatchPosition,
    ) -> Self {
        let first = Branch { child: Child::Node(ROOT), at: 0, level: 0 };
        let mut walk = Walk { len: 0, ..Walk::new(first) };
        let mut visited = 0;
        let mut at = Some(first);
        for level in 0..position.levels {
            let Some(branch) = at.filter(|branch| branch.at as usize <= name.len()) else { break };
            let Child::Node(id) = branch.child else { break };
            let Some(node) = tree.trie.nodes.get(id) else { break };
            visited += 1;
            let NameLevel { symbol, next } = walk.level(tree, name, branch);
            let below = |child| Branch { child, at: next, level: branch.level + 1 };
            let single_level = if is_wild(name, branch) { node.single_level() } else { Child::None };
            let bits = position.wildcards.get(level as usize / 64).copied().unwrap_or_default();
            at = Some(below(if bits >> (level % 64) & 1 == 1 {
                single_level
            } else {
                // It comes after all that goes on with the level itself.
                if single_level != Child::None {
                    walk.push(below(single_level));
                }
                if symbol == NONE { Child::None } else { tree.trie.name(id, node, symbol) }
            }));
        }
        if let Some(branch) =
            at.filter(|branch| branch.level == position.levels && branch.child != Child::None)
        {
            walk.push(branch);
        }
        Self { tree, name, found: Found::NONE, share: NONE, walk: Some(walk), visited }
    }

    /// How many nodes of the tree and entries of the exact table have been looked at: the measure of the work done so far.
    pub const fn visited(&self) -> usize {
        self.visited
    }

    /// The next match, as long as `budget` lasts, from which each node looked at takes one. So a search that looks at many can
    /// give way to other work; with a budget it always comes forward.
    ///
    /// ```
    /// use mqtt_topic::{MatchStep, Subscription, SubscriptionTree, TopicName};
    ///
    /// let mut tree = SubscriptionTree::new();
    /// for (client, text) in [(1, "a/+"), (2, "+/b"), (3, "+/+"), (4, "#")] {
    ///     tree.insert(&Subscription::parse(text)?, client, ()).unwrap();
    /// }
    /// let name = TopicName::parse("a/b")?;
    /// let (mut found, mut steps) = (0, 0);
    /// let mut matches = tree.matches(&name);
    /// loop {
    ///     let mut budget = 2;
    ///     loop {
    ///         match matches.next_within(&mut budget) {
    ///             MatchStep::Found(_) => found += 1,
    ///             MatchStep::OutOfBudget => break,
    ///             MatchStep::Done => {
    ///                 assert!(found == 4 && steps > 1);
    ///                 return Ok(());
    ///             }
    ///         }
    ///     }
    ///     steps += 1;
    ///     // Other work, which may change the tree.
    ///     let Some(position) = matches.position() else { continue };
    ///     matches = tree.matches_from(&name, &position);
    /// }
    /// # Ok::<(), mqtt_topic::InvalidTopic>(())
    /// ```
    pub fn next_within(&mut self, budget: &mut usize) -> MatchStep<'t, K, V> {
        loop {
            if let Some(found) = self.next_found() {
                return MatchStep::Found(found);
            }
            if *budget == 0 && self.walk.as_ref().is_some_and(|walk| walk.last().is_some()) {
                return MatchStep::OutOfBudget;
            }
            if !self.step() {
                return MatchStep::Done;
            }
            *budget = budget.saturating_sub(1);
        }
    }

    /// Where to go on later, once [`next_within`](Self::next_within) has come to the end of its budget; `None` while there are
    /// matches to give out, and at the end.
    pub fn position(&self) -> Option<MatchPosition> {
        let is_settled = self.found.0 == [NONE; 2] && self.share == NONE;
        let branch = self.walk.as_ref().filter(|_| is_settled)?.last()?;
        let mut wildcards: Vec<u64> = core::iter::repeat_n(0, branch.level.div_ceil(64) as usize).collect();
        let levels = (0..branch.level).rev();
        for (level, is_wildcard) in levels.zip(self.tree.trie.wildcards_above(branch.child)) {
            if let Some(bits) = wildcards.get_mut(level as usize / 64) {
                *bits |= u64::from(is_wildcard) << (level % 64);
            }
        }
        Some(MatchPosition { wildcards: wildcards.into(), levels: branch.level })
    }

    /// Looks at one branch; `false` if there is none.
    #[inline]
    fn step(&mut self) -> bool {
        let Some(walk) = &mut self.walk else { return false };
        let Some(branch) = walk.pop() else { return false };
        self.visited += 1;
        walk.visit(self.tree, self.name, branch, &mut self.found);
        true
    }

    /// What has been found and not been given out.
    #[inline]
    fn next_found(&mut self) -> Option<Match<'t, K, V>> {
        loop {
            if self.share != NONE {
                let sub = Sub::shared(self.share);
                self.share = self.tree.next_share(self.share);
                return Some(Match::Shared(Group::new(self.tree, sub)));
            }
            let id = self.found.pop()?;
            let (is_ordinary, share) = self.tree.ends(id);
            self.share = share;
            if is_ordinary {
                return Some(Match::Ordinary(Group::new(self.tree, Sub::ordinary(id))));
            }
        }
    }
}

impl<'t, K, V> Iterator for Matches<'t, '_, K, V> {
    type Item = Match<'t, K, V>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_found() {
                return Some(found);
            }
            if !self.step() {
                return None;
            }
        }
    }
}

impl<K, V> core::iter::FusedIterator for Matches<'_, '_, K, V> {}

impl<K, V> Clone for Matches<'_, '_, K, V> {
    fn clone(&self) -> Self {
        Self { walk: self.walk.clone(), ..*self }
    }
}

impl<K, V> Clone for Match<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Match<'_, K, V> {}

impl<K, V> Clone for Group<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Group<'_, K, V> {}

impl<K, V> Clone for Members<'_, K, V> {
    fn clone(&self) -> Self {
        Self { one: self.one, many: self.many.clone() }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Group<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("subscription", &self.subscription())
            .field("members", &self.members())
            .finish_non_exhaustive()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Members<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K, V> fmt::Debug for Matches<'_, '_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matches").field("visited", &self.visited).finish_non_exhaustive()
    }
}
