//! Who gets a message, and how (sections 3.3.4, 3.3.5 and 4.8.2).

use alloc::sync::Arc;
use core::mem;
use core::time::Duration;

use mqtt_codec::{Delivery, ProtocolVersion, Publish, QoS};
use mqtt_topic::{self as topic, Match};

use super::State;
use super::subscribe::Granted;
use crate::server::{
    Connection, ConnectionId, DropCause, Group, Identifiers, Limits, Outgoing, Session, SessionId, Slab,
};
use crate::transmit::BY_REFERENCE;
use crate::{Instant, Message};

/// A message on its way to any number of Sessions. What they share is made once, and what has to outlive the packet it came in
/// only when somebody keeps it.
#[derive(Debug)]
pub(super) struct Parcel<'m> {
    message: &'m Message,
    publish: Publish<'m>,
    expires_at: Option<Instant>,
    shared: Option<Arc<Message>>,
}

impl<'m> Parcel<'m> {
    pub(super) fn new(message: &'m Message, now: Instant) -> Self {
        Self {
            message,
            publish: message.as_publish(ProtocolVersion::V5_0, Delivery::AtMostOnce),
            expires_at: expiry_of(message, now),
            shared: None,
        }
    }

    /// The message of a PUBLISH that has just been received; saves looking through its topic again.
    pub(super) fn received(message: &'m Message, publish: &Publish<'m>, now: Instant) -> Self {
        match publish.topic {
            // An alias stands for it.
            None => Self::new(message, now),
            topic => Self {
                message,
                publish: Publish {
                    topic,
                    delivery: Delivery::AtMostOnce,
                    properties: message.properties().as_publish(),
                    ..*publish
                },
                expires_at: expiry_of(message, now),
                shared: None,
            },
        }
    }

    pub(super) const fn message(&self) -> &'m Message {
        self.message
    }

    pub(super) const fn expires_at(&self) -> Option<Instant> {
        self.expires_at
    }

    /// The message in memory of its own, one for all who keep it.
    pub(super) fn shared(&mut self) -> Arc<Message> {
        Arc::clone(self.shared.get_or_insert_with(|| Arc::new(self.message.detach())))
    }
}

/// One Session that gets a message.
#[derive(Debug)]
pub(super) struct Target {
    session: SessionId,
    qos: QoS,
    retain_as_published: bool,
    identifiers: Identifiers,
    group: Option<Group>,
}

impl Target {
    fn new(session: SessionId, granted: &Granted) -> Self {
        Self {
            session,
            qos: granted.qos,
            retain_as_published: granted.retain_as_published,
            identifiers: Identifiers::from(granted.identifier),
            group: granted.group.clone(),
        }
    }

    /// Another subscription of the same Session matches too: one copy, at the highest QoS `[MQTT-3.3.4-2]`.
    fn merge(&mut self, granted: &Granted) {
        self.qos = self.qos.max(granted.qos);
        self.retain_as_published |= granted.retain_as_published;
        self.identifiers.add(granted.identifier);
    }
}

impl State {
    /// Sends a message to the Sessions that were [found](Self::find_targets); how many these are.
    pub(super) fn route(&mut self, now: Instant, parcel: &mut Parcel<'_>) -> usize {
        let mut targets = mem::take(&mut self.targets);
        let count = targets.len();
        for target in targets.drain(..) {
            self.deliver(now, parcel, target);
        }
        self.targets = targets;
        count
    }

    /// Whether one of the Sessions that were found would lose the message, because its queue is full.
    pub(super) fn would_lose(&mut self, now: Instant, message: &Message) -> bool {
        let Self { sessions, connections, targets, actions, config, .. } = self;
        let limits = config.limits();
        targets.iter().any(|target| {
            let Some(session) = sessions.get_mut(target.session) else { return false };
            let connection = session.connection.and_then(|id| connections.get(id));
            let can_write =
                connection.is_some_and(|connection| connection.transmit.pending() < limits.transmit);
            let size = size_of::<Outgoing>() + message.size() + size_of_val(target.identifiers.as_slice());
            message.qos().min(target.qos) != QoS::AtMostOnce
                && !(can_write && session.is_ready(limits))
                && !session.make_room(now, size, limits, actions)
        })
    }

    /// Finds the Sessions that want a message.
    pub(super) fn find_targets(&mut self, message: &Message, from: Option<SessionId>) {
        let Self { subscriptions, sessions, connections, targets, turns, routed, config, .. } = self;
        *routed += 1;
        for found in subscriptions.matches(message.topic()) {
            match found {
                Match::Ordinary(group) => {
                    for (key, granted) in group.members() {
                        // `[MQTT-3.8.3-3]`
                        if granted.no_local && from == Some(*key) {
                            continue;
                        }
                        let Some(session) = sessions.get_mut(*key) else { continue };
                        match targets.get_mut(session.mark.1) {
                            Some(target) if session.mark.0 == *routed => target.merge(granted),
                            _ => {
                                session.mark = (*routed, targets.len());
                                targets.push(Target::new(*key, granted));
                            }
                        }
                    }
                }
                Match::Shared(group) => {
                    let turn = turns.entry(group.id()).or_default();
                    let chosen = choose(group, *turn, message, sessions, connections, config.limits());
                    if let Some((position, key, granted)) = chosen {
                        *turn = position + 1;
                        targets.push(Target::new(*key, granted));
                    }
                }
            }
        }
    }

