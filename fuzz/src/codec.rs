//! The checks behind the targets `decode`, `split` and `round_trip`. Each panics when the codec breaks its contract.
//!
//! The first byte of an input selects the decoder (see [`decoder`]), the rest is what arrives.
//!
//! `decode` and `split` allocate nothing but what the codec does, and format nothing: they run billions of times. What
//! is slow to check is checked by `round_trip`.

use core::fmt::{self, Write};
use core::hint::black_box;
use core::num::NonZeroU32;

use bytes::{Bytes, BytesMut};
use mqtt_codec::{
    ConnectFields, DecodeError, Decoder, Deviation, Deviations, EncodeError, Fault, MAXIMUM_PACKET_SIZE,
    Packet, PacketType, ProtocolVersion, Publish, PublishReason, ReleaseReason, Side, StreamDecoder,
    StreamEvent, SubackReason,
};

/// What selectors stand for: three roles in three versions, each with eight sets of switches.
pub const SELECTORS: u8 = 72;

/// The selector of the same decoder, but one that accepts all deviations.
pub const DEVIATIONS: u8 = 36;

/// The Maximum Packet Size of the decoders that have one, in bytes.
const LIMIT: u32 = 40;

/// The decoder an input selects, with the side that sends: a Client or a Server of each version behind its CONNECT,
/// or a Server that waits for CONNECT; as it comes, or with any of these: the tightest limits, the other rule for strings,
/// all deviations accepted.
pub fn decoder(selector: u8) -> (Decoder, Side) {
    let (mut decoder, from) = plain_decoder(selector);
    if limit(selector) < MAXIMUM_PACKET_SIZE {
        decoder.set_maximum_packet_size(LIMIT);
        decoder.set_maximum_user_properties(NonZeroU32::MIN);
        decoder.set_maximum_subscription_identifiers(NonZeroU32::MIN);
    }
    if selector / 18 % 2 == 1 {
        decoder.refuse_disallowed_code_points(from == Side::Server);
    }
    if accepts_deviations(selector) {
        decoder.accept(Deviations::ALL);
    }
    (decoder, from)
}

fn plain_decoder(selector: u8) -> (Decoder, Side) {
    let version = ProtocolVersion::ALL[usize::from(selector % 3)];
    match selector / 3 % 3 {
        0 => (Decoder::client(version), Side::Server),
        1 => (Decoder::server().with_version(version), Side::Client),
        _ => (Decoder::server(), Side::Client),
    }
}

const fn limit(selector: u8) -> u32 {
    if selector / 9 % 2 == 1 { LIMIT } else { MAXIMUM_PACKET_SIZE }
}

const fn accepts_deviations(selector: u8) -> bool {
    selector / DEVIATIONS % 2 == 1
}

/// The selector of the plain decoder that receives what `from` sends: the inverse of [`decoder`].
pub fn selector(version: ProtocolVersion, from: Side, packet_type: PacketType) -> u8 {
    let side = match from {
        Side::Server => 0,
        Side::Client if packet_type == PacketType::Connect => 6,
        Side::Client => 3,
    };
    side + version as u8
}

/// Any bytes are packets, an error or incomplete, and say so consistently.
pub fn decode(data: &[u8]) {
    let Some((&selector, mut input)) = data.split_first() else { return };
    let (mut decoder, from) = decoder(selector);
    loop {
        let needed = decoder.needed(input);
        let before = decoder.clone();
        let result = decoder.decode(input);
        check_switches(selector, before, input, &result);
        match result {
            Ok(Some((packet, len))) => {
                assert_eq!(needed, 0);
                assert_eq!(decoder.needed(&input[..len - 1]), 1, "one byte short");
                assert!(len <= limit(selector) as usize);
                let version = decoder.version().expect("a packet has been decoded");
                assert!(packet.packet_type().may_be_sent_by(from, version));
                assert_eq!(packet.packet_type().bits(), input[0] >> 4);
                walk(&packet);
                input = &input[len..];
            }
            Ok(None) => {
                assert!(needed > 0, "incomplete, but nothing is needed");
                assert!(input.len() + needed <= limit(selector) as usize);
                return;
            }
            Err(error) => {
                assert_eq!(needed, 0, "more bytes do not mend an error");
                check_error(error, input, from);
                return;
            }
        }
    }
}

