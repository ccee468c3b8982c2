//! What applications ask their machines for.

use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::BytesMut;
use mqtt_session::codec::{
    DisconnectReason, ProtocolVersion, PublishReason, QoS, RetainHandling, SubscriptionOptions,
};
use mqtt_session::{
    ConnectOptions, DisconnectRequest, Message, RejectReason, SubscribeRequest, UnsubscribeRequest, Will,
};

use super::super::choices::Random;
use super::super::link::{Character, Pipe};
use super::super::plan::{FILTERS, SHARED_FILTER, TOPICS, WILL_TOPIC};
use super::super::wire::payload;
use super::super::{Violation, check};
use super::{Ack, Link, World};

impl World {
    pub(super) fn publish(
        &mut self,
        client: usize,
        topic: u8,
        qos: QoS,
        retain: bool,
        expiry: Option<u32>,
        size: usize,
    ) -> Result<(), Violation> {
        let now = self.now();
        let host = &mut self.hosts[client];
        let is_v5 = host.plan.version == ProtocolVersion::V5_0;
        // In 3.x a Client cannot know what is too large for its Server, and its user has to.
        let size = if is_v5 { size } else { size.min(self.broker_plan.packet_size as usize - 60) };
        // Only 5.0 carries it, and what the Server does not know it does not count down.
        let expiry = expiry.filter(|_| is_v5);
        let number = self.model.next_number();
        let mut message = message(topic, qos, number, size)?.with_retain(retain);
        if let Some(expiry) = expiry {
            message = message.with_expiry(expiry);
        }
        self.inputs += 1;
        let queued = host.client.queued();
        let what = ("publish", now, (topic, qos, retain, expiry, size, number));
        let machine = host.client.give(what);
        let published = match number % 3 {
            0 => machine.publish_ref(now, &message),
            1 => machine.publish_shared(now, &Arc::new(message)),
            _ => machine.publish(now, message).map_err(|rejected| rejected.reason),
        };
        match published {
            Ok(token) => {
                self.model.make(Some(client), topic, qos, retain, size, expiry);
                self.model.took(client, token, number)
            }
            Err(reason) => {
                let is_fair = match reason {
                    RejectReason::QueueFull => {
                        queued >= host.plan.queued_messages || host.plan.queued_bytes < 10_000
                    }
                    RejectReason::PacketTooLarge => size + 60 > self.broker_plan.packet_size as usize,
                    _ => false,
                };
                check(is_fair, || format!("C{client} does not take a message: {reason}"))
            }
        }
    }

    pub(super) fn subscribe(
        &mut self,
        client: usize,
        filter: u8,
        qos: QoS,
        no_local: bool,
        retained: bool,
    ) -> Result<(), Violation> {
        let now = self.now();
        let version = self.hosts[client].plan.version;
        let is_shared = filter == SHARED_FILTER;
        if is_shared && version != ProtocolVersion::V5_0 {
            return Ok(());
        }
        let filter = FILTERS[usize::from(filter)];
        // 3.x has no options.
        let options = if version == ProtocolVersion::V5_0 {
            let retain_handling =
                if retained { RetainHandling::SendAtSubscribe } else { RetainHandling::DoNotSend };
            let no_local = no_local && !is_shared;
            SubscriptionOptions { qos, no_local, retain_handling, ..SubscriptionOptions::default() }
        } else {
            SubscriptionOptions::from(qos)
        };
        let request = SubscribeRequest::new([(filter, options)])
            .map_err(|error| Violation::new(format!("{filter} is refused: {error}")))?;
        self.inputs += 1;
        match self.hosts[client].client.subscribe(now, request) {
            Ok(token) => self.model.asked(client, token, true),
            Err(rejected) => check_request(client, rejected.reason),
        }
    }

    pub(super) fn unsubscribe(&mut self, client: usize, filter: u8) -> Result<(), Violation> {
        let now = self.now();
        let host = &mut self.hosts[client];
        if filter == SHARED_FILTER && host.plan.version != ProtocolVersion::V5_0 {
            return Ok(());
        }
        let filter = FILTERS[usize::from(filter)];
        let request = UnsubscribeRequest::new([filter])
            .map_err(|error| Violation::new(format!("{filter} is refused: {error}")))?;
        self.inputs += 1;
        match host.client.unsubscribe(now, request) {
            Ok(token) => self.model.asked(client, token, false),
            Err(rejected) => check_request(client, rejected.reason),
        }
    }

