//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use mqtt_session::codec::{Property, ProtocolVersion, QoS, SubscriptionIdentifier};
use mqtt_session::{ConnectOptions, Message, SubscribeRequest, Will};

use crate::Failure;

/// MQTT clients for the command line.
#[derive(Parser)]
#[command(disable_version_flag = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Publish messages.
    #[command(disable_help_flag = true)]
    Pub(PubOptions),
    /// Subscribe to Topic Filters and print the messages that arrive.
    #[command(disable_help_flag = true)]
    Sub(SubOptions),
}

/// What both commands need to connect.
#[derive(Args)]
pub(crate) struct Connection {
    /// Host to connect to.
    #[arg(short = 'h', long, default_value = "localhost")]
    pub(crate) host: String,
    /// Port to connect to.
    #[arg(short, long, default_value_t = 1883)]
    pub(crate) port: u16,
    /// Protocol version: 3.1, 3.1.1 or 5 (also mqttv31, mqttv311, mqttv5).
    #[arg(short = 'V', long = "protocol-version", value_parser = version, default_value = "5")]
    version: ProtocolVersion,
    /// Client Identifier; by default the Server chooses one, or the process id makes one for 3.1.
    #[arg(short = 'i', long = "id")]
    client_id: Option<String>,
    /// Keep the Session: connect without Clean Start. Needs a Client Identifier.
    #[arg(short = 'c', long = "disable-clean-session", requires = "client_id")]
    keep_session: bool,
    /// Session Expiry Interval in seconds (5.0).
    #[arg(short = 'x', long)]
    session_expiry_interval: Option<u32>,
    /// Keep Alive in seconds.
    #[arg(short = 'k', long, default_value_t = 60)]
    keepalive: u16,
    /// User Name.
    #[arg(short = 'u', long)]
    username: Option<String>,
    /// Password.
    #[arg(short = 'P', long, requires = "username")]
    pw: Option<String>,
    /// Topic Name of the Will.
    #[arg(long)]
    will_topic: Option<String>,
    /// Payload of the Will.
    #[arg(long, default_value = "", requires = "will_topic")]
    will_payload: String,
    /// QoS of the Will.
    #[arg(long, value_parser = qos, default_value = "0", requires = "will_topic")]
    will_qos: QoS,
    /// Publish the Will as a retained message.
    #[arg(long, requires = "will_topic")]
    will_retain: bool,
    /// A property (5.0): COMMAND NAME VALUE, or COMMAND user-property KEY VALUE, where COMMAND is connect, will, publish
    /// or subscribe. May be repeated.
    #[arg(short = 'D', long = "property", num_args = 3..=4, action = ArgAction::Append, value_names = ["COMMAND", "NAME", "VALUE", "VALUE"])]
    properties: Vec<String>,
    /// Print what the Server answers to standard error.
    #[arg(short = 'd', long)]
    pub(crate) debug: bool,
    /// Show this help.
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// `mqtt pub`.
#[derive(Args)]
pub(crate) struct PubOptions {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Topic Name to publish to.
    #[arg(short, long)]
    topic: String,
    /// QoS.
    #[arg(short, long, value_parser = qos, default_value = "0")]
    qos: QoS,
    /// Ask the Server to retain the message.
    #[arg(short, long)]
    retain: bool,
    #[command(flatten)]
    pub(crate) payload: Payload,
    /// Replace the Topic Name by a Topic Alias from the second message on (5.0).
    #[arg(long)]
    pub(crate) topic_alias: bool,
}

/// Where the payload comes from.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Payload {
    /// The payload.
    #[arg(short, long)]
    pub(crate) message: Option<String>,
    /// Read lines from standard input; each is a message.
    #[arg(short = 'l', long)]
    pub(crate) stdin_line: bool,
    /// Read one message from standard input.
    #[arg(short = 's', long)]
    pub(crate) stdin_file: bool,
    /// Read one message from a file.
    #[arg(short, long)]
    pub(crate) file: Option<PathBuf>,
    /// Send an empty message.
    #[arg(short, long)]
    pub(crate) null_message: bool,
}

