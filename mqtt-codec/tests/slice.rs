//! Encoding into a slice or behind what a `BytesMut` holds: the same bytes as into any buffer.

#[path = "common/strategies.rs"]
mod strategies;

use bytes::{BufMut, BytesMut};
use mqtt_codec::{
    Connect, ConnectFields, EncodeError, Packet, PacketId, Property, ProtocolVersion, QoS, Subscribe,
    Subscriptions,
};
use mqtt_topic::Subscription;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_slice_takes_what_any_buffer_takes(sent in strategies::any_sent(), spare in 0..3_usize) {
        let mut expected = Vec::new();
        sent.packet.encode(sent.version, &mut expected).unwrap();
        let len = expected.len();

        let mut slice = vec![0xA5; len + spare];
        prop_assert_eq!(sent.packet.encode_to_slice(sent.version, &mut slice), Ok(len));
        prop_assert_eq!(&slice[..len], &expected);
        prop_assert!(slice[len..].iter().all(|byte| *byte == 0xA5));

        let mut small = vec![0xA5; len - 1];
        let result = sent.packet.encode_to_slice(sent.version, &mut small);
        prop_assert_eq!(result, Err(EncodeError::BufferTooSmall { needed: len }));
        prop_assert!(small.iter().all(|byte| *byte == 0xA5));

        let mut own = vec![0; len];
        let result = match &sent.packet {
            Packet::Connect(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Connack(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Publish(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Puback(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Pubrec(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Pubrel(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Pubcomp(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Subscribe(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Suback(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Unsubscribe(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Unsuback(packet) => packet.encode_to_slice(sent.version, &mut own),
            packet @ (Packet::Pingreq | Packet::Pingresp) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Disconnect(packet) => packet.encode_to_slice(sent.version, &mut own),
            Packet::Auth(packet) => packet.encode_to_slice(sent.version, &mut own),
        };
        prop_assert_eq!((result, own), (Ok(len), expected));
    }
    #[test]
    fn a_bytes_mut_takes_the_same_behind_what_it_holds(
        sent in strategies::any_sent(),
        version in proptest::sample::select(&ProtocolVersion::ALL[..]),
        room in 0..300_usize,
    ) {
        let mut expected = Vec::from(&b"held"[..]);
        let result = sent.packet.encode(version, &mut expected);
        let mut out = BytesMut::with_capacity(room);
        out.put_slice(b"held");
        prop_assert_eq!(sent.packet.append_to(version, &mut out), result);
        prop_assert_eq!(&out, &expected);

        if let Packet::Publish(publish) = &sent.packet {
            let extra = [Property::MessageExpiryInterval(7)];
            let extra = if version == ProtocolVersion::V5_0 { &extra[..] } else { &[] };
            let (mut head, mut appended) = (Vec::new(), BytesMut::with_capacity(room));
            let result = publish.encode_head_with(version, extra, &mut head);
            prop_assert_eq!(publish.append_head_with(version, extra, &mut appended), result);
            prop_assert_eq!(appended, head);
        }
    }
}

/// A slice is written from what has been counted, other outputs, while a packet is short, from what is counted as it goes.
#[test]
fn packets_of_every_length_are_the_same_in_all_outputs() {
    let text = "x".repeat(600);
    for len in 1..text.len() {
        let fields = ConnectFields { client_id: &text[..len], ..ConnectFields::default() };
        same_in_all_outputs(Connect::new(&fields).into());
        for entries in 1..=3 {
            let filter = Subscription::ordinary(&text[..len]).unwrap();
            let entries = vec![(filter, QoS::AtLeastOnce.into()); entries];
            same_in_all_outputs(
                Subscribe::new(PacketId::new(1).unwrap(), Subscriptions::new(&entries)).into(),
            );
        }
    }
}

fn same_in_all_outputs(packet: Packet<'_>) {
    for version in ProtocolVersion::ALL {
        let mut slice = vec![0; packet.encoded_len(version).unwrap()];
        assert_eq!(packet.encode_to_slice(version, &mut slice), Ok(slice.len()));
        let (mut out, mut appended) = (Vec::new(), BytesMut::new());
        packet.encode(version, &mut out).unwrap();
        packet.append_to(version, &mut appended).unwrap();
        assert_eq!((&out, &appended[..]), (&slice, &slice[..]));
        let mut exact = vec![0; slice.len()];
        packet.encode(version, &mut &mut exact[..]).unwrap();
        assert_eq!(exact, slice);
        let mut small = &mut vec![0; slice.len() - 1][..];
        let result = packet.encode(version, &mut small);
        assert_eq!(result, Err(EncodeError::BufferTooSmall { needed: slice.len() }));
        assert_eq!(small.len(), slice.len() - 1, "nothing is written");
    }
}
