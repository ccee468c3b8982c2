//! Any valid packet of any version, after the tables of the specification and not after the tables of the codec.
//!
//! A packet borrows everything it says. The generated texts are leaked, so that a strategy can give out packets; a run
//! leaks a few megabytes.

#![allow(dead_code, reason = "every test file uses its own part")]

use core::num::{NonZeroU16, NonZeroU32};

use mqtt_codec::{
    AckProperties, Auth, AuthProperties, AuthReason, Connack, ConnackProperties, ConnackReason, Connect,
    ConnectFields, ConnectProperties, Delivery, Disconnect, DisconnectProperties, DisconnectReason, Packet,
    PacketId, PayloadFormat, Property, PropertyId, ProtocolVersion, Puback, Pubcomp, Publish,
    PublishProperties, PublishReason, Pubrec, Pubrel, QoS, ReleaseReason, RetainHandling, Side, Suback,
    SubackReason, SubackReasons, Subscribe, SubscribeProperties, SubscriptionIdentifier, SubscriptionOptions,
    Subscriptions, TopicFilters, Unsuback, UnsubackReason, UnsubackReasons, Unsubscribe,
    UnsubscribeProperties, Will, WillProperties,
};
use mqtt_topic::{Subscription, TopicName};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// A packet with the connection it travels on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) version: ProtocolVersion,
    pub(crate) from: Side,
    pub(crate) packet: Packet<'a>,
}

/// A packet of any version, sent by either side.
pub(crate) fn any_sent() -> impl Strategy<Value = Sent<'static>> {
    (select(&ProtocolVersion::ALL[..]), select(&[Side::Client, Side::Server][..])).prop_flat_map(
        |(version, from)| packet(version, from).prop_map(move |packet| Sent { version, from, packet }),
    )
}

/// A packet that `from` may send in `version`.
pub(crate) fn packet(version: ProtocolVersion, from: Side) -> BoxedStrategy<Packet<'static>> {
    let mut packets = vec![
        publish(version, from).prop_map(Packet::from).boxed(),
        puback(version, from),
        pubrec(version, from),
        pubrel(version),
        pubcomp(version),
    ];
    match from {
        Side::Client => packets.extend([
            connect(version).prop_map(Packet::from).boxed(),
            subscribe(version),
            unsubscribe(version),
            Just(Packet::Pingreq).boxed(),
            disconnect(version, from),
        ]),
        Side::Server => packets.extend([
            connack(version),
            suback(version),
            unsuback(version),
            Just(Packet::Pingresp).boxed(),
        ]),
    }
    if version == ProtocolVersion::V5_0 {
        packets.push(auth(from));
        packets.push(disconnect(version, from));
    }
    proptest::strategy::Union::new(packets).boxed()
}

fn leak<T>(values: Vec<T>) -> &'static [T] {
    values.leak()
}

/// Code points that nobody may refuse: no control characters, no non-characters.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        8 => prop::char::range(' ', '~'),
        2 => prop::char::range('\u{A0}', '\u{FDCF}'),
        1 => prop::char::range('\u{FDF0}', '\u{FFFD}'),
        1 => prop::char::range('\u{10000}', '\u{1FFFD}'),
    ]
}

/// The longest string.
const LONGEST: &str = match core::str::from_utf8(&[b'x'; 65_535]) {
    Ok(text) => text,
    Err(_) => "",
};

/// A string field; may be empty.
pub(crate) fn text() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        20 => vec(character(), 0..8).prop_map(|characters| &*characters.into_iter().collect::<String>().leak()),
        1 => Just(LONGEST),
    ]
}

/// Binary Data; may be empty.
pub(crate) fn data() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![20 => vec(any::<u8>(), 0..8).prop_map(leak), 1 => Just(LONGEST.as_bytes())]
}

fn level() -> impl Strategy<Value = String> {
    vec(character().prop_filter("no wildcard", |character| !"+#/".contains(*character)), 0..4)
        .prop_map(|characters| characters.into_iter().collect())
}

