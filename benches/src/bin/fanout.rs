//! Sends one PUBLISH to many receivers, for tools that count instructions: `fanout empty|plain|prepared NAME RECEIVERS`. `NAME`
//! is
//! the workload whose first packet is the message; each receiver gets it at QoS 1 with a Packet Identifier of its own.
//!
//! `benches/instructions.sh` calls it.

use core::hint::black_box;
use std::process::ExitCode;

use benches::workloads;
use bytes::{Bytes, BytesMut};
use mqtt_codec::{Decoder, Delivery, Hop, MessageProperties, Packet, PacketId, PreparedPublish, Publish};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, operation, name, receivers] = arguments.as_slice() else { return usage() };
    let (Some(workload), Ok(receivers)) =
        (workloads().into_iter().find(|workload| workload.name == name), receivers.parse::<usize>())
    else {
        return usage();
    };
    let version = workload.version;
    let Ok(Some((Packet::Publish(message), _))) =
        Decoder::server().with_version(version).decode(&workload.stream)
    else {
        return usage();
    };
    let packet_ids = (1..=u16::MAX).cycle().filter_map(PacketId::new).take(receivers);
    let deliveries = packet_ids.map(|packet_id| black_box(Delivery::AtLeastOnce { packet_id, dup: false }));
    let mut out = BytesMut::with_capacity(1 << 20);
    let message_expiry_interval = message.properties.message_expiry_interval();
    let properties = MessageProperties::from_publish(message.properties, None);
    let topic = message.topic.expect("a topic");
    let payload = Bytes::copy_from_slice(message.payload);
    let mut prepared = PreparedPublish::new(version, &topic, &properties, payload).expect("a valid message");
    let mut written = 0;
    for delivery in deliveries {
        out.clear();
        match operation.as_str() {
            "plain" => Publish { delivery, ..message }.append_to(version, &mut out).expect("a valid packet"),
            "generic" => Publish { delivery, ..message }.encode(version, &mut out).expect("a valid packet"),
            "prepared" => {
                let hop = Hop { delivery, message_expiry_interval, ..Hop::default() };
                prepared.encode(&hop, &mut out).expect("a valid packet");
            }
            _ => {}
        }
        written += black_box(&out).len();
    }
    let one = Publish { delivery: Delivery::AtLeastOnce { packet_id: PacketId::MIN, dup: false }, ..message };
    let one = if operation == "empty" { 0 } else { one.encoded_len(version).expect("a valid packet") };
    assert_eq!(written, receivers * one);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("fanout empty|plain|prepared NAME RECEIVERS");
    ExitCode::FAILURE
}
