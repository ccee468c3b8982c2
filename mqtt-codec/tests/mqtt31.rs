//! Where 3.1 differs from 3.1.1 on the wire; the numbers are those of the list of differences.

#[path = "common/wire.rs"]
mod wire;

use ProtocolVersion::{V3_1, V3_1_1};
use Side::{Client, Server};
use mqtt_codec::{
    Connack, ConnackReason, Connect, ConnectFields, Decoder, Delivery, EncodeError, Fault, Packet, PacketId,
    ProtocolVersion, Publish, QoS, Side, Suback, SubackReason, SubackReasons, Subscribe, Subscriptions,
    TopicFilters, Unsubscribe,
};
use mqtt_topic::TopicName;
use wire::{MQTT31, MQTT311, decode, packet};

fn fields(bytes: &[u8]) -> ConnectFields<'_> {
    match decode(V3_1, Client, bytes) {
        Ok(Some((Packet::Connect(connect), len))) if len == bytes.len() => {
            assert_eq!(connect.version(), Some(V3_1));
            connect.fields()
        }
        other => panic!("{other:?}"),
    }
}

fn fault(version: ProtocolVersion, from: Side, bytes: &[u8]) -> Fault {
    decode(version, from, bytes).unwrap_err().fault()
}

fn is_accepted(version: ProtocolVersion, from: Side, bytes: &[u8]) -> bool {
    matches!(decode(version, from, bytes), Ok(Some((_, len))) if len == bytes.len())
}

fn encode(version: ProtocolVersion, packet: impl Into<Packet<'static>>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.into().encode(version, &mut out).unwrap();
    out
}

#[test]
fn m31_1_name_and_level_choose_the_rules() {
    let smallest = b"\x10\x0F\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01c";
    assert_eq!(fields(smallest), ConnectFields { client_id: "c", ..ConnectFields::default() });
    let flags_of_3_1 = b"\x01\x00\x00\x00\x01c";
    assert!(is_accepted(V3_1, Client, &packet(0x10, &[MQTT31, flags_of_3_1])));
    assert_eq!(fault(V3_1, Client, &packet(0x10, &[MQTT311, flags_of_3_1])), Fault::ReservedConnectFlag);
}

#[test]
fn m31_1_m31_2_only_a_wrong_level_has_a_return_code() {
    for (start, fault, return_code) in [
        (&b"\x00\x06MQIsdp\x04"[..], Fault::ProtocolVersionTooOld, Some(1)),
        (b"\x00\x06MQIsdp\x05", Fault::ProtocolVersionTooOld, Some(1)),
        (b"\x00\x06MQIsdp\x00", Fault::ProtocolVersionTooOld, Some(1)),
        (b"\x00\x04MQTT\x03", Fault::ProtocolVersionTooOld, Some(1)),
        (b"\x00\x04MQTT\x00", Fault::ProtocolVersionTooOld, Some(1)),
        (b"\x00\x04MQTT\x06", Fault::ProtocolVersionTooNew, Some(1)),
        (b"\x00\x06MQISDP\x03", Fault::UnknownProtocolName, None),
        (b"\x00\x00\x03", Fault::UnknownProtocolName, None),
    ] {
        let bytes = packet(0x10, &[start, b"\x02\x00\x00\x00\x01c"]);
        let error = Decoder::server().decode(&bytes).unwrap_err();
        assert_eq!((error.fault(), error.connack_return_code()), (fault, return_code), "{start:02X?}");
    }
}

#[test]
fn m31_3_the_reserved_connect_flag_is_ignored_and_written_as_0() {
    let bytes = packet(0x10, &[MQTT31, b"\x03\x00\x00\x00\x01c"]);
    let read = fields(&bytes);
    let mut out = Vec::new();
    Connect::new(&read).encode(V3_1, &mut out).unwrap();
    assert_eq!(out, packet(0x10, &[MQTT31, b"\x02\x00\x00\x00\x01c"]));
}

