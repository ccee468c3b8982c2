//! One playing of a script: the Server, the version, and names that nobody else uses.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::collections::BTreeSet;
use std::panic;
use std::rc::Rc;

use mqtt_session::BrokerConfig;
use mqtt_session::codec::{Decoder, ProtocolVersion};

use super::play::{Need, Play, Skipped};
use super::{Dial, Network, Peer, Server, message};
use crate::manifest::Version;

/// Where a script is played.
#[derive(Debug)]
pub struct Scene {
    server: Rc<RefCell<dyn Server>>,
    stage: Rc<Stage>,
}

/// What all peers of a scene share.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) version: Version,
    /// In every Client Identifier and every Topic Name of the script.
    token: String,
    /// Whether the codes must be those of our tables, also where the specification leaves room.
    pub(super) is_exact: bool,
    transcript: RefCell<Vec<String>>,
    notes: RefCell<Vec<String>>,
    /// What is to be removed when the script is over.
    client_ids: RefCell<BTreeSet<String>>,
    retained: RefCell<BTreeSet<String>>,
    is_over: Cell<bool>,
}

impl Stage {
    /// A name of the script as it stands on the wire: `%` is the token of the scene. Of what does not begin with `!`, the
    /// token is the first level, and part of the Share Name.
    pub(super) fn wire(&self, name: &str) -> String {
        let token = &self.token;
        if let Some(absolute) = name.strip_prefix('!') {
            return absolute.replace('%', token);
        }
        match name.strip_prefix("$share/").and_then(|shared| shared.split_once('/')) {
            Some((share, filter)) => format!("$share/{token}{share}/{token}/{filter}"),
            None => format!("{token}/{name}"),
        }
    }

    pub(super) fn client_id(&self, name: &str) -> String {
        format!("{}{name}", self.token)
    }

    pub(super) fn new(version: Version, token: String, is_exact: bool) -> Self {
        Self {
            version,
            token,
            is_exact,
            transcript: RefCell::default(),
            notes: RefCell::default(),
            client_ids: RefCell::default(),
            retained: RefCell::default(),
            is_over: Cell::new(false),
        }
    }

    fn in_version(&self, version: Version) -> Self {
        Self::new(version, self.token.clone(), self.is_exact)
    }

    /// Whether a Topic Name is one of this scene's.
    pub(super) fn is_ours(&self, topic: &[u8]) -> bool {
        topic.windows(self.token.len()).any(|window| window == self.token.as_bytes())
    }

    pub(super) fn writes_down(&self, line: String) {
        self.transcript.borrow_mut().push(line);
    }

    pub(super) fn transcript(&self) -> String {
        self.transcript.borrow().join("\n")
    }

    pub(super) fn noted(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    pub(super) fn notes(&self, note: String) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(super) fn remember_client(&self, name: &str) {
        self.client_ids.borrow_mut().insert(name.to_owned());
    }

    pub(super) fn remember_retained(&self, topic: &str) {
        if !self.is_over.get() {
            self.retained.borrow_mut().insert(topic.to_owned());
        }
    }
}

impl Scene {
    /// A scene with a Server of its own, whose answers must be exactly those of our tables.
    pub fn new(server: impl Server + 'static, version: Version) -> Self {
        Self::with_token(server, version, "t".to_owned(), true)
    }

    /// A scene on a Server that others may use too: `token`, some letters and digits, is in all its names. `is_exact`:
    /// whether reason codes must be those of our tables where the specification leaves room.
    pub fn with_token(
        server: impl Server + 'static,
        version: Version,
        token: String,
        is_exact: bool,
    ) -> Self {
        let stage = Stage::new(version, token, is_exact);
        Self { server: Rc::new(RefCell::new(server)), stage: Rc::new(stage) }
    }

    /// The version that is spoken.
    pub fn version(&self) -> Version {
        self.stage.version
    }

    /// Whether it is 5.0.
    pub fn is_v5(&self) -> bool {
        self.stage.version == Version::V5_0
    }

    /// Whether the Server must do as our tables say where the specification leaves room.
    pub fn is_exact(&self) -> bool {
        self.stage.is_exact
    }

    /// A Client Identifier, as it stands on the wire.
    pub fn client_id(&self, name: &str) -> String {
        self.stage.client_id(name)
    }

    /// A Topic Name or Filter, as it stands on the wire.
    pub fn topic(&self, name: &str) -> String {
        self.stage.wire(name)
    }

    /// Chooses the configuration, where it can be chosen; to be called first.
    pub fn configures(&self, change: impl Fn(&mut BrokerConfig)) {
        self.server.borrow_mut().configure(&change);
    }

    /// The same scene in another version.
    pub fn speaks(&self, version: Version) -> Self {
        Self { server: Rc::clone(&self.server), stage: Rc::new(self.stage.in_version(version)) }
    }

    /// Ends the script: it cannot be tried here.
    pub fn skips(&self, reason: &str) -> ! {
        panic::resume_unwind(Box::new(Skipped(reason.to_owned())))
    }

    /// A Client that connects, to be described.
    pub fn client(&self, name: &str) -> Dial<'_> {
        Dial::new(self, name)
    }

    /// A Client that is connected, with a Session that ends with the connection.
    #[track_caller]
    pub fn connects(&self, name: &str) -> Peer {
        self.client(name).connects()
    }

    /// A line without CONNECT.
    pub fn opens(&self, name: &str) -> Peer {
        let line = self.server.borrow_mut().open();
        let network: Rc<RefCell<dyn Network>> = self.server.clone();
        let decoder = Decoder::client(self.stage.version.protocol());
        Peer::new(network, line, name, decoder, Rc::clone(&self.stage))
    }

    /// Time passes.
    pub fn waits(&self, seconds: u64) {
        self.stage.writes_down(format!("-- {seconds} seconds"));
        self.server.borrow_mut().wait(Duration::from_secs(seconds));
    }

    /// Remembers what the Server does that it may and we do not.
    pub fn notes_down(&self, note: &str) {
        self.stage.notes(note.to_owned());
    }

    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }
}

impl Play for Scene {
    fn lacks(&self, need: Need) -> Option<&'static str> {
        let server = self.server.borrow();
        match need {
            Need::config if !server.is_configurable() => {
                Some("the configuration of the Server cannot be chosen")
            }
            Need::rules if !server.has_rules() => Some("the Server has no rules of who may do what"),
            Need::calls => Some("there is no Client to be called"),
            Need::any | Need::config | Need::rules => None,
        }
    }

    fn transcript(&self) -> String {
        self.stage.transcript()
    }

    fn notes(&self) -> Vec<String> {
        self.stage.noted()
    }

    /// Removes what the script has left on the Server.
    fn tidy_up(&self) {
        self.stage.is_over.set(true);
        let clients = self.stage.client_ids.take();
        for name in clients {
            self.client(&name).clean().connects().disconnects();
        }
        let retained = self.stage.retained.take();
        if !retained.is_empty() {
            let mut cleaner = self.connects("clean");
            for topic in retained {
                cleaner.sends(message(&topic, "").retained());
            }
            cleaner.disconnects();
        }
    }
}

impl Version {
    /// The version of the protocol.
    pub const fn protocol(self) -> ProtocolVersion {
        match self {
            Self::V5_0 => ProtocolVersion::V5_0,
            Self::V3_1_1 => ProtocolVersion::V3_1_1,
            Self::V3_1 => ProtocolVersion::V3_1,
        }
    }
}
