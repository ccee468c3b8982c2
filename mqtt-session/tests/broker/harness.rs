//! A broker, its driver, and Clients that speak packet by packet. What a Client receives reads like a trace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{
    Connect, ConnectFields, ConnectProperties, Decoder, Delivery, Disconnect, DisconnectReason, Packet,
    PacketId, Property, ProtocolVersion, Puback, Pubcomp, Publish, PublishProperties, Pubrec, Pubrel, QoS,
    Subscribe, SubscribeProperties, SubscriptionOptions, Subscriptions, TopicFilters, Unsubscribe, Will,
};
use mqtt_session::topic::{Subscription, TopicName};
use mqtt_session::{
    Action, AllowAll, Broker, BrokerConfig, ConnectionId, Instant, Message, Notice, Persist, Policy,
    Received, StoredState,
};

pub(crate) use ProtocolVersion::{V3_1, V3_1_1, V5_0};

pub(crate) struct World<P = AllowAll> {
    pub(crate) broker: Broker<P>,
    pub(crate) now: Instant,
    pub(crate) notices: Vec<Notice>,
    /// The messages that have been told, and who published them.
    pub(crate) published: Vec<(Arc<str>, Arc<Message>)>,
    peers: BTreeMap<ConnectionId, Peer>,
    /// The driver writes nothing.
    pub(crate) stalled: bool,
    /// What the broker wants stored, and has to be told that it is.
    pub(crate) store: StoredState,
    /// Nothing is stored.
    pub(crate) store_stalled: bool,
    unstored: Vec<Persist>,
    /// How many changes have been stored.
    pub(crate) changes: usize,
}

/// One Client's end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) id: ConnectionId,
    pub(crate) version: ProtocolVersion,
}

struct Peer {
    /// On its way to the broker.
    input: BytesMut,
    output: BytesMut,
    decoder: Decoder,
    /// What the Client has received and the test has not looked at.
    trace: Vec<String>,
    is_open: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(BrokerConfig::default(), AllowAll)
    }

    pub(crate) fn with_config(config: BrokerConfig) -> Self {
        Self::with(config, AllowAll)
    }
}

impl<P: Policy> World<P> {
    /// Every broker is durable here, and what it tells is what it is.
    pub(crate) fn with(config: BrokerConfig, policy: P) -> Self {
        Self {
            broker: Broker::new(BrokerConfig { durable: true, ..config }, policy),
            now: Instant::from_millis(1_000_000),
            notices: Vec::new(),
            published: Vec::new(),
            peers: BTreeMap::new(),
            stalled: false,
            store: StoredState::default(),
            store_stalled: false,
            unstored: Vec::new(),
            changes: 0,
        }
    }

    /// The broker is gone, with everything that was not stored, and another goes on from the store.
    pub(crate) fn crash(&mut self, config: BrokerConfig, policy: P) {
        let config = BrokerConfig { durable: true, ..config };
        self.unstored.clear();
        self.peers.clear();
        let snapshot = StoredState::decode(&self.store.encode()).unwrap();
        self.broker = Broker::restore(self.now, config, policy, snapshot.records()).unwrap();
        self.settle();
    }

    /// Stores what was not stored.
    pub(crate) fn catch_up(&mut self) {
        self.store_stalled = false;
        for Persist { seq, changes } in std::mem::take(&mut self.unstored) {
            self.store.apply(&changes);
            self.broker.handle_persisted(self.now, seq);
        }
        self.settle();
    }

    pub(crate) fn open(&mut self, version: ProtocolVersion) -> Client {
        let id = self.broker.open(self.now);
        let (input, output) = (BytesMut::new(), BytesMut::new());
        let decoder = Decoder::client(version);
        self.peers.insert(id, Peer { input, output, decoder, trace: Vec::new(), is_open: true });
        Client { id, version }
    }

    /// Connects with a clean Session that ends with the connection.
    pub(crate) fn connect(&mut self, version: ProtocolVersion, client_id: &str) -> Client {
        let client = self.connect_with(version, ConnectFields { client_id, ..ConnectFields::default() }, &[]);
        self.expect_connack(client, false);
        client
    }

    /// Connects to a Session that lasts for ever.
    pub(crate) fn resume(
        &mut self,
        version: ProtocolVersion,
        client_id: &str,
        session_present: bool,
    ) -> Client {
        let properties = [Property::SessionExpiryInterval(u32::MAX)];
        let fields = ConnectFields { client_id, clean_start: false, ..ConnectFields::default() };
        let client = self.connect_with(version, fields, &properties);
        self.expect_connack(client, session_present);
        client
    }

