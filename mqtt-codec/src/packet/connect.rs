//! CONNECT (section 3.1).

use alloc::string::String;
use core::fmt;

use mqtt_topic::TopicName;

use super::{Body, Dialect, Lens, Room};
use crate::header;
use crate::property::sets::{Mask, PropertySet, Repr as Set, prefixed_len, put_prefix};
use crate::reader::Reader;
use crate::string::{binary_len, check_nul, put_binary};
use crate::writer::Put;
use crate::{
    ConnectProperties, DecodeError, Deviation, EncodeError, Fault, PacketType, ProtocolVersion, QoS, Side,
    WillProperties,
};

/// CONNECT: the first packet of a connection `[MQTT-3.1.0-1]`.
///
/// A compact handle: the fields are read with [`fields`](Self::fields), once, where they are needed.
///
/// ```
/// use mqtt_codec::{Connect, ConnectFields, ProtocolVersion};
///
/// let fields = ConnectFields { client_id: "meter-7", keep_alive: 60, ..ConnectFields::default() };
/// let mut out = Vec::new();
/// Connect::new(&fields).encode(ProtocolVersion::V3_1_1, &mut out)?;
/// # Ok::<(), mqtt_codec::EncodeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Connect<'a>(Repr<'a>);

#[derive(Clone, Copy)]
enum Repr<'a> {
    /// A body that the decoder has checked, the Protocol Name included.
    Body {
        version: ProtocolVersion,
        /// Whether it can be written as it is.
        is_canonical: bool,
        seen: Seen,
        body: &'a [u8],
    },
    Values(&'a ConnectFields<'a>),
}

/// Everything a CONNECT says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ConnectFields<'a> {
    /// The Client Identifier. Empty: the Server is to choose one, which 3.1 does not know.
    pub client_id: &'a str,
    /// Clean Start (5.0), Clean Session (3.x): begin with no Session State.
    pub clean_start: bool,
    /// Seconds; 0 turns it off.
    pub keep_alive: u16,
    /// The message the Server publishes when the connection ends without DISCONNECT.
    pub will: Option<Will<'a>>,
    /// The User Name.
    pub username: Option<&'a str>,
    /// The Password; any bytes. 3.x allows it only beside a User Name.
    pub password: Option<&'a [u8]>,
    /// The properties; none in 3.x.
    pub properties: ConnectProperties<'a>,
}

/// A Will Message as CONNECT declares it (section 3.1.3.2 to 3.1.3.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// The Topic Name it is published to.
    pub topic: TopicName<&'a [u8]>,
    /// The payload; may be empty.
    pub payload: &'a [u8],
    /// The QoS it is published with.
    pub qos: QoS,
    /// Whether it is published as a retained message.
    pub retain: bool,
    /// The properties; none in 3.x.
    pub properties: WillProperties<'a>,
}

impl<'a> Will<'a> {
    /// A QoS 0 Will without properties, not retained.
    pub const fn new(topic: TopicName<&'a [u8]>, payload: &'a [u8]) -> Self {
        Self { topic, payload, qos: QoS::AtMostOnce, retain: false, properties: WillProperties::EMPTY }
    }
}

impl Default for ConnectFields<'_> {
    /// Clean Start with an empty Client Identifier, without Keep Alive.
    fn default() -> Self {
        Self {
            client_id: "",
            clean_start: true,
            keep_alive: 0,
            will: None,
            username: None,
            password: None,
            properties: ConnectProperties::EMPTY,
        }
    }
}

/// Bits of the Connect Flags (section 3.1.2.3).
mod flag {
    pub(super) const RESERVED: u8 = 1;
    pub(super) const CLEAN_START: u8 = 1 << 1;
    pub(super) const WILL: u8 = 1 << 2;
    pub(super) const WILL_QOS: u8 = 0b11 << 3;
    pub(super) const WILL_RETAIN: u8 = 1 << 5;
    pub(super) const PASSWORD: u8 = 1 << 6;
    pub(super) const USER_NAME: u8 = 1 << 7;
}

impl<'a> Connect<'a> {
    /// A CONNECT that says this.
    pub const fn new(fields: &'a ConnectFields<'a>) -> Self {
        Self(Repr::Values(fields))
    }

