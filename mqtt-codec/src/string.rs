//! The UTF-8 Encoded String (section 1.5.4): which text may stand in a string field.

use mqtt_topic::{InvalidTopicKind, Text};

use crate::writer::Put;
use crate::{EncodeError, Fault};

/// What a decoder accepts in a string beyond the rules that bind everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TextRules {
    /// Refuse control characters and non-characters, as the specification allows a receiver to do.
    pub(crate) refuse_disallowed: bool,
    /// Accept Topic Names and Topic Filters that are not UTF-8.
    pub(crate) topic_may_be_other: bool,
}

impl TextRules {
    /// For text that a decoder has judged before.
    pub(crate) const CHECKED: Self = Self { refuse_disallowed: false, topic_may_be_other: true };

    /// The text of `bytes`: well-formed UTF-8 `[MQTT-1.5.4-1]` without U+0000 `[MQTT-1.5.4-2]`.
    #[cold]
    pub(crate) fn check(self, bytes: &[u8]) -> Result<Text<'_>, Fault> {
        let text = Text::new(bytes).map_err(|error| match error.kind() {
            InvalidTopicKind::Nul => Fault::NulInString,
            _ => Fault::NotUtf8,
        })?;
        if self.refuse_disallowed && has_disallowed(text) {
            return Err(Fault::DisallowedCodePoint);
        }
        Ok(text)
    }

    /// As [`check`](Self::check), for a Topic Name or Topic Filter.
    #[cold]
    pub(crate) fn check_topic(self, bytes: &[u8]) -> Result<Text<'_>, Fault> {
        match self.check(bytes) {
            Err(Fault::NotUtf8) if self.topic_may_be_other => {
                let text = Text::from_other(bytes).map_err(|_| Fault::NulInString)?;
                let mut characters = bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
                let has_disallowed = self.refuse_disallowed && characters.any(is_disallowed);
                if has_disallowed { Err(Fault::DisallowedCodePoint) } else { Ok(text) }
            }
            checked => checked,
        }
    }
}

/// Whether `text` holds a code point that senders SHOULD NOT use: U+0001..U+001F, U+007F..U+009F or a non-character.
fn has_disallowed(text: Text<'_>) -> bool {
    // Beyond ASCII they begin with one of these bytes, which few texts have.
    let suspicious = |seen, byte: &u8| seen | matches!(byte, 0xC2 | 0xEF..);
    text.has_ascii_control()
        || (text.as_bytes().iter().fold(false, suspicious) && text.as_str().chars().any(is_disallowed))
}

pub(crate) fn is_disallowed(character: char) -> bool {
    let code = u32::from(character);
    character.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

/// Whether a Topic Name is text, as all but a PUBLISH and a Will need it to be: see [`Deviation::TopicNotUtf8`](crate::Deviation).
pub(crate) fn is_utf8(topic: &[u8]) -> bool {
    Text::plain(topic).is_some() || core::str::from_utf8(topic).is_ok()
}

/// Whether `text` can stand in a field: at most 65,535 bytes, and no U+0000.
pub(crate) fn is_string(text: &str) -> bool {
    u16::try_from(text.len()).is_ok() && !has_nul(text.as_bytes())
}

/// Refuses text with U+0000.
#[inline]
pub(crate) fn check_nul(text: &str) -> Result<(), EncodeError> {
    if has_nul(text.as_bytes()) { Err(EncodeError::NulInString) } else { Ok(()) }
}

/// Whether a byte is zero. Of texts that are not long the first and the last bytes are looked at, as many as they have.
#[inline]
fn has_nul(bytes: &[u8]) -> bool {
    match bytes.len() {
        17..=32 => ends_have_nul::<16>(bytes),
        8..=16 => ends_have_nul::<8>(bytes),
        4..=7 => ends_have_nul::<4>(bytes),
        _ => long_has_nul(bytes),
    }
}

#[expect(clippy::needless_bitwise_bool, reason = "all bytes at once, without branches")]
#[expect(clippy::inline_always, reason = "a call costs more")]
#[inline(always)]
fn ends_have_nul<const N: usize>(bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else { return false };
    first.iter().zip(last).fold(false, |seen, (first, last)| seen | (*first == 0) | (*last == 0))
}

#[expect(clippy::needless_bitwise_bool, reason = "all bytes of a block at once, without branches")]
#[inline(never)]
fn long_has_nul(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<16>();
    let block_has_nul = |block: &[u8; 16]| block.iter().fold(false, |seen, byte| seen | (*byte == 0));
    blocks.iter().any(block_has_nul) || rest.contains(&0)
}

/// Bytes of `data` as a field, its length prefix included.
pub(crate) const fn binary_len(data: &[u8]) -> Result<usize, EncodeError> {
    if data.len() > u16::MAX as usize { Err(EncodeError::FieldTooLong) } else { Ok(2 + data.len()) }
}

/// Writes a field whose length has been checked by [`binary_len`].
#[inline]
pub(crate) fn put_binary<O: Put>(data: &[u8], out: O) -> O {
    #[expect(clippy::cast_possible_truncation, reason = "checked when the length was computed")]
    let len = data.len() as u16;
    out.put_between(len.to_be_bytes(), data, [])
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_zero_is_found_wherever_it_is() {
        for len in 0..40 {
            for byte in [1, 0x7F, 0x80, 0xFF] {
                let mut bytes = vec![byte; len];
                assert!(!has_nul(&bytes), "{bytes:?}");
                for (one, other) in (0..len).flat_map(|one| (one..len).map(move |other| (one, other))) {
                    (bytes[one], bytes[other]) = (0, 0);
                    assert!(has_nul(&bytes), "{bytes:?}");
                    (bytes[one], bytes[other]) = (byte, byte);
                }
            }
        }
    }
}
