//! Which steps are tried where the order makes no difference (partial order reduction).
//!
//! A step touches the machine that is given something, takes from the head of one direction of a link, and adds to the tails of others. So
//! does a crash: what its machine had under way to it is never read, and behind what it had sent the stream ends. A cut touches the
//! machines at both ends. Who touch different machines are independent: they lead to the same state in either order, and neither enables
//! nor disables the other; but for a connection that begins before the Server crashes, which is lost, and one that begins after it,
//! which is not. Of what touches the same machine this is independent, too:
//!
//! - at the Server, what concerns one Session of what concerns the other: all that arrives but a PUBLISH, which is for both, and but what a
//!   crash of the Server could tell apart, because it has one store;
//! - PUBACK and PUBCOMP of a message that begins: [`ends_exchange`](Run::ends_exchange).
//!
//! What the model says of a step depends on what this touches, and on what has led to it. What it knows of the other machines, whether a
//! message was answered, to whom it is due and which Session there is, it knew when the packet was written: no violation depends on the
//! order of what is independent.
//!
//! Where no more than one fault is left, it is decided beforehand what comes: none, or one that touches these machines. Each is tried by
//! itself, from the same state. Then some of the steps are enough where
//!
//! - the fault to come is independent of them;
//! - whatever else can be done before one of them is, too, and enables nothing that is not.
//!
//! What is done before the first of them may as well be done after it, so that every run that is left out is one that is tried, but for the
//! order of what is independent (such steps are a persistent set). None is put off for ever, because all runs end: every step uses up a
//! packet, a message or a fault, or begins a connection that takes the place of one that was lost.
//!
//! These are enough, the first that there are:
//!
//! 1. All steps of a Client that the fault does not touch, once a packet has come or it can connect: before that it can publish at most,
//!    and something may still come. If the packet ends an exchange, it alone.
//! 2. What arrives at the Server on the only connection of a Client, if it is no PUBLISH, and if it is the subscriber's the end of an
//!    exchange, before which a PUBLISH may come as well as after it; if the fault is no crash of the Server and does not touch this Client.
//! 3. If no fault is to come, all that arrives at the Server, if there is something on each connection, or who may send there can do
//!    nothing before the Server does.

use super::super::plan::Direction;
use super::super::wire::Fact;
use super::{Choice, PUBLISHER, Run, SERVER, SUBSCRIBER};

/// What goes wrong next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// Whatever there is.
    Any,
    /// Nothing any more.
    None,
    /// The connection of this Client is cut.
    Cut(u8),
    /// This machine crashes; `None`: the Server.
    Crash(Option<u8>),
}

impl Fault {
    pub(super) const fn touches_client(self, client: u8) -> bool {
        match self {
            Self::Any => true,
            Self::None => false,
            Self::Cut(of) => of == client,
            Self::Crash(of) => matches!(of, Some(of) if of == client),
        }
    }

    /// Whether it may be that this machine crashes.
    pub(super) fn may_crash(self, machine: Option<usize>) -> bool {
        match self {
            Self::Any | Self::Cut(_) => true,
            Self::None => false,
            Self::Crash(of) => of.map(usize::from) == machine,
        }
    }

    /// Whether a choice is what is to come, or no fault.
    pub(super) fn allows(self, choice: Choice, client_of: impl Fn(u8) -> u8) -> bool {
        let fault = match choice {
            Choice::Publish | Choice::Deliver { .. } | Choice::Connect { .. } => return true,
            Choice::Cut { link } => Self::Cut(client_of(link)),
            Choice::Crash { client } => Self::Crash(client),
            Choice::PublishAndCrash { .. } => Self::Crash(Some(PUBLISHER as u8)),
            Choice::DeliverAndCrash { link, direction: Direction::Down, .. } => {
                Self::Crash(Some(client_of(link)))
            }
            Choice::DeliverAndCrash { direction: Direction::Up, .. } => Self::Crash(None),
        };
        self == Self::Any || self == fault
    }
}