    /// Sends a CONNECT; in 3.x without the properties.
    pub(crate) fn connect_with(
        &mut self,
        version: ProtocolVersion,
        fields: ConnectFields<'_>,
        properties: &[Property<'_>],
    ) -> Client {
        let client = self.open(version);
        let properties = if version == V5_0 { properties } else { &[] };
        let properties = ConnectProperties::new(properties).unwrap();
        self.send(client, &Packet::Connect(Connect::new(&ConnectFields { properties, ..fields })));
        client
    }

    #[track_caller]
    pub(crate) fn expect_connack(&mut self, client: Client, session_present: bool) {
        let trace = &mut self.peers.get_mut(&client.id).unwrap().trace;
        let connack = trace.remove(0);
        let present = u8::from(session_present && client.version != V3_1);
        assert!(connack.starts_with(&format!("CONNACK session_present={present} 0x00 Success")), "{connack}");
    }

    pub(crate) fn send(&mut self, client: Client, packet: &Packet<'_>) {
        let mut bytes = BytesMut::new();
        packet.encode(client.version, &mut bytes).unwrap();
        self.send_bytes(client, &bytes);
    }

    pub(crate) fn send_bytes(&mut self, client: Client, bytes: &[u8]) {
        self.peers.get_mut(&client.id).unwrap().input.extend_from_slice(bytes);
        let _ = self.offer(client.id);
        self.settle();
    }

    /// What one offer of the input gives, without the driver's work behind it.
    pub(crate) fn offer(&mut self, id: ConnectionId) -> Received {
        let peer = self.peers.get_mut(&id).unwrap();
        self.broker.handle_input(self.now, id, &mut peer.input)
    }

    /// Does what a driver does until there is nothing left to do.
    pub(crate) fn settle(&mut self) {
        while let Some(action) = self.broker.poll_action() {
            match action {
                Action::Transmit(id) => self.write(id),
                Action::Resume(id) => {
                    let _ = self.offer(id);
                }
                Action::Close(id) => {
                    self.write(id);
                    self.broker.handle_closed(self.now, id);
                    let peer = self.peers.get_mut(&id).unwrap();
                    peer.is_open = false;
                    peer.trace.push("CLOSED".to_owned());
                }
                Action::Notice(notice) => self.notices.push(notice),
                Action::Published { client_id, message } => self.published.push((client_id, message)),
                Action::Persist(persist) if self.store_stalled => self.unstored.push(persist),
                Action::Persist(Persist { seq, changes }) => {
                    assert!(!changes.is_empty());
                    self.changes += changes.len();
                    self.store.apply(&changes);
                    self.broker.handle_persisted(self.now, seq);
                }
                _ => {}
            }
        }
        if !self.store_stalled && self.broker.session_count() + self.broker.retained_count() < 64 {
            assert_eq!(self.store, self.broker.stored_state(), "the sum of the changes is the state");
        }
    }

    fn write(&mut self, id: ConnectionId) {
        if self.stalled {
            return;
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        while let Some(transmit) = self.broker.transmit(id).filter(Buf::has_remaining) {
            while let Some(segment) = transmit.pop() {
                peer.output.extend_from_slice(&segment);
            }
        }
        while let Some(frame) = peer.decoder.decode_frame(&mut peer.output).unwrap() {
            let packet = frame.packet();
            let mut line = packet.to_string();
            if let Packet::Publish(publish) = packet {
                line = line.replacen(
                    &format!("{} bytes", publish.payload.len()),
                    &format!("{:?}", String::from_utf8_lossy(publish.payload)),
                    1,
                );
            }
            peer.trace.push(line);
        }
    }

    /// Writes everything the driver has held back.
    pub(crate) fn unstall(&mut self) {
        self.stalled = false;
        let ids: Vec<ConnectionId> = self.peers.keys().copied().collect();
        for id in ids {
            self.write(id);
        }
        self.settle();
    }

    /// What the Client has received since the last look.
    pub(crate) fn trace(&mut self, client: Client) -> Vec<String> {
        std::mem::take(&mut self.peers.get_mut(&client.id).unwrap().trace)
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, client: Client, expected: &[&str]) {
        assert_eq!(self.trace(client), expected, "what {client:?} received");
    }

    /// The network connection breaks.
    pub(crate) fn cut(&mut self, client: Client) {
        self.peers.get_mut(&client.id).unwrap().is_open = false;
        self.broker.handle_closed(self.now, client.id);
        self.settle();
    }

    pub(crate) fn disconnect(&mut self, client: Client) {
        self.send(client, &Packet::Disconnect(Disconnect::new(DisconnectReason::NormalDisconnection)));
        self.expect(client, &["CLOSED"]);
    }

    pub(crate) fn is_open(&self, client: Client) -> bool {
        self.peers[&client.id].is_open
    }

    /// Time passes, and every deadline on the way is met.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.broker.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.broker.handle_timeout(self.now);
            assert!(self.broker.poll_timeout().is_none_or(|next| next > self.now), "a deadline that stays");
            self.settle();
        }
        self.now = end;
    }

