//! Enhanced authentication (section 4.12), the Server's side: AUTH of a Client, and what the policy says to it.
//!
//! ```text
//!   CONNECT, AUTH ──► Policy's turn ──► Continue: AUTH 0x18 ──► Client's turn ──► AUTH 0x18 ──► Policy's turn
//!                          ├── accepted: CONNACK, or AUTH 0x00 if it is a re-authentication
//!                          └── refused: CONNACK, or DISCONNECT if it is a re-authentication
//! ```
//!
//! What may never happen: a packet other than AUTH and DISCONNECT that has an effect before CONNACK; a step out of turn; an
//! exchange without end; a policy that is not told that an exchange is over.

use alloc::boxed::Box;
use mqtt_codec::{
    Auth, AuthReason, ConnackReason, ConnectFields, DisconnectReason, Frame, Packet, ProtocolVersion,
};

use super::connect::Farewell;
use super::will::End;
use super::{Broker, Policy, State, Verdict};
use crate::broker::policy::{Acceptance, AuthRequest, AuthStage};
use crate::server::{Action, ConnectionId, EndCause, Exchange, Pending, Phase, Takes, TooLarge, Turn};
use crate::{AuthStep, Explanation, Instant, Refusal};

impl<P: Policy> Broker<P> {
    /// The policy's word on a CONNECT that is valid in every other respect.
    pub(super) fn ask(&mut self, connection: ConnectionId, connect: &ConnectFields<'_>) -> Verdict {
        let Some(method) = connect.properties.authentication_method() else {
            return self.policy.authenticate(connection, connect);
        };
        let data = connect.properties.authentication_data();
        self.policy.exchange(connection, &AuthRequest { stage: AuthStage::Connect(connect), method, data })
    }

    /// The answer to what was [`Verdict::Pending`]: a CONNECT, or a step of an enhanced authentication exchange. Does nothing
    /// for a connection that does not wait for one.
    pub fn handle_authenticated(&mut self, now: Instant, connection: ConnectionId, verdict: Verdict) {
        self.state.at(now);
        if matches!(verdict, Verdict::Pending) {
            return;
        }
        let Some(state) = self.state.connections.get_mut(connection) else { return };
        match &mut state.phase {
            Phase::Authenticating(Pending { connect, exchange }) if exchange.turn == Turn::Policy => {
                let (connect, exchange) = (connect.clone(), *exchange);
                if core::mem::take(&mut state.paused) {
                    self.state.actions.push_back(Action::Resume(connection));
                }
                self.judged(now, connection, &connect, exchange, verdict);
            }
            Phase::Connected(link) => {
                if let Some(exchange) = link.exchange().filter(|exchange| exchange.turn == Turn::Policy) {
                    self.judged_again(now, connection, exchange, verdict);
                }
            }
            _ => {}
        }
    }

    /// Any packet between a CONNECT that began an exchange and its CONNACK: only AUTH and DISCONNECT may come (section
    /// 3.1.2.11.9).
    pub(super) fn handle_step(&mut self, now: Instant, connection: ConnectionId, packet: &Packet<'_>) {
        let Some(state) = self.state.connections.get(connection) else { return };
        let Phase::Authenticating(Pending { connect: frame, exchange }) = &state.phase else { return };
        let (frame, exchange) = (frame.clone(), *exchange);
        let auth = match packet {
            Packet::Auth(auth) => auth,
            Packet::Disconnect(_) => return self.end(now, connection, End::Disconnect, None),
            _ => return self.break_off(connection, &frame, ConnackReason::ProtocolError),
        };
        let Packet::Connect(connect) = frame.packet() else { return };
        let method = connect.fields().properties.authentication_method();
        // `[MQTT-4.12.0-5]`
        let is_valid = auth.reason == AuthReason::ContinueAuthentication
            && auth.properties.authentication_method() == method;
        if !is_valid {
            return self.break_off(connection, &frame, ConnackReason::ProtocolError);
        }
        let Some(exchange) = exchange.next(self.state.config.maximum_authentication_steps) else {
            return self.break_off(connection, &frame, ConnackReason::NotAuthorized);
        };
        let verdict = ask_again(&mut self.policy, connection, AuthStage::Continue(auth), auth);
        self.judged(now, connection, &frame, exchange, verdict);
    }

    /// AUTH of a Client that is connected.
    pub(super) fn handle_auth(&mut self, now: Instant, connection: ConnectionId, auth: &Auth<'_>) {
        let State { connections, sessions, config, .. } = &self.state;
        let Some(link) = connections.get(connection).and_then(|connection| connection.link()) else {
            return;
        };
        // None, where CONNECT named no method `[MQTT-4.12.0-7]`; another one `[MQTT-4.12.1-1]`.
        let is_valid = link.method().is_some() && link.method() == auth.properties.authentication_method();
        let next = match (is_valid, auth.reason, link.exchange()) {
            (true, AuthReason::ReAuthenticate, None) => Some(Exchange::BEGUN),
            (true, AuthReason::ContinueAuthentication, Some(exchange)) if exchange.turn == Turn::Client => {
                let Some(next) = exchange.next(config.maximum_authentication_steps) else {
                    return self.violated(now, connection, DisconnectReason::NotAuthorized);
                };
                Some(next)
            }
            _ => None,
        };
        let Some(client) = sessions.get(link.session).map(|session| session.info()) else { return };
        let Some(exchange) = next else {
            return self.violated(now, connection, DisconnectReason::ProtocolError);
        };
        let stage = match auth.reason {
            AuthReason::ReAuthenticate => AuthStage::Reauthenticate { client, auth },
            _ => AuthStage::Continue(auth),
        };
        let verdict = ask_again(&mut self.policy, connection, stage, auth);
        self.judged_again(now, connection, exchange, verdict);
    }