    /// The version the Client speaks; `None` when the packet was not received but made, and any version can be written.
    pub const fn version(&self) -> Option<ProtocolVersion> {
        match self.0 {
            Repr::Body { version, .. } => Some(version),
            Repr::Values(_) => None,
        }
    }

    /// Everything the packet says. Walks the packet: call it once and keep the result.
    pub fn fields(&self) -> ConnectFields<'a> {
        match self.0 {
            // The body has been checked: a fault cannot occur.
            Repr::Body { version, seen, body, .. } => {
                Parts::read(&mut Reader::new(body), &Dialect::checked(version, Side::Client), Some(seen))
                    .map(Parts::fields)
                    .unwrap_or_default()
            }
            Repr::Values(fields) => *fields,
        }
    }

    /// The body, if it can be written as it is.
    fn verbatim(&self, version: ProtocolVersion) -> Option<&'a [u8]> {
        match self.0 {
            Repr::Body { version: of, is_canonical: true, body, .. } if of == version => Some(body),
            _ => None,
        }
    }

    /// `dialect.version` is what [`peek_version`] found.
    pub(crate) fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
        let (version, body) = (dialect.version, reader.rest());
        let parts = Parts::read(reader, dialect, None)?;
        reader.end(dialect)?;
        let will = parts.will.map_or(WillProperties::EMPTY, |will| will.properties);
        Ok(Self(Repr::Body {
            version,
            is_canonical: dialect.is_canonical(),
            seen: Seen { properties: parts.properties.0.seen(), will: will.0.seen() },
            body,
        }))
    }
}

/// The version a CONNECT names, which decides how the rest of it is read.
///
/// A level with the highest bit set marks a bridge of one broker family; it is unknown to every specification.
/// The other bits say which answer the bridge understands.
pub(crate) fn peek_version(body: &[u8]) -> Result<ProtocolVersion, DecodeError> {
    let reader = &mut Reader::new(body);
    let before = *reader;
    let name = reader.binary()?;
    let is_mqisdp = name == b"MQIsdp";
    before.ensure(is_mqisdp || name == b"MQTT", Fault::UnknownProtocolName)?;
    let before = *reader;
    match (reader.u8()?, is_mqisdp) {
        (3, true) => Ok(ProtocolVersion::V3_1),
        (4, false) => Ok(ProtocolVersion::V3_1_1),
        (5, false) => Ok(ProtocolVersion::V5_0),
        (level, false) if level & 0x7F >= 5 => Err(before.fault(Fault::ProtocolVersionTooNew)),
        _ => Err(before.fault(Fault::ProtocolVersionTooOld)),
    }
}

/// Which properties a checked body has, so that it need not be checked again.
#[derive(Clone, Copy)]
struct Seen {
    properties: Mask,
    will: Mask,
}

/// The fields of a body, their texts still bytes.
struct Parts<'a> {
    client_id: &'a [u8],
    clean_start: bool,
    keep_alive: u16,
    will: Option<Will<'a>>,
    username: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    properties: ConnectProperties<'a>,
}

