//! Bytes read as choices, and packets made of them: few topics, identifiers and clients, so that things meet.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::BytesMut;
use mqtt_session::codec::{
    Connack, ConnackProperties, ConnackReason, Connect, ConnectFields, ConnectProperties, Delivery,
    Disconnect, DisconnectReason, Packet, PacketId, Property, ProtocolVersion, Puback, Pubcomp, Publish,
    PublishProperties, PublishReason, Pubrec, Pubrel, QoS, RetainHandling, Suback, SubackReason,
    SubackReasons, Subscribe, SubscribeProperties, SubscriptionIdentifier, SubscriptionOptions,
    Subscriptions, TopicFilters, Unsuback, UnsubackReason, UnsubackReasons, Unsubscribe, Will,
    WillProperties,
};
use mqtt_session::topic::{Subscription, TopicName};

const TOPICS: [&str; 6] = ["a", "a/b", "b", "$s/a", "a//c", "a/b/c"];
const FILTERS: [&str; 8] = ["#", "a", "a/+", "+/b", "a/#", "$share/g/a", "$share/g/#", "$share/h/a/b"];
const CLIENTS: [&str; 4] = ["c", "d", "e", ""];

/// What is left of an input.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    pub fn below(&mut self, count: u8) -> Option<u8> {
        Some(self.byte()? % count)
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let at = usize::from(self.byte()?);
        of.get(at % of.len()).copied()
    }

    pub fn flag(&mut self) -> Option<bool> {
        Some(self.byte()? & 1 == 1)
    }

    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.below(24)?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(bytes)
    }

    pub fn version(&mut self) -> Option<ProtocolVersion> {
        self.pick(&[
            ProtocolVersion::V5_0,
            ProtocolVersion::V3_1_1,
            ProtocolVersion::V5_0,
            ProtocolVersion::V3_1,
        ])
    }

    pub fn qos(&mut self) -> Option<QoS> {
        self.pick(&QoS::ALL)
    }

    pub fn topic(&mut self) -> Option<&'static str> {
        self.pick(&TOPICS)
    }

    pub fn filter(&mut self) -> Option<&'static str> {
        self.pick(&FILTERS)
    }

    pub fn client_id(&mut self) -> Option<&'static str> {
        self.pick(&CLIENTS)
    }

    pub fn id(&mut self) -> Option<PacketId> {
        PacketId::new(u16::from(self.below(5)?) + 1)
    }

    fn delivery(&mut self) -> Option<Delivery> {
        let (packet_id, dup) = (self.id()?, self.flag()?);
        Some(match self.qos()? {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce => Delivery::AtLeastOnce { packet_id, dup },
            QoS::ExactlyOnce => Delivery::ExactlyOnce { packet_id, dup },
        })
    }

    /// A packet that either side may send; `None` also for other kinds.
    fn delivery_packet(&mut self, kind: u8, version: ProtocolVersion) -> Option<Vec<u8>> {
        let reason = if version == ProtocolVersion::V5_0 {
            self.pick(&[PublishReason::Success, PublishReason::Success, PublishReason::QuotaExceeded])?
        } else {
            PublishReason::Success
        };
        match kind {
            0 | 1 => {
                let topic = TopicName::parse(self.topic()?).ok();
                let (delivery, retain, choice) = (self.delivery()?, self.flag()?, self.below(12)?);
                let payload = self.bytes()?;
                let alias = NonZeroU16::new(u16::from(choice % 3) + 1)?;
                let values = match choice {
                    0..=2 => vec![Property::TopicAlias(alias)],
                    3 => vec![Property::MessageExpiryInterval(choice.into())],
                    4 => vec![Property::UserProperty(("k", "v")), Property::ContentType("text")],
                    _ => vec![],
                };
                let topic = if choice == 0 { None } else { topic };
                let properties = PublishProperties::new(&values).ok()?;
                Some(encoded(&Publish { topic, delivery, retain, properties, payload }.into(), version))
            }
            2 => Some(encoded(&Puback { reason, ..Puback::new(self.id()?) }.into(), version)),
            3 => Some(encoded(&Pubrec { reason, ..Pubrec::new(self.id()?) }.into(), version)),
            4 => Some(encoded(&Pubrel::new(self.id()?).into(), version)),
            5 => Some(encoded(&Pubcomp::new(self.id()?).into(), version)),
            _ => None,
        }
    }

    /// A packet a Client may send.
    pub fn client_packet(&mut self, version: ProtocolVersion) -> Option<Vec<u8>> {
        let kind = self.below(12)?;
        match kind {
            6 | 7 => self.connect(version),
            8 => {
                let options = SubscriptionOptions {
                    qos: self.qos()?,
                    no_local: false,
                    retain_as_published: self.flag()?,
                    retain_handling: RetainHandling::SendAtSubscribeIfNew,
                };
                let entries = [(subscription(self.filter()?, version)?, options)];
                let identifier = SubscriptionIdentifier::new(u32::from(self.below(3)?));
                let values: Vec<_> = identifier.map(Property::SubscriptionIdentifier).into_iter().collect();
                let properties = SubscribeProperties::new(&values).ok()?;
                let entries = Subscriptions::new(&entries);
                Some(encoded(
                    &Subscribe { properties, ..Subscribe::new(self.id()?, entries) }.into(),
                    version,
                ))
            }
            9 => {
                let entries = [subscription(self.filter()?, version)?];
                Some(encoded(&Unsubscribe::new(self.id()?, TopicFilters::new(&entries)).into(), version))
            }
            10 => Some(encoded(&Packet::Pingreq, version)),
            11 => {
                let reason = self.pick(&[
                    DisconnectReason::NormalDisconnection,
                    DisconnectReason::DisconnectWithWillMessage,
                ])?;
                Some(encoded(&Disconnect::new(reason).into(), version))
            }
            _ => self.delivery_packet(kind, version),
        }
    }

    fn connect(&mut self, version: ProtocolVersion) -> Option<Vec<u8>> {
        let flags = self.byte()?;
        let will_properties = [Property::WillDelayInterval(u32::from(flags >> 5))];
        let will_properties = WillProperties::new(&will_properties).ok()?;
        let will = Will {
            qos: QoS::AtLeastOnce,
            properties: will_properties,
            ..Will::new(TopicName::parse(self.topic()?).ok()?, b"will")
        };
        let mut values = Vec::new();
        if flags & 4 != 0 {
            values.push(Property::SessionExpiryInterval(if flags & 8 == 0 { u32::MAX } else { 5 }));
        }
        if flags & 16 != 0 {
            values.push(Property::ReceiveMaximum(NonZeroU16::new(2)?));
            values.push(Property::MaximumPacketSize(NonZeroU32::new(40)?));
            values.push(Property::TopicAliasMaximum(2));
        }
        let fields = ConnectFields {
            client_id: self.client_id()?,
            clean_start: flags & 1 != 0,
            keep_alive: u16::from(flags >> 6),
            will: (flags & 2 != 0).then_some(will),
            properties: ConnectProperties::new(&values).ok()?,
            ..ConnectFields::default()
        };
        Some(encoded(&Connect::new(&fields).into(), version))
    }

    /// A packet a Server may send.
    pub fn server_packet(&mut self, version: ProtocolVersion) -> Option<Vec<u8>> {
        let kind = self.below(12)?;
        let is_v5 = version == ProtocolVersion::V5_0;
        match kind {
            6 | 7 => {
                let flags = self.byte()?;
                let mut values = Vec::new();
                if is_v5 && flags & 2 != 0 {
                    values.push(Property::ReceiveMaximum(NonZeroU16::new(2)?));
                    values.push(Property::TopicAliasMaximum(2));
                    values.push(Property::MaximumPacketSize(NonZeroU32::new(40)?));
                }
                if is_v5 && flags & 4 != 0 {
                    values.push(Property::AssignedClientIdentifier("assigned"));
                    values.push(Property::ServerKeepAlive(1));
                }
                let properties = ConnackProperties::new(&values).ok()?;
                let reason =
                    if flags & 0xE0 == 0 { ConnackReason::ServerUnavailable } else { ConnackReason::Success };
                let session_present =
                    flags & 1 != 0 && !reason.is_error() && version != ProtocolVersion::V3_1;
                Some(encoded(
                    &Connack { session_present, properties, ..Connack::new(reason) }.into(),
                    version,
                ))
            }
            8 => {
                let reasons =
                    [self
                        .pick(&[SubackReason::granted(QoS::AtLeastOnce), SubackReason::UnspecifiedError])?];
                Some(encoded(&Suback::new(self.id()?, SubackReasons::new(&reasons)).into(), version))
            }
            9 => {
                let reasons = [UnsubackReason::Success];
                let reasons = if is_v5 { UnsubackReasons::new(&reasons) } else { UnsubackReasons::NONE };
                Some(encoded(&Unsuback::new(self.id()?, reasons).into(), version))
            }
            10 => Some(encoded(&Packet::Pingresp, version)),
            11 => Some(encoded(&Disconnect::new(DisconnectReason::ServerBusy).into(), version)),
            _ => self.delivery_packet(kind, version),
        }
    }
}

fn subscription(filter: &'static str, version: ProtocolVersion) -> Option<Subscription<&'static [u8]>> {
    match version {
        ProtocolVersion::V5_0 => Subscription::parse(filter).ok(),
        ProtocolVersion::V3_1 | ProtocolVersion::V3_1_1 => Subscription::ordinary(filter).ok(),
    }
}

/// The bytes of a packet; none if the version does not have it.
fn encoded(packet: &Packet<'_>, version: ProtocolVersion) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let _ = packet.encode(version, &mut bytes);
    bytes.to_vec()
}
