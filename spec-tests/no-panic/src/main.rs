//! Decodes what comes on its standard input and reads every field of it, in a program that cannot panic or allocate.
//!
//! The first byte chooses version (0, 1, 2: oldest first) and, plus 16, that it is a Server that sends. The exit code is
//! 0 when whole packets follow, 1 when one is malformed, 2 when the last is not complete, 3 when nothing can be read.

#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::hint::black_box;
use core::panic::PanicInfo;

use mqtt_codec::{ConnectFields, Decoder, Packet, Property, ProtocolVersion, Will};

#[link(name = "c")]
unsafe extern "C" {
    fn read(file: i32, buffer: *mut u8, len: usize) -> isize;
}

#[cfg(not(feature = "defined"))]
unsafe extern "C" {
    safe fn a_panic_is_reachable() -> !;
    safe fn an_allocation_is_reachable() -> !;
}

#[cfg(feature = "defined")]
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn a_panic_is_reachable() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[cfg(feature = "defined")]
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn an_allocation_is_reachable() -> ! {
    loop {
        black_box(());
    }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    a_panic_is_reachable()
}

struct NoAllocation;

// SAFETY: it never returns memory.
unsafe impl GlobalAlloc for NoAllocation {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        an_allocation_is_reachable()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoAllocation = NoAllocation;

/// The `core` that comes with the toolchain is built for unwinding and refers to it; with panic = "abort" nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    let mut buffer = [0; 4096];
    // SAFETY: the buffer has as many bytes.
    let len = unsafe { read(0, buffer.as_mut_ptr(), buffer.len()) };
    let input = usize::try_from(len).ok().and_then(|len| buffer.get(..len));
    match input.and_then(<[u8]>::split_first) {
        Some((&first, packets)) => decode_all(first, packets),
        None => 3,
    }
}

fn decode_all(first: u8, mut input: &[u8]) -> i32 {
    #[cfg(feature = "reachable")]
    if input[first as usize] == 0 {
        return 3;
    }
    let version = match first & 0x0F {
        0 => ProtocolVersion::V3_1,
        1 => ProtocolVersion::V3_1_1,
        _ => ProtocolVersion::V5_0,
    };
    let begins_with_connect = input.first().is_some_and(|first| first >> 4 == 1);
    let mut decoder = match first & 0x10 {
        0 if begins_with_connect => Decoder::server(),
        0 => Decoder::server().with_version(version),
        _ => Decoder::client(version),
    };
    loop {
        match decoder.decode(input) {
            Ok(Some((packet, len))) => {
                read_packet(&packet);
                input = input.get(len..).unwrap_or_default();
            }
            Ok(None) if input.is_empty() => return 0,
            Ok(None) => {
                black_box(decoder.needed(input));
                return 2;
            }
            Err(error) => {
                black_box((error.fault(), error.clause(), error.offset(), error.packet_type()));
                black_box((error.connack_reason(), error.connack_return_code(), error.disconnect_reason()));
                return 1;
            }
        }
    }
}

fn read_item<T>(item: T) {
    black_box(item);
}

fn read_properties<'a>(properties: impl Iterator<Item = Property<'a>>) {
    for property in properties {
        if let Property::ResponseTopic(topic) = property {
            black_box(topic.as_str());
        }
        black_box((property.id(), property));
    }
}

fn read_connect(fields: &ConnectFields<'_>) {
    black_box(fields);
    read_properties(fields.properties.iter());
    black_box((fields.properties.receive_maximum(), fields.properties.authentication_data()));
    fields.properties.user_properties().for_each(|pair| read_item(pair));
    if let Some(will) = &fields.will {
        read_will(will);
    }
}

fn read_will(will: &Will<'_>) {
    black_box((will.topic.as_str(), will.topic.levels().count(), will.payload));
    read_properties(will.properties.iter());
    black_box((will.properties.will_delay_interval(), will.properties.content_type()));
}

/// Every field, and what is read on demand.
fn read_packet(packet: &Packet<'_>) {
    black_box(packet.packet_type());
    match packet {
        Packet::Connect(connect) => {
            black_box(connect.version());
            read_connect(&connect.fields());
        }
        Packet::Connack(connack) => {
            black_box((connack.session_present, connack.reason));
            read_properties(connack.properties.iter());
            black_box((connack.properties.maximum_qos(), connack.properties.assigned_client_identifier()));
        }
        Packet::Publish(publish) => {
            black_box((publish.delivery, publish.retain, publish.payload));
            if let Some(topic) = &publish.topic {
                black_box((topic.as_bytes(), topic.as_str(), topic.levels().count()));
            }
            read_properties(publish.properties.iter());
            black_box((publish.properties.topic_alias(), publish.properties.message_expiry_interval()));
            publish.properties.subscription_identifiers().for_each(|id| read_item(id));
            publish.properties.user_properties().for_each(|pair| read_item(pair));
        }
        Packet::Puback(puback) => {
            black_box((puback.packet_id, puback.reason, puback.properties.reason_string()));
            read_properties(puback.properties.iter());
        }
        Packet::Pubrec(pubrec) => {
            black_box((pubrec.packet_id, pubrec.reason, pubrec.properties.reason_string()));
            read_properties(pubrec.properties.iter());
        }
        Packet::Pubrel(pubrel) => {
            black_box((pubrel.packet_id, pubrel.reason, pubrel.properties.reason_string()));
            read_properties(pubrel.properties.iter());
        }
        Packet::Pubcomp(pubcomp) => {
            black_box((pubcomp.packet_id, pubcomp.reason, pubcomp.properties.reason_string()));
            read_properties(pubcomp.properties.iter());
        }
        Packet::Subscribe(subscribe) => {
            black_box((subscribe.packet_id, subscribe.properties.subscription_identifier()));
            read_properties(subscribe.properties.iter());
            for (wanted, options) in subscribe.subscriptions.iter() {
                black_box((wanted.filter().as_str(), wanted.filter().levels().count(), options));
                black_box(wanted.share_name().map(|name| name.as_str()));
            }
            black_box((subscribe.subscriptions.len(), subscribe.subscriptions.is_empty()));
        }
        Packet::Suback(suback) => {
            black_box(suback.packet_id);
            read_properties(suback.properties.iter());
            suback.reasons.iter().for_each(|reason| read_item((reason, reason.granted_qos())));
        }
        Packet::Unsubscribe(unsubscribe) => {
            black_box(unsubscribe.packet_id);
            read_properties(unsubscribe.properties.iter());
            for wanted in unsubscribe.filters.iter() {
                black_box((wanted.filter().as_bytes(), wanted.share_name().map(|name| name.as_bytes())));
            }
        }
        Packet::Unsuback(unsuback) => {
            black_box(unsuback.packet_id);
            read_properties(unsuback.properties.iter());
            unsuback.reasons.iter().for_each(|reason| read_item(reason));
        }
        Packet::Disconnect(disconnect) => {
            black_box((disconnect.reason, disconnect.properties.server_reference()));
            read_properties(disconnect.properties.iter());
        }
        Packet::Auth(auth) => {
            black_box((auth.reason, auth.properties.authentication_method()));
            read_properties(auth.properties.iter());
        }
        Packet::Pingreq | Packet::Pingresp => {}
    }
}
