//! The checks behind the targets `decode`, `split` and `round_trip`. Each panics when the codec breaks its contract.
//!
//! The first byte of an input selects the decoder (see [`decoder`]), the rest is what arrives.

use core::fmt::Write;

use bytes::BytesMut;
use mqtt_codec::{
    DecodeError, Decoder, EncodeError, Fault, Frame, Packet, PacketType, ProtocolVersion, Side, SubackReason,
};

/// The decoder an input selects, with the side that sends: a Client or a Server of each version behind its CONNECT,
/// or a Server that waits for CONNECT.
pub fn decoder(selector: u8) -> (Decoder, Side) {
    let version = ProtocolVersion::ALL[usize::from(selector % 3)];
    match selector / 3 % 3 {
        0 => (Decoder::client(version), Side::Server),
        1 => (Decoder::server().with_version(version), Side::Client),
        _ => (Decoder::server(), Side::Client),
    }
}

/// The selector of the decoder that receives what `from` sends: the inverse of [`decoder`].
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
    let Some((&first, mut input)) = data.split_first() else { return };
    let (mut decoder, from) = decoder(first);
    loop {
        let needed = decoder.needed(input);
        match decoder.decode(input) {
            Ok(Some((packet, len))) => {
                assert_eq!(needed, 0);
                assert_eq!(decoder.needed(&input[..len - 1]), 1, "one byte short");
                let version = decoder.version().expect("a packet has been decoded");
                assert!(packet.packet_type().may_be_sent_by(from, version));
                assert_eq!(packet.packet_type().bits(), input[0] >> 4);
                read_everything(&packet);
                input = &input[len..];
            }
            Ok(None) => {
                assert!(needed > 0, "incomplete, but nothing is needed");
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

fn read_everything(packet: &Packet<'_>) {
    let mut text = String::new();
    write!(text, "{packet}").expect("Display does not fail");
    assert!(!text.contains(['\n', '\r']), "{text:?} is not one line");
    write!(text, "{packet:?}").expect("Debug does not fail");
    if let Packet::Connect(connect) = packet {
        assert!(connect.version().is_some());
        assert_eq!(connect.fields(), connect.fields());
    }
}

fn check_error(error: DecodeError, input: &[u8], from: Side) {
    assert!(error.offset() as usize <= input.len());
    assert!(!error.to_string().is_empty() && !error.clause().is_empty());
    assert_eq!(
        error.packet_type().is_none(),
        error.fault() == Fault::ReservedPacketType && input[0] >> 4 == 0
    );
    let receiver = if from == Side::Client { Side::Server } else { Side::Client };
    assert!(error.disconnect_reason().may_be_sent_by(receiver), "the receiver may not send {error}");
    assert!(error.disconnect_reason().is_error() && error.connack_reason().is_error());
}

/// A stream gives the same frames and the same end in any segmentation. The second byte selects the segments.
pub fn split(data: &[u8]) {
    let [selector, seed, stream @ ..] = data else { return };
    let whole = frames(*selector, [stream]);
    assert_eq!(whole, frames(*selector, segments(stream, *seed)), "seed {seed}");
    assert_eq!(whole, frames(*selector, stream.chunks(1)), "byte by byte");
}

/// Segments of 1 to 16 bytes, in an order that depends on `seed`.
fn segments(mut stream: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut state = u32::from(seed);
    core::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = stream.len().min(1 + (state >> 28) as usize);
        let segment = stream.split_off(..len)?;
        (!segment.is_empty()).then_some(segment)
    })
}

/// The frames in a stream that arrives in these segments, and the error that ends it or how many bytes wait for more.
fn frames<'a>(
    selector: u8,
    segments: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Frame>, Result<usize, DecodeError>) {
    let (mut decoder, _) = decoder(selector);
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    for segment in segments {
        input.extend_from_slice(segment);
        loop {
            let before = input.clone();
            match decoder.decode_frame(&mut input) {
                Ok(Some(frame)) => {
                    assert_eq!(before, [frame.bytes(), &input[..]].concat(), "bytes are lost");
                    frames.push(frame);
                }
                Ok(None) => {
                    assert_eq!(input, before);
                    break;
                }
                Err(error) => {
                    assert_eq!(input, before);
                    return (frames, Err(error));
                }
            }
        }
    }
    (frames, Ok(input.len()))
}

/// What has been decoded encodes again, to the same packet in the shortest form.
pub fn round_trip(data: &[u8]) {
    let Some((&first, input)) = data.split_first() else { return };
    let (mut decoder, from) = decoder(first);
    let Ok(Some((packet, len))) = decoder.decode(input) else { return };
    let version = decoder.version().expect("a packet has been decoded");
    let mut out = Vec::new();
    if let Err(error) = packet.encode(version, &mut out) {
        assert!(is_receive_only(&packet, version, error), "{packet} in {version}: {error}");
        return;
    }
    assert_eq!(packet.encoded_len(version), Ok(out.len()));
    assert!(out.len() <= len || is_connack_of_v3(&packet, len), "{packet} has grown");
    assert_eq!(decode_with(first, &out), packet);

    let mut again = Vec::new();
    decode_with(first, &out).encode(version, &mut again).expect("it has been encoded before");
    assert_eq!(again, out);

    let mut short = vec![0xA5; out.len() - 1];
    let too_small = packet.encode(version, &mut short.as_mut_slice());
    assert_eq!(too_small, Err(EncodeError::BufferTooSmall { needed: out.len() }));
    assert!(short.iter().all(|byte| *byte == 0xA5), "something has been written");

    for other in ProtocolVersion::ALL {
        let mut out = Vec::new();
        if packet.packet_type().may_be_sent_by(from, other) && packet.encode(other, &mut out).is_ok() {
            let selector = selector(other, from, packet.packet_type());
            assert_eq!(decode_with(selector, &out).packet_type(), packet.packet_type());
        }
    }
}

/// The one packet in `bytes`, whatever code points its strings have.
fn decode_with(selector: u8, bytes: &[u8]) -> Packet<'_> {
    let (mut decoder, _) = decoder(selector);
    decoder.refuse_disallowed_code_points(false);
    match decoder.decode(bytes) {
        Ok(Some((packet, len))) if len == bytes.len() => packet,
        other => panic!("{other:?} from {bytes:02X?}"),
    }
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

/// A Server without 5.0 refuses the version in four bytes, which 5.0 says in five.
fn is_connack_of_v3(packet: &Packet<'_>, len: usize) -> bool {
    matches!(packet, Packet::Connack(_)) && len == 4
}
