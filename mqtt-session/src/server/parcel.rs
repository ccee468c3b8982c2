//! One message, and the PUBLISH packets it becomes.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU16;
use core::time::Duration;

use bytes::{Bytes, BytesMut};
use mqtt_codec::{
    EncodeError, Hop, MAXIMUM_PACKET_SIZE, MessageProperties, PacketId, PreparedPublish, Property,
    ProtocolVersion, Publish, PublishProperties, QoS, ReceivedPublish, TopicForm,
};
use mqtt_topic::TopicName;

use super::spares::Spares;
use crate::delivery::first_delivery;
use crate::message::{MOST_BESIDES, MOST_OF_IDENTIFIER};
use crate::persist::Body;
use crate::transmit::{BY_REFERENCE, Transmit, by_reference};
use crate::{Instant, Message};

/// From how many receivers on it pays to prepare what they have in common.
const MANY: usize = 4;

/// A message on its way to any number of connections and Sessions. What they share is made once, and what has to outlive the
/// packet it came in only when somebody keeps it.
#[derive(Debug)]
pub(crate) struct Parcel<'m> {
    topic: TopicName<&'m [u8]>,
    /// Without the properties of a hop, but in any version with those of the message.
    publish: Publish<'m>,
    /// The packet it came in, and in which version, unless that has anything the message has not.
    packet: Option<(&'m [u8], ProtocolVersion)>,
    /// The packet as it is, for those who get the same.
    received: Option<ReceivedPublish<'m>>,
    /// The payload where it is large enough to be sent by reference.
    payload: Option<&'m Bytes>,
    /// The message in memory of its own, if somebody keeps it.
    kept: Option<Arc<Message>>,
    /// As a durable broker stores it, once that has been asked for.
    body: Option<Body>,
    /// The Message Expiry Interval it was published with, in seconds.
    expiry: Option<u32>,
    expires_at: Option<Instant>,
    /// What receivers of 3.x and of 5.0 have in common, where there are many of them.
    prepared: Option<Box<[Option<PreparedPublish>; 2]>>,
    is_for_many: bool,
}

impl<'m> Parcel<'m> {
    /// The message of a PUBLISH to this topic without properties of a hop. If it had none and the topic in it, `packet` is what it
    /// came in.
    #[inline]
    pub(crate) fn received(
        topic: TopicName<&'m [u8]>,
        publish: Publish<'m>,
        packet: Option<(&'m [u8], ProtocolVersion)>,
        expiry: Option<u32>,
        now: Instant,
    ) -> Self {
        Self {
            topic,
            publish,
            packet,
            received: None,
            payload: None,
            kept: None,
            body: None,
            expiry,
            expires_at: expiry.map(|seconds| now + Duration::from_secs(seconds.into())),
            prepared: None,
            is_for_many: false,
        }
    }

    /// A message that is published now.
    pub(crate) fn new(message: &'m Message, now: Instant) -> Self {
        let expires_at = message.expiry().map(|seconds| now + Duration::from_secs(seconds.into()));
        Self::of(message, expires_at)
    }

    /// A message that is kept.
    pub(crate) fn of(message: &'m Message, expires_at: Option<Instant>) -> Self {
        Self {
            topic: message.topic().borrowed(),
            publish: message.as_publish(ProtocolVersion::V5_0, first_delivery(message.qos(), PacketId::MIN)),
            packet: None,
            received: None,
            payload: by_reference(message.payload()),
            kept: None,
            body: None,
            expiry: message.expiry(),
            expires_at,
            prepared: None,
            is_for_many: false,
        }
    }

    /// A message that is kept, by a Session that gives it to another.
    pub(crate) fn again(message: &'m Arc<Message>, expires_at: Option<Instant>) -> Self {
        Self { kept: Some(Arc::clone(message)), ..Self::of(message, expires_at) }
    }

    pub(crate) const fn qos(&self) -> QoS {
        self.publish.delivery.qos()
    }

    pub(crate) const fn expiry(&self) -> Option<u32> {
        self.expiry
    }

    pub(crate) const fn expires_at(&self) -> Option<Instant> {
        self.expires_at
    }

    /// As [`Message::size`].
    pub(crate) fn size(&self) -> usize {
        let Publish { properties, payload, .. } = &self.publish;
        self.topic.as_bytes().len() + payload.len() + properties.len()
    }

    /// The message in memory of its own, one for all who keep it. There is always one.
    #[inline]
    pub(crate) fn shared(&mut self, spares: &mut Spares) -> Option<Arc<Message>> {
        if self.kept.is_none() {
            self.kept = spares.message(&self.topic, &self.publish, self.expiry);
        }
        self.kept.clone()
    }

    /// As [`shared`](Self::shared), for the last of those who keep it: it counts no more owners than there are, unless the payload is
    /// still to be referred to.
    #[inline]
    pub(crate) fn handed_over(&mut self, spares: &mut Spares) -> Option<Arc<Message>> {
        if self.publish.payload.len() >= BY_REFERENCE {
            return self.shared(spares);
        }
        self.kept.take().or_else(|| spares.message(&self.topic, &self.publish, self.expiry))
    }

    /// As it is stored, once for all Sessions that keep it. `message` is what is [shared](Self::shared).
    pub(crate) fn body(&mut self, message: &Message) -> Option<Body> {
        if self.body.is_none() {
            self.body = Body::of(message);
        }
        self.body.clone()
    }

    /// Whether the payload is to be sent by reference, and there is nothing to refer to yet.
    #[inline]
    pub(crate) fn lacks_payload(&self) -> bool {
        self.publish.payload.len() >= BY_REFERENCE && self.payload.is_none() && self.kept.is_none()
    }

    /// So many connections are to get it.
    #[inline]
    pub(crate) fn expect(&mut self, receivers: usize) {
        // A large payload is not copied for each receiver.
        if receivers > 0
            && let Some((packet, version)) = self.packet.filter(|(packet, _)| packet.len() < BY_REFERENCE)
        {
            self.received = ReceivedPublish::new(packet, &self.publish, version);
        }
        self.is_for_many = receivers >= MANY && self.publish.payload.len() < BY_REFERENCE;
    }

    pub(crate) const fn topic(&self) -> &TopicName<&'m [u8]> {
        &self.topic
    }

