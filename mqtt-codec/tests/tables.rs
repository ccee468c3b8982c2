//! The tables of properties and reason codes of MQTT 5.0, tried in full: every entry, and everything that is no entry.

#[path = "common/wire.rs"]
mod wire;

use Side::{Client, Server};
use mqtt_codec::{
    Decoder, Fault, Packet, Property, PropertyError, PropertyId, ProtocolVersion, PublishProperties, Side,
    WillProperties,
};
use wire::{MQTT5, packet, set};

/// The types of properties (section 2.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// A byte of 0 or 1.
    Flag,
    U2,
    /// Two bytes, not 0.
    Positive2,
    U4,
    /// Four bytes, not 0.
    Positive4,
    VarInt,
    Text,
    /// A string that is not empty.
    Name,
    Binary,
    Pair,
}

const TABLE: [(u8, Kind); 27] = [
    (0x01, Kind::Flag),
    (0x02, Kind::U4),
    (0x03, Kind::Text),
    (0x08, Kind::Name),
    (0x09, Kind::Binary),
    (0x0B, Kind::VarInt),
    (0x11, Kind::U4),
    (0x12, Kind::Name),
    (0x13, Kind::U2),
    (0x15, Kind::Text),
    (0x16, Kind::Binary),
    (0x17, Kind::Flag),
    (0x18, Kind::U4),
    (0x19, Kind::Flag),
    (0x1A, Kind::Text),
    (0x1C, Kind::Text),
    (0x1F, Kind::Text),
    (0x21, Kind::Positive2),
    (0x22, Kind::U2),
    (0x23, Kind::Positive2),
    (0x24, Kind::Flag),
    (0x25, Kind::Flag),
    (0x26, Kind::Pair),
    (0x27, Kind::Positive4),
    (0x28, Kind::Flag),
    (0x29, Kind::Flag),
    (0x2A, Kind::Flag),
];

fn kind(id: u8) -> Option<Kind> {
    TABLE.iter().find(|(entry, _)| *entry == id).map(|(_, kind)| *kind)
}

/// A property with a value that is always right.
fn sample(id: u8) -> Vec<u8> {
    let value: &[u8] = match kind(id).unwrap() {
        Kind::Flag | Kind::VarInt => b"\x01",
        Kind::U2 | Kind::Positive2 => b"\x00\x01",
        Kind::U4 | Kind::Positive4 => b"\x00\x00\x00\x01",
        Kind::Text | Kind::Name | Kind::Binary => b"\x00\x01x",
        Kind::Pair => b"\x00\x01x\x00\x01y",
    };
    [&[id], value].concat()
}

/// A place where properties may stand.
struct Place {
    name: &'static str,
    from: Side,
    allowed: &'static [u8],
    repeatable: &'static [u8],
    /// The packet with these properties.
    packet: fn(&[u8]) -> Vec<u8>,
}

const ACK: &[u8] = &[0x1F, 0x26];
const PUBLISH: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26];

