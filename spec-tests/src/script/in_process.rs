//! The broker of this workspace, on virtual time.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{ConnackReason, ConnectFields, Publish, PublishReason, QoS, SubackReason};
use mqtt_session::topic::Subscription;
use mqtt_session::{
    Acceptance, Action, AuthRequest, AuthStep, Broker, BrokerConfig, ClientInfo, ConnectionId, Explanation,
    Instant, Policy, Refusal, Verdict,
};

use super::{Arrival, Line, Network, Server};

/// Who may do what in process.
///
/// A user `nobody` is refused with 0x86, a Client Identifier that ends in `banned` with 0x8A, everybody else is accepted as
/// the user of that name. Nobody may publish to or subscribe to anything with a level `forbidden`; a filter with a level
/// `limited` is granted QoS 1 at most. A Client Identifier that ends in `talk` is told more than it needs; so is whoever is
/// refused.
///
/// The Authentication Method `STEPS` is served: the data `accept` is accepted, `refuse` is refused with 0x87, and for any other
/// data another step is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

fn has_level(text: &[u8], level: &str) -> bool {
    text.split(|byte| *byte == b'/').any(|part| part == level.as_bytes())
}

fn explanation() -> Explanation {
    Explanation::new("because of the rules").with_user_property("rules", "of the script")
}

impl Policy for Rules {
    fn authenticate(&mut self, _: ConnectionId, connect: &ConnectFields<'_>) -> Verdict {
        match connect.username {
            _ if connect.client_id.ends_with("banned") => {
                Verdict::Refuse(Refusal::new(ConnackReason::Banned, explanation()))
            }
            Some("nobody") => {
                Verdict::Refuse(Refusal::new(ConnackReason::BadUserNameOrPassword, explanation()))
            }
            _ if connect.client_id.ends_with("talk") => Verdict::AcceptWith(Acceptance {
                response_information: Some("answers/".to_owned()),
                explanation: explanation(),
                ..Acceptance::default()
            }),
            Some(user) => Verdict::AcceptAs(Arc::from(user)),
            None => Verdict::Accept,
        }
    }

    fn exchange(&mut self, _: ConnectionId, request: &AuthRequest<'_>) -> Verdict {
        match (request.method, request.data) {
            ("STEPS", Some(b"accept")) => Verdict::AcceptWith(Acceptance {
                principal: Some(Arc::from("stepper")),
                authentication_data: Some("proof".into()),
                ..Acceptance::default()
            }),
            ("STEPS", Some(b"refuse")) => {
                Verdict::Refuse(Refusal::new(ConnackReason::NotAuthorized, explanation()))
            }
            ("STEPS", _) => {
                Verdict::Continue(AuthStep { data: Some("more".into()), explanation: explanation() })
            }
            _ => Verdict::Refuse(ConnackReason::BadAuthenticationMethod.into()),
        }
    }

    fn may_publish(&self, _: &ClientInfo<'_>, publish: &Publish<'_>) -> Result<(), Refusal<PublishReason>> {
        let is_forbidden = publish.topic.is_some_and(|topic| has_level(topic.as_bytes(), "forbidden"));
        if is_forbidden { Err(Refusal::new(PublishReason::NotAuthorized, explanation())) } else { Ok(()) }
    }

    fn may_subscribe(
        &self,
        _: &ClientInfo<'_>,
        subscription: &Subscription<&[u8]>,
        qos: QoS,
    ) -> Result<QoS, Refusal<SubackReason>> {
        let filter = subscription.filter().as_bytes();
        match () {
            () if has_level(filter, "forbidden") => {
                Err(Refusal::new(SubackReason::NotAuthorized, explanation()))
            }
            () if has_level(filter, "limited") => Ok(qos.min(QoS::AtLeastOnce)),
            () => Ok(qos),
        }
    }
}

/// [`Broker`] and its driver, which does everything at once.
#[derive(Debug)]
pub struct InProcess {
    config: BrokerConfig,
    broker: Option<Broker<Rules>>,
    now: Instant,
    lines: Vec<ConnectionId>,
    ends: BTreeMap<ConnectionId, End>,
}

