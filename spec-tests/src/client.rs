//! What a Client must do, section by section, as scripts: the script is the Server.
//!
//! Each is named after the statements it proves. A file has the table of its scripts in front.

mod connect;
mod errors;
mod keep_alive;
mod limits;
mod publish;
mod receive;
mod session;

use crate::script::{Hosting, Script};

/// All scripts, by file.
const FILES: &[&[Script<Hosting>]] = &[
    connect::SCRIPTS,
    session::SCRIPTS,
    keep_alive::SCRIPTS,
    publish::SCRIPTS,
    limits::SCRIPTS,
    receive::SCRIPTS,
    errors::SCRIPTS,
];

/// All scripts, in order.
pub fn scripts() -> impl Iterator<Item = &'static Script<Hosting>> {
    FILES.iter().flat_map(|scripts| scripts.iter())
}
