//! Receiving (section 4.3, the Receiver's side).

use mqtt_session::codec::{
    AckProperties, Delivery, Disconnect, DisconnectProperties, DisconnectReason, Packet, Property,
    ProtocolVersion, Puback, Pubcomp, Publish, PublishProperties, Pubrec, Pubrel, Suback, SubackReason,
    SubackReasons, SubscriptionIdentifier, Unsuback, UnsubackReason, UnsubackReasons,
};
use mqtt_session::topic::TopicName;
use mqtt_session::{ClientConfig, ConnectOptions};

use crate::harness::{Scene, V3, id, persistent};

const fn q1(packet_id: u16) -> Delivery {
    Delivery::AtLeastOnce { packet_id: pid(packet_id), dup: false }
}

const fn q2(packet_id: u16) -> Delivery {
    Delivery::ExactlyOnce { packet_id: pid(packet_id), dup: false }
}

const fn pid(packet_id: u16) -> mqtt_session::codec::PacketId {
    match mqtt_session::codec::PacketId::new(packet_id) {
        Some(packet_id) => packet_id,
        None => mqtt_session::codec::PacketId::MIN,
    }
}

#[test]
fn messages_are_delivered_and_answered() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        scene.server_publish("t", "a", Delivery::AtMostOnce);
        scene.server_publish("t", "b", q1(7));
        scene.server_publish("t", "c", q2(8));
        scene.pubrel(8);
        scene.expect(&[
            "S>C PUBLISH q0 dup=0 retain=0 \"t\" 1 bytes",
            "* message q0 dup=0 \"t\" \"a\"",
            "S>C PUBLISH id=7 q1 dup=0 retain=0 \"t\" 1 bytes",
            "* message q1 dup=0 \"t\" \"b\"",
            "C>S PUBACK id=7",
            "S>C PUBLISH id=8 q2 dup=0 retain=0 \"t\" 1 bytes",
            "* message q2 dup=0 \"t\" \"c\"",
            "C>S PUBREC id=8",
            "S>C PUBREL id=8",
            "C>S PUBCOMP id=8",
        ]);
    }
}

/// QoS 1: the same identifier after PUBACK is a new message [MQTT-4.3.2-5].
#[test]
fn qos_1_repeats_are_delivered_again() {
    let mut scene = Scene::connected(ProtocolVersion::V3_1_1);
    let repeat = Delivery::AtLeastOnce { packet_id: id(7), dup: true };
    scene.server_publish("t", "a", q1(7));
    scene.server_publish("t", "a", repeat);
    let trace = scene.trace();
    assert_eq!(trace[4], "* message q1 dup=1 \"t\" \"a\"");
    assert_eq!(trace[5], "C>S PUBACK id=7");
}

/// QoS 2: until PUBREL, the same identifier is the same message, whatever connection it comes on [MQTT-4.3.3-10].
#[test]
fn complaint_02_qos_2_repeats_are_answered_and_not_delivered() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        scene.server_publish("t", "a", q2(7));
        scene.trace();
        scene.server_publish("t", "a", q2(7));
        scene.expect(&["S>C PUBLISH id=7 q2 dup=0 retain=0 \"t\" 1 bytes", "C>S PUBREC id=7"]);
        scene.cut();
        scene.trace();
        scene.reconnect(version != ProtocolVersion::V3_1, &[]);
        scene.server_publish("t", "a", Delivery::ExactlyOnce { packet_id: id(7), dup: true });
        scene.expect(&["S>C PUBLISH id=7 q2 dup=1 retain=0 \"t\" 1 bytes", "C>S PUBREC id=7"]);
        scene.pubrel(7);
        scene.server_publish("t", "b", q2(7));
        scene.expect(&[
            "S>C PUBREL id=7",
            "C>S PUBCOMP id=7",
            "S>C PUBLISH id=7 q2 dup=0 retain=0 \"t\" 1 bytes",
            "* message q2 dup=0 \"t\" \"b\"",
            "C>S PUBREC id=7",
        ]);
    }
}

