//! The way through the states: depth first, by threads that share what has been seen and what is left to do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::super::tables::{Outcomes, Seen};
use super::{Choice, Digest, Run, Size, Violation};

/// After how many states progress is told.
const TOLD: usize = 1 << 22;

/// A state, and what is still to be tried there.
struct Branch<'s> {
    run: Run<'s>,
    choices: Vec<Choice>,
}

/// What the threads share.
pub(super) struct Search<'s, 'p> {
    seen: Seen,
    outcomes: Outcomes,
    states: AtomicUsize,
    progress: &'p (dyn Fn(usize) + Sync),
    threads: usize,
    /// How many of them have nothing to do.
    idle: AtomicUsize,
    is_over: AtomicBool,
    shared: Mutex<Shared<'s>>,
    /// There is something to do, or nothing will be.
    changed: Condvar,
}

/// What a thread leaves to the others, and what has been found.
#[derive(Default)]
struct Shared<'s> {
    branches: Vec<Branch<'s>>,
    size: Size,
    violation: Option<Violation>,
}

/// One thread.
struct Worker<'w, 's, 'p> {
    search: &'w Search<'s, 'p>,
    stack: Vec<Branch<'s>>,
    size: Size,
    digests: (String, Digest),
}

impl<'s, 'p> Search<'s, 'p> {
    pub(super) fn new(threads: usize, progress: &'p (dyn Fn(usize) + Sync)) -> Self {
        Self {
            seen: Seen::default(),
            outcomes: Outcomes::default(),
            states: AtomicUsize::new(0),
            progress,
            threads: threads.max(1),
            idle: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            shared: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Everything that can come of this state.
    pub(super) fn run(self, beginning: Run<'s>) -> Result<Size, Violation> {
        let mut first = Some(beginning);
        thread::scope(|scope| {
            for _ in 0..self.threads {
                let beginning = first.take();
                let (search, digests) = (&self, <(String, Digest)>::default());
                let worker = Worker { search, stack: Vec::new(), size: Size::default(), digests };
                scope.spawn(move || worker.work(beginning));
            }
        });
        let Shared { size, violation, .. } = self.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        violation.map_or(Ok(Size { states: self.states.into_inner(), ..size }), Err)
    }

    fn shared(&self) -> MutexGuard<'_, Shared<'s>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the state is new.
    fn is_new(&self, fingerprint: u128) -> bool {
        if !self.seen.insert(fingerprint) {
            return false;
        }
        let states = self.states.fetch_add(1, Ordering::Relaxed) + 1;
        if states.is_multiple_of(TOLD) {
            (self.progress)(states);
        }
        true
    }

    /// Waits for what another thread leaves; `None`: nobody has anything to do.
    fn next(&self) -> Option<Branch<'s>> {
        let mut shared = self.shared();
        loop {
            if self.is_over.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(branch) = shared.branches.pop() {
                return Some(branch);
            }
            if self.idle.fetch_add(1, Ordering::Relaxed) + 1 == self.threads {
                return None;
            }
            shared = self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<'s> Worker<'_, 's, '_> {
    fn work(mut self, beginning: Option<Run<'s>>) {
        let found = beginning.map_or(Ok(()), |run| self.visit(run)).and_then(|()| self.go_on());
        let mut shared = self.search.shared();
        shared.size.transitions += self.size.transitions;
        shared.size.ends += self.size.ends;
        if let Err(violation) = found {
            shared.violation.get_or_insert(violation);
        }
    }

    fn go_on(&mut self) -> Result<(), Violation> {
        while !self.search.is_over.load(Ordering::Relaxed) {
            let Some(mut branch) = self.stack.pop().or_else(|| self.search.next()) else { break };
            let Some(choice) = branch.choices.pop() else { continue };
            let run = if branch.choices.is_empty() {
                branch.run
            } else {
                let run = branch.run.clone();
                self.stack.push(branch);
                run
            };
            self.follow(run, choice)?;
            if self.stack.len() > 1 && self.search.idle.load(Ordering::Relaxed) > 0 {
                // The one at the bottom has the most behind it.
                self.search.shared().branches.push(self.stack.remove(0));
                self.search.changed.notify_one();
            }
        }
        Ok(())
    }

    fn follow(&mut self, mut run: Run<'s>, choice: Choice) -> Result<(), Violation> {
        self.size.transitions += 1;
        run.choose(choice)?;
        self.visit(run)
    }

    /// Goes on from a state with everything that may be decided there.
    fn visit(&mut self, run: Run<'s>) -> Result<(), Violation> {
        run.decided().into_iter().try_for_each(|run| self.enter(run))
    }

    /// What can be done in a state goes on the stack, if it is new.
    fn enter(&mut self, mut run: Run<'s>) -> Result<(), Violation> {
        if !self.search.is_new(run.fingerprint(&self.search.outcomes, &mut self.digests)) {
            return Ok(());
        }
        let choices = run.choices();
        if run.is_end(&choices) {
            self.size.ends += 1;
            run.clone().end()?;
        }
        self.stack.push(Branch { run, choices });
        Ok(())
    }
}

/// However a thread ends, nobody waits for it: it has found a violation, or panics, or nothing is left to do.
impl Drop for Worker<'_, '_, '_> {
    fn drop(&mut self) {
        let _shared = self.search.shared();
        self.search.is_over.store(true, Ordering::Relaxed);
        self.search.changed.notify_all();
    }
}
