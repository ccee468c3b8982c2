//! What the embedder is told of the messages that Clients publish.

use mqtt_session::codec::{ConnectFields, Delivery, Property, PublishReason, QoS};
use mqtt_session::{Action, Broker, BrokerConfig, ClientInfo, Instant, Message, Policy, Refusal, codec};

use crate::harness::{V3_1_1, V5_0, World, delivery, will};

fn telling() -> BrokerConfig {
    BrokerConfig { tell_published: true, ..BrokerConfig::default() }
}

/// Refuses what is said in secret, or for longer than a minute.
struct Censor;

impl Policy for Censor {
    fn may_publish(
        &self,
        _: &ClientInfo<'_>,
        message: &codec::Publish<'_>,
    ) -> Result<(), Refusal<PublishReason>> {
        let is_secret = message.topic.is_some_and(|topic| topic.as_bytes() == b"secret");
        let is_long = message.properties.message_expiry_interval().is_some_and(|seconds| seconds > 60);
        if is_secret || is_long { Err(PublishReason::NotAuthorized.into()) } else { Ok(()) }
    }
}

fn told(world: &mut World<impl Policy>) -> Vec<String> {
    let told = std::mem::take(&mut world.published);
    told.iter()
        .map(|(client_id, message)| {
            let text = String::from_utf8_lossy(message.payload());
            format!("{client_id} {} {text} {:?} {:?}", message.topic(), message.qos(), message.expiry())
        })
        .collect()
}

#[test]
fn each_message_that_is_taken_over_is_told_once_and_in_order() {
    let mut world = World::with(telling(), Censor);
    let client = world.connect(V5_0, "c");
    let expiry = |seconds| [Property::MessageExpiryInterval(seconds)];
    let mut publish = |topic, text, delivery, retain, properties: &[Property<'_>]| {
        world.publish_with(client, topic, text, delivery, retain, properties);
    };
    publish("a", "0", Delivery::AtMostOnce, false, &[]);
    publish("a", "1", delivery(QoS::AtLeastOnce, 1), true, &[]);
    publish("a", "2", delivery(QoS::ExactlyOnce, 2), false, &expiry(60));
    // The same again, refused ones, and the Server's own.
    publish("a", "2", delivery(QoS::ExactlyOnce, 2), false, &expiry(60));
    publish("secret", "3", delivery(QoS::AtLeastOnce, 3), false, &[]);
    publish("a", "4", delivery(QoS::AtLeastOnce, 4), false, &expiry(61));
    world.broker.publish(world.now, &Message::new("a", "own").unwrap());
    world.settle();
    let wanted = ["c a 0 AtMostOnce None", "c a 1 AtLeastOnce None", "c a 2 ExactlyOnce Some(60)"];
    assert_eq!(told(&mut world), wanted);
    assert_eq!(world.broker.retained_count(), 1);
    // That nobody wants them is not for the broker to say.
    let answers = [
        "PUBACK id=1",
        "PUBREC id=2",
        "PUBREC id=2",
        "PUBACK id=3 0x87 Not authorized",
        "PUBACK id=4 0x87 Not authorized",
    ];
    world.expect(client, &answers);
}

#[test]
fn a_will_is_told_when_it_is_published() {
    let mut world = World::with_config(telling());
    let fields =
        ConnectFields { client_id: "owner", will: Some(will("will", "gone")), ..ConnectFields::default() };
    let owner = world.connect_with(V3_1_1, fields, &[]);
    world.trace(owner);
    assert_eq!(told(&mut world), [""; 0]);
    world.cut(owner);
    world.settle();
    assert_eq!(told(&mut world), ["owner will gone AtMostOnce None"]);
}

#[test]
fn a_message_is_told_before_the_changes_that_its_answer_waits_for() {
    let mut broker = Broker::new(BrokerConfig { durable: true, ..telling() }, mqtt_session::AllowAll);
    let now = Instant::from_millis(0);
    let connection = broker.open(now);
    let mut input = bytes::BytesMut::from(
        &b"\x10\x0D\x00\x04MQTT\x04\x00\x00\x3C\x00\x01c\x34\x06\x00\x01a\x00\x011"[..],
    );
    let _ = broker.handle_input(now, connection, &mut input);
    let mut actions = Vec::new();
    while let Some(action) = broker.poll_action() {
        actions.push(match action {
            Action::Published { .. } => "published",
            Action::Persist(_) => "persist",
            _ => "other",
        });
    }
    let at = |what| actions.iter().position(|action| *action == what);
    assert!(at("published").is_some() && at("published") < at("persist"), "{actions:?}");
}

#[test]
fn nobody_is_told_who_has_not_asked() {
    let mut world = World::new();
    let client = world.connect(V3_1_1, "c");
    world.publish_with(client, "a", "1", Delivery::AtMostOnce, false, &[]);
    assert_eq!(told(&mut world), [""; 0]);
}

#[test]
fn what_is_stored_with_the_changes_behind_it_is_processed_exactly_once() {
    let publish = |world: &mut World, client, dup| {
        let delivery = Delivery::ExactlyOnce { packet_id: crate::harness::id(5), dup };
        world.store_stalled = true;
        world.publish_with(client, "a", "1", delivery, false, &[]);
    };
    // One transaction: what has been told, and the changes.
    let store = |world: &mut World, processed: &mut Vec<String>| {
        processed.append(&mut told(world));
        world.catch_up();
    };
    for is_stored_before_the_crash in [false, true] {
        let (mut world, mut processed) = (World::with_config(telling()), Vec::new());
        let client = world.resume(V5_0, "c", false);
        publish(&mut world, client, false);
        world.expect(client, &[]);
        if is_stored_before_the_crash {
            store(&mut world, &mut processed);
        }
        world.published.clear();
        world.store_stalled = false;
        world.crash(telling(), mqtt_session::AllowAll);
        let client = world.resume(V5_0, "c", true);
        publish(&mut world, client, true);
        store(&mut world, &mut processed);
        world.expect(client, &["PUBREC id=5"]);
        assert_eq!(processed, ["c a 1 ExactlyOnce None"], "stored: {is_stored_before_the_crash}");
    }
}
