//! Which statement is proven by which tests, and what is wrong with that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use crate::json::Json;
use crate::manifest::{
    Decision, Embedder, Layer, Open, Side, Statement, Version, citations, decisions, embedder, open,
    statements,
};
use crate::tests::Test;

/// All statements and decisions, each with its tests.
#[derive(Debug)]
pub struct Report<'a> {
    /// Every statement of every version, in the order of the documents.
    pub rows: Vec<Row<'a>>,
    /// Every decision, with the tests that pin it.
    pub decisions: Vec<(Decision, Vec<&'a Test>)>,
    /// What is wrong, a line for each fault: nothing, when the guards hold.
    pub faults: Vec<String>,
}

/// A statement and its tests.
#[derive(Debug)]
pub struct Row<'a> {
    /// The statement.
    pub statement: Statement,
    /// The tests that carry its id or are cited for it.
    pub tests: Vec<&'a Test>,
    /// What there is to say of it.
    pub state: State,
}

/// Whether a statement is proven.
#[derive(Clone, Debug)]
pub enum State {
    /// By its tests, for each side it binds.
    Proven,
    /// It binds nobody but the embedder.
    Embedder(Embedder),
    /// For these sides it is not proven yet.
    Open(Vec<Side>),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proven => f.write_str("proven"),
            Self::Embedder(_) => f.write_str("embedder"),
            Self::Open(sides) if sides.is_empty() => f.write_str("open"),
            Self::Open(sides) => {
                let sides: Vec<String> = sides.iter().map(ToString::to_string).collect();
                write!(f, "open: {}", sides.join(", "))
            }
        }
    }
}

impl<'a> Report<'a> {
    /// Brings statements and tests together.
    pub fn new(tests: &'a [Test]) -> Self {
        Self::with(tests, &open())
    }

    /// As [`new`](Self::new), with other statements that are known to be open.
    pub fn with(tests: &'a [Test], known_open: &[Open]) -> Self {
        let mut faults = Vec::new();
        let mut by_slug: BTreeMap<String, Vec<&Test>> = BTreeMap::new();
        for test in tests {
            for slug in test.slugs().into_iter().collect::<BTreeSet<_>>() {
                by_slug.entry(slug).or_default().push(test);
            }
        }
        for citation in citations() {
            match tests.iter().find(|test| test.file == citation.file && test.name == citation.test) {
                Some(test) => by_slug.entry(citation.slug.to_owned()).or_default().push(test),
                None => faults.push(format!("{} is cited, but not in {}", citation.test, citation.file)),
            }
        }
        let embedder = embedder();
        let mut rows = Vec::new();
        for statement in Version::ALL.into_iter().flat_map(statements) {
            let tests = by_slug.remove(&statement.slug()).unwrap_or_default();
            let Statement { version, id, layer, .. } = statement;
            for test in &tests {
                if test.versions.as_ref().is_some_and(|versions| !versions.contains(&version)) {
                    faults.push(format!("{} is not tried in {version}: {}", test.name, test.file));
                }
            }
            let is_this = |other: Version, of: &str| other == version && of == id;
            let marked = embedder.iter().find(|row| is_this(row.version, row.id));
            let missing = missing_sides(&statement, &tests);
            let state = match (marked, missing) {
                (Some(row), _) => State::Embedder(*row),
                (None, None) => State::Proven,
                (None, Some(sides)) => {
                    let unknown = |side: &Side| {
                        !known_open.iter().any(|row| is_this(row.version, row.id) && row.side == *side)
                    };
                    if sides.is_empty() {
                        faults.push(format!("{id} of {version} has no test in its layer, {layer}"));
                    }
                    let untold = sides.iter().filter(|side| unknown(side));
                    faults.extend(untold.map(|side| format!("{id} of {version} has no test of the {side}")));
                    State::Open(sides)
                }
            };
            for row in known_open.iter().filter(|row| is_this(row.version, row.id)) {
                if !matches!(&state, State::Open(sides) if sides.contains(&row.side)) {
                    faults.push(format!("{id} of {version} is not open any more for the {}", row.side));
                }
            }
            rows.push(Row { statement, tests, state });
        }
        let slugs: BTreeSet<(Version, &str)> =
            rows.iter().map(|row| (row.statement.version, row.statement.id)).collect();
        for (version, id) in known_open
            .iter()
            .map(|row| (row.version, row.id))
            .chain(embedder.iter().map(|row| (row.version, row.id)))
        {
            if !slugs.contains(&(version, id)) {
                faults.push(format!("{id} is no statement of {version}"));
            }
        }
        let mut pinned = Vec::new();
        for decision in decisions() {
            let tests = by_slug.remove(&decision.slug()).unwrap_or_default();
            if tests.is_empty() {
                faults.push(format!("decision {} has no test: {}", decision.number, decision.point));
            }
            pinned.push((decision, tests));
        }
        for (slug, tests) in by_slug {
            faults.extend(
                tests
                    .iter()
                    .map(|test| format!("{slug} is no statement, but {} names it: {}", test.name, test.file)),
            );
        }
        Self { rows, decisions: pinned, faults }
    }

