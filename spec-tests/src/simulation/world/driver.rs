//! What the contract of the crate demands of a driver: to give a machine what arrives, and to take what it has to say and to
//! write.

use bytes::Buf;
use mqtt_session::{
    Action, Broker, Client, ConnectionId, Disconnected, Event, Received, Timer, Transmit,
    Violation as ServerViolation,
};

use super::super::plan::Direction;
use super::super::wire::number;
use super::super::{Violation, check};
use super::{Ack, CLIENT, Host, Link, SERVER, World};

/// The largest packet there is, and something for what a machine has to say besides.
const SLACK: usize = 2_600;

impl World {
    /// Takes what the machines have to say and to write, until they have nothing more.
    pub fn settle(&mut self) -> Result<(), Violation> {
        for round in 0.. {
            check(round < 100_000, || "a machine never comes to rest")?;
            let mut progress = self.hear_broker()?;
            for client in 0..self.hosts.len() {
                progress |= self.hear_client(client)?;
            }
            for index in (0..self.live.len()).rev() {
                let link = self.live[index];
                progress |= self.broker_writes(link)?;
                if self.links[link].is_open == [false; 2] {
                    self.live.swap_remove(index);
                    self.model.forget(link);
                }
            }
            if !progress {
                break;
            }
        }
        self.model.check_dropped()?;
        self.check_ceilings()
    }

    fn check_ceilings(&mut self) -> Result<(), Violation> {
        let moved = |(_, host): &(usize, &mut Host)| !host.client.rests();
        for (client, host) in self.hosts.iter_mut().enumerate().filter(moved) {
            let queued = host.client.queued();
            check(queued <= host.plan.queued_messages, || format!("C{client} queues {queued} messages"))?;
            let waiting = host.client.look(|client| waiting_bytes(client.transmit()));
            let limit = host.plan.transmit_limit.saturating_mul(2) + SLACK;
            check(waiting <= limit, || format!("{waiting} bytes wait to be written by C{client}"))?;
        }
        if self.broker.rests() {
            return Ok(());
        }
        for &link in &self.live {
            let id = self.links[link].id;
            let waiting = self.broker.look(|broker| broker.transmit(id).map_or(0, waiting_bytes));
            let limit = self.broker_plan.transmit_limit + SLACK;
            check(waiting <= limit, || format!("{waiting} bytes wait to be written to a Client"))?;
        }
        Ok(())
    }

    /// Gives what has arrived to the machine it has arrived at.
    pub(super) fn offer(&mut self, link: usize, direction: Direction) -> Result<(), Violation> {
        let (now, name) = (self.now(), self.name(link));
        let Link { client, id, arrived, is_open, .. } = &mut self.links[link];
        let end = direction as usize;
        let arrived = &mut arrived[end];
        if !is_open[end] {
            arrived.clear();
            return Ok(());
        }
        self.inputs += 1;
        let before = arrived.len();
        let received = match direction {
            Direction::Up => {
                self.broker.give(("input", now, name, &arrived[..])).handle_input(now, *id, arrived)
            }
            Direction::Down => {
                self.hosts[*client].client.give(("input", now, &arrived[..])).handle_input(now, arrived)
            }
        };
        let consumed = before - arrived.len();
        self.links[link].is_paused[end] = received == Received::Paused;
        check(received != Received::NeedData(0), || "a machine needs no data, and waits for it")?;
        self.model.consumed(link, direction, consumed)
    }

