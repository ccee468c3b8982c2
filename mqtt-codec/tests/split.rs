//! The stream arrives in any pieces: only framing can say "need more", and nothing else depends on the pieces.

#[allow(unreachable_pub, dead_code, reason = "shared with the fuzz targets, where it is public")]
#[path = "../../fuzz/src/codec.rs"]
mod codec;
#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/strategies.rs"]
mod strategies;
#[path = "common/wire.rs"]
mod wire;

use corpus::corpus;
use mqtt_codec::{Decoder, Fault, MAXIMUM_PACKET_SIZE, Packet, PacketType, ProtocolVersion, Side};
use proptest::prelude::*;
use strategies::{Sent, any_sent};
use wire::{decode, packet};

fn encode(sent: &Sent<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    sent.packet.encode(sent.version, &mut out).unwrap();
    out
}

fn decoder_for(version: ProtocolVersion, from: Side, bytes: &[u8]) -> Decoder {
    if bytes[0] >> 4 == PacketType::Connect.bits() { Decoder::server() } else { wire::decoder(version, from) }
}

/// Every prefix is incomplete, and `needed` says by how much.
fn check_prefixes(version: ProtocolVersion, from: Side, bytes: &[u8], ends: impl Iterator<Item = usize>) {
    let header_len = 1 + (1..=4).find(|n| bytes[*n] & 0x80 == 0).unwrap();
    for end in ends {
        let mut decoder = decoder_for(version, from, bytes);
        let prefix = &bytes[..end];
        assert_eq!(decoder.decode(prefix), Ok(None), "{end} of {bytes:02X?}");
        let needed = decoder.needed(prefix);
        if end < header_len {
            assert!(needed >= 1 && needed <= bytes.len() - end);
        } else {
            assert_eq!(needed, bytes.len() - end);
        }
    }
    let decoder = decoder_for(version, from, bytes);
    assert_eq!(decoder.needed(bytes), 0);
    assert_eq!(decoder.needed(&[bytes, b"\xFF\xFF"].concat()), 0);
}

#[test]
fn every_prefix_of_a_valid_packet_is_incomplete() {
    for sample in corpus() {
        check_prefixes(sample.version, sample.from, &sample.bytes, 0..sample.bytes.len());
        let (packet, len) = decode(sample.version, sample.from, &sample.bytes).unwrap().unwrap();
        assert_eq!(len, sample.bytes.len(), "{} {packet}", sample.name);
    }
}

