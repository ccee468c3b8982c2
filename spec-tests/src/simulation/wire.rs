//! The bytes of one connection as somebody reads them who sits in between: every packet is decoded where it is written, and
//! counts for its receiver when it has been consumed.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{
    Decoder, Delivery, Packet, ProtocolVersion, Publish, PublishReason, QoS, RetainHandling, Subscribe,
    Unsubscribe,
};

use super::plan::{FILTERS, TOPICS};
use super::{Violation, check};

/// One Network Connection.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Whose.
    pub client: usize,
    /// What it speaks.
    pub version: ProtocolVersion,
    /// Both directions.
    pub ways: [Way; 2],
    /// What the receiver of each direction allows.
    pub limits: [Limits; 2],
    /// The Session it goes on with, once the Server has consumed CONNECT and while the connection lasts.
    pub era: Option<u32>,
    /// The Server considers the connection open: CONNECT is consumed, and nothing has ended it.
    pub is_open: bool,
    /// The Server went on with a Session.
    pub is_present: bool,
    /// The Client has given its state up with the connection.
    pub is_lost: bool,
    /// CONNECT was written.
    pub has_begun: bool,
    /// CONNACK was written with this Session Present.
    pub session_present: Option<bool>,
    /// The message of its Will.
    pub will: Option<u32>,
    /// What CONNECT says.
    pub clean_start: bool,
    /// Session Expiry Interval of CONNECT.
    pub expiry: u32,
    /// Which of its Session States the Client had when it connected.
    pub state: u32,
    /// Which it has once it knows of a new Session.
    pub told_state: u32,
    /// Requests the Server has to answer: identifier, and whether it is a SUBSCRIBE.
    pub requests_due: VecDeque<(u16, bool)>,
    /// Identifiers of requests the Client waits for.
    pub requests: Vec<u16>,
    /// QoS 0 messages the Server is to send.
    pub lossy: VecDeque<u32>,
    /// When the Server has consumed a packet last.
    pub heard_at: u64,
    /// Seconds; what the Server enforces.
    pub keep_alive: u16,
    /// PINGRESPs due.
    pub pings_due: u32,
    /// When the Client has written a PINGREQ last.
    pub ping_at: u64,
}

/// One direction of a connection. Its sender publishes; its receiver owes answers, which go the other way.
#[derive(Clone, Debug)]
pub struct Way {
    decoder: Decoder,
    partial: BytesMut,
    written: u64,
    consumed: u64,
    /// Where the last packet that was consumed ends.
    boundary: u64,
    /// Packets under way, each with where it ends.
    facts: VecDeque<(u64, Fact)>,
    /// DISCONNECT was the last packet.
    is_over: bool,
    aliases: Vec<(u16, u8)>,
    /// PUBACKs and PUBRECs the receiver owes.
    pub answers: VecDeque<Answer>,
    /// PUBRELs the sender owes.
    pub releases: VecDeque<u16>,
    /// PUBCOMPs the receiver owes.
    pub completions: VecDeque<u16>,
}

/// An answer that is due.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Answer {
    /// Packet Identifier.
    pub id: u16,
    /// The message.
    pub number: u32,
    /// Of the PUBLISH.
    pub qos: QoS,
    /// The application has acknowledged the message.
    pub is_ready: bool,
}

/// What a receiver allows.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Limits {
    /// QoS 1 and 2 messages unacknowledged.
    pub quota: u16,
    /// Bytes of a packet.
    pub packet_size: usize,
    /// Topic Aliases.
    pub aliases: u16,
}

/// A packet, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the packets of the specification")]
pub enum Fact {
    Connect,
    Connack { session_present: bool },
    Publish { number: u32, topic: u8, delivery: Delivery, retain: bool, expiry: Option<u32> },
    Puback { id: u16 },
    Pubrec { id: u16, is_error: bool },
    Pubrel { id: u16 },
    Pubcomp { id: u16 },
    Subscribe { id: u16, filter: u8, qos: QoS, no_local: bool, retained: bool },
    Suback { id: u16 },
    Unsubscribe { id: u16, filter: u8 },
    Unsuback { id: u16 },
    Pingreq,
    Pingresp,
    Disconnect { is_normal: bool, expiry: Option<u32> },
}

impl Way {
    fn new(decoder: Decoder) -> Self {
        Self {
            decoder,
            partial: BytesMut::new(),
            written: 0,
            consumed: 0,
            boundary: 0,
            facts: VecDeque::new(),
            is_over: false,
            aliases: Vec::new(),
            answers: VecDeque::new(),
            releases: VecDeque::new(),
            completions: VecDeque::new(),
        }
    }

