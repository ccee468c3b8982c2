//! The subscriptions of all subscribers, and who wants a message.
//!
//! # How it works
//! A *filter* is a Topic Filter that somebody is subscribed to; it has a number. Filters without wildcards are in the
//! [exact table](exact), found by one look-up of the whole Topic Name; the others (all of them, if there is no exact table) are
//! paths in the [trie]. There a level is a number too ([symbols]), a node is 24 bytes, and a filter that no other goes on from needs no node. An
//! only child is kept in its parent, children beside each other in one [hash table](table) for all nodes. They are found there by the
//! parent and the text of the level, as it stands in the record of the symbol: so a search looks for no symbols, but for levels of more than 16 bytes.
//!
//! A match [begins](front) level by level and [goes on](walk) depth first; what it finds comes in the order of the latter.
//!
//! Who is subscribed to a filter is in the [groups]; [subscribers] leads from a subscriber to his groups. Where a member is in a long list
//! is in [positions], so nothing here takes longer the more members a group or groups a subscriber has.
//!
//! All of that are pages ([arena](crate::arena), [table]) which a clone shares and which are copied when they are written to. So a clone
//! is a snapshot for readers on other threads, and growth moves at most a page.
//!
//! Nothing recurses, dropping included. Hashes are keyed by the caller's seed and decide about places in tables only, never about order.
//!
//! Never: a filter or group without members, a node without filter and children (but the root), or a member without an entry in
//! `subscribers`.

#![allow(
    clippy::cast_possible_truncation,
    reason = "numbers and lengths fit 32 bits by the limits of `arena` and `text`; hashes are cut on purpose"
)]

mod exact;
mod front;
mod group;
mod groups;
mod hash;
mod limits;
mod list;
mod matches;
mod positions;
mod runs;
mod subscribers;
mod symbols;
mod table;
mod trie;
mod walk;

use core::fmt;
use core::hash::Hash;

use self::groups::Groups;
use self::hash::Seed;
use self::subscribers::{Found, Subscribers};
use crate::arena::MAXIMUM;
use crate::{Refused, Subscription, TopicName};

pub use self::group::{Group, Members};
pub use self::groups::GroupId;
pub use self::limits::{TreeConfig, TreeLimit};
pub use self::matches::{Match, Matches};
pub use self::walk::MatchPosition;

