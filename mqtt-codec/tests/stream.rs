//! A PUBLISH of any size passes through a buffer of fixed size, both ways, and is the same PUBLISH.

#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/strategies.rs"]
mod strategies;
#[path = "common/streaming.rs"]
mod streaming;
#[path = "common/wire.rs"]
mod wire;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use mqtt_codec::{
    Decoder, Delivery, EncodeError, Fault, MAXIMUM_PACKET_SIZE, Packet, PacketId, PacketType,
    PayloadLengthError, Property, ProtocolVersion, Publish, PublishProperties, Side, StreamDecoder,
    StreamEvent,
};
use mqtt_topic::TopicName;
use proptest::prelude::*;
use streaming::{Outcome, Seen, receive, receive_whole, segments};
use wire::packet;

const LARGE: u32 = 1 << 20;

fn stream_decoder(
    version: ProtocolVersion,
    from: Side,
    buffer_size: u32,
    largest_whole: u32,
) -> StreamDecoder {
    let mut decoder = StreamDecoder::new(wire::decoder(version, from), buffer_size);
    decoder.stream_above(largest_whole);
    decoder
}

/// Holds the outcomes of several segmentations together.
fn receive_in_any_segments(decoder: &StreamDecoder, buffer_size: usize, stream: &[u8], cuts: u32) -> Outcome {
    let at_once = receive(decoder.clone(), usize::MAX, [stream]);
    assert_eq!(receive(decoder.clone(), buffer_size, [stream]), at_once, "as much as the buffer holds");
    assert_eq!(receive(decoder.clone(), buffer_size, segments(stream, cuts)), at_once, "cuts {cuts}");
    if stream.len() < 3000 {
        assert_eq!(receive(decoder.clone(), buffer_size, stream.chunks(1)), at_once, "byte by byte");
    }
    at_once
}

#[test]
fn the_head_comes_as_soon_as_it_is_complete_and_the_payload_as_it_arrives() {
    let publish = packet(0x3B, &[b"\x00\x03a/b\x00\x07\x03\x23\x00\x05", b"0123456789"]);
    let mut decoder = stream_decoder(ProtocolVersion::V5_0, Side::Server, 64, 20);
    let head_len = publish.len() - 10;
    for end in 0..head_len {
        assert_eq!(decoder.decode(&publish[..end]), Ok(None));
    }
    let Ok(Some((StreamEvent::Head { publish: head, payload_len: 10 }, len))) =
        decoder.decode(&publish[..head_len])
    else {
        panic!("a head")
    };
    assert_eq!(len, head_len);
    assert_eq!(head.to_string(), "PUBLISH id=7 q1 dup=1 retain=1 \"a/b\" 0 bytes {Topic Alias=5}");
    let rest = &publish[head_len..];
    assert_eq!((decoder.decode(&[]), decoder.needed(&[])), (Ok(None), 1));
    for (part, remaining) in [(&rest[..3], 7), (&rest[3..4], 6), (&rest[4..], 0)] {
        assert!(!decoder.is_between_packets());
        let event = StreamEvent::Payload { part, remaining };
        assert_eq!(decoder.decode(part), Ok(Some((event, part.len()))));
    }
    assert!(decoder.is_between_packets());
    assert_eq!(decoder.decode(b"\xD0\x00"), Ok(Some((StreamEvent::Packet(Packet::Pingresp), 2))));
}

#[test]
fn a_payload_ends_where_the_next_packet_begins() {
    let stream = [&packet(0x30, &[b"\x00\x01a", &[7; 100]])[..], b"\xD0\x00"].concat();
    let mut decoder = stream_decoder(ProtocolVersion::V3_1_1, Side::Server, 64, 10);
    let (_, head_len) = decoder.decode(&stream).unwrap().unwrap();
    let event = StreamEvent::Payload { part: &[7; 100], remaining: 0 };
    assert_eq!(decoder.decode(&stream[head_len..]), Ok(Some((event, 100))));
    let pingresp = StreamEvent::Packet(Packet::Pingresp);
    assert_eq!(decoder.decode(&stream[head_len + 100..]), Ok(Some((pingresp, 2))));
}

