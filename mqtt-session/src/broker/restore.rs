//! A broker that goes on where another has ended.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mqtt_topic::RetainedLimits;

use super::subscribe::Granted;
use super::will::End;
use super::{Broker, BrokerConfig, Policy, State};
use crate::persist::{Bodies, Fields, Restored, Scope, Writer};
use crate::server::{
    Actions, DeclaredWill, DelayedWill, Phase, SessionId, SessionTerms, StoredSession, StoredWill,
    put_retained, restored_retained,
};
use crate::{Instant, RestoreError, RestoreFault, StoredState};

impl<P: Policy> Broker<P> {
    /// A broker with the Sessions, subscriptions, queues, Wills and retained messages that the `records` hold, which are in
    /// the order of their keys. The connections there were have ended now: Wills are published or begin to wait, Sessions
    /// begin to expire.
    ///
    /// The records are all that is left of the changes told by [`Action::Persist`](crate::Action::Persist); those of the last
    /// transactions may be missing, as long as none is missing in part. What is stored was accepted once, and is kept even
    /// where it is more than `config` would accept now.
    ///
    /// Instants in the records are those of the clock of that time: let both count from the same epoch, as Unix time does.
    ///
    /// # Errors
    /// [`RestoreError`] names the first record that is damaged, unknown, or contradicts others.
    pub fn restore<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        now: Instant,
        config: BrokerConfig,
        policy: P,
        records: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, RestoreError> {
        let retained_limits = config.retained_limits();
        let mut broker = Self::new(config, policy);
        broker.state.retained.set_limits(RetainedLimits::NONE);
        let (mut lost, mut messages) = (Vec::new(), Restored::default());
        let mut session: Option<(Box<str>, StoredSession)> = None;
        let mut key_before: Vec<u8> = Vec::new();
        for (key, value) in records {
            let (key, value) = (key.as_ref(), value.as_ref());
            let fail = |fault| RestoreError { key: Vec::from(key), fault };
            if key_before.as_slice() >= key {
                return Err(fail(RestoreFault::OutOfOrder));
            }
            key_before = Vec::from(key);
            let value = Fields::of_value(key, value).map_err(fail)?;
            let mut fields = Fields::of_key(key);
            match Scope::of(&mut fields).map_err(fail)? {
                Scope::Retained(topic) => {
                    let retained = restored_retained(topic, value, &mut messages).map_err(fail)?;
                    if !broker.state.retained.restore(retained) {
                        return Err(fail(RestoreFault::NoRoom));
                    }
                }
                Scope::Session(client_id) => {
                    if session.as_ref().is_none_or(|(of, _)| **of != *client_id) {
                        lost.extend(broker.state.restore_session(session.take())?);
                    }
                    let (_, stored) =
                        session.get_or_insert_with(|| (client_id.into(), StoredSession::default()));
                    stored.take(fields, value, &mut messages).map_err(fail)?;
                }
            }
        }
        lost.extend(broker.state.restore_session(session)?);
        broker.state.retained.set_limits(retained_limits);
        for (id, will) in lost {
            broker.leave(now, id, will, End::Lost);
        }
        Ok(broker)
    }

    /// All records of the state as it is now, durable or not: what the changes told so far and not yet told add up to. For
    /// programs that store their state when they end.
    pub fn stored_state(&self) -> StoredState {
        let (mut actions, mut bodies) = (Actions::new(true), Bodies::default());
        let State { sessions, connections, subscriptions, retained, .. } = &self.state;
        for retained in retained.iter() {
            put_retained(&mut actions.journal, retained, bodies.of(&retained.message));
        }
        for id in sessions.keys() {
            let Some(session) = sessions.get(id) else { continue };
            session.record(&mut bodies, &mut actions);
            let mut log = session.session_log(&mut actions);
            let connection = session.connection.and_then(|id| connections.get(id));
            if let Some(Phase::Connected(link)) = connection.map(|connection| &connection.phase)
                && let Some(DeclaredWill { message, delay }) = &link.will
            {
                log.will(&StoredWill { message: Arc::clone(message), delay: *delay, at: None });
            }
            for (group, granted) in subscriptions.subscriptions(&id) {
                log.subscribed(&group.subscription(), granted.terms());
            }
        }
        actions.journal.into_state()
    }
}

/// A Session whose connection was open, with the Will that was declared on it.
type Lost = (SessionId, Option<DeclaredWill>);

impl State {
    /// Puts a Session in place. It is returned if its connection is to be ended.
    fn restore_session(
        &mut self,
        stored: Option<(Box<str>, StoredSession)>,
    ) -> Result<Option<Lost>, RestoreError> {
        let Some((client_id, stored)) = stored else { return Ok(None) };
        let key = Writer::session(&client_id).into_key();
        let fail = move |fault| RestoreError { key, fault };
        let StoredSession { terms, will, subscriptions, walks, delivery } = stored;
        let Some(SessionTerms { principal, expiry, was_connected, expires_at }) = terms else {
            return Err(fail(RestoreFault::Inconsistent));
        };
        let Some(id) = self.begin_session(client_id.into(), principal) else {
            return Err(fail(RestoreFault::NoRoom));
        };
        let Some(session) = self.sessions.get_mut(id) else { return Ok(None) };
        session.is_stored = true;
        session.expiry = expiry;
        session.expires_at = expires_at;
        if !session.restore(delivery) {
            return Err(fail(RestoreFault::Inconsistent));
        }
        for walk in walks {
            session.restore_walk(walk);
        }
        for (subscription, terms) in subscriptions {
            session.subscriptions += 1;
            session.subscription_bytes += subscription.filter().as_bytes().len();
            let granted = Granted::new(&subscription, terms);
            if self.subscriptions.insert(&subscription, id, granted).is_err() {
                return Err(fail(RestoreFault::NoRoom));
            }
        }
        let (declared, delayed) = match will {
            Some(StoredWill { message, delay, at: Some(at) }) => {
                (None, Some(DelayedWill { message, delay, at }))
            }
            Some(StoredWill { message, delay, at: None }) => (Some(DeclaredWill { message, delay }), None),
            None => (None, None),
        };
        session.will = delayed;
        if was_connected {
            return Ok(Some((id, declared)));
        }
        self.arm_session(id);
        Ok(None)
    }
}