/// A limit or a rule turns packets into errors of its own kind, an accepted deviation turns errors of its own kind into
/// something else, and they change nothing else.
fn check_switches(
    selector: u8,
    mut decoder: Decoder,
    input: &[u8],
    result: &Result<Option<(Packet<'_>, usize)>, DecodeError>,
) {
    if selector % SELECTORS < 9 {
        return;
    }
    if accepts_deviations(selector) {
        let mut strict = decoder.clone();
        strict.accept(Deviations::NONE);
        match strict.decode(input) {
            Err(error) if is_deviation(error) => {}
            answer => assert_eq!(*result, answer),
        }
    }
    decoder.set_maximum_packet_size(MAXIMUM_PACKET_SIZE);
    decoder.set_maximum_user_properties(NonZeroU32::MAX);
    decoder.set_maximum_subscription_identifiers(NonZeroU32::MAX);
    decoder.refuse_disallowed_code_points(false);
    let free = decoder.decode(input);
    match result.map_err(|error| error.fault()) {
        Err(Fault::PacketTooLarge) => {
            let len = match free {
                Ok(Some((_, len))) => len,
                Ok(None) => input.len() + decoder.needed(input),
                Err(_) => usize::MAX,
            };
            assert!(limit(selector) == LIMIT && len > LIMIT as usize);
        }
        // What is behind the code point or the property may be wrong too.
        Err(Fault::DisallowedCodePoint) => {
            assert_eq!(selector / 18 % 2 == 1, (selector / 3).is_multiple_of(3));
        }
        Err(Fault::TooManyProperties) => assert!(limit(selector) == LIMIT),
        _ => assert_eq!(*result, free),
    }
}

/// What a decoder that accepts deviations need not refuse.
fn is_deviation(error: DecodeError) -> bool {
    if error.fault() == Fault::Truncated {
        // Its Property Length may be missing.
        return error.packet_type() == Some(PacketType::Connack);
    }
    matches!(
        error.fault(),
        Fault::NotUtf8
            | Fault::InvalidTopicFilter
            | Fault::InvalidSharedSubscription
            | Fault::VariableByteIntegerPadded
            | Fault::ReservedFlags
            | Fault::DupWithQoS0
            | Fault::WillQoSWithoutWill
            | Fault::WillRetainWithoutWill
            | Fault::PasswordWithoutUserName
            | Fault::TrailingBytes
    )
}

/// Reads what a packet hands out on demand, where nothing may fail any more.
fn walk(packet: &Packet<'_>) {
    macro_rules! properties {
        ($set:expr) => {
            for property in &$set {
                assert!($set.contains(property.id()), "{} is not announced", property.id());
                black_box(property);
            }
        };
    }
    match packet {
        Packet::Connect(connect) => {
            let fields = connect.fields();
            properties!(fields.properties);
            if let Some(will) = &fields.will {
                properties!(will.properties);
            }
            black_box(fields);
        }
        Packet::Connack(connack) => properties!(connack.properties),
        Packet::Publish(publish) => {
            properties!(publish.properties);
            assert!(publish.topic.is_some() || publish.properties.topic_alias().is_some());
        }
        Packet::Puback(puback) => properties!(puback.properties),
        Packet::Pubrec(pubrec) => properties!(pubrec.properties),
        Packet::Pubrel(pubrel) => properties!(pubrel.properties),
        Packet::Pubcomp(pubcomp) => properties!(pubcomp.properties),
        Packet::Subscribe(subscribe) => {
            properties!(subscribe.properties);
            assert!(!subscribe.subscriptions.is_empty());
        }
        Packet::Suback(suback) => {
            properties!(suback.properties);
            assert!(!suback.reasons.is_empty());
        }
        Packet::Unsubscribe(unsubscribe) => {
            properties!(unsubscribe.properties);
            assert!(!unsubscribe.filters.is_empty());
        }
        Packet::Unsuback(unsuback) => properties!(unsuback.properties),
        Packet::Disconnect(disconnect) => properties!(disconnect.properties),
        Packet::Auth(auth) => {
            properties!(auth.properties);
            assert!(auth.properties.authentication_method().is_some());
        }
        Packet::Pingreq | Packet::Pingresp => {}
    }
}

fn check_error(error: DecodeError, input: &[u8], from: Side) {
    assert!(error.offset() as usize <= input.len());
    assert!(!error.clause().is_empty());
    assert_eq!(
        error.packet_type().is_none(),
        error.fault() == Fault::ReservedPacketType && input[0] >> 4 == 0
    );
    let receiver = if from == Side::Client { Side::Server } else { Side::Client };
    assert!(error.disconnect_reason().may_be_sent_by(receiver), "the receiver may not send {error}");
    assert!(error.disconnect_reason().is_error() && error.connack_reason().is_error());
}

/// A stream gives the same packets and the same end in any segmentation. The second byte selects the segments.
pub fn split(data: &[u8]) {
    let [selector, seed, stream @ ..] = data else { return };
    split_borrowed(*selector, stream);
    split_owned(*selector, stream, *seed);
    split_streamed(*selector, stream, *seed);
}

/// The stream decoded as a whole: what every segmentation must agree with, packet by packet.
struct Whole<'a> {
    decoder: Decoder,
    rest: &'a [u8],
}

