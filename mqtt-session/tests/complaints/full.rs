//! Messages there is no room for.

use mqtt_session::codec::{ConnectFields, Property, QoS, SubscriptionIdentifier};
use mqtt_session::{BrokerConfig, DropCause, Notice};

use crate::broker::{Client, V3_1_1, V5_0, World, delivery, will};

/// A subscriber who is away, and room for two messages.
fn world(refuse_when_full: bool) -> (World, Client) {
    let config = BrokerConfig { maximum_queued_messages: 2, refuse_when_full, ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    let subscriber = world.resume(V5_0, "s", false);
    world.subscribe(subscriber, "t", QoS::ExactlyOnce);
    world.cut(subscriber);
    let publisher = world.connect(V5_0, "p");
    (world, publisher)
}

fn lost(count: u64) -> Notice {
    Notice::MessageDropped { client_id: "s".into(), cause: DropCause::QueueFull, count }
}

/// A publisher can be told that there is no room, instead of being told Success for a message that is lost.
#[test]
fn complaint_16_a_publisher_is_refused_where_a_message_would_be_lost() {
    let (mut world, publisher) = world(true);
    let everybody = world.connect(V5_0, "everybody");
    world.subscribe(everybody, "t", QoS::AtMostOnce);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        world.publish_with(publisher, "t", "kept", delivery(qos, 1), false, &[]);
        world.pubrel(publisher, 1);
    }
    world.trace(publisher);
    assert_eq!(world.trace(everybody).len(), 2);
    for (qos, told) in [(QoS::AtLeastOnce, "PUBACK"), (QoS::ExactlyOnce, "PUBREC")] {
        // It goes to nobody, and is not retained.
        world.publish_with(publisher, "t", "refused", delivery(qos, 1), true, &[]);
        world.expect(publisher, &[&format!("{told} id=1 0x97 Quota exceeded")]);
        world.expect(everybody, &[]);
        assert_eq!(world.broker.retained_count(), 0);
    }
    // QoS 0 waits for nobody, and other topics are not concerned.
    world.publish_with(publisher, "t", "", delivery(QoS::AtMostOnce, 1), false, &[]);
    assert_eq!(world.trace(everybody).len(), 1);
    world.publish_with(publisher, "u", "", delivery(QoS::AtLeastOnce, 1), false, &[]);
    world.expect(publisher, &["PUBACK id=1 0x10 No matching subscribers"]);
    assert_eq!(world.notices, []);
    // 3.x cannot be told: there is a notice.
    let old = world.connect(V3_1_1, "old");
    world.publish_with(old, "t", "", delivery(QoS::AtLeastOnce, 1), false, &[]);
    world.expect(old, &["PUBACK id=1"]);
    assert_eq!(world.notices, [lost(1)]);
    // As soon as there is room again, the message is taken.
    let subscriber = world.resume(V5_0, "s", true);
    assert_eq!(world.trace(subscriber).len(), 2);
    world.publish_with(publisher, "t", "taken", delivery(QoS::AtLeastOnce, 1), false, &[]);
    world.expect(publisher, &["PUBACK id=1"]);
    world.expect(subscriber, &["PUBLISH id=3 q1 dup=0 retain=0 \"t\" \"taken\""]);
}

/// What has expired makes room.
#[test]
fn complaint_16_expired_messages_refuse_nobody() {
    let (mut world, publisher) = world(true);
    let expiry = [Property::MessageExpiryInterval(1)];
    for _ in 0..2 {
        world.publish_with(publisher, "t", "old", delivery(QoS::AtLeastOnce, 1), false, &expiry);
    }
    world.pass_seconds(1);
    world.trace(publisher);
    world.publish_with(publisher, "t", "new", delivery(QoS::AtLeastOnce, 1), false, &[]);
    world.expect(publisher, &["PUBACK id=1"]);
    let subscriber = world.resume(V5_0, "s", true);
    world.expect(subscriber, &["PUBLISH id=1 q1 dup=0 retain=0 \"t\" \"new\""]);
}

/// Where nobody is to be refused, a loss is not silent.
#[test]
fn complaint_16_a_loss_is_told_to_the_operator() {
    let (mut world, publisher) = world(false);
    for _ in 0..5 {
        world.publish_with(publisher, "t", "", delivery(QoS::AtLeastOnce, 1), false, &[]);
    }
    world.expect(publisher, &["PUBACK id=1"; 5]);
    let count = world.notices.iter().map(|notice| match notice {
        Notice::MessageDropped { cause: DropCause::QueueFull, count, .. } => *count,
        other => panic!("{other}"),
    });
    assert_eq!(count.sum::<u64>(), 3);
}

/// Retained messages, Wills, and what the broker adds: no way leads around the Client's Maximum Packet Size.
#[test]
fn case_27_no_path_exceeds_the_maximum_packet_size() {
    for qos in QoS::ALL {
        let mut world = World::new();
        let publisher = world.connect(V5_0, "p");
        let limit = 44;
        let size = [Property::MaximumPacketSize(limit.try_into().unwrap())];
        let fields = ConnectFields { client_id: "s", ..ConnectFields::default() };
        let subscriber = world.connect_with(V5_0, fields, &size);
        world.expect_connack(subscriber, false);
        world.retain(publisher, "r/large", &"x".repeat(44), qos);
        world.retain(publisher, "r/small", "x", qos);
        world.subscribe(subscriber, "r/#", qos);
        let received = world.trace(subscriber);
        assert!(received.len() == 1 && received[0].contains("r/small"), "{received:?}");
        // It fits; with a Subscription Identifier and an interval it does not.
        let identifier = SubscriptionIdentifier::new(300).unwrap();
        world.subscribe_with(
            subscriber,
            &[("i", qos.into())],
            &[Property::SubscriptionIdentifier(identifier)],
        );
        world.subscribe(subscriber, "j", qos);
        world.trace(subscriber);
        let payload = "x".repeat(if qos == QoS::AtMostOnce { 38 } else { 36 });
        let expiry = [Property::MessageExpiryInterval(60)];
        for (topic, properties) in [("i", &[][..]), ("j", &expiry[..])] {
            world.publish_with(publisher, topic, &payload, delivery(qos, 1), false, properties);
            world.pubrel(publisher, 1);
            world.expect(subscriber, &[]);
        }
        world.publish(publisher, "j", &payload, qos);
        assert_eq!(world.trace(subscriber).len(), 1, "it fits by itself");
        let mut large = will("j", "");
        let payload = "x".repeat(44);
        (large.payload, large.qos) = (payload.as_bytes(), qos);
        let owner = ConnectFields { client_id: "owner", will: Some(large), ..ConnectFields::default() };
        let owner = world.connect_with(V5_0, owner, &[]);
        world.cut(owner);
        world.expect(subscriber, &[]);
        let dropped: u64 = world
            .notices
            .iter()
            .map(|notice| match notice {
                Notice::MessageDropped { cause: DropCause::PacketTooLarge, count, .. } => *count,
                other => panic!("{other}"),
            })
            .sum();
        assert_eq!(dropped, 4);
        // And what fits goes on.
        world.publish(publisher, "j", "x", qos);
        assert_eq!(world.trace(subscriber).len(), 1);
    }
}
