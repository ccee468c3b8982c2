//! The subscriptions of all subscribers, and who wants a message.
//!
//! # How it works
//! A tree of levels: the path from the root to a node spells a Topic Filter, a [`Node`] knows the *groups* of the filter that
//! ends there: one of its ordinary subscriptions and one for each Share Name. A group holds its members. Nodes and groups
//! live in arenas and refer to each other by number, so nothing here recurses, dropping included.
//!
//! `index` says for each subscriber and group which member he is; it is what makes removal cost the same whatever the
//! size of the group, and `remove_subscriber` cost what that subscriber holds.
//!
//! Never: a group without members, a node without groups and children (but the root), a member without its index entry.

mod matches;
mod node;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use core::fmt;

use self::node::Node;
use crate::arena::{Arena, Id};
use crate::{ShareName, Subscription, TopicFilter, TopicName};

pub use self::matches::{GroupId, Match, Matches, SharedGroup};

/// Subscriptions, ordinary and shared, of subscribers with the key `K` (cheap to clone: a number), each with a value
/// `V` (the Subscription Options, say).
///
/// A subscription is identified by its Topic Filter, its Share Name if it is shared, and its subscriber.
///
/// Memory: a node for each distinct beginning of a filter, so that hostile filters of 65,536 levels cost some 100 bytes for
/// each byte; limit levels or subscriptions before inserting. Limit: 4,294,967,295 nodes.
///
/// ```
/// use mqtt_topic::{Match, SubscriptionTree, TopicFilter, TopicName};
///
/// let mut tree = SubscriptionTree::new();
/// tree.insert(&TopicFilter::parse("sport/#")?, 1, "QoS 0");
/// tree.insert(&TopicFilter::parse("sport/+/ranking")?, 2, "QoS 1");
///
/// let name = TopicName::parse("sport/tennis/ranking")?;
/// let mut subscribers: Vec<i32> = tree
///     .matches(&name)
///     .filter_map(|found| match found {
///         Match::Ordinary { key, .. } => Some(*key),
///         Match::Shared(_) => None,
///     })
///     .collect();
/// subscribers.sort();
/// assert_eq!(subscribers, [1, 2]);
///
/// assert_eq!(tree.remove_subscriber(&1), 1);
/// assert_eq!(tree.matches(&name).count(), 1);
/// # Ok::<(), mqtt_topic::InvalidTopic>(())
/// ```
#[derive(Clone)]
pub struct SubscriptionTree<K, V> {
    nodes: Arena<Node>,
    groups: Arena<Group<K, V>>,
    /// Which member of a group a subscriber is.
    index: BTreeMap<(K, Id), usize>,
}

const ROOT: Id = Id::MIN;

/// The subscribers of one Topic Filter, or of one Topic Filter and Share Name.
#[derive(Clone)]
struct Group<K, V> {
    /// Where the filter ends.
    node: Id,
    subscription: Subscription<Box<[u8]>>,
    members: Vec<(K, V)>,
}

impl<K: Ord + Clone, V> SubscriptionTree<K, V> {
    /// Without subscriptions.
    pub fn new() -> Self {
        let mut nodes = Arena::new();
        nodes.insert(Node::default());
        Self { nodes, groups: Arena::new(), index: BTreeMap::new() }
    }

    /// Adds an ordinary subscription, or replaces the one `key` has with the same filter and gives back its value
    /// (`[MQTT-3.8.4-3]`).
    pub fn insert<S: AsRef<[u8]>>(&mut self, filter: &TopicFilter<S>, key: K, value: V) -> Option<V> {
        self.insert_subscription(Subscription::Ordinary(filter.borrowed()), key, value)
    }

    /// Adds a Shared Subscription, or replaces the one `key` has with the same Share Name and filter and gives back its
    /// value.
    pub fn insert_shared<N: AsRef<[u8]>, S: AsRef<[u8]>>(
        &mut self,
        share_name: &ShareName<N>,
        filter: &TopicFilter<S>,
        key: K,
        value: V,
    ) -> Option<V> {
        self.insert_subscription(shared(share_name, filter), key, value)
    }

    /// Removes the ordinary subscription that `key` has with this filter, compared as text (`[MQTT-3.10.4-1]`).
    pub fn remove<S: AsRef<[u8]>>(&mut self, filter: &TopicFilter<S>, key: &K) -> Option<V> {
        self.remove_subscription(Subscription::Ordinary(filter.borrowed()), key)
    }

    /// Removes the Shared Subscription that `key` has with this Share Name and filter.
    pub fn remove_shared<N: AsRef<[u8]>, S: AsRef<[u8]>>(
        &mut self,
        share_name: &ShareName<N>,
        filter: &TopicFilter<S>,
        key: &K,
    ) -> Option<V> {
        self.remove_subscription(shared(share_name, filter), key)
    }

