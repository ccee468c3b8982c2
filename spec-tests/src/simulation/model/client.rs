//! The Clients' side of the model: what an application asks for, and what it is told.

use std::collections::VecDeque;

use mqtt_session::codec::{DisconnectReason, ProtocolVersion, PublishReason, QoS, SubackReason};
use mqtt_session::{
    Disconnected, Event, PublishOutcome, PublishToken, RejectReason, RequestToken, SubscribeOutcome,
    UnsubscribeOutcome, Violation as ServerViolation,
};

use super::super::exchange::{Acknowledged, Exchanges, Published};
use super::super::plan::{ClientPlan, Direction};
use super::super::wire::{Answer, Fact, Wire, number};
use super::super::{Violation, check};
use super::{Expected, Kept, Model, Party, Received};

impl Party {
    pub(super) fn new(plan: ClientPlan) -> Self {
        Self {
            plan,
            exchanges: Exchanges::new(),
            accepted: Vec::new(),
            expected: VecDeque::new(),
            wire: None,
            session_present: None,
            is_connected: false,
            expiry: 0,
            state: 0,
            is_losing: false,
            was_told_of_loss: false,
            tokens: Vec::new(),
            requests: Vec::new(),
            last_started: None,
            is_void: false,
            kept: VecDeque::new(),
            stored: Kept::default(),
            uncommitted: Vec::new(),
            has_crashed: false,
        }
    }

    /// The Session Expiry Interval of its connections, in seconds.
    pub const fn session_expiry(&self, clean_start: bool) -> u32 {
        match self.plan.version {
            ProtocolVersion::V5_0 => self.plan.session_expiry,
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 if clean_start => 0,
            ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => u32::MAX,
        }
    }

    /// A PUBLISH of QoS 1 or 2 is sent. `true`: for the first time.
    fn publishes(&mut self, published: Published) -> Result<bool, Violation> {
        let is_first = self.exchanges.publish(published, self.plan.durable)?;
        // A Client says itself what it gives up.
        self.exchanges.take_given_up();
        Ok(is_first)
    }

    /// A PUBREL is sent.
    fn releases(&mut self, id: u16, wire: usize, answers: bool) -> Result<(), Violation> {
        if self.plan.durable
            && !answers
            && !self.exchanges.uses(id)
            && let Some(number) = self.exchanges.next_unseen()
        {
            self.exchanges.held_back(id, number, wire as u32);
        }
        self.exchanges.pubrel(id, wire as u32, answers)?;
        self.exchanges.take_given_up();
        Ok(())
    }

    /// The Client gives its Session State up.
    /// `state` is the number of the next.
    fn loses(&mut self, state: u32) {
        self.state = state;
        self.is_losing = true;
        self.accepted.clear();
    }
}

impl Model {
    /// A Client connects; the number of the connection.
    pub fn connects(&mut self, client: usize, clean_start: bool, will: Option<u32>) -> usize {
        let limits = self.limits(client);
        let party = &mut self.parties[client];
        if clean_start {
            self.states += 1;
            party.loses(self.states);
        }
        party.session_present = None;
        party.is_connected = false;
        party.expiry = party.session_expiry(clean_start).min(self.broker.maximum_session_expiry);
        if party.plan.version != ProtocolVersion::V5_0 {
            party.expiry = party.session_expiry(clean_start);
        }
        let keep_alive = match (party.plan.keep_alive, self.broker.maximum_keep_alive) {
            (asked, 0) => asked,
            (asked, _) if party.plan.version != ProtocolVersion::V5_0 => asked,
            (0, maximum) => maximum,
            (asked, maximum) => asked.min(maximum),
        };
        party.wire = Some(self.wires.len());
        self.wires.push(Wire {
            clean_start,
            will,
            expiry: party.session_expiry(clean_start),
            state: party.state,
            keep_alive,
            heard_at: self.now,
            ..Wire::new(client, party.plan.version, limits)
        });
        self.wires.len() - 1
    }