impl<'a> Whole<'a> {
    fn new(selector: u8, stream: &'a [u8]) -> Self {
        Self { decoder: decoder(selector).0, rest: stream }
    }

    /// The next packet with its bytes; at the end the error, or `None` for bytes that wait for more.
    fn next(&mut self) -> Result<Option<(Packet<'a>, &'a [u8])>, DecodeError> {
        let Some((packet, len)) = self.decoder.decode(self.rest)? else { return Ok(None) };
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(Some((packet, bytes)))
    }
}

/// Byte by byte, in the caller's buffer.
fn split_borrowed(selector: u8, stream: &[u8]) {
    let mut whole = Whole::new(selector, stream);
    let (mut decoder, _) = decoder(selector);
    let (mut start, mut end) = (0, 0);
    loop {
        match decoder.decode(&stream[start..end]) {
            Ok(None) if end < stream.len() => end += 1,
            Ok(None) => {
                assert_eq!(whole.next(), Ok(None));
                assert_eq!(whole.rest.len(), end - start);
                return;
            }
            Ok(Some((packet, len))) => {
                assert_eq!(len, end - start, "complete before its last byte");
                assert_eq!(whole.next(), Ok(Some((packet, &stream[start..end]))));
                start = end;
            }
            Err(error) => {
                assert_eq!(whole.next(), Err(error));
                return;
            }
        }
    }
}

