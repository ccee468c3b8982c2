//! The entries of a payload: Topic Filters with or without Subscription Options, and reason codes.
//!
//! As with properties, a list is either bytes that a decoder has checked from end to end, or a slice of the caller's.

use core::fmt;

use mqtt_topic::{InvalidTopic, InvalidTopicKind, Subscription, Text, TopicFilter};

use crate::dialect::Dialect;
use crate::packet::Room;
use crate::reader::Reader;
use crate::string::TextRules;
use crate::writer::Put;
use crate::{
    DecodeError, Deviation, EncodeError, Fault, ProtocolVersion, SubackReason, SubscriptionOptions,
    UnsubackReason,
};

/// How one entry stands on the wire.
trait Entry<'a>: Copy {
    /// Whether 3.x has the list at all.
    const IS_IN_V3: bool = true;

    /// The first entry and what is behind it, if it is of the kind that nearly all are of, and nothing is wrong with it. What is handed
    /// over together with what can be wrong with it costs as much to move as to read.
    fn plain(_: &'a [u8], _: ProtocolVersion) -> Option<(Self, &'a [u8])> {
        None
    }

    /// The outer error ends the packet; the inner one is of an entry that a decoder can be told to let through.
    fn read(
        reader: &mut Reader<'a>,
        version: ProtocolVersion,
        text: TextRules,
    ) -> Result<Result<Self, InvalidTopic>, DecodeError>;
    /// Bytes of the entry; the errors are what [`read`](Self::read) would refuse.
    fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError>;
    fn put<O: Put>(&self, version: ProtocolVersion, out: O) -> O;
}

#[derive(Clone, Copy)]
enum Repr<'a, T> {
    Block {
        version: ProtocolVersion,
        /// Whether it can be written as it is.
        is_canonical: bool,
        bytes: &'a [u8],
    },
    Values(&'a [T]),
}

impl<'a, T: Entry<'a>> Repr<'a, T> {
    /// The rest of the packet, all of it entries and at least one.
    fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
        let version = dialect.version;
        if !version.is_v5() && !T::IS_IN_V3 {
            return Ok(Self::Values(&[]));
        }
        let bytes = reader.rest();
        reader.ensure(!bytes.is_empty(), Fault::EmptyPayload)?;
        while !reader.is_empty() {
            if let Some((_, rest)) = T::plain(reader.rest(), version) {
                reader.go_to(rest);
                continue;
            }
            let before = *reader;
            if let Err(invalid) = T::read(reader, version, dialect.text)?
                && !dialect.accepted.has(Deviation::InvalidTopicFilter)
            {
                return Err(before.fault(filter_fault(invalid.kind())));
            }
        }
        Ok(Self::Block { version, is_canonical: dialect.is_canonical(), bytes })
    }

    /// The bytes, if they can be written as they are.
    fn verbatim(&self, version: ProtocolVersion) -> Option<&'a [u8]> {
        match *self {
            Self::Block { version: of, is_canonical: true, bytes } if of == version => Some(bytes),
            _ => None,
        }
    }

    fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        if let Some(bytes) = self.verbatim(version) {
            return Ok(bytes.len());
        }
        // Counted in 64 bits, no list is long enough to overflow.
        let mut len = 0;
        if let Self::Values(values) = self {
            for entry in *values {
                len += entry.encoded_len(version)? as u64;
            }
        } else {
            for entry in self.results() {
                len += entry.map_err(EncodeError::InvalidTopicFilter)?.encoded_len(version)? as u64;
            }
        }
        let len = usize::try_from(len).map_err(|_| EncodeError::PacketTooLarge)?;
        if len == 0 && (version.is_v5() || T::IS_IN_V3) { Err(EncodeError::EmptyPayload) } else { Ok(len) }
    }

    const fn is_made(&self) -> bool {
        matches!(self, Self::Values(_))
    }

    /// Checks and writes the entries of the caller.
    #[inline]
    fn put_room<'r>(&self, version: ProtocolVersion, mut room: Room<'r>) -> Result<Room<'r>, EncodeError> {
        let Self::Values(entries) = self else { return Ok(room) };
        if entries.is_empty() && (version.is_v5() || T::IS_IN_V3) {
            return Err(EncodeError::EmptyPayload);
        }
        for entry in *entries {
            entry.encoded_len(version)?;
            room = entry.put(version, room);
            if room.0.is_empty() {
                break;
            }
        }
        Ok(room)
    }

    /// Writes the entries, unless they can be written as they are.
    fn put<O: Put>(&self, version: ProtocolVersion, out: O) -> O {
        match self {
            Self::Values(entries) => entries.iter().fold(out, |out, entry| entry.put(version, out)),
            Self::Block { .. } if self.verbatim(version).is_some() => out,
            Self::Block { .. } => self.results().flatten().fold(out, |out, entry| entry.put(version, out)),
        }
    }

    const fn results(self) -> Results<'a, T> {
        Results(self)
    }
}

