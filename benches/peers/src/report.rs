//! What the tables show.

use core::fmt::{self, Write as _};

use benches::workloads;
use meter::report::{Cost, Line, Roles};
use mqtt_codec::ProtocolVersion;

use crate::case::{Case, Operation, Prober};
use crate::codecs::{floor, ours};
use crate::strictness::{Share, strictness};

/// Who is who.
pub const ROLES: Roles = Roles {
    contender: "codec",
    references: &ours::REFERENCES,
    ours: ours::NAME,
    floor: floor::NAME,
    models: &[],
};

/// Everything measured of one operation, and who could not do it.
pub fn lines(operation: Operation, cases: &[Case], costs: &[Cost]) -> Vec<Line> {
    let of_operation = || cases.iter().zip(costs).filter(|(case, _)| case.operation == operation);
    let mut codecs: Vec<_> = of_operation().map(|(case, _)| case.codec).collect();
    codecs.sort_unstable();
    codecs.dedup();
    let mut lines = Vec::new();
    for workload in workloads() {
        let mut absent = codecs.clone();
        let on_workload = of_operation().filter(|(case, _)| case.workload == workload.name);
        let before = lines.len();
        for (Case { codec, .. }, cost) in on_workload {
            absent.retain(|name| name != codec);
            lines.push(Line { workload: workload.name.into(), contender: codec, cost: Some(*cost) });
        }
        if lines.len() > before {
            let line = |codec| Line { workload: workload.name.into(), contender: codec, cost: None };
            lines.extend(absent.into_iter().map(line));
        }
    }
    lines
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
