//! The check behind the target `encode`: packets made of arbitrary values, valid or not.
//!
//! What is made here is made from the tables of the specification, and through `arbitrary` alone: it shares nothing
//! with the generators of the codec.

use core::num::{NonZeroU16, NonZeroU32};

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::{Bytes, BytesMut};
use mqtt_codec::{
    AckProperties, Auth, AuthProperties, AuthReason, Connack, ConnackProperties, ConnackReason, Connect,
    ConnectFields, ConnectProperties, Decoder, Delivery, Disconnect, DisconnectProperties, DisconnectReason,
    EncodeError, Fault, Hop, MessageProperties, Packet, PacketId, PacketType, PayloadFormat, PreparedPublish,
    Property, PropertyId, ProtocolVersion, Puback, Pubcomp, Publish, PublishProperties, PublishReason,
    Pubrec, Pubrel, QoS, ReleaseReason, RetainHandling, Side, Suback, SubackReason, SubackReasons, Subscribe,
    SubscribeProperties, SubscriptionIdentifier, SubscriptionOptions, Subscriptions, TopicFilters, TopicForm,
    Unsuback, UnsubackReason, UnsubackReasons, Unsubscribe, UnsubscribeProperties, Will, WillProperties,
};
use mqtt_topic::{ShareName, Subscription, TopicFilter, TopicName};

use crate::codec::{check_room, is_canonical, show};

/// An arbitrary packet is refused with a typed error and nothing written, or takes exactly as many bytes as announced,
/// in canonical form, and is read back as the same packet. What is valid is not refused.
pub fn encode(data: &[u8]) {
    // Input that runs out makes zeros and empty texts; an error cannot come of it.
    let _ = Maker { input: Unstructured::new(data), tame: false, from: Side::Client }.packet();
}

struct Maker<'a> {
    input: Unstructured<'a>,
    /// Makes only what 5.0 allows `from` to send.
    tame: bool,
    from: Side,
}

/// The storage a packet has its topics in.
trait Storage<'a>: AsRef<[u8]> {
    fn of(text: &'a str) -> Self;
}

impl<'a> Storage<'a> for &'a str {
    fn of(text: &'a str) -> Self {
        text
    }
}

impl<'a> Storage<'a> for &'a [u8] {
    fn of(text: &'a str) -> Self {
        text.as_bytes()
    }
}

/// The longest text a string can hold, and one byte more.
static LONG: [u8; 65_536] = [b'x'; 65_536];

/// What may stand once in each set of properties (section 2.2.2.2); User Property may always, and repeat.
const CONNECT: &[u8] = &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x27];
const WILL: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18];
const CONNACK: &[u8] =
    &[0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x27, 0x28, 0x29, 0x2A];
const PUBLISH: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x23];
const ACK: &[u8] = &[0x1F];
const SUBSCRIBE: &[u8] = &[0x0B];
const UNSUBSCRIBE: &[u8] = &[];
const DISCONNECT: [&[u8]; 2] = [&[0x11, 0x1F], &[0x1C, 0x1F]];
const AUTH: &[u8] = &[0x15, 0x16, 0x1F];

/// A set that must be there when all its values are legal, and otherwise ends the check.
macro_rules! set {
    ($maker:expr, $set:ident, $values:expr) => {
        match $set::new($values) {
            Ok(set) => set,
            Err(error) => {
                assert!(!$maker.tame, "{error} in {:?}", $values);
                return Ok(());
            }
        }
    };
}

