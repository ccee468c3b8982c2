//! A PUBLISH for many receivers: encoded once, and changed where they differ.
//!
//! The packet stands in one buffer, `topic | room | head | properties | payload`. Properties and payload are what all
//! receivers have in common. The head is as long as the receiver's needs it to be and ends where the properties begin, so
//! that the packet is always in one piece. As long as the next receiver's head has the same fields, only their values are
//! changed; nearly all receivers of a message are like that.

use alloc::vec::Vec;
use core::fmt;
use core::iter::repeat_n;
use core::num::NonZeroU16;

use bytes::{BufMut, Bytes};
use mqtt_topic::TopicName;

use crate::packet::packet_len;
use crate::property::sets::{PropertySet, prefixed_len, put_prefix};
use crate::string::put_binary;
use crate::writer::{Direct, Put, Unwritten};
use crate::{
    Delivery, EncodeError, MessageProperties, Property, ProtocolVersion, SubscriptionIdentifier, header,
};

/// A payload up to this size is copied behind the properties, where one copy takes all; a longer one is never copied.
const SHORT: usize = 1024;

/// How the topic of a PUBLISH is written (section 3.3.2.3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TopicForm {
    /// The Topic Name alone.
    #[default]
    Name,
    /// The Topic Name, and an alias that stands for it from now on.
    SetAlias(NonZeroU16),
    /// The alias alone, which the receiver knows.
    Alias(NonZeroU16),
}

impl TopicForm {
    /// The Topic Alias.
    pub const fn alias(self) -> Option<NonZeroU16> {
        match self {
            Self::Name => None,
            Self::SetAlias(alias) | Self::Alias(alias) => Some(alias),
        }
    }
}

/// What differs from one receiver of a message to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hop<'a> {
    /// QoS, Packet Identifier and DUP.
    pub delivery: Delivery,
    /// The RETAIN flag (section 3.3.1.3).
    pub retain: bool,
    /// Topic Name, Topic Alias or both. 3.x has no aliases.
    pub topic: TopicForm,
    /// What is left of the Message Expiry Interval, in seconds `[MQTT-3.3.2-6]`; `None` when the message does not expire, and
    /// in 3.x.
    pub message_expiry_interval: Option<u32>,
    /// The Subscription Identifiers of the subscriptions that made the message match `[MQTT-3.3.4-3]`; none in 3.x, and none
    /// when a Client sends `[MQTT-3.3.4-6]`.
    pub subscription_identifiers: &'a [SubscriptionIdentifier],
}

impl<'a> Hop<'a> {
    /// The properties of the hop in the order in which they are written, before those of the message.
    fn properties(&self) -> impl Iterator<Item = Property<'static>> + use<'a> {
        let expiry = self.message_expiry_interval.map(Property::MessageExpiryInterval);
        let alias = self.topic.alias().map(Property::TopicAlias);
        let identifiers = self.subscription_identifiers.iter().copied().map(Property::SubscriptionIdentifier);
        expiry.into_iter().chain(alias).chain(identifiers)
    }
}

/// Which fields a head has. Heads of the same shape have the same length.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape(u8);

impl Shape {
    /// The lengths of Subscription Identifiers differ: such a head is never used again.
    const UNIQUE: Self = Self(1 << 4);

    #[inline]
    const fn of(hop: &Hop<'_>) -> Self {
        if !hop.subscription_identifiers.is_empty() {
            return Self::UNIQUE;
        }
        let topic = match hop.topic {
            TopicForm::Name => 0,
            TopicForm::SetAlias(_) => 1,
            TopicForm::Alias(_) => 2,
        };
        let has_packet_id = hop.delivery.packet_id().is_some() as u8;
        let has_expiry = hop.message_expiry_interval.is_some() as u8;
        Self(topic << 2 | has_expiry << 1 | has_packet_id)
    }
}

