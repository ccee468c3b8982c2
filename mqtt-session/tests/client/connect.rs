//! CONNECT, CONNACK and the ways a connection ends (sections 3.1, 3.2, 3.14).

use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{
    Auth, AuthProperties, AuthReason, Connack, ConnackReason, Disconnect, DisconnectProperties,
    DisconnectReason, EncodeError, Packet, Property, ProtocolVersion, QoS,
};
use mqtt_session::{
    Client, ClientConfig, ClientError, ConnectOptions, DisconnectRequest, Message, Received, Will,
};

use crate::harness::{Scene, V3, persistent};

fn scene(version: ProtocolVersion) -> Scene {
    Scene::new(version, ClientConfig::default())
}

#[test]
fn connects_in_every_version() {
    for version in ProtocolVersion::ALL {
        let mut scene = scene(version);
        scene.connect(ConnectOptions { client_id: "meter".into(), ..ConnectOptions::new(version) });
        let properties =
            if version == ProtocolVersion::V5_0 { " {Maximum Packet Size=16777216}" } else { "" };
        scene.expect(&[&format!("C>S CONNECT v{version} \"meter\" clean_start=1 keep_alive=60{properties}")]);
        scene.accept(false, &[]);
        scene.expect(&[
            "S>C CONNACK session_present=0 0x00 Success",
            "* connected as \"meter\" session_present=0",
        ]);
        scene.client.disconnect(scene.now, DisconnectReason::NormalDisconnection);
        scene.look();
        scene.expect(&["* disconnected", "C>S DISCONNECT 0x00 Normal disconnection"]);
        assert_eq!(scene.client.handle_input(scene.now, &mut BytesMut::new()), Received::Closed);
        scene.cut();
        scene.expect(&[]);
    }
}

#[test]
fn connect_says_what_the_options_say() {
    let mut scene = scene(ProtocolVersion::V5_0);
    let message =
        Message::new("will", "gone").unwrap().with_qos(QoS::AtLeastOnce).with_retain(true).with_expiry(9);
    scene.connect(ConnectOptions {
        client_id: "c".into(),
        clean_start: false,
        keep_alive: 5,
        session_expiry_interval: 7,
        receive_maximum: 3.try_into().unwrap(),
        maximum_packet_size: 1000,
        topic_alias_maximum: 2,
        request_problem_information: false,
        request_response_information: true,
        user_properties: vec![("k".into(), "v".into())],
        will: Some(Will { delay_interval: 4, ..Will::new(message) }),
        username: Some("u".into()),
        password: Some("secret".into()),
        ..ConnectOptions::new(ProtocolVersion::V5_0)
    });
    scene.expect(&["C>S CONNECT v5.0 \"c\" clean_start=0 keep_alive=5 will=[q1 retain=1 \"will\" 4 bytes \
                    {Message Expiry Interval=9, Will Delay Interval=4}] username=\"u\" password=*** \
                    {Session Expiry Interval=7, Receive Maximum=3, Maximum Packet Size=1000, Topic Alias Maximum=2, \
                    Request Problem Information=0, Request Response Information=1, \"k\"=\"v\"}"]);
}

#[test]
fn options_of_5_0_are_not_sent_in_3_x() {
    for version in V3 {
        let mut scene = scene(version);
        let message = Message::new("will", "").unwrap().with_expiry(9);
        let message = message.with_properties(&[Property::ContentType("text/plain")]).unwrap();
        scene.connect(ConnectOptions {
            client_id: "c".into(),
            session_expiry_interval: 7,
            topic_alias_maximum: 2,
            user_properties: vec![("k".into(), "v".into())],
            will: Some(Will { delay_interval: 4, ..Will::new(message) }),
            ..ConnectOptions::new(version)
        });
        scene.expect(&[&format!(
            "C>S CONNECT v{version} \"c\" clean_start=1 keep_alive=60 will=[q0 retain=0 \"will\" 0 bytes]"
        )]);
    }
}

