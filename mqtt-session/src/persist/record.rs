//! How one record is written and read: keys, values, and what can be wrong with them.
//!
//! ```text
//! key    scope kind rest        scope: nothing for a Client; for a Session of a broker 's', and its Client Identifier
//! value  count version fields bodysum sum body
//! ```
//!
//! `count` is how many bytes `version` and `fields` have, `bodysum` the checksum of `body`, `sum` that of the key and of everything
//! in the value before it, so that neither damage nor a mix-up goes unnoticed. What many records have in common, the body, is
//! summed once. All but `fields` is the same in every version.
//!
//! Numbers are big-endian, so that keys of numbers sort as the numbers do.

use alloc::sync::Arc;
use alloc::vec::Vec;
use mqtt_codec::{PacketId, QoS, SubscriptionIdentifier};
use mqtt_topic::Text;

use super::Change;
use super::value::{Body, StoredBody, Value};
use crate::Instant;

/// The layout of values.
const VERSION: u8 = 2;

/// What a record is about, in the order in which the records of a Session are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// That there is a Session, and its terms.
    Session = 0,
    Will = 1,
    Subscription = 2,
    /// A message that waits or is under way, by its number.
    Message = 3,
    /// The exchange of a message that has been sent, by its number.
    Exchange = 4,
    /// A QoS 2 message that was received and waits for PUBREL, by its identifier.
    Received = 5,
    /// A subscription that still has retained messages to get.
    Walk = 6,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Session,
        Self::Will,
        Self::Subscription,
        Self::Message,
        Self::Exchange,
        Self::Received,
        Self::Walk,
    ];
}

/// The first byte of a key of the broker: records of a Session, of a retained message.
const SESSION: u8 = b's';
const RETAINED: u8 = b'r';

/// Writes keys and values.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// A key of a Client, which has one Session.
    pub(crate) const fn client() -> Self {
        Self(Vec::new())
    }

    /// A key of one Session of a broker.
    pub(crate) fn session(client_id: &str) -> Self {
        Self(Vec::from([SESSION])).sized(client_id.as_bytes())
    }

    /// The key of a retained message.
    pub(crate) fn retained(topic: &[u8]) -> Self {
        Self(Vec::from([RETAINED])).bytes(topic)
    }

    /// A value.
    pub(crate) fn value() -> Self {
        Self(Vec::from([0, 0, 0, 0, VERSION]))
    }

    pub(crate) fn kind(self, kind: Kind) -> Self {
        self.byte(kind as u8)
    }

    pub(crate) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn bool(self, flag: bool) -> Self {
        self.byte(flag.into())
    }

    pub(crate) fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn packet_id(self, id: PacketId) -> Self {
        self.bytes(&id.get().to_be_bytes())
    }

    pub(crate) fn instant(self, at: Option<Instant>) -> Self {
        match at {
            None => self.bool(false),
            Some(at) => self.bool(true).u64(at.as_millis()),
        }
    }

    pub(crate) fn text(self, text: Option<&str>) -> Self {
        match text {
            None => self.bool(false),
            Some(text) => self.bool(true).sized(text.as_bytes()),
        }
    }

    pub(crate) fn identifier(self, identifier: Option<SubscriptionIdentifier>) -> Self {
        self.u32(identifier.map_or(0, SubscriptionIdentifier::get))
    }

    /// Bytes and how many there are, in front of others.
    pub(crate) fn sized(self, bytes: &[u8]) -> Self {
        // Nothing that is written in this way is longer; what was cut off would fail the check of what is read.
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).bytes(bytes)
    }

    /// Bytes to the end.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The finished key.
    pub(crate) fn into_key(self) -> Vec<u8> {
        self.0
    }

    /// The finished record with this key and `value`.
    pub(crate) fn with(self, value: Self) -> Change {
        self.with_body(value, Body::default())
    }

    /// The finished record with this key, `value` and message.
    pub(crate) fn with_body(self, value: Self, body: Body) -> Change {
        let Self(mut head) = value;
        if let Some((count, fields)) = head.split_first_chunk_mut() {
            // A record has one message at most, and nothing else of it is large.
            *count = u32::try_from(fields.len()).unwrap_or(u32::MAX).to_be_bytes();
        }
        head.reserve_exact(2 * size_of::<u32>());
        head.extend_from_slice(&body.sum.to_be_bytes());
        let sum = checksum(&self.0, &head);
        head.extend_from_slice(&sum.to_be_bytes());
        Change::Put { key: self.0, value: Value::new(head, body.bytes) }
    }
}

