//! The walk that finds the subscriptions of a Topic Name.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::list::{Chunks, List};
use super::symbols::{Key, Text};
use super::trie::{Child, Filter, Node, ROOT, Wanted};
use super::{Ends, Share, Sub, SubscriptionTree};
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
    search: Search,
    visited: usize,
}

/// How far the trie has been searched.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a search does not allocate")]
enum Search {
    /// Not at all.
    Before,
    Within(Walk),
    /// There is nothing more, or nothing was there.
    Done,
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
    members: Those<'t, K, V>,
}

/// The members of a group, at least one.
pub(super) enum Those<'t, K, V> {
    One(&'t K, &'t V),
    Many(&'t List<(K, V)>),
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
    levels: u16,
}

impl<'t, K, V> Group<'t, K, V> {
    pub(super) fn of(tree: &'t SubscriptionTree<K, V>, sub: Sub) -> Option<Self> {
        let members = match tree.list(sub) {
            Some(list) => Those::Many(list),
            None => match tree.trie.filters.get(sub.0)? {
                Filter::One { key, value, .. } => Those::One(key, value),
                Filter::Many { .. } | Filter::Vacant(_) => return None,
            },
        };
        Some(Self { tree, sub, members })
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
    #[inline]
    pub fn members(&self) -> Members<'t, K, V> {
        match self.members {
            Those::One(key, value) => Members { one: Some((key, value)), many: Chunks::default() },
            Those::Many(list) => Members { one: None, many: list.chunks() },
        }
    }
}

/// The members of a [`Group`]; `nth` takes a step for each 512 members it passes over.
#[must_use = "iterators are lazy"]
pub struct Members<'t, K, V> {
    one: Option<(&'t K, &'t V)>,
    many: Chunks<'t, (K, V)>,
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

/// What visits find, in order: each a filter that ends in `#`; and for the last level of a name, what ends with that level, or
/// with `#` behind it, and the same for `+`.
#[derive(Clone)]
struct Found {
    filters: [u32; 12],
    /// The first that has not been given out, and the end.
    next: u8,
    end: u8,
}

impl Found {
    const NONE: Self = Self { filters: [0; 12], next: 0, end: 0 };

    #[inline]
    fn push(&mut self, id: u32) {
        if id != NONE
            && let Some(slot) = self.filters.get_mut(usize::from(self.end))
        {
            *slot = id;
            self.end += 1;
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        self.next += 1;
        self.filters.get(usize::from(self.next) - 1).copied()
    }

    /// Whether what one more visit may find has room.
    #[inline]
    const fn has_room(&self) -> bool {
        self.end as usize + 5 <= self.filters.len()
    }

    #[inline]
    const fn is_empty(&self) -> bool {
        self.next == self.end
    }
}

/// The walk through the trie: depth first, the level itself before `+`.
#[derive(Clone)]
struct Walk {
    /// What is known of the levels of the name, each at its number, cut.
    levels: [Known; KNOWN_LEVELS],
    len: u16,
    /// The branches still to visit, the last first: at most one for each level of the name and one more.
    few: [Branch; FEW_LEVELS + 1],
    /// Those that `few` has no room for.
    more: Vec<Branch>,
}

/// What is known of a level.
#[derive(Clone, Copy)]
struct Known {
    wanted: Wanted,
    level: u16,
    end: u16,
}

/// Names with so many levels are matched without allocating.
const FEW_LEVELS: usize = 16;

/// So many levels, beside each other, are read once.
const KNOWN_LEVELS: usize = 8;

/// A node whose path matches the name up to `at`, where the next level begins. There is one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Branch {
    node: u32,
    at: u16,
    level: u16,
}

const START: Branch = Branch { node: ROOT, at: 0, level: 0 };

impl Walk {
    #[inline]
    const fn new() -> Self {
        // Nothing is known: 0 is not the number of the level in any other place, nor 1 in the first.
        let mut levels =
            [Known { wanted: Wanted { key: Key::NONE, symbol: NONE }, level: 0, end: 0 }; KNOWN_LEVELS];
        if let Some(first) = levels.first_mut() {
            first.level = 1;
        }
        Self { levels, len: 0, few: [START; FEW_LEVELS + 1], more: Vec::new() }
    }

