//! QoS 0, 1 and 2 in both directions, order, resending, identifiers, Topic Aliases.

use mqtt_session::codec::{
    Delivery, Disconnect, DisconnectReason, Packet, Property, ProtocolVersion, Puback, PublishReason, Pubrec,
    QoS, ReleaseReason,
};
use mqtt_session::{BrokerConfig, ClientInfo, Message, Policy, Refusal, codec};

use crate::harness::{Client, V3_1_1, V5_0, World, delivery, id};

/// Every pair of versions, every pair of QoS: the lower one counts [MQTT-3.8.4-8].
#[test]
fn a_message_is_delivered_at_the_lower_qos() {
    for from in ProtocolVersion::ALL {
        for to in ProtocolVersion::ALL {
            for published in QoS::ALL {
                for granted in QoS::ALL {
                    let mut world = World::new();
                    let subscriber = world.connect(to, "subscriber");
                    world.subscribe(subscriber, "a/+", granted);
                    let publisher = world.connect(from, "publisher");
                    world.publish_with(publisher, "a/b", "hi", delivery(published, 7), false, &[]);
                    match published {
                        QoS::AtMostOnce => world.expect(publisher, &[]),
                        QoS::AtLeastOnce => world.expect(publisher, &["PUBACK id=7"]),
                        QoS::ExactlyOnce => {
                            world.expect(publisher, &["PUBREC id=7"]);
                            world.pubrel(publisher, 7);
                            world.expect(publisher, &["PUBCOMP id=7"]);
                        }
                    }
                    match published.min(granted) {
                        QoS::AtMostOnce => {
                            world.expect(subscriber, &["PUBLISH q0 dup=0 retain=0 \"a/b\" \"hi\""]);
                        }
                        QoS::AtLeastOnce => {
                            world.expect(subscriber, &["PUBLISH id=1 q1 dup=0 retain=0 \"a/b\" \"hi\""]);
                            world.puback(subscriber, 1);
                            world.expect(subscriber, &[]);
                        }
                        QoS::ExactlyOnce => {
                            world.expect(subscriber, &["PUBLISH id=1 q2 dup=0 retain=0 \"a/b\" \"hi\""]);
                            world.pubrec(subscriber, 1);
                            world.expect(subscriber, &["PUBREL id=1"]);
                            world.pubcomp(subscriber, 1);
                            world.expect(subscriber, &[]);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_message_to_one_client_needs_no_subscription() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.resume(version, "c", false);
        let other = world.connect(version, "other");
        world.subscribe(other, "#", QoS::ExactlyOnce);
        let message = Message::new("a", "1").unwrap().with_retain(true);
        let send = |world: &mut World, message: &Message| {
            let found = world.broker.publish_to(world.now, "c", message);
            world.settle();
            found
        };
        assert!(send(&mut world, &message));
        world.expect(client, &[r#"PUBLISH q0 dup=0 retain=0 "a" "1""#]);
        // Of QoS 1 and 2 it waits for a Client that is away.
        world.cut(client);
        for qos in QoS::ALL {
            assert!(send(&mut world, &message.clone().with_qos(qos)));
        }
        let client = world.resume(version, "c", version != ProtocolVersion::V3_1);
        world.expect(
            client,
            &[r#"PUBLISH id=1 q1 dup=0 retain=0 "a" "1""#, r#"PUBLISH id=2 q2 dup=0 retain=0 "a" "1""#],
        );
        assert!(!world.broker.publish_to(world.now, "nobody", &message));
        world.expect(other, &[]);
        assert_eq!(world.broker.retained_count(), 0);
    }
}

#[test]
fn a_message_to_one_client_keeps_to_the_highest_qos() {
    for (maximum_qos, line) in [
        (QoS::AtMostOnce, r#"PUBLISH q0 dup=0 retain=0 "a" "1""#),
        (QoS::AtLeastOnce, r#"PUBLISH id=1 q1 dup=0 retain=0 "a" "1""#),
    ] {
        let mut world = World::with_config(BrokerConfig { maximum_qos, ..BrokerConfig::default() });
        let client = world.connect(V5_0, "c");
        let message = Message::new("a", "1").unwrap().with_qos(QoS::ExactlyOnce);
        assert!(world.broker.publish_to(world.now, "c", &message));
        world.settle();
        world.expect(client, &[line]);
    }
}

#[test]
fn nobody_to_deliver_to_is_told_to_5_0_clients() {
    let mut world = World::new();
    let client = world.connect(V5_0, "a");
    world.publish_with(client, "a", "", delivery(QoS::AtLeastOnce, 1), false, &[]);
    world.publish_with(client, "a", "", delivery(QoS::ExactlyOnce, 2), false, &[]);
    world.expect(
        client,
        &["PUBACK id=1 0x10 No matching subscribers", "PUBREC id=2 0x10 No matching subscribers"],
    );
    let client = world.connect(V3_1_1, "b");
    world.publish_with(client, "a", "", delivery(QoS::AtLeastOnce, 1), false, &[]);
    world.expect(client, &["PUBACK id=1"]);
}

/// A repeated QoS 2 PUBLISH is delivered once, across connections too [MQTT-4.3.3-10] [MQTT-4.3.3-12].
#[test]
fn complaint_02_a_qos_2_message_is_delivered_once() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let subscriber = world.connect(version, "subscriber");
        world.subscribe(subscriber, "#", QoS::AtMostOnce);
        let publisher = world.resume(version, "publisher", false);
        let repeated = Delivery::ExactlyOnce { packet_id: id(5), dup: true };
        world.publish_with(publisher, "a", "one", delivery(QoS::ExactlyOnce, 5), false, &[]);
        world.publish_with(publisher, "a", "one", repeated, false, &[]);
        world.expect(publisher, &["PUBREC id=5", "PUBREC id=5"]);
        world.cut(publisher);
        let publisher = world.resume(version, "publisher", true);
        world.publish_with(publisher, "a", "one", repeated, false, &[]);
        world.pubrel(publisher, 5);
        world.expect(publisher, &["PUBREC id=5", "PUBCOMP id=5"]);
        world.expect(subscriber, &["PUBLISH q0 dup=0 retain=0 \"a\" \"one\""]);
        // The identifier is free: this is another message.
        world.publish_with(publisher, "a", "two", delivery(QoS::ExactlyOnce, 5), false, &[]);
        world.expect(subscriber, &["PUBLISH q0 dup=0 retain=0 \"a\" \"two\""]);
    }
}

#[test]
fn complaint_03_a_pubrel_for_nothing_is_answered() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect(version, "a");
        world.pubrel(client, 9);
        let expected =
            if version == V5_0 { "PUBCOMP id=9 0x92 Packet Identifier not found" } else { "PUBCOMP id=9" };
        world.expect(client, &[expected]);
    }
}

/// A repeated QoS 1 PUBLISH after its PUBACK is a new message.
#[test]
fn a_qos_1_identifier_is_free_after_its_puback() {
    let mut world = World::new();
    let client = world.connect(V3_1_1, "a");
    world.subscribe(client, "a", QoS::AtMostOnce);
    for _ in 0..2 {
        world.publish_with(
            client,
            "a",
            "",
            Delivery::AtLeastOnce { packet_id: id(1), dup: true },
            false,
            &[],
        );
        world.expect(client, &["PUBLISH q0 dup=0 retain=0 \"a\" \"\"", "PUBACK id=1"]);
    }
}

#[test]
fn an_identifier_in_use_is_refused() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect(version, "a");
        world.subscribe(client, "a", QoS::AtMostOnce);
        world.publish_with(client, "a", "two", delivery(QoS::ExactlyOnce, 1), false, &[]);
        world.trace(client);
        world.publish_with(client, "a", "one", delivery(QoS::AtLeastOnce, 1), false, &[]);
        if version == V5_0 {
            world.expect(client, &["PUBACK id=1 0x91 Packet identifier in use"]);
            world.pubrel(client, 1);
            world.expect(client, &["PUBCOMP id=1"]);
        } else {
            world.expect(client, &["CLOSED"]);
        }
    }
}

/// What is under way when a connection breaks is sent again on the next one, in its order and with DUP
/// [MQTT-4.4.0-1] [MQTT-4.6.0-1]; what was released is released again, and never published again.
#[test]
fn complaint_07_case_21_everything_under_way_is_resent_in_order() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let subscriber = world.resume(version, "subscriber", false);
        world.subscribe(subscriber, "#", QoS::ExactlyOnce);
        let publisher = world.connect(version, "publisher");
        for (payload, qos) in [("1", 1), ("2", 2), ("3", 2), ("4", 1), ("5", 2), ("6", 1)] {
            world.publish(publisher, "a", payload, QoS::from_bits(qos).unwrap());
        }
        world.trace(subscriber);
        world.pubrec(subscriber, 3);
        world.puback(subscriber, 4);
        world.expect(subscriber, &["PUBREL id=3"]);
        world.cut(subscriber);
        world.publish(publisher, "a", "7", QoS::AtLeastOnce);
        world.publish(publisher, "a", "lost", QoS::AtMostOnce);
        let subscriber = world.resume(version, "subscriber", true);
        world.expect(
            subscriber,
            &[
                "PUBLISH id=1 q1 dup=1 retain=0 \"a\" \"1\"",
                "PUBLISH id=2 q2 dup=1 retain=0 \"a\" \"2\"",
                "PUBREL id=3",
                "PUBLISH id=5 q2 dup=1 retain=0 \"a\" \"5\"",
                "PUBLISH id=6 q1 dup=1 retain=0 \"a\" \"6\"",
                "PUBLISH id=7 q1 dup=0 retain=0 \"a\" \"7\"",
            ],
        );
        // A repeated PUBREC is answered again, and PUBCOMP ends it.
        world.pubrec(subscriber, 3);
        world.expect(subscriber, &["PUBREL id=3"]);
        world.pubcomp(subscriber, 3);
        for id in [1, 6, 7] {
            world.puback(subscriber, id);
        }
        for id in [2, 5] {
            world.pubrec(subscriber, id);
            world.pubcomp(subscriber, id);
        }
        world.cut(subscriber);
        let subscriber = world.resume(version, "subscriber", true);
        world.expect(subscriber, &[]);
    }
}

/// A connection is cut after every packet in turn: QoS 2 arrives exactly once, QoS 1 at least once, both in order.
#[test]
fn a_cut_at_any_point_loses_and_doubles_nothing() {
    for version in ProtocolVersion::ALL {
        for cut_after in 0..12 {
            let mut world = World::new();
            let mut subscriber = world.resume(version, "subscriber", false);
            world.subscribe(subscriber, "#", QoS::ExactlyOnce);
            let publisher = world.connect(version, "publisher");
            for payload in ["1", "2", "3", "4"] {
                world.publish(publisher, payload, payload, QoS::ExactlyOnce);
            }
            // What a receiver by the book keeps: the identifiers it has acted upon.
            let (mut taken, mut delivered) = (Vec::new(), Vec::new());
            let mut answers = 0;
            for _ in 0..2 {
                let mut inbox = world.trace(subscriber);
                while !inbox.is_empty() {
                    for line in std::mem::take(&mut inbox) {
                        let number: u16 = line.split(' ').nth(1).unwrap()[3..].parse().unwrap();
                        if line.starts_with("PUBLISH") {
                            if !taken.contains(&number) {
                                taken.push(number);
                                delivered.push(line.split('"').nth(3).unwrap().to_owned());
                            }
                        } else {
                            taken.retain(|taken| *taken != number);
                        }
                        if answers == cut_after {
                            break;
                        }
                        answers += 1;
                        if line.starts_with("PUBLISH") {
                            world.pubrec(subscriber, number);
                        } else {
                            world.pubcomp(subscriber, number);
                        }
                    }
                    if answers == cut_after {
                        break;
                    }
                    inbox = world.trace(subscriber);
                }
                answers = usize::MAX / 2;
                world.cut(subscriber);
                subscriber = world.resume(version, "subscriber", true);
            }
            assert_eq!(delivered, ["1", "2", "3", "4"], "{version} cut after {cut_after}");
            world.expect(subscriber, &[]);
        }
    }
}

/// Acknowledgements nobody waits for change nothing; those of the wrong type are a Protocol Error.
#[test]
fn complaint_03_stray_acknowledgements_are_ignored() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect(version, "a");
        world.puback(client, 1);
        world.pubcomp(client, 2);
        world.expect(client, &[]);
        world.pubrec(client, 3);
        let pubrel =
            if version == V5_0 { "PUBREL id=3 0x92 Packet Identifier not found" } else { "PUBREL id=3" };
        world.expect(client, &[pubrel]);
        if version == V5_0 {
            let refused = Pubrec { reason: PublishReason::QuotaExceeded, ..Pubrec::new(id(4)) };
            world.send(client, &Packet::Pubrec(refused));
            world.expect(client, &[]);
        }
        assert!(world.is_open(client));
    }
}

