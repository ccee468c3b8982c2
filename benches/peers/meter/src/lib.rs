//! What both comparisons measure with: clock, callgrind, counting allocator, command line and tables.

pub mod allocator;
pub mod callgrind;
pub mod clock;
pub mod options;
pub mod report;

/// Runs what it is given and measures it, and nothing around it.
pub type Meter<'m> = &'m mut dyn FnMut(&mut dyn FnMut());

/// A measurement that has passed its check.
pub trait Measured {
    /// Operations in one repetition.
    fn operations(&self) -> usize;

    /// Repetitions long enough for a clock.
    fn repetitions(&self) -> usize;

    /// Repeats the operations so often under `meter`. What they need is made before and not measured.
    fn run(&self, repetitions: usize, meter: Meter<'_>);

    /// For each operation, what `total` is for all repetitions.
    fn each(&self, total: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let operations = (self.operations() * self.repetitions()) as f64;
        total / operations
    }
}
