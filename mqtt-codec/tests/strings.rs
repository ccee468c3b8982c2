//! The UTF-8 Encoded String (section 1.5.4): every string field, broken in every way.

#[path = "common/wire.rs"]
mod wire;

use Side::{Client, Server};
use mqtt_codec::{
    Connect, ConnectFields, Decoder, EncodeError, Fault, Packet, ProtocolVersion, Publish, QoS, Side,
    Subscribe, SubscriptionOptions, Subscriptions,
};
use mqtt_topic::{Subscription, TopicName};
use proptest::prelude::*;
use wire::{MQTT5, MQTT31, MQTT311, field, packet, set};

/// A packet with a string field of this content.
type WithText = fn(&[u8]) -> Vec<u8>;

fn property(id: u8, text: &[u8]) -> Vec<u8> {
    set(&[&[id], field(text).as_slice()].concat())
}

fn pair(name: &[u8], value: &[u8]) -> Vec<u8> {
    set(&[b"\x26", field(name).as_slice(), &field(value)].concat())
}

/// Every string field of every packet.
const FIELDS: [(&str, ProtocolVersion, Side, WithText); 30] = {
    use ProtocolVersion::{V3_1, V3_1_1, V5_0};
    [
        ("client id", V3_1, Client, |text| packet(0x10, &[MQTT31, b"\x02\0\0", &field(text)])),
        ("client id", V3_1_1, Client, |text| packet(0x10, &[MQTT311, b"\x02\0\0", &field(text)])),
        ("client id", V5_0, Client, |text| packet(0x10, &[MQTT5, b"\x02\0\0\0", &field(text)])),
        ("will topic", V3_1, Client, |text| {
            packet(0x10, &[MQTT31, b"\x06\0\0\0\x01c", &field(text), b"\0\0"])
        }),
        ("will topic", V3_1_1, Client, |text| {
            packet(0x10, &[MQTT311, b"\x06\0\0\0\0", &field(text), b"\0\0"])
        }),
        ("will topic", V5_0, Client, |text| {
            packet(0x10, &[MQTT5, b"\x06\0\0\0\0\0\0", &field(text), b"\0\0"])
        }),
        ("user name", V3_1, Client, |text| packet(0x10, &[MQTT31, b"\x82\0\0\0\x01c", &field(text)])),
        ("user name", V3_1_1, Client, |text| packet(0x10, &[MQTT311, b"\x82\0\0\0\0", &field(text)])),
        ("user name", V5_0, Client, |text| packet(0x10, &[MQTT5, b"\x82\0\0\0\0\0", &field(text)])),
        ("topic name", V3_1, Server, |text| packet(0x30, &[&field(text), b"x"])),
        ("topic name", V3_1_1, Client, |text| packet(0x30, &[&field(text), b"x"])),
        ("topic name", V5_0, Client, |text| packet(0x32, &[&field(text), b"\0\x01\0"])),
        ("filter", V3_1, Client, |text| packet(0x82, &[b"\0\x01", &field(text), b"\0"])),
        ("filter", V3_1_1, Client, |text| packet(0x82, &[b"\0\x01\0\x01a\0", &field(text), b"\0"])),
        ("filter", V5_0, Client, |text| packet(0x82, &[b"\0\x01\0", &field(text), b"\0"])),
        ("unsubscribe filter", V3_1_1, Client, |text| packet(0xA2, &[b"\0\x01", &field(text)])),
        ("unsubscribe filter", V5_0, Client, |text| packet(0xA2, &[b"\0\x01\0\0\x01a", &field(text)])),
        ("shared filter", V5_0, Client, |text| {
            packet(0xA2, &[b"\0\x01\0", &field(&[b"$share/g/", text].concat())])
        }),
        ("share name", V5_0, Client, |text| {
            packet(0xA2, &[b"\0\x01\0", &field(&[b"$share/", text, b"/f"].concat())])
        }),
        ("Content Type", V5_0, Client, |text| packet(0x30, &[b"\0\x01a", &property(0x03, text)])),
        ("Response Topic", V5_0, Client, |text| packet(0x30, &[b"\0\x01a", &property(0x08, text)])),
        ("Assigned Client Identifier", V5_0, Server, |text| packet(0x20, &[b"\0\0", &property(0x12, text)])),
        ("Authentication Method", V5_0, Client, |text| packet(0xF0, &[b"\x18", &property(0x15, text)])),
        ("Response Information", V5_0, Server, |text| packet(0x20, &[b"\0\0", &property(0x1A, text)])),
        ("Server Reference", V5_0, Server, |text| packet(0xE0, &[b"\x9C", &property(0x1C, text)])),
        ("Reason String", V5_0, Client, |text| packet(0x50, &[b"\0\x01\0", &property(0x1F, text)])),
        ("Reason String", V5_0, Server, |text| packet(0x90, &[b"\0\x01", &property(0x1F, text), b"\0"])),
        ("User Property name", V5_0, Client, |text| packet(0x30, &[b"\0\x01a", &pair(text, b"v")])),
        ("User Property value", V5_0, Server, |text| packet(0xB0, &[b"\0\x01", &pair(b"k", text), b"\0"])),
        ("Will property", V5_0, Client, |text| {
            packet(0x10, &[MQTT5, b"\x06\0\0\0\0\0", &property(0x03, text), b"\0\x01w\0\0"])
        }),
    ]
};

