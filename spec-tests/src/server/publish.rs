//! PUBLISH: what is forwarded, to whom, and how (section 3.3).

use std::num::NonZeroU16;

use mqtt_session::codec::{Packet, PayloadFormat, Property, PropertyId, SubscriptionIdentifier};
use mqtt_session::topic::TopicName;

use super::raw;
use crate::script::{Message, Scene, message, puback, pubcomp, pubrec, pubrel, subscribe};

crate::scripts! {
    mqtt5_3_3_1_1_mqtt311_3_3_1_1_a_message_sent_again_has_dup: any,
    mqtt5_3_3_1_3_mqtt311_3_3_1_3_dup_is_not_forwarded: any,
    mqtt5_3_3_2_3_mqtt311_3_3_2_3_only_what_matches_is_sent: any,
    mqtt5_3_3_2_4_mqtt5_3_3_2_15_mqtt5_3_3_2_16_mqtt5_3_3_2_17_mqtt5_3_3_2_18_mqtt5_3_3_2_20_properties_are_forwarded: any,
    mqtt5_3_3_2_4_absent_properties_stay_absent: any,
    mqtt5_3_3_2_5_a_message_that_waited_too_long_is_not_sent: any,
    mqtt5_3_3_2_6_the_expiry_interval_is_counted_down: any,
    mqtt5_3_3_2_7_aliases_end_with_the_connection: any,
    mqtt5_3_3_2_9_mqtt5_3_2_2_17_an_alias_above_the_maximum_ends_the_connection: any,
    mqtt5_3_2_2_18_mqtt5_3_3_2_9_without_a_maximum_there_is_no_alias: config,
    mqtt5_3_3_2_12_every_alias_up_to_the_maximum_is_taken: any,
    mqtt5_3_1_2_26_mqtt5_3_3_2_11_the_server_keeps_to_the_clients_alias_maximum: any,
    mqtt5_3_1_2_27_without_a_maximum_the_server_uses_no_alias: any,
    mqtt5_3_3_4_1_mqtt311_3_3_4_1_each_qos_has_its_answer: any,
    mqtt5_3_3_4_2_mqtt311_3_3_5_1_m31_54_overlapping_subscriptions_give_the_highest_qos: any,
    mqtt5_3_3_4_3_mqtt5_3_3_4_4_mqtt5_3_3_4_5_the_identifiers_of_what_matches_are_told: any,
    mqtt5_3_3_4_7_mqtt5_4_9_0_2_one_message_too_many_ends_the_connection: config,
    mqtt311_3_3_5_2_m31_45_a_forbidden_message_is_acknowledged_and_goes_nowhere: rules,
    decision_1_an_invalid_topic_name_ends_the_connection: any,
    decision_16_decision_38_one_copy_for_overlapping_subscriptions: any,
    decision_19_topics_that_begin_with_a_dollar_sign_are_for_everybody: any,
}

fn mqtt5_3_3_1_1_mqtt311_3_3_1_1_a_message_sent_again_has_dup(s: &Scene) {
    let mut publisher = s.connects("pub");
    for level in [1, 2] {
        let dial = s.client(&format!("sub{level}")).keeps();
        let mut client = dial.connects();
        client.subscribes("a", 2);
        publisher.publishes(message("a", "x").qos(level));
        let id = client.receives(message("a", "x").qos(level)).id();
        client.vanishes();
        let mut client = dial.resumes();
        client.receives(message("a", "x").qos(level).id(id).dup());
        client.vanishes();
        let mut client = dial.resumes();
        client.takes(message("a", "x").qos(level).id(id).dup());
        client.nothing_else();
        client.disconnects();
    }
}

fn mqtt5_3_3_1_3_mqtt311_3_3_1_3_dup_is_not_forwarded(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes("a", 2);
    let mut publisher = s.connects("pub");
    for level in [1, 2] {
        publisher.publishes(message("a", "x").qos(level).dup());
        client.takes(message("a", "x").qos(level));
    }
}

fn mqtt5_3_3_2_3_mqtt311_3_3_2_3_only_what_matches_is_sent(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("a/+/c", 0).and("x/#", 0));
    let mut publisher = s.connects("pub");
    for topic in ["a/c", "a/b/c", "a/b/d", "a/b/c/d", "b/b/c", "x", "x/y/z", "y"] {
        publisher.publishes(message(topic, topic));
    }
    for topic in ["a/b/c", "x", "x/y/z"] {
        client.receives(message(topic, topic));
    }
    client.nothing_else();
}

