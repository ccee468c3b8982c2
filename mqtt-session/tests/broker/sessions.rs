//! Session State between connections: what lasts how long, the queue, takeover.

use mqtt_session::codec::{
    ConnectFields, Disconnect, DisconnectProperties, DisconnectReason, Packet, Property, ProtocolVersion, QoS,
};
use mqtt_session::{BrokerConfig, DropCause, Notice};

use crate::harness::{V3_1, V3_1_1, V5_0, World};

fn fields(client_id: &str) -> ConnectFields<'_> {
    ConnectFields { client_id, clean_start: false, ..ConnectFields::default() }
}

#[test]
fn a_persistent_session_gets_what_it_missed() {
    for version in ProtocolVersion::ALL {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut world = World::new();
            let subscriber = world.resume(version, "subscriber", false);
            world.subscribe(subscriber, "a/#", qos);
            world.disconnect(subscriber);
            let publisher = world.connect(version, "publisher");
            let payloads: Vec<String> = (0..100).map(|number| number.to_string()).collect();
            for payload in &payloads {
                world.publish(publisher, "a/b", payload, qos);
            }
            let subscriber = world.resume(version, "subscriber", true);
            let expected: Vec<String> = (1..)
                .zip(&payloads)
                .map(|(id, payload)| format!("PUBLISH id={id} q{qos} dup=0 retain=0 \"a/b\" \"{payload}\""))
                .collect();
            assert_eq!(world.trace(subscriber), expected);
        }
    }
}

#[test]
fn a_clean_start_begins_with_nothing() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.resume(version, "a", false);
        world.subscribe(client, "#", QoS::AtLeastOnce);
        world.disconnect(client);
        let publisher = world.connect(version, "publisher");
        world.publish(publisher, "x", "", QoS::AtLeastOnce);
        let client = world.connect(version, "a");
        world.publish(publisher, "x", "", QoS::AtLeastOnce);
        world.expect(client, &[]);
        assert_eq!(world.broker.subscription_count(), 0);
        // And, in 3.x, leaves nothing behind.
        world.disconnect(client);
        assert_eq!(world.broker.session_count(), 1);
    }
}

/// [MQTT-3.1.2-23]: the interval counts from the end of the connection.
#[test]
fn a_session_expires() {
    let mut world = World::new();
    let expiry = [Property::SessionExpiryInterval(10)];
    let client = world.connect_with(V5_0, fields("a"), &expiry);
    world.expect_connack(client, false);
    world.pass_seconds(100);
    world.cut(client);
    world.pass_seconds(9);
    let client = world.connect_with(V5_0, fields("a"), &expiry);
    world.expect_connack(client, true);
    world.subscribe(client, "a", QoS::AtMostOnce);
    world.cut(client);
    world.pass_seconds(10);
    assert_eq!((world.broker.session_count(), world.broker.subscription_count()), (0, 0));
    let client = world.connect_with(V5_0, fields("a"), &[]);
    world.expect_connack(client, false);
    world.cut(client);
    assert_eq!(world.broker.session_count(), 0);
}

#[test]
fn the_ceiling_of_session_expiry_is_for_all_versions() {
    for version in ProtocolVersion::ALL {
        let config = BrokerConfig { maximum_session_expiry: 5, ..BrokerConfig::default() };
        let mut world = World::with_config(config);
        let client = world.resume(version, "a", false);
        world.cut(client);
        world.pass_seconds(4);
        assert_eq!(world.broker.session_count(), 1);
        world.pass_seconds(1);
        assert_eq!(world.broker.session_count(), 0);
    }
}

/// Section 3.14.2.2.2.
#[test]
fn complaint_20_disconnect_can_change_the_expiry() {
    let leave = |asked: Option<u32>, expiry: u32| {
        let mut world = World::new();
        let properties = asked.map(Property::SessionExpiryInterval);
        let client = world.connect_with(V5_0, fields("a"), properties.as_slice());
        world.expect_connack(client, false);
        let properties = [Property::SessionExpiryInterval(expiry)];
        let properties = DisconnectProperties::new(&properties).unwrap();
        let disconnect = Disconnect { properties, ..Disconnect::new(DisconnectReason::NormalDisconnection) };
        world.send(client, &Packet::Disconnect(disconnect));
        let trace = world.trace(client);
        world.pass_seconds(50);
        (trace, world.broker.session_count())
    };
    let closed = vec!["CLOSED".to_owned()];
    assert_eq!(leave(Some(100), 10), (closed.clone(), 0));
    assert_eq!(leave(Some(10), 100), (closed.clone(), 1));
    assert_eq!(leave(Some(100), 0), (closed.clone(), 0));
    assert_eq!(leave(None, 0), (closed, 0));
    let refused = vec!["DISCONNECT 0x82 Protocol Error".to_owned(), "CLOSED".to_owned()];
    assert_eq!(leave(None, 10), (refused.clone(), 0));
    assert_eq!(leave(Some(0), 10), (refused, 0));
}

