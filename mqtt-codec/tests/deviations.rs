//! What a decoder can be told to accept against the specification: each deviation is refused without its switch and with
//! all others, accepted with it, and not written again, but for topics that are not UTF-8.

use mqtt_codec::{
    Connack, Decoder, Deviation, Deviations, EncodeError, Fault, Packet, ProtocolVersion, SubscriptionOptions,
};
use mqtt_topic::InvalidTopicKind;

const V3_1_1: ProtocolVersion = ProtocolVersion::V3_1_1;
const V5_0: ProtocolVersion = ProtocolVersion::V5_0;

/// A packet that deviates, what it is refused for, and the same packet as it should have been.
struct Case {
    deviation: Deviation,
    decoder: Decoder,
    version: ProtocolVersion,
    deviant: &'static [u8],
    fault: Fault,
    canonical: &'static [u8],
}

fn cases() -> Vec<Case> {
    let case = |deviation, version, deviant, fault, canonical| {
        let decoder = match deviation {
            Deviation::PropertyLengthMissing => Decoder::client(version),
            _ => Decoder::server().with_version(version),
        };
        Case { deviation, decoder, version, deviant, fault, canonical }
    };
    vec![
        case(
            Deviation::PropertyLengthMissing,
            V5_0,
            b"\x20\x02\x01\x00",
            Fault::Truncated,
            b"\x20\x03\x01\x00\x00",
        ),
        case(
            Deviation::RemainingLengthPadded,
            V5_0,
            b"\x40\x82\x00\x00\x07",
            Fault::VariableByteIntegerPadded,
            b"\x40\x02\x00\x07",
        ),
        case(
            Deviation::ReservedFlags,
            V3_1_1,
            b"\x60\x02\x00\x07",
            Fault::ReservedFlags,
            b"\x62\x02\x00\x07",
        ),
        case(
            Deviation::ReservedFlags,
            V5_0,
            b"\x80\x07\x00\x07\x00\x00\x01a\x01",
            Fault::ReservedFlags,
            b"\x82\x07\x00\x07\x00\x00\x01a\x01",
        ),
        case(Deviation::DupWithQoS0, V3_1_1, b"\x38\x03\x00\x01a", Fault::DupWithQoS0, b"\x30\x03\x00\x01a"),
        case(
            Deviation::WillFlagsWithoutWill,
            V3_1_1,
            b"\x10\x0D\x00\x04MQTT\x04\x0A\x00\x00\x00\x01c",
            Fault::WillQoSWithoutWill,
            b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x00\x00\x01c",
        ),
        case(
            Deviation::WillFlagsWithoutWill,
            V5_0,
            b"\x10\x0E\x00\x04MQTT\x05\x22\x00\x00\x00\x00\x01c",
            Fault::WillRetainWithoutWill,
            b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01c",
        ),
        case(Deviation::TrailingBytes, V3_1_1, b"\xC0\x01\x00", Fault::TrailingBytes, b"\xC0\x00"),
        case(
            Deviation::TrailingBytes,
            V5_0,
            b"\x10\x0F\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01c!",
            Fault::TrailingBytes,
            b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01c",
        ),
    ]
}

#[test]
fn a_deviation_is_refused_unless_it_is_accepted_and_is_not_repeated() {
    for Case { deviation, mut decoder, version, deviant, fault, canonical } in cases() {
        let others = Deviation::ALL.iter().copied().filter(|other| *other != deviation).collect();
        for refused in [Deviations::NONE, others] {
            decoder.accept(refused);
            let error = decoder.decode(deviant).expect_err("a deviation");
            assert_eq!(error.fault(), fault, "{deviation:?}");
        }
        decoder.accept(Deviations::NONE.with(deviation));
        let (packet, len) = decoder.decode(deviant).unwrap().unwrap();
        assert_eq!(len, deviant.len(), "{deviation:?}");
        let mut out = Vec::new();
        packet.encode(version, &mut out).unwrap();
        assert_eq!(out, canonical, "{deviation:?}");
        assert_eq!(decoder.decode(canonical).unwrap().unwrap().0, packet, "{deviation:?}");

        let mut input = bytes::BytesMut::from(deviant);
        let frame = decoder.decode_frame(&mut input).unwrap().unwrap();
        assert_eq!(frame.packet(), packet, "{deviation:?}");
    }
}