    #[inline]
    fn push(&mut self, branch: Branch) {
        if let Some(slot) = self.few.get_mut(usize::from(self.len)) {
            *slot = branch;
            self.len += 1;
        } else {
            self.more.push(branch);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Branch> {
        if usize::from(self.len) == self.few.len() && !self.more.is_empty() {
            return self.more.pop();
        }
        self.len = self.len.checked_sub(1)?;
        self.few.get(usize::from(self.len)).copied()
    }

    /// The branch to visit next, and its node.
    #[inline]
    fn take<'t, K, V>(&mut self, tree: &'t SubscriptionTree<K, V>) -> Option<(Branch, &'t Node)> {
        let branch = self.pop()?;
        Some((branch, tree.trie.nodes.get(branch.node)?))
    }

    fn last(&self) -> Option<&Branch> {
        self.more.last().or_else(|| self.few.get(usize::from(self.len.checked_sub(1)?)))
    }

    /// The level of the name at a branch.
    #[inline]
    fn level<K, V>(
        &mut self,
        tree: &SubscriptionTree<K, V>,
        name: &[u8],
        branch: Branch,
    ) -> Option<&mut Known> {
        let known = self.levels.get_mut(usize::from(branch.level) % KNOWN_LEVELS)?;
        if known.level != branch.level {
            let (text, end) = Text::level(name, branch.at.into());
            let wanted = Wanted { key: tree.trie.symbols.key_of(text), symbol: NONE };
            *known = Known { wanted, level: branch.level, end: end as u16 };
        }
        Some(known)
    }

    /// Finds what ends at a branch or at the last level, and where it goes on: with the same level, and with `+`, which is kept
    /// for later.
    #[inline]
    fn visit<'t, K, V>(
        &mut self,
        tree: &'t SubscriptionTree<K, V>,
        name: &[u8],
        (branch, node): (Branch, &Node),
        found: &mut Found,
    ) -> Option<(Branch, &'t Node)> {
        let known = self.level(tree, name, branch)?;
        let end = known.end;
        let mut single_level = Child::None;
        if is_wild(name, branch) {
            found.push(node.multi_level);
            single_level = node.single_level();
        }
        if usize::from(end) == name.len() {
            find_ends(tree, tree.trie.name_wanted(branch.node, node, known.wanted), found);
            find_ends(tree, single_level, found);
            return None;
        }
        let same = tree.trie.node_wanted(branch.node, node, known.wanted);
        if let Some((_, node)) = same {
            known.wanted.symbol = node.symbol;
        }
        let (at, level) = (end + 1, branch.level + 1);
        if let Child::Node(node) = single_level {
            self.push(Branch { node, at, level });
        }
        same.map(|(id, node)| (Branch { node: id, at, level }, node))
    }
}