fn places() -> Vec<Place> {
    let place = |name, from, allowed, packet| Place { name, from, allowed, repeatable: &[0x26], packet };
    vec![
        place("CONNECT", Client, &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27], |properties| {
            packet(0x10, &[MQTT5, b"\x02\x00\x00", properties, b"\x00\x00"])
        }),
        place("Will", Client, &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26], |properties| {
            packet(0x10, &[MQTT5, b"\x06\x00\x00\x00\x00\x00", properties, b"\x00\x01w\x00\x00"])
        }),
        place(
            "CONNACK",
            Server,
            &[
                0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28,
                0x29, 0x2A,
            ],
            |properties| packet(0x20, &[b"\x00\x00", properties]),
        ),
        place("PUBLISH by a Client", Client, PUBLISH, |properties| {
            packet(0x30, &[b"\x00\x01a", properties, b"payload"])
        }),
        Place {
            allowed: &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26],
            repeatable: &[0x0B, 0x26],
            ..place("PUBLISH by a Server", Server, &[], |properties| {
                packet(0x32, &[b"\x00\x01a\x00\x01", properties])
            })
        },
        place("PUBACK", Client, ACK, |properties| packet(0x40, &[b"\x00\x01\x80", properties])),
        place("PUBREC", Server, ACK, |properties| packet(0x50, &[b"\x00\x01\x00", properties])),
        place("PUBREL", Client, ACK, |properties| packet(0x62, &[b"\x00\x01\x92", properties])),
        place("PUBCOMP", Server, ACK, |properties| packet(0x70, &[b"\x00\x01\x00", properties])),
        place("SUBSCRIBE", Client, &[0x0B, 0x26], |properties| {
            packet(0x82, &[b"\x00\x01", properties, b"\x00\x01a\x00"])
        }),
        place("SUBACK", Server, ACK, |properties| packet(0x90, &[b"\x00\x01", properties, b"\x00"])),
        place("UNSUBSCRIBE", Client, &[0x26], |properties| {
            packet(0xA2, &[b"\x00\x01", properties, b"\x00\x01a"])
        }),
        place("UNSUBACK", Server, ACK, |properties| packet(0xB0, &[b"\x00\x01", properties, b"\x00"])),
        place("DISCONNECT by a Client", Client, &[0x11, 0x1F, 0x26], |properties| {
            packet(0xE0, &[b"\x00", properties])
        }),
        place("DISCONNECT by a Server", Server, &[0x1C, 0x1F, 0x26], |properties| {
            packet(0xE0, &[b"\x00", properties])
        }),
        place("AUTH", Server, &[0x15, 0x16, 0x1F, 0x26], |properties| packet(0xF0, &[b"\x18", properties])),
    ]
}

/// `None`: the packet with these properties is valid.
fn fault(place: &Place, properties: &[u8]) -> Option<Fault> {
    let bytes = (place.packet)(&set(properties));
    match wire::decode(ProtocolVersion::V5_0, place.from, &bytes) {
        Ok(Some((_, len))) => {
            assert_eq!(len, bytes.len());
            None
        }
        Ok(None) => panic!("{} is not complete", place.name),
        Err(error) => Some(error.fault()),
    }
}

/// Properties that must stand beside `id`: the method beside its data, and in every AUTH.
fn beside(place: &Place, id: u8) -> Vec<u8> {
    if id != 0x15 && (id == 0x16 || place.name == "AUTH") { sample(0x15) } else { Vec::new() }
}

#[test]
fn every_property_is_known_by_its_identifier() {
    for id in 0..=u8::MAX {
        assert_eq!(PropertyId::from_id(id).map(PropertyId::id), kind(id).map(|_| id));
    }
    assert_eq!(PropertyId::ALL.len(), TABLE.len());
}

#[test]
fn every_place_takes_the_properties_of_its_table_and_no_other() {
    for place in places() {
        for id in 0..=0x7F {
            if kind(id).is_none() {
                assert_eq!(fault(&place, &[id, 0, 0, 0, 0]), Some(Fault::UnknownProperty), "{id:02X}");
                continue;
            }
            let properties = [beside(&place, id), sample(id)].concat();
            let expected = match (place.name, id) {
                (_, _) if place.allowed.contains(&id) => None,
                ("PUBLISH by a Client", 0x0B) => Some(Fault::SubscriptionIdentifierFromClient),
                ("DISCONNECT by a Server", 0x11) => Some(Fault::SessionExpiryFromServer),
                _ => Some(Fault::PropertyNotAllowed),
            };
            assert_eq!(fault(&place, &properties), expected, "{id:02X} in {}", place.name);
        }
    }
}

#[test]
fn every_property_but_two_may_stand_only_once() {
    for place in places() {
        for id in place.allowed.iter().copied() {
            let twice = [beside(&place, id), sample(id), sample(id)].concat();
            let expected = (!place.repeatable.contains(&id)).then_some(Fault::PropertyRepeated);
            assert_eq!(fault(&place, &twice), expected, "{id:02X} in {}", place.name);
            let others: Vec<u8> =
                place.allowed.iter().filter(|other| **other != id).flat_map(|id| sample(*id)).collect();
            let apart = [sample(id), others, sample(id)].concat();
            assert_eq!(fault(&place, &apart), expected, "{id:02X} in {}", place.name);
        }
    }
}