    /// The Client has taken a message.
    pub fn took(&mut self, client: usize, token: PublishToken, number: u32) -> Result<(), Violation> {
        let tokens = &mut self.parties[client].tokens;
        check(tokens.iter().all(|(known, _)| *known != token), || "a token is given twice")?;
        tokens.push((token, number));
        Ok(())
    }

    /// The Client has taken a SUBSCRIBE, or an UNSUBSCRIBE.
    pub fn asked(&mut self, client: usize, token: RequestToken, is_subscribe: bool) -> Result<(), Violation> {
        let requests = &mut self.parties[client].requests;
        check(requests.iter().all(|(known, _)| *known != token), || "a token is given twice")?;
        requests.push((token, is_subscribe));
        Ok(())
    }

    /// The application has acknowledged a message.
    pub fn acknowledged(&mut self, client: usize, wire: usize, id: u16, number: u32, is_refused: bool) {
        let is_refused = is_refused && self.wires[wire].version == ProtocolVersion::V5_0;
        let Some(answer) =
            self.wires[wire].ways[Direction::Down as usize].answers.iter_mut().find(|answer| answer.id == id)
        else {
            return;
        };
        answer.is_ready = true;
        let received = &mut self.publications[number as usize].received[client];
        if is_refused {
            received.is_refused = true;
        } else if answer.qos == QoS::ExactlyOnce {
            received.accepted += 1;
            let party = &mut self.parties[client];
            party.accepted.push(id);
            party.uncommitted.push((number, received.era));
        }
    }

    /// The Client has asked for another Session Expiry Interval in DISCONNECT.
    pub fn prolonged(&mut self, client: usize, expiry: u32) {
        self.parties[client].expiry = expiry;
    }

    /// A PINGREQ of the Client is due.
    pub fn pings(&mut self, client: usize) {
        if let Some(wire) = self.parties[client].wire {
            self.wires[wire].ping_at = self.now;
        }
    }

    /// The Client has written a packet.
    pub(super) fn client_sent(&mut self, wire: usize, fact: Fact) -> Result<(), Violation> {
        let client = self.wires[wire].client;
        let is_first = !std::mem::replace(&mut self.wires[wire].has_begun, true);
        check(is_first == (fact == Fact::Connect), || "CONNECT is not the first packet, or comes twice")?;
        match fact {
            Fact::Publish { number, topic, delivery, retain, .. } => {
                let publication = &self.publications[number as usize];
                check(publication.topic == topic, || format!("#{number} with the topic of another"))?;
                check(publication.publisher == Some(client), || format!("#{number} is another Client's"))?;
                check(publication.qos == delivery.qos(), || format!("#{number} with another QoS"))?;
                if let Some(published) = self.published(wire, Direction::Up, number, delivery, retain) {
                    if self.wires[wire].is_lost {
                        // It was written before the Session ended, and is read after that.
                        return Ok(());
                    }
                    check(!self.wires[wire].requests.contains(&published.id), || {
                        format!("PUBLISH id={} while a request uses this identifier", published.id)
                    })?;
                    if !self.parties[client].publishes(published)? {
                        return Ok(());
                    }
                    if published.dup {
                        // The first time was before a crash, or was held back.
                        self.publications[number as usize].is_started = true;
                        return Ok(());
                    }
                }
                let last = self.parties[client].last_started.replace(number);
                check(last.is_none_or(|last| last < number), || {
                    format!("#{number} goes out late, or twice")
                })?;
                self.publications[number as usize].is_started = true;
                Ok(())
            }
            Fact::Puback { .. } | Fact::Pubrec { .. } | Fact::Pubcomp { .. } => {
                self.answered(wire, Direction::Up, fact)
            }
            Fact::Pubrel { id } => {
                let releases = &mut self.wires[wire].ways[Direction::Up as usize].releases;
                let answers = releases.front() == Some(&id);
                if answers {
                    releases.pop_front();
                }
                if !self.wires[wire].is_lost {
                    self.parties[client].releases(id, wire, answers)?;
                }
                Ok(())
            }
            Fact::Subscribe { id, .. } | Fact::Unsubscribe { id, .. } => {
                let is_used =
                    self.parties[client].exchanges.uses(id) || self.wires[wire].requests.contains(&id);
                check(!is_used, || format!("a request with the identifier {id}, which is in use"))?;
                self.wires[wire].requests.push(id);
                Ok(())
            }
            Fact::Connect | Fact::Pingreq | Fact::Disconnect { .. } => Ok(()),
            Fact::Connack { .. } | Fact::Suback { .. } | Fact::Unsuback { .. } | Fact::Pingresp => {
                Err(Violation::new("a packet that Clients do not send"))
            }
        }
    }