impl<'a> Maker<'a> {
    fn packet(mut self) -> Result<()> {
        let kind: u8 = self.input.arbitrary()?;
        self.tame = kind & 0x10 != 0;
        self.from = if kind & 0x20 == 0 { Side::Client } else { Side::Server };
        match PacketType::from_bits(kind & 0x0F) {
            None | Some(PacketType::Publish) => self.publish(),
            Some(PacketType::Connect) => self.connect(),
            Some(PacketType::Connack) => {
                let values = self.properties(CONNACK)?;
                let reason = self.pick(ConnackReason::ALL)?;
                let session_present = self.input.arbitrary::<bool>()? && !(self.tame && reason.is_error());
                let properties = set!(self, ConnackProperties, &values);
                self.check(Connack { session_present, reason, properties })
            }
            Some(PacketType::Puback) => {
                let (packet_id, reason, values) =
                    (self.packet_id()?, self.publish_reason()?, self.properties(ACK)?);
                self.check(Puback { packet_id, reason, properties: set!(self, AckProperties, &values) })
            }
            Some(PacketType::Pubrec) => {
                let (packet_id, reason, values) =
                    (self.packet_id()?, self.publish_reason()?, self.properties(ACK)?);
                self.check(Pubrec { packet_id, reason, properties: set!(self, AckProperties, &values) })
            }
            Some(PacketType::Pubrel) => {
                let (packet_id, reason, values) =
                    (self.packet_id()?, self.pick(ReleaseReason::ALL)?, self.properties(ACK)?);
                self.check(Pubrel { packet_id, reason, properties: set!(self, AckProperties, &values) })
            }
            Some(PacketType::Pubcomp) => {
                let (packet_id, reason, values) =
                    (self.packet_id()?, self.pick(ReleaseReason::ALL)?, self.properties(ACK)?);
                self.check(Pubcomp { packet_id, reason, properties: set!(self, AckProperties, &values) })
            }
            Some(PacketType::Subscribe) => {
                let (packet_id, values) = (self.packet_id()?, self.properties(SUBSCRIBE)?);
                let entries = self.list(Self::subscription_with_options)?;
                let properties = set!(self, SubscribeProperties, &values);
                self.check(Subscribe {
                    properties,
                    ..Subscribe::new(packet_id, Subscriptions::new(&entries))
                })
            }
            Some(PacketType::Suback) => {
                let (packet_id, values) = (self.packet_id()?, self.properties(ACK)?);
                let entries = self.list(|maker| maker.pick(SubackReason::ALL))?;
                let properties = set!(self, AckProperties, &values);
                self.check(Suback { packet_id, properties, reasons: SubackReasons::new(&entries) })
            }
            Some(PacketType::Unsubscribe) => {
                let (packet_id, values) = (self.packet_id()?, self.properties(UNSUBSCRIBE)?);
                let entries = self.list(Self::subscription)?;
                let properties = set!(self, UnsubscribeProperties, &values);
                self.check(Unsubscribe {
                    properties,
                    ..Unsubscribe::new(packet_id, TopicFilters::new(&entries))
                })
            }
            Some(PacketType::Unsuback) => {
                let (packet_id, values) = (self.packet_id()?, self.properties(ACK)?);
                let entries = self.list(|maker| maker.pick(UnsubackReason::ALL))?;
                let properties = set!(self, AckProperties, &values);
                self.check(Unsuback { packet_id, properties, reasons: UnsubackReasons::new(&entries) })
            }
            Some(PacketType::Pingreq) => self.check(Packet::Pingreq),
            Some(PacketType::Pingresp) => self.check(Packet::Pingresp),
            Some(PacketType::Disconnect) => {
                let values = self.properties(DISCONNECT[self.from as usize])?;
                let mut reason = self.pick(DisconnectReason::ALL)?;
                if self.tame && !reason.may_be_sent_by(self.from) {
                    reason = DisconnectReason::UnspecifiedError;
                }
                self.check(Disconnect { reason, properties: set!(self, DisconnectProperties, &values) })
            }
            Some(PacketType::Auth) => {
                let mut values = self.properties(AUTH)?;
                if self.tame && !values.iter().any(|value| value.id() == PropertyId::AuthenticationMethod) {
                    values.push(Property::AuthenticationMethod("m"));
                }
                let mut reason = self.pick(AuthReason::ALL)?;
                if self.tame && !reason.may_be_sent_by(self.from) {
                    reason = AuthReason::ContinueAuthentication;
                }
                self.check(Auth { reason, properties: set!(self, AuthProperties, &values) })
            }
        }
    }

