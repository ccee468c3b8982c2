//! The crate's own Client against its own broker, over links that pass some bytes and then break.
//!
//! Whatever the links do, once they are whole again: every QoS 2 message has arrived exactly once, every QoS 1 message at least
//! once, both in order, and the publisher has been told so exactly once.

use std::collections::BTreeMap;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{ProtocolVersion, QoS};
use mqtt_session::{
    Action, AllowAll, Broker, BrokerConfig, Client, ClientConfig, ConnectOptions, ConnectionId, Event,
    Instant, Message, PublishOutcome, PublishToken, SubscribeRequest,
};
use proptest::prelude::*;

const NOW: Instant = Instant::from_millis(0);

const PUBLISHER: usize = 0;
const SUBSCRIBER: usize = 1;

struct End {
    client: Client,
    options: ConnectOptions,
    connection: Option<ConnectionId>,
    /// Bytes under way, and bytes that have arrived and are not understood yet.
    up: BytesMut,
    up_arrived: BytesMut,
    down: BytesMut,
    down_arrived: BytesMut,
}

struct Pair {
    broker: Broker,
    ends: [End; 2],
    published: BTreeMap<PublishToken, Option<PublishOutcome>>,
    next: [u32; 3],
    received: [Vec<u32>; 3],
}

impl Pair {
    fn new(version: ProtocolVersion, window: u16) -> Self {
        let end = |client_id: &str| {
            let options = ConnectOptions {
                client_id: client_id.into(),
                clean_start: false,
                session_expiry_interval: u32::MAX,
                keep_alive: 0,
                ..ConnectOptions::new(version)
            };
            End {
                client: Client::new(ClientConfig::default()),
                options,
                connection: None,
                up: BytesMut::new(),
                up_arrived: BytesMut::new(),
                down: BytesMut::new(),
                down_arrived: BytesMut::new(),
            }
        };
        let config =
            BrokerConfig { maximum_in_flight: window.try_into().unwrap(), ..BrokerConfig::default() };
        let mut pair = Self {
            broker: Broker::new(config, AllowAll),
            ends: [end("publisher"), end("subscriber")],
            published: BTreeMap::new(),
            next: [0; 3],
            received: [const { Vec::new() }; 3],
        };
        pair.connect(SUBSCRIBER);
        pair.heal();
        let everything = SubscribeRequest::new([("t/#", QoS::ExactlyOnce)]).unwrap();
        pair.ends[SUBSCRIBER].client.subscribe(NOW, everything).unwrap();
        pair.heal();
        pair
    }

    fn connect(&mut self, which: usize) {
        let end = &mut self.ends[which];
        if end.connection.is_none() {
            end.client.connect(NOW, end.options.clone()).unwrap();
            end.connection = Some(self.broker.open(NOW));
            self.settle();
        }
    }

    fn cut(&mut self, which: usize) {
        let end = &mut self.ends[which];
        if let Some(connection) = end.connection.take() {
            for bytes in [&mut end.up, &mut end.up_arrived, &mut end.down, &mut end.down_arrived] {
                bytes.clear();
            }
            end.client.handle_closed(NOW);
            self.broker.handle_closed(NOW, connection);
            self.settle();
        }
    }

    fn publish(&mut self, qos: usize) {
        let number = self.next[qos];
        self.next[qos] += 1;
        let message = Message::new(format!("t/{qos}"), number.to_string()).unwrap().with_qos(QoS::ALL[qos]);
        let token = self.ends[PUBLISHER].client.publish(NOW, message).unwrap();
        assert!(self.published.insert(token, None).is_none(), "a token is given once");
        self.settle();
    }

    /// Some bytes arrive at the broker.
    fn up(&mut self, which: usize, count: usize) {
        let end = &mut self.ends[which];
        let Some(connection) = end.connection else { return };
        let count = count.min(end.up.len());
        end.up_arrived.extend_from_slice(&end.up.split_to(count));
        let _ = self.broker.handle_input(NOW, connection, &mut end.up_arrived);
        self.settle();
    }

    /// Some bytes arrive at the Client.
    fn down(&mut self, which: usize, count: usize) {
        let end = &mut self.ends[which];
        let count = count.min(end.down.len());
        end.down_arrived.extend_from_slice(&end.down.split_to(count));
        let _ = end.client.handle_input(NOW, &mut end.down_arrived);
        self.settle();
    }

