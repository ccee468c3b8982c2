//! A cursor over the body of one complete packet. It cannot say "need more": only framing can.

use mqtt_topic::Text;

use crate::dialect::Dialect;
use crate::string::TextRules;
use crate::varint::{self, Varint};
use crate::{DecodeError, Deviation, Fault, PacketId};

/// The unread part of a packet, or of a property set within it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Bytes of the packet behind this part, so that faults can say where they are.
    behind: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body, behind: 0 }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes on with `rest`, the end of what is unread.
    #[inline]
    pub(crate) const fn go_to(&mut self, rest: &'a [u8]) {
        self.rest = rest;
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[cold]
    pub(crate) const fn fault(&self, fault: Fault) -> DecodeError {
        DecodeError::with_remaining(fault, self.rest.len() + self.behind)
    }

    /// `Err(fault)` unless `condition` holds.
    #[inline]
    pub(crate) const fn ensure(&self, condition: bool, fault: Fault) -> Result<(), DecodeError> {
        if condition { Ok(()) } else { Err(self.fault(fault)) }
    }

    /// Nothing may follow the last field of a packet.
    #[inline]
    pub(crate) const fn end(&self, dialect: &Dialect) -> Result<(), DecodeError> {
        self.ensure(self.is_empty() || dialect.accepted.has(Deviation::TrailingBytes), Fault::TrailingBytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(|| self.fault(Fault::Truncated))?;
        self.rest = rest;
        Ok(*array)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| self.fault(Fault::Truncated))?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(u16::from_be_bytes(*bytes))
            }
            None => Err(self.fault(Fault::Truncated)),
        }
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        let id = self.u16()?;
        PacketId::new(id).ok_or_else(|| self.fault(Fault::PacketIdZero))
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.fault(Fault::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Binary Data: a two-byte length and as many bytes (section 1.5.6).
    #[inline]
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], DecodeError> {
        if let Some((len, rest)) = self.rest.split_first_chunk()
            && let Some((data, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
        {
            self.rest = rest;
            return Ok(data);
        }
        self.u16()?;
        Err(self.fault(Fault::Truncated))
    }

    /// A Variable Byte Integer in its shortest form; only 5.0 has them inside a packet.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u32, DecodeError> {
        // Nearly all are of one byte.
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = rest;
            return Ok(u32::from(byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u32, DecodeError> {
        match varint::read(self.rest) {
            Varint::Complete { value, len, padded: false } => {
                self.take(len)?;
                Ok(value)
            }
            Varint::Complete { .. } => Err(self.fault(Fault::VariableByteIntegerPadded)),
            Varint::Incomplete => Err(self.fault(Fault::Truncated)),
            Varint::TooLong => Err(self.fault(Fault::VariableByteIntegerTooLong)),
        }
    }

    /// A length as Variable Byte Integer, and a reader over as many bytes.
    #[inline]
    pub(crate) fn section(&mut self) -> Result<Self, DecodeError> {
        let len = self.varint()? as usize;
        let rest = self.take(len)?;
        Ok(Self { rest, behind: self.rest.len() + self.behind })
    }

    /// A UTF-8 Encoded String (section 1.5.4) under these rules.
    #[inline]
    pub(crate) fn text(&mut self, rules: TextRules) -> Result<Text<'a>, DecodeError> {
        let bytes = self.binary()?;
        match Text::plain(bytes) {
            Some(text) => Ok(text),
            None => rules.check(bytes).map_err(|fault| self.fault(fault)),
        }
    }

    /// As [`text`](Self::text), for a Topic Name or Topic Filter.
    #[expect(clippy::inline_always, reason = "a call costs as much as the look, and every PUBLISH has one")]
    #[inline(always)]
    pub(crate) fn topic(&mut self, rules: TextRules) -> Result<Text<'a>, DecodeError> {
        let bytes = self.binary()?;
        match Text::plain(bytes) {
            Some(text) => Ok(text),
            None => rules.check_topic(bytes).map_err(|fault| self.fault(fault)),
        }
    }

    /// As [`text`](Self::text), for text that is not looked at now.
    #[inline]
    pub(crate) fn text_bytes(&mut self, rules: TextRules) -> Result<&'a [u8], DecodeError> {
        let bytes = self.binary()?;
        if Text::plain(bytes).is_some() {
            Ok(bytes)
        } else {
            rules.check(bytes).map(|_| bytes).map_err(|fault| self.fault(fault))
        }
    }

    /// A string that has been checked before. Without unsafe code the bytes have to be looked through again.
    #[inline]
    pub(crate) fn checked_str(&mut self) -> Result<&'a str, DecodeError> {
        self.binary().map(|bytes| mqtt_topic::to_str(bytes).unwrap_or_default())
    }
}