#[test]
fn options_that_are_no_connect_change_nothing() {
    let mut scene = scene(ProtocolVersion::V3_1);
    let now = scene.now;
    let empty_id = ConnectOptions::new(ProtocolVersion::V3_1);
    assert_eq!(scene.client.connect(now, empty_id), Err(ClientError::Encode(EncodeError::ClientIdEmpty)));
    let resumed = ConnectOptions { clean_start: false, ..ConnectOptions::new(ProtocolVersion::V3_1_1) };
    assert_eq!(scene.client.connect(now, resumed), Err(ClientError::ClientIdEmpty));
    let no_user =
        ConnectOptions { password: Some("p".into()), ..ConnectOptions::new(ProtocolVersion::V3_1_1) };
    assert_eq!(
        scene.client.connect(now, no_user),
        Err(ClientError::Encode(EncodeError::PasswordWithoutUserName))
    );
    scene.look();
    scene.expect(&[]);
    assert_eq!(scene.client.version(), None);
    scene.connect(persistent(ProtocolVersion::V3_1));
    assert_eq!(
        scene.client.connect(now, persistent(ProtocolVersion::V3_1)),
        Err(ClientError::AlreadyConnected)
    );
}

#[test]
fn a_refusal_ends_the_connection() {
    for version in ProtocolVersion::ALL {
        let mut scene = scene(version);
        scene.connect(persistent(version));
        scene.trace();
        assert_eq!(scene.server(Connack::new(ConnackReason::NotAuthorized)), Received::Closed);
        scene.expect(&[
            "S>C CONNACK session_present=0 0x87 Not authorized",
            "* connection refused: Not authorized",
        ]);
        assert_eq!(scene.client.poll_timeout(), None);
        scene.cut();
        scene.expect(&[]);
    }
}

/// A Server of 3.1.1 answers a CONNECT of 5.0 in its own layout.
#[test]
fn a_server_that_does_not_speak_5_0_refuses_in_its_own_words() {
    let mut scene = scene(ProtocolVersion::V5_0);
    scene.connect(persistent(ProtocolVersion::V5_0));
    scene.trace();
    assert_eq!(scene.server_bytes(b"\x20\x02\x00\x01"), Received::Closed);
    scene.expect(&["* connection refused: Unsupported Protocol Version"]);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let mut scene = scene(ProtocolVersion::V5_0);
    scene.connect(persistent(ProtocolVersion::V5_0));
    scene.trace();
    scene.pass(Duration::from_secs(29));
    scene.expect(&[]);
    scene.pass(Duration::from_secs(1));
    scene.expect(&["Connack at 30000 ms", "* no CONNACK in time"]);
    assert_eq!(scene.client.handle_input(scene.now, &mut BytesMut::from(&b"\x20\x02"[..])), Received::Closed);
}

#[test]
fn case_18_the_first_packet_must_be_connack() {
    for version in ProtocolVersion::ALL {
        let mut scene = scene(version);
        scene.connect(persistent(version));
        scene.trace();
        assert_eq!(scene.server(Packet::Pingresp), Received::Closed);
        let mut expected =
            vec!["S>C PINGRESP", "* the Server broke the protocol: its first packet was not CONNACK"];
        if version == ProtocolVersion::V5_0 {
            expected.push("C>S DISCONNECT 0x82 Protocol Error");
        }
        scene.expect(&expected);
    }
}

#[test]
fn case_18_a_second_connack_is_a_protocol_error() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.accept(false, &[]);
    scene.expect(&[
        "S>C CONNACK session_present=0 0x00 Success",
        "* the Server broke the protocol: a second CONNACK",
        "C>S DISCONNECT 0x82 Protocol Error",
    ]);
}

