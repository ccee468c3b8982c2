//! The properties that belong to an Application Message and travel with it from publisher to subscriber.

use core::fmt;

use bytes::{Bytes, BytesMut};

use super::sets::{Mask, PublishProperties, Repr, WillProperties};
use super::{Property, PropertyId};
use crate::PropertyError;
use crate::writer::Direct;

/// Payload Format Indicator, Content Type, Response Topic, Correlation Data and User Properties of a message, owned:
/// one block, cheap to clone.
///
/// What belongs to one hop stays out: Topic Alias, Subscription Identifiers, and the Message Expiry Interval, which
/// the holder of the message counts down.
#[derive(Clone, Default)]
pub struct MessageProperties {
    seen: Mask,
    block: Bytes,
}

const OF_MESSAGE: Mask = Mask::of(&[
    PropertyId::PayloadFormatIndicator,
    PropertyId::ContentType,
    PropertyId::ResponseTopic,
    PropertyId::CorrelationData,
    PropertyId::UserProperty,
]);

impl MessageProperties {
    /// The properties of a message made from these values.
    ///
    /// # Errors
    /// [`PropertyError`] when one of them does not belong to a message, is repeated or has an invalid value.
    pub fn new(values: &[Property<'_>]) -> Result<Self, PropertyError> {
        if let Some(property) = values.iter().find(|property| !OF_MESSAGE.has(property.id())) {
            return Err(PropertyError::NotAllowed(property.id()));
        }
        PublishProperties::new(values).map(|properties| Self::copied(properties.0))
    }

    /// What a received PUBLISH says about its message. With the `frame` that holds the packet, nothing is copied where
    /// the packet has properties of the message only.
    pub fn from_publish(properties: PublishProperties<'_>, frame: Option<&Bytes>) -> Self {
        Self::taken(properties.0, frame)
    }

    /// What a Will says about the message it becomes `[MQTT-3.1.3-10]`.
    pub fn from_will(properties: WillProperties<'_>, frame: Option<&Bytes>) -> Self {
        Self::taken(properties.0, frame)
    }

    fn taken(properties: Repr<'_>, frame: Option<&Bytes>) -> Self {
        match (properties, frame) {
            (Repr::Block { seen, bytes }, Some(frame)) if seen.and(OF_MESSAGE) == seen => {
                Self { seen, block: crate::frame::slice(frame, bytes) }
            }
            _ => Self::copied(properties),
        }
    }

    fn copied(properties: Repr<'_>) -> Self {
        let seen = properties.seen().and(OF_MESSAGE);
        if seen == Mask::default() {
            return Self::default();
        }
        let mut block = BytesMut::with_capacity(properties.len());
        for property in properties.iter().filter(|property| OF_MESSAGE.has(property.id())) {
            property.put(Direct(&mut block));
        }
        Self { seen, block: block.freeze() }
    }

    /// The same properties in an allocation of their own, so that no larger buffer is kept alive.
    pub fn detach(&self) -> Self {
        Self { seen: self.seen, block: Bytes::copy_from_slice(&self.block) }
    }

    /// The properties as a PUBLISH carries them.
    pub fn as_publish(&self) -> PublishProperties<'_> {
        PublishProperties(Repr::Block { seen: self.seen, bytes: &self.block })
    }

    /// Bytes of memory the properties take.
    pub fn len(&self) -> usize {
        self.block.len()
    }

    /// Whether there is no property.
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }
}

impl PartialEq for MessageProperties {
    fn eq(&self, other: &Self) -> bool {
        self.as_publish() == other.as_publish()
    }
}

impl Eq for MessageProperties {}

impl fmt::Debug for MessageProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_publish().fmt(f)
    }
}
