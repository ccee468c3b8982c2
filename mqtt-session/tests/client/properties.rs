//! What holds for every run: of a Server that sends anything, and of one that keeps to the protocol over a link that does
//! not.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{
    Connack, ConnackReason, Decoder, Delivery, Disconnect, DisconnectReason, Packet, PacketId,
    ProtocolVersion, Puback, Pubcomp, Publish, Pubrec, Pubrel, QoS, Suback, SubackReason, SubackReasons,
};
use mqtt_session::topic::TopicName;
use mqtt_session::{
    Client, ClientConfig, Event, Instant, PublishOutcome, PublishToken, Received, SubscribeRequest,
};
use proptest::prelude::*;

use crate::harness::{id, message, persistent};

const NOW: Instant = Instant::from_millis(0);

fn version() -> impl Strategy<Value = ProtocolVersion> {
    proptest::sample::select(&ProtocolVersion::ALL[..])
}

fn qos() -> impl Strategy<Value = QoS> {
    proptest::sample::select(&QoS::ALL[..])
}

fn delivery(qos: QoS, packet_id: PacketId, dup: bool) -> Delivery {
    match qos {
        QoS::AtMostOnce => Delivery::AtMostOnce,
        QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id, dup },
        QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup },
    }
}

fn encode(packet: Packet<'_>, version: ProtocolVersion, out: &mut Vec<u8>) {
    packet.encode(version, out).unwrap();
}

/// A packet of a Server that knows no state, or bytes that are none.
#[derive(Clone, Debug)]
enum Sent {
    Publish(QoS, u16, Vec<u8>),
    Puback(u16),
    Pubrec(u16),
    Pubrel(u16),
    Pubcomp(u16),
    Suback(u16),
    Pingresp,
    Disconnect,
    Bytes(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let ids = || 1..8_u16;
    prop_oneof![
        8 => (qos(), ids(), proptest::collection::vec(any::<u8>(), 0..300)).prop_map(|(qos, id, payload)| Sent::Publish(qos, id, payload)),
        8 => ids().prop_map(Sent::Puback),
        8 => ids().prop_map(Sent::Pubrec),
        4 => ids().prop_map(Sent::Pubrel),
        4 => ids().prop_map(Sent::Pubcomp),
        1 => ids().prop_map(Sent::Suback),
        2 => Just(Sent::Pingresp),
        1 => Just(Sent::Disconnect),
        1 => proptest::collection::vec(any::<u8>(), 1..20).prop_map(Sent::Bytes),
    ]
}

fn stream(sent: &[Sent], version: ProtocolVersion) -> Vec<u8> {
    let mut out = Vec::new();
    for sent in sent {
        match sent {
            Sent::Publish(qos, packet_id, payload) => {
                let publish = Publish::new(TopicName::parse("t").unwrap(), payload);
                let delivery = delivery(*qos, id(*packet_id), false);
                encode(Publish { delivery, ..publish }.into(), version, &mut out);
            }
            Sent::Puback(packet_id) => encode(Puback::new(id(*packet_id)).into(), version, &mut out),
            Sent::Pubrec(packet_id) => encode(Pubrec::new(id(*packet_id)).into(), version, &mut out),
            Sent::Pubrel(packet_id) => encode(Pubrel::new(id(*packet_id)).into(), version, &mut out),
            Sent::Pubcomp(packet_id) => encode(Pubcomp::new(id(*packet_id)).into(), version, &mut out),
            Sent::Suback(packet_id) => {
                let reasons = SubackReasons::new(&[SubackReason::GrantedQoS0]);
                encode(Suback::new(id(*packet_id), reasons).into(), version, &mut out);
            }
            Sent::Pingresp => encode(Packet::Pingresp, version, &mut out),
            Sent::Disconnect => {
                encode(Disconnect::new(DisconnectReason::NormalDisconnection).into(), version, &mut out);
            }
            Sent::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }
    out
}

/// A Client that is connected and waits for answers of every kind.
fn waiting(version: ProtocolVersion) -> Client {
    let mut client = Client::new(ClientConfig::default());
    client.connect(NOW, persistent(version)).unwrap();
    let mut connack = Vec::new();
    encode(Connack::new(ConnackReason::Success).into(), version, &mut connack);
    let _ = client.handle_input(NOW, &mut connack[..].into());
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish(NOW, message("t", "x", qos)).unwrap();
    }
    client.subscribe(NOW, SubscribeRequest::new([("a", QoS::AtMostOnce)]).unwrap()).unwrap();
    client
}

/// Feeds `stream` in pieces that end at `cuts`. All events, and all bytes written.
fn feed(client: &mut Client, stream: &[u8], cuts: impl Iterator<Item = usize>) -> (Vec<Event>, Vec<u8>) {
    let mut input = BytesMut::new();
    let (mut events, mut written) = (Vec::new(), Vec::new());
    let mut start = 0;
    for end in cuts.chain([stream.len()]) {
        input.extend_from_slice(&stream[start..end]);
        start = end;
        let received = client.handle_input(NOW, &mut input);
        assert_ne!(received, Received::Paused);
        events.extend(std::iter::from_fn(|| client.poll_event()));
        while client.transmit().has_remaining() {
            written.extend(client.transmit().pop().into_iter().flatten());
        }
    }
    client.handle_closed(NOW);
    events.extend(std::iter::from_fn(|| client.poll_event()));
    (events, written)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn segmentation_changes_nothing(
        version in version(),
        sent in proptest::collection::vec(sent(), 0..30),
        step in 2..50_usize,
    ) {
        let stream = stream(&sent, version);
        let whole = feed(&mut waiting(version), &stream, std::iter::empty());
        let bytewise = feed(&mut waiting(version), &stream, 1..stream.len());
        prop_assert_eq!(&whole, &bytewise);
        let stepwise = feed(&mut waiting(version), &stream, (step..stream.len()).step_by(step));
        prop_assert_eq!(&whole, &stepwise);

        let (events, written) = whole;
        let ends = events.iter().filter(|event| matches!(event, Event::Disconnected(_))).count();
        prop_assert_eq!(ends, 1, "one end of one connection");
        let mut resolved = BTreeSet::new();
        for event in &events {
            if let Event::Published { token, .. } = event {
                prop_assert!(resolved.insert(*token), "{:?} resolves once", token);
            }
        }
        // What is written is what a Server understands.
        let mut decoder = Decoder::server();
        let mut written = &written[..];
        while let Some((_, len)) = decoder.decode(written).unwrap() {
            written = &written[len..];
        }
        prop_assert!(written.is_empty(), "whole packets");
    }
}

/// A Server that keeps to the protocol, as simple as it can be written.
#[derive(Default)]
struct ModelServer {
    decoder: Option<Decoder>,
    input: BytesMut,
    output: Vec<u8>,
    has_session: bool,
    /// Payloads in order of delivery.
    delivered: Vec<String>,
    unreleased: BTreeSet<PacketId>,
    /// Not yet answered on this connection.
    open: BTreeSet<PacketId>,
    outgoing: Vec<(PacketId, QoS, String, bool)>,
    next_id: u16,
    connected: bool,
}

const RECEIVE_MAXIMUM: u16 = 3;

impl ModelServer {
    fn disconnected(&mut self) {
        self.decoder = None;
        self.input.clear();
        self.output.clear();
        self.open.clear();
        self.connected = false;
    }

