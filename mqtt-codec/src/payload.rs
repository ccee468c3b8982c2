//! Sending PUBLISH packets of any size with a buffer of fixed size: their head, then the payload as the caller has it.

use bytes::BufMut;

use crate::packet::Head;
use crate::{EncodeError, Property, ProtocolVersion, Publish};

impl Publish<'_> {
    /// Writes everything but the payload, of which the caller will send `payload_len` bytes behind it, part by part.
    /// The `payload` of `self` is neither written nor counted. `extra` are the properties of one hop, see
    /// [`encode_head_with`](Self::encode_head_with).
    ///
    /// ```
    /// use mqtt_codec::{ProtocolVersion, Publish};
    /// use mqtt_topic::TopicName;
    /// use std::io::{Read, Write};
    ///
    /// # let (len, mut file, mut socket) = (3000, &[7; 3000][..], Vec::new());
    /// let publish = Publish::new(TopicName::parse("firmware/v2")?, &[]);
    /// let mut head = Vec::new();
    /// let mut payload = publish.encode_streamed_head(ProtocolVersion::V5_0, len, &[], &mut head)?;
    /// socket.write_all(&head)?;
    /// let mut buffer = [0; 1024];
    /// while !payload.is_complete() {
    ///     let len = file.read(&mut buffer)?;
    ///     if len == 0 {
    ///         break;
    ///     }
    ///     socket.write_all(payload.pass(&buffer[..len])?)?;
    /// }
    /// payload.finish()?;
    /// # assert_eq!(socket.len(), head.len() + 3000);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`EncodeError`] when the packet is not valid in this version or its head does not fit; nothing is written then.
    pub fn encode_streamed_head(
        &self,
        version: ProtocolVersion,
        payload_len: u32,
        extra: &[Property<'_>],
        out: &mut impl BufMut,
    ) -> Result<StreamedPayload, EncodeError> {
        Head { publish: self, extra }.encode(version, payload_len as usize, out)?;
        Ok(StreamedPayload { remaining: payload_len })
    }
}

/// What is still to be sent of a PUBLISH whose head [`Publish::encode_streamed_head`] has written: a counter, which
/// holds the parts to the announced length.
///
/// Until it [is complete](Self::is_complete), nothing else can be sent on the connection. When the payload cannot be
/// completed, the connection has to be closed.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the packet is complete with its payload only"]
pub struct StreamedPayload {
    remaining: u32,
}

impl StreamedPayload {
    /// Counts the next part, of any length, and gives it back to be sent.
    ///
    /// # Errors
    /// [`PayloadLengthError::TooLong`] when it has more bytes than are left; it is not counted then.
    pub fn pass<'p>(&mut self, part: &'p [u8]) -> Result<&'p [u8], PayloadLengthError> {
        match u32::try_from(part.len()).ok().and_then(|len| self.remaining.checked_sub(len)) {
            Some(remaining) => {
                self.remaining = remaining;
                Ok(part)
            }
            None => Err(PayloadLengthError::TooLong { excess: part.len() - self.remaining as usize }),
        }
    }

    /// How many bytes are still to be sent.
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Whether the whole payload has been passed.
    pub const fn is_complete(&self) -> bool {
        self.remaining == 0
    }

    /// The end of the payload.
    ///
    /// # Errors
    /// [`PayloadLengthError::TooShort`] when bytes are missing.
    pub const fn finish(self) -> Result<(), PayloadLengthError> {
        match self.remaining {
            0 => Ok(()),
            missing => Err(PayloadLengthError::TooShort { missing }),
        }
    }
}

/// Why the parts of a payload are not the payload that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadLengthError {
    /// The part goes beyond the announced length.
    #[error("the payload is {excess} bytes longer than announced")]
    TooLong {
        /// By how many bytes.
        excess: usize,
    },
    /// The payload ends before the announced length.
    #[error("the payload is {missing} bytes shorter than announced")]
    TooShort {
        /// By how many bytes.
        missing: u32,
    },
}
