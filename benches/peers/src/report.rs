//! The tables, in Markdown.

use core::fmt::{self, Write as _};

use benches::workloads;
use mqtt_codec::ProtocolVersion;

use crate::case::{Case, Operation, Prober};
use crate::codecs::{floor, ours};
use crate::strictness::{Share, strictness};

/// What has been measured of a case, for one operation.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Nanoseconds, the best of all rounds.
    pub nanoseconds: f64,
    /// Instructions, if callgrind is there.
    pub instructions: Option<f64>,
    /// Allocations.
    pub allocations: Option<f64>,
}

/// One line of a table.
struct Line<'a> {
    case: &'a Case,
    cost: Cost,
}

/// The lines of one operation on one workload, the fastest first.
struct Group<'a> {
    workload: &'static str,
    lines: Vec<Line<'a>>,
}

impl Group<'_> {
    fn best(&self, belongs: impl Fn(&str) -> bool) -> Option<&Line<'_>> {
        self.lines.iter().find(|line| belongs(line.case.codec))
    }

    fn reference(&self) -> Option<&Line<'_>> {
        ours::REFERENCES.iter().find_map(|form| self.best(|codec| codec == *form))
    }

    fn floor(&self) -> Option<&Line<'_>> {
        self.best(|codec| codec.starts_with(floor::NAME))
    }

    fn best_peer(&self) -> Option<&Line<'_>> {
        self.best(|codec| !codec.starts_with(floor::NAME) && !codec.starts_with(ours::NAME))
    }
}

fn groups<'a>(operation: Operation, cases: &'a [Case], costs: &[Cost]) -> Vec<Group<'a>> {
    let mut groups = Vec::new();
    for workload in workloads() {
        let mut lines: Vec<_> = cases
            .iter()
            .zip(costs)
            .filter(|(case, _)| case.operation == operation && case.workload == workload.name)
            .map(|(case, cost)| Line { case, cost: *cost })
            .collect();
        lines.sort_by(|left, right| left.cost.nanoseconds.total_cmp(&right.cost.nanoseconds));
        if !lines.is_empty() {
            groups.push(Group { workload: workload.name, lines });
        }
    }
    groups
}

/// Ours and the fastest of the others, on one line for each operation and workload.
pub fn summary(cases: &[Case], costs: &[Cost]) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "| operation | workload | floor | ours | the fastest peer | its ns / ours | its instructions / ours |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|")?;
    for operation in Operation::ALL {
        for group in groups(operation, cases, costs) {
            let Some(ours) = group.reference() else { continue };
            let peer = group.best_peer();
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} |",
                operation.name(),
                group.workload,
                group.floor().map_or("-".into(), |line| nanoseconds(line.cost.nanoseconds)),
                nanoseconds(ours.cost.nanoseconds),
                peer.map_or("-".into(), |line| {
                    format!("{} {}", line.case.codec, nanoseconds(line.cost.nanoseconds))
                }),
                ratio(peer.map(|line| line.cost.nanoseconds), Some(ours.cost.nanoseconds)),
                ratio(peer.and_then(|line| line.cost.instructions), ours.cost.instructions),
            )?;
        }
    }
    Ok(out)
}

/// Everything measured of one operation; `None` if nothing was.
pub fn table(operation: Operation, cases: &[Case], costs: &[Cost]) -> Result<Option<String>, fmt::Error> {
    let groups = groups(operation, cases, costs);
    if groups.is_empty() {
        return Ok(None);
    }
    let mut codecs: Vec<_> =
        cases.iter().filter(|case| case.operation == operation).map(|case| case.codec).collect();
    codecs.sort_unstable();
    codecs.dedup();
    let mut out = String::new();
    writeln!(
        out,
        "| workload | codec | ns | instructions | allocations | ns / ours | instructions / ours | ns / floor |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|--:|")?;
    for group in groups {
        let ours = group.reference().map(|line| line.cost);
        let floor = group.floor().map(|line| line.cost.nanoseconds);
        for Line { case, cost } in &group.lines {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                group.workload,
                case.codec,
                nanoseconds(cost.nanoseconds),
                cost.instructions.map_or("-".into(), |count| format!("{count:.0}")),
                cost.allocations.map_or("-".into(), allocations),
                ratio(Some(cost.nanoseconds), ours.map(|ours| ours.nanoseconds)),
                ratio(cost.instructions, ours.and_then(|ours| ours.instructions)),
                ratio(Some(cost.nanoseconds), floor),
            )?;
        }
        for codec in codecs.iter().filter(|codec| group.best(|name| name == **codec).is_none()) {
            writeln!(out, "| {} | {codec} | - | - | - | - | - | - |", group.workload)?;
        }
    }
    Ok(Some(out))
}

/// What each decoder refuses.
pub fn strictness_table(probers: &[Prober]) -> Result<String, fmt::Error> {
    let mut codecs: Vec<_> = probers.iter().map(|prober| prober.codec).collect();
    codecs.sort_unstable();
    codecs.dedup();
    codecs.retain(|codec| !codec.starts_with(floor::NAME));
    let mut rows: Vec<_> = codecs
        .into_iter()
        .map(|codec| {
            let of = |version| {
                let prober = probers.iter().find(|prober| prober.codec == codec && prober.version == version);
                prober.map(strictness)
            };
            (codec, of(ProtocolVersion::V3_1_1), of(ProtocolVersion::V5_0))
        })
        .collect();
    rows.sort_by_key(|(_, v4, v5)| {
        let refused = [v4, v5].map(|version| version.map_or(0, |strictness| strictness.malformed.count));
        core::cmp::Reverse(refused[0] + refused[1])
    });
    let mut out = String::new();
    writeln!(
        out,
        "| codec | malformed, refused: 3.1.1 | 5.0 | by sender, refused: 3.1.1 | 5.0 | valid, refused: 3.1.1 | 5.0 |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|")?;
    for (codec, v4, v5) in rows {
        write!(out, "| {codec}")?;
        for share in [
            v4.map(|v4| v4.malformed),
            v5.map(|v5| v5.malformed),
            v4.map(|v4| v4.by_sender),
            v5.map(|v5| v5.by_sender),
            v4.map(|v4| v4.valid),
            v5.map(|v5| v5.valid),
        ] {
            write!(out, " | {}", share.map_or("-".into(), |Share { count, of }| format!("{count} of {of}")))?;
        }
        writeln!(out, " |")?;
    }
    Ok(out)
}

fn nanoseconds(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn allocations(value: f64) -> String {
    if value < 0.005 {
        "0".into()
    } else if (value - value.round()).abs() < 0.005 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn ratio(value: Option<f64>, base: Option<f64>) -> String {
    match (value, base) {
        (Some(value), Some(base)) if base > 0.0 => format!("{:.2}", value / base),
        _ => "-".into(),
    }
}
