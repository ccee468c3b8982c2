//! One valid packet of every kind in every version: what is broken, cut and flipped in the tests, and what the fuzz
//! targets start from.

#![allow(dead_code, reason = "every test file uses its own part")]

use super::wire::{MQTT5, MQTT31, MQTT311, packet};
use mqtt_codec::{ProtocolVersion, Side};

/// A valid packet.
pub(crate) struct Sample {
    /// What it shows; a file name.
    pub(crate) name: &'static str,
    pub(crate) version: ProtocolVersion,
    /// The side that sends it.
    pub(crate) from: Side,
    pub(crate) bytes: Vec<u8>,
}

/// Every sample, in no order that matters.
pub(crate) fn corpus() -> Vec<Sample> {
    let mut samples = v3(ProtocolVersion::V3_1, MQTT31);
    samples.extend(v3(ProtocolVersion::V3_1_1, MQTT311));
    samples.extend(v3_1_quirks());
    samples.extend(v5_client());
    samples.extend(v5_server());
    samples.extend(v5_both());
    samples
}

fn sample(name: &'static str, version: ProtocolVersion, from: Side, bytes: Vec<u8>) -> Sample {
    Sample { name, version, from, bytes }
}

fn v3(version: ProtocolVersion, protocol: &[u8]) -> Vec<Sample> {
    let client = |name, bytes| sample(name, version, Side::Client, bytes);
    let server = |name, bytes| sample(name, version, Side::Server, bytes);
    vec![
        client("connect", packet(0x10, &[protocol, b"\x02\x00\x3C\x00\x01c"])),
        client(
            "connect_full",
            packet(
                0x10,
                &[protocol, b"\xEC\xFF\xFF\x00\x01c\x00\x03w/t\x00\x02\x00\xFF\x00\x01u\x00\x02\x80p"],
            ),
        ),
        server("connack", packet(0x20, &[b"\x00\x00"])),
        server("connack_refused", packet(0x20, &[b"\x00\x05"])),
        client("publish_qos0", packet(0x31, &[b"\x00\x03a/b", b"hello"])),
        client("publish_qos1", packet(0x32, &[b"\x00\x03a/b\x00\x01", b"hello"])),
        server("publish_qos2", packet(0x3D, &[b"\x00\x04$SYS\xFF\xFF"])),
        server("puback", packet(0x40, &[b"\x00\x01"])),
        server("pubrec", packet(0x50, &[b"\x00\x02"])),
        client("pubrel", packet(0x62, &[b"\x00\x02"])),
        server("pubcomp", packet(0x70, &[b"\x00\x02"])),
        client("subscribe", packet(0x82, &[b"\x00\x0A\x00\x03a/b\x01\x00\x01#\x02\x00\x02+/\x00"])),
        server("suback", packet(0x90, &[b"\x00\x0A\x00\x01\x02"])),
        client("unsubscribe", packet(0xA2, &[b"\x00\x0B\x00\x03a/b\x00\x01#"])),
        server("unsuback", packet(0xB0, &[b"\x00\x0B"])),
        client("pingreq", packet(0xC0, &[])),
        server("pingresp", packet(0xD0, &[])),
        client("disconnect", packet(0xE0, &[])),
    ]
}

fn v3_1_quirks() -> Vec<Sample> {
    let client = |name, bytes| sample(name, ProtocolVersion::V3_1, Side::Client, bytes);
    let server = |name, bytes| sample(name, ProtocolVersion::V3_1, Side::Server, bytes);
    vec![
        client("connect_flags_without_fields", packet(0x1F, &[MQTT31, b"\xFB\x00\x00\x00\x01c"])),
        server("connack_reserved_byte", packet(0x2F, &[b"\xFF\x00"])),
        client("publish_dup_qos0", packet(0x38, &[b"\x00\x01a"])),
        client("pubrel_dup", packet(0x6B, &[b"\x00\x01"])),
        client("subscribe_dup", packet(0x8A, &[b"\x00\x01\x00\x01a\xFD"])),
        server("suback_reserved_bits", packet(0x9F, &[b"\x00\x01\x80\xF2"])),
    ]
}

