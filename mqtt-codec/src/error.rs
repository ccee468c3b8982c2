//! What is wrong with bytes of a peer ([`DecodeError`]) or with a packet of the caller ([`EncodeError`]).

use core::fmt;

use crate::{ConnackReason, DisconnectReason, PacketType, PropertyId};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $reason:literal, $clause:literal;)+) => {
        /// The rule of the specification that received bytes break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Fault {
            /// The 5.0 Reason Code for this fault, as a byte (section 4.13).
            pub const fn reason_code(self) -> u8 {
                match self { $(Self::$variant => $reason,)+ }
            }

            /// The numbered statement of MQTT 5.0 that is broken, or the section where no statement is numbered.
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$variant => $clause,)+ }
            }

            const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

faults! {
    /// the packet type is reserved
    ReservedPacketType = 0x81, "section 2.1.2";
    /// a packet that this side of the connection never receives
    WrongDirection = 0x82, "section 2.1.2";
    /// the first packet of the connection is not CONNECT
    NotConnect = 0x82, "MQTT-3.1.0-1";
    /// reserved flags of the fixed header are set
    ReservedFlags = 0x81, "MQTT-2.1.3-1";
    /// a QoS of 3
    InvalidQoS = 0x81, "MQTT-3.3.1-4";
    /// DUP is set on a QoS 0 PUBLISH
    DupWithQoS0 = 0x81, "MQTT-3.3.1-2";
    /// a Variable Byte Integer of more than four bytes
    VariableByteIntegerTooLong = 0x81, "MQTT-1.5.5-1";
    /// a Variable Byte Integer that is not in its shortest form
    VariableByteIntegerPadded = 0x81, "MQTT-1.5.5-1";
    /// the packet is larger than the receiver allows
    PacketTooLarge = 0x95, "MQTT-3.1.2-24";
    /// a packet, or the head of a PUBLISH that comes in parts, is larger than the receiver's buffer
    ExceedsBuffer = 0x97, "section 4.13";
    /// a field runs past the end of the packet or property set that contains it
    Truncated = 0x81, "section 1.2";
    /// bytes are left over after the last field
    TrailingBytes = 0x81, "section 1.2";
    /// a string that is not well-formed UTF-8
    NotUtf8 = 0x81, "MQTT-1.5.4-1";
    /// a string that contains U+0000
    NulInString = 0x81, "MQTT-1.5.4-2";
    /// a string that contains a control character or a non-character
    DisallowedCodePoint = 0x81, "section 1.5.4";
    /// the Protocol Name is unknown
    UnknownProtocolName = 0x84, "MQTT-3.1.2-1";
    /// the Protocol Version is below 5 and not served under this Protocol Name
    ProtocolVersionTooOld = 0x84, "MQTT-3.1.2-2";
    /// the Protocol Version is above 5
    ProtocolVersionTooNew = 0x84, "MQTT-3.1.2-2";
    /// the reserved Connect Flag is set
    ReservedConnectFlag = 0x81, "MQTT-3.1.2-3";
    /// Will QoS is set without a Will
    WillQoSWithoutWill = 0x81, "MQTT-3.1.2-11";
    /// a Will QoS of 3
    InvalidWillQoS = 0x81, "MQTT-3.1.2-12";
    /// Will Retain is set without a Will
    WillRetainWithoutWill = 0x81, "MQTT-3.1.2-13";
    /// a Password without a User Name, which 3.x forbids
    PasswordWithoutUserName = 0x81, "MQTT-3.1.2-22 (3.1.1)";
    /// a Packet Identifier of 0
    PacketIdZero = 0x82, "MQTT-2.2.1-3";
    /// an unknown Property Identifier
    UnknownProperty = 0x81, "section 2.2.2.2";
    /// a property that this packet may not carry
    PropertyNotAllowed = 0x81, "section 2.2.2.2";
    /// a property that may appear only once is repeated
    PropertyRepeated = 0x82, "section 2.2.2.2";
    /// more User Properties or Subscription Identifiers than the receiver allows
    TooManyProperties = 0x97, "section 4.13";
    /// a property with a value outside its range
    PropertyValue = 0x82, "section 3.1.2.11";
    /// a Subscription Identifier in a PUBLISH sent by a Client
    SubscriptionIdentifierFromClient = 0x82, "MQTT-3.3.4-6";
    /// a Session Expiry Interval in a DISCONNECT sent by a Server
    SessionExpiryFromServer = 0x82, "MQTT-3.14.2-2";
    /// a Topic Alias of 0
    TopicAliasZero = 0x94, "MQTT-3.3.2-8";
    /// a Response Topic that is no valid Topic Name
    InvalidResponseTopic = 0x82, "MQTT-3.3.2-14";
    /// Authentication Data without an Authentication Method
    AuthenticationDataWithoutMethod = 0x82, "section 3.1.2.11.10";
    /// an AUTH without an Authentication Method
    AuthenticationMethodMissing = 0x82, "section 3.15.2.2.2";
    /// a reason code or return code that this packet may not carry
    InvalidReasonCode = 0x82, "section 2.4";
    /// reserved Connect Acknowledge Flags are set
    ReservedConnackFlags = 0x81, "MQTT-3.2.2-1";
    /// Session Present is set although the connection is refused
    SessionPresentOnRefusal = 0x82, "MQTT-3.2.2-6";
    /// an invalid Topic Name
    InvalidTopicName = 0x90, "MQTT-3.3.2-2";
    /// an empty Topic Name without a Topic Alias
    TopicNameMissing = 0x82, "MQTT-4.7.3-1";
    /// an invalid Topic Filter
    InvalidTopicFilter = 0x8F, "MQTT-4.7.1-1";
    /// an invalid Shared Subscription
    InvalidSharedSubscription = 0x8F, "MQTT-4.8.2-2";
    /// reserved Subscription Options are set
    ReservedSubscriptionOptions = 0x81, "MQTT-3.8.3-5";
    /// Subscription Options with a QoS of 3
    InvalidSubscriptionQoS = 0x82, "section 3.8.3.1";
    /// Subscription Options with a Retain Handling of 3
    InvalidRetainHandling = 0x82, "section 3.8.3.1";
    /// No Local on a Shared Subscription
    NoLocalOnShared = 0x82, "MQTT-3.8.3-4";
    /// a SUBSCRIBE, SUBACK, UNSUBSCRIBE or UNSUBACK without payload
    EmptyPayload = 0x82, "MQTT-3.8.3-2";
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description().trim_start())
    }
}