    pub(crate) const fn publish(&self) -> &Publish<'m> {
        &self.publish
    }

    /// Whether a connection takes the packet for any hop with so many Subscription Identifiers; `limit` is its Maximum Packet Size. Most
    /// need not be measured.
    #[inline]
    pub(crate) fn fits_easily(&self, identifiers: usize, limit: u32) -> bool {
        limit >= MAXIMUM_PACKET_SIZE
            || self.size() + MOST_BESIDES + identifiers * MOST_OF_IDENTIFIER <= limit as usize
    }

    /// Whether a connection takes the packet for this hop; `limit` is its Maximum Packet Size.
    #[inline]
    pub(crate) fn fits(&self, hop: &Hop<'_>, version: ProtocolVersion, limit: u32) -> bool {
        self.fits_easily(hop.subscription_identifiers.len(), limit)
            || self
                .with_hop(hop, version, |publish, extra| publish.encoded_len_with(version, extra))
                .is_ok_and(|len| len <= limit as usize)
    }

    /// Appends the packet for this hop.
    #[inline]
    pub(crate) fn write(
        &mut self,
        hop: &Hop<'_>,
        version: ProtocolVersion,
        transmit: &mut Transmit,
    ) -> Result<(), EncodeError> {
        match &self.received {
            Some(received) if received.suits(hop, version) => transmit.append(|tail| {
                received.append_to(hop, version, tail);
                Ok(())
            }),
            _ => self.encode(hop, version, transmit),
        }
    }

    #[inline(never)]
    fn encode(
        &mut self,
        hop: &Hop<'_>,
        version: ProtocolVersion,
        transmit: &mut Transmit,
    ) -> Result<(), EncodeError> {
        if self.is_for_many {
            let prepared = self.prepared(version)?;
            return transmit.append(|tail: &mut BytesMut| prepared.encode(hop, tail));
        }
        let kept = self.kept.as_ref().and_then(|message| by_reference(message.payload()));
        let payload = self.payload.or(kept);
        self.with_hop(hop, version, |publish, extra| transmit.push_publish(publish, extra, payload, version))
    }

    fn prepared(&mut self, version: ProtocolVersion) -> Result<&mut PreparedPublish, EncodeError> {
        let [v3, v5] = &mut **self.prepared.get_or_insert_default();
        let (place, properties) = match version {
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => (v3, PublishProperties::EMPTY),
            ProtocolVersion::V5_0 => (v5, self.publish.properties),
        };
        match place {
            Some(prepared) => Ok(prepared),
            place => {
                let properties = MessageProperties::from_publish(properties, None);
                let payload = Bytes::copy_from_slice(self.publish.payload);
                Ok(place.insert(PreparedPublish::new(version, &self.topic, &properties, payload)?))
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn what_fits_easily_fits() {
        let message = Message::new("a/b", "payload").unwrap();
        let parcel = Parcel::new(&message, Instant::from_millis(0));
        for identifiers in 0..4 {
            let most = u32::try_from(message.size() + MOST_BESIDES + 5 * identifiers).unwrap();
            assert!(parcel.fits_easily(identifiers, most));
            assert!(!parcel.fits_easily(identifiers, most - 1));
        }
        assert!(parcel.fits_easily(usize::MAX / 8, MAXIMUM_PACKET_SIZE));
    }

    #[test]
    fn the_last_who_keeps_a_message_is_its_only_owner_unless_its_payload_is_sent_by_reference() {
        for (len, owners) in [(BY_REFERENCE - 1, 1), (BY_REFERENCE, 2)] {
            let message = Message::new("a", vec![0; len]).unwrap();
            let mut parcel = Parcel::new(&message, Instant::from_millis(0));
            let first = parcel.shared(&mut Spares::default()).unwrap();
            assert_eq!(Arc::strong_count(&first), 2);
            drop(first);
            let last = parcel.handed_over(&mut Spares::default()).unwrap();
            assert_eq!((Arc::strong_count(&last), &*last), (owners, &message));
        }
    }
}
