//! Keyed hashes of 32 bits: whoever does not know the seed will find it hard to choose texts that collide.

use core::hash::{Hash, Hasher};

#[derive(Clone, Copy)]
pub(super) struct Seed(u64, u64);

/// The 128-bit product, folded.
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

const fn halves(bytes: [u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(bytes);
    (both as u64, (both >> 64) as u64)
}

impl Seed {
    pub(super) fn new(seed: u64) -> Self {
        let key = |number: u64| fold(seed ^ number, 0x9E37_79B9_7F4A_7C15) ^ seed.rotate_left(32) ^ number;
        Self(key(0xA076_1D64_78BD_642F), key(0xE703_7ED1_A0B4_28DB))
    }

    #[inline]
    pub(super) fn text(self, text: &[u8]) -> u32 {
        let mut state = self.0 ^ text.len() as u64;
        let (a, b) = if let Some(last) = text.last_chunk::<16>() {
            let mut left = text;
            while let Some((chunk, rest)) = left.split_first_chunk()
                && !rest.is_empty()
            {
                let (a, b) = halves(*chunk);
                state = fold(a ^ state, b ^ self.1);
                left = rest;
            }
            halves(*last)
        } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
        } else {
            (text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0)
        };
        fold(a ^ state, b ^ self.1) as u32
    }

    #[inline]
    pub(super) const fn words(self, first: u64, second: u64) -> u64 {
        fold(first ^ self.0, second ^ self.1)
    }

    /// Of a number and the hash of words that belong to it: whoever knows the number has no words that make up for it without knowing
    /// the hash of these.
    #[inline]
    pub(super) const fn below(self, number: u32, hash: u64) -> u32 {
        ((number as u64).wrapping_mul(self.1 | 1).wrapping_add(hash) >> 32) as u32
    }

    #[inline]
    pub(super) const fn pair(self, a: u32, b: u32) -> u32 {
        (fold(((a as u64) << 32 | b as u64) ^ self.0, self.1) >> 32) as u32
    }

    #[inline]
    pub(super) fn key<K: Hash>(self, key: &K) -> u32 {
        let mut hasher = KeyHasher { state: self.0, key: self.1 };
        key.hash(&mut hasher);
        (hasher.finish() >> 32) as u32
    }
}

struct KeyHasher {
    state: u64,
    key: u64,
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks();
        for chunk in chunks {
            self.write_u64(u64::from_le_bytes(*chunk));
        }
        if !rest.is_empty() {
            // The length keeps what ends in zeros apart.
            self.write_u64(rest.iter().fold(rest.len() as u64, |all, byte| all << 8 | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.state = fold(self.state ^ number, self.key);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        fold(self.state, self.key ^ 0x9E37_79B9_7F4A_7C15)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const SEEDS: [u64; 4] = [0, 1, 0x1234_5678_9ABC_DEF0, u64::MAX];

    /// All differ, each bit is one in some and zero in some, and of many bits about half are one.
    fn check(hashes: impl Iterator<Item = u32>, what: &str) {
        let mut hashes: Vec<u32> = hashes.collect();
        hashes.sort_unstable();
        assert!(hashes.is_sorted_by(|one, other| one < other), "{what}");
        let ones: u32 = hashes.iter().map(|hash| hash.count_ones()).sum();
        let bits = 32 * hashes.len() as u32;
        assert!(
            bits < 10_000 || (bits * 9 / 20..=bits * 11 / 20).contains(&ones),
            "{what}: {ones} of {bits}"
        );
        for bit in 0..32 {
            let is_one = |hash: &&u32| *hash >> bit & 1 == 1;
            assert!((1..hashes.len()).contains(&hashes.iter().filter(is_one).count()), "{what}: bit {bit}");
        }
    }

    #[test]
    fn each_byte_of_a_text_and_its_length_count() {
        for seed in SEEDS.map(Seed::new) {
            check((0..100).map(|len| seed.text(&alloc::vec![b'a'; len])), "lengths");
            for len in [2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49] {
                for at in 0..len - 1 {
                    let mut text = alloc::vec![b'a'; len];
                    let hashes = (0..1024_u16).map(|number| {
                        (text[at], text[at + 1]) = (b'0' + (number / 32) as u8, b'0' + (number % 32) as u8);
                        seed.text(&text)
                    });
                    check(hashes, &alloc::format!("{len} bytes, different at {at}"));
                }
            }
        }
    }

    #[test]
    fn each_part_of_what_is_hashed_counts() {
        for seed in SEEDS.map(Seed::new) {
            let high = |hash: u64| (hash >> 32) as u32;
            check((0..1024).map(|number| high(seed.words(number, 7))), "first word");
            check((0..1024).map(|number| high(seed.words(7, number << 50))), "second word");
            check((0..1024).map(|number| seed.below(number, 7)), "number");
            check((0..1024).map(|number| seed.below(7, seed.words(number, 0))), "hash");
            check((0..1024).map(|number| seed.pair(number, 7)), "first of a pair");
            check((0..1024).map(|number| seed.pair(7, number)), "second of a pair");
            check((0..=u8::MAX).map(|key| seed.key(&key)), "u8");
            check((0..1024_u16).map(|key| seed.key(&key)), "u16");
            check((0..1024_u32).map(|key| seed.key(&key)), "u32");
            check((0..1024_u64).map(|key| seed.key(&(key << 54))), "u64");
            check((0..1024_usize).map(|key| seed.key(&key)), "usize");
            check((0..1024).map(|key| seed.key(&alloc::format!("client-{key}"))), "text");
            check((0..20).map(|len| seed.key(&alloc::vec![0_u8; len])), "zeros");
        }
    }

    #[test]
    fn hashes_depend_on_the_seed() {
        let of = |hash: fn(Seed) -> u32| (0..1024).map(move |seed| hash(Seed::new(seed)));
        check(of(|seed| seed.text(b"a")), "text");
        check(of(|seed| seed.text(&[b'a'; 40])), "long text");
        check(of(|seed| (seed.words(1, 2) >> 32) as u32), "words");
        check(of(|seed| seed.pair(1, 2)), "pair");
        check(of(|seed| seed.key(&1_u32)), "key");
        check(of(|seed| seed.below(12_345, 0)), "below");
    }
}
