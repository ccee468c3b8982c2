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
//! Into any `BufMut`, into a slice, or behind what a `BytesMut` holds, where `append_to` is faster than `encode`. The exact
//! length is known first, and a packet that does not fit, or that the receiver would refuse, is an error before anything is
//! written.
//!
//! ```
//! use mqtt_codec::{
//!     EncodeError, PacketId, ProtocolVersion, QoS, Subscribe, SubscriptionOptions, Subscriptions,
//! };
//! use mqtt_topic::Subscription;
//!
//! let wanted = [(Subscription::parse("sensors/+/temperature")?, SubscriptionOptions::from(QoS::AtLeastOnce))];
//! let subscribe = Subscribe::new(PacketId::MIN, Subscriptions::new(&wanted));
//! let mut out = Vec::new();
//! subscribe.encode(ProtocolVersion::V5_0, &mut out)?;
//! assert_eq!(out.len(), subscribe.encoded_len(ProtocolVersion::V5_0)?);
//!
//! let mut buffer = [0; 64];
//! let len = subscribe.encode_to_slice(ProtocolVersion::V5_0, &mut buffer)?;
//! assert_eq!(buffer[..len], out);
//! let too_small = subscribe.encode_to_slice(ProtocolVersion::V5_0, &mut buffer[..10]);
//! assert_eq!(too_small, Err(EncodeError::BufferTooSmall { needed: len }));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Make packets
//!
//! Each packet has a `new` with what it must have, and public fields for what it may have. What the specification forbids has
//! no value, such as DUP at QoS 0, or is an error.
//!
//! Encoding has no side: what it writes is a packet that one of the two may send in this version. Which of them, a packet says
//! ([`PacketType::may_be_sent_by`]), and a reason code does too; session machines need not ask, a `FrameCodec` does for the type.
//!
//! ```
//! use mqtt_codec::*;
//! use mqtt_topic::{Subscription, TopicName};
//!
//! let packet_id = PacketId::MIN;
//! let will = Will::new(TopicName::parse("meters/7/state")?, b"gone");
//! let fields = ConnectFields {
//!     client_id: "meter-7",
//!     keep_alive: 60,
//!     username: Some("meter"),
//!     password: Some(b"secret"),
//!     will: Some(Will { qos: QoS::AtLeastOnce, retain: true, ..will }),
//!     ..ConnectFields::default()
//! };
//! let delivery = Delivery::AtLeastOnce { packet_id, dup: false };
//! let publish = Publish::new(TopicName::parse("meters/7/power")?, b"230 W");
//! let filters = [Subscription::parse("meters/7/set/#")?, Subscription::parse("$share/all/jobs")?];
//! let wanted = filters.map(|filter| (filter, SubscriptionOptions::from(QoS::AtLeastOnce)));
//! let server = [Property::ServerReference("other.example"), Property::ReasonString("update at noon")];
//! let step = [Property::AuthenticationMethod("SCRAM-SHA-256"), Property::AuthenticationData(b"n,,n=u")];
//! let packets: [Packet<'_>; 15] = [
//!     Connect::new(&fields).into(),
//!     Connack { session_present: true, ..Connack::new(ConnackReason::Success) }.into(),
//!     Publish { delivery, retain: true, ..publish }.into(),
//!     Puback::new(packet_id).into(),
//!     Pubrec { reason: PublishReason::QuotaExceeded, ..Pubrec::new(packet_id) }.into(),
//!     Pubrel::new(packet_id).into(),
//!     Pubcomp::new(packet_id).into(),
//!     Subscribe::new(packet_id, Subscriptions::new(&wanted)).into(),
//!     Suback::new(packet_id, SubackReasons::new(&[SubackReason::GrantedQoS1, SubackReason::NotAuthorized])).into(),
//!     Unsubscribe::new(packet_id, TopicFilters::new(&filters)).into(),
//!     Unsuback::new(packet_id, UnsubackReasons::new(&[UnsubackReason::Success; 2])).into(),
//!     Packet::Pingreq,
//!     Packet::Pingresp,
//!     Disconnect {
//!         properties: DisconnectProperties::new(&server)?,
//!         ..Disconnect::new(DisconnectReason::UseAnotherServer)
//!     }
//!     .into(),
//!     Auth { reason: AuthReason::ContinueAuthentication, properties: AuthProperties::new(&step)? }.into(),
//! ];
//! for packet in packets {
//!     packet.encode(ProtocolVersion::V5_0, &mut Vec::new())?;
//! }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Send a payload without copying it
//!
//! The head of a PUBLISH is written into a buffer, the payload goes behind it by reference:
//!
//! ```
//! use std::io::{IoSlice, Write};
//!
//! use mqtt_codec::{ProtocolVersion, Publish};
//! use mqtt_topic::TopicName;
//!
//! let picture = vec![0xFF; 1 << 20];
//! let publish = Publish::new(TopicName::parse("camera/1")?, &picture);
//! let mut head = Vec::new();
//! publish.encode_head(ProtocolVersion::V5_0, &mut head)?;
//!
//! let mut socket = Vec::new(); // your socket, which may take less than all
//! let written = socket.write_vectored(&[IoSlice::new(&head), IoSlice::new(publish.payload)])?;
//! assert_eq!(written, publish.encoded_len(ProtocolVersion::V5_0)?);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Send one message to many
//!
//! A [`PreparedPublish`] encodes topic, properties and payload once, and changes what differs from one receiver to the next:
//!
//! ```
//! use bytes::{Bytes, BytesMut};
//! use mqtt_codec::{Delivery, Hop, MessageProperties, PacketId, PreparedPublish, Property, ProtocolVersion};
//! use mqtt_topic::TopicName;
//!
//! let properties = MessageProperties::new(&[Property::ContentType("text/plain")])?;
//! let topic = TopicName::parse("room/temperature")?;
//! let mut prepared =
//!     PreparedPublish::new(ProtocolVersion::V5_0, &topic, &properties, Bytes::from_static(b"21.5"))?;
//! let mut outputs = vec![BytesMut::new(); 3];
//! for (number, out) in (1..).zip(&mut outputs) {
//!     let packet_id = PacketId::new(number).expect("not 0");
//!     let delivery = Delivery::AtLeastOnce { packet_id, dup: false };
//!     prepared.encode(&Hop { delivery, ..Hop::default() }, out)?;
//! }
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
//! # Peers that deviate
//!
//! Every rule is enforced unless a [`Deviation`] from it is [accepted](Decoder::accept) by name. What was accepted is
//! encoded as it should have been, or refused. One of them lets each invalid Topic Filter be answered on its own:
//!
//! ```
//! use mqtt_codec::{
//!     Decoder, Deviation, Deviations, Packet, ProtocolVersion, Suback, SubackReason, SubackReasons,
//! };
//!
//! let mut decoder = Decoder::server().with_version(ProtocolVersion::V3_1_1);
//! decoder.accept(Deviations::NONE.with(Deviation::InvalidTopicFilter));
//! let received = b"\x82\x0C\x00\x07\x00\x01a\x01\x00\x03a+b\x00";
//! let Some((Packet::Subscribe(subscribe), _)) = decoder.decode(received)? else { panic!("a SUBSCRIBE") };
//! let reasons: Vec<_> = subscribe
//!     .subscriptions
//!     .results()
//!     .map(|result| match result {
//!         Ok((_, options)) => SubackReason::granted(options.qos),
//!         Err(_) => SubackReason::UnspecifiedError, // 5.0 has TopicFilterInvalid
//!     })
//!     .collect();
//! let answer = Suback::new(subscribe.packet_id, SubackReasons::new(&reasons));
//! let mut out = Vec::new();
//! answer.encode(ProtocolVersion::V3_1_1, &mut out)?;
//! assert_eq!(out, b"\x90\x04\x00\x07\x01\x80");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Keep a packet
//!
//! [`Decoder::decode_frame`] takes a packet out of a `BytesMut` as one shared [`Frame`], which lends the same view and
//! hands out its payload without copying. MQTT's own encoding is the form to store a packet in: the bytes of the frame,
//! with its version and the side that sent it.
//!
//! ```
//! use bytes::BytesMut;
//! use mqtt_codec::{Decoder, ProtocolVersion, Side};
//!
//! let mut input = BytesMut::from(&b"\x30\x07\x00\x03a/bhi"[..]);
//! let frame = Decoder::client(ProtocolVersion::V3_1_1).decode_frame(&mut input)?.expect("it is complete");
//! let frame = frame.detach(); // keeps no read buffer alive
//! let stored = (frame.version(), frame.sent_by(), frame.bytes().to_vec());
//!
//! let (version, from, bytes) = stored;
//! let mut decoder = match from {
//!     Side::Client => Decoder::server().with_version(version),
//!     Side::Server => Decoder::client(version),
//! };
//! let restored = decoder.decode_frame(&mut BytesMut::from(&bytes[..]))?;
//! assert_eq!(restored, Some(frame));
//! # Ok::<(), mqtt_codec::DecodeError>(())
//! ```
//!
//! This is why there is no `serde`: a packet is a borrowed view whose validity comes from the decoder or its
//! constructors; a derived `Deserialize` would be a second, unchecked way in, and an owned twin model would double the
//! API.
//!
//! # What a peer can cost
//!
//! | limit | at first | beyond it |
//! |---|---|---|
//! | [maximum packet size](Decoder::set_maximum_packet_size) | none but MQTT's own, 268,435,460 bytes | [`Fault::PacketTooLarge`], or [skipped](StreamDecoder::skip_oversized) |
//! | [buffer of a stream](StreamDecoder::new) | the caller's choice | PUBLISH in parts, [`Fault::ExceedsBuffer`] for others |
//! | [User Properties](Decoder::set_maximum_user_properties) of one set | 1,024 for a Server, none for a Client | [`Fault::TooManyProperties`] |
//! | [Subscription Identifiers](Decoder::set_maximum_subscription_identifiers) of one PUBLISH | none | [`Fault::TooManyProperties`] |
//!
//! Decoding allocates nothing, cannot panic, does not recurse, and looks at no more than two bytes for each that
//! arrives, in whatever pieces. `Debug` and `Display` show neither passwords nor payloads, and `Display` is one line.
//!
//! # Where things are
//!
//! | for | see |
//! |---|---|
//! | framing, limits, version | [`Decoder`] |
//! | payloads of any size, oversized packets | [`StreamDecoder`], [`StreamedPayload`] |
//! | peers that break the rules | [`Deviation`] |
//! | packets | [`Packet`] and one type for each; [`Frame`] owns its bytes |
//! | properties (5.0) | [`Property`], and a set for each packet, such as [`PublishProperties`] |
//! | reason codes | one enum for each packet, such as [`ConnackReason`] |
//! | one message to many | [`PreparedPublish`] |
//! | errors | [`DecodeError`] for a peer's bytes, [`EncodeError`] for a caller's packet |
//!
//! # Features
//!
//! None is on by default; each needs `std`.
//!
//! | feature | gives |
//! |---|---|
//! | `arbitrary` | `Arbitrary` for [`Frame`]: any valid packet, for fuzzers and property tests |
//! | `tokio-util` | `FrameCodec`, for packets over `tokio_util::codec::Framed` |

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
#[cfg(feature = "tokio-util")]
extern crate std;

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod decoder;
mod deviation;
mod dialect;
mod error;
mod frame;
#[cfg(feature = "tokio-util")]
mod framed;
mod header;
mod list;
mod packet;
mod payload;
mod prepared;
mod property;
mod qos;
mod reader;
mod reason;
mod received_publish;
mod stream;
mod string;
mod subscription_options;
mod varint;
mod version;
mod work;
mod writer;

pub use self::decoder::{Decoder, MAXIMUM_PACKET_SIZE};
pub use self::deviation::{Deviation, Deviations};
pub use self::error::{DecodeError, EncodeError, Fault, PropertyError};
pub use self::frame::{Frame, FrameSlot};
#[cfg(feature = "tokio-util")]
pub use self::framed::{FrameCodec, FramedError};
pub use self::header::PacketType;
pub use self::list::{SubackReasons, Subscriptions, TopicFilters, UnsubackReasons};
pub use self::packet::{
    Auth, Connack, Connect, ConnectFields, Delivery, Disconnect, Packet, Puback, Pubcomp, Publish, Pubrec,
    Pubrel, ReasonAck, ShortAck, Suback, Subscribe, Unsuback, Unsubscribe, Will,
};
pub use self::payload::{PayloadLengthError, StreamedPayload};
pub use self::prepared::{Hop, PreparedPublish, TopicForm};
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
pub use self::received_publish::ReceivedPublish;
pub use self::stream::{StreamDecoder, StreamEvent};
pub use self::subscription_options::{RetainHandling, SubscriptionOptions};
pub use self::version::{ProtocolVersion, Side};
