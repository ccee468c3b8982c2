//! Reason Strings, User Properties, Server References, requests and responses: what is said, and what is told.

use mqtt_session::codec::{
    AckProperties, Connack, ConnackProperties, ConnackReason, Delivery, Disconnect, DisconnectProperties,
    DisconnectReason, Packet, Property, ProtocolVersion, Puback, Pubcomp, PublishReason, Pubrec, QoS,
};
use mqtt_session::{
    Acknowledgement, ClientConfig, ClientError, ConnectOptions, DisconnectRequest, Disconnected, Event,
    Explanation, Message, PublishOutcome, SubscribeOutcome, SubscribeRequest,
};

use crate::harness::{Scene, V3, id, message, persistent};

const V5: ProtocolVersion = ProtocolVersion::V5_0;

fn outcome(scene: &mut Scene, packet: impl Into<Packet<'static>>) -> Option<PublishOutcome> {
    let _ = scene.server(packet.into());
    scene.outcomes.pop().map(|(_, outcome)| outcome)
}

fn told(reason: PublishReason, reason_string: Option<&str>, pairs: &[(&str, &str)]) -> Acknowledgement {
    let user_properties: Vec<_> = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let explanation = Explanation { reason_string: reason_string.map(String::from), user_properties };
    let explanation = (!explanation.is_empty()).then(|| Box::new(explanation));
    let mut answer = match outcome(&mut at_qos_1(), Puback::new(id(1))) {
        Some(PublishOutcome::Acknowledged(answer)) => answer,
        other => panic!("{other:?}"),
    };
    (answer.reason, answer.explanation) = (reason, explanation);
    answer
}

fn at_qos_1() -> Scene {
    let mut scene = Scene::connected(V5);
    scene.publish("t", "a", QoS::AtLeastOnce);
    scene
}

/// PUBACK, whether it accepts or refuses.
#[test]
fn what_puback_says_is_the_outcome() {
    let said = [Property::ReasonString("r"), Property::UserProperty(("k", "v"))];
    let properties = AckProperties::new(Box::leak(Box::new(said))).unwrap();
    for (reason, properties, expected) in [
        (PublishReason::Success, AckProperties::EMPTY, told(PublishReason::Success, None, &[])),
        (PublishReason::Success, properties, told(PublishReason::Success, Some("r"), &[("k", "v")])),
        (
            PublishReason::NoMatchingSubscribers,
            properties,
            told(PublishReason::NoMatchingSubscribers, Some("r"), &[("k", "v")]),
        ),
    ] {
        let answer = Puback { reason, properties, ..Puback::new(id(1)) };
        let outcome = outcome(&mut at_qos_1(), answer).unwrap();
        assert!(outcome.is_success());
        assert_eq!(outcome, PublishOutcome::Acknowledged(expected));
    }
    let refused = Puback { reason: PublishReason::QuotaExceeded, properties, ..Puback::new(id(1)) };
    let outcome = outcome(&mut at_qos_1(), refused).unwrap();
    assert!(!outcome.is_success());
    assert_eq!(outcome.to_string(), "refused by the Server: Quota exceeded (\"r\")");
    assert_eq!(
        outcome,
        PublishOutcome::Refused(told(PublishReason::QuotaExceeded, Some("r"), &[("k", "v")]))
    );
}

