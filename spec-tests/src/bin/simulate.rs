//! Sweeps seeds of the simulation, or shows one.
//!
//! ```sh
//! cargo run --release -p spec-tests --bin simulate -- --seeds 0..1000000 -j 2
//! cargo run --release -p spec-tests --bin simulate -- --seed 42 --trace
//! cargo run --release -p spec-tests --bin simulate -- --exhaustive -j 2
//! ```

use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use std::{panic, thread};

use clap::Parser;
use mqtt_session::codec::{ProtocolVersion, QoS};
use spec_tests::simulation::exhaustive::check::{Checked, check};
use spec_tests::simulation::exhaustive::{Scope, Size, enumerate};
use spec_tests::simulation::{Outcome, Plan, Violation, run, shrink};

/// Every so many seeds, one is run twice: the same seed must be the same run.
const REPEATED: u64 = 64;

#[derive(Debug, Parser)]
struct Options {
    /// The seeds to run.
    #[arg(long, value_parser = range, default_value = "0..20000", conflicts_with = "seed")]
    seeds: Range<u64>,
    /// One seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Steps of each plan.
    #[arg(long, default_value_t = 200)]
    events: usize,
    /// Threads.
    #[arg(short, default_value_t = 1)]
    jobs: usize,
    /// Print what happens in the one seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Enumerate every interleaving of small scopes instead, in all versions.
    #[arg(long, conflicts_with = "seed")]
    exhaustive: bool,
    /// Enumerate this scope: messages of QoS 0, 1 and 2, cuts and crashes, as in 0,0,2,2,1.
    #[arg(long, value_parser = counts, conflicts_with_all = ["seed", "exhaustive"])]
    scope: Vec<Counts>,
    /// Enumerate with every order of what happens, even where it makes no difference.
    #[arg(long)]
    all_orders: bool,
    /// Look whether what an enumeration leaves out may be left out, for scopes that can be gone through with every order.
    #[arg(long)]
    check: bool,
    /// Enumerate in this version alone: 3.1, 3.1.1 or 5.0.
    #[arg(long, value_parser = protocol_version)]
    only: Option<ProtocolVersion>,
    /// Do not look for a smaller plan that fails.
    #[arg(long)]
    no_shrink: bool,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text.split_once("..").ok_or("a range is START..END")?;
    let number = |text: &str| text.parse().map_err(|error| format!("{text:?}: {error}"));
    Ok(number(start)?..number(end)?)
}

/// Messages of each QoS, cuts and crashes.
type Counts = [usize; 5];

fn counts(text: &str) -> Result<Counts, String> {
    let numbers = text.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>();
    let numbers = numbers.map_err(|error| format!("{text:?}: {error}"))?;
    numbers.try_into().map_err(|_| "a scope is five numbers".to_owned())
}

fn protocol_version(text: &str) -> Result<ProtocolVersion, String> {
    let version = ProtocolVersion::ALL.into_iter().find(|version| version.to_string() == text);
    version.ok_or_else(|| format!("{text:?} is no version"))
}

