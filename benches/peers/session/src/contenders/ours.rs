//! `mqtt-session`: two `Client`s and a `Broker`.

use benches::session;
use mqtt_codec::{ProtocolVersion, QoS};

use crate::exchange::Exchange;

/// One Client, and a broker in which nobody has subscribed.
pub struct Alone(session::Alone);

impl Exchange for Alone {
    const NAME: &'static str = Pair::NAME;

    fn new(version: ProtocolVersion, qos: QoS) -> Option<Self> {
        Some(Self(session::Alone::new(version, qos)))
    }

    fn turn(&mut self) -> usize {
        self.0.turn()
    }
}

/// Two Clients and a broker.
pub struct Pair(session::Pair);

impl Exchange for Pair {
    const NAME: &'static str = "mqtt-session";

    fn new(version: ProtocolVersion, qos: QoS) -> Option<Self> {
        Some(Self(session::Pair::new(version, qos)))
    }

    fn turn(&mut self) -> usize {
        self.0.turn()
    }
}