fn decoder(version: ProtocolVersion, from: Side, bytes: &[u8]) -> Decoder {
    if bytes[0] == 0x10 { Decoder::server() } else { wire::decoder(version, from) }
}

fn fault(version: ProtocolVersion, from: Side, bytes: &[u8], refuse_disallowed: bool) -> Option<Fault> {
    let mut decoder = decoder(version, from, bytes);
    decoder.refuse_disallowed_code_points(refuse_disallowed);
    match decoder.decode(bytes) {
        Ok(Some((_, len))) => {
            assert_eq!(len, bytes.len());
            None
        }
        Ok(None) => panic!("{bytes:02X?} is not complete"),
        Err(error) => Some(error.fault()),
    }
}

#[test]
fn mqtt311_1_5_3_1_mqtt5_1_5_4_1_ill_formed_utf_8_is_malformed_in_every_field() {
    let ill_formed: [&[u8]; 16] = [
        b"\x80",
        b"\xBF",
        b"\xC0\x80",
        b"\xC1\xBF",
        b"\xC3",
        b"\xC3\x28",
        b"\xE0\x80\x80",
        b"\xE0\x9F\xBF",
        b"\xE2\x82",
        b"\xED\xA0\x80",
        b"\xED\xBF\xBF",
        b"\xF0\x8F\xBF\xBF",
        b"\xF4\x90\x80\x80",
        b"\xF8\x88\x80\x80\x80",
        b"\xFE",
        b"\xFF",
    ];
    for (name, version, from, bytes) in FIELDS {
        for text in ill_formed {
            for (before, after) in [("", ""), ("abc", ""), ("", "xyz"), ("abcdefghijklmnop", "xyz")] {
                let text = [before.as_bytes(), text, after.as_bytes()].concat();
                let found = fault(version, from, &bytes(&text), true);
                assert_eq!(found, Some(Fault::NotUtf8), "{text:02X?} as {name} in {version}");
            }
        }
    }
}

#[test]
fn mqtt311_1_5_3_2_mqtt5_1_5_4_2_nul_is_malformed_in_every_field() {
    for (name, version, from, bytes) in FIELDS {
        for text in ["\0", "a\0", "\0b", "abcdefgh\0ijklmnop", "\u{E9}\0"] {
            for refuse_disallowed in [true, false] {
                let found = fault(version, from, &bytes(text.as_bytes()), refuse_disallowed);
                assert_eq!(found, Some(Fault::NulInString), "{text:?} as {name} in {version}");
            }
        }
    }
}

#[test]
fn control_characters_and_non_characters_are_refused_where_the_receiver_wants_so() {
    for (name, version, from, bytes) in FIELDS {
        for text in ["\u{1}", "a\u{1F}", "\u{7F}b", "\u{80}", "a\u{9F}", "\u{FDD0}", "\u{FFFE}", "\u{10FFFF}"]
        {
            let bytes = bytes(text.as_bytes());
            let found = fault(version, from, &bytes, true);
            assert_eq!(found, Some(Fault::DisallowedCodePoint), "{text:?} as {name} in {version}");
            assert_eq!(fault(version, from, &bytes, false), None, "{text:?} as {name} in {version}");
        }
    }
}

