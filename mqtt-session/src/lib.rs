//! Sans-IO MQTT 3.1, 3.1.1 and 5.0: state machines for a [`Client`] and for a [`Broker`], which is what the specification
//! calls a Server, with all its sessions and the routing between them.
//!
//! There is no socket, thread, clock or random number in here. Bytes go in, bytes come out, and time is an argument; what
//! moves them is yours: threads, an async runtime, an event loop, a test.
//!
//! # The loop around a client
//!
//! ```
//! use bytes::{Buf, BytesMut};
//! use mqtt_session::codec::{ProtocolVersion, QoS};
//! use mqtt_session::{Client, ClientConfig, ConnectOptions, Event, Instant, Message, Received};
//!
//! # /// A transport on which a Server accepts, and acknowledges one message.
//! # struct Transport(Vec<Vec<u8>>);
//! # impl Transport {
//! #     fn write(&mut self, bytes: &[u8]) -> usize { bytes.len() }
//! #     fn read(&mut self, input: &mut BytesMut) -> usize {
//! #         let bytes = self.0.pop().unwrap_or_default();
//! #         input.extend_from_slice(&bytes);
//! #         bytes.len()
//! #     }
//! # }
//! # fn now() -> Instant { Instant::from_millis(0) }
//! # let mut transport = Transport(vec![b"\x40\x02\x00\x01".to_vec(), b"\x20\x03\x00\x00\x00".to_vec()]);
//! let mut client = Client::new(ClientConfig::default());
//! let mut input = BytesMut::new();
//! let options = ConnectOptions { client_id: "greeter".into(), ..ConnectOptions::new(ProtocolVersion::V5_0) };
//! client.connect(now(), options)?;
//! let token = client.publish(now(), Message::new("greetings", "hello")?.with_qos(QoS::AtLeastOnce))?;
//!
//! let outcome = 'connection: loop {
//!     // Everything that is there, before waiting for more.
//!     let received = client.handle_input(now(), &mut input);
//!     while let Some(event) = client.poll_event() {
//!         match event {
//!             Event::Published { token: of, outcome } if of == token => break 'connection Some(outcome),
//!             Event::Disconnected(why) => eprintln!("{why}"),
//!             _ => {}
//!         }
//!     }
//!     while client.transmit().has_remaining() {
//!         let written = transport.write(client.transmit().chunk());
//!         client.transmit().advance(written);
//!     }
//!     match received {
//!         Received::Paused => {}
//!         Received::NeedData(hint) => {
//!             // Wait for bytes, and for the time in `client.poll_timeout()` to call `client.handle_timeout(now())`.
//!             // The hint is what the Server claims: it does not decide how much memory is taken.
//!             input.reserve(hint.min(64 * 1024));
//!             if transport.read(&mut input) == 0 {
//!                 client.handle_closed(now());
//!             }
//!         }
//!         // What was left has been written above: close the transport.
//!         Received::Closed => break None,
//!     }
//! };
//! assert!(outcome.is_some_and(|outcome| outcome.is_success()));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The contract
//!
//! 1. Calls may come in any order; one too many does nothing.
//! 2. After any call there may be something to take: events or actions, and bytes to write.
//! 3. The caller owns the input; what a machine has understood is gone from its front. Offer what is left before waiting
//!    for more.
//! 4. The machine pauses its input while too much waits to be written: this is how backpressure reaches the peer.
//! 5. A deadline is a promise to call `handle_timeout`, not before it; the machine never looks at a clock.
//! 6. Every connection ends with one event, every message, request and re-authentication with one outcome. After the end of a connection
//!    there are still events to take.
//!
//! # What survives a crash
//!
//! A machine that is [durable](ClientConfig::durable) tells every change of what has to survive ([`Event::Persist`],
//! [`Action::Persist`]), and holds back the bytes that depend on it until it is told that the change is stored. Any ordered store of keys
//! and values will do; [`Client::restore`] and [`Broker::restore`] go on from what is in it.
//!
//! ```
//! use bytes::Buf;
//! use mqtt_session::codec::{ProtocolVersion, QoS};
//! use mqtt_session::{Client, ClientConfig, ConnectOptions, Event, Instant, Message, StoredState};
//!
//! /// Does what events want, and stores what changes; `state` stands for a database.
//! fn take_events(now: Instant, client: &mut Client, state: &mut StoredState) {
//!     while let Some(event) = client.poll_event() {
//!         if let Event::Persist(persist) = event {
//!             state.apply(&persist.changes); // in one transaction
//!             client.handle_persisted(now, persist.seq);
//!         }
//!     }
//! }
//! # let now = Instant::from_millis(0);
//!
//! let config = ClientConfig { durable: true, ..ClientConfig::default() };
//! let mut state = StoredState::default();
//! let mut client = Client::new(config.clone());
//! client.publish(now, Message::new("a", "1")?.with_qos(QoS::AtLeastOnce))?;
//! take_events(now, &mut client, &mut state);
//! drop(client); // A crash.
//!
//! let mut client = Client::restore(config, state.records())?;
//! let options = ConnectOptions::new(ProtocolVersion::V3_1_1);
//! client.connect(now, ConnectOptions { client_id: "c".into(), clean_start: false, ..options })?;
//! take_events(now, &mut client, &mut state); // That there is a Session, before CONNECT.
//! # while client.transmit().pop().is_some() {}
//! let _ = client.handle_input(now, &mut b"\x20\x02\x00\x00"[..].into()); // CONNACK
//! take_events(now, &mut client, &mut state);
//! assert_eq!(client.transmit().chunk(), b"\x32\x06\x00\x01a\x00\x011"); // PUBLISH
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! With changes told, "nothing is left to do" means: no event or action is left, and there has been nothing to write since.
//!
//! The clock must go on while the machine is suspended, see [`Instant`].
//!
//! # Where things are
//!
//! | for | see |
//! |---|---|
//! | a Client | [`Client`], [`ClientConfig`], [`ConnectOptions`], [`Event`] |
//! | a Server | [`Broker`], [`BrokerConfig`], [`Policy`], [`Action`] |
//! | messages | [`Message`]; those of Clients at a bridge or gateway: [`Action::Published`] |
//! | enhanced authentication | [`Authentication`], [`AuthStep`], [`Policy::exchange`] |
//! | what is said beside a reason code | [`Explanation`], [`Refusal`], [`Acknowledgement`] |
//! | durability | [`Persist`], [`Change`], [`Value`], [`StoredState`] |
//! | bytes | [`Transmit`], [`Received`] |
//! | packets, properties, reason codes | [`codec`] |
//! | Topic Names and Topic Filters | [`topic`] |

