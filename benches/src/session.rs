//! Messages from Client to Client through a broker, without I/O: the workloads of `session` and `instructions.sh`.

mod alone;
mod arrivals;
mod fan;
mod pair;

use std::sync::Arc;

use bytes::Bytes;
use mqtt_codec::QoS;
use mqtt_session::Message;

pub use self::alone::Alone;
pub use self::fan::Fan;
pub use self::pair::Pair;

/// Where the messages go.
pub const TOPIC: &str = "sensors/eu/0001/temp";

/// How many messages are given to the Client before anything moves: less than any of the participants has under way at a
/// time.
pub const BATCH: usize = 16;

/// The QoS that a number names.
pub fn qos(number: &str) -> Option<QoS> {
    number.parse().ok().and_then(QoS::from_bits)
}

/// The payloads of a batch: 64 bytes each, no two the same.
pub fn payloads() -> Vec<Bytes> {
    (0..BATCH).map(|index| super::payload(64 + index).split_off(index).into()).collect()
}

fn messages(qos: QoS) -> Vec<Arc<Message>> {
    let message = |payload| Arc::new(Message::new(TOPIC, payload).expect("a Topic Name").with_qos(qos));
    payloads().into_iter().map(message).collect()
}

#[cfg(test)]
mod tests {
    use mqtt_codec::ProtocolVersion::{V3_1_1, V5_0};

    use super::*;

    #[test]
    fn every_message_arrives() {
        for version in [V3_1_1, V5_0] {
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                let mut pair = Pair::new(version, qos);
                assert_eq!([pair.turn(), pair.turn()], [BATCH; 2]);
                let mut alone = Alone::new(version, qos);
                assert_eq!([alone.turn(), alone.turn()], [BATCH; 2]);
                let mut fan = Fan::new(version, qos, 3);
                assert_eq!([fan.turn(), fan.turn()], [3 * BATCH; 2]);
            }
        }
    }
}
