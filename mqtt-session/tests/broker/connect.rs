//! CONNECT and CONNACK, Keep Alive, authentication.

use std::sync::Arc;
use std::time::Duration;

use mqtt_session::codec::{
    ConnackReason, Connect, ConnectFields, ConnectProperties, Packet, Property, ProtocolVersion, Publish, QoS,
};
use mqtt_session::topic::TopicName;
use mqtt_session::{Action, BrokerConfig, ConnectionId, EndCause, Notice, Policy, Received, Verdict};

use crate::harness::{V3_1, V3_1_1, V5_0, World, delivery, will};

fn fields(client_id: &str) -> ConnectFields<'_> {
    ConnectFields { client_id, ..ConnectFields::default() }
}

#[test]
fn every_version_is_served() {
    let expected = [
        (V3_1, "CONNACK session_present=0 0x00 Success"),
        (V3_1_1, "CONNACK session_present=0 0x00 Success"),
        (
            V5_0,
            "CONNACK session_present=0 0x00 Success {Receive Maximum=1024, Maximum Packet Size=16777216, \
             Topic Alias Maximum=16}",
        ),
    ];
    for (version, connack) in expected {
        let mut world = World::new();
        let client = world.connect_with(version, fields("a"), &[]);
        world.expect(client, &[connack]);
        world.send(client, &Packet::Pingreq);
        world.expect(client, &["PINGRESP"]);
        assert_eq!((world.broker.session_count(), world.broker.connection_count()), (1, 1));
        world.disconnect(client);
        assert_eq!((world.broker.session_count(), world.broker.connection_count()), (0, 0));
    }
}

/// [MQTT-3.1.2-2] of 3.1.1, [M31-1], [M31-2]: unknown levels and names.
#[test]
fn unknown_versions_are_refused_in_words_they_understand() {
    let body = b"\x02\x00\x3C\x00\x01a";
    let cases: [(&[u8], u8, &[u8]); 6] = [
        (b"\x00\x04MQTT", 3, b"\x20\x02\x00\x01"),
        (b"\x00\x04MQTT", 6, b"\x20\x03\x00\x84\x00"),
        (b"\x00\x04MQTT", 0x84, b"\x20\x02\x00\x01"),
        (b"\x00\x06MQIsdp", 4, b"\x20\x02\x00\x01"),
        (b"\x00\x06MQIsdp", 5, b"\x20\x02\x00\x01"),
        (b"\x00\x04HTTP", 4, b""),
    ];
    for (name, level, expected) in cases {
        let mut world = World::new();
        let id = world.broker.open(world.now);
        let mut packet = vec![0x10, u8::try_from(name.len() + 1 + body.len()).unwrap()];
        packet.extend_from_slice(name);
        packet.push(level);
        packet.extend_from_slice(body);
        let mut input = bytes::BytesMut::from(&packet[..]);
        assert_eq!(world.broker.handle_input(world.now, id, &mut input), Received::Closed);
        let written = world.broker.transmit(id).unwrap().pop().unwrap_or_default();
        assert_eq!(written, expected, "{name:?} {level}");
        let actions: Vec<Action> = std::iter::from_fn(|| world.broker.poll_action()).collect();
        assert!(actions.contains(&Action::Close(id)), "{actions:?}");
    }
}

#[test]
fn client_identifiers_are_judged_by_version() {
    let (long, longer) = ("x".repeat(24), "x".repeat(1025));
    let umlauts = "ä".repeat(23);
    let refused_v3 = "CONNACK session_present=0 0x85 Client Identifier not valid";
    let cases = [
        (V3_1, "x", true, true),
        (V3_1, umlauts.as_str(), true, true),
        (V3_1, long.as_str(), true, false),
        (V3_1_1, long.as_str(), true, true),
        (V3_1_1, "", true, true),
        (V3_1_1, "", false, false),
        (V3_1_1, longer.as_str(), true, false),
        (V5_0, "", false, true),
        (V5_0, long.as_str(), true, true),
        (V5_0, longer.as_str(), true, false),
    ];
    for (version, client_id, clean_start, is_valid) in cases {
        let mut world = World::new();
        let client = world.connect_with(version, ConnectFields { clean_start, ..fields(client_id) }, &[]);
        if is_valid {
            world.expect_connack(client, false);
        } else {
            world.expect(client, &[refused_v3, "CLOSED"]);
            let reason = ConnackReason::ClientIdentifierNotValid;
            assert_eq!(world.notices, [Notice::Refused { connection: client.id, reason }]);
        }
    }
    // An empty identifier does not exist in 3.1 and cannot be encoded: by hand.
    let mut world = World::new();
    let client = world.open(V3_1);
    world.send_bytes(client, b"\x10\x0E\x00\x06MQIsdp\x03\x02\x00\x00\x00\x00");
    world.expect(client, &[refused_v3, "CLOSED"]);
    let mut world =
        World::with_config(BrokerConfig { long_client_ids_in_v3_1: true, ..BrokerConfig::default() });
    world.connect(V3_1, &long);
}

