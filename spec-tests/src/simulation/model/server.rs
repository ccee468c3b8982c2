//! The Server's side of the model: Sessions, subscriptions, and what is due to whom.

mod crash;
mod delivery;
mod end;
mod notices;
mod routing;
mod session;

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use mqtt_session::codec::{ProtocolVersion, QoS};

use self::notices::Dropped;
use super::super::exchange::{Acknowledged, Exchanges};
use super::super::plan::{Direction, TOPICS};
use super::super::wire::Fact;
use super::super::{Violation, check};
use super::{CLIENTS, Model};

/// What the Server is to know.
#[derive(Clone, Debug, Hash)]
pub(super) struct Server {
    pub(super) sessions: Vec<Session>,
    retained: [Option<u32>; TOPICS.len()],
    shared: Vec<Shared>,
    /// Counts what changes which messages are retained.
    ticks: u64,
    /// By number of the message.
    pub(super) routing: Vec<Routing>,
    /// How many messages full queues have had no room for, by Client, in all of its Sessions.
    dropped: [u64; CLIENTS],
    /// How many messages were too large, in the same way.
    too_large: [u64; CLIENTS],
}

/// What the Server has done with a message.
#[derive(Clone, Debug, Hash)]
pub(super) struct Routing {
    /// How often it has been taken over.
    pub(super) routed: u32,
    pub(super) expires_at: Option<u64>,
    /// From when to when it was retained.
    retained: (u64, u64),
    pub(super) copies: [Copies; CLIENTS],
}

/// What one Session gets of a message.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Copies {
    pub(super) era: u32,
    pub(super) due: u32,
    /// Those of them that are no retained messages.
    live: u32,
    pub(super) qos: QoS,
    pub(super) is_skipped: bool,
}

impl Server {
    pub(super) fn new(clients: usize) -> Self {
        Self {
            sessions: (0..clients).map(|_| Session::default()).collect(),
            retained: [None; TOPICS.len()],
            shared: Vec::new(),
            ticks: 0,
            routing: Vec::new(),
            dropped: [0; CLIENTS],
            too_large: [0; CLIENTS],
        }
    }

    /// There is one more message.
    pub(super) fn makes(&mut self) {
        self.routing.push(Routing {
            routed: 0,
            expires_at: None,
            retained: (u64::MAX, 0),
            copies: [Copies::default(); CLIENTS],
        });
    }
}

impl Server {
    /// Everything that has an influence on what is said from here on.
    pub(super) fn write_state(&self, can_crash: bool, out: &mut impl Hasher) {
        let Self { sessions, retained, shared, ticks, routing, dropped, too_large } = self;
        (sessions, retained, shared, ticks, dropped, too_large).hash(out);
        if can_crash {
            // Of a message that has not been taken over there is nothing to say, and nothing is what is stored of those that come later.
            let taken = routing.iter().rposition(|routing| routing.routed > 0).map_or(0, |last| last + 1);
            return routing[..taken].hash(out);
        }
        for Routing { routed, expires_at, retained, copies } in routing {
            (routed, expires_at, retained).hash(out);
            // `live` is compared with what is stored.
            for Copies { era, due, live: _, qos, is_skipped } in copies {
                (era, due, qos, is_skipped).hash(out);
            }
        }
    }
}

impl Routing {
    /// One more copy is due to a Session.
    fn copy(&mut self, client: usize, era: u32, qos: QoS, is_live: bool) {
        let copies = &mut self.copies[client];
        if copies.era != era {
            *copies = Copies { era, ..Copies::default() };
        }
        copies.due += 1;
        copies.live += u32::from(is_live);
        copies.qos = copies.qos.max(qos);
    }