#[test]
fn a_server_refuses_disallowed_code_points_by_default_and_a_client_does_not() {
    let bytes = b"\x30\x04\x00\x01\x01x";
    for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
        let error = wire::decoder(version, Client).decode(bytes).unwrap_err();
        assert_eq!(error.fault(), Fault::DisallowedCodePoint);
        assert!(wire::decoder(version, Server).decode(bytes).is_ok());
    }
}

#[test]
fn every_code_point_is_judged_by_the_table() {
    for character in '\0'..=char::MAX {
        let code = u32::from(character);
        let is_control = (0x01..=0x1F).contains(&code) || (0x7F..=0x9F).contains(&code);
        let is_non_character = (0xFDD0..=0xFDEF).contains(&code) || matches!(code & 0xFFFF, 0xFFFE | 0xFFFF);
        let expected = match character {
            '\0' => Some(Fault::NulInString),
            '+' | '#' => Some(Fault::InvalidTopicName),
            _ if is_control || is_non_character => Some(Fault::DisallowedCodePoint),
            _ => None,
        };
        let bytes = packet(0x30, &[&field(character.encode_utf8(&mut [0; 4]).as_bytes())]);
        assert_eq!(fault(ProtocolVersion::V3_1_1, Client, &bytes, true), expected, "U+{code:04X}");
    }
}

#[test]
fn mqtt311_1_5_3_3_mqtt5_1_5_4_3_the_byte_order_mark_is_kept() {
    for text in ["\u{FEFF}", "\u{FEFF}a", "a\u{FEFF}b", "\u{FEFF}\u{FEFF}"] {
        let bytes = packet(0x30, &[&field(text.as_bytes())]);
        let mut decoder = wire::decoder(ProtocolVersion::V3_1_1, Client);
        let Ok(Some((Packet::Publish(publish), _))) = decoder.decode(&bytes) else { panic!("a PUBLISH") };
        assert_eq!(publish.topic.unwrap().as_bytes(), text.as_bytes());
        let bytes = packet(0x10, &[MQTT5, b"\x82\0\0\0", &field(text.as_bytes()), &field(text.as_bytes())]);
        let Ok(Some((Packet::Connect(connect), _))) = Decoder::server().decode(&bytes) else {
            panic!("a CONNECT")
        };
        assert_eq!((connect.fields().client_id, connect.fields().username), (text, Some(text)));
    }
}

#[test]
fn what_is_no_string_may_hold_any_bytes() {
    let any = b"\xFF\x00\xC0\x80\x01";
    let will = packet(0x10, &[MQTT5, b"\x46\0\0\0\0\0\0\0\x01w", &field(any), &field(any)]);
    let correlation = packet(0x30, &[b"\0\x01a", &property(0x09, any), any]);
    let authentication =
        packet(0xF0, &[b"\x18", &set(&[b"\x15\0\x01m\x16", field(any).as_slice()].concat())]);
    let utf8_payload = packet(0x30, &[b"\0\x01a\x02\x01\x01", b"a\0\x01\xEF\xBF\xBF"]);
    for bytes in [will, correlation, authentication, utf8_payload] {
        assert_eq!(fault(ProtocolVersion::V5_0, Client, &bytes, true), None);
    }
}

#[test]
fn mqtt311_1_5_3_2_mqtt5_1_5_4_2_nul_is_not_written() {
    for version in ProtocolVersion::ALL {
        for fields in [
            ConnectFields { client_id: "a\0", ..ConnectFields::default() },
            ConnectFields { client_id: "a", username: Some("\0"), ..ConnectFields::default() },
        ] {
            let mut out = Vec::new();
            assert_eq!(Connect::new(&fields).encode(version, &mut out), Err(EncodeError::NulInString));
            assert!(out.is_empty());
        }
    }
}

#[test]
fn a_field_of_65_536_bytes_is_not_written() {
    let (longest, too_long) = ("x".repeat(65_535), "x".repeat(65_536));
    let with = |text: &str| {
        let fields = ConnectFields { client_id: text, ..ConnectFields::default() };
        Connect::new(&fields).encoded_len(ProtocolVersion::V3_1_1)
    };
    assert_eq!(with(&longest), Ok(1 + 3 + 12 + 65_535));
    assert_eq!(with(&too_long), Err(EncodeError::FieldTooLong));
    let fields = ConnectFields {
        username: Some("u"),
        password: Some(too_long.as_bytes()),
        ..ConnectFields::default()
    };
    let result = Connect::new(&fields).encode(ProtocolVersion::V5_0, &mut Vec::new());
    assert_eq!(result, Err(EncodeError::FieldTooLong));
    let topic = TopicName::parse(&longest).unwrap();
    assert_eq!(Publish::new(topic, b"").encoded_len(ProtocolVersion::V3_1_1), Ok(1 + 3 + 65_537));
}

