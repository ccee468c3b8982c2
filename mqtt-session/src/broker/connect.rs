//! CONNECT: judging it, taking a Session over or beginning one, and CONNACK (sections 3.1 and 3.2).

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::{NonZeroU16, NonZeroU32};

use mqtt_codec::{
    Connack, ConnackProperties, ConnackReason, Connect, ConnectFields, DecodeError, DisconnectReason,
    EncodeError, Fault, Frame, MAXIMUM_PACKET_SIZE, Packet, PacketType, Property, ProtocolVersion, QoS,
};

use super::policy::{Acceptance, Redirect};
use super::timers::TimerKey;
use super::will::End;
use super::{Broker, BrokerConfig, Policy, State, Verdict};
use crate::keep_alive::Watchdog;
use crate::server::{
    Action, Authentication, ConnectionId, DeclaredWill, EndCause, Exchange, Link, Notice, Pending, Phase,
    Session, SessionId, StoredWill, Takes, TooLarge, Turn,
};
use crate::topic_alias::{AliasReceiver, AliasSender};
use crate::{Explanation, Instant, Message, Refusal};

impl<P: Policy> Broker<P> {
    pub(super) fn handle_connect(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        frame: &Frame,
        connect: &Connect<'_>,
    ) {
        if self.state.heard_from(now, connection).is_some() {
            // A second one `[MQTT-3.1.0-2]`.
            return self.violated(now, connection, DisconnectReason::ProtocolError);
        }
        let version = frame.version();
        let fields = connect.fields();
        if let Err(reason) = judge(&self.state.config, version, &fields) {
            return self.state.refuse(connection, version, &reason.into(), Takes::of(&fields));
        }
        let verdict = self.ask(connection, &fields);
        let frame = match verdict {
            Verdict::Pending | Verdict::Continue(_) => frame.detach(),
            _ => frame.clone(),
        };
        self.judged(now, connection, &frame, Exchange::BEGUN, verdict);
    }

    /// The policy has spoken.
    pub(super) fn judged(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        frame: &Frame,
        exchange: Exchange,
        verdict: Verdict,
    ) {
        let Packet::Connect(connect) = frame.packet() else { return };
        let (version, connect) = (frame.version(), &connect.fields());
        let takes = Takes::of(connect);
        let acceptance = match verdict {
            Verdict::Accept => Acceptance::default(),
            Verdict::AcceptAs(principal) => {
                Acceptance { principal: Some(principal), ..Acceptance::default() }
            }
            Verdict::AcceptWith(acceptance) => acceptance,
            Verdict::Refuse(Refusal { reason, explanation }) => {
                let reason = if reason.is_error() { reason } else { ConnackReason::NotAuthorized };
                let farewell = Farewell { reason, explanation: &explanation, server_reference: None };
                return self.state.refuse(connection, version, &farewell, takes);
            }
            Verdict::Redirect(redirect) => {
                return self.state.refuse(connection, version, &Farewell::from(&redirect), takes);
            }
            Verdict::Continue(step) => return self.challenge(connection, frame, connect, exchange, &step),
            Verdict::Pending => {
                if let Some(state) = self.state.connections.get_mut(connection) {
                    let exchange = exchange.turn_to(Turn::Policy);
                    state.phase =
                        Phase::Authenticating(Pending { connect: Box::new(frame.clone()), exchange });
                }
                return;
            }
        };
        if let Err(reason) = self.establish(now, connection, version, connect, acceptance) {
            // A Client whose limit is the reason is told nothing.
            let takes = if reason == ConnackReason::PacketTooLarge { Takes::NOTHING } else { takes };
            self.state.refuse(connection, version, &reason.into(), takes);
        }
    }

