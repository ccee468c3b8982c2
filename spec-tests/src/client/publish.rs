//! The Sender's side of the delivery protocols (sections 2.2.1, 4.3, 4.4, 4.6).

use mqtt_session::Violation;
use mqtt_session::codec::{Packet, Property};

use crate::script::{
    Host, Hosting, News, connect, message, puback, pubcomp, pubrec, pubrel, suback, subscribe,
};

crate::client_scripts! {
    mqtt5_4_3_1_1_mqtt5_2_2_1_2_mqtt5_3_3_1_2_mqtt5_3_3_2_1_mqtt5_3_3_2_2_mqtt5_3_3_4_6_mqtt311_4_3_1_1_mqtt311_2_3_1_5_mqtt311_3_3_1_2_mqtt311_3_3_2_1_mqtt311_3_3_2_2_qos_0_is_sent_once: any,
    mqtt5_4_3_1_1_mqtt311_4_3_1_1_qos_0_is_not_kept: calls,
    mqtt5_4_3_2_2_mqtt5_4_3_2_3_mqtt5_3_3_1_1_mqtt311_4_3_2_1_mqtt311_2_3_1_3_qos_1_is_under_way_until_puback: any,
    mqtt5_4_3_3_2_mqtt5_4_3_3_3_mqtt5_4_3_3_4_mqtt5_4_3_3_5_mqtt5_3_6_1_1_mqtt311_4_3_3_1_mqtt311_3_6_1_1_qos_2_goes_step_by_step: any,
    mqtt5_2_2_1_3_mqtt5_4_3_2_1_mqtt5_4_3_3_1_mqtt311_2_3_1_2_mqtt311_2_3_1_1_m31_20_m31_56_identifiers_are_unused: any,
    mqtt5_2_2_1_3_mqtt311_2_3_1_2_mqtt311_2_3_1_3_m31_56_requests_share_the_identifiers: calls,
    mqtt5_3_3_1_1_mqtt5_4_3_2_3_mqtt5_4_4_0_1_mqtt311_3_3_1_1_mqtt311_4_4_0_1_mqtt311_2_3_1_3_m31_34_qos_1_is_sent_again: any,
    mqtt5_3_3_1_1_mqtt5_4_3_3_3_mqtt5_4_4_0_1_mqtt311_3_3_1_1_mqtt311_4_4_0_1_m31_34_qos_2_is_sent_again_until_pubrec: any,
    mqtt5_4_3_3_5_mqtt5_4_3_3_6_mqtt5_4_4_0_1_mqtt311_4_3_3_1_mqtt311_4_4_0_1_m31_34_what_was_released_is_not_published_again: any,
    mqtt5_4_6_0_1_mqtt311_4_6_0_1_what_is_sent_again_keeps_its_order: any,
    mqtt5_4_6_0_1_mqtt5_4_4_0_1_mqtt311_4_6_0_1_mqtt311_4_4_0_1_m31_34_m31_38_everything_under_way_is_sent_again_in_order: calls,
    mqtt5_4_6_0_4_mqtt311_4_6_0_4_m31_37_pubrel_packets_follow_the_pubrec_packets: any,
    mqtt5_4_4_0_2_mqtt5_4_3_3_4_a_refusal_ends_the_exchange: any,
    mqtt5_4_4_0_2_mqtt5_4_3_3_4_what_was_refused_is_not_sent_again: calls,
    mqtt5_4_3_3_7_an_expired_message_completes_its_exchange: calls,
    mqtt5_4_4_0_1_m31_32_decision_32_nothing_is_sent_again_while_connected: calls,
    decision_12_stray_acknowledgements_end_nothing: calls,
    decision_33_a_request_without_answer_is_no_session_state: calls,
    mqtt5_4_3_2_3_mqtt5_4_3_3_3_an_acknowledgement_of_another_qos_ends_the_connection: calls,
}

/// The PUBLISH that has this payload, of a message to `a`.
#[track_caller]
fn published(server: &mut Host, payload: &str, level: u8) -> u16 {
    server.receives(message("a", payload).qos(level)).id()
}

fn mqtt5_4_3_1_1_mqtt5_2_2_1_2_mqtt5_3_3_1_2_mqtt5_3_3_2_1_mqtt5_3_3_2_2_mqtt5_3_3_4_6_mqtt311_4_3_1_1_mqtt311_2_3_1_5_mqtt311_3_3_1_2_mqtt311_3_3_2_1_mqtt311_3_3_2_2_qos_0_is_sent_once(
    s: &Hosting,
) {
    let mut client = s.publisher("a", &["x"], 0);
    let mut server = client.connects();
    server.accepts();
    let received = server.receives(message("a", "x"));
    assert_eq!(received.bytes()[0], 0x30);
    server.is_left();
}