#[test]
fn m31_4_will_qos_and_will_retain_without_will_are_disregarded() {
    for flags in [0x08, 0x10, 0x18, 0x20, 0x38] {
        let tail = [flags, 0, 0, 0, 1, b'c'];
        let bytes = packet(0x10, &[MQTT31, &tail]);
        let read = fields(&bytes);
        assert_eq!(read.will, None);
        let mut out = Vec::new();
        Connect::new(&read).encode(V3_1, &mut out).unwrap();
        assert_eq!(out, packet(0x10, &[MQTT31, b"\x00\x00\x00\x00\x01c"]));
        assert!(!is_accepted(V3_1_1, Client, &packet(0x10, &[MQTT311, &tail])));
    }
}

#[test]
fn m31_5_a_will_qos_of_3_is_refused() {
    let bytes = packet(0x10, &[MQTT31, b"\x1C\x00\x00\x00\x01c\x00\x01w\x00\x00"]);
    assert_eq!(fault(V3_1, Client, &bytes), Fault::InvalidWillQoS);
    for qos in QoS::ALL {
        let flags = [0x04 | qos.bits() << 3, 0, 0];
        let bytes = packet(0x10, &[MQTT31, &flags, b"\x00\x01c\x00\x01w\x00\x00"]);
        assert_eq!(fields(&bytes).will.unwrap().qos, qos);
    }
}

#[test]
fn m31_6_a_password_needs_a_user_name() {
    let bytes = packet(0x10, &[MQTT31, b"\x40\x00\x00\x00\x01c\x00\x01p"]);
    assert_eq!(fault(V3_1, Client, &bytes), Fault::PasswordWithoutUserName);
    let fields = ConnectFields { client_id: "c", password: Some(b"p"), ..ConnectFields::default() };
    let result = Connect::new(&fields).encode(V3_1, &mut Vec::new());
    assert_eq!(result, Err(EncodeError::PasswordWithoutUserName));
    let bytes = packet(0x10, &[MQTT31, b"\xC0\x00\x00\x00\x01c\x00\x01u\x00\x01p"]);
    let read = self::fields(&bytes);
    assert_eq!((read.username, read.password), (Some("u"), Some(&b"p"[..])));
}

#[test]
fn m31_7_the_remaining_length_outranks_the_flags() {
    let neither = packet(0x10, &[MQTT31, b"\xC2\x00\x00\x00\x01c"]);
    assert_eq!(fields(&neither), ConnectFields { client_id: "c", ..ConnectFields::default() });
    let user_name_only = packet(0x10, &[MQTT31, b"\xC2\x00\x00\x00\x01c\x00\x01u"]);
    let expected = ConnectFields { client_id: "c", username: Some("u"), ..ConnectFields::default() };
    assert_eq!(fields(&user_name_only), expected);

    for cut_off in [&b"\x00"[..], b"\x00\x01", b"\x00\x02u", b"\x00\x01u\x00", b"\x00\x01u\x00\x02p"] {
        let bytes = packet(0x10, &[MQTT31, b"\xC2\x00\x00\x00\x01c", cut_off]);
        assert_eq!(fault(V3_1, Client, &bytes), Fault::Truncated);
    }
    let in_3_1_1 = packet(0x10, &[MQTT311, b"\xC2\x00\x00\x00\x01c"]);
    assert_eq!(fault(V3_1_1, Client, &in_3_1_1), Fault::Truncated);
    let no_will = packet(0x10, &[MQTT31, b"\x06\x00\x00\x00\x01c"]);
    assert_eq!(fault(V3_1, Client, &no_will), Fault::Truncated);
}