#[test]
fn all_properties_of_a_place_stand_together_in_any_order() {
    for place in places() {
        let mut ids = place.allowed.to_vec();
        for _ in 0..ids.len() {
            ids.rotate_left(1);
            let properties: Vec<u8> = ids.iter().flat_map(|id| sample(*id)).collect();
            assert_eq!(fault(&place, &properties), None, "{ids:02X?} in {}", place.name);
        }
    }
}

#[test]
fn a_property_cut_off_anywhere_is_truncated() {
    for place in places() {
        for id in place.allowed.iter().copied() {
            let whole = sample(id);
            for end in 1..whole.len() {
                let cut = [beside(&place, id), whole[..end].to_vec()].concat();
                assert_eq!(fault(&place, &cut), Some(Fault::Truncated), "{cut:02X?} in {}", place.name);
            }
        }
    }
}

#[test]
fn every_value_is_in_its_range_or_refused() {
    for place in places() {
        for id in place.allowed.iter().copied() {
            let with = |value: &[u8]| fault(&place, &[beside(&place, id), [&[id], value].concat()].concat());
            match kind(id).unwrap() {
                Kind::Flag => {
                    for value in 0..=u8::MAX {
                        let expected = (value > 1).then_some(Fault::PropertyValue);
                        assert_eq!(with(&[value]), expected, "{id:02X}={value} in {}", place.name);
                    }
                }
                Kind::U2 | Kind::Positive2 => {
                    let zero = match id {
                        0x23 => Some(Fault::TopicAliasZero),
                        0x21 => Some(Fault::PropertyValue),
                        _ => None,
                    };
                    assert_eq!(with(b"\x00\x00"), zero);
                    assert_eq!((with(b"\x00\x01"), with(b"\xFF\xFF")), (None, None));
                }
                kind @ (Kind::U4 | Kind::Positive4) => {
                    let zero = (kind == Kind::Positive4).then_some(Fault::PropertyValue);
                    assert_eq!(with(b"\x00\x00\x00\x00"), zero);
                    assert_eq!(with(b"\xFF\xFF\xFF\xFF"), None);
                }
                Kind::VarInt => {
                    assert_eq!(with(b"\x00"), Some(Fault::PropertyValue));
                    assert_eq!((with(b"\x01"), with(b"\xFF\xFF\xFF\x7F")), (None, None));
                    assert_eq!(with(b"\xFF\xFF\xFF\xFF"), Some(Fault::VariableByteIntegerTooLong));
                    assert_eq!(with(b"\x81\x00"), Some(Fault::VariableByteIntegerPadded));
                }
                Kind::Text | Kind::Binary => assert_eq!(with(b"\x00\x00"), None),
                Kind::Name => {
                    let empty = if id == 0x08 { Fault::InvalidResponseTopic } else { Fault::PropertyValue };
                    assert_eq!(with(b"\x00\x00"), Some(empty));
                }
                Kind::Pair => assert_eq!(with(b"\x00\x00\x00\x00"), None),
            }
        }
    }
}

#[test]
fn authentication_data_needs_a_method() {
    for place in places().iter().filter(|place| place.allowed.contains(&0x16)) {
        assert_eq!(
            fault(place, &sample(0x16)),
            Some(Fault::AuthenticationDataWithoutMethod),
            "{}",
            place.name
        );
        assert_eq!(fault(place, &[sample(0x16), sample(0x15)].concat()), None, "{}", place.name);
    }
}