/// `mqtt sub`.
#[derive(Args)]
pub(crate) struct SubOptions {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Topic Filter; may be repeated.
    #[arg(short, long = "topic", required = true)]
    pub(crate) topics: Vec<String>,
    /// The highest QoS to receive messages with.
    #[arg(short, long, value_parser = qos, default_value = "0")]
    pub(crate) qos: QoS,
    /// Print the Topic Name in front of the payload.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// End after this many messages.
    #[arg(short = 'C', long)]
    pub(crate) count: Option<u64>,
    /// End after this many seconds; the exit code is then 27.
    #[arg(short = 'W', long)]
    pub(crate) timeout: Option<u64>,
    /// `json`: print each message as one JSON object, with its properties.
    #[arg(short = 'F', long, value_parser = ["json"])]
    pub(crate) format: Option<String>,
    /// End as soon as the subscriptions are acknowledged.
    #[arg(short = 'E', long)]
    pub(crate) exit_after_suback: bool,
    /// Ignore retained messages.
    #[arg(short = 'R', long)]
    pub(crate) no_retained: bool,
}

fn version(text: &str) -> Result<ProtocolVersion, String> {
    match text {
        "3.1" | "31" | "mqttv31" => Ok(ProtocolVersion::V3_1),
        "3.1.1" | "311" | "mqttv311" => Ok(ProtocolVersion::V3_1_1),
        "5" | "5.0" | "mqttv5" => Ok(ProtocolVersion::V5_0),
        _ => Err("one of 3.1, 3.1.1 and 5".into()),
    }
}

fn qos(text: &str) -> Result<QoS, String> {
    text.parse().ok().and_then(QoS::from_bits).ok_or_else(|| "0, 1 or 2".into())
}

/// Values of `-D`, taken apart: what they belong to, their name, and one or two values.
struct GivenProperty<'a> {
    command: &'a str,
    name: &'a str,
    values: &'a [String],
}

impl<'a> GivenProperty<'a> {
    fn value(&self) -> Result<&'a str, Failure> {
        self.values
            .first()
            .map(String::as_str)
            .ok_or_else(|| format!("-D {}: a value is missing", self.name).into())
    }

    fn number(&self) -> Result<u32, Failure> {
        self.value()?.parse().map_err(|_| format!("-D {}: not a number", self.name).into())
    }

    fn pair(&self) -> Result<(&'a str, &'a str), Failure> {
        match self.values {
            [key, value] => Ok((key, value)),
            _ => Err("-D … user-property: a key and a value are needed".into()),
        }
    }
}

