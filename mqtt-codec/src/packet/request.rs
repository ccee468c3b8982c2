//! SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (sections 3.8 to 3.11): a Packet Identifier, properties, and a list.

use alloc::format;
use core::fmt;

use super::{Body, Dialect};
use crate::property::sets::PropertySet;
use crate::reader::Reader;
use crate::writer::Put;
use crate::{
    AckProperties, DecodeError, EncodeError, PacketId, PacketType, ProtocolVersion, RetainHandling,
    SubackReasons, SubscribeProperties, Subscriptions, TopicFilters, UnsubackReasons, UnsubscribeProperties,
};

macro_rules! list_packets {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident { properties: $properties:ident, #[doc = $list_doc:literal] $list:ident: $entries:ident }
    )+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a> {
            /// Names the exchange.
            pub packet_id: PacketId,
            /// The properties; none in 3.x.
            pub properties: $properties<'a>,
            #[doc = $list_doc]
            pub $list: $entries<'a>,
        }

        impl<'a> $name<'a> {
            /// The packet without properties.
            pub const fn new(packet_id: PacketId, $list: $entries<'a>) -> Self {
                Self { packet_id, properties: $properties::EMPTY, $list }
            }

            pub(super) fn decode(reader: &mut Reader<'a>, dialect: &Dialect) -> Result<Self, DecodeError> {
                let packet_id = reader.packet_id()?;
                let properties = if dialect.version.is_v5() {
                    $properties::decode(reader, dialect)?
                } else {
                    $properties::EMPTY
                };
                let $list = $entries::decode(reader, dialect)?;
                Ok(Self { packet_id, properties, $list })
            }
        }

        impl Body for $name<'_> {
            fn first_byte(&self) -> u8 {
                PacketType::$name.first_byte()
            }

            fn body_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
                Ok(2 + self.properties.encoded_len(version)? + self.$list.encoded_len(version)?)
            }

            fn put_body(&self, version: ProtocolVersion, out: &mut impl Put) {
                out.put_u16(self.packet_id.get());
                self.properties.put(version, out);
                self.$list.put(version, out);
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self { packet_id, properties, $list } = self;
                write!(f, "{} id={packet_id}{}{properties}", PacketType::$name, $list)
            }
        }
    )+ };
}

list_packets! {
    /// SUBSCRIBE: the Client asks for messages of one or more Topic Filters.
    Subscribe {
        properties: SubscribeProperties,
        /// The Topic Filters with their options, at least one.
        subscriptions: Subscriptions
    }
    /// SUBACK: answers a SUBSCRIBE.
    Suback {
        properties: AckProperties,
        /// One code for each Topic Filter of the SUBSCRIBE, in its order.
        reasons: SubackReasons
    }
    /// UNSUBSCRIBE: the Client gives up one or more Topic Filters.
    Unsubscribe {
        properties: UnsubscribeProperties,
        /// The Topic Filters, at least one.
        filters: TopicFilters
    }
    /// UNSUBACK: answers an UNSUBSCRIBE.
    Unsuback {
        properties: AckProperties,
        /// One code for each Topic Filter of the UNSUBSCRIBE, in its order; none in 3.x.
        reasons: UnsubackReasons
    }
}

impl fmt::Display for Subscriptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (subscription, options) in self.iter() {
            write!(f, " {:?} q{}", format!("{subscription}"), options.qos)?;
            if options.no_local {
                f.write_str(" no_local")?;
            }
            if options.retain_as_published {
                f.write_str(" retain_as_published")?;
            }
            if options.retain_handling != RetainHandling::SendAtSubscribe {
                write!(f, " retain_handling={}", options.retain_handling as u8)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for TopicFilters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|filter| write!(f, " {:?}", format!("{filter}")))
    }
}

impl fmt::Display for SubackReasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|reason| write!(f, " 0x{:02X}", reason.code()))
    }
}

impl fmt::Display for UnsubackReasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|reason| write!(f, " 0x{:02X}", reason.code()))
    }
}
