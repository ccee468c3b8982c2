//! Message Expiry (5.0, section 3.3.2.3.3).

use mqtt_session::BrokerConfig;
use mqtt_session::codec::{Property, ProtocolVersion, QoS};

use crate::harness::{V3_1_1, V5_0, World, delivery};

#[test]
fn complaint_19_case_28_the_interval_is_counted_down_while_a_message_waits() {
    let mut world = World::new();
    let subscriber = world.resume(V5_0, "subscriber", false);
    world.subscribe(subscriber, "#", QoS::AtLeastOnce);
    let publisher = world.connect(V5_0, "publisher");
    let live = [Property::MessageExpiryInterval(0)];
    world.publish_with(publisher, "a", "live", delivery(QoS::AtLeastOnce, 1), false, &live);
    world.expect(subscriber, &["PUBLISH id=1 q1 dup=0 retain=0 \"a\" \"live\" {Message Expiry Interval=0}"]);
    world.puback(subscriber, 1);
    world.cut(subscriber);
    for seconds in [0, 10, 100, u32::MAX] {
        let expiry = [Property::MessageExpiryInterval(seconds)];
        let payload = seconds.to_string();
        world.publish_with(publisher, "a", &payload, delivery(QoS::AtLeastOnce, 1), false, &expiry);
    }
    world.publish(publisher, "a", "never", QoS::AtLeastOnce);
    world.pass(std::time::Duration::from_millis(10_900));
    let subscriber = world.resume(V5_0, "subscriber", true);
    world.expect(
        subscriber,
        &[
            "PUBLISH id=2 q1 dup=0 retain=0 \"a\" \"100\" {Message Expiry Interval=90}",
            "PUBLISH id=3 q1 dup=0 retain=0 \"a\" \"4294967295\" {Message Expiry Interval=4294967285}",
            "PUBLISH id=4 q1 dup=0 retain=0 \"a\" \"never\"",
        ],
    );
    // Delivery has begun: it goes on, whatever the time.
    world.cut(subscriber);
    world.pass_seconds(100);
    let subscriber = world.resume(V5_0, "subscriber", true);
    assert_eq!(
        world.trace(subscriber).remove(0),
        "PUBLISH id=2 q1 dup=1 retain=0 \"a\" \"100\" {Message Expiry Interval=0}",
    );
}

#[test]
fn it_holds_for_subscribers_of_3_x_too() {
    let mut world = World::new();
    let subscriber = world.resume(V3_1_1, "subscriber", false);
    world.subscribe(subscriber, "#", QoS::AtLeastOnce);
    world.cut(subscriber);
    let publisher = world.connect(V5_0, "publisher");
    for seconds in [10, 11] {
        let expiry = [Property::MessageExpiryInterval(seconds)];
        let payload = seconds.to_string();
        world.publish_with(publisher, "a", &payload, delivery(QoS::AtLeastOnce, 1), false, &expiry);
    }
    world.pass_seconds(10);
    let subscriber = world.resume(V3_1_1, "subscriber", true);
    world.expect(subscriber, &["PUBLISH id=1 q1 dup=0 retain=0 \"a\" \"11\""]);
}

/// A queue full of what has expired has room.
#[test]
fn complaint_19_case_28_what_has_expired_does_not_fill_the_queue() {
    let mut world =
        World::with_config(BrokerConfig { maximum_queued_messages: 2, ..BrokerConfig::default() });
    let subscriber = world.resume(V5_0, "subscriber", false);
    world.subscribe(subscriber, "#", QoS::AtLeastOnce);
    world.cut(subscriber);
    let publisher = world.connect(V5_0, "publisher");
    for seconds in [20, 10] {
        let expiry = [Property::MessageExpiryInterval(seconds)];
        world.publish_with(publisher, "a", "old", delivery(QoS::AtLeastOnce, 1), false, &expiry);
    }
    world.pass_seconds(10);
    world.publish(publisher, "a", "new", QoS::AtLeastOnce);
    world.publish(publisher, "a", "too many", QoS::AtLeastOnce);
    assert_eq!(world.notices.len(), 1);
    let subscriber = world.resume(V5_0, "subscriber", true);
    let payloads: Vec<_> =
        world.trace(subscriber).iter().map(|line| line.split('"').nth(3).unwrap().to_owned()).collect();
    assert_eq!(payloads, ["old", "new"]);
}

/// Expiry in the middle of a QoS 2 exchange does not touch the exchange.
#[test]
fn complaint_19_case_28_a_qos_2_exchange_outlives_its_message() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let subscriber = world.resume(version, "subscriber", false);
        world.subscribe(subscriber, "#", QoS::ExactlyOnce);
        let publisher = world.connect(V5_0, "publisher");
        let expiry = [Property::MessageExpiryInterval(1)];
        world.publish_with(publisher, "a", "x", delivery(QoS::ExactlyOnce, 1), false, &expiry);
        world.trace(subscriber);
        world.pass_seconds(5);
        world.pubrec(subscriber, 1);
        world.expect(subscriber, &["PUBREL id=1"]);
        world.cut(subscriber);
        let subscriber = world.resume(version, "subscriber", true);
        world.expect(subscriber, &["PUBREL id=1"]);
        world.pubcomp(subscriber, 1);
        world.pubrel(publisher, 1);
        world.expect(publisher, &["PUBREC id=1", "PUBCOMP id=1"]);
    }
}
