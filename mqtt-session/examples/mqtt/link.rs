//! A [`Client`] on a blocking TCP socket: one thread reads, the main thread does everything else.

use std::io::{BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_session::{Client, ClientConfig, Event, Instant, Received, SubscribeOutcome};

use crate::Failure;
use crate::options::Connection;

/// What other threads tell the main one.
enum Input {
    Bytes(Vec<u8>),
    Closed,
    Line(Option<Vec<u8>>),
    Interrupt,
}

/// What [`Link::next`] waits for.
pub(crate) enum Happening {
    /// The client has something to say.
    Event(Event),
    /// A line of standard input that was asked for; `None` at its end.
    Line(Option<Vec<u8>>),
    /// The user wants to end.
    Interrupt,
    /// The time given to [`Link::end_after`] is over.
    TimeIsUp,
}

/// A client with its connection, clock and standard input.
pub(crate) struct Link {
    pub(crate) client: Client,
    stream: TcpStream,
    epoch: std::time::Instant,
    inputs: Receiver<Input>,
    sender: SyncSender<Input>,
    /// Asks the thread that reads standard input for one more line.
    line_wanted: Option<SyncSender<()>>,
    input: BytesMut,
    open: bool,
    end: Option<Instant>,
    debug: bool,
}

impl Link {
    /// Connects, without waiting for CONNACK.
    pub(crate) fn open(connection: &Connection, config: ClientConfig) -> Result<Self, Failure> {
        let options = connection.connect_options()?;
        let stream = TcpStream::connect((connection.host.as_str(), connection.port))?;
        stream.set_nodelay(true)?;
        let (sender, inputs) = sync_channel(16);
        spawn_reader(stream.try_clone()?, sender.clone());
        let interrupt = sender.clone();
        ctrlc::set_handler(move || {
            let _ = interrupt.send(Input::Interrupt);
        })?;
        #[expect(clippy::disallowed_methods, reason = "this program owns the clock")]
        let epoch = std::time::Instant::now();
        let mut link = Self {
            client: Client::new(config),
            stream,
            epoch,
            inputs,
            sender,
            line_wanted: None,
            input: BytesMut::new(),
            open: true,
            end: None,
            debug: connection.debug,
        };
        let now = link.now();
        link.client.connect(now, options)?;
        Ok(link)
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_millis(u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// [`next`](Self::next) returns [`Happening::TimeIsUp`] after this long.
    pub(crate) fn end_after(&mut self, time: Duration) {
        self.end = Some(self.now() + time);
    }

    /// Asks for a line of standard input, which [`next`](Self::next) then returns.
    pub(crate) fn want_line(&mut self) {
        let wanted = self.line_wanted.get_or_insert_with(|| spawn_line_reader(self.sender.clone()));
        let _ = wanted.send(());
    }

    /// Waits for the next thing to happen.
    pub(crate) fn next(&mut self) -> Result<Happening, Failure> {
        loop {
            self.offer_input()?;
            if let Some(event) = self.client.poll_event() {
                if self.debug {
                    print_answer(&event);
                }
                return Ok(Happening::Event(event));
            }
            let deadline =
                self.client.poll_timeout().map(|(deadline, _)| deadline).into_iter().chain(self.end).min();
            let received = match deadline {
                None => self.inputs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(deadline) => self.inputs.recv_timeout(deadline.duration_since(self.now())),
            };
            let now = self.now();
            match received {
                Ok(Input::Bytes(bytes)) => self.input.extend_from_slice(&bytes),
                Ok(Input::Closed) => self.client.handle_closed(now),
                Ok(Input::Line(line)) => return Ok(Happening::Line(line)),
                Ok(Input::Interrupt) => return Ok(Happening::Interrupt),
                Err(_) if self.end.is_some_and(|end| end <= now) => {
                    self.end = None;
                    return Ok(Happening::TimeIsUp);
                }
                Err(_) => self.client.handle_timeout(now),
            }
        }
    }

    /// Hands what has arrived to the client, and what the client says to the socket.
    fn offer_input(&mut self) -> Result<(), Failure> {
        loop {
            let received = self.client.handle_input(self.now(), &mut self.input);
            self.flush()?;
            match received {
                // Room has been made: what waits can be handled now.
                Received::Paused => {}
                Received::NeedData(_) => return Ok(()),
                Received::Closed => {
                    if std::mem::take(&mut self.open) {
                        // The peer may have gone first.
                        let _ = self.stream.shutdown(Shutdown::Write);
                    }
                    return Ok(());
                }
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        // Each call of `transmit` fills it from the queue.
        while self.client.transmit().has_remaining() {
            let len = self.stream.write(self.client.transmit().chunk())?;
            self.client.transmit().advance(len);
        }
        Ok(())
    }
}

fn print_answer(event: &Event) {
    match event {
        Event::Connected(connected) => eprintln!("{}", connected.connack),
        Event::Subscribed { outcome: SubscribeOutcome::Acknowledged { suback, .. }, .. } => {
            eprintln!("{suback}");
        }
        Event::Published { outcome, .. } => eprintln!("message {outcome}"),
        Event::Disconnected(why) => eprintln!("{why}"),
        _ => {}
    }
}

fn spawn_reader(mut stream: TcpStream, sender: SyncSender<Input>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let input = match stream.read(&mut buffer) {
                Ok(0) | Err(_) => Input::Closed,
                Ok(len) => Input::Bytes(buffer[..len].to_vec()),
            };
            let closed = matches!(input, Input::Closed);
            if sender.send(input).is_err() || closed {
                return;
            }
        }
    });
}

fn spawn_line_reader(sender: SyncSender<Input>) -> SyncSender<()> {
    let (want, wanted) = sync_channel(1);
    thread::spawn(move || {
        let mut lines = std::io::stdin().lock();
        while wanted.recv().is_ok() {
            let mut line = Vec::new();
            let line = match lines.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => None,
                Ok(_) => {
                    if line.last() == Some(&b'\n') {
                        line.pop();
                    }
                    Some(line)
                }
            };
            if sender.send(Input::Line(line)).is_err() {
                return;
            }
        }
    });
    want
}
