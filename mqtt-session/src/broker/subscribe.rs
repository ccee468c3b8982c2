//! SUBSCRIBE and UNSUBSCRIBE (sections 3.8 to 3.11).

use alloc::sync::Arc;
use alloc::vec::Vec;

use mqtt_codec::{
    AckProperties, DisconnectReason, Packet, ProtocolVersion, QoS, RetainHandling, Suback, SubackReason,
    SubackReasons, Subscribe, SubscriptionIdentifier, SubscriptionOptions, Unsuback, UnsubackReason,
    UnsubackReasons, Unsubscribe,
};
use mqtt_topic::Subscription;

use super::{Broker, Policy, State};
use crate::server::{ConnectionId, Group, RetainedWalk, SessionId, Terms};
use crate::{Explanation, Instant, Refusal};

/// What a subscription was granted.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) qos: QoS,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
    pub(super) identifier: Option<SubscriptionIdentifier>,
    /// The subscription itself, where it is shared.
    pub(super) group: Option<Group>,
}

impl Granted {
    pub(super) fn new<S: AsRef<[u8]>>(subscription: &Subscription<S>, terms: Terms) -> Self {
        let Terms { qos, no_local, retain_as_published, identifier } = terms;
        let group = subscription.share_name().map(|_| Arc::new(subscription.boxed()));
        Self { qos, no_local, retain_as_published, identifier, group }
    }

    pub(super) const fn terms(&self) -> Terms {
        let Self { qos, no_local, retain_as_published, identifier, .. } = *self;
        Terms { qos, no_local, retain_as_published, identifier }
    }
}

impl<P: Policy> Broker<P> {
    pub(super) fn handle_subscribe(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        session: SessionId,
        version: ProtocolVersion,
        subscribe: &Subscribe<'_>,
    ) {
        // Only a 5.0 Client was told what there is not.
        let ignored =
            if version == ProtocolVersion::V5_0 { self.state.ignored_limit(subscribe) } else { None };
        if let Some(reason) = ignored {
            return self.violated(now, connection, reason);
        }
        let identifier = subscribe.properties.subscription_identifier();
        let mut reasons = Vec::new();
        let mut explanation = Explanation::NONE;
        for result in subscribe.subscriptions.results() {
            let Some(subscriber) = self.state.sessions.get(session) else { return };
            let asked = result.map_or(QoS::AtMostOnce, |(_, options)| options.qos);
            let allowed = result.map_err(|_| Refusal::from(SubackReason::TopicFilterInvalid)).and_then(
                |(subscription, options)| {
                    let qos = self.policy.may_subscribe(&subscriber.info(), &subscription, options.qos)?;
                    Ok((subscription, SubscriptionOptions { qos: qos.min(options.qos), ..options }))
                },
            );
            let reason = match allowed {
                Ok((subscription, options)) => {
                    self.state.subscribe(session, &subscription, options, identifier)
                }
                Err(refusal) => {
                    if explanation.is_empty() {
                        explanation = refusal.explanation;
                    }
                    if refusal.reason.is_error() { refusal.reason } else { SubackReason::NotAuthorized }
                }
            };
            reasons.push(match version {
                ProtocolVersion::V3_1_1 if reason.is_error() => SubackReason::UnspecifiedError,
                // It has no code for a failure, and the Client is not to know.
                ProtocolVersion::V3_1 if reason.is_error() => SubackReason::granted(asked),
                _ => reason,
            });
        }
        let suback = Suback::new(subscribe.packet_id, SubackReasons::new(&reasons));
        let said = self.state.explain(connection, &explanation, |properties| {
            Suback { properties, ..suback }.encoded_len(version)
        });
        let properties = AckProperties::new(&said).unwrap_or_default();
        self.send(now, connection, &Packet::Suback(Suback { properties, ..suback }));
        self.fill(now, connection);
    }