#[test]
fn auth_needs_an_authentication_method() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    let values = [Property::AuthenticationMethod("m")];
    let properties = AuthProperties::new(&values).unwrap();
    let _ = scene.server(Auth { reason: AuthReason::ContinueAuthentication, properties });
    assert_eq!(scene.trace().last().unwrap(), "C>S DISCONNECT 0x82 Protocol Error");
}

#[test]
fn malformed_packets_end_the_connection_with_their_reason() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        // PUBACK without Packet Identifier.
        assert_eq!(scene.server_bytes(b"\x40\x00"), Received::Closed);
        let trace = scene.trace();
        assert!(trace[0].starts_with("* the Server sent no valid packet: PUBACK"), "{}", trace[0]);
        if version == ProtocolVersion::V5_0 {
            assert_eq!(trace[1..], ["C>S DISCONNECT 0x81 Malformed Packet"]);
        } else {
            assert_eq!(trace.len(), 1);
        }
    }
}

#[test]
fn a_packet_above_the_announced_size_ends_the_connection() {
    let mut scene = scene(ProtocolVersion::V5_0);
    scene.connect(ConnectOptions { maximum_packet_size: 100, ..persistent(ProtocolVersion::V5_0) });
    scene.accept(false, &[]);
    scene.trace();
    // Only the fixed header has arrived.
    assert_eq!(scene.server_bytes(b"\x30\x7F"), Received::Closed);
    assert_eq!(scene.trace().last().unwrap(), "C>S DISCONNECT 0x95 Packet too large");
}

#[test]
fn the_server_says_why_it_ends_the_connection() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    let values = [Property::ReasonString("maintenance")];
    let properties = DisconnectProperties::new(&values).unwrap();
    let received = scene.server(Disconnect { reason: DisconnectReason::ServerShuttingDown, properties });
    assert_eq!(received, Received::Closed);
    scene.expect(&[
        "S>C DISCONNECT 0x8B Server shutting down {Reason String=\"maintenance\"}",
        "* disconnected by the Server: Server shutting down (\"maintenance\")",
    ]);
    scene.cut();
    scene.expect(&[]);
}

#[test]
fn a_closed_transport_is_told_once() {
    let mut scene = Scene::connected(ProtocolVersion::V3_1_1);
    scene.cut();
    scene.cut();
    scene.client.disconnect(scene.now, DisconnectReason::NormalDisconnection);
    scene.look();
    scene.expect(&["* the connection was closed"]);
}

#[test]
fn nothing_follows_disconnect() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.client.disconnect(scene.now, DisconnectReason::DisconnectWithWillMessage);
    let _ = scene.client.publish(scene.now, Message::new("t", "late").unwrap()).unwrap();
    let mut input = BytesMut::from(&b"\x40\x02\x00\x01"[..]);
    assert_eq!(scene.client.handle_input(scene.now, &mut input), Received::Closed);
    scene.look();
    scene.expect(&["* disconnected", "C>S DISCONNECT 0x04 Disconnect with Will Message"]);
    assert_eq!(scene.client.queued(), 1);
}

/// Bytes of a connection that has failed do not go to the next one.
#[test]
fn unwritten_bytes_die_with_the_transport() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.client.publish(scene.now, Message::new("t", "x").unwrap()).unwrap();
    assert!(scene.client.transmit().has_remaining());
    scene.client.handle_closed(scene.now);
    assert!(!scene.client.transmit().has_remaining());
}

/// 3.x has no DISCONNECT that keeps the Will.
#[test]
fn disconnecting_with_the_will_sends_nothing_in_3_x() {
    for version in V3 {
        let mut scene = Scene::connected(version);
        scene.client.disconnect(scene.now, DisconnectReason::DisconnectWithWillMessage);
        scene.look();
        scene.expect(&["* disconnected"]);
    }
}

#[test]
fn reasons_of_servers_are_not_sent() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.client.disconnect(scene.now, DisconnectReason::ServerBusy);
    scene.look();
    scene.expect(&["* disconnected", "C>S DISCONNECT 0x80 Unspecified error"]);
}

