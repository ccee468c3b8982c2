//! Receiving PUBLISH packets of any size with a buffer of fixed size: their head, then the payload as it arrives.
//!
//! A [`StreamDecoder`] is *between packets*, or at the *head* of a packet that is not handed out whole, or in the *rest*
//! behind a head that has been handed out: payload to hand out, or an oversized packet's to pass over. From head to rest
//! it goes with the event that reports the head, from rest to between packets with the last byte.

use core::fmt;

use bytes::{Bytes, BytesMut};

use crate::header::FixedHeader;
use crate::reader::Reader;
use crate::varint::{self, Varint};
use crate::{DecodeError, Decoder, Fault, Packet, PacketId, PacketType, ProtocolVersion, Publish, QoS, work};

/// Decodes with a fixed buffer what a [`Decoder`] decodes: packets that fit come whole, a larger PUBLISH in parts.
///
/// Like the [`Decoder`] it is made of it holds no bytes. The caller keeps the input, adds what arrives and removes what
/// was consumed; a buffer of [`buffer_size`](Self::new) bytes is always enough, whatever the peer sends. The events do
/// not depend on how the stream was segmented, but for the borders of payload parts.
///
/// A PUBLISH of up to 256 MiB, received with 64 bytes:
///
/// ```
/// use mqtt_codec::{Decoder, ProtocolVersion, StreamDecoder, StreamEvent};
/// use std::io::Read;
///
/// # let mut sent = b"\x30\x80\x10\x00\x03a/b".to_vec();
/// # sent.resize(2051, b'x');
/// # sent.extend_from_slice(b"\xD0\x00");
/// # let mut socket = &sent[..];
/// let mut decoder = StreamDecoder::new(Decoder::client(ProtocolVersion::V3_1_1), 64);
/// let (mut buffer, mut filled) = ([0; 64], 0);
/// let (mut announced, mut received, mut packets) = (0, 0, Vec::new());
/// loop {
///     let mut consumed = 0;
///     while let Some((event, len)) = decoder.decode(&buffer[consumed..filled])? {
///         match event {
///             StreamEvent::Packet(packet) => packets.push(packet.to_string()),
///             StreamEvent::Head { publish, payload_len } => {
///                 assert_eq!(publish.topic.map(|topic| topic.as_bytes().to_vec()), Some(b"a/b".to_vec()));
///                 announced = payload_len;
///             }
///             StreamEvent::Payload { part, .. } => received += part.len(), // write it to a file
///             other => panic!("nothing is oversized here: {other:?}"),
///         }
///         consumed += len;
///     }
///     buffer.copy_within(consumed..filled, 0);
///     filled -= consumed;
///     match socket.read(&mut buffer[filled..])? {
///         0 => break,
///         len => filled += len,
///     }
/// }
/// assert!(decoder.is_between_packets(), "the connection was not lost within a payload");
/// assert_eq!((announced, received), (2043, 2043));
/// assert_eq!(packets, ["PINGRESP"]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct StreamDecoder {
    decoder: Decoder,
    buffer_size: u32,
    /// At most `buffer_size`.
    largest_whole_publish: u32,
    skips_oversized: bool,
    state: State,
}

/// Holds the longest fixed header, and a Packet Identifier behind it.
const MINIMUM_BUFFER_SIZE: u32 = 7;

#[derive(Clone, Copy, Debug)]
enum State {
    BetweenPackets,
    /// The header has been judged. It is still in the input.
    Head {
        header: FixedHeader,
        is_oversized: bool,
    },
    /// The packet is consumed but for these bytes.
    Rest {
        remaining: u32,
        is_oversized: bool,
    },
}

/// What is taken out of the input at once.
#[derive(Clone, Copy)]
enum Piece {
    Whole(FixedHeader),
    /// `head` is the header of a packet that ends where the payload begins; `size` is that of the whole packet.
    Head {
        head: FixedHeader,
        is_oversized: bool,
        size: u32,
    },
    /// Behind it, `remaining` bytes of the packet are still to come.
    Rest {
        remaining: u32,
        is_oversized: bool,
    },
}