    fn connect(mut self) -> Result<()> {
        let values = self.properties(CONNECT)?;
        let will_values = self.properties(WILL)?;
        let topic = if self.input.arbitrary()? { self.topic()? } else { None };
        let (qos, retain) = (self.pick(&QoS::ALL)?, self.input.arbitrary()?);
        let payload = self.data()?;
        let properties = set!(self, WillProperties, &will_values);
        let will = topic.map(|topic| Will { topic, payload, qos, retain, properties });
        let fields = ConnectFields {
            client_id: self.text()?,
            clean_start: self.input.arbitrary()?,
            keep_alive: self.input.arbitrary()?,
            will,
            username: if self.input.arbitrary()? { Some(self.text()?) } else { None },
            password: if self.input.arbitrary()? { Some(self.data()?) } else { None },
            properties: set!(self, ConnectProperties, &values),
        };
        self.check(Connect::new(&fields))
    }

    fn publish(mut self) -> Result<()> {
        let mut values = self.properties(PUBLISH)?;
        if self.from == Side::Server {
            for _ in 0..self.int(2)? {
                values.push(self.property(PropertyId::SubscriptionIdentifier)?);
            }
        }
        let (packet_id, dup) = (self.packet_id()?, self.input.arbitrary()?);
        let delivery = match self.pick(&QoS::ALL)? {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id, dup },
            QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup },
        };
        let has_alias = values.iter().any(|value| value.id() == PropertyId::TopicAlias);
        let mut topic = self.topic()?;
        if (!self.tame || has_alias) && self.int(3)? == 1 {
            topic = None;
        }
        let retain = self.input.arbitrary()?;
        let payload = self.data()?;
        let publish =
            Publish { topic, delivery, retain, properties: set!(self, PublishProperties, &values), payload };
        let front = self.int(values.len())?;
        check_head(&publish, &values, front);
        self.check_prepared(&publish)?;
        self.check(publish)
    }

    /// A prepared PUBLISH is for each receiver what would have been encoded for it alone, whoever came before.
    fn check_prepared(&mut self, publish: &Publish<'_>) -> Result<()> {
        let topic = publish.topic.unwrap_or(TopicName::parse("a/b").expect("a valid name"));
        let message = MessageProperties::from_publish(publish.properties, None);
        let payload = Bytes::copy_from_slice(publish.payload);
        let message_values: Vec<_> = message.as_publish().iter().collect();
        let identifiers: Vec<_> = publish.properties.subscription_identifiers().collect();
        let alias = publish.properties.topic_alias();
        let mut hops = vec![
            Hop::default(),
            Hop {
                delivery: publish.delivery,
                retain: publish.retain,
                topic: match (publish.topic, alias) {
                    (_, None) => TopicForm::Name,
                    (Some(_), Some(alias)) => TopicForm::SetAlias(alias),
                    (None, Some(alias)) => TopicForm::Alias(alias),
                },
                message_expiry_interval: publish.properties.message_expiry_interval(),
                subscription_identifiers: &identifiers,
            },
        ];
        for _ in 0..self.int(2)? {
            hops.push(self.hop(&identifiers)?);
        }
        for version in ProtocolVersion::ALL {
            let mut prepared = PreparedPublish::new(version, &topic, &message, payload.clone());
            for hop in hops.iter().flat_map(|hop| [*hop, other_values(hop)]) {
                let hop = &hop;
                let values = [hop_properties(hop), message_values.clone()].concat();
                let alone = Publish {
                    topic: Some(topic).filter(|_| !matches!(hop.topic, TopicForm::Alias(_))),
                    delivery: hop.delivery,
                    retain: hop.retain,
                    properties: PublishProperties::new(&values).expect("they are in order"),
                    payload: &payload,
                };
                let mut whole = Vec::new();
                let result = alone.encode(version, &mut whole);
                match &mut prepared {
                    Ok(prepared) => check_receiver(prepared, hop, result, &whole),
                    // It may be too large for this receiver only; but what the message says no version forgives.
                    Err(error) => assert_eq!(result, Err(*error)),
                }
            }
        }
        Ok(())
    }

    fn hop<'h>(&mut self, identifiers: &'h [SubscriptionIdentifier]) -> Result<Hop<'h>> {
        let (packet_id, dup) = (self.packet_id()?, self.input.arbitrary()?);
        let alias = NonZeroU16::arbitrary(&mut self.input)?;
        Ok(Hop {
            delivery: self.pick(&[
                Delivery::AtMostOnce,
                Delivery::AtLeastOnce { packet_id, dup },
                Delivery::ExactlyOnce { packet_id, dup },
            ])?,
            retain: self.input.arbitrary()?,
            topic: self.pick(&[TopicForm::Name, TopicForm::SetAlias(alias), TopicForm::Alias(alias)])?,
            message_expiry_interval: self.input.arbitrary()?,
            subscription_identifiers: &identifiers[..self.int(identifiers.len())?],
        })
    }

    /// One of `all`.
    fn pick<T: Copy>(&mut self, all: &[T]) -> Result<T> {
        self.input.choose(all).copied()
    }

    /// A number of at most `max`.
    fn int(&mut self, max: usize) -> Result<usize> {
        self.input.int_in_range(0..=max)
    }

    /// At least one when it shall be valid.
    fn list<T>(&mut self, mut entry: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let len = self.int(3)?.max(usize::from(self.tame));
        (0..len).map(|_| entry(self)).collect()
    }

    fn packet_id(&mut self) -> Result<PacketId> {
        NonZeroU16::arbitrary(&mut self.input).map(PacketId::from)
    }

    fn publish_reason(&mut self) -> Result<PublishReason> {
        let reason = self.pick(PublishReason::ALL)?;
        let is_legal = !self.tame || reason.may_be_sent_by(self.from);
        Ok(if is_legal { reason } else { PublishReason::Success })
    }

    fn text(&mut self) -> Result<&'a str> {
        Ok(match self.input.arbitrary::<u8>()? {
            0xF9 => long(65_535),
            0xFA => "\u{FEFF}\u{1F600}",
            0xFB..=0xFF if self.tame => "",
            0xFB => long(65_536),
            0xFC => "a\0",
            0xFD => "$share/g/a",
            0xFE => "\u{FFFF}\u{7F}",
            len => {
                let mut text = self.str(usize::from(len % 16))?;
                while self.tame && text.contains('\0') {
                    text = text.split('\0').next().unwrap_or_default();
                }
                text
            }
        })
    }

    fn str(&mut self, len: usize) -> Result<&'a str> {
        let bytes = self.input.bytes(len.min(self.input.len()))?;
        Ok(match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        })
    }

    fn data(&mut self) -> Result<&'a [u8]> {
        Ok(match self.input.arbitrary::<u8>()? {
            0xF9 => &LONG[..65_535],
            0xFA if !self.tame => &LONG,
            len => self.input.bytes(usize::from(len % 32).min(self.input.len()))?,
        })
    }

    fn topic<S: Storage<'a>>(&mut self) -> Result<Option<TopicName<S>>> {
        let name = TopicName::new(S::of(self.text()?)).ok();
        Ok(name.or_else(|| TopicName::new(S::of("a/b")).ok()))
    }

    fn subscription<S: Storage<'a>>(&mut self) -> Result<Subscription<S>> {
        let filter =
            [self.text()?, "+/#"].into_iter().filter(|text| !(self.tame && text.starts_with("$share/")));
        let filter = { filter }.find_map(|text| TopicFilter::new(S::of(text)).ok());
        let share_name = self.text()?;
        let is_short =
            filter.as_ref().is_some_and(|filter| filter.as_bytes().len() + share_name.len() < 65_000);
        let share_name = ShareName::new(S::of(share_name)).ok().filter(|_| is_short || !self.tame);
        let filter = filter.ok_or(arbitrary::Error::IncorrectFormat)?;
        Ok(match share_name {
            Some(share_name) => Subscription::Shared { share_name, filter },
            None => Subscription::Ordinary(filter),
        })
    }

    fn subscription_with_options<S: Storage<'a>>(
        &mut self,
    ) -> Result<(Subscription<S>, SubscriptionOptions)> {
        let subscription = self.subscription()?;
        let options = SubscriptionOptions {
            qos: self.pick(&QoS::ALL)?,
            no_local: self.input.arbitrary::<bool>()? && !(self.tame && subscription.share_name().is_some()),
            retain_as_published: self.input.arbitrary()?,
            retain_handling: self.pick(&[
                RetainHandling::SendAtSubscribe,
                RetainHandling::SendAtSubscribeIfNew,
                RetainHandling::DoNotSend,
            ])?,
        };
        Ok((subscription, options))
    }

    /// Some of the `legal` properties, each once, and User Properties; or any at all.
    fn properties(&mut self, legal: &[u8]) -> Result<Vec<Property<'a>>> {
        let mut values = Vec::new();
        if self.tame {
            let chosen: u16 = self.input.arbitrary()?;
            for (index, id) in legal.iter().enumerate().filter(|(index, _)| chosen >> index & 1 == 1) {
                let at = self.int(index)?.min(values.len());
                values.insert(at, self.property(PropertyId::from_id(*id).expect("it is in the tables"))?);
            }
            let has = |id| values.iter().any(|value: &Property<'_>| value.id() == id);
            if has(PropertyId::AuthenticationData) && !has(PropertyId::AuthenticationMethod) {
                values.retain(|value| value.id() != PropertyId::AuthenticationData);
            }
            for _ in 0..self.int(2)? {
                values.push(self.property(PropertyId::UserProperty)?);
            }
        } else {
            for _ in 0..self.int(3)? {
                let id = match legal.get(self.int(20)?) {
                    Some(id) => PropertyId::from_id(*id).expect("it is in the tables"),
                    None => self.pick(PropertyId::ALL)?,
                };
                values.push(self.property(id)?);
            }
        }
        Ok(values)
    }

    fn property(&mut self, id: PropertyId) -> Result<Property<'a>> {
        let input = &mut self.input;
        Ok(match id {
            PropertyId::PayloadFormatIndicator => {
                Property::PayloadFormatIndicator(self.pick(&[PayloadFormat::Bytes, PayloadFormat::Utf8])?)
            }
            PropertyId::MessageExpiryInterval => Property::MessageExpiryInterval(input.arbitrary()?),
            PropertyId::ContentType => Property::ContentType(self.text()?),
            PropertyId::ResponseTopic => {
                Property::ResponseTopic(self.topic()?.ok_or(arbitrary::Error::IncorrectFormat)?)
            }
            PropertyId::CorrelationData => Property::CorrelationData(self.data()?),
            PropertyId::SubscriptionIdentifier => {
                let identifier = u32::arbitrary(input)? >> (4 + self.int(24)?);
                Property::SubscriptionIdentifier(
                    SubscriptionIdentifier::new(identifier.max(1))
                        .ok_or(arbitrary::Error::IncorrectFormat)?,
                )
            }
            PropertyId::SessionExpiryInterval => Property::SessionExpiryInterval(input.arbitrary()?),
            PropertyId::AssignedClientIdentifier => {
                let text = self.text()?;
                Property::AssignedClientIdentifier(if self.tame && text.is_empty() { "c" } else { text })
            }
            PropertyId::ServerKeepAlive => Property::ServerKeepAlive(input.arbitrary()?),
            PropertyId::AuthenticationMethod => Property::AuthenticationMethod(self.text()?),
            PropertyId::AuthenticationData => Property::AuthenticationData(self.data()?),
            PropertyId::RequestProblemInformation => Property::RequestProblemInformation(input.arbitrary()?),
            PropertyId::WillDelayInterval => Property::WillDelayInterval(input.arbitrary()?),
            PropertyId::RequestResponseInformation => {
                Property::RequestResponseInformation(input.arbitrary()?)
            }
            PropertyId::ResponseInformation => Property::ResponseInformation(self.text()?),
            PropertyId::ServerReference => Property::ServerReference(self.text()?),
            PropertyId::ReasonString => Property::ReasonString(self.text()?),
            PropertyId::ReceiveMaximum => Property::ReceiveMaximum(NonZeroU16::arbitrary(input)?),
            PropertyId::TopicAliasMaximum => Property::TopicAliasMaximum(input.arbitrary()?),
            PropertyId::TopicAlias => Property::TopicAlias(NonZeroU16::arbitrary(input)?),
            PropertyId::MaximumQoS => {
                let qos = self.pick(&QoS::ALL)?;
                Property::MaximumQoS(if self.tame && qos == QoS::ExactlyOnce {
                    QoS::AtLeastOnce
                } else {
                    qos
                })
            }
            PropertyId::RetainAvailable => Property::RetainAvailable(input.arbitrary()?),
            PropertyId::UserProperty => Property::UserProperty((self.text()?, self.text()?)),
            PropertyId::MaximumPacketSize => Property::MaximumPacketSize(NonZeroU32::arbitrary(input)?),
            PropertyId::WildcardSubscriptionAvailable => {
                Property::WildcardSubscriptionAvailable(input.arbitrary()?)
            }
            PropertyId::SubscriptionIdentifierAvailable => {
                Property::SubscriptionIdentifierAvailable(input.arbitrary()?)
            }
            PropertyId::SharedSubscriptionAvailable => {
                Property::SharedSubscriptionAvailable(input.arbitrary()?)
            }
            other => panic!("{other} is not made here"),
        })
    }

    /// The end of every road through [`packet`](Self::packet).
    #[allow(clippy::unnecessary_wraps, reason = "so that it can be the last expression there")]
    fn check<'p>(&self, packet: impl Into<Packet<'p>>) -> Result<()> {
        let packet = packet.into();
        show(&packet);
        for version in ProtocolVersion::ALL {
            let mut out = Vec::new();
            let result = packet.encode(version, &mut out);
            let mut appended = BytesMut::new();
            assert_eq!(packet.append_to(version, &mut appended), result);
            assert_eq!(appended, out);
            assert_eq!(packet.encoded_len(version), result.map(|()| out.len()));
            let exists = packet.packet_type().may_be_sent_by(self.from, version);
            if let Err(error) = result {
                assert!(out.is_empty(), "{error}, but something is written");
                assert!(!(self.tame && exists && version == ProtocolVersion::V5_0), "{packet}: {error}");
                continue;
            }
            assert!(is_canonical(&packet, version, &out), "{packet} in {version}: {out:02X?}");
            check_room(&packet, version, &out);
            let readers = [Side::Client, Side::Server].map(|from| is_read_back(&packet, version, from, &out));
            assert!(readers.contains(&true), "nobody reads {packet} in {version}");
            assert!(!(self.tame && exists) || readers[self.from as usize], "{packet} from {:?}", self.from);
        }
        Ok(())
    }
}

