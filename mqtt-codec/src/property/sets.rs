//! Sets of properties: one type per place where properties may stand, with accessors for just those it may hold.

use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};

use mqtt_topic::TopicName;

use super::{PayloadFormat, Property, PropertyId};
use crate::dialect::Dialect;
use crate::reader::Reader;
use crate::writer::{Fields, Put};
use crate::{
    DecodeError, EncodeError, Fault, PropertyError, ProtocolVersion, QoS, SubscriptionIdentifier, varint,
};

/// Which properties: one bit for each, by rank of identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mask(u32);

/// The properties that may be repeated: Subscription Identifier (where a set allows that) and User Property.
const USER_PROPERTY: Mask = Mask::of(&[PropertyId::UserProperty]);

impl Mask {
    const fn bit(id: PropertyId) -> u32 {
        1 << id.rank()
    }

    pub(super) const fn of(mut ids: &[PropertyId]) -> Self {
        let mut mask = 0;
        while let Some((first, rest)) = ids.split_first() {
            mask |= Self::bit(*first);
            ids = rest;
        }
        Self(mask)
    }

    pub(super) const fn has(self, id: PropertyId) -> bool {
        self.0 & Self::bit(id) != 0
    }

    const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How often the properties that may be repeated have been so far.
#[derive(Default)]
struct Repetitions {
    user_properties: u32,
    identifiers: u32,
}

impl Repetitions {
    /// A property that is there already.
    #[cold]
    const fn count(&mut self, id: PropertyId, rules: Rules, dialect: &Dialect) -> Result<(), Fault> {
        if !rules.repeatable.has(id) {
            return Err(Fault::PropertyRepeated);
        }
        let (count, maximum) = match id {
            PropertyId::UserProperty => (&mut self.user_properties, dialect.maximum_user_properties),
            _ => (&mut self.identifiers, dialect.maximum_subscription_identifiers),
        };
        *count += 1;
        if *count < maximum.get() { Ok(()) } else { Err(Fault::TooManyProperties) }
    }
}

/// What a set may hold.
#[derive(Clone, Copy, Debug)]
struct Rules {
    allowed: Mask,
    repeatable: Mask,
}

/// The storage behind every set. All its properties have been checked against the rules of the set.
#[derive(Clone, Copy)]
pub(crate) enum Repr<'a> {
    /// A block of a received packet.
    Block { seen: Mask, bytes: &'a [u8] },
    /// Values of the caller, and how many bytes they take.
    Values { seen: Mask, len: Len, values: &'a [Property<'a>] },
}

/// A number of bytes in the room that a set leaves beside its tag.
#[derive(Clone, Copy)]
pub(crate) struct Len([u8; 3]);

impl Len {
    fn new(len: u64) -> Self {
        match u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes() {
            [a, b, c, 0] => Self([a, b, c]),
            _ => Self([0xFF; 3]),
        }
    }

    /// `None`: more than has room.
    #[inline]
    const fn get(self) -> Option<usize> {
        let Self([a, b, c]) = self;
        match u32::from_le_bytes([a, b, c, 0]) {
            0xFF_FFFF => None,
            len => Some(len as usize),
        }
    }
}

impl<'a> Repr<'a> {
    const EMPTY: Self = Self::Block { seen: Mask(0), bytes: &[] };