#[test]
fn disconnect_may_change_the_session_expiry_interval() {
    let keeping = |seconds| DisconnectRequest {
        session_expiry_interval: Some(seconds),
        ..DisconnectRequest::new(DisconnectReason::NormalDisconnection)
    };
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.publish("t", "a", QoS::AtLeastOnce);
    scene.trace();
    scene.client.disconnect_with(scene.now, &keeping(0)).unwrap();
    scene.look();
    scene.expect(&[
        "* PublishToken(1) the Session was lost before the Server took the message over",
        "* disconnected",
        "C>S DISCONNECT 0x00 Normal disconnection {Session Expiry Interval=0}",
    ]);

    let mut scene = self::scene(ProtocolVersion::V5_0);
    assert_eq!(scene.client.disconnect_with(scene.now, &keeping(0)), Err(ClientError::NotConnected));
    scene.connect(ConnectOptions { session_expiry_interval: 0, ..persistent(ProtocolVersion::V5_0) });
    scene.accept(false, &[]);
    scene.trace();
    assert_eq!(scene.client.disconnect_with(scene.now, &keeping(1)), Err(ClientError::SessionNotKept));
    scene.look();
    scene.expect(&[]);

    let mut scene = Scene::connected(ProtocolVersion::V3_1_1);
    assert!(matches!(
        scene.client.disconnect_with(scene.now, &keeping(1)),
        Err(ClientError::Encode(EncodeError::NotInVersion { .. }))
    ));
    scene.look();
    scene.expect(&[]);
}

#[test]
fn the_server_may_assign_the_client_identifier() {
    let mut scene = scene(ProtocolVersion::V5_0);
    scene.connect(ConnectOptions::new(ProtocolVersion::V5_0));
    scene.trace();
    scene.accept(false, &[Property::AssignedClientIdentifier("auto-1")]);
    assert_eq!(scene.trace()[1], "* connected as \"auto-1\" session_present=0");
}

/// A Server that accepts an empty Client Identifier must say which one it has assigned [MQTT-3.2.2-16].
#[test]
fn an_empty_client_identifier_must_be_assigned_in_5_0() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5_0] {
        let mut scene = scene(version);
        scene.connect(ConnectOptions::new(version));
        scene.trace();
        scene.accept(false, &[]);
        let connack = "S>C CONNACK session_present=0 0x00 Success";
        if version == ProtocolVersion::V5_0 {
            scene.expect(&[
                connack,
                "* the Server broke the protocol: no Assigned Client Identifier for an empty one",
                "C>S DISCONNECT 0x82 Protocol Error",
            ]);
        } else {
            scene.expect(&[connack, "* connected as \"\" session_present=0"]);
        }
    }
    // A refusal assigns nothing.
    let mut scene = scene(ProtocolVersion::V5_0);
    scene.connect(ConnectOptions::new(ProtocolVersion::V5_0));
    let _ = scene.server(Connack::new(ConnackReason::ClientIdentifierNotValid));
    assert_eq!(scene.trace().last().unwrap(), "* connection refused: Client Identifier not valid");
}

/// Without one in CONNECT there is none in CONNACK [MQTT-4.12.0-6].
#[test]
fn an_authentication_method_nobody_named_is_a_protocol_error() {
    let mut scene = scene(ProtocolVersion::V5_0);
    scene.connect(persistent(ProtocolVersion::V5_0));
    scene.accept(false, &[Property::AuthenticationMethod("m")]);
    assert_eq!(
        scene.trace()[2..],
        [
            "* the Server broke the protocol: an Authentication Method that CONNECT did not name",
            "C>S DISCONNECT 0x82 Protocol Error",
        ]
    );
}

