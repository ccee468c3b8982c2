//! Retained messages (sections 3.3.1.3 and 3.8.3.1).

use mqtt_session::codec::Property;

use crate::script::{Peer, Scene, message, puback, subscribe};

crate::scripts! {
    mqtt5_3_3_1_5_mqtt311_3_3_1_5_mqtt311_3_3_1_6_m31_52_the_last_retained_message_is_kept: any,
    mqtt5_3_3_1_6_mqtt5_3_3_1_7_mqtt311_3_3_1_10_mqtt311_3_3_1_11_m31_51_an_empty_one_clears_and_is_forwarded: any,
    mqtt5_3_3_1_8_mqtt311_3_3_1_12_without_retain_nothing_is_kept: any,
    mqtt311_3_3_1_7_qos_0_replaces_what_is_retained: any,
    mqtt5_3_3_1_9_mqtt311_3_3_1_6_mqtt311_3_3_1_8_m31_52_a_subscription_gets_what_matches: any,
    mqtt5_3_3_1_9_mqtt5_3_8_4_4_mqtt311_3_8_4_3_m31_53_subscribing_again_sends_them_again: any,
    mqtt5_3_3_1_10_retain_handling_1_is_for_new_subscriptions: any,
    mqtt5_3_3_1_11_retain_handling_2_sends_nothing: any,
    mqtt5_3_3_1_12_mqtt311_3_3_1_9_m31_52_live_messages_have_no_retain: any,
    mqtt5_3_3_1_13_retain_as_published_keeps_the_flag: any,
    mqtt5_3_3_2_5_decision_28_a_retained_message_expires: any,
    mqtt5_3_3_1_5_mqtt311_3_3_1_5_the_lower_qos_counts: any,
    decision_15_no_local_hides_the_own_retained_message: any,
    decision_26_a_merged_copy_has_retain_if_one_subscription_wants_it: any,
    decision_42_a_resumed_session_gets_no_retained_messages_again: any,
}

/// Retains a message at a Server that is sure to have it.
fn retain(client: &mut Peer, topic: &str, payload: &str) {
    client.publishes(message(topic, payload).qos(1).retained());
}

fn mqtt5_3_3_1_5_mqtt311_3_3_1_5_mqtt311_3_3_1_6_m31_52_the_last_retained_message_is_kept(s: &Scene) {
    let mut publisher = s.connects("pub");
    retain(&mut publisher, "a", "old");
    retain(&mut publisher, "a", "new");
    retain(&mut publisher, "a/b", "other");
    let mut late = s.connects("late");
    late.subscribes("a", 1);
    late.takes(message("a", "new").qos(1).retained());
    late.nothing_else();
}

fn mqtt5_3_3_1_6_mqtt5_3_3_1_7_mqtt311_3_3_1_10_mqtt311_3_3_1_11_m31_51_an_empty_one_clears_and_is_forwarded(
    s: &Scene,
) {
    let mut publisher = s.connects("pub");
    let mut live = s.connects("live");
    live.subscribes("a", 1);
    retain(&mut publisher, "a", "x");
    live.takes(message("a", "x").qos(1));
    retain(&mut publisher, "a", "");
    live.takes(message("a", "").qos(1));
    // Nothing was there, and nothing is stored.
    retain(&mut publisher, "b", "");
    let mut late = s.connects("late");
    late.subscribes_with(subscribe("a", 1).and("b", 1));
    late.nothing_else();
}

fn mqtt5_3_3_1_8_mqtt311_3_3_1_12_without_retain_nothing_is_kept(s: &Scene) {
    let mut publisher = s.connects("pub");
    retain(&mut publisher, "a", "kept");
    for payload in ["live", ""] {
        publisher.publishes(message("a", payload).qos(1));
        publisher.publishes(message("b", payload).qos(1));
    }
    let mut late = s.connects("late");
    late.subscribes_with(subscribe("a", 1).and("b", 1));
    late.takes(message("a", "kept").qos(1).retained());
    late.nothing_else();
}

fn mqtt311_3_3_1_7_qos_0_replaces_what_is_retained(s: &Scene) {
    let mut publisher = s.connects("pub");
    retain(&mut publisher, "a", "old");
    publisher.sends_message(&message("a", "new").retained());
    publisher.nothing_else();
    let mut late = s.connects("late");
    late.subscribes("a", 2);
    // It may have been dropped; the old one is gone.
    if s.is_exact() {
        late.receives(message("a", "new").retained());
    } else if let Some(received) = late.receives_unless_quiet() {
        assert_eq!(received.payload(), "new");
    }
    late.nothing_else();
}

fn mqtt5_3_3_1_9_mqtt311_3_3_1_6_mqtt311_3_3_1_8_m31_52_a_subscription_gets_what_matches(s: &Scene) {
    let mut publisher = s.connects("pub");
    for topic in ["a", "a/1", "a/2", "a/2/x", "b"] {
        retain(&mut publisher, topic, topic);
    }
    let mut late = s.connects("late");
    late.subscribes("a/+", 0);
    late.receives_all(vec![message("a/1", "a/1").retained(), message("a/2", "a/2").retained()]);
    late.nothing_else();
    late.subscribes_with(subscribe("a/#", 0).id(12));
    let all = ["a", "a/1", "a/2", "a/2/x"].map(|topic| message(topic, topic).retained());
    late.receives_all(all.to_vec());
    late.nothing_else();
}

