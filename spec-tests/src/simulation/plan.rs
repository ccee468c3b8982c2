//! What happens in one run: who takes part, with which limits, and what they and the network do.

use std::fmt;

use mqtt_session::codec::{ProtocolVersion, QoS};

use super::choices::{Bytes, Choices, Random};

/// The Topic Names of a simulation. The last is for the Shared Subscription alone.
pub const TOPICS: [&str; 4] = ["a/b", "a/a-level-that-is-worth-a-topic-alias", "b", "s"];

/// The Topic Filters of a simulation. The last is the Shared Subscription, which no other overlaps.
pub const FILTERS: [&str; 6] = ["a/b", "a/+", "b", "+/b", "a/#", "$share/g/s"];

/// The topic of the Shared Subscription.
pub const SHARED_TOPIC: u8 = 3;
/// The Shared Subscription.
pub const SHARED_FILTER: u8 = 5;
/// The topic of Wills.
pub const WILL_TOPIC: u8 = 2;

/// Which topics each filter matches, as section 4.7 says it for these few.
pub const MATCHES: [[bool; TOPICS.len()]; FILTERS.len()] = [
    [true, false, false, false],
    [true, true, false, false],
    [false, false, true, false],
    [true, false, false, false],
    [true, true, false, false],
    [false, false, false, true],
];

/// A direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the Client to the Server.
    Up = 0,
    /// From the Server to the Client.
    Down = 1,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Up, Self::Down];

    /// The other one.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// A run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the links draw their delays and segments from.
    pub seed: u64,
    /// The Server.
    pub broker: BrokerPlan,
    /// The Clients.
    pub clients: Vec<ClientPlan>,
    /// Links may hold few bytes. Not where a Client stops reading before it has answered a full window: it and the Server
    /// could wait for each other to read.
    pub has_narrow_links: bool,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// Limits of the Server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BrokerPlan {
    /// As in `BrokerConfig`, and so are the others.
    pub receive_maximum: u16,
    #[expect(missing_docs, reason = "as in BrokerConfig")]
    pub in_flight: u16,
    #[expect(missing_docs, reason = "as in BrokerConfig")]
    pub packet_size: u32,
    #[expect(missing_docs, reason = "as in BrokerConfig")]
    pub aliases_in: u16,
    #[expect(missing_docs, reason = "as in BrokerConfig")]
    pub aliases_out: u16,
    #[expect(missing_docs, reason = "as in BrokerConfig")]
    pub queued_messages: usize,
    #[expect(missing_docs, reason = "as in BrokerConfig")]
    pub transmit_limit: usize,
    /// Seconds.
    pub maximum_session_expiry: u32,
    /// Seconds; 0: none.
    pub maximum_keep_alive: u16,
    /// Its state survives a crash.
    pub durable: bool,
    /// How many milliseconds it takes to store a transaction.
    pub store_delay: u16,
}

impl BrokerPlan {
    /// Whether it tells what it takes over from Clients.
    pub const fn tells_published(&self) -> bool {
        self.receive_maximum % 2 == 1
    }
}

/// Limits and habits of a Client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientPlan {
    /// The version it speaks.
    pub version: ProtocolVersion,
    /// It begins every connection with Clean Start.
    pub clean_start: bool,
    /// Session Expiry Interval in seconds (5.0).
    pub session_expiry: u32,
    /// Seconds.
    pub keep_alive: u16,
    /// As in `ConnectOptions`, and so are the next two.
    pub receive_maximum: u16,
    #[expect(missing_docs, reason = "as in ConnectOptions")]
    pub packet_size: u32,
    #[expect(missing_docs, reason = "as in ConnectOptions")]
    pub topic_alias_maximum: u16,
    /// As in `ClientConfig`, and so are the others.
    pub use_topic_aliases: bool,
    #[expect(missing_docs, reason = "as in ClientConfig")]
    pub in_flight: u16,
    #[expect(missing_docs, reason = "as in ClientConfig")]
    pub queued_messages: usize,
    #[expect(missing_docs, reason = "as in ClientConfig")]
    pub queued_bytes: usize,
    #[expect(missing_docs, reason = "as in ClientConfig")]
    pub transmit_limit: usize,
    #[expect(missing_docs, reason = "as in ClientConfig")]
    pub manual_acknowledgement: bool,
    /// The QoS of its Will.
    pub will: Option<QoS>,
    /// Its state survives a crash.
    pub durable: bool,
    /// How many milliseconds it takes to store a transaction.
    pub store_delay: u16,
}

