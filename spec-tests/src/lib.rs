//! Conformance and interoperability of the three crates: the manifest of what the specifications demand, and the tests
//! that prove it. The programs of `interop/`, `no-std/` and `no-panic/` are run by `.ci/run`.
//!
//! A test proves a statement by carrying its id in its name: `mqtt5_3_3_1_4_…` is MQTT-3.3.1-4 of 5.0, `mqtt311_…` the
//! same of 3.1.1, `m31_12_…` is M31-12, a difference of 3.1; one name may carry several.
//!
//! [`script`] is the vocabulary of the scripts, [`server`] what a Server must do, written in it; [`manifest`], [`tests`] and
//! [`report`] say which statement is proven by what. [`simulation`] is clients and a broker on virtual time.

pub mod client;
pub mod conformance;
pub mod json;
pub mod manifest;
pub mod report;
pub mod script;
pub mod server;
pub mod simulation;
pub mod tests;

use std::path::Path;

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