    fn lose_session(&mut self) {
        self.has_session = false;
        self.unreleased.clear();
        self.outgoing.clear();
    }

    fn publish(&mut self, qos: QoS, payload: String) {
        if !self.connected {
            return;
        }
        self.next_id += 1;
        let packet_id = id(self.next_id);
        self.send_publish(packet_id, qos, &payload, false);
        if qos != QoS::AtMostOnce {
            self.outgoing.push((packet_id, qos, payload, false));
        }
    }

    fn send_publish(&mut self, packet_id: PacketId, qos: QoS, payload: &str, dup: bool) {
        let publish = Publish::new(TopicName::parse("t").unwrap(), payload.as_bytes());
        self.send(Publish { delivery: delivery(qos, packet_id, dup), ..publish }.into());
    }

    fn send(&mut self, packet: Packet<'_>) {
        encode(packet, ProtocolVersion::V5_0, &mut self.output);
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        let mut decoder = self.decoder.take().unwrap_or_else(Decoder::server);
        while let Some(frame) = decoder.decode_frame(&mut self.input).unwrap() {
            self.handle(frame.packet());
        }
        self.decoder = Some(decoder);
    }

    fn handle(&mut self, packet: Packet<'_>) {
        match packet {
            Packet::Connect(_) => {
                let values =
                    [mqtt_session::codec::Property::ReceiveMaximum(RECEIVE_MAXIMUM.try_into().unwrap())];
                let properties = mqtt_session::codec::ConnackProperties::new(&values).unwrap();
                let session_present = self.has_session;
                let connack = Connack { session_present, properties, ..Connack::new(ConnackReason::Success) };
                self.send(connack.into());
                (self.has_session, self.connected) = (true, true);
                for (packet_id, qos, payload, released) in self.outgoing.clone() {
                    if released {
                        self.send(Pubrel::new(packet_id).into());
                    } else {
                        self.send_publish(packet_id, qos, &payload, true);
                    }
                }
            }
            Packet::Publish(publish) => {
                let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
                match publish.delivery {
                    Delivery::AtMostOnce => self.delivered.push(payload),
                    Delivery::AtLeastOnce { packet_id, .. } => {
                        self.delivered.push(payload);
                        self.open.insert(packet_id);
                        assert!(self.open.len() <= RECEIVE_MAXIMUM.into(), "Receive Maximum");
                        self.open.remove(&packet_id);
                        self.send(Puback::new(packet_id).into());
                    }
                    Delivery::ExactlyOnce { packet_id, .. } => {
                        if self.unreleased.insert(packet_id) {
                            self.delivered.push(payload);
                        }
                        self.open.insert(packet_id);
                        assert!(self.open.len() <= RECEIVE_MAXIMUM.into(), "Receive Maximum");
                        self.send(Pubrec::new(packet_id).into());
                    }
                }
            }
            Packet::Pubrel(pubrel) => {
                self.unreleased.remove(&pubrel.packet_id);
                self.open.remove(&pubrel.packet_id);
                self.send(Pubcomp::new(pubrel.packet_id).into());
            }
            Packet::Puback(Puback { packet_id, .. }) | Packet::Pubcomp(Pubcomp { packet_id, .. }) => {
                self.outgoing.retain(|(id, ..)| *id != packet_id);
            }
            Packet::Pubrec(pubrec) => {
                for (id, _, _, released) in &mut self.outgoing {
                    *released |= *id == pubrec.packet_id;
                }
                self.send(Pubrel::new(pubrec.packet_id).into());
            }
            other => panic!("{other}"),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish(QoS),
    ServerPublish(QoS),
    /// Bytes get through, so many.
    ToServer(usize),
    ToClient(usize),
    /// The link fails, and with it all that is under way.
    Cut,
    /// The link fails, and the Server forgets the Session.
    Forget,
}

fn step(forgets: bool) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => qos().prop_map(Step::Publish),
        4 => qos().prop_map(Step::ServerPublish),
        16 => (1..60_usize).prop_map(Step::ToServer),
        16 => (1..60_usize).prop_map(Step::ToClient),
        3 => Just(Step::Cut),
        u32::from(forgets) * 2 => Just(Step::Forget),
    ]
}

struct Run {
    client: Client,
    server: ModelServer,
    input: BytesMut,
    /// Accepted messages without outcome.
    unresolved: BTreeMap<PublishToken, String>,
    outcomes: Vec<(String, PublishOutcome)>,
    received: Vec<String>,
    connects: usize,
    ends: usize,
    published: usize,
    server_published: usize,
}

impl Run {
    fn new() -> Self {
        let mut run = Self {
            client: Client::new(ClientConfig::default()),
            server: ModelServer::default(),
            input: BytesMut::new(),
            unresolved: BTreeMap::new(),
            outcomes: Vec::new(),
            received: Vec::new(),
            connects: 0,
            ends: 0,
            published: 0,
            server_published: 0,
        };
        run.connect();
        run
    }

