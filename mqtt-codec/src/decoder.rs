//! From a stream of bytes to packets: framing, the size limit, and learning the version from CONNECT.
//!
//! Only this layer can say "need more bytes", and only about a packet whose type, direction and reserved flags are legal,
//! whose size is within the limit and which has not arrived completely. A malformed body is an error as soon as the packet is complete.

use core::num::NonZeroU32;

use bytes::BytesMut;

use crate::dialect::Dialect;
use crate::header::{FirstByte, FixedHeader};
use crate::packet::{Packet, ReasonAck, ShortAck, peek_version};
use crate::reader::Reader;
use crate::string::TextRules;
use crate::{
    Connect, DecodeError, Deviation, Deviations, Fault, Frame, FrameSlot, PacketType, ProtocolVersion,
    Puback, Publish, Side, work,
};

/// The largest packet MQTT can express, in bytes: the limit that is no limit.
pub const MAXIMUM_PACKET_SIZE: u32 = 268_435_460;

/// Decodes the packets that one side of a connection receives.
///
/// It belongs to one connection, and holds no bytes: the caller keeps the input, adds what arrives and removes what was consumed. So any segmentation of
/// the stream gives the same packets. While a packet is incomplete, the decoder remembers how many bytes it waits for: no
/// body is looked at before it is complete, and all in all no more than two bytes are read for each that arrives.
///
/// ```
/// use mqtt_codec::{Decoder, Packet, ProtocolVersion};
///
/// let stream = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3C\x00\x04test\xC0\x00";
/// let mut decoder = Decoder::server();
/// let Some((Packet::Connect(connect), len)) = decoder.decode(stream)? else { panic!("a complete CONNECT") };
/// assert_eq!(connect.fields().client_id, "test");
/// assert_eq!(decoder.version(), Some(ProtocolVersion::V3_1_1));
/// assert_eq!(decoder.decode(&stream[len..])?, Some((Packet::Pingreq, 2)));
/// # Ok::<(), mqtt_codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, Hash)]
pub struct Decoder {
    /// With the version once it is known.
    dialect: Dialect,
    is_version_known: bool,
    named_version: Option<ProtocolVersion>,
    maximum_packet_size: u32,
    /// The packet at the front of the input is known to be incomplete below this many bytes. So that no byte is read
    /// again and again while a packet arrives; 0 when nothing is known.
    waiting_for: u32,
}

/// A Server's limit unless it sets another, see [`Decoder::set_maximum_user_properties`].
const MAXIMUM_USER_PROPERTIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(1023);

impl Decoder {
    /// Decodes what a Server receives. The version is learnt from CONNECT, which must come first.
    ///
    /// Refuses control characters and non-characters in strings, see
    /// [`refuse_disallowed_code_points`](Self::refuse_disallowed_code_points).
    pub const fn server() -> Self {
        Self {
            dialect: Dialect {
                version: ProtocolVersion::V5_0,
                from: Side::Client,
                text: TextRules { refuse_disallowed: true, topic_may_be_other: false },
                accepted: Deviations::NONE,
                maximum_user_properties: MAXIMUM_USER_PROPERTIES,
                maximum_subscription_identifiers: NonZeroU32::MAX,
            },
            is_version_known: false,
            named_version: None,
            maximum_packet_size: MAXIMUM_PACKET_SIZE,
            waiting_for: 0,
        }
    }

    /// Decodes what a Client receives that sent a CONNECT of `version`.
    ///
    /// Accepts control characters and non-characters in strings: a Client that refused them could be disconnected again
    /// and again by one stored message.
    pub const fn client(version: ProtocolVersion) -> Self {
        Self {
            dialect: Dialect {
                version,
                from: Side::Server,
                text: TextRules { refuse_disallowed: false, topic_may_be_other: false },
                accepted: Deviations::NONE,
                maximum_user_properties: NonZeroU32::MAX,
                maximum_subscription_identifiers: NonZeroU32::MAX,
            },
            is_version_known: true,
            named_version: None,
            maximum_packet_size: MAXIMUM_PACKET_SIZE,
            waiting_for: 0,
        }
    }

    /// The version of the connection, as the last CONNECT names it; `None` until a Server's decoder has seen one.
    pub const fn version(&self) -> Option<ProtocolVersion> {
        if self.is_version_known { Some(self.dialect.version) } else { None }
    }

