//! Application Messages.

use alloc::vec::Vec;

use bytes::Bytes;
use mqtt_codec::{
    Delivery, Frame, MessageProperties, Property, PropertyError, PropertyId, ProtocolVersion, Publish,
    PublishProperties, QoS, Will, WillProperties,
};
use mqtt_topic::{InvalidTopic, TopicName};

/// Bytes that a PUBLISH has at most beside its [message](Message::size), in any version: the fixed header, the lengths of topic and
/// properties, the Packet Identifier, a Message Expiry Interval and a Topic Alias. Subscription Identifiers come on top.
pub(crate) const MOST_BESIDES: usize = 5 + 2 + 4 + 2 + 5 + 3;

/// Bytes of a Subscription Identifier, at most.
pub(crate) const MOST_OF_IDENTIFIER: usize = 5;

/// An Application Message, owned. Cloning shares topic, payload and properties.
///
/// It has no Packet Identifier, DUP flag or Topic Alias: those belong to one way of sending it.
///
/// ```
/// use mqtt_session::Message;
/// use mqtt_session::codec::{Property, QoS};
///
/// let message = Message::new("room/temperature", "21.5")?
///     .with_qos(QoS::AtLeastOnce)
///     .with_retain(true)
///     .with_properties(&[Property::ContentType("text/plain")])?;
/// assert_eq!(message.topic().as_str(), "room/temperature");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    topic: TopicName<Bytes>,
    payload: Bytes,
    properties: MessageProperties,
    expiry: Option<u32>,
    qos: QoS,
    retain: bool,
}

impl Message {
    /// A QoS 0 message without properties, not retained.
    ///
    /// # Errors
    /// [`InvalidTopic`] when `topic` is no Topic Name, for one because it has a wildcard `[MQTT-3.3.2-2]`.
    pub fn new(topic: impl AsRef<str>, payload: impl Into<Bytes>) -> Result<Self, InvalidTopic> {
        let topic = TopicName::new(Bytes::copy_from_slice(topic.as_ref().as_bytes()))?;
        Ok(Self::to(topic, payload.into()))
    }

    /// A QoS 0 message to a Topic Name that has been checked before.
    pub fn to(topic: TopicName<Bytes>, payload: Bytes) -> Self {
        let properties = MessageProperties::default();
        Self { topic, payload, properties, expiry: None, qos: QoS::AtMostOnce, retain: false }
    }

    /// What a received PUBLISH carries. `topic` is its Topic Name, or what its Topic Alias stands for; `frame` is the
    /// packet, whose memory the message shares until it is [detached](Self::detach).
    pub fn from_publish(publish: &Publish<'_>, frame: &Frame, topic: TopicName<Bytes>) -> Self {
        Self {
            topic,
            payload: frame.slice(publish.payload),
            properties: MessageProperties::from_publish(publish.properties, Some(frame.bytes())),
            expiry: publish.properties.message_expiry_interval(),
            qos: publish.delivery.qos(),
            retain: publish.retain,
        }
    }

    /// What a PUBLISH to this topic carries, in memory of its own. `None` never happens.
    pub(crate) fn copied(
        topic: &TopicName<&[u8]>,
        publish: &Publish<'_>,
        expiry: Option<u32>,
    ) -> Option<Self> {
        Some(Self {
            topic: topic.with_storage(Bytes::copy_from_slice(topic.as_bytes()))?,
            payload: Bytes::copy_from_slice(publish.payload),
            properties: MessageProperties::from_publish(publish.properties, None),
            expiry,
            qos: publish.delivery.qos(),
            retain: publish.retain,
        })
    }

    /// What a PUBLISH carries, with Message Expiry Interval, QoS and RETAIN flag.
    #[inline]
    pub(crate) const fn received(
        topic: TopicName<Bytes>,
        payload: Bytes,
        properties: MessageProperties,
        (expiry, qos, retain): (Option<u32>, QoS, bool),
    ) -> Self {
        Self { topic, payload, properties, expiry, qos, retain }
    }

    /// Gives up payload and properties.
    pub(crate) fn strip(&mut self) {
        self.payload = Bytes::new();
        self.properties = MessageProperties::default();
    }

    /// Becomes what [`copied`](Self::copied) makes, and keeps the Topic Name if it is the same. There must be no properties, as after a
    /// [`strip`](Self::strip).
    pub(crate) fn refill(
        &mut self,
        has_topic: bool,
        topic: &TopicName<&[u8]>,
        publish: &Publish<'_>,
        expiry: Option<u32>,
    ) -> Option<()> {
        if !has_topic {
            self.topic = topic.with_storage(Bytes::copy_from_slice(topic.as_bytes()))?;
        }
        self.payload = Bytes::copy_from_slice(publish.payload);
        if !publish.properties.is_empty() {
            self.properties = MessageProperties::from_publish(publish.properties, None);
        }
        (self.expiry, self.qos, self.retain) = (expiry, publish.delivery.qos(), publish.retain);
        Some(())
    }