/// Totals of a sweep.
#[derive(Debug, Default)]
struct Totals {
    seeds: AtomicU64,
    steps: AtomicU64,
    inputs: AtomicU64,
    voids: AtomicU64,
    /// One more than the lowest seed that fails; 0: none.
    failed: AtomicU64,
    stop: AtomicBool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed {
        Some(seed) => show(seed, &options),
        None if options.exhaustive => exhaust(&SCOPES, &options),
        None if !options.scope.is_empty() => exhaust(&options.scope, &options),
        None => sweep(&options),
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a sweep takes is no part of it")]
#[expect(clippy::cast_precision_loss, reason = "nobody reads more digits")]
fn sweep(options: &Options) -> ExitCode {
    panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let totals = Totals::default();
    thread::scope(|scope| {
        for job in 0..options.jobs {
            let totals = &totals;
            scope.spawn(move || {
                let mut seed = options.seeds.start + job as u64;
                while seed < options.seeds.end && !totals.stop.load(Ordering::Relaxed) {
                    try_seed(seed, options.events, totals);
                    seed += options.jobs as u64;
                }
            });
        }
    });
    let _ = panic::take_hook();
    let seconds = start.elapsed().as_secs_f64();
    let count = |total: &AtomicU64| total.load(Ordering::Relaxed);
    let (seeds, steps, inputs) = (count(&totals.seeds), count(&totals.steps), count(&totals.inputs));
    println!(
        "{seeds} seeds, {steps} steps, {inputs} inputs in {seconds:.1} s: {:.0} seeds/s, {:.0} steps/s, {:.0} inputs/s",
        seeds as f64 / seconds,
        steps as f64 / seconds,
        inputs as f64 / seconds,
    );
    println!("{} ended early, where nothing is promised any more", count(&totals.voids));
    match count(&totals.failed) {
        0 => {
            println!("0 violations");
            ExitCode::SUCCESS
        }
        failed => show(failed - 1, options),
    }
}

/// What takes some five minutes with two threads. The larger the scope, the longer by far: one more cut is ten to twenty times as many
/// states, one more crash fifty to a hundred times.
const SCOPES: [Counts; 10] = [
    [2, 2, 2, 2, 0],
    [1, 1, 1, 3, 0],
    [2, 2, 2, 1, 1],
    [1, 1, 1, 2, 1],
    [2, 0, 0, 2, 1],
    [0, 2, 0, 2, 1],
    [0, 0, 2, 2, 1],
    [2, 2, 2, 0, 2],
    [1, 1, 1, 1, 2],
    [0, 0, 1, 2, 2],
];

#[expect(clippy::disallowed_methods, reason = "how long it takes is no part of it")]
fn exhaust(scopes: &[Counts], options: &Options) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let is_asked = |version: &ProtocolVersion| options.only.is_none_or(|only| only == *version);
    let versions = || ProtocolVersion::ALL.into_iter().filter(is_asked);
    for (counts, version) in scopes.iter().flat_map(|counts| versions().map(move |version| (counts, version)))
    {
        let [q0, q1, q2, cuts, crashes] = *counts;
        let name = format!("{version}, {q0}+{q1}+{q2} messages of QoS 0+1+2, {cuts} cuts, {crashes} crashes");
        let start = Instant::now();
        let seconds = || start.elapsed().as_secs_f64();
        let progress = |states| eprintln!("{name}: {states} states so far, {:.0} s", seconds());
        let scope = scope_of(*counts, version, options);
        let found = if options.check {
            compare(&scope)
        } else {
            enumerate(&scope, options.jobs, progress).map(|Size { states, transitions, ends }| {
                format!("{states} states, {transitions} transitions, {ends} ends")
            })
        };
        match found {
            Ok(found) => println!("{name}: {found}, {:.1} s", seconds()),
            Err(violation) => {
                code = ExitCode::FAILURE;
                println!("{name}: {violation}");
            }
        }
    }
    code
}

/// What is left out where the order makes no difference is to be none of the ends.
fn compare(scope: &Scope) -> Result<String, Violation> {
    let few = check(&Scope { all_orders: false, ..scope.clone() })?;
    let all = check(&Scope { all_orders: true, ..scope.clone() })?;
    if few.ends != all.ends {
        let (few, all) = (few.ends.len(), all.ends.len());
        return Err(Violation::new(format!("{few} ends instead of {all}, or others")));
    }
    let Checked { ends, swapped, .. } = few;
    let (again, ends) = (all.again, ends.len());
    Ok(format!("{ends} ends in any order, {again} states go on as before, {swapped} pairs are independent"))
}

fn scope_of([counts @ .., cuts, crashes]: Counts, version: ProtocolVersion, options: &Options) -> Scope {
    let of = |qos: QoS| vec![qos; counts[usize::from(qos.bits())]];
    Scope {
        version,
        messages: QoS::ALL.map(of).concat(),
        cuts,
        crashes,
        window: 10,
        all_orders: options.all_orders,
    }
}

fn try_seed(seed: u64, events: usize, totals: &Totals) {
    let plan = Plan::new(seed, events);
    let outcome = guarded(&plan, false);
    let is_repeatable = !seed.is_multiple_of(REPEATED) || guarded(&plan, true).hash == outcome.hash;
    totals.seeds.fetch_add(1, Ordering::Relaxed);
    totals.steps.fetch_add(plan.steps.len() as u64, Ordering::Relaxed);
    totals.inputs.fetch_add(outcome.inputs, Ordering::Relaxed);
    totals.voids.fetch_add(outcome.is_void.into(), Ordering::Relaxed);
    if outcome.violation.is_some() || !is_repeatable {
        totals.stop.store(true, Ordering::Relaxed);
        let _ = totals.failed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |failed| {
            (failed == 0 || seed + 1 < failed).then_some(seed + 1)
        });
    }
}

/// A panic is a violation too.
fn guarded(plan: &Plan, with_lines: bool) -> Outcome {
    panic::catch_unwind(|| run(plan, with_lines)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("?");
        Outcome { violation: Some(Violation::new(format!("panic: {text}"))), ..Outcome::default() }
    })
}

fn show(seed: u64, options: &Options) -> ExitCode {
    let plan = Plan::new(seed, options.events);
    let outcome = guarded(&plan, true);
    let Some(violation) = &outcome.violation else {
        if options.trace {
            print!("{plan}");
            outcome.lines.iter().for_each(|line| println!("{line}"));
        }
        let repeated = guarded(&plan, true);
        if repeated.hash != outcome.hash {
            println!("seed {seed}: two runs differ: {:016x} and {:016x}", outcome.hash, repeated.hash);
            return ExitCode::FAILURE;
        }
        println!("seed {seed}: no violation, hash {:016x}, {} inputs", outcome.hash, outcome.inputs);
        return ExitCode::SUCCESS;
    };
    println!("seed {seed}: {violation}");
    let plan = if options.no_shrink {
        plan
    } else {
        shrink::shrink(&plan, |plan| guarded(plan, false).violation.is_some())
    };
    let outcome = guarded(&plan, true);
    println!("\nof {} steps it needs {}:\n\n{plan}", options.events, plan.steps.len());
    outcome.lines.iter().for_each(|line| println!("{line}"));
    if let Some(violation) = outcome.violation {
        println!("{violation}");
    }
    println!(
        "\nto see it again: cargo run --release -p spec-tests --bin simulate -- --seed {seed} --events {}",
        options.events
    );
    ExitCode::FAILURE
}