/// Why received bytes are no valid Control Packet: what, in which packet, and where.
///
/// It names one fault. Where a packet has several, which one that is may change from one version of this crate to the next.
///
/// A Server answers a broken CONNECT with [`connack_reason`](Self::connack_reason) (5.0) or
/// [`connack_return_code`](Self::connack_return_code) (3.x) or not at all, everything after it with
/// [`disconnect_reason`](Self::disconnect_reason) (5.0) or not at all (3.x), and always closes the Network Connection
/// `[MQTT-4.13.1-1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DecodeError {
    fault: Fault,
    packet: Option<PacketType>,
    at: u32,
}

impl DecodeError {
    /// A fault found with `remaining` bytes of the packet not yet read.
    pub(crate) const fn with_remaining(fault: Fault, remaining: usize) -> Self {
        // A packet has at most 268,435,460 bytes.
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the largest packet")]
        Self { fault, packet: None, at: remaining as u32 }
    }

    /// Turns "bytes not yet read" into "bytes read" for a packet of `len` bytes.
    pub(crate) const fn located(self, packet: PacketType, len: usize) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the largest packet")]
        Self { packet: Some(packet), at: (len as u32).saturating_sub(self.at), ..self }
    }

    /// A fault of the fixed header.
    pub(crate) const fn in_header(fault: Fault, packet: Option<PacketType>) -> Self {
        Self { fault, packet, at: 0 }
    }

    /// The rule that is broken.
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// The packet it was found in; `None` when no version has such a type.
    pub const fn packet_type(&self) -> Option<PacketType> {
        self.packet
    }

    /// How many bytes of the packet, fixed header included, had been read when the fault was found.
    pub const fn offset(&self) -> u32 {
        self.at
    }

    /// The numbered statement of MQTT 5.0 that is broken, or the section where no statement is numbered.
    pub const fn clause(&self) -> &'static str {
        // The same rule, numbered for each packet on its own.
        match (self.fault, self.packet) {
            (Fault::EmptyPayload, Some(PacketType::Unsubscribe)) => "MQTT-3.10.3-2",
            (Fault::EmptyPayload, Some(PacketType::Suback)) => "section 3.9.3",
            (Fault::EmptyPayload, Some(PacketType::Unsuback)) => "section 3.11.3",
            (Fault::InvalidReasonCode, Some(PacketType::Connack)) => "MQTT-3.2.2-8",
            (Fault::InvalidReasonCode, Some(PacketType::Puback)) => "MQTT-3.4.2-1",
            (Fault::InvalidReasonCode, Some(PacketType::Pubrec)) => "MQTT-3.5.2-1",
            (Fault::InvalidReasonCode, Some(PacketType::Pubrel)) => "MQTT-3.6.2-1",
            (Fault::InvalidReasonCode, Some(PacketType::Pubcomp)) => "MQTT-3.7.2-1",
            (Fault::InvalidReasonCode, Some(PacketType::Suback)) => "MQTT-3.9.3-2",
            (Fault::InvalidReasonCode, Some(PacketType::Unsuback)) => "MQTT-3.11.3-2",
            (Fault::InvalidReasonCode, Some(PacketType::Disconnect)) => "MQTT-3.14.2-1",
            (Fault::InvalidReasonCode, Some(PacketType::Auth)) => "MQTT-3.15.2-1",
            (fault, _) => fault.clause(),
        }
    }

    /// The 5.0 Reason Code for a CONNACK that refuses the broken CONNECT.
    pub const fn connack_reason(&self) -> ConnackReason {
        match ConnackReason::from_code(self.fault.reason_code()) {
            Some(reason) => reason,
            None => ConnackReason::ProtocolError,
        }
    }

    /// The 3.x return code for a CONNACK that refuses the broken CONNECT; `None`: close without one, as
    /// `[MQTT-3.1.4-1]` of 3.1.1 demands for everything but an unacceptable protocol level.
    pub const fn connack_return_code(&self) -> Option<u8> {
        match self.fault {
            Fault::ProtocolVersionTooOld | Fault::ProtocolVersionTooNew => Some(1),
            _ => None,
        }
    }

    /// The 5.0 Reason Code for the DISCONNECT that ends the connection.
    pub const fn disconnect_reason(&self) -> DisconnectReason {
        match DisconnectReason::from_code(self.fault.reason_code()) {
            Some(reason) => reason,
            None => DisconnectReason::ProtocolError,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(packet) = self.packet {
            write!(f, "{packet}: ")?;
        }
        write!(f, "{} at byte {} [{}]", self.fault, self.at, self.clause())
    }
}