/// Subscriptions, ordinary and shared, of subscribers with the key `K` (cheap to clone: a number), each with a value
/// `V` (the Subscription Options, say).
///
/// A subscription is identified by its Topic Filter, its Share Name if it is shared, and its subscriber.
///
/// ```
/// use mqtt_topic::{Match, Subscription, SubscriptionTree, TopicName};
///
/// let mut tree = SubscriptionTree::new();
/// tree.insert(&Subscription::parse("sport/#")?, 1, "QoS 0").unwrap();
/// tree.insert(&Subscription::parse("sport/+/ranking")?, 2, "QoS 1").unwrap();
///
/// let name = TopicName::parse("sport/tennis/ranking")?;
/// let mut subscribers: Vec<i32> = Vec::new();
/// for found in tree.matches(&name) {
///     match found {
///         Match::Ordinary(group) => subscribers.extend(group.members().map(|(key, _)| *key)),
///         Match::Shared(_) => {}
///     }
/// }
/// subscribers.sort();
/// assert_eq!(subscribers, [1, 2]);
///
/// assert_eq!(tree.remove_subscriber(&1), 1);
/// assert_eq!(tree.matches(&name).count(), 1);
/// # Ok::<(), mqtt_topic::InvalidTopic>(())
/// ```
///
/// # Snapshots
/// A clone shares the memory of the original, until one of the two is changed: what is copied then are the few pages of some
/// kilobytes that change. So one thread can change its tree and hand out clones to others, which match in them without a lock.
///
/// # Memory and time
/// At a million subscriptions of four-byte keys and one-byte values some 50 bytes each, with the exact table some 90. A hostile filter of 65,536
/// levels costs some 60 bytes for each byte: limit the levels. What removal frees is used again, at any order of insertions and
/// removals; tables and texts give memory back.
///
/// Insertion, replacement and removal take time for the length of the filter, whatever the tree holds, and move some hundred entries at
/// worst. Limits: 1,073,741,823 filters, nodes and levels. When they are used up, nothing can be inserted. The exact table has room for 4 GiB
/// of texts, and takes none of more than 4,090 bytes; other filters are found as if there were no table.
#[derive(Clone)]
pub struct SubscriptionTree<K, V> {
    config: TreeConfig,
    seed: Seed,
    groups: Groups<K, V>,
    subscribers: Subscribers<K>,
    len: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> SubscriptionTree<K, V> {
    /// Without subscriptions and limits, with the exact table and a fixed seed: for topics that no stranger chooses.
    pub fn new() -> Self {
        Self::with_config(TreeConfig::default())
    }

    /// Without subscriptions.
    pub fn with_config(config: TreeConfig) -> Self {
        let seed = Seed::new(config.seed);
        Self {
            groups: Groups::new(seed, config.exact_table),
            config,
            seed,
            subscribers: Subscribers::new(seed),
            len: 0,
        }
    }

    /// Adds a subscription, or replaces the value of the one `key` has with the same filter and Share Name and gives the old one back
    /// (`[MQTT-3.8.4-3]`).
    ///
    /// # Errors
    /// [`Refused`] gives the value back when the subscription is new and beyond a limit of the [`TreeConfig`].
    pub fn insert<S: AsRef<[u8]>>(
        &mut self,
        subscription: &Subscription<S>,
        key: K,
        value: V,
    ) -> Result<Option<V>, Refused<V, TreeLimit>> {
        let subscription = subscription.borrowed();
        let hash = self.seed.key(&key);
        let subscriber = self.find_subscriber(hash, &key);
        if let Some(limit) = self.limit(subscription, subscriber) {
            let present =
                self.groups.find(subscription).and_then(|group| self.groups.value_mut(group, hash, &key));
            return match present {
                Some(present) => Ok(Some(core::mem::replace(present, value))),
                None => Err(Refused { limit, value }),
            };
        }
        match self.groups.insert(subscription, hash, key.clone(), value) {
            Err(old) => Ok(Some(old)),
            Ok(group) => {
                self.subscribers.add(subscriber, hash, key, group);
                self.len += 1;
                Ok(None)
            }
        }
    }

    /// Removes the subscription that `key` has with this filter, compared as text, and Share Name (`[MQTT-3.10.4-1]`).
    pub fn remove<S: AsRef<[u8]>>(&mut self, subscription: &Subscription<S>, key: &K) -> Option<V> {
        let group = self.groups.find(subscription.borrowed())?;
        self.remove_from(group, self.seed.key(key), key)
    }

    /// Removes all subscriptions of `key`, and says how many there were. The cost grows with that number and the length of
    /// their filters only.
    pub fn remove_subscriber(&mut self, key: &K) -> usize {
        let hash = self.seed.key(key);
        let mut count = 0;
        while let Some(subscriber) = self.find_subscriber(hash, key)
            && let Some(group) = self.subscribers.last(subscriber)
            && self.remove_from(group, hash, key).is_some()
        {
            count += 1;
        }
        count
    }

    /// The value of the subscription that `key` has with this filter and Share Name.
    pub fn get<S: AsRef<[u8]>>(&self, subscription: &Subscription<S>, key: &K) -> Option<&V> {
        self.groups.value(self.groups.find(subscription.borrowed())?, self.seed.key(key), key)
    }

    /// The value of the subscription that `key` has with this filter and Share Name, to change it.
    pub fn get_mut<S: AsRef<[u8]>>(&mut self, subscription: &Subscription<S>, key: &K) -> Option<&mut V> {
        self.groups.value_mut(self.groups.find(subscription.borrowed())?, self.seed.key(key), key)
    }

    /// All who have a subscription with this filter and Share Name.
    pub fn group<S: AsRef<[u8]>>(&self, subscription: &Subscription<S>) -> Option<Group<'_, K, V>> {
        let id = self.groups.find(subscription.borrowed())?;
        Group::of(&self.groups, id).filter(|group| group.members().len() > 0)
    }

