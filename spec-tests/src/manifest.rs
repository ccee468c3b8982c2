//! What the three specifications demand, statement by statement, in our words: the tables of `data/`.

use std::fmt;

/// A version of the protocol, with a table of its own. Ids are those of their version: 5.0 and 3.1.1 number differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// The numbered statements of MQTT 5.0.
    V5_0,
    /// The numbered statements of MQTT 3.1.1.
    V3_1_1,
    /// Where MQTT 3.1 differs from 3.1.1; that document numbers nothing, the ids are ours.
    V3_1,
}

impl Version {
    /// All versions, newest first.
    pub const ALL: [Self; 3] = [Self::V5_0, Self::V3_1_1, Self::V3_1];

    /// What announces an id of this version in the name of a test.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::V5_0 => "mqtt5",
            Self::V3_1_1 => "mqtt311",
            Self::V3_1 => "m31",
        }
    }

    /// Its number: `3.1.1`.
    pub const fn number(self) -> &'static str {
        match self {
            Self::V5_0 => "5.0",
            Self::V3_1_1 => "3.1.1",
            Self::V3_1 => "3.1",
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::V5_0 => include_str!("../data/mqtt5.tsv"),
            Self::V3_1_1 => include_str!("../data/mqtt311.tsv"),
            Self::V3_1 => include_str!("../data/mqtt31.tsv"),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MQTT {}", self.number())
    }
}

macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ $variant,)+
        }

        impl $name {
            fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)+ })
            }
        }
    };
}

words! {
    /// Who is bound by a statement.
    Side {
        /// The Client.
        Client = "client",
        /// The Server.
        Server = "server",
        /// Client and Server.
        Both = "both",
        /// Whoever sends the packet.
        Sender = "sender",
        /// Whoever receives the packet.
        Receiver = "receiver",
    }
}

words! {
    /// What proves a statement.
    Layer {
        /// The packets: `mqtt-codec`.
        Codec = "codec",
        /// Topic Names and Filters: `mqtt-topic`, or the codec that calls it.
        Topic = "topic",
        /// Client and server: `mqtt-session`.
        Session = "session",
        /// The routing between sessions: `mqtt-session`.
        Broker = "broker",
        /// The network, which belongs to the embedder.
        Transport = "transport",
    }
}

impl Layer {
    /// Whether tests in this file of the workspace can prove a statement of the layer.
    pub fn is_proven_in(self, file: &str) -> bool {
        let crates: &[&str] = match self {
            Self::Codec => &["mqtt-codec/"],
            Self::Topic => &["mqtt-topic/", "mqtt-codec/"],
            Self::Session | Self::Broker | Self::Transport => &["mqtt-session/", "spec-tests/"],
        };
        crates.iter().any(|name| file.starts_with(name))
    }
}

/// One row of a manifest.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// The version whose manifest it is in.
    pub version: Version,
    /// `MQTT-3.3.1-4`, `M31-12`.
    pub id: &'static str,
    /// Number and title of the section.
    pub section: &'static str,
    /// Who is bound.
    pub side: Side,
    /// What proves it.
    pub layer: Layer,
    /// What is demanded, in our words.
    pub requirement: &'static str,
    /// What answers a violation: a 5.0 Reason Code, a 3.x return code, "close" or "none". `*`: our choice.
    pub reaction: &'static str,
}

impl Statement {
    /// The id as the names of tests spell it: `mqtt5_3_3_1_4`, `m31_12`.
    pub fn slug(&self) -> String {
        let number = self.id.trim_start_matches(|character| character != '-').trim_start_matches('-');
        format!("{}_{}", self.version.prefix(), number.replace(['.', '-'], "_"))
    }
}

/// All statements of a version, in the order of the document.
///
/// # Panics
/// When its table has a row that is none: the tables are part of this crate.
pub fn statements(version: Version) -> Vec<Statement> {
    let mut rows = version.table().lines();
    assert_eq!(rows.next(), Some("id\tsection\tside\tlayer\trequirement\treaction"));
    rows.map(|row| statement(version, row).unwrap_or_else(|| panic!("no statement of {version}: {row:?}")))
        .collect()
}

fn statement(version: Version, row: &'static str) -> Option<Statement> {
    let cells: Vec<_> = row.split('\t').collect();
    let [id, section, side, layer, requirement, reaction] = cells[..] else { return None };
    let (side, layer) = (Side::from_word(side)?, Layer::from_word(layer)?);
    Some(Statement { version, id, section, side, layer, requirement, reaction })
}
