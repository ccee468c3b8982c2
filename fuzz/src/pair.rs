//! The target `pair`: Clients and a broker on a network that fails; the input is every choice of a simulation.
//!
//! What must hold is what its model says: `spec-tests/simulation.md`.

use spec_tests::simulation::shrink::shrink;
use spec_tests::simulation::{Plan, run};

/// Any bytes are the choices of a run, which ends when they end.
pub fn pair(data: &[u8]) {
    let plan = Plan::from_bytes(data);
    if let Some(violation) = run(&plan, false).violation {
        let plan = shrink(&plan, |plan| run(plan, false).violation.is_some());
        let lines = run(&plan, true).lines.join("\n");
        panic!("{violation}\n{plan}\n{lines}");
    }
}