/// Goes through a list.
#[derive(Clone)]
struct Results<'a, T>(Repr<'a, T>);

impl<'a, T: Entry<'a>> Iterator for Results<'a, T> {
    type Item = Result<T, InvalidTopic>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Repr::Block { bytes: [], .. } => None,
            Repr::Block { version, bytes, .. } => {
                if let Some((entry, rest)) = T::plain(bytes, *version) {
                    *bytes = rest;
                    return Some(Ok(entry));
                }
                let reader = &mut Reader::new(bytes);
                // The block has been checked: a fault cannot occur, and would end the iteration.
                let entry = T::read(reader, *version, TextRules::CHECKED).ok();
                *bytes = reader.rest();
                entry
            }
            Repr::Values(values) => {
                let (first, others) = values.split_first()?;
                *values = others;
                Some(Ok(*first))
            }
        }
    }
}

macro_rules! lists {
    ($($(#[doc = $doc:literal])+ $name:ident($item:ty);)+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy)]
        pub struct $name<'a>(Repr<'a, $item>);

        impl<'a> $name<'a> {
            /// A payload of these entries. They are checked when the packet is encoded, which knows the version.
            pub const fn new(entries: &'a [$item]) -> Self {
                Self(Repr::Values(entries))
            }

            pub(crate) fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
                Repr::decode(reader, dialect).map(Self)
            }

            /// The entries in their order.
            pub fn iter(&self) -> impl Iterator<Item = $item> + Clone + use<'a> {
                self.0.results().filter_map(Result::ok)
            }

            /// How many entries there are, invalid ones too where the decoder accepts them; walks the payload.
            pub fn len(&self) -> usize {
                self.0.results().count()
            }

            /// Whether there is no entry, as in the UNSUBACK of 3.x.
            pub fn is_empty(&self) -> bool {
                self.0.results().next().is_none()
            }

            pub(crate) fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
                self.0.encoded_len(version)
            }

            /// The payload, if it can be written as it is.
            pub(crate) fn verbatim(&self, version: ProtocolVersion) -> Option<&'a [u8]> {
                self.0.verbatim(version)
            }

            pub(crate) fn put<O: Put>(&self, version: ProtocolVersion, out: O) -> O {
                self.0.put(version, out)
            }

            pub(crate) const fn is_made(&self) -> bool {
                self.0.is_made()
            }

            #[inline]
            pub(crate) fn put_room<'r>(
                &self,
                version: ProtocolVersion,
                room: Room<'r>,
            ) -> Result<Room<'r>, EncodeError> {
                self.0.put_room(version, room)
            }
        }

        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.0.results().eq(other.0.results())
            }
        }

        impl Eq for $name<'_> {}

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }
    )+ };
}