    pub(super) fn acknowledge(&mut self, client: usize, pick: usize, refuse: bool) -> Result<(), Violation> {
        let now = self.now();
        let host = &mut self.hosts[client];
        if host.acks.is_empty() {
            return Ok(());
        }
        let Ack { token, wire, id, number } = host.acks.swap_remove(pick % host.acks.len());
        let is_current = host.client.limits().is_some() && host.link == Some(wire);
        let reason = if refuse { PublishReason::QuotaExceeded } else { PublishReason::Success };
        self.inputs += 1;
        let acknowledged = host.client.acknowledge_with(now, token, reason);
        check(acknowledged.is_ok() == is_current, || {
            format!("C{client} acknowledges #{number}: {acknowledged:?}")
        })?;
        if acknowledged.is_ok() {
            self.model.acknowledged(client, wire, id, number, refuse);
        }
        Ok(())
    }

    /// A Client connects, if it has no connection.
    pub fn connect(&mut self, client: usize, clean_start: bool) -> Result<(), Violation> {
        let now = self.now();
        let host = &mut self.hosts[client];
        if host.link.is_some() {
            return Ok(());
        }
        let plan = host.plan;
        let clean_start = clean_start || plan.clean_start || std::mem::take(&mut host.must_clean);
        let will = plan.will.map(|qos| (qos, self.model.make(Some(client), WILL_TOPIC, qos, false, 8, None)));
        let options = ConnectOptions {
            client_id: format!("C{client}"),
            clean_start,
            keep_alive: plan.keep_alive,
            session_expiry_interval: plan.session_expiry,
            receive_maximum: NonZeroU16::new(plan.receive_maximum).unwrap_or(NonZeroU16::MIN),
            maximum_packet_size: plan.packet_size,
            topic_alias_maximum: plan.topic_alias_maximum,
            will: match will {
                Some((qos, number)) => Some(Will::new(message(WILL_TOPIC, qos, number, 8)?)),
                None => None,
            },
            ..ConnectOptions::new(plan.version)
        };
        self.inputs += 2;
        // All else in the options is the same whenever this Client connects.
        host.client
            .give(("connect", now, client, clean_start, will))
            .connect(now, options)
            .map_err(|error| Violation::new(format!("cannot connect: {error}")))?;
        let wire = self.model.connects(client, clean_start, will.map(|(_, number)| number));
        let id = self.broker.give(("open", now, client)).open(now);
        let mut random = Random::new(self.seed ^ (wire as u64) << 32);
        let character =
            if self.is_plain { Character::PLAIN } else { Character::new(&mut random, self.has_narrow_links) };
        let pipe = |random: &mut Random| Pipe::new(character, Random::new(random.bits()));
        host.link = Some(wire);
        host.is_over = false;
        self.links.push(Link {
            client,
            id,
            number: format!("{id:?}").trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(u64::MAX),
            since: self.inputs,
            pipes: [pipe(&mut random), pipe(&mut random)],
            arrived: [BytesMut::new(), BytesMut::new()],
            is_paused: [false; 2],
            is_open: [true; 2],
            broker_writes: false,
        });
        self.live.push(wire);
        Ok(())
    }

    pub(super) fn disconnect(&mut self, client: usize, expiry: Option<u32>) {
        let now = self.now();
        self.inputs += 1;
        let host = &mut self.hosts[client];
        match expiry {
            Some(expiry) if host.client.limits().is_some() => {
                let request = DisconnectRequest {
                    session_expiry_interval: Some(expiry),
                    ..DisconnectRequest::new(DisconnectReason::NormalDisconnection)
                };
                if host.client.disconnect_with(now, &request).is_ok() {
                    self.model.prolonged(client, expiry);
                }
            }
            _ => host.client.disconnect(now, DisconnectReason::NormalDisconnection),
        }
    }

    pub(super) fn server_publish(&mut self, topic: u8, qos: QoS) -> Result<(), Violation> {
        let number = self.model.make(None, topic, qos, false, 8, None);
        let (count, is_uncertain) = self.model.route(number);
        self.inputs += 1;
        let message = message(topic, qos, number, 8)?;
        let now = self.now();
        let reached = self.broker.publish(now, &message);
        check(reached == count || is_uncertain, || {
            format!("#{number} is for {reached} Sessions instead of {count}")
        })
    }
}

/// Requests do not wait; nothing else is wrong with them.
fn check_request(client: usize, reason: RejectReason) -> Result<(), Violation> {
    let is_fair = matches!(reason, RejectReason::NotConnected | RejectReason::TooManyRequests);
    check(is_fair, || format!("C{client} cannot ask for a subscription: {reason}"))
}

fn message(topic: u8, qos: QoS, number: u32, size: usize) -> Result<Message, Violation> {
    let message = Message::new(TOPICS[usize::from(topic)], payload(number, size))
        .map_err(|error| Violation::new(format!("a topic is refused: {error}")))?;
    Ok(message.with_qos(qos))
}
