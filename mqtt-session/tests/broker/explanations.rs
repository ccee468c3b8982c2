//! Reason Strings, User Properties, Server References and Response Information: what a policy says beside its reasons.

use mqtt_session::codec::{
    ConnackReason, ConnectFields, DisconnectReason, Property, ProtocolVersion, PublishReason, QoS,
    SubackReason, SubscriptionOptions,
};
use mqtt_session::topic::Subscription;
use mqtt_session::{
    Acceptance, BrokerConfig, ClientInfo, ConnectionId, Explanation, Policy, Redirect, Refusal, Verdict,
    codec,
};

use crate::harness::{Client, V3_1, V3_1_1, V5_0, World, delivery};

struct Talkative;

fn why() -> Explanation {
    Explanation::new("because").with_user_property("k", "v")
}

impl Policy for Talkative {
    fn authenticate(&mut self, _: ConnectionId, connect: &ConnectFields<'_>) -> Verdict {
        match connect.client_id {
            "refused" => Verdict::Refuse(Refusal::new(ConnackReason::Banned, why())),
            "moved" => Verdict::Redirect(Redirect { explanation: why(), ..Redirect::permanent("b.example") }),
            "invalid" => Verdict::AcceptWith(Acceptance {
                response_information: Some("\0".into()),
                ..Acceptance::default()
            }),
            client_id => Verdict::AcceptWith(Acceptance {
                response_information: Some(format!("reply/{client_id}/")),
                authentication_data: Some("unasked".into()),
                explanation: why(),
                ..Acceptance::default()
            }),
        }
    }

    fn may_publish(
        &self,
        _: &ClientInfo<'_>,
        message: &codec::Publish<'_>,
    ) -> Result<(), Refusal<PublishReason>> {
        match message.topic.unwrap().as_str() {
            "no" => Err(PublishReason::QuotaExceeded)?,
            "why" => Err(Refusal::new(PublishReason::QuotaExceeded, why())),
            "invalid" => Err(Refusal::new(PublishReason::QuotaExceeded, "\0")),
            _ => Ok(()),
        }
    }

    fn may_subscribe(
        &self,
        _: &ClientInfo<'_>,
        subscription: &Subscription<&[u8]>,
        qos: QoS,
    ) -> Result<QoS, Refusal<SubackReason>> {
        match subscription.to_string().as_str() {
            "no" => Err(SubackReason::NotAuthorized)?,
            "why" => Err(Refusal::new(SubackReason::NotAuthorized, why())),
            "other" => Err(Refusal::new(SubackReason::NotAuthorized, "another reason")),
            _ => Ok(qos),
        }
    }
}

fn world() -> World<Talkative> {
    World::with(BrokerConfig::default(), Talkative)
}

fn fields(client_id: &str) -> ConnectFields<'_> {
    ConnectFields { client_id, ..ConnectFields::default() }
}

fn size(bytes: u32) -> Property<'static> {
    Property::MaximumPacketSize(bytes.try_into().unwrap())
}