#[test]
fn only_a_publish_above_the_threshold_with_a_payload_comes_in_parts() {
    for (payload_len, topic_len, in_parts) in [(14, 1, false), (15, 1, true), (0, 60, false), (1, 60, true)] {
        let topic = wire::field(&vec![b'a'; topic_len]);
        let publish = packet(0x30, &[&topic, &vec![0; payload_len]]);
        let decoder = stream_decoder(ProtocolVersion::V3_1_1, Side::Client, 70, 19);
        let outcome = receive_in_any_segments(&decoder, 70, &publish, 1);
        assert_eq!(outcome.in_parts, [in_parts], "{} bytes", publish.len());
    }
}

#[test]
fn without_a_threshold_what_fits_into_the_buffer_comes_whole() {
    let decoder = || StreamDecoder::new(wire::decoder(ProtocolVersion::V3_1_1, Side::Client), 100);
    for (len, in_parts) in [(98, false), (99, true)] {
        let publish = packet(0x30, &[b"\x00\x01a", &vec![0; len - 3]]);
        assert_eq!(publish.len(), len + 2);
        assert_eq!(receive(decoder(), 100, [&publish[..]]).in_parts, [in_parts]);
        let mut above = decoder();
        above.stream_above(u32::MAX);
        assert_eq!(receive(above, 100, [&publish[..]]).in_parts, [in_parts], "the buffer is the bound");
    }
}

#[test]
fn the_maximum_packet_size_applies_before_anything_is_taken() {
    for limit in [100, 101] {
        let publish = packet(0x30, &[b"\x00\x01a", &[0; 96]]);
        let mut decoder = stream_decoder(ProtocolVersion::V3_1_1, Side::Client, 64, 10);
        decoder.set_maximum_packet_size(limit);
        match decoder.decode(&publish[..2]) {
            Err(error) => assert_eq!((error.fault(), limit), (Fault::PacketTooLarge, 100)),
            waiting => assert_eq!((waiting, limit), (Ok(None), 101)),
        }
    }
    let mut decoder = stream_decoder(ProtocolVersion::V3_1_1, Side::Client, 64, 10);
    assert_eq!(decoder.decode(b"\x30\x61\x00"), Ok(None));
    decoder.set_maximum_packet_size(98);
    assert_eq!(decoder.decode(b"\x30\x61\x00").unwrap_err().fault(), Fault::PacketTooLarge, "from now on");
}

#[test]
fn a_limit_set_within_a_payload_is_for_the_next_packet() {
    let publish = packet(0x30, &[b"\x00\x01a", &[0; 96]]);
    let mut decoder = stream_decoder(ProtocolVersion::V3_1_1, Side::Client, 64, 10);
    assert!(matches!(decoder.decode(&publish), Ok(Some((StreamEvent::Head { .. }, 5)))));
    decoder.set_maximum_packet_size(50);
    assert!(matches!(
        decoder.decode(&publish[5..]),
        Ok(Some((StreamEvent::Payload { remaining: 0, .. }, 96)))
    ));
    assert_eq!(decoder.decode(&publish).unwrap_err().fault(), Fault::PacketTooLarge);
}

#[test]
fn what_does_not_fit_into_the_buffer_is_refused_as_soon_as_its_lengths_tell() {
    let refused = |version, bytes: &[u8]| {
        let mut decoder = stream_decoder(version, Side::Client, 100, 10);
        for end in 0..bytes.len() {
            assert_eq!(decoder.decode(&bytes[..end]), Ok(None));
            assert!(decoder.needed(&bytes[..end]) <= 100 - end);
        }
        let error = decoder.decode(bytes).unwrap_err();
        assert_eq!((error.fault(), error.fault().reason_code()), (Fault::ExceedsBuffer, 0x97));
        assert_eq!(error.disconnect_reason().code(), 0x97);
        assert_eq!(decoder.decode(bytes), Err(error));
        assert_eq!(decoder.needed(bytes), 0);
        error.packet_type()
    };
    // From the Remaining Length, the length of the Topic Name, the Property Length.
    assert_eq!(refused(ProtocolVersion::V3_1_1, b"\x82\x63"), Some(PacketType::Subscribe));
    assert_eq!(refused(ProtocolVersion::V3_1_1, b"\x30\x80\x01\x00\x60"), Some(PacketType::Publish));
    assert_eq!(refused(ProtocolVersion::V3_1_1, b"\x32\x80\x01\x00\x5E"), Some(PacketType::Publish));
    assert_eq!(refused(ProtocolVersion::V5_0, b"\x30\x80\x01\x00\x01a\x5E"), Some(PacketType::Publish));
    let connect = StreamDecoder::new(Decoder::server(), 100).decode(b"\x10\x63").unwrap_err();
    assert_eq!((connect.fault(), connect.connack_reason().code()), (Fault::ExceedsBuffer, 0x97));
}