type Act = fn(&mut World, Client);

#[test]
fn acknowledgements_of_the_wrong_type_end_the_connection() {
    for version in ProtocolVersion::ALL {
        let cases: [(u8, Act); 5] = [
            (1, |world, client| world.pubrec(client, 1)),
            (1, |world, client| world.pubcomp(client, 1)),
            (2, |world, client| world.puback(client, 1)),
            (2, |world, client| world.pubcomp(client, 1)),
            (2, |world, client| {
                world.pubrec(client, 1);
                world.puback(client, 1);
            }),
        ];
        for (qos, act) in cases {
            let mut world = World::new();
            let client = world.connect(version, "a");
            world.subscribe(client, "a", QoS::ExactlyOnce);
            world.publish(client, "a", "", QoS::from_bits(qos).unwrap());
            world.trace(client);
            act(&mut world, client);
            let trace = world.trace(client);
            let last: Vec<&str> =
                trace.iter().map(String::as_str).filter(|line| *line != "PUBREL id=1").collect();
            match version {
                V5_0 => assert_eq!(last, ["DISCONNECT 0x82 Protocol Error", "CLOSED"]),
                _ => assert_eq!(last, ["CLOSED"]),
            }
        }
    }
}

/// A PUBACK or PUBREC that refuses ends the exchange: nothing is sent again [MQTT-4.4.0-2].
#[test]
fn case_20_a_refused_message_is_not_sent_again() {
    let mut world = World::new();
    let client = world.resume(V5_0, "a", false);
    world.subscribe(client, "a", QoS::ExactlyOnce);
    world.publish(client, "a", "1", QoS::AtLeastOnce);
    world.publish(client, "a", "2", QoS::ExactlyOnce);
    world.trace(client);
    world
        .send(client, &Packet::Puback(Puback { reason: PublishReason::QuotaExceeded, ..Puback::new(id(1)) }));
    world
        .send(client, &Packet::Pubrec(Pubrec { reason: PublishReason::QuotaExceeded, ..Pubrec::new(id(2)) }));
    world.expect(client, &[]);
    world.cut(client);
    let client = world.resume(V5_0, "a", true);
    world.expect(client, &[]);
}

