//! A map from Packet Identifiers: one flat table, no allocation for each entry.
//!
//! Open addressing with linear probing at a load of at most one half; removal shifts the entries behind it back, so there
//! are no tombstones. There are only 65,535 keys, which bounds what a peer that picks them with malice can cost.

use alloc::boxed::Box;
use alloc::vec;

use mqtt_codec::PacketId;

const SMALLEST: usize = 8;

/// A table of up to so many slots is kept when it becomes empty: the next burst is as long as the last.
const KEPT: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct IdMap<V> {
    /// Empty, or a power of two of at least [`SMALLEST`].
    slots: Box<[Option<(PacketId, V)>]>,
    len: u32,
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        Self { slots: Box::default(), len: 0 }
    }
}

impl<V: Copy> IdMap<V> {
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(crate) fn get(&self, id: PacketId) -> Option<V> {
        self.find(id).map(|(_, value)| value)
    }

    /// Where `id` is, until the next change, and its value.
    #[inline]
    pub(crate) fn find(&self, id: PacketId) -> Option<(usize, V)> {
        let mut at = self.home(id);
        loop {
            match self.slots.get(at)? {
                Some((key, value)) if *key == id => return Some((at, *value)),
                Some(_) => at = self.next(at),
                None => return None,
            }
        }
    }

    #[inline]
    pub(crate) fn contains(&self, id: PacketId) -> bool {
        self.get(id).is_some()
    }

    /// Returns the value that was there.
    #[inline]
    pub(crate) fn insert(&mut self, id: PacketId, value: V) -> Option<V> {
        if (self.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mut at = self.home(id);
        while let Some(slot) = self.slots.get_mut(at) {
            match slot {
                Some((key, old)) if *key == id => return Some(core::mem::replace(old, value)),
                Some(_) => at = self.next(at),
                None => {
                    *slot = Some((id, value));
                    self.len += 1;
                    return None;
                }
            }
        }
        None
    }

    #[inline]
    pub(crate) fn remove(&mut self, id: PacketId) -> Option<V> {
        let (at, value) = self.find(id)?;
        self.remove_at(at);
        Some(value)
    }

    /// Removes what was [found](Self::find) there.
    #[inline]
    pub(crate) fn remove_at(&mut self, at: usize) {
        let Some(slot @ Some(_)) = self.slots.get_mut(at) else { return };
        *slot = None;
        self.len -= 1;
        if self.slots.get(self.next(at)).is_some_and(Option::is_some) {
            self.close(at);
        }
        if self.len == 0 && self.slots.len() > KEPT {
            self.slots = Box::default();
        }
    }

    /// Moves entries behind a hole back to where they are found.
    fn close(&mut self, mut hole: usize) {
        let mut at = self.next(hole);
        while let Some(Some((key, _))) = self.slots.get(at) {
            // An entry may move back to the hole unless its home lies behind the hole.
            if self.distance(self.home(*key), at) >= self.distance(hole, at) {
                self.slots.swap(hole, at);
                hole = at;
            }
            at = self.next(at);
        }
    }

    /// All identifiers, in no order that means anything.
    pub(crate) fn keys(&self) -> impl Iterator<Item = PacketId> {
        self.slots.iter().flatten().map(|(id, _)| *id)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(SMALLEST);
        let mut larger = Self { slots: vec![None; size].into_boxed_slice(), len: 0 };
        for (id, value) in core::mem::take(&mut self.slots).into_iter().flatten() {
            larger.insert(id, value);
        }
        *self = larger;
    }

    /// Where `id` stands if nothing is in its way. An odd factor gives those of a run places of their own, and its lowest bits
    /// see to it that these lie apart. The high byte is in it for those who count in the other byte order.
    fn home(&self, id: PacketId) -> usize {
        usize::from(id.get() ^ id.get() >> 8).wrapping_mul(0x9E37_79B5) & self.slots.len().wrapping_sub(1)
    }

    const fn next(&self, at: usize) -> usize {
        (at + 1) & self.slots.len().wrapping_sub(1)
    }

    const fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.slots.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_an_ordered_map(operations in proptest::collection::vec((any::<bool>(), 1..64_u16, any::<u8>()), 0..300)) {
            let mut map = IdMap::default();
            let mut model = BTreeMap::new();
            for (insert, id, value) in operations {
                // A stride makes identifiers share a home.
                let id = PacketId::new(id * 1021).unwrap();
                if insert {
                    prop_assert_eq!(map.insert(id, value), model.insert(id, value));
                } else {
                    prop_assert_eq!(map.remove(id), model.remove(&id));
                }
                prop_assert_eq!(map.len(), model.len());
                for id in 1..64 {
                    let id = PacketId::new(id * 1021).unwrap();
                    prop_assert_eq!(map.get(id), model.get(&id).copied());
                }
            }
        }
    }

    /// There are Clients that count in the other byte order.
    #[test]
    fn a_run_in_either_byte_order_lies_apart() {
        for order in [core::convert::identity, u16::swap_bytes] {
            for (first, len) in [(1, 20), (200, 100), (65_000, 500)] {
                let mut map = IdMap::default();
                for id in (first..first + len).map(order).filter_map(PacketId::new) {
                    map.insert(id, ());
                }
                let ids = map.slots.iter().enumerate().filter_map(|(at, slot)| slot.map(|(id, ())| (at, id)));
                assert!(ids.into_iter().all(|(at, id)| map.distance(map.home(id), at) <= 1), "{first}");
            }
        }
    }

    #[test]
    fn holds_every_identifier() {
        let ids = || (1..=u16::MAX).filter_map(PacketId::new);
        let mut map = IdMap::default();
        assert!(ids().all(|id| map.insert(id, id.get()).is_none()));
        assert_eq!(map.len(), 65_535);
        assert!(ids().all(|id| map.get(id) == Some(id.get())));
        assert!(ids().all(|id| map.remove(id) == Some(id.get())));
        assert_eq!(map.len(), 0);
    }
}
