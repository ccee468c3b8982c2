//! One direction of a link: bytes that are under way, in segments that arrive later, and the faults they meet.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use bytes::{Buf, BytesMut};

use super::choices::{Choices, Random};

/// Bytes from one end to the other.
#[derive(Clone, Debug)]
pub struct Pipe {
    bytes: BytesMut,
    segments: VecDeque<Segment>,
    /// The end of the stream, and when it arrives.
    end: Option<u64>,
    /// What is written gets lost.
    pub is_closed: bool,
    /// The reader does not read before.
    pub stalled_until: u64,
    /// How many bytes may still arrive before the link breaks.
    pub cut_after: Option<usize>,
    character: Character,
    random: Random,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    at: u64,
    len: usize,
}

/// What a link is like.
#[derive(Clone, Copy, Debug)]
pub struct Character {
    /// Bytes of a segment, at most.
    pub segment: usize,
    /// Bytes that may be under way.
    pub capacity: usize,
    /// Milliseconds, at most.
    pub latency: u64,
}

/// What arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// So many bytes.
    Bytes(usize),
    /// Bytes, and with them the link breaks.
    Cut(usize),
    /// Nothing more.
    End,
}

impl Character {
    /// A link of which nobody notices anything.
    pub const PLAIN: Self = Self { segment: usize::MAX, capacity: usize::MAX, latency: 0 };

    /// Some links are good, others deliver byte by byte, or hold little.
    pub fn new(random: &mut Random, may_be_narrow: bool) -> Self {
        let capacity = random.pick(&[20, 200, 4_096, 1 << 16, 1 << 16, 1 << 16]);
        Self {
            segment: random.pick(&[1_460, 1_460, 1_460, 1_460, 64, 64, 16, 3]),
            capacity: if may_be_narrow { capacity } else { 1 << 20 },
            latency: random.pick(&[0, 1, 10, 100]),
        }
    }
}

impl Pipe {
    /// An empty one.
    pub fn new(character: Character, random: Random) -> Self {
        Self {
            bytes: BytesMut::new(),
            segments: VecDeque::new(),
            end: None,
            is_closed: false,
            stalled_until: 0,
            cut_after: None,
            character,
            random,
        }
    }

    /// How many bytes can be written.
    pub fn room(&self) -> usize {
        if self.is_closed { usize::MAX } else { self.character.capacity.saturating_sub(self.bytes.len()) }
    }

    /// How many bytes are under way.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.end.is_none()
    }

    /// The bytes under way.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Sends bytes on their way.
    pub fn write(&mut self, now: u64, bytes: &[u8]) {
        if self.is_closed {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        let mut left = bytes.len();
        while left > 0 {
            let most = self.character.segment;
            let len =
                if left <= most && most > 64 { left } else { 1 + self.random.below(most as u64) as usize };
            let len = len.min(left);
            let at = self.arrival(now);
            self.segments.push_back(Segment { at, len });
            left -= len;
        }
    }

    fn arrival(&mut self, now: u64) -> u64 {
        let last = self.segments.back().map_or(0, |segment| segment.at);
        last.max(
            now + if self.character.latency == 0 { 0 } else { self.random.below(self.character.latency) },
        )
    }

    /// The end of the stream arrives after what is under way, and after so many milliseconds.
    pub fn close(&mut self, now: u64, delay: u64) {
        if !self.is_closed || self.end.is_none() {
            self.is_closed = true;
            self.end = Some(self.arrival(now).max(now + delay));
        }
    }

    /// What is under way is lost; the end arrives after so many milliseconds.
    pub fn reset(&mut self, now: u64, delay: u64) {
        self.bytes.clear();
        self.segments.clear();
        self.is_closed = true;
        self.end = Some(now + delay);
    }

    /// When the next thing arrives, if the reader reads.
    pub fn next_at(&self) -> Option<u64> {
        let at = self.segments.front().map_or(self.end, |segment| Some(segment.at))?;
        Some(at.max(self.stalled_until))
    }

    /// Takes the next thing that arrives; bytes go to the end of `into`.
    pub fn arrive(&mut self, into: &mut BytesMut) -> Option<Arrival> {
        let Some(Segment { len, .. }) = self.segments.pop_front() else {
            return self.end.take().map(|_| Arrival::End);
        };
        let cut = self.cut_after.filter(|left| *left <= len);
        let arriving = cut.unwrap_or(len);
        if let Some(left) = &mut self.cut_after {
            *left -= arriving;
        }
        into.extend_from_slice(&self.bytes[..arriving]);
        self.bytes.advance(arriving);
        Some(if cut.is_some() { Arrival::Cut(arriving) } else { Arrival::Bytes(arriving) })
    }

    /// Takes so many of the bytes under way, whenever they were to arrive.
    pub fn take(&mut self, count: usize, into: &mut BytesMut) {
        into.extend_from_slice(&self.bytes[..count]);
        self.bytes.advance(count);
        // Who takes bytes does not look at times.
        self.segments.clear();
        if !self.bytes.is_empty() {
            self.segments.push_back(Segment { at: 0, len: self.bytes.len() });
        }
    }

    /// What matters of a plain one from which whole packets are taken: neither pieces nor times.
    pub fn write_state(&self, out: &mut impl Hasher) {
        let Self { bytes, end, is_closed, .. } = self;
        (&bytes[..], end, is_closed).hash(out);
    }

    /// The faults are over.
    pub fn heal(&mut self) {
        self.cut_after = None;
        self.stalled_until = 0;
    }
}
