//! What came of playing the scripts against a Server or a Client, statement by statement.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::json::Json;
use crate::manifest::{Statement, Version, statements};
use crate::report::escape;
use crate::script::{Verdict, slugs_of};

/// A script that has been played.
#[derive(Debug)]
pub struct Played {
    /// The name of the script.
    pub script: &'static str,
    /// The version it was played in.
    pub version: Version,
    /// What came of it.
    pub verdict: Verdict,
    /// What was sent and received.
    pub transcript: String,
}

/// The verdicts on one Server or Client.
#[derive(Debug)]
pub struct Column {
    /// What it is called.
    pub name: String,
    played: Vec<Played>,
}

fn is_decision(script: &str) -> bool {
    slugs_of(script).iter().all(|slug| slug.starts_with("decision"))
}

/// Where statements have their section.
const DECISIONS: &str = "Decisions";

/// One statement, or one script that proves none, and what its scripts said.
struct Row<'a> {
    version: Version,
    id: String,
    section: &'static str,
    played: Vec<&'a Played>,
}

impl Row<'_> {
    fn is_decision(&self) -> bool {
        self.section == DECISIONS
    }

    /// Failed if one has, passed if one has and none failed.
    fn verdict(&self) -> &'static str {
        let has = |is: fn(&Verdict) -> bool| self.played.iter().any(|played| is(&played.verdict));
        if has(|verdict| matches!(verdict, Verdict::Fail(_))) {
            "FAIL"
        } else if has(|verdict| matches!(verdict, Verdict::Pass(_))) {
            "pass"
        } else {
            "skip"
        }
    }

    /// Why, where it is worth a word.
    fn why(&self) -> String {
        let verdict = self.verdict();
        let mut reasons = Vec::new();
        for played in &self.played {
            match &played.verdict {
                Verdict::Fail(why) => reasons.push(why.clone()),
                Verdict::Pass(notes) if verdict == "pass" => reasons.extend(notes.iter().cloned()),
                Verdict::Skip(why) if verdict == "skip" => reasons.push(why.clone()),
                Verdict::Pass(_) | Verdict::Skip(_) => {}
            }
        }
        reasons.dedup();
        reasons.join("; ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Column {
    /// The verdicts on what has this name.
    pub fn new(name: &str, played: Vec<Played>) -> Self {
        Self { name: name.to_owned(), played }
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for version in Version::ALL {
            for statement in statements(version) {
                let Statement { id, section, .. } = statement;
                let slug = statement.slug();
                let proves =
                    |played: &&Played| played.version == version && slugs_of(played.script).contains(&slug);
                let played: Vec<_> = self.played.iter().filter(proves).collect();
                if !played.is_empty() {
                    rows.push(Row { version, id: id.to_owned(), section, played });
                }
            }
            let others =
                self.played.iter().filter(|played| played.version == version && is_decision(played.script));
            rows.extend(others.map(|played| Row {
                version,
                id: played.script.to_owned(),
                section: DECISIONS,
                played: vec![played],
            }));
        }
        rows
    }

    /// A line for each statement; with `verbose` also what scripts that failed have sent and received.
    pub fn lines(&self, verbose: bool) -> String {
        let mut out = String::new();
        for row in self.rows() {
            let (verdict, why) = (row.verdict(), row.why());
            let _ = writeln!(out, "{} {} {verdict} {why}", row.version, row.id);
            if verbose && verdict == "FAIL" {
                for played in row.played.iter().filter(|played| matches!(played.verdict, Verdict::Fail(_))) {
                    let _ = writeln!(out, "    {}", played.script);
                    for line in played.transcript.lines() {
                        let _ = writeln!(out, "        {line}");
                    }
                }
            }
        }
        out
    }

    /// How many statements passed, failed and were skipped, by version, and how many decisions were kept.
    pub fn summary(&self) -> String {
        let (decisions, rows): (Vec<_>, Vec<_>) = self.rows().into_iter().partition(Row::is_decision);
        let mut parts = Vec::new();
        for version in Version::ALL {
            let count = |verdict: &str| {
                rows.iter().filter(|row| row.version == version && row.verdict() == verdict).count()
            };
            let (pass, fail, skip) = (count("pass"), count("FAIL"), count("skip"));
            if pass + fail + skip > 0 {
                parts.push(format!("{version}: {pass} passed, {fail} failed, {skip} skipped"));
            }
        }
        if !decisions.is_empty() {
            let pass = decisions.iter().filter(|row| row.verdict() == "pass").count();
            parts.push(format!("decisions: {pass} of {} passed", decisions.len()));
        }
        parts.join("; ")
    }

    /// Whether any script failed.
    pub fn has_failed(&self) -> bool {
        self.played.iter().any(|played| matches!(played.verdict, Verdict::Fail(_)))
    }
}

/// All verdicts as JSON: an array of objects, one for each Server or Client and statement.
pub fn json(columns: &[Column]) -> String {
    let mut rows = Vec::new();
    for column in columns {
        for row in column.rows() {
            let scripts = row.played.iter().map(|played| Json::from(played.script)).collect();
            rows.push(Json::Object(vec![
                ("name", Json::from(column.name.as_str())),
                ("version", Json::from(row.version.number())),
                ("statement", Json::from(row.id.as_str())),
                ("section", Json::from(row.section)),
                ("verdict", Json::from(row.verdict())),
                ("why", Json::from(row.why().as_str())),
                ("scripts", Json::Array(scripts)),
            ]));
        }
    }
    Json::Array(rows).to_string()
}

/// All verdicts as a table in Markdown below a head, a column for each Server or Client.
pub fn markdown(columns: &[Column], head: &str) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut out = format!("{head}\n");
    for column in columns {
        let _ = writeln!(out, "- {}: {}", column.name, column.summary());
    }
    for version in Version::ALL {
        let mut cells: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let statements = statements(version);
        for (at, column) in columns.iter().enumerate() {
            for row in column.rows().iter().filter(|row| row.version == version) {
                let Some(number) = statements.iter().position(|statement| statement.id == row.id) else {
                    continue;
                };
                let cells = cells.entry(number).or_insert_with(|| vec![String::new(); columns.len()]);
                let why = if row.verdict() == "FAIL" { String::new() } else { row.why() };
                let gap = if why.is_empty() { "" } else { ": " };
                cells[at] = format!("{}{gap}{}", row.verdict(), escape(&why));
            }
        }
        let _ = write!(
            out,
            "\n## {version}\n\n| statement | {} |\n|---|{}\n",
            names.join(" | "),
            "---|".repeat(names.len())
        );
        for (number, cells) in cells {
            let _ = writeln!(out, "| {} | {} |", statements[number].id, cells.join(" | "));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINGS: &str = "mqtt5_3_12_4_1_mqtt311_3_12_4_1_x";
    const ALSO: &str = "mqtt5_3_12_4_1_mqtt5_3_1_0_2_x";
    const DECIDES: &str = "decision_7_x";

    fn column(name: &str, verdicts: [Verdict; 3]) -> Column {
        let scripts = [PINGS, ALSO, DECIDES];
        let played = scripts.into_iter().zip(verdicts).map(|(script, verdict)| Played {
            script,
            version: Version::V5_0,
            verdict,
            transcript: "a > PINGREQ".to_owned(),
        });
        Column::new(name, played.collect())
    }

    fn pass() -> Verdict {
        Verdict::Pass(Vec::new())
    }

    #[test]
    fn a_statement_is_what_its_scripts_say_together() {
        let fails = Verdict::Fail("nothing\ncame".to_owned());
        let bad = column("bad", [fails, pass(), pass()]);
        assert!(bad.has_failed());
        assert_eq!(
            bad.lines(true),
            "MQTT 5.0 MQTT-3.1.0-2 pass \n\
             MQTT 5.0 MQTT-3.12.4-1 FAIL nothing came\n    mqtt5_3_12_4_1_mqtt311_3_12_4_1_x\n        a > PINGREQ\n\
             MQTT 5.0 decision_7_x pass \n"
        );
        assert_eq!(bad.summary(), "MQTT 5.0: 1 passed, 1 failed, 0 skipped; decisions: 1 of 1 passed");
        let noted = Verdict::Pass(vec!["tolerated".to_owned()]);
        let good = column("good", [noted, Verdict::Skip("no configuration".to_owned()), pass()]);
        assert!(!good.has_failed());
        assert_eq!(good.summary(), "MQTT 5.0: 1 passed, 0 failed, 1 skipped; decisions: 1 of 1 passed");
        let table = markdown(&[good, bad], "# Head");
        assert!(table.starts_with("# Head\n"), "{table}");
        assert!(table.contains("| MQTT-3.1.0-2 | skip: no configuration | pass |"), "{table}");
        assert!(table.contains("| MQTT-3.12.4-1 | pass: tolerated | FAIL |"), "{table}");
        let json = json(&[column("bad", [Verdict::Fail("why".to_owned()), pass(), pass()])]);
        let row = "{\"name\": \"bad\", \"version\": \"5.0\", \"statement\": \"MQTT-3.12.4-1\", ";
        assert!(json.contains(row) && json.contains("\"verdict\": \"FAIL\", \"why\": \"why\""), "{json}");
    }
}
