//! One Network Connection: everything that ends with it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::num::NonZeroU32;

use bytes::Buf;
use mqtt_codec::{
    Auth, AuthReason, ConnectFields, Decoder, Deviations, Disconnect, DisconnectProperties, DisconnectReason,
    EncodeError, Frame, Hop, MAXIMUM_PACKET_SIZE, Packet, Property, ProtocolVersion, TopicForm,
};

use super::action::{Action, Actions, ConnectionId, DropCause};
use super::parcel::Parcel;
use super::slab::SessionId;
use crate::keep_alive::Watchdog;
use crate::topic_alias::{AliasReceiver, AliasSender};
use crate::{AuthStep, Explanation, Instant, Message, Transmit};

#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) decoder: Decoder,
    pub(crate) transmit: Transmit,
    pub(crate) phase: Phase,
    /// The driver holds input back until it is told to resume.
    pub(crate) paused: bool,
    /// The deadline that is set for this connection.
    pub(crate) timer: Option<Instant>,
}

#[derive(Clone, Debug)]
pub(crate) enum Phase {
    AwaitConnect,
    Authenticating(Pending),
    Connected(Box<Link>),
    /// The driver has been told to close.
    Closed,
}

/// A CONNECT that is being authenticated.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) connect: Box<Frame>,
    pub(crate) exchange: Exchange,
}

/// An authentication exchange that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) turn: Turn,
    /// How many steps the Client has made.
    steps: u16,
}

/// Who has to say something next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Policy,
    Client,
}

/// The enhanced authentication of a connection that is accepted.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    method: Box<str>,
    /// The re-authentication that is under way.
    exchange: Option<Exchange>,
}

/// What a Client takes, as its CONNECT says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takes {
    /// The largest packet, in bytes `[MQTT-3.1.2-24]`.
    pub(crate) packet_size: u32,
    /// Reason Strings and User Properties in every packet that may have them `[MQTT-3.1.2-29]`.
    pub(crate) problem_information: bool,
}

/// What was agreed when the connection was accepted, and what goes on since.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) session: SessionId,
    pub(crate) version: ProtocolVersion,
    pub(crate) watchdog: Watchdog,
    pub(crate) aliases_in: AliasReceiver,
    pub(crate) aliases_out: AliasSender,
    pub(crate) takes: Takes,
    /// The Session Expiry Interval the Client asked for in CONNECT, in seconds, whatever was granted.
    pub(crate) connect_expiry: u32,
    pub(crate) will: Option<DeclaredWill>,
    /// `None`: CONNECT named no Authentication Method.
    pub(crate) authentication: Option<Box<Authentication>>,
}

#[derive(Clone, Debug)]
pub(crate) struct DeclaredWill {
    pub(crate) message: Arc<Message>,
    /// Will Delay Interval in seconds.
    pub(crate) delay: u32,
}

/// The Client's Maximum Packet Size forbids it.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// The end of a connection whose peer does not take a packet that has to be sent.
impl From<TooLarge> for DisconnectReason {
    fn from(_: TooLarge) -> Self {
        Self::ImplementationSpecificError
    }
}

/// What cannot be written is left out as what is too large.
impl From<EncodeError> for TooLarge {
    fn from(_: EncodeError) -> Self {
        Self
    }
}

impl Exchange {
    /// The Client has begun it.
    pub(crate) const BEGUN: Self = Self { turn: Turn::Policy, steps: 0 };

    pub(crate) const fn turn_to(self, turn: Turn) -> Self {
        Self { turn, ..self }
    }

    /// The Client has made another step; `None`: that was one too many.
    pub(crate) fn next(self, maximum: u16) -> Option<Self> {
        (self.steps < maximum).then(|| Self { turn: Turn::Policy, steps: self.steps + 1 })
    }
}

impl Takes {
    /// Nothing at all.
    pub(crate) const NOTHING: Self = Self { packet_size: 0, problem_information: false };
    /// Everything: nothing is known of the Client.
    pub(crate) const ALL: Self = Self { packet_size: MAXIMUM_PACKET_SIZE, problem_information: true };

    pub(crate) fn of(connect: &ConnectFields<'_>) -> Self {
        let properties = &connect.properties;
        Self {
            packet_size: properties.maximum_packet_size().map_or(MAXIMUM_PACKET_SIZE, NonZeroU32::get),
            problem_information: properties.request_problem_information().unwrap_or(true),
        }
    }
}