    pub(super) fn handle_unsubscribe(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        session: SessionId,
        version: ProtocolVersion,
        unsubscribe: &Unsubscribe<'_>,
    ) {
        let reasons: Vec<UnsubackReason> = unsubscribe
            .filters
            .results()
            .map(|result| match result {
                Ok(subscription) => self.state.unsubscribe(session, &subscription),
                Err(_) => UnsubackReason::TopicFilterInvalid,
            })
            .collect();
        let reasons = match version {
            ProtocolVersion::V5_0 => UnsubackReasons::new(&reasons),
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => UnsubackReasons::NONE,
        };
        self.send(now, connection, &Packet::Unsuback(Unsuback::new(unsubscribe.packet_id, reasons)));
        // What stood in front of the queue may be gone.
        self.fill(now, connection);
    }
}

impl State {
    /// The reason to end a connection whose Client ignores what CONNACK said.
    fn ignored_limit(&self, subscribe: &Subscribe<'_>) -> Option<DisconnectReason> {
        let has_identifier = subscribe.properties.subscription_identifier().is_some();
        if has_identifier && !self.config.subscription_identifier_available {
            return Some(DisconnectReason::SubscriptionIdentifiersNotSupported);
        }
        subscribe.subscriptions.iter().find_map(|(subscription, _)| {
            if subscription.share_name().is_some() && !self.config.shared_subscription_available {
                Some(DisconnectReason::SharedSubscriptionsNotSupported)
            } else if subscription.filter().has_wildcard() && !self.config.wildcard_subscription_available {
                Some(DisconnectReason::WildcardSubscriptionsNotSupported)
            } else {
                None
            }
        })
    }

    fn subscribe(
        &mut self,
        id: SessionId,
        subscription: &Subscription<&[u8]>,
        options: SubscriptionOptions,
        identifier: Option<SubscriptionIdentifier>,
    ) -> SubackReason {
        let filter = subscription.filter();
        let Some(session) = self.sessions.get_mut(id) else { return SubackReason::UnspecifiedError };
        let is_shared = subscription.share_name().is_some();
        let exists = self.subscriptions.get(subscription, &id).is_some();
        if filter.has_wildcard() && !self.config.wildcard_subscription_available {
            return SubackReason::WildcardSubscriptionsNotSupported;
        }
        let members = if is_shared {
            self.subscriptions.group(subscription).map_or(0, |group| group.members().len())
        } else {
            0
        };
        let bytes = filter.as_bytes().len();
        let has_room = exists
            || (session.subscriptions < self.config.maximum_subscriptions
                && session.subscription_bytes + bytes <= self.config.maximum_subscription_bytes
                && members < self.config.maximum_group_members);
        if !has_room
            || session.walks() >= self.config.maximum_subscriptions.saturating_mul(2)
            || filter.levels().nth(self.config.maximum_filter_levels).is_some()
        {
            return SubackReason::QuotaExceeded;
        }
        let qos = options.qos.min(self.config.maximum_qos);
        let no_local = options.no_local;
        let terms = Terms { qos, no_local, retain_as_published: options.retain_as_published, identifier };
        if self.subscriptions.insert(subscription, id, Granted::new(subscription, terms)).is_err() {
            return SubackReason::QuotaExceeded;
        }
        session.session_log(&mut self.actions).subscribed(subscription, terms);
        if !exists {
            session.subscriptions += 1;
            session.subscription_bytes += bytes;
        }
        let wants_retained = match options.retain_handling {
            RetainHandling::SendAtSubscribe => true,
            RetainHandling::SendAtSubscribeIfNew => !exists,
            RetainHandling::DoNotSend => false,
        };
        if wants_retained && !is_shared {
            let walk = RetainedWalk { filter: filter.boxed(), qos, no_local, identifier, after: None };
            session.walk(walk, &mut self.actions);
        }
        SubackReason::granted(qos)
    }

    fn unsubscribe(&mut self, id: SessionId, subscription: &Subscription<&[u8]>) -> UnsubackReason {
        let removed = self.subscriptions.remove(subscription, &id);
        let (Some(_), Some(session)) = (removed, self.sessions.get_mut(id)) else {
            return UnsubackReason::NoSubscriptionExisted;
        };
        session.subscriptions -= 1;
        session.subscription_bytes -= subscription.filter().as_bytes().len();
        session.session_log(&mut self.actions).unsubscribed(subscription);
        if subscription.share_name().is_none() {
            session.stop_walk(subscription.filter(), &mut self.actions);
        }
        UnsubackReason::Success
    }
}
