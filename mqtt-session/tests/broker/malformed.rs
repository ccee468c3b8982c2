//! Input that is no MQTT: 5.0 is told why, 3.x is not; nothing is delivered, and the broker goes on.

use mqtt_session::codec::{ProtocolVersion, QoS};

use crate::harness::{V5_0, World};

/// By version, the reason 5.0 gives, 3.x with silence; `None` where the bytes are legal.
type Reasons = [Option<&'static str>; 3];

/// Bytes after CONNECT.
const CASES: &[(&str, &[u8], Reasons)] = &[
    ("reserved type", b"\x00\x00", MALFORMED),
    ("five bytes of length", b"\x30\xFF\xFF\xFF\xFF\x01", MALFORMED),
    ("QoS 3", b"\x36\x05\x00\x01a\x00\x01", MALFORMED),
    ("no identifier", b"\x32\x04\x00\x02ab", MALFORMED),
    ("identifier 0", b"\x32\x06\x00\x01a\x00\x00\x00", PROTOCOL_ERROR),
    ("topic past the end", b"\x30\x03\x00\x10a", MALFORMED),
    (
        "wildcard in the topic",
        b"\x30\x04\x00\x01+\x00",
        [Some(""), Some(""), Some("0x90 Topic Name invalid")],
    ),
    ("empty topic", b"\x30\x03\x00\x00\x00", PROTOCOL_ERROR),
    ("not UTF-8", b"\x30\x05\x00\x02\xC3\x28\x00", MALFORMED),
    ("U+0000 in the topic", b"\x30\x05\x00\x02a\x00\x00", MALFORMED),
    ("no options", b"\x82\x06\x00\x01\x00\x02ab", MALFORMED),
    ("no filter", b"\x82\x03\x00\x01\x00", PROTOCOL_ERROR_IN_5_0),
    (
        "invalid filter",
        b"\x82\x08\x00\x01\x00\x00\x02a#\x00",
        [Some(""), Some(""), Some("0x8F Topic Filter invalid")],
    ),
    ("option QoS 3", b"\x82\x07\x00\x01\x00\x00\x01a\x03", PROTOCOL_ERROR_IN_5_0),
    ("PUBREL flags", b"\x60\x02\x00\x01", MALFORMED),
    ("CONNACK to a server", b"\x20\x02\x00\x00", PROTOCOL_ERROR),
    ("SUBACK to a server", b"\x90\x03\x00\x01\x00", PROTOCOL_ERROR),
    ("PINGRESP to a server", b"\xD0\x00", PROTOCOL_ERROR),
    ("PINGREQ with a body", b"\xC0\x01\x00", MALFORMED),
    ("short PUBACK", b"\x40\x01\x00", MALFORMED),
    ("DUP with QoS 0", b"\x38\x04\x00\x01a\x00", [None, Some(""), Some("0x81 Malformed Packet")]),
];

const MALFORMED: Reasons = [Some(""), Some(""), Some("0x81 Malformed Packet")];
const PROTOCOL_ERROR: Reasons = [Some(""), Some(""), Some("0x82 Protocol Error")];
/// The layout is that of 5.0, and broken otherwise in 3.x.
const PROTOCOL_ERROR_IN_5_0: Reasons = PROTOCOL_ERROR;

#[test]
fn malformed_packets_end_the_connection() {
    for (index, version) in ProtocolVersion::ALL.into_iter().enumerate() {
        for (name, bytes, reasons) in CASES {
            let mut world = World::new();
            let bystander = world.connect(version, "bystander");
            world.subscribe(bystander, "#", QoS::AtMostOnce);
            let client = world.connect(version, "a");
            world.send_bytes(client, bytes);
            // Whatever comes behind is not looked at.
            world.send_bytes(client, b"\xC0\x00");
            match reasons[index] {
                None => assert!(world.is_open(client), "{version} {name}"),
                Some(reason) => {
                    let mut expected = vec!["CLOSED".to_owned()];
                    if version == V5_0 {
                        expected.insert(0, format!("DISCONNECT {reason}"));
                    }
                    assert_eq!(world.trace(client), expected, "{version} {name}");
                    world.expect(bystander, &[]);
                }
            }
            world.publish(bystander, "still", "", QoS::AtMostOnce);
            assert!(!world.trace(bystander).is_empty());
        }
    }
}

/// A 5.0 CONNECT that is broken is answered with the code, one of 3.x with silence [MQTT-3.1.4-1].
#[test]
fn malformed_connects_are_refused() {
    let cases: [(&str, ProtocolVersion, &[u8], &[&str]); 6] = [
        (
            "reserved flag",
            V5_0,
            b"\x10\x0E\x00\x04MQTT\x05\x03\x00\x00\x00\x00\x01a",
            &["CONNACK session_present=0 0x81 Malformed Packet", "CLOSED"],
        ),
        (
            "Will to a wildcard",
            V5_0,
            b"\x10\x14\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a\x00\x00\x01#\x00\x00",
            &["CONNACK session_present=0 0x90 Topic Name invalid", "CLOSED"],
        ),
        (
            "repeated property",
            V5_0,
            b"\x10\x14\x00\x04MQTT\x05\x02\x00\x00\x06\x21\x00\x01\x21\x00\x01\x00\x01a",
            &["CONNACK session_present=0 0x82 Protocol Error", "CLOSED"],
        ),
        (
            "reserved flag",
            ProtocolVersion::V3_1_1,
            b"\x10\x0D\x00\x04MQTT\x04\x03\x00\x00\x00\x01a",
            &["CLOSED"],
        ),
        (
            "trailing byte",
            ProtocolVersion::V3_1_1,
            b"\x10\x0E\x00\x04MQTT\x04\x02\x00\x00\x00\x01a!",
            &["CLOSED"],
        ),
        ("not a packet", V5_0, b"GET / HTTP/1.1\r\n", &["CLOSED"]),
    ];
    for (name, version, bytes, expected) in cases {
        let mut world = World::new();
        let client = world.open(version);
        world.send_bytes(client, bytes);
        assert_eq!(world.trace(client), expected, "{name}");
        assert_eq!((world.broker.session_count(), world.broker.poll_timeout()), (0, None));
    }
}
