//! Which Packet Identifier is given next.

use mqtt_codec::PacketId;

/// Gives the Packet Identifiers of one side of a Session to its exchanges: publishes, subscribes and unsubscribes alike
/// `[MQTT-2.2.1-3]`.
///
/// Which are in use is not kept here: those of the open exchanges are, so that two never share one and none is lost. A free
/// one is chosen as late as possible after its last use.
#[derive(Clone, Debug, Default)]
pub(crate) struct PacketIds {
    last: u16,
}

impl PacketIds {
    /// A free identifier; `None` when all 65,535 are in use. `count` are, those for which `is_used` holds, and as many are
    /// skipped at most.
    pub(crate) fn allocate(&mut self, count: usize, is_used: impl Fn(PacketId) -> bool) -> Option<PacketId> {
        if count >= usize::from(u16::MAX) {
            return None;
        }
        for _ in 0..=count {
            self.last = self.last.checked_add(1).unwrap_or(1);
            let id = PacketId::new(self.last)?;
            if !is_used(id) {
                return Some(id);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn allocate(ids: &mut PacketIds, used: &mut BTreeSet<PacketId>) -> Option<PacketId> {
        let id = ids.allocate(used.len(), |id| used.contains(&id))?;
        assert!(used.insert(id));
        Some(id)
    }

    proptest! {
        #[test]
        fn picks_the_next_free_identifier(releases in proptest::collection::vec(proptest::option::of(any::<usize>()), 0..300)) {
            let mut ids = PacketIds { last: u16::MAX - 20 };
            let (mut used, mut last) = (BTreeSet::new(), u16::MAX - 20);
            for release in releases {
                if let Some(release) = release && let Some(id) = used.iter().nth(release % 8).copied() {
                    used.remove(&id);
                    continue;
                }
                let is_free = |id: &u16| PacketId::new(*id).is_some_and(|id| !used.contains(&id));
                let next = (last..=u16::MAX).skip(1).chain(1..=u16::MAX).find(is_free).unwrap();
                prop_assert_eq!(allocate(&mut ids, &mut used), PacketId::new(next));
                last = next;
            }
        }
    }

    #[test]
    fn exhaustion_is_a_value() {
        let (mut ids, mut used) = (PacketIds::default(), BTreeSet::new());
        assert_eq!((0..u16::MAX).filter_map(|_| allocate(&mut ids, &mut used)).count(), 65_535);
        assert_eq!(allocate(&mut ids, &mut used), None);
        used.remove(&PacketId::MAX);
        assert_eq!(allocate(&mut ids, &mut used), Some(PacketId::MAX));
        assert_eq!(allocate(&mut ids, &mut used), None);
    }
}
