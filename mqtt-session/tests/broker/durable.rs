//! What survives the end of the broker, and what waits for it.

use mqtt_session::codec::{ConnectFields, Property, PublishReason, QoS, SubscriptionIdentifier};
use mqtt_session::topic::Subscription;
use mqtt_session::{
    AllowAll, Broker, BrokerConfig, ClientInfo, DropCause, Message, Notice, Policy, Refusal, RestoreFault,
    codec,
};

use crate::harness::{V3_1_1, V5_0, World, delivery, will};

const KEPT: [Property<'_>; 1] = [Property::SessionExpiryInterval(u32::MAX)];

#[test]
fn complaint_18_what_a_client_is_told_has_been_stored() {
    let mut world = World::new();
    world.store_stalled = true;
    let client =
        world.connect_with(V5_0, ConnectFields { client_id: "c", ..ConnectFields::default() }, &KEPT);
    world.expect(client, &[]);
    world.catch_up();
    world.expect_connack(client, false);

    world.store_stalled = true;
    world.subscribe_with(client, &[("a", QoS::ExactlyOnce.into())], &[]);
    world.expect(client, &[]);
    world.catch_up();
    world.expect(client, &["SUBACK id=100 0x02"]);

    world.store_stalled = true;
    world.publish_with(client, "a", "1", delivery(QoS::ExactlyOnce, 9), false, &[]);
    world.expect(client, &[]);
    world.catch_up();
    world.expect(client, &[r#"PUBLISH id=1 q2 dup=0 retain=0 "a" "1""#, "PUBREC id=9"]);

    world.store_stalled = true;
    world.pubrec(client, 1);
    world.pubrel(client, 9);
    world.expect(client, &[]);
    world.catch_up();
    world.expect(client, &["PUBREL id=1", "PUBCOMP id=9"]);

    world.store_stalled = true;
    world.unsubscribe(client, "a");
    world.expect(client, &[]);
    world.catch_up();
    world.expect(client, &["UNSUBACK id=101 0x00"]);
}

#[test]
fn a_message_to_one_client_is_kept_as_any_other() {
    let config = || BrokerConfig { maximum_queued_messages: 2, ..BrokerConfig::default() };
    let mut world = World::with_config(config());
    let client = world.resume(V5_0, "c", false);
    let send = |world: &mut World, payload: &'static str| {
        let message = Message::new("a", payload).unwrap().with_qos(QoS::ExactlyOnce);
        assert!(world.broker.publish_to(world.now, "c", &message));
        world.settle();
    };
    // It leaves when it is stored.
    world.store_stalled = true;
    send(&mut world, "1");
    world.expect(client, &[]);
    world.catch_up();
    world.expect(client, &[r#"PUBLISH id=1 q2 dup=0 retain=0 "a" "1""#]);
    world.cut(client);
    for payload in ["2", "3", "4"] {
        send(&mut world, payload);
    }
    let cause = DropCause::QueueFull;
    assert_eq!(world.notices, [Notice::MessageDropped { client_id: "c".into(), cause, count: 1 }]);
    world.crash(config(), AllowAll);
    let client = world.resume(V5_0, "c", true);
    world.expect(
        client,
        &[
            r#"PUBLISH id=1 q2 dup=1 retain=0 "a" "1""#,
            r#"PUBLISH id=2 q2 dup=0 retain=0 "a" "2""#,
            r#"PUBLISH id=3 q2 dup=0 retain=0 "a" "3""#,
        ],
    );
}

#[test]
fn what_depends_on_nothing_waits_for_nothing() {
    let mut world = World::new();
    let client = world.connect(V5_0, "c");
    world.subscribe(client, "a", QoS::AtMostOnce);
    let other = world.connect(V5_0, "other");
    world.store_stalled = true;
    // Somebody else has something to store.
    let fields = ConnectFields { client_id: "kept", ..ConnectFields::default() };
    let waiting = world.connect_with(V5_0, fields, &KEPT);
    world.expect(waiting, &[]);
    world.publish(other, "a", "1", QoS::AtMostOnce);
    world.send(client, &mqtt_session::codec::Packet::Pingreq);
    world.expect(client, &[r#"PUBLISH q0 dup=0 retain=0 "a" "1""#, "PINGRESP"]);
}

#[test]
fn complaint_18_sessions_queues_and_exchanges_go_on_after_a_crash() {
    let mut world = World::new();
    let subscriber = world.resume(V5_0, "s", false);
    world.subscribe_with(
        subscriber,
        &[("a/#", QoS::ExactlyOnce.into())],
        &[Property::SubscriptionIdentifier(SubscriptionIdentifier::new(5).unwrap())],
    );
    world.trace(subscriber);
    let publisher = world.resume(V5_0, "p", false);
    world.publish(publisher, "a/1", "sent", QoS::ExactlyOnce);
    world.publish(publisher, "a/2", "released", QoS::ExactlyOnce);
    world.publish(publisher, "a/3", "sent too", QoS::AtLeastOnce);
    world.pubrec(subscriber, 2);
    world.cut(subscriber);
    world.publish_with(
        publisher,
        "a/4",
        "queued",
        delivery(QoS::AtLeastOnce, 1),
        false,
        &[Property::MessageExpiryInterval(100), Property::ContentType("text")],
    );
    world.publish_with(publisher, "a/5", "half", delivery(QoS::ExactlyOnce, 3), false, &[]);
    world.pass_seconds(30);

    world.crash(BrokerConfig::default(), AllowAll);
    let publisher = world.resume(V5_0, "p", true);
    let repeat = mqtt_session::codec::Delivery::ExactlyOnce { packet_id: crate::harness::id(3), dup: true };
    world.publish_with(publisher, "a/5", "half", repeat, false, &[]);
    world.pubrel(publisher, 3);
    world.expect(publisher, &["PUBREC id=3", "PUBCOMP id=3"]);
    let subscriber = world.resume(V5_0, "s", true);
    world.expect(
        subscriber,
        &[
            r#"PUBLISH id=1 q2 dup=1 retain=0 "a/1" "sent" {Subscription Identifier=5}"#,
            "PUBREL id=2",
            r#"PUBLISH id=3 q1 dup=1 retain=0 "a/3" "sent too" {Subscription Identifier=5}"#,
            r#"PUBLISH id=4 q1 dup=0 retain=0 "a/4" "queued" {Message Expiry Interval=70, Subscription Identifier=5, Content Type="text"}"#,
            r#"PUBLISH id=5 q2 dup=0 retain=0 "a/5" "half" {Subscription Identifier=5}"#,
        ],
    );
    // The subscription is there, and numbers go on.
    world.publish(publisher, "a/6", "new", QoS::AtLeastOnce);
    world.expect(subscriber, &[r#"PUBLISH id=6 q1 dup=0 retain=0 "a/6" "new" {Subscription Identifier=5}"#]);
}

/// A Session ends with the connection it was for, also when the broker does.
#[test]
fn a_session_that_was_not_to_last_is_gone() {
    let mut world = World::new();
    let fields = ConnectFields { client_id: "c", will: Some(will("w", "gone")), ..ConnectFields::default() };
    let client = world.connect_with(V5_0, fields, &[]);
    world.expect_connack(client, false);
    world.subscribe(client, "a", QoS::AtLeastOnce);
    let watcher = world.resume(V5_0, "watcher", false);
    world.subscribe(watcher, "w", QoS::AtLeastOnce);
    assert_eq!(world.broker.session_count(), 2);
    world.crash(BrokerConfig::default(), AllowAll);
    assert_eq!((world.broker.session_count(), world.broker.subscription_count()), (1, 1));
    let watcher = world.resume(V5_0, "watcher", true);
    world.expect(watcher, &[]);
}

/// The connection was closed without a DISCONNECT `[MQTT-3.1.2-8]`.
#[test]
fn wills_of_connections_that_were_open_are_published() {
    let mut world = World::new();
    let watcher = world.resume(V3_1_1, "watcher", false);
    world.subscribe(watcher, "w/#", QoS::AtLeastOnce);
    let with_will = |client_id, topic, delay| {
        let will = will(topic, "gone");
        (ConnectFields { client_id, ..ConnectFields::default() }, will, delay)
    };
    for (fields, will, delay) in [with_will("at once", "w/1", 0), with_will("late", "w/2", 20)] {
        let values = [Property::WillDelayInterval(delay)];
        let properties = mqtt_session::codec::WillProperties::new(&values).unwrap();
        let will = mqtt_session::codec::Will { properties, qos: QoS::AtLeastOnce, ..will };
        let client = world.connect_with(V5_0, ConnectFields { will: Some(will), ..fields }, &KEPT);
        world.expect_connack(client, false);
    }
    world.crash(BrokerConfig::default(), AllowAll);
    let watcher = world.resume(V3_1_1, "watcher", true);
    world.expect(watcher, &[r#"PUBLISH id=1 q1 dup=0 retain=0 "w/1" "gone""#]);
    world.pass_seconds(10);
    // The one that waits waits on, and not anew.
    world.crash(BrokerConfig::default(), AllowAll);
    let watcher = world.resume(V3_1_1, "watcher", true);
    world.trace(watcher);
    world.pass_seconds(9);
    world.expect(watcher, &[]);
    world.pass_seconds(1);
    world.expect(watcher, &[r#"PUBLISH id=2 q1 dup=0 retain=0 "w/2" "gone""#]);
    assert_eq!(world.broker.session_count(), 3);
}

#[test]
fn a_session_expires_from_the_crash_on() {
    let mut world = World::new();
    let fields = ConnectFields { client_id: "c", ..ConnectFields::default() };
    let client = world.connect_with(V5_0, fields, &[Property::SessionExpiryInterval(60)]);
    world.expect_connack(client, false);
    world.pass_seconds(1_000);
    world.crash(BrokerConfig::default(), AllowAll);
    world.pass_seconds(40);
    world.crash(BrokerConfig::default(), AllowAll);
    world.pass_seconds(19);
    assert_eq!(world.broker.session_count(), 1);
    world.pass_seconds(1);
    assert_eq!(world.broker.session_count(), 0);
    assert!(world.store.is_empty());
}

#[test]
fn retained_messages_survive_and_expire() {
    let mut world = World::new();
    let client = world.connect(V5_0, "c");
    world.retain(client, "a", "stays", QoS::AtLeastOnce);
    world.retain(client, "b", "replaced", QoS::AtLeastOnce);
    world.retain(client, "b", "later", QoS::AtMostOnce);
    world.retain(client, "c", "removed", QoS::AtLeastOnce);
    world.retain(client, "c", "", QoS::AtMostOnce);
    let expiring = [Property::MessageExpiryInterval(60)];
    world.publish_with(client, "$d", "expires", delivery(QoS::AtMostOnce, 1), true, &expiring);
    world.crash(BrokerConfig::default(), AllowAll);
    assert_eq!(world.broker.retained_count(), 3);
    let client = world.connect(V5_0, "c");
    world.subscribe(client, "+", QoS::AtMostOnce);
    world.expect(
        client,
        &[r#"PUBLISH q0 dup=0 retain=1 "a" "stays""#, r#"PUBLISH q0 dup=0 retain=1 "b" "later""#],
    );
    world.pass_seconds(60);
    assert_eq!((world.broker.retained_count(), world.store.len()), (2, 2));
}

/// The retained messages a subscription had not got when the broker ended come afterwards, and no other comes again.
#[test]
fn retained_messages_go_on_where_they_stopped() {
    let mut world = World::new();
    let publisher = world.connect(V5_0, "p");
    for number in 0..8 {
        world.retain(publisher, &format!("a/{number}"), "x", QoS::ExactlyOnce);
    }
    let fields = ConnectFields { client_id: "s", ..ConnectFields::default() };
    let window = [KEPT[0], Property::ReceiveMaximum(std::num::NonZero::new(3).unwrap())];
    let subscriber = world.connect_with(V5_0, fields, &window);
    world.expect_connack(subscriber, false);
    world.subscribe_with(subscriber, &[("a/#", QoS::ExactlyOnce.into())], &[]);
    let sent = |world: &mut World, client| {
        let trace = world.trace(client);
        trace
            .iter()
            .filter_map(|line| line.strip_prefix("PUBLISH ")?.split('"').nth(1).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(&mut world, subscriber), ["a/0", "a/1", "a/2"]);
    world.pubrec(subscriber, 1);
    world.pubcomp(subscriber, 1);
    assert_eq!(sent(&mut world, subscriber), ["a/3"]);
    world.crash(BrokerConfig::default(), AllowAll);
    let subscriber = world.resume(V5_0, "s", true);
    assert_eq!(sent(&mut world, subscriber), ["a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "a/7"]);
}

#[test]
fn a_shared_subscription_keeps_its_group() {
    let mut world = World::new();
    let member = world.resume(V5_0, "m", false);
    world.subscribe(member, "$share/g/a", QoS::AtLeastOnce);
    let publisher = world.connect(V5_0, "p");
    world.publish(publisher, "a", "1", QoS::AtLeastOnce);
    world.crash(BrokerConfig::default(), AllowAll);
    let other = world.resume(V5_0, "other", false);
    world.subscribe(other, "$share/g/a", QoS::AtLeastOnce);
    // The first member leaves for good: what it did not acknowledge goes to the other `[MQTT-4.8.2-3]`.
    let fields = ConnectFields { client_id: "m", clean_start: true, ..ConnectFields::default() };
    let member = world.connect_with(V5_0, fields, &[]);
    world.expect_connack(member, false);
    world.expect(other, &[r#"PUBLISH id=1 q1 dup=0 retain=0 "a" "1""#]);
}

struct NoWills;

impl Policy for NoWills {
    fn may_publish(
        &self,
        client: &ClientInfo<'_>,
        _message: &codec::Publish<'_>,
    ) -> Result<(), Refusal<PublishReason>> {
        assert_eq!(client.connection, None);
        Err(PublishReason::NotAuthorized)?
    }
}

/// Rights are asked for when a Will takes effect.
#[test]
fn a_will_is_judged_when_it_is_published_after_a_crash() {
    let mut world = World::with(BrokerConfig::default(), AllowAll);
    let fields = ConnectFields { client_id: "c", will: Some(will("w", "gone")), ..ConnectFields::default() };
    let client = world.connect_with(V5_0, fields, &[]);
    world.expect_connack(client, false);
    let mut broker =
        Broker::restore(world.now, BrokerConfig::default(), NoWills, world.store.records()).unwrap();
    let action = broker.poll_action();
    let Some(mqtt_session::Action::Notice(Notice::WillRefused { client_id })) = action else {
        panic!("{action:?}")
    };
    assert_eq!(&*client_id, "c");
    assert_eq!(broker.session_count(), 0);
}

#[test]
fn case_36_damaged_records_are_refused_by_name() {
    let mut world = World::new();
    let fields = ConnectFields { client_id: "s", will: Some(will("w", "gone")), ..ConnectFields::default() };
    let client = world.connect_with(V5_0, fields, &KEPT);
    world.expect_connack(client, false);
    world.subscribe(client, "$share/g/a", QoS::ExactlyOnce);
    world.retain(client, "a", "1", QoS::ExactlyOnce);
    world.retain(client, "a", "2", QoS::ExactlyOnce);
    world.pubrec(client, 1);
    world.publish_with(client, "b", "3", delivery(QoS::ExactlyOnce, 9), false, &[]);
    let records: Vec<(Vec<u8>, Vec<u8>)> =
        world.store.records().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    assert_eq!(mqtt_session::StoredState::decode(&world.store.encode()), Ok(world.store.clone()));
    // Retained, Session, Will, subscription, one message, two exchanges, one identifier.
    assert_eq!(records.len(), 8);
    let restore = |records: &[(Vec<u8>, Vec<u8>)]| {
        let records = records.iter().map(|(key, value)| (key, value));
        Broker::restore(world.now, BrokerConfig::default(), AllowAll, records).map(drop)
    };
    assert_eq!(restore(&records), Ok(()));
    for (at, (key, value)) in records.iter().enumerate() {
        for bit in 0..value.len() * 8 {
            let mut damaged = records.clone();
            damaged[at].1[bit / 8] ^= 1 << (bit % 8);
            let error = restore(&damaged).unwrap_err();
            assert_eq!((&error.key, error.fault), (key, RestoreFault::Checksum), "bit {bit}");
        }
        for bit in 0..key.len() * 8 {
            let mut damaged = records.clone();
            damaged[at].0[bit / 8] ^= 1 << (bit % 8);
            assert!(restore(&damaged).is_err(), "bit {bit} of the key {key:02X?}");
        }
    }
    // What belongs to a Session is nothing without it.
    let without_session: Vec<_> =
        records.iter().filter(|(key, _)| key[0] != b's' || key[6] != 0).cloned().collect();
    assert_eq!(without_session.len(), 7);
    assert_eq!(restore(&without_session).unwrap_err().fault, RestoreFault::Inconsistent);
}

#[test]
fn filters_of_3_1_1_are_not_mistaken_for_shared_ones() {
    let mut world = World::new();
    let client = world.resume(V3_1_1, "c", false);
    world.subscribe(client, "$share/g/a", QoS::AtLeastOnce);
    world.crash(BrokerConfig::default(), AllowAll);
    let client = world.resume(V3_1_1, "c", true);
    let publisher = world.connect(V5_0, "p");
    world.publish(publisher, "a", "1", QoS::AtLeastOnce);
    world.publish(publisher, "$share/g/a", "2", QoS::AtLeastOnce);
    world.expect(client, &[r#"PUBLISH id=1 q1 dup=0 retain=0 "$share/g/a" "2""#]);
    assert!(Subscription::parse("$share/g/a").unwrap().share_name().is_some());
}

/// What costs the store more than its answers cost the connection must not pile up in front of a slow one.
#[test]
fn a_slow_store_pauses_the_input() {
    let mut world =
        World::with_config(BrokerConfig { maximum_unstored_bytes: 1_000, ..BrokerConfig::default() });
    let client = world.connect(V5_0, "c");
    world.store_stalled = true;
    for number in 0..10 {
        let topic = format!("a/{number}");
        world.publish_with(client, &topic, &"x".repeat(300), delivery(QoS::AtMostOnce, 1), true, &[]);
    }
    assert_eq!(world.broker.retained_count(), 3);
    world.send(client, &mqtt_session::codec::Packet::Pingreq);
    let fields = ConnectFields { client_id: "other", ..ConnectFields::default() };
    let other = world.connect_with(V5_0, fields, &[]);
    // Writing alone does not change it.
    world.unstall();
    world.expect(client, &[]);
    world.expect(other, &[]);
    world.catch_up();
    world.expect(client, &["PINGRESP"]);
    world.expect_connack(other, false);
    assert_eq!((world.broker.retained_count(), world.store.len()), (10, 10));
}

/// A Client whose input is paused by the store is not silent.
#[test]
fn a_slow_store_costs_nobody_its_connection() {
    let mut world =
        World::with_config(BrokerConfig { maximum_unstored_bytes: 100, ..BrokerConfig::default() });
    let fields = ConnectFields { client_id: "c", keep_alive: 10, ..ConnectFields::default() };
    let client = world.connect_with(V5_0, fields, &[]);
    world.expect_connack(client, false);
    world.store_stalled = true;
    world.publish_with(client, "a", &"x".repeat(300), delivery(QoS::AtMostOnce, 1), true, &[]);
    for _ in 0..4 {
        world.pass_seconds(9);
        world.send(client, &mqtt_session::codec::Packet::Pingreq);
    }
    world.expect(client, &[]);
    world.catch_up();
    world.expect(client, &["PINGRESP"; 4]);
    world.pass_seconds(14);
    assert!(world.is_open(client));
    world.pass_seconds(1);
    assert!(!world.is_open(client));
}

/// The Client may have the message under this identifier, and would take the next one for a repeat.
#[test]
fn a_message_that_has_become_too_large_frees_its_identifier_on_both_sides() {
    let mut world = World::new();
    let client = world.resume(V5_0, "c", false);
    world.subscribe(client, "a", QoS::ExactlyOnce);
    let publisher = world.connect(V5_0, "p");
    world.publish(publisher, "a", &"x".repeat(100), QoS::ExactlyOnce);
    world.cut(client);
    world.crash(BrokerConfig::default(), AllowAll);
    let small = [KEPT[0], Property::MaximumPacketSize(std::num::NonZero::new(100).unwrap())];
    let fields = ConnectFields { client_id: "c", clean_start: false, ..ConnectFields::default() };
    let client = world.connect_with(V5_0, fields, &small);
    world.expect_connack(client, true);
    world.expect(client, &["PUBREL id=1"]);
    let publisher = world.connect(V5_0, "p");
    world.publish(publisher, "a", "next", QoS::ExactlyOnce);
    world.expect(client, &[r#"PUBLISH id=2 q2 dup=0 retain=0 "a" "next""#]);
    world.pubcomp(client, 1);
    world.publish(publisher, "a", "last", QoS::AtMostOnce);
    world.expect(client, &[r#"PUBLISH q0 dup=0 retain=0 "a" "last""#]);
}

/// What was accepted with other limits is kept, and nothing more is accepted.
#[test]
fn lower_limits_keep_what_is_stored() {
    let mut world = World::new();
    let client = world.connect(V5_0, "c");
    for topic in ["a", "b", "c"] {
        world.retain(client, topic, "x", QoS::AtLeastOnce);
    }
    let config = BrokerConfig { maximum_retained_messages: 2, ..BrokerConfig::default() };
    world.crash(config, AllowAll);
    assert_eq!(world.broker.retained_count(), 3);
    let client = world.connect(V5_0, "c");
    world.retain(client, "d", "x", QoS::AtLeastOnce);
    world.retain(client, "a", "", QoS::AtLeastOnce);
    world.retain(client, "a", "x", QoS::AtLeastOnce);
    assert_eq!(world.broker.retained_count(), 2);
}

/// Asking what is to be written brought the same change again each time, so that a driver never came to rest.
#[test]
fn a_search_that_waits_for_the_client_has_nothing_to_store() {
    let mut world = World::new();
    let publisher = world.connect(V5_0, "p");
    for (id, topic) in [(1, "a/1"), (2, "a/2")] {
        world.publish_with(publisher, topic, "x", delivery(QoS::AtLeastOnce, id), true, &[]);
    }
    let window = Property::ReceiveMaximum(std::num::NonZeroU16::MIN);
    let fields = ConnectFields { client_id: "s", ..ConnectFields::default() };
    let subscriber = world.connect_with(V5_0, fields, &[KEPT[0], window]);
    world.subscribe_with(subscriber, &[("a/#", QoS::AtLeastOnce.into())], &[]);
    let _ = world.broker.transmit(subscriber.id);
    assert_eq!(world.broker.poll_action(), None);
}

/// The record was of the first search for a filter, which had found all there was.
#[test]
fn who_subscribes_twice_gets_retained_messages_twice_a_crash_or_not() {
    let mut world = World::new();
    let publisher = world.connect(V5_0, "p");
    world.publish_with(publisher, "a", "x", delivery(QoS::AtLeastOnce, 1), true, &[]);
    let window = Property::ReceiveMaximum(std::num::NonZeroU16::MIN);
    let fields = ConnectFields { client_id: "s", clean_start: false, ..ConnectFields::default() };
    let subscriber = world.connect_with(V5_0, fields, &[KEPT[0], window]);
    world.subscribe_with(subscriber, &[("a", QoS::AtLeastOnce.into())], &[]);
    world.subscribe_with(subscriber, &[("a", QoS::AtLeastOnce.into())], &[]);
    world.crash(BrokerConfig::default(), AllowAll);
    let subscriber = world.resume(V5_0, "s", true);
    world.expect(
        subscriber,
        &[r#"PUBLISH id=1 q1 dup=1 retain=1 "a" "x""#, r#"PUBLISH id=2 q1 dup=0 retain=1 "a" "x""#],
    );
}

/// Whether a message fits is known before it is told to the store, and before an identifier is taken for it.
#[test]
fn what_is_too_large_for_its_receiver_changes_nothing() {
    let mut world = World::new();
    let [expiry] = KEPT;
    let properties = [expiry, Property::MaximumPacketSize(40.try_into().unwrap())];
    let fields = ConnectFields { client_id: "s", clean_start: false, ..ConnectFields::default() };
    let subscriber = world.connect_with(V5_0, fields, &properties);
    world.expect_connack(subscriber, false);
    world.subscribe(subscriber, "a", QoS::ExactlyOnce);
    let publisher = world.connect(V5_0, "p");
    let large = "x".repeat(100);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let before = world.changes;
        world.publish(publisher, "a", &large, qos);
        world.expect(subscriber, &[]);
        // The publisher's Session is not stored.
        assert_eq!(world.changes, before, "{qos:?}");
    }
    // One that has waited is stored already; all that is told is that it is gone.
    world.cut(subscriber);
    world.publish(publisher, "a", &large, QoS::AtLeastOnce);
    let before = world.changes;
    let subscriber = world.connect_with(V5_0, fields, &properties);
    world.expect_connack(subscriber, true);
    assert_eq!(world.changes - before, 2, "the connection, and the end of the message");
    world.publish(publisher, "a", "fits", QoS::AtLeastOnce);
    world.expect(subscriber, &[r#"PUBLISH id=1 q1 dup=0 retain=0 "a" "fits""#]);
}
