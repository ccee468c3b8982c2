//! A Client about to connect.

use core::num::{NonZeroU16, NonZeroU32};

use bytes::BytesMut;
use mqtt_session::codec::{
    Connect, ConnectFields, ConnectProperties, Property, QoS, Will as CodecWill, WillProperties,
};
use mqtt_session::topic::TopicName;

use super::packets::qos;
use super::{Peer, Received, Scene};

/// A Will to be declared.
#[derive(Clone, Debug)]
pub struct Will {
    topic: String,
    payload: Vec<u8>,
    qos: QoS,
    retain: bool,
    properties: Vec<Property<'static>>,
}

/// A QoS 0 Will, not retained.
pub fn will(topic: &str, payload: &str) -> Will {
    Will {
        topic: topic.to_owned(),
        payload: payload.as_bytes().to_vec(),
        qos: QoS::AtMostOnce,
        retain: false,
        properties: Vec::new(),
    }
}

impl Will {
    /// The QoS it is published with.
    pub fn qos(self, level: u8) -> Self {
        Self { qos: qos(level), ..self }
    }

    /// With RETAIN.
    pub fn retained(self) -> Self {
        Self { retain: true, ..self }
    }

    /// With a property, in 5.0.
    pub fn with(mut self, property: Property<'static>) -> Self {
        self.properties.push(property);
        self
    }

    /// With a Will Delay Interval, in 5.0.
    pub fn delayed(self, seconds: u32) -> Self {
        self.with(Property::WillDelayInterval(seconds))
    }
}

/// What a Client says in CONNECT. Clean Start, Clean Session, unless it [keeps](Self::keeps) its Session.
#[derive(Clone, Debug)]
#[must_use = "it does not connect by itself"]
pub struct Dial<'a> {
    scene: &'a Scene,
    name: String,
    client_id: String,
    clean_start: bool,
    keep_alive: u16,
    will: Option<Will>,
    username: Option<String>,
    password: Option<Vec<u8>>,
    properties: Vec<Property<'static>>,
}

/// How long a Session lasts that a Client keeps, in seconds, where it does not matter. 3.x has no limit.
const LONG: u32 = 600;

impl<'a> Dial<'a> {
    pub(super) fn new(scene: &'a Scene, name: &str) -> Self {
        Self {
            scene,
            name: name.to_owned(),
            client_id: scene.client_id(name),
            clean_start: true,
            keep_alive: 0,
            will: None,
            username: None,
            password: None,
            properties: Vec::new(),
        }
    }

    /// Keeps its Session, and goes on with the one there is: Clean Session 0, or Clean Start 0 with an expiry.
    pub fn keeps(self) -> Self {
        self.keeps_for(LONG)
    }

    /// Keeps its Session for some seconds after the connection; in 3.x without limit.
    pub fn keeps_for(self, seconds: u32) -> Self {
        self.scene.stage().remember_client(&self.name);
        Self { clean_start: false, ..self }.with(Property::SessionExpiryInterval(seconds))
    }

    /// Clean Start 1, Clean Session 1.
    pub fn clean(self) -> Self {
        Self { clean_start: true, ..self }
    }

    /// Clean Start 0, Clean Session 0, and nothing about an expiry.
    pub fn unclean(self) -> Self {
        self.scene.stage().remember_client(&self.name);
        Self { clean_start: false, ..self }
    }

    /// With this Client Identifier, as it stands on the wire.
    pub fn id(self, client_id: &str) -> Self {
        Self { client_id: client_id.to_owned(), ..self }
    }

    /// With a Keep Alive.
    pub fn keep_alive(self, seconds: u16) -> Self {
        Self { keep_alive: seconds, ..self }
    }

    /// With a Will.
    pub fn will(self, will: Will) -> Self {
        Self { will: Some(will), ..self }
    }

    /// With a User Name.
    pub fn user(self, name: &str) -> Self {
        Self { username: Some(name.to_owned()), ..self }
    }

    /// With a Password.
    pub fn password(self, password: &str) -> Self {
        Self { password: Some(password.as_bytes().to_vec()), ..self }
    }

    /// With a property, in 5.0.
    pub fn with(mut self, property: Property<'static>) -> Self {
        self.properties.push(property);
        self
    }

    /// With a Receive Maximum, in 5.0.
    ///
    /// # Panics
    /// When it is 0.
    pub fn receive_maximum(self, maximum: u16) -> Self {
        self.with(Property::ReceiveMaximum(NonZeroU16::new(maximum).expect("not 0")))
    }

    /// With a Maximum Packet Size, in 5.0.
    ///
    /// # Panics
    /// When it is 0.
    pub fn largest_packet(self, bytes: u32) -> Self {
        self.with(Property::MaximumPacketSize(NonZeroU32::new(bytes).expect("not 0")))
    }

    /// The CONNECT.
    ///
    /// # Panics
    /// When it cannot be encoded.
    #[track_caller]
    pub fn bytes(&self) -> Vec<u8> {
        let version = self.scene.version().protocol();
        let is_v5 = self.scene.is_v5();
        let properties: &[Property<'_>] = if is_v5 { &self.properties } else { &[] };
        let topic = self.will.as_ref().map(|will| self.scene.topic(&will.topic));
        let will = self.will.as_ref().zip(topic.as_ref()).map(|(will, topic)| {
            let properties: &[Property<'_>] = if is_v5 { &will.properties } else { &[] };
            CodecWill {
                qos: will.qos,
                retain: will.retain,
                properties: WillProperties::new(properties).expect("properties of a Will"),
                ..CodecWill::new(TopicName::parse(topic).expect("a Topic Name"), &will.payload)
            }
        });
        let fields = ConnectFields {
            client_id: &self.client_id,
            clean_start: self.clean_start,
            keep_alive: self.keep_alive,
            will,
            username: self.username.as_deref(),
            password: self.password.as_deref(),
            properties: ConnectProperties::new(properties).expect("properties of CONNECT"),
        };
        let mut bytes = BytesMut::new();
        Connect::new(&fields).encode(version, &mut bytes).expect("a CONNECT");
        bytes.to_vec()
    }

    /// Sends the CONNECT.
    #[track_caller]
    pub fn asks(&self) -> Peer {
        if let Some(will) = self.will.as_ref().filter(|will| will.retain) {
            self.scene.stage().remember_retained(&will.topic);
        }
        let mut peer = self.scene.opens(&self.name);
        peer.sends_bytes(&self.bytes());
        peer
    }

    /// Connects; there is no Session State.
    #[track_caller]
    pub fn connects(&self) -> Peer {
        self.accepted(false).0
    }

    /// Connects, and finds its Session.
    #[track_caller]
    pub fn resumes(&self) -> Peer {
        self.accepted(true).0
    }

    /// Connects; the Client and its CONNACK.
    #[track_caller]
    pub fn accepted(&self, session_present: bool) -> (Peer, Received) {
        let mut peer = self.asks();
        let connack = peer.is_accepted(session_present);
        (peer, connack)
    }

    /// Sends the CONNECT, which must be refused.
    #[track_caller]
    pub fn is_refused(&self, code: u8) {
        self.asks().is_refused(code);
    }
}