/// The script's end of a connection.
#[derive(Debug, Default)]
struct End {
    /// On its way to the broker.
    up: BytesMut,
    /// Not yet received.
    down: BytesMut,
    is_closed: bool,
}

impl Default for InProcess {
    fn default() -> Self {
        Self {
            config: BrokerConfig::default(),
            broker: None,
            now: Instant::from_millis(1_000_000),
            lines: Vec::new(),
            ends: BTreeMap::new(),
        }
    }
}

impl InProcess {
    fn broker(&mut self) -> &mut Broker<Rules> {
        self.broker.get_or_insert_with(|| Broker::new(self.config.clone(), Rules))
    }

    fn offer(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some(mut up) = self.ends.get_mut(&id).map(|end| core::mem::take(&mut end.up)) else { return };
        let _ = self.broker().handle_input(now, id, &mut up);
        if let Some(end) = self.ends.get_mut(&id) {
            end.up = up;
        }
    }

    fn write(&mut self, id: ConnectionId) {
        let mut written = BytesMut::new();
        while let Some(transmit) = self.broker().transmit(id).filter(Buf::has_remaining) {
            while let Some(segment) = transmit.pop() {
                written.extend_from_slice(&segment);
            }
        }
        if let Some(end) = self.ends.get_mut(&id) {
            end.down.extend_from_slice(&written);
        }
    }

    /// Does what a driver does until there is nothing left to do.
    fn settle(&mut self) {
        while let Some(action) = self.broker().poll_action() {
            match action {
                Action::Transmit(id) => self.write(id),
                Action::Resume(id) => self.offer(id),
                Action::Close(id) => {
                    self.write(id);
                    let now = self.now;
                    self.broker().handle_closed(now, id);
                    if let Some(end) = self.ends.get_mut(&id) {
                        end.is_closed = true;
                    }
                }
                _ => {}
            }
        }
    }

    /// Goes on to the next deadline, or to `end` when there is none before.
    fn step(&mut self, end: Instant) {
        match self.broker().poll_timeout().filter(|at| *at <= end) {
            Some(at) => {
                self.now = self.now.max(at);
                let now = self.now;
                self.broker().handle_timeout(now);
                self.settle();
                let next = self.broker().poll_timeout();
                assert!(next.is_none_or(|next| next > now), "a deadline that stays");
            }
            None => self.now = end,
        }
    }
}

impl Network for InProcess {
    fn send(&mut self, line: Line, bytes: &[u8]) {
        let id = self.lines[line.0];
        if let Some(end) = self.ends.get_mut(&id) {
            end.up.extend_from_slice(bytes);
        }
        self.offer(id);
        self.settle();
    }

    fn receive(&mut self, line: Line, input: &mut BytesMut, within: Duration) -> Arrival {
        let id = self.lines[line.0];
        let deadline = self.now + within;
        loop {
            let Some(end) = self.ends.get_mut(&id) else { return Arrival::Closed };
            if !end.down.is_empty() {
                input.extend_from_slice(&end.down.split());
                return Arrival::Bytes;
            }
            if end.is_closed {
                return Arrival::Closed;
            }
            if self.now >= deadline {
                return Arrival::Nothing;
            }
            self.step(deadline);
        }
    }

    fn cut(&mut self, line: Line) {
        let (id, now) = (self.lines[line.0], self.now);
        self.ends.remove(&id);
        self.broker().handle_closed(now, id);
        self.settle();
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.step(end);
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(100)
    }
}

impl Server for InProcess {
    fn open(&mut self) -> Line {
        let now = self.now;
        let id = self.broker().open(now);
        self.ends.insert(id, End::default());
        self.lines.push(id);
        Line(self.lines.len() - 1)
    }

    fn is_configurable(&self) -> bool {
        true
    }

    fn configure(&mut self, change: &dyn Fn(&mut BrokerConfig)) {
        assert!(self.broker.is_none(), "the configuration comes before the first connection");
        change(&mut self.config);
    }

    fn has_rules(&self) -> bool {
        true
    }
}
