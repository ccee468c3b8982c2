//! A broker alone: what its Clients send is made of bytes, and what they get is compared with bytes.

use bytes::{Buf, BytesMut};
use mqtt_codec::{
    Connect, ConnectFields, Packet, PacketId, ProtocolVersion, QoS, Subscribe, SubscriptionOptions,
    Subscriptions,
};
use mqtt_session::{Action, Broker, BrokerConfig, ConnectionId, Instant, Received};
use mqtt_topic::Subscription;

use super::arrivals::Arrivals;
use super::{BATCH, TOPIC, payloads};

const NOW: Instant = Instant::from_millis(0);

/// The first bytes of packets.
const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;

/// A broker, a Client that publishes, and any number of them that have subscribed.
#[derive(Debug)]
pub struct Fan {
    broker: Broker<Arrivals>,
    qos: QoS,
    publisher: ConnectionId,
    subscribers: usize,
    input: BytesMut,
    /// What the publisher sends, which is the same each time.
    published: Batch,
    /// What each subscriber gets, which differs by the Packet Identifiers.
    delivered: Batch,
    /// The last of these.
    last: u16,
}

/// The packets of a batch, each kind in one piece.
#[derive(Debug)]
struct Batch {
    publish: Vec<u8>,
    /// Where in `publish` the Packet Identifiers are; nowhere at QoS 0.
    at: Vec<usize>,
    puback: Vec<u8>,
    pubrec: Vec<u8>,
    pubrel: Vec<u8>,
    pubcomp: Vec<u8>,
}

impl Batch {
    fn new(version: ProtocolVersion, qos: QoS) -> Self {
        let (mut publish, mut at) = (Vec::new(), Vec::new());
        for payload in payloads() {
            let id = (qos != QoS::AtMostOnce).then_some(0);
            let start = publish.len();
            publish.extend(crate::publish(version, TOPIC, id, &[], &payload));
            publish[start] = 0x30 | qos.bits() << 1;
            at.extend(id.map(|_| start + 2 + 2 + TOPIC.len()));
        }
        let acknowledgements = |first| [first, 2, 0, 0].repeat(BATCH);
        let mut batch = Self {
            publish,
            at,
            puback: acknowledgements(PUBACK),
            pubrec: acknowledgements(PUBREC),
            pubrel: acknowledgements(PUBREL),
            pubcomp: acknowledgements(PUBCOMP),
        };
        batch.number(0);
        batch
    }

    /// Gives the packets the Packet Identifiers behind `last`; the last of these.
    fn number(&mut self, last: u16) -> u16 {
        let ids = (last..u16::MAX).map(|id| id + 1).chain(1..=u16::MAX);
        let mut last = last;
        for (index, (at, id)) in self.at.iter().zip(ids).enumerate() {
            let bytes = id.to_be_bytes();
            self.publish[*at..*at + 2].copy_from_slice(&bytes);
            for kind in [&mut self.puback, &mut self.pubrec, &mut self.pubrel, &mut self.pubcomp] {
                kind[4 * index + 2..4 * index + 4].copy_from_slice(&bytes);
            }
            last = id;
        }
        last
    }

    /// The answer to packets, which are all there is in a batch of their kind.
    fn answer(&self, received: &[u8], qos: QoS) -> &[u8] {
        let (expected, answer) = match received[0] {
            PUBACK => (&self.puback, &[][..]),
            PUBREC => (&self.pubrec, &self.pubrel[..]),
            PUBREL => (&self.pubrel, &self.pubcomp[..]),
            PUBCOMP => (&self.pubcomp, &[][..]),
            _ => match qos {
                QoS::AtMostOnce => (&self.publish, &[][..]),
                QoS::AtLeastOnce => (&self.publish, &self.puback[..]),
                QoS::ExactlyOnce => (&self.publish, &self.pubrec[..]),
            },
        };
        assert!(received == expected, "{received:02X?} instead of {expected:02X?}");
        answer
    }
}

impl Fan {
    /// So many subscribers at this QoS, which is that of the messages too.
    pub fn new(version: ProtocolVersion, qos: QoS, subscribers: usize) -> Self {
        let mut broker = Broker::new(BrokerConfig::default(), Arrivals::default());
        let publisher = broker.open(NOW);
        connect(&mut broker, publisher, version, "publisher");
        for number in 0..subscribers {
            let connection = broker.open(NOW);
            connect(&mut broker, connection, version, &format!("subscriber-{number}"));
            subscribe(&mut broker, connection, version, qos);
        }
        let batch = || Batch::new(version, qos);
        Self {
            broker,
            qos,
            publisher,
            subscribers,
            input: BytesMut::new(),
            published: batch(),
            delivered: batch(),
            last: 0,
        }
    }

    /// Publishes a batch and answers until all is quiet; how many messages have arrived.
    ///
    /// # Panics
    /// When the broker writes anything else than it should.
    pub fn turn(&mut self) -> usize {
        let Self { broker, qos, publisher, input, published, delivered, last, .. } = self;
        *last = delivered.number(*last);
        input.extend_from_slice(&published.publish);
        let needs = broker.handle_input(NOW, *publisher, input);
        assert!(matches!(needs, Received::NeedData(_)));
        let mut received = 0;
        while let Some(action) = broker.poll_action() {
            let Action::Transmit(connection) = action else { panic!("{action:?}") };
            let transmit = broker.transmit(connection).expect("it is open");
            let batch = if connection == *publisher { &*published } else { &*delivered };
            let is_publish = transmit.chunk()[0] >> 4 == 3;
            received += if is_publish { BATCH } else { 0 };
            let answer = batch.answer(transmit.chunk(), *qos);
            let len = transmit.chunk().len();
            transmit.advance(len);
            if !answer.is_empty() {
                input.extend_from_slice(answer);
                let needs = broker.handle_input(NOW, connection, input);
                assert!(matches!(needs, Received::NeedData(_)));
            }
        }
        assert_eq!(received, BATCH * self.subscribers);
        received
    }
}

fn connect(broker: &mut Broker<Arrivals>, connection: ConnectionId, version: ProtocolVersion, id: &str) {
    let fields = ConnectFields { client_id: id, ..ConnectFields::default() };
    say(broker, connection, version, &Connect::new(&fields).into());
}

fn subscribe(broker: &mut Broker<Arrivals>, connection: ConnectionId, version: ProtocolVersion, qos: QoS) {
    let wanted = [(Subscription::parse(TOPIC).expect("a Topic Filter"), SubscriptionOptions::from(qos))];
    let subscribe = Subscribe::new(PacketId::MIN, Subscriptions::new(&wanted));
    say(broker, connection, version, &subscribe.into());
}

/// Sends a packet and leaves its answer unread.
fn say(
    broker: &mut Broker<Arrivals>,
    connection: ConnectionId,
    version: ProtocolVersion,
    packet: &Packet<'_>,
) {
    let mut input = BytesMut::new();
    packet.encode(version, &mut input).expect("a valid packet");
    let needs = broker.handle_input(NOW, connection, &mut input);
    assert!(matches!(needs, Received::NeedData(_)));
    while broker.poll_action().is_some() {}
    let transmit = broker.transmit(connection).expect("it is open");
    transmit.advance(transmit.remaining());
}