    /// What both sides have to write goes on its way, and what they have to say is heard.
    fn settle(&mut self) {
        while let Some(action) = self.broker.poll_action() {
            assert!(!matches!(action, Action::Close(_) | Action::Notice(_)), "{action:?}");
        }
        for end in &mut self.ends {
            let Some(connection) = end.connection else { continue };
            while end.client.transmit().has_remaining() {
                end.up.extend_from_slice(&end.client.transmit().pop().unwrap());
            }
            let transmit = self.broker.transmit(connection).unwrap();
            while let Some(segment) = transmit.pop() {
                end.down.extend_from_slice(&segment);
            }
        }
        for (which, end) in self.ends.iter_mut().enumerate() {
            while let Some(event) = end.client.poll_event() {
                match event {
                    Event::Message(received) => {
                        assert_eq!(which, SUBSCRIBER);
                        let number = String::from_utf8_lossy(received.message.payload()).parse().unwrap();
                        self.received[usize::from(received.message.qos().bits())].push(number);
                    }
                    Event::Published { token, outcome } => {
                        let known = self.published.get_mut(&token).unwrap();
                        assert!(known.replace(outcome).is_none(), "an outcome is told once");
                    }
                    _ => {}
                }
            }
        }
    }

    /// The links are whole until nothing moves any more.
    fn heal(&mut self) {
        for which in [PUBLISHER, SUBSCRIBER] {
            self.connect(which);
        }
        self.settle();
        while self.ends.iter().any(|end| !end.up.is_empty() || !end.down.is_empty()) {
            for which in [PUBLISHER, SUBSCRIBER] {
                self.up(which, usize::MAX);
                self.down(which, usize::MAX);
            }
        }
    }

    fn check(mut self) {
        self.heal();
        let [lossy, mut at_least_once, exactly_once] = self.received;
        let all = |qos: usize| (0..self.next[qos]).collect::<Vec<u32>>();
        assert_eq!(exactly_once, all(2));
        let mut seen = Vec::new();
        at_least_once.retain(|number| !seen.contains(number) && (seen.push(*number), true).1);
        assert_eq!(at_least_once, all(1));
        assert!(lossy.is_sorted_by(|one, other| one < other));
        for (token, outcome) in self.published {
            let told = matches!(outcome, Some(PublishOutcome::Sent | PublishOutcome::Acknowledged(_)));
            assert!(told, "{token:?} {outcome:?}");
        }
    }
}

/// Each link is cut at every byte of the conversation, in both directions at once.
#[test]
fn a_cut_at_every_byte() {
    for version in ProtocolVersion::ALL {
        for victim in [PUBLISHER, SUBSCRIBER] {
            for cut_at in 0.. {
                let mut pair = Pair::new(version, 2);
                pair.cut(PUBLISHER);
                for qos in [2, 1, 2, 1] {
                    pair.publish(qos);
                }
                pair.connect(PUBLISHER);
                let mut moved = 0;
                while moved < cut_at && pair.ends.iter().any(|end| !end.up.is_empty() || !end.down.is_empty())
                {
                    for which in [PUBLISHER, SUBSCRIBER] {
                        pair.up(which, 1);
                        pair.down(which, 1);
                    }
                    moved += 1;
                }
                let is_over = moved < cut_at;
                pair.cut(victim);
                pair.check();
                if is_over {
                    assert!(cut_at > 50, "the conversation is longer than that");
                    break;
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    Up(usize, usize),
    Down(usize, usize),
    Cut(usize),
    Connect(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize).prop_map(Step::Publish),
        8 => (0..2_usize, 1..60_usize).prop_map(|(which, count)| Step::Up(which, count)),
        8 => (0..2_usize, 1..60_usize).prop_map(|(which, count)| Step::Down(which, count)),
        1 => (0..2_usize).prop_map(Step::Cut),
        3 => (0..2_usize).prop_map(Step::Connect),
    ]
}

proptest! {
    #[test]
    fn any_schedule_of_cuts(
        steps in proptest::collection::vec(step(), 0..200),
        version in proptest::sample::select(&ProtocolVersion::ALL[..]),
        window in 1..5_u16,
    ) {
        let mut pair = Pair::new(version, window);
        for step in steps {
            match step {
                Step::Publish(qos) => pair.publish(qos),
                Step::Up(which, count) => pair.up(which, count),
                Step::Down(which, count) => pair.down(which, count),
                Step::Cut(which) => pair.cut(which),
                Step::Connect(which) => pair.connect(which),
            }
        }
        pair.check();
    }
}
