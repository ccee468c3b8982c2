//! Whatever can be said is read back as it was said: decode is the inverse of encode.

#[path = "common/strategies.rs"]
mod strategies;
#[path = "common/wire.rs"]
mod wire;

use core::num::NonZeroU16;

use bytes::{BufMut, Bytes, BytesMut};
use mqtt_codec::{
    Connect, ConnectFields, ConnectProperties, Decoder, Delivery, EncodeError, Frame, MessageProperties,
    Packet, Property, PropertyError, PropertyId, ProtocolVersion, Publish, PublishProperties, Side, Will,
    WillProperties,
};
use mqtt_topic::TopicName;
use proptest::prelude::*;
use strategies::{Sent, any_sent, data, publish};
use wire::decode;

fn encode(sent: &Sent<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    sent.packet.encode(sent.version, &mut out).unwrap();
    out
}

/// The packet in a frame of its own, as a receiver gets it.
fn decoder(sent: &Sent<'_>) -> Decoder {
    match sent.packet {
        Packet::Connect(_) => Decoder::server(),
        _ => wire::decoder(sent.version, sent.from),
    }
}

fn frame(sent: &Sent<'_>, bytes: &[u8]) -> Frame {
    decoder(sent).decode_frame(&mut BytesMut::from(bytes)).unwrap().unwrap()
}

