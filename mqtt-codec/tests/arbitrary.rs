//! Any packet of `Arbitrary` is valid, and all that is valid comes up.

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use mqtt_codec::{
    Decoder, Delivery, Frame, Packet, PacketId, PacketType, ProtocolVersion, QoS, RetainHandling, Side,
    SubscriptionIdentifier,
};
use mqtt_topic::Subscription;
use proptest::prelude::*;

/// The decoder of the receiver, fresh, and as strict as decoders are by default.
fn decoder(frame: &Frame) -> Decoder {
    match (frame.sent_by(), frame.packet()) {
        (Side::Client, Packet::Connect(_)) => Decoder::server(),
        (Side::Client, _) => Decoder::server().with_version(frame.version()),
        (Side::Server, _) => {
            let mut decoder = Decoder::client(frame.version());
            decoder.refuse_disallowed_code_points(true);
            decoder
        }
    }
}

fn check(frame: &Frame) {
    let (packet, bytes) = (frame.packet(), frame.bytes());
    assert_eq!(decoder(frame).decode(bytes), Ok(Some((packet, bytes.len()))));
    assert!(packet.packet_type().may_be_sent_by(frame.sent_by(), frame.version()));
    let mut again = Vec::new();
    packet.encode(frame.version(), &mut again).unwrap();
    // An acknowledgement may have been in a longer form.
    assert!(again.len() <= bytes.len() && bytes.len() <= again.len() + 2);
    assert_eq!(decoder(frame).decode(&again), Ok(Some((packet, again.len()))));
}

proptest! {
    #[test]
    fn every_packet_is_valid(input in prop::collection::vec(any::<u8>(), 0..4000)) {
        check(&Frame::arbitrary(&mut Unstructured::new(&input)).unwrap());
    }

    #[test]
    fn the_sender_and_the_version_are_those_asked_for(input in prop::collection::vec(any::<u8>(), 0..400)) {
        for side in [Side::Client, Side::Server] {
            for version in ProtocolVersion::ALL {
                let mut u = Unstructured::new(&input);
                let frame = Frame::arbitrary_sent_by(side, version, &mut u).unwrap();
                prop_assert_eq!((frame.sent_by(), frame.version()), (side, version));
                check(&frame);
            }
        }
    }

    #[test]
    fn text_of_any_kind_is_valid(text in any::<String>(), kind in any::<[u8; 16]>()) {
        let input = [&kind[..], text.as_bytes(), &kind, text.as_bytes()].concat();
        check(&Frame::arbitrary(&mut Unstructured::new(&input)).unwrap());
    }
}

/// SplitMix64.
fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::new();
    while bytes.len() < len {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend((mixed ^ (mixed >> 31)).to_le_bytes().map(|byte| {
            // Half of it is text, so that strings are not short.
            if seed.is_multiple_of(2) { byte } else { byte & 0x7F }
        }));
    }
    bytes
}

/// What a packet shows, one word for each thing that must come up.
fn seen(frame: &Frame) -> Vec<String> {
    let (version, side) = (frame.version(), frame.sent_by());
    let packet = frame.packet();
    let kind = packet.packet_type();
    let mut seen = vec![format!("{kind} {version} {side:?}")];
    let mut code = |code: u8| seen.push(format!("{kind} {version} {side:?} 0x{code:02X}"));
    let ack_len = match &packet {
        Packet::Connack(packet) => {
            code(packet.reason.code());
            None
        }
        Packet::Puback(packet) => {
            code(packet.reason.code());
            Some(2)
        }
        Packet::Pubrec(packet) => {
            code(packet.reason.code());
            Some(2)
        }
        Packet::Pubrel(packet) => {
            code(packet.reason.code());
            Some(2)
        }
        Packet::Pubcomp(packet) => {
            code(packet.reason.code());
            Some(2)
        }
        Packet::Suback(packet) => {
            packet.reasons.iter().for_each(|reason| code(reason.code()));
            None
        }
        Packet::Unsuback(packet) => {
            packet.reasons.iter().for_each(|reason| code(reason.code()));
            None
        }
        Packet::Disconnect(packet) => {
            code(packet.reason.code());
            Some(0)
        }
        Packet::Auth(packet) => {
            code(packet.reason.code());
            None
        }
        _ => None,
    };
    if let (Some(shortest), ProtocolVersion::V5_0, len @ 0..=4) = (ack_len, version, frame.bytes()[1]) {
        seen.push(format!("{kind} + {}", len - shortest));
    }
    // A line of a trace names every property.
    let line = packet.to_string();
    for id in mqtt_codec::PropertyId::ALL {
        if line.contains(&format!("{id}=")) {
            seen.push(format!("{kind} {side:?} {id}"));
        }
    }
    match &packet {
        Packet::Connect(connect) => {
            let fields = connect.fields();
            seen.push(format!("will={}", fields.will.is_some()));
            seen.push(format!("{version} {} {}", fields.username.is_some(), fields.password.is_some()));
            seen.extend(fields.will.map(|will| format!("will q{} retain={}", will.qos, will.retain)));
            seen.extend(fields.password.map(|password| format!("empty password={}", password.is_empty())));
            let id_len = match fields.client_id.len() {
                0 => "empty",
                1..=0x7E => "short",
                _ => "long",
            };
            seen.push(format!("{version} {id_len} client id"));
            let properties = fields.properties;
            if properties.authentication_data().is_some() && properties.authentication_method().is_none() {
                seen.push("data without method".into());
            }
            if properties.iter().next().is_some() {
                seen.push(format!("method={}", properties.authentication_method().is_some()));
            }
        }
        Packet::Publish(publish) => {
            seen.push(format!("q{} dup={}", publish.delivery.qos(), publish.delivery.dup()));
            seen.push(format!("topic={}", publish.topic.is_some()));
            seen.push(format!("empty payload={}", publish.payload.is_empty()));
            let identifiers = publish.properties.subscription_identifiers().count();
            seen.push(format!("{side:?} identifiers={}", identifiers.min(2)));
            seen.extend(
                publish.topic.filter(|topic| topic.as_bytes().len() == 65_535).map(|_| "longest".into()),
            );
        }
        Packet::Subscribe(subscribe) => {
            seen.push(format!("{} entries", subscribe.subscriptions.len()));
            for (subscription, options) in subscribe.subscriptions.iter() {
                let is_shared = matches!(subscription, Subscription::Shared { .. });
                seen.push(format!("{version} shared={is_shared}"));
                let filter = subscription.filter().as_bytes();
                if !is_shared && filter.iter().any(u8::is_ascii_digit) {
                    seen.push(format!("{version} ordinary filter with a digit"));
                }
                seen.push(format!("wildcard={}", subscription.filter().has_wildcard()));
                seen.push(format!("options {options:?}"));
            }
        }
        _ => {}
    }
    seen
}

