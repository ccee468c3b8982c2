//! Receiving PUBLISH packets of any size with a buffer of fixed size: their head, then the payload as it arrives.
//!
//! A [`StreamDecoder`] is *between packets*, or at the *head* of a packet that is not handed out whole, or in the *rest*
//! behind a head that has been handed out: payload to hand out, or an oversized packet's to pass over. From head to rest
//! it goes with the event that reports the head, from rest to between packets with the last byte.

use crate::header::FixedHeader;
use crate::reader::Reader;
use crate::varint::{self, Varint};
use crate::{DecodeError, Decoder, Fault, Packet, PacketId, PacketType, ProtocolVersion, Publish, QoS};

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

/// What a [`StreamDecoder`] finds in its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl StreamDecoder {
    /// Decodes as `decoder` does, whose limits apply. It must be between packets: nothing has been given to it, or its
    /// last answer was a packet.
    ///
    /// `buffer_size`: the most bytes the caller wants to hold, at least 7. A larger PUBLISH comes in parts. Any other
    /// larger packet, and a PUBLISH whose head alone is larger, is refused with [`Fault::ExceedsBuffer`] as soon as its
    /// lengths tell. The largest head of 3.x has 65,544 bytes; in 5.0 there are properties in it.
    pub const fn new(decoder: Decoder, buffer_size: u32) -> Self {
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
        match self.state {
            State::BetweenPackets => self.packet(input),
            State::Head { header, is_oversized } => self.head(&header, is_oversized, input),
            State::Rest { remaining, is_oversized } => Ok(self.rest(remaining, is_oversized, input)),
        }
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

    fn packet<'a>(&mut self, input: &'a [u8]) -> Result<Option<(StreamEvent<'a>, usize)>, DecodeError> {
        let Some(header) = self.decoder.front(input)? else { return Ok(None) };
        let is_publish = header.packet_type == PacketType::Publish;
        let is_vital = matches!(header.packet_type, PacketType::Connect | PacketType::Connack);
        let largest_whole = if is_publish { self.largest_whole_publish } else { self.buffer_size };
        let is_oversized = match self.decoder.check_size(&header) {
            Ok(()) if header.packet_len() <= largest_whole as usize => return self.whole(&header, input),
            Ok(()) if is_publish => false,
            _ if self.skips_oversized && !is_vital => true,
            Ok(()) => return Err(exceeds_buffer(&header)),
            Err(error) => return Err(error),
        };
        self.state = State::Head { header, is_oversized };
        self.head(&header, is_oversized, input)
    }

    fn whole<'a>(
        &mut self,
        header: &FixedHeader,
        input: &'a [u8],
    ) -> Result<Option<(StreamEvent<'a>, usize)>, DecodeError> {
        let Some(body) = input.get(header.len..header.packet_len()) else {
            self.decoder.wait_for(header.packet_len());
            return Ok(None);
        };
        let (packet, len) = self.decoder.read(header, body)?;
        Ok(Some((StreamEvent::Packet(packet), len)))
    }

    /// Reads what is before the payload as if the packet ended there, so that the rules, and the places of faults, are
    /// those of whole packets.
    fn head<'a>(
        &mut self,
        header: &FixedHeader,
        is_oversized: bool,
        input: &'a [u8],
    ) -> Result<Option<(StreamEvent<'a>, usize)>, DecodeError> {
        if self.decoder.is_waiting(input) {
            return Ok(None);
        }
        // Nothing beyond the buffer is looked at, so that segments make no difference.
        let visible = header.packet_len().min(self.buffer_size as usize);
        let body = input.get(header.len..visible.min(input.len())).unwrap_or_default();
        let is_publish = header.packet_type == PacketType::Publish;
        let head_len = if is_publish { self.publish_head_len(header, body) } else { packet_id_len(header) };
        let head = FixedHeader { remaining_length: head_len, ..*header };
        if head.packet_len() > self.buffer_size as usize {
            return Err(exceeds_buffer(header));
        }
        let Some(body) = input.get(header.len..head.packet_len()) else {
            self.decoder.wait_for(head.packet_len());
            return Ok(None);
        };

        let size = size(header.packet_len());
        let remaining = size - self::size(head.packet_len());
        let event = if is_publish {
            match self.decoder.read(&head, body)?.0 {
                Packet::Publish(publish) if is_oversized => StreamEvent::OversizedPublish { publish, size },
                Packet::Publish(publish) if remaining > 0 => {
                    StreamEvent::Head { publish, payload_len: remaining }
                }
                whole => StreamEvent::Packet(whole),
            }
        } else {
            let packet_id = match head_len {
                0 => None,
                _ => Some(
                    Reader::new(body)
                        .packet_id()
                        .map_err(|error| error.located(header.packet_type, head.packet_len()))?,
                ),
            };
            StreamEvent::Oversized { packet_type: header.packet_type, packet_id, size }
        };
        self.consumed_but(remaining, is_oversized);
        Ok(Some((event, head.packet_len())))
    }

    /// Bytes of the body before the payload, as far as `body`, the start of it, tells. If `body` is shorter, that many
    /// must arrive before more can be said. If a field runs past the end of the packet: up to where its length is known.
    fn publish_head_len(&self, header: &FixedHeader, body: &[u8]) -> usize {
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

    fn rest<'a>(
        &mut self,
        remaining: u32,
        is_oversized: bool,
        input: &'a [u8],
    ) -> Option<(StreamEvent<'a>, usize)> {
        let part = input.get(..remaining as usize).unwrap_or(input);
        if part.is_empty() {
            return None;
        }
        let remaining = remaining - size(part.len());
        self.consumed_but(remaining, is_oversized);
        let event = if is_oversized {
            StreamEvent::Skipped { remaining }
        } else {
            StreamEvent::Payload { part, remaining }
        };
        Some((event, part.len()))
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

/// Bytes of a packet or a part of one.
const fn size(len: usize) -> u32 {
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
