//! The machines, their links and stores: what a plan does with them.

mod calls;
mod clock;
mod config;
mod driver;
mod end;
mod essence;
mod faults;
mod steering;
mod store;
mod watched;

use bytes::BytesMut;
use mqtt_session::{AckToken, AllowAll, Broker, Client, ConnectionId, Instant};

use self::config::{broker_config, client_config};
use self::store::Store;
pub use self::watched::Watched;
use super::Violation;
use super::link::Pipe;
use super::model::Model;
use super::plan::{BrokerPlan, ClientPlan, Direction, Operation, Plan, Step};

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    /// The machine under test.
    pub broker: Watched<Broker>,
    /// The machines under test.
    pub hosts: Vec<Host>,
    /// All connections, by number.
    links: Vec<Link>,
    /// Those of which an end is open.
    live: Vec<usize>,
    /// The oracle.
    pub model: Model,
    store: Store,
    seed: u64,
    broker_plan: BrokerPlan,
    crashes: usize,
    cuts: usize,
    is_plain: bool,
    has_narrow_links: bool,
    /// How often a machine was given something: bytes, time, a call of its application.
    pub inputs: u64,
}

/// A Client, and the application around it.
#[derive(Clone, Debug)]
pub struct Host {
    /// The machine under test.
    pub client: Watched<Client>,
    plan: ClientPlan,
    link: Option<usize>,
    acks: Vec<Ack>,
    is_over: bool,
    /// The Server has a Session that this Client has no state of.
    must_clean: bool,
    store: Store,
}

#[derive(Clone, Debug, Hash)]
struct Ack {
    token: AckToken,
    wire: usize,
    id: u16,
    number: u32,
}

#[derive(Clone, Debug)]
struct Link {
    client: usize,
    id: ConnectionId,
    /// The number in it, as `Debug` shows it.
    number: u64,
    /// How many inputs there were before it.
    since: u64,
    pipes: [Pipe; 2],
    arrived: [BytesMut; 2],
    is_paused: [bool; 2],
    /// Of the Client's and the Server's transport.
    is_open: [bool; 2],
    broker_writes: bool,
}

/// Which end of a link is meant, by the direction that leads to it.
const SERVER: usize = Direction::Up as usize;
const CLIENT: usize = Direction::Down as usize;

impl World {
    /// The machines of a plan, before anything happens.
    pub fn new(plan: &Plan, with_lines: bool) -> Self {
        Self {
            broker: Watched::new(Broker::new(broker_config(&plan.broker), AllowAll)),
            hosts: plan.clients.iter().map(|plan| Host::new(*plan)).collect(),
            links: Vec::new(),
            live: Vec::new(),
            model: Model::new(plan.broker, &plan.clients, with_lines),
            store: Store::default(),
            seed: plan.seed,
            broker_plan: plan.broker,
            crashes: 0,
            cuts: 0,
            is_plain: false,
            has_narrow_links: plan.has_narrow_links,
            inputs: 0,
        }
    }

    /// Does what the plan says, waits until all is quiet, and asks the oracle.
    pub fn run(&mut self, plan: &Plan) -> Result<(), Violation> {
        for step in &plan.steps {
            let done = self.step(step);
            if self.model.is_void() {
                return Ok(());
            }
            done?;
        }
        let done = self.finish();
        if self.model.is_void() { Ok(()) } else { done }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.model.now)
    }

    /// One step of a plan.
    pub fn step(&mut self, step: &Step) -> Result<(), Violation> {
        self.pass(u64::from(step.wait))?;
        self.act(usize::from(step.client), step.operation)
    }

    /// An operation without any time before it.
    pub fn act(&mut self, client: usize, operation: Operation) -> Result<(), Violation> {
        self.operate(client, operation)?;
        self.settle()
    }

    fn operate(&mut self, client: usize, operation: Operation) -> Result<(), Violation> {
        let now = self.model.now;
        match operation {
            Operation::Publish { topic, qos, retain, expiry, size } => {
                self.publish(client, topic, qos, retain, expiry.map(u32::from), usize::from(size))
            }
            Operation::Subscribe { filter, qos, no_local, retained } => {
                self.subscribe(client, filter, qos, no_local, retained)
            }
            Operation::Unsubscribe { filter } => self.unsubscribe(client, filter),
            Operation::Acknowledge { pick, refuse } => self.acknowledge(client, usize::from(pick), refuse),
            Operation::Connect { clean_start } => self.connect(client, clean_start),
            Operation::Disconnect { expiry } => {
                self.disconnect(client, expiry.map(u32::from));
                Ok(())
            }
            Operation::Cut => {
                if let Some(link) = self.hosts[client].link {
                    self.cut(link);
                }
                Ok(())
            }
            Operation::ClientLeaves { told } => self.client_leaves(client, told),
            Operation::ServerLeaves { told } => self.server_leaves(client, told),
            Operation::CutAfter { direction, bytes } => {
                if let Some(link) = self.hosts[client].link {
                    self.links[link].pipes[direction as usize].cut_after = Some(usize::from(bytes));
                }
                Ok(())
            }
            Operation::HalfClose { direction } => {
                if let Some(link) = self.hosts[client].link {
                    self.links[link].pipes[direction as usize].close(now, 0);
                }
                Ok(())
            }
            Operation::Stall { direction, millis } => {
                if let Some(link) = self.hosts[client].link {
                    self.links[link].pipes[direction as usize].stalled_until = now + u64::from(millis);
                }
                Ok(())
            }
            Operation::Jump { seconds, timers_first } => self.jump(seconds, timers_first),
            Operation::ServerPublish { topic, qos } => self.server_publish(topic, qos),
            Operation::CrashClient { stored } => {
                let pending = self.hosts[client].store.pending.len();
                self.crash_client(client, usize::from(stored) % (pending + 1))
            }
            Operation::CrashServer { stored } => {
                self.crash_server(usize::from(stored) % (self.store.pending.len() + 1))
            }
            Operation::Pass => Ok(()),
        }
    }
}

impl Host {
    fn new(plan: ClientPlan) -> Self {
        let client = Watched::new(Client::new(client_config(&plan)));
        Self {
            client,
            plan,
            link: None,
            acks: Vec::new(),
            is_over: false,
            must_clean: false,
            store: Store::default(),
        }
    }
}
