//! What broke other implementations and must not break this one, one test for each case.

#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/wire.rs"]
mod wire;

use Side::{Client, Server};
use bytes::BytesMut;
use corpus::corpus;
use mqtt_codec::{ConnackReason, Decoder, Fault, Packet, PacketType, ProtocolVersion, Side};
use wire::{MQTT5, MQTT31, MQTT311, decode, packet, set};

fn fault(version: ProtocolVersion, from: Side, bytes: &[u8]) -> Fault {
    match decode(version, from, bytes) {
        Err(error) => error.fault(),
        accepted => panic!("{bytes:02X?} in {version}: {accepted:?}"),
    }
}

#[test]
fn case_01_a_length_of_five_bytes_is_an_error_at_its_fourth() {
    for version in ProtocolVersion::ALL {
        for header in [&b"\x10\x80\x80\x80\x80\x01"[..], b"\x30\xFF\xFF\xFF\xFF\x01", b"\x30\xFF\xFF\xFF\xFF"]
        {
            assert_eq!(fault(version, Client, header), Fault::VariableByteIntegerTooLong);
        }
    }
    for body in [&b"\xFF\xFF\xFF\xFF\x7F"[..], b"\x80\x80\x80\x80\x00", b"\xFF\xFF\xFF\xFF"] {
        let publish = packet(0x30, &[b"\x00\x01a", body]);
        assert_eq!(fault(ProtocolVersion::V5_0, Client, &publish), Fault::VariableByteIntegerTooLong);
        let connect = packet(0x10, &[MQTT5, b"\x02\x00\x00", body]);
        assert_eq!(fault(ProtocolVersion::V5_0, Client, &connect), Fault::VariableByteIntegerTooLong);
    }
    let connect = packet(0x10, &[MQTT5, b"\x02\x00\x00", b"\xFF\xFF\xFF\x7F"]);
    assert_eq!(fault(ProtocolVersion::V5_0, Client, &connect), Fault::Truncated);
}

#[test]
fn case_02_a_length_of_four_bytes_works() {
    let publish = packet(0x32, &[b"\x00\x01a\x00\x01", &vec![0x5A; 2_097_152 - 5]]);
    assert_eq!(&publish[..5], b"\x32\x80\x80\x80\x01");
    for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
        let Ok(Some((Packet::Publish(read), len))) = decode(version, Client, &publish) else {
            panic!("a PUBLISH")
        };
        assert_eq!((read.payload.len(), len), (2_097_152 - 5, publish.len()));
    }
    let largest = b"\x30\xFF\xFF\xFF\x7F";
    let mut decoder = Decoder::client(ProtocolVersion::V5_0);
    assert_eq!(decoder.decode(largest), Ok(None));
    decoder.set_maximum_packet_size(1 << 20);
    assert_eq!(decoder.decode(largest).unwrap_err().fault(), Fault::PacketTooLarge);
}

#[test]
fn case_03_a_padded_length_is_refused_in_5_and_taken_in_3() {
    for bytes in [&b"\xC0\x80\x00"[..], b"\xC0\x80\x80\x00", b"\xC0\x80\x80\x80\x00"] {
        assert_eq!(fault(ProtocolVersion::V5_0, Client, bytes), Fault::VariableByteIntegerPadded);
        for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
            assert_eq!(decode(version, Client, bytes), Ok(Some((Packet::Pingreq, bytes.len()))));
        }
    }
    // What has arrived is judged again when the version turns out to be another.
    let mut decoder = Decoder::client(ProtocolVersion::V3_1_1);
    assert_eq!(decoder.decode(b"\x30\x85\x00"), Ok(None));
    let error = decoder.with_version(ProtocolVersion::V5_0).decode(b"\x30\x85\x00").unwrap_err();
    assert_eq!(error.fault(), Fault::VariableByteIntegerPadded);
}

