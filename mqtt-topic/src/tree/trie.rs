//! The filters as paths of levels: nodes, and how they are found.

mod change;

use alloc::vec::Vec;

use super::exact::Exact;
use super::hash::Seed;
use super::runs::{self, Run};
use super::symbols::{Key, Symbols, Text};
use super::table::Table;
use crate::arena::{Arena, NONE, Record};
use crate::{Level, TopicFilter};

/// The symbols of the wildcards.
pub(super) const SINGLE_LEVEL: u32 = NONE - 1;
pub(super) const MULTI_LEVEL: u32 = NONE - 2;

/// The parent of filters in the exact table.
const EXACT: u32 = NONE - 1;
/// The parent of a vacant node.
const VACANT: u32 = NONE - 2;

pub(super) const ROOT: u32 = 0;

/// Where a filter ends: the node of all its levels but the last, and the last as a symbol. In the exact table: where its text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    parent: u32,
    symbol: u32,
}

/// A Topic Filter that somebody is subscribed to.
#[derive(Clone)]
pub(super) enum Filter<K, V> {
    Vacant(u32),
    /// One ordinary subscription and no shared ones.
    One {
        place: Place,
        key: K,
        value: V,
    },
    /// Any others, by the number of the ends.
    Many {
        place: Place,
        ends: u32,
    },
}

impl<K, V> Filter<K, V> {
    #[inline]
    const fn place(&self) -> Option<Place> {
        match self {
            Self::Vacant(_) => None,
            Self::One { place, .. } | Self::Many { place, .. } => Some(*place),
        }
    }

    const fn place_mut(&mut self) -> Option<&mut Place> {
        match self {
            Self::Vacant(_) => None,
            Self::One { place, .. } | Self::Many { place, .. } => Some(place),
        }
    }
}

impl<K, V> Record for Filter<K, V> {
    fn vacant(next: u32) -> Self {
        Self::Vacant(next)
    }

    fn next_vacant(&self) -> Option<u32> {
        match self {
            Self::Vacant(next) => Some(*next),
            Self::One { .. } | Self::Many { .. } => None,
        }
    }
}

/// What a level leads to. Where no filter goes on there is no node, but the filter that ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Child {
    None,
    Node(u32),
    Leaf(u32),
}

/// A [`Child`] in four bytes.
#[derive(Clone, Copy)]
pub(super) struct Packed(pub(super) u32);

/// The upper two bits say what the others are the number of; if both are set, there is nothing.
const KIND: u32 = 30;
const NODE: u32 = 0;
const LEAF: u32 = 1;
const COUNT: u32 = 2;
/// In place of a child for `+`: there is none, and the node is in the run of that number.
const RUN: u32 = 3;

impl Packed {
    #[inline]
    pub(super) const fn new(child: Child) -> Self {
        match child {
            Child::None => Self(NONE),
            Child::Node(id) => Self(id),
            Child::Leaf(id) => Self(LEAF << KIND | id),
        }
    }

    pub(super) const NONE: Self = Self::new(Child::None);

    #[inline]
    pub(super) const fn number(self) -> u32 {
        self.0 & !(u32::MAX << KIND)
    }

    #[inline]
    pub(super) const fn child(self) -> Child {
        match self.0 >> KIND {
            NODE => Child::Node(self.0),
            LEAF => Child::Leaf(self.number()),
            _ => Child::None,
        }
    }
}

/// The children for levels without a wildcard: none, the only one, or how many there are in the table of edges.
#[derive(Clone, Copy)]
struct Names(Packed);

enum NamesKind {
    Only(Child),
    Many(u32),
}

impl Names {
    const NONE: Self = Self::only(Child::None);

    const fn only(child: Child) -> Self {
        Self(Packed::new(child))
    }

    const fn many(count: u32) -> Self {
        Self(Packed(COUNT << KIND | count))
    }

    #[inline]
    const fn kind(self) -> NamesKind {
        match self.0.0 >> KIND {
            COUNT => NamesKind::Many(self.0.number()),
            _ => NamesKind::Only(self.0.child()),
        }
    }
}

/// A level of a Topic Name.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) key: Key,
    /// Of the key, for the table of edges.
    pub(super) hash: u64,
    /// Its symbol, once it has been met; or [`NONE`].
    pub(super) symbol: u32,
    /// Its number, and where it ends in the name.
    pub(super) level: u16,
    pub(super) end: u16,
}

