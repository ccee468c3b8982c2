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
            /// What it is called in the tables.
            pub fn from_word(word: &str) -> Option<Self> {
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
    /// All layers, from the bottom.
    pub const ALL: [Self; 5] = [Self::Codec, Self::Topic, Self::Session, Self::Broker, Self::Transport];

    /// Whether tests in this file of the workspace can prove a statement of the layer.
    pub fn is_proven_in(self, file: &str) -> bool {
        let crates: &[&str] = match self {
            Self::Codec => &["mqtt-codec/"],
            Self::Topic => &["mqtt-topic/", "mqtt-codec/", "spec-tests/"],
            Self::Session | Self::Broker | Self::Transport => &["mqtt-session/", "spec-tests/"],
        };
        crates.iter().any(|name| file.starts_with(name))
    }
}

/// A row of a table beside the manifests, cell by cell: it begins with a version and an id.
fn rows(table: &'static str, header: &str) -> Vec<Vec<&'static str>> {
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some(header));
    lines.map(|line| line.split('\t').collect()).collect()
}

fn version_of(number: &str) -> Version {
    let version = Version::ALL.into_iter().find(|version| version.number() == number);
    version.unwrap_or_else(|| panic!("{number:?} is no version"))
}

/// A statement that binds nobody but who embeds the crates.
#[derive(Clone, Copy, Debug)]
pub struct Embedder {
    /// The version of the statement.
    pub version: Version,
    /// Its id.
    pub id: &'static str,
    /// Why no test of ours can prove it.
    pub reason: &'static str,
    /// What our API does to help.
    pub help: &'static str,
}

/// The statements that bind the embedder.
///
/// # Panics
/// When the table has a row that is none.
pub fn embedder() -> Vec<Embedder> {
    let table = rows(include_str!("../data/embedder.tsv"), "version\tid\treason\thelp");
    let row = |cells: Vec<&'static str>| match cells[..] {
        [version, id, reason, help] => Embedder { version: version_of(version), id, reason, help },
        _ => panic!("{cells:?} is no row"),
    };
    table.into_iter().map(row).collect()
}

/// A statement that one side is not shown to keep yet. The table may only shrink.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// The version of the statement.
    pub version: Version,
    /// Its id.
    pub id: &'static str,
    /// The side without a test.
    pub side: Side,
    /// What it waits for.
    pub why: &'static str,
}

/// The statements without a test for one of their sides.
///
/// # Panics
/// When the table has a row that is none.
pub fn open() -> Vec<Open> {
    let table = rows(include_str!("../data/open.tsv"), "version\tid\tside\twhy");
    let row = |cells: Vec<&'static str>| match cells[..] {
        [version, id, side, why] => {
            let side = Side::from_word(side).unwrap_or_else(|| panic!("{side:?} is no side"));
            Open { version: version_of(version), id, side, why }
        }
        _ => panic!("{cells:?} is no row"),
    };
    table.into_iter().map(row).collect()
}

/// A test that proves a statement, or pins a decision, without its id in its name.
#[derive(Clone, Copy, Debug)]
pub struct Citation {
    /// The slug of the statement or decision.
    pub slug: &'static str,
    /// The file of the test.
    pub file: &'static str,
    /// Its name.
    pub test: &'static str,
}

/// The tests that are cited.
///
/// # Panics
/// When the table has a row that is none.
pub fn citations() -> Vec<Citation> {
    let table = rows(include_str!("../data/citations.tsv"), "slug\tfile\ttest");
    let row = |cells: Vec<&'static str>| match cells[..] {
        [slug, file, test] => Citation { slug, file, test },
        _ => panic!("{cells:?} is no row"),
    };
    table.into_iter().map(row).collect()
}

/// A point that the specifications leave open, or where implementations differ.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    /// Its number: a test of it has `decision_7` in its name.
    pub number: &'static str,
    /// The versions in which it is one, `all` or a list.
    pub versions: &'static str,
    /// The point.
    pub point: &'static str,
    /// What we do.
    pub ours: &'static str,
    /// What others do.
    pub others: &'static str,
}

impl Decision {
    /// Whether it is one in this version.
    pub fn is_of(&self, version: Version) -> bool {
        self.versions == "all" || self.versions.split(", ").any(|number| number == version.number())
    }

    /// As the names of tests spell it: `decision_7`.
    pub fn slug(&self) -> String {
        format!("decision_{}", self.number)
    }
}

/// The decisions.
///
/// # Panics
/// When the table has a row that is none.
pub fn decisions() -> Vec<Decision> {
    let table = rows(include_str!("../data/decisions.tsv"), "number\tversions\tpoint\tours\tothers");
    let row = |cells: Vec<&'static str>| match cells[..] {
        [number, versions, point, ours, others] => Decision { number, versions, point, ours, others },
        _ => panic!("{cells:?} is no row"),
    };
    table.into_iter().map(row).collect()
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
    /// The sides that must be shown to keep it: both, where whoever sends or receives is bound. None where the layer has no
    /// sides.
    pub fn sides(&self) -> &'static [Side] {
        match (self.layer, self.side) {
            (Layer::Codec | Layer::Topic | Layer::Transport, _) => &[],
            (_, Side::Client) => &[Side::Client],
            (_, Side::Server) => &[Side::Server],
            (_, Side::Both | Side::Sender | Side::Receiver) => &[Side::Client, Side::Server],
        }
    }

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
