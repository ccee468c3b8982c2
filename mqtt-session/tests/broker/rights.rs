//! Rights that change while messages wait and exchanges are under way: nothing that is denied is delivered.

use std::cell::Cell;

use mqtt_session::codec::{ConnectFields, Publish, PublishReason, QoS};
use mqtt_session::{BrokerConfig, ClientInfo, DropCause, Notice, Policy, Refusal};

use crate::harness::{Client, V3_1_1, V5_0, World, delivery, will};

/// Nobody may send to or receive from these topics, but Clients whose identifiers begin with `free`.
#[derive(Default)]
struct Closed {
    topics: Vec<&'static str>,
    /// How often it was asked who may receive.
    asked: Cell<usize>,
}

impl Closed {
    fn is_for(&self, client: &ClientInfo<'_>, message: &Publish<'_>) -> bool {
        let topic = message.topic.expect("a Topic Alias has been resolved");
        client.client_id.starts_with("free") || !self.topics.iter().any(|closed| topic.as_str() == *closed)
    }
}

impl Policy for Closed {
    fn may_publish(
        &self,
        client: &ClientInfo<'_>,
        message: &Publish<'_>,
    ) -> Result<(), Refusal<PublishReason>> {
        if self.is_for(client, message) { Ok(()) } else { Err(PublishReason::NotAuthorized.into()) }
    }

    fn may_receive(&self, client: &ClientInfo<'_>, message: &Publish<'_>) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.is_for(client, message)
    }
}

/// A subscriber to everything whose Session lasts, and a publisher.
fn scene() -> (World<Closed>, Client, Client) {
    let mut world = World::with(BrokerConfig::default(), Closed::default());
    let subscriber = world.resume(V5_0, "s", false);
    world.subscribe(subscriber, "#", QoS::ExactlyOnce);
    let publisher = world.connect(V5_0, "p");
    (world, subscriber, publisher)
}

fn close(world: &mut World<Closed>, topic: &'static str) {
    world.broker.policy_mut().topics.push(topic);
}

#[track_caller]
fn expect_dropped(world: &mut World<Closed>, count: u64) {
    let cause = DropCause::NotAuthorized;
    let dropped = Notice::MessageDropped { client_id: "s".into(), cause, count };
    assert_eq!(std::mem::take(&mut world.notices), [dropped]);
}

