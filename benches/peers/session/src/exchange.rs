//! What everybody does: a batch of messages goes from Client to Server, or from Client to Server to Client.

use std::time::Duration;

use benches::session::BATCH;
use meter::clock::{now, overhead, time};
use meter::{Measured, Meter};
use mqtt_codec::{ProtocolVersion, QoS};

use crate::contenders;

/// How far a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a Client to a Server that acknowledges it; nobody has subscribed.
    ToServer,
    /// From a Client to a Server to a Client that has subscribed.
    ToClient,
}

/// A Client that publishes, a Server, and perhaps a Client that is to get every message.
pub trait Exchange: 'static {
    /// As it is published.
    const NAME: &'static str;

    /// Connected, for messages of this QoS. `None`: it does not speak this version.
    fn new(version: ProtocolVersion, qos: QoS) -> Option<Self>
    where
        Self: Sized;

    /// Publishes a batch and moves bytes until nothing is under way any more; how many messages have arrived. Each of them
    /// has been compared with the one that was published.
    fn turn(&mut self) -> usize;
}

/// Batches in one repetition: long enough for a clock, and short enough to be left alone now and then.
const TURNS: usize = 10;

/// One contender on one workload.
pub struct Case {
    /// How far its messages go.
    pub way: Way,
    /// Whose it is.
    pub contender: &'static str,
    /// The version and QoS, in words.
    pub workload: String,
    start: Box<dyn Fn() -> Box<dyn FnMut() -> usize>>,
}

impl Measured for Case {
    fn operations(&self) -> usize {
        TURNS * BATCH
    }

    fn repetitions(&self) -> usize {
        4
    }

    fn run(&self, repetitions: usize, meter: Meter<'_>) {
        let mut turn = (self.start)();
        let mut repeat = |times: usize| {
            for _ in 0..times {
                assert_eq!(turn(), BATCH);
            }
        };
        // So that buffers have grown.
        repeat(TURNS);
        meter(&mut || repeat(repetitions * TURNS));
    }
}

/// Everything that can be measured of those who are wanted, workload by workload.
pub fn cases(wants: impl Fn(&str) -> bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5_0] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            contenders::register(&mut cases, version, qos);
        }
    }
    cases.retain(|case| wants(case.contender));
    cases
}

/// Adds a contender, if it speaks the version.
pub fn add<E: Exchange>(cases: &mut Vec<Case>, way: Way, version: ProtocolVersion, qos: QoS) {
    if E::new(version, qos).is_none() {
        return;
    }
    let start = move || -> Box<dyn FnMut() -> usize> {
        let mut exchange = E::new(version, qos).expect("it speaks this version");
        Box::new(move || exchange.turn())
    };
    let version = if version == ProtocolVersion::V5_0 { "5.0" } else { "3.1.1" };
    let workload = format!("{version}, QoS {}", qos.bits());
    cases.push(Case { way, contender: E::NAME, workload, start: Box::new(start) });
}

/// Nanoseconds for each message of each case: all take turns on a workload, and the best of many rounds counts.
pub fn nanoseconds(cases: &[Case], quick: bool) -> Vec<f64> {
    let budget = Duration::from_secs(if quick { 1 } else { 10 });
    let mut best = vec![Duration::MAX; cases.len()];
    let mut at = 0;
    let is_same = |left: &Case, right: &Case| (left.way, &left.workload) == (right.way, &right.workload);
    for group in cases.chunk_by(is_same) {
        let start = now();
        for round in 0.. {
            if round >= 3 && start.elapsed() > budget {
                break;
            }
            for (case, best) in group.iter().zip(&mut best[at..]) {
                case.run(case.repetitions(), &mut |work| *best = (*best).min(time(work)));
            }
        }
        at += group.len();
    }
    let overhead = overhead();
    cases
        .iter()
        .zip(best)
        .map(|(case, best)| case.each(best.saturating_sub(overhead).as_secs_f64() * 1e9))
        .collect()
}
