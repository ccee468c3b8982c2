//! The Client against a Server made of packets, in virtual time.
//!
//! Traces read `C>S` and `S>C` for packets, `*` for events.

mod acknowledge;
mod alias;
mod authentication;
mod connect;
mod durable;
mod explanations;
mod harness;
mod keep_alive;
mod limits;
mod properties;
mod publish;
mod receive;
mod resume;
mod subscribe;
