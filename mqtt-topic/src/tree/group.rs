//! The subscribers with one filter, as they are handed out.

use alloc::boxed::Box;
use core::fmt;

use super::groups::{GroupId, Groups};
use super::list::{Chunks, List};
use super::trie::Filter;
use crate::{ShareName, Subscription, TopicFilter};

/// The subscribers with one Topic Filter, or those that share one Share Name and one Topic Filter (section 4.8.2). There is at
/// least one.
pub struct Group<'t, K, V> {
    groups: &'t Groups<K, V>,
    id: GroupId,
    members: Those<'t, K, V>,
}

/// The members of a group, at least one.
pub(super) enum Those<'t, K, V> {
    One(&'t K, &'t V),
    Many(&'t List<(K, V)>),
}

impl<'t, K, V> Group<'t, K, V> {
    pub(super) fn of(groups: &'t Groups<K, V>, id: GroupId) -> Option<Self> {
        let members = match groups.list(id) {
            Some(list) => Those::Many(list),
            None => match groups.trie.filters.get(id.0)? {
                Filter::One { key, value, .. } => Those::One(key, value),
                Filter::Many { .. } | Filter::Vacant(_) => return None,
            },
        };
        Some(Self { groups, id, members })
    }

    /// The members of `id` are known to be these.
    #[inline]
    pub(super) const fn new(groups: &'t Groups<K, V>, id: GroupId, members: Those<'t, K, V>) -> Self {
        Self { groups, id, members }
    }
}

impl<'t, K, V> Group<'t, K, V> {
    /// The number of the group.
    pub const fn id(&self) -> GroupId {
        self.id
    }

    /// The Share Name, if the subscriptions are shared.
    pub fn share_name(&self) -> Option<ShareName<&'t [u8]>> {
        self.groups.share_name(self.id)
    }

    /// The Topic Filter, without `$share/` and Share Name. It is put together for the answer.
    pub fn filter(&self) -> TopicFilter<Box<[u8]>> {
        TopicFilter::trusted(self.groups.filter_text(self.id).into())
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

/// The members of a [`Group`]; `nth` takes a step for each 16 KiB of members it passes over.
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
        match self.one {
            // There are no others.
            Some(one) => f(init, one),
            None => self.many.fold(init, |all, (key, value)| f(all, (key, value))),
        }
    }
}

impl<K, V> ExactSizeIterator for Members<'_, K, V> {}
impl<K, V> core::iter::FusedIterator for Members<'_, K, V> {}

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
