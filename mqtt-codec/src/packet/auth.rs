//! AUTH (5.0, section 3.15).

use core::fmt;

use super::{Body, Dialect};
use crate::property::sets::PropertySet;
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
        Ok(Self { reason, properties })
    }
}

impl Body for Auth<'_> {
    fn first_byte(&self) -> u8 {
        PacketType::Auth.first_byte()
    }

    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        if !version.is_v5() {
            return Err(EncodeError::NotInVersion { field: "AUTH", version });
        }
        if !self.properties.contains(PropertyId::AuthenticationMethod) {
            return Err(EncodeError::AuthenticationMethodMissing);
        }
        Ok(1 + self.properties.encoded_len(version)?)
    }

    fn put_body(&self, version: ProtocolVersion, out: &mut impl Put) {
        out.put_u8(self.reason.code());
        self.properties.put(version, out);
    }
}

impl fmt::Display for Auth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AUTH 0x{:02X} {}{}", self.reason.code(), self.reason, self.properties)
    }
}
