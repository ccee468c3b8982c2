//! The subscriptions of all subscribers, and who wants a message.
//!
//! # How it works
//! A *filter* is a Topic Filter that somebody is subscribed to; it has a number. Filters without wildcards are in the
//! [exact table](exact), found by one look-up of the whole Topic Name; the others (all of them, if there is no exact table) are
//! paths in the [trie]. There a level is a number too ([symbols]), a node is 24 bytes, and a filter that no other goes on from needs no node. An
//! only child is kept in its parent, children beside each other in one [hash table](table) for all nodes. They are found there by the
//! parent and the text of the level, as it stands in the record of the symbol: so a search looks for no symbols, but for levels of more than 16 bytes.
//!
//! The one ordinary subscription of a filter stands in its record. Several, and the groups of Shared Subscriptions, are
//! [lists](list) in [`Ends`] and [`Share`].
//!
//! `subscribers` leads from a subscriber to his one subscription, or to the [`Subscriber`] with the list of them. Where a member is in a
//! long list is in `positions`, so nothing here takes longer the more members a group or subscriptions a subscriber has.
//!
//! All of that are pages ([arena](crate::arena), [table]) which a clone shares and which are copied when they are written to. So a clone
//! is a snapshot for readers on other threads, and growth moves at most a page.
//!
//! Nothing recurses, dropping included. Hashes are keyed by the caller's seed and decide about places in tables only, never about order.
//!
//! Never: a filter or group without members, a node without filter and children (but the root), a member without his entry in
//! `subscribers`, or a list of one that could be without.

#![allow(
    clippy::cast_possible_truncation,
    reason = "numbers and lengths fit 32 bits by the limits of `arena` and `text`; hashes are cut on purpose"
)]

mod exact;
mod hash;
mod limits;
mod list;
mod matches;
mod symbols;
mod table;
mod trie;

use alloc::vec::Vec;
use core::fmt;
use core::hash::Hash;

use self::hash::Seed;
use self::list::List;
use self::symbols::Text;
use self::table::Table;
use self::trie::{Filter, Trie};
use crate::arena::{Arena, MAXIMUM, NONE, Record};
use crate::{ShareName, Subscription, TopicName};

pub use self::limits::{Refused, TreeConfig, TreeLimit};
pub use self::matches::{Group, GroupId, Match, MatchPosition, MatchStep, Matches, Members};

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
/// worst. Limits: 1,073,741,823 filters, nodes and levels; and 262,143 pages of texts in the exact table, which are some 56 million
/// filters of 70 bytes, but a filter above 4,090 bytes takes a page of its own. When they are used up, nothing can be inserted.
#[derive(Clone)]
pub struct SubscriptionTree<K, V> {
    config: TreeConfig,
    seed: Seed,
    trie: Trie<K, V>,
    ends: Arena<Ends<K, V>>,
    shares: Arena<Share<K, V>>,
    /// Shares by filter and Share Name.
    share_names: Table,
    /// By key: the number of the one subscription, or, with [`SEVERAL`], of the [`Subscriber`].
    subscribers: Table,
    several: Arena<Subscriber<K>>,
    positions: Positions,
    len: usize,
}

/// The number of a filter, for its ordinary subscriptions, or of a [`Share`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sub(u32);

const SHARED: u32 = 1 << 30;
const SEVERAL: u32 = 1 << 31;

impl Sub {
    const fn ordinary(filter: u32) -> Self {
        Self(filter)
    }

    const fn shared(share: u32) -> Self {
        Self(SHARED | share)
    }

    const fn share(self) -> Option<u32> {
        if self.0 & SHARED == 0 { None } else { Some(self.0 & !SHARED) }
    }
}

/// What ends with a filter, if that is more than one ordinary subscription.
#[derive(Clone)]
enum Ends<K, V> {
    Vacant(u32),
    Used {
        ordinary: List<(K, V)>,
        /// The newest group of a Shared Subscription, or none.
        share: u32,
    },
}

/// The group of a Shared Subscription.
#[derive(Clone)]
enum Share<K, V> {
    Vacant(u32),
    Used {
        filter: u32,
        /// The Share Name.
        symbol: u32,
        /// Another group with the same filter, older, or none.
        next: u32,
        /// A newer one, or none.
        previous: u32,
        members: List<(K, V)>,
    },
}

