//! The answers to a PUBLISH that say more than Success and nothing beside it: five bytes, of 5.0 alone.

use super::Packet;
use crate::{PacketId, PacketType, Puback, PublishReason, Pubrec, Side};

/// A PUBACK or PUBREC of 5.0 with a reason code and no properties, as a Server answers what nobody has subscribed to.
///
/// As [`ShortAck`](crate::ShortAck): [`Decoder::reason_ack`](crate::Decoder::reason_ack) finds one at the front of the input faster than it
/// can be decoded as a [`Packet`], [`to_bytes`](Self::to_bytes) is all there is to encode, and nothing depends on it.
///
/// ```
/// use mqtt_codec::{Decoder, PacketId, ProtocolVersion, PublishReason, ReasonAck};
///
/// let mut decoder = Decoder::client(ProtocolVersion::V5_0);
/// let ack = ReasonAck::Puback(PacketId::MIN, PublishReason::NoMatchingSubscribers);
/// assert_eq!(decoder.reason_ack(b"\x40\x03\x00\x01\x10"), Some(ack));
/// assert_eq!(ack.to_bytes(), *b"\x40\x03\x00\x01\x10");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasonAck {
    /// The receiver has taken over a QoS 1 message, or refuses it.
    Puback(PacketId, PublishReason),
    /// The receiver has taken over a QoS 2 message, or refuses it.
    Pubrec(PacketId, PublishReason),
}

const PUBACK: u8 = PacketType::Puback.first_byte();
const PUBREC: u8 = PacketType::Pubrec.first_byte();
/// The Packet Identifier and the reason code.
const REMAINING_LENGTH: u8 = 3;

impl ReasonAck {
    /// Bytes of each.
    pub const LEN: usize = Self::SIZE as usize;
    /// What a Maximum Packet Size has to be at least to allow it.
    pub const SIZE: u32 = 5;

    /// The packet. Where the reason is Success, it can be said in four bytes as well.
    #[inline]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let (first, id, reason) = match self {
            Self::Puback(id, reason) => (PUBACK, id, reason),
            Self::Pubrec(id, reason) => (PUBREC, id, reason),
        };
        let [high, low] = id.get().to_be_bytes();
        [first, REMAINING_LENGTH, high, low, reason.code()]
    }

    /// The one that `input` begins with, if it does and this side may send it.
    #[inline]
    pub(crate) fn read(input: &[u8], from: Side) -> Option<Self> {
        let [first, REMAINING_LENGTH, high, low, code, ..] = *input else { return None };
        let id = PacketId::new(u16::from_be_bytes([high, low]))?;
        let reason = PublishReason::from_code(code).filter(|reason| reason.may_be_sent_by(from))?;
        match first {
            PUBACK => Some(Self::Puback(id, reason)),
            PUBREC => Some(Self::Pubrec(id, reason)),
            _ => None,
        }
    }
}

impl From<ReasonAck> for Packet<'static> {
    fn from(ack: ReasonAck) -> Self {
        match ack {
            ReasonAck::Puback(id, reason) => Puback { reason, ..Puback::new(id) }.into(),
            ReasonAck::Pubrec(id, reason) => Pubrec { reason, ..Pubrec::new(id) }.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{Decoder, ProtocolVersion};

    /// All packets with a Remaining Length of 3, in all versions, from both sides.
    #[test]
    fn it_is_what_the_decoder_decodes() {
        for version in ProtocolVersion::ALL {
            for decoder in [Decoder::client(version), Decoder::server().with_version(version)] {
                for first in 0..=u8::MAX {
                    for (id, code) in [0_u16, 1, 0x1234]
                        .into_iter()
                        .flat_map(|id| (0..=u8::MAX).map(move |code| (id, code)))
                    {
                        let [high, low] = id.to_be_bytes();
                        let input = [first, 3, high, low, code, 0xFF];
                        let ack = decoder.clone().reason_ack(&input);
                        let decoded = decoder.clone().decode(&input);
                        let is_answer = matches!(
                            decoded,
                            Ok(Some((Packet::Puback(_) | Packet::Pubrec(_), ReasonAck::LEN)))
                        );
                        assert_eq!(ack.is_some(), is_answer, "{input:02X?}");
                        let Some(ack) = ack else { continue };
                        let packet = Packet::from(ack);
                        assert_eq!(decoded, Ok(Some((packet, ReasonAck::LEN))));
                        assert_eq!(ack.to_bytes(), input[..ReasonAck::LEN]);
                        if code != 0 {
                            let mut encoded = Vec::new();
                            packet.encode(version, &mut encoded).unwrap();
                            assert_eq!(encoded, ack.to_bytes());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_rules_of_the_decoder_hold() {
        let input = b"\x40\x03\x00\x01\x10";
        assert_eq!(Decoder::server().reason_ack(input), None, "CONNECT has to be the first");
        let mut decoder = Decoder::client(ProtocolVersion::V5_0);
        for len in 0..input.len() {
            assert_eq!(decoder.reason_ack(&input[..len]), None);
            assert_eq!(decoder.decode(&input[..len]), Ok(None));
        }
        // What an incomplete packet was known to need is not asked of the packet behind it.
        assert!(decoder.reason_ack(input).is_some());
        assert_eq!(decoder.decode(b"\xD0\x00"), Ok(Some((Packet::Pingresp, 2))));
        decoder.set_maximum_packet_size(4);
        assert_eq!(decoder.reason_ack(input), None, "it is too large");
    }
}