#[test]
fn m31_8_password_and_will_message_are_raw_bytes() {
    let bytes =
        packet(0x10, &[MQTT31, b"\xC4\x00\x00\x00\x01c\x00\x01w\x00\x02\xFF\x00\x00\x01u\x00\x02\xC0\x80"]);
    let fields = fields(&bytes);
    assert_eq!(fields.will.unwrap().payload, b"\xFF\x00");
    assert_eq!(fields.password, Some(&b"\xC0\x80"[..]));
    let mut out = Vec::new();
    Connect::new(&fields).encode(V3_1, &mut out).unwrap();
    assert_eq!(out, bytes);
}

#[test]
fn m31_9_m31_31_strings_follow_the_rules_of_3_1_1() {
    for (text, fault_expected) in
        [(&b"\xC0\x80"[..], Fault::NotUtf8), (b"\xED\xA0\x80", Fault::NotUtf8), (b"\x00", Fault::NulInString)]
    {
        let field = wire::field(text);
        assert_eq!(fault(V3_1, Client, &packet(0x30, &[&field])), fault_expected);
        assert_eq!(fault(V3_1, Client, &packet(0x82, &[b"\x00\x01", &field, b"\x00"])), fault_expected);
        assert_eq!(fault(V3_1, Client, &packet(0xA2, &[b"\x00\x01", &field])), fault_expected);
        assert_eq!(fault(V3_1, Client, &packet(0x10, &[MQTT31, b"\x02\x00\x00", &field])), fault_expected);
    }
    let field = wire::field("\u{FEFF}\u{10FFFD}".as_bytes());
    assert!(is_accepted(V3_1, Client, &packet(0x30, &[&field])));
    assert!(is_accepted(V3_1, Client, &packet(0x82, &[b"\x00\x01", &field, b"\x00"])));
    assert!(is_accepted(V3_1, Client, &packet(0xA2, &[b"\x00\x01", &field])));
    assert!(is_accepted(V3_1, Client, &packet(0x10, &[MQTT31, b"\x02\x00\x00", &field])));
}

#[test]
fn m31_10_connack_byte_1_is_reserved() {
    for byte in [0x00, 0x01, 0x80, 0xFF] {
        let bytes = [0x20, 2, byte, 0];
        let connack = Connack::new(ConnackReason::Success);
        assert_eq!(decode(V3_1, Server, &bytes), Ok(Some((connack.into(), 4))));
        assert_eq!(is_accepted(V3_1_1, Server, &bytes), byte < 2);
    }
    assert_eq!(encode(V3_1, Connack::new(ConnackReason::Success)), b"\x20\x02\x00\x00");
    let connack = Connack { session_present: true, ..Connack::new(ConnackReason::Success) };
    let error = EncodeError::NotInVersion { field: "Session Present", version: V3_1 };
    assert_eq!(connack.encode(V3_1, &mut Vec::new()), Err(error));
}

#[test]
fn m31_11_unused_flags_are_ignored() {
    let bodies: [(Side, u8, &[u8]); 9] = [
        (Client, 0x10, b"\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01c"),
        (Server, 0x20, b"\x00\x00"),
        (Server, 0x40, b"\x00\x01"),
        (Server, 0x50, b"\x00\x01"),
        (Server, 0x70, b"\x00\x01"),
        (Server, 0x90, b"\x00\x01\x00"),
        (Server, 0xB0, b"\x00\x01"),
        (Client, 0xC0, b""),
        (Client, 0xE0, b""),
    ];
    for (from, first_byte, body) in bodies {
        for flags in 0..=0x0F {
            let bytes = packet(first_byte | flags, &[body]);
            let (read, _) = decode(V3_1, from, &bytes).unwrap().unwrap();
            let mut out = Vec::new();
            read.encode(V3_1, &mut out).unwrap();
            assert_eq!(out[0], first_byte, "written as 0");
            let bytes = packet(first_byte | flags, &[&bytes[2..]]);
            if first_byte != 0x10 {
                assert_eq!(is_accepted(V3_1_1, from, &bytes), flags == 0);
            }
        }
    }
    assert!(is_accepted(V3_1, Server, b"\xDF\x00"));
}

