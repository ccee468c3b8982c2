//! SUBACK (section 3.9).

use core::fmt;

use bytes::BufMut;

use super::{Body, Dialect};
use crate::property::sets::PropertySet;
use crate::reader::Reader;
use crate::{AckProperties, DecodeError, EncodeError, PacketId, PacketType, ProtocolVersion, SubackReasons};

/// SUBACK: answers a SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suback<'a> {
    /// Names the exchange.
    pub packet_id: PacketId,
    /// The properties; none in 3.x.
    pub properties: AckProperties<'a>,
    /// One code for each Topic Filter of the SUBSCRIBE, in its order.
    pub reasons: SubackReasons<'a>,
}

impl<'a> Suback<'a> {
    /// A SUBACK without properties.
    pub const fn new(packet_id: PacketId, reasons: SubackReasons<'a>) -> Self {
        Self { packet_id, properties: AckProperties::EMPTY, reasons }
    }

    pub(super) fn decode(reader: &mut Reader<'a>, dialect: Dialect) -> Result<Self, DecodeError> {
        let packet_id = reader.packet_id()?;
        let properties = if dialect.version.is_v5() {
            AckProperties::decode(reader, dialect.text)?
        } else {
            AckProperties::EMPTY
        };
        let reasons = SubackReasons::decode(reader, dialect.version, dialect.text)?;
        Ok(Self { packet_id, properties, reasons })
    }
}

impl Body for Suback<'_> {
    fn first_byte(&self) -> u8 {
        PacketType::Suback.first_byte()
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        Ok(2 + self.properties.encoded_len(version)? + self.reasons.encoded_len(version)?)
    }

    fn put_body(&self, version: ProtocolVersion, out: &mut impl BufMut) {
        out.put_u16(self.packet_id.get());
        self.properties.put(version, out);
        self.reasons.put(version, out);
    }
}

impl fmt::Display for Suback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SUBACK id={}", self.packet_id)?;
        for reason in self.reasons.iter() {
            write!(f, " 0x{:02X}", reason.code())?;
        }
        self.properties.fmt(f)
    }
}
