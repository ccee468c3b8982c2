//! What a connection gets of its Session as there is room: what was under way, retained messages, the queue.

use alloc::sync::Arc;
use alloc::vec::Vec;

use mqtt_codec::{Delivery, PacketId, Publish, PublishReason, QoS, ShortAck, SubscriptionIdentifier};
use mqtt_topic::SearchStep;

use super::{Ack, ClientInfo, Session};
use crate::Instant;
use crate::delivery::{Resend, first_delivery};
use crate::persist::DeliveryLog;
use crate::server::Limits;
use crate::server::action::{Actions, DropCause};
use crate::server::connection::{Connection, TooLarge};
use crate::server::outgoing::{Identifiers, Outgoing};
use crate::server::parcel::Parcel;
use crate::server::queue::Waiting;
use crate::server::retained::{Retained, RetainedMessages};

/// How many retained messages are looked at in one go, so that no subscription holds up everybody else.
const WALK_BUDGET: usize = 1_024;

/// Judges what is about to be sent to a Client.
pub(crate) struct Judge<'a> {
    /// [`Policy::may_receive`](crate::Policy::may_receive).
    pub(crate) may_receive: &'a dyn Fn(&ClientInfo<'_>, &Publish<'_>) -> bool,
    /// What it may not have of a Shared Subscription, and another member may get.
    pub(crate) refused: Vec<Outgoing>,
}

impl Session {
    /// Sends what can be sent, in this order: what was under way on earlier connections, retained messages of new
    /// subscriptions, the queue.
    pub(crate) fn fill(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        retained: &RetainedMessages,
        limits: Limits,
        actions: &mut Actions,
        judge: &mut Judge<'_>,
    ) -> Result<(), TooLarge> {
        // Half of the room is left for live messages and answers: a long queue does not keep the input paused.
        let limits = Limits { transmit: limits.transmit.div_ceil(2), ..limits };
        while connection.transmit.pending() < limits.transmit {
            let progress = self.resend(now, connection, actions, judge)?
                || self.walk_on(now, connection, retained, limits, actions, judge)
                || self.send_queued(now, connection, limits, actions, judge);
            if !progress {
                break;
            }
        }
        Ok(())
    }

    fn resend(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        actions: &mut Actions,
        judge: &mut Judge<'_>,
    ) -> Result<bool, TooLarge> {
        let Self { client_id, principal, connection: id, sender, .. } = self;
        let (delivery, cause) = match sender.next_resend() {
            None => return Ok(false),
            Some(Resend::Pubrel(id)) => {
                connection.send_short(ShortAck::Pubrel(id).to_bytes(), actions)?;
                return Ok(true);
            }
            Some(Resend::Publish { delivery, message: outgoing }) => {
                let client = ClientInfo { client_id, principal: principal.as_deref(), connection: *id };
                let sent = if (judge.may_receive)(&client, &outgoing.publish(delivery)) {
                    connection.publish(now, &mut outgoing.parcel(), outgoing.hop(delivery), actions)
                } else {
                    // As when a Session ends, a QoS 2 message that is under way is for nobody else `[MQTT-4.8.2-5]`.
                    if outgoing.qos == QoS::AtLeastOnce && outgoing.group.is_some() {
                        judge.refused.push(outgoing.clone());
                    }
                    Err(DropCause::NotAuthorized)
                };
                match sent {
                    Ok(()) => return Ok(true),
                    Err(cause) => (delivery, cause),
                }
            }
        };
        // The Client takes smaller packets than before, or has lost the right: this counts as delivered `[MQTT-3.1.2-25]`. It
        // may have the message, and a QoS 2 message it has stands in the way of the next one with its identifier.
        self.dropped(cause, actions);
        let answer = match delivery {
            Delivery::AtMostOnce => return Ok(true),
            Delivery::AtLeastOnce { packet_id, .. } => Ack::Puback(packet_id),
            Delivery::ExactlyOnce { packet_id, .. } => Ack::Pubrec(packet_id, PublishReason::Success),
        };
        // A PUBREL that does not fit either ends the connection; nothing else can be wrong.
        self.acknowledge(answer, connection, actions).map_err(|_| TooLarge)?;
        Ok(true)
    }

