//! The fixed header (section 2.1): packet type, flags, Remaining Length.

use core::fmt;

use crate::dialect::Dialect;
use crate::varint::{self, Varint};
use crate::writer::Put;
use crate::{DecodeError, Deviation, Deviations, Fault, ProtocolVersion, Side};

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
        let Some(first) = FirstByte::read(input)? else { return Ok(None) };
        Self::read_behind(first, input)
    }

    /// As [`read`](Self::read), when the first byte of `input` has been read.
    #[expect(clippy::inline_always, reason = "a small part of what every packet takes")]
    #[inline(always)]
    pub(crate) fn read_behind(first: FirstByte, input: &[u8]) -> Result<Option<Self>, DecodeError> {
        let FirstByte { packet_type, flags } = first;
        match varint::read(input.get(1..).unwrap_or_default()) {
            Varint::Incomplete => Ok(None),
            Varint::Complete { value, len, padded } => {
                Ok(Some(Self { packet_type, flags, len: 1 + len, remaining_length: value as usize, padded }))
            }
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
    pub(crate) fn check(&self, dialect: &Dialect) -> Result<(), DecodeError> {
        let Self { packet_type, flags, .. } = *self;
        FirstByte { packet_type, flags }.check(dialect)?;
        self.check_form(dialect)
    }

    /// Judges the form of the Remaining Length: the shortest, in 5.0.
    #[expect(clippy::inline_always, reason = "a small part of what every packet takes")]
    #[inline(always)]
    pub(crate) fn check_form(&self, dialect: &Dialect) -> Result<(), DecodeError> {
        if self.padded && dialect.version.is_v5() && !dialect.accepted.has(Deviation::RemainingLengthPadded) {
            return Err(DecodeError::in_header(Fault::VariableByteIntegerPadded, Some(self.packet_type)));
        }
        Ok(())
    }
}

/// The first byte of a packet. It is judged on its own: what is illegal is not waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FirstByte {
    pub(crate) packet_type: PacketType,
    flags: u8,
}

impl FirstByte {
    /// The first byte of `input`, if there is one.
    #[expect(clippy::inline_always, reason = "a small part of what every packet takes")]
    #[inline(always)]
    pub(crate) fn read(input: &[u8]) -> Result<Option<Self>, DecodeError> {
        let Some(&first) = input.first() else { return Ok(None) };
        match PacketType::from_bits(first >> 4) {
            Some(packet_type) => Ok(Some(Self { packet_type, flags: first & 0x0F })),
            None => Err(DecodeError::in_header(Fault::ReservedPacketType, None)),
        }
    }

    /// Judges type, direction and flags.
    #[expect(clippy::indexing_slicing, reason = "the table has a place for every value of these enums")]
    #[expect(clippy::inline_always, reason = "a small part of what every packet takes")]
    #[inline(always)]
    pub(crate) fn check(self, dialect: &Dialect) -> Result<(), DecodeError> {
        let legal = &LEGAL[dialect.from as usize][dialect.version as usize];
        if legal[self.packet_type as usize] & 1 << self.flags != 0 { Ok(()) } else { self.judge(dialect) }
    }

    /// As [`check`](Self::check), of a byte that is legal for nobody who accepts no deviation.
    #[cold]
    fn judge(self, dialect: &Dialect) -> Result<(), DecodeError> {
        match self.fault(dialect.version, dialect.from, dialect.accepted) {
            Some(fault) => Err(DecodeError::in_header(fault, Some(self.packet_type))),
            None => Ok(()),
        }
    }

    /// What is wrong with it.
    const fn fault(self, version: ProtocolVersion, from: Side, accepted: Deviations) -> Option<Fault> {
        if !self.packet_type.may_be_sent_by(from, version) {
            let is_reserved = matches!(self.packet_type, PacketType::Auth) && !version.is_v5();
            return Some(if is_reserved { Fault::ReservedPacketType } else { Fault::WrongDirection });
        }
        if self.has_reserved_flags(version) && !accepted.has(Deviation::ReservedFlags) {
            return Some(Fault::ReservedFlags);
        }
        if matches!(self.packet_type, PacketType::Publish) && self.flags & 0b0110 == 0b0110 {
            return Some(Fault::InvalidQoS);
        }
        if self.is_dup_with_qos_0(version) && !accepted.has(Deviation::DupWithQoS0) {
            return Some(Fault::DupWithQoS0);
        }
        None
    }

