//! Enhanced authentication (section 4.12).

use std::time::Duration;

use mqtt_session::codec::{
    Auth, AuthProperties, AuthReason, ConnackReason, DisconnectReason, Packet, Property, ProtocolVersion, QoS,
};
use mqtt_session::{
    AuthStep, Authentication, ClientConfig, ClientError, ConnectOptions, Explanation, RejectReason,
    SubscribeRequest, Timer,
};

use crate::harness::{Scene, V3, message, persistent};

const METHOD: Property<'_> = Property::AuthenticationMethod("M");

fn options() -> ConnectOptions {
    ConnectOptions {
        authentication: Some(Authentication::new("M", "first")),
        ..persistent(ProtocolVersion::V5_0)
    }
}

fn connecting() -> Scene {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    scene.connect(options());
    scene.trace();
    scene
}

fn connected() -> Scene {
    let mut scene = connecting();
    scene.accept(false, &[METHOD]);
    scene.trace();
    scene
}

fn auth(scene: &mut Scene, reason: AuthReason, properties: &[Property<'_>]) {
    let properties = AuthProperties::new(properties).unwrap();
    let _ = scene.server(Auth { reason, properties });
}

fn ask(scene: &mut Scene) {
    auth(scene, AuthReason::ContinueAuthentication, &[METHOD, Property::AuthenticationData(b"nonce")]);
}

fn answer(scene: &mut Scene, data: &'static str) {
    scene.client.authenticate(scene.now, &AuthStep::new(data)).unwrap();
    scene.look();
}

/// [MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-5]: any number of steps, then CONNACK.
#[test]
fn an_exchange_ends_with_connack() {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    scene.connect(options());
    ask(&mut scene);
    answer(&mut scene, "proof");
    ask(&mut scene);
    answer(&mut scene, "more");
    scene.accept(false, &[METHOD, Property::AuthenticationData(b"server proof")]);
    scene.expect(&[
        "C>S CONNECT v5.0 \"c\" clean_start=0 keep_alive=60 {Session Expiry Interval=3600, Maximum Packet Size=16777216, \
         Authentication Method=\"M\", Authentication Data=***}",
        "S>C AUTH 0x18 Continue authentication {Authentication Method=\"M\", Authentication Data=***}",
        "* challenge \"nonce\"",
        "C>S AUTH 0x18 Continue authentication {Authentication Method=\"M\", Authentication Data=***}",
        "S>C AUTH 0x18 Continue authentication {Authentication Method=\"M\", Authentication Data=***}",
        "* challenge \"nonce\"",
        "C>S AUTH 0x18 Continue authentication {Authentication Method=\"M\", Authentication Data=***}",
        "S>C CONNACK session_present=0 0x00 Success {Authentication Method=\"M\", Authentication Data=***}",
        "* connected as \"c\" session_present=0 data=\"server proof\"",
    ]);
}

/// [MQTT-4.12.0-4]: a refusal may come at any step, and need not name the method.
#[test]
fn an_exchange_can_fail_at_any_step() {
    for steps in 0..3 {
        let mut scene = connecting();
        for _ in 0..steps {
            ask(&mut scene);
            answer(&mut scene, "proof");
        }
        scene.trace();
        let refusal = mqtt_session::codec::Connack::new(ConnackReason::NotAuthorized);
        let _ = scene.server(refusal);
        scene.expect(&[
            "S>C CONNACK session_present=0 0x87 Not authorized",
            "* connection refused: Not authorized",
        ]);
    }
}

/// [MQTT-3.1.2-30]: nothing but AUTH and DISCONNECT before CONNACK.
#[test]
fn only_auth_and_disconnect_are_sent_before_connack() {
    let mut scene = connecting();
    ask(&mut scene);
    scene.trace();
    scene.client.publish(scene.now, message("t", "a", QoS::AtMostOnce)).unwrap();
    let subscribe = SubscribeRequest::new([("t", QoS::AtMostOnce)]).unwrap();
    let refused = scene.client.subscribe(scene.now, subscribe).unwrap_err();
    assert_eq!(refused.reason, RejectReason::NotConnected);
    scene.pass(Duration::from_secs(29));
    scene.expect(&[]);
    scene.client.disconnect(scene.now, DisconnectReason::NormalDisconnection);
    scene.look();
    scene.expect(&["* disconnected", "C>S DISCONNECT 0x00 Normal disconnection"]);
}

/// Each step has the time of CONNACK again, and there are not more of them than the configuration allows.
#[test]
fn the_exchange_has_bounds() {
    let config = ClientConfig { maximum_authentication_steps: 2, ..ClientConfig::default() };
    let mut scene = Scene::new(ProtocolVersion::V5_0, config.clone());
    scene.connect(options());
    for _ in 0..2 {
        scene.pass(Duration::from_secs(20));
        ask(&mut scene);
        scene.pass(Duration::from_secs(20));
        answer(&mut scene, "proof");
    }
    let (deadline, timer) = scene.client.poll_timeout().unwrap();
    assert_eq!((deadline.duration_since(scene.now), timer), (config.connack_timeout, Timer::Connack));
    scene.trace();
    ask(&mut scene);
    assert_eq!(
        scene.trace()[1..],
        [
            "* the Server broke the protocol: an authentication exchange without end",
            "C>S DISCONNECT 0x97 Quota exceeded",
        ]
    );

    for answers in [false, true] {
        let mut scene = connecting();
        ask(&mut scene);
        if answers {
            answer(&mut scene, "proof");
        }
        scene.trace();
        scene.pass(Duration::from_secs(30));
        scene.expect(&["Connack at 30000 ms", "* no CONNACK in time"]);
    }
}

/// Where it begins, what the Server does, and what is wrong with it.
type Case = (fn() -> Scene, fn(&mut Scene), &'static str);

/// [MQTT-4.12.0-5] [MQTT-4.12.0-6] [MQTT-3.15.2-1]: another method, or a step at the wrong time.
#[test]
fn a_server_that_breaks_the_exchange_is_told() {
    const OTHER: Property<'_> = Property::AuthenticationMethod("N");
    const MISMATCH: &str = "not the Authentication Method of CONNECT";
    const TURN: &str = "a step of an authentication exchange out of turn";
    let cases: [Case; 11] = [
        (connecting, |scene| auth(scene, AuthReason::ContinueAuthentication, &[OTHER]), MISMATCH),
        (connecting, |scene| scene.accept(false, &[OTHER]), MISMATCH),
        (connecting, |scene| scene.accept(false, &[]), MISMATCH),
        (connecting, |scene| auth(scene, AuthReason::Success, &[METHOD]), TURN),
        // It does not wait for the answer.
        (connecting, |scene| (ask(scene), ask(scene)).1, TURN),
        (connecting, |scene| (ask(scene), scene.accept(false, &[METHOD])).1, TURN),
        // Only the Client begins another exchange.
        (connected, ask, TURN),
        (connected, |scene| auth(scene, AuthReason::Success, &[METHOD]), TURN),
        (
            connected,
            |scene| {
                scene.client.reauthenticate(scene.now, &AuthStep::default()).unwrap();
                auth(scene, AuthReason::Success, &[OTHER]);
            },
            MISMATCH,
        ),
        (
            connected,
            |scene| {
                scene.client.reauthenticate(scene.now, &AuthStep::default()).unwrap();
                ask(scene);
                auth(scene, AuthReason::Success, &[METHOD]);
            },
            TURN,
        ),
        (
            connected,
            |scene| {
                scene.client.reauthenticate(scene.now, &AuthStep::default()).unwrap();
                auth(scene, AuthReason::Success, &[METHOD]);
                auth(scene, AuthReason::Success, &[METHOD]);
            },
            TURN,
        ),
    ];
    for (index, (begin, act, what)) in cases.into_iter().enumerate() {
        let mut scene = begin();
        act(&mut scene);
        let trace = scene.trace();
        assert!(trace.contains(&format!("* the Server broke the protocol: {what}")), "{index}: {trace:#?}");
        assert_eq!(trace.last().unwrap(), "C>S DISCONNECT 0x82 Protocol Error", "{index}");
    }
    // AUTH without a method is no valid packet; 0x19 is for Clients.
    for bytes in [&b"\xF0\x00"[..], b"\xF0\x02\x18\x00", b"\xF0\x06\x19\x04\x15\x00\x01M"] {
        let mut scene = connecting();
        let _ = scene.server_bytes(bytes);
        assert!(scene.trace()[0].starts_with("* the Server sent no valid packet: AUTH"), "{bytes:?}");
    }
}

/// [MQTT-4.12.0-7]: and nothing is sent where the Client has no turn.
#[test]
fn a_client_out_of_turn_is_refused() {
    let step = AuthStep::new("x");
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    assert_eq!(scene.client.authenticate(scene.now, &step), Err(ClientError::NotChallenged));
    assert_eq!(scene.client.reauthenticate(scene.now, &step), Err(ClientError::NotConnected));
    scene.connect(options());
    scene.trace();
    assert_eq!(scene.client.authenticate(scene.now, &step), Err(ClientError::NotChallenged));
    assert_eq!(scene.client.reauthenticate(scene.now, &step), Err(ClientError::NotConnected));
    scene.accept(false, &[METHOD]);
    assert_eq!(scene.client.authenticate(scene.now, &step), Err(ClientError::NotChallenged));
    scene.client.reauthenticate(scene.now, &step).unwrap();
    assert_eq!(scene.client.reauthenticate(scene.now, &step), Err(ClientError::ExchangeUnderWay));
    scene.trace();
    scene.cut();
    scene.reconnect(false, &[]);
    scene.trace();
    assert_eq!(scene.client.reauthenticate(scene.now, &step), Err(ClientError::NoAuthenticationMethod));
    scene.look();
    scene.expect(&[]);
}

/// 3.x knows no such thing.
#[test]
fn version_3_names_no_method() {
    for version in V3 {
        let mut scene = Scene::new(version, ClientConfig::default());
        scene.connect(ConnectOptions { version, ..options() });
        scene.accept(false, &[]);
        assert_eq!(
            scene.client.reauthenticate(scene.now, &AuthStep::default()),
            Err(ClientError::NoAuthenticationMethod)
        );
    }
}

/// [MQTT-4.12.1-1]: while everything else goes on; the end of it is told once.
#[test]
fn a_client_can_authenticate_again() {
    let mut scene = connected();
    scene.client.reauthenticate(scene.now, &AuthStep::new("again")).unwrap();
    scene.look();
    scene.publish("t", "a", QoS::AtMostOnce);
    ask(&mut scene);
    answer(&mut scene, "proof");
    auth(&mut scene, AuthReason::Success, &[METHOD, Property::AuthenticationData(b"server proof")]);
    scene.expect(&[
        "C>S AUTH 0x19 Re-authenticate {Authentication Method=\"M\", Authentication Data=***}",
        "* PublishToken(1) sent",
        "C>S PUBLISH q0 dup=0 retain=0 \"t\" 1 bytes",
        "S>C AUTH 0x18 Continue authentication {Authentication Method=\"M\", Authentication Data=***}",
        "* challenge \"nonce\"",
        "C>S AUTH 0x18 Continue authentication {Authentication Method=\"M\", Authentication Data=***}",
        "S>C AUTH 0x00 Success {Authentication Method=\"M\", Authentication Data=***}",
        "* authenticated again \"server proof\"",
    ]);
    // And once more.
    scene.client.reauthenticate(scene.now, &AuthStep::default()).unwrap();
    scene.look();
    auth(&mut scene, AuthReason::Success, &[METHOD]);
    assert_eq!(scene.trace().last().unwrap(), "* authenticated again");
}

/// [MQTT-4.12.1-2]: the Server refuses by DISCONNECT; a connection that is lost decides nothing either.
#[test]
fn a_re_authentication_ends_with_the_connection() {
    let mut scene = connected();
    scene.client.reauthenticate(scene.now, &AuthStep::default()).unwrap();
    scene.look();
    scene.trace();
    let _ = scene.server(mqtt_session::codec::Disconnect::new(DisconnectReason::NotAuthorized));
    scene.expect(&[
        "S>C DISCONNECT 0x87 Not authorized",
        "* re-authentication lost",
        "* disconnected by the Server: Not authorized",
    ]);
    let mut scene = connected();
    scene.client.reauthenticate(scene.now, &AuthStep::default()).unwrap();
    ask(&mut scene);
    scene.trace();
    scene.cut();
    scene.expect(&["* re-authentication lost", "* the connection was closed"]);
}

/// [MQTT-3.15.2-2] [MQTT-3.15.2-3]: what is said beside is left out first; what is needed is not sent in part.
#[test]
fn a_step_keeps_to_the_maximum_packet_size() {
    let explanation = Explanation::new("because").with_user_property("k", "v");
    let step = AuthStep { data: Some("12345".into()), explanation };
    let full = "{Authentication Method=\"M\", Authentication Data=***, Reason String=\"because\", \
                \"k\"=\"v\"}";
    let shorter = "{Authentication Method=\"M\", Authentication Data=***, Reason String=\"because\"}";
    let bare = "{Authentication Method=\"M\", Authentication Data=***}";
    for (limit, sent) in [
        (33, Some(full)),
        (32, Some(shorter)),
        (26, Some(shorter)),
        (25, Some(bare)),
        (16, Some(bare)),
        (15, None),
    ] {
        let mut scene = connecting();
        scene.accept(false, &[METHOD, Property::MaximumPacketSize(limit.try_into().unwrap())]);
        scene.trace();
        let result = scene.client.reauthenticate(scene.now, &step);
        scene.look();
        assert_eq!(result, sent.map(|_| ()).ok_or(ClientError::PacketTooLarge));
        let sent = sent.map(|properties| format!("C>S AUTH 0x19 Re-authenticate {properties}"));
        assert_eq!(scene.trace(), Vec::from_iter(sent));
    }
    let nul = AuthStep { data: None, explanation: Explanation::new("\0") };
    let mut scene = connected();
    assert!(matches!(scene.client.reauthenticate(scene.now, &nul), Err(ClientError::Encode(_))));
    scene.look();
    scene.expect(&[]);
}

/// [MQTT-3.1.2-29]: AUTH is one of the packets.
#[test]
fn unrequested_explanations_in_auth_are_a_protocol_error() {
    for property in [Property::ReasonString("r"), Property::UserProperty(("k", "v"))] {
        let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
        scene.connect(ConnectOptions { request_problem_information: false, ..options() });
        ask(&mut scene);
        answer(&mut scene, "proof");
        scene.trace();
        auth(&mut scene, AuthReason::ContinueAuthentication, &[METHOD, property]);
        assert_eq!(
            scene.trace()[1],
            "* the Server broke the protocol: a Reason String or User Property nobody requested"
        );
    }
}

#[test]
fn authentication_data_is_not_shown() {
    let shown = format!("{:?} {:?}", options(), AuthStep::new("hush"));
    assert!(!shown.contains("first") && !shown.contains("hush"), "{shown}");
    let packet = Packet::Auth(Auth {
        reason: AuthReason::Success,
        properties: AuthProperties::new(&[METHOD, Property::AuthenticationData(b"hush")]).unwrap(),
    });
    assert!(!packet.to_string().contains("hush"));
}