lists! {
    /// The Topic Filters of a SUBSCRIBE with their options (section 3.8.3).
    Subscriptions((Subscription<&'a [u8]>, SubscriptionOptions));
    /// The Topic Filters of an UNSUBSCRIBE (section 3.10.3).
    TopicFilters(Subscription<&'a [u8]>);
    /// The reason codes of a SUBACK, one for each Topic Filter of the SUBSCRIBE (section 3.9.3).
    SubackReasons(SubackReason);
    /// The reason codes of an UNSUBACK, one for each Topic Filter of the UNSUBSCRIBE (section 3.11.3). Empty in 3.x.
    UnsubackReasons(UnsubackReason);
}

impl<'a> Subscriptions<'a> {
    /// The entries in their order, and why one is invalid where the decoder has accepted
    /// [`Deviation::InvalidTopicFilter`]; [`iter`](Self::iter) leaves these out. SUBACK has a reason code for each.
    pub fn results(
        &self,
    ) -> impl Iterator<Item = Result<(Subscription<&'a [u8]>, SubscriptionOptions), InvalidTopic>> + Clone + use<'a>
    {
        self.0.results()
    }
}

impl<'a> TopicFilters<'a> {
    /// The entries in their order, and why one is invalid where the decoder has accepted
    /// [`Deviation::InvalidTopicFilter`]; [`iter`](Self::iter) leaves these out. UNSUBACK has a reason code for each.
    pub fn results(
        &self,
    ) -> impl Iterator<Item = Result<Subscription<&'a [u8]>, InvalidTopic>> + Clone + use<'a> {
        self.0.results()
    }
}

impl UnsubackReasons<'_> {
    /// The payload of 3.x.
    pub const NONE: Self = Self(Repr::Values(&[]));
}

impl<'a> Entry<'a> for Subscription<&'a [u8]> {
    #[inline]
    fn plain(bytes: &'a [u8], _: ProtocolVersion) -> Option<(Self, &'a [u8])> {
        let (len, rest) = bytes.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        // May be shared.
        if text.first() == SHARE.first() {
            return None;
        }
        let filter = TopicFilter::from_text(Text::plain(text)?).ok()?;
        Some((Self::Ordinary(filter), rest))
    }

    #[cold]
    fn read(
        reader: &mut Reader<'a>,
        version: ProtocolVersion,
        text: TextRules,
    ) -> Result<Result<Self, InvalidTopic>, DecodeError> {
        let text = reader.topic(text)?;
        Ok(if version.is_v5() {
            Self::from_text(text)
        } else {
            TopicFilter::from_text(text).map(Self::Ordinary)
        })
    }

    #[inline]
    fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        match self {
            // 5.0 would read it as a Shared Subscription, or refuse it.
            Self::Ordinary(filter) if version.is_v5() && is_shared(filter.as_bytes()) => {
                Err(EncodeError::NotInVersion {
                    field: "an ordinary Topic Filter with $share/ in front",
                    version,
                })
            }
            // Its type sees to it that it is not too long.
            Self::Ordinary(filter) => Ok(2 + filter.as_bytes().len()),
            Self::Shared { .. } if !version.is_v5() => {
                Err(EncodeError::NotInVersion { field: "a Shared Subscription", version })
            }
            Self::Shared { share_name, filter } => {
                let len = SHARE.len() + share_name.as_bytes().len() + 1 + filter.as_bytes().len();
                if len > usize::from(u16::MAX) { Err(EncodeError::FieldTooLong) } else { Ok(2 + len) }
            }
        }
    }

    #[inline]
    fn put<O: Put>(&self, _: ProtocolVersion, out: O) -> O {
        match self {
            Self::Ordinary(filter) => put_filter(filter.as_bytes(), [], out),
            Self::Shared { share_name, filter } => put_shared(share_name.as_bytes(), filter.as_bytes(), out),
        }
    }
}

#[inline]
fn put_filter<O: Put, const B: usize>(filter: &[u8], options: [u8; B], out: O) -> O {
    #[expect(clippy::cast_possible_truncation, reason = "its type sees to it that it is not too long")]
    let len = filter.len() as u16;
    out.put_between(len.to_be_bytes(), filter, options)
}

/// Few filters begin with the first character even.
#[inline]
fn is_shared(filter: &[u8]) -> bool {
    filter.first() == SHARE.first() && filter.starts_with(SHARE)
}

/// Few subscriptions are shared.
#[inline(never)]
fn put_shared<O: Put>(share_name: &[u8], filter: &[u8], out: O) -> O {
    let len = SHARE.len() + share_name.len() + 1 + filter.len();
    #[expect(clippy::cast_possible_truncation, reason = "checked by encoded_len")]
    let out = out.put_u16(len as u16);
    out.put_slice(SHARE).put_slice(share_name).put_u8(b'/').put_slice(filter)
}

/// A filter has passed the string checks; what is left is its syntax.
const fn filter_fault(kind: InvalidTopicKind) -> Fault {
    match kind {
        InvalidTopicKind::ShareNameEmpty
        | InvalidTopicKind::ShareNameCharacter
        | InvalidTopicKind::ShareWithoutFilter => Fault::InvalidSharedSubscription,
        _ => Fault::InvalidTopicFilter,
    }
}

/// What a Shared Subscription begins with `[MQTT-4.8.2-1]`.
const SHARE: &[u8] = b"$share/";

impl<'a> Entry<'a> for (Subscription<&'a [u8]>, SubscriptionOptions) {
    #[inline]
    fn plain(bytes: &'a [u8], version: ProtocolVersion) -> Option<(Self, &'a [u8])> {
        let (subscription, rest) = Subscription::plain(bytes, version)?;
        let (options, rest) = rest.split_first()?;
        let options = SubscriptionOptions::from_byte(*options, version).ok()?;
        Some(((subscription, options), rest))
    }

    #[cold]
    fn read(
        reader: &mut Reader<'a>,
        version: ProtocolVersion,
        text: TextRules,
    ) -> Result<Result<Self, InvalidTopic>, DecodeError> {
        let subscription = Subscription::read(reader, version, text)?;
        let before = *reader;
        let options =
            SubscriptionOptions::from_byte(reader.u8()?, version).map_err(|fault| before.fault(fault))?;
        let is_shared = matches!(subscription, Ok(Subscription::Shared { .. }));
        before.ensure(!(options.no_local && is_shared), Fault::NoLocalOnShared)?;
        Ok(subscription.map(|subscription| (subscription, options)))
    }

    #[inline]
    fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let (subscription, options) = self;
        // Nearly all are like that, and nothing can be wrong with them.
        if let Subscription::Ordinary(filter) = subscription
            && version.is_v5()
            && filter.as_bytes().first() != SHARE.first()
        {
            return Ok(2 + filter.as_bytes().len() + 1);
        }
        if options.no_local && subscription.share_name().is_some() {
            return Err(EncodeError::NoLocalOnShared);
        }
        if !version.is_v5() && options.to_byte() != options.qos.bits() {
            return Err(EncodeError::NotInVersion { field: "a Subscription Option", version });
        }
        Ok(subscription.encoded_len(version)? + 1)
    }

    #[inline]
    fn put<O: Put>(&self, version: ProtocolVersion, out: O) -> O {
        let (subscription, options) = self;
        match subscription {
            Subscription::Ordinary(filter) => put_filter(filter.as_bytes(), [options.to_byte()], out),
            Subscription::Shared { .. } => subscription.put(version, out).put_u8(options.to_byte()),
        }
    }
}

