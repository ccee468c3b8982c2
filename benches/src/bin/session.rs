//! Sends batches of messages through a broker: `session pair|alone|core|fan VERSION QOS TURNS [SUBSCRIBERS]`, where `VERSION` is 4 or
//! 5. `pair` is with a Client at both ends, `alone` with one that publishes and nobody who has subscribed, `core` the broker alone with one subscriber, `fan` with many.
//!
//! Prints how many messages have arrived in a turn, and the allocations for each of them in the last. For tools that count
//! instructions: `benches/session.sh` calls it.

use std::alloc::System;
use std::process::ExitCode;

use benches::session::{Alone, Fan, Pair, qos};
use mqtt_codec::{ProtocolVersion, QoS};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    run(&arguments).unwrap_or_else(|| {
        eprintln!("session pair|alone|core|fan 4|5 0|1|2 TURNS [SUBSCRIBERS]");
        ExitCode::FAILURE
    })
}

fn run(arguments: &[String]) -> Option<ExitCode> {
    let [_, what, version, qos_bits, turns, rest @ ..] = arguments else { return None };
    let version = match version.as_str() {
        "4" => ProtocolVersion::V3_1_1,
        "5" => ProtocolVersion::V5_0,
        _ => return None,
    };
    let qos: QoS = qos(qos_bits)?;
    let turns = turns.parse().ok()?;
    let subscribers = rest.first().map_or(Some(1), |count| count.parse().ok())?;
    if what == "pair" {
        let mut pair = Pair::new(version, qos);
        repeat(turns, || pair.turn());
    } else if what == "alone" {
        let mut alone = Alone::new(version, qos);
        repeat(turns, || alone.turn());
    } else {
        let mut fan = Fan::new(version, qos, subscribers);
        repeat(turns, || fan.turn());
    }
    Some(ExitCode::SUCCESS)
}

#[expect(clippy::cast_precision_loss, reason = "numbers for people to read")]
fn repeat(turns: usize, mut turn: impl FnMut() -> usize) {
    // So that buffers have grown.
    turn();
    let region = Region::new(ALLOCATOR);
    let mut received = 0;
    for _ in 0..turns {
        received += turn();
    }
    let stats = region.change();
    let allocations = (stats.allocations + stats.reallocations) as f64;
    println!("{} {:.3}", received / turns.max(1), allocations / received as f64);
}