/// What is wrong with a stored record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored record {key:02X?}: {fault}")]
pub struct RestoreError {
    /// The key of the record.
    pub key: Vec<u8>,
    /// What is wrong with it.
    pub fault: RestoreFault,
}

/// Why stored records cannot be what a machine has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreFault {
    /// The value is not the one that was stored under this key.
    #[error("damaged: the checksum does not fit")]
    Checksum,
    /// Written by a later version of this crate.
    #[error("layout {0} is not known")]
    Version(u8),
    /// The key names no record there is.
    #[error("an unknown key")]
    Key,
    /// The value, though undamaged, says what no machine writes.
    #[error("invalid content")]
    Content,
    /// The record contradicts another, or one that belongs to it is missing.
    #[error("it does not fit the other records")]
    Inconsistent,
    /// The configuration leaves no room for it.
    #[error("there is no room for it")]
    NoRoom,
    /// Records have to come in the order of their keys.
    #[error("out of order")]
    OutOfOrder,
}

/// Reads the fields of a key or of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    body: StoredBody<'a>,
}

impl<'a> Fields<'a> {
    /// The fields of a key.
    pub(crate) const fn of_key(key: &'a [u8]) -> Self {
        Self { rest: key, body: StoredBody { bytes: &[], sum: 0 } }
    }

    /// The fields of a value, whose checksums and version are right.
    pub(crate) fn of_value(key: &[u8], value: &'a [u8]) -> Result<Self, RestoreFault> {
        let (fields, body) = Self::split(key, value).ok_or(RestoreFault::Checksum)?;
        match fields.split_first() {
            Some((&VERSION, rest)) => Ok(Self { rest, body }),
            Some((version, _)) => Err(RestoreFault::Version(*version)),
            None => Err(RestoreFault::Checksum),
        }
    }

    /// Version and fields, and the body. `None`: it is damaged.
    fn split(key: &[u8], value: &'a [u8]) -> Option<(&'a [u8], StoredBody<'a>)> {
        let (count, behind) = value.split_first_chunk()?;
        let (fields, behind) = behind.split_at_checked(usize::try_from(u32::from_be_bytes(*count)).ok()?)?;
        let (body_sum, behind) = behind.split_first_chunk()?;
        let (sum, bytes) = behind.split_first_chunk()?;
        let covered = value.get(..value.len() - behind.len())?;
        let body = StoredBody { bytes, sum: u32::from_be_bytes(*body_sum) };
        let is_whole = checksum(key, covered) == u32::from_be_bytes(*sum) && checksum(bytes, &[]) == body.sum;
        is_whole.then_some((fields, body))
    }