    /// Ends what stands in the way, then connects the Client to its Session (section 3.1.4).
    fn establish(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        version: ProtocolVersion,
        connect: &ConnectFields<'_>,
        acceptance: Acceptance,
    ) -> Result<(), ConnackReason> {
        let Acceptance { principal, authentication_data, response_information, explanation } = acceptance;
        let clean_start = connect.clean_start;
        if let Some(id) = self.state.by_client_id.get(connect.client_id).copied() {
            self.catch_up(now, id);
        }
        let assigned = if connect.client_id.is_empty() { Some(self.state.assign_client_id()) } else { None };
        let before = self.state.by_client_id.get(connect.client_id).copied();
        let before = before.and_then(|id| Some((id, self.state.sessions.get(id)?)));
        match before {
            Some((_, session)) if session.principal != principal => return Err(ConnackReason::NotAuthorized),
            None if self.state.sessions.len() >= self.state.config.maximum_sessions => {
                return Err(ConnackReason::QuotaExceeded);
            }
            _ => {}
        }
        let mut properties = announced(&self.state.config, version, connect, assigned.as_deref());
        if version == ProtocolVersion::V5_0 {
            let method = connect.properties.authentication_method();
            properties.extend(method.map(Property::AuthenticationMethod));
            let data = authentication_data.as_deref().filter(|_| method.is_some());
            properties.extend(data.map(Property::AuthenticationData));
            let is_requested = connect.properties.request_response_information() == Some(true);
            let information = response_information.as_deref().filter(|_| is_requested);
            properties.extend(information.map(Property::ResponseInformation));
        }
        ConnackProperties::new(&properties).map_err(|_| ConnackReason::ImplementationSpecificError)?;
        let takes = Takes::of(connect);
        let fitting = if version == ProtocolVersion::V5_0 { &explanation } else { &Explanation::NONE };
        // What it announces cannot be left out.
        let properties = fitting.fit(&properties, |values| {
            let properties = ConnackProperties::new(values).map_err(EncodeError::from)?;
            let connack = Connack { properties, ..Connack::new(ConnackReason::Success) };
            let fits = connack.encoded_len(version)? <= takes.packet_size as usize;
            if fits { Ok(values.to_vec()) } else { Err(EncodeError::PacketTooLarge) }
        });
        let properties = properties.map_err(|_| ConnackReason::PacketTooLarge)?;
        let properties = ConnackProperties::new(&properties).unwrap_or_default();
        let mut connack = Connack { properties, ..Connack::new(ConnackReason::Success) };
        if let Some((id, session)) = before {
            if let Some(older) = session.connection {
                let cause = EndCause::Reason(DisconnectReason::SessionTakenOver);
                self.end(now, older, End::TakenOver { clean_start }, Some(cause));
            }
            if clean_start {
                self.end_session(now, id);
            }
        }
        let resumed = self.state.by_client_id.get(connect.client_id).copied();
        let client_id = assigned.clone().unwrap_or_else(|| connect.client_id.into());
        let begun = resumed.or_else(|| self.state.begin_session(client_id, principal));
        let id = begun.ok_or(ConnackReason::ServerUnavailable)?;
        connack.session_present = resumed.is_some() && version != ProtocolVersion::V3_1;
        self.state.connect(now, connection, id, version, connect);
        self.send(now, connection, &Packet::Connack(connack));
        self.fill(now, connection);
        Ok(())
    }

    /// The bytes of a connection are no packet.
    pub(super) fn handle_malformed(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        error: DecodeError,
        input: &[u8],
    ) {
        let phase = self.state.connections.get(connection).map(|state| &state.phase);
        if let Some(Phase::Authenticating(pending)) = phase {
            let frame = pending.connect.clone();
            return self.break_off(connection, &frame, error.connack_reason());
        }
        let is_connected = matches!(phase, Some(Phase::Connected(_)));
        if !is_connected && let Some((version, reason)) = refusal(error, input) {
            return self.state.refuse(connection, version, &reason.into(), Takes::ALL);
        }
        self.end(now, connection, End::Lost, Some(EndCause::Malformed(error)));
    }
}

impl State {
    /// Answers a CONNECT with a reason, as far as the version has it and the Client takes packets of its size, and closes.
    pub(super) fn refuse(
        &mut self,
        connection: ConnectionId,
        version: ProtocolVersion,
        farewell: &Farewell<'_>,
        takes: Takes,
    ) {
        let Self { connections, timers, actions, .. } = self;
        let Some(state) = connections.get_mut(connection) else { return };
        let Farewell { reason, explanation, server_reference } = *farewell;
        let mut write = |values: &[Property<'_>]| {
            let properties = ConnackProperties::new(values).map_err(EncodeError::from)?;
            let connack = Connack { properties, ..Connack::new(reason) };
            if connack.encoded_len(version)? > takes.packet_size as usize {
                return Err(TooLarge);
            }
            state.write(actions, false, |transmit| Ok(transmit.push(&Packet::Connack(connack), version)?))
        };
        let reference = server_reference.map(Property::ServerReference);
        // Where the version has no code for it, or the Client takes no such packet, there is nothing to write.
        let _: Result<(), TooLarge> =
            explanation.fit(reference.as_slice(), &mut write).or_else(|TooLarge| write(&[]));
        state.transmit.close();
        state.phase = Phase::Closed;
        timers.arm(TimerKey::Connection(connection), &mut state.timer, None);
        actions.push_back(Action::Close(connection));
        self.notice(Notice::Refused { connection, reason });
    }

