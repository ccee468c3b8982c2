//! DISCONNECT (section 3.14), errors (4.13; 4.8 of 3.1.1), and the byte stream
//! (4.2).

use mqtt_session::codec::{Disconnect, DisconnectReason, Packet};

use super::raw;
use crate::script::{Scene, message, packet, puback, pubcomp, pubrec, string, suback, unsuback};

crate::scripts! {
    mqtt5_3_14_0_1_before_connack_there_is_no_disconnect: any,
    m31_50_the_server_closes_after_disconnect: any,
    mqtt5_3_14_4_1_mqtt5_3_14_4_2_mqtt5_4_13_1_1_nothing_follows_the_disconnect_of_the_server: any,
    mqtt5_4_13_1_1_mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_a_violation_ends_its_connection_alone: any,
    mqtt5_4_13_1_1_mqtt311_4_8_0_1_packets_of_servers_end_the_connection: any,
    mqtt5_4_2_1_mqtt311_7_1_1_1_bytes_one_by_one_are_the_same: any,
    mqtt5_4_2_1_mqtt311_7_1_1_1_mqtt311_7_0_0_2_a_whole_life_in_one_segment: any,
    decision_24_what_follows_the_disconnect_of_the_server_is_discarded: any,
    decision_24_what_follows_the_disconnect_of_the_client_is_discarded: any,
    decision_17_an_expiry_that_was_overridden_stays: config,
    decision_20_long_identifiers_are_accepted: any,
    decision_25_a_refusal_is_in_the_words_of_the_version: any,
}

fn mqtt5_3_14_0_1_before_connack_there_is_no_disconnect(s: &Scene) {
    let cases = [
        packet(0xC0, b""),
        packet(0xF0, b"\x18\x00"),
        packet(0x00, b""),
        raw::connect(s, 3, &[&string(&s.client_id("a"))]),
        raw::connect(s, 2, &[b"\x00\x05a"]),
    ];
    for bytes in cases {
        let mut client = s.opens("a");
        client.sends_bytes(&bytes);
        if let Some(received) = client.receives_or_closed() {
            assert!(received.connack().reason.is_error(), "{}", received.packet());
            client.is_closed();
        }
    }
}

fn m31_50_the_server_closes_after_disconnect(s: &Scene) {
    // The Server closes, without a word, although the Client keeps its end open.
    s.connects("a").disconnects();
    let mut client = s.connects("a");
    client.subscribes("a", 1);
    let disconnect = Packet::Disconnect(Disconnect::new(DisconnectReason::NormalDisconnection));
    client.sends(disconnect);
    client.is_closed();
}

fn mqtt5_3_14_4_1_mqtt5_3_14_4_2_mqtt5_4_13_1_1_nothing_follows_the_disconnect_of_the_server(s: &Scene) {
    let mut client = s.connects("a");
    client.subscribes("a", 0);
    // What it might answer stands right behind the broken packet.
    let topic = s.topic("a");
    let publish = raw::publish(s, 0x32, topic.as_bytes(), Some(1), b"x");
    client.sends_bytes(&[packet(0x00, b""), publish, packet(0xC0, b"")].concat());
    client.is_closed_with(0x81);
}

fn mqtt5_4_13_1_1_mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_a_violation_ends_its_connection_alone(s: &Scene) {
    let is_open = s.version() == crate::manifest::Version::V3_1 && !s.is_exact();
    let mut other = s.connects("other");
    other.subscribes("a", 0);
    let topic = s.topic("a");
    let id_0 = raw::publish(s, 0x32, topic.as_bytes(), Some(0), b"x");
    let qos_3 = raw::publish(s, 0x36, topic.as_bytes(), Some(1), b"x");
    let empty = raw::subscribe(s, 10, &[]);
    // Nothing is said in 3.1 of a request without filters.
    let fourth = if is_open { packet(0x00, b"") } else { empty };
    for (bytes, code) in [(id_0, 0x82), (qos_3, 0x81), (packet(0x00, b""), 0x81), (fourth, 0x82)] {
        let mut client = s.connects("a");
        client.sends_bytes(&bytes);
        client.is_closed_with(code);
        other.nothing_else();
    }
    s.connects("a").sends(message("a", "goes on"));
    other.receives(message("a", "goes on"));
}

