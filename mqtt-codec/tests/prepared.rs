//! A prepared PUBLISH is, for every receiver, the PUBLISH that would have been encoded for it alone.

#[path = "common/strategies.rs"]
mod strategies;
#[path = "common/wire.rs"]
mod wire;

use core::num::NonZeroU16;

use bytes::{BufMut, Bytes, BytesMut};
use mqtt_codec::{
    Delivery, EncodeError, Hop, MessageProperties, Packet, PacketId, PreparedPublish, Property, PropertyId,
    ProtocolVersion, Publish, PublishProperties, QoS, ReceivedPublish, Side, SubscriptionIdentifier,
    TopicForm,
};
use mqtt_topic::TopicName;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What one receiver gets.
fn hop(version: ProtocolVersion) -> impl Strategy<Value = Hop<'static>> {
    let delivery =
        (select(&QoS::ALL[..]), strategies::packet_id(), any::<bool>()).prop_map(|(qos, packet_id, dup)| {
            match qos {
                QoS::AtMostOnce => Delivery::AtMostOnce,
                QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id, dup },
                QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup },
            }
        });
    let alias = any::<NonZeroU16>();
    let topic = prop_oneof![
        Just(TopicForm::Name),
        alias.clone().prop_map(TopicForm::SetAlias),
        alias.prop_map(TopicForm::Alias)
    ];
    let identifiers = prop_oneof![
        3 => Just(&[][..]),
        2 => prop::collection::vec(identifier(), 1..40).prop_map(|identifiers| &*identifiers.leak()),
    ];
    (delivery, any::<bool>(), topic, any::<Option<u32>>(), identifiers).prop_map(
        move |(delivery, retain, topic, message_expiry_interval, subscription_identifiers)| match version {
            ProtocolVersion::V5_0 => {
                Hop { delivery, retain, topic, message_expiry_interval, subscription_identifiers }
            }
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => Hop { delivery, retain, ..Hop::default() },
        },
    )
}

fn identifier() -> impl Strategy<Value = SubscriptionIdentifier> {
    strategies::property(PropertyId::SubscriptionIdentifier).prop_map(|property| match property {
        Property::SubscriptionIdentifier(identifier) => identifier,
        other => panic!("{other}"),
    })
}

/// A message, and the receivers it goes to in this order.
fn fan_out() -> impl Strategy<Value = (ProtocolVersion, Publish<'static>, Vec<Hop<'static>>)> {
    select(&ProtocolVersion::ALL[..]).prop_flat_map(|version| {
        let payload = prop_oneof![
            8 => prop::collection::vec(any::<u8>(), 0..40),
            2 => (1020..1030_usize).prop_map(|len| vec![0x5A; len]),
        ];
        let message = (strategies::publish(version, Side::Client), strategies::topic(), payload).prop_map(
            |(publish, topic, payload)| Publish { topic: Some(topic), payload: payload.leak(), ..publish },
        );
        (Just(version), message, prop::collection::vec(hop(version), 1..12))
    })
}

fn prepare(version: ProtocolVersion, message: &Publish<'_>) -> PreparedPublish {
    let properties = MessageProperties::from_publish(message.properties, None);
    let payload = Bytes::copy_from_slice(message.payload);
    PreparedPublish::new(version, &message.topic.unwrap(), &properties, payload).unwrap()
}

/// All properties of the PUBLISH in the documented order.
fn properties<'a>(message: &Publish<'a>, hop: &Hop<'_>) -> Vec<Property<'a>> {
    let travels = [0x01, 0x03, 0x08, 0x09, 0x26];
    let mut all = Vec::new();
    all.extend(hop.message_expiry_interval.map(Property::MessageExpiryInterval));
    match hop.topic {
        TopicForm::Name => {}
        TopicForm::SetAlias(alias) | TopicForm::Alias(alias) => all.push(Property::TopicAlias(alias)),
    }
    all.extend(hop.subscription_identifiers.iter().copied().map(Property::SubscriptionIdentifier));
    all.extend(message.properties.iter().filter(|property| travels.contains(&property.id().id())));
    all
}

