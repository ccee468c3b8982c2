//! However the bytes of a connection are cut into pieces, the broker does the same.

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{
    Connect, ConnectFields, Delivery, Disconnect, DisconnectReason, Packet, Property, ProtocolVersion,
    Puback, Pubcomp, Publish, PublishProperties, Pubrec, Pubrel, QoS, Subscribe, SubscriptionOptions,
    Subscriptions, TopicFilters, Unsubscribe,
};
use mqtt_session::topic::{Subscription, TopicName};
use mqtt_session::{Action, AllowAll, Broker, BrokerConfig, ConnectionId, Instant};
use proptest::prelude::*;

use crate::harness::{V5_0, id};

#[derive(Clone, Debug)]
enum Step {
    Publish {
        topic: usize,
        qos: usize,
        packet_id: u16,
        dup: bool,
        retain: bool,
        len: usize,
        alias: Option<u16>,
    },
    Subscribe {
        filter: usize,
        qos: usize,
    },
    Unsubscribe {
        filter: usize,
    },
    Puback(u16),
    Pubrec(u16),
    Pubrel(u16),
    Pubcomp(u16),
    Pingreq,
    Disconnect,
    Garbage(Vec<u8>),
}

const TOPICS: [&str; 4] = ["a", "a/b", "$SYS/x", "c"];
const FILTERS: [&str; 5] = ["#", "a/+", "+", "c", "$SYS/#"];

fn step() -> impl Strategy<Value = Step> {
    let packet_id = 1..6_u16;
    prop_oneof![
        10 => (0..4_usize, 0..3_usize, packet_id.clone(), any::<bool>(), any::<bool>(), 0..2_000_usize, proptest::option::weighted(0.2, 1..18_u16))
            .prop_map(|(topic, qos, packet_id, dup, retain, len, alias)| Step::Publish { topic, qos, packet_id, dup, retain, len, alias }),
        6 => (0..5_usize, 0..3_usize).prop_map(|(filter, qos)| Step::Subscribe { filter, qos }),
        2 => (0..5_usize).prop_map(|filter| Step::Unsubscribe { filter }),
        4 => packet_id.clone().prop_map(Step::Puback),
        4 => packet_id.clone().prop_map(Step::Pubrec),
        4 => packet_id.clone().prop_map(Step::Pubrel),
        4 => packet_id.prop_map(Step::Pubcomp),
        2 => Just(Step::Pingreq),
        1 => Just(Step::Disconnect),
        1 => proptest::collection::vec(any::<u8>(), 1..6).prop_map(Step::Garbage),
    ]
}

fn encode(steps: &[Step], version: ProtocolVersion) -> BytesMut {
    let mut out = BytesMut::new();
    let fields = ConnectFields { client_id: "a", keep_alive: 60, ..ConnectFields::default() };
    Connect::new(&fields).encode(version, &mut out).unwrap();
    for step in steps {
        match step {
            Step::Publish { topic, qos, packet_id, dup, retain, len, alias } => {
                let (packet_id, dup) = (id(*packet_id), *dup);
                let delivery = match qos {
                    0 => Delivery::AtMostOnce,
                    1 => Delivery::AtLeastOnce { packet_id, dup },
                    _ => Delivery::ExactlyOnce { packet_id, dup },
                };
                let properties: Vec<Property<'_>> = match alias {
                    Some(alias) if version == V5_0 => {
                        vec![Property::TopicAlias((*alias).try_into().unwrap())]
                    }
                    _ => Vec::new(),
                };
                let properties = PublishProperties::new(&properties).unwrap();
                let topic = Some(TopicName::parse(TOPICS[*topic]).unwrap());
                let payload = vec![b'x'; *len];
                let publish = Publish { topic, delivery, retain: *retain, properties, payload: &payload };
                publish.encode(version, &mut out).unwrap();
            }
            Step::Subscribe { filter, qos } => {
                let options = SubscriptionOptions::from(QoS::ALL[*qos]);
                let entries = [(Subscription::parse(FILTERS[*filter]).unwrap(), options)];
                Subscribe::new(id(1), Subscriptions::new(&entries)).encode(version, &mut out).unwrap();
            }
            Step::Unsubscribe { filter } => {
                let entries = [Subscription::parse(FILTERS[*filter]).unwrap()];
                Unsubscribe::new(id(1), TopicFilters::new(&entries)).encode(version, &mut out).unwrap();
            }
            Step::Puback(packet_id) => Puback::new(id(*packet_id)).encode(version, &mut out).unwrap(),
            Step::Pubrec(packet_id) => Pubrec::new(id(*packet_id)).encode(version, &mut out).unwrap(),
            Step::Pubrel(packet_id) => Pubrel::new(id(*packet_id)).encode(version, &mut out).unwrap(),
            Step::Pubcomp(packet_id) => Pubcomp::new(id(*packet_id)).encode(version, &mut out).unwrap(),
            Step::Pingreq => Packet::Pingreq.encode(version, &mut out).unwrap(),
            Step::Disconnect => {
                Disconnect::new(DisconnectReason::NormalDisconnection).encode(version, &mut out).unwrap();
            }
            Step::Garbage(bytes) => out.extend_from_slice(bytes),
        }
    }
    out
}

/// Everything a broker does with a stream that comes in these pieces, beside a subscriber who gets what is published.
fn play<'a>(
    version: ProtocolVersion,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Action>, [Vec<u8>; 2], bool) {
    let now = Instant::from_millis(0);
    let mut broker = Broker::new(BrokerConfig::default(), AllowAll);
    let witness = broker.open(now);
    let mut bytes = encode(&[Step::Subscribe { filter: 0, qos: 2 }], version);
    // Another Client Identifier.
    let at = bytes.iter().rposition(|byte| *byte == b'a').unwrap();
    bytes[at] = b'w';
    let _ = broker.handle_input(now, witness, &mut bytes);
    let client = broker.open(now);
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        let _ = broker.handle_input(now, client, &mut input);
    }
    let actions: Vec<Action> = std::iter::from_fn(|| broker.poll_action()).collect();
    let mut written = |id: ConnectionId| {
        let transmit = broker.transmit(id).unwrap();
        let bytes = transmit.copy_to_bytes(transmit.remaining());
        bytes.to_vec()
    };
    (actions, [written(witness), written(client)], input.is_empty())
}

proptest! {
    #[test]
    fn bytes_one_by_one_do_what_they_do_together(
        steps in proptest::collection::vec(step(), 0..40),
        version in proptest::sample::select(&ProtocolVersion::ALL[..]),
        cut in any::<proptest::sample::Index>(),
    ) {
        let stream = encode(&steps, version);
        let whole = play(version, std::iter::once(&stream[..]));
        let cut = cut.index(stream.len());
        let (front, back) = stream.split_at(cut);
        prop_assert_eq!(&play(version, [front, back].into_iter()), &whole);
        let by_byte = play(version, stream.chunks(1));
        prop_assert_eq!(&by_byte.0, &whole.0);
        prop_assert_eq!(&by_byte.1, &whole.1);
    }

    /// The broker is deterministic, and no stream of bytes makes it panic.
    #[test]
    fn any_bytes_are_survived(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
        let once = play(V5_0, std::iter::once(&stream[..]));
        prop_assert_eq!(play(V5_0, std::iter::once(&stream[..])), once);
    }
}
