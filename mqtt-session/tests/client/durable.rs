//! What survives the end of the program, and what waits for it.

use std::time::Duration;

use mqtt_session::codec::{Connack, ConnackReason, ProtocolVersion, QoS};
use mqtt_session::{
    Client, ClientConfig, ConnectOptions, Event, RestoreFault, StoredState, SubscribeRequest,
};

use crate::harness::{Scene, id, message, persistent};

const V5: ProtocolVersion = ProtocolVersion::V5_0;

/// What the client did, without what the Server sent.
#[track_caller]
fn expect(scene: &mut Scene, expected: &[&str]) {
    let mut trace = scene.trace();
    trace.retain(|line| !line.starts_with("S>C"));
    assert_eq!(trace, expected, "\n{}\n", trace.join("\n"));
}

fn exactly_once(packet_id: u16, dup: bool) -> mqtt_session::codec::Delivery {
    mqtt_session::codec::Delivery::ExactlyOnce { packet_id: id(packet_id), dup }
}

#[test]
fn complaint_18_a_message_leaves_when_it_is_stored() {
    let mut scene = Scene::connected(V5);
    scene.trace();
    scene.store_stalled = true;
    scene.publish("a", "1", QoS::AtLeastOnce);
    // It stands behind the other one, although nothing would be lost with it.
    scene.publish("a", "0", QoS::AtMostOnce);
    expect(&mut scene, &["* PublishToken(2) sent"]);
    assert_eq!(scene.client.transmit().held(), 16);
    scene.catch_up();
    expect(
        &mut scene,
        &[
            r#"C>S PUBLISH id=1 q1 dup=0 retain=0 "a" 1 bytes"#,
            r#"C>S PUBLISH q0 dup=0 retain=0 "a" 1 bytes"#,
        ],
    );
    assert_eq!(scene.client.transmit().held(), 0);
}

#[test]
fn what_depends_on_nothing_waits_for_nothing() {
    let mut scene = Scene::connected(V5);
    scene.trace();
    scene.store_stalled = true;
    scene.publish("a", "0", QoS::AtMostOnce);
    scene.pass(Duration::from_secs(60));
    expect(
        &mut scene,
        &[
            "* PublishToken(1) sent",
            r#"C>S PUBLISH q0 dup=0 retain=0 "a" 1 bytes"#,
            "Pingreq at 59000 ms",
            "C>S PINGREQ",
        ],
    );
}