/// An Application Message as the PUBLISH of one version, for any number of receivers.
///
/// Topic Name, properties and payload are encoded once; a [`Hop`] says what differs from one receiver to the next. The
/// bytes are those of [`Publish`](crate::Publish) with the properties in this order: Message Expiry Interval, Topic Alias,
/// Subscription Identifiers, and the properties of the message as they came.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use mqtt_codec::{Delivery, Hop, MessageProperties, PacketId, PreparedPublish, ProtocolVersion};
/// use mqtt_topic::TopicName;
///
/// let topic = TopicName::parse("room/temperature")?;
/// let properties = MessageProperties::default();
/// let mut prepared =
///     PreparedPublish::new(ProtocolVersion::V5_0, &topic, &properties, Bytes::from_static(b"21.5"))?;
///
/// let mut receivers = vec![(BytesMut::new(), 0..24), (BytesMut::new(), 0..4096)];
/// for (out, packet_sizes) in &mut receivers {
///     let hop = Hop {
///         delivery: Delivery::AtLeastOnce { packet_id: PacketId::MIN, dup: false },
///         message_expiry_interval: Some(60),
///         ..Hop::default()
///     };
///     if packet_sizes.contains(&prepared.encoded_len(&hop)?) {
///         prepared.encode(&hop, out)?;
///     }
/// }
/// let sizes = [receivers[0].0.len(), receivers[1].0.len()];
/// assert_eq!(sizes, [0, 32], "the first receiver's Maximum Packet Size forbids it");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PreparedPublish {
    version: ProtocolVersion,
    payload: Bytes,
    /// See the head of this file.
    bytes: Vec<u8>,
    topic_len: usize,
    /// Where the head ends.
    properties_at: usize,
    payload_at: usize,
    /// Where the head begins that `bytes` holds.
    head_at: usize,
    shape: Shape,
    /// Where in the packet the values are that can change.
    packet_id_at: usize,
    expiry_at: usize,
    alias_at: usize,
}

impl PreparedPublish {
    /// The message as a PUBLISH of `version`; 3.1 and 3.1.1 are the same here.
    ///
    /// # Errors
    /// [`EncodeError`] when the message has properties and the version has none, or when it is too large for MQTT.
    pub fn new<S: AsRef<[u8]>>(
        version: ProtocolVersion,
        topic: &TopicName<S>,
        properties: &MessageProperties,
        payload: Bytes,
    ) -> Result<Self, EncodeError> {
        let (topic, properties) = (topic.as_bytes(), properties.as_publish());
        let copied = if payload.len() <= SHORT { &payload[..] } else { &[] };
        // Fixed header, length of the topic, Packet Identifier, Property Length, Message Expiry Interval, Topic Alias.
        let room = 5 + 2 + topic.len() + 2 + 4 + 5 + 3;
        let properties_at = topic.len() + room;
        let properties_len = properties.block_len();
        let payload_at = properties_at + properties_len;
        let mut bytes = Vec::with_capacity(payload_at + copied.len());
        bytes.extend_from_slice(topic);
        bytes.resize(properties_at, 0);
        properties.put_block(properties_len, Direct(&mut bytes));
        bytes.extend_from_slice(copied);
        let prepared = Self {
            version,
            bytes,
            topic_len: topic.len(),
            properties_at,
            payload_at,
            payload,
            shape: Shape::UNIQUE,
            head_at: 0,
            packet_id_at: 0,
            expiry_at: 0,
            alias_at: 0,
        };
        prepared.encoded_len(&Hop::default())?;
        Ok(prepared)
    }

