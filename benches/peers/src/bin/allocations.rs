//! Allocations for each operation of each case, in the order of the cases. A program of its own, because counting takes
//! time.

use std::process::ExitCode;

use meter::Measured as _;
use meter::allocator::{Counting, allocations};
use peers::options::Options;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let Some(options) = Options::parse(std::env::args().skip(1)) else { return ExitCode::FAILURE };
    for case in options.cases().cases {
        let mut count = 0;
        case.run(case.repetitions, &mut |work| {
            let before = allocations();
            work();
            count = allocations() - before;
        });
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let count = count as f64;
        println!("{}", case.each(count));
    }
    ExitCode::SUCCESS
}