    /// The message, behind the last field.
    pub(crate) fn into_body(self) -> Result<StoredBody<'a>, RestoreFault> {
        if self.rest.is_empty() { Ok(self.body) } else { Err(RestoreFault::Content) }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, RestoreFault> {
        self.chunk().map(|[byte]| byte)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, RestoreFault> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RestoreFault::Content),
        }
    }

    pub(crate) fn kind(&mut self) -> Result<Kind, RestoreFault> {
        let byte = self.byte().map_err(|_| RestoreFault::Key)?;
        Kind::ALL.into_iter().find(|kind| *kind as u8 == byte).ok_or(RestoreFault::Key)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, RestoreFault> {
        self.chunk().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, RestoreFault> {
        self.chunk().map(u64::from_be_bytes)
    }

    pub(crate) fn packet_id(&mut self) -> Result<PacketId, RestoreFault> {
        PacketId::new(self.chunk().map(u16::from_be_bytes)?).ok_or(RestoreFault::Content)
    }

    pub(crate) fn instant(&mut self) -> Result<Option<Instant>, RestoreFault> {
        if self.bool()? { self.u64().map(Instant::from_millis).map(Some) } else { Ok(None) }
    }

    pub(crate) fn text(&mut self) -> Result<Option<Arc<str>>, RestoreFault> {
        if self.bool()? { self.string().map(Arc::from).map(Some) } else { Ok(None) }
    }

    pub(crate) fn identifier(&mut self) -> Result<Option<SubscriptionIdentifier>, RestoreFault> {
        match self.u32()? {
            0 => Ok(None),
            identifier => SubscriptionIdentifier::new(identifier).map(Some).ok_or(RestoreFault::Content),
        }
    }

    pub(crate) fn string(&mut self) -> Result<&'a str, RestoreFault> {
        core::str::from_utf8(self.sized()?).map_err(|_| RestoreFault::Content)
    }

    pub(crate) fn sized(&mut self) -> Result<&'a [u8], RestoreFault> {
        let len = usize::try_from(self.u32()?).map_err(|_| RestoreFault::Content)?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(RestoreFault::Content)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn qos(&mut self) -> Result<QoS, RestoreFault> {
        QoS::from_bits(self.byte()?).ok_or(RestoreFault::Content)
    }

    /// The bytes to the end.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// There is nothing more, and no message.
    pub(crate) fn end(self) -> Result<(), RestoreFault> {
        if self.rest.is_empty() && self.body.bytes.is_empty() { Ok(()) } else { Err(RestoreFault::Content) }
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], RestoreFault> {
        let (chunk, rest) = self.rest.split_first_chunk::<N>().ok_or(RestoreFault::Content)?;
        self.rest = rest;
        Ok(*chunk)
    }
}

/// Which machine a key is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope<'a> {
    /// A Session of a broker.
    Session(&'a str),
    /// A retained message, with its topic.
    Retained(&'a [u8]),
}

impl<'a> Scope<'a> {
    /// The first fields of a key of a broker.
    pub(crate) fn of(fields: &mut Fields<'a>) -> Result<Self, RestoreFault> {
        let scope = match fields.byte() {
            Ok(SESSION) => fields.string().map(Scope::Session),
            Ok(RETAINED) => Ok(Scope::Retained(fields.take_rest())),
            _ => Err(RestoreFault::Key),
        };
        scope.map_err(|_| RestoreFault::Key)
    }
}

/// Text as a topic has it, which is UTF-8 unless the peer was allowed to send other bytes.
pub(crate) fn topic_text(bytes: &[u8]) -> Result<Text<'_>, RestoreFault> {
    Text::new(bytes).or_else(|_| Text::from_other(bytes)).map_err(|_| RestoreFault::Content)
}

/// CRC-32 (the one of IEEE 802.3) of one piece behind the other.
pub(super) fn checksum(first: &[u8], second: &[u8]) -> u32 {
    !update(update(!0, first), second)
}

/// Eight bytes in one step: a message may be large, and have a record in many Sessions.
fn update(crc: u32, bytes: &[u8]) -> u32 {
    let (blocks, rest) = bytes.as_chunks::<8>();
    let crc = blocks.iter().fold(crc, |crc, block| {
        let block = u64::from_le_bytes(*block) ^ u64::from(crc);
        let bytes = block.to_le_bytes();
        entry(&TABLES[7], bytes[0])
            ^ entry(&TABLES[6], bytes[1])
            ^ entry(&TABLES[5], bytes[2])
            ^ entry(&TABLES[4], bytes[3])
            ^ entry(&TABLES[3], bytes[4])
            ^ entry(&TABLES[2], bytes[5])
            ^ entry(&TABLES[1], bytes[6])
            ^ entry(&TABLES[0], bytes[7])
    });
    rest.iter().fold(crc, |crc, byte| {
        let [low, ..] = (crc ^ u32::from(*byte)).to_le_bytes();
        entry(&TABLES[0], low) ^ (crc >> 8)
    })
}

