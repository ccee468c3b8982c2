//! The Client in the hands of the script.

#![expect(clippy::missing_panics_doc, reason = "a script fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "packets are written where they are used")]

use core::cell::RefCell;
use std::rc::Rc;

use mqtt_session::codec::{DisconnectReason, PublishReason};
use mqtt_session::{
    ClientConfig, ConnectOptions, Explanation, Instant, PublishToken, Rejected, RequestToken, Violation,
};

use super::news::News;
use super::{Clients, Host, Job, OurClients, Work, peer, skips};
use crate::script::packets::Names;
use crate::script::scene::Stage;
use crate::script::{Message, Subscribe};

/// How long a Session lasts that a Client keeps, in seconds, where it does not matter. 3.x has no limit.
pub(super) const LONG: u32 = 600;

/// A Client: first what it is to do, then its connections, and in process what it is called for and what it tells.
#[derive(Debug)]
pub struct Client {
    clients: Rc<RefCell<dyn Clients>>,
    stage: Rc<Stage>,
    job: Job,
    number: Option<usize>,
}

impl Client {
    pub(super) const fn new(clients: Rc<RefCell<dyn Clients>>, stage: Rc<Stage>, job: Job) -> Self {
        Self { clients, stage, job, number: None }
    }

    /// It keeps its Session: Clean Session 0, or Clean Start 0 with an expiry.
    pub fn keeps(self) -> Self {
        self.options(|options| {
            options.clean_start = false;
            options.session_expiry_interval = LONG;
        })
    }

    /// With this Keep Alive.
    pub fn keep_alive(self, seconds: u16) -> Self {
        self.options(|options| options.keep_alive = seconds)
    }

    /// The messages it publishes are to be retained.
    pub fn retained(mut self) -> Self {
        if let Work::Publish { retain, .. } = &mut self.job.work {
            *retain = true;
        }
        self
    }

    /// Changes what our client says in CONNECT.
    pub fn options(mut self, change: impl FnOnce(&mut ConnectOptions)) -> Self {
        change(&mut self.job.options);
        self
    }

    /// Changes the habits of our client.
    pub fn config(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        change(&mut self.job.config);
        self
    }

    /// Changes what our client says in its next CONNECT.
    pub fn changes(&mut self, change: impl FnOnce(&mut ConnectOptions)) {
        change(&mut self.job.options);
        let (number, options) = (self.number(), self.job.options.clone());
        self.ours(|ours| ours.set_options(number, options));
    }

    /// It opens a connection: the first, or the next after it has lost one. Where it does not come back, the script is not tried.
    #[track_caller]
    pub fn connects(&mut self) -> Host {
        let line = match self.number {
            None => self.clients.borrow_mut().start(&self.job).map(|(number, line)| {
                self.number = Some(number);
                line
            }),
            Some(number) => self.clients.borrow_mut().returns(number),
        };
        match line {
            Ok(line) => Host::new(peer(&self.clients, &self.stage, line)),
            Err(reason) => skips(&reason),
        }
    }

    /// Our client publishes.
    ///
    /// # Errors
    /// It does not take the message.
    #[expect(clippy::result_large_err, reason = "as the client has it")]
    pub fn publishes(&mut self, message: Message) -> Result<PublishToken, Rejected<mqtt_session::Message>> {
        self.stage.writes_down(format!("client: publish {message:?}"));
        let message = message.for_client(&Names(&self.stage));
        self.calls(|client, now| client.publish(now, message))
    }

    /// Our client subscribes.
    ///
    /// # Errors
    /// It does not take the request.
    pub fn subscribes(
        &mut self,
        request: Subscribe,
    ) -> Result<RequestToken, Rejected<mqtt_session::SubscribeRequest>> {
        self.stage.writes_down(format!("client: subscribe {request:?}"));
        let request = request.for_client(&Names(&self.stage));
        self.calls(|client, now| client.subscribe(now, request))
    }