/// [MQTT-3.1.3-7]: the Server tells the identifier it chose.
#[test]
fn an_identifier_is_assigned() {
    let mut world = World::new();
    let taken = world.connect(V5_0, "auto-1");
    let client = world.connect_with(V5_0, fields(""), &[]);
    let connack = world.trace(client).remove(0);
    assert!(connack.contains("Assigned Client Identifier=\"auto-2\""), "{connack}");
    let other = world.connect(V3_1_1, "");
    assert!(world.is_open(taken) && world.is_open(client) && world.is_open(other));
    assert_eq!(world.broker.session_count(), 3);
}

/// Section 3.2.2.3: whatever a Client would take for granted is announced when it is not so.
#[test]
fn connack_announces_what_differs() {
    let config = BrokerConfig {
        maximum_session_expiry: 60,
        maximum_qos: QoS::AtLeastOnce,
        retain_available: false,
        wildcard_subscription_available: false,
        subscription_identifier_available: false,
        shared_subscription_available: false,
        maximum_keep_alive: Some(30.try_into().unwrap()),
        receive_maximum: u16::MAX.try_into().unwrap(),
        maximum_packet_size: mqtt_session::codec::MAXIMUM_PACKET_SIZE,
        topic_alias_maximum: 0,
        ..BrokerConfig::default()
    };
    let mut world = World::with_config(config);
    let client = world.connect_with(V5_0, fields("a"), &[Property::SessionExpiryInterval(61)]);
    world.expect(
        client,
        &["CONNACK session_present=0 0x00 Success {Session Expiry Interval=60, Maximum QoS=1, Retain Available=0, \
           Wildcard Subscription Available=0, Subscription Identifier Available=0, \
           Shared Subscription Available=0, Server Keep Alive=30}"],
    );
    let modest = ConnectFields { keep_alive: 20, ..fields("b") };
    let client = world.connect_with(V5_0, modest, &[Property::SessionExpiryInterval(60)]);
    let connack = world.trace(client).remove(0);
    assert!(!connack.contains("Keep Alive") && !connack.contains("Expiry"), "{connack}");
    let client = world.connect_with(V3_1_1, fields("c"), &[]);
    world.expect(client, &["CONNACK session_present=0 0x00 Success"]);
}

#[test]
fn a_will_beyond_the_limits_is_refused() {
    let config =
        BrokerConfig { maximum_qos: QoS::AtMostOnce, retain_available: false, ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    let mut high = will("a", "");
    high.qos = QoS::AtLeastOnce;
    let mut retained = will("a", "");
    retained.retain = true;
    for (will, reason) in [(high, "0x9B QoS not supported"), (retained, "0x9A Retain not supported")] {
        let connect = ConnectFields { will: Some(will), ..fields("a") };
        let client = world.connect_with(V5_0, connect, &[]);
        world.expect(client, &[&format!("CONNACK session_present=0 {reason}"), "CLOSED"]);
        let client = world.connect_with(V3_1_1, connect, &[]);
        world.expect(client, &["CLOSED"]);
    }
    assert_eq!(world.broker.session_count(), 0);
}

/// [MQTT-3.1.0-1], [MQTT-3.1.0-2].
#[test]
fn case_18_connect_comes_first_and_once() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.open(version);
        world.send(client, &Packet::Pingreq);
        world.expect(client, &["CLOSED"]);
        let client = world.connect(version, "a");
        world.send(client, &Packet::Connect(Connect::new(&fields("a"))));
        let expected: &[&str] =
            if version == V5_0 { &["DISCONNECT 0x82 Protocol Error", "CLOSED"] } else { &["CLOSED"] };
        world.expect(client, expected);
    }
}