    /// As for [`Wire`]: what is under way, and how far it is; not how much has been.
    fn write_state(&self, out: &mut impl Hasher) {
        let Self {
            decoder,
            partial,
            written,
            consumed,
            boundary,
            facts,
            is_over,
            aliases,
            answers,
            releases,
            completions,
        } = self;
        (decoder, &partial[..], written - consumed, consumed - boundary, is_over).hash(out);
        for (end, fact) in facts {
            (end - consumed, fact).hash(out);
        }
        (facts.len(), aliases, answers, releases, completions).hash(out);
    }

    /// How many bytes of whole packets have been written.
    pub const fn written(&self) -> usize {
        self.written as usize
    }

    /// Where the first packet under way ends, counted from the first byte that is not consumed.
    pub fn first_packet(&self) -> Option<usize> {
        self.facts.front().map(|(end, _)| (end - self.consumed) as usize)
    }

    /// The first packet under way.
    pub fn next_fact(&self) -> Option<Fact> {
        self.facts.front().map(|(_, fact)| *fact)
    }

    /// The receiver has consumed so many more bytes.
    pub const fn consume(&mut self, bytes: usize) {
        self.consumed += bytes as u64;
    }

    /// The next packet that is consumed.
    pub fn next_consumed(&mut self) -> Option<Fact> {
        let (end, fact) = *self.facts.front().filter(|(end, _)| *end <= self.consumed)?;
        self.facts.pop_front();
        self.boundary = end;
        Some(fact)
    }

    /// Whole packets have been consumed.
    pub fn check_consumed(&self) -> Result<(), Violation> {
        check(self.boundary == self.consumed, || "something else than whole packets was consumed")
    }

    /// Bytes are written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.partial.extend_from_slice(bytes);
        check(!self.is_over, || "bytes after DISCONNECT")
    }

    /// The next packet that has been written; `show` sees it.
    pub fn next_written(
        &mut self,
        limits: Limits,
        show: impl FnOnce(&Packet<'_>),
    ) -> Result<Option<Fact>, Violation> {
        let decoded = self.decoder.decode(&self.partial);
        let Some((packet, len)) =
            decoded.map_err(|error| Violation::new(format!("a packet that is none: {error}")))?
        else {
            return Ok(None);
        };
        show(&packet);
        check(!self.is_over, || "a packet after DISCONNECT")?;
        check(len <= limits.packet_size, || {
            format!("a packet of {len} bytes, of at most {}", limits.packet_size)
        })?;
        let fact = fact(&packet, &mut self.aliases, limits)?;
        self.is_over = matches!(fact, Fact::Disconnect { .. });
        self.written += len as u64;
        self.facts.push_back((self.written, fact));
        self.partial.advance(len);
        Ok(Some(fact))
    }
}

impl Wire {
    /// A connection of a Client.
    pub fn new(client: usize, version: ProtocolVersion, limits: [Limits; 2]) -> Self {
        Self {
            client,
            version,
            ways: [Way::new(Decoder::server()), Way::new(Decoder::client(version))],
            limits,
            era: None,
            is_open: false,
            is_present: false,
            is_lost: false,
            has_begun: false,
            session_present: None,
            will: None,
            clean_start: false,
            expiry: 0,
            state: 0,
            told_state: 0,
            requests_due: VecDeque::new(),
            requests: Vec::new(),
            lossy: VecDeque::new(),
            heard_at: 0,
            keep_alive: 0,
            pings_due: 0,
            ping_at: 0,
        }
    }
}

impl Wire {
    /// Everything that has an influence on what is said of it from here on.
    pub fn write_state(&self, out: &mut impl Hasher) {
        let Self {
            client,
            version,
            ways,
            limits,
            era,
            is_open,
            is_present,
            is_lost,
            has_begun,
            session_present,
            will,
            clean_start,
            expiry,
            state,
            told_state,
            requests_due,
            requests,
            lossy,
            heard_at,
            keep_alive,
            pings_due,
            ping_at,
        } = self;
        for way in ways {
            way.write_state(out);
        }
        (client, version, limits, era, is_open, is_present, is_lost, has_begun, session_present).hash(out);
        (will, clean_start, expiry, state, told_state).hash(out);
        (requests_due, requests, lossy, heard_at, keep_alive, pings_due, ping_at).hash(out);
    }
}

impl Wire {
    /// After how many milliseconds of silence the Server ends the connection.
    pub fn watchdog(&self) -> Option<u64> {
        (self.is_open && self.keep_alive > 0).then(|| u64::from(self.keep_alive) * 1_500)
    }
}

