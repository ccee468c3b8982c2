//! Properties (5.0, section 2.2.2): what they are, how one is read and written.
//!
//! A set of properties is either a *block* that a decoder has checked from end to end, or a slice of [`Property`]
//! values that its constructor has checked. Both are read through the same typed accessors (see [`sets`]).

pub(crate) mod message;
pub(crate) mod sets;

use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};

use mqtt_topic::TopicName;

use crate::reader::Reader;
use crate::string::{TextRules, is_string, is_utf8, put_binary};
use crate::writer::Put;
use crate::{DecodeError, Fault, PropertyError, QoS, SubscriptionIdentifier, varint};

/// What the Payload Format Indicator says about a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadFormat {
    /// 0: unspecified bytes.
    Bytes,
    /// 1: UTF-8 encoded character data. Nobody has checked it.
    Utf8,
}

macro_rules! properties {
    ($($(#[doc = $doc:literal])+ $variant:ident($type:ty) = $id:literal, $name:literal, $kind:tt;)+) => {
        /// A Property Identifier.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum PropertyId {
            $(#[doc = concat!($name, ".")] $variant = $id,)+
        }

        impl PropertyId {
            /// Every property, by identifier.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The property with this identifier, if there is one.
            pub const fn from_id(id: u8) -> Option<Self> {
                match id {
                    $($id => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The identifier as it stands on the wire.
            pub const fn id(self) -> u8 {
                self as u8
            }

            /// Its place in [`ALL`](Self::ALL), below 32.
            const fn rank(self) -> u8 {
                enum Rank { $($variant),+ }
                match self { $(Self::$variant => Rank::$variant as u8,)+ }
            }
        }

        impl fmt::Display for PropertyId {
            /// The name the specification gives the property.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $name,)+ })
            }
        }

        /// One property with its value.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Property<'a> {
            $($(#[doc = $doc])+ $variant($type) = $id,)+
        }

        impl<'a> Property<'a> {
            /// The identifier of this property.
            pub const fn id(&self) -> PropertyId {
                match self { $(Self::$variant(..) => PropertyId::$variant,)+ }
            }

            /// Reads a value that has been checked before.
            fn read_value(id: PropertyId, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let text = TextRules::CHECKED;
                Ok(match id { $(PropertyId::$variant => Self::$variant(properties!(@read $kind, reader, text)),)+ })
            }

            /// Checks a value, and does not make it.
            fn check_value(id: PropertyId, reader: &mut Reader<'a>, text: TextRules) -> Result<(), DecodeError> {
                match id { $(PropertyId::$variant => properties!(@check $kind, reader, text),)+ }
                Ok(())
            }

            /// Bytes of the value; `None`, if no packet can carry it.
            fn checked_value_len(&self) -> Option<usize> {
                match self {
                    $(Self::$variant(value) => if properties!(@valid $kind, value) {
                        Some(properties!(@len $kind, value))
                    } else {
                        None
                    },)+
                }
            }

            /// Bytes of the value.
            fn value_len(&self) -> usize {
                match self { $(Self::$variant(value) => properties!(@len $kind, value),)+ }
            }

            #[inline]
            pub(crate) fn put<O: Put>(&self, out: O) -> O {
                let id = self.id().id();
                match self { $(Self::$variant(value) => properties!(@put $kind, id, value, out),)+ }
            }
        }
    };

    (@read bool, $reader:ident, $text:ident) => { match $reader.u8()? {
        0 => false,
        1 => true,
        _ => return Err($reader.fault(Fault::PropertyValue)),
    } };
    (@read format, $reader:ident, $text:ident) => { match $reader.u8()? {
        0 => PayloadFormat::Bytes,
        1 => PayloadFormat::Utf8,
        _ => return Err($reader.fault(Fault::PropertyValue)),
    } };
    (@read maximum_qos, $reader:ident, $text:ident) => { match $reader.u8()? {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => return Err($reader.fault(Fault::PropertyValue)),
    } };
    (@read u16, $reader:ident, $text:ident) => { $reader.u16()? };
    (@read u32, $reader:ident, $text:ident) => { $reader.u32()? };
    (@read nonzero_u16, $reader:ident, $text:ident) => {
        NonZeroU16::new($reader.u16()?).ok_or_else(|| $reader.fault(Fault::PropertyValue))?
    };
    (@read alias, $reader:ident, $text:ident) => {
        NonZeroU16::new($reader.u16()?).ok_or_else(|| $reader.fault(Fault::TopicAliasZero))?
    };
    (@read nonzero_u32, $reader:ident, $text:ident) => {
        NonZeroU32::new($reader.u32()?).ok_or_else(|| $reader.fault(Fault::PropertyValue))?
    };
    (@read subscription_identifier, $reader:ident, $text:ident) => {
        SubscriptionIdentifier::new($reader.varint()?).ok_or_else(|| $reader.fault(Fault::PropertyValue))?
    };
    (@read string, $reader:ident, $text:ident) => { $reader.checked_str()? };
    (@read nonempty_string, $reader:ident, $text:ident) => { $reader.checked_str()? };
    (@read topic, $reader:ident, $text:ident) => {
        TopicName::from_text($reader.text($text)?).map_err(|_| $reader.fault(Fault::InvalidResponseTopic))?
    };
    (@read binary, $reader:ident, $text:ident) => { $reader.binary()? };
    (@read pair, $reader:ident, $text:ident) => { ($reader.checked_str()?, $reader.checked_str()?) };

    (@check u16, $reader:ident, $text:ident) => {{ $reader.take(2)?; }};
    (@check u32, $reader:ident, $text:ident) => {{ $reader.take(4)?; }};
    (@check string, $reader:ident, $text:ident) => {{ $reader.text_bytes($text)?; }};
    (@check nonempty_string, $reader:ident, $text:ident) => {{
        let bytes = $reader.text_bytes($text)?;
        $reader.ensure(!bytes.is_empty(), Fault::PropertyValue)?;
    }};
    (@check pair, $reader:ident, $text:ident) => {{ $reader.text_bytes($text)?; $reader.text_bytes($text)?; }};
    (@check $kind:tt, $reader:ident, $text:ident) => {{ let _ = properties!(@read $kind, $reader, $text); }};

    (@valid maximum_qos, $value:ident) => { *$value != QoS::ExactlyOnce };
    (@valid string, $value:ident) => { is_string($value) };
    (@valid nonempty_string, $value:ident) => { !$value.is_empty() && is_string($value) };
    (@valid binary, $value:ident) => { u16::try_from($value.len()).is_ok() };
    (@valid pair, $value:ident) => { is_string($value.0) && is_string($value.1) };
    (@valid topic, $value:ident) => { is_utf8($value.as_bytes()) };
    // The type has no invalid values.
    (@valid $kind:tt, $value:ident) => {{ let _ = $value; true }};

    (@len u16, $value:ident) => {{ let _ = $value; 2 }};
    (@len u32, $value:ident) => {{ let _ = $value; 4 }};
    (@len nonzero_u16, $value:ident) => {{ let _ = $value; 2 }};
    (@len alias, $value:ident) => {{ let _ = $value; 2 }};
    (@len nonzero_u32, $value:ident) => {{ let _ = $value; 4 }};
    (@len subscription_identifier, $value:ident) => { varint::len($value.get()) };
    (@len string, $value:ident) => { 2 + $value.len() };
    (@len nonempty_string, $value:ident) => { 2 + $value.len() };
    (@len topic, $value:ident) => { 2 + $value.as_bytes().len() };
    (@len binary, $value:ident) => { 2 + $value.len() };
    (@len pair, $value:ident) => { 4 + $value.0.len() + $value.1.len() };
    // One byte: a flag, a QoS, a format.
    (@len $kind:tt, $value:ident) => {{ let _ = $value; 1 }};

    (@put bool, $id:ident, $value:ident, $out:ident) => { $out.put_array([$id, u8::from(*$value)]) };
    (@put format, $id:ident, $value:ident, $out:ident) => {
        $out.put_array([$id, u8::from(*$value == PayloadFormat::Utf8)])
    };
    (@put maximum_qos, $id:ident, $value:ident, $out:ident) => { $out.put_array([$id, $value.bits()]) };
    (@put u16, $id:ident, $value:ident, $out:ident) => { put_u16($id, *$value, $out) };
    (@put u32, $id:ident, $value:ident, $out:ident) => { put_u32($id, *$value, $out) };
    (@put nonzero_u16, $id:ident, $value:ident, $out:ident) => { put_u16($id, $value.get(), $out) };
    (@put alias, $id:ident, $value:ident, $out:ident) => { put_u16($id, $value.get(), $out) };
    (@put nonzero_u32, $id:ident, $value:ident, $out:ident) => { put_u32($id, $value.get(), $out) };
    (@put subscription_identifier, $id:ident, $value:ident, $out:ident) => {
        varint::put($value.get(), $out.put_u8($id))
    };
    (@put string, $id:ident, $value:ident, $out:ident) => { put_data($id, $value.as_bytes(), $out) };
    (@put nonempty_string, $id:ident, $value:ident, $out:ident) => { put_data($id, $value.as_bytes(), $out) };
    (@put topic, $id:ident, $value:ident, $out:ident) => { put_data($id, $value.as_bytes(), $out) };
    (@put binary, $id:ident, $value:ident, $out:ident) => { put_data($id, $value, $out) };
    (@put pair, $id:ident, $value:ident, $out:ident) => {
        put_binary($value.1.as_bytes(), put_data($id, $value.0.as_bytes(), $out))
    };
}

properties! {
    /// Whether the payload is UTF-8 text (section 3.3.2.3.2).
    PayloadFormatIndicator(PayloadFormat) = 0x01, "Payload Format Indicator", format;
    /// Lifetime of the message in seconds (section 3.3.2.3.3).
    MessageExpiryInterval(u32) = 0x02, "Message Expiry Interval", u32;
    /// What the payload is, often a MIME type (section 3.3.2.3.9).
    ContentType(&'a str) = 0x03, "Content Type", string;
    /// Topic Name for a response; its presence makes the message a request (section 3.3.2.3.5).
    ResponseTopic(TopicName<&'a [u8]>) = 0x08, "Response Topic", topic;
    /// Identifies the request a response belongs to (section 3.3.2.3.6).
    CorrelationData(&'a [u8]) = 0x09, "Correlation Data", binary;
    /// Identifies the subscription that a message was delivered for (section 3.8.2.1.2).
    SubscriptionIdentifier(SubscriptionIdentifier) = 0x0B, "Subscription Identifier", subscription_identifier;
    /// How many seconds the Session outlives the connection; 0xFFFFFFFF: for ever (section 3.1.2.11.2).
    SessionExpiryInterval(u32) = 0x11, "Session Expiry Interval", u32;
    /// The Client Identifier the Server chose, never empty (section 3.2.2.3.7).
    AssignedClientIdentifier(&'a str) = 0x12, "Assigned Client Identifier", nonempty_string;
    /// The Keep Alive the Server demands, in seconds (section 3.2.2.3.14).
    ServerKeepAlive(u16) = 0x13, "Server Keep Alive", u16;
    /// Name of the method of enhanced authentication (section 3.1.2.11.9).
    AuthenticationMethod(&'a str) = 0x15, "Authentication Method", string;
    /// Data of the method of enhanced authentication (section 3.1.2.11.10).
    AuthenticationData(&'a [u8]) = 0x16, "Authentication Data", binary;
    /// Whether the Server may send Reason Strings and User Properties on failures (section 3.1.2.11.7).
    RequestProblemInformation(bool) = 0x17, "Request Problem Information", bool;
    /// How many seconds the Will waits after the connection ends (section 3.1.3.2.2).
    WillDelayInterval(u32) = 0x18, "Will Delay Interval", u32;
    /// Whether the Client asks for Response Information (section 3.1.2.11.6).
    RequestResponseInformation(bool) = 0x19, "Request Response Information", bool;
    /// Basis for Response Topics (section 3.2.2.3.15).
    ResponseInformation(&'a str) = 0x1A, "Response Information", string;
    /// Another Server to use (section 4.11).
    ServerReference(&'a str) = 0x1C, "Server Reference", string;
    /// A reason for people, not to be parsed (section 4.13).
    ReasonString(&'a str) = 0x1F, "Reason String", string;
    /// How many QoS 1 and QoS 2 exchanges the sender of this property takes at a time (section 3.1.2.11.3).
    ReceiveMaximum(NonZeroU16) = 0x21, "Receive Maximum", nonzero_u16;
    /// The highest Topic Alias the sender of this property accepts; 0: none (section 3.1.2.11.5).
    TopicAliasMaximum(u16) = 0x22, "Topic Alias Maximum", u16;
    /// A number that stands for the Topic Name (section 3.3.2.3.4).
    TopicAlias(NonZeroU16) = 0x23, "Topic Alias", alias;
    /// The highest QoS the Server supports, 0 or 1 (section 3.2.2.3.4).
    MaximumQoS(QoS) = 0x24, "Maximum QoS", maximum_qos;
    /// Whether the Server supports retained messages (section 3.2.2.3.5).
    RetainAvailable(bool) = 0x25, "Retain Available", bool;
    /// A name and a value; may be repeated, the order is kept (section 3.3.2.3.7).
    UserProperty((&'a str, &'a str)) = 0x26, "User Property", pair;
    /// The largest packet the sender of this property accepts, in bytes (section 3.1.2.11.4).
    MaximumPacketSize(NonZeroU32) = 0x27, "Maximum Packet Size", nonzero_u32;
    /// Whether the Server supports wildcards in Topic Filters (section 3.2.2.3.11).
    WildcardSubscriptionAvailable(bool) = 0x28, "Wildcard Subscription Available", bool;
    /// Whether the Server supports Subscription Identifiers (section 3.2.2.3.12).
    SubscriptionIdentifierAvailable(bool) = 0x29, "Subscription Identifier Available", bool;
    /// Whether the Server supports Shared Subscriptions (section 3.2.2.3.13).
    SharedSubscriptionAvailable(bool) = 0x2A, "Shared Subscription Available", bool;
}

impl<'a> Property<'a> {
    /// Reads an identifier and its value, which have been checked before.
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = read_id(reader)?;
        Self::read_value(id, reader)
    }

    /// Bytes of identifier and value; refuses a value that no packet can carry.
    #[inline]
    pub(crate) fn checked_len(&self) -> Result<usize, PropertyError> {
        match self.checked_value_len() {
            Some(len) => Ok(1 + len),
            None => Err(PropertyError::Value(self.id())),
        }
    }

    /// Bytes of identifier and value.
    pub(crate) fn len(&self) -> usize {
        1 + self.value_len()
    }
}

#[inline]
fn put_u16<O: Put>(id: u8, value: u16, out: O) -> O {
    let [a, b] = value.to_be_bytes();
    out.put_array([id, a, b])
}

#[inline]
fn put_u32<O: Put>(id: u8, value: u32, out: O) -> O {
    let [a, b, c, d] = value.to_be_bytes();
    out.put_array([id, a, b, c, d])
}

#[inline]
fn put_data<O: Put>(id: u8, data: &[u8], out: O) -> O {
    #[expect(clippy::cast_possible_truncation, reason = "checked when the length was computed")]
    let len = data.len() as u16;
    let [high, low] = len.to_be_bytes();
    out.put_between([id, high, low], data, [])
}

/// An identifier is a Variable Byte Integer; all that are defined have one byte.
#[expect(clippy::inline_always, reason = "a call, of 15 instructions, for each property")]
#[inline(always)]
fn read_id(reader: &mut Reader<'_>) -> Result<PropertyId, DecodeError> {
    let before = *reader;
    let id = reader.varint()?;
    u8::try_from(id).ok().and_then(PropertyId::from_id).ok_or_else(|| before.fault(Fault::UnknownProperty))
}

impl fmt::Debug for Property<'_> {
    /// As `Display`, which does not show Authentication Data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Property<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.id();
        match self {
            Self::PayloadFormatIndicator(format) => {
                write!(f, "{name}={}", u8::from(*format == PayloadFormat::Utf8))
            }
            Self::MessageExpiryInterval(value)
            | Self::SessionExpiryInterval(value)
            | Self::WillDelayInterval(value) => write!(f, "{name}={value}"),
            Self::ContentType(value)
            | Self::AssignedClientIdentifier(value)
            | Self::AuthenticationMethod(value)
            | Self::ResponseInformation(value)
            | Self::ServerReference(value)
            | Self::ReasonString(value) => write!(f, "{name}={value:?}"),
            Self::ResponseTopic(value) => write!(f, "{name}={:?}", value.as_str()),
            Self::CorrelationData(value) => write!(f, "{name}={} bytes", value.len()),
            // May be a password.
            Self::AuthenticationData(_) => write!(f, "{name}=***"),
            Self::SubscriptionIdentifier(value) => write!(f, "{name}={value}"),
            Self::ServerKeepAlive(value) | Self::TopicAliasMaximum(value) => write!(f, "{name}={value}"),
            Self::ReceiveMaximum(value) | Self::TopicAlias(value) => write!(f, "{name}={value}"),
            Self::MaximumPacketSize(value) => write!(f, "{name}={value}"),
            Self::MaximumQoS(value) => write!(f, "{name}={value}"),
            Self::RequestProblemInformation(value)
            | Self::RequestResponseInformation(value)
            | Self::RetainAvailable(value)
            | Self::WildcardSubscriptionAvailable(value)
            | Self::SubscriptionIdentifierAvailable(value)
            | Self::SharedSubscriptionAvailable(value) => write!(f, "{name}={}", u8::from(*value)),
            Self::UserProperty((key, value)) => write!(f, "{key:?}={value:?}"),
        }
    }
}
