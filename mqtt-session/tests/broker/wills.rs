//! Will Messages: when they are published, when not, and by whose leave (sections 3.1.2.5 and 3.1.3.2).

use mqtt_session::codec::{
    ConnectFields, Disconnect, DisconnectReason, Packet, Property, ProtocolVersion, PublishReason, QoS, Will,
    WillProperties,
};
use mqtt_session::{BrokerConfig, ClientInfo, Notice, Policy, Refusal, codec};

use crate::harness::{Client, V3_1_1, V5_0, World, will};

/// A subscriber to the Will, and its owner.
fn scene(version: ProtocolVersion, will: Will<'_>, expiry: u32) -> (World, Client, Client) {
    let mut world = World::new();
    let subscriber = world.connect(version, "subscriber");
    world.subscribe(subscriber, "#", QoS::ExactlyOnce);
    let owner = own(&mut world, version, will, expiry);
    (world, subscriber, owner)
}

fn own(world: &mut World, version: ProtocolVersion, will: Will<'_>, expiry: u32) -> Client {
    let fields = ConnectFields {
        client_id: "owner",
        clean_start: expiry == 0,
        keep_alive: 10,
        will: Some(will),
        ..ConnectFields::default()
    };
    let client = world.connect_with(version, fields, &[Property::SessionExpiryInterval(expiry)]);
    world.trace(client);
    client
}

const PUBLISHED: &str = "PUBLISH q0 dup=0 retain=0 \"will\" \"gone\"";

type Act = fn(&mut World, Client);

#[test]
fn complaint_20_case_26_a_will_is_published_unless_the_client_disconnects() {
    for version in ProtocolVersion::ALL {
        for expiry in [0, u32::MAX] {
            let ends: [(&str, bool, Act); 7] = [
                ("DISCONNECT", false, |world, owner| world.disconnect(owner)),
                ("lost", true, |world, owner| world.cut(owner)),
                ("silence", true, |world, _| world.pass_seconds(15)),
                ("garbage", true, |world, owner| world.send_bytes(owner, b"\x00\x00")),
                ("administrator", true, |world, owner| {
                    world.broker.disconnect(world.now, owner.id, DisconnectReason::AdministrativeAction);
                }),
                ("malformed DISCONNECT", true, |world, owner| world.send_bytes(owner, b"\xE0\x01\xFF")),
                ("taken over", true, |world, owner| {
                    world.connect_with(
                        owner.version,
                        ConnectFields { client_id: "owner", clean_start: false, ..ConnectFields::default() },
                        &[],
                    );
                }),
            ];
            for (name, is_published, end) in ends {
                let (mut world, subscriber, owner) = scene(version, will("will", "gone"), expiry);
                end(&mut world, owner);
                world.settle();
                let expected: &[&str] = if is_published { &[PUBLISHED] } else { &[] };
                assert_eq!(world.trace(subscriber), expected, "{version} expiry {expiry} {name}");
                // Never twice.
                world.pass_seconds(1_000);
                world.expect(subscriber, &[]);
            }
        }
    }
}

#[test]
fn complaint_20_case_26_disconnect_with_another_reason_publishes_the_will() {
    let reasons = [
        (DisconnectReason::NormalDisconnection, false),
        (DisconnectReason::DisconnectWithWillMessage, true),
        (DisconnectReason::UnspecifiedError, true),
        (DisconnectReason::QuotaExceeded, true),
    ];
    for (reason, is_published) in reasons {
        let (mut world, subscriber, owner) = scene(V5_0, will("will", "gone"), 100);
        world.send(owner, &Packet::Disconnect(Disconnect::new(reason)));
        world.expect(owner, &["CLOSED"]);
        let expected: &[&str] = if is_published { &[PUBLISHED] } else { &[] };
        world.expect(subscriber, expected);
    }
}

fn delayed(seconds: u32) -> [Property<'static>; 1] {
    [Property::WillDelayInterval(seconds)]
}

#[test]
fn complaint_20_case_26_a_will_waits_for_its_delay_or_the_end_of_the_session() {
    // (delay, expiry) -> seconds until it is published
    for (delay, expiry, at) in [(0, 100, 0), (10, 0, 0), (10, 100, 10), (100, 10, 10), (10, u32::MAX, 10)] {
        let properties = delayed(delay);
        let properties = WillProperties::new(&properties).unwrap();
        let (mut world, subscriber, owner) = scene(V5_0, Will { properties, ..will("will", "gone") }, expiry);
        world.cut(owner);
        if at > 0 {
            world.pass(std::time::Duration::from_millis(at * 1000 - 1));
            world.expect(subscriber, &[]);
            world.pass(std::time::Duration::from_millis(1));
        }
        world.expect(subscriber, &[PUBLISHED]);
        world.pass_seconds(1_000);
        world.expect(subscriber, &[]);
    }
}

