//! What the command line asks for.

use benches::{Workload, workloads};
use meter::options::Arguments;

use crate::case::{Case, Cases, Operation};
use crate::codecs;

/// How to call the program.
pub const USAGE: &str =
    "peers [--quick] [--workloads a,b] [--peers rumqttc,ntex] [--operations decode,strictness]
  --quick       a second for each workload instead of ten
  --workloads   a a5 b c d d4 e e4 f f4 g
  --peers       beginnings of names; ours and the floors are always there
  --operations  decode read encode build split prepared strictness";

/// The options.
#[derive(Debug)]
pub struct Options {
    /// As they were written.
    pub arguments: Arguments,
}

impl Options {
    /// Reads them; `None`: they are not to be understood.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let arguments = Arguments::parse(arguments, &["--workloads", "--peers", "--operations"])?;
        let known_operation = |name: &String| {
            name == "strictness" || Operation::ALL.iter().any(|operation| operation.name() == name)
        };
        let known_workload = |name: &String| workloads().iter().any(|workload| workload.name == name);
        (arguments.list("--operations").iter().all(known_operation)
            && arguments.list("--workloads").iter().all(known_workload))
        .then_some(Self { arguments })
    }

    /// Whether to ask every decoder what it refuses.
    pub fn strictness(&self) -> bool {
        self.arguments.wants("--operations", "strictness")
    }

    /// Everything that can be measured of what is asked for, in the same order every time.
    pub fn cases(&self) -> Cases {
        let is_wanted = |workload: &Workload| self.arguments.wants("--workloads", workload.name);
        let names = self.arguments.list("--peers").to_vec();
        let mut cases = Cases::new(workloads().into_iter().filter(is_wanted).collect(), names);
        codecs::register(&mut cases);
        cases.cases.retain(|case: &Case| self.arguments.wants("--operations", case.operation.name()));
        cases
    }
}
