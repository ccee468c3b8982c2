//! Why text is no Topic Name, Topic Filter or Share Name.

use core::fmt;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $clause:literal;)+) => {
        /// The rule that a text breaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum InvalidTopicKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl InvalidTopicKind {
            /// The numbered statement of MQTT 5.0 behind the rule.
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$variant => $clause,)+ }
            }
        }

        impl fmt::Display for InvalidTopicKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }
    };
}

kinds! {
    /// The text has no character.
    Empty = "the text is empty", "MQTT-4.7.3-1";
    /// The text has more than 65,535 bytes.
    TooLong = "the text is longer than 65,535 bytes", "MQTT-4.7.3-3";
    /// The bytes are no well-formed UTF-8.
    NotUtf8 = "the text is not UTF-8", "MQTT-1.5.4-1";
    /// The text contains U+0000.
    Nul = "the text contains U+0000", "MQTT-4.7.3-2";
    /// A Topic Name contains `+` or `#`.
    WildcardInName = "a Topic Name contains a wildcard", "MQTT-4.7.0-1";
    /// `#` is not the last level of a Topic Filter.
    MultiLevelNotLast = "# is not the last level", "MQTT-4.7.1-1";
    /// `#` shares its level with other characters.
    MultiLevelNotAlone = "# does not fill its level", "MQTT-4.7.1-1";
    /// `+` shares its level with other characters.
    SingleLevelNotAlone = "+ does not fill its level", "MQTT-4.7.1-2";
    /// A Share Name has no character.
    ShareNameEmpty = "the Share Name is empty", "MQTT-4.8.2-1";
    /// A Share Name contains `/`, `+` or `#`.
    ShareNameCharacter = "the Share Name contains /, + or #", "MQTT-4.8.2-2";
    /// A Shared Subscription ends with its Share Name.
    ShareWithoutFilter = "the Shared Subscription has no Topic Filter", "MQTT-4.8.2-2";
}

/// A text that is no valid Topic Name, Topic Filter, Share Name or Shared Subscription: why, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {at} [{}]", .kind.clause())]
pub struct InvalidTopic {
    kind: InvalidTopicKind,
    at: usize,
}

impl InvalidTopic {
    pub(crate) const fn new(kind: InvalidTopicKind, at: usize) -> Self {
        Self { kind, at }
    }

    /// The same fault in a longer text that has `offset` bytes in front.
    pub(crate) const fn shifted(self, offset: usize) -> Self {
        Self { at: self.at + offset, ..self }
    }

    /// The rule that is broken.
    pub const fn kind(&self) -> InvalidTopicKind {
        self.kind
    }

    /// Where in the text, in bytes.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The numbered statement of MQTT 5.0 behind the rule.
    pub const fn clause(&self) -> &'static str {
        self.kind.clause()
    }
}
