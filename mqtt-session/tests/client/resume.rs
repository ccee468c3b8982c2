//! What happens to exchanges when connections come and go (section 4.4).

use mqtt_session::codec::{ProtocolVersion, QoS};
use mqtt_session::{ClientConfig, ConnectOptions, Event, PublishOutcome};

use crate::harness::{Scene, message, persistent};

const SESSION_LOST: &str = "the Session was lost before the Server took the message over";

/// One exchange in each state: PUBACK, PUBREC, PUBCOMP awaited, and one message in the queue.
fn interrupted(version: ProtocolVersion) -> Scene {
    let config = ClientConfig { maximum_in_flight: 3.try_into().unwrap(), ..ClientConfig::default() };
    let mut scene = Scene::connected_with(version, config, &[]);
    scene.publish("t", "a", QoS::AtLeastOnce);
    scene.publish("t", "bb", QoS::ExactlyOnce);
    scene.publish("t", "ccc", QoS::ExactlyOnce);
    scene.publish("t", "dddd", QoS::AtLeastOnce);
    scene.pubrec(2);
    scene.cut();
    scene.trace();
    scene
}

/// In the original order, PUBLISH with DUP and the same identifier, PUBREL never back to PUBLISH, and new messages last
/// [MQTT-4.4.0-1] [MQTT-4.6.0-1].
#[test]
fn complaint_07_case_21_a_session_goes_on_in_order() {
    for version in ProtocolVersion::ALL {
        let mut scene = interrupted(version);
        scene.reconnect(version != ProtocolVersion::V3_1, &[]);
        scene.expect(&[
            "C>S PUBLISH id=1 q1 dup=1 retain=0 \"t\" 1 bytes",
            "C>S PUBREL id=2",
            "C>S PUBLISH id=3 q2 dup=1 retain=0 \"t\" 3 bytes",
        ]);
        scene.puback(1);
        scene.expect(&[
            "S>C PUBACK id=1",
            "* PublishToken(1) acknowledged: Success",
            "C>S PUBLISH id=4 q1 dup=0 retain=0 \"t\" 4 bytes",
        ]);
        scene.pubcomp(2);
        scene.pubrec(3);
        scene.pubcomp(3);
        scene.puback(4);
        assert_eq!(scene.client.in_flight(), 0);
        let resolved = scene.trace().iter().filter(|line| line.ends_with("acknowledged: Success")).count();
        assert_eq!(resolved, 3);
    }
}

/// No timer, no PUBACK and no SUBACK sends anything again while a connection lasts.
#[test]
fn complaint_09_nothing_is_sent_again_while_the_connection_lasts() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    scene.publish("t", "a", QoS::AtLeastOnce);
    scene.trace();
    for _ in 0..20 {
        scene.pass(core::time::Duration::from_secs(59));
        let _ = scene.server(mqtt_session::codec::Packet::Pingresp);
    }
    assert!(scene.trace().iter().all(|line| !line.contains("PUBLISH")));
}

/// In 5.0 the messages go back to the application, what was never sent is sent now.
#[test]
fn complaint_06_a_session_is_lost() {
    let mut scene = interrupted(ProtocolVersion::V5_0);
    scene.reconnect(false, &[]);
    scene.expect(&[
        &format!("* PublishToken(1) {SESSION_LOST}"),
        "* PublishToken(2) the Session was lost after the Server took the message over",
        &format!("* PublishToken(3) {SESSION_LOST}"),
        "C>S PUBLISH id=4 q1 dup=0 retain=0 \"t\" 4 bytes",
    ]);
    scene.puback(4);
    assert_eq!(scene.client.in_flight(), 0);
}

#[test]
fn a_lost_message_comes_back_as_it_was() {
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    let original = message("t", "a", QoS::ExactlyOnce).with_retain(true).with_expiry(60);
    let token = scene.publish_message(original.clone());
    scene.client.handle_closed(scene.now);
    scene
        .client
        .connect(scene.now, ConnectOptions { clean_start: true, ..persistent(scene.version) })
        .unwrap();
    let events: Vec<_> = std::iter::from_fn(|| scene.client.poll_event()).collect();
    assert!(
        events.contains(&Event::Published { token, outcome: PublishOutcome::SessionLost(Some(original)) })
    );
}

