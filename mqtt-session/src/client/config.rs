//! What an application decides: local limits, and what CONNECT says.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};
use core::time::Duration;

use bytes::{Bytes, BytesMut};
use mqtt_codec::{
    Connect, ConnectFields, ConnectProperties, Deviations, EncodeError, MAXIMUM_PACKET_SIZE, Property,
    PropertyError, PropertyId, ProtocolVersion, WillProperties,
};

use super::{Authentication, ClientError};
use crate::Message;

/// Local limits and habits of a [`Client`](crate::Client); nothing of it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// How many messages may wait to be sent for the first time, while there is no connection or no send quota.
    pub maximum_queued_messages: usize,
    /// How many bytes of messages may be held, waiting or unacknowledged. One message is taken whatever its size.
    pub maximum_queued_bytes: usize,
    /// How many QoS 1 and QoS 2 messages may be unacknowledged at a time. In 5.0 the Server's Receive Maximum can make it
    /// less; 3.x has no such limit of its own, but there are Servers that lose QoS 2 messages beyond 20.
    pub maximum_in_flight: NonZeroU16,
    /// How many SUBSCRIBE and UNSUBSCRIBE requests may wait for their answer at a time.
    pub maximum_requests: usize,
    /// How long to wait for CONNACK, and for each step of an authentication exchange before it.
    pub connack_timeout: Duration,
    /// How often the Server may ask in one authentication exchange.
    pub maximum_authentication_steps: u16,
    /// How long to wait for PINGRESP; the Keep Alive, if it is shorter.
    pub pingresp_timeout: Duration,
    /// Received QoS 1 and QoS 2 messages are acknowledged by [`Client::acknowledge`](crate::Client::acknowledge) instead
    /// of by themselves.
    pub manual_acknowledgement: bool,
    /// The Session State survives a crash: every change of it is told by [`Event::Persist`](crate::Event::Persist), and what
    /// depends on it leaves when it is stored. See [`Persist`](crate::Persist).
    pub durable: bool,
    /// From how many unwritten bytes on nothing more is taken from the queue, and no request. From twice as many on,
    /// which the answers to what is received can make it, input is [`Paused`](crate::Received::Paused) too. The last
    /// packet may go beyond either.
    pub transmit_limit: usize,
    /// Outgoing topics are replaced by Topic Aliases, as far as the Server allows (5.0). Each topic costs memory then,
    /// while the connection lasts.
    pub use_topic_aliases: bool,
}

impl Default for ClientConfig {
    /// 1,000 messages or 16 MiB waiting, 20 in flight, 100 requests, 30 and 10 seconds of patience, 16 steps of
    /// authentication, automatic acknowledgement, nothing durable, 256 KiB unwritten, no Topic Aliases.
    fn default() -> Self {
        Self {
            maximum_queued_messages: 1_000,
            maximum_queued_bytes: 16 << 20,
            maximum_in_flight: NonZeroU16::MIN.saturating_add(19),
            maximum_requests: 100,
            connack_timeout: Duration::from_secs(30),
            maximum_authentication_steps: 16,
            pingresp_timeout: Duration::from_secs(10),
            manual_acknowledgement: false,
            durable: false,
            transmit_limit: 256 << 10,
            use_topic_aliases: false,
        }
    }
}

/// How many characters a Client Identifier has in 3.1, at most (section 3.1 there).
const LONGEST_IN_V3_1: usize = 23;

/// What CONNECT says (section 3.1). What 3.x does not know is not sent in 3.x.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The protocol version to speak.
    pub version: ProtocolVersion,
    /// The Client Identifier. Empty: the Server chooses one, which needs Clean Start in 3.1.1 and does not exist in 3.1.
    pub client_id: String,
    /// Send a Client Identifier of more than 23 characters in 3.1 too, although a Server there refuses it unless it is told
    /// otherwise. Off.
    pub long_client_id_in_v3_1: bool,
    /// Begin without Session State (Clean Session in 3.x). What this client still holds is given up then.
    pub clean_start: bool,
    /// Seconds without traffic after which the connection counts as lost; 0: never.
    pub keep_alive: u16,
    /// How many seconds the Session outlives the connection; 0: not at all, 0xFFFFFFFF: for ever (5.0). In 3.x it is all
    /// or nothing, by `clean_start`.
    pub session_expiry_interval: u32,
    /// How many QoS 1 and QoS 2 messages the Server may leave unacknowledged at a time (5.0).
    pub receive_maximum: NonZeroU16,
    /// The largest packet to accept, in bytes. The Server is told in 5.0; a larger packet ends the connection.
    pub maximum_packet_size: u32,
    /// What the Server may do against the specification. Nothing.
    pub accepted_deviations: Deviations,
    /// How many Topic Aliases the Server may use (5.0). Each can cost 64 KiB.
    pub topic_alias_maximum: u16,
    /// Whether the Server may explain failures with Reason Strings and User Properties (5.0).
    pub request_problem_information: bool,
    /// Whether to ask the Server for Response Information (5.0).
    pub request_response_information: bool,
    /// The User Properties of the CONNECT (5.0).
    pub user_properties: Vec<(String, String)>,
    /// The message the Server publishes when the connection ends without a normal DISCONNECT.
    pub will: Option<Will>,
    /// The User Name.
    pub username: Option<String>,
    /// The Password; any bytes. 3.x allows it only beside a User Name.
    pub password: Option<Bytes>,
    /// The enhanced authentication exchange to begin (5.0, section 4.12), beside User Name and Password or without them.
    pub authentication: Option<Authentication>,
    /// The Server may have a Session that this [`Client`](crate::Client) has no state of, because an earlier run of the
    /// program left nothing open. Without this, 5.0 demands that the connection is closed `[MQTT-3.2.2-4]`.
    pub has_session: bool,
}

