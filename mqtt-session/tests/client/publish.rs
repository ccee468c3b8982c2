//! Publishing (section 4.3, the Sender's side) while a connection lasts.

use std::sync::Arc;

use mqtt_session::codec::{
    AckProperties, Property, ProtocolVersion, Puback, PublishReason, Pubrec, QoS, Suback, SubackReason,
    SubackReasons, Unsuback, UnsubackReason, UnsubackReasons,
};
use mqtt_session::{ClientConfig, Message, PublishToken, RejectReason, SubscribeRequest, UnsubscribeRequest};

use crate::harness::{Scene, id, message, persistent};

#[test]
fn qos_0_is_sent_and_forgotten() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        scene.publish("t", "a", QoS::AtMostOnce);
        scene.expect(&["* PublishToken(1) sent", "C>S PUBLISH q0 dup=0 retain=0 \"t\" 1 bytes"]);
        assert_eq!(scene.client.in_flight(), 0);
    }
}

#[test]
fn a_message_that_stays_with_the_caller_goes_the_same_way() {
    for version in ProtocolVersion::ALL {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let config = ClientConfig { maximum_queued_messages: 2, ..ClientConfig::default() };
            let trace = |publish: fn(&mut Scene, &Message) -> Result<PublishToken, RejectReason>| {
                let mut scene = Scene::new(version, config.clone());
                let message = message("t", "a", qos);
                let mut published: Vec<_> = (0..3).map(|_| publish(&mut scene, &message)).collect();
                scene.connect(persistent(version));
                scene.accept(false, &[]);
                published.push(publish(&mut scene, &message));
                scene.cut();
                scene.connect(persistent(version));
                scene.accept(version != ProtocolVersion::V3_1, &[]);
                (published, scene.trace())
            };
            let given = trace(|scene, message| {
                scene.client.publish(scene.now, message.clone()).map_err(|rejected| {
                    assert_eq!(rejected.value, *message);
                    rejected.reason
                })
            });
            let lent = trace(|scene, message| scene.client.publish_ref(scene.now, message));
            let shared =
                trace(|scene, message| scene.client.publish_shared(scene.now, &Arc::new(message.clone())));
            assert_eq!(given.0[2], Err(RejectReason::QueueFull));
            assert_eq!(given, lent);
            assert_eq!(given, shared);
        }
    }
}

#[test]
fn qos_1_ends_with_puback() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        scene.publish("t", "a", QoS::AtLeastOnce);
        scene.puback(1);
        scene.puback(1);
        scene.expect(&[
            "C>S PUBLISH id=1 q1 dup=0 retain=0 \"t\" 1 bytes",
            "S>C PUBACK id=1",
            "* PublishToken(1) acknowledged: Success",
            "S>C PUBACK id=1",
        ]);
    }
}

#[test]
fn an_answer_of_five_bytes_is_as_good_as_one_with_a_property_length() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let first = if qos == QoS::AtLeastOnce { 0x40 } else { 0x50 };
        for reason in PublishReason::ALL {
            let events = |tail: &[u8]| {
                let mut scene = Scene::connected(ProtocolVersion::V5_0);
                scene.publish("t", "a", qos);
                let remaining_length = u8::try_from(2 + tail.len()).unwrap();
                let _ = scene.server_bytes(&[&[first, remaining_length, 0, 1], tail].concat());
                scene.pubcomp(1);
                let trace = scene.trace();
                trace.into_iter().filter(|line| !line.starts_with("S>C")).collect::<Vec<_>>()
            };
            let short = events(&[reason.code()]);
            assert_eq!(short, events(&[reason.code(), 0]));
            assert!(short.iter().any(|line| line.starts_with("* PublishToken(1)")), "{short:?}");
        }
    }
}

#[test]
fn qos_2_ends_with_pubcomp() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        scene.publish("t", "a", QoS::ExactlyOnce);
        scene.pubrec(1);
        scene.pubrec(1);
        scene.pubcomp(1);
        scene.pubcomp(1);
        scene.expect(&[
            "C>S PUBLISH id=1 q2 dup=0 retain=0 \"t\" 1 bytes",
            "S>C PUBREC id=1",
            "C>S PUBREL id=1",
            "S>C PUBREC id=1",
            "C>S PUBREL id=1",
            "S>C PUBCOMP id=1",
            "* PublishToken(1) acknowledged: Success",
            "S>C PUBCOMP id=1",
        ]);
    }
}

