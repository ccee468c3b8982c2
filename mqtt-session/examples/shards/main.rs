//! An MQTT broker on several threads and without an async runtime: each thread has a [`Broker`](mqtt_session::Broker) of its own, and
//! looks after its sockets by readiness (mio).
//!
//! A Client belongs to the thread that its Client Identifier says, so its Session is always in the same place, and no lock is
//! shared. What a Client publishes is told by [`Action::Published`](mqtt_session::Action::Published), and published by the brokers of all
//! other threads too; its answer is written when they have done so. The order of what one Client publishes is kept everywhere.
//!
//! As in any cluster without a leader, when Clients of two threads retain a message of the same topic at the same time, the
//! threads may keep different ones. There are no Shared Subscriptions: their members would be with several brokers. Everything is in
//! memory only, and each thread keeps all retained messages; limits are those of one thread.
//!
//! `cargo run --release -p mqtt-session --example shards -- --listen 127.0.0.1:1883 --threads 4`

mod door;
mod shard;

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use clap::Parser;

use crate::door::Door;
use crate::shard::{Mailbox, Shard};

/// An MQTT broker for 3.1, 3.1.1 and 5.0 on several threads.
#[derive(Parser)]
struct Options {
    /// Address and port to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:1883")]
    listen: SocketAddr,
    /// How many brokers there are, each with a thread; as many as processors if this is left out.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Connections at a time; more wait until one ends.
    #[arg(long, default_value_t = 10_000)]
    max_connections: usize,
}

/// What all threads have in common.
struct Common {
    /// How many connections there are.
    connections: AtomicUsize,
    is_stopping: AtomicBool,
    /// How many messages each broker has heard from each other.
    heard: Vec<Vec<AtomicU64>>,
}

impl Common {
    fn new(threads: usize) -> Self {
        let heard = || (0..threads).map(|_| AtomicU64::new(0)).collect();
        Self {
            connections: AtomicUsize::new(0),
            is_stopping: AtomicBool::new(false),
            heard: (0..threads).map(|_| heard()).collect(),
        }
    }

    fn stop(&self, mailboxes: &[Mailbox]) {
        self.is_stopping.store(true, Ordering::Relaxed);
        mailboxes.iter().for_each(Mailbox::wake);
    }

    /// How many messages from this broker all others have heard.
    fn heard_from(&self, number: usize) -> u64 {
        let others = self.heard.iter().enumerate().filter(|(other, _)| *other != number);
        others.map(|(_, heard)| heard[number].load(Ordering::Acquire)).min().unwrap_or(u64::MAX)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let threads = match options.threads {
        Some(threads) => threads,
        None => thread::available_parallelism()?,
    };
    let common = Arc::new(Common::new(threads.get()));
    let (mailboxes, shards): (Vec<Mailbox>, Vec<Shard>) = (0..threads.get())
        .map(|number| Shard::new(number, Arc::clone(&common)))
        .collect::<std::io::Result<Vec<_>>>()?
        .into_iter()
        .unzip();
    let mut door =
        Door::open(options.listen, options.max_connections, mailboxes.clone(), Arc::clone(&common))?;
    ctrlc::set_handler({
        let (common, mailboxes, waker) = (Arc::clone(&common), mailboxes.clone(), door.waker());
        move || {
            common.stop(&mailboxes);
            let _ = waker.wake();
        }
    })?;
    let running: Vec<_> = shards
        .into_iter()
        .map(|shard| {
            let mailboxes = mailboxes.clone();
            thread::spawn(move || shard.run(&mailboxes))
        })
        .collect();
    println!("listening on {}", door.address()?);
    door.run(&running)?;
    common.stop(&mailboxes);
    for thread in running {
        thread.join().map_err(|_| "a thread has failed")??;
    }
    Ok(())
}
