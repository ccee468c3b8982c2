//! Scripts of a Client: the script is the Server, and says what the Client is to do.
//!
//! A script is a function over a [`Hosting`], played against anything behind the trait [`Clients`]: the client of this workspace
//! on virtual time, or a program that connects over TCP and can do no more than publish or subscribe.
//!
//! ```
//! use spec_tests::manifest::Version;
//! use spec_tests::script::{Hosting, News, OurClients, message, puback};
//!
//! let scene = Hosting::new(OurClients::default(), Version::V5_0);
//! let mut client = scene.publisher("a/b", &["hi"], 1);
//! let mut server = client.connects();
//! server.accepts();
//! let id = server.receives(message("a/b", "hi").qos(1)).id();
//! server.nothing_else();
//! server.sends(puback(id));
//! client.tells(News::Connected);
//! client.tells(News::Acknowledged);
//! server.is_left();
//! ```

mod guest;
mod host;
mod job;
mod news;
mod ours;
mod programs;
mod words;

use core::cell::RefCell;
use core::time::Duration;
use std::panic;
use std::rc::Rc;

use mqtt_session::codec::Decoder;

pub use self::guest::Client;
pub use self::host::Host;
pub use self::job::{Clients, Job, Work};
pub use self::news::{News, delivered};
pub use self::ours::OurClients;
pub use self::programs::{Commands, Programs};
pub use self::words::{Connack, Connect, Disconnect, Pingreq, connack, connect, disconnect};
use super::play::{Need, Play, Script, Skipped};
use super::scene::Stage;
use super::{Line, Network, Peer};
use crate::manifest::Version;

/// Where a script of a Client is played.
#[derive(Debug)]
pub struct Hosting {
    clients: Rc<RefCell<dyn Clients>>,
    stage: Rc<Stage>,
}

impl Hosting {
    /// A scene for the client of this workspace, or another whose codes must be exactly those of our tables.
    pub fn new(clients: impl Clients + 'static, version: Version) -> Self {
        Self::with_token(clients, version, "t".to_owned(), true)
    }

    /// `token`, some letters and digits, is in all its names. `is_exact`: whether reason codes must be those of our tables
    /// where the specification leaves room.
    pub fn with_token(
        clients: impl Clients + 'static,
        version: Version,
        token: String,
        is_exact: bool,
    ) -> Self {
        let stage = Rc::new(Stage::new(version, token, is_exact));
        Self { clients: Rc::new(RefCell::new(clients)), stage }
    }

    /// The version that is spoken.
    pub fn version(&self) -> Version {
        self.stage.version
    }

    /// Whether it is 5.0.
    pub fn is_v5(&self) -> bool {
        self.stage.version == Version::V5_0
    }

    /// Whether the Client must do as our tables say where the specification leaves room.
    pub fn is_exact(&self) -> bool {
        self.stage.is_exact
    }

    /// A Topic Name or Filter, as it stands on the wire.
    pub fn topic(&self, name: &str) -> String {
        self.stage.wire(name)
    }

    /// A Client Identifier, as it stands on the wire.
    pub fn client_id(&self, name: &str) -> String {
        self.stage.client_id(name)
    }

    /// A Client that publishes these payloads, one after the other, and disconnects when all are acknowledged.
    pub fn publisher(&self, topic: &str, payloads: &[&str], qos: u8) -> Client {
        let payloads = payloads.iter().map(|payload| (*payload).to_owned()).collect();
        self.client_that(Work::Publish { topic: self.topic(topic), payloads, qos, retain: false })
    }

    /// A Client that subscribes to a filter and takes what comes.
    pub fn subscriber(&self, filter: &str, qos: u8) -> Client {
        self.client_that(Work::Subscribe { filter: self.topic(filter), qos })
    }

    /// A Client that does what it is called for.
    pub fn client(&self) -> Client {
        self.client_that(Work::Nothing)
    }

    fn client_that(&self, work: Work) -> Client {
        let job = Job::new(self.version().protocol(), self.client_id("c"), work);
        Client::new(Rc::clone(&self.clients), Rc::clone(&self.stage), job)
    }

    /// Time passes.
    pub fn waits(&self, seconds: u64) {
        self.stage.writes_down(format!("-- {seconds} seconds"));
        self.clients.borrow_mut().wait(Duration::from_secs(seconds));
    }

    /// Ends the script: it cannot be tried here.
    pub fn skips(&self, reason: &str) -> ! {
        skips(reason)
    }

    /// Remembers what the Client does that it may and we do not.
    pub fn notes_down(&self, note: &str) {
        self.stage.notes(note.to_owned());
    }
}

fn skips(reason: &str) -> ! {
    panic::resume_unwind(Box::new(Skipped(reason.to_owned())))
}

fn peer(clients: &Rc<RefCell<dyn Clients>>, stage: &Rc<Stage>, line: Line) -> Peer {
    let network: Rc<RefCell<dyn Network>> = clients.clone();
    Peer::new(network, line, "server", Decoder::server(), Rc::clone(stage))
}

impl Play for Hosting {
    fn lacks(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::calls if self.clients.borrow_mut().ours().is_none() => Some("its methods cannot be called"),
            Need::config | Need::rules => Some("there is no Server to configure"),
            Need::any | Need::calls => None,
        }
    }

    fn transcript(&self) -> String {
        self.stage.transcript()
    }

    fn notes(&self) -> Vec<String> {
        self.stage.noted()
    }

    fn tidy_up(&self) {
        self.clients.borrow_mut().end();
    }
}

impl Script<Hosting> {
    /// Plays it against the client of this workspace, in each of its versions.
    ///
    /// # Panics
    /// When it fails.
    pub fn play_in_process(&self) {
        let scene = |version| (version, Hosting::new(OurClients::default(), version));
        self.play_on(self.versions().into_iter().map(scene));
    }
}
