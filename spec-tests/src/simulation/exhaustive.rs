//! Every interleaving of a small scope, with the real machines.
//!
//! Two Clients of one version keep their Sessions. C1 has subscribed to everything with QoS 2; C0 publishes some messages, in
//! a fixed order. From there, at each state, everything that can happen next happens:
//!
//! - C0 publishes its next message;
//! - the next packet of one direction of one link arrives, or the end of the stream behind the last one;
//! - a link breaks: what is under way in it is lost, and both ends are told (so many cuts in all);
//! - a Client without a connection connects;
//! - a machine crashes (so many crashes in all; with crashes, all three are durable): as it is, or when it has been given a
//!   packet or a message and before the changes that come of it are stored, or after they are stored and before it knows.
//!
//! What is told to be stored is stored at once otherwise. A slower store adds nothing: a machine that crashes with the changes
//! of some inputs unstored has shown nothing of them (but QoS 0 messages), as if these inputs had been lost on the way.
//!
//! A state that has been seen is not looked at again. It is known by a hash of 128 bits of what has an influence on what comes: of the
//! machines, the links, the stores and the model, but not what only counts what has happened, nor what connections are numbered, nor,
//! once nothing can crash any more, what is stored. What that is in particular, and why, is said of a machine in `world/essence.rs`,
//! of [the model](super::Model::write_state) and of [the links](World::write_state). Where nothing is left but faults, the oracle judges
//! the end. Time stands still.
//!
//! Where the order of two steps makes no difference, one order is enough, unless [all](Scope::all_orders) are asked for: `order.rs` says when.
//! Whether what is left out may be left out is [checked](check) by comparison.
//!
//! Links deliver whole packets, because the machines act on whole packets only: a part of one changes nothing, and a link that
//! breaks within a packet has, for its receiver, broken before it. That the bytes of a packet may arrive in any pieces is
//! tested elsewhere, as are delays, time-outs and an end that learns late of a cut: the sweep has them.

pub mod check;
mod order;
mod search;

use std::hash::Hash;

use mqtt_session::codec::{ProtocolVersion, QoS};

use self::order::Fault;
use self::search::Search;
use super::digest::Digest;
use super::plan::{BrokerPlan, ClientPlan, Direction, Operation, Plan, Step};
use super::tables::Outcomes;
use super::{Violation, World};

const PUBLISHER: usize = 0;
const SUBSCRIBER: usize = 1;
const SERVER: usize = 2;

/// What is enumerated.
#[derive(Clone, Debug)]
pub struct Scope {
    /// What both Clients speak.
    pub version: ProtocolVersion,
    /// The messages, in order.
    pub messages: Vec<QoS>,
    /// How many links break.
    pub cuts: usize,
    /// How many machines crash; with 0 nothing is durable.
    pub crashes: usize,
    /// How many messages may be unacknowledged, on each of the ways.
    pub window: u16,
    /// Every order is tried, even where it makes no difference.
    pub all_orders: bool,
}

/// How large a scope was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Different states.
    pub states: usize,
    /// Ways from one to another.
    pub transitions: usize,
    /// States in which nothing is left but faults.
    pub ends: usize,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Publish,
    Deliver {
        link: u8,
        direction: Direction,
    },
    Connect {
        client: u8,
    },
    Cut {
        link: u8,
    },
    /// `None`: the Server.
    Crash {
        client: Option<u8>,
    },
    /// The message is published, and the Client crashes; of the changes so many transactions are stored.
    PublishAndCrash {
        stored: u8,
    },
    /// The packet arrives, and who gets it crashes.
    DeliverAndCrash {
        link: u8,
        direction: Direction,
        stored: u8,
    },
}

impl Choice {
    const fn is_fault(self) -> bool {
        !matches!(self, Self::Publish | Self::Deliver { .. } | Self::Connect { .. })
    }
}

