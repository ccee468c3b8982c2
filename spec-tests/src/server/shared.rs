//! Shared Subscriptions (section 4.8.2).

use super::raw;
use crate::script::{Peer, Scene, message, puback, pubrec, pubrel, subscribe, unsuback, unsubscribe};

crate::scripts! {
    mqtt5_4_8_2_1_mqtt5_4_8_2_2_an_invalid_share_name_ends_the_connection: any,
    mqtt5_4_8_2_1_mqtt5_4_8_2_2_a_share_name_and_a_filter_are_taken: any,
    mqtt5_4_8_2_3_each_member_has_its_qos: any,
    mqtt5_4_8_2_4_a_delivery_is_finished_with_the_same_member: any,
    mqtt5_4_8_2_5_a_qos_2_delivery_is_not_begun_with_another_member: any,
    mqtt5_4_8_2_6_a_refusal_is_final: any,
    decision_18_a_shared_subscription_gets_no_retained_messages: any,
    decision_43_shared_and_plain_are_two_subscriptions: any,
}

fn mqtt5_4_8_2_1_mqtt5_4_8_2_2_an_invalid_share_name_ends_the_connection(s: &Scene) {
    for filter in
        ["!$share/", "!$share//%", "!$share/%", "!$share/%/", "!$share/%+/a", "!$share/#%/a", "!$share/+/a%"]
    {
        let filter = s.topic(filter);
        let mut client = s.connects("a");
        client.sends_bytes(&raw::subscribe(s, 10, &[(filter.as_bytes(), 0)]));
        client.is_closed_or_tolerated(0x8F);
    }
}

fn mqtt5_4_8_2_1_mqtt5_4_8_2_2_a_share_name_and_a_filter_are_taken(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("$share/g/a/+", 0).and("$share/h/b", 0));
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a/x", "1"));
    publisher.publishes(message("b", "2"));
    client.receives(message("a/x", "1"));
    client.receives(message("b", "2"));
    // The whole text names it.
    client.sends(unsubscribe(&["a/+", "$share/h/a/+", "$share/g/a/+"]));
    client.receives(unsuback(11, &[0x11, 0x11, 0]));
    publisher.publishes(message("a/x", "3"));
    client.nothing_else();
}

fn mqtt5_4_8_2_3_each_member_has_its_qos(s: &Scene) {
    let mut members: Vec<(Peer, u8)> = Vec::new();
    for level in [0, 1, 2] {
        let mut member = s.connects(&format!("m{level}"));
        member.subscribes("$share/g/a", level);
        members.push((member, level));
    }
    let mut publisher = s.connects("pub");
    let mut counts = [0; 3];
    for number in 0..12 {
        publisher.publishes(message("a", &number.to_string()).qos(2));
        let mut receivers = 0;
        for (member, level) in &mut members {
            if let Some(received) = member.receives_unless_quiet() {
                let mqtt_session::codec::Packet::Publish(publish) = received.packet() else {
                    panic!("{}", received.packet())
                };
                assert_eq!(publish.delivery.qos().bits(), *level, "{}", received.packet());
                member.acknowledges(&received, *level);
                receivers += 1;
                counts[usize::from(*level)] += 1;
            }
        }
        assert_eq!(receivers, 1, "one member gets each message");
    }
    assert!(!s.is_exact() || counts == [4; 3], "in turn: {counts:?}");
}

/// The member that got a message, and its identifier; the other one did not.
fn whoever(one: Peer, other: Peer, payload: &str, level: u8) -> (&'static str, Peer, u16, Peer) {
    let (mut one, mut other) = (one, other);
    if let Some(received) = one.receives_unless_quiet() {
        assert_eq!(received.payload(), payload);
        other.nothing_else();
        return ("m1", one, if level > 0 { received.id() } else { 0 }, other);
    }
    let received = other.receives(message("a", payload).qos(level));
    ("m2", other, received.id(), one)
}

fn two_members(s: &Scene) -> (Peer, Peer) {
    let mut one = s.client("m1").keeps().connects();
    let mut other = s.client("m2").keeps().connects();
    one.subscribes("$share/g/a", 2);
    other.subscribes("$share/g/a", 2);
    (one, other)
}

fn mqtt5_4_8_2_4_a_delivery_is_finished_with_the_same_member(s: &Scene) {
    let (one, other) = two_members(s);
    s.connects("pub").publishes(message("a", "x").qos(2));
    let (name, chosen, id, mut other) = whoever(one, other, "x", 2);
    chosen.vanishes();
    other.nothing_else();
    let mut chosen = s.client(name).keeps().resumes();
    chosen.receives(message("a", "x").qos(2).id(id).dup());
    chosen.sends(pubrec(id));
    chosen.receives(pubrel(id));
    chosen.vanishes();
    let mut chosen = s.client(name).keeps().resumes();
    chosen.receives(pubrel(id));
    chosen.nothing_else();
    other.nothing_else();
}

fn mqtt5_4_8_2_5_a_qos_2_delivery_is_not_begun_with_another_member(s: &Scene) {
    let (one, other) = two_members(s);
    s.connects("pub").publishes(message("a", "x").qos(2));
    let (name, chosen, _, mut other) = whoever(one, other, "x", 2);
    chosen.vanishes();
    // Its Session ends.
    s.client(name).clean().connects().disconnects();
    other.nothing_else();
}

fn mqtt5_4_8_2_6_a_refusal_is_final(s: &Scene) {
    let (mut one, mut other) = two_members(s);
    let mut publisher = s.connects("pub");
    for level in [1, 2, 1, 2] {
        publisher.publishes(message("a", "x").qos(level));
        let (name, mut chosen, id, mut rest) = whoever(one, other, "x", level);
        chosen.sends(if level == 1 { puback(id).code(0x80) } else { pubrec(id).code(0x80) });
        chosen.nothing_else();
        rest.nothing_else();
        (one, other) = if name == "m1" { (chosen, rest) } else { (rest, chosen) };
    }
}

fn decision_18_a_shared_subscription_gets_no_retained_messages(s: &Scene) {
    s.connects("pub").publishes(message("a", "x").qos(1).retained());
    let mut client = s.connects("sub");
    client.subscribes("$share/g/a", 1);
    client.nothing_else();
}

fn decision_43_shared_and_plain_are_two_subscriptions(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("$share/g/a", 0).identifier(1));
    client.subscribes_with(subscribe("a", 0).identifier(2));
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x"));
    // One copy of each.
    client.receives(message("a", "x"));
    client.receives(message("a", "x"));
    client.nothing_else();
    // Ending one leaves the other.
    client.sends(unsubscribe(&["a"]));
    client.receives(unsuback(11, &[0]));
    publisher.publishes(message("a", "y"));
    client.receives(message("a", "y"));
    client.nothing_else();
}
