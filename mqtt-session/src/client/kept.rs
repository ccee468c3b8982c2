//! The ways to hand a message over to the Client.

use alloc::sync::Arc;
use core::ops::Deref;

use crate::Message;

/// A message that is kept until it has been acknowledged.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    Own(Message),
    Shared(Arc<Message>),
}

impl Kept {
    pub(super) fn into_message(self) -> Message {
        match self {
            Self::Own(message) => message,
            Self::Shared(message) => Arc::unwrap_or_clone(message),
        }
    }
}

impl Deref for Kept {
    type Target = Message;

    #[inline]
    fn deref(&self) -> &Message {
        match self {
            Self::Own(message) => message,
            Self::Shared(message) => message,
        }
    }
}

/// A message that is kept only if it has to be.
pub(super) trait Keep {
    fn lend(&self) -> &Message;

    fn keep(self) -> Kept;
}

impl Keep for Message {
    #[inline]
    fn lend(&self) -> &Message {
        self
    }

    #[inline]
    fn keep(self) -> Kept {
        Kept::Own(self)
    }
}

impl Keep for &Message {
    #[inline]
    fn lend(&self) -> &Message {
        self
    }

    #[inline]
    fn keep(self) -> Kept {
        Kept::Own(self.clone())
    }
}

impl Keep for &Arc<Message> {
    #[inline]
    fn lend(&self) -> &Message {
        self
    }

    #[inline]
    fn keep(self) -> Kept {
        Kept::Shared(Arc::clone(self))
    }
}
