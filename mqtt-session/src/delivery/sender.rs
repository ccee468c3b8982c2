//! Outgoing QoS 1 and QoS 2 messages.

use alloc::collections::VecDeque;

use mqtt_codec::{Delivery, PacketId, PublishReason, QoS};

use crate::id_map::IdMap;

/// The exchanges a Session has begun and not finished, in the order of their first PUBLISH.
///
/// `M` is the message, given up with PUBREC; `T` stays with the exchange to its end.
#[derive(Clone, Debug)]
pub(crate) struct Sender<M, T = ()> {
    /// In order of first sending; `None` where an exchange has ended before those in front of it.
    entries: VecDeque<Option<Entry<M, T>>>,
    /// The number of the entry in front; numbers wrap.
    first: u32,
    /// From identifier to number of entry.
    index: IdMap<u32>,
    epoch: u32,
    /// The number of the entry that [`next_resend`](Self::next_resend) looks at next.
    cursor: u32,
    /// Entries that have not been sent in this epoch.
    unsent: usize,
    receive_maximum: u16,
}

#[derive(Clone, Debug)]
struct Entry<M, T> {
    packet_id: PacketId,
    stage: Stage,
    /// When it was sent last.
    epoch: u32,
    tag: T,
    /// Given up with PUBREC.
    message: Option<M>,
}

/// Where an exchange is, until the next one begins or ends.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// In `index`.
    slot: usize,
    /// In `entries`.
    at: usize,
}

/// The packet an exchange waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Puback,
    Pubrec,
    Pubcomp,
}

/// What an acknowledgement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a PUBREL may be due, or an identifier free"]
pub(crate) enum Acknowledged<M, T> {
    /// The exchange is over and its identifier free. There is no message if PUBREC came first.
    Ended { tag: T, message: Option<M> },
    /// Send PUBREL with Success. The message, unless this PUBREC is a repeat, is the receiver's and may be dropped.
    Release { tag: T, message: Option<M> },
    /// A PUBREC for an exchange that is not known: send PUBREL, in 5.0 with 0x92.
    ReleaseUnknown,
    /// Nobody waits for it: ignore it.
    Unknown,
    /// The exchange waits for another packet: a Protocol Error.
    WrongType,
}

/// What is sent again at the begin of an epoch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resend<'a, M> {
    /// A PUBLISH; its DUP flag is set `[MQTT-3.3.1-1]`.
    Publish {
        delivery: Delivery,
        message: &'a M,
    },
    Pubrel(PacketId),
}

impl<M, T> Default for Sender<M, T> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            index: IdMap::default(),
            epoch: 0,
            cursor: 0,
            unsent: 0,
            receive_maximum: 0,
        }
    }
}

impl<M, T: Copy> Sender<M, T> {
    /// A stored exchange, behind those that were restored before. `None` instead of the message: PUBREC has come.
    pub(crate) fn restore(&mut self, packet_id: PacketId, message: Option<(QoS, M)>, tag: T) {
        let (stage, message) = match message {
            None => (Stage::Pubcomp, None),
            Some((QoS::ExactlyOnce, message)) => (Stage::Pubrec, Some(message)),
            Some((QoS::AtMostOnce | QoS::AtLeastOnce, message)) => (Stage::Puback, Some(message)),
        };
        self.index.insert(packet_id, self.end());
        self.unsent += 1;
        let epoch = self.epoch.wrapping_sub(1);
        self.entries.push_back(Some(Entry { packet_id, stage, epoch, tag, message }));
    }

    /// The open exchanges, in order of first sending: identifier, tag, and the message unless PUBREC has come.
    pub(crate) fn exchanges(&self) -> impl Iterator<Item = (PacketId, &T, Option<&M>)> {
        self.entries
            .iter()
            .flatten()
            .map(|Entry { packet_id, tag, message, .. }| (*packet_id, tag, message.as_ref()))
    }

    /// A connection begins that goes on with this Session. `receive_maximum` is the peer's `[MQTT-3.3.4-9]`.
    pub(crate) fn resume(&mut self, receive_maximum: u16) {
        self.epoch = self.epoch.wrapping_add(1);
        self.cursor = self.first;
        self.unsent = self.index.len();
        self.receive_maximum = receive_maximum;
    }

    /// The Session has ended: all exchanges, in order of first sending. Their identifiers are free.
    pub(crate) fn reset(&mut self) -> impl Iterator<Item = (PacketId, T, Option<M>)> + use<M, T> {
        let Self { entries, .. } = core::mem::take(self);
        entries.into_iter().flatten().map(|Entry { packet_id, tag, message, .. }| (packet_id, tag, message))
    }

