//! Packet Identifiers and the delivery protocols (sections 2.2.1, 4.3 to 4.6).

use mqtt_session::codec::Packet;

use crate::script::{Peer, Scene, message, puback, pubcomp, pubrec, pubrel, suback, subscribe};

crate::scripts! {
    mqtt5_2_2_1_4_mqtt5_4_3_2_1_mqtt5_4_3_3_1_mqtt311_2_3_1_4_m31_56_identifiers_of_the_server_are_unused: any,
    mqtt5_2_2_1_3_mqtt311_2_3_1_2_an_identifier_in_use_is_refused: any,
    mqtt5_2_2_1_5_mqtt311_2_3_1_6_acknowledgements_repeat_the_identifier: any,
    mqtt5_4_3_1_1_mqtt311_4_3_1_1_qos_0_is_sent_once: any,
    mqtt5_4_3_2_2_mqtt5_4_3_2_3_mqtt311_4_3_2_1_mqtt311_2_3_1_4_qos_1_is_under_way_until_puback: any,
    mqtt5_4_3_2_4_mqtt5_4_3_2_5_mqtt311_4_3_2_2_m31_35_qos_1_is_acknowledged_and_its_identifier_free: any,
    mqtt5_4_3_3_2_mqtt5_4_3_3_3_mqtt5_4_3_3_4_mqtt5_4_3_3_5_mqtt311_4_3_3_1_qos_2_goes_step_by_step: any,
    mqtt5_4_3_3_6_mqtt311_4_3_3_1_what_was_released_is_never_published_again: any,
    mqtt5_4_3_3_4_mqtt5_4_4_0_2_a_refusal_ends_the_exchange: any,
    mqtt5_4_3_3_7_an_expired_message_completes_its_exchange: any,
    mqtt5_4_3_3_8_mqtt5_4_3_3_10_mqtt5_4_3_3_11_mqtt5_4_3_3_12_mqtt311_4_3_3_2_m31_36_qos_2_is_delivered_once: any,
    mqtt5_4_3_3_8_mqtt5_4_3_3_10_mqtt311_4_3_3_2_m31_36_qos_2_is_delivered_once_over_connections: any,
    mqtt5_4_3_3_13_the_receiver_completes_the_exchange_of_an_expired_message: any,
    mqtt5_4_3_3_9_after_a_refusal_the_identifier_is_free: rules,
    mqtt5_4_4_0_1_mqtt311_4_4_0_1_mqtt311_4_6_0_6_m31_34_everything_under_way_is_sent_again_in_order: any,
    mqtt5_4_4_0_1_nothing_is_sent_again_on_the_same_connection: any,
    mqtt5_4_5_0_1_mqtt311_4_5_0_1_everybody_who_subscribes_gets_it: any,
    mqtt5_4_6_0_5_mqtt5_4_6_0_6_mqtt311_4_6_0_5_mqtt311_4_6_0_6_topics_are_ordered: any,
    mqtt311_4_6_0_6_m31_37_answers_keep_the_order: any,
    m31_32_repeats_are_accepted_at_any_time: any,
    decision_11_a_repeat_is_answered_with_success: any,
    decision_12_stray_acknowledgements_are_ignored: any,
    decision_30_qos_2_is_handed_on_at_publish: any,
    decision_32_nothing_is_repeated_by_a_timer: any,
    decision_36_a_pubrel_for_nothing_is_answered: any,
    decision_37_a_refused_message_frees_its_quota: any,
    decision_39_qos_0_may_overtake_what_waits: any,
}

