//! The simulation of Clients and broker (`spec_tests::simulation`), as far as every test run affords it. The binary
//! `simulate` sweeps more seeds.

use mqtt_session::codec::QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};
use mqtt_session::codec::{ProtocolVersion, QoS};
use spec_tests::simulation::every_byte::all_faults;
use spec_tests::simulation::exhaustive::check::check;
use spec_tests::simulation::exhaustive::{Scope, enumerate};
use spec_tests::simulation::plan::{BrokerPlan, ClientPlan, Direction, Operation, Step};
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

/// Nothing is wrong when two Clients do this: wait so many milliseconds, who, what. The trace.
fn check_steps(broker: BrokerPlan, client: ClientPlan, steps: &[(u32, u8, Operation)]) -> String {
    let plan = Plan {
        seed: 0,
        broker,
        clients: vec![client; 2],
        has_narrow_links: false,
        steps: steps.iter().map(|&(wait, client, operation)| Step { wait, client, operation }).collect(),
    };
    let outcome = run(&plan, true);
    let trace = outcome.lines.join("\n");
    assert_eq!(outcome.violation, None, "{trace}");
    trace
}

const CLIENT: ClientPlan = ClientPlan::persistent(ProtocolVersion::V5_0);
const CONNECT: Operation = Operation::Connect { clean_start: false };

const fn publish(topic: u8, qos: QoS, expiry: Option<u8>, size: u16) -> Operation {
    Operation::Publish { topic, qos, retain: false, expiry, size }
}

const fn subscribe(filter: u8) -> Operation {
    Operation::Subscribe { filter, qos: QoS::ExactlyOnce, no_local: false, retained: false }
}

/// A message that is expired when it arrives is answered and due to nobody: a crash may forget it at once (3.3.2.3.3).
#[test]
fn what_has_expired_need_not_be_stored() {
    check_steps(
        BrokerPlan { durable: true, ..BrokerPlan::WIDE },
        CLIENT,
        &[
            (0, 1, CONNECT),
            (500, 1, subscribe(0)),
            (500, 1, Operation::Cut),
            (500, 0, CONNECT),
            (500, 0, publish(0, QoS::AtLeastOnce, Some(0), 8)),
            (500, 0, Operation::CrashServer { stored: 0 }),
        ],
    );
}

/// What a full queue has no room for is told in a notice, and changes nothing that would have to be stored.
#[test]
fn what_a_full_queue_drops_need_not_be_stored() {
    check_steps(
        BrokerPlan { durable: true, queued_messages: 1, ..BrokerPlan::WIDE },
        CLIENT,
        &[
            (0, 1, CONNECT),
            (500, 1, subscribe(0)),
            (500, 1, Operation::Cut),
            (500, 0, CONNECT),
            (500, 0, publish(0, QoS::AtLeastOnce, None, 8)),
            (500, 0, publish(0, QoS::AtLeastOnce, None, 8)),
            (500, 0, Operation::CrashServer { stored: 0 }),
            (500, 0, Operation::CrashServer { stored: 0 }),
        ],
    );
}