#[test]
fn connect_must_come_in_time() {
    let mut world = World::new();
    let client = world.open(V5_0);
    world.send_bytes(client, b"\x10");
    world.pass(Duration::from_millis(9_999));
    world.expect(client, &[]);
    world.pass(Duration::from_millis(1));
    world.expect(client, &["CLOSED"]);
    assert_eq!(world.notices, [Notice::Ended { connection: client.id, cause: EndCause::ConnectTimeout }]);
}

/// [MQTT-3.1.2-22]: one and a half times the Keep Alive.
#[test]
fn complaint_12_a_silent_client_is_disconnected() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect_with(version, ConnectFields { keep_alive: 3, ..fields("a") }, &[]);
        world.expect_connack(client, false);
        let forever = world.connect(version, "b");
        world.pass_seconds(4);
        world.send(client, &Packet::Pingreq);
        world.pass(Duration::from_millis(4_499));
        world.expect(client, &["PINGRESP"]);
        // Part of a packet is no packet.
        world.send_bytes(client, b"\xC0");
        world.pass(Duration::from_millis(1));
        let expected: &[&str] =
            if version == V5_0 { &["DISCONNECT 0x8D Keep Alive timeout", "CLOSED"] } else { &["CLOSED"] };
        world.expect(client, expected);
        world.pass_seconds(1_000_000);
        assert!(world.is_open(forever));
    }
}

#[test]
fn the_server_keep_alive_is_the_one_in_force() {
    let config = BrokerConfig { maximum_keep_alive: Some(2.try_into().unwrap()), ..BrokerConfig::default() };
    let mut world = World::with_config(config);
    let client = world.connect(V5_0, "a");
    let old = world.connect(V3_1_1, "b");
    world.pass_seconds(3);
    world.expect(client, &["DISCONNECT 0x8D Keep Alive timeout", "CLOSED"]);
    // Nobody can tell a 3.x Client.
    assert!(world.is_open(old));
}

/// A door that asks somebody else: `slow…` is answered later, `no…` never lets in.
struct Door;

impl Policy for Door {
    fn authenticate(&mut self, _: ConnectionId, connect: &ConnectFields<'_>) -> Verdict {
        match (connect.client_id, connect.username) {
            (client_id, _) if client_id.starts_with("slow") => Verdict::Pending,
            (client_id, _) if client_id.starts_with("no") => {
                Verdict::Refuse(ConnackReason::BadUserNameOrPassword.into())
            }
            (_, Some(user)) => Verdict::AcceptAs(Arc::from(user)),
            (_, None) => Verdict::Accept,
        }
    }
}

#[test]
fn a_refused_client_gets_the_code_of_its_version() {
    for version in ProtocolVersion::ALL {
        let mut world = World::with(BrokerConfig::default(), Door);
        let client = world.connect_with(version, fields("nobody"), &[]);
        world.expect(client, &["CONNACK session_present=0 0x86 Bad User Name or Password", "CLOSED"]);
        assert_eq!((world.broker.session_count(), world.broker.connection_count()), (0, 0));
    }
}

/// [MQTT-3.1.4-5]: packets sent without waiting for CONNACK are handled behind it, and not at all when it refuses.
#[test]
fn case_18_what_is_pipelined_behind_connect_waits_for_the_verdict() {
    for version in ProtocolVersion::ALL {
        for verdict in [Verdict::Accept, Verdict::Refuse(ConnackReason::NotAuthorized.into())] {
            let mut world = World::with(BrokerConfig::default(), Door);
            let subscriber = world.connect(version, "subscriber");
            world.subscribe(subscriber, "#", QoS::AtMostOnce);
            let client = world.open(version);
            let mut bytes = bytes::BytesMut::new();
            Connect::new(&fields("slow")).encode(version, &mut bytes).unwrap();
            let topic = TopicName::parse("a").unwrap();
            let publish = Publish { delivery: delivery(QoS::AtLeastOnce, 1), ..Publish::new(topic, b"x") };
            publish.encode(version, &mut bytes).unwrap();
            Packet::Pingreq.encode(version, &mut bytes).unwrap();
            world.send_bytes(client, &bytes);
            world.expect(client, &[]);
            assert_eq!(world.offer(client.id), Received::Paused);
            world.expect(subscriber, &[]);
            world.broker.handle_authenticated(world.now, client.id, verdict.clone());
            world.settle();
            if verdict == Verdict::Accept {
                world.expect_connack(client, false);
                world.expect(client, &["PUBACK id=1", "PINGRESP"]);
                world.expect(subscriber, &["PUBLISH q0 dup=0 retain=0 \"a\" \"x\""]);
            } else {
                world.expect(client, &["CONNACK session_present=0 0x87 Not authorized", "CLOSED"]);
                world.expect(subscriber, &[]);
            }
            // A second verdict finds nobody waiting.
            world.broker.handle_authenticated(world.now, client.id, Verdict::Accept);
            assert_eq!(world.broker.poll_action(), None);
        }
    }
}