    fn from_values(values: &'a [Property<'a>], rules: Rules) -> Result<Self, PropertyError> {
        // Counted in 64 bits, no list is long enough to overflow.
        let (mut seen, mut len) = (Mask(0), 0);
        for property in values {
            let id = property.id();
            if !rules.allowed.has(id) {
                return Err(PropertyError::NotAllowed(id));
            }
            if seen.has(id) && !rules.repeatable.has(id) {
                return Err(PropertyError::Repeated(id));
            }
            seen = seen.or(Mask::of(&[id]));
            len += property.checked_len()? as u64;
        }
        if lacks_method(seen) {
            return Err(PropertyError::AuthenticationDataWithoutMethod);
        }
        Ok(Self::Values { seen, len: Len::new(len), values })
    }

    #[expect(clippy::inline_always, reason = "left to itself it is a call, of 20 instructions for each set")]
    #[inline(always)]
    fn decode(reader: &mut Reader<'a>, rules: Rules, dialect: &Dialect) -> Result<Self, DecodeError> {
        let block = reader.section()?;
        let bytes = block.rest();
        let seen = if block.is_empty() { Mask(0) } else { Self::check_block(block, rules, dialect)? };
        Ok(Self::Block { seen, bytes })
    }

    /// A block that has been checked before, in which these properties were seen.
    pub(crate) fn checked(reader: &mut Reader<'a>, seen: Mask) -> Result<Self, DecodeError> {
        Ok(Self::Block { seen, bytes: reader.section()?.rest() })
    }

    fn check_block(mut block: Reader<'a>, rules: Rules, dialect: &Dialect) -> Result<Mask, DecodeError> {
        let mut seen = Mask(0);
        let mut repetitions = Repetitions::default();
        while !block.is_empty() {
            let before = block;
            let id = super::read_id(&mut block)?;
            let this = Mask::of(&[id]);
            before.ensure(rules.allowed.overlaps(this), Fault::PropertyNotAllowed)?;
            if seen.overlaps(this) {
                let fault = repetitions.count(id, rules, dialect);
                fault.map_err(|fault| before.fault(fault))?;
            }
            seen = seen.or(this);
            Property::check_value(id, &mut block, dialect.text)?;
        }
        block.ensure(!lacks_method(seen), Fault::AuthenticationDataWithoutMethod)?;
        Ok(seen)
    }

    pub(crate) const fn seen(&self) -> Mask {
        match self {
            Self::Block { seen, .. } | Self::Values { seen, .. } => *seen,
        }
    }

    /// Bytes of the properties, without the Property Length in front.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Block { bytes, .. } => bytes.len(),
            Self::Values { len, values, .. } => len.get().unwrap_or_else(|| len_of_all(values)),
        }
    }

    #[inline]
    fn put<O: Put>(&self, len: usize, out: O) -> O {
        match self {
            Self::Block { bytes, .. } => out.put_slice(bytes),
            Self::Values { values, .. } => out.put_fields::<128>(len, &AllOf(values)),
        }
    }

    pub(super) const fn iter(self) -> Properties<'a> {
        match self {
            Self::Block { bytes, .. } => Properties(Iter::Block(Reader::new(bytes))),
            Self::Values { values, .. } => Properties(Iter::Values(values)),
        }
    }

    #[inline]
    fn find(&self, id: PropertyId) -> Option<Property<'a>> {
        if self.seen().has(id) { self.find_seen(id) } else { None }
    }

    #[inline(never)]
    fn find_seen(&self, id: PropertyId) -> Option<Property<'a>> {
        self.iter().find(|property| property.id() == id)
    }
}

const fn lacks_method(seen: Mask) -> bool {
    seen.has(PropertyId::AuthenticationData) && !seen.has(PropertyId::AuthenticationMethod)
}

