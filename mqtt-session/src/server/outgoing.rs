//! A message on its way to one Session.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mqtt_codec::{Delivery, Hop, PacketId, ProtocolVersion, Publish, QoS, SubscriptionIdentifier};
use mqtt_topic::Subscription;

use super::parcel::Parcel;
use crate::delivery::first_delivery;
use crate::persist::{MessageRecord, RestoredMessage};
use crate::{Instant, Message};

/// The Shared Subscription a message was taken from.
pub(crate) type Group = Arc<Subscription<Box<[u8]>>>;

/// A message as one Session is to get it. The message itself is shared by all its receivers.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) message: Arc<Message>,
    /// The lower of the message's and the subscription's.
    pub(crate) qos: QoS,
    /// The RETAIN flag the Client sees.
    pub(crate) retain: bool,
    pub(crate) expires_at: Option<Instant>,
    pub(crate) identifiers: Identifiers,
    pub(crate) group: Option<Group>,
}

impl Outgoing {
    /// How it is written.
    pub(crate) fn parcel(&self) -> Parcel<'_> {
        Parcel::of(&self.message, self.expires_at)
    }

    /// The PUBLISH it is sent as, without the properties of one hop.
    pub(crate) fn publish(&self, delivery: Delivery) -> Publish<'_> {
        Publish { retain: self.retain, ..self.message.as_publish(ProtocolVersion::V5_0, delivery) }
    }

    /// What differs from other receivers of the message.
    pub(crate) fn hop(&self, delivery: Delivery) -> Hop<'_> {
        let subscription_identifiers = self.identifiers.as_slice();
        Hop { delivery, retain: self.retain, subscription_identifiers, ..Hop::default() }
    }

    /// As [`hop`](Self::hop), before it has an identifier; all of these are as long.
    #[inline]
    pub(crate) fn first_hop(&self) -> Hop<'_> {
        self.hop(first_delivery(self.qos, PacketId::MIN))
    }

    /// As it is stored.
    #[inline]
    pub(crate) fn record(&self) -> MessageRecord<'_> {
        let Self { qos, retain, expires_at, identifiers, group, .. } = self;
        MessageRecord {
            qos: *qos,
            retain: *retain,
            expires_at: *expires_at,
            identifiers: identifiers.as_slice(),
            group: group.as_deref(),
        }
    }

    pub(crate) fn has_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Bytes a queue should count.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.message.size() + size_of_val(self.identifiers.as_slice())
    }
}

/// The Subscription Identifiers of all subscriptions that made a message match `[MQTT-3.3.4-4]`, repeated ones too
/// `[MQTT-3.3.4-5]`.
#[derive(Clone, Debug, Default)]
pub(crate) enum Identifiers {
    #[default]
    None,
    One(SubscriptionIdentifier),
    Many(Vec<SubscriptionIdentifier>),
}

impl Identifiers {
    pub(crate) fn add(&mut self, identifier: Option<SubscriptionIdentifier>) {
        let Some(identifier) = identifier else { return };
        match self {
            Self::None => *self = Self::One(identifier),
            Self::One(first) => *self = Self::Many(Vec::from([*first, identifier])),
            Self::Many(all) => all.push(identifier),
        }
    }

    pub(crate) fn as_slice(&self) -> &[SubscriptionIdentifier] {
        match self {
            Self::None => &[],
            Self::One(only) => core::slice::from_ref(only),
            Self::Many(all) => all,
        }
    }
}

impl From<RestoredMessage> for Outgoing {
    fn from(stored: RestoredMessage) -> Self {
        let RestoredMessage { message, qos, retain, expires_at, identifiers, group } = stored;
        let mut all = Identifiers::None;
        for identifier in identifiers {
            all.add(Some(identifier));
        }
        Self { message, qos, retain, expires_at, identifiers: all, group: group.map(Arc::new) }
    }
}

impl From<Option<SubscriptionIdentifier>> for Identifiers {
    fn from(identifier: Option<SubscriptionIdentifier>) -> Self {
        identifier.map_or(Self::None, Self::One)
    }
}
