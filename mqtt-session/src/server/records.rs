//! A Session of a durable broker on stable storage, apart from its deliveries: its terms, Will, and subscriptions.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use mqtt_codec::{QoS, SubscriptionIdentifier};
use mqtt_topic::{Subscription, TopicFilter};

use super::retained::RetainedWalk;
use crate::persist::{
    Body, Change, Fields, Journal, Kind, RestoreFault, Restored, RestoredDelivery, Writer, restored_filter,
    restored_subscription, restored_topic, subscription_fields,
};
use crate::{Instant, Message};

/// What a subscription was granted, without what follows from the subscription itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) identifier: Option<SubscriptionIdentifier>,
}

/// Whose a Session is, and how long it lasts.
#[derive(Debug)]
pub(crate) struct SessionTerms {
    pub(crate) principal: Option<Arc<str>>,
    pub(crate) expiry: u32,
    /// There was a connection at that time.
    pub(crate) was_connected: bool,
    pub(crate) expires_at: Option<Instant>,
}

/// A Will in the store.
#[derive(Clone, Debug)]
pub(crate) struct StoredWill {
    pub(crate) message: Arc<Message>,
    /// Will Delay Interval in seconds.
    pub(crate) delay: u32,
    /// When it is due; `None` while its connection is open.
    pub(crate) at: Option<Instant>,
}

/// Tells the changes of one Session that are no deliveries.
#[derive(Debug)]
pub(crate) struct SessionLog<'j> {
    journal: &'j mut Journal,
    client_id: &'j str,
    is_enabled: bool,
}

impl<'j> SessionLog<'j> {
    pub(crate) const fn new(journal: &'j mut Journal, client_id: &'j str, is_stored: bool) -> Self {
        let is_enabled = is_stored && journal.is_enabled();
        Self { journal, client_id, is_enabled }
    }

    /// The Session is there, on these terms.
    pub(crate) fn terms(&mut self, terms: &SessionTerms) {
        let value = || {
            Writer::value()
                .text(terms.principal.as_deref())
                .u32(terms.expiry)
                .bool(terms.was_connected)
                .instant(terms.expires_at)
        };
        self.put(|key| key.kind(Kind::Session), value);
    }

    /// The Session is gone, and everything it had.
    pub(crate) fn ended(&mut self) {
        if self.is_enabled {
            self.journal.push(Change::RemoveAll { prefix: Writer::session(self.client_id).into_key() });
        }
    }

    pub(crate) fn will(&mut self, will: &StoredWill) {
        if !self.is_enabled {
            return;
        }
        // A Will came in a packet, and fits one.
        if let Some(body) = Body::of(&will.message) {
            let key = Writer::session(self.client_id).kind(Kind::Will);
            let fields = Writer::value().u32(will.delay).instant(will.at);
            self.journal.push(key.with_body(fields, body));
        }
    }

    pub(crate) fn will_gone(&mut self) {
        self.remove(|key| key.kind(Kind::Will));
    }

    pub(crate) fn subscribed<S: AsRef<[u8]>>(&mut self, subscription: &Subscription<S>, terms: Terms) {
        let value = || {
            Writer::value()
                .byte(terms.qos.bits())
                .bool(terms.no_local)
                .bool(terms.retain_as_published)
                .identifier(terms.identifier)
        };
        self.put(|key| subscription_fields(key.kind(Kind::Subscription), subscription), value);
    }

    pub(crate) fn unsubscribed<S: AsRef<[u8]>>(&mut self, subscription: &Subscription<S>) {
        self.remove(|key| subscription_fields(key.kind(Kind::Subscription), subscription));
    }

    /// A subscription still has to get the retained messages behind a topic.
    pub(crate) fn walk(&mut self, walk: &RetainedWalk) {
        let value = || {
            Writer::value()
                .byte(walk.qos.bits())
                .bool(walk.no_local)
                .identifier(walk.identifier)
                .bytes(walk.after.as_ref().map_or(&[], |after| after.as_bytes()))
        };
        self.put(|key| key.kind(Kind::Walk).bytes(walk.filter.as_bytes()), value);
    }

    pub(crate) fn walk_gone<S: AsRef<[u8]>>(&mut self, filter: &TopicFilter<S>) {
        self.remove(|key| key.kind(Kind::Walk).bytes(filter.as_bytes()));
    }

    /// Where nothing is told, nothing is written either.
    fn put(&mut self, rest: impl FnOnce(Writer) -> Writer, value: impl FnOnce() -> Writer) {
        if self.is_enabled {
            self.journal.push(rest(Writer::session(self.client_id)).with(value()));
        }
    }

    fn remove(&mut self, rest: impl FnOnce(Writer) -> Writer) {
        if self.is_enabled {
            self.journal.push(Change::Remove { key: rest(Writer::session(self.client_id)).into_key() });
        }
    }
}

/// The records of one Session, put together.
#[derive(Debug, Default)]
pub(crate) struct StoredSession {
    pub(crate) terms: Option<SessionTerms>,
    pub(crate) will: Option<StoredWill>,
    pub(crate) subscriptions: Vec<(Subscription<Box<[u8]>>, Terms)>,
    pub(crate) walks: Vec<RetainedWalk>,
    pub(crate) delivery: RestoredDelivery,
}

impl StoredSession {
    /// Takes a record, of which `key` is what is behind the Client Identifier.
    pub(crate) fn take(
        &mut self,
        mut key: Fields<'_>,
        mut value: Fields<'_>,
        restored: &mut Restored,
    ) -> Result<(), RestoreFault> {
        let kind = key.kind()?;
        if self.delivery.take(kind, key, value, restored)? {
            return Ok(());
        }
        match kind {
            Kind::Session => {
                self.terms = Some(SessionTerms {
                    principal: value.text()?,
                    expiry: value.u32()?,
                    was_connected: value.bool()?,
                    expires_at: value.instant()?,
                });
                value.end()?;
            }
            Kind::Will => {
                let (delay, at) = (value.u32()?, value.instant()?);
                self.will = Some(StoredWill { message: restored.message(value.into_body()?)?, delay, at });
            }
            Kind::Subscription => {
                let subscription = restored_subscription(&mut key)?;
                let (qos, no_local, retain_as_published) = (value.qos()?, value.bool()?, value.bool()?);
                let terms = Terms { qos, no_local, retain_as_published, identifier: value.identifier()? };
                self.subscriptions.push((subscription, terms));
                value.end()?;
            }
            Kind::Walk => {
                let filter = restored_filter(key.take_rest())?;
                let (qos, no_local, identifier) = (value.qos()?, value.bool()?, value.identifier()?);
                let after = match value.take_rest() {
                    [] => None,
                    topic => Some(restored_topic(topic)?),
                };
                self.walks.push(RetainedWalk { filter, qos, no_local, identifier, after });
                value.end()?;
            }
            Kind::Message | Kind::Exchange | Kind::Received => return Err(RestoreFault::Key),
        }
        key.end()
    }
}
