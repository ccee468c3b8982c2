//! What cannot be said is not written: every error of the encoder, and that the output stays empty.

use mqtt_codec::{
    Connack, ConnackProperties, ConnackReason, Disconnect, DisconnectProperties, DisconnectReason,
    EncodeError, Packet, PacketId, Property, PropertyError, PropertyId, ProtocolVersion, Publish,
    PublishProperties, QoS, Suback, SubackReasons, Subscribe, SubscriptionOptions, Subscriptions,
    TopicFilters, Unsuback, UnsubackReasons, Unsubscribe, WillProperties,
};
use mqtt_topic::{ShareName, Subscription, TopicFilter, TopicName};

fn error<'a>(version: ProtocolVersion, packet: impl Into<Packet<'a>>) -> EncodeError {
    let packet = packet.into();
    let mut out = Vec::new();
    let error = packet.encode(version, &mut out).unwrap_err();
    assert_eq!(packet.encoded_len(version), Err(error));
    assert!(out.is_empty());
    assert!(!error.to_string().is_empty());
    error
}

fn publish(payload: &[u8]) -> Publish<'_> {
    Publish::new(TopicName::parse("a").unwrap(), payload)
}

#[test]
fn mqtt311_3_8_3_3_mqtt5_3_8_3_2_an_empty_payload() {
    for version in ProtocolVersion::ALL {
        let id = PacketId::MIN;
        assert_eq!(error(version, Subscribe::new(id, Subscriptions::new(&[]))), EncodeError::EmptyPayload);
        assert_eq!(error(version, Unsubscribe::new(id, TopicFilters::new(&[]))), EncodeError::EmptyPayload);
        assert_eq!(error(version, Suback::new(id, SubackReasons::new(&[]))), EncodeError::EmptyPayload);
    }
    let unsuback = Unsuback::new(PacketId::MIN, UnsubackReasons::NONE);
    assert_eq!(error(ProtocolVersion::V5_0, unsuback), EncodeError::EmptyPayload);
}

#[test]
fn mqtt311_3_2_2_4_mqtt5_3_2_2_6_session_present_on_a_refusal() {
    for reason in ConnackReason::ALL.iter().copied().filter(|reason| reason.is_error()) {
        let connack = Connack { session_present: true, ..Connack::new(reason) };
        for version in ProtocolVersion::ALL {
            assert_eq!(error(version, connack), EncodeError::SessionPresentOnRefusal);
        }
    }
}

#[test]
fn mqtt5_3_8_3_4_no_local_on_a_shared_subscription() {
    let options = SubscriptionOptions { no_local: true, ..SubscriptionOptions::default() };
    let entries = [(Subscription::parse("$share/g/a").unwrap(), options)];
    let subscribe = Subscribe::new(PacketId::MIN, Subscriptions::new(&entries));
    assert_eq!(error(ProtocolVersion::V5_0, subscribe), EncodeError::NoLocalOnShared);
}

#[test]
fn mqtt5_3_14_2_2_a_disconnect_that_no_side_may_send() {
    let (expiry, reference) = (Property::SessionExpiryInterval(0), Property::ServerReference("s"));
    let (of_client, of_server) =
        (DisconnectReason::DisconnectWithWillMessage, DisconnectReason::ServerShuttingDown);
    for (reason, values, property) in [
        (DisconnectReason::NormalDisconnection, &[expiry, reference][..], PropertyId::ServerReference),
        (of_client, &[reference], PropertyId::ServerReference),
        (of_server, &[expiry], PropertyId::SessionExpiryInterval),
    ] {
        let disconnect = Disconnect { reason, properties: DisconnectProperties::new(values).unwrap() };
        let expected = EncodeError::Property(PropertyError::NotAllowed(property));
        assert_eq!(error(ProtocolVersion::V5_0, disconnect), expected);
    }
}

#[test]
fn a_shared_subscription_before_5_0() {
    let filters = [Subscription::parse("$share/g/a").unwrap()];
    let entries = filters.map(|filter| (filter, SubscriptionOptions::from(QoS::AtMostOnce)));
    for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
        let expected = EncodeError::NotInVersion { field: "a Shared Subscription", version };
        let subscribe = Subscribe::new(PacketId::MIN, Subscriptions::new(&entries));
        assert_eq!(error(version, subscribe), expected);
        assert_eq!(error(version, Unsubscribe::new(PacketId::MIN, TopicFilters::new(&filters))), expected);
    }
}

#[test]
fn a_shared_subscription_of_65_536_bytes() {
    for (filter_len, is_within) in [(65_535 - 9, true), (65_535 - 8, false)] {
        let filter = "x".repeat(filter_len);
        let shared = Subscription::Shared {
            share_name: ShareName::parse("g").unwrap(),
            filter: TopicFilter::parse(&filter).unwrap(),
        };
        let filters = [shared];
        let result =
            Unsubscribe::new(PacketId::MIN, TopicFilters::new(&filters)).encoded_len(ProtocolVersion::V5_0);
        let expected =
            if is_within { Ok(1 + 3 + 2 + 1 + 2 + 65_535) } else { Err(EncodeError::FieldTooLong) };
        assert_eq!(result, expected);
    }
}

