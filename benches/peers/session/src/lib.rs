//! Messages through our session machines and through those of others: the same exchange, without I/O.

pub mod contenders;
pub mod exchange;
pub mod relay;

use meter::options::Arguments;

use self::contenders::ours;
use self::exchange::{Case, Exchange as _, cases};

/// What the command line says; `None`: it is not to be understood.
pub fn options(arguments: impl Iterator<Item = String>) -> Option<Arguments> {
    Arguments::parse(arguments, &["--peers"])
}

/// What it asks for.
pub fn wanted(options: &Arguments) -> Vec<Case> {
    cases(|name| name == ours::Pair::NAME || options.wants_beginning("--peers", name))
}
