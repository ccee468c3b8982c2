//! The beginning of a walk: level by level, as long as few nodes match.
//!
//! What is needed of all nodes of a level is asked for before any of it is looked at. So memory is waited for once for each level, and not for each
//! node. What is found is then put in the order of the walk, [depth first](super::walk); and so are the nodes that are left, if there are too many, for
//! that walk to go on from.

use super::runs;
use super::trie::{Child, Node, Packed, ROOT, Trie};
use super::walk::{Found, is_wild_first};
use crate::arena::NONE;

/// At most so many nodes of a level are visited.
const WIDTH: usize = 6;

/// At most so many levels: one bit for each says the way.
const LEVELS: u16 = 16;

/// So many items, the most that [`Found`] has room for and the children of a level.
pub(super) const ITEMS: usize = Found::ROOM + 2 * WIDTH;

/// What is found or left, ordered by where it is: a key above, a [`Packed`] child below.
pub(super) struct Items {
    items: [u64; ITEMS],
    len: usize,
}

/// The nodes of a level.
struct Nodes {
    nodes: [At; 2 * WIDTH],
    len: usize,
}

/// A node, and how it was come to: a bit for each level, the first the highest, that says whether it is `+`.
#[derive(Clone, Copy)]
struct At {
    node: u32,
    path: u32,
}

/// A node that is visited.
#[derive(Clone, Copy)]
struct Loaded<'t> {
    at: At,
    node: &'t Node,
    /// What may be its child for the level of the name.
    named: Packed,
}

impl At {
    /// The place of the node among others: a longer path with the same beginning comes later.
    #[inline]
    const fn key(self, level: u16) -> u32 {
        self.path << 16 | (level as u32) << 1
    }

    /// Where a child of the node in `level` is.
    #[inline]
    const fn below(self, level: u16, is_wildcard: bool) -> Self {
        Self { path: self.path | (is_wildcard as u32) << (LEVELS - 1 - level), ..self }
    }
}

impl Nodes {
    #[inline]
    fn push(&mut self, node: u32, at: At) {
        if let Some(slot) = self.nodes.get_mut(self.len) {
            *slot = At { node, ..at };
            self.len += 1;
        }
    }

    #[inline]
    fn nodes(&self) -> &[At] {
        self.nodes.get(..self.len).unwrap_or_default()
    }
}

impl Items {
    pub(super) const NONE: Self = Self { items: [0; ITEMS], len: 0 };

    #[inline]
    fn push(&mut self, key: u32, child: Child) {
        if let Some(slot) = self.items.get_mut(self.len) {
            *slot = u64::from(key) << 32 | u64::from(Packed::new(child).0);
            self.len += 1;
        }
    }

    #[inline]
    fn find(&mut self, key: u32, filter: u32) {
        if filter != NONE {
            self.push(key, Child::Leaf(filter));
        }
    }

    /// What ends with a child for the last level of a name.
    #[inline]
    fn find_ends<K, V>(&mut self, trie: &Trie<K, V>, key: u32, child: Child) {
        match child {
            Child::None => {}
            Child::Leaf(filter) => self.find(key, filter),
            Child::Node(id) => {
                if let Some(node) = trie.nodes.get(id) {
                    self.find(key, node.filter);
                    // `a/#` matches `a` too.
                    self.find(key | 1, node.multi_level);
                }
            }
        }
    }

    #[inline]
    pub(super) fn sorted(&mut self) -> impl DoubleEndedIterator<Item = Packed> {
        let items = self.items.get_mut(..self.len).unwrap_or_default();
        items.sort_unstable();
        items.iter().map(|item| Packed(*item as u32))
    }
}

/// Begins to search for `name`: finds what there is, unless nodes are left, all at one place and level of the name.
#[inline]
pub(super) fn search<K, V>(
    trie: &Trie<K, V>,
    name: &[u8],
    budget: &mut usize,
    items: &mut Items,
) -> Option<(u16, u16)> {
    let mut exact = trie.exact.as_ref().map(|table| (table, table.probe(name)));
    let mut nodes = Nodes { nodes: [At { node: ROOT, path: 0 }; 2 * WIDTH], len: 1 };
    let mut loaded =
        [Loaded { at: At { node: ROOT, path: 0 }, node: &Node::VACANT, named: Packed::NONE }; WIDTH];
    let (mut at, mut level) = (0, 0);
    let mut is_wild = is_wild_first(name);
    while nodes.len > 0 && level < LEVELS {
        let count = nodes.len;
        let mut wanted = trie.wanted(name, usize::from(at), level);
        let is_last = usize::from(wanted.end) == name.len();
        // A node has `#`, and with the last level, and `+` for it, each the filter itself and `#` behind it.
        let filters = if is_last { 5 * count } else { count };
        if count > WIDTH || count > *budget || items.len + filters >= Found::ROOM {
            break;
        }
        // A walk gets past many levels at once there.
        let is_in_run = |at: &At| trie.nodes.get(at.node).is_some_and(|node| node.run().is_some());
        if level >= runs::FIRST && nodes.nodes().iter().any(is_in_run) {
            break;
        }
        *budget -= count;
        for (loaded, at) in loaded.iter_mut().zip(nodes.nodes()) {
            let Some(node) = trie.nodes.get(at.node) else { continue };
            *loaded = Loaded { at: *at, node, named: trie.name_probed(at.node, node, &wanted) };
        }
        nodes.len = 0;
        let loaded = loaded.get(..count).unwrap_or_default();
        if is_last {
            if let Some((table, probe)) = exact.take() {
                items.find(0, table.find_probed(name, probe).unwrap_or(NONE));
            }
            for Loaded { at, node, named } in loaded {
                let named = trie.child_probed(at.node, node, &wanted, *named);
                items.find_ends(trie, at.below(level, false).key(level + 1), named);
                if is_wild {
                    items.find(at.key(level) | 1, node.multi_level);
                    items.find_ends(trie, at.below(level, true).key(level + 1), node.single_level());
                }
            }
            break;
        }
        for Loaded { at, node, named } in loaded {
            if let Some(child) = trie.node_probed(at.node, node, &mut wanted, *named) {
                nodes.push(child, at.below(level, false));
            }
            if is_wild {
                items.find(at.key(level) | 1, node.multi_level);
                if let Child::Node(child) = node.single_level() {
                    nodes.push(child, at.below(level, true));
                }
            }
        }
        (at, level, is_wild) = (wanted.end + 1, level + 1, true);
    }
    if let Some((table, probe)) = exact {
        items.find(0, table.find_probed(name, probe).unwrap_or(NONE));
    }
    for at in nodes.nodes() {
        items.push(at.key(level), Child::Node(at.node));
    }
    (nodes.len > 0).then_some((at, level))
}
