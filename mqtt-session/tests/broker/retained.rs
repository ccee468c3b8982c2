//! Retained messages (section 3.3.1.3).

use mqtt_session::codec::{Delivery, Property, ProtocolVersion, QoS, RetainHandling, SubscriptionOptions};
use mqtt_session::{BrokerConfig, Notice, Received};

use crate::harness::{V3_1_1, V5_0, World, delivery};

#[test]
fn a_new_subscription_gets_what_is_retained() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let publisher = world.connect(version, "publisher");
        world.retain(publisher, "a/1", "old", QoS::AtLeastOnce);
        world.retain(publisher, "a/1", "new", QoS::ExactlyOnce);
        world.retain(publisher, "a/2", "cleared", QoS::AtMostOnce);
        world.retain(publisher, "a/2", "", QoS::AtMostOnce);
        world.retain(publisher, "a/3", "three", QoS::AtMostOnce);
        world.retain(publisher, "b", "other", QoS::AtMostOnce);
        world.publish(publisher, "a/4", "live", QoS::AtLeastOnce);
        assert_eq!(world.broker.retained_count(), 3);
        world.cut(publisher);
        let client = world.connect(version, "client");
        world.subscribe(client, "a/#", QoS::AtLeastOnce);
        world.expect(
            client,
            &[
                "PUBLISH id=1 q1 dup=0 retain=1 \"a/1\" \"new\"",
                "PUBLISH q0 dup=0 retain=1 \"a/3\" \"three\"",
            ],
        );
        // A live message is not a retained one [MQTT-3.3.1-12].
        let publisher = world.connect(version, "publisher");
        world.retain(publisher, "a/1", "newest", QoS::AtMostOnce);
        world.retain(publisher, "a/1", "", QoS::AtMostOnce);
        world.expect(
            client,
            &["PUBLISH q0 dup=0 retain=0 \"a/1\" \"newest\"", "PUBLISH q0 dup=0 retain=0 \"a/1\" \"\""],
        );
    }
}

/// The flag says how the message came about, which does not change when it is sent again.
#[test]
fn a_resent_retained_message_is_still_a_retained_one() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.resume(version, "a", false);
        world.retain(client, "x", "r", QoS::AtLeastOnce);
        world.subscribe(client, "x", QoS::AtLeastOnce);
        world.expect(client, &["PUBLISH id=1 q1 dup=0 retain=1 \"x\" \"r\""]);
        world.cut(client);
        let client = world.resume(version, "a", true);
        world.expect(client, &["PUBLISH id=1 q1 dup=1 retain=1 \"x\" \"r\""]);
    }
}

/// [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11].
#[test]
fn retain_handling_says_which_are_sent() {
    let cases = [
        (RetainHandling::SendAtSubscribe, [true, true]),
        (RetainHandling::SendAtSubscribeIfNew, [true, false]),
        (RetainHandling::DoNotSend, [false, false]),
    ];
    for (retain_handling, sent) in cases {
        let mut world = World::new();
        let client = world.connect(V5_0, "a");
        world.retain(client, "x", "", QoS::AtMostOnce);
        world.retain(client, "x", "r", QoS::AtMostOnce);
        let options = SubscriptionOptions { retain_handling, ..SubscriptionOptions::default() };
        for is_sent in sent {
            world.subscribe(client, "x", options);
            let expected: &[&str] = if is_sent { &["PUBLISH q0 dup=0 retain=1 \"x\" \"r\""] } else { &[] };
            world.expect(client, expected);
        }
        // The same filter twice in one SUBSCRIBE: new once.
        world.unsubscribe(client, "x");
        world.trace(client);
        world.subscribe_with(client, &[("x", options), ("x", options)], &[]);
        let expected = sent.into_iter().filter(|is_sent| *is_sent).count();
        assert_eq!(world.trace(client).len(), 1 + expected);
    }
}

#[test]
fn a_3_x_subscription_gets_them_each_time() {
    let mut world = World::new();
    let client = world.connect(V3_1_1, "a");
    world.retain(client, "x", "r", QoS::AtMostOnce);
    for _ in 0..2 {
        world.subscribe(client, "x", QoS::AtMostOnce);
        world.expect(client, &["PUBLISH q0 dup=0 retain=1 \"x\" \"r\""]);
    }
}

