//! `rumqttc`: a `MqttState` at each end. It is a Client's, but does with a PUBLISH and its acknowledgements just what a Server
//! has to do.

/// How many messages may be under way, as in the crate's `MqttOptions`.
const IN_FLIGHT: u16 = 100;

/// The two versions have modules of their own, in which things have the same names.
macro_rules! version {
    ($module:ident, $name:literal, $version:ident, $state:path, $packets:path, $limit:expr, $publish:expr) => {
        pub(super) mod $module {
            use bytes::{Bytes, BytesMut};
            use mqtt_codec::{ProtocolVersion, QoS};
            use $packets::{Packet, Publish};
            use $state::{Event, MqttState, Request};

            use super::IN_FLIGHT;
            use crate::exchange;
            use crate::relay::{self, Relay};

            /// One connection.
            pub(crate) struct Alone(relay::Alone<End, End>);

            /// Two connections.
            pub(crate) struct Exchange(Relay<End, End>);

            struct End {
                state: MqttState,
                output: BytesMut,
            }

            impl End {
                fn new() -> Self {
                    Self { state: MqttState::new(IN_FLIGHT, false), output: BytesMut::new() }
                }

                fn write(&mut self, packet: Option<Packet>) {
                    if let Some(packet) = packet {
                        packet.write(&mut self.output, $limit).expect("a valid packet");
                    }
                }

                fn send(&mut self, publish: Publish) {
                    let packet = self.state.handle_outgoing_packet(Request::Publish(publish));
                    self.write(packet.expect("it can be sent"));
                }
            }

            impl relay::End for End {
                type Message = Publish;
                type Prepared = Publish;

                fn prepare(topic: &str, payload: Bytes, qos: QoS) -> Publish {
                    $publish(topic, payload, qos)
                }

                fn publish(&mut self, message: &Publish) {
                    self.send(message.clone());
                }

                fn forward(&mut self, message: Publish) {
                    self.send(Publish { pkid: 0, dup: false, ..message });
                }

                fn output(&mut self) -> &mut BytesMut {
                    &mut self.output
                }

                fn read(&mut self, input: &mut BytesMut) {
                    while !input.is_empty() {
                        let packet = Packet::read(input, $limit).expect("a valid packet");
                        let answer = self.state.handle_incoming_packet(packet).expect("it is expected");
                        self.write(answer);
                    }
                }

                fn received(&mut self) -> Option<Publish> {
                    while let Some(event) = self.state.events.pop_front() {
                        if let Event::Incoming(Packet::Publish(publish)) = event {
                            return Some(publish);
                        }
                    }
                    None
                }

                fn content(message: &Publish) -> (&[u8], &[u8]) {
                    (message.topic.as_ref(), &message.payload)
                }

                fn is_idle(&self) -> bool {
                    self.state.inflight() == 0
                }
            }

            impl exchange::Exchange for Alone {
                const NAME: &'static str = $name;

                fn new(version: ProtocolVersion, qos: QoS) -> Option<Self> {
                    (version == ProtocolVersion::$version)
                        .then(|| Self(relay::Alone::new(End::new(), End::new(), qos)))
                }

                fn turn(&mut self) -> usize {
                    self.0.turn()
                }
            }

            impl exchange::Exchange for Exchange {
                const NAME: &'static str = $name;

                fn new(version: ProtocolVersion, qos: QoS) -> Option<Self> {
                    (version == ProtocolVersion::$version)
                        .then(|| Self(Relay::new(End::new(), [End::new(), End::new()], End::new(), qos)))
                }

                fn turn(&mut self) -> usize {
                    self.0.turn()
                }
            }
        }
    };
}

version!(v4, "rumqttc", V3_1_1, rumqttc, rumqttc, 1 << 20, |topic: &str, payload, qos: QoS| {
    Publish::from_bytes(topic, rumqttc::qos(qos.bits()).expect("a QoS"), payload)
});

version!(
    v5,
    "rumqttc (v5)",
    V5_0,
    rumqttc::v5,
    rumqttc::v5::mqttbytes::v5,
    Some(1 << 20),
    |topic: &str, payload, qos: QoS| {
        let qos = rumqttc::v5::mqttbytes::qos(qos.bits()).expect("a QoS");
        Publish::new(topic, qos, payload, None)
    }
);
