//! CONNECT, CONNACK, SUBSCRIBE and DISCONNECT as every Client sends them (sections 3.1, 3.2, 3.8, 3.14).

use mqtt_session::codec::{Packet, Property};
use mqtt_session::{ClientError, ConnectOptions, Violation};

use crate::manifest::Version;
use crate::script::{Hosting, News, connack, connect, disconnect, message, puback, subscribe};

crate::client_scripts! {
    mqtt5_3_1_0_1_mqtt311_3_1_0_1_m31_49_connect_is_the_first_packet: any,
    mqtt5_3_1_2_1_mqtt5_3_1_3_1_mqtt5_3_1_3_3_mqtt5_3_1_3_4_mqtt311_3_1_3_1_mqtt311_3_1_3_3_mqtt311_3_1_3_4_m31_1_connect_is_well_formed: any,
    mqtt5_3_1_2_11_mqtt5_3_1_2_13_mqtt311_3_1_2_11_mqtt311_3_1_2_13_mqtt311_3_1_2_15_without_a_will_there_are_no_flags_of_one: any,
    mqtt311_3_1_3_7_m31_25_an_empty_client_identifier_is_not_sent: calls,
    m31_24_decision_20_a_client_identifier_has_23_characters: calls,
    m31_49_nothing_is_sent_before_connack: calls,
    mqtt5_3_2_2_4_session_present_after_clean_start: any,
    mqtt5_3_2_2_4_session_present_without_session_state: calls,
    mqtt5_2_2_1_3_mqtt5_3_8_1_1_mqtt5_3_8_3_2_mqtt311_2_3_1_2_mqtt311_3_8_1_1_mqtt311_3_8_3_3_m31_19_m31_20_subscribe_has_a_filter_and_an_identifier: any,
    mqtt5_3_14_4_1_mqtt5_3_14_4_2_mqtt5_3_14_1_1_mqtt311_3_14_4_1_mqtt311_3_14_4_2_disconnect_is_the_end: any,
    mqtt5_3_14_4_1_mqtt5_3_14_4_2_mqtt311_3_14_4_1_mqtt311_3_14_4_2_nothing_follows_disconnect: calls,
    mqtt5_4_13_2_1_a_disconnect_with_an_error_closes: calls,
    mqtt311_7_0_0_2_a_plain_server_is_enough: any,
}

fn mqtt5_3_1_0_1_mqtt311_3_1_0_1_m31_49_connect_is_the_first_packet(s: &Hosting) {
    for mut client in [s.publisher("a", &["x"], 1), s.subscriber("a", 1)] {
        let mut server = client.connects();
        server.receives(connect());
        server.vanishes();
    }
}

/// The decoder judges the whole packet.
fn mqtt5_3_1_2_1_mqtt5_3_1_3_1_mqtt5_3_1_3_3_mqtt5_3_1_3_4_mqtt311_3_1_3_1_mqtt311_3_1_3_3_mqtt311_3_1_3_4_m31_1_connect_is_well_formed(
    s: &Hosting,
) {
    let mut client = s.publisher("a", &["x"], 0);
    let mut server = client.connects();
    let received = server.receives(connect());
    let name: &[u8] = match s.version() {
        Version::V5_0 => b"\x00\x04MQTT\x05",
        Version::V3_1_1 => b"\x00\x04MQTT\x04",
        Version::V3_1 => b"\x00\x06MQIsdp\x03",
    };
    assert_eq!(received.bytes()[0], 0x10);
    let behind_the_length = 1 + received.bytes()[1..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
    assert!(received.bytes()[behind_the_length..].starts_with(name), "{:02X?}", received.bytes());
    let Packet::Connect(connect) = received.packet() else { unreachable!("it is a CONNECT") };
    assert_eq!(connect.fields().client_id, s.client_id("c"));
}

fn mqtt5_3_1_2_11_mqtt5_3_1_2_13_mqtt311_3_1_2_11_mqtt311_3_1_2_13_mqtt311_3_1_2_15_without_a_will_there_are_no_flags_of_one(
    s: &Hosting,
) {
    let mut client = s.publisher("a", &["x"], 0);
    let received = client.connects().receives(connect());
    // Behind the Protocol Name and the level.
    let name = if s.version() == Version::V3_1 { 6 } else { 4 };
    let flags = received.bytes()[2 + 2 + name + 1];
    assert_eq!(flags & 0b0011_1101, 0, "{flags:08b}");
}

fn mqtt311_3_1_3_7_m31_25_an_empty_client_identifier_is_not_sent(s: &Hosting) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.accepts();
    client.has_told();
    client.disconnects(0);
    server.is_left();
    client.tells(News::Left);
    for clean_start in [false, true] {
        let version = s.version().protocol();
        let options = ConnectOptions { clean_start, ..ConnectOptions::new(version) };
        let result = client.calls(|client, now| client.connect(now, options));
        match s.version() {
            Version::V3_1_1 if clean_start => assert_eq!(result, Ok(())),
            Version::V3_1_1 => assert_eq!(result, Err(ClientError::ClientIdEmpty)),
            _ => assert!(matches!(result, Err(ClientError::Encode(_))), "{result:?}"),
        }
    }
}