/// In segments of 1 to 16 bytes, in an order that depends on `seed`, out of a `BytesMut`.
fn split_owned(selector: u8, stream: &[u8], seed: u8) {
    let mut whole = Whole::new(selector, stream);
    let (mut decoder, _) = decoder(selector);
    let mut input = BytesMut::with_capacity(stream.len());
    for segment in segments(stream, seed) {
        input.extend_from_slice(segment);
        loop {
            let before = input.len();
            let mut slot = mqtt_codec::FrameSlot::new();
            let frame = if seed.is_multiple_of(2) {
                decoder.decode_frame(&mut input)
            } else {
                decoder.decode_into(&mut input, &mut slot).map(|found| {
                    found.map(|(packet, frame)| {
                        assert_eq!(packet, frame.packet());
                        frame.clone()
                    })
                })
            };
            match frame {
                Ok(Some(frame)) => {
                    let Ok(Some((packet, bytes))) = whole.next() else {
                        panic!("{frame} is not in the stream")
                    };
                    assert_eq!(frame.bytes(), bytes);
                    assert_eq!(frame.packet(), packet);
                    assert_eq!(Some(frame.version()), decoder.version());
                    assert_eq!(input.len() + bytes.len(), before, "bytes are lost");
                }
                Ok(None) => {
                    assert_eq!(input.len(), before);
                    break;
                }
                Err(error) => {
                    assert_eq!(whole.next(), Err(error));
                    return;
                }
            }
        }
    }
    assert_eq!(whole.next(), Ok(None));
    assert_eq!(input, whole.rest);
}

/// Through a buffer of fixed size, large packets in parts: the same as when all is there, and the same as whole packets.
fn split_streamed(selector: u8, stream: &[u8], seed: u8) {
    let choice = usize::from(seed >> 1);
    let buffer_size = [7, 20, 60, 300][choice % 4];
    let mut decoder = StreamDecoder::new(decoder(selector).0, buffer_size);
    decoder.stream_above([0, 12, 30, u32::MAX][choice / 4 % 4]);
    let skips = choice / 16 % 2 == 1;
    decoder.skip_oversized(skips);
    let is_owned = choice / 32 % 2 == 1;

    let mut whole = Whole::new(selector, stream);
    let mut at_once = decoder.clone();
    let (mut start, mut end) = (0, 0);
    // Where the rest of a packet ends that has been handed out in part.
    let mut rest_ends = 0;
    for segment in segments(stream, seed) {
        let arrived = end + segment.len();
        loop {
            end = arrived.min(start + buffer_size as usize);
            let input = &stream[start..end];
            let needed = decoder.needed(input);
            let mut slot = Bytes::new();
            let answer =
                if is_owned { decode_into(&mut decoder, input, &mut slot) } else { decoder.decode(input) };
            assert_eq!(needed > 0, answer == Ok(None), "{needed} are needed for {answer:?}");
            assert!(input.len() + needed <= buffer_size as usize, "it does not fit into the buffer");
            let (event, len) = match answer {
                Ok(Some(found)) => found,
                Ok(None) if end < arrived => panic!("the buffer is full, and more is needed"),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(at_once.decode(&stream[start..]), Err(error));
                    return whole.ends_with(error);
                }
            };
            match event {
                StreamEvent::Payload { remaining, .. } | StreamEvent::Skipped { remaining } => {
                    assert_eq!(start + len + remaining as usize, rest_ends);
                    if let StreamEvent::Payload { part, .. } = event {
                        assert_eq!(part, &input[..len]);
                    }
                }
                first => {
                    assert_eq!(at_once.decode(&stream[start..]), Ok(Some((first, len))));
                    assert_eq!(start, rest_ends, "something is still to come");
                    rest_ends = start + whole.begins_with(&first, len, buffer_size);
                    pass_over(&mut at_once, &stream[start + len..], rest_ends - start - len);
                }
            }
            start += len;
            assert_eq!(decoder.is_between_packets(), start == rest_ends);
        }
    }
    if start == rest_ends {
        assert_eq!(at_once.decode(&stream[start..]), Ok(None));
        match whole.next().map_err(|error| error.fault()) {
            // Nothing is said of a packet to be passed over before its head is there.
            Err(Fault::PacketTooLarge) => assert!(skips && limit(selector) == LIMIT),
            answer => assert_eq!(answer, Ok(None)),
        }
    }
}

