//! One module for each library.

use mqtt_codec::{ProtocolVersion, QoS};

use crate::exchange::{Case, add};

mod mqtt_protocol_core;
pub mod ours;
mod rumqttc;

/// Everybody on one workload.
pub fn register(cases: &mut Vec<Case>, version: ProtocolVersion, qos: QoS) {
    add::<ours::Pair>(cases, version, qos);
    add::<mqtt_protocol_core::Exchange>(cases, version, qos);
    add::<rumqttc::v4::Exchange>(cases, version, qos);
    add::<rumqttc::v5::Exchange>(cases, version, qos);
}
