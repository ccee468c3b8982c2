//! Reason codes, one type per packet, so that no packet can carry a code of another (5.0, section 2.4).

use core::fmt;

macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])? $variant:ident = $code:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum $name {
            $(#[doc = concat!($text, ".")] $(#[doc = ""] #[doc = $doc])? $variant = $code,)+
        }

        impl $name {
            /// Every code this packet may carry, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code of the wire; `None` when this packet may not carry it.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The code as it stands on the wire.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// Whether the code reports a failure: 0x80 or above.
            pub const fn is_error(self) -> bool {
                self.code() >= 0x80
            }
        }

        impl fmt::Display for $name {
            /// The name the specification gives the code.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }
    };
}

reasons! {
    /// The reason code of a CONNACK (section 3.2.2.2); 3.x return codes are mapped onto it.
    ConnackReason {
        Success = 0x00, "Success";
        UnspecifiedError = 0x80, "Unspecified error";
        MalformedPacket = 0x81, "Malformed Packet";
        ProtocolError = 0x82, "Protocol Error";
        ImplementationSpecificError = 0x83, "Implementation specific error";
        UnsupportedProtocolVersion = 0x84, "Unsupported Protocol Version";
        ClientIdentifierNotValid = 0x85, "Client Identifier not valid";
        BadUserNameOrPassword = 0x86, "Bad User Name or Password";
        NotAuthorized = 0x87, "Not authorized";
        ServerUnavailable = 0x88, "Server unavailable";
        ServerBusy = 0x89, "Server busy";
        Banned = 0x8A, "Banned";
        BadAuthenticationMethod = 0x8C, "Bad authentication method";
        TopicNameInvalid = 0x90, "Topic Name invalid";
        PacketTooLarge = 0x95, "Packet too large";
        QuotaExceeded = 0x97, "Quota exceeded";
        PayloadFormatInvalid = 0x99, "Payload format invalid";
        RetainNotSupported = 0x9A, "Retain not supported";
        QoSNotSupported = 0x9B, "QoS not supported";
        UseAnotherServer = 0x9C, "Use another server";
        ServerMoved = 0x9D, "Server moved";
        ConnectionRateExceeded = 0x9F, "Connection rate exceeded";
    }
}

impl ConnackReason {
    /// The return code of a 3.x CONNACK with this meaning; `None` where 3.x closes without CONNACK.
    pub const fn return_code(self) -> Option<u8> {
        match self {
            Self::Success => Some(0),
            Self::UnsupportedProtocolVersion => Some(1),
            Self::ClientIdentifierNotValid => Some(2),
            Self::ServerUnavailable
            | Self::ServerBusy
            | Self::QuotaExceeded
            | Self::UseAnotherServer
            | Self::ServerMoved
            | Self::ConnectionRateExceeded => Some(3),
            Self::BadUserNameOrPassword => Some(4),
            Self::NotAuthorized | Self::Banned | Self::BadAuthenticationMethod => Some(5),
            _ => None,
        }
    }

    /// The meaning of a 3.x return code; `None` for the reserved 6 to 255.
    pub const fn from_return_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Success,
            1 => Self::UnsupportedProtocolVersion,
            2 => Self::ClientIdentifierNotValid,
            3 => Self::ServerUnavailable,
            4 => Self::BadUserNameOrPassword,
            5 => Self::NotAuthorized,
            _ => return None,
        })
    }
}

reasons! {
    /// The receiver's answer to a PUBLISH: the reason code of PUBACK (section 3.4.2.1) and PUBREC (section 3.5.2.1).
    PublishReason {
        Success = 0x00, "Success";
        #[doc = "Sent by Servers only."]
        NoMatchingSubscribers = 0x10, "No matching subscribers";
        UnspecifiedError = 0x80, "Unspecified error";
        ImplementationSpecificError = 0x83, "Implementation specific error";
        NotAuthorized = 0x87, "Not authorized";
        TopicNameInvalid = 0x90, "Topic Name invalid";
        PacketIdentifierInUse = 0x91, "Packet identifier in use";
        QuotaExceeded = 0x97, "Quota exceeded";
        PayloadFormatInvalid = 0x99, "Payload format invalid";
    }
}

reasons! {
    /// The reason code of PUBREL (section 3.6.2.1) and PUBCOMP (section 3.7.2.1).
    ReleaseReason {
        Success = 0x00, "Success";
        PacketIdentifierNotFound = 0x92, "Packet Identifier not found";
    }
}

reasons! {
    /// The answer to one Topic Filter of a SUBSCRIBE, in SUBACK (section 3.9.3).
    SubackReason {
        GrantedQoS0 = 0x00, "Granted QoS 0";
        GrantedQoS1 = 0x01, "Granted QoS 1";
        GrantedQoS2 = 0x02, "Granted QoS 2";
        #[doc = "The only failure 3.1.1 knows."]
        UnspecifiedError = 0x80, "Unspecified error";
        ImplementationSpecificError = 0x83, "Implementation specific error";
        NotAuthorized = 0x87, "Not authorized";
        TopicFilterInvalid = 0x8F, "Topic Filter invalid";
        PacketIdentifierInUse = 0x91, "Packet Identifier in use";
        QuotaExceeded = 0x97, "Quota exceeded";
        SharedSubscriptionsNotSupported = 0x9E, "Shared Subscriptions not supported";
        SubscriptionIdentifiersNotSupported = 0xA1, "Subscription Identifiers not supported";
        WildcardSubscriptionsNotSupported = 0xA2, "Wildcard Subscriptions not supported";
    }
}

