//! PUBLISH (section 3.3).

use alloc::string::String;
use core::fmt;

use bytes::{BufMut, BytesMut};
use mqtt_topic::TopicName;

use super::{Body, Dialect, Lens, encode_parts, packet_len};
use crate::header;
use crate::property::sets::{AllOf, PropertySet, prefixed_len, put_prefix};
use crate::reader::Reader;
use crate::writer::{Appended, Fields, Put};
use crate::{
    DecodeError, EncodeError, Fault, PacketId, PacketType, Property, PropertyId, ProtocolVersion,
    PublishProperties, QoS, Side,
};

/// How a PUBLISH is delivered: its QoS with what that QoS needs, and nothing it must not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// QoS 0: no Packet Identifier `[MQTT-2.2.1-2]`, never a duplicate `[MQTT-3.3.1-2]`.
    #[default]
    AtMostOnce,
    /// QoS 1.
    AtLeastOnce {
        /// Names the exchange this PUBLISH opens.
        packet_id: PacketId,
        /// DUP: an earlier attempt may have been received.
        dup: bool,
    },
    /// QoS 2.
    ExactlyOnce {
        /// Names the exchange this PUBLISH opens.
        packet_id: PacketId,
        /// DUP: an earlier attempt may have been received.
        dup: bool,
    },
}

impl Delivery {
    /// The QoS of this delivery.
    pub const fn qos(self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce { .. } => QoS::AtLeastOnce,
            Self::ExactlyOnce { .. } => QoS::ExactlyOnce,
        }
    }

    /// The Packet Identifier, which QoS 0 does not have.
    pub const fn packet_id(self) -> Option<PacketId> {
        match self {
            Self::AtMostOnce => None,
            Self::AtLeastOnce { packet_id, .. } | Self::ExactlyOnce { packet_id, .. } => Some(packet_id),
        }
    }

    /// The DUP flag.
    pub const fn dup(self) -> bool {
        matches!(self, Self::AtLeastOnce { dup: true, .. } | Self::ExactlyOnce { dup: true, .. })
    }

    /// The first byte of a PUBLISH.
    pub(crate) const fn first_byte(self, retain: bool) -> u8 {
        let flags = (self.dup() as u8) << 3 | self.qos().bits() << 1;
        PacketType::Publish.bits() << 4 | flags | retain as u8
    }
}

