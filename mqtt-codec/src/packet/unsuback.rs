//! UNSUBACK (section 3.11).

use core::fmt;

use bytes::BufMut;

use super::{Body, Dialect};
use crate::property::sets::PropertySet;
use crate::reader::Reader;
use crate::{
    AckProperties, DecodeError, EncodeError, PacketId, PacketType, ProtocolVersion, UnsubackReasons,
};

/// UNSUBACK: answers an UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsuback<'a> {
    /// Names the exchange.
    pub packet_id: PacketId,
    /// The properties; none in 3.x.
    pub properties: AckProperties<'a>,
    /// One code for each Topic Filter of the UNSUBSCRIBE, in its order; none in 3.x.
    pub reasons: UnsubackReasons<'a>,
}

impl<'a> Unsuback<'a> {
    /// A UNSUBACK without properties.
    pub const fn new(packet_id: PacketId, reasons: UnsubackReasons<'a>) -> Self {
        Self { packet_id, properties: AckProperties::EMPTY, reasons }
    }

    pub(super) fn decode(reader: &mut Reader<'a>, dialect: Dialect) -> Result<Self, DecodeError> {
        let packet_id = reader.packet_id()?;
        let properties = if dialect.version.is_v5() {
            AckProperties::decode(reader, dialect.text)?
        } else {
            AckProperties::EMPTY
        };
        let reasons = if dialect.version.is_v5() {
            UnsubackReasons::decode(reader, dialect.version, dialect.text)?
        } else {
            UnsubackReasons::NONE
        };
        Ok(Self { packet_id, properties, reasons })
    }
}

impl Body for Unsuback<'_> {
    fn first_byte(&self) -> u8 {
        PacketType::Unsuback.first_byte()
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let reasons_len =
            if version.is_v5() || !self.reasons.is_empty() { self.reasons.encoded_len(version)? } else { 0 };
        Ok(2 + self.properties.encoded_len(version)? + reasons_len)
    }

    fn put_body(&self, version: ProtocolVersion, out: &mut impl BufMut) {
        out.put_u16(self.packet_id.get());
        self.properties.put(version, out);
        self.reasons.put(version, out);
    }
}

impl fmt::Display for Unsuback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UNSUBACK id={}", self.packet_id)?;
        for reason in self.reasons.iter() {
            write!(f, " 0x{:02X}", reason.code())?;
        }
        self.properties.fmt(f)
    }
}