/// The beginning of a filter that goes on.
#[derive(Clone, Copy)]
pub(super) struct Node {
    parent: u32,
    pub(super) symbol: u32,
    names: Names,
    /// Or the number of the run the node is in.
    single_level: Packed,
    /// The filter that is this beginning and `#`, or none.
    pub(super) multi_level: u32,
    /// The filter that is this beginning, or none.
    pub(super) filter: u32,
}

impl Node {
    /// Without children.
    pub(super) const VACANT: Self = Self::new(Place { parent: VACANT, symbol: NONE });

    const fn new(place: Place) -> Self {
        Self {
            parent: place.parent,
            symbol: place.symbol,
            names: Names::NONE,
            single_level: Packed::new(Child::None),
            multi_level: NONE,
            filter: NONE,
        }
    }

    #[inline]
    pub(super) const fn single_level(&self) -> Child {
        self.single_level.child()
    }

    pub(super) const fn parent(&self) -> u32 {
        self.parent
    }

    /// The only child for a level without wildcard.
    #[inline]
    pub(super) const fn only_name(&self) -> Child {
        match self.names.kind() {
            NamesKind::Only(child) => child,
            NamesKind::Many(_) => Child::None,
        }
    }

    /// The number of the run it is in.
    #[inline]
    pub(super) fn run(&self) -> Option<u32> {
        let packed = self.single_level;
        (packed.0 >> KIND == RUN && packed.0 != NONE).then(|| packed.number())
    }

    /// Whether it is in no run, and nothing is here but the way to another node, which is not by `+`.
    pub(super) const fn is_plain(&self) -> bool {
        matches!(self.only_name(), Child::Node(_))
            && self.single_level.0 == NONE
            && self.multi_level == NONE
            && self.filter == NONE
    }

    /// Only for those without a child for `+`.
    pub(super) fn set_run(&mut self, number: Option<u32>) {
        self.single_level = number.map_or(Packed::NONE, |number| Packed(RUN << KIND | number));
    }

    /// Whether no filter goes on from here.
    const fn is_childless(&self) -> bool {
        matches!(self.names.kind(), NamesKind::Only(Child::None) | NamesKind::Many(0))
            && matches!(self.single_level(), Child::None)
            && self.multi_level == NONE
    }
}

impl Record for Node {
    fn vacant(next: u32) -> Self {
        Self::new(Place { parent: VACANT, symbol: next })
    }

    fn next_vacant(&self) -> Option<u32> {
        (self.parent == VACANT).then_some(self.symbol)
    }
}

#[derive(Clone)]
pub(super) struct Trie<K, V> {
    seed: Seed,
    pub(super) symbols: Symbols,
    pub(super) nodes: Arena<Node>,
    edges: Table,
    pub(super) runs: Arena<Run>,
    pub(super) filters: Arena<Filter<K, V>>,
    pub(super) exact: Option<Exact>,
    /// How many filters are not in the exact table.
    paths: usize,
}

impl<K, V> Trie<K, V> {
    /// Whether numbers are left for one more filter.
    pub(super) fn has_room(&self, levels: usize) -> bool {
        use crate::arena::MAXIMUM;
        let has_numbers = |used: usize| used + levels < MAXIMUM;
        has_numbers(self.nodes.len()) && has_numbers(self.symbols.len()) && has_numbers(self.filters.len())
    }

    /// Whether there is any filter that is not in the exact table.
    #[inline]
    pub(super) const fn has_paths(&self) -> bool {
        self.paths > 0
    }

    /// The filter without wildcards that is this text, if it is in the exact table.
    #[expect(clippy::inline_always, reason = "with an exact table it is most of a match")]
    #[inline(always)]
    pub(super) fn find_exact(&self, text: &[u8]) -> Option<u32> {
        let exact = self.exact.as_ref()?;
        exact.find_probed(text, exact.probe(text))
    }

    pub(super) fn find(&self, filter: TopicFilter<&[u8]>) -> Option<u32> {
        if let Some(exact) = &self.exact
            && Exact::is_for(filter)
        {
            let found = exact.find(filter.as_bytes());
            if found.is_some() || !exact.is_spilled() {
                return found;
            }
        }
        self.find_path(filter)
    }

    fn find_path(&self, filter: TopicFilter<&[u8]>) -> Option<u32> {
        let mut at = Child::Node(ROOT);
        for level in filter.levels() {
            let Child::Node(parent) = at else { return None };
            at = self.child_at(parent, level);
        }
        match at {
            Child::Leaf(id) => Some(id),
            Child::Node(id) => self.nodes.get(id).map(|node| node.filter).filter(|id| *id != NONE),
            Child::None => None,
        }
    }

