//! QoS 1 and 2 over connections that end and programs that crash, both sides.

use std::time::Duration;

use mqtt_session::codec::{Delivery, Packet, ProtocolVersion, QoS};
use mqtt_session::{AllowAll, BrokerConfig, ClientConfig, Message};

use crate::broker::{Client, V5_0, World, delivery};
use crate::client::{Scene, id};
use crate::{Trouble, go_on};

/// The broker, or the connection of the Client, goes, and the Client comes back to its Session.
fn come_back(world: &mut World, client: Client, client_id: &str, trouble: Trouble) -> Client {
    match trouble {
        Trouble::None => return client,
        Trouble::Cut => world.cut(client),
        Trouble::Crash => world.crash(BrokerConfig::default(), AllowAll),
    }
    world.resume(client.version, client_id, true)
}

/// After PUBREC there is nothing left of a message that could be sent again.
#[test]
fn complaint_01_case_20_a_client_sends_pubrel_again_and_never_publish() {
    for version in ProtocolVersion::ALL {
        for trouble in [Trouble::Cut, Trouble::Crash] {
            let mut scene = Scene::connected(version);
            scene.publish("t", "a", QoS::ExactlyOnce);
            scene.pubrec(1);
            scene.trace();
            for _ in 0..3 {
                go_on(&mut scene, trouble);
                let sent: Vec<_> = scene.trace().into_iter().filter(|line| line.starts_with("C>S")).collect();
                assert_eq!(sent, ["C>S PUBREL id=1"], "{version} {trouble:?}");
                // The Server may not have got it.
                scene.pubrec(1);
                scene.expect(&["S>C PUBREC id=1", "C>S PUBREL id=1"]);
            }
            scene.pubcomp(1);
            scene.trace();
            go_on(&mut scene, trouble);
            assert!(!scene.trace().iter().any(|line| line.starts_with("C>S")));
        }
    }
}

#[test]
fn complaint_01_case_20_a_broker_sends_pubrel_again_and_never_publish() {
    for version in ProtocolVersion::ALL {
        for trouble in [Trouble::Cut, Trouble::Crash] {
            let mut world = World::new();
            let mut client = world.resume(version, "s", false);
            world.subscribe(client, "t", QoS::ExactlyOnce);
            world.publish(client, "t", "a", QoS::ExactlyOnce);
            world.pubrec(client, 1);
            world.trace(client);
            for _ in 0..3 {
                client = come_back(&mut world, client, "s", trouble);
                world.expect(client, &["PUBREL id=1"]);
                world.pubrec(client, 1);
                world.expect(client, &["PUBREL id=1"]);
            }
            world.pubcomp(client, 1);
            client = come_back(&mut world, client, "s", trouble);
            world.expect(client, &[]);
        }
    }
}

/// PUBLISH, PUBLISH, PUBREL, PUBREL: one message and two PUBCOMPs, whatever happens between any two of them.
#[test]
fn complaint_02_case_19_a_client_delivers_a_qos_2_message_once() {
    for version in ProtocolVersion::ALL {
        for (at, trouble) in (0..4).flat_map(|at| Trouble::ALL.map(|trouble| (at, trouble))) {
            let mut scene = Scene::connected(version);
            let exactly_once = |dup| Delivery::ExactlyOnce { packet_id: id(7), dup };
            let mut trace = Vec::new();
            for step in 0..4 {
                match step {
                    0 => scene.server_publish("t", "a", exactly_once(false)),
                    1 => scene.server_publish("t", "a", exactly_once(true)),
                    _ => scene.pubrel(7),
                }
                trace.extend(scene.trace());
                if step == at {
                    go_on(&mut scene, trouble);
                }
            }
            let count = |start: &str| trace.iter().filter(|line| line.starts_with(start)).count();
            let counts = [count("* message"), count("C>S PUBREC id=7"), count("C>S PUBCOMP id=7")];
            assert_eq!(counts, [1, 2, 2], "{version} {trouble:?} behind {at}: {trace:#?}");
        }
    }
}

#[test]
fn complaint_02_case_19_a_broker_delivers_a_qos_2_message_once() {
    for version in ProtocolVersion::ALL {
        for (at, trouble) in (0..4).flat_map(|at| Trouble::ALL.map(|trouble| (at, trouble))) {
            let mut world = World::new();
            let subscriber = world.resume(version, "s", false);
            world.subscribe(subscriber, "t", QoS::ExactlyOnce);
            world.cut(subscriber);
            let mut client = world.resume(version, "p", false);
            let mut answers = Vec::new();
            for step in 0..4 {
                match step {
                    0 => world.publish_with(client, "t", "a", delivery(QoS::ExactlyOnce, 7), false, &[]),
                    1 => {
                        let repeat = Delivery::ExactlyOnce { packet_id: id(7), dup: true };
                        world.publish_with(client, "t", "a", repeat, false, &[]);
                    }
                    _ => world.pubrel(client, 7),
                }
                answers.extend(world.trace(client));
                if step == at {
                    client = come_back(&mut world, client, "p", trouble);
                }
            }
            let kinds: Vec<_> = answers.iter().map(|line| line.split(' ').next().unwrap()).collect();
            assert_eq!(
                kinds,
                ["PUBREC", "PUBREC", "PUBCOMP", "PUBCOMP"],
                "{version} {trouble:?} behind {at}"
            );
            let subscriber = world.resume(version, "s", true);
            world.expect(subscriber, &["PUBLISH id=1 q2 dup=0 retain=0 \"t\" \"a\""]);
        }
    }
}

