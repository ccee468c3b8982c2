//! What must not be lost, said or spent because of a limit.

use core::time::Duration;

use bytes::BytesMut;
use mqtt_session::codec::{ConnectFields, Property, QoS};
use mqtt_session::{Action, AllowAll, Broker, BrokerConfig, DropCause, Instant, Notice};

use crate::harness::{V3_1, V3_1_1, V5_0, World, will};

fn fields(client_id: &str) -> ConnectFields<'_> {
    ConnectFields { client_id, clean_start: false, ..ConnectFields::default() }
}

fn maximum_packet_size(bytes: u32) -> Property<'static> {
    Property::MaximumPacketSize(bytes.try_into().unwrap())
}

/// [MQTT-3.1.2-24]: a message that fits is sent; a Topic Alias is an offer, not a duty.
#[test]
fn a_topic_alias_does_not_make_a_message_too_large() {
    let mut world = World::new();
    let properties = [maximum_packet_size(30), Property::TopicAliasMaximum(1)];
    let client = world.connect_with(V5_0, fields("a"), &properties);
    world.expect_connack(client, false);
    world.subscribe(client, "topic", QoS::AtMostOnce);
    let publisher = world.connect(V5_0, "publisher");
    world.publish(publisher, "topic", &"p".repeat(20), QoS::AtMostOnce);
    assert_eq!(world.trace(client).len(), 1, "30 bytes without an alias");
    assert_eq!(world.notices, []);
}

/// [MQTT-3.14.0-1], [MQTT-3.1.2-24]: a Client that has no room for CONNACK is told nothing, and nothing is ended for it.
#[test]
fn no_disconnect_comes_before_connack() {
    let mut world = World::new();
    let before = world.resume(V5_0, "a", false);
    for bytes in 1..10 {
        let client = world.connect_with(V5_0, fields("a"), &[maximum_packet_size(bytes)]);
        world.expect(client, &["CLOSED"]);
    }
    assert!(world.is_open(before));
    world.expect(before, &[]);
}

/// [MQTT-3.1.2-24]: a refusal has five bytes, which not every Client takes.
#[test]
fn a_refusal_keeps_to_the_clients_maximum_packet_size() {
    let mut world = World::with_config(BrokerConfig { maximum_sessions: 0, ..BrokerConfig::default() });
    let client = world.connect_with(V5_0, fields("a"), &[maximum_packet_size(4)]);
    world.expect(client, &["CLOSED"]);
    let client = world.connect_with(V5_0, fields("a"), &[maximum_packet_size(16)]);
    world.expect(client, &["CONNACK session_present=0 0x97 Quota exceeded", "CLOSED"]);
}

