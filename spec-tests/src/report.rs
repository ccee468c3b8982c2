//! Which statement is proven by which tests, and what is wrong with that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::manifest::{Layer, Statement, Version, statements};
use crate::tests::Test;

/// The layers of which every statement must have a test.
pub const PROVEN: &[Layer] = &[Layer::Codec];

/// All statements, each with the tests that carry its id.
#[derive(Debug)]
pub struct Report<'a> {
    /// Every statement of every version, in the order of the documents.
    pub rows: Vec<(Statement, Vec<&'a Test>)>,
    /// What is wrong, a line for each fault: nothing, when the guards hold.
    pub faults: Vec<String>,
}

impl<'a> Report<'a> {
    /// Brings statements and tests together.
    pub fn new(tests: &'a [Test]) -> Self {
        let mut by_slug: BTreeMap<String, Vec<&Test>> = BTreeMap::new();
        for test in tests {
            for slug in test.slugs().into_iter().collect::<BTreeSet<_>>() {
                by_slug.entry(slug).or_default().push(test);
            }
        }
        let mut faults = Vec::new();
        let mut rows = Vec::new();
        for statement in Version::ALL.into_iter().flat_map(statements) {
            let tests = by_slug.remove(&statement.slug()).unwrap_or_default();
            let Statement { version, id, layer, .. } = statement;
            if PROVEN.contains(&layer) && !tests.iter().any(|test| layer.is_proven_in(&test.file)) {
                faults.push(format!("{id} of {version} has no test in its layer, {layer}"));
            }
            for test in &tests {
                if test.versions.as_ref().is_some_and(|versions| !versions.contains(&version)) {
                    faults.push(format!("{} is not tried in {version}: {}", test.name, test.file));
                }
            }
            rows.push((statement, tests));
        }
        for (slug, tests) in by_slug {
            faults.extend(
                tests
                    .iter()
                    .map(|test| format!("{slug} is no statement, but {} names it: {}", test.name, test.file)),
            );
        }
        Self { rows, faults }
    }

    /// The table of one layer as Markdown.
    pub fn markdown(&self, layer: Layer) -> String {
        let mut out = format!(
            "# Statements of layer {layer}\n\n\
             Written by `cargo run -p spec-tests` from the tables of [`data/`](data) and the names of the tests; not to be\n\
             edited. `*`: our choice, where the specification names no code or leaves room.\n\n\
             | | statements | with a test |\n|---|---:|---:|\n"
        );
        let rows_of =
            |version| self.rows.iter().filter(move |(row, _)| row.layer == layer && row.version == version);
        for version in Version::ALL {
            let proven = rows_of(version).filter(|(_, tests)| !tests.is_empty()).count();
            let _ = writeln!(out, "| {version} | {} | {proven} |", rows_of(version).count());
        }
        for version in Version::ALL {
            let _ = write!(
                out,
                "\n## {version}\n\n| statement | requirement | reaction | tests |\n|---|---|---|---|\n"
            );
            for (Statement { id, section, side, requirement, reaction, .. }, tests) in rows_of(version) {
                let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for test in tests {
                    by_file.entry(&test.file).or_default().push(&test.name);
                }
                let tests: Vec<_> = by_file
                    .iter()
                    .map(|(file, names)| format!("[{file}](../{file}): `{}`", names.join("`, `")))
                    .collect();
                let cells = [&format!("{id}<br>{section}<br>{side}"), *requirement, *reaction].map(escape);
                let _ = writeln!(out, "| {} | {} |", cells.join(" | "), tests.join("<br>"));
            }
        }
        out
    }
}

/// `text` as the cell of a table.
pub(crate) fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('#', "\\#")
}
