//! Who is subscribed to each filter.
//!
//! The one ordinary subscription of a filter stands in its record. Several, and the groups of Shared Subscriptions, are
//! [lists](super::list) in [`Ends`] and [`Share`].
//!
//! Never: a filter or group without members, or a list of one that could be without.

use alloc::vec::Vec;
use core::hash::Hash;

use super::hash::Seed;
use super::list::List;
use super::positions::Positions;
use super::symbols::Text;
use super::table::Table;
use super::trie::{Filter, Trie};
use crate::arena::{Arena, NONE, Record, record};
use crate::{ShareName, Subscription};

#[derive(Clone)]
pub(super) struct Groups<K, V> {
    seed: Seed,
    pub(super) trie: Trie<K, V>,
    pub(super) ends: Arena<Ends<K, V>>,
    pub(super) shares: Arena<Share<K, V>>,
    /// Shares by filter and Share Name.
    share_names: Table,
    positions: Positions,
}

/// The number of a [`Group`](super::Group), for what is kept about it elsewhere: whose turn it is, say. It is the same as long as the group
/// has members, and may then be given to another group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(
    /// The number of a filter, for its ordinary subscriptions; with [`SHARED`], of a [`Share`].
    pub(super) u32,
);

const SHARED: u32 = 1 << 30;
impl GroupId {
    pub(super) const fn ordinary(filter: u32) -> Self {
        Self(filter)
    }

    pub(super) const fn shared(share: u32) -> Self {
        Self(SHARED | share)
    }

    pub(super) const fn share(self) -> Option<u32> {
        if self.0 & SHARED == 0 { None } else { Some(self.0 & !SHARED) }
    }
}

/// What ends with a filter, if that is more than one ordinary subscription.
#[derive(Clone)]
pub(super) enum Ends<K, V> {
    Vacant(u32),
    Used {
        ordinary: List<(K, V)>,
        /// The newest group of a Shared Subscription, or none.
        share: u32,
    },
}

/// The group of a Shared Subscription.
#[derive(Clone)]
pub(super) enum Share<K, V> {
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

record!(Ends<K, V>);
record!(Share<K, V>);

impl<K, V> Groups<K, V> {
    /// The list of a group's members.
    pub(super) fn list(&self, group: GroupId) -> Option<&List<(K, V)>> {
        match group.share() {
            Some(share) => match self.shares.get(share)? {
                Share::Used { members, .. } => Some(members),
                Share::Vacant(_) => None,
            },
            None => match self.trie.filters.get(group.0)? {
                Filter::Many { ends, .. } => match self.ends.get(*ends)? {
                    Ends::Used { ordinary, .. } => Some(ordinary),
                    Ends::Vacant(_) => None,
                },
                Filter::One { .. } | Filter::Vacant(_) => None,
            },
        }
    }

    pub(super) fn share_name(&self, group: GroupId) -> Option<ShareName<&[u8]>> {
        match self.shares.get(group.share()?)? {
            Share::Used { symbol, .. } => Some(ShareName::trusted(self.trie.symbols.text(*symbol))),
            Share::Vacant(_) => None,
        }
    }

