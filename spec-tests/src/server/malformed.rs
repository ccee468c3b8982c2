//! What is no packet at all, and what contradicts itself: the statements of the codec, seen from outside.

use super::raw;
use crate::script::{Scene, binary, packet, puback, string};

crate::scripts! {
    mqtt5_1_5_4_1_mqtt311_1_5_3_1_m31_9_texts_are_utf_8: any,
    mqtt5_1_5_4_2_mqtt311_1_5_3_2_texts_have_no_null_character: any,
    mqtt5_1_5_4_3_mqtt311_1_5_3_3_a_byte_order_mark_is_a_character: any,
    mqtt5_1_5_5_1_decision_6_integers_have_their_shortest_form: any,
    m31_22_mqtt5_1_5_5_1_a_remaining_length_has_up_to_four_bytes: any,
    mqtt5_2_1_3_1_mqtt311_2_2_2_2_reserved_flags_are_0: any,
    mqtt5_3_6_1_1_mqtt311_3_6_1_1_mqtt5_3_8_1_1_mqtt311_3_8_1_1_mqtt5_3_10_1_1_mqtt311_3_10_1_1_reserved_flags_are_2: any,
    m31_11_m31_12_in_3_1_flags_are_ignored: any,
    mqtt311_2_3_1_1_m31_20_decision_3_an_identifier_is_not_0: any,
    mqtt5_3_1_2_3_mqtt311_3_1_2_3_the_reserved_connect_flag_is_0: any,
    m31_3_m31_4_in_3_1_unused_connect_flags_are_ignored: any,
    mqtt5_3_1_2_11_mqtt5_3_1_2_13_mqtt311_3_1_2_11_mqtt311_3_1_2_13_mqtt311_3_1_2_15_decision_5_no_will_has_no_flags: any,
    mqtt5_3_1_2_12_mqtt311_3_1_2_14_m31_5_a_will_has_qos_0_to_2: any,
    mqtt5_3_1_2_9_mqtt5_3_1_2_17_mqtt5_3_1_2_19_mqtt311_3_1_2_9_mqtt311_3_1_2_19_mqtt311_3_1_2_21_what_is_flagged_is_there: any,
    mqtt5_3_1_2_16_mqtt5_3_1_2_18_mqtt311_3_1_2_18_mqtt311_3_1_2_20_what_is_not_flagged_is_not_there: any,
    mqtt311_3_1_2_22_m31_6_a_password_needs_a_user_name: any,
    m31_7_in_3_1_a_packet_may_end_before_its_user_name: any,
    mqtt5_3_1_4_1_mqtt311_3_1_4_1_m31_48_a_broken_connect_ends_the_connection: any,
    mqtt5_3_3_1_2_mqtt311_3_3_1_2_decision_4_qos_0_has_no_dup: any,
    m31_14_in_3_1_dup_with_qos_0_is_ignored: any,
    mqtt5_3_3_1_4_mqtt311_3_3_1_4_m31_13_there_is_no_qos_3: any,
    mqtt5_3_3_2_8_there_is_no_alias_0: any,
    mqtt5_3_3_4_6_a_client_sends_no_subscription_identifier: any,
    mqtt5_3_4_2_1_mqtt5_3_5_2_1_mqtt5_3_6_2_1_mqtt5_3_7_2_1_decision_8_codes_are_those_of_the_packet: any,
    mqtt5_3_8_3_2_mqtt311_3_8_3_3_mqtt5_3_10_3_2_mqtt311_3_10_3_2_m31_19_requests_have_filters: any,
    mqtt5_3_8_3_5_mqtt311_3_8_3_4_m31_16_decision_10_options_are_in_range: any,
    m31_15_in_3_1_the_upper_bits_of_the_qos_are_ignored: any,
    mqtt5_3_14_1_1_mqtt311_3_14_1_1_the_first_byte_of_disconnect: any,
    mqtt5_3_14_2_1_disconnect_codes_are_those_of_clients: any,
    mqtt5_3_15_1_1_the_first_byte_of_auth: any,
    m31_21_reserved_types_end_the_connection: any,
    decision_44_in_3_x_a_remaining_length_may_be_longer_than_it_need_be: any,
    decision_7_control_characters_are_refused: any,
    decision_9_a_property_has_its_packets: any,
}

/// Each of these ends its connection with this code.
#[track_caller]
fn each_ends(s: &Scene, code: u8, packets: &[Vec<u8>]) {
    for bytes in packets {
        let mut client = s.connects("a");
        client.sends_bytes(bytes);
        client.is_closed_with(code);
    }
}