#[test]
fn what_lies_beyond_the_buffer_makes_no_difference() {
    // The Property Length runs past the packet, but it would be the byte after the last that the buffer holds.
    let publish = packet(0x30, &[&wire::field(&[b'a'; 16]), b"\x7F", &[0; 30]]);
    let decoder = stream_decoder(ProtocolVersion::V5_0, Side::Client, 20, 0);
    let error = receive_in_any_segments(&decoder, 20, &publish, 5).end.unwrap_err();
    assert_eq!(error.fault(), Fault::ExceedsBuffer);
    let decoder = stream_decoder(ProtocolVersion::V5_0, Side::Client, 21, 0);
    let error = receive_in_any_segments(&decoder, 21, &publish, 5).end.unwrap_err();
    assert_eq!(error.fault(), Fault::Truncated);
}

#[test]
fn a_property_length_of_five_bytes_is_an_error_at_its_fourth() {
    let publish = packet(0x30, &[b"\x00\x01a\xFF\xFF\xFF\xFF", &[0; 100]]);
    let whole = wire::decode(ProtocolVersion::V5_0, Side::Client, &publish).unwrap_err();
    assert_eq!(whole.fault(), Fault::VariableByteIntegerTooLong);
    let mut decoder = stream_decoder(ProtocolVersion::V5_0, Side::Client, 64, 0);
    assert_eq!(decoder.decode(&publish[..8]), Ok(None));
    assert_eq!(decoder.decode(&publish[..9]), Err(whole));
}

#[test]
fn a_decoder_that_waits_for_a_whole_packet_may_go_on_in_parts() {
    let mut decoder = wire::decoder(ProtocolVersion::V3_1_1, Side::Client);
    assert_eq!(decoder.decode(b"\x30\x7F\x00\x01a"), Ok(None));
    let read = StreamDecoder::new(decoder, 16).decode(b"\x30\x7F\x00\x01a").unwrap();
    assert!(matches!(read, Some((StreamEvent::Head { payload_len: 124, .. }, 5))));
}

#[test]
fn a_head_that_fills_the_buffer_is_taken() {
    let topic = wire::field(&[b'a'; 90]);
    let publish = packet(0x32, &[&topic, b"\x00\x01\x02\x01\x01", &[0; 1000]]);
    let head_len = u32::try_from(publish.len() - 1000).unwrap();
    let decoder = |buffer_size| stream_decoder(ProtocolVersion::V5_0, Side::Client, buffer_size, 0);
    let outcome = receive_in_any_segments(&decoder(head_len), head_len as usize, &publish, 3);
    assert_eq!((outcome.in_parts, outcome.end), (vec![true], Ok((0, 0))));
    let outcome = receive_in_any_segments(&decoder(head_len - 1), head_len as usize - 1, &publish, 3);
    assert_eq!(outcome.end.unwrap_err().fault(), Fault::ExceedsBuffer);
}

#[test]
fn the_longest_head_of_3_is_taken_with_the_documented_buffer() {
    let topic = wire::field(&vec![b'a'; 65_535]);
    let publish = packet(0x34, &[&topic, b"\xFF\xFF", &vec![0; 2_100_000]]);
    let decoder = stream_decoder(ProtocolVersion::V3_1_1, Side::Client, 65_544, 65_544);
    let outcome = receive(decoder, 65_544, [&publish[..]]);
    assert_eq!((outcome.in_parts, outcome.end), (vec![true], Ok((0, 0))));
}

#[test]
fn the_smallest_buffer_holds_any_fixed_header() {
    for buffer_size in 0..=7 {
        let decoder = StreamDecoder::new(wire::decoder(ProtocolVersion::V3_1_1, Side::Client), buffer_size);
        let stream = packet(0x30, &[b"\x00\x00", &vec![0; 2_100_000]]);
        let error = receive(decoder.clone(), 7, [&stream[..]]).end.unwrap_err();
        assert_eq!(error.fault(), Fault::InvalidTopicName);
        let stream = packet(0x30, &[b"\x00\x01a", &[0; 100]]);
        assert_eq!(receive_in_any_segments(&decoder, 7, &stream, 9).in_parts, [true]);
    }
}

