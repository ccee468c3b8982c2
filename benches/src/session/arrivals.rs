//! The policy of all brokers here. There is one, as in a program: of a broker with two, compilers make two, and inline less in either.

use std::cell::Cell;

use bytes::Bytes;
use mqtt_codec::{Publish, PublishReason};
use mqtt_session::topic::TopicName;
use mqtt_session::{ClientInfo, Policy, Refusal};

use super::{TOPIC, payloads};

/// Allows everything, and looks at what arrives if it is to.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// What has to arrive, in this order; `None`: it does not look.
    expected: Option<Vec<Bytes>>,
    /// How many messages of the batch have arrived.
    count: Cell<usize>,
}

impl Arrivals {
    /// The application at the Server's end: every message is compared with the one that was published.
    pub(super) fn watched() -> Self {
        Self { expected: Some(payloads()), count: Cell::new(0) }
    }

    /// Another batch begins.
    pub(super) fn begin(&self) {
        self.count.set(0);
    }

    /// How many have arrived.
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }
}

impl Policy for Arrivals {
    fn may_publish(&self, _: &ClientInfo<'_>, message: &Publish<'_>) -> Result<(), Refusal<PublishReason>> {
        if let Some(expected) = &self.expected {
            let count = self.count.get();
            let topic = message.topic.as_ref().map(TopicName::as_bytes);
            assert_eq!((topic, message.payload), (Some(TOPIC.as_bytes()), &expected[count][..]));
            self.count.set(count + 1);
        }
        Ok(())
    }
}