    pub(super) fn filter_text(&self, group: GroupId) -> Vec<u8> {
        match group.share().map(|share| self.shares.get(share)) {
            None => self.trie.text(group.0),
            Some(Some(Share::Used { filter, .. })) => self.trie.text(*filter),
            Some(Some(Share::Vacant(_)) | None) => Vec::new(),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let ends = self.ends.iter().map(|ends| match ends {
            Ends::Used { ordinary, .. } => ordinary.heap_bytes(),
            Ends::Vacant(_) => 0,
        });
        let shares = self.shares.iter().map(|share| match share {
            Share::Used { members, .. } => members.heap_bytes(),
            Share::Vacant(_) => 0,
        });
        self.trie.heap_bytes()
            + self.ends.heap_bytes()
            + self.shares.heap_bytes()
            + self.share_names.heap_bytes()
            + self.positions.heap_bytes()
            + ends.chain(shares).sum::<usize>()
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Groups<K, V> {
    pub(super) fn new(seed: Seed, exact_table: bool) -> Self {
        Self {
            seed,
            trie: Trie::new(seed, exact_table),
            ends: Arena::new(),
            shares: Arena::new(),
            share_names: Table::new(),
            positions: Positions::new(seed),
        }
    }

    /// Adds a subscription, and says to which group; or replaces the value of the one that is there by the new one, and gives the old one
    /// back as `Err`.
    pub(super) fn insert(
        &mut self,
        subscription: Subscription<&[u8]>,
        hash: u32,
        key: K,
        value: V,
    ) -> Result<GroupId, V> {
        let mut member = Some((key, value));
        let ends = &mut self.ends;
        let filter = self.trie.find_or_add(*subscription.filter(), |place| {
            if let Some((key, value)) = member.take_if(|_| subscription.share_name().is_none()) {
                return Filter::One { place, key, value };
            }
            let none = Ends::Used { ordinary: List::None, share: NONE };
            Filter::Many { place, ends: ends.insert(none) }
        });
        let group = match subscription.share_name() {
            None => GroupId::ordinary(filter),
            Some(share_name) => self.find_or_add_share(filter, share_name.as_bytes()),
        };
        if let Some((key, value)) = member {
            if let Some(present) = self.value_mut(group, hash, &key) {
                return Err(core::mem::replace(present, value));
            }
            self.add(group, key, value);
        }
        Ok(group)
    }

    pub(super) fn find(&self, subscription: Subscription<&[u8]>) -> Option<GroupId> {
        let filter = self.trie.find(*subscription.filter())?;
        match subscription.share_name() {
            None => Some(GroupId::ordinary(filter)),
            Some(name) => {
                let symbol = self.trie.symbols.find(Text::new(name.as_bytes()))?;
                self.find_share(filter, symbol).map(GroupId::shared)
            }
        }
    }

    fn find_share(&self, in_filter: u32, name: u32) -> Option<u32> {
        self.share_names.find(self.seed.pair(in_filter, name), |id| {
            matches!(self.shares.get(id), Some(Share::Used { filter, symbol, .. }) if (*filter, *symbol) == (in_filter, name))
        })
    }

    /// The group with this name, which may have no members yet.
    fn find_or_add_share(&mut self, filter: u32, name: &[u8]) -> GroupId {
        let symbol = self.trie.symbols.add(name);
        if let Some(id) = self.find_share(filter, symbol) {
            self.trie.symbols.release(symbol);
            return GroupId::shared(id);
        }
        let next = self.widen(filter).map_or(NONE, |(_, share)| *share);
        let members = List::None;
        let id = self.shares.insert(Share::Used { filter, symbol, next, previous: NONE, members });
        self.share_names.insert(self.seed.pair(filter, symbol), id);
        if let Some((_, share)) = self.widen(filter) {
            *share = id;
        }
        if let Some(Share::Used { previous, .. }) = self.shares.get_mut(next) {
            *previous = id;
        }
        GroupId::shared(id)
    }

    /// The lists of a filter, made if there are none.
    fn widen(&mut self, filter: u32) -> Option<(&mut List<(K, V)>, &mut u32)> {
        widen(&mut self.trie, &mut self.ends, filter)
    }

    fn position(&self, group: GroupId, hash: u32, key: &K) -> Option<usize> {
        if group.share().is_none()
            && let Some(Filter::One { key: only, .. }) = self.trie.filters.get(group.0)
        {
            return (only == key).then_some(0);
        }
        self.positions.find(group.0, self.list(group)?, hash, |(member, _)| member == key)
    }

    pub(super) fn value(&self, group: GroupId, hash: u32, key: &K) -> Option<&V> {
        let at = self.position(group, hash, key)?;
        if let Some(list) = self.list(group) {
            return list.get(at).map(|(_, value)| value);
        }
        match self.trie.filters.get(group.0)? {
            Filter::One { value, .. } => Some(value),
            Filter::Many { .. } | Filter::Vacant(_) => None,
        }
    }

    pub(super) fn value_mut(&mut self, group: GroupId, hash: u32, key: &K) -> Option<&mut V> {
        let at = self.position(group, hash, key)?;
        if let Some(share) = group.share() {
            return match self.shares.get_mut(share)? {
                Share::Used { members, .. } => members.get_mut(at).map(|(_, value)| value),
                Share::Vacant(_) => None,
            };
        }
        match self.trie.filters.get_mut(group.0)? {
            Filter::One { value, .. } => Some(value),
            Filter::Many { ends, .. } => match self.ends.get_mut(*ends)? {
                Ends::Used { ordinary, .. } => ordinary.get_mut(at).map(|(_, value)| value),
                Ends::Vacant(_) => None,
            },
            Filter::Vacant(_) => None,
        }
    }

    fn add(&mut self, group: GroupId, key: K, value: V) {
        let seed = self.seed;
        let hash = |(key, _): &(K, V)| seed.key(key);
        if let Some(share) = group.share() {
            if let Some(Share::Used { members, .. }) = self.shares.get_mut(share) {
                self.positions.push(group.0, members, (key, value), hash);
            }
            return;
        }
        if let Some((ordinary, _)) = widen(&mut self.trie, &mut self.ends, group.0) {
            self.positions.push(group.0, ordinary, (key, value), hash);
        }
    }

    /// Removes the subscription of a subscriber; nobody is told.
    pub(super) fn remove(&mut self, group: GroupId, hash: u32, key: &K) -> Option<V> {
        let at = self.position(group, hash, key)?;
        let seed = self.seed;
        let hash = |(key, _): &(K, V)| seed.key(key);
        if let Some(share) = group.share() {
            let Share::Used { members, filter, .. } = self.shares.get_mut(share)? else { return None };
            let filter = *filter;
            let removed = self.positions.swap_remove(group.0, members, at, hash);
            if members.len() == 0 {
                self.remove_share(share);
                self.narrow(filter);
            }
            return removed.map(|(_, value)| value);
        }
        match self.trie.filters.get(group.0)? {
            Filter::Vacant(_) => None,
            Filter::One { .. } => match self.trie.remove(group.0)? {
                Filter::One { value, .. } => Some(value),
                Filter::Many { .. } | Filter::Vacant(_) => None,
            },
            Filter::Many { ends, .. } => {
                let Ends::Used { ordinary, .. } = self.ends.get_mut(*ends)? else { return None };
                let removed = self.positions.swap_remove(group.0, ordinary, at, hash);
                self.narrow(group.0);
                removed.map(|(_, value)| value)
            }
        }
    }

    /// Takes the group of a Shared Subscription, which has no members, out of those of its filter.
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
}

/// The lists of a filter, made if there are none.
fn widen<'e, K: Clone, V: Clone>(
    trie: &mut Trie<K, V>,
    all: &'e mut Arena<Ends<K, V>>,
    filter: u32,
) -> Option<(&'e mut List<(K, V)>, &'e mut u32)> {
    let id = match trie.filters.get(filter)? {
        Filter::Vacant(_) => return None,
        Filter::Many { ends, .. } => *ends,
        Filter::One { place, key, value } => {
            let only = List::One([(key.clone(), value.clone())]);
            let ends = all.insert(Ends::Used { ordinary: only, share: NONE });
            let many = Filter::Many { place: *place, ends };
            *trie.filters.get_mut(filter)? = many;
            ends
        }
    };
    match all.get_mut(id)? {
        Ends::Used { ordinary, share } => Some((ordinary, share)),
        Ends::Vacant(_) => None,
    }
}
