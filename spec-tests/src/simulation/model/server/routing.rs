//! A message is taken over, and goes to all who want it.

use mqtt_session::codec::{Delivery, QoS};

use super::super::Model;
use super::{Due, Server, Shared};
use crate::simulation::Violation;
use crate::simulation::plan::{Direction, MATCHES, SHARED_FILTER, SHARED_TOPIC};
use crate::simulation::wire::Answer;

impl Model {
    /// The Server has received a PUBLISH.
    pub(super) fn server_took(&mut self, wire: usize, number: u32, delivery: Delivery, expiry: Option<u32>) {
        let client = self.wires[wire].client;
        if let Some(id) = delivery.packet_id().map(mqtt_session::codec::PacketId::get) {
            let answer = Answer { id, number, qos: delivery.qos(), is_ready: true };
            self.wires[wire].ways[Direction::Up as usize].answers.push_back(answer);
            let accepted = &mut self.server.sessions[client].accepted;
            if delivery.qos() == QoS::ExactlyOnce {
                if accepted.contains(&id) {
                    return;
                }
                accepted.push(id);
            }
        }
        self.server.routing[number as usize].expires_at =
            expiry.map(|seconds| self.now + u64::from(seconds) * 1_000);
        self.takes_over(number);
    }

    /// A message of a Client goes to all who want it.
    pub(super) fn takes_over(&mut self, number: u32) {
        if self.broker.tells_published() {
            self.count_untold(number, 1);
        }
        self.route(number);
    }

    /// The broker tells that it has taken a message over.
    pub fn server_tells(&mut self, number: u32) {
        self.count_untold(number, -1);
    }

    fn count_untold(&mut self, number: u32, more: i32) {
        let count = self.untold.entry(number).or_default();
        *count += more;
        if *count == 0 {
            self.untold.remove(&number);
        }
    }

    /// The broker has nothing more to say.
    pub fn check_told(&self) -> Result<(), Violation> {
        let wrong = self.untold.first_key_value();
        wrong.map_or(Ok(()), |(number, count)| {
            Err(Violation::new(format!("#{number} is taken over {count} times more than it is told")))
        })
    }

    /// A message goes to all who want it: how many Sessions these are, and whether some of them may be gone.
    pub fn route(&mut self, number: u32) -> (usize, bool) {
        let Self { publications, server, wires, now, .. } = self;
        let Server { sessions, retained, shared, ticks, routing, .. } = server;
        let publication = &publications[number as usize];
        routing[number as usize].routed += 1;
        let topic = usize::from(publication.topic);
        if publication.retain {
            *ticks += 1;
            if let Some(before) = retained[topic].replace(number) {
                routing[before as usize].retained.1 = *ticks;
            }
            let routing = &mut routing[number as usize];
            routing.retained = (*ticks, u64::MAX);
            if routing.has_expired(*now) {
                // It takes the place of the one before and is gone.
                retained[topic] = None;
                routing.retained = (*ticks, *ticks);
            }
        }
        let routing = &mut routing[number as usize];
        let (mut count, mut members, mut is_uncertain) = (0, 0, false);
        for (client, session) in sessions.iter_mut().enumerate() {
            if !session.exists {
                continue;
            }
            let is_alive = session.is_alive(*now);
            if publication.topic == SHARED_TOPIC {
                if let Some(subscribed) = session.subscribed(SHARED_FILTER) {
                    members += 1;
                    is_uncertain |= subscribed.qos == QoS::AtMostOnce || !is_alive;
                }
                continue;
            }
            let matching = session.subscriptions.iter().filter(|subscribed| {
                MATCHES[usize::from(subscribed.filter)][topic]
                    && !(subscribed.no_local && publication.publisher == Some(client))
            });
            let Some(granted) = matching.map(|subscribed| subscribed.qos).max() else { continue };
            count += 1;
            is_uncertain |= !is_alive;
            let qos = granted.min(publication.qos);
            if qos == QoS::AtMostOnce {
                if let Some(wire) = session.connection {
                    wires[wire].lossy.push_back(number);
                }
                continue;
            }
            session.due.push_back(Due { number, qos, expires_at: routing.expires_at });
            routing.copy(client, session.era, qos, true);
        }
        if members > 0 {
            shared.push(Shared { number, started: 0, is_bound: false, is_uncertain });
        }
        // A QoS 0 message is for nobody when no member is connected.
        (count + usize::from(members > 0), is_uncertain || members > 0)
    }
}