    /// The version that the last CONNECT named, be it valid or not: a Server answers in this one. `None` also when there is no
    /// such version.
    pub const fn named_version(&self) -> Option<ProtocolVersion> {
        self.named_version
    }

    /// The side whose packets it decodes.
    #[cfg(feature = "tokio-util")]
    pub(crate) const fn sent_by(&self) -> Side {
        self.dialect.from
    }

    /// For a stream that is joined after its CONNECT.
    #[must_use = "the decoder is returned"]
    pub const fn with_version(self, version: ProtocolVersion) -> Self {
        Self { dialect: Dialect { version, ..self.dialect }, is_version_known: true, waiting_for: 0, ..self }
    }

    /// Refuses packets of more than `bytes` bytes, fixed header included, from now on, with [`Fault::PacketTooLarge`]. The size
    /// is known, and judged, before the body has arrived. At first it is [`MAXIMUM_PACKET_SIZE`].
    ///
    /// In 5.0 this is what the receiver announces as Maximum Packet Size `[MQTT-3.1.2-24]`, `[MQTT-3.2.2-15]`; 3.x announces
    /// none. To pass over such packets instead, see [`StreamDecoder::skip_oversized`](crate::StreamDecoder::skip_oversized).
    pub const fn set_maximum_packet_size(&mut self, bytes: u32) {
        self.maximum_packet_size = bytes;
        // A packet that is arriving is judged again.
        self.waiting_for = 0;
    }

    /// Whether strings with code points that senders SHOULD NOT use are refused, with [`Fault::DisallowedCodePoint`]: U+0001 to
    /// U+001F, U+007F to U+009F and non-characters (section 1.5.4). A receiver MAY refuse them. A Server's decoder does at first,
    /// a Client's does not.
    pub const fn refuse_disallowed_code_points(&mut self, refuse: bool) {
        self.dialect.text.refuse_disallowed = refuse;
    }

    /// Accepts these deviations from the specification, and no others, from now on.
    ///
    /// ```
    /// use mqtt_codec::{Decoder, Deviation, Deviations, ProtocolVersion};
    ///
    /// let subscribe = b"\x80\x06\x00\x07\x00\x01a\x00";
    /// let mut decoder = Decoder::server().with_version(ProtocolVersion::V3_1_1);
    /// assert!(decoder.decode(subscribe).is_err(), "the flags have to be 2");
    /// decoder.accept(Deviations::NONE.with(Deviation::ReservedFlags));
    /// assert!(decoder.decode(subscribe).is_ok());
    /// ```
    pub const fn accept(&mut self, deviations: Deviations) {
        self.dialect.accepted = deviations;
        self.dialect.text.topic_may_be_other = deviations.has(Deviation::TopicNotUtf8);
    }

    /// Refuses more than `limit` User Properties in one set of properties, with [`Fault::TooManyProperties`]: for the sake
    /// of who walks or stores them, decoding itself is linear in bytes.
    ///
    /// A Server's decoder begins with 1,024. A Client's has no limit: a Client that refused what its Server has accepted
    /// could be disconnected again and again by one stored message.
    ///
    /// The specification has no such limit; to exceed one of an implementation is 0x97, Quota exceeded (section 4.13).
    pub const fn set_maximum_user_properties(&mut self, limit: NonZeroU32) {
        self.dialect.maximum_user_properties = limit;
    }

    /// Refuses more than `limit` Subscription Identifiers in one PUBLISH, with [`Fault::TooManyProperties`]. There is no
    /// limit unless one is set: only a Server sends them, one for each of the Client's own subscriptions that match.
    pub const fn set_maximum_subscription_identifiers(&mut self, limit: NonZeroU32) {
        self.dialect.maximum_subscription_identifiers = limit;
    }

