//! The walk that finds the subscriptions of a Topic Name.

use alloc::boxed::Box;
use alloc::collections::btree_map;
use alloc::vec::Vec;
use core::{fmt, slice};

use super::node::Node;
use super::{Group, ROOT, SubscriptionTree};
use crate::arena::{Arena, Id};
use crate::{ShareName, TopicFilter};

/// The subscriptions that want a message; see [`SubscriptionTree::matches`].
#[must_use = "iterators are lazy"]
#[derive(Clone)]
pub struct Matches<'t, 'n, K, V> {
    nodes: &'t Arena<Node>,
    groups: &'t Arena<Group<K, V>>,
    name: &'n [u8],
    branches: Branches,
    /// What is left of the filter found last.
    ordinary: slice::Iter<'t, (K, V)>,
    shared: btree_map::Iter<'t, ShareName<Box<[u8]>>, Id>,
    visited: usize,
}

/// What a message is wanted by.
#[derive(Debug)]
pub enum Match<'t, K, V> {
    /// An ordinary subscription: it gets the message.
    Ordinary {
        /// The subscriber.
        key: &'t K,
        /// What was stored with the subscription.
        value: &'t V,
    },
    /// A Shared Subscription: one of its members gets the message.
    Shared(SharedGroup<'t, K, V>),
}

/// The subscribers that share one Share Name and one Topic Filter (section 4.8.2). There is at least one.
pub struct SharedGroup<'t, K, V> {
    share_name: &'t ShareName<Box<[u8]>>,
    id: Id,
    group: &'t Group<K, V>,
}

/// The number of a group, for what is kept about it elsewhere: whose turn it is, say. It is the same as long as the group has
/// members, and may then be given to another group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(Id);

impl<'t, K, V> SharedGroup<'t, K, V> {
    pub(super) const fn new(share_name: &'t ShareName<Box<[u8]>>, id: Id, group: &'t Group<K, V>) -> Self {
        Self { share_name, id, group }
    }

    /// The number of the group.
    pub const fn id(&self) -> GroupId {
        GroupId(self.id)
    }

    /// The Share Name.
    pub fn share_name(&self) -> ShareName<&'t [u8]> {
        self.share_name.borrowed()
    }

    /// The Topic Filter, without `$share/` and Share Name.
    pub fn filter(&self) -> TopicFilter<&'t [u8]> {
        self.group.subscription.filter().borrowed()
    }

    /// The subscribers and what was stored with their subscriptions, at least one. A new member comes last; when one leaves,
    /// the last takes its place.
    pub fn members(&self) -> &'t [(K, V)] {
        &self.group.members
    }
}

impl<'t, 'n, K, V> Matches<'t, 'n, K, V> {
    pub(super) fn new(tree: &'t SubscriptionTree<K, V>, name: &'n [u8]) -> Self {
        Self {
            nodes: &tree.nodes,
            groups: &tree.groups,
            name,
            branches: Branches::new(Branch { node: ROOT, at: 0 }),
            ordinary: slice::Iter::default(),
            shared: btree_map::Iter::default(),
            visited: 0,
        }
    }

    /// How many nodes of the tree have been looked at: the measure of the work done so far.
    pub const fn visited(&self) -> usize {
        self.visited
    }

    /// Finds what ends at a branch, and where it goes on.
    fn visit(&mut self, branch: Branch) {
        let Some(node) = self.nodes.get(branch.node) else { return };
        self.visited += 1;
        // The name has at least one level, so the root comes in here.
        if let Some(rest) = self.name.get(branch.at..) {
            let level = rest.split(|byte| *byte == b'/').next().unwrap_or(rest);
            let at = branch.at + level.len() + 1;
            if branch.at > 0 || level.first() != Some(&b'$') {
                node.multi_level
                    .and_then(|id| self.nodes.get(id))
                    .into_iter()
                    .for_each(|child| self.find(child));
                node.single_level.into_iter().for_each(|node| self.branches.push(Branch { node, at }));
            }
            node.names.get(level).into_iter().for_each(|node| self.branches.push(Branch { node, at }));
        } else {
            self.find(node);
            // `a/#` matches `a` too.
            node.multi_level.into_iter().for_each(|node| self.branches.push(Branch { node, ..branch }));
        }
    }

    /// The filter that ends at `node` matches.
    fn find(&mut self, node: &'t Node) {
        self.ordinary = node
            .ordinary
            .and_then(|id| self.groups.get(id))
            .map(|group| group.members.iter())
            .unwrap_or_default();
        self.shared = node.shared.iter();
    }
}

impl<'t, K, V> Iterator for Matches<'t, '_, K, V> {
    type Item = Match<'t, K, V>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.ordinary.next() {
                return Some(Match::Ordinary { key, value });
            }
            if let Some((share_name, id)) = self.shared.next() {
                return Some(Match::Shared(SharedGroup::new(share_name, *id, self.groups.get(*id)?)));
            }
            let branch = self.branches.pop()?;
            self.visit(branch);
        }
    }
}

impl<K, V> core::iter::FusedIterator for Matches<'_, '_, K, V> {}

/// A node whose path matches the name up to `at`, where the next level begins; one past the end of the name, there is none.
#[derive(Clone, Copy)]
struct Branch {
    node: Id,
    at: usize,
}

/// Names with so many levels are matched without allocating.
const FEW_LEVELS: usize = 16;

/// The branches still to visit, the last first: at most one for each level of the name and one more.
#[derive(Clone)]
struct Branches {
    few: [Branch; FEW_LEVELS + 1],
    /// How many of the `few` are there; the others follow in `more`.
    len: usize,
    more: Vec<Branch>,
}

impl Branches {
    const fn new(first: Branch) -> Self {
        Self { few: [first; FEW_LEVELS + 1], len: 1, more: Vec::new() }
    }

    fn push(&mut self, branch: Branch) {
        if let Some(slot) = self.few.get_mut(self.len) {
            *slot = branch;
            self.len += 1;
        } else {
            self.more.push(branch);
        }
    }

    fn pop(&mut self) -> Option<Branch> {
        self.more.pop().or_else(|| {
            self.len = self.len.checked_sub(1)?;
            self.few.get(self.len).copied()
        })
    }
}

impl<K, V> Clone for Match<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Match<'_, K, V> {}

impl<K, V> Clone for SharedGroup<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for SharedGroup<'_, K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedGroup<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedGroup")
            .field("share_name", &self.share_name)
            .field("filter", &self.filter())
            .field("members", &self.members())
            .finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for Matches<'_, '_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matches").field("visited", &self.visited).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TopicName;

    #[test]
    fn nothing_is_allocated_for_few_levels_and_nothing_is_missed_for_many() {
        for levels in 1..40 {
            // `+`, `a/+`, `a/a/+` … with `/#` or nothing behind: at every level two branches go on.
            let mut tree = SubscriptionTree::new();
            for level in 0..levels {
                let filter = "a/".repeat(level) + "+";
                tree.insert(&TopicFilter::parse(&filter).unwrap(), level, ());
                tree.insert(&TopicFilter::parse(&(filter + "/#")).unwrap(), level, ());
            }
            let name = "a/".repeat(levels - 1) + "a";
            tree.insert(&TopicFilter::parse(&name).unwrap(), 0, ());
            let name = TopicName::parse(&name).unwrap();
            let mut matches = tree.matches(&name);
            // All that end in `#`, `+` at the last level, and the name itself.
            assert_eq!(matches.by_ref().count(), levels + 2);
            assert_eq!(matches.branches.more.capacity() == 0, levels <= FEW_LEVELS, "{levels} levels");
        }
    }
}