    /// Removes all subscriptions of `key`, and says how many there were. The cost grows with that number and the length of
    /// their filters only.
    pub fn remove_subscriber(&mut self, key: &K) -> usize {
        let groups: Vec<Id> = self.places(key).map(|(id, _)| id).collect();
        for id in &groups {
            self.remove_member(*id, key);
        }
        groups.len()
    }

    /// The value of the ordinary subscription that `key` has with this filter.
    pub fn get<S: AsRef<[u8]>>(&self, filter: &TopicFilter<S>, key: &K) -> Option<&V> {
        self.value(Subscription::Ordinary(filter.borrowed()), key)
    }

    /// The value of the ordinary subscription that `key` has with this filter, to change it.
    pub fn get_mut<S: AsRef<[u8]>>(&mut self, filter: &TopicFilter<S>, key: &K) -> Option<&mut V> {
        self.value_mut(Subscription::Ordinary(filter.borrowed()), key)
    }

    /// The value of the Shared Subscription that `key` has with this Share Name and filter.
    pub fn get_shared<N: AsRef<[u8]>, S: AsRef<[u8]>>(
        &self,
        share_name: &ShareName<N>,
        filter: &TopicFilter<S>,
        key: &K,
    ) -> Option<&V> {
        self.value(shared(share_name, filter), key)
    }

    /// The value of the Shared Subscription that `key` has with this Share Name and filter, to change it.
    pub fn get_shared_mut<N: AsRef<[u8]>, S: AsRef<[u8]>>(
        &mut self,
        share_name: &ShareName<N>,
        filter: &TopicFilter<S>,
        key: &K,
    ) -> Option<&mut V> {
        self.value_mut(shared(share_name, filter), key)
    }