    /// The child for a level without wildcard.
    #[inline]
    fn name(&self, id: u32, node: &Node, symbol: u32) -> Child {
        let place = Place { parent: id, symbol };
        match node.names.kind() {
            NamesKind::Only(Child::None) => Child::None,
            NamesKind::Only(child) if self.place_of(child) == Some(place) => child,
            NamesKind::Only(_) => Child::None,
            NamesKind::Many(_) => {
                let is = |number| self.place_of(Packed(number).child()) == Some(place);
                self.edges.find(self.edge(place), is).map_or(Child::None, |number| Packed(number).child())
            }
        }
    }

    /// The child for a level without wildcard that is `wanted`.
    #[expect(clippy::inline_always, reason = "the walk does it at each node")]
    #[inline(always)]
    pub(super) fn name_wanted(&self, id: u32, node: &Node, wanted: &Wanted) -> Child {
        let is = move |child| {
            self.place_of(child)
                .is_some_and(|place| place.parent == id && self.is_wanted(wanted, place.symbol))
        };
        match node.names.kind() {
            NamesKind::Only(Child::None) => Child::None,
            NamesKind::Only(child) if is(child) => child,
            NamesKind::Only(_) => Child::None,
            NamesKind::Many(_) => self
                .edges
                .find(self.seed.below(id, wanted.hash), move |number| is(Packed(number).child()))
                .map_or(Child::None, |number| Packed(number).child()),
        }
    }

    /// The node for a level without wildcard that is `wanted`.
    #[expect(clippy::inline_always, reason = "the walk does it at each node")]
    #[inline(always)]
    pub(super) fn node_wanted(&self, id: u32, node: &Node, wanted: &Wanted) -> Option<(u32, &Node)> {
        match node.names.kind() {
            NamesKind::Only(Child::Node(child)) => {
                let node = self.nodes.get(child)?;
                self.is_wanted(wanted, node.symbol).then_some((child, node))
            }
            NamesKind::Only(Child::None | Child::Leaf(_)) => None,
            NamesKind::Many(_) => self.edges.find_map(self.seed.below(id, wanted.hash), move |number| {
                let Child::Node(child) = Packed(number).child() else { return None };
                let node = self.nodes.get(child)?;
                (node.parent == id && self.is_wanted(wanted, node.symbol)).then_some((child, node))
            }),
        }
    }

    /// What may be the child for a level without wildcard that is `wanted`: it is asked for, but not looked at.
    #[inline]
    pub(super) fn name_probed(&self, id: u32, node: &Node, wanted: &Wanted) -> Packed {
        match node.names.kind() {
            NamesKind::Only(_) => node.names.0,
            NamesKind::Many(_) => Packed(self.edges.probe(self.seed.below(id, wanted.hash))),
        }
    }

    /// The child for a level without wildcard that is `wanted`, if it is the one that was `probed`.
    #[inline]
    pub(super) fn child_probed(&self, id: u32, node: &Node, wanted: &Wanted, probed: Packed) -> Child {
        let child = probed.child();
        match self.place_of(child) {
            None => Child::None,
            Some(place) if place.parent == id && self.is_wanted(wanted, place.symbol) => child,
            Some(_) => self.name_again(id, node, wanted),
        }
    }

    /// The node for a level without wildcard that is `wanted`, if it is the one that was `probed`.
    #[inline]
    pub(super) fn node_probed(
        &self,
        id: u32,
        node: &Node,
        wanted: &mut Wanted,
        probed: Packed,
    ) -> Option<u32> {
        match probed.child() {
            Child::None => return None,
            Child::Node(child) => {
                let node = self.nodes.get(child)?;
                if node.parent == id && self.is_wanted(wanted, node.symbol) {
                    wanted.symbol = node.symbol;
                    return Some(child);
                }
            }
            Child::Leaf(_) => {}
        }
        match self.name_again(id, node, wanted) {
            Child::Node(child) => Some(child),
            Child::None | Child::Leaf(_) => None,
        }
    }

    /// Hardly any others have the same hash.
    #[cold]
    #[inline(never)]
    fn name_again(&self, id: u32, node: &Node, wanted: &Wanted) -> Child {
        self.name_wanted(id, node, wanted)
    }

