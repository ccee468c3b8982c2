//! The rules a packet is read by, as the connection and the receiver's limits set them.

use core::num::NonZeroU32;

use crate::string::TextRules;
use crate::{ProtocolVersion, Side};

/// The rules a packet is read by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    pub(crate) version: ProtocolVersion,
    /// The side that sent the packet.
    pub(crate) from: Side,
    pub(crate) text: TextRules,
    /// In one set of properties.
    pub(crate) maximum_user_properties: NonZeroU32,
    /// In one PUBLISH.
    pub(crate) maximum_subscription_identifiers: NonZeroU32,
}

impl Dialect {
    /// For a packet that a decoder has judged before.
    pub(crate) const fn checked(version: ProtocolVersion, from: Side) -> Self {
        Self {
            version,
            from,
            text: TextRules::CHECKED,
            maximum_user_properties: NonZeroU32::MAX,
            maximum_subscription_identifiers: NonZeroU32::MAX,
        }
    }
}
