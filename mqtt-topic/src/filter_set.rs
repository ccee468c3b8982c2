//! Small static lists of Topic Filters with placeholders, as access control has them.
//!
//! A placeholder is replaced level by level while a text is compared, never by writing a new filter: what a Client chooses
//! to call itself is not parsed, so it cannot become a wildcard or a separator.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::filter::{covers, overlaps};
use crate::{InvalidTopic, Level, TopicFilter, TopicName};

/// A Topic Filter in which `%c` stands for the Client Identifier, `%u` for the User Name and `%%` for `%`.
///
/// Placeholders may be parts of a level: `device-%c/#`. Where two follow each other, put a character between them that
/// the first cannot contain, since `%u%c` is the same for `ab` and `c` as for `a` and `bc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterPattern {
    filter: TopicFilter<Box<[u8]>>,
    has_client_id: bool,
    has_user_name: bool,
}

/// A text that is no [`FilterPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPattern {
    /// It is no Topic Filter.
    #[error(transparent)]
    Filter(#[from] InvalidTopic),
    /// A `%` is followed by something other than `c`, `u` or `%`.
    #[error("unknown placeholder at byte {at}")]
    Placeholder {
        /// Where the `%` is in the text, in bytes.
        at: usize,
    },
}

/// Who asks: what placeholders stand for.
///
/// A Client Identifier or User Name that is empty or contains `/`, `+`, `#` or U+0000 stands for nothing, and a pattern with a
/// placeholder for it matches nothing. The same goes for one that begins with `$` where a pattern begins with the
/// placeholder: like a wildcard, a placeholder gives no access to `$SYS` `[MQTT-4.7.2-1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    client_id: Option<&'a [u8]>,
    user_name: Option<&'a [u8]>,
}

impl<'a> Identity<'a> {
    /// A Client with this Client Identifier, and this User Name if it has authenticated with one.
    pub fn new(client_id: &'a str, user_name: Option<&'a str>) -> Self {
        let usable = |text: &&str| !text.is_empty() && !text.contains(['/', '+', '#', '\0']);
        Self {
            client_id: Some(client_id).filter(usable).map(str::as_bytes),
            user_name: user_name.filter(usable).map(str::as_bytes),
        }
    }

    /// Whether the level `pattern` with placeholders replaced is `text`.
    fn spells(self, mut pattern: &[u8], mut text: &[u8]) -> bool {
        loop {
            let literal = pattern.iter().position(|byte| *byte == b'%').unwrap_or(pattern.len());
            let (value, rest) = match pattern.get(literal..) {
                Some([b'%', b'c', rest @ ..]) => (self.client_id, rest),
                Some([b'%', b'u', rest @ ..]) => (self.user_name, rest),
                Some([b'%', b'%', rest @ ..]) => (Some(&b"%"[..]), rest),
                // A pattern has no other `%`.
                _ => return pattern == text,
            };
            let behind = pattern.get(..literal).and_then(|literal| text.strip_prefix(literal));
            match behind.zip(value).and_then(|(text, value)| text.strip_prefix(value)) {
                Some(behind) => (pattern, text) = (rest, behind),
                None => return false,
            }
        }
    }
}

