//! The value of a record, and the message in it, which many records may have in common.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::{Buf, Bytes};
use mqtt_codec::{
    Decoder, Deviation, Deviations, MessageProperties, Packet, PacketId, Property, ProtocolVersion, Publish,
};

use super::RestoreFault;
use super::record::checksum;
use crate::Message;
use crate::delivery::first_delivery;

/// The value of a record: its two [parts](Self::parts), one behind the other.
///
/// The first is of this record alone. The second is the message of a record that has one: the same memory in all changes that a
/// message makes when it is published, in however many Sessions. So a message for a thousand Sessions is in memory once. A store that
/// writes each value as a whole needs to know nothing of this; one that writes a body once has to put the two together again for
/// [`Broker::restore`](crate::Broker::restore).
#[derive(Clone, Debug, Default)]
pub struct Value {
    head: Vec<u8>,
    body: Bytes,
}

impl Value {
    pub(super) const fn new(head: Vec<u8>, body: Bytes) -> Self {
        Self { head, body }
    }

    /// What is to be written, one behind the other. The second may be empty.
    pub fn parts(&self) -> [&[u8]; 2] {
        [&self.head, &self.body]
    }

    /// The second part. The changes that a message makes when it is published are in one transaction, and all have handles on the
    /// same memory; once they are gone, that may become another message's. What comes to a Session later, as a retained message or
    /// from another Session, is written anew.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Both parts in one piece, which is a copy.
    pub fn to_vec(&self) -> Vec<u8> {
        self.parts().concat()
    }

    /// Bytes of both.
    pub const fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the first part.
    pub(super) const fn head_len(&self) -> usize {
        self.head.len()
    }
}

/// The same bytes, wherever one part ends.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        if self.head_len() == other.head_len() {
            return self.parts() == other.parts();
        }
        let [own, theirs] = [self, other].map(|value| value.parts().into_iter().flatten());
        own.eq(theirs)
    }
}

impl Eq for Value {}

/// A value as a store gives it back, in one piece.
impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes, Bytes::new())
    }
}

/// A message as it is stored, encoded and checked once for all records that it is in: a PUBLISH of 5.0 without payload, and the
/// payload. What fits a packet of the version it came in need not fit one of another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(super) bytes: Bytes,
    pub(super) sum: u32,
}

impl Body {
    /// `None`: its properties are too large for any packet, and so it is not sent either.
    pub(crate) fn of(message: &Message) -> Option<Self> {
        let delivery = first_delivery(message.qos(), PacketId::MIN);
        let expiry = message.expiry().map(Property::MessageExpiryInterval);
        let publish = Publish { payload: &[], ..message.as_publish(ProtocolVersion::V5_0, delivery) };
        let len = publish.encoded_len_with(ProtocolVersion::V5_0, expiry.as_slice()).ok()?;
        let mut bytes = Vec::with_capacity(len + message.payload().len());
        publish.encode_head_with(ProtocolVersion::V5_0, expiry.as_slice(), &mut bytes).ok()?;
        bytes.extend_from_slice(message.payload());
        Some(Self { sum: checksum(&bytes, &[]), bytes: bytes.into() })
    }
}

/// The bodies of messages that several records have in common, while all records are told.
#[derive(Debug, Default)]
pub(crate) struct Bodies(BTreeMap<*const Message, Option<Body>>);

impl Bodies {
    /// As [`Body::of`], once for each message.
    pub(crate) fn of(&mut self, message: &Arc<Message>) -> Option<Body> {
        self.0.entry(Arc::as_ptr(message)).or_insert_with(|| Body::of(message)).clone()
    }
}

/// A body as it was stored, undamaged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StoredBody<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) sum: u32,
}

/// The messages that have been restored: records with the same message share it again.
#[derive(Debug, Default)]
pub(crate) struct Restored(BTreeMap<(u32, usize), (Bytes, Arc<Message>)>);

impl Restored {
    /// A message that [`Body::of`] has written.
    pub(crate) fn message(&mut self, body: StoredBody<'_>) -> Result<Arc<Message>, RestoreFault> {
        let key = (body.sum, body.bytes.len());
        if let Some((bytes, message)) = self.0.get(&key)
            && *bytes == body.bytes
        {
            return Ok(Arc::clone(message));
        }
        let (bytes, message) = decode(body.bytes)?;
        let message = Arc::new(message);
        self.0.insert(key, (bytes, Arc::clone(&message)));
        Ok(message)
    }
}

/// The message and the memory it shares with no other, but for its Topic Name: that may outlive it, and a small payload too (`Spares`).
fn decode(bytes: &[u8]) -> Result<(Bytes, Message), RestoreFault> {
    let bytes = Bytes::copy_from_slice(bytes);
    let mut decoder = Decoder::client(ProtocolVersion::V5_0);
    decoder.accept(Deviations::NONE.with(Deviation::TopicNotUtf8));
    let Some((Packet::Publish(Publish { topic, properties, delivery, retain, payload: [] }), len)) =
        decoder.decode(&bytes).ok().flatten()
    else {
        return Err(RestoreFault::Content);
    };
    let topic = topic.and_then(|topic| topic.with_storage(Bytes::copy_from_slice(topic.as_bytes())));
    let mut payload = bytes.clone();
    payload.advance(len);
    let message = Message::received(
        topic.ok_or(RestoreFault::Content)?,
        payload,
        MessageProperties::from_publish(properties, Some(&bytes)),
        (properties.message_expiry_interval(), delivery.qos(), retain),
    );
    Ok((bytes, message))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_value_is_its_bytes_wherever_one_part_ends() {
        let whole = Value::from(vec![1, 2, 3]);
        for at in 0..=3 {
            let (head, body) = whole.parts()[0].split_at(at);
            let parted = Value::new(Vec::from(head), Bytes::copy_from_slice(body));
            assert_eq!(parted, whole);
            assert_eq!((parted.to_vec(), parted.len()), (vec![1, 2, 3], 3));
            assert_ne!(parted, Value::from(vec![1, 2]));
            assert_ne!(parted, Value::from(vec![1, 2, 4]));
        }
    }
}