impl Authentication {
    pub(crate) fn new(method: &str) -> Self {
        Self { method: method.into(), exchange: None }
    }
}

impl Link {
    /// The Authentication Method of CONNECT.
    pub(crate) fn method(&self) -> Option<&str> {
        self.authentication.as_ref().map(|authentication| &*authentication.method)
    }

    /// The same hop with what the connection adds: what is left of the Message Expiry Interval, and a Topic Alias, if the packet is not
    /// too large with it.
    #[expect(clippy::inline_always, reason = "to hand a hop over in memory costs as much as to make it")]
    #[inline(always)]
    fn hop<'h>(&self, now: Instant, parcel: &Parcel<'_>, hop: Hop<'h>) -> Hop<'h> {
        if self.version != ProtocolVersion::V5_0 {
            return Hop { delivery: hop.delivery, retain: hop.retain, ..Hop::default() };
        }
        let message_expiry_interval = parcel.expires_at().map(|at| whole_seconds_until(at, now));
        let topic = self.aliases_out.choose(parcel.topic());
        let hop = Hop { message_expiry_interval, topic, ..hop };
        if topic == TopicForm::Name || self.takes_hop(parcel, &hop) {
            hop
        } else {
            Hop { topic: TopicForm::Name, ..hop }
        }
    }

    #[inline]
    fn takes_hop(&self, parcel: &Parcel<'_>, hop: &Hop<'_>) -> bool {
        parcel.fits(hop, self.version, self.takes.packet_size)
    }

    #[cold]
    #[inline(never)]
    fn takes_message(&self, now: Instant, parcel: &Parcel<'_>, hop: Hop<'_>) -> bool {
        self.takes_hop(parcel, &self.hop(now, parcel, hop))
    }

    /// The re-authentication that is under way.
    pub(crate) fn exchange(&self) -> Option<Exchange> {
        self.authentication.as_ref()?.exchange
    }

