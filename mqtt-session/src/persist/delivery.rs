//! The records of the delivery protocol, which Client and Server have in common: messages, exchanges, received identifiers.
//!
//! A message has a record from when it is taken over until its receiver has taken it over; an exchange has one from its
//! first PUBLISH to its end. Both have the number of the message, which is never used again in a Session.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mqtt_codec::{PacketId, QoS, SubscriptionIdentifier};
use mqtt_topic::{ShareName, Subscription, TopicFilter, TopicName};

use super::record::topic_text;
use super::{Body, Change, Fields, Journal, Kind, RestoreFault, Restored, Writer};
use crate::{Instant, Message};

/// How a message is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct MessageRecord<'a> {
    /// The QoS it is sent with, which may be below its own.
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expires_at: Option<Instant>,
    pub(crate) identifiers: &'a [SubscriptionIdentifier],
    pub(crate) group: Option<&'a Subscription<Box<[u8]>>>,
}

/// The same and the message, as they were stored.
#[derive(Debug)]
pub(crate) struct RestoredMessage {
    pub(crate) message: Arc<Message>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expires_at: Option<Instant>,
    pub(crate) identifiers: Vec<SubscriptionIdentifier>,
    pub(crate) group: Option<Subscription<Box<[u8]>>>,
}

/// Tells the changes of one Session's deliveries.
#[derive(Debug)]
pub(crate) struct DeliveryLog<'j> {
    journal: &'j mut Journal,
    /// Whose Session it is, at a broker.
    client_id: Option<&'j str>,
    is_enabled: bool,
}

impl<'j> DeliveryLog<'j> {
    #[inline]
    pub(crate) const fn client(journal: &'j mut Journal) -> Self {
        let is_enabled = journal.is_enabled();
        Self { journal, client_id: None, is_enabled }
    }

    /// Of a Session that is or is not stored.
    #[inline]
    pub(crate) const fn session(journal: &'j mut Journal, client_id: &'j str, is_stored: bool) -> Self {
        let is_enabled = is_stored && journal.is_enabled();
        Self { journal, client_id: Some(client_id), is_enabled }
    }

    /// Whether anything is told at all.
    pub(crate) const fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// A message is taken over. `None`: it is too large for any packet, and so is not sent either.
    pub(crate) fn message(&mut self, number: u64, record: &MessageRecord<'_>, body: Option<Body>) {
        if self.is_enabled
            && let (Some(fields), Some(body)) = (record.fields(), body)
        {
            let key = self.key().kind(Kind::Message).u64(number);
            self.journal.push(key.with_body(fields, body));
        }
    }

    /// The message is given up.
    #[inline]
    pub(crate) fn message_gone(&mut self, number: u64) {
        self.remove(Kind::Message, |key| key.u64(number));
    }

    /// The message is sent for the first time, as the one with this place in the order of first sending.
    #[inline]
    pub(crate) fn sent(&mut self, number: u64, order: u64, packet_id: PacketId) {
        self.exchange(number, order, packet_id, ExchangeStage::Sent);
    }

    /// PUBREC has come: the message is the receiver's.
    #[inline]
    pub(crate) fn released(&mut self, number: u64, order: u64, packet_id: PacketId) {
        self.exchange(number, order, packet_id, ExchangeStage::Released);
        self.message_gone(number);
    }

    /// The Client has given up the message, and told so; the Server may still have to release it.
    pub(crate) fn given_up(&mut self, number: u64, packet_id: PacketId) {
        self.exchange(number, number, packet_id, ExchangeStage::GivenUp);
        self.message_gone(number);
    }

    /// The exchange is over. After PUBREC the message is already gone.
    #[inline]
    pub(crate) fn completed(&mut self, number: u64, has_message: bool) {
        self.remove(Kind::Exchange, |key| key.u64(number));
        if has_message {
            self.message_gone(number);
        }
    }

