//! What of a machine has an influence on what it will do: what its `Debug` shows, without what only counts what has happened, and
//! without an order that is none.
//!
//! This is left out, because machines that differ in nothing else go on alike, as long as time stands still:
//!
//! | what | why |
//! |---|---|
//! | `taken` of a Transmit that holds nothing back; `taken` and `persisted` of a Journal, `pushed` and `popped` of Events, where they are equal | places in what has left, of which only the difference is looked at |
//! | `generation` and `free` of a Slab, and the order in it | they make the next number, which says nothing |
//! | the numbers of connections and Sessions | they are named by their Client instead, and by which of its connections they are |
//! | `routed`, and the `mark` of a Session | a mark is compared with the number of the message that is routed, and each has a new one |
//! | epochs | they only grow, and are compared with that of their Session: what counts is whether they are equal |
//! | `first`, `index` and the gaps of a Sender | they say where an entry is that is found by its identifier |
//! | its cursor, but for the entry it is at if something is unsent | it is only used then |
//! | what in a Sender and a Receiver is of a connection, while there is none | the next one sets it |
//! | the answers due, where there are none | how many there have been numbers the next, which says nothing |
//! | whether others have a message too that a Client keeps | it is only read |
//! | the places in an IdMap, and how many there are | an identifier is found wherever it is |
//! | the numbers of records of a broker that cannot crash any more | nobody reads them |
//!
//! A build with debug assertions compares what is found with what was known (`Watched`): it must be a function of what was known before, and
//! of what has been done.

use std::hash::{Hash, Hasher};

use super::super::digest::Mix;

/// Who looks, and at whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// What connections are called.
    pub(super) connections: &'a [(u64, Name)],
    /// The records may be read once more.
    pub(super) can_crash: bool,
}

/// A Client, and which of its connections.
pub(super) type Name = (usize, usize);

/// A part of the text, and the parts in its brackets.
#[derive(Clone, Copy, Debug)]
struct Node<'t> {
    /// Of the field; none elsewhere.
    name: &'t str,
    /// What stands before the bracket, or all there is.
    head: &'t str,
    /// One more than the number of the first part in the brackets, and of the next part beside it; 0: none.
    first: usize,
    next: usize,
}

/// The text as a tree: by number of its parts, the whole is the first.
struct Tree<'t> {
    nodes: Vec<Node<'t>>,
    view: View<'t>,
    /// The Sessions, by their number.
    sessions: Vec<&'t str>,
}

/// The digest of what matters.
pub(super) fn essence(text: &str, view: View<'_>) -> u128 {
    let mut tree = Tree { nodes: Vec::with_capacity(512), view, sessions: Vec::new() };
    let mut parser = Parser { text, at: 0 };
    parser.part(&mut tree.nodes);
    tree.name_sessions();
    let mut out = Mix::from(0);
    tree.write(0, true, &mut out);
    out.digest()
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(b')')
    }

    /// A part, with all in its brackets.
    fn part(&mut self, nodes: &mut Vec<Node<'t>>) -> usize {
        let number = nodes.len();
        nodes.push(Node { name: "", head: "", first: 0, next: 0 });
        let mut start = self.at;
        let mut name = "";
        loop {
            match self.byte() {
                b'"' => self.quoted(),
                b':' if self.text.as_bytes().get(self.at + 1) == Some(&b' ') && name.is_empty() => {
                    name = &self.text[start..self.at];
                    self.at += 2;
                    start = self.at;
                }
                b',' | b')' | b']' | b'}' | b'(' | b'[' | b'{' => break,
                _ => self.at += 1,
            }
        }
        let head = self.text[start..self.at].trim_end();
        let mut first = 0;
        if matches!(self.byte(), b'(' | b'[' | b'{') && self.at < self.text.len() {
            self.at += 1;
            let mut last: Option<usize> = None;
            loop {
                while matches!(self.byte(), b' ' | b',') {
                    self.at += 1;
                }
                if matches!(self.byte(), b')' | b']' | b'}') {
                    self.at += 1;
                    break;
                }
                let part = self.part(nodes);
                match last.replace(part) {
                    None => first = part + 1,
                    Some(last) => nodes[last].next = part + 1,
                }
            }
        }
        nodes[number] = Node { name, head, first, next: 0 };
        number
    }

    fn quoted(&mut self) {
        self.at += 1;
        while self.byte() != b'"' {
            self.at += if self.byte() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
    }
}

