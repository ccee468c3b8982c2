//! The oracle: what sections 4.1 to 4.10 promise, worked out from the packets that were written and consumed.
//!
//! It knows the Sessions and subscriptions, which message is due to whom, in which order, and which QoS 2 identifiers are
//! held; it is told what the applications are told; and it says where the two differ. Nothing is tolerated as such:
//!
//! - What the Server may drop (a full queue, a full connection at QoS 0, a packet that is too large) is paid from what its
//!   notices have counted, cause by cause, and a notice must be plausible.
//! - What expires had a Message Expiry Interval that is over.
//! - Where Client and Server go on with two different Sessions without a way to know, nothing is promised any more, and
//!   the run ends ([`Model::is_void`]): a 3.x Client that has thrown its state away and comes back without Clean Session; a
//!   3.1 Server that has lost the Session; a CONNECT with Clean Start that the network delivers after a later one.

mod client;
mod essence;
mod server;

use std::collections::{BTreeMap, VecDeque};

use mqtt_session::codec::{Delivery, Packet, ProtocolVersion, QoS};
use mqtt_session::{PublishToken, RequestToken};

use self::server::{Copies, Server};
use super::exchange::{Exchanges, Published};
use super::plan::{BrokerPlan, ClientPlan, Direction, TOPICS};
use super::trace::Trace;
use super::wire::{Fact, Limits, Wire};
use super::{Violation, check};

/// Who may take part, at most.
pub const CLIENTS: usize = 3;

/// The reference model, and what has been seen so far.
#[derive(Clone, Debug)]
pub struct Model {
    /// What was seen.
    pub trace: Trace,
    /// The time.
    pub now: u64,
    broker: BrokerPlan,
    /// All messages, by number.
    pub publications: Vec<Publication>,
    /// The Clients.
    pub parties: Vec<Party>,
    server: Server,
    /// The Server as it was when each transaction was told that is not known to be stored.
    kept: VecDeque<Server>,
    /// As what it would come back.
    stored: Server,
    /// Messages of Clients that the Server has taken over, and how often more than it has told.
    untold: BTreeMap<u32, i32>,
    /// All connections, by number.
    pub wires: Vec<Wire>,
    eras: u32,
    states: u32,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The Client that publishes it; `None`: the Server.
    pub publisher: Option<usize>,
    topic: u8,
    qos: QoS,
    retain: bool,
    size: usize,
    expiry: Option<u32>,
    published_at: u64,
    is_started: bool,
    /// The Server has answered it.
    is_answered: bool,
    /// To whom it was due then, and until when.
    answered: [Copies; CLIENTS],
    answered_until: Option<u64>,
    /// Its publisher has been told that the Session was lost.
    was_lost: bool,
    /// The Session it was published in was lost by one side: it may have been taken over more than once, or never.
    is_forgiven: bool,
    received: [Received; CLIENTS],
}

/// What a Client has made of the copies of a message.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Received {
    /// Of this Session.
    era: u32,
    delivered: u32,
    /// QoS 2: acknowledged for good.
    accepted: u32,
    is_refused: bool,
}

/// The Client's side.
#[derive(Clone, Debug)]
pub struct Party {
    /// Its limits and habits.
    pub plan: ClientPlan,
    exchanges: Exchanges,
    /// The QoS 2 identifiers it holds.
    accepted: Vec<u16>,
    /// Messages its application is about to be told of.
    expected: VecDeque<Expected>,
    /// Its connection.
    pub wire: Option<usize>,
    session_present: Option<bool>,
    is_connected: bool,
    expiry: u32,
    /// Which of its Session States it has; never twice.
    state: u32,
    is_losing: bool,
    was_told_of_loss: bool,
    tokens: Vec<(PublishToken, u32)>,
    requests: Vec<(RequestToken, bool)>,
    last_started: Option<u32>,
    /// It goes on with another Session than the Server, see [`Model`].
    is_void: bool,
    /// It as it was when each transaction was told that is not known to be stored.
    kept: VecDeque<Kept>,
    /// As what it would come back.
    stored: Kept,
    /// QoS 2 messages acknowledged since `stored`: number and Session.
    uncommitted: Vec<(u32, u32)>,
    has_crashed: bool,
}

/// What of a Client survives a crash.
#[derive(Clone, Debug, Default, Hash)]
struct Kept {
    exchanges: Exchanges,
    accepted: Vec<u16>,
    tokens: Vec<(PublishToken, u32)>,
    state: u32,
    /// How many of the uncommitted acknowledgements are in it.
    committed: usize,
}