    /// A QoS 2 message is taken over under this identifier.
    #[inline]
    pub(crate) fn received(&mut self, packet_id: PacketId) {
        self.put(Kind::Received, |key| key.packet_id(packet_id), Writer::value);
    }

    /// PUBREL has come.
    #[inline]
    pub(crate) fn discarded(&mut self, packet_id: PacketId) {
        self.remove(Kind::Received, |key| key.packet_id(packet_id));
    }

    /// All identifiers of received messages are forgotten.
    #[inline]
    pub(crate) fn discarded_all(&mut self) {
        if self.is_enabled {
            let prefix = self.key().kind(Kind::Received).into_key();
            self.journal.push(Change::RemoveAll { prefix });
        }
    }

    /// An exchange as it is; [`sent`](Self::sent) and [`released`](Self::released) say how it came to be so.
    #[inline]
    pub(crate) fn exchange(&mut self, number: u64, order: u64, packet_id: PacketId, stage: ExchangeStage) {
        let value = || Writer::value().u64(order).packet_id(packet_id).byte(stage as u8);
        self.put(Kind::Exchange, |key| key.u64(number), value);
    }

    /// Where nothing is told, nothing is written either.
    #[expect(clippy::inline_always, reason = "in memory it is a test of a flag, and a call costs more")]
    #[inline(always)]
    fn put(&mut self, kind: Kind, rest: impl FnOnce(Writer) -> Writer, value: impl FnOnce() -> Writer) {
        if self.is_enabled {
            self.journal.push(rest(self.key().kind(kind)).with(value()));
        }
    }

    #[expect(clippy::inline_always, reason = "as for `put`")]
    #[inline(always)]
    fn remove(&mut self, kind: Kind, rest: impl FnOnce(Writer) -> Writer) {
        if self.is_enabled {
            let key = rest(self.key().kind(kind)).into_key();
            self.journal.push(Change::Remove { key });
        }
    }

    fn key(&self) -> Writer {
        self.client_id.map_or(Writer::client(), Writer::session)
    }
}

impl MessageRecord<'_> {
    /// `None`: there are more identifiers than any packet has.
    fn fields(&self) -> Option<Writer> {
        let mut value = Writer::value()
            .byte(self.qos.bits())
            .bool(self.retain)
            .instant(self.expires_at)
            .u32(u32::try_from(self.identifiers.len()).ok()?);
        for identifier in self.identifiers {
            value = value.identifier(Some(*identifier));
        }
        Some(match self.group {
            None => value.bool(false),
            Some(group) => subscription_fields(value.bool(true), group),
        })
    }
}

/// A subscription, as [`restored_subscription`] reads it.
pub(crate) fn subscription_fields<S: AsRef<[u8]>>(writer: Writer, subscription: &Subscription<S>) -> Writer {
    let writer = match subscription.share_name() {
        None => writer.bool(false),
        Some(share_name) => writer.bool(true).sized(share_name.as_bytes()),
    };
    writer.sized(subscription.filter().as_bytes())
}

pub(crate) fn restored_subscription(
    fields: &mut Fields<'_>,
) -> Result<Subscription<Box<[u8]>>, RestoreFault> {
    let share_name = if fields.bool()? { Some(fields.sized()?) } else { None };
    let filter = restored_filter(fields.sized()?)?;
    Ok(match share_name {
        None => Subscription::Ordinary(filter),
        Some(share_name) => {
            let share_name =
                ShareName::from_text(topic_text(share_name)?).map_err(|_| RestoreFault::Content)?;
            Subscription::Shared { share_name: share_name.boxed(), filter }
        }
    })
}

pub(crate) fn restored_filter(bytes: &[u8]) -> Result<TopicFilter<Box<[u8]>>, RestoreFault> {
    let filter = TopicFilter::from_text(topic_text(bytes)?).map_err(|_| RestoreFault::Content)?;
    Ok(filter.boxed())
}

pub(crate) fn restored_topic(bytes: &[u8]) -> Result<TopicName<Box<[u8]>>, RestoreFault> {
    let topic = TopicName::from_text(topic_text(bytes)?).map_err(|_| RestoreFault::Content)?;
    Ok(topic.boxed())
}

