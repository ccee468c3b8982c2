//! What waits for `poll_event`.

use alloc::collections::VecDeque;

use mqtt_codec::PublishReason;

use super::{Event, PublishOutcome, PublishToken};
use crate::Acknowledgement;

/// Events in their order.
///
/// Most of all events are the success of a message, which is some bytes until it is asked for: an [`Event`] has room for a message,
/// and is expensive to move.
#[derive(Clone, Debug)]
pub(super) struct Events {
    brief: VecDeque<Brief>,
    others: VecDeque<Event>,
    /// How many others there have been, and how many have been handed out; only compared.
    pushed: u32,
    popped: u32,
}

/// The success of a message.
#[derive(Clone, Copy, Debug)]
struct Brief {
    token: PublishToken,
    /// Nothing is said beside it; `None`: the message has been sent with QoS 0.
    reason: Option<PublishReason>,
    /// How many others came before it.
    behind: u32,
}

impl Events {
    pub(super) fn new() -> Self {
        // Most of the time there is one at a time.
        Self { brief: VecDeque::new(), others: VecDeque::with_capacity(1), pushed: 0, popped: 0 }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.pushed = self.pushed.wrapping_add(1);
        self.others.push_back(event);
    }

    /// [`PublishOutcome::Sent`].
    #[inline]
    pub(super) fn sent(&mut self, token: PublishToken) {
        self.brief.push_back(Brief { token, reason: None, behind: self.pushed });
    }

    /// [`PublishOutcome::Acknowledged`], and nothing is said beside the reason.
    #[inline]
    pub(super) fn acknowledged(&mut self, token: PublishToken, reason: PublishReason) {
        self.brief.push_back(Brief { token, reason: Some(reason), behind: self.pushed });
    }

    /// The next event, if it is the success of a message: apart from the others, so that who asks for it need not look what it is.
    #[inline]
    pub(super) fn pop_brief(&mut self) -> Option<Event> {
        let Brief { token, reason, .. } = *self.brief.front().filter(|brief| brief.behind == self.popped)?;
        self.brief.pop_front();
        let outcome = reason.map_or(PublishOutcome::Sent, |reason| {
            PublishOutcome::Acknowledged(Acknowledgement { reason, explanation: None })
        });
        Some(Event::Published { token, outcome })
    }

    /// The next event, if it is another.
    pub(super) fn pop_other(&mut self) -> Option<Event> {
        let event = self.others.pop_front()?;
        self.popped = self.popped.wrapping_add(1);
        Some(event)
    }
}