/// A Topic Name.
pub(crate) fn topic() -> impl Strategy<Value = TopicName<&'static [u8]>> {
    vec(level(), 1..4).prop_filter_map("not empty", |levels| TopicName::parse(levels.join("/").leak()).ok())
}

/// A subscription, shared ones in 5.0 only.
pub(crate) fn subscription(version: ProtocolVersion) -> impl Strategy<Value = Subscription<&'static [u8]>> {
    let level = prop_oneof![4 => level(), 1 => Just(String::from("+"))];
    let share = (prop::bool::weighted(0.3), level_of_share());
    (share, vec(level, 1..4), prop::bool::weighted(0.3)).prop_filter_map(
        "not empty",
        move |((is_shared, share_name), mut levels, multi_level)| {
            if multi_level {
                levels.push(String::from("#"));
            }
            let filter = levels.join("/");
            if version == ProtocolVersion::V5_0 && is_shared {
                Subscription::parse(format!("$share/{share_name}/{filter}").leak()).ok()
            } else {
                Subscription::ordinary(filter.leak()).ok()
            }
        },
    )
}

fn level_of_share() -> impl Strategy<Value = String> {
    level().prop_filter("a Share Name is not empty", |name| !name.is_empty())
}

fn qos() -> impl Strategy<Value = QoS> {
    select(&QoS::ALL[..])
}

pub(crate) fn packet_id() -> impl Strategy<Value = PacketId> {
    any::<NonZeroU16>().prop_map(PacketId::from)
}

/// Any value of the property.
pub(crate) fn property(id: PropertyId) -> BoxedStrategy<Property<'static>> {
    match id {
        PropertyId::PayloadFormatIndicator => select(&[PayloadFormat::Bytes, PayloadFormat::Utf8][..])
            .prop_map(Property::PayloadFormatIndicator)
            .boxed(),
        PropertyId::MessageExpiryInterval => any::<u32>().prop_map(Property::MessageExpiryInterval).boxed(),
        PropertyId::ContentType => text().prop_map(Property::ContentType).boxed(),
        PropertyId::ResponseTopic => topic().prop_map(Property::ResponseTopic).boxed(),
        PropertyId::CorrelationData => data().prop_map(Property::CorrelationData).boxed(),
        PropertyId::SubscriptionIdentifier => subscription_identifier().boxed(),
        PropertyId::SessionExpiryInterval => any::<u32>().prop_map(Property::SessionExpiryInterval).boxed(),
        PropertyId::AssignedClientIdentifier => text()
            .prop_filter("not empty", |text| !text.is_empty())
            .prop_map(Property::AssignedClientIdentifier)
            .boxed(),
        PropertyId::ServerKeepAlive => any::<u16>().prop_map(Property::ServerKeepAlive).boxed(),
        PropertyId::AuthenticationMethod => text().prop_map(Property::AuthenticationMethod).boxed(),
        PropertyId::AuthenticationData => data().prop_map(Property::AuthenticationData).boxed(),
        PropertyId::RequestProblemInformation => {
            any::<bool>().prop_map(Property::RequestProblemInformation).boxed()
        }
        PropertyId::WillDelayInterval => any::<u32>().prop_map(Property::WillDelayInterval).boxed(),
        PropertyId::RequestResponseInformation => {
            any::<bool>().prop_map(Property::RequestResponseInformation).boxed()
        }
        PropertyId::ResponseInformation => text().prop_map(Property::ResponseInformation).boxed(),
        PropertyId::ServerReference => text().prop_map(Property::ServerReference).boxed(),
        PropertyId::ReasonString => text().prop_map(Property::ReasonString).boxed(),
        PropertyId::ReceiveMaximum => any::<NonZeroU16>().prop_map(Property::ReceiveMaximum).boxed(),
        PropertyId::TopicAliasMaximum => any::<u16>().prop_map(Property::TopicAliasMaximum).boxed(),
        PropertyId::TopicAlias => any::<NonZeroU16>().prop_map(Property::TopicAlias).boxed(),
        PropertyId::MaximumQoS => {
            select(&[QoS::AtMostOnce, QoS::AtLeastOnce][..]).prop_map(Property::MaximumQoS).boxed()
        }
        PropertyId::RetainAvailable => any::<bool>().prop_map(Property::RetainAvailable).boxed(),
        PropertyId::UserProperty => (text(), text()).prop_map(Property::UserProperty).boxed(),
        PropertyId::MaximumPacketSize => any::<NonZeroU32>().prop_map(Property::MaximumPacketSize).boxed(),
        PropertyId::WildcardSubscriptionAvailable => {
            any::<bool>().prop_map(Property::WildcardSubscriptionAvailable).boxed()
        }
        PropertyId::SubscriptionIdentifierAvailable => {
            any::<bool>().prop_map(Property::SubscriptionIdentifierAvailable).boxed()
        }
        PropertyId::SharedSubscriptionAvailable => {
            any::<bool>().prop_map(Property::SharedSubscriptionAvailable).boxed()
        }
        _ => unreachable!("a property without a strategy: {id}"),
    }
}