    /// What `key` is subscribed to, and the values; in an order that depends only on the calls made before.
    pub fn subscriptions<'t>(
        &'t self,
        key: &K,
    ) -> impl Iterator<Item = (Group<'t, K, V>, &'t V)> + use<'t, K, V> {
        let hash = self.seed.key(key);
        let subscriber = self.find_subscriber(hash, key);
        let groups = subscriber.into_iter().flat_map(|subscriber| self.subscribers.groups(subscriber));
        let key = key.clone();
        groups.filter_map(move |id| Some((Group::of(&self.groups, id)?, self.groups.value(id, hash, &key)?)))
    }

    /// The number of subscriptions.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no subscriptions.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes on the heap, without what keys and values keep there and what the allocator adds; it takes time for each page of memory. What is shared with
    /// clones counts in each of them.
    pub fn heap_bytes(&self) -> usize {
        self.groups.heap_bytes() + self.subscribers.heap_bytes()
    }

    /// The limit that stands against one subscription more.
    fn limit(&self, subscription: Subscription<&[u8]>, subscriber: Option<Found>) -> Option<TreeLimit> {
        let levels = || subscription.filter().levels().count();
        let TreeConfig { maximum_levels, maximum_subscriptions, maximum_per_subscriber, .. } = self.config;
        if maximum_levels <= crate::MAXIMUM_LENGTH && levels() > maximum_levels {
            Some(TreeLimit::Levels)
        } else if self.len >= maximum_subscriptions
            || self.len >= MAXIMUM - 1
            || !self.groups.trie.has_room(crate::MAXIMUM_LENGTH + 1)
        {
            Some(TreeLimit::Subscriptions)
        } else if subscriber.map_or(0, |subscriber| self.subscribers.count(subscriber))
            >= maximum_per_subscriber
        {
            Some(TreeLimit::PerSubscriber)
        } else {
            None
        }
    }

    fn find_subscriber(&self, hash: u32, key: &K) -> Option<Found> {
        self.subscribers.find(hash, key, |group| self.groups.value(group, hash, key).is_some())
    }

    fn remove_from(&mut self, group: GroupId, hash: u32, key: &K) -> Option<V> {
        let subscriber = self.find_subscriber(hash, key);
        let removed = self.groups.remove(group, hash, key)?;
        if let Some(subscriber) = subscriber {
            self.subscribers.remove(subscriber, hash, group);
        }
        self.len -= 1;
        Some(removed)
    }
}

impl<K, V> SubscriptionTree<K, V> {
    /// The subscriptions that want a message published to `name`.
    ///
    /// A filter is found once, with all its ordinary subscriptions; a group of a Shared Subscription is found once, with all its
    /// members. Filters that begin with a wildcard are passed over for a name that begins with `$` `[MQTT-4.7.2-1]`.
    ///
    /// The order depends only on the calls made before, not on the seed. Looked at is the exact table once, and each node whose path matches the
    /// first levels of the name, once: no more than there are different beginnings of filters which match as many levels of
    /// the name, whatever else the tree holds. With at most `n` such beginnings of each length, a name of `l` levels takes at most `1 + n * (l + 1)` visits:
    /// [`Matches::visited`] counts them, [`Matches::next_within`] sets them a limit. Nothing is allocated for names of up to 16
    /// levels, and little for others.
    #[inline]
    pub fn matches<'t, 'n, S: AsRef<[u8]>>(&'t self, name: &'n TopicName<S>) -> Matches<'t, 'n, K, V> {
        Matches::new(&self.groups, name.as_bytes())
    }

    /// Goes on with a search for the subscriptions of `name` from where an earlier one, of the same name, had come to.
    ///
    /// The tree may have changed: what was in it all the time is found once by the searches together, what was added or removed meanwhile, at most
    /// once. Nodes that the earlier search had looked at ahead, some at most, are looked at again.
    pub fn matches_from<'t, 'n, S: AsRef<[u8]>>(
        &'t self,
        name: &'n TopicName<S>,
        position: &MatchPosition,
    ) -> Matches<'t, 'n, K, V> {
        Matches::from_position(&self.groups, name.as_bytes(), position)
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Default for SubscriptionTree<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for SubscriptionTree<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionTree").field("len", &self.len).finish_non_exhaustive()
    }
}
