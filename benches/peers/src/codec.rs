//! What every codec under test offers, ours and theirs alike.

use core::fmt::Debug;

use mqtt_codec::{PacketType, ProtocolVersion, Side};

/// One library reading and writing one protocol version through the interface it recommends.
pub trait Codec: 'static {
    /// As it is published; a suffix where a library has two ways.
    const NAME: &'static str;
    /// The version it is asked to read and write.
    const VERSION: ProtocolVersion;
    /// A received stream in the type the library wants, with the state of its decoder.
    type Input;
    /// A packet as the library hands it out.
    type Packet<'a>;
    /// Why it refuses a packet.
    type Error: Debug;
    /// A buffer in the type the library wants, with the state of its encoder.
    type Output;

    /// `stream` as a read from a socket leaves it, sent by `from`.
    fn input(stream: &[u8], from: Side) -> Self::Input;

    /// Takes the next packet. `None`: it is not complete.
    fn decode(input: &mut Self::Input) -> Result<Option<Self::Packet<'_>>, Self::Error>;

    /// What it has read; `None` for a floor, which reads nothing.
    fn found<'p>(packet: &'p Self::Packet<'_>) -> Option<Found<'p>>;

    /// An empty buffer.
    fn output() -> Self::Output;

    /// Replaces what is in `output` by `packet`, keeping the memory. `false`: the library cannot.
    fn encode(packet: &Self::Packet<'_>, output: &mut Self::Output) -> bool;

    /// What is in `output`.
    fn bytes(output: &Self::Output) -> Vec<u8>;
}

/// A codec that makes a PUBLISH of [`message`] out of an application's values.
pub trait Build: Codec {
    /// The values in the types the library takes without conversion, made once.
    type Message;

    /// Makes them.
    fn message() -> Self::Message;

    /// Replaces what is in `output` by the PUBLISH. `false`: the library cannot.
    fn build(message: &Self::Message, output: &mut Self::Output) -> bool;
}

/// As [`Build`], of the packets of the other workloads, every time out of [`values`].
pub trait BuildOther: Codec {
    /// Replaces what is in `output` by the packet. `false`: the library cannot.
    fn build_other(kind: Kind, output: &mut Self::Output) -> bool;
}

/// Which packet is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That of a and a5.
    Publish,
    /// That of c.
    Puback,
    /// That of d4 and d.
    Connect,
    /// That of e4 and e.
    Subscribe,
}

impl Kind {
    /// What is in a workload; `None`, if it is not built of [`values`].
    pub fn of(workload: &str) -> Option<Self> {
        match workload {
            "a" | "a5" => Some(Self::Publish),
            "c" => Some(Self::Puback),
            "d4" | "d" => Some(Self::Connect),
            "e4" | "e" => Some(Self::Subscribe),
            _ => None,
        }
    }
}

/// A codec that can leave the payload of a PUBLISH where it is.
pub trait Split: Codec {
    /// Encodes `packet` into pieces without copying its payload, and returns the bytes of all pieces.
    fn split(packet: &Self::Packet<'_>, output: &mut Self::Output) -> usize;
}

/// A codec that prepares a PUBLISH once and sends it to many subscribers.
pub trait Prepare: Codec {
    /// What has been prepared.
    type Prepared;

    /// Prepares `packet`.
    fn prepare(packet: &Self::Packet<'_>) -> Self::Prepared;

    /// Replaces what is in `output` by the PUBLISH with a Packet Identifier of its own, where it has one.
    fn encode_prepared(prepared: &mut Self::Prepared, packet_id: u16, output: &mut Self::Output) -> bool;
}

/// What a decoder has found, as far as all of them show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// CONNECT; the properties are those of the CONNECT and of its Will.
    Connect { client_id: &'a [u8], will_payload: usize, properties: usize },
    /// PUBLISH; at QoS 0 the Packet Identifier is 0.
    Publish { topic: &'a [u8], packet_id: u16, properties: usize, payload: usize },
    /// An acknowledgement of a PUBLISH or PUBREL.
    Ack(PacketType, u16),
    /// SUBSCRIBE.
    Subscribe { packet_id: u16, properties: usize, filters: Filters },
    /// PINGREQ.
    Pingreq,
    /// A packet that no workload has.
    Other,
}

/// The Topic Filters of a SUBSCRIBE: how many, and how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filters {
    /// How many.
    pub count: usize,
    /// Bytes of all of them.
    pub bytes: usize,
}

impl Filters {
    /// From the bytes of each filter.
    pub fn of(lens: impl Iterator<Item = usize>) -> Self {
        lens.fold(Self { count: 0, bytes: 0 }, |sum, len| Self {
            count: sum.count + 1,
            bytes: sum.bytes + len,
        })
    }
}

/// How many properties are there, for libraries with one field for each.
pub fn present<const N: usize>(properties: [bool; N]) -> usize {
    properties.into_iter().filter(|is_present| *is_present).count()
}

/// The version of a codec that has one type for both.
pub const fn version(level: u8) -> ProtocolVersion {
    if level == 4 { ProtocolVersion::V3_1_1 } else { ProtocolVersion::V5_0 }
}

/// A received stream for libraries that read slices.
#[derive(Debug)]
pub struct Stream {
    bytes: Vec<u8>,
    at: usize,
}

impl Stream {
    /// Nothing of it has been read.
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0 }
    }