/// As [`StreamDecoder::decode`], by way of `decode_into`.
fn decode_into<'s>(
    decoder: &mut StreamDecoder,
    input: &[u8],
    slot: &'s mut Bytes,
) -> Result<Option<(StreamEvent<'s>, usize)>, DecodeError> {
    let mut buffer = BytesMut::from(input);
    let found = decoder.decode_into(&mut buffer, slot)?;
    let len = found.map_or(0, |(_, bytes)| bytes.len());
    assert_eq!(buffer, input[len..]);
    Ok(found.map(|(event, bytes)| {
        assert_eq!(bytes, &input[..len]);
        (event, len)
    }))
}

/// The rest of a packet is one event when all of it is there: `len` bytes at the start of `stream`, or as many as there are.
fn pass_over(decoder: &mut StreamDecoder, stream: &[u8], len: usize) {
    let there = len.min(stream.len());
    if there == 0 {
        return;
    }
    match decoder.decode(stream) {
        Ok(Some((StreamEvent::Payload { part, remaining }, taken))) => {
            assert_eq!(part, &stream[..there]);
            assert_eq!((remaining as usize, taken), (len - there, there));
        }
        Ok(Some((StreamEvent::Skipped { remaining }, taken))) => {
            assert_eq!((remaining as usize, taken), (len - there, there));
        }
        other => panic!("{other:?} instead of the rest"),
    }
}

impl Whole<'_> {
    /// The first event of a packet tells of it what the whole packet tells. Returns how many bytes the packet has.
    fn begins_with(&mut self, event: &StreamEvent<'_>, len: usize, buffer_size: u32) -> usize {
        let stream = self.rest;
        let size = match *event {
            StreamEvent::Packet(packet) => {
                assert_eq!(self.next(), Ok(Some((packet, &stream[..len]))));
                return len;
            }
            StreamEvent::Head { publish, payload_len } => {
                let size = len + payload_len as usize;
                if let Some(payload) = stream.get(len..size) {
                    let publish = Publish { payload, ..publish };
                    assert_eq!(self.next(), Ok(Some((Packet::Publish(publish), &stream[..size]))));
                    return size;
                }
                assert_eq!(self.next(), Ok(None));
                size
            }
            StreamEvent::OversizedPublish { size, .. } => {
                assert_eq!(self.next().map_err(|error| error.fault()), Err(Fault::PacketTooLarge));
                size as usize
            }
            StreamEvent::Oversized { packet_type, size, .. } => {
                let answer = self.next().map_err(|error| error.fault());
                assert!(size > buffer_size || answer == Err(Fault::PacketTooLarge));
                assert_ne!(packet_type, PacketType::Publish);
                size as usize
            }
            other => panic!("{other:?} is not the first event of a packet"),
        };
        self.rest = stream.get(size..).unwrap_or_default();
        size
    }

    /// A stream that ends with this error, when large packets come in parts or are passed over.
    fn ends_with(&mut self, error: DecodeError) {
        if error.fault() == Fault::ExceedsBuffer {
            return;
        }
        match self.next() {
            // A head is judged before the payload is there, and although the packet is to be passed over; so is the Packet
            // Identifier of any other.
            Ok(None) => {
                let is_head = error.packet_type() == Some(PacketType::Publish);
                assert!(is_head || error.fault() == Fault::PacketIdZero);
            }
            Err(whole) => assert!(whole == error || whole.fault() == Fault::PacketTooLarge),
            Ok(Some((packet, _))) => panic!("{error}, but it is {packet}"),
        }
    }
}

fn segments(mut stream: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut state = u32::from(seed);
    core::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = stream.len().min(1 + (state >> 28) as usize);
        let segment = stream.split_off(..len)?;
        (!segment.is_empty()).then_some(segment)
    })
}