proptest! {
    #[test]
    fn an_encoded_packet_decodes_to_itself(sent in any_sent()) {
        let bytes = encode(&sent);
        prop_assert_eq!(sent.packet.encoded_len(sent.version), Ok(bytes.len()));
        let (packet, len) = decode(sent.version, sent.from, &bytes).unwrap().unwrap();
        prop_assert_eq!(len, bytes.len());
        prop_assert_eq!(packet, sent.packet);
        prop_assert_eq!(packet.packet_type(), sent.packet.packet_type());
    }

    #[test]
    fn a_decoded_packet_encodes_to_the_bytes_it_came_from(sent in any_sent()) {
        let bytes = encode(&sent);
        let (packet, _) = decode(sent.version, sent.from, &bytes).unwrap().unwrap();
        let mut again = Vec::new();
        packet.encode(sent.version, &mut again).unwrap();
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn a_decoded_packet_is_written_in_any_version_as_one_made_of_values(sent in any_sent()) {
        let bytes = encode(&sent);
        let (packet, _) = decode(sent.version, sent.from, &bytes).unwrap().unwrap();
        for version in ProtocolVersion::ALL {
            let (mut again, mut expected) = (Vec::new(), Vec::new());
            prop_assert_eq!(packet.encode(version, &mut again), sent.packet.encode(version, &mut expected));
            prop_assert_eq!(again, expected);
        }
    }

    #[test]
    fn the_remaining_length_is_the_shortest_form_of_what_follows(sent in any_sent()) {
        let bytes = encode(&sent);
        let remaining_length = bytes.len() - 1 - (1..=4).find(|n| bytes[*n] & 0x80 == 0).unwrap();
        prop_assert_eq!(&wire::varint(remaining_length), &bytes[1..bytes.len() - remaining_length]);
    }

    #[test]
    fn a_buffer_that_is_too_small_stays_as_it_is(sent in any_sent(), room in any::<prop::sample::Index>()) {
        let needed = sent.packet.encoded_len(sent.version).unwrap();
        let mut buffer = vec![0xA5; room.index(needed)];
        let result = sent.packet.encode(sent.version, &mut buffer.as_mut_slice());
        prop_assert_eq!(result, Err(EncodeError::BufferTooSmall { needed }));
        prop_assert!(buffer.iter().all(|byte| *byte == 0xA5));
        let mut exact = vec![0; needed];
        let mut rest = exact.as_mut_slice();
        sent.packet.encode(sent.version, &mut rest).unwrap();
        prop_assert_eq!(rest.len(), 0);
    }

    #[test]
    fn a_frame_lends_the_packet_it_was_made_of(sent in any_sent()) {
        let bytes = encode(&sent);
        let frame = frame(&sent, &bytes);
        prop_assert_eq!(frame.packet(), sent.packet);
        prop_assert_eq!(frame.version(), sent.version);
        prop_assert_eq!(&frame.bytes()[..], &bytes);
        let detached = frame.detach();
        prop_assert_eq!(&detached, &frame);
        prop_assert_ne!(detached.bytes().as_ptr(), frame.bytes().as_ptr());
        let shared = Frame::clone(&frame);
        prop_assert_eq!(shared.bytes().as_ptr(), frame.bytes().as_ptr());
        prop_assert_eq!(frame.to_string(), frame.packet().to_string());
        prop_assert_eq!(format!("{frame:?}"), format!("Frame({:?})", frame.packet()));
    }

    #[test]
    fn a_packet_and_its_frame_come_together(
        sent in any_sent(),
        cut in any::<prop::sample::Index>(),
        behind in prop::sample::select(vec![&b""[..], b"next"]),
    ) {
        let bytes = encode(&sent);
        let mut input = BytesMut::from(&bytes[..cut.index(bytes.len())]);
        let (before, mut slot) = (input.clone(), mqtt_codec::FrameSlot::new());
        let mut decoder = decoder(&sent);
        prop_assert!(decoder.decode_into(&mut input, &mut slot).unwrap().is_none());
        prop_assert_eq!(&input, &before);
        input.extend_from_slice(&bytes[before.len()..]);
        input.extend_from_slice(behind);
        let (packet, lender) = decoder.decode_into(&mut input, &mut slot).unwrap().unwrap();
        prop_assert_eq!(packet, sent.packet);
        prop_assert_eq!(lender, &frame(&sent, &bytes));
        prop_assert_eq!(&input[..], behind);
    }

    #[test]
    fn a_trace_of_any_packet_is_one_line_without_secrets(sent in any_sent()) {
        let line = sent.packet.to_string();
        prop_assert!(line.starts_with(&sent.packet.packet_type().to_string()));
        prop_assert!(!line.chars().any(char::is_control), "{:?}", line);
    }

    #[test]
    fn the_head_and_the_payload_are_the_packet(
        (version, publish) in any_publish(),
    ) {
        let mut head = Vec::new();
        publish.encode_head(version, &mut head).unwrap();
        let mut whole = Vec::new();
        publish.encode(version, &mut whole).unwrap();
        prop_assert_eq!([&head[..], publish.payload].concat(), whole);

        let mut small = vec![0xA5; head.len() - 1];
        let result = publish.encode_head(version, &mut small.as_mut_slice());
        prop_assert_eq!(result, Err(EncodeError::BufferTooSmall { needed: head.len() }));
        prop_assert!(small.iter().all(|byte| *byte == 0xA5));
    }

    #[test]
    fn properties_of_one_hop_stand_in_front_of_those_of_the_message(
        message in publish(ProtocolVersion::V5_0, Side::Client),
        expiry in prop::option::of(strategies::property(PropertyId::MessageExpiryInterval)),
        alias in prop::option::of(strategies::property(PropertyId::TopicAlias)),
        identifiers in prop::collection::vec(strategies::property(PropertyId::SubscriptionIdentifier), 0..4),
    ) {
        let owned = MessageProperties::from_publish(message.properties, None);
        let publish = Publish { properties: owned.as_publish(), ..message };
        let extra: Vec<_> = expiry.into_iter().chain(alias).chain(identifiers).collect();
        let mut bytes = Vec::new();
        let result = publish.encode_head_with(ProtocolVersion::V5_0, &extra, &mut bytes);
        if message.topic.is_none() && alias.is_none() {
            prop_assert_eq!(result, Err(EncodeError::TopicNameMissing));
            prop_assert!(bytes.is_empty());
            return Ok(());
        }
        bytes.extend_from_slice(publish.payload);
        prop_assert_eq!(publish.encoded_len_with(ProtocolVersion::V5_0, &extra), Ok(bytes.len()));
        let (packet, len) = decode(ProtocolVersion::V5_0, Side::Server, &bytes).unwrap().unwrap();
        prop_assert_eq!(len, bytes.len());
        let merged: Vec<_> = extra.iter().copied().chain(publish.properties).collect();
        let expected = Publish { properties: PublishProperties::new(&merged).unwrap(), ..publish };
        prop_assert_eq!(packet, Packet::Publish(expected));
    }

    #[test]
    fn a_property_that_may_stand_once_cannot_be_added_to_itself(
        message in publish(ProtocolVersion::V5_0, Side::Server),
        extra in prop::sample::select(PropertyId::ALL).prop_flat_map(strategies::property),
    ) {
        let publish = Publish { topic: Some(TopicName::parse("a").unwrap()), ..message };
        let result = publish.encoded_len_with(ProtocolVersion::V5_0, &[extra]);
        let merged: Vec<_> = [extra].into_iter().chain(publish.properties).collect();
        match PublishProperties::new(&merged) {
            Ok(_) => prop_assert!(result.is_ok()),
            Err(PropertyError::NotAllowed(id)) => {
                prop_assert_eq!(result, Err(PropertyError::NotAllowed(id).into()));
            }
            Err(_) => prop_assert_eq!(result, Err(PropertyError::Repeated(extra.id()).into())),
        }
    }

    #[test]
    fn message_properties_are_those_that_travel_with_the_message(
        (_, publish) in any_publish(),
    ) {
        let travels = [0x01, 0x03, 0x08, 0x09, 0x26];
        let expected: Vec<_> =
            publish.properties.iter().filter(|property| travels.contains(&property.id().id())).collect();
        let owned = MessageProperties::from_publish(publish.properties, None);
        prop_assert_eq!(&owned.as_publish().iter().collect::<Vec<_>>(), &expected);
        prop_assert_eq!(&MessageProperties::new(&expected).unwrap(), &owned);
        prop_assert_eq!(&owned.detach(), &owned);
        prop_assert_eq!(owned.is_empty(), expected.is_empty());
        for properties in [publish.properties, owned.as_publish()] {
            let publish = Publish { properties, topic: Some(TopicName::parse("a").unwrap()), ..publish };
            let sent = Sent { version: ProtocolVersion::V5_0, from: Side::Server, packet: publish.into() };
            let frame = frame(&sent, &encode(&sent));
            let Packet::Publish(received) = frame.packet() else { panic!("a PUBLISH") };
            let of_frame = MessageProperties::from_publish(received.properties, Some(frame.bytes()));
            prop_assert_eq!(&of_frame.as_publish().iter().collect::<Vec<_>>(), &expected);
        }
    }

    #[test]
    fn a_payload_is_shared_with_its_frame(payload in data()) {
        let publish = Publish::new(TopicName::parse("a/b").unwrap(), payload);
        let sent = Sent { version: ProtocolVersion::V3_1_1, from: Side::Client, packet: publish.into() };
        let frame = frame(&sent, &encode(&sent));
        let Packet::Publish(received) = frame.packet() else { panic!("a PUBLISH") };
        let shared = frame.slice(received.payload);
        prop_assert_eq!(&shared[..], payload);
        if !payload.is_empty() {
            prop_assert_eq!(shared.as_ptr(), received.payload.as_ptr());
        }
    }
}

/// A PUBLISH of any version, sent by either side.
fn any_publish() -> impl Strategy<Value = (ProtocolVersion, Publish<'static>)> {
    (prop::sample::select(&ProtocolVersion::ALL[..]), prop::sample::select(&[Side::Client, Side::Server][..]))
        .prop_flat_map(|(version, from)| publish(version, from).prop_map(move |publish| (version, publish)))
}

#[test]
fn message_properties_take_the_bytes_they_have_on_the_wire() {
    let values = [Property::ContentType("text"), Property::UserProperty(("k", "v"))];
    let properties = MessageProperties::new(&values).unwrap();
    assert_eq!(properties.len(), b"\x03\x00\x04text\x26\x00\x01k\x00\x01v".len());
    assert_eq!(MessageProperties::default().len(), 0);
}

#[test]
fn properties_of_the_message_alone_are_shared_with_the_frame() {
    let bytes = b"\x30\x0B\x00\x01a\x07\x03\x00\x04text";
    let sent = Sent { version: ProtocolVersion::V5_0, from: Side::Server, packet: Packet::Pingreq };
    let frame = frame(&sent, bytes);
    let Packet::Publish(publish) = frame.packet() else { panic!("a PUBLISH") };
    let shared = MessageProperties::from_publish(publish.properties, Some(frame.bytes()));
    let content_type = shared.as_publish().content_type().unwrap();
    assert_eq!(content_type, "text");
    assert_eq!(content_type.as_ptr(), publish.properties.content_type().unwrap().as_ptr());
    let copied = shared.detach();
    assert_ne!(copied.as_publish().content_type().unwrap().as_ptr(), content_type.as_ptr());
}

#[test]
fn a_will_gives_its_message_all_but_the_delay() {
    let values = [Property::WillDelayInterval(5), Property::ContentType("text")];
    let of_will = MessageProperties::from_will(WillProperties::new(&values).unwrap(), None);
    assert_eq!(of_will.as_publish().iter().collect::<Vec<_>>(), values[1..]);
}

#[test]
fn connects_that_say_different_things_differ() {
    let properties = [Property::ReceiveMaximum(NonZeroU16::MIN)];
    let plain = ConnectFields { client_id: "c", ..ConnectFields::default() };
    let all = [
        plain,
        ConnectFields { client_id: "d", ..plain },
        ConnectFields { clean_start: !plain.clean_start, ..plain },
        ConnectFields { keep_alive: 60, ..plain },
        ConnectFields { will: Some(Will::new(TopicName::parse("w").unwrap(), b"")), ..plain },
        ConnectFields { username: Some(""), ..plain },
        ConnectFields { password: Some(b""), ..plain },
        ConnectFields { properties: ConnectProperties::new(&properties).unwrap(), ..plain },
    ];
    for (one, fields) in all.iter().enumerate() {
        for (other, others) in all.iter().enumerate() {
            assert_eq!(Connect::new(fields) == Connect::new(others), one == other);
        }
    }
}

#[test]
fn message_properties_that_say_different_things_differ() {
    let of = |text| MessageProperties::new(&[Property::ContentType(text)]).unwrap();
    assert_ne!(of("text"), of("test"));
    assert_ne!(of(""), MessageProperties::default());
}

#[test]
fn what_is_no_part_of_a_frame_is_copied() {
    let mut input = BytesMut::from(&b"\xC0\x00"[..]);
    let mut decoder = Decoder::server().with_version(ProtocolVersion::V5_0);
    let frame = decoder.decode_frame(&mut input).unwrap().unwrap();
    let foreign = [0xC0, 0x00];
    let copy = frame.slice(&foreign);
    assert_eq!(copy, foreign[..]);
    assert_ne!(copy.as_ptr(), foreign.as_ptr());
    assert_eq!(frame.slice(&[]), Bytes::new());
}

#[test]
fn a_frame_takes_its_bytes_out_of_the_buffer_without_copying() {
    let mut input = BytesMut::from(&b"\xC0\x00\xC0"[..]);
    let start = input.as_ptr();
    let mut decoder = Decoder::server().with_version(ProtocolVersion::V5_0);
    let frame = decoder.decode_frame(&mut input).unwrap().unwrap();
    assert_eq!(frame.bytes().as_ptr(), start);
    assert_eq!(decoder.decode_frame(&mut input), Ok(None));
    assert_eq!(&input[..], b"\xC0");
}

#[test]
fn passwords_and_payloads_stay_out_of_traces() {
    let secret = "hunter2-\u{1F512}";
    let values = [Property::AuthenticationMethod("m"), Property::AuthenticationData(secret.as_bytes())];
    let fields = ConnectFields {
        client_id: "c",
        username: Some("u"),
        password: Some(secret.as_bytes()),
        will: Some(Will::new(TopicName::parse("w").unwrap(), secret.as_bytes())),
        properties: ConnectProperties::new(&values).unwrap(),
        ..ConnectFields::default()
    };
    let connect = Connect::new(&fields);
    let mut bytes = Vec::new();
    connect.encode(ProtocolVersion::V5_0, &mut bytes).unwrap();
    let (received, _) = decode(ProtocolVersion::V5_0, Side::Client, &bytes).unwrap().unwrap();
    let as_list = format!("{:?}", secret.as_bytes());
    let as_list = as_list.trim_matches(['[', ']']);
    for shown in [
        format!("{connect}"),
        format!("{connect:?}"),
        format!("{received}"),
        format!("{received:?}"),
        format!("{fields:?}"),
        format!("{:?}", fields.properties),
        format!("{:?}", fields.properties.iter()),
        format!("{values:?}"),
    ] {
        assert!(!shown.contains("hunter2") && !shown.contains(as_list), "{shown}");
        assert!(!shown.contains('\n'));
    }
    assert!(format!("{connect}").contains("password=***"));
    assert_eq!(format!("{values:?}"), "[Authentication Method=\"m\", Authentication Data=***]");

    let publish = Publish::new(TopicName::parse("a").unwrap(), b"payload");
    assert_eq!(publish.to_string(), "PUBLISH q0 dup=0 retain=0 \"a\" 7 bytes");
}

#[test]
fn a_trace_is_one_line_whatever_the_strings_hold() {
    let text = "a\nb\r\t\u{1B}[31m\u{2028}\"";
    let mut samples: Vec<Vec<u8>> = Vec::new();
    let filter = wire::field(text.as_bytes());
    samples.push(wire::packet(0x82, &[b"\x00\x01\x00", &filter, b"\x00"]));
    samples.push(wire::packet(0xA2, &[b"\x00\x01\x00", &filter]));
    samples.push(wire::packet(
        0xA2,
        &[b"\x00\x01\x00", &wire::field(format!("$share/{text}/{text}").as_bytes())],
    ));
    samples.push(wire::packet(0x30, &[&filter, b"\x00"]));
    samples.push(wire::packet(0x30, &[b"\x00\x01a", &wire::set(&[b"\x26", &filter[..], &filter].concat())]));
    samples.push(wire::packet(0x10, &[wire::MQTT5, b"\x80\x00\x00\x00", &filter, &filter]));
    for bytes in samples {
        let mut decoder = match bytes[0] {
            0x10 => Decoder::server(),
            _ => Decoder::server().with_version(ProtocolVersion::V5_0),
        };
        decoder.refuse_disallowed_code_points(false);
        let (packet, _) = decoder.decode(&bytes).unwrap().unwrap();
        let line = packet.to_string();
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{2028}'), "{line:?}");
    }
}

#[test]
fn a_writer_with_room_for_the_head_only_takes_the_head() {
    let publish = Publish {
        delivery: Delivery::AtLeastOnce { packet_id: mqtt_codec::PacketId::MIN, dup: false },
        ..Publish::new(TopicName::parse("a").unwrap(), &[0; 100])
    };
    let mut head = Vec::new().limit(7);
    publish.encode_head(ProtocolVersion::V3_1_1, &mut head).unwrap();
    assert_eq!(head.into_inner(), b"\x32\x69\x00\x01a\x00\x01");
}
