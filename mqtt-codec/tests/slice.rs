//! Encoding into a slice or behind what a `BytesMut` holds: the same bytes as into any buffer.

#[path = "common/strategies.rs"]
mod strategies;

use bytes::{BufMut, BytesMut};
use mqtt_codec::{EncodeError, Packet, Property, ProtocolVersion};
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
