//! One recorded conversation, and a fault at each place of it.
//!
//! C0 publishes at every QoS to C1. The conversation is recorded once, without a fault. Then it is had again as often as it has
//! bytes, or transactions: each time one link breaks after one more byte of one direction, or one machine crashes when one more
//! of its transactions is stored. Whatever is lost, the oracle has to be content in the end.

use mqtt_session::codec::{ProtocolVersion, QoS};

use super::plan::{BrokerPlan, ClientPlan, Direction, Operation, Plan};
use super::{Violation, World, check};

const PUBLISHER: usize = 0;
const SUBSCRIBER: usize = 1;

/// A fault, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// After so many bytes from CONNECT on, in this direction of the connection of this Client.
    Cut {
        client: usize,
        direction: Direction,
        bytes: usize,
    },
    /// When a machine (`None`: the Server) has told so many transactions; the last is stored, or not.
    Crash {
        client: Option<usize>,
        told: usize,
        is_stored: bool,
    },
}

/// How many runs there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// One for each byte in each direction of each connection.
    pub cuts: usize,
    /// Two for each transaction of each machine: it is stored, or not.
    pub crashes: usize,
}

/// Has the conversation with all faults.
///
/// # Errors
/// The first violation, and the fault that brought it.
pub fn all_faults(version: ProtocolVersion) -> Result<Counts, Violation> {
    let mut counts = Counts::default();
    let recorded = converse(version, Fault::None, false)?;
    for client in [PUBLISHER, SUBSCRIBER] {
        for direction in Direction::ALL {
            for bytes in 1..=recorded.model.bytes_written(client, direction) {
                counts.cuts += 1;
                attempt(version, Fault::Cut { client, direction, bytes }, false)?;
            }
        }
    }
    let recorded = converse(version, Fault::None, true)?;
    for client in [None, Some(PUBLISHER), Some(SUBSCRIBER)] {
        for told in 1..=recorded.told(client) {
            for is_stored in [false, true] {
                counts.crashes += 1;
                attempt(version, Fault::Crash { client, told, is_stored }, true)?;
            }
        }
    }
    Ok(counts)
}

fn attempt(version: ProtocolVersion, fault: Fault, durable: bool) -> Result<(), Violation> {
    let mut world = converse(version, fault, durable)?;
    let has_come = match fault {
        Fault::None => true,
        Fault::Cut { .. } => world.cuts() > 0,
        Fault::Crash { .. } => world.crashes() > 0,
    };
    check(has_come, || format!("{version} {fault:?} has not come"))?;
    world.finish().map_err(|violation| {
        violation.context(&format!("{version} {fault:?}\n{}\n", world.model.trace.lines().join("\n")))
    })
}

fn converse(version: ProtocolVersion, fault: Fault, durable: bool) -> Result<World, Violation> {
    // Two at a time, so that something waits.
    let client = ClientPlan { durable, in_flight: 2, ..ClientPlan::persistent(version) };
    let broker = BrokerPlan { durable, in_flight: 2, ..BrokerPlan::WIDE };
    let plan = Plan { seed: 0, broker, clients: vec![client; 2], has_narrow_links: false, steps: Vec::new() };
    let mut world = World::new(&plan, true).with_plain_links();
    for client in [SUBSCRIBER, PUBLISHER] {
        world.act(client, Operation::Connect { clean_start: false })?;
        if let Fault::Cut { client: cut, direction, bytes } = fault
            && cut == client
        {
            world.act(client, Operation::CutAfter { direction, bytes: bytes as u16 })?;
        }
        move_on(&mut world, fault)?;
    }
    let everything =
        Operation::Subscribe { filter: 1, qos: QoS::ExactlyOnce, no_local: false, retained: false };
    world.act(SUBSCRIBER, everything)?;
    move_on(&mut world, fault)?;
    for qos in [2, 1, 2, 0, 2, 1] {
        let publish =
            Operation::Publish { topic: 0, qos: QoS::ALL[qos], retain: false, expiry: None, size: 8 };
        world.act(PUBLISHER, publish)?;
    }
    move_on(&mut world, fault)?;
    Ok(world)
}

/// Until nothing moves, or the fault comes.
fn move_on(world: &mut World, fault: Fault) -> Result<(), Violation> {
    loop {
        if let Fault::Crash { client, told, is_stored } = fault
            && world.told(client) >= told
            && world.unstored(client) > 0
            && world.crashes() == 0
        {
            match client {
                Some(client) => world.crash_client(client, is_stored.into())?,
                None => world.crash_server(is_stored.into())?,
            }
            world.settle()?;
        }
        if !world.happen_next()? {
            return Ok(());
        }
    }
}