#[test]
fn the_largest_message_passes_through_4_kib_and_no_allocation() {
    let publish = Publish {
        delivery: Delivery::ExactlyOnce { packet_id: PacketId::MIN, dup: false },
        ..Publish::new(TopicName::parse("a/b").unwrap(), &[])
    };
    let payload_len = MAXIMUM_PACKET_SIZE - 5 - 8;
    let (mut head, block) = (Vec::with_capacity(64), [0x5A; 4096]);
    let cost = measure(|| {
        let mut payload =
            publish.encode_streamed_head(ProtocolVersion::V5_0, payload_len, &[], &mut head).unwrap();
        let mut decoder = stream_decoder(ProtocolVersion::V5_0, Side::Client, 4096, 4096);
        assert_eq!(decoder.decode(&head), Ok(Some((StreamEvent::Head { publish, payload_len }, head.len()))));
        while !payload.is_complete() {
            let part = payload.pass(&block[..block.len().min(payload.remaining() as usize)]).unwrap();
            let event = StreamEvent::Payload { part, remaining: payload.remaining() };
            assert!(decoder.decode(part) == Ok(Some((event, part.len()))));
        }
        assert!(decoder.is_between_packets());
        payload.finish().unwrap();
    });
    assert_eq!(cost.count_total, 0);
}

#[test]
fn a_payload_is_held_to_its_announced_length() {
    let publish = Publish::new(TopicName::parse("a").unwrap(), b"neither written nor counted");
    let mut head = Vec::new();
    let mut payload = publish.encode_streamed_head(ProtocolVersion::V3_1_1, 10, &[], &mut head).unwrap();
    assert_eq!(head, b"\x30\x0D\x00\x01a");
    assert_eq!(payload.pass(b"0123"), Ok(&b"0123"[..]));
    assert_eq!(payload.pass(b"4567890"), Err(PayloadLengthError::TooLong { excess: 1 }));
    assert_eq!((payload.remaining(), payload.is_complete()), (6, false));
    assert_eq!(payload.pass(b""), Ok(&b""[..]));
    assert_eq!(payload.pass(b"456789"), Ok(&b"456789"[..]));
    assert!(payload.is_complete());
    assert_eq!(payload.pass(b"x"), Err(PayloadLengthError::TooLong { excess: 1 }));
    assert_eq!(payload.finish(), Ok(()));

    let mut payload = publish.encode_streamed_head(ProtocolVersion::V3_1_1, 10, &[], &mut head).unwrap();
    payload.pass(b"0").unwrap();
    let error = payload.finish().unwrap_err();
    assert_eq!(error, PayloadLengthError::TooShort { missing: 9 });
    assert_eq!(error.to_string(), "the payload is 9 bytes shorter than announced");
}

#[test]
fn a_streamed_head_is_refused_as_a_packet_would_be() {
    let publish = Publish::new(TopicName::parse("a").unwrap(), &[]);
    let encode = |publish: Publish<'_>, version, len, extra: &[Property<'_>]| {
        let mut out = Vec::new();
        let result = publish.encode_streamed_head(version, len, extra, &mut out);
        assert_eq!(result.is_ok(), !out.is_empty());
        result.map(|payload| payload.remaining())
    };
    let largest = MAXIMUM_PACKET_SIZE - 5 - 3;
    assert_eq!(encode(publish, ProtocolVersion::V3_1_1, largest, &[]), Ok(largest));
    for len in [largest + 1, u32::MAX] {
        assert_eq!(encode(publish, ProtocolVersion::V3_1_1, len, &[]), Err(EncodeError::PacketTooLarge));
    }
    let nameless = Publish { topic: None, ..publish };
    assert_eq!(encode(nameless, ProtocolVersion::V5_0, 1, &[]), Err(EncodeError::TopicNameMissing));
    let alias = [Property::TopicAlias(core::num::NonZeroU16::MIN)];
    assert_eq!(encode(nameless, ProtocolVersion::V5_0, 1, &alias), Ok(1));
    assert!(matches!(
        encode(publish, ProtocolVersion::V3_1_1, 1, &alias),
        Err(EncodeError::NotInVersion { .. })
    ));
    let mut small = [0xA5; 4];
    assert_eq!(
        publish.encode_streamed_head(ProtocolVersion::V3_1_1, 1000, &[], &mut small.as_mut_slice()),
        Err(EncodeError::BufferTooSmall { needed: 6 })
    );
    assert_eq!(small, [0xA5; 4]);
}

