//! What each subscriber is subscribed to.
//!
//! A table leads from a subscriber to his one subscription, which knows his key, or to the record with the list of them.

use super::groups::GroupId;
use super::hash::Seed;
use super::list::{Chunks, List};
use super::positions::Positions;
use super::table::Table;
use crate::arena::{Arena, Record, record};

#[derive(Clone)]
pub(super) struct Subscribers<K> {
    seed: Seed,
    /// By key: the number of the one subscription, or, with [`SEVERAL`], of the [`Subscriber`].
    table: Table,
    several: Arena<Subscriber<K>>,
    positions: Positions,
}

/// A subscriber with several subscriptions.
#[derive(Clone)]
enum Subscriber<K> {
    Vacant(u32),
    Used { key: K, groups: List<GroupId> },
}

record!(Subscriber<K>);

/// What the table says of a subscriber.
#[derive(Clone, Copy)]
pub(super) struct Found(u32);

const SEVERAL: u32 = 1 << 31;

impl<K> Subscribers<K> {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, table: Table::new(), several: Arena::new(), positions: Positions::new(seed) }
    }

    /// The list of a subscriber with several subscriptions.
    fn list(&self, Found(number): Found) -> Option<&List<GroupId>> {
        match self.several.get(number & !SEVERAL) {
            Some(Subscriber::Used { groups, .. }) if number & SEVERAL != 0 => Some(groups),
            _ => None,
        }
    }

    /// How many subscriptions he has.
    pub(super) fn count(&self, found: Found) -> usize {
        self.list(found).map_or(1, List::len)
    }

    /// His subscriptions.
    pub(super) fn groups(&self, found: Found) -> impl Iterator<Item = GroupId> + use<'_, K> {
        let list = self.list(found);
        let only = if list.is_none() { Some(GroupId(found.0)) } else { None };
        only.into_iter().chain(list.map_or_else(Chunks::default, List::chunks).copied())
    }

    /// One of his subscriptions, which costs little to remove.
    pub(super) fn last(&self, found: Found) -> Option<GroupId> {
        match self.list(found) {
            None => Some(GroupId(found.0)),
            Some(groups) => groups.get(groups.len() - 1).copied(),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let lists = self.several.iter().map(|subscriber| match subscriber {
            Subscriber::Used { groups, .. } => groups.heap_bytes(),
            Subscriber::Vacant(_) => 0,
        });
        self.table.heap_bytes()
            + self.several.heap_bytes()
            + self.positions.heap_bytes()
            + lists.sum::<usize>()
    }
}

impl<K: Eq + Clone> Subscribers<K> {
    /// The subscriber with this key. `has` says whether a subscription is one of his.
    pub(super) fn find(&self, hash: u32, key: &K, has: impl Fn(GroupId) -> bool + Copy) -> Option<Found> {
        let mut found = None;
        for number in self.table.all(hash) {
            if number & SEVERAL == 0 {
                if has(GroupId(number)) {
                    found = Some(Found(number));
                }
            } else if let Some(Subscriber::Used { key: owner, .. }) = self.several.get(number & !SEVERAL)
                && owner == key
            {
                // Somebody else with the same hash may have one subscription to what `key` has among several.
                return Some(Found(number));
            }
        }
        found
    }

    /// He has one subscription more; he was `found` unless it is his first.
    pub(super) fn add(&mut self, found: Option<Found>, hash: u32, key: K, group: GroupId) {
        let Some(Found(number)) = found else { return self.table.insert(hash, group.0) };
        if let Some(Subscriber::Used { groups, .. }) = self.several.get_mut(number & !SEVERAL)
            && number & SEVERAL != 0
        {
            let seed = self.seed;
            return self.positions.push(number, groups, group, |group| seed.pair(group.0, 0));
        }
        let groups = List::Two([GroupId(number), group]);
        let several = self.several.insert(Subscriber::Used { key, groups });
        self.table.remove(hash, number);
        self.table.insert(hash, SEVERAL | several);
    }

    /// He no longer has one of his subscriptions.
    pub(super) fn remove(&mut self, Found(number): Found, hash: u32, group: GroupId) {
        if number & SEVERAL == 0 {
            return self.table.remove(hash, number);
        }
        let Some(Subscriber::Used { groups, .. }) = self.several.get_mut(number & !SEVERAL) else { return };
        let seed = self.seed;
        let hash_of = |group: &GroupId| seed.pair(group.0, 0);
        let Some(at) = self.positions.find(number, groups, hash_of(&group), |other| *other == group) else {
            return;
        };
        self.positions.swap_remove(number, groups, at, hash_of);
        if groups.len() == 1
            && let Some(last) = groups.pop()
        {
            self.several.remove(number & !SEVERAL);
            self.table.remove(hash, number);
            self.table.insert(hash, last.0);
        }
    }
}
