//! The end of connections and Sessions, and what comes with it: Wills, takeover, expiry.

use alloc::sync::Arc;
use core::time::Duration;

use mqtt_codec::{Disconnect, DisconnectReason, Packet, PacketId, ProtocolVersion};

use super::timers::TimerKey;
use super::will::{End, WillFate, will_fate};
use super::{Broker, Policy, State};
use crate::delivery::first_delivery;
use crate::server::{
    Action, ConnectionId, DeclaredWill, DelayedWill, EndCause, Notice, Parcel, Phase, SessionId, StoredWill,
};
use crate::{Instant, Message};

impl<P: Policy> Broker<P> {
    /// The peer broke a rule, or one of our limits.
    pub(super) fn violated(&mut self, now: Instant, connection: ConnectionId, reason: DisconnectReason) {
        self.end(now, connection, End::Lost, Some(EndCause::Reason(reason)));
    }

    pub(super) fn handle_disconnect(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        session: SessionId,
        disconnect: &Disconnect<'_>,
    ) {
        if let Some(expiry) = disconnect.properties.session_expiry_interval() {
            let link = self.state.connections.get(connection).and_then(|state| state.link());
            if expiry != 0 && link.is_some_and(|link| link.connect_expiry == 0) {
                // A Session that was to end cannot be kept after all (section 3.14.2.2.2).
                return self.violated(now, connection, DisconnectReason::ProtocolError);
            }
            if let Some(session) = self.state.sessions.get_mut(session) {
                session.expiry = expiry.min(self.state.config.maximum_session_expiry);
            }
        }
        let end = match disconnect.reason {
            DisconnectReason::NormalDisconnection => End::Disconnect,
            _ => End::DisconnectWithWill,
        };
        self.end(now, connection, end, None);
    }

    /// Ends a connection, in whatever phase it is. With a cause it is the broker's doing, and a 5.0 Client is told.
    pub(super) fn end(&mut self, now: Instant, connection: ConnectionId, end: End, cause: Option<EndCause>) {
        self.abandon(connection);
        let state = &mut self.state;
        let Some(ended) = state.connections.get_mut(connection) else { return };
        if matches!(ended.phase, Phase::Closed) {
            return;
        }
        if let Some(cause) = cause {
            let reason = match cause {
                EndCause::Reason(reason) => Some(reason),
                EndCause::Malformed(error) => Some(error.disconnect_reason()),
                EndCause::ConnectTimeout => None,
            };
            let version = ended.link().map(|link| link.version);
            // No DISCONNECT before CONNACK `[MQTT-3.14.0-1]`.
            if let (Some(reason), Some(ProtocolVersion::V5_0)) = (reason, version) {
                // A Client that takes no packet of this size is told nothing.
                let _ = ended.send(&Packet::Disconnect(Disconnect::new(reason)), &mut state.actions);
            }
        }
        ended.transmit.close();
        let phase = core::mem::replace(&mut ended.phase, Phase::Closed);
        state.timers.arm(TimerKey::Connection(connection), &mut ended.timer, None);
        state.actions.push_back(Action::Close(connection));
        if let Some(cause) = cause {
            state.notice(Notice::Ended { connection, cause });
        }
        if let Phase::Connected(link) = phase {
            self.leave(now, link.session, link.will, end);
        }
    }

    /// The Session goes on without connection, or ends with it.
    pub(super) fn leave(&mut self, now: Instant, id: SessionId, will: Option<DeclaredWill>, end: End) {
        let State { sessions, actions, .. } = &mut self.state;
        let Some(session) = sessions.get_mut(id) else { return };
        session.connection = None;
        session.walk_rests = false;
        let expiry = session.expiry;
        if expiry != u32::MAX {
            session.expires_at = Some(now + Duration::from_secs(expiry.into()));
        }
        session.session_log(actions).terms(&session.terms());
        if let Some(will) = will {
            match will_fate(end, will.delay, expiry, now) {
                WillFate::Discard => session.session_log(actions).will_gone(),
                WillFate::Publish => {
                    session.session_log(actions).will_gone();
                    self.publish_will(now, id, &will.message);
                }
                WillFate::Delay(at) => {
                    let DeclaredWill { message, delay } = will;
                    session.session_log(actions).will(&StoredWill {
                        message: Arc::clone(&message),
                        delay,
                        at: Some(at),
                    });
                    session.will = Some(DelayedWill { message, delay, at });
                }
            }
        }
        if expiry == 0 {
            self.end_session(now, id);
        } else {
            self.state.arm_session(id);
        }
    }

