//! What a peer can make a decoder spend: properties are counted, memory and stack are measured. (Bytes looked at are
//! counted in the unit tests of the decoders.)

#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/wire.rs"]
mod wire;

use core::num::NonZeroU32;

use allocation_counter::measure;
use bytes::BytesMut;
use corpus::corpus;
use mqtt_codec::{
    Decoder, Fault, Packet, PacketType, Property, PropertyId, ProtocolVersion, Publish, PublishProperties,
    Side, StreamDecoder, StreamEvent, SubscriptionIdentifier,
};
use mqtt_topic::TopicName;
use proptest::prelude::*;
use wire::{MQTT5, decoder, packet, set};

const USER_PROPERTY: &[u8] = b"\x26\x00\x01k\x00\x01v";
const IDENTIFIER: &[u8] = b"\x0B\x01";

fn limit(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

fn server() -> Decoder {
    decoder(ProtocolVersion::V5_0, Side::Client)
}

/// The same properties in each place that has its own set.
fn in_every_set(properties: &[u8]) -> Vec<(Side, Vec<u8>)> {
    let properties = set(properties);
    vec![
        (Side::Client, packet(0x10, &[MQTT5, b"\x02\x00\x00", &properties, b"\x00\x00"])),
        (
            Side::Client,
            packet(0x10, &[MQTT5, b"\x06\x00\x00\x00\x00\x00", &properties, b"\x00\x01w\x00\x00"]),
        ),
        (Side::Server, packet(0x20, &[b"\x00\x00", &properties])),
        (Side::Client, packet(0x30, &[b"\x00\x01a", &properties])),
        (Side::Client, packet(0x40, &[b"\x00\x01\x00", &properties])),
        (Side::Client, packet(0x50, &[b"\x00\x01\x00", &properties])),
        (Side::Client, packet(0x62, &[b"\x00\x01\x00", &properties])),
        (Side::Client, packet(0x70, &[b"\x00\x01\x00", &properties])),
        (Side::Client, packet(0x82, &[b"\x00\x01", &properties, b"\x00\x01a\x00"])),
        (Side::Server, packet(0x90, &[b"\x00\x01", &properties, b"\x00"])),
        (Side::Client, packet(0xA2, &[b"\x00\x01", &properties, b"\x00\x01a"])),
        (Side::Server, packet(0xB0, &[b"\x00\x01", &properties, b"\x00"])),
        (Side::Client, packet(0xE0, &[b"\x00", &properties])),
    ]
}

#[test]
fn a_limit_on_user_properties_holds_in_every_set() {
    for count in [1, 2, 5] {
        for (from, bytes) in in_every_set(&USER_PROPERTY.repeat(count)) {
            let decode = |maximum| {
                let mut decoder = match bytes[0] >> 4 {
                    1 => Decoder::server(),
                    _ => decoder(ProtocolVersion::V5_0, from),
                };
                decoder.set_maximum_user_properties(limit(maximum));
                decoder.decode(&bytes).map(|packet| packet.map(|(_, len)| len))
            };
            let maximum = u32::try_from(count).unwrap();
            assert_eq!(decode(maximum), Ok(Some(bytes.len())));
            if maximum > 1 {
                let error = decode(maximum - 1).unwrap_err();
                assert_eq!((error.fault(), error.fault().reason_code()), (Fault::TooManyProperties, 0x97));
                assert_eq!(error.packet_type(), PacketType::from_bits(bytes[0] >> 4));
                assert_eq!((error.disconnect_reason().code(), error.connack_reason().code()), (0x97, 0x97));
            }
        }
    }
}

#[test]
fn a_server_takes_1024_user_properties_and_a_client_any_number() {
    let publish = |count| packet(0x30, &[b"\x00\x01a", &set(&USER_PROPERTY.repeat(count))]);
    let (within, above, many) = (publish(1024), publish(1025), publish(13_000));
    assert!(matches!(server().decode(&within), Ok(Some(_))));
    assert!(matches!(Decoder::client(ProtocolVersion::V5_0).decode(&many), Ok(Some(_))));
    let error = server().decode(&above).unwrap_err();
    assert_eq!(error.fault(), Fault::TooManyProperties);
    // At the property that is one too many.
    assert_eq!(error.offset() as usize, above.len() - USER_PROPERTY.len());
    let mut unlimited = server();
    unlimited.set_maximum_user_properties(NonZeroU32::MAX);
    assert!(matches!(unlimited.decode(&many), Ok(Some(_))));
}

#[test]
fn user_properties_and_subscription_identifiers_are_counted_apart() {
    let publish = |users, identifiers| {
        let properties = [USER_PROPERTY.repeat(users), IDENTIFIER.repeat(identifiers)].concat();
        packet(0x30, &[b"\x00\x01a", &set(&properties)])
    };
    let mut decoder = Decoder::client(ProtocolVersion::V5_0);
    decoder.set_maximum_user_properties(limit(3));
    decoder.set_maximum_subscription_identifiers(limit(2));
    for users in 0..6 {
        for identifiers in 0..6 {
            let bytes = publish(users, identifiers);
            let is_within = users <= 3 && identifiers <= 2;
            match decoder.decode(&bytes) {
                Ok(read) => assert!(read.is_some() && is_within, "{users} and {identifiers}"),
                Err(error) => {
                    assert_eq!(error.fault(), Fault::TooManyProperties);
                    assert!(!is_within, "{users} and {identifiers}");
                }
            }
        }
    }
}

#[test]
fn a_property_that_may_not_be_repeated_is_a_protocol_error_whatever_the_limits() {
    let publish = packet(0x30, &[b"\x00\x01a", &set(b"\x01\x00\x01\x00")]);
    let mut decoder = server();
    decoder.set_maximum_user_properties(limit(1));
    let error = decoder.decode(&publish).unwrap_err();
    assert_eq!((error.fault(), error.fault().reason_code()), (Fault::PropertyRepeated, 0x82));
    let subscribe = packet(0x82, &[b"\x00\x01", &set(&IDENTIFIER.repeat(2)), b"\x00\x01a\x00"]);
    assert_eq!(decoder.decode(&subscribe).unwrap_err().fault(), Fault::PropertyRepeated);
}

#[test]
fn the_limits_are_a_receivers_and_bind_no_sender() {
    let identifier = Property::SubscriptionIdentifier(SubscriptionIdentifier::new(1).unwrap());
    let values = [vec![Property::UserProperty(("k", "v")); 2000], vec![identifier; 2000]].concat();
    let properties = PublishProperties::new(&values).unwrap();
    let publish = Publish { properties, ..Publish::new(TopicName::parse("a").unwrap(), &[]) };
    let mut bytes = Vec::new();
    publish.encode(ProtocolVersion::V5_0, &mut bytes).unwrap();
    let read = Decoder::client(ProtocolVersion::V5_0).decode(&bytes).unwrap();
    assert_eq!(read, Some((publish.into(), bytes.len())));
    // A frame is read again without limits, whatever decoder has accepted it.
    let mut decoder = Decoder::client(ProtocolVersion::V5_0);
    let frame = decoder.decode_frame(&mut BytesMut::from(&bytes[..])).unwrap().unwrap();
    decoder.set_maximum_user_properties(limit(1));
    let Packet::Publish(read) = frame.packet() else { panic!("a PUBLISH") };
    assert_eq!(read.properties.user_properties().count(), 2000);
    assert!(read.properties.contains(PropertyId::SubscriptionIdentifier));
}

/// Everything there is to do with a sample.
fn exercise(sample: &corpus::Sample) {
    let fresh = || match sample.bytes[0] >> 4 {
        1 => Decoder::server(),
        _ => decoder(sample.version, sample.from),
    };
    let (read, len) = fresh().decode(&sample.bytes).unwrap().unwrap();
    assert_eq!(len, sample.bytes.len());
    let mut slot = mqtt_codec::FrameSlot::new();
    let mut input = BytesMut::from(&sample.bytes[..]);
    let (again, frame) = fresh().decode_into(&mut input, &mut slot).unwrap().unwrap();
    assert_eq!((again, frame.packet(), frame.detach().packet()), (read, read, read));
    let mut out = Vec::new();
    if read.encode(sample.version, &mut out).is_ok() {
        assert_eq!(fresh().decode(&out), Ok(Some((read, out.len()))));
    }
    for version in ProtocolVersion::ALL {
        let _ = read.encode(version, &mut out);
    }
    let mut streaming = StreamDecoder::new(fresh(), 1000);
    streaming.stream_above(0);
    let (event, _) = streaming.decode(&sample.bytes).unwrap().unwrap();
    match event {
        StreamEvent::Packet(packet) => assert_eq!(packet, read),
        StreamEvent::Head { .. } => assert_eq!(read.packet_type(), PacketType::Publish),
        other => panic!("{other:?}"),
    }
    assert!(!format!("{read} {read:?}").is_empty());
}

#[test]
fn a_stack_of_64_kib_is_enough_for_every_packet_kind() {
    let run = || {
        let samples = corpus();
        for packet_type in PacketType::ALL {
            assert!(samples.iter().any(|sample| sample.bytes[0] >> 4 == packet_type.bits()));
        }
        samples.iter().for_each(exercise);
    };
    std::thread::Builder::new().stack_size(64 * 1024).spawn(run).unwrap().join().unwrap();
}

/// A handle on shared memory, which costs the same for every packet.
const HANDLE: u64 = 64;

#[test]
fn no_allocation_is_larger_than_the_input() {
    for sample in corpus() {
        let fresh = || match sample.bytes[0] >> 4 {
            1 => Decoder::server(),
            _ => decoder(sample.version, sample.from),
        };
        let len = sample.bytes.len() as u64;
        let mut input = BytesMut::from(&sample.bytes[..]);
        let mut frame = None;
        let cost = measure(|| frame = fresh().decode_frame(&mut input).unwrap());
        assert!(cost.bytes_total <= HANDLE, "{}: {cost:?}", sample.name);
        let mut input = BytesMut::from(&sample.bytes[..]);
        let cost = measure(|| {
            let mut slot = mqtt_codec::FrameSlot::new();
            assert!(fresh().decode_into(&mut input, &mut slot).unwrap().is_some());
        });
        assert!(cost.bytes_total <= HANDLE, "{}: {cost:?}", sample.name);
        let frame = frame.unwrap();
        let cost = measure(|| drop(frame.detach()));
        assert!(cost.bytes_max <= len, "{}: {cost:?}", sample.name);
        let cost = measure(|| assert_eq!(frame.packet().packet_type().bits(), sample.bytes[0] >> 4));
        assert_eq!(cost.count_total, 0);
    }
}

#[test]
fn every_prefix_and_every_flipped_bit_is_judged_without_allocation() {
    let mut samples = corpus();
    let cost = measure(|| {
        for sample in &mut samples {
            let fresh = decoder(sample.version, sample.from);
            for end in 0..sample.bytes.len() {
                let mut input = &sample.bytes[..end];
                assert!(!fresh.clone().decode(input).is_ok_and(|read| read.is_some()));
                let mut streaming = StreamDecoder::new(fresh.clone(), 1000);
                streaming.stream_above(0);
                while let Ok(Some((_, len))) = streaming.decode(input) {
                    input = &input[len..];
                }
            }
            for bit in 0..sample.bytes.len() * 8 {
                sample.bytes[bit / 8] ^= 1 << (bit % 8);
                let _ = fresh.clone().decode(&sample.bytes);
                let _ = StreamDecoder::new(fresh.clone(), 10).decode(&sample.bytes);
                sample.bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    });
    assert_eq!(cost.count_total, 0);
}

proptest! {
    #[test]
    fn arbitrary_bytes_make_no_decoder_allocate(
        version in prop::sample::select(&ProtocolVersion::ALL[..]),
        from in prop::sample::select(&[Side::Client, Side::Server][..]),
        first_byte in any::<u8>(),
        body in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..100),
        skip in any::<bool>(),
    ) {
        for bytes in [packet(first_byte, &[&body]), body] {
            let mut streaming = StreamDecoder::new(decoder(version, from), 30);
            streaming.skip_oversized(skip);
            let cost = measure(|| {
                let _ = decoder(version, from).decode(&bytes);
                let _ = streaming.decode(&bytes);
            });
            prop_assert_eq!(cost.count_total, 0);
            let mut input = BytesMut::from(&bytes[..]);
            let cost = measure(|| drop(decoder(version, from).decode_frame(&mut input)));
            prop_assert!(cost.bytes_total <= HANDLE, "{:?}", cost);
        }
    }
}