    /// The version whose layout this is.
    pub const fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// The payload of the message.
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Bytes of the packet for this receiver, to be compared with its Maximum Packet Size `[MQTT-3.1.2-24]`.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), without [`EncodeError::BufferTooSmall`].
    pub fn encoded_len(&self, hop: &Hop<'_>) -> Result<usize, EncodeError> {
        packet_len(self.lens(hop)?.1)
    }

    /// Writes the packet for this receiver.
    ///
    /// # Errors
    /// [`EncodeError`] when the version has no such property, when the packet is too large for MQTT, or when it does not fit;
    /// nothing is written then.
    #[inline]
    pub fn encode(&mut self, hop: &Hop<'_>, out: &mut impl BufMut) -> Result<(), EncodeError> {
        // A short payload is part of what `bytes` holds.
        let behind = if self.payload.len() <= SHORT { 0 } else { self.payload.len() };
        let packet = self.address(hop)?;
        let needed = packet.len() + behind;
        if out.remaining_mut() < needed {
            return Err(EncodeError::BufferTooSmall { needed });
        }
        out.put_slice(packet);
        if behind > 0 {
            out.put_slice(&self.payload);
        }
        Ok(())
    }

    /// The packet for this receiver in two pieces, everything but the payload and the payload, to be written one behind the
    /// other without copying.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), without [`EncodeError::BufferTooSmall`].
    #[inline]
    pub fn parts(&mut self, hop: &Hop<'_>) -> Result<(&[u8], &Bytes), EncodeError> {
        self.address(hop)?;
        Ok((self.bytes.get(self.head_at..self.payload_at).unwrap_or_default(), &self.payload))
    }

    /// The packet for this receiver, without a payload that is not short.
    #[inline]
    fn address(&mut self, hop: &Hop<'_>) -> Result<&[u8], EncodeError> {
        let shape = Shape::of(hop);
        if shape != self.shape || shape == Shape::UNIQUE {
            self.lay_out(hop)?;
        }
        let Some((_, packet)) = self.bytes.split_at_mut_checked(self.head_at) else { return Ok(&[]) };
        if let Some(first) = packet.first_mut() {
            *first = hop.delivery.first_byte(hop.retain);
        }
        if let Some(packet_id) = hop.delivery.packet_id() {
            set(packet, self.packet_id_at, packet_id.get().to_be_bytes());
        }
        if let Some(seconds) = hop.message_expiry_interval {
            set(packet, self.expiry_at, seconds.to_be_bytes());
        }
        if let Some(alias) = hop.topic.alias() {
            set(packet, self.alias_at, alias.get().to_be_bytes());
        }
        Ok(packet)
    }

    /// Writes a head anew.
    fn lay_out(&mut self, hop: &Hop<'_>) -> Result<(), EncodeError> {
        let (properties_len, body_len) = self.lens(hop)?;
        let behind = self.payload_at - self.properties_at + self.payload.len();
        let head_len = packet_len(body_len)? - behind;
        self.make_room(head_len);
        self.head_at = self.properties_at - head_len;
        self.shape = Shape::of(hop);

        let Some((topic, room)) = self.bytes.split_at_mut_checked(self.topic_len) else { return Ok(()) };
        let head = self.head_at - self.topic_len..self.properties_at - self.topic_len;
        let topic = if matches!(hop.topic, TopicForm::Alias(_)) { &[] } else { &*topic };
        let mut head = Unwritten::<true>(room.get_mut(head).unwrap_or_default());
        head = header::put(hop.delivery.first_byte(hop.retain), body_len, head);
        head = put_binary(topic, head);
        self.packet_id_at = head_len - head.0.len();
        if let Some(packet_id) = hop.delivery.packet_id() {
            head = head.put_u16(packet_id.get());
        }
        if self.version.is_v5() {
            head = put_prefix(properties_len, head);
            for property in hop.properties() {
                let value_at = head_len - head.0.len() + 1;
                match property {
                    Property::MessageExpiryInterval(_) => self.expiry_at = value_at,
                    Property::TopicAlias(_) => self.alias_at = value_at,
                    _ => {}
                }
                head = property.put(head);
            }
        }
        Ok(())
    }

    /// Bytes of all properties, and of the whole body.
    fn lens(&self, hop: &Hop<'_>) -> Result<(usize, usize), EncodeError> {
        let mut properties_len = self.payload_at - self.properties_at;
        for property in hop.properties() {
            properties_len = properties_len.saturating_add(property.len());
        }
        let topic_len = if matches!(hop.topic, TopicForm::Alias(_)) { 2 } else { 2 + self.topic_len };
        let packet_id_len = if hop.delivery.packet_id().is_some() { 2 } else { 0 };
        let head_len = topic_len + packet_id_len + prefixed_len(properties_len, self.version)?;
        Ok((properties_len, head_len.checked_add(self.payload.len()).ok_or(EncodeError::PacketTooLarge)?))
    }

    /// Only many Subscription Identifiers need more than there is.
    fn make_room(&mut self, head_len: usize) {
        let missing = head_len.saturating_sub(self.properties_at - self.topic_len);
        if missing > 0 {
            self.bytes.splice(self.topic_len..self.topic_len, repeat_n(0, missing));
            self.properties_at += missing;
            self.payload_at += missing;
        }
    }
}

/// Overwrites a value; `at` is within `bytes`.
#[inline]
fn set<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = value;
    }
}

impl fmt::Debug for PreparedPublish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedPublish")
            .field("version", &self.version)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish_non_exhaustive()
    }
}