/// What has been decoded encodes again: to the same packet, in canonical form, and to the same bytes if these are
/// canonical. `Display` shows it on one line.
pub fn round_trip(data: &[u8]) {
    let Some((&selector_of_input, input)) = data.split_first() else { return };
    let (mut decoder, from) = decoder(selector_of_input);
    let (packet, len) = match decoder.decode(input) {
        Ok(Some(found)) => found,
        Ok(None) => return,
        Err(error) => return show(&error),
    };
    show(&packet);
    let version = decoder.version().expect("a packet has been decoded");
    let (mut strict, _) = self::decoder(selector_of_input % DEVIATIONS);
    let is_legal = strict.decode(input).is_ok();
    let mut out = Vec::new();
    if let Err(error) = packet.encode(version, &mut out) {
        let is_known = is_receive_only(&packet, version, error) || (!is_legal && is_never_written(error));
        assert!(is_known, "{packet} in {version}: {error}");
        return;
    }
    assert_eq!(packet.encoded_len(version), Ok(out.len()));
    assert!(is_canonical(&packet, version, &out), "{packet} in {version}: {out:02X?}");
    if is_legal {
        let is_canonical = is_canonical(&packet, version, &input[..len]);
        assert_eq!(is_canonical, out == input[..len], "{packet} in {version}");
    }
    assert!(out.len() <= len || is_connack_of_v3(&packet, len), "{packet} has grown");

    // Topics that were accepted as the bytes they are go on as such; no other deviation is written again.
    let topics = if is_legal { Deviations::NONE } else { Deviations::NONE.with(Deviation::TopicNotUtf8) };
    assert_eq!(decode_with(selector_of_input % 9, topics, &out), packet);
    check_room(&packet, version, &out);
    for other in ProtocolVersion::ALL {
        let mut out = Vec::new();
        if packet.packet_type().may_be_sent_by(from, other) && packet.encode(other, &mut out).is_ok() {
            let selector = selector(other, from, packet.packet_type());
            assert_eq!(decode_with(selector, topics, &out).packet_type(), packet.packet_type());
        }
    }
}