#[test]
fn case_04_every_packet_cut_and_declared_short_or_long() {
    for sample in corpus().iter().filter(|sample| sample.bytes[1] < 0x80) {
        let (first_byte, body) = (sample.bytes[0], &sample.bytes[2..]);
        let kind = PacketType::from_bits(first_byte >> 4).unwrap();
        let is_v5 = sample.version == ProtocolVersion::V5_0;
        let is_ack = matches!(
            kind,
            PacketType::Puback | PacketType::Pubrec | PacketType::Pubrel | PacketType::Pubcomp
        );
        let is_list = matches!(kind, PacketType::Subscribe | PacketType::Unsubscribe);
        let is_codes = kind == PacketType::Suback || (kind == PacketType::Unsuback && is_v5);
        let has_short_form = is_v5 && (is_ack || kind == PacketType::Disconnect);
        let may_lack_fields = kind == PacketType::Connect && sample.version == ProtocolVersion::V3_1;
        for end in 0..body.len() {
            let cut = decode(sample.version, sample.from, &sample.bytes[..2 + end]);
            assert_eq!(cut, Ok(None), "{}", sample.name);
            let declared = packet(first_byte, &[&body[..end]]);
            if let Ok(read) = decode(sample.version, sample.from, &declared) {
                let (read, len) = read.expect("complete");
                let may_be_short =
                    kind == PacketType::Publish || is_list || is_codes || has_short_form || may_lack_fields;
                assert!(len == declared.len() && may_be_short, "{} has become {read}", sample.name);
            }
        }
        let long = packet(first_byte, &[body, b"\x00"]);
        if let Ok(read) = decode(sample.version, sample.from, &long) {
            let (read, len) = read.expect("complete");
            let may_be_long = kind == PacketType::Publish || is_codes || has_short_form;
            assert!(len == long.len() && may_be_long, "{} has become {read}", sample.name);
        }
    }
}

#[test]
fn case_05_missing_tail_fields() {
    for bytes in
        [&b"\x32\x04\x00\x02ab"[..], b"\x82\x06\x00\x01\x00\x02ab", b"\x40\x01\x00", b"\x30\x03\x00\x10a"]
    {
        for version in ProtocolVersion::ALL {
            assert_eq!(fault(version, Client, bytes), Fault::Truncated, "{bytes:02X?} in {version}");
        }
    }
    assert_eq!(fault(ProtocolVersion::V3_1_1, Client, b"\x82\x02\x00\x01"), Fault::EmptyPayload);
    assert_eq!(fault(ProtocolVersion::V5_0, Client, b"\x82\x02\x00\x01"), Fault::Truncated);
}

#[test]
fn case_06_fixed_header_flags() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5_0] {
        for (bytes, expected) in [
            (&b"\x80\x06\x00\x01\x00\x01a\x00"[..], Fault::ReservedFlags),
            (b"\x60\x02\x00\x01", Fault::ReservedFlags),
            (b"\xC1\x00", Fault::ReservedFlags),
            (b"\x36\x05\x00\x01a\x00\x01", Fault::InvalidQoS),
            (b"\x38\x03\x00\x01a", Fault::DupWithQoS0),
            (b"\x00\x00", Fault::ReservedPacketType),
        ] {
            assert_eq!(fault(version, Client, bytes), expected, "{bytes:02X?} in {version}");
        }
    }
    assert_eq!(fault(ProtocolVersion::V3_1_1, Client, b"\xF0\x00"), Fault::ReservedPacketType);
}

#[test]
fn case_07_packets_in_the_wrong_direction() {
    for version in ProtocolVersion::ALL {
        for bytes in [&b"\x20\x02\x00\x00"[..], b"\x90\x03\x00\x01\x00", b"\xB0\x02\x00\x01", b"\xD0\x00"] {
            assert_eq!(fault(version, Client, bytes), Fault::WrongDirection);
        }
        for bytes in [&b"\x10\x00"[..], b"\x82\x02\x00\x01", b"\xA2\x02\x00\x01", b"\xC0\x00"] {
            assert_eq!(fault(version, Server, bytes), Fault::WrongDirection);
        }
    }
    // A published attack: CONNECT with an empty Client Identifier, then CONNACK, then DISCONNECT.
    let mut input =
        &b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3C\x03\x21\x00\x14\x00\x00\x29\x02\x00\x01\xE0\x00"[..];
    let mut decoder = Decoder::server();
    let (connect, len) = decoder.decode(input).unwrap().unwrap();
    assert!(matches!(connect, Packet::Connect(_)));
    input = &input[len..];
    let error = decoder.decode(input).unwrap_err();
    assert_eq!((error.fault(), error.disconnect_reason().code()), (Fault::WrongDirection, 0x82));
}

