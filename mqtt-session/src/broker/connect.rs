//! CONNECT: judging it, taking a Session over or beginning one, and CONNACK (sections 3.1 and 3.2).

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::{NonZeroU16, NonZeroU32};

use mqtt_codec::{
    Connack, ConnackProperties, ConnackReason, Connect, ConnectFields, DecodeError, DisconnectReason, Fault,
    Frame, MAXIMUM_PACKET_SIZE, Packet, PacketType, Property, ProtocolVersion, QoS,
};

use super::timers::TimerKey;
use super::will::End;
use super::{Broker, BrokerConfig, Policy, State, Verdict};
use crate::keep_alive::Watchdog;
use crate::server::{
    Action, ConnectionId, DeclaredWill, EndCause, Link, Notice, Phase, Session, SessionId, StoredWill,
};
use crate::topic_alias::{AliasReceiver, AliasSender};
use crate::{Instant, Message};

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
            return self.state.refuse(connection, version, reason, largest_packet(&fields));
        }
        match self.policy.authenticate(connection, &fields) {
            Verdict::Pending => {
                if let Some(state) = self.state.connections.get_mut(connection) {
                    state.phase = Phase::Authenticating(frame.detach());
                }
            }
            verdict => self.judged(now, connection, version, &fields, verdict),
        }
    }

    /// The policy has spoken.
    pub(super) fn judged(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        version: ProtocolVersion,
        connect: &ConnectFields<'_>,
        verdict: Verdict,
    ) {
        let principal = match verdict {
            Verdict::Accept => None,
            Verdict::AcceptAs(principal) => Some(principal),
            Verdict::Refuse(reason) => {
                let reason = if reason.is_error() { reason } else { ConnackReason::NotAuthorized };
                return self.state.refuse(connection, version, reason, largest_packet(connect));
            }
            // There is no verdict yet, and so no connection.
            Verdict::Pending => return,
        };
        if let Err(reason) = self.establish(now, connection, version, connect, principal) {
            // A Client whose limit is the reason is told nothing.
            let takes = if reason == ConnackReason::PacketTooLarge { 0 } else { largest_packet(connect) };
            self.state.refuse(connection, version, reason, takes);
        }
    }

    /// Ends what stands in the way, then connects the Client to its Session (section 3.1.4).
    fn establish(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        version: ProtocolVersion,
        connect: &ConnectFields<'_>,
        principal: Option<Arc<str>>,
    ) -> Result<(), ConnackReason> {
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
        let properties = announced(&self.state.config, version, connect, assigned.as_deref());
        let properties = ConnackProperties::new(&properties).unwrap_or_default();
        let mut connack = Connack { properties, ..Connack::new(ConnackReason::Success) };
        // What it announces cannot be left out.
        if connack.encoded_len(version).is_ok_and(|len| len > largest_packet(connect) as usize) {
            return Err(ConnackReason::PacketTooLarge);
        }
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
        let is_connected = self.state.connections.get(connection).is_some_and(|state| state.link().is_some());
        if !is_connected && let Some((version, reason)) = refusal(error, input) {
            return self.state.refuse(connection, version, reason, MAXIMUM_PACKET_SIZE);
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
        reason: ConnackReason,
        takes: u32,
    ) {
        let Self { connections, timers, actions, .. } = self;
        let Some(state) = connections.get_mut(connection) else { return };
        let connack = Connack::new(reason);
        // Where the version has no code for it, there is nothing to write.
        if connack.encoded_len(version).is_ok_and(|len| len <= takes as usize) {
            state.write(actions, false, |transmit| {
                let _ = transmit.push(&Packet::Connack(connack), version);
            });
        }
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
        session.session_log(actions).terms(session);
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
            maximum_packet_size: largest_packet(connect),
            connect_expiry: expiry,
            will,
        }));
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
    if connect.properties.authentication_method().is_some() {
        return Err(ConnackReason::BadAuthenticationMethod);
    }
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

/// The largest packet the Client takes, in bytes `[MQTT-3.1.2-24]`.
fn largest_packet(connect: &ConnectFields<'_>) -> u32 {
    connect.properties.maximum_packet_size().map_or(MAXIMUM_PACKET_SIZE, NonZeroU32::get)
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
