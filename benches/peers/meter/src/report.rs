//! Tables in Markdown.

use core::fmt::{self, Write as _};

/// What has been measured, for one operation.
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
#[derive(Clone, Debug)]
pub struct Line {
    /// On what it was measured.
    pub workload: String,
    /// Whose it is.
    pub contender: &'static str,
    /// What it costs; `None`: it cannot do that.
    pub cost: Option<Cost>,
}

/// Who takes part in what way, by the name of a contender.
#[derive(Clone, Copy, Debug)]
pub struct Roles {
    /// What the contenders are called together.
    pub contender: &'static str,
    /// Ours that others are compared with, the first that is there.
    pub references: &'static [&'static str],
    /// How the names of ours begin.
    pub ours: &'static str,
    /// How the names of the floors begin.
    pub floor: &'static str,
    /// Names of what is neither ours nor a peer.
    pub models: &'static [&'static str],
}

/// The lines on one workload, the fastest first.
struct Group<'a> {
    roles: Roles,
    lines: Vec<(&'static str, Cost)>,
    workload: &'a str,
    /// Who cannot do it.
    absent: Vec<&'static str>,
}

impl Group<'_> {
    fn best(&self, belongs: impl Fn(&str) -> bool) -> Option<(&'static str, Cost)> {
        self.lines.iter().copied().find(|(contender, _)| belongs(contender))
    }

    fn reference(&self) -> Option<Cost> {
        self.roles.references.iter().find_map(|form| self.best(|name| name == *form)).map(|(_, cost)| cost)
    }

    fn floor(&self) -> Option<f64> {
        self.best(|name| name.starts_with(self.roles.floor)).map(|(_, cost)| cost.nanoseconds)
    }

    fn best_peer(&self) -> Option<(&'static str, Cost)> {
        let Roles { ours, floor, models, .. } = self.roles;
        self.best(|name| !name.starts_with(floor) && !name.starts_with(ours) && !models.contains(&name))
    }
}

fn groups(roles: Roles, lines: &[Line]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for Line { workload, contender, cost } in lines {
        let index = groups.iter().position(|group| group.workload == workload).unwrap_or_else(|| {
            groups.push(Group { roles, lines: Vec::new(), workload, absent: Vec::new() });
            groups.len() - 1
        });
        match cost {
            Some(cost) => groups[index].lines.push((contender, *cost)),
            None => groups[index].absent.push(contender),
        }
    }
    for group in &mut groups {
        group.lines.sort_by(|(_, left), (_, right)| left.nanoseconds.total_cmp(&right.nanoseconds));
    }
    groups
}

/// Ours and the fastest of the others, on one line for each operation and workload.
///
/// # Errors
/// None, as it writes into a string.
pub fn summary(roles: Roles, operations: &[(&str, &[Line])]) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "| operation | workload | floor | ours | the fastest peer | its ns / ours | its instructions / ours |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|")?;
    for (operation, lines) in operations {
        for group in groups(roles, lines) {
            let Some(ours) = group.reference() else { continue };
            let peer = group.best_peer();
            writeln!(
                out,
                "| {operation} | {} | {} | {} | {} | {} | {} |",
                group.workload,
                group.floor().map_or("-".into(), nanoseconds),
                nanoseconds(ours.nanoseconds),
                peer.map_or("-".into(), |(name, cost)| format!("{name} {}", nanoseconds(cost.nanoseconds))),
                ratio(peer.map(|(_, cost)| cost.nanoseconds), Some(ours.nanoseconds)),
                ratio(peer.and_then(|(_, cost)| cost.instructions), ours.instructions),
            )?;
        }
    }
    Ok(out)
}

/// Everything measured of one operation.
///
/// # Errors
/// None, as it writes into a string.
pub fn table(roles: Roles, lines: &[Line]) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "| workload | {} | ns | instructions | allocations | ns / ours | instructions / ours | ns / floor |",
        roles.contender
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|--:|")?;
    for group in groups(roles, lines) {
        let ours = group.reference();
        let floor = group.floor();
        for (contender, cost) in &group.lines {
            writeln!(
                out,
                "| {} | {contender} | {} | {} | {} | {} | {} | {} |",
                group.workload,
                nanoseconds(cost.nanoseconds),
                cost.instructions.map_or("-".into(), |count| format!("{count:.0}")),
                cost.allocations.map_or("-".into(), count),
                ratio(Some(cost.nanoseconds), ours.map(|ours| ours.nanoseconds)),
                ratio(cost.instructions, ours.and_then(|ours| ours.instructions)),
                ratio(Some(cost.nanoseconds), floor),
            )?;
        }
        for contender in &group.absent {
            writeln!(out, "| {} | {contender} | - | - | - | - | - | - |", group.workload)?;
        }
    }
    Ok(out)
}

fn nanoseconds(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// A number that is often a whole one.
pub fn count(value: f64) -> String {
    if value < 0.005 {
        "0".into()
    } else if (value - value.round()).abs() < 0.005 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// `value` in units of `base`.
pub fn ratio(value: Option<f64>, base: Option<f64>) -> String {
    match (value, base) {
        (Some(value), Some(base)) if base > 0.0 => format!("{:.2}", value / base),
        _ => "-".into(),
    }
}
