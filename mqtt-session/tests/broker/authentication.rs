//! Enhanced authentication (section 4.12): the method `M` asks twice, unless the data says otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mqtt_session::codec::{
    Auth, AuthProperties, AuthReason, ConnackReason, ConnectFields, Disconnect, DisconnectReason, Packet,
    Property, Publish, QoS, Unsubscribe,
};
use mqtt_session::topic::TopicName;
use mqtt_session::{
    Acceptance, AuthRequest, AuthStage, AuthStep, BrokerConfig, ConnectionId, EndCause, Explanation, Notice,
    Policy, Redirect, Refusal, Verdict,
};

use proptest::prelude::*;

use crate::harness::{Client, V3_1_1, V5_0, World, will};

const METHOD: Property<'_> = Property::AuthenticationMethod("M");

/// Decides by the data.
#[derive(Default)]
struct Door {
    log: Vec<String>,
}

impl Policy for Door {
    fn authenticate(&mut self, _: ConnectionId, connect: &ConnectFields<'_>) -> Verdict {
        match connect.client_id {
            "confused" => Verdict::Continue(AuthStep::default()),
            _ => Verdict::Accept,
        }
    }

    fn exchange(&mut self, _: ConnectionId, request: &AuthRequest<'_>) -> Verdict {
        let data = request.data.map(|data| std::str::from_utf8(data).unwrap());
        self.log.push(match request.stage {
            AuthStage::Connect(connect) => format!("connect {} {:?}", connect.client_id, data),
            AuthStage::Continue(_) => format!("continue {data:?}"),
            AuthStage::Reauthenticate { client, .. } => {
                format!("again {} {:?} {:?}", client.client_id, client.principal, data)
            }
            _ => unreachable!(),
        });
        if request.method != "M" {
            return Verdict::Refuse(ConnackReason::BadAuthenticationMethod.into());
        }
        match data {
            None => Verdict::Accept,
            Some("slow") => Verdict::Pending,
            Some("wrong") => Verdict::Refuse(Refusal::new(ConnackReason::BadUserNameOrPassword, "no")),
            Some("not me") => Verdict::Refuse(ConnackReason::Success.into()),
            Some("elsewhere") => Verdict::Redirect(Redirect::temporary("b.example")),
            Some("explain") => Verdict::Continue(AuthStep {
                data: Some("why".into()),
                explanation: Explanation::new("because").with_user_property("k", "v"),
            }),
            Some("huge") => Verdict::Continue(AuthStep::new(vec![0; 65_536])),
            Some(who) if who.starts_with("as ") => Verdict::AcceptWith(Acceptance {
                principal: Some(Arc::from(&who[3..])),
                authentication_data: Some("proof".into()),
                ..Acceptance::default()
            }),
            Some(_) => Verdict::Continue(AuthStep::new("nonce")),
        }
    }

    fn abandoned(&mut self, _: ConnectionId) {
        self.log.push("abandoned".into());
    }
}

fn world() -> World<Door> {
    World::with(BrokerConfig::default(), Door::default())
}

fn connect_as(
    world: &mut World<Door>,
    fields: ConnectFields<'_>,
    data: &str,
    more: &[Property<'_>],
) -> Client {
    let mut properties = vec![METHOD, Property::AuthenticationData(data.as_bytes())];
    properties.extend(more);
    world.connect_with(V5_0, fields, &properties)
}

fn begin(world: &mut World<Door>, data: &str) -> Client {
    connect_as(world, fields("a"), data, &[])
}

fn connected(world: &mut World<Door>, principal: &str) -> Client {
    let client = begin(world, &format!("as {principal}"));
    world.expect_connack(client, false);
    world.broker.policy_mut().log.clear();
    client
}

fn fields(client_id: &str) -> ConnectFields<'_> {
    ConnectFields { client_id, ..ConnectFields::default() }
}