fn v5_client() -> Vec<Sample> {
    let client = |name, bytes| sample(name, ProtocolVersion::V5_0, Side::Client, bytes);
    vec![
        client("connect", packet(0x10, &[MQTT5, b"\x02\x00\x3C\x00\x00\x00"])),
        client(
            "connect_full",
            packet(
                0x10,
                &[
                    MQTT5,
                    b"\xF6\x00\x00\x24\x11\x00\x00\x0E\x10\x15\x00\x01m\x16\x00\x02\x00\xFF\x17\x00\x19\x01",
                    b"\x21\x00\x14\x22\x00\x0A\x26\x00\x01k\x00\x01v\x27\x00\x01\x00\x00",
                    b"\x00\x01c",
                    b"\x24\x01\x01\x02\x00\x00\x00\x3C\x03\x00\x01t\x08\x00\x01r\x09\x00\x01\xFF",
                    b"\x18\xFF\xFF\xFF\xFF\x26\x00\x00\x00\x00\x26\x00\x01a\x00\x01b",
                    b"\x00\x01w\x00\x00\x00\x01u\x00\x01\xFF",
                ],
            ),
        ),
        client("connect_password_only", packet(0x10, &[MQTT5, b"\x40\x00\x00\x00\x00\x00\x00\x01p"])),
        client("publish_alias", packet(0x30, &[b"\x00\x00\x03\x23\x00\x01", b"x"])),
        client("puback_no_error", packet(0x40, &[b"\x00\x01\x00\x00"])),
        client("subscribe", packet(0x82, &[b"\x00\x01\x00\x00\x01a\x00"])),
        client(
            "subscribe_full",
            packet(
                0x82,
                &[
                    b"\x00\x02\x0C\x0B\xFF\xFF\xFF\x7F\x26\x00\x01k\x00\x01v",
                    b"\x00\x01a\x2E\x00\x0A$share/g/+\x19",
                ],
            ),
        ),
        client("unsubscribe", packet(0xA2, &[b"\x00\x03\x00\x00\x0A$share/g/#\x00\x01a"])),
        client("unsubscribe_user", packet(0xA2, &[b"\x00\x03\x07\x26\x00\x01k\x00\x01v\x00\x01a"])),
        client("pingreq", packet(0xC0, &[])),
        client("disconnect_will", packet(0xE0, &[b"\x04"])),
        client("disconnect_expiry", packet(0xE0, &[b"\x00\x05\x11\x00\x00\x00\x3C"])),
        client("auth_again", packet(0xF0, &[b"\x19\x04\x15\x00\x01m"])),
    ]
}

fn v5_server() -> Vec<Sample> {
    let server = |name, bytes| sample(name, ProtocolVersion::V5_0, Side::Server, bytes);
    vec![
        server("connack", packet(0x20, &[b"\x01\x00\x00"])),
        server("connack_of_v3", packet(0x20, &[b"\x00\x01"])),
        server(
            "connack_full",
            packet(
                0x20,
                &[
                    b"\x00\x9D\x3C\x11\x00\x00\x00\x00\x12\x00\x01i\x13\x00\x3C\x15\x00\x01m\x16\x00\x01d",
                    b"\x1A\x00\x01/\x1C\x00\x01s\x1F\x00\x01r\x21\x00\x01\x22\x00\x00\x24\x01\x25\x00",
                    b"\x26\x00\x01k\x00\x01v\x27\x00\x00\x00\x80\x28\x00\x29\x00\x2A\x01",
                ],
            ),
        ),
        server(
            "publish_full",
            packet(
                0x3B,
                &[
                    b"\x00\x03a/b\x00\x07\x27\x01\x01\x02\x00\x00\x00\x3C\x03\x00\x01t\x08\x00\x01r\x09\x00\x01\x00",
                    b"\x0B\x01\x0B\x80\x01\x23\x00\x05\x26\x00\x01k\x00\x01v\x26\x00\x00\x00\x00",
                    b"payload",
                ],
            ),
        ),
        server("puback_no_matching", packet(0x40, &[b"\x00\x01\x10"])),
        server("suback", packet(0x90, &[b"\x00\x01\x00\x00\x01\x02\x80\xA2"])),
        server("suback_reason", packet(0x90, &[b"\x00\x01\x04\x1F\x00\x01r\x87"])),
        server("unsuback", packet(0xB0, &[b"\x00\x03\x00\x00\x11\x8F"])),
        server("pingresp", packet(0xD0, &[])),
        server("disconnect_moved", packet(0xE0, &[b"\x9D\x0C\x1C\x00\x02s2\x1F\x00\x04away"])),
        server("auth_success", packet(0xF0, &[b"\x00\x04\x15\x00\x01m"])),
    ]
}

fn v5_both() -> Vec<Sample> {
    let both = |name, bytes: Vec<u8>| {
        [Side::Client, Side::Server].map(|from| sample(name, ProtocolVersion::V5_0, from, bytes.clone()))
    };
    [
        both("publish_qos0", packet(0x30, &[b"\x00\x03a/b\x00", b"hello"])),
        both("publish_qos1", packet(0x33, &[b"\x00\x01a\x00\x01\x00", b"\xFF\x00"])),
        both("puback", packet(0x40, &[b"\x00\x01"])),
        both("pubrec_error", packet(0x50, &[b"\xFF\xFF\x97\x04\x1F\x00\x01r"])),
        both("pubrel", packet(0x62, &[b"\x00\x01"])),
        both("pubrel_not_found", packet(0x62, &[b"\x00\x01\x92"])),
        both("pubcomp_user", packet(0x70, &[b"\x00\x01\x00\x07\x26\x00\x01k\x00\x01v"])),
        both("disconnect", packet(0xE0, &[])),
        both("auth_continue", packet(0xF0, &[b"\x18\x08\x15\x00\x01m\x16\x00\x01d"])),
    ]
    .into_iter()
    .flatten()
    .collect()
}
