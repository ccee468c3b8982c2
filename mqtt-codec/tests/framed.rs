//! The codec of `Framed`: over a transport, and against the decoder it stands on.

#[path = "common/strategies.rs"]
mod strategies;
#[path = "common/wire.rs"]
mod wire;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use mqtt_codec::{
    Connack, ConnackReason, Connect, ConnectFields, Decoder, Deviations, Disconnect, DisconnectReason,
    EncodeError, Fault, Frame, FrameCodec, FramedError, Packet, PacketId, Property, ProtocolVersion, Puback,
    Publish, PublishProperties, Side,
};
use mqtt_topic::TopicName;
use proptest::prelude::*;
use strategies::{Sent, any_sent};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio_util::codec::{Decoder as _, Encoder as _, Framed, FramedRead, FramedWrite};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn server() -> FrameCodec {
    FrameCodec::new(Decoder::server())
}

fn client(version: ProtocolVersion) -> FrameCodec {
    FrameCodec::new(Decoder::client(version))
}

/// The codec of the sender.
fn sender(sent: &Sent<'_>) -> FrameCodec {
    match sent.from {
        Side::Client => client(sent.version),
        Side::Server => FrameCodec::new(Decoder::server().with_version(sent.version)),
    }
}

/// The codec of the receiver.
fn receiver(sent: &Sent<'_>) -> FrameCodec {
    match sent.packet {
        Packet::Connect(_) => server(),
        _ => FrameCodec::new(wire::decoder(sent.version, sent.from)),
    }
}

proptest! {
    #[test]
    fn what_is_sent_arrives(sent in any_sent(), capacity in 1..40_usize) {
        let sender = sender(&sent);
        let frame = block_on(async {
            let (near, far) = tokio::io::duplex(capacity);
            let mut near = FramedWrite::new(near, sender);
            let mut far = FramedRead::new(far, receiver(&sent));
            let (written, frame) = tokio::join!(
                async {
                    near.send(sent.packet).await?;
                    SinkExt::<Frame>::close(&mut near).await
                },
                far.next()
            );
            written.unwrap();
            let frame = frame.unwrap().unwrap();
            assert!(far.next().await.is_none());
            frame
        });
        prop_assert_eq!(frame.packet(), sent.packet);
        prop_assert_eq!(frame.version(), sent.version);
    }

    #[test]
    fn a_frame_is_passed_on_as_it_is(sent in any_sent()) {
        let mut bytes = BytesMut::new();
        sent.packet.encode(sent.version, &mut bytes).unwrap();
        let whole = bytes.clone();
        let frame = receiver(&sent).decode(&mut bytes).unwrap().unwrap();
        let mut codec = sender(&sent);
        codec.encode(&frame, &mut bytes).unwrap();
        prop_assert_eq!(&bytes, &whole);
        codec.encode(frame, &mut bytes).unwrap();
        prop_assert_eq!(&bytes[whole.len()..], &whole[..]);
    }
}

fn connect(version: ProtocolVersion) -> BytesMut {
    let fields = ConnectFields { client_id: "c", ..ConnectFields::default() };
    let mut bytes = BytesMut::new();
    Connect::new(&fields).encode(version, &mut bytes).unwrap();
    bytes
}

async fn pair(
    version: ProtocolVersion,
) -> (Framed<DuplexStream, FrameCodec>, Framed<DuplexStream, FrameCodec>) {
    let (near, far) = tokio::io::duplex(64);
    let (mut near, mut far) = (Framed::new(near, client(version)), Framed::new(far, server()));
    near.get_mut().write_all(&connect(version)).await.unwrap();
    let frame = far.next().await.unwrap().unwrap();
    assert!(matches!(frame.packet(), Packet::Connect(_)));
    (near, far)
}

#[test]
fn a_server_writes_the_version_that_connect_names() {
    for (version, len) in
        [(ProtocolVersion::V3_1, 4), (ProtocolVersion::V3_1_1, 4), (ProtocolVersion::V5_0, 5)]
    {
        block_on(async {
            let (mut client, mut server) = pair(version).await;
            assert_eq!(server.codec().decoder().version(), Some(version));
            server.send(Packet::from(Connack::new(ConnackReason::Success))).await.unwrap();
            let frame = client.next().await.unwrap().unwrap();
            assert_eq!((frame.version(), frame.bytes().len()), (version, len));
        });
    }
}

