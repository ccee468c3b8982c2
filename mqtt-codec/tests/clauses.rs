//! One test for each statement of MQTT 5.0 and 3.1.1 that binds the codec, in the order of the specification: what breaks
//! it is refused with the fault, the Reason Code and the clause, and what keeps to it is accepted and written.
//!
//! The differences of 3.1 are in tests/mqtt31.rs; tests/malformed.rs, strings.rs and tables.rs go through all that can be
//! broken.

#[path = "common/wire.rs"]
mod wire;

use ProtocolVersion::{V3_1_1, V5_0};
use Side::{Client, Server};
use mqtt_codec::{
    AckProperties, Auth, AuthProperties, AuthReason, Connack, ConnackProperties, ConnackReason, Connect,
    ConnectFields, ConnectProperties, Delivery, Disconnect, DisconnectProperties, DisconnectReason,
    EncodeError, Fault, Packet, PacketId, PacketType, Property, PropertyError, PropertyId, ProtocolVersion,
    Puback, Pubcomp, Publish, PublishProperties, PublishReason, Pubrec, Pubrel, QoS, ReleaseReason, Side,
    Suback, SubackReason, SubackReasons, Subscribe, SubscribeProperties, Subscriptions, TopicFilters,
    Unsuback, UnsubackReason, UnsubackReasons, Unsubscribe, UnsubscribeProperties, Will, WillProperties,
};
use mqtt_topic::TopicFilter;
use wire::{MQTT5, MQTT311, decode, field, packet, set};

/// The versions with numbered statements.
const NUMBERED: [ProtocolVersion; 2] = [V3_1_1, V5_0];

/// `bytes` are one packet that the receiver takes.
fn accepts(version: ProtocolVersion, from: Side, bytes: &[u8]) -> Packet<'_> {
    match decode(version, from, bytes) {
        Ok(Some((packet, len))) if len == bytes.len() => packet,
        other => panic!("{bytes:02X?} in {version}: {other:?}"),
    }
}

/// `bytes` are one packet that the receiver takes, and the sender writes what it means as the same bytes.
fn both_ways(version: ProtocolVersion, from: Side, bytes: &[u8]) -> Packet<'_> {
    let packet = accepts(version, from, bytes);
    assert_eq!(written(version, packet), bytes, "{packet} in {version}");
    assert_eq!(written_anew(version, packet), bytes, "{packet} in {version}");
    packet
}

/// `packet` put together from its values: a decoded one may be written from the bytes it came from.
fn written_anew(version: ProtocolVersion, packet: Packet<'_>) -> Vec<u8> {
    macro_rules! anew {
        ($type:ident, $packet:ident, $set:ident $(, $list:ident: $entries:ident)?) => {{
            let values: Vec<_> = $packet.properties.iter().collect();
            let properties = $set::new(&values).unwrap();
            $(let entries: Vec<_> = $packet.$list.iter().collect();)?
            written(version, $type { properties, $($list: $entries::new(&entries),)? ..$packet })
        }};
    }
    match packet {
        Packet::Connect(connect) => {
            let fields = connect.fields();
            let values: Vec<_> = fields.properties.iter().collect();
            let properties = ConnectProperties::new(&values).unwrap();
            let values: Vec<_> = fields.will.iter().flat_map(|will| will.properties.iter()).collect();
            let will_properties = WillProperties::new(&values).unwrap();
            let will = fields.will.map(|will| Will { properties: will_properties, ..will });
            written(version, Connect::new(&ConnectFields { will, properties, ..fields }))
        }
        Packet::Connack(packet) => anew!(Connack, packet, ConnackProperties),
        Packet::Publish(packet) => anew!(Publish, packet, PublishProperties),
        Packet::Puback(packet) => anew!(Puback, packet, AckProperties),
        Packet::Pubrec(packet) => anew!(Pubrec, packet, AckProperties),
        Packet::Pubrel(packet) => anew!(Pubrel, packet, AckProperties),
        Packet::Pubcomp(packet) => anew!(Pubcomp, packet, AckProperties),
        Packet::Subscribe(packet) => {
            anew!(Subscribe, packet, SubscribeProperties, subscriptions: Subscriptions)
        }
        Packet::Suback(packet) => anew!(Suback, packet, AckProperties, reasons: SubackReasons),
        Packet::Unsubscribe(packet) => {
            anew!(Unsubscribe, packet, UnsubscribeProperties, filters: TopicFilters)
        }
        Packet::Unsuback(packet) => anew!(Unsuback, packet, AckProperties, reasons: UnsubackReasons),
        Packet::Disconnect(packet) => anew!(Disconnect, packet, DisconnectProperties),
        Packet::Auth(packet) => anew!(Auth, packet, AuthProperties),
        Packet::Pingreq | Packet::Pingresp => written(version, packet),
    }
}

fn written<'a>(version: ProtocolVersion, packet: impl Into<Packet<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.into().encode(version, &mut out).unwrap();
    out
}

/// The sender has no way to write `packet`.
fn not_written<'a>(version: ProtocolVersion, packet: impl Into<Packet<'a>>, expected: EncodeError) {
    let mut out = Vec::new();
    assert_eq!(packet.into().encode(version, &mut out), Err(expected), "in {version}");
    assert!(out.is_empty());
}

/// `bytes` are refused by this fault, which 5.0 answers with `code` by `clause`; 3.1.1 closes and says nothing.
fn refuses(
    version: ProtocolVersion,
    from: Side,
    bytes: impl AsRef<[u8]>,
    fault: Fault,
    code: u8,
    clause: &str,
) {
    let bytes = bytes.as_ref();
    let error = match decode(version, from, bytes) {
        Err(error) => error,
        Ok(accepted) => panic!("{bytes:02X?} in {version}: {accepted:?}"),
    };
    assert_eq!(error.fault(), fault, "{bytes:02X?} in {version}: {error}");
    assert_eq!(error.packet_type(), PacketType::from_bits(bytes[0] >> 4), "{error}");
    if version == V5_0 {
        assert_eq!((error.fault().reason_code(), error.clause()), (code, clause), "{error}");
        if bytes[0] >> 4 == 1 {
            assert_eq!(error.connack_reason().code(), code, "{error}");
        } else {
            assert_eq!(error.disconnect_reason().code(), code, "{error}");
        }
    } else if bytes[0] >> 4 == 1 {
        assert_eq!(error.connack_return_code(), None, "{error}");
    }
}

/// A CONNECT with these Connect Flags and these fields of the payload behind the Client Identifier "c". In 5.0 it has no
/// properties, and neither has the Will.
fn connect(version: ProtocolVersion, flags: u8, fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.concat();
    match version {
        V5_0 => packet(0x10, &[MQTT5, &[flags], b"\0\x3C\0\0\x01c", &fields]),
        _ => packet(0x10, &[MQTT311, &[flags], b"\0\x3C\0\x01c", &fields]),
    }
}

/// The fields of a Will: the property set, which 5.0 alone has, the topic "w" and the payload "m".
fn will(version: ProtocolVersion) -> &'static [u8] {
    if version == V5_0 { b"\0\0\x01w\0\x01m" } else { b"\0\x01w\0\x01m" }
}

fn connect_fields(version: ProtocolVersion, bytes: &[u8]) -> ConnectFields<'_> {
    match both_ways(version, Client, bytes) {
        Packet::Connect(connect) => connect.fields(),
        other => panic!("{other}"),
    }
}

/// The empty property set, which 3.1.1 does not have.
fn no_properties(version: ProtocolVersion) -> &'static [u8] {
    if version == V5_0 { b"\0" } else { b"" }
}

/// A QoS 0 PUBLISH of an empty message to "a" with these properties.
fn publish_with(properties: &[u8]) -> Vec<u8> {
    packet(0x30, &[b"\0\x01a", &set(properties)])
}

