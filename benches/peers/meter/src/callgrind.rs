//! Instructions, counted by callgrind in one run of this program: a dump for every measured region.

use core::hint::black_box;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Measured;

/// The first argument of a program that is counted.
pub const ARGUMENT: &str = "--counted";

/// What the counted program says when only counting is left, and is told when it is counted.
const READY: &str = "ready";

/// What callgrind counts, and what it writes a dump behind. The result keeps the call from becoming a jump, which
/// callgrind would not see the end of.
#[inline(never)]
fn counted_by_callgrind(work: &mut dyn FnMut()) -> bool {
    work();
    black_box(true)
}

/// Every case with its repetitions, then with twice as many. Start-up and what is made before do not count.
///
/// # Errors
/// Nobody is there who counts.
pub fn run<M: Measured>(cases: &[M]) -> io::Result<()> {
    println!("{READY}");
    io::stdin().lock().read_line(&mut String::new())?;
    for case in cases {
        for times in 1..=2 {
            case.run(times * case.repetitions(), &mut |work| assert!(counted_by_callgrind(work)));
        }
    }
    Ok(())
}

/// Instructions of each case with its repetitions, by the difference of the two dumps; `arguments` lead to so many cases.
///
/// # Errors
/// Callgrind cannot be run, or its dumps are not those of the cases.
pub fn instructions(cases: usize, arguments: &[String]) -> io::Result<Vec<f64>> {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("callgrind-{}-{run}", process::id()));
    fs::create_dir_all(&dir)?;
    let counted = count(cases, arguments, &dir);
    fs::remove_dir_all(&dir)?;
    counted
}

fn count(cases: usize, arguments: &[String], dir: &Path) -> io::Result<Vec<f64>> {
    let mut counted = Command::new("valgrind")
        // What a program does before it is ready takes a tenth of the time if nothing is instrumented.
        .args(["--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no"])
        // Two patterns for one function: callgrind forgets the first option that has the pattern of a second.
        .args(["--toggle-collect=*counted_by_callgrind*", "--dump-after=*callgrind::counted_by_callgrind*"])
        .args(["--main-stacksize=8388608", "--max-stackframe=1073741824"])
        .arg(format!("--callgrind-out-file={}", dir.join("dump").display()))
        .arg(std::env::current_exe()?)
        .arg(ARGUMENT)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (Some(mut input), Some(output)) = (counted.stdin.take(), counted.stdout.take()) else {
        return Err(io::Error::other("no pipes"));
    };
    if BufReader::new(output).lines().next().transpose()?.is_some_and(|line| line == READY) {
        let mut control = Command::new("callgrind_control");
        control.arg("--instr=on").arg(counted.id().to_string()).stdout(Stdio::null()).stderr(Stdio::null());
        control.status()?;
        writeln!(input)?;
    }
    drop(input);
    if !counted.wait()?.success() {
        return Err(io::Error::other("callgrind has failed"));
    }
    let total = |dump: usize| -> io::Result<u64> {
        let text = fs::read_to_string(dir.join(format!("dump.{dump}")))?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        total.and_then(|total| total.trim().parse().ok()).ok_or_else(|| io::Error::other("no totals"))
    };
    (0..cases)
        .map(|index| {
            let [once, twice] = [total(2 * index + 1)?, total(2 * index + 2)?];
            if twice <= once {
                return Err(io::Error::other("callgrind has not counted"));
            }
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            Ok((twice - once) as f64)
        })
        .collect()
}