impl Run<'_> {
    /// The same, for each fault that it may be decided is next; if all orders are to be tried, or more faults than one are left, nothing is
    /// decided.
    pub(super) fn decided(self) -> Vec<Self> {
        match self.faults() {
            [Fault::Any] => vec![self],
            faults => faults.iter().map(|fault| self.expecting(*fault)).collect(),
        }
    }

    /// With this fault to come. Who expects none needs no budget.
    pub(super) fn expecting(&self, fault: Fault) -> Self {
        let (cuts, crashes) = if fault == Fault::None { (0, 0) } else { (self.cuts, self.crashes) };
        Self { cuts, crashes, fault, ..self.clone() }
    }

    fn faults(&self) -> &'static [Fault] {
        const CLIENTS: [u8; 2] = [PUBLISHER as u8, SUBSCRIBER as u8];
        if self.scope.all_orders || self.fault != Fault::Any {
            return &[Fault::Any];
        }
        match (self.cuts, self.crashes) {
            (0, 0) => &[Fault::None],
            (1, 0) => &[Fault::None, Fault::Cut(CLIENTS[0]), Fault::Cut(CLIENTS[1])],
            (0, 1) => &[
                Fault::None,
                Fault::Crash(None),
                Fault::Crash(Some(CLIENTS[0])),
                Fault::Crash(Some(CLIENTS[1])),
            ],
            _ => &[Fault::Any],
        }
    }

    /// Of these steps, those that are enough; all where there are none such.
    pub(super) fn enough(&self, steps: Vec<Choice>) -> Vec<Choice> {
        let clients = [SUBSCRIBER, PUBLISHER];
        let of_client = |client| steps.iter().copied().filter(|step| self.is_of(*step, client)).collect();
        let arriving = |client| self.arriving(client).filter(|step| steps.contains(step));
        if let Some(few) = clients.into_iter().find_map(|client| self.enough_of(client, of_client(client))) {
            return few;
        }
        if let Some(step) = clients.into_iter().find_map(|client| self.enough_for(client)) {
            return vec![step];
        }
        let is_known = |client: usize| {
            let of_client: Vec<_> = of_client(client);
            self.world.link(client).is_some_and(|link| {
                of_client.is_empty() || arriving(client).any(|step| step == to_server(link))
            })
        };
        if self.fault == Fault::None && clients.into_iter().all(is_known) {
            let few: Vec<_> = clients.into_iter().flat_map(arriving).collect();
            if !few.is_empty() {
                return few;
            }
        }
        steps
    }

    /// A step of this Client.
    fn is_of(&self, step: Choice, client: usize) -> bool {
        match step {
            Choice::Publish => client == PUBLISHER,
            Choice::Connect { client: of } => usize::from(of) == client,
            Choice::Deliver { link, direction } => {
                direction == Direction::Down && usize::from(self.client_of(link)) == client
            }
            _ => false,
        }
    }

    /// What would arrive at the Server on the connections of a Client.
    fn arriving(&self, client: usize) -> impl Iterator<Item = Choice> {
        let links =
            self.world.live().iter().filter(move |link| self.world.model.wires[**link].client == client);
        links.map(|link| to_server(*link))
    }

    /// Of the steps of a Client, those that are enough.
    fn enough_of(&self, client: usize, own: Vec<Choice>) -> Option<Vec<Choice>> {
        if self.fault.touches_client(client as u8) {
            return None;
        }
        match own.iter().find(|step| **step != Choice::Publish)? {
            Choice::Connect { .. } if self.fault == Fault::Crash(None) => None,
            Choice::Deliver { link, direction } if self.ends_exchange(usize::from(*link), *direction) => {
                Some(vec![Choice::Deliver { link: *link, direction: *direction }])
            }
            _ => Some(own),
        }
    }

    /// What the Server is given by this Client, where that alone is enough.
    fn enough_for(&self, client: usize) -> Option<Choice> {
        if matches!(self.fault, Fault::Any | Fault::Crash(None)) || self.fault.touches_client(client as u8) {
            return None;
        }
        let link = self.world.link(client)?;
        let is_only = self
            .world
            .live()
            .iter()
            .all(|other| *other == link || self.world.model.wires[*other].client != client);
        let is_light = match client {
            PUBLISHER => !matches!(self.world.next_fact(link, Direction::Up)?, Fact::Publish { .. }),
            _ => self.ends_exchange(link, Direction::Up),
        };
        (is_only && is_light).then_some(to_server(link))
    }

    /// The next packet is the last of an exchange, and no message that comes before or after it makes a difference: there is room for all
    /// of them, and none gets the identifier that this frees. Who has crashed begins with 1 again, and others have never used the next.
    fn ends_exchange(&self, link: usize, direction: Direction) -> bool {
        let sender =
            if direction == Direction::Up { SERVER } else { usize::from(self.client_of(link as u8)) };
        !self.crashed[sender]
            && usize::from(self.scope.window) > self.scope.messages.len()
            && matches!(
                self.world.next_fact(link, direction),
                Some(Fact::Puback { .. } | Fact::Pubcomp { .. })
            )
    }
}

const fn to_server(link: usize) -> Choice {
    Choice::Deliver { link: link as u8, direction: Direction::Up }
}
