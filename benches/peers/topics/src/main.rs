//! Measures what the command line asks for and prints the tables.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use meter::callgrind;
use meter::clock::now;
use meter::options::Arguments;
use meter::report::{Cost, Line, summary, table};
use topics::contest::Operation;
use topics::process::{self, Counts, Process, contenders_for, two_at_a_time};
use topics::report::{Memory, ROLES, memory_table};
use topics::stores::{floor, ours};
use topics::workload::{Kind, Question, names, workload};

const USAGE: &str = "topics [--quick] [--workloads exact/1k,mixed/1m] [--peers rmqtt,paho]
  --quick      fewer rounds, and no workloads of a million but those that are asked for
  --workloads  exact/1k exact/100k exact/1m mixed/10k mixed/1m unique/1m commands/1m blow-up/miss blow-up/hit
               deep/128 deep/65536 fan-out/100k retained/1m single
  --peers      beginnings of names; ours and the floors are always there";

/// What has been measured of one operation.
type Lines = Vec<(Operation, Line)>;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_counted = arguments.next_if(|argument| argument == callgrind::ARGUMENT).is_some();
    if arguments.next_if(|argument| argument == process::ARGUMENT).is_some() {
        let arguments = process::Arguments::parse(arguments)?;
        if is_counted {
            process::count_instructions(arguments);
        }
        process::measure(arguments);
    }
    let options = Arguments::parse(arguments, &["--workloads", "--peers"]);
    let is_known = |name: &String| names().any(|(known, _)| known == name);
    let Some(options) = options.filter(|options| options.list("--workloads").iter().all(is_known)) else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::FAILURE);
    };
    let is_left_out =
        |name: &str| options.quick && options.list("--workloads").is_empty() && name.ends_with("1m");
    let (mut lines, mut memories) = (Vec::new(), Vec::new());
    for (name, kind) in names().filter(|(name, _)| options.wants("--workloads", name) && !is_left_out(name)) {
        let dir = std::env::temp_dir().join(format!("topics-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        let measured = contest(name, kind, &options, &dir, &mut lines, &mut memories);
        fs::remove_dir_all(&dir)?;
        measured?;
    }
    let of = |operation| -> Vec<Line> {
        lines.iter().filter(|(of, _)| *of == operation).map(|(_, line)| line.clone()).collect()
    };
    let operations: Vec<_> = Operation::ALL
        .into_iter()
        .map(|operation| (operation, of(operation)))
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    let named: Vec<_> =
        operations.iter().map(|(operation, lines)| (operation.name(), lines.as_slice())).collect();
    println!("## Ours and the fastest peer\n\n{}", summary(ROLES, &named)?);
    println!("## Memory\n\n{}", memory_table(&memories)?);
    for (operation, lines) in &operations {
        println!("## {}\n\n{}", operation.title(), table(ROLES, lines)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Everybody on one workload.
fn contest(
    name: &'static str,
    kind: Kind,
    options: &Arguments,
    dir: &Path,
    lines: &mut Lines,
    memories: &mut Vec<Memory>,
) -> Result<(), Box<dyn Error>> {
    let workload = workload(name).ok_or("no such workload")?;
    workload.write(dir)?;
    let stored = workload.stored.len();
    let mut labels: Vec<(Operation, String)> = Vec::new();
    let title = |operation, label: &str| match operation {
        Operation::Match | Operation::Query => format!("{label}: {}", hits(&workload.questions, label)),
        _ => label.to_owned(),
    };

    let contenders = contenders_for(kind);
    let always = |name: &str| name.starts_with(ours::NAME) || name.starts_with(floor::NAME);
    let wanted: Vec<_> = contenders
        .into_iter()
        .filter(|(_, one)| always(one.name) || options.wants_beginning("--peers", one.name))
        .collect();
    let absent: Vec<_> = wanted.iter().map(|(_, contender)| contender.name).collect();
    let started = two_at_a_time(wanted, |(place, contender)| {
        Process::start(place, contender, dir).map_err(|reason| (contender.name, reason))
    });
    let mut processes = Vec::new();
    for start in started {
        match start {
            Ok(process) => processes.push(process),
            Err((contender, reason)) => eprintln!("not measured: {contender} on {name}: {reason}"),
        }
    }
    for offer in processes.iter().flat_map(|process| &process.offers) {
        if !labels.iter().any(|(operation, label)| (*operation, label) == (offer.operation, &offer.label)) {
            labels.push((offer.operation, offer.label.clone()));
        }
    }
    for (operation, label) in &labels {
        turns(&mut processes, *operation, label, options.quick);
    }

    let measured = two_at_a_time(processes, |process| {
        let (contender, offers) = (process.contender.name, process.offers.clone());
        (contender, offers, process.count(dir).unwrap_or_default())
    });
    for (operation, label) in &labels {
        let mut absent = absent.clone();
        for (contender, offers, counts) in &measured {
            let is_this = |offer: &_| is_of(offer, *operation, label);
            let Some(index) = offers.iter().position(is_this) else { continue };
            absent.retain(|name| name != contender);
            let cost = Cost {
                nanoseconds: offers[index].best,
                instructions: counts.instructions.get(index).copied().flatten(),
                allocations: counts.allocations.get(index).copied().flatten(),
            };
            let workload = title(*operation, label);
            lines.push((*operation, Line { workload, contender, cost: Some(cost) }));
        }
        for contender in absent.into_iter().filter(|name| !name.starts_with(floor::NAME)) {
            let workload = title(*operation, label);
            lines.push((*operation, Line { workload, contender, cost: None }));
        }
    }
    if stored >= 100_000 && name != "fan-out/100k" {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let each = |total: f64| total / stored as f64;
        memories.extend(measured.into_iter().filter_map(|(contender, _, Counts { held, .. })| {
            let (blocks, bytes) = held?;
            Some(Memory { workload: name, contender, bytes: each(bytes), blocks: each(blocks) })
        }));
    }
    Ok(())
}

fn is_of(offer: &process::Offer, operation: Operation, label: &str) -> bool {
    offer.operation == operation && offer.label == label
}

/// All take turns, and the best of many rounds counts, or of three where one takes long.
fn turns(processes: &mut Vec<Process>, operation: Operation, label: &str, quick: bool) {
    const ROUNDS: usize = 3;
    let budget = Duration::from_secs(if quick { 1 } else { 5 });
    let start = now();
    for round in 0.. {
        if round >= ROUNDS && start.elapsed() > budget {
            break;
        }
        processes.retain_mut(|process| {
            let Some(offer) = process.offers.iter().position(|offer| is_of(offer, operation, label)) else {
                return true;
            };
            if round >= ROUNDS && process.offers[offer].is_long() {
                return true;
            }
            let outcome = process.turn(offer);
            if let Err(error) = &outcome {
                eprintln!("not measured: {} on {label}: {error}", process.contender.name);
            }
            outcome.is_ok()
        });
    }
}

/// How many hits the questions with a label have, in words.
fn hits(questions: &[Question], label: &str) -> String {
    let of_label = || questions.iter().filter(|question| question.label == label);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mean =
        of_label().map(|question| question.expected.hits).sum::<u64>() as f64 / of_label().count() as f64;
    let decimals = usize::from((mean - mean.round()).abs() >= 0.05);
    format!("{mean:.decimals$} hit{}", if mean == 1.0 { "" } else { "s" })
}
