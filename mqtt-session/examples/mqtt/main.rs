//! `mqtt pub` and `mqtt sub`: [`mqtt_session::Client`] on blocking sockets, with the options people know from
//! `mosquitto_pub` and `mosquitto_sub`.
//!
//! `cargo run -p mqtt-session --example mqtt -- sub -t 'a/#' -v`

mod link;
mod options;
mod publish;
mod subscribe;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Command, Options};

/// What ends a command before its work is done; `Display` says it to the user.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Pub(options) => publish::run(&options),
        Command::Sub(options) => subscribe::run(&options),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("mqtt: {failure}");
            ExitCode::FAILURE
        }
    }
}
