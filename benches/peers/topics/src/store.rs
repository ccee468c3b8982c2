//! What every contender offers, ours and theirs alike.

/// What has been found: how many, and the sum of their numbers, so that nobody can count without looking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many.
    pub hits: u64,
    /// The sum of the subscribers or values.
    pub sum: u64,
}

impl Found {
    /// One more.
    #[inline]
    pub fn push(&mut self, number: u32) {
        self.add(Self { hits: 1, sum: u64::from(number) });
    }

    /// Some more.
    #[inline]
    pub fn add(&mut self, more: Self) {
        self.hits += more.hits;
        self.sum += more.sum;
    }
}

impl Extend<u32> for Found {
    #[inline]
    fn extend<T: IntoIterator<Item = u32>>(&mut self, numbers: T) {
        numbers.into_iter().for_each(|number| self.push(number));
    }
}

impl<'n> Extend<&'n u32> for Found {
    #[inline]
    fn extend<T: IntoIterator<Item = &'n u32>>(&mut self, numbers: T) {
        self.extend(numbers.into_iter().copied());
    }
}

impl<'m> Extend<&'m Member> for Found {
    #[inline]
    fn extend<T: IntoIterator<Item = &'m Member>>(&mut self, members: T) {
        self.extend(members.into_iter().map(|(subscriber, _)| subscriber));
    }
}

/// What is stored with a filter, where a library lets its user say what: the subscriber, and a value of one byte.
pub type Member = (u32, u8);

/// Subscriptions of many subscribers.
pub trait Store: Sized + 'static {
    /// As it is published.
    const NAME: &'static str;
    /// Whether `matches` tells what it has found.
    const TELLS: bool = true;
    /// A Topic Name in the type the library takes.
    type Name;

    /// An empty store.
    fn new() -> Self;

    /// A valid Topic Name.
    fn name(text: &str) -> Self::Name;

    /// Subscribes a subscriber who has not got this filter. `false`: the library cannot.
    fn insert(&mut self, filter: &str, subscriber: u32) -> bool;

    /// Ends a subscription that there is.
    fn remove(&mut self, filter: &str, subscriber: u32);

    /// Everybody who is subscribed to `name`.
    fn matches(&mut self, name: &Self::Name, found: &mut Found);

    /// The same, for a check, where `matches` does not tell.
    fn check(&mut self, name: &Self::Name, found: &mut Found) {
        self.matches(name, found);
    }
}

/// Retained messages.
pub trait Retained: Sized + 'static {
    /// As it is published.
    const NAME: &'static str;
    /// A Topic Name or Topic Filter in the type the library takes.
    type Query;

    /// An empty store.
    fn new() -> Self;

    /// A valid Topic Name or Topic Filter. `None`: the library cannot look for it.
    fn query(text: &str) -> Option<Self::Query>;

    /// Retains a value.
    fn insert(&mut self, name: &str, value: u32);

    /// All values that match.
    fn matches(&self, query: &Self::Query, found: &mut Found);
}

/// One Topic Filter against one Topic Name.
pub trait Single: 'static {
    /// As it is published.
    const NAME: &'static str;
    /// In the type the library takes.
    type Filter;
    /// In the type the library takes.
    type Name;
    /// Makes of a received Topic Name what the library takes, for a moment; `None`: it takes text as it is.
    const PARSE: Option<fn(&str)>;

    /// A valid Topic Filter. `None`: the library cannot match it.
    fn filter(text: &str) -> Option<Self::Filter>;

    /// A valid Topic Name.
    fn name(text: &str) -> Self::Name;

    /// Whether the filter matches the name.
    fn matches(filter: &Self::Filter, name: &Self::Name) -> bool;
}