/// A message an application is to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Expected {
    number: u32,
    id: u16,
    qos: QoS,
    dup: bool,
    retain: bool,
}

impl Model {
    /// Nothing has happened yet.
    pub fn new(broker: BrokerPlan, clients: &[ClientPlan], with_lines: bool) -> Self {
        Self {
            trace: Trace::new(with_lines),
            now: 0,
            broker,
            publications: Vec::new(),
            parties: clients.iter().map(|plan| Party::new(*plan)).collect(),
            server: Server::new(clients.len()),
            kept: VecDeque::new(),
            stored: Server::new(clients.len()),
            untold: BTreeMap::new(),
            wires: Vec::new(),
            eras: 0,
            states: 0,
        }
    }

    /// A message is made; its number.
    pub fn make(
        &mut self,
        publisher: Option<usize>,
        topic: u8,
        qos: QoS,
        retain: bool,
        size: usize,
        expiry: Option<u32>,
    ) -> u32 {
        self.publications.push(Publication {
            publisher,
            topic,
            qos,
            retain,
            size,
            expiry,
            published_at: self.now,
            is_started: false,
            is_answered: false,
            answered: [Copies::default(); CLIENTS],
            answered_until: None,
            was_lost: false,
            is_forgiven: false,
            received: [Received::default(); CLIENTS],
        });
        self.server.makes();
        (self.publications.len() - 1) as u32
    }

    /// Both ends of a connection are gone: what was under way in it has no influence any more.
    pub fn forget(&mut self, wire: usize) {
        let limits = self.wires[wire].limits;
        let Wire { client, version, era, is_present, clean_start, has_begun, state, will, .. } =
            self.wires[wire];
        self.wires[wire] = Wire {
            era,
            is_present,
            has_begun,
            will,
            clean_start,
            state,
            ..Wire::new(client, version, limits)
        };
    }

    /// Client and Server go on with two different Sessions, and cannot know it.
    pub fn is_void(&self) -> bool {
        self.parties.iter().any(|party| party.is_void)
    }

    /// The number the next message gets.
    pub const fn next_number(&self) -> u32 {
        self.publications.len() as u32
    }

    fn limits(&self, client: usize) -> [Limits; 2] {
        let plan = &self.parties[client].plan;
        let is_v5 = plan.version == ProtocolVersion::V5_0;
        let of = |asked: u16, own: u16| if is_v5 { asked.min(own) } else { own };
        [
            Limits {
                quota: of(self.broker.receive_maximum, plan.in_flight),
                packet_size: self.broker.packet_size as usize,
                aliases: if is_v5 { self.broker.aliases_in } else { 0 },
            },
            Limits {
                quota: of(plan.receive_maximum, self.broker.in_flight),
                packet_size: plan.packet_size as usize,
                aliases: if is_v5 { plan.topic_alias_maximum } else { 0 },
            },
        ]
    }

    /// One end of a connection has written bytes.
    pub fn written(&mut self, wire: usize, direction: Direction, bytes: &[u8]) -> Result<(), Violation> {
        self.trace.mix(self.now << 8 | (wire as u64) << 1 | direction as u64);
        self.trace.mix_bytes(bytes);
        self.wires[wire].ways[direction as usize].write(bytes)?;
        loop {
            let Self { wires, trace, now, publications, .. } = self;
            let Wire { ways, limits, client, .. } = &mut wires[wire];
            let fact = ways[direction as usize].next_written(limits[direction as usize], |packet| {
                trace.line(*now, || {
                    let arrow = if direction == Direction::Up { '>' } else { '<' };
                    format!("C{client}{arrow}S {}", describe(packet, publications))
                });
            })?;
            match (fact, direction) {
                (None, _) => return Ok(()),
                (Some(fact), Direction::Up) => self.client_sent(wire, fact)?,
                (Some(fact), Direction::Down) => self.server_sent(wire, fact)?,
            }
        }
    }

    /// The end a direction leads to has consumed bytes.
    pub fn consumed(&mut self, wire: usize, direction: Direction, bytes: usize) -> Result<(), Violation> {
        if bytes == 0 {
            return Ok(());
        }
        self.trace.mix(self.now << 8 | 0x80 | (wire as u64) << 1 | direction as u64);
        self.trace.mix(bytes as u64);
        let way = &mut self.wires[wire].ways[direction as usize];
        way.consume(bytes);
        while let Some(fact) = self.wires[wire].ways[direction as usize].next_consumed() {
            match direction {
                Direction::Up => self.server_received(wire, fact)?,
                Direction::Down => self.client_received(wire, fact)?,
            }
        }
        self.wires[wire].ways[direction as usize].check_consumed()
    }