/// Finds what ends with the last level of a name.
#[inline]
fn find_ends<K, V>(tree: &SubscriptionTree<K, V>, child: Child, found: &mut Found) {
    match child {
        Child::None => {}
        Child::Leaf(id) => found.push(id),
        Child::Node(id) => {
            if let Some(node) = tree.trie.nodes.get(id) {
                found.push(node.filter);
                // `a/#` matches `a` too.
                found.push(node.multi_level);
            }
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
        let search = if tree.trie.has_paths() { Search::Before } else { Search::Done };
        Self { tree, name, found, share: NONE, search, visited: usize::from(tree.config.exact_table) }
    }

    /// The search that goes on from `position`.
    pub(super) fn from_position(
        tree: &'t SubscriptionTree<K, V>,
        name: &'n [u8],
        position: &MatchPosition,
    ) -> Self {
        let mut walk = Walk::new();
        let mut visited = 0;
        let mut at = Some(START);
        for level in 0..position.levels {
            let Some(branch) = at.take() else { break };
            let Some(node) = tree.trie.nodes.get(branch.node) else { break };
            visited += 1;
            let Some(Known { wanted, end, .. }) = walk.level(tree, name, branch).copied() else { break };
            if usize::from(end) == name.len() {
                break;
            }
            let below = |child| match child {
                Child::Node(node) => Some(Branch { node, at: end + 1, level: branch.level + 1 }),
                Child::None | Child::Leaf(_) => None,
            };
            let single_level = if is_wild(name, branch) { below(node.single_level()) } else { None };
            let bits = position.wildcards.get(usize::from(level) / 64).copied().unwrap_or_default();
            if bits >> (level % 64) & 1 == 1 {
                at = single_level;
            } else {
                // `+` comes after all that goes on with the level itself.
                if let Some(branch) = single_level {
                    walk.push(branch);
                }
                at = below(tree.trie.name_wanted(branch.node, node, wanted));
            }
        }
        if let Some(branch) = at {
            walk.push(branch);
        }
        Self { tree, name, found: Found::NONE, share: NONE, search: Search::Within(walk), visited }
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
    ///     let mut budget = 1;
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
            if self.next_branch().is_none() {
                return MatchStep::Done;
            }
            if *budget == 0 {
                return MatchStep::OutOfBudget;
            }
            self.search(budget);
        }
    }

    /// Where to go on later, once [`next_within`](Self::next_within) has come to the end of its budget; `None` while there are
    /// matches to give out, and at the end.
    pub fn position(&self) -> Option<MatchPosition> {
        let is_settled = self.found.is_empty() && self.share == NONE;
        let branch = self.next_branch().filter(|_| is_settled)?;
        let mut wildcards: Vec<u64> = core::iter::repeat_n(0, branch.level.div_ceil(64).into()).collect();
        let levels = (0..branch.level).rev();
        for (level, is_wildcard) in levels.zip(self.tree.trie.wildcards_above(Child::Node(branch.node))) {
            if let Some(bits) = wildcards.get_mut(usize::from(level) / 64) {
                *bits |= u64::from(is_wildcard) << (level % 64);
            }
        }
        Some(MatchPosition { wildcards: wildcards.into(), levels: branch.level })
    }

    /// The branch that the search goes on with.
    fn next_branch(&self) -> Option<Branch> {
        match &self.search {
            Search::Before => Some(START),
            Search::Within(walk) => walk.last().copied(),
            Search::Done => None,
        }
    }

    /// Looks at branches, one for each of `budget`, until enough is found or none is left.
    #[inline(never)]
    fn search(&mut self, budget: &mut usize) {
        if let Search::Before = self.search {
            self.search = Search::Within(Walk { len: 1, ..Walk::new() });
        }
        let Search::Within(walk) = &mut self.search else { return };
        let mut found = Found::NONE;
        let (mut left, mut next, mut is_done) = (*budget, None, false);
        while left > 0 && found.has_room() {
            let Some(place) = next.or_else(|| walk.take(self.tree)) else {
                is_done = true;
                break;
            };
            left -= 1;
            next = walk.visit(self.tree, self.name, place, &mut found);
        }
        if let Some((branch, _)) = next {
            walk.push(branch);
        }
        self.found = found;
        self.visited += *budget - left;
        *budget = left;
        if is_done {
            self.search = Search::Done;
        }
    }

    /// What has been found and not been given out.
    #[inline]
    fn next_found(&mut self) -> Option<Match<'t, K, V>> {
        loop {
            if self.share != NONE {
                let sub = Sub::shared(self.share);
                let share = self.tree.shares.get(self.share);
                self.share = NONE;
                if let Some(Share::Used { next, members, .. }) = share {
                    self.share = *next;
                    return Some(Match::Shared(Group {
                        tree: self.tree,
                        sub,
                        members: Those::Many(members),
                    }));
                }
            }
            let id = self.found.pop()?;
            let members = match self.tree.trie.filters.get(id) {
                Some(Filter::One { key, value, .. }) => Those::One(key, value),
                Some(Filter::Many { ends, .. }) => {
                    let Some(Ends::Used { ordinary, share }) = self.tree.ends.get(*ends) else { continue };
                    self.share = *share;
                    if ordinary.len() == 0 {
                        continue;
                    }
                    Those::Many(ordinary)
                }
                Some(Filter::Vacant(_)) | None => continue,
            };
            return Some(Match::Ordinary(Group { tree: self.tree, sub: Sub::ordinary(id), members }));
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
            if let Search::Done = self.search {
                return None;
            }
            self.search(&mut { usize::MAX });
        }
    }
}

impl<K, V> core::iter::FusedIterator for Matches<'_, '_, K, V> {}

impl<K, V> Clone for Matches<'_, '_, K, V> {
    fn clone(&self) -> Self {
        Self { found: self.found.clone(), search: self.search.clone(), ..*self }
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

impl<K, V> Clone for Those<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Those<'_, K, V> {}

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