/// No machine counts beyond this, so that one that goes on with a number can count on.
const LAST_NUMBER: u64 = u64::MAX >> 1;

/// What was stored of the deliveries of one Session, put together.
#[derive(Debug, Default)]
pub(crate) struct RestoredDelivery {
    /// By number.
    messages: BTreeMap<u64, RestoredMessage>,
    /// In the order of first sending.
    exchanges: BTreeMap<u64, RestoredExchange>,
    received: Vec<PacketId>,
    last_number: u64,
}

#[derive(Debug)]
pub(crate) struct RestoredExchange {
    pub(crate) number: u64,
    pub(crate) order: u64,
    pub(crate) packet_id: PacketId,
    /// `None` after PUBREC, and where it is given up.
    pub(crate) message: Option<RestoredMessage>,
    /// The application has been told that the message is not sent again.
    pub(crate) is_given_up: bool,
}

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeStage {
    /// The message is on its way.
    Sent = 0,
    /// PUBREC has come: the message is the receiver's.
    Released = 1,
    /// The sender has given up the message, which the receiver may have.
    GivenUp = 2,
}

impl ExchangeStage {
    const fn from_byte(byte: u8) -> Result<Self, RestoreFault> {
        match byte {
            0 => Ok(Self::Sent),
            1 => Ok(Self::Released),
            2 => Ok(Self::GivenUp),
            _ => Err(RestoreFault::Content),
        }
    }
}

impl RestoredDelivery {
    /// Takes a record whose key begins with `kind`; `false`: the kind is of no delivery. Records come in the order of their
    /// keys.
    pub(crate) fn take(
        &mut self,
        kind: Kind,
        mut key: Fields<'_>,
        mut value: Fields<'_>,
        restored: &mut Restored,
    ) -> Result<bool, RestoreFault> {
        match kind {
            Kind::Message => {
                let number = counted(key.u64()?)?;
                self.messages.insert(number, restored_record(value, restored)?);
                self.last_number = self.last_number.max(number);
            }
            Kind::Exchange => {
                let (number, order) = (counted(key.u64()?)?, counted(value.u64()?)?);
                let (packet_id, stage) = (value.packet_id()?, ExchangeStage::from_byte(value.byte()?)?);
                value.end()?;
                let message = self.messages.remove(&number);
                if message.is_some() != (stage == ExchangeStage::Sent) {
                    return Err(RestoreFault::Inconsistent);
                }
                let is_given_up = stage == ExchangeStage::GivenUp;
                let exchange = RestoredExchange { number, order, packet_id, message, is_given_up };
                if self.exchanges.insert(order, exchange).is_some() {
                    return Err(RestoreFault::Inconsistent);
                }
                self.last_number = self.last_number.max(number);
            }
            Kind::Received => {
                self.received.push(key.packet_id()?);
                value.end()?;
            }
            Kind::Session | Kind::Will | Kind::Subscription | Kind::Walk => return Ok(false),
        }
        key.end()?;
        Ok(true)
    }

    /// The identifiers of received messages.
    pub(crate) fn received(&self) -> impl Iterator<Item = PacketId> {
        self.received.iter().copied()
    }

    /// The highest number that is in use.
    pub(crate) const fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Exchanges in the order of first sending, and messages that wait, in the order they were taken over.
    pub(crate) fn into_parts(
        self,
    ) -> (impl Iterator<Item = RestoredExchange>, impl Iterator<Item = (u64, RestoredMessage)>) {
        (self.exchanges.into_values(), self.messages.into_iter())
    }
}

const fn counted(number: u64) -> Result<u64, RestoreFault> {
    if number <= LAST_NUMBER { Ok(number) } else { Err(RestoreFault::Content) }
}