/// With an alias a message is small enough, and with its topic, as it has to be sent again, it is not. Of QoS 2 its sender
/// releases the identifier, which the receiver may hold, even where the message never left because it was not stored in time.
#[test]
fn what_becomes_too_large_is_given_up() {
    let check_given_up = |broker, client, steps: &[_]| {
        let trace = check_steps(broker, client, steps);
        assert!(trace.contains("Maximum Packet Size\n"), "{trace}");
    };
    let small = ClientPlan { packet_size: 100, topic_alias_maximum: 16, use_topic_aliases: true, ..CLIENT };
    let slow = BrokerPlan { durable: true, store_delay: 300, ..BrokerPlan::WIDE };
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        // The Client has CONNACK, and its message or the answer is not stored yet.
        let steps = [
            (0, 1, CONNECT),
            (1_000, 1, subscribe(1)),
            (1_000, 0, publish(1, QoS::AtMostOnce, None, 8)),
            (0, 0, publish(1, qos, None, 60)),
            (0, 0, CONNECT),
            (450, 0, Operation::Cut),
            (500, 0, CONNECT),
            (2_000, 0, publish(1, qos, None, 8)),
        ];
        check_given_up(BrokerPlan { packet_size: 100, ..slow }, small, &steps);
        check_given_up(
            BrokerPlan { packet_size: 100, ..BrokerPlan::WIDE },
            ClientPlan { durable: true, store_delay: 300, ..small },
            &steps,
        );
        // The Server's message is lost, or its answer, or it is not stored yet.
        let cut_after = |direction| (1_000, 1, Operation::CutAfter { direction, bytes: 0 });
        let last = publish(1, qos, None, 60);
        for (broker, faults) in [
            (BrokerPlan::WIDE, [cut_after(Direction::Up), (0, 0, last)]),
            (BrokerPlan::WIDE, [cut_after(Direction::Down), (0, 0, last)]),
            (slow, [(1_000, 0, last), (100, 1, Operation::Cut)]),
        ] {
            let begin = [
                (0, 1, CONNECT),
                (1_000, 1, subscribe(1)),
                (1_000, 0, CONNECT),
                (1_000, 0, publish(1, qos, None, 8)),
            ];
            let end = [(1_000, 1, CONNECT), (2_000, 0, publish(1, qos, None, 8))];
            check_given_up(broker, small, &[&begin[..], &faults, &end].concat());
        }
    }
}

/// The Server forgets that the first of two messages was acknowledged, and sends both again; and once more, when it has crashed again.
#[test]
fn what_is_sent_again_keeps_its_place() {
    let crash = Operation::CrashServer { stored: 0 };
    check_steps(
        BrokerPlan { durable: true, store_delay: 1_000, ..BrokerPlan::WIDE },
        CLIENT,
        &[
            (0, 1, CONNECT),
            (5_000, 1, subscribe(0)),
            (5_000, 1, Operation::Cut),
            (0, 0, CONNECT),
            (5_000, 0, publish(0, AtLeastOnce, None, 8)),
            (0, 0, publish(0, ExactlyOnce, None, 8)),
            (5_000, 1, CONNECT),
            // The messages go out when it is stored that they do, and what their answers change is not stored yet.
            (1_900, 0, crash),
            (5_000, 1, CONNECT),
            // CONNECT arrives, and no answer.
            (0, 1, Operation::CutAfter { direction: Direction::Up, bytes: 28 }),
            (1_500, 0, crash),
            (5_000, 1, CONNECT),
        ],
    );
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

fn scope(messages: &[QoS], cuts: usize, crashes: usize) -> Scope {
    let messages = messages.to_vec();
    Scope { version: ProtocolVersion::V5_0, messages, cuts, crashes, window: 10, all_orders: false }
}

/// Every interleaving of a scope that is small enough for every test run.
#[test]
fn every_interleaving() {
    for scope in [scope(&[AtMostOnce, ExactlyOnce], 1, 0), scope(&[ExactlyOnce], 0, 1)] {
        let size = enumerate(&scope, 2, |_| {}).unwrap_or_else(|violation| panic!("{violation}"));
        println!("{scope:?}: {size:?}");
        // Whoever finds a state, it is the same.
        assert_eq!(enumerate(&scope, 1, |_| {}), Ok(size));
        assert!(size.ends > 0);
    }
}

/// What is left out of an enumeration makes no difference: states that are taken for one go on alike, steps that are put off are
/// independent of those that are tried, and every end is found. `simulate --check` has larger scopes.
#[test]
fn what_is_left_out_makes_no_difference() {
    let [few, all] = [false, true].map(|all_orders| {
        let scope = Scope { all_orders, ..scope(&[AtLeastOnce], 0, 1) };
        let checked = check(&scope).unwrap_or_else(|violation| panic!("{violation}"));
        println!("{scope:?}: {} states again, {} pairs", checked.again, checked.swapped);
        assert!(checked.again > 0 && (checked.swapped > 0) != all_orders);
        checked.ends
    });
    assert!(all.len() > 1);
    assert_eq!(few, all);
}
