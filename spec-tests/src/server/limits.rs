//! What a Client says it takes: packet size, Receive Maximum (sections 3.1.2.11, 3.3.4, 4.9), and what a Server sends
//! anyway.

use mqtt_session::codec::Packet;

use crate::script::{
    Scene, message, puback, pubcomp, pubrec, pubrel, suback, subscribe, unsuback, unsubscribe,
};

crate::scripts! {
    mqtt5_3_1_2_24_the_largest_packet_is_the_limit: any,
    mqtt5_3_1_2_25_a_message_that_is_too_large_counts_as_delivered: any,
    mqtt5_3_1_2_24_mqtt5_3_4_2_2_mqtt5_3_4_2_3_mqtt5_3_5_2_2_mqtt5_3_5_2_3_mqtt5_3_6_2_2_mqtt5_3_6_2_3_mqtt5_3_7_2_2_mqtt5_3_7_2_3_acknowledgements_fit_the_client: any,
    mqtt5_3_1_2_24_mqtt5_3_9_2_1_mqtt5_3_9_2_2_mqtt5_3_11_2_1_mqtt5_3_11_2_2_answers_to_requests_fit_the_client: any,
    mqtt5_3_1_2_24_mqtt5_3_14_2_3_mqtt5_3_14_2_4_disconnect_fits_the_client: any,
    mqtt5_4_9_0_1_mqtt5_3_3_4_9_no_more_than_the_receive_maximum_is_under_way: any,
    mqtt5_3_3_4_9_mqtt5_4_9_0_2_what_is_answered_makes_room: any,
    mqtt5_4_9_0_2_the_receive_maximum_is_kept_when_messages_are_sent_again: any,
    mqtt5_3_3_4_10_mqtt5_4_9_0_3_everything_else_goes_on_without_quota: any,
    mqtt5_3_3_4_8_mqtt5_4_9_0_3_a_client_without_quota_is_served: config,
    mqtt311_4_8_0_2_m31_57_what_there_is_no_room_for_harms_nobody_else: config,
    decision_22_a_full_queue_drops_the_newest: config,
    decision_34_the_window_holds_for_what_is_sent_again: any,
    decision_40_what_became_too_large_counts_as_delivered: any,
}

/// The largest packet that a Client with small buffers takes, in bytes.
const LIMIT: u32 = 60;

fn mqtt5_3_1_2_25_a_message_that_is_too_large_counts_as_delivered(s: &Scene) {
    let mut client = s.client("sub").keeps().largest_packet(LIMIT).receive_maximum(1).asks();
    let Some(connack) = client.receives_or_closed() else { s.skips("its CONNACK does not fit 60 bytes") };
    assert!(!connack.connack().reason.is_error(), "{}", connack.packet());
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    for level in [0, 1, 2] {
        publisher.publishes(message("a", &"x".repeat(500)).qos(level));
        publisher.publishes(message("a", "fits").qos(level));
        client.takes(message("a", "fits").qos(level));
        client.nothing_else();
    }
    client.vanishes();
    // Also what was too large for a Client that was away.
    publisher.publishes(message("a", &"x".repeat(500)).qos(1));
    publisher.publishes(message("a", "fits").qos(1));
    let mut client = s.client("sub").keeps().largest_packet(LIMIT).resumes();
    client.takes(message("a", "fits").qos(1));
    client.nothing_else();
}

fn mqtt5_3_1_2_24_the_largest_packet_is_the_limit(s: &Scene) {
    let mut client = s.client("sub").largest_packet(LIMIT).receive_maximum(1).asks();
    let Some(connack) = client.receives_or_closed() else { s.skips("its CONNACK does not fit 60 bytes") };
    assert!(!connack.connack().reason.is_error(), "{}", connack.packet());
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    // Everything in front of the payload: fixed header 2, topic, identifier 2, properties 1.
    let head = 2 + 2 + s.topic("a").len() + 1;
    let largest = |qos: u8| "x".repeat(LIMIT as usize - head - if qos > 0 { 2 } else { 0 });
    for level in [0, 1, 2] {
        // One byte too many, then as many as there may be.
        publisher.publishes(message("a", &(largest(level) + "x")).qos(level));
        publisher.publishes(message("a", &largest(level)).qos(level));
        let received = client.takes(message("a", &largest(level)).qos(level));
        assert!(received.bytes().len() <= LIMIT as usize);
        client.nothing_else();
    }
}

