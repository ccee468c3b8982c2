//! What a script needs of the world: lines, bytes and time.

use core::fmt;
use core::time::Duration;

use bytes::BytesMut;
use mqtt_session::BrokerConfig;

/// A Network Connection between the script and what it tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line(pub usize);

/// What came on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Bytes, which have been appended.
    Bytes,
    /// The other side has closed; nothing comes any more.
    Closed,
    /// Nothing in the time given.
    Nothing,
}

/// Lines that exist, and time.
pub trait Network: fmt::Debug {
    /// Sends bytes. That the other side has closed shows when something is received.
    fn send(&mut self, line: Line, bytes: &[u8]);

    /// Appends what comes on a line, waiting for it up to `within`.
    fn receive(&mut self, line: Line, input: &mut BytesMut, within: Duration) -> Arrival;

    /// Ends a line from the side of the script, as a network failure does.
    fn cut(&mut self, line: Line);

    /// Lets time pass.
    fn wait(&mut self, duration: Duration);

    /// How long to wait for what must come at once.
    fn patience(&self) -> Duration;
}

/// A Server to connect to.
pub trait Server: Network {
    /// A new line.
    fn open(&mut self) -> Line;

    /// Whether its configuration can be chosen.
    fn is_configurable(&self) -> bool {
        false
    }

    /// Changes the configuration, before the first line, where that can be done.
    fn configure(&mut self, change: &dyn Fn(&mut BrokerConfig)) {
        let _ = change;
    }

    /// Whether it goes by [`Rules`](super::Rules), which refuse what their documentation says.
    fn has_rules(&self) -> bool {
        false
    }
}