    /// The Client has consumed a packet.
    pub(super) fn client_received(&mut self, wire: usize, fact: Fact) -> Result<(), Violation> {
        let client = self.wires[wire].client;
        let party = &mut self.parties[client];
        match fact {
            Fact::Connack { session_present } => {
                party.session_present = Some(session_present);
                if !session_present {
                    match party.plan.version {
                        ProtocolVersion::V3_1 => {}
                        ProtocolVersion::V3_1_1 => {
                            party.state = self.wires[wire].told_state;
                            party.accepted.clear();
                        }
                        ProtocolVersion::V5_0 => party.loses(self.wires[wire].told_state),
                    }
                }
            }
            Fact::Publish { number, delivery, retain, .. } => {
                let id = delivery.packet_id().map_or(0, mqtt_session::codec::PacketId::get);
                let qos = delivery.qos();
                let is_repeat = qos == QoS::ExactlyOnce && party.accepted.contains(&id);
                let is_automatic = !party.plan.manual_acknowledgement;
                if qos != QoS::AtMostOnce {
                    let answer = Answer { id, number, qos, is_ready: is_repeat || is_automatic };
                    self.wires[wire].ways[Direction::Down as usize].answers.push_back(answer);
                }
                if !is_repeat {
                    if qos == QoS::ExactlyOnce && is_automatic {
                        party.accepted.push(id);
                    }
                    party.expected.push_back(Expected { number, id, qos, dup: delivery.dup(), retain });
                }
            }
            Fact::Puback { id } => {
                party.exchanges.puback(id)?;
            }
            Fact::Pubrec { id, is_error } => {
                if party.exchanges.pubrec(id, is_error)? == Acknowledged::ReleaseDue {
                    self.wires[wire].ways[Direction::Up as usize].releases.push_back(id);
                }
            }
            Fact::Pubcomp { id } => {
                party.exchanges.pubcomp(id)?;
            }
            Fact::Pubrel { id } => {
                party.accepted.retain(|accepted| *accepted != id);
                self.wires[wire].ways[Direction::Down as usize].completions.push_back(id);
            }
            Fact::Suback { id } | Fact::Unsuback { id } => {
                self.wires[wire].requests.retain(|request| *request != id);
            }
            Fact::Pingresp
            | Fact::Disconnect { .. }
            | Fact::Connect
            | Fact::Subscribe { .. }
            | Fact::Unsubscribe { .. }
            | Fact::Pingreq => {}
        }
        Ok(())
    }