fn long(len: usize) -> &'static str {
    core::str::from_utf8(&LONG[..len]).unwrap_or_default()
}

/// Whether the receiver of what `from` sends reads `bytes` as `packet`; it may refuse what `from` must not send.
fn is_read_back(packet: &Packet<'_>, version: ProtocolVersion, from: Side, bytes: &[u8]) -> bool {
    let mut decoder = match from {
        Side::Client if packet.packet_type() == PacketType::Connect => Decoder::server(),
        Side::Client => Decoder::server().with_version(version),
        Side::Server => Decoder::client(version),
    };
    decoder.refuse_disallowed_code_points(false);
    match decoder.decode(bytes) {
        Ok(Some(found)) => {
            assert_eq!(found, (as_read(*packet, version), bytes.len()));
            assert_eq!(decoder.version(), Some(version));
            true
        }
        Err(error) => {
            let of_side = match error.fault() {
                Fault::WrongDirection
                | Fault::SubscriptionIdentifierFromClient
                | Fault::SessionExpiryFromServer => true,
                Fault::ReservedPacketType => packet.packet_type() == PacketType::Auth,
                Fault::InvalidReasonCode | Fault::PropertyNotAllowed => {
                    matches!(
                        packet,
                        Packet::Puback(_) | Packet::Pubrec(_) | Packet::Disconnect(_) | Packet::Auth(_)
                    )
                }
                _ => false,
            };
            assert!(of_side, "{error} in {packet} from {from:?}");
            false
        }
        Ok(None) => panic!("{packet} is not complete"),
    }
}