fn subscription_identifier() -> impl Strategy<Value = Property<'static>> {
    prop_oneof![1..=127u32, 128..=16_383u32, 16_384..=2_097_151u32, 2_097_152..=268_435_455u32]
        .prop_map(|id| Property::SubscriptionIdentifier(SubscriptionIdentifier::new(id).unwrap()))
}

/// Some of the properties with these identifiers, each once, and any number of those in `repeated`.
fn properties(
    version: ProtocolVersion,
    once: &'static [u8],
    repeated: &'static [u8],
) -> BoxedStrategy<&'static [Property<'static>]> {
    if version != ProtocolVersion::V5_0 {
        return Just(&[][..]).boxed();
    }
    let repeated: Vec<u8> = [0x26].into_iter().chain(repeated.iter().copied()).collect();
    (subsequence(once, 0..=once.len()), vec(select(repeated), 0..3))
        .prop_flat_map(|(mut ids, repeated)| {
            // Authentication Data needs an Authentication Method.
            if !ids.contains(&0x15) {
                ids.retain(|id| *id != 0x16);
            }
            ids.extend(repeated);
            ids.into_iter().map(|id| property(PropertyId::from_id(id).unwrap())).collect::<Vec<_>>()
        })
        .prop_shuffle()
        .prop_map(leak)
        .boxed()
}

const CONNECT: &[u8] = &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x27];
const WILL: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18];
const CONNACK: &[u8] =
    &[0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x27, 0x28, 0x29, 0x2A];
const PUBLISH: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x23];

fn connect(version: ProtocolVersion) -> impl Strategy<Value = Connect<'static>> {
    let client_id = text().prop_filter("3.1 needs a Client Identifier", move |client_id| {
        version != ProtocolVersion::V3_1 || !client_id.is_empty()
    });
    let will = (topic(), data(), qos(), any::<bool>(), properties(version, WILL, &[])).prop_map(
        |(topic, payload, qos, retain, properties)| Will {
            qos,
            retain,
            properties: WillProperties::new(properties).unwrap(),
            ..Will::new(topic, payload)
        },
    );
    (
        client_id,
        any::<bool>(),
        any::<u16>(),
        prop::option::of(will),
        prop::option::of(text()),
        prop::option::of(data()),
        properties(version, CONNECT, &[]),
    )
        .prop_map(move |(client_id, clean_start, keep_alive, will, username, password, properties)| {
            // 3.x has a Password only beside a User Name.
            let password = password.filter(|_| username.is_some() || version == ProtocolVersion::V5_0);
            let properties = ConnectProperties::new(properties).unwrap();
            let fields =
                ConnectFields { client_id, clean_start, keep_alive, will, username, password, properties };
            Connect::new(Box::leak(Box::new(fields)))
        })
}

