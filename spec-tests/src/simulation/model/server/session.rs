//! Sessions begin, lose and find connections, and end; subscriptions come and go.

use mqtt_session::codec::ProtocolVersion;

use super::super::Model;
use super::{Session, Subscribed, TOPICS, Walk};
use crate::simulation::plan::SHARED_FILTER;
use crate::simulation::wire::Wire;
use crate::simulation::{Violation, check};

impl Model {
    pub(super) fn session_connects(&mut self, wire: usize) -> Result<(), Violation> {
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
            self.takes_over(will);
        }
        if self.server.sessions[client].expiry == 0 {
            self.session_ends(client);
        }
    }

    pub(super) fn session_ends(&mut self, client: usize) {
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

    pub(super) fn subscribes(&mut self, client: usize, subscribed: Subscribed, retained: bool) {
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

    /// The Server ends a connection in time when its Client is silent.
    pub fn check_keep_alive(&self, wire: usize) -> Result<(), Violation> {
        let Some(limit) = self.wires[wire].watchdog() else { return Ok(()) };
        let silence = self.now - self.wires[wire].heard_at;
        check(silence <= limit, || format!("a Client is silent for {silence} ms, and still connected"))
    }

    /// How many Sessions there are.
    pub fn session_count(&self) -> usize {
        self.server.sessions.iter().filter(|session| session.is_alive(self.now)).count()
    }
}
