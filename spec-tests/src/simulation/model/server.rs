//! The Server's side of the model: Sessions, subscriptions, and what is due to whom.

use std::collections::VecDeque;

use mqtt_session::codec::{Delivery, DisconnectReason, ProtocolVersion, QoS};
use mqtt_session::{DropCause, EndCause, Notice};

use super::super::exchange::{Acknowledged, Exchanges, Later};
use super::super::plan::{Direction, MATCHES, SHARED_FILTER, SHARED_TOPIC, TOPICS};
use super::super::wire::{Answer, Fact, Wire};
use super::super::{Violation, check};
use super::{CLIENTS, Model};

/// What the Server is to know.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) sessions: Vec<Session>,
    retained: [Option<u32>; TOPICS.len()],
    shared: Vec<Shared>,
    /// Counts what changes which messages are retained.
    ticks: u64,
    /// By number of the message.
    pub(super) routing: Vec<Routing>,
}

/// What the Server has done with a message.
#[derive(Clone, Debug)]
pub(super) struct Routing {
    /// How often it has been taken over.
    pub(super) routed: u32,
    pub(super) expires_at: Option<u64>,
    /// From when to when it was retained.
    retained: (u64, u64),
    pub(super) copies: [Copies; CLIENTS],
}

/// What one Session gets of a message.
#[derive(Clone, Copy, Debug, Default)]
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
    /// What is left without a store: that there were messages.
    fn forget_sessions(&mut self, server: &Self) {
        *self = Self {
            routing: server.routing.clone(),
            ticks: server.ticks + 1,
            ..Self::new(server.sessions.len())
        };
        for routing in &mut self.routing {
            routing.retained.1 = routing.retained.1.min(self.ticks);
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
#[derive(Clone, Debug, Default)]
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

#[derive(Clone, Copy, Debug)]
struct Subscribed {
    filter: u8,
    qos: QoS,
    no_local: bool,
}

#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Copy, Debug)]
struct Walk {
    filter: u8,
    qos: QoS,
    no_local: bool,
    since: u64,
    /// The messages that were retained when it began.
    at_first: [Option<u32>; TOPICS.len()],
    is_stopped: bool,
}

/// What did not reach the Session, and what the notices say of that.
#[derive(Clone, Copy, Debug, Default)]
struct Dropped {
    queue_full: u64,
    transmit_full: u64,
    too_large: u64,
    /// Missing: QoS 1 and 2, QoS 0; and those that may have been too large.
    queued: u64,
    lossy: u64,
    large: u64,
}

impl Dropped {
    /// What is missing has been told.
    fn check(self) -> Result<(), Violation> {
        check(self.queued <= self.queue_full, || "a QoS 1 or 2 message is left out without a notice")?;
        check(self.lossy <= self.transmit_full, || "a QoS 0 message is left out without a notice")?;
        check(
            self.large + self.queued + self.lossy <= self.too_large + self.queue_full + self.transmit_full,
            || "a message is left out without a notice",
        )
    }
}

/// A message for one member of the group of the Shared Subscription.
#[derive(Clone, Copy, Debug)]
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
                    self.server.sessions[client].exchanges.pubrel(id, wire as u32, answers)
                } else {
                    Ok(())
                }
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

    fn server_published(
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
            if !self.server.sessions[client].exchanges.publish(published, persisted)? {
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

    /// What has been left out has been told by now.
    pub fn check_dropped(&self) -> Result<(), Violation> {
        for (client, session) in self.server.sessions.iter().enumerate() {
            session.dropped.check().map_err(|violation| violation.context(&format!("C{client}")))?;
        }
        Ok(())
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

    fn session_connects(&mut self, wire: usize) -> Result<(), Violation> {
        let client = self.wires[wire].client;
        check(!self.wires[wire].is_open, || "a second CONNECT")?;
        if let Some(older) = self.server.sessions[client].connection {
            self.session_leaves(older, false);
        }
        let is_present = self.server.sessions[client].is_alive(self.now) && !self.wires[wire].clean_start;
        if !is_present {
            if self.server.sessions[client].exists {
                self.session_ends(client);
            }
            self.eras += 1;
            self.states += 1;
            let Wire { clean_start, version, state, .. } = self.wires[wire];
            // Without Clean Start, CONNACK tells that the other half of the Session is gone; in 3.1 nothing does.
            let is_told = !clean_start && version != ProtocolVersion::V3_1;
            self.wires[wire].told_state = if is_told { self.states } else { state };
        }
        let was_overtaken =
            self.wires.iter().skip(wire + 1).any(|later| later.client == client && later.era.is_some());
        let Self { wires, server, parties, publications, broker, .. } = self;
        let sessions = &mut server.sessions;
        let (party, Wire { state, told_state, clean_start, .. }) = (&mut parties[client], &wires[wire]);
        let is_strange = if is_present {
            sessions[client].state != *state
        } else {
            sessions[client] = Session {
                exists: true,
                era: self.eras,
                state: *told_state,
                began_at: self.now,
                ..Session::default()
            };
            was_overtaken || !clean_start && told_state == state
        };
        // With nothing in either half, they fit all the same.
        let session = &sessions[client];
        let is_fresh =
            party.accepted.is_empty() && session.accepted.is_empty() && session.exchanges.is_empty();
        party.is_void |= is_strange && !is_fresh;
        if is_strange || !is_present && !clean_start {
            for number in party.exchanges.numbers() {
                publications[number as usize].is_forgiven = true;
            }
        }
        let session = &mut sessions[client];
        session.connection = Some(wire);
        session.expiry = wires[wire].expiry.min(broker.maximum_session_expiry);
        wires[wire].era = Some(session.era);
        wires[wire].is_open = true;
        wires[wire].is_present = is_present;
        Ok(())
    }

    /// The connection is over for the Server.
    pub fn session_leaves(&mut self, wire: usize, is_normal: bool) {
        if !self.wires[wire].is_open {
            return;
        }
        self.wires[wire].is_open = false;
        let client = self.wires[wire].client;
        let session = &mut self.server.sessions[client];
        session.connection = None;
        session.left_at = self.now;
        if let Some(will) = self.wires[wire].will.filter(|_| !is_normal) {
            self.route(will);
        }
        if self.server.sessions[client].expiry == 0 {
            self.session_ends(client);
        }
    }

    fn session_ends(&mut self, client: usize) {
        let session = &mut self.server.sessions[client];
        session.exists = false;
        session.due.clear();
        session.exchanges.clear();
        session.accepted.clear();
        session.subscriptions.clear();
        session.walks.clear();
        session.retained = [0; TOPICS.len()];
        if session.was_member {
            for shared in &mut self.server.shared {
                shared.is_uncertain = true;
            }
        }
    }

    fn subscribes(&mut self, client: usize, subscribed: Subscribed, retained: bool) {
        let Subscribed { filter, qos, no_local } = subscribed;
        let session = &mut self.server.sessions[client];
        session.subscriptions.retain(|subscribed| subscribed.filter != filter);
        session.subscriptions.push(subscribed);
        if filter == SHARED_FILTER {
            session.was_member = true;
        } else if retained {
            session.walks.push(Walk {
                filter,
                qos,
                no_local,
                since: self.server.ticks,
                at_first: self.server.retained,
                is_stopped: false,
            });
        }
    }

    /// The Server has received a PUBLISH.
    fn server_took(&mut self, wire: usize, number: u32, delivery: Delivery, expiry: Option<u32>) {
        let client = self.wires[wire].client;
        if let Some(id) = delivery.packet_id().map(mqtt_session::codec::PacketId::get) {
            let answer = Answer { id, number, qos: delivery.qos(), is_ready: true };
            self.wires[wire].ways[Direction::Up as usize].answers.push_back(answer);
            let accepted = &mut self.server.sessions[client].accepted;
            if delivery.qos() == QoS::ExactlyOnce {
                if accepted.contains(&id) {
                    return;
                }
                accepted.push(id);
            }
        }
        self.server.routing[number as usize].expires_at =
            expiry.map(|seconds| self.now + u64::from(seconds) * 1_000);
        self.route(number);
    }

    /// A message goes to all who want it: how many Sessions these are, and whether some of them may be gone.
    pub fn route(&mut self, number: u32) -> (usize, bool) {
        let Self { publications, server, wires, now, .. } = self;
        let Server { sessions, retained, shared, ticks, routing } = server;
        let publication = &publications[number as usize];
        routing[number as usize].routed += 1;
        let topic = usize::from(publication.topic);
        if publication.retain {
            *ticks += 1;
            if let Some(before) = retained[topic].replace(number) {
                routing[before as usize].retained.1 = *ticks;
            }
            let routing = &mut routing[number as usize];
            routing.retained = (*ticks, u64::MAX);
            if routing.has_expired(*now) {
                // It takes the place of the one before and is gone.
                retained[topic] = None;
                routing.retained = (*ticks, *ticks);
            }
        }
        let routing = &mut routing[number as usize];
        let (mut count, mut members, mut is_uncertain) = (0, 0, false);
        for (client, session) in sessions.iter_mut().enumerate() {
            if !session.exists {
                continue;
            }
            let is_alive = session.is_alive(*now);
            if publication.topic == SHARED_TOPIC {
                if let Some(subscribed) = session.subscribed(SHARED_FILTER) {
                    members += 1;
                    is_uncertain |= subscribed.qos == QoS::AtMostOnce || !is_alive;
                }
                continue;
            }
            let matching = session.subscriptions.iter().filter(|subscribed| {
                MATCHES[usize::from(subscribed.filter)][topic]
                    && !(subscribed.no_local && publication.publisher == Some(client))
            });
            let Some(granted) = matching.map(|subscribed| subscribed.qos).max() else { continue };
            count += 1;
            is_uncertain |= !is_alive;
            let qos = granted.min(publication.qos);
            if qos == QoS::AtMostOnce {
                if let Some(wire) = session.connection {
                    wires[wire].lossy.push_back(number);
                }
                continue;
            }
            session.due.push_back(Due { number, qos, expires_at: routing.expires_at });
            routing.copy(client, session.era, qos, true);
        }
        if members > 0 {
            shared.push(Shared { number, started: 0, is_bound: false, is_uncertain });
        }
        // A QoS 0 message is for nobody when no member is connected.
        (count + usize::from(members > 0), is_uncertain || members > 0)
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

    /// The broker tells its operator something. `is_full`: whether too much waits to be written to a Client.
    pub fn noticed(&mut self, notice: &Notice, is_full: impl FnOnce(usize) -> bool) -> Result<(), Violation> {
        match notice {
            Notice::MessageDropped { client_id, cause, count } => {
                self.trace.line(self.now, || format!("* {notice}"));
                let Some(client) =
                    client_id.strip_prefix('C').and_then(|number| number.parse::<usize>().ok())
                else {
                    return Err(Violation::new(format!("a notice of {client_id:?}, who is nobody")));
                };
                let limits = self.limits(client)[Direction::Down as usize];
                let session = &mut self.server.sessions[client];
                // It may be told of the Session before.
                let is_new = !session.exists || session.began_at == self.now;
                match cause {
                    DropCause::QueueFull => {
                        session.dropped.queue_full += count;
                        let is_full =
                            session.was_member || is_new || session.due.len() > self.broker.queued_messages;
                        check(is_full, || {
                            format!("a message to C{client} is dropped, but its queue is not full")
                        })
                    }
                    DropCause::TransmitFull => {
                        session.dropped.transmit_full += count;
                        check(is_full(client), || {
                            format!("a message to C{client} is dropped, but not much waits to be written")
                        })
                    }
                    _ => {
                        session.dropped.too_large += count;
                        check(limits.packet_size < 10_000, || {
                            format!("a message to C{client} is dropped, but nothing is too large for it")
                        })
                    }
                }
            }
            Notice::Ended { cause, .. } => {
                self.trace.line(self.now, || format!("* {notice}"));
                let is_fair = matches!(
                    cause,
                    EndCause::ConnectTimeout
                        | EndCause::Reason(
                            DisconnectReason::SessionTakenOver | DisconnectReason::KeepAliveTimeout
                        )
                );
                check(is_fair, || {
                    format!("the Server ends a connection for what its Client has not done: {cause}")
                })
            }
            _ => Err(Violation::new(format!("{notice}"))),
        }
    }

    /// The Server ends a connection in time when its Client is silent.
    pub fn check_keep_alive(&self, wire: usize) -> Result<(), Violation> {
        let Some(limit) = self.wires[wire].watchdog() else { return Ok(()) };
        let silence = self.now - self.wires[wire].heard_at;
        check(silence <= limit, || format!("a Client is silent for {silence} ms, and still connected"))
    }

    /// The broker has told a transaction.
    pub fn server_tells_transaction(&mut self) {
        self.kept.push_back(self.server.clone());
    }

    /// The broker's oldest transaction is stored, and the broker knows it.
    pub fn server_stores(&mut self) {
        if let Some(stored) = self.kept.pop_front() {
            self.stored = stored;
        }
    }

    /// The broker ends without warning, and comes back as what is stored.
    pub fn server_crashes(&mut self) -> Result<(), Violation> {
        self.kept.clear();
        if !self.broker.durable {
            self.stored.forget_sessions(&self.server);
        }
        let current = std::mem::replace(&mut self.server, self.stored.clone());
        while self.server.routing.len() < self.publications.len() {
            self.server.makes();
        }
        for wire in &mut self.wires {
            wire.is_open = false;
            wire.lossy.clear();
        }
        for (client, before) in current.sessions.into_iter().enumerate() {
            let session = &mut self.server.sessions[client];
            if session.era == before.era {
                // What has left since then was stored before.
                for Later { number, qos, is_retained } in session.exchanges.go_on_from(before.exchanges) {
                    let topic = self.publications[number as usize].topic;
                    if is_retained {
                        // Due only when it goes out.
                        self.server.routing[number as usize].copy(client, session.era, qos, false);
                        session.retained[usize::from(topic)] += 1;
                    } else if topic == SHARED_TOPIC {
                        let of_number =
                            self.server.shared.iter_mut().filter(|shared| shared.number == number);
                        if let Some(shared) = of_number.min_by_key(|shared| shared.rank()) {
                            shared.started += 1;
                        }
                    } else if let Some(at) = session.due.iter().position(|due| due.number == number) {
                        session.due.remove(at);
                    }
                }
                session.has_lost_unseen = true;
            }
            // Of some searches for the messages of one filter the last goes on.
            for at in 0..session.walks.len() {
                let filter = session.walks[at].filter;
                let is_last = session.walks[at + 1..].iter().all(|later| later.filter != filter);
                session.walks[at].is_stopped |= !is_last;
            }
            let Some(wire) = session.connection.take() else { continue };
            session.left_at = self.now;
            if let Some(will) = self.wires[wire].will {
                self.route(will);
            }
            if self.server.sessions[client].expiry == 0 {
                self.session_ends(client);
            }
        }
        self.check_kept()
    }

    /// A message that its publisher has an answer for is still due to those Sessions that are still there.
    fn check_kept(&self) -> Result<(), Violation> {
        for (number, routing) in self.server.routing.iter().enumerate() {
            let publication = &self.publications[number];
            // What has expired is due to nobody, and need not have been stored.
            let has_expired = publication.answered_until.is_some_and(|at| at <= self.now);
            if !publication.is_answered || has_expired {
                continue;
            }
            for (client, session) in self.server.sessions.iter().enumerate() {
                let (before, after) = (&publication.answered[client], &routing.copies[client]);
                let is_same = session.is_alive(self.now) && session.expiry > 0 && session.era == before.era;
                check(
                    !is_same || before.live == 0 || after.era == before.era && after.live >= before.live,
                    || format!("#{number} has been answered, and is forgotten for C{client}"),
                )?;
            }
        }
        Ok(())
    }

    /// How many Sessions there are.
    pub fn session_count(&self) -> usize {
        self.server.sessions.iter().filter(|session| session.is_alive(self.now)).count()
    }

    pub(super) fn finish_session(&self, client: usize) -> Result<(), Violation> {
        let session = &self.server.sessions[client];
        let Some(wire) = session.connection else { return Ok(()) };
        check(session.exchanges.is_empty(), || {
            format!("the Server still waits for C{client}: {:?}", session.exchanges)
        })?;
        let mut dropped = session.dropped;
        for due in &session.due {
            if due.has_expired(self.now) {
                continue;
            }
            let limits = self.wires[wire].limits[Direction::Down as usize];
            if self.may_exceed(due.number, limits) {
                dropped.large += 1;
            } else {
                dropped.queued += 1;
            }
            dropped.check().map_err(|violation| {
                violation.context(&format!("#{} to C{client} at the end", due.number))
            })?;
        }
        for (topic, name) in TOPICS.iter().enumerate() {
            let due = session.walks.iter().filter(|walk| {
                !walk.is_stopped
                    && MATCHES[usize::from(walk.filter)][topic]
                    && walk.at_first[topic].is_some_and(|number| {
                        let publication = &self.publications[number as usize];
                        let routing = &self.server.routing[number as usize];
                        let is_lossy = walk.qos.min(publication.qos) == QoS::AtMostOnce;
                        !(session.has_lost_unseen && is_lossy)
                            && routing.retained.1 == u64::MAX
                            && routing.expires_at.is_none()
                            && !(walk.no_local && publication.publisher == Some(client))
                    })
            });
            let (got, due) = (session.retained[topic], due.count());
            check(got >= due || dropped.too_large > 0, || {
                format!("C{client} has got {got} retained messages of {name} instead of {due}")
            })?;
        }
        Ok(())
    }

    pub(super) fn finish_shared(&self) -> Result<(), Violation> {
        let dropped = self.server.sessions.iter().any(|session| {
            let Dropped { queue_full, too_large, .. } = session.dropped;
            queue_full + too_large > 0
        });
        for shared in &self.server.shared {
            let publication = &self.publications[shared.number as usize];
            let may_be_lost = publication.qos == QoS::AtMostOnce
                || shared.is_uncertain
                || dropped
                || self.server.routing[shared.number as usize].expires_at.is_some();
            check(may_be_lost || shared.started > 0, || {
                format!("#{} has gone to no member of its group", shared.number)
            })?;
        }
        Ok(())
    }
}
