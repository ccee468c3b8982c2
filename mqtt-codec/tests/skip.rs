//! A packet above the limit can be passed over: what it was is said once, and nothing of it is held.

#[path = "common/streaming.rs"]
mod streaming;
#[path = "common/wire.rs"]
mod wire;

use core::num::NonZeroU16;

use mqtt_codec::{
    AckProperties, Decoder, Delivery, Fault, Packet, PacketId, PacketType, ProtocolVersion, Puback, Publish,
    PublishReason, Side, StreamDecoder, StreamEvent,
};
use proptest::prelude::*;
use streaming::{Outcome, Seen, head, receive, segments};
use wire::{packet, set};

const BUFFER: u32 = 64;

/// Skips what is above `maximum` bytes.
fn skipping(version: ProtocolVersion, from: Side, maximum: u32) -> StreamDecoder {
    let mut decoder = StreamDecoder::new(wire::decoder(version, from), BUFFER);
    decoder.set_maximum_packet_size(maximum);
    decoder.skip_oversized(true);
    decoder
}

/// Through a buffer of 64 bytes, in several segmentations.
fn outcome(decoder: &StreamDecoder, stream: &[u8]) -> Outcome {
    let expected = receive(decoder.clone(), usize::MAX, [stream]);
    for size in [1, 2, 3, 7, stream.len()] {
        assert_eq!(
            receive(decoder.clone(), BUFFER as usize, stream.chunks(size)),
            expected,
            "segments of {size}"
        );
    }
    expected
}

const PINGREQ: &[u8] = b"\xC0\x00";

fn pingreq() -> Seen {
    Seen::new(Packet::Pingreq)
}

#[test]
fn an_oversized_packet_is_an_error_unless_it_is_to_be_skipped() {
    for version in ProtocolVersion::ALL {
        let publish = packet(0x30, &[b"\x00\x01a", &[0; 100]]);
        for skip in [false, true] {
            let mut decoder = skipping(version, Side::Client, 50);
            decoder.skip_oversized(skip);
            match receive(decoder, BUFFER as usize, [&publish[..]]).end {
                Err(error) => {
                    assert_eq!((error.fault(), error.fault().reason_code()), (Fault::PacketTooLarge, 0x95));
                    assert!(!skip);
                }
                Ok(end) => assert_eq!((end, skip), ((0, 0), true)),
            }
        }
    }
}

#[test]
fn a_skipped_publish_says_whom_to_answer() {
    let delivery = |qos| match qos {
        0 => Delivery::AtMostOnce,
        1 => Delivery::AtLeastOnce { packet_id: PacketId::new(7).unwrap(), dup: false },
        _ => Delivery::ExactlyOnce { packet_id: PacketId::new(7).unwrap(), dup: false },
    };
    for version in ProtocolVersion::ALL {
        let properties: &[u8] = if version == ProtocolVersion::V5_0 { b"\x00" } else { b"" };
        for qos in 0..3 {
            let packet_id: &[u8] = if qos == 0 { b"" } else { b"\x00\x07" };
            let oversized = packet(0x30 | qos << 1, &[b"\x00\x03a/b", packet_id, properties, &[0; 1000]]);
            let stream = [PINGREQ, &oversized, PINGREQ].concat();
            let topic = mqtt_topic::TopicName::parse("a/b").unwrap();
            let expected = Publish { delivery: delivery(qos), ..Publish::new(topic, &[]) };
            let size = u32::try_from(oversized.len()).unwrap();
            let outcome = outcome(&skipping(version, Side::Client, size - 1), &stream);
            let skipped = Seen::OversizedPublish { head: head(expected), size };
            assert_eq!(outcome.seen, [pingreq(), skipped, pingreq()]);
            assert_eq!(outcome.end, Ok((0, 0)));
        }
    }
}

#[test]
fn the_refusal_of_a_skipped_publish_is_a_valid_packet_of_5() {
    let publish = packet(0x32, &[b"\x00\x01a\x00\x07\x00", &[0; 1000]]);
    let mut decoder = skipping(ProtocolVersion::V5_0, Side::Client, 100);
    let Ok(Some((StreamEvent::OversizedPublish { publish, size: 1009 }, _))) = decoder.decode(&publish)
    else {
        panic!("an oversized PUBLISH")
    };
    let Delivery::AtLeastOnce { packet_id, .. } = publish.delivery else { panic!("QoS 1") };
    let reason = PublishReason::QuotaExceeded;
    let mut answer = Vec::new();
    Puback { packet_id, reason, properties: AckProperties::EMPTY }
        .encode(ProtocolVersion::V5_0, &mut answer)
        .unwrap();
    assert_eq!(answer, b"\x40\x03\x00\x07\x97");
    assert_eq!(PublishReason::from_code(0x95), None, "no PUBACK says Packet too large");
}

