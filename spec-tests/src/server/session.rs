//! Sessions (sections 3.1.2.4, 3.1.2.11.2, 3.1.4, 3.2.2.1 and 4.1).

use mqtt_session::codec::Property;

use super::raw;
use crate::script::{Scene, message, pubcomp, pubrec, pubrel, string, suback, subscribe};

crate::scripts! {
    mqtt5_3_1_2_4_mqtt311_3_1_2_6_a_clean_start_wipes_what_there_was: any,
    mqtt5_3_1_2_5_mqtt311_3_1_2_4_mqtt311_3_1_2_5_mqtt311_4_1_0_1_m31_39_a_session_goes_on: any,
    mqtt5_3_1_2_6_mqtt5_3_2_2_2_mqtt5_3_2_2_3_mqtt311_3_2_2_1_mqtt311_3_2_2_2_mqtt311_3_2_2_3_session_present_tells_the_truth: any,
    m31_39_qos_0_is_not_queued: any,
    mqtt311_3_1_2_6_a_clean_session_is_not_reused: any,
    mqtt311_3_1_2_7_retained_messages_outlive_sessions: any,
    mqtt5_3_1_2_23_mqtt5_4_1_0_2_a_session_expires: any,
    mqtt5_3_1_2_23_without_expiry_a_session_ends_with_its_connection: any,
    mqtt5_3_1_2_23_the_expiry_can_be_changed_at_the_end: any,
    mqtt5_4_1_0_1_mqtt311_4_1_0_2_a_session_lasts_as_long_as_its_connection: any,
    mqtt5_3_1_3_2_mqtt311_3_1_3_2_sessions_are_kept_by_client_identifier: any,
    mqtt5_3_1_4_3_mqtt311_3_1_4_2_m31_44_the_newer_connection_takes_over: any,
    mqtt5_3_1_4_4_mqtt311_3_1_4_3_a_connect_that_is_refused_wipes_nothing: any,
    decision_33_a_request_without_answer_is_no_session_state: any,
    decision_35_clean_start_0_without_expiry_is_no_persistent_session: any,
    decision_23_versions_can_change_between_connections: any,
    decision_45_a_session_belongs_to_its_user: rules,
}

fn mqtt5_3_1_2_4_mqtt311_3_1_2_6_a_clean_start_wipes_what_there_was(s: &Scene) {
    let mut publisher = s.connects("pub");
    let mut client = s.client("a").keeps().connects();
    client.subscribes("a", 2);
    // Under way, received and not released, and queued.
    publisher.publishes(message("a", "1").qos(1));
    client.receives(message("a", "1").qos(1));
    client.sends(message("b", "2").qos(2).id(5));
    client.receives(pubrec(5));
    client.vanishes();
    publisher.publishes(message("a", "3").qos(1));
    let mut client = s.client("a").keeps().clean().connects();
    client.nothing_else();
    // The subscription is gone too.
    publisher.publishes(message("a", "4").qos(1));
    client.nothing_else();
    // And the identifier of the QoS 2 message.
    client.subscribes("b", 0);
    client.sends(message("b", "5").qos(2).id(5));
    client.sends(pubrel(5));
    client.receives_all_packets(&[&pubrec(5), &message("b", "5"), &pubcomp(5)]);
}

fn mqtt5_3_1_2_5_mqtt311_3_1_2_4_mqtt311_3_1_2_5_mqtt311_4_1_0_1_m31_39_a_session_goes_on(s: &Scene) {
    let mut publisher = s.connects("pub");
    let mut client = s.client("a").keeps().connects();
    client.subscribes("a", 2);
    publisher.publishes(message("a", "1").qos(1));
    let id = client.receives(message("a", "1").qos(1)).id();
    client.vanishes();
    publisher.publishes(message("a", "2").qos(1));
    publisher.publishes(message("a", "3").qos(2));
    let mut client = s.client("a").keeps().resumes();
    client.takes(message("a", "1").qos(1).dup().id(id));
    client.takes(message("a", "2").qos(1));
    client.takes(message("a", "3").qos(2));
    client.nothing_else();
    publisher.publishes(message("a", "4").qos(1));
    client.takes(message("a", "4").qos(1));
}

fn mqtt5_3_1_2_6_mqtt5_3_2_2_2_mqtt5_3_2_2_3_mqtt311_3_2_2_1_mqtt311_3_2_2_2_mqtt311_3_2_2_3_session_present_tells_the_truth(
    s: &Scene,
) {
    // Nothing is stored: 0. Something is: 1. Clean Start: 0.
    s.client("a").keeps().connects().disconnects();
    s.client("a").keeps().resumes().vanishes();
    s.client("a").keeps().resumes().disconnects();
    s.client("a").keeps().clean().connects().disconnects();
}

fn m31_39_qos_0_is_not_queued(s: &Scene) {
    let mut client = s.client("a").keeps().connects();
    client.subscribes("a", 2);
    client.vanishes();
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "0"));
    publisher.publishes(message("a", "1").qos(1));
    let mut client = s.client("a").keeps().resumes();
    client.takes(message("a", "1").qos(1));
    client.nothing_else();
}

fn mqtt311_3_1_2_6_a_clean_session_is_not_reused(s: &Scene) {
    let mut client = s.connects("a");
    client.subscribes("a", 1);
    client.disconnects();
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(1));
    let mut client = s.client("a").keeps().connects();
    publisher.publishes(message("a", "y").qos(1));
    client.nothing_else();
}

fn mqtt311_3_1_2_7_retained_messages_outlive_sessions(s: &Scene) {
    let mut publisher = s.client("pub").keeps().connects();
    publisher.publishes(message("a", "kept").qos(1).retained());
    publisher.disconnects();
    s.client("pub").clean().connects().disconnects();
    let mut late = s.connects("late");
    late.subscribes("a", 1);
    late.takes(message("a", "kept").qos(1).retained());
}