/// The Client Identifier is the same: the older connection ends [MQTT-3.1.4-3].
#[test]
fn complaint_20_case_25_a_second_connection_takes_the_session_over() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let older = world.resume(version, "a", false);
        world.subscribe(older, "x", QoS::AtLeastOnce);
        let publisher = world.connect(version, "publisher");
        world.publish(publisher, "x", "1", QoS::AtLeastOnce);
        world.trace(older);
        let newer = world.resume(version, "a", true);
        let expected: &[&str] =
            if version == V5_0 { &["DISCONNECT 0x8E Session taken over", "CLOSED"] } else { &["CLOSED"] };
        world.expect(older, expected);
        world.expect(newer, &["PUBLISH id=1 q1 dup=1 retain=0 \"x\" \"1\""]);
        // What the older connection has left to say is not heard; that it is closed changes nothing.
        world.cut(older);
        world.publish(publisher, "x", "2", QoS::AtLeastOnce);
        world.expect(newer, &["PUBLISH id=2 q1 dup=0 retain=0 \"x\" \"2\""]);
        assert_eq!(world.broker.session_count(), 2);
    }
}

/// A Session that ends with its connection ends with a takeover too.
#[test]
fn a_session_without_expiry_is_not_taken_over() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let older = world.connect(version, "a");
        world.subscribe(older, "x", QoS::AtLeastOnce);
        let newer = world.resume(version, "a", false);
        assert!(!world.is_open(older) && world.is_open(newer));
        assert_eq!((world.broker.session_count(), world.broker.subscription_count()), (1, 0));
    }
}

/// 10,000 takeovers of one identifier, with subscriptions and messages between them.
#[test]
fn case_25_a_storm_of_takeovers() {
    let mut world = World::new();
    let publisher = world.connect(V5_0, "publisher");
    let mut last = None;
    for round in 0..10_000_u32 {
        let version = ProtocolVersion::ALL[round as usize % 3];
        let client = world.resume(version, "a", last.is_some());
        if round % 3 == 0 {
            world.subscribe(client, "x", QoS::AtLeastOnce);
        } else if round % 3 == 1 {
            world.unsubscribe(client, "x");
        }
        world.publish(publisher, "x", "", QoS::AtLeastOnce);
        let received = world.trace(client);
        for line in received.iter().filter(|line| line.starts_with("PUBLISH")) {
            let id = line.split(' ').nth(1).unwrap()[3..].parse().unwrap();
            world.puback(client, id);
        }
        assert!(last.is_none_or(|last| !world.is_open(last)));
        last = Some(client);
    }
    assert_eq!((world.broker.session_count(), world.broker.connection_count()), (2, 2));
}

/// A Session of one version can go on in another.
#[test]
fn versions_can_change_between_connections() {
    let mut world = World::new();
    let client = world.resume(V5_0, "a", false);
    world.subscribe(client, "#", QoS::AtLeastOnce);
    world.disconnect(client);
    let publisher = world.connect(V5_0, "publisher");
    let properties = [Property::ContentType("text"), Property::MessageExpiryInterval(100)];
    let delivery = crate::harness::delivery(QoS::AtLeastOnce, 1);
    world.publish_with(publisher, "x", "1", delivery, false, &properties);
    for version in [V3_1_1, V3_1] {
        let client = world.resume(version, "a", true);
        let dup = u8::from(version == V3_1);
        world.expect(client, &[&format!("PUBLISH id=1 q1 dup={dup} retain=0 \"x\" \"1\"")]);
        world.cut(client);
    }
    let client = world.resume(V5_0, "a", true);
    world.expect(
        client,
        &["PUBLISH id=1 q1 dup=1 retain=0 \"x\" \"1\" {Message Expiry Interval=100, Content Type=\"text\"}"],
    );
}

#[test]
fn case_35_the_queue_has_a_ceiling_of_messages_and_one_of_bytes() {
    for config in [
        BrokerConfig { maximum_queued_messages: 3, ..BrokerConfig::default() },
        BrokerConfig { maximum_queued_bytes: 3_600, ..BrokerConfig::default() },
    ] {
        let mut world = World::with_config(config);
        let client = world.resume(V3_1_1, "a", false);
        world.subscribe(client, "x", QoS::ExactlyOnce);
        world.cut(client);
        let publisher = world.connect(V3_1_1, "publisher");
        for number in 0..5 {
            world.publish(publisher, "x", &format!("{number:01000}"), QoS::AtLeastOnce);
        }
        let dropped = Notice::MessageDropped { client_id: "a".into(), cause: DropCause::QueueFull, count: 1 };
        assert_eq!(world.notices, [dropped.clone(), dropped]);
        let client = world.resume(V3_1_1, "a", true);
        let kept: Vec<bool> = world.trace(client).iter().map(|line| line.contains(" q1 dup=0 ")).collect();
        // The newest are the ones that are gone.
        assert_eq!(kept, [true; 3]);
        world.publish(publisher, "x", "late", QoS::AtLeastOnce);
        world.expect(client, &["PUBLISH id=4 q1 dup=0 retain=0 \"x\" \"late\""]);
    }
}

#[test]
fn case_35_sessions_have_a_ceiling() {
    let mut world = World::with_config(BrokerConfig { maximum_sessions: 2, ..BrokerConfig::default() });
    let first = world.resume(V5_0, "a", false);
    world.cut(first);
    world.connect(V5_0, "b");
    let third = world.connect_with(V5_0, fields("c"), &[]);
    world.expect(third, &["CONNACK session_present=0 0x97 Quota exceeded", "CLOSED"]);
    let third = world.connect_with(V3_1_1, fields("c"), &[]);
    world.expect(third, &["CONNACK session_present=0 0x88 Server unavailable", "CLOSED"]);
    world.resume(V5_0, "a", true);
    world.connect(V5_0, "b");
}