#[test]
fn a_packet_larger_than_the_remaining_length_can_say() {
    let payload = vec![0; 268_435_453];
    let longest = &payload[..268_435_452];
    assert_eq!(publish(longest).encoded_len(ProtocolVersion::V3_1_1), Ok(268_435_460));
    assert_eq!(error(ProtocolVersion::V3_1_1, publish(&payload)), EncodeError::PacketTooLarge);
    assert_eq!(error(ProtocolVersion::V5_0, publish(longest)), EncodeError::PacketTooLarge);
    let mut head = Vec::new();
    let result = publish(&payload).encode_head(ProtocolVersion::V3_1_1, &mut head);
    assert_eq!((result, head.len()), (Err(EncodeError::PacketTooLarge), 0));
}

#[test]
fn properties_longer_than_the_property_length_can_say() {
    let text = "x".repeat(65_535);
    let values = vec![Property::UserProperty((&text, &text)); 2_048];
    let properties = PublishProperties::new(&values).unwrap();
    let publish = Publish { properties, ..publish(b"") };
    assert_eq!(error(ProtocolVersion::V5_0, publish), EncodeError::PacketTooLarge);
    let fewer = PublishProperties::new(&values[..2_000]).unwrap();
    assert!(Publish { properties: fewer, ..publish }.encoded_len(ProtocolVersion::V5_0).is_ok());
}

#[test]
fn a_property_that_may_stand_once_stands_twice() {
    let repeated = Err(EncodeError::from(PropertyError::Repeated(PropertyId::ContentType)));
    let (text, none) = ([Property::ContentType("text")], PublishProperties::EMPTY);
    let of_message = Publish { properties: PublishProperties::new(&text).unwrap(), ..publish(b"") };
    assert_eq!(of_message.encoded_len_with(ProtocolVersion::V5_0, &text), repeated);
    let bare = Publish { properties: none, ..of_message };
    assert_eq!(bare.encoded_len_with(ProtocolVersion::V5_0, &[text, text].concat()), repeated);
    assert_eq!(
        bare.encoded_len_with(ProtocolVersion::V5_0, &text),
        of_message.encoded_len(ProtocolVersion::V5_0)
    );
}

#[test]
fn properties_before_5_0() {
    let values = [Property::UserProperty(("k", "v"))];
    let properties = PublishProperties::new(&values).unwrap();
    for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
        let expected = EncodeError::NotInVersion { field: "a property", version };
        assert_eq!(error(version, Publish { properties, ..publish(b"") }), expected);
        assert_eq!(publish(b"").encoded_len_with(version, &values), Err(expected));
    }
}

#[test]
fn a_property_value_outside_its_range() {
    let value = |id| Some(PropertyError::Value(id));
    let maximum_qos = [Property::MaximumQoS(QoS::ExactlyOnce)];
    assert_eq!(ConnackProperties::new(&maximum_qos).err(), value(PropertyId::MaximumQoS));
    let client_id = [Property::AssignedClientIdentifier("")];
    assert_eq!(ConnackProperties::new(&client_id).err(), value(PropertyId::AssignedClientIdentifier));
    let data = [Property::AuthenticationData(b"")];
    assert_eq!(ConnackProperties::new(&data), Err(PropertyError::AuthenticationDataWithoutMethod));
    let too_long = "x".repeat(65_536);
    let content_type = [Property::ContentType(&too_long)];
    assert_eq!(WillProperties::new(&content_type).err(), value(PropertyId::ContentType));
    let result = publish(b"").encoded_len_with(ProtocolVersion::V5_0, &content_type);
    assert_eq!(result, Err(PropertyError::Value(PropertyId::ContentType).into()));
}

/// 268,435,455 bytes are the most a Property Length or a Remaining Length can say; sums beyond `usize` are no exception.
#[test]
fn what_is_longer_than_a_length_can_say_is_too_large() {
    let longest = "x".repeat(65_535);
    let properties = vec![Property::UserProperty((&longest, &longest)); 2_049];
    let publish = Publish {
        properties: PublishProperties::new(&properties).unwrap(),
        ..Publish::new(TopicName::parse("a").unwrap(), b"")
    };
    assert_eq!(publish.encoded_len(ProtocolVersion::V5_0), Err(EncodeError::PacketTooLarge));
    let filter = Subscription::parse(&longest).unwrap();
    let entries = vec![(filter, SubscriptionOptions::default()); 4_097];
    let subscribe = Subscribe::new(PacketId::MIN, Subscriptions::new(&entries));
    assert_eq!(subscribe.encoded_len(ProtocolVersion::V5_0), Err(EncodeError::PacketTooLarge));
}
