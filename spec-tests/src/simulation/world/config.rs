//! A plan as the machines want to be told it.

use std::num::NonZeroU16;
use std::time::Duration;

use mqtt_session::{BrokerConfig, ClientConfig};

use super::super::PINGRESP_TIMEOUT;
use super::super::plan::{BrokerPlan, ClientPlan};

pub(super) fn client_config(plan: &ClientPlan) -> ClientConfig {
    ClientConfig {
        maximum_queued_messages: plan.queued_messages,
        maximum_queued_bytes: plan.queued_bytes,
        maximum_in_flight: NonZeroU16::new(plan.in_flight).unwrap_or(NonZeroU16::MIN),
        manual_acknowledgement: plan.manual_acknowledgement,
        transmit_limit: plan.transmit_limit,
        use_topic_aliases: plan.use_topic_aliases,
        pingresp_timeout: Duration::from_millis(PINGRESP_TIMEOUT),
        durable: plan.durable,
        ..ClientConfig::default()
    }
}

pub(super) fn broker_config(plan: &BrokerPlan) -> BrokerConfig {
    BrokerConfig {
        receive_maximum: NonZeroU16::new(plan.receive_maximum).unwrap_or(NonZeroU16::MIN),
        maximum_in_flight: NonZeroU16::new(plan.in_flight).unwrap_or(NonZeroU16::MIN),
        maximum_packet_size: plan.packet_size,
        topic_alias_maximum: plan.aliases_in,
        maximum_outgoing_topic_aliases: plan.aliases_out,
        maximum_queued_messages: plan.queued_messages,
        transmit_limit: plan.transmit_limit,
        maximum_session_expiry: plan.maximum_session_expiry,
        maximum_keep_alive: NonZeroU16::new(plan.maximum_keep_alive),
        durable: plan.durable,
        tell_published: plan.tells_published(),
        ..BrokerConfig::default()
    }
}