/// PUBLISH: carries an Application Message, either way.
///
/// ```
/// use mqtt_codec::{Property, ProtocolVersion, Publish, PublishProperties};
/// use mqtt_topic::TopicName;
///
/// let values = [Property::ContentType("text/plain"), Property::UserProperty(("unit", "C"))];
/// let publish = Publish {
///     retain: true,
///     properties: PublishProperties::new(&values)?,
///     ..Publish::new(TopicName::parse("room/temperature")?, b"21.5")
/// };
/// let mut out = Vec::new();
/// publish.encode(ProtocolVersion::V5_0, &mut out)?;
/// assert_eq!(out.len(), publish.encoded_len(ProtocolVersion::V5_0)?);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// The Topic Name; `None` only where the Topic Alias property stands for it.
    pub topic: Option<TopicName<&'a [u8]>>,
    /// QoS, Packet Identifier and DUP.
    pub delivery: Delivery,
    /// Sent by a Client: store this message as the retained one of its topic. Sent by a Server: this message was
    /// retained (section 3.3.1.3).
    pub retain: bool,
    /// The properties; none in 3.x.
    pub properties: PublishProperties<'a>,
    /// The payload; may be empty.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    /// A QoS 0 PUBLISH without properties, not retained.
    pub const fn new(topic: TopicName<&'a [u8]>, payload: &'a [u8]) -> Self {
        Self {
            topic: Some(topic),
            delivery: Delivery::AtMostOnce,
            retain: false,
            properties: PublishProperties::EMPTY,
            payload,
        }
    }

    #[expect(clippy::inline_always, reason = "to hand a packet over in memory costs as much as to decode it")]
    #[inline(always)]
    pub(crate) fn decode(flags: u8, reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
        // The fixed header has been judged.
        let v5 = dialect.version.is_v5();
        let dup = flags & 0b1000 != 0;
        let qos = QoS::from_bits(flags >> 1 & 0b11).ok_or_else(|| reader.fault(Fault::InvalidQoS))?;
        let before = *reader;
        let text = reader.topic(dialect.text)?;
        let topic = if text.as_bytes().is_empty() {
            None
        } else {
            Some(TopicName::from_text(text).map_err(|_| before.fault(Fault::InvalidTopicName))?)
        };
        let delivery = match qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id: reader.packet_id()?, dup },
            QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id: reader.packet_id()?, dup },
        };
        let properties = if v5 {
            let before = *reader;
            let properties = PublishProperties::decode(reader, dialect)?;
            let legal =
                dialect.from == Side::Server || !properties.contains(PropertyId::SubscriptionIdentifier);
            before.ensure(legal, Fault::SubscriptionIdentifierFromClient)?;
            properties
        } else {
            PublishProperties::EMPTY
        };
        let has_topic = topic.is_some() || properties.contains(PropertyId::TopicAlias);
        before.ensure(has_topic, if v5 { Fault::TopicNameMissing } else { Fault::InvalidTopicName })?;
        let payload = reader.take(reader.rest().len())?;
        Ok(Self { topic, delivery, retain: flags & 1 != 0, properties, payload })
    }

    /// Bytes of the encoded packet with `extra` properties added, see [`encode_head_with`](Self::encode_head_with).
    ///
    /// # Errors
    /// As [`encode`](Self::encode), without [`EncodeError::BufferTooSmall`].
    pub fn encoded_len_with(
        &self,
        version: ProtocolVersion,
        extra: &[Property<'_>],
    ) -> Result<usize, EncodeError> {
        packet_len(Head { publish: self, extra }.lens(version)?.body)
    }

    /// Writes everything but the payload, which the caller sends behind it by reference.
    ///
    /// # Errors
    /// [`EncodeError`] when the packet is not valid in this version or its head does not fit; nothing is written then.
    pub fn encode_head(&self, version: ProtocolVersion, out: &mut impl BufMut) -> Result<(), EncodeError> {
        self.encode_head_with(version, &[], out)
    }

    /// Writes everything but the payload, with the `extra` properties of one hop in front of those of the message:
    /// Message Expiry Interval, Topic Alias, Subscription Identifiers. So a Server keeps the properties of a message
    /// as they came, and adds what differs from one subscriber to the next.
    ///
    /// # Errors
    /// [`EncodeError`] when the packet is not valid in this version or its head does not fit; nothing is written then.
    pub fn encode_head_with(
        &self,
        version: ProtocolVersion,
        extra: &[Property<'_>],
        out: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        Head { publish: self, extra }.encode(version, self.payload.len(), out)
    }

    /// Appends what [`encode_head_with`](Self::encode_head_with) writes, faster for this kind of output.
    ///
    /// # Errors
    /// [`EncodeError`] when the packet is not valid in this version; nothing is written then.
    pub fn append_head_with(
        &self,
        version: ProtocolVersion,
        extra: &[Property<'_>],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let head = Head { publish: self, extra };
        let (lens, head_len) = head.counted(version, self.payload.len())?;
        out.reserve(head_len);
        head.put(version, &lens, Appended(out));
        Ok(())
    }
}

/// A PUBLISH without its payload, and with properties added.
pub(crate) struct Head<'h> {
    pub(crate) publish: &'h Publish<'h>,
    pub(crate) extra: &'h [Property<'h>],
}