    /// What a Will becomes when it is published, in memory of its own. `None` never happens for a Will that has been
    /// decoded.
    pub fn from_will(will: &Will<'_>) -> Option<Self> {
        Some(Self {
            topic: will.topic.with_storage(Bytes::copy_from_slice(will.topic.as_bytes()))?,
            payload: Bytes::copy_from_slice(will.payload),
            properties: MessageProperties::from_will(will.properties, None),
            expiry: will.properties.message_expiry_interval(),
            qos: will.qos,
            retain: will.retain,
        })
    }

    /// The same message with this QoS.
    #[must_use = "the message is returned"]
    pub fn with_qos(self, qos: QoS) -> Self {
        Self { qos, ..self }
    }

    /// The same message with this RETAIN flag (section 3.3.1.3).
    #[must_use = "the message is returned"]
    pub fn with_retain(self, retain: bool) -> Self {
        Self { retain, ..self }
    }

    /// The same message with a Message Expiry Interval in seconds (5.0, section 3.3.2.3.3).
    #[must_use = "the message is returned"]
    pub fn with_expiry(self, seconds: u32) -> Self {
        Self { expiry: Some(seconds), ..self }
    }

    /// The same message with these properties instead of those it had. They are not sent in 3.x, which has none.
    ///
    /// # Errors
    /// [`PropertyError`] when one of them does not belong to a message, is repeated or has an invalid value. The Message
    /// Expiry Interval is set by [`with_expiry`](Self::with_expiry).
    pub fn with_properties(self, properties: &[Property<'_>]) -> Result<Self, PropertyError> {
        Ok(Self { properties: MessageProperties::new(properties)?, ..self })
    }

    /// The same message as a request (5.0, section 4.10): who answers it publishes to `response_topic`, with the same
    /// `correlation_data`, if there is any. Other properties stay.
    ///
    /// # Errors
    /// [`PropertyError`] when `response_topic` is no Topic Name, or when one of the two has more than 65,535 bytes.
    pub fn with_request(
        self,
        response_topic: impl AsRef<str>,
        correlation_data: Option<&[u8]>,
    ) -> Result<Self, PropertyError> {
        let response_topic = TopicName::new(response_topic.as_ref().as_bytes())
            .map_err(|_| PropertyError::Value(PropertyId::ResponseTopic))?;
        let added =
            [Some(Property::ResponseTopic(response_topic)), correlation_data.map(Property::CorrelationData)];
        let replaced = [PropertyId::ResponseTopic, PropertyId::CorrelationData];
        let kept = self.properties.as_publish();
        let kept = kept.iter().filter(|property| !replaced.contains(&property.id()));
        let values: Vec<_> = kept.chain(added.into_iter().flatten()).collect();
        let properties = MessageProperties::new(&values)?;
        Ok(Self { properties, ..self })
    }

    /// The answer to this request: a message to its Response Topic, with its Correlation Data and QoS. `None`: it asks for
    /// none.
    ///
    /// Whoever may publish a request chooses the topic the answer goes to, with the rights of who answers: check it where
    /// that matters.
    ///
    /// ```
    /// use mqtt_session::Message;
    ///
    /// let request = Message::new("lamp/state/get", "")?.with_request("reply/7", Some(b"1"))?;
    /// let response = request.response("on").unwrap();
    /// assert_eq!(response.topic().as_str(), "reply/7");
    /// assert_eq!(response.correlation_data(), Some(&b"1"[..]));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn response(&self, payload: impl Into<Bytes>) -> Option<Self> {
        let topic = self.response_topic()?;
        let topic = topic.with_storage(Bytes::copy_from_slice(topic.as_bytes()))?;
        let correlation_data = self.correlation_data().map(Property::CorrelationData);
        let properties = MessageProperties::new(correlation_data.as_slice()).ok()?;
        Some(Self { properties, qos: self.qos, ..Self::to(topic, payload.into()) })
    }

    /// Where an answer is to be published, if the message is a request (5.0).
    pub fn response_topic(&self) -> Option<TopicName<&[u8]>> {
        self.properties.as_publish().response_topic()
    }

    /// By what the sender of a request knows its answer again (5.0).
    pub fn correlation_data(&self) -> Option<&[u8]> {
        self.properties.as_publish().correlation_data()
    }