proptest! {
    /// Whatever comes, whole or in part, before CONNECT or behind it.
    #[test]
    fn a_publish_alone_is_decoded_as_one_among_others(
        sent in any_sent(),
        broken in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        end in any::<prop::sample::Index>(),
        is_known in prop::bool::weighted(0.9),
        limit in prop_oneof![3 => Just(MAXIMUM_PACKET_SIZE), 1 => 0..64_u32],
    ) {
        let mut bytes = encode(&sent);
        if let Some((at, byte)) = broken {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let decoder = || {
            let mut decoder = if is_known { wire::decoder(sent.version, sent.from) } else { Decoder::server() };
            decoder.set_maximum_packet_size(limit);
            decoder
        };
        let (mut all, mut alone) = (decoder(), decoder());
        for input in [&bytes[..end.index(bytes.len())], &bytes] {
            let expected = all.decode(input);
            let found = alone.decode_publish(input);
            if input.first().is_some_and(|first| first >> 4 == PacketType::Publish.bits()) {
                let found = found.map(|found| found.map(|(publish, len)| (Packet::Publish(publish), len)));
                prop_assert_eq!(&found, &expected);
            } else {
                prop_assert_eq!(found, Ok(None));
                prop_assert_eq!(&alone.decode(input), &expected);
            }
            prop_assert_eq!(alone.needed(input), all.needed(input));
            if expected.is_err() {
                break;
            }
        }
    }
}

#[test]
fn what_follows_a_packet_is_left_alone() {
    for sample in corpus() {
        let stream = [&sample.bytes[..], b"\x00\xFF\xFF\xFF\xFF\xFF"].concat();
        let (packet, len) = decode(sample.version, sample.from, &stream).unwrap().unwrap();
        assert_eq!(len, sample.bytes.len());
        assert_eq!(Ok(Some((packet, len))), decode(sample.version, sample.from, &sample.bytes));
    }
}

#[test]
fn every_flipped_bit_is_an_error_or_incomplete_or_another_valid_packet() {
    for sample in corpus() {
        for bit in 0..sample.bytes.len() * 8 {
            let mut bytes = sample.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            for selector in 0..9 {
                let input = [&[selector], bytes.as_slice()].concat();
                codec::decode(&input);
                codec::round_trip(&input);
            }
        }
    }
}

#[test]
fn every_byte_value_at_every_place_is_an_error_or_incomplete_or_another_valid_packet() {
    for sample in corpus() {
        let packet_type = PacketType::from_bits(sample.bytes[0] >> 4).unwrap();
        let selector = codec::selector(sample.version, sample.from, packet_type);
        let mut input = [&[selector], sample.bytes.as_slice()].concat();
        for at in 1..input.len() {
            let before = input[at];
            for value in 0..=255 {
                input[at] = value;
                codec::decode(&input);
                codec::round_trip(&input);
            }
            input[at] = before;
        }
    }
}

#[test]
fn an_oversized_packet_is_refused_from_its_fixed_header_alone() {
    for version in ProtocolVersion::ALL {
        for from in [Side::Client, Side::Server] {
            let mut decoder = wire::decoder(version, from);
            decoder.set_maximum_packet_size(100);
            for (len, header) in [(101, &b"\x30\x63"[..]), (268_435_460, b"\x30\xFF\xFF\xFF\x7F")] {
                let error = decoder.decode(header).unwrap_err();
                assert_eq!(error.fault(), Fault::PacketTooLarge, "{len} bytes");
                assert_eq!(
                    (error.packet_type(), error.fault().reason_code()),
                    (Some(PacketType::Publish), 0x95)
                );
                assert_eq!(decoder.needed(header), 0);
            }
            assert_eq!(decoder.decode(b"\x30\x62"), Ok(None), "100 bytes are within the limit");
            assert_eq!(decoder.needed(b"\x30\x62"), 98);
        }
    }
}

#[test]
fn the_limit_counts_the_fixed_header() {
    let bytes = packet(0x30, &[b"\x00\x01a", &[0; 200]]);
    for (limit, is_within) in [(bytes.len(), true), (bytes.len() - 1, false), (203, false)] {
        let mut decoder = Decoder::client(ProtocolVersion::V3_1_1);
        decoder.set_maximum_packet_size(u32::try_from(limit).unwrap());
        assert_eq!(decoder.decode(&bytes).is_ok(), is_within, "{limit}");
    }
}

#[test]
fn the_largest_packet_is_framed() {
    let mut decoder = Decoder::client(ProtocolVersion::V5_0);
    let header = b"\x30\xFF\xFF\xFF\x7F";
    assert_eq!(decoder.decode(header), Ok(None));
    assert_eq!(decoder.needed(header), MAXIMUM_PACKET_SIZE as usize - header.len());
}

#[test]
fn a_header_is_judged_before_its_body_arrives() {
    let server = wire::decoder(ProtocolVersion::V5_0, Side::Client);
    for (header, fault) in [
        (&b"\x00"[..], Fault::ReservedPacketType),
        (b"\x20", Fault::WrongDirection),
        (b"\x20\x7F", Fault::WrongDirection),
        (b"\x60", Fault::ReservedFlags),
        (b"\x60\xFF\xFF\xFF\x7F", Fault::ReservedFlags),
        (b"\x36", Fault::InvalidQoS),
        (b"\x36\xFF\xFF\xFF\x7F", Fault::InvalidQoS),
        (b"\x38", Fault::DupWithQoS0),
        (b"\x30\xFF\x80\x00", Fault::VariableByteIntegerPadded),
        (b"\x30\xFF\xFF\xFF\xFF", Fault::VariableByteIntegerTooLong),
    ] {
        assert_eq!(server.clone().decode(header).unwrap_err().fault(), fault);
        assert_eq!(server.needed(header), 0);
    }
    assert_eq!(Decoder::server().decode(b"\x30").unwrap_err().fault(), Fault::NotConnect);
}

#[test]
fn a_connection_begins_with_connect_and_learns_its_version_there() {
    for version in ProtocolVersion::ALL {
        let mut decoder = Decoder::server();
        assert_eq!(decoder.version(), None);
        for byte in 0x20..=0xFF {
            let error = decoder.decode(&[byte, 0]).unwrap_err();
            assert_eq!((error.fault(), error.fault().reason_code()), (Fault::NotConnect, 0x82));
        }
        let sample = corpus().into_iter().find(|sample| sample.version == version).unwrap();
        assert!(matches!(decoder.decode(&sample.bytes), Ok(Some((Packet::Connect(_), _)))));
        assert_eq!(decoder.version(), Some(version));
        assert_eq!(decoder.decode(b"\xC0\x00"), Ok(Some((Packet::Pingreq, 2))));
    }
}

/// Cuts that leave no piece out: the positions are sorted, the last piece ends with the stream.
fn pieces<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([stream.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts.zip(ends).map(|(start, end)| &stream[start..end]).collect()
}

/// The traces of the packets in a stream that arrives in these pieces.
fn trace(version: ProtocolVersion, from: Side, pieces: &[&[u8]]) -> Vec<String> {
    let mut decoder = wire::decoder(version, from);
    let (mut input, mut trace) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        while let Some((packet, len)) = decoder.decode(&input).unwrap() {
            trace.push(packet.to_string());
            input.drain(..len);
        }
    }
    assert!(input.is_empty());
    trace
}

fn any_stream() -> impl Strategy<Value = Vec<Sent<'static>>> {
    let versions = prop::sample::select(&ProtocolVersion::ALL[..]);
    let sides = prop::sample::select(&[Side::Client, Side::Server][..]);
    (versions, sides).prop_flat_map(|(version, from)| {
        let sent = strategies::packet(version, from)
            .prop_filter("one CONNECT is enough", |packet| packet.packet_type() != PacketType::Connect)
            .prop_map(move |packet| Sent { version, from, packet });
        prop::collection::vec(sent, 1..5)
    })
}