    /// Forgets a Session without connection. Its Will, if one waits, is published `[MQTT-3.1.3-9]`; messages of Shared
    /// Subscriptions go to other members.
    pub(super) fn end_session(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.state.sessions.get_mut(id) else { return };
        if let Some(will) = session.will.take() {
            self.publish_will(now, id, &will.message);
        }
        let Self { state, policy } = self;
        let Some(mut session) = state.sessions.remove(id) else { return };
        state.timers.arm(TimerKey::Session(id), &mut session.timer, None);
        state.by_client_id.remove(&session.client_id);
        state.subscriptions.remove_subscriber(&id);
        session.session_log(&mut state.actions).ended();
        state.hand_over(policy, now, session.into_shared_messages());
    }

    pub(super) fn handle_connection_timeout(&mut self, now: Instant, connection: ConnectionId) {
        let state = &mut self.state;
        let is_behind = state.is_store_behind();
        let Some(silent) = state.connections.get_mut(connection) else { return };
        silent.timer = None;
        if is_behind && silent.paused {
            // Nobody listens to it.
            silent.heard(now);
        }
        let cause = match silent.link().map(|link| link.watchdog.deadline()) {
            None => EndCause::ConnectTimeout,
            Some(Some(deadline)) if deadline <= now => EndCause::Reason(DisconnectReason::KeepAliveTimeout),
            Some(deadline) => {
                // There was traffic since the timer was set.
                return state.timers.arm(TimerKey::Connection(connection), &mut silent.timer, deadline);
            }
        };
        self.end(now, connection, End::Lost, Some(cause));
    }

    pub(super) fn handle_session_timeout(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.state.sessions.get_mut(id) else { return };
        session.timer = None;
        if let Some(connection) = session.connection {
            session.walk_rests = false;
            return self.fill(now, connection);
        }
        if session.expires_at.is_some_and(|at| at <= now) {
            return self.end_session(now, id);
        }
        if let Some(will) = session.will.take_if(|will| will.at <= now) {
            session.session_log(&mut self.state.actions).will_gone();
            self.publish_will(now, id, &will.message);
        }
        self.state.arm_session(id);
    }

    /// Does what is due to a Session, should the timeout not have been handled yet.
    pub(super) fn catch_up(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.state.sessions.get_mut(id) else { return };
        if session.timer.is_some_and(|at| at <= now) {
            self.state.timers.arm(TimerKey::Session(id), &mut session.timer, None);
            self.handle_session_timeout(now, id);
        }
    }

    /// A Will is published as any other message, if its owner may still publish it.
    fn publish_will(&mut self, now: Instant, id: SessionId, message: &Message) {
        let Some(owner) = self.state.sessions.get(id) else { return };
        let publish = message.as_publish(ProtocolVersion::V5_0, first_delivery(message.qos(), PacketId::MIN));
        if self.policy.may_publish(&owner.info(), &publish).is_ok() {
            self.state.accept(&self.policy, now, &mut Parcel::new(message, now), Some(id));
        } else {
            let client_id = Arc::clone(&owner.client_id);
            self.state.notice(Notice::WillRefused { client_id });
        }
    }
}

impl State {
    /// Sets the deadline of a Session without connection.
    pub(super) fn arm_session(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let will_at = session.will.as_ref().map(|will| will.at);
        let next = match (session.expires_at, will_at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.timers.arm(TimerKey::Session(id), &mut session.timer, next);
    }
}