/// Each CONNECT is refused with this code.
#[track_caller]
fn each_is_refused(s: &Scene, code: u8, packets: &[Vec<u8>]) {
    for bytes in packets {
        let mut client = s.opens("a");
        client.sends_bytes(bytes);
        client.is_refused(code);
    }
}

/// What 3.1 says nothing about, other Servers may do as they like.
fn leaves_room_in_3_1(s: &Scene) {
    if s.version() == crate::manifest::Version::V3_1 && !s.is_exact() {
        s.skips("MQTT 3.1 does not say what is to be done");
    }
}

fn with_topic(s: &Scene, end: &[u8]) -> Vec<u8> {
    [s.topic("a").as_bytes(), end].concat()
}

fn mqtt5_1_5_4_1_mqtt311_1_5_3_1_m31_9_texts_are_utf_8(s: &Scene) {
    leaves_room_in_3_1(s);
    for ill in [&b"\xC3\x28"[..], b"\xFF\xFE", b"\xED\xA0\x80", b"\xC0\x80", b"\xF8\x88\x80\x80\x80", b"\xC3"]
    {
        let topic = with_topic(s, ill);
        let filters: [&[u8]; 1] = [&topic];
        let packets = [
            raw::publish(s, 0x30, &topic, None, b"x"),
            raw::subscribe(s, 10, &[(&topic, 0)]),
            raw::unsubscribe(s, 10, &filters),
        ];
        each_ends(s, 0x81, &packets);
        let client_id = [s.client_id("a").as_bytes(), ill].concat();
        let client_id = binary(&client_id);
        each_is_refused(s, 0x81, &[raw::connect(s, 2, &[&client_id])]);
        let user = raw::connect(s, 0x82, &[&string(&s.client_id("a")), &binary(ill)]);
        each_is_refused(s, 0x81, &[user]);
    }
}

fn mqtt5_1_5_4_2_mqtt311_1_5_3_2_texts_have_no_null_character(s: &Scene) {
    let topic = with_topic(s, b"\0");
    each_ends(s, 0x81, &[raw::publish(s, 0x30, &topic, None, b"x"), raw::subscribe(s, 10, &[(&topic, 0)])]);
    let client_id = binary(&[s.client_id("a").as_bytes(), b"\0"].concat());
    let user = raw::connect(s, 0x82, &[&string(&s.client_id("a")), &binary(b"a\0b")]);
    each_is_refused(s, 0x81, &[raw::connect(s, 2, &[&client_id]), user]);
}

fn mqtt5_1_5_4_3_mqtt311_1_5_3_3_a_byte_order_mark_is_a_character(s: &Scene) {
    use crate::script::message;
    let mut client = s.connects("sub");
    client.subscribes("\u{feff}a\u{feff}", 1);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "without").qos(1));
    publisher.publishes(message("\u{feff}a\u{feff}", "with").qos(1));
    client.takes(message("\u{feff}a\u{feff}", "with").qos(1));
    client.nothing_else();
}

fn mqtt5_1_5_5_1_decision_6_integers_have_their_shortest_form(s: &Scene) {
    let topic = s.topic("a");
    // A property length of 0 in two bytes.
    let body = [&string(&topic)[..], b"\x80\x00x"].concat();
    let mut packets = vec![packet(0x30, &body)];
    if s.is_exact() {
        packets.push(b"\xC0\x80\x00".to_vec());
    }
    each_ends(s, 0x81, &packets);
}

fn m31_22_mqtt5_1_5_5_1_a_remaining_length_has_up_to_four_bytes(s: &Scene) {
    for bytes in [&b"\xC0\x80\x80\x80\x80\x01"[..], b"\x30\xFF\xFF\xFF\xFF\x7F"] {
        let mut client = s.connects("a");
        client.sends_bytes(bytes);
        client.is_closed_with(0x81);
        let mut client = s.opens("a");
        client.sends_bytes(&[&[0x10], &bytes[1..]].concat());
        client.is_closed_without_success();
    }
}

fn mqtt5_2_1_3_1_mqtt311_2_2_2_2_reserved_flags_are_0(s: &Scene) {
    let packets: Vec<Vec<u8>> = [1, 2, 4, 8].iter().map(|flag| vec![0xC0 | flag, 0]).collect();
    each_ends(s, 0x81, &packets);
    let acks: Vec<Vec<u8>> = [0x41, 0x52, 0x78].iter().map(|first_byte| vec![*first_byte, 2, 0, 9]).collect();
    each_ends(s, 0x81, &acks);
}