    /// The application of a Client is told something. For a message that is to be acknowledged: its Packet Identifier and
    /// number.
    pub fn told(&mut self, client: usize, event: &Event) -> Result<Option<(u16, u32)>, Violation> {
        match event {
            Event::Connected(connected) => {
                let party = &mut self.parties[client];
                check(!party.is_connected && party.wire.is_some(), || "connected twice")?;
                party.is_connected = true;
                self.trace.mix(1);
                check(
                    party.session_present == Some(connected.session_present),
                    || "connected without CONNACK",
                )?;
                Ok(None)
            }
            Event::Message(received) => {
                let message = &received.message;
                let number = number(message.payload())?;
                self.trace.mix(2 | u64::from(number) << 8);
                self.trace.line(self.now, || format!("C{client} * message #{number} q{}", message.qos()));
                self.told_of_message(client, number, message.qos(), received.dup, message.retain())
            }
            Event::Published { token, outcome } => {
                let tokens = &mut self.parties[client].tokens;
                let Some(at) = tokens.iter().position(|(known, _)| known == token) else {
                    return Err(Violation::new(format!("{token:?} has two outcomes: {outcome}")));
                };
                let (_, number) = tokens.remove(at);
                self.trace.mix(3 | u64::from(number) << 8);
                self.trace.line(self.now, || format!("C{client} * #{number} {outcome}"));
                self.told_outcome(client, number, outcome)?;
                Ok(None)
            }
            Event::Subscribed { token, outcome } => {
                self.trace.mix(4);
                let is_granted = match outcome {
                    SubscribeOutcome::Acknowledged { reasons, .. } => {
                        matches!(reasons[..], [reason] if !SubackReason::is_error(reason))
                    }
                    _ => true,
                };
                check(is_granted, || "a subscription is refused")?;
                self.told_answer(client, *token, true)
            }
            Event::Unsubscribed { token, outcome } => {
                self.trace.mix(5);
                let _: &UnsubscribeOutcome = outcome;
                self.told_answer(client, *token, false)
            }
            Event::Disconnected(why) => {
                self.trace.mix(6);
                self.trace.line(self.now, || format!("C{client} * {why}"));
                self.told_end(client, why)?;
                Ok(None)
            }
            _ => Err(Violation::new(format!("an event nobody expects: {event:?}"))),
        }
    }

    fn told_of_message(
        &mut self,
        client: usize,
        number: u32,
        qos: QoS,
        dup: bool,
        retain: bool,
    ) -> Result<Option<(u16, u32)>, Violation> {
        let party = &mut self.parties[client];
        let expected = party.expected.pop_front();
        let fits = matches!(expected, Some(expected) if Expected { number, qos, dup, retain, ..expected } == expected);
        check(fits, || format!("C{client} is told of #{number} q{qos} instead of {expected:?}"))?;
        let era = self.server.sessions[client].era;
        let copies = &self.server.routing[number as usize].copies[client];
        let received = &mut self.publications[number as usize].received[client];
        if received.era != era {
            *received = Received { era, ..Received::default() };
        }
        received.delivered += 1;
        if qos == QoS::ExactlyOnce && copies.due > 0 && copies.era == era {
            check(received.accepted < copies.due, || format!("C{client} gets #{number} again"))?;
            if !party.plan.manual_acknowledgement {
                received.accepted += 1;
                party.uncommitted.push((number, era));
            }
        }
        Ok(expected.filter(|_| qos != QoS::AtMostOnce).map(|expected| (expected.id, number)))
    }

    fn told_outcome(
        &mut self,
        client: usize,
        number: u32,
        outcome: &PublishOutcome,
    ) -> Result<(), Violation> {
        let limits = self.limits(client)[Direction::Up as usize];
        let is_too_large = self.may_exceed(number, limits);
        let party = &mut self.parties[client];
        let publication = &self.publications[number as usize];
        let is_taken = publication.is_answered || publication.is_forgiven;
        let is_open = party.exchanges.numbers().any(|open| open == number);
        match outcome {
            PublishOutcome::Sent => check(publication.qos == QoS::AtMostOnce, || {
                format!("#{number} q{} is only sent", publication.qos)
            }),
            PublishOutcome::Acknowledged(mqtt_session::Acknowledgement { reason, .. }) => {
                check(publication.qos != QoS::AtMostOnce && publication.is_started && !is_open, || {
                    format!("#{number} is acknowledged, but not by the Server")
                })?;
                check(
                    matches!(reason, PublishReason::Success | PublishReason::NoMatchingSubscribers),
                    || format!("#{number}: {reason}"),
                )?;
                check(is_taken, || {
                    format!("#{number} is acknowledged, but the Server has never taken it over")
                })
            }
            PublishOutcome::SessionLost(message) => {
                party.exchanges.abandon(number);
                party.was_told_of_loss = true;
                self.publications[number as usize].was_lost = true;
                check(message.is_some() || is_taken, || {
                    format!("#{number} does not come back, and the Server does not have it")
                })
            }
            PublishOutcome::Expired => {
                let expires_at =
                    publication.expiry.map(|seconds| publication.published_at + u64::from(seconds) * 1_000);
                check(expires_at.is_some_and(|at| at <= self.now) && !is_open, || {
                    format!("#{number} has not expired")
                })
            }
            PublishOutcome::Rejected { reason, .. } => {
                party.exchanges.give_up(number, publication.qos);
                check(*reason == RejectReason::PacketTooLarge && is_too_large, || {
                    format!("#{number} is rejected: {reason}")
                })
            }
            _ => Err(Violation::new(format!("#{number}: {outcome}"))),
        }
    }

