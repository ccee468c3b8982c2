//! Shared Subscriptions (5.0, section 4.8.2).

use mqtt_session::codec::{Packet, Property, Puback, Publish, PublishReason, QoS, SubscriptionIdentifier};
use mqtt_session::{BrokerConfig, ClientInfo, Policy};

use crate::harness::{Client, V3_1_1, V5_0, World, id};

const GROUP: &str = "$share/g/x";

/// A publisher, and members `a`, `b`, … of the group.
fn scene(members: usize, qos: QoS) -> (World, Client, Vec<Client>) {
    let mut world = World::new();
    let publisher = world.connect(V5_0, "publisher");
    let clients: Vec<Client> = ('a'..)
        .take(members)
        .map(|name| {
            let client = world.resume(V5_0, &name.to_string(), false);
            world.subscribe(client, GROUP, qos);
            client
        })
        .collect();
    (world, publisher, clients)
}

fn payloads<P: Policy>(world: &mut World<P>, client: Client) -> Vec<String> {
    world.trace(client).iter().map(|line| line.split('"').nth(3).unwrap().to_owned()).collect()
}

#[test]
fn members_take_turns() {
    for qos in QoS::ALL {
        let (mut world, publisher, clients) = scene(3, qos);
        for payload in ["1", "2", "3", "4", "5", "6", "7"] {
            world.publish(publisher, "x", payload, qos);
        }
        let received: Vec<_> = clients.iter().map(|client| payloads(&mut world, *client)).collect();
        assert_eq!(received, [vec!["1", "4", "7"], vec!["2", "5"], vec!["3", "6"]]);
    }
}

#[test]
fn groups_and_ordinary_subscriptions_are_independent() {
    let (mut world, publisher, clients) = scene(2, QoS::AtMostOnce);
    let identifier = [Property::SubscriptionIdentifier(SubscriptionIdentifier::new(9).unwrap())];
    world.subscribe_with(clients[0], &[("$share/h/+", QoS::AtMostOnce.into())], &identifier);
    world.subscribe_with(clients[1], &[("x", QoS::AtMostOnce.into())], &[]);
    for client in &clients {
        world.trace(*client);
    }
    world.publish(publisher, "x", "1", QoS::AtMostOnce);
    // A copy as member of g, one as the only member of h with the identifier of that subscription alone.
    world.expect(
        clients[0],
        &[
            "PUBLISH q0 dup=0 retain=0 \"x\" \"1\"",
            "PUBLISH q0 dup=0 retain=0 \"x\" \"1\" {Subscription Identifier=9}",
        ],
    );
    world.expect(clients[1], &["PUBLISH q0 dup=0 retain=0 \"x\" \"1\""]);
    // One can be given up without the other.
    world.unsubscribe(clients[1], "x");
    world.trace(clients[1]);
    world.publish(publisher, "x", "2", QoS::AtMostOnce);
    assert_eq!(payloads(&mut world, clients[1]), ["2"]);
    world.unsubscribe(clients[1], GROUP);
    world.expect(clients[1], &["UNSUBACK id=101 0x00"]);
}

#[test]
fn members_that_are_away_are_passed_over() {
    let (mut world, publisher, clients) = scene(2, QoS::AtLeastOnce);
    world.cut(clients[0]);
    for payload in ["1", "2"] {
        world.publish(publisher, "x", payload, QoS::AtLeastOnce);
    }
    assert_eq!(payloads(&mut world, clients[1]), ["1", "2"]);
    // With all away, somebody keeps the message.
    world.cut(clients[1]);
    world.publish(publisher, "x", "3", QoS::AtLeastOnce);
    world.publish(publisher, "x", "lost", QoS::AtMostOnce);
    let first = world.resume(V5_0, "a", true);
    assert_eq!(payloads(&mut world, first), ["3"]);
}

