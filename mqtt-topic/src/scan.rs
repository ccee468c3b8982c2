//! One look at a string: is it UTF-8, and which characters that matter to MQTT does it contain?

use ascii::AsciiStr;

use crate::bytes::{repeat, zeros};
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
        match Self::plain(bytes) {
            Some(text) => Ok(text),
            None => Self::rare(bytes),
        }
    }

    /// Text of printable ASCII characters, which is nearly all there is, by one look; `None` when there are others.
    #[inline]
    pub fn plain(bytes: &'a [u8]) -> Option<Self> {
        let Seen { rare, wildcard } = scan(bytes);
        if rare {
            None
        } else {
            Some(Self { bytes, has_wildcard: wildcard, has_control: false, is_ascii: true })
        }
    }

    #[cold]
    fn rare(bytes: &'a [u8]) -> Result<Self, InvalidTopic> {
        match core::str::from_utf8(bytes) {
            Ok(_) => Self::from_other(bytes),
            Err(error) => Err(InvalidTopic::new(InvalidTopicKind::NotUtf8, error.valid_up_to())),
        }
    }

    /// Bytes that need not be UTF-8, against `[MQTT-1.5.4-1]`, for peers that send others; [`as_str`](Self::as_str) is empty
    /// for these.
    ///
    /// # Errors
    /// [`InvalidTopicKind::Nul`].
    #[cold]
    pub fn from_other(bytes: &'a [u8]) -> Result<Self, InvalidTopic> {
        let mut text = Self { bytes, has_wildcard: false, has_control: false, is_ascii: true };
        for byte in bytes {
            text.has_wildcard |= *byte & !8 == b'#';
            text.has_control |= byte.is_ascii_control();
            text.is_ascii &= byte.is_ascii();
        }
        if text.has_control
            && let Some(at) = bytes.iter().position(|byte| *byte == 0)
        {
            return Err(InvalidTopic::new(InvalidTopicKind::Nul, at));
        }
        Ok(text)
    }

    /// What stands between two ASCII characters of a text.
    pub(crate) fn part(bytes: &'a [u8]) -> Result<Self, InvalidTopic> {
        Self::plain(bytes).map_or_else(|| Self::from_other(bytes), Ok)
    }

    /// The text as bytes.
    #[inline]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The text. Without unsafe code the bytes have to be looked through again for this: call it once.
    ///
    /// Empty for bytes that are not UTF-8, which only [`from_other`](Self::from_other) lets through: where that can be, decide
    /// by [`as_bytes`](Self::as_bytes), and show `String::from_utf8_lossy` of them.
    #[inline]
    pub fn as_str(&self) -> &'a str {
        // They have been checked when `self` was made, unless it was made of others.
        to_str(self.bytes).unwrap_or_default()
    }

    /// Whether it contains `+` or `#`.
    #[inline]
    pub const fn has_wildcard(&self) -> bool {
        self.has_wildcard
    }

    /// Whether it contains a control character of ASCII, U+0001 to U+001F or U+007F.
    #[inline]
    pub const fn has_ascii_control(&self) -> bool {
        self.has_control
    }

    /// Whether all characters are ASCII.
    #[inline]
    pub const fn is_ascii(&self) -> bool {
        self.is_ascii
    }
}

/// As [`core::str::from_utf8`], at a third of the cost for short ASCII, which nearly all text of MQTT is. Without unsafe code of our
/// own, bytes have to be looked at each time they are to be a `str`.
#[inline]
pub fn to_str(bytes: &[u8]) -> Option<&str> {
    match AsciiStr::from_ascii(bytes) {
        Ok(text) => Some(text.as_str()),
        Err(_) => core::str::from_utf8(bytes).ok(),
    }
}

impl core::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Text").field(&alloc::string::String::from_utf8_lossy(self.bytes)).finish()
    }
}

/// What a string has in it, of what matters here.
struct Seen {
    /// A byte that is no printable ASCII character.
    rare: bool,
    /// `+` or `#`.
    wildcard: bool,
}

/// Long strings go by blocks, which compilers look at all at once; short ones by words, in which some bytes stand twice.
#[inline]
fn scan(bytes: &[u8]) -> Seen {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        if bytes.len() <= 32 {
            return scan_blocks(first, last);
        }
        let (blocks, rest) = bytes.as_chunks();
        let mut seen =
            if rest.is_empty() { Seen { rare: false, wildcard: false } } else { scan_blocks(last, last) };
        for block in blocks {
            if seen.rare {
                // Nobody asks for more; and to stop keeps compilers from looking at many blocks a byte of each at a time.
                break;
            }
            let Seen { rare, wildcard } = scan_blocks(block, block);
            seen.rare |= rare;
            seen.wildcard |= wildcard;
        }
        return seen;
    }
    let (first, last) = if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>())
    {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)), SPACES)
    } else {
        (bytes.iter().fold(SPACES, |word, byte| word << 8 | u64::from(*byte)), SPACES)
    };
    scan_words(first, last)
}

#[expect(clippy::inline_always, reason = "a call costs as much as the look")]
#[inline(always)]
fn scan_blocks(first: &[u8; 16], second: &[u8; 16]) -> Seen {
    let (mut rare, mut wildcard) = (0, 0);
    for (one, other) in first.iter().zip(second) {
        rare |= u8::from(!matches!(one, b' '..=b'~')) | u8::from(!matches!(other, b' '..=b'~'));
        // '#' (0x23) and '+' (0x2B) differ in one bit.
        wildcard |= u8::from(one & !8 == b'#') | u8::from(other & !8 == b'#');
    }
    Seen { rare: rare != 0, wildcard: wildcard != 0 }
}

const SPACES: u64 = repeat(b' ');

/// The highest bit of some byte is set where a byte of the word is of the kind. It may be set by a borrow or carry too,
/// but then a byte below is of the kind.
#[inline]
const fn scan_words(first: u64, second: u64) -> Seen {
    const fn rare(word: u64) -> u64 {
        (word | word.wrapping_sub(SPACES) | word.wrapping_add(repeat(1))) & repeat(0x80)
    }
    const fn wildcard(word: u64) -> u64 {
        zeros(word & !repeat(8) ^ repeat(b'#'))
    }
    Seen { rare: rare(first) | rare(second) != 0, wildcard: wildcard(first) | wildcard(second) != 0 }
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
            prop_assert_eq!(to_str(&bytes), core::str::from_utf8(&bytes).ok());
        }
    }

    #[test]
    fn text_beyond_ascii_is_seen_as_other_text_is() {
        for (text, has_wildcard, has_control) in [
            ("é", false, false),
            ("é+", true, false),
            ("#ü", true, false),
            ("+\u{7F}é", true, true),
            ("\n€", false, true),
        ] {
            let text = Text::new(text.as_bytes()).unwrap();
            assert!(!text.is_ascii());
            assert_eq!(
                (text.has_wildcard(), text.has_ascii_control()),
                (has_wildcard, has_control),
                "{text:?}"
            );
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
                    assert_eq!(Text::plain(&bytes).is_some(), !byte.is_ascii_control());
                }
            }
        }
    }
}
