//! What lasts as long as one Network Connection.

use alloc::collections::BTreeMap;
use core::time::Duration;

use mqtt_codec::{
    Connack, Decoder, EncodeError, MAXIMUM_PACKET_SIZE, PacketId, Property, ProtocolVersion, QoS, ReasonAck,
    ShortAck,
};

use super::config::ConnectOptions;
use super::{RejectReason, RequestToken, SubscribeRequest};
use crate::delivery::first_delivery;
use crate::keep_alive::Pinger;
use crate::message::MOST_BESIDES;
use crate::topic_alias::{AliasReceiver, AliasSender};
use crate::{Explanation, Instant, Message};

/// Topics that get an alias, at most: their names are kept.
const ALIASED_TOPICS: u16 = 256;

/// A Network Connection between CONNECT and its end.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) options: ConnectOptions,
    pub(super) decoder: Decoder,
    pub(super) phase: Phase,
    /// There was Session State before CONNECT.
    pub(super) had_session: bool,
    /// Requests that wait for their answer; no Session keeps them.
    pub(super) requests: BTreeMap<PacketId, Request>,
    /// The enhanced authentication exchange that is under way.
    pub(super) exchange: Option<Exchange>,
    /// What is to be said beside the reasons of acknowledgements that wait for their turn.
    pub(super) explanations: BTreeMap<PacketId, Explanation>,
}

/// An enhanced authentication exchange that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// The Server has asked, and is not answered yet.
    pub(super) is_our_turn: bool,
    /// How often the Server has asked.
    pub(super) steps: u16,
}

impl Exchange {
    /// The Client has begun one.
    pub(super) const BEGUN: Self = Self { is_our_turn: false, steps: 0 };
}

#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// CONNECT is out.
    AwaitConnack { deadline: Instant },
    /// CONNACK has come.
    Connected(Negotiated),
}

/// What CONNACK settles.
#[derive(Clone, Debug)]
pub(super) struct Negotiated {
    pub(super) limits: ServerLimits,
    pub(super) pinger: Pinger,
    pub(super) alias_sender: AliasSender,
    pub(super) alias_receiver: AliasReceiver,
    /// Seconds; 0: the Session ends with the connection.
    pub(super) session_expiry_interval: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) token: RequestToken,
    pub(super) kind: RequestKind,
    /// How many Topic Filters it has.
    pub(super) filters: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Subscribe,
    Unsubscribe,
}

/// What the Server supports, as its CONNACK says (section 3.2.2.3). In 3.x: everything there is in 3.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// How many QoS 1 and QoS 2 messages it takes at a time.
    pub receive_maximum: u16,
    /// The highest QoS to publish with.
    pub maximum_qos: QoS,
    /// Whether messages may be retained.
    pub retain_available: bool,
    /// The largest packet it takes, in bytes.
    pub maximum_packet_size: u32,
    /// The highest Topic Alias it takes; 0: none.
    pub topic_alias_maximum: u16,
    /// Whether Topic Filters may have wildcards.
    pub wildcard_subscription_available: bool,
    /// Whether a SUBSCRIBE may have a Subscription Identifier.
    pub subscription_identifier_available: bool,
    /// Whether subscriptions may be shared.
    pub shared_subscription_available: bool,
    /// The Keep Alive in force, in seconds; 0: off.
    pub keep_alive: u16,
    /// How many seconds the Session outlives the connection; 0: not at all, 0xFFFFFFFF: for ever.
    pub session_expiry_interval: u32,
}

impl Connection {
    /// CONNECT goes out now.
    pub(super) fn new(
        now: Instant,
        options: ConnectOptions,
        connack_timeout: Duration,
        had_session: bool,
    ) -> Self {
        let mut decoder = Decoder::client(options.version);
        decoder.set_maximum_packet_size(options.maximum_packet_size);
        decoder.accept(options.accepted_deviations);
        let phase = Phase::AwaitConnack { deadline: now + connack_timeout };
        let exchange = options.method().map(|_| Exchange::BEGUN);
        let explanations = BTreeMap::new();
        Self { options, decoder, phase, had_session, requests: BTreeMap::new(), exchange, explanations }
    }

    /// The acknowledgement in four bytes that `input` begins with, if it does and may.
    #[inline]
    pub(super) fn short_ack(&mut self, input: &[u8]) -> Option<ShortAck> {
        match self.phase {
            Phase::AwaitConnack { .. } => None,
            Phase::Connected(_) => self.decoder.short_ack(input),
        }
    }

    /// As [`short_ack`](Self::short_ack), of those in five bytes.
    #[inline]
    pub(super) fn reason_ack(&mut self, input: &[u8]) -> Option<ReasonAck> {
        match self.phase {
            Phase::AwaitConnack { .. } => None,
            Phase::Connected(_) => self.decoder.reason_ack(input),
        }
    }

    pub(super) const fn negotiated(&self) -> Option<&Negotiated> {
        match &self.phase {
            Phase::AwaitConnack { .. } => None,
            Phase::Connected(negotiated) => Some(negotiated),
        }
    }