    fn hear_broker(&mut self) -> Result<bool, Violation> {
        let mut progress = false;
        while let Some(action) = self.broker.ask(Broker::poll_action) {
            progress = true;
            match action {
                Action::Transmit(id) => {
                    if let Some(link) = self.link_of(id) {
                        self.links[link].broker_writes = true;
                    }
                }
                Action::Resume(id) => {
                    if let Some(link) = self.link_of(id) {
                        self.offer(link, Direction::Up)?;
                    }
                }
                Action::Close(id) => {
                    let Some(link) = self.link_of(id) else {
                        return Err(Violation::new("a connection is closed twice"));
                    };
                    self.links[link].broker_writes = true;
                    self.broker_writes(link)?;
                    let now = self.model.now;
                    self.links[link].pipes[CLIENT].close(now, 0);
                    self.server_lost(link)?;
                }
                Action::Notice(notice) => {
                    let Self { model, links, live, broker, broker_plan, .. } = self;
                    model.noticed(&notice, |client| {
                        let is_its =
                            |link: &&usize| links[**link].client == client && links[**link].is_open[SERVER];
                        let mut its = live.iter().filter(is_its).peekable();
                        // It may have ended in the same call.
                        its.peek().is_none()
                            || its.any(|link| {
                                let waiting = broker.transmit(links[*link].id).map_or(0, waiting_bytes);
                                waiting >= broker_plan.transmit_limit
                            })
                    })?;
                }
                Action::Published { message, .. } => self.model.server_tells(number(message.payload())?),
                Action::Persist(persist) => {
                    self.store.take(self.model.now, self.broker_plan.store_delay, persist);
                    self.model.server_tells_transaction();
                }
                other => return Err(Violation::new(format!("an action nobody knows: {other:?}"))),
            }
        }
        self.model.check_told()?;
        Ok(progress)
    }

    fn link_of(&self, id: ConnectionId) -> Option<usize> {
        self.live.iter().copied().find(|link| self.links[*link].id == id && self.links[*link].is_open[SERVER])
    }

    /// Writes what the link takes. `true`: something.
    fn broker_writes(&mut self, link: usize) -> Result<bool, Violation> {
        let (now, name) = (self.model.now, self.name(link));
        let Link { id, pipes, is_open, broker_writes, .. } = &mut self.links[link];
        let mut progress = false;
        while *broker_writes && is_open[SERVER] {
            let room = pipes[CLIENT].room();
            let Some(transmit) = self.broker.give(("write", name, room)).transmit(*id) else { break };
            let chunk = transmit.chunk();
            if chunk.is_empty() {
                *broker_writes = false;
                break;
            }
            if room == 0 {
                break;
            }
            let chunk = &chunk[..chunk.len().min(room)];
            self.model.written(link, Direction::Down, chunk)?;
            pipes[CLIENT].write(now, chunk);
            let len = chunk.len();
            transmit.advance(len);
            progress = true;
        }
        Ok(progress)
    }

    /// The Server's end of a transport is gone: what it had to write is lost.
    pub(super) fn server_lost(&mut self, link: usize) -> Result<(), Violation> {
        let (now, name) = (self.now(), self.name(link));
        let Link { id, is_open, pipes, .. } = &mut self.links[link];
        if !std::mem::replace(&mut is_open[SERVER], false) {
            return Ok(());
        }
        let broker = self.broker.give(("lost", now, name));
        if let Some(transmit) = broker.transmit(*id) {
            while let Some(lost) = transmit.pop() {
                self.model.written(link, Direction::Down, &lost)?;
            }
            // What was held back is not seen.
            self.model.server_wrote_all(link, transmit.held() > 0);
        }
        // Nobody reads what is written now.
        pipes[SERVER].is_closed = true;
        self.inputs += 1;
        broker.handle_closed(now, *id);
        self.model.session_leaves(link, false);
        Ok(())
    }

