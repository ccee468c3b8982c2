//! The Will (sections 3.1.2.5 to 3.1.2.7, 3.1.3.2, 3.14.4).

use mqtt_session::codec::{Packet, PayloadFormat, Property, PropertyId};

use crate::script::{Peer, Scene, message, packet, will};

crate::scripts! {
    mqtt5_3_1_2_7_mqtt5_3_1_2_8_mqtt311_3_1_2_8_m31_40_a_lost_connection_publishes_the_will: any,
    mqtt5_3_1_2_8_mqtt311_3_1_2_8_m31_40_a_broken_packet_publishes_the_will: any,
    mqtt5_3_1_2_10_mqtt5_3_14_4_3_mqtt311_3_1_2_10_mqtt311_3_14_4_3_m31_40_disconnect_deletes_the_will: any,
    mqtt5_3_1_2_10_mqtt311_3_1_2_10_a_will_is_published_once: any,
    mqtt311_3_1_2_12_without_will_nothing_is_published: any,
    mqtt5_3_1_2_8_disconnect_with_will_publishes_it: any,
    mqtt5_3_1_2_8_decision_13_disconnect_with_a_failure_publishes_the_will: any,
    mqtt5_3_1_2_14_mqtt311_3_1_2_16_a_will_without_retain_is_not_retained: any,
    mqtt5_3_1_2_15_mqtt311_3_1_2_17_a_will_with_retain_is_retained: any,
    mqtt5_3_1_2_15_mqtt311_3_1_2_17_an_empty_will_with_retain_clears: any,
    mqtt5_3_1_3_10_the_properties_of_a_will_are_published: any,
    mqtt5_3_1_2_8_a_will_waits_for_its_delay: any,
    mqtt5_3_1_2_8_a_will_does_not_wait_longer_than_the_session_lasts: any,
    mqtt5_3_1_2_8_mqtt5_3_1_3_9_coming_back_cancels_the_will: any,
    mqtt5_3_1_2_8_decision_14_a_clean_start_publishes_the_will_that_waits: any,
    mqtt5_3_1_4_3_mqtt311_3_1_4_2_m31_44_a_takeover_publishes_the_will: any,
    mqtt5_3_1_2_8_mqtt5_3_1_3_9_decision_41_a_takeover_cancels_a_will_that_would_wait: any,
    decision_41_a_takeover_of_a_session_that_ends_publishes_the_will: any,
    mqtt5_3_1_2_7_mqtt311_3_1_2_8_the_will_of_a_refused_connection_is_not_stored: rules,
}

/// Somebody who gets every Will.
fn observer(s: &Scene) -> Peer {
    let mut observer = s.connects("obs");
    observer.subscribes("will", 2);
    observer
}

/// Nothing has been published to the topic of the Will: what comes is the marker.
#[track_caller]
fn no_will(s: &Scene, observer: &mut Peer) {
    let mut publisher = s.connects("mark");
    publisher.publishes(message("will", "marker").qos(1));
    observer.takes(message("will", "marker").qos(1));
    publisher.disconnects();
}

fn mqtt5_3_1_2_7_mqtt5_3_1_2_8_mqtt311_3_1_2_8_m31_40_a_lost_connection_publishes_the_will(s: &Scene) {
    let mut observer = observer(s);
    for level in [0, 1, 2] {
        let mut client = s.client("a").will(will("will", "gone").qos(level)).connects();
        client.nothing_else();
        no_will(s, &mut observer);
        client.vanishes();
        observer.takes(message("will", "gone").qos(level));
    }
}

fn mqtt5_3_1_2_8_mqtt311_3_1_2_8_m31_40_a_broken_packet_publishes_the_will(s: &Scene) {
    let mut observer = observer(s);
    let mut client = s.client("a").will(will("will", "broken")).connects();
    // Type 0 does not exist.
    client.sends_bytes(&packet(0x00, b""));
    client.is_closed_with(0x81);
    observer.receives(message("will", "broken"));
}

fn mqtt5_3_1_2_10_mqtt5_3_14_4_3_mqtt311_3_1_2_10_mqtt311_3_14_4_3_m31_40_disconnect_deletes_the_will(
    s: &Scene,
) {
    let mut observer = observer(s);
    s.client("a").will(will("will", "never").qos(1)).connects().disconnects();
    no_will(s, &mut observer);
}

fn mqtt5_3_1_2_10_mqtt311_3_1_2_10_a_will_is_published_once(s: &Scene) {
    let mut observer = observer(s);
    s.client("a").keeps().will(will("will", "once").qos(1)).connects().vanishes();
    observer.takes(message("will", "once").qos(1));
    // The Session lives on, and has no Will any more.
    s.client("a").keeps().resumes().vanishes();
    no_will(s, &mut observer);
}

fn mqtt311_3_1_2_12_without_will_nothing_is_published(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("#", 0);
    s.connects("a").vanishes();
    s.connects("mark").sends(message("x", "marker"));
    observer.receives(message("x", "marker"));
}

fn mqtt5_3_1_2_8_disconnect_with_will_publishes_it(s: &Scene) {
    let mut observer = observer(s);
    s.client("a").will(will("will", "on purpose")).connects().disconnects_with(0x04, &[]);
    observer.receives(message("will", "on purpose"));
}

fn mqtt5_3_1_2_8_decision_13_disconnect_with_a_failure_publishes_the_will(s: &Scene) {
    let mut observer = observer(s);
    s.client("a").will(will("will", "failed")).connects().disconnects_with(0x80, &[]);
    observer.receives(message("will", "failed"));
}