/// 3.x has six return codes, onto which the reason codes of 5.0 are mapped.
fn as_read(packet: Packet<'_>, version: ProtocolVersion) -> Packet<'_> {
    match packet {
        Packet::Connack(connack) if version != ProtocolVersion::V5_0 => {
            let code = connack.reason.return_code().and_then(ConnackReason::from_return_code);
            Packet::Connack(Connack { reason: code.expect("it has been encoded"), ..connack })
        }
        other => other,
    }
}

/// The properties of a hop in the documented order.
fn hop_properties<'a>(hop: &Hop<'_>) -> Vec<Property<'a>> {
    let expiry = hop.message_expiry_interval.map(Property::MessageExpiryInterval);
    let alias = hop.topic.alias().map(Property::TopicAlias);
    let identifiers = hop.subscription_identifiers.iter().copied().map(Property::SubscriptionIdentifier);
    expiry.into_iter().chain(alias).chain(identifiers).collect()
}

/// A hop of the same fields, but with other values.
fn other_values<'h>(hop: &Hop<'h>) -> Hop<'h> {
    let other = |value: NonZeroU16| NonZeroU16::new(value.get() ^ 0x0101).unwrap_or(NonZeroU16::MAX);
    let other_id = |id: PacketId| PacketId::new(id.get() ^ 0x1010).unwrap_or(PacketId::MAX);
    Hop {
        delivery: match hop.delivery {
            Delivery::AtMostOnce => Delivery::AtMostOnce,
            Delivery::AtLeastOnce { packet_id, dup } => {
                Delivery::ExactlyOnce { packet_id: other_id(packet_id), dup: !dup }
            }
            Delivery::ExactlyOnce { packet_id, dup } => {
                Delivery::AtLeastOnce { packet_id: other_id(packet_id), dup: !dup }
            }
        },
        retain: !hop.retain,
        topic: match hop.topic {
            TopicForm::Name => TopicForm::Name,
            TopicForm::SetAlias(alias) => TopicForm::SetAlias(other(alias)),
            TopicForm::Alias(alias) => TopicForm::Alias(other(alias)),
        },
        message_expiry_interval: hop.message_expiry_interval.map(|seconds| !seconds),
        subscription_identifiers: hop.subscription_identifiers,
    }
}

