//! The script's end of a connection, as the Server.

#![expect(clippy::missing_panics_doc, reason = "a script fails by panicking")]

use mqtt_session::codec::{Packet, QoS};

use super::words::{Connack, connack, connect, disconnect};
use crate::script::packets::{Expected, Sent};
use crate::script::peer::shown;
use crate::script::{
    Ack, Message, Peer, Received, Subscribe, message, puback, pubcomp, pubrec, pubrel, suback,
};

/// The script as the Server of one Network Connection.
#[derive(Debug)]
pub struct Host {
    peer: Peer,
}

/// The Packet Identifier of the message that shows that nothing else comes.
const MARKER: u16 = 0xFFFF;

impl Host {
    pub(super) const fn new(peer: Peer) -> Self {
        Self { peer }
    }

    /// The next thing may take some seconds.
    pub const fn within(&mut self, seconds: u64) -> &mut Self {
        self.peer.within(seconds);
        self
    }

    /// Sends a packet.
    #[track_caller]
    pub fn sends(&mut self, packet: impl Sent) {
        self.peer.sends(packet);
    }

    /// Sends bytes.
    pub fn sends_bytes(&mut self, bytes: &[u8]) {
        self.peer.sends_bytes(bytes);
    }

    /// The next packet must be this one.
    #[track_caller]
    pub fn receives(&mut self, expected: impl Expected) -> Received {
        self.peer.receives(expected)
    }

    /// The next packet must be this acknowledgement, with any code.
    #[track_caller]
    pub fn receives_ack_of_any_code(&mut self, expected: &Ack) -> Received {
        self.peer.receives_ack_of_any_code(expected)
    }

    /// The next packet, whatever it is.
    #[track_caller]
    pub fn receives_any(&mut self) -> Received {
        self.peer.receives_any()
    }

    /// The next packet, or `None` when the connection is closed instead.
    #[track_caller]
    pub fn receives_or_closed(&mut self) -> Option<Received> {
        self.peer.receives_or_closed()
    }

    /// Receives CONNECT, and accepts it without a Session.
    #[track_caller]
    pub fn accepts(&mut self) -> Received {
        self.accepts_with(connack())
    }

    /// Receives CONNECT, and goes on with the Session.
    #[track_caller]
    pub fn resumes(&mut self) -> Received {
        self.accepts_with(connack().present())
    }

    /// Receives CONNECT, and answers with this.
    #[track_caller]
    pub fn accepts_with(&mut self, connack: Connack) -> Received {
        let expected = if connack.is_present() { connect().clean_start(false) } else { connect() };
        let received = self.peer.receives(expected);
        self.peer.sends(connack);
        received
    }

    /// Receives a SUBSCRIBE to this, and grants it.
    #[track_caller]
    pub fn grants(&mut self, expected: Subscribe) -> Received {
        let levels = expected.levels();
        let received = self.peer.receives(expected);
        self.peer.sends(suback(received.id(), &levels));
        received
    }

    /// Grants what a Client may subscribe to again on a new connection.
    #[track_caller]
    pub fn grants_what_comes(&mut self) {
        self.peer.sends(message("marker", "").qos(1).id(MARKER));
        loop {
            let received = self.peer.receives_any();
            match received.packet() {
                Packet::Subscribe(subscribe) => {
                    let levels: Vec<_> =
                        subscribe.subscriptions.iter().map(|(_, options)| options.qos.bits()).collect();
                    self.peer.sends(suback(received.id(), &levels));
                }
                Packet::Puback(ack) if ack.packet_id.get() == MARKER => return,
                packet => panic!("the server expected SUBSCRIBE; got {packet}"),
            }
        }
    }

    /// There is nothing else to receive. In process that is silence; elsewhere the answer to a message is the next packet.
    #[track_caller]
    pub fn nothing_else(&mut self) {
        if self.peer.is_exact() {
            match self.peer.next() {
                Err(false) => {}
                Err(true) => panic!("the server expected nothing; the connection was closed"),
                Ok(received) => panic!("the server expected nothing; got {}", shown(&received)),
            }
        } else {
            self.peer.sends(message("marker", "").qos(1).id(MARKER));
            self.peer.receives(puback(MARKER));
        }
    }

    /// Every packet until the Client closes, or until nothing more comes.
    #[track_caller]
    pub fn receives_the_rest(&mut self, mut check: impl FnMut(&Received)) {
        while let Ok(received) = self.peer.next() {
            check(&received);
        }
    }

    /// The Client closes with this reason, because the Server has broken a rule. Where the specification does not say that a
    /// Client must close, one that need not be exact may also go on, which is noted.
    #[track_caller]
    pub fn is_closed_or_tolerated(&mut self, code: u8) {
        if self.peer.is_exact() {
            return self.peer.is_closed_with(code);
        }
        self.peer.sends(message("marker", "").qos(1).id(MARKER));
        loop {
            match self.peer.next_or_fault() {
                Ok(Err(true)) => return,
                Ok(Ok(received)) => match received.packet() {
                    Packet::Puback(ack) if ack.packet_id.get() == MARKER => break,
                    Packet::Disconnect(disconnect) if disconnect.reason.code() >= 0x80 => {
                        return self.peer.is_closed();
                    }
                    // What it does because of what it tolerates.
                    _ => {}
                },
                Ok(Err(false)) | Err(_) => break,
            }
        }
        self.peer.notes("tolerated");
    }

    /// As [`is_closed_or_tolerated`](Self::is_closed_or_tolerated), before CONNACK.
    #[track_caller]
    pub fn is_closed_or_kept_waiting(&mut self, code: u8) {
        if self.peer.is_exact() {
            return self.peer.is_closed_with(code);
        }
        match self.peer.next() {
            Err(true) => {}
            Err(false) => self.peer.notes("tolerated"),
            Ok(received) => match received.packet() {
                Packet::Disconnect(disconnect) if disconnect.reason.code() >= 0x80 => self.peer.is_closed(),
                packet => panic!("the server expected DISCONNECT 0x{code:02X}; got {packet}"),
            },
        }
    }

    /// The Client disconnects in good order, and closes.
    #[track_caller]
    pub fn is_left(&mut self) {
        self.peer.receives(disconnect(0));
        self.peer.is_closed();
    }

    /// The Client closes; nothing comes before that.
    #[track_caller]
    pub fn is_closed(&mut self) {
        self.peer.is_closed();
    }

    /// The Client closes with this reason: in 5.0 a DISCONNECT comes first. A Client that need not be exact may say something
    /// else, or nothing, which is noted.
    #[track_caller]
    pub fn is_closed_with(&mut self, code: u8) {
        self.peer.is_closed_with(code);
    }

    /// The network fails, or the Server closes.
    pub fn vanishes(self) {
        self.peer.vanishes();
    }

    /// Publishes to the Client, which answers as the QoS says.
    #[track_caller]
    pub fn delivers(&mut self, message: Message) {
        let (id, qos) = (message.packet_id(), QoS::from_bits(message.level()));
        self.peer.sends(message);
        match qos {
            Some(QoS::AtLeastOnce) => {
                self.peer.receives(puback(id));
            }
            Some(QoS::ExactlyOnce) => {
                self.peer.receives(pubrec(id));
                self.peer.sends(pubrel(id));
                self.peer.receives(pubcomp(id));
            }
            Some(QoS::AtMostOnce) | None => {}
        }
    }
}