/// One thing that happens, after some time in which the network goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Milliseconds since the step before.
    pub wait: u32,
    /// Whom it happens to.
    pub client: u8,
    /// What happens.
    pub operation: Operation,
}

/// What a Client, the Server or the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A message is published.
    Publish {
        /// Index in [`TOPICS`].
        topic: u8,
        /// Its QoS.
        qos: QoS,
        /// Whether it is to be retained.
        retain: bool,
        /// Message Expiry Interval in seconds.
        expiry: Option<u8>,
        /// Bytes of payload.
        size: u16,
    },
    /// A subscription is asked for.
    Subscribe {
        /// Index in [`FILTERS`].
        filter: u8,
        /// The QoS asked for.
        qos: QoS,
        /// No Local.
        no_local: bool,
        /// Whether retained messages are to be sent.
        retained: bool,
    },
    /// A subscription is given up.
    Unsubscribe {
        /// Index in [`FILTERS`].
        filter: u8,
    },
    /// One of the received messages is acknowledged.
    Acknowledge {
        /// Which of those that wait, modulo their number.
        pick: u8,
        /// It is refused instead.
        refuse: bool,
    },
    /// The Client connects, if it has no connection.
    Connect {
        /// With Clean Start, although it usually does not.
        clean_start: bool,
    },
    /// The Client sends DISCONNECT.
    Disconnect {
        /// With this Session Expiry Interval (5.0).
        expiry: Option<u16>,
    },
    /// The link breaks: what is under way is lost, and both ends are told.
    Cut,
    /// The Client gives the connection up. What is under way arrives; the Server is told so many milliseconds later, or
    /// not at all.
    ClientLeaves {
        /// Milliseconds.
        told: Option<u16>,
    },
    /// The Server's end gives the connection up.
    ServerLeaves {
        /// Milliseconds.
        told: Option<u16>,
    },
    /// The link breaks after so many more bytes in this direction.
    CutAfter {
        /// The direction that is counted.
        direction: Direction,
        /// Bytes.
        bytes: u16,
    },
    /// What is written from now on does not arrive; what is under way does, and the end behind it.
    HalfClose {
        /// The direction that ends.
        direction: Direction,
    },
    /// The receiver of this direction reads nothing for a while.
    Stall {
        /// The direction.
        direction: Direction,
        /// Milliseconds.
        millis: u16,
    },
    /// The clock jumps ahead: a machine was suspended.
    Jump {
        /// Seconds.
        seconds: u16,
        /// Timers see it before the network does.
        timers_first: bool,
    },
    /// The Server publishes a message of its own.
    ServerPublish {
        /// Index in [`TOPICS`].
        topic: u8,
        /// Its QoS.
        qos: QoS,
    },
    /// The Client's process ends without warning, and another begins.
    CrashClient {
        /// How many of the transactions it does not know to be stored are, modulo one more than there are.
        stored: u8,
    },
    /// The Server's process ends without warning, and another begins.
    CrashServer {
        /// As in `CrashClient`.
        stored: u8,
    },
    /// Nothing but time.
    Pass,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "S   {:?}", self.broker)?;
        for (number, client) in self.clients.iter().enumerate() {
            writeln!(f, "C{number}  {client:?}")?;
        }
        for Step { wait, client, operation } in &self.steps {
            writeln!(f, "+{wait} ms C{client} {operation:?}")?;
        }
        Ok(())
    }
}