/// A Will Message (section 3.1.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// The message, with QoS, RETAIN, properties and Message Expiry Interval.
    pub message: Message,
    /// How many seconds the Server waits with it after the connection has ended (5.0).
    pub delay_interval: u32,
}

impl Will {
    /// A Will that is published at once.
    pub const fn new(message: Message) -> Self {
        Self { message, delay_interval: 0 }
    }
}

impl ConnectOptions {
    /// Clean Start without Client Identifier, credentials and Will; Keep Alive of 60 seconds; packets up to 16 MiB.
    pub const fn new(version: ProtocolVersion) -> Self {
        Self {
            version,
            client_id: String::new(),
            long_client_id_in_v3_1: false,
            clean_start: true,
            keep_alive: 60,
            session_expiry_interval: 0,
            receive_maximum: NonZeroU16::MAX,
            maximum_packet_size: 16 << 20,
            accepted_deviations: Deviations::NONE,
            topic_alias_maximum: 0,
            request_problem_information: true,
            request_response_information: false,
            user_properties: Vec::new(),
            will: None,
            username: None,
            password: None,
            authentication: None,
            has_session: false,
        }
    }

    /// The Authentication Method that CONNECT names.
    pub(super) fn method(&self) -> Option<&str> {
        match self.version {
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => None,
            ProtocolVersion::V5_0 => Some(&self.authentication.as_ref()?.method),
        }
    }

    /// Whether the Session outlives the connection, as far as the Client decides.
    pub(super) const fn keeps_session(&self) -> bool {
        match self.version {
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => !self.clean_start,
            ProtocolVersion::V5_0 => self.session_expiry_interval > 0,
        }
    }

    /// The CONNECT that says this.
    pub(super) fn encode(&self) -> Result<BytesMut, ClientError> {
        if self.version == ProtocolVersion::V3_1_1 && self.client_id.is_empty() && !self.clean_start {
            return Err(ClientError::ClientIdEmpty);
        }
        let is_short = self.long_client_id_in_v3_1 || self.client_id.chars().nth(LONGEST_IN_V3_1).is_none();
        if self.version == ProtocolVersion::V3_1 && !is_short {
            return Err(ClientError::ClientIdTooLong);
        }
        let properties = self.properties()?;
        let mut will_properties = Vec::new();
        if let Some(will) = &self.will
            && self.version == ProtocolVersion::V5_0
        {
            will_properties.extend(will.message.properties().as_publish());
            will_properties.extend(will.message.expiry().map(Property::MessageExpiryInterval));
            if will.delay_interval > 0 {
                will_properties.push(Property::WillDelayInterval(will.delay_interval));
            }
        }
        let will_properties = WillProperties::new(&will_properties).map_err(EncodeError::from)?;
        let fields = ConnectFields {
            client_id: &self.client_id,
            clean_start: self.clean_start,
            keep_alive: self.keep_alive,
            will: self.will.as_ref().map(|will| will.message.as_will(will_properties)),
            username: self.username.as_deref(),
            password: self.password.as_deref(),
            properties: ConnectProperties::new(&properties).map_err(EncodeError::from)?,
        };
        let connect = Connect::new(&fields);
        let mut bytes = BytesMut::with_capacity(connect.encoded_len(self.version)?);
        connect.encode(self.version, &mut bytes)?;
        Ok(bytes)
    }

    /// What differs from the defaults of the specification.
    fn properties(&self) -> Result<Vec<Property<'_>>, EncodeError> {
        let mut properties = Vec::new();
        if self.version != ProtocolVersion::V5_0 {
            return Ok(properties);
        }
        if self.session_expiry_interval > 0 {
            properties.push(Property::SessionExpiryInterval(self.session_expiry_interval));
        }
        if self.receive_maximum < NonZeroU16::MAX {
            properties.push(Property::ReceiveMaximum(self.receive_maximum));
        }
        if self.maximum_packet_size < MAXIMUM_PACKET_SIZE {
            let bytes = NonZeroU32::new(self.maximum_packet_size)
                .ok_or(PropertyError::Value(PropertyId::MaximumPacketSize))?;
            properties.push(Property::MaximumPacketSize(bytes));
        }
        if self.topic_alias_maximum > 0 {
            properties.push(Property::TopicAliasMaximum(self.topic_alias_maximum));
        }
        if !self.request_problem_information {
            properties.push(Property::RequestProblemInformation(false));
        }
        if self.request_response_information {
            properties.push(Property::RequestResponseInformation(true));
        }
        if let Some(Authentication { method, data }) = &self.authentication {
            properties.push(Property::AuthenticationMethod(method));
            properties.extend(data.as_deref().map(Property::AuthenticationData));
        }
        properties
            .extend(self.user_properties.iter().map(|(name, value)| Property::UserProperty((name, value))));
        Ok(properties)
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("long_client_id_in_v3_1", &self.long_client_id_in_v3_1)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("session_expiry_interval", &self.session_expiry_interval)
            .field("receive_maximum", &self.receive_maximum)
            .field("maximum_packet_size", &self.maximum_packet_size)
            .field("accepted_deviations", &self.accepted_deviations)
            .field("topic_alias_maximum", &self.topic_alias_maximum)
            .field("request_problem_information", &self.request_problem_information)
            .field("request_response_information", &self.request_response_information)
            .field("user_properties", &self.user_properties)
            .field("will", &self.will)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| format_args!("***")))
            .field("authentication", &self.authentication)
            .field("has_session", &self.has_session)
            .finish()
    }
}