/// 3.1.1 has no exception from sending again for Session Present 0; for a Server without the Session it is new.
#[test]
fn a_3_1_1_server_without_the_session_is_sent_everything_again() {
    let mut scene = interrupted(ProtocolVersion::V3_1_1);
    scene.reconnect(false, &[]);
    scene.expect(&[
        "C>S PUBLISH id=1 q1 dup=1 retain=0 \"t\" 1 bytes",
        "C>S PUBREL id=2",
        "C>S PUBLISH id=3 q2 dup=1 retain=0 \"t\" 3 bytes",
    ]);
}

#[test]
fn clean_start_gives_the_session_up() {
    for version in ProtocolVersion::ALL {
        let mut scene = interrupted(version);
        scene.connect(ConnectOptions { clean_start: true, ..persistent(version) });
        let trace = scene.trace();
        assert_eq!(trace[0], format!("* PublishToken(1) {SESSION_LOST}"));
        assert_eq!(trace.len(), 4);
        scene.accept(false, &[]);
        assert_eq!(scene.trace()[2], "C>S PUBLISH id=4 q1 dup=0 retain=0 \"t\" 4 bytes");
    }
}

/// [MQTT-3.1.3-2]: under another Client Identifier the Server has another Session, or none.
#[test]
fn another_client_identifier_gives_the_session_up() {
    for version in ProtocolVersion::ALL {
        let mut scene = interrupted(version);
        scene.connect(ConnectOptions { client_id: "other".into(), ..persistent(version) });
        let trace = scene.trace();
        assert_eq!(trace[0], format!("* PublishToken(1) {SESSION_LOST}"));
        assert_eq!(trace.len(), 4);
        scene.accept(false, &[]);
        assert_eq!(scene.trace()[2], "C>S PUBLISH id=4 q1 dup=0 retain=0 \"t\" 4 bytes");
    }
}

/// A Session that ends with its connection leaves nothing open.
#[test]
fn the_end_of_a_short_session_resolves_everything() {
    for version in ProtocolVersion::ALL {
        let mut scene = Scene::new(version, ClientConfig::default());
        scene.connect(ConnectOptions { client_id: "c".into(), ..ConnectOptions::new(version) });
        scene.accept(false, &[]);
        scene.publish("t", "a", QoS::AtLeastOnce);
        scene.trace();
        scene.cut();
        scene.expect(&[&format!("* PublishToken(1) {SESSION_LOST}"), "* the connection was closed"]);
    }
}

/// A connection that is refused, or fails before CONNACK, says nothing about the Session.
#[test]
fn a_connection_without_connack_loses_nothing() {
    let mut scene = interrupted(ProtocolVersion::V5_0);
    scene.connect(persistent(ProtocolVersion::V5_0));
    scene.cut();
    assert_eq!(scene.client.in_flight(), 3);
    scene.trace();
    scene.reconnect(true, &[]);
    assert_eq!(scene.trace().len(), 3);
}

#[test]
fn complaint_10_case_23_resending_respects_a_smaller_receive_maximum() {
    let one = [mqtt_session::codec::Property::ReceiveMaximum(1.try_into().unwrap())];
    let mut scene = Scene::connected(ProtocolVersion::V5_0);
    for payload in ["a", "bb", "ccc"] {
        scene.publish("t", payload, QoS::AtLeastOnce);
    }
    scene.cut();
    scene.trace();
    scene.reconnect(true, &one);
    scene.publish("t", "dddd", QoS::AtLeastOnce);
    scene.expect(&["C>S PUBLISH id=1 q1 dup=1 retain=0 \"t\" 1 bytes"]);
    scene.puback(1);
    assert_eq!(scene.trace()[2], "C>S PUBLISH id=2 q1 dup=1 retain=0 \"t\" 2 bytes");
    scene.puback(2);
    assert_eq!(scene.trace()[2], "C>S PUBLISH id=3 q1 dup=1 retain=0 \"t\" 3 bytes");
    scene.puback(3);
    assert_eq!(scene.trace()[2], "C>S PUBLISH id=4 q1 dup=0 retain=0 \"t\" 4 bytes");
}

/// A Session may be gone on with in another version.
#[test]
fn the_version_may_change_between_connections() {
    let mut scene = interrupted(ProtocolVersion::V3_1_1);
    scene.version = ProtocolVersion::V5_0;
    scene.reconnect(true, &[]);
    assert_eq!(scene.trace()[1], "C>S PUBREL id=2");
}