impl Plan {
    /// The plan of a seed, with so many steps.
    pub fn new(seed: u64, steps: usize) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ 0x5151_1AB5);
        Self::choose(seed, &mut random, |_, made| made < steps)
    }

    /// The plan that these bytes choose; it ends when they end.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut bytes = Bytes(bytes);
        let seed = bytes.below(1 << 16);
        Self::choose(seed, &mut bytes, |bytes, _| !bytes.0.is_empty())
    }

    /// Another step is made while `goes_on`, which is told how many there are.
    fn choose<C: Choices>(seed: u64, choices: &mut C, goes_on: impl Fn(&C, usize) -> bool) -> Self {
        let clients: Vec<_> = (0..=choices.below(3)).map(|_| ClientPlan::new(choices)).collect();
        let mut broker = BrokerPlan::new(choices);
        if clients.iter().any(|client| client.version == ProtocolVersion::V3_1) {
            // A Client that is not told of a lost Session has no promise, see `Model`.
            broker.maximum_session_expiry = u32::MAX;
        }
        // Most runs have some fault or other often, others rarely, so that both long and short connections come up.
        let faults = choices.pick(&[0, 1, 3, 8, 20]);
        let toggles = choices.percent(10);
        let retain = choices.percent(25);
        let mut steps = Vec::new();
        while goes_on(choices, steps.len()) {
            steps.push(Step::new(choices, clients.len(), faults, toggles, retain));
        }
        let has_narrow_links = clients.iter().all(|client| client.transmit_limit >= 10_000);
        Self { seed, broker, clients, has_narrow_links, steps }
    }
}

impl BrokerPlan {
    /// Limits that do not limit.
    pub const WIDE: Self = Self {
        receive_maximum: 1_024,
        in_flight: 1_024,
        packet_size: 1 << 20,
        aliases_in: 16,
        aliases_out: 16,
        queued_messages: 10_000,
        transmit_limit: 1 << 20,
        maximum_session_expiry: u32::MAX,
        maximum_keep_alive: 0,
        durable: false,
        store_delay: 0,
    };

    fn new(choices: &mut impl Choices) -> Self {
        Self {
            receive_maximum: choices.pick(&[1, 2, 5, 1_024]),
            in_flight: choices.pick(&[1, 2, 3, 8, 1_024]),
            packet_size: choices.pick(&[100, 1 << 20, 1 << 20]),
            aliases_in: choices.pick(&[0, 1, 16]),
            aliases_out: choices.pick(&[0, 1, 16]),
            queued_messages: choices.pick(&[2, 10, 10_000, 10_000]),
            transmit_limit: choices.pick(&[1, 60, 300, 1 << 20]),
            maximum_session_expiry: choices.pick(&[30, u32::MAX, u32::MAX]),
            maximum_keep_alive: choices.pick(&[0, 0, 10]),
            durable: choices.percent(30),
            store_delay: choices.pick(&[0, 1, 20, 300]),
        }
    }
}

impl ClientPlan {
    /// A Client of this version that keeps its Session, with limits that do not limit.
    pub const fn persistent(version: ProtocolVersion) -> Self {
        Self {
            version,
            clean_start: false,
            session_expiry: u32::MAX,
            keep_alive: 0,
            receive_maximum: u16::MAX,
            packet_size: 1 << 20,
            topic_alias_maximum: 0,
            use_topic_aliases: false,
            in_flight: 1_000,
            queued_messages: 1_000,
            queued_bytes: 1 << 20,
            transmit_limit: 1 << 20,
            manual_acknowledgement: false,
            will: None,
            durable: false,
            store_delay: 0,
        }
    }

