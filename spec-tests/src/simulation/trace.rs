//! What happened: a hash of everything, and lines to read when they are asked for.

use std::fmt::{self, Display};

/// The record of a run.
#[derive(Clone, Default)]
pub struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// With lines, or with the hash alone.
    pub const fn new(with_lines: bool) -> Self {
        Self { hash: 0, lines: if with_lines { Some(Vec::new()) } else { None } }
    }

    /// Runs that differ in anything that was mixed in have different hashes.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    /// Mixes a number into the hash.
    pub const fn mix(&mut self, number: u64) {
        let mixed = (self.hash.rotate_left(23) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.hash = mixed ^ (mixed >> 32);
    }

    /// Mixes bytes into the hash.
    pub fn mix_bytes(&mut self, bytes: &[u8]) {
        self.mix(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    /// A line, if lines are wanted.
    pub fn line<D: Display>(&mut self, now: u64, line: impl FnOnce() -> D) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("[{now:>7} ms] {}", line()));
        }
    }
}

impl fmt::Debug for Trace {
    /// What has led to a state is no part of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").finish_non_exhaustive()
    }
}