fn mqtt5_2_2_1_4_mqtt5_4_3_2_1_mqtt5_4_3_3_1_mqtt311_2_3_1_4_m31_56_identifiers_of_the_server_are_unused(
    s: &Scene,
) {
    let mut client = s.connects("sub");
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    let mut used = Vec::new();
    for number in 0..8 {
        let level = 1 + u8::from(number % 2 == 1);
        publisher.publishes(message("a", &number.to_string()).qos(level));
        let id = client.receives(message("a", &number.to_string()).qos(level)).id();
        assert!(id != 0 && !used.contains(&id), "identifier {id} is in use");
        used.push(id);
    }
    // The Client's own identifiers are others, whatever their number.
    for id in [used[0], used[1]] {
        client.publishes(message("b", "x").qos(1).id(id));
        client.publishes(message("b", "x").qos(2).id(id));
    }
    // One that is in the middle of its exchange is still in use.
    client.sends(pubrec(used[1]));
    client.receives(pubrel(used[1]));
    for number in 20..28 {
        publisher.publishes(message("a", &number.to_string()).qos(1));
        let id = client.receives(message("a", &number.to_string()).qos(1)).id();
        assert!(id != 0 && !used.contains(&id), "identifier {id} is in use");
        used.push(id);
    }
}

fn mqtt5_2_2_1_3_mqtt311_2_3_1_2_an_identifier_in_use_is_refused(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("#", 2);
    let mut client = s.connects("a");
    client.sends(message("a", "x").qos(2).id(5));
    client.receives(pubrec(5));
    // A QoS 1 message under the identifier of a QoS 2 message that is not released.
    client.sends(message("b", "y").qos(1).id(5));
    if s.is_exact() {
        if s.is_v5() {
            client.receives(puback(5).code(0x91));
            client.nothing_else();
        } else {
            client.is_closed();
        }
    } else {
        // The Client has broken a rule, and no reaction is prescribed: the Server must go on serving others.
        client.vanishes();
    }
    s.connects("b").publishes(message("a", "marker").qos(1));
    observer.drains_until(&message("a", "marker").qos(1));
}

fn mqtt5_2_2_1_5_mqtt311_2_3_1_6_acknowledgements_repeat_the_identifier(s: &Scene) {
    let mut client = s.connects("a");
    for id in [1, 0x0102, 0xFFFF] {
        client.sends(message("a", "x").qos(1).id(id));
        client.receives(puback(id));
        client.sends(message("a", "x").qos(2).id(id));
        client.receives(pubrec(id));
        client.sends(pubrel(id));
        client.receives(pubcomp(id));
    }
    let mut subscriber = s.connects("sub");
    subscriber.subscribes("a", 2);
    client.publishes(message("a", "x").qos(2));
    let id = subscriber.receives(message("a", "x").qos(2)).id();
    subscriber.sends(pubrec(id));
    subscriber.receives(pubrel(id));
}

fn mqtt5_4_3_1_1_mqtt311_4_3_1_1_qos_0_is_sent_once(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 0);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(2));
    client.receives(message("a", "x"));
    client.nothing_else();
    client.vanishes();
    // Not again.
    let mut client = s.client("sub").keeps().resumes();
    client.nothing_else();
}

fn mqtt5_4_3_2_2_mqtt5_4_3_2_3_mqtt311_4_3_2_1_mqtt311_2_3_1_4_qos_1_is_under_way_until_puback(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 1);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(1));
    let id = client.receives(message("a", "x").qos(1)).id();
    client.vanishes();
    let mut client = s.client("sub").keeps().resumes();
    client.receives(message("a", "x").qos(1).id(id).dup());
    client.sends(puback(id));
    client.nothing_else();
    client.vanishes();
    let mut client = s.client("sub").keeps().resumes();
    client.nothing_else();
}

fn mqtt5_4_3_2_4_mqtt5_4_3_2_5_mqtt311_4_3_2_2_m31_35_qos_1_is_acknowledged_and_its_identifier_free(
    s: &Scene,
) {
    let mut observer = s.connects("obs");
    observer.subscribes("a", 1);
    let mut client = s.connects("a");
    client.publishes(message("a", "x").qos(1).id(3));
    observer.takes(message("a", "x").qos(1));
    for payload in ["x", "y"] {
        client.publishes(message("a", payload).qos(1).id(3).dup());
        observer.takes(message("a", payload).qos(1));
    }
}

