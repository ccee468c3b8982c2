//! For those who choose what happens next themselves, and look at the state it leads to.

use std::hash::Hash;

use super::super::Violation;
use super::super::digest::Digest;
use super::super::plan::Direction;
use super::super::tables::Outcomes;
use super::clock::Next;
use super::{Host, Link, World};

impl World {
    /// Links without any delay and limit.
    pub const fn with_plain_links(mut self) -> Self {
        self.is_plain = true;
        self
    }

    /// The connections of which an end is open.
    pub fn live(&self) -> &[usize] {
        &self.live
    }

    /// The connection of a Client.
    pub fn link(&self, client: usize) -> Option<usize> {
        self.hosts[client].link
    }

    /// How many bytes the next packet of this direction has; 0: the end of the stream is next. `None`: nothing is.
    pub fn next_packet(&self, link: usize, direction: Direction) -> Option<usize> {
        let Link { pipes, is_open, .. } = &self.links[link];
        let pipe = &pipes[direction as usize];
        if pipe.is_empty() || !is_open[direction as usize] {
            return None;
        }
        Some(self.model.wires[link].ways[direction as usize].first_packet().unwrap_or(0).min(pipe.len()))
    }

    /// How many transactions a Client has told; `None`: the Server.
    pub fn told(&self, client: Option<usize>) -> usize {
        client.map_or(&self.store, |client| &self.hosts[client].store).told
    }

    /// How many machines have crashed.
    pub const fn crashes(&self) -> usize {
        self.crashes
    }

    /// How many links have been cut.
    pub const fn cuts(&self) -> usize {
        self.cuts
    }

    /// How many transactions a Client is still to store; `None`: the Server.
    pub fn unstored(&self, client: Option<usize>) -> usize {
        client.map_or(&self.store, |client| &self.hosts[client].store).pending.len()
    }

    /// Everything that is to be stored is.
    pub fn store_all(&mut self) -> Result<(), Violation> {
        while self.store.pending.len() + self.hosts.iter().map(|host| host.store.pending.len()).sum::<usize>()
            > 0
        {
            self.broker_stores();
            for client in 0..self.hosts.len() {
                self.client_stores(client);
            }
            self.settle()?;
        }
        Ok(())
    }

    /// A link breaks, and both ends are told at once.
    pub fn cut_now(&mut self, link: usize) -> Result<(), Violation> {
        self.cut(link);
        self.server_lost(link)?;
        self.client_lost(link)?;
        self.settle()
    }

    /// The end of the stream arrives.
    pub fn end_stream(&mut self, link: usize, direction: Direction) -> Result<(), Violation> {
        self.happen(Next::Arrival(link, direction))?;
        self.settle()
    }

    /// So many bytes arrive at once, whenever they were to.
    pub fn deliver(&mut self, link: usize, direction: Direction, count: usize) -> Result<(), Violation> {
        let Link { pipes, arrived, .. } = &mut self.links[link];
        pipes[direction as usize].take(count, &mut arrived[direction as usize]);
        self.offer(link, direction)?;
        self.settle()
    }

    /// Everything that has an influence on what happens from here on.
    pub fn write_state(&mut self, outcomes: &Outcomes, scratch: &mut Digest, out: &mut Digest) {
        let Self { broker, hosts, links, live, model, store, .. } = self;
        broker.digest(outcomes, scratch).hash(out);
        live.hash(out);
        model.hash(out);
        store.hash(out);
        for Host { client, link, acks, is_over, must_clean, store, .. } in hosts {
            client.digest(outcomes, scratch).hash(out);
            (link, acks, is_over, must_clean, store).hash(out);
        }
        for link in live {
            links[*link].hash(out);
        }
    }
}
