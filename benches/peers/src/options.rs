//! What the command line asks for.

use benches::{Workload, workloads};

use crate::case::{Case, Cases, Operation};
use crate::codecs;

/// How to call the program.
pub const USAGE: &str =
    "peers [--quick] [--workloads a,b] [--peers rumqttc,ntex] [--operations decode,strictness]
  --quick       a second for each workload instead of ten
  --workloads   a a5 b c d d4 e e4 f f4 g
  --peers       beginnings of names; ours and the floors are always there
  --operations  decode read encode build split prepared strictness";

/// The options, and the arguments they came from.
#[derive(Debug)]
pub struct Options {
    /// Fewer rounds.
    pub quick: bool,
    /// Ask every decoder what it refuses.
    pub strictness: bool,
    /// For a process that shall measure the same.
    pub arguments: Vec<String>,
    workloads: Vec<String>,
    peers: Vec<String>,
    operations: Vec<String>,
}

impl Options {
    /// Reads them; `None`: they are not to be understood.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let arguments: Vec<_> = arguments.collect();
        let mut options = Self {
            quick: false,
            strictness: true,
            arguments: arguments.clone(),
            workloads: Vec::new(),
            peers: Vec::new(),
            operations: Vec::new(),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let list = match argument.as_str() {
                "--quick" => {
                    options.quick = true;
                    continue;
                }
                "--workloads" => &mut options.workloads,
                "--peers" => &mut options.peers,
                "--operations" => &mut options.operations,
                _ => return None,
            };
            list.extend(arguments.next()?.split(',').map(String::from));
        }
        options.strictness = wanted(&options.operations, "strictness");
        let known_operation = |name: &String| {
            name == "strictness" || Operation::ALL.iter().any(|operation| operation.name() == name)
        };
        let known_workload = |name: &String| workloads().iter().any(|workload| workload.name == name);
        (options.operations.iter().all(known_operation) && options.workloads.iter().all(known_workload))
            .then_some(options)
    }

    /// Everything that can be measured of what is asked for, in the same order every time.
    pub fn cases(&self) -> Cases {
        let is_wanted = |workload: &Workload| wanted(&self.workloads, workload.name);
        let mut cases = Cases::new(workloads().into_iter().filter(is_wanted).collect(), self.peers.clone());
        codecs::register(&mut cases);
        cases.cases.retain(|case: &Case| wanted(&self.operations, case.operation.name()));
        cases
    }
}

fn wanted(list: &[String], name: &str) -> bool {
    list.is_empty() || list.iter().any(|wanted| wanted == name)
}
