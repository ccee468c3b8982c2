//! The same work done by our codec and by published ones. `run.sh` builds and runs it; README.md says how to read it.

pub mod case;
pub mod clock;
pub mod codec;
pub mod codecs;
pub mod options;
pub mod report;
pub mod strictness;