fn mqtt5_3_6_1_1_mqtt311_3_6_1_1_mqtt5_3_8_1_1_mqtt311_3_8_1_1_mqtt5_3_10_1_1_mqtt311_3_10_1_1_reserved_flags_are_2(
    s: &Scene,
) {
    let topic = s.topic("a");
    let filters: [&[u8]; 1] = [topic.as_bytes()];
    for flags in [0, 1, 3, 6, 10] {
        let mut subscribe = raw::subscribe(s, 10, &[(topic.as_bytes(), 0)]);
        subscribe[0] = 0x80 | flags;
        let mut unsubscribe = raw::unsubscribe(s, 10, &filters);
        unsubscribe[0] = 0xA0 | flags;
        each_ends(s, 0x81, &[vec![0x60 | flags, 2, 0, 9], subscribe, unsubscribe]);
    }
}

fn m31_11_m31_12_in_3_1_flags_are_ignored(s: &Scene) {
    use crate::script::{pubcomp, pubrec, suback};
    let topic = s.topic("a");
    let mut client = s.connects("a");
    client.sends_bytes(&raw::publish(s, 0x34, topic.as_bytes(), Some(9), b"x"));
    client.receives(pubrec(9));
    for first_byte in [0x62, 0x6A, 0x63] {
        client.sends_bytes(&[first_byte, 2, 0, 9]);
        client.receives(pubcomp(9));
    }
    for first_byte in [0x82, 0x8A, 0x83] {
        let mut subscribe = raw::subscribe(s, 10, &[(topic.as_bytes(), 0)]);
        subscribe[0] = first_byte;
        client.sends_bytes(&subscribe);
        client.receives(suback(10, &[0]));
    }
    for first_byte in [0xC1, 0xC8] {
        client.sends_bytes(&[first_byte, 0]);
        client.receives(crate::script::Pingresp);
    }
}

fn mqtt311_2_3_1_1_m31_20_decision_3_an_identifier_is_not_0(s: &Scene) {
    let topic = s.topic("a");
    let filters: [&[u8]; 1] = [topic.as_bytes()];
    let packets = [
        raw::publish(s, 0x32, topic.as_bytes(), Some(0), b"x"),
        raw::publish(s, 0x34, topic.as_bytes(), Some(0), b"x"),
        raw::subscribe(s, 0, &[(topic.as_bytes(), 0)]),
        raw::unsubscribe(s, 0, &filters),
    ];
    each_ends(s, 0x82, &packets);
}

fn mqtt5_3_1_2_3_mqtt311_3_1_2_3_the_reserved_connect_flag_is_0(s: &Scene) {
    let client_id = string(&s.client_id("a"));
    each_is_refused(s, 0x81, &[raw::connect(s, 3, &[&client_id]), raw::connect(s, 1, &[&client_id])]);
}

fn m31_3_m31_4_in_3_1_unused_connect_flags_are_ignored(s: &Scene) {
    let client_id = string(&s.client_id("a"));
    for flags in [0x03, 0x2A, 0x12] {
        let mut client = s.opens("a");
        client.sends_bytes(&raw::connect(s, flags, &[&client_id]));
        client.is_accepted(false);
        client.vanishes();
    }
}

fn mqtt5_3_1_2_11_mqtt5_3_1_2_13_mqtt311_3_1_2_11_mqtt311_3_1_2_13_mqtt311_3_1_2_15_decision_5_no_will_has_no_flags(
    s: &Scene,
) {
    let client_id = string(&s.client_id("a"));
    for flags in [0x0A, 0x12, 0x22, 0x1A] {
        each_is_refused(s, 0x81, &[raw::connect(s, flags, &[&client_id])]);
    }
}

/// Will properties (5.0), topic and payload.
fn will_fields(s: &Scene) -> Vec<u8> {
    [raw::no_properties(s.version()), &string(&s.topic("will")), &binary(b"x")].concat()
}

fn mqtt5_3_1_2_12_mqtt311_3_1_2_14_m31_5_a_will_has_qos_0_to_2(s: &Scene) {
    let payload = [string(&s.client_id("a")), will_fields(s)].concat();
    each_is_refused(s, 0x81, &[raw::connect(s, 0x1E, &[&payload])]);
}

fn mqtt5_3_1_2_9_mqtt5_3_1_2_17_mqtt5_3_1_2_19_mqtt311_3_1_2_9_mqtt311_3_1_2_19_mqtt311_3_1_2_21_what_is_flagged_is_there(
    s: &Scene,
) {
    let client_id = string(&s.client_id("a"));
    let user = [&client_id[..], &string("u")].concat();
    let packets = [
        raw::connect(s, 0x06, &[&client_id]),
        raw::connect(s, 0x06, &[&client_id, &string("t")]),
        raw::connect(s, 0x82, &[&client_id]),
        raw::connect(s, 0xC2, &[&user]),
    ];
    each_is_refused(s, 0x81, &packets);
}