fn mqtt5_4_3_3_2_mqtt5_4_3_3_3_mqtt5_4_3_3_4_mqtt5_4_3_3_5_mqtt311_4_3_3_1_qos_2_goes_step_by_step(
    s: &Scene,
) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(2));
    let id = client.receives(message("a", "x").qos(2)).id();
    client.nothing_else();
    client.vanishes();
    // Until PUBREC it is the PUBLISH that comes again.
    let mut client = s.client("sub").keeps().resumes();
    client.receives(message("a", "x").qos(2).id(id).dup());
    client.sends(pubrec(id));
    client.receives(pubrel(id));
    client.vanishes();
    // From then on it is the PUBREL.
    for _ in 0..2 {
        let mut client = s.client("sub").keeps().resumes();
        client.receives(pubrel(id));
        client.nothing_else();
        client.vanishes();
    }
    let mut client = s.client("sub").keeps().resumes();
    client.receives(pubrel(id));
    client.sends(pubcomp(id));
    client.nothing_else();
    client.vanishes();
    let mut client = s.client("sub").keeps().resumes();
    client.nothing_else();
}

fn mqtt5_4_3_3_6_mqtt311_4_3_3_1_what_was_released_is_never_published_again(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    let mut ids = Vec::new();
    for payload in ["x", "y"] {
        publisher.publishes(message("a", payload).qos(2));
        ids.push(client.receives(message("a", payload).qos(2)).id());
    }
    client.sends(pubrec(ids[0]));
    client.receives(pubrel(ids[0]));
    // The same PUBREC again.
    client.sends(pubrec(ids[0]));
    client.receives(pubrel(ids[0]));
    client.vanishes();
    let mut client = s.client("sub").keeps().resumes();
    client.receives_all_packets(&[&pubrel(ids[0]), &message("a", "y").qos(2).id(ids[1]).dup()]);
    client.nothing_else();
}

fn mqtt5_4_3_3_4_mqtt5_4_4_0_2_a_refusal_ends_the_exchange(s: &Scene) {
    let mut client = s.client("sub").keeps().receive_maximum(1).connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "1").qos(1));
    publisher.publishes(message("a", "2").qos(2));
    publisher.publishes(message("a", "3").qos(1));
    let id = client.receives(message("a", "1").qos(1)).id();
    client.sends(puback(id).code(0x97));
    // The quota is free again, and no PUBREL follows.
    let id = client.receives(message("a", "2").qos(2)).id();
    client.sends(pubrec(id).code(0x80));
    client.receives(message("a", "3").qos(1));
    client.nothing_else();
    client.vanishes();
    let mut client = s.client("sub").keeps().resumes();
    client.takes(message("a", "3").qos(1).dup());
    client.nothing_else();
}

fn mqtt5_4_3_3_7_an_expired_message_completes_its_exchange(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    let expiring = mqtt_session::codec::Property::MessageExpiryInterval(1);
    publisher.publishes(message("a", "x").qos(2).with(expiring));
    let id = client.receives(message("a", "x").qos(2)).id();
    s.waits(3);
    client.sends(pubrec(id));
    client.receives(pubrel(id));
    client.vanishes();
    let mut client = s.client("sub").keeps().resumes();
    client.receives(pubrel(id));
    client.sends(pubcomp(id));
    client.nothing_else();
}

