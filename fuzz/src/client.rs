//! The target `client`: any Server against a durable client, on a store that crashes.
//!
//! What must hold: nothing panics; what is written is packets of a Client, and nothing more after a connection has ended; each
//! token has one outcome, and each connection one end; what the client has told is what it is; deadlines move on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{Decoder, DisconnectReason, ProtocolVersion, QoS};
use mqtt_session::{
    AckToken, Client, ClientConfig, ConnectOptions, Event, Instant, Message, Persist, PublishToken, Received,
    RequestToken, StoredState, SubscribeRequest, UnsubscribeRequest,
};

use crate::packets::Input;

struct Scene {
    client: Client,
    config: ClientConfig,
    now: Instant,
    store: StoredState,
    unstored: Vec<Persist>,
    version: ProtocolVersion,
    is_connected: bool,
    input: BytesMut,
    output: BytesMut,
    decoder: Decoder,
    acks: Vec<AckToken>,
    published: BTreeSet<PublishToken>,
    requested: BTreeSet<RequestToken>,
}

/// Any bytes are a history.
pub fn client(data: &[u8]) {
    let mut input = Input(data);
    let Some(flags) = input.byte() else { return };
    let config = ClientConfig {
        durable: true,
        maximum_queued_messages: 4,
        maximum_requests: 2,
        manual_acknowledgement: flags & 1 != 0,
        use_topic_aliases: flags & 2 != 0,
        transmit_limit: if flags & 4 != 0 { 60 } else { 10_000 },
        maximum_in_flight: 3.try_into().unwrap_or(std::num::NonZero::<u16>::MIN),
        ..ClientConfig::default()
    };
    let mut scene = Scene {
        client: Client::new(config.clone()),
        config,
        now: Instant::from_millis(1_000),
        store: StoredState::default(),
        unstored: Vec::new(),
        version: ProtocolVersion::V5_0,
        is_connected: false,
        input: BytesMut::new(),
        output: BytesMut::new(),
        decoder: Decoder::server(),
        acks: Vec::new(),
        published: BTreeSet::new(),
        requested: BTreeSet::new(),
    };
    while scene.step(&mut input).is_some() {}
    scene.catch_up();
    scene.client.handle_closed(scene.now);
    scene.catch_up();
    assert!(!scene.is_connected && scene.requested.is_empty());
}

impl Scene {
    fn step(&mut self, input: &mut Input<'_>) -> Option<()> {
        match input.below(20)? {
            0..=6 => {
                let bytes = input.server_packet(self.version)?;
                self.receive(&bytes);
            }
            7 => {
                let bytes = input.bytes()?;
                self.receive(bytes);
            }
            8 | 9 => self.connect(input)?,
            10 | 11 => {
                let message =
                    Message::new(input.topic()?, input.bytes()?.to_vec()).ok()?.with_qos(input.qos()?);
                let message = if input.below(4)? == 0 { message.with_expiry(2) } else { message };
                let published = match message.payload().len() % 3 {
                    0 => self.client.publish_ref(self.now, &message),
                    1 => self.client.publish_shared(self.now, &Arc::new(message)),
                    _ => self.client.publish(self.now, message).map_err(|rejected| rejected.reason),
                };
                if let Ok(token) = published {
                    assert!(self.published.insert(token), "{token:?} is given twice");
                }
            }
            12 => {
                let request = SubscribeRequest::new([(input.filter()?, input.qos()?)]).ok()?;
                if let Ok(token) = self.client.subscribe(self.now, request) {
                    assert!(self.requested.insert(token), "{token:?} is given twice");
                }
            }
            13 => {
                let request = UnsubscribeRequest::new([input.filter()?]).ok()?;
                if let Ok(token) = self.client.unsubscribe(self.now, request) {
                    assert!(self.requested.insert(token), "{token:?} is given twice");
                }
            }
            14 => {
                if !self.acks.is_empty() {
                    let at = usize::from(input.byte()?) % self.acks.len();
                    let _ = self.client.acknowledge(self.now, self.acks.swap_remove(at));
                }
            }
            15 => {
                let reason = if input.flag()? {
                    DisconnectReason::NormalDisconnection
                } else {
                    DisconnectReason::DisconnectWithWillMessage
                };
                self.client.disconnect(self.now, reason);
                self.write(usize::MAX);
            }
            16 => {
                self.client.handle_closed(self.now);
                self.input.clear();
            }
            17 => {
                self.now = self.now + Duration::from_millis(u64::from(input.byte()?) * 40);
                self.client.handle_timeout(self.now);
                let next = self.client.poll_timeout();
                assert!(next.is_none_or(|(next, _)| next > self.now), "a deadline that stays: {next:?}");
            }
            18 => {
                let count = input.byte()?;
                self.write(count.into());
                self.catch_up();
            }
            _ => self.crash(),
        }
        self.drain();
        Some(())
    }

