//! Topic Filters: which Topic Names a subscription wants (section 4.7.1).

use crate::bytes::{common_prefix, first_wildcard, level_end};
use crate::text::text_type;
use crate::{InvalidTopic, InvalidTopicKind, Text, TopicName};

text_type! {
    /// A Topic Filter: 1 to 65,535 bytes of UTF-8 without U+0000, in which `#` may only be the whole last level
    /// `[MQTT-4.7.1-1]` and `+` only a whole level `[MQTT-4.7.1-2]`.
    ///
    /// ```
    /// use mqtt_topic::{TopicFilter, TopicName};
    ///
    /// let filter = TopicFilter::parse("sport/+/player1/#")?;
    /// assert!(filter.matches(&TopicName::parse("sport/tennis/player1")?));
    /// assert!(!filter.matches(&TopicName::parse("sport/tennis/player2")?));
    /// # Ok::<(), mqtt_topic::InvalidTopic>(())
    /// ```
    TopicFilter, "Topic Filter"
}

/// One level of a Topic Filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level<'a> {
    /// Matches a level of the same text, which may be empty.
    Name(&'a [u8]),
    /// `+`: matches any one level.
    SingleLevel,
    /// `#`: matches its parent and any number of levels below.
    MultiLevel,
}

impl<'a> Level<'a> {
    const fn of(level: &'a [u8]) -> Self {
        match level {
            b"+" => Self::SingleLevel,
            b"#" => Self::MultiLevel,
            name => Self::Name(name),
        }
    }
}

impl TopicFilter<&[u8]> {
    fn check(text: Text<'_>) -> Result<(), InvalidTopic> {
        if !text.has_wildcard() {
            return Ok(());
        }
        let bytes = text.as_bytes();
        let mut from = 0;
        while let Some(to) = bytes.get(from..).and_then(first_wildcard) {
            let at = from + to;
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            let after = bytes.get(at + 1);
            let fills_level = matches!(before, None | Some(b'/')) && matches!(after, None | Some(b'/'));
            let kind = match (bytes.get(at), fills_level) {
                (Some(b'#'), true) if after.is_some() => InvalidTopicKind::MultiLevelNotLast,
                (Some(b'#'), false) => InvalidTopicKind::MultiLevelNotAlone,
                (_, false) => InvalidTopicKind::SingleLevelNotAlone,
                (_, true) => {
                    from = at + 1;
                    continue;
                }
            };
            return Err(InvalidTopic::new(kind, at));
        }
        Ok(())
    }
}

impl<S: AsRef<[u8]>> TopicFilter<S> {
    /// The levels between the separators `/`.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = Level<'_>> + Clone {
        self.as_bytes().split(|byte| *byte == b'/').map(Level::of)
    }

    /// Whether the filter has a wildcard; without one it matches just the Topic Name of the same text.
    pub fn has_wildcard(&self) -> bool {
        first_wildcard(self.as_bytes()).is_some()
    }

    /// Whether a message published to `name` is wanted. Allocates nothing.
    ///
    /// A filter that begins with a wildcard never matches a name that begins with `$` `[MQTT-4.7.2-1]`; text is compared
    /// byte by byte `[MQTT-4.7.3-4]`.
    #[inline]
    pub fn matches<N: AsRef<[u8]>>(&self, name: &TopicName<N>) -> bool {
        let (mut filter, mut name) = (self.as_bytes(), name.as_bytes());
        if name.first() == Some(&b'$') && matches!(filter.first(), Some(b'+' | b'#')) {
            return false;
        }
        loop {
            // No name contains a wildcard, so the texts differ there at the latest.
            let same = common_prefix(filter, name);
            let rest = name.get(same..).unwrap_or_default();
            match filter.get(same..).unwrap_or_default() {
                [b'+', behind @ ..] => {
                    filter = behind;
                    name = rest.get(level_end(rest)..).unwrap_or_default();
                }
                b"#" => return true,
                // `a/#` matches `a` too.
                [] | b"/#" => return rest.is_empty(),
                _ => return false,
            }
        }
    }

    /// Whether this filter matches every Topic Name that `other` matches: whoever may subscribe to this one may subscribe to
    /// the other. Allocates nothing; takes time in proportion to the shorter text.
    ///
    /// It does not matter here that a name ends after 65,535 bytes.
    ///
    /// ```
    /// use mqtt_topic::TopicFilter;
    ///
    /// let filter = TopicFilter::parse("sport/#")?;
    /// assert!(filter.covers(&TopicFilter::parse("sport/+/ranking")?));
    /// assert!(filter.covers(&TopicFilter::parse("sport")?));
    /// assert!(!filter.covers(&TopicFilter::parse("+/ranking")?));
    /// // `[MQTT-4.7.2-1]`
    /// assert!(!TopicFilter::parse("#")?.covers(&TopicFilter::parse("$SYS/#")?));
    /// # Ok::<(), mqtt_topic::InvalidTopic>(())
    /// ```
    pub fn covers<T: AsRef<[u8]>>(&self, other: &TopicFilter<T>) -> bool {
        covers(self.levels(), other.levels(), |own, other| own == other)
    }

    /// Whether there is a Topic Name that both filters match. Allocates nothing; takes time in proportion to the shorter text.
    ///
    /// It does not matter here that a name ends after 65,535 bytes.
    ///
    /// ```
    /// use mqtt_topic::TopicFilter;
    ///
    /// let filter = TopicFilter::parse("sport/+/ranking")?;
    /// assert!(filter.overlaps(&TopicFilter::parse("+/tennis/#")?));
    /// assert!(!filter.overlaps(&TopicFilter::parse("sport/+")?));
    /// # Ok::<(), mqtt_topic::InvalidTopic>(())
    /// ```
    pub fn overlaps<T: AsRef<[u8]>>(&self, other: &TopicFilter<T>) -> bool {
        overlaps(self.levels(), other.levels(), |own, other| own == other)
    }
}