impl SubackReason {
    /// The code that grants `qos`.
    pub const fn granted(qos: crate::QoS) -> Self {
        match qos {
            crate::QoS::AtMostOnce => Self::GrantedQoS0,
            crate::QoS::AtLeastOnce => Self::GrantedQoS1,
            crate::QoS::ExactlyOnce => Self::GrantedQoS2,
        }
    }

    /// The QoS granted; `None` on failure.
    pub const fn granted_qos(self) -> Option<crate::QoS> {
        crate::QoS::from_bits(self.code())
    }
}

reasons! {
    /// The answer to one Topic Filter of an UNSUBSCRIBE, in UNSUBACK (section 3.11.3).
    UnsubackReason {
        Success = 0x00, "Success";
        NoSubscriptionExisted = 0x11, "No subscription existed";
        UnspecifiedError = 0x80, "Unspecified error";
        ImplementationSpecificError = 0x83, "Implementation specific error";
        NotAuthorized = 0x87, "Not authorized";
        TopicFilterInvalid = 0x8F, "Topic Filter invalid";
        PacketIdentifierInUse = 0x91, "Packet Identifier in use";
    }
}

reasons! {
    /// Why a connection ends, in DISCONNECT (section 3.14.2.1).
    DisconnectReason {
        NormalDisconnection = 0x00, "Normal disconnection";
        #[doc = "Sent by Clients only."]
        DisconnectWithWillMessage = 0x04, "Disconnect with Will Message";
        UnspecifiedError = 0x80, "Unspecified error";
        MalformedPacket = 0x81, "Malformed Packet";
        ProtocolError = 0x82, "Protocol Error";
        ImplementationSpecificError = 0x83, "Implementation specific error";
        NotAuthorized = 0x87, "Not authorized";
        ServerBusy = 0x89, "Server busy";
        ServerShuttingDown = 0x8B, "Server shutting down";
        #[doc = "The specification contradicts itself on this code: it is understood, and better not sent."]
        BadAuthenticationMethod = 0x8C, "Bad authentication method";
        KeepAliveTimeout = 0x8D, "Keep Alive timeout";
        SessionTakenOver = 0x8E, "Session taken over";
        TopicFilterInvalid = 0x8F, "Topic Filter invalid";
        TopicNameInvalid = 0x90, "Topic Name invalid";
        ReceiveMaximumExceeded = 0x93, "Receive Maximum exceeded";
        TopicAliasInvalid = 0x94, "Topic Alias invalid";
        PacketTooLarge = 0x95, "Packet too large";
        MessageRateTooHigh = 0x96, "Message rate too high";
        QuotaExceeded = 0x97, "Quota exceeded";
        AdministrativeAction = 0x98, "Administrative action";
        PayloadFormatInvalid = 0x99, "Payload format invalid";
        RetainNotSupported = 0x9A, "Retain not supported";
        QoSNotSupported = 0x9B, "QoS not supported";
        UseAnotherServer = 0x9C, "Use another server";
        ServerMoved = 0x9D, "Server moved";
        SharedSubscriptionsNotSupported = 0x9E, "Shared Subscriptions not supported";
        ConnectionRateExceeded = 0x9F, "Connection rate exceeded";
        MaximumConnectTime = 0xA0, "Maximum connect time";
        SubscriptionIdentifiersNotSupported = 0xA1, "Subscription Identifiers not supported";
        WildcardSubscriptionsNotSupported = 0xA2, "Wildcard Subscriptions not supported";
    }
}

impl DisconnectReason {
    /// Whether a DISCONNECT sent by `side` may carry this code `[MQTT-3.14.2-1]`.
    pub const fn may_be_sent_by(self, side: crate::Side) -> bool {
        match side {
            crate::Side::Server => !matches!(self, Self::DisconnectWithWillMessage),
            crate::Side::Client => matches!(
                self,
                Self::NormalDisconnection
                    | Self::DisconnectWithWillMessage
                    | Self::UnspecifiedError
                    | Self::MalformedPacket
                    | Self::ProtocolError
                    | Self::ImplementationSpecificError
                    | Self::BadAuthenticationMethod
                    | Self::TopicNameInvalid
                    | Self::ReceiveMaximumExceeded
                    | Self::TopicAliasInvalid
                    | Self::PacketTooLarge
                    | Self::MessageRateTooHigh
                    | Self::QuotaExceeded
                    | Self::AdministrativeAction
                    | Self::PayloadFormatInvalid
                    | Self::QoSNotSupported
            ),
        }
    }
}

reasons! {
    /// A step of an authentication exchange, in AUTH (section 3.15.2.1).
    AuthReason {
        #[doc = "Sent by Servers only."]
        Success = 0x00, "Success";
        ContinueAuthentication = 0x18, "Continue authentication";
        #[doc = "Sent by Clients only."]
        ReAuthenticate = 0x19, "Re-authenticate";
    }
}

impl AuthReason {
    /// Whether an AUTH sent by `side` may carry this code `[MQTT-3.15.2-1]`.
    pub const fn may_be_sent_by(self, side: crate::Side) -> bool {
        match self {
            Self::Success => matches!(side, crate::Side::Server),
            Self::ContinueAuthentication => true,
            Self::ReAuthenticate => matches!(side, crate::Side::Client),
        }
    }
}
