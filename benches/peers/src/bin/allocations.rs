//! Allocations for each operation of each case, in the order of the cases. A program of its own, because counting takes
//! time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use peers::options::Options;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let Some(options) = Options::parse(std::env::args().skip(1)) else { return ExitCode::FAILURE };
    for case in options.cases().cases {
        let mut allocations = 0;
        case.run(case.repetitions, &mut |work| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            work();
            allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        });
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let each = allocations as f64 / (case.operations * case.repetitions) as f64;
        println!("{each}");
    }
    ExitCode::SUCCESS
}
