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

impl Search {
    /// Whether what comes next has been found already.
    fn has_found(&self) -> bool {
        matches!(self, Self::Within(walk) if walk.has_found())
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
        let mut found = Found::NONE;
        let trie = &groups.trie;
        let search = if trie.has_paths() {
            Search::Before
        } else {
            if let Some(id) = trie.find_exact(name) {
                found.push(id);
            }
            Search::Done
        };
        Self { groups, name, found, share: NONE, search, visited: usize::from(trie.exact.is_some()) }
    }

    /// The search that goes on from `position`.
    pub(super) fn from_position(groups: &'t Groups<K, V>, name: &'n [u8], position: &MatchPosition) -> Self {
        if position.is_start() {
            return Self::new(groups, name);
        }
        let (walk, visited) = Walk::from_position(&groups.trie, name, position);
        let search = if walk.is_over() { Search::Done } else { Search::Within(walk) };
        Self { groups, name, found: Found::NONE, share: NONE, search, visited }
    }

    /// How many nodes of the tree and entries of the exact table have been looked at: the measure of the work done so far.
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
            if let Search::Done = self.search {
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
        if !self.found.is_empty() || self.share != NONE || self.search.has_found() {
            return None;
        }
        match &self.search {
            Search::Before => Walk::new().position(&self.groups.trie),
            Search::Within(walk) => walk.position(&self.groups.trie),
            Search::Done => None,
        }
    }

    /// Looks at more of the trie, one node for each of `budget`, until something is found or nothing is left.
    #[inline(never)]
    fn search(&mut self, budget: &mut usize) {
        let before = *budget;
        self.found.clear();
        let trie = &self.groups.trie;
        if let Search::Before = self.search {
            self.search = Search::Done;
            let mut items = Items::NONE;
            if let Some((at, level)) = front::search(trie, self.name, budget, &mut items) {
                self.search = Search::Within(Walk::with(&mut items.sorted().rev(), at, level));
            } else {
                items.sorted().for_each(|item| self.found.push(item.number()));
            }
        }
        if let Search::Within(walk) = &mut self.search {
            walk.search(trie, self.name, budget, &mut self.found);
            if walk.is_over() {
                self.search = Search::Done;
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
            let id = self.found.pop()?;
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

impl<K, V> fmt::Debug for Matches<'_, '_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matches").field("visited", &self.visited).finish_non_exhaustive()
    }
}