    /// 3.1 allows it.
    #[inline]
    const fn is_dup_with_qos_0(self, version: ProtocolVersion) -> bool {
        let is_publish = matches!(self.packet_type, PacketType::Publish);
        is_publish && self.flags & 0b1110 == 0b1000 && !matches!(version, ProtocolVersion::V3_1)
    }

    /// 3.1 has no checks on unused flags, and repeats PUBREL, SUBSCRIBE and UNSUBSCRIBE with DUP set.
    #[inline]
    const fn has_reserved_flags(self, version: ProtocolVersion) -> bool {
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

/// The flags that are legal for a side, a version and a packet type, one bit for each value: [`FirstByte::fault`] in advance.
static LEGAL: [[[u16; 16]; 3]; 2] = [of_side(Side::Client), of_side(Side::Server)];

const fn of_side(side: Side) -> [[u16; 16]; 3] {
    let [v3_1, v3_1_1, v5_0] = ProtocolVersion::ALL;
    [legal_flags(side, v3_1), legal_flags(side, v3_1_1), legal_flags(side, v5_0)]
}

#[expect(clippy::indexing_slicing, reason = "done by the compiler")]
const fn legal_flags(side: Side, version: ProtocolVersion) -> [u16; 16] {
    let (mut legal, mut byte) = ([0; 16], u8::MAX);
    while let Some(packet_type) = PacketType::from_bits(byte >> 4) {
        let first = FirstByte { packet_type, flags: byte & 0x0F };
        if first.fault(version, side, Deviations::NONE).is_none() {
            legal[packet_type as usize] |= 1 << first.flags;
        }
        byte -= 1;
    }
    legal
}

/// Writes a fixed header and the first field of what follows, as [`put`]; nearly every packet begins like that.
#[expect(clippy::inline_always, reason = "every PUBLISH has one, and a call costs more")]
#[inline(always)]
pub(crate) fn put_with<O: Put>(first_byte: u8, remaining_length: usize, field: u16, out: O) -> O {
    let [high, low] = field.to_be_bytes();
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 268,435,455")]
    match varint::bytes(remaining_length as u32) {
        ([a, ..], 1) => out.put_array([first_byte, a, high, low]),
        ([a, b, ..], 2) => out.put_array([first_byte, a, b, high, low]),
        ([a, b, c, _], 3) => out.put_array([first_byte, a, b, c, high, low]),
        ([a, b, c, d], _) => out.put_array([first_byte, a, b, c, d, high, low]),
    }
}

/// Writes a fixed header; `remaining_length` is at most 268,435,455.
#[inline]
pub(crate) fn put<O: Put>(first_byte: u8, remaining_length: usize, out: O) -> O {
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 268,435,455")]
    match varint::bytes(remaining_length as u32) {
        ([a, ..], 1) => out.put_array([first_byte, a]),
        ([a, b, ..], 2) => out.put_array([first_byte, a, b]),
        ([a, b, c, _], 3) => out.put_array([first_byte, a, b, c]),
        ([a, b, c, d], _) => out.put_array([first_byte, a, b, c, d]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_first_bytes_says_what_the_rules_say() {
        for from in [Side::Client, Side::Server] {
            for version in ProtocolVersion::ALL {
                let legal = &LEGAL[from as usize][version as usize];
                for byte in 0..=u8::MAX {
                    let wanted = FirstByte::read(&[byte])
                        .is_ok_and(|first| first.unwrap().fault(version, from, Deviations::NONE).is_none());
                    let bit = legal[usize::from(byte >> 4)] >> (byte & 0x0F) & 1;
                    assert_eq!(bit == 1, wanted, "{byte:#04x} from {from:?} in {version}");
                }
            }
        }
    }
}
