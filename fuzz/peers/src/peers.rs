//! How each peer is called: one complete packet in, its verdict out.

use flowsdk::mqtt_serde::control_packet::MqttPacket;
use flowsdk::mqtt_serde::parser::{ParseError, ParseOk};
use mqtt_proto::PollHeader;
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder, PacketData, RawPacket};
use mqtt_protocol_core::mqtt::packet;
use mqtt_protocol_core::mqtt::result_code::MqttError;
use ntex_codec::Decoder as _;

use crate::Verdict;
use crate::values::Values;

impl Values for MqttPacket {}
impl Values for packet::Packet {}

fn flowsdk(result: Result<ParseOk, ParseError>, len: usize) -> Verdict<MqttPacket> {
    match result {
        Ok(ParseOk::Packet(packet, consumed)) if consumed == len => Verdict::Accepts(packet),
        Ok(_) | Err(ParseError::More(..)) => Verdict::Misframes,
        Err(error) => Verdict::Refuses(format!("{error:?}")),
    }
}

pub(crate) fn flowsdk_v3(bytes: &[u8]) -> Verdict<MqttPacket> {
    flowsdk(MqttPacket::from_bytes_v3(bytes), bytes.len())
}

pub(crate) fn flowsdk_v5(bytes: &[u8]) -> Verdict<MqttPacket> {
    flowsdk(MqttPacket::from_bytes_v5(bytes), bytes.len())
}

/// Its buffer API, which keeps to the frame: a header, then the body.
fn mqtt_proto<H: PollHeader>(header: Result<H, H::Error>, bytes: &[u8]) -> Verdict<H::Packet>
where
    H::Error: core::fmt::Debug,
{
    let header = match header {
        Ok(header) => header,
        Err(error) => return Verdict::Refuses(format!("{error:?}")),
    };
    let body = &bytes[bytes.len() - header.remaining_len()..];
    if let Some(packet) = header.build_empty_packet() {
        return if body.is_empty() { Verdict::Accepts(packet) } else { Verdict::Refuses("not empty".into()) };
    }
    let mut offset = 0;
    match header.decode_buffer(body, &mut offset) {
        Ok(packet) if offset == body.len() => Verdict::Accepts(packet),
        Ok(_) => Verdict::Misframes,
        Err(error) => Verdict::Refuses(format!("{error:?}")),
    }
}

pub(crate) fn mqtt_proto_v3(bytes: &[u8]) -> Verdict<mqtt_proto::v3::Packet> {
    mqtt_proto(mqtt_proto::v3::Header::decode(bytes), bytes)
}

pub(crate) fn mqtt_proto_v5(bytes: &[u8]) -> Verdict<mqtt_proto::v5::Packet> {
    mqtt_proto(mqtt_proto::v5::Header::decode(bytes), bytes)
}

fn raw(bytes: &[u8]) -> Result<Option<RawPacket>, MqttError> {
    let mut cursor = Cursor::new(bytes);
    match PacketBuilder::new().feed(&mut cursor) {
        PacketBuildResult::Complete(raw) => Ok(Some(raw)),
        PacketBuildResult::Incomplete => Ok(None),
        PacketBuildResult::Error(error) => Err(error),
    }
}

macro_rules! mqtt_protocol_core {
    ($name:ident, $version:ident, { $($number:literal => $packet:ident),* $(,)? }) => {
        pub(crate) fn $name(bytes: &[u8]) -> Verdict<packet::Packet> {
            fn parse(raw: RawPacket) -> Result<packet::Packet, MqttError> {
                match (raw.packet_type(), &raw.data) {
                    (3, PacketData::Publish(body)) => {
                        Ok(packet::$version::Publish::parse(raw.flags(), body.clone())?.0.into())
                    }
                    $(($number, _) => Ok(raw.parse_exact(packet::$version::$packet::parse)?.into()),)*
                    _ => Err(MqttError::MalformedPacket),
                }
            }
            match raw(bytes).map(|raw| raw.map(parse)) {
                Ok(Some(Ok(packet))) => Verdict::Accepts(packet),
                Ok(None) => Verdict::Misframes,
                Ok(Some(Err(error))) | Err(error) => Verdict::Refuses(format!("{error:?}")),
            }
        }
    };
}

mqtt_protocol_core!(mqtt_protocol_core_v3, v3_1_1, {
    1 => Connect, 2 => Connack, 4 => Puback, 5 => Pubrec, 6 => Pubrel, 7 => Pubcomp, 8 => Subscribe,
    9 => Suback, 10 => Unsubscribe, 11 => Unsuback, 12 => Pingreq, 13 => Pingresp, 14 => Disconnect,
});
mqtt_protocol_core!(mqtt_protocol_core_v5, v5_0, {
    1 => Connect, 2 => Connack, 4 => Puback, 5 => Pubrec, 6 => Pubrel, 7 => Pubcomp, 8 => Subscribe,
    9 => Suback, 10 => Unsubscribe, 11 => Unsuback, 12 => Pingreq, 13 => Pingresp, 14 => Disconnect,
    15 => Auth,
});

macro_rules! ntex_mqtt {
    ($name:ident, $version:ident) => {
        pub(crate) mod $version {
            use ntex_mqtt::$version::codec;

            /// A packet, or a PUBLISH with its payload.
            #[derive(PartialEq)]
            pub(crate) enum Ntex {
                Packet(codec::Packet),
                Publish(codec::Publish, ntex_bytes::Bytes),
            }

            impl crate::values::Values for Ntex {}
        }

        pub(crate) fn $name(bytes: &[u8]) -> Verdict<$version::Ntex> {
            use ntex_mqtt::$version::codec::{Codec, Decoded};
            let mut input = ntex_bytes::BytesMut::with_capacity(bytes.len());
            input.extend_from_slice(bytes);
            let packet = match Codec::new().decode(&mut input) {
                Ok(Some(Decoded::Packet(packet, _))) => $version::Ntex::Packet(packet),
                Ok(Some(Decoded::Publish(publish, payload, _))) => $version::Ntex::Publish(publish, payload),
                Ok(_) => return Verdict::Misframes,
                Err(error) => return Verdict::Refuses(format!("{error:?}")),
            };
            if input.is_empty() { Verdict::Accepts(packet) } else { Verdict::Misframes }
        }
    };
}

ntex_mqtt!(ntex_mqtt_v3, v3);
ntex_mqtt!(ntex_mqtt_v5, v5);
