//! Whole exchanges in one step: subscribing, publishing, receiving, leaving.

#![expect(clippy::missing_panics_doc, reason = "a script fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "packets are written where they are used")]

use std::collections::VecDeque;

use mqtt_session::codec::{Disconnect, DisconnectProperties, DisconnectReason, Packet, Property};

use super::{Names, Peer, Received, shown};
use crate::script::{
    Expected, Message, Pingresp, Subscribe, puback, pubcomp, pubrec, pubrel, suback, subscribe, unsuback,
    unsubscribe,
};

impl Peer {
    /// Subscribes to one filter and is granted the QoS.
    #[track_caller]
    pub fn subscribes(&mut self, filter: &str, level: u8) {
        self.subscribes_with(subscribe(filter, level));
    }

    /// Subscribes, and is granted what it asks for. Messages may come before the SUBACK.
    #[track_caller]
    pub fn subscribes_with(&mut self, request: Subscribe) {
        self.sends(request.clone());
        let expected = suback(request.packet_id(), &request.levels());
        if self.stage.is_exact {
            self.receives(expected);
        } else {
            self.receives_among_messages(expected);
        }
    }

    /// Unsubscribes from a filter it has.
    #[track_caller]
    pub fn unsubscribes(&mut self, filter: &str) {
        self.sends(unsubscribe(&[filter]));
        self.receives_among_messages(unsuback(11, &[0]));
    }

    /// Publishes, with all the exchange needs; the Server has handled the message then, also one of QoS 0.
    #[track_caller]
    pub fn publishes(&mut self, message: Message) {
        self.sends_message(&message);
        let id = message.packet_id();
        match message.level() {
            0 => {
                self.sends(Packet::Pingreq);
                self.receives_among_messages(Pingresp);
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
    pub fn disconnects_with(mut self, code: u8, properties: &[Property<'_>]) {
        let reason = DisconnectReason::from_code(code).expect("a code of DISCONNECT");
        let properties = DisconnectProperties::new(properties).expect("properties");
        self.sends(Packet::Disconnect(Disconnect { reason, properties }));
        self.is_closed();
    }

    /// The network fails.
    pub fn vanishes(self) {
        self.stage.writes_down(format!("{} > cut", self.name));
        self.network.borrow_mut().cut(self.line);
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

    /// There is nothing else to receive: the answer to a PINGREQ is the next packet.
    #[track_caller]
    pub fn nothing_else(&mut self) {
        self.sends(Packet::Pingreq);
        self.receives(Pingresp);
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
}