fn mqtt5_4_13_1_1_mqtt311_4_8_0_1_packets_of_servers_end_the_connection(s: &Scene) {
    let suback: &[u8] = if s.is_v5() { b"\x00\x01\x00\x00" } else { b"\x00\x01\x00" };
    let unsuback: &[u8] = if s.is_v5() { b"\x00\x01\x00\x00" } else { b"\x00\x01" };
    let connack: &[u8] = if s.is_v5() { b"\x00\x00\x00" } else { b"\x00\x00" };
    for (first_byte, body) in [(0x20, connack), (0x90, suback), (0xB0, unsuback), (0xD0, b"")] {
        let mut client = s.connects("a");
        client.sends_bytes(&packet(first_byte, body));
        client.is_closed_or_tolerated(0x82);
    }
}

fn mqtt5_4_2_1_mqtt311_7_1_1_1_bytes_one_by_one_are_the_same(s: &Scene) {
    let topic = s.topic("a");
    let mut client = s.opens("a");
    let slowly = |client: &mut crate::script::Peer, bytes: &[u8]| {
        for byte in bytes {
            client.sends_bytes(&[*byte]);
        }
    };
    slowly(&mut client, &s.client("a").bytes());
    client.is_accepted(false);
    slowly(&mut client, &raw::subscribe(s, 10, &[(topic.as_bytes(), 1)]));
    client.receives(suback(10, &[1]));
    slowly(&mut client, &raw::publish(s, 0x34, topic.as_bytes(), Some(7), b"hello"));
    // It may be delivered before or behind its PUBREL.
    slowly(&mut client, &[0x62, 2, 0, 7]);
    client.receives_all_packets(&[&pubrec(7), &message("a", "hello").qos(1), &pubcomp(7)]);
}

fn mqtt5_4_2_1_mqtt311_7_1_1_1_mqtt311_7_0_0_2_a_whole_life_in_one_segment(s: &Scene) {
    let topic = s.topic("a");
    let mut client = s.opens("a");
    let life = [
        s.client("a").bytes(),
        raw::subscribe(s, 10, &[(topic.as_bytes(), 0)]),
        raw::publish(s, 0x32, topic.as_bytes(), Some(7), b"x"),
        raw::unsubscribe(s, 11, &[topic.as_bytes()]),
        packet(0xC0, b""),
        packet(0xE0, b""),
    ];
    client.sends_bytes(&life.concat());
    client.is_accepted(false);
    client.receives(suback(10, &[0]));
    client.receives_all_packets(&[&puback(7), &message("a", "x")]);
    client.receives(unsuback(11, &[0]));
    client.receives(crate::script::Pingresp);
    client.is_closed();
}

fn decision_24_what_follows_the_disconnect_of_the_server_is_discarded(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    let topic = s.topic("a");
    let mut client = s.connects("a");
    let publish = raw::publish(s, 0x30, topic.as_bytes(), None, b"x");
    client.sends_bytes(&[packet(0x00, b""), publish].concat());
    client.is_closed_with(0x81);
    observer.nothing_else();
}

fn decision_24_what_follows_the_disconnect_of_the_client_is_discarded(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    let topic = s.topic("a");
    let mut client = s.connects("a");
    let publish = raw::publish(s, 0x30, topic.as_bytes(), None, b"x");
    client.sends_bytes(&[packet(0xE0, b""), publish].concat());
    client.is_closed();
    observer.nothing_else();
}

fn decision_17_an_expiry_that_was_overridden_stays(s: &Scene) {
    s.configures(|config| config.maximum_session_expiry = 2);
    let (client, received) = s.client("a").keeps_for(100).accepted(false);
    assert_eq!(received.connack().properties.session_expiry_interval(), Some(2));
    // Nothing in DISCONNECT about an expiry.
    client.disconnects();
    s.waits(1);
    s.client("a").keeps_for(100).resumes().disconnects();
    s.waits(3);
    s.client("a").keeps_for(100).connects();
}

fn decision_20_long_identifiers_are_accepted(s: &Scene) {
    let long = format!("{}/ä {}", s.client_id(""), "x".repeat(200));
    if s.version() == crate::manifest::Version::V3_1 {
        // There the limit is in the specification.
        s.client("a").id(&long).is_refused(0x85);
    } else {
        s.client("a").id(&long).connects().nothing_else();
    }
}

fn decision_25_a_refusal_is_in_the_words_of_the_version(s: &Scene) {
    for (level, bytes) in
        [(1, &b"\x20\x02\x00\x01"[..]), (6, b"\x20\x03\x00\x84\x00"), (0x84, b"\x20\x02\x00\x01")]
    {
        let mut client = s.opens("a");
        client.sends_bytes(&raw::connect_as(s, "MQTT", level));
        client.receives_bytes(bytes);
    }
}
