//! What the codec costs in memory: small values, no allocation, a bounded stack.

#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/wire.rs"]
mod wire;

use core::num::NonZeroU32;

use allocation_counter::measure;
use mqtt_codec::{
    Connect, DecodeError, Decoder, Delivery, EncodeError, Fault, Frame, MessageProperties, Packet, PacketId,
    Property, ProtocolVersion, Publish, PublishProperties, Side, StreamDecoder, StreamEvent, Subscribe,
};
use mqtt_topic::TopicName;
use wire::{packet, set};

#[cfg(target_pointer_width = "64")]
#[test]
fn values_are_small() {
    insta::assert_snapshot!(
        [
            ("Packet", size_of::<Packet<'_>>()),
            ("Publish", size_of::<Publish<'_>>()),
            ("Connect", size_of::<Connect<'_>>()),
            ("Subscribe", size_of::<Subscribe<'_>>()),
            ("Property", size_of::<Property<'_>>()),
            ("PublishProperties", size_of::<PublishProperties<'_>>()),
            ("MessageProperties", size_of::<MessageProperties>()),
            ("Delivery", size_of::<Delivery>()),
            ("Option<PacketId>", size_of::<Option<PacketId>>()),
            ("Decoder", size_of::<Decoder>()),
            ("StreamDecoder", size_of::<StreamDecoder>()),
            ("StreamEvent", size_of::<StreamEvent<'_>>()),
            ("Frame", size_of::<Frame>()),
            ("DecodeError", size_of::<DecodeError>()),
            ("EncodeError", size_of::<EncodeError>()),
            ("Result of decode", size_of::<Result<Option<(Packet<'_>, usize)>, DecodeError>>()),
        ]
        .map(|(name, size)| format!("{name}: {size}"))
        .join("\n"),
        @r"
    Packet: 64
    Publish: 64
    Connect: 32
    Subscribe: 56
    Property: 40
    PublishProperties: 24
    MessageProperties: 40
    Delivery: 4
    Option<PacketId>: 2
    Decoder: 28
    StreamDecoder: 72
    StreamEvent: 72
    Frame: 40
    DecodeError: 8
    EncodeError: 24
    Result of decode: 72
    "
    );
    assert!(size_of::<Packet<'_>>() <= 64 && size_of::<DecodeError>() <= 16);
}

/// Packets of a megabyte and more, each as deep or as long as its kind can be.
fn largest() -> Vec<Vec<u8>> {
    let slashes = "/".repeat(65_535);
    let topic = wire::field(slashes.as_bytes());
    let user_property = [&b"\x26"[..], &topic, &topic].concat();
    let filters = [&topic[..], b"\x00"].concat().repeat(20);
    vec![
        packet(0x30, &[&topic, &set(&user_property.repeat(10)), &vec![0; 1 << 20]]),
        packet(0x30, &[b"\x00\x01a", &set(&b"\x26\x00\x00\x00\x00".repeat(100_000))]),
        packet(0x82, &[b"\x00\x01\x00", &filters]),
        packet(0x82, &[b"\x00\x01\x00", &b"\x00\x01a\x00".repeat(100_000)]),
        packet(0xA2, &[b"\x00\x01\x00", &topic.repeat(20)]),
        packet(
            0x10,
            &[
                wire::MQTT5,
                b"\xC6\x00\x00",
                &set(&user_property),
                &topic,
                b"\x00",
                &topic,
                &topic,
                &topic,
                &topic,
            ],
        ),
    ]
}

/// As [`wire::decode`], with any number of User Properties.
fn decode_largest(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, DecodeError> {
    let mut decoder = match bytes[0] >> 4 {
        1 => Decoder::server(),
        _ => wire::decoder(ProtocolVersion::V5_0, Side::Client),
    };
    decoder.set_maximum_user_properties(NonZeroU32::MAX);
    decoder.decode(bytes)
}

/// Decodes and encodes all there is to a packet.
fn exercise(bytes: &[u8]) {
    let (packet, len) = decode_largest(bytes).unwrap().unwrap();
    assert_eq!(len, bytes.len());
    let mut out = Vec::with_capacity(len);
    packet.encode(ProtocolVersion::V5_0, &mut out).unwrap();
    assert!(out == bytes);
    let again = decode_largest(&out).unwrap().unwrap();
    assert!(again == (packet, len));
    assert!(packet.to_string().len() > 10);
}

#[test]
fn a_stack_of_64_kib_is_enough_for_the_largest_packets() {
    let run = || largest().iter().for_each(|bytes| exercise(bytes));
    std::thread::Builder::new().stack_size(64 * 1024).spawn(run).unwrap().join().unwrap();
}

#[test]
fn decoding_allocates_nothing() {
    let samples = corpus::corpus();
    let largest = largest();
    let run = || {
        for sample in &samples {
            let read = wire::decode(sample.version, sample.from, &sample.bytes);
            assert!(matches!(read, Ok(Some(_))));
            assert!(wire::decode(sample.version, sample.from, &sample.bytes[1..]) != read);
        }
        for bytes in &largest {
            assert!(matches!(decode_largest(bytes), Ok(Some(_))));
        }
    };
    assert_eq!(measure(run).count_total, 0);
}

#[test]
fn a_declared_length_reserves_nothing() {
    let mut decoder = Decoder::server();
    let run = || {
        assert_eq!(decoder.decode(b"\x10\xFF\xFF\xFF\x7F"), Ok(None));
        assert_eq!(decoder.needed(b"\x10\xFF\xFF\xFF\x7F"), 268_435_455);
        decoder.set_maximum_packet_size(1000);
        let error = decoder.decode(b"\x10\xFF\xFF\xFF\x7F").unwrap_err();
        assert_eq!(error.fault(), Fault::PacketTooLarge);
    };
    assert_eq!(measure(run).bytes_total, 0);
}

#[test]
fn reading_and_writing_allocate_nothing() {
    let samples = corpus::corpus();
    let mut out = Vec::with_capacity(4096);
    let run = || {
        for sample in &samples {
            let Ok(Some((packet, _))) = wire::decode(sample.version, sample.from, &sample.bytes) else {
                panic!()
            };
            match packet {
                Packet::Connect(connect) => assert!(connect.fields().properties.iter().count() < 20),
                Packet::Publish(publish) => assert!(publish.properties.user_properties().count() < 5),
                Packet::Subscribe(subscribe) => assert_ne!(subscribe.subscriptions.len(), 0),
                _ => {}
            }
            out.clear();
            let _ = packet.encode(sample.version, &mut out);
        }
    };
    assert_eq!(measure(run).count_total, 0);
}

#[test]
fn a_frame_costs_no_copy_and_a_detached_one_a_single_allocation() {
    let publish = packet(0x30, &[b"\x00\x01a\x00", &[0; 1000]]);
    let mut input = bytes::BytesMut::from(&publish.repeat(3)[..]);
    let mut decoder = wire::decoder(ProtocolVersion::V5_0, Side::Client);
    let first = decoder.decode_frame(&mut input).unwrap().unwrap();
    let cost = measure(|| {
        let second = decoder.decode_frame(&mut input).unwrap().unwrap();
        let Packet::Publish(publish) = second.packet() else { panic!() };
        assert_eq!(second.slice(publish.payload).len(), 1000);
    });
    assert!(cost.bytes_total < 100, "{cost:?}");
    let cost = measure(|| assert_eq!(first.detach(), first));
    assert!(cost.count_total <= 2 && cost.bytes_total >= 1000 && cost.bytes_total < 1200, "{cost:?}");
}

#[test]
fn a_payload_sent_by_reference_is_not_copied() {
    let payload = vec![0; 1 << 20];
    let publish = Publish::new(TopicName::parse("a/b").unwrap(), &payload);
    let cost = measure(|| {
        let mut head = Vec::with_capacity(32);
        publish.encode_head(ProtocolVersion::V5_0, &mut head).unwrap();
        assert_eq!(head.len(), 10);
    });
    assert_eq!(cost.bytes_total, 32);
}
