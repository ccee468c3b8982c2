//! Nanoseconds.

use std::time::{Duration, Instant};

/// How long `work` takes.
pub fn time(work: &mut dyn FnMut()) -> Duration {
    let start = now();
    work();
    start.elapsed()
}

/// How long it takes to read the clock.
pub fn overhead() -> Duration {
    (0..10_000).map(|_| time(&mut || ())).min().unwrap_or_default()
}

/// The clock.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}
