//! `Arbitrary` (feature `arbitrary`): any valid packet, made from values and encoded, so that no draw is in vain.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use arbitrary::{Arbitrary, Error, Result, Unstructured};
use mqtt_topic::{Subscription, TopicName};

use crate::string::is_disallowed;
use crate::{
    AckProperties, Auth, AuthProperties, AuthReason, Connack, ConnackProperties, ConnackReason, Connect,
    ConnectFields, ConnectProperties, Delivery, Deviations, Disconnect, DisconnectProperties,
    DisconnectReason, Frame, Packet, PacketId, PacketType, PayloadFormat, Property, PropertyError,
    PropertyId, ProtocolVersion, Puback, Pubcomp, Publish, PublishProperties, PublishReason, Pubrec, Pubrel,
    QoS, ReleaseReason, RetainHandling, Side, Suback, SubackReason, SubackReasons, Subscribe,
    SubscribeProperties, SubscriptionIdentifier, SubscriptionOptions, Subscriptions, TopicFilters, Unsuback,
    UnsubackReason, UnsubackReasons, Unsubscribe, UnsubscribeProperties, Will, WillProperties, varint,
};

impl<'a> Arbitrary<'a> for Frame {
    /// Any packet of any version and either side, see [`arbitrary_sent_by`](Frame::arbitrary_sent_by).
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (side, version) = (u.arbitrary()?, u.arbitrary()?);
        Self::arbitrary_sent_by(side, version, u)
    }
}

impl Frame {
    /// Any packet that `side` may send in `version`: every kind, every property, reason code and option it may have, Wills,
    /// Shared Subscriptions, short and long forms of acknowledgements, fields up to their longest. The strings have no
    /// code points that a receiver may refuse. Feature `arbitrary`.
    ///
    /// ```
    /// use arbitrary::Unstructured;
    /// use mqtt_codec::{Decoder, Frame, ProtocolVersion, Side};
    ///
    /// let mut u = Unstructured::new(b"any bytes, for one those a fuzzer makes up");
    /// let frame = Frame::arbitrary_sent_by(Side::Server, ProtocolVersion::V5_0, &mut u)?;
    /// let decoded = Decoder::client(ProtocolVersion::V5_0).decode(frame.bytes());
    /// assert_eq!(decoded, Ok(Some((frame.packet(), frame.bytes().len()))));
    /// # Ok::<(), arbitrary::Error>(())
    /// ```
    ///
    /// # Errors
    /// None of its own; input that has run out counts as zeros.
    pub fn arbitrary_sent_by(side: Side, version: ProtocolVersion, u: &mut Unstructured<'_>) -> Result<Self> {
        Source { u, version, from: side }.frame()
    }
}

macro_rules! choices {
    ($($name:ident: $all:expr;)+) => { $(
        impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                u.choose($all).copied()
            }
        }
    )+ };
}

choices! {
    ProtocolVersion: &Self::ALL;
    Side: &[Self::Client, Self::Server];
    QoS: &Self::ALL;
    PayloadFormat: &[Self::Bytes, Self::Utf8];
    RetainHandling: &[Self::SendAtSubscribe, Self::SendAtSubscribeIfNew, Self::DoNotSend];
}

impl<'a> Arbitrary<'a> for PacketId {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.int_in_range(1..=u16::MAX).map(|id| Self::new(id).unwrap_or(Self::MIN))
    }
}

impl<'a> Arbitrary<'a> for SubscriptionIdentifier {
    /// Each length is as likely as the others.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let longest = *u.choose(&[0x7F, 0x3FFF, 0x1F_FFFF, varint::MAX])?;
        Self::new(u.int_in_range(1..=longest)?).ok_or(Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for Delivery {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary()? {
            QoS::AtMostOnce => Self::AtMostOnce,
            QoS::AtLeastOnce => Self::AtLeastOnce { packet_id: u.arbitrary()?, dup: u.arbitrary()? },
            QoS::ExactlyOnce => Self::ExactlyOnce { packet_id: u.arbitrary()?, dup: u.arbitrary()? },
        })
    }
}

/// What may stand where (section 2.2.2.2). User Property may stand in all of them.
#[allow(clippy::enum_glob_use, reason = "a table of names")]
mod places {
    use crate::PropertyId::{self, *};

