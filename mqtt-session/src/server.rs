//! The Server's side: one [`Connection`] for each Network Connection, one [`Session`] for each Client, which outlives it.
//!
//! Whatever the two do to each other is here; what needs to know of other Sessions is the [broker](crate::Broker)'s.

mod action;
mod connection;
mod outgoing;
mod parcel;
mod queue;
mod records;
mod retained;
mod session;
mod slab;
mod spares;

pub(crate) use self::action::Actions;
pub use self::action::{Action, ConnectionId, DropCause, EndCause, Notice};
pub(crate) use self::connection::{
    Authentication, Connection, DeclaredWill, Exchange, Link, Pending, Phase, Takes, TooLarge, Turn,
};
pub(crate) use self::outgoing::{Group, Identifiers, Outgoing};
pub(crate) use self::parcel::Parcel;
pub(crate) use self::records::{SessionTerms, StoredSession, StoredWill, Terms};
pub(crate) use self::retained::{Retained, RetainedMessages, RetainedWalk, put_retained, restored_retained};
pub use self::session::ClientInfo;
pub(crate) use self::session::{Ack, DelayedWill, Judge, Session};
pub(crate) use self::slab::{Key, SessionId, Slab};
pub(crate) use self::spares::Spares;

/// What may be kept for one Client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes that wait to be written.
    pub(crate) transmit: usize,
    pub(crate) queued_messages: usize,
    /// Bytes of the queue, and again of the messages under way.
    pub(crate) queued_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a broker pays for each; before CONNECT a connection may cost 1 KiB.
    #[test]
    fn sizes() {
        assert!(size_of::<Connection>() <= 136);
        assert!(size_of::<Link>() <= 96);
        assert!(size_of::<Session>() <= 336);
        assert!(size_of::<Outgoing>() <= 64);
    }
}