fn mqtt5_4_3_3_8_mqtt5_4_3_3_10_mqtt5_4_3_3_11_mqtt5_4_3_3_12_mqtt311_4_3_3_2_m31_36_qos_2_is_delivered_once(
    s: &Scene,
) {
    let mut observer = s.connects("obs");
    observer.subscribes("a", 1);
    let mut client = s.connects("a");
    client.sends(message("a", "once").qos(2).id(4));
    client.receives(pubrec(4));
    client.sends(message("a", "once").qos(2).id(4).dup());
    client.receives(pubrec(4));
    if s.is_exact() {
        // Whatever its DUP.
        client.sends(message("a", "once").qos(2).id(4));
        client.receives(pubrec(4));
    }
    client.sends(pubrel(4));
    client.receives(pubcomp(4));
    // The second finds nothing, which 5.0 can tell.
    client.sends(pubrel(4));
    if s.is_exact() {
        client.receives(pubcomp(4).code(0x92));
    } else {
        client.receives_ack_of_any_code(&pubcomp(4));
    }
    // The identifier is free: this is a new message.
    client.publishes(message("a", "another").qos(2).id(4).dup());
    observer.takes(message("a", "once").qos(1));
    observer.takes(message("a", "another").qos(1));
    observer.nothing_else();
}

fn mqtt5_4_3_3_8_mqtt5_4_3_3_10_mqtt311_4_3_3_2_m31_36_qos_2_is_delivered_once_over_connections(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("a", 1);
    let mut client = s.client("a").keeps().connects();
    client.sends(message("a", "once").qos(2).id(4));
    client.receives(pubrec(4));
    client.vanishes();
    let mut client = s.client("a").keeps().resumes();
    // Nothing comes by itself.
    client.nothing_else();
    client.sends(message("a", "once").qos(2).id(4).dup());
    client.receives(pubrec(4));
    client.vanishes();
    let mut client = s.client("a").keeps().resumes();
    client.sends(pubrel(4));
    client.receives(pubcomp(4));
    client.vanishes();
    let mut client = s.client("a").keeps().resumes();
    client.sends(pubrel(4));
    client.receives_ack_of_any_code(&pubcomp(4));
    observer.takes(message("a", "once").qos(1));
    observer.nothing_else();
}

fn mqtt5_4_3_3_13_the_receiver_completes_the_exchange_of_an_expired_message(s: &Scene) {
    let mut observer = s.client("obs").keeps().connects();
    observer.subscribes("a", 1);
    observer.vanishes();
    let mut client = s.connects("a");
    let expiring = mqtt_session::codec::Property::MessageExpiryInterval(1);
    client.sends(message("a", "x").qos(2).id(4).with(expiring));
    client.receives(pubrec(4));
    s.waits(3);
    client.sends(message("a", "x").qos(2).id(4).dup().with(expiring));
    client.receives(pubrec(4));
    client.sends(pubrel(4));
    client.receives(pubcomp(4));
    let mut observer = s.client("obs").keeps().resumes();
    observer.nothing_else();
}

fn mqtt5_4_3_3_9_after_a_refusal_the_identifier_is_free(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("#", 1);
    let mut client = s.connects("a");
    client.sends(message("forbidden", "x").qos(2).id(4));
    client.receives(pubrec(4).code(0x87));
    client.sends(message("a", "new").qos(2).id(4));
    client.receives(pubrec(4));
    client.sends(pubrel(4));
    client.receives(pubcomp(4));
    observer.takes(message("a", "new").qos(1));
    client.sends(message("forbidden", "x").qos(1).id(4));
    client.receives(puback(4).code(0x87));
    observer.nothing_else();
}

fn mqtt5_4_4_0_1_mqtt311_4_4_0_1_mqtt311_4_6_0_6_m31_34_everything_under_way_is_sent_again_in_order(
    s: &Scene,
) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    let mut ids = Vec::new();
    for (number, level) in [1, 2, 1, 2, 2, 1].into_iter().enumerate() {
        publisher.publishes(message("a", &number.to_string()).qos(level));
        ids.push((level, client.receives(message("a", &number.to_string()).qos(level)).id()));
    }
    // The first is acknowledged, the second half.
    client.sends(puback(ids[0].1));
    client.sends(pubrec(ids[1].1));
    client.receives(pubrel(ids[1].1));
    client.vanishes();
    publisher.publishes(message("a", "queued").qos(1));
    let mut client = s.client("sub").keeps().resumes();
    let again = |number: usize| {
        let (level, id) = ids[number];
        message("a", &number.to_string()).qos(level).id(id).dup()
    };
    if s.is_exact() {
        client.receives(pubrel(ids[1].1));
        for number in 2..6 {
            client.receives(again(number));
        }
        client.receives(message("a", "queued").qos(1));
    } else {
        // Between the two kinds, and towards what is new, there is no order.
        client.receives_all_packets(&[
            &pubrel(ids[1].1),
            &again(2),
            &again(3),
            &again(4),
            &again(5),
            &message("a", "queued").qos(1),
        ]);
    }
    client.nothing_else();
}