    pub(crate) fn pass_seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub(crate) fn subscribe(
        &mut self,
        client: Client,
        filter: &str,
        options: impl Into<SubscriptionOptions>,
    ) {
        let options = options.into();
        self.subscribe_with(client, &[(filter, options)], &[]);
        let reason = options.qos.bits();
        let trace = &mut self.peers.get_mut(&client.id).unwrap().trace;
        assert_eq!(trace.remove(0), format!("SUBACK id=100 0x{reason:02X}"));
    }

    pub(crate) fn subscribe_with(
        &mut self,
        client: Client,
        filters: &[(&str, SubscriptionOptions)],
        properties: &[Property<'_>],
    ) {
        let entries: Vec<_> = filters
            .iter()
            .map(|(filter, options)| match client.version {
                V5_0 => (Subscription::parse(filter).unwrap(), *options),
                _ => (Subscription::ordinary(filter).unwrap(), *options),
            })
            .collect();
        let properties = SubscribeProperties::new(properties).unwrap();
        let subscribe = Subscribe { properties, ..Subscribe::new(id(100), Subscriptions::new(&entries)) };
        self.send(client, &Packet::Subscribe(subscribe));
    }

    pub(crate) fn unsubscribe(&mut self, client: Client, filter: &str) {
        let entries = [Subscription::parse(filter).unwrap()];
        self.send(client, &Packet::Unsubscribe(Unsubscribe::new(id(101), TopicFilters::new(&entries))));
    }

    /// Publishes with the identifier 1 where one is needed, completes the exchange, and forgets about its packets.
    pub(crate) fn publish(&mut self, client: Client, topic: &str, payload: &str, qos: QoS) {
        self.publish_with(client, topic, payload, delivery(qos, 1), false, &[]);
        if qos == QoS::ExactlyOnce {
            self.send(client, &Packet::Pubrel(Pubrel::new(id(1))));
        }
        let answers = ["PUBACK id=1", "PUBREC id=1", "PUBCOMP id=1"];
        let trace = &mut self.peers.get_mut(&client.id).unwrap().trace;
        trace.retain(|line| !answers.iter().any(|answer| line.starts_with(answer)));
    }

    pub(crate) fn retain(&mut self, client: Client, topic: &str, payload: &str, qos: QoS) {
        self.publish_with(client, topic, payload, delivery(qos, 1), true, &[]);
        if qos == QoS::ExactlyOnce {
            self.send(client, &Packet::Pubrel(Pubrel::new(id(1))));
        }
        self.trace(client);
    }

    pub(crate) fn publish_with(
        &mut self,
        client: Client,
        topic: &str,
        payload: &str,
        delivery: Delivery,
        retain: bool,
        properties: &[Property<'_>],
    ) {
        let topic = if topic.is_empty() { None } else { Some(TopicName::parse(topic).unwrap()) };
        let properties = PublishProperties::new(properties).unwrap();
        let publish = Publish { topic, delivery, retain, properties, payload: payload.as_bytes() };
        self.send(client, &Packet::Publish(publish));
    }

    pub(crate) fn puback(&mut self, client: Client, packet_id: u16) {
        self.send(client, &Packet::Puback(Puback::new(id(packet_id))));
    }

    pub(crate) fn pubrec(&mut self, client: Client, packet_id: u16) {
        self.send(client, &Packet::Pubrec(Pubrec::new(id(packet_id))));
    }

    pub(crate) fn pubrel(&mut self, client: Client, packet_id: u16) {
        self.send(client, &Packet::Pubrel(Pubrel::new(id(packet_id))));
    }

    pub(crate) fn pubcomp(&mut self, client: Client, packet_id: u16) {
        self.send(client, &Packet::Pubcomp(Pubcomp::new(id(packet_id))));
    }
}

pub(crate) fn id(packet_id: u16) -> PacketId {
    PacketId::new(packet_id).unwrap()
}

pub(crate) fn delivery(qos: QoS, packet_id: u16) -> Delivery {
    let packet_id = id(packet_id);
    match qos {
        QoS::AtMostOnce => Delivery::AtMostOnce,
        QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id, dup: false },
        QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup: false },
    }
}

pub(crate) fn will<'a>(topic: &'a str, payload: &'a str) -> Will<'a> {
    Will::new(TopicName::parse(topic).unwrap(), payload.as_bytes())
}