#[test]
fn a_pubcomp_that_finds_nothing_ends_the_exchange() {
    let mut world = World::new();
    let client = world.resume(V5_0, "a", false);
    world.subscribe(client, "a", QoS::ExactlyOnce);
    world.publish(client, "a", "", QoS::ExactlyOnce);
    world.pubrec(client, 1);
    let not_found = mqtt_session::codec::Pubcomp {
        reason: ReleaseReason::PacketIdentifierNotFound,
        ..mqtt_session::codec::Pubcomp::new(id(1))
    };
    world.send(client, &Packet::Pubcomp(not_found));
    world.cut(client);
    let client = world.resume(V5_0, "a", true);
    world.expect(client, &[]);
}

/// The properties of a message arrive as they were sent, User Properties in order and repeated [MQTT-3.3.2-18]; what belongs
/// to one hop does not.
#[test]
fn complaint_11_properties_are_forwarded_and_the_alias_is_not() {
    let mut world = World::new();
    let (new, old) = (world.connect(V5_0, "new"), world.connect(V3_1_1, "old"));
    for client in [new, old] {
        world.subscribe(client, "a", QoS::AtMostOnce);
    }
    let properties = [
        Property::UserProperty(("k", "2")),
        Property::ContentType("text"),
        Property::UserProperty(("k", "1")),
        Property::TopicAlias(3.try_into().unwrap()),
        Property::CorrelationData(b"xy"),
        Property::UserProperty(("k", "2")),
    ];
    world.publish_with(new, "a", "hi", Delivery::AtMostOnce, false, &properties);
    world.expect(
        new,
        &["PUBLISH q0 dup=0 retain=0 \"a\" \"hi\" {\"k\"=\"2\", Content Type=\"text\", \"k\"=\"1\", \
           Correlation Data=2 bytes, \"k\"=\"2\"}"],
    );
    world.expect(old, &["PUBLISH q0 dup=0 retain=0 \"a\" \"hi\""]);
}