/// A state, what is left of the budgets, and how it was reached.
#[derive(Clone)]
struct Run<'s> {
    scope: &'s Scope,
    world: World,
    published: usize,
    cuts: usize,
    crashes: usize,
    fault: Fault,
    /// Who has: the Clients, the Server.
    crashed: [bool; 3],
    path: Vec<Choice>,
}

/// Enumerates a scope with so many threads. `progress` is told now and then how many states there are so far.
///
/// # Errors
/// A violation, with the choices that lead to it.
pub fn enumerate(scope: &Scope, threads: usize, progress: impl Fn(usize) + Sync) -> Result<Size, Violation> {
    Search::new(threads, &progress).run(Run::begin(scope, false)?)
}

/// Runs the path again, with a trace.
fn explain(scope: &Scope, path: &[Choice], violation: Violation) -> Violation {
    let Ok(mut run) = Run::begin(scope, true) else { return violation };
    let _ = path.iter().try_for_each(|choice| run.act(*choice));
    let lines = run.world.model.trace.lines().join("\n");
    violation.context(&format!("{scope:?}\n{path:?}\n{lines}\n"))
}

impl<'s> Run<'s> {
    fn begin(scope: &'s Scope, with_lines: bool) -> Result<Self, Violation> {
        let durable = scope.crashes > 0;
        let client = ClientPlan {
            durable,
            in_flight: scope.window,
            receive_maximum: scope.window,
            ..ClientPlan::persistent(scope.version)
        };
        let broker = BrokerPlan {
            durable,
            in_flight: scope.window,
            receive_maximum: scope.window,
            ..BrokerPlan::WIDE
        };
        let plan =
            Plan { seed: 0, broker, clients: vec![client; 2], has_narrow_links: false, steps: Vec::new() };
        let mut world = World::new(&plan, with_lines).with_plain_links();
        let step = |client: usize, operation| Step { wait: 0, client: client as u8, operation };
        for client in [SUBSCRIBER, PUBLISHER] {
            world.step(&step(client, Operation::Connect { clean_start: false }))?;
            world.pass(0)?;
        }
        let subscribe =
            Operation::Subscribe { filter: 0, qos: QoS::ExactlyOnce, no_local: false, retained: false };
        world.step(&step(SUBSCRIBER, subscribe))?;
        world.pass(0)?;
        world.store_all()?;
        world.tidy();
        let Scope { cuts, crashes, .. } = *scope;
        Ok(Self {
            scope,
            world,
            published: 0,
            cuts,
            crashes,
            fault: Fault::Any,
            crashed: [false; 3],
            path: Vec::new(),
        })
    }

    /// What is tried here, faults last: everything that can happen, or as much of it as is enough.
    fn choices(&self) -> Vec<Choice> {
        let steps = self.steps();
        if self.fault == Fault::Any {
            return self.with_faults(steps);
        }
        let enough = self.enough(steps.clone());
        if enough.len() < steps.len() { enough } else { self.with_faults(steps) }
    }

    /// Everything that can happen but faults.
    fn steps(&self) -> Vec<Choice> {
        let mut steps = Vec::new();
        for &link in self.world.live() {
            for direction in Direction::ALL {
                if self.world.next_packet(link, direction).is_some() {
                    steps.push(Choice::Deliver { link: link as u8, direction });
                }
            }
        }
        for client in [PUBLISHER, SUBSCRIBER] {
            if self.world.link(client).is_none() {
                steps.push(Choice::Connect { client: client as u8 });
            }
        }
        if self.published < self.scope.messages.len() {
            steps.push(Choice::Publish);
        }
        steps
    }

