//! What is looked for in text, eight bytes at a time.

pub(crate) const WORD: usize = 8;

/// A byte eight times.
pub(crate) const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}

/// The highest bit of each byte that is zero. A borrow may set that of others, but only above one that is zero.
#[inline]
pub(crate) const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(repeat(1)) & !word & repeat(0x80)
}

/// The highest bit of the first `/`, counted from the low end, and wrong ones above it.
#[inline]
pub(crate) const fn slashes(word: u64) -> u64 {
    zeros(word ^ repeat(b'/'))
}

/// Where the first `+` or `#` is.
#[inline]
pub(crate) fn first_wildcard(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<WORD>();
    for (index, word) in words.iter().enumerate() {
        // They differ in one bit.
        let found = zeros(u64::from_le_bytes(*word) & repeat(!8) ^ repeat(b'#'));
        if found != 0 {
            return Some(index * WORD + found.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(|byte| matches!(byte, b'+' | b'#'))?;
    Some(words.len() * WORD + in_rest)
}

/// How many bytes two texts have in common from the beginning.
#[inline]
pub(crate) fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let len = one.len().min(other.len());
    let (Some(one), Some(other)) = (one.get(..len), other.get(..len)) else { return 0 };
    let mut same = 0;
    for (left, right) in one.as_chunks::<WORD>().0.iter().zip(other.as_chunks::<WORD>().0) {
        match first_difference(*left, *right) {
            Some(at) => return same + at,
            None => same += WORD,
        }
    }
    if let (Some(left), Some(right)) = (one.last_chunk::<WORD>(), other.last_chunk::<WORD>()) {
        // What is looked at twice is equal.
        return first_difference(*left, *right).map_or(len, |at| len - WORD + at);
    }
    one.iter().zip(other).take_while(|(left, right)| left == right).count()
}

#[inline]
const fn first_difference(left: [u8; WORD], right: [u8; WORD]) -> Option<usize> {
    let difference = u64::from_le_bytes(left) ^ u64::from_le_bytes(right);
    if difference == 0 { None } else { Some((difference.trailing_zeros() / 8) as usize) }
}

/// Where the level ends that `text` begins with: at the first `/`, or at the end.
#[inline]
pub(crate) fn level_end(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<WORD>();
    let mut end = 0;
    for word in words {
        let found = slashes(u64::from_le_bytes(*word));
        if found != 0 {
            return end + (found.trailing_zeros() / 8) as usize;
        }
        end += WORD;
    }
    end + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    proptest! {
        #[test]
        fn words_tell_what_bytes_tell(
            prefix in vec(select(&b"a./0\xFF"[..]), 0..40),
            one in vec(select(&b"a./0\xFF"[..]), 0..20),
            other in vec(select(&b"a./0\xFF"[..]), 0..20),
        ) {
            let (one, other) = ([&prefix[..], &one].concat(), [&prefix[..], &other].concat());
            let same = one.iter().zip(&other).take_while(|(left, right)| left == right).count();
            prop_assert_eq!(common_prefix(&one, &other), same);
            let end = one.iter().position(|byte| *byte == b'/').unwrap_or(one.len());
            prop_assert_eq!(level_end(&one), end);
        }
    }
}
