//! The bytes that wait to be written to a Network Connection.

use alloc::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use mqtt_codec::{EncodeError, Packet, Property, ProtocolVersion, Publish};

/// A payload from this size on is sent by reference instead of being copied.
pub(crate) const BY_REFERENCE: usize = 1024;

/// Outgoing bytes of one connection, whole packets in their order.
///
/// A [`Buf`]: write [`chunk`](Buf::chunk), then [`advance`](Buf::advance) by what was written, as
/// `tokio::io::AsyncWriteExt::write_buf` does. Nothing is lost when a write is cancelled. For writers that take buffers
/// over (`io_uring`), [`pop`](Self::pop) hands out owned segments.
#[derive(Debug, Default)]
pub struct Transmit {
    /// Written before `tail`.
    segments: VecDeque<Bytes>,
    tail: BytesMut,
    remaining: usize,
    closed: bool,
}

impl Transmit {
    /// Takes the next segment, which is never empty. `None` when nothing waits.
    pub fn pop(&mut self) -> Option<Bytes> {
        let segment = match self.segments.pop_front() {
            Some(segment) => segment,
            None if self.tail.is_empty() => return None,
            None => self.tail.split().freeze(),
        };
        self.remaining -= segment.len();
        Some(segment)
    }

    /// Begins with these packets.
    pub(crate) fn with(packets: BytesMut) -> Self {
        Self { remaining: packets.len(), tail: packets, ..Self::default() }
    }

    /// Appends a packet; after [`close`](Self::close) it does nothing.
    pub(crate) fn push(&mut self, packet: &Packet<'_>, version: ProtocolVersion) -> Result<(), EncodeError> {
        self.append(|tail| packet.encode(version, tail))
    }

    /// Appends a PUBLISH with the `extra` properties of this hop; `payload` is the payload of `publish`, and is sent by
    /// reference when it is large. After [`close`](Self::close) it does nothing.
    pub(crate) fn push_publish(
        &mut self,
        publish: &Publish<'_>,
        extra: &[Property<'_>],
        payload: &Bytes,
        version: ProtocolVersion,
    ) -> Result<(), EncodeError> {
        self.append(|tail| publish.encode_head_with(version, extra, tail))?;
        if self.closed {
            return Ok(());
        }
        if payload.len() < BY_REFERENCE {
            self.tail.extend_from_slice(payload);
        } else {
            self.segments.push_back(self.tail.split().freeze());
            self.segments.push_back(payload.clone());
        }
        self.remaining += payload.len();
        Ok(())
    }

    fn append(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.closed {
            return Ok(());
        }
        let before = self.tail.len();
        let encoded = encode(&mut self.tail);
        self.remaining += self.tail.len() - before;
        encoded
    }

    /// Nothing is appended from now on `[MQTT-3.14.4-1]`.
    pub(crate) const fn close(&mut self) {
        self.closed = true;
    }

    /// Drops what waits: there is no connection left to write it to.
    pub(crate) fn clear(&mut self) {
        *self = Self { closed: true, ..Self::default() };
    }
}

impl Buf for Transmit {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.segments.front().map_or(&self.tail, |segment| segment)
    }

    /// # Panics
    /// When `count` is more than [`remaining`](Buf::remaining), as the contract of `Buf` demands.
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "cannot advance past the end");
        self.remaining -= count;
        while let Some(front) = self.segments.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.segments.pop_front();
        }
        self.tail.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use mqtt_topic::TopicName;
    use proptest::prelude::*;

    use super::*;

    const VERSION: ProtocolVersion = ProtocolVersion::V5_0;

    fn push_payload(transmit: &mut Transmit, payload: &Bytes) {
        let publish = Publish::new(TopicName::parse("t").unwrap(), payload);
        transmit.push_publish(&publish, &[], payload, VERSION).unwrap();
    }

    proptest! {
        #[test]
        fn bytes_leave_in_order_however_they_are_taken(
            sizes in proptest::collection::vec(0..3000_usize, 0..12),
            takes in proptest::collection::vec(0..2000_usize, 0..64),
        ) {
            let mut transmit = Transmit::default();
            let mut expected = Vec::new();
            for size in sizes {
                let payload = Bytes::from(alloc::vec![b'x'; size]);
                push_payload(&mut transmit, &payload);
                Publish::new(TopicName::parse("t").unwrap(), &payload).encode(VERSION, &mut expected).unwrap();
                transmit.push(&Packet::Pingreq, VERSION).unwrap();
                Packet::Pingreq.encode(VERSION, &mut expected).unwrap();
            }
            let mut taken = Vec::new();
            for take in takes {
                prop_assert_eq!(transmit.remaining(), expected.len() - taken.len());
                if take == 0 {
                    taken.extend(transmit.pop().into_iter().flatten());
                    continue;
                }
                let take = take.min(transmit.chunk().len());
                taken.extend_from_slice(&transmit.chunk()[..take]);
                transmit.advance(take);
            }
            while transmit.has_remaining() {
                let len = transmit.chunk().len();
                prop_assert_ne!(len, 0);
                taken.extend_from_slice(transmit.chunk());
                transmit.advance(len);
            }
            prop_assert_eq!(taken, expected);
            prop_assert_eq!(transmit.pop(), None);
        }
    }

    #[test]
    fn large_payloads_are_not_copied() {
        let payload = Bytes::from(alloc::vec![0; BY_REFERENCE]);
        let mut transmit = Transmit::default();
        push_payload(&mut transmit, &payload);
        transmit.pop().unwrap();
        assert_eq!(transmit.pop().unwrap().as_ptr(), payload.as_ptr());
    }

    #[test]
    fn nothing_follows_the_last_packet() {
        let mut transmit = Transmit::default();
        transmit.push(&Packet::Pingreq, VERSION).unwrap();
        transmit.close();
        transmit.push(&Packet::Pingreq, VERSION).unwrap();
        push_payload(&mut transmit, &Bytes::from_static(b"late"));
        assert_eq!(transmit.pop().as_deref(), Some(&b"\xC0\x00"[..]));
        assert!(!transmit.has_remaining());
    }

    #[test]
    fn a_refused_packet_leaves_nothing_behind() {
        let mut transmit = Transmit::default();
        let invalid = Publish { topic: None, ..Publish::new(TopicName::parse("t").unwrap(), b"") };
        assert!(transmit.push_publish(&invalid, &[], &Bytes::new(), VERSION).is_err());
        assert!(!transmit.has_remaining());
        assert_eq!(transmit.pop(), None);
    }
}
