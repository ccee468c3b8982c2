//! Topic Names: what a message is published to (section 4.7).

use crate::text::text_type;
use crate::{InvalidTopic, InvalidTopicKind, Text};

text_type! {
    /// A Topic Name: 1 to 65,535 bytes of UTF-8 without U+0000 and without the wildcards `+` and `#` `[MQTT-4.7.0-1]`.
    ///
    /// `S` is any storage of bytes: `&str`, `String`, `Vec<u8>`, `bytes::Bytes`, …
    ///
    /// ```
    /// use mqtt_topic::TopicName;
    ///
    /// let name = TopicName::parse("sport/tennis/player1")?;
    /// assert_eq!(name.levels().count(), 3);
    /// assert!(TopicName::parse("sport/+/player1").is_err());
    /// # Ok::<(), mqtt_topic::InvalidTopic>(())
    /// ```
    TopicName, "Topic Name"
}

impl TopicName<&[u8]> {
    #[inline]
    fn check(text: Text<'_>) -> Result<(), InvalidTopic> {
        if !text.has_wildcard() {
            return Ok(());
        }
        let at = text.as_bytes().iter().position(|byte| matches!(byte, b'+' | b'#')).unwrap_or_default();
        Err(InvalidTopic::new(InvalidTopicKind::WildcardInName, at))
    }
}

impl<S: AsRef<[u8]>> TopicName<S> {
    /// A text that has been checked before.
    pub(crate) const fn checked(text: S) -> Self {
        Self(text)
    }

    /// The levels between the separators `/`; there is one more level than separators, and levels may be empty.
    pub fn levels(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.as_bytes().split(|byte| *byte == b'/')
    }

    /// Whether the first character is `$`, which keeps the name from filters that begin with a wildcard `[MQTT-4.7.2-1]`.
    pub fn starts_with_dollar(&self) -> bool {
        self.as_bytes().first() == Some(&b'$')
    }
}