/// [MQTT-3.3.1-12], [MQTT-3.3.1-13].
#[test]
fn retain_as_published() {
    let mut world = World::new();
    let client = world.connect(V5_0, "a");
    let options = SubscriptionOptions { retain_as_published: true, ..SubscriptionOptions::default() };
    world.subscribe(client, "x", options);
    world.publish_with(client, "x", "1", Delivery::AtMostOnce, true, &[]);
    world.publish_with(client, "x", "2", Delivery::AtMostOnce, false, &[]);
    world.expect(client, &["PUBLISH q0 dup=0 retain=1 \"x\" \"1\"", "PUBLISH q0 dup=0 retain=0 \"x\" \"2\""]);
    // Overlapping subscriptions: one of them is enough.
    world.subscribe(
        client,
        "+",
        SubscriptionOptions { retain_handling: RetainHandling::DoNotSend, ..QoS::AtMostOnce.into() },
    );
    world.publish_with(client, "x", "3", Delivery::AtMostOnce, true, &[]);
    world.expect(client, &["PUBLISH q0 dup=0 retain=1 \"x\" \"3\""]);
}

#[test]
fn no_local_hides_the_own_retained_message() {
    let mut world = World::new();
    let (own, other) = (world.connect(V5_0, "own"), world.connect(V5_0, "other"));
    world.retain(own, "x", "own", QoS::AtMostOnce);
    world.retain(other, "y", "other", QoS::AtMostOnce);
    world.subscribe(own, "#", SubscriptionOptions { no_local: true, ..SubscriptionOptions::default() });
    world.expect(own, &["PUBLISH q0 dup=0 retain=1 \"y\" \"other\""]);
}

/// Their Message Expiry Interval is counted down [MQTT-3.3.2-6]; what has expired is gone.
#[test]
fn complaint_19_case_28_retained_messages_expire() {
    let mut world = World::new();
    let publisher = world.connect(V5_0, "publisher");
    for (topic, seconds) in [("a", 10), ("b", 20), ("c", 0)] {
        let expiry = [Property::MessageExpiryInterval(seconds)];
        world.publish_with(publisher, topic, "x", delivery(QoS::AtMostOnce, 1), true, &expiry);
    }
    assert_eq!(world.broker.retained_count(), 2);
    // Replaced by one that lasts.
    world.retain(publisher, "b", "y", QoS::AtMostOnce);
    world.pass_seconds(9);
    let client = world.connect(V5_0, "client");
    world.subscribe(client, "#", QoS::AtMostOnce);
    world.expect(
        client,
        &[
            "PUBLISH q0 dup=0 retain=1 \"a\" \"x\" {Message Expiry Interval=1}",
            "PUBLISH q0 dup=0 retain=1 \"b\" \"y\"",
        ],
    );
    world.pass_seconds(1);
    assert_eq!(world.broker.retained_count(), 1);
    world.pass_seconds(100);
    assert_eq!((world.broker.retained_count(), world.broker.poll_timeout()), (1, None));
}

#[test]
fn a_message_expires_that_replaces_one_of_the_same_age() {
    let mut world = World::new();
    let publisher = world.connect(V5_0, "publisher");
    for payload in ["1", "2"] {
        let expiry = [Property::MessageExpiryInterval(10)];
        world.publish_with(publisher, "a", payload, Delivery::AtMostOnce, true, &expiry);
    }
    world.pass_seconds(10);
    assert_eq!((world.broker.retained_count(), world.broker.poll_timeout()), (0, None));
}

#[test]
fn a_retained_message_counts_as_its_size_and_a_little_more() {
    let mut world =
        World::with_config(BrokerConfig { maximum_retained_bytes: 10_000, ..BrokerConfig::default() });
    let client = world.connect(V3_1_1, "a");
    for number in 100..300 {
        world.retain(client, &number.to_string(), &"x".repeat(97), QoS::AtMostOnce);
    }
    assert!((60..90).contains(&world.broker.retained_count()), "{}", world.broker.retained_count());
}

#[test]
fn case_35_the_store_has_a_ceiling_of_messages_and_one_of_bytes() {
    let one = BrokerConfig { maximum_retained_messages: 1, ..BrokerConfig::default() };
    let small = BrokerConfig { maximum_retained_bytes: 1_500, ..BrokerConfig::default() };
    for config in [one, small] {
        for version in ProtocolVersion::ALL {
            let mut world = World::with_config(config.clone());
            let client = world.connect(version, "a");
            let payload = "x".repeat(1_000);
            world.subscribe(client, "#", QoS::AtMostOnce);
            world.publish_with(client, "a", &payload, delivery(QoS::AtLeastOnce, 1), true, &[]);
            // In its place another of the same size fits.
            world.publish_with(client, "a", &payload, delivery(QoS::AtLeastOnce, 1), true, &[]);
            world.trace(client);
            world.publish_with(client, "b", &payload, delivery(QoS::AtLeastOnce, 1), true, &[]);
            if version == V5_0 {
                world.expect(client, &["PUBACK id=1 0x97 Quota exceeded"]);
            } else {
                // There is no way to refuse it; who wants it now gets it.
                assert_eq!(world.trace(client).len(), 2);
                assert_eq!(world.notices, [Notice::NotRetained { count: 1 }]);
            }
            assert_eq!(world.broker.retained_count(), 1);
            // That is nothing to a message that is not to be retained, and nothing to removing one.
            world.trace(client);
            world.publish_with(client, "b", &payload, delivery(QoS::AtLeastOnce, 1), false, &[]);
            assert_eq!(world.trace(client).pop().as_deref(), Some("PUBACK id=1"));
            world.publish_with(client, "a", "", delivery(QoS::AtLeastOnce, 1), true, &[]);
            world.publish_with(client, "b", &payload, delivery(QoS::AtLeastOnce, 1), true, &[]);
            assert_eq!(world.broker.retained_count(), 1);
        }
    }
}

