//! Encoding into a caller's slice: [`BufMut`](bytes::BufMut) for `&mut [u8]`, and how much of it was used.

use crate::{
    Auth, Connack, Connect, Disconnect, EncodeError, Packet, ProtocolVersion, Puback, Pubcomp, Publish,
    Pubrec, Pubrel, Suback, Subscribe, Unsuback, Unsubscribe,
};

macro_rules! encode_to_slice {
    ($($packet:ident)+) => { $(
        impl $packet<'_> {
            /// Writes the packet to the start of `out`, as `version` lays it out; how many bytes it takes.
            ///
            /// # Errors
            /// [`EncodeError`] when the packet is not valid in this version, or `out` is too small for it
            /// ([`EncodeError::BufferTooSmall`] says what is needed); nothing is written then.
            pub fn encode_to_slice(&self, version: ProtocolVersion, out: &mut [u8]) -> Result<usize, EncodeError> {
                let room = out.len();
                let mut rest = out;
                self.encode(version, &mut rest)?;
                Ok(room - rest.len())
            }
        }
    )+ };
}

encode_to_slice! {
    Packet Connect Connack Publish Puback Pubrec Pubrel Pubcomp Subscribe Suback Unsubscribe Unsuback Disconnect Auth
}
