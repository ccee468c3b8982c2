//! What a Server must do, section by section, as scripts.

mod connect;

use crate::script::Script;

/// All scripts, by file.
pub const FILES: &[(&str, &[Script])] = &[("connect", connect::SCRIPTS)];

/// All scripts, in order.
pub fn scripts() -> impl Iterator<Item = &'static Script> {
    FILES.iter().flat_map(|(_, scripts)| scripts.iter())
}
