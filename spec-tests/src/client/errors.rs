//! A Server that breaks the rules (sections 1.5.4, 2.1.3, 4.8, 4.13).

use mqtt_session::Violation;
use mqtt_session::codec::{Auth, AuthProperties, AuthReason, Packet, Property};

use crate::manifest::Version;
use crate::script::{
    Client, Host, Hosting, News, connack, connect, delivered, message, packet, puback, pubrec, string,
    suback, subscribe, unsuback,
};

crate::client_scripts! {
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_49_m31_57_the_first_packet_is_connack: any,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_a_refusal_is_the_end: calls,
    mqtt5_4_13_2_1_m31_57_a_second_connack: any,
    mqtt5_1_5_4_1_mqtt311_1_5_3_1_m31_9_texts_are_utf_8: any,
    mqtt5_1_5_4_2_mqtt311_1_5_3_2_m31_31_texts_are_without_u_0000: any,
    mqtt5_2_1_3_1_mqtt311_2_2_2_2_m31_12_reserved_flags: any,
    mqtt5_3_3_1_4_mqtt311_3_3_1_4_m31_13_m31_57_there_is_no_qos_3: any,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_21_m31_57_a_reserved_type: any,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_22_m31_57_a_remaining_length_of_five_bytes: any,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_a_packet_that_is_too_short: any,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_20_m31_57_packet_identifier_0: any,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_30_m31_57_a_topic_with_a_wildcard: any,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_packets_of_clients: any,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_answers_to_no_request: calls,
    mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_an_identifier_in_use: calls,
    mqtt5_4_13_2_1_an_empty_client_identifier_must_be_assigned: calls,
    mqtt5_4_13_2_1_problem_information_nobody_requested: calls,
    mqtt5_4_13_2_1_mqtt311_4_8_0_2_m31_57_a_packet_that_is_too_large: calls,
    mqtt5_4_12_0_7_without_a_method_no_auth_is_sent: any,
    mqtt5_4_12_0_5_mqtt5_4_13_2_1_another_authentication_method: calls,
    mqtt5_3_14_4_1_mqtt311_4_8_0_1_the_end_by_the_server: any,
    decision_44_in_3_x_a_remaining_length_may_be_longer_than_it_need_be: calls,
    decision_7_control_characters_are_tolerated: calls,
}

/// A Client that has subscribed to `a`, and has nothing more to tell.
fn subscribed(s: &Hosting) -> (Client, Host) {
    let mut client = s.subscriber("a", 1);
    let mut server = client.connects();
    server.accepts();
    server.grants(subscribe("a", 1));
    client.tells(News::Connected);
    client.tells(News::Subscribed(vec![1]));
    (client, server)
}

/// Each of these is no packet, and ends a connection of its own.
fn each_ends(s: &Hosting, code: u8, malformed: &[Vec<u8>]) {
    for bytes in malformed {
        let (mut client, mut server) = subscribed(s);
        server.sends_bytes(bytes);
        ends(s, &mut server, code);
        client.finds_no_packet();
    }
}

/// The Client closes: 3.1.1 says that it must, 5.0 that it should (section 4.13.1), 3.1 nothing.
fn ends(s: &Hosting, server: &mut Host, code: u8) {
    if s.version() == Version::V3_1_1 {
        server.is_closed();
    } else {
        server.is_closed_or_tolerated(code);
    }
}

