//! A Client, and a Server that does what the test says.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{
    Connack, ConnackProperties, ConnackReason, Decoder, Delivery, Packet, PacketId, Property,
    ProtocolVersion, Puback, Pubcomp, Publish, PublishReason, Pubrec, Pubrel, QoS,
};
use mqtt_session::topic::TopicName;
use mqtt_session::{
    AckToken, Client, ClientConfig, ConnectOptions, Event, Instant, Message, Persist, PublishOutcome,
    PublishToken, ReauthenticateOutcome, Received, ReceivedAuth, StoredState, SubscribeOutcome,
    UnsubscribeOutcome,
};

pub(crate) const V3: [ProtocolVersion; 2] = [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1];

pub(crate) struct Scene {
    pub(crate) client: Client,
    pub(crate) version: ProtocolVersion,
    pub(crate) now: Instant,
    server: Decoder,
    /// What the Server has received and not understood yet.
    to_server: BytesMut,
    trace: Vec<String>,
    /// Tokens of received messages, oldest first.
    pub(crate) acks: Vec<AckToken>,
    /// What became of messages, in full.
    pub(crate) outcomes: Vec<(PublishToken, PublishOutcome)>,
    /// What the client wants stored, and has to be told that it is.
    pub(crate) store: StoredState,
    /// Nothing is stored.
    pub(crate) store_stalled: bool,
    unstored: Vec<Persist>,
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn data(received: &ReceivedAuth) -> String {
    received.data().map(|data| format!(" {:?}", String::from_utf8_lossy(data))).unwrap_or_default()
}

pub(crate) fn message(topic: &str, payload: &str, qos: QoS) -> Message {
    Message::new(topic, payload.to_owned()).unwrap().with_qos(qos)
}

/// A Session that is kept.
pub(crate) fn persistent(version: ProtocolVersion) -> ConnectOptions {
    ConnectOptions {
        client_id: "c".into(),
        clean_start: false,
        session_expiry_interval: 3600,
        ..ConnectOptions::new(version)
    }
}

impl Scene {
    pub(crate) fn new(version: ProtocolVersion, mut config: ClientConfig) -> Self {
        // Every client is durable here, and what it tells is what it is.
        config.durable = true;
        Self {
            client: Client::new(config),
            version,
            now: Instant::from_millis(0),
            server: Decoder::server(),
            to_server: BytesMut::new(),
            trace: Vec::new(),
            acks: Vec::new(),
            outcomes: Vec::new(),
            store: StoredState::default(),
            store_stalled: false,
            unstored: Vec::new(),
        }
    }

    /// The program is gone, with everything that was not stored, and another goes on from the store.
    pub(crate) fn crash(&mut self, mut config: ClientConfig) {
        config.durable = true;
        self.unstored.clear();
        self.acks.clear();
        let snapshot = StoredState::decode(&self.store.encode()).unwrap();
        self.client = Client::restore(config, snapshot.records()).unwrap();
        self.look();
    }

    /// Stores what was not stored.
    pub(crate) fn catch_up(&mut self) {
        self.store_stalled = false;
        for persist in std::mem::take(&mut self.unstored) {
            self.persist(persist);
        }
        self.look();
    }

    fn persist(&mut self, persist: Persist) {
        if self.store_stalled {
            self.unstored.push(persist);
            return;
        }
        assert!(!persist.changes.is_empty());
        self.store.apply(&persist.changes);
        self.client.handle_persisted(self.now, persist.seq);
    }

    /// A Client that is connected, with a Session that is kept; the trace is empty.
    pub(crate) fn connected(version: ProtocolVersion) -> Self {
        Self::connected_with(version, ClientConfig::default(), &[])
    }