/// A PUBLISH with a Client or a Server as sender.
fn any_publish() -> impl Strategy<Value = (ProtocolVersion, Side, Publish<'static>)> {
    let versions = prop::sample::select(&ProtocolVersion::ALL[..]);
    let sides = prop::sample::select(&[Side::Client, Side::Server][..]);
    (versions, sides).prop_flat_map(|(version, from)| {
        strategies::publish(version, from).prop_map(move |publish| (version, from, publish))
    })
}

/// Packets of one side, PUBLISH among them; CONNECT is none of them.
fn any_stream() -> impl Strategy<Value = (ProtocolVersion, Side, Vec<Packet<'static>>)> {
    let versions = prop::sample::select(&ProtocolVersion::ALL[..]);
    let sides = prop::sample::select(&[Side::Client, Side::Server][..]);
    (versions, sides).prop_flat_map(|(version, from)| {
        let packet = prop_oneof![
            2 => strategies::publish(version, from).prop_map(Packet::from),
            1 => strategies::packet(version, from)
                .prop_filter("one CONNECT is enough", |packet| packet.packet_type() != PacketType::Connect),
        ];
        prop::collection::vec(packet, 1..5).prop_map(move |packets| (version, from, packets))
    })
}

fn encode(packet: Packet<'_>, version: ProtocolVersion) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(version, &mut out).unwrap();
    out
}

/// Bytes that are not payload.
fn held_len(packet: Packet<'_>, len: usize) -> usize {
    match packet {
        Packet::Publish(publish) => len - publish.payload.len(),
        _ => len,
    }
}

/// The first bytes of a stream, and what follows them as if it had arrived completely.
fn completed(stream: &[u8]) -> Vec<u8> {
    let header_len = 1 + (1..=4).find(|n| stream[*n] & 0x80 == 0).unwrap();
    let remaining_length =
        stream[1..header_len].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7F));
    let mut whole = stream.to_vec();
    whole.resize((header_len + remaining_length).max(stream.len()), 0);
    whole
}

/// Bytes that a decoder may refuse: whatever streaming makes of them, whole packets are made of.
fn check_against_whole(version: ProtocolVersion, from: Side, largest_whole: u32, stream: &[u8], cuts: u32) {
    let decoder = stream_decoder(version, from, LARGE, largest_whole);
    let outcome = receive_in_any_segments(&decoder, LARGE as usize, stream, cuts);
    let (seen, end) = receive_whole(wire::decoder(version, from), stream);
    match (outcome.end, end) {
        (Err(error), Ok(waiting)) => {
            // An error in an incomplete packet: no bytes that could still come would mend it.
            let rest = completed(&stream[stream.len() - waiting..]);
            if error.fault() == Fault::ExceedsBuffer {
                assert!(rest.len() > LARGE as usize, "{} bytes fit", rest.len());
                return;
            }
            assert_eq!(receive_whole(wire::decoder(version, from), &rest), (vec![], Err(error)));
            assert_eq!(outcome.seen, seen);
        }
        (Ok((waiting, 0)), end) => {
            assert_eq!(end, Ok(waiting));
            assert_eq!(outcome.seen, seen);
        }
        // The last PUBLISH is there in part, or without its end, in which there can be no error.
        (Ok((0, to_come)), Ok(_)) => {
            let Some((Seen::Packet { payload, .. }, before)) = outcome.seen.split_last() else { panic!() };
            assert_eq!(before, seen);
            let whole = [stream, &vec![0; to_come as usize]].concat();
            let (seen, end) = receive_whole(wire::decoder(version, from), &whole);
            assert_eq!(end, Ok(0));
            let Some(Seen::Packet { payload: expected, .. }) = seen.last() else { panic!() };
            assert_eq!(payload[..], expected[..expected.len() - to_come as usize]);
        }
        (outcome_end, end) => {
            assert_eq!(outcome_end.map(|(waiting, _)| waiting), end);
            assert_eq!(outcome.seen, seen);
        }
    }
}