fn connack(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    let reasons: Vec<_> = match version {
        ProtocolVersion::V5_0 => ConnackReason::ALL.to_vec(),
        _ => (0..=5).map(|code| ConnackReason::from_return_code(code).unwrap()).collect(),
    };
    (any::<bool>(), select(reasons), properties(version, CONNACK, &[]))
        .prop_map(move |(session_present, reason, properties)| {
            let session_present = session_present && !reason.is_error() && version != ProtocolVersion::V3_1;
            Connack { session_present, reason, properties: ConnackProperties::new(properties).unwrap() }
        })
        .prop_map(Packet::from)
        .boxed()
}

/// A PUBLISH that `from` may send in `version`.
pub(crate) fn publish(version: ProtocolVersion, from: Side) -> impl Strategy<Value = Publish<'static>> {
    let delivery = (qos(), packet_id(), any::<bool>()).prop_map(|(qos, packet_id, dup)| match qos {
        QoS::AtMostOnce => Delivery::AtMostOnce,
        QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id, dup },
        QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup },
    });
    let repeated: &[u8] = if from == Side::Server { &[0x0B] } else { &[] };
    let payload =
        prop_oneof![10 => vec(any::<u8>(), 0..20).prop_map(leak), 1 => Just(&LONGEST.as_bytes()[..20_000])];
    (topic(), any::<bool>(), delivery, any::<bool>(), properties(version, PUBLISH, repeated), payload)
        .prop_map(|(topic, has_topic, delivery, retain, properties, payload)| {
            let properties = PublishProperties::new(properties).unwrap();
            let topic = (has_topic || !properties.contains(PropertyId::TopicAlias)).then_some(topic);
            Publish { topic, delivery, retain, properties, payload }
        })
}

fn ack_properties(version: ProtocolVersion) -> impl Strategy<Value = AckProperties<'static>> {
    properties(version, &[0x1F], &[]).prop_map(|properties| AckProperties::new(properties).unwrap())
}

fn publish_reason(version: ProtocolVersion, from: Side) -> impl Strategy<Value = PublishReason> {
    select(match (version, from) {
        (ProtocolVersion::V5_0, Side::Server) => PublishReason::ALL.to_vec(),
        (ProtocolVersion::V5_0, Side::Client) => {
            let mut reasons = PublishReason::ALL.to_vec();
            reasons.retain(|reason| *reason != PublishReason::NoMatchingSubscribers);
            reasons
        }
        _ => vec![PublishReason::Success],
    })
}

fn release_reason(version: ProtocolVersion) -> impl Strategy<Value = ReleaseReason> {
    let is_v5 = version == ProtocolVersion::V5_0;
    select(if is_v5 { ReleaseReason::ALL } else { &[ReleaseReason::Success][..] })
}

fn puback(version: ProtocolVersion, from: Side) -> BoxedStrategy<Packet<'static>> {
    (packet_id(), publish_reason(version, from), ack_properties(version))
        .prop_map(|(packet_id, reason, properties)| Puback { packet_id, reason, properties }.into())
        .boxed()
}

fn pubrec(version: ProtocolVersion, from: Side) -> BoxedStrategy<Packet<'static>> {
    (packet_id(), publish_reason(version, from), ack_properties(version))
        .prop_map(|(packet_id, reason, properties)| Pubrec { packet_id, reason, properties }.into())
        .boxed()
}

fn pubrel(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    (packet_id(), release_reason(version), ack_properties(version))
        .prop_map(|(packet_id, reason, properties)| Pubrel { packet_id, reason, properties }.into())
        .boxed()
}

fn pubcomp(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    (packet_id(), release_reason(version), ack_properties(version))
        .prop_map(|(packet_id, reason, properties)| Pubcomp { packet_id, reason, properties }.into())
        .boxed()
}

fn options(version: ProtocolVersion) -> impl Strategy<Value = SubscriptionOptions> {
    let handling = select(
        &[RetainHandling::SendAtSubscribe, RetainHandling::SendAtSubscribeIfNew, RetainHandling::DoNotSend][..],
    );
    (qos(), any::<bool>(), any::<bool>(), handling).prop_map(
        move |(qos, no_local, retain_as_published, retain_handling)| match version {
            ProtocolVersion::V5_0 => {
                SubscriptionOptions { qos, no_local, retain_as_published, retain_handling }
            }
            _ => SubscriptionOptions::from(qos),
        },
    )
}