/// A member whose send quota is used up is passed over while another has some.
#[test]
fn members_without_quota_are_passed_over() {
    let (mut world, publisher, clients) = scene(1, QoS::AtLeastOnce);
    let fields = mqtt_session::codec::ConnectFields { client_id: "slow", ..Default::default() };
    let slow = world.connect_with(V5_0, fields, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    world.expect_connack(slow, false);
    world.subscribe(slow, GROUP, QoS::AtLeastOnce);
    for payload in ["1", "2", "3", "4"] {
        world.publish(publisher, "x", payload, QoS::AtLeastOnce);
    }
    assert_eq!(payloads(&mut world, slow), ["2"]);
    assert_eq!(payloads(&mut world, clients[0]), ["1", "3", "4"]);
    world.puback(slow, 1);
    for payload in ["5", "6"] {
        world.publish(publisher, "x", payload, QoS::AtLeastOnce);
    }
    assert_eq!(payloads(&mut world, slow).len(), 1);
}

/// A member that is there, however busy, comes before one that is away.
#[test]
fn a_busy_member_is_better_than_an_absent_one() {
    let (mut world, publisher, clients) = scene(1, QoS::AtLeastOnce);
    world.cut(clients[0]);
    let fields = mqtt_session::codec::ConnectFields { client_id: "slow", ..Default::default() };
    let slow = world.connect_with(V5_0, fields, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    world.expect_connack(slow, false);
    world.subscribe(slow, GROUP, QoS::AtLeastOnce);
    for payload in ["1", "2"] {
        world.publish(publisher, "x", payload, QoS::AtLeastOnce);
    }
    world.puback(slow, 1);
    assert_eq!(payloads(&mut world, slow), ["1", "2"]);
}

/// What a member has not acknowledged goes to another when its Session ends, QoS 2 under way excepted
/// [MQTT-4.8.2-4] [MQTT-4.8.2-5].
#[test]
fn the_messages_of_a_member_that_is_gone_go_to_another() {
    let (mut world, publisher, clients) = scene(1, QoS::ExactlyOnce);
    world.publish(publisher, "x", "under way 1", QoS::AtLeastOnce);
    world.publish(publisher, "x", "under way 2", QoS::ExactlyOnce);
    world.cut(clients[0]);
    world.publish(publisher, "x", "queued 1", QoS::AtLeastOnce);
    world.publish(publisher, "x", "queued 2", QoS::ExactlyOnce);
    let others = ["b", "c"].map(|client_id| {
        let other = world.resume(V5_0, client_id, false);
        world.subscribe(other, GROUP, QoS::ExactlyOnce);
        world.expect(other, &[]);
        other
    });
    // Its Session ends; the others take turns.
    let again = world.connect(V5_0, "a");
    let mut received = others.map(|other| payloads(&mut world, other));
    received.sort();
    assert_eq!(received, [vec!["queued 1"], vec!["under way 1", "queued 2"]]);
    world.expect(again, &[]);
}

/// [MQTT-4.8.2-6]: a refusal is final.
#[test]
fn a_refused_message_goes_to_nobody_else() {
    let (mut world, publisher, clients) = scene(2, QoS::AtLeastOnce);
    world.publish(publisher, "x", "1", QoS::AtLeastOnce);
    let refusal = Puback { reason: PublishReason::QuotaExceeded, ..Puback::new(id(1)) };
    world.send(clients[0], &Packet::Puback(refusal));
    world.expect(clients[1], &[]);
}

#[test]
fn a_shared_subscription_gets_no_retained_messages() {
    let mut world = World::new();
    let client = world.connect(V5_0, "a");
    world.retain(client, "x", "r", QoS::AtLeastOnce);
    world.subscribe(client, GROUP, QoS::AtLeastOnce);
    world.expect(client, &[]);
}

/// 3.x knows no such thing: the filter is an ordinary one.
#[test]
fn in_3_x_the_filter_is_ordinary() {
    let mut world = World::new();
    let clients = [world.connect(V3_1_1, "a"), world.connect(V3_1_1, "b")];
    for client in clients {
        world.subscribe(client, GROUP, QoS::AtMostOnce);
    }
    world.publish(clients[0], "x", "", QoS::AtMostOnce);
    world.publish(clients[0], GROUP, "", QoS::AtMostOnce);
    for client in clients {
        world.expect(client, &["PUBLISH q0 dup=0 retain=0 \"$share/g/x\" \"\""]);
    }
}

/// Whether only "last" may have messages.
struct OnlyLast(bool);

impl Policy for OnlyLast {
    fn may_receive(&self, client: &ClientInfo<'_>, _: &Publish<'_>) -> bool {
        !self.0 || client.client_id == "last"
    }
}

/// However many members may not have them.
#[test]
fn all_that_a_member_leaves_finds_the_member_that_may_have_it() {
    const MESSAGES: usize = 400;
    let mut world = World::with(BrokerConfig::default(), OnlyLast(false));
    let leaving = world.resume(V5_0, "leaving", false);
    world.subscribe(leaving, GROUP, QoS::AtLeastOnce);
    world.cut(leaving);
    let publisher = world.connect(V5_0, "publisher");
    for payload in 0..MESSAGES {
        world.publish(publisher, "x", &payload.to_string(), QoS::AtLeastOnce);
    }
    for member in 0..50 {
        let member = world.resume(V5_0, &format!("member {member}"), false);
        world.subscribe(member, GROUP, QoS::AtLeastOnce);
    }
    let last = world.resume(V5_0, "last", false);
    world.subscribe(last, GROUP, QoS::AtLeastOnce);
    world.trace(last);
    world.broker.policy_mut().0 = true;
    world.connect(V5_0, "leaving");
    let mut received = 0;
    loop {
        let count = payloads(&mut world, last).len();
        if count == 0 {
            break;
        }
        for _ in 0..count {
            received += 1;
            world.puback(last, u16::try_from(received).unwrap());
        }
    }
    assert_eq!(received, MESSAGES);
}
