//! `mqtt pub`.

use std::io::Read;
use std::process::ExitCode;

use mqtt_session::codec::DisconnectReason;
use mqtt_session::{ClientConfig, Event, Message};

use crate::Failure;
use crate::link::{Happening, Link};
use crate::options::{Payload, PubOptions};

pub(crate) fn run(options: &PubOptions) -> Result<ExitCode, Failure> {
    let config = ClientConfig { use_topic_aliases: options.topic_alias, ..ClientConfig::default() };
    let mut link = Link::open(&options.connection, config)?;
    let mut publisher =
        Publisher { unresolved: 0, held: None, more: options.payload.stdin_line, failed: false };
    loop {
        match link.next()? {
            Happening::Event(Event::Connected(_)) => {
                if options.payload.stdin_line {
                    link.want_line();
                } else {
                    publisher.publish(&mut link, options.message(read_payload(&options.payload)?)?)?;
                }
            }
            Happening::Event(Event::Published { outcome, .. }) => {
                publisher.unresolved -= 1;
                if !outcome.is_success() {
                    eprintln!("mqtt: {outcome}");
                    publisher.failed = true;
                }
                if let Some(message) = publisher.held.take() {
                    publisher.publish(&mut link, message)?;
                }
            }
            Happening::Line(Some(text)) => publisher.publish(&mut link, options.message(text)?)?,
            Happening::Line(None) => publisher.more = false,
            Happening::Interrupt => return Ok(ExitCode::FAILURE),
            Happening::Event(Event::Disconnected(reason)) if publisher.is_done() && reason.is_requested() => {
                return Ok(if publisher.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS });
            }
            Happening::Event(Event::Disconnected(reason)) => return Err(reason.to_string().into()),
            Happening::Event(_) | Happening::TimeIsUp => {}
        }
        if publisher.is_done() {
            let now = link.now();
            link.client.disconnect(now, DisconnectReason::NormalDisconnection);
        }
    }
}

struct Publisher {
    /// Messages accepted whose outcome is open.
    unresolved: usize,
    /// A message that waits for room.
    held: Option<Message>,
    /// More lines may come.
    more: bool,
    failed: bool,
}

impl Publisher {
    fn publish(&mut self, link: &mut Link, message: Message) -> Result<(), Failure> {
        let now = link.now();
        match link.client.publish(now, message) {
            Ok(_) => {
                self.unresolved += 1;
                if self.more {
                    link.want_line();
                }
            }
            Err(rejected) if rejected.reason.is_temporary() && self.unresolved > 0 => {
                self.held = Some(rejected.value);
            }
            Err(rejected) => return Err(rejected.reason.to_string().into()),
        }
        Ok(())
    }

    const fn is_done(&self) -> bool {
        !self.more && self.unresolved == 0 && self.held.is_none()
    }
}

fn read_payload(payload: &Payload) -> Result<Vec<u8>, Failure> {
    if let Some(message) = &payload.message {
        return Ok(message.clone().into_bytes());
    }
    if let Some(file) = &payload.file {
        return Ok(std::fs::read(file)?);
    }
    let mut bytes = Vec::new();
    if payload.stdin_file {
        std::io::stdin().read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
