//! From a stream of bytes to packets: framing, the size limit, and learning the version from CONNECT.
//!
//! Only this layer can say "need more bytes", and only about a packet whose fixed header is legal, whose size is within
//! the limit and which has not arrived completely. A malformed body is an error as soon as the packet is complete.

use bytes::BytesMut;

use crate::header::FixedHeader;
use crate::packet::{Dialect, Packet, peek_version};
use crate::string::TextRules;
use crate::{DecodeError, Fault, Frame, PacketType, ProtocolVersion, Side};

/// The largest packet MQTT can express, in bytes: the limit that is no limit.
pub const MAXIMUM_PACKET_SIZE: u32 = 268_435_460;

/// Decodes the packets that one side of a connection receives.
///
/// It holds no bytes: the caller keeps the input and removes what was consumed, so any segmentation of the stream gives
/// the same packets.
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
#[derive(Clone, Debug)]
pub struct Decoder {
    from: Side,
    version: Option<ProtocolVersion>,
    maximum_packet_size: u32,
    text: TextRules,
}

impl Decoder {
    /// Decodes what a Server receives. The version is learnt from CONNECT, which must come first.
    ///
    /// Refuses control characters and non-characters in strings, see
    /// [`refuse_disallowed_code_points`](Self::refuse_disallowed_code_points).
    pub const fn server() -> Self {
        Self {
            from: Side::Client,
            version: None,
            maximum_packet_size: MAXIMUM_PACKET_SIZE,
            text: TextRules { refuse_disallowed: true },
        }
    }

    /// Decodes what a Client receives that sent a CONNECT of `version`.
    ///
    /// Accepts control characters and non-characters in strings: a Client that refused them could be disconnected again
    /// and again by one stored message.
    pub const fn client(version: ProtocolVersion) -> Self {
        Self {
            from: Side::Server,
            version: Some(version),
            maximum_packet_size: MAXIMUM_PACKET_SIZE,
            text: TextRules { refuse_disallowed: false },
        }
    }

    /// The version of the connection, as the last CONNECT names it; `None` until a Server's decoder has seen one.
    pub const fn version(&self) -> Option<ProtocolVersion> {
        self.version
    }

    /// For a stream that is joined after its CONNECT.
    #[must_use = "the decoder is returned"]
    pub const fn with_version(self, version: ProtocolVersion) -> Self {
        Self { version: Some(version), ..self }
    }

    /// Refuses packets of more than `bytes` bytes, fixed header included, from now on. The size is known, and judged,
    /// before the body has arrived.
    pub const fn set_maximum_packet_size(&mut self, bytes: u32) {
        self.maximum_packet_size = bytes;
    }

    /// Whether strings with code points that senders SHOULD NOT use are refused: U+0001 to U+001F, U+007F to U+009F and
    /// non-characters (section 1.5.4). A receiver MAY refuse them.
    pub const fn refuse_disallowed_code_points(&mut self, refuse: bool) {
        self.text.refuse_disallowed = refuse;
    }

    /// The first packet in `input`, and how many bytes it takes. `None`: the packet is not complete.
    ///
    /// # Errors
    /// [`DecodeError`] when the input does not begin with a valid packet; the connection cannot go on then.
    #[inline]
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Option<(Packet<'a>, usize)>, DecodeError> {
        let Some(header) = self.header(input)? else { return Ok(None) };
        let Some(body) = input.get(header.len..header.packet_len()) else { return Ok(None) };
        let version = version_of(&header, body, self.version, self.from)?;
        let packet =
            Packet::decode_body(&header, body, Dialect { version, from: self.from, text: self.text })?;
        self.version = Some(version);
        Ok(Some((packet, header.packet_len())))
    }

    /// Takes the first packet out of `input`, without copying it. `None`: the packet is not complete, and `input` is
    /// as it was.
    ///
    /// # Errors
    /// [`DecodeError`] when the input does not begin with a valid packet; `input` is as it was.
    pub fn decode_frame(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        let Some((_, len)) = self.decode(input)? else { return Ok(None) };
        let version = self.version.unwrap_or(ProtocolVersion::V5_0);
        Ok(Some(Frame::new(input.split_to(len).freeze(), version, self.from)))
    }

    /// As [`decode_frame`](Self::decode_frame), and hands out the packet too, so that it is not decoded again. The frame
    /// is put into `slot`, which the packet borrows from.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use mqtt_codec::{Decoder, Packet, ProtocolVersion};
    ///
    /// let mut input = BytesMut::from(&b"\x30\x07\x00\x03a/bhi"[..]);
    /// let mut slot = None;
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
        slot: &'s mut Option<Frame>,
    ) -> Result<Option<(Packet<'s>, &'s Frame)>, DecodeError> {
        let Some(header) = self.header(input)? else { return Ok(None) };
        if input.len() < header.packet_len() {
            return Ok(None);
        }
        let bytes = input.split_to(header.packet_len()).freeze();
        let version =
            version_of(&header, bytes.get(header.len..).unwrap_or_default(), self.version, self.from)?;
        let frame: &Frame = slot.insert(Frame::new(bytes, version, self.from));
        let body = frame.bytes().get(header.len..).unwrap_or_default();
        let packet =
            Packet::decode_body(&header, body, Dialect { version, from: self.from, text: self.text })?;
        self.version = Some(version);
        Ok(Some((packet, frame)))
    }

    /// How many more bytes are needed at least before [`decode`](Self::decode) can make progress; 0 when it can.
    pub fn needed(&self, input: &[u8]) -> usize {
        match self.header(input) {
            Ok(None) => 1,
            Ok(Some(header)) => header.packet_len().saturating_sub(input.len()),
            Err(_) => 0,
        }
    }

    /// The first fixed header in `input`, judged.
    #[inline]
    fn header(&self, input: &[u8]) -> Result<Option<FixedHeader>, DecodeError> {
        let Some(header) = FixedHeader::read(input)? else { return Ok(None) };
        match self.version {
            Some(version) => header.check(version, self.from)?,
            None if header.packet_type == PacketType::Connect => {}
            None => return Err(DecodeError::in_header(Fault::NotConnect, Some(header.packet_type))),
        }
        if header.packet_len() > self.maximum_packet_size as usize {
            return Err(DecodeError::in_header(Fault::PacketTooLarge, Some(header.packet_type)));
        }
        Ok(Some(header))
    }
}

/// The version a body is read by: the one of the connection, or for CONNECT the one it names.
#[inline]
fn version_of(
    header: &FixedHeader,
    body: &[u8],
    known: Option<ProtocolVersion>,
    from: Side,
) -> Result<ProtocolVersion, DecodeError> {
    match known {
        Some(version) if header.packet_type != PacketType::Connect => Ok(version),
        _ => {
            let version =
                peek_version(body).map_err(|error| error.located(header.packet_type, header.packet_len()))?;
            header.check(version, from)?;
            Ok(version)
        }
    }
}

/// Decodes `frame`, which holds exactly one packet that a decoder has accepted before.
pub(crate) fn decode_again(
    frame: &[u8],
    version: ProtocolVersion,
    from: Side,
) -> Result<Packet<'_>, DecodeError> {
    let header = FixedHeader::read(frame)?.ok_or(DecodeError::in_header(Fault::Truncated, None))?;
    let body = frame.get(header.len..).ok_or(DecodeError::in_header(Fault::Truncated, None))?;
    let version = version_of(&header, body, Some(version), from)?;
    Packet::decode_body(&header, body, Dialect { version, from, text: TextRules::CHECKED })
}