#[test]
fn every_prefix_of_a_valid_packet_needs_more_or_is_a_part_of_it() {
    for sample in corpus::corpus() {
        for end in 0..sample.bytes.len() {
            check_against_whole(sample.version, sample.from, 0, &sample.bytes[..end], 1);
        }
        check_against_whole(sample.version, sample.from, 0, &sample.bytes, 1);
    }
}

#[test]
fn every_flipped_bit_gives_what_it_gives_in_whole_packets() {
    for sample in corpus::corpus().iter().filter(|sample| sample.bytes[0] >> 4 == 3) {
        for bit in 0..sample.bytes.len() * 8 {
            let mut bytes = sample.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            for largest_whole in [0, 10, LARGE] {
                check_against_whole(sample.version, sample.from, largest_whole, &bytes, 1);
            }
        }
    }
}

#[test]
fn every_byte_value_at_every_place_of_a_head_gives_what_it_gives_in_whole_packets() {
    for sample in corpus::corpus().iter().filter(|sample| sample.bytes[0] >> 4 == 3) {
        for at in 0..sample.bytes.len() {
            let mut bytes = sample.bytes.clone();
            for value in 0..=255 {
                bytes[at] = value;
                check_against_whole(sample.version, sample.from, 0, &bytes, 1);
            }
        }
    }
}

