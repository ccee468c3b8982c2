//! The script's end of a Network Connection.

#![expect(clippy::missing_panics_doc, reason = "a script fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "packets are written where they are used")]

mod endings;
mod exchanges;

use core::cell::RefCell;
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::BytesMut;
use mqtt_session::codec::{Connack, DecodeError, Decoder, Frame, Packet};

use super::packets::{Names, Sent};
use super::scene::Stage;
use super::{Ack, Arrival, Expected, Line, Message, Network};
use crate::manifest::Version;

/// One end of a Network Connection, in the hands of the script.
#[derive(Debug)]
pub struct Peer {
    network: Rc<RefCell<dyn Network>>,
    line: Line,
    name: String,
    decoder: Decoder,
    input: BytesMut,
    /// Received, and not yet looked at.
    early: VecDeque<Frame>,
    stage: Rc<Stage>,
    within: Option<Duration>,
}

/// A packet that came.
#[derive(Clone, Debug)]
pub struct Received(Frame);

impl Received {
    /// The packet.
    pub fn packet(&self) -> Packet<'_> {
        self.0.packet()
    }

    /// The packet as it came.
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Its Packet Identifier.
    ///
    /// # Panics
    /// When it has none.
    #[track_caller]
    pub fn id(&self) -> u16 {
        let id = match self.packet() {
            Packet::Publish(publish) => publish.delivery.packet_id(),
            Packet::Puback(ack) => Some(ack.packet_id),
            Packet::Pubrec(ack) => Some(ack.packet_id),
            Packet::Pubrel(ack) => Some(ack.packet_id),
            Packet::Pubcomp(ack) => Some(ack.packet_id),
            Packet::Subscribe(subscribe) => Some(subscribe.packet_id),
            Packet::Unsubscribe(unsubscribe) => Some(unsubscribe.packet_id),
            _ => None,
        };
        id.unwrap_or_else(|| panic!("no Packet Identifier in {}", self.packet())).get()
    }

    /// The payload of a PUBLISH.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn payload(&self) -> String {
        match self.packet() {
            Packet::Publish(publish) => String::from_utf8_lossy(publish.payload).into_owned(),
            other => panic!("{other} is no PUBLISH"),
        }
    }

    /// The CONNACK.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn connack(&self) -> Connack<'_> {
        match self.packet() {
            Packet::Connack(connack) => connack,
            other => panic!("{other} is no CONNACK"),
        }
    }
}

impl Peer {
    pub(super) fn new(
        network: Rc<RefCell<dyn Network>>,
        line: Line,
        name: &str,
        decoder: Decoder,
        stage: Rc<Stage>,
    ) -> Self {
        let (input, early) = (BytesMut::new(), VecDeque::new());
        Self { network, line, name: name.to_owned(), decoder, input, early, stage, within: None }
    }

    pub(super) fn notes(&self, note: &str) {
        self.stage.notes(note.to_owned());
    }

    pub(super) fn is_exact(&self) -> bool {
        self.stage.is_exact
    }

    fn is_v5(&self) -> bool {
        self.stage.version == Version::V5_0
    }

    /// The next thing may take some seconds.
    pub const fn within(&mut self, seconds: u64) -> &mut Self {
        self.within = Some(Duration::from_secs(seconds));
        self
    }

    /// Sends a packet.
    #[track_caller]
    pub fn sends(&mut self, packet: impl Sent) {
        let bytes = packet.encode(&Names(&self.stage));
        self.sends_bytes(&bytes);
    }

    /// Publishes something that may be retained, without waiting for the answer.
    #[track_caller]
    pub fn sends_message(&mut self, message: &Message) {
        if message.is_retained() {
            self.stage.remember_retained(message.topic_name());
        }
        self.sends(message.clone());
    }

    /// Sends bytes.
    pub fn sends_bytes(&mut self, bytes: &[u8]) {
        self.stage.writes_down(format!("{} > {}", self.name, self.described(bytes)));
        self.network.borrow_mut().send(self.line, bytes);
    }

    /// The packet that these bytes are, or the bytes.
    fn described(&self, bytes: &[u8]) -> String {
        let is_connect = bytes.first().is_some_and(|first| first >> 4 == 1);
        let version = self.stage.version.protocol();
        let server = if is_connect { Decoder::server() } else { Decoder::server().with_version(version) };
        for mut decoder in [server, Decoder::client(version)] {
            if let Ok(Some((packet, len))) = decoder.decode(bytes)
                && len == bytes.len()
            {
                return packet.to_string();
            }
        }
        let hex: Vec<String> = bytes.iter().take(64).map(|byte| format!("{byte:02X}")).collect();
        format!("{}{}", hex.join(" "), if bytes.len() > 64 { " …" } else { "" })
    }

