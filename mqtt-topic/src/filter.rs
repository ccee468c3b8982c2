//! Topic Filters: which Topic Names a subscription wants (section 4.7.1).

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
        for (at, byte) in bytes.iter().enumerate() {
            if !matches!(byte, b'+' | b'#') {
                continue;
            }
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            let after = bytes.get(at + 1);
            let fills_level = matches!(before, None | Some(b'/')) && matches!(after, None | Some(b'/'));
            let kind = match (byte, fills_level) {
                (b'#', true) if after.is_some() => InvalidTopicKind::MultiLevelNotLast,
                (b'#', false) => InvalidTopicKind::MultiLevelNotAlone,
                (_, false) => InvalidTopicKind::SingleLevelNotAlone,
                (_, true) => continue,
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
        self.as_bytes().iter().any(|byte| *byte == b'+' || *byte == b'#')
    }

    /// Whether a message published to `name` is wanted. Allocates nothing.
    ///
    /// A filter that begins with a wildcard never matches a name that begins with `$` `[MQTT-4.7.2-1]`; text is compared
    /// byte by byte `[MQTT-4.7.3-4]`.
    pub fn matches<N: AsRef<[u8]>>(&self, name: &TopicName<N>) -> bool {
        let mut names = name.levels();
        for (index, level) in self.levels().enumerate() {
            if index == 0 && !matches!(level, Level::Name(_)) && name.starts_with_dollar() {
                return false;
            }
            match (level, names.next()) {
                // `a/#` matches `a` too.
                (Level::MultiLevel, _) => return true,
                (Level::SingleLevel, Some(_)) => {}
                (Level::Name(wanted), Some(present)) if wanted == present => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }
}
