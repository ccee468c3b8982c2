//! Bytes written by hand from the tables of the specification: what they mean, and that the same bytes come back.

#[path = "common/wire.rs"]
mod wire;

use core::num::{NonZeroU16, NonZeroU32};

use ProtocolVersion::{V3_1, V3_1_1, V5_0};
use Side::{Client, Server};
use mqtt_codec::{
    AckProperties, Auth, AuthProperties, AuthReason, Connack, ConnackProperties, ConnackReason, Connect,
    ConnectFields, ConnectProperties, Delivery, Disconnect, DisconnectProperties, DisconnectReason,
    EncodeError, Packet, PacketId, PayloadFormat, Property, ProtocolVersion, Puback, Pubcomp, Publish,
    PublishProperties, PublishReason, Pubrec, Pubrel, QoS, ReleaseReason, RetainHandling, Side, Suback,
    SubackReason, SubackReasons, Subscribe, SubscribeProperties, SubscriptionIdentifier, SubscriptionOptions,
    Subscriptions, TopicFilters, Unsuback, UnsubackReason, UnsubackReasons, Unsubscribe,
    UnsubscribeProperties, Will, WillProperties,
};
use mqtt_topic::{Subscription, TopicName};

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn topic(name: &str) -> TopicName<&[u8]> {
    TopicName::parse(name).unwrap()
}

fn identifier(id: u32) -> Property<'static> {
    Property::SubscriptionIdentifier(SubscriptionIdentifier::new(id).unwrap())
}

/// `bytes` mean `packet`.
fn decodes<'a>(version: ProtocolVersion, from: Side, bytes: &'a [u8], packet: impl Into<Packet<'a>>) {
    let packet = packet.into();
    assert_eq!(wire::decode(version, from, bytes), Ok(Some((packet, bytes.len()))), "MQTT {version}");
}

/// `bytes` mean `packet`, and `packet` is written as `bytes`.
fn both<'a>(version: ProtocolVersion, from: Side, bytes: &'a [u8], packet: impl Into<Packet<'a>>) {
    let packet = packet.into();
    decodes(version, from, bytes, packet);
    let mut out = Vec::new();
    packet.encode(version, &mut out).unwrap();
    assert_eq!(out, bytes, "{packet} in MQTT {version}");
    assert_eq!(packet.encoded_len(version), Ok(bytes.len()));
}

/// The same bytes in all three versions.
fn all<'a>(from: Side, bytes: &'a [u8], packet: impl Into<Packet<'a>>) {
    let packet = packet.into();
    for version in ProtocolVersion::ALL {
        both(version, from, bytes, packet);
    }
}

/// The same bytes in 3.1 and 3.1.1.
fn v3<'a>(from: Side, bytes: &'a [u8], packet: impl Into<Packet<'a>>) {
    let packet = packet.into();
    for version in [V3_1, V3_1_1] {
        both(version, from, bytes, packet);
    }
}

fn refused<'a>(version: ProtocolVersion, packet: impl Into<Packet<'a>>, error: EncodeError) {
    let mut out = Vec::new();
    let packet = packet.into();
    assert_eq!(packet.encode(version, &mut out), Err(error), "{packet} in MQTT {version}");
    assert_eq!(packet.encoded_len(version), Err(error));
    assert!(out.is_empty());
}

// CONNECT

#[test]
fn connect_with_everything_left_out() {
    let fields = ConnectFields { clean_start: true, ..ConnectFields::default() };
    let connect = Connect::new(&fields);
    both(V3_1_1, Client, b"\x10\x0C\x00\x04MQTT\x04\x02\x00\x00\x00\x00", connect);
    both(V5_0, Client, b"\x10\x0D\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00", connect);
    let fields = ConnectFields { client_id: "a", clean_start: false, keep_alive: 60, ..fields };
    let connect = Connect::new(&fields);
    both(V3_1, Client, b"\x10\x0F\x00\x06MQIsdp\x03\x00\x00\x3C\x00\x01a", connect);
    both(V3_1_1, Client, b"\x10\x0D\x00\x04MQTT\x04\x00\x00\x3C\x00\x01a", connect);
    both(V5_0, Client, b"\x10\x0E\x00\x04MQTT\x05\x00\x00\x3C\x00\x00\x01a", connect);
}

