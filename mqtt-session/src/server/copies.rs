//! The PUBLISH packets that one message becomes.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU16;

use bytes::{Bytes, BytesMut};
use mqtt_codec::{
    EncodeError, Hop, MAXIMUM_PACKET_SIZE, MessageProperties, PreparedPublish, Property, ProtocolVersion,
    Publish, PublishProperties, TopicForm,
};
use mqtt_topic::TopicName;

use crate::transmit::{BY_REFERENCE, Transmit, by_reference};
use crate::{Instant, Message};

/// From how many receivers on it pays to prepare what they have in common.
const MANY: usize = 4;

/// A message as it is written to any number of connections.
#[derive(Debug)]
pub(crate) struct Copies<'m> {
    topic: TopicName<&'m [u8]>,
    /// Without the properties of a hop, but in any version with those of the message.
    publish: Publish<'m>,
    /// The payload where it is large enough to be sent by reference.
    payload: Option<Bytes>,
    pub(crate) expires_at: Option<Instant>,
    /// What receivers of 3.x and of 5.0 have in common, where there are many of them.
    prepared: [Option<Box<PreparedPublish>>; 2],
    is_for_many: bool,
}

impl<'m> Copies<'m> {
    /// Of a PUBLISH to this topic without properties of a hop.
    pub(crate) const fn new(
        topic: TopicName<&'m [u8]>,
        publish: Publish<'m>,
        expires_at: Option<Instant>,
    ) -> Self {
        Self { topic, publish, payload: None, expires_at, prepared: [None, None], is_for_many: false }
    }

    /// Of a message that is kept.
    pub(crate) fn of(message: &'m Message, expires_at: Option<Instant>) -> Self {
        let publish = message.as_publish(ProtocolVersion::V5_0, mqtt_codec::Delivery::AtMostOnce);
        let mut copies = Self::new(message.topic().borrowed(), publish, expires_at);
        copies.send_by_reference(message.payload());
        copies
    }

    /// The payload is in memory that may be shared for as long as somebody writes it.
    pub(crate) fn send_by_reference(&mut self, payload: &Bytes) {
        self.payload = by_reference(payload).cloned();
    }

    /// Whether the payload is to be sent by reference, and there is nothing to refer to yet.
    pub(crate) fn lacks_payload(&self) -> bool {
        self.publish.payload.len() >= BY_REFERENCE && self.payload.is_none()
    }

    /// So many connections are to get it.
    pub(crate) const fn expect(&mut self, receivers: usize) {
        self.is_for_many = receivers >= MANY && self.publish.payload.len() < BY_REFERENCE;
    }

    pub(crate) const fn topic(&self) -> &TopicName<&'m [u8]> {
        &self.topic
    }

    pub(crate) const fn publish(&self) -> &Publish<'m> {
        &self.publish
    }

    /// Whether a connection takes the packet for this hop; `limit` is its Maximum Packet Size.
    pub(crate) fn fits(&self, hop: &Hop<'_>, version: ProtocolVersion, limit: u32) -> bool {
        limit >= MAXIMUM_PACKET_SIZE
            || self
                .with_hop(hop, version, |publish, extra| publish.encoded_len_with(version, extra))
                .is_ok_and(|len| len <= limit as usize)
    }

    /// Appends the packet for this hop.
    pub(crate) fn write(
        &mut self,
        hop: &Hop<'_>,
        version: ProtocolVersion,
        transmit: &mut Transmit,
    ) -> Result<(), EncodeError> {
        if self.is_for_many {
            let prepared = self.prepared(version)?;
            return transmit.append(|tail: &mut BytesMut| prepared.encode(hop, tail));
        }
        self.with_hop(hop, version, |publish, extra| {
            transmit.push_publish(publish, extra, self.payload.as_ref(), version)
        })
    }

    fn prepared(&mut self, version: ProtocolVersion) -> Result<&mut PreparedPublish, EncodeError> {
        let [v3, v5] = &mut self.prepared;
        let (place, properties) = match version {
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => (v3, PublishProperties::EMPTY),
            ProtocolVersion::V5_0 => (v5, self.publish.properties),
        };
        match place {
            Some(prepared) => Ok(prepared),
            place => {
                let properties = MessageProperties::from_publish(properties, None);
                let payload = Bytes::copy_from_slice(self.publish.payload);
                let prepared = PreparedPublish::new(version, &self.topic, &properties, payload)?;
                Ok(place.insert(Box::new(prepared)))
            }
        }
    }

    /// The packet for this hop, and the properties of it.
    fn with_hop<R>(
        &self,
        hop: &Hop<'_>,
        version: ProtocolVersion,
        run: impl FnOnce(&Publish<'_>, &[Property<'_>]) -> R,
    ) -> R {
        let mut publish = Publish { delivery: hop.delivery, retain: hop.retain, ..self.publish };
        if version != ProtocolVersion::V5_0 {
            publish.properties = PublishProperties::EMPTY;
            return run(&publish, &[]);
        }
        if matches!(hop.topic, TopicForm::Alias(_)) {
            publish.topic = None;
        }
        with_properties(hop, |extra| run(&publish, extra))
    }
}

/// The properties of the hop, without an allocation as long as there are not many.
fn with_properties<R>(hop: &Hop<'_>, run: impl FnOnce(&[Property<'_>]) -> R) -> R {
    let expiry = hop.message_expiry_interval.map(Property::MessageExpiryInterval);
    let alias = hop.topic.alias().map(Property::TopicAlias);
    let identifiers = hop.subscription_identifiers.iter().copied().map(Property::SubscriptionIdentifier);
    let all = expiry.into_iter().chain(alias).chain(identifiers);
    let mut few = [Property::TopicAlias(NonZeroU16::MIN); 3];
    if hop.subscription_identifiers.len() > 1 {
        return run(&all.collect::<Vec<_>>());
    }
    let count = few.iter_mut().zip(all).map(|(place, property)| *place = property).count();
    run(few.get(..count).unwrap_or_default())
}