#[test]
fn case_08_ill_formed_strings() {
    for (text, expected) in [
        (&b"\xC3\x28"[..], Fault::NotUtf8),
        (b"\xFF\xFE", Fault::NotUtf8),
        (b"\xED\xA0\x80", Fault::NotUtf8),
        (b"\xF8\x88", Fault::NotUtf8),
        (b"a\x00", Fault::NulInString),
    ] {
        let text = wire::field(text);
        for version in ProtocolVersion::ALL {
            let publish = packet(0x30, &[&text, b"\x00"]);
            assert_eq!(fault(version, Client, &publish), expected);
            assert_eq!(fault(version, Server, &publish), expected, "a Client is no less strict");
        }
        let connect = packet(0x10, &[MQTT311, b"\x82\x00\x00\x00\x01c", &text]);
        assert_eq!(fault(ProtocolVersion::V3_1_1, Client, &connect), expected);
    }
    let kept = packet(0x30, &[&wire::field("\u{FEFF}".as_bytes()), b"\x00"]);
    assert!(decode(ProtocolVersion::V5_0, Client, &kept).is_ok());
}

#[test]
fn case_09_connect() {
    let level = |start: &[u8]| packet(0x10, &[start, b"\x02\x00\x00\x00\x00"]);
    for (version, bytes, expected) in [
        (ProtocolVersion::V3_1_1, packet(0x10, &[MQTT311, b"\x03\0\0\0\0"]), Fault::ReservedConnectFlag),
        (
            ProtocolVersion::V3_1_1,
            packet(0x10, &[MQTT311, b"\x1E\0\0\0\0\0\x01w\0\0"]),
            Fault::InvalidWillQoS,
        ),
        (ProtocolVersion::V3_1_1, packet(0x10, &[MQTT311, b"\x0A\0\0\0\0"]), Fault::WillQoSWithoutWill),
        (ProtocolVersion::V5_0, packet(0x10, &[MQTT5, b"\x22\0\0\0\0\0"]), Fault::WillRetainWithoutWill),
        (
            ProtocolVersion::V3_1_1,
            packet(0x10, &[MQTT311, b"\x42\0\0\0\0\0\0"]),
            Fault::PasswordWithoutUserName,
        ),
        (
            ProtocolVersion::V3_1,
            packet(0x10, &[MQTT31, b"\x42\0\0\0\x01c\0\0"]),
            Fault::PasswordWithoutUserName,
        ),
        (ProtocolVersion::V3_1_1, packet(0x10, &[MQTT311, b"\x02\0\0\0\0\0"]), Fault::TrailingBytes),
        (ProtocolVersion::V5_0, packet(0x10, &[MQTT5, b"\x02\0\0\0\0\0\0"]), Fault::TrailingBytes),
        (ProtocolVersion::V5_0, level(b"\x00\x04MQTT\x06"), Fault::ProtocolVersionTooNew),
        (ProtocolVersion::V5_0, level(b"\x00\x06MQIsdp\x04"), Fault::ProtocolVersionTooOld),
        (ProtocolVersion::V5_0, level(b"\x00\x04MQTT\x03"), Fault::ProtocolVersionTooOld),
        (ProtocolVersion::V5_0, level(b"\x01\x04MQTT\x05"), Fault::Truncated),
    ] {
        assert_eq!(fault(version, Client, &bytes), expected, "{bytes:02X?}");
    }
    // For the Server to answer with return code 2 and to close.
    let empty_id = packet(0x10, &[MQTT311, b"\x00\x00\x00\x00\x00"]);
    let Ok(Some((Packet::Connect(connect), _))) = Decoder::server().decode(&empty_id) else {
        panic!("a CONNECT")
    };
    assert!(connect.fields().client_id.is_empty() && !connect.fields().clean_start);
    assert_eq!(ConnackReason::ClientIdentifierNotValid.return_code(), Some(2));
}

