//! Every way a packet can break a rule, one test for each row of `common/malformed.rs`.

#[path = "common/wire.rs"]
mod wire;

use Side::{Client, Server};
use mqtt_codec::{Fault, PacketType, ProtocolVersion, Side};
use wire::{MQTT5, MQTT31, MQTT311, decode, packet, set};

/// `bytes` are refused with this fault, and no prefix of them is a packet.
fn refuse(versions: &[ProtocolVersion], from: Side, bytes: impl AsRef<[u8]>, fault: Fault, reason_code: u8) {
    let bytes = bytes.as_ref();
    for version in versions {
        let error = decode(*version, from, bytes).expect_err("a fault");
        assert_eq!(error.fault(), fault, "MQTT {version}: {error}");
        assert_eq!(fault.reason_code(), reason_code);
        assert_eq!(error.packet_type(), PacketType::from_bits(bytes[0] >> 4));
        assert!(error.offset() as usize <= bytes.len(), "{error}");
        assert!(!error.clause().is_empty() && !error.to_string().contains('\n'));
        for end in 0..bytes.len() {
            match decode(*version, from, &bytes[..end]) {
                Ok(None) => {}
                Err(early) => assert_eq!(early.fault(), fault, "the header is enough"),
                Ok(Some(packet)) => panic!("{packet:?} from {end} bytes"),
            }
        }
    }
}

macro_rules! malformed {
    ($($name:ident: $versions:ident $from:ident $bytes:expr => $fault:ident $code:literal;)+) => { $(
        #[test]
        fn $name() {
            refuse($versions, $from, $bytes, Fault::$fault, $code);
        }
    )+ };
}

include!("common/malformed.rs");

#[test]
fn mqtt5_3_1_4_1_a_broken_connect_is_refused_with_the_code_of_its_fault() {
    for (bytes, code) in [
        (connect5(0x03, b"\0\0\x01c"), 0x81),
        (connect5(0x02, b"\0\0\x01c\0"), 0x81),
        (connect_with(b"\x21\0\0"), 0x82),
        (connect5(0x06, b"\0\0\x01c\0\0\x01#\0\0"), 0x90),
        (p(0x10, b"\0\x04MQTT\x06"), 0x84),
        (p(0x10, b"\0\x04mqtt\x05"), 0x84),
    ] {
        let error = decode(ProtocolVersion::V5_0, Client, &bytes).unwrap_err();
        assert_eq!(error.connack_reason().code(), code, "{error}");
    }
}

#[test]
fn mqtt311_3_1_4_1_a_broken_connect_has_no_return_code_but_for_its_level() {
    for bytes in [connect311(0x03, b"\0\x01c"), connect311(0x02, b""), p(0x10, b"\0\x04mqtt\x04")] {
        let error = decode(ProtocolVersion::V3_1_1, Client, &bytes).unwrap_err();
        assert_eq!(error.connack_return_code(), None, "{error}");
    }
    let level = decode(ProtocolVersion::V3_1_1, Client, &p(0x10, b"\0\x04MQTT\x03")).unwrap_err();
    assert_eq!(level.connack_return_code(), Some(1));
}

#[test]
fn a_disconnect_carries_the_code_of_the_fault_where_it_may() {
    for (bytes, code) in [
        (b"\x00\x00".to_vec(), 0x81),
        (b"\x20\x03\x00\x00\x00".to_vec(), 0x82),
        (publish_with(b"\x23\0\0"), 0x94),
        (p(0x30, b"\0\x01#\0"), 0x90),
        (p(0x82, b"\0\x01\0\0\x02a#\0"), 0x8F),
        // A second CONNECT, of a version that does not exist: DISCONNECT has no 84.
        (p(0x10, b"\0\x04MQTT\x06"), 0x82),
    ] {
        let error = decode(ProtocolVersion::V5_0, Client, &bytes).unwrap_err();
        assert_eq!(error.disconnect_reason().code(), code, "{error}");
    }
}

