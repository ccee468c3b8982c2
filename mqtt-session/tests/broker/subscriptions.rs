//! SUBSCRIBE, UNSUBSCRIBE, and what subscriptions do to each other.

use mqtt_session::codec::{
    Deviation, Deviations, Property, ProtocolVersion, QoS, SubackReason, SubscriptionIdentifier,
    SubscriptionOptions,
};
use mqtt_session::topic::Subscription;
use mqtt_session::{BrokerConfig, ClientInfo, Policy, Refusal};

use crate::harness::{V3_1, V3_1_1, V5_0, World};

fn identifier(number: u32) -> [Property<'static>; 1] {
    [Property::SubscriptionIdentifier(SubscriptionIdentifier::new(number).unwrap())]
}

/// Section 4.7: the wildcards, and the topics they keep away from.
#[test]
fn filters_match_as_the_specification_says() {
    let matches = [
        ("sport/#", "sport", true),
        ("sport/#", "sport/tennis/player", true),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+", "/finance", false),
        ("/+", "/finance", true),
        ("+/+", "/finance", true),
        ("#", "$SYS/x", false),
        ("+/x", "$SYS/x", false),
        ("$SYS/#", "$SYS/x", true),
        ("a", "A", false),
    ];
    for version in ProtocolVersion::ALL {
        for (filter, topic, does_match) in matches {
            let mut world = World::new();
            let client = world.connect(version, "a");
            world.subscribe(client, filter, QoS::AtMostOnce);
            world.publish(client, topic, "", QoS::AtMostOnce);
            assert_eq!(world.trace(client).len(), usize::from(does_match), "{filter} {topic}");
        }
    }
}

#[test]
fn a_repeated_filter_replaces_the_subscription() {
    let mut world = World::new();
    let client = world.connect(V5_0, "a");
    world.subscribe_with(client, &[("x", QoS::AtMostOnce.into())], &identifier(5));
    world.subscribe_with(client, &[("x", QoS::AtLeastOnce.into())], &[]);
    world.trace(client);
    world.publish(client, "x", "", QoS::ExactlyOnce);
    world.expect(client, &["PUBLISH id=1 q1 dup=0 retain=0 \"x\" \"\""]);
    assert_eq!(world.broker.subscription_count(), 1);
}

/// One copy, at the highest QoS, with the identifiers of all [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4].
#[test]
fn overlapping_subscriptions_are_merged() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect(version, "a");
        let identified = |number| if version == V5_0 { identifier(number).to_vec() } else { Vec::new() };
        world.subscribe_with(client, &[("x/#", QoS::AtMostOnce.into())], &identified(1));
        world.subscribe_with(client, &[("x/+", QoS::ExactlyOnce.into())], &identified(2));
        world.subscribe_with(client, &[("x/y", QoS::AtLeastOnce.into())], &identified(2));
        world.subscribe_with(client, &[("+/y", QoS::AtLeastOnce.into())], &[]);
        world.trace(client);
        let bystander = world.connect(version, "b");
        world.subscribe(bystander, "x/y", QoS::AtMostOnce);
        world.publish(client, "x/y", "", QoS::ExactlyOnce);
        let mut received = world.trace(client);
        let line = received.remove(0);
        assert!(received.is_empty());
        assert!(line.starts_with("PUBLISH id=1 q2 dup=0 retain=0 \"x/y\" \"\""), "{line}");
        let count = |number| line.matches(&format!("Subscription Identifier={number}")).count();
        let expected = if version == V5_0 { (1, 2) } else { (0, 0) };
        assert_eq!((count(1), count(2)), expected, "{line}");
        world.expect(bystander, &["PUBLISH q0 dup=0 retain=0 \"x/y\" \"\""]);
    }
}

