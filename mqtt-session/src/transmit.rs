//! The bytes that wait to be written to a Network Connection.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use mqtt_codec::{EncodeError, Packet, Property, ProtocolVersion, Publish};

use crate::PersistSeq;
use crate::persist::Journal;

/// A payload from this size on is sent by reference instead of being copied.
pub(crate) const BY_REFERENCE: usize = 1024;

/// Outgoing bytes of one connection, whole packets in their order.
///
/// A [`Buf`]: write [`chunk`](Buf::chunk), then [`advance`](Buf::advance) by what was written, as
/// `tokio::io::AsyncWriteExt::write_buf` does. Nothing is lost when a write is cancelled. For writers that take buffers
/// over (`io_uring`), [`pop`](Self::pop) hands out owned segments.
///
/// In a durable machine, bytes that depend on changes that are not stored yet are not to be seen; [`held`](Self::held) says
/// how many there are.
#[derive(Clone, Debug, Default)]
pub struct Transmit {
    /// What most connections do not have.
    queues: Option<Box<Queues>>,
    tail: BytesMut,
    /// Bytes that wait, visible or not.
    pending: usize,
    /// Bytes that have been taken.
    taken: u64,
    closed: bool,
}

#[derive(Clone, Debug, Default)]
struct Queues {
    /// Written before the tail.
    segments: VecDeque<Bytes>,
    /// Where bytes begin that wait for a transaction, the first in front; both numbers rise.
    holds: VecDeque<Hold>,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    /// Bytes before it, taken or not.
    at: u64,
    seq: PersistSeq,
}

impl Transmit {
    /// Takes the next segment, which is never empty. `None` when nothing waits.
    pub fn pop(&mut self) -> Option<Bytes> {
        let visible = self.remaining();
        if visible == 0 {
            return None;
        }
        let mut segments = self.queues.as_mut().map(|queues| &mut queues.segments);
        let segment = match segments.as_mut().and_then(|segments| segments.front_mut()) {
            Some(segment) if segment.len() > visible => segment.split_to(visible),
            Some(_) => segments?.pop_front()?,
            None => self.tail.split_to(visible.min(self.tail.len())).freeze(),
        };
        self.took(segment.len());
        Some(segment)
    }

    /// How many bytes wait, behind those to be written, for changes to be stored. A connection that is to be closed in an
    /// orderly way is closed when there are none left.
    pub fn held(&self) -> usize {
        self.pending - self.remaining()
    }

    /// All bytes that wait, which is what limits are about.
    pub(crate) const fn pending(&self) -> usize {
        self.pending
    }

    /// Begins with these packets, which may wait for a transaction.
    pub(crate) fn with(packets: BytesMut, seq: Option<PersistSeq>) -> Self {
        let mut transmit = Self::default();
        if let Some(seq) = seq {
            transmit.hold(seq);
        }
        (transmit.pending, transmit.tail) = (packets.len(), packets);
        transmit
    }

    /// What is appended from now on waits for this transaction; whether it would not have without this.
    pub(crate) fn hold(&mut self, seq: PersistSeq) -> bool {
        let at = self.taken + self.pending as u64;
        let holds = &mut self.queues.get_or_insert_default().holds;
        if holds.back().is_some_and(|last| last.seq >= seq) {
            return false;
        }
        holds.push_back(Hold { at, seq });
        true
    }

    /// Bytes no longer wait for transactions that are stored; whether there are some to write where there were none.
    pub(crate) fn release(&mut self, journal: &Journal) -> bool {
        let was_empty = !self.has_remaining();
        if let Some(queues) = &mut self.queues {
            while queues.holds.front().is_some_and(|hold| journal.is_persisted(hold.seq)) {
                queues.holds.pop_front();
            }
        }
        was_empty && self.has_remaining()
    }

    fn took(&mut self, count: usize) {
        self.pending -= count;
        self.taken += count as u64;
    }

    /// Appends a packet; after [`close`](Self::close) it does nothing.
    pub(crate) fn push(&mut self, packet: &Packet<'_>, version: ProtocolVersion) -> Result<(), EncodeError> {
        self.append(|tail| packet.append_to(version, tail))
    }

    /// Appends an acknowledgement; after [`close`](Self::close) it does nothing.
    #[inline]
    pub(crate) fn push_short<const LEN: usize>(&mut self, ack: [u8; LEN]) {
        if !self.closed {
            self.tail.extend_from_slice(&ack);
            self.pending += LEN;
        }
    }

    /// Appends a PUBLISH with the `extra` properties of this hop. A `payload`, which is that of `publish`, is sent by
    /// reference. After [`close`](Self::close) it does nothing.
    pub(crate) fn push_publish(
        &mut self,
        publish: &Publish<'_>,
        extra: &[Property<'_>],
        payload: Option<&Bytes>,
        version: ProtocolVersion,
    ) -> Result<(), EncodeError> {
        self.append(|tail| {
            publish.append_head_with(version, extra, tail)?;
            if payload.is_none() {
                tail.extend_from_slice(publish.payload);
            }
            Ok(())
        })?;
        if let Some(payload) = payload.filter(|_| !self.closed) {
            let segments = &mut self.queues.get_or_insert_default().segments;
            segments.push_back(self.tail.split().freeze());
            segments.push_back(payload.clone());
            self.pending += payload.len();
        }
        Ok(())
    }

    /// Appends what `encode` writes, which is nothing when it fails.
    pub(crate) fn append(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.closed {
            return Ok(());
        }
        let before = self.tail.len();
        let encoded = encode(&mut self.tail);
        self.pending += self.tail.len() - before;
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
        let hold = self.queues.as_ref().and_then(|queues| queues.holds.front());
        // What is held lies behind what was taken, and fits into memory.
        #[expect(clippy::cast_possible_truncation, reason = "not more than `pending`")]
        let visible = |hold: &Hold| (hold.at - self.taken) as usize;
        hold.map_or(self.pending, visible)
    }

    fn chunk(&self) -> &[u8] {
        let segment = self.queues.as_ref().and_then(|queues| queues.segments.front());
        let chunk = segment.map_or(&self.tail[..], |segment| segment);
        chunk.get(..self.remaining()).unwrap_or(chunk)
    }

    /// # Panics
    /// When `count` is more than [`remaining`](Buf::remaining), as the contract of `Buf` demands.
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining(), "cannot advance past the end");
        self.took(count);
        if let Some(Queues { segments, .. }) = self.queues.as_deref_mut() {
            while let Some(front) = segments.front_mut() {
                if count < front.len() {
                    front.advance(count);
                    return;
                }
                count -= front.len();
                segments.pop_front();
            }
        }
        self.tail.advance(count);
    }
}

/// What of a payload is sent by reference: all of it, or nothing.
pub(crate) fn by_reference(payload: &Bytes) -> Option<&Bytes> {
    (payload.len() >= BY_REFERENCE).then_some(payload)
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
        transmit.push_publish(&publish, &[], by_reference(payload), VERSION).unwrap();
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
        assert!(transmit.push_publish(&invalid, &[], None, VERSION).is_err());
        assert!(!transmit.has_remaining());
        assert_eq!(transmit.pop(), None);
    }
}
