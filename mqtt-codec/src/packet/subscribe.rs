//! SUBSCRIBE (section 3.8).

use core::fmt;

use bytes::BufMut;

use super::{Body, Dialect};
use crate::property::sets::PropertySet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, ProtocolVersion, SubscribeProperties, Subscriptions,
};

/// SUBSCRIBE: the Client asks for messages of one or more Topic Filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Names the exchange.
    pub packet_id: PacketId,
    /// The properties; none in 3.x.
    pub properties: SubscribeProperties<'a>,
    /// The Topic Filters with their options, at least one.
    pub subscriptions: Subscriptions<'a>,
}

impl<'a> Subscribe<'a> {
    /// A SUBSCRIBE without properties.
    pub const fn new(packet_id: PacketId, subscriptions: Subscriptions<'a>) -> Self {
        Self { packet_id, properties: SubscribeProperties::EMPTY, subscriptions }
    }

    pub(super) fn decode(reader: &mut Reader<'a>, dialect: Dialect) -> Result<Self, DecodeError> {
        let packet_id = reader.packet_id()?;
        let properties = if dialect.version.is_v5() {
            SubscribeProperties::decode(reader, dialect.text)?
        } else {
            SubscribeProperties::EMPTY
        };
        let subscriptions = Subscriptions::decode(reader, dialect.version, dialect.text)?;
        Ok(Self { packet_id, properties, subscriptions })
    }
}

impl Body for Subscribe<'_> {
    fn first_byte(&self) -> u8 {
        PacketType::Subscribe.first_byte()
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        Ok(2 + self.properties.encoded_len(version)? + self.subscriptions.encoded_len(version)?)
    }

    fn put_body(&self, version: ProtocolVersion, out: &mut impl BufMut) {
        out.put_u16(self.packet_id.get());
        self.properties.put(version, out);
        self.subscriptions.put(version, out);
    }
}

impl fmt::Display for Subscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SUBSCRIBE id={}", self.packet_id)?;
        for (subscription, options) in self.subscriptions.iter() {
            write!(f, " {:?} q{}", alloc::format!("{subscription}"), options.qos)?;
            if options.no_local {
                f.write_str(" no_local")?;
            }
            if options.retain_as_published {
                f.write_str(" retain_as_published")?;
            }
            if options.retain_handling != crate::RetainHandling::SendAtSubscribe {
                write!(f, " retain_handling={}", options.retain_handling as u8)?;
            }
        }
        self.properties.fmt(f)
    }
}