/// [MQTT-3.8.3-3].
#[test]
fn no_local_hides_the_own_messages() {
    let mut world = World::new();
    let (own, other) = (world.connect(V5_0, "own"), world.connect(V5_0, "other"));
    let options = SubscriptionOptions { no_local: true, ..QoS::AtMostOnce.into() };
    for client in [own, other] {
        world.subscribe(client, "x", options);
    }
    world.publish(own, "x", "", QoS::AtMostOnce);
    world.expect(own, &[]);
    world.expect(other, &["PUBLISH q0 dup=0 retain=0 \"x\" \"\""]);
    // Another subscription lets it through.
    world.subscribe(own, "+", QoS::AtMostOnce);
    world.publish(own, "x", "", QoS::AtMostOnce);
    world.expect(own, &["PUBLISH q0 dup=0 retain=0 \"x\" \"\""]);
}

#[test]
fn unsubscribing_ends_the_flow() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect(version, "a");
        world.subscribe(client, "x/+", QoS::AtMostOnce);
        world.unsubscribe(client, "x/y");
        world.unsubscribe(client, "x/+");
        let expected: &[&str] = match version {
            V5_0 => &["UNSUBACK id=101 0x11", "UNSUBACK id=101 0x00"],
            _ => &["UNSUBACK id=101", "UNSUBACK id=101"],
        };
        world.expect(client, expected);
        world.publish(client, "x/y", "", QoS::AtMostOnce);
        world.expect(client, &[]);
        assert_eq!(world.broker.subscription_count(), 0);
    }
}

/// Each filter has its own answer; what 3.1 cannot say is not said [M31-46].
#[test]
fn case_32_a_forbidden_subscription_is_refused() {
    struct Fence;
    impl Policy for Fence {
        fn may_subscribe(
            &self,
            client: &ClientInfo<'_>,
            subscription: &Subscription<&[u8]>,
            qos: QoS,
        ) -> Result<QoS, Refusal<SubackReason>> {
            assert_eq!((client.client_id, client.principal, qos), ("a", None, QoS::AtLeastOnce));
            assert!(client.connection.is_some());
            match subscription.to_string().as_str() {
                "secret/#" => Err(SubackReason::NotAuthorized.into()),
                "odd" => Err(SubackReason::GrantedQoS0.into()),
                "less" => Ok(QoS::AtMostOnce),
                "more" => Ok(QoS::ExactlyOnce),
                _ => Ok(qos),
            }
        }
    }
    for version in ProtocolVersion::ALL {
        let mut world = World::with(BrokerConfig::default(), Fence);
        let client = world.connect(version, "a");
        let qos = SubscriptionOptions::from(QoS::AtLeastOnce);
        world.subscribe_with(client, &[("a", qos), ("secret/#", qos), ("b", qos)], &[]);
        let code = match version {
            V3_1 => "01",
            V3_1_1 => "80",
            V5_0 => "87",
        };
        world.expect(client, &[&format!("SUBACK id=100 0x01 0x{code} 0x01")]);
        world.subscribe_with(client, &[("odd", qos), ("less", qos), ("more", qos)], &[]);
        world.expect(client, &[&format!("SUBACK id=100 0x{code} 0x00 0x01")]);
        world.publish(client, "secret/x", "", QoS::AtMostOnce);
        world.expect(client, &[]);
    }
}

#[test]
fn case_35_subscriptions_have_ceilings() {
    let config =
        BrokerConfig { maximum_subscriptions: 2, maximum_filter_levels: 3, ..BrokerConfig::default() };
    for version in ProtocolVersion::ALL {
        let mut world = World::with_config(config.clone());
        let client = world.connect(version, "a");
        let qos = SubscriptionOptions::from(QoS::AtMostOnce);
        world.subscribe_with(
            client,
            &[("a/b/c/d", qos), ("a/b/c", qos), ("b", qos), ("b", qos), ("c", qos)],
            &[],
        );
        let code = match version {
            V3_1 => "00",
            V3_1_1 => "80",
            V5_0 => "97",
        };
        world.expect(client, &[&format!("SUBACK id=100 0x{code} 0x00 0x00 0x00 0x{code}")]);
        assert_eq!(world.broker.subscription_count(), 2);
        world.unsubscribe(client, "b");
        world.trace(client);
        world.subscribe(client, "c", QoS::AtMostOnce);
    }
}

