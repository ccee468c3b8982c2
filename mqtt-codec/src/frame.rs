//! The owned form of a packet: one `Bytes` of the whole packet, which lends the borrowed view.

use core::fmt;

use bytes::Bytes;

#[cfg(feature = "tokio-util")]
use crate::PacketType;
use crate::{Deviations, Packet, ProtocolVersion, Side, decoder};

/// A complete, valid packet that owns its bytes. Cloning shares them.
///
/// ```
/// use bytes::BytesMut;
/// use mqtt_codec::{Decoder, Packet, ProtocolVersion};
///
/// let mut input = BytesMut::from(&b"\x30\x07\x00\x03a/bhi\x30"[..]);
/// let frame = Decoder::client(ProtocolVersion::V3_1_1).decode_frame(&mut input)?.expect("a complete PUBLISH");
/// assert_eq!(&input[..], b"\x30");
/// let Packet::Publish(publish) = frame.packet() else { panic!("a PUBLISH") };
/// assert_eq!(publish.payload, b"hi");
/// let payload = frame.slice(publish.payload);
/// # Ok::<(), mqtt_codec::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Frame {
    bytes: Bytes,
    version: ProtocolVersion,
    from: Side,
    /// What its decoder would have let through.
    accepted: Deviations,
}

impl Frame {
    /// `bytes` is one packet that a decoder has accepted.
    pub(crate) const fn new(
        bytes: Bytes,
        version: ProtocolVersion,
        from: Side,
        accepted: Deviations,
    ) -> Self {
        Self { bytes, version, from, accepted }
    }

    /// The packet. Walks the bytes again: keep the view while it is in use.
    pub fn packet(&self) -> Packet<'_> {
        let packet = decoder::decode_again(&self.bytes, self.version, self.from, self.accepted);
        debug_assert!(packet.is_ok(), "a decoder has accepted it: {packet:?}");
        packet.unwrap_or(Packet::Pingreq)
    }

    /// The version the packet is laid out in.
    pub const fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// Whether the bytes may be sent on as they are: 3.1 has unused bits, and [`Deviations`] are not to be repeated.
    #[cfg(feature = "tokio-util")]
    pub(crate) fn is_strict(&self) -> bool {
        self.accepted == Deviations::NONE && self.version != ProtocolVersion::V3_1
    }

    /// The type of the packet.
    #[cfg(feature = "tokio-util")]
    pub(crate) fn packet_type(&self) -> PacketType {
        let first = self.bytes.first().and_then(|byte| PacketType::from_bits(byte >> 4));
        debug_assert!(first.is_some(), "a decoder has accepted it");
        first.unwrap_or(PacketType::Pingreq)
    }

    /// The side that sent the packet.
    pub const fn sent_by(&self) -> Side {
        self.from
    }

    /// The packet as it stands on the wire.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A part of this packet, such as its payload, as an owned handle on the same memory. What is no part of this frame
    /// is copied.
    pub fn slice(&self, part: &[u8]) -> Bytes {
        slice(&self.bytes, part)
    }

    /// The packet as it stands on the wire; the handle is handed over.
    #[inline]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The same packet in an allocation of its own, so that keeping it keeps no read buffer.
    pub fn detach(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), ..*self }
    }
}

/// Where [`Decoder::decode_into`](crate::Decoder::decode_into) puts the frame that its packet borrows from. What is in it
/// can only be had from there, once it has been found valid.
#[derive(Default)]
pub struct FrameSlot {
    pub(crate) frame: Option<Frame>,
    pub(crate) is_valid: bool,
}

impl FrameSlot {
    /// An empty slot.
    pub const fn new() -> Self {
        Self { frame: None, is_valid: false }
    }

    /// The frame, once its packet is not looked at any more: a handle that need not be cloned. `None` when the last packet was
    /// not complete, or not valid.
    #[inline]
    pub fn into_frame(self) -> Option<Frame> {
        self.frame.filter(|_| self.is_valid)
    }
}

impl fmt::Debug for FrameSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameSlot").finish_non_exhaustive()
    }
}

impl PartialEq for Frame {
    /// The same bytes, read by the same rules.
    fn eq(&self, other: &Self) -> bool {
        (&self.bytes, self.version, self.from) == (&other.bytes, other.version, other.from)
    }
}

impl Eq for Frame {}

/// [`Bytes::slice_ref`] for a part that is known to lie within `whole`; copies where it does not.
pub(crate) fn slice(whole: &Bytes, part: &[u8]) -> Bytes {
    let (start, len) = ((part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize), part.len());
    match start.checked_add(len) {
        Some(end) if end <= whole.len() => whole.slice(start..end),
        _ => Bytes::copy_from_slice(part),
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame").field(&self.packet()).finish()
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.packet().fmt(f)
    }
}
