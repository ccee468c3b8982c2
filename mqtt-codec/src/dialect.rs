//! The rules a packet is read by, as the connection and the receiver's limits set them.

use core::num::NonZeroU32;

use crate::string::TextRules;
use crate::{Deviations, ProtocolVersion, Side};

/// The rules a packet is read by.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Dialect {
    pub(crate) version: ProtocolVersion,
    /// The side that sent the packet.
    pub(crate) from: Side,
    pub(crate) text: TextRules,
    pub(crate) accepted: Deviations,
    /// In one set of properties.
    pub(crate) maximum_user_properties: NonZeroU32,
    /// In one PUBLISH.
    pub(crate) maximum_subscription_identifiers: NonZeroU32,
}

impl Dialect {
    /// Whether a body can be laid out in one way only: 3.1 has unused bits and fields that may be missing, and deviations
    /// are not to be repeated.
    pub(crate) fn is_canonical(&self) -> bool {
        self.version != ProtocolVersion::V3_1 && self.accepted == Deviations::NONE
    }

    /// For a packet that a decoder has judged before.
    pub(crate) const fn checked(version: ProtocolVersion, from: Side) -> Self {
        Self {
            version,
            from,
            text: TextRules::CHECKED,
            accepted: Deviations::ALL,
            maximum_user_properties: NonZeroU32::MAX,
            maximum_subscription_identifiers: NonZeroU32::MAX,
        }
    }
}
