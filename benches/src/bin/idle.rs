//! What Clients cost that are connected and say nothing: `idle [COUNT]`.
//!
//! Prints bytes and blocks of the heap for each, at the broker (connection, Session, one subscription to a filter of its own and
//! all that finds them) and in a `Client`, in each version. Behind it stand the bytes of the Client itself, which may be anywhere.

#![allow(clippy::cast_precision_loss, reason = "numbers for people to read")]

use std::alloc::System;
use std::process::ExitCode;

use bytes::{Buf, BytesMut};
use mqtt_codec::{ProtocolVersion, QoS};
use mqtt_session::{
    Action, AllowAll, Broker, BrokerConfig, Client, ClientConfig, ConnectOptions, ConnectionId, Event,
    Instant, Message, SubscribeRequest,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NOW: Instant = Instant::from_millis(0);

/// Bytes and blocks that are held.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: isize,
    blocks: isize,
}

impl Held {
    /// What is held now and was not before.
    fn since(region: &Region<'_, System>) -> Self {
        let Stats { allocations, deallocations, bytes_allocated, bytes_deallocated, .. } = region.change();
        let difference = |more: usize, less: usize| more.wrapping_sub(less).cast_signed();
        Self {
            bytes: difference(bytes_allocated, bytes_deallocated),
            blocks: difference(allocations, deallocations),
        }
    }

    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.blocks += other.blocks;
    }

    fn subtract(&mut self, other: Self) {
        self.bytes -= other.bytes;
        self.blocks -= other.blocks;
    }
}

/// A Client with its buffers, which are not the state machine's and count for nobody.
struct End {
    client: Client,
    connection: ConnectionId,
    up: BytesMut,
    down: BytesMut,
}

fn main() -> ExitCode {
    let count = std::env::args().nth(1).map_or(Some(10_000), |count| count.parse().ok());
    let Some(count) = count else {
        eprintln!("idle [COUNT]");
        return ExitCode::FAILURE;
    };
    println!("{:<24} {:>12} {:>7} {:>12} {:>7}", "", "server bytes", "blocks", "client bytes", "blocks");
    for version in ProtocolVersion::ALL {
        for message in [None, Some(QoS::AtMostOnce), Some(QoS::AtLeastOnce), Some(QoS::ExactlyOnce)] {
            measure(version, message, count);
        }
    }
    println!("{:<24} {:>12} {:>7} {:>12}", "the Client itself", "", "", size_of::<Client>());
    ExitCode::SUCCESS
}

/// Connects so many Clients that subscribe, and if so, get a message of this QoS each and publish one.
fn measure(version: ProtocolVersion, message: Option<QoS>, count: usize) {
    let whole = Region::new(ALLOCATOR);
    let mut broker = Broker::new(BrokerConfig::default(), AllowAll);
    let mut clients = Held::default();
    let mut others = Held::default();
    let region = Region::new(ALLOCATOR);
    let mut ends = Vec::with_capacity(count);
    others.add(Held::since(&region));
    for number in 0..count {
        let connection = broker.open(NOW);
        let region = Region::new(ALLOCATOR);
        let client_id = format!("device-{number:08}");
        let mut client = Client::new(ClientConfig::default());
        client
            .connect(NOW, ConnectOptions { client_id, ..ConnectOptions::new(version) })
            .expect("valid options");
        let mut end = End { client, connection, up: BytesMut::new(), down: BytesMut::new() };
        clients.add(Held::since(&region));
        settle(&mut broker, &mut end, &mut clients, &mut others);
        let region = Region::new(ALLOCATOR);
        let filter = format!("command/device-{number:08}/set");
        let request = SubscribeRequest::new([(filter.as_str(), QoS::ExactlyOnce)]).expect("a Topic Filter");
        end.client.subscribe(NOW, request).expect("it is connected");
        drop(filter);
        clients.add(Held::since(&region));
        settle(&mut broker, &mut end, &mut clients, &mut others);
        if let Some(qos) = message {
            let region = Region::new(ALLOCATOR);
            let to_itself = Message::new(format!("command/device-{number:08}/set"), "21.5");
            end.client.publish(NOW, to_itself.expect("a Topic Name").with_qos(qos)).expect("there is room");
            clients.add(Held::since(&region));
            settle(&mut broker, &mut end, &mut clients, &mut others);
        }
        let region = Region::new(ALLOCATOR);
        (end.up, end.down) = (BytesMut::new(), BytesMut::new());
        others.add(Held::since(&region));
        ends.push(end);
    }
    assert_eq!((broker.session_count(), broker.subscription_count()), (count, count));
    let mut broker_side = Held::since(&whole);
    broker_side.bytes -= clients.bytes + others.bytes;
    broker_side.blocks -= clients.blocks + others.blocks;
    let each = |total: isize| total as f64 / count as f64;
    let then = message.map_or(String::new(), |qos| format!(", one QoS {}", qos.bits()));
    println!(
        "{:<24} {:>12.0} {:>7.2} {:>12.0} {:>7.2}",
        format!("{version:?}{then}"),
        each(broker_side.bytes),
        each(broker_side.blocks),
        each(clients.bytes),
        each(clients.blocks)
    );
}

/// Moves bytes until all is quiet.
fn settle(broker: &mut Broker<AllowAll>, end: &mut End, clients: &mut Held, others: &mut Held) {
    let End { client, connection, up, down } = end;
    loop {
        let region = Region::new(ALLOCATOR);
        let mut is_quiet = true;
        while client.transmit().has_remaining() {
            is_quiet = false;
            let transmit = client.transmit();
            let region = Region::new(ALLOCATOR);
            up.extend_from_slice(transmit.chunk());
            let copied = Held::since(&region);
            others.add(copied);
            clients.subtract(copied);
            transmit.advance(transmit.chunk().len());
        }
        clients.add(Held::since(&region));
        let _ = broker.handle_input(NOW, *connection, up);
        while let Some(action) = broker.poll_action() {
            assert!(matches!(action, Action::Transmit(_)));
        }
        let transmit = broker.transmit(*connection).expect("it is open");
        while transmit.has_remaining() {
            is_quiet = false;
            let region = Region::new(ALLOCATOR);
            down.extend_from_slice(transmit.chunk());
            others.add(Held::since(&region));
            transmit.advance(transmit.chunk().len());
        }
        let region = Region::new(ALLOCATOR);
        let _ = client.handle_input(NOW, down);
        while let Some(event) = client.poll_event() {
            assert!(!matches!(event, Event::Disconnected(_)));
        }
        clients.add(Held::since(&region));
        if is_quiet {
            return;
        }
    }
}