#[test]
fn m31_12_retries_may_have_dup_set() {
    for (from, base, body) in [
        (Client, 0x60, &b"\x00\x01"[..]),
        (Client, 0x80, b"\x00\x01\x00\x01a\x00"),
        (Client, 0xA0, b"\x00\x01\x00\x01a"),
    ] {
        for flags in 0..=0x0Fu8 {
            let bytes = packet(base | flags, &[body]);
            assert_eq!(is_accepted(V3_1, from, &bytes), flags & 0b0110 == 0b0010, "{:02X}", bytes[0]);
            assert_eq!(is_accepted(V3_1_1, from, &bytes), flags == 0b0010);
            if let Ok(Some((read, _))) = decode(V3_1, from, &bytes) {
                let mut out = Vec::new();
                read.encode(V3_1, &mut out).unwrap();
                assert_eq!(out[0], base | 0b0010);
            }
        }
    }
}

#[test]
fn m31_13_m31_14_publish_flags() {
    for first_byte in [0x36, 0x37, 0x3E, 0x3F] {
        assert_eq!(fault(V3_1, Client, &packet(first_byte, &[b"\x00\x01a\x00\x01"])), Fault::InvalidQoS);
    }
    assert!(is_accepted(V3_1, Server, b"\x34\x05\x00\x01a\x00\x01"));
    let publish = Publish::new(TopicName::parse("a").unwrap(), b"");
    for bytes in [b"\x38\x03\x00\x01a", b"\x30\x03\x00\x01a"] {
        assert_eq!(decode(V3_1, Client, bytes), Ok(Some((publish.into(), 5))));
    }
    assert_eq!(publish.delivery, Delivery::AtMostOnce);
    assert_eq!(fault(V3_1_1, Client, b"\x38\x03\x00\x01a"), Fault::DupWithQoS0);
}

#[test]
fn m31_15_m31_16_requested_qos() {
    for byte in 0..=255u8 {
        let bytes = packet(0x82, &[b"\x00\x01\x00\x01a", &[byte]]);
        match decode(V3_1, Client, &bytes) {
            Ok(Some((Packet::Subscribe(subscribe), _))) => {
                let (_, options) = subscribe.subscriptions.iter().next().unwrap();
                assert_eq!(options, QoS::from_bits(byte & 0b11).unwrap().into());
                let mut out = Vec::new();
                subscribe.encode(V3_1, &mut out).unwrap();
                assert_eq!(out.last(), Some(&(byte & 0b11)));
            }
            other => {
                assert_eq!(other.unwrap_err().fault(), Fault::InvalidSubscriptionQoS);
                assert_eq!(byte & 0b11, 3);
            }
        }
        assert_eq!(is_accepted(V3_1_1, Client, &bytes), byte < 3);
    }
}

#[test]
fn m31_17_granted_qos() {
    for byte in 0..=255u8 {
        let bytes = [0x90, 3, 0, 1, byte];
        let read = match decode(V3_1, Server, &bytes) {
            Ok(Some((Packet::Suback(suback), _))) => suback.reasons.iter().next().unwrap().code(),
            other => {
                assert_eq!(other.unwrap_err().fault(), Fault::InvalidReasonCode);
                assert_eq!(byte & 0b11, 3);
                continue;
            }
        };
        assert_eq!(read, if byte == 0x80 { 0x80 } else { byte & 0b11 });
        assert_eq!(is_accepted(V3_1_1, Server, &bytes), byte < 3 || byte == 0x80);
    }
    let codes = [SubackReason::UnspecifiedError];
    let suback = Suback::new(PacketId::MIN, SubackReasons::new(&codes));
    let error = EncodeError::NotInVersion { field: "this SUBACK code", version: V3_1 };
    assert_eq!(suback.encode(V3_1, &mut Vec::new()), Err(error));
}