fn mqtt5_3_1_2_14_mqtt311_3_1_2_16_a_will_without_retain_is_not_retained(s: &Scene) {
    let mut observer = observer(s);
    observer.publishes(message("will", "before").qos(1).retained());
    observer.takes(message("will", "before").qos(1));
    s.client("a").will(will("will", "live")).connects().vanishes();
    observer.receives(message("will", "live"));
    let mut late = s.connects("late");
    late.subscribes("will", 0);
    late.receives(message("will", "before").retained());
    late.nothing_else();
}

fn mqtt5_3_1_2_15_mqtt311_3_1_2_17_a_will_with_retain_is_retained(s: &Scene) {
    let mut observer = observer(s);
    s.client("a").will(will("will", "kept").qos(1).retained()).connects().vanishes();
    // RETAIN is for those who come later.
    observer.takes(message("will", "kept").qos(1));
    let mut late = s.connects("late");
    late.subscribes("will", 1);
    late.takes(message("will", "kept").qos(1).retained());
}

fn mqtt5_3_1_2_15_mqtt311_3_1_2_17_an_empty_will_with_retain_clears(s: &Scene) {
    let mut observer = observer(s);
    observer.publishes(message("will", "before").qos(1).retained());
    observer.takes(message("will", "before").qos(1));
    s.client("a").will(will("will", "").retained()).connects().vanishes();
    observer.receives(message("will", ""));
    let mut late = s.connects("late");
    late.subscribes("will", 0);
    late.nothing_else();
}

fn mqtt5_3_1_3_10_the_properties_of_a_will_are_published(s: &Scene) {
    let mut observer = observer(s);
    let properties = [
        Property::PayloadFormatIndicator(PayloadFormat::Utf8),
        Property::ContentType("text/plain"),
        Property::CorrelationData(b"\x00\x01"),
        Property::UserProperty(("b", "2")),
        Property::UserProperty(("a", "1")),
        Property::UserProperty(("b", "2")),
    ];
    let declared = properties.iter().fold(will("will", "x"), |will, property| will.with(*property));
    s.client("a").keeps().will(declared.delayed(1)).connects().vanishes();
    let expected = properties.iter().fold(message("will", "x"), |message, property| message.with(*property));
    observer.within(8).receives(expected.without(PropertyId::WillDelayInterval));
}

fn mqtt5_3_1_2_8_a_will_waits_for_its_delay(s: &Scene) {
    let mut observer = observer(s);
    s.client("a").keeps().will(will("will", "later").delayed(2)).connects().vanishes();
    no_will(s, &mut observer);
    observer.within(10).receives(message("will", "later"));
}

fn mqtt5_3_1_2_8_a_will_does_not_wait_longer_than_the_session_lasts(s: &Scene) {
    let mut observer = observer(s);
    let dial = s.client("a").will(will("will", "with the Session").delayed(300));
    dial.clone().keeps_for(1).connects().vanishes();
    observer.within(10).receives(message("will", "with the Session"));
    // A Session that ends with its connection.
    dial.connects().vanishes();
    observer.within(10).receives(message("will", "with the Session"));
}

fn mqtt5_3_1_2_8_mqtt5_3_1_3_9_coming_back_cancels_the_will(s: &Scene) {
    let mut observer = observer(s);
    s.client("a").keeps().will(will("will", "cancelled").delayed(2)).connects().vanishes();
    let mut back = s.client("a").keeps().resumes();
    s.waits(4);
    back.nothing_else();
    no_will(s, &mut observer);
}

fn mqtt5_3_1_2_8_decision_14_a_clean_start_publishes_the_will_that_waits(s: &Scene) {
    let mut observer = observer(s);
    s.client("a").keeps().will(will("will", "ended").delayed(300)).connects().vanishes();
    let back = s.connects("a");
    if s.is_exact() {
        observer.receives(message("will", "ended"));
    } else {
        // One sentence of the specification can be read as cancelling it.
        observer.sends(Packet::Pingreq);
        if matches!(observer.receives_any().packet(), Packet::Pingresp) {
            s.notes_down("a Clean Start cancels a Will that waits");
        }
    }
    drop(back);
}

fn mqtt5_3_1_4_3_mqtt311_3_1_4_2_m31_44_a_takeover_publishes_the_will(s: &Scene) {
    let mut observer = observer(s);
    let mut older = s.client("a").will(will("will", "taken over")).connects();
    let mut newer = s.client("a").connects();
    older.is_closed_with(0x8E);
    observer.receives(message("will", "taken over"));
    newer.nothing_else();
}

fn mqtt5_3_1_2_8_mqtt5_3_1_3_9_decision_41_a_takeover_cancels_a_will_that_would_wait(s: &Scene) {
    let mut observer = observer(s);
    let mut older = s.client("a").keeps().will(will("will", "cancelled").delayed(1)).connects();
    let mut newer = s.client("a").keeps().resumes();
    older.is_closed_with(0x8E);
    s.waits(3);
    newer.nothing_else();
    no_will(s, &mut observer);
}

fn decision_41_a_takeover_of_a_session_that_ends_publishes_the_will(s: &Scene) {
    let mut observer = observer(s);
    // Session Expiry Interval 0: the Session of the older connection ends, whatever the delay.
    let mut older = s.client("a").will(will("will", "ended").delayed(300)).connects();
    let mut newer = s.client("a").keeps().connects();
    older.is_closed_with(0x8E);
    observer.receives(message("will", "ended"));
    newer.nothing_else();
}

fn mqtt5_3_1_2_7_mqtt311_3_1_2_8_the_will_of_a_refused_connection_is_not_stored(s: &Scene) {
    let mut observer = observer(s);
    s.client("banned").will(will("will", "never")).is_refused(0x8A);
    no_will(s, &mut observer);
}
