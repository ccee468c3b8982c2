//! Keep Alive (section 3.1.2.10), both sides. Traffic only stores a time; deadlines are computed when they are asked for.

use core::time::Duration;

use crate::Instant;

/// The Client's side: something is sent within every Keep Alive interval, and a PINGREQ is answered.
#[derive(Clone, Debug)]
pub(crate) struct Pinger {
    /// `None`: Keep Alive is off.
    interval: Option<Duration>,
    response_timeout: Duration,
    last_sent: Instant,
    /// When the PINGREQ was sent that waits for its PINGRESP.
    unanswered: Option<Instant>,
}

/// What a [`Pinger`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PingerDeadline {
    /// A PINGREQ is due at this time.
    Pingreq(Instant),
    /// PINGRESP must have arrived by this time.
    Pingresp(Instant),
}

impl Pinger {
    /// `keep_alive` is in seconds, 0: off. A PINGRESP is waited for no longer than `response_timeout` and the Keep Alive.
    pub(crate) fn new(now: Instant, keep_alive: u16, response_timeout: Duration) -> Self {
        let interval = (keep_alive != 0).then(|| Duration::from_secs(keep_alive.into()));
        // A deadline must lie in the future.
        let response_timeout = response_timeout.max(Duration::from_millis(1));
        let response_timeout = interval.map_or(response_timeout, |interval| interval.min(response_timeout));
        Self { interval, response_timeout, last_sent: now, unanswered: None }
    }

    /// A packet of any type goes out.
    pub(crate) const fn sent(&mut self, now: Instant) {
        self.last_sent = now;
    }

    /// A PINGREQ goes out.
    pub(crate) fn pingreq_sent(&mut self, now: Instant) {
        self.last_sent = now;
        self.unanswered = Some(now);
    }

    pub(crate) const fn pingresp_received(&mut self) {
        self.unanswered = None;
    }

    /// PINGREQ goes out a little before the interval is over: a second, or a quarter of it when it is shorter than four
    /// seconds `[MQTT-3.1.2-20]`.
    pub(crate) fn deadline(&self) -> Option<PingerDeadline> {
        if let Some(since) = self.unanswered {
            return Some(PingerDeadline::Pingresp(since + self.response_timeout));
        }
        let interval = self.interval?;
        let margin = Duration::from_secs(1).min(interval / 4);
        Some(PingerDeadline::Pingreq(self.last_sent + interval.saturating_sub(margin)))
    }
}

/// The Server's side: a Client is gone when nothing has come from it for one and a half Keep Alive intervals
/// `[MQTT-3.1.2-22]`.
#[derive(Clone, Debug)]
pub(crate) struct Watchdog {
    last_received: Instant,
    /// In seconds; 0: off.
    keep_alive: u16,
}

impl Watchdog {
    /// `keep_alive` is in seconds, 0: off.
    pub(crate) const fn new(now: Instant, keep_alive: u16) -> Self {
        Self { last_received: now, keep_alive }
    }

    /// A complete packet has arrived.
    pub(crate) const fn received(&mut self, now: Instant) {
        self.last_received = now;
    }

    /// When the connection has to end if nothing more arrives.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let limit = Duration::from_millis(u64::from(self.keep_alive) * 1_500);
        (self.keep_alive != 0).then(|| self.last_received + limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn any_packet_puts_the_pingreq_off() {
        let mut pinger = Pinger::new(seconds(0), 60, Duration::from_secs(10));
        assert_eq!(pinger.deadline(), Some(PingerDeadline::Pingreq(seconds(59))));
        pinger.sent(seconds(30));
        assert_eq!(pinger.deadline(), Some(PingerDeadline::Pingreq(seconds(89))));
    }

    #[test]
    fn only_pingresp_answers_a_pingreq() {
        let mut pinger = Pinger::new(seconds(0), 60, Duration::from_secs(10));
        pinger.pingreq_sent(seconds(59));
        pinger.sent(seconds(65));
        assert_eq!(pinger.deadline(), Some(PingerDeadline::Pingresp(seconds(69))));
        pinger.pingresp_received();
        assert_eq!(pinger.deadline(), Some(PingerDeadline::Pingreq(seconds(124))));
    }

    #[test]
    fn a_short_keep_alive_is_kept_too() {
        let mut pinger = Pinger::new(seconds(0), 1, Duration::from_secs(10));
        assert_eq!(pinger.deadline(), Some(PingerDeadline::Pingreq(Instant::from_millis(750))));
        pinger.pingreq_sent(seconds(1));
        assert_eq!(pinger.deadline(), Some(PingerDeadline::Pingresp(seconds(2))));
    }

    #[test]
    fn zero_turns_it_off() {
        assert_eq!(Pinger::new(seconds(0), 0, Duration::from_secs(10)).deadline(), None);
        assert_eq!(Watchdog::new(seconds(0), 0).deadline(), None);
    }

    #[test]
    fn the_server_waits_one_and_a_half_intervals() {
        let mut watchdog = Watchdog::new(seconds(0), 5);
        assert_eq!(watchdog.deadline(), Some(Instant::from_millis(7_500)));
        watchdog.received(seconds(5));
        assert_eq!(watchdog.deadline(), Some(Instant::from_millis(12_500)));
    }
}
