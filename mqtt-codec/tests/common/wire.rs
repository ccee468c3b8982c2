//! Packets put together byte by byte, so that no test relies on the encoder it tests.

#![allow(dead_code, reason = "every test file uses its own part")]

use mqtt_codec::{DecodeError, Decoder, Packet, ProtocolVersion, Side};

/// The start of a CONNECT up to the Connect Flags.
pub(crate) const MQTT31: &[u8] = b"\x00\x06MQIsdp\x03";
/// The start of a CONNECT up to the Connect Flags.
pub(crate) const MQTT311: &[u8] = b"\x00\x04MQTT\x04";
/// The start of a CONNECT up to the Connect Flags.
pub(crate) const MQTT5: &[u8] = b"\x00\x04MQTT\x05";

/// A Variable Byte Integer in its shortest form, after the pseudo-code of section 1.5.5.
pub(crate) fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(value % 128).unwrap();
        value /= 128;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 128);
    }
}

/// A whole packet with the right Remaining Length.
pub(crate) fn packet(first_byte: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[first_byte], varint(body.len()).as_slice(), &body].concat()
}

/// A property set with the right Property Length.
pub(crate) fn set(properties: &[u8]) -> Vec<u8> {
    [varint(properties.len()).as_slice(), properties].concat()
}

/// A string or Binary Data: two bytes of length and the content.
pub(crate) fn field(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

/// The decoder of the receiver of what `from` sends in `version`, behind the CONNECT.
pub(crate) fn decoder(version: ProtocolVersion, from: Side) -> Decoder {
    match from {
        Side::Client => Decoder::server().with_version(version),
        Side::Server => Decoder::client(version),
    }
}

/// Decodes the packet at the start of `bytes`; a Server that receives a CONNECT does not know the version yet.
pub(crate) fn decode(
    version: ProtocolVersion,
    from: Side,
    bytes: &[u8],
) -> Result<Option<(Packet<'_>, usize)>, DecodeError> {
    let is_connect = bytes.first().is_some_and(|byte| byte >> 4 == 1);
    if from == Side::Client && is_connect {
        Decoder::server().decode(bytes)
    } else {
        decoder(version, from).decode(bytes)
    }
}
