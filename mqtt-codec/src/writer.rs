//! Where the bytes of a packet go. Outputs ask for room and count bytes at every call, so small fields are gathered first.

use bytes::BufMut;

use crate::varint;

/// A place for bytes that has room enough.
pub(crate) trait Put {
    fn put_slice(&mut self, bytes: &[u8]);

    #[inline]
    fn put_u8(&mut self, value: u8) {
        self.put_slice(&[value]);
    }

    #[inline]
    fn put_u16(&mut self, value: u16) {
        self.put_slice(&value.to_be_bytes());
    }

    #[inline]
    fn put_u32(&mut self, value: u32) {
        self.put_slice(&value.to_be_bytes());
    }
}

impl<B: BufMut> Put for B {
    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) {
        BufMut::put_slice(self, bytes);
    }
}

/// Most PUBLISH packets fit; more would cost every packet the time to clear it.
const GATHERED: usize = 96;

/// Gathers small fields; nothing is in `out` before [`finish`](Self::finish).
pub(crate) struct Writer<'o, B> {
    out: &'o mut B,
    gathered: [u8; GATHERED],
    len: usize,
}

impl<'o, B: BufMut> Writer<'o, B> {
    /// Begins a packet with its fixed header; `remaining_length` is at most 268,435,455.
    #[inline]
    pub(crate) fn begin(first_byte: u8, remaining_length: u32, out: &'o mut B) -> Self {
        let (varint, len) = varint::bytes(remaining_length);
        let [a, b, c, d] = varint;
        let mut gathered = [0; GATHERED];
        if let Some(header) = gathered.first_chunk_mut() {
            *header = [first_byte, a, b, c, d];
        }
        Self { out, gathered, len: 1 + len }
    }

    /// Hands everything over.
    #[inline]
    pub(crate) fn finish(&mut self) {
        self.flush();
    }

    #[inline]
    fn flush(&mut self) {
        if self.len > 0 {
            BufMut::put_slice(self.out, self.gathered.get(..self.len).unwrap_or_default());
            self.len = 0;
        }
    }

    /// A field for which there is no room left.
    #[inline(never)]
    fn put_through(&mut self, bytes: &[u8]) {
        self.flush();
        BufMut::put_slice(self.out, bytes);
    }
}

impl<B: BufMut> Put for Writer<'_, B> {
    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) {
        let place = self.gathered.get_mut(self.len..).and_then(|room| room.get_mut(..bytes.len()));
        match place {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.put_through(bytes),
        }
    }
}