fn m31_24_decision_20_a_client_identifier_has_23_characters(s: &Hosting) {
    let mut client = s.client().options(|options| options.client_id = "é".repeat(23));
    let mut server = client.connects();
    server.accepts();
    client.disconnects(0);
    server.is_left();
    client.has_told();
    let long = |is_allowed| ConnectOptions {
        client_id: "c".repeat(24),
        long_client_id_in_v3_1: is_allowed,
        ..ConnectOptions::new(s.version().protocol())
    };
    let refused = client.calls(|client, now| client.connect(now, long(false)));
    assert_eq!(refused, Err(ClientError::ClientIdTooLong));
    client.tells_nothing();
    client.calls(|client, now| client.connect(now, long(true))).expect("it is allowed");
}

fn m31_49_nothing_is_sent_before_connack(s: &Hosting) {
    let mut client = s.client();
    let mut server = client.connects();
    client.publishes(message("a", "x").qos(1)).expect("it waits");
    server.receives(connect());
    server.nothing_else();
    server.sends(connack());
    server.receives(message("a", "x").qos(1));
}

fn mqtt5_3_2_2_4_session_present_after_clean_start(s: &Hosting) {
    let mut client = s.publisher("a", &["x"], 1);
    let mut server = client.connects();
    server.receives(connect().clean_start(true));
    server.sends(connack().present());
    server.is_closed_with(0x82);
    client.objects(Violation::SessionPresent);
}

fn mqtt5_3_2_2_4_session_present_without_session_state(s: &Hosting) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.resumes();
    server.is_closed_with(0x82);
    client.objects(Violation::SessionPresent);
    // Unless the application knows of one.
    let mut client = s.client().keeps().options(|options| options.has_session = true);
    let mut server = client.connects();
    server.resumes();
    client.tells(News::Resumed);
    server.nothing_else();
}

fn mqtt5_2_2_1_3_mqtt5_3_8_1_1_mqtt5_3_8_3_2_mqtt311_2_3_1_2_mqtt311_3_8_1_1_mqtt311_3_8_3_3_m31_19_m31_20_subscribe_has_a_filter_and_an_identifier(
    s: &Hosting,
) {
    for level in [0, 1, 2] {
        let mut client = s.subscriber("a/+", level);
        let mut server = client.connects();
        server.accepts();
        let received = server.grants(subscribe("a/+", level));
        assert_eq!(received.bytes()[0], 0x82);
        server.nothing_else();
        client.tells(News::Connected);
        client.tells(News::Subscribed(vec![level]));
    }
}

fn mqtt5_3_14_4_1_mqtt5_3_14_4_2_mqtt5_3_14_1_1_mqtt311_3_14_4_1_mqtt311_3_14_4_2_disconnect_is_the_end(
    s: &Hosting,
) {
    for level in [0, 1] {
        let mut client = s.publisher("a", &["x"], level);
        let mut server = client.connects();
        server.accepts();
        let received = server.receives(message("a", "x").qos(level));
        if level == 1 {
            server.sends(puback(received.id()));
        }
        server.is_left();
    }
}

fn mqtt5_3_14_4_1_mqtt5_3_14_4_2_mqtt311_3_14_4_1_mqtt311_3_14_4_2_nothing_follows_disconnect(s: &Hosting) {
    let mut client = s.client().keeps();
    let mut server = client.connects();
    server.accepts();
    client.tells(News::Connected);
    client.disconnects(0);
    client.publishes(message("a", "late").qos(1)).expect("it waits");
    server.sends(message("b", "late").qos(1));
    server.is_left();
    client.tells(News::Left);
    client.tells_nothing();
    let mut server = client.connects();
    server.resumes();
    server.receives(message("a", "late").qos(1));
}

fn mqtt5_4_13_2_1_a_disconnect_with_an_error_closes(s: &Hosting) {
    for code in [0x80, 0x81, 0x82, 0x93, 0x99] {
        let mut client = s.client();
        let mut server = client.connects();
        server.accepts();
        client.disconnects(code);
        server.receives(disconnect(code));
        server.is_closed();
        client.tells(News::Connected);
        client.tells(News::Left);
    }
    // Also where the packet does not fit.
    let mut client = s.client();
    let mut server = client.connects();
    let limit = Property::MaximumPacketSize(2.try_into().expect("not 0"));
    server.accepts_with(connack().with(limit));
    client.disconnects(0x80);
    server.is_closed();
}

/// Nothing but what the specification has.
fn mqtt311_7_0_0_2_a_plain_server_is_enough(s: &Hosting) {
    let mut client = s.subscriber("a", 1);
    let mut server = client.connects();
    server.accepts();
    server.grants(subscribe("a", 1));
    server.delivers(message("a", "x").qos(1).id(1));
    server.nothing_else();
}