#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::string_slice
)]

extern crate alloc;

mod broker;
mod client;
mod delivery;
mod explanation;
mod id_map;
mod keep_alive;
mod message;
mod packet_id;
mod persist;
mod received;
mod server;
mod time;
mod topic_alias;
mod transmit;

/// The packets, as [`mqtt_codec`] defines them.
pub use mqtt_codec as codec;
/// Topic Names and Topic Filters, as [`mqtt_topic`] defines them.
pub use mqtt_topic as topic;

pub use self::broker::{
    Acceptance, AllowAll, AuthRequest, AuthStage, Broker, BrokerConfig, Policy, Redirect, Verdict,
};
pub use self::client::{
    Authentication, Client, ClientConfig, ClientError, ConnectOptions, Connected, DisconnectRequest,
    Disconnected, Event, InvalidRequest, PublishOutcome, PublishToken, ReauthenticateOutcome, ReceivedAuth,
    ReceivedMessage, RejectReason, Rejected, RequestToken, ServerLimits, SubscribeOutcome, SubscribeRequest,
    Timer, UnsubscribeOutcome, UnsubscribeRequest, Violation, Will,
};
pub use self::delivery::{AckToken, StaleToken};
pub use self::explanation::{Acknowledgement, AuthStep, Explanation, Refusal};
pub use self::message::Message;
pub use self::persist::{
    Change, InvalidSnapshot, Persist, PersistSeq, RestoreError, RestoreFault, StoredState, Value,
};
pub use self::received::Received;
pub use self::server::{Action, ClientInfo, ConnectionId, DropCause, EndCause, Notice};
pub use self::time::Instant;
pub use self::transmit::Transmit;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
