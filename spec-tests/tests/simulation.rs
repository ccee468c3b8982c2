//! The simulation of Clients and broker (`spec_tests::simulation`), as far as every test run affords it. The binary
//! `simulate` sweeps more seeds.

use mqtt_session::codec::{ProtocolVersion, QoS};
use spec_tests::simulation::every_byte::all_faults;
use spec_tests::simulation::exhaustive::{Scope, enumerate};
use spec_tests::simulation::plan::{BrokerPlan, ClientPlan, Operation, Step};
use spec_tests::simulation::{Plan, run, shrink};

fn sweep(seeds: std::ops::Range<u64>, steps: usize) {
    for seed in seeds {
        let plan = Plan::new(seed, steps);
        if let Some(violation) = run(&plan, false).violation {
            let plan = shrink::shrink(&plan, |plan| run(plan, false).violation.is_some());
            let lines = run(&plan, true).lines.join("\n");
            panic!("seed {seed}, {steps} steps: {violation}\n{plan}\n{lines}");
        }
    }
}

#[test]
fn seeds_without_a_violation() {
    sweep(0..600, 200);
}

#[test]
fn short_seeds_without_a_violation() {
    sweep(1_000_000..1_003_000, 25);
}

/// A message that is expired when it arrives is answered and due to nobody: a crash may forget it at once (3.3.2.3.3).
#[test]
fn what_has_expired_need_not_be_stored() {
    let expired =
        Operation::Publish { topic: 0, qos: QoS::AtLeastOnce, retain: false, expiry: Some(0), size: 8 };
    let subscribe =
        Operation::Subscribe { filter: 0, qos: QoS::AtLeastOnce, no_local: false, retained: false };
    let connect = Operation::Connect { clean_start: false };
    let steps = [
        (0, 1, connect),
        (50, 1, subscribe),
        (50, 1, Operation::Cut),
        (50, 0, connect),
        (50, 0, expired),
        (50, 0, Operation::CrashServer { stored: 0 }),
    ];
    let plan = Plan {
        seed: 0,
        broker: BrokerPlan { durable: true, ..BrokerPlan::WIDE },
        clients: vec![ClientPlan::persistent(ProtocolVersion::V5_0); 2],
        has_narrow_links: false,
        steps: steps.map(|(wait, client, operation)| Step { wait, client, operation }).to_vec(),
    };
    let outcome = run(&plan, true);
    assert_eq!(outcome.violation, None, "{}", outcome.lines.join("\n"));
}

/// The same plan is the same run, with or without a trace.
#[test]
fn runs_are_deterministic() {
    for seed in 0..100 {
        let plan = Plan::new(seed, 200);
        let (once, again) = (run(&plan, false), run(&plan, true));
        assert_eq!((once.hash, once.inputs), (again.hash, again.inputs), "seed {seed}");
        assert_ne!(run(&Plan::new(seed + 1, 200), false).hash, once.hash);
    }
}

/// A link cut after every byte, and a crash after every persisted change.
#[test]
fn a_fault_at_every_place() {
    for version in ProtocolVersion::ALL {
        let counts = all_faults(version).unwrap_or_else(|violation| panic!("{violation}"));
        println!("{version}: {} cuts, {} crashes", counts.cuts, counts.crashes);
        assert!(counts.cuts > 300 && counts.crashes > 60, "{counts:?}");
    }
}

/// Every interleaving of a scope that is small enough for every test run.
#[test]
fn every_interleaving() {
    use QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};
    let scopes: [(&[QoS], usize, usize); 4] = [
        (&[AtMostOnce, AtLeastOnce, ExactlyOnce], 0, 0),
        (&[ExactlyOnce], 1, 0),
        (&[AtLeastOnce], 2, 0),
        (&[AtLeastOnce], 0, 1),
    ];
    for (messages, cuts, crashes) in scopes {
        let scope =
            Scope { version: ProtocolVersion::V5_0, messages: messages.to_vec(), cuts, crashes, window: 10 };
        let size = enumerate(&scope).unwrap_or_else(|violation| panic!("{violation}"));
        println!("{scope:?}: {size:?}");
        assert!(size.ends > 0);
    }
}
