//! The fixed header (section 2.1): packet type, flags, Remaining Length.

use core::fmt;

use crate::dialect::Dialect;
use crate::varint::{self, Varint};
use crate::writer::Put;
use crate::{DecodeError, Deviation, Fault, ProtocolVersion, Side};

/// The type of a Control Packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// Connection request, Client to Server.
    Connect = 1,
    /// Connect acknowledgement, Server to Client.
    Connack = 2,
    /// Publish message, both ways.
    Publish = 3,
    /// Publish acknowledgement (QoS 1), both ways.
    Puback = 4,
    /// Publish received (QoS 2 delivery part 1), both ways.
    Pubrec = 5,
    /// Publish release (QoS 2 delivery part 2), both ways.
    Pubrel = 6,
    /// Publish complete (QoS 2 delivery part 3), both ways.
    Pubcomp = 7,
    /// Subscribe request, Client to Server.
    Subscribe = 8,
    /// Subscribe acknowledgement, Server to Client.
    Suback = 9,
    /// Unsubscribe request, Client to Server.
    Unsubscribe = 10,
    /// Unsubscribe acknowledgement, Server to Client.
    Unsuback = 11,
    /// PING request, Client to Server.
    Pingreq = 12,
    /// PING response, Server to Client.
    Pingresp = 13,
    /// Disconnect notification; 3.x: Client to Server, 5.0: both ways.
    Disconnect = 14,
    /// Authentication exchange, 5.0 only, both ways.
    Auth = 15,
}

impl PacketType {
    /// All types, by number.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Connack,
        Self::Publish,
        Self::Puback,
        Self::Pubrec,
        Self::Pubrel,
        Self::Pubcomp,
        Self::Subscribe,
        Self::Suback,
        Self::Unsubscribe,
        Self::Unsuback,
        Self::Pingreq,
        Self::Pingresp,
        Self::Disconnect,
        Self::Auth,
    ];

    /// The upper four bits of a first byte; `None` for the reserved 0 and anything above 15.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            1 => Self::Connect,
            2 => Self::Connack,
            3 => Self::Publish,
            4 => Self::Puback,
            5 => Self::Pubrec,
            6 => Self::Pubrel,
            7 => Self::Pubcomp,
            8 => Self::Subscribe,
            9 => Self::Suback,
            10 => Self::Unsubscribe,
            11 => Self::Unsuback,
            12 => Self::Pingreq,
            13 => Self::Pingresp,
            14 => Self::Disconnect,
            15 => Self::Auth,
            _ => return None,
        })
    }

    /// 1 to 15.
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// The first byte of a packet whose flags are fixed `[MQTT-2.1.3-1]`.
    pub(crate) const fn first_byte(self) -> u8 {
        let flags = match self {
            Self::Pubrel | Self::Subscribe | Self::Unsubscribe => 2,
            _ => 0,
        };
        self.bits() << 4 | flags
    }

    /// Whether `side` may send this packet in `version`.
    pub const fn may_be_sent_by(self, side: Side, version: ProtocolVersion) -> bool {
        match self {
            Self::Connect | Self::Subscribe | Self::Unsubscribe | Self::Pingreq => {
                matches!(side, Side::Client)
            }
            Self::Connack | Self::Suback | Self::Unsuback | Self::Pingresp => matches!(side, Side::Server),
            Self::Publish | Self::Puback | Self::Pubrec | Self::Pubrel | Self::Pubcomp => true,
            Self::Disconnect => version.is_v5() || matches!(side, Side::Client),
            Self::Auth => version.is_v5(),
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connect => "CONNECT",
            Self::Connack => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::Puback => "PUBACK",
            Self::Pubrec => "PUBREC",
            Self::Pubrel => "PUBREL",
            Self::Pubcomp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::Suback => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Unsuback => "UNSUBACK",
            Self::Pingreq => "PINGREQ",
            Self::Pingresp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Auth => "AUTH",
        })
    }
}

/// A fixed header that has arrived completely; its body may not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FixedHeader {
    pub(crate) packet_type: PacketType,
    /// The lower four bits of the first byte.
    pub(crate) flags: u8,
    /// Bytes of the fixed header itself, 2 to 5.
    pub(crate) len: usize,
    /// Bytes that follow the fixed header.
    pub(crate) remaining_length: usize,
    /// The Remaining Length is not in its shortest form, which only 5.0 forbids.
    pub(crate) padded: bool,
}

impl FixedHeader {
    /// The header at the start of `input`; `None` when more bytes are needed to tell.
    #[expect(clippy::inline_always, reason = "a small part of what every packet takes")]
    #[inline(always)]
    pub(crate) fn read(input: &[u8]) -> Result<Option<Self>, DecodeError> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        let packet_type = PacketType::from_bits(first >> 4)
            .ok_or(DecodeError::in_header(Fault::ReservedPacketType, None))?;
        match varint::read(rest) {
            Varint::Incomplete => Ok(None),
            Varint::Complete { value, len, padded } => Ok(Some(Self {
                packet_type,
                flags: first & 0x0F,
                len: 1 + len,
                remaining_length: value as usize,
                padded,
            })),
            Varint::TooLong => {
                Err(DecodeError::in_header(Fault::VariableByteIntegerTooLong, Some(packet_type)))
            }
        }
    }

    /// Bytes of the whole packet.
    #[inline]
    pub(crate) const fn packet_len(&self) -> usize {
        self.len + self.remaining_length
    }

    /// Judges type, direction, flags and the form of the Remaining Length, before any byte of the body is looked at.
    #[expect(clippy::inline_always, reason = "a small part of what every packet takes")]
    #[inline(always)]
    pub(crate) fn check(&self, dialect: &Dialect) -> Result<(), DecodeError> {
        let Dialect { version, from, accepted, .. } = *dialect;
        let fault = if !self.packet_type.may_be_sent_by(from, version) {
            if self.packet_type == PacketType::Auth && !version.is_v5() {
                Fault::ReservedPacketType
            } else {
                Fault::WrongDirection
            }
        } else if self.padded && version.is_v5() && !accepted.has(Deviation::RemainingLengthPadded) {
            Fault::VariableByteIntegerPadded
        } else if self.has_reserved_flags(version) && !accepted.has(Deviation::ReservedFlags) {
            Fault::ReservedFlags
        } else {
            return Ok(());
        };
        Err(DecodeError::in_header(fault, Some(self.packet_type)))
    }

    /// 3.1 has no checks on unused flags, and repeats PUBREL, SUBSCRIBE and UNSUBSCRIBE with DUP set.
    #[inline]
    const fn has_reserved_flags(&self, version: ProtocolVersion) -> bool {
        let expected = self.packet_type.first_byte() & 0x0F;
        match (self.packet_type, version) {
            (PacketType::Pubrel | PacketType::Subscribe | PacketType::Unsubscribe, ProtocolVersion::V3_1) => {
                self.flags & 0b0110 != expected
            }
            (PacketType::Publish, _) | (_, ProtocolVersion::V3_1) => false,
            _ => self.flags != expected,
        }
    }
}

/// Writes a fixed header; `remaining_length` is at most 268,435,455.
#[inline]
pub(crate) fn put(first_byte: u8, remaining_length: u32, out: &mut impl Put) {
    out.put_u8(first_byte);
    varint::put(remaining_length, out);
}
