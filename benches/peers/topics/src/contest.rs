//! One contender with one workload: filled, checked, and then measured as often as a meter wants.

use core::cell::{Cell, RefCell};
use core::hint::black_box;
use core::str::FromStr;
use std::rc::Rc;
use std::time::Duration;

use meter::allocator::held;
use meter::clock::now;
use meter::{Measured, Meter};

use crate::store::{Found, Retained, Single, Store};
use crate::workload::{Kind, Question, Workload};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who is subscribed to a Topic Name.
    Match,
    /// One more subscription, from the text of its filter.
    Subscribe,
    /// One less.
    Unsubscribe,
    /// One more with a filter that 100,000 have.
    Join,
    /// Retained messages.
    Query,
    /// One filter against one name.
    Single,
    /// A received Topic Name in the type that is matched.
    Name,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 7] =
        [Self::Match, Self::Subscribe, Self::Unsubscribe, Self::Join, Self::Query, Self::Single, Self::Name];

    /// Short name, as used in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Join => "join",
            Self::Query => "query",
            Self::Single => "single",
            Self::Name => "name",
        }
    }

    /// A heading for results.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Match => "Who is subscribed to a Topic Name",
            Self::Subscribe => "Subscribe, among a million",
            Self::Unsubscribe => "Unsubscribe, among a million",
            Self::Join => "Subscribe to a filter that 100,000 have",
            Self::Query => "Retained messages, of a million",
            Self::Single => "One filter against one name",
            Self::Name => "A received Topic Name in the type that is matched",
        }
    }
}

/// How often a case does its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Operations in one repetition: questions with the label of the case.
    pub operations: usize,
    /// Repetitions long enough for a clock.
    pub repetitions: usize,
}

impl core::fmt::Display for Size {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}x{}", self.operations, self.repetitions)
    }
}

impl FromStr for Size {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (operations, repetitions) = text.split_once('x').ok_or(())?;
        Ok(Self {
            operations: operations.parse().map_err(|_| ())?,
            repetitions: repetitions.parse().map_err(|_| ())?,
        })
    }
}

/// A measurement that has passed its check.
pub struct Case {
    /// Which operation.
    pub operation: Operation,
    /// On which questions.
    pub label: String,
    /// How often.
    pub size: Size,
    run: Box<dyn Fn(usize, Meter<'_>)>,
}

impl Measured for Case {
    fn operations(&self) -> usize {
        self.size.operations
    }

    fn repetitions(&self) -> usize {
        self.size.repetitions
    }

