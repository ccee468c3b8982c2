//! The sender's half of the delivery protocol as an observer of the bytes sees it (sections 2.2.1, 4.3, 4.4, 4.6, 4.9).

use std::collections::VecDeque;

use mqtt_session::codec::QoS;

use super::Violation;

/// The exchanges one side of a Session has begun, in the order of their first PUBLISH, as its own side knows them.
#[derive(Clone, Debug, Default, Hash)]
pub struct Exchanges {
    open: Vec<Exchange>,
    given_up: Vec<u32>,
    /// QoS 2 messages its sender has given up, and of which nothing has been seen: they were held back, or never begun.
    unseen: VecDeque<u32>,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Exchange {
    id: u16,
    number: u32,
    qos: QoS,
    /// PUBREC has come, or the sender has given the message up.
    is_released: bool,
    is_given_up: bool,
    /// The connection of the last PUBLISH or PUBREL.
    sent_on: u32,
    /// The connection of the last PUBLISH, which takes send quota.
    published_on: u32,
    is_retained: bool,
    /// It may be larger than its receiver takes, when it is sent again with its topic instead of an alias: its sender gives it
    /// up then. With QoS 2 it sends PUBREL instead, because the receiver may hold the identifier.
    may_be_too_large: bool,
}

/// A PUBLISH of QoS 1 or 2.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// Its Packet Identifier.
    pub id: u16,
    /// Its message.
    pub number: u32,
    /// Its QoS.
    pub qos: QoS,
    /// Its DUP flag.
    pub dup: bool,
    /// Its connection.
    pub connection: u32,
    /// How many messages may be unacknowledged.
    pub quota: u16,
    /// Its RETAIN flag.
    pub is_retained: bool,
    /// With its topic it may be too large for its receiver.
    pub may_be_too_large: bool,
}

/// A message that was sent after what is stored was told.
#[derive(Clone, Copy, Debug)]
pub struct Later {
    /// Its number.
    pub number: u32,
    /// Its QoS.
    pub qos: QoS,
    /// Its RETAIN flag.
    pub is_retained: bool,
}

/// What an acknowledgement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// The exchange with this message is over.
    Ended(u32),
    /// A PUBREL is due.
    ReleaseDue,
    /// Nothing.
    Nothing,
}

impl Exchanges {
    /// None.
    pub const fn new() -> Self {
        Self { open: Vec::new(), given_up: Vec::new(), unseen: VecDeque::new() }
    }

