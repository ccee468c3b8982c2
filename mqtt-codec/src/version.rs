//! Protocol versions and the two sides of a Network Connection.

use core::fmt;

/// A version of the MQTT protocol. The wire differs by version, the packet model does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// MQTT 3.1 (2010): protocol name `MQIsdp`, protocol level 3.
    V3_1,
    /// MQTT 3.1.1 (2014): protocol name `MQTT`, protocol level 4.
    V3_1_1,
    /// MQTT 5.0 (2019): protocol name `MQTT`, protocol version 5.
    V5_0,
}

impl ProtocolVersion {
    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V3_1, Self::V3_1_1, Self::V5_0];

    /// The Protocol Name a CONNECT of this version carries.
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Self::V3_1 => "MQIsdp",
            Self::V3_1_1 | Self::V5_0 => "MQTT",
        }
    }

    /// The Protocol Level (3.x) or Protocol Version (5.0) byte a CONNECT of this version carries.
    pub const fn protocol_level(self) -> u8 {
        match self {
            Self::V3_1 => 3,
            Self::V3_1_1 => 4,
            Self::V5_0 => 5,
        }
    }

    /// Whether packets of this version have properties and reason codes.
    pub(crate) const fn is_v5(self) -> bool {
        matches!(self, Self::V5_0)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_1 => "3.1",
            Self::V3_1_1 => "3.1.1",
            Self::V5_0 => "5.0",
        })
    }
}

/// One side of a Network Connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The side that opens the connection and sends CONNECT.
    Client,
    /// The side that accepts the connection and answers CONNACK.
    Server,
}
