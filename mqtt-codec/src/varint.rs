//! The Variable Byte Integer (section 1.5.5): 7 bits a byte, least significant first, at most four bytes.

use crate::writer::Put;

/// The largest value four bytes can hold, 268,435,455.
pub(crate) const MAX: u32 = 0x0FFF_FFFF;

/// Bytes of the shortest form of `value`, 1 to 4.
pub(crate) const fn len(value: u32) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

/// The shortest form `[MQTT-1.5.5-1]`, and how many of the bytes it is; `value` is at most [`MAX`].
#[inline]
pub(crate) const fn bytes(value: u32) -> ([u8; 4], usize) {
    const fn group(value: u32, index: u32) -> u8 {
        (value >> (7 * index) & 0x7F) as u8
    }
    match value {
        0..=0x7F => ([group(value, 0), 0, 0, 0], 1),
        0x80..=0x3FFF => ([group(value, 0) | 0x80, group(value, 1), 0, 0], 2),
        0x4000..=0x1F_FFFF => ([group(value, 0) | 0x80, group(value, 1) | 0x80, group(value, 2), 0], 3),
        _ => {
            let last = group(value, 3);
            ([group(value, 0) | 0x80, group(value, 1) | 0x80, group(value, 2) | 0x80, last], 4)
        }
    }
}

/// Writes the shortest form; `value` is at most [`MAX`].
#[inline]
pub(crate) fn put<O: Put>(value: u32, out: O) -> O {
    match bytes(value) {
        ([a, ..], 1) => out.put_u8(a),
        ([a, b, ..], 2) => out.put_array([a, b]),
        ([a, b, c, _], 3) => out.put_array([a, b, c]),
        (bytes, _) => out.put_array(bytes),
    }
}

/// What the first bytes of a buffer say about the integer they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Varint {
    /// The buffer ends before the integer does.
    Incomplete,
    /// `value` in `len` bytes; `padded` when a shorter form exists.
    Complete { value: u32, len: usize, padded: bool },
    /// A fourth byte asks for a fifth.
    TooLong,
}

/// Reads the integer at the start of `bytes`.
#[inline]
pub(crate) fn read(bytes: &[u8]) -> Varint {
    // Most packets are small.
    match *bytes {
        [low, ..] if low < 0x80 => Varint::Complete { value: u32::from(low), len: 1, padded: false },
        [low, high, ..] if high < 0x80 => {
            let value = u32::from(high) << 7 | u32::from(low & 0x7F);
            Varint::Complete { value, len: 2, padded: high == 0 }
        }
        _ => read_long(bytes),
    }
}

/// As [`read`], for an integer whose first byte asks for a second.
fn read_long(bytes: &[u8]) -> Varint {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Varint::Complete { value, len: index + 1, padded: byte == 0 };
        }
    }
    if bytes.len() < 4 { Varint::Incomplete } else { Varint::TooLong }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::Direct;
    use alloc::vec::Vec;

    #[test]
    fn mqtt5_1_5_5_1_every_value_uses_its_shortest_form() {
        for shift in 0..28 {
            for value in [1u32 << shift, (1 << shift) - 1, (1 << shift) + 1, MAX] {
                let mut bytes = Vec::new();
                put(value, Direct(&mut bytes));
                assert_eq!(bytes.len(), len(value));
                assert_eq!(read(&bytes), Varint::Complete { value, len: bytes.len(), padded: false });
                for end in 0..bytes.len() {
                    assert_eq!(read(&bytes[..end]), Varint::Incomplete);
                }
            }
        }
    }

    #[test]
    fn a_fourth_byte_with_bit_7_is_an_error_without_waiting_for_a_fifth() {
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80]), Varint::TooLong);
        assert_eq!(read(&[0xFF, 0xFF, 0xFF, 0x7F]), Varint::Complete { value: MAX, len: 4, padded: false });
        assert_eq!(read(&[0xC0, 0x80, 0x00]), Varint::Complete { value: 0x40, len: 3, padded: true });
    }
}