    /// The first packet in `input`, and how many bytes it takes, fixed header included. `None`: the packet is not complete;
    /// call again with the same bytes and more behind them.
    ///
    /// Input that may go on with the next packet, or be empty, is fine; [`needed`](Self::needed) says how much to wait for.
    ///
    /// # Errors
    /// [`DecodeError`] when the input does not begin with a valid packet; the connection cannot go on then `[MQTT-4.13.1-1]`.
    #[expect(clippy::inline_always, reason = "to hand a packet over in memory costs as much as to decode it")]
    #[inline(always)]
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Option<(Packet<'a>, usize)>, DecodeError> {
        let Some(header) = self.complete(input)? else { return Ok(None) };
        let len = header.packet_len();
        let body = input.get(header.len..len).unwrap_or_default();
        // Straight into the result: a packet of any kind that is unpacked to be packed again is moved through memory, which takes longer
        // than to decode it.
        match header.packet_type {
            PacketType::Publish => {
                Ok(Some((Packet::Publish(read_publish(&header, body, &self.dialect)?), len)))
            }
            PacketType::Puback => {
                work::add(body.len());
                let puback = Puback::decode(&mut Reader::new(body), &self.dialect)
                    .map_err(|error| error.located(PacketType::Puback, len))?;
                Ok(Some((Packet::Puback(puback), len)))
            }
            PacketType::Connect => {
                work::add(body.len());
                Ok(Some((Packet::Connect(self.read_connect(&header, body)?), len)))
            }
            _ => Ok(Some((self.read(header, body)?, len))),
        }
    }

