//! What a packet says, field by field, in a form that two decoders can be compared by.
//!
//! The codec and mqtt-proto are written down here; two decoders that agree on packets and reject the same ones could
//! still take one field for another.

use std::fmt::Debug;

use mqtt_codec::{Packet, PayloadFormat, Property, SubscriptionOptions, Will};
use mqtt_proto::v5::UserProperty;
use mqtt_proto::{QosPid, v3, v5};

/// A peer's packet that can be written down, if the peer is one of those.
pub(crate) trait Values {
    fn values(&self) -> Option<List> {
        None
    }
}

/// Names and values, in no order.
#[derive(Default)]
pub(crate) struct List(Vec<String>);

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |list: &Self| {
            let mut entries = list.0.clone();
            entries.sort_unstable();
            entries
        };
        sorted(self) == sorted(other)
    }
}

impl Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl List {
    fn add(&mut self, name: &str, value: impl Debug) {
        self.0.push(format!("{name}={value:?}"));
    }

    fn option(&mut self, name: &str, value: Option<impl Debug>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn each<T: Debug>(&mut self, name: &str, values: impl IntoIterator<Item = T>) {
        for (index, value) in values.into_iter().enumerate() {
            self.add(&format!("{name} {index}"), value);
        }
    }

    fn properties<'a>(&mut self, owner: &str, properties: impl Iterator<Item = Property<'a>> + Clone) {
        for property in properties.clone() {
            let name = format!("{owner}{}", property.id());
            match property {
                Property::PayloadFormatIndicator(format) => self.add(&name, format == PayloadFormat::Utf8),
                Property::MessageExpiryInterval(value)
                | Property::SessionExpiryInterval(value)
                | Property::WillDelayInterval(value) => self.add(&name, value),
                Property::ContentType(text)
                | Property::AssignedClientIdentifier(text)
                | Property::AuthenticationMethod(text)
                | Property::ResponseInformation(text)
                | Property::ServerReference(text)
                | Property::ReasonString(text) => self.add(&name, text),
                Property::ResponseTopic(topic) => self.add(&name, topic.as_bytes()),
                Property::CorrelationData(data) | Property::AuthenticationData(data) => self.add(&name, data),
                Property::SubscriptionIdentifier(identifier) => self.add(&name, identifier.get()),
                Property::ServerKeepAlive(value) | Property::TopicAliasMaximum(value) => {
                    self.add(&name, value)
                }
                Property::ReceiveMaximum(value) | Property::TopicAlias(value) => self.add(&name, value),
                Property::MaximumPacketSize(value) => self.add(&name, value),
                Property::MaximumQoS(qos) => self.add(&name, qos.bits()),
                Property::RequestProblemInformation(value)
                | Property::RequestResponseInformation(value)
                | Property::RetainAvailable(value)
                | Property::WildcardSubscriptionAvailable(value)
                | Property::SubscriptionIdentifierAvailable(value)
                | Property::SharedSubscriptionAvailable(value) => self.add(&name, value),
                Property::UserProperty(_) => {}
                other => panic!("{other} is not written down"),
            }
        }
        let pairs = properties.filter_map(|property| match property {
            Property::UserProperty(pair) => Some(pair),
            _ => None,
        });
        self.each(&format!("{owner}User Property"), pairs);
    }

    fn user_properties(&mut self, owner: &str, pairs: &[UserProperty]) {
        self.each(&format!("{owner}User Property"), pairs.iter().map(|pair| (&pair.name, &pair.value)));
    }

    fn will(&mut self, will: &Will<'_>) {
        self.add("Will Topic", will.topic.as_bytes());
        self.add("Will Payload", will.payload);
        self.add("Will QoS", will.qos.bits());
        self.add("Will Retain", will.retain);
        self.properties("Will ", will.properties.iter());
    }
}

fn options(options: SubscriptionOptions) -> (u8, bool, bool, u8) {
    (options.qos.bits(), options.no_local, options.retain_as_published, options.retain_handling as u8)
}