fn entry(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

/// For each byte, what it comes to with as many zero bytes behind it as the number of the table.
static TABLES: [[u32; 256]; 8] = tables();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut at = 0;
    while at < 8 * 256 {
        let (table, byte) = (at / 256, at % 256);
        let mut crc = if table == 0 { byte as u32 } else { tables[table - 1][byte] };
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xEDB8_8320 };
            bit += 1;
        }
        tables[table][byte] = crc;
        at += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;
    use crate::Message;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(checksum(b"", b""), 0);
        assert_eq!(checksum(b"1234", b"56789"), 0xCBF4_3926);
        // Bit by bit, in pieces of any length.
        let bytes: Vec<u8> = (0..100_u8).map(|byte| byte.wrapping_mul(83)).collect();
        for len in 0..bytes.len() {
            let plain = !bytes[..len].iter().fold(!0, |crc: u32, byte| {
                (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
            });
            for at in 0..=len {
                assert_eq!(checksum(&bytes[..at], &bytes[at..len]), plain, "{at} of {len}");
            }
        }
    }

    fn record(version: u8, number: u64, message: Option<&str>) -> (Vec<u8>, Vec<u8>) {
        let key = Writer::client().kind(Kind::Message).u64(number);
        let body = message.map(|payload| Body::of(&Message::new("a", payload.to_owned()).unwrap()).unwrap());
        let value = Writer(Vec::from([0, 0, 0, 0, version])).u32(5);
        let Change::Put { key, value } = key.with_body(value, body.unwrap_or_default()) else {
            panic!("a record")
        };
        (key, value.to_vec())
    }

    #[test]
    fn damage_and_mixed_up_values_are_noticed() {
        for message in [None, Some(""), Some("payload")] {
            let (key, value) = record(VERSION, 7, message);
            let mut fields = Fields::of_value(&key, &value).unwrap();
            assert_eq!(fields.u32(), Ok(5));
            assert_eq!(fields.end().is_ok(), message.is_none());
            for at in 0..value.len() * 8 {
                let mut damaged = value.clone();
                damaged[at / 8] ^= 1 << (at % 8);
                assert_eq!(Fields::of_value(&key, &damaged).unwrap_err(), RestoreFault::Checksum);
            }
            for len in 0..value.len() {
                assert_eq!(Fields::of_value(&key, &value[..len]).unwrap_err(), RestoreFault::Checksum);
            }
            let longer = [&value[..], &[0]].concat();
            assert_eq!(Fields::of_value(&key, &longer).unwrap_err(), RestoreFault::Checksum);
            let (other, _) = record(VERSION, 8, message);
            assert_eq!(Fields::of_value(&other, &value).unwrap_err(), RestoreFault::Checksum);
        }
    }

    /// The sums tell which body belongs to which fields.
    #[test]
    fn the_message_of_another_record_is_noticed() {
        let (key, one) = record(VERSION, 7, Some("1"));
        let (_, other) = record(VERSION, 7, Some("2"));
        let head = one.len() - 7;
        let mixed = [&one[..head], &other[head..]].concat();
        assert_eq!(Fields::of_value(&key, &mixed).unwrap_err(), RestoreFault::Checksum);
    }

    #[test]
    fn a_later_layout_is_told_apart_from_damage() {
        let (key, value) = record(VERSION + 1, 7, Some("1"));
        assert_eq!(Fields::of_value(&key, &value).unwrap_err(), RestoreFault::Version(VERSION + 1));
    }
}
