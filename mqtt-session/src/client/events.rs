//! What waits for `poll_event`.

use alloc::collections::VecDeque;

use mqtt_codec::PublishReason;

use super::{Event, PublishOutcome, PublishToken};
use crate::Acknowledgement;

/// Events in their order.
///
/// Most of all events are the success of a message, which is some bytes until it is asked for: an [`Event`] has room for a message,
/// and is expensive to move.
#[derive(Debug)]
pub(super) struct Events {
    order: VecDeque<Next>,
    others: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Sent(PublishToken),
    Acknowledged(PublishToken, PublishReason),
    /// The first of the others.
    Other,
}

impl Events {
    pub(super) fn new() -> Self {
        // Most of the time there is one at a time.
        Self { order: VecDeque::new(), others: VecDeque::with_capacity(1) }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        self.order.push_back(Next::Other);
        self.others.push_back(event);
    }

    /// [`PublishOutcome::Sent`].
    #[inline]
    pub(super) fn sent(&mut self, token: PublishToken) {
        self.order.push_back(Next::Sent(token));
    }

    /// [`PublishOutcome::Acknowledged`], and nothing is said beside the reason.
    #[inline]
    pub(super) fn acknowledged(&mut self, token: PublishToken, reason: PublishReason) {
        self.order.push_back(Next::Acknowledged(token, reason));
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Event> {
        let (token, outcome) = match self.order.pop_front()? {
            Next::Sent(token) => (token, PublishOutcome::Sent),
            Next::Acknowledged(token, reason) => {
                (token, PublishOutcome::Acknowledged(Acknowledgement { reason, explanation: None }))
            }
            Next::Other => return self.others.pop_front(),
        };
        Some(Event::Published { token, outcome })
    }
}