    /// A Session for a Client that has none.
    pub(super) fn begin_session(
        &mut self,
        client_id: Arc<str>,
        principal: Option<Arc<str>>,
    ) -> Option<SessionId> {
        let session = Session::new(Arc::clone(&client_id), principal);
        let id = self.sessions.insert_with(|_| session)?;
        self.by_client_id.insert(client_id, id);
        Some(id)
    }

    fn assign_client_id(&mut self) -> Arc<str> {
        loop {
            self.assigned += 1;
            let client_id = format!("{}{}", self.config.assigned_client_id_prefix, self.assigned);
            if !self.by_client_id.contains_key(client_id.as_str()) {
                return client_id.into();
            }
        }
    }

    /// Binds connection and Session to each other. A Will that was waiting is cancelled.
    fn connect(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        id: SessionId,
        version: ProtocolVersion,
        connect: &ConnectFields<'_>,
    ) {
        let Self { connections, sessions, timers, actions, config, .. } = self;
        let (Some(state), Some(session)) = (connections.get_mut(connection), sessions.get_mut(id)) else {
            return;
        };
        let properties = &connect.properties;
        let is_v5 = version == ProtocolVersion::V5_0;
        let asked = properties.receive_maximum().map_or(u16::MAX, NonZeroU16::get);
        let window = asked.min(config.maximum_in_flight.get());
        let receive_maximum = if is_v5 { config.receive_maximum.get() } else { u16::MAX };
        let expiry = requested_expiry(version, connect);
        session.attach(connection, expiry.min(config.maximum_session_expiry), window, receive_maximum);
        let will = connect.will.and_then(|will| {
            let delay = will.properties.will_delay_interval().unwrap_or(0);
            Some(DeclaredWill { message: Arc::new(Message::from_will(&will)?), delay })
        });
        // A Session that ends with its connection leaves nothing but its Will.
        session.is_stored |= session.expiry > 0 || will.is_some();
        session.session_log(actions).terms(&session.terms());
        match (session.will.take(), &will) {
            (_, Some(DeclaredWill { message, delay })) => {
                let will = StoredWill { message: Arc::clone(message), delay: *delay, at: None };
                session.session_log(actions).will(&will);
            }
            (Some(_), None) => session.session_log(actions).will_gone(),
            (None, None) => {}
        }
        timers.arm(TimerKey::Session(id), &mut session.timer, None);

        let watchdog = Watchdog::new(now, keep_alive(config, version, connect));
        timers.arm(TimerKey::Connection(connection), &mut state.timer, watchdog.deadline());
        state.decoder.set_maximum_packet_size(config.maximum_packet_size);
        let aliases_out =
            properties.topic_alias_maximum().unwrap_or(0).min(config.maximum_outgoing_topic_aliases);
        state.phase = Phase::Connected(Box::new(Link {
            session: id,
            version,
            watchdog,
            aliases_in: AliasReceiver::new(if is_v5 { config.topic_alias_maximum } else { 0 }),
            aliases_out: AliasSender::new(aliases_out),
            takes: Takes::of(connect),
            connect_expiry: expiry,
            will,
            authentication: properties
                .authentication_method()
                .map(|method| Box::new(Authentication::new(method))),
        }));
    }
}

/// What is said to a Client that is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Farewell<'a> {
    pub(super) reason: ConnackReason,
    pub(super) explanation: &'a Explanation,
    pub(super) server_reference: Option<&'a str>,
}

impl From<ConnackReason> for Farewell<'_> {
    fn from(reason: ConnackReason) -> Self {
        static NOTHING: Explanation = Explanation::NONE;
        Self { reason, explanation: &NOTHING, server_reference: None }
    }
}

impl<'a> From<&'a Redirect> for Farewell<'a> {
    fn from(redirect: &'a Redirect) -> Self {
        Self {
            reason: if redirect.is_permanent {
                ConnackReason::ServerMoved
            } else {
                ConnackReason::UseAnotherServer
            },
            explanation: &redirect.explanation,
            server_reference: Some(&redirect.server_reference),
        }
    }
}