/// A QoS 1 PUBLISH may not use the identifier of a QoS 2 message before its PUBREL [MQTT-2.2.1-4]. 3.x has no answer that
/// refuses it, and PUBREC does not cover it.
#[test]
fn an_identifier_that_waits_for_pubrel_is_in_use() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        scene.server_publish("t", "a", q2(7));
        scene.trace();
        scene.server_publish("t", "b", q1(7));
        let publish = "S>C PUBLISH id=7 q1 dup=0 retain=0 \"t\" 1 bytes";
        if version == ProtocolVersion::V5_0 {
            scene.expect(&[publish, "C>S PUBACK id=7 0x91 Packet identifier in use"]);
        } else {
            scene.expect(&[publish, "* the Server broke the protocol: a Packet Identifier that is in use"]);
        }
    }
}

/// After Request Problem Information 0, Reason String and User Property may not come in acknowledgements, SUBACK and
/// UNSUBACK [MQTT-3.1.2-29]. In CONNACK, PUBLISH and DISCONNECT they may.
#[test]
fn problem_information_that_was_not_requested_is_a_protocol_error() {
    let values = [[Property::ReasonString("r")], [Property::UserProperty(("k", "v"))]];
    for values in &values {
        let ack = AckProperties::new(values).unwrap();
        let suback = SubackReasons::new(&[SubackReason::GrantedQoS0]);
        let unsuback = UnsubackReasons::new(&[UnsubackReason::Success]);
        let packets: [Packet<'_>; 6] = [
            Puback { properties: ack, ..Puback::new(id(1)) }.into(),
            Pubrec { properties: ack, ..Pubrec::new(id(1)) }.into(),
            Pubrel { properties: ack, ..Pubrel::new(id(1)) }.into(),
            Pubcomp { properties: ack, ..Pubcomp::new(id(1)) }.into(),
            Suback { properties: ack, ..Suback::new(id(1), suback) }.into(),
            Unsuback { properties: ack, ..Unsuback::new(id(1), unsuback) }.into(),
        ];
        for packet in packets {
            let mut scene = without_problem_information();
            let _ = scene.server(packet);
            assert_eq!(
                scene.trace()[1..],
                [
                    "* the Server broke the protocol: a Reason String or User Property nobody requested",
                    "C>S DISCONNECT 0x82 Protocol Error",
                ]
            );
        }
    }
    let mut scene = without_problem_information();
    let values = [Property::UserProperty(("k", "v"))];
    let properties = PublishProperties::new(&values).unwrap();
    let _ = scene.server(Publish { properties, ..Publish::new(TopicName::parse("t").unwrap(), b"") });
    assert_eq!(scene.trace()[1], "* message q0 dup=0 \"t\" \"\"");
    let values = [Property::ReasonString("r"), Property::UserProperty(("k", "v"))];
    let properties = DisconnectProperties::new(&values).unwrap();
    let _ = scene.server(Disconnect { properties, ..Disconnect::new(DisconnectReason::ServerBusy) });
    assert_eq!(scene.trace()[1], "* disconnected by the Server: Server busy (\"r\")");
}

/// CONNACK may have both.
fn without_problem_information() -> Scene {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    scene.connect(ConnectOptions { request_problem_information: false, ..persistent(ProtocolVersion::V5_0) });
    scene.accept(false, &[Property::ReasonString("r"), Property::UserProperty(("k", "v"))]);
    scene.trace();
    scene
}

/// Without the Session on the other side, an old identifier means nothing.
#[test]
fn a_lost_session_forgets_identifiers() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5_0] {
        let mut scene = Scene::connected(version);
        scene.server_publish("t", "a", q2(7));
        scene.cut();
        scene.reconnect(false, &[]);
        scene.trace();
        scene.server_publish("t", "b", q2(7));
        assert_eq!(scene.trace()[1], "* message q2 dup=0 \"t\" \"b\"");
    }
}

