//! A Client that publishes, and a broker in which nobody has subscribed.

use std::sync::Arc;

use mqtt_codec::{ProtocolVersion, QoS};
use mqtt_session::{Action, Broker, BrokerConfig, Event, Message, Received};

use super::arrivals::Arrivals;
use super::pair::{End, NOW, copy, write};
use super::{BATCH, messages};

/// A Client and the Server it is connected to.
#[derive(Debug)]
pub struct Alone {
    broker: Broker<Arrivals>,
    publisher: End,
    messages: Vec<Arc<Message>>,
}

impl Alone {
    /// Connected, for messages of this QoS.
    ///
    /// # Panics
    /// When they do not connect.
    pub fn new(version: ProtocolVersion, qos: QoS) -> Self {
        let mut broker = Broker::new(BrokerConfig::default(), Arrivals::watched());
        let publisher = End::open(&mut broker, version, "publisher");
        let mut alone = Self { broker, publisher, messages: messages(qos) };
        assert_eq!(alone.settle(), 0);
        alone
    }

    /// Publishes a batch and moves bytes until all is quiet; how many messages have arrived.
    ///
    /// # Panics
    /// When another message arrives, or one is not acknowledged.
    pub fn turn(&mut self) -> usize {
        self.broker.policy_mut().begin();
        for message in &self.messages {
            self.publisher.client.publish_shared(NOW, message).expect("there is room");
        }
        assert_eq!(self.settle(), BATCH);
        self.broker.policy_mut().count()
    }

    /// How many messages the Client has been told the end of.
    fn settle(&mut self) -> usize {
        let Self { broker, publisher: end, .. } = self;
        let mut published = 0;
        write(broker, end);
        loop {
            while let Some(event) = &end.client.poll_event() {
                match event {
                    Event::Published { outcome, .. } if outcome.is_success() => published += 1,
                    Event::Connected(_) => {}
                    _ => panic!("{event:?}"),
                }
            }
            let Some(action) = broker.poll_action() else { return published };
            assert_eq!(action, Action::Transmit(end.connection));
            copy(broker.transmit(end.connection).expect("it is open"), &mut end.down);
            let needs = end.client.handle_input(NOW, &mut end.down);
            assert!(matches!(needs, Received::NeedData(_)));
            write(broker, end);
        }
    }
}