fn mqtt5_4_3_1_1_mqtt311_4_3_1_1_qos_0_is_not_kept(s: &Hosting) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.accepts();
    client.publishes(message("a", "x")).expect("taken");
    server.receives(message("a", "x"));
    client.tells(News::Connected);
    client.tells(News::Sent);
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.nothing_else();
}

fn mqtt5_4_3_2_2_mqtt5_4_3_2_3_mqtt5_3_3_1_1_mqtt311_4_3_2_1_mqtt311_2_3_1_3_qos_1_is_under_way_until_puback(
    s: &Hosting,
) {
    let mut client = s.publisher("a", &["x"], 1);
    let mut server = client.connects();
    server.accepts();
    let id = published(&mut server, "x", 1);
    server.nothing_else();
    server.sends(puback(id));
    server.is_left();
    client.tells(News::Connected);
    client.tells(News::Acknowledged);
    client.tells(News::Left);
}

fn mqtt5_4_3_3_2_mqtt5_4_3_3_3_mqtt5_4_3_3_4_mqtt5_4_3_3_5_mqtt5_3_6_1_1_mqtt311_4_3_3_1_mqtt311_3_6_1_1_qos_2_goes_step_by_step(
    s: &Hosting,
) {
    let mut client = s.publisher("a", &["x"], 2);
    let mut server = client.connects();
    server.accepts();
    let id = published(&mut server, "x", 2);
    server.nothing_else();
    server.sends(pubrec(id));
    let received = server.receives(pubrel(id));
    assert_eq!(received.bytes()[0], 0x62);
    server.nothing_else();
    server.sends(pubcomp(id));
    server.is_left();
    client.tells(News::Connected);
    client.tells(News::Acknowledged);
    client.tells(News::Left);
}

fn mqtt5_2_2_1_3_mqtt5_4_3_2_1_mqtt5_4_3_3_1_mqtt311_2_3_1_2_mqtt311_2_3_1_1_m31_20_m31_56_identifiers_are_unused(
    s: &Hosting,
) {
    let payloads = ["1", "2", "3", "4", "5"];
    for level in [1, 2] {
        let mut client = s.publisher("a", &payloads, level);
        let mut server = client.connects();
        server.accepts();
        let mut used = Vec::new();
        for payload in payloads {
            let id = published(&mut server, payload, level);
            assert!(!used.contains(&id), "identifier {id} is in use");
            used.push(id);
        }
    }
}

fn mqtt5_2_2_1_3_mqtt311_2_3_1_2_mqtt311_2_3_1_3_m31_56_requests_share_the_identifiers(s: &Hosting) {
    let mut client = s.client();
    let mut server = client.connects();
    server.accepts();
    client.publishes(message("a", "1").qos(1)).expect("taken");
    let one = published(&mut server, "1", 1);
    client.subscribes(subscribe("b", 1)).expect("taken");
    let two = server.receives(subscribe("b", 1)).id();
    let request = mqtt_session::UnsubscribeRequest::new(["b"]).expect("a Topic Filter");
    client.calls(|client, now| client.unsubscribe(now, request)).expect("taken");
    let three = server.receives_any().id();
    client.publishes(message("a", "2").qos(2)).expect("taken");
    let four = published(&mut server, "2", 2);
    // PUBREC frees nothing.
    server.sends(pubrec(four));
    server.receives(pubrel(four));
    client.publishes(message("a", "3").qos(1)).expect("taken");
    let five = published(&mut server, "3", 1);
    let mut used = vec![one, two, three, four, five];
    used.sort_unstable();
    used.dedup();
    assert_eq!(used.len(), 5, "{used:?}");
    client.has_told();
    server.sends(suback(two, &[1]));
    client.tells(News::Subscribed(vec![1]));
}

fn mqtt5_3_3_1_1_mqtt5_4_3_2_3_mqtt5_4_4_0_1_mqtt311_3_3_1_1_mqtt311_4_4_0_1_mqtt311_2_3_1_3_m31_34_qos_1_is_sent_again(
    s: &Hosting,
) {
    let mut client = s.publisher("a", &["x"], 1).keeps();
    let mut server = client.connects();
    server.accepts();
    let id = published(&mut server, "x", 1);
    for _ in 0..2 {
        server.vanishes();
        server = client.connects();
        server.resumes();
        server.receives(message("a", "x").qos(1).id(id).dup());
    }
    server.sends(puback(id));
    server.is_left();
}