    /// The table of one layer as Markdown.
    pub fn markdown(&self, layer: Layer) -> String {
        let mut out = format!(
            "# Statements of layer {layer}\n\n\
             Written by `cargo run -p spec-tests` from the tables of [`data/`](data) and the names of the tests; not to be\n\
             edited. `*`: our choice, where the specification names no code or leaves room.\n\n\
             | | statements | proven | embedder | open |\n|---|---:|---:|---:|---:|\n"
        );
        let rows_of = |version| {
            self.rows
                .iter()
                .filter(move |row| row.statement.layer == layer && row.statement.version == version)
        };
        for version in Version::ALL {
            let _ = writeln!(out, "| {version} | {} |", Totals::of(rows_of(version)));
        }
        for version in Version::ALL.into_iter().filter(|version| rows_of(*version).next().is_some()) {
            let _ = write!(
                out,
                "\n## {version}\n\n| statement | requirement | reaction | tests |\n|---|---|---|---|\n"
            );
            for Row { statement, tests, state } in rows_of(version) {
                let Statement { id, section, side, requirement, reaction, .. } = statement;
                let cells = [&format!("{id}<br>{section}<br>{side}"), *requirement, *reaction].map(escape);
                let mut shown = listed(tests);
                match state {
                    State::Proven => {}
                    State::Embedder(Embedder { reason, help, .. }) => {
                        shown.push(format!("*embedder*: {}. {}", escape(reason), escape(help)));
                    }
                    State::Open(_) => shown.push(format!("*{state}*")),
                }
                let _ = writeln!(out, "| {} | {} |", cells.join(" | "), shown.join("<br>"));
            }
        }
        out
    }

    /// The table of decisions as Markdown.
    pub fn decisions_markdown(&self) -> String {
        let mut out = "# Decisions\n\n\
             What the specifications leave open, or what implementations do in different ways; what we do, and the tests that\n\
             pin it. Written by `cargo run -p spec-tests` from [`data/decisions.tsv`](data/decisions.tsv); not to be edited.\n\n\
             | | versions | point | ours | others | tests |\n|---:|---|---|---|---|---|\n"
            .to_owned();
        for (Decision { number, versions, point, ours, others }, tests) in &self.decisions {
            let cells = [point, ours, others].map(|cell| escape(cell));
            let _ = writeln!(
                out,
                "| {number} | {versions} | {} | {} |",
                cells.join(" | "),
                listed(tests).join("<br>")
            );
        }
        out
    }

    /// How many statements are proven, by version, by side and by section, as Markdown.
    pub fn totals_markdown(&self) -> String {
        let mut out = format!(
            "# Totals\n\nWritten by `cargo run -p spec-tests`; not to be edited.\n\n{}",
            self.summary_markdown()
        );
        for version in Version::ALL {
            let head = "| statements | proven | embedder | open |\n|---|---:|---:|---:|---:|\n";
            let _ = write!(out, "\n## {version}\n\n| section {head}");
            for (section, rows) in self.groups(version, |statement| section_of(statement.section)) {
                let _ = writeln!(out, "| {section} | {} |", Totals::of(rows.into_iter()));
            }
        }
        out
    }

    /// The totals by version and side as Markdown.
    pub fn summary_markdown(&self) -> String {
        let mut out =
            "| | binds | statements | proven | embedder | open |\n|---|---|---:|---:|---:|---:|\n".to_owned();
        for version in Version::ALL {
            let rows = self.rows.iter().filter(|row| row.statement.version == version);
            let _ = writeln!(out, "| **{version}** | | {} |", Totals::of(rows));
            for (side, rows) in self.groups(version, |statement| statement.side.to_string()) {
                let _ = writeln!(out, "| | {side} | {} |", Totals::of(rows.into_iter()));
            }
        }
        out
    }

    /// The statements of a version in groups, in the order in which those appear.
    fn groups(&self, version: Version, of: impl Fn(&Statement) -> String) -> Vec<(String, Vec<&Row<'a>>)> {
        let mut groups: Vec<(String, Vec<&Row<'_>>)> = Vec::new();
        for row in self.rows.iter().filter(|row| row.statement.version == version) {
            let name = of(&row.statement);
            match groups.iter_mut().find(|(other, _)| *other == name) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((name, vec![row])),
            }
        }
        groups
    }