/// A QoS 0 PUBLISH to this topic.
fn publish(s: &Hosting, first_byte: u8, topic: &[u8], rest: &[u8]) -> Vec<u8> {
    let len = u16::try_from(topic.len()).expect("short").to_be_bytes();
    let properties: &[u8] = if s.is_v5() { b"\x00" } else { b"" };
    packet(first_byte, &[&len[..], topic, rest, properties, b"x"].concat())
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_49_m31_57_the_first_packet_is_connack(s: &Hosting) {
    for bytes in [&b"\xD0\x00"[..], b"\x40\x02\x00\x01"] {
        let mut client = s.subscriber("a", 0);
        let mut server = client.connects();
        server.receives(connect());
        server.sends_bytes(bytes);
        if s.version() == Version::V3_1_1 {
            server.is_closed();
        } else {
            server.is_closed_or_kept_waiting(0x82);
        }
        client.objects(Violation::NotConnack);
    }
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_a_refusal_is_the_end(s: &Hosting) {
    let mut client = s.subscriber("a", 0);
    let mut server = client.connects();
    server.accepts_with(connack().code(0x87));
    server.is_closed();
    client.tells(News::NotAccepted(0x87));
    client.tells_nothing();
}

fn mqtt5_4_13_2_1_m31_57_a_second_connack(s: &Hosting) {
    let (mut client, mut server) = subscribed(s);
    server.sends(connack());
    // 3.x does not forbid it in so many words.
    server.is_closed_or_tolerated(0x82);
    client.objects(Violation::SecondConnack);
}

fn mqtt5_1_5_4_1_mqtt311_1_5_3_1_m31_9_texts_are_utf_8(s: &Hosting) {
    let topic = s.topic("a");
    let with = |bytes: &[u8]| publish(s, 0x30, &[topic.as_bytes(), bytes].concat(), b"");
    each_ends(s, 0x81, &[with(b"\xED\xA0\x80"), with(b"\xC0\x80"), with(b"\xFF"), with(b"\xE2\x82")]);
}

fn mqtt5_1_5_4_2_mqtt311_1_5_3_2_m31_31_texts_are_without_u_0000(s: &Hosting) {
    let topic = s.topic("a\0b");
    each_ends(s, 0x81, &[publish(s, 0x30, topic.as_bytes(), b"")]);
}

fn mqtt5_2_1_3_1_mqtt311_2_2_2_2_m31_12_reserved_flags(s: &Hosting) {
    each_ends(s, 0x81, &[packet(0x60, b"\x00\x01"), packet(0x64, b"\x00\x01")]);
    // 3.1 has no such rule for the others.
    if s.version() != Version::V3_1 {
        each_ends(s, 0x81, &[packet(0x41, b"\x00\x01"), packet(0xD2, b"")]);
    }
}

fn mqtt5_3_3_1_4_mqtt311_3_3_1_4_m31_13_m31_57_there_is_no_qos_3(s: &Hosting) {
    let topic = s.topic("a");
    each_ends(
        s,
        0x81,
        &[publish(s, 0x36, topic.as_bytes(), b"\x00\x01"), publish(s, 0x3E, topic.as_bytes(), b"\x00\x01")],
    );
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_21_m31_57_a_reserved_type(s: &Hosting) {
    each_ends(s, 0x81, &[packet(0x00, b"")]);
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_22_m31_57_a_remaining_length_of_five_bytes(s: &Hosting) {
    each_ends(s, 0x81, &[b"\x30\xFF\xFF\xFF\xFF\x01".to_vec()]);
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_a_packet_that_is_too_short(s: &Hosting) {
    each_ends(s, 0x81, &[packet(0x40, b"\x00"), packet(0x30, b"\x00\x09abc")]);
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_20_m31_57_packet_identifier_0(s: &Hosting) {
    let topic = s.topic("a");
    each_ends(s, 0x82, &[publish(s, 0x32, topic.as_bytes(), b"\x00\x00")]);
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_30_m31_57_a_topic_with_a_wildcard(s: &Hosting) {
    let topic = s.topic("+");
    each_ends(s, 0x90, &[publish(s, 0x30, topic.as_bytes(), b"")]);
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_packets_of_clients(s: &Hosting) {
    let topic = s.topic("a");
    let properties: &[u8] = if s.is_v5() { b"\x00" } else { b"" };
    let subscribe = packet(0x82, &[&b"\x00\x01"[..], properties, &string(&topic), b"\x00"].concat());
    each_ends(s, 0x82, &[b"\xC0\x00".to_vec(), subscribe]);
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_answers_to_no_request(s: &Hosting) {
    let breaks = |answer: &dyn Fn(&mut Host, u16), violation| {
        let mut client = s.client();
        let mut server = client.connects();
        server.accepts();
        client.subscribes(subscribe("a", 1).and("b", 1)).expect("taken");
        let id = server.receives(subscribe("a", 1).and("b", 1)).id();
        client.has_told();
        answer(&mut server, id);
        server.is_closed_with(0x82);
        client.tells(News::RequestLost);
        client.objects(violation);
    };
    breaks(&|server, id| server.sends(suback(id + 1, &[1, 1])), Violation::UnknownRequest);
    breaks(&|server, id| server.sends(unsuback(id, &[0, 0])), Violation::UnknownRequest);
    breaks(&|server, id| server.sends(suback(id, &[1])), Violation::ReasonCount);
    breaks(&|server, id| server.sends(suback(id, &[1, 1, 1])), Violation::ReasonCount);
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_1_m31_57_an_identifier_in_use(s: &Hosting) {
    let (mut client, mut server) = subscribed(s);
    server.sends(message("a", "x").qos(2).id(7));
    server.receives(pubrec(7));
    client.tells(delivered(&s.topic("a"), "x", 2));
    server.sends(message("a", "y").qos(1).id(7));
    if s.is_v5() {
        // It has an answer that refuses the one message.
        server.receives(puback(7).code(0x91));
        server.nothing_else();
        client.tells_nothing();
    } else {
        server.is_closed();
        client.objects(Violation::PacketIdInUse);
    }
}

fn mqtt5_4_13_2_1_an_empty_client_identifier_must_be_assigned(s: &Hosting) {
    let mut client = s.client().options(|options| options.client_id.clear());
    let mut server = client.connects();
    server.accepts();
    server.is_closed_with(0x82);
    client.objects(Violation::NoAssignedClientIdentifier);
    let mut client = s.client().options(|options| options.client_id.clear());
    let mut server = client.connects();
    server.accepts_with(connack().with(Property::AssignedClientIdentifier("auto")));
    client.tells(News::Connected);
    server.nothing_else();
}

fn mqtt5_4_13_2_1_problem_information_nobody_requested(s: &Hosting) {
    // PUBREL with a Reason String, PUBREC with a User Property.
    for bytes in [
        packet(0x62, b"\x00\x01\x92\x04\x1F\x00\x01r"),
        packet(0x50, b"\x00\x01\x00\x07\x26\x00\x01k\x00\x01v"),
    ] {
        let mut client = s.client().options(|options| options.request_problem_information = false);
        let mut server = client.connects();
        server.accepts();
        server.sends_bytes(&bytes);
        server.is_closed_with(0x82);
        client.objects(Violation::UnrequestedProblemInformation);
    }
}

fn mqtt5_4_13_2_1_mqtt311_4_8_0_2_m31_57_a_packet_that_is_too_large(s: &Hosting) {
    let mut client = s.client().options(|options| options.maximum_packet_size = 100);
    let mut server = client.connects();
    server.accepts();
    // The fixed header is enough.
    server.sends_bytes(b"\x30\x7F");
    server.is_closed_with(0x95);
    client.finds_no_packet();
}

fn auth(server: &mut Host, reason: AuthReason, method: &str) {
    let properties = [Property::AuthenticationMethod(method)];
    let properties = AuthProperties::new(&properties).expect("properties of AUTH");
    server.sends(Packet::Auth(Auth { reason, properties }));
}

fn mqtt5_4_12_0_7_without_a_method_no_auth_is_sent(s: &Hosting) {
    for is_early in [false, true] {
        let mut client = s.subscriber("a", 1);
        let mut server = client.connects();
        if is_early {
            server.receives(connect());
        } else {
            server.accepts();
            server.grants(subscribe("a", 1));
            client.has_told();
        }
        auth(&mut server, AuthReason::ContinueAuthentication, "X");
        server.receives_the_rest(|received| {
            assert!(!matches!(received.packet(), Packet::Auth(_)), "{} is sent", received.packet());
        });
        client.objects(Violation::UnexpectedAuth);
    }
}

fn mqtt5_4_12_0_5_mqtt5_4_13_2_1_another_authentication_method(s: &Hosting) {
    let begins = || {
        s.client().options(|options| {
            options.authentication = Some(mqtt_session::Authentication::new("X", "first"));
        })
    };
    let mut client = begins();
    let mut server = client.connects();
    server.receives(connect());
    auth(&mut server, AuthReason::ContinueAuthentication, "Y");
    server.is_closed_with(0x82);
    client.objects(Violation::AuthenticationMethod);
    for other in [None, Some(Property::AuthenticationMethod("Y"))] {
        let mut client = begins();
        let mut server = client.connects();
        server.accepts_with(other.into_iter().fold(connack(), crate::script::Connack::with));
        server.is_closed_with(0x82);
        client.objects(Violation::AuthenticationMethod);
    }
}

fn mqtt5_3_14_4_1_mqtt311_4_8_0_1_the_end_by_the_server(s: &Hosting) {
    let (mut client, mut server) = subscribed(s);
    // 3.x has no DISCONNECT of a Server.
    server.sends_bytes(if s.is_v5() { b"\xE0\x01\x8B" } else { b"\xE0\x00" });
    server.is_closed();
    if s.is_v5() {
        client.tells(News::DisconnectedBy(0x8B));
        client.tells_nothing();
    } else {
        client.finds_no_packet();
    }
}

fn decision_44_in_3_x_a_remaining_length_may_be_longer_than_it_need_be(s: &Hosting) {
    let (_, mut server) = subscribed(s);
    server.sends_bytes(b"\xD0\x80\x80\x00");
    server.delivers(message("a", "x").qos(1));
}

fn decision_7_control_characters_are_tolerated(s: &Hosting) {
    let (mut client, mut server) = subscribed(s);
    for text in ["\u{1}", "\u{7f}", "\u{feff}", "\u{ffff}"] {
        let topic = format!("{}{text}", s.topic("a"));
        server.sends_bytes(&publish(s, 0x30, topic.as_bytes(), b""));
        client.tells(delivered(&topic, "x", 0));
    }
    server.nothing_else();
}
