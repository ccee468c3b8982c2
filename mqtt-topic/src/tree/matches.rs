//! The search for the subscriptions of a Topic Name.

use core::fmt;

use super::front::{self, Items};
use super::group::{Group, Those};
use super::groups::{Ends, GroupId, Groups, Share};
use super::trie::Filter;
use super::walk::{Found, Walk};
use crate::arena::NONE;
use crate::{MatchPosition, SearchStep};

/// The subscriptions that want a message; see [`SubscriptionTree::matches`](crate::SubscriptionTree::matches).
#[must_use = "iterators are lazy"]
pub struct Matches<'t, 'n, K, V> {
    groups: &'t Groups<K, V>,
    name: &'n [u8],
    /// The filter that the exact table has, until its subscriptions are given out, if that is all there is to look at.
    exact: u32,
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
    Begun {
        /// The filters found last whose subscriptions have not been given out.
        found: Found,
        /// What is left to search, or none.
        walk: Option<Walk>,
    },
    /// There is nothing to search.
    Done,
}

impl Search {
    /// Whether nothing is left to search.
    #[inline]
    const fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Begun { walk: None, .. })
    }

    /// Whether what comes next has been found already.
    fn has_found(&self) -> bool {
        matches!(self, Self::Begun { found, walk } if !found.is_empty() || walk.as_ref().is_some_and(Walk::has_found))
    }

    /// The filter found next.
    #[inline]
    fn pop(&mut self) -> Option<u32> {
        if let Self::Begun { found, .. } = self { found.pop() } else { None }
    }
}