    fn run(&self, repetitions: usize, meter: Meter<'_>) {
        (self.run)(repetitions, meter);
    }
}

/// What a contender can do with a workload.
pub struct Contest {
    /// The measurements.
    pub cases: Vec<Case>,
    /// Blocks and bytes that the store holds, if the allocator counts.
    pub held: (usize, usize),
}

/// Somebody who takes part.
#[derive(Clone, Copy)]
pub struct Contender {
    /// As it is published.
    pub name: &'static str,
    /// In which workloads.
    pub kind: Kind,
    /// Fills and checks a store.
    pub contest: fn(&Rc<Workload>, Sizes) -> Result<Contest, String>,
}

/// A contender with a store of subscriptions.
pub const fn subscriptions<S: Store>() -> Contender {
    Contender { name: S::NAME, kind: Kind::Subscriptions, contest: contest_subscriptions::<S> }
}

/// A contender with a store of retained messages.
pub const fn retained<R: Retained>() -> Contender {
    Contender { name: R::NAME, kind: Kind::Retained, contest: contest_retained::<R> }
}

/// A contender who matches one filter.
pub const fn single<S: Single>() -> Contender {
    Contender { name: S::NAME, kind: Kind::Single, contest: contest_single::<S> }
}

/// How often each case is to do its operation, in the order of the cases. It is found out in the first process, which also
/// checks every answer, and told to the others.
#[derive(Clone, Debug)]
pub enum Sizes {
    /// To be found out.
    Unknown,
    /// One for each case; no operations: the case is left out.
    Known(std::vec::IntoIter<Size>),
}

impl Sizes {
    /// So many questions may be asked by `one`, which checks its answer.
    fn size(
        &mut self,
        questions: usize,
        mut one: impl FnMut(usize) -> Result<(), String>,
    ) -> Result<Size, String> {
        const CHECK: Duration = Duration::from_secs(2);
        const ROUND: f64 = 0.1;
        const CLOCK: f64 = 0.000_5;
        if let Self::Known(sizes) = self {
            return sizes.next().ok_or_else(|| "no size for a case".into());
        }
        let start = now();
        let mut checked = 0;
        while checked < questions && (checked == 0 || start.elapsed() < CHECK) {
            one(checked)?;
            checked += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let seconds = start.elapsed().as_secs_f64() / checked as f64;
        let times = |limit: f64, each: f64, most: usize| {
            // Powers of ten, so that they are mostly the same for all and the next time.
            core::iter::successors(Some(1_usize), |times| times.checked_mul(10))
                .take_while(|times| {
                    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                    let all = *times as f64 * each;
                    *times == 1 || *times <= most && all <= limit
                })
                .last()
                .unwrap_or(1)
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let operations = match times(ROUND, seconds, checked) {
            _ if checked == questions && seconds * checked as f64 <= ROUND => questions,
            some => some,
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let repetitions = times(CLOCK, seconds * operations as f64, 100_000);
        Ok(Size { operations, repetitions })
    }

    /// As often as it is said, if nothing else is.
    fn or(&mut self, size: Size) -> Result<Size, String> {
        match self {
            Self::Unknown => Ok(size),
            Self::Known(sizes) => sizes.next().ok_or_else(|| "no size for a case".into()),
        }
    }
}

fn verify(question: &Question, found: Found) -> Result<(), String> {
    let expected = question.expected;
    if found == expected {
        Ok(())
    } else {
        Err(format!("{} hits instead of {}, or others", found.hits, expected.hits))
    }
}

fn total(questions: &[Question]) -> Found {
    questions.iter().fold(Found::default(), |mut total, question| {
        total.add(question.expected);
        total
    })
}

/// The questions by label.
fn groups(questions: &[Question]) -> impl Iterator<Item = &[Question]> {
    questions.chunk_by(|left, right| left.label == right.label)
}

/// Does it once, so that code and data are in the caches, then under the meter.
fn repeat(repetitions: usize, meter: Meter<'_>, mut once: impl FnMut()) {
    once();
    meter(&mut || {
        for _ in 0..repetitions {
            once();
        }
    });
}

fn since((blocks, bytes): (usize, usize)) -> (usize, usize) {
    let (blocks_now, bytes_now) = held();
    (blocks_now.saturating_sub(blocks), bytes_now.saturating_sub(bytes))
}

fn contest_subscriptions<S: Store>(workload: &Rc<Workload>, mut sizes: Sizes) -> Result<Contest, String> {
    let Workload { stored, questions } = &**workload;
    let before = held();
    let mut store = S::new();
    for (subscriber, filter) in (0..).zip(stored) {
        if !store.insert(filter, subscriber) {
            return Err("it does not store it".into());
        }
    }
    let held = since(before);
    let names: Vec<_> = questions.iter().map(|question| S::name(&question.text)).collect();
    let label = questions[0].label.clone();
    let size = sizes.size(questions.len(), |index| {
        let mut found = Found::default();
        store.check(&names[index], &mut found);
        verify(&questions[index], found)
    })?;
    let expected = total(&questions[..size.operations]);
    let store = Rc::new(RefCell::new(store));
    let shared = Rc::clone(&store);
    let run = move |repetitions: usize, meter: Meter<'_>| {
        let mut store = shared.borrow_mut();
        repeat(repetitions, meter, || {
            let mut found = Found::default();
            for name in &names[..size.operations] {
                store.matches(black_box(name), &mut found);
            }
            assert!(!S::TELLS || found == expected, "the answers have changed");
        });
    };
    let case = |operation, size, run| Case { operation, label: label.clone(), size, run };
    let mut cases = vec![case(Operation::Match, size, Box::new(run))];
    match label.as_str() {
        "mixed/1m" => {
            for operation in [Operation::Unsubscribe, Operation::Subscribe] {
                let size = sizes.or(Size { operations: 1_000, repetitions: 1 })?;
                let run = churn(operation, size.operations, Rc::clone(&store), Rc::clone(workload));
                cases.push(case(operation, size, run));
            }
        }
        "fan-out/100k" => {
            let size = sizes.or(Size { operations: 100, repetitions: 1 })?;
            cases.push(case(Operation::Join, size, join(size.operations, store, Rc::clone(workload))));
        }
        _ => {}
    }
    cases.retain(|case| case.size.operations > 0);
    Ok(Contest { cases, held })
}

/// How many find a filter without wildcards, taken as a name.
fn subscribers<S: Store>(store: &mut S, filter: &str) -> u64 {
    let mut found = Found::default();
    store.check(&S::name(filter), &mut found);
    found.hits
}

/// Some subscriptions all over the store end and begin again; one of both is measured.
fn churn<S: Store>(
    operation: Operation,
    operations: usize,
    store: Rc<RefCell<S>>,
    workload: Rc<Workload>,
) -> Box<dyn Fn(usize, Meter<'_>)> {
    /// Prime, so that the places are different.
    const STRIDE: usize = 7_919;
    let is_checked = Cell::new(false);
    Box::new(move |repetitions, meter| {
        let mut store = store.borrow_mut();
        let stored = &workload.stored;
        let places = || (0..operations * repetitions).map(|number| number * STRIDE % stored.len());
        let numbered = || places().map(|place| (&stored[place], u32::try_from(place).unwrap_or(u32::MAX)));
        let (witness, _) =
            numbered().find(|(filter, _)| !filter.contains(['+', '#'])).expect("most have no wildcards");
        let remove = |store: &mut S| {
            numbered().for_each(|(filter, subscriber)| store.remove(black_box(filter), subscriber));
        };
        let insert = |store: &mut S| {
            numbered().for_each(|(filter, subscriber)| _ = store.insert(black_box(filter), subscriber));
        };
        if !is_checked.replace(true) {
            let before = subscribers(&mut *store, witness);
            remove(&mut store);
            assert_eq!(subscribers(&mut *store, witness), before - 1);
            insert(&mut store);
            assert_eq!(subscribers(&mut *store, witness), before);
        }
        // Once for the caches.
        remove(&mut store);
        insert(&mut store);
        if operation == Operation::Unsubscribe {
            meter(&mut || remove(&mut store));
            insert(&mut store);
        } else {
            remove(&mut store);
            meter(&mut || insert(&mut store));
        }
    })
}

/// Some more subscribe to the filter that all have, and leave again.
fn join<S: Store>(
    operations: usize,
    store: Rc<RefCell<S>>,
    workload: Rc<Workload>,
) -> Box<dyn Fn(usize, Meter<'_>)> {
    Box::new(move |repetitions, meter| {
        let mut store = store.borrow_mut();
        let stored = &workload.stored;
        let filter = stored[0].as_str();
        let more = operations * repetitions;
        let subscribers_of = |store: &mut S| usize::try_from(subscribers(store, filter)).unwrap_or_default();
        let newcomers = || (stored.len()..).take(more).filter_map(|number| u32::try_from(number).ok());
        let insert = |store: &mut S| {
            newcomers().for_each(|subscriber| _ = store.insert(black_box(filter), subscriber));
        };
        let remove =
            |store: &mut S| newcomers().for_each(|subscriber| store.remove(black_box(filter), subscriber));
        insert(&mut store);
        remove(&mut store);
        meter(&mut || insert(&mut store));
        assert_eq!(subscribers_of(&mut store), stored.len() + more);
        remove(&mut store);
        assert_eq!(subscribers_of(&mut store), stored.len());
    })
}

fn contest_retained<R: Retained>(workload: &Rc<Workload>, mut sizes: Sizes) -> Result<Contest, String> {
    let before = held();
    let mut store = R::new();
    for (value, name) in (0..).zip(&workload.stored) {
        store.insert(name, value);
    }
    let held = since(before);
    let store = Rc::new(store);
    let mut cases = Vec::new();
    for questions in groups(&workload.questions) {
        let Some(queries) =
            questions.iter().map(|question| R::query(&question.text)).collect::<Option<Vec<_>>>()
        else {
            continue;
        };
        let size = sizes.size(questions.len(), |index| {
            let mut found = Found::default();
            store.matches(&queries[index], &mut found);
            verify(&questions[index], found)
        })?;
        let expected = total(&questions[..size.operations]);
        let store = Rc::clone(&store);
        let run = move |repetitions: usize, meter: Meter<'_>| {
            repeat(repetitions, meter, || {
                let mut found = Found::default();
                for query in &queries[..size.operations] {
                    store.matches(black_box(query), &mut found);
                }
                assert_eq!(found, expected);
            });
        };
        let label = questions[0].label.clone();
        cases.push(Case { operation: Operation::Query, label, size, run: Box::new(run) });
    }
    // There is nobody left to ask, and some drop by recursion.
    core::mem::forget(store);
    cases.retain(|case| case.size.operations > 0);
    Ok(Contest { cases, held })
}

fn contest_single<S: Single>(workload: &Rc<Workload>, mut sizes: Sizes) -> Result<Contest, String> {
    let mut cases = Vec::new();
    for questions in groups(&workload.questions) {
        let [question] = questions else { return Err("one filter for each label".into()) };
        let Some(filter) = S::filter(&question.text) else { continue };
        let name = S::name(&workload.stored[0]);
        let is_match = question.expected.hits > 0;
        if S::matches(&filter, &name) != is_match {
            return Err(format!("the other answer for {}", question.text));
        }
        let size = sizes.or(Size { operations: 1, repetitions: 10_000 })?;
        let run = move |repetitions: usize, meter: Meter<'_>| {
            repeat(repetitions, meter, || {
                assert_eq!(S::matches(black_box(&filter), black_box(&name)), is_match);
            });
        };
        let label = question.label.clone();
        cases.push(Case { operation: Operation::Single, label, size, run: Box::new(run) });
    }
    if let Some(parse) = S::PARSE {
        let text = workload.stored[0].clone();
        let size = sizes.or(Size { operations: 1, repetitions: 10_000 })?;
        let run = move |repetitions: usize, meter: Meter<'_>| {
            repeat(repetitions, meter, || parse(black_box(&text)));
        };
        let label = "45 bytes, five levels".into();
        cases.push(Case { operation: Operation::Name, label, size, run: Box::new(run) });
    }
    cases.retain(|case| case.size.operations > 0);
    Ok(Contest { cases, held: (0, 0) })
}
