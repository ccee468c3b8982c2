//! A trace of packets, one line each, as it appears in logs.

#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/wire.rs"]
mod wire;

use mqtt_codec::{FrameSlot, Packet, PacketId, PacketType, ProtocolVersion, Publish, StreamEvent};
use mqtt_topic::TopicName;

fn trace(version: ProtocolVersion) -> String {
    let samples = corpus::corpus().into_iter().filter(|sample| sample.version == version);
    let lines = samples.map(|sample| {
        let (packet, _) = wire::decode(version, sample.from, &sample.bytes).unwrap().unwrap();
        packet.to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_trace_of_3_1_1() {
    insta::assert_snapshot!(trace(ProtocolVersion::V3_1_1), @r##"
    CONNECT v3.1.1 "c" clean_start=1 keep_alive=60
    CONNECT v3.1.1 "c" clean_start=0 keep_alive=65535 will=[q1 retain=1 "w/t" 2 bytes] username="u" password=***
    CONNACK session_present=0 0x00 Success
    CONNACK session_present=0 0x87 Not authorized
    PUBLISH q0 dup=0 retain=1 "a/b" 5 bytes
    PUBLISH id=1 q1 dup=0 retain=0 "a/b" 5 bytes
    PUBLISH id=65535 q2 dup=1 retain=1 "$SYS" 0 bytes
    PUBACK id=1
    PUBREC id=2
    PUBREL id=2
    PUBCOMP id=2
    SUBSCRIBE id=10 "a/b" q1 "#" q2 "+/" q0
    SUBACK id=10 0x00 0x01 0x02
    UNSUBSCRIBE id=11 "a/b" "#"
    UNSUBACK id=11
    PINGREQ
    PINGRESP
    DISCONNECT 0x00 Normal disconnection
    "##);
}

#[test]
fn a_trace_of_5_0() {
    insta::assert_snapshot!(trace(ProtocolVersion::V5_0), @r##"
    CONNECT v5.0 "" clean_start=1 keep_alive=60
    CONNECT v5.0 "c" clean_start=1 keep_alive=0 will=[q2 retain=1 "w" 0 bytes {Payload Format Indicator=1, Message Expiry Interval=60, Content Type="t", Response Topic="r", Correlation Data=1 bytes, Will Delay Interval=4294967295, ""="", "a"="b"}] username="u" password=*** {Session Expiry Interval=3600, Authentication Method="m", Authentication Data=***, Request Problem Information=0, Request Response Information=1, Receive Maximum=20, Topic Alias Maximum=10, "k"="v", Maximum Packet Size=65536}
    CONNECT v5.0 "" clean_start=0 keep_alive=0 password=***
    PUBLISH q0 dup=0 retain=0 "" 1 bytes {Topic Alias=1}
    PUBACK id=1
    SUBSCRIBE id=1 "a" q0
    SUBSCRIBE id=2 "a" q2 no_local retain_as_published retain_handling=2 "$share/g/+" q1 retain_as_published retain_handling=1 {Subscription Identifier=268435455, "k"="v"}
    UNSUBSCRIBE id=3 "$share/g/#" "a"
    UNSUBSCRIBE id=3 "a" {"k"="v"}
    PINGREQ
    DISCONNECT 0x04 Disconnect with Will Message
    DISCONNECT 0x00 Normal disconnection {Session Expiry Interval=60}
    AUTH 0x19 Re-authenticate {Authentication Method="m"}
    CONNACK session_present=1 0x00 Success
    CONNACK session_present=0 0x84 Unsupported Protocol Version
    CONNACK session_present=0 0x9D Server moved {Session Expiry Interval=0, Assigned Client Identifier="i", Server Keep Alive=60, Authentication Method="m", Authentication Data=***, Response Information="/", Server Reference="s", Reason String="r", Receive Maximum=1, Topic Alias Maximum=0, Maximum QoS=1, Retain Available=0, "k"="v", Maximum Packet Size=128, Wildcard Subscription Available=0, Subscription Identifier Available=0, Shared Subscription Available=1}
    PUBLISH id=7 q1 dup=1 retain=1 "a/b" 7 bytes {Payload Format Indicator=1, Message Expiry Interval=60, Content Type="t", Response Topic="r", Correlation Data=1 bytes, Subscription Identifier=1, Subscription Identifier=128, Topic Alias=5, "k"="v", ""=""}
    PUBACK id=1 0x10 No matching subscribers
    SUBACK id=1 0x00 0x01 0x02 0x80 0xA2
    SUBACK id=1 0x87 {Reason String="r"}
    UNSUBACK id=3 0x00 0x11 0x8F
    PINGRESP
    DISCONNECT 0x9D Server moved {Server Reference="s2", Reason String="away"}
    AUTH 0x00 Success {Authentication Method="m"}
    PUBLISH q0 dup=0 retain=0 "a/b" 5 bytes
    PUBLISH q0 dup=0 retain=0 "a/b" 5 bytes
    PUBLISH id=1 q1 dup=0 retain=1 "a" 2 bytes
    PUBLISH id=1 q1 dup=0 retain=1 "a" 2 bytes
    PUBACK id=1
    PUBACK id=1
    PUBREC id=65535 0x97 Quota exceeded {Reason String="r"}
    PUBREC id=65535 0x97 Quota exceeded {Reason String="r"}
    PUBREL id=1
    PUBREL id=1
    PUBREL id=1 0x92 Packet Identifier not found
    PUBREL id=1 0x92 Packet Identifier not found
    PUBCOMP id=1 {"k"="v"}
    PUBCOMP id=1 {"k"="v"}
    DISCONNECT 0x00 Normal disconnection
    DISCONNECT 0x00 Normal disconnection
    AUTH 0x18 Continue authentication {Authentication Method="m", Authentication Data=***}
    AUTH 0x18 Continue authentication {Authentication Method="m", Authentication Data=***}
    "##);
}

#[test]
fn what_is_in_a_slot_is_shown_by_whom_it_is_handed_to() {
    assert_eq!(format!("{:?}", FrameSlot::new()), "FrameSlot { .. }");
}

#[test]
fn an_event_of_a_stream_is_shown_with_the_length_of_its_payload() {
    let publish = Publish::new(TopicName::parse("a").unwrap(), &[]);
    let shown = [
        StreamEvent::Packet(Packet::Pingreq),
        StreamEvent::Head { publish, payload_len: 7 },
        StreamEvent::Payload { part: b"secret", remaining: 1 },
        StreamEvent::OversizedPublish { publish, size: 9 },
        StreamEvent::Oversized { packet_type: PacketType::Suback, packet_id: Some(PacketId::MIN), size: 8 },
        StreamEvent::Skipped { remaining: 3 },
    ]
    .map(|event| format!("{event:?}"));
    let publish = format!("{publish:?}");
    assert_eq!(
        shown,
        [
            "Packet(Pingreq)".into(),
            format!("Head {{ publish: {publish}, payload_len: 7 }}"),
            "Payload { part: 6 bytes, remaining: 1 }".into(),
            format!("OversizedPublish {{ publish: {publish}, size: 9 }}"),
            format!("Oversized {{ packet_type: Suback, packet_id: Some({:?}), size: 8 }}", PacketId::MIN),
            "Skipped { remaining: 3 }".into(),
        ]
    );
}