/// What a message is wanted by.
#[derive(Debug)]
pub enum Match<'t, K, V> {
    /// All ordinary subscriptions with one Topic Filter: each of them gets the message.
    Ordinary(Group<'t, K, V>),
    /// A Shared Subscription: one of its members gets the message.
    Shared(Group<'t, K, V>),
}

impl<'t, 'n, K, V> Matches<'t, 'n, K, V> {
    #[expect(clippy::inline_always, reason = "with an exact table it is most of a match")]
    #[inline(always)]
    pub(super) fn new(groups: &'t Groups<K, V>, name: &'n [u8]) -> Self {
        let trie = &groups.trie;
        let (exact, search) = if trie.has_paths() {
            (NONE, Search::Before)
        } else {
            (trie.find_exact(name).unwrap_or(NONE), Search::Done)
        };
        Self { groups, name, exact, share: NONE, search, visited: usize::from(trie.exact.is_some()) }
    }

    /// The search that goes on from `position`.
    pub(super) fn from_position(groups: &'t Groups<K, V>, name: &'n [u8], position: &MatchPosition) -> Self {
        if position.is_start() {
            return Self::new(groups, name);
        }
        let (walk, visited) = Walk::from_position(&groups.trie, name, position);
        let search = if walk.is_over() {
            Search::Done
        } else {
            Search::Begun { found: Found::NONE, walk: Some(walk) }
        };
        Self { groups, name, exact: NONE, share: NONE, search, visited }
    }

    /// How many nodes of the tree and entries of the exact table have been looked at: the measure of the work done so far.
    /// Levels of deep filters that are compared at once, at most a KiB of them, count as one.
    pub const fn visited(&self) -> usize {
        self.visited
    }

    /// The next match, as long as `budget` lasts, from which each node looked at takes one. So a search that looks at many can
    /// give way to other work; with a budget it always comes forward.
    ///
    /// ```
    /// use mqtt_topic::{SearchStep, Subscription, SubscriptionTree, TopicName};
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
    ///             SearchStep::Found(_) => found += 1,
    ///             SearchStep::OutOfBudget => break,
    ///             SearchStep::Done => {
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
    pub fn next_within(&mut self, budget: &mut usize) -> SearchStep<Match<'t, K, V>> {
        loop {
            if let Some(found) = self.next_found() {
                return SearchStep::Found(found);
            }
            if self.search.is_over() {
                return SearchStep::Done;
            }
            if *budget == 0 && !self.search.has_found() {
                return SearchStep::OutOfBudget;
            }
            self.search(budget);
        }
    }

    /// Where to go on later, once [`next_within`](Self::next_within) has come to the end of its budget; `None` while there are
    /// matches to give out, and at the end.
    pub fn position(&self) -> Option<MatchPosition> {
        if self.exact != NONE || self.share != NONE || self.search.has_found() {
            return None;
        }
        match &self.search {
            Search::Before => Walk::new().position(&self.groups.trie),
            Search::Begun { walk, .. } => walk.as_ref()?.position(&self.groups.trie),
            Search::Done => None,
        }
    }

    /// Looks at more of the trie, one node for each of `budget`, until something is found or nothing is left.
    #[inline(never)]
    fn search(&mut self, budget: &mut usize) {
        let before = *budget;
        let trie = &self.groups.trie;
        if let Search::Before = self.search {
            let mut items = Items::NONE;
            let left = front::search(trie, self.name, budget, &mut items);
            self.search = Search::Begun { found: Found::NONE, walk: None };
            let Search::Begun { found, walk } = &mut self.search else { return };
            if let Some((at, level)) = left {
                *walk = Some(Walk::with(&mut items.sorted().rev(), at, level));
            } else {
                items.sorted().for_each(|item| found.push(item.number()));
            }
        }
        if let Search::Begun { found, walk: rest } = &mut self.search
            && let Some(walk) = rest
        {
            found.clear();
            walk.search(trie, self.name, budget, found);
            if walk.is_over() {
                *rest = None;
            }
        }
        self.visited += before - *budget;
    }

    /// What has been found and not been given out.
    #[inline]
    fn next_found(&mut self) -> Option<Match<'t, K, V>> {
        loop {
            if self.share != NONE {
                let id = GroupId::shared(self.share);
                let share = self.groups.shares.get(self.share);
                self.share = NONE;
                if let Some(Share::Used { next, members, .. }) = share {
                    self.share = *next;
                    return Some(Match::Shared(Group::new(self.groups, id, Those::Many(members))));
                }
            }
            let id = match core::mem::replace(&mut self.exact, NONE) {
                NONE => self.search.pop()?,
                exact => exact,
            };
            let members = match self.groups.trie.filters.get(id) {
                Some(Filter::One { key, value, .. }) => Those::One(key, value),
                Some(Filter::Many { ends, .. }) => {
                    let Some(Ends::Used { ordinary, share }) = self.groups.ends.get(*ends) else { continue };
                    self.share = *share;
                    if ordinary.len() == 0 {
                        continue;
                    }
                    Those::Many(ordinary)
                }
                Some(Filter::Vacant(_)) | None => continue,
            };
            return Some(Match::Ordinary(Group::new(self.groups, GroupId::ordinary(id), members)));
        }
    }
}

impl<'t, K, V> Iterator for Matches<'t, '_, K, V> {
    type Item = Match<'t, K, V>;

    #[expect(clippy::inline_always, reason = "with an exact table it is most of a match")]
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_found() {
                return Some(found);
            }
            // Apart from the other ends: with nothing but the exact table it is the only one.
            if let Search::Done = self.search {
                return None;
            }
            if self.search.is_over() {
                return None;
            }
            self.search(&mut { usize::MAX });
        }
    }
}

impl<K, V> core::iter::FusedIterator for Matches<'_, '_, K, V> {}

impl<K, V> Clone for Matches<'_, '_, K, V> {
    fn clone(&self) -> Self {
        Self { search: self.search.clone(), ..*self }
    }
}

impl<K, V> Clone for Match<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Match<'_, K, V> {}

impl<K, V> fmt::Debug for Matches<'_, '_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matches").field("visited", &self.visited).finish_non_exhaustive()
    }
}