fn connect(world: &mut World<Talkative>, properties: &[Property<'_>]) -> Client {
    let client = world.connect_with(V5_0, fields("a"), properties);
    world.expect_connack(client, false);
    client
}

const FULL: &str = " {Reason String=\"because\", \"k\"=\"v\"}";
const SHORTER: &str = " {Reason String=\"because\"}";

/// CONNACK may say it even to Clients that do not request it, as far as they take it.
#[test]
fn a_refusal_can_say_why() {
    let none = Property::RequestProblemInformation(false);
    for (property, said) in [
        (none, FULL),
        (size(22), FULL),
        (size(21), SHORTER),
        (size(15), SHORTER),
        (size(14), ""),
        (size(5), ""),
    ] {
        let mut world = world();
        let client = world.connect_with(V5_0, fields("refused"), &[property]);
        world.expect(client, &[&format!("CONNACK session_present=0 0x8A Banned{said}"), "CLOSED"]);
    }
    for version in [V3_1, V3_1_1] {
        let mut world = world();
        let client = world.connect_with(version, fields("refused"), &[]);
        world.expect(client, &["CONNACK session_present=0 0x87 Not authorized", "CLOSED"]);
    }
}

/// Section 4.11, before and after CONNACK; 3.x has no word for it.
#[test]
fn a_client_is_sent_to_another_server() {
    let reference = "Server Reference=\"b.example\"";
    for (property, said) in [
        (size(100), format!(" {{{reference}, Reason String=\"because\", \"k\"=\"v\"}}")),
        (size(28), format!(" {{{reference}, Reason String=\"because\"}}")),
        (size(17), format!(" {{{reference}}}")),
        (size(16), String::new()),
    ] {
        let mut world = world();
        let client = world.connect_with(V5_0, fields("moved"), &[property]);
        world.expect(client, &[&format!("CONNACK session_present=0 0x9D Server moved{said}"), "CLOSED"]);
    }
    let mut world = world();
    for version in [V3_1, V3_1_1] {
        let client = world.connect_with(version, fields("moved"), &[]);
        world.expect(client, &["CONNACK session_present=0 0x88 Server unavailable", "CLOSED"]);
    }
    for version in ProtocolVersion::ALL {
        let client = world.connect(version, "a");
        world.broker.redirect(world.now, client.id, &Redirect::temporary("b.example"));
        world.settle();
        let told = "DISCONNECT 0x9C Use another server {Server Reference=\"b.example\"}";
        let expected: &[&str] = if version == V5_0 { &[told, "CLOSED"] } else { &["CLOSED"] };
        world.expect(client, expected);
        // Before CONNACK there is no DISCONNECT [MQTT-3.14.0-1].
        let client = world.open(version);
        world.broker.redirect(world.now, client.id, &Redirect::temporary("b.example"));
        world.settle();
        world.expect(client, &["CLOSED"]);
    }
}

/// [MQTT-3.14.2-3] [MQTT-3.14.2-4]
#[test]
fn disconnect_can_say_why() {
    // CONNACK needs 44 bytes.
    for (property, reason, said) in [
        (size(100), "x".repeat(50), 2),
        (size(60), "x".repeat(50), 1),
        (size(50), "x".repeat(50), 0),
        (Property::RequestProblemInformation(false), "x".repeat(50), 2),
        (size(100), "\0".into(), 0),
    ] {
        let mut world = world();
        let client = connect(&mut world, &[property]);
        let explanation = Explanation::new(&*reason).with_user_property("k", "v");
        let why = DisconnectReason::MessageRateTooHigh;
        world.broker.disconnect_with(world.now, client.id, why, &explanation);
        world.settle();
        let said = match said {
            0 => String::new(),
            1 => format!(" {{Reason String={reason:?}}}"),
            _ => format!(" {{Reason String={reason:?}, \"k\"=\"v\"}}"),
        };
        world.expect(client, &[&format!("DISCONNECT 0x96 Message rate too high{said}"), "CLOSED"]);
    }
    let mut world = world();
    let client = connect(&mut world, &[]);
    let why = DisconnectReason::DisconnectWithWillMessage;
    world.broker.disconnect_with(world.now, client.id, why, &Explanation::NONE);
    world.settle();
    world.expect(client, &["DISCONNECT 0x98 Administrative action", "CLOSED"]);
}

/// [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.1.2-29]
#[test]
fn a_message_is_refused_with_an_explanation() {
    for (property, said) in [(size(200), FULL), (Property::RequestProblemInformation(false), "")] {
        let mut world = world();
        let client = connect(&mut world, &[property]);
        for (topic, said) in [("no", ""), ("why", said), ("invalid", "")] {
            world.publish_with(client, topic, "", delivery(QoS::AtLeastOnce, 1), false, &[]);
            world.expect(client, &[&format!("PUBACK id=1 0x97 Quota exceeded{said}")]);
            world.publish_with(client, topic, "", delivery(QoS::ExactlyOnce, 1), false, &[]);
            world.expect(client, &[&format!("PUBREC id=1 0x97 Quota exceeded{said}")]);
            world.publish_with(client, topic, "", delivery(QoS::AtMostOnce, 1), false, &[]);
            world.expect(client, &[]);
        }
    }
    for version in [V3_1, V3_1_1] {
        let mut world = world();
        let client = world.connect(version, "a");
        world.publish_with(client, "why", "", delivery(QoS::AtLeastOnce, 1), false, &[]);
        world.expect(client, &["PUBACK id=1"]);
    }
}

/// A SUBACK has one Reason String for all its Topic Filters [MQTT-3.9.2-1] [MQTT-3.9.2-2].
#[test]
fn a_subscription_is_refused_with_an_explanation() {
    let options = SubscriptionOptions::from(QoS::AtMostOnce);
    let filters = [("yes", options), ("no", options), ("why", options), ("other", options)];
    for (property, said) in [(size(200), FULL), (Property::RequestProblemInformation(false), "")] {
        let mut world = world();
        let client = connect(&mut world, &[property]);
        world.subscribe_with(client, &filters, &[]);
        let trace = world.trace(client);
        assert_eq!(trace, [format!("SUBACK id=100 0x00 0x87 0x87 0x87{said}")]);
    }
    let mut world = world();
    let client = world.connect(V3_1_1, "a");
    world.subscribe_with(client, &filters, &[]);
    world.expect(client, &["SUBACK id=100 0x00 0x80 0x80 0x80"]);
}

/// [MQTT-3.1.2-28]: for those who ask. And no Authentication Data where there is no method [MQTT-4.12.0-6].
#[test]
fn response_information_is_for_those_who_ask() {
    for (property, expected) in [
        (Property::RequestResponseInformation(true), Some("Response Information=\"reply/a/\"")),
        (Property::RequestResponseInformation(false), None),
        (size(1_000), None),
    ] {
        let mut world = world();
        let client = world.connect_with(V5_0, fields("a"), &[property]);
        let trace = world.trace(client);
        assert_eq!(trace[0].contains("Response Information"), expected.is_some(), "{trace:?}");
        assert!(trace[0].contains(expected.unwrap_or("CONNACK")), "{trace:?}");
        assert!(trace[0].ends_with(", Reason String=\"because\", \"k\"=\"v\"}"), "{trace:?}");
        assert!(!trace[0].contains("Authentication"), "{trace:?}");
    }
    // What no packet can say is not left out.
    let mut world = world();
    let client = world.connect_with(V5_0, fields("invalid"), &[Property::RequestResponseInformation(true)]);
    world.expect(client, &["CONNACK session_present=0 0x83 Implementation specific error", "CLOSED"]);
    assert_eq!(world.broker.session_count(), 0);
}