#[test]
fn m31_18_the_remaining_length_counts_the_message_identifier() {
    assert!(is_accepted(V3_1, Client, b"\x82\x06\x00\x01\x00\x01a\x00"));
    assert!(is_accepted(V3_1, Server, b"\x90\x03\x00\x01\x00"));
    assert!(is_accepted(V3_1, Client, b"\xA2\x05\x00\x01\x00\x01a"));
    // Were the payload alone counted, its last two bytes would be missing.
    assert_eq!(fault(V3_1, Client, b"\x82\x04\x00\x01\x00\x01a\x00"), Fault::Truncated);
    assert_eq!(fault(V3_1, Server, b"\x90\x01\x00\x01\x00"), Fault::Truncated);
    assert_eq!(fault(V3_1, Client, b"\xA2\x03\x00\x01\x00\x01a"), Fault::Truncated);
}

#[test]
fn m31_19_an_empty_payload_is_refused() {
    for (from, bytes) in
        [(Client, b"\x82\x02\x00\x01"), (Client, b"\xA2\x02\x00\x01"), (Server, b"\x90\x02\x00\x01")]
    {
        assert_eq!(fault(V3_1, from, bytes), Fault::EmptyPayload);
    }
    let nothing = Subscribe::new(PacketId::MIN, Subscriptions::new(&[]));
    assert_eq!(nothing.encode(V3_1, &mut Vec::new()), Err(EncodeError::EmptyPayload));
    let nothing = Unsubscribe::new(PacketId::MIN, TopicFilters::new(&[]));
    assert_eq!(nothing.encode(V3_1, &mut Vec::new()), Err(EncodeError::EmptyPayload));
}

#[test]
fn m31_20_message_identifier_0_is_invalid() {
    for bytes in [
        &b"\x32\x05\x00\x01a\x00\x00"[..],
        b"\x34\x05\x00\x01a\x00\x00",
        b"\x40\x02\x00\x00",
        b"\x50\x02\x00\x00",
        b"\x62\x02\x00\x00",
        b"\x82\x06\x00\x00\x00\x01a\x00",
        b"\xA2\x05\x00\x00\x00\x01a",
    ] {
        assert_eq!(fault(V3_1, Client, bytes), Fault::PacketIdZero);
        let id = if bytes[0] >> 4 == 3 { 5 } else { 2 };
        let with_one = [&bytes[..id], b"\x00\x01", &bytes[id + 2..]].concat();
        assert!(is_accepted(V3_1, Client, &with_one));
    }
    for first_byte in [0x70, 0xB0] {
        assert_eq!(fault(V3_1, Server, &[first_byte, 2, 0, 0]), Fault::PacketIdZero);
        assert!(is_accepted(V3_1, Server, &[first_byte, 2, 0, 1]));
    }
    assert_eq!(fault(V3_1, Server, b"\x90\x03\x00\x00\x00"), Fault::PacketIdZero);
}

#[test]
fn m31_21_types_0_and_15_are_reserved() {
    for bytes in [b"\x00\x00", b"\x0F\x00", b"\xF0\x00", b"\xFF\x00"] {
        assert_eq!(fault(V3_1, Client, bytes), Fault::ReservedPacketType);
        assert_eq!(fault(V3_1, Server, bytes), Fault::ReservedPacketType);
    }
}

#[test]
fn m31_22_the_remaining_length_has_up_to_four_bytes() {
    assert_eq!(decode(V3_1, Client, b"\x30\xFF\xFF\xFF\x7F"), Ok(None));
    assert_eq!(fault(V3_1, Client, b"\x30\x80\x80\x80\x80"), Fault::VariableByteIntegerTooLong);
    for bytes in [&b"\xC0\x00"[..], b"\xC0\x80\x00", b"\xC0\x80\x80\x00", b"\xC0\x80\x80\x80\x00"] {
        assert!(is_accepted(V3_1, Client, bytes), "as general as its wording");
    }
}