/// What has expired is not sent, however late the driver is.
#[test]
fn an_expired_message_is_not_sent_by_a_late_driver() {
    let mut world = World::new();
    let client = world.connect(V5_0, "a");
    let expiry = [Property::MessageExpiryInterval(10)];
    world.publish_with(client, "x", "old", Delivery::AtMostOnce, true, &expiry);
    world.now = world.now + std::time::Duration::from_secs(10);
    world.subscribe(client, "x", QoS::AtMostOnce);
    world.expect(client, &[]);
}

#[test]
fn a_filter_that_finds_nothing_does_not_hold_up_the_next() {
    let mut world = World::new();
    let client = world.connect(V3_1_1, "a");
    world.retain(client, "x", "r", QoS::AtMostOnce);
    let qos = SubscriptionOptions::from(QoS::AtMostOnce);
    world.subscribe_with(client, &[("none", qos), ("none/#", qos), ("x", qos)], &[]);
    world.expect(client, &["SUBACK id=100 0x00 0x00 0x00", "PUBLISH q0 dup=0 retain=1 \"x\" \"r\""]);
}

/// Retained messages that wait are bounded too: for twice as many subscriptions as a Session may have.
#[test]
fn what_waits_can_be_given_up_and_is_bounded() {
    let config = BrokerConfig { transmit_limit: 100, maximum_subscriptions: 2, ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    let publisher = world.connect(V5_0, "publisher");
    for number in 0..100 {
        world.retain(publisher, &format!("t/{number}"), "payload", QoS::AtMostOnce);
        world.retain(publisher, &format!("u/{number}"), "payload", QoS::AtMostOnce);
    }
    let client = world.connect(V5_0, "client");
    world.stalled = true;
    let qos = SubscriptionOptions::from(QoS::AtMostOnce);
    world.subscribe_with(
        client,
        &[("t/+", qos), ("u/+", qos), ("t/+", qos), ("u/+", qos), ("t/+", qos)],
        &[],
    );
    world.unsubscribe(client, "t/+");
    world.unstall();
    let trace = world.trace(client);
    assert_eq!(trace[0], "SUBACK id=100 0x00 0x00 0x00 0x00 0x97");
    let count = |topic: &str| trace.iter().filter(|line| line.contains(topic)).count();
    assert_eq!(count("\"u/"), 200);
    assert!(count("\"t/") < 10, "those that were written already");
}

/// However many there are, they wait in the store until there is room to write and send quota, in their order.
#[test]
fn many_retained_messages_neither_flood_nor_get_lost() {
    let config = BrokerConfig {
        transmit_limit: 200,
        maximum_in_flight: 2.try_into().unwrap(),
        maximum_queued_messages: 0,
        ..BrokerConfig::default()
    };
    let mut world = World::with_config(config);
    let publisher = world.connect(V3_1_1, "publisher");
    let expected: Vec<String> = (0..500).map(|number| format!("t/{number:03}")).collect();
    for (number, topic) in expected.iter().enumerate() {
        let qos = if number % 5 == 0 { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        world.retain(publisher, topic, "payload", qos);
    }
    let mut client = world.resume(V3_1_1, "client", false);
    world.stalled = true;
    world.subscribe_with(client, &[("t/+", QoS::AtLeastOnce.into())], &[]);
    assert!(bytes::Buf::remaining(world.broker.transmit(client.id).unwrap()) < 250);
    // In the meantime the Client is heard.
    assert!(matches!(world.offer(client.id), Received::NeedData(_)));
    world.unstall();
    let mut received: Vec<String> = Vec::new();
    for round in 0.. {
        let trace = world.trace(client);
        if trace.is_empty() {
            break;
        }
        for line in trace.iter().filter(|line| line.starts_with("PUBLISH") && !line.contains("dup=1")) {
            received.push(line.split('"').nth(1).unwrap().to_owned());
        }
        if round == 5 {
            // What is left comes on the next connection.
            world.cut(client);
            client = world.resume(V3_1_1, "client", true);
            continue;
        }
        for line in trace.iter().filter(|line| line.contains(" q1 ")) {
            world.puback(client, line.split(' ').nth(1).unwrap()[3..].parse().unwrap());
        }
    }
    assert_eq!(received, expected);
    assert!(world.notices.is_empty());
}