    /// Takes events, and writes what the link takes. `true`: something.
    fn hear_client(&mut self, client: usize) -> Result<bool, Violation> {
        let now = self.model.now;
        let mut progress = false;
        while let Some(event) = self.hosts[client].client.ask(Client::poll_event) {
            progress = true;
            if let Event::Persist(persist) = event {
                let host = &mut self.hosts[client];
                host.store.take(now, host.plan.store_delay, persist);
                self.model.client_tells_transaction(client);
                continue;
            }
            let acknowledgeable = self.model.told(client, &event)?;
            let host = &mut self.hosts[client];
            match event {
                Event::Message(received) => {
                    let is_manual = host.plan.manual_acknowledgement && acknowledgeable.is_some();
                    check(received.ack.is_some() == is_manual, || "an acknowledgement is asked for, or not")?;
                    if let (Some(token), Some((id, number)), Some(wire)) =
                        (received.ack, acknowledgeable, host.link)
                    {
                        host.acks.push(Ack { token, wire, id, number });
                    }
                }
                Event::Disconnected(why) => {
                    host.is_over = true;
                    host.must_clean |= matches!(
                        why,
                        Disconnected::ProtocolError { violation: ServerViolation::SessionPresent, .. }
                    );
                }
                _ => {}
            }
        }
        self.model.told_all(client)?;
        let Some(link) = self.hosts[client].link else { return Ok(progress) };
        progress |= self.client_writes(client, link)?;
        let host = &mut self.hosts[client];
        // An orderly end waits for the store.
        if host.is_over && host.client.transmit().held() == 0 {
            host.is_over = false;
            self.links[link].pipes[SERVER].close(now, 0);
            self.client_lost(link)?;
            progress = true;
        }
        Ok(progress)
    }

    fn client_writes(&mut self, client: usize, link: usize) -> Result<bool, Violation> {
        let now = self.model.now;
        if self.hosts[client].client.rests() {
            return Ok(false);
        }
        let mut progress = false;
        let pipe = &mut self.links[link].pipes[SERVER];
        loop {
            let room = pipe.room();
            let transmit = self.hosts[client].client.give(("write", room)).transmit();
            let chunk = transmit.chunk();
            let chunk = &chunk[..chunk.len().min(room)];
            if chunk.is_empty() {
                break;
            }
            self.model.written(link, Direction::Up, chunk)?;
            pipe.write(now, chunk);
            let len = chunk.len();
            transmit.advance(len);
            progress = true;
        }
        if progress && self.links[link].is_paused[CLIENT] {
            self.offer(link, Direction::Down)?;
        }
        Ok(progress)
    }

    /// The Client's end of a transport is gone: what it had to write is lost.
    pub(super) fn client_lost(&mut self, link: usize) -> Result<(), Violation> {
        let now = self.now();
        let Link { client, is_open, pipes, .. } = &mut self.links[link];
        let client = *client;
        pipes[CLIENT].is_closed = true;
        if !std::mem::replace(&mut is_open[CLIENT], false) {
            return Ok(());
        }
        let machine = self.hosts[client].client.give(("lost", now));
        while let Some(lost) = machine.transmit().pop() {
            self.model.written(link, Direction::Up, &lost)?;
        }
        self.inputs += 1;
        machine.handle_closed(now);
        self.hosts[client].link = None;
        self.hear_client(client)?;
        Ok(())
    }

    pub(super) fn client_stores(&mut self, client: usize) {
        let now = self.now();
        let host = &mut self.hosts[client];
        if let Some(seq) = host.store.store() {
            self.inputs += 1;
            self.model.client_stores(client);
            host.client.give(("stored", now)).handle_persisted(now, seq);
        }
    }

    pub(super) fn broker_stores(&mut self) {
        if let Some(seq) = self.store.store() {
            self.inputs += 1;
            self.model.server_stores();
            let now = self.now();
            self.broker.give(("stored", now)).handle_persisted(now, seq);
        }
    }

    pub(super) fn client_timeout(&mut self, client: usize) -> Result<(), Violation> {
        let now = self.now();
        self.inputs += 1;
        let machine = &mut self.hosts[client].client;
        if matches!(machine.poll_timeout(), Some((at, Timer::Pingreq)) if at <= now) {
            self.model.pings(client);
        }
        machine.handle_timeout(now);
        check(machine.poll_timeout().is_none_or(|(at, _)| at > now), || {
            format!("the timeout of C{client} does not move on")
        })
    }
}

/// Visible or not.
fn waiting_bytes(transmit: &mut Transmit) -> usize {
    transmit.remaining() + transmit.held()
}