    fn told_answer(
        &mut self,
        client: usize,
        token: RequestToken,
        is_subscribe: bool,
    ) -> Result<Option<(u16, u32)>, Violation> {
        let requests = &mut self.parties[client].requests;
        let Some(at) = requests.iter().position(|known| *known == (token, is_subscribe)) else {
            return Err(Violation::new(format!("{token:?} has two answers, or the wrong one")));
        };
        requests.remove(at);
        Ok(None)
    }

    fn told_end(&mut self, client: usize, why: &Disconnected) -> Result<(), Violation> {
        let session_state = self.server.sessions[client].state;
        let party = &mut self.parties[client];
        let Some(wire) = party.wire.take() else {
            return Err(Violation::new("disconnected twice, or without a connection"));
        };
        if party.is_connected && party.expiry == 0 {
            self.states += 1;
            party.loses(self.states);
            self.wires[wire].is_lost = true;
        }
        check(party.requests.is_empty(), || "a request outlives its connection")?;
        let wire = &self.wires[wire];
        let is_fair = match why {
            Disconnected::Requested | Disconnected::Closed | Disconnected::ConnackTimeout => true,
            Disconnected::ByServer { reason, .. } => {
                matches!(reason, DisconnectReason::SessionTakenOver | DisconnectReason::KeepAliveTimeout)
            }
            Disconnected::PingrespTimeout => {
                self.now
                    >= wire.ping_at + (u64::from(wire.keep_alive) * 1_000).min(super::super::PINGRESP_TIMEOUT)
            }
            Disconnected::ProtocolError { violation: ServerViolation::SessionPresent, .. } => {
                // The Client has given its state up, and the Server was not told; or a crash came before that there is a
                // Session was stored.
                session_state != wire.state || party.has_crashed
            }
            _ => false,
        };
        check(is_fair, || format!("C{client} ends a connection for what the Server has not done: {why}"))
    }

    /// The application of a Client has been told everything.
    pub fn told_all(&mut self, client: usize) -> Result<(), Violation> {
        let party = &mut self.parties[client];
        check(party.expected.is_empty(), || {
            format!("C{client} is not told of {:?}", party.expected.front())
        })?;
        if party.was_told_of_loss || party.is_losing {
            party.exchanges.forget_given_up();
            check(party.is_losing, || format!("C{client} has lost a Session that is still there"))?;
            check(party.exchanges.is_empty(), || {
                format!("C{client} has lost its Session, and keeps {:?}", party.exchanges)
            })?;
            party.was_told_of_loss = false;
            party.is_losing = false;
        }
        Ok(())
    }

    /// The Client has told a transaction.
    pub fn client_tells_transaction(&mut self, client: usize) {
        let publications = &self.publications;
        let party = &mut self.parties[client];
        let is_kept =
            |(_, number): &&(PublishToken, u32)| publications[*number as usize].qos != QoS::AtMostOnce;
        party.kept.push_back(Kept {
            exchanges: party.exchanges.clone(),
            accepted: party.accepted.clone(),
            tokens: party.tokens.iter().filter(is_kept).copied().collect(),
            state: party.state,
            committed: party.uncommitted.len(),
        });
    }