    /// And the faults there may be.
    fn with_faults(&self, mut choices: Vec<Choice>) -> Vec<Choice> {
        if self.cuts > 0 {
            choices.extend(self.world.live().iter().map(|link| Choice::Cut { link: *link as u8 }));
        }
        if self.crashes > 0 {
            choices.extend(
                [None, Some(PUBLISHER as u8), Some(SUBSCRIBER as u8)].map(|client| Choice::Crash { client }),
            );
            for at in 0..choices.len() {
                let faults = match choices[at] {
                    Choice::Publish => [0, 1].map(|stored| Choice::PublishAndCrash { stored }),
                    Choice::Deliver { link, direction } => {
                        [0, 1].map(|stored| Choice::DeliverAndCrash { link, direction, stored })
                    }
                    _ => continue,
                };
                choices.extend(faults);
            }
        }
        choices.retain(|choice| self.fault.allows(*choice, |link| self.client_of(link)));
        choices
    }

    fn client_of(&self, link: u8) -> u8 {
        self.world.model.wires[usize::from(link)].client as u8
    }

    fn choose(&mut self, choice: Choice) -> Result<(), Violation> {
        self.path.push(choice);
        self.act(choice).map_err(|violation| explain(self.scope, &self.path, violation))
    }

    /// Whether nothing is left but faults, and none that is sure to come.
    fn is_end(&self, choices: &[Choice]) -> bool {
        match self.fault {
            Fault::Any => choices.iter().all(|choice| choice.is_fault()),
            _ => choices.is_empty(),
        }
    }

    /// Nothing is left but faults.
    fn end(mut self) -> Result<(), Violation> {
        self.world.finish().map_err(|violation| explain(self.scope, &self.path, violation))
    }

    fn act(&mut self, choice: Choice) -> Result<(), Violation> {
        if choice.is_fault() {
            self.fault = Fault::Any;
        }
        match choice {
            Choice::Publish => self.publish()?,
            Choice::Deliver { link, direction } => self.deliver(link, direction)?,
            Choice::Connect { client } => {
                self.world.connect(usize::from(client), false)?;
                self.world.settle()?;
            }
            Choice::Cut { link } => {
                self.cuts -= 1;
                self.world.cut_now(usize::from(link))?;
            }
            Choice::Crash { client } => self.crash(client.map(usize::from), 0)?,
            Choice::PublishAndCrash { stored } => {
                self.publish()?;
                self.crash(Some(PUBLISHER), stored)?;
            }
            Choice::DeliverAndCrash { link, direction, stored } => {
                let client = self.world.model.wires[usize::from(link)].client;
                self.deliver(link, direction)?;
                self.crash((direction == Direction::Down).then_some(client), stored)?;
            }
        }
        self.world.store_all()?;
        self.world.tidy();
        Ok(())
    }

    fn publish(&mut self) -> Result<(), Violation> {
        let qos = self.scope.messages[self.published];
        self.published += 1;
        let operation = Operation::Publish { topic: 0, qos, retain: false, expiry: None, size: 8 };
        self.world.act(PUBLISHER, operation)
    }

    fn deliver(&mut self, link: u8, direction: Direction) -> Result<(), Violation> {
        let link = usize::from(link);
        match self.world.next_packet(link, direction) {
            Some(0) | None => self.world.end_stream(link, direction),
            Some(bytes) => self.world.deliver(link, direction, bytes),
        }
    }

    fn crash(&mut self, client: Option<usize>, stored: u8) -> Result<(), Violation> {
        self.crashes -= 1;
        self.crashed[client.unwrap_or(SERVER)] = true;
        let stored = usize::from(stored).min(self.world.unstored(client));
        match client {
            Some(client) => self.world.crash_client(client, stored)?,
            None => self.world.crash_server(stored)?,
        }
        self.world.settle()
    }

    fn fingerprint(&mut self, outcomes: &Outcomes, (scratch, out): &mut (String, Digest)) -> u128 {
        (self.published, self.cuts, self.crashes, self.fault, self.crashed).hash(out);
        let (crashes, fault) = (self.crashes, self.fault);
        let can_crash = |machine| crashes > 0 && fault.may_crash(machine);
        self.world.write_state(can_crash, outcomes, scratch, out);
        out.take()
    }
}
