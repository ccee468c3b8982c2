//! Whether what the enumeration leaves out may be left out: the same way through the states, by one thread, that believes nothing.
//!
//! - Two states of one fingerprint are to go on alike: to the same fingerprints, as often. Every state is gone on from each time it is
//!   reached, where the enumeration goes on from the first of its fingerprint alone.
//! - Steps that are enough are to be independent of each step and fault that is left out: both orders lead to the same fingerprint.

use std::collections::{BTreeMap, BTreeSet};

use super::super::tables::Outcomes;
use super::{Choice, Digest, Fault, Run, Scope, Violation};

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Fingerprints of the states in which nothing is left, whatever faults might still have come.
    pub ends: BTreeSet<u128>,
    /// How many states were reached once more.
    pub again: usize,
    /// How many pairs of steps and faults were tried in both orders.
    pub swapped: usize,
}

/// Goes through a scope.
///
/// # Errors
/// A violation, or what should not have been left out.
pub fn check(scope: &Scope) -> Result<Checked, Violation> {
    let mut checker = Checker::default();
    let mut left = Run::begin(scope, false)?.decided();
    while let Some(run) = left.pop() {
        if let Some(next) = checker.enter(run)? {
            left.extend(next);
        }
    }
    Ok(checker.checked)
}

#[derive(Default)]
struct Checker {
    checked: Checked,
    outcomes: Outcomes,
    digests: (String, Digest),
    /// Where states lead to, by their fingerprints.
    seen: BTreeMap<u128, Vec<u128>>,
}

impl Checker {
    fn fingerprint(&mut self, run: &Run<'_>) -> u128 {
        run.clone().fingerprint(&self.outcomes, &mut self.digests)
    }

    /// Where a state leads to; nothing if that is known.
    fn enter<'s>(&mut self, mut run: Run<'s>) -> Result<Option<Vec<Run<'s>>>, Violation> {
        let fingerprint = run.fingerprint(&self.outcomes, &mut self.digests);
        let choices = run.choices();
        let mut next = Vec::new();
        for choice in &choices {
            let mut run = run.clone();
            run.choose(*choice)?;
            next.extend(run.decided());
        }
        let mut reached: Vec<_> = next.iter().map(|run| self.fingerprint(run)).collect();
        reached.sort_unstable();
        if let Some(known) = self.seen.get(&fingerprint) {
            self.checked.again += 1;
            if *known != reached {
                return Err(Violation::new(format!("{:?} goes on otherwise than before", run.path)));
            }
            return Ok(None);
        }
        self.seen.insert(fingerprint, reached);
        self.swap(&run, &choices)?;
        if run.is_end(&choices) {
            let end = self.fingerprint(&run.expecting(Fault::None));
            self.checked.ends.insert(end);
            run.end()?;
        }
        Ok(Some(next))
    }

    fn swap(&mut self, run: &Run<'_>, choices: &[Choice]) -> Result<(), Violation> {
        let all = |run: &Run<'_>| run.with_faults(run.steps());
        let left_out = all(run).into_iter().filter(|other| !choices.contains(other));
        for (enough, other) in left_out.flat_map(|other| choices.iter().map(move |enough| (*enough, other))) {
            self.checked.swapped += 1;
            let both = [[enough, other], [other, enough]].map(|[first, then]| {
                let named = run.named(then);
                let mut run = run.clone();
                run.choose(first).ok()?;
                let then = all(&run).into_iter().find(|choice| run.named(*choice) == named)?;
                run.choose(then).ok()?;
                Some(self.fingerprint(&run))
            });
            if both[0].is_none() || both[0] != both[1] {
                return Err(Violation::new(format!(
                    "{:?}, {:?}: it makes a difference whether {enough:?} comes before {other:?}",
                    run.path, run.fault
                )));
            }
        }
        Ok(())
    }
}

impl Run<'_> {
    /// A choice whatever its link is numbered, and which link that is.
    fn named(&self, mut choice: Choice) -> (Choice, Option<u64>) {
        let link = match &mut choice {
            Choice::Deliver { link, .. } | Choice::DeliverAndCrash { link, .. } | Choice::Cut { link } => {
                link
            }
            Choice::Publish
            | Choice::Connect { .. }
            | Choice::Crash { .. }
            | Choice::PublishAndCrash { .. } => return (choice, None),
        };
        let since = self.world.since(usize::from(*link));
        *link = 0;
        (choice, Some(since))
    }
}