fn mqtt5_3_3_2_4_mqtt5_3_3_2_15_mqtt5_3_3_2_16_mqtt5_3_3_2_17_mqtt5_3_3_2_18_mqtt5_3_3_2_20_properties_are_forwarded(
    s: &Scene,
) {
    let mut clients = [s.connects("one"), s.connects("two")];
    for client in &mut clients {
        client.subscribes("a", 2);
    }
    let mut kept = s.client("kept").keeps().connects();
    kept.subscribes("a", 2);
    kept.vanishes();
    let properties = [
        Property::PayloadFormatIndicator(PayloadFormat::Utf8),
        Property::ResponseTopic(TopicName::parse("answers/ä").expect("a Topic Name")),
        Property::CorrelationData(b"\x00\xFF\x01"),
        Property::UserProperty(("z", "1")),
        Property::UserProperty(("a", "")),
        Property::UserProperty(("z", "2")),
        Property::UserProperty(("z", "1")),
        Property::UserProperty(("", "ü")),
        Property::ContentType("application/x-ü"),
    ];
    let whole = properties.iter().fold(message("a", "x"), |message, property| message.with(*property));
    let mut publisher = s.connects("pub");
    for level in [0, 1, 2] {
        publisher.publishes(whole.clone().qos(level));
        for client in &mut clients {
            client.takes(whole.clone().qos(level));
        }
    }
    let mut kept = s.client("kept").keeps().resumes();
    if s.is_exact() {
        kept.takes(whole.clone().qos(1));
        kept.takes(whole.qos(2));
    }
}

fn mqtt5_3_3_2_4_absent_properties_stay_absent(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes("a", 1);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(1));
    let expected = [
        PropertyId::PayloadFormatIndicator,
        PropertyId::MessageExpiryInterval,
        PropertyId::ContentType,
        PropertyId::ResponseTopic,
        PropertyId::CorrelationData,
        PropertyId::SubscriptionIdentifier,
        PropertyId::TopicAlias,
    ];
    client.takes(expected.into_iter().fold(message("a", "x").qos(1), Message::without));
    // 0 is not the same as nothing.
    let zero = Property::PayloadFormatIndicator(PayloadFormat::Bytes);
    publisher.publishes(message("a", "x").qos(1).with(zero));
    client.takes(message("a", "x").qos(1).with(zero));
}

fn mqtt5_3_3_2_5_a_message_that_waited_too_long_is_not_sent(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    client.vanishes();
    let mut publisher = s.connects("pub");
    for level in [1, 2] {
        publisher.publishes(message("a", "gone").qos(level).with(Property::MessageExpiryInterval(1)));
    }
    publisher.publishes(message("a", "there").qos(1));
    s.waits(3);
    let mut client = s.client("sub").keeps().resumes();
    client.takes(message("a", "there").qos(1));
    client.nothing_else();
}

fn mqtt5_3_3_2_6_the_expiry_interval_is_counted_down(s: &Scene) {
    let mut client = s.client("sub").keeps().connects();
    client.subscribes("a", 2);
    client.vanishes();
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a", "x").qos(1).with(Property::MessageExpiryInterval(1000)));
    s.waits(2);
    let mut client = s.client("sub").keeps().resumes();
    let received = client.takes(message("a", "x").qos(1));
    let Packet::Publish(publish) = received.packet() else { panic!("it was one") };
    let left = publish.properties.message_expiry_interval();
    assert!(left.is_some_and(|left| (900..=998).contains(&left)), "{}", received.packet());
    assert!(!s.is_exact() || left == Some(998), "{}", received.packet());
}

fn alias(number: u16) -> Property<'static> {
    Property::TopicAlias(NonZeroU16::new(number).expect("not 0"))
}

/// The highest alias a Client may use.
fn alias_maximum(received: &crate::script::Received) -> u16 {
    received.connack().properties.topic_alias_maximum().unwrap_or(0)
}

fn mqtt5_3_3_2_7_aliases_end_with_the_connection(s: &Scene) {
    let (mut client, received) = s.client("a").keeps().accepted(false);
    if alias_maximum(&received) == 0 {
        s.skips("the Server takes no Topic Alias");
    }
    client.publishes(message("a", "x").qos(1).with(alias(1)));
    client.publishes(message("", "x").qos(1).with(alias(1)));
    client.vanishes();
    let mut client = s.client("a").keeps().resumes();
    client.sends(message("", "x").qos(1).with(alias(1)));
    client.is_closed_with(0x82);
}

fn mqtt5_3_3_2_9_mqtt5_3_2_2_17_an_alias_above_the_maximum_ends_the_connection(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    let (mut client, received) = s.client("a").accepted(false);
    let Some(above) = alias_maximum(&received).checked_add(1) else {
        s.skips("no alias is above the maximum");
    };
    client.sends(message("a", "x").with(alias(above)));
    client.is_closed_with(0x94);
    observer.nothing_else();
}

