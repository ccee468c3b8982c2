//! SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (sections 3.8 to 3.11): a Packet Identifier, properties, and a list.

use alloc::format;
use core::fmt;

use super::{Body, Dialect, Lens, Room};
use crate::header;
use crate::property::sets::{PropertySet, prefixed_len, put_prefix};
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
                reader.end(dialect)?;
                Ok(Self { packet_id, properties, $list })
            }
        }

        impl Body for $name<'_> {
            fn lens(&self, version: ProtocolVersion) -> Result<Lens, EncodeError> {
                let properties = self.properties.block_len();
                let list = self.$list.encoded_len(version)?;
                Ok(Lens { body: 2 + prefixed_len(properties, version)? + list, properties, ..Lens::default() })
            }

            fn put<O: Put>(&self, version: ProtocolVersion, lens: &Lens, mut out: O) -> O {
                out = header::put_with(PacketType::$name.first_byte(), lens.body, self.packet_id.get(), out);
                if version.is_v5() {
                    out = put_prefix(lens.properties, out);
                    out = self.properties.put_block(lens.properties, out);
                }
                self.$list.put(version, out)
            }

            #[inline]
            fn first_byte_of_many(&self) -> Option<u8> {
                if self.$list.is_made() { Some(PacketType::$name.first_byte()) } else { None }
            }

            #[inline(always)]
            fn put_room<'r>(&self, version: ProtocolVersion, mut room: Room<'r>) -> Result<Room<'r>, EncodeError> {
                let properties = self.properties.block_len();
                prefixed_len(properties, version)?;
                room = room.put_u16(self.packet_id.get());
                if version.is_v5() {
                    room = put_prefix(properties, room);
                    room = self.properties.put_block(properties, room);
                }
                self.$list.put_room(version, room)
            }

            fn tail(&self, version: ProtocolVersion) -> &[u8] {
                self.$list.verbatim(version).unwrap_or_default()
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