/// The PUBLISH for this receiver, made without preparation.
fn naive<'a>(message: &Publish<'a>, hop: &Hop<'_>, properties: &'a [Property<'a>]) -> Publish<'a> {
    Publish {
        topic: message.topic.filter(|_| !matches!(hop.topic, TopicForm::Alias(_))),
        delivery: hop.delivery,
        retain: hop.retain,
        properties: PublishProperties::new(properties).unwrap(),
        payload: message.payload,
    }
}

proptest! {
    #[test]
    fn every_receiver_gets_the_bytes_of_its_own_publish((version, message, hops) in fan_out()) {
        let mut prepared = prepare(version, &message);
        prop_assert_eq!(prepared.version(), version);
        prop_assert_eq!(&prepared.payload()[..], message.payload);
        for hop in &hops {
            let properties = properties(&message, hop);
            let publish = naive(&message, hop, &properties);
            let mut expected = Vec::new();
            publish.encode(version, &mut expected).unwrap();

            prop_assert_eq!(prepared.encoded_len(hop), Ok(expected.len()));
            let mut out = BytesMut::new();
            prepared.encode(hop, &mut out).unwrap();
            prop_assert_eq!(&out, &expected);
            let (head, payload) = prepared.parts(hop).unwrap();
            prop_assert_eq!([head, payload].concat(), &expected[..]);
            let mut head = Vec::new();
            publish.encode_head(version, &mut head).unwrap();
            prop_assert_eq!(prepared.parts(hop).unwrap().0, head);

            let (packet, len) = wire::decode(version, Side::Server, &out).unwrap().unwrap();
            prop_assert_eq!((packet, len), (Packet::Publish(publish), expected.len()));
        }
    }

    #[test]
    fn what_goes_on_as_it_came_is_what_would_have_been_encoded(
        (version, message, hops) in fan_out(),
        of_hop in any::<bool>(),
        is_padded in any::<bool>(),
    ) {
        let own = properties(&message, &Hop::default());
        let sent = if of_hop { message } else { naive(&message, &Hop { delivery: message.delivery, ..Hop::default() }, &own) };
        let mut bytes = Vec::new();
        sent.encode(version, &mut bytes).unwrap();
        if is_padded && version != ProtocolVersion::V5_0 {
            // Another byte of Remaining Length, which says nothing.
            let last = 1 + bytes[1..].iter().position(|byte| byte & 0x80 == 0).unwrap();
            bytes[last] |= 0x80;
            bytes.insert(last + 1, 0);
        }
        let Some((Packet::Publish(arrived), _)) = wire::decode(version, Side::Client, &bytes).unwrap() else {
            panic!("a PUBLISH");
        };
        let received = ReceivedPublish::new(&bytes, &arrived, version);
        if !of_hop && !(is_padded && version != ProtocolVersion::V5_0) {
            prop_assert!(received.is_some(), "as it would have been written");
        }
        let Some(received) = received else { return Ok(()) };
        prop_assert_eq!(received.encoded_len(), bytes.len());
        for (hop, to) in hops.iter().flat_map(|hop| ProtocolVersion::ALL.map(|to| (hop, to))) {
            let has_packet_id = |delivery: Delivery| delivery.packet_id().is_some();
            let is_plain = Hop { delivery: hop.delivery, retain: hop.retain, ..Hop::default() } == *hop;
            let is_alike = has_packet_id(hop.delivery) == has_packet_id(arrived.delivery)
                && (to == ProtocolVersion::V5_0) == (version == ProtocolVersion::V5_0);
            let mut out = BytesMut::from(&b"before"[..]);
            let is_written = received.append_to(hop, to, &mut out);
            prop_assert_eq!(is_written, is_plain && is_alike);
            let mut expected = Vec::from(&b"before"[..]);
            if is_written {
                let properties = properties(&arrived, hop);
                naive(&arrived, hop, &properties).encode(to, &mut expected).unwrap();
            }
            prop_assert_eq!(&out, &expected);
        }
    }

    #[test]
    fn what_one_receiver_got_does_not_show_in_what_the_next_gets((version, message, hops) in fan_out()) {
        let prepared = prepare(version, &message);
        let mut used = prepared.clone();
        for hop in hops {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            used.encode(&hop, &mut one).unwrap();
            prepared.clone().encode(&hop, &mut other).unwrap();
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn a_buffer_that_is_too_small_stays_as_it_is((version, message, hops) in fan_out(), room in any::<Index>()) {
        let mut prepared = prepare(version, &message);
        for hop in hops {
            let needed = prepared.encoded_len(&hop).unwrap();
            let mut buffer = vec![0xA5; room.index(needed)];
            let result = prepared.encode(&hop, &mut buffer.as_mut_slice());
            prop_assert_eq!(result, Err(EncodeError::BufferTooSmall { needed }));
            prop_assert!(buffer.iter().all(|byte| *byte == 0xA5));
            let mut exact = vec![0; needed];
            let mut rest = exact.as_mut_slice();
            prepared.encode(&hop, &mut rest).unwrap();
            prop_assert_eq!(rest.len(), 0);
        }
    }
}

fn topic() -> TopicName<&'static [u8]> {
    TopicName::parse("a/b").unwrap()
}

fn message(version: ProtocolVersion, payload: &'static [u8]) -> PreparedPublish {
    let none = MessageProperties::default();
    PreparedPublish::new(version, &topic(), &none, Bytes::from_static(payload)).unwrap()
}

#[test]
fn subscription_identifiers_are_not_those_of_the_receiver_before() {
    let mut prepared = message(ProtocolVersion::V5_0, b"");
    for number in [1, 2, 300] {
        let identifiers = [SubscriptionIdentifier::new(number).unwrap()];
        let hop = Hop { subscription_identifiers: &identifiers, ..Hop::default() };
        let mut out = Vec::new();
        prepared.encode(&hop, &mut out).unwrap();
        let (packet, _) = wire::decode(ProtocolVersion::V5_0, Side::Server, &out).unwrap().unwrap();
        let Packet::Publish(publish) = packet else { panic!("{packet}") };
        assert!(publish.properties.subscription_identifiers().eq(identifiers));
    }
}

#[test]
fn properties_before_5_0_are_refused() {
    let alias = NonZeroU16::MIN;
    let identifiers = [SubscriptionIdentifier::new(1).unwrap()];
    let hops = [
        Hop { topic: TopicForm::Alias(alias), ..Hop::default() },
        Hop { topic: TopicForm::SetAlias(alias), ..Hop::default() },
        Hop { message_expiry_interval: Some(0), ..Hop::default() },
        Hop { subscription_identifiers: &identifiers, ..Hop::default() },
    ];
    let properties = MessageProperties::new(&[Property::UserProperty(("k", "v"))]).unwrap();
    for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
        let expected = EncodeError::NotInVersion { field: "a property", version };
        let refused = PreparedPublish::new(version, &topic(), &properties, Bytes::new());
        assert_eq!(refused.err(), Some(expected));
        let mut prepared = message(version, b"hi");
        for hop in &hops {
            let mut out = Vec::new();
            assert_eq!(prepared.encode(hop, &mut out), Err(expected));
            assert_eq!((prepared.encoded_len(hop), prepared.parts(hop)), (Err(expected), Err(expected)));
            // The message is as good as before.
            prepared.encode(&Hop::default(), &mut out).unwrap();
            assert_eq!(out, b"\x30\x07\x00\x03a/bhi");
        }
    }
}

#[test]
fn a_packet_larger_than_the_remaining_length_can_say() {
    let payload = Bytes::from(vec![0; 268_435_450]);
    let none = MessageProperties::default();
    let prepare = |len| PreparedPublish::new(ProtocolVersion::V3_1_1, &topic(), &none, payload.slice(..len));
    let mut longest = prepare(268_435_450).unwrap();
    assert_eq!(longest.encoded_len(&Hop::default()), Ok(268_435_460));
    // The Packet Identifier is what is too much.
    let delivery = Delivery::AtLeastOnce { packet_id: PacketId::MIN, dup: false };
    let hop = Hop { delivery, ..Hop::default() };
    assert_eq!(longest.parts(&hop), Err(EncodeError::PacketTooLarge));
    assert_eq!(prepare(268_435_448).unwrap().encoded_len(&hop), Ok(268_435_460));
    let five = PreparedPublish::new(ProtocolVersion::V5_0, &topic(), &none, payload.clone());
    assert_eq!(five.err(), Some(EncodeError::PacketTooLarge));
}

#[test]
fn a_receiver_costs_no_allocation() {
    let mut prepared = message(ProtocolVersion::V5_0, b"payload");
    let mut out = BytesMut::with_capacity(4096);
    let identifiers = [SubscriptionIdentifier::new(7).unwrap()];
    let mut hops = Vec::new();
    for topic in [TopicForm::Name, TopicForm::SetAlias(NonZeroU16::MIN), TopicForm::Alias(NonZeroU16::MAX)] {
        for message_expiry_interval in [None, Some(u32::MAX)] {
            for delivery in
                [Delivery::AtMostOnce, Delivery::ExactlyOnce { packet_id: PacketId::MAX, dup: true }]
            {
                for subscription_identifiers in [&[][..], &identifiers] {
                    let retain = true;
                    hops.push(Hop {
                        delivery,
                        retain,
                        topic,
                        message_expiry_interval,
                        subscription_identifiers,
                    });
                }
            }
        }
    }
    let counted = allocation_counter::measure(|| {
        for hop in hops.iter().chain(&hops) {
            out.clear();
            prepared.encode(hop, &mut out).unwrap();
            prepared.parts(hop).unwrap();
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_long_payload_is_not_copied() {
    let payload = Bytes::from(vec![7; 1 << 20]);
    let at = payload.as_ptr();
    let none = MessageProperties::default();
    let counted = allocation_counter::measure(|| {
        let payload = payload.clone();
        let mut prepared = PreparedPublish::new(ProtocolVersion::V5_0, &topic(), &none, payload).unwrap();
        let (head, payload) = prepared.parts(&Hop::default()).unwrap();
        assert_eq!(head, b"\x30\x86\x80\x40\x00\x03a/b\x00");
        assert_eq!((payload.as_ptr(), payload.len()), (at, 1 << 20));
    });
    assert!(counted.bytes_total < 100, "{counted:?}");
}

#[test]
fn a_writer_that_takes_pieces_gets_the_payload_behind_the_head() {
    for len in [1024, 1025] {
        let payload = vec![b'x'; len];
        let none = MessageProperties::default();
        let mut prepared =
            PreparedPublish::new(ProtocolVersion::V3_1_1, &topic(), &none, payload.clone().into()).unwrap();
        let mut out = BytesMut::from(&b"before"[..]).limit(len + 8);
        prepared.encode(&Hop::default(), &mut out).unwrap();
        assert_eq!(out.get_ref().len(), 6 + 8 + len);
        assert!(out.get_ref().ends_with(&payload));
    }
}

#[test]
fn a_payload_does_not_show_in_debug_output() {
    let shown = format!("{:?}", message(ProtocolVersion::V5_0, b"hunter2"));
    assert!(shown.contains("7 bytes") && !shown.contains("104, 117"), "{shown}");
}

#[test]
fn a_topic_form_says_its_alias() {
    let alias = NonZeroU16::MAX;
    assert_eq!(TopicForm::default().alias(), None);
    assert_eq!(TopicForm::SetAlias(alias).alias(), Some(alias));
    assert_eq!(TopicForm::Alias(alias).alias(), Some(alias));
}