/// Why a packet cannot be written. The fault is the caller's; nothing has been written.
///
/// It names one fault. Where a packet has several, which one that is may change from one version of this crate to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The output has too little room; `needed` bytes have to be written at once.
    #[error("the output is too small, {needed} bytes are needed")]
    BufferTooSmall {
        /// Bytes of the whole packet, or of its head where the payload is sent apart.
        needed: usize,
    },
    /// The Remaining Length would be above 268,435,455.
    #[error("the packet is larger than MQTT allows")]
    PacketTooLarge,
    /// A string or binary field has more than 65,535 bytes.
    #[error("a string or binary field is longer than 65,535 bytes")]
    FieldTooLong,
    /// A string contains U+0000 `[MQTT-1.5.4-2]`.
    #[error("a string contains U+0000")]
    NulInString,
    /// The version has no such packet or field.
    #[error("{field} does not exist in MQTT {version}")]
    NotInVersion {
        /// What was asked for.
        field: &'static str,
        /// The version that lacks it.
        version: crate::ProtocolVersion,
    },
    /// A SUBSCRIBE, SUBACK, UNSUBSCRIBE or UNSUBACK needs at least one entry.
    #[error("the payload is empty")]
    EmptyPayload,
    /// MQTT 3.1 needs a Client Identifier.
    #[error("the Client Identifier is empty")]
    ClientIdEmpty,
    /// 3.x allows a Password only beside a User Name.
    #[error("a Password needs a User Name")]
    PasswordWithoutUserName,
    /// A Topic Filter is invalid that a decoder has let through, see [`Deviation::InvalidTopicFilter`](crate::Deviation).
    #[error(transparent)]
    InvalidTopicFilter(mqtt_topic::InvalidTopic),
    /// No Local cannot be set on a Shared Subscription `[MQTT-3.8.3-4]`.
    #[error("No Local on a Shared Subscription")]
    NoLocalOnShared,
    /// Session Present is set although the connection is refused `[MQTT-3.2.2-6]`.
    #[error("Session Present on a refused connection")]
    SessionPresentOnRefusal,
    /// A PUBLISH needs a Topic Name or a Topic Alias.
    #[error("a PUBLISH without Topic Name and Topic Alias")]
    TopicNameMissing,
    /// An AUTH needs an Authentication Method.
    #[error("an AUTH without Authentication Method")]
    AuthenticationMethodMissing,
    /// The properties do not fit the packet.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

/// Why properties cannot be put into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PropertyError {
    /// The packet may not carry this property.
    #[error("the packet may not carry {0}")]
    NotAllowed(PropertyId),
    /// The property may appear only once.
    #[error("{0} is repeated")]
    Repeated(PropertyId),
    /// A value is too long, contains U+0000, or is outside the range of its property.
    #[error("the value of {0} is invalid")]
    Value(PropertyId),
    /// Authentication Data needs an Authentication Method.
    #[error("Authentication Data without Authentication Method")]
    AuthenticationDataWithoutMethod,
}