    /// Our client acknowledges the oldest message that it has not acknowledged yet, or the one behind so many others.
    pub fn acknowledges(&mut self, behind: usize, code: u8) {
        let number = self.number();
        let token = self.ours(|ours| ours.take_ack(number, behind));
        let reason = PublishReason::from_code(code).expect("a code of PUBACK");
        let known = self.calls(|client, now| client.acknowledge_with(now, token, reason));
        known.expect("a token of this connection");
    }

    /// Our client refuses the oldest message, and says why.
    pub fn refuses_because(&mut self, reason_string: &str, pair: (&str, &str), code: u8) {
        let number = self.number();
        let token = self.ours(|ours| ours.take_ack(number, 0));
        let reason = PublishReason::from_code(code).expect("a code of PUBACK");
        let why = Explanation::new(reason_string).with_user_property(pair.0, pair.1);
        let known = self.calls(|client, now| client.acknowledge_explained(now, token, reason, why));
        known.expect("a token of this connection");
    }

    /// Our client disconnects.
    pub fn disconnects(&mut self, code: u8) {
        let reason = DisconnectReason::from_code(code).expect("a code of DISCONNECT");
        self.calls(|client, now| client.disconnect(now, reason));
    }

    /// Calls a method of our client.
    pub fn calls<R>(&mut self, call: impl FnOnce(&mut mqtt_session::Client, Instant) -> R) -> R {
        let number = self.number();
        self.ours(|ours| ours.call(number, call))
    }

    /// The next thing our client tells must be this. What another client tells is not known.
    #[track_caller]
    pub fn tells(&mut self, expected: News) {
        if !self.stage.is_exact {
            return;
        }
        let number = self.number();
        match self.ours(|ours| ours.next_news(number)) {
            Some(news) => assert!(news == expected, "the client should tell {expected:?}; it told {news:?}"),
            None => panic!("the client should tell {expected:?}; it told nothing"),
        }
    }

    /// Our client has nothing to tell.
    #[track_caller]
    pub fn tells_nothing(&mut self) {
        if !self.stage.is_exact {
            return;
        }
        let number = self.number();
        if let Some(news) = self.ours(|ours| ours.next_news(number)) {
            panic!("the client should tell nothing; it told {news:?}");
        }
    }

    /// What our client has told so far does not matter.
    pub fn has_told(&mut self) {
        if self.stage.is_exact {
            let number = self.number();
            while self.ours(|ours| ours.next_news(number)).is_some() {}
        }
    }

    /// Our client has seen this breach of the protocol: it has told the end of the connection once, with that reason, and has
    /// delivered nothing.
    #[track_caller]
    pub fn objects(&mut self, violation: Violation) {
        self.ended_by(&News::Violation(violation));
    }

    /// Our client has met bytes that are no packet: as [`objects`](Self::objects).
    #[track_caller]
    pub fn finds_no_packet(&mut self) {
        self.ended_by(&News::Malformed);
    }

    #[track_caller]
    fn ended_by(&self, end: &News) {
        if !self.stage.is_exact {
            return;
        }
        let number = self.number();
        let mut told = Vec::new();
        while let Some(news) = self.ours(|ours| ours.next_news(number)) {
            told.push(news);
        }
        let ends = told.iter().filter(|news| news.is_end()).count();
        let is_delivered = told.iter().any(|news| matches!(news, News::Delivered { .. }));
        assert!(
            ends == 1 && told.last() == Some(end) && !is_delivered,
            "the client should tell {end:?} and deliver nothing; it told {told:?}"
        );
    }

    /// How many messages of our client are under way.
    pub fn in_flight(&mut self) -> usize {
        self.calls(|client, _| client.in_flight())
    }

    fn number(&self) -> usize {
        self.number.expect("it has been started")
    }

    fn ours<R>(&self, act: impl FnOnce(&mut OurClients) -> R) -> R {
        let mut clients = self.clients.borrow_mut();
        act(clients.ours().expect("a script that needs `calls`"))
    }
}
