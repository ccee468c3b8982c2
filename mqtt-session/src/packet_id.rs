//! Which Packet Identifiers are in use.

use mqtt_codec::PacketId;

use crate::id_map::IdMap;

/// The Packet Identifiers one side of a Session has given to its exchanges: publishes, subscribes and unsubscribes alike
/// `[MQTT-2.2.1-3]`.
///
/// An identifier is chosen from the free ones, so that two exchanges never share one, and a free one is chosen as late as
/// possible after its last use.
#[derive(Debug, Default)]
pub(crate) struct PacketIds {
    used: IdMap<()>,
    last: u16,
}

impl PacketIds {
    /// A free identifier, in use from now on; `None` when all 65,535 are. Skips as many as are in use at most.
    pub(crate) fn allocate(&mut self) -> Option<PacketId> {
        if self.used.len() == usize::from(u16::MAX) {
            return None;
        }
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            let id = PacketId::new(self.last)?;
            if !self.used.contains(id) {
                self.used.insert(id, ());
                return Some(id);
            }
        }
    }

    /// A stored exchange has this identifier; `false`: another has it already.
    pub(crate) fn occupy(&mut self, id: PacketId) -> bool {
        self.used.insert(id, ()).is_none()
    }

    /// The exchange is over. Releasing a free identifier changes nothing.
    pub(crate) fn release(&mut self, id: PacketId) {
        self.used.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn picks_the_next_free_identifier(releases in proptest::collection::vec(proptest::option::of(any::<usize>()), 0..300)) {
            let mut ids = PacketIds { last: u16::MAX - 20, ..PacketIds::default() };
            let (mut used, mut last) = (BTreeSet::new(), u16::MAX - 20);
            for release in releases {
                if let Some(release) = release && let Some(id) = used.iter().nth(release % 8).copied() {
                    used.remove(&id);
                    ids.release(PacketId::new(id).unwrap());
                    continue;
                }
                let next = (last..=u16::MAX).skip(1).chain(1..=u16::MAX).find(|id| !used.contains(id)).unwrap();
                prop_assert_eq!(ids.allocate(), PacketId::new(next));
                used.insert(next);
                last = next;
                prop_assert_eq!(ids.used.len(), used.len());
            }
        }
    }

    #[test]
    fn exhaustion_is_a_value() {
        let mut ids = PacketIds::default();
        assert_eq!((0..u16::MAX).filter_map(|_| ids.allocate()).collect::<BTreeSet<_>>().len(), 65_535);
        assert_eq!(ids.allocate(), None);
        ids.release(PacketId::MAX);
        assert_eq!(ids.allocate(), Some(PacketId::MAX));
        assert_eq!(ids.allocate(), None);
    }
}