    /// As [`decode`](Self::decode), if the first packet is a PUBLISH: what most of the packets are to which speed matters need not be
    /// taken out of a [`Packet`] then. `None` where it is another, too, which says nothing about the input.
    ///
    /// ```
    /// use mqtt_codec::{Decoder, ProtocolVersion};
    ///
    /// let mut decoder = Decoder::client(ProtocolVersion::V3_1_1);
    /// let (publish, len) = decoder.decode_publish(b"\x30\x07\x00\x03a/bhi")?.unwrap();
    /// assert_eq!((publish.payload, len), (&b"hi"[..], 9));
    /// assert_eq!(decoder.decode_publish(b"\xD0\x00")?, None);
    /// # Ok::<(), mqtt_codec::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] when `input` begins with a PUBLISH that is not valid.
    #[expect(clippy::inline_always, reason = "as for `decode`")]
    #[inline(always)]
    pub fn decode_publish<'a>(
        &mut self,
        input: &'a [u8],
    ) -> Result<Option<(Publish<'a>, usize)>, DecodeError> {
        if input.first().is_none_or(|first| first >> 4 != PacketType::Publish.bits()) {
            return Ok(None);
        }
        let Some(header) = self.complete(input)? else { return Ok(None) };
        let len = header.packet_len();
        let body = input.get(header.len..len).unwrap_or_default();
        Ok(Some((read_publish(&header, body, &self.dialect)?, len)))
    }

    /// The acknowledgement in four bytes that `input` begins with, if it does: what [`decode`](Self::decode) would decode, at a part of
    /// the cost. `None` says nothing about the input.
    #[inline]
    pub fn short_ack(&mut self, input: &[u8]) -> Option<ShortAck> {
        let ack = ShortAck::read(input)?;
        if !self.is_version_known || self.maximum_packet_size < ShortAck::SIZE {
            return None;
        }
        work::add(ShortAck::LEN);
        self.waiting_for = 0;
        Some(ack)
    }

    /// The answer to a PUBLISH in five bytes that `input` begins with, if it does: as [`short_ack`](Self::short_ack). There are none
    /// in 3.x.
    #[inline]
    pub fn reason_ack(&mut self, input: &[u8]) -> Option<ReasonAck> {
        if !self.is_version_known
            || !self.dialect.version.is_v5()
            || self.maximum_packet_size < ReasonAck::SIZE
        {
            return None;
        }
        let ack = ReasonAck::read(input, self.dialect.from)?;
        work::add(ReasonAck::LEN);
        self.waiting_for = 0;
        Some(ack)
    }

    /// Takes the first packet out of `input`, without copying it. `None`: the packet is not complete, and `input` is
    /// as it was; call again when more bytes have been added.
    ///
    /// # Errors
    /// [`DecodeError`] when the input does not begin with a valid packet; `input` is as it was.
    pub fn decode_frame(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        let Some((_, len)) = self.decode(input)? else { return Ok(None) };
        let Dialect { version, from, accepted, .. } = self.dialect;
        Ok(Some(Frame::new(input.split_to(len).freeze(), version, from, accepted)))
    }

    /// As [`decode_frame`](Self::decode_frame), and hands out the packet too, so that it is not decoded again. The frame
    /// is put into `slot`, which the packet borrows from.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use mqtt_codec::{Decoder, FrameSlot, Packet, ProtocolVersion};
    ///
    /// let mut input = BytesMut::from(&b"\x30\x07\x00\x03a/bhi"[..]);
    /// let mut slot = FrameSlot::new();
    /// let decoded = Decoder::client(ProtocolVersion::V3_1_1).decode_into(&mut input, &mut slot)?;
    /// let Some((Packet::Publish(publish), frame)) = decoded else { panic!("a PUBLISH") };
    /// assert_eq!(frame.slice(publish.payload), "hi");
    /// # Ok::<(), mqtt_codec::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] when the input does not begin with a valid packet. The packet may be gone from `input` then.
    #[inline]
    pub fn decode_into<'s>(
        &mut self,
        input: &mut BytesMut,
        slot: &'s mut FrameSlot,
    ) -> Result<Option<(Packet<'s>, &'s Frame)>, DecodeError> {
        slot.is_valid = false;
        let Some(header) = self.complete(input)? else { return Ok(None) };
        let bytes = input.split_to(header.packet_len()).freeze();
        let version = self.version_of(&header, bytes.get(header.len..).unwrap_or_default())?;
        let dialect = Dialect { version, ..self.dialect };
        let frame: &Frame = slot.frame.insert(Frame::new(bytes, version, dialect.from, dialect.accepted));
        let body = frame.bytes().get(header.len..).unwrap_or_default();
        // As in `decode`.
        if header.packet_type == PacketType::Publish {
            let publish = read_publish(&header, body, &dialect)?;
            slot.is_valid = true;
            return Ok(Some((Packet::Publish(publish), frame)));
        }
        work::add(body.len());
        let packet = Packet::decode_body(&header, body, &dialect)?;
        (self.dialect.version, self.is_version_known, slot.is_valid) = (version, true, true);
        Ok(Some((packet, frame)))
    }

    /// How many more bytes are needed at least before [`decode`](Self::decode) can make progress; 0 when it can. Once the fixed
    /// header is there, exactly what the packet lacks, at most what the maximum packet size allows.
    pub fn needed(&self, input: &[u8]) -> usize {
        let known = self.missing(input);
        if known > 0 {
            return known;
        }
        match self.header(input) {
            Ok(None) => 1,
            Ok(Some(header)) if self.check_size(&header).is_ok() => {
                header.packet_len().saturating_sub(input.len())
            }
            Ok(Some(_)) | Err(_) => 0,
        }
    }

    /// The fixed header at the front, judged, once the packet behind it is complete.
    #[expect(clippy::inline_always, reason = "as for `decode`")]
    #[inline(always)]
    fn complete(&mut self, input: &[u8]) -> Result<Option<FixedHeader>, DecodeError> {
        let Some(header) = self.front(input)? else { return Ok(None) };
        self.check_size(&header)?;
        if input.len() < header.packet_len() {
            self.wait_for(header.packet_len());
            return Ok(None);
        }
        Ok(Some(header))
    }

    /// The fixed header at the front, judged but for the size of its packet. `None`: it is not complete, or something has
    /// been [waited for](Self::wait_for) that is not there yet.
    #[expect(clippy::inline_always, reason = "as for `decode`")]
    #[inline(always)]
    pub(crate) fn front(&mut self, input: &[u8]) -> Result<Option<FixedHeader>, DecodeError> {
        if self.waiting_for != 0 && self.is_waiting(input) {
            return Ok(None);
        }
        let Some(header) = self.header(input)? else {
            self.wait_for(input.len() + 1);
            return Ok(None);
        };
        Ok(Some(header))
    }

    /// Nothing can be said about the front of the input before it has `len` bytes, at most 268,435,460.
    pub(crate) const fn wait_for(&mut self, len: usize) {
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the largest packet")]
        let len = len as u32;
        self.waiting_for = len;
    }

    /// Whether `input` lacks what is waited for; if not, that is forgotten.
    pub(crate) const fn is_waiting(&mut self, input: &[u8]) -> bool {
        if self.missing(input) > 0 {
            return true;
        }
        self.waiting_for = 0;
        false
    }

    /// How many bytes `input` lacks of what is waited for.
    pub(crate) const fn missing(&self, input: &[u8]) -> usize {
        (self.waiting_for as usize).saturating_sub(input.len())
    }

    /// The first fixed header in `input`, judged but for the size of its packet.
    #[expect(clippy::inline_always, reason = "as for `decode`")]
    #[inline(always)]
    fn header(&self, input: &[u8]) -> Result<Option<FixedHeader>, DecodeError> {
        let Some(first) = FirstByte::read(input)? else { return Ok(None) };
        if self.is_version_known {
            first.check(&self.dialect)?;
        } else if first.packet_type != PacketType::Connect {
            return Err(DecodeError::in_header(Fault::NotConnect, Some(first.packet_type)));
        }
        let Some(header) = FixedHeader::read_behind(first, input)? else {
            work::add(input.len());
            return Ok(None);
        };
        work::add(header.len);
        if self.is_version_known {
            header.check_form(&self.dialect)?;
        }
        Ok(Some(header))
    }

    #[inline]
    pub(crate) const fn check_size(&self, header: &FixedHeader) -> Result<(), DecodeError> {
        if header.packet_len() > self.maximum_packet_size as usize {
            return Err(DecodeError::in_header(Fault::PacketTooLarge, Some(header.packet_type)));
        }
        Ok(())
    }

    /// The packet of this header and body.
    #[expect(clippy::inline_always, reason = "as for `decode`")]
    #[inline(always)]
    pub(crate) fn read<'a>(
        &mut self,
        header: FixedHeader,
        body: &'a [u8],
    ) -> Result<Packet<'a>, DecodeError> {
        work::add(body.len());
        if header.packet_type == PacketType::Connect {
            self.read_connect(&header, body).map(Packet::Connect)
        } else {
            Packet::decode_body(&header, body, &self.dialect)
        }
    }

    #[inline(never)]
    fn read_connect<'a>(&mut self, header: &FixedHeader, body: &'a [u8]) -> Result<Connect<'a>, DecodeError> {
        let version = self.version_of(header, body)?;
        let connect = Connect::decode(&mut Reader::new(body), &Dialect { version, ..self.dialect })
            .map_err(|error| error.located(PacketType::Connect, header.packet_len()))?;
        (self.dialect.version, self.is_version_known) = (version, true);
        Ok(connect)
    }

    /// The version a body is read by: the one of the connection, or for CONNECT the one it names.
    #[inline]
    fn version_of(&mut self, header: &FixedHeader, body: &[u8]) -> Result<ProtocolVersion, DecodeError> {
        if header.packet_type != PacketType::Connect {
            return Ok(self.dialect.version);
        }
        let version = named_version(header, body, &self.dialect)?;
        self.named_version = Some(version);
        Ok(version)
    }
}

