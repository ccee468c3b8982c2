//! What a tree refuses.

use core::fmt;

/// How a [`SubscriptionTree`](crate::SubscriptionTree) is made, and what it refuses.
///
/// ```
/// use mqtt_topic::{Subscription, SubscriptionTree, TreeConfig, TreeLimit};
///
/// let config = TreeConfig { seed: 0x1234_5678_9ABC_DEF0, maximum_levels: 3, ..TreeConfig::default() };
/// let mut tree = SubscriptionTree::with_config(config);
/// assert_eq!(tree.insert(&Subscription::parse("a/+/#")?, 1, "x"), Ok(None));
/// let refused = tree.insert(&Subscription::parse("a/+/+/#")?, 1, "y").unwrap_err();
/// assert_eq!((refused.limit, refused.value), (TreeLimit::Levels, "y"));
/// # Ok::<(), mqtt_topic::InvalidTopic>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeConfig {
    /// The key of all hashes. Take a random one where strangers choose topics: whoever knows it can choose levels that collide.
    /// What the tree answers does not depend on it, nor does the order. A fixed number.
    pub seed: u64,
    /// Keep the filters without wildcards in a table of their own: they are found as fast as in a map, and take some 30
    /// bytes more. On.
    pub exact_table: bool,
    /// Levels of a Topic Filter. 65,536: any.
    pub maximum_levels: usize,
    /// Subscriptions of all subscribers. `usize::MAX`; there is room for 1,073,741,822.
    pub maximum_subscriptions: usize,
    /// Subscriptions of one subscriber. `usize::MAX`.
    pub maximum_per_subscriber: usize,
}

impl Default for TreeConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            exact_table: true,
            maximum_levels: crate::MAXIMUM_LENGTH + 1,
            maximum_subscriptions: usize::MAX,
            maximum_per_subscriber: usize::MAX,
        }
    }
}

/// The limit of a [`TreeConfig`] that a subscription is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TreeLimit {
    /// The Topic Filter has too many levels.
    Levels,
    /// There are too many subscriptions, or no numbers are left for one.
    Subscriptions,
    /// The subscriber has too many subscriptions.
    PerSubscriber,
}

impl fmt::Display for TreeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Levels => "the Topic Filter has too many levels",
            Self::Subscriptions => "there are too many subscriptions",
            Self::PerSubscriber => "the subscriber has too many subscriptions",
        })
    }
}
