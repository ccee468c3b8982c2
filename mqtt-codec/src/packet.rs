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
mod reason_ack;
mod request;
mod short_ack;

use core::fmt;

use bytes::{BufMut, BytesMut};

pub use self::ack::{Puback, Pubcomp, Pubrec, Pubrel};
pub use self::auth::Auth;
pub use self::connack::Connack;
pub(crate) use self::connect::peek_version;
pub use self::connect::{Connect, ConnectFields, Will};
pub use self::disconnect::Disconnect;
pub(crate) use self::publish::Head;
pub use self::publish::{Delivery, Publish};
pub use self::reason_ack::ReasonAck;
pub use self::request::{Suback, Subscribe, Unsuback, Unsubscribe};
pub use self::short_ack::ShortAck;

pub(crate) use crate::dialect::Dialect;
use crate::header::FixedHeader;
use crate::reader::Reader;
use crate::writer::{Appended, Direct, Put, Unwritten};
use crate::{DecodeError, EncodeError, PacketType, ProtocolVersion, varint};

/// How a packet stands on the wire.
pub(crate) trait Body {
    /// Counts the bytes; the errors are what a decoder would refuse.
    fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError>;

    /// Writes what has been counted, but for the [`tail`](Self::tail).
    fn put<O: Put>(&self, version: ProtocolVersion, lens: &Lens, out: O) -> O;

    /// What the packet ends with, and need not be made.
    fn tail(&self, _version: ProtocolVersion) -> &[u8] {
        &[]
    }

    /// The first byte of a packet of many short fields, all of which [`put_room`](Self::put_room) writes at once.
    fn first_byte_of_many(&self) -> Option<u8> {
        None
    }

    /// Checks and writes what stands behind the fixed header without counting it.
    fn put_room<'r>(&self, _version: ProtocolVersion, room: Room<'r>) -> Result<Room<'r>, EncodeError> {
        Ok(room)
    }

    /// The packet, where it takes four bytes, as nearly every acknowledgement does.
    fn short_ack(&self) -> Option<ShortAck> {
        None
    }
}

/// Bytes of a packet that is written before it is counted, at most.
const ROOM: usize = 256;

/// A place for such a packet. When it has become empty, the packet has been too long.
pub(crate) type Room<'r> = Unwritten<'r, false>;

/// What is counted before a packet is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lens {
    /// The Remaining Length.
    pub(crate) body: usize,
    /// Bytes of the properties, without the Property Length in front.
    pub(crate) properties: usize,
    /// As `properties`, of a Will.
    pub(crate) of_will: usize,
}

/// Bytes of the whole packet for a Remaining Length, which must not be above 268,435,455.
#[inline]
pub(crate) const fn packet_len(body_len: usize) -> Result<usize, EncodeError> {
    if body_len > varint::MAX as usize {
        return Err(EncodeError::PacketTooLarge);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 268,435,455")]
    Ok(1 + varint::len(body_len as u32) + body_len)
}

/// The packet, written to `room` in one go. Empty, if it is too long for that or not valid: who counts it says what is wrong.
#[expect(clippy::inline_always, reason = "a call costs more than the fixed header")]
#[inline(always)]
fn at_once<'r>(
    body: &impl Body,
    version: ProtocolVersion,
    first_byte: u8,
    room: &'r mut [u8; ROOM],
) -> &'r [u8] {
    let Some((header, fields)) = room.split_first_chunk_mut::<3>() else { return &[] };
    let len = fields.len();
    let Ok(Unwritten(rest)) = body.put_room(version, Unwritten(fields)) else { return &[] };
    let left = rest.len();
    // The fixed header ends where the fields begin.
    let [h0, h1, h2] = header;
    #[expect(clippy::cast_possible_truncation, reason = "it is below ROOM")]
    let start = match varint::bytes((len - left) as u32) {
        ([a, ..], 1) => {
            (*h1, *h2) = (first_byte, a);
            1
        }
        ([a, b, ..], _) => {
            (*h0, *h1, *h2) = (first_byte, a, b);
            0
        }
    };
    if left == 0 { &[] } else { room.get(start..ROOM - left).unwrap_or_default() }
}

fn encoded_len(body: &impl Body, version: ProtocolVersion) -> Result<usize, EncodeError> {
    packet_len(body.lens(version)?.body)
}

#[inline]
fn encode(body: &impl Body, version: ProtocolVersion, out: &mut impl BufMut) -> Result<(), EncodeError> {
    if let Some(ack) = body.short_ack() {
        let packet = ack.to_bytes();
        if out.remaining_mut() < packet.len() {
            return Err(EncodeError::BufferTooSmall { needed: packet.len() });
        }
        out.put_slice(&packet);
        return Ok(());
    }
    if let Some(first_byte) = body.first_byte_of_many() {
        let mut room = [0; ROOM];
        let packet = at_once(body, version, first_byte, &mut room);
        if !packet.is_empty() {
            if out.remaining_mut() < packet.len() {
                return Err(EncodeError::BufferTooSmall { needed: packet.len() });
            }
            out.put_slice(packet);
            return Ok(());
        }
    }
    let lens = body.lens(version)?;
    let tail = body.tail(version);
    let head_len = packet_len(lens.body)? - tail.len();
    encode_parts(body, version, &lens, head_len, tail, out)
}

