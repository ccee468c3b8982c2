//! `mqtt-session`: two `Client`s and a `Broker`.

use benches::session;
use mqtt_codec::{ProtocolVersion, QoS};

use crate::exchange::Exchange;

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