#[test]
fn case_20_a_refusal_ends_the_exchange_and_nothing_is_sent_again() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.publish("t", "a", QoS::AtLeastOnce);
    scene.publish("t", "b", QoS::ExactlyOnce);
    scene.trace();
    let values = [Property::ReasonString("no")];
    let properties = AckProperties::new(&values).unwrap();
    let _ = scene.server(Puback { reason: PublishReason::QuotaExceeded, properties, ..Puback::new(id(1)) });
    scene.pubrec_with(2, PublishReason::NotAuthorized);
    scene.expect(&[
        "S>C PUBACK id=1 0x97 Quota exceeded {Reason String=\"no\"}",
        "* PublishToken(1) refused by the Server: Quota exceeded (\"no\")",
        "S>C PUBREC id=2 0x87 Not authorized",
        "* PublishToken(2) refused by the Server: Not authorized",
    ]);
    scene.cut();
    scene.reconnect(true, &[]);
    scene.expect(&[]);
}

#[test]
fn no_matching_subscribers_is_success() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.publish("t", "a", QoS::ExactlyOnce);
    let _ = scene.server(Pubrec { reason: PublishReason::NoMatchingSubscribers, ..Pubrec::new(id(1)) });
    scene.pubcomp(1);
    let trace = scene.trace();
    assert_eq!(trace[2], "C>S PUBREL id=1");
    assert_eq!(trace[4], "* PublishToken(1) acknowledged: No matching subscribers");
}

#[test]
fn an_acknowledgement_of_another_qos_is_a_protocol_error() {
    for (qos, acknowledge) in [
        (QoS::AtLeastOnce, Scene::pubrec as fn(&mut Scene, u16)),
        (QoS::AtLeastOnce, Scene::pubcomp),
        (QoS::ExactlyOnce, Scene::puback),
        (QoS::ExactlyOnce, Scene::pubcomp),
    ] {
        let mut scene = Scene::connected(ProtocolVersion::V5_0);
        scene.publish("t", "a", qos);
        scene.trace();
        acknowledge(&mut scene, 1);
        assert_eq!(
            scene.trace()[1..],
            [
                "* the Server broke the protocol: an acknowledgement of the wrong type",
                "C>S DISCONNECT 0x82 Protocol Error"
            ]
        );
        // The exchange goes on with the next connection.
        assert_eq!(scene.client.in_flight(), 1);
    }
}

#[test]
fn messages_wait_for_a_connection() {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    scene.publish("t", "a", QoS::AtLeastOnce);
    scene.publish("t", "b", QoS::AtMostOnce);
    scene.publish("t", "c", QoS::ExactlyOnce);
    scene.connect(crate::harness::persistent(ProtocolVersion::V5_0));
    assert_eq!(scene.trace().len(), 1, "only CONNECT");
    scene.accept(false, &[]);
    assert_eq!(
        scene.trace()[2..],
        [
            "* PublishToken(2) sent",
            "C>S PUBLISH id=1 q1 dup=0 retain=0 \"t\" 1 bytes",
            "C>S PUBLISH q0 dup=0 retain=0 \"t\" 1 bytes",
            "C>S PUBLISH id=2 q2 dup=0 retain=0 \"t\" 1 bytes",
        ]
    );
}

#[test]
fn complaint_15_the_queue_is_bounded_by_messages_and_bytes() {
    let config =
        ClientConfig { maximum_queued_messages: 2, maximum_queued_bytes: 10, ..ClientConfig::default() };
    let mut scene = Scene::new(ProtocolVersion::V5_0, config);
    scene.publish("t", "12345", QoS::AtLeastOnce);
    let too_much = message("t", "1234", QoS::AtLeastOnce);
    let rejected = scene.client.publish(scene.now, too_much.clone()).unwrap_err();
    assert_eq!((rejected.reason, rejected.value), (RejectReason::QueueFull, too_much));
    assert!(rejected.reason.is_temporary());
    scene.publish("t", "", QoS::AtLeastOnce);
    let third = scene.client.publish(scene.now, message("t", "", QoS::AtMostOnce));
    assert_eq!(third.unwrap_err().reason, RejectReason::QueueFull);
    // Bytes count until the Server has taken them over.
    scene.reconnect(false, &[]);
    assert_eq!(scene.client.queued(), 0);
    assert!(scene.client.publish(scene.now, message("t", "1234", QoS::AtLeastOnce)).is_err());
    scene.puback(1);
    let qos_2 = message("t", "1234567", QoS::ExactlyOnce);
    let token = scene.client.publish(scene.now, qos_2.clone());
    assert!(token.is_ok());
    assert!(scene.client.publish(scene.now, qos_2.clone()).is_err());
    scene.pubrec(3);
    assert!(scene.client.publish(scene.now, qos_2).is_ok());
}

#[test]
fn one_message_is_taken_whatever_its_size() {
    let config = ClientConfig { maximum_queued_bytes: 1, ..ClientConfig::default() };
    let mut scene = Scene::new(ProtocolVersion::V5_0, config);
    scene.publish("t", "12345", QoS::AtLeastOnce);
    assert!(scene.client.publish(scene.now, message("t", "", QoS::AtLeastOnce)).is_err());
}

