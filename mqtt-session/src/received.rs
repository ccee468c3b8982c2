//! What a state machine says about the input it was given.

/// What to do with the input after it was offered.
///
/// The caller owns the buffer; what the machine has understood is gone from its front.
#[must_use = "the input may have to be offered again, or the connection to be closed"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Everything complete has been handled. At least this many more bytes (never 0) make the next packet complete: a
    /// hint for the size of the next read. It is what the peer claims, up to the largest packet that is accepted: clamp it
    /// before memory is reserved for it.
    NeedData(usize),
    /// Too much waits to be written, or at a durable broker to be stored. Write, then offer the rest of the input again, *before* waiting for more of it.
    Paused,
    /// The connection is over: write what is left, then close. Input is not looked at any more.
    Closed,
}
