//! Enhanced authentication (section 4.12), the Client's side.
//!
//! ```text
//!   CONNECT ──► Server's turn ◄──────────── authenticate: AUTH 0x18
//!                 │      └── AUTH 0x18 ──► Client's turn (Event::Challenge)
//!                 └── CONNACK ──► no exchange ──── reauthenticate: AUTH 0x19 ──► Server's turn, and so on
//!                                     ▲──────────────── AUTH 0x00 ─────────────────┘
//! ```
//!
//! What may never happen: AUTH without a method in CONNECT, or with another method; two packets of one side in a row.

use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use mqtt_codec::{Auth, AuthReason, DisconnectReason, Frame, Packet};

use super::connection::{Exchange, Phase};
use super::{Client, ClientError, Event, Violation};
use crate::{AuthStep, Instant};

/// With what CONNECT begins an enhanced authentication exchange (sections 3.1.2.11.9 and 3.1.2.11.10).
#[derive(Clone, PartialEq, Eq)]
pub struct Authentication {
    /// The Authentication Method, such as `SCRAM-SHA-256`. It holds for the whole connection.
    pub method: String,
    /// The first Authentication Data, for methods in which the Client speaks first.
    pub data: Option<Bytes>,
}

impl Authentication {
    /// A method, and data that goes with CONNECT.
    pub fn new(method: impl Into<String>, data: impl Into<Bytes>) -> Self {
        Self { method: method.into(), data: Some(data.into()) }
    }
}

/// Authentication Data can be a secret.
impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("method", &self.method)
            .field("data", &self.data.as_ref().map(|_| format_args!("***")))
            .finish()
    }
}

/// An AUTH of the Server, of the method that CONNECT named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedAuth {
    /// The packet, which may have a Reason String and User Properties.
    pub auth: Frame,
}

impl ReceivedAuth {
    /// The Authentication Data.
    pub fn data(&self) -> Option<&[u8]> {
        match self.auth.packet() {
            Packet::Auth(auth) => auth.properties.authentication_data(),
            _ => None,
        }
    }
}

/// What became of a re-authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReauthenticateOutcome {
    /// The Server has accepted it (AUTH with 0x00). Its Authentication Data, if any, may prove who the Server is.
    Success(ReceivedAuth),
    /// The connection ended first; [`Event::Disconnected`] says why. A Server that refuses ends it with DISCONNECT
    /// `[MQTT-4.12.1-2]`.
    Lost,
}

impl Client {
    /// Answers an [`Event::Challenge`] with AUTH 0x18 `[MQTT-4.12.0-3]`. The Server asks again, or says how it ends: with
    /// [`Event::Connected`] or [`Event::Disconnected`] if the exchange began with CONNECT, else with
    /// [`Event::Reauthenticated`].
    ///
    /// Some methods prove the Server's identity too. The proof is in [`Connected::authentication_data`](super::Connected::authentication_data):
    /// judge it before anything else is done with the connection. Messages that wait in the queue leave at once after
    /// CONNACK; who must not show them to a false Server publishes them after that. The example `scram` is a whole exchange.
    ///
    /// # Errors
    /// [`ClientError`] when the Server has not asked, when a value cannot be written, or when the AUTH is larger than the
    /// Server takes. Nothing has changed then.
    pub fn authenticate(&mut self, now: Instant, step: &AuthStep) -> Result<(), ClientError> {
        self.set_now(now);
        let exchange = self.connection.as_ref().and_then(|connection| connection.exchange);
        let Some(exchange) = exchange.filter(|exchange| exchange.is_our_turn) else {
            return Err(ClientError::NotChallenged);
        };
        self.send_auth(AuthReason::ContinueAuthentication, step)?;
        self.go_on(Exchange { is_our_turn: false, ..exchange });
        Ok(())
    }

    /// Authenticates again while connected, with AUTH 0x19 and the method that CONNECT named `[MQTT-4.12.1-1]`. The end of
    /// it is one [`Event::Reauthenticated`]. Everything else goes on meanwhile.
    ///
    /// # Errors
    /// [`ClientError`] when there is no accepted connection, when its CONNECT named no method, when an exchange is under way
    /// already, when a value cannot be written, or when the AUTH is larger than the Server takes. Nothing has changed then.
    pub fn reauthenticate(&mut self, now: Instant, step: &AuthStep) -> Result<(), ClientError> {
        self.set_now(now);
        let connection = self.connection.as_ref().ok_or(ClientError::NotConnected)?;
        if connection.negotiated().is_none() {
            return Err(ClientError::NotConnected);
        }
        if connection.options.method().is_none() {
            return Err(ClientError::NoAuthenticationMethod);
        }
        if connection.exchange.is_some() {
            return Err(ClientError::ExchangeUnderWay);
        }
        self.send_auth(AuthReason::ReAuthenticate, step)?;
        self.go_on(Exchange::BEGUN);
        Ok(())
    }

    fn send_auth(&mut self, reason: AuthReason, step: &AuthStep) -> Result<(), ClientError> {
        step.explanation.check()?;
        let connection = self.connection.as_mut().ok_or(ClientError::NotConnected)?;
        let version = connection.options.version;
        let method = connection.options.method().ok_or(ClientError::NoAuthenticationMethod)?;
        let limits = connection.negotiated().map(|negotiated| negotiated.limits);
        step.fit(method, true, |properties| {
            let auth = Auth { reason, properties };
            let len = auth.encoded_len(version)?;
            if limits.is_some_and(|limits| limits.takes(|| Ok(len)) == Ok(false)) {
                return Err(ClientError::PacketTooLarge);
            }
            Ok(self.transmit.push(&auth.into(), version)?)
        })?;
        if let Some(negotiated) = connection.negotiated_mut() {
            negotiated.pinger.sent(self.now);
        }
        Ok(())
    }

    /// The exchange is at its next step; before CONNACK there is time for it again.
    fn go_on(&mut self, exchange: Exchange) {
        let Some(connection) = &mut self.connection else { return };
        connection.exchange = Some(exchange);
        if let Phase::AwaitConnack { deadline } = &mut connection.phase {
            *deadline = self.now + self.config.connack_timeout;
        }
    }

    /// An AUTH arrives.
    pub(super) fn handle_auth(&mut self, auth: &Auth<'_>, frame: &Frame) {
        let Some(connection) = &mut self.connection else { return };
        let Some(method) = connection.options.method() else {
            return self.fail(DisconnectReason::ProtocolError, Violation::UnexpectedAuth);
        };
        if auth.properties.authentication_method() != Some(method) {
            return self.fail(DisconnectReason::ProtocolError, Violation::AuthenticationMethod);
        }
        let exchange = connection.exchange.filter(|exchange| !exchange.is_our_turn);
        let is_connected = connection.negotiated().is_some();
        let received = ReceivedAuth { auth: frame.clone() };
        match (exchange, auth.reason) {
            (Some(Exchange { steps, .. }), AuthReason::ContinueAuthentication) => {
                if steps >= self.config.maximum_authentication_steps {
                    return self.fail(DisconnectReason::QuotaExceeded, Violation::AuthenticationSteps);
                }
                self.go_on(Exchange { is_our_turn: true, steps: steps.saturating_add(1) });
                self.events.push(Event::Challenge(received));
            }
            (Some(_), AuthReason::Success) if is_connected => {
                connection.exchange = None;
                self.events.push(Event::Reauthenticated(ReauthenticateOutcome::Success(received)));
            }
            _ => self.fail(DisconnectReason::ProtocolError, Violation::AuthenticationTurn),
        }
    }
}
