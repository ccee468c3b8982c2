//! Packets that a Server sends, or a Client.

use core::fmt::Debug;

use bytes::BytesMut;
use mqtt_session::codec::{Connack as CodecConnack, ConnackProperties, ConnackReason, Packet, Property};

use crate::manifest::Version;
use crate::script::packets::{Expected, Names, Sent};

/// A CONNACK to be sent.
#[derive(Clone, Debug)]
#[must_use = "it does not send itself"]
pub struct Connack {
    session_present: bool,
    code: u8,
    properties: Vec<Property<'static>>,
}

/// A CONNACK that accepts, without Session Present.
pub const fn connack() -> Connack {
    Connack { session_present: false, code: 0, properties: Vec::new() }
}

impl Connack {
    /// With Session Present, which 3.1 does not know.
    pub fn present(self) -> Self {
        Self { session_present: true, ..self }
    }

    /// With this 5.0 code; in 3.x the return code for it.
    pub fn code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// With a property, in 5.0.
    pub fn with(mut self, property: Property<'static>) -> Self {
        self.properties.push(property);
        self
    }

    pub(super) const fn is_present(&self) -> bool {
        self.session_present
    }
}

impl Sent for Connack {
    fn encode(&self, names: &Names<'_>) -> Vec<u8> {
        let version = names.0.version;
        let properties: &[Property<'_>] = if version == Version::V5_0 { &self.properties } else { &[] };
        let connack = CodecConnack {
            session_present: self.session_present && version != Version::V3_1,
            properties: ConnackProperties::new(properties).expect("properties of CONNACK"),
            ..CodecConnack::new(ConnackReason::from_code(self.code).expect("a code of CONNACK"))
        };
        let mut bytes = BytesMut::new();
        connack.encode(version.protocol(), &mut bytes).expect("a CONNACK");
        bytes.to_vec()
    }
}

/// A CONNECT to be received.
#[derive(Clone, Debug, Default)]
#[must_use = "it is not received by itself"]
pub struct Connect {
    clean_start: Option<bool>,
    keep_alive: Option<u16>,
}

/// Any CONNECT of the version.
pub fn connect() -> Connect {
    Connect::default()
}

impl Connect {
    /// Clean Start, Clean Session.
    pub fn clean_start(self, clean_start: bool) -> Self {
        Self { clean_start: Some(clean_start), ..self }
    }

    /// With this Keep Alive.
    pub fn keep_alive(self, seconds: u16) -> Self {
        Self { keep_alive: Some(seconds), ..self }
    }
}

impl Expected for Connect {
    fn is(&self, packet: &Packet<'_>, names: &Names<'_>) -> bool {
        let Packet::Connect(connect) = packet else { return false };
        let fields = connect.fields();
        connect.version() == Some(names.0.version.protocol())
            && self.clean_start.is_none_or(|wanted| fields.clean_start == wanted)
            && self.keep_alive.is_none_or(|wanted| fields.keep_alive == wanted)
    }
}

/// A DISCONNECT to be received.
#[derive(Clone, Copy, Debug)]
pub struct Disconnect {
    code: u8,
}

/// A DISCONNECT with this code, which 3.x does not have.
pub const fn disconnect(code: u8) -> Disconnect {
    Disconnect { code }
}

impl Expected for Disconnect {
    fn is(&self, packet: &Packet<'_>, names: &Names<'_>) -> bool {
        let Packet::Disconnect(disconnect) = packet else { return false };
        names.0.version != Version::V5_0 || disconnect.reason.code() == self.code
    }
}

/// A PINGREQ to be received.
#[derive(Clone, Copy, Debug)]
pub struct Pingreq;

impl Expected for Pingreq {
    fn is(&self, packet: &Packet<'_>, _: &Names<'_>) -> bool {
        matches!(packet, Packet::Pingreq)
    }
}
