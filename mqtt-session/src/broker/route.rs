//! Who gets a message, and how (sections 3.3.4, 3.3.5 and 4.8.2).

use core::mem;

use mqtt_codec::{Hop, PacketId, ProtocolVersion, Publish, QoS};
use mqtt_topic::{self as topic, Match};

use super::subscribe::Granted;
use super::{Policy, State};
use crate::Instant;
use crate::delivery::first_delivery;
use crate::server::{
    Connection, ConnectionId, DropCause, Group, Identifiers, Limits, Outgoing, Parcel, Session, SessionId,
    Slab,
};

/// One Session that gets a message.
#[derive(Clone, Debug)]
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

    /// One that gets a message without a subscription, at this QoS at most.
    pub(super) const fn unasked(session: SessionId, qos: QoS) -> Self {
        Self { session, qos, retain_as_published: false, identifiers: Identifiers::None, group: None }
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
    #[inline]
    pub(super) fn route(&mut self, now: Instant, parcel: &mut Parcel<'_>) -> usize {
        if self.targets.is_empty() { 0 } else { self.deliver_to_all(now, parcel) }
    }

    fn deliver_to_all(&mut self, now: Instant, parcel: &mut Parcel<'_>) -> usize {
        let mut targets = mem::take(&mut self.targets);
        let count = targets.len();
        parcel.expect(count);
        if let Some((last, others)) = targets.split_last_mut() {
            for target in others {
                self.deliver(now, parcel, target, false);
            }
            self.deliver(now, parcel, last, true);
        }
        targets.clear();
        self.targets = targets;
        count
    }

    /// Whether one of the Sessions that were found would lose the message, because its queue is full.
    pub(super) fn would_lose(&mut self, now: Instant, parcel: &Parcel<'_>) -> bool {
        let Self { sessions, connections, targets, actions, config, .. } = self;
        let limits = config.limits();
        targets.iter().any(|target| {
            let Some(session) = sessions.get_mut(target.session) else { return false };
            let connection = session.connection.and_then(|id| connections.get(id));
            let can_write =
                connection.is_some_and(|connection| connection.transmit.pending() < limits.transmit);
            let size = size_of::<Outgoing>() + parcel.size() + size_of_val(target.identifiers.as_slice());
            parcel.qos().min(target.qos) != QoS::AtMostOnce
                && !(can_write && session.is_ready(limits))
                && !session.make_room(now, size, limits, actions)
        })
    }

    /// Finds the Sessions that want a message.
    pub(super) fn find_targets(
        &mut self,
        policy: &impl Policy,
        parcel: &Parcel<'_>,
        from: Option<SessionId>,
    ) {
        let Self { subscriptions, sessions, connections, targets, turns, routed, config, .. } = self;
        *routed += 1;
        for found in subscriptions.matches(parcel.topic()) {
            match found {
                Match::Ordinary(group) => {
                    for (key, granted) in group.members() {
                        // `[MQTT-3.8.3-3]`
                        if granted.no_local && from == Some(*key) {
                            continue;
                        }
                        let Some(session) = sessions.get_mut(*key) else { continue };
                        if session.mark.0 == *routed {
                            // One that may not have it is no target.
                            if let Some(target) = targets.get_mut(session.mark.1) {
                                target.merge(granted);
                            }
                        } else if policy.may_receive(&session.info(), parcel.publish()) {
                            session.mark = (*routed, targets.len());
                            targets.push(Target::new(*key, granted));
                        } else {
                            session.mark = (*routed, usize::MAX);
                        }
                    }
                }
                Match::Shared(group) => {
                    let turn = turns.entry(group.id()).or_default();
                    let (limits, publish) = (config.limits(), parcel.publish());
                    let wanted = Wanted { qos: parcel.qos(), size: parcel.size(), publish, limits };
                    let chosen = choose(policy, group, *turn, &wanted, sessions, connections);
                    if let Some((position, key, granted)) = chosen {
                        *turn = position + 1;
                        targets.push(Target::new(*key, granted));
                    }
                }
            }
        }
    }

    /// Sends one copy, or keeps it, or drops it.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        parcel: &mut Parcel<'_>,
        target: &mut Target,
        is_last: bool,
    ) {
        let Self { sessions, connections, actions, config, spares, .. } = self;
        let limits = config.limits();
        let Some(session) = sessions.get_mut(target.session) else { return };
        let connection = session.connection.and_then(|id| connections.get_mut(id));
        let has_room =
            connection.as_ref().is_some_and(|connection| connection.transmit.pending() < limits.transmit);
        let qos = parcel.qos().min(target.qos);
        let retain = parcel.publish().retain && target.retain_as_published;
        if qos == QoS::AtMostOnce {
            let Some(connection) = connection else { return };
            // What outlives this call must not keep the read buffer of the publisher alive.
            if parcel.lacks_payload() {
                let _ = parcel.shared(spares);
            }
            let subscription_identifiers = target.identifiers.as_slice();
            let sent = if has_room {
                let hop = Hop { retain, subscription_identifiers, ..Hop::default() };
                connection.publish(now, parcel, hop, actions)
            } else {
                Err(DropCause::TransmitFull)
            };
            if let Err(cause) = sent {
                session.dropped(cause, actions);
            }
            return;
        }
        let message = if is_last { parcel.handed_over(spares) } else { parcel.shared(spares) };
        let Some(message) = message else { return };
        let outgoing = Outgoing {
            message,
            qos,
            retain,
            expires_at: parcel.expires_at(),
            identifiers: mem::take(&mut target.identifiers),
            group: target.group.take(),
        };
        match connection {
            Some(connection) if has_room && session.is_ready(limits) => {
                session.start(now, connection, parcel, outgoing, actions);
            }
            _ => session.enqueue(now, parcel, outgoing, limits, actions),
        }
    }

    /// Gives messages of a Session that has ended `[MQTT-4.8.2-3]`, or that may not have them any more, to other members of their
    /// groups.
    pub(super) fn hand_over(
        &mut self,
        policy: &impl Policy,
        now: Instant,
        messages: impl IntoIterator<Item = Outgoing>,
    ) {
        for outgoing in messages {
            self.hand_one_over(policy, now, &outgoing);
        }
    }

    fn hand_one_over(&mut self, policy: &impl Policy, now: Instant, outgoing: &Outgoing) {
        let Some(group) = &outgoing.group else { return };
        if outgoing.has_expired(now) {
            return;
        }
        let Self { subscriptions, sessions, connections, turns, config, .. } = self;
        let Some(group) = subscriptions.group(group) else { return };
        let turn = turns.entry(group.id()).or_default();
        let Outgoing { message, .. } = outgoing;
        let publish = message.as_publish(ProtocolVersion::V5_0, first_delivery(message.qos(), PacketId::MIN));
        let limits = config.limits();
        let wanted = Wanted { qos: message.qos(), size: message.size(), publish: &publish, limits };
        let chosen = choose(policy, group, *turn, &wanted, sessions, connections);
        let Some((position, key, granted)) = chosen else { return };
        *turn = position + 1;
        let mut target = Target::new(*key, granted);
        let mut parcel = Parcel::again(message, outgoing.expires_at);
        self.deliver(now, &mut parcel, &mut target, true);
    }
}