#[test]
fn the_topic_alias_of_a_skipped_publish_is_not_lost() {
    let alias = NonZeroU16::new(5).unwrap();
    let publish = packet(0x30, &[b"\x00\x03new", &set(b"\x23\x00\x05"), &[0; 1000]]);
    let mut decoder = skipping(ProtocolVersion::V5_0, Side::Client, 100);
    let Ok(Some((StreamEvent::OversizedPublish { publish, .. }, _))) = decoder.decode(&publish) else {
        panic!("an oversized PUBLISH")
    };
    assert_eq!(publish.properties.topic_alias(), Some(alias));
    assert_eq!(publish.topic.map(|topic| topic.as_bytes().to_vec()), Some(b"new".to_vec()));
}

#[test]
fn other_packets_say_their_type_and_exchange() {
    let filler = [0; 300];
    for (from, first_byte, packet_type, has_packet_id) in [
        (Side::Client, 0x40, PacketType::Puback, true),
        (Side::Client, 0x50, PacketType::Pubrec, true),
        (Side::Client, 0x62, PacketType::Pubrel, true),
        (Side::Client, 0x70, PacketType::Pubcomp, true),
        (Side::Client, 0x82, PacketType::Subscribe, true),
        (Side::Server, 0x90, PacketType::Suback, true),
        (Side::Client, 0xA2, PacketType::Unsubscribe, true),
        (Side::Server, 0xB0, PacketType::Unsuback, true),
        (Side::Client, 0xC0, PacketType::Pingreq, false),
        (Side::Server, 0xD0, PacketType::Pingresp, false),
        (Side::Client, 0xE0, PacketType::Disconnect, false),
        (Side::Server, 0xF0, PacketType::Auth, false),
    ] {
        let oversized = packet(first_byte, &[b"\x12\x34", &filler]);
        let after = packet(0x40, &[b"\x00\x01"]);
        let size = u32::try_from(oversized.len()).unwrap();
        let packet_id = has_packet_id.then_some(PacketId::new(0x1234).unwrap());
        // Above the maximum, or too large for the buffer alone.
        for maximum in [100, 1000] {
            let outcome =
                outcome(&skipping(ProtocolVersion::V5_0, from, maximum), &[&oversized[..], &after].concat());
            let after = Seen::new(Packet::Puback(Puback::new(PacketId::MIN)));
            assert_eq!(outcome.seen, [Seen::Oversized { packet_type, packet_id, size }, after]);
            assert_eq!(outcome.end, Ok((0, 0)));
        }
    }
}

#[test]
fn no_connection_goes_on_without_connect_or_connack() {
    let mut decoder = StreamDecoder::new(Decoder::server(), BUFFER);
    decoder.skip_oversized(true);
    assert_eq!(decoder.decode(b"\x10\x7F").unwrap_err().fault(), Fault::ExceedsBuffer);
    decoder.set_maximum_packet_size(100);
    let error = decoder.decode(b"\x10\x7F").unwrap_err();
    assert_eq!((error.fault(), error.connack_reason().code()), (Fault::PacketTooLarge, 0x95));
    let error = skipping(ProtocolVersion::V5_0, Side::Server, 100).decode(b"\x20\x7F").unwrap_err();
    assert_eq!(error.fault(), Fault::PacketTooLarge);
}

#[test]
fn what_is_wrong_before_the_payload_is_wrong_in_an_oversized_packet_too() {
    let filler = [0; 300];
    for (bytes, fault) in [
        (packet(0x36, &[b"\x00\x01a\x00\x01\x00", &filler]), Fault::InvalidQoS),
        (packet(0x38, &[b"\x00\x01a\x00", &filler]), Fault::DupWithQoS0),
        (packet(0x30, &[b"\x00\x01#\x00", &filler]), Fault::InvalidTopicName),
        (packet(0x30, &[b"\xFF\xFF", &filler]), Fault::Truncated),
        (packet(0x32, &[b"\x00\x01a\x00\x00\x00", &filler]), Fault::PacketIdZero),
        (packet(0x30, &[b"\x00\x01a\x03\x23\x00\x00", &filler]), Fault::TopicAliasZero),
        (packet(0x30, &[b"\x00\x01a\x7F", &[0; 126]]), Fault::Truncated),
        (packet(0x40, &[b"\x00\x00", &filler]), Fault::PacketIdZero),
        (packet(0x84, &[b"\x00\x01", &filler]), Fault::ReservedFlags),
        (packet(0x90, &[b"\x00\x01", &filler]), Fault::WrongDirection),
    ] {
        let outcome = outcome(&skipping(ProtocolVersion::V5_0, Side::Client, 100), &bytes);
        let error = outcome.end.unwrap_err();
        assert_eq!((outcome.seen, error.fault()), (vec![], fault));
        let whole = wire::decode(ProtocolVersion::V5_0, Side::Client, &bytes);
        assert_eq!(whole, Err(error), "the fault is where it is in a packet that is not skipped");
    }
}

