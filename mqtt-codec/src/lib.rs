//! Zero-copy encoder and decoder for the packets of MQTT 3.1, 3.1.1 and 5.0.
//!
//! One packet model for three versions: a [`Packet`] is a `Copy` view over the bytes it came from, or over values of
//! yours; the same types are decoded and encoded. Decoding allocates nothing, copies nothing and refuses everything
//! the specification calls malformed; the error says what, where and by which clause.
//!
//! # Decode a stream
//!
//! ```
//! use mqtt_codec::{Decoder, Packet, ProtocolVersion};
//!
//! let mut decoder = Decoder::client(ProtocolVersion::V5_0);
//! let mut input = &b"\x32\x0A\x00\x03a/b\x00\x07\x00hi\xD0\x00"[..];
//! let mut trace = Vec::new();
//! while let Some((packet, len)) = decoder.decode(input)? {
//!     trace.push(packet.to_string());
//!     input = &input[len..];
//! }
//! assert_eq!(trace, ["PUBLISH id=7 q1 dup=0 retain=0 \"a/b\" 2 bytes", "PINGRESP"]);
//! # Ok::<(), mqtt_codec::DecodeError>(())
//! ```
//!
//! # Encode
//!
//! ```
//! use mqtt_codec::{PacketId, ProtocolVersion, QoS, Subscribe, SubscriptionOptions, Subscriptions};
//! use mqtt_topic::Subscription;
//!
//! let wanted = [(Subscription::parse("sensors/+/temperature")?, SubscriptionOptions::from(QoS::AtLeastOnce))];
//! let subscribe = Subscribe::new(PacketId::MIN, Subscriptions::new(&wanted));
//! let mut out = Vec::new();
//! subscribe.encode(ProtocolVersion::V5_0, &mut out)?;
//! assert_eq!(out.len(), subscribe.encoded_len(ProtocolVersion::V5_0)?);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Keep a packet
//!
//! [`Decoder::decode_frame`] takes a packet out of a `BytesMut` as one shared [`Frame`], which lends the same view and
//! hands out its payload without copying.
//!
//! # Where things are
//!
//! | for | see |
//! |---|---|
//! | framing, limits, version | [`Decoder`] |
//! | packets | [`Packet`] and one type for each |
//! | properties (5.0) | [`Property`], and a set for each packet, such as [`PublishProperties`] |
//! | reason codes | one enum for each packet, such as [`ConnackReason`] |
//! | errors | [`DecodeError`] for a peer's bytes, [`EncodeError`] for a caller's packet |

#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation
)]

extern crate alloc;

mod decoder;
mod dialect;
mod error;
mod frame;
mod header;
mod list;
mod packet;
mod payload;
mod property;
mod qos;
mod reader;
mod reason;
mod stream;
mod string;
mod subscription_options;
mod varint;
mod version;

pub use self::decoder::{Decoder, MAXIMUM_PACKET_SIZE};
pub use self::error::{DecodeError, EncodeError, Fault, PropertyError};
pub use self::frame::Frame;
pub use self::header::PacketType;
pub use self::list::{SubackReasons, Subscriptions, TopicFilters, UnsubackReasons};
pub use self::packet::{
    Auth, Connack, Connect, ConnectFields, Delivery, Disconnect, Packet, Puback, Pubcomp, Publish, Pubrec,
    Pubrel, Suback, Subscribe, Unsuback, Unsubscribe, Will,
};
pub use self::payload::{PayloadLengthError, StreamedPayload};
pub use self::property::message::MessageProperties;
pub use self::property::sets::{
    AckProperties, AuthProperties, ConnackProperties, ConnectProperties, DisconnectProperties, Properties,
    PublishProperties, SubscribeProperties, SubscriptionIdentifiers, UnsubscribeProperties, UserProperties,
    WillProperties,
};
pub use self::property::{PayloadFormat, Property, PropertyId};
pub use self::qos::{PacketId, QoS, SubscriptionIdentifier};
pub use self::reason::{
    AuthReason, ConnackReason, DisconnectReason, PublishReason, ReleaseReason, SubackReason, UnsubackReason,
};
pub use self::stream::{StreamDecoder, StreamEvent};
pub use self::subscription_options::{RetainHandling, SubscriptionOptions};
pub use self::version::{ProtocolVersion, Side};