fn mqtt5_3_3_1_1_mqtt5_4_3_3_3_mqtt5_4_4_0_1_mqtt311_3_3_1_1_mqtt311_4_4_0_1_m31_34_qos_2_is_sent_again_until_pubrec(
    s: &Hosting,
) {
    let mut client = s.publisher("a", &["x"], 2).keeps();
    let mut server = client.connects();
    server.accepts();
    let id = published(&mut server, "x", 2);
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.receives(message("a", "x").qos(2).id(id).dup());
    server.sends(pubrec(id));
    server.receives(pubrel(id));
    server.sends(pubcomp(id));
    server.is_left();
}

fn mqtt5_4_3_3_5_mqtt5_4_3_3_6_mqtt5_4_4_0_1_mqtt311_4_3_3_1_mqtt311_4_4_0_1_m31_34_what_was_released_is_not_published_again(
    s: &Hosting,
) {
    let mut client = s.publisher("a", &["x"], 2).keeps();
    let mut server = client.connects();
    server.accepts();
    let id = published(&mut server, "x", 2);
    server.sends(pubrec(id));
    server.receives(pubrel(id));
    for _ in 0..2 {
        server.vanishes();
        server = client.connects();
        server.resumes();
        server.receives(pubrel(id));
        server.nothing_else();
    }
    server.sends(pubcomp(id));
    server.is_left();
}

fn mqtt5_4_6_0_1_mqtt311_4_6_0_1_what_is_sent_again_keeps_its_order(s: &Hosting) {
    let payloads = ["1", "2", "3", "4"];
    let mut client = s.publisher("a", &payloads, 1).keeps();
    let mut server = client.connects();
    server.accepts();
    let ids: Vec<_> = payloads.iter().map(|payload| published(&mut server, payload, 1)).collect();
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    for (payload, id) in payloads.iter().zip(&ids) {
        server.receives(message("a", payload).qos(1).id(*id).dup());
    }
    for id in ids {
        server.sends(puback(id));
    }
    server.is_left();
}

fn mqtt5_4_6_0_1_mqtt5_4_4_0_1_mqtt311_4_6_0_1_mqtt311_4_4_0_1_m31_34_m31_38_everything_under_way_is_sent_again_in_order(
    s: &Hosting,
) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.accepts();
    let mut ids = Vec::new();
    for (number, level) in [1, 2, 1, 2, 2, 1].into_iter().enumerate() {
        client.publishes(message("a", &number.to_string()).qos(level)).expect("taken");
        ids.push(published(&mut server, &number.to_string(), level));
    }
    // The first is acknowledged, the second half.
    server.sends(puback(ids[0]));
    server.sends(pubrec(ids[1]));
    server.receives(pubrel(ids[1]));
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.receives(pubrel(ids[1]));
    for (number, level) in [(2, 1), (3, 2), (4, 2), (5, 1)] {
        server.receives(message("a", &number.to_string()).qos(level).id(ids[number]).dup());
    }
    server.nothing_else();
}

fn mqtt5_4_6_0_4_mqtt311_4_6_0_4_m31_37_pubrel_packets_follow_the_pubrec_packets(s: &Hosting) {
    let payloads = ["1", "2", "3"];
    let mut client = s.publisher("a", &payloads, 2);
    let mut server = client.connects();
    server.accepts();
    let ids: Vec<_> = payloads.iter().map(|payload| published(&mut server, payload, 2)).collect();
    for at in [1, 0, 2] {
        server.sends(pubrec(ids[at]));
    }
    for at in [1, 0, 2] {
        server.receives(pubrel(ids[at]));
    }
    for id in ids {
        server.sends(pubcomp(id));
    }
    server.is_left();
}

fn mqtt5_4_4_0_2_mqtt5_4_3_3_4_a_refusal_ends_the_exchange(s: &Hosting) {
    for level in [1, 2] {
        let mut client = s.publisher("a", &["x"], level);
        let mut server = client.connects();
        server.accepts();
        let id = published(&mut server, "x", level);
        if level == 1 {
            server.sends(puback(id).code(0x97));
        } else {
            server.sends(pubrec(id).code(0x97));
        }
        server.receives_the_rest(|received| {
            let is_more = matches!(received.packet(), Packet::Publish(_) | Packet::Pubrel(_));
            assert!(!is_more, "{} after a refusal", received.packet());
        });
        client.tells(News::Connected);
        client.tells(News::Refused(0x97));
        client.tells(News::Left);
    }
}