fn mqtt5_3_2_2_18_mqtt5_3_3_2_9_without_a_maximum_there_is_no_alias(s: &Scene) {
    s.configures(|config| config.topic_alias_maximum = 0);
    let (mut client, received) = s.client("a").accepted(false);
    assert_eq!(received.connack().properties.topic_alias_maximum(), None);
    client.sends(message("a", "x").with(alias(1)));
    client.is_closed_with(0x94);
}

fn mqtt5_3_3_2_12_every_alias_up_to_the_maximum_is_taken(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("#", 1);
    let (mut client, received) = s.client("a").accepted(false);
    let maximum = alias_maximum(&received);
    if maximum == 0 {
        s.skips("the Server takes no Topic Alias");
    }
    let some: Vec<u16> = (1..=maximum.min(40)).chain([maximum]).collect();
    for number in &some {
        let topic = format!("t{number}");
        client.publishes(message(&topic, "name").qos(1).with(alias(*number)));
        observer.takes(message(&topic, "name").qos(1));
    }
    for number in &some {
        client.publishes(message("", "alias").qos(1).with(alias(*number)));
        observer.takes(message(&format!("t{number}"), "alias").qos(1));
    }
    // It can be given another topic.
    client.publishes(message("new", "name").qos(1).with(alias(1)));
    observer.takes(message("new", "name").qos(1));
    client.publishes(message("", "alias").qos(1).with(alias(1)));
    observer.takes(message("new", "alias").qos(1));
}

fn mqtt5_3_1_2_26_mqtt5_3_3_2_11_the_server_keeps_to_the_clients_alias_maximum(s: &Scene) {
    let mut client = s.client("sub").with(Property::TopicAliasMaximum(2)).connects();
    client.subscribes("#", 0);
    let mut publisher = s.connects("pub");
    let mut known: [Option<String>; 2] = [None, None];
    for round in 0..3 {
        for number in 0..5 {
            let topic = format!("t{number}");
            publisher.publishes(message(&topic, &format!("{round} {number}")));
            let received = client.receives_any();
            let Packet::Publish(publish) = received.packet() else { panic!("{}", received.packet()) };
            let alias = publish.properties.topic_alias().map(NonZeroU16::get);
            assert!(alias.is_none_or(|alias| alias <= 2), "{}", received.packet());
            let slot = alias.map(|alias| &mut known[usize::from(alias) - 1]);
            let name = match (publish.topic, slot) {
                (Some(name), slot) => {
                    let name = name.as_str().to_owned();
                    if let Some(slot) = slot {
                        *slot = Some(name.clone());
                    }
                    name
                }
                (None, Some(Some(name))) => name.clone(),
                (None, _) => panic!("an alias that stands for nothing: {}", received.packet()),
            };
            assert_eq!(name, s.topic(&topic));
        }
    }
}

fn mqtt5_3_1_2_27_without_a_maximum_the_server_uses_no_alias(s: &Scene) {
    let mut publisher = s.connects("pub");
    for dial in [s.client("one"), s.client("two").with(Property::TopicAliasMaximum(0))] {
        let mut client = dial.connects();
        client.subscribes("a", 0);
        for payload in ["x", "y", "z"] {
            publisher.publishes(message("a", payload));
            client.receives(message("a", payload).without(PropertyId::TopicAlias));
        }
    }
}

fn mqtt5_3_3_4_1_mqtt311_3_3_4_1_each_qos_has_its_answer(s: &Scene) {
    let mut client = s.connects("a");
    client.sends(message("a", "x"));
    client.nothing_else();
    client.sends(message("a", "x").qos(1).id(7));
    client.receives(puback(7));
    client.nothing_else();
    client.sends(message("a", "x").qos(2).id(8));
    client.receives(pubrec(8));
    client.nothing_else();
    client.sends(pubrel(8));
    client.receives(pubcomp(8));
    client.nothing_else();
}

fn mqtt5_3_3_4_2_mqtt311_3_3_5_1_m31_54_overlapping_subscriptions_give_the_highest_qos(s: &Scene) {
    if s.version() == crate::manifest::Version::V3_1 && !s.is_exact() {
        s.skips("MQTT 3.1 does not say what is to be done");
    }
    let mut client = s.connects("sub");
    client.subscribes("a/#", 0);
    client.subscribes("a/+", 2);
    client.subscribes("a/b", 1);
    let mut publisher = s.connects("pub");
    for level in [0, 1, 2] {
        publisher.publishes(message("a/b", "x").qos(level));
        if s.is_exact() {
            client.takes(message("a/b", "x").qos(level));
            client.nothing_else();
            continue;
        }
        // Separate copies are allowed, as long as one has the highest QoS.
        let mut highest = 0;
        while let Some(received) = client.receives_unless_quiet() {
            let Packet::Publish(publish) = received.packet() else { panic!("{}", received.packet()) };
            let got = publish.delivery.qos().bits();
            client.acknowledges(&received, got);
            highest = highest.max(got);
        }
        assert_eq!(highest, level, "the highest QoS");
    }
}