/// The message a member of a group is chosen for.
struct Wanted<'a, 'p> {
    qos: QoS,
    size: usize,
    publish: &'a Publish<'p>,
    limits: Limits,
}

/// The member of a group that gets a message, in turn, of those that may have it: one that is connected and can send it at
/// once; else, for a message that is kept, one that has room for it, connected members first; else one that loses it.
fn choose<'t>(
    policy: &impl Policy,
    group: topic::Group<'t, SessionId, Granted>,
    turn: usize,
    &Wanted { qos, size, publish, limits }: &Wanted<'_, '_>,
    sessions: &Slab<SessionId, Session>,
    connections: &Slab<ConnectionId, Connection>,
) -> Option<(usize, &'t SessionId, &'t Granted)> {
    let members = group.members();
    let start = turn % members.len().max(1);
    let in_turn = members.clone().enumerate().skip(start).chain(members.enumerate().take(start));
    let mut best: Option<(i32, usize, &SessionId, &Granted)> = None;
    for (position, (key, granted)) in in_turn {
        let Some(session) = sessions.get(*key) else { continue };
        let connection = session.connection.and_then(|id| connections.get(id));
        let is_kept = qos.min(granted.qos) != QoS::AtMostOnce;
        let can_write = connection.is_some_and(|connection| connection.transmit.pending() < limits.transmit);
        let is_at_once = can_write && (!is_kept || session.is_ready(limits));
        let rank = if is_at_once {
            4
        } else {
            match (is_kept && session.has_room_for(size, limits), connection) {
                (true, Some(_)) => 3,
                (true, None) => 2,
                (false, Some(_)) => 1,
                (false, None) if is_kept => 0,
                (false, None) => continue,
            }
        };
        // Only who would be chosen is asked about.
        if best.is_none_or(|(best, ..)| best < rank) && policy.may_receive(&session.info(), publish) {
            best = Some((rank, position, key, granted));
            if is_at_once {
                break;
            }
        }
    }
    best.map(|(_, position, key, granted)| (position, key, granted))
}
