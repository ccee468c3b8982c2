//! What is special about a valid packet: why a peer may see it differently.

use mqtt_codec::{DisconnectReason, Packet, PayloadFormat, ProtocolVersion, Publish, Will};

/// The names of everything that is special about `packet`, which was decoded from `bytes`.
pub(crate) fn of(packet: &Packet<'_>, version: ProtocolVersion, bytes: &[u8]) -> Vec<&'static str> {
    let header_len = 2 + bytes[1..].iter().take_while(|byte| **byte >= 0x80).count();
    let (header, body) = bytes.split_at(header_len);
    let mut traits = vec![];
    let mut when = |condition: bool, name| {
        if condition {
            traits.push(name);
        }
    };
    when(header_len > 2 && header[header_len - 1] == 0, "padded Remaining Length");
    match packet {
        Packet::Connect(connect) => {
            let fields = connect.fields();
            when(fields.client_id.is_empty(), "empty Client Identifier");
            when(
                fields.client_id.is_empty() && !fields.clean_start,
                "empty Client Identifier without Clean Session",
            );
            when(fields.client_id.len() > 23, "Client Identifier of more than 23 bytes");
            when(fields.username == Some(""), "empty User Name");
            when(fields.password == Some(b""), "empty Password");
            when(fields.password.is_some() && fields.username.is_none(), "Password without User Name");
            if let Some(will) = &fields.will {
                when(will.payload.is_empty(), "empty Will Payload");
                when(!is_promised_utf8_will(will), "Will Payload that is not UTF-8 as promised");
                when(will.topic.as_bytes().starts_with(b"$"), "Will Topic with $");
            }
        }
        Packet::Connack(_) => when(version == ProtocolVersion::V5_0 && body.len() == 2, "CONNACK of 3.1.1"),
        Packet::Publish(publish) => {
            let identifiers = publish.properties.subscription_identifiers().count();
            when(identifiers > 1, "several Subscription Identifiers");
            when(!is_promised_utf8(publish), "payload that is not UTF-8 as promised");
            when(publish.topic.is_none(), "Topic Alias alone");
        }
        Packet::Puback(_) | Packet::Pubrec(_) | Packet::Pubrel(_) | Packet::Pubcomp(_) => {
            when(body.len() == 3 && body[2] == 0, "Reason Code that could be left out");
            when(body.len() == 4, "Property Length that could be left out");
        }
        Packet::Disconnect(disconnect) => {
            when(body.len() == 1 && body[0] == 0, "Reason Code that could be left out");
            when(body.len() == 2, "Property Length that could be left out");
            let reason = disconnect.reason;
            when(reason == DisconnectReason::BadAuthenticationMethod, "DISCONNECT with 0x8C");
            when(reason == DisconnectReason::QoSNotSupported, "DISCONNECT with 0x9B");
        }
        _ => {}
    }
    traits
}

fn is_promised_utf8(publish: &Publish<'_>) -> bool {
    publish.properties.payload_format_indicator() != Some(PayloadFormat::Utf8)
        || core::str::from_utf8(publish.payload).is_ok()
}

fn is_promised_utf8_will(will: &Will<'_>) -> bool {
    will.properties.payload_format_indicator() != Some(PayloadFormat::Utf8)
        || core::str::from_utf8(will.payload).is_ok()
}