/// What the codec reads.
pub(crate) fn of(packet: &Packet<'_>) -> List {
    let mut list = List::default();
    match packet {
        Packet::Connect(connect) => {
            let fields = connect.fields();
            list.add("Client Identifier", fields.client_id);
            list.add("Clean Start", fields.clean_start);
            list.add("Keep Alive", fields.keep_alive);
            list.option("User Name", fields.username);
            list.option("Password", fields.password);
            list.properties("", fields.properties.iter());
            if let Some(will) = &fields.will {
                list.will(will);
            }
        }
        Packet::Connack(connack) => {
            list.add("Session Present", connack.session_present);
            list.add("Reason Code", connack.reason.code());
            list.properties("", connack.properties.iter());
        }
        Packet::Publish(publish) => {
            list.add("DUP", publish.delivery.dup());
            list.add("QoS", publish.delivery.qos().bits());
            list.option("Packet Identifier", publish.delivery.packet_id().map(|id| id.get()));
            list.add("RETAIN", publish.retain);
            list.add("Topic Name", publish.topic.as_ref().map_or(&[][..], |topic| topic.as_bytes()));
            list.add("Payload", publish.payload);
            list.properties("", publish.properties.iter());
        }
        Packet::Puback(ack) => {
            list.add("Packet Identifier", ack.packet_id.get());
            list.add("Reason Code", ack.reason.code());
            list.properties("", ack.properties.iter());
        }
        Packet::Pubrec(ack) => {
            list.add("Packet Identifier", ack.packet_id.get());
            list.add("Reason Code", ack.reason.code());
            list.properties("", ack.properties.iter());
        }
        Packet::Pubrel(ack) => {
            list.add("Packet Identifier", ack.packet_id.get());
            list.add("Reason Code", ack.reason.code());
            list.properties("", ack.properties.iter());
        }
        Packet::Pubcomp(ack) => {
            list.add("Packet Identifier", ack.packet_id.get());
            list.add("Reason Code", ack.reason.code());
            list.properties("", ack.properties.iter());
        }
        Packet::Subscribe(subscribe) => {
            list.add("Packet Identifier", subscribe.packet_id.get());
            list.properties("", subscribe.properties.iter());
            let entries = subscribe.subscriptions.iter();
            list.each("Topic Filter", entries.map(|(filter, wanted)| (filter.to_string(), options(wanted))));
        }
        Packet::Suback(suback) => {
            list.add("Packet Identifier", suback.packet_id.get());
            list.properties("", suback.properties.iter());
            list.each("Reason Code", suback.reasons.iter().map(|reason| reason.code()));
        }
        Packet::Unsubscribe(unsubscribe) => {
            list.add("Packet Identifier", unsubscribe.packet_id.get());
            list.properties("", unsubscribe.properties.iter());
            list.each("Topic Filter", unsubscribe.filters.iter().map(|filter| filter.to_string()));
        }
        Packet::Unsuback(unsuback) => {
            list.add("Packet Identifier", unsuback.packet_id.get());
            list.properties("", unsuback.properties.iter());
            list.each("Reason Code", unsuback.reasons.iter().map(|reason| reason.code()));
        }
        Packet::Disconnect(disconnect) => {
            list.add("Reason Code", disconnect.reason.code());
            list.properties("", disconnect.properties.iter());
        }
        Packet::Auth(auth) => {
            list.add("Reason Code", auth.reason.code());
            list.properties("", auth.properties.iter());
        }
        Packet::Pingreq | Packet::Pingresp => {}
    }
    list
}

macro_rules! publish {
    ($list:ident, $publish:ident) => {
        let (qos, id) = match $publish.qos_pid {
            QosPid::Level0 => (0, None),
            QosPid::Level1(id) => (1, Some(id.value())),
            QosPid::Level2(id) => (2, Some(id.value())),
        };
        $list.add("DUP", $publish.dup);
        $list.add("QoS", qos);
        $list.option("Packet Identifier", id);
        $list.add("RETAIN", $publish.retain);
        $list.add("Topic Name", $publish.topic_name.as_bytes());
        $list.add("Payload", &$publish.payload[..]);
    };
}