/// The PUBLISH of this header and body.
#[expect(clippy::inline_always, reason = "as for `decode`")]
#[inline(always)]
fn read_publish<'a>(
    header: &FixedHeader,
    body: &'a [u8],
    dialect: &Dialect,
) -> Result<Publish<'a>, DecodeError> {
    work::add(body.len());
    Publish::decode(header.flags, &mut Reader::new(body), dialect)
        .map_err(|error| error.located(PacketType::Publish, header.packet_len()))
}

/// The version a CONNECT names, and whether its header is legal in it.
fn named_version(
    header: &FixedHeader,
    body: &[u8],
    dialect: &Dialect,
) -> Result<ProtocolVersion, DecodeError> {
    // Protocol Name and Protocol Version.
    work::add(body.len().min(9));
    let version =
        peek_version(body).map_err(|error| error.located(header.packet_type, header.packet_len()))?;
    header.check(&Dialect { version, ..*dialect })?;
    Ok(version)
}

/// Decodes `frame`, which holds exactly one packet that a decoder has accepted before.
pub(crate) fn decode_again(
    frame: &[u8],
    version: ProtocolVersion,
    from: Side,
    accepted: Deviations,
) -> Result<Packet<'_>, DecodeError> {
    let header = FixedHeader::read(frame)?.ok_or(DecodeError::in_header(Fault::Truncated, None))?;
    let body = frame.get(header.len..).ok_or(DecodeError::in_header(Fault::Truncated, None))?;
    let mut dialect = Dialect { accepted, ..Dialect::checked(version, from) };
    if header.packet_type == PacketType::Connect {
        dialect.version = named_version(&header, body, &dialect)?;
    }
    Packet::decode_again(&header, body, &dialect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    use crate::header;

    /// A packet of this first byte and body, in as few bytes as 5.0 demands.
    fn packet(first_byte: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        header::put(first_byte, body.len(), crate::writer::Direct(&mut bytes));
        bytes.extend_from_slice(body);
        bytes
    }

    /// One packet of each size class, the smallest there are among them.
    fn packets() -> [Vec<u8>; 9] {
        let publish = |payload: usize| packet(0x30, &[b"\x00\x01a\x00", &*alloc::vec![0; payload]].concat());
        [
            packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00"),
            packet(0xC0, b""),
            packet(0x40, b"\x00\x01"),
            packet(0x40, b"\x00\x01\x00\x00"),
            packet(0x82, b"\x00\x01\x00\x00\x01a\x00"),
            publish(0),
            publish(128),
            publish(20_000),
            publish(2_100_000),
        ]
    }

    /// The work of decoding a stream in segments of `size`, with [`Decoder::needed`] asked after each.
    fn work_for(
        stream: &[u8],
        size: usize,
        mut step: impl FnMut(&mut Decoder, &mut BytesMut) -> bool,
    ) -> usize {
        let (mut decoder, mut input) = (Decoder::server(), BytesMut::new());
        work::take();
        for segment in stream.chunks(size) {
            input.extend_from_slice(segment);
            while step(&mut decoder, &mut input) {}
            assert!(decoder.needed(&input) > 0);
        }
        assert!(input.is_empty());
        work::take()
    }

    #[test]
    fn case_12_at_most_two_bytes_are_examined_for_each_that_is_received() {
        let stream = packets().concat();
        let check = |size: usize, examined: usize| {
            assert!(
                examined >= stream.len(),
                "segments of {size}: {examined} bytes, the counter is not in place"
            );
            assert!(examined <= 2 * stream.len(), "segments of {size}: {examined} of {} bytes", stream.len());
        };
        for size in [1, 2, 3, 5, 64, 1000, 65_536, stream.len()] {
            check(
                size,
                work_for(&stream, size, |decoder, input| decoder.decode_frame(input).unwrap().is_some()),
            );
            let mut slot = FrameSlot::new();
            check(
                size,
                work_for(&stream, size, |decoder, input| {
                    decoder.decode_into(input, &mut slot).unwrap().is_some()
                }),
            );
        }
    }

    #[test]
    fn a_slot_gives_away_what_is_valid_alone() {
        let publish = packet(0x30, b"\x00\x01ab");
        let mut decoder = Decoder::client(ProtocolVersion::V3_1_1);
        let mut decode = |mut slot: FrameSlot, bytes: &[u8]| {
            let _ = decoder.decode_into(&mut BytesMut::from(bytes), &mut slot);
            slot
        };
        let slot = decode(FrameSlot::new(), &publish);
        assert_eq!(slot.into_frame().map(Frame::into_bytes).as_deref(), Some(&publish[..]));
        for left_over in [&publish[..], b"\x30\x80\x80\x80\x80"] {
            // A wildcard, too little, nothing.
            for bytes in [&packet(0x30, b"\x00\x01#")[..], &publish[..3], b""] {
                let slot = decode(FrameSlot::new(), left_over);
                assert!(decode(slot, bytes).into_frame().is_none(), "{bytes:02X?}");
            }
        }
    }

    #[test]
    fn nothing_is_examined_when_nothing_has_arrived() {
        let publish = packet(0x30, &[0; 200]);
        let mut decoder = Decoder::client(ProtocolVersion::V3_1_1);
        for end in 1..publish.len() {
            assert_eq!(decoder.decode(&publish[..end]), Ok(None));
            work::take();
            assert_eq!(decoder.decode(&publish[..end]), Ok(None));
            assert!(decoder.needed(&publish[..end]) > 0);
            assert_eq!(work::take(), 0);
        }
    }

    #[test]
    fn case_12_holds_for_every_packet_and_every_pair_of_cuts() {
        for packet in packets().iter().filter(|packet| packet.len() < 200) {
            for first in 0..=packet.len() {
                for second in first..=packet.len() {
                    let mut decoder = Decoder::server();
                    if packet[0] != 0x10 {
                        decoder = decoder.with_version(ProtocolVersion::V5_0);
                    }
                    work::take();
                    for end in [first, second, packet.len()] {
                        let complete = decoder.decode(&packet[..end]).unwrap().is_some();
                        assert_eq!(complete, end == packet.len());
                        if complete {
                            break;
                        }
                    }
                    assert!(work::take() <= 2 * packet.len(), "{packet:02X?} cut at {first} and {second}");
                }
            }
        }
    }
}