fn fact(packet: &Packet<'_>, aliases: &mut Vec<(u16, u8)>, limit: Limits) -> Result<Fact, Violation> {
    Ok(match packet {
        Packet::Connect(_) => Fact::Connect,
        Packet::Connack(connack) => {
            check(!connack.reason.is_error(), || format!("the connection is refused: {}", connack.reason))?;
            Fact::Connack { session_present: connack.session_present }
        }
        Packet::Publish(publish) => publish_fact(publish, aliases, limit)?,
        Packet::Puback(puback) => Fact::Puback { id: puback.packet_id.get() },
        Packet::Pubrec(pubrec) => {
            check(
                pubrec.reason != PublishReason::PacketIdentifierInUse,
                || "PUBREC says the identifier is in use",
            )?;
            Fact::Pubrec { id: pubrec.packet_id.get(), is_error: pubrec.reason.is_error() }
        }
        Packet::Pubrel(pubrel) => Fact::Pubrel { id: pubrel.packet_id.get() },
        Packet::Pubcomp(pubcomp) => Fact::Pubcomp { id: pubcomp.packet_id.get() },
        Packet::Subscribe(subscribe) => subscribe_fact(subscribe)?,
        Packet::Suback(suback) => Fact::Suback { id: suback.packet_id.get() },
        Packet::Unsubscribe(unsubscribe) => unsubscribe_fact(unsubscribe)?,
        Packet::Unsuback(unsuback) => Fact::Unsuback { id: unsuback.packet_id.get() },
        Packet::Pingreq => Fact::Pingreq,
        Packet::Pingresp => Fact::Pingresp,
        Packet::Disconnect(disconnect) => Fact::Disconnect {
            is_normal: !disconnect.reason.is_error()
                && disconnect.reason != mqtt_session::codec::DisconnectReason::DisconnectWithWillMessage,
            expiry: disconnect.properties.session_expiry_interval(),
        },
        Packet::Auth(_) => return Err(Violation::new("AUTH, which nobody asked for")),
    })
}

fn publish_fact(
    publish: &Publish<'_>,
    aliases: &mut Vec<(u16, u8)>,
    limit: Limits,
) -> Result<Fact, Violation> {
    let named = match &publish.topic {
        Some(name) => Some(index(&TOPICS, name.as_bytes())?),
        None => None,
    };
    let topic = match publish.properties.topic_alias().map(std::num::NonZero::get) {
        None => named,
        Some(alias) => {
            check(alias <= limit.aliases, || format!("Topic Alias {alias}, of at most {}", limit.aliases))?;
            let known = aliases.iter_mut().find(|(known, _)| *known == alias);
            match (named, known) {
                (Some(topic), Some((_, known))) => {
                    *known = topic;
                    Some(topic)
                }
                (Some(topic), None) => {
                    aliases.push((alias, topic));
                    Some(topic)
                }
                (None, known) => known.map(|(_, topic)| *topic),
            }
        }
    };
    let Some(topic) = topic else {
        return Err(Violation::new("a Topic Alias that was not set on this connection"));
    };
    Ok(Fact::Publish {
        number: number(publish.payload)?,
        topic,
        delivery: publish.delivery,
        retain: publish.retain,
        expiry: publish.properties.message_expiry_interval(),
    })
}

fn subscribe_fact(subscribe: &Subscribe<'_>) -> Result<Fact, Violation> {
    let Some((subscription, options)) = subscribe.subscriptions.iter().next() else {
        return Err(Violation::new("SUBSCRIBE without a filter"));
    };
    Ok(Fact::Subscribe {
        id: subscribe.packet_id.get(),
        filter: index(&FILTERS, subscription.to_string().as_bytes())?,
        qos: options.qos,
        no_local: options.no_local,
        retained: options.retain_handling != RetainHandling::DoNotSend,
    })
}

fn unsubscribe_fact(unsubscribe: &Unsubscribe<'_>) -> Result<Fact, Violation> {
    let Some(subscription) = unsubscribe.filters.iter().next() else {
        return Err(Violation::new("UNSUBSCRIBE without a filter"));
    };
    Ok(Fact::Unsubscribe {
        id: unsubscribe.packet_id.get(),
        filter: index(&FILTERS, subscription.to_string().as_bytes())?,
    })
}

fn index(names: &[&str], name: &[u8]) -> Result<u8, Violation> {
    match names.iter().position(|known| known.as_bytes() == name) {
        Some(index) => Ok(index as u8),
        None => Err(Violation::new(format!("{:?}, which nobody uses", String::from_utf8_lossy(name)))),
    }
}

/// The payload of a message: its number, and as many bytes as it takes.
pub fn payload(number: u32, size: usize) -> Vec<u8> {
    let mut payload = vec![b'.'; size.max(4)];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload
}

/// The number of a message.
pub fn number(payload: &[u8]) -> Result<u32, Violation> {
    match payload.first_chunk() {
        Some(number) => Ok(u32::from_be_bytes(*number)),
        None => Err(Violation::new("a payload that nobody has published")),
    }
}