#[test]
fn an_oversized_publish_whose_head_is_larger_than_the_buffer_is_refused() {
    let topic = wire::field(&[b'a'; 100]);
    let publish = packet(0x30, &[&topic, &[0; 1000]]);
    let outcome = outcome(&skipping(ProtocolVersion::V3_1_1, Side::Client, 200), &publish);
    assert_eq!(outcome.end.unwrap_err().fault(), Fault::ExceedsBuffer);
}

#[test]
fn an_oversized_publish_without_payload_is_reported_and_gone() {
    let publish = packet(0x30, &[&wire::field(b"a/topic/that/is/too/long")]);
    let stream = [&publish, PINGREQ].concat();
    let outcome = outcome(&skipping(ProtocolVersion::V3_1_1, Side::Client, 10), &stream);
    assert!(
        matches!(outcome.seen[..], [Seen::OversizedPublish { size: 28, .. }, ref last] if *last == pingreq())
    );
}

#[test]
fn the_largest_packet_is_skipped_in_the_bytes_that_arrive() {
    let block = vec![0xFF; 65_536];
    let cost = allocation_counter::measure(|| {
        let mut decoder = skipping(ProtocolVersion::V5_0, Side::Client, 1000);
        let header = b"\x82\xFF\xFF\xFF\x7F\x00\x01";
        let (packet_type, packet_id) = (PacketType::Subscribe, Some(PacketId::MIN));
        let event = StreamEvent::Oversized { packet_type, packet_id, size: 268_435_460 };
        assert_eq!(decoder.decode(header), Ok(Some((event, header.len()))));
        let mut to_come = 268_435_453u32;
        while to_come > 0 {
            let part = &block[..block.len().min(to_come as usize)];
            to_come -= u32::try_from(part.len()).unwrap();
            let event = StreamEvent::Skipped { remaining: to_come };
            assert_eq!(decoder.decode(part), Ok(Some((event, part.len()))));
        }
        assert!(decoder.is_between_packets());
        assert_eq!(decoder.decode(PINGREQ), Ok(Some((StreamEvent::Packet(Packet::Pingreq), 2))));
    });
    assert_eq!(cost.count_total, 0);
}

proptest! {
    #[test]
    fn the_packets_between_oversized_ones_are_those_that_were_sent(
        version in prop::sample::select(&ProtocolVersion::ALL[..]),
        packets in prop::collection::vec(
            (0..3u8, prop_oneof![0..80usize, 0..3000usize], any::<bool>()), 1..12,
        ),
        maximum in 20..2000u32,
        cuts in any::<u32>(),
    ) {
        let v5 = version == ProtocolVersion::V5_0;
        let properties: &[u8] = if v5 { b"\x00" } else { b"" };
        let sent: Vec<Vec<u8>> = packets
            .iter()
            .map(|(qos, len, is_publish)| match (is_publish, qos) {
                (true, 0) => packet(0x30, &[b"\x00\x03a/b", properties, &vec![0xC0; *len]]),
                (true, qos) => packet(0x30 | qos << 1, &[b"\x00\x03a/b\x00\x07", properties, &vec![0xC0; *len]]),
                (false, _) => packet(0xA2, &[b"\x00\x09", properties, &wire::field(&vec![b'f'; len + 1])]),
            })
            .collect();
        let stream = sent.concat();
        let decoder = skipping(version, Side::Client, maximum);
        let outcome = receive(decoder.clone(), usize::MAX, [&stream[..]]);
        prop_assert_eq!(&receive(decoder, BUFFER as usize, segments(&stream, cuts)), &outcome);
        prop_assert_eq!(outcome.end, Ok((0, 0)));
        prop_assert_eq!(outcome.seen.len(), sent.len());
        for (seen, bytes) in outcome.seen.into_iter().zip(&sent) {
            let (read, _) = wire::decode(version, Side::Client, bytes).unwrap().unwrap();
            let size = u32::try_from(bytes.len()).unwrap();
            let expected = match read {
                Packet::Publish(publish) if size > maximum => {
                    Seen::OversizedPublish { head: head(publish), size }
                }
                Packet::Unsubscribe(unsubscribe) if size > maximum.min(BUFFER) => Seen::Oversized {
                    packet_type: PacketType::Unsubscribe,
                    packet_id: Some(unsubscribe.packet_id),
                    size,
                },
                read => Seen::new(read),
            };
            prop_assert_eq!(seen, expected);
        }
    }
}
