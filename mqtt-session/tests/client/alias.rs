//! Topic Aliases (5.0, section 3.3.2.3.4).

use mqtt_session::codec::{Delivery, Property, ProtocolVersion, Publish, PublishProperties, QoS};
use mqtt_session::topic::TopicName;
use mqtt_session::{ClientConfig, ConnectOptions};

use crate::harness::{Scene, id, persistent};

fn alias(alias: u16) -> Property<'static> {
    Property::TopicAlias(alias.try_into().unwrap())
}

fn sender() -> Scene {
    let config = ClientConfig { use_topic_aliases: true, ..ClientConfig::default() };
    Scene::connected_with(ProtocolVersion::V5_0, config, &[Property::TopicAliasMaximum(1)])
}

#[test]
fn topics_are_replaced_as_far_as_the_server_allows() {
    let mut scene = sender();
    for topic in ["first", "second", "first"] {
        scene.publish(topic, "x", QoS::AtLeastOnce);
    }
    scene.expect(&[
        "C>S PUBLISH id=1 q1 dup=0 retain=0 \"first\" 1 bytes {Topic Alias=1}",
        "C>S PUBLISH id=2 q1 dup=0 retain=0 \"second\" 1 bytes",
        "C>S PUBLISH id=3 q1 dup=0 retain=0 \"\" 1 bytes {Topic Alias=1}",
    ]);
}

/// Aliases die with the connection: what is sent again carries its topic.
#[test]
fn complaint_11_a_resent_publish_carries_its_topic() {
    let mut scene = sender();
    scene.publish("first", "x", QoS::AtLeastOnce);
    scene.publish("first", "x", QoS::AtLeastOnce);
    scene.cut();
    scene.trace();
    scene.reconnect(true, &[]);
    scene.expect(&[
        "C>S PUBLISH id=1 q1 dup=1 retain=0 \"first\" 1 bytes",
        "C>S PUBLISH id=2 q1 dup=1 retain=0 \"first\" 1 bytes",
    ]);
}

#[test]
fn no_alias_unless_both_sides_want_it() {
    let mut scene = Scene::connected_with(
        ProtocolVersion::V5_0,
        ClientConfig::default(),
        &[Property::TopicAliasMaximum(1)],
    );
    scene.publish("first", "x", QoS::AtMostOnce);
    assert_eq!(scene.trace()[1], "C>S PUBLISH q0 dup=0 retain=0 \"first\" 1 bytes");
}

fn receiver() -> Scene {
    let mut scene = Scene::new(ProtocolVersion::V5_0, ClientConfig::default());
    scene.connect(ConnectOptions { topic_alias_maximum: 2, ..persistent(ProtocolVersion::V5_0) });
    scene.accept(false, &[]);
    scene.trace();
    scene
}

fn send(scene: &mut Scene, topic: Option<&str>, number: u16, delivery: Delivery) -> String {
    let values = [alias(number)];
    let topic = topic.map(|topic| TopicName::parse(topic).unwrap());
    let properties = PublishProperties::new(&values).unwrap();
    let publish = Publish::new(TopicName::parse("unused").unwrap(), b"x");
    let _ = scene.server(Publish { topic, properties, delivery, ..publish });
    scene.trace()[1..].join(", ")
}

#[test]
fn aliases_of_the_server_are_resolved() {
    let mut scene = receiver();
    let q0 = Delivery::AtMostOnce;
    assert_eq!(send(&mut scene, Some("a"), 1, q0), "* message q0 dup=0 \"a\" \"x\"");
    assert_eq!(send(&mut scene, None, 1, q0), "* message q0 dup=0 \"a\" \"x\"");
    assert_eq!(send(&mut scene, Some("b"), 1, q0), "* message q0 dup=0 \"b\" \"x\"");
    assert_eq!(send(&mut scene, None, 1, q0), "* message q0 dup=0 \"b\" \"x\"");
}

#[test]
fn a_repeat_sets_its_alias_although_it_is_not_delivered() {
    let mut scene = receiver();
    let delivery = Delivery::ExactlyOnce { packet_id: id(1), dup: false };
    send(&mut scene, Some("a"), 1, delivery);
    assert_eq!(send(&mut scene, Some("b"), 2, delivery), "C>S PUBREC id=1");
    assert_eq!(send(&mut scene, None, 2, Delivery::AtMostOnce), "* message q0 dup=0 \"b\" \"x\"");
}

#[test]
fn case_24_invalid_aliases_end_the_connection() {
    for (topic, number, expected) in [
        (Some("a"), 3, "C>S DISCONNECT 0x94 Topic Alias invalid"),
        (None, 2, "C>S DISCONNECT 0x82 Protocol Error"),
    ] {
        assert_eq!(
            send(&mut receiver(), topic, number, Delivery::AtMostOnce),
            format!("* the Server broke the protocol: an invalid Topic Alias, {expected}")
        );
    }
}