    /// The policy has spoken to a re-authentication.
    fn judged_again(&mut self, now: Instant, connection: ConnectionId, exchange: Exchange, verdict: Verdict) {
        let State { connections, sessions, actions, .. } = &mut self.state;
        let Some(state) = connections.get_mut(connection) else { return };
        let Phase::Connected(link) = &mut state.phase else { return };
        let owner = sessions.get(link.session).and_then(|session| session.principal.clone());
        link.set_exchange(None);
        let accepted = match verdict {
            Verdict::Pending => return link.set_exchange(Some(exchange)),
            Verdict::Continue(step) => {
                link.set_exchange(Some(exchange.turn_to(Turn::Client)));
                let reason = AuthReason::ContinueAuthentication;
                if let Err(TooLarge) = state.send_auth(reason, &step, actions) {
                    self.violated(now, connection, DisconnectReason::ImplementationSpecificError);
                }
                return;
            }
            Verdict::Accept => Acceptance::default(),
            Verdict::AcceptAs(principal) => {
                Acceptance { principal: Some(principal), ..Acceptance::default() }
            }
            Verdict::AcceptWith(acceptance) => acceptance,
            Verdict::Refuse(Refusal { reason, explanation }) => {
                let farewell = Farewell { reason, explanation: &explanation, server_reference: None };
                return self.refuse_connected(now, connection, &farewell);
            }
            Verdict::Redirect(redirect) => {
                return self.refuse_connected(now, connection, &Farewell::from(&redirect));
            }
        };
        // A Session belongs to the principal that began it.
        if accepted.principal != owner {
            return self.violated(now, connection, DisconnectReason::NotAuthorized);
        }
        let Acceptance { authentication_data: data, explanation, .. } = accepted;
        if let Err(TooLarge) = state.send_auth(AuthReason::Success, &AuthStep { data, explanation }, actions)
        {
            self.violated(now, connection, DisconnectReason::ImplementationSpecificError);
        }
    }

    /// A failed re-authentication ends the connection `[MQTT-4.12.1-2]`.
    fn refuse_connected(&mut self, now: Instant, connection: ConnectionId, farewell: &Farewell<'_>) {
        let reason = DisconnectReason::from_code(farewell.reason.code())
            .filter(|reason| farewell.reason.is_error() && reason.may_be_sent_by(mqtt_codec::Side::Server))
            .unwrap_or(DisconnectReason::NotAuthorized);
        self.say_goodbye(now, connection, reason, farewell.explanation, farewell.server_reference);
    }

    /// Ends a connection, and says more than a reason.
    pub(super) fn say_goodbye(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        reason: DisconnectReason,
        explanation: &Explanation,
        server_reference: Option<&str>,
    ) {
        let State { connections, actions, .. } = &mut self.state;
        if let Some(state) = connections.get_mut(connection) {
            state.disconnect(reason, explanation, server_reference, actions);
        }
        self.end(now, connection, End::Lost, Some(EndCause::Reason(reason)));
    }

    /// Sends a step of the exchange that CONNECT began, and waits for the answer.
    pub(super) fn challenge(
        &mut self,
        connection: ConnectionId,
        frame: &Frame,
        connect: &ConnectFields<'_>,
        exchange: Exchange,
        step: &AuthStep,
    ) {
        let takes = Takes::of(connect);
        let Some(method) = connect.properties.authentication_method() else {
            // Where CONNECT named no method there is no AUTH `[MQTT-4.12.0-6]`, and the policy is not content without one.
            self.policy.abandoned(connection);
            return self.state.refuse(
                connection,
                frame.version(),
                &ConnackReason::NotAuthorized.into(),
                takes,
            );
        };
        let State { connections, actions, .. } = &mut self.state;
        let Some(state) = connections.get_mut(connection) else { return };
        let sent = state.write_auth(AuthReason::ContinueAuthentication, method, step, takes, actions);
        if let Err(TooLarge) = sent {
            // A Client whose limit is the reason is told nothing.
            let farewell = ConnackReason::PacketTooLarge.into();
            self.policy.abandoned(connection);
            return self.state.refuse(connection, ProtocolVersion::V5_0, &farewell, Takes::NOTHING);
        }
        let exchange = exchange.turn_to(Turn::Client);
        state.phase = Phase::Authenticating(Pending { connect: Box::new(frame.clone()), exchange });
    }

    /// Ends an exchange that the Client has broken.
    pub(super) fn break_off(&mut self, connection: ConnectionId, frame: &Frame, reason: ConnackReason) {
        self.abandon(connection);
        let Packet::Connect(connect) = frame.packet() else { return };
        let takes = Takes::of(&connect.fields());
        self.state.refuse(connection, frame.version(), &reason.into(), takes);
    }

    /// The connection is about to end: the policy need not think about it any more.
    pub(super) fn abandon(&mut self, connection: ConnectionId) {
        let is_under_way = match self.state.connections.get(connection).map(|state| &state.phase) {
            Some(Phase::Authenticating(_)) => true,
            Some(Phase::Connected(link)) => link.exchange().is_some(),
            _ => false,
        };
        if is_under_way {
            self.policy.abandoned(connection);
        }
    }
}

fn ask_again<P: Policy>(
    policy: &mut P,
    connection: ConnectionId,
    stage: AuthStage<'_>,
    auth: &Auth<'_>,
) -> Verdict {
    let method = auth.properties.authentication_method().unwrap_or_default();
    let data = auth.properties.authentication_data();
    policy.exchange(connection, &AuthRequest { stage, method, data })
}