macro_rules! acknowledgement {
    ($list:ident, $ack:ident) => {
        $list.add("Packet Identifier", $ack.pid.value());
        $list.add("Reason Code", $ack.reason_code as u8);
        $list.option("Reason String", $ack.properties.reason_string.as_ref());
        $list.user_properties("", &$ack.properties.user_properties);
    };
}

impl Values for v3::Packet {
    fn values(&self) -> Option<List> {
        let mut list = List::default();
        match self {
            Self::Connect(connect) => {
                list.add("Client Identifier", &connect.client_id);
                list.add("Clean Start", connect.clean_session);
                list.add("Keep Alive", connect.keep_alive);
                list.option("User Name", connect.username.as_ref());
                list.option("Password", connect.password.as_deref());
                if let Some(will) = &connect.last_will {
                    list.add("Will Topic", will.topic_name.as_bytes());
                    list.add("Will Payload", &will.message[..]);
                    list.add("Will QoS", will.qos as u8);
                    list.add("Will Retain", will.retain);
                }
            }
            Self::Publish(publish) => {
                publish!(list, publish);
            }
            Self::Subscribe(subscribe) => {
                list.add("Packet Identifier", subscribe.pid.value());
                let entries = subscribe.topics.iter();
                list.each(
                    "Topic Filter",
                    entries.map(|(filter, qos)| (filter.to_string(), (*qos as u8, false, false, 0))),
                );
            }
            Self::Unsubscribe(unsubscribe) => {
                list.add("Packet Identifier", unsubscribe.pid.value());
                list.each("Topic Filter", unsubscribe.topics.iter().map(ToString::to_string));
            }
            _ => return None,
        }
        Some(list)
    }
}