impl<'a> Parts<'a> {
    /// `seen` is known of a body that has been checked before.
    #[expect(
        clippy::inline_always,
        reason = "decoding keeps next to nothing of what is read, so it need not be made"
    )]
    #[inline(always)]
    fn read(reader: &mut Reader<'a>, dialect: &Dialect, seen: Option<Seen>) -> Result<Self, DecodeError> {
        let Dialect { version, text, accepted, .. } = *dialect;
        let (v3_1, v5) = (version == ProtocolVersion::V3_1, version.is_v5());
        // What [`peek_version`] has read: the name behind its length, and the level.
        reader.take(2 + version.protocol_name().len() + 1)?;
        let at_flags = *reader;
        let flags = reader.u8()?;
        let has = |bit| flags & bit != 0;
        let will_qos = (flags & flag::WILL_QOS) >> 3;
        at_flags.ensure(v3_1 || !has(flag::RESERVED), Fault::ReservedConnectFlag)?;
        let ignores_will = v3_1 || has(flag::WILL) || accepted.has(Deviation::WillFlagsWithoutWill);
        at_flags.ensure(ignores_will || will_qos == 0, Fault::WillQoSWithoutWill)?;
        at_flags.ensure(ignores_will || !has(flag::WILL_RETAIN), Fault::WillRetainWithoutWill)?;
        let ignores_user_name = v5 || accepted.has(Deviation::PasswordWithoutUserName);
        let has_user_name = ignores_user_name || has(flag::USER_NAME) || !has(flag::PASSWORD);
        at_flags.ensure(has_user_name, Fault::PasswordWithoutUserName)?;
        let keep_alive = reader.u16()?;
        let properties = match seen {
            _ if !v5 => ConnectProperties::EMPTY,
            None => ConnectProperties::decode(reader, dialect)?,
            Some(seen) => ConnectProperties(Set::checked(reader, seen.properties)?),
        };
        // What has been checked is looked at once more when it becomes a `str`, but not here.
        let string = |reader: &mut Reader<'a>| match seen {
            None => reader.text_bytes(text),
            Some(_) => reader.binary(),
        };
        let client_id = string(reader)?;
        let will = if has(flag::WILL) {
            let properties = match seen {
                _ if !v5 => WillProperties::EMPTY,
                None => WillProperties::decode(reader, dialect)?,
                Some(seen) => WillProperties(Set::checked(reader, seen.will)?),
            };
            let before = *reader;
            let topic = TopicName::from_text(reader.topic(text)?)
                .map_err(|_| before.fault(Fault::InvalidTopicName))?;
            let payload = reader.binary()?;
            let qos = QoS::from_bits(will_qos).ok_or_else(|| at_flags.fault(Fault::InvalidWillQoS))?;
            Some(Will { topic, payload, qos, retain: has(flag::WILL_RETAIN), properties })
        } else {
            None
        };
        // In 3.1 the Remaining Length outranks the flags: a field may be missing completely.
        let is_missing = |reader: &Reader<'_>| v3_1 && reader.is_empty();
        let username = if has(flag::USER_NAME) && !is_missing(reader) { Some(string(reader)?) } else { None };
        let password = if has(flag::PASSWORD) && !is_missing(reader) { Some(reader.binary()?) } else { None };
        let clean_start = has(flag::CLEAN_START);
        Ok(Self { client_id, clean_start, keep_alive, will, username, password, properties })
    }

    fn fields(self) -> ConnectFields<'a> {
        let str = |text| mqtt_topic::to_str(text).unwrap_or_default();
        ConnectFields {
            client_id: str(self.client_id),
            clean_start: self.clean_start,
            keep_alive: self.keep_alive,
            will: self.will,
            username: self.username.map(str),
            password: self.password,
            properties: self.properties,
        }
    }
}

impl Body for Connect<'_> {
    fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        match (self.verbatim(version), self.0) {
            (Some(body), _) => Ok(Lens { body: body.len(), ..Lens::default() }),
            (None, Repr::Values(fields)) => fields.lens(version),
            (None, Repr::Body { .. }) => self.fields().lens(version),
        }
    }

    fn put<O: Put>(&self, version: ProtocolVersion, lens: &Lens, mut out: O) -> O {
        out = header::put(PacketType::Connect.first_byte(), lens.body, out);
        match (self.verbatim(version), self.0) {
            (Some(_), _) => {}
            (None, Repr::Values(fields)) => out = fields.put(version, lens, out),
            (None, Repr::Body { .. }) => out = self.fields().put(version, lens, out),
        }
        out
    }

    #[inline]
    fn first_byte_of_many(&self) -> Option<u8> {
        match self.0 {
            Repr::Values(_) => Some(PacketType::Connect.first_byte()),
            Repr::Body { .. } => None,
        }
    }

    #[expect(clippy::inline_always, reason = "there is one caller for each kind of output")]
    #[inline(always)]
    fn put_room<'r>(&self, version: ProtocolVersion, room: Room<'r>) -> Result<Room<'r>, EncodeError> {
        let Repr::Values(fields) = self.0 else { return Ok(room) };
        let lens = fields.check(version)?;
        Ok(fields.put(version, &lens, room))
    }

    fn tail(&self, version: ProtocolVersion) -> &[u8] {
        self.verbatim(version).unwrap_or_default()
    }
}