/// One message is never acknowledged while 65,536 others are: its identifier is passed over, and nothing collides.
#[test]
fn complaint_05_no_identifier_collides() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5_0] {
        let mut scene = Scene::connected(version);
        scene.publish("t", "stuck", QoS::AtLeastOnce);
        scene.trace();
        let mut expected = 1_u16;
        for _ in 0..=u16::MAX {
            expected = expected.checked_add(1).unwrap_or(2);
            scene.publish("t", "", QoS::AtLeastOnce);
            scene.expect(&[&format!("C>S PUBLISH id={expected} q1 dup=0 retain=0 \"t\" 0 bytes")]);
            scene.puback(expected);
            scene.trace();
        }
        go_on(&mut scene, Trouble::Cut);
        assert_eq!(scene.trace().last().unwrap(), "C>S PUBLISH id=1 q1 dup=1 retain=0 \"t\" 5 bytes");
        scene.puback(1);
        assert_eq!(scene.client.in_flight(), 0);
    }
}

/// DUP says "sent on an earlier connection", and nothing else; PUBREL has no such flag (a strict decoder reads the trace).
#[test]
fn complaint_08_case_21_dup_is_set_on_every_later_connection() {
    for version in ProtocolVersion::ALL {
        for trouble in [Trouble::Cut, Trouble::Crash] {
            let mut scene = Scene::new(version, ClientConfig::default());
            // It has waited for a connection, which is no sending.
            scene.publish("t", "a", QoS::AtLeastOnce);
            scene.publish("t", "a", QoS::ExactlyOnce);
            scene.publish("t", "a", QoS::ExactlyOnce);
            scene.reconnect(false, &[]);
            let publish =
                |id, qos, dup| format!("C>S PUBLISH id={id} q{qos} dup={dup} retain=0 \"t\" 1 bytes");
            scene.expect(&[&publish(1, 1, 0), &publish(2, 2, 0), &publish(3, 2, 0)]);
            scene.pubrec(3);
            for _ in 0..3 {
                scene.trace();
                go_on(&mut scene, trouble);
                let sent: Vec<_> = scene.trace().into_iter().filter(|line| line.starts_with("C>S")).collect();
                assert_eq!(sent, [publish(1, 1, 1), publish(2, 2, 1), "C>S PUBREL id=3".to_owned()]);
            }

            let mut world = World::new();
            let mut client = world.resume(version, "s", false);
            world.subscribe(client, "t", QoS::ExactlyOnce);
            world.cut(client);
            for qos in [1, 2, 2] {
                let message = Message::new("t", "a").unwrap().with_qos(QoS::from_bits(qos).unwrap());
                world.broker.publish(world.now, &message);
            }
            world.settle();
            client = world.resume(version, "s", true);
            let publish = |id, qos, dup| format!("PUBLISH id={id} q{qos} dup={dup} retain=0 \"t\" \"a\"");
            world.expect(client, &[&publish(1, 1, 0), &publish(2, 2, 0), &publish(3, 2, 0)]);
            world.pubrec(client, 3);
            world.trace(client);
            for _ in 0..3 {
                client = come_back(&mut world, client, "s", trouble);
                world.expect(client, &[&publish(1, 1, 1), &publish(2, 2, 1), "PUBREL id=3"]);
            }
        }
    }
}

/// However long an answer takes, nothing is sent again while the connection lasts [MQTT-4.4.0-1].
#[test]
fn complaint_09_a_broker_sends_nothing_again_while_the_connection_lasts() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect(version, "s");
        world.subscribe(client, "t", QoS::ExactlyOnce);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce] {
            world.publish(client, "t", "", qos);
        }
        world.pubrec(client, 3);
        assert_eq!(world.trace(client).len(), 4);
        for _ in 0..100 {
            world.pass(Duration::from_secs(1_000));
            world.send(client, &Packet::Pingreq);
            world.expect(client, &["PINGRESP"]);
        }
    }
}

/// All 65,535 identifiers are under way: the next message waits for one to come back.
#[test]
fn complaint_04_case_22_a_broker_does_not_reuse_identifiers() {
    let config = BrokerConfig { maximum_in_flight: u16::MAX.try_into().unwrap(), ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    let client = world.connect(V5_0, "s");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    let message = Message::new("t", "").unwrap().with_qos(QoS::AtLeastOnce);
    // The Session ends with its connection: there is nothing to store, and nothing to compare with the store each time.
    world.store_stalled = true;
    for packet_id in 1..=u16::MAX {
        world.broker.publish(world.now, &message);
        world.settle();
        world.expect(client, &[&format!("PUBLISH id={packet_id} q1 dup=0 retain=0 \"t\" \"\"")]);
    }
    world.broker.publish(world.now, &message);
    world.settle();
    world.expect(client, &[]);
    world.puback(client, 40_000);
    world.expect(client, &["PUBLISH id=40000 q1 dup=0 retain=0 \"t\" \"\""]);
}