#[test]
fn a_server_cannot_write_before_connect() {
    let mut out = BytesMut::new();
    let error = server().encode(Packet::Pingresp, &mut out).unwrap_err();
    assert!(matches!(error, FramedError::VersionUnknown), "{error}");
    let frame = client(ProtocolVersion::V5_0).decode(&mut BytesMut::from(&b"\xD0\x00"[..])).unwrap().unwrap();
    assert!(matches!(server().encode(&frame, &mut out), Err(FramedError::VersionUnknown)));
    assert!(out.is_empty());
    let mut told = FrameCodec::new(Decoder::server().with_version(ProtocolVersion::V3_1_1));
    told.encode(Packet::Pingresp, &mut out).unwrap();
    assert_eq!(&out[..], b"\xD0\x00");
}

#[test]
fn a_side_writes_only_what_it_may_send() {
    let (mut out, version) = (BytesMut::new(), ProtocolVersion::V5_0);
    let mut sides = [
        (client(version), Packet::Pingresp),
        (FrameCodec::new(Decoder::server().with_version(version)), Packet::Pingreq),
    ];
    for (codec, packet) in &mut sides {
        let error = codec.encode(*packet, &mut out).unwrap_err();
        assert!(matches!(error, FramedError::WrongDirection(_)), "{error}");
    }
    // A frame that came from the peer goes back to it only if both may send it.
    let (mut from_server, mut ack) =
        (BytesMut::from(&b"\xD0\x00"[..]), BytesMut::from(&b"\x40\x02\x00\x01"[..]));
    let mut codec = client(version);
    let frame = codec.decode(&mut from_server).unwrap().unwrap();
    assert!(matches!(codec.encode(&frame, &mut out), Err(FramedError::WrongDirection(_))));
    assert!(out.is_empty());
    let frame = codec.decode(&mut ack).unwrap().unwrap();
    codec.encode(&frame, &mut out).unwrap();
    assert_eq!(&out[..], b"\x40\x02\x00\x01");
}

#[test]
fn malformed_bytes_end_the_reading_with_the_error_of_the_decoder() {
    block_on(async {
        let (mut client, mut server) = pair(ProtocolVersion::V5_0).await;
        client.get_mut().write_all(b"\xC0\x00\x00\x00").await.unwrap();
        assert_eq!(server.next().await.unwrap().unwrap().packet(), Packet::Pingreq);
        let error = server.next().await.unwrap().unwrap_err();
        let FramedError::Decode(error) = error else { panic!("{error}") };
        assert_eq!(error.fault(), Fault::ReservedPacketType);
        assert!(server.next().await.is_none());
        // The answer can still be written.
        server.send(Packet::Pingresp).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().packet(), Packet::Pingresp);
    });
}

#[test]
fn a_packet_that_is_not_valid_is_not_written() {
    block_on(async {
        let (mut client, mut server) = pair(ProtocolVersion::V3_1_1).await;
        let values = [Property::TopicAlias(core::num::NonZeroU16::MIN)];
        let properties = PublishProperties::new(&values).unwrap();
        let publish = Publish { properties, ..Publish::new(TopicName::parse("a").unwrap(), b"") };
        let error = server.send(Packet::from(publish)).await.unwrap_err();
        assert!(matches!(error, FramedError::Encode(EncodeError::NotInVersion { .. })), "{error}");
        server.send(Packet::from(Puback::new(PacketId::MIN))).await.unwrap();
        let frame = client.next().await.unwrap().unwrap();
        assert_eq!(frame.packet(), Puback::new(PacketId::MIN).into());
    });
}

#[test]
fn a_frame_of_another_version_is_written_anew() {
    let publish = Publish::new(TopicName::parse("a").unwrap(), b"hi");
    let frame = |publish: Publish<'_>| -> Frame {
        let mut bytes = BytesMut::new();
        publish.encode(ProtocolVersion::V5_0, &mut bytes).unwrap();
        client(ProtocolVersion::V5_0).decode(&mut bytes).unwrap().unwrap()
    };
    let mut out = BytesMut::new();
    client(ProtocolVersion::V3_1_1).encode(&frame(publish), &mut out).unwrap();
    assert_eq!(&out[..], b"\x30\x05\x00\x01ahi");
    let values = [Property::UserProperty(("k", "v"))];
    let properties = PublishProperties::new(&values).unwrap();
    let result = client(ProtocolVersion::V3_1_1).encode(frame(Publish { properties, ..publish }), &mut out);
    assert!(matches!(result, Err(FramedError::Encode(EncodeError::NotInVersion { .. }))));
    assert_eq!(out.len(), 7);
}

