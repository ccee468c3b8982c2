//! CONNACK (section 3.2).

use core::fmt;

use super::{Body, Dialect, Lens};
use crate::header;
use crate::property::sets::{PropertySet, prefixed_len, put_prefix};
use crate::reader::Reader;
use crate::writer::Put;
use crate::{
    ConnackProperties, ConnackReason, DecodeError, Deviation, EncodeError, Fault, PacketType, ProtocolVersion,
};

/// CONNACK: the Server accepts or refuses the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connack<'a> {
    /// The Server has Session State for this Client. Never set on a refusal `[MQTT-3.2.2-6]`, always `false` in 3.1.
    pub session_present: bool,
    /// The outcome. 3.x has six return codes, see [`ConnackReason::return_code`].
    pub reason: ConnackReason,
    /// The properties; none in 3.x.
    pub properties: ConnackProperties<'a>,
}

impl<'a> Connack<'a> {
    /// A CONNACK without session and properties.
    pub const fn new(reason: ConnackReason) -> Self {
        Self { session_present: false, reason, properties: ConnackProperties::EMPTY }
    }

    pub(super) fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
        let before = *reader;
        let flags = reader.u8()?;
        let session_present = match dialect.version {
            // The byte is reserved in 3.1, its value not defined.
            ProtocolVersion::V3_1 => false,
            ProtocolVersion::V3_1_1 | ProtocolVersion::V5_0 => {
                before.ensure(flags & 0xFE == 0, Fault::ReservedConnackFlags)?;
                flags == 1
            }
        };
        let before = *reader;
        let code = reader.u8()?;
        // A Server without 5.0 refuses the version in the layout it knows.
        let is_v3_layout = !dialect.version.is_v5() || (code == 1 && reader.is_empty());
        let reason =
            if is_v3_layout { ConnackReason::from_return_code(code) } else { ConnackReason::from_code(code) };
        let reason = reason.ok_or_else(|| before.fault(Fault::InvalidReasonCode))?;
        before.ensure(!(session_present && reason.is_error()), Fault::SessionPresentOnRefusal)?;
        let is_missing = reader.is_empty() && dialect.accepted.has(Deviation::PropertyLengthMissing);
        let properties = if is_v3_layout || is_missing {
            ConnackProperties::EMPTY
        } else {
            ConnackProperties::decode(reader, dialect)?
        };
        reader.end(dialect)?;
        Ok(Self { session_present, reason, properties })
    }
}

impl Body for Connack<'_> {
    fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        if self.session_present && self.reason.is_error() {
            return Err(EncodeError::SessionPresentOnRefusal);
        }
        if self.session_present && version == ProtocolVersion::V3_1 {
            return Err(EncodeError::NotInVersion { field: "Session Present", version });
        }
        if !version.is_v5() && self.reason.return_code().is_none() {
            return Err(EncodeError::NotInVersion { field: "this CONNACK code", version });
        }
        let properties = self.properties.block_len();
        Ok(Lens { body: 2 + prefixed_len(properties, version)?, properties, ..Lens::default() })
    }

    fn put<O: Put>(&self, version: ProtocolVersion, lens: &Lens, mut out: O) -> O {
        out = header::put(PacketType::Connack.first_byte(), lens.body, out);
        out = out.put_u8(u8::from(self.session_present));
        out = out.put_u8(if version.is_v5() {
            self.reason.code()
        } else {
            self.reason.return_code().unwrap_or_default()
        });
        if version.is_v5() {
            out = put_prefix(lens.properties, out);
            out = self.properties.put_block(lens.properties, out);
        }
        out
    }
}

impl fmt::Display for Connack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session_present, reason, properties } = self;
        write!(f, "CONNACK session_present={}", u8::from(*session_present))?;
        write!(f, " 0x{:02X} {reason}{properties}", reason.code())
    }
}