#[test]
fn case_10_properties() {
    let connect = |properties: &[u8]| packet(0x10, &[MQTT5, b"\x02\0\0", properties, b"\0\0"]);
    for (bytes, expected) in [
        (connect(&set(b"\x21\0\x01\x21\0\x01")), Fault::PropertyRepeated),
        (connect(&set(b"\x21\0\0")), Fault::PropertyValue),
        (connect(&set(b"\x27\0\0\0\0")), Fault::PropertyValue),
        (connect(&set(b"\x17\x02")), Fault::PropertyValue),
        (connect(&set(b"\x19\x02")), Fault::PropertyValue),
        (connect(&set(b"\x7F")), Fault::UnknownProperty),
        (connect(&set(b"\x0B\x01")), Fault::PropertyNotAllowed),
        (connect(&set(b"\x16\0\0")), Fault::AuthenticationDataWithoutMethod),
        (connect(b"\x7F"), Fault::Truncated),
        (connect(&set(b"\x15\0\x05m")), Fault::Truncated),
        (packet(0x30, &[b"\0\x01a", &set(b"\x23\0\0")]), Fault::TopicAliasZero),
        (packet(0x30, &[b"\0\x01a", &set(b"\x01\x02")]), Fault::PropertyValue),
        (packet(0x82, &[b"\0\x01", &set(b"\x0B\0"), b"\0\x01a\0"]), Fault::PropertyValue),
    ] {
        assert_eq!(fault(ProtocolVersion::V5_0, Client, &bytes), expected, "{bytes:02X?}");
    }
}

#[test]
fn case_11_segments_of_any_size_give_the_same_frames() {
    for version in ProtocolVersion::ALL {
        for from in [Client, Server] {
            let samples: Vec<_> = corpus()
                .into_iter()
                .filter(|sample| sample.version == version && sample.from == from)
                .collect();
            let stream: Vec<u8> = samples.iter().flat_map(|sample| sample.bytes.clone()).collect();
            for size in [1, 2, 3, 5, 7, 64, stream.len()] {
                let mut decoder = match from {
                    Client => Decoder::server(),
                    Server => Decoder::client(version),
                };
                let (mut input, mut frames) = (BytesMut::new(), Vec::new());
                for segment in stream.chunks(size) {
                    input.extend_from_slice(segment);
                    while let Some(frame) = decoder.decode_frame(&mut input).unwrap() {
                        frames.push(frame.bytes().to_vec());
                    }
                }
                assert!(input.is_empty());
                assert!(frames.iter().eq(samples.iter().map(|sample| &sample.bytes)), "segments of {size}");
            }
        }
    }
}

#[test]
fn case_12_a_body_is_looked_at_once_when_it_is_complete() {
    // Were the body read any earlier, this Topic Name would be an error earlier.
    let broken = packet(0x30, &[b"\x00\x03\xFF\xFF\xFF\x00", &[0; 1000]]);
    for end in 0..broken.len() {
        assert_eq!(decode(ProtocolVersion::V5_0, Client, &broken[..end]), Ok(None));
    }
    assert_eq!(fault(ProtocolVersion::V5_0, Client, &broken), Fault::NotUtf8);

    for sample in corpus() {
        let (read, _) = decode(sample.version, sample.from, &sample.bytes).unwrap().unwrap();
        let mut out = Vec::new();
        if read.encode(sample.version, &mut out).is_ok() {
            assert_eq!(
                decode(sample.version, sample.from, &out),
                Ok(Some((read, out.len()))),
                "{}",
                sample.name
            );
            assert!(
                out == sample.bytes
                    || out.len() != sample.bytes.len()
                    || sample.version == ProtocolVersion::V3_1
            );
        }
    }
}

#[test]
fn frames_are_equal_when_their_bytes_their_version_and_their_sender_are() {
    let frame = |mut decoder: Decoder, bytes: &[u8]| {
        decoder.decode_frame(&mut BytesMut::from(bytes)).unwrap().unwrap()
    };
    let (publish, other) = (b"\x30\x03\x00\x01a", b"\x30\x03\x00\x01b");
    let one = frame(Decoder::client(ProtocolVersion::V3_1_1), publish);
    assert_eq!(one, frame(Decoder::client(ProtocolVersion::V3_1_1), publish));
    assert_ne!(one, frame(Decoder::client(ProtocolVersion::V3_1_1), other));
    assert_ne!(one, frame(Decoder::client(ProtocolVersion::V3_1), publish));
    assert_ne!(one, frame(Decoder::server().with_version(ProtocolVersion::V3_1_1), publish));
}
