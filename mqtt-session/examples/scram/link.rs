//! A Client and a broker in one process, and what they say to each other.

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{Decoder, Packet, ProtocolVersion};
use mqtt_session::{
    Action, Broker, BrokerConfig, Client, ClientConfig, ClientError, ConnectOptions, ConnectionId, Event,
    Instant, Policy,
};

/// Nothing takes time here.
pub(crate) const NOW: Instant = Instant::from_millis(0);

pub(crate) struct Link<P> {
    pub(crate) client: Client,
    pub(crate) broker: Broker<P>,
    pub(crate) events: Vec<Event>,
    /// Each packet; `C>S` and `S>C`.
    pub(crate) trace: Vec<String>,
    connection: Option<ConnectionId>,
    /// They read along for the trace.
    to_server: Decoder,
    to_client: Decoder,
}

impl<P: Policy> Link<P> {
    pub(crate) fn new(policy: P) -> Self {
        Self {
            client: Client::new(ClientConfig::default()),
            broker: Broker::new(BrokerConfig::default(), policy),
            events: Vec::new(),
            trace: Vec::new(),
            connection: None,
            to_server: Decoder::server(),
            to_client: Decoder::client(ProtocolVersion::V5_0),
        }
    }

    pub(crate) fn connect(&mut self, options: ConnectOptions) -> Result<(), ClientError> {
        self.client.connect(NOW, options)?;
        self.connection = Some(self.broker.open(NOW));
        self.to_server = Decoder::server();
        self.settle();
        Ok(())
    }

    /// Bytes go to and fro until nobody has any.
    pub(crate) fn settle(&mut self) {
        while let Some(connection) = self.connection {
            let mut up = BytesMut::new();
            while self.client.transmit().has_remaining() {
                up.extend_from_slice(&self.client.transmit().pop().unwrap_or_default());
            }
            self.trace.extend(read("C>S", &mut self.to_server, &up));
            let _ = self.broker.handle_input(NOW, connection, &mut up);
            let mut is_closed = false;
            while let Some(action) = self.broker.poll_action() {
                is_closed |= action == Action::Close(connection);
            }
            let mut down = BytesMut::new();
            while let Some(segment) = self.broker.transmit(connection).and_then(mqtt_session::Transmit::pop) {
                down.extend_from_slice(&segment);
            }
            self.trace.extend(read("S>C", &mut self.to_client, &down));
            let is_quiet = down.is_empty();
            let _ = self.client.handle_input(NOW, &mut down);
            self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
            if is_closed {
                self.client.handle_closed(NOW);
                self.broker.handle_closed(NOW, connection);
                self.connection = None;
                self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
            } else if is_quiet && !self.client.transmit().has_remaining() {
                return;
            }
        }
    }
}

fn read(direction: &str, decoder: &mut Decoder, bytes: &[u8]) -> Vec<String> {
    let mut bytes = BytesMut::from(bytes);
    let mut lines = Vec::new();
    while let Ok(Some(frame)) = decoder.decode_frame(&mut bytes) {
        let packet = frame.packet();
        // Packets do not show it, because it may be a secret; here it is what there is to see.
        let data = match packet {
            Packet::Connect(connect) => connect.fields().properties.authentication_data(),
            Packet::Connack(connack) => connack.properties.authentication_data(),
            Packet::Auth(auth) => auth.properties.authentication_data(),
            _ => None,
        };
        let data = data.map(|data| format!("\n      {}", String::from_utf8_lossy(data)));
        lines.push(format!("{direction} {packet}{}", data.unwrap_or_default()));
    }
    lines
}