/// Topic Aliases of both directions, each as old as its connection.
#[test]
fn complaint_11_case_24_topic_aliases_end_with_the_connection() {
    let alias = |alias: u16| [Property::TopicAlias(alias.try_into().unwrap())];
    let mut world = World::new();
    let fields =
        || mqtt_session::codec::ConnectFields { client_id: "a", clean_start: false, ..Default::default() };
    let properties = [Property::TopicAliasMaximum(1), Property::SessionExpiryInterval(100)];
    let client = world.connect_with(V5_0, fields(), &properties);
    world.expect_connack(client, false);
    world.subscribe(client, "#", QoS::AtLeastOnce);
    world.publish_with(client, "x", "1", Delivery::AtMostOnce, false, &alias(2));
    world.publish_with(client, "", "2", Delivery::AtMostOnce, false, &alias(2));
    world.publish_with(client, "y", "3", Delivery::AtMostOnce, false, &alias(2));
    world.publish_with(client, "", "4", delivery(QoS::AtLeastOnce, 1), false, &alias(2));
    world.publish_with(client, "x", "5", delivery(QoS::AtLeastOnce, 1), false, &[]);
    world.expect(
        client,
        &[
            "PUBLISH q0 dup=0 retain=0 \"x\" \"1\" {Topic Alias=1}",
            "PUBLISH q0 dup=0 retain=0 \"\" \"2\" {Topic Alias=1}",
            "PUBLISH q0 dup=0 retain=0 \"y\" \"3\"",
            "PUBLISH id=1 q1 dup=0 retain=0 \"y\" \"4\"",
            "PUBACK id=1",
            "PUBLISH id=2 q1 dup=0 retain=0 \"\" \"5\" {Topic Alias=1}",
            "PUBACK id=1",
        ],
    );
    world.cut(client);
    let client = world.connect_with(V5_0, fields(), &properties);
    world.expect_connack(client, true);
    // The tables are empty: whoever comes first gets the alias, with its topic.
    world.expect(
        client,
        &[
            "PUBLISH id=1 q1 dup=1 retain=0 \"y\" \"4\" {Topic Alias=1}",
            "PUBLISH id=2 q1 dup=1 retain=0 \"x\" \"5\"",
        ],
    );
    world.publish_with(client, "", "6", Delivery::AtMostOnce, false, &alias(2));
    world.expect(client, &["DISCONNECT 0x82 Protocol Error", "CLOSED"]);
    for (number, expected) in [(16, None), (17, Some("DISCONNECT 0x94 Topic Alias invalid"))] {
        let client = world.connect(V5_0, "b");
        world.publish_with(client, "x", "", Delivery::AtMostOnce, false, &alias(number));
        assert_eq!(world.trace(client).first().map(String::as_str), expected);
    }
}

