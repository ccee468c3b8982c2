//! Receive Maximum, Maximum Packet Size, and what a peer that does not read or does not stop can do.

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{ConnectFields, Packet, Property, ProtocolVersion, QoS, SubscriptionOptions};
use mqtt_session::{Action, BrokerConfig, DropCause, Notice, Received};

use crate::harness::{V3_1_1, V5_0, World, delivery};

fn fields(client_id: &str) -> ConnectFields<'_> {
    ConnectFields { client_id, clean_start: false, ..ConnectFields::default() }
}

fn receive_maximum(maximum: u16) -> Property<'static> {
    Property::ReceiveMaximum(maximum.try_into().unwrap())
}

/// [MQTT-3.3.4-9]: the Client's, counted over resent messages too, and never in the way of QoS 0.
#[test]
fn complaint_10_case_23_the_clients_receive_maximum_is_kept() {
    let mut world = World::new();
    let properties = [receive_maximum(2), Property::SessionExpiryInterval(100)];
    let subscriber = world.connect_with(V5_0, fields("subscriber"), &properties);
    world.expect_connack(subscriber, false);
    world.subscribe(subscriber, "#", QoS::ExactlyOnce);
    let publisher = world.connect(V5_0, "publisher");
    for (payload, qos) in [("1", QoS::AtLeastOnce), ("2", QoS::ExactlyOnce), ("3", QoS::AtLeastOnce)] {
        world.publish(publisher, "a", payload, qos);
    }
    world.publish(publisher, "a", "0", QoS::AtMostOnce);
    world.expect(
        subscriber,
        &[
            "PUBLISH id=1 q1 dup=0 retain=0 \"a\" \"1\"",
            "PUBLISH id=2 q2 dup=0 retain=0 \"a\" \"2\"",
            "PUBLISH q0 dup=0 retain=0 \"a\" \"0\"",
        ],
    );
    // PUBREC gives nothing back, PUBCOMP does.
    world.pubrec(subscriber, 2);
    world.expect(subscriber, &["PUBREL id=2"]);
    world.pubcomp(subscriber, 2);
    world.expect(subscriber, &["PUBLISH id=3 q1 dup=0 retain=0 \"a\" \"3\""]);
    world.publish(publisher, "a", "4", QoS::AtLeastOnce);
    world.cut(subscriber);
    let properties = [receive_maximum(1), Property::SessionExpiryInterval(100)];
    let subscriber = world.connect_with(V5_0, fields("subscriber"), &properties);
    world.expect_connack(subscriber, true);
    for (packet_id, dup, payload) in [(1, 1, "1"), (3, 1, "3"), (4, 0, "4")] {
        world.expect(
            subscriber,
            &[&format!("PUBLISH id={packet_id} q1 dup={dup} retain=0 \"a\" \"{payload}\"")],
        );
        world.puback(subscriber, packet_id);
    }
    world.expect(subscriber, &[]);
}

#[test]
fn the_window_is_limited_in_every_version() {
    for version in ProtocolVersion::ALL {
        let config = BrokerConfig { maximum_in_flight: 3.try_into().unwrap(), ..BrokerConfig::default() };
        let mut world = World::with_config(config);
        let client = world.connect(version, "a");
        world.subscribe(client, "x", QoS::AtLeastOnce);
        for _ in 0..10 {
            world.publish(client, "x", "", QoS::AtLeastOnce);
        }
        assert_eq!(world.trace(client).len(), 3);
        world.puback(client, 2);
        assert_eq!(world.trace(client).len(), 1);
    }
}

