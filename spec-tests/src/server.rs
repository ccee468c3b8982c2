//! What a Server must do, section by section, as scripts.
//!
//! Each is named after the statements it proves. A file has the table of its scripts in front.

mod auth;
mod connect;
mod delivery;
mod errors;
mod explain;
mod limits;
mod malformed;
mod publish;
mod raw;
mod retain;
mod session;
mod shared;
mod subscribe;
mod topic;
mod will;

use crate::script::Script;

/// All scripts, by file.
const FILES: &[&[Script]] = &[
    malformed::SCRIPTS,
    connect::SCRIPTS,
    will::SCRIPTS,
    session::SCRIPTS,
    publish::SCRIPTS,
    retain::SCRIPTS,
    subscribe::SCRIPTS,
    delivery::SCRIPTS,
    limits::SCRIPTS,
    topic::SCRIPTS,
    shared::SCRIPTS,
    errors::SCRIPTS,
    auth::SCRIPTS,
    explain::SCRIPTS,
];

/// All scripts, in order.
pub fn scripts() -> impl Iterator<Item = &'static Script> {
    FILES.iter().flat_map(|scripts| scripts.iter())
}