/// The broker's own messages.
#[test]
fn the_server_publishes_too() {
    let mut world = World::new();
    let client = world.connect(V3_1_1, "a");
    world.subscribe(client, "$SYS/#", QoS::AtMostOnce);
    let message = Message::new("$SYS/uptime", "5").unwrap().with_qos(QoS::AtLeastOnce);
    assert_eq!(world.broker.publish(world.now, &message), 1);
    world.settle();
    world.expect(client, &["PUBLISH q0 dup=0 retain=0 \"$SYS/uptime\" \"5\""]);
    let message = Message::new("elsewhere", "").unwrap();
    assert_eq!(world.broker.publish(world.now, &message), 0);
}

/// Nobody is told in 3.x [M31-45]; 5.0 has a code, and the connection stays.
#[test]
fn a_forbidden_message_is_not_delivered() {
    struct Muzzled;
    impl Policy for Muzzled {
        fn may_publish(
            &self,
            client: &ClientInfo<'_>,
            message: &codec::Publish<'_>,
        ) -> Result<(), Refusal<PublishReason>> {
            match (client.client_id, message.topic.unwrap().as_str()) {
                ("muzzled", "a") => Err(PublishReason::NotAuthorized.into()),
                _ => Ok(()),
            }
        }
    }
    for version in ProtocolVersion::ALL {
        let mut world = World::with(mqtt_session::BrokerConfig::default(), Muzzled);
        let subscriber = world.connect(version, "subscriber");
        world.subscribe(subscriber, "#", QoS::AtMostOnce);
        let client = world.connect(version, "muzzled");
        for (qos, packet) in
            [(QoS::AtMostOnce, ""), (QoS::AtLeastOnce, "PUBACK"), (QoS::ExactlyOnce, "PUBREC")]
        {
            world.publish_with(client, "a", "", delivery(qos, 1), true, &[]);
            match (qos, version) {
                (QoS::AtMostOnce, _) => world.expect(client, &[]),
                (_, V5_0) => world.expect(client, &[&format!("{packet} id=1 0x87 Not authorized")]),
                (..) => world.expect(client, &[&format!("{packet} id=1")]),
            }
        }
        world.expect(subscriber, &[]);
        assert_eq!(world.broker.retained_count(), 0);
    }
}

/// Nothing follows a DISCONNECT in either direction [MQTT-3.14.4-1].
#[test]
fn what_comes_behind_a_disconnect_is_not_looked_at() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let subscriber = world.connect(version, "subscriber");
        world.subscribe(subscriber, "#", QoS::AtMostOnce);
        let client = world.connect(version, "a");
        let mut bytes = bytes::BytesMut::new();
        Disconnect::new(DisconnectReason::NormalDisconnection).encode(version, &mut bytes).unwrap();
        mqtt_session::codec::Publish::new(mqtt_session::topic::TopicName::parse("a").unwrap(), b"")
            .encode(version, &mut bytes)
            .unwrap();
        world.send_bytes(client, &bytes);
        world.expect(client, &["CLOSED"]);
        world.expect(subscriber, &[]);
    }
}
