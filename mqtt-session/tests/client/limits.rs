//! What the Server's CONNACK allows, Message Expiry, and how much may wait.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{Delivery, Property, ProtocolVersion, QoS};
use mqtt_session::{ClientConfig, Message, Received, RejectReason, Timer};

use crate::harness::{Scene, id, message, persistent};

fn connected(property: Property<'_>) -> Scene {
    Scene::connected_with(ProtocolVersion::V5_0, ClientConfig::default(), &[property])
}

#[test]
fn complaint_10_case_23_the_receive_maximum_of_the_server_is_kept() {
    let mut scene = connected(Property::ReceiveMaximum(1.try_into().unwrap()));
    scene.publish("t", "a", QoS::AtLeastOnce);
    scene.publish("t", "bb", QoS::ExactlyOnce);
    scene.publish("t", "ccc", QoS::AtLeastOnce);
    scene.expect(&["C>S PUBLISH id=1 q1 dup=0 retain=0 \"t\" 1 bytes"]);
    scene.puback(1);
    assert_eq!(scene.trace()[2..], ["C>S PUBLISH id=2 q2 dup=0 retain=0 \"t\" 2 bytes"]);
    scene.pubrec(2);
    assert_eq!(scene.trace().len(), 2);
    scene.pubcomp(2);
    assert_eq!(scene.trace()[2..], ["C>S PUBLISH id=3 q1 dup=0 retain=0 \"t\" 3 bytes"]);
    // An acknowledgement of nothing gives nothing.
    scene.publish("t", "dddd", QoS::AtLeastOnce);
    scene.puback(2);
    assert_eq!(scene.trace().len(), 1);
}

#[test]
fn what_the_server_does_not_take_is_refused_here() {
    let retained = || message("t", "a", QoS::AtMostOnce).with_retain(true);
    for (property, message, reason) in [
        (
            Property::MaximumQoS(QoS::AtLeastOnce),
            message("t", "a", QoS::ExactlyOnce),
            RejectReason::QoSNotSupported,
        ),
        (Property::RetainAvailable(false), retained(), RejectReason::RetainNotSupported),
        (
            Property::MaximumPacketSize(10.try_into().unwrap()),
            message("t", "123456", QoS::AtMostOnce),
            RejectReason::PacketTooLarge,
        ),
    ] {
        let mut scene = connected(property);
        let rejected = scene.client.publish(scene.now, message.clone()).unwrap_err();
        assert_eq!((rejected.reason, rejected.value), (reason, message.clone()));
        // The same message from the queue, and on a resumed Session.
        let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
        scene.publish_message(message.clone());
        scene.reconnect(false, &[property]);
        scene.expect(&[&format!("* PublishToken(1) not sent: {reason}")]);
        if message.qos() == QoS::AtMostOnce {
            continue;
        }
        scene.cut();
        scene.reconnect(true, &[]);
        scene.publish_message(message.clone());
        scene.cut();
        scene.trace();
        scene.reconnect(true, &[property]);
        let told = format!("* PublishToken(2) not sent: {reason}");
        if message.qos() == QoS::ExactlyOnce {
            scene.expect(&[&told, "C>S PUBREL id=2"]);
            scene.pubcomp(2);
            scene.expect(&["S>C PUBCOMP id=2"]);
        } else {
            scene.expect(&[&told]);
        }
        assert_eq!(scene.client.in_flight(), 0);
    }
}

#[test]
fn the_limits_are_those_of_the_connection() {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    assert_eq!(scene.client.limits(), None);
    scene.connect(persistent(ProtocolVersion::V5_0));
    assert_eq!(scene.client.limits(), None);
    scene.accept(false, &[Property::MaximumQoS(QoS::AtLeastOnce), Property::ServerKeepAlive(7)]);
    let limits = scene.client.limits().unwrap();
    assert_eq!(
        (limits.maximum_qos, limits.keep_alive, limits.receive_maximum),
        (QoS::AtLeastOnce, 7, 65_535)
    );
    scene.cut();
    assert_eq!(scene.client.limits(), None);
}

