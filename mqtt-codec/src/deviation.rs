//! What peers in the field do against the specification, and a decoder can be told to accept.

use core::fmt;

macro_rules! deviations {
    ($($(#[doc = $doc:literal])+ $variant:ident;)+) => {
        /// A way in which peers deviate from the specification. A decoder refuses each of them unless it is told to
        /// [`accept`](crate::Decoder::accept) it. Accept what you have met and cannot have repaired.
        ///
        /// None but [`TopicNotUtf8`](Self::TopicNotUtf8) is passed on: such a packet is encoded as it should have been, or
        /// refused with an [`EncodeError`](crate::EncodeError) where nothing says how that is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Deviation {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Deviation {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }
    };
}

deviations! {
    /// Topic Names and Topic Filters that are not UTF-8 `[MQTT-1.5.4-1]`, from devices that send Latin-1 and the like. They
    /// are matched and encoded as the bytes they are, so that receivers who follow the rules refuse them: who forwards messages
    /// should accept this only if all do. Access control has to look at the bytes: as text they are shown with replacement
    /// characters, and
    /// [`TopicName::as_str`](mqtt_topic::TopicName::as_str) gives an empty text.
    TopicNotUtf8;
    /// Invalid Topic Filters in SUBSCRIBE and UNSUBSCRIBE `[MQTT-4.7.1-1]`, `[MQTT-4.8.2-2]`, each to be answered with a reason
    /// code of its own instead of ending the connection. See [`Subscriptions::results`](crate::Subscriptions::results).
    InvalidTopicFilter;
    /// A CONNACK of 5.0 that ends behind its reason code, without Property Length `[MQTT-2.2.2-1]`: there are no properties.
    /// (Where the specification allows that, in acknowledgements, DISCONNECT and AUTH, it is always accepted.)
    PropertyLengthMissing;
    /// A Remaining Length of 5.0 that is not in its shortest form `[MQTT-1.5.5-1]`.
    RemainingLengthPadded;
    /// Flags of the fixed header that are reserved `[MQTT-2.1.3-1]`: they are ignored. Clients are known to send SUBSCRIBE,
    /// UNSUBSCRIBE and PUBREL with 0.
    ReservedFlags;
    /// DUP on a QoS 0 PUBLISH `[MQTT-3.3.1-2]`: it is ignored.
    DupWithQoS0;
    /// Will QoS or Will Retain in a CONNECT without Will `[MQTT-3.1.2-11]`, `[MQTT-3.1.2-13]`: they are ignored.
    WillFlagsWithoutWill;
    /// A Password without User Name in 3.1.1 `[MQTT-3.1.2-22]`; 5.0 allows it.
    PasswordWithoutUserName;
    /// Bytes behind the last field of a packet: they are ignored. A list has no last field: what follows is an entry.
    TrailingBytes;
}

/// A set of [`Deviation`]s.
///
/// ```
/// use mqtt_codec::{Deviation, Deviations};
///
/// let accepted = Deviations::NONE.with(Deviation::DupWithQoS0).with(Deviation::ReservedFlags);
/// assert!(accepted.has(Deviation::DupWithQoS0) && !accepted.has(Deviation::TrailingBytes));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Deviations(u16);

impl Deviations {
    /// No deviation: what the specification says.
    pub const NONE: Self = Self(0);

    /// Every deviation.
    pub const ALL: Self = {
        let (mut all, mut rest) = (Self::NONE, Deviation::ALL);
        while let Some((first, others)) = rest.split_first() {
            all = all.with(*first);
            rest = others;
        }
        all
    };

    /// This set and `deviation`.
    #[must_use]
    pub const fn with(self, deviation: Deviation) -> Self {
        Self(self.0 | 1 << deviation as u16)
    }

    /// Whether `deviation` is in the set.
    pub const fn has(self, deviation: Deviation) -> bool {
        self.0 & 1 << deviation as u16 != 0
    }
}

impl fmt::Debug for Deviations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Deviation::ALL.iter().filter(|deviation| self.has(**deviation))).finish()
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(deviations: I) -> Self {
        deviations.into_iter().fold(Self::NONE, Self::with)
    }
}