fn mqtt5_3_1_2_16_mqtt5_3_1_2_18_mqtt311_3_1_2_18_mqtt311_3_1_2_20_what_is_not_flagged_is_not_there(
    s: &Scene,
) {
    let client_id = string(&s.client_id("a"));
    let (user, password) = (string("u"), binary(b"p"));
    let packets =
        [raw::connect(s, 0x02, &[&client_id, &user]), raw::connect(s, 0x82, &[&client_id, &user, &password])];
    each_is_refused(s, 0x81, &packets);
}

fn mqtt311_3_1_2_22_m31_6_a_password_needs_a_user_name(s: &Scene) {
    each_is_refused(s, 0x81, &[raw::connect(s, 0x42, &[&string(&s.client_id("a")), &binary(b"p")])]);
}

fn m31_7_in_3_1_a_packet_may_end_before_its_user_name(s: &Scene) {
    let mut client = s.opens("a");
    client.sends_bytes(&raw::connect(s, 0xC2, &[&string(&s.client_id("a"))]));
    client.is_accepted(false);
}

fn mqtt5_3_1_4_1_mqtt311_3_1_4_1_m31_48_a_broken_connect_ends_the_connection(s: &Scene) {
    let client_id = string(&s.client_id("a"));
    let long = [&client_id[..], &[0xFF; 3]].concat();
    let mut packets = vec![raw::connect(s, 2, &[b"\x00\x20abc"]), raw::connect(s, 2, &[&long])];
    if s.is_v5() {
        // Properties longer than the packet.
        packets.push(packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x7F\x00\x00"));
    }
    each_is_refused(s, 0x81, &packets);
}

fn mqtt5_3_3_1_2_mqtt311_3_3_1_2_decision_4_qos_0_has_no_dup(s: &Scene) {
    let topic = s.topic("a");
    for first_byte in [0x38, 0x39] {
        let mut client = s.connects("a");
        client.sends_bytes(&raw::publish(s, first_byte, topic.as_bytes(), None, b"x"));
        client.is_closed_or_tolerated(0x81);
    }
}

fn m31_14_in_3_1_dup_with_qos_0_is_ignored(s: &Scene) {
    use crate::script::message;
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    let mut client = s.connects("a");
    client.sends_bytes(&raw::publish(s, 0x38, s.topic("a").as_bytes(), None, b"x"));
    client.nothing_else();
    observer.receives(message("a", "x"));
}

fn mqtt5_3_3_1_4_mqtt311_3_3_1_4_m31_13_there_is_no_qos_3(s: &Scene) {
    let topic = s.topic("a");
    for first_byte in [0x36, 0x37, 0x3E, 0x3F] {
        each_ends(s, 0x81, &[raw::publish(s, first_byte, topic.as_bytes(), Some(1), b"x")]);
    }
}

/// A PUBLISH with these properties.
fn publish_with(s: &Scene, properties: &[u8]) -> Vec<u8> {
    let len = u8::try_from(properties.len()).expect("short");
    packet(0x30, &[&string(&s.topic("a"))[..], &[len], properties, b"x"].concat())
}

fn mqtt5_3_3_2_8_there_is_no_alias_0(s: &Scene) {
    each_ends(s, 0x94, &[publish_with(s, b"\x23\x00\x00")]);
}

fn mqtt5_3_3_4_6_a_client_sends_no_subscription_identifier(s: &Scene) {
    let mut client = s.connects("a");
    client.sends_bytes(&publish_with(s, b"\x0B\x01"));
    client.is_closed_or_tolerated(0x82);
}

fn mqtt5_3_4_2_1_mqtt5_3_5_2_1_mqtt5_3_6_2_1_mqtt5_3_7_2_1_decision_8_codes_are_those_of_the_packet(
    s: &Scene,
) {
    for first_byte in [0x40, 0x50] {
        for code in [0x01, 0x10, 0x81, 0x92, 0xFF] {
            let mut client = s.connects("a");
            client.sends_bytes(&packet(first_byte, &[0, 9, code]));
            client.is_closed_or_tolerated(0x82);
        }
    }
    for first_byte in [0x62, 0x70] {
        for code in [0x10, 0x80, 0xFF] {
            let mut client = s.connects("a");
            client.sends_bytes(&packet(first_byte, &[0, 9, code]));
            client.is_closed_or_tolerated(0x82);
        }
    }
}

fn mqtt5_3_8_3_2_mqtt311_3_8_3_3_mqtt5_3_10_3_2_mqtt311_3_10_3_2_m31_19_requests_have_filters(s: &Scene) {
    leaves_room_in_3_1(s);
    each_ends(s, 0x82, &[raw::subscribe(s, 10, &[]), raw::unsubscribe(s, 10, &[])]);
}

fn mqtt5_3_8_3_5_mqtt311_3_8_3_4_m31_16_decision_10_options_are_in_range(s: &Scene) {
    let topic = s.topic("a");
    let with = |options| raw::subscribe(s, 10, &[(topic.as_bytes(), options)]);
    // QoS 3.
    each_ends(s, 0x82, &[with(0x03)]);
    if s.is_v5() {
        each_ends(s, 0x82, &[with(0x30)]);
        each_ends(s, 0x81, &[with(0x40), with(0x80)]);
        // Subscription Identifier 0.
        let body = [&b"\x00\x0A\x02\x0B\x00"[..], &string(&topic), b"\x00"].concat();
        each_ends(s, 0x82, &[packet(0x82, &body)]);
    } else if s.version() == crate::manifest::Version::V3_1_1 {
        each_ends(s, 0x81, &[with(0x04), with(0x40), with(0x80)]);
    }
}

fn m31_15_in_3_1_the_upper_bits_of_the_qos_are_ignored(s: &Scene) {
    leaves_room_in_3_1(s);
    let mut client = s.connects("a");
    client.sends_bytes(&raw::subscribe(s, 10, &[(s.topic("a").as_bytes(), 0xFD)]));
    client.receives(crate::script::suback(10, &[1]));
}

fn mqtt5_3_14_1_1_mqtt311_3_14_1_1_the_first_byte_of_disconnect(s: &Scene) {
    use crate::script::{message, will};
    let mut observer = s.connects("obs");
    observer.subscribes("will", 0);
    for first_byte in [0xE1, 0xE2, 0xE8] {
        let mut client = s.client("a").will(will("will", "not clean")).connects();
        client.sends_bytes(&[first_byte, 0]);
        client.is_closed_with(0x81);
        observer.receives(message("will", "not clean"));
    }
}

fn mqtt5_3_14_2_1_disconnect_codes_are_those_of_clients(s: &Scene) {
    for code in [0x01, 0x8D, 0x8E, 0xFF] {
        each_ends(s, 0x82, &[packet(0xE0, &[code])]);
    }
}

fn mqtt5_3_15_1_1_the_first_byte_of_auth(s: &Scene) {
    let body = [&b"\x19\x04\x15"[..], &string("X")].concat();
    for first_byte in [0xF1, 0xF2, 0xF8] {
        each_ends(s, 0x81, &[packet(first_byte, &body)]);
    }
}

fn m31_21_reserved_types_end_the_connection(s: &Scene) {
    each_ends(s, 0x81, &[packet(0x00, b""), packet(0xF0, b"")]);
}

fn decision_44_in_3_x_a_remaining_length_may_be_longer_than_it_need_be(s: &Scene) {
    for bytes in [&b"\xC0\x80\x00"[..], b"\xC0\x80\x80\x00", b"\xC0\x80\x80\x80\x00"] {
        let mut client = s.connects("a");
        client.sends_bytes(bytes);
        if s.is_v5() {
            client.is_closed_with(0x81);
        } else {
            client.receives(crate::script::Pingresp);
        }
    }
}

fn decision_7_control_characters_are_refused(s: &Scene) {
    let wire = s.topic("a");
    for text in ["\u{1}", "\u{1f}", "\u{7f}", "\u{9f}", "\u{fdd0}", "\u{ffff}"] {
        let topic = format!("{wire}{text}");
        each_ends(s, 0x81, &[raw::publish(s, 0x30, topic.as_bytes(), None, b"x")]);
    }
    let mut client = s.connects("a");
    client.sends_bytes(&raw::publish(s, 0x32, format!("{wire}\u{feff}\u{e000}").as_bytes(), Some(1), b"x"));
    client.receives(puback(1));
}

fn decision_9_a_property_has_its_packets(s: &Scene) {
    // Server Keep Alive, Session Expiry Interval, and one that does not exist.
    each_ends(
        s,
        0x81,
        &[publish_with(s, b"\x13\x00\x01"), publish_with(s, b"\x11\0\0\0\x01"), publish_with(s, b"\x7F\x00")],
    );
}