#[test]
fn case_29_a_live_message_goes_to_those_who_may_have_it() {
    let (mut world, subscriber, publisher) = scene();
    let free = world.connect(V3_1_1, "free");
    world.subscribe(free, "#", QoS::AtMostOnce);
    close(&mut world, "a");
    // Who may not publish, may not; others and the Server may.
    world.publish(publisher, "a", "1", QoS::AtLeastOnce);
    world.expect(free, &[]);
    world.publish(free, "a", "1", QoS::AtLeastOnce);
    world.expect(subscriber, &[]);
    world.expect(free, &[r#"PUBLISH q0 dup=0 retain=0 "a" "1""#]);
    let message = mqtt_session::Message::new("a", "2").unwrap();
    assert_eq!(world.broker.publish(world.now, &message), 1);
    world.settle();
    world.expect(subscriber, &[]);
    world.expect(free, &[r#"PUBLISH q0 dup=0 retain=0 "a" "2""#]);
    assert!(!world.broker.publish_to(world.now, "s", &message));
    assert!(world.broker.publish_to(world.now, "free", &message));
    // It is as if no subscription matched.
    assert_eq!(world.notices, []);
}

/// However many subscriptions match.
#[test]
fn a_session_is_judged_once_for_a_message() {
    for is_closed in [false, true] {
        let (mut world, subscriber, _) = scene();
        for filter in ["a/b", "a/#", "+/b", "a/+", "+/+"] {
            world.subscribe(subscriber, filter, QoS::AtMostOnce);
        }
        if is_closed {
            close(&mut world, "a/b");
        }
        let message = mqtt_session::Message::new("a/b", "").unwrap();
        let count = world.broker.publish(world.now, &message);
        assert_eq!((count, world.broker.policy_mut().asked.get()), (usize::from(!is_closed), 1));
    }
}

/// Of the members of a group, those that would be chosen.
#[test]
fn a_group_is_judged_as_far_as_needed() {
    let mut world = World::with(BrokerConfig::default(), Closed::default());
    for client_id in ["1", "2", "3", "4"] {
        let member = world.resume(V5_0, client_id, false);
        world.subscribe(member, "$share/g/#", QoS::AtLeastOnce);
        world.cut(member);
    }
    let message = mqtt_session::Message::new("a", "").unwrap().with_qos(QoS::AtLeastOnce);
    assert_eq!(world.broker.publish(world.now, &message), 1);
    assert_eq!(world.broker.policy_mut().asked.get(), 1);
    close(&mut world, "a");
    assert_eq!(world.broker.publish(world.now, &message), 0);
    assert_eq!(world.broker.policy_mut().asked.get(), 5);
}

/// What comes while a Client is away is judged then, and again when it is back.
#[test]
fn case_29_a_message_for_a_client_that_is_away_is_judged_when_it_comes() {
    let (mut world, subscriber, _) = scene();
    world.cut(subscriber);
    close(&mut world, "a");
    let message = mqtt_session::Message::new("a", "").unwrap().with_qos(QoS::AtLeastOnce);
    assert_eq!(world.broker.publish(world.now, &message), 0);
    world.broker.policy_mut().topics.clear();
    assert_eq!(world.broker.publish(world.now, &message), 1);
    let subscriber = world.resume(V5_0, "s", true);
    world.expect(subscriber, &[r#"PUBLISH id=1 q1 dup=0 retain=0 "a" """#]);
}

#[test]
fn case_29_a_queued_message_is_judged_when_it_is_sent() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let (mut world, subscriber, publisher) = scene();
        world.cut(subscriber);
        world.publish(publisher, "a", "1", qos);
        world.publish(publisher, "b", "2", qos);
        world.publish(publisher, "a", "3", qos);
        close(&mut world, "a");
        let subscriber = world.resume(V5_0, "s", true);
        let q = qos.bits();
        world.expect(subscriber, &[&format!(r#"PUBLISH id=1 q{q} dup=0 retain=0 "b" "2""#)]);
        expect_dropped(&mut world, 2);
    }
}

/// What the Client may have got is released, so that its identifier is free on both sides.
#[test]
fn case_29_what_was_under_way_is_not_sent_again() {
    let (mut world, subscriber, publisher) = scene();
    world.publish(publisher, "a", "1", QoS::AtLeastOnce);
    world.publish(publisher, "a", "2", QoS::ExactlyOnce);
    world.publish(publisher, "b", "3", QoS::ExactlyOnce);
    world.publish(publisher, "a", "4", QoS::ExactlyOnce);
    world.pubrec(subscriber, 4);
    world.cut(subscriber);
    close(&mut world, "a");
    let subscriber = world.resume(V5_0, "s", true);
    world.expect(subscriber, &["PUBREL id=2", r#"PUBLISH id=3 q2 dup=1 retain=0 "b" "3""#, "PUBREL id=4"]);
    expect_dropped(&mut world, 2);
    for id in [2, 4] {
        world.pubcomp(subscriber, id);
    }
    world.pubrec(subscriber, 3);
    world.expect(subscriber, &["PUBREL id=3"]);
    world.pubcomp(subscriber, 3);
    world.cut(subscriber);
    let subscriber = world.resume(V5_0, "s", true);
    world.expect(subscriber, &[]);
}

/// A publisher that loses its right between PUBLISH and PUBREL has published; the exchange goes on.
#[test]
fn case_29_an_exchange_that_was_begun_is_finished() {
    let (mut world, subscriber, publisher) = scene();
    world.publish_with(publisher, "a", "1", delivery(QoS::ExactlyOnce, 7), false, &[]);
    world.expect(publisher, &["PUBREC id=7"]);
    world.expect(subscriber, &[r#"PUBLISH id=1 q2 dup=0 retain=0 "a" "1""#]);
    close(&mut world, "a");
    world.pubrel(publisher, 7);
    world.expect(publisher, &["PUBCOMP id=7"]);
    world.pubrec(subscriber, 1);
    world.expect(subscriber, &["PUBREL id=1"]);
}

#[test]
fn case_29_a_retained_message_is_judged_when_it_is_stored_and_when_it_is_sent() {
    let (mut world, _, publisher) = scene();
    world.retain(publisher, "a", "1", QoS::AtLeastOnce);
    world.retain(publisher, "b", "2", QoS::AtLeastOnce);
    close(&mut world, "a");
    close(&mut world, "c");
    world.retain(publisher, "c", "3", QoS::AtLeastOnce);
    world.trace(publisher);
    let late = world.connect(V5_0, "late");
    world.subscribe(late, "#", QoS::AtMostOnce);
    world.expect(late, &[r#"PUBLISH q0 dup=0 retain=1 "b" "2""#]);
    let free = world.connect(V5_0, "free");
    world.subscribe(free, "#", QoS::AtMostOnce);
    world.expect(free, &[r#"PUBLISH q0 dup=0 retain=1 "a" "1""#, r#"PUBLISH q0 dup=0 retain=1 "b" "2""#]);
}

#[test]
fn case_29_a_will_is_judged_for_each_who_would_get_it() {
    let (mut world, subscriber, _) = scene();
    let free = world.connect(V5_0, "free");
    world.subscribe(free, "#", QoS::AtMostOnce);
    let owners = ["w", "free-w"].map(|client_id| {
        let fields =
            ConnectFields { client_id, will: Some(will("a", client_id)), ..ConnectFields::default() };
        let owner = world.connect_with(V5_0, fields, &[]);
        world.expect_connack(owner, false);
        owner
    });
    close(&mut world, "a");
    for owner in owners {
        world.cut(owner);
    }
    world.expect(subscriber, &[]);
    world.expect(free, &[r#"PUBLISH q0 dup=0 retain=0 "a" "free-w""#]);
    assert_eq!(world.notices, [Notice::WillRefused { client_id: "w".into() }]);
}

/// The subscription is still there; what it may not have it does not get.
#[test]
fn case_29_a_resumed_subscription_has_the_rights_of_now() {
    let (mut world, subscriber, _) = scene();
    world.cut(subscriber);
    close(&mut world, "a");
    let subscriber = world.resume(V5_0, "s", true);
    for topic in ["a", "b"] {
        let message = mqtt_session::Message::new(topic, "").unwrap().with_qos(QoS::AtLeastOnce);
        world.broker.publish(world.now, &message);
    }
    world.settle();
    world.expect(subscriber, &[r#"PUBLISH id=1 q1 dup=0 retain=0 "b" """#]);
}

/// A member that may not have the message is no member for it, also for what another has left.
#[test]
fn case_29_a_shared_subscription_chooses_among_those_who_may() {
    let mut world = World::with(BrokerConfig::default(), Closed::default());
    let members = ["m1", "free", "m2"].map(|client_id| {
        let member = world.connect(V5_0, client_id);
        world.subscribe(member, "$share/g/#", QoS::AtLeastOnce);
        member
    });
    close(&mut world, "a");
    let message = mqtt_session::Message::new("a", "x").unwrap().with_qos(QoS::AtLeastOnce);
    for _ in 0..3 {
        assert_eq!(world.broker.publish(world.now, &message), 1);
    }
    world.settle();
    for (member, count) in members.into_iter().zip([0, 3, 0]) {
        assert_eq!(world.trace(member).len(), count);
    }
    // Nobody else may have what it leaves behind.
    world.cut(members[1]);
    for member in [members[0], members[2]] {
        world.expect(member, &[]);
    }
    assert_eq!(world.broker.publish(world.now, &message), 0);
}

/// What a member was to get and may not have any more is for another one, as when its Session ends.
#[test]
fn case_29_a_shared_subscription_gives_what_is_refused_to_another_member() {
    for (qos, is_under_way, is_given) in [
        (QoS::AtLeastOnce, false, true),
        (QoS::ExactlyOnce, false, true),
        (QoS::AtLeastOnce, true, true),
        // `[MQTT-4.8.2-5]`
        (QoS::ExactlyOnce, true, false),
    ] {
        let mut world = World::with(BrokerConfig::default(), Closed::default());
        let member = world.resume(V5_0, "s", false);
        world.subscribe(member, "$share/g/#", QoS::ExactlyOnce);
        if !is_under_way {
            world.cut(member);
        }
        let message = mqtt_session::Message::new("a", "x").unwrap().with_qos(qos);
        world.broker.publish(world.now, &message);
        world.settle();
        world.cut(member);
        let other = world.connect(V5_0, "free");
        world.subscribe(other, "$share/g/#", QoS::ExactlyOnce);
        close(&mut world, "a");
        let member = world.resume(V5_0, "s", true);
        let released: &[&str] = if is_given { &[] } else { &["PUBREL id=1"] };
        world.expect(member, released);
        let publish = format!(r#"PUBLISH id=1 q{} dup=0 retain=0 "a" "x""#, qos.bits());
        let given: &[&str] = if is_given { &[&publish] } else { &[] };
        world.expect(other, given);
        expect_dropped(&mut world, 1);
    }
}
