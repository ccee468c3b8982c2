//! One Network Connection: everything that ends with it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Buf;
use mqtt_codec::{
    Decoder, Deviations, Frame, MAXIMUM_PACKET_SIZE, Packet, Property, ProtocolVersion, Publish,
    PublishProperties,
};

use super::action::{Action, Actions, ConnectionId, DropCause};
use super::outgoing::Identifiers;
use super::slab::SessionId;
use crate::keep_alive::Watchdog;
use crate::topic_alias::{AliasReceiver, AliasSender, TopicForm};
use crate::{Instant, Message, Transmit};

#[derive(Debug)]
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

#[derive(Debug)]
pub(crate) enum Phase {
    AwaitConnect,
    /// This CONNECT is being authenticated.
    Authenticating(Frame),
    Connected(Box<Link>),
    /// The driver has been told to close.
    Closed,
}

/// What was agreed when the connection was accepted, and what goes on since.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) session: SessionId,
    pub(crate) version: ProtocolVersion,
    pub(crate) watchdog: Watchdog,
    pub(crate) aliases_in: AliasReceiver,
    pub(crate) aliases_out: AliasSender,
    /// The Client's, in bytes.
    pub(crate) maximum_packet_size: u32,
    /// The Session Expiry Interval the Client asked for in CONNECT, in seconds, whatever was granted.
    pub(crate) connect_expiry: u32,
    pub(crate) will: Option<DeclaredWill>,
}

#[derive(Debug)]
pub(crate) struct DeclaredWill {
    pub(crate) message: Arc<Message>,
    /// Will Delay Interval in seconds.
    pub(crate) delay: u32,
}

/// The Client's Maximum Packet Size forbids it.
#[derive(Debug)]
pub(crate) struct TooLarge;

impl Connection {
    pub(crate) fn new(id: ConnectionId, maximum_connect_size: u32, accepted: Deviations) -> Self {
        let mut decoder = Decoder::server();
        decoder.set_maximum_packet_size(maximum_connect_size);
        decoder.accept(accepted);
        let transmit = Transmit::default();
        Self { id, decoder, transmit, phase: Phase::AwaitConnect, paused: false, timer: None }
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
        let (version, limit) = (link.version, link.maximum_packet_size);
        if limit < MAXIMUM_PACKET_SIZE && packet.encoded_len(version).is_ok_and(|len| len > limit as usize) {
            return Err(TooLarge);
        }
        // What these say must still be true after a crash.
        let depends = !matches!(packet, Packet::Pingresp | Packet::Disconnect(_) | Packet::Auth(_));
        self.write(actions, depends, |transmit| transmit.push(packet, version).map_err(|_| TooLarge))
    }

    /// Appends the PUBLISH of `message`, which says how it is delivered and may have the properties of the message in any
    /// version; those of the hop are added here, and the topic may become an alias.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        message: &Message,
        mut publish: Publish<'_>,
        expires_at: Option<Instant>,
        identifiers: &Identifiers,
        actions: &mut Actions,
    ) -> Result<(), DropCause> {
        let Phase::Connected(link) = &mut self.phase else { return Ok(()) };
        let (version, limit) = (link.version, link.maximum_packet_size);
        let mut extra: Vec<Property<'static>> = Vec::new();
        let mut form = TopicForm::Name;
        let fits = |publish: &Publish<'_>, extra: &[Property<'_>]| {
            limit >= MAXIMUM_PACKET_SIZE
                || publish.encoded_len_with(version, extra).is_ok_and(|len| len <= limit as usize)
        };
        if version == ProtocolVersion::V5_0 {
            extra.extend(expires_at.map(|at| Property::MessageExpiryInterval(whole_seconds_until(at, now))));
            extra.extend(identifiers.as_slice().iter().copied().map(Property::SubscriptionIdentifier));
            let named = publish.topic;
            let aliased = match link.aliases_out.choose(message.topic()) {
                TopicForm::Name => None,
                chosen @ TopicForm::SetAlias(alias) => Some((chosen, named, alias)),
                chosen @ TopicForm::Alias(alias) => Some((chosen, None, alias)),
            };
            if let Some((chosen, topic, alias)) = aliased {
                extra.push(Property::TopicAlias(alias));
                publish.topic = topic;
                form = chosen;
                if !fits(&publish, &extra) {
                    // The alias may be what is too much.
                    extra.pop();
                    publish.topic = named;
                    form = TopicForm::Name;
                }
            }
        } else {
            publish.properties = PublishProperties::EMPTY;
        }
        if !fits(&publish, &extra) {
            return Err(DropCause::PacketTooLarge);
        }
        let depends = publish.delivery.packet_id().is_some();
        self.write(actions, depends, |transmit| {
            transmit.push_publish(&publish, &extra, message.payload(), version)
        })
        .map_err(|_| DropCause::PacketTooLarge)?;
        if let Phase::Connected(link) = &mut self.phase {
            link.aliases_out.sent(message.topic(), form);
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