    /// The Topic Name.
    pub const fn topic(&self) -> &TopicName<Bytes> {
        &self.topic
    }

    /// The payload; may be empty.
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The QoS it is published with, or was received with.
    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// The RETAIN flag.
    pub const fn retain(&self) -> bool {
        self.retain
    }

    /// The properties that travel with the message.
    pub const fn properties(&self) -> &MessageProperties {
        &self.properties
    }

    /// The Message Expiry Interval in seconds, as it was given; nobody counts it down here.
    pub const fn expiry(&self) -> Option<u32> {
        self.expiry
    }

    /// Bytes of topic, payload and properties, which is what a store of messages should count.
    pub fn size(&self) -> usize {
        self.topic.as_bytes().len() + self.payload.len() + self.properties.len()
    }

    /// The same message in allocations of its own. A message that is kept for long should be detached, because its
    /// payload may be a small part of a large read buffer.
    pub fn detach(&self) -> Self {
        let topic = self.topic.with_storage(Bytes::copy_from_slice(self.topic.as_bytes()));
        Self {
            topic: topic.unwrap_or_else(|| self.topic.clone()),
            payload: Bytes::copy_from_slice(&self.payload),
            properties: self.properties.detach(),
            ..*self
        }
    }

    /// The message as a Will, which has its properties in a set of another type.
    pub(crate) fn as_will<'a>(&'a self, properties: WillProperties<'a>) -> Will<'a> {
        Will {
            topic: self.topic.borrowed(),
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            properties,
        }
    }

    /// The PUBLISH that carries the message, without the properties of one hop: Message Expiry Interval, Topic Alias and
    /// Subscription Identifiers. In 3.x it has no properties at all.
    pub(crate) fn as_publish(&self, version: ProtocolVersion, delivery: Delivery) -> Publish<'_> {
        Publish {
            topic: Some(self.topic.borrowed()),
            delivery,
            retain: self.retain,
            properties: match version {
                ProtocolVersion::V5_0 => self.properties.as_publish(),
                ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => PublishProperties::EMPTY,
            },
            payload: &self.payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use mqtt_codec::{Decoder, Packet};

    use super::*;

    #[test]
    fn what_is_published_is_what_is_received() {
        let message = Message::new("a/b", "payload")
            .unwrap()
            .with_qos(QoS::ExactlyOnce)
            .with_retain(true)
            .with_expiry(7)
            .with_properties(&[Property::ContentType("text/plain"), Property::UserProperty(("k", "v"))])
            .unwrap();
        let delivery = Delivery::ExactlyOnce { packet_id: mqtt_codec::PacketId::MIN, dup: false };
        let mut bytes = BytesMut::new();
        let extra = [Property::MessageExpiryInterval(7)];
        let publish = message.as_publish(ProtocolVersion::V5_0, delivery);
        publish.encode_head_with(ProtocolVersion::V5_0, &extra, &mut bytes).unwrap();
        bytes.extend_from_slice(publish.payload);
        let frame = Decoder::client(ProtocolVersion::V5_0).decode_frame(&mut bytes).unwrap().unwrap();
        let Packet::Publish(received) = frame.packet() else { panic!("{frame}") };
        let topic = received.topic.unwrap();
        let topic = topic.with_storage(frame.slice(topic.as_bytes())).unwrap();
        let received = Message::from_publish(&received, &frame, topic);
        assert_eq!(received, message);
        assert_eq!(received.detach(), message);
    }

    #[test]
    fn no_publish_has_more_beside_its_message() {
        // Lengths of four bytes, both of them.
        let value = "v".repeat(65_535);
        let values = [Property::UserProperty(("k", &value)); 33];
        let message = Message::new("t", "p").unwrap().with_properties(&values).unwrap();
        let delivery = Delivery::AtLeastOnce { packet_id: mqtt_codec::PacketId::MIN, dup: false };
        let extra = [
            Property::MessageExpiryInterval(7),
            Property::TopicAlias(core::num::NonZeroU16::MAX),
            Property::SubscriptionIdentifier(mqtt_codec::SubscriptionIdentifier::new(268_435_455).unwrap()),
        ];
        let len = message
            .as_publish(ProtocolVersion::V5_0, delivery)
            .encoded_len_with(ProtocolVersion::V5_0, &extra);
        assert_eq!(len, Ok(message.size() + MOST_BESIDES + MOST_OF_IDENTIFIER));
    }

    #[test]
    fn version_3_has_no_properties() {
        let message = Message::new("a", "").unwrap().with_properties(&[Property::ContentType("x")]).unwrap();
        for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
            assert!(message.as_publish(version, Delivery::AtMostOnce).encoded_len(version).is_ok());
        }
    }
}