/// Writes `head_len` bytes of a packet and its tail.
#[inline]
pub(crate) fn encode_parts(
    body: &impl Body,
    version: ProtocolVersion,
    lens: &Lens,
    head_len: usize,
    tail: &[u8],
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    let needed = head_len + tail.len();
    if out.remaining_mut() < needed {
        return Err(EncodeError::BufferTooSmall { needed });
    }
    body.put(version, lens, Direct(out));
    if !tail.is_empty() {
        out.put_slice(tail);
    }
    Ok(())
}

/// Appends a packet to `out`.
#[inline]
fn append_to(body: &impl Body, version: ProtocolVersion, out: &mut BytesMut) -> Result<(), EncodeError> {
    if let Some(ack) = body.short_ack() {
        out.extend_from_slice(&ack.to_bytes());
        return Ok(());
    }
    if let Some(first_byte) = body.first_byte_of_many() {
        let mut room = [0; ROOM];
        let packet = at_once(body, version, first_byte, &mut room);
        if !packet.is_empty() {
            out.extend_from_slice(packet);
            return Ok(());
        }
    }
    let lens = body.lens(version)?;
    out.reserve(packet_len(lens.body)?);
    body.put(version, &lens, Appended(out));
    out.extend_from_slice(body.tail(version));
    Ok(())
}

/// Writes a packet to the start of `out`; how many bytes it takes.
fn encode_to_slice(body: &impl Body, version: ProtocolVersion, out: &mut [u8]) -> Result<usize, EncodeError> {
    let lens = body.lens(version)?;
    let needed = packet_len(lens.body)?;
    let packet = out.get_mut(..needed).ok_or(EncodeError::BufferTooSmall { needed })?;
    body.put(version, &lens, Unwritten::<true>(packet)).put_slice(body.tail(version));
    Ok(needed)
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
                #[inline(never)]
                pub fn encode(&self, version: ProtocolVersion, out: &mut impl BufMut) -> Result<(), EncodeError> {
                    encode(self, version, out)
                }

                /// Appends the packet to `out`, as `version` lays it out. The same as [`encode`](Self::encode), and
                /// faster for this kind of output.
                ///
                /// # Errors
                /// [`EncodeError`] when the packet is not valid in this version; nothing is written then.
                #[inline(never)]
                pub fn append_to(&self, version: ProtocolVersion, out: &mut BytesMut) -> Result<(), EncodeError> {
                    append_to(self, version, out)
                }

                /// Writes the packet to the start of `out`, as `version` lays it out; how many bytes it takes.
                ///
                /// # Errors
                /// [`EncodeError`] when the packet is not valid in this version, or `out` is too small for it
                /// ([`EncodeError::BufferTooSmall`] says what is needed); nothing is written then.
                pub fn encode_to_slice(
                    &self,
                    version: ProtocolVersion,
                    out: &mut [u8],
                ) -> Result<usize, EncodeError> {
                    encode_to_slice(self, version, out)
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
                        if out.remaining_mut() < 2 {
                            return Err(EncodeError::BufferTooSmall { needed: 2 });
                        }
                        out.put_slice(&[self.packet_type().first_byte(), 0]);
                        Ok(())
                    }
                }
            }

            /// Appends the packet to `out`, as `version` lays it out. The same as [`encode`](Self::encode), and faster
            /// for this kind of output.
            ///
            /// # Errors
            /// [`EncodeError`] when the packet is not valid in this version; nothing is written then.
            pub fn append_to(&self, version: ProtocolVersion, out: &mut BytesMut) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(packet) => packet.append_to(version, out),)+
                    Self::Pingreq | Self::Pingresp => {
                        out.extend_from_slice(&[self.packet_type().first_byte(), 0]);
                        Ok(())
                    }
                }
            }

            /// Writes the packet to the start of `out`, as `version` lays it out; how many bytes it takes.
            ///
            /// # Errors
            /// [`EncodeError`] when the packet is not valid in this version, or `out` is too small for it
            /// ([`EncodeError::BufferTooSmall`] says what is needed); nothing is written then.
            pub fn encode_to_slice(
                &self,
                version: ProtocolVersion,
                out: &mut [u8],
            ) -> Result<usize, EncodeError> {
                match self {
                    $(Self::$variant(packet) => packet.encode_to_slice(version, out),)+
                    Self::Pingreq | Self::Pingresp => {
                        let place = out.first_chunk_mut().ok_or(EncodeError::BufferTooSmall { needed: 2 })?;
                        *place = [self.packet_type().first_byte(), 0];
                        Ok(2)
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
            PacketType::Pingreq => reader.end(dialect).map(|()| Self::Pingreq),
            PacketType::Pingresp => reader.end(dialect).map(|()| Self::Pingresp),
            other => Self::decode_request(other, body, dialect),
        };
        packet.map_err(|error| error.located(header.packet_type, header.packet_len()))
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
        body: &'a [u8],
        dialect: &Dialect,
    ) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(body);
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