#[test]
fn a_password_without_user_name_in_3_1_1_is_read_and_cannot_be_written() {
    let connect = b"\x10\x11\x00\x04MQTT\x04\x42\x00\x00\x00\x01c\x00\x02pw";
    let mut decoder = Decoder::server();
    assert_eq!(decoder.decode(connect).unwrap_err().fault(), Fault::PasswordWithoutUserName);
    decoder.accept(Deviations::NONE.with(Deviation::PasswordWithoutUserName));
    let Some((Packet::Connect(connect), _)) = decoder.decode(connect).unwrap() else { panic!("a CONNECT") };
    assert_eq!(connect.fields().password, Some(&b"pw"[..]));
    assert_eq!(connect.encode(V3_1_1, &mut Vec::new()), Err(EncodeError::PasswordWithoutUserName));
}

#[test]
fn topics_that_are_not_utf_8_are_the_bytes_they_are() {
    let publish = b"\x30\x08\x00\x05k\xFCche!";
    let subscribe = b"\x82\x12\x00\x07\x00\x05k\xFCche\x00\x00\x05k\xFC/++\x00";
    let mut decoder = Decoder::server().with_version(V3_1_1);
    assert_eq!(decoder.decode(publish).unwrap_err().fault(), Fault::NotUtf8);
    decoder.accept(Deviations::NONE.with(Deviation::TopicNotUtf8));
    let Some((Packet::Publish(publish), _)) = decoder.decode(publish).unwrap() else { panic!("a PUBLISH") };
    let topic = publish.topic.unwrap();
    assert_eq!((topic.as_bytes(), topic.as_str()), (&b"k\xFCche"[..], ""));
    assert_eq!(publish.to_string(), "PUBLISH q0 dup=0 retain=0 \"k\u{FFFD}che\" 1 bytes");
    let mut out = Vec::new();
    publish.encode(V3_1_1, &mut out).unwrap();
    assert_eq!(out, b"\x30\x08\x00\x05k\xFCche!", "they are sent on as they are");
    // Everything else binds them too.
    assert_eq!(decoder.decode(b"\x30\x04\x00\x02\x01\xFC").unwrap_err().fault(), Fault::DisallowedCodePoint);
    assert_eq!(decoder.decode(subscribe).unwrap_err().fault(), Fault::InvalidTopicFilter);
    assert_eq!(decoder.decode(b"\x30\x04\x00\x02\xFC\x00").unwrap_err().fault(), Fault::NulInString);
    assert_eq!(decoder.decode(b"\x30\x04\x00\x02\xFC+").unwrap_err().fault(), Fault::InvalidTopicName);
    // No other string: a Client Identifier, a User Property.
    assert_eq!(
        decoder.decode(b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x00\x00\x01\xFC").unwrap_err().fault(),
        Fault::NotUtf8
    );
}

#[test]
fn filters_that_are_not_utf_8_match_the_bytes_they_are() {
    let subscribe = b"\x82\x18\x00\x07\x00\x00\x05k\xFCche\x00\x00\x0A$share/\xFC/#\x00";
    let mut decoder = Decoder::server().with_version(V5_0);
    decoder.accept(Deviations::NONE.with(Deviation::TopicNotUtf8));
    let Some((Packet::Subscribe(subscribe), _)) = decoder.decode(subscribe).unwrap() else { panic!() };
    let filters: Vec<_> = subscribe.subscriptions.iter().collect();
    assert_eq!(filters[0].0.filter().as_bytes(), b"k\xFCche");
    assert_eq!(filters[1].0.share_name().unwrap().as_bytes(), b"\xFC");
}

#[test]
fn each_invalid_filter_can_be_answered_on_its_own() {
    let subscribe = b"\x82\x1A\x00\x07\x00\x00\x01a\x01\x00\x03a+b\x00\x00\x00\x00\x00\x07$share/\x02";
    let mut decoder = Decoder::server().with_version(V5_0);
    assert_eq!(decoder.decode(subscribe).unwrap_err().fault(), Fault::InvalidTopicFilter);
    decoder.accept(Deviations::NONE.with(Deviation::InvalidTopicFilter));
    let Some((Packet::Subscribe(subscribe), _)) = decoder.decode(subscribe).unwrap() else { panic!() };
    let results: Vec<_> = subscribe.subscriptions.results().collect();
    let kinds: Vec<_> = results.iter().map(|result| result.map_err(|error| error.kind()).err()).collect();
    let invalid = [
        None,
        Some(InvalidTopicKind::SingleLevelNotAlone),
        Some(InvalidTopicKind::Empty),
        Some(InvalidTopicKind::ShareWithoutFilter),
    ];
    assert_eq!(kinds, invalid);
    assert_eq!(subscribe.subscriptions.len(), 4, "SUBACK has a reason code for each");
    assert_eq!(subscribe.subscriptions.iter().count(), 1);
    assert_eq!(results[0].unwrap().1, SubscriptionOptions::from(mqtt_codec::QoS::AtLeastOnce));
    let error = subscribe.encode(V5_0, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, EncodeError::InvalidTopicFilter(invalid) if invalid.at() == 1), "{error}");

    let unsubscribe = b"\xA2\x0D\x00\x07\x00\x00\x03#/a\x00\x03a/b";
    let Some((Packet::Unsubscribe(unsubscribe), _)) = decoder.decode(unsubscribe).unwrap() else { panic!() };
    let results: Vec<_> = unsubscribe.filters.results().map(|result| result.is_ok()).collect();
    assert_eq!(results, [false, true]);
    // What is malformed stays so: No Local on a Shared Subscription, reserved options, a truncated filter.
    for (options, fault) in [(4, Fault::NoLocalOnShared), (0x40, Fault::ReservedSubscriptionOptions)] {
        let mut subscribe = b"\x82\x10\x00\x07\x00\x00\x0A$share/g/#".to_vec();
        subscribe.push(options);
        assert_eq!(decoder.decode(&subscribe).unwrap_err().fault(), fault);
    }
    assert_eq!(decoder.decode(b"\x82\x06\x00\x07\x00\x00\x09a").unwrap_err().fault(), Fault::Truncated);
}