#[test]
fn a_set_that_is_made_follows_the_same_rules() {
    let expiry = Property::MessageExpiryInterval(1);
    let not_allowed = |id| Some(PropertyError::NotAllowed(id));
    assert_eq!(
        PublishProperties::new(&[expiry, Property::ServerKeepAlive(1)]).err(),
        not_allowed(PropertyId::ServerKeepAlive)
    );
    assert_eq!(
        WillProperties::new(&[Property::SessionExpiryInterval(1)]).err(),
        not_allowed(PropertyId::SessionExpiryInterval)
    );
    let repeated = PropertyError::Repeated(PropertyId::MessageExpiryInterval);
    assert_eq!(PublishProperties::new(&[expiry, expiry]), Err(repeated));
    let too_long = "x".repeat(65_536);
    for value in ["\0", too_long.as_str()] {
        let error = PropertyError::Value(PropertyId::ContentType);
        assert_eq!(PublishProperties::new(&[Property::ContentType(value)]), Err(error));
        let error = PropertyError::Value(PropertyId::UserProperty);
        assert_eq!(PublishProperties::new(&[Property::UserProperty(("", value))]), Err(error));
        assert_eq!(PublishProperties::new(&[Property::UserProperty((value, ""))]), Err(error));
    }
    let error = PropertyError::Value(PropertyId::CorrelationData);
    assert_eq!(PublishProperties::new(&[Property::CorrelationData(too_long.as_bytes())]), Err(error));
    assert!(
        PublishProperties::new(&[Property::UserProperty(("a", "")), Property::UserProperty(("a", ""))])
            .is_ok()
    );
}

