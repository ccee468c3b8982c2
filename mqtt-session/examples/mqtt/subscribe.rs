//! `mqtt sub`.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use mqtt_session::codec::{DisconnectReason, PayloadFormat, Property, RetainHandling, SubscriptionOptions};
use mqtt_session::{ClientConfig, Event, ReceivedMessage, SubscribeRequest};
use serde_json::{Value, json};

use crate::Failure;
use crate::link::{Happening, Link};
use crate::options::SubOptions;

/// What `mosquitto_sub -W` exits with.
const TIMED_OUT: u8 = 27;

pub(crate) fn run(options: &SubOptions) -> Result<ExitCode, Failure> {
    let mut link = Link::open(&options.connection, ClientConfig::default())?;
    if let Some(seconds) = options.timeout {
        link.end_after(Duration::from_secs(seconds));
    }
    let mut code = ExitCode::SUCCESS;
    let mut left = options.count;
    let mut ending = false;
    loop {
        let end = match link.next()? {
            Happening::Event(Event::Connected(_)) => {
                subscribe(&mut link, options)?;
                false
            }
            Happening::Event(Event::Subscribed { outcome, .. }) => {
                if let Some(refused) = outcome.reasons().iter().find(|reason| reason.is_error()) {
                    eprintln!("mqtt: subscription refused: {refused}");
                    code = ExitCode::FAILURE;
                }
                options.exit_after_suback
            }
            Happening::Event(Event::Message(received)) if !ending => {
                if options.no_retained && received.message.retain() {
                    continue;
                }
                print(options, &received)?;
                left = left.map(|left| left.saturating_sub(1));
                left == Some(0)
            }
            Happening::Event(Event::Disconnected(_)) if ending => return Ok(code),
            Happening::Event(Event::Disconnected(reason)) => return Err(reason.to_string().into()),
            Happening::Event(_) | Happening::Line(_) => false,
            Happening::Interrupt => true,
            Happening::TimeIsUp => {
                code = ExitCode::from(TIMED_OUT);
                true
            }
        };
        if end && !std::mem::replace(&mut ending, true) {
            let now = link.now();
            link.client.disconnect(now, DisconnectReason::NormalDisconnection);
        }
    }
}

fn subscribe(link: &mut Link, options: &SubOptions) -> Result<(), Failure> {
    let mut wanted = SubscriptionOptions::from(options.qos);
    if options.no_retained && link.client.version().is_some_and(|version| version.protocol_level() >= 5) {
        wanted.retain_handling = RetainHandling::DoNotSend;
    }
    let mut request = SubscribeRequest::new(options.topics.iter().map(|topic| (topic.clone(), wanted)))?;
    options.connection.add_subscribe_properties(&mut request)?;
    let now = link.now();
    link.client.subscribe(now, request).map_err(|rejected| rejected.reason.to_string())?;
    Ok(())
}

fn print(options: &SubOptions, received: &ReceivedMessage) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let message = &received.message;
    if options.format.is_some() {
        writeln!(out, "{}", to_json(received))?;
    } else {
        if options.verbose {
            write!(out, "{} ", message.topic().as_str())?;
        }
        out.write_all(message.payload())?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

fn to_json(received: &ReceivedMessage) -> Value {
    let message = &received.message;
    let mut object = json!({
        "topic": message.topic().as_str(),
        "qos": message.qos().bits(),
        "retain": message.retain(),
        "dup": received.dup,
    });
    match std::str::from_utf8(message.payload()) {
        Ok(text) => object["payload"] = text.into(),
        Err(_) => object["payload_hex"] = hex(message.payload()).into(),
    }
    let mut properties = serde_json::Map::new();
    let mut user_properties = Vec::new();
    for property in message.properties().as_publish() {
        let (name, value) = match property {
            Property::UserProperty((key, value)) => {
                user_properties.push(json!([key, value]));
                continue;
            }
            Property::ContentType(value) => ("content-type", value.into()),
            Property::ResponseTopic(value) => ("response-topic", value.as_str().into()),
            Property::CorrelationData(value) => ("correlation-data", String::from_utf8_lossy(value).into()),
            Property::PayloadFormatIndicator(value) => {
                ("payload-format-indicator", u8::from(value == PayloadFormat::Utf8).into())
            }
            _ => continue,
        };
        properties.insert(name.into(), value);
    }
    if let Some(seconds) = message.expiry() {
        properties.insert("message-expiry-interval".into(), seconds.into());
    }
    if !received.subscription_identifiers.is_empty() {
        let identifiers: Vec<_> =
            received.subscription_identifiers.iter().map(|identifier| identifier.get()).collect();
        properties.insert("subscription-identifier".into(), identifiers.into());
    }
    if !user_properties.is_empty() {
        properties.insert("user-properties".into(), user_properties.into());
    }
    object["properties"] = properties.into();
    object
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