/// [MQTT-3.3.4-7]: ours; one more ends the connection. A repeat is not one more.
#[test]
fn complaint_10_case_23_our_receive_maximum_is_enforced() {
    let config = BrokerConfig { receive_maximum: 2.try_into().unwrap(), ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    let client = world.connect(V5_0, "a");
    world.subscribe(client, "x", QoS::AtMostOnce);
    for packet_id in [1, 2, 2] {
        world.publish_with(client, "x", "", delivery(QoS::ExactlyOnce, packet_id), false, &[]);
    }
    world.pubrel(client, 1);
    world.publish_with(client, "x", "", delivery(QoS::ExactlyOnce, 3), false, &[]);
    world.publish_with(client, "x", "", delivery(QoS::AtMostOnce, 1), false, &[]);
    assert!(world.is_open(client));
    world.trace(client);
    world.publish_with(client, "x", "", delivery(QoS::AtLeastOnce, 4), false, &[]);
    world.expect(client, &["DISCONNECT 0x93 Receive Maximum exceeded", "CLOSED"]);
}

/// [MQTT-3.1.2-24], [MQTT-3.1.2-25]: what is too large for a Client is not sent, and counts as delivered.
#[test]
fn complaint_16_case_27_the_clients_maximum_packet_size_is_kept() {
    let mut world = World::new();
    let size = |size: u32| {
        [Property::MaximumPacketSize(size.try_into().unwrap()), Property::SessionExpiryInterval(9)]
    };
    let client = world.connect_with(V5_0, fields("a"), &size(40));
    world.expect_connack(client, false);
    world.subscribe(client, "x", QoS::ExactlyOnce);
    let publisher = world.connect(V5_0, "publisher");
    // 5 + payload in QoS 1: fixed header, topic, identifier, property length.
    for qos in QoS::ALL {
        let overhead = if qos == QoS::AtMostOnce { 6 } else { 8 };
        for (len, is_sent) in [(40 - overhead, true), (41 - overhead, false)] {
            world.publish(publisher, "x", &"p".repeat(len), qos);
            assert_eq!(world.trace(client).len(), usize::from(is_sent), "{qos:?} {len}");
        }
    }
    let dropped =
        Notice::MessageDropped { client_id: "a".into(), cause: DropCause::PacketTooLarge, count: 1 };
    assert_eq!(world.notices, [dropped.clone(), dropped.clone(), dropped]);
    world.notices.clear();
    // On a connection with less room, what was under way is not sent again either. The Client may have the QoS 2 message,
    // and its identifier is free on both sides after PUBCOMP.
    world.cut(client);
    let client = world.connect_with(V5_0, fields("a"), &size(30));
    world.expect_connack(client, true);
    world.expect(client, &["PUBREL id=2"]);
    world.pubcomp(client, 2);
    let twice = Notice::MessageDropped { client_id: "a".into(), cause: DropCause::PacketTooLarge, count: 2 };
    assert_eq!(world.notices, [twice]);
    world.cut(client);
    let client = world.connect_with(V5_0, fields("a"), &size(1_000));
    world.expect_connack(client, true);
    world.expect(client, &[]);
}

#[test]
fn a_suback_that_is_too_large_ends_the_connection() {
    let mut world = World::new();
    let client =
        world.connect_with(V5_0, fields("a"), &[Property::MaximumPacketSize(30.try_into().unwrap())]);
    world.expect_connack(client, false);
    let options = SubscriptionOptions::default();
    world.subscribe_with(client, &[("x", options); 25], &[]);
    assert!(world.trace(client).remove(0).starts_with("SUBACK"));
    world.subscribe_with(client, &[("x", options); 26], &[]);
    world.expect(client, &["DISCONNECT 0x83 Implementation specific error", "CLOSED"]);
}

/// Ours is judged by the fixed header alone.
#[test]
fn our_maximum_packet_size_is_enforced() {
    for version in ProtocolVersion::ALL {
        let mut world =
            World::with_config(BrokerConfig { maximum_packet_size: 100, ..BrokerConfig::default() });
        let client = world.connect(version, "a");
        world.send_bytes(client, b"\x30\x62");
        world.expect(client, &[]);
        let client = world.connect(version, "b");
        world.send_bytes(client, b"\x30\x63");
        let expected: &[&str] =
            if version == V5_0 { &["DISCONNECT 0x95 Packet too large", "CLOSED"] } else { &["CLOSED"] };
        world.expect(client, expected);
        // A CONNECT of 64 KiB is refused before it has arrived.
        let client = world.open(version);
        world.send_bytes(client, b"\x10\xFC\xFF\x03");
        world.expect(client, &["CLOSED"]);
    }
}

#[test]
fn input_is_paused_while_too_much_waits_to_be_written() {
    let mut world = World::with_config(BrokerConfig { transmit_limit: 20, ..BrokerConfig::default() });
    let client = world.connect(V3_1_1, "a");
    let mut input = BytesMut::from(&[0xC0, 0x00].repeat(100)[..]);
    assert_eq!(world.broker.handle_input(world.now, client.id, &mut input), Received::Paused);
    assert_eq!(world.broker.transmit(client.id).unwrap().remaining(), 20);
    assert_eq!(input.len(), 180);
    // Offering it again changes nothing.
    assert_eq!(world.broker.handle_input(world.now, client.id, &mut input), Received::Paused);
    assert_eq!(input.len(), 180);
    assert_eq!(world.broker.poll_action(), Some(Action::Transmit(client.id)));
    assert_eq!(world.broker.poll_action(), None);
    world.broker.transmit(client.id).unwrap().advance(2);
    assert!(world.broker.transmit(client.id).unwrap().has_remaining());
    assert_eq!(world.broker.poll_action(), Some(Action::Resume(client.id)));
    assert_eq!(world.broker.handle_input(world.now, client.id, &mut input), Received::Paused);
    assert_eq!(input.len(), 178);
    while !input.is_empty() {
        while world.broker.transmit(client.id).unwrap().pop().is_some() {}
        let _ = world.broker.handle_input(world.now, client.id, &mut input);
    }
}

/// A Client that does not read: QoS 0 is dropped, QoS 1 waits in its bounded queue, and nobody else notices.
#[test]
fn complaint_15_case_35_a_client_that_does_not_read_costs_a_bounded_amount() {
    let config = BrokerConfig {
        transmit_limit: 1_000,
        maximum_queued_messages: 5,
        maximum_in_flight: 10_000.try_into().unwrap(),
        ..BrokerConfig::default()
    };
    let mut world = World::with_config(config);
    let slow = world.connect(V3_1_1, "slow");
    world.subscribe(slow, "#", QoS::AtLeastOnce);
    let publisher = world.connect(V3_1_1, "publisher");
    world.stalled = true;
    let payload = "x".repeat(100);
    for _ in 0..100 {
        world.publish_with(publisher, "a", &payload, delivery(QoS::AtMostOnce, 1), false, &[]);
    }
    for _ in 0..100 {
        world.publish_with(publisher, "b", &payload, delivery(QoS::AtLeastOnce, 1), false, &[]);
    }
    let waiting = world.broker.transmit(slow.id).unwrap().remaining();
    assert!((1_000..1_200).contains(&waiting), "{waiting}");
    let count = |cause| {
        world
            .notices
            .iter()
            .map(|notice| match notice {
                Notice::MessageDropped { cause: found, count, .. } if *found == cause => *count,
                _ => 0,
            })
            .sum::<u64>()
    };
    assert_eq!(count(DropCause::TransmitFull), 100 - waiting.div_ceil(105) as u64);
    assert_eq!(count(DropCause::QueueFull), 95);
    world.unstall();
    let trace = world.trace(slow);
    assert_eq!(trace.iter().filter(|line| line.contains("\"b\"")).count(), 5);
}

/// The same QoS 2 message again and again, never released (CVE-2023-28366): nothing grows.
#[test]
fn a_flood_of_repeats_is_answered_and_forgotten() {
    let mut world = World::new();
    let client = world.connect(V5_0, "a");
    world.subscribe(client, "x", QoS::AtMostOnce);
    for _ in 0..10_000 {
        world.publish_with(client, "x", "", delivery(QoS::ExactlyOnce, 1), false, &[]);
    }
    let trace = world.trace(client);
    assert_eq!(trace.iter().filter(|line| line.starts_with("PUBLISH")).count(), 1);
    assert_eq!(trace.iter().filter(|line| *line == "PUBREC id=1").count(), 10_000);
}

#[test]
fn unknown_connections_are_ignored() {
    let mut world = World::new();
    let client = world.connect(V5_0, "a");
    world.cut(client);
    let now = world.now;
    let mut input = BytesMut::from(&b"\xC0\x00"[..]);
    assert_eq!(world.broker.handle_input(now, client.id, &mut input), Received::Closed);
    world.broker.handle_closed(now, client.id);
    world.broker.handle_authenticated(now, client.id, mqtt_session::Verdict::Accept);
    world.broker.disconnect(now, client.id, mqtt_session::codec::DisconnectReason::AdministrativeAction);
    assert!(world.broker.transmit(client.id).is_none());
    assert_eq!(world.broker.poll_action(), None);
    let again = world.open(V5_0);
    assert_ne!(again.id, client.id);
    world.send(again, &Packet::Pingreq);
    world.expect(again, &["CLOSED"]);
}

/// A live message does not overtake those that wait, though there is room for it already.
#[test]
fn the_queue_keeps_the_order() {
    let mut world = World::with_config(BrokerConfig { transmit_limit: 1_000, ..BrokerConfig::default() });
    let slow = world.connect(V3_1_1, "slow");
    world.subscribe(slow, "x", QoS::AtLeastOnce);
    let publisher = world.connect(V3_1_1, "publisher");
    world.stalled = true;
    let publish = |world: &mut World, number: usize| {
        let payload = format!("{number:0100}");
        world.publish_with(publisher, "x", &payload, delivery(QoS::AtLeastOnce, 1), false, &[]);
    };
    (0..20).for_each(|number| publish(&mut world, number));
    let transmit = world.broker.transmit(slow.id).unwrap();
    let written = transmit.copy_to_bytes(transmit.remaining() - 700);
    publish(&mut world, 20);
    let mut bytes = BytesMut::from(&written[..]);
    while let Some(transmit) = world.broker.transmit(slow.id).filter(Buf::has_remaining) {
        bytes.extend_from_slice(&transmit.copy_to_bytes(transmit.remaining()));
    }
    let mut decoder = mqtt_session::codec::Decoder::client(V3_1_1);
    let mut received = Vec::new();
    while let Some(frame) = decoder.decode_frame(&mut bytes).unwrap() {
        let Packet::Publish(publish) = frame.packet() else { panic!("{frame}") };
        received.push(std::str::from_utf8(publish.payload).unwrap().parse::<usize>().unwrap());
    }
    assert_eq!(received, (0..=20).collect::<Vec<_>>());
}

/// A Client that reads but acknowledges nothing: what is under way to it is bounded in bytes too.
#[test]
fn complaint_15_a_client_that_acknowledges_nothing_costs_a_bounded_amount() {
    let config = BrokerConfig { maximum_queued_bytes: 3_600, ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    let client = world.connect(V3_1_1, "a");
    world.subscribe(client, "x", QoS::ExactlyOnce);
    let publisher = world.connect(V3_1_1, "publisher");
    for _ in 0..10 {
        world.publish(publisher, "x", &"p".repeat(1_000), QoS::ExactlyOnce);
    }
    // Under way and waiting, as many as fit each time, give or take one.
    assert_eq!(world.trace(client).len(), 4);
    assert_eq!(world.notices.len(), 3);
    // PUBREC takes a message over, and makes room.
    world.pubrec(client, 1);
    assert_eq!(world.trace(client).len(), 2);
    for _ in 0..2 {
        world.publish(publisher, "x", &"p".repeat(1_000), QoS::ExactlyOnce);
    }
    assert_eq!(world.notices.len(), 4);
}

/// What waits to be written does not keep the read buffer of the publisher alive.
#[test]
fn no_read_buffer_is_kept() {
    let mut world = World::new();
    let slow = world.connect(V3_1_1, "slow");
    world.subscribe(slow, "x", QoS::AtLeastOnce);
    let publisher = world.connect(V3_1_1, "publisher");
    let mut input = BytesMut::with_capacity(1 << 20);
    let memory = input.as_ptr() as usize..input.as_ptr() as usize + input.capacity();
    let topic = mqtt_session::topic::TopicName::parse("x").unwrap();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let publish = mqtt_session::codec::Publish {
            delivery: delivery(qos, 1),
            ..mqtt_session::codec::Publish::new(topic, &[0; 4_000])
        };
        publish.encode(V3_1_1, &mut input).unwrap();
    }
    let _ = world.broker.handle_input(world.now, publisher.id, &mut input);
    let transmit = world.broker.transmit(slow.id).unwrap();
    assert!(transmit.remaining() > 8_000);
    while let Some(segment) = transmit.pop() {
        assert!(!memory.contains(&(segment.as_ptr() as usize)));
    }
}

/// A connection is announced when it gets something to write, and not again while it has.
#[test]
fn transmit_is_announced_once() {
    let mut world = World::new();
    let slow = world.connect(V3_1_1, "slow");
    world.subscribe(slow, "x", QoS::AtMostOnce);
    let publisher = world.connect(V3_1_1, "publisher");
    let announced = |world: &mut World, count: u16| {
        let mut input = BytesMut::new();
        for packet_id in 1..=count {
            let topic = mqtt_session::topic::TopicName::parse("x").unwrap();
            let publish = mqtt_session::codec::Publish::new(topic, b"");
            let delivery = delivery(QoS::AtLeastOnce, packet_id);
            mqtt_session::codec::Publish { delivery, ..publish }.encode(V3_1_1, &mut input).unwrap();
        }
        let _ = world.broker.handle_input(world.now, publisher.id, &mut input);
        std::iter::from_fn(|| world.broker.poll_action()).collect::<Vec<_>>()
    };
    let both = [Action::Transmit(slow.id), Action::Transmit(publisher.id)];
    assert_eq!(announced(&mut world, 3), both);
    assert_eq!(announced(&mut world, 3), []);
    world.broker.transmit(slow.id).unwrap().pop().unwrap();
    assert_eq!(announced(&mut world, 1), both[..1]);
}

#[test]
fn notices_read_well() {
    use mqtt_session::EndCause;
    use mqtt_session::codec::{ConnackReason, DisconnectReason};
    let mut world = World::new();
    let client = world.open(V5_0);
    world.send_bytes(client, b"\xC0\x00");
    let connection = client.id;
    let client_id = "a".into();
    let notices = [
        (
            world.notices.remove(0),
            "connection 0 ended: PINGREQ: the first packet of the connection is not CONNECT",
        ),
        (
            Notice::Refused { connection, reason: ConnackReason::NotAuthorized },
            "connection 0 refused: Not authorized",
        ),
        (
            Notice::Ended { connection, cause: EndCause::Reason(DisconnectReason::KeepAliveTimeout) },
            "connection 0 ended: Keep Alive timeout",
        ),
        (
            Notice::Ended { connection, cause: EndCause::ConnectTimeout },
            "connection 0 ended: no CONNECT in time",
        ),
        (
            Notice::MessageDropped { client_id: "a".into(), cause: DropCause::QueueFull, count: 1 },
            "message to \"a\" dropped: the queue is full",
        ),
        (
            Notice::MessageDropped { client_id: "a".into(), cause: DropCause::TransmitFull, count: 2 },
            "message to \"a\" dropped: too much waits to be written (2 times)",
        ),
        (
            Notice::MessageDropped { client_id: "a".into(), cause: DropCause::PacketTooLarge, count: 1 },
            "message to \"a\" dropped: larger than its Maximum Packet Size",
        ),
        (
            Notice::MessageDropped { client_id: "a".into(), cause: DropCause::NotAuthorized, count: 1 },
            "message to \"a\" dropped: it may not have the message",
        ),
        (Notice::NotRetained { count: 1 }, "message not retained: the store is full"),
        (Notice::WillRefused { client_id }, "Will of \"a\" not published: not authorized"),
    ];
    for (notice, text) in notices {
        assert!(notice.to_string().starts_with(text), "{notice}");
    }
}
