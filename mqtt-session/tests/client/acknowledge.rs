//! Manual acknowledgement.

use mqtt_session::codec::{Delivery, ProtocolVersion};
use mqtt_session::{ClientConfig, StaleToken};

use crate::harness::{Scene, id};

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
fn acknowledgements_leave_in_the_order_of_the_messages() {
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
fn a_token_does_not_survive_its_connection() {
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