fn mqtt5_3_3_1_9_mqtt5_3_8_4_4_mqtt311_3_8_4_3_m31_53_subscribing_again_sends_them_again(s: &Scene) {
    let mut publisher = s.connects("pub");
    retain(&mut publisher, "a", "x");
    let mut client = s.connects("sub");
    for _ in 0..3 {
        client.subscribes("a", 0);
        client.receives(message("a", "x").retained());
        client.nothing_else();
    }
    // No live message gets lost in between.
    for number in 0..20 {
        publisher.sends(message("b", &number.to_string()).qos(1).id(number + 1));
    }
    client.subscribes("b", 1);
    for number in 0..20 {
        publisher.receives(puback(number + 1));
    }
    publisher.publishes(message("b", "before").qos(1));
    client.drains_until(&message("b", "before").qos(1));
    for number in 20..40 {
        publisher.sends(message("b", &number.to_string()).qos(1).id(number + 1));
        client.sends(subscribe("b", 1).id(100 + number));
    }
    client.takes_all_amid_answers((20..40).map(|number| message("b", &number.to_string()).qos(1)).collect());
}

fn mqtt5_3_3_1_10_retain_handling_1_is_for_new_subscriptions(s: &Scene) {
    let mut publisher = s.connects("pub");
    retain(&mut publisher, "a", "x");
    let mut client = s.client("sub").keeps().connects();
    client.subscribes_with(subscribe("a", 0).retain_handling(1));
    client.receives(message("a", "x").retained());
    client.subscribes_with(subscribe("a", 0).retain_handling(1));
    client.nothing_else();
    client.subscribes_with(subscribe("a", 0).retain_handling(0));
    client.receives(message("a", "x").retained());
    client.unsubscribes("a");
    client.subscribes_with(subscribe("a", 0).retain_handling(1));
    client.receives(message("a", "x").retained());
    // The subscription outlives the connection.
    client.vanishes();
    let mut client = s.client("sub").keeps().resumes();
    client.subscribes_with(subscribe("a", 0).retain_handling(1));
    client.nothing_else();
}

fn mqtt5_3_3_1_11_retain_handling_2_sends_nothing(s: &Scene) {
    let mut publisher = s.connects("pub");
    retain(&mut publisher, "a", "x");
    let mut client = s.connects("sub");
    for _ in 0..2 {
        client.subscribes_with(subscribe("a", 0).retain_handling(2));
        client.nothing_else();
    }
    publisher.publishes(message("a", "live").qos(1));
    client.receives(message("a", "live"));
}

fn mqtt5_3_3_1_12_mqtt311_3_3_1_9_m31_52_live_messages_have_no_retain(s: &Scene) {
    let mut publisher = s.connects("pub");
    let mut client = s.connects("sub");
    client.subscribes("a", 2);
    for level in [0, 1, 2] {
        publisher.publishes(message("a", "x").qos(level).retained());
        client.takes(message("a", "x").qos(level));
    }
    publisher.publishes(message("a", "").qos(1).retained());
    client.takes(message("a", "").qos(1));
}

fn mqtt5_3_3_1_13_retain_as_published_keeps_the_flag(s: &Scene) {
    let mut publisher = s.connects("pub");
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("a", 2).retain_as_published());
    for level in [0, 1, 2] {
        publisher.publishes(message("a", "x").qos(level).retained());
        client.takes(message("a", "x").qos(level).retained());
        publisher.publishes(message("a", "y").qos(level));
        client.takes(message("a", "y").qos(level));
    }
}

fn mqtt5_3_3_2_5_decision_28_a_retained_message_expires(s: &Scene) {
    let mut publisher = s.connects("pub");
    let expiring = message("a", "x").qos(1).retained();
    publisher.publishes(expiring.with(Property::MessageExpiryInterval(1)));
    retain(&mut publisher, "b", "y");
    s.waits(3);
    let mut late = s.connects("late");
    late.subscribes_with(subscribe("a", 0).and("b", 0));
    late.receives(message("b", "y").retained());
    late.nothing_else();
}

fn mqtt5_3_3_1_5_mqtt311_3_3_1_5_the_lower_qos_counts(s: &Scene) {
    let mut publisher = s.connects("pub");
    for kept in [1, 2] {
        publisher.publishes(message("a", "x").qos(kept).retained());
        for asked in [0, 1, 2] {
            let mut late = s.connects("late");
            late.subscribes("a", asked);
            late.takes(message("a", "x").qos(asked.min(kept)).retained());
            late.disconnects();
        }
    }
}

fn decision_15_no_local_hides_the_own_retained_message(s: &Scene) {
    let mut client = s.connects("a");
    retain(&mut client, "a", "own");
    client.subscribes_with(subscribe("a", 0).no_local());
    client.nothing_else();
    let mut other = s.connects("b");
    other.subscribes_with(subscribe("a", 0).no_local());
    other.receives(message("a", "own").retained());
}

fn decision_26_a_merged_copy_has_retain_if_one_subscription_wants_it(s: &Scene) {
    let mut publisher = s.connects("pub");
    let mut client = s.connects("sub");
    client.subscribes("a/+", 1);
    client.subscribes_with(subscribe("a/b", 0).retain_as_published());
    publisher.publishes(message("a/b", "x").qos(1).retained());
    client.takes(message("a/b", "x").qos(1).retained());
    client.nothing_else();
}

fn decision_42_a_resumed_session_gets_no_retained_messages_again(s: &Scene) {
    let mut publisher = s.connects("pub");
    retain(&mut publisher, "a", "x");
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 1);
    client.takes(message("a", "x").qos(1).retained());
    client.nothing_else();
    let mut newer = s.client("sub").keeps().resumes();
    client.is_closed_with(0x8E);
    newer.nothing_else();
}
