//! One node of the tree: a level of one or more Topic Filters.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use crate::arena::Id;
use crate::{Level, ShareName, Subscription};

/// What follows a level in the Topic Filters that share everything up to it.
#[derive(Clone, Default)]
pub(super) struct Node {
    pub(super) parent: Option<Id>,
    /// The child for `+`.
    pub(super) single_level: Option<Id>,
    /// The child for `#`, which has no children.
    pub(super) multi_level: Option<Id>,
    pub(super) names: Names,
    /// The ordinary subscriptions of the filter that ends here.
    pub(super) ordinary: Option<Id>,
    /// The Shared Subscriptions of the filter that ends here.
    pub(super) shared: BTreeMap<ShareName<Box<[u8]>>, Id>,
}

/// The children for levels without a wildcard. A deep filter is a chain of only children, so one child needs no map.
#[derive(Clone, Default)]
pub(super) enum Names {
    #[default]
    None,
    One(Box<[u8]>, Id),
    Many(BTreeMap<Box<[u8]>, Id>),
}

impl Node {
    pub(super) fn child(&self, level: Level<'_>) -> Option<Id> {
        match level {
            Level::Name(name) => self.names.get(name),
            Level::SingleLevel => self.single_level,
            Level::MultiLevel => self.multi_level,
        }
    }

    pub(super) fn insert_child(&mut self, level: Level<'_>, child: Id) {
        match level {
            Level::Name(name) => self.names.insert(name, child),
            Level::SingleLevel => self.single_level = Some(child),
            Level::MultiLevel => self.multi_level = Some(child),
        }
    }

    pub(super) fn remove_child(&mut self, level: Level<'_>) {
        match level {
            Level::Name(name) => self.names.remove(name),
            Level::SingleLevel => self.single_level = None,
            Level::MultiLevel => self.multi_level = None,
        }
    }

    /// The group of a subscription whose filter ends here.
    pub(super) fn group(&self, subscription: Subscription<&[u8]>) -> Option<Id> {
        match subscription.share_name() {
            None => self.ordinary,
            Some(share_name) => self.shared.get(share_name.as_bytes()).copied(),
        }
    }

    /// Whether no filter ends here or goes on from here.
    pub(super) fn is_vacant(&self) -> bool {
        self.ordinary.is_none()
            && self.shared.is_empty()
            && self.single_level.is_none()
            && self.multi_level.is_none()
            && matches!(self.names, Names::None)
    }
}

impl Names {
    pub(super) fn get(&self, name: &[u8]) -> Option<Id> {
        match self {
            Self::None => None,
            Self::One(only, child) => (**only == *name).then_some(*child),
            Self::Many(children) => children.get(name).copied(),
        }
    }

    fn insert(&mut self, name: &[u8], child: Id) {
        *self = match core::mem::take(self) {
            Self::None => Self::One(name.into(), child),
            Self::One(first, id) => Self::Many(BTreeMap::from([(first, id), (name.into(), child)])),
            Self::Many(mut children) => {
                children.insert(name.into(), child);
                Self::Many(children)
            }
        }
    }

    fn remove(&mut self, name: &[u8]) {
        let none_left = match self {
            Self::None => true,
            Self::One(only, _) => **only == *name,
            Self::Many(children) => {
                children.remove(name);
                children.is_empty()
            }
        };
        if none_left {
            *self = Self::None;
        }
    }
}
