//! What a Client is to do, and what can do it.

use mqtt_session::codec::ProtocolVersion;
use mqtt_session::{ClientConfig, ConnectOptions};

use super::OurClients;
use crate::script::{Line, Network};

/// What a Client is to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// What it says in CONNECT. Of this a program that is not ours is told version, Client Identifier, Clean Start and Keep
    /// Alive.
    pub options: ConnectOptions,
    /// The habits of our client.
    pub config: ClientConfig,
    /// What it does once it is connected.
    pub work: Work,
}

/// What a Client does once it is connected. Topics are as they stand on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// What the script calls it for.
    Nothing,
    /// Publishes, and disconnects when everything is acknowledged.
    Publish {
        /// The Topic Name of all messages.
        topic: String,
        /// Their payloads.
        payloads: Vec<String>,
        /// Their QoS.
        qos: u8,
        /// Whether they are to be retained.
        retain: bool,
    },
    /// Subscribes, and takes what comes.
    Subscribe {
        /// The Topic Filter.
        filter: String,
        /// The highest QoS.
        qos: u8,
    },
}

impl Job {
    pub(super) fn new(version: ProtocolVersion, client_id: String, work: Work) -> Self {
        let options = ConnectOptions { client_id, ..ConnectOptions::new(version) };
        Self { options, config: ClientConfig::default(), work }
    }
}

/// Clients that can be started.
pub trait Clients: Network {
    /// Starts one, and waits for its connection.
    ///
    /// # Errors
    /// Why it cannot do such a job.
    fn start(&mut self, job: &Job) -> Result<(usize, Line), String>;

    /// Waits for the next connection of one that has lost its own.
    ///
    /// # Errors
    /// Why there is none.
    fn returns(&mut self, client: usize) -> Result<Line, String>;

    /// The client of this workspace, if it is the one.
    fn ours(&mut self) -> Option<&mut OurClients> {
        None
    }

    /// Ends them all.
    fn end(&mut self) {}
}