#[cold]
fn len_of_all(values: &[Property<'_>]) -> usize {
    let len = values.iter().fold(0, |len, property| len + property.len() as u64);
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// Properties one behind the other.
pub(crate) struct AllOf<'p>(pub(crate) &'p [Property<'p>]);

impl Fields for AllOf<'_> {
    #[inline(never)]
    fn put<O: Put>(&self, out: O) -> O {
        self.0.iter().fold(out, |out, property| property.put(out))
    }
}

/// How every set stands in a packet.
pub(crate) trait PropertySet {
    /// Bytes of the properties, without the Property Length in front.
    fn block_len(&self) -> usize;

    /// Writes the properties, which take `block_len` bytes, without the Property Length in front.
    fn put_block<O: Put>(&self, block_len: usize, out: O) -> O;
}

/// Writes the Property Length `[MQTT-2.2.2-1]`, which [`prefixed_len`] has checked.
#[inline]
pub(crate) fn put_prefix<O: Put>(block_len: usize, out: O) -> O {
    #[expect(clippy::cast_possible_truncation, reason = "checked by prefixed_len")]
    let len = block_len as u32;
    match u8::try_from(len) {
        // Nearly all are of one byte, and to call for these costs more.
        Ok(byte @ 0..=0x7F) => out.put_u8(byte),
        _ => varint::put(len, out),
    }
}

/// Bytes on the wire of a set whose properties take `block_len` bytes, nothing at all in 3.x.
#[inline]
pub(crate) fn prefixed_len(block_len: usize, version: ProtocolVersion) -> Result<usize, EncodeError> {
    match u32::try_from(block_len) {
        Ok(0) if !version.is_v5() => Ok(0),
        _ if !version.is_v5() => Err(EncodeError::NotInVersion { field: "a property", version }),
        Ok(len @ 0..=varint::MAX) => Ok(varint::len(len) + block_len),
        _ => Err(EncodeError::PacketTooLarge),
    }
}

/// Iterates the properties of a set in their order on the wire.
#[derive(Clone)]
pub struct Properties<'a>(Iter<'a>);

#[derive(Clone)]
enum Iter<'a> {
    Block(Reader<'a>),
    Values(&'a [Property<'a>]),
}

impl<'a> Iterator for Properties<'a> {
    type Item = Property<'a>;

    /// Most sets are empty, and to find that out takes no call.
    #[inline]
    fn next(&mut self) -> Option<Property<'a>> {
        match &mut self.0 {
            Iter::Block(reader) if reader.is_empty() => None,
            Iter::Block(reader) => next_in_block(reader),
            Iter::Values(values) => {
                let (first, rest) = values.split_first()?;
                *values = rest;
                Some(*first)
            }
        }
    }
}

/// The block has been checked: a fault cannot occur, and would end the iteration.
#[inline(never)]
fn next_in_block<'a>(block: &mut Reader<'a>) -> Option<Property<'a>> {
    Property::read(block).ok()
}

impl core::iter::FusedIterator for Properties<'_> {}

impl fmt::Debug for Properties<'_> {
    /// What is still to come; Authentication Data is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.clone()).finish()
    }
}

/// Iterates the User Properties of a set, name and value, in their order.
#[derive(Clone, Debug)]
pub struct UserProperties<'a>(Option<Properties<'a>>);

impl<'a> Iterator for UserProperties<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.as_mut()?.find_map(|property| match property {
            Property::UserProperty(pair) => Some(pair),
            _ => None,
        })
    }
}

impl core::iter::FusedIterator for UserProperties<'_> {}

/// Iterates the Subscription Identifiers of a PUBLISH in their order.
#[derive(Clone, Debug)]
pub struct SubscriptionIdentifiers<'a>(Option<Properties<'a>>);

impl<'a> PublishProperties<'a> {
    /// The Subscription Identifiers in their order; a Server may send several.
    pub const fn subscription_identifiers(&self) -> SubscriptionIdentifiers<'a> {
        let present = self.contains(PropertyId::SubscriptionIdentifier);
        SubscriptionIdentifiers(if present { Some(self.0.iter()) } else { None })
    }

    /// Whether `property` may stand in a PUBLISH beside this set and those in `others`.
    pub(crate) fn check_extra(
        &self,
        property: &Property<'_>,
        others: &[Property<'_>],
    ) -> Result<(), PropertyError> {
        let id = property.id();
        let present = self.contains(id) || others.iter().any(|other| other.id() == id);
        if !Self::RULES.allowed.has(id) {
            Err(PropertyError::NotAllowed(id))
        } else if present && !Self::RULES.repeatable.has(id) {
            Err(PropertyError::Repeated(id))
        } else {
            Ok(())
        }
    }
}

impl Iterator for SubscriptionIdentifiers<'_> {
    type Item = SubscriptionIdentifier;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.as_mut()?.find_map(|property| match property {
            Property::SubscriptionIdentifier(identifier) => Some(identifier),
            _ => None,
        })
    }
}

impl core::iter::FusedIterator for SubscriptionIdentifiers<'_> {}