fn subscribe(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    let entry = (subscription(version), options(version)).prop_map(|(subscription, mut options)| {
        options.no_local &= subscription.share_name().is_none();
        (subscription, options)
    });
    (packet_id(), properties(version, &[0x0B], &[]), vec(entry, 1..4))
        .prop_map(|(packet_id, properties, entries)| {
            Packet::from(Subscribe {
                properties: SubscribeProperties::new(properties).unwrap(),
                ..Subscribe::new(packet_id, Subscriptions::new(leak(entries)))
            })
        })
        .boxed()
}

fn suback(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    let reasons = match version {
        ProtocolVersion::V3_1 => &SubackReason::ALL[..3],
        ProtocolVersion::V3_1_1 => &SubackReason::ALL[..4],
        ProtocolVersion::V5_0 => SubackReason::ALL,
    };
    (packet_id(), ack_properties(version), vec(select(reasons), 1..5))
        .prop_map(|(packet_id, properties, reasons)| {
            Suback { packet_id, properties, reasons: SubackReasons::new(leak(reasons)) }.into()
        })
        .boxed()
}

fn unsubscribe(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    (packet_id(), properties(version, &[], &[]), vec(subscription(version), 1..4))
        .prop_map(|(packet_id, properties, filters)| {
            Packet::from(Unsubscribe {
                properties: UnsubscribeProperties::new(properties).unwrap(),
                ..Unsubscribe::new(packet_id, TopicFilters::new(leak(filters)))
            })
        })
        .boxed()
}

fn unsuback(version: ProtocolVersion) -> BoxedStrategy<Packet<'static>> {
    let count = if version == ProtocolVersion::V5_0 { 1..5 } else { 0..1 };
    (packet_id(), ack_properties(version), vec(select(UnsubackReason::ALL), count))
        .prop_map(|(packet_id, properties, reasons)| {
            Unsuback { packet_id, properties, reasons: UnsubackReasons::new(leak(reasons)) }.into()
        })
        .boxed()
}

fn disconnect(version: ProtocolVersion, from: Side) -> BoxedStrategy<Packet<'static>> {
    let (reasons, ids): (Vec<_>, &[u8]) = match (version, from) {
        (ProtocolVersion::V5_0, Side::Client) => (DISCONNECT_BY_CLIENT.to_vec(), &[0x11, 0x1F]),
        (ProtocolVersion::V5_0, Side::Server) => (DISCONNECT_BY_SERVER.to_vec(), &[0x1C, 0x1F]),
        _ => (vec![0x00], &[]),
    };
    (select(reasons), properties(version, ids, &[]))
        .prop_map(|(code, properties)| {
            Packet::from(Disconnect {
                reason: DisconnectReason::from_code(code).unwrap(),
                properties: DisconnectProperties::new(properties).unwrap(),
            })
        })
        .boxed()
}

const DISCONNECT_BY_CLIENT: &[u8] =
    &[0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
const DISCONNECT_BY_SERVER: &[u8] = &[
    0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
    0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
];

fn auth(from: Side) -> BoxedStrategy<Packet<'static>> {
    let reasons = match from {
        Side::Client => [AuthReason::ContinueAuthentication, AuthReason::ReAuthenticate],
        Side::Server => [AuthReason::Success, AuthReason::ContinueAuthentication],
    };
    let properties = properties(ProtocolVersion::V5_0, &[0x15, 0x16, 0x1F], &[])
        .prop_filter("AUTH names its method", |properties| {
            properties.iter().any(|property| property.id() == PropertyId::AuthenticationMethod)
        });
    (select(reasons.to_vec()), properties)
        .prop_map(|(reason, properties)| {
            Auth { reason, properties: AuthProperties::new(properties).unwrap() }.into()
        })
        .boxed()
}
