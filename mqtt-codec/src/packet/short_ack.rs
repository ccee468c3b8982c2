//! The acknowledgements that are nearly all there are: Success and nothing beside it, four bytes that are the same in all versions.

use super::Packet;
use crate::{PacketId, PacketType, Puback, Pubcomp, Pubrec, Pubrel};

/// A PUBACK, PUBREC, PUBREL or PUBCOMP that says Success and nothing beside it.
///
/// [`Decoder::short_ack`](crate::Decoder::short_ack) finds one at the front of the input faster than it can be decoded as a [`Packet`],
/// and [`to_bytes`](Self::to_bytes) is all there is to encode. Nothing depends on it: it is a packet as any other.
///
/// ```
/// use mqtt_codec::{Decoder, PacketId, ProtocolVersion, ShortAck};
///
/// let mut decoder = Decoder::client(ProtocolVersion::V5_0);
/// let ack = ShortAck::Puback(PacketId::MIN);
/// assert_eq!(decoder.short_ack(b"\x40\x02\x00\x01"), Some(ack));
/// assert_eq!(ack.to_bytes(), *b"\x40\x02\x00\x01");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShortAck {
    /// The receiver has taken over a QoS 1 message.
    Puback(PacketId),
    /// The receiver has taken over a QoS 2 message.
    Pubrec(PacketId),
    /// The sender will not send that QoS 2 PUBLISH again.
    Pubrel(PacketId),
    /// The receiver has forgotten the Packet Identifier.
    Pubcomp(PacketId),
}

const PUBACK: u8 = PacketType::Puback.first_byte();
const PUBREC: u8 = PacketType::Pubrec.first_byte();
const PUBREL: u8 = PacketType::Pubrel.first_byte();
const PUBCOMP: u8 = PacketType::Pubcomp.first_byte();
/// Just the Packet Identifier.
const REMAINING_LENGTH: u8 = 2;

impl ShortAck {
    /// Bytes of each.
    pub const LEN: usize = Self::SIZE as usize;
    /// What a Maximum Packet Size has to be at least to allow it.
    pub const SIZE: u32 = 4;

    /// The packet, as it is in all versions.
    #[inline]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let (first, id) = match self {
            Self::Puback(id) => (PUBACK, id),
            Self::Pubrec(id) => (PUBREC, id),
            Self::Pubrel(id) => (PUBREL, id),
            Self::Pubcomp(id) => (PUBCOMP, id),
        };
        let [high, low] = id.get().to_be_bytes();
        [first, REMAINING_LENGTH, high, low]
    }

    /// The one that `input` begins with, if it does.
    #[inline]
    pub(crate) fn read(input: &[u8]) -> Option<Self> {
        let [first, REMAINING_LENGTH, high, low, ..] = *input else { return None };
        let id = PacketId::new(u16::from_be_bytes([high, low]))?;
        Some(match first {
            PUBACK => Self::Puback(id),
            PUBREC => Self::Pubrec(id),
            PUBREL => Self::Pubrel(id),
            PUBCOMP => Self::Pubcomp(id),
            _ => return None,
        })
    }

    /// The Packet Identifier.
    #[inline]
    pub const fn packet_id(self) -> PacketId {
        match self {
            Self::Puback(id) | Self::Pubrec(id) | Self::Pubrel(id) | Self::Pubcomp(id) => id,
        }
    }
}

impl From<ShortAck> for Packet<'static> {
    fn from(ack: ShortAck) -> Self {
        match ack {
            ShortAck::Puback(id) => Puback::new(id).into(),
            ShortAck::Pubrec(id) => Pubrec::new(id).into(),
            ShortAck::Pubrel(id) => Pubrel::new(id).into(),
            ShortAck::Pubcomp(id) => Pubcomp::new(id).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{Decoder, ProtocolVersion};

    fn decoders() -> impl Iterator<Item = (ProtocolVersion, Decoder)> {
        [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1, ProtocolVersion::V5_0].into_iter().flat_map(
            |version| {
                [Decoder::client(version), Decoder::server().with_version(version)]
                    .map(|decoder| (version, decoder))
            },
        )
    }

    /// All packets with a Remaining Length of 2, in all versions, from both sides.
    #[test]
    fn it_is_what_the_decoder_decodes() {
        for (version, decoder) in decoders() {
            for first in 0..=u8::MAX {
                for id in [0_u16, 1, 0x1234, u16::MAX] {
                    let [high, low] = id.to_be_bytes();
                    let input = [first, 2, high, low, 0xFF];
                    let ack = decoder.clone().short_ack(&input);
                    let is_ack = matches!(first, 0x40 | 0x50 | 0x62 | 0x70) && id != 0;
                    assert_eq!(ack.is_some(), is_ack, "{input:02X?}");
                    let Some(ack) = ack else { continue };
                    let packet = Packet::from(ack);
                    assert_eq!(decoder.clone().decode(&input), Ok(Some((packet, ShortAck::LEN))));
                    assert_eq!(ack.to_bytes(), input[..4]);
                    assert_eq!(ack.packet_id().get(), id);
                    let mut encoded = Vec::new();
                    packet.encode(version, &mut encoded).unwrap();
                    assert_eq!(encoded, ack.to_bytes());
                }
            }
        }
    }

    #[test]
    fn what_is_incomplete_or_longer_is_none() {
        for (_, mut decoder) in decoders() {
            for len in 0..4 {
                assert_eq!(decoder.short_ack(&b"\x40\x02\x00\x01"[..len]), None);
            }
            assert_eq!(decoder.short_ack(b"\x40\x03\x00\x01\x00"), None);
            assert_eq!(decoder.short_ack(b"\x40\x82\x00\x00\x01"), None);
        }
    }

    /// What an incomplete packet was known to need is not asked of the packet behind it.
    #[test]
    fn nothing_is_waited_for_behind_it() {
        let input = b"\x40\x02\x00\x01\xD0\x00";
        let mut decoder = Decoder::client(ProtocolVersion::V3_1_1);
        for len in 0..4 {
            assert_eq!(decoder.decode(&input[..len]), Ok(None));
        }
        assert_eq!(decoder.short_ack(input), Some(ShortAck::Puback(PacketId::MIN)));
        assert_eq!(decoder.decode(&input[4..]), Ok(Some((Packet::Pingresp, 2))));
    }

    #[test]
    fn the_rules_of_the_decoder_hold() {
        assert_eq!(Decoder::server().short_ack(b"\x40\x02\x00\x01"), None, "CONNECT has to be the first");
        let mut decoder = Decoder::client(ProtocolVersion::V5_0);
        decoder.set_maximum_packet_size(3);
        assert_eq!(decoder.short_ack(b"\x40\x02\x00\x01"), None, "it is too large");
    }
}
