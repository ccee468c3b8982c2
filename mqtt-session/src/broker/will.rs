//! What becomes of a Will when its connection ends (section 3.1.2.5 and 3.1.3.2.2).

use core::time::Duration;

use crate::Instant;

/// How the connection of a Client with a Will ends, or what comes after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// DISCONNECT with 0x00, or any DISCONNECT of 3.x.
    Disconnect,
    /// DISCONNECT with any other reason.
    DisconnectWithWill,
    /// Everything else: the transport is gone, Keep Alive, a broken packet, the Server's will.
    Lost,
    /// A new connection of the same Client.
    TakenOver { clean_start: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WillFate {
    /// It is never published `[MQTT-3.1.2-10]`.
    Discard,
    /// It is published now.
    Publish,
    /// It is published at this time, or when the Session ends before, unless the Client comes back.
    Delay(Instant),
}

/// `delay` is the Will Delay Interval, `session_expiry` the Session Expiry Interval in force, both in seconds; 3.x has no
/// delay `[MQTT-3.1.2-8]` `[MQTT-3.1.3-9]`.
pub(super) fn will_fate(end: End, delay: u32, session_expiry: u32, now: Instant) -> WillFate {
    let waits = delay > 0 && session_expiry > 0;
    match end {
        End::Disconnect => WillFate::Discard,
        End::TakenOver { clean_start: false } if waits => WillFate::Discard,
        End::DisconnectWithWill | End::Lost if waits => {
            WillFate::Delay(now + Duration::from_secs(delay.min(session_expiry).into()))
        }
        End::DisconnectWithWill | End::Lost | End::TakenOver { .. } => WillFate::Publish,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: u32 = u32::MAX;

    #[test]
    fn complaint_20_every_row_of_the_table() {
        let now = Instant::from_millis(500);
        let delayed = |seconds: u64| WillFate::Delay(Instant::from_millis(500 + seconds * 1000));
        let rows = [
            // (end, delay, expiry) -> fate
            ((End::Disconnect, 0, 0), WillFate::Discard),
            ((End::Disconnect, 10, 100), WillFate::Discard),
            ((End::DisconnectWithWill, 0, 100), WillFate::Publish),
            ((End::DisconnectWithWill, 10, 0), WillFate::Publish),
            ((End::DisconnectWithWill, 10, 100), delayed(10)),
            ((End::DisconnectWithWill, 100, 10), delayed(10)),
            ((End::Lost, 0, 0), WillFate::Publish),
            ((End::Lost, 0, 100), WillFate::Publish),
            ((End::Lost, 10, 0), WillFate::Publish),
            ((End::Lost, 10, 100), delayed(10)),
            ((End::Lost, 100, 10), delayed(10)),
            ((End::Lost, 10, NEVER), delayed(10)),
            ((End::Lost, NEVER, NEVER), delayed(u64::from(NEVER))),
            ((End::TakenOver { clean_start: false }, 0, 0), WillFate::Publish),
            ((End::TakenOver { clean_start: false }, 0, 100), WillFate::Publish),
            ((End::TakenOver { clean_start: false }, 10, 0), WillFate::Publish),
            ((End::TakenOver { clean_start: false }, 10, 100), WillFate::Discard),
            ((End::TakenOver { clean_start: true }, 0, 0), WillFate::Publish),
            ((End::TakenOver { clean_start: true }, 0, 100), WillFate::Publish),
            ((End::TakenOver { clean_start: true }, 10, 0), WillFate::Publish),
            ((End::TakenOver { clean_start: true }, 10, 100), WillFate::Publish),
        ];
        for ((end, delay, expiry), fate) in rows {
            assert_eq!(will_fate(end, delay, expiry, now), fate, "{end:?} delay {delay} expiry {expiry}");
        }
    }
}