/// The long form of an acknowledgement says no more than the short one, which it would be if it were written anew.
#[test]
fn a_frame_that_is_not_as_short_as_can_be_is_passed_on_as_it_is() {
    let puback = &b"\x40\x04\x00\x01\x00\x00"[..];
    let frame = client(ProtocolVersion::V5_0).decode(&mut BytesMut::from(puback)).unwrap().unwrap();
    let mut out = BytesMut::new();
    client(ProtocolVersion::V5_0).encode(&frame, &mut out).unwrap();
    assert_eq!(out, puback);
}

#[test]
fn a_transport_that_ends_within_a_packet_is_an_error() {
    block_on(async {
        let (mut client, mut server) = pair(ProtocolVersion::V5_0).await;
        client.get_mut().write_all(b"\x30\x05\x00").await.unwrap();
        drop(client);
        assert!(matches!(server.next().await, Some(Err(FramedError::Io(_)))));
        assert!(server.next().await.is_none());
    });
}

#[test]
fn limits_are_those_of_the_decoder() {
    block_on(async {
        let (mut client, mut server) = pair(ProtocolVersion::V5_0).await;
        server.codec_mut().decoder_mut().set_maximum_packet_size(10);
        // Its size is refused when nothing but its size has arrived.
        client.get_mut().write_all(b"\x30\x09").await.unwrap();
        let error = server.next().await.unwrap().unwrap_err();
        let FramedError::Decode(error) = error else { panic!("{error}") };
        assert_eq!(error.fault(), Fault::PacketTooLarge);
    });
}

#[test]
fn a_large_packet_reserves_nothing_before_it_arrives() {
    let mut codec = client(ProtocolVersion::V5_0);
    let mut input = BytesMut::from(&b"\x30\xFF\xFF\xFF\x7F\x00"[..]);
    let before = input.capacity();
    assert!(codec.decode(&mut input).unwrap().is_none());
    assert_eq!(input.capacity(), before);
}

#[test]
fn a_frame_with_a_deviation_is_written_as_it_should_have_been() {
    let deviants = [
        (&b"\x40\x82\x00\x00\x07"[..], &b"\x40\x02\x00\x07"[..]),
        (b"\x38\x04\x00\x01a\x00", b"\x30\x04\x00\x01a\x00"),
        (b"\xC1\x02!!", b"\xC0\x00"),
    ];
    for (deviant, canonical) in deviants {
        let mut decoder = Decoder::server().with_version(ProtocolVersion::V5_0);
        decoder.accept(Deviations::ALL);
        let frame = decoder.decode_frame(&mut BytesMut::from(deviant)).unwrap().unwrap();
        let mut out = BytesMut::new();
        client(ProtocolVersion::V5_0).encode(&frame, &mut out).unwrap();
        assert_eq!(out, canonical);
    }
}

#[test]
fn a_broken_connect_is_answered_in_the_version_it_names() {
    let mut codec = server();
    let broken = b"\x10\x0D\x00\x04MQTT\x05\x03\x00\x00\x00\x00\x00";
    let Err(FramedError::Decode(error)) = codec.decode(&mut BytesMut::from(&broken[..])) else { panic!() };
    let mut out = BytesMut::new();
    codec.encode(Packet::from(Connack::new(error.connack_reason())), &mut out).unwrap();
    assert_eq!(out, &b"\x20\x03\x00\x81\x00"[..]);
}

#[test]
fn a_second_connect_does_not_change_what_is_written() {
    let mut codec = server();
    for connect in [connect(ProtocolVersion::V5_0), connect(ProtocolVersion::V3_1_1)] {
        codec.decode(&mut connect.clone()).unwrap().unwrap();
    }
    let mut out = BytesMut::new();
    codec.encode(Packet::from(Disconnect::new(DisconnectReason::ProtocolError)), &mut out).unwrap();
    assert_eq!(out, &b"\xE0\x01\x82"[..]);
}

#[test]
fn unused_bits_of_3_1_are_not_repeated() {
    let mut decoder = Decoder::client(ProtocolVersion::V3_1);
    let frame = decoder.decode_frame(&mut BytesMut::from(&b"\x2F\x02\xFF\x00"[..])).unwrap().unwrap();
    let mut out = BytesMut::new();
    FrameCodec::new(Decoder::server().with_version(ProtocolVersion::V3_1)).encode(&frame, &mut out).unwrap();
    assert_eq!(out, &b"\x20\x02\x00\x00"[..]);
}