#[test]
fn every_packet_takes_the_reason_codes_of_its_table() {
    const CONNACK: &[u8] = &[
        0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99,
        0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
    ];
    const PUBLISH: &[u8] = &[0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
    const RELEASE: &[u8] = &[0x00, 0x92];
    const SUBACK: &[u8] = &[0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2];
    const UNSUBACK: &[u8] = &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91];
    const DISCONNECT: &[u8] = &[0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
    // 8C and 9B: the specification contradicts itself; they are taken from either side.
    const BY_CLIENT: &[u8] = &[0x04, 0x8C, 0x9B];
    const BY_SERVER: &[u8] =
        &[0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2];
    type Row = (&'static str, Side, &'static [u8], &'static [u8], fn(u8) -> Vec<u8>);
    let table: [Row; 16] = [
        ("CONNACK", Server, CONNACK, &[], |code| packet(0x20, &[&[0, code, 0]])),
        ("PUBACK", Server, PUBLISH, &[0x10], |code| packet(0x40, &[&[0, 1, code]])),
        ("PUBACK", Client, PUBLISH, &[], |code| packet(0x40, &[&[0, 1, code, 0]])),
        ("PUBREC", Server, PUBLISH, &[0x10], |code| packet(0x50, &[&[0, 1, code, 0]])),
        ("PUBREC", Client, PUBLISH, &[], |code| packet(0x50, &[&[0, 1, code]])),
        ("PUBREL", Server, RELEASE, &[], |code| packet(0x62, &[&[0, 1, code]])),
        ("PUBREL", Client, RELEASE, &[], |code| packet(0x62, &[&[0, 1, code, 0]])),
        ("PUBCOMP", Server, RELEASE, &[], |code| packet(0x70, &[&[0, 1, code]])),
        ("PUBCOMP", Client, RELEASE, &[], |code| packet(0x70, &[&[0, 1, code]])),
        ("SUBACK", Server, SUBACK, &[], |code| packet(0x90, &[&[0, 1, 0, 0, code]])),
        ("UNSUBACK", Server, UNSUBACK, &[], |code| packet(0xB0, &[&[0, 1, 0, 0, code]])),
        ("DISCONNECT", Client, DISCONNECT, BY_CLIENT, |code| packet(0xE0, &[&[code]])),
        ("DISCONNECT", Server, DISCONNECT, BY_SERVER, |code| packet(0xE0, &[&[code]])),
        ("DISCONNECT", Server, DISCONNECT, BY_SERVER, |code| packet(0xE0, &[&[code, 0]])),
        ("AUTH", Client, &[0x18, 0x19], &[], |code| packet(0xF0, &[&[code], b"\x04\x15\x00\x01m"])),
        ("AUTH", Server, &[0x00, 0x18], &[], |code| packet(0xF0, &[&[code], b"\x04\x15\x00\x01m"])),
    ];
    for (name, from, codes, more, bytes) in table {
        for code in 0..=u8::MAX {
            let bytes = bytes(code);
            let is_legal = codes.contains(&code) || more.contains(&code);
            match wire::decode(ProtocolVersion::V5_0, from, &bytes) {
                Ok(Some((packet, _))) => {
                    assert!(is_legal, "{packet}");
                    assert!(packet.to_string().contains(&format!("0x{code:02X}")) || code == 0, "{packet}");
                }
                other => {
                    assert_eq!(other.unwrap_err().fault(), Fault::InvalidReasonCode);
                    assert!(!is_legal, "{name} {code:02X} from {from:?}");
                }
            }
        }
    }
}

#[test]
fn mqtt5_3_8_3_5_every_subscription_options_byte() {
    for byte in 0..=u8::MAX {
        let bytes = packet(0x82, &[b"\x00\x01\x00\x00\x01a", &[byte]]);
        let expected = match (byte >> 6, byte & 0b11, byte >> 4 & 0b11) {
            (1.., _, _) => Some(Fault::ReservedSubscriptionOptions),
            (_, 3, _) => Some(Fault::InvalidSubscriptionQoS),
            (_, _, 3) => Some(Fault::InvalidRetainHandling),
            _ => None,
        };
        match Decoder::server().with_version(ProtocolVersion::V5_0).decode(&bytes) {
            Ok(Some((Packet::Subscribe(subscribe), _))) => {
                assert_eq!(expected, None);
                let (_, options) = subscribe.subscriptions.iter().next().unwrap();
                assert_eq!(options.qos.bits(), byte & 0b11);
                assert_eq!(options.no_local, byte & 0b100 != 0);
                assert_eq!(options.retain_as_published, byte & 0b1000 != 0);
                assert_eq!(options.retain_handling as u8, byte >> 4);
            }
            other => assert_eq!(Some(other.unwrap_err().fault()), expected, "{byte:02X}"),
        }
    }
}

#[test]
fn every_first_byte() {
    for version in ProtocolVersion::ALL {
        for from in [Client, Server] {
            for first in 0..=u8::MAX {
                let error = wire::decoder(version, from).decode(&[first, 0]).err().map(|error| error.fault());
                let (kind, flags) = (first >> 4, first & 0x0F);
                let is_v5 = version == ProtocolVersion::V5_0;
                let may_send = match kind {
                    1 | 8 | 10 | 12 => from == Client,
                    2 | 9 | 11 | 13 => from == Server,
                    14 => is_v5 || from == Client,
                    _ => true,
                };
                let expected_flags = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
                let has_legal_flags = match (kind, version) {
                    (3, _) => {
                        flags >> 1 & 0b11 != 3
                            && (flags != 8 && flags != 9 || version == ProtocolVersion::V3_1)
                    }
                    (6 | 8 | 10, ProtocolVersion::V3_1) => flags & 0b0110 == 2,
                    (_, ProtocolVersion::V3_1) => true,
                    _ => flags == expected_flags,
                };
                let expected = if kind == 0 || (kind == 15 && !is_v5) {
                    Some(Fault::ReservedPacketType)
                } else if !may_send {
                    Some(Fault::WrongDirection)
                } else if has_legal_flags {
                    // What is wrong now is the empty body.
                    match kind {
                        12..=14 => None,
                        15 => Some(Fault::AuthenticationMethodMissing),
                        _ => Some(Fault::Truncated),
                    }
                } else {
                    match (kind, flags) {
                        (3, 8 | 9) => Some(Fault::DupWithQoS0),
                        (3, _) => Some(Fault::InvalidQoS),
                        _ => Some(Fault::ReservedFlags),
                    }
                };
                assert_eq!(error, expected, "{first:02X} from {from:?} in {version}");
            }
        }
    }
}
