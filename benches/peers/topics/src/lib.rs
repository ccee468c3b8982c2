//! The same subscriptions, retained messages and topics in our stores and in published ones. `run.sh` builds and runs it;
//! README.md says how to read it.

pub mod contest;
pub mod oracle;
pub mod process;
pub mod report;
pub mod store;
pub mod stores;
pub mod workload;
