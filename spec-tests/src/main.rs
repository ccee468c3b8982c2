//! Writes the tables of statements and tests. With `--listed` it checks instead that the tests of the tables are among
//! those that `cargo test -- --list` names on its standard input.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::{env, fs, io};

use spec_tests::report::{PROVEN, Report};
use spec_tests::{root, tests};

fn main() -> io::Result<ExitCode> {
    let tests = tests::collect(root())?;
    let mut report = Report::new(&tests);
    if env::args().nth(1).as_deref() == Some("--listed") {
        let listed = io::read_to_string(io::stdin())?;
        let listed: BTreeSet<_> = listed
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .filter_map(|path| path.rsplit("::").next())
            .collect();
        let never_run: BTreeSet<_> = report
            .rows
            .iter()
            .flat_map(|(_, tests)| tests)
            .filter(|test| !listed.contains(test.name.as_str()))
            .map(|test| format!("{} is never run: {}", test.name, test.file))
            .collect();
        report.faults.extend(never_run);
    } else {
        for layer in PROVEN {
            let path = root().join(format!("spec-tests/clauses-{layer}.md"));
            fs::write(&path, report.markdown(*layer))?;
        }
    }
    for fault in &report.faults {
        eprintln!("{fault}");
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