    fn connect(&mut self, input: &mut Input<'_>) -> Option<()> {
        let (version, flags) = (input.version()?, input.byte()?);
        let options = ConnectOptions {
            client_id: input.client_id()?.into(),
            clean_start: flags & 1 != 0,
            session_expiry_interval: if flags & 2 != 0 { u32::MAX } else { 0 },
            keep_alive: u16::from(flags >> 6),
            receive_maximum: 2.try_into().ok()?,
            maximum_packet_size: 100,
            topic_alias_maximum: 2,
            request_problem_information: flags & 4 != 0,
            has_session: flags & 8 != 0,
            ..ConnectOptions::new(version)
        };
        if self.client.connect(self.now, options).is_ok() {
            assert!(!std::mem::replace(&mut self.is_connected, true));
            self.version = version;
            self.decoder = Decoder::server();
            self.input.clear();
            self.output.clear();
        }
        Some(())
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        match self.client.handle_input(self.now, &mut self.input) {
            Received::NeedData(count) => assert_ne!(count, 0),
            Received::Paused => {}
            Received::Closed => self.input.clear(),
        }
    }

    fn write(&mut self, mut count: usize) {
        while count > 0 && self.client.transmit().has_remaining() {
            let transmit = self.client.transmit();
            let len = transmit.chunk().len().min(count);
            self.output.extend_from_slice(&transmit.chunk()[..len]);
            transmit.advance(len);
            count -= len;
        }
        while let Some(_frame) = self.decoder.decode_frame(&mut self.output).unwrap_or_else(|error| {
            panic!("{error}: {:02X?}", &self.output[..]);
        }) {}
    }

    fn drain(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Message(received) => self.acks.extend(received.ack),
                Event::Published { token, .. } => {
                    assert!(self.published.remove(&token), "{token:?} has two outcomes");
                }
                Event::Subscribed { token, .. } | Event::Unsubscribed { token, .. } => {
                    assert!(self.requested.remove(&token), "{token:?} has two outcomes");
                }
                Event::Disconnected(_) => {
                    assert!(std::mem::replace(&mut self.is_connected, false), "a connection ends twice");
                    self.input.clear();
                }
                Event::Persist(persist) => {
                    assert!(!persist.changes.is_empty());
                    self.unstored.push(persist);
                }
                _ => {}
            }
        }
    }

    /// Everything is stored.
    fn catch_up(&mut self) {
        self.drain();
        for Persist { seq, changes } in std::mem::take(&mut self.unstored) {
            self.store.apply(&changes);
            self.client.handle_persisted(self.now, seq);
        }
        self.drain();
        if self.unstored.is_empty() {
            assert_eq!(self.store, self.client.stored_state(), "the sum of the changes is the state");
        }
        let unresolved: BTreeSet<_> = self.client.unresolved().map(|(token, _)| token).collect();
        assert!(unresolved.is_subset(&self.published), "{unresolved:?} of {:?}", self.published);
    }

    /// The first transaction that was not stored is, the others are not, and another client goes on.
    fn crash(&mut self) {
        for persist in self.unstored.drain(..).take(1) {
            self.store.apply(&persist.changes);
        }
        self.unstored.clear();
        let restored = Client::restore(self.config.clone(), self.store.records());
        self.client = restored.unwrap_or_else(|error| panic!("{error}"));
        self.is_connected = false;
        self.acks.clear();
        self.requested.clear();
        self.input.clear();
        self.output.clear();
        self.published = self.client.unresolved().map(|(token, _)| token).collect();
        assert!(
            self.client
                .unresolved()
                .all(|(_, message)| { message.is_none_or(|message| message.qos() != QoS::AtMostOnce) })
        );
    }
}