/// A subscriber with several subscriptions.
#[derive(Clone)]
enum Subscriber<K> {
    Vacant(u32),
    Used { key: K, subs: List<Sub> },
}

macro_rules! record {
    ($name:ident<$($parameter:ident),+>) => {
        impl<$($parameter),+> Record for $name<$($parameter),+> {
            fn vacant(next: u32) -> Self {
                Self::Vacant(next)
            }

            fn next_vacant(&self) -> Option<u32> {
                match self {
                    Self::Vacant(next) => Some(*next),
                    Self::Used { .. } => None,
                }
            }
        }
    };
}

record!(Ends<K, V>);
record!(Share<K, V>);
record!(Subscriber<K>);

/// Where the elements of long lists are, by the owner of the list and the hash of the element.
#[derive(Clone)]
struct Positions {
    seed: Seed,
    table: Table,
}

/// Lists that are no longer are searched from the beginning.
const SHORT: usize = 16;

impl Positions {
    fn find<T>(&self, owner: u32, list: &List<T>, hash: u32, is: impl Fn(&T) -> bool) -> Option<usize> {
        if list.len() <= SHORT {
            return list.chunks().position(is);
        }
        let found = self.table.find(self.seed.pair(owner, hash), |at| list.get(at as usize).is_some_and(&is));
        found.map(|at| at as usize)
    }

    fn push<T: Clone>(&mut self, owner: u32, list: &mut List<T>, element: T, hash: impl Fn(&T) -> u32) {
        list.push(element);
        let unknown = match list.len() - 1 {
            ..SHORT => return,
            SHORT => 0,
            len => len,
        };
        for (at, element) in (unknown as u32..).zip(list.chunks().skip(unknown)) {
            self.table.insert(self.seed.pair(owner, hash(element)), at);
        }
    }