/// The prepared packet for this receiver is `whole`, in one piece and in two.
fn check_receiver(
    prepared: &mut PreparedPublish,
    hop: &Hop<'_>,
    result: core::result::Result<(), EncodeError>,
    whole: &[u8],
) {
    assert_eq!(prepared.encoded_len(hop), result.map(|()| whole.len()));
    let mut out = Vec::new();
    assert_eq!(prepared.encode(hop, &mut out), result);
    assert_eq!(out, whole);
    assert_eq!(prepared.parts(hop).map(|(head, payload)| [head, payload].concat()), result.map(|()| out));
    if result.is_ok() {
        let mut room = vec![0xA5; whole.len() - 1];
        let too_small = prepared.encode(hop, &mut room.as_mut_slice());
        assert_eq!(too_small, Err(EncodeError::BufferTooSmall { needed: whole.len() }));
        assert!(room.iter().all(|byte| *byte == 0xA5), "something has been written");
    }
}

/// A PUBLISH written as head and payload is the same; so is one whose first properties are added by the sender.
fn check_head(publish: &Publish<'_>, values: &[Property<'_>], front: usize) {
    let (extra, kept) = values.split_at(front);
    let Ok(properties) = PublishProperties::new(kept) else { return };
    let part = Publish { properties, ..*publish };
    for version in ProtocolVersion::ALL {
        let mut whole = Vec::new();
        let result = publish.encode(version, &mut whole);
        for (publish, extra) in [(publish, &[][..]), (&part, extra)] {
            let (mut out, mut appended) = (Vec::new(), BytesMut::new());
            assert_eq!(publish.encoded_len_with(version, extra), result.map(|()| whole.len()));
            assert_eq!(publish.encode_head_with(version, extra, &mut out), result);
            assert_eq!(publish.append_head_with(version, extra, &mut appended), result);
            assert_eq!(appended, out);
            if result.is_ok() {
                out.extend_from_slice(publish.payload);
            }
            assert_eq!(out, whole);
        }
    }
}
