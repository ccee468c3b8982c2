//! What happens next, and when.

use super::super::link::Arrival;
use super::super::plan::Direction;
use super::super::{Violation, check};
use super::{CLIENT, Link, World};

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Arrival(usize, Direction),
    Client(usize),
    Broker,
    ClientStore(usize),
    BrokerStore,
}

impl World {
    /// Time passes, and what is due in it happens.
    pub fn pass(&mut self, millis: u64) -> Result<(), Violation> {
        let end = self.model.now + millis;
        while let Some((at, next)) = self.next()
            && at <= end
        {
            self.model.now = self.model.now.max(at);
            self.happen(next)?;
            self.settle()?;
        }
        self.model.now = end;
        self.live.iter().try_for_each(|link| self.model.check_keep_alive(*link))
    }

    pub(super) fn next(&self) -> Option<(u64, Next)> {
        let mut first: Option<(u64, Next)> = None;
        let mut consider = |at: u64, next: Next| {
            if first.is_none_or(|(first, _)| at < first) {
                first = Some((at, next));
            }
        };
        for &link in &self.live {
            for direction in Direction::ALL {
                let end = direction as usize;
                let Link { pipes, is_paused, is_open, .. } = &self.links[link];
                if is_open[end]
                    && !is_paused[end]
                    && let Some(at) = pipes[end].next_at()
                {
                    consider(at, Next::Arrival(link, direction));
                }
            }
        }
        for (client, host) in self.hosts.iter().enumerate() {
            if let Some((at, _)) = host.client.poll_timeout() {
                consider(at.as_millis(), Next::Client(client));
            }
        }
        if let Some(at) = self.broker.poll_timeout() {
            consider(at.as_millis(), Next::Broker);
        }
        for (client, host) in self.hosts.iter().enumerate() {
            if let Some(at) = host.store.next_at() {
                consider(at, Next::ClientStore(client));
            }
        }
        if let Some(at) = self.store.next_at() {
            consider(at, Next::BrokerStore);
        }
        first
    }

    pub(super) fn happen(&mut self, next: Next) -> Result<(), Violation> {
        match next {
            Next::Arrival(link, direction) => {
                let Link { pipes, arrived, .. } = &mut self.links[link];
                match pipes[direction as usize].arrive(&mut arrived[direction as usize]) {
                    None => Ok(()),
                    Some(Arrival::Bytes(_)) => self.offer(link, direction),
                    Some(Arrival::Cut(_)) => {
                        self.offer(link, direction)?;
                        self.settle()?;
                        self.cut(link);
                        Ok(())
                    }
                    Some(Arrival::End) if direction == Direction::Up => {
                        self.server_lost(link)?;
                        self.links[link].pipes[CLIENT].close(self.model.now, 0);
                        Ok(())
                    }
                    Some(Arrival::End) => self.client_lost(link),
                }
            }
            Next::Client(client) => self.client_timeout(client),
            Next::ClientStore(client) => {
                self.client_stores(client);
                Ok(())
            }
            Next::BrokerStore => {
                self.broker_stores();
                Ok(())
            }
            Next::Broker => {
                self.inputs += 1;
                let now = self.now();
                self.broker.handle_timeout(now);
                check(
                    self.broker.poll_timeout().is_none_or(|at| at > now),
                    || "the broker's timeout does not move on",
                )
            }
        }
    }

    /// The next thing happens that is due now. `false`: there is none.
    pub fn happen_next(&mut self) -> Result<bool, Violation> {
        let Some((at, next)) = self.next() else { return Ok(false) };
        if at > self.model.now {
            return Ok(false);
        }
        self.happen(next)?;
        self.settle()?;
        Ok(true)
    }
}