macro_rules! sets {
    ($($(#[doc = $doc:literal])+ $name:ident $(repeats $repeats:ident)? {
        $($property:ident => $accessor:ident: $type:ty,)*
    })+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy)]
        pub struct $name<'a>(pub(crate) Repr<'a>);

        impl<'a> $name<'a> {
            const RULES: Rules = Rules {
                allowed: Mask::of(&[PropertyId::UserProperty, $(PropertyId::$property,)* $(PropertyId::$repeats,)?]),
                repeatable: USER_PROPERTY $(.or(Mask::of(&[PropertyId::$repeats])))?,
            };

            /// No properties.
            pub const EMPTY: Self = Self(Repr::EMPTY);

            /// A set of these properties.
            ///
            /// # Errors
            /// [`PropertyError`] when one of them may not stand here, is repeated, or has a value that is too long,
            /// contains U+0000 or is out of its range.
            pub fn new(values: &'a [Property<'a>]) -> Result<Self, PropertyError> {
                Repr::from_values(values, Self::RULES).map(Self)
            }

            #[inline(always)]
            pub(crate) fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
                Repr::decode(reader, Self::RULES, dialect).map(Self)
            }

            /// Bytes of the properties in a packet, without the Property Length in front of them.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether there is no property at all.
            pub const fn is_empty(&self) -> bool {
                self.0.seen().0 == 0
            }

            /// Whether the property is present; costs a bit test.
            pub const fn contains(&self, id: PropertyId) -> bool {
                self.0.seen().has(id)
            }

            /// All properties in their order.
            pub const fn iter(&self) -> Properties<'a> {
                self.0.iter()
            }

            $(
                #[doc = concat!("See [`Property::", stringify!($property), "`]; `None` when absent.")]
                #[inline]
                pub fn $accessor(&self) -> Option<$type> {
                    match self.0.find(PropertyId::$property)? {
                        Property::$property(value) => Some(value),
                        _ => None,
                    }
                }
            )*

            /// The User Properties in their order.
            pub const fn user_properties(&self) -> UserProperties<'a> {
                UserProperties(if self.contains(PropertyId::UserProperty) { Some(self.0.iter()) } else { None })
            }
        }

        impl PropertySet for $name<'_> {
            #[inline]
            fn block_len(&self) -> usize {
                self.0.len()
            }

            #[inline]
            fn put_block<O: Put>(&self, block_len: usize, out: O) -> O {
                self.0.put(block_len, out)
            }
        }

        impl Default for $name<'_> {
            fn default() -> Self {
                Self::EMPTY
            }
        }

        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.iter().eq(other.iter())
            }
        }

        impl Eq for $name<'_> {}

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))?;
                fmt::Debug::fmt(&self.iter(), f)
            }
        }

        impl fmt::Display for $name<'_> {
            /// ` {name=value, …}` with a leading space, or nothing when empty.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (index, property) in self.iter().enumerate() {
                    write!(f, "{}{property}", if index == 0 { " {" } else { ", " })?;
                }
                f.write_str(if self.is_empty() { "" } else { "}" })
            }
        }

        impl<'a> IntoIterator for $name<'a> {
            type Item = Property<'a>;
            type IntoIter = Properties<'a>;

            fn into_iter(self) -> Properties<'a> {
                self.iter()
            }
        }

        impl<'a> IntoIterator for &$name<'a> {
            type Item = Property<'a>;
            type IntoIter = Properties<'a>;

            fn into_iter(self) -> Properties<'a> {
                self.iter()
            }
        }
    )+ };
}

