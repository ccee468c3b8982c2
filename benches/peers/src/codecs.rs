//! One module for each library, and two floors.

use crate::case::Cases;

pub mod floor;
mod flowsdk;
mod mqtt5_protocol;
mod mqtt_bytes_v5;
mod mqtt_codec_kit;
mod mqtt_format;
mod mqtt_proto;
mod mqtt_protocol_core;
mod mqttbytes;
mod mqttrs;
mod ntex_mqtt;
pub mod ours;
mod rmqtt_codec;
mod rumqttc;

/// Everything that can be measured.
pub fn register(cases: &mut Cases) {
    floor::register(cases);
    ours::register(cases);
    flowsdk::register(cases);
    mqtt5_protocol::register(cases);
    mqtt_bytes_v5::register(cases);
    mqtt_codec_kit::register(cases);
    mqtt_format::register(cases);
    mqtt_proto::register(cases);
    mqtt_protocol_core::register(cases);
    mqttbytes::register(cases);
    mqttrs::register(cases);
    ntex_mqtt::register(cases);
    rmqtt_codec::register(cases);
    rumqttc::register(cases);
}
