//! The target `broker`: any Clients against a durable broker, on a store that crashes.
//!
//! What must hold: nothing panics; what is written to a Client is packets of a Server in its version, and nothing more after
//! a connection has ended; what the broker has told is what it is; deadlines move on; ceilings hold.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{Decoder, Packet, ProtocolVersion};
use mqtt_session::{
    Action, AllowAll, Broker, BrokerConfig, ConnectionId, Instant, Persist, Received, StoredState,
};

use crate::packets::Input;

const CONNECTIONS: usize = 4;

struct World {
    broker: Broker,
    now: Instant,
    store: StoredState,
    unstored: Vec<Persist>,
    peers: BTreeMap<ConnectionId, Peer>,
    /// The connections by place; a place is used again.
    places: [Option<ConnectionId>; CONNECTIONS],
}

struct Peer {
    version: ProtocolVersion,
    input: BytesMut,
    output: BytesMut,
    decoder: Decoder,
    is_closed: bool,
}

fn config() -> BrokerConfig {
    BrokerConfig {
        durable: true,
        maximum_sessions: 6,
        maximum_queued_messages: 3,
        maximum_queued_bytes: 600,
        maximum_retained_messages: 3,
        maximum_in_flight: 3.try_into().unwrap_or(std::num::NonZero::<u16>::MIN),
        receive_maximum: 3.try_into().unwrap_or(std::num::NonZero::<u16>::MIN),
        maximum_subscriptions: 3,
        maximum_outgoing_topic_aliases: 2,
        topic_alias_maximum: 2,
        transmit_limit: 200,
        tell_published: true,
        maximum_packet_size: 200,
        ..BrokerConfig::default()
    }
}

/// Any bytes are a history.
pub fn broker(data: &[u8]) {
    let mut input = Input(data);
    let mut world = World {
        broker: Broker::new(config(), AllowAll),
        now: Instant::from_millis(1_000),
        store: StoredState::default(),
        unstored: Vec::new(),
        peers: BTreeMap::new(),
        places: [None; CONNECTIONS],
    };
    while world.step(&mut input).is_some() {}
    world.catch_up();
    for place in 0..CONNECTIONS {
        world.close(place);
    }
    world.catch_up();
}

impl World {
    fn step(&mut self, input: &mut Input<'_>) -> Option<()> {
        let operation = input.byte()?;
        let place = usize::from(operation >> 6) % CONNECTIONS;
        match operation & 15 {
            0..=7 => {
                let id = self.connection(place, input)?;
                let version = self.peers.get(&id)?.version;
                let bytes = input.client_packet(version)?;
                self.receive(id, &bytes);
            }
            8 => {
                let id = self.connection(place, input)?;
                let bytes = input.bytes()?;
                self.receive(id, bytes);
            }
            9 => self.write(place, input.byte()?.into()),
            10 => self.write(place, usize::MAX),
            11 => self.close(place),
            12 => {
                self.now = self.now + Duration::from_millis(u64::from(input.byte()?) * 40);
                self.broker.handle_timeout(self.now);
                let next = self.broker.poll_timeout();
                assert!(next.is_none_or(|next| next > self.now), "a deadline that stays: {next:?}");
                self.drain();
            }
            13 | 14 => self.catch_up(),
            _ => self.crash(),
        }
        Some(())
    }

    fn connection(&mut self, place: usize, input: &mut Input<'_>) -> Option<ConnectionId> {
        if let Some(id) = self.places[place] {
            return Some(id);
        }
        let version = input.version()?;
        let id = self.broker.open(self.now);
        let (buffer, decoder) = (BytesMut::new(), Decoder::client(version));
        let peer = Peer { version, input: buffer.clone(), output: buffer, decoder, is_closed: false };
        assert!(self.peers.insert(id, peer).is_none(), "{id} is given twice");
        self.places[place] = Some(id);
        let connect = input.client_packet(version)?;
        self.receive(id, &connect);
        Some(id)
    }

    fn receive(&mut self, id: ConnectionId, bytes: &[u8]) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.input.extend_from_slice(bytes);
        }
        self.offer(id);
        self.drain();
    }

    fn offer(&mut self, id: ConnectionId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let before = peer.input.len();
        match self.broker.handle_input(self.now, id, &mut peer.input) {
            Received::NeedData(count) => assert_ne!(count, 0),
            Received::Paused => {}
            Received::Closed => assert!(peer.input.len() <= before),
        }
    }

    /// What a driver does, but for writing.
    fn drain(&mut self) {
        while let Some(action) = self.broker.poll_action() {
            match action {
                Action::Resume(id) => self.offer(id),
                Action::Close(id) => {
                    if let Some(peer) = self.peers.get_mut(&id) {
                        assert!(!std::mem::replace(&mut peer.is_closed, true), "{id} is closed twice");
                    }
                }
                Action::Persist(persist) => {
                    assert!(!persist.changes.is_empty());
                    self.unstored.push(persist);
                }
                _ => {}
            }
        }
        assert!(self.broker.session_count() <= 6 && self.broker.retained_count() <= 3);
        assert!(self.broker.subscription_count() <= 18);
    }

    fn write(&mut self, place: usize, mut count: usize) {
        let Some(id) = self.places[place] else { return };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        while count > 0
            && let Some(transmit) = self.broker.transmit(id)
            && transmit.has_remaining()
        {
            let len = transmit.chunk().len().min(count);
            peer.output.extend_from_slice(&transmit.chunk()[..len]);
            transmit.advance(len);
            count -= len;
        }
        loop {
            match peer.decoder.decode_frame(&mut peer.output) {
                Ok(Some(frame)) => {
                    let is_last = matches!(frame.packet(), Packet::Disconnect(_));
                    assert!(!is_last || peer.output.is_empty(), "bytes behind a DISCONNECT");
                }
                Ok(None) => break,
                // Refusing another version is done in the Server's.
                Err(error) => {
                    assert!(peer.output.first() == Some(&0x20), "{error}: {:02X?}", &peer.output[..]);
                    peer.output.clear();
                }
            }
        }
        self.drain();
    }

    fn close(&mut self, place: usize) {
        if let Some(id) = self.places[place].take() {
            self.broker.handle_closed(self.now, id);
            assert!(self.broker.transmit(id).is_none());
            self.peers.remove(&id);
            self.drain();
        }
    }

    /// Everything is stored.
    fn catch_up(&mut self) {
        self.drain();
        for Persist { seq, changes } in std::mem::take(&mut self.unstored) {
            self.store.apply(&changes);
            self.broker.handle_persisted(self.now, seq);
        }
        self.drain();
        if self.unstored.is_empty() {
            assert_eq!(self.store, self.broker.stored_state(), "the sum of the changes is the state");
        }
    }

    /// Half of what is not stored is not, and another broker goes on.
    fn crash(&mut self) {
        for persist in self.unstored.drain(..).take(1) {
            self.store.apply(&persist.changes);
        }
        self.unstored.clear();
        self.peers.clear();
        self.places = [None; CONNECTIONS];
        let restored = Broker::restore(self.now, config(), AllowAll, self.store.records());
        self.broker = restored.unwrap_or_else(|error| panic!("{error}"));
        self.catch_up();
    }
}