impl FilterPattern {
    /// Checks a pattern.
    ///
    /// # Errors
    /// [`InvalidPattern`] when the text is no Topic Filter, or has a placeholder that is not known.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let filter = TopicFilter::parse(text)?.boxed();
        let (mut has_client_id, mut has_user_name) = (false, false);
        let mut bytes = text.bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            if byte == b'%' {
                match bytes.next() {
                    Some((_, b'c')) => has_client_id = true,
                    Some((_, b'u')) => has_user_name = true,
                    Some((_, b'%')) => {}
                    _ => return Err(InvalidPattern::Placeholder { at }),
                }
            }
        }
        Ok(Self { filter, has_client_id, has_user_name })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.filter.as_str()
    }

    /// Whether it matches a Topic Name.
    pub fn matches<S: AsRef<[u8]>>(&self, name: &TopicName<S>, identity: Identity<'_>) -> bool {
        let is_same = |pattern: &[u8], text: &[u8]| identity.spells(pattern, text);
        self.is_usable(identity) && covers(self.filter.levels(), name.levels().map(Level::Name), is_same)
    }

    /// Whether it matches every Topic Name that `filter` matches; see [`TopicFilter::covers`].
    pub fn covers<S: AsRef<[u8]>>(&self, filter: &TopicFilter<S>, identity: Identity<'_>) -> bool {
        let is_same = |pattern: &[u8], text: &[u8]| identity.spells(pattern, text);
        self.is_usable(identity) && covers(self.filter.levels(), filter.levels(), is_same)
    }

    /// Whether it matches a Topic Name that `filter` matches; see [`TopicFilter::overlaps`].
    pub fn overlaps<S: AsRef<[u8]>>(&self, filter: &TopicFilter<S>, identity: Identity<'_>) -> bool {
        let is_same = |pattern: &[u8], text: &[u8]| identity.spells(pattern, text);
        self.is_usable(identity) && overlaps(self.filter.levels(), filter.levels(), is_same)
    }

    /// Whether all placeholders stand for something.
    fn is_usable(&self, identity: Identity<'_>) -> bool {
        let first = match self.filter.as_bytes() {
            [b'%', b'c', ..] => identity.client_id,
            [b'%', b'u', ..] => identity.user_name,
            _ => None,
        };
        (!self.has_client_id || identity.client_id.is_some())
            && (!self.has_user_name || identity.user_name.is_some())
            && first.is_none_or(|first| first.first() != Some(&b'$'))
    }
}

/// A list of [patterns](FilterPattern), each with a value: what it grants or denies, for one.
///
/// Each question looks through the whole list, in its order. Nothing is allocated for the answer.
///
/// ```
/// use mqtt_topic::{FilterPattern, FilterSet, Identity, TopicFilter, TopicName};
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// enum Rule { Allow, Deny }
///
/// let mut rules = FilterSet::new();
/// rules.push(FilterPattern::parse("devices/%c/secret")?, Rule::Deny);
/// rules.push(FilterPattern::parse("devices/%c/#")?, Rule::Allow);
///
/// let client = Identity::new("7", None);
/// // A message: the first rule for its topic decides.
/// let rule = rules.matching(&TopicName::parse("devices/7/state")?, client).next();
/// assert_eq!(rule, Some(&Rule::Allow));
///
/// // A subscription: it must be allowed as a whole, and nothing of it denied.
/// let filter = TopicFilter::parse("devices/7/+")?;
/// assert!(rules.covering(&filter, client).any(|rule| *rule == Rule::Allow));
/// assert!(rules.overlapping(&filter, client).any(|rule| *rule == Rule::Deny));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterSet<T> {
    entries: Vec<(FilterPattern, T)>,
}

impl<T> FilterSet<T> {
    /// Without patterns: nothing matches.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds a pattern at the end.
    pub fn push(&mut self, pattern: FilterPattern, value: T) {
        self.entries.push((pattern, value));
    }

    /// The number of patterns.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no patterns.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All patterns.
    pub fn iter(&self) -> impl Iterator<Item = (&FilterPattern, &T)> {
        self.entries.iter().map(|(pattern, value)| (pattern, value))
    }

    /// The values of the patterns that match `name`.
    pub fn matching<S: AsRef<[u8]>>(
        &self,
        name: &TopicName<S>,
        identity: Identity<'_>,
    ) -> impl Iterator<Item = &T> {
        self.which(move |pattern| pattern.matches(name, identity))
    }

    /// The values of the patterns that match all that `filter` matches.
    pub fn covering<S: AsRef<[u8]>>(
        &self,
        filter: &TopicFilter<S>,
        identity: Identity<'_>,
    ) -> impl Iterator<Item = &T> {
        self.which(move |pattern| pattern.covers(filter, identity))
    }

    /// The values of the patterns that match something `filter` matches.
    pub fn overlapping<S: AsRef<[u8]>>(
        &self,
        filter: &TopicFilter<S>,
        identity: Identity<'_>,
    ) -> impl Iterator<Item = &T> {
        self.which(move |pattern| pattern.overlaps(filter, identity))
    }

    fn which(&self, wanted: impl Fn(&FilterPattern) -> bool) -> impl Iterator<Item = &T> {
        self.entries.iter().filter(move |(pattern, _)| wanted(pattern)).map(|(_, value)| value)
    }
}

impl<T> Default for FilterSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> FromIterator<(FilterPattern, T)> for FilterSet<T> {
    fn from_iter<I: IntoIterator<Item = (FilterPattern, T)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}
