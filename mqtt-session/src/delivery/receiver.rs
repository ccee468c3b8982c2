//! Incoming QoS 1 and QoS 2 messages.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use mqtt_codec::{Delivery, PacketId, PublishReason, QoS, ReasonAck, ReleaseReason, ShortAck};

use crate::id_map::IdMap;

/// What a Session owes to the sender of the messages it receives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receiver {
    /// The QoS 2 messages that were accepted and wait for PUBREL, with the epoch of their PUBLISH. Survives connections.
    accepted: IdMap<u32>,
    /// The answers due on this connection: none where all are given at once.
    due: Option<Box<Answers>>,
    epoch: u32,
    receive_maximum: u16,
    /// Exchanges that occupy the Receive Maximum.
    open: usize,
}

#[derive(Clone, Debug, Default)]
struct Answers {
    /// In the order of the PUBLISHes.
    due: VecDeque<Due>,
    /// The identifiers in `due`, each with the QoS of its PUBLISH.
    ids: IdMap<QoS>,
    /// The number of the answer in front; numbers wrap.
    first: u32,
}

#[derive(Clone, Debug)]
struct Due {
    packet_id: PacketId,
    qos: QoS,
    /// `None` until the application has answered.
    reason: Option<PublishReason>,
    /// A repeat of an accepted PUBLISH is no exchange of its own.
    is_repeat: bool,
}

/// What to do with a received PUBLISH.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the message may have to be delivered"]
pub(crate) enum Incoming {
    /// Deliver it, then [answer](Receiver::answer_at_once) it, or [keep](Receiver::keep) it to be answered later.
    Deliver,
    /// It was delivered before: do not deliver it. Its PUBREC is due again.
    Repeat,
    /// Its identifier belongs to a PUBLISH that is still to be answered, or to a QoS 2 message that waits for PUBREL while
    /// this one is QoS 1: 0x91 in 5.0. 3.x has no such answer; only where one [is due](Receiver::is_due) for the same QoS,
    /// it covers this PUBLISH.
    IdInUse,
    /// The peer exceeds our Receive Maximum: DISCONNECT with 0x93.
    ReceiveMaximumExceeded,
}

/// An answer that may leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Puback(PacketId, PublishReason),
    Pubrec(PacketId, PublishReason),
}

impl Answer {
    /// The answer in four bytes, if it says Success.
    #[inline]
    pub(crate) const fn short(self) -> Option<ShortAck> {
        match self {
            Self::Puback(id, PublishReason::Success) => Some(ShortAck::Puback(id)),
            Self::Pubrec(id, PublishReason::Success) => Some(ShortAck::Pubrec(id)),
            Self::Puback(..) | Self::Pubrec(..) => None,
        }
    }
}

impl From<Answer> for ReasonAck {
    #[inline]
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Puback(id, reason) => Self::Puback(id, reason),
            Answer::Pubrec(id, reason) => Self::Pubrec(id, reason),
        }
    }
}

/// Names a received message that is still to be acknowledged. It holds for one connection, and for one answer whichever clone of it
/// is used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a message that is never acknowledged occupies the Receive Maximum"]
pub struct AckToken {
    epoch: u32,
    number: u32,
}

/// The connection the message came on has ended: the Server sends the message again, with a token of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message came on an earlier connection and will come again")]
pub struct StaleToken;

impl Receiver {
    /// A stored identifier of a QoS 2 message that waits for PUBREL; `false`: it is there already.
    pub(crate) fn restore(&mut self, id: PacketId) -> bool {
        self.accepted.insert(id, self.epoch).is_none()
    }