    pub(super) const CONNECT: &[PropertyId] = &[
        SessionExpiryInterval,
        AuthenticationMethod,
        AuthenticationData,
        RequestProblemInformation,
        RequestResponseInformation,
        ReceiveMaximum,
        TopicAliasMaximum,
        MaximumPacketSize,
    ];
    pub(super) const WILL: &[PropertyId] = &[
        PayloadFormatIndicator,
        MessageExpiryInterval,
        ContentType,
        ResponseTopic,
        CorrelationData,
        WillDelayInterval,
    ];
    pub(super) const CONNACK: &[PropertyId] = &[
        SessionExpiryInterval,
        AssignedClientIdentifier,
        ServerKeepAlive,
        AuthenticationMethod,
        AuthenticationData,
        ResponseInformation,
        ServerReference,
        ReasonString,
        ReceiveMaximum,
        TopicAliasMaximum,
        MaximumQoS,
        RetainAvailable,
        MaximumPacketSize,
        WildcardSubscriptionAvailable,
        SubscriptionIdentifierAvailable,
        SharedSubscriptionAvailable,
    ];
    pub(super) const PUBLISH: &[PropertyId] = &[
        PayloadFormatIndicator,
        MessageExpiryInterval,
        ContentType,
        ResponseTopic,
        CorrelationData,
        TopicAlias,
    ];
    pub(super) const ACK: &[PropertyId] = &[ReasonString];
    pub(super) const SUBSCRIBE: &[PropertyId] = &[SubscriptionIdentifier];
    pub(super) const UNSUBSCRIBE: &[PropertyId] = &[];
    pub(super) const DISCONNECT_BY_CLIENT: &[PropertyId] = &[SessionExpiryInterval, ReasonString];
    pub(super) const DISCONNECT_BY_SERVER: &[PropertyId] = &[ServerReference, ReasonString];
    pub(super) const AUTH: &[PropertyId] = &[AuthenticationData, ReasonString];
}

/// What the longest fields are cut from.
const LONGEST: &str = match core::str::from_utf8(&[b'x'; u16::MAX as usize]) {
    Ok(text) => text,
    Err(_) => "",
};

/// Makes the values of one packet.
struct Source<'u, 'a> {
    u: &'u mut Unstructured<'a>,
    version: ProtocolVersion,
    from: Side,
}

