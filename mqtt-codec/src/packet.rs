//! The Control Packets: one model for three versions.
//!
//! Every packet is a `Copy` view over the bytes it was decoded from, or over values of the caller; the same type is
//! decoded and encoded. A version is a `match` in the packet's own file, and nowhere above this crate.

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod publish;
mod request;

use core::fmt;

use bytes::BufMut;

pub use self::ack::{Puback, Pubcomp, Pubrec, Pubrel};
pub use self::auth::Auth;
pub use self::connack::Connack;
pub(crate) use self::connect::peek_version;
pub use self::connect::{Connect, ConnectFields, Will};
pub use self::disconnect::Disconnect;
pub use self::publish::{Delivery, Publish};
pub use self::request::{Suback, Subscribe, Unsuback, Unsubscribe};

pub(crate) use crate::dialect::Dialect;
use crate::header::FixedHeader;
use crate::reader::Reader;
use crate::writer::{Put, Writer};
use crate::{DecodeError, Deviation, EncodeError, Fault, PacketType, ProtocolVersion, varint};

/// How a packet stands on the wire behind its fixed header.
pub(crate) trait Body {
    fn first_byte(&self) -> u8;

    /// The Remaining Length; the errors are what a decoder would refuse.
    fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError>;

    /// Writes as many bytes as [`body_len`](Self::body_len) said.
    fn put_body(&self, version: ProtocolVersion, out: &mut impl Put);

    /// The whole packet, where it is as short as an acknowledgement usually is, and the same in all versions.
    #[inline]
    fn short(&self) -> Option<[u8; 4]> {
        None
    }
}

/// Bytes of the whole packet for a Remaining Length, which must not be above 268,435,455.
#[inline]
pub(crate) fn packet_len(body_len: usize) -> Result<usize, EncodeError> {
    match u32::try_from(body_len) {
        Ok(len) if len <= varint::MAX => Ok(1 + varint::len(len) + body_len),
        _ => Err(EncodeError::PacketTooLarge),
    }
}

fn encoded_len(body: &impl Body, version: ProtocolVersion) -> Result<usize, EncodeError> {
    packet_len(body.body_len(version)?)
}

#[inline]
fn encode(body: &impl Body, version: ProtocolVersion, out: &mut impl BufMut) -> Result<(), EncodeError> {
    if let Some(packet) = body.short() {
        if out.remaining_mut() < packet.len() {
            return Err(EncodeError::BufferTooSmall { needed: packet.len() });
        }
        out.put_slice(&packet);
        return Ok(());
    }
    let body_len = body.body_len(version)?;
    let mut writer = begin(body.first_byte(), body_len, packet_len(body_len)?, out)?;
    body.put_body(version, &mut writer);
    writer.finish();
    Ok(())
}

/// Makes sure of room for `needed` bytes, and begins with the fixed header.
#[inline]
pub(crate) fn begin<B: BufMut>(
    first_byte: u8,
    body_len: usize,
    needed: usize,
    out: &mut B,
) -> Result<Writer<'_, B>, EncodeError> {
    if out.remaining_mut() < needed {
        return Err(EncodeError::BufferTooSmall { needed });
    }
    #[expect(clippy::cast_possible_truncation, reason = "packet_len has checked it")]
    Ok(Writer::begin(first_byte, body_len as u32, out))
}

macro_rules! packets {
    ($($variant:ident,)+) => {
        $(
            impl $variant<'_> {
                /// Bytes of the encoded packet, fixed header included.
                ///
                /// # Errors
                /// As [`encode`](Self::encode), without [`EncodeError::BufferTooSmall`].
                pub fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
                    encoded_len(self, version)
                }

                /// Writes the packet as `version` lays it out.
                ///
                /// # Errors
                /// [`EncodeError`] when the packet is not valid in this version or does not fit; nothing is written then.
                pub fn encode(&self, version: ProtocolVersion, out: &mut impl BufMut) -> Result<(), EncodeError> {
                    encode(self, version, out)
                }
            }

            impl<'a> From<$variant<'a>> for Packet<'a> {
                fn from(packet: $variant<'a>) -> Self {
                    Self::$variant(packet)
                }
            }
        )+

        impl Packet<'_> {
            /// The type of this packet.
            pub const fn packet_type(&self) -> PacketType {
                match self {
                    $(Self::$variant(_) => PacketType::$variant,)+
                    Self::Pingreq => PacketType::Pingreq,
                    Self::Pingresp => PacketType::Pingresp,
                }
            }

            /// Bytes of the encoded packet, fixed header included.
            ///
            /// # Errors
            /// As [`encode`](Self::encode), without [`EncodeError::BufferTooSmall`].
            pub fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
                match self {
                    $(Self::$variant(packet) => packet.encoded_len(version),)+
                    Self::Pingreq | Self::Pingresp => Ok(2),
                }
            }

            /// Writes the packet as `version` lays it out.
            ///
            /// # Errors
            /// [`EncodeError`] when the packet is not valid in this version or does not fit; nothing is written then.
            pub fn encode(&self, version: ProtocolVersion, out: &mut impl BufMut) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(packet) => packet.encode(version, out),)+
                    Self::Pingreq | Self::Pingresp => {
                        begin(self.packet_type().first_byte(), 0, 2, out).map(|mut writer| writer.finish())
                    }
                }
            }
        }

        impl fmt::Display for Packet<'_> {
            /// One line, as in a trace. Passwords and payloads are not shown.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant(packet) => packet.fmt(f),)+
                    Self::Pingreq => f.write_str("PINGREQ"),
                    Self::Pingresp => f.write_str("PINGRESP"),
                }
            }
        }
    };
}

