//! One look at a string: is it UTF-8, and which characters that matter to MQTT does it contain?

use crate::{InvalidTopic, InvalidTopicKind};

/// UTF-8 text without U+0000 that has been looked through once; what was seen on the way costs nothing to ask.
///
/// ```
/// use mqtt_topic::{Text, TopicName};
///
/// let text = Text::new(b"sport/tennis")?;
/// assert!(!text.has_wildcard());
/// assert_eq!(TopicName::from_text(text)?.as_str(), "sport/tennis");
/// # Ok::<(), mqtt_topic::InvalidTopic>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    bytes: &'a [u8],
    has_wildcard: bool,
    has_control: bool,
    is_ascii: bool,
}

impl<'a> Text<'a> {
    /// Checks bytes of any length.
    ///
    /// # Errors
    /// [`InvalidTopicKind::NotUtf8`] and [`InvalidTopicKind::Nul`].
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<Self, InvalidTopic> {
        let seen = Seen::scan(bytes);
        let text = Self {
            bytes,
            has_wildcard: seen.wildcard & HIGH != 0,
            has_control: seen.control & HIGH != 0,
            is_ascii: seen.any & HIGH == 0,
        };
        if text.has_control || !text.is_ascii { text.check_rare() } else { Ok(text) }
    }

    /// What plain ASCII without control characters need not be checked for.
    #[cold]
    fn check_rare(self) -> Result<Self, InvalidTopic> {
        if let Err(error) = core::str::from_utf8(self.bytes) {
            return Err(InvalidTopic::new(InvalidTopicKind::NotUtf8, error.valid_up_to()));
        }
        match self.bytes.iter().position(|byte| *byte == 0) {
            Some(at) => Err(InvalidTopic::new(InvalidTopicKind::Nul, at)),
            None => Ok(self),
        }
    }

    /// The text as bytes.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The text. Without unsafe code the bytes have to be looked through again for this: call it once.
    pub fn as_str(&self) -> &'a str {
        // They have been checked when `self` was made.
        core::str::from_utf8(self.bytes).unwrap_or_default()
    }

    /// Whether it contains `+` or `#`.
    pub const fn has_wildcard(&self) -> bool {
        self.has_wildcard
    }

    /// Whether it contains a control character of ASCII, U+0001 to U+001F or U+007F.
    pub const fn has_ascii_control(&self) -> bool {
        self.has_control
    }

    /// Whether all characters are ASCII.
    pub const fn is_ascii(&self) -> bool {
        self.is_ascii
    }
}

impl core::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Text").field(&self.as_str()).finish()
    }
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The highest bit of some byte is set exactly when some byte seen was of the kind.
#[derive(Clone, Copy, Default)]
struct Seen {
    any: u64,
    wildcard: u64,
    control: u64,
}

/// The highest bit of some byte is set exactly when a byte of `word` is zero; bytes above that one mean nothing.
const fn zero(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word
}

impl Seen {
    #[inline]
    const fn add(&mut self, word: u64) {
        self.any |= word;
        // '#' (0x23) and '+' (0x2B) differ in one bit.
        self.wildcard |= zero((word & !(LOW * 0x08)) ^ (LOW * 0x23));
        self.control |= (word.wrapping_sub(LOW * 0x20) & !word) | zero(word ^ (LOW * 0x7F));
    }

    #[inline]
    fn scan(bytes: &[u8]) -> Self {
        let mut seen = Self::default();
        if let Some(last) = bytes.last_chunk() {
            let (words, _) = bytes.as_chunks();
            for word in words {
                seen.add(u64::from_le_bytes(*word));
            }
            seen.add(u64::from_le_bytes(*last));
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            seen.add(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)));
        } else {
            for byte in bytes {
                seen.add(u64::from(*byte) | 0x4040_4040_4040_4000);
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_scan_sees_what_a_look_at_every_byte_sees(
            bytes in proptest::collection::vec(
                prop_oneof![4 => b' '..=b'~', 1 => Just(b'+'), 1 => Just(b'#'), 1 => Just(b'*'), 1 => any::<u8>()],
                0..40,
            ),
        ) {
            let seen = Text::new(&bytes);
            let wanted = match core::str::from_utf8(&bytes) {
                Err(error) => Err((InvalidTopicKind::NotUtf8, error.valid_up_to())),
                Ok(text) => match text.find('\0') {
                    Some(at) => Err((InvalidTopicKind::Nul, at)),
                    None => Ok((text, text.contains(['+', '#']), text.contains(|c: char| c.is_ascii_control()), text.is_ascii())),
                },
            };
            let seen = seen.map(|text| (text.as_str(), text.has_wildcard(), text.has_ascii_control(), text.is_ascii()));
            prop_assert_eq!(seen.map_err(|error| (error.kind(), error.at())), wanted);
        }
    }

    #[test]
    fn every_byte_at_every_place_is_seen() {
        for len in 0..24usize {
            for at in 0..len {
                for byte in 1..0x80u8 {
                    let mut bytes: Vec<u8> = core::iter::repeat_n(b'a', len).collect();
                    bytes[at] = byte;
                    let text = Text::new(&bytes).unwrap();
                    assert_eq!(text.has_wildcard(), byte == b'+' || byte == b'#');
                    assert_eq!(text.has_ascii_control(), byte.is_ascii_control());
                }
            }
        }
    }
}
