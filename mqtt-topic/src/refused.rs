//! What is given back when there is no room.

use core::fmt;

/// A value that a [`SubscriptionTree`](crate::SubscriptionTree) or a [`RetainedStore`](crate::RetainedStore) has no room for. It is as it was
/// before.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit}")]
pub struct Refused<V, L> {
    /// What would be exceeded: a [`TreeLimit`](crate::TreeLimit) or a [`RetainedLimit`](crate::RetainedLimit).
    pub limit: L,
    /// The value, given back.
    pub value: V,
}

impl<V, L: fmt::Debug> fmt::Debug for Refused<V, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("limit", &self.limit).finish_non_exhaustive()
    }
}