fn mqtt5_4_4_0_1_nothing_is_sent_again_on_the_same_connection(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "1").qos(1));
    publisher.publishes(message("a", "2").qos(2));
    client.receives(message("a", "1").qos(1));
    let id = client.receives(message("a", "2").qos(2)).id();
    client.sends(pubrec(id));
    client.receives(pubrel(id));
    s.waits(4);
    client.nothing_else();
}

fn mqtt5_4_5_0_1_mqtt311_4_5_0_1_everybody_who_subscribes_gets_it(s: &Scene) {
    let mut live: Vec<Peer> = (0..5).map(|number| s.connects(&format!("s{number}"))).collect();
    for (number, client) in live.iter_mut().enumerate() {
        client.subscribes(["a/b", "a/+", "a/#", "#", "+/b"][number], 1);
    }
    let mut away = s.client("away").keeps().connects();
    away.subscribes("a/b", 2);
    away.vanishes();
    let mut other = s.connects("other");
    other.subscribes("b", 1);
    s.connects("pub").publishes(message("a/b", "x").qos(1));
    for client in &mut live {
        client.takes(message("a/b", "x").qos(1));
        client.nothing_else();
    }
    s.client("away").keeps().resumes().takes(message("a/b", "x").qos(1));
    other.nothing_else();
}

fn mqtt5_4_6_0_5_mqtt5_4_6_0_6_mqtt311_4_6_0_5_mqtt311_4_6_0_6_topics_are_ordered(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    for level in [0, 1, 2] {
        for number in 0..30 {
            publisher.publishes(message("a", &number.to_string()).qos(level));
        }
        for number in 0..30 {
            client.takes(message("a", &number.to_string()).qos(level));
        }
    }
    client.vanishes();
    for level in [1, 2] {
        for number in 0..30 {
            publisher.publishes(message("a", &format!("{level} {number}")).qos(level));
        }
    }
    let mut client = s.client("sub").keeps().resumes();
    let mut next = [0, 0];
    while next != [30, 30] {
        let received = client.receives_any();
        let Packet::Publish(publish) = received.packet() else { panic!("{}", received.packet()) };
        let level = publish.delivery.qos().bits();
        let slot = &mut next[usize::from(level) - 1];
        assert_eq!(received.payload(), format!("{level} {slot}"));
        *slot += 1;
        client.acknowledges(&received, level);
    }
}

fn mqtt311_4_6_0_6_m31_37_answers_keep_the_order(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    for id in 1..=4 {
        publisher.sends(message("a", &id.to_string()).qos(2).id(id));
    }
    for id in 1..=4 {
        publisher.receives(pubrec(id));
    }
    for id in 1..=4 {
        publisher.sends(message("b", "x").qos(1).id(10 + id));
    }
    for id in 1..=4 {
        publisher.receives(puback(10 + id));
    }
    for id in 1..=4 {
        publisher.sends(pubrel(id));
    }
    for id in 1..=4 {
        publisher.receives(pubcomp(id));
    }
    let ids: Vec<u16> =
        (1..=4).map(|number| client.receives(message("a", &number.to_string()).qos(2)).id()).collect();
    // PUBREL in the order of the PUBRECs.
    for id in &ids {
        client.sends(pubrec(*id));
    }
    for id in &ids {
        client.receives(pubrel(*id));
    }
}

