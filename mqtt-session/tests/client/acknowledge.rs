//! Manual acknowledgement.

use mqtt_session::codec::{Delivery, ProtocolVersion, PublishReason};
use mqtt_session::{ClientConfig, StaleToken};

use crate::harness::{Scene, V3, id};

fn scene(version: ProtocolVersion) -> Scene {
    let config = ClientConfig { manual_acknowledgement: true, ..ClientConfig::default() };
    Scene::connected_with(version, config, &[])
}

fn deliver(scene: &mut Scene, packet_id: u16, exactly_once: bool) {
    let packet_id = id(packet_id);
    scene.server_publish(
        "t",
        "x",
        if exactly_once {
            Delivery::ExactlyOnce { packet_id, dup: false }
        } else {
            Delivery::AtLeastOnce { packet_id, dup: false }
        },
    );
}

/// Given in any order, they leave in the order of the messages [MQTT-4.6.0-2] [MQTT-4.6.0-3].
#[test]
fn complaint_13_acknowledgements_leave_in_the_order_of_the_messages() {
    for version in ProtocolVersion::ALL {
        let mut scene = scene(version);
        deliver(&mut scene, 30, false);
        deliver(&mut scene, 20, true);
        deliver(&mut scene, 10, false);
        scene.trace();
        let [first, second, third] = <[_; 3]>::try_from(std::mem::take(&mut scene.acks)).unwrap();
        scene.client.acknowledge(scene.now, third).unwrap();
        scene.look();
        scene.expect(&[]);
        scene.client.acknowledge(scene.now, first).unwrap();
        scene.look();
        scene.expect(&["C>S PUBACK id=30"]);
        scene.client.acknowledge(scene.now, second).unwrap();
        scene.look();
        scene.expect(&["C>S PUBREC id=20", "C>S PUBACK id=10"]);
    }
}

#[test]
fn complaint_13_a_token_does_not_survive_its_connection() {
    let mut scene = scene(ProtocolVersion::V5_0);
    deliver(&mut scene, 1, false);
    deliver(&mut scene, 2, true);
    scene.cut();
    let [first, second] = <[_; 2]>::try_from(std::mem::take(&mut scene.acks)).unwrap();
    assert_eq!(scene.client.acknowledge(scene.now, first), Err(StaleToken));
    scene.reconnect(true, &[]);
    scene.trace();
    // The Server sends them again: nobody had taken them over.
    deliver(&mut scene, 1, false);
    deliver(&mut scene, 2, true);
    assert_eq!(scene.client.acknowledge(scene.now, second), Err(StaleToken));
    scene.look();
    scene.expect(&[
        "S>C PUBLISH id=1 q1 dup=0 retain=0 \"t\" 1 bytes",
        "* message q1 dup=0 \"t\" \"x\"",
        "S>C PUBLISH id=2 q2 dup=0 retain=0 \"t\" 1 bytes",
        "* message q2 dup=0 \"t\" \"x\"",
    ]);
    assert_eq!(scene.acks.len(), 2);
}

/// A message that was acknowledged is not delivered again, even when its PUBREC could not leave.
#[test]
fn an_acknowledged_qos_2_message_is_not_delivered_again() {
    let mut scene = scene(ProtocolVersion::V5_0);
    deliver(&mut scene, 1, false);
    deliver(&mut scene, 2, true);
    let second = scene.acks.pop().unwrap();
    scene.client.acknowledge(scene.now, second).unwrap();
    scene.cut();
    scene.reconnect(true, &[]);
    scene.trace();
    deliver(&mut scene, 2, true);
    scene.expect(&["S>C PUBLISH id=2 q2 dup=0 retain=0 \"t\" 1 bytes", "C>S PUBREC id=2"]);
}

/// A Server that repeats a message while it waits for the acknowledgement.
#[test]
fn a_repeat_before_the_acknowledgement_is_not_delivered() {
    for version in ProtocolVersion::ALL {
        let mut scene = scene(version);
        deliver(&mut scene, 1, false);
        scene.trace();
        deliver(&mut scene, 1, false);
        let publish = "S>C PUBLISH id=1 q1 dup=0 retain=0 \"t\" 1 bytes";
        if version == ProtocolVersion::V5_0 {
            scene.expect(&[publish, "C>S PUBACK id=1 0x91 Packet identifier in use"]);
        } else {
            scene.expect(&[publish]);
        }
        let token = scene.acks.pop().unwrap();
        scene.client.acknowledge(scene.now, token).unwrap();
        scene.look();
        scene.expect(&["C>S PUBACK id=1"]);
    }
}

/// In 5.0 a message may be refused: PUBREC of 0x80 or above ends its exchange, and the identifier is free. In 3.x it is
/// acknowledged for all that [MQTT-4.3.3-8].
#[test]
fn a_message_may_be_refused() {
    for version in ProtocolVersion::ALL {
        let mut scene = scene(version);
        deliver(&mut scene, 1, false);
        deliver(&mut scene, 2, true);
        scene.trace();
        for token in std::mem::take(&mut scene.acks) {
            scene.client.acknowledge_with(scene.now, token, PublishReason::QuotaExceeded).unwrap();
        }
        scene.look();
        let is_v5 = version == ProtocolVersion::V5_0;
        let reason = if is_v5 { " 0x97 Quota exceeded" } else { "" };
        scene.expect(&[&format!("C>S PUBACK id=1{reason}"), &format!("C>S PUBREC id=2{reason}")]);
        deliver(&mut scene, 2, true);
        let publish = "S>C PUBLISH id=2 q2 dup=0 retain=0 \"t\" 1 bytes";
        scene.expect(&[publish, if is_v5 { "* message q2 dup=0 \"t\" \"x\"" } else { "C>S PUBREC id=2" }]);
    }
}

/// [MQTT-3.4.2-1] [MQTT-3.5.2-1]
#[test]
fn a_reason_of_servers_is_not_sent() {
    let mut scene = scene(ProtocolVersion::V5_0);
    deliver(&mut scene, 1, false);
    scene.trace();
    let token = scene.acks.pop().unwrap();
    scene.client.acknowledge_with(scene.now, token, PublishReason::NoMatchingSubscribers).unwrap();
    scene.look();
    scene.expect(&["C>S PUBACK id=1"]);
}

/// The PUBACK that is due answers no QoS 2 PUBLISH, and the PUBREC no QoS 1 PUBLISH.
#[test]
fn a_message_of_another_qos_is_no_repeat() {
    for version in V3 {
        for exactly_once in [false, true] {
            let mut scene = scene(version);
            deliver(&mut scene, 1, exactly_once);
            deliver(&mut scene, 1, !exactly_once);
            assert_eq!(
                scene.trace().last().unwrap(),
                "* the Server broke the protocol: a Packet Identifier that is in use"
            );
        }
    }
}
