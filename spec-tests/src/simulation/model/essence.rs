//! What of the model matters for what it will say.

use std::hash::{Hash, Hasher};

use super::{Model, Party, Publication};

impl Model {
    /// The connections get new numbers; `kept` are those that have one, in the new order.
    pub fn renumber(&mut self, new: impl Fn(usize) -> Option<usize>, kept: &[usize]) {
        let Self { parties, server, kept: told, stored, wires, .. } = self;
        for party in parties {
            party.wire = party.wire.and_then(&new);
            let stored = party.kept.iter_mut().chain([&mut party.stored]).map(|kept| &mut kept.exchanges);
            stored.chain([&mut party.exchanges]).for_each(|exchanges| exchanges.renumber(&new));
        }
        for session in told.iter_mut().chain([server, stored]).flat_map(|server| &mut server.sessions) {
            session.connection = session.connection.and_then(&new);
            session.exchanges.renumber(&new);
        }
        *wires = kept.iter().map(|wire| wires[*wire].clone()).collect();
    }

    /// Everything that has an influence on what it says from here on. Where a Client cannot crash any more, or the Server (`None`), what
    /// is stored has none, nor what is compared with it.
    pub fn write_state(&self, can_crash: impl Fn(Option<usize>) -> bool, out: &mut impl Hasher) {
        let Self {
            trace: _,
            now,
            broker: _,
            publications,
            parties,
            server,
            kept,
            stored,
            // Nothing is left untold in a state.
            untold: _,
            wires,
            eras,
            states,
        } = self;
        (now, eras, states).hash(out);
        for publication in publications {
            publication.write_state(can_crash(None), out);
        }
        for (client, party) in parties.iter().enumerate() {
            party.write_state(can_crash(Some(client)), out);
        }
        server.write_state(can_crash(None), out);
        for wire in wires {
            wire.write_state(out);
        }
        if can_crash(None) {
            for server in kept.iter().chain([stored]) {
                server.write_state(true, out);
            }
        }
    }
}

impl Publication {
    fn write_state(&self, can_crash: bool, out: &mut impl Hasher) {
        let Self {
            publisher,
            topic,
            qos,
            retain,
            size,
            expiry,
            published_at,
            is_started,
            is_answered,
            answered,
            answered_until,
            was_lost,
            is_forgiven,
            received,
        } = self;
        (publisher, topic, qos, retain, size, expiry, published_at).hash(out);
        (is_started, is_answered, was_lost, is_forgiven, received).hash(out);
        if can_crash {
            (answered, answered_until).hash(out);
        }
    }
}

impl Party {
    fn write_state(&self, can_crash: bool, out: &mut impl Hasher) {
        let Self {
            plan: _,
            exchanges,
            accepted,
            expected,
            wire,
            session_present,
            is_connected,
            expiry,
            state,
            is_losing,
            was_told_of_loss,
            tokens,
            requests,
            last_started,
            is_void,
            kept,
            stored,
            uncommitted,
            has_crashed,
        } = self;
        (exchanges, accepted, expected, state, is_losing, was_told_of_loss).hash(out);
        (tokens, requests, last_started, is_void, has_crashed, wire).hash(out);
        // The next connection sets them.
        if wire.is_some() {
            (session_present, is_connected, expiry).hash(out);
        }
        if can_crash {
            (kept, stored, uncommitted).hash(out);
        }
    }
}
