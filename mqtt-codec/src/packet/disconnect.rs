//! DISCONNECT (section 3.14).

use core::fmt;

use super::{Body, Dialect, Lens};
use crate::header;
use crate::property::sets::{PropertySet, prefixed_len, put_prefix};
use crate::reader::Reader;
use crate::writer::Put;
use crate::{
    DecodeError, DisconnectProperties, DisconnectReason, EncodeError, Fault, PacketType, PropertyError,
    PropertyId, ProtocolVersion, Side,
};

/// DISCONNECT: the last packet of a connection. In 3.x only Clients send it, and it says nothing but that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why the connection ends; always `NormalDisconnection` in 3.x.
    pub reason: DisconnectReason,
    /// The properties; none in 3.x.
    pub properties: DisconnectProperties<'a>,
}

impl<'a> Disconnect<'a> {
    /// A DISCONNECT without properties.
    pub const fn new(reason: DisconnectReason) -> Self {
        Self { reason, properties: DisconnectProperties::EMPTY }
    }

    pub(super) fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
        if !dialect.version.is_v5() || reader.is_empty() {
            reader.end(dialect)?;
            return Ok(Self::new(DisconnectReason::NormalDisconnection));
        }
        let before = *reader;
        let reason = DisconnectReason::from_code(reader.u8()?)
            .filter(|reason| reason.may_be_sent_by(dialect.from))
            .ok_or_else(|| before.fault(Fault::InvalidReasonCode))?;
        if reader.is_empty() {
            return Ok(Self::new(reason));
        }
        let before = *reader;
        let properties = DisconnectProperties::decode(reader, dialect)?;
        match dialect.from {
            Side::Client => {
                let legal = !properties.contains(PropertyId::ServerReference);
                before.ensure(legal, Fault::PropertyNotAllowed)?;
            }
            Side::Server => {
                let legal = !properties.contains(PropertyId::SessionExpiryInterval);
                before.ensure(legal, Fault::SessionExpiryFromServer)?;
            }
        }
        reader.end(dialect)?;
        Ok(Self { reason, properties })
    }
}

impl Disconnect<'_> {
    /// The property that leaves no side to send this packet, if there is one.
    const fn of_nobody(&self) -> Option<PropertyId> {
        let reference = self.properties.contains(PropertyId::ServerReference);
        let expiry = self.properties.contains(PropertyId::SessionExpiryInterval);
        if reference && (expiry || !self.reason.may_be_sent_by(Side::Server)) {
            Some(PropertyId::ServerReference)
        } else if expiry && !self.reason.may_be_sent_by(Side::Client) {
            Some(PropertyId::SessionExpiryInterval)
        } else {
            None
        }
    }
}

impl Body for Disconnect<'_> {
    fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        if !self.properties.is_empty() {
            let properties = self.properties.block_len();
            let body = 1 + prefixed_len(properties, version)?;
            return match self.of_nobody() {
                Some(property) => Err(PropertyError::NotAllowed(property).into()),
                None => Ok(Lens { body, properties, ..Lens::default() }),
            };
        }
        let body = match self.reason {
            DisconnectReason::NormalDisconnection => 0,
            _ if version.is_v5() => 1,
            _ => return Err(EncodeError::NotInVersion { field: "a reason code", version }),
        };
        Ok(Lens { body, ..Lens::default() })
    }

    fn put<O: Put>(&self, _: ProtocolVersion, lens: &Lens, mut out: O) -> O {
        out = header::put(PacketType::Disconnect.first_byte(), lens.body, out);
        if lens.body > 0 {
            out = out.put_u8(self.reason.code());
        }
        if lens.body > 1 {
            out = put_prefix(lens.properties, out);
            out = self.properties.put_block(lens.properties, out);
        }
        out
    }
}

impl fmt::Display for Disconnect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DISCONNECT 0x{:02X} {}{}", self.reason.code(), self.reason, self.properties)
    }
}