/// A message that was sent, and not acknowledged, is not sent again to a Server that does not take it, and its identifier
/// is free again; nor does one that was never sent keep an identifier.
#[test]
fn complaint_16_case_27_a_message_that_is_too_large_keeps_no_identifier() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.publish("t", "12345", QoS::AtLeastOnce);
    scene.cut();
    scene.publish("t", "12345", QoS::ExactlyOnce);
    scene.publish("t", "1", QoS::AtLeastOnce);
    scene.trace();
    scene.reconnect(true, &[Property::MaximumPacketSize(10.try_into().unwrap())]);
    scene.expect(&[
        "* PublishToken(1) not sent: larger than the Server's Maximum Packet Size",
        "* PublishToken(2) not sent: larger than the Server's Maximum Packet Size",
        "C>S PUBLISH id=3 q1 dup=0 retain=0 \"t\" 1 bytes",
    ]);
    assert_eq!((scene.client.in_flight(), scene.client.queued()), (1, 0));
    scene.puback(3);
    scene.trace();
    // Each of the 65,535 identifiers in turn.
    for packet_id in (4..=u16::MAX).chain(1..=3) {
        scene.publish("t", "1", QoS::AtLeastOnce);
        scene.expect(&[&format!("C>S PUBLISH id={packet_id} q1 dup=0 retain=0 \"t\" 1 bytes")]);
        scene.puback(packet_id);
        scene.trace();
    }
}

/// The Server may have the message under this identifier, and would take the next one for a repeat. Its outcome is told once,
/// whatever happens to the connection, to the program, and to the Session.
#[test]
fn complaint_16_a_message_that_has_become_too_large_is_released() {
    let small = [Property::MaximumPacketSize(10.try_into().unwrap())];
    let told = "* PublishToken(1) not sent: larger than the Server's Maximum Packet Size";
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.publish("t", "12345", QoS::ExactlyOnce);
    scene.cut();
    scene.trace();
    scene.reconnect(true, &small);
    scene.expect(&[told, "C>S PUBREL id=1"]);
    assert_eq!((scene.client.in_flight(), scene.client.unresolved().count()), (1, 0));
    scene.crash(ClientConfig::default());
    assert_eq!((scene.client.in_flight(), scene.client.unresolved().count()), (1, 0));
    scene.trace();
    scene.reconnect(true, &small);
    scene.expect(&["C>S PUBREL id=1"]);
    scene.publish("t", "1", QoS::ExactlyOnce);
    scene.expect(&["C>S PUBLISH id=2 q2 dup=0 retain=0 \"t\" 1 bytes"]);
    scene.pubcomp(1);
    scene.expect(&["S>C PUBCOMP id=1"]);
    assert_eq!(scene.client.in_flight(), 1);
    // A Session that is lost does not tell it again either.
    scene.cut();
    scene.publish("t", "12345", QoS::ExactlyOnce);
    scene.reconnect(true, &[]);
    scene.cut();
    scene.trace();
    scene.reconnect(true, &small);
    scene.cut();
    let trace = scene.trace();
    assert_eq!(trace.iter().filter(|line| line.contains("PublishToken(3)")).count(), 1, "{trace:?}");
    scene.reconnect(false, &[]);
    let trace = scene.trace();
    assert!(!trace.iter().any(|line| line.contains("PublishToken(3)")), "{trace:?}");
}

/// 10 bytes: header 2, topic 3, Property Length 1, payload 4.
#[test]
fn the_maximum_packet_size_counts_the_whole_packet() {
    let mut scene = connected(Property::MaximumPacketSize(10.try_into().unwrap()));
    scene.publish("t", "1234", QoS::AtMostOnce);
    assert!(scene.client.publish(scene.now, message("t", "12345", QoS::AtMostOnce)).is_err());
    assert!(scene.client.publish(scene.now, message("t", "123", QoS::AtLeastOnce)).is_err());
    assert!(scene.client.publish(scene.now, message("t", "", QoS::AtMostOnce).with_expiry(1)).is_err());
    assert_eq!(scene.trace()[1], "C>S PUBLISH q0 dup=0 retain=0 \"t\" 4 bytes");
}

