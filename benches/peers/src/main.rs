//! Measures what the command line asks for and prints the tables.

use std::error::Error;
use std::io;
use std::panic;
use std::process::{Command, ExitCode};

use meter::report::{self, Cost};
use meter::{Measured as _, callgrind};
use peers::case::{Case, Operation};
use peers::clock;
use peers::options::{Options, USAGE};
use peers::report::{ROLES, lines, strictness_table};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_counted = arguments.next_if(|argument| argument == callgrind::ARGUMENT).is_some();
    let Some(options) = Options::parse(arguments) else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::FAILURE);
    };
    let all = options.cases();
    if is_counted {
        callgrind::run(&all.cases)?;
        return Ok(ExitCode::SUCCESS);
    }
    for failure in &all.failures {
        eprintln!("not measured: {failure}");
    }
    if !all.cases.is_empty() {
        let costs = costs(&all.cases, &options)?;
        let of = |operation| (operation, lines(operation, &all.cases, &costs));
        let lines: Vec<_> =
            Operation::ALL.into_iter().map(of).filter(|(_, lines)| !lines.is_empty()).collect();
        let named: Vec<_> =
            lines.iter().map(|(operation, lines)| (operation.name(), lines.as_slice())).collect();
        println!("## Ours and the fastest peer\n\n{}", report::summary(ROLES, &named)?);
        for (operation, lines) in &lines {
            println!("## {}\n\n{}", operation.title(), report::table(ROLES, lines)?);
        }
    }
    if options.strictness() {
        // What a library panics on is for its authors.
        panic::set_hook(Box::new(|_| {}));
        println!("## Strictness\n\n{}", strictness_table(&all.probers)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn costs(cases: &[Case], options: &Options) -> io::Result<Vec<Cost>> {
    let arguments = &options.arguments;
    let nanoseconds = clock::nanoseconds(cases, arguments.quick);
    let instructions = callgrind::instructions(cases.len(), &arguments.arguments)
        .inspect_err(|error| eprintln!("no instructions: {error}"))
        .ok();
    let allocations = allocations(&arguments.arguments)?;
    let cost = |(index, nanoseconds): (usize, f64)| Cost {
        nanoseconds,
        instructions: instructions
            .as_ref()
            .and_then(|counts| counts.get(index))
            .map(|count| cases[index].each(*count)),
        allocations: allocations.get(index).copied(),
    };
    Ok(nanoseconds.into_iter().enumerate().map(cost).collect())
}

fn allocations(arguments: &[String]) -> io::Result<Vec<f64>> {
    let counting = std::env::current_exe()?.with_file_name("allocations");
    let output = Command::new(counting).args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| line.parse().map_err(io::Error::other)).collect()
}
