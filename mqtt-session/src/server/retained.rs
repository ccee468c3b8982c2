//! The retained messages (section 3.3.1.3): at most one for each topic, bounded by number and by bytes.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use bytes::Bytes;
use mqtt_codec::{PacketId, ProtocolVersion, Publish, QoS, SubscriptionIdentifier};
use mqtt_topic::{RetainedLimits, RetainedMatches, RetainedStore, TopicFilter, TopicName};

use crate::delivery::first_delivery;
use crate::persist::{Body, Change, Fields, Journal, RestoreFault, Restored, Writer};
use crate::{Instant, Message};

#[derive(Clone, Debug)]
pub(crate) struct RetainedMessages {
    store: RetainedStore<Retained>,
    /// The messages that expire, the first to do so first.
    expiries: BTreeSet<(Instant, TopicName<Bytes>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Retained {
    pub(crate) message: Arc<Message>,
    pub(crate) expires_at: Option<Instant>,
    /// The Client Identifier of the publisher; `None` for the Server itself.
    pub(crate) publisher: Option<Arc<str>>,
}

/// The retained messages that a new subscription still has to get, by where in the store they are.
#[derive(Clone, Debug)]
pub(crate) struct RetainedWalk {
    pub(crate) filter: TopicFilter<Box<[u8]>>,
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) identifier: Option<SubscriptionIdentifier>,
    /// The last topic that was looked at.
    pub(crate) after: Option<TopicName<Box<[u8]>>>,
}

impl Retained {
    /// The PUBLISH that carries it, without the properties of one hop.
    pub(crate) fn publish(&self) -> Publish<'_> {
        let delivery = first_delivery(self.message.qos(), PacketId::MIN);
        Publish { retain: true, ..self.message.as_publish(ProtocolVersion::V5_0, delivery) }
    }

    pub(crate) fn has_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

impl RetainedMessages {
    pub(crate) fn new(limits: RetainedLimits) -> Self {
        let store = RetainedStore::with_limits(limits, |retained: &Retained| retained.message.size());
        Self { store, expiries: BTreeSet::new() }
    }

    /// Replaces the limits; what is there stays.
    pub(crate) const fn set_limits(&mut self, limits: RetainedLimits) {
        self.store.set_limits(limits);
    }

    /// Whether [`insert`](Self::insert) would take a message of this size, in place of the one its topic has.
    pub(crate) fn has_room_for<S: AsRef<[u8]>>(&self, topic: &TopicName<S>, size: usize) -> bool {
        self.store.has_room_for(topic, size).is_ok()
    }

    /// Stores the message of its topic, in place of another `[MQTT-3.3.1-5]`, if there is room for it. `body` is how it is told.
    pub(crate) fn insert(&mut self, retained: Retained, body: Option<Body>, journal: &mut Journal) {
        if self.has_room_for(retained.message.topic(), retained.message.size()) {
            put_retained(journal, &retained, body);
            self.restore(retained);
        }
    }

    /// Stores a message, and tells nobody; `false`: there is no room for it.
    pub(crate) fn restore(&mut self, retained: Retained) -> bool {
        let (topic, expires_at) = (retained.message.topic().clone(), retained.expires_at);
        let Ok(before) = self.store.insert(&topic, retained) else { return false };
        if let Some(at) = expires_at {
            self.expiries.insert((at, topic.clone()));
        }
        self.forget(before);
        true
    }

    /// Removes the message of a topic `[MQTT-3.3.1-6]`.
    pub(crate) fn remove<S: AsRef<[u8]>>(&mut self, topic: &TopicName<S>, journal: &mut Journal) {
        let before = self.store.remove(topic);
        if before.is_some() {
            remove_retained(journal, topic.as_bytes());
        }
        self.forget(before);
    }

    fn forget(&mut self, before: Option<Retained>) {
        let Some(before) = before else { return };
        if let Some(at) = before.expires_at {
            let topic = before.message.topic();
            // The one in its place may expire at the same time.
            let present = self.store.get(topic).and_then(|present| present.expires_at);
            if present != Some(at) {
                self.expiries.remove(&(at, topic.clone()));
            }
        }
    }

    /// When the first message expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| *at)
    }

    pub(crate) fn drop_expired(&mut self, now: Instant, journal: &mut Journal) {
        while self.next_expiry().is_some_and(|at| at <= now) {
            let Some((_, topic)) = self.expiries.pop_first() else { return };
            self.store.remove(&topic);
            remove_retained(journal, topic.as_bytes());
        }
    }

    /// Searches the messages a filter matches, by topic; with `after`, those behind that topic.
    pub(crate) fn search<'r>(
        &'r self,
        filter: &'r TopicFilter<Box<[u8]>>,
        after: Option<&TopicName<Box<[u8]>>>,
    ) -> RetainedMatches<'r, 'r, Retained> {
        match after {
            None => self.store.matches(filter),
            Some(after) => self.store.matches_after(filter, after),
        }
    }

    /// All messages.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Retained> {
        self.store.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }
}

/// The message of a topic is retained.
pub(crate) fn put_retained(journal: &mut Journal, retained: &Retained, body: Option<Body>) {
    // What is too large for any packet is not sent either.
    let Some(body) = body.filter(|_| journal.is_enabled()) else { return };
    let key = Writer::retained(retained.message.topic().as_bytes());
    let value = Writer::value().instant(retained.expires_at).text(retained.publisher.as_deref());
    journal.push(key.with_body(value, body));
}

/// No message of the topic is retained.
fn remove_retained(journal: &mut Journal, topic: &[u8]) {
    if journal.is_enabled() {
        journal.push(Change::Remove { key: Writer::retained(topic).into_key() });
    }
}

pub(crate) fn restored_retained(
    topic: &[u8],
    mut value: Fields<'_>,
    restored: &mut Restored,
) -> Result<Retained, RestoreFault> {
    let (expires_at, publisher) = (value.instant()?, value.text()?);
    let message = restored.message(value.into_body()?)?;
    if message.topic().as_bytes() != topic || message.payload().is_empty() {
        return Err(RestoreFault::Inconsistent);
    }
    Ok(Retained { message, expires_at, publisher })
}
