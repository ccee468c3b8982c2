//! Instructions, counted by callgrind in one run of this program: a dump for every measured region.

use core::hint::black_box;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{self, Command, Stdio};

use crate::case::Case;

/// The argument that makes this program the one that is counted.
pub const ARGUMENT: &str = "--counted";

/// What callgrind counts, and what it writes a dump behind. The result keeps the call from becoming a jump, which
/// callgrind would not see the end of.
#[inline(never)]
fn counted_by_callgrind(work: &mut dyn FnMut()) -> bool {
    work();
    black_box(true)
}

/// Every case with its repetitions, then with twice as many. Start-up and what is made before do not count.
pub fn run(cases: &[Case]) {
    for case in cases {
        for times in 1..=2 {
            case.run(times * case.repetitions, &mut |work| assert!(counted_by_callgrind(work)));
        }
    }
}

/// Instructions for each operation of each case, by the difference of the two dumps; `arguments` lead to the same cases.
///
/// # Errors
/// Callgrind cannot be run, or its dumps are not those of the cases.
pub fn instructions(cases: &[Case], arguments: &[String]) -> io::Result<Vec<f64>> {
    let dir = std::env::temp_dir().join(format!("callgrind-{}", process::id()));
    fs::create_dir_all(&dir)?;
    let counted = count(cases, arguments, &dir);
    fs::remove_dir_all(&dir)?;
    counted
}

fn count(cases: &[Case], arguments: &[String], dir: &Path) -> io::Result<Vec<f64>> {
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        // Two patterns for one function: callgrind forgets the first option that has the pattern of a second.
        .args(["--toggle-collect=*counted_by_callgrind*", "--dump-after=*callgrind::counted_by_callgrind*"])
        .arg(format!("--callgrind-out-file={}", dir.join("dump").display()))
        .arg(std::env::current_exe()?)
        .arg(ARGUMENT)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(io::Error::other("callgrind has failed"));
    }
    let total = |dump: usize| -> io::Result<u64> {
        let text = fs::read_to_string(dir.join(format!("dump.{dump}")))?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        total.and_then(|total| total.trim().parse().ok()).ok_or_else(|| io::Error::other("no totals"))
    };
    cases
        .iter()
        .enumerate()
        .map(|(index, case)| {
            let [once, twice] = [total(2 * index + 1)?, total(2 * index + 2)?];
            if twice <= once {
                return Err(io::Error::other("callgrind has not counted"));
            }
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            Ok((twice - once) as f64 / (case.operations * case.repetitions) as f64)
        })
        .collect()
}
