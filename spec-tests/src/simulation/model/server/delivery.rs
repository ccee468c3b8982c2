//! What goes out, and whether it was due.

use mqtt_session::codec::{Delivery, ProtocolVersion, QoS};

use super::super::Model;
use crate::simulation::plan::{Direction, MATCHES, SHARED_TOPIC};
use crate::simulation::wire::Wire;
use crate::simulation::{Violation, check};

impl Model {
    pub(super) fn server_published(
        &mut self,
        wire: usize,
        number: u32,
        topic: u8,
        delivery: Delivery,
        retain: bool,
        expiry: Option<u32>,
    ) -> Result<(), Violation> {
        let client = self.wires[wire].client;
        let Some(publication) = self.publications.get(number as usize) else {
            return Err(Violation::new("a message that nobody has published"));
        };
        check(publication.topic == topic, || format!("#{number} with the topic of another"))?;
        let routing = &self.server.routing[number as usize];
        check(routing.routed > 0, || format!("#{number} has not been taken over yet"))?;
        let is_v5 = self.wires[wire].version == ProtocolVersion::V5_0;
        let expires = if is_v5 { routing.expires_at } else { None };
        check(expiry.is_some() == expires.is_some(), || {
            format!("#{number} has lost its Message Expiry Interval, or got one")
        })?;
        check(expiry <= publication.expiry.filter(|_| expiry.is_some()), || {
            format!("#{number} has a longer Message Expiry Interval than before")
        })?;
        let is_current = self.is_current(wire);
        if let Some(published) = self.published(wire, Direction::Down, number, delivery, retain) {
            if !is_current {
                return Ok(());
            }
            let persisted = self.broker.durable;
            let is_first = self.server.sessions[client].exchanges.publish(published, persisted)?;
            self.gave_up(wire);
            if !is_first {
                return Ok(());
            }
        } else if !retain && topic != SHARED_TOPIC {
            return self.lossy_started(wire, number);
        }
        if !is_current {
            return Ok(());
        }
        if retain {
            self.retained_started(client, number, delivery.qos())
        } else if topic == SHARED_TOPIC {
            self.shared_started(number, delivery.qos())
        } else {
            self.started(wire, number, delivery.qos())
        }
    }

    /// The Server has not sent again what has become too large.
    pub(in super::super) fn gave_up(&mut self, wire: usize) {
        for number in self.server.sessions[self.wires[wire].client].exchanges.take_given_up() {
            self.skip(wire, number, false, false);
        }
    }

    /// A PUBREL may be for a message of which nothing has been seen, because it was held back.
    pub(in super::super) fn held_back(&mut self, wire: usize, id: u16) {
        let Wire { client, limits, .. } = self.wires[wire];
        let is_large = |number| self.may_exceed(number, limits[Direction::Down as usize]);
        let session = &self.server.sessions[client];
        if session.exchanges.uses(id) {
            return;
        }
        let due = session.due.iter().position(|due| due.qos == QoS::ExactlyOnce && is_large(due.number));
        let number = match due {
            Some(at) => Some(session.due[at].number),
            None => {
                session.walks.iter().flat_map(|walk| walk.at_first).flatten().find(|number| is_large(*number))
            }
        };
        let session = &mut self.server.sessions[client];
        if let Some(at) = due {
            session.due.remove(at);
        }
        if let Some(number) = number {
            session.exchanges.held_back(id, number, wire as u32);
        }
    }

    /// A QoS 0 message goes out.
    fn lossy_started(&mut self, wire: usize, number: u32) -> Result<(), Violation> {
        loop {
            let Some(due) = self.wires[wire].lossy.pop_front() else {
                return Err(Violation::new(format!("#{number} q0 is not due here, or out of order")));
            };
            if due == number {
                return Ok(());
            }
            self.skip(wire, due, true, false);
        }
    }

    /// A message was due and has been left out.
    fn skip(&mut self, wire: usize, number: u32, is_lossy: bool, has_expired: bool) {
        let client = self.wires[wire].client;
        let is_large = self.may_exceed(number, self.wires[wire].limits[Direction::Down as usize]);
        let routing = &mut self.server.routing[number as usize];
        if !is_lossy {
            routing.copies[client].is_skipped = true;
        }
        if has_expired || !self.is_current(wire) {
            return;
        }
        let dropped = &mut self.server.sessions[client].dropped;
        match (is_large, is_lossy) {
            (true, _) => dropped.large += 1,
            (false, true) => dropped.lossy += 1,
            (false, false) => dropped.queued += 1,
        }
    }

    /// A QoS 1 or 2 message is sent to an ordinary subscriber for the first time.
    fn started(&mut self, wire: usize, number: u32, qos: QoS) -> Result<(), Violation> {
        let client = self.wires[wire].client;
        loop {
            let Some(due) = self.server.sessions[client].due.pop_front() else {
                return Err(Violation::new(format!("#{number} is not due to C{client}, or out of order")));
            };
            if due.number == number {
                return check(due.qos == qos, || {
                    format!("#{number} goes out with q{qos} instead of q{}", due.qos)
                });
            }
            self.skip(wire, due.number, false, due.has_expired(self.now));
        }
    }

    fn shared_started(&mut self, number: u32, qos: QoS) -> Result<(), Violation> {
        // A QoS 1 message may have been taken over more than once.
        let of_number = self.server.shared.iter_mut().filter(|shared| shared.number == number);
        let Some(shared) = of_number.min_by_key(|shared| shared.rank()) else {
            return Err(Violation::new(format!("#{number} is due to no group")));
        };
        shared.started += 1;
        shared.is_uncertain |=
            self.server.sessions.iter().any(|session| session.was_member && !session.is_alive(self.now));
        let is_once = shared.started <= 1 || shared.is_uncertain && !shared.is_bound;
        shared.is_bound |= qos == QoS::ExactlyOnce;
        check(is_once, || format!("#{number} has gone to two members of its group"))
    }

    fn retained_started(&mut self, client: usize, number: u32, qos: QoS) -> Result<(), Violation> {
        let publication = &self.publications[number as usize];
        let routing = &mut self.server.routing[number as usize];
        let topic = usize::from(publication.topic);
        let (_, until) = routing.retained;
        let session = &mut self.server.sessions[client];
        let mut asking = session
            .walks
            .iter()
            .filter(|walk| MATCHES[usize::from(walk.filter)][topic] && until > walk.since);
        let has_qos = asking.clone().any(|walk| qos == walk.qos.min(publication.qos));
        session.retained[topic] += 1;
        // One message for each topic and subscription; which is for which cannot be seen.
        check(has_qos && asking.nth(session.retained[topic] - 1).is_some(), || {
            format!("#{number} goes to C{client} as a retained message, but no subscription asks for it")
        })?;
        check(publication.retain, || format!("#{number} was never retained"))?;
        if qos != QoS::AtMostOnce {
            routing.copy(client, session.era, qos, false);
        }
        Ok(())
    }

    /// Nothing more is written on a connection.
    pub fn server_wrote_all(&mut self, wire: usize, held_back: bool) {
        if held_back {
            self.wires[wire].lossy.clear();
            self.server.sessions[self.wires[wire].client].has_lost_unseen = true;
        }
        while let Some(number) = self.wires[wire].lossy.pop_front() {
            self.skip(wire, number, true, false);
        }
    }
}
