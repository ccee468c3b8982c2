//! One module for each library.

use mqtt_codec::{ProtocolVersion, QoS};

use crate::exchange::{Case, Way, add};

mod mqtt_protocol_core;
pub mod ours;
mod rumqttc;

/// Everybody on one workload, both ways.
pub fn register(cases: &mut Vec<Case>, version: ProtocolVersion, qos: QoS) {
    add::<ours::Alone>(cases, Way::ToServer, version, qos);
    add::<mqtt_protocol_core::Alone>(cases, Way::ToServer, version, qos);
    add::<rumqttc::v4::Alone>(cases, Way::ToServer, version, qos);
    add::<rumqttc::v5::Alone>(cases, Way::ToServer, version, qos);
    add::<ours::Pair>(cases, Way::ToClient, version, qos);
    add::<mqtt_protocol_core::Exchange>(cases, Way::ToClient, version, qos);
    add::<rumqttc::v4::Exchange>(cases, Way::ToClient, version, qos);
    add::<rumqttc::v5::Exchange>(cases, Way::ToClient, version, qos);
}