    /// Goes on with the first subscription that still has retained messages to get. `true`: it has them all.
    fn walk_on(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        retained: &RetainedMessages,
        limits: Limits,
        actions: &mut Actions,
        judge: &Judge<'_>,
    ) -> bool {
        if self.walk_rests {
            return false;
        }
        let Some(mut walk) = self.walks.pop_front() else { return false };
        let mut budget = WALK_BUDGET;
        let mut search = retained.search(&walk.filter, walk.after.as_ref());
        let is_complete = loop {
            let must_wait = walk.qos != QoS::AtMostOnce && !self.can_start(limits);
            if must_wait || connection.transmit.pending() >= limits.transmit {
                break false;
            }
            let found = match search.next_within(&mut budget) {
                SearchStep::Found(found) => found,
                SearchStep::OutOfBudget => {
                    self.walk_rests = true;
                    break false;
                }
                SearchStep::Done => break true,
            };
            let is_own = found.publisher.as_ref().is_some_and(|publisher| *publisher == self.client_id);
            if !(found.has_expired(now) || walk.no_local && is_own)
                && (judge.may_receive)(&self.info(), &found.publish())
            {
                self.send_retained(now, connection, found, walk.qos, walk.identifier, actions);
            }
        };
        let last = search.last_visited().map(|topic| topic.boxed());
        // The record is of the last walk with this filter, which gets everything again.
        let is_last = self.walks.iter().all(|later| later.filter != walk.filter);
        if is_complete {
            if is_last {
                self.session_log(actions).walk_gone(&walk.filter);
            }
        } else {
            // One that waits has nothing new to tell, however often it is asked.
            if last.is_some() {
                walk.after = last;
                if is_last {
                    self.session_log(actions).walk(&walk);
                }
            }
            self.walks.push_front(walk);
        }
        is_complete
    }

    fn send_retained(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        found: &Retained,
        qos: QoS,
        identifier: Option<SubscriptionIdentifier>,
        actions: &mut Actions,
    ) {
        let outgoing = Outgoing {
            message: Arc::clone(&found.message),
            qos: qos.min(found.message.qos()),
            retain: true,
            expires_at: found.expires_at,
            identifiers: Identifiers::from(identifier),
            group: None,
        };
        let mut parcel = Parcel::of(&found.message, found.expires_at);
        if outgoing.qos != QoS::AtMostOnce {
            return self.start(now, connection, &mut parcel, outgoing, actions);
        }
        if let Err(cause) = connection.publish(now, &mut parcel, outgoing.hop(Delivery::AtMostOnce), actions)
        {
            self.dropped(cause, actions);
        }
    }

    fn send_queued(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        limits: Limits,
        actions: &mut Actions,
        judge: &mut Judge<'_>,
    ) -> bool {
        if !self.walks.is_empty() || !self.can_start(limits) {
            return false;
        }
        let Self { queue, client_id, is_stored, .. } = self;
        let mut log = DeliveryLog::session(&mut actions.journal, client_id, *is_stored);
        let Some(waiting) = queue.pop(now, |number| log.message_gone(number)) else { return false };
        let first = first_delivery(waiting.outgoing.qos, PacketId::MIN);
        if !(judge.may_receive)(&self.info(), &waiting.outgoing.publish(first)) {
            self.log(actions).message_gone(waiting.number);
            self.dropped(DropCause::NotAuthorized, actions);
            if waiting.outgoing.group.is_some() {
                judge.refused.push(waiting.outgoing);
            }
            return true;
        }
        let Waiting { number, outgoing } = waiting;
        let message = Arc::clone(&outgoing.message);
        let mut parcel = Parcel::of(&message, outgoing.expires_at);
        if !connection.takes(now, &parcel, outgoing.first_hop()) {
            self.log(actions).message_gone(number);
            self.dropped(DropCause::PacketTooLarge, actions);
            return true;
        }
        self.start_numbered(now, connection, &mut parcel, (number, outgoing), actions);
        true
    }
}