#[test]
fn complaint_06_session_present_needs_a_session() {
    let error = "* the Server broke the protocol: Session Present without a Session to go on with";
    // After Clean Start there is none [MQTT-3.2.2-2].
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5_0] {
        let mut scene = scene(version);
        scene.connect(ConnectOptions { clean_start: true, ..persistent(version) });
        scene.accept(true, &[]);
        assert!(scene.trace().contains(&error.to_owned()));
    }
    // In 5.0 a Client without Session State must close [MQTT-3.2.2-4].
    let mut scene = scene(ProtocolVersion::V5_0);
    scene.connect(persistent(ProtocolVersion::V5_0));
    scene.accept(true, &[]);
    assert!(scene.trace().contains(&error.to_owned()));
    // In 3.1.1 it may go on, and in 5.0 the application may know better.
    let mut scene = Scene::new(ProtocolVersion::V3_1_1, ClientConfig::default());
    scene.connect(persistent(ProtocolVersion::V3_1_1));
    scene.accept(true, &[]);
    assert!(scene.trace().contains(&"* connected as \"c\" session_present=1".to_owned()));
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    scene.connect(ConnectOptions { has_session: true, ..persistent(ProtocolVersion::V5_0) });
    scene.accept(true, &[]);
    assert!(scene.trace().contains(&"* connected as \"c\" session_present=1".to_owned()));
}

#[test]
fn a_session_that_ended_is_none_to_go_on_with() {
    let mut scene = Scene::connected_with(
        ProtocolVersion::V5_0,
        ClientConfig::default(),
        // The Server keeps no Sessions.
        &[Property::SessionExpiryInterval(0)],
    );
    scene.cut();
    scene.reconnect(true, &[]);
    assert_eq!(scene.trace().last().unwrap(), "C>S DISCONNECT 0x82 Protocol Error");
}

#[test]
fn calls_without_a_connection_are_harmless() {
    let mut client = Client::new(ClientConfig::default());
    let now = mqtt_session::Instant::from_millis(7);
    assert_eq!(client.handle_input(now, &mut BytesMut::from(&b"\x20"[..])), Received::Closed);
    client.handle_timeout(now);
    client.handle_closed(now);
    client.disconnect(now, DisconnectReason::NormalDisconnection);
    assert_eq!(client.poll_event(), None);
    assert_eq!(client.poll_timeout(), None);
    assert_eq!(client.transmit().remaining(), 0);
}

#[test]
fn complaint_03_unknown_acknowledgements_end_nothing() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        scene.puback(9);
        scene.pubcomp(9);
        scene.trace();
        scene.pubrec(9);
        scene.pubrel(9);
        let not_found =
            if version == ProtocolVersion::V5_0 { " 0x92 Packet Identifier not found" } else { "" };
        scene.expect(&[
            "S>C PUBREC id=9",
            &format!("C>S PUBREL id=9{not_found}"),
            "S>C PUBREL id=9",
            &format!("C>S PUBCOMP id=9{not_found}"),
        ]);
        assert_eq!(scene.client.version(), Some(version));
    }
}

/// The Server may have begun a Session although its CONNACK did not arrive, or could not be read; then it is one to go on
/// with [MQTT-3.2.2-4].
#[test]
fn a_session_may_begin_without_connack() {
    let ends: [fn(&mut Scene); 4] = [
        Scene::cut,
        |scene| scene.pass(Duration::from_secs(30)),
        |scene| scene.client.disconnect(scene.now, DisconnectReason::NormalDisconnection),
        |scene| assert_eq!(scene.server_bytes(b"\x20\x00"), Received::Closed),
    ];
    for end in ends {
        let mut scene = scene(ProtocolVersion::V5_0);
        scene.connect(persistent(ProtocolVersion::V5_0));
        end(&mut scene);
        scene.look();
        scene.reconnect(true, &[]);
        assert_eq!(scene.trace(), [""; 0]);
        assert_eq!(scene.client.version(), Some(ProtocolVersion::V5_0));
    }
}