impl<'t> Tree<'t> {
    fn parts(&self, of: usize) -> impl Iterator<Item = usize> {
        let mut next = self.nodes[of].first;
        std::iter::from_fn(move || {
            let part = next.checked_sub(1)?;
            next = self.nodes[part].next;
            Some(part)
        })
    }

    fn field(&self, of: usize, name: &str) -> Option<usize> {
        self.parts(of).find(|part| self.nodes[*part].name == name)
    }

    fn text(&self, of: usize, name: &str) -> &'t str {
        self.field(of, name).map_or("", |field| self.nodes[field].head)
    }

    fn number(&self, of: usize, name: &str) -> u64 {
        self.text(of, name).parse().unwrap_or(u64::MAX)
    }

    fn is_empty(&self, of: usize, name: &str) -> bool {
        self.field(of, name).is_none_or(|field| self.nodes[field].first == 0)
    }

    /// The values of a Slab, each with its place.
    fn values(&self, slab: usize) -> impl Iterator<Item = (usize, usize)> {
        let pages = self.field(slab, "pages").into_iter().flat_map(|pages| self.parts(pages));
        let slots = pages.flat_map(|page| self.parts(page)).enumerate();
        slots.filter_map(|(at, slot)| Some((at, self.parts(self.field(slot, "value")?).next()?)))
    }

    fn name_sessions(&mut self) {
        let Some(state) = self.field(0, "state") else { return };
        let Some(slab) = self.field(state, "sessions") else { return };
        let mut sessions = Vec::new();
        for (at, session) in self.values(slab) {
            sessions.resize(at + 1, "");
            sessions[at] = self.text(session, "client_id");
        }
        self.sessions = sessions;
    }

    /// `is_connected`: whether what this is a part of has a connection, if it can have one.
    fn write(&self, node: usize, is_connected: bool, out: &mut Mix) {
        let Node { head, first, .. } = self.nodes[node];
        if first == 0 {
            return head.hash(out);
        }
        match head {
            "ConnectionId" => {
                let id = self.nodes[first - 1].head.parse().unwrap_or(u64::MAX);
                let name = self.view.connections.iter().find(|(known, _)| *known == id);
                (id * u64::from(name.is_none()), name.map(|(_, name)| name)).hash(out);
            }
            "SessionId" => {
                let number = self.nodes[first - 1].head;
                let session = number.parse().ok().and_then(|place: usize| self.sessions.get(place));
                session.unwrap_or(&number).hash(out);
            }
            "Slab" => self.write_unordered(self.values(node).map(|(_, value)| value), out),
            "IdMap" => self.write_unordered(self.entries(node), out),
            "Own" | "Shared" => self.write(first - 1, is_connected, out),
            "Timers" => self.write_unordered(self.parts(first - 1), out),
            "Sender" => self.write_sender(node, is_connected, out),
            "Receiver" => self.write_receiver(node, is_connected, out),
            _ => {
                head.hash(out);
                let connection = self.field(node, "connection").map(|field| self.is_established(field));
                for part in self.parts(node).filter(|part| !self.is_left_out(node, *part)) {
                    self.nodes[part].name.hash(out);
                    self.write(part, connection.unwrap_or(is_connected), out);
                }
                out.write_u64(u64::MAX);
            }
        }
    }

    /// Whether there is a connection, and no CONNACK is waited for.
    fn is_established(&self, connection: usize) -> bool {
        let phase = |connection| {
            self.field(connection, "phase").is_none_or(|phase| self.nodes[phase].head == "Connected")
        };
        self.parts(connection).next().is_some_and(phase)
    }

    fn is_left_out(&self, node: usize, part: usize) -> bool {
        match (self.nodes[node].head, self.nodes[part].name) {
            ("Transmit", "taken") => {
                let queues = self.field(node, "queues").and_then(|queues| self.parts(queues).next());
                queues.is_none_or(|queues| self.is_empty(queues, "holds"))
            }
            ("Transmit", "queues") => self
                .parts(part)
                .all(|queues| self.is_empty(queues, "segments") && self.is_empty(queues, "holds")),
            ("Journal", "taken" | "persisted") => self.text(node, "taken") == self.text(node, "persisted"),
            ("Events", "pushed" | "popped") => self.text(node, "pushed") == self.text(node, "popped"),
            ("Receiver", "due") => self.parts(part).all(|answers| self.is_empty(answers, "due")),
            ("Session", "mark") | ("State", "routed") => true,
            ("Session", "last_number" | "started") | ("Waiting", "number") => !self.view.can_crash,
            ("Entry", "tag") => !self.view.can_crash && self.field(part, "order").is_some(),
            _ => false,
        }
    }

    /// What is in an IdMap.
    fn entries(&self, map: usize) -> impl Iterator<Item = usize> {
        let slots = self.field(map, "slots").into_iter().flat_map(|slots| self.parts(slots));
        slots.flat_map(|slot| self.parts(slot))
    }

    fn write_unordered(&self, parts: impl Iterator<Item = usize>, out: &mut Mix) {
        let digest = |part| {
            let mut mix = Mix::from(0);
            self.write(part, true, &mut mix);
            mix.digest()
        };
        let mut digests: Vec<_> = parts.map(digest).collect();
        digests.sort_unstable();
        digests.hash(out);
    }

    fn write_sender(&self, node: usize, is_connected: bool, out: &mut Mix) {
        let epoch = self.text(node, "epoch");
        let (cursor, unsent) = (self.number(node, "cursor"), self.number(node, "unsent"));
        let next = cursor.wrapping_sub(self.number(node, "first"));
        let places = self.field(node, "entries").into_iter().flat_map(|entries| self.parts(entries));
        for (place, entry) in (0..).zip(places) {
            if is_connected && unsent > 0 && place == next {
                "next".hash(out);
            }
            let Some(entry) = self.parts(entry).next() else { continue };
            for part in self.parts(entry).filter(|part| !self.is_left_out(entry, *part)) {
                match self.nodes[part].name {
                    "epoch" => (is_connected && self.nodes[part].head == epoch).hash(out),
                    _ => self.write(part, is_connected, out),
                }
            }
        }
        out.write_u64(u64::MAX);
        if is_connected {
            (unsent, self.text(node, "receive_maximum")).hash(out);
        }
    }

    fn write_receiver(&self, node: usize, is_connected: bool, out: &mut Mix) {
        let epoch = self.text(node, "epoch");
        let mut accepted = Vec::new();
        for pair in self.field(node, "accepted").into_iter().flat_map(|map| self.entries(map)) {
            let mut parts = self.parts(pair);
            if let (Some(id), Some(of)) = (parts.next(), parts.next()) {
                let id = self.parts(id).next().map_or("", |id| self.nodes[id].head);
                accepted.push((id, is_connected && self.nodes[of].head == epoch));
            }
        }
        accepted.sort_unstable();
        accepted.hash(out);
        if is_connected {
            for part in self.parts(node).filter(|part| !self.is_left_out(node, *part)) {
                if matches!(self.nodes[part].name, "due" | "receive_maximum" | "open") {
                    self.write(part, is_connected, out);
                }
            }
        }
    }
}