#[test]
fn all_that_is_valid_comes_up() {
    let mut all = BTreeSet::new();
    for seed in 0..30_000 {
        let input = random(seed, 300);
        all.extend(seen(&Frame::arbitrary(&mut Unstructured::new(&input)).unwrap()));
    }
    let mut missing = Vec::new();
    let mut expect = |what: String| {
        if !all.contains(&what) {
            missing.push(what);
        }
    };
    for version in ProtocolVersion::ALL {
        for side in [Side::Client, Side::Server] {
            for kind in PacketType::ALL.into_iter().filter(|kind| kind.may_be_sent_by(side, version)) {
                expect(format!("{kind} {version} {side:?}"));
            }
        }
        for (username, password) in [(false, false), (true, false), (true, true)] {
            expect(format!("{version} {username} {password}"));
        }
        for code in 0..=2 {
            expect(format!("SUBACK {version} Server 0x{code:02X}"));
        }
    }
    expect("5.0 false true".into());
    expect("5.0 shared=true".into());
    expect("SUBACK 3.1.1 Server 0x80".into());
    for code in [0, 0x84, 0x85, 0x86, 0x87, 0x88] {
        expect(format!("CONNACK 3.1.1 Server 0x{code:02X}"));
    }
    // The tables of sections 2.4 and 2.2.2.2.
    for code in [
        0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99,
        0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
    ] {
        expect(format!("CONNACK 5.0 Server 0x{code:02X}"));
    }
    for kind in ["PUBACK", "PUBREC"] {
        expect(format!("{kind} 5.0 Server 0x10"));
        for (code, side) in [0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99].into_iter().flat_map(both) {
            expect(format!("{kind} 5.0 {side:?} 0x{code:02X}"));
        }
    }
    for (code, side) in [0x00, 0x92].into_iter().flat_map(both) {
        expect(format!("PUBREL 5.0 {side:?} 0x{code:02X}"));
        expect(format!("PUBCOMP 5.0 {side:?} 0x{code:02X}"));
    }
    for code in [0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2] {
        expect(format!("SUBACK 5.0 Server 0x{code:02X}"));
    }
    for code in [0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91] {
        expect(format!("UNSUBACK 5.0 Server 0x{code:02X}"));
    }
    for code in [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9B] {
        expect(format!("DISCONNECT 5.0 Client 0x{code:02X}"));
    }
    for code in [
        0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
        0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
    ] {
        expect(format!("DISCONNECT 5.0 Server 0x{code:02X}"));
    }
    for (side, code) in
        [(Side::Server, 0x00), (Side::Server, 0x18), (Side::Client, 0x18), (Side::Client, 0x19)]
    {
        expect(format!("AUTH 5.0 {side:?} 0x{code:02X}"));
    }
    for (kind, properties) in [
        (
            "CONNECT Client",
            "Payload Format Indicator,Message Expiry Interval,Content Type,Response Topic,Correlation Data,Session Expiry Interval,Authentication Method,Authentication Data,Request Problem Information,Will Delay Interval,Request Response Information,Receive Maximum,Topic Alias Maximum,Maximum Packet Size",
        ),
        (
            "CONNACK Server",
            "Session Expiry Interval,Assigned Client Identifier,Server Keep Alive,Authentication Method,Authentication Data,Response Information,Server Reference,Reason String,Receive Maximum,Topic Alias Maximum,Maximum QoS,Retain Available,Maximum Packet Size,Wildcard Subscription Available,Subscription Identifier Available,Shared Subscription Available",
        ),
        (
            "PUBLISH Client",
            "Payload Format Indicator,Message Expiry Interval,Content Type,Response Topic,Correlation Data,Topic Alias",
        ),
        (
            "PUBLISH Server",
            "Payload Format Indicator,Message Expiry Interval,Content Type,Response Topic,Correlation Data,Topic Alias,Subscription Identifier",
        ),
        ("PUBACK Client", "Reason String"),
        ("PUBREC Server", "Reason String"),
        ("PUBREL Client", "Reason String"),
        ("PUBCOMP Server", "Reason String"),
        ("SUBSCRIBE Client", "Subscription Identifier"),
        ("SUBACK Server", "Reason String"),
        ("UNSUBACK Server", "Reason String"),
        ("DISCONNECT Client", "Session Expiry Interval,Reason String"),
        ("DISCONNECT Server", "Server Reference,Reason String"),
        ("AUTH Client", "Authentication Method,Authentication Data,Reason String"),
        ("AUTH Server", "Authentication Method,Authentication Data,Reason String"),
    ] {
        properties.split(',').for_each(|property| expect(format!("{kind} {property}")));
    }
    for (kind, extra) in ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "DISCONNECT"]
        .into_iter()
        .flat_map(|kind| (0..=2).map(move |n| (kind, n)))
    {
        expect(format!("{kind} + {extra}"));
    }
    for what in [
        "will=true",
        "will=false",
        "will q0 retain=true",
        "will q1 retain=false",
        "will q1 retain=true",
        "will q2 retain=true",
        "3.1 short client id",
        "3.1 long client id",
        "3.1.1 empty client id",
        "5.0 empty client id",
        "5.0 short client id",
        "method=false",
        "method=true",
        "empty payload=true",
        "empty payload=false",
        "empty password=true",
        "empty password=false",
        "3.1.1 ordinary filter with a digit",
        "5.0 ordinary filter with a digit",
        "1 entries",
        "8 entries",
        "topic=true",
        "topic=false",
        "longest",
        "q0 dup=false",
        "q1 dup=false",
        "q1 dup=true",
        "q2 dup=false",
        "q2 dup=true",
        "wildcard=true",
        "wildcard=false",
        "Client identifiers=0",
        "Server identifiers=0",
        "Server identifiers=1",
        "Server identifiers=2",
    ] {
        expect(what.into());
    }
    for qos in QoS::ALL {
        for handling in
            [RetainHandling::SendAtSubscribe, RetainHandling::SendAtSubscribeIfNew, RetainHandling::DoNotSend]
        {
            for (no_local, as_published) in [(false, false), (false, true), (true, false), (true, true)] {
                expect(format!(
                    "options SubscriptionOptions {{ qos: {qos:?}, no_local: {no_local}, \
                     retain_as_published: {as_published}, retain_handling: {handling:?} }}"
                ));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    for never in [
        "3.1 empty client id",
        "data without method",
        "Client identifiers=1",
        "3.1 false true",
        "3.1.1 false true",
        "3.1 shared=true",
        "3.1.1 shared=true",
        "DISCONNECT 5.0 Client 0x8C",
        "DISCONNECT 5.0 Server 0x8C",
    ] {
        assert!(!all.contains(never), "{never}");
    }
}

fn both<T: Copy>(value: T) -> [(T, Side); 2] {
    [(value, Side::Client), (value, Side::Server)]
}

#[test]
fn input_that_has_run_out_makes_a_packet_too() {
    let mut u = Unstructured::new(&[]);
    for _ in 0..100 {
        check(&Frame::arbitrary(&mut u).unwrap());
    }
}

#[test]
fn input_of_any_length_makes_fields_that_fit() {
    for (text, len) in
        ["a", "é"].into_iter().flat_map(|text| [60_000, 70_000, 140_000].map(|len| (text, len)))
    {
        for byte in [0x00, 0x01, 0x41, 0x61, 0x7E] {
            for from in 0..8 {
                let mut input = text.repeat(len / text.len()).into_bytes();
                input[..from].fill(byte);
                input[len - 16..].fill(byte);
                check(&Frame::arbitrary(&mut Unstructured::new(&input)).unwrap());
            }
        }
    }
}

#[test]
fn values_of_any_size_come_up() {
    let mut seen = BTreeSet::new();
    for seed in 0..2_000 {
        let input = random(2 * seed, 32);
        let mut u = Unstructured::new(&input);
        let identifier = SubscriptionIdentifier::arbitrary(&mut u).unwrap().get();
        seen.insert([0x80, 0x4000, 0x20_0000].into_iter().filter(|limit| identifier >= *limit).count());
        seen.insert(10 + usize::from(PacketId::arbitrary(&mut u).unwrap().get() > 0xFF));
        seen.insert(20 + usize::from(Delivery::arbitrary(&mut u).unwrap().qos().bits()));
    }
    assert_eq!(Vec::from_iter(seen), [0, 1, 2, 3, 10, 11, 20, 21, 22]);
}
