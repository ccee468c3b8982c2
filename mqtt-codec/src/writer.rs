//! Where the bytes of a packet go: a slice of exactly as many, a `BytesMut`, or any output.
//!
//! An output, a `BufMut`, asks for room and counts bytes at every call, which is more than most fields are worth. So where
//! there are many of them, they are written into a slice on the stack first, and handed over at once.

#![expect(clippy::inline_always, reason = "a call costs more than what these do")]

use bytes::{BufMut, BytesMut};

/// Something of many small fields.
pub(crate) trait Fields {
    fn put<P: Put>(&self, out: P) -> P;
}

/// A place for bytes that has room enough. It is passed on from one field to the next, which keeps it out of memory.
pub(crate) trait Put: Sized {
    /// Writes `fields`, which take `len` bytes; at once, if these are not more than `ROOM`.
    #[inline]
    fn put_fields<const ROOM: usize>(self, len: usize, fields: &impl Fields) -> Self {
        let mut room = [0; ROOM];
        match room.get_mut(..len) {
            Some(place) => {
                let _ = fields.put(Unwritten::<true>(place));
                self.put_slice(room.get(..len).unwrap_or_default())
            }
            None => fields.put(self),
        }
    }

    fn put_slice(self, bytes: &[u8]) -> Self;

    /// Writes `bytes` between `front` and `back`.
    #[inline(always)]
    fn put_between<const F: usize, const B: usize>(
        self,
        front: [u8; F],
        bytes: &[u8],
        back: [u8; B],
    ) -> Self {
        let out = self.put_array(front).put_slice(bytes);
        if B == 0 { out } else { out.put_array(back) }
    }

    fn put_array<const N: usize>(self, bytes: [u8; N]) -> Self;

    #[inline(always)]
    fn put_u8(self, value: u8) -> Self {
        self.put_array([value])
    }

    #[inline(always)]
    fn put_u16(self, value: u16) -> Self {
        self.put_array(value.to_be_bytes())
    }
}

/// The part of a slice that has not been written yet. `COUNTED`: the slice is as long as what is to be written, otherwise
/// nothing is left of it when that has been too much.
pub(crate) struct Unwritten<'o, const COUNTED: bool = true>(pub(crate) &'o mut [u8]);

impl<const COUNTED: bool> Put for Unwritten<'_, COUNTED> {
    #[inline]
    fn put_fields<const ROOM: usize>(self, _: usize, fields: &impl Fields) -> Self {
        fields.put(self)
    }

    #[inline(always)]
    fn put_slice(self, bytes: &[u8]) -> Self {
        match self.0.split_at_mut_checked(bytes.len()) {
            Some((place, rest)) => {
                copy(place, bytes);
                Self(rest)
            }
            None => Self::full(),
        }
    }

    #[inline(always)]
    fn put_between<const F: usize, const B: usize>(
        self,
        front: [u8; F],
        bytes: &[u8],
        back: [u8; B],
    ) -> Self {
        if let Some((place, rest)) = self.0.split_at_mut_checked(F + bytes.len() + B)
            && let Some((first, place)) = place.split_first_chunk_mut()
            && let Some((place, last)) = place.split_last_chunk_mut()
        {
            *first = front;
            copy(place, bytes);
            *last = back;
            return Self(rest);
        }
        Self::full()
    }

    #[inline(always)]
    fn put_array<const N: usize>(self, bytes: [u8; N]) -> Self {
        match self.0.split_first_chunk_mut() {
            Some((place, rest)) => {
                *place = bytes;
                Self(rest)
            }
            None => Self::full(),
        }
    }
}

impl<const COUNTED: bool> Unwritten<'_, COUNTED> {
    #[cold]
    fn full() -> Self {
        debug_assert!(!COUNTED, "fewer bytes have been counted than are written");
        Self(&mut [])
    }
}

/// Copies `bytes` to `place`, which is as long. Most texts are so short that a call would cost more.
#[inline(always)]
fn copy(place: &mut [u8], bytes: &[u8]) {
    match bytes.len() {
        16..=32 => copy_ends::<16>(place, bytes),
        8..=15 => copy_ends::<8>(place, bytes),
        4..=7 => copy_ends::<4>(place, bytes),
        _ => place.copy_from_slice(bytes),
    }
}

/// Copies the first and the last `N` bytes of at least `N`.
#[inline(always)]
fn copy_ends<const N: usize>(place: &mut [u8], bytes: &[u8]) {
    if let (Some(place), Some(first)) = (place.first_chunk_mut(), bytes.first_chunk::<N>()) {
        *place = *first;
    }
    if let (Some(place), Some(last)) = (place.last_chunk_mut(), bytes.last_chunk::<N>()) {
        *place = *last;
    }
}

/// Any output.
pub(crate) struct Direct<'o, B>(pub(crate) &'o mut B);

impl<B: BufMut> Put for Direct<'_, B> {
    #[inline(always)]
    fn put_slice(self, bytes: &[u8]) -> Self {
        self.0.put_slice(bytes);
        self
    }

    #[inline(always)]
    fn put_array<const N: usize>(self, bytes: [u8; N]) -> Self {
        self.0.put_slice(&bytes);
        self
    }
}

/// The end of a `BytesMut`. As a `BufMut` it takes every field by a call across crates, which is not inlined.
pub(crate) struct Appended<'o>(pub(crate) &'o mut BytesMut);

impl Put for Appended<'_> {
    #[inline(always)]
    fn put_slice(self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    #[inline(always)]
    fn put_array<const N: usize>(self, bytes: [u8; N]) -> Self {
        self.0.extend_from_slice(&bytes);
        self
    }
}
