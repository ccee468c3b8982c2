//! SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (sections 3.8 to 3.11), PINGREQ (3.12).

use mqtt_session::codec::{Packet, PropertyId};

use super::raw;
use crate::script::{Pingresp, Scene, message, pubcomp, pubrel, suback, subscribe, unsuback, unsubscribe};

crate::scripts! {
    mqtt5_3_8_4_1_mqtt5_3_8_4_2_mqtt5_2_2_1_6_mqtt311_3_8_4_1_mqtt311_3_8_4_2_mqtt311_2_3_1_7_a_subscribe_is_answered_under_its_identifier: any,
    mqtt5_3_8_4_5_mqtt5_3_8_4_6_mqtt5_3_8_4_7_mqtt5_3_9_3_1_mqtt311_3_8_4_4_mqtt311_3_8_4_5_mqtt311_3_9_3_1_each_filter_has_its_code: any,
    mqtt5_3_8_4_7_mqtt5_3_9_3_1_mqtt311_3_8_4_5_mqtt311_3_9_3_1_a_refused_filter_has_its_code: rules,
    m31_46_decision_46_a_refused_filter_is_granted_and_gets_nothing: rules,
    mqtt5_3_8_4_3_mqtt5_3_8_4_4_mqtt311_3_8_4_3_m31_53_the_same_filter_replaces_its_subscription: any,
    mqtt5_3_8_4_8_mqtt311_3_8_4_6_m31_55_the_lower_qos_is_delivered: any,
    mqtt5_3_8_4_7_mqtt311_3_8_4_6_m31_55_less_may_be_granted_than_asked: rules,
    mqtt5_3_8_3_3_no_local_hides_the_own_messages: any,
    mqtt5_3_8_4_3_the_options_are_replaced: any,
    mqtt5_3_8_3_4_no_local_on_a_shared_subscription_ends_the_connection: any,
    mqtt311_3_8_3_2_wildcards_that_are_not_served_are_refused: config,
    m31_33_a_repeated_request_is_answered_again: any,
    mqtt5_3_10_4_1_mqtt311_3_10_4_1_the_filter_is_compared_as_it_is: any,
    mqtt5_3_10_4_2_mqtt311_3_10_4_2_nothing_comes_after_unsubscribing: any,
    mqtt5_3_10_4_3_mqtt311_3_10_4_3_what_is_under_way_is_completed: any,
    mqtt5_3_10_4_4_mqtt5_3_10_4_5_mqtt5_3_11_3_1_mqtt5_2_2_1_6_mqtt311_3_10_4_4_mqtt311_3_10_4_5_mqtt311_2_3_1_7_an_unsubscribe_is_answered: any,
    mqtt5_3_10_4_6_mqtt5_3_11_3_1_mqtt311_3_10_4_6_filters_are_taken_one_after_the_other: any,
    mqtt5_3_12_4_1_mqtt311_3_12_4_1_a_ping_is_answered: any,
    decision_2_an_invalid_filter_ends_the_connection: any,
    decision_21_suback_comes_before_the_messages: any,
    decision_27_unsubscribing_what_is_not_there_is_answered: any,
}

fn mqtt5_3_8_4_1_mqtt5_3_8_4_2_mqtt5_2_2_1_6_mqtt311_3_8_4_1_mqtt311_3_8_4_2_mqtt311_2_3_1_7_a_subscribe_is_answered_under_its_identifier(
    s: &Scene,
) {
    let mut client = s.connects("a");
    for id in [1, 0x0102, 0xFFFF] {
        client.sends(subscribe("a", 0).id(id));
        client.receives(suback(id, &[0]));
        client.nothing_else();
    }
}