#[test]
fn mqtt311_3_1_3_1_mqtt5_3_1_3_1_connect_payload_order() {
    let will = Will { qos: QoS::AtLeastOnce, retain: true, ..Will::new(topic("w/t"), b"bye") };
    let fields = ConnectFields {
        client_id: "id",
        clean_start: true,
        keep_alive: 10,
        will: Some(will),
        username: Some("user"),
        password: Some(b"\x00\xFF"),
        ..ConnectFields::default()
    };
    let connect = Connect::new(&fields);
    let v3_1 =
        b"\x10\x24\x00\x06MQIsdp\x03\xEE\x00\x0A\x00\x02id\x00\x03w/t\x00\x03bye\x00\x04user\x00\x02\x00\xFF";
    both(V3_1, Client, v3_1, connect);
    let v3_1_1 =
        b"\x10\x22\x00\x04MQTT\x04\xEE\x00\x0A\x00\x02id\x00\x03w/t\x00\x03bye\x00\x04user\x00\x02\x00\xFF";
    both(V3_1_1, Client, v3_1_1, connect);
    let v5 =
        b"\x10\x24\x00\x04MQTT\x05\xEE\x00\x0A\x00\x00\x02id\x00\x00\x03w/t\x00\x03bye\x00\x04user\x00\x02\x00\xFF";
    both(V5_0, Client, v5, connect);
    assert_eq!(
        wire::decode(V5_0, Client, v5).unwrap().unwrap().0.to_string(),
        concat!(
            "CONNECT v5.0 \"id\" clean_start=1 keep_alive=10 will=[q1 retain=1 \"w/t\" 3 bytes]",
            " username=\"user\" password=***",
        )
    );
}

#[test]
fn connect_with_every_property() {
    let properties = [
        Property::SessionExpiryInterval(u32::MAX),
        Property::AuthenticationMethod("m"),
        Property::AuthenticationData(b"\x00"),
        Property::RequestProblemInformation(false),
        Property::RequestResponseInformation(true),
        Property::ReceiveMaximum(NonZeroU16::MAX),
        Property::TopicAliasMaximum(10),
        Property::UserProperty(("k", "v")),
        Property::UserProperty(("k", "")),
        Property::MaximumPacketSize(NonZeroU32::MIN),
    ];
    let of_will = [
        Property::PayloadFormatIndicator(PayloadFormat::Utf8),
        Property::MessageExpiryInterval(0),
        Property::ContentType("t"),
        Property::ResponseTopic(topic("r")),
        Property::CorrelationData(b"\xFF\xFE"),
        Property::WillDelayInterval(5),
        Property::UserProperty(("", "")),
    ];
    let will = Will {
        qos: QoS::ExactlyOnce,
        properties: WillProperties::new(&of_will).unwrap(),
        ..Will::new(topic("w"), b"")
    };
    let fields = ConnectFields {
        client_id: "",
        clean_start: false,
        keep_alive: u16::MAX,
        will: Some(will),
        properties: ConnectProperties::new(&properties).unwrap(),
        ..ConnectFields::default()
    };
    let bytes = wire::packet(0x10, &[
        b"\x00\x04MQTT\x05\x14\xFF\xFF",
        b"\x29\x11\xFF\xFF\xFF\xFF\x15\x00\x01m\x16\x00\x01\x00\x17\x00\x19\x01\x21\xFF\xFF\x22\x00\x0A",
        b"\x26\x00\x01k\x00\x01v\x26\x00\x01k\x00\x00\x27\x00\x00\x00\x01",
        b"\x00\x00",
        b"\x1E\x01\x01\x02\x00\x00\x00\x00\x03\x00\x01t\x08\x00\x01r\x09\x00\x02\xFF\xFE\x18\x00\x00\x00\x05",
        b"\x26\x00\x00\x00\x00",
        b"\x00\x01w\x00\x00",
    ]);
    both(V5_0, Client, &bytes, Connect::new(&fields));
    let Some((Packet::Connect(connect), _)) = wire::decode(V5_0, Client, &bytes).unwrap() else { panic!() };
    assert_eq!(connect.version(), Some(V5_0));
    let read = connect.fields();
    assert_eq!(read.properties.session_expiry_interval(), Some(u32::MAX));
    assert_eq!(read.properties.authentication_method(), Some("m"));
    assert_eq!(read.properties.authentication_data(), Some(&b"\x00"[..]));
    assert_eq!(read.properties.request_problem_information(), Some(false));
    assert_eq!(read.properties.request_response_information(), Some(true));
    assert_eq!(read.properties.receive_maximum(), Some(NonZeroU16::MAX));
    assert_eq!(read.properties.topic_alias_maximum(), Some(10));
    assert_eq!(read.properties.maximum_packet_size(), Some(NonZeroU32::MIN));
    assert_eq!(read.properties.user_properties().collect::<Vec<_>>(), [("k", "v"), ("k", "")]);
    let will = read.will.unwrap();
    assert_eq!(will.properties.payload_format_indicator(), Some(PayloadFormat::Utf8));
    assert_eq!(will.properties.message_expiry_interval(), Some(0));
    assert_eq!(will.properties.content_type(), Some("t"));
    assert_eq!(will.properties.response_topic(), Some(topic("r")));
    assert_eq!(will.properties.correlation_data(), Some(&b"\xFF\xFE"[..]));
    assert_eq!(will.properties.will_delay_interval(), Some(5));
    assert_eq!((will.payload, will.qos, will.retain), (&b""[..], QoS::ExactlyOnce, false));
}