#[test]
fn complaint_20_case_26_coming_back_cancels_a_delayed_will_unless_the_session_ends() {
    for (clean_start, is_published) in [(false, false), (true, true)] {
        for is_taken_over in [false, true] {
            let properties = delayed(10);
            let properties = WillProperties::new(&properties).unwrap();
            let (mut world, subscriber, owner) =
                scene(V5_0, Will { properties, ..will("will", "gone") }, 100);
            if !is_taken_over {
                world.cut(owner);
                world.pass_seconds(9);
            }
            let fields = ConnectFields { client_id: "owner", clean_start, ..ConnectFields::default() };
            let client = world.connect_with(V5_0, fields, &[]);
            world.expect_connack(client, !clean_start);
            let expected: &[&str] = if is_published { &[PUBLISHED] } else { &[] };
            assert_eq!(world.trace(subscriber), expected, "clean {clean_start} taken over {is_taken_over}");
            world.disconnect(client);
            world.pass_seconds(1_000);
            world.expect(subscriber, &[]);
        }
    }
}

/// [MQTT-3.1.2-14], [MQTT-3.1.2-15], [MQTT-3.1.3-10]: QoS, RETAIN and properties; the delay stays behind.
#[test]
fn a_will_is_a_message_as_any_other() {
    let properties = [
        Property::WillDelayInterval(1),
        Property::MessageExpiryInterval(50),
        Property::ContentType("text"),
        Property::UserProperty(("k", "v")),
    ];
    let properties = WillProperties::new(&properties).unwrap();
    let will = Will { properties, qos: QoS::ExactlyOnce, retain: true, ..will("will", "gone") };
    let (mut world, subscriber, owner) = scene(V5_0, will, 100);
    world.cut(owner);
    world.pass_seconds(20);
    let carried = "{Message Expiry Interval=50, Content Type=\"text\", \"k\"=\"v\"}";
    world.expect(subscriber, &[&format!("PUBLISH id=1 q2 dup=0 retain=0 \"will\" \"gone\" {carried}")]);
    // Its expiry counts from its publication: 19 seconds ago.
    let late = world.connect(V5_0, "late");
    world.subscribe(late, "will", QoS::AtMostOnce);
    let carried = carried.replace("50", "31");
    world.expect(late, &[&format!("PUBLISH q0 dup=0 retain=1 \"will\" \"gone\" {carried}")]);
}

#[test]
fn a_will_needs_leave_when_it_is_published() {
    #[derive(Default)]
    struct Fickle {
        is_forbidden: bool,
    }
    impl Policy for Fickle {
        fn may_publish(
            &self,
            _: &ClientInfo<'_>,
            _: &codec::Publish<'_>,
        ) -> Result<(), Refusal<PublishReason>> {
            if self.is_forbidden { Err(PublishReason::NotAuthorized.into()) } else { Ok(()) }
        }
    }
    let mut world = World::with(BrokerConfig::default(), Fickle::default());
    let subscriber = world.connect(V3_1_1, "subscriber");
    world.subscribe(subscriber, "#", QoS::AtMostOnce);
    let fields =
        ConnectFields { client_id: "owner", will: Some(will("will", "gone")), ..ConnectFields::default() };
    let owner = world.connect_with(V3_1_1, fields, &[]);
    world.broker.policy_mut().is_forbidden = true;
    world.cut(owner);
    world.expect(subscriber, &[]);
    assert_eq!(world.notices, [Notice::WillRefused { client_id: "owner".into() }]);
}

/// A CONNECT that is refused leaves no Will.
#[test]
fn a_refused_connection_has_no_will() {
    let mut world = World::with_config(BrokerConfig { maximum_sessions: 1, ..BrokerConfig::default() });
    let subscriber = world.connect(V5_0, "subscriber");
    world.subscribe(subscriber, "#", QoS::AtMostOnce);
    own(&mut world, V5_0, will("will", "gone"), 0);
    world.pass_seconds(100);
    world.expect(subscriber, &[]);
}