fn mqtt5_3_3_4_3_mqtt5_3_3_4_4_mqtt5_3_3_4_5_the_identifiers_of_what_matches_are_told(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes_with(subscribe("a/+", 0).identifier(1));
    client.subscribes_with(subscribe("a/b", 0).identifier(268_435_455));
    client.subscribes_with(subscribe("a/#", 0));
    client.subscribes_with(subscribe("+/b", 0).identifier(1));
    client.subscribes_with(subscribe("x", 0).identifier(5));
    let mut publisher = s.connects("pub");
    publisher.publishes(message("a/b", "x"));
    let mut all = Vec::new();
    let mut copies = 0;
    while let Some(received) = client.receives_unless_quiet() {
        let Packet::Publish(publish) = received.packet() else { panic!("{}", received.packet()) };
        all.extend(publish.properties.subscription_identifiers().map(SubscriptionIdentifier::get));
        copies += 1;
    }
    all.sort_unstable();
    if s.is_exact() {
        assert_eq!(copies, 1, "one merged copy");
    }
    assert_eq!(all, [1, 1, 268_435_455], "the identifiers of what matches");
    // One filter alone.
    publisher.publishes(message("x", "y"));
    let received = client.receives(message("x", "y"));
    let Packet::Publish(publish) = received.packet() else { panic!("{}", received.packet()) };
    assert!(publish.properties.subscription_identifiers().map(SubscriptionIdentifier::get).eq([5]));
    // Without identifier.
    publisher.publishes(message("a/c/d", "z"));
    client.receives(message("a/c/d", "z").without(PropertyId::SubscriptionIdentifier));
}

fn mqtt5_3_3_4_7_mqtt5_4_9_0_2_one_message_too_many_ends_the_connection(s: &Scene) {
    s.configures(|config| config.receive_maximum = NonZeroU16::new(2).expect("not 0"));
    let (mut client, received) = s.client("a").accepted(false);
    assert_eq!(received.connack().properties.receive_maximum().map(NonZeroU16::get), Some(2));
    let mut observer = s.connects("obs");
    observer.subscribes("a", 0);
    // Two are under way; a repeat is not one more, QoS 0 is none.
    for id in [1, 2] {
        client.sends(message("a", "x").qos(2).id(id));
        client.receives(pubrec(id));
        observer.receives(message("a", "x"));
    }
    client.sends(message("a", "x").qos(2).id(2).dup());
    client.receives(pubrec(2));
    client.sends(message("a", "0"));
    observer.receives(message("a", "0"));
    // One is over, and another takes its place.
    client.sends(pubrel(1));
    client.receives(pubcomp(1));
    client.sends(message("a", "x").qos(2).id(3));
    client.receives(pubrec(3));
    observer.receives(message("a", "x"));
    client.sends(message("a", "too many").qos(1).id(4));
    client.is_closed_with(0x93);
    observer.nothing_else();
}

fn mqtt311_3_3_5_2_m31_45_a_forbidden_message_is_acknowledged_and_goes_nowhere(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("#", 0);
    let mut client = s.connects("a");
    for level in [0, 1, 2] {
        client.publishes(message("forbidden", "x").qos(level));
    }
    client.nothing_else();
    observer.nothing_else();
}

fn decision_1_an_invalid_topic_name_ends_the_connection(s: &Scene) {
    let mut observer = s.connects("obs");
    observer.subscribes("#", 0);
    for topic in ["a/+", "a/#", "#", "+"] {
        let mut client = s.connects("a");
        client.sends_bytes(&raw::publish(s, 0x30, s.topic(topic).as_bytes(), None, b"x"));
        client.is_closed_with(0x90);
    }
    observer.nothing_else();
}

fn decision_16_decision_38_one_copy_for_overlapping_subscriptions(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes("a/+", 1);
    client.subscribes("a/b", 0);
    client.subscribes("a/#", 1);
    let mut publisher = s.connects("pub");
    for payload in ["1", "2", "3"] {
        publisher.publishes(message("a/b", payload).qos(1));
    }
    for payload in ["1", "2", "3"] {
        client.takes(message("a/b", payload).qos(1));
    }
    client.nothing_else();
}

fn decision_19_topics_that_begin_with_a_dollar_sign_are_for_everybody(s: &Scene) {
    let mut client = s.connects("sub");
    client.subscribes("!$x%/a", 1);
    let mut publisher = s.connects("pub");
    publisher.publishes(message("!$x%/a", "x").qos(1));
    client.takes(message("!$x%/a", "x").qos(1));
}
