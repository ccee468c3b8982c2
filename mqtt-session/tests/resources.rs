//! What a Client that means no good can make a broker hold, by a counting allocator.

#[path = "../../mqtt-codec/tests/common/wire.rs"]
mod wire;

use core::time::Duration;

use Side::{Client, Server};
use allocation_counter::AllocationInfo;
use bytes::{Buf, BytesMut};
use mqtt_session::codec::{ProtocolVersion, QoS, Side};
use mqtt_session::{
    Action, AllowAll, Broker, BrokerConfig, Change, ConnectionId, Instant, Message, Received, StoredState,
};
use wire::{MQTT5, MQTT31, MQTT311, packet, set};

const NOW: Instant = Instant::from_millis(0);

/// The versions a row is about, from whom it comes, and its bytes.
type Row = (&'static [ProtocolVersion], Side, Vec<u8>);

macro_rules! malformed {
    ($($name:ident: $versions:ident $from:ident $bytes:expr => $fault:ident $code:literal;)+) => {
        fn malformed_rows() -> Vec<Row> {
            vec![$(($versions, $from, Vec::from(&$bytes[..])),)+]
        }
    };
}

include!("../../mqtt-codec/tests/common/malformed.rs");

fn broker() -> Broker<AllowAll> {
    Broker::new(BrokerConfig::default(), AllowAll)
}

/// A CONNECT of a Client `c` that wants nothing.
fn connect(version: ProtocolVersion) -> Vec<u8> {
    match version {
        ProtocolVersion::V3_1 => connect31(2, b"\0\x01c"),
        ProtocolVersion::V3_1_1 => connect311(2, b"\0\x01c"),
        ProtocolVersion::V5_0 => connect5(2, b"\0\0\x01c"),
    }
}

/// Offers `bytes` to the broker, takes what it answers, and closes the connection where it says so.
fn offer(broker: &mut Broker<AllowAll>, id: ConnectionId, bytes: &[u8]) -> Received {
    let mut input = BytesMut::from(bytes);
    let mut received = broker.handle_input(NOW, id, &mut input);
    while received == Received::Paused {
        drive(broker);
        received = broker.handle_input(NOW, id, &mut input);
    }
    drive(broker);
    received
}

fn drive(broker: &mut Broker<AllowAll>) {
    while let Some(action) = broker.poll_action() {
        let (Action::Transmit(id) | Action::Close(id)) = action else { continue };
        if let Some(transmit) = broker.transmit(id) {
            transmit.advance(transmit.remaining());
        }
        if let Action::Close(id) = action {
            broker.handle_closed(NOW, id);
        }
    }
}

/// One connection from beginning to end; whether all its packets are taken.
fn visit(broker: &mut Broker<AllowAll>, packets: &[&Vec<u8>]) -> bool {
    let id = broker.open(NOW);
    let mut are_taken = true;
    for packet in packets {
        are_taken &= matches!(offer(broker, id, packet), Received::NeedData(_));
    }
    broker.handle_closed(NOW, id);
    drive(broker);
    assert_eq!((broker.connection_count(), broker.session_count()), (0, 0));
    are_taken
}

/// What is held afterwards and was not before; growing once is the price of the first visit.
fn left_behind(broker: &mut Broker<AllowAll>, mut visits: impl FnMut(&mut Broker<AllowAll>)) -> (i64, i64) {
    visits(broker);
    let AllocationInfo { bytes_current, count_current, .. } = allocation_counter::measure(|| visits(broker));
    (bytes_current, count_current)
}

/// Whatever length a CONNECT declares, and whatever of it has come.
#[test]
fn case_33_a_connection_before_connect_costs_no_more_than_it_has_sent() {
    const CONNECTIONS: i64 = 1_000;
    for received in [&b""[..], b"\x10", b"\x10\xFB\xFF\x03", b"\x10\xFB\xFF\x03\0\x04MQTT\x05\x02\0\0"] {
        let mut broker = broker();
        let held = allocation_counter::measure(|| {
            for _ in 0..CONNECTIONS {
                let id = broker.open(NOW);
                assert!(matches!(offer(&mut broker, id, received), Received::NeedData(_)));
            }
        });
        let each = held.bytes_current / CONNECTIONS;
        assert!(each <= 1_024, "{each} bytes for a connection that has sent {received:02X?}");
        assert!(held.bytes_max <= 2 * 1_024 * CONNECTIONS.unsigned_abs(), "{held:?}");
        assert_eq!(broker.poll_timeout(), Some(NOW + Duration::from_secs(10)));
        broker.handle_timeout(NOW + Duration::from_secs(10));
        drive(&mut broker);
        assert_eq!(broker.connection_count(), 0);
    }
}

#[test]
fn case_33_a_connect_above_64_kib_is_refused_by_its_header() {
    let mut broker = broker();
    let id = broker.open(NOW);
    // Remaining Length 65,531, which makes 65,535 bytes.
    assert_eq!(offer(&mut broker, id, b"\x10\xFB\xFF\x03"), Received::NeedData(65_531));
    let id = broker.open(NOW);
    assert_eq!(offer(&mut broker, id, b"\x10\xFC\xFF\x03"), Received::Closed);
}

/// The same identifier a million times, and each of the others once, with no PUBREL.
#[test]
fn case_34_a_flood_of_qos_2_leaves_nothing_behind() {
    let publish = |id: u16, dup: u8| packet(0x34 | dup << 3, &[b"\0\x01a", &id.to_be_bytes(), b"\0", b"x"]);
    let repeated: Vec<u8> = publish(1, 1).repeat(1_000);
    let flood: Vec<u8> = (1..=u16::MAX).flat_map(|id| publish(id, 0)).collect();
    let mut broker = broker();
    let connect = connect(ProtocolVersion::V5_0);
    let left = left_behind(&mut broker, |broker| {
        let id = broker.open(NOW);
        let _ = offer(broker, id, &connect);
        for _ in 0..1_000 {
            assert!(matches!(offer(broker, id, &repeated), Received::NeedData(_)));
        }
        assert_eq!(offer(broker, id, &flood), Received::Closed, "Receive Maximum");
        visit(broker, &[]);
    });
    assert_eq!(left, (0, 0));
}

#[test]
fn case_34_thirteen_thousand_user_properties_leave_nothing_behind() {
    let connect = connect(ProtocolVersion::V5_0);
    let mut broker = broker();
    // As many as are taken, with a Will also kept, and more.
    for (count, are_taken) in [(1_024, true), (13_000, false)] {
        let properties = b"\x26\0\x01k\0\x01v".repeat(count);
        let alone = [connect_with(&properties), will_with(&properties)];
        let publish = publish_with(&properties);
        let left = left_behind(&mut broker, |broker| {
            for _ in 0..10 {
                for packets in [&[&alone[0]][..], &[&alone[1]], &[&connect, &publish]] {
                    assert_eq!(visit(broker, packets), are_taken);
                }
            }
        });
        assert_eq!(left, (0, 0));
    }
}

/// Every way a packet can break a rule, as the first packet and behind CONNECT, 100,000 times in all.
#[test]
fn case_34_the_paths_of_errors_leave_nothing_behind() {
    let rows = malformed_rows();
    let cases: Vec<(Vec<u8>, Vec<u8>)> = rows
        .iter()
        .filter(|(_, from, _)| *from == Side::Client)
        .flat_map(|(versions, _, bytes)| versions.iter().map(|version| (connect(*version), bytes.clone())))
        .collect();
    assert!(cases.len() > 200, "{}", cases.len());
    let rounds = 50_000_usize.div_ceil(cases.len());
    let mut broker = broker();
    let left = left_behind(&mut broker, |broker| {
        for (connect, bytes) in core::iter::repeat_n(&cases, rounds).flatten() {
            visit(broker, &[bytes]);
            visit(broker, &[connect, bytes]);
        }
    });
    assert_eq!(left, (0, 0));
}

/// One payload for all who wait for it.
#[test]
fn case_35_a_slow_reader_shares_what_it_waits_for() {
    const PAYLOAD: usize = 100_000;
    let mut broker = broker();
    let subscribe = b"\x82\x06\0\x01\0\x01a\x01";
    for number in 10..110 {
        let id = broker.open(NOW);
        let mut connect = connect311(2, &[&b"\0\x03"[..], format!("{number:03}").as_bytes()].concat());
        connect.extend_from_slice(subscribe);
        assert!(matches!(offer(&mut broker, id, &connect), Received::NeedData(_)));
    }
    let publisher = broker.open(NOW);
    let _ = offer(&mut broker, publisher, &connect(ProtocolVersion::V3_1_1));
    let publish = packet(0x32, &[b"\0\x01a\0\x01", &vec![b'x'; PAYLOAD]]);
    let mut input = BytesMut::from(&publish[..]);
    let held = allocation_counter::measure(|| {
        let received = broker.handle_input(NOW, publisher, &mut input);
        assert!(matches!(received, Received::NeedData(_)));
        // Nobody writes.
    });
    let held = usize::try_from(held.bytes_current).unwrap();
    assert!((PAYLOAD..PAYLOAD + 100 * 1_024).contains(&held), "{held} bytes for 100 receivers");
}

/// A durable broker with a thousand Sessions whose Clients are away, and a publisher.
fn a_thousand_away(config: &BrokerConfig) -> (Broker<AllowAll>, ConnectionId) {
    let mut broker = Broker::new(config.clone(), AllowAll);
    for number in 0..1_000 {
        let id = broker.open(NOW);
        let mut connect = connect311(0, &[&b"\0\x04"[..], format!("{number:04}").as_bytes()].concat());
        connect.extend_from_slice(b"\x82\x06\0\x01\0\x01a\x01");
        assert!(matches!(offer(&mut broker, id, &connect), Received::NeedData(_)));
        broker.handle_closed(NOW, id);
    }
    let publisher = broker.open(NOW);
    let _ = offer(&mut broker, publisher, &connect(ProtocolVersion::V3_1_1));
    let _ = told(&mut broker);
    (broker, publisher)
}

/// All that is to be stored, which is stored.
fn told(broker: &mut Broker<AllowAll>) -> Vec<Change> {
    let mut changes = Vec::new();
    while let Some(action) = broker.poll_action() {
        if let Action::Persist(persist) = action {
            broker.handle_persisted(NOW, persist.seq);
            changes.extend(persist.changes);
        }
    }
    changes
}

#[test]
fn a_message_for_a_thousand_kept_sessions_is_in_memory_once() {
    const PAYLOAD: usize = 1 << 20;
    const MIB: u64 = 1 << 20;
    let config = BrokerConfig { durable: true, ..BrokerConfig::default() };
    let (mut broker, publisher) = a_thousand_away(&config);
    let publish = packet(0x32, &[b"\0\x01a\0\x01", &vec![b'x'; PAYLOAD]]);
    let mut input = BytesMut::from(&publish[..]);
    let mut changes = Vec::new();
    let took = allocation_counter::measure(|| {
        let received = broker.handle_input(NOW, publisher, &mut input);
        assert!(matches!(received, Received::NeedData(_)));
        changes = told(&mut broker);
    });
    // The message as it is kept, as it is told, and a thousand times some hundred bytes.
    assert!(took.bytes_total < 3 * MIB, "{took:?}");
    let bodies = changes.iter().filter_map(|change| match change {
        Change::Put { value, .. } => Some(value.body()).filter(|body| !body.is_empty()),
        _ => None,
    });
    let bodies: Vec<_> = bodies.map(|body| body.as_ptr_range()).collect();
    assert_eq!(bodies.len(), 1_000);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "another copy");

    // Everything at once, and back.
    let mut state = None;
    let took = allocation_counter::measure(|| state = Some(broker.stored_state()));
    assert!(took.bytes_total < 4 * MIB, "{took:?}");
    let (state, mut restored) = (state.unwrap(), None);
    let took = allocation_counter::measure(|| {
        restored = Some(Broker::restore(NOW, config, AllowAll, state.records()).unwrap());
    });
    assert!(took.bytes_current < 3 << 20, "{took:?}");
    assert_eq!(restored.unwrap().stored_state(), state);
}