#[test]
fn local_limit_of_messages_in_flight() {
    for version in ProtocolVersion::ALL {
        let config = ClientConfig { maximum_in_flight: 2.try_into().unwrap(), ..ClientConfig::default() };
        let mut scene = Scene::connected_with(version, config, &[]);
        for payload in ["a", "b", "c", "d"] {
            scene.publish("t", payload, QoS::ExactlyOnce);
        }
        assert_eq!(scene.trace().len(), 2);
        scene.pubrec(1);
        assert_eq!(scene.trace().len(), 2, "PUBREC gives nothing back");
        scene.pubcomp(1);
        assert_eq!(scene.trace().last().unwrap(), "C>S PUBLISH id=3 q2 dup=0 retain=0 \"t\" 1 bytes");
    }
}

#[test]
fn complaint_04_case_22_packet_identifiers_are_not_reused_while_they_are_in_use() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5_0] {
        let config = ClientConfig { maximum_in_flight: 2.try_into().unwrap(), ..ClientConfig::default() };
        let mut scene = Scene::connected_with(version, config, &[]);
        scene.publish("t", "oldest", QoS::AtLeastOnce);
        scene.trace();
        for round in 0..70_000_u32 {
            scene.publish("t", "x", QoS::AtLeastOnce);
            let trace = scene.trace();
            let id: u16 = trace[0].split(&['=', ' '][..]).nth(3).unwrap().parse().unwrap();
            assert!(id > 1, "round {round}: {}", trace[0]);
            scene.puback(id);
            scene.trace();
        }
    }
}

/// Whatever ends an exchange or a request frees its identifier: at the end all 65,535 can be used at once.
#[test]
fn complaint_04_packet_identifiers_do_not_leak() {
    let config = ClientConfig {
        maximum_queued_messages: 65_535,
        maximum_in_flight: u16::MAX.try_into().unwrap(),
        ..ClientConfig::default()
    };
    let mut scene = Scene::connected_with(ProtocolVersion::V5_0, config, &[]);
    let subscribe = SubscribeRequest::new([("a", QoS::AtMostOnce)]).unwrap();
    let unsubscribe = UnsubscribeRequest::new(["a"]).unwrap();
    scene.publish("t", "puback", QoS::AtLeastOnce);
    scene.publish("t", "pubrec", QoS::ExactlyOnce);
    scene.publish("t", "pubcomp", QoS::ExactlyOnce);
    scene.client.subscribe(scene.now, subscribe.clone()).unwrap();
    scene.client.unsubscribe(scene.now, unsubscribe.clone()).unwrap();
    scene.puback(1);
    scene.pubrec_with(2, PublishReason::QuotaExceeded);
    scene.pubrec(3);
    scene.pubcomp(3);
    let _ = scene.server(Suback::new(id(4), SubackReasons::new(&[SubackReason::GrantedQoS0])));
    let _ = scene.server(Unsuback::new(id(5), UnsubackReasons::new(&[UnsubackReason::Success])));
    scene.publish_message(message("t", "rejected on resume", QoS::AtLeastOnce).with_retain(true));
    scene.publish("t", "lost", QoS::AtLeastOnce);
    scene.client.subscribe(scene.now, subscribe).unwrap();
    scene.client.unsubscribe(scene.now, unsubscribe).unwrap();
    scene.cut();
    scene.reconnect(true, &[Property::RetainAvailable(false)]);
    assert_eq!(scene.client.in_flight(), 1);
    scene.cut();
    scene.reconnect(false, &[]);
    assert_eq!(scene.client.in_flight(), 0);
    for _ in 0..65_535 {
        scene.client.publish(scene.now, message("t", "", QoS::AtLeastOnce)).unwrap();
    }
    scene.look();
    assert_eq!(scene.client.in_flight(), 65_535);
}

/// PUBACKs may come in any order; each names its message.
#[test]
fn complaint_14_outcomes_belong_to_their_messages() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    for payload in ["a", "b", "c"] {
        scene.publish("t", payload, QoS::AtLeastOnce);
    }
    scene.trace();
    scene.puback(3);
    let _ = scene.server(Puback { reason: PublishReason::NoMatchingSubscribers, ..Puback::new(id(1)) });
    scene.puback(2);
    scene.expect(&[
        "S>C PUBACK id=3",
        "* PublishToken(3) acknowledged: Success",
        "S>C PUBACK id=1 0x10 No matching subscribers",
        "* PublishToken(1) acknowledged: No matching subscribers",
        "S>C PUBACK id=2",
        "* PublishToken(2) acknowledged: Success",
    ]);
}
