//! One contender with one workload in a process of its own, so that a large store, a deep recursion or a long search of
//! one is nothing to the others.
//!
//! The first process of a contender tells what it can do, and then measures one round whenever it is told to. Two more count
//! instructions and allocations.

use std::io::{self, BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{self, Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use meter::clock::{overhead, time};
use meter::{Measured as _, allocator, callgrind};

use crate::contest::{Case, Contender, Contest, Operation, Size, Sizes};
use crate::stores::contenders;
use crate::workload::{Kind, Workload};

/// The argument of a process that takes part.
pub const ARGUMENT: &str = "--contest";

/// Until a process has filled its store and checked its answers, and until one that counts is done: time of the processor, so
/// that it does not depend on who else uses the machine.
const LIMIT: Duration = Duration::from_secs(30);
const COUNTED_LIMIT: Duration = Duration::from_secs(60);

/// Not to be afraid of recursion: how deep it goes is not what is measured.
const STACK: usize = 1 << 30;

/// What a process is told: the place of the contender, where the workload is, and how often to do each case.
pub struct Arguments {
    contender: Contender,
    workload: Workload,
    sizes: Sizes,
}

impl Arguments {
    /// Reads them, from behind [`ARGUMENT`].
    ///
    /// # Errors
    /// They are not those of [`Process::start`], or the workload cannot be read.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut argument = || arguments.next().ok_or_else(|| io::Error::other("an argument is missing"));
        let place: usize = argument()?.parse().map_err(io::Error::other)?;
        let contender =
            contenders().into_iter().nth(place).ok_or_else(|| io::Error::other("no such contender"))?;
        let workload = Workload::read(Path::new(&argument()?))?;
        let sizes = match arguments.next() {
            None => Sizes::Unknown,
            Some(sizes) => {
                let sizes: Result<Vec<Size>, ()> = sizes.split(',').map(str::parse).collect();
                Sizes::Known(sizes.map_err(|()| io::Error::other("no sizes"))?.into_iter())
            }
        };
        Ok(Self { contender, workload, sizes })
    }
}

/// Ends the process if it takes too long, and runs what it does with a large stack.
fn with_limit(limit: Duration, body: impl FnOnce(&AtomicBool) -> Result<(), String> + Send) -> ! {
    static IS_READY: AtomicBool = AtomicBool::new(false);
    // What a library panics on is for its authors.
    std::panic::set_hook(Box::new(|_| {}));
    thread::spawn(move || {
        while processor_time() < limit {
            #[expect(clippy::disallowed_methods, reason = "a limit of a measurement")]
            thread::sleep(Duration::from_millis(100));
            if IS_READY.load(Ordering::Relaxed) {
                return;
            }
        }
        println!("failed\tit takes too long");
        process::exit(1);
    });
    let outcome = thread::scope(|scope| {
        let body = move || body(&IS_READY);
        thread::Builder::new().stack_size(STACK).spawn_scoped(scope, body).map(thread::ScopedJoinHandle::join)
    });
    let status = match outcome {
        Ok(Ok(Ok(()))) => 0,
        Ok(Ok(Err(reason))) => {
            println!("failed\t{reason}");
            1
        }
        _ => 1,
    };
    process::exit(status)
}

/// What this process has used of the processor, as Linux tells it; nothing elsewhere.
fn processor_time() -> Duration {
    const TICKS_PER_SECOND: u64 = 100;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name of the program: the state, ten numbers, and the ticks of the program and of the system for it.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// Takes part: says what it can do, and measures a round for every number of a case that it is told.
pub fn measure(arguments: Arguments) -> ! {
    with_limit(LIMIT, move |is_ready| {
        let Contest { cases, .. } =
            (arguments.contender.contest)(&Rc::new(arguments.workload), arguments.sizes)?;
        is_ready.store(true, Ordering::Relaxed);
        for Case { operation, label, size, .. } in &cases {
            println!("case\t{}\t{size}\t{label}", operation.name());
        }
        println!("ready");
        for line in io::stdin().lock().lines() {
            let case = line.ok().and_then(|line| cases.get(line.parse::<usize>().ok()?));
            let case = case.ok_or("no such case")?;
            let mut taken = Duration::MAX;
            case.run(case.size.repetitions, &mut |work| taken = time(work));
            println!("{}", case.each(taken.saturating_sub(overhead()).as_secs_f64() * 1e9));
        }
        // Without dropping: some drop by recursion, and all take their time.
        process::exit(0)
    })
}

/// Is counted by callgrind.
pub fn count_instructions(arguments: Arguments) -> ! {
    with_limit(COUNTED_LIMIT, move |_| {
        let Contest { cases, .. } =
            (arguments.contender.contest)(&Rc::new(arguments.workload), arguments.sizes)?;
        callgrind::run(&cases).map_err(|error| error.to_string())?;
        process::exit(0)
    })
}

/// Prints what the store holds and the allocations of each case; in a program whose allocator counts.
pub fn count_allocations(arguments: Arguments) -> ! {
    with_limit(LIMIT, move |is_ready| {
        let Contest { cases, held } =
            (arguments.contender.contest)(&Rc::new(arguments.workload), arguments.sizes)?;
        // Who watches the time allocates too.
        is_ready.store(true, Ordering::Relaxed);
        println!("{}\n{}", held.0, held.1);
        for case in &cases {
            let mut count = 0;
            case.run(case.size.repetitions, &mut |work| {
                let before = allocator::allocations();
                work();
                count = allocator::allocations() - before;
            });
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let count = count as f64;
            println!("{}", case.each(count));
        }
        process::exit(0)
    })
}

/// What a process can do.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The operation.
    pub operation: Operation,
    /// The questions.
    pub label: String,
    /// How often.
    pub size: Size,
    /// The best of all rounds, in nanoseconds for each operation.
    pub best: f64,
}

impl Offer {
    /// Whether an operation takes so long that few rounds must do, and that counting would take minutes.
    pub fn is_long(&self) -> bool {
        self.best > 3e7
    }
}

/// A process that is ready to measure.
pub struct Process {
    /// Who it is.
    pub contender: Contender,
    /// What it can do.
    pub offers: Vec<Offer>,
    place: usize,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// What two more processes have counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Instructions for each operation of each offer.
    pub instructions: Vec<Option<f64>>,
    /// Allocations for each operation of each offer.
    pub allocations: Vec<Option<f64>>,
    /// Blocks and bytes that the store holds.
    pub held: Option<(f64, f64)>,
}

impl Process {
    /// Fills and checks a store in a process of its own.
    ///
    /// # Errors
    /// Why there is nothing to measure.
    pub fn start(place: usize, contender: Contender, dir: &Path) -> Result<Self, String> {
        Self::spawn(place, contender, dir).map_err(|error| error.to_string())
    }

    fn spawn(place: usize, contender: Contender, dir: &Path) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([ARGUMENT, &place.to_string()])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        let mut output = BufReader::new(output).lines();
        let mut offers = Vec::new();
        loop {
            let line = output.next().transpose()?.unwrap_or_default();
            let fields: Vec<_> = line.split('\t').collect();
            match fields.as_slice() {
                ["case", operation, size, label] => {
                    let operation =
                        Operation::ALL.into_iter().find(|one| one.name() == *operation).expect("one of ours");
                    let size = size.parse().expect("one of ours");
                    offers.push(Offer { operation, label: (*label).to_owned(), size, best: f64::INFINITY });
                }
                ["ready"] => return Ok(Self { contender, offers, place, child, input, output }),
                ["failed", reason] => {
                    child.wait()?;
                    return Err(io::Error::other(*reason));
                }
                _ => {
                    child.kill()?;
                    child.wait()?;
                    return Err(io::Error::other("no answer"));
                }
            }
        }
    }

    /// Measures one round of an offer.
    ///
    /// # Errors
    /// It has ended.
    pub fn turn(&mut self, offer: usize) -> io::Result<()> {
        writeln!(self.input, "{offer}")?;
        let line = self.output.next().transpose()?.unwrap_or_default();
        let nanoseconds: f64 = line.parse().map_err(|_| io::Error::other("no answer"))?;
        let best = &mut self.offers[offer].best;
        *best = best.min(nanoseconds);
        Ok(())
    }

    /// Ends it, and counts the same in two more processes.
    ///
    /// # Errors
    /// Those of processes.
    pub fn count(mut self, dir: &Path) -> io::Result<Counts> {
        drop(self.input);
        self.child.wait()?;
        let arguments = |sizes: &[Size]| {
            let sizes = sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            [self.place.to_string(), dir.display().to_string(), sizes]
        };
        let size = |offer: &Offer| Size {
            operations: offer.size.operations.min(1_000),
            repetitions: offer.size.repetitions.min(1_000),
        };

        let mut sizes: Vec<_> = self.offers.iter().map(size).collect();
        let counting = std::env::current_exe()?.with_file_name("topic-allocations");
        let output = Command::new(counting).args(arguments(&sizes)).stderr(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut numbers = text.lines().map_while(|line| line.parse::<f64>().ok());
        let held = numbers.next().zip(numbers.next());
        let allocations = sizes.iter().map(|_| numbers.next()).collect();

        for (size, offer) in sizes.iter_mut().zip(&self.offers) {
            if offer.is_long() {
                size.operations = 0;
            }
        }
        let arguments: Vec<_> = core::iter::once(ARGUMENT.to_owned()).chain(arguments(&sizes)).collect();
        let cases = sizes.iter().filter(|size| size.operations > 0).count();
        let counted = callgrind::instructions(cases, &arguments).unwrap_or_default();
        let mut counted = counted.into_iter();
        let each = |size: &Size| {
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let each = |count| count / (size.operations * size.repetitions) as f64;
            if size.operations == 0 { None } else { counted.next().map(each) }
        };
        Ok(Counts { instructions: sizes.iter().map(each).collect(), allocations, held })
    }
}

/// Does something for each item, two at a time, in their order.
pub fn two_at_a_time<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let queue = std::sync::Mutex::new(items.into_iter().enumerate());
    let (results, all) = mpsc::channel();
    thread::scope(|scope| {
        for results in [results.clone(), results] {
            scope.spawn(|| {
                let results = results;
                loop {
                    let next = queue.lock().map(|mut queue| queue.next());
                    let Ok(Some((index, item))) = next else { break };
                    _ = results.send((index, work(item)));
                }
            });
        }
    });
    let mut all: Vec<_> = all.iter().collect();
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

/// The contenders for a kind of workload, with their places.
pub fn contenders_for(kind: Kind) -> Vec<(usize, Contender)> {
    contenders().into_iter().enumerate().filter(|(_, contender)| contender.kind == kind).collect()
}