fn auth<P: Policy>(world: &mut World<P>, client: Client, reason: AuthReason, properties: &[Property<'_>]) {
    let properties = AuthProperties::new(properties).unwrap();
    world.send(client, &Packet::Auth(Auth { reason, properties }));
}

fn step(world: &mut World<Door>, client: Client, data: &str) {
    let properties = [METHOD, Property::AuthenticationData(data.as_bytes())];
    auth(world, client, AuthReason::ContinueAuthentication, &properties);
}

fn again(world: &mut World<Door>, client: Client, data: &str) {
    let properties = [METHOD, Property::AuthenticationData(data.as_bytes())];
    auth(world, client, AuthReason::ReAuthenticate, &properties);
}

fn log(world: &mut World<Door>) -> Vec<String> {
    std::mem::take(&mut world.broker.policy_mut().log)
}

const ASKED: &str =
    "AUTH 0x18 Continue authentication {Authentication Method=\"M\", Authentication Data=***}";

/// [MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-3.2.0-1]: nothing but AUTH before CONNACK, and the method in all of it.
#[test]
fn an_exchange_ends_with_connack() {
    let mut world = world();
    let client = begin(&mut world, "hello");
    world.expect(client, &[ASKED]);
    step(&mut world, client, "answer");
    world.expect(client, &[ASKED]);
    step(&mut world, client, "as alice");
    let trace = world.trace(client);
    assert_eq!(trace.len(), 1);
    assert!(trace[0].starts_with("CONNACK session_present=0 0x00 Success {"), "{trace:?}");
    assert!(trace[0].ends_with(", Authentication Method=\"M\", Authentication Data=***}"), "{trace:?}");
    assert_eq!(
        log(&mut world),
        ["connect a Some(\"hello\")", "continue Some(\"answer\")", "continue Some(\"as alice\")"]
    );
    world.subscribe(client, "t", QoS::AtMostOnce);
    world.disconnect(client);
    assert_eq!(log(&mut world), [""; 0]);
    // One step may be enough, and there need not be data.
    let client = world.connect_with(V5_0, fields("b"), &[METHOD]);
    let trace = world.trace(client);
    assert!(trace[0].ends_with(", Authentication Method=\"M\"}"), "{trace:?}");
}

/// [MQTT-4.12.0-1] [MQTT-4.12.0-4]
#[test]
fn an_exchange_can_fail_at_any_step() {
    for (data, told) in [
        ("wrong", "CONNACK session_present=0 0x86 Bad User Name or Password {Reason String=\"no\"}"),
        ("not me", "CONNACK session_present=0 0x87 Not authorized"),
        ("elsewhere", "CONNACK session_present=0 0x9C Use another server {Server Reference=\"b.example\"}"),
    ] {
        for steps in 0..3 {
            let mut world = world();
            let client = begin(&mut world, if steps == 0 { data } else { "hello" });
            for round in 1..=steps {
                world.expect(client, &[ASKED]);
                step(&mut world, client, if round == steps { data } else { "hello" });
            }
            world.expect(client, &[told, "CLOSED"]);
            assert!(!log(&mut world).contains(&"abandoned".to_owned()), "it has spoken");
            assert_eq!((world.broker.session_count(), world.broker.connection_count()), (0, 0));
        }
    }
    let mut world = world();
    let client = world.connect_with(V5_0, fields("a"), &[Property::AuthenticationMethod("N")]);
    world.expect(client, &["CONNACK session_present=0 0x8C Bad authentication method", "CLOSED"]);
}

/// [MQTT-4.12.0-6]: a policy that asks a Client for more that cannot give it.
#[test]
fn no_auth_without_a_method() {
    for version in [V3_1_1, V5_0] {
        let mut world = world();
        let client = world.connect_with(version, fields("confused"), &[]);
        world.expect(client, &["CONNACK session_present=0 0x87 Not authorized", "CLOSED"]);
        assert_eq!(log(&mut world), ["abandoned"]);
    }
}

/// Section 3.1.2.11.9: everything else is a Protocol Error, answered by CONNACK, and has no effect.
#[test]
fn only_auth_and_disconnect_are_taken_before_connack() {
    let publish = Publish::new(TopicName::parse("t").unwrap(), b"x");
    let mut world = world();
    let witness = world.connect(V5_0, "witness");
    world.subscribe(witness, "#", QoS::AtMostOnce);
    let filters = [mqtt_session::topic::Subscription::parse("t").unwrap()];
    let unsubscribe =
        Unsubscribe::new(crate::harness::id(1), mqtt_session::codec::TopicFilters::new(&filters));
    for packet in [
        Packet::Publish(publish),
        Packet::Pingreq,
        Packet::Unsubscribe(unsubscribe),
        Packet::Connect(mqtt_session::codec::Connect::new(&fields("a"))),
    ] {
        let connect = ConnectFields { will: Some(will("will", "x")), ..fields("a") };
        let client = connect_as(&mut world, connect, "hello", &[]);
        world.expect(client, &[ASKED]);
        world.send(client, &packet);
        world.expect(client, &["CONNACK session_present=0 0x82 Protocol Error", "CLOSED"]);
        assert_eq!(log(&mut world), ["connect a Some(\"hello\")", "abandoned"]);
    }
    // What cannot be read is answered in the same way.
    let client = begin(&mut world, "hello");
    world.trace(client);
    world.send_bytes(client, b"\xF1\x00");
    world.expect(client, &["CONNACK session_present=0 0x81 Malformed Packet", "CLOSED"]);
    // DISCONNECT is the Client's good right; its Will has never been stored.
    let connect = ConnectFields { will: Some(will("will", "x")), ..fields("a") };
    let client = connect_as(&mut world, connect, "hello", &[]);
    world.trace(client);
    let with_will = Disconnect::new(DisconnectReason::DisconnectWithWillMessage);
    world.send(client, &Packet::Disconnect(with_will));
    world.expect(client, &["CLOSED"]);
    world.expect(witness, &[]);
    assert_eq!(log(&mut world)[2..], ["connect a Some(\"hello\")", "abandoned"]);
}

/// [MQTT-4.12.0-5] [MQTT-3.15.2-1]
#[test]
fn case_18_a_client_that_breaks_the_exchange_is_refused() {
    let other = Property::AuthenticationMethod("N");
    for (reason, method) in
        [(AuthReason::ContinueAuthentication, other), (AuthReason::ReAuthenticate, METHOD)]
    {
        let mut world = world();
        let client = begin(&mut world, "hello");
        world.trace(client);
        auth(&mut world, client, reason, &[method]);
        world.expect(client, &["CONNACK session_present=0 0x82 Protocol Error", "CLOSED"]);
        assert_eq!(log(&mut world)[1..], ["abandoned"]);
    }
    // AUTH before CONNECT, without a method, and with the reason of Servers.
    let mut world = world();
    let client = world.open(V5_0);
    world.send_bytes(client, b"\xF0\x06\x18\x04\x15\x00\x01M");
    world.expect(client, &["CLOSED"]);
    for bytes in [&b"\xF0\x00"[..], b"\xF0\x02\x18\x00", b"\xF0\x06\x00\x04\x15\x00\x01M"] {
        let client = begin(&mut world, "hello");
        world.trace(client);
        world.send_bytes(client, bytes);
        world.expect(client, &["CONNACK session_present=0 0x82 Protocol Error", "CLOSED"]);
        let client = connected(&mut world, "alice");
        world.send_bytes(client, bytes);
        world.expect(client, &["DISCONNECT 0x82 Protocol Error", "CLOSED"]);
    }
}

/// The CONNECT timer goes on, and there are not more steps than the configuration allows.
#[test]
fn the_exchange_has_bounds() {
    let config = BrokerConfig { maximum_authentication_steps: 2, ..BrokerConfig::default() };
    let mut world = World::with(config, Door::default());
    let client = begin(&mut world, "hello");
    step(&mut world, client, "1");
    step(&mut world, client, "2");
    world.expect(client, &[ASKED, ASKED, ASKED]);
    step(&mut world, client, "3");
    world.expect(client, &["CONNACK session_present=0 0x87 Not authorized", "CLOSED"]);
    assert_eq!(log(&mut world)[2..], ["continue Some(\"2\")", "abandoned"]);

    let client = begin(&mut world, "hello");
    world.pass(Duration::from_secs(6));
    step(&mut world, client, "1");
    world.pass(Duration::from_millis(3_999));
    world.expect(client, &[ASKED, ASKED]);
    world.notices.clear();
    world.pass(Duration::from_millis(1));
    world.expect(client, &["CLOSED"]);
    assert_eq!(world.notices, [Notice::Ended { connection: client.id, cause: EndCause::ConnectTimeout }]);
    assert_eq!(log(&mut world)[2..], ["abandoned"]);

    // A re-authentication has as many.
    let client = connected(&mut world, "alice");
    again(&mut world, client, "hello");
    step(&mut world, client, "1");
    step(&mut world, client, "2");
    world.expect(client, &[ASKED, ASKED, ASKED]);
    step(&mut world, client, "3");
    world.expect(client, &["DISCONNECT 0x87 Not authorized", "CLOSED"]);
    assert_eq!(log(&mut world)[3..], ["abandoned"]);
}

#[test]
fn a_client_that_leaves_is_forgotten() {
    for data in ["hello", "slow"] {
        let mut world = world();
        let client = begin(&mut world, data);
        world.cut(client);
        assert_eq!(log(&mut world)[1..], ["abandoned"]);
        world.broker.handle_authenticated(world.now, client.id, Verdict::Accept);
        let client = connected(&mut world, "alice");
        again(&mut world, client, data);
        world.cut(client);
        assert_eq!(log(&mut world)[1..], ["abandoned"]);
        assert_eq!((world.broker.session_count(), world.broker.connection_count()), (0, 0));
    }
}

/// Every word of the policy may come later.
#[test]
fn the_policy_may_take_its_time() {
    let mut world = world();
    let client = begin(&mut world, "slow");
    world.expect(client, &[]);
    // A Client that does not wait is not listened to.
    step(&mut world, client, "slow");
    assert_eq!(log(&mut world), ["connect a Some(\"slow\")"]);
    let later = |world: &mut World<Door>, verdict| {
        world.broker.handle_authenticated(world.now, client.id, verdict);
        world.settle();
    };
    later(&mut world, Verdict::Continue(AuthStep::new("nonce")));
    world.expect(client, &[ASKED]);
    assert_eq!(log(&mut world), ["continue Some(\"slow\")"]);
    later(&mut world, Verdict::Pending);
    later(&mut world, Verdict::AcceptAs("alice".into()));
    world.expect_connack(client, false);
    later(&mut world, Verdict::Refuse(ConnackReason::NotAuthorized.into()));

    again(&mut world, client, "slow");
    world.subscribe(client, "t", QoS::AtMostOnce);
    later(&mut world, Verdict::Continue(AuthStep::new("nonce")));
    world.expect(client, &[ASKED]);
    // The Client's turn is not the policy's.
    later(&mut world, Verdict::Refuse(ConnackReason::NotAuthorized.into()));
    world.expect(client, &[]);
    step(&mut world, client, "slow");
    later(&mut world, Verdict::AcceptAs("alice".into()));
    world.expect(client, &["AUTH 0x00 Success {Authentication Method=\"M\"}"]);
    assert!(world.is_open(client));
}

/// [MQTT-4.12.1-1]: with the data that proves who the Server is, while everything else goes on.
#[test]
fn a_client_can_authenticate_again() {
    let mut world = world();
    let client = connected(&mut world, "alice");
    for _ in 0..2 {
        again(&mut world, client, "hello");
        world.expect(client, &[ASKED]);
        world.subscribe(client, "t", QoS::AtMostOnce);
        step(&mut world, client, "as alice");
        world.expect(client, &["AUTH 0x00 Success {Authentication Method=\"M\", Authentication Data=***}"]);
        assert_eq!(
            log(&mut world),
            ["again a Some(\"alice\") Some(\"hello\")", "continue Some(\"as alice\")"]
        );
    }
    assert!(world.is_open(client));
}

/// [MQTT-4.12.1-2]
#[test]
fn a_failed_re_authentication_ends_the_connection() {
    for (data, told) in [
        // DISCONNECT has no such reason.
        ("wrong", "DISCONNECT 0x87 Not authorized {Reason String=\"no\"}"),
        ("not me", "DISCONNECT 0x87 Not authorized"),
        ("elsewhere", "DISCONNECT 0x9C Use another server {Server Reference=\"b.example\"}"),
        // A Session belongs to its principal.
        ("as bob", "DISCONNECT 0x87 Not authorized"),
    ] {
        let mut world = world();
        let witness = world.connect(V5_0, "witness");
        world.subscribe(witness, "#", QoS::AtMostOnce);
        let connect = ConnectFields { will: Some(will("will", "x")), ..fields("a") };
        let client = connect_as(&mut world, connect, "as alice", &[]);
        world.expect_connack(client, false);
        again(&mut world, client, data);
        world.expect(client, &[told, "CLOSED"]);
        // It is no DISCONNECT of the Client.
        world.expect(witness, &["PUBLISH q0 dup=0 retain=0 \"will\" \"x\""]);
        assert!(!log(&mut world).contains(&"abandoned".to_owned()), "it has spoken");
    }
}

type Act<'a> = &'a dyn Fn(&mut World<Door>, Client);

/// [MQTT-4.12.0-7] [MQTT-4.12.1-1]: another method, no method, out of turn.
#[test]
fn a_re_authentication_out_of_turn_ends_the_connection() {
    let other = [Property::AuthenticationMethod("N")];
    let cases: [(Act<'_>, bool); 4] = [
        (&|world, client| auth(world, client, AuthReason::ReAuthenticate, &other), false),
        (&|world, client| step(world, client, "x"), false),
        (&|world, client| (again(world, client, "hello"), again(world, client, "hello")).1, true),
        (&|world, client| (again(world, client, "slow"), step(world, client, "x")).1, true),
    ];
    for (index, (act, is_abandoned)) in cases.into_iter().enumerate() {
        let mut world = world();
        let client = connected(&mut world, "alice");
        act(&mut world, client);
        let trace = world.trace(client);
        assert_eq!(trace[trace.len() - 2..], ["DISCONNECT 0x82 Protocol Error", "CLOSED"], "{index}");
        assert_eq!(log(&mut world).contains(&"abandoned".to_owned()), is_abandoned, "{index}");
    }
    let mut world = world();
    let client = world.connect(V5_0, "plain");
    again(&mut world, client, "hello");
    world.expect(client, &["DISCONNECT 0x82 Protocol Error", "CLOSED"]);
    assert_eq!(log(&mut world), [""; 0]);
}

/// [MQTT-3.15.2-2] [MQTT-3.15.2-3] [MQTT-3.1.2-29]: what is said beside a step is left out first.
#[test]
fn a_step_keeps_to_what_the_client_takes() {
    let full =
        "{Authentication Method=\"M\", Authentication Data=***, Reason String=\"because\", \"k\"=\"v\"}";
    let shorter = "{Authentication Method=\"M\", Authentication Data=***, Reason String=\"because\"}";
    let bare = "{Authentication Method=\"M\", Authentication Data=***}";
    let size = |bytes: u32| Property::MaximumPacketSize(bytes.try_into().unwrap());
    for (property, sent) in [
        (size(31), Some(full)),
        (size(30), Some(shorter)),
        (size(24), Some(shorter)),
        (size(23), Some(bare)),
        (size(14), Some(bare)),
        (size(13), None),
        (Property::RequestProblemInformation(false), Some(bare)),
    ] {
        let mut world = world();
        let client = connect_as(&mut world, fields("a"), "explain", &[property]);
        let Some(properties) = sent else {
            world.expect(client, &["CLOSED"]);
            assert_eq!(log(&mut world)[1..], ["abandoned"]);
            continue;
        };
        world.expect(client, &[&format!("AUTH 0x18 Continue authentication {properties}")]);
    }
    // What no packet can hold ends the exchange.
    let mut world = world();
    let client = begin(&mut world, "huge");
    world.expect(client, &["CLOSED"]);
    let client = connected(&mut world, "alice");
    again(&mut world, client, "huge");
    world.expect(client, &["DISCONNECT 0x83 Implementation specific error", "CLOSED"]);
}

/// A writer that is slow does not lose the turn of the Client.
#[test]
fn input_goes_on_once_the_step_is_written() {
    let config = BrokerConfig { transmit_limit: 1, ..BrokerConfig::default() };
    let mut world = World::with(config, Door::default());
    world.stalled = true;
    let client = begin(&mut world, "hello");
    step(&mut world, client, "as alice");
    assert_eq!(log(&mut world), ["connect a Some(\"hello\")"]);
    world.unstall();
    let trace = world.trace(client);
    assert_eq!(trace[0], ASKED);
    assert!(trace[1].starts_with("CONNACK session_present=0 0x00 Success"), "{trace:?}");
}

/// What is asked of a policy, and whether it is told of every end that it has not decided.
#[derive(Default)]
struct Bookkeeper {
    /// Exchanges that wait for the Client (`false`) or for the policy's last word (`true`).
    open: BTreeMap<ConnectionId, bool>,
}

impl Bookkeeper {
    fn decide(&mut self, connection: ConnectionId, verdict: &Verdict) {
        match verdict {
            Verdict::Continue(_) => self.open.insert(connection, false),
            Verdict::Pending => self.open.insert(connection, true),
            _ => self.open.remove(&connection),
        };
    }
}

fn verdict(data: &str) -> Verdict {
    match data {
        "continue" => Verdict::Continue(AuthStep::new("nonce")),
        "pending" => Verdict::Pending,
        "accept" => Verdict::AcceptAs("alice".into()),
        "stranger" => Verdict::AcceptAs("bob".into()),
        _ => Verdict::Refuse(ConnackReason::NotAuthorized.into()),
    }
}

impl Policy for Bookkeeper {
    fn exchange(&mut self, connection: ConnectionId, request: &AuthRequest<'_>) -> Verdict {
        let before = self.open.remove(&connection);
        match request.stage {
            AuthStage::Continue(_) => assert_eq!(before, Some(false), "it has asked for the step"),
            _ => assert_eq!(before, None, "one exchange at a time"),
        }
        let verdict = verdict(std::str::from_utf8(request.data.unwrap()).unwrap());
        self.decide(connection, &verdict);
        verdict
    }

    fn abandoned(&mut self, connection: ConnectionId) {
        assert!(self.open.remove(&connection).is_some(), "it is told once, and not of what it has decided");
    }
}

const ANSWERS: [&str; 5] = ["continue", "pending", "accept", "stranger", "refuse"];

#[derive(Clone, Debug)]
enum Step {
    Auth(AuthReason, bool, &'static str),
    Ping,
    Disconnect,
    Garbage,
    LastWord(&'static str),
    Cut,
    Pass(u64),
    Administrator,
}

fn step_of_anybody() -> impl Strategy<Value = Step> {
    let reason =
        prop_oneof![4 => Just(AuthReason::ContinueAuthentication), 2 => Just(AuthReason::ReAuthenticate)];
    let answer = || proptest::sample::select(&ANSWERS[..]);
    prop_oneof![
        12 => (reason, proptest::bool::weighted(0.95), answer())
            .prop_map(|(reason, is_method, answer)| Step::Auth(reason, is_method, answer)),
        8 => answer().prop_map(Step::LastWord),
        2 => Just(Step::Ping),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Garbage),
        1 => Just(Step::Cut),
        1 => (0..8_u64).prop_map(Step::Pass),
        1 => Just(Step::Administrator),
    ]
}

proptest! {
    /// Whatever the Client, the policy and the network do: nothing but AUTH comes before CONNACK, and a policy knows which
    /// exchanges are under way.
    #[test]
    fn a_policy_knows_what_is_under_way(
        first in proptest::sample::select(&ANSWERS[..]),
        steps in proptest::collection::vec(step_of_anybody(), 0..40),
    ) {
        let mut world = World::with(BrokerConfig::default(), Bookkeeper::default());
        let properties = [METHOD, Property::AuthenticationData(first.as_bytes())];
        let mut client = world.connect_with(V5_0, fields("a"), &properties);
        let mut trace = Vec::new();
        let mut check = |lines: Vec<String>| {
            trace.extend(lines);
            let connack = trace.iter().position(|line| line.starts_with("CONNACK")).unwrap_or(trace.len());
            for line in &trace[..connack] {
                assert!(line.starts_with("AUTH 0x18") || line == "CLOSED", "{trace:#?}");
            }
            if trace.last().is_some_and(|line| line == "CLOSED") {
                trace.clear();
            }
        };
        for step in steps {
            check(world.trace(client));
            if !world.is_open(client) {
                client = world.connect_with(V5_0, fields("a"), &properties);
            }
            match step {
                Step::Auth(reason, is_method, answer) => {
                    let method = Property::AuthenticationMethod(if is_method { "M" } else { "N" });
                    auth(&mut world, client, reason, &[method, Property::AuthenticationData(answer.as_bytes())]);
                }
                Step::Ping => world.send(client, &Packet::Pingreq),
                Step::Disconnect => {
                    let normal = Disconnect::new(DisconnectReason::NormalDisconnection);
                    world.send(client, &Packet::Disconnect(normal));
                }
                Step::Garbage => world.send_bytes(client, b"\x00\x00"),
                Step::LastWord(answer) => {
                    // A policy speaks where it is waited for.
                    if world.broker.policy_mut().open.get(&client.id) == Some(&true) {
                        let verdict = verdict(answer);
                        world.broker.policy_mut().decide(client.id, &verdict);
                        world.broker.handle_authenticated(world.now, client.id, verdict);
                        world.settle();
                    }
                }
                Step::Cut => {
                    world.cut(client);
                    check(vec!["CLOSED".to_owned()]);
                }
                Step::Pass(seconds) => world.pass_seconds(seconds),
                Step::Administrator => {
                    world.broker.disconnect(world.now, client.id, DisconnectReason::AdministrativeAction);
                    world.settle();
                }
            }
        }
        check(world.trace(client));
        if world.is_open(client) {
            world.cut(client);
        }
        prop_assert_eq!(world.broker.connection_count(), 0);
        prop_assert!(world.broker.policy_mut().open.is_empty());
    }
}