/// [`TopicFilter::covers`]; `is_same` says whether two names of levels are the same.
pub(crate) fn covers<'w, 'n>(
    mut wide: impl Iterator<Item = Level<'w>>,
    mut narrow: impl Iterator<Item = Level<'n>>,
    is_same: impl Fn(&[u8], &[u8]) -> bool,
) -> bool {
    let mut beginning = Beginning::Nothing;
    loop {
        let (wanted, given) = (wide.next(), narrow.next());
        match (wanted, given) {
            (Some(wanted), Some(given)) if beginning.is_passed_over(wanted, given) => return false,
            (Some(Level::MultiLevel), _) | (None, None) => return true,
            (Some(Level::SingleLevel), Some(Level::MultiLevel)) => {
                // `+/#` matches what `#` does, but for what ends here.
                return !beginning.is_name() && wide.next() == Some(Level::MultiLevel);
            }
            (Some(Level::SingleLevel), Some(_)) => {}
            (Some(Level::Name(wanted)), Some(Level::Name(given))) if is_same(wanted, given) => {}
            _ => return false,
        }
        beginning = beginning.and(given == Some(Level::Name(b"")));
    }
}

/// [`TopicFilter::overlaps`]; `is_same` says whether two names of levels are the same.
pub(crate) fn overlaps<'o, 't>(
    mut one: impl Iterator<Item = Level<'o>>,
    mut other: impl Iterator<Item = Level<'t>>,
    is_same: impl Fn(&[u8], &[u8]) -> bool,
) -> bool {
    let mut beginning = Beginning::Nothing;
    loop {
        let (left, right) = (one.next(), other.next());
        match (left, right) {
            (Some(left), Some(right))
                if beginning.is_passed_over(left, right) || beginning.is_passed_over(right, left) =>
            {
                return false;
            }
            (Some(Level::MultiLevel), Some(_)) | (Some(_), Some(Level::MultiLevel)) => return true,
            (Some(Level::MultiLevel), None) | (None, Some(Level::MultiLevel) | None) => {
                return beginning.is_name();
            }
            (Some(Level::Name(left)), Some(Level::Name(right))) if !is_same(left, right) => return false,
            (Some(_), Some(_)) => {}
            (Some(_), None) | (None, Some(_)) => return false,
        }
        beginning = beginning.and([left, right].contains(&Some(Level::Name(b""))));
    }
}

/// The levels that have been compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// None yet.
    Nothing,
    /// One that is empty. A name has at least one character, so none ends here.
    Empty,
    /// What may be a name.
    Name,
}

impl Beginning {
    fn and(self, is_empty: bool) -> Self {
        if self == Self::Nothing && is_empty { Self::Empty } else { Self::Name }
    }

    fn is_name(self) -> bool {
        self == Self::Name
    }

    /// Whether `level` is a wildcard in the first place that does not match `name` `[MQTT-4.7.2-1]`.
    fn is_passed_over(self, level: Level<'_>, name: Level<'_>) -> bool {
        self == Self::Nothing
            && !matches!(level, Level::Name(_))
            && matches!(name, Level::Name(name) if name.first() == Some(&b'$'))
    }
}
