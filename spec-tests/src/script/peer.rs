//! The script's end of a Network Connection.

#![expect(clippy::missing_panics_doc, reason = "a script fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "packets are written where they are used")]

use core::cell::RefCell;
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::BytesMut;
use mqtt_session::codec::{
    Connack, Decoder, Disconnect, DisconnectReason, Frame, Packet, SubackReason, UnsubackReason,
};

use super::packets::{Names, Sent};
use super::scene::Stage;
use super::{
    Ack, Arrival, Expected, Line, Message, Network, Packets, Subscribe, puback, pubcomp, pubrec, pubrel,
    suback,
};
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
        let decoder = Decoder::server();
        let is_connect = bytes.first().is_some_and(|first| first >> 4 == 1);
        let version = self.stage.version.protocol();
        let mut decoder = if is_connect { decoder } else { decoder.with_version(version) };
        if let Ok(Some((packet, len))) = decoder.decode(bytes)
            && len == bytes.len()
        {
            return packet.to_string();
        }
        let hex: Vec<String> = bytes.iter().take(64).map(|byte| format!("{byte:02X}")).collect();
        format!("{}{}", hex.join(" "), if bytes.len() > 64 { " …" } else { "" })
    }

    /// The next packet, the end of the connection (`Err(true)`), or nothing in time (`Err(false)`).
    #[track_caller]
    fn next(&mut self) -> Result<Received, bool> {
        let within = self.within.take();
        if let Some(frame) = self.early.pop_front() {
            return Ok(Received(frame));
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
                    return Ok(Received(frame));
                }
                Ok(None) => {}
                Err(error) => panic!("{} received what is no packet: {error}", self.name),
            }
            let arrival = self.network.borrow_mut().receive(self.line, &mut self.input, within);
            match arrival {
                Arrival::Bytes => {}
                Arrival::Closed => {
                    self.stage.writes_down(format!("{} < closed", self.name));
                    return Err(true);
                }
                Arrival::Nothing => return Err(false),
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

    /// Messages must come in this order, each acknowledged, whatever else comes between them.
    #[track_caller]
    pub fn takes_all_amid_answers(&mut self, messages: Vec<Message>) {
        for message in messages {
            let received = loop {
                let received = self.receives_any();
                if matches!(received.packet(), Packet::Publish(_)) {
                    break received;
                }
            };
            let is_it = message.is(&received.packet(), &Names(&self.stage));
            assert!(is_it, "{} expected {message:?}; got {}", self.name, shown(&received));
            self.acknowledges(&received, message.level());
        }
    }

    /// Takes messages, each acknowledged, until this one comes.
    #[track_caller]
    pub fn drains_until(&mut self, last: &Message) {
        loop {
            let received = self.receives_any();
            let Packet::Publish(publish) = received.packet() else { continue };
            self.acknowledges(&received, publish.delivery.qos().bits());
            if last.is(&received.packet(), &Names(&self.stage)) {
                return;
            }
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

    /// The next packet, if there is one: the answer to a PINGREQ would be next.
    #[track_caller]
    pub fn receives_unless_quiet(&mut self) -> Option<Received> {
        self.sends(Packet::Pingreq);
        let received = self.receives_any();
        if matches!(received.packet(), Packet::Pingresp) {
            return None;
        }
        // The PINGRESP is behind it, and maybe others before that.
        let mut more = VecDeque::new();
        loop {
            let other = self.receives_any();
            if matches!(other.packet(), Packet::Pingresp) {
                break;
            }
            more.push_back(other.0);
        }
        more.append(&mut self.early);
        self.early = more;
        Some(received)
    }

    /// The next packet, or `None` when the connection is closed instead.
    #[track_caller]
    pub fn receives_or_closed(&mut self) -> Option<Received> {
        match self.next() {
            Ok(received) => Some(received),
            Err(true) => None,
            Err(false) => panic!("{} expected a packet or the end; nothing came", self.name),
        }
    }

    /// These bytes come, then the end of the connection.
    #[track_caller]
    pub fn receives_bytes(&mut self, expected: &[u8]) {
        let patience = self.network.borrow().patience();
        while self.input.len() < expected.len() {
            let arrival = self.network.borrow_mut().receive(self.line, &mut self.input, patience);
            assert!(
                arrival == Arrival::Bytes,
                "{} expected {expected:02X?}; got {:02X?}",
                self.name,
                &self.input[..]
            );
        }
        assert_eq!(&self.input[..], expected, "{}", self.name);
        self.input.clear();
        self.is_closed();
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

    /// There is nothing else to receive: the answer to a PINGREQ is the next packet.
    #[track_caller]
    pub fn nothing_else(&mut self) {
        self.sends(Packet::Pingreq);
        self.receives(Packets::Pingresp);
    }

    /// The connection is closed; nothing comes before that.
    #[track_caller]
    pub fn is_closed(&mut self) {
        match self.next() {
            Err(true) => {}
            Err(false) => panic!("{} expected the connection to be closed; nothing happened", self.name),
            Ok(received) => {
                panic!("{} expected the connection to be closed; got {}", self.name, shown(&received))
            }
        }
    }

    /// The connection is closed with this reason: in 5.0 a DISCONNECT comes first. Where the Server need not be
    /// [exact](super::Scene::is_exact), it may say something else, or nothing, which is noted.
    #[track_caller]
    pub fn is_closed_with(&mut self, code: u8) {
        if !self.is_v5() {
            return self.is_closed();
        }
        match self.next() {
            Ok(received) => match received.packet() {
                Packet::Disconnect(Disconnect { reason, .. }) if reason.code() == code => self.is_closed(),
                Packet::Disconnect(Disconnect { reason, .. })
                    if !self.stage.is_exact && reason.code() >= 0x80 =>
                {
                    self.stage.notes(format!("DISCONNECT 0x{:02X} instead of 0x{code:02X}", reason.code()));
                    self.is_closed();
                }
                _ => panic!("{} expected DISCONNECT 0x{code:02X}; got {}", self.name, shown(&received)),
            },
            Err(true) if !self.stage.is_exact => {
                self.stage.notes(format!("no DISCONNECT with 0x{code:02X}"));
            }
            Err(true) => panic!("{} expected DISCONNECT 0x{code:02X}; it was closed without", self.name),
            Err(false) => panic!("{} expected DISCONNECT 0x{code:02X}; nothing came", self.name),
        }
    }

    /// The connection is closed, after a refusal or after nothing.
    #[track_caller]
    pub fn is_closed_without_success(&mut self) {
        if let Some(received) = self.receives_or_closed() {
            assert!(received.connack().reason.is_error(), "{} got {}", self.name, received.packet());
            self.is_closed();
        }
    }

    /// The connection is closed with this reason, because the Client has broken a rule. Where the specification prescribes no
    /// reaction to that, a Server that need not be [exact](super::Scene::is_exact) may also tolerate it, which is noted.
    #[track_caller]
    pub fn is_closed_or_tolerated(&mut self, code: u8) {
        if self.stage.is_exact {
            return self.is_closed_with(code);
        }
        self.sends(Packet::Pingreq);
        while let Some(received) = self.receives_or_closed() {
            match received.packet() {
                Packet::Pingresp => return self.stage.notes("tolerated".to_owned()),
                Packet::Disconnect(Disconnect { reason, .. }) if reason.code() >= 0x80 => {
                    if reason.code() != code {
                        self.stage
                            .notes(format!("DISCONNECT 0x{:02X} instead of 0x{code:02X}", reason.code()));
                    }
                    return self.is_closed();
                }
                // An answer to what it tolerates.
                Packet::Suback(_) | Packet::Pubrel(_) | Packet::Pubcomp(_) => {}
                packet => panic!("{} expected DISCONNECT 0x{code:02X}; got {packet}", self.name),
            }
        }
        if self.is_v5() {
            self.stage.notes(format!("no DISCONNECT with 0x{code:02X}"));
        }
    }

    /// A SUBSCRIBE or UNSUBSCRIBE with an invalid filter ends the connection with this code. A Server that need not be
    /// [exact](super::Scene::is_exact) may refuse the filter with a code in its answer instead, where the version has one.
    #[track_caller]
    pub fn is_refused_or_closed(&mut self, id: u16, code: u8) {
        if self.stage.is_exact {
            return self.is_closed_with(code);
        }
        let Some(received) = self.receives_or_closed() else {
            if self.is_v5() {
                self.stage.notes(format!("no DISCONNECT with 0x{code:02X}"));
            }
            return;
        };
        match received.packet() {
            Packet::Disconnect(Disconnect { reason, .. }) if reason.code() >= 0x80 => {
                if reason.code() != code {
                    self.stage.notes(format!("DISCONNECT 0x{:02X} instead of 0x{code:02X}", reason.code()));
                }
                self.is_closed();
            }
            Packet::Suback(ack)
                if ack.packet_id.get() == id && ack.reasons.iter().all(SubackReason::is_error) =>
            {
                self.stage.notes("refused in SUBACK".to_owned());
            }
            Packet::Unsuback(ack)
                if self.is_v5()
                    && ack.packet_id.get() == id
                    && ack.reasons.iter().all(UnsubackReason::is_error) =>
            {
                self.stage.notes("refused in UNSUBACK".to_owned());
            }
            packet => panic!("{} expected DISCONNECT 0x{code:02X}; got {packet}", self.name),
        }
    }

    /// CONNECT is accepted.
    #[track_caller]
    pub fn is_accepted(&mut self, session_present: bool) -> Received {
        let received = self.receives_any();
        let connack = received.connack();
        assert!(connack.reason.code() == 0, "{} expected to be accepted; got {connack}", self.name);
        // 3.1 has no such flag.
        let is_present = session_present && self.stage.version != Version::V3_1;
        assert!(
            connack.session_present == is_present,
            "{} expected Session Present {}; got {connack}",
            self.name,
            u8::from(is_present)
        );
        received
    }

    /// CONNECT is refused with this 5.0 code, in 3.x with the return code for it, or none where there is none; then the connection
    /// is closed. 5.0 may also close without CONNACK, or give another reason, which is noted.
    #[track_caller]
    pub fn is_refused(&mut self, code: u8) {
        let reason = mqtt_session::codec::ConnackReason::from_code(code).expect("a code of CONNACK");
        let is_v5 = self.is_v5();
        if !is_v5 && reason.return_code().is_none() {
            return self.is_closed();
        }
        match self.next() {
            Ok(received) => {
                let connack = received.connack();
                let got = connack.reason;
                let is_it = if is_v5 { got == reason } else { got.return_code() == reason.return_code() };
                if !is_it {
                    assert!(
                        is_v5 && !self.stage.is_exact && got.is_error(),
                        "{} expected to be refused with 0x{code:02X}; got {connack}",
                        self.name
                    );
                    self.stage.notes(format!("CONNACK 0x{:02X} instead of 0x{code:02X}", got.code()));
                }
                self.is_closed();
            }
            Err(true) if is_v5 && !self.stage.is_exact => {
                self.stage.notes(format!("no CONNACK with 0x{code:02X}"));
            }
            Err(true) => panic!("{} expected CONNACK 0x{code:02X}; the connection was closed", self.name),
            Err(false) => panic!("{} expected CONNACK 0x{code:02X}; nothing came", self.name),
        }
    }

    /// Subscribes to one filter and is granted the QoS.
    #[track_caller]
    pub fn subscribes(&mut self, filter: &str, level: u8) {
        self.subscribes_with(super::subscribe(filter, level));
    }

    /// Subscribes, and is granted what it asks for. Messages may come before the SUBACK.
    #[track_caller]
    pub fn subscribes_with(&mut self, subscribe: Subscribe) {
        self.sends(subscribe.clone());
        let expected = suback(subscribe.packet_id(), &subscribe.levels());
        if self.stage.is_exact {
            self.receives(expected);
        } else {
            self.receives_among_messages(expected);
        }
    }

    /// Unsubscribes from a filter it has.
    #[track_caller]
    pub fn unsubscribes(&mut self, filter: &str) {
        self.sends(super::unsubscribe(&[filter]));
        self.receives_among_messages(super::unsuback(11, &[0]));
    }

    /// Publishes, with all the exchange needs; the Server has handled the message then, also one of QoS 0.
    #[track_caller]
    pub fn publishes(&mut self, message: Message) {
        self.sends_message(&message);
        let id = message.packet_id();
        match message.level() {
            0 => {
                self.sends(Packet::Pingreq);
                self.receives_among_messages(Packets::Pingresp);
            }
            1 => {
                self.receives_among_messages(puback(id));
            }
            _ => {
                self.receives_among_messages(pubrec(id));
                self.sends(pubrel(id));
                self.receives_among_messages(pubcomp(id));
            }
        }
    }

    /// Receives a message and acknowledges it to the end; its payload.
    #[track_caller]
    pub fn takes(&mut self, message: Message) -> Received {
        let level = message.level();
        let received = self.receives(message);
        self.acknowledges(&received, level);
        received
    }

    /// Acknowledges a message of this QoS to the end.
    #[track_caller]
    pub fn acknowledges(&mut self, received: &Received, level: u8) {
        match level {
            0 => {}
            1 => self.sends(puback(received.id())),
            _ => {
                let id = received.id();
                self.sends(pubrec(id));
                self.receives_among_messages(pubrel(id));
                self.sends(pubcomp(id));
            }
        }
    }

    /// Disconnects in good order.
    #[track_caller]
    pub fn disconnects(mut self) {
        self.sends(Packet::Disconnect(Disconnect::new(DisconnectReason::NormalDisconnection)));
        self.is_closed();
    }

    /// Disconnects with this Reason Code and these properties, in 5.0.
    ///
    /// # Panics
    /// When it is no code of DISCONNECT.
    #[track_caller]
    pub fn disconnects_with(mut self, code: u8, properties: &[mqtt_session::codec::Property<'_>]) {
        let reason = DisconnectReason::from_code(code).expect("a code of DISCONNECT");
        let properties = mqtt_session::codec::DisconnectProperties::new(properties).expect("properties");
        self.sends(Packet::Disconnect(Disconnect { reason, properties }));
        self.is_closed();
    }

    /// The network fails.
    pub fn vanishes(self) {
        self.stage.writes_down(format!("{} > cut", self.name));
        self.network.borrow_mut().cut(self.line);
    }
}

fn shown(received: &Received) -> String {
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
