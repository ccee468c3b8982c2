//! Reads and writes that are cancelled, at any time and again and again.

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{ProtocolVersion, QoS};
use mqtt_session::{
    AllowAll, Broker, BrokerConfig, Client, ClientConfig, ConnectOptions, ConnectionId, Event, Instant,
    Message, SubscribeRequest, Transmit,
};

const NOW: Instant = Instant::from_millis(0);

/// A Client and a broker whose reads and writes move `step` bytes at a time; before each, some are tried and cancelled.
struct Pair {
    client: Client,
    broker: Broker,
    connection: ConnectionId,
    up: BytesMut,
    down: BytesMut,
    step: usize,
    cancelled: usize,
    told: Vec<String>,
}

/// A write that is cancelled has looked at the bytes, and that is all.
fn write(transmit: &mut Transmit, into: &mut BytesMut, step: usize, cancelled: usize) -> bool {
    for _ in 0..cancelled {
        let _ = (transmit.chunk().first(), transmit.remaining());
    }
    let count = step.min(transmit.chunk().len());
    into.extend_from_slice(&transmit.chunk()[..count]);
    transmit.advance(count);
    count > 0
}

impl Pair {
    fn settle(&mut self) {
        loop {
            let mut is_moving = write(self.client.transmit(), &mut self.up, self.step, self.cancelled);
            // A read that is cancelled has brought nothing.
            for _ in 0..=self.cancelled {
                let _ = self.broker.handle_input(NOW, self.connection, &mut self.up);
            }
            while self.broker.poll_action().is_some() {}
            let transmit = self.broker.transmit(self.connection).unwrap();
            is_moving |= write(transmit, &mut self.down, self.step, self.cancelled);
            for _ in 0..=self.cancelled {
                let _ = self.client.handle_input(NOW, &mut self.down);
            }
            while let Some(event) = self.client.poll_event() {
                self.told.push(match event {
                    Event::Message(received) => {
                        format!("{} {:?}", received.message.qos(), received.message.payload())
                    }
                    Event::Published { token, outcome } => format!("{token:?} {outcome}"),
                    _ => continue,
                });
            }
            if !is_moving {
                return;
            }
        }
    }
}

fn run(version: ProtocolVersion, step: usize, cancelled: usize) -> Vec<String> {
    let mut broker = Broker::new(BrokerConfig::default(), AllowAll);
    let connection = broker.open(NOW);
    let mut client = Client::new(ClientConfig::default());
    let options = ConnectOptions { client_id: "c".into(), ..ConnectOptions::new(version) };
    client.connect(NOW, options).unwrap();
    let (up, down, told) = (BytesMut::new(), BytesMut::new(), Vec::new());
    let mut pair = Pair { client, broker, connection, up, down, step, cancelled, told };
    pair.settle();
    let everything = SubscribeRequest::new([("#", QoS::ExactlyOnce)]).unwrap();
    pair.client.subscribe(NOW, everything).unwrap();
    pair.settle();
    for (payload, qos) in [("0", 0), ("1", 1), ("2", 2), ("3", 2), ("4", 1)] {
        // A payload that is sent by reference is another segment.
        let payload = payload.repeat(if qos == 2 { 2_000 } else { 1 });
        let message = Message::new("t", payload).unwrap().with_qos(QoS::from_bits(qos).unwrap());
        pair.client.publish(NOW, message).unwrap();
    }
    pair.settle();
    assert_eq!((pair.client.in_flight(), pair.client.queued()), (0, 0));
    assert!(pair.up.is_empty() && pair.down.is_empty());
    pair.told.sort();
    pair.told
}

/// Bytes leave only by `advance` and arrive only in the caller's buffer, so there is nothing that could be lost.
#[test]
fn complaint_17_nothing_is_lost_by_cancelling() {
    for version in ProtocolVersion::ALL {
        let whole = run(version, usize::MAX, 0);
        assert_eq!(whole.len(), 10);
        for step in [1, 2, 3, 7, 100] {
            for cancelled in [0, 1, 3] {
                assert_eq!(run(version, step, cancelled), whole, "{version} {step} {cancelled}");
            }
        }
    }
}