    fn connect(&mut self) {
        self.client.connect(NOW, persistent(ProtocolVersion::V5_0)).unwrap();
        self.connects += 1;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Publish(qos) => {
                self.published += 1;
                let payload = format!("{qos}-{}", self.published);
                let token = self.client.publish(NOW, message("t", &payload, *qos)).unwrap();
                self.unresolved.insert(token, payload);
            }
            Step::ServerPublish(qos) => {
                self.server_published += 1;
                self.server.publish(*qos, format!("{qos}-{}", self.server_published));
            }
            Step::ToServer(count) => {
                let mut left = *count;
                while left > 0 && self.client.transmit().has_remaining() {
                    let transmit = self.client.transmit();
                    let len = transmit.chunk().len().min(left);
                    self.server.receive(&transmit.chunk()[..len]);
                    transmit.advance(len);
                    left -= len;
                }
            }
            Step::ToClient(count) => {
                let len = self.server.output.len().min(*count);
                self.input.extend(self.server.output.drain(..len));
                let received = self.client.handle_input(NOW, &mut self.input);
                assert!(matches!(received, Received::NeedData(_)));
            }
            Step::Cut | Step::Forget => {
                self.client.handle_closed(NOW);
                self.server.disconnected();
                if matches!(step, Step::Forget) {
                    self.server.lose_session();
                }
                self.input.clear();
                self.connect();
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Published { token, outcome } => {
                    let payload = self.unresolved.remove(&token).expect("a token resolves once");
                    self.outcomes.push((payload, outcome));
                }
                Event::Message(received) => {
                    self.received.push(String::from_utf8(received.message.payload().to_vec()).unwrap());
                }
                Event::Disconnected(_) => self.ends += 1,
                Event::Connected(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The link works from here on.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            self.step(&Step::ToServer(usize::MAX));
            self.step(&Step::ToClient(usize::MAX));
        }
    }
}

fn of_qos(payloads: &[String], qos: QoS) -> Vec<&String> {
    payloads.iter().filter(|payload| payload.starts_with(&qos.to_string())).collect()
}

/// Each once, in order of the numbers.
fn is_exactly_once(payloads: &[&String]) -> bool {
    let numbers: Vec<u32> = payloads.iter().map(|payload| payload[2..].parse().unwrap()).collect();
    numbers.is_sorted_by(|a, b| a < b)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// However often and wherever the link fails: QoS 2 exactly once, QoS 1 at least once, first deliveries in order, and
    /// one success for each token.
    #[test]
    fn a_session_survives_its_connections(steps in proptest::collection::vec(step(false), 0..200)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.settle();
        prop_assert!(run.unresolved.is_empty(), "unresolved: {:?}", run.unresolved);
        prop_assert!(run.outcomes.iter().all(|(_, outcome)| outcome.is_success()));
        prop_assert_eq!(run.connects, run.ends + 1);

        let published: Vec<_> = run.outcomes.iter().map(|(payload, _)| payload.clone()).collect();
        let delivered = of_qos(&run.server.delivered, QoS::ExactlyOnce);
        prop_assert!(is_exactly_once(&delivered), "{:?}", delivered);
        prop_assert_eq!(delivered.len(), of_qos(&published, QoS::ExactlyOnce).len());
        let mut delivered = of_qos(&run.server.delivered, QoS::AtLeastOnce);
        let mut seen = BTreeSet::new();
        delivered.retain(|payload| seen.insert(*payload));
        prop_assert!(is_exactly_once(&delivered), "{:?}", delivered);
        prop_assert_eq!(delivered.len(), of_qos(&published, QoS::AtLeastOnce).len());

        let received = of_qos(&run.received, QoS::ExactlyOnce);
        prop_assert!(is_exactly_once(&received), "{:?}", received);
        prop_assert!(run.server.outgoing.is_empty(), "{:?}", run.server.outgoing);
    }

    /// A Server may forget the Session at any time: then, too, each token resolves once, and no message is both lost
    /// and successful.
    #[test]
    fn every_token_resolves_once(steps in proptest::collection::vec(step(true), 0..200)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.settle();
        prop_assert!(run.unresolved.is_empty(), "unresolved: {:?}", run.unresolved);
        prop_assert_eq!(run.outcomes.len(), run.published);
        prop_assert_eq!(run.connects, run.ends + 1);
        prop_assert_eq!(run.client.in_flight() + run.client.queued(), 0);
        for (payload, outcome) in &run.outcomes {
            if let PublishOutcome::SessionLost(Some(message)) = outcome {
                prop_assert_eq!(message.payload(), payload.as_bytes());
            }
        }
    }
}

/// One run, its link cut after every byte of either direction.
#[test]
fn a_link_may_fail_at_every_byte() {
    let publishes = [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce, QoS::AtLeastOnce];
    for to_server in 0..120 {
        for to_client in [0, 1, 5, 9, 13, 17, 21, 25, 29, 33] {
            let mut run = Run::new();
            for qos in publishes {
                run.step(&Step::Publish(qos));
            }
            run.step(&Step::ToServer(to_server));
            run.step(&Step::ServerPublish(QoS::ExactlyOnce));
            run.step(&Step::ToClient(to_client));
            run.step(&Step::ToServer(to_server));
            run.step(&Step::Cut);
            run.settle();
            assert!(run.unresolved.is_empty());
            assert_eq!(of_qos(&run.server.delivered, QoS::ExactlyOnce), ["2-2", "2-3"]);
            assert!(is_exactly_once(&of_qos(&run.received, QoS::ExactlyOnce)));
        }
    }
}
