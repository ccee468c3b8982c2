//! Writes the tables of statements and tests. With `--listed` it checks instead that the tests of the tables are among
//! those that `cargo test -- --list` names on its standard input.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::{env, fs, io};

use spec_tests::report::{Report, files};
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
        let of_statements = report.rows.iter().flat_map(|row| &row.tests);
        let of_decisions = report.decisions.iter().flat_map(|(_, tests)| tests);
        let never_run: BTreeSet<_> = of_statements
            .chain(of_decisions)
            .filter(|test| !listed.contains(test.name.as_str()))
            .map(|test| format!("{} is never run: {}", test.name, test.file))
            .collect();
        report.faults.extend(never_run);
    } else {
        let folder = root().join("spec-tests");
        let readme = fs::read_to_string(folder.join("README.md"))?;
        for (name, text) in files(&report, &readme) {
            fs::write(folder.join(name), text)?;
        }
    }
    for fault in &report.faults {
        eprintln!("{fault}");
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