/// What a [`StreamDecoder`] finds in its input.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent<'a> {
    /// A whole packet.
    Packet(Packet<'a>),
    /// The head of a PUBLISH: all that is before the payload, checked as in a whole packet. The payload follows in
    /// [`Payload`](Self::Payload) events and nothing else comes between them.
    ///
    /// The message is received only with its last part. To acknowledge it now would be to take over a message that may
    /// never arrive.
    Head {
        /// The PUBLISH; its payload is empty.
        publish: Publish<'a>,
        /// How many bytes of payload follow, never 0.
        payload_len: u32,
    },
    /// The next part of the payload, never empty.
    Payload {
        /// As many bytes of it as have arrived.
        part: &'a [u8],
        /// How many more follow; with 0 the message is complete.
        remaining: u32,
    },
    /// The head of a PUBLISH above the maximum packet size. Its payload is passed over; see
    /// [`skip_oversized`](StreamDecoder::skip_oversized) for what is owed to its sender.
    OversizedPublish {
        /// The PUBLISH; its payload is empty.
        publish: Publish<'a>,
        /// Bytes of the whole packet, fixed header included.
        size: u32,
    },
    /// The start of any other packet above the maximum packet size, or too large for the buffer. The rest of it is passed
    /// over.
    Oversized {
        /// What the sender wanted to send.
        packet_type: PacketType,
        /// Which exchange it belonged to, where packets of this type say so.
        packet_id: Option<PacketId>,
        /// Bytes of the whole packet, fixed header included.
        size: u32,
    },
    /// Bytes of an oversized packet. There is nothing to do but to remove them.
    Skipped {
        /// How many more follow.
        remaining: u32,
    },
}

impl fmt::Debug for StreamEvent<'_> {
    /// Parts of a payload are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet) => f.debug_tuple("Packet").field(packet).finish(),
            Self::Head { publish, payload_len } => {
                f.debug_struct("Head").field("publish", publish).field("payload_len", payload_len).finish()
            }
            Self::Payload { part, remaining } => f
                .debug_struct("Payload")
                .field("part", &format_args!("{} bytes", part.len()))
                .field("remaining", remaining)
                .finish(),
            Self::OversizedPublish { publish, size } => {
                f.debug_struct("OversizedPublish").field("publish", publish).field("size", size).finish()
            }
            Self::Oversized { packet_type, packet_id, size } => f
                .debug_struct("Oversized")
                .field("packet_type", packet_type)
                .field("packet_id", packet_id)
                .field("size", size)
                .finish(),
            Self::Skipped { remaining } => f.debug_struct("Skipped").field("remaining", remaining).finish(),
        }
    }
}

impl StreamDecoder {
    /// Decodes as `decoder` does, with its version and limits.
    ///
    /// `buffer_size`: the most bytes the caller wants to hold; less than 7 is taken as 7. A larger PUBLISH comes in parts. Any other
    /// larger packet, and a PUBLISH whose head alone is larger, is refused with [`Fault::ExceedsBuffer`] as soon as its
    /// lengths tell. The largest head of 3.x has 65,544 bytes; in 5.0 there are properties in it.
    pub const fn new(mut decoder: Decoder, buffer_size: u32) -> Self {
        decoder.wait_for(0);
        let buffer_size = if buffer_size < MINIMUM_BUFFER_SIZE { MINIMUM_BUFFER_SIZE } else { buffer_size };
        Self {
            decoder,
            buffer_size,
            largest_whole_publish: buffer_size,
            skips_oversized: false,
            state: State::BetweenPackets,
        }
    }

    /// Hands out a PUBLISH of more than `bytes` bytes, fixed header included, in parts, although it may fit into the
    /// buffer. One without payload is always whole.
    pub const fn stream_above(&mut self, bytes: u32) {
        self.largest_whole_publish = if bytes < self.buffer_size { bytes } else { self.buffer_size };
    }

