//! Subscription Options (section 3.8.3.1).

use crate::{Fault, ProtocolVersion, QoS};

/// Which retained messages a SUBSCRIBE brings (5.0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetainHandling {
    /// 0: all that match, also when the subscription existed already. What 3.x always does.
    #[default]
    SendAtSubscribe = 0,
    /// 1: all that match, unless the subscription existed already.
    SendAtSubscribeIfNew = 1,
    /// 2: none.
    DoNotSend = 2,
}

/// What a Client asks of one subscription. 3.x has the QoS only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionOptions {
    /// The highest QoS at which messages may be sent to the Client.
    pub qos: QoS,
    /// Do not send messages that the same Client published `[MQTT-3.8.3-3]`.
    pub no_local: bool,
    /// Forward messages with the RETAIN flag they were published with `[MQTT-3.3.1-13]`.
    pub retain_as_published: bool,
    /// What to do with retained messages.
    pub retain_handling: RetainHandling,
}

impl From<QoS> for SubscriptionOptions {
    /// This QoS, and the behaviour of 3.x in everything else.
    fn from(qos: QoS) -> Self {
        Self { qos, ..Self::default() }
    }
}

impl SubscriptionOptions {
    #[inline]
    pub(crate) fn from_byte(byte: u8, version: ProtocolVersion) -> Result<Self, Fault> {
        let byte = match version {
            ProtocolVersion::V3_1 => byte & 0b11,
            ProtocolVersion::V3_1_1 if byte & 0xFC != 0 => return Err(Fault::ReservedSubscriptionOptions),
            ProtocolVersion::V5_0 if byte & 0xC0 != 0 => return Err(Fault::ReservedSubscriptionOptions),
            ProtocolVersion::V3_1_1 | ProtocolVersion::V5_0 => byte,
        };
        Ok(Self {
            qos: QoS::from_bits(byte & 0b11).ok_or(Fault::InvalidSubscriptionQoS)?,
            no_local: byte & 0b100 != 0,
            retain_as_published: byte & 0b1000 != 0,
            retain_handling: match byte >> 4 {
                0 => RetainHandling::SendAtSubscribe,
                1 => RetainHandling::SendAtSubscribeIfNew,
                2 => RetainHandling::DoNotSend,
                _ => return Err(Fault::InvalidRetainHandling),
            },
        })
    }

    pub(crate) const fn to_byte(self) -> u8 {
        self.qos.bits()
            | (self.no_local as u8) << 2
            | (self.retain_as_published as u8) << 3
            | (self.retain_handling as u8) << 4
    }
}