impl Head<'_> {
    /// Writes the head of a packet whose payload has `payload_len` bytes.
    #[inline]
    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        payload_len: usize,
        out: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        let (lens, head_len) = self.counted(version, payload_len)?;
        encode_parts(self, version, &lens, head_len, &[], out)
    }

    /// Counts the packet, and the bytes of its head.
    #[inline]
    fn counted(&self, version: ProtocolVersion, payload_len: usize) -> Result<(Lens, usize), EncodeError> {
        let mut lens = self.head_lens(version)?;
        lens.body = lens.body.checked_add(payload_len).ok_or(EncodeError::PacketTooLarge)?;
        Ok((lens, packet_len(lens.body)? - payload_len))
    }

    /// Without the payload. The result is below 2^29, so that no slice is too long to be added.
    #[expect(clippy::inline_always, reason = "every PUBLISH is counted, and a call costs more")]
    #[inline(always)]
    fn head_lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        let Self { publish: Publish { topic, delivery, properties, .. }, extra } = self;
        let mut len = 2;
        match topic {
            // Its type sees to it that it is not too long.
            Some(topic) => len += topic.as_bytes().len(),
            None if properties.contains(PropertyId::TopicAlias) => {}
            None if extra.iter().any(|property| property.id() == PropertyId::TopicAlias) => {}
            None => return Err(EncodeError::TopicNameMissing),
        }
        if delivery.packet_id().is_some() {
            len += 2;
        }
        if properties.is_empty() && extra.is_empty() {
            return Ok(Lens { body: len + usize::from(version.is_v5()), ..Lens::default() });
        }
        let mut properties_len = properties.block_len();
        if !extra.is_empty() {
            properties_len = properties_len.saturating_add(self.extra_len()?);
        }
        Ok(Lens {
            body: len + prefixed_len(properties_len, version)?,
            properties: properties_len,
            ..Lens::default()
        })
    }

    /// Bytes of the properties that are added.
    #[inline(never)]
    fn extra_len(&self) -> Result<usize, EncodeError> {
        let mut len = 0_usize;
        for (index, property) in self.extra.iter().enumerate() {
            let others = self.extra.get(..index).unwrap_or_default();
            self.publish.properties.check_extra(property, others)?;
            len = len.saturating_add(property.checked_len()?);
        }
        Ok(len)
    }
}

impl Body for Head<'_> {
    /// With the payload.
    #[expect(clippy::inline_always, reason = "every PUBLISH is counted, and a call costs more")]
    #[inline(always)]
    fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        let lens = self.head_lens(version)?;
        Ok(Lens { body: lens.body + self.publish.payload.len(), ..lens })
    }

    #[expect(clippy::inline_always, reason = "every PUBLISH has one, and a call costs more")]
    #[inline(always)]
    fn put<O: Put>(&self, version: ProtocolVersion, lens: &Lens, mut out: O) -> O {
        let Publish { topic, delivery, retain, properties, .. } = self.publish;
        let topic = topic.as_ref().map_or(&[][..], TopicName::as_bytes);
        #[expect(clippy::cast_possible_truncation, reason = "checked by lens")]
        let topic_len = topic.len() as u16;
        out = header::put_with(delivery.first_byte(*retain), lens.body, topic_len, out);
        out = out.put_slice(topic);
        if let Some(packet_id) = delivery.packet_id() {
            out = out.put_u16(packet_id.get());
        }
        if lens.properties > 0 {
            out = put_prefix(lens.properties, out);
            if self.extra.is_empty() {
                out = properties.put_block(lens.properties, out);
            } else {
                out = AllOf(self.extra).put(out);
                out = properties.put_block(properties.block_len(), out);
            }
        } else if version.is_v5() {
            out = out.put_u8(0);
        }
        out
    }
}

impl Body for Publish<'_> {
    #[expect(clippy::inline_always, reason = "every PUBLISH is counted, and a call costs more")]
    #[inline(always)]
    fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        Head { publish: self, extra: &[] }.lens(version)
    }

    #[expect(clippy::inline_always, reason = "every PUBLISH has one, and a call costs more")]
    #[inline(always)]
    fn put<O: Put>(&self, version: ProtocolVersion, lens: &Lens, out: O) -> O {
        Head { publish: self, extra: &[] }.put(version, lens, out)
    }

    #[inline]
    fn tail(&self, _: ProtocolVersion) -> &[u8] {
        self.payload
    }
}

impl fmt::Debug for Publish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("topic", &self.topic)
            .field("delivery", &self.delivery)
            .field("retain", &self.retain)
            .field("properties", &self.properties)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}

impl fmt::Display for Publish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PUBLISH")?;
        if let Some(packet_id) = self.delivery.packet_id() {
            write!(f, " id={packet_id}")?;
        }
        write!(
            f,
            " q{} dup={} retain={}",
            self.delivery.qos(),
            u8::from(self.delivery.dup()),
            u8::from(self.retain)
        )?;
        let topic = String::from_utf8_lossy(self.topic.as_ref().map_or(&[], TopicName::as_bytes));
        write!(f, " {topic:?} {} bytes", self.payload.len())?;
        self.properties.fmt(f)
    }
}
