//! The broker against scripted Clients, in process and on virtual time.

mod authentication;
mod bounds;
mod connect;
mod delivery;
mod durable;
mod expiry;
mod explanations;
mod harness;
mod limits;
mod malformed;
mod oracle;
mod pair;
mod published;
mod retained;
mod rights;
mod sessions;
mod shared;
mod stream;
mod subscriptions;
mod wills;
