//! How far a search with a budget has come.

/// What [`Matches::next_within`](crate::Matches::next_within) and [`RetainedMatches::next_within`](crate::RetainedMatches::next_within) have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchStep<T> {
    /// The next match.
    Found(T),
    /// The budget is used up, and there may be more.
    OutOfBudget,
    /// There is no more.
    Done,
}
