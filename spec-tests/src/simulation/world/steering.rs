//! For those who choose what happens next themselves, and look at the state it leads to.

use std::hash::Hash;

use super::super::Violation;
use super::super::digest::Digest;
use super::super::plan::Direction;
use super::super::tables::Outcomes;
use super::super::wire::Fact;
use super::clock::Next;
use super::essence::{Name, View};
use super::{CLIENT, Host, Link, SERVER, World};

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

    /// What tells a connection from all others of this run, whatever it is numbered.
    pub fn since(&self, link: usize) -> u64 {
        self.links[link].since
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

    /// The next packet of this direction, if something is to take it.
    pub fn next_fact(&self, link: usize, direction: Direction) -> Option<Fact> {
        self.next_packet(link, direction).filter(|bytes| *bytes > 0)?;
        self.model.wires[link].ways[direction as usize].next_fact()
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

    /// What a connection is called: its Client, and how many older ones of it the Server has an end of.
    pub(super) fn name(&self, link: usize) -> Name {
        let client = self.links[link].client;
        let is_older = |older: &&usize| {
            let Link { client: of, is_open, .. } = &self.links[**older];
            **older < link && *of == client && is_open[SERVER]
        };
        (client, self.live.iter().filter(is_older).count())
    }

    /// Forgets connections of which no end is open, and numbers the others anew: by Client, then by age. Nothing else is said by
    /// their numbers.
    pub fn tidy(&mut self) {
        let Self { links, live, model, .. } = self;
        live.sort_unstable_by_key(|link| (links[*link].client, *link));
        let is_kept = |wire: usize| {
            let client = links[wire].client;
            // The Server knows that a CONNECT comes late by what has come since then.
            live.contains(&wire) || live.iter().any(|older| *older < wire && links[*older].client == client)
        };
        let mut kept: Vec<_> = (0..links.len()).filter(|wire| is_kept(*wire)).collect();
        kept.sort_unstable_by_key(|wire| (links[*wire].client, *wire));
        if kept.len() == links.len() && kept.is_sorted() {
            return;
        }
        let renumbered = |wire: usize| kept.iter().position(|kept| *kept == wire);
        model.renumber(renumbered, &kept);
        for link in live {
            *link = renumbered(*link).unwrap_or_default();
        }
        for host in &mut self.hosts {
            host.link = host.link.and_then(renumbered);
            host.acks.retain_mut(|ack| renumbered(ack.wire).inspect(|wire| ack.wire = *wire).is_some());
        }
        let links = std::mem::take(&mut self.links);
        let mut places: Vec<_> = links.into_iter().map(Some).collect();
        self.links = kept.iter().filter_map(|wire| places[*wire].take()).collect();
    }

    /// Everything that has an influence on what happens from here on, after [`tidy`](Self::tidy). `can_crash`: whether
    /// a Client may crash; `None`: the Server.
    pub fn write_state(
        &mut self,
        can_crash: impl Fn(Option<usize>) -> bool + Copy,
        outcomes: &Outcomes,
        scratch: &mut String,
        out: &mut Digest,
    ) {
        let servers = self.live.iter().filter(|link| self.links[**link].is_open[SERVER]);
        let connections: Vec<_> = servers.map(|link| (self.links[*link].number, self.name(*link))).collect();
        let Self { broker, hosts, links, live, model, store, .. } = self;
        broker
            .digest(View { connections: &connections, can_crash: can_crash(None) }, outcomes, scratch)
            .hash(out);
        model.write_state(can_crash, out);
        if can_crash(None) {
            store.hash(out);
        }
        for (number, host) in hosts.iter_mut().enumerate() {
            let Host { client, link, acks, is_over, must_clean, store, .. } = host;
            client.digest(View { connections: &[], can_crash: true }, outcomes, scratch).hash(out);
            (link, acks, is_over, must_clean).hash(out);
            if can_crash(Some(number)) {
                store.hash(out);
            }
        }
        live.hash(out);
        for link in live {
            let Link { client, pipes, arrived, is_paused, is_open, broker_writes, .. } = &links[*link];
            (client, is_paused, is_open, broker_writes).hash(out);
            for end in [SERVER, CLIENT] {
                // Nobody takes the rest.
                if is_open[end] {
                    pipes[end].write_state(out);
                    arrived[end].hash(out);
                }
            }
        }
    }
}