sets! {
    /// The properties of a CONNECT (section 3.1.2.11).
    ConnectProperties {
        SessionExpiryInterval => session_expiry_interval: u32,
        AuthenticationMethod => authentication_method: &'a str,
        AuthenticationData => authentication_data: &'a [u8],
        RequestProblemInformation => request_problem_information: bool,
        RequestResponseInformation => request_response_information: bool,
        ReceiveMaximum => receive_maximum: NonZeroU16,
        TopicAliasMaximum => topic_alias_maximum: u16,
        MaximumPacketSize => maximum_packet_size: NonZeroU32,
    }
    /// The properties of a Will (section 3.1.3.2).
    WillProperties {
        PayloadFormatIndicator => payload_format_indicator: PayloadFormat,
        MessageExpiryInterval => message_expiry_interval: u32,
        ContentType => content_type: &'a str,
        ResponseTopic => response_topic: TopicName<&'a [u8]>,
        CorrelationData => correlation_data: &'a [u8],
        WillDelayInterval => will_delay_interval: u32,
    }
    /// The properties of a CONNACK (section 3.2.2.3).
    ConnackProperties {
        SessionExpiryInterval => session_expiry_interval: u32,
        AssignedClientIdentifier => assigned_client_identifier: &'a str,
        ServerKeepAlive => server_keep_alive: u16,
        AuthenticationMethod => authentication_method: &'a str,
        AuthenticationData => authentication_data: &'a [u8],
        ResponseInformation => response_information: &'a str,
        ServerReference => server_reference: &'a str,
        ReasonString => reason_string: &'a str,
        ReceiveMaximum => receive_maximum: NonZeroU16,
        TopicAliasMaximum => topic_alias_maximum: u16,
        MaximumQoS => maximum_qos: QoS,
        RetainAvailable => retain_available: bool,
        MaximumPacketSize => maximum_packet_size: NonZeroU32,
        WildcardSubscriptionAvailable => wildcard_subscription_available: bool,
        SubscriptionIdentifierAvailable => subscription_identifier_available: bool,
        SharedSubscriptionAvailable => shared_subscription_available: bool,
    }
    /// The properties of a PUBLISH (section 3.3.2.3).
    PublishProperties repeats SubscriptionIdentifier {
        PayloadFormatIndicator => payload_format_indicator: PayloadFormat,
        MessageExpiryInterval => message_expiry_interval: u32,
        ContentType => content_type: &'a str,
        ResponseTopic => response_topic: TopicName<&'a [u8]>,
        CorrelationData => correlation_data: &'a [u8],
        TopicAlias => topic_alias: NonZeroU16,
    }
    /// The properties of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK (section 3.4.2.2).
    AckProperties {
        ReasonString => reason_string: &'a str,
    }
    /// The properties of a SUBSCRIBE (section 3.8.2.1).
    SubscribeProperties {
        SubscriptionIdentifier => subscription_identifier: SubscriptionIdentifier,
    }
    /// The properties of an UNSUBSCRIBE (section 3.10.2.1).
    UnsubscribeProperties {}
    /// The properties of a DISCONNECT (section 3.14.2.2).
    DisconnectProperties {
        SessionExpiryInterval => session_expiry_interval: u32,
        ServerReference => server_reference: &'a str,
        ReasonString => reason_string: &'a str,
    }
    /// The properties of an AUTH (section 3.15.2.2).
    AuthProperties {
        AuthenticationMethod => authentication_method: &'a str,
        AuthenticationData => authentication_data: &'a [u8],
        ReasonString => reason_string: &'a str,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// A set knows how many bytes it takes, also where that is more than it has room to remember.
    #[test]
    fn sets_of_any_size_are_counted() {
        let text = alloc::string::String::from_utf8(vec![b'x'; 65_535]).unwrap();
        for expected in [0xFF_FFFD, 0xFF_FFFE, 0xFF_FFFF, 0x100_0000, 0x100_0001] {
            let mut values = vec![Property::UserProperty((&text, &text)); 127];
            let rest = expected - 127 * (5 + 2 * 65_535) - 5;
            values.push(Property::UserProperty((&text, text.split_at(rest - 65_535).0)));
            assert_eq!(PublishProperties::new(&values).unwrap().block_len(), expected);
        }
        for expected in [6, 0xFF, 0x100, 0xFFFF] {
            let values = [Property::UserProperty((text.split_at(expected - 5).0, ""))];
            assert_eq!(PublishProperties::new(&values).unwrap().block_len(), expected);
        }
    }
}
