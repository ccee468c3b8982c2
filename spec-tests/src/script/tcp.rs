//! A Server at a TCP address: blocking sockets with time-outs.

use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use bytes::BytesMut;

use super::{Arrival, Line, Network, Server};

/// Whatever listens at an address.
#[derive(Debug)]
pub struct Tcp {
    address: SocketAddr,
    patience: Duration,
    lines: Vec<TcpStream>,
}

impl Tcp {
    /// A Server that gets `patience` to answer.
    pub const fn new(address: SocketAddr, patience: Duration) -> Self {
        Self { address, patience, lines: Vec::new() }
    }

    /// A stream that exists becomes a line.
    pub(super) fn adopt(&mut self, stream: TcpStream) -> Line {
        let _ = stream.set_nodelay(true);
        let _ = stream.set_write_timeout(Some(self.patience));
        self.lines.push(stream);
        Line(self.lines.len() - 1)
    }
}

/// What a Server may still do for a connection after it has closed it.
const AFTERMATH: Duration = Duration::from_millis(20);

impl Network for Tcp {
    fn send(&mut self, line: Line, bytes: &[u8]) {
        // A Server that has closed shows when something is received.
        let _ = self.lines[line.0].write_all(bytes);
    }

    fn receive(&mut self, line: Line, input: &mut BytesMut, within: Duration) -> Arrival {
        let stream = &mut self.lines[line.0];
        let within = within.max(Duration::from_millis(1));
        if stream.set_read_timeout(Some(within)).is_err() {
            return Arrival::Closed;
        }
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer) {
            Ok(0) => Arrival::Closed,
            Ok(len) => {
                input.extend_from_slice(&buffer[..len]);
                Arrival::Bytes
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Arrival::Nothing
            }
            Err(_) => Arrival::Closed,
        }
    }

    /// Ends the stream and waits until the Server has seen that, which shows in its end of the stream.
    fn cut(&mut self, line: Line) {
        let _ = self.lines[line.0].shutdown(Shutdown::Write);
        let (mut unread, patience) = (BytesMut::new(), self.patience);
        while self.receive(line, &mut unread, patience) == Arrival::Bytes {
            unread.clear();
        }
        let _ = self.lines[line.0].shutdown(Shutdown::Both);
        self.wait(AFTERMATH);
    }

    #[expect(clippy::disallowed_methods, reason = "over TCP, time is real")]
    fn wait(&mut self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

impl Server for Tcp {
    /// # Panics
    /// When nothing listens: the script fails.
    fn open(&mut self) -> Line {
        let stream = TcpStream::connect_timeout(&self.address, self.patience);
        let stream = stream.unwrap_or_else(|error| panic!("cannot connect to {}: {error}", self.address));
        self.adopt(stream)
    }
}