impl Entry<'_> for SubackReason {
    fn read(
        reader: &mut Reader<'_>,
        version: ProtocolVersion,
        _: TextRules,
    ) -> Result<Result<Self, InvalidTopic>, DecodeError> {
        let before = *reader;
        let code = match (reader.u8()?, version) {
            (code @ 0x80, _) | (code @ 0..=2, ProtocolVersion::V3_1_1) | (code, ProtocolVersion::V5_0) => {
                code
            }
            (_, ProtocolVersion::V3_1_1) => return Err(before.fault(Fault::InvalidReasonCode)),
            // The upper six bits are unused in 3.1.
            (code, ProtocolVersion::V3_1) => code & 0b11,
        };
        Self::from_code(code).map(Ok).ok_or_else(|| before.fault(Fault::InvalidReasonCode))
    }

    fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let in_version = match version {
            ProtocolVersion::V5_0 => true,
            ProtocolVersion::V3_1_1 => !self.is_error() || *self == Self::UnspecifiedError,
            ProtocolVersion::V3_1 => !self.is_error(),
        };
        if in_version { Ok(1) } else { Err(EncodeError::NotInVersion { field: "this SUBACK code", version }) }
    }

    fn put<O: Put>(&self, _: ProtocolVersion, out: O) -> O {
        out.put_u8(self.code())
    }
}