/// Every answer of QoS 2 waits for what it says.
#[test]
fn complaint_18_no_step_of_qos_2_is_answered_before_it_is_stored() {
    let mut scene = Scene::connected(V5);
    scene.trace();
    scene.store_stalled = true;
    scene.server_publish("a", "in", exactly_once(7, false));
    expect(&mut scene, &[r#"* message q2 dup=0 "a" "in""#]);
    scene.catch_up();
    expect(&mut scene, &["C>S PUBREC id=7"]);
    scene.store_stalled = true;
    scene.pubrel(7);
    expect(&mut scene, &[]);
    scene.catch_up();
    expect(&mut scene, &["C>S PUBCOMP id=7"]);

    scene.publish("a", "out", QoS::ExactlyOnce);
    expect(&mut scene, &[r#"C>S PUBLISH id=1 q2 dup=0 retain=0 "a" 3 bytes"#]);
    scene.store_stalled = true;
    scene.pubrec(1);
    expect(&mut scene, &[]);
    scene.catch_up();
    expect(&mut scene, &["C>S PUBREL id=1"]);
}

#[test]
fn complaint_18_a_restart_resumes_everything_in_order() {
    let mut scene = Scene::connected(V5);
    for (payload, qos) in [("1", QoS::ExactlyOnce), ("2", QoS::AtLeastOnce), ("3", QoS::ExactlyOnce)] {
        scene.publish("a", payload, qos);
    }
    scene.pubrec(1);
    scene.cut();
    let offline = message("b", "4", QoS::AtLeastOnce).with_retain(true).with_expiry(100);
    let offline = offline.with_properties(&[mqtt_session::codec::Property::ContentType("text")]).unwrap();
    scene.publish_message(offline);
    // Nobody promised anything of this one.
    scene.publish("b", "0", QoS::AtMostOnce);
    scene.trace();

    scene.crash(ClientConfig::default());
    let unresolved: Vec<_> = scene
        .client
        .unresolved()
        .map(|(token, message)| {
            (
                format!("{token:?}"),
                message.map(|message| String::from_utf8_lossy(message.payload()).into_owned()),
            )
        })
        .collect();
    let expected = [
        ("PublishToken(1)", None),
        ("PublishToken(2)", Some("2")),
        ("PublishToken(3)", Some("3")),
        ("PublishToken(4)", Some("4")),
    ];
    assert_eq!(unresolved, expected.map(|(token, payload)| (token.to_owned(), payload.map(str::to_owned))));

    scene.pass(Duration::from_secs(30));
    scene.reconnect(true, &[]);
    expect(
        &mut scene,
        &[
            "C>S PUBREL id=1",
            r#"C>S PUBLISH id=2 q1 dup=1 retain=0 "a" 1 bytes"#,
            r#"C>S PUBLISH id=3 q2 dup=1 retain=0 "a" 1 bytes"#,
            r#"C>S PUBLISH id=4 q1 dup=0 retain=1 "b" 1 bytes {Message Expiry Interval=70, Content Type="text"}"#,
        ],
    );
    // Numbers go on.
    scene.publish("c", "5", QoS::AtLeastOnce);
    scene.pubcomp(1);
    scene.puback(2);
    expect(
        &mut scene,
        &[
            r#"C>S PUBLISH id=5 q1 dup=0 retain=0 "c" 1 bytes"#,
            "* PublishToken(1) acknowledged: Success",
            "* PublishToken(2) acknowledged: Success",
        ],
    );
}

#[test]
fn a_received_message_is_known_after_a_restart() {
    let mut scene = Scene::connected(V5);
    scene.server_publish("a", "1", exactly_once(7, false));
    scene.store_stalled = true;
    scene.server_publish("a", "2", exactly_once(8, false));
    scene.trace();
    scene.crash(ClientConfig::default());
    scene.store_stalled = false;
    scene.reconnect(true, &[]);
    scene.server_publish("a", "1", exactly_once(7, true));
    // Its PUBREC has not left, so that the Server sends it again, and it has to be delivered again.
    scene.server_publish("a", "2", exactly_once(8, true));
    expect(&mut scene, &["C>S PUBREC id=7", r#"* message q2 dup=1 "a" "2""#, "C>S PUBREC id=8"]);
    scene.pubrel(7);
    scene.server_publish("a", "3", exactly_once(7, false));
    expect(&mut scene, &["C>S PUBCOMP id=7", r#"* message q2 dup=0 "a" "3""#, "C>S PUBREC id=7"]);
}

/// The application stores what it has made of a message together with the identifier.
#[test]
fn with_manual_acknowledgement_a_message_is_received_when_the_application_says_so() {
    let config = ClientConfig { manual_acknowledgement: true, ..ClientConfig::default() };
    let mut scene = Scene::connected_with(V5, config, &[]);
    let before = scene.store.clone();
    scene.server_publish("a", "1", exactly_once(7, false));
    assert_eq!(scene.store, before);
    let ack = scene.acks.pop().unwrap();
    scene.client.acknowledge(scene.now, ack).unwrap();
    scene.trace();
    scene.look();
    assert_eq!(scene.store.len(), before.len() + 1);
    expect(&mut scene, &["C>S PUBREC id=7"]);
}

#[test]
fn a_lost_session_is_lost_in_the_store_too() {
    let mut scene = Scene::connected(V5);
    scene.publish("a", "1", QoS::AtLeastOnce);
    scene.server_publish("a", "in", exactly_once(7, false));
    scene.cut();
    scene.publish("a", "2", QoS::AtLeastOnce);
    scene.crash(ClientConfig::default());
    scene.trace();
    scene.reconnect(false, &[]);
    expect(
        &mut scene,
        &[
            "* PublishToken(1) the Session was lost before the Server took the message over",
            r#"C>S PUBLISH id=1 q1 dup=0 retain=0 "a" 1 bytes"#,
        ],
    );
    scene.puback(1);
    scene.trace();
    // That there is a Session, and nothing else.
    assert_eq!(scene.store.len(), 1);
    scene.client.disconnect(scene.now, mqtt_session::codec::DisconnectReason::NormalDisconnection);
    scene.connect(mqtt_session::ConnectOptions {
        client_id: "c".into(),
        ..mqtt_session::ConnectOptions::new(V5)
    });
    assert!(scene.store.is_empty());
}

#[test]
fn a_session_that_is_known_may_be_present_after_a_restart() {
    let mut scene = Scene::connected(V5);
    scene.crash(ClientConfig::default());
    scene.trace();
    scene.reconnect(true, &[]);
    expect(&mut scene, &[]);
    // A client that was told nothing does not believe it.
    let mut scene = Scene::connected(V5);
    scene.store = StoredState::default();
    scene.crash(ClientConfig::default());
    scene.store_stalled = true;
    scene.trace();
    scene.connect(persistent(V5));
    let connack = mqtt_session::codec::Connack {
        session_present: true,
        ..mqtt_session::codec::Connack::new(mqtt_session::codec::ConnackReason::Success)
    };
    let _ = scene.server(connack);
    let trace = scene.trace();
    assert!(trace.iter().any(|line| line.contains("Session Present without a Session")), "{trace:?}");
}

/// The Server may have begun the Session when the program ends before it knows.
#[test]
fn complaint_18_the_session_is_stored_before_connect_leaves() {
    for clean_start in [false, true] {
        let mut scene = Scene::new(V5, ClientConfig::default());
        scene.store_stalled = true;
        scene.connect(ConnectOptions { clean_start, ..persistent(V5) });
        expect(&mut scene, &[]);
        scene.catch_up();
        assert_eq!(scene.trace().len(), 1);
        scene.crash(ClientConfig::default());
        scene.reconnect(true, &[]);
        expect(&mut scene, &[]);
        assert!(scene.client.limits().is_some());
    }
}

/// A Server that refuses has begun no Session.
#[test]
fn a_connect_that_is_refused_leaves_no_session() {
    let mut scene = Scene::new(V5, ClientConfig::default());
    scene.connect(persistent(V5));
    assert_eq!(scene.store.len(), 1);
    let _ = scene.server(Connack::new(ConnackReason::ServerBusy));
    assert!(scene.store.is_empty());
    // One that was there before stays.
    scene.reconnect(false, &[]);
    scene.cut();
    scene.connect(persistent(V5));
    let _ = scene.server(Connack::new(ConnackReason::ServerBusy));
    assert_eq!(scene.store.len(), 1);
}

/// The identifiers of a Session that is given up would hide the messages of the next one.
#[test]
fn complaint_18_a_session_that_is_lost_is_forgotten_before_the_next_one_has_messages() {
    let mut scene = Scene::connected(V5);
    scene.server_publish("a", "old", exactly_once(7, false));
    scene.cut();
    scene.store_stalled = true;
    // By the Client.
    scene.trace();
    scene.connect(ConnectOptions { clean_start: true, ..persistent(V5) });
    expect(&mut scene, &[]);
    // By the Server.
    scene.crash(ClientConfig::default());
    scene.reconnect(false, &[]);
    let request = SubscribeRequest::new([("a", QoS::ExactlyOnce)]).unwrap();
    scene.client.subscribe(scene.now, request).unwrap();
    scene.look();
    expect(&mut scene, &[]);
    scene.catch_up();
    expect(&mut scene, &[r#"C>S SUBSCRIBE id=1 "a" q2"#]);
    scene.crash(ClientConfig::default());
    scene.reconnect(true, &[]);
    scene.server_publish("a", "new", exactly_once(7, true));
    expect(&mut scene, &[r#"* message q2 dup=1 "a" "new""#, "C>S PUBREC id=7"]);
}

#[test]
fn damaged_records_are_refused_by_name() {
    let mut scene = Scene::connected(V5);
    scene.publish("a", "1", QoS::ExactlyOnce);
    scene.publish("a", "2", QoS::ExactlyOnce);
    scene.pubrec(1);
    scene.server_publish("a", "in", exactly_once(7, false));
    let records: Vec<(Vec<u8>, Vec<u8>)> =
        scene.store.records().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    let restore = |records: &[(Vec<u8>, Vec<u8>)]| {
        let records = records.iter().map(|(key, value)| (key, value));
        Client::restore(ClientConfig::default(), records).map(drop)
    };
    assert_eq!(restore(&records), Ok(()));
    for (at, (key, value)) in records.iter().enumerate() {
        for bit in 0..value.len() * 8 {
            let mut damaged = records.clone();
            damaged[at].1[bit / 8] ^= 1 << (bit % 8);
            let error = restore(&damaged).unwrap_err();
            assert_eq!((&error.key, error.fault), (key, RestoreFault::Checksum), "bit {bit}");
        }
        for bit in 0..key.len() * 8 {
            let mut damaged = records.clone();
            damaged[at].0[bit / 8] ^= 1 << (bit % 8);
            assert!(restore(&damaged).is_err(), "bit {bit} of the key {key:02X?}");
        }
        let mut damaged = records.clone();
        damaged[at].1.pop();
        assert_eq!(restore(&damaged).unwrap_err().fault, RestoreFault::Checksum);
        let mut swapped = records.clone();
        swapped.reverse();
        assert!(restore(&swapped).is_err());
    }
    // An exchange whose message is missing is no exchange.
    let without_message: Vec<_> = records.iter().filter(|(key, _)| key[0] != 3).cloned().collect();
    assert_eq!(restore(&without_message).unwrap_err().fault, RestoreFault::Inconsistent);
}

/// In memory, nothing is told and nothing waits.
#[test]
fn a_client_that_is_not_durable_tells_nothing() {
    let mut client = Client::new(ClientConfig::default());
    let now = mqtt_session::Instant::from_millis(0);
    client.publish(now, message("a", "1", QoS::ExactlyOnce)).unwrap();
    client.connect(now, persistent(V5)).unwrap();
    while let Some(event) = client.poll_event() {
        assert!(!matches!(event, Event::Persist(_)));
    }
    // The message, and the Session that CONNECT may begin.
    assert_eq!(client.stored_state().len(), 2);
}

/// The Server had forgotten its half of the Session, and the half that came back from the store took new messages for
/// repeats.
#[test]
fn a_clean_start_leaves_when_the_state_is_gone_from_the_store() {
    let mut scene = Scene::connected(V5);
    scene.server_publish("a", "1", exactly_once(1, false));
    scene.cut();
    scene.trace();
    scene.store_stalled = true;
    scene.connect(ConnectOptions { clean_start: true, ..persistent(V5) });
    expect(&mut scene, &[]);
    scene.catch_up();
    expect(
        &mut scene,
        &[
            r#"C>S CONNECT v5.0 "c" clean_start=1 keep_alive=60 {Session Expiry Interval=3600, Maximum Packet Size=16777216}"#,
        ],
    );
}
