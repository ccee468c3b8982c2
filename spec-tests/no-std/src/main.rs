//! A program without std that uses the three crates. It ends with 0 when they did what they should.
//!
//! C's startup code calls `main`; nothing else here comes from an operating system.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

use bytes::{BufMut, BytesMut};
use linked_list_allocator::LockedHeap;
use mqtt_codec::{
    Decoder, Packet, PacketId, ProtocolVersion, QoS, Subscribe, SubscriptionOptions, Subscriptions,
};
use mqtt_session::{
    AllowAll, Broker, BrokerConfig, Client, ClientConfig, ConnectOptions, Event, Instant, Message,
    SubscribeRequest,
};
use mqtt_topic::{Subscription, TopicFilter, TopicName};
use spinning_top::Spinlock;
use spinning_top::lock_api::MutexGuard;

#[link(name = "c")]
unsafe extern "C" {}

const HEAP_SIZE: usize = 256 * 1024;

static HEAP: Spinlock<[MaybeUninit<u8>; HEAP_SIZE]> = Spinlock::new([MaybeUninit::uninit(); HEAP_SIZE]);

#[global_allocator]
static ALLOCATOR: LockedHeap = LockedHeap::empty();

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    // Whoever runs this has a time limit.
    loop {
        core::hint::spin_loop();
    }
}

/// The `alloc` that comes with the toolchain is built for unwinding and refers to these; with panic = "abort" nothing calls them.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// See [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    let heap = MutexGuard::leak(HEAP.lock());
    ALLOCATOR.lock().init_from_slice(heap);
    let fine =
        [topic().is_ok_and(|fine| fine), codec().is_ok_and(|fine| fine), session().is_ok_and(|fine| fine)];
    i32::from(fine != [true; 3])
}

/// A Topic Filter matches a Topic Name.
fn topic() -> Result<bool, impl Error> {
    let filter = TopicFilter::parse("sensors/+/temperature")?;
    TopicName::parse("sensors/kitchen/temperature").map(|name| filter.matches(&name))
}

/// A SUBSCRIBE comes back from its bytes.
fn codec() -> Result<bool, Box<dyn Error>> {
    let wanted = [(Subscription::parse("sensors/#")?, SubscriptionOptions::from(QoS::AtLeastOnce))];
    let subscribe = Subscribe::new(PacketId::MIN, Subscriptions::new(&wanted));
    let mut bytes = Vec::new();
    subscribe.encode(ProtocolVersion::V5_0, &mut bytes)?;
    let mut decoder = Decoder::server().with_version(ProtocolVersion::V5_0);
    let decoded = decoder.decode(&bytes)?;
    Ok(matches!(decoded, Some((Packet::Subscribe(_), len)) if len == bytes.len()))
}

/// A message goes from a client to a broker and back.
fn session() -> Result<bool, Box<dyn Error>> {
    let now = Instant::from_millis(0);
    let mut broker = Broker::new(BrokerConfig::default(), AllowAll);
    let connection = broker.open(now);
    let mut client = Client::new(ClientConfig::default());
    client.connect(now, ConnectOptions::new(ProtocolVersion::V3_1_1))?;
    let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
    for _ in 0..100 {
        up.put(client.transmit());
        let _ = broker.handle_input(now, connection, &mut up);
        if let Some(transmit) = broker.transmit(connection) {
            down.put(transmit);
        }
        let _ = client.handle_input(now, &mut down);
        match client.poll_event() {
            Some(Event::Connected(_)) => {
                client.subscribe(now, SubscribeRequest::new([("a/#", QoS::ExactlyOnce)])?)?;
                client.publish(now, Message::new("a/b", "hi")?.with_qos(QoS::ExactlyOnce))?;
            }
            Some(Event::Message(received)) => return Ok(received.message.payload() == "hi"),
            _ => {}
        }
    }
    Ok(false)
}