#[test]
fn a_set_has_what_was_put_in() {
    for deviation in Deviation::ALL {
        assert!(!Deviations::NONE.has(*deviation) && Deviations::ALL.has(*deviation));
        let alone = Deviations::NONE.with(*deviation);
        let members: Vec<_> = Deviation::ALL.iter().filter(|other| alone.has(**other)).collect();
        assert_eq!(members, [deviation]);
        assert_eq!(alone.with(*deviation), alone, "it is a set");
    }
    assert_eq!(Deviation::ALL.iter().copied().collect::<Deviations>(), Deviations::ALL);
    let two = Deviations::NONE.with(Deviation::DupWithQoS0).with(Deviation::TopicNotUtf8);
    assert_eq!(format!("{two:?}"), "{TopicNotUtf8, DupWithQoS0}");
    // The CONNACK of 3.x has no properties at all: nothing is missing.
    let connack = b"\x20\x02\x00\x00";
    let mut decoder = Decoder::client(V3_1_1);
    assert!(matches!(decoder.decode(connack), Ok(Some((Packet::Connack(Connack { .. }), 4)))));
}

#[test]
fn control_characters_are_refused_beside_bytes_that_are_not_utf_8() {
    let mut decoder = Decoder::server().with_version(V3_1_1);
    decoder.accept(Deviations::NONE.with(Deviation::TopicNotUtf8));
    for publish in [&b"\x30\x06\x00\x04a\xC2\x85\xFF"[..], b"\x30\x07\x00\x05a\xEF\xBF\xBF\xFF"] {
        assert_eq!(decoder.decode(publish).unwrap_err().fault(), Fault::DisallowedCodePoint);
        decoder.refuse_disallowed_code_points(false);
        assert!(decoder.decode(publish).is_ok());
        decoder.refuse_disallowed_code_points(true);
    }
}

/// The decoder refuses it in a property, so it cannot be put there.
#[test]
fn a_response_topic_is_utf_8() {
    let text = mqtt_topic::Text::from_other(b"caf\xE9").unwrap();
    let topic = mqtt_topic::TopicName::from_text(text).unwrap();
    let values = [mqtt_codec::Property::ResponseTopic(topic)];
    let refused = Err(mqtt_codec::PropertyError::Value(mqtt_codec::PropertyId::ResponseTopic));
    assert_eq!(mqtt_codec::PublishProperties::new(&values).map(|_| ()), refused);
    assert_eq!(mqtt_codec::MessageProperties::new(&values).map(|_| ()), refused);
}
