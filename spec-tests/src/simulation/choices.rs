//! Where the choices of a simulation come from: a seed, or bytes that somebody else has chosen.

/// A source of numbers. The same source makes the same plan.
pub trait Choices {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: u64) -> u64;

    /// True so many times of a hundred.
    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Random numbers that are the same everywhere and for ever: a seed is a test case. SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}

impl Choices for Random {
    fn below(&mut self, end: u64) -> u64 {
        (((self.bits() >> 32) * end) >> 32) % end
    }
}

/// What is left of an input. Where there is nothing left, every choice is the first.
#[derive(Clone, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Choices for Bytes<'_> {
    /// Takes one byte for a choice of up to 256, two for a larger one, none where there is no choice.
    fn below(&mut self, end: u64) -> u64 {
        let count = match end {
            0..=1 => 0,
            2..=256 => 1,
            _ => 2,
        };
        let (taken, rest) = self.0.split_at(self.0.len().min(count));
        self.0 = rest;
        taken.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)) % end
    }
}