impl Connection {
    /// All `-D` options, of every command.
    fn given_properties(&self) -> Vec<GivenProperty<'_>> {
        let (mut given, mut rest) = (Vec::new(), self.properties.as_slice());
        while let [command, name, ..] = rest {
            let len = if name == "user-property" { 4 } else { 3 };
            let (these, others) = rest.split_at(len.min(rest.len()));
            given.push(GivenProperty { command, name, values: &these[2..] });
            rest = others;
        }
        given
    }

    /// The properties of a message: those given for `command`, which is `publish` or `will`.
    fn with_properties(&self, command: &str, mut message: Message) -> Result<Message, Failure> {
        let given = self.given_properties();
        let mut values = Vec::new();
        for property in given.iter().filter(|property| property.command == command) {
            values.push(match property.name {
                "payload-format-indicator" => match property.number()? {
                    0 => Property::PayloadFormatIndicator(mqtt_session::codec::PayloadFormat::Bytes),
                    _ => Property::PayloadFormatIndicator(mqtt_session::codec::PayloadFormat::Utf8),
                },
                "message-expiry-interval" => {
                    message = message.with_expiry(property.number()?);
                    continue;
                }
                "will-delay-interval" => continue,
                "content-type" => Property::ContentType(property.value()?),
                "response-topic" => {
                    Property::ResponseTopic(mqtt_session::topic::TopicName::parse(property.value()?)?)
                }
                "correlation-data" => Property::CorrelationData(property.value()?.as_bytes()),
                "user-property" => Property::UserProperty(property.pair()?),
                name => return Err(format!("-D {command}: unknown property {name}").into()),
            });
        }
        Ok(message.with_properties(&values)?)
    }

    /// Gives `request` the Subscription Identifier and User Properties given for `subscribe`.
    pub(crate) fn add_subscribe_properties(&self, request: &mut SubscribeRequest) -> Result<(), Failure> {
        for property in self.given_properties().iter().filter(|property| property.command == "subscribe") {
            match property.name {
                "subscription-identifier" => {
                    let number = property.number()?;
                    request.identifier = Some(
                        SubscriptionIdentifier::new(number)
                            .ok_or("a Subscription Identifier is 1 to 268435455")?,
                    );
                }
                "user-property" => {
                    let (key, value) = property.pair()?;
                    request.user_properties.push((key.to_owned(), value.to_owned()));
                }
                name => return Err(format!("-D subscribe: unknown property {name}").into()),
            }
        }
        Ok(())
    }

    /// What CONNECT says.
    pub(crate) fn connect_options(&self) -> Result<ConnectOptions, Failure> {
        let mut options = ConnectOptions::new(self.version);
        options.client_id = match &self.client_id {
            Some(client_id) => client_id.clone(),
            None if self.version == ProtocolVersion::V3_1 => format!("mqtt-{}", std::process::id()),
            None => String::new(),
        };
        // Who asks for a long one knows the Server.
        options.long_client_id_in_v3_1 = true;
        options.clean_start = !self.keep_session;
        // An earlier run may have made the Session; it ended with nothing open.
        options.has_session = self.keep_session;
        options.keep_alive = self.keepalive;
        // What 3.x does without Clean Session, 5.0 does with an interval that never ends.
        options.session_expiry_interval =
            self.session_expiry_interval.unwrap_or(if self.keep_session { u32::MAX } else { 0 });
        options.username.clone_from(&self.username);
        options.password = self.pw.as_ref().map(|password| password.clone().into_bytes().into());
        for property in self.given_properties().iter().filter(|property| property.command == "connect") {
            match property.name {
                "receive-maximum" => {
                    options.receive_maximum = u16::try_from(property.number()?)?
                        .try_into()
                        .map_err(|_| "Receive Maximum is 1 to 65535")?;
                }
                "topic-alias-maximum" => options.topic_alias_maximum = property.number()?.try_into()?,
                "maximum-packet-size" => {
                    options.maximum_packet_size = property.number()?;
                }
                "session-expiry-interval" => options.session_expiry_interval = property.number()?,
                "user-property" => {
                    let (key, value) = property.pair()?;
                    options.user_properties.push((key.to_owned(), value.to_owned()));
                }
                name => return Err(format!("-D connect: unknown property {name}").into()),
            }
        }
        if let Some(topic) = &self.will_topic {
            let message = Message::new(topic, self.will_payload.clone())?;
            let message = message.with_qos(self.will_qos).with_retain(self.will_retain);
            let mut will = Will::new(self.with_properties("will", message)?);
            for property in self.given_properties() {
                if (property.command, property.name) == ("will", "will-delay-interval") {
                    will.delay_interval = property.number()?;
                }
            }
            options.will = Some(will);
        }
        Ok(options)
    }
}

impl PubOptions {
    /// The message with this payload.
    pub(crate) fn message(&self, payload: Vec<u8>) -> Result<Message, Failure> {
        let message = Message::new(&self.topic, payload)?.with_qos(self.qos).with_retain(self.retain);
        self.connection.with_properties("publish", message)
    }
}
