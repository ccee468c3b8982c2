//! A machine of which is known what was done with it since it was looked at last.
//!
//! To look at all that a machine consists of takes far longer than what it does. A machine is a function of what it is given: one that
//! was given nothing is as it was, and what becomes of a state that is given the same again is known.

use std::fmt::{Debug, Write};
use std::hash::Hash;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::super::digest::Mix;
use super::super::tables::Outcomes;
use super::essence::{View, essence};

/// A machine. Clones share it until one of them is given something.
#[derive(Clone, Debug)]
pub struct Watched<M> {
    machine: Arc<M>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// It had nothing more to say and to write, and is known by this; whether its records were to be read once more.
    At(u128, bool),
    /// What it was then, and what was done with it since.
    Since(Mix),
    /// Something was done with it.
    Unknown,
}

impl State {
    fn then(&mut self, what: impl Hash) {
        let mut mix = match *self {
            Self::At(digest, _) => Mix::from(digest),
            Self::Since(mix) => mix,
            Self::Unknown => return,
        };
        what.hash(&mut mix);
        *self = Self::Since(mix);
    }
}

impl<M: Clone + Debug> Watched<M> {
    /// A machine nobody has looked at.
    pub fn new(machine: M) -> Self {
        Self { machine: Arc::new(machine), state: State::Unknown }
    }

    /// A machine that this has made, and nothing else.
    pub fn made_of(what: impl Hash, machine: M) -> Self {
        let mut state = State::At(0, true);
        state.then(what);
        Self { machine: Arc::new(machine), state }
    }

    /// To do this with it, and nothing else.
    pub fn give(&mut self, what: impl Hash) -> &mut M {
        self.state.then(what);
        Arc::make_mut(&mut self.machine)
    }

    /// Whether nothing was done with it since it was looked at.
    pub const fn rests(&self) -> bool {
        matches!(self.state, State::At(..))
    }

    /// Takes the next thing the machine has to say.
    pub fn ask<T>(&mut self, ask: impl FnOnce(&mut M) -> Option<T>) -> Option<T> {
        if self.rests() {
            return None;
        }
        let said = ask(Arc::make_mut(&mut self.machine))?;
        self.state.then(());
        Some(said)
    }

    /// Looks at what there is no other way to, and changes nothing.
    pub fn look<T>(&mut self, look: impl FnOnce(&mut M) -> T) -> T {
        look(Arc::make_mut(&mut self.machine))
    }

    /// What the state is known by, once the machine has nothing more to say and to write: all that matters of what `Debug` shows.
    pub(super) fn digest(&mut self, view: View<'_>, outcomes: &Outcomes, scratch: &mut String) -> u128 {
        let mut all = || {
            scratch.clear();
            // It takes everything.
            let _ = write!(scratch, "{:?}", self.machine);
            essence(scratch, view)
        };
        let digest = match self.state {
            State::At(digest, can_crash) if can_crash == view.can_crash => digest,
            State::At(digest, _) => outcomes.get(Mix::from(digest).digest(), &mut all),
            State::Since(mut mix) => {
                view.can_crash.hash(&mut mix);
                outcomes.get(mix.digest(), &mut all)
            }
            State::Unknown => all(),
        };
        debug_assert_eq!(digest, all(), "more was done than is known of");
        self.state = State::At(digest, view.can_crash);
        digest
    }
}

impl<M> Deref for Watched<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.machine
    }
}

/// To do whatever there is to do.
impl<M: Clone> DerefMut for Watched<M> {
    fn deref_mut(&mut self) -> &mut M {
        self.state = State::Unknown;
        Arc::make_mut(&mut self.machine)
    }
}
