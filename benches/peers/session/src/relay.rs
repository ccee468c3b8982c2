//! The Server that libraries get who have none of their own: two ends of theirs, and a hand that gives messages from one to the
//! other. It finds no subscriptions and keeps no Sessions, which costs nothing.

use benches::session::{BATCH, TOPIC, payloads};
use bytes::{Bytes, BytesMut};
use mqtt_codec::QoS;

/// One end of a connection.
pub trait End {
    /// A message that has arrived.
    type Message;
    /// What an application publishes again and again, in the types the library takes without conversion.
    type Prepared;

    /// Prepares a message.
    fn prepare(topic: &str, payload: Bytes, qos: QoS) -> Self::Prepared;

    /// Publishes a message of the application.
    fn publish(&mut self, message: &Self::Prepared);

    /// Sends on a message that has arrived at another end.
    fn forward(&mut self, message: Self::Message);

    /// The bytes to write, which are taken.
    fn output(&mut self) -> &mut BytesMut;

    /// Reads what has arrived; all of it is whole packets.
    fn read(&mut self, input: &mut BytesMut);

    /// The next message that has arrived.
    fn received(&mut self) -> Option<Self::Message>;

    /// Topic and payload.
    fn content(message: &Self::Message) -> (&[u8], &[u8]);

    /// Whether nothing is under way from here.
    fn is_idle(&self) -> bool;
}

/// One connection: of the Client that publishes. The Server's end answers, and its application looks at what arrives.
pub struct Alone<C: End, S: End> {
    publisher: C,
    server: S,
    messages: Vec<C::Prepared>,
    payloads: Vec<Bytes>,
    up: BytesMut,
    down: BytesMut,
}

impl<C: End, S: End> Alone<C, S> {
    /// With connected ends.
    pub fn new(publisher: C, server: S, qos: QoS) -> Self {
        let payloads = payloads();
        let messages = payloads.iter().map(|payload| C::prepare(TOPIC, payload.clone(), qos)).collect();
        let [up, down] = [BytesMut::new(), BytesMut::new()];
        Self { publisher, server, messages, payloads, up, down }
    }

    /// One batch, as [`Exchange::turn`](crate::exchange::Exchange::turn).
    pub fn turn(&mut self) -> usize {
        let Self { publisher, server, messages, payloads, up, down } = self;
        for message in messages.iter() {
            publisher.publish(message);
        }
        let mut arrived = 0;
        loop {
            let is_quiet = !carry(publisher, server, up) & !carry(server, publisher, down);
            while let Some(message) = server.received() {
                let (topic, payload) = S::content(&message);
                assert_eq!((topic, payload), (TOPIC.as_bytes(), &payloads[arrived][..]));
                arrived += 1;
            }
            // What a Client is told of its acknowledgements is taken.
            assert!(publisher.received().is_none());
            if is_quiet {
                break;
            }
        }
        assert!(publisher.is_idle() && arrived == BATCH);
        arrived
    }
}

/// Two connections: of the Client that publishes, and of the one that gets it.
pub struct Relay<C: End, S: End<Message = C::Message>> {
    publisher: C,
    server: [S; 2],
    subscriber: C,
    messages: Vec<C::Prepared>,
    payloads: Vec<Bytes>,
    up: BytesMut,
    down: BytesMut,
}

impl<C: End, S: End<Message = C::Message>> Relay<C, S> {
    /// With connected ends.
    pub fn new(publisher: C, server: [S; 2], subscriber: C, qos: QoS) -> Self {
        let payloads = payloads();
        let messages = payloads.iter().map(|payload| C::prepare(TOPIC, payload.clone(), qos)).collect();
        let [up, down] = [BytesMut::new(), BytesMut::new()];
        Self { publisher, server, subscriber, messages, payloads, up, down }
    }

    /// One batch, as [`Exchange::turn`](crate::exchange::Exchange::turn).
    pub fn turn(&mut self) -> usize {
        let Self { publisher, server: [near, far], subscriber, messages, payloads, up, down } = self;
        for message in messages.iter() {
            publisher.publish(message);
        }
        let mut arrived = 0;
        loop {
            let mut is_quiet = !carry(publisher, near, up) & !carry(near, publisher, down);
            while let Some(message) = near.received() {
                far.forward(message);
            }
            is_quiet &= !carry(far, subscriber, down) & !carry(subscriber, far, up);
            while let Some(message) = subscriber.received() {
                let (topic, payload) = C::content(&message);
                assert_eq!((topic, payload), (TOPIC.as_bytes(), &payloads[arrived][..]));
                arrived += 1;
            }
            if is_quiet {
                break;
            }
        }
        assert!(publisher.is_idle() && far.is_idle() && arrived == BATCH);
        arrived
    }
}

/// Copies what one end has written to the other; whether there was anything.
fn carry(from: &mut impl End, to: &mut impl End, buffer: &mut BytesMut) -> bool {
    let output = from.output();
    if output.is_empty() {
        return false;
    }
    buffer.extend_from_slice(output);
    output.clear();
    to.read(buffer);
    assert!(buffer.is_empty(), "whole packets");
    true
}
