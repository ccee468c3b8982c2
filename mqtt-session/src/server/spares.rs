//! The memory of messages that nobody keeps any more, for the next ones.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use mqtt_codec::Publish;
use mqtt_topic::TopicName;

use crate::Message;

/// How many messages are spared at most.
const MOST: usize = 64;

/// How many of them are searched for one with the same topic.
const SEARCHED: usize = 8;

/// The longest Topic Name of one that is spared, in bytes.
const LONGEST: usize = 256;

/// The largest payload that one of them may still have, in bytes: to take it away would be one more look at who has it.
const SMALL: usize = 1024;

/// Messages without properties, and with what they say only if that is [small](SMALL).
#[derive(Default)]
pub(crate) struct Spares(Vec<Arc<Message>>);

/// A message that two have is of no use to either.
impl Clone for Spares {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What memory there is says nothing of the state.
impl fmt::Debug for Spares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spares").finish_non_exhaustive()
    }
}

impl Spares {
    /// Spares a message if nobody else has it.
    pub(crate) fn put(&mut self, mut message: Arc<Message>) {
        if self.0.len() >= MOST || message.topic().as_bytes().len() > LONGEST {
            return;
        }
        // There are no weak references. The look that counts is the one before the memory is used again.
        if Arc::strong_count(&message) > 1 {
            return;
        }
        if message.payload().len() > SMALL || !message.properties().is_empty() {
            let Some(spare) = Arc::get_mut(&mut message) else { return };
            spare.strip();
        }
        self.0.push(message);
    }

    /// What a PUBLISH to this topic carries, in memory of its own. `None` never happens.
    pub(crate) fn message(
        &mut self,
        topic: &TopicName<&[u8]>,
        publish: &Publish<'_>,
        expiry: Option<u32>,
    ) -> Option<Arc<Message>> {
        let has_topic = |spare: &Arc<Message>| spare.topic().as_bytes() == topic.as_bytes();
        // The last is the one whose memory was used last.
        let oldest = self.0.len().saturating_sub(SEARCHED);
        let found = self.0.get(oldest..).unwrap_or_default().iter().rposition(has_topic);
        let spare = found.map(|at| self.0.swap_remove(oldest + at)).or_else(|| self.0.pop());
        if let Some(mut spare) = spare
            && let Some(message) = Arc::get_mut(&mut spare)
        {
            message.refill(found.is_some(), topic, publish, expiry)?;
            return Some(spare);
        }
        Message::copied(topic, publish, expiry).map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use mqtt_codec::{Property, PublishProperties, QoS};

    use super::*;
    use crate::delivery::first_delivery;

    fn publish<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
        Publish::new(TopicName::parse(topic).unwrap(), payload)
    }

    fn message(spares: &mut Spares, publish: &Publish<'_>, expiry: Option<u32>) -> Arc<Message> {
        spares.message(&publish.topic.unwrap(), publish, expiry).unwrap()
    }

    #[test]
    fn nothing_of_a_message_is_left_in_the_next() {
        let values = [Property::ContentType("x")];
        let rich = Publish {
            delivery: first_delivery(QoS::ExactlyOnce, mqtt_codec::PacketId::MIN),
            retain: true,
            properties: PublishProperties::new(&values).unwrap(),
            ..publish("a/long/topic", b"a payload")
        };
        for next in ["a/long/topic", "b"] {
            let mut spares = Spares::default();
            let first = message(&mut spares, &rich, Some(7));
            let at = Arc::as_ptr(&first);
            spares.put(first);
            let second = message(&mut spares, &publish(next, b""), None);
            assert_eq!(*second, Message::new(next, "").unwrap());
            assert_eq!(Arc::as_ptr(&second), at);
        }
    }

    #[test]
    fn a_message_that_somebody_has_is_not_spared() {
        let mut spares = Spares::default();
        let first = message(&mut spares, &publish("a", b"1"), None);
        let kept = Arc::clone(&first);
        spares.put(first);
        let _ = message(&mut spares, &publish("a", b"2"), None);
        assert_eq!(*kept, Message::new("a", "1").unwrap());
    }

    #[test]
    fn there_are_not_many() {
        let mut spares = Spares::default();
        let long = "t".repeat(LONGEST + 1);
        let long = message(&mut spares, &publish(&long, b""), None);
        spares.put(long);
        assert_eq!(spares.0.len(), 0);
        let all: Vec<_> = (0..=MOST).map(|_| message(&mut spares, &publish("a", b""), None)).collect();
        for message in all {
            spares.put(message);
        }
        assert_eq!(spares.0.len(), MOST);
    }
}
