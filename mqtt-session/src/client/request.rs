//! SUBSCRIBE and UNSUBSCRIBE as an application asks for them.

use alloc::string::String;
use alloc::vec::Vec;

use mqtt_codec::{
    EncodeError, Packet, PacketId, Property, ProtocolVersion, Subscribe, SubscribeProperties,
    SubscriptionIdentifier, SubscriptionOptions, Subscriptions, TopicFilters, Unsubscribe,
    UnsubscribeProperties,
};
use mqtt_topic::{InvalidTopic, Subscription};

/// Topic Filters to subscribe to, with their options. They have been checked.
///
/// ```
/// use mqtt_session::SubscribeRequest;
/// use mqtt_session::codec::QoS;
///
/// let request = SubscribeRequest::new([("sensors/#", QoS::AtLeastOnce)])?;
/// assert!(SubscribeRequest::new([("sensors/#/all", QoS::AtLeastOnce)]).is_err());
/// # Ok::<(), mqtt_session::InvalidRequest>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeRequest {
    filters: Vec<(String, SubscriptionOptions)>,
    /// The Subscription Identifier that messages for these Topic Filters come with (5.0).
    pub identifier: Option<SubscriptionIdentifier>,
    /// The User Properties of the SUBSCRIBE (5.0).
    pub user_properties: Vec<(String, String)>,
}

/// Topic Filters to unsubscribe from. They have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubscribeRequest {
    filters: Vec<String>,
    /// The User Properties of the UNSUBSCRIBE (5.0).
    pub user_properties: Vec<(String, String)>,
}

/// Why a request cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// At least one Topic Filter is needed `[MQTT-3.8.3-2]` `[MQTT-3.10.3-2]`.
    #[error("a request needs a Topic Filter")]
    Empty,
    /// A Topic Filter is invalid.
    #[error("invalid Topic Filter: {0}")]
    Filter(#[from] InvalidTopic),
    /// No Local cannot be set on a Shared Subscription `[MQTT-3.8.3-4]`.
    #[error("No Local on a Shared Subscription")]
    NoLocalOnShared,
}

impl SubscribeRequest {
    /// A request for these Topic Filters, in this order. A [`QoS`](mqtt_codec::QoS) is enough where no other option is
    /// wanted.
    ///
    /// # Errors
    /// [`InvalidRequest`] when there is no filter, or one that is invalid, or No Local on a Shared Subscription.
    pub fn new<F: Into<String>, O: Into<SubscriptionOptions>>(
        filters: impl IntoIterator<Item = (F, O)>,
    ) -> Result<Self, InvalidRequest> {
        let filters: Vec<_> =
            filters.into_iter().map(|(filter, options)| (filter.into(), options.into())).collect();
        for (filter, options) in &filters {
            if Subscription::parse(filter)?.share_name().is_some() && options.no_local {
                return Err(InvalidRequest::NoLocalOnShared);
            }
        }
        if filters.is_empty() {
            return Err(InvalidRequest::Empty);
        }
        Ok(Self { filters, identifier: None, user_properties: Vec::new() })
    }

    /// The Topic Filters with their options.
    pub fn filters(&self) -> &[(String, SubscriptionOptions)] {
        &self.filters
    }

    pub(super) fn subscriptions(&self) -> impl Iterator<Item = Subscription<&[u8]>> {
        self.filters.iter().filter_map(|(filter, _)| Subscription::parse(filter).ok())
    }

    /// Hands the SUBSCRIBE to `send`.
    pub(super) fn with_packet<R>(
        &self,
        packet_id: PacketId,
        version: ProtocolVersion,
        send: impl FnOnce(&Packet<'_>) -> Result<R, EncodeError>,
    ) -> Result<R, EncodeError> {
        let entries: Vec<_> =
            self.subscriptions().zip(self.filters.iter().map(|(_, options)| *options)).collect();
        let mut values = user_properties(&self.user_properties, version);
        if version == ProtocolVersion::V5_0 {
            values.extend(self.identifier.map(Property::SubscriptionIdentifier));
        }
        let properties = SubscribeProperties::new(&values)?;
        send(&Subscribe { properties, ..Subscribe::new(packet_id, Subscriptions::new(&entries)) }.into())
    }
}

impl UnsubscribeRequest {
    /// A request for these Topic Filters, in this order.
    ///
    /// # Errors
    /// [`InvalidRequest`] when there is no filter, or one that is invalid.
    pub fn new<F: Into<String>>(filters: impl IntoIterator<Item = F>) -> Result<Self, InvalidRequest> {
        let filters: Vec<String> = filters.into_iter().map(Into::into).collect();
        for filter in &filters {
            Subscription::parse(filter)?;
        }
        if filters.is_empty() {
            return Err(InvalidRequest::Empty);
        }
        Ok(Self { filters, user_properties: Vec::new() })
    }

    /// The Topic Filters.
    pub fn filters(&self) -> &[String] {
        &self.filters
    }

    /// Hands the UNSUBSCRIBE to `send`.
    pub(super) fn with_packet<R>(
        &self,
        packet_id: PacketId,
        version: ProtocolVersion,
        send: impl FnOnce(&Packet<'_>) -> Result<R, EncodeError>,
    ) -> Result<R, EncodeError> {
        let entries: Vec<_> =
            self.filters.iter().filter_map(|filter| Subscription::parse(filter).ok()).collect();
        let values = user_properties(&self.user_properties, version);
        let properties = UnsubscribeProperties::new(&values)?;
        send(&Unsubscribe { properties, ..Unsubscribe::new(packet_id, TopicFilters::new(&entries)) }.into())
    }
}

/// 3.x has no properties, and so sends none.
fn user_properties(pairs: &[(String, String)], version: ProtocolVersion) -> Vec<Property<'_>> {
    match version {
        ProtocolVersion::V5_0 => {
            pairs.iter().map(|(name, value)| Property::UserProperty((name, value))).collect()
        }
        ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => Vec::new(),
    }
}
