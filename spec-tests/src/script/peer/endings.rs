//! How a connection begins and ends: accepted, refused, closed with a reason or without.

#![expect(clippy::missing_panics_doc, reason = "a script fails by panicking")]

use mqtt_session::codec::{ConnackReason, Disconnect, Packet, SubackReason, UnsubackReason};

use super::{Peer, Received, shown};
use crate::manifest::Version;
use crate::script::Arrival;

impl Peer {
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
    /// [exact](crate::script::Scene::is_exact), it may say something else, or nothing, which is noted.
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
    /// reaction to that, a Server that need not be [exact](crate::script::Scene::is_exact) may also tolerate it, which is noted.
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
    /// [exact](crate::script::Scene::is_exact) may refuse the filter with a code in its answer instead, where the version has one.
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
        let reason = ConnackReason::from_code(code).expect("a code of CONNACK");
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
}