#[test]
fn mqtt5_3_1_2_19_a_password_needs_no_user_name_in_5() {
    let fields = ConnectFields { password: Some(b""), clean_start: false, ..ConnectFields::default() };
    both(V5_0, Client, b"\x10\x0F\x00\x04MQTT\x05\x40\x00\x00\x00\x00\x00\x00\x00", Connect::new(&fields));
    refused(V3_1_1, Connect::new(&fields), EncodeError::PasswordWithoutUserName);
}

#[test]
fn an_empty_password_is_a_password() {
    let fields = ConnectFields { username: Some(""), password: Some(b""), ..ConnectFields::default() };
    let bytes = b"\x10\x10\x00\x04MQTT\x04\xC2\x00\x00\x00\x00\x00\x00\x00\x00";
    both(V3_1_1, Client, bytes, Connect::new(&fields));
    let Some((Packet::Connect(connect), _)) = wire::decode(V3_1_1, Client, bytes).unwrap() else { panic!() };
    assert_eq!((connect.fields().username, connect.fields().password), (Some(""), Some(&b""[..])));
}

#[test]
fn mqtt311_3_1_2_9_mqtt5_3_1_2_9_a_will_payload_may_be_empty() {
    let will = Will::new(topic("w"), b"");
    let fields = ConnectFields { client_id: "c", will: Some(will), ..ConnectFields::default() };
    both(
        V3_1_1,
        Client,
        b"\x10\x12\x00\x04MQTT\x04\x06\x00\x00\x00\x01c\x00\x01w\x00\x00",
        Connect::new(&fields),
    );
    both(
        V5_0,
        Client,
        b"\x10\x14\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01c\x00\x00\x01w\x00\x00",
        Connect::new(&fields),
    );
}

// CONNACK