    /// Whether packets that are too large are passed over instead of being an error: those above the decoder's maximum
    /// packet size, and those other than PUBLISH that do not fit into the buffer. They are read as they arrive and never
    /// held. CONNECT and CONNACK are an error all the same, since no connection can go on without them.
    ///
    /// It is off at first, since in 5.0 a packet above the announced Maximum Packet Size is a Protocol Error: a Server
    /// must close the connection and a Client should (sections 3.1.2.11.4, 3.2.2.3.6 and 4.13). It is meant for 3.x, which
    /// announces no size; for limits below the announced one; and for peers that cannot be mended.
    ///
    /// What is owed to the sender of a packet that was skipped:
    /// - PUBLISH of QoS 1 or 2: an answer, or it is sent again and again. In 5.0 a PUBACK or PUBREC with 0x97, Quota
    ///   exceeded; they cannot carry 0x95. 3.x knows no refusal, so answer as if it had been received, or close. The
    ///   Packet Identifier counts for Receive Maximum as ever.
    /// - PUBLISH with a Topic Alias: take over the mapping, or a later PUBLISH goes to the wrong topic. This is why the
    ///   head is read and checked, and a malformed one is an error.
    /// - Acknowledgements: the exchange has ended with an unknown outcome. SUBSCRIBE and UNSUBSCRIBE: how many codes the
    ///   answer needs is not known. DISCONNECT and AUTH: what they said is lost. Where in doubt close, with 0x95.
    pub const fn skip_oversized(&mut self, skip: bool) {
        self.skips_oversized = skip;
    }

    /// See [`Decoder::set_maximum_packet_size`]. Applies to packets of which no event has been handed out.
    pub const fn set_maximum_packet_size(&mut self, bytes: u32) {
        self.decoder.set_maximum_packet_size(bytes);
        if matches!(self.state, State::Head { .. }) {
            self.state = State::BetweenPackets;
        }
    }

    /// The decoder of whole packets, with its version and limits.
    pub const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Whether no packet has been handed out in part. If the connection ends while one has, its message is incomplete and
    /// must be dropped: it will be sent again or is lost, as its QoS says.
    pub const fn is_between_packets(&self) -> bool {
        !matches!(self.state, State::Rest { .. })
    }

