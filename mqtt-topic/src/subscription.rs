//! What a SUBSCRIBE asks for: a Topic Filter, alone or shared (section 4.8.2). Parsed once, here.

use alloc::boxed::Box;
use core::fmt;

use crate::text::text_type;
use crate::{InvalidTopic, InvalidTopicKind, Text, TopicFilter};

text_type! {
    /// A Share Name: 1 or more characters without `/`, `+`, `#` and U+0000 `[MQTT-4.8.2-2]`.
    ShareName, "Share Name"
}

impl ShareName<&[u8]> {
    fn check(text: Text<'_>) -> Result<(), InvalidTopic> {
        match text.as_bytes().iter().position(|byte| matches!(byte, b'/' | b'+' | b'#')) {
            Some(at) => Err(InvalidTopic::new(InvalidTopicKind::ShareNameCharacter, at)),
            None => Ok(()),
        }
    }
}

/// A subscription as SUBSCRIBE and UNSUBSCRIBE name it.
///
/// ```
/// use mqtt_topic::Subscription;
///
/// let subscription = Subscription::parse("$share/workers/jobs/+")?;
/// assert_eq!(subscription.share_name().unwrap().as_str(), "workers");
/// assert_eq!(subscription.filter().as_str(), "jobs/+");
/// assert_eq!(subscription.to_string(), "$share/workers/jobs/+");
/// assert!(Subscription::parse("$share/workers").is_err());
/// # Ok::<(), mqtt_topic::InvalidTopic>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subscription<S>
where
    S: AsRef<[u8]>,
{
    /// Every subscriber gets every message.
    Ordinary(TopicFilter<S>),
    /// One member of the group gets each message.
    Shared {
        /// The name of the group.
        share_name: ShareName<S>,
        /// What the group wants.
        filter: TopicFilter<S>,
    },
}

/// What a Shared Subscription begins with `[MQTT-4.8.2-1]`.
const PREFIX: &str = "$share/";

impl<'a> Subscription<&'a [u8]> {
    /// Reads a subscription as 5.0 does: what begins with `$share/` is shared.
    ///
    /// # Errors
    /// [`InvalidTopic`] names the rule that is broken, and where.
    pub fn parse(text: &'a str) -> Result<Self, InvalidTopic> {
        Self::from_text(Text::new(text.as_bytes())?)
    }

    /// As [`parse`](Self::parse), with what a look at the text has left to check.
    ///
    /// # Errors
    /// [`InvalidTopic`] names the rule that is broken, and where.
    #[inline]
    pub fn from_text(text: Text<'a>) -> Result<Self, InvalidTopic> {
        match text.as_bytes().strip_prefix(PREFIX.as_bytes()) {
            None => TopicFilter::from_text(text).map(Self::Ordinary),
            Some(shared) => Self::shared(text, shared),
        }
    }

    /// `shared` is what follows the prefix in `text`.
    fn shared(text: Text<'a>, shared: &'a [u8]) -> Result<Self, InvalidTopic> {
        let len = text.as_bytes().len();
        if len > crate::MAXIMUM_LENGTH {
            return Err(InvalidTopic::new(InvalidTopicKind::TooLong, crate::MAXIMUM_LENGTH));
        }
        let mut parts = shared.splitn(2, |byte| *byte == b'/');
        let (Some(share_name), Some(filter)) = (parts.next(), parts.next()) else {
            return Err(InvalidTopic::new(InvalidTopicKind::ShareWithoutFilter, len));
        };
        if share_name.is_empty() {
            return Err(InvalidTopic::new(InvalidTopicKind::ShareNameEmpty, PREFIX.len()));
        }
        let share_name = Text::part(share_name)
            .and_then(ShareName::from_text)
            .map_err(|error| error.shifted(PREFIX.len()))?;
        if filter.is_empty() {
            return Err(InvalidTopic::new(InvalidTopicKind::ShareWithoutFilter, len));
        }
        let filter = Text::part(filter)
            .and_then(TopicFilter::from_text)
            .map_err(|error| error.shifted(len - filter.len()))?;
        Ok(Self::Shared { share_name, filter })
    }

    /// Reads a subscription as 3.x does, which knows no Shared Subscriptions.
    ///
    /// # Errors
    /// [`InvalidTopic`] names the rule that is broken, and where.
    pub fn ordinary(text: &'a str) -> Result<Self, InvalidTopic> {
        TopicFilter::parse(text).map(Self::Ordinary)
    }
}

impl<S: AsRef<[u8]>> Subscription<S> {
    /// Which messages are wanted.
    pub const fn filter(&self) -> &TopicFilter<S> {
        match self {
            Self::Ordinary(filter) | Self::Shared { filter, .. } => filter,
        }
    }

    /// The group, if the subscription is shared.
    pub const fn share_name(&self) -> Option<&ShareName<S>> {
        match self {
            Self::Ordinary(_) => None,
            Self::Shared { share_name, .. } => Some(share_name),
        }
    }

    /// The same subscription, borrowed.
    pub fn borrowed(&self) -> Subscription<&[u8]> {
        match self {
            Self::Ordinary(filter) => Subscription::Ordinary(filter.borrowed()),
            Self::Shared { share_name, filter } => {
                Subscription::Shared { share_name: share_name.borrowed(), filter: filter.borrowed() }
            }
        }
    }

    /// The same subscription in allocations of its own.
    pub fn boxed(&self) -> Subscription<Box<[u8]>> {
        match self {
            Self::Ordinary(filter) => Subscription::Ordinary(filter.boxed()),
            Self::Shared { share_name, filter } => {
                Subscription::Shared { share_name: share_name.boxed(), filter: filter.boxed() }
            }
        }
    }

    /// The same subscription in other storage. `store` must keep the text; `None` when it does not.
    pub fn map_storage<T: AsRef<[u8]>>(&self, mut store: impl FnMut(&[u8]) -> T) -> Option<Subscription<T>> {
        Some(match self {
            Self::Ordinary(filter) => Subscription::Ordinary(filter.with_storage(store(filter.as_bytes()))?),
            Self::Shared { share_name, filter } => Subscription::Shared {
                share_name: share_name.with_storage(store(share_name.as_bytes()))?,
                filter: filter.with_storage(store(filter.as_bytes()))?,
            },
        })
    }
}

impl<S: AsRef<[u8]>> fmt::Display for Subscription<S> {
    /// The text as SUBSCRIBE carries it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(share_name) = self.share_name() {
            write!(f, "{PREFIX}{share_name}/")?;
        }
        self.filter().fmt(f)
    }
}
