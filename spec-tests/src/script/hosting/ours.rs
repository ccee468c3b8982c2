//! The client of this workspace, on virtual time.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::{Buf, BytesMut};
use mqtt_session::codec::{DisconnectReason, QoS};
use mqtt_session::{AckToken, Client, ConnectOptions, Event, Instant, Message, Received, SubscribeRequest};

use super::news::News;
use super::{Clients, Job, Work};
use crate::script::{Arrival, Line, Network};

/// [`Client`]s with their drivers, which do everything at once.
#[derive(Debug)]
pub struct OurClients {
    now: Instant,
    programs: Vec<Program>,
    ends: Vec<End>,
}

/// A client and its application.
#[derive(Debug)]
struct Program {
    client: Client,
    options: ConnectOptions,
    work: Work,
    /// How many messages of the work have no outcome.
    unresolved: usize,
    news: VecDeque<News>,
    acks: VecDeque<AckToken>,
    /// Its latest connection.
    line: usize,
}

/// The script's end of a connection.
#[derive(Debug, Default)]
struct End {
    program: usize,
    /// On its way to the client.
    down: BytesMut,
    /// Not yet received by the script.
    up: BytesMut,
    is_closed: bool,
}

impl Default for OurClients {
    fn default() -> Self {
        Self { now: Instant::from_millis(1_000_000), programs: Vec::new(), ends: Vec::new() }
    }
}

impl OurClients {
    pub(super) fn call<R>(&mut self, number: usize, call: impl FnOnce(&mut Client, Instant) -> R) -> R {
        let now = self.now;
        let result = call(&mut self.programs[number].client, now);
        self.settle(number);
        result
    }

    pub(super) fn next_news(&mut self, number: usize) -> Option<News> {
        self.programs[number].news.pop_front()
    }

    pub(super) fn take_ack(&mut self, number: usize, behind: usize) -> AckToken {
        self.programs[number].acks.remove(behind).expect("a message that waits for its acknowledgement")
    }

    pub(super) fn set_options(&mut self, number: usize, options: ConnectOptions) {
        self.programs[number].options = options;
    }

    /// A connection of its own for a program.
    fn connect(&mut self, number: usize) -> Line {
        let (now, line) = (self.now, self.ends.len());
        self.ends.push(End { program: number, ..End::default() });
        let program = &mut self.programs[number];
        program.line = line;
        program.acks.clear();
        program.client.connect(now, program.options.clone()).expect("options of CONNECT");
        self.settle(number);
        Line(line)
    }

    /// Does what a driver does until there is nothing left to do.
    fn settle(&mut self, number: usize) {
        let now = self.now;
        let Some(program) = self.programs.get_mut(number) else { return };
        let Some(end) = self.ends.get_mut(program.line) else { return };
        loop {
            let received = program.client.handle_input(now, &mut end.down);
            while let Some(event) = program.client.poll_event() {
                program.happens(now, event);
            }
            let mut is_written = false;
            while program.client.transmit().has_remaining() {
                let transmit = program.client.transmit();
                let len = transmit.chunk().len();
                end.up.extend_from_slice(transmit.chunk());
                transmit.advance(len);
                is_written = true;
            }
            match received {
                Received::Closed if !is_written => break end.is_closed = true,
                Received::NeedData(_) if !is_written => break,
                _ => {}
            }
        }
    }

    /// Goes on to the next deadline, or to `end` when there is none before.
    fn step(&mut self, end: Instant) {
        let deadlines = self.programs.iter().enumerate();
        let next = deadlines
            .filter_map(|(number, program)| Some((program.client.poll_timeout()?.0, number)))
            .filter(|(at, _)| *at <= end)
            .min();
        let Some((at, number)) = next else {
            self.now = end;
            return;
        };
        self.now = self.now.max(at);
        let now = self.now;
        let client = &mut self.programs[number].client;
        client.handle_timeout(now);
        let next = client.poll_timeout();
        assert!(next.is_none_or(|(next, _)| next > now), "a deadline that stays");
        self.settle(number);
    }
}

impl Program {
    fn happens(&mut self, now: Instant, event: Event) {
        self.news.push_back(News::of(&event));
        match event {
            Event::Connected(_) => {
                if let Work::Subscribe { filter, qos } = &self.work {
                    let request = SubscribeRequest::new([(filter.clone(), level(*qos))]);
                    self.client.subscribe(now, request.expect("a Topic Filter")).expect("room for one");
                }
            }
            Event::Published { .. } if self.unresolved > 0 => {
                self.unresolved -= 1;
                if self.unresolved == 0 {
                    self.client.disconnect(now, DisconnectReason::NormalDisconnection);
                }
            }
            Event::Message(received) => self.acks.extend(received.ack),
            _ => {}
        }
    }
}

fn level(bits: u8) -> QoS {
    QoS::from_bits(bits).expect("QoS 0, 1 or 2")
}

impl Clients for OurClients {
    fn start(&mut self, job: &Job) -> Result<(usize, Line), String> {
        let number = self.programs.len();
        let mut program = Program {
            client: Client::new(job.config.clone()),
            options: job.options.clone(),
            work: job.work.clone(),
            unresolved: 0,
            news: VecDeque::new(),
            acks: VecDeque::new(),
            line: 0,
        };
        // They wait for the connection.
        if let Work::Publish { topic, payloads, qos, retain } = &job.work {
            program.unresolved = payloads.len();
            for payload in payloads {
                let message = Message::new(topic, payload.clone()).expect("a Topic Name");
                let message = message.with_qos(level(*qos)).with_retain(*retain);
                program.client.publish(self.now, message).expect("room in the queue");
            }
        }
        self.programs.push(program);
        Ok((number, self.connect(number)))
    }

    fn returns(&mut self, client: usize) -> Result<Line, String> {
        Ok(self.connect(client))
    }

    fn ours(&mut self) -> Option<&mut OurClients> {
        Some(self)
    }
}

impl Network for OurClients {
    fn send(&mut self, line: Line, bytes: &[u8]) {
        let end = &mut self.ends[line.0];
        if end.is_closed {
            return;
        }
        end.down.extend_from_slice(bytes);
        let number = end.program;
        self.settle(number);
    }

    fn receive(&mut self, line: Line, input: &mut BytesMut, within: Duration) -> Arrival {
        let deadline = self.now + within;
        loop {
            let end = &mut self.ends[line.0];
            if !end.up.is_empty() {
                input.extend_from_slice(&end.up.split());
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
        let now = self.now;
        let end = &mut self.ends[line.0];
        end.is_closed = true;
        let number = end.program;
        if self.programs[number].line == line.0 {
            self.programs[number].client.handle_closed(now);
            self.settle(number);
        }
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