/// PUBREC and PUBCOMP say it together, whatever happens between them.
#[test]
fn what_pubrec_and_pubcomp_say_is_one_outcome() {
    let first: &[Property<'_>] = &[Property::ReasonString("rec"), Property::UserProperty(("1", "rec"))];
    let last: &[Property<'_>] = &[Property::ReasonString("comp"), Property::UserProperty(("2", "comp"))];
    let properties = |values: &'static [Property<'static>]| AckProperties::new(values).unwrap();
    let (first, last): (&'static [Property<'static>], &'static [Property<'static>]) =
        (Box::leak(first.into()), Box::leak(last.into()));
    let none: &'static [Property<'static>] = &[];
    for is_cut in [false, true] {
        for (of_pubrec, of_pubcomp, reason_string, pairs) in [
            (none, none, None, &[][..]),
            (first, none, Some("rec"), &[("1", "rec")][..]),
            (none, last, Some("comp"), &[("2", "comp")]),
            (first, last, Some("rec"), &[("1", "rec"), ("2", "comp")]),
        ] {
            let mut scene = Scene::connected(V5);
            scene.publish("t", "a", QoS::ExactlyOnce);
            let reason = PublishReason::NoMatchingSubscribers;
            let pubrec = Pubrec { reason, properties: properties(of_pubrec), ..Pubrec::new(id(1)) };
            assert_eq!(outcome(&mut scene, pubrec), None);
            if is_cut {
                scene.cut();
                scene.reconnect(true, &[]);
                // A repeat says nothing new.
                scene.pubrec(1);
            }
            let pubcomp = Pubcomp { properties: properties(of_pubcomp), ..Pubcomp::new(id(1)) };
            let outcome = outcome(&mut scene, pubcomp).unwrap();
            assert_eq!(outcome, PublishOutcome::Acknowledged(told(reason, reason_string, pairs)));
        }
    }
}

/// What was said of a message of a Session that is lost is not said of another.
#[test]
fn what_was_said_does_not_outlive_the_session() {
    let mut scene = Scene::connected(V5);
    scene.publish("t", "a", QoS::ExactlyOnce);
    scene.pubrec_with(1, PublishReason::NoMatchingSubscribers);
    scene.cut();
    scene.reconnect(false, &[]);
    // Until the identifier comes again.
    for packet_id in 2..=u16::MAX {
        scene.publish("t", "b", QoS::AtLeastOnce);
        scene.puback(packet_id);
    }
    scene.publish("t", "c", QoS::ExactlyOnce);
    scene.pubrec(1);
    scene.trace();
    scene.pubcomp(1);
    scene.expect(&["S>C PUBCOMP id=1", "* PublishToken(65536) acknowledged: Success"]);
}

/// SUBACK and UNSUBACK come whole.
#[test]
fn what_suback_says_is_the_outcome() {
    let mut scene = Scene::connected(V5);
    let request = SubscribeRequest::new([("t", QoS::AtMostOnce)]).unwrap();
    scene.client.subscribe(scene.now, request).unwrap();
    scene.look();
    let mut bytes = bytes::BytesMut::from(&b"\x90\x08\x00\x01\x04\x1F\x00\x01r\x87"[..]);
    let _ = scene.client.handle_input(scene.now, &mut bytes);
    let Some(Event::Subscribed { outcome: SubscribeOutcome::Acknowledged { suback, .. }, .. }) =
        scene.client.poll_event()
    else {
        panic!("an outcome");
    };
    assert_eq!(suback.to_string(), "SUBACK id=1 0x87 {Reason String=\"r\"}");
}

/// Section 4.11: where to go, and for how long.
#[test]
fn a_server_reference_is_surfaced() {
    let said = [
        Property::ServerReference("b.example c.example"),
        Property::ReasonString("full"),
        Property::UserProperty(("k", "v")),
    ];
    let check = |why: &Disconnected| {
        assert_eq!(why.server_reference(), Some("b.example c.example"));
        assert_eq!(why.reason_string(), Some("full"));
        assert_eq!(why.user_properties().collect::<Vec<_>>(), [("k", "v")]);
    };
    let mut scene = Scene::new(V5, ClientConfig::default());
    scene.client.connect(scene.now, persistent(V5)).unwrap();
    let properties = ConnackProperties::new(&said).unwrap();
    let connack = Connack { properties, ..Connack::new(ConnackReason::UseAnotherServer) };
    let mut bytes = bytes::BytesMut::new();
    connack.encode(V5, &mut bytes).unwrap();
    let _ = scene.client.handle_input(scene.now, &mut bytes);
    let Some(Event::Disconnected(why)) = scene.client.poll_event() else { panic!("refused") };
    assert!(matches!(why, Disconnected::Refused { reason: ConnackReason::UseAnotherServer, .. }));
    check(&why);

    let mut scene = Scene::connected(V5);
    let properties = DisconnectProperties::new(&said).unwrap();
    let disconnect = Disconnect { properties, ..Disconnect::new(DisconnectReason::ServerMoved) };
    disconnect.encode(V5, &mut bytes).unwrap();
    let _ = scene.client.handle_input(scene.now, &mut bytes);
    let Some(Event::Disconnected(why)) = scene.client.poll_event() else { panic!("disconnected") };
    assert!(matches!(why, Disconnected::ByServer { reason: DisconnectReason::ServerMoved, .. }));
    check(&why);
    assert_eq!(Disconnected::Closed.server_reference(), None);
    assert_eq!(Disconnected::Closed.user_properties().count(), 0);
}