/// `Display` and `Debug` do not fail, and `Display` is one line that is not empty.
pub fn show<T: fmt::Display + fmt::Debug>(shown: &T) {
    struct OneLine(usize);
    impl Write for OneLine {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            if text.contains(['\n', '\r']) { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut line = OneLine(0);
    write!(line, "{shown}").expect("it is one line");
    assert_ne!(line.0, 0);
    write!(line, "{shown:?}").expect("it is one line");
}

/// The one packet in `bytes`, whatever code points its strings have.
fn decode_with(selector: u8, accepted: Deviations, bytes: &[u8]) -> Packet<'_> {
    let (mut decoder, _) = decoder(selector);
    decoder.accept(accepted);
    decoder.refuse_disallowed_code_points(false);
    match decoder.decode(bytes) {
        Ok(Some((packet, len))) if len == bytes.len() => packet,
        other => panic!("{other:?} from {bytes:02X?}"),
    }
}

/// With one byte too little nothing is written, with just enough all of it; `encoded` is the encoded packet.
pub fn check_room(packet: &Packet<'_>, version: ProtocolVersion, encoded: &[u8]) {
    let mut room = vec![0xA5; encoded.len()];
    let (_, short) = room.split_first_mut().expect("a packet has at least two bytes");
    let too_small = packet.encode(version, &mut &mut *short);
    assert_eq!(too_small, Err(EncodeError::BufferTooSmall { needed: encoded.len() }));
    assert!(room.iter().all(|byte| *byte == 0xA5), "something has been written");
    assert_eq!(packet.encode(version, &mut room.as_mut_slice()), Ok(()));
    assert_eq!(room, encoded);
}

/// Whether `bytes`, from which `packet` was decoded, are its canonical form. That is the shortest form, with nothing
/// left to the sender's taste but the order of properties and entries:
///
/// 1. every length takes as few bytes as it can;
/// 2. what may be left out is: Reason Code and Property Length of acknowledgements and DISCONNECT;
/// 3. bits without meaning are 0, and no flag announces a field that is missing: both possible in 3.1 only;
/// 4. a CONNACK is laid out by the version of the connection.
pub fn is_canonical(packet: &Packet<'_>, version: ProtocolVersion, bytes: &[u8]) -> bool {
    let header_len = 2 + bytes[1..].iter().take_while(|byte| **byte >= 0x80).count();
    let (header, body) = bytes.split_at(header_len);
    let is_padded = header_len > 2 && header[header_len - 1] == 0;
    let flags = header[0] & 0x0F;
    let fixed_flags = match packet {
        Packet::Publish(publish) => flags & 0b0111 | u8::from(publish.delivery.dup()) << 3,
        Packet::Pubrel(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) => 0b0010,
        _ => 0,
    };
    // The Reason Code is left out only together with the Property Length.
    let shortest = |before: usize, is_success: bool, has_properties: bool| {
        has_properties || body.len() == before + usize::from(!is_success)
    };
    !is_padded
        && flags == fixed_flags
        && match packet {
            Packet::Connect(connect) => connect_flags(&connect.fields()) == body[body[1] as usize + 3],
            Packet::Connack(connack) => {
                (version != ProtocolVersion::V3_1 || body[0] == u8::from(connack.session_present))
                    && (version != ProtocolVersion::V5_0 || body.len() > 2)
            }
            Packet::Puback(ack) => {
                shortest(2, ack.reason == PublishReason::Success, !ack.properties.is_empty())
            }
            Packet::Pubrec(ack) => {
                shortest(2, ack.reason == PublishReason::Success, !ack.properties.is_empty())
            }
            Packet::Pubrel(ack) => {
                shortest(2, ack.reason == ReleaseReason::Success, !ack.properties.is_empty())
            }
            Packet::Pubcomp(ack) => {
                shortest(2, ack.reason == ReleaseReason::Success, !ack.properties.is_empty())
            }
            Packet::Disconnect(disconnect) => {
                shortest(0, disconnect.reason.code() == 0, !disconnect.properties.is_empty())
            }
            Packet::Subscribe(_) if version == ProtocolVersion::V3_1 => {
                requested_qos(&body[2..]).all(|qos| qos < 3)
            }
            Packet::Suback(_) if version == ProtocolVersion::V3_1 => body[2..].iter().all(|code| *code < 3),
            _ => true,
        }
}

/// The Connect Flags that say what the fields say.
fn connect_flags(fields: &ConnectFields<'_>) -> u8 {
    u8::from(fields.clean_start) << 1
        | fields.will.map_or(0, |will| 1 << 2 | will.qos.bits() << 3 | u8::from(will.retain) << 5)
        | u8::from(fields.password.is_some()) << 6
        | u8::from(fields.username.is_some()) << 7
}

/// The bytes behind the Topic Filters of a SUBSCRIBE of 3.x.
fn requested_qos(mut payload: &[u8]) -> impl Iterator<Item = u8> {
    core::iter::from_fn(move || {
        let (len, rest) = payload.split_first_chunk()?;
        let (qos, rest) = rest[usize::from(u16::from_be_bytes(*len))..].split_first()?;
        payload = rest;
        Some(*qos)
    })
}

/// 3.1 is read more liberally than it is written.
fn is_receive_only(packet: &Packet<'_>, version: ProtocolVersion, error: EncodeError) -> bool {
    version == ProtocolVersion::V3_1
        && match packet {
            Packet::Connect(connect) => {
                connect.fields().client_id.is_empty() && error == EncodeError::ClientIdEmpty
            }
            Packet::Suback(suback) => {
                suback.reasons.iter().any(|reason| reason == SubackReason::UnspecifiedError)
            }
            _ => false,
        }
}

/// What deviates in a way that leaves nothing to write instead.
const fn is_never_written(error: EncodeError) -> bool {
    matches!(error, EncodeError::InvalidTopicFilter(_) | EncodeError::PasswordWithoutUserName)
}

/// A Server without 5.0 refuses the version in four bytes, which 5.0 says in five.
fn is_connack_of_v3(packet: &Packet<'_>, len: usize) -> bool {
    matches!(packet, Packet::Connack(_)) && len == 4
}
