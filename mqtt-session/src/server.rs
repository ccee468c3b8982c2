//! The Server's side: one [`Connection`] for each Network Connection, one [`Session`] for each Client, which outlives it.
//!
//! Whatever the two do to each other is here; what needs to know of other Sessions is the [broker](crate::Broker)'s.

mod connection;
mod outgoing;
mod queue;
mod session;

pub(crate) use self::connection::{Connection, DeclaredWill, Link, Phase};
pub(crate) use self::outgoing::{Group, Identifiers, Outgoing};
pub(crate) use self::queue::QueueLimits;
pub(crate) use self::session::{DelayedWill, RetainedWalk, Session, SessionId};