    /// The next packet, the end of the connection (`Err(true)`), or nothing in time (`Err(false)`).
    #[track_caller]
    pub(super) fn next(&mut self) -> Result<Received, bool> {
        match self.next_or_fault() {
            Ok(next) => next,
            Err(error) => panic!("{} received what is no packet: {error}", self.name),
        }
    }

    /// As [`next`](Self::next), where what comes need not be a packet.
    pub(super) fn next_or_fault(&mut self) -> Result<Result<Received, bool>, DecodeError> {
        let within = self.within.take();
        if let Some(frame) = self.early.pop_front() {
            return Ok(Ok(Received(frame)));
        }
        let within = within.unwrap_or_else(|| self.network.borrow().patience());
        loop {
            match self.decoder.decode_frame(&mut self.input) {
                Ok(Some(frame)) => {
                    let packet = frame.packet();
                    // A broker with other users sends their messages to who subscribes to everything.
                    if let Packet::Publish(publish) = packet
                        && publish.topic.is_some_and(|topic| !self.stage.is_ours(topic.as_bytes()))
                    {
                        continue;
                    }
                    self.stage.writes_down(format!("{} < {packet}", self.name));
                    return Ok(Ok(Received(frame)));
                }
                Ok(None) => {}
                Err(error) => return Err(error),
            }
            let arrival = self.network.borrow_mut().receive(self.line, &mut self.input, within);
            match arrival {
                Arrival::Bytes => {}
                Arrival::Closed => {
                    self.stage.writes_down(format!("{} < closed", self.name));
                    return Ok(Err(true));
                }
                Arrival::Nothing => return Ok(Err(false)),
            }
        }
    }

    /// The next packet, whatever it is.
    #[track_caller]
    pub fn receives_any(&mut self) -> Received {
        match self.next() {
            Ok(received) => received,
            Err(true) => panic!("{} expected a packet; the connection was closed", self.name),
            Err(false) => panic!("{} expected a packet; nothing came", self.name),
        }
    }

    /// The next packet must be this one.
    #[track_caller]
    pub fn receives(&mut self, expected: impl Expected) -> Received {
        match self.next() {
            Ok(received) => {
                let is_it = expected.is(&received.packet(), &Names(&self.stage));
                assert!(is_it, "{} expected {expected:?}; got {}", self.name, shown(&received));
                received
            }
            Err(true) => panic!("{} expected {expected:?}; the connection was closed", self.name),
            Err(false) => panic!("{} expected {expected:?}; nothing came", self.name),
        }
    }

    /// The next packets must be these, in any order.
    #[track_caller]
    pub fn receives_all<E: Expected>(&mut self, expected: Vec<E>) {
        let mut missing = expected;
        while !missing.is_empty() {
            let received = self.receives_any();
            let found = missing.iter().position(|one| one.is(&received.packet(), &Names(&self.stage)));
            let Some(at) = found else {
                panic!("{} expected one of {missing:?}; got {}", self.name, shown(&received))
            };
            missing.remove(at);
        }
    }

    /// The next packets must be these, of any kind and in any order.
    #[track_caller]
    pub fn receives_all_packets(&mut self, expected: &[&dyn Expected]) {
        let mut missing = expected.to_vec();
        while !missing.is_empty() {
            let received = self.receives_any();
            let found = missing.iter().position(|one| one.is(&received.packet(), &Names(&self.stage)));
            let Some(at) = found else {
                panic!("{} expected one of {missing:?}; got {}", self.name, shown(&received))
            };
            missing.remove(at);
        }
    }

    /// The next packet must be this acknowledgement, with any code.
    #[track_caller]
    pub fn receives_ack_of_any_code(&mut self, expected: &Ack) -> Received {
        let received = self.receives_any();
        let is_it = expected.is_but_for_code(&received.packet());
        assert!(is_it, "{} expected {expected:?}; got {}", self.name, shown(&received));
        received
    }

    /// This packet must come; PUBLISH packets in front of it are kept for later.
    #[track_caller]
    fn receives_among_messages(&mut self, expected: impl Expected) -> Received {
        let mut messages = VecDeque::new();
        let received = loop {
            let received = self.receives_any();
            if !matches!(received.packet(), Packet::Publish(_)) {
                break received;
            }
            messages.push_back(received.0);
        };
        let is_it = expected.is(&received.packet(), &Names(&self.stage));
        assert!(is_it, "{} expected {expected:?}; got {}", self.name, shown(&received));
        messages.append(&mut self.early);
        self.early = messages;
        received
    }
}

pub(super) fn shown(received: &Received) -> String {
    match received.packet() {
        packet @ Packet::Publish(publish) => {
            format!(
                "{packet} {:?}",
                String::from_utf8_lossy(&publish.payload[..publish.payload.len().min(40)])
            )
        }
        packet => packet.to_string(),
    }
}
