//! Keep Alive (section 3.1.2.10).

use std::time::Duration;

use mqtt_session::codec::{Delivery, Packet, Property, ProtocolVersion, QoS};
use mqtt_session::{ClientConfig, ConnectOptions};

use crate::harness::{Scene, id, persistent};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn silence_is_broken_before_the_keep_alive_ends() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::connected(version);
        scene.pass(59 * SECOND);
        scene.expect(&["Pingreq at 59000 ms", "C>S PINGREQ"]);
        let _ = scene.server(Packet::Pingresp);
        scene.trace();
        scene.pass(59 * SECOND);
        scene.expect(&["Pingreq at 118000 ms", "C>S PINGREQ"]);
    }
}

#[test]
fn complaint_12_only_what_is_sent_counts() {
    let mut scene = Scene::connected(ProtocolVersion::V3_1_1);
    scene.pass(30 * SECOND);
    scene.publish("t", "x", QoS::AtMostOnce);
    scene.pass(20 * SECOND);
    scene.server_publish("t", "x", Delivery::AtMostOnce);
    scene.trace();
    scene.pass(38 * SECOND);
    scene.expect(&[]);
    // PUBACK counts like PUBLISH.
    scene.server_publish("t", "x", Delivery::AtLeastOnce { packet_id: id(1), dup: false });
    scene.trace();
    scene.pass(58 * SECOND);
    scene.expect(&[]);
    scene.pass(SECOND);
    scene.expect(&["Pingreq at 147000 ms", "C>S PINGREQ"]);
}

#[test]
fn complaint_12_a_pingreq_without_answer_ends_the_connection() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.pass(60 * SECOND);
    scene.server_publish("t", "x", Delivery::AtMostOnce);
    scene.trace();
    scene.pass(9 * SECOND);
    scene.expect(&["Pingresp at 69000 ms", "* no PINGRESP in time"]);
    assert_eq!(scene.client.poll_timeout(), None);
}

#[test]
fn complaint_12_the_server_may_set_the_keep_alive() {
    let server = |seconds| {
        Scene::connected_with(
            ProtocolVersion::V5_0,
            ClientConfig::default(),
            &[Property::ServerKeepAlive(seconds)],
        )
    };
    let mut scene = server(10);
    scene.pass(9 * SECOND);
    scene.expect(&["Pingreq at 9000 ms", "C>S PINGREQ"]);
    assert_eq!(server(0).client.poll_timeout(), None);
}

#[test]
fn zero_turns_it_off() {
    let mut scene = Scene::new(ProtocolVersion::V3_1, ClientConfig::default());
    scene.connect(ConnectOptions { keep_alive: 0, ..persistent(ProtocolVersion::V3_1) });
    scene.accept(false, &[]);
    assert_eq!(scene.client.poll_timeout(), None);
}

/// A machine that was suspended asks once, and waits for the answer.
#[test]
fn complaint_12_a_late_timer_fires_once() {
    let mut scene = Scene::connected(ProtocolVersion::V3_1_1);
    scene.now = scene.now + 10_000 * SECOND;
    scene.client.handle_timeout(scene.now);
    scene.client.handle_timeout(scene.now);
    scene.look();
    scene.expect(&["C>S PINGREQ"]);
    scene.pass(10 * SECOND);
    scene.expect(&["Pingresp at 10010000 ms", "* no PINGRESP in time"]);
}
