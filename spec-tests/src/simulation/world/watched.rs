//! A machine that knows whether it is as it was when it was looked at last.

use std::fmt::{Debug, Write};
use std::ops::{Deref, DerefMut};

use super::super::digest::Digest;

/// A machine, and what its state is known by. Whoever gets hold of it to change it makes that unknown.
#[derive(Clone, Debug)]
pub struct Watched<M> {
    machine: M,
    known_by: Option<u128>,
}

impl<M: Debug> Watched<M> {
    /// A machine nobody has looked at.
    pub const fn new(machine: M) -> Self {
        Self { machine, known_by: None }
    }

    /// Takes the next thing the machine has to say. One that has nothing to say does not change.
    pub fn ask<T>(&mut self, ask: impl FnOnce(&mut M) -> Option<T>) -> Option<T> {
        let said = ask(&mut self.machine);
        if said.is_some() {
            self.known_by = None;
        }
        said
    }

    /// Looks at what there is no other way to, and changes nothing.
    pub fn look<T>(&mut self, look: impl FnOnce(&mut M) -> T) -> T {
        look(&mut self.machine)
    }

    /// What the state is known by: all that `Debug` shows.
    pub fn digest(&mut self, scratch: &mut Digest) -> u128 {
        if let Some(known_by) = self.known_by.filter(|_| !cfg!(debug_assertions)) {
            return known_by;
        }
        // It takes everything.
        let _ = write!(scratch, "{:?}", self.machine);
        let digest = scratch.take();
        debug_assert!(self.known_by.is_none_or(|known_by| known_by == digest), "it has changed unnoticed");
        *self.known_by.insert(digest)
    }
}

impl<M> Deref for Watched<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.machine
    }
}

impl<M> DerefMut for Watched<M> {
    fn deref_mut(&mut self) -> &mut M {
        self.known_by = None;
        &mut self.machine
    }
}