fn restored_record(mut fields: Fields<'_>, restored: &mut Restored) -> Result<RestoredMessage, RestoreFault> {
    let (qos, retain) = (fields.qos()?, fields.bool()?);
    let (expires_at, count) = (fields.instant()?, fields.u32()?);
    let mut identifiers = Vec::new();
    for _ in 0..count {
        // The count may be wrong; what is read is there.
        identifiers.push(SubscriptionIdentifier::new(fields.u32()?).ok_or(RestoreFault::Content)?);
    }
    let group = if fields.bool()? { Some(restored_subscription(&mut fields)?) } else { None };
    let message = restored.message(fields.into_body()?)?;
    // QoS 0 is not kept, and nothing is sent with more than it was published with.
    if qos == QoS::AtMostOnce || qos > message.qos() {
        return Err(RestoreFault::Content);
    }
    Ok(RestoredMessage { message, qos, retain, expires_at, identifiers, group })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AllowAll, Broker, BrokerConfig, Client, ClientConfig, RestoreError, StoredState};

    fn record(number: u64, message: QoS, qos: QoS, exchange: Option<u64>) -> [StoredState; 2] {
        let message = Message::new("a", "1").unwrap().with_qos(message);
        let record = MessageRecord { qos, retain: false, expires_at: None, identifiers: &[], group: None };
        [None, Some("c")].map(|client_id| {
            let mut journal = Journal::new(true);
            let mut log = match client_id {
                None => DeliveryLog::client(&mut journal),
                Some(client_id) => DeliveryLog::session(&mut journal, client_id, true),
            };
            log.message(number, &record, Body::of(&message));
            if let Some(order) = exchange {
                log.sent(number, order, PacketId::MIN);
            }
            journal.into_state()
        })
    }

    fn restore([client, session]: [StoredState; 2]) -> [Result<(), RestoreError>; 2] {
        let now = Instant::from_millis(0);
        [
            Client::restore(ClientConfig::default(), client.records()).map(drop),
            Broker::restore(now, BrokerConfig::default(), AllowAll, session.records()).map(drop),
        ]
    }

    /// A Session with one exchange that has no message.
    fn exchange(stage: u8) -> [StoredState; 2] {
        let put = |log: &mut DeliveryLog<'_>| {
            let value = || Writer::value().u64(1).packet_id(PacketId::MIN).byte(stage);
            log.put(Kind::Exchange, |key| key.u64(1), value);
        };
        let (mut client, mut broker) = (Journal::new(true), Journal::new(true));
        put(&mut DeliveryLog::client(&mut client));
        let mut log = DeliveryLog::session(&mut broker, "c", true);
        log.put(Kind::Session, |key| key, || Writer::value().text(None).u32(1).bool(false).instant(None));
        put(&mut log);
        [client.into_state(), broker.into_state()]
    }

    #[test]
    fn only_a_client_gives_a_message_up() {
        let restored = |stage| restore(exchange(stage)).map(|result| result.map_err(|error| error.fault));
        assert_eq!(restored(ExchangeStage::Released as u8), [Ok(()), Ok(())]);
        assert_eq!(restored(ExchangeStage::GivenUp as u8), [Ok(()), Err(RestoreFault::Inconsistent)]);
        assert_eq!(restored(3), [Err(RestoreFault::Content), Err(RestoreFault::Content)]);
    }

    #[test]
    fn what_no_machine_writes_is_refused() {
        use QoS::{AtLeastOnce as ONE, AtMostOnce as ZERO, ExactlyOnce as TWO};
        for stored in [
            record(u64::MAX, ONE, ONE, None),
            record(1, ONE, ONE, Some(u64::MAX)),
            record(1, ZERO, ZERO, None),
            record(1, TWO, ZERO, None),
            record(1, ONE, TWO, None),
        ] {
            for result in restore(stored) {
                assert_eq!(result.map_err(|error| error.fault), Err(RestoreFault::Content));
            }
        }
        let [client, _] = restore(record(1, TWO, TWO, Some(1)));
        assert_eq!(client, Ok(()));
    }
}