// 1.5 Data representation, 2.1 Structure, 2.2 Variable header.

/// Text of one code point at every border of the well-formed, and ill-formed bytes beside it.
const WELL_FORMED: [&str; 9] =
    ["~", "\u{A0}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{10000}", "\u{10FFFD}"];
const ILL_FORMED: [&[u8]; 12] = [
    b"\x80",
    b"\xBF",
    b"\xC0\x80",
    b"\xC1\xBF",
    b"\xC3",
    b"\xE0\x9F\xBF",
    b"\xE2\x82",
    b"\xED\xA0\x80",
    b"\xED\xBF\xBF",
    b"\xF0\x8F\xBF\xBF",
    b"\xF4\x90\x80\x80",
    b"\xF8\x88\x80\x80\x80",
];

#[test]
fn mqtt311_1_5_3_1_mqtt5_1_5_4_1_strings_are_strict_utf_8() {
    for version in NUMBERED {
        for text in ILL_FORMED {
            for from in [Client, Server] {
                let bytes = packet(0x30, &[&field(text), b"\0"]);
                refuses(version, from, bytes, Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
            }
            let bytes = connect(version, 0x82, &[&field(text)]);
            refuses(version, Client, bytes, Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
        }
        for text in WELL_FORMED {
            let bytes = packet(0x30, &[&field(text.as_bytes()), no_properties(version)]);
            let Packet::Publish(publish) = both_ways(version, Client, &bytes) else { panic!("a PUBLISH") };
            assert_eq!(publish.topic.unwrap().as_bytes(), text.as_bytes());
            let bytes = connect(version, 0x82, &[&field(text.as_bytes())]);
            assert_eq!(connect_fields(version, &bytes).username, Some(text));
        }
    }
}

#[test]
fn mqtt311_1_5_3_2_mqtt5_1_5_4_2_no_string_has_u_0000() {
    let nul = |version, from, bytes: Vec<u8>| {
        refuses(version, from, bytes, Fault::NulInString, 0x81, "MQTT-1.5.4-2");
    };
    for version in NUMBERED {
        let text = &field(b"a\0");
        for from in [Client, Server] {
            nul(version, from, packet(0x30, &[text, b"\0"]));
        }
        nul(version, Client, connect(version, 0x82, &[text]));
        nul(version, Client, packet(0x82, &[b"\0\x01", no_properties(version), text, b"\0"]));
        nul(version, Client, packet(0xA2, &[b"\0\x01", no_properties(version), text]));
        // U+0001 is no U+0000, and what is no string may have any byte.
        accepts(version, Server, &packet(0x30, &[&field(b"a\x01"), no_properties(version)]));
        both_ways(version, Client, &packet(0x30, &[b"\0\x01a", no_properties(version), b"\0"]));
        let fields = ConnectFields { client_id: "c", username: Some("\0"), ..ConnectFields::default() };
        not_written(version, Connect::new(&fields), EncodeError::NulInString);
        let fields = ConnectFields { client_id: "\0", ..ConnectFields::default() };
        not_written(version, Connect::new(&fields), EncodeError::NulInString);
    }
    nul(V5_0, Client, publish_with(b"\x26\0\x01\0\0\x01v"));
    nul(V5_0, Server, publish_with(b"\x26\0\x01k\0\x01\0"));
    let value = [Property::UserProperty(("\0", ""))];
    let error = PropertyError::Value(PropertyId::UserProperty);
    assert_eq!(PublishProperties::new(&value), Err(error));
}

#[test]
fn mqtt311_1_5_3_3_mqtt5_1_5_4_3_ef_bb_bf_is_a_character_as_any_other() {
    for version in NUMBERED {
        for text in ["\u{FEFF}", "\u{FEFF}a", "a\u{FEFF}"] {
            let bytes = packet(0x30, &[&field(text.as_bytes()), no_properties(version)]);
            let Packet::Publish(publish) = both_ways(version, Client, &bytes) else { panic!("a PUBLISH") };
            let topic = publish.topic.unwrap();
            assert_eq!(topic.as_bytes(), text.as_bytes());
            assert!(TopicFilter::parse(text).unwrap().matches(&topic));
            assert!(!TopicFilter::parse("a").unwrap().matches(&topic));
            let bytes = connect(version, 0x82, &[&field(text.as_bytes())]);
            assert_eq!(connect_fields(version, &bytes).username, Some(text));
        }
    }
    let bytes = publish_with(b"\x03\0\x03\xEF\xBB\xBF");
    let Packet::Publish(publish) = both_ways(V5_0, Client, &bytes) else { panic!("a PUBLISH") };
    assert_eq!(publish.properties.content_type(), Some("\u{FEFF}"));
}

#[test]
fn mqtt5_1_5_5_1_a_variable_byte_integer_has_its_shortest_form() {
    let padded = |from, bytes: &[u8]| {
        refuses(V5_0, from, bytes, Fault::VariableByteIntegerPadded, 0x81, "MQTT-1.5.5-1");
    };
    let too_long = |from, bytes: &[u8]| {
        refuses(V5_0, from, bytes, Fault::VariableByteIntegerTooLong, 0x81, "MQTT-1.5.5-1");
    };
    // The Remaining Length.
    padded(Client, b"\xC0\x80\x00");
    padded(Server, b"\xD0\x80\x80\x80\x00");
    padded(Client, &[b"\x10\x8E\x00", &connect(V5_0, 0x02, &[])[2..]].concat());
    too_long(Client, b"\xC0\x80\x80\x80\x80\x00");
    for (remaining_length, expected) in [
        (127, &b"\x7F"[..]),
        (128, b"\x80\x01"),
        (16_383, b"\xFF\x7F"),
        (16_384, b"\x80\x80\x01"),
        (2_097_151, b"\xFF\xFF\x7F"),
        (2_097_152, b"\x80\x80\x80\x01"),
    ] {
        let bytes = [b"\x30", expected, b"\0\x01a\0", &vec![0x5A; remaining_length - 4]].concat();
        let Packet::Publish(publish) = both_ways(V5_0, Client, &bytes) else { panic!("a PUBLISH") };
        assert_eq!(publish.payload.len(), remaining_length - 4);
    }
    // The Property Length.
    padded(Client, &packet(0x30, &[b"\0\x01a\x80\0"]));
    padded(Client, &packet(0x30, &[b"\0\x01a\x82\0\x01\x01"]));
    too_long(Client, &packet(0x30, &[b"\0\x01a\x80\x80\x80\x80\0"]));
    for (len, expected) in [(127, &b"\x7F"[..]), (128, b"\x80\x01"), (16_384, b"\x80\x80\x01")] {
        let text = field(&vec![b'x'; len - 3]);
        let bytes = packet(0x30, &[b"\0\x01a", expected, b"\x03", &text]);
        both_ways(V5_0, Client, &bytes);
    }
    // A Property Identifier.
    padded(Client, &publish_with(b"\x81\0\x01"));
    // A Subscription Identifier.
    let subscribe =
        |identifier: &[u8]| packet(0x82, &[b"\0\x01", &set(&[b"\x0B", identifier].concat()), b"\0\x01a\0"]);
    padded(Client, &subscribe(b"\x81\x00"));
    padded(Client, &subscribe(b"\xFF\xFF\x80\x00"));
    too_long(Client, &subscribe(b"\x81\x80\x80\x80\x00"));
    for identifier in [&b"\x01"[..], b"\x7F", b"\x80\x01", b"\x80\x80\x01", b"\xFF\xFF\xFF\x7F"] {
        both_ways(V5_0, Client, &subscribe(identifier));
    }
}

#[test]
fn mqtt5_1_5_7_1_name_and_value_of_a_string_pair_are_strings() {
    let pair =
        |name: &[u8], value: &[u8]| publish_with(&[b"\x26", field(name).as_slice(), &field(value)].concat());
    for text in ILL_FORMED {
        refuses(V5_0, Client, pair(text, b"v"), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
        refuses(V5_0, Server, pair(b"k", text), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
    }
    refuses(V5_0, Client, pair(b"\0", b"v"), Fault::NulInString, 0x81, "MQTT-1.5.4-2");
    refuses(V5_0, Server, pair(b"k", b"\0"), Fault::NulInString, 0x81, "MQTT-1.5.4-2");
    refuses(V5_0, Client, publish_with(b"\x26\0\x01k"), Fault::Truncated, 0x81, "section 1.2");
    for (name, value) in [("k", "v"), ("", "v"), ("k", ""), ("", ""), ("\u{FEFF}", "\u{10FFFD}")] {
        let bytes = pair(name.as_bytes(), value.as_bytes());
        let Packet::Publish(publish) = both_ways(V5_0, Client, &bytes) else { panic!("a PUBLISH") };
        assert!(publish.properties.user_properties().eq([(name, value)]));
    }
}

/// A packet of every type but PUBLISH: who sends it, the first byte it must have, and a body.
fn one_of_each(version: ProtocolVersion) -> Vec<(Side, u8, Vec<u8>)> {
    let none = no_properties(version);
    let v5_code: &[u8] = if version == V5_0 { b"\0" } else { b"" };
    let mut packets = vec![
        (Client, 0x10, connect(version, 0x02, &[])[2..].to_vec()),
        (Server, 0x20, [b"\0\0", none].concat()),
        (Client, 0x40, b"\0\x01".to_vec()),
        (Server, 0x40, b"\0\x01".to_vec()),
        (Client, 0x50, b"\0\x01".to_vec()),
        (Server, 0x50, b"\0\x01".to_vec()),
        (Client, 0x62, b"\0\x01".to_vec()),
        (Server, 0x62, b"\0\x01".to_vec()),
        (Client, 0x70, b"\0\x01".to_vec()),
        (Server, 0x70, b"\0\x01".to_vec()),
        (Client, 0x82, [b"\0\x01", none, b"\0\x01a\0"].concat()),
        (Server, 0x90, [b"\0\x01", none, b"\0"].concat()),
        (Client, 0xA2, [b"\0\x01", none, b"\0\x01a"].concat()),
        (Server, 0xB0, [b"\0\x01", none, v5_code].concat()),
        (Client, 0xC0, Vec::new()),
        (Server, 0xD0, Vec::new()),
        (Client, 0xE0, Vec::new()),
    ];
    if version == V5_0 {
        packets.push((Server, 0xE0, Vec::new()));
        packets.push((Client, 0xF0, b"\x18\x04\x15\0\x01m".to_vec()));
        packets.push((Server, 0xF0, b"\x18\x04\x15\0\x01m".to_vec()));
    }
    packets
}

/// All flags but the right ones are refused, on either side.
fn judges_flags(version: ProtocolVersion, is_wanted: impl Fn(u8) -> bool) {
    let mut count = 0;
    for (from, first_byte, body) in one_of_each(version) {
        if !is_wanted(first_byte) {
            continue;
        }
        for flags in 0..=0x0F {
            let bytes = packet(first_byte & 0xF0 | flags, &[&body]);
            if bytes[0] == first_byte {
                both_ways(version, from, &bytes);
            } else {
                refuses(version, from, &bytes, Fault::ReservedFlags, 0x81, "MQTT-2.1.3-1");
            }
        }
        count += 1;
    }
    assert_ne!(count, 0);
}

#[test]
fn mqtt311_2_2_2_1_mqtt311_2_2_2_2_mqtt5_2_1_3_1_reserved_flags() {
    for version in NUMBERED {
        judges_flags(version, |_| true);
    }
}

#[test]
fn mqtt311_2_3_1_1_a_packet_identifier_is_not_0() {
    for version in NUMBERED {
        let none = no_properties(version);
        for (first_byte, before, behind) in [
            (0x32, &b"\0\x01a"[..], none.to_vec()),
            (0x34, b"\0\x01a", none.to_vec()),
            (0x82, b"", [none, b"\0\x01a\0"].concat()),
            (0xA2, b"", [none, b"\0\x01a"].concat()),
        ] {
            let with = |id: &[u8]| packet(first_byte, &[before, id, &behind]);
            refuses(version, Client, with(b"\0\0"), Fault::PacketIdZero, 0x82, "MQTT-2.2.1-3");
            for id in [b"\0\x01", b"\x01\0", b"\xFF\xFF"] {
                both_ways(version, Client, &with(id));
            }
        }
        refuses(version, Client, packet(0x32, &[b"\0\x01a", b"\0"]), Fault::Truncated, 0x81, "section 1.2");
    }
    assert_eq!(PacketId::new(0), None);
}

#[test]
fn mqtt311_2_3_1_5_mqtt5_2_2_1_2_a_qos_0_publish_has_no_packet_identifier() {
    for version in NUMBERED {
        let bytes = packet(0x30, &[b"\0\x01a", no_properties(version), b"\0\x07hi"]);
        let Packet::Publish(publish) = both_ways(version, Server, &bytes) else { panic!("a PUBLISH") };
        assert_eq!((publish.delivery, publish.payload), (Delivery::AtMostOnce, &b"\0\x07hi"[..]));
        assert_eq!(publish.delivery.packet_id(), None);
    }
}

#[test]
fn mqtt5_2_2_2_1_no_properties_are_a_length_of_0() {
    for (from, first_byte, before, behind) in [
        (Client, 0x10, &b"\0\x04MQTT\x05\x02\0\0"[..], &b"\0\x01c"[..]),
        (Client, 0x10, b"\0\x04MQTT\x05\x06\0\0\0\0\x01c", b"\0\x01w\0\x01m"),
        (Server, 0x20, b"\0\0", b""),
        (Client, 0x30, b"\0\x01a", b""),
        (Server, 0x32, b"\0\x01a\0\x01", b""),
        (Client, 0x82, b"\0\x01", b"\0\x01a\0"),
        (Server, 0x90, b"\0\x01", b"\x80"),
        (Client, 0xA2, b"\0\x01", b"\0\x01a"),
        (Server, 0xB0, b"\0\x01", b"\x80"),
    ] {
        both_ways(V5_0, from, &packet(first_byte, &[before, b"\0", behind]));
        let without = packet(first_byte, &[before, behind]);
        refuses(V5_0, from, &without, Fault::Truncated, 0x81, "section 1.2");
    }
    // The packets that may be cut short, and with them what they are written as.
    for (from, first_byte, shortest, forms) in [
        (Server, 0x40, &b"\0\x01"[..], [&b"\0\x01\0"[..], b"\0\x01\0\0"]),
        (Server, 0x40, b"\0\x01\x80", [b"\0\x01\x80", b"\0\x01\x80\0"]),
        (Client, 0x50, b"\0\x01", [b"\0\x01\0", b"\0\x01\0\0"]),
        (Client, 0x62, b"\0\x01", [b"\0\x01\0", b"\0\x01\0\0"]),
        (Server, 0x70, b"\0\x01\x92", [b"\0\x01\x92", b"\0\x01\x92\0"]),
        (Client, 0xE0, b"", [b"\0", b"\0\0"]),
        (Server, 0xE0, b"\x8E", [b"\x8E", b"\x8E\0"]),
    ] {
        let shortest = packet(first_byte, &[shortest]);
        let read = both_ways(V5_0, from, &shortest);
        for form in forms {
            assert_eq!(accepts(V5_0, from, &packet(first_byte, &[form])), read);
        }
    }
    // An AUTH that is cut short lacks its method.
    let missing = Fault::AuthenticationMethodMissing;
    refuses(V5_0, Server, b"\xF0\x00", missing, 0x82, "section 3.15.2.2.2");
}

// 3.1 CONNECT.

#[test]
fn mqtt311_3_1_2_3_mqtt5_3_1_2_3_the_reserved_connect_flag_is_0() {
    for version in NUMBERED {
        for flags in [0x01, 0x03] {
            let bytes = connect(version, flags, &[]);
            refuses(version, Client, bytes, Fault::ReservedConnectFlag, 0x81, "MQTT-3.1.2-3");
        }
        for flags in [0x00, 0x02] {
            let bytes = connect(version, flags, &[]);
            assert_eq!(connect_fields(version, &bytes).clean_start, flags == 2);
        }
    }
}

#[test]
fn mqtt311_3_1_2_9_mqtt5_3_1_2_9_a_will_has_all_its_fields() {
    for version in NUMBERED {
        let fields = will(version);
        for end in 0..fields.len() {
            let bytes = connect(version, 0x06, &[&fields[..end]]);
            refuses(version, Client, bytes, Fault::Truncated, 0x81, "section 1.2");
        }
        let bytes = connect(version, 0x36, &[fields]);
        let will = connect_fields(version, &bytes).will.unwrap();
        assert_eq!((will.topic.as_bytes(), will.payload), (&b"w"[..], &b"m"[..]));
        assert_eq!((will.qos, will.retain), (QoS::ExactlyOnce, true));
        assert!(will.properties.is_empty());
        let empty_payload = [no_properties(version), b"\0\x01w\0\0"].concat();
        let bytes = connect(version, 0x06, &[&empty_payload]);
        assert_eq!(connect_fields(version, &bytes).will.unwrap().payload, b"");
    }
}

#[test]
fn mqtt311_3_1_2_11_without_will_flag_there_is_nothing_of_a_will() {
    for flags in [0x08, 0x10, 0x18, 0x0A] {
        let bytes = connect(V3_1_1, flags, &[]);
        refuses(V3_1_1, Client, bytes, Fault::WillQoSWithoutWill, 0x81, "MQTT-3.1.2-11");
    }
    let bytes = connect(V3_1_1, 0x22, &[]);
    refuses(V3_1_1, Client, bytes, Fault::WillRetainWithoutWill, 0x81, "MQTT-3.1.2-13");
    let bytes = connect(V3_1_1, 0x02, &[will(V3_1_1)]);
    refuses(V3_1_1, Client, bytes, Fault::TrailingBytes, 0x81, "section 1.2");
    assert_eq!(connect_fields(V3_1_1, &connect(V3_1_1, 0x02, &[])).will, None);
}

#[test]
fn mqtt311_3_1_2_13_mqtt5_3_1_2_11_without_will_flag_will_qos_is_0() {
    for version in NUMBERED {
        for will_qos in 1..=3 {
            let bytes = connect(version, 0x02 | will_qos << 3, &[]);
            refuses(version, Client, bytes, Fault::WillQoSWithoutWill, 0x81, "MQTT-3.1.2-11");
        }
        assert_eq!(connect_fields(version, &connect(version, 0x02, &[])).will, None);
    }
}

#[test]
fn mqtt311_3_1_2_14_mqtt5_3_1_2_12_will_qos_is_0_to_2() {
    for version in NUMBERED {
        for qos in QoS::ALL {
            let bytes = connect(version, 0x06 | qos.bits() << 3, &[will(version)]);
            assert_eq!(connect_fields(version, &bytes).will.unwrap().qos, qos);
        }
        for flags in [0x1E, 0x3E] {
            let bytes = connect(version, flags, &[will(version)]);
            refuses(version, Client, bytes, Fault::InvalidWillQoS, 0x81, "MQTT-3.1.2-12");
        }
    }
}

#[test]
fn mqtt311_3_1_2_15_mqtt5_3_1_2_13_without_will_flag_will_retain_is_0() {
    for version in NUMBERED {
        for flags in [0x20, 0x22] {
            let bytes = connect(version, flags, &[]);
            refuses(version, Client, bytes, Fault::WillRetainWithoutWill, 0x81, "MQTT-3.1.2-13");
        }
        for (flags, retain) in [(0x06, false), (0x26, true)] {
            let bytes = connect(version, flags, &[will(version)]);
            assert_eq!(connect_fields(version, &bytes).will.unwrap().retain, retain);
        }
    }
}

#[test]
fn mqtt311_3_1_2_18_mqtt5_3_1_2_16_without_its_flag_there_is_no_user_name() {
    for version in NUMBERED {
        for (flags, before) in [(0x02, &b""[..]), (0x06, will(version))] {
            let bytes = connect(version, flags, &[before, b"\0\x01u"]);
            refuses(version, Client, bytes, Fault::TrailingBytes, 0x81, "section 1.2");
            let bytes = connect(version, flags, &[before]);
            assert_eq!(connect_fields(version, &bytes).username, None);
        }
    }
}

#[test]
fn mqtt311_3_1_2_19_mqtt5_3_1_2_17_with_its_flag_there_is_a_user_name() {
    for version in NUMBERED {
        for (flags, before) in [(0x82, &b""[..]), (0x86, will(version))] {
            for rest in [&b""[..], b"\0", b"\0\x02u"] {
                let bytes = connect(version, flags, &[before, rest]);
                refuses(version, Client, bytes, Fault::Truncated, 0x81, "section 1.2");
            }
            for (name, rest) in [("u", &b"\0\x01u"[..]), ("", b"\0\0")] {
                let bytes = connect(version, flags, &[before, rest]);
                assert_eq!(connect_fields(version, &bytes).username, Some(name));
            }
        }
    }
}

#[test]
fn mqtt311_3_1_2_20_mqtt5_3_1_2_18_without_its_flag_there_is_no_password() {
    for version in NUMBERED {
        let bytes = connect(version, 0x82, &[b"\0\x01u", b"\0\x01p"]);
        refuses(version, Client, bytes, Fault::TrailingBytes, 0x81, "section 1.2");
        let bytes = connect(version, 0x82, &[b"\0\x01u"]);
        assert_eq!(connect_fields(version, &bytes).password, None);
    }
}

#[test]
fn mqtt311_3_1_2_21_mqtt5_3_1_2_19_with_its_flag_there_is_a_password() {
    for version in NUMBERED {
        for rest in [&b""[..], b"\0", b"\0\x02p"] {
            let bytes = connect(version, 0xC2, &[b"\0\x01u", rest]);
            refuses(version, Client, bytes, Fault::Truncated, 0x81, "section 1.2");
        }
        for (password, rest) in [(&b"\xFF\0"[..], &b"\0\x02\xFF\0"[..]), (b"", b"\0\0")] {
            let bytes = connect(version, 0xC2, &[b"\0\x01u", rest]);
            assert_eq!(connect_fields(version, &bytes).password, Some(password));
        }
    }
    // 5.0 asks for no User Name beside it.
    let bytes = connect(V5_0, 0x42, &[b"\0\x01p"]);
    let fields = connect_fields(V5_0, &bytes);
    assert_eq!((fields.username, fields.password), (None, Some(&b"p"[..])));
}

#[test]
fn mqtt311_3_1_2_22_a_password_needs_a_user_name() {
    let bytes = connect(V3_1_1, 0x42, &[b"\0\x01p"]);
    refuses(V3_1_1, Client, bytes, Fault::PasswordWithoutUserName, 0x81, "");
    let fields = ConnectFields { password: Some(b"p"), ..ConnectFields::default() };
    not_written(V3_1_1, Connect::new(&fields), EncodeError::PasswordWithoutUserName);
    let bytes = connect(V3_1_1, 0xC2, &[b"\0\x01u", b"\0\x01p"]);
    assert_eq!(connect_fields(V3_1_1, &bytes).password, Some(&b"p"[..]));
}

#[test]
fn mqtt311_3_1_3_1_mqtt5_3_1_3_1_the_payload_of_connect_has_one_order() {
    for version in NUMBERED {
        // Every combination of what may be there.
        for (has_will, has_user_name, has_password) in
            (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0))
        {
            if has_password && !has_user_name && version == V3_1_1 {
                continue;
            }
            let mut flags = 0x02;
            let mut fields: Vec<&[u8]> = Vec::new();
            for (is_there, bit, bytes) in [
                (has_will, 0x04, will(version)),
                (has_user_name, 0x80, &b"\0\x02u1"[..]),
                (has_password, 0x40, b"\0\x02p1"),
            ] {
                if is_there {
                    flags |= bit;
                    fields.push(bytes);
                }
            }
            let bytes = connect(version, flags, &fields);
            let read = connect_fields(version, &bytes);
            assert_eq!(read.client_id, "c");
            assert_eq!(read.will.map(|will| will.topic.as_bytes() == b"w"), has_will.then_some(true));
            assert_eq!(read.username, has_user_name.then_some("u1"));
            assert_eq!(read.password, has_password.then_some(&b"p1"[..]));
        }
    }
    // The Password in front of the User Name is read as the User Name, which is a string.
    for version in NUMBERED {
        let bytes = connect(version, 0xC2, &[b"\0\x01\xFF", b"\0\x01u"]);
        refuses(version, Client, bytes, Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
    }
    // The Will in front of its properties, and behind the User Name.
    let bytes = connect(V5_0, 0x06, &[b"\0\x01w\0\x01m\0"]);
    refuses(V5_0, Client, bytes, Fault::Truncated, 0x81, "section 1.2");
    let bytes = connect(V5_0, 0x86, &[b"\0\x02u1", will(V5_0)]);
    refuses(V5_0, Client, bytes, Fault::Truncated, 0x81, "section 1.2");
}

#[test]
fn mqtt311_3_1_3_3_mqtt5_3_1_3_3_the_client_identifier_is_always_there() {
    for (version, start, empty) in [(V3_1_1, MQTT311, &b"\x02\0\0"[..]), (V5_0, MQTT5, &b"\x02\0\0\0"[..])] {
        for rest in [&b""[..], b"\0", b"\0\x01"] {
            let bytes = packet(0x10, &[start, empty, rest]);
            refuses(version, Client, bytes, Fault::Truncated, 0x81, "section 1.2");
        }
        for (rest, client_id) in [(&b"\0\0"[..], ""), (b"\0\x01c", "c")] {
            let bytes = packet(0x10, &[start, empty, rest]);
            assert_eq!(connect_fields(version, &bytes).client_id, client_id);
        }
    }
}

#[test]
fn mqtt311_3_1_3_4_mqtt5_3_1_3_4_the_client_identifier_is_a_string() {
    for (version, start, flags) in [(V3_1_1, MQTT311, &b"\x02\0\0"[..]), (V5_0, MQTT5, &b"\x02\0\0\0"[..])] {
        let with = |text: &[u8]| packet(0x10, &[start, flags, &field(text)]);
        for text in ILL_FORMED {
            refuses(version, Client, with(text), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
        }
        refuses(version, Client, with(b"a\0"), Fault::NulInString, 0x81, "MQTT-1.5.4-2");
        for text in WELL_FORMED {
            assert_eq!(connect_fields(version, &with(text.as_bytes())).client_id, text);
        }
    }
}

#[test]
fn mqtt311_3_1_3_10_mqtt5_3_1_3_11_the_will_topic_is_a_string() {
    for version in NUMBERED {
        let with = |text: &[u8]| connect(version, 0x06, &[no_properties(version), &field(text), b"\0\0"]);
        for text in ILL_FORMED {
            refuses(version, Client, with(text), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
        }
        refuses(version, Client, with(b"a\0"), Fault::NulInString, 0x81, "MQTT-1.5.4-2");
        for text in WELL_FORMED {
            let bytes = with(text.as_bytes());
            let will = connect_fields(version, &bytes).will.unwrap();
            assert_eq!(will.topic.as_bytes(), text.as_bytes());
        }
    }
}

#[test]
fn mqtt311_3_1_3_11_mqtt5_3_1_3_12_the_user_name_is_a_string_and_no_more() {
    for version in NUMBERED {
        let with = |text: &[u8]| connect(version, 0x86, &[will(version), &field(text)]);
        for text in ILL_FORMED {
            refuses(version, Client, with(text), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
        }
        refuses(version, Client, with(b"a\0"), Fault::NulInString, 0x81, "MQTT-1.5.4-2");
        for text in WELL_FORMED {
            assert_eq!(connect_fields(version, &with(text.as_bytes())).username, Some(text));
        }
        // Password and Will Payload are bytes.
        for any in ILL_FORMED.into_iter().chain([&b"\0"[..]]) {
            let fields = [no_properties(version), b"\0\x01w", &field(any), b"\0\x01u", &field(any)];
            let bytes = connect(version, 0xC6, &fields);
            let read = connect_fields(version, &bytes);
            assert_eq!((read.will.unwrap().payload, read.password), (any, Some(any)));
        }
    }
}

#[test]
fn mqtt311_3_1_4_1_mqtt5_3_1_4_1_what_answers_a_broken_connect() {
    // 5.0 may say why, and 3.1.1 says nothing.
    for version in NUMBERED {
        for bytes in [
            connect(version, 0x03, &[]),
            connect(version, 0x0A, &[]),
            connect(version, 0x22, &[]),
            connect(version, 0x1E, &[will(version)]),
            connect(version, 0x06, &[]),
            connect(version, 0x82, &[]),
            connect(version, 0x02, &[b"\0"]),
            connect(version, 0x82, &[b"\0\x01\xFF"]),
            connect(version, 0x06, &[no_properties(version), b"\0\x01#\0\0"]),
            [&b"\x11"[..], &connect(version, 0x02, &[])[1..]].concat(),
        ] {
            let error = decode(version, Client, &bytes).unwrap_err();
            let code = if error.fault() == Fault::InvalidTopicName { 0x90 } else { 0x81 };
            assert_eq!(error.connack_reason().code(), code, "{error}");
            assert_eq!(error.connack_return_code(), None, "{error}");
        }
        // The same without a fault.
        both_ways(version, Client, &connect(version, 0xE6, &[will(version), b"\0\x01u", b"\0\x01p"]));
    }
    for properties in [&b"\x21\0\0"[..], b"\x17\x02", b"\x22\0\0\x22\0\0", b"\x16\0\0"] {
        let bytes = packet(0x10, &[MQTT5, b"\x02\0\0", &set(properties), b"\0\x01c"]);
        assert_eq!(decode(V5_0, Client, &bytes).unwrap_err().connack_reason().code(), 0x82);
    }
    // An unknown level alone has a return code.
    let level = packet(0x10, &[b"\0\x04MQTT\x06\x02\0\0\0\0"]);
    let error = decode(V3_1_1, Client, &level).unwrap_err();
    assert_eq!((error.connack_reason().code(), error.connack_return_code()), (0x84, Some(1)));
}

// 3.2 CONNACK.

#[test]
fn mqtt5_3_2_2_1_the_flags_of_connack_are_session_present() {
    for version in NUMBERED {
        for flags in 0..=u8::MAX {
            let bytes = packet(0x20, &[&[flags, 0], no_properties(version)]);
            if flags > 1 {
                refuses(version, Server, bytes, Fault::ReservedConnackFlags, 0x81, "MQTT-3.2.2-1");
            } else {
                let Packet::Connack(connack) = both_ways(version, Server, &bytes) else {
                    panic!("a CONNACK")
                };
                assert_eq!(connack.session_present, flags == 1);
            }
        }
    }
}

#[test]
fn mqtt311_3_2_2_4_mqtt5_3_2_2_6_a_refusal_has_no_session_present() {
    for (version, codes) in
        [(V3_1_1, vec![1, 2, 3, 4, 5]), (V5_0, ConnackReason::ALL.iter().map(|code| code.code()).collect())]
    {
        for code in codes.into_iter().filter(|code| *code != 0) {
            let with = |flags| packet(0x20, &[&[flags, code], no_properties(version)]);
            refuses(version, Server, with(1), Fault::SessionPresentOnRefusal, 0x82, "MQTT-3.2.2-6");
            both_ways(version, Server, &with(0));
        }
        both_ways(version, Server, &packet(0x20, &[b"\x01\0", no_properties(version)]));
        for reason in ConnackReason::ALL.iter().filter(|reason| reason.is_error()) {
            let connack = Connack { session_present: true, ..Connack::new(*reason) };
            not_written(version, connack, EncodeError::SessionPresentOnRefusal);
        }
    }
}

/// Of all bytes at the place of a reason code these and no others are taken, and each is written as itself.
fn takes_codes(from: Side, codes: &[u8], bytes: impl Fn(u8) -> Vec<u8>) {
    for code in 0..=u8::MAX {
        let bytes = bytes(code);
        if codes.contains(&code) {
            both_ways(V5_0, from, &bytes);
        } else {
            let clause = match bytes[0] >> 4 {
                2 => "MQTT-3.2.2-8",
                4 => "MQTT-3.4.2-1",
                5 => "MQTT-3.5.2-1",
                6 => "MQTT-3.6.2-1",
                7 => "MQTT-3.7.2-1",
                9 => "MQTT-3.9.3-2",
                11 => "MQTT-3.11.3-2",
                14 => "MQTT-3.14.2-1",
                _ => "MQTT-3.15.2-1",
            };
            refuses(V5_0, from, bytes, Fault::InvalidReasonCode, 0x82, clause);
        }
    }
}

#[test]
fn mqtt5_3_2_2_8_the_codes_of_connack() {
    let codes = [
        0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99,
        0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
    ];
    takes_codes(Server, &codes, |code| packet(0x20, &[&[0, code, 0]]));
    assert!(ConnackReason::ALL.iter().map(|reason| reason.code()).eq(codes));
}

// 3.3 PUBLISH.

#[test]
fn mqtt311_3_3_1_2_mqtt5_3_3_1_2_dup_is_0_with_qos_0() {
    for version in NUMBERED {
        for from in [Client, Server] {
            for retain in [0, 1u8] {
                let with =
                    |first_byte: u8| packet(first_byte | retain, &[b"\0\x01a", no_properties(version)]);
                refuses(version, from, with(0x38), Fault::DupWithQoS0, 0x81, "MQTT-3.3.1-2");
                let bytes = with(0x30);
                let Packet::Publish(publish) = both_ways(version, from, &bytes) else { panic!("a PUBLISH") };
                assert!(!publish.delivery.dup());
            }
            for (first_byte, dup) in [(0x32, false), (0x3A, true), (0x34, false), (0x3C, true)] {
                let bytes = packet(first_byte, &[b"\0\x01a\0\x01", no_properties(version)]);
                let Packet::Publish(publish) = both_ways(version, from, &bytes) else { panic!("a PUBLISH") };
                assert_eq!(publish.delivery.dup(), dup);
            }
        }
    }
}

#[test]
fn mqtt311_3_3_1_4_mqtt5_3_3_1_4_the_qos_of_publish_is_0_to_2() {
    for version in NUMBERED {
        for from in [Client, Server] {
            for first_byte in [0x36, 0x37, 0x3E, 0x3F] {
                let bytes = packet(first_byte, &[b"\0\x01a\0\x01", no_properties(version)]);
                refuses(version, from, bytes, Fault::InvalidQoS, 0x81, "MQTT-3.3.1-4");
            }
            for qos in QoS::ALL {
                let id: &[u8] = if qos == QoS::AtMostOnce { b"" } else { b"\0\x01" };
                let bytes = packet(0x30 | qos.bits() << 1, &[b"\0\x01a", id, no_properties(version)]);
                let Packet::Publish(publish) = both_ways(version, from, &bytes) else { panic!("a PUBLISH") };
                assert_eq!(publish.delivery.qos(), qos);
            }
        }
    }
}

#[test]
fn mqtt311_3_3_2_1_mqtt5_3_3_2_1_publish_begins_with_its_topic_name() {
    for version in NUMBERED {
        for body in [&b""[..], b"\0", b"\0\x01", b"\0\x05a"] {
            refuses(version, Client, packet(0x30, &[body]), Fault::Truncated, 0x81, "section 1.2");
        }
        let with = |text: &[u8]| packet(0x32, &[&field(text), b"\0\x01", no_properties(version)]);
        for text in ILL_FORMED {
            refuses(version, Client, with(text), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
        }
        refuses(version, Server, with(b"a\0"), Fault::NulInString, 0x81, "MQTT-1.5.4-2");
        for text in WELL_FORMED {
            let bytes = with(text.as_bytes());
            let Packet::Publish(publish) = both_ways(version, Server, &bytes) else { panic!("a PUBLISH") };
            assert_eq!(publish.topic.unwrap().as_bytes(), text.as_bytes());
        }
    }
    // An empty one stands for its alias.
    let missing = packet(0x30, &[b"\0\0\0"]);
    refuses(V5_0, Client, missing, Fault::TopicNameMissing, 0x82, "MQTT-4.7.3-1");
    let missing = packet(0x30, &[b"\0\0", &set(b"\x01\x01")]);
    refuses(V5_0, Server, missing, Fault::TopicNameMissing, 0x82, "MQTT-4.7.3-1");
    let bytes = packet(0x30, &[b"\0\0", &set(b"\x23\0\x01")]);
    let Packet::Publish(publish) = both_ways(V5_0, Client, &bytes) else { panic!("a PUBLISH") };
    assert!(publish.topic.is_none());
    refuses(V3_1_1, Client, packet(0x30, &[b"\0\0"]), Fault::InvalidTopicName, 0x90, "");
    not_written(
        V5_0,
        Publish { properties: PublishProperties::EMPTY, ..publish },
        EncodeError::TopicNameMissing,
    );
}

#[test]
fn mqtt5_3_3_2_8_a_topic_alias_is_not_0() {
    for from in [Client, Server] {
        for topic in [&b"\0\x01a"[..], b"\0\0"] {
            let with = |alias: &[u8]| packet(0x30, &[topic, b"\x03\x23", alias]);
            refuses(V5_0, from, with(b"\0\0"), Fault::TopicAliasZero, 0x94, "MQTT-3.3.2-8");
            for alias in [1, 256, u16::MAX] {
                let bytes = with(&alias.to_be_bytes());
                let Packet::Publish(publish) = both_ways(V5_0, from, &bytes) else { panic!("a PUBLISH") };
                assert_eq!(publish.properties.topic_alias().map(u16::from), Some(alias));
            }
        }
    }
}

/// A string property of PUBLISH passes the checks of strings.
fn is_a_string_property(id: u8, read: for<'a> fn(&Publish<'a>) -> Vec<u8>) {
    let with = |text: &[u8]| publish_with(&[&[id], field(text).as_slice()].concat());
    for text in ILL_FORMED {
        refuses(V5_0, Client, with(text), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
        refuses(V5_0, Server, with(text), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
    }
    refuses(V5_0, Client, with(b"a\0"), Fault::NulInString, 0x81, "MQTT-1.5.4-2");
    refuses(V5_0, Client, publish_with(&[id, 0, 2, b'a']), Fault::Truncated, 0x81, "section 1.2");
    for text in WELL_FORMED {
        let bytes = with(text.as_bytes());
        let Packet::Publish(publish) = both_ways(V5_0, Client, &bytes) else { panic!("a PUBLISH") };
        assert_eq!(read(&publish), text.as_bytes());
    }
}

#[test]
fn mqtt5_3_3_2_13_the_response_topic_is_a_string() {
    is_a_string_property(0x08, |publish| publish.properties.response_topic().unwrap().as_bytes().to_vec());
}

#[test]
fn mqtt5_3_3_2_19_the_content_type_is_a_string() {
    is_a_string_property(0x03, |publish| publish.properties.content_type().unwrap().as_bytes().to_vec());
}

#[test]
fn mqtt5_3_3_4_6_a_client_sends_no_subscription_identifier() {
    for properties in [&b"\x0B\x01"[..], b"\x0B\x01\x0B\x02", b"\x01\x01\x0B\xFF\xFF\xFF\x7F"] {
        let bytes = publish_with(properties);
        let fault = Fault::SubscriptionIdentifierFromClient;
        refuses(V5_0, Client, &bytes, fault, 0x82, "MQTT-3.3.4-6");
        both_ways(V5_0, Server, &bytes);
    }
    both_ways(V5_0, Client, &publish_with(b"\x01\x01"));
}

// 3.4 to 3.7 PUBACK, PUBREC, PUBREL, PUBCOMP.

const PUBLISH_CODES: [u8; 9] = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const RELEASE_CODES: [u8; 2] = [0x00, 0x92];

/// The acknowledgement with a reason code and a Reason String, so that no form is shorter.
fn ack(first_byte: u8) -> impl Fn(u8) -> Vec<u8> {
    move |code| packet(first_byte, &[&[0, 1, code], b"\x04\x1F\0\x01r"])
}

#[test]
fn mqtt5_3_4_2_1_the_codes_of_puback() {
    takes_codes(Server, &PUBLISH_CODES, ack(0x40));
    takes_codes(Client, &PUBLISH_CODES.map(|code| if code == 0x10 { 0 } else { code }), ack(0x40));
    for reason in PublishReason::ALL {
        let puback = Puback { reason: *reason, ..Puback::new(PacketId::MIN) };
        assert_eq!(accepts(V5_0, Server, &written(V5_0, puback)), puback.into());
    }
    let puback = Puback { reason: PublishReason::NotAuthorized, ..Puback::new(PacketId::MIN) };
    let error = EncodeError::NotInVersion { field: "a reason code", version: V3_1_1 };
    not_written(V3_1_1, puback, error);
}

#[test]
fn mqtt5_3_5_2_1_the_codes_of_pubrec() {
    takes_codes(Server, &PUBLISH_CODES, ack(0x50));
    takes_codes(Client, &PUBLISH_CODES.map(|code| if code == 0x10 { 0 } else { code }), ack(0x50));
    for reason in PublishReason::ALL {
        let pubrec = Pubrec { reason: *reason, ..Pubrec::new(PacketId::MAX) };
        assert_eq!(accepts(V5_0, Server, &written(V5_0, pubrec)), pubrec.into());
    }
}

#[test]
fn mqtt311_3_6_1_1_mqtt5_3_6_1_1_the_first_byte_of_pubrel() {
    for version in NUMBERED {
        judges_flags(version, |first_byte| first_byte == 0x62);
        assert_eq!(written(version, Pubrel::new(PacketId::MIN)), b"\x62\x02\0\x01");
    }
}

#[test]
fn mqtt5_3_6_2_1_the_codes_of_pubrel() {
    for from in [Client, Server] {
        takes_codes(from, &RELEASE_CODES, ack(0x62));
        for reason in ReleaseReason::ALL {
            let pubrel = Pubrel { reason: *reason, ..Pubrel::new(PacketId::MIN) };
            assert_eq!(accepts(V5_0, from, &written(V5_0, pubrel)), pubrel.into());
        }
    }
}

#[test]
fn mqtt5_3_7_2_1_the_codes_of_pubcomp() {
    for from in [Client, Server] {
        takes_codes(from, &RELEASE_CODES, ack(0x70));
        for reason in ReleaseReason::ALL {
            let pubcomp = Pubcomp { reason: *reason, ..Pubcomp::new(PacketId::MAX) };
            assert_eq!(accepts(V5_0, from, &written(V5_0, pubcomp)), pubcomp.into());
        }
    }
}

// 3.8 to 3.11 SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK.

#[test]
fn mqtt311_3_8_1_1_mqtt5_3_8_1_1_the_first_byte_of_subscribe() {
    for version in NUMBERED {
        judges_flags(version, |first_byte| first_byte == 0x82);
    }
}

/// A Topic Filter in this packet, alone or behind another, passes the checks of strings.
fn is_a_list_of_strings(version: ProtocolVersion, first_byte: u8, options: &[u8]) {
    for before in [Vec::new(), [&b"\0\x01x"[..], options].concat()] {
        let with = |text: &[u8]| {
            packet(first_byte, &[b"\0\x01", no_properties(version), &before, &field(text), options])
        };
        for text in ILL_FORMED {
            refuses(version, Client, with(text), Fault::NotUtf8, 0x81, "MQTT-1.5.4-1");
        }
        refuses(version, Client, with(b"a\0"), Fault::NulInString, 0x81, "MQTT-1.5.4-2");
        for text in WELL_FORMED {
            let bytes = with(text.as_bytes());
            let filters: Vec<Vec<u8>> = match both_ways(version, Client, &bytes) {
                Packet::Subscribe(subscribe) => subscribe
                    .subscriptions
                    .iter()
                    .map(|(wanted, _)| wanted.filter().as_bytes().to_vec())
                    .collect(),
                Packet::Unsubscribe(unsubscribe) => {
                    unsubscribe.filters.iter().map(|wanted| wanted.filter().as_bytes().to_vec()).collect()
                }
                other => panic!("{other}"),
            };
            assert_eq!(filters.last().map(Vec::as_slice), Some(text.as_bytes()));
            assert_eq!(filters.len(), if before.is_empty() { 1 } else { 2 });
        }
    }
}

#[test]
fn mqtt311_3_8_3_1_mqtt5_3_8_3_1_the_filters_of_subscribe_are_strings() {
    for version in NUMBERED {
        is_a_list_of_strings(version, 0x82, b"\x01");
    }
}

#[test]
fn mqtt311_3_8_3_3_mqtt5_3_8_3_2_subscribe_has_a_filter() {
    for version in NUMBERED {
        let with = |entries: &[u8]| packet(0x82, &[b"\0\x01", no_properties(version), entries]);
        refuses(version, Client, with(b""), Fault::EmptyPayload, 0x82, "MQTT-3.8.3-2");
        // A filter alone is no pair.
        refuses(version, Client, with(b"\0\x01a"), Fault::Truncated, 0x81, "section 1.2");
        both_ways(version, Client, &with(b"\0\x01a\x02"));
        both_ways(version, Client, &with(b"\0\x01a\x02\0\x01b\0\0\x01a\x01"));
        let nothing = Subscribe::new(PacketId::MIN, Subscriptions::new(&[]));
        not_written(version, nothing, EncodeError::EmptyPayload);
    }
}

#[test]
fn mqtt5_3_8_3_5_reserved_bits_of_the_subscription_options() {
    let with = |options: u8| packet(0x82, &[b"\0\x01\0\0\x01a\0\0\x01b", &[options]]);
    for options in 0..=u8::MAX {
        let (qos, retain_handling) = (options & 3, options >> 4 & 3);
        if options & 0xC0 != 0 {
            let fault = Fault::ReservedSubscriptionOptions;
            refuses(V5_0, Client, with(options), fault, 0x81, "MQTT-3.8.3-5");
        } else if qos == 3 {
            let fault = Fault::InvalidSubscriptionQoS;
            refuses(V5_0, Client, with(options), fault, 0x82, "section 3.8.3.1");
        } else if retain_handling == 3 {
            let fault = Fault::InvalidRetainHandling;
            refuses(V5_0, Client, with(options), fault, 0x82, "section 3.8.3.1");
        } else {
            both_ways(V5_0, Client, &with(options));
        }
    }
}

#[test]
fn mqtt311_3_8_3_4_the_requested_qos_is_0_to_2() {
    for byte in 0..=u8::MAX {
        let bytes = packet(0x82, &[b"\0\x01\0\x01a\0\0\x01b", &[byte]]);
        match byte {
            0..=2 => {
                both_ways(V3_1_1, Client, &bytes);
            }
            3 => refuses(V3_1_1, Client, bytes, Fault::InvalidSubscriptionQoS, 0x82, ""),
            _ => refuses(V3_1_1, Client, bytes, Fault::ReservedSubscriptionOptions, 0x81, ""),
        }
    }
}

#[test]
fn mqtt311_3_9_3_2_the_codes_of_suback() {
    for code in 0..=u8::MAX {
        let bytes = packet(0x90, &[b"\0\x01\0", &[code]]);
        if matches!(code, 0..=2 | 0x80) {
            both_ways(V3_1_1, Server, &bytes);
        } else {
            refuses(V3_1_1, Server, bytes, Fault::InvalidReasonCode, 0x82, "");
        }
    }
    for reason in SubackReason::ALL {
        let codes = [*reason];
        let suback = Suback::new(PacketId::MIN, SubackReasons::new(&codes));
        if matches!(reason.code(), 0..=2 | 0x80) {
            assert_eq!(written(V3_1_1, suback), [0x90, 3, 0, 1, reason.code()]);
        } else {
            let error = EncodeError::NotInVersion { field: "this SUBACK code", version: V3_1_1 };
            not_written(V3_1_1, suback, error);
        }
    }
}

#[test]
fn mqtt5_3_9_3_2_the_codes_of_suback() {
    let codes = [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2];
    takes_codes(Server, &codes, |code| packet(0x90, &[&[0, 1, 0, code]]));
    takes_codes(Server, &codes, |code| packet(0x90, &[&[0, 1, 0, 0, code]]));
    assert!(SubackReason::ALL.iter().map(|reason| reason.code()).eq(codes));
}

#[test]
fn mqtt311_3_10_1_1_mqtt5_3_10_1_1_the_first_byte_of_unsubscribe() {
    for version in NUMBERED {
        judges_flags(version, |first_byte| first_byte == 0xA2);
    }
}

#[test]
fn mqtt311_3_10_3_1_mqtt5_3_10_3_1_the_filters_of_unsubscribe_are_strings() {
    for version in NUMBERED {
        is_a_list_of_strings(version, 0xA2, b"");
        // Nothing stands between them.
        let bytes = packet(0xA2, &[b"\0\x01", no_properties(version), b"\0\x01a\0\0\x01b"]);
        refuses(version, Client, bytes, Fault::InvalidTopicFilter, 0x8F, "MQTT-4.7.1-1");
    }
}

#[test]
fn mqtt311_3_10_3_2_mqtt5_3_10_3_2_unsubscribe_has_a_filter() {
    for version in NUMBERED {
        let with = |entries: &[u8]| packet(0xA2, &[b"\0\x01", no_properties(version), entries]);
        refuses(version, Client, with(b""), Fault::EmptyPayload, 0x82, "MQTT-3.10.3-2");
        both_ways(version, Client, &with(b"\0\x01a"));
        both_ways(version, Client, &with(b"\0\x01a\0\x03b/#\0\x01a"));
        let nothing = Unsubscribe::new(PacketId::MIN, TopicFilters::new(&[]));
        not_written(version, nothing, EncodeError::EmptyPayload);
    }
}

#[test]
fn mqtt5_3_11_3_2_the_codes_of_unsuback() {
    let codes = [0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91];
    takes_codes(Server, &codes, |code| packet(0xB0, &[&[0, 1, 0, code]]));
    takes_codes(Server, &codes, |code| packet(0xB0, &[&[0, 1, 0, 0x11, code]]));
    assert!(UnsubackReason::ALL.iter().map(|reason| reason.code()).eq(codes));
    // 3.1.1 has none.
    let codes = [UnsubackReason::Success];
    let unsuback = Unsuback::new(PacketId::MIN, UnsubackReasons::new(&codes));
    not_written(V3_1_1, unsuback, EncodeError::NotInVersion { field: "an UNSUBACK code", version: V3_1_1 });
}

// 3.14 DISCONNECT, 3.15 AUTH.

#[test]
fn mqtt311_3_14_1_1_mqtt5_3_14_1_1_the_first_byte_of_disconnect() {
    for version in NUMBERED {
        judges_flags(version, |first_byte| first_byte == 0xE0);
    }
}

#[test]
fn mqtt5_3_14_2_1_the_codes_of_disconnect() {
    let either = [0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
    // The specification contradicts itself on 8C and 9B: they are taken from either side.
    let of_a_client = [0x04, 0x8C, 0x9B];
    let of_a_server =
        [0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2];
    for (from, codes) in [(Client, &of_a_client[..]), (Server, &of_a_server)] {
        let codes = [&either, codes].concat();
        takes_codes(from, &codes.iter().copied().chain([0]).collect::<Vec<_>>(), |code| {
            packet(0xE0, &[&[code], b"\x04\x1F\0\x01r"])
        });
        for code in codes {
            both_ways(V5_0, from, &[0xE0, 1, code]);
            let reason = DisconnectReason::from_code(code).unwrap();
            let error = EncodeError::NotInVersion { field: "a reason code", version: V3_1_1 };
            not_written(V3_1_1, Disconnect::new(reason), error);
        }
        both_ways(V5_0, from, &[0xE0, 0]);
    }
}

#[test]
fn mqtt5_3_14_2_2_a_server_sends_no_session_expiry_interval() {
    for expiry in [&b"\0\0\0\0"[..], b"\0\0\0\x3C", b"\xFF\xFF\xFF\xFF"] {
        let bytes = packet(0xE0, &[b"\x80", &set(&[b"\x11", expiry].concat())]);
        refuses(V5_0, Server, &bytes, Fault::SessionExpiryFromServer, 0x82, "MQTT-3.14.2-2");
        both_ways(V5_0, Client, &bytes);
    }
    let values = [Property::ReasonString("r")];
    let properties = DisconnectProperties::new(&values).unwrap();
    let disconnect = Disconnect { properties, ..Disconnect::new(DisconnectReason::ServerBusy) };
    assert_eq!(accepts(V5_0, Server, &written(V5_0, disconnect)), disconnect.into());
}

#[test]
fn mqtt5_3_15_1_1_the_first_byte_of_auth() {
    judges_flags(V5_0, |first_byte| first_byte == 0xF0);
    // 3.1.1 has no AUTH.
    for from in [Client, Server] {
        let bytes = b"\xF0\x06\x18\x04\x15\0\x01m";
        refuses(V3_1_1, from, bytes, Fault::ReservedPacketType, 0x81, "section 2.1.2");
    }
}

#[test]
fn mqtt5_3_15_2_1_the_codes_of_auth() {
    let with = |code: u8| packet(0xF0, &[&[code], b"\x04\x15\0\x01m"]);
    takes_codes(Server, &[0x00, 0x18], with);
    takes_codes(Client, &[0x18, 0x19], with);
    let method = [Property::AuthenticationMethod("m")];
    let properties = AuthProperties::new(&method).unwrap();
    let auth = Auth { reason: AuthReason::ContinueAuthentication, properties };
    assert_eq!(written(V5_0, auth), with(0x18));
    not_written(V3_1_1, auth, EncodeError::NotInVersion { field: "AUTH", version: V3_1_1 });
}
