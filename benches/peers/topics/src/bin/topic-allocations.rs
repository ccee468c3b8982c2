//! What a store holds, and the allocations for each operation. A program of its own, because counting takes time.

use std::io;

use meter::allocator::Counting;
use topics::process::{Arguments, count_allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> io::Result<()> {
    count_allocations(Arguments::parse(std::env::args().skip(1))?)
}