/// What a full queue has no room for is not kept, and nobody waits until it is stored.
#[test]
fn a_message_that_is_dropped_is_not_told() {
    let config = BrokerConfig { durable: true, maximum_queued_messages: 1, ..BrokerConfig::default() };
    let (mut broker, publisher) = a_thousand_away(&config);
    for changes in [1_000, 0] {
        let mut publish = BytesMut::from(&packet(0x32, &[b"\0\x01a\0\x01x"])[..]);
        let _ = broker.handle_input(NOW, publisher, &mut publish);
        assert_eq!(told(&mut broker).len(), changes);
    }
}

/// The Topic Name of a restored message is memory of the next one; the payload beside it must not be.
#[test]
fn a_restored_message_that_is_delivered_leaves_nothing_behind() {
    const PAYLOAD: usize = 1 << 20;
    let config = BrokerConfig { durable: true, ..BrokerConfig::default() };
    let mut broker = Broker::new(config.clone(), AllowAll);
    let connect = connect311(0, b"\0\x01s");
    let subscriber = broker.open(NOW);
    let _ = offer(&mut broker, subscriber, &[&connect[..], b"\x82\x06\0\x01\0\x01a\x01"].concat());
    broker.handle_closed(NOW, subscriber);
    for number in 0..16 {
        let message = Message::new("a", vec![number; PAYLOAD]).unwrap().with_qos(QoS::AtLeastOnce);
        let _ = broker.publish(NOW, &message);
    }
    let state = broker.stored_state();
    drop(broker);
    let mut broker = None;
    let held = allocation_counter::measure(|| {
        let broker = broker.insert(Broker::restore(NOW, config, AllowAll, state.records()).unwrap());
        let subscriber = broker.open(NOW);
        let pubacks = (1..=16).map(|id| vec![0x40, 2, 0, id]);
        for packet in [connect].into_iter().chain(pubacks) {
            let mut input = BytesMut::from(&packet[..]);
            while !input.is_empty() {
                let _ = broker.handle_input(NOW, subscriber, &mut input);
                while let Some(action) = broker.poll_action() {
                    match action {
                        Action::Persist(persist) => broker.handle_persisted(NOW, persist.seq),
                        Action::Transmit(id) => {
                            let transmit = broker.transmit(id).unwrap();
                            transmit.advance(transmit.remaining());
                        }
                        _ => {}
                    }
                }
            }
        }
    });
    // The Session and its subscription, and about as many messages as may wait.
    assert_eq!((broker.unwrap().stored_state().len(), state.len()), (2, 2 + 15));
    let held = usize::try_from(held.bytes_current).unwrap();
    assert!(held < PAYLOAD, "{held} bytes");
}

