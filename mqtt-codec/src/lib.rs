//! Zero-copy encoder and decoder for the packets of MQTT 3.1, 3.1.1 and 5.0.
//!
//! One packet model for three versions: a [`Packet`] is a `Copy` view over the bytes it came from, or over values of
//! yours; the same types are decoded and encoded. Decoding allocates nothing, copies nothing and refuses everything
//! the specification calls malformed; the error says what, where and by which clause.
//!
//! # Decode
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
//! # Receive
//!
//! A [`Decoder`] has no buffer. It is shown what has arrived, says how many bytes a packet takes, or that it is not complete
//! and how many bytes [are needed](Decoder::needed) at least. Bytes may arrive in any pieces. The size of a packet is judged
//! before it is waited for:
//!
//! ```
//! use mqtt_codec::{Decoder, ProtocolVersion};
//! use std::io::Read;
//!
//! # let mut socket = &b"\x32\x0A\x00\x03a/b\x00\x07\x00hi\xD0\x00"[..];
//! let mut decoder = Decoder::client(ProtocolVersion::V5_0);
//! decoder.set_maximum_packet_size(1 << 20);
//! let (mut buffer, mut filled) = (vec![0; 4], 0);
//! let mut trace = Vec::new();
//! loop {
//!     let mut consumed = 0;
//!     while let Some((packet, len)) = decoder.decode(&buffer[consumed..filled])? {
//!         trace.push(packet.to_string());
//!         consumed += len;
//!     }
//!     buffer.copy_within(consumed..filled, 0);
//!     filled -= consumed;
//!     if filled == buffer.len() {
//!         buffer.resize(2 * filled, 0); // grows by what has arrived, not by what a peer has announced
//!     }
//!     match socket.read(&mut buffer[filled..])? {
//!         0 if filled > 0 => return Err("the connection is lost within a packet".into()),
//!         0 => break,
//!         len => filled += len,
//!     }
//! }
//! assert_eq!(trace, ["PUBLISH id=7 q1 dup=0 retain=0 \"a/b\" 2 bytes", "PINGRESP"]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Messages larger than memory
//!
//! A [`StreamDecoder`] hands out a large PUBLISH as head and parts of the payload, and everything else whole, so that a fixed
//! buffer is enough for any peer. [`Publish::encode_streamed_head`] begins such a PUBLISH, and [`StreamedPayload`] holds
//! its parts to the announced length. A gateway that passes a message on while it arrives:
//!
//! ```
//! use mqtt_codec::{Decoder, Delivery, ProtocolVersion, Publish, StreamDecoder, StreamEvent};
//!
//! # let received = [b"\x30\xE8\x07\x00\x03a/b", &[0x5A; 995][..]].concat();
//! let mut decoder = StreamDecoder::new(Decoder::client(ProtocolVersion::V3_1_1), 64);
//! let (mut outgoing, mut sent) = (None, Vec::new());
//! for arrived in received.chunks(50) {
//!     let mut input = arrived; // a real buffer keeps what is left for the next turn
//!     while let Some((event, len)) = decoder.decode(input)? {
//!         match (event, &mut outgoing) {
//!             (StreamEvent::Head { publish, payload_len }, None) => {
//!                 let publish = Publish { delivery: Delivery::AtMostOnce, ..publish };
//!                 let version = ProtocolVersion::V5_0;
//!                 outgoing = Some(publish.encode_streamed_head(version, payload_len, &[], &mut sent)?);
//!             }
//!             (StreamEvent::Payload { part, .. }, Some(payload)) => sent.extend(payload.pass(part)?),
//!             (event, _) => println!("{event:?}"),
//!         }
//!         input = &input[len..];
//!     }
//! }
//! assert!(outgoing.is_some_and(|payload| payload.is_complete()));
//! assert!(Decoder::client(ProtocolVersion::V5_0).decode(&sent)?.is_some());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Packets above the limit
//!
//! They end the connection, unless they [are to be skipped](StreamDecoder::skip_oversized): then what they were is said,
//! once, and their bytes are passed over as they arrive.
//!
//! ```
//! use mqtt_codec::{AckProperties, Decoder, Delivery, ProtocolVersion, Puback, PublishReason, StreamDecoder, StreamEvent};
//!
//! let mut decoder = StreamDecoder::new(Decoder::server().with_version(ProtocolVersion::V5_0), 4096);
//! decoder.set_maximum_packet_size(100_000);
//! decoder.skip_oversized(true);
//!
//! # let mut received = b"\x32\x80\x89\x7A\x00\x03a/b\x00\x07\x00".to_vec();
//! # received.resize(2_000_004, 0);
//! # received.extend_from_slice(b"\xC0\x00");
//! let (mut input, mut answers, mut packets) = (&received[..], Vec::new(), 0);
//! while let Some((event, len)) = decoder.decode(input)? {
//!     match event {
//!         StreamEvent::OversizedPublish { publish, .. } => {
//!             if let Delivery::AtLeastOnce { packet_id, .. } = publish.delivery {
//!                 let reason = PublishReason::QuotaExceeded;
//!                 let refusal = Puback { packet_id, reason, properties: AckProperties::EMPTY };
//!                 refusal.encode(ProtocolVersion::V5_0, &mut answers)?;
//!             }
//!         }
//!         StreamEvent::Packet(_) => packets += 1,
//!         _ => {}
//!     }
//!     input = &input[len..];
//! }
//! assert_eq!((&answers[..], packets), (&b"\x40\x03\x00\x07\x97"[..], 1));
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
//! | payloads of any size, oversized packets | [`StreamDecoder`], [`StreamedPayload`] |
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
mod work;

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