    /// The first event in `input`, and how many bytes it takes. `None`: more bytes are needed; call again with the same
    /// bytes and more behind them.
    ///
    /// # Errors
    /// [`DecodeError`] as [`Decoder::decode`] has it, and [`Fault::ExceedsBuffer`]; the connection cannot go on then.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Option<(StreamEvent<'a>, usize)>, DecodeError> {
        let Some((piece, len)) = self.piece(input)? else { return Ok(None) };
        let event = self.event(piece, input.get(..len).unwrap_or_default())?;
        Ok(Some((event, len)))
    }

    /// As [`decode`](Self::decode), and takes the bytes out of `input` without copying them. They are put into `slot`,
    /// which the event borrows from: so a part of a payload can be passed on as it is.
    ///
    /// ```
    /// use bytes::{Bytes, BytesMut};
    /// use mqtt_codec::{Decoder, ProtocolVersion, StreamDecoder, StreamEvent};
    ///
    /// let mut input = BytesMut::from(&b"\x30\xE8\x07\x00\x03a/bthe first of many"[..]);
    /// let mut decoder = StreamDecoder::new(Decoder::client(ProtocolVersion::V3_1_1), 512);
    /// let (mut slot, mut parts) = (Bytes::new(), Vec::new());
    /// while let Some((event, bytes)) = decoder.decode_into(&mut input, &mut slot)? {
    ///     if let StreamEvent::Payload { .. } = event {
    ///         parts.push(bytes.clone()); // shares the memory it was received in
    ///     }
    /// }
    /// assert_eq!(parts, ["the first of many"]);
    /// # Ok::<(), mqtt_codec::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`decode`](Self::decode). The bytes may be gone from `input` then.
    pub fn decode_into<'s>(
        &mut self,
        input: &mut BytesMut,
        slot: &'s mut Bytes,
    ) -> Result<Option<(StreamEvent<'s>, &'s Bytes)>, DecodeError> {
        let Some((piece, len)) = self.piece(input)? else { return Ok(None) };
        *slot = input.split_to(len).freeze();
        let bytes: &Bytes = slot;
        Ok(Some((self.event(piece, bytes)?, bytes)))
    }

    /// How many more bytes are needed at least before [`decode`](Self::decode) can make progress; 0 when it can. Never
    /// asks for more than the buffer holds. Cheap after `decode` has returned `None`, else as expensive as `decode`.
    pub fn needed(&self, input: &[u8]) -> usize {
        let mut ahead = self.clone();
        match ahead.decode(input) {
            Ok(None) => ahead.decoder.missing(input).max(1),
            Ok(Some(_)) | Err(_) => 0,
        }
    }

    /// What the first event will be made of, and how many bytes it takes; they are there.
    fn piece(&mut self, input: &[u8]) -> Result<Option<(Piece, usize)>, DecodeError> {
        match self.state {
            State::BetweenPackets => self.packet(input),
            State::Head { header, is_oversized } => self.head(header, is_oversized, input),
            State::Rest { remaining, is_oversized } => {
                let len = input.len().min(remaining as usize);
                let remaining = remaining - to_u32(len);
                Ok(if len == 0 { None } else { Some((Piece::Rest { remaining, is_oversized }, len)) })
            }
        }
    }

    fn packet(&mut self, input: &[u8]) -> Result<Option<(Piece, usize)>, DecodeError> {
        let Some(header) = self.decoder.front(input)? else { return Ok(None) };
        let is_publish = header.packet_type == PacketType::Publish;
        let is_vital = matches!(header.packet_type, PacketType::Connect | PacketType::Connack);
        let largest_whole = if is_publish { self.largest_whole_publish } else { self.buffer_size };
        let is_oversized = match self.decoder.check_size(&header) {
            Ok(()) if header.packet_len() <= largest_whole as usize => {
                return Ok(self
                    .arrived(&header, input)
                    .then_some((Piece::Whole(header), header.packet_len())));
            }
            Ok(()) if is_publish => false,
            _ if self.skips_oversized && !is_vital => true,
            Ok(()) => return Err(exceeds_buffer(&header)),
            Err(error) => return Err(error),
        };
        self.state = State::Head { header, is_oversized };
        self.head(header, is_oversized, input)
    }

    fn head(
        &mut self,
        header: FixedHeader,
        is_oversized: bool,
        input: &[u8],
    ) -> Result<Option<(Piece, usize)>, DecodeError> {
        if self.decoder.is_waiting(input) {
            return Ok(None);
        }
        // Nothing beyond the buffer is looked at, so that segments make no difference.
        let visible = header.packet_len().min(self.buffer_size as usize).min(input.len());
        let body = input.get(header.len..visible).unwrap_or_default();
        let remaining_length = match header.packet_type {
            PacketType::Publish => self.publish_head_len(&header, body),
            _ => packet_id_len(&header),
        };
        let head = FixedHeader { remaining_length, ..header };
        if head.packet_len() > self.buffer_size as usize {
            return Err(exceeds_buffer(&header));
        }
        let size = to_u32(header.packet_len());
        Ok(self
            .arrived(&head, input)
            .then_some((Piece::Head { head, is_oversized, size }, head.packet_len())))
    }

    /// Whether all of this packet, or head, is there; if not, it is waited for.
    const fn arrived(&mut self, header: &FixedHeader, input: &[u8]) -> bool {
        let has_arrived = input.len() >= header.packet_len();
        if !has_arrived {
            self.decoder.wait_for(header.packet_len());
        }
        has_arrived
    }

    /// Bytes of the body before the payload, as far as `body`, the start of it, tells. If `body` is shorter, that many
    /// must arrive before more can be said. If a field runs past the end of the packet: up to where its length is known.
    fn publish_head_len(&self, header: &FixedHeader, body: &[u8]) -> usize {
        work::add(body.len().min(2));
        let Some(qos) = QoS::from_bits(header.flags >> 1 & 0b11) else { return 0 };
        let Some((topic_len, _)) = body.split_first_chunk() else { return header.remaining_length.min(2) };
        let topic_end = 2 + usize::from(u16::from_be_bytes(*topic_len));
        if topic_end > header.remaining_length {
            return 2;
        }
        let packet_id_end = topic_end + if qos == QoS::AtMostOnce { 0 } else { 2 };
        if packet_id_end > header.remaining_length {
            return header.remaining_length;
        }
        if self.decoder.version() != Some(ProtocolVersion::V5_0) {
            return packet_id_end;
        }
        let rest = body.get(packet_id_end..).unwrap_or_default();
        work::add(rest.len().min(4));
        match varint::read(rest) {
            Varint::Incomplete => header.remaining_length.min(packet_id_end + rest.len() + 1),
            Varint::TooLong => packet_id_end + 4,
            Varint::Complete { value, len, .. } => {
                let properties = packet_id_end + len;
                let end = properties + value as usize;
                if end > header.remaining_length { properties } else { end }
            }
        }
    }

    /// Reads a piece, and is behind it then.
    fn event<'a>(&mut self, piece: Piece, bytes: &'a [u8]) -> Result<StreamEvent<'a>, DecodeError> {
        match piece {
            Piece::Whole(header) => {
                let body = bytes.get(header.len..).unwrap_or_default();
                Ok(StreamEvent::Packet(self.decoder.read(header, body)?))
            }
            Piece::Head { head, is_oversized, size } => {
                let body = bytes.get(head.len..).unwrap_or_default();
                let remaining = size - to_u32(bytes.len());
                let event = self.head_event(&head, body, is_oversized, size, remaining)?;
                self.consumed_but(remaining, is_oversized);
                Ok(event)
            }
            Piece::Rest { remaining, is_oversized } => {
                self.consumed_but(remaining, is_oversized);
                Ok(if is_oversized {
                    StreamEvent::Skipped { remaining }
                } else {
                    StreamEvent::Payload { part: bytes, remaining }
                })
            }
        }
    }

    /// `head` ends the packet where the payload begins, so that it is read as any other, by the same rules and with the
    /// same places of faults.
    fn head_event<'a>(
        &mut self,
        head: &FixedHeader,
        body: &'a [u8],
        is_oversized: bool,
        size: u32,
        remaining: u32,
    ) -> Result<StreamEvent<'a>, DecodeError> {
        let packet_type = head.packet_type;
        if packet_type == PacketType::Publish {
            return Ok(match self.decoder.read(*head, body)? {
                Packet::Publish(publish) if is_oversized => StreamEvent::OversizedPublish { publish, size },
                Packet::Publish(publish) if remaining > 0 => {
                    StreamEvent::Head { publish, payload_len: remaining }
                }
                whole => StreamEvent::Packet(whole),
            });
        }
        let packet_id = if body.is_empty() {
            None
        } else {
            let packet_id = Reader::new(body).packet_id();
            Some(packet_id.map_err(|error| error.located(packet_type, head.packet_len()))?)
        };
        Ok(StreamEvent::Oversized { packet_type, packet_id, size })
    }

    const fn consumed_but(&mut self, remaining: u32, is_oversized: bool) {
        self.state = match remaining {
            0 => State::BetweenPackets,
            _ => State::Rest { remaining, is_oversized },
        };
    }
}