#[test]
fn a_client_that_leaves_while_it_is_judged_is_forgotten() {
    let mut world = World::with(BrokerConfig::default(), Door);
    let client = world.connect_with(V5_0, fields("slow"), &[]);
    world.cut(client);
    world.broker.handle_authenticated(world.now, client.id, Verdict::Accept);
    let client = world.connect_with(V5_0, fields("slow"), &[]);
    world.pass_seconds(10);
    world.expect(client, &["CLOSED"]);
    assert_eq!((world.broker.session_count(), world.broker.connection_count()), (0, 0));
    assert_eq!(world.broker.poll_timeout(), None);
}

/// The Session of one principal is not for another, whatever Clean Start says.
#[test]
fn case_30_a_session_belongs_to_its_principal() {
    let mut world = World::with(BrokerConfig::default(), Door);
    let alice = ConnectFields { username: Some("alice"), clean_start: false, ..fields("meter") };
    let expiry = [Property::SessionExpiryInterval(100)];
    let client = world.connect_with(V5_0, alice, &expiry);
    world.expect_connack(client, false);
    world.subscribe(client, "a", QoS::AtLeastOnce);
    for (username, clean_start) in [(Some("bob"), false), (Some("bob"), true), (None, true)] {
        let thief =
            world.connect_with(V5_0, ConnectFields { username, clean_start, ..fields("meter") }, &expiry);
        world.expect(thief, &["CONNACK session_present=0 0x87 Not authorized", "CLOSED"]);
    }
    assert!(world.is_open(client));
    world.cut(client);
    let client = world.connect_with(V5_0, alice, &expiry);
    world.expect_connack(client, true);
}

#[test]
fn enhanced_authentication_is_refused() {
    let mut world = World::new();
    let client = world.connect_with(V5_0, fields("a"), &[Property::AuthenticationMethod("SCRAM")]);
    world.expect(client, &["CONNACK session_present=0 0x8C Bad authentication method", "CLOSED"]);
    let client = world.connect(V5_0, "a");
    world.send_bytes(client, b"\xF0\x0A\x19\x08\x15\x00\x05SCRAM");
    world.expect(client, &["DISCONNECT 0x82 Protocol Error", "CLOSED"]);
}

#[test]
fn the_administrator_disconnects() {
    use mqtt_session::codec::DisconnectReason;
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect(version, "a");
        world.broker.disconnect(world.now, client.id, DisconnectReason::AdministrativeAction);
        world.settle();
        let expected: &[&str] =
            if version == V5_0 { &["DISCONNECT 0x98 Administrative action", "CLOSED"] } else { &["CLOSED"] };
        world.expect(client, expected);
        // A connection before CONNACK gets no DISCONNECT [MQTT-3.14.0-1].
        let client = world.open(version);
        let persistent = world.resume(version, "b", false);
        world.broker.shut_down(world.now);
        world.settle();
        world.expect(client, &["CLOSED"]);
        let expected: &[&str] =
            if version == V5_0 { &["DISCONNECT 0x8B Server shutting down", "CLOSED"] } else { &["CLOSED"] };
        world.expect(persistent, expected);
        assert_eq!((world.broker.session_count(), world.broker.connection_count()), (1, 0));
    }
}

#[test]
fn properties_of_connect_are_only_for_5_0() {
    // Keeps the harness honest.
    let properties = [Property::ReceiveMaximum(1.try_into().unwrap())];
    let properties = ConnectProperties::new(&properties).unwrap();
    let connect = ConnectFields { properties, ..fields("a") };
    assert!(Connect::new(&connect).encoded_len(V3_1_1).is_err());
}
