//! Measures what the command line asks for and prints the tables.

use std::error::Error;
use std::io;
use std::process::{Command, ExitCode};

use meter::options::Arguments;
use meter::report::{Cost, Line, Roles, summary, table};
use meter::{Measured as _, callgrind};
use session::contenders::ours;
use session::exchange::{Case, Exchange as _, Way, nanoseconds};

const USAGE: &str = "session [--quick] [--peers rumqttc,mqtt-protocol-core]
  --quick  fewer rounds
  --peers  beginnings of names; ours is always there";

const ROLES: Roles = Roles {
    contender: "library",
    references: &[ours::Pair::NAME],
    ours: ours::Pair::NAME,
    floor: "floor",
    models: &[],
};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_counted = arguments.next_if(|argument| argument == callgrind::ARGUMENT).is_some();
    let Some(options) = session::options(arguments) else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::FAILURE);
    };
    let cases = session::wanted(&options);
    if is_counted {
        callgrind::run(&cases)?;
        return Ok(ExitCode::SUCCESS);
    }
    let lines = lines(&cases, &options)?;
    let on = |way| -> Vec<Line> {
        let on_way = cases.iter().zip(&lines).filter(|(case, _)| case.way == way);
        on_way.map(|(_, line)| line.clone()).collect()
    };
    let (alone, relayed) = (on(Way::ToServer), on(Way::ToClient));
    let operations = [("Client to Server", &alone[..]), ("Client to Server to Client", &relayed)];
    println!("## Ours and the fastest peer\n\n{}", summary(ROLES, &operations)?);
    for (operation, lines) in operations {
        println!("## One message from {operation}\n\n{}", table(ROLES, lines)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(cases: &[Case], options: &Arguments) -> io::Result<Vec<Line>> {
    let nanoseconds = nanoseconds(cases, options.quick);
    let instructions = callgrind::instructions(cases.len(), &options.arguments)
        .inspect_err(|error| eprintln!("no instructions: {error}"))
        .ok();
    let allocations = allocations(&options.arguments)?;
    let line = |((index, case), nanoseconds): ((usize, &Case), f64)| {
        let counted = instructions.as_ref().and_then(|counts| counts.get(index));
        let cost = Cost {
            nanoseconds,
            instructions: counted.map(|count| case.each(*count)),
            allocations: allocations.get(index).copied(),
        };
        Line { workload: case.workload.clone(), contender: case.contender, cost: Some(cost) }
    };
    Ok(cases.iter().enumerate().zip(nanoseconds).map(line).collect())
}

fn allocations(arguments: &[String]) -> io::Result<Vec<f64>> {
    let counting = std::env::current_exe()?.with_file_name("session-allocations");
    let output = Command::new(counting).args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| line.parse().map_err(io::Error::other)).collect()
}