    fn has_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// A Session, as the Server is to keep it.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Session {
    pub(super) exists: bool,
    /// Which of the Sessions of its Client; never twice.
    pub(super) era: u32,
    pub(super) connection: Option<usize>,
    /// Seconds.
    expiry: u32,
    began_at: u64,
    left_at: u64,
    subscriptions: Vec<Subscribed>,
    was_member: bool,
    /// The QoS 2 identifiers it holds.
    accepted: Vec<u16>,
    pub(super) exchanges: Exchanges,
    /// QoS 1 and 2 messages that are to be sent for the first time, in this order.
    due: VecDeque<Due>,
    walks: Vec<Walk>,
    /// How many retained messages of each topic it has got.
    retained: [usize; TOPICS.len()],
    /// What was to be sent has been lost unseen; with QoS 0 for good.
    has_lost_unseen: bool,
    /// Which of its Session States the Client has once it knows of this Session.
    pub(super) state: u32,
    dropped: Dropped,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Subscribed {
    filter: u8,
    qos: QoS,
    no_local: bool,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Due {
    number: u32,
    qos: QoS,
    expires_at: Option<u64>,
}

impl Due {
    fn has_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// Retained messages a new subscription is to get.
#[derive(Clone, Copy, Debug, Hash)]
struct Walk {
    filter: u8,
    qos: QoS,
    no_local: bool,
    since: u64,
    /// The messages that were retained when it began.
    at_first: [Option<u32>; TOPICS.len()],
    is_stopped: bool,
}

/// A message for one member of the group of the Shared Subscription.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Shared {
    number: u32,
    started: u32,
    /// A member got it with QoS 2, and nobody else may.
    is_bound: bool,
    /// A member it may have been with is gone, or gets QoS 0.
    is_uncertain: bool,
}

impl Shared {
    /// Which of several of the same message is the one that is seen: lower ones rather.
    const fn rank(&self) -> (bool, bool) {
        match self.started {
            0 => (false, self.is_uncertain),
            _ => (true, self.is_bound || !self.is_uncertain),
        }
    }
}

impl Session {
    fn is_alive(&self, now: u64) -> bool {
        self.exists
            && (self.connection.is_some()
                || self.expiry == u32::MAX
                || self.left_at + u64::from(self.expiry) * 1_000 > now)
    }

    /// A message has not been sent yet.
    pub(super) fn is_waiting(&self, number: u32) -> bool {
        self.due.iter().any(|due| due.number == number)
    }

    fn subscribed(&self, filter: u8) -> Option<&Subscribed> {
        self.subscriptions.iter().find(|subscribed| subscribed.filter == filter)
    }
}

impl Model {
    /// The Server has written a packet.
    pub(super) fn server_sent(&mut self, wire: usize, fact: Fact) -> Result<(), Violation> {
        let client = self.wires[wire].client;
        let is_first = self.wires[wire].session_present.is_none();
        check(
            is_first == matches!(fact, Fact::Connack { .. }),
            || "CONNACK is not the first packet, or comes twice",
        )?;
        match fact {
            Fact::Connack { session_present } => {
                let wire = &mut self.wires[wire];
                let expected = wire.is_present && wire.version != ProtocolVersion::V3_1;
                check(session_present == expected, || {
                    format!("Session Present is {session_present} instead of {expected}")
                })?;
                wire.session_present = Some(session_present);
                Ok(())
            }
            Fact::Publish { number, topic, delivery, retain, expiry } => {
                self.server_published(wire, number, topic, delivery, retain, expiry)
            }
            Fact::Puback { .. } | Fact::Pubrec { .. } | Fact::Pubcomp { .. } => {
                self.answered(wire, Direction::Down, fact)
            }
            Fact::Pubrel { id } => {
                let is_current = self.is_current(wire);
                let releases = &mut self.wires[wire].ways[Direction::Down as usize].releases;
                let answers = releases.front() == Some(&id);
                if answers {
                    releases.pop_front();
                }
                if is_current {
                    if self.broker.durable && !answers {
                        self.held_back(wire, id);
                    }
                    self.server.sessions[client].exchanges.pubrel(id, wire as u32, answers)?;
                    self.gave_up(wire);
                }
                Ok(())
            }
            Fact::Suback { id } => {
                let due = self.wires[wire].requests_due.pop_front();
                check(matches!(due, Some((due, true)) if due == id), || format!("SUBACK id={id} is not due"))
            }
            Fact::Unsuback { id } => {
                let due = self.wires[wire].requests_due.pop_front();
                check(matches!(due, Some((due, false)) if due == id), || {
                    format!("UNSUBACK id={id} is not due")
                })
            }
            Fact::Pingresp => {
                let wire = &mut self.wires[wire];
                check(wire.pings_due > 0, || "PINGRESP without PINGREQ")?;
                wire.pings_due -= 1;
                Ok(())
            }
            Fact::Disconnect { .. } => {
                check(self.wires[wire].version == ProtocolVersion::V5_0, || "DISCONNECT from a Server of 3.x")
            }
            Fact::Connect | Fact::Subscribe { .. } | Fact::Unsubscribe { .. } | Fact::Pingreq => {
                Err(Violation::new("a packet that Servers do not send"))
            }
        }
    }

    /// The Session of the connection is still there.
    fn is_current(&self, wire: usize) -> bool {
        let session = &self.server.sessions[self.wires[wire].client];
        session.exists && self.wires[wire].era == Some(session.era)
    }

    /// The Server has consumed a packet.
    pub(super) fn server_received(&mut self, wire: usize, fact: Fact) -> Result<(), Violation> {
        let client = self.wires[wire].client;
        self.wires[wire].heard_at = self.now;
        if fact == Fact::Connect {
            return self.session_connects(wire);
        }
        check(self.wires[wire].is_open, || "the Server has read on after the end of the connection")?;
        match fact {
            Fact::Publish { number, delivery, expiry, .. } => {
                self.server_took(wire, number, delivery, expiry);
                Ok(())
            }
            Fact::Puback { id } => {
                self.server.sessions[client].exchanges.puback(id)?;
                Ok(())
            }
            Fact::Pubrec { id, is_error } => {
                let acknowledged = self.server.sessions[client].exchanges.pubrec(id, is_error)?;
                if acknowledged == Acknowledged::ReleaseDue {
                    self.wires[wire].ways[Direction::Down as usize].releases.push_back(id);
                }
                Ok(())
            }
            Fact::Pubcomp { id } => {
                self.server.sessions[client].exchanges.pubcomp(id)?;
                Ok(())
            }
            Fact::Pubrel { id } => {
                self.server.sessions[client].accepted.retain(|accepted| *accepted != id);
                self.wires[wire].ways[Direction::Up as usize].completions.push_back(id);
                Ok(())
            }
            Fact::Subscribe { id, filter, qos, no_local, retained } => {
                self.wires[wire].requests_due.push_back((id, true));
                self.subscribes(client, Subscribed { filter, qos, no_local }, retained);
                Ok(())
            }
            Fact::Unsubscribe { id, filter } => {
                self.wires[wire].requests_due.push_back((id, false));
                let session = &mut self.server.sessions[client];
                session.subscriptions.retain(|subscribed| subscribed.filter != filter);
                for walk in session.walks.iter_mut().filter(|walk| walk.filter == filter) {
                    walk.is_stopped = true;
                }
                Ok(())
            }
            Fact::Pingreq => {
                self.wires[wire].pings_due += 1;
                Ok(())
            }
            Fact::Disconnect { is_normal, expiry } => {
                if let Some(expiry) = expiry {
                    self.server.sessions[client].expiry = expiry.min(self.broker.maximum_session_expiry);
                }
                self.session_leaves(wire, is_normal);
                Ok(())
            }
            Fact::Connect
            | Fact::Connack { .. }
            | Fact::Suback { .. }
            | Fact::Unsuback { .. }
            | Fact::Pingresp => Err(Violation::new("a packet that Clients do not send")),
        }
    }
}