/// Any Control Packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Connection request.
    Connect(Connect<'a>),
    /// Connect acknowledgement.
    Connack(Connack<'a>),
    /// Publish message.
    Publish(Publish<'a>),
    /// Publish acknowledgement.
    Puback(Puback<'a>),
    /// Publish received.
    Pubrec(Pubrec<'a>),
    /// Publish release.
    Pubrel(Pubrel<'a>),
    /// Publish complete.
    Pubcomp(Pubcomp<'a>),
    /// Subscribe request.
    Subscribe(Subscribe<'a>),
    /// Subscribe acknowledgement.
    Suback(Suback<'a>),
    /// Unsubscribe request.
    Unsubscribe(Unsubscribe<'a>),
    /// Unsubscribe acknowledgement.
    Unsuback(Unsuback<'a>),
    /// PING request.
    Pingreq,
    /// PING response.
    Pingresp,
    /// Disconnect notification.
    Disconnect(Disconnect<'a>),
    /// Authentication exchange.
    Auth(Auth<'a>),
}

packets! {
    Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp, Subscribe, Suback, Unsubscribe, Unsuback, Disconnect,
    Auth,
}

impl<'a> Packet<'a> {
    /// Reads the body behind a header that [`FixedHeader::check`] has accepted.
    #[expect(clippy::inline_always, reason = "to hand a packet over in memory costs as much as to decode it")]
    #[inline(always)]
    pub(crate) fn decode_body(
        header: &FixedHeader,
        body: &'a [u8],
        dialect: &Dialect,
    ) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(body);
        let packet = match header.packet_type {
            PacketType::Publish => Publish::decode(header.flags, reader, dialect).map(Self::Publish),
            PacketType::Puback => Puback::decode(reader, dialect).map(Self::Puback),
            PacketType::Pubrec => Pubrec::decode(reader, dialect).map(Self::Pubrec),
            PacketType::Pubrel => Pubrel::decode(reader, dialect).map(Self::Pubrel),
            PacketType::Pubcomp => Pubcomp::decode(reader, dialect).map(Self::Pubcomp),
            PacketType::Pingreq => Ok(Self::Pingreq),
            PacketType::Pingresp => Ok(Self::Pingresp),
            other => Self::decode_request(other, reader, dialect),
        };
        // Every packet but PUBLISH ends with its last field.
        let error = match packet {
            Ok(packet) if reader.is_empty() || dialect.accepted.has(Deviation::TrailingBytes) => {
                return Ok(packet);
            }
            Ok(_) => reader.fault(Fault::TrailingBytes),
            Err(error) => error,
        };
        Err(error.located(header.packet_type, header.packet_len()))
    }

    /// As [`decode_body`](Self::decode_body), where it is not worth its size.
    #[inline(never)]
    pub(crate) fn decode_again(
        header: &FixedHeader,
        body: &'a [u8],
        dialect: &Dialect,
    ) -> Result<Self, DecodeError> {
        Self::decode_body(header, body, dialect)
    }

    /// What opens something, or answers that: the rest of the stream does without the code for these.
    #[inline(never)]
    fn decode_request(
        packet_type: PacketType,
        reader: &mut Reader<'a>,
        dialect: &Dialect,
    ) -> Result<Self, DecodeError> {
        match packet_type {
            PacketType::Connect => Connect::decode(reader, dialect).map(Self::Connect),
            PacketType::Connack => Connack::decode(reader, dialect).map(Self::Connack),
            PacketType::Subscribe => Subscribe::decode(reader, dialect).map(Self::Subscribe),
            PacketType::Suback => Suback::decode(reader, dialect).map(Self::Suback),
            PacketType::Unsubscribe => Unsubscribe::decode(reader, dialect).map(Self::Unsubscribe),
            PacketType::Unsuback => Unsuback::decode(reader, dialect).map(Self::Unsuback),
            PacketType::Disconnect => Disconnect::decode(reader, dialect).map(Self::Disconnect),
            _ => Auth::decode(reader, dialect).map(Self::Auth),
        }
    }
}
