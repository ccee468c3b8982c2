//! The clock of the caller.

use core::ops::Add;
use core::time::Duration;

/// A point in time: milliseconds since an epoch of the caller's choice.
///
/// Time is an argument of every call that needs it. The caller's clock must be monotonic and must include the time a
/// machine is suspended (`CLOCK_BOOTTIME`, not `CLOCK_MONOTONIC`, on Linux): Keep Alive and expiry go on while it sleeps.
///
/// ```
/// use core::time::Duration;
/// use mqtt_session::Instant;
///
/// let start = Instant::from_millis(500);
/// let later = start + Duration::from_secs(2);
/// assert_eq!(later.as_millis(), 2_500);
/// assert_eq!(later.duration_since(start), Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The instant `duration` later, in whole milliseconds; `None` when it cannot be expressed.
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        u64::try_from(duration.as_millis()).ok().and_then(|millis| self.0.checked_add(millis)).map(Self)
    }

    /// The instant `duration` later, in whole milliseconds; the last one there is when it cannot be expressed.
    pub fn saturating_add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self(u64::MAX))
    }

    /// How long after `earlier` this is; zero when it is not later.
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// As [`saturating_add`](Self::saturating_add).
    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let last = Instant::from_millis(u64::MAX);
        assert_eq!(last.checked_add(Duration::from_millis(1)), None);
        assert_eq!(last + Duration::MAX, last);
        assert_eq!(Instant::from_millis(5).duration_since(Instant::from_millis(9)), Duration::ZERO);
        // What is shorter than a millisecond does not count.
        assert_eq!(Instant::from_millis(5) + Duration::from_micros(999), Instant::from_millis(5));
    }
}