    fn swap_remove<T: Clone>(
        &mut self,
        owner: u32,
        list: &mut List<T>,
        at: usize,
        hash: impl Fn(&T) -> u32,
    ) -> Option<T> {
        let end = list.len().checked_sub(1)?;
        let hash_of = |list: &List<T>, at| list.get(at).map(|element| self.seed.pair(owner, hash(element)));
        match end {
            ..SHORT => {}
            SHORT => {
                for (at, element) in (0..).zip(list.chunks()) {
                    self.table.remove(self.seed.pair(owner, hash(element)), at);
                }
            }
            _ => {
                let (removed, moved) = (hash_of(list, at)?, hash_of(list, end)?);
                self.table.remove(removed, at as u32);
                if at < end {
                    self.table.remove(moved, end as u32);
                    self.table.insert(moved, at as u32);
                }
            }
        }
        list.swap_remove(at)
    }
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
            trie: Trie::new(seed, config.exact_table),
            config,
            seed,
            ends: Arena::new(),
            shares: Arena::new(),
            share_names: Table::new(),
            subscribers: Table::new(),
            several: Arena::new(),
            positions: Positions { seed, table: Table::new() },
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
    ) -> Result<Option<V>, Refused<V>> {
        let subscription = subscription.borrowed();
        let hash = self.seed.key(&key);
        let subscriber = self.find_subscriber(hash, &key);
        if let Some(limit) = self.limit(subscription, subscriber) {
            let present = self.find(subscription).and_then(|sub| self.value_mut(sub, hash, &key));
            return match present {
                Some(present) => Ok(Some(core::mem::replace(present, value))),
                None => Err(Refused { limit, value }),
            };
        }
        let mut member = Some((key.clone(), value));
        let ends = &mut self.ends;
        let filter = self.trie.find_or_add(*subscription.filter(), |place| {
            if let Some((key, value)) = member.take_if(|_| subscription.share_name().is_none()) {
                return Filter::One { place, key, value };
            }
            let none = Ends::Used { ordinary: List::new(Vec::new()), share: NONE };
            Filter::Many { place, ends: ends.insert(none) }
        });
        let sub = match subscription.share_name() {
            None => Sub::ordinary(filter),
            Some(share_name) => self.find_or_add_share(filter, share_name.as_bytes()),
        };
        if let Some((_, value)) = member {
            if let Some(present) = self.value_mut(sub, hash, &key) {
                return Ok(Some(core::mem::replace(present, value)));
            }
            self.add_member(sub, key.clone(), value);
        }
        self.add_to_subscriber(subscriber, hash, key, sub);
        self.len += 1;
        Ok(None)
    }

    /// Removes the subscription that `key` has with this filter, compared as text, and Share Name (`[MQTT-3.10.4-1]`).
    pub fn remove<S: AsRef<[u8]>>(&mut self, subscription: &Subscription<S>, key: &K) -> Option<V> {
        let sub = self.find(subscription.borrowed())?;
        self.remove_sub(sub, self.seed.key(key), key)
    }

    /// Removes all subscriptions of `key`, and says how many there were. The cost grows with that number and the length of
    /// their filters only.
    pub fn remove_subscriber(&mut self, key: &K) -> usize {
        let hash = self.seed.key(key);
        let mut count = 0;
        while let Some(number) = self.find_subscriber(hash, key)
            && let Some(sub) = self.last_sub_of(number)
            && self.remove_sub(sub, hash, key).is_some()
        {
            count += 1;
        }
        count
    }

    /// The value of the subscription that `key` has with this filter and Share Name.
    pub fn get<S: AsRef<[u8]>>(&self, subscription: &Subscription<S>, key: &K) -> Option<&V> {
        self.value(self.find(subscription.borrowed())?, self.seed.key(key), key)
    }

    /// The value of the subscription that `key` has with this filter and Share Name, to change it.
    pub fn get_mut<S: AsRef<[u8]>>(&mut self, subscription: &Subscription<S>, key: &K) -> Option<&mut V> {
        self.value_mut(self.find(subscription.borrowed())?, self.seed.key(key), key)
    }

    /// All who have a subscription with this filter and Share Name.
    pub fn group<S: AsRef<[u8]>>(&self, subscription: &Subscription<S>) -> Option<Group<'_, K, V>> {
        let sub = self.find(subscription.borrowed())?;
        Group::of(self, sub).filter(|group| group.members().len() > 0)
    }

    /// What `key` is subscribed to, and the values; in an order that depends only on the calls made before.
    pub fn subscriptions<'t>(
        &'t self,
        key: &K,
    ) -> impl Iterator<Item = (Group<'t, K, V>, &'t V)> + use<'t, K, V> {
        let hash = self.seed.key(key);
        let number = self.find_subscriber(hash, key);
        let several = number.and_then(|number| self.subs_of(number));
        let one = if several.is_none() { number.map(Sub) } else { None };
        let key = key.clone();
        one.into_iter()
            .chain(several.map(List::chunks).unwrap_or_default().copied())
            .filter_map(move |sub| Some((Group::of(self, sub)?, self.value(sub, hash, &key)?)))
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
        let ends = self.ends.iter().map(|ends| match ends {
            Ends::Used { ordinary, .. } => ordinary.heap_bytes(),
            Ends::Vacant(_) => 0,
        });
        let shares = self.shares.iter().map(|share| match share {
            Share::Used { members, .. } => members.heap_bytes(),
            Share::Vacant(_) => 0,
        });
        let several = self.several.iter().map(|subscriber| match subscriber {
            Subscriber::Used { subs, .. } => subs.heap_bytes(),
            Subscriber::Vacant(_) => 0,
        });
        self.trie.heap_bytes()
            + self.ends.heap_bytes()
            + self.shares.heap_bytes()
            + self.share_names.heap_bytes()
            + self.subscribers.heap_bytes()
            + self.several.heap_bytes()
            + self.positions.table.heap_bytes()
            + ends.chain(shares).chain(several).sum::<usize>()
    }

    /// The limit that stands against one subscription more.
    fn limit(&self, subscription: Subscription<&[u8]>, subscriber: Option<u32>) -> Option<TreeLimit> {
        let levels = || subscription.filter().levels().count();
        let TreeConfig { maximum_levels, maximum_subscriptions, maximum_per_subscriber, .. } = self.config;
        if maximum_levels < crate::MAXIMUM_LENGTH && levels() > maximum_levels {
            Some(TreeLimit::Levels)
        } else if self.len >= maximum_subscriptions
            || self.len >= MAXIMUM - 1
            || !self.trie.has_room(crate::MAXIMUM_LENGTH + 1)
        {
            Some(TreeLimit::Subscriptions)
        } else if subscriber.map_or(0, |number| self.subs_of(number).map_or(1, List::len))
            >= maximum_per_subscriber
        {
            Some(TreeLimit::PerSubscriber)
        } else {
            None
        }
    }

    fn find(&self, subscription: Subscription<&[u8]>) -> Option<Sub> {
        let filter = self.trie.find(*subscription.filter())?;
        match subscription.share_name() {
            None => Some(Sub::ordinary(filter)),
            Some(name) => {
                let symbol = self.trie.symbols.find(Text::new(name.as_bytes()))?;
                self.find_share(filter, symbol).map(Sub::shared)
            }
        }
    }

    fn find_share(&self, in_filter: u32, name: u32) -> Option<u32> {
        self.share_names.find(self.seed.pair(in_filter, name), |id| {
            matches!(self.shares.get(id), Some(Share::Used { filter, symbol, .. }) if (*filter, *symbol) == (in_filter, name))
        })
    }

    /// The group with this name, which may have no members yet.
    fn find_or_add_share(&mut self, filter: u32, name: &[u8]) -> Sub {
        let symbol = self.trie.symbols.add(name);
        if let Some(id) = self.find_share(filter, symbol) {
            self.trie.symbols.release(symbol);
            return Sub::shared(id);
        }
        let next = self.widen(filter).map_or(NONE, |(_, share)| *share);
        let members = List::new(Vec::new());
        let id = self.shares.insert(Share::Used { filter, symbol, next, previous: NONE, members });
        self.share_names.insert(self.seed.pair(filter, symbol), id);
        if let Some((_, share)) = self.widen(filter) {
            *share = id;
        }
        if let Some(Share::Used { previous, .. }) = self.shares.get_mut(next) {
            *previous = id;
        }
        Sub::shared(id)
    }

    /// The lists of a filter, made if there are none.
    fn widen(&mut self, filter: u32) -> Option<(&mut List<(K, V)>, &mut u32)> {
        let record = self.trie.filters.get_mut(filter)?;
        let id = match record {
            Filter::Vacant(_) => return None,
            Filter::Many { ends, .. } => *ends,
            Filter::One { place, key, value } => {
                let only = List::new(Vec::from([(key.clone(), value.clone())]));
                let ends = self.ends.insert(Ends::Used { ordinary: only, share: NONE });
                *record = Filter::Many { place: *place, ends };
                ends
            }
        };
        match self.ends.get_mut(id)? {
            Ends::Used { ordinary, share } => Some((ordinary, share)),
            Ends::Vacant(_) => None,
        }
    }

    fn position(&self, sub: Sub, hash: u32, key: &K) -> Option<usize> {
        if sub.share().is_none()
            && let Some(Filter::One { key: only, .. }) = self.trie.filters.get(sub.0)
        {
            return (only == key).then_some(0);
        }
        self.positions.find(sub.0, self.list(sub)?, hash, |(member, _)| member == key)
    }

    fn value(&self, sub: Sub, hash: u32, key: &K) -> Option<&V> {
        let at = self.position(sub, hash, key)?;
        if let Some(list) = self.list(sub) {
            return list.get(at).map(|(_, value)| value);
        }
        match self.trie.filters.get(sub.0)? {
            Filter::One { value, .. } => Some(value),
            Filter::Many { .. } | Filter::Vacant(_) => None,
        }
    }

    fn value_mut(&mut self, sub: Sub, hash: u32, key: &K) -> Option<&mut V> {
        let at = self.position(sub, hash, key)?;
        if let Some(share) = sub.share() {
            return match self.shares.get_mut(share)? {
                Share::Used { members, .. } => members.get_mut(at).map(|(_, value)| value),
                Share::Vacant(_) => None,
            };
        }
        match self.trie.filters.get_mut(sub.0)? {
            Filter::One { value, .. } => Some(value),
            Filter::Many { ends, .. } => match self.ends.get_mut(*ends)? {
                Ends::Used { ordinary, .. } => ordinary.get_mut(at).map(|(_, value)| value),
                Ends::Vacant(_) => None,
            },
            Filter::Vacant(_) => None,
        }
    }

    fn add_member(&mut self, sub: Sub, key: K, value: V) {
        let seed = self.seed;
        let hash = |(key, _): &(K, V)| seed.key(key);
        if let Some(share) = sub.share() {
            if let Some(Share::Used { members, .. }) = self.shares.get_mut(share) {
                self.positions.push(sub.0, members, (key, value), hash);
            }
            return;
        }
        self.widen(sub.0);
        let Some(Filter::Many { ends, .. }) = self.trie.filters.get(sub.0) else { return };
        if let Some(Ends::Used { ordinary, .. }) = self.ends.get_mut(*ends) {
            self.positions.push(sub.0, ordinary, (key, value), hash);
        }
    }

    fn remove_sub(&mut self, sub: Sub, hash: u32, key: &K) -> Option<V> {
        let at = self.position(sub, hash, key)?;
        self.remove_from_subscriber(hash, key, sub);
        self.len -= 1;
        let seed = self.seed;
        let hash = |(key, _): &(K, V)| seed.key(key);
        if let Some(share) = sub.share() {
            let Share::Used { members, filter, .. } = self.shares.get_mut(share)? else { return None };
            let filter = *filter;
            let removed = self.positions.swap_remove(sub.0, members, at, hash);
            if members.len() == 0 {
                self.remove_share(share);
                self.narrow(filter);
            }
            return removed.map(|(_, value)| value);
        }
        match self.trie.filters.get(sub.0)? {
            Filter::Vacant(_) => None,
            Filter::One { .. } => match self.trie.remove(sub.0)? {
                Filter::One { value, .. } => Some(value),
                Filter::Many { .. } | Filter::Vacant(_) => None,
            },
            Filter::Many { ends, .. } => {
                let Ends::Used { ordinary, .. } = self.ends.get_mut(*ends)? else { return None };
                let removed = self.positions.swap_remove(sub.0, ordinary, at, hash);
                self.narrow(sub.0);
                removed.map(|(_, value)| value)
            }
        }
    }

    /// Takes a group without members out of those of its filter.
    fn remove_share(&mut self, id: u32) {
        let Some(Share::Used { filter, symbol, next, previous, .. }) = self.shares.remove(id) else { return };
        self.share_names.remove(self.seed.pair(filter, symbol), id);
        self.trie.symbols.release(symbol);
        if let Some(Share::Used { previous: of_next, .. }) = self.shares.get_mut(next) {
            *of_next = previous;
        }
        if let Some(Share::Used { next: of_previous, .. }) = self.shares.get_mut(previous) {
            *of_previous = next;
        } else if let Some((_, share)) = self.widen(filter) {
            *share = next;
        }
    }

    /// Gives back what a filter no longer needs.
    fn narrow(&mut self, filter: u32) {
        let Some(Filter::Many { ends: id, place }) = self.trie.filters.get(filter) else { return };
        let (id, place) = (*id, *place);
        let Some(Ends::Used { ordinary, share: NONE }) = self.ends.get_mut(id) else { return };
        match ordinary.len() {
            0 => {
                self.trie.remove(filter);
                self.ends.remove(id);
            }
            1 => {
                if let Some((key, value)) = ordinary.pop()
                    && let Some(record) = self.trie.filters.get_mut(filter)
                {
                    *record = Filter::One { place, key, value };
                    self.ends.remove(id);
                }
            }
            _ => {}
        }
    }

    /// What `subscribers` says of a subscriber.
    fn find_subscriber(&self, hash: u32, key: &K) -> Option<u32> {
        // Somebody else with the same hash may have one subscription to what `key` has among several.
        let several = self.subscribers.find(hash, |number| {
            number & SEVERAL != 0
                && matches!(self.several.get(number & !SEVERAL), Some(Subscriber::Used { key: owner, .. }) if owner == key)
        });
        several.or_else(|| {
            self.subscribers
                .find(hash, |number| number & SEVERAL == 0 && self.position(Sub(number), hash, key).is_some())
        })
    }

    /// The list of a subscriber with several subscriptions.
    fn subs_of(&self, number: u32) -> Option<&List<Sub>> {
        match self.several.get(number & !SEVERAL) {
            Some(Subscriber::Used { subs, .. }) if number & SEVERAL != 0 => Some(subs),
            _ => None,
        }
    }

    fn last_sub_of(&self, number: u32) -> Option<Sub> {
        match self.subs_of(number) {
            None => Some(Sub(number)),
            Some(subs) => subs.get(subs.len() - 1).copied(),
        }
    }

    fn add_to_subscriber(&mut self, subscriber: Option<u32>, hash: u32, key: K, sub: Sub) {
        let Some(number) = subscriber else { return self.subscribers.insert(hash, sub.0) };
        if let Some(Subscriber::Used { subs, .. }) = self.several.get_mut(number & !SEVERAL)
            && number & SEVERAL != 0
        {
            let seed = self.seed;
            return self.positions.push(number, subs, sub, |sub| seed.pair(sub.0, 0));
        }
        let subs = List::new(Vec::from([Sub(number), sub]));
        let several = self.several.insert(Subscriber::Used { key, subs });
        self.subscribers.remove(hash, number);
        self.subscribers.insert(hash, SEVERAL | several);
    }

    fn remove_from_subscriber(&mut self, hash: u32, key: &K, sub: Sub) {
        let Some(number) = self.find_subscriber(hash, key) else { return };
        if number & SEVERAL == 0 {
            return self.subscribers.remove(hash, number);
        }
        let Some(Subscriber::Used { subs, .. }) = self.several.get_mut(number & !SEVERAL) else { return };
        let seed = self.seed;
        let hash_of = |sub: &Sub| seed.pair(sub.0, 0);
        let Some(at) = self.positions.find(number, subs, hash_of(&sub), |other| *other == sub) else {
            return;
        };
        self.positions.swap_remove(number, subs, at, hash_of);
        if subs.len() == 1
            && let Some(last) = subs.pop()
        {
            self.several.remove(number & !SEVERAL);
            self.subscribers.remove(hash, number);
            self.subscribers.insert(hash, last.0);
        }
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
        Matches::new(self, name.as_bytes())
    }

    /// Goes on with a search for the subscriptions of `name` from where an earlier one, of the same name, had come to.
    ///
    /// The tree may have changed: what was in it all the time is found once by the searches together, what was added or removed meanwhile, at most
    /// once.
    pub fn matches_from<'t, 'n, S: AsRef<[u8]>>(
        &'t self,
        name: &'n TopicName<S>,
        position: &MatchPosition,
    ) -> Matches<'t, 'n, K, V> {
        Matches::from_position(self, name.as_bytes(), position)
    }

    /// The list of a group's members.
    fn list(&self, sub: Sub) -> Option<&List<(K, V)>> {
        match sub.share() {
            Some(share) => match self.shares.get(share)? {
                Share::Used { members, .. } => Some(members),
                Share::Vacant(_) => None,
            },
            None => match self.trie.filters.get(sub.0)? {
                Filter::Many { ends, .. } => match self.ends.get(*ends)? {
                    Ends::Used { ordinary, .. } => Some(ordinary),
                    Ends::Vacant(_) => None,
                },
                Filter::One { .. } | Filter::Vacant(_) => None,
            },
        }
    }

    fn share_name(&self, sub: Sub) -> Option<ShareName<&[u8]>> {
        match self.shares.get(sub.share()?)? {
            Share::Used { symbol, .. } => Some(ShareName::trusted(self.trie.symbols.text(*symbol))),
            Share::Vacant(_) => None,
        }
    }

    fn filter_text(&self, sub: Sub) -> Vec<u8> {
        match sub.share().map(|share| self.shares.get(share)) {
            None => self.trie.text(sub.0),
            Some(Some(Share::Used { filter, .. })) => self.trie.text(*filter),
            Some(Some(Share::Vacant(_)) | None) => Vec::new(),
        }
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