    /// Sends one copy, or keeps it, or drops it.
    fn deliver(&mut self, now: Instant, parcel: &mut Parcel<'_>, target: Target) {
        let Self { sessions, connections, actions, config, .. } = self;
        let limits = config.limits();
        let Some(session) = sessions.get_mut(target.session) else { return };
        let connection = session.connection.and_then(|id| connections.get_mut(id));
        let has_room =
            connection.as_ref().is_some_and(|connection| connection.transmit.pending() < limits.transmit);
        let qos = parcel.message.qos().min(target.qos);
        let retain = parcel.message.retain() && target.retain_as_published;
        let publish = Publish { retain, ..parcel.publish };
        if qos == QoS::AtMostOnce {
            let Some(connection) = connection else { return };
            // What outlives this call must not keep the read buffer of the publisher alive.
            let detached = (parcel.message.payload().len() >= BY_REFERENCE).then(|| parcel.shared());
            let sent = if has_room {
                connection.publish(
                    now,
                    detached.as_deref().unwrap_or(parcel.message),
                    publish,
                    parcel.expires_at,
                    &target.identifiers,
                    actions,
                )
            } else {
                Err(DropCause::TransmitFull)
            };
            if let Err(cause) = sent {
                session.dropped(cause, actions);
            }
            return;
        }
        let outgoing = Outgoing {
            message: parcel.shared(),
            qos,
            retain,
            expires_at: parcel.expires_at,
            identifiers: target.identifiers,
            group: target.group,
        };
        match connection {
            Some(connection) if has_room && session.is_ready(limits) => {
                session.start(now, connection, publish, outgoing, actions);
            }
            _ => session.enqueue(now, outgoing, limits, actions),
        }
    }

    /// Gives a message of a Session that has ended to another member of its group `[MQTT-4.8.2-3]`.
    pub(super) fn hand_over(&mut self, now: Instant, outgoing: &Outgoing) {
        let Some(group) = &outgoing.group else { return };
        if outgoing.has_expired(now) {
            return;
        }
        let Self { subscriptions, sessions, connections, turns, config, .. } = self;
        let Some(group) = subscriptions.group(group) else { return };
        let turn = turns.entry(group.id()).or_default();
        let Some((position, key, granted)) =
            choose(group, *turn, &outgoing.message, sessions, connections, config.limits())
        else {
            return;
        };
        *turn = position + 1;
        let target = Target::new(*key, granted);
        let message = Arc::clone(&outgoing.message);
        let mut parcel = Parcel::new(&message, now);
        parcel.expires_at = outgoing.expires_at;
        parcel.shared = Some(Arc::clone(&message));
        self.deliver(now, &mut parcel, target);
    }
}

/// The member of a group that gets a message, in turn: one that is connected and can send it at once; else, for a message
/// that is kept, one that has room for it, connected members first; else one that loses it.
fn choose<'t>(
    group: topic::Group<'t, SessionId, Granted>,
    turn: usize,
    message: &Message,
    sessions: &Slab<SessionId, Session>,
    connections: &Slab<ConnectionId, Connection>,
    limits: Limits,
) -> Option<(usize, &'t SessionId, &'t Granted)> {
    let members = group.members();
    let start = turn % members.len().max(1);
    let in_turn = members.clone().enumerate().skip(start).chain(members.enumerate().take(start));
    let mut best: Option<(i32, usize, &SessionId, &Granted)> = None;
    for (position, (key, granted)) in in_turn {
        let Some(session) = sessions.get(*key) else { continue };
        let connection = session.connection.and_then(|id| connections.get(id));
        let is_kept = message.qos().min(granted.qos) != QoS::AtMostOnce;
        let can_write = connection.is_some_and(|connection| connection.transmit.pending() < limits.transmit);
        if can_write && (!is_kept || session.is_ready(limits)) {
            return Some((position, key, granted));
        }
        let rank = match (is_kept && session.has_room_for(message, limits), connection) {
            (true, Some(_)) => 3,
            (true, None) => 2,
            (false, Some(_)) => 1,
            (false, None) if is_kept => 0,
            (false, None) => continue,
        };
        if best.is_none_or(|(best, ..)| best < rank) {
            best = Some((rank, position, key, granted));
        }
    }
    best.map(|(_, position, key, granted)| (position, key, granted))
}

/// When a message expires that is published now.
fn expiry_of(message: &Message, now: Instant) -> Option<Instant> {
    message.expiry().map(|seconds| now + Duration::from_secs(seconds.into()))
}