#[test]
fn m31_23_the_level_of_a_bridge_is_unknown_and_answered_as_the_bridge_understands() {
    for (start, fault_expected) in [
        (&b"\x00\x06MQIsdp\x83"[..], Fault::ProtocolVersionTooOld),
        (b"\x00\x04MQTT\x84", Fault::ProtocolVersionTooOld),
        (b"\x00\x04MQTT\x85", Fault::ProtocolVersionTooNew),
    ] {
        let bytes = packet(0x10, &[start, b"\x02\x00\x00\x00\x01c"]);
        assert_eq!(fault(V3_1, Client, &bytes), fault_expected);
    }
}

#[test]
fn m31_25_an_empty_client_identifier_is_not_written() {
    let fields = ConnectFields::default();
    assert_eq!(Connect::new(&fields).encode(V3_1, &mut Vec::new()), Err(EncodeError::ClientIdEmpty));
    let bytes = packet(0x10, &[MQTT31, b"\x02\x00\x00\x00\x00"]);
    assert!(is_accepted(V3_1, Client, &bytes), "for the Server to answer with return code 2");
}

#[test]
fn m31_27_a_topic_has_up_to_65_535_bytes() {
    for len in [1, 32_767, 32_768, 65_535] {
        let topic = wire::field(&vec![b'x'; len]);
        for (first_byte, parts) in [
            (0x30, &[&topic[..], b""][..]),
            (0x82, &[b"\x00\x01", &topic, b"\x00"]),
            (0xA2, &[b"\x00\x01", &topic]),
        ] {
            let bytes = packet(first_byte, parts);
            let (read, _) = decode(V3_1, Client, &bytes).unwrap().unwrap();
            let mut out = Vec::new();
            read.encode(V3_1, &mut out).unwrap();
            assert_eq!(out, bytes);
        }
    }
}

#[test]
fn m31_30_an_invalid_filter_or_topic_name_is_refused() {
    for name in ["", "#", "+", "a/#", "a+b"] {
        let name = wire::field(name.as_bytes());
        assert_eq!(fault(V3_1, Client, &packet(0x30, &[&name])), Fault::InvalidTopicName);
        assert_eq!(fault(V3_1, Server, &packet(0x30, &[&name])), Fault::InvalidTopicName);
        let will = packet(0x10, &[MQTT31, b"\x06\x00\x00\x00\x01c", &name, b"\x00\x00"]);
        assert_eq!(fault(V3_1, Client, &will), Fault::InvalidTopicName);
    }
    for (filter, is_valid) in [
        ("", false),
        ("a#", false),
        ("#/a", false),
        ("a+/b", false),
        ("#", true),
        ("a/#", true),
        ("+/b", true),
        ("$share//x", true),
    ] {
        let filter = wire::field(filter.as_bytes());
        for (first_byte, options) in [(0x82, &b"\x00"[..]), (0xA2, b"")] {
            let bytes = packet(first_byte, &[b"\x00\x01", &filter, options]);
            if is_valid {
                assert!(is_accepted(V3_1, Client, &bytes));
            } else {
                assert_eq!(fault(V3_1, Client, &bytes), Fault::InvalidTopicFilter);
            }
        }
    }
}

#[test]
fn m31_59_user_name_and_password_have_up_to_65_535_bytes() {
    for len in [0, 12, 13, 65_535] {
        let text = "x".repeat(len);
        let field = wire::field(text.as_bytes());
        let bytes = packet(0x10, &[MQTT31, b"\xC2\x00\x00\x00\x01c", &field, &field]);
        let read = fields(&bytes);
        assert_eq!((read.username, read.password), (Some(&*text), Some(text.as_bytes())));
        let mut out = Vec::new();
        Connect::new(&read).encode(V3_1, &mut out).unwrap();
        assert_eq!(out, bytes);
    }
}