    /// Everything as JSON: `totals` by version, side and section, `statements` and `decisions`.
    pub fn json(&self) -> Json {
        let mut totals = Vec::new();
        for version in Version::ALL {
            let rows = self.rows.iter().filter(|row| row.statement.version == version);
            totals.push(Totals::of(rows).json(version, "all", "all"));
            for (side, rows) in self.groups(version, |statement| statement.side.to_string()) {
                totals.push(Totals::of(rows.into_iter()).json(version, "side", &side));
            }
            for (section, rows) in self.groups(version, |statement| section_of(statement.section)) {
                totals.push(Totals::of(rows.into_iter()).json(version, "section", &section));
            }
        }
        let statements = self.rows.iter().map(|Row { statement, tests, state }| {
            Json::Object(vec![
                ("version", Json::from(statement.version.number())),
                ("id", Json::from(statement.id)),
                ("section", Json::from(statement.section)),
                ("side", Json::from(statement.side.to_string().as_str())),
                ("layer", Json::from(statement.layer.to_string().as_str())),
                ("verdict", Json::from(state.to_string().as_str())),
                ("tests", names(tests)),
            ])
        });
        let decisions = self.decisions.iter().map(|(decision, tests)| {
            Json::Object(vec![
                ("number", Json::from(decision.number)),
                ("versions", Json::from(decision.versions)),
                ("point", Json::from(decision.point)),
                ("ours", Json::from(decision.ours)),
                ("others", Json::from(decision.others)),
                ("tests", names(tests)),
            ])
        });
        Json::Object(vec![
            ("totals", Json::Array(totals)),
            ("statements", Json::Array(statements.collect())),
            ("decisions", Json::Array(decisions.collect())),
        ])
    }
}

/// The sides that no test shows to keep a statement, `Some` of none where it has no test at all that counts; `None`: it is
/// proven.
fn missing_sides(statement: &Statement, tests: &[&Test]) -> Option<Vec<Side>> {
    let counting: Vec<_> = tests.iter().filter(|test| statement.layer.is_proven_in(&test.file)).collect();
    let sides = statement.sides();
    if sides.is_empty() {
        return counting.is_empty().then(Vec::new);
    }
    let is_shown = |side: &Side| counting.iter().any(|test| test.side() == Some(*side));
    let missing: Vec<_> = sides.iter().copied().filter(|side| !is_shown(side)).collect();
    (!missing.is_empty()).then_some(missing)
}

/// What some statements add up to.
struct Totals {
    statements: usize,
    proven: usize,
    embedder: usize,
    open: usize,
}

impl Totals {
    fn of<'r>(rows: impl Iterator<Item = &'r Row<'r>>) -> Self {
        let mut totals = Self { statements: 0, proven: 0, embedder: 0, open: 0 };
        for row in rows {
            totals.statements += 1;
            match row.state {
                State::Proven => totals.proven += 1,
                State::Embedder(_) => totals.embedder += 1,
                State::Open(_) => totals.open += 1,
            }
        }
        totals
    }

    fn json(&self, version: Version, by: &str, group: &str) -> Json {
        Json::Object(vec![
            ("version", Json::from(version.number())),
            ("by", Json::from(by)),
            ("group", Json::from(group)),
            ("statements", Json::Number(self.statements)),
            ("proven", Json::Number(self.proven)),
            ("embedder", Json::Number(self.embedder)),
            ("open", Json::Number(self.open)),
        ])
    }
}

impl fmt::Display for Totals {
    /// The cells of a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { statements, proven, embedder, open } = self;
        write!(f, "{statements} | {proven} | {embedder} | {open}")
    }
}

/// The chapter of a section: `3.1` of `3.1.2.5 Will Flag`, what is before the colon in 3.1.
fn section_of(section: &str) -> String {
    if !section.starts_with(|first: char| first.is_ascii_digit()) {
        return section.split(": ").next().unwrap_or_default().to_owned();
    }
    let number = section.split(' ').next().unwrap_or_default();
    number.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// The tests by file, a line each.
fn listed(tests: &[&Test]) -> Vec<String> {
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for test in tests {
        by_file.entry(&test.file).or_default().push(&test.name);
    }
    by_file.iter().map(|(file, names)| format!("[{file}](../{file}): `{}`", names.join("`, `"))).collect()
}

fn names(tests: &[&Test]) -> Json {
    Json::Array(
        tests.iter().map(|test| Json::from(format!("{}: {}", test.file, test.name).as_str())).collect(),
    )
}

/// `text` as the cell of a table.
pub(crate) fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('#', "\\#")
}

/// The files that `cargo run -p spec-tests` writes, relative to `spec-tests/`, with what they must hold. `readme` is the
/// README as it stands: its totals are between two comments.
pub fn files(report: &Report<'_>, readme: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> =
        Layer::ALL.into_iter().map(|layer| (format!("clauses-{layer}.md"), report.markdown(layer))).collect();
    files.push(("decisions.md".to_owned(), report.decisions_markdown()));
    files.push(("totals.md".to_owned(), report.totals_markdown()));
    files.push(("clauses.json".to_owned(), format!("{}\n", report.json())));
    let (begin, end) = ("<!-- totals -->\n", "<!-- end of totals -->");
    if let Some((before, rest)) = readme.split_once(begin)
        && let Some((_, after)) = rest.split_once(end)
    {
        let readme = format!("{before}{begin}{}{end}{after}", report.summary_markdown());
        files.push(("README.md".to_owned(), readme));
    }
    files
}