fn mqtt5_3_8_4_5_mqtt5_3_8_4_6_mqtt5_3_8_4_7_mqtt5_3_9_3_1_mqtt311_3_8_4_4_mqtt311_3_8_4_5_mqtt311_3_9_3_1_each_filter_has_its_code(
    s: &Scene,
) {
    let mut client = s.connects("a");
    client.sends(subscribe("a", 2).and("b", 0).and("c", 1).and("d/#", 2).and("e/+", 0));
    client.receives(suback(10, &[2, 0, 1, 2, 0]));
    client.nothing_else();
    // In their order: the second of the same filters replaces the first.
    client.sends(subscribe("x", 2).and("x", 0).id(12));
    client.receives(suback(12, &[2, 0]));
    s.connects("pub").publishes(message("x", "y").qos(1));
    client.receives(message("x", "y"));
    client.nothing_else();
}

fn mqtt5_3_8_4_7_mqtt5_3_9_3_1_mqtt311_3_8_4_5_mqtt311_3_9_3_1_a_refused_filter_has_its_code(s: &Scene) {
    let mut client = s.connects("a");
    let refused = if s.is_v5() { 0x87 } else { 0x80 };
    client.sends(subscribe("a", 1).and("forbidden", 1).and("b", 2));
    client.receives(suback(10, &[1, refused, 2]));
    let mut publisher = s.connects("pub");
    publisher.publishes(message("b", "x").qos(2));
    client.takes(message("b", "x").qos(2));
}

fn m31_46_decision_46_a_refused_filter_is_granted_and_gets_nothing(s: &Scene) {
    let mut client = s.connects("a");
    client.sends(subscribe("a", 1).and("b/forbidden/#", 2));
    client.receives(suback(10, &[1, 2]));
    let mut publisher = s.connects("pub");
    publisher.publishes(message("b/forbidden", "x").qos(1));
    publisher.publishes(message("a", "y").qos(1));
    client.takes(message("a", "y").qos(1));
}

fn mqtt5_3_8_4_3_mqtt5_3_8_4_4_mqtt311_3_8_4_3_m31_53_the_same_filter_replaces_its_subscription(s: &Scene) {
    let mut client = s.connects("sub");
    let mut publisher = s.connects("pub");
    for level in [0, 2, 1] {
        client.subscribes_with(subscribe("a/+", level).identifier(u32::from(level) + 1));
        publisher.publishes(message("a/b", "x").qos(2));
        client.takes(message("a/b", "x").qos(level));
        client.nothing_else();
    }
    // Without identifier there is none any more.
    client.subscribes("a/+", 0);
    publisher.publishes(message("a/b", "x").qos(2));
    client.receives(message("a/b", "x").without(PropertyId::SubscriptionIdentifier));
    // One UNSUBSCRIBE ends it.
    client.unsubscribes("a/+");
    publisher.publishes(message("a/b", "x").qos(1));
    client.nothing_else();
}

fn mqtt5_3_8_4_8_mqtt311_3_8_4_6_m31_55_the_lower_qos_is_delivered(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("0", 0).and("1", 1).and("2", 2));
    let mut publisher = s.connects("pub");
    for (topic, granted) in [("0", 0), ("1", 1), ("2", 2)] {
        for level in [0, 1, 2] {
            publisher.publishes(message(topic, "x").qos(level));
            client.takes(message(topic, "x").qos(level.min(granted)));
            client.nothing_else();
        }
    }
}

fn mqtt5_3_8_4_7_mqtt311_3_8_4_6_m31_55_less_may_be_granted_than_asked(s: &Scene) {
    let mut client = s.connects("sub");
    client.sends(subscribe("limited", 2));
    client.receives(suback(10, &[1]));
    let mut publisher = s.connects("pub");
    publisher.publishes(message("limited", "x").qos(2));
    client.takes(message("limited", "x").qos(1));
}