    /// Connections get new numbers, or are gone for good.
    pub fn renumber(&mut self, new: impl Fn(usize) -> Option<usize>) {
        let number = |connection: &mut u32| {
            *connection = new(*connection as usize).map_or(u32::MAX, |new| new as u32);
        };
        for Exchange { sent_on, published_on, .. } in &mut self.open {
            number(sent_on);
            number(published_on);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether an identifier is in use.
    pub fn uses(&self, id: u16) -> bool {
        self.open.iter().any(|exchange| exchange.id == id)
    }

    /// The messages of the exchanges.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.open.iter().map(|exchange| exchange.number)
    }

    /// The Session is over.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Goes on from what was stored: what began later has been stored too, or it would not have been seen; what came later
    /// than that is forgotten. The messages that began later.
    pub fn go_on_from(&mut self, current: Self) -> Vec<Later> {
        let mut later = Vec::new();
        // Before it stands what is to be sent before: one of which an earlier crash has left nothing else than that it is sent again need
        // not be the last.
        let mut place = self.open.len();
        for exchange in current.open.into_iter().rev() {
            let is_known = |known: &Exchange| (known.number, known.id) == (exchange.number, exchange.id);
            if let Some(known) = self.open.iter().position(is_known) {
                place = known;
                continue;
            }
            self.open.insert(place, Exchange { is_released: false, is_given_up: false, ..exchange });
            let Exchange { number, qos, is_retained, .. } = exchange;
            later.push(Later { number, qos, is_retained });
        }
        later.reverse();
        later
    }

    /// The Session of this message is over.
    pub fn abandon(&mut self, number: u32) {
        self.open.retain(|exchange| exchange.number != number);
    }

    /// The sender says that it has given this message up.
    pub fn give_up(&mut self, number: u32, qos: QoS) {
        if qos != QoS::ExactlyOnce {
            return self.abandon(number);
        }
        match self.open.iter_mut().find(|exchange| exchange.number == number) {
            Some(exchange) => {
                exchange.is_released = true;
                exchange.is_given_up = true;
            }
            None => self.unseen.push_back(number),
        }
    }

    /// The next message that was given up without having been seen.
    pub fn next_unseen(&mut self) -> Option<u32> {
        self.unseen.pop_front()
    }

    /// A QoS 2 message was held back on an earlier connection, and its sender may give it up.
    pub fn held_back(&mut self, id: u16, number: u32, connection: u32) {
        let exchange = Exchange {
            id,
            number,
            qos: QoS::ExactlyOnce,
            is_released: false,
            is_given_up: false,
            sent_on: u32::MAX,
            published_on: u32::MAX,
            is_retained: false,
            may_be_too_large: true,
        };
        self.open.insert(self.resent(connection), exchange);
    }

    /// How many have been sent again on this connection: what is sent again as if for the first time stands behind them.
    fn resent(&self, connection: u32) -> usize {
        self.open.iter().take_while(|exchange| exchange.sent_on == connection).count()
    }

    /// The Session is over, and nothing is to be said of what has been given up before.
    pub fn forget_given_up(&mut self) {
        self.open.retain(|exchange| !exchange.is_given_up);
        self.unseen.clear();
    }

    /// Nothing more is sent again on this connection.
    pub fn all_sent(&mut self, connection: u32) {
        let _ = self.sent_before(self.open.len(), connection);
    }

    /// What the sender has given up without a word.
    pub fn take_given_up(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.given_up)
    }

    /// A PUBLISH is sent. `true`: for the first time.
    pub fn publish(&mut self, publish: Published, persisted: bool) -> Result<bool, Violation> {
        let Published { id, number, qos, dup, connection, quota, is_retained, may_be_too_large } = publish;
        let at = self.open.iter().position(|exchange| exchange.id == id);
        let is_first = match at {
            Some(at) if dup => {
                let exchange = self.open[at];
                if (exchange.number, exchange.qos) != (number, qos) {
                    return Err(Violation::new(format!(
                        "PUBLISH id={id} #{number} is sent with the identifier of #{}",
                        exchange.number
                    )));
                }
                if exchange.is_released {
                    return Err(Violation::new(format!("PUBLISH id={id} #{number} after its PUBREC")));
                }
                if exchange.sent_on == connection {
                    return Err(Violation::new(format!("PUBLISH id={id} #{number} twice on one connection")));
                }
                overtakes(number, self.sent_before(at, connection))?;
                // Those that were given up may have gone.
                if let Some(exchange) = self.open.iter_mut().find(|exchange| exchange.id == id) {
                    exchange.sent_on = connection;
                    exchange.published_on = connection;
                }
                false
            }
            None if dup && !persisted => {
                return Err(Violation::new(format!("PUBLISH id={id} #{number} has DUP set the first time")));
            }
            Some(_) | None => {
                if self.sent_before(self.open.len(), connection).is_some() && !dup {
                    return Err(Violation::new(format!(
                        "PUBLISH #{number} is new, but something is still to be sent again"
                    )));
                }
                if let Some(other) = self.open.iter().find(|exchange| exchange.id == id) {
                    return Err(Violation::new(format!(
                        "PUBLISH id={id} #{number} while #{} uses this identifier",
                        other.number
                    )));
                }
                let place = if dup { self.resent(connection) } else { self.open.len() };
                self.open.insert(
                    place,
                    Exchange {
                        id,
                        number,
                        qos,
                        is_released: false,
                        is_given_up: false,
                        sent_on: connection,
                        published_on: connection,
                        is_retained,
                        may_be_too_large,
                    },
                );
                true
            }
        };
        let unacknowledged = self.open.iter().filter(|exchange| exchange.published_on == connection).count();
        if unacknowledged > usize::from(quota) {
            return Err(Violation::new(format!(
                "PUBLISH id={id} #{number} makes {unacknowledged} unacknowledged, of at most {quota}"
            )));
        }
        Ok(is_first)
    }

