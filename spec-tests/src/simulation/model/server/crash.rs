//! What a crash leaves.

use super::super::{CLIENTS, Model};
use super::Server;
use crate::simulation::exchange::Later;
use crate::simulation::plan::{Direction, SHARED_TOPIC};
use crate::simulation::{Violation, check};

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

impl Model {
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
        self.untold.clear();
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
                self.takes_over(will);
            }
            if self.server.sessions[client].expiry == 0 {
                self.session_ends(client);
            }
        }
        self.check_kept(current.dropped, current.too_large)
    }

    /// A message that its publisher has an answer for is still due to those Sessions that are still there. One that a full
    /// queue had no room for, or that was too large for the Client, need not have been stored: there are no more of these than notices
    /// that came since then, of which there were so many in all when the broker ended.
    fn check_kept(&mut self, dropped: [u64; CLIENTS], too_large: [u64; CLIENTS]) -> Result<(), Violation> {
        let (mut forgotten, mut forgotten_large) = (self.server.dropped, self.server.too_large);
        let large = |number| {
            let is_large = |client| self.may_exceed(number, self.limits(client)[Direction::Down as usize]);
            (0..self.server.sessions.len()).map(is_large).collect::<Vec<_>>()
        };
        let large: Vec<_> = (0..).take(self.server.routing.len()).map(large).collect();
        for (number, routing) in self.server.routing.iter().enumerate() {
            let publication = &mut self.publications[number];
            // What has expired is due to nobody, and need not have been stored.
            let has_expired = publication.answered_until.is_some_and(|at| at <= self.now);
            if !publication.is_answered || has_expired {
                continue;
            }
            for (client, session) in self.server.sessions.iter().enumerate() {
                let (before, after) = (&mut publication.answered[client], &routing.copies[client]);
                let is_same = session.is_alive(self.now) && session.expiry > 0 && session.era == before.era;
                if !is_same || before.live == 0 || after.era == before.era && after.live >= before.live {
                    continue;
                }
                // The next crash finds nothing of it, nor of its notice.
                before.live = 0;
                let is_large = large[number][client] && forgotten_large[client] < too_large[client];
                let forgotten = if is_large { &mut forgotten_large } else { &mut forgotten };
                forgotten[client] += 1;
                check(is_large || forgotten[client] <= dropped[client], || {
                    format!("#{number} has been answered, and is forgotten for C{client}")
                })?;
            }
        }
        Ok(())
    }
}