const fn exceeds_buffer(header: &FixedHeader) -> DecodeError {
    DecodeError::in_header(Fault::ExceedsBuffer, Some(header.packet_type))
}

/// For the length of a packet or a part of one.
const fn to_u32(len: usize) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "at most 268,435,460")]
    let len = len as u32;
    len
}

/// Bytes of the Packet Identifier where it is the first field of the body.
fn packet_id_len(header: &FixedHeader) -> usize {
    match header.packet_type {
        PacketType::Puback
        | PacketType::Pubrec
        | PacketType::Pubrel
        | PacketType::Pubcomp
        | PacketType::Subscribe
        | PacketType::Suback
        | PacketType::Unsubscribe
        | PacketType::Unsuback => header.remaining_length.min(2),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn decoder(version: ProtocolVersion) -> StreamDecoder {
        let mut decoder = StreamDecoder::new(Decoder::server().with_version(version), 300);
        decoder.stream_above(0);
        decoder.set_maximum_packet_size(2000);
        decoder.skip_oversized(true);
        decoder
    }

    /// Packets with the shortest heads, so that reading a byte twice weighs most, and longer ones.
    fn packets(version: ProtocolVersion) -> Vec<Vec<u8>> {
        let properties: &[&[u8]] = match version {
            ProtocolVersion::V5_0 => &[b"\x00", b"\x81\x01\x09\x00\x7E"],
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => &[b""],
        };
        let mut packets = Vec::new();
        for properties in properties {
            for payload in [0, 1, 2, 200, 20_000] {
                for (first_byte, packet_id) in [(0x30, &b""[..]), (0x32, b"\x00\x01")] {
                    let mut body = [b"\x00\x01a", packet_id, properties].concat();
                    body.resize(body.len() + if properties.len() > 1 { 0x7E } else { 0 } + payload, 0);
                    packets.push(packet(first_byte, &body));
                }
            }
        }
        packets.extend([packet(0x40, b"\x00\x01"), packet(0xC0, b""), packet(0xE0, b"")]);
        packets.push(packet(0x82, &[b"\x00\x01".to_vec(), alloc::vec![0; 3000]].concat()));
        packets
    }

    fn packet(first_byte: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        crate::header::put(first_byte, body.len(), crate::writer::Direct(&mut bytes));
        bytes.extend_from_slice(body);
        bytes
    }

    /// Decodes what arrives up to each of these ends.
    fn work_for(decoder: &mut StreamDecoder, stream: &[u8], ends: impl IntoIterator<Item = usize>) -> usize {
        let mut start = 0;
        work::take();
        for end in ends {
            while let Some((_, len)) = decoder.decode(&stream[start..end]).unwrap() {
                start += len;
            }
        }
        assert_eq!(start, stream.len());
        work::take()
    }

    #[test]
    fn case_12_at_most_two_bytes_are_examined_for_each_that_is_received() {
        for version in ProtocolVersion::ALL {
            for packet in packets(version) {
                let by_byte = work_for(&mut decoder(version), &packet, 1..=packet.len());
                assert!(by_byte <= 2 * packet.len(), "{by_byte} of {}", packet.len());
                for first in 0..packet.len().min(300) {
                    for second in first..packet.len().min(300) {
                        let examined =
                            work_for(&mut decoder(version), &packet, [first, second, packet.len()]);
                        assert!(
                            examined <= 2 * packet.len(),
                            "{examined} of {packet:02X?}, {first}, {second}"
                        );
                        assert!(examined > 0);
                    }
                }
            }
        }
    }

    #[test]
    fn a_payload_is_not_looked_at() {
        for (version, packet) in ProtocolVersion::ALL.map(|version| (version, packets(version))) {
            let largest = packet.iter().find(|packet| packet.len() > 20_000).unwrap();
            for size in [100, 1000, largest.len()] {
                let ends = (0..largest.len()).step_by(size).chain([largest.len()]);
                assert!(work_for(&mut decoder(version), largest, ends) < 100);
            }
        }
    }
}