#[test]
fn an_alias_is_left_out_where_it_does_not_fit() {
    let config = ClientConfig { use_topic_aliases: true, ..ClientConfig::default() };
    let mut scene = Scene::connected_with(
        ProtocolVersion::V5_0,
        config,
        &[Property::MaximumPacketSize(10.try_into().unwrap()), Property::TopicAliasMaximum(5)],
    );
    scene.publish("t", "1234", QoS::AtMostOnce);
    assert_eq!(scene.trace()[1], "C>S PUBLISH q0 dup=0 retain=0 \"t\" 4 bytes");
    // And so stands for nothing yet.
    scene.publish("t", "1", QoS::AtMostOnce);
    assert_eq!(scene.trace()[1], "C>S PUBLISH q0 dup=0 retain=0 \"t\" 1 bytes {Topic Alias=1}");
    scene.publish("t", "1234", QoS::AtMostOnce);
    assert_eq!(scene.trace()[1], "C>S PUBLISH q0 dup=0 retain=0 \"t\" 4 bytes");
}

/// A Server that takes no packet of four bytes cannot be answered.
#[test]
fn an_answer_that_does_not_fit_ends_the_connection() {
    let mut scene = connected(Property::MaximumPacketSize(3.try_into().unwrap()));
    scene.server_publish("t", "", Delivery::AtLeastOnce { packet_id: id(1), dup: false });
    assert_eq!(
        scene.trace()[2..],
        ["* the Server broke the protocol: its Maximum Packet Size leaves no room for an answer"]
    );
}

fn expiring(seconds: u32, qos: QoS) -> Message {
    message("t", "a", qos).with_expiry(seconds)
}

#[test]
fn complaint_19_the_time_in_the_queue_counts_against_the_message_expiry() {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    scene.publish_message(expiring(10, QoS::AtLeastOnce));
    scene.publish_message(expiring(3, QoS::AtLeastOnce));
    scene.pass(Duration::from_millis(500));
    scene.publish_message(expiring(3, QoS::AtLeastOnce));
    scene.publish_message(expiring(4, QoS::AtMostOnce));
    // The last millisecond is too late.
    scene.pass(Duration::from_secs(3));
    scene.reconnect(false, &[]);
    scene.expect(&[
        "* PublishToken(2) expired before it could be sent",
        "* PublishToken(3) expired before it could be sent",
        "* PublishToken(4) sent",
        "C>S PUBLISH id=1 q1 dup=0 retain=0 \"t\" 1 bytes {Message Expiry Interval=7}",
        "C>S PUBLISH q0 dup=0 retain=0 \"t\" 1 bytes {Message Expiry Interval=1}",
    ]);
    // What has been sent runs on to its end, with no time left.
    scene.cut();
    scene.trace();
    scene.pass(Duration::from_secs(60));
    scene.reconnect(true, &[]);
    scene.expect(&["C>S PUBLISH id=1 q1 dup=1 retain=0 \"t\" 1 bytes {Message Expiry Interval=0}"]);
}

#[test]
fn an_interval_of_zero_is_for_now_or_never() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.publish_message(expiring(0, QoS::AtMostOnce));
    assert_eq!(scene.trace()[1], "C>S PUBLISH q0 dup=0 retain=0 \"t\" 1 bytes {Message Expiry Interval=0}");
    scene.cut();
    scene.publish_message(expiring(0, QoS::AtMostOnce));
    scene.pass(Duration::from_millis(1));
    scene.trace();
    scene.reconnect(true, &[]);
    scene.expect(&["* PublishToken(2) expired before it could be sent"]);
}

