//! What a state is known by: 128 bits of what it consists of.

use std::fmt;
use std::hash::Hasher;

/// Two hashes of the same words.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    one: u64,
    two: u64,
}

impl Mix {
    /// Goes on from a digest.
    pub const fn from(digest: u128) -> Self {
        Self { one: (digest >> 64) as u64, two: digest as u64 }
    }

    const fn word(&mut self, word: u64) {
        let Self { one, two } = self;
        *one = (one.rotate_left(25) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        *two = (two.rotate_left(39) ^ word).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        *one ^= *one >> 29;
        *two ^= *two >> 31;
    }

    /// Both.
    pub const fn digest(mut self) -> u128 {
        self.word(0);
        (self.one as u128) << 64 | self.two as u128
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
        self.word(bytes.len() as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.word(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.word(word as u64);
    }

    /// Not asked for: [`digest`](Self::digest) has more bits.
    fn finish(&self) -> u64 {
        self.one
    }
}

/// Collects what a state consists of, as text or as what `Hash` says of it.
#[derive(Debug, Default)]
pub struct Digest {
    bytes: Vec<u8>,
}

impl Digest {
    /// Of what was collected; the next begins with nothing.
    pub fn take(&mut self) -> u128 {
        let mut mix = Mix::from(0);
        mix.write(&self.bytes);
        self.bytes.clear();
        mix.digest()
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Not asked for: [`take`](Self::take) has more bits.
    fn finish(&self) -> u64 {
        self.bytes.len() as u64
    }
}
