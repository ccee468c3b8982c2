//! Counts the bytes of the input that are looked at, in this crate's own tests only: nothing is counted anywhere else.
//!
//! The decoder calls [`add`] where it reads a fixed header and where it hands a body over to be read. A body counts once,
//! although a string in it may be swept more than once.

#[cfg(not(test))]
pub(crate) const fn add(_: usize) {}

#[cfg(test)]
pub(crate) use counted::{add, take};

#[cfg(test)]
mod counted {
    extern crate std;

    use core::cell::Cell;

    std::thread_local! {
        static BYTES: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn add(bytes: usize) {
        BYTES.set(BYTES.get() + bytes);
    }

    /// The count since the last call.
    pub(crate) fn take() -> usize {
        BYTES.take()
    }
}
