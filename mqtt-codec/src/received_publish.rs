//! A PUBLISH that goes on as it has arrived.

use bytes::BytesMut;

use crate::packet::{Body as _, packet_len};
use crate::{Hop, PropertyId, ProtocolVersion, Publish, TopicForm};

/// The bytes of a received PUBLISH, for receivers whose packet is the same but for its first byte and Packet Identifier: one
/// copy each, and nothing is encoded. Nearly all receivers are like that where publisher and subscriber speak the same
/// version at the same QoS.
///
/// ```
/// use bytes::BytesMut;
/// use mqtt_codec::{Decoder, Delivery, Hop, Packet, PacketId, ProtocolVersion, ReceivedPublish};
///
/// let packet = b"\x3A\x09\x00\x03a/b\x00\x09hi";
/// let version = ProtocolVersion::V3_1_1;
/// let Some((Packet::Publish(publish), _)) = Decoder::client(version).decode(packet)? else { panic!("a PUBLISH") };
/// let received = ReceivedPublish::new(packet, &publish, version).expect("written as we would");
///
/// let delivery = Delivery::AtLeastOnce { packet_id: PacketId::MIN, dup: false };
/// let mut out = BytesMut::new();
/// assert!(received.append_to(&Hop { delivery, ..Hop::default() }, version, &mut out));
/// assert_eq!(&out[..], b"\x32\x09\x00\x03a/b\x00\x01hi");
/// // There is no room for what this one says more, or no need for what that one says less.
/// assert!(!received.append_to(&Hop::default(), version, &mut out));
/// # Ok::<(), mqtt_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ReceivedPublish<'a> {
    packet: &'a [u8],
    /// Where the Packet Identifier is; 0: there is none.
    packet_id_at: usize,
    is_v5: bool,
}

impl<'a> ReceivedPublish<'a> {
    /// `packet` is what a decoder of this version has read `publish` from. `None` when it would be written in another way: it has
    /// properties of the hop it came by, or lengths that are not in their shortest form.
    #[inline]
    pub fn new(packet: &'a [u8], publish: &Publish<'_>, version: ProtocolVersion) -> Option<Self> {
        let topic = publish.topic.as_ref()?;
        let of_hop =
            [PropertyId::MessageExpiryInterval, PropertyId::TopicAlias, PropertyId::SubscriptionIdentifier];
        if !publish.properties.is_empty() && of_hop.iter().any(|id| publish.properties.contains(*id)) {
            return None;
        }
        let body = publish.lens(version).ok()?.body;
        // Whatever is not in its shortest form takes more.
        if packet_len(body).ok()? != packet.len() {
            return None;
        }
        let packet_id_at = match publish.delivery.packet_id() {
            Some(_) => packet.len() - body + 2 + topic.as_bytes().len(),
            None => 0,
        };
        Some(Self { packet, packet_id_at, is_v5: version.is_v5() })
    }

    /// Bytes of the packet, the same for every receiver.
    pub const fn encoded_len(&self) -> usize {
        self.packet.len()
    }

    /// Whether the packet for this hop and version is the same in all but values.
    #[inline]
    pub fn suits(&self, hop: &Hop<'_>, version: ProtocolVersion) -> bool {
        version.is_v5() == self.is_v5
            && hop.delivery.packet_id().is_some() == (self.packet_id_at > 0)
            && hop.topic == TopicForm::Name
            && hop.message_expiry_interval.is_none()
            && hop.subscription_identifiers.is_empty()
    }

    /// Appends the packet for this hop. `false`, and nothing is written: it has to be [encoded](crate::PreparedPublish).
    #[inline]
    pub fn append_to(&self, hop: &Hop<'_>, version: ProtocolVersion, out: &mut BytesMut) -> bool {
        if !self.suits(hop, version) {
            return false;
        }
        let start = out.len();
        out.extend_from_slice(self.packet);
        let packet = out.get_mut(start..).unwrap_or_default();
        if let Some(first) = packet.first_mut() {
            *first = hop.delivery.first_byte(hop.retain);
        }
        if let Some(packet_id) = hop.delivery.packet_id()
            && let Some(place) = packet.get_mut(self.packet_id_at..).and_then(<[u8]>::first_chunk_mut)
        {
            *place = packet_id.get().to_be_bytes();
        }
        true
    }
}