/// What DISCONNECT says, as far as the Server takes it [MQTT-3.14.2-3] [MQTT-3.14.2-4].
#[test]
fn disconnect_can_say_why() {
    let request = DisconnectRequest {
        session_expiry_interval: Some(7),
        explanation: Explanation::new("bye").with_user_property("k", "v"),
        ..DisconnectRequest::new(DisconnectReason::DisconnectWithWillMessage)
    };
    let expiry = "Session Expiry Interval=7";
    for (limit, sent) in [
        (22, Some(format!("{{{expiry}, Reason String=\"bye\", \"k\"=\"v\"}}"))),
        (21, Some(format!("{{{expiry}, Reason String=\"bye\"}}"))),
        (14, Some(format!("{{{expiry}}}"))),
        (8, None),
    ] {
        let property = Property::MaximumPacketSize(limit.try_into().unwrap());
        let mut scene = Scene::connected_with(V5, ClientConfig::default(), &[property]);
        let result = scene.client.disconnect_with(scene.now, &request);
        scene.look();
        let Some(properties) = sent else {
            assert_eq!(result, Err(ClientError::PacketTooLarge));
            scene.expect(&[]);
            continue;
        };
        assert_eq!(result, Ok(()));
        let line = format!("C>S DISCONNECT 0x04 Disconnect with Will Message {properties}");
        scene.expect(&["* disconnected", &line]);
    }
    // A connection can always be ended.
    let property = Property::MaximumPacketSize(1.try_into().unwrap());
    let mut scene = Scene::connected_with(V5, ClientConfig::default(), &[property]);
    let request = DisconnectRequest { session_expiry_interval: None, ..request };
    scene.client.disconnect_with(scene.now, &request).unwrap();
    scene.look();
    scene.expect(&["* disconnected"]);
    let invalid = DisconnectRequest { explanation: Explanation::new("\0"), ..request.clone() };
    let mut scene = Scene::connected(V5);
    assert!(matches!(scene.client.disconnect_with(scene.now, &invalid), Err(ClientError::Encode(_))));
    scene.look();
    scene.expect(&[]);
    for version in V3 {
        let mut scene = Scene::connected(version);
        let request = DisconnectRequest { reason: DisconnectReason::NormalDisconnection, ..request.clone() };
        scene.client.disconnect_with(scene.now, &request).unwrap();
        scene.look();
        scene.expect(&["* disconnected", "C>S DISCONNECT 0x00 Normal disconnection"]);
    }
}

