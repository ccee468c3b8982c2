//! The end of a run: the faults stop, and all comes to rest.

use bytes::{Buf, BytesMut};

use super::super::link::Pipe;
use super::super::plan::{Direction, Operation};
use super::super::{Violation, check};
use super::{Link, World};

impl World {
    /// The faults stop; everybody connects and acknowledges, until all is quiet. Then the oracle has the last word.
    pub fn finish(&mut self) -> Result<(), Violation> {
        self.model.trace.line(self.model.now, || "the faults stop");
        // Nobody waits for what will never come.
        for link in self.live.clone() {
            let Link { pipes, is_open, .. } = &mut self.links[link];
            pipes.iter_mut().for_each(Pipe::heal);
            if *is_open != [true; 2] || pipes.iter().any(|pipe| pipe.is_closed) {
                self.cut(link);
            }
        }
        self.calm()?;
        for round in 0.. {
            for client in 0..self.hosts.len() {
                self.connect(client, false)?;
                self.settle()?;
            }
            self.calm()?;
            if self.hosts.iter().all(|host| host.link.is_some() && host.client.limits().is_some()) {
                break;
            }
            check(round < 5, || "a Client does not get connected")?;
        }
        self.check_quiet()?;
        self.model.finish()?;
        self.end()
    }

    /// Runs until nothing is under way, whatever the timers say.
    fn calm(&mut self) -> Result<(), Violation> {
        for round in 0.. {
            for client in 0..self.hosts.len() {
                while !self.hosts[client].acks.is_empty() {
                    self.acknowledge(client, 0, false)?;
                }
            }
            self.settle()?;
            let is_under_way = |link: &usize| {
                let Link { pipes, is_open, .. } = &self.links[*link];
                Direction::ALL.iter().any(|end| is_open[*end as usize] && !pipes[*end as usize].is_empty())
            };
            let is_stored =
                self.store.pending.is_empty() && self.hosts.iter().all(|host| host.store.pending.is_empty());
            if is_stored
                && !self.live.iter().any(is_under_way)
                && self.hosts.iter().all(|host| host.acks.is_empty())
            {
                return Ok(());
            }
            check(round < 500_000, || "there is no end to it")?;
            let Some((at, next)) = self.next() else {
                return Err(Violation::new("something is under way, and never arrives"));
            };
            self.model.now = self.model.now.max(at);
            self.happen(next)?;
            self.settle()?;
        }
        Ok(())
    }

    fn check_quiet(&mut self) -> Result<(), Violation> {
        for (client, host) in self.hosts.iter_mut().enumerate() {
            let (queued, in_flight) = (host.client.queued(), host.client.in_flight());
            check(queued == 0 && in_flight == 0, || {
                format!("C{client} has {queued} messages queued and {in_flight} in flight, and nothing moves")
            })?;
            check(!host.client.transmit().has_remaining(), || {
                format!("C{client} has something to write, and nothing moves")
            })?;
        }
        for link in &self.live {
            let Link { id, is_paused, arrived, .. } = &self.links[*link];
            check(*is_paused == [false; 2], || "a machine holds its input back, and nothing moves")?;
            check(arrived.iter().all(BytesMut::is_empty), || "a machine leaves a part of its input")?;
            let waits = self.broker.transmit(*id).is_some_and(|transmit| transmit.has_remaining());
            check(!waits, || "the Server has something to write, and nothing moves")?;
        }
        Ok(())
    }

    /// Everybody disconnects, and Sessions expire.
    fn end(&mut self) -> Result<(), Violation> {
        for client in 0..self.hosts.len() {
            self.operate(client, Operation::Disconnect { expiry: None })?;
            self.settle()?;
        }
        self.calm()?;
        for _ in 0..2 {
            let (sessions, expected) = (self.broker.session_count(), self.model.session_count());
            check(sessions == expected, || {
                format!("the Server keeps {sessions} Sessions instead of {expected}")
            })?;
            self.model.now += 200_000_000;
            let now = self.now();
            self.broker.handle_timeout(now);
            self.settle()?;
        }
        let connections = self.broker.connection_count();
        check(connections == 0, || format!("the Server keeps {connections} connections"))
    }
}
