//! Clients and a broker of `mqtt-session` in one process, on virtual time, over links that fail.
//!
//! A [`Plan`] says what happens; it is made from a seed, or by a fuzzer. A [`World`] does it: the machines are the real
//! ones, driven as the contract of the crate demands; links deliver in segments, late, and break. A [`Model`] looks on: it
//! reads every byte that is written, knows which packets have been consumed, and says what has to follow.
//!
//! The same plan is the same run, to the byte: [`Outcome::hash`] tells.

#![expect(clippy::cast_possible_truncation, reason = "the numbers of a simulation are small")]

pub mod choices;
pub mod digest;
pub mod every_byte;
pub mod exchange;
pub mod exhaustive;
pub mod link;
pub mod model;
pub mod plan;
pub mod shrink;
pub mod tables;
pub mod trace;
pub mod wire;
pub mod world;

use std::fmt;

pub use self::model::Model;
pub use self::plan::Plan;
pub use self::world::World;

/// Milliseconds the Clients wait for PINGRESP.
pub const PINGRESP_TIMEOUT: u64 = 2_000;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(String);

impl Violation {
    /// What is wrong.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Says where, too.
    #[must_use = "it is returned"]
    pub fn context(self, of: &str) -> Self {
        Self(format!("{of}: {}", self.0))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// A violation unless something holds.
pub(crate) fn check<S: Into<String>>(holds: bool, what: impl FnOnce() -> S) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(what())) }
}

/// How a run went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Of everything that was written, consumed and told.
    pub hash: u64,
    /// How often a machine was given something.
    pub inputs: u64,
    /// It ended early, because nothing was promised any more.
    pub is_void: bool,
    /// What went wrong.
    pub violation: Option<Violation>,
    /// The trace, when it was asked for.
    pub lines: Vec<String>,
}

/// Runs a plan.
pub fn run(plan: &Plan, with_lines: bool) -> Outcome {
    let mut world = World::new(plan, with_lines);
    let violation = world.run(plan).err();
    Outcome {
        hash: world.model.trace.hash(),
        inputs: world.inputs,
        is_void: world.model.is_void(),
        violation,
        lines: world.model.trace.lines().to_vec(),
    }
}