    /// The identifiers of QoS 2 messages that wait for PUBREL.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = PacketId> {
        self.accepted.keys()
    }

    /// A connection begins that goes on with this Session. `receive_maximum` is ours; 65,535 in 3.x.
    pub(crate) fn resume(&mut self, receive_maximum: u16) {
        self.epoch = self.epoch.wrapping_add(1);
        if let Some(answers) = &mut self.due {
            answers.due.clear();
            answers.ids.clear();
        }
        self.open = 0;
        self.receive_maximum = receive_maximum;
    }

    /// The Session has ended.
    pub(crate) fn reset(&mut self) {
        self.accepted.clear();
    }

    /// A PUBLISH arrives.
    #[inline]
    pub(crate) fn judge(&mut self, delivery: Delivery) -> Incoming {
        match delivery.packet_id() {
            None => Incoming::Deliver,
            Some(packet_id) => self.judge_exchange(packet_id, delivery.qos()),
        }
    }

    fn judge_exchange(&mut self, packet_id: PacketId, qos: QoS) -> Incoming {
        let is_accepted = self.accepted.contains(packet_id);
        let is_due = self.due_qos(packet_id).is_some();
        if is_accepted && qos == QoS::ExactlyOnce {
            // A PUBREC that is due already answers the repeat too.
            if !is_due {
                let _ =
                    self.push(Due { packet_id, qos, reason: Some(PublishReason::Success), is_repeat: true });
            }
            return Incoming::Repeat;
        }
        if is_due || is_accepted {
            return Incoming::IdInUse;
        }
        if self.open >= usize::from(self.receive_maximum) {
            return Incoming::ReceiveMaximumExceeded;
        }
        Incoming::Deliver
    }

    /// A PUBLISH that is to be delivered is answered later. QoS 0 is not answered, and has no token.
    pub(crate) fn keep(&mut self, delivery: Delivery) -> Option<AckToken> {
        let packet_id = delivery.packet_id()?;
        self.open += 1;
        Some(self.push(Due { packet_id, qos: delivery.qos(), reason: None, is_repeat: false }))
    }

    /// A PUBLISH that is to be delivered is answered at once: the identifier of a QoS 2 message that is to be kept until PUBREL,
    /// and the answer, unless it has to wait for others.
    pub(crate) fn answer_at_once(
        &mut self,
        delivery: Delivery,
        reason: PublishReason,
    ) -> (Option<PacketId>, Option<Answer>) {
        if self.due.as_ref().is_some_and(|answers| !answers.due.is_empty()) {
            let kept = self.keep(delivery).and_then(|token| self.answer(token, reason).ok().flatten());
            return (kept, None);
        }
        match delivery {
            Delivery::AtMostOnce => (None, None),
            Delivery::AtLeastOnce { packet_id, .. } => (None, Some(Answer::Puback(packet_id, reason))),
            Delivery::ExactlyOnce { packet_id, .. } if reason.is_error() => {
                (None, Some(Answer::Pubrec(packet_id, reason)))
            }
            Delivery::ExactlyOnce { packet_id, .. } => {
                self.open += 1;
                self.accepted.insert(packet_id, self.epoch);
                (Some(packet_id), Some(Answer::Pubrec(packet_id, reason)))
            }
        }
    }

    /// Whether an answer to a PUBLISH of this QoS and identifier is due.
    pub(crate) fn is_due(&self, delivery: Delivery) -> bool {
        delivery.packet_id().and_then(|id| self.due_qos(id)) == Some(delivery.qos())
    }

    fn due_qos(&self, id: PacketId) -> Option<QoS> {
        self.due.as_ref()?.ids.get(id)
    }

    /// The identifier of the message that `token` names, if it is still to be answered.
    pub(crate) fn packet_id(&self, token: &AckToken) -> Option<PacketId> {
        let answers = self.due.as_ref()?;
        let due = answers.due.get(token.number.wrapping_sub(answers.first) as usize)?;
        (token.epoch == self.epoch).then_some(due.packet_id)
    }

    /// The application has processed the message, or refuses it. The answer leaves once all before it have left
    /// `[MQTT-4.6.0-2]` `[MQTT-4.6.0-3]`.
    ///
    /// The identifier of a QoS 2 message that is accepted by this, which is to be kept until PUBREL.
    #[expect(clippy::needless_pass_by_value, reason = "a token is good for one answer")]
    pub(crate) fn answer(
        &mut self,
        token: AckToken,
        reason: PublishReason,
    ) -> Result<Option<PacketId>, StaleToken> {
        let answers = self.due.as_mut().ok_or(StaleToken)?;
        let at = token.number.wrapping_sub(answers.first) as usize;
        let due = answers.due.get_mut(at).ok_or(StaleToken)?;
        if token.epoch != self.epoch || due.reason.is_some() {
            return Err(StaleToken);
        }
        due.reason = Some(reason);
        if due.qos == QoS::ExactlyOnce && !reason.is_error() {
            // From here on the message is ours `[MQTT-4.3.3-8]`.
            self.accepted.insert(due.packet_id, self.epoch);
            return Ok(Some(due.packet_id));
        }
        Ok(None)
    }

    /// The next answer that may leave, to be called until it is `None`.
    pub(crate) fn next_answer(&mut self) -> Option<Answer> {
        let answers = self.due.as_mut()?;
        let reason = answers.due.front()?.reason?;
        let due = answers.due.pop_front()?;
        answers.first = answers.first.wrapping_add(1);
        answers.ids.remove(due.packet_id);
        if !due.is_repeat && (due.qos == QoS::AtLeastOnce || reason.is_error()) {
            self.open = self.open.saturating_sub(1);
        }
        Some(if due.qos == QoS::AtLeastOnce {
            Answer::Puback(due.packet_id, reason)
        } else {
            Answer::Pubrec(due.packet_id, reason)
        })
    }

    /// A PUBREL arrives; the reason for the PUBCOMP that answers it.
    pub(crate) fn pubrel(&mut self, id: PacketId) -> ReleaseReason {
        match self.accepted.remove(id) {
            None => ReleaseReason::PacketIdentifierNotFound,
            Some(epoch) => {
                if epoch == self.epoch {
                    self.open = self.open.saturating_sub(1);
                }
                ReleaseReason::Success
            }
        }
    }

    fn push(&mut self, due: Due) -> AckToken {
        let answers = self.due.get_or_insert_default();
        #[expect(clippy::cast_possible_truncation, reason = "numbers wrap")]
        let number = answers.first.wrapping_add(answers.due.len() as u32);
        answers.ids.insert(due.packet_id, due.qos);
        answers.due.push_back(due);
        AckToken { epoch: self.epoch, number }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeSet, VecDeque};
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn id(id: u16) -> PacketId {
        PacketId::new(id).unwrap()
    }

    /// What a PUBLISH is, and its token if it is delivered, to be answered later.
    fn publish(receiver: &mut Receiver, delivery: Delivery) -> Result<AckToken, Incoming> {
        match receiver.judge(delivery) {
            Incoming::Deliver => Ok(receiver.keep(delivery).unwrap()),
            other => Err(other),
        }
    }

    fn at_least_once(packet_id: u16) -> Delivery {
        Delivery::AtLeastOnce { packet_id: id(packet_id), dup: false }
    }

    fn exactly_once(packet_id: u16) -> Delivery {
        Delivery::ExactlyOnce { packet_id: id(packet_id), dup: false }
    }

    /// The specification's words, as simple as they can be written.
    #[derive(Default)]
    struct Model {
        /// QoS 2 identifiers to be released.
        accepted: BTreeSet<PacketId>,
        /// Identifiers that occupy the Receive Maximum.
        open: BTreeSet<PacketId>,
        due: VecDeque<(PacketId, QoS, Option<PublishReason>)>,
        receive_maximum: usize,
    }

    impl Model {
        fn resume(&mut self, receive_maximum: u16) {
            self.due.clear();
            self.open.clear();
            self.receive_maximum = receive_maximum.into();
        }

        /// Whether the message is delivered; or how it is not.
        fn publish(&mut self, id: PacketId, qos: QoS) -> Result<(), Incoming> {
            let is_due = self.due.iter().any(|(due, ..)| *due == id);
            match (self.accepted.contains(&id), qos) {
                (true, QoS::ExactlyOnce) => {
                    if !is_due {
                        self.due.push_back((id, qos, Some(PublishReason::Success)));
                    }
                    Err(Incoming::Repeat)
                }
                (true, _) => Err(Incoming::IdInUse),
                (false, _) if is_due => Err(Incoming::IdInUse),
                (false, _) if self.open.len() >= self.receive_maximum => {
                    Err(Incoming::ReceiveMaximumExceeded)
                }
                (false, _) => {
                    self.open.insert(id);
                    self.due.push_back((id, qos, None));
                    Ok(())
                }
            }
        }

        fn answer(&mut self, id: PacketId, reason: PublishReason) {
            let Some(due) = self.due.iter_mut().find(|(due, ..)| *due == id) else {
                panic!("{id} is not due")
            };
            due.2 = Some(reason);
            if due.1 == QoS::ExactlyOnce && !reason.is_error() {
                self.accepted.insert(id);
            }
        }

        fn next_answer(&mut self) -> Option<Answer> {
            let (id, qos, reason) = *self.due.front()?;
            let reason = reason?;
            self.due.pop_front();
            if qos == QoS::AtLeastOnce {
                self.open.remove(&id);
                return Some(Answer::Puback(id, reason));
            }
            if reason.is_error() {
                self.open.remove(&id);
            }
            Some(Answer::Pubrec(id, reason))
        }

        fn pubrel(&mut self, id: PacketId) -> ReleaseReason {
            if !self.accepted.remove(&id) {
                return ReleaseReason::PacketIdentifierNotFound;
            }
            self.open.remove(&id);
            ReleaseReason::Success
        }
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Publish(PacketId, QoS),
        AtOnce(PacketId, QoS, PublishReason),
        Answer(usize, PublishReason),
        NextAnswer,
        Pubrel(PacketId),
        Resume(u16),
        Reset,
    }

    fn operation() -> impl Strategy<Value = Operation> {
        let ids = || (1..12_u16).prop_map(id);
        let qos = || prop_oneof![Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)];
        let reasons =
            || prop_oneof![3 => Just(PublishReason::Success), 1 => Just(PublishReason::QuotaExceeded)];
        prop_oneof![
            10 => (ids(), qos()).prop_map(|(id, qos)| Operation::Publish(id, qos)),
            5 => (ids(), qos(), reasons()).prop_map(|(id, qos, reason)| Operation::AtOnce(id, qos, reason)),
            10 => (any::<usize>(), reasons()).prop_map(|(at, reason)| Operation::Answer(at, reason)),
            10 => Just(Operation::NextAnswer),
            5 => ids().prop_map(Operation::Pubrel),
            1 => (1..8_u16).prop_map(Operation::Resume),
            1 => Just(Operation::Reset),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_the_model(operations in proptest::collection::vec(operation(), 0..400)) {
            let (mut receiver, mut model) = (Receiver::default(), Model::default());
            receiver.resume(5);
            model.resume(5);
            let mut tokens = Vec::new();
            for operation in operations {
                match operation {
                    Operation::Publish(packet_id, qos) => {
                        let delivery = match qos {
                            QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup: false },
                            _ => Delivery::AtLeastOnce { packet_id, dup: false },
                        };
                        match (publish(&mut receiver, delivery), model.publish(packet_id, qos)) {
                            (Ok(token), Ok(())) => tokens.push((packet_id, token)),
                            (incoming, expected) => prop_assert_eq!(incoming.map(|_| ()), expected),
                        }
                    }
                    Operation::AtOnce(packet_id, qos, reason) => {
                        let delivery = match qos {
                            QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup: false },
                            _ => Delivery::AtLeastOnce { packet_id, dup: false },
                        };
                        let is_due = !model.due.is_empty();
                        match (receiver.judge(delivery), model.publish(packet_id, qos)) {
                            (Incoming::Deliver, Ok(())) => {
                                model.answer(packet_id, reason);
                                let is_kept = qos == QoS::ExactlyOnce && !reason.is_error();
                                let answer = if is_due { None } else { model.next_answer() };
                                let expected = (is_kept.then_some(packet_id), answer);
                                prop_assert_eq!(receiver.answer_at_once(delivery, reason), expected);
                            }
                            (incoming, expected) => prop_assert_eq!(Err(incoming), expected),
                        }
                    }
                    Operation::Answer(at, reason) => {
                        if tokens.is_empty() {
                            continue;
                        }
                        let (id, token) = tokens.swap_remove(at % tokens.len());
                        let due = model.due.iter().find(|(due, ..)| *due == id).unwrap();
                        let is_accepted = due.1 == QoS::ExactlyOnce && !reason.is_error();
                        prop_assert_eq!(receiver.answer(token, reason), Ok(is_accepted.then_some(id)));
                        model.answer(id, reason);
                    }
                    Operation::NextAnswer => prop_assert_eq!(receiver.next_answer(), model.next_answer()),
                    Operation::Pubrel(id) => prop_assert_eq!(receiver.pubrel(id), model.pubrel(id)),
                    Operation::Resume(receive_maximum) => {
                        receiver.resume(receive_maximum);
                        model.resume(receive_maximum);
                        if receive_maximum % 2 == 0 {
                            // Another process goes on from what was stored.
                            let accepted: Vec<_> = receiver.accepted().collect();
                            receiver = Receiver::default();
                            assert!(accepted.into_iter().all(|id| receiver.restore(id)));
                            receiver.resume(receive_maximum);
                            tokens.clear();
                        }
                        for (_, token) in tokens.drain(..) {
                            prop_assert_eq!(receiver.answer(token, PublishReason::Success), Err(StaleToken));
                        }
                    }
                    Operation::Reset => {
                        receiver.reset();
                        model.accepted.clear();
                        receiver.resume(5);
                        model.resume(5);
                        tokens.clear();
                    }
                }
                prop_assert_eq!(receiver.open, model.open.len());
                let lens = receiver.due.as_ref().map(|answers| (answers.ids.len(), answers.due.len()));
                prop_assert!(lens.is_none_or(|(ids, due)| ids == due));
            }
        }
    }

    fn deliver(receiver: &mut Receiver, delivery: Delivery) -> AckToken {
        publish(receiver, delivery).unwrap()
    }

    #[test]
    fn answers_leave_in_the_order_of_the_publishes() {
        let mut receiver = Receiver::default();
        receiver.resume(10);
        let first = deliver(&mut receiver, exactly_once(7));
        let second = deliver(&mut receiver, at_least_once(3));
        receiver.answer(second, PublishReason::Success).unwrap();
        assert_eq!(receiver.next_answer(), None);
        receiver.answer(first, PublishReason::Success).unwrap();
        assert_eq!(receiver.next_answer(), Some(Answer::Pubrec(id(7), PublishReason::Success)));
        assert_eq!(receiver.next_answer(), Some(Answer::Puback(id(3), PublishReason::Success)));
        assert_eq!(receiver.next_answer(), None);
    }

    #[test]
    fn a_token_does_not_acknowledge_a_stranger() {
        let mut receiver = Receiver::default();
        receiver.resume(10);
        let stale = deliver(&mut receiver, at_least_once(1));
        receiver.resume(10);
        let _fresh = deliver(&mut receiver, at_least_once(2));
        assert_eq!(receiver.answer(stale, PublishReason::Success), Err(StaleToken));
        assert_eq!(receiver.next_answer(), None);
    }

    #[test]
    fn a_message_that_was_not_answered_is_delivered_again_and_one_that_was_is_not() {
        let mut receiver = Receiver::default();
        receiver.resume(10);
        let accepted = deliver(&mut receiver, exactly_once(1));
        receiver.answer(accepted, PublishReason::Success).unwrap();
        let _unanswered = deliver(&mut receiver, exactly_once(2));
        receiver.resume(10);
        assert_eq!(publish(&mut receiver, exactly_once(1)), Err(Incoming::Repeat));
        assert!(publish(&mut receiver, exactly_once(2)).is_ok());
        assert_eq!(receiver.next_answer(), Some(Answer::Pubrec(id(1), PublishReason::Success)));
        assert_eq!(receiver.next_answer(), None);
    }

    #[test]
    fn identifiers_of_earlier_connections_do_not_count() {
        let mut receiver = Receiver::default();
        receiver.resume(1);
        let token = deliver(&mut receiver, exactly_once(1));
        receiver.answer(token, PublishReason::Success).unwrap();
        let _ = receiver.next_answer();
        assert_eq!(publish(&mut receiver, exactly_once(2)), Err(Incoming::ReceiveMaximumExceeded));
        receiver.resume(1);
        assert_eq!(publish(&mut receiver, exactly_once(1)), Err(Incoming::Repeat));
        let _token = deliver(&mut receiver, exactly_once(2));
        assert_eq!(publish(&mut receiver, exactly_once(3)), Err(Incoming::ReceiveMaximumExceeded));
    }
}
