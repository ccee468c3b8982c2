//! Measures what the command line asks for and prints the tables.

use std::error::Error;
use std::io;
use std::panic;
use std::process::{Command, ExitCode};

use peers::case::Operation;
use peers::options::{Options, USAGE};
use peers::report::{self, Cost};
use peers::{callgrind, clock};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_counted = arguments.next_if(|argument| argument == callgrind::ARGUMENT).is_some();
    let Some(options) = Options::parse(arguments) else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::FAILURE);
    };
    let all = options.cases();
    if is_counted {
        callgrind::run(&all.cases);
        return Ok(ExitCode::SUCCESS);
    }
    for failure in &all.failures {
        eprintln!("not measured: {failure}");
    }
    if !all.cases.is_empty() {
        let nanoseconds = clock::nanoseconds(&all.cases, options.quick);
        let instructions = callgrind::instructions(&all.cases, &options.arguments)
            .inspect_err(|error| eprintln!("no instructions: {error}"))
            .ok();
        let allocations = allocations(&options.arguments)?;
        let costs: Vec<_> = nanoseconds
            .into_iter()
            .enumerate()
            .map(|(index, nanoseconds)| Cost {
                nanoseconds,
                instructions: instructions.as_ref().and_then(|counts| counts.get(index).copied()),
                allocations: allocations.get(index).copied(),
            })
            .collect();
        println!("## Ours and the fastest peer\n\n{}", report::summary(&all.cases, &costs)?);
        for operation in Operation::ALL {
            if let Some(table) = report::table(operation, &all.cases, &costs)? {
                println!("## {}\n\n{table}", operation.title());
            }
        }
    }
    if options.strictness {
        // What a library panics on is for its authors.
        panic::set_hook(Box::new(|_| {}));
        println!("## Strictness\n\n{}", report::strictness_table(&all.probers)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn allocations(arguments: &[String]) -> io::Result<Vec<f64>> {
    let counting = std::env::current_exe()?.with_file_name("allocations");
    let output = Command::new(counting).args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| line.parse().map_err(io::Error::other)).collect()
}