/// A Client that asks for what CONNACK has ruled out (table 17 of section 3.2.2.3).
#[test]
fn what_connack_has_ruled_out_ends_the_connection() {
    let config = BrokerConfig {
        wildcard_subscription_available: false,
        subscription_identifier_available: false,
        shared_subscription_available: false,
        maximum_qos: QoS::AtLeastOnce,
        retain_available: false,
        ..BrokerConfig::default()
    };
    let mut world = World::with_config(config);
    let qos = SubscriptionOptions::from(QoS::ExactlyOnce);
    for (filter, properties, reason) in [
        ("a/+", Vec::new(), "0xA2 Wildcard Subscriptions not supported"),
        ("a", identifier(1).to_vec(), "0xA1 Subscription Identifiers not supported"),
        ("$share/g/a", Vec::new(), "0x9E Shared Subscriptions not supported"),
    ] {
        let client = world.connect(V5_0, "a");
        world.subscribe_with(client, &[(filter, qos)], &properties);
        world.expect(client, &[&format!("DISCONNECT {reason}"), "CLOSED"]);
    }
    for (qos, retain, reason) in [
        (QoS::ExactlyOnce, false, "0x9B QoS not supported"),
        (QoS::AtMostOnce, true, "0x9A Retain not supported"),
    ] {
        let client = world.connect(V5_0, "a");
        world.publish_with(client, "a", "x", crate::harness::delivery(qos, 1), retain, &[]);
        world.expect(client, &[&format!("DISCONNECT {reason}"), "CLOSED"]);
    }
    // A higher QoS is granted as far as it goes.
    for version in ProtocolVersion::ALL {
        let client = world.connect(version, "a");
        world.subscribe_with(client, &[("a", qos)], &[]);
        world.expect(client, &["SUBACK id=100 0x01"]);
    }
}

/// The answer comes before the messages.
#[test]
fn suback_precedes_retained_messages() {
    for version in ProtocolVersion::ALL {
        let mut world = World::new();
        let client = world.connect(version, "a");
        world.retain(client, "x", "r", QoS::AtLeastOnce);
        world.subscribe_with(client, &[("x", QoS::AtLeastOnce.into())], &[]);
        world.expect(client, &["SUBACK id=100 0x01", "PUBLISH id=1 q1 dup=0 retain=1 \"x\" \"r\""]);
    }
}

/// Where the broker is told to, it answers an invalid Topic Filter with a reason code of its own and goes on; 3.1 has no
/// such code.
#[test]
fn an_invalid_filter_is_answered_on_its_own_where_that_is_accepted() {
    let subscribe = |version| match version {
        V5_0 => &b"\x82\x0D\x00\x07\x00\x00\x01a\x01\x00\x03a+b\x00"[..],
        _ => &b"\x82\x0C\x00\x07\x00\x01a\x01\x00\x03a+b\x00"[..],
    };
    let subacks =
        [(V5_0, "SUBACK id=7 0x01 0x8F"), (V3_1_1, "SUBACK id=7 0x01 0x80"), (V3_1, "SUBACK id=7 0x01 0x00")];
    for (version, suback) in subacks {
        let accepted_deviations = Deviations::NONE.with(Deviation::InvalidTopicFilter);
        let mut world = World::with_config(BrokerConfig { accepted_deviations, ..BrokerConfig::default() });
        let client = world.connect(version, "a");
        world.send_bytes(client, subscribe(version));
        world.expect(client, &[suback]);
        world.publish(client, "a", "x", QoS::AtMostOnce);
        assert_eq!(world.trace(client).len(), 1, "{version}: the valid one holds");
    }
    let mut world = World::with_config(BrokerConfig {
        accepted_deviations: Deviations::NONE.with(Deviation::InvalidTopicFilter),
        ..BrokerConfig::default()
    });
    let client = world.connect(V5_0, "a");
    world.send_bytes(client, b"\xA2\x08\x00\x07\x00\x00\x03#/a");
    world.expect(client, &["UNSUBACK id=7 0x8F"]);
}