/// 3.x has no such property; the interval holds here all the same.
#[test]
fn version_3_applies_the_interval_and_does_not_send_it() {
    let mut scene = Scene::new(ProtocolVersion::V3_1_1, ClientConfig::default());
    scene.publish_message(expiring(10, QoS::AtMostOnce));
    scene.publish_message(expiring(1, QoS::AtMostOnce));
    scene.pass(Duration::from_secs(5));
    scene.reconnect(false, &[]);
    scene.expect(&[
        "* PublishToken(1) sent",
        "* PublishToken(2) expired before it could be sent",
        "C>S PUBLISH q0 dup=0 retain=0 \"t\" 1 bytes",
    ]);
}

/// The queue stops at the limit. Input, which only its answers can fill, stops at twice the limit.
#[test]
fn complaint_15_a_writer_that_is_slow_stops_the_queue_and_then_input() {
    let config = ClientConfig { transmit_limit: 100, ..ClientConfig::default() };
    let mut scene = Scene::connected_with(ProtocolVersion::V3_1_1, config, &[]);
    let payload = "x".repeat(60);
    for _ in 0..5 {
        scene.client.publish(scene.now, message("t", &payload, QoS::AtMostOnce)).unwrap();
    }
    // The limit and one packet.
    assert_eq!(scene.client.transmit().remaining(), 130);
    assert_eq!(scene.client.queued(), 3);
    // 18 answers of 4 bytes reach 200.
    let mut input = BytesMut::new();
    for packet_id in 1..=20 {
        input.extend_from_slice(&[0x32, 5, 0, 1, b't', 0, packet_id]);
    }
    assert_eq!(scene.client.handle_input(scene.now, &mut input), Received::Paused);
    assert_eq!(input.len(), 2 * 7);
    assert_eq!(scene.client.transmit().remaining(), 130 + 18 * 4);
    // Less than twice the limit: input goes on, and the queue does not.
    scene.client.transmit().advance(65);
    assert_eq!(scene.client.handle_input(scene.now, &mut input), Received::NeedData(1));
    assert_eq!(scene.client.transmit().remaining(), 65 + 20 * 4);
    assert_eq!(scene.client.queued(), 3);
    // Room is made, and filled again.
    scene.client.transmit().advance(65);
    assert_eq!(scene.client.transmit().remaining(), 20 * 4 + 65);
    assert_eq!(scene.client.queued(), 2);
}

/// A writer that takes what waits only twice in a Keep Alive interval, and a queue that fills the room at once.
#[test]
fn a_long_queue_does_not_keep_pingresp_out() {
    let config = ClientConfig { transmit_limit: 100, ..ClientConfig::default() };
    let mut scene = Scene::connected_with(ProtocolVersion::V3_1_1, config, &[]);
    let payload = "x".repeat(60);
    for _ in 0..100 {
        scene.client.publish(scene.now, message("t", &payload, QoS::AtMostOnce)).unwrap();
    }
    for _ in 0..10 {
        // The writer stalls until PINGREQ is due, and for some seconds more.
        let (deadline, timer) = scene.client.poll_timeout().unwrap();
        assert_eq!(timer, Timer::Pingreq);
        scene.client.handle_timeout(deadline);
        scene.now = deadline + Duration::from_secs(5);
        assert_eq!(scene.client.poll_timeout().unwrap().1, Timer::Pingresp);
        for _ in 0..scene.client.transmit().remaining() {
            scene.client.transmit().advance(1);
        }
        assert!(scene.client.transmit().remaining() >= 100, "filled again");
        let mut input = BytesMut::from(&b"\xD0\x00"[..]);
        assert_eq!(scene.client.handle_input(scene.now, &mut input), Received::NeedData(1));
        assert!(input.is_empty());
    }
    assert!(scene.client.queued() > 0);
    assert_eq!(scene.client.version(), Some(ProtocolVersion::V3_1_1));
}