    /// What has not been read, and the position of it to move on.
    pub fn rest(&mut self) -> (&[u8], &mut usize) {
        (&self.bytes[self.at..], &mut self.at)
    }
}

/// The message of workload b, as an application holds it.
pub mod message {
    /// The Topic Name.
    pub const TOPIC: &str = "factory/line-07/robot-12/state";
    /// The Packet Identifier; the QoS is 1.
    pub const PACKET_ID: u16 = 0x1234;
    /// Message Expiry Interval.
    pub const EXPIRY: u32 = 3600;
    /// Content Type.
    pub const CONTENT_TYPE: &str = "application/json";
    /// Correlation Data.
    pub const CORRELATION: &[u8] = &bytes::<16>();
    /// User Property.
    pub const USER: (&str, &str) = ("source", "line-07");
    /// The payload.
    pub const PAYLOAD: &[u8] = &bytes::<256>();

    /// A pattern, which all payloads are.
    pub(super) const fn bytes<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        let mut index = 0;
        while index < N {
            #[expect(clippy::cast_possible_truncation, reason = "a pattern")]
            let byte = (index * 31 + 7) as u8;
            bytes[index] = byte;
            index += 1;
        }
        bytes
    }
}

/// The other packets, as an application holds their values; what properties there are, only 5.0 has.
pub mod values {
    /// Of the PUBLISH.
    pub const TOPIC: &str = "sensors/eu/0001/temp";
    /// Of the PUBLISH.
    pub const PAYLOAD: &[u8] = &super::message::bytes::<64>();
    /// Of the PUBACK.
    pub const PUBACK_ID: u16 = 0x1234;
    /// Of the CONNECT, which asks for a Clean Start.
    pub const CLIENT_ID: &str = "device-00000000-0000042";
    /// Keep Alive, seconds.
    pub const KEEP_ALIVE: u16 = 60;
    /// Session Expiry Interval.
    pub const SESSION_EXPIRY: u32 = 3600;
    /// Receive Maximum.
    pub const RECEIVE_MAXIMUM: u16 = 20;
    /// Maximum Packet Size.
    pub const MAXIMUM_PACKET_SIZE: u32 = 65_536;
    /// Topic Alias Maximum.
    pub const TOPIC_ALIAS_MAXIMUM: u16 = 10;
    /// User Property of the CONNECT.
    pub const USER: (&str, &str) = ("region", "eu-central-1");
    /// Will Delay Interval.
    pub const WILL_DELAY: u32 = 30;
    /// Of the Will, whose QoS is 1.
    pub const WILL_TOPIC: &str = "status/device-0000042";
    /// Of the Will.
    pub const WILL_PAYLOAD: &[u8] = b"offline: connection lost, ttl 30";
    /// User Name.
    pub const USER_NAME: &str = "user-42";
    /// Password.
    pub const PASSWORD: &str = "correct horse battery";
    /// Of the SUBSCRIBE.
    pub const SUBSCRIBE_ID: u16 = 10;
    /// Subscription Identifier.
    pub const SUBSCRIPTION: u32 = 7;
    /// The Topic Filters, each with its QoS.
    pub const FILTERS: [(&str, u8); 10] = [
        ("site/0/+/temperature", 0),
        ("site/1/devices/#", 1),
        ("alerts/region-2/high", 2),
        ("cmd/device-000003/req", 0),
        ("site/4/+/temperature", 1),
        ("site/5/devices/#", 2),
        ("alerts/region-6/high", 0),
        ("cmd/device-000007/req", 1),
        ("site/8/+/temperature", 2),
        ("site/9/devices/#", 0),
    ];
}
