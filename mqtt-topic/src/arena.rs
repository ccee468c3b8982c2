//! Values at stable numbers; the number of a removed value is given out again.

use alloc::vec::Vec;
use core::num::NonZeroU32;

/// The number of a value in an [`Arena`]. `Option<Id>` is as small as an `Id`.
pub(crate) type Id = NonZeroU32;

/// At most 4,294,967,295 values, numbered from [`Id::MIN`] on.
#[derive(Clone)]
pub(crate) struct Arena<T> {
    slots: Vec<Option<T>>,
    free: Vec<Id>,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        self.slots.get(index(id))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        self.slots.get_mut(index(id))?.as_mut()
    }

    pub(crate) fn insert(&mut self, value: T) -> Id {
        if let Some(id) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index(id))
        {
            *slot = Some(value);
            return id;
        }
        // So many values take hundreds of gigabytes before the number saturates.
        let id = Id::MIN.saturating_add(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push(Some(value));
        id
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let value = self.slots.get_mut(index(id))?.take()?;
        self.free.push(id);
        Some(value)
    }

    /// How many values there is room for without a new slot, and how many slots there are.
    #[cfg(test)]
    pub(crate) fn free_and_slots(&self) -> (usize, usize) {
        (self.free.len(), self.slots.len())
    }
}

const fn index(id: Id) -> usize {
    (id.get() - 1) as usize
}