    pub(crate) fn connected_with(
        version: ProtocolVersion,
        config: ClientConfig,
        connack: &[Property<'_>],
    ) -> Self {
        let mut scene = Self::new(version, config);
        scene.reconnect(false, connack);
        scene
    }

    pub(crate) fn connect(&mut self, options: ConnectOptions) {
        self.server = Decoder::server();
        self.to_server.clear();
        self.client.connect(self.now, options).unwrap();
        self.look();
    }

    /// Connects with a Session that is kept; CONNECT and CONNACK are not in the trace.
    pub(crate) fn reconnect(&mut self, session_present: bool, connack: &[Property<'_>]) {
        self.connect(persistent(self.version));
        self.trace.clear();
        self.accept(session_present, connack);
        self.trace.retain(|line| !line.starts_with("S>C CONNACK") && !line.starts_with("* connected"));
    }

    pub(crate) fn accept(&mut self, session_present: bool, properties: &[Property<'_>]) {
        let properties = ConnackProperties::new(properties).unwrap();
        let connack = Connack { session_present, properties, ..Connack::new(ConnackReason::Success) };
        let _ = self.server(connack);
    }

    /// The Server sends a packet.
    pub(crate) fn server<'a>(&mut self, packet: impl Into<Packet<'a>>) -> Received {
        let packet = packet.into();
        self.trace.push(format!("S>C {packet}"));
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.server_bytes(&bytes)
    }

    pub(crate) fn server_bytes(&mut self, bytes: &[u8]) -> Received {
        let received = self.client.handle_input(self.now, &mut BytesMut::from(bytes));
        self.look();
        received
    }

    pub(crate) fn server_publish(&mut self, topic: &str, payload: &str, delivery: Delivery) {
        let publish = Publish::new(TopicName::parse(topic).unwrap(), payload.as_bytes());
        let _ = self.server(Publish { delivery, ..publish });
    }

    pub(crate) fn puback(&mut self, packet_id: u16) {
        let _ = self.server(Puback::new(id(packet_id)));
    }

    pub(crate) fn pubrec(&mut self, packet_id: u16) {
        let _ = self.server(Pubrec::new(id(packet_id)));
    }

    pub(crate) fn pubrec_with(&mut self, packet_id: u16, reason: PublishReason) {
        let _ = self.server(Pubrec { reason, ..Pubrec::new(id(packet_id)) });
    }

    pub(crate) fn pubrel(&mut self, packet_id: u16) {
        let _ = self.server(Pubrel::new(id(packet_id)));
    }

    pub(crate) fn pubcomp(&mut self, packet_id: u16) {
        let _ = self.server(Pubcomp::new(id(packet_id)));
    }

    pub(crate) fn publish(&mut self, topic: &str, payload: &str, qos: QoS) -> PublishToken {
        self.publish_message(message(topic, payload, qos))
    }

    pub(crate) fn publish_message(&mut self, message: Message) -> PublishToken {
        let token = self.client.publish(self.now, message).unwrap();
        self.look();
        token
    }

    /// The transport fails.
    pub(crate) fn cut(&mut self) {
        self.client.handle_closed(self.now);
        self.look();
    }

    /// Time passes; timers fire on time.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((deadline, timer)) = self.client.poll_timeout()
            && deadline <= end
        {
            self.now = self.now.max(deadline);
            self.trace.push(format!("{:?} at {} ms", timer, self.now.as_millis()));
            self.client.handle_timeout(self.now);
            let next = self.client.poll_timeout();
            assert!(next.is_none_or(|(next, _)| next > self.now), "{next:?} is not after {:?}", self.now);
            self.look();
        }
        self.now = end;
    }

    /// Appends events and bytes that wait to the trace.
    pub(crate) fn look(&mut self) {
        loop {
            self.take_events();
            if !self.client.transmit().has_remaining() {
                break;
            }
            while self.client.transmit().has_remaining() {
                let transmit = self.client.transmit();
                let len = transmit.chunk().len();
                self.to_server.extend_from_slice(transmit.chunk());
                transmit.advance(len);
            }
            while let Some(frame) = self.server.decode_frame(&mut self.to_server).unwrap() {
                self.trace.push(format!("C>S {frame}"));
            }
        }
        self.take_events();
        if !self.store_stalled && self.store.len() < 64 {
            assert_eq!(self.store, self.client.stored_state(), "the sum of the changes is the state");
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Persist(persist) => self.persist(persist),
                event => {
                    let line = self.describe(event);
                    self.trace.push(line);
                }
            }
        }
    }

    fn describe(&mut self, event: Event) -> String {
        match event {
            Event::Connected(connected) => {
                let data = connected.authentication_data();
                let data = data.map(|data| format!(" data={:?}", String::from_utf8_lossy(data)));
                format!(
                    "* connected as {:?} session_present={}{}",
                    connected.client_id,
                    u8::from(connected.session_present),
                    data.unwrap_or_default()
                )
            }
            Event::Challenge(received) => format!("* challenge{}", data(&received)),
            Event::Reauthenticated(ReauthenticateOutcome::Success(received)) => {
                format!("* authenticated again{}", data(&received))
            }
            Event::Reauthenticated(_) => "* re-authentication lost".to_owned(),
            Event::Message(received) => {
                self.acks.extend(received.ack);
                let message = received.message;
                format!(
                    "* message q{} dup={} {:?} {:?}",
                    message.qos(),
                    u8::from(received.dup),
                    message.topic().as_str(),
                    String::from_utf8_lossy(message.payload())
                )
            }
            Event::Published { token, outcome } => {
                let line = format!("* {token:?} {outcome}");
                self.outcomes.push((token, outcome));
                line
            }
            Event::Subscribed { token, outcome: SubscribeOutcome::Lost } => {
                format!("* subscribe {token:?} lost")
            }
            Event::Subscribed { token, outcome } => {
                format!("* subscribe {token:?} {:?}", outcome.reasons())
            }
            Event::Unsubscribed { token, outcome: UnsubscribeOutcome::Acknowledged { reasons, .. } } => {
                format!("* unsubscribe {token:?} {reasons:?}")
            }
            Event::Unsubscribed { token, .. } => format!("* unsubscribe {token:?} lost"),
            Event::Disconnected(why) => format!("* {why}"),
            other => format!("* {other:?}"),
        }
    }

    /// What has happened since the last look at the trace.
    pub(crate) fn trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &[&str]) {
        let trace = self.trace();
        assert_eq!(trace, expected, "\n{}\n", trace.join("\n"));
    }
}