    pub(super) const fn negotiated_mut(&mut self) -> Option<&mut Negotiated> {
        match &mut self.phase {
            Phase::AwaitConnack { .. } => None,
            Phase::Connected(negotiated) => Some(negotiated),
        }
    }
}

impl Negotiated {
    pub(super) fn new(
        now: Instant,
        options: &ConnectOptions,
        connack: &Connack<'_>,
        pingresp_timeout: Duration,
        use_topic_aliases: bool,
    ) -> Self {
        let limits = ServerLimits::new(options, connack);
        let aliases = if use_topic_aliases { limits.topic_alias_maximum.min(ALIASED_TOPICS) } else { 0 };
        Self {
            pinger: Pinger::new(now, limits.keep_alive, pingresp_timeout),
            alias_sender: AliasSender::new(aliases),
            alias_receiver: AliasReceiver::new(options.topic_alias_maximum),
            session_expiry_interval: limits.session_expiry_interval,
            limits,
        }
    }
}

impl ServerLimits {
    fn new(options: &ConnectOptions, connack: &Connack<'_>) -> Self {
        let properties = connack.properties;
        let is_v5 = options.version == ProtocolVersion::V5_0;
        let session_expiry_interval = match (is_v5, options.clean_start) {
            (true, _) => properties.session_expiry_interval().unwrap_or(options.session_expiry_interval),
            (false, true) => 0,
            (false, false) => u32::MAX,
        };
        Self {
            receive_maximum: properties.receive_maximum().map_or(u16::MAX, core::num::NonZero::get),
            maximum_qos: properties.maximum_qos().unwrap_or(QoS::ExactlyOnce),
            retain_available: properties.retain_available().unwrap_or(true),
            maximum_packet_size: properties
                .maximum_packet_size()
                .map_or(MAXIMUM_PACKET_SIZE, core::num::NonZero::get),
            topic_alias_maximum: properties.topic_alias_maximum().unwrap_or(0),
            wildcard_subscription_available: properties.wildcard_subscription_available().unwrap_or(true),
            subscription_identifier_available: is_v5
                && properties.subscription_identifier_available().unwrap_or(true),
            shared_subscription_available: is_v5
                && properties.shared_subscription_available().unwrap_or(true),
            keep_alive: properties.server_keep_alive().unwrap_or(options.keep_alive),
            session_expiry_interval,
        }
    }

    /// Whether the Server takes a packet of `len` bytes. Without a limit of its own nothing is measured: a packet that no
    /// Server takes is not encoded.
    pub(super) fn takes(
        &self,
        len: impl FnOnce() -> Result<usize, EncodeError>,
    ) -> Result<bool, EncodeError> {
        Ok(self.maximum_packet_size >= MAXIMUM_PACKET_SIZE || len()? <= self.maximum_packet_size as usize)
    }

    /// Whether the Server supports what `message` asks for, its size aside.
    pub(super) fn check_support(&self, message: &Message) -> Result<(), RejectReason> {
        if message.qos() > self.maximum_qos {
            return Err(RejectReason::QoSNotSupported);
        }
        if message.retain() && !self.retain_available {
            return Err(RejectReason::RetainNotSupported);
        }
        Ok(())
    }

    /// Whether a PUBLISH of `message` is small enough however it is sent; most are, and need not be measured.
    #[inline]
    pub(super) fn takes_easily(&self, message: &Message) -> bool {
        message.size() + MOST_BESIDES <= self.maximum_packet_size as usize
    }

    /// Whether `message` may be sent to this Server.
    pub(super) fn check_message(
        &self,
        message: &Message,
        version: ProtocolVersion,
    ) -> Result<(), RejectReason> {
        self.check_support(message)?;
        if self.takes_easily(message) {
            return Ok(());
        }
        // Every identifier takes as much room.
        let publish = message.as_publish(version, first_delivery(message.qos(), PacketId::MIN));
        let extra = expiry_property(message.expiry(), version);
        let len = publish.encoded_len_with(version, extra.as_slice())?;
        if self.takes(|| Ok(len))? { Ok(()) } else { Err(RejectReason::PacketTooLarge) }
    }

    /// Whether `request` may be sent to this Server; its size is checked when it is encoded.
    pub(super) fn check_subscribe(
        &self,
        request: &SubscribeRequest,
        version: ProtocolVersion,
    ) -> Result<(), RejectReason> {
        let is_v5 = version == ProtocolVersion::V5_0;
        if is_v5 && request.identifier.is_some() && !self.subscription_identifier_available {
            return Err(RejectReason::SubscriptionIdentifiersNotSupported);
        }
        for subscription in request.subscriptions() {
            if subscription.share_name().is_some() && !self.shared_subscription_available {
                return Err(RejectReason::SharedSubscriptionsNotSupported);
            }
            if subscription.filter().has_wildcard() && !self.wildcard_subscription_available {
                return Err(RejectReason::WildcardSubscriptionsNotSupported);
            }
        }
        Ok(())
    }
}

/// The Message Expiry Interval as the property of a PUBLISH.
pub(super) fn expiry_property(seconds: Option<u32>, version: ProtocolVersion) -> Option<Property<'static>> {
    match version {
        ProtocolVersion::V5_0 => seconds.map(Property::MessageExpiryInterval),
        ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => None,
    }
}