fn m31_32_repeats_are_accepted_at_any_time(s: &Scene) {
    let mut client = s.connects("a");
    client.sends(message("a", "x").qos(1).id(1));
    client.receives(puback(1));
    client.sends(message("a", "x").qos(1).id(1).dup());
    client.receives(puback(1));
    client.sends(message("a", "x").qos(2).id(2));
    client.receives(pubrec(2));
    client.sends(message("a", "x").qos(2).id(2).dup());
    client.receives(pubrec(2));
    // PUBREL, with and without DUP.
    for first_byte in [0x62, 0x6A] {
        client.sends_bytes(&[first_byte, 2, 0, 2]);
        client.receives(pubcomp(2));
    }
    client.sends(subscribe("b", 1));
    client.receives(suback(10, &[1]));
    client.nothing_else();
}

fn decision_11_a_repeat_is_answered_with_success(s: &Scene) {
    let mut client = s.connects("a");
    client.sends(message("a", "x").qos(2).id(4));
    client.receives(pubrec(4));
    client.sends(message("a", "other").qos(2).id(4).dup());
    client.receives(pubrec(4).code(0x00));
    client.nothing_else();
}

fn decision_12_stray_acknowledgements_are_ignored(s: &Scene) {
    let mut client = s.connects("a");
    client.sends(puback(9));
    client.sends(pubcomp(9));
    client.sends(pubrec(9).code(0x80));
    if !s.is_v5() {
        // In 3.x a PUBREC has no code.
        client.receives(pubrel(9));
    }
    client.nothing_else();
    // One that contradicts an exchange ends the connection.
    client.subscribes("a", 2);
    s.connects("pub").publishes(message("a", "x").qos(2));
    let id = client.receives(message("a", "x").qos(2)).id();
    client.sends(puback(id));
    client.is_closed_with(0x82);
}

fn decision_30_qos_2_is_handed_on_at_publish(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    let mut client = s.connects("a");
    client.sends(message("a", "x").qos(2).id(4));
    client.receives(pubrec(4));
    observer.receives(message("a", "x"));
    client.sends(pubrel(4));
    client.receives(pubcomp(4));
    observer.nothing_else();
}

fn decision_32_nothing_is_repeated_by_a_timer(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "1").qos(1));
    publisher.publishes(message("a", "2").qos(2));
    client.receives(message("a", "1").qos(1));
    client.receives(message("a", "2").qos(2));
    s.waits(4);
    client.nothing_else();
}

fn decision_36_a_pubrel_for_nothing_is_answered(s: &Scene) {
    let mut client = s.connects("a");
    client.sends(pubrel(9));
    client.receives(pubcomp(9).code(0x92));
    client.sends(pubrec(9));
    client.receives(pubrel(9).code(0x92));
    client.nothing_else();
}

fn decision_37_a_refused_message_frees_its_quota(s: &Scene) {
    let mut client = s.client("sub").receive_maximum(1).connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    for payload in ["1", "2"] {
        publisher.publishes(message("a", payload).qos(2));
    }
    let id = client.receives(message("a", "1").qos(2)).id();
    // Until it is refused it occupies the only place.
    client.nothing_else();
    client.sends(pubrec(id).code(0x80));
    client.takes(message("a", "2").qos(2));
    client.nothing_else();
}

fn decision_39_qos_0_may_overtake_what_waits(s: &Scene) {
    let mut client = s.client("sub").receive_maximum(1).connects();
    client.subscribes("a", 1);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "1").qos(1));
    publisher.publishes(message("a", "2").qos(1));
    publisher.publishes(message("a", "0"));
    let id = client.receives(message("a", "1").qos(1)).id();
    // The order is that of one QoS.
    client.receives(message("a", "0"));
    client.sends(puback(id));
    client.takes(message("a", "2").qos(1));
}
