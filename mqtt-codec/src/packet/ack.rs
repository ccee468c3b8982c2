//! PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7): a Packet Identifier, and in 5.0 a reason code and
//! properties, both of which may be left out.

use core::fmt;

use super::{Body, Dialect, Lens, ShortAck};
use crate::header;
use crate::property::sets::{PropertySet, prefixed_len, put_prefix};
use crate::reader::Reader;
use crate::writer::Put;
use crate::{
    AckProperties, DecodeError, EncodeError, Fault, PacketId, PacketType, ProtocolVersion, PublishReason,
    ReleaseReason, Side,
};

macro_rules! acks {
    ($($(#[doc = $doc:literal])+ $name:ident($reason:ident);)+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a> {
            /// The identifier of the PUBLISH that opened the exchange `[MQTT-2.2.1-5]`.
            pub packet_id: PacketId,
            /// The outcome; always `Success` in 3.x.
            pub reason: $reason,
            /// The properties; none in 3.x.
            pub properties: AckProperties<'a>,
        }

        impl<'a> $name<'a> {
            /// The acknowledgement with reason `Success` and no properties.
            pub const fn new(packet_id: PacketId) -> Self {
                Self { packet_id, reason: $reason::Success, properties: AckProperties::EMPTY }
            }

            // A call costs as much as all the rest of nearly every one.
            #[inline(always)]
            pub(crate) fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
                let packet_id = reader.packet_id()?;
                if reader.is_empty() || !dialect.version.is_v5() {
                    reader.end(dialect)?;
                    return Ok(Self::new(packet_id));
                }
                let before = *reader;
                let reason = $reason::from_code(reader.u8()?)
                    .filter(|reason| reason.may_be_sent_by(dialect.from))
                    .ok_or_else(|| before.fault(Fault::InvalidReasonCode))?;
                let properties =
                    if reader.is_empty() { AckProperties::EMPTY } else { AckProperties::decode(reader, dialect)? };
                reader.end(dialect)?;
                Ok(Self { packet_id, reason, properties })
            }
        }

        impl Body for $name<'_> {
            #[inline]
            fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
                if !self.properties.is_empty() {
                    let properties = self.properties.block_len();
                    return Ok(Lens { body: 3 + prefixed_len(properties, version)?, properties, ..Lens::default() });
                }
                let body = match self.reason {
                    $reason::Success => 2,
                    _ if version.is_v5() => 3,
                    _ => return Err(EncodeError::NotInVersion { field: "a reason code", version }),
                };
                Ok(Lens { body, ..Lens::default() })
            }

            #[inline]
            fn put<O: Put>(&self, _: ProtocolVersion, lens: &Lens, mut out: O) -> O {
                out = header::put_with(PacketType::$name.first_byte(), lens.body, self.packet_id.get(), out);
                if lens.body > 2 {
                    out = out.put_u8(self.reason.code());
                }
                if lens.body > 3 {
                    out = put_prefix(lens.properties, out);
                    out = self.properties.put_block(lens.properties, out);
                }
                out
            }

            #[inline]
            fn short_ack(&self) -> Option<ShortAck> {
                let is_short = self.reason == $reason::Success && self.properties.is_empty();
                if is_short { Some(ShortAck::$name(self.packet_id)) } else { None }
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self { packet_id, reason, properties } = self;
                write!(f, "{} id={packet_id}", PacketType::$name)?;
                if *reason != $reason::Success {
                    write!(f, " 0x{:02X} {reason}", reason.code())?;
                }
                properties.fmt(f)
            }
        }
    )+ };
}

acks! {
    /// PUBACK: the receiver has taken over a QoS 1 message, or refuses it.
    Puback(PublishReason);
    /// PUBREC: the receiver has taken over a QoS 2 message, or refuses it.
    Pubrec(PublishReason);
    /// PUBREL: the sender will not send that QoS 2 PUBLISH again.
    Pubrel(ReleaseReason);
    /// PUBCOMP: the receiver has forgotten the Packet Identifier.
    Pubcomp(ReleaseReason);
}

impl PublishReason {
    /// Whether a PUBACK or PUBREC sent by `side` may carry this code.
    pub const fn may_be_sent_by(self, side: Side) -> bool {
        matches!(side, Side::Server) || !matches!(self, Self::NoMatchingSubscribers)
    }
}

impl ReleaseReason {
    /// Whether a PUBREL or PUBCOMP sent by `side` may carry this code: both sides may send both.
    pub const fn may_be_sent_by(self, side: Side) -> bool {
        matches!((self, side), (Self::Success | Self::PacketIdentifierNotFound, Side::Client | Side::Server))
    }
}