fn mqtt5_3_1_2_23_mqtt5_4_1_0_2_a_session_expires(s: &Scene) {
    s.client("a").keeps_for(1).connects().vanishes();
    s.client("b").keeps_for(u32::MAX).connects().vanishes();
    s.client("c").keeps_for(100).connects().vanishes();
    s.waits(4);
    s.client("a").keeps().connects();
    s.client("b").keeps().resumes();
    s.client("c").keeps().resumes();
}

fn mqtt5_3_1_2_23_without_expiry_a_session_ends_with_its_connection(s: &Scene) {
    for dial in [s.client("a").unclean(), s.client("b").keeps_for(0)] {
        let mut client = dial.connects();
        client.subscribes("a", 1);
        client.vanishes();
        s.waits(1);
        dial.connects().disconnects();
    }
}

fn mqtt5_3_1_2_23_the_expiry_can_be_changed_at_the_end(s: &Scene) {
    s.client("a").keeps().connects().disconnects_with(0, &[Property::SessionExpiryInterval(0)]);
    s.client("a").keeps().connects().disconnects_with(0, &[Property::SessionExpiryInterval(1)]);
    s.waits(4);
    s.client("a").keeps_for(1).connects().disconnects_with(0, &[Property::SessionExpiryInterval(100)]);
    s.waits(4);
    s.client("a").keeps().resumes().disconnects();
    // One that was to end with its connection cannot be kept after all.
    let mut client = s.connects("b");
    client.sends_bytes(b"\xE0\x07\x00\x05\x11\x00\x00\x00\x64");
    client.is_closed_with(0x82);
    s.client("b").keeps().connects();
}

fn mqtt5_4_1_0_1_mqtt311_4_1_0_2_a_session_lasts_as_long_as_its_connection(s: &Scene) {
    let mut client = s.client("a").keeps_for(2).connects();
    client.subscribes("a", 1);
    s.waits(4);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "1").qos(1));
    client.takes(message("a", "1").qos(1));
    client.nothing_else();
    client.vanishes();
    publisher.publishes(message("a", "2").qos(1));
    // The interval counts from the end of the connection.
    let mut client = s.client("a").keeps().resumes();
    client.takes(message("a", "2").qos(1));
}

fn mqtt5_3_1_3_2_mqtt311_3_1_3_2_sessions_are_kept_by_client_identifier(s: &Scene) {
    let mut one = s.client("a").keeps().connects();
    one.subscribes("a", 1);
    one.vanishes();
    // Neither the same letters in the other case, nor with something behind.
    for other in ["A", "ab", "a "] {
        let mut other = s.client("x").id(&s.client_id(other)).keeps_for(0).connects();
        other.nothing_else();
    }
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(1));
    let mut one = s.client("a").keeps().resumes();
    one.takes(message("a", "x").qos(1));
}

fn mqtt5_3_1_4_3_mqtt311_3_1_4_2_m31_44_the_newer_connection_takes_over(s: &Scene) {
    let mut older = s.client("a").keeps().connects();
    older.subscribes("a", 1);
    let mut newer = s.client("a").keeps().resumes();
    older.is_closed_with(0x8E);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(1));
    newer.takes(message("a", "x").qos(1));
    newer.nothing_else();
}

fn mqtt5_3_1_4_4_mqtt311_3_1_4_3_a_connect_that_is_refused_wipes_nothing(s: &Scene) {
    let mut client = s.client("a").keeps().connects();
    client.subscribes("a", 1);
    // Clean, and broken: the reserved flag is set.
    let mut broken = s.opens("b");
    broken.sends_bytes(&raw::connect(s, 3, &[&string(&s.client_id("a"))]));
    broken.is_refused(0x81);
    client.nothing_else();
    client.vanishes();
    let mut broken = s.opens("b");
    broken.sends_bytes(&raw::connect(s, 3, &[&string(&s.client_id("a"))]));
    broken.is_refused(0x81);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(1));
    let mut client = s.client("a").keeps().resumes();
    client.takes(message("a", "x").qos(1));
}

fn decision_33_a_request_without_answer_is_no_session_state(s: &Scene) {
    let mut client = s.client("a").keeps().connects();
    client.sends(subscribe("a", 1).id(9));
    client.vanishes();
    let mut client = s.client("a").keeps().resumes();
    // The answer does not come late, and the identifier is free.
    client.nothing_else();
    client.sends(subscribe("b", 1).id(9));
    client.receives(suback(9, &[1]));
}

fn decision_35_clean_start_0_without_expiry_is_no_persistent_session(s: &Scene) {
    s.client("a").unclean().connects().disconnects();
    s.client("a").unclean().connects();
}

fn decision_23_versions_can_change_between_connections(s: &Scene) {
    let mut client = s.client("a").keeps().connects();
    client.subscribes("a", 2);
    client.vanishes();
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "1").qos(1));
    for other in crate::manifest::Version::ALL {
        let mut client = s.speaks(other).client("a").keeps().resumes();
        client.takes(message("a", "1").qos(1));
        publisher.publishes(message("a", "1").qos(1));
        client.takes(message("a", "1").qos(1));
        client.vanishes();
        publisher.publishes(message("a", "1").qos(1));
    }
}

fn decision_45_a_session_belongs_to_its_user(s: &Scene) {
    let mut alice = s.client("a").user("alice").keeps().connects();
    for thief in [s.client("a").user("bob").keeps(), s.client("a").user("bob"), s.client("a")] {
        thief.is_refused(0x87);
    }
    alice.nothing_else();
}
