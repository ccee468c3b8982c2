//! What is missing, and what the Server says of it.

use mqtt_session::codec::DisconnectReason;
use mqtt_session::{DropCause, EndCause, Notice};

use super::super::Model;
use super::Server;
use crate::simulation::plan::Direction;
use crate::simulation::{Violation, check};

/// What did not reach the Session, and what the notices say of that.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Dropped {
    pub(super) queue_full: u64,
    pub(super) transmit_full: u64,
    pub(super) too_large: u64,
    /// Missing: QoS 1 and 2, QoS 0; and those that may have been too large.
    pub(super) queued: u64,
    pub(super) lossy: u64,
    pub(super) large: u64,
}

impl Dropped {
    /// What is missing has been told.
    pub(super) fn check(self) -> Result<(), Violation> {
        check(self.queued <= self.queue_full, || "a QoS 1 or 2 message is left out without a notice")?;
        check(self.lossy <= self.transmit_full, || "a QoS 0 message is left out without a notice")?;
        check(
            self.large + self.queued + self.lossy <= self.too_large + self.queue_full + self.transmit_full,
            || "a message is left out without a notice",
        )
    }
}

impl Model {
    /// What has been left out has been told by now.
    pub fn check_dropped(&self) -> Result<(), Violation> {
        for (client, session) in self.server.sessions.iter().enumerate() {
            session.dropped.check().map_err(|violation| violation.context(&format!("C{client}")))?;
        }
        Ok(())
    }

    /// The broker tells its operator something. `is_full`: whether too much waits to be written to a Client.
    pub fn noticed(&mut self, notice: &Notice, is_full: impl FnOnce(usize) -> bool) -> Result<(), Violation> {
        match notice {
            Notice::MessageDropped { client_id, cause, count } => {
                self.trace.line(self.now, || format!("* {notice}"));
                let Some(client) =
                    client_id.strip_prefix('C').and_then(|number| number.parse::<usize>().ok())
                else {
                    return Err(Violation::new(format!("a notice of {client_id:?}, who is nobody")));
                };
                let limits = self.limits(client)[Direction::Down as usize];
                let Server { sessions, dropped, too_large, .. } = &mut self.server;
                let session = &mut sessions[client];
                // It may be told of the Session before.
                let is_new = !session.exists || session.began_at == self.now;
                match cause {
                    DropCause::QueueFull => {
                        dropped[client] += count;
                        session.dropped.queue_full += count;
                        let is_full =
                            session.was_member || is_new || session.due.len() > self.broker.queued_messages;
                        check(is_full, || {
                            format!("a message to C{client} is dropped, but its queue is not full")
                        })
                    }
                    DropCause::TransmitFull => {
                        session.dropped.transmit_full += count;
                        check(is_full(client), || {
                            format!("a message to C{client} is dropped, but not much waits to be written")
                        })
                    }
                    _ => {
                        too_large[client] += count;
                        session.dropped.too_large += count;
                        check(limits.packet_size < 10_000, || {
                            format!("a message to C{client} is dropped, but nothing is too large for it")
                        })
                    }
                }
            }
            Notice::Ended { cause, .. } => {
                self.trace.line(self.now, || format!("* {notice}"));
                let is_fair = matches!(
                    cause,
                    EndCause::ConnectTimeout
                        | EndCause::Reason(
                            DisconnectReason::SessionTakenOver | DisconnectReason::KeepAliveTimeout
                        )
                );
                check(is_fair, || {
                    format!("the Server ends a connection for what its Client has not done: {cause}")
                })
            }
            _ => Err(Violation::new(format!("{notice}"))),
        }
    }
}
