//! What goes wrong: links that break, ends that are given up, clocks that jump, processes that end.

use mqtt_session::{AllowAll, Broker, Client};

use super::super::Violation;
use super::super::wire::number;
use super::config::{broker_config, client_config};
use super::{CLIENT, Link, SERVER, Watched, World};

impl World {
    /// The link breaks.
    pub(super) fn cut(&mut self, link: usize) {
        let now = self.model.now;
        self.model.trace.line(now, || format!("link {link} is cut"));
        self.cuts += 1;
        let Link { pipes, is_paused, .. } = &mut self.links[link];
        for pipe in pipes {
            pipe.reset(now, 0);
        }
        // Who does not read learns it when he writes.
        *is_paused = [false; 2];
    }

    pub(super) fn client_leaves(&mut self, client: usize, told: Option<u16>) -> Result<(), Violation> {
        let Some(link) = self.hosts[client].link else { return Ok(()) };
        let now = self.model.now;
        self.model.trace.line(now, || format!("C{client} gives its connection up"));
        self.client_lost(link)?;
        if let Some(told) = told {
            self.links[link].pipes[SERVER].close(now, u64::from(told));
        }
        self.links[link].pipes[SERVER].is_closed = true;
        Ok(())
    }

    pub(super) fn server_leaves(&mut self, client: usize, told: Option<u16>) -> Result<(), Violation> {
        let Some(link) = self.hosts[client].link else { return Ok(()) };
        if !self.links[link].is_open[SERVER] {
            return Ok(());
        }
        let now = self.model.now;
        self.model.trace.line(now, || format!("the Server's end of the connection of C{client} is lost"));
        self.server_lost(link)?;
        if let Some(told) = told {
            self.links[link].pipes[CLIENT].close(now, u64::from(told));
        }
        self.links[link].pipes[CLIENT].is_closed = true;
        Ok(())
    }

    pub(super) fn jump(&mut self, seconds: u16, timers_first: bool) -> Result<(), Violation> {
        self.model.now += u64::from(seconds) * 1_000;
        let now = self.now();
        self.model.trace.line(self.model.now, || format!("the clock has jumped {seconds} s"));
        if timers_first {
            for client in 0..self.hosts.len() {
                self.client_timeout(client)?;
            }
            self.inputs += 1;
            self.broker.handle_timeout(now);
        }
        Ok(())
    }

    /// A Client's process ends, and another goes on from what is stored.
    pub fn crash_client(&mut self, client: usize, stored: usize) -> Result<(), Violation> {
        let now = self.model.now;
        self.model.trace.line(now, || format!("C{client} crashes"));
        self.crashes += 1;
        self.inputs += 1;
        let host = &mut self.hosts[client];
        // A program without a store knows that it has lost everything.
        host.must_clean |= !host.plan.durable;
        host.acks.clear();
        host.is_over = false;
        for _ in 0..stored {
            host.store.store();
            self.model.client_stores(client);
        }
        host.store.pending.clear();
        let restored = Client::restore(client_config(&host.plan), host.store.state.records());
        let restored =
            restored.map_err(|error| Violation::new(format!("C{client} cannot be restored: {error}")))?;
        host.client = Watched::made_of(("client", client, &host.store), restored);
        let mut unresolved = Vec::new();
        for (token, message) in host.client.unresolved() {
            let number = message.map(|message| number(message.payload())).transpose()?;
            unresolved.push((token, number));
        }
        self.model.client_crashes(client, &unresolved)?;
        if let Some(link) = host.link.take() {
            let Link { pipes, is_open, .. } = &mut self.links[link];
            is_open[CLIENT] = false;
            pipes[CLIENT].is_closed = true;
            pipes[SERVER].close(now, 0);
        }
        Ok(())
    }

    /// The Server's process ends, and another goes on from what is stored.
    pub fn crash_server(&mut self, stored: usize) -> Result<(), Violation> {
        let now = self.model.now;
        self.model.trace.line(now, || "the Server crashes");
        self.crashes += 1;
        self.inputs += 1;
        for _ in 0..stored {
            self.store.store();
            self.model.server_stores();
        }
        self.store.pending.clear();
        self.model.server_crashes()?;
        let config = broker_config(&self.broker_plan);
        let restored = Broker::restore(self.now(), config, AllowAll, self.store.state.records());
        let restored =
            restored.map_err(|error| Violation::new(format!("the Server cannot be restored: {error}")))?;
        self.broker = Watched::made_of(("server", self.now(), &self.store), restored);
        for link in &self.live {
            let Link { pipes, is_open, .. } = &mut self.links[*link];
            if std::mem::replace(&mut is_open[SERVER], false) {
                pipes[SERVER].is_closed = true;
                pipes[CLIENT].close(now, 0);
            }
        }
        Ok(())
    }
}