    /// How many bytes of whole packets have been written on the last connection of a Client.
    pub fn bytes_written(&self, client: usize, direction: Direction) -> usize {
        let last = self.wires.iter().rfind(|wire| wire.client == client);
        last.map_or(0, |wire| wire.ways[direction as usize].written())
    }

    /// A PUBLISH as the rules of exchanges want to know it.
    fn published(
        &self,
        wire: usize,
        direction: Direction,
        number: u32,
        delivery: Delivery,
        is_retained: bool,
    ) -> Option<Published> {
        let limits = self.wires[wire].limits[direction as usize];
        Some(Published {
            id: delivery.packet_id()?.get(),
            number,
            qos: delivery.qos(),
            dup: delivery.dup(),
            connection: wire as u32,
            quota: limits.quota,
            is_retained,
            may_be_too_large: self.may_exceed(number, limits),
        })
    }

    /// Whether the PUBLISH of a message, with everything that can be in it, is larger than this.
    fn may_exceed(&self, number: u32, limits: Limits) -> bool {
        let publication = &self.publications[number as usize];
        // Fixed header, topic, identifier, and the properties: length, Message Expiry Interval, alias.
        let len =
            5 + 2 + TOPICS[usize::from(publication.topic)].len() + 2 + 1 + 5 + 3 + publication.size.max(4);
        len > limits.packet_size
    }

    /// What both ends owe each other for what the receiver of `direction` answers, in its own direction.
    fn answered(&mut self, wire: usize, direction: Direction, fact: Fact) -> Result<(), Violation> {
        let way = &mut self.wires[wire].ways[direction.opposite() as usize];
        let (answered, qos) = match fact {
            Fact::Puback { id } => (id, QoS::AtLeastOnce),
            Fact::Pubrec { id, .. } => (id, QoS::ExactlyOnce),
            Fact::Pubcomp { id } => {
                return check(way.completions.pop_front() == Some(id), || {
                    format!("PUBCOMP id={id} without its PUBREL, or out of order")
                });
            }
            _ => return Ok(()),
        };
        let Some(answer) = way.answers.pop_front() else {
            return Err(Violation::new(format!("an answer to PUBLISH id={answered}, which nobody has sent")));
        };
        check((answer.id, answer.qos) == (answered, qos), || {
            format!("an answer to PUBLISH id={answered} q{qos} instead of id={} q{}", answer.id, answer.qos)
        })?;
        if direction == Direction::Down {
            let publication = &mut self.publications[answer.number as usize];
            publication.is_answered = true;
            let routing = &self.server.routing[answer.number as usize];
            publication.answered = routing.copies;
            publication.answered_until = routing.expires_at;
        }
        check(answer.is_ready, || format!("PUBLISH id={answered} is answered before it is acknowledged"))
    }

    /// All is quiet, and every Client that keeps a Session is connected to it.
    pub fn finish(&mut self) -> Result<(), Violation> {
        for client in 0..self.parties.len() {
            if let Some(wire) = self.server.sessions[client].connection {
                self.server.sessions[client].exchanges.all_sent(wire as u32);
                self.gave_up(wire);
            }
        }
        self.check_dropped()?;
        for (client, party) in self.parties.iter().enumerate() {
            self.finish_client(client, party)?;
            self.finish_session(client)?;
        }
        self.finish_shared()?;
        for (number, publication) in self.publications.iter().enumerate() {
            let routing = &self.server.routing[number];
            check(
                publication.qos != QoS::ExactlyOnce || routing.routed <= 1 || publication.is_forgiven,
                || format!("#{number} has been taken over {} times", routing.routed),
            )?;
            for (client, copies) in routing.copies.iter().enumerate().take(self.parties.len()) {
                let session = &self.server.sessions[client];
                let received = &publication.received[client];
                let is_due = copies.due > 0
                    && copies.era == session.era
                    && session.exists
                    && !copies.is_skipped
                    && !session.is_waiting(number as u32)
                    && !received.is_refused;
                let count =
                    if copies.qos == QoS::ExactlyOnce { received.accepted } else { received.delivered };
                check(!is_due || received.era == session.era && count > 0, || {
                    format!("#{number} has never arrived at C{client}")
                })?;
            }
        }
        Ok(())
    }
}

fn describe(packet: &Packet<'_>, publications: &[Publication]) -> String {
    match packet {
        Packet::Publish(publish) => match super::wire::number(publish.payload) {
            Ok(number) if (number as usize) < publications.len() => format!("{packet} #{number}"),
            _ => packet.to_string(),
        },
        _ => packet.to_string(),
    }
}
