//! A Client that publishes, a broker, and a Client that has subscribed.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use mqtt_codec::{ProtocolVersion, QoS};
use mqtt_session::{
    Action, Broker, BrokerConfig, Client, ClientConfig, ConnectOptions, ConnectionId, Event, Instant,
    Message, Received, SubscribeRequest, Transmit,
};

use super::arrivals::Arrivals;
use super::{BATCH, TOPIC, messages};

pub(super) const NOW: Instant = Instant::from_millis(0);

/// Both Clients and the broker between them.
#[derive(Debug)]
pub struct Pair {
    broker: Broker<Arrivals>,
    publisher: End,
    subscriber: End,
    messages: Vec<Arc<Message>>,
    /// How many messages have arrived.
    received: usize,
    /// How many have been acknowledged, or sent at QoS 0.
    published: usize,
}

/// A Client and its connection.
#[derive(Debug)]
pub(super) struct End {
    pub(super) client: Client,
    pub(super) connection: ConnectionId,
    pub(super) up: BytesMut,
    pub(super) down: BytesMut,
}

impl End {
    pub(super) fn open(broker: &mut Broker<Arrivals>, version: ProtocolVersion, client_id: &str) -> Self {
        let connection = broker.open(NOW);
        let mut client = Client::new(ClientConfig::default());
        let options = ConnectOptions { client_id: client_id.into(), ..ConnectOptions::new(version) };
        client.connect(NOW, options).expect("valid options");
        Self { client, connection, up: BytesMut::new(), down: BytesMut::new() }
    }
}

impl Pair {
    /// Connected, and subscribed at this QoS, which is that of the messages too.
    ///
    /// # Panics
    /// When they do not connect.
    pub fn new(version: ProtocolVersion, qos: QoS) -> Self {
        let mut broker = Broker::new(BrokerConfig::default(), Arrivals::default());
        let publisher = End::open(&mut broker, version, "publisher");
        let subscriber = End::open(&mut broker, version, "subscriber");
        let messages = messages(qos);
        let mut pair = Self { broker, publisher, subscriber, messages, received: 0, published: 0 };
        pair.settle();
        let request = SubscribeRequest::new([(TOPIC, qos)]).expect("a Topic Filter");
        pair.subscriber.client.subscribe(NOW, request).expect("it is connected");
        pair.settle();
        pair
    }

    /// Publishes a batch and moves bytes until all is quiet; how many messages have arrived.
    ///
    /// # Panics
    /// When another message arrives, or one is not acknowledged.
    pub fn turn(&mut self) -> usize {
        (self.received, self.published) = (0, 0);
        for message in &self.messages {
            self.publisher.client.publish_shared(NOW, message).expect("there is room");
        }
        self.settle();
        assert_eq!(self.published, BATCH);
        self.received
    }

    fn settle(&mut self) {
        let Self { broker, publisher, subscriber, messages, received, published } = self;
        for end in [&mut *publisher, &mut *subscriber] {
            write(broker, end);
        }
        while let Some(action) = broker.poll_action() {
            let Action::Transmit(connection) = action else { panic!("{action:?}") };
            let end = if connection == publisher.connection { &mut *publisher } else { &mut *subscriber };
            copy(broker.transmit(connection).expect("it is open"), &mut end.down);
            let needs = end.client.handle_input(NOW, &mut end.down);
            assert!(matches!(needs, Received::NeedData(_)));
            while let Some(event) = &end.client.poll_event() {
                match event {
                    Event::Message(message) => {
                        assert_eq!(message.message.payload(), messages[*received].payload());
                        assert_eq!(message.message.topic().as_bytes(), TOPIC.as_bytes());
                        *received += 1;
                    }
                    Event::Published { outcome, .. } => {
                        assert!(outcome.is_success());
                        *published += 1;
                    }
                    Event::Connected(_) | Event::Subscribed { .. } => {}
                    _ => panic!("{event:?}"),
                }
            }
            write(broker, end);
        }
        // QoS 0 is over when it is written.
        while let Some(event) = &publisher.client.poll_event() {
            assert!(matches!(event, Event::Published { outcome, .. } if outcome.is_success()));
            *published += 1;
        }
    }
}

/// What a network does.
pub(super) fn copy(transmit: &mut Transmit, input: &mut BytesMut) {
    while transmit.has_remaining() {
        let chunk = transmit.chunk();
        let len = chunk.len();
        input.extend_from_slice(chunk);
        transmit.advance(len);
    }
}

/// What the Client writes goes to the broker.
pub(super) fn write(broker: &mut Broker<Arrivals>, end: &mut End) {
    let transmit = end.client.transmit();
    if transmit.has_remaining() {
        copy(transmit, &mut end.up);
        let needs = broker.handle_input(NOW, end.connection, &mut end.up);
        assert!(matches!(needs, Received::NeedData(_)));
    }
}