fn mqtt5_3_8_3_3_no_local_hides_the_own_messages(s: &Scene) {
    let mut client = s.connects("a");
    client.subscribes_with(subscribe("a", 0).no_local());
    let mut other = s.connects("b");
    other.subscribes("a", 0);
    for level in [0, 1, 2] {
        client.publishes(message("a", "own").qos(level));
        other.receives(message("a", "own"));
    }
    client.nothing_else();
    other.sends(message("a", "of b"));
    client.receives(message("a", "of b"));
}

fn mqtt5_3_8_4_3_the_options_are_replaced(s: &Scene) {
    let mut client = s.connects("a");
    client.subscribes_with(subscribe("a", 0).no_local().retain_as_published());
    client.subscribes("a", 0);
    client.sends_message(&message("a", "own").retained());
    client.receives(message("a", "own"));
    client.subscribes_with(subscribe("a", 0).no_local().retain_as_published().retain_handling(2));
    client.publishes(message("a", "own").retained());
    client.nothing_else();
    s.connects("b").publishes(message("a", "of b").retained());
    client.receives(message("a", "of b").retained());
}

fn mqtt5_3_8_3_4_no_local_on_a_shared_subscription_ends_the_connection(s: &Scene) {
    let mut client = s.connects("a");
    client.sends_bytes(&raw::subscribe(s, 10, &[(s.topic("$share/g/a").as_bytes(), 0x04)]));
    client.is_closed_with(0x82);
}

fn mqtt311_3_8_3_2_wildcards_that_are_not_served_are_refused(s: &Scene) {
    s.configures(|config| config.wildcard_subscription_available = false);
    let mut client = s.connects("a");
    client.sends(subscribe("a/+", 1).and("a/b", 1).and("#", 0));
    client.receives(suback(10, &[0x80, 1, 0x80]));
}

fn m31_33_a_repeated_request_is_answered_again(s: &Scene) {
    let mut client = s.connects("a");
    let topic = s.topic("a");
    let mut subscribe = raw::subscribe(s, 10, &[(topic.as_bytes(), 1)]);
    client.sends_bytes(&subscribe);
    client.receives(suback(10, &[1]));
    subscribe[0] = 0x8A;
    client.sends_bytes(&subscribe);
    client.receives(suback(10, &[1]));
    s.connects("pub").publishes(message("a", "x").qos(1));
    client.takes(message("a", "x").qos(1));
    client.nothing_else();
    let mut unsubscribe = raw::unsubscribe(s, 11, &[topic.as_bytes()]);
    for first_byte in [0xA2, 0xAA] {
        unsubscribe[0] = first_byte;
        client.sends_bytes(&unsubscribe);
        client.receives(unsuback(11, &[]));
    }
    client.nothing_else();
}

fn mqtt5_3_10_4_1_mqtt311_3_10_4_1_the_filter_is_compared_as_it_is(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("a/+", 0).and("b", 0));
    // None of these is `a/+`, although some match the same topics.
    client.sends(unsubscribe(&["a/b", "a/#", "#", "A/+", "a/+/"]));
    client.receives(unsuback(11, &[0x11; 5]));
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a/b", "x"));
    client.receives(message("a/b", "x"));
    client.sends(unsubscribe(&["a/+"]));
    client.receives(unsuback(11, &[0]));
    publisher.publishes(message("a/b", "y"));
    publisher.publishes(message("b", "z"));
    client.receives(message("b", "z"));
}

fn mqtt5_3_10_4_2_mqtt311_3_10_4_2_nothing_comes_after_unsubscribing(s: &Scene) {
    let mut publisher = s.connects("pub");
    let mut client = s.client("sub").keeps().connects();
    client.subscribes_with(subscribe("a", 1).and("b", 1));
    client.unsubscribes("a");
    publisher.publishes(message("a", "x").qos(1));
    client.nothing_else();
    client.vanishes();
    publisher.publishes(message("a", "y").qos(1));
    publisher.publishes(message("b", "z").qos(1));
    let mut client = s.client("sub").keeps().resumes();
    client.takes(message("b", "z").qos(1));
    client.nothing_else();
}

