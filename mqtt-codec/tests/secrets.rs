//! What may be a password, and what may be private, is not in `Debug` and `Display` output, on whatever way it is shown.

use core::fmt::{Debug, Display};

use bytes::{Bytes, BytesMut};
use mqtt_codec::{
    Auth, AuthProperties, AuthReason, Connack, ConnackProperties, ConnackReason, Connect, ConnectFields,
    ConnectProperties, Decoder, Frame, MessageProperties, Packet, PreparedPublish, Property, ProtocolVersion,
    Publish, StreamDecoder, Will, WillProperties,
};
use mqtt_topic::TopicName;

const SECRET: &[u8] = b"hunter2";

fn shown(value: &(impl Debug + ?Sized)) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains("hunter2"), "{text}");
        // Bytes as a list, in one line or in many.
        let digits: String =
            text.chars().map(|c| if c.is_ascii_digit() { c } else { ' ' }).collect::<String>();
        let numbers: Vec<_> = digits.split_whitespace().collect();
        assert!(!numbers.windows(3).any(|window| window == ["104", "117", "110"]), "{text}");
        assert!(!text.contains("0x68, 0x75") && !text.contains("68756e"), "{text}");
    }
}

fn shown_in_traces(value: &(impl Debug + Display + ?Sized)) {
    shown(value);
    let text = value.to_string();
    assert!(!text.contains("hunter2") && !text.contains("104"), "{text}");
}

fn frame<'a>(mut decoder: Decoder, packet: impl Into<Packet<'a>>) -> Frame {
    let mut bytes = BytesMut::new();
    packet.into().encode(ProtocolVersion::V5_0, &mut bytes).unwrap();
    decoder.decode_frame(&mut bytes).unwrap().unwrap()
}

#[test]
fn the_password_the_will_payload_and_the_authentication_data_of_connect() {
    let values = [Property::AuthenticationMethod("m"), Property::AuthenticationData(SECRET)];
    let will_values = [Property::CorrelationData(SECRET)];
    let will = Will {
        properties: WillProperties::new(&will_values).unwrap(),
        ..Will::new(TopicName::parse("w").unwrap(), SECRET)
    };
    let fields = ConnectFields {
        client_id: "c",
        username: Some("u"),
        password: Some(SECRET),
        will: Some(will),
        properties: ConnectProperties::new(&values).unwrap(),
        ..ConnectFields::default()
    };
    shown_in_traces(&fields);
    shown(&will);
    shown(&fields.properties);
    shown_in_traces(&fields.properties);
    shown(&fields.properties.iter());
    shown(&values);
    for value in &values {
        shown_in_traces(value);
    }
    shown_in_traces(&Connect::new(&fields));
    shown_in_traces(&Packet::from(Connect::new(&fields)));
    let frame = frame(Decoder::server(), Connect::new(&fields));
    shown_in_traces(&frame);
    shown_in_traces(&frame.detach());
    shown_in_traces(&frame.packet());
    let Packet::Connect(connect) = frame.packet() else { panic!("{frame}") };
    shown_in_traces(&connect);
    shown_in_traces(&connect.fields());
    shown(&connect.fields().will.unwrap());
    let message = MessageProperties::from_will(connect.fields().will.unwrap().properties, None);
    shown(&message);
    assert_eq!(format!("{message:?}"), "PublishProperties{Correlation Data=7 bytes}");
    // It was there all the time.
    assert_eq!(connect.fields().password, Some(SECRET));
    let text = format!("{frame:?}");
    assert!(text.contains("password: Some(***)"), "{text}");
    assert!(
        text.contains(r#"topic: TopicName("w")"#) && text.contains("payload: 7 bytes, qos: AtMostOnce"),
        "{text}"
    );
}

#[test]
fn the_authentication_data_of_connack_and_auth() {
    let values = [Property::AuthenticationMethod("m"), Property::AuthenticationData(SECRET)];
    let connack = Connack {
        properties: ConnackProperties::new(&values).unwrap(),
        ..Connack::new(ConnackReason::Success)
    };
    let auth = Auth {
        reason: AuthReason::ContinueAuthentication,
        properties: AuthProperties::new(&values).unwrap(),
    };
    shown_in_traces(&connack);
    shown_in_traces(&auth);
    for packet in [Packet::from(connack), auth.into()] {
        shown_in_traces(&packet);
        let frame = frame(Decoder::client(ProtocolVersion::V5_0), packet);
        shown_in_traces(&frame);
        shown_in_traces(&frame.packet());
    }
}

#[test]
fn the_payload_of_publish_whole_and_in_parts() {
    let publish = Publish::new(TopicName::parse("t").unwrap(), SECRET);
    let frame = frame(Decoder::client(ProtocolVersion::V5_0), publish);
    shown_in_traces(&publish);
    shown_in_traces(&Packet::from(publish));
    shown_in_traces(&frame);
    shown_in_traces(&frame.packet());
    for text in [format!("{publish:?}"), format!("{frame:?}")] {
        assert!(text.contains("payload: 7 bytes"), "{text}");
    }

    for largest_whole in [0, 1000] {
        let mut decoder = StreamDecoder::new(Decoder::client(ProtocolVersion::V5_0), 1000);
        decoder.stream_above(largest_whole);
        let mut input = &frame.bytes()[..];
        while let Some((event, len)) = decoder.decode(input).unwrap() {
            shown(&event);
            input = &input[len..];
        }
        assert!(input.is_empty());
    }
}

#[test]
fn an_error_does_not_quote_what_it_found() {
    let bytes = b"\x10\x1A\x00\x04MQTT\x05\xC3\x00\x00\x00\x00\x01c\x00\x01u\x00\x07hunter2";
    let error = Decoder::server().decode(bytes).unwrap_err();
    shown_in_traces(&error);
    let topic = Bytes::from_static(b"a/#/hunter2");
    shown(&TopicName::new(topic).unwrap_err());
}

#[test]
fn a_decoder_and_a_prepared_message_hold_nothing_to_show() {
    let mut decoder = Decoder::server();
    let _ = decoder.decode(b"\x10\x1A\x00\x04MQTT\x05\xC2\x00\x00\x00\x00\x01c\x00\x01u\x00\x07hunter2");
    shown(&decoder);
    let none = MessageProperties::default();
    let payload = Bytes::from_static(SECRET);
    let topic = TopicName::parse("t").unwrap();
    shown(&PreparedPublish::new(ProtocolVersion::V5_0, &topic, &none, payload).unwrap());
}