impl Entry<'_> for UnsubackReason {
    const IS_IN_V3: bool = false;

    fn read(
        reader: &mut Reader<'_>,
        _: ProtocolVersion,
        _: TextRules,
    ) -> Result<Result<Self, InvalidTopic>, DecodeError> {
        let before = *reader;
        Self::from_code(reader.u8()?).map(Ok).ok_or_else(|| before.fault(Fault::InvalidReasonCode))
    }

    fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        if version.is_v5() {
            Ok(1)
        } else {
            Err(EncodeError::NotInVersion { field: "an UNSUBACK code", version })
        }
    }

    fn put<O: Put>(&self, _: ProtocolVersion, out: O) -> O {
        out.put_u8(self.code())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::fmt::Debug;

    use proptest::prelude::*;

    use super::*;

    /// Entries as they come, what looks like one and is none, and what is cut off.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let character = prop_oneof![
            8 => prop::sample::select(&b"a/+#$~ "[..]).prop_map(|byte| [byte].to_vec()),
            1 => prop::sample::select(&["$share/", "$SHARE/", "\u{7F}", "\u{80}", "\u{FFFF}", "\0", "\n"][..])
                .prop_map(|text| text.as_bytes().to_vec()),
            1 => any::<u8>().prop_map(|byte| [byte].to_vec()),
        ];
        let text = prop::collection::vec(character, 0..9).prop_map(|pieces| pieces.concat());
        let is_shared = prop::bool::weighted(0.2);
        let off_by = prop_oneof![8 => Just(0), 1 => -2_i16..=2];
        let options = prop_oneof![4 => 0..=2_u8, 1 => any::<u8>()];
        let behind = prop::collection::vec(any::<u8>(), 0..4);
        let cut = prop_oneof![3 => Just(0), 1 => 0..8_usize];
        let entry = (text, is_shared, off_by, options, behind);
        (entry, cut).prop_map(|((text, is_shared, off_by, options, behind), cut)| {
            let share = if is_shared { &b"$share/"[..] } else { &[] };
            let len = u16::try_from(share.len() + text.len()).unwrap_or_default().wrapping_add_signed(off_by);
            let mut bytes = [&len.to_be_bytes(), share, &text, &[options], &behind].concat();
            bytes.truncate(bytes.len().saturating_sub(cut));
            bytes
        })
    }

    /// Whether `plain` has said something. It has then said what `read` says under all rules.
    fn is_plain<'a, T: Entry<'a> + PartialEq + Debug>(bytes: &'a [u8], version: ProtocolVersion) -> bool {
        let Some((entry, rest)) = T::plain(bytes, version) else { return false };
        for (refuse_disallowed, topic_may_be_other) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let reader = &mut Reader::new(bytes);
            let read = T::read(reader, version, TextRules { refuse_disallowed, topic_may_be_other });
            assert_eq!(read, Ok(Ok(entry)), "{bytes:02X?} in {version}");
            assert_eq!(reader.rest(), rest, "{bytes:02X?} in {version}");
        }
        true
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn a_plain_entry_is_the_one_that_is_read(bytes in bytes()) {
            for version in ProtocolVersion::ALL {
                let is_filter = is_plain::<Subscription<&[u8]>>(&bytes, version);
                let is_subscription = is_plain::<(Subscription<&[u8]>, SubscriptionOptions)>(&bytes, version);
                // What stands in front of the options is plain, too.
                prop_assert!(is_filter || !is_subscription);
            }
        }
    }

    #[test]
    fn nearly_all_entries_are_plain() {
        for version in ProtocolVersion::ALL {
            for bytes in [b"\x00\x03a/b\x01", b"\x00\x03a/#\x00", b"\x00\x03+/b\x02"] {
                assert!(is_plain::<Subscription<&[u8]>>(bytes, version));
                assert!(is_plain::<(Subscription<&[u8]>, SubscriptionOptions)>(bytes, version));
            }
        }
    }
}