    /// The next packet to be sent again, in the original order `[MQTT-4.6.0-1]`; it counts as sent. `None` when nothing
    /// is left, or when the next is a PUBLISH and the send quota is used up.
    pub(crate) fn next_resend(&mut self) -> Option<Resend<'_, M>> {
        if self.unsent == 0 {
            return None;
        }
        let may_publish = self.quota() > 0;
        let start = self.cursor.wrapping_sub(self.first) as usize;
        let (skipped, entry) = self
            .entries
            .iter_mut()
            .skip(start)
            .enumerate()
            .find_map(|(skipped, entry)| entry.as_mut().map(|entry| (skipped, entry)))?;
        if !may_publish && entry.stage != Stage::Pubcomp {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "numbers wrap")]
        {
            self.cursor = self.cursor.wrapping_add(skipped as u32 + 1);
        }
        self.unsent -= 1;
        entry.epoch = self.epoch;
        let packet_id = entry.packet_id;
        Some(match (entry.stage, &entry.message) {
            (Stage::Puback, Some(message)) => {
                Resend::Publish { delivery: Delivery::AtLeastOnce { packet_id, dup: true }, message }
            }
            (Stage::Pubrec, Some(message)) => {
                Resend::Publish { delivery: Delivery::ExactlyOnce { packet_id, dup: true }, message }
            }
            (Stage::Pubcomp, _) | (_, None) => Resend::Pubrel(packet_id),
        })
    }

    /// Whether a new message may be sent: everything old has been sent again, and there is send quota
    /// `[MQTT-3.3.4-7]`.
    pub(crate) fn can_start(&self) -> bool {
        self.unsent == 0 && self.quota() > 0
    }

    /// A new PUBLISH has gone out under `packet_id`, which is free. QoS 0 is no exchange.
    #[inline]
    pub(crate) fn start(&mut self, packet_id: PacketId, qos: QoS, message: M, tag: T) {
        self.start_with(packet_id, qos, || message, tag);
    }

    /// As [`start`](Self::start). The message is made where it stays: it is expensive to move.
    #[inline]
    pub(crate) fn start_with(&mut self, packet_id: PacketId, qos: QoS, message: impl FnOnce() -> M, tag: T) {
        let stage = match qos {
            QoS::AtMostOnce => return,
            QoS::AtLeastOnce => Stage::Puback,
            QoS::ExactlyOnce => Stage::Pubrec,
        };
        self.compact();
        if self.entries.capacity() == 0 {
            // Many never have more than one.
            self.entries.reserve_exact(1);
        }
        self.index.insert(packet_id, self.end());
        let epoch = self.epoch;
        self.entries.push_back(None);
        if let Some(place) = self.entries.back_mut() {
            place.get_or_insert_with(|| Entry { packet_id, stage, epoch, tag, message: Some(message()) });
        }
    }

    /// A PUBACK arrives, with any reason. The message is given up, if it is there: `rest` takes what of it is still of interest, so that
    /// it is not moved about.
    #[inline]
    pub(crate) fn puback<R>(
        &mut self,
        id: PacketId,
        rest: impl FnOnce(&mut Option<M>) -> Option<R>,
    ) -> Acknowledged<R, T> {
        match self.find(id) {
            None => Acknowledged::Unknown,
            Some((at, Entry { stage: Stage::Puback, .. })) => self.end_exchange(at, rest),
            Some((_, Entry { stage: Stage::Pubrec | Stage::Pubcomp, .. })) => Acknowledged::WrongType,
        }
    }

    /// A PUBREC arrives. One of 0x80 or above ends the exchange. `rest` is as for [`puback`](Self::puback).
    #[inline]
    pub(crate) fn pubrec<R>(
        &mut self,
        id: PacketId,
        reason: PublishReason,
        rest: impl FnOnce(&mut Option<M>) -> Option<R>,
    ) -> Acknowledged<R, T> {
        match self.find(id) {
            None if reason.is_error() => Acknowledged::Unknown,
            None => Acknowledged::ReleaseUnknown,
            Some((_, Entry { stage: Stage::Puback, .. })) => Acknowledged::WrongType,
            Some((at, _)) if reason.is_error() => self.end_exchange(at, rest),
            Some((_, Entry { stage, tag, message, .. })) => {
                *stage = Stage::Pubcomp;
                let rest = rest(message);
                *message = None;
                Acknowledged::Release { tag: *tag, message: rest }
            }
        }
    }

    /// A PUBCOMP arrives, with any reason.
    #[inline]
    pub(crate) fn pubcomp<R>(&mut self, id: PacketId) -> Acknowledged<R, T> {
        match self.find(id) {
            None => Acknowledged::Unknown,
            Some((at, Entry { stage: Stage::Pubcomp, .. })) => self.end_exchange(at, |_| None),
            Some((_, Entry { stage: Stage::Puback | Stage::Pubrec, .. })) => Acknowledged::WrongType,
        }
    }

    /// The message is given up from this side. The receiver may have one of QoS 2, which stands in the way of the next with
    /// its identifier until PUBREL: the exchange goes on then, with what `change` makes of its tag. After PUBREC there is nothing
    /// to give up.
    pub(crate) fn give_up(&mut self, id: PacketId, change: impl FnOnce(&mut T)) -> Acknowledged<M, T> {
        match self.find(id) {
            None | Some((_, Entry { stage: Stage::Pubcomp, .. })) => Acknowledged::Unknown,
            Some((at, Entry { stage: Stage::Puback, .. })) => self.end_exchange(at, Option::take),
            Some((_, Entry { stage, tag, message, .. })) => {
                change(tag);
                *stage = Stage::Pubcomp;
                Acknowledged::Release { tag: *tag, message: message.take() }
            }
        }
    }

    /// What stays with the exchange of this identifier.
    pub(crate) fn tag_mut(&mut self, id: PacketId) -> Option<&mut T> {
        self.find(id).map(|(_, entry)| &mut entry.tag)
    }

    /// Whether an open exchange has this identifier.
    pub(crate) fn contains(&self, id: PacketId) -> bool {
        self.index.contains(id)
    }

    /// Whether something of an earlier epoch is still to be sent again.
    pub(crate) const fn has_resends(&self) -> bool {
        self.unsent > 0
    }

    /// How many exchanges are open.
    pub(crate) const fn len(&self) -> usize {
        self.index.len()
    }

    /// What is left of the peer's Receive Maximum: derived, so that it cannot drift.
    fn quota(&self) -> usize {
        usize::from(self.receive_maximum).saturating_sub(self.index.len() - self.unsent)
    }

    /// The number the next entry gets.
    #[expect(clippy::cast_possible_truncation, reason = "numbers wrap")]
    fn end(&self) -> u32 {
        self.first.wrapping_add(self.entries.len() as u32)
    }

    /// The exchange with this identifier, and where it is.
    #[inline]
    fn find(&mut self, id: PacketId) -> Option<(Place, &mut Entry<M, T>)> {
        let (slot, number) = self.index.find(id)?;
        let at = number.wrapping_sub(self.first) as usize;
        Some((Place { slot, at }, self.entries.get_mut(at)?.as_mut()?))
    }

    #[inline]
    fn end_exchange<R>(
        &mut self,
        Place { slot: index, at }: Place,
        rest: impl FnOnce(&mut Option<M>) -> Option<R>,
    ) -> Acknowledged<R, T> {
        let Some(slot) = self.entries.get_mut(at) else { return Acknowledged::Unknown };
        let Some(Entry { tag, epoch, message, .. }) = slot else { return Acknowledged::Unknown };
        let (tag, message) = (*tag, rest(message));
        if *epoch != self.epoch {
            self.unsent -= 1;
        }
        *slot = None;
        self.index.remove_at(index);
        while let Some(None) = self.entries.front() {
            // There is nothing in it that would have to be moved and dropped.
            core::mem::forget(self.entries.pop_front());
            if self.cursor == self.first {
                self.cursor = self.cursor.wrapping_add(1);
            }
            self.first = self.first.wrapping_add(1);
        }
        Acknowledged::Ended { tag, message }
    }

    /// Closes the gaps once there are more of them than entries, which a peer that leaves the oldest exchange
    /// unanswered could cause.
    #[inline]
    fn compact(&mut self) {
        // While something is to be sent again nothing is started, and the cursor is needed.
        if self.unsent == 0 && self.entries.len() >= 2 * self.index.len() + 32 {
            self.close_gaps();
        }
    }

    #[cold]
    fn close_gaps(&mut self) {
        self.entries.retain(Option::is_some);
        for (number, entry) in (self.first..).zip(self.entries.iter().flatten()) {
            self.index.insert(entry.packet_id, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn all<M>(message: &mut Option<M>) -> Option<M> {
        message.take()
    }

    fn id(id: u16) -> PacketId {
        PacketId::new(id).unwrap()
    }

    /// The specification's words, as simple as they can be written.
    #[derive(Default)]
    struct Model {
        exchanges: Vec<Exchange>,
        receive_maximum: usize,
    }

    /// The tag of an exchange, which is its identifier before, once its message has been given up.
    const GIVEN_UP: PacketId = PacketId::MAX;

    struct Exchange {
        id: PacketId,
        tag: PacketId,
        message: Option<u32>,
        qos: QoS,
        sent: bool,
    }

    impl Model {
        fn resume(&mut self, receive_maximum: u16) {
            self.receive_maximum = receive_maximum.into();
            self.exchanges.iter_mut().for_each(|exchange| exchange.sent = false);
        }

        fn quota(&self) -> usize {
            self.receive_maximum
                .saturating_sub(self.exchanges.iter().filter(|exchange| exchange.sent).count())
        }

        fn can_start(&self) -> bool {
            self.exchanges.iter().all(|exchange| exchange.sent) && self.quota() > 0
        }

        fn next_resend(&mut self) -> Option<(PacketId, QoS, Option<u32>)> {
            let quota = self.quota();
            let next = self.exchanges.iter_mut().find(|exchange| !exchange.sent)?;
            if next.message.is_some() && quota == 0 {
                return None;
            }
            next.sent = true;
            Some((next.id, next.qos, next.message))
        }

        fn take(&mut self, at: usize) -> Acknowledged<u32, PacketId> {
            let exchange = self.exchanges.remove(at);
            Acknowledged::Ended { tag: exchange.tag, message: exchange.message }
        }

        fn give_up(&mut self, id: PacketId) -> Acknowledged<u32, PacketId> {
            let open = |exchange: &Exchange| exchange.id == id && exchange.message.is_some();
            match self.exchanges.iter().position(open) {
                None => Acknowledged::Unknown,
                Some(at) if self.exchanges[at].qos == QoS::AtLeastOnce => self.take(at),
                Some(at) => {
                    let exchange = &mut self.exchanges[at];
                    exchange.tag = GIVEN_UP;
                    Acknowledged::Release { tag: GIVEN_UP, message: exchange.message.take() }
                }
            }
        }

        fn acknowledge(&mut self, kind: Kind, id: PacketId) -> Acknowledged<u32, PacketId> {
            let Some(at) = self.exchanges.iter().position(|exchange| exchange.id == id) else {
                return match kind {
                    Kind::Pubrec => Acknowledged::ReleaseUnknown,
                    Kind::Puback | Kind::PubrecError | Kind::Pubcomp => Acknowledged::Unknown,
                };
            };
            let exchange = &mut self.exchanges[at];
            match (kind, exchange.qos, exchange.message) {
                (Kind::Puback, QoS::AtLeastOnce, _)
                | (Kind::PubrecError, QoS::ExactlyOnce, _)
                | (Kind::Pubcomp, QoS::ExactlyOnce, None) => self.take(at),
                (Kind::Pubrec, QoS::ExactlyOnce, message) => {
                    exchange.message = None;
                    Acknowledged::Release { tag: exchange.tag, message }
                }
                _ => Acknowledged::WrongType,
            }
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Kind {
        Puback,
        Pubrec,
        PubrecError,
        Pubcomp,
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Start(PacketId, QoS),
        Acknowledge(Kind, PacketId),
        GiveUp(PacketId),
        Resume(u16),
        /// Another process goes on from what was stored.
        Restore(u16),
        Resend,
        Reset,
    }

    fn operation() -> impl Strategy<Value = Operation> {
        let ids = || (1..12_u16).prop_map(id);
        let kinds =
            prop_oneof![Just(Kind::Puback), Just(Kind::Pubrec), Just(Kind::PubrecError), Just(Kind::Pubcomp)];
        prop_oneof![
            10 => (ids(), prop_oneof![Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]).prop_map(|(id, qos)| Operation::Start(id, qos)),
            20 => (kinds, ids()).prop_map(|(kind, id)| Operation::Acknowledge(kind, id)),
            4 => ids().prop_map(Operation::GiveUp),
            2 => (0..8_u16).prop_map(Operation::Resume),
            1 => (0..8_u16).prop_map(Operation::Restore),
            10 => Just(Operation::Resend),
            1 => Just(Operation::Reset),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_the_model(operations in proptest::collection::vec(operation(), 0..400)) {
            let (mut sender, mut model) = (Sender::default(), Model::default());
            sender.resume(5);
            model.resume(5);
            let mut message = 0;
            for operation in operations {
                match operation {
                    Operation::Start(id, qos) => {
                        prop_assert_eq!(sender.can_start(), model.can_start());
                        if !model.can_start() || model.exchanges.iter().any(|exchange| exchange.id == id) {
                            continue;
                        }
                        message += 1;
                        sender.start(id, qos, message, id);
                        model.exchanges.push(Exchange { id, tag: id, message: Some(message), qos, sent: true });
                    }
                    Operation::Acknowledge(kind, id) => {
                        let acknowledged = match kind {
                            Kind::Puback => sender.puback(id, all),
                            Kind::Pubrec => sender.pubrec(id, PublishReason::NoMatchingSubscribers, all),
                            Kind::PubrecError => sender.pubrec(id, PublishReason::UnspecifiedError, all),
                            Kind::Pubcomp => sender.pubcomp(id),
                        };
                        prop_assert_eq!(acknowledged, model.acknowledge(kind, id));
                    }
                    Operation::GiveUp(id) => {
                        let given_up = sender.give_up(id, |tag| *tag = GIVEN_UP);
                        prop_assert_eq!(given_up, model.give_up(id));
                    }
                    Operation::Resume(receive_maximum) => {
                        sender.resume(receive_maximum);
                        model.resume(receive_maximum);
                    }
                    Operation::Restore(receive_maximum) => {
                        let mut restored = Sender::default();
                        for (id, tag, message) in sender.exchanges() {
                            let exchange = model.exchanges.iter().find(|exchange| exchange.id == id).unwrap();
                            restored.restore(id, message.map(|message| (exchange.qos, *message)), *tag);
                        }
                        sender = restored;
                        sender.resume(receive_maximum);
                        model.resume(receive_maximum);
                    }
                    Operation::Resend => match (sender.next_resend(), model.next_resend()) {
                        (Some(Resend::Publish { delivery, message }), Some((id, qos, Some(expected)))) => {
                            prop_assert_eq!(*message, expected);
                            prop_assert_eq!((delivery.qos(), delivery.packet_id(), delivery.dup()), (qos, Some(id), true));
                        }
                        (Some(Resend::Pubrel(released)), Some((id, QoS::ExactlyOnce, None))) => {
                            prop_assert_eq!(released, id);
                        }
                        (None, None) => {}
                        (ours, expected) => prop_assert!(false, "{:?} is not {:?}", ours, expected),
                    },
                    Operation::Reset => {
                        let left: Vec<_> = sender.reset().collect();
                        let expected: Vec<_> =
                            model.exchanges.drain(..).map(|exchange| (exchange.id, exchange.tag, exchange.message)).collect();
                        prop_assert_eq!(left, expected);
                        sender.resume(5);
                        model.resume(5);
                    }
                }
                prop_assert_eq!(sender.len(), model.exchanges.len());
                prop_assert!(sender.entries.len() <= 2 * sender.len() + 33, "gaps do not add up");
            }
        }
    }

    #[test]
    fn an_oldest_exchange_without_answer_makes_nothing_grow() {
        let mut sender = Sender::<_, ()>::default();
        sender.resume(2);
        sender.start(id(1), QoS::AtLeastOnce, "oldest", ());
        for round in 0..10_000 {
            let next = id(2 + round % 100);
            sender.start(next, QoS::AtLeastOnce, "next", ());
            assert!(!sender.can_start());
            assert_eq!(sender.puback(next, all), Acknowledged::Ended { tag: (), message: Some("next") });
            assert!(sender.entries.len() < 64);
        }
        assert_eq!(sender.puback(id(1), all), Acknowledged::Ended { tag: (), message: Some("oldest") });
        assert!(sender.entries.is_empty());
    }

    /// A PUBREL waits for no quota, so a smaller Receive Maximum cannot lock a Session up.
    #[test]
    fn a_smaller_receive_maximum_on_resume_locks_nothing_up() {
        let mut sender = Sender::<_, ()>::default();
        sender.resume(3);
        sender.start(id(1), QoS::ExactlyOnce, "a", ());
        sender.start(id(2), QoS::ExactlyOnce, "b", ());
        sender.start(id(3), QoS::ExactlyOnce, "c", ());
        assert_eq!(
            sender.pubrec(id(2), PublishReason::Success, all),
            Acknowledged::Release { tag: (), message: Some("b") }
        );
        sender.resume(1);
        let dup = |packet_id| Delivery::ExactlyOnce { packet_id, dup: true };
        assert_eq!(sender.next_resend(), Some(Resend::Publish { delivery: dup(id(1)), message: &"a" }));
        assert_eq!(sender.next_resend(), Some(Resend::Pubrel(id(2))));
        assert_eq!(sender.next_resend(), None);
        let _ = sender.pubcomp::<&str>(id(2));
        assert_eq!(sender.next_resend(), None);
        let _ = sender.pubrec(id(1), PublishReason::Success, all);
        let _ = sender.pubcomp::<&str>(id(1));
        assert_eq!(sender.next_resend(), Some(Resend::Publish { delivery: dup(id(3)), message: &"c" }));
    }
}
