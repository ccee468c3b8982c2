//! Pingresp by hand: what the codec would not write.

use crate::manifest::Version;
use crate::script::{Scene, binary, packet, string};

/// The name and level that open a CONNECT of the version.
pub(super) fn protocol(version: Version) -> Vec<u8> {
    match version {
        Version::V5_0 => b"\x00\x04MQTT\x05".to_vec(),
        Version::V3_1_1 => b"\x00\x04MQTT\x04".to_vec(),
        Version::V3_1 => b"\x00\x06MQIsdp\x03".to_vec(),
    }
}

/// The length of no properties, where there are properties.
pub(super) const fn no_properties(version: Version) -> &'static [u8] {
    match version {
        Version::V5_0 => b"\x00",
        Version::V3_1_1 | Version::V3_1 => b"",
    }
}

/// A CONNECT with these flags and this payload; Keep Alive 0, no properties.
pub(super) fn connect(s: &Scene, flags: u8, payload: &[&[u8]]) -> Vec<u8> {
    let version = s.version();
    let head = [&protocol(version)[..], &[flags, 0, 0], no_properties(version)].concat();
    packet(0x10, &[head, payload.concat()].concat())
}

/// A PUBLISH with this first byte, topic and Packet Identifier.
pub(super) fn publish(s: &Scene, first_byte: u8, topic: &[u8], id: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let id = id.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default();
    let body = [&binary(topic)[..], &id, no_properties(s.version()), payload].concat();
    packet(first_byte, &body)
}

/// A SUBSCRIBE of some filters, each with its options.
pub(super) fn subscribe(s: &Scene, id: u16, filters: &[(&[u8], u8)]) -> Vec<u8> {
    let mut body = [&id.to_be_bytes()[..], no_properties(s.version())].concat();
    for (filter, options) in filters {
        body.extend_from_slice(&binary(filter));
        body.push(*options);
    }
    packet(0x82, &body)
}

/// An UNSUBSCRIBE of some filters.
pub(super) fn unsubscribe(s: &Scene, id: u16, filters: &[&[u8]]) -> Vec<u8> {
    let mut body = [&id.to_be_bytes()[..], no_properties(s.version())].concat();
    for filter in filters {
        body.extend_from_slice(&binary(filter));
    }
    packet(0xA2, &body)
}

/// A CONNECT under this name and level, with a Client Identifier of the scene.
pub(super) fn connect_as(s: &Scene, name: &str, level: u8) -> Vec<u8> {
    let client_id = string(&s.client_id("a"));
    let properties: &[u8] = if level == 5 { b"\x00" } else { b"" };
    packet(0x10, &[&string(name)[..], &[level, 2, 0, 0], properties, &client_id].concat())
}