    /// Everything before `at` has been sent on this connection, or given up, or else the last message of which neither is so.
    fn sent_before(&mut self, at: usize, connection: u32) -> Option<u32> {
        let mut index = 0;
        let mut missing = None;
        let Self { open, given_up, .. } = self;
        open.retain(|exchange| {
            let is_before = index < at;
            index += 1;
            if !is_before || exchange.sent_on == connection {
                return true;
            }
            if exchange.may_be_too_large && exchange.qos == QoS::AtLeastOnce {
                given_up.push(exchange.number);
                return false;
            }
            missing = Some(exchange.number);
            true
        });
        missing
    }

    /// A PUBREL is sent. `answers`: a PUBREC has asked for it on this connection.
    pub fn pubrel(&mut self, id: u16, connection: u32, answers: bool) -> Result<(), Violation> {
        let Some(at) = self.open.iter().position(|exchange| exchange.id == id) else {
            return if answers {
                Ok(())
            } else {
                Err(Violation::new(format!("PUBREL id={id} of no exchange")))
            };
        };
        let exchange = self.open[at];
        if !exchange.is_released {
            let is_given_up = exchange.may_be_too_large
                && exchange.qos == QoS::ExactlyOnce
                && exchange.sent_on != connection;
            if !is_given_up {
                return Err(Violation::new(format!("PUBREL id={id} #{} before PUBREC", exchange.number)));
            }
            self.open[at].is_released = true;
            self.open[at].is_given_up = true;
            self.given_up.push(exchange.number);
        }
        if !answers {
            if exchange.sent_on == connection {
                return Err(Violation::new(format!(
                    "PUBREL id={id} #{} twice on one connection",
                    exchange.number
                )));
            }
            overtakes(exchange.number, self.sent_before(at, connection))?;
        }
        if let Some(exchange) = self.open.iter_mut().find(|exchange| exchange.id == id) {
            exchange.sent_on = connection;
        }
        Ok(())
    }

    fn end(&mut self, at: usize) -> Acknowledged {
        Acknowledged::Ended(self.open.remove(at).number)
    }

    /// A PUBACK has arrived.
    pub fn puback(&mut self, id: u16) -> Result<Acknowledged, Violation> {
        match self.open.iter().position(|exchange| exchange.id == id) {
            None => Ok(Acknowledged::Nothing),
            Some(at) if self.open[at].qos == QoS::AtLeastOnce => Ok(self.end(at)),
            Some(_) => Err(Violation::new(format!("PUBACK id={id} for QoS 2"))),
        }
    }

    /// A PUBREC has arrived.
    pub fn pubrec(&mut self, id: u16, is_error: bool) -> Result<Acknowledged, Violation> {
        match self.open.iter().position(|exchange| exchange.id == id) {
            None if is_error => Ok(Acknowledged::Nothing),
            None => Ok(Acknowledged::ReleaseDue),
            Some(at) if self.open[at].qos != QoS::ExactlyOnce => {
                Err(Violation::new(format!("PUBREC id={id} for QoS 1")))
            }
            Some(at) if is_error => Ok(self.end(at)),
            Some(at) => {
                self.open[at].is_released = true;
                Ok(Acknowledged::ReleaseDue)
            }
        }
    }

    /// A PUBCOMP has arrived.
    pub fn pubcomp(&mut self, id: u16) -> Result<Acknowledged, Violation> {
        match self.open.iter().position(|exchange| exchange.id == id) {
            None => Ok(Acknowledged::Nothing),
            Some(at) if self.open[at].is_released => Ok(self.end(at)),
            Some(_) => Err(Violation::new(format!("PUBCOMP id={id} before PUBREC"))),
        }
    }
}

fn overtakes(number: u32, missing: Option<u32>) -> Result<(), Violation> {
    match missing {
        None => Ok(()),
        Some(missing) => {
            Err(Violation::new(format!("#{number} overtakes #{missing}, which is to be sent again")))
        }
    }
}
