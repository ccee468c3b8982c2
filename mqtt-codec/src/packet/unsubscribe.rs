//! UNSUBSCRIBE (section 3.10).

use core::fmt;

use bytes::BufMut;

use super::{Body, Dialect};
use crate::property::sets::PropertySet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, ProtocolVersion, TopicFilters, UnsubscribeProperties,
};

/// UNSUBSCRIBE: the Client gives up one or more Topic Filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Names the exchange.
    pub packet_id: PacketId,
    /// The properties; none in 3.x.
    pub properties: UnsubscribeProperties<'a>,
    /// The Topic Filters, at least one.
    pub filters: TopicFilters<'a>,
}

impl<'a> Unsubscribe<'a> {
    /// A UNSUBSCRIBE without properties.
    pub const fn new(packet_id: PacketId, filters: TopicFilters<'a>) -> Self {
        Self { packet_id, properties: UnsubscribeProperties::EMPTY, filters }
    }

    pub(super) fn decode(reader: &mut Reader<'a>, dialect: Dialect) -> Result<Self, DecodeError> {
        let packet_id = reader.packet_id()?;
        let properties = if dialect.version.is_v5() {
            UnsubscribeProperties::decode(reader, dialect.text)?
        } else {
            UnsubscribeProperties::EMPTY
        };
        let filters = TopicFilters::decode(reader, dialect.version, dialect.text)?;
        Ok(Self { packet_id, properties, filters })
    }
}

impl Body for Unsubscribe<'_> {
    fn first_byte(&self) -> u8 {
        PacketType::Unsubscribe.first_byte()
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        Ok(2 + self.properties.encoded_len(version)? + self.filters.encoded_len(version)?)
    }

    fn put_body(&self, version: ProtocolVersion, out: &mut impl BufMut) {
        out.put_u16(self.packet_id.get());
        self.properties.put(version, out);
        self.filters.put(version, out);
    }
}

impl fmt::Display for Unsubscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UNSUBSCRIBE id={}", self.packet_id)?;
        for filter in self.filters.iter() {
            write!(f, " {:?}", alloc::format!("{filter}"))?;
        }
        self.properties.fmt(f)
    }
}