    /// The oldest transaction of the Client is stored: the effects of its messages with it.
    pub fn client_stores(&mut self, client: usize) {
        let party = &mut self.parties[client];
        let Some(mut stored) = party.kept.pop_front() else { return };
        let committed = std::mem::take(&mut stored.committed);
        party.uncommitted.drain(..committed);
        for kept in &mut party.kept {
            kept.committed -= committed;
        }
        party.stored = stored;
    }

    /// The Client ends without warning, and comes back as what is stored. `unresolved` is what it says it has to do.
    pub fn client_crashes(
        &mut self,
        client: usize,
        unresolved: &[(PublishToken, Option<u32>)],
    ) -> Result<(), Violation> {
        self.states += 1;
        let party = &mut self.parties[client];
        party.kept.clear();
        party.has_crashed = true;
        if !party.plan.durable {
            party.stored = Kept { state: self.states, ..Kept::default() };
        }
        let Kept { exchanges, accepted, tokens, mut state, .. } = party.stored.clone();
        let after_crash: Vec<_> = unresolved.iter().map(|(token, _)| *token).collect();
        let before: Vec<_> = tokens.iter().map(|(token, _)| *token).collect();
        check(after_crash == before, || {
            format!("C{client} comes back with {after_crash:?}, but {before:?} were stored")
        })?;
        for ((token, number), (_, known)) in unresolved.iter().zip(&tokens) {
            check(number.is_none_or(|number| number == *known), || {
                format!("C{client} comes back with #{number:?} for {token:?}, which was #{known}")
            })?;
        }
        let told =
            self.wires.iter().filter(|wire| wire.client == client && wire.clean_start && wire.has_begun);
        if let Some(told) = told.map(|wire| wire.state).max().filter(|told| *told > state) {
            check(exchanges.is_empty() && accepted.is_empty(), || {
                format!("C{client} has asked for Clean Start, and comes back with state from before")
            })?;
            // There was nothing to give up, so nothing had to be stored.
            state = told;
            party.stored.state = told;
        }
        for (_, number) in &tokens {
            let publication = &mut self.publications[*number as usize];
            // It was the Server's or not, and its Session had ended; that is forgotten with the outcome.
            publication.is_forgiven |= publication.was_lost;
        }
        // What a durable program has done with messages since then is undone, and they come again.
        for (number, era) in party.uncommitted.drain(..) {
            let received = &mut self.publications[number as usize].received[client];
            if party.plan.durable && received.era == era {
                received.accepted -= 1;
            }
        }
        // What has left since then was stored before.
        let current = std::mem::replace(&mut party.exchanges, exchanges);
        if party.plan.durable {
            party.exchanges.go_on_from(current);
        }
        party.accepted = accepted;
        party.tokens = tokens;
        party.state = state;
        party.expected.clear();
        party.requests.clear();
        party.wire = None;
        party.is_connected = false;
        party.is_losing = false;
        party.was_told_of_loss = false;
        Ok(())
    }

    pub(super) fn finish_client(&self, client: usize, party: &Party) -> Result<(), Violation> {
        check(party.tokens.is_empty(), || {
            format!("C{client} is never told what became of {:?}", party.tokens)
        })?;
        check(party.requests.is_empty(), || {
            format!("C{client} never gets an answer to {:?}", party.requests)
        })?;
        check(party.exchanges.is_empty(), || format!("C{client} still waits: {:?}", party.exchanges))?;
        let Some(wire) = party.wire else { return Ok(()) };
        for way in &self.wires[wire].ways {
            let is_settled = way.answers.is_empty() && way.releases.is_empty() && way.completions.is_empty();
            check(is_settled, || format!("C{client} or the Server owes an answer: {way:?}"))?;
        }
        Ok(())
    }
}
