//! Nanoseconds: all libraries take turns on a workload, and the best of many rounds counts.

use std::time::Duration;

use meter::Measured as _;
use meter::clock::{now, overhead, time};

use crate::case::Case;

/// Nanoseconds for each operation of each case.
pub fn nanoseconds(cases: &[Case], quick: bool) -> Vec<f64> {
    let budget = Duration::from_secs(if quick { 1 } else { 10 });
    let mut best = vec![Duration::MAX; cases.len()];
    let mut workloads: Vec<_> = cases.iter().map(|case| case.workload).collect();
    workloads.sort_unstable();
    workloads.dedup();
    for workload in workloads {
        let start = now();
        for round in 0.. {
            if round >= 3 && start.elapsed() > budget {
                break;
            }
            for (case, best) in cases.iter().zip(&mut best).filter(|(case, _)| case.workload == workload) {
                case.run(case.repetitions, &mut |work| *best = (*best).min(time(work)));
            }
        }
    }
    let overhead = overhead();
    cases
        .iter()
        .zip(best)
        .map(|(case, best)| case.each(best.saturating_sub(overhead).as_secs_f64() * 1e9))
        .collect()
}
