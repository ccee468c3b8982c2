//! The delivery protocol (section 4.3), the same for Client and Server.
//!
//! ```text
//! QoS 1   Sender                     Receiver
//!         start      ── PUBLISH ──►  publish → Deliver
//!         AwaitPuback                answer, next_answer
//!         puback     ◄── PUBACK ──
//!
//! QoS 2   start      ── PUBLISH ──►  publish → Deliver
//!         AwaitPubrec                answer: identifier kept
//!         pubrec     ◄── PUBREC ──   next_answer
//!           message given up
//!         AwaitPubcomp
//!                    ── PUBREL ──►   pubrel: identifier forgotten
//!         pubcomp    ◄── PUBCOMP ──
//! ```
//!
//! What may never happen:
//! - A message is sent again after its PUBREC: the message is not there any more.
//! - A QoS 2 message is delivered twice after it was answered: its identifier is kept until PUBREL.
//! - An acknowledgement nobody waits for ends a connection: every function here is total.
//! - Anything is sent again while a connection lasts: `resume`, once for each connection, is the only way
//!   `[MQTT-4.4.0-1]`.
//!
//! Both halves outlive connections. An *epoch* is the time of one connection; `resume` begins it.

mod receiver;
mod sender;

use mqtt_codec::{Delivery, PacketId, QoS};

pub use self::receiver::{AckToken, StaleToken};
pub(crate) use self::receiver::{Answer, Incoming, Receiver};
pub(crate) use self::sender::{Acknowledged, Resend, Sender};

/// How a message of this QoS is sent for the first time.
pub(crate) const fn first_delivery(qos: QoS, packet_id: PacketId) -> Delivery {
    match qos {
        QoS::AtMostOnce => Delivery::AtMostOnce,
        QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id, dup: false },
        QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup: false },
    }
}