fn mqtt5_3_1_2_24_mqtt5_3_4_2_2_mqtt5_3_4_2_3_mqtt5_3_5_2_2_mqtt5_3_5_2_3_mqtt5_3_6_2_2_mqtt5_3_6_2_3_mqtt5_3_7_2_2_mqtt5_3_7_2_3_acknowledgements_fit_the_client(
    s: &Scene,
) {
    // CONNACK may be larger than that: then the limit is that of CONNACK, which had to fit.
    for limit in [30, 50] {
        let mut client = s.client("a").largest_packet(limit).asks();
        let Some(connack) = client.receives_or_closed() else { continue };
        assert!(!connack.connack().reason.is_error(), "{}", connack.packet());
        client.sends(message("a", "x").qos(1).id(1));
        client.sends(message("a", "x").qos(2).id(2));
        client.sends(pubrel(2));
        // Failures, where a Server likes to say why.
        client.sends(pubrel(3));
        client.sends(pubrec(4));
        client.sends(Packet::Pingreq);
        let mut seen = 0;
        loop {
            let received = client.receives_any();
            assert!(received.bytes().len() <= limit as usize, "{}", received.packet());
            if matches!(received.packet(), Packet::Pingresp) {
                break;
            }
            seen += 1;
        }
        assert_eq!(seen, 5, "PUBACK, PUBREC, two PUBCOMP, PUBREL");
    }
}

fn mqtt5_3_1_2_24_mqtt5_3_9_2_1_mqtt5_3_9_2_2_mqtt5_3_11_2_1_mqtt5_3_11_2_2_answers_to_requests_fit_the_client(
    s: &Scene,
) {
    for limit in [30, 50] {
        let mut client = s.client("a").largest_packet(limit).asks();
        let Some(connack) = client.receives_or_closed() else { continue };
        assert!(!connack.connack().reason.is_error(), "{}", connack.packet());
        client.sends(subscribe("a", 1).and("b", 2));
        assert!(client.receives(suback(10, &[1, 2])).bytes().len() <= limit as usize);
        client.sends(unsubscribe(&["a", "none"]));
        assert!(client.receives(unsuback(11, &[0, 0x11])).bytes().len() <= limit as usize);
    }
}

fn mqtt5_3_1_2_24_mqtt5_3_14_2_3_mqtt5_3_14_2_4_disconnect_fits_the_client(s: &Scene) {
    for limit in [30, 50] {
        let mut client = s.client("a").largest_packet(limit).asks();
        let Some(connack) = client.receives_or_closed() else { continue };
        assert!(!connack.connack().reason.is_error(), "{}", connack.packet());
        // Type 0 does not exist.
        client.sends_bytes(b"\x00\x00");
        if let Some(received) = client.receives_or_closed() {
            assert!(matches!(received.packet(), Packet::Disconnect(_)), "{}", received.packet());
            assert!(received.bytes().len() <= limit as usize, "{}", received.packet());
            client.is_closed();
        }
    }
}

fn mqtt5_4_9_0_1_mqtt5_3_3_4_9_no_more_than_the_receive_maximum_is_under_way(s: &Scene) {
    let mut client = s.client("sub").receive_maximum(2).connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    for number in 0..4 {
        publisher.publishes(message("a", &number.to_string()).qos(1));
    }
    for number in 0..2 {
        client.receives(message("a", &number.to_string()).qos(1));
    }
    client.nothing_else();
}

fn mqtt5_3_3_4_9_mqtt5_4_9_0_2_what_is_answered_makes_room(s: &Scene) {
    let mut client = s.client("sub").receive_maximum(2).connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    for (number, level) in [1, 2, 1, 2, 1].into_iter().enumerate() {
        publisher.publishes(message("a", &number.to_string()).qos(level));
    }
    let one = client.receives(message("a", "0").qos(1)).id();
    let two = client.receives(message("a", "1").qos(2)).id();
    client.nothing_else();
    client.sends(puback(one));
    let three = client.receives(message("a", "2").qos(1)).id();
    client.nothing_else();
    // PUBREC gives nothing back, PUBCOMP does.
    client.sends(pubrec(two));
    client.receives(pubrel(two));
    client.nothing_else();
    client.sends(pubcomp(two));
    let four = client.receives(message("a", "3").qos(2)).id();
    client.nothing_else();
    // A PUBREC that refuses does too.
    client.sends(pubrec(four).code(0x80));
    let five = client.receives(message("a", "4").qos(1)).id();
    client.sends(puback(three));
    client.sends(puback(five));
    client.nothing_else();
}