impl ConnectFields<'_> {
    /// Refuses what a decoder would refuse; counts only the properties.
    #[expect(clippy::inline_always, reason = "a call costs as much as most of the checks")]
    #[inline(always)]
    fn check(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        if self.client_id.is_empty() && version == ProtocolVersion::V3_1 {
            return Err(EncodeError::ClientIdEmpty);
        }
        if self.password.is_some() && self.username.is_none() && !version.is_v5() {
            return Err(EncodeError::PasswordWithoutUserName);
        }
        check_nul(self.client_id)?;
        self.username.map_or(Ok(()), check_nul)?;
        let properties = self.properties.block_len();
        let of_will = self.will.as_ref().map_or(0, |will| will.properties.block_len());
        prefixed_len(properties, version)?;
        prefixed_len(of_will, version)?;
        Ok(Lens { properties, of_will, ..Lens::default() })
    }

    fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
        let Lens { properties, of_will, .. } = self.check(version)?;
        let mut body = 2 + version.protocol_name().len() + 4;
        body += prefixed_len(properties, version)?;
        body += binary_len(self.client_id.as_bytes())?;
        if let Some(will) = &self.will {
            body += prefixed_len(of_will, version)?;
            body += binary_len(will.topic.as_bytes())? + binary_len(will.payload)?;
        }
        body += self.username.map_or(Ok(0), |username| binary_len(username.as_bytes()))?;
        body += self.password.map_or(Ok(0), binary_len)?;
        Ok(Lens { body, properties, of_will })
    }

    /// Writes what stands behind the fixed header.
    #[inline]
    fn put<O: Put>(&self, version: ProtocolVersion, lens: &Lens, mut out: O) -> O {
        let Self { client_id, clean_start, keep_alive, will, username, password, properties } = self;
        let mut flags = if *clean_start { flag::CLEAN_START } else { 0 };
        if let Some(will) = will {
            flags |= flag::WILL | will.qos.bits() << 3 | if will.retain { flag::WILL_RETAIN } else { 0 };
        }
        flags |= if password.is_some() { flag::PASSWORD } else { 0 };
        flags |= if username.is_some() { flag::USER_NAME } else { 0 };
        out = put_binary(version.protocol_name().as_bytes(), out);
        let [high, low] = keep_alive.to_be_bytes();
        out = out.put_array([version.protocol_level(), flags, high, low]);
        if version.is_v5() {
            out = put_prefix(lens.properties, out);
            out = properties.put_block(lens.properties, out);
        }
        out = put_binary(client_id.as_bytes(), out);
        if let Some(will) = will {
            if version.is_v5() {
                out = put_prefix(lens.of_will, out);
                out = will.properties.put_block(lens.of_will, out);
            }
            out = put_binary(will.topic.as_bytes(), out);
            out = put_binary(will.payload, out);
        }
        if let Some(username) = username {
            out = put_binary(username.as_bytes(), out);
        }
        if let Some(password) = password {
            out = put_binary(password, out);
        }
        out
    }
}

impl PartialEq for Connect<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }
}

impl Eq for Connect<'_> {}

impl fmt::Display for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CONNECT")?;
        if let Some(version) = self.version() {
            write!(f, " v{version}")?;
        }
        self.fields().fmt(f)
    }
}

impl fmt::Display for ConnectFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            " {:?} clean_start={} keep_alive={}",
            self.client_id,
            u8::from(self.clean_start),
            self.keep_alive
        )?;
        if let Some(will) = &self.will {
            write!(f, " will=[q{} retain={}", will.qos, u8::from(will.retain))?;
            let topic = String::from_utf8_lossy(will.topic.as_bytes());
            write!(f, " {topic:?} {} bytes{}]", will.payload.len(), will.properties)?;
        }
        if let Some(username) = self.username {
            write!(f, " username={username:?}")?;
        }
        if self.password.is_some() {
            f.write_str(" password=***")?;
        }
        self.properties.fmt(f)
    }
}

impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connect").field(&self.version()).field(&self.fields()).finish()
    }
}

/// Keeps a password out of `Debug` output.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for ConnectFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectFields")
            .field("client_id", &self.client_id)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("will", &self.will)
            .field("username", &self.username)
            .field("password", &self.password.map(|_| Hidden))
            .field("properties", &self.properties)
            .finish()
    }
}

impl fmt::Debug for Will<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will")
            .field("topic", &self.topic)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("properties", &self.properties)
            .finish()
    }
}
