//! `mqtt-protocol-core`: a `Connection` at each end, which answers PUBLISH and PUBREC by itself.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use mqtt_codec::{ProtocolVersion, QoS};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::Event;
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait as _, Packet, Qos, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, ConnectReturnCode};
use mqtt_protocol_core::mqtt::role::{Client, RoleType, Server};
use mqtt_protocol_core::mqtt::{ArcPayload, Connection, IntoPayload as _, Version};

use crate::exchange;
use crate::relay::{self, Relay};

/// One connection.
pub(crate) struct Alone(relay::Alone<End<Client>, End<Server>>);

/// Two connections.
pub(crate) struct Exchange(Relay<End<Client>, End<Server>>);

struct End<R: RoleType> {
    connection: Connection<R>,
    version: Version,
    output: BytesMut,
    received: VecDeque<Packet>,
    /// Packet Identifiers that are taken.
    open: usize,
}

/// A message of the application.
struct Prepared {
    topic: String,
    qos: Qos,
    payload: ArcPayload,
}

impl<R: RoleType> End<R> {
    fn new(version: Version) -> Self {
        let mut connection = Connection::new(version);
        connection.set_auto_pub_response(true);
        Self { connection, version, output: BytesMut::new(), received: VecDeque::new(), open: 0 }
    }

    fn send(&mut self, packet: Packet) {
        let events = self.connection.send(packet);
        self.handle(events);
    }

    fn handle(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    packet.to_buffers().iter().for_each(|part| self.output.extend_from_slice(part));
                }
                Event::NotifyPacketReceived(packet) => {
                    if matches!(packet, Packet::V3_1_1Publish(_) | Packet::V5_0Publish(_)) {
                        self.received.push_back(packet);
                    }
                }
                Event::NotifyPacketIdReleased(_) => self.open -= 1,
                Event::NotifyError(error) => panic!("{error:?}"),
                Event::RequestClose => panic!("it closes"),
                Event::RequestTimerReset { .. } | Event::RequestTimerCancel(_) => {}
            }
        }
    }

    fn publish(&mut self, topic: &str, qos: Qos, payload: ArcPayload) {
        let packet_id = (qos != Qos::AtMostOnce).then(|| {
            self.open += 1;
            self.connection.acquire_packet_id().expect("there are enough")
        });
        let packet = if self.version == Version::V5_0 {
            let builder = v5_0::Publish::builder().topic_name(topic).expect("a Topic Name");
            let builder = match packet_id {
                Some(packet_id) => builder.packet_id(packet_id),
                None => builder,
            };
            Packet::V5_0Publish(builder.qos(qos).payload(payload).build().expect("a valid packet"))
        } else {
            let builder = v3_1_1::Publish::builder().topic_name(topic).expect("a Topic Name");
            let builder = match packet_id {
                Some(packet_id) => builder.packet_id(packet_id),
                None => builder,
            };
            Packet::V3_1_1Publish(builder.qos(qos).payload(payload).build().expect("a valid packet"))
        };
        self.send(packet);
    }
}

impl<R: RoleType> relay::End for End<R> {
    type Message = Packet;
    type Prepared = Prepared;

    fn prepare(topic: &str, payload: Bytes, qos: QoS) -> Prepared {
        let qos = Qos::try_from(qos.bits()).expect("a QoS");
        Prepared { topic: topic.into(), qos, payload: payload[..].into_payload() }
    }

    fn publish(&mut self, message: &Prepared) {
        let Prepared { topic, qos, payload } = message;
        self.publish(topic, *qos, payload.clone());
    }

    fn forward(&mut self, message: Packet) {
        match message {
            Packet::V3_1_1Publish(publish) => {
                self.publish(publish.topic_name(), publish.qos(), publish.payload().clone());
            }
            Packet::V5_0Publish(publish) => {
                self.publish(publish.topic_name(), publish.qos(), publish.payload().clone());
            }
            _ => {}
        }
    }

    fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    fn read(&mut self, input: &mut BytesMut) {
        let mut rest = Cursor::new(&input[..]);
        while rest.position() < input.len() as u64 {
            let events = self.connection.recv(&mut rest);
            self.handle(events);
        }
        input.clear();
    }

    fn received(&mut self) -> Option<Packet> {
        self.received.pop_front()
    }

    fn content(message: &Packet) -> (&[u8], &[u8]) {
        match message {
            Packet::V3_1_1Publish(publish) => (publish.topic_name().as_bytes(), publish.payload().as_slice()),
            Packet::V5_0Publish(publish) => (publish.topic_name().as_bytes(), publish.payload().as_slice()),
            _ => (&[], &[]),
        }
    }

    fn is_idle(&self) -> bool {
        self.open == 0
    }
}

/// A Client and the Server's end of its connection, which has been accepted.
fn connected(version: Version) -> (End<Client>, End<Server>) {
    use relay::End as _;

    let (mut client, mut server) = (End::new(version), End::new(version));
    let (connect, connack) = if version == Version::V5_0 {
        let connect = v5_0::Connect::builder().client_id("client").expect("a Client Identifier").build();
        let connack = v5_0::Connack::builder()
            .session_present(false)
            .reason_code(ConnectReasonCode::Success)
            .build()
            .expect("a valid packet");
        (Packet::V5_0Connect(connect.expect("a valid packet")), Packet::V5_0Connack(connack))
    } else {
        let connect = v3_1_1::Connect::builder().client_id("client").expect("a Client Identifier").build();
        let connack = v3_1_1::Connack::builder()
            .session_present(false)
            .return_code(ConnectReturnCode::Accepted)
            .build()
            .expect("a valid packet");
        (Packet::V3_1_1Connect(connect.expect("a valid packet")), Packet::V3_1_1Connack(connack))
    };
    client.send(connect);
    server.read(&mut client.output.split());
    server.send(connack);
    client.read(&mut server.output.split());
    (client, server)
}

fn spoken(version: ProtocolVersion) -> Option<Version> {
    match version {
        ProtocolVersion::V3_1 => None,
        ProtocolVersion::V3_1_1 => Some(Version::V3_1_1),
        ProtocolVersion::V5_0 => Some(Version::V5_0),
    }
}

impl exchange::Exchange for Alone {
    const NAME: &'static str = <Exchange as exchange::Exchange>::NAME;

    fn new(version: ProtocolVersion, qos: QoS) -> Option<Self> {
        let (publisher, server) = connected(spoken(version)?);
        Some(Self(relay::Alone::new(publisher, server, qos)))
    }

    fn turn(&mut self) -> usize {
        self.0.turn()
    }
}

impl exchange::Exchange for Exchange {
    const NAME: &'static str = "mqtt-protocol-core";

    fn new(version: ProtocolVersion, qos: QoS) -> Option<Self> {
        let version = spoken(version)?;
        let ((publisher, near), (subscriber, far)) = (connected(version), connected(version));
        Some(Self(Relay::new(publisher, [near, far], subscriber, qos)))
    }

    fn turn(&mut self) -> usize {
        self.0.turn()
    }
}