    fn new(choices: &mut impl Choices) -> Self {
        let version = choices.pick(&[
            ProtocolVersion::V3_1,
            ProtocolVersion::V3_1_1,
            ProtocolVersion::V5_0,
            ProtocolVersion::V5_0,
        ]);
        Self {
            version,
            clean_start: choices.percent(15),
            session_expiry: choices.pick(&[0, 5, 60, 100_000, u32::MAX, u32::MAX]),
            keep_alive: choices.pick(&[0, 0, 1, 5, 60]),
            receive_maximum: choices.pick(&[1, 2, 5, u16::MAX]),
            // Only 5.0 can tell its peer.
            packet_size: if version == ProtocolVersion::V5_0 {
                choices.pick(&[100, 1 << 20, 1 << 20])
            } else {
                1 << 20
            },
            topic_alias_maximum: choices.pick(&[0, 1, 16]),
            use_topic_aliases: choices.percent(60),
            in_flight: choices.pick(&[1, 2, 5, 20]),
            queued_messages: choices.pick(&[2, 50, 1_000]),
            queued_bytes: choices.pick(&[500, 1 << 20, 1 << 20]),
            transmit_limit: choices.pick(&[1, 100, 1 << 18]),
            manual_acknowledgement: choices.percent(30),
            will: if choices.percent(15) { Some(choices.pick(&QoS::ALL)) } else { None },
            durable: choices.percent(30),
            store_delay: choices.pick(&[0, 1, 20, 300]),
        }
    }
}

impl Step {
    fn new(choices: &mut impl Choices, clients: usize, faults: u64, toggles: bool, retain: bool) -> Self {
        let wait = match choices.below(20) {
            0..8 => 0,
            8..15 => choices.below(10),
            15..19 => choices.below(100),
            _ => choices.below(8_000),
        } as u32;
        let client = choices.below(clients as u64) as u8;
        let operation = if choices.below(100) < faults {
            Operation::fault(choices)
        } else {
            Operation::ordinary(choices, toggles, retain)
        };
        Self { wait, client, operation }
    }
}

impl Operation {
    fn ordinary<C: Choices>(choices: &mut C, toggles: bool, retain: bool) -> Self {
        let qos = |choices: &mut C| {
            choices.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce])
        };
        match choices.below(100) {
            0..42 => Self::Publish {
                topic: choices.below(TOPICS.len() as u64) as u8,
                qos: qos(choices),
                retain: retain && choices.percent(30),
                expiry: if choices.percent(5) { Some(choices.below(4) as u8) } else { None },
                size: choices.pick(&[8, 8, 20, 60, 150, 1_100]),
            },
            42..53 => Self::Subscribe {
                filter: choices.below(FILTERS.len() as u64) as u8,
                qos: qos(choices),
                no_local: choices.percent(10),
                retained: retain,
            },
            53..56 => Self::Unsubscribe { filter: choices.below(FILTERS.len() as u64) as u8 },
            56..75 => Self::Acknowledge { pick: choices.below(256) as u8, refuse: choices.percent(3) },
            75..92 => Self::Connect { clean_start: toggles && choices.percent(20) },
            92..94 => {
                Self::ServerPublish { topic: choices.below(TOPICS.len() as u64) as u8, qos: qos(choices) }
            }
            94..95 => Self::Disconnect {
                expiry: if choices.percent(20) { Some(choices.pick(&[0, 3, 100])) } else { None },
            },
            _ => Self::Pass,
        }
    }

    fn fault<C: Choices>(choices: &mut C) -> Self {
        let direction = choices.pick(&Direction::ALL);
        let told = |choices: &mut C| {
            if choices.percent(50) { Some(choices.below(2_000) as u16) } else { None }
        };
        match choices.below(24) {
            0..5 => Self::CutAfter { direction, bytes: choices.below(300) as u16 },
            5..9 => Self::Cut,
            9..12 => Self::ClientLeaves { told: told(choices) },
            12..14 => Self::ServerLeaves { told: told(choices) },
            14..16 => Self::HalfClose { direction },
            19..21 => Self::CrashClient { stored: choices.below(256) as u8 },
            21..23 => Self::CrashServer { stored: choices.below(256) as u8 },
            16..19 => Self::Stall { direction, millis: choices.pick(&[20, 300, 5_000, 20_000]) },
            _ => Self::Jump { seconds: choices.pick(&[1, 5, 40, 2_000]), timers_first: choices.percent(50) },
        }
    }
}