/// 3.x knows no announcements, so a Client cannot ignore them: a filter is refused, and the connection stays.
#[test]
fn wildcards_that_are_not_served_are_refused_as_the_version_can_say_it() {
    let config = BrokerConfig { wildcard_subscription_available: false, ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    for (version, answer) in [
        (V3_1, &["SUBACK id=100 0x00"][..]),
        (V3_1_1, &["SUBACK id=100 0x80"]),
        (V5_0, &["DISCONNECT 0xA2 Wildcard Subscriptions not supported", "CLOSED"]),
    ] {
        let client = world.connect(version, "a");
        world.subscribe_with(client, &[("#", QoS::AtMostOnce.into())], &[]);
        world.expect(client, answer);
        if version != V5_0 {
            world.publish(client, "x", "", QoS::AtMostOnce);
            world.expect(client, &[]);
        }
    }
}

/// [MQTT-4.1.0-2]: a Session is over when its time is, whether the driver has come round to the timeout or not.
#[test]
fn a_session_that_has_expired_is_not_resumed() {
    let mut world = World::new();
    let watcher = world.connect(V5_0, "watcher");
    world.subscribe(watcher, "will", QoS::AtMostOnce);
    let declared = ConnectFields { will: Some(will("will", "gone")), ..fields("a") };
    let client = world.connect_with(V5_0, declared, &[Property::SessionExpiryInterval(10)]);
    world.expect_connack(client, false);
    world.cut(client);
    world.trace(watcher);
    world.now = world.now + Duration::from_secs(100);
    let client = world.connect_with(V5_0, fields("a"), &[]);
    world.expect_connack(client, false);
}

/// A message for a group goes to a member that has room for it, be that member away or not.
#[test]
fn a_full_member_of_a_group_does_not_lose_what_another_has_room_for() {
    let config = BrokerConfig { maximum_queued_messages: 2, ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    for client_id in ["a", "b", "c"] {
        let client = world.resume(V5_0, client_id, false);
        world.subscribe(client, "$share/g/t", QoS::AtLeastOnce);
        world.cut(client);
    }
    let publisher = world.connect(V5_0, "publisher");
    for _ in 0..6 {
        world.publish(publisher, "t", "", QoS::AtLeastOnce);
    }
    assert_eq!(world.notices, []);
    world.publish(publisher, "t", "", QoS::AtLeastOnce);
    assert!(matches!(
        world.notices[..],
        [Notice::MessageDropped { cause: DropCause::QueueFull, count: 1, .. }]
    ));
}

#[test]
fn case_35_a_group_has_a_ceiling_of_members_and_a_session_one_of_filter_bytes() {
    let config =
        BrokerConfig { maximum_group_members: 1, maximum_subscription_bytes: 9, ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    let first = world.connect(V5_0, "first");
    world.subscribe(first, "$share/g/t", QoS::AtMostOnce);
    let second = world.connect(V5_0, "second");
    world.subscribe_with(second, &[("$share/g/t", QoS::AtMostOnce.into())], &[]);
    world.expect(second, &["SUBACK id=100 0x97"]);
    world.subscribe(second, "12345678", QoS::AtMostOnce);
    world.subscribe_with(second, &[("ab", QoS::AtMostOnce.into())], &[]);
    world.expect(second, &["SUBACK id=100 0x97"]);
    world.unsubscribe(second, "12345678");
    world.trace(second);
    world.subscribe(second, "ab", QoS::AtMostOnce);
}

/// One SUBSCRIBE searches a bounded part of the retained messages at a time, and in the end all of them.
#[test]
fn a_search_of_many_retained_messages_does_not_hold_up_the_rest() {
    let mut world = World::new();
    let publisher = world.connect(V5_0, "publisher");
    for number in 0..5_000 {
        world.retain(publisher, &format!("{number:05}/y"), "", QoS::AtMostOnce);
        world.retain(publisher, &format!("{number:05}/y"), "r", QoS::AtMostOnce);
    }
    world.retain(publisher, "zz/x", "found", QoS::AtLeastOnce);
    let client = world.connect(V5_0, "a");
    world.subscribe_with(client, &[("+/x", QoS::AtLeastOnce.into())], &[]);
    world.expect(client, &["SUBACK id=100 0x01"]);
    world.pass(Duration::from_millis(2));
    world.expect(client, &[]);
    // Nothing the Client sends makes it faster.
    for _ in 0..100 {
        world.puback(client, 7);
    }
    world.expect(client, &[]);
    world.pass(Duration::from_millis(10));
    world.expect(client, &["PUBLISH id=1 q1 dup=0 retain=1 \"zz/x\" \"found\""]);
    assert!(world.broker.poll_timeout().is_none_or(|at| at > world.now + Duration::from_secs(1)));
}

/// Losses are counted, not listed: one read can lose many messages, each for every Client that does not read.
#[test]
fn notices_do_not_grow_with_what_is_lost() {
    let config = BrokerConfig { transmit_limit: 100, ..BrokerConfig::default() };
    let mut broker = Broker::new(config, AllowAll);
    let now = Instant::from_millis(0);
    for client_id in ["a", "b"] {
        let connection = broker.open(now);
        let mut input = BytesMut::from(&b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x00\x00\x01"[..]);
        input.extend_from_slice(client_id.as_bytes());
        input.extend_from_slice(b"\x82\x06\x00\x01\x00\x01t\x00");
        let _ = broker.handle_input(now, connection, &mut input);
    }
    let publisher = broker.open(now);
    let mut input = BytesMut::from(&b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x00\x00\x01p"[..]);
    input.extend_from_slice(&b"\x30\x03\x00\x01t".repeat(1_000));
    let _ = broker.handle_input(now, publisher, &mut input);
    assert!(input.is_empty());
    let (mut actions, mut lost) = (0, 0);
    while let Some(action) = broker.poll_action() {
        actions += 1;
        if let Action::Notice(Notice::MessageDropped { cause: DropCause::TransmitFull, count, .. }) = action {
            lost += count;
        }
    }
    assert!(actions < 10, "{actions}");
    assert!((1_900..2_000).contains(&lost), "{lost}");
}