fn mqtt5_3_10_4_3_mqtt311_3_10_4_3_what_is_under_way_is_completed(s: &Scene) {
    let mut publisher = s.connects("pub");
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    publisher.publishes(message("a", "1").qos(1));
    publisher.publishes(message("a", "2").qos(2));
    let one = client.receives(message("a", "1").qos(1)).id();
    let two = client.receives(message("a", "2").qos(2)).id();
    client.unsubscribes("a");
    client.sends(crate::script::pubrec(two));
    client.receives(pubrel(two));
    client.vanishes();
    // Also after a reconnect.
    let mut client = s.client("sub").keeps().resumes();
    client.receives_all_packets(&[&message("a", "1").qos(1).dup().id(one), &pubrel(two)]);
    client.sends(crate::script::puback(one));
    client.sends(pubcomp(two));
    client.nothing_else();
}

fn mqtt5_3_10_4_4_mqtt5_3_10_4_5_mqtt5_3_11_3_1_mqtt5_2_2_1_6_mqtt311_3_10_4_4_mqtt311_3_10_4_5_mqtt311_2_3_1_7_an_unsubscribe_is_answered(
    s: &Scene,
) {
    let mut client = s.connects("a");
    for id in [1, 0x0102, 0xFFFF] {
        client.subscribes("a", 0);
        client.sends(unsubscribe(&["a"]).id(id));
        client.receives(unsuback(id, &[0]));
        client.sends(unsubscribe(&["a"]).id(id));
        client.receives(unsuback(id, &[0x11]));
        client.nothing_else();
    }
}

fn mqtt5_3_10_4_6_mqtt5_3_11_3_1_mqtt311_3_10_4_6_filters_are_taken_one_after_the_other(s: &Scene) {
    let mut client = s.connects("a");
    client.subscribes_with(subscribe("a", 0).and("b", 0).and("c", 0));
    client.sends(unsubscribe(&["none", "a", "b", "a"]));
    client.receives(unsuback(11, &[0x11, 0, 0, 0x11]));
    client.nothing_else();
    let mut publisher = s.connects("pub");
    for topic in ["a", "b", "c"] {
        publisher.publishes(message(topic, "x"));
    }
    client.receives(message("c", "x"));
}

fn mqtt5_3_12_4_1_mqtt311_3_12_4_1_a_ping_is_answered(s: &Scene) {
    let mut client = s.connects("a");
    for _ in 0..3 {
        client.sends(Packet::Pingreq);
        assert_eq!(client.receives(Pingresp).bytes(), b"\xD0\x00");
    }
    // As often as it is asked.
    client.sends_bytes(b"\xC0\x00\xC0\x00");
    client.receives(Pingresp);
    client.receives(Pingresp);
    client.nothing_else();
}

fn decision_2_an_invalid_filter_ends_the_connection(s: &Scene) {
    for filter in ["a/#/b", "a#", "a+", "+a", ""] {
        let filter = if filter.is_empty() { String::new() } else { s.topic(filter) };
        let mut client = s.connects("a");
        client.sends_bytes(&raw::subscribe(s, 10, &[(filter.as_bytes(), 0)]));
        client.is_closed_with(0x8F);
        let mut client = s.connects("a");
        client.sends_bytes(&raw::unsubscribe(s, 10, &[filter.as_bytes()]));
        client.is_closed_with(0x8F);
    }
}

fn decision_21_suback_comes_before_the_messages(s: &Scene) {
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(1).retained());
    let mut client = s.connects("sub");
    client.sends(subscribe("a", 1));
    client.receives(suback(10, &[1]));
    client.takes(message("a", "x").qos(1).retained());
}

fn decision_27_unsubscribing_what_is_not_there_is_answered(s: &Scene) {
    let mut client = s.connects("a");
    client.sends(unsubscribe(&["a"]));
    client.receives(unsuback(11, &[0x11]));
}