#[test]
fn complaint_10_case_23_the_receive_maximum_is_enforced() {
    let config = ClientConfig { manual_acknowledgement: true, ..ClientConfig::default() };
    let mut scene = Scene::new(ProtocolVersion::V5_0, config.clone());
    let options =
        ConnectOptions { receive_maximum: 2.try_into().unwrap(), ..persistent(ProtocolVersion::V5_0) };
    scene.connect(options);
    scene.accept(false, &[]);
    scene.server_publish("t", "a", q1(1));
    scene.server_publish("t", "b", q2(2));
    scene.server_publish("t", "q0", Delivery::AtMostOnce);
    scene.trace();
    scene.server_publish("t", "c", q1(3));
    scene.expect(&[
        "S>C PUBLISH id=3 q1 dup=0 retain=0 \"t\" 1 bytes",
        "* the Server broke the protocol: it exceeds the Receive Maximum",
        "C>S DISCONNECT 0x93 Receive Maximum exceeded",
    ]);
    // 3.x has no such rule.
    for version in V3 {
        let mut scene = Scene::new(version, config.clone());
        scene.connect(ConnectOptions { receive_maximum: 1.try_into().unwrap(), ..persistent(version) });
        scene.accept(false, &[]);
        scene.server_publish("t", "a", q1(1));
        scene.server_publish("t", "b", q1(2));
        assert_eq!(scene.acks.len(), 2);
    }
}

#[test]
fn qos_2_counts_until_pubcomp() {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    let options =
        ConnectOptions { receive_maximum: 1.try_into().unwrap(), ..persistent(ProtocolVersion::V5_0) };
    scene.connect(options);
    scene.accept(false, &[]);
    scene.server_publish("t", "a", q2(1));
    scene.pubrel(1);
    scene.server_publish("t", "b", q2(2));
    assert!(scene.trace().contains(&"* message q2 dup=0 \"t\" \"b\"".to_owned()));
    scene.server_publish("t", "c", q1(3));
    assert_eq!(scene.trace().last().unwrap(), "C>S DISCONNECT 0x93 Receive Maximum exceeded");
}

#[test]
fn subscription_identifiers_and_properties_arrive() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    let identifier = |number| Property::SubscriptionIdentifier(SubscriptionIdentifier::new(number).unwrap());
    let values = [
        identifier(3),
        Property::ContentType("text/plain"),
        identifier(9),
        Property::MessageExpiryInterval(5),
    ];
    let properties = PublishProperties::new(&values).unwrap();
    let publish = Publish { properties, ..Publish::new(TopicName::parse("t").unwrap(), b"x") };
    let mut bytes = Vec::new();
    publish.encode(ProtocolVersion::V5_0, &mut bytes).unwrap();
    let _ = scene.client.handle_input(scene.now, &mut bytes[..].into());
    let Some(mqtt_session::Event::Message(received)) = scene.client.poll_event() else {
        panic!("no message")
    };
    assert_eq!(received.subscription_identifiers.iter().map(|id| id.get()).collect::<Vec<_>>(), [3, 9]);
    assert_eq!(received.message.properties().as_publish().content_type(), Some("text/plain"));
    assert_eq!(received.message.expiry(), Some(5));
    assert_eq!(
        received.message.properties().as_publish().iter().count(),
        1,
        "what belongs to a hop stays out"
    );
}

#[test]
fn a_packet_may_arrive_in_pieces() {
    let mut scene = Scene::connected(ProtocolVersion::V3_1_1);
    let mut bytes = Vec::new();
    Packet::from(Publish::new(TopicName::parse("t").unwrap(), b"abc"))
        .encode(ProtocolVersion::V3_1_1, &mut bytes)
        .unwrap();
    let mut input = bytes::BytesMut::new();
    for (index, byte) in bytes.iter().enumerate() {
        input.extend_from_slice(&[*byte]);
        let received = scene.client.handle_input(scene.now, &mut input);
        let mqtt_session::Received::NeedData(needed) = received else { panic!("{received:?}") };
        // From the fixed header on, the need is known exactly.
        let left = bytes.len() - index - 1;
        assert_eq!(needed, if index == 0 || left == 0 { 1 } else { left });
    }
    scene.look();
    scene.expect(&["* message q0 dup=0 \"t\" \"abc\""]);
}
