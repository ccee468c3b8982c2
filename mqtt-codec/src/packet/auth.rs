//! AUTH (5.0, section 3.15).

use core::fmt;

use super::{Body, Dialect, Lens};
use crate::header;
use crate::property::sets::{PropertySet, prefixed_len, put_prefix};
use crate::reader::Reader;
use crate::writer::Put;
use crate::{
    AuthProperties, AuthReason, DecodeError, EncodeError, Fault, PacketType, PropertyId, ProtocolVersion,
};

/// AUTH: a step of an enhanced authentication exchange, 5.0 only. It always names its Authentication Method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Which step this is.
    pub reason: AuthReason,
    /// The properties; an Authentication Method must be among them.
    pub properties: AuthProperties<'a>,
}

impl<'a> Auth<'a> {
    pub(super) fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
        // A Remaining Length of 0 means Success without properties, which then lack the method.
        reader.ensure(!reader.is_empty(), Fault::AuthenticationMethodMissing)?;
        let before = *reader;
        let reason = AuthReason::from_code(reader.u8()?)
            .filter(|reason| reason.may_be_sent_by(dialect.from))
            .ok_or_else(|| before.fault(Fault::InvalidReasonCode))?;
        let properties = AuthProperties::decode(reader, dialect)?;
        let has_method = properties.contains(PropertyId::AuthenticationMethod);
        reader.ensure(has_method, Fault::AuthenticationMethodMissing)?;
        reader.end(dialect)?;
        Ok(Self { reason, properties })
    }
}

impl Body for Auth<'_> {
    fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        if !version.is_v5() {
            return Err(EncodeError::NotInVersion { field: "AUTH", version });
        }
        if !self.properties.contains(PropertyId::AuthenticationMethod) {
            return Err(EncodeError::AuthenticationMethodMissing);
        }
        let properties = self.properties.block_len();
        Ok(Lens { body: 1 + prefixed_len(properties, version)?, properties, ..Lens::default() })
    }

    fn put<O: Put>(&self, _: ProtocolVersion, lens: &Lens, mut out: O) -> O {
        out = header::put(PacketType::Auth.first_byte(), lens.body, out);
        out = out.put_u8(self.reason.code());
        out = put_prefix(lens.properties, out);
        out = self.properties.put_block(lens.properties, out);
        out
    }
}

impl fmt::Display for Auth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AUTH 0x{:02X} {}{}", self.reason.code(), self.reason, self.properties)
    }
}