fn mqtt5_4_9_0_2_the_receive_maximum_is_kept_when_messages_are_sent_again(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 1);
    let mut publisher = s.connects("pub");
    for number in 0..4 {
        publisher.publishes(message("a", &number.to_string()).qos(1));
        client.receives(message("a", &number.to_string()).qos(1));
    }
    client.vanishes();
    // Another connection, another maximum.
    let mut client = s.client("sub").keeps().receive_maximum(2).resumes();
    for number in 0..4 {
        let expected = message("a", &number.to_string()).qos(1).dup();
        if number < 2 {
            client.receives(expected);
        } else {
            client.nothing_else();
            break;
        }
    }
}

fn mqtt5_3_3_4_10_mqtt5_4_9_0_3_everything_else_goes_on_without_quota(s: &Scene) {
    let mut client = s.client("sub").receive_maximum(1).connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "1").qos(2));
    publisher.publishes(message("a", "2").qos(1));
    let id = client.receives(message("a", "1").qos(2)).id();
    client.nothing_else();
    client.publishes(message("b", "x").qos(1));
    client.publishes(message("b", "x").qos(2));
    client.subscribes("c", 0);
    client.sends(unsubscribe(&["c"]));
    client.receives(unsuback(11, &[0]));
    publisher.publishes(message("a", "0"));
    if s.is_exact() {
        client.receives(message("a", "0"));
    } else if let Some(received) = client.receives_unless_quiet() {
        assert_eq!(received.payload(), "0");
    }
    client.sends(pubrec(id));
    client.receives(pubrel(id));
    client.nothing_else();
    client.disconnects();
}

fn mqtt5_3_3_4_8_mqtt5_4_9_0_3_a_client_without_quota_is_served(s: &Scene) {
    s.configures(|config| config.receive_maximum = 1.try_into().expect("not 0"));
    let mut client = s.connects("a");
    client.sends(message("a", "x").qos(2).id(1));
    client.receives(pubrec(1));
    // It has used its quota up, and may send everything else.
    client.subscribes("a", 2);
    client.sends(message("a", "0"));
    client.receives(message("a", "0"));
    client.sends(unsubscribe(&["a"]));
    client.receives(unsuback(11, &[0]));
    client.nothing_else();
    client.sends(pubrel(1));
    client.receives(pubcomp(1));
    client.disconnects();
}

fn mqtt311_4_8_0_2_m31_57_what_there_is_no_room_for_harms_nobody_else(s: &Scene) {
    s.configures(|config| config.maximum_sessions = 2);
    let mut one = s.connects("a");
    let mut two = s.connects("b");
    s.client("c").is_refused(0x97);
    two.subscribes("a", 0);
    one.sends(message("a", "x"));
    two.receives(message("a", "x"));
    one.disconnects();
    s.connects("c").nothing_else();
}

fn decision_22_a_full_queue_drops_the_newest(s: &Scene) {
    s.configures(|config| config.maximum_queued_messages = 2);
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 1);
    client.vanishes();
    let mut publisher = s.connects("pub");
    for payload in ["1", "2", "3"] {
        publisher.publishes(message("a", payload).qos(1));
    }
    let mut client = s.client("sub").keeps().resumes();
    client.takes(message("a", "1").qos(1));
    client.takes(message("a", "2").qos(1));
    client.nothing_else();
}

fn decision_34_the_window_holds_for_what_is_sent_again(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    let mut ids = Vec::new();
    for payload in ["1", "2", "3"] {
        publisher.publishes(message("a", payload).qos(2));
        ids.push(client.receives(message("a", payload).qos(2)).id());
    }
    client.sends(pubrec(ids[0]));
    client.receives(pubrel(ids[0]));
    client.vanishes();
    let mut client = s.client("sub").keeps().receive_maximum(1).resumes();
    // A PUBREL is no new message, but its exchange occupies the only place.
    client.receives(pubrel(ids[0]));
    client.nothing_else();
    client.sends(pubcomp(ids[0]));
    client.takes(message("a", "2").qos(2).dup());
    client.takes(message("a", "3").qos(2).dup());
}

fn decision_40_what_became_too_large_counts_as_delivered(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    let large = "x".repeat(100);
    let mut id = 0;
    for level in [1, 2] {
        publisher.publishes(message("a", &large).qos(level));
        id = client.receives(message("a", &large).qos(level)).id();
    }
    client.vanishes();
    publisher.publishes(message("a", "small").qos(1));
    let mut client = s.client("sub").keeps().largest_packet(LIMIT).receive_maximum(1).resumes();
    // The Client may have received it, and then still has its identifier.
    client.receives(pubrel(id));
    client.sends(pubcomp(id));
    client.takes(message("a", "small").qos(1));
    client.nothing_else();
    client.vanishes();
    s.client("sub").keeps().resumes().nothing_else();
}
