//! What the tables show.

use core::fmt::{self, Write as _};

use meter::report::{Roles, count, ratio};

use crate::stores::{MODELS, floor, ours};

/// Who is who.
pub const ROLES: Roles = Roles {
    contender: "store",
    references: &ours::REFERENCES,
    ours: ours::NAME,
    floor: floor::NAME,
    models: &MODELS,
};

/// What a store holds for each of what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Of which workload.
    pub workload: &'static str,
    /// Whose it is.
    pub contender: &'static str,
    /// Bytes that have been asked for.
    pub bytes: f64,
    /// Blocks they are in.
    pub blocks: f64,
}

/// What everybody holds, the least first.
///
/// # Errors
/// None, as it writes into a string.
pub fn memory_table(memories: &[Memory]) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(out, "| workload | store | bytes each | blocks each | bytes / ours |")?;
    writeln!(out, "|---|---|--:|--:|--:|")?;
    for group in memories.chunk_by(|left, right| left.workload == right.workload) {
        let is_ours = |memory: &&Memory| ROLES.references.contains(&memory.contender);
        let ours = group.iter().find(is_ours).map(|memory| memory.bytes);
        let mut group = group.to_vec();
        group.sort_by(|left, right| left.bytes.total_cmp(&right.bytes));
        for Memory { workload, contender, bytes, blocks } in group {
            writeln!(
                out,
                "| {workload} | {contender} | {bytes:.1} | {} | {} |",
                count(blocks),
                ratio(Some(bytes), ours)
            )?;
        }
    }
    Ok(out)
}