impl<'a> Source<'_, 'a> {
    fn frame(mut self) -> Result<Frame> {
        let (version, from) = (self.version, self.from);
        match self.choose(PacketType::ALL.into_iter().filter(|kind| kind.may_be_sent_by(from, version)))? {
            PacketType::Connect => self.connect(),
            PacketType::Connack => self.connack(),
            PacketType::Publish => self.publish(),
            PacketType::Puback => {
                let (packet_id, reason, values) =
                    self.ack(PublishReason::ALL, PublishReason::may_be_sent_by)?;
                let properties = AckProperties::new(&values).map_err(invalid)?;
                self.encode(Puback { packet_id, reason, properties })
            }
            PacketType::Pubrec => {
                let (packet_id, reason, values) =
                    self.ack(PublishReason::ALL, PublishReason::may_be_sent_by)?;
                let properties = AckProperties::new(&values).map_err(invalid)?;
                self.encode(Pubrec { packet_id, reason, properties })
            }
            PacketType::Pubrel => {
                let (packet_id, reason, values) =
                    self.ack(ReleaseReason::ALL, ReleaseReason::may_be_sent_by)?;
                let properties = AckProperties::new(&values).map_err(invalid)?;
                self.encode(Pubrel { packet_id, reason, properties })
            }
            PacketType::Pubcomp => {
                let (packet_id, reason, values) =
                    self.ack(ReleaseReason::ALL, ReleaseReason::may_be_sent_by)?;
                let properties = AckProperties::new(&values).map_err(invalid)?;
                self.encode(Pubcomp { packet_id, reason, properties })
            }
            PacketType::Subscribe => self.subscribe(),
            PacketType::Suback => self.suback(),
            PacketType::Unsubscribe => self.unsubscribe(),
            PacketType::Unsuback => self.unsuback(),
            PacketType::Pingreq => self.encode(Packet::Pingreq),
            PacketType::Pingresp => self.encode(Packet::Pingresp),
            PacketType::Disconnect => self.disconnect(),
            PacketType::Auth => self.auth(),
        }
    }

    fn connect(mut self) -> Result<Frame> {
        let mut client_id = self.text()?;
        if client_id.is_empty() && self.version == ProtocolVersion::V3_1 {
            client_id = "c";
        }
        let will_values = self.properties(places::WILL, &[])?;
        let will = if self.u.arbitrary()? {
            Some(Will {
                qos: self.u.arbitrary()?,
                retain: self.u.arbitrary()?,
                properties: WillProperties::new(&will_values).map_err(invalid)?,
                ..Will::new(self.topic()?, self.data()?)
            })
        } else {
            None
        };
        let username = if self.u.arbitrary()? { Some(self.text()?) } else { None };
        // 3.x has a Password only beside a User Name.
        let may_have_password = username.is_some() || self.version.is_v5();
        let password = if self.u.arbitrary()? && may_have_password { Some(self.data()?) } else { None };
        let values = self.properties(places::CONNECT, &[])?;
        let fields = ConnectFields {
            client_id,
            clean_start: self.u.arbitrary()?,
            keep_alive: self.u.arbitrary()?,
            will,
            username,
            password,
            properties: ConnectProperties::new(&values).map_err(invalid)?,
        };
        self.encode(Connect::new(&fields))
    }

    fn connack(mut self) -> Result<Frame> {
        let reason = if self.version.is_v5() {
            *self.u.choose(ConnackReason::ALL)?
        } else {
            self.choose((0..=5).filter_map(ConnackReason::from_return_code))?
        };
        let may_be_present = !reason.is_error() && self.version != ProtocolVersion::V3_1;
        let session_present = self.u.arbitrary::<bool>()? && may_be_present;
        let values = self.properties(places::CONNACK, &[])?;
        let properties = ConnackProperties::new(&values).map_err(invalid)?;
        self.encode(Connack { session_present, reason, properties })
    }

    fn publish(mut self) -> Result<Frame> {
        // `[MQTT-3.3.4-6]`
        let repeated: &[_] = match self.from {
            Side::Client => &[],
            Side::Server => &[PropertyId::SubscriptionIdentifier],
        };
        let values = self.properties(places::PUBLISH, repeated)?;
        let properties = PublishProperties::new(&values).map_err(invalid)?;
        let is_alias_alone = properties.contains(PropertyId::TopicAlias) && self.u.arbitrary()?;
        let publish = Publish {
            topic: if is_alias_alone { None } else { Some(self.topic()?) },
            delivery: self.u.arbitrary()?,
            retain: self.u.arbitrary()?,
            properties,
            payload: self.u.arbitrary()?,
        };
        self.encode(publish)
    }

    /// What PUBACK, PUBREC, PUBREL and PUBCOMP consist of.
    fn ack<R: Copy>(
        &mut self,
        reasons: &[R],
        may_be_sent_by: impl Fn(R, Side) -> bool,
    ) -> Result<(PacketId, R, Vec<Property<'a>>)> {
        // 3.x has Success only, which is the first.
        let reasons = if self.version.is_v5() { reasons } else { reasons.get(..1).unwrap_or_default() };
        let from = self.from;
        let reason = self.choose(reasons.iter().copied().filter(|reason| may_be_sent_by(*reason, from)))?;
        Ok((self.u.arbitrary()?, reason, self.properties(places::ACK, &[])?))
    }

    fn subscribe(mut self) -> Result<Frame> {
        let values = self.properties(places::SUBSCRIBE, &[])?;
        let mut filters = Vec::new();
        for _ in 0..self.entries()? {
            filters.push((self.filter()?, self.options()?));
        }
        let mut subscriptions = Vec::new();
        for (filter, mut options) in filters.iter().map(|(filter, options)| (filter, *options)) {
            let subscription = self.subscription(filter)?;
            // `[MQTT-3.8.3-4]`
            options.no_local &= subscription.share_name().is_none();
            subscriptions.push((subscription, options));
        }
        let subscribe = Subscribe {
            packet_id: self.u.arbitrary()?,
            properties: SubscribeProperties::new(&values).map_err(invalid)?,
            subscriptions: Subscriptions::new(&subscriptions),
        };
        self.encode(subscribe)
    }

    fn suback(mut self) -> Result<Frame> {
        let version = self.version;
        let known: Vec<_> = (SubackReason::ALL.iter().copied())
            .filter(|reason| match version {
                ProtocolVersion::V3_1 => !reason.is_error(),
                ProtocolVersion::V3_1_1 => reason.code() <= 0x80,
                ProtocolVersion::V5_0 => true,
            })
            .collect();
        let mut reasons = Vec::new();
        for _ in 0..self.entries()? {
            reasons.push(*self.u.choose(&known)?);
        }
        let values = self.properties(places::ACK, &[])?;
        let properties = AckProperties::new(&values).map_err(invalid)?;
        let suback =
            Suback { packet_id: self.u.arbitrary()?, properties, reasons: SubackReasons::new(&reasons) };
        self.encode(suback)
    }

    fn unsubscribe(mut self) -> Result<Frame> {
        let values = self.properties(places::UNSUBSCRIBE, &[])?;
        let mut texts = Vec::new();
        for _ in 0..self.entries()? {
            texts.push(self.filter()?);
        }
        let filters = texts.iter().map(|text| self.subscription(text)).collect::<Result<Vec<_>>>()?;
        let unsubscribe = Unsubscribe {
            packet_id: self.u.arbitrary()?,
            properties: UnsubscribeProperties::new(&values).map_err(invalid)?,
            filters: TopicFilters::new(&filters),
        };
        self.encode(unsubscribe)
    }

    fn unsuback(mut self) -> Result<Frame> {
        let mut reasons = Vec::new();
        if self.version.is_v5() {
            for _ in 0..self.entries()? {
                reasons.push(*self.u.choose(UnsubackReason::ALL)?);
            }
        }
        let values = self.properties(places::ACK, &[])?;
        let properties = AckProperties::new(&values).map_err(invalid)?;
        let unsuback =
            Unsuback { packet_id: self.u.arbitrary()?, properties, reasons: UnsubackReasons::new(&reasons) };
        self.encode(unsuback)
    }

    fn disconnect(mut self) -> Result<Frame> {
        let (from, is_v5) = (self.from, self.version.is_v5());
        let reason = self.choose(DisconnectReason::ALL.iter().copied().filter(|reason| match reason {
            DisconnectReason::NormalDisconnection => true,
            // Only one of two tables of the specification has it.
            DisconnectReason::BadAuthenticationMethod => false,
            _ => is_v5 && reason.may_be_sent_by(from),
        }))?;
        let values = match from {
            Side::Client => self.properties(places::DISCONNECT_BY_CLIENT, &[])?,
            Side::Server => self.properties(places::DISCONNECT_BY_SERVER, &[])?,
        };
        let properties = DisconnectProperties::new(&values).map_err(invalid)?;
        self.encode(Disconnect { reason, properties })
    }

    fn auth(mut self) -> Result<Frame> {
        let from = self.from;
        let reason =
            self.choose(AuthReason::ALL.iter().copied().filter(|reason| reason.may_be_sent_by(from)))?;
        // An AUTH always names its method.
        let mut values = Vec::from([Property::AuthenticationMethod(self.text()?)]);
        values.extend(self.properties(places::AUTH, &[])?);
        let properties = AuthProperties::new(&values).map_err(invalid)?;
        self.encode(Auth { reason, properties })
    }

    /// The packet as bytes, an acknowledgement or DISCONNECT that could be shorter perhaps in a longer form: with a reason code
    /// of 0, and with a Property Length of 0.
    fn encode<'p>(&mut self, packet: impl Into<Packet<'p>>) -> Result<Frame> {
        let packet = packet.into();
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).map_err(|_| Error::IncorrectFormat)?;
        let shortest = match packet {
            Packet::Puback(_) | Packet::Pubrec(_) | Packet::Pubrel(_) | Packet::Pubcomp(_) => Some(2),
            Packet::Disconnect(_) => Some(0),
            _ => None,
        };
        for short in shortest.into_iter().filter(|_| self.version.is_v5()).flat_map(|len| [len, len + 1]) {
            if let Some(remaining_length) = bytes.get_mut(1)
                && *remaining_length == short
                && self.u.arbitrary()?
            {
                *remaining_length += 1;
                bytes.push(0);
            }
        }
        Ok(Frame::new(bytes.into(), self.version, self.from, Deviations::NONE))
    }

    fn choose<T: Copy>(&mut self, among: impl Iterator<Item = T>) -> Result<T> {
        self.u.choose(&among.collect::<Vec<_>>()).copied()
    }

    /// How many entries a list has.
    fn entries(&mut self) -> Result<u8> {
        self.u.int_in_range(1..=8)
    }

    /// Some of `once`, any number of `repeated` and User Properties, in any order; nothing in 3.x.
    fn properties(&mut self, once: &[PropertyId], repeated: &[PropertyId]) -> Result<Vec<Property<'a>>> {
        let mut values = Vec::new();
        if !self.version.is_v5() || !self.u.arbitrary()? {
            return Ok(values);
        }
        let mut has_method = !once.contains(&PropertyId::AuthenticationMethod);
        for id in once {
            let is_legal = has_method || *id != PropertyId::AuthenticationData;
            if self.u.arbitrary()? && is_legal {
                has_method |= *id == PropertyId::AuthenticationMethod;
                values.push(self.property(*id)?);
            }
        }
        for _ in 0..self.u.int_in_range(0..=4)? {
            let id = self.choose(repeated.iter().copied().chain([PropertyId::UserProperty]))?;
            values.push(self.property(id)?);
        }
        if !values.is_empty() {
            let first = self.u.choose_index(values.len())?;
            values.rotate_left(first);
        }
        Ok(values)
    }

    fn property(&mut self, id: PropertyId) -> Result<Property<'a>> {
        Ok(match id {
            PropertyId::PayloadFormatIndicator => Property::PayloadFormatIndicator(self.u.arbitrary()?),
            PropertyId::MessageExpiryInterval => Property::MessageExpiryInterval(self.u.arbitrary()?),
            PropertyId::ContentType => Property::ContentType(self.text()?),
            PropertyId::ResponseTopic => Property::ResponseTopic(self.topic()?),
            PropertyId::CorrelationData => Property::CorrelationData(self.data()?),
            PropertyId::SubscriptionIdentifier => Property::SubscriptionIdentifier(self.u.arbitrary()?),
            PropertyId::SessionExpiryInterval => Property::SessionExpiryInterval(self.u.arbitrary()?),
            PropertyId::AssignedClientIdentifier => {
                Property::AssignedClientIdentifier(match self.text()? {
                    "" => "c",
                    text => text,
                })
            }
            PropertyId::ServerKeepAlive => Property::ServerKeepAlive(self.u.arbitrary()?),
            PropertyId::AuthenticationMethod => Property::AuthenticationMethod(self.text()?),
            PropertyId::AuthenticationData => Property::AuthenticationData(self.data()?),
            PropertyId::RequestProblemInformation => Property::RequestProblemInformation(self.u.arbitrary()?),
            PropertyId::WillDelayInterval => Property::WillDelayInterval(self.u.arbitrary()?),
            PropertyId::RequestResponseInformation => {
                Property::RequestResponseInformation(self.u.arbitrary()?)
            }
            PropertyId::ResponseInformation => Property::ResponseInformation(self.text()?),
            PropertyId::ServerReference => Property::ServerReference(self.text()?),
            PropertyId::ReasonString => Property::ReasonString(self.text()?),
            PropertyId::ReceiveMaximum => Property::ReceiveMaximum(self.u.arbitrary()?),
            PropertyId::TopicAliasMaximum => Property::TopicAliasMaximum(self.u.arbitrary()?),
            PropertyId::TopicAlias => Property::TopicAlias(self.u.arbitrary()?),
            PropertyId::MaximumQoS => {
                Property::MaximumQoS(*self.u.choose(&[QoS::AtMostOnce, QoS::AtLeastOnce])?)
            }
            PropertyId::RetainAvailable => Property::RetainAvailable(self.u.arbitrary()?),
            PropertyId::UserProperty => Property::UserProperty((self.text()?, self.text()?)),
            PropertyId::MaximumPacketSize => Property::MaximumPacketSize(self.u.arbitrary()?),
            PropertyId::WildcardSubscriptionAvailable => {
                Property::WildcardSubscriptionAvailable(self.u.arbitrary()?)
            }
            PropertyId::SubscriptionIdentifierAvailable => {
                Property::SubscriptionIdentifierAvailable(self.u.arbitrary()?)
            }
            PropertyId::SharedSubscriptionAvailable => {
                Property::SharedSubscriptionAvailable(self.u.arbitrary()?)
            }
        })
    }

    /// A field that is rarely of a length where an encoding changes.
    fn field(&mut self) -> Result<Option<&'static str>> {
        if !self.u.ratio(1, 32)? {
            return Ok(None);
        }
        let len = *self.u.choose(&[0x7F, 0x80, 0xFF, 0x100, usize::from(u16::MAX)])?;
        Ok(LONGEST.get(..len))
    }

    /// Any string that nobody may refuse, up to the first code point that somebody may.
    fn text(&mut self) -> Result<&'a str> {
        if let Some(field) = self.field()? {
            return Ok(field);
        }
        let text: &'a str = self.u.arbitrary()?;
        let mut characters = text.char_indices();
        let end = characters.find(|(at, character)| {
            is_disallowed(*character) || at + character.len_utf8() > usize::from(u16::MAX)
        });
        Ok(end.map_or(text, |(end, _)| text.get(..end).unwrap_or_default()))
    }

    fn data(&mut self) -> Result<&'a [u8]> {
        if let Some(field) = self.field()? {
            return Ok(field.as_bytes());
        }
        let data: &'a [u8] = self.u.arbitrary()?;
        Ok(data.get(..usize::from(u16::MAX)).unwrap_or(data))
    }

    fn topic(&mut self) -> Result<TopicName<&'a [u8]>> {
        let text = self.text()?;
        let topic = text.split(['+', '#']).next().filter(|topic| !topic.is_empty()).unwrap_or("/");
        TopicName::parse(topic).map_err(|_| Error::IncorrectFormat)
    }

    fn options(&mut self) -> Result<SubscriptionOptions> {
        let qos = self.u.arbitrary()?;
        if !self.version.is_v5() {
            return Ok(SubscriptionOptions::from(qos));
        }
        Ok(SubscriptionOptions {
            qos,
            no_local: self.u.arbitrary()?,
            retain_as_published: self.u.arbitrary()?,
            retain_handling: self.u.arbitrary()?,
        })
    }

    /// The text of a Topic Filter, in 5.0 perhaps that of a Shared Subscription.
    fn filter(&mut self) -> Result<String> {
        if let Some(field) = self.field()? {
            return Ok(field.into());
        }
        let mut filter = String::new();
        if self.version.is_v5() && self.u.ratio(1, 4)? {
            let share_name = self.level()?;
            filter = format!("$share/{}/", if share_name.is_empty() { "g" } else { share_name });
        }
        for _ in 0..self.u.int_in_range(0..=5)? {
            filter += if self.u.ratio(1, 4)? { "+" } else { self.level()? };
            filter.push('/');
        }
        filter += if self.u.ratio(1, 4)? { "#" } else { self.level()? };
        Ok(filter)
    }

    /// A level of at most 32 characters, without wildcards: of a Topic Filter, or a Share Name.
    fn level(&mut self) -> Result<&'a str> {
        let level = self.text()?.split(['+', '#', '/']).next().unwrap_or_default();
        let end = level.char_indices().nth(32).map_or(level.len(), |(end, _)| end);
        Ok(level.get(..end).unwrap_or_default())
    }

    /// A text that [`filter`](Self::filter) has made. What became empty, or by chance something else, is `+`.
    fn subscription<'f>(&self, text: &'f str) -> Result<Subscription<&'f [u8]>> {
        let subscription =
            if self.version.is_v5() { Subscription::parse(text) } else { Subscription::ordinary(text) };
        subscription.or_else(|_| Subscription::ordinary("+")).map_err(|_| Error::IncorrectFormat)
    }
}

/// Never happens: the tables above and those of the codec say the same.
fn invalid(_: PropertyError) -> Error {
    Error::IncorrectFormat
}
