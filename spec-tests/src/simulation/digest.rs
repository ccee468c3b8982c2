//! What a state is known by: 128 bits of everything it consists of.

use std::fmt;
use std::hash::Hasher;

/// Collects what a state consists of, as text or as what `Hash` says of it.
#[derive(Debug, Default)]
pub struct Digest {
    bytes: Vec<u8>,
}

impl Digest {
    /// Two hashes of what was collected; the next begins with nothing.
    pub fn take(&mut self) -> u128 {
        let (mut one, mut two) = (0_u64, 0_u64);
        let mut mix = |word: u64| {
            one = (one.rotate_left(25) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            two = (two.rotate_left(39) ^ word).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
            one ^= one >> 29;
            two ^= two >> 31;
        };
        let (words, rest) = self.bytes.as_chunks();
        words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        mix(u64::from_le_bytes(last));
        mix(self.bytes.len() as u64);
        mix(0);
        self.bytes.clear();
        u128::from(one) << 64 | u128::from(two)
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