    pub(crate) fn set_exchange(&mut self, exchange: Option<Exchange>) {
        if let Some(authentication) = &mut self.authentication {
            authentication.exchange = exchange;
        }
    }
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, maximum_connect_size: u32, accepted: Deviations) -> Self {
        let mut decoder = Decoder::server();
        decoder.set_maximum_packet_size(maximum_connect_size);
        decoder.accept(accepted);
        let transmit = Transmit::default();
        Self { id, decoder, transmit, phase: Phase::AwaitConnect, paused: false, timer: None }
    }

    /// Whether input that is paused goes on, should the store not be in the way.
    pub(crate) fn may_resume(&self, transmit_limit: usize) -> bool {
        let is_peers_turn = match &self.phase {
            Phase::AwaitConnect | Phase::Connected(_) => true,
            Phase::Authenticating(Pending { exchange, .. }) => matches!(exchange.turn, Turn::Client),
            Phase::Closed => false,
        };
        self.paused && is_peers_turn && self.transmit.pending() < transmit_limit
    }

    /// The Client was not silent until now, as far as its Keep Alive goes.
    pub(crate) fn heard(&mut self, now: Instant) {
        if let Phase::Connected(link) = &mut self.phase {
            link.watchdog.received(now);
        }
    }

    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.link().map(|link| link.version)
    }

    pub(crate) fn link(&self) -> Option<&Link> {
        match &self.phase {
            Phase::Connected(link) => Some(link),
            _ => None,
        }
    }

    /// Appends any packet but PUBLISH.
    pub(crate) fn send(&mut self, packet: &Packet<'_>, actions: &mut Actions) -> Result<(), TooLarge> {
        let Phase::Connected(link) = &self.phase else { return Ok(()) };
        let (version, limit) = (link.version, link.takes.packet_size);
        if limit < MAXIMUM_PACKET_SIZE && packet.encoded_len(version).is_ok_and(|len| len > limit as usize) {
            return Err(TooLarge);
        }
        // What these say must still be true after a crash.
        let depends = !matches!(packet, Packet::Pingresp | Packet::Disconnect(_) | Packet::Auth(_));
        self.write(actions, depends, |transmit| transmit.push(packet, version).map_err(|_| TooLarge))
    }

    /// As [`send`](Self::send), for what is sent most.
    #[inline]
    pub(crate) fn send_short<const LEN: usize>(
        &mut self,
        ack: [u8; LEN],
        actions: &mut Actions,
    ) -> Result<(), TooLarge> {
        let Phase::Connected(link) = &self.phase else { return Ok(()) };
        if (link.takes.packet_size as usize) < LEN {
            return Err(TooLarge);
        }
        self.write(actions, true, |transmit| transmit.push_short(ack));
        Ok(())
    }

    /// Appends the DISCONNECT that says all this, or as much of it as the Client takes, and nothing behind it.
    pub(crate) fn disconnect(
        &mut self,
        reason: DisconnectReason,
        explanation: &Explanation,
        server_reference: Option<&str>,
        actions: &mut Actions,
    ) {
        if self.link().is_none_or(|link| link.version != ProtocolVersion::V5_0) {
            return;
        }
        let reference = server_reference.map(Property::ServerReference);
        let mut write = |values: &[Property<'_>]| {
            let properties = DisconnectProperties::new(values).map_err(EncodeError::from)?;
            self.send(&Packet::Disconnect(Disconnect { properties, ..Disconnect::new(reason) }), actions)
        };
        let sent = explanation.fit(reference.as_slice(), &mut write);
        // A Client that takes no packet of this size is told nothing.
        let _: Result<(), TooLarge> = sent.or_else(|TooLarge| write(&[]));
        self.transmit.close();
    }

    /// Appends an AUTH of the method of CONNECT to a connection that is accepted.
    pub(crate) fn send_auth(
        &mut self,
        reason: AuthReason,
        step: &AuthStep,
        actions: &mut Actions,
    ) -> Result<(), TooLarge> {
        let Some(link) = self.link() else { return Ok(()) };
        let (takes, method) = (link.takes, link.method().map(Box::<str>::from));
        self.write_auth(reason, method.as_deref().unwrap_or_default(), step, takes, actions)
    }

    /// Appends an AUTH in any phase.
    pub(crate) fn write_auth(
        &mut self,
        reason: AuthReason,
        method: &str,
        step: &AuthStep,
        takes: Takes,
        actions: &mut Actions,
    ) -> Result<(), TooLarge> {
        step.fit(method, takes.problem_information, |properties| {
            let auth = Auth { reason, properties };
            if auth.encoded_len(ProtocolVersion::V5_0)? > takes.packet_size as usize {
                return Err(TooLarge);
            }
            self.write(actions, false, |transmit| {
                Ok(transmit.push(&Packet::Auth(auth), ProtocolVersion::V5_0)?)
            })
        })
    }

    /// Whether the Client takes a packet of the size of the one that [`publish`](Self::publish) appends.
    #[inline]
    pub(crate) fn takes(&self, now: Instant, parcel: &Parcel<'_>, hop: Hop<'_>) -> bool {
        self.link().is_none_or(|link| {
            parcel.fits_easily(hop.subscription_identifiers.len(), link.takes.packet_size)
                || link.takes_message(now, parcel, hop)
        })
    }

    /// Appends the PUBLISH of a message for this hop, to which is added here what the connection adds.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        parcel: &mut Parcel<'_>,
        hop: Hop<'_>,
        actions: &mut Actions,
    ) -> Result<(), DropCause> {
        let Phase::Connected(link) = &self.phase else { return Ok(()) };
        let version = link.version;
        let hop = link.hop(now, parcel, hop);
        if !link.takes_hop(parcel, &hop) {
            return Err(DropCause::PacketTooLarge);
        }
        let depends = hop.delivery.packet_id().is_some();
        self.write(actions, depends, |transmit| parcel.write(&hop, version, transmit))
            .map_err(|_| DropCause::PacketTooLarge)?;
        if let (TopicForm::SetAlias(_), Phase::Connected(link)) = (hop.topic, &mut self.phase) {
            link.aliases_out.sent(parcel.topic(), hop.topic);
        }
        Ok(())
    }

    /// The one place where bytes are appended to a connection. If they depend on changes, they wait until all changes so
    /// far are stored.
    pub(crate) fn write<R>(
        &mut self,
        actions: &mut Actions,
        depends: bool,
        append: impl FnOnce(&mut Transmit) -> R,
    ) -> R {
        if depends
            && let Some(seq) = actions.journal.barrier()
            && self.transmit.hold(seq)
        {
            actions.held(seq, self.id);
        }
        let was_empty = !self.transmit.has_remaining();
        let result = append(&mut self.transmit);
        if was_empty && self.transmit.has_remaining() {
            actions.push_back(Action::Transmit(self.id));
        }
        result
    }
}

/// A message that waited less than a second has its whole interval left `[MQTT-3.3.2-6]`.
fn whole_seconds_until(at: Instant, now: Instant) -> u32 {
    u32::try_from(at.duration_since(now).as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}