#[test]
fn what_one_version_takes_another_may_refuse() {
    // Taken by 3.1, 3.1.1 and 5.0.
    let table: [(&str, Side, Vec<u8>, [bool; 3]); 11] = [
        ("a padded Remaining Length", Client, b"\xC0\x80\x00".to_vec(), [true, true, false]),
        ("DUP with QoS 0", Client, p(0x38, b"\0\x01a\0"), [true, false, false]),
        ("DUP on PUBREL", Client, p(0x6A, b"\0\x01"), [true, false, false]),
        ("flags of PINGRESP", Server, b"\xDF\x00".to_vec(), [true, false, false]),
        ("a reason code in PUBACK", Server, p(0x40, b"\0\x01\x80"), [false, false, true]),
        ("DISCONNECT by a Server", Server, b"\xE0\x00".to_vec(), [false, false, true]),
        ("a reason code in DISCONNECT", Client, p(0xE0, b"\x04"), [false, false, true]),
        ("AUTH", Client, auth_with(b"\x15\0\x01m"), [false, false, true]),
        ("CONNACK of two bytes", Server, p(0x20, b"\0\0"), [true, true, false]),
        ("CONNACK of two bytes that refuses the version", Server, p(0x20, b"\0\x01"), [true, true, true]),
        ("an UNSUBACK without codes", Server, p(0xB0, b"\0\x01"), [true, true, false]),
    ];
    for (name, from, bytes, taken) in table {
        for (version, is_taken) in ProtocolVersion::ALL.into_iter().zip(taken) {
            assert_eq!(decode(version, from, &bytes).is_ok(), is_taken, "{name} in {version}");
        }
    }
    let empty_topic_with_alias = p(0x30, b"\0\0\x03\x23\0\x01");
    assert!(decode(ProtocolVersion::V5_0, Client, &empty_topic_with_alias).is_ok());
    assert!(decode(ProtocolVersion::V3_1_1, Client, &empty_topic_with_alias).is_err());
    let shared = b"\0\x09$share/ab";
    assert!(decode(ProtocolVersion::V3_1_1, Client, &packet(0xA2, &[b"\0\x01", shared])).is_ok());
    assert!(decode(ProtocolVersion::V5_0, Client, &packet(0xA2, &[b"\0\x01\0", shared])).is_err());
    let options = p(0x82, b"\0\x01\0\0\x01a\x2C");
    assert!(decode(ProtocolVersion::V5_0, Client, &options).is_ok());
    assert!(decode(ProtocolVersion::V3_1_1, Client, &p(0x82, b"\0\x01\0\x01a\x2C")).is_err());
    let password_only = b"\0\x01c\0\x01p";
    assert!(
        decode(ProtocolVersion::V5_0, Client, &connect5(0x42, &[b"\0", &password_only[..]].concat())).is_ok()
    );
    assert!(decode(ProtocolVersion::V3_1_1, Client, &connect311(0x42, password_only)).is_err());
}

#[test]
fn an_error_says_what_where_and_by_which_clause() {
    let error = decode(ProtocolVersion::V5_0, Client, &publish_with(b"\x23\0\0")).unwrap_err();
    assert_eq!(error.to_string(), "PUBLISH: a Topic Alias of 0 at byte 9 [MQTT-3.3.2-8]");
    assert_eq!(error.offset(), 9);
    let before_payload = packet(0x30, &[b"\0\x01a", &set(b"\x23\0\0"), b"payload"]);
    let error = decode(ProtocolVersion::V5_0, Client, &before_payload).unwrap_err();
    assert_eq!(error.offset(), 9, "what is behind the property set has not been read");
    let error = decode(ProtocolVersion::V5_0, Client, &p(0x82, b"\0\x01\0\0\x01a\x40")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SUBSCRIBE: reserved Subscription Options are set at byte 8 [MQTT-3.8.3-5]"
    );
}