#[test]
fn connack() {
    let connack = Connack { session_present: true, ..Connack::new(ConnackReason::Success) };
    both(V3_1_1, Server, b"\x20\x02\x01\x00", connack);
    both(V5_0, Server, b"\x20\x03\x01\x00\x00", connack);
    v3(Server, b"\x20\x02\x00\x00", Connack::new(ConnackReason::Success));
    let codes = [
        (b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", ConnackReason::UnsupportedProtocolVersion),
        (b"\x20\x02\x00\x02", b"\x20\x03\x00\x85\x00", ConnackReason::ClientIdentifierNotValid),
        (b"\x20\x02\x00\x03", b"\x20\x03\x00\x88\x00", ConnackReason::ServerUnavailable),
        (b"\x20\x02\x00\x04", b"\x20\x03\x00\x86\x00", ConnackReason::BadUserNameOrPassword),
        (b"\x20\x02\x00\x05", b"\x20\x03\x00\x87\x00", ConnackReason::NotAuthorized),
    ];
    for (in_v3, in_v5, reason) in codes {
        v3(Server, in_v3, Connack::new(reason));
        both(V5_0, Server, in_v5, Connack::new(reason));
    }
}

#[test]
fn a_5_0_reason_code_becomes_the_3_x_return_code_of_the_same_meaning() {
    let table = [
        (1, &[0x84][..]),
        (2, &[0x85]),
        (3, &[0x88, 0x89, 0x97, 0x9C, 0x9D, 0x9F]),
        (4, &[0x86]),
        (5, &[0x87, 0x8A, 0x8C]),
    ];
    for reason in ConnackReason::ALL.iter().copied().filter(|reason| reason.is_error()) {
        let expected = table.iter().find(|(_, codes)| codes.contains(&reason.code())).map(|(code, _)| *code);
        let mut out = Vec::new();
        match (expected, Connack::new(reason).encode(V3_1_1, &mut out)) {
            (Some(code), Ok(())) => assert_eq!(out, [0x20, 2, 0, code]),
            (None, Err(EncodeError::NotInVersion { version: V3_1_1, .. })) => assert!(out.is_empty()),
            other => panic!("{reason}: {other:?}"),
        }
    }
}

#[test]
fn connack_of_a_server_without_5_0_refuses_the_version() {
    decodes(V5_0, Server, b"\x20\x02\x00\x01", Connack::new(ConnackReason::UnsupportedProtocolVersion));
}

#[test]
fn connack_with_every_property() {
    let properties = [
        Property::SessionExpiryInterval(0),
        Property::AssignedClientIdentifier("id"),
        Property::ServerKeepAlive(0),
        Property::AuthenticationMethod(""),
        Property::AuthenticationData(b""),
        Property::ResponseInformation("i"),
        Property::ServerReference("s"),
        Property::ReasonString("r"),
        Property::ReceiveMaximum(NonZeroU16::MIN),
        Property::TopicAliasMaximum(u16::MAX),
        Property::MaximumQoS(QoS::AtLeastOnce),
        Property::RetainAvailable(false),
        Property::UserProperty(("k", "v")),
        Property::MaximumPacketSize(NonZeroU32::MAX),
        Property::WildcardSubscriptionAvailable(false),
        Property::SubscriptionIdentifierAvailable(false),
        Property::SharedSubscriptionAvailable(true),
    ];
    let connack = Connack {
        session_present: false,
        reason: ConnackReason::UseAnotherServer,
        properties: ConnackProperties::new(&properties).unwrap(),
    };
    let bytes = wire::packet(0x20, &[
        b"\x00\x9C\x3B\x11\x00\x00\x00\x00\x12\x00\x02id\x13\x00\x00\x15\x00\x00\x16\x00\x00\x1A\x00\x01i",
        b"\x1C\x00\x01s\x1F\x00\x01r\x21\x00\x01\x22\xFF\xFF\x24\x01\x25\x00\x26\x00\x01k\x00\x01v",
        b"\x27\xFF\xFF\xFF\xFF\x28\x00\x29\x00\x2A\x01",
    ]);
    both(V5_0, Server, &bytes, connack);
    let Some((Packet::Connack(connack), _)) = wire::decode(V5_0, Server, &bytes).unwrap() else { panic!() };
    let properties = connack.properties;
    assert_eq!(properties.session_expiry_interval(), Some(0));
    assert_eq!(properties.assigned_client_identifier(), Some("id"));
    assert_eq!(properties.server_keep_alive(), Some(0));
    assert_eq!(properties.authentication_method(), Some(""));
    assert_eq!(properties.authentication_data(), Some(&b""[..]));
    assert_eq!(properties.response_information(), Some("i"));
    assert_eq!(properties.server_reference(), Some("s"));
    assert_eq!(properties.reason_string(), Some("r"));
    assert_eq!(properties.receive_maximum(), Some(NonZeroU16::MIN));
    assert_eq!(properties.topic_alias_maximum(), Some(u16::MAX));
    assert_eq!(properties.maximum_qos(), Some(QoS::AtLeastOnce));
    assert_eq!(properties.retain_available(), Some(false));
    assert_eq!(properties.maximum_packet_size(), Some(NonZeroU32::MAX));
    assert_eq!(properties.wildcard_subscription_available(), Some(false));
    assert_eq!(properties.subscription_identifier_available(), Some(false));
    assert_eq!(properties.shared_subscription_available(), Some(true));
}

// PUBLISH

#[test]
fn mqtt311_2_3_1_5_mqtt5_2_2_1_2_a_qos_0_publish_has_no_packet_identifier() {
    let publish = Publish::new(topic("a/b"), b"\x00\x01");
    v3(Client, b"\x30\x07\x00\x03a/b\x00\x01", publish);
    both(V5_0, Client, b"\x30\x08\x00\x03a/b\x00\x00\x01", publish);
}

#[test]
fn publish_flags() {
    let at = |delivery, retain| Publish { delivery, retain, ..Publish::new(topic("a"), b"") };
    let once = |dup| Delivery::AtLeastOnce { packet_id: id(1), dup };
    let exactly = |dup| Delivery::ExactlyOnce { packet_id: id(0x1234), dup };
    v3(Server, b"\x31\x03\x00\x01a", at(Delivery::AtMostOnce, true));
    v3(Server, b"\x32\x05\x00\x01a\x00\x01", at(once(false), false));
    v3(Server, b"\x3B\x05\x00\x01a\x00\x01", at(once(true), true));
    v3(Server, b"\x34\x05\x00\x01a\x12\x34", at(exactly(false), false));
    v3(Server, b"\x3D\x05\x00\x01a\x12\x34", at(exactly(true), true));
    both(V5_0, Server, b"\x31\x04\x00\x01a\x00", at(Delivery::AtMostOnce, true));
    both(V5_0, Server, b"\x3A\x06\x00\x01a\x00\x01\x00", at(once(true), false));
    both(V5_0, Server, b"\x3C\x06\x00\x01a\x12\x34\x00", at(exactly(true), false));
}

#[test]
fn publish_with_every_property_and_several_subscription_identifiers() {
    let properties = [
        Property::PayloadFormatIndicator(PayloadFormat::Bytes),
        Property::MessageExpiryInterval(60),
        Property::ContentType("text/plain"),
        Property::ResponseTopic(topic("r/t")),
        Property::CorrelationData(b"\x00"),
        identifier(1),
        identifier(127),
        identifier(128),
        identifier(16_384),
        identifier(268_435_455),
        identifier(1),
        Property::TopicAlias(NonZeroU16::MAX),
        Property::UserProperty(("n", "1")),
        Property::UserProperty(("n", "2")),
    ];
    let publish = Publish {
        properties: PublishProperties::new(&properties).unwrap(),
        ..Publish::new(topic("a"), b"payload")
    };
    let set = wire::set(
        &[
            &b"\x01\x00\x02\x00\x00\x00\x3C\x03\x00\x0Atext/plain\x08\x00\x03r/t\x09\x00\x01\x00"[..],
            b"\x0B\x01\x0B\x7F\x0B\x80\x01\x0B\x80\x80\x01\x0B\xFF\xFF\xFF\x7F\x0B\x01\x23\xFF\xFF",
            b"\x26\x00\x01n\x00\x011\x26\x00\x01n\x00\x012",
        ]
        .concat(),
    );
    let bytes = wire::packet(0x30, &[b"\x00\x01a", &set, b"payload"]);
    both(V5_0, Server, &bytes, publish);
    let Some((Packet::Publish(publish), _)) = wire::decode(V5_0, Server, &bytes).unwrap() else { panic!() };
    let identifiers: Vec<_> =
        publish.properties.subscription_identifiers().map(SubscriptionIdentifier::get).collect();
    assert_eq!(identifiers, [1, 127, 128, 16_384, 268_435_455, 1]);
    assert_eq!(publish.properties.user_properties().collect::<Vec<_>>(), [("n", "1"), ("n", "2")]);
    assert_eq!(publish.properties.payload_format_indicator(), Some(PayloadFormat::Bytes));
    assert_eq!(publish.properties.message_expiry_interval(), Some(60));
    assert_eq!(publish.properties.content_type(), Some("text/plain"));
    assert_eq!(publish.properties.response_topic(), Some(topic("r/t")));
    assert_eq!(publish.properties.correlation_data(), Some(&b"\x00"[..]));
    assert_eq!(publish.properties.topic_alias(), Some(NonZeroU16::MAX));
}

#[test]
fn mqtt5_3_3_2_1_an_empty_topic_name_stands_for_its_alias() {
    let properties = [Property::TopicAlias(NonZeroU16::MIN)];
    let properties = PublishProperties::new(&properties).unwrap();
    let publish = Publish { topic: None, properties, ..Publish::new(topic("x"), b"") };
    both(V5_0, Client, b"\x30\x06\x00\x00\x03\x23\x00\x01", publish);
    let delivery = Delivery::AtLeastOnce { packet_id: id(9), dup: false };
    both(V5_0, Client, b"\x32\x08\x00\x00\x00\x09\x03\x23\x00\x01", Publish { delivery, ..publish });
    refused(V5_0, Publish { properties: PublishProperties::EMPTY, ..publish }, EncodeError::TopicNameMissing);
    refused(V3_1_1, publish, EncodeError::NotInVersion { field: "a property", version: V3_1_1 });
}

#[test]
fn a_remaining_length_has_one_to_four_bytes() {
    let payload = vec![0x5A; 2_097_152];
    for (remaining_length, header) in [
        (127, &b"\x30\x7F"[..]),
        (128, b"\x30\x80\x01"),
        (16_383, b"\x30\xFF\x7F"),
        (16_384, b"\x30\x80\x80\x01"),
        (2_097_151, b"\x30\xFF\xFF\x7F"),
        (2_097_152, b"\x30\x80\x80\x80\x01"),
    ] {
        let payload = &payload[..remaining_length - 3];
        v3(Client, &[header, b"\x00\x01a", payload].concat(), Publish::new(topic("a"), payload));
        let in_v5 = &payload[1..];
        both(V5_0, Client, &[header, b"\x00\x01a\x00", in_v5].concat(), Publish::new(topic("a"), in_v5));
    }
}

#[test]
fn a_3_x_remaining_length_may_be_padded() {
    for version in [V3_1, V3_1_1] {
        decodes(version, Client, b"\xC0\x80\x00", Packet::Pingreq);
        decodes(version, Client, b"\xC0\x80\x80\x80\x00", Packet::Pingreq);
        decodes(version, Client, b"\x30\x84\x80\x00\x00\x01ax", Publish::new(topic("a"), b"x"));
    }
    let fields = ConnectFields { client_id: "a", clean_start: false, ..ConnectFields::default() };
    decodes(V3_1_1, Client, b"\x10\x8D\x00\x00\x04MQTT\x04\x00\x00\x00\x00\x01a", Connect::new(&fields));
}

// PUBACK, PUBREC, PUBREL, PUBCOMP

#[test]
fn acknowledgements_in_their_shortest_form() {
    all(Server, b"\x40\x02\x00\x01", Puback::new(id(1)));
    all(Client, b"\x50\x02\xFF\xFF", Pubrec::new(PacketId::MAX));
    all(Server, b"\x62\x02\x00\x0A", Pubrel::new(id(10)));
    all(Client, b"\x70\x02\x01\x00", Pubcomp::new(id(256)));
}

#[test]
fn acknowledgements_with_a_reason_code() {
    let reason = PublishReason::QuotaExceeded;
    both(V5_0, Client, b"\x40\x03\x00\x01\x97", Puback { reason, ..Puback::new(id(1)) });
    both(V5_0, Client, b"\x50\x03\x00\x01\x97", Pubrec { reason, ..Pubrec::new(id(1)) });
    let reason = PublishReason::NoMatchingSubscribers;
    both(V5_0, Server, b"\x40\x03\x00\x01\x10", Puback { reason, ..Puback::new(id(1)) });
    let reason = ReleaseReason::PacketIdentifierNotFound;
    both(V5_0, Server, b"\x62\x03\x00\x01\x92", Pubrel { reason, ..Pubrel::new(id(1)) });
    both(V5_0, Server, b"\x70\x03\x00\x01\x92", Pubcomp { reason, ..Pubcomp::new(id(1)) });
    let field = "a reason code";
    let pubcomp = Pubcomp { reason, ..Pubcomp::new(id(1)) };
    refused(V3_1_1, pubcomp, EncodeError::NotInVersion { field, version: V3_1_1 });
    refused(V3_1, pubcomp, EncodeError::NotInVersion { field, version: V3_1 });
}

#[test]
fn acknowledgements_in_longer_forms_than_needed() {
    decodes(V5_0, Client, b"\x40\x03\x00\x01\x00", Puback::new(id(1)));
    decodes(V5_0, Client, b"\x50\x04\x00\x01\x00\x00", Pubrec::new(id(1)));
    decodes(V5_0, Client, b"\x62\x04\x00\x01\x00\x00", Pubrel::new(id(1)));
    let reason = ReleaseReason::PacketIdentifierNotFound;
    decodes(V5_0, Client, b"\x70\x04\x00\x01\x92\x00", Pubcomp { reason, ..Pubcomp::new(id(1)) });
}

#[test]
fn acknowledgements_with_properties() {
    let properties = [Property::ReasonString("r"), Property::UserProperty(("k", "v"))];
    let properties = AckProperties::new(&properties).unwrap();
    let puback = Puback { properties, ..Puback::new(id(1)) };
    both(V5_0, Server, b"\x40\x0F\x00\x01\x00\x0B\x1F\x00\x01r\x26\x00\x01k\x00\x01v", puback);
    assert_eq!(puback.properties.reason_string(), Some("r"));
    refused(V3_1_1, puback, EncodeError::NotInVersion { field: "a property", version: V3_1_1 });
}

// SUBSCRIBE, SUBACK

#[test]
fn subscribe() {
    let entries = [
        (Subscription::parse("a/b").unwrap(), SubscriptionOptions::from(QoS::AtLeastOnce)),
        (Subscription::parse("c/#").unwrap(), SubscriptionOptions::from(QoS::ExactlyOnce)),
    ];
    let subscribe = Subscribe::new(id(10), Subscriptions::new(&entries));
    v3(Client, b"\x82\x0E\x00\x0A\x00\x03a/b\x01\x00\x03c/#\x02", subscribe);
    both(V5_0, Client, b"\x82\x0F\x00\x0A\x00\x00\x03a/b\x01\x00\x03c/#\x02", subscribe);
}

#[test]
fn subscribe_with_every_option() {
    let options = SubscriptionOptions {
        qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let shared = SubscriptionOptions {
        retain_handling: RetainHandling::SendAtSubscribeIfNew,
        ..SubscriptionOptions::default()
    };
    let entries = [
        (Subscription::parse("+").unwrap(), options),
        (Subscription::parse("$share/g/a/#").unwrap(), shared),
    ];
    let properties = [Property::UserProperty(("k", "v")), identifier(300)];
    let subscribe = Subscribe {
        properties: SubscribeProperties::new(&properties).unwrap(),
        ..Subscribe::new(id(1), Subscriptions::new(&entries))
    };
    let bytes =
        b"\x82\x20\x00\x01\x0A\x26\x00\x01k\x00\x01v\x0B\xAC\x02\x00\x01+\x2E\x00\x0C$share/g/a/#\x10";
    both(V5_0, Client, bytes, subscribe);
    assert_eq!(subscribe.properties.subscription_identifier().unwrap().get(), 300);
    let entries = [(Subscription::parse("+").unwrap(), options)];
    let field = "a Subscription Option";
    let subscribe = Subscribe::new(id(1), Subscriptions::new(&entries));
    refused(V3_1_1, subscribe, EncodeError::NotInVersion { field, version: V3_1_1 });
}

#[test]
fn suback() {
    let codes = [SubackReason::GrantedQoS0, SubackReason::GrantedQoS1, SubackReason::GrantedQoS2];
    v3(Server, b"\x90\x05\x00\x01\x00\x01\x02", Suback::new(id(1), SubackReasons::new(&codes)));
    let granted = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    assert_eq!(granted.map(SubackReason::granted), codes);
    assert_eq!(codes.map(SubackReason::granted_qos), granted.map(Some));
    assert_eq!(SubackReason::UnspecifiedError.granted_qos(), None);
    let codes = [SubackReason::UnspecifiedError];
    let suback = Suback::new(id(1), SubackReasons::new(&codes));
    both(V3_1_1, Server, b"\x90\x03\x00\x01\x80", suback);
    both(V5_0, Server, b"\x90\x04\x00\x01\x00\x80", suback);
    let codes = [SubackReason::WildcardSubscriptionsNotSupported];
    let suback = Suback::new(id(1), SubackReasons::new(&codes));
    both(V5_0, Server, b"\x90\x04\x00\x01\x00\xA2", suback);
    refused(V3_1_1, suback, EncodeError::NotInVersion { field: "this SUBACK code", version: V3_1_1 });
}

// UNSUBSCRIBE, UNSUBACK

#[test]
fn unsubscribe() {
    let filters = [Subscription::parse("a/b").unwrap(), Subscription::parse("#").unwrap()];
    let unsubscribe = Unsubscribe::new(id(5), TopicFilters::new(&filters));
    v3(Client, b"\xA2\x0A\x00\x05\x00\x03a/b\x00\x01#", unsubscribe);
    both(V5_0, Client, b"\xA2\x0B\x00\x05\x00\x00\x03a/b\x00\x01#", unsubscribe);
    let filters = [Subscription::parse("$share/g/a").unwrap()];
    let properties = [Property::UserProperty(("", ""))];
    let unsubscribe = Unsubscribe {
        properties: UnsubscribeProperties::new(&properties).unwrap(),
        ..Unsubscribe::new(id(5), TopicFilters::new(&filters))
    };
    both(V5_0, Client, b"\xA2\x14\x00\x05\x05\x26\x00\x00\x00\x00\x00\x0A$share/g/a", unsubscribe);
}

#[test]
fn unsuback() {
    v3(Server, b"\xB0\x02\x00\x05", Unsuback::new(id(5), UnsubackReasons::NONE));
    let codes = [UnsubackReason::Success, UnsubackReason::NoSubscriptionExisted];
    let unsuback = Unsuback::new(id(5), UnsubackReasons::new(&codes));
    both(V5_0, Server, b"\xB0\x05\x00\x05\x00\x00\x11", unsuback);
    refused(V3_1_1, unsuback, EncodeError::NotInVersion { field: "an UNSUBACK code", version: V3_1_1 });
}

// PINGREQ, PINGRESP, DISCONNECT, AUTH

#[test]
fn pings() {
    all(Client, b"\xC0\x00", Packet::Pingreq);
    all(Server, b"\xD0\x00", Packet::Pingresp);
}

#[test]
fn disconnect() {
    all(Client, b"\xE0\x00", Disconnect::new(DisconnectReason::NormalDisconnection));
    let with_will = Disconnect::new(DisconnectReason::DisconnectWithWillMessage);
    both(V5_0, Client, b"\xE0\x01\x04", with_will);
    refused(V3_1_1, with_will, EncodeError::NotInVersion { field: "a reason code", version: V3_1_1 });
    both(V5_0, Server, b"\xE0\x01\x8E", Disconnect::new(DisconnectReason::SessionTakenOver));
    decodes(V5_0, Client, b"\xE0\x01\x00", Disconnect::new(DisconnectReason::NormalDisconnection));
    decodes(V5_0, Client, b"\xE0\x02\x00\x00", Disconnect::new(DisconnectReason::NormalDisconnection));
    decodes(V5_0, Client, b"\xE0\x02\x04\x00", with_will);
    let properties = [Property::SessionExpiryInterval(1)];
    let properties = DisconnectProperties::new(&properties).unwrap();
    let disconnect = Disconnect { properties, ..Disconnect::new(DisconnectReason::NormalDisconnection) };
    both(V5_0, Client, b"\xE0\x07\x00\x05\x11\x00\x00\x00\x01", disconnect);
    let properties = [Property::ServerReference("s"), Property::ReasonString("r")];
    let properties = DisconnectProperties::new(&properties).unwrap();
    let disconnect = Disconnect { properties, ..Disconnect::new(DisconnectReason::ServerMoved) };
    both(V5_0, Server, b"\xE0\x0A\x9D\x08\x1C\x00\x01s\x1F\x00\x01r", disconnect);
}

#[test]
fn auth() {
    let properties = [Property::AuthenticationMethod("m"), Property::AuthenticationData(b"\x00\x01")];
    let properties = AuthProperties::new(&properties).unwrap();
    let reason = AuthReason::ContinueAuthentication;
    let auth = Auth { reason, properties };
    both(V5_0, Client, b"\xF0\x0B\x18\x09\x15\x00\x01m\x16\x00\x02\x00\x01", auth);
    refused(V3_1_1, auth, EncodeError::NotInVersion { field: "AUTH", version: V3_1_1 });
    refused(
        V5_0,
        Auth { properties: AuthProperties::EMPTY, ..auth },
        EncodeError::AuthenticationMethodMissing,
    );
    let properties = [Property::AuthenticationMethod("")];
    let properties = AuthProperties::new(&properties).unwrap();
    both(V5_0, Server, b"\xF0\x05\x00\x03\x15\x00\x00", Auth { reason: AuthReason::Success, properties });
}