/// The largest packet of 3.1.1 is none of 5.0, which has a byte more at least.
#[test]
fn the_largest_message_of_3_1_1_survives_a_restart() {
    const LARGEST: u32 = 268_435_460;
    let config = BrokerConfig { durable: true, maximum_packet_size: LARGEST, ..BrokerConfig::default() };
    let mut broker = Broker::new(config.clone(), AllowAll);
    let (subscriber, publisher) = (broker.open(NOW), broker.open(NOW));
    let mut state = StoredState::default();
    let mut give = |id, bytes: &[u8]| {
        let mut input = BytesMut::from(bytes);
        let _ = broker.handle_input(NOW, id, &mut input);
        assert!(input.is_empty());
        state.apply(&told(&mut broker));
    };
    give(subscriber, &connect311(0, b"\0\x01s"));
    give(subscriber, b"\x82\x06\0\x01\0\x01a\x01");
    give(publisher, &connect(ProtocolVersion::V3_1_1));
    let mut publish = Vec::from(&b"\x32\xFF\xFF\xFF\x7F\0\x01a\0\x07"[..]);
    publish.resize(LARGEST as usize, b'x');
    give(publisher, &publish);
    drop(broker);
    let restored =
        Broker::restore(NOW, config, AllowAll, state.records()).map(|broker| broker.stored_state());
    assert_eq!(restored.map(|restored| restored.len()), Ok(4), "Session, subscription, message and exchange");
}