fn mqtt5_4_4_0_2_mqtt5_4_3_3_4_what_was_refused_is_not_sent_again(s: &Hosting) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    let one = Property::ReceiveMaximum(1.try_into().expect("not 0"));
    server.accepts_with(crate::script::connack().with(one));
    for (payload, level) in [("1", 1), ("2", 2), ("3", 1)] {
        client.publishes(message("a", payload).qos(level)).expect("taken");
    }
    // Each refusal frees the quota.
    let id = published(&mut server, "1", 1);
    server.sends(puback(id).code(0x80));
    let id = published(&mut server, "2", 2);
    server.sends(pubrec(id).code(0x99));
    published(&mut server, "3", 1);
    server.nothing_else();
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.receives(message("a", "3").qos(1).dup());
    server.nothing_else();
}

fn mqtt5_4_3_3_7_an_expired_message_completes_its_exchange(s: &Hosting) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.accepts();
    client.publishes(message("a", "x").qos(2).with(Property::MessageExpiryInterval(1))).expect("taken");
    let id = published(&mut server, "x", 2);
    s.waits(5);
    server.sends(pubrec(id));
    server.receives(pubrel(id));
    server.vanishes();
    let mut server = client.connects();
    server.resumes();
    server.receives(pubrel(id));
    client.has_told();
    server.sends(pubcomp(id));
    client.tells(News::Acknowledged);
    // Before PUBREC as well.
    client.publishes(message("a", "y").qos(2).with(Property::MessageExpiryInterval(1))).expect("taken");
    let id = published(&mut server, "y", 2);
    server.vanishes();
    s.waits(5);
    let mut server = client.connects();
    server.resumes();
    server.receives(message("a", "y").qos(2).id(id).dup().with(Property::MessageExpiryInterval(0)));
}

fn mqtt5_4_4_0_1_m31_32_decision_32_nothing_is_sent_again_while_connected(s: &Hosting) {
    let mut client = s.client().keeps().keep_alive(0);
    let mut server = client.connects();
    server.accepts();
    for (payload, level) in [("1", 1), ("2", 2)] {
        client.publishes(message("a", payload).qos(level)).expect("taken");
        published(&mut server, payload, level);
    }
    client.subscribes(subscribe("b", 0)).expect("taken");
    server.receives(subscribe("b", 0));
    s.waits(10_000);
    server.nothing_else();
}

fn decision_12_stray_acknowledgements_end_nothing(s: &Hosting) {
    let mut client = s.client();
    let mut server = client.connects();
    server.accepts();
    server.sends(puback(9));
    server.sends(pubcomp(9));
    server.nothing_else();
    server.sends(pubrec(9));
    // 5.0 can say that there is none.
    server.receives(if s.is_v5() { pubrel(9).code(0x92) } else { pubrel(9) });
    client.tells(News::Connected);
    client.tells_nothing();
}

fn decision_33_a_request_without_answer_is_no_session_state(s: &Hosting) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.accepts();
    client.subscribes(subscribe("b", 1)).expect("taken");
    server.receives(subscribe("b", 1));
    server.vanishes();
    client.tells(News::Connected);
    client.tells(News::RequestLost);
    client.tells(News::Closed);
    let mut server = client.connects();
    server.receives(connect());
    server.sends(crate::script::connack().present());
    server.nothing_else();
}

fn mqtt5_4_3_2_3_mqtt5_4_3_3_3_an_acknowledgement_of_another_qos_ends_the_connection(s: &Hosting) {
    for (level, answer) in
        [(1, pubrec as fn(u16) -> crate::script::Ack), (1, pubcomp), (2, puback), (2, pubcomp)]
    {
        let mut client = s.client().keeps();
        let mut server = client.connects();
        server.accepts();
        client.publishes(message("a", "x").qos(level)).expect("taken");
        let id = published(&mut server, "x", level);
        client.has_told();
        server.sends(answer(id));
        server.is_closed_with(0x82);
        client.objects(Violation::WrongAcknowledgement);
        // The message is still under way.
        let mut server = client.connects();
        server.resumes();
        server.receives(message("a", "x").qos(level).id(id).dup());
    }
}