impl Values for v5::Packet {
    fn values(&self) -> Option<List> {
        let mut list = List::default();
        match self {
            Self::Connect(connect) => {
                list.add("Client Identifier", &connect.client_id);
                list.add("Clean Start", connect.clean_start);
                list.add("Keep Alive", connect.keep_alive);
                list.option("User Name", connect.username.as_ref());
                list.option("Password", connect.password.as_deref());
                let properties = &connect.properties;
                list.option("Session Expiry Interval", properties.session_expiry_interval);
                list.option("Receive Maximum", properties.receive_max);
                list.option("Maximum Packet Size", properties.max_packet_size);
                list.option("Topic Alias Maximum", properties.topic_alias_max);
                list.option("Request Response Information", properties.request_response_info);
                list.option("Request Problem Information", properties.request_problem_info);
                list.option("Authentication Method", properties.auth_method.as_ref());
                list.option("Authentication Data", properties.auth_data.as_deref());
                list.user_properties("", &properties.user_properties);
                if let Some(will) = &connect.last_will {
                    list.add("Will Topic", will.topic_name.as_bytes());
                    list.add("Will Payload", &will.payload[..]);
                    list.add("Will QoS", will.qos as u8);
                    list.add("Will Retain", will.retain);
                    let properties = &will.properties;
                    list.option("Will Will Delay Interval", properties.delay_interval);
                    list.option("Will Payload Format Indicator", properties.payload_is_utf8);
                    list.option("Will Message Expiry Interval", properties.message_expiry_interval);
                    list.option("Will Content Type", properties.content_type.as_ref());
                    list.option(
                        "Will Response Topic",
                        properties.response_topic.as_ref().map(|t| t.as_bytes()),
                    );
                    list.option("Will Correlation Data", properties.correlation_data.as_deref());
                    list.user_properties("Will ", &properties.user_properties);
                }
            }
            Self::Connack(connack) => {
                list.add("Session Present", connack.session_present);
                list.add("Reason Code", connack.reason_code as u8);
                let properties = &connack.properties;
                list.option("Session Expiry Interval", properties.session_expiry_interval);
                list.option("Receive Maximum", properties.receive_max);
                list.option("Maximum QoS", properties.max_qos.map(|qos| qos as u8));
                list.option("Retain Available", properties.retain_available);
                list.option("Maximum Packet Size", properties.max_packet_size);
                list.option("Assigned Client Identifier", properties.assigned_client_id.as_ref());
                list.option("Topic Alias Maximum", properties.topic_alias_max);
                list.option("Reason String", properties.reason_string.as_ref());
                list.option("Wildcard Subscription Available", properties.wildcard_subscription_available);
                list.option("Subscription Identifier Available", properties.subscription_id_available);
                list.option("Shared Subscription Available", properties.shared_subscription_available);
                list.option("Server Keep Alive", properties.server_keep_alive);
                list.option("Response Information", properties.response_info.as_ref());
                list.option("Server Reference", properties.server_reference.as_ref());
                list.option("Authentication Method", properties.auth_method.as_ref());
                list.option("Authentication Data", properties.auth_data.as_deref());
                list.user_properties("", &properties.user_properties);
            }
            Self::Publish(publish) => {
                publish!(list, publish);
                let properties = &publish.properties;
                list.option("Payload Format Indicator", properties.payload_is_utf8);
                list.option("Message Expiry Interval", properties.message_expiry_interval);
                list.option("Topic Alias", properties.topic_alias);
                list.option(
                    "Response Topic",
                    properties.response_topic.as_ref().map(|topic| topic.as_bytes()),
                );
                list.option("Correlation Data", properties.correlation_data.as_deref());
                list.option("Subscription Identifier", properties.subscription_id.map(|id| id.value()));
                list.option("Content Type", properties.content_type.as_ref());
                list.user_properties("", &properties.user_properties);
            }
            Self::Puback(ack) => {
                acknowledgement!(list, ack);
            }
            Self::Pubrec(ack) => {
                acknowledgement!(list, ack);
            }
            Self::Pubrel(ack) => {
                acknowledgement!(list, ack);
            }
            Self::Pubcomp(ack) => {
                acknowledgement!(list, ack);
            }
            Self::Subscribe(subscribe) => {
                list.add("Packet Identifier", subscribe.pid.value());
                list.option(
                    "Subscription Identifier",
                    subscribe.properties.subscription_id.map(|id| id.value()),
                );
                list.user_properties("", &subscribe.properties.user_properties);
                let entries = subscribe.topics.iter().map(|(filter, wanted)| {
                    let v5::SubscriptionOptions { max_qos, no_local, retain_as_published, retain_handling } =
                        wanted;
                    let options = (*max_qos as u8, *no_local, *retain_as_published, *retain_handling as u8);
                    (filter.to_string(), options)
                });
                list.each("Topic Filter", entries);
            }
            Self::Suback(suback) => {
                list.add("Packet Identifier", suback.pid.value());
                list.option("Reason String", suback.properties.reason_string.as_ref());
                list.user_properties("", &suback.properties.user_properties);
                list.each("Reason Code", suback.topics.iter().map(|code| *code as u8));
            }
            Self::Unsubscribe(unsubscribe) => {
                list.add("Packet Identifier", unsubscribe.pid.value());
                list.user_properties("", &unsubscribe.properties.user_properties);
                list.each("Topic Filter", unsubscribe.topics.iter().map(ToString::to_string));
            }
            Self::Unsuback(unsuback) => {
                list.add("Packet Identifier", unsuback.pid.value());
                list.option("Reason String", unsuback.properties.reason_string.as_ref());
                list.user_properties("", &unsuback.properties.user_properties);
                list.each("Reason Code", unsuback.topics.iter().map(|code| *code as u8));
            }
            Self::Disconnect(disconnect) => {
                list.add("Reason Code", disconnect.reason_code as u8);
                list.option("Session Expiry Interval", disconnect.properties.session_expiry_interval);
                list.option("Reason String", disconnect.properties.reason_string.as_ref());
                list.option("Server Reference", disconnect.properties.server_reference.as_ref());
                list.user_properties("", &disconnect.properties.user_properties);
            }
            Self::Auth(auth) => {
                list.add("Reason Code", auth.reason_code as u8);
                list.option("Authentication Method", auth.properties.auth_method.as_ref());
                list.option("Authentication Data", auth.properties.auth_data.as_deref());
                list.option("Reason String", auth.properties.reason_string.as_ref());
                list.user_properties("", &auth.properties.user_properties);
            }
            Self::Pingreq | Self::Pingresp => {}
        }
        Some(list)
    }
}
