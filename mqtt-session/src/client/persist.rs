//! The Session State of a Client on stable storage: written as it changes, and read after a restart.

use alloc::vec::Vec;

use mqtt_codec::PacketId;

use super::kept::Kept;
use super::outgoing::{Outgoing, Queued, Tag};
use super::{Client, ClientConfig, PublishToken};
use crate::persist::{
    Body, Change, DeliveryLog, ExchangeStage, Fields, Journal, Kind, RestoreError, RestoreFault, Restored,
    RestoredDelivery, RestoredMessage, Writer,
};
use crate::{Message, StoredState};

/// That there is a Session, and whose.
pub(super) fn put_session(journal: &mut Journal, client_id: &str) {
    if journal.is_enabled() {
        journal.push(Writer::client().kind(Kind::Session).with(Writer::value().sized(client_id.as_bytes())));
    }
}

pub(super) fn remove_session(journal: &mut Journal) {
    if journal.is_enabled() {
        journal.push(Change::Remove { key: Writer::client().kind(Kind::Session).into_key() });
    }
}

impl Client {
    /// A client that goes on where another has ended: with the Session State and the queue that the `records` hold, which
    /// are in the order of their keys. Messages keep their tokens, see [`unresolved`](Self::unresolved); what was under way is
    /// sent again on the next connection that goes on with the Session.
    ///
    /// The numbers of tokens go on behind the highest that is still in use: one whose outcome has been told may be given
    /// again. What a PUBREC said, its reason included, is not kept: the outcome after a restart has what PUBCOMP says,
    /// and no `NoMatchingSubscribers`.
    ///
    /// The records are all that is left of the changes told by [`Event::Persist`](crate::Event::Persist); those of the last
    /// transactions may be missing, as long as none is missing in part.
    ///
    /// # Errors
    /// [`RestoreError`] names the first record that is damaged, unknown, or contradicts others.
    pub fn restore<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        config: ClientConfig,
        records: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, RestoreError> {
        let mut client = Self::new(config);
        let (mut delivery, mut messages) = (RestoredDelivery::default(), Restored::default());
        let mut last: Vec<u8> = Vec::new();
        for (key, value) in records {
            let (key, value) = (key.as_ref(), value.as_ref());
            let read = if last.as_slice() < key {
                client.take_record(&mut delivery, &mut messages, key, value)
            } else {
                Err(RestoreFault::OutOfOrder)
            };
            last = Vec::from(key);
            if let Err(fault) = read {
                return Err(RestoreError { key: last, fault });
            }
        }
        client.next_token = delivery.last_number();
        for id in delivery.received() {
            client.session.receiver.restore(id);
        }
        let (exchanges, waiting) = delivery.into_parts();
        for exchange in exchanges {
            let fits = exchange.order == exchange.number;
            let (number, packet_id) = (exchange.number, exchange.packet_id);
            if !fits || client.session.sender.contains(packet_id) {
                let key = Writer::client().kind(Kind::Exchange).u64(number).into_key();
                return Err(RestoreError { key, fault: RestoreFault::Inconsistent });
            }
            let message = exchange.message.map(|message| (message.qos, client.hold_message(message)));
            let tag = Tag { is_resolved: exchange.is_given_up, ..Tag::new(PublishToken(number)) };
            client.session.sender.restore(packet_id, message, tag);
        }
        for (number, message) in waiting {
            let outgoing = client.hold_message(message);
            client.queue.push_back(Queued { token: PublishToken(number), outgoing });
        }
        Ok(client)
    }

    fn take_record(
        &mut self,
        delivery: &mut RestoredDelivery,
        messages: &mut Restored,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), RestoreFault> {
        let mut value = Fields::of_value(key, value)?;
        let mut key = Fields::of_key(key);
        let kind = key.kind()?;
        if delivery.take(kind, key, value, messages)? {
            return Ok(());
        }
        if kind != Kind::Session {
            return Err(RestoreFault::Key);
        }
        self.session_of = Some(value.string()?.into());
        key.end()?;
        value.end()
    }

    fn hold_message(&mut self, stored: RestoredMessage) -> Outgoing {
        let RestoredMessage { message, expires_at, .. } = stored;
        self.held_bytes += message.size();
        Outgoing { message: Kept::Shared(message), expires_at }
    }

    /// The QoS 1 and QoS 2 messages whose outcome is still to be told, in the order they were given to
    /// [`publish`](Self::publish): with their tokens, and the message unless the Server has taken it over already.
    pub fn unresolved(&self) -> impl Iterator<Item = (PublishToken, Option<&Message>)> {
        let under_way = self
            .session
            .sender
            .exchanges()
            .filter(|(_, tag, _)| !tag.is_resolved)
            .map(|(_, tag, outgoing)| (tag.token, outgoing.map(|outgoing| &*outgoing.message)));
        let waiting = self.queue.iter().map(|queued| (queued.token, Some(&*queued.outgoing.message)));
        under_way.chain(waiting.filter(|(_, message)| {
            message.is_some_and(|message| message.qos() != mqtt_codec::QoS::AtMostOnce)
        }))
    }

    /// All records of the Session State and the queue as they are now, durable or not: what the changes told so far and not
    /// yet told add up to. For programs that store their state when they end.
    pub fn stored_state(&self) -> StoredState {
        let mut journal = Journal::new(true);
        if let Some(client_id) = &self.session_of {
            put_session(&mut journal, client_id);
        }
        let mut log = DeliveryLog::client(&mut journal);
        for (packet_id, &Tag { token, is_resolved, .. }, outgoing) in self.session.sender.exchanges() {
            let stage = match outgoing {
                Some(outgoing) => {
                    log.message(token.0, &outgoing.record(), Body::of(&outgoing.message));
                    ExchangeStage::Sent
                }
                None if is_resolved => ExchangeStage::GivenUp,
                None => ExchangeStage::Released,
            };
            log.exchange(token.0, token.0, packet_id, stage);
        }
        for queued in &self.queue {
            if queued.outgoing.message.qos() != mqtt_codec::QoS::AtMostOnce {
                let Queued { token, outgoing } = queued;
                log.message(token.0, &outgoing.record(), Body::of(&outgoing.message));
            }
        }
        self.session.receiver.accepted().for_each(|id: PacketId| log.received(id));
        journal.into_state()
    }
}