proptest! {
    #[test]
    fn streaming_gives_the_packets_that_decoding_gives(
        (version, from, packets) in any_stream(),
        largest_whole in prop_oneof![0..40u32, 0..100_000u32],
        buffer_size in prop_oneof![3 => Just(LARGE), 1 => 7..200u32],
        cuts in any::<u32>(),
    ) {
        let encoded: Vec<_> = packets.iter().map(|packet| encode(*packet, version)).collect();
        let decoder = stream_decoder(version, from, buffer_size, largest_whole);
        let outcome = receive_in_any_segments(&decoder, buffer_size as usize, &encoded.concat(), cuts);

        let fits = |(packet, bytes): &(&Packet<'_>, &Vec<u8>)| held_len(**packet, bytes.len()) <= buffer_size as usize;
        let expected: Vec<_> = packets.iter().zip(&encoded).take_while(fits).collect();
        let seen: Vec<_> = expected.iter().map(|(packet, _)| Seen::new(**packet)).collect();
        prop_assert_eq!(&outcome.seen, &seen);
        let in_parts: Vec<_> = expected
            .iter()
            .map(|(packet, bytes)| match packet {
                Packet::Publish(publish) => {
                    bytes.len() > largest_whole.min(buffer_size) as usize && !publish.payload.is_empty()
                }
                _ => false,
            })
            .collect();
        prop_assert_eq!(outcome.in_parts, in_parts);
        match outcome.end {
            Ok(end) => prop_assert_eq!((end, expected.len()), ((0, 0), packets.len())),
            Err(error) => {
                prop_assert_eq!(error.fault(), Fault::ExceedsBuffer);
                prop_assert!(expected.len() < packets.len());
            }
        }
    }

    #[test]
    fn what_is_taken_out_of_the_input_is_what_is_read_in_it(
        (version, from, packets) in any_stream(),
        largest_whole in 0..100u32,
        maximum in prop_oneof![0..100u32, Just(MAXIMUM_PACKET_SIZE)],
        cuts in any::<u32>(),
    ) {
        let mut decoder = stream_decoder(version, from, LARGE, largest_whole);
        decoder.set_maximum_packet_size(maximum);
        decoder.skip_oversized(true);
        let mut taking = decoder.clone();
        let stream: Vec<u8> = packets.iter().flat_map(|packet| encode(*packet, version)).collect();
        let (mut input, mut slot) = (BytesMut::new(), Bytes::new());
        for segment in segments(&stream, cuts) {
            input.extend_from_slice(segment);
            loop {
                let before = input.clone();
                let read = decoder.decode(&before);
                match taking.decode_into(&mut input, &mut slot) {
                    Ok(Some((event, bytes))) => {
                        prop_assert_eq!(read, Ok(Some((event, bytes.len()))));
                        prop_assert_eq!([bytes, &input[..]].concat(), before);
                        if let StreamEvent::Payload { part, .. } = event {
                            prop_assert_eq!(part.as_ptr(), bytes.as_ptr());
                        }
                    }
                    Ok(None) => {
                        prop_assert_eq!((read, &input), (Ok(None), &before));
                        break;
                    }
                    Err(error) => {
                        prop_assert_eq!(read, Err(error));
                        return Ok(());
                    }
                }
            }
        }
    }

    #[test]
    fn a_changed_byte_gives_what_it_gives_in_whole_packets(
        (version, from, publish) in any_publish(),
        largest_whole in 0..40u32,
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
        cuts in any::<u32>(),
    ) {
        let mut bytes = encode(publish.into(), version);
        let head_len = bytes.len() - publish.payload.len();
        bytes[at.index(head_len.min(64))] = value;
        check_against_whole(version, from, largest_whole, &bytes, cuts);
    }

    #[test]
    fn arbitrary_bodies_give_what_they_give_in_whole_packets(
        version in prop::sample::select(&ProtocolVersion::ALL[..]),
        flags in 0..16u8,
        body in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..40),
        cut in any::<prop::sample::Index>(),
        largest_whole in 0..20u32,
        cuts in any::<u32>(),
    ) {
        let bytes = packet(0x30 | flags, &[&body]);
        for from in [Side::Client, Side::Server] {
            check_against_whole(version, from, largest_whole, &bytes, cuts);
            check_against_whole(version, from, largest_whole, &bytes[..cut.index(bytes.len())], cuts);
        }
    }

    #[test]
    fn segments_make_no_difference_whatever_the_buffer(
        version in prop::sample::select(&ProtocolVersion::ALL[..]),
        flags in 0..16u8,
        body in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..60),
        buffer_size in 7..80u32,
        maximum in 2..80u32,
        skip in any::<bool>(),
        cuts in any::<u32>(),
    ) {
        let mut decoder = stream_decoder(version, Side::Client, buffer_size, 0);
        decoder.set_maximum_packet_size(maximum);
        decoder.skip_oversized(skip);
        let stream = [packet(0x30 | flags, &[&body]), packet(0x82, &[&body])].concat();
        receive_in_any_segments(&decoder, buffer_size as usize, &stream, cuts);
    }

    #[test]
    fn a_streamed_head_and_its_payload_are_the_packet(
        (version, _, publish) in any_publish(),
        room in any::<prop::sample::Index>(),
    ) {
        let len = u32::try_from(publish.payload.len()).unwrap();
        let mut head = Vec::new();
        let mut payload = publish.encode_streamed_head(version, len, &[], &mut head).unwrap();
        let parts: Vec<_> = segments(publish.payload, 7).map(|part| payload.pass(part).unwrap()).collect();
        prop_assert_eq!(payload.finish(), Ok(()));
        prop_assert_eq!([&head[..], &parts.concat()].concat(), encode(publish.into(), version));
        let mut small = vec![0xA5; room.index(head.len())];
        let result = publish.encode_streamed_head(version, len, &[], &mut small.as_mut_slice());
        prop_assert_eq!(result, Err(EncodeError::BufferTooSmall { needed: head.len() }));
        prop_assert!(small.iter().all(|byte| *byte == 0xA5));
    }

    #[test]
    fn a_streamed_head_has_the_properties_of_one_hop(
        message in strategies::publish(ProtocolVersion::V5_0, Side::Client),
        identifiers in prop::collection::vec(
            strategies::property(mqtt_codec::PropertyId::SubscriptionIdentifier), 0..4,
        ),
    ) {
        let publish = Publish { properties: PublishProperties::EMPTY, ..message };
        prop_assume!(publish.topic.is_some());
        let (mut streamed, mut whole) = (Vec::new(), Vec::new());
        let len = u32::try_from(publish.payload.len()).unwrap();
        let payload = publish
            .encode_streamed_head(ProtocolVersion::V5_0, len, &identifiers, &mut streamed)
            .unwrap();
        publish.encode_head_with(ProtocolVersion::V5_0, &identifiers, &mut whole).unwrap();
        prop_assert_eq!((payload.remaining(), streamed), (len, whole));
    }
}