    #[inline]
    fn is_wanted(&self, wanted: &Wanted, symbol: u32) -> bool {
        if wanted.symbol == NONE { self.symbols.has_key(symbol, wanted.key) } else { symbol == wanted.symbol }
    }

    /// Level number `level` of a name, which begins at `at`.
    #[expect(clippy::inline_always, reason = "what a call hands over is as much as it does")]
    #[inline(always)]
    pub(super) fn wanted(&self, name: &[u8], at: usize, level: u16) -> Wanted {
        let (text, end) = Text::level(name, at);
        let key = self.symbols.key_of(text);
        Wanted { key, hash: self.seed.words(key.first, key.second), symbol: NONE, level, end: end as u16 }
    }

    /// The hash of a place in the table of edges.
    fn edge(&self, place: Place) -> u32 {
        let key = self.symbols.key(place.symbol);
        self.seed.below(place.parent, self.seed.words(key.first, key.second))
    }

    /// The text of a filter.
    pub(super) fn text(&self, id: u32) -> Vec<u8> {
        let Some(mut place) = self.filters.get(id).and_then(Filter::place) else { return Vec::new() };
        if place.parent == EXACT {
            return self.exact.as_ref().map(|exact| exact.text(place.symbol).to_vec()).unwrap_or_default();
        }
        let mut path = Vec::from([place.symbol]);
        while let Some(node) = self.nodes.get(place.parent)
            && place.parent != ROOT
        {
            path.push(node.symbol);
            place.parent = node.parent;
        }
        let mut text = Vec::new();
        for (number, symbol) in path.into_iter().rev().enumerate() {
            if number > 0 {
                text.push(b'/');
            }
            text.extend_from_slice(match symbol {
                SINGLE_LEVEL => b"+",
                MULTI_LEVEL => b"#",
                symbol => self.symbols.text(symbol),
            });
        }
        text
    }

    /// Where a node is: whether each level up to it is `+`, the last first.
    pub(super) fn wildcards_above(&self, child: Child) -> impl Iterator<Item = bool> {
        let mut place = self.place_of(child);
        core::iter::from_fn(move || {
            let at = place?;
            let parent = self.nodes.get(at.parent)?;
            place = Some(Place { parent: parent.parent, symbol: parent.symbol });
            Some(at.symbol == SINGLE_LEVEL)
        })
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.symbols.heap_bytes()
            + self.nodes.heap_bytes()
            + self.edges.heap_bytes()
            + runs::heap_bytes(&self.runs)
            + self.filters.heap_bytes()
            + self.exact.as_ref().map_or(0, Exact::heap_bytes)
    }

    /// The child for a level of a Topic Filter.
    fn child_at(&self, parent: u32, level: Level<'_>) -> Child {
        match level {
            Level::Name(name) => self
                .nodes
                .get(parent)
                .map_or(Child::None, |node| self.name_wanted(parent, node, &self.wanted(name, 0, 0))),
            Level::SingleLevel => self.child(Place { parent, symbol: SINGLE_LEVEL }),
            Level::MultiLevel => self.child(Place { parent, symbol: MULTI_LEVEL }),
        }
    }

    #[inline]
    fn place_of(&self, child: Child) -> Option<Place> {
        match child {
            Child::None => None,
            Child::Node(id) => {
                self.nodes.get(id).map(|node| Place { parent: node.parent, symbol: node.symbol })
            }
            Child::Leaf(id) => self.filters.get(id)?.place(),
        }
    }

    fn child(&self, place: Place) -> Child {
        let Some(node) = self.nodes.get(place.parent) else { return Child::None };
        match place.symbol {
            SINGLE_LEVEL => node.single_level(),
            MULTI_LEVEL if node.multi_level == NONE => Child::None,
            MULTI_LEVEL => Child::Leaf(node.multi_level),
            symbol => self.name(place.parent, node, symbol),
        }
    }
}

impl<K: Clone, V: Clone> Trie<K, V> {
    pub(super) fn new(seed: Seed, with_exact: bool) -> Self {
        let mut nodes = Arena::new();
        nodes.insert(Node::new(Place { parent: NONE, symbol: NONE }));
        Self {
            seed,
            symbols: Symbols::new(seed),
            nodes,
            edges: Table::new(),
            runs: Arena::new(),
            filters: Arena::new(),
            exact: with_exact.then(|| Exact::new(seed)),
            paths: 0,
        }
    }
}