#[test]
fn an_ordinary_filter_cannot_turn_into_a_shared_one_on_the_wire() {
    for filter in ["$share/g/a", "$share/ab", "$share/"] {
        let entries = [(Subscription::ordinary(filter).unwrap(), SubscriptionOptions::from(QoS::AtMostOnce))];
        let subscribe = Subscribe::new(mqtt_codec::PacketId::MIN, Subscriptions::new(&entries));
        let mut out = Vec::new();
        assert!(matches!(
            subscribe.encode(ProtocolVersion::V5_0, &mut out),
            Err(EncodeError::NotInVersion { version: ProtocolVersion::V5_0, .. })
        ));
        assert!(out.is_empty());
        subscribe.encode(ProtocolVersion::V3_1_1, &mut out).unwrap();
        let (decoded, _) = wire::decode(ProtocolVersion::V3_1_1, Client, &out).unwrap().unwrap();
        assert_eq!(decoded, subscribe.into());
    }
}

/// Texts whose length and whose one odd character meet every lane of a reader that looks at several bytes at a time.
fn text_with_one_odd_character() -> impl Strategy<Value = Vec<u8>> {
    let filler = prop_oneof![Just("a"), Just("\u{E9}"), Just("\u{20AC}"), Just("\u{1F600}")];
    let odd: Vec<&[u8]> = vec![
        b"",
        b"\x00",
        b"\x01",
        b"\x1F",
        b" ",
        b"~",
        b"\x7F",
        b"\x80",
        b"\xFF",
        b"\xC2\x80",
        b"\xC2\xA0",
        b"\xEF\xBF\xBD",
        b"\xEF\xBF\xBE",
        b"\xEF\xB7\x90",
        b"\xF4\x8F\xBF\xBF",
        b"\xED\x9F\xBF",
        b"\xED\xA0\x80",
        b"+",
        b"#",
        b"/",
        b"$",
    ];
    (filler, 0..40usize, 0..40usize, prop::sample::select(odd)).prop_map(|(filler, before, after, odd)| {
        [filler.repeat(before).as_bytes(), odd, filler.repeat(after).as_bytes()].concat()
    })
}

/// The rules as the specification words them, one character at a time.
fn judge(text: &[u8], refuse_disallowed: bool) -> Option<Fault> {
    let Ok(text) = core::str::from_utf8(text) else { return Some(Fault::NotUtf8) };
    let is_disallowed = |character: char| {
        let code = u32::from(character);
        matches!(code, 0x01..=0x1F | 0x7F..=0x9F | 0xFDD0..=0xFDEF) || code % 0x1_0000 >= 0xFFFE
    };
    if text.contains('\0') {
        Some(Fault::NulInString)
    } else if refuse_disallowed && text.chars().any(is_disallowed) {
        Some(Fault::DisallowedCodePoint)
    } else {
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_string_is_judged_as_one_character_at_a_time(
        text in prop_oneof![text_with_one_odd_character(), prop::collection::vec(any::<u8>(), 0..12)],
        refuse_disallowed in any::<bool>(),
    ) {
        let client_id = packet(0x10, &[MQTT5, b"\x02\0\0\0", &field(&text)]);
        let expected = judge(&text, refuse_disallowed);
        prop_assert_eq!(fault(ProtocolVersion::V5_0, Client, &client_id, refuse_disallowed), expected);
        let value = packet(0x30, &[b"\0\x01a", &pair(&text, b"")]);
        prop_assert_eq!(fault(ProtocolVersion::V5_0, Client, &value, refuse_disallowed), expected);
        let topic = packet(0x30, &[&field(&text)]);
        let has_wildcard = text.is_empty() || text.contains(&b'+') || text.contains(&b'#');
        let expected = expected.or(has_wildcard.then_some(Fault::InvalidTopicName));
        prop_assert_eq!(fault(ProtocolVersion::V3_1_1, Client, &topic, refuse_disallowed), expected);
    }
}