/// Acknowledgements that wait for their turn keep what is to be said beside them [MQTT-3.4.2-2] [MQTT-3.4.2-3].
#[test]
fn an_acknowledgement_can_say_why() {
    let config = ClientConfig { manual_acknowledgement: true, ..ClientConfig::default() };
    let why = || Explanation::new("bad").with_user_property("k", "v");
    let refused = PublishReason::PayloadFormatInvalid;
    for (limit, said) in
        [(100, " {Reason String=\"bad\", \"k\"=\"v\"}"), (18, " {Reason String=\"bad\"}"), (11, "")]
    {
        let property = Property::MaximumPacketSize(limit.try_into().unwrap());
        let mut scene = Scene::connected_with(V5, config.clone(), &[property]);
        scene.server_publish("t", "a", Delivery::AtLeastOnce { packet_id: id(1), dup: false });
        scene.server_publish("t", "b", Delivery::ExactlyOnce { packet_id: id(2), dup: false });
        scene.trace();
        let second = scene.acks.pop().unwrap();
        let first = scene.acks.pop().unwrap();
        scene.client.acknowledge_explained(scene.now, second, refused, why()).unwrap();
        scene.look();
        scene.expect(&[]);
        scene.client.acknowledge(scene.now, first).unwrap();
        scene.look();
        scene.expect(&["C>S PUBACK id=1", &format!("C>S PUBREC id=2 0x99 Payload format invalid{said}")]);
    }
    for version in V3 {
        let mut scene = Scene::connected_with(version, config.clone(), &[]);
        scene.server_publish("t", "a", Delivery::AtLeastOnce { packet_id: id(1), dup: false });
        scene.trace();
        let token = scene.acks.pop().unwrap();
        scene.client.acknowledge_explained(scene.now, token, refused, why()).unwrap();
        scene.look();
        scene.expect(&["C>S PUBACK id=1"]);
    }
    // It dies with the connection, as the token does.
    let mut scene = Scene::connected_with(V5, config, &[]);
    for packet_id in [1, 2] {
        scene.server_publish("t", "a", Delivery::AtLeastOnce { packet_id: id(packet_id), dup: false });
    }
    let second = scene.acks.pop().unwrap();
    scene.client.acknowledge_explained(scene.now, second, refused, why()).unwrap();
    scene.cut();
    scene.reconnect(true, &[]);
    scene.server_publish("t", "a", Delivery::AtLeastOnce { packet_id: id(2), dup: false });
    scene.trace();
    let token = scene.acks.pop().unwrap();
    scene.client.acknowledge(scene.now, token).unwrap();
    scene.look();
    scene.expect(&["C>S PUBACK id=2"]);
}

/// Section 4.10.
#[test]
fn requests_are_answered() {
    let request = message("lamp/get", "", QoS::AtLeastOnce)
        .with_properties(&[Property::ContentType("text/plain"), Property::CorrelationData(b"old")])
        .unwrap()
        .with_request("reply/1", Some(b"42"))
        .unwrap();
    assert_eq!(request.response_topic().unwrap().as_str(), "reply/1");
    assert_eq!(request.correlation_data(), Some(&b"42"[..]));
    assert_eq!(request.properties().as_publish().content_type(), Some("text/plain"));
    let response = request.response("on").unwrap();
    let expected = Message::new("reply/1", "on").unwrap().with_qos(QoS::AtLeastOnce);
    let expected = expected.with_properties(&[Property::CorrelationData(b"42")]).unwrap();
    assert_eq!(response, expected);
    assert_eq!(response.response(""), None, "nobody asks");
    let anonymous = message("t", "", QoS::AtMostOnce).with_request("r", None).unwrap();
    assert_eq!((anonymous.correlation_data(), anonymous.response("").unwrap().properties().len()), (None, 0));
    for topic in ["", "a/+", "#"] {
        assert!(message("t", "", QoS::AtMostOnce).with_request(topic, None).is_err(), "{topic:?}");
    }
}

/// [MQTT-3.1.2-28]: asked for, and surfaced.
#[test]
fn response_information_is_surfaced() {
    let mut scene = Scene::new(V5, ClientConfig::default());
    let options = ConnectOptions { request_response_information: true, ..persistent(V5) };
    scene.client.connect(scene.now, options).unwrap();
    let said = [
        Property::ResponseInformation("reply/c/"),
        Property::ReasonString("hi"),
        Property::UserProperty(("k", "v")),
    ];
    let connack = Connack {
        properties: ConnackProperties::new(&said).unwrap(),
        ..Connack::new(ConnackReason::Success)
    };
    let mut bytes = bytes::BytesMut::new();
    connack.encode(V5, &mut bytes).unwrap();
    let _ = scene.client.handle_input(scene.now, &mut bytes);
    let Some(Event::Connected(connected)) = scene.client.poll_event() else { panic!("connected") };
    assert_eq!(connected.response_information(), Some("reply/c/"));
    assert_eq!(connected.reason_string(), Some("hi"));
    assert_eq!(connected.user_properties().collect::<Vec<_>>(), [("k", "v")]);
    assert_eq!(connected.authentication_data(), None);
}