proptest! {
    #[test]
    fn any_segmentation_of_a_stream_gives_the_same_packets(
        stream in any_stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let (version, from) = (stream[0].version, stream[0].from);
        let bytes: Vec<u8> = stream.iter().flat_map(encode).collect();
        let expected: Vec<_> = stream.iter().map(|sent| sent.packet.to_string()).collect();
        prop_assert_eq!(&trace(version, from, &[&bytes]), &expected);
        prop_assert_eq!(&trace(version, from, &pieces(&bytes, &cuts)), &expected);
        if bytes.len() < 2000 {
            prop_assert_eq!(&trace(version, from, &bytes.chunks(1).collect::<Vec<_>>()), &expected);
        }
    }

    #[test]
    fn every_prefix_of_a_generated_packet_is_incomplete(sent in any_sent(), cut in any::<prop::sample::Index>()) {
        let bytes = encode(&sent);
        let ends = (0..bytes.len().min(40)).chain([cut.index(bytes.len()), bytes.len() - 1]);
        check_prefixes(sent.version, sent.from, &bytes, ends);
    }

    #[test]
    fn arbitrary_bytes_are_packets_an_error_or_incomplete(
        selector in 0..9u8,
        seed in any::<u8>(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        codec::decode(&[&[selector], bytes.as_slice()].concat());
        codec::split(&[&[selector, seed], bytes.as_slice()].concat());
        codec::round_trip(&[&[selector], bytes.as_slice()].concat());
    }

    #[test]
    fn arbitrary_bodies_are_a_packet_or_an_error(
        selector in 0..9u8,
        first_byte in any::<u8>(),
        body in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..60),
    ) {
        let bytes = packet(first_byte, &[&body]);
        codec::decode(&[&[selector], bytes.as_slice()].concat());
        codec::round_trip(&[&[selector], bytes.as_slice()].concat());
    }

    #[test]
    fn a_valid_packet_with_one_changed_byte_keeps_the_contract(
        sent in any_sent(),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut bytes = encode(&sent);
        let selector = codec::selector(sent.version, sent.from, sent.packet.packet_type());
        let at = at.index(bytes.len().min(64));
        bytes[at] = value;
        let input = [&[selector], bytes.as_slice()].concat();
        codec::decode(&input);
        codec::round_trip(&input);
    }
}