/// What CONNACK has to tell because it differs from what the Client takes for granted (section 3.2.2.3).
fn announced<'a>(
    config: &BrokerConfig,
    version: ProtocolVersion,
    connect: &ConnectFields<'_>,
    assigned: Option<&'a str>,
) -> Vec<Property<'a>> {
    let mut properties = Vec::new();
    if version != ProtocolVersion::V5_0 {
        return properties;
    }
    let mut announce = |differs: bool, property: Property<'a>| {
        if differs {
            properties.push(property);
        }
    };
    let expiry = requested_expiry(version, connect);
    let granted = expiry.min(config.maximum_session_expiry);
    announce(granted != expiry, Property::SessionExpiryInterval(granted));
    announce(config.receive_maximum != NonZeroU16::MAX, Property::ReceiveMaximum(config.receive_maximum));
    announce(config.maximum_qos != QoS::ExactlyOnce, Property::MaximumQoS(config.maximum_qos));
    announce(!config.retain_available, Property::RetainAvailable(false));
    if let Some(size) = NonZeroU32::new(config.maximum_packet_size) {
        announce(size.get() < MAXIMUM_PACKET_SIZE, Property::MaximumPacketSize(size));
    }
    if let Some(client_id) = assigned.filter(|_| connect.client_id.is_empty()) {
        announce(true, Property::AssignedClientIdentifier(client_id));
    }
    announce(config.topic_alias_maximum > 0, Property::TopicAliasMaximum(config.topic_alias_maximum));
    announce(!config.wildcard_subscription_available, Property::WildcardSubscriptionAvailable(false));
    announce(!config.subscription_identifier_available, Property::SubscriptionIdentifierAvailable(false));
    announce(!config.shared_subscription_available, Property::SharedSubscriptionAvailable(false));
    let keep_alive = keep_alive(config, version, connect);
    announce(keep_alive != connect.keep_alive, Property::ServerKeepAlive(keep_alive));
    properties
}

/// What can be said against a CONNECT without knowing who sends it.
fn judge(
    config: &BrokerConfig,
    version: ProtocolVersion,
    connect: &ConnectFields<'_>,
) -> Result<(), ConnackReason> {
    let client_id = connect.client_id;
    let is_valid = match version {
        _ if client_id.len() > config.maximum_client_id_len => false,
        ProtocolVersion::V3_1 => {
            !client_id.is_empty() && (config.long_client_ids_in_v3_1 || client_id.chars().count() <= 23)
        }
        // `[MQTT-3.1.3-8]` of 3.1.1
        ProtocolVersion::V3_1_1 => !client_id.is_empty() || connect.clean_start,
        ProtocolVersion::V5_0 => true,
    };
    if !is_valid {
        return Err(ConnackReason::ClientIdentifierNotValid);
    }
    match &connect.will {
        Some(will) if will.qos > config.maximum_qos => Err(ConnackReason::QoSNotSupported),
        Some(will) if will.retain && !config.retain_available => Err(ConnackReason::RetainNotSupported),
        _ => Ok(()),
    }
}

/// The Session Expiry Interval the Client asks for, in seconds. Clean Session 0 of 3.x keeps the Session for ever.
fn requested_expiry(version: ProtocolVersion, connect: &ConnectFields<'_>) -> u32 {
    match version {
        ProtocolVersion::V5_0 => connect.properties.session_expiry_interval().unwrap_or(0),
        ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 if connect.clean_start => 0,
        ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => u32::MAX,
    }
}

/// The Keep Alive in force, in seconds. 3.x Clients cannot be told another than their own.
fn keep_alive(config: &BrokerConfig, version: ProtocolVersion, connect: &ConnectFields<'_>) -> u16 {
    match config.maximum_keep_alive {
        Some(maximum) if version == ProtocolVersion::V5_0 => match connect.keep_alive {
            0 => maximum.get(),
            asked => asked.min(maximum.get()),
        },
        _ => connect.keep_alive,
    }
}

/// How to answer a CONNECT that cannot be read: with the CONNACK its sender understands, or not at all.
fn refusal(error: DecodeError, input: &[u8]) -> Option<(ProtocolVersion, ConnackReason)> {
    if error.packet_type() != Some(PacketType::Connect) {
        return None;
    }
    match error.fault() {
        Fault::ProtocolVersionTooOld => {
            Some((ProtocolVersion::V3_1_1, ConnackReason::UnsupportedProtocolVersion))
        }
        Fault::ProtocolVersionTooNew => {
            Some((ProtocolVersion::V5_0, ConnackReason::UnsupportedProtocolVersion))
        }
        _ if names_v5(input) => Some((ProtocolVersion::V5_0, error.connack_reason())),
        _ => None,
    }
}

/// Whether the first packet is a CONNECT of 5.0, whatever else is wrong with it.
fn names_v5(input: &[u8]) -> bool {
    const NAME_AND_VERSION: &[u8] = b"\x00\x04MQTT\x05";
    // The fixed header: one byte, and a Remaining Length of one to four.
    let len = 2 + input.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).take(3).count();
    input.get(len..).is_some_and(|body| body.starts_with(NAME_AND_VERSION))
}