    /// The group with this Share Name and filter, whoever its members are.
    pub fn group<N: AsRef<[u8]>, S: AsRef<[u8]>>(
        &self,
        share_name: &ShareName<N>,
        filter: &TopicFilter<S>,
    ) -> Option<SharedGroup<'_, K, V>> {
        let node = self.nodes.get(self.find_node(filter.borrowed())?)?;
        let (share_name, id) = node.shared.get_key_value(share_name.as_bytes())?;
        Some(SharedGroup::new(share_name, *id, self.groups.get(*id)?))
    }

    /// What `key` is subscribed to, and the values; in an order that depends only on the calls made before.
    pub fn subscriptions<'t>(
        &'t self,
        key: &K,
    ) -> impl Iterator<Item = (Subscription<&'t [u8]>, &'t V)> + use<'t, K, V> {
        self.places(key).filter_map(|(id, position)| {
            let group = self.groups.get(id)?;
            Some((group.subscription.borrowed(), &group.members.get(position)?.1))
        })
    }

    /// The number of subscriptions.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no subscriptions.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The subscriptions that want a message published to `name`.
    ///
    /// A subscriber is found once for each of his filters that matches; a group of a Shared Subscription is found once,
    /// with all its members. Filters that begin with a wildcard are passed over for a name that begins with `$`
    /// `[MQTT-4.7.2-1]`.
    ///
    /// The order depends only on the calls made before. The work is bounded by the number of nodes whose path matches the
    /// first levels of the name (at most one for each level and filter), whatever else the tree holds; nothing is allocated
    /// for names of up to 16 levels.
    pub fn matches<'t, 'n, S: AsRef<[u8]>>(&'t self, name: &'n TopicName<S>) -> Matches<'t, 'n, K, V> {
        Matches::new(self, name.as_bytes())
    }

    fn insert_subscription(&mut self, subscription: Subscription<&[u8]>, key: K, value: V) -> Option<V> {
        let id = self.find_or_add_group(subscription)?;
        let group = self.groups.get_mut(id)?;
        match self.index.entry((key.clone(), id)) {
            Entry::Occupied(position) => {
                let (_, present) = group.members.get_mut(*position.get())?;
                Some(core::mem::replace(present, value))
            }
            Entry::Vacant(position) => {
                position.insert(group.members.len());
                group.members.push((key, value));
                None
            }
        }
    }

    fn find_or_add_group(&mut self, subscription: Subscription<&[u8]>) -> Option<Id> {
        let mut at = ROOT;
        for level in subscription.filter().levels() {
            at = if let Some(child) = self.nodes.get(at)?.child(level) {
                child
            } else {
                let child = self.nodes.insert(Node { parent: Some(at), ..Node::default() });
                self.nodes.get_mut(at)?.insert_child(level, child);
                child
            };
        }
        let node = self.nodes.get_mut(at)?;
        if let Some(id) = node.group(subscription) {
            return Some(id);
        }
        let group = Group { node: at, subscription: subscription.boxed(), members: Vec::with_capacity(1) };
        let id = self.groups.insert(group);
        match subscription.share_name() {
            None => node.ordinary = Some(id),
            Some(share_name) => {
                node.shared.insert(share_name.boxed(), id);
            }
        }
        Some(id)
    }

    fn remove_subscription(&mut self, subscription: Subscription<&[u8]>, key: &K) -> Option<V> {
        self.remove_member(self.find_group(subscription)?, key)
    }

    fn remove_member(&mut self, id: Id, key: &K) -> Option<V> {
        let position = self.index.remove(&(key.clone(), id))?;
        let members = &mut self.groups.get_mut(id)?.members;
        let (_, value) = members.swap_remove(position);
        if let Some((moved, _)) = members.get(position) {
            self.index.insert((moved.clone(), id), position);
        }
        if members.is_empty() {
            self.remove_group(id);
        }
        Some(value)
    }

    /// Removes a group, and the nodes that were there for it alone.
    fn remove_group(&mut self, id: Id) {
        let Some(group) = self.groups.remove(id) else { return };
        let mut at = group.node;
        if let Some(node) = self.nodes.get_mut(at) {
            match group.subscription.share_name() {
                None => node.ordinary = None,
                Some(share_name) => {
                    node.shared.remove(share_name.as_bytes());
                }
            }
        }
        for level in group.subscription.filter().levels().rev() {
            let Some(node) = self.nodes.get(at) else { return };
            let (true, Some(parent)) = (node.is_vacant(), node.parent) else { return };
            self.nodes.remove(at);
            if let Some(parent) = self.nodes.get_mut(parent) {
                parent.remove_child(level);
            }
            at = parent;
        }
    }

    fn find_node(&self, filter: TopicFilter<&[u8]>) -> Option<Id> {
        filter.levels().try_fold(ROOT, |at, level| self.nodes.get(at)?.child(level))
    }

    fn find_group(&self, subscription: Subscription<&[u8]>) -> Option<Id> {
        self.nodes.get(self.find_node(*subscription.filter())?)?.group(subscription)
    }

    fn value(&self, subscription: Subscription<&[u8]>, key: &K) -> Option<&V> {
        let id = self.find_group(subscription)?;
        let position = self.index.get(&(key.clone(), id))?;
        self.groups.get(id)?.members.get(*position).map(|(_, value)| value)
    }

    fn value_mut(&mut self, subscription: Subscription<&[u8]>, key: &K) -> Option<&mut V> {
        let id = self.find_group(subscription)?;
        let position = self.index.get(&(key.clone(), id))?;
        self.groups.get_mut(id)?.members.get_mut(*position).map(|(_, value)| value)
    }

    /// The groups `key` is in, and which member of each.
    fn places<'t>(&'t self, key: &K) -> impl Iterator<Item = (Id, usize)> + use<'t, K, V> {
        let range = (key.clone(), Id::MIN)..=(key.clone(), Id::MAX);
        self.index.range(range).map(|((_, id), position)| (*id, *position))
    }
}

impl<K: Ord + Clone, V> Default for SubscriptionTree<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for SubscriptionTree<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionTree").field("len", &self.index.len()).finish_non_exhaustive()
    }
}

fn shared<'a, N: AsRef<[u8]>, S: AsRef<[u8]>>(
    share_name: &'a ShareName<N>,
    filter: &'a TopicFilter<S>,
) -> Subscription<&'a [u8]> {
    Subscription::Shared { share_name: share_name.borrowed(), filter: filter.borrowed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_gives_every_node_back_for_reuse() {
        let mut tree = SubscriptionTree::new();
        let share_name = ShareName::parse("g").unwrap();
        let filters = ["a/b/c", "a/b", "a/+/c", "a/#", "#", "+", "/", "a//", "$SYS/+/x"]
            .map(|text| TopicFilter::parse(text).unwrap());
        let mut slots = None;
        for _ in 0..3 {
            for key in 0..3 {
                for filter in &filters {
                    tree.insert(filter, key, ());
                    tree.insert_shared(&share_name, filter, key, ());
                }
            }
            for filter in &filters {
                for key in [1, 0, 2] {
                    assert_eq!(tree.remove(filter, &key), Some(()));
                }
            }
            for key in [2, 0, 1] {
                assert_eq!(tree.remove_subscriber(&key), filters.len());
            }
            let (free_nodes, nodes) = tree.nodes.free_and_slots();
            let (free_groups, groups) = tree.groups.free_and_slots();
            assert_eq!((nodes - free_nodes, groups - free_groups), (1, 0), "only the root is left");
            assert_eq!(
                *slots.get_or_insert((nodes, groups)),
                (nodes, groups),
                "no growth from round to round"
            );
        }
        assert!(tree.is_empty());
    }
}
