//! Runs: many levels of the trie, one below the other, that lead to one place only, are compared with a name as one text.
//!
//! The nodes stay as they are; a run is a way past them. It is given up when one of its nodes is to change, and what is left is joined again
//! when the change is undone. Only where a second name has come and gone it is not: such a node does not know which is left.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::exact::bytes_of;
use super::trie::{Child, Node, Trie};
use crate::arena::{Arena, NONE, Record, record};

/// Runs begin below so many levels, so that they cost nothing where there are no more.
pub(super) const FIRST: u16 = 8;

/// Levels of the shortest, and of the longest: as many nodes may have to be marked for a change of one.
const SHORTEST: u16 = 8;
const MOST: u16 = 128;

/// Bytes of the longest: what one visit looks at.
const LONGEST: usize = 1024;

#[derive(Clone)]
pub(super) enum Run {
    Vacant(u32),
    Used {
        /// The node above its first level.
        first: u32,
        /// The node it leads to, so many levels below.
        exit: u32,
        levels: u16,
        /// The levels, with separators between them.
        text: Arc<[u8]>,
    },
}

record!(Run);

/// A run that was given up because a node of it changes.
#[derive(Clone, Copy)]
pub(super) struct GivenUp {
    first: u32,
    /// The node below the one that changes.
    below: u32,
    exit: u32,
}

pub(super) fn heap_bytes(runs: &Arena<Run>) -> usize {
    let texts = runs.iter().map(|run| match run {
        Run::Vacant(_) => 0,
        Run::Used { text, .. } => bytes_of(text),
    });
    runs.heap_bytes() + texts.sum::<usize>()
}

impl<K: Clone, V: Clone> Trie<K, V> {
    /// Gives up the run that a node is in, before the node changes.
    pub(super) fn give_up(&mut self, node: u32) -> Option<GivenUp> {
        let changing = self.nodes.get(node)?;
        let number = changing.run()?;
        let Child::Node(below) = changing.only_name() else { return None };
        let Run::Used { first, exit, .. } = self.runs.remove(number)? else { return None };
        self.mark(first, exit, None);
        Some(GivenUp { first, below, exit })
    }

    /// Makes runs again of what is left beside a node that has changed.
    pub(super) fn renew(&mut self, given_up: Option<GivenUp>) {
        if let Some(GivenUp { first, below, exit }) = given_up {
            self.add_runs(first, exit);
            self.add_runs(below, exit);
        }
    }

    /// Makes runs of what is on both sides of a node that nothing branches off from any more: a run, or what was too short for one.
    pub(super) fn join(&mut self, node: u32) {
        if !self.is_plain(node) {
            return;
        }
        let (mut first, mut above) = (node, node);
        // As many levels are above `first`, so that none begins too early.
        for _ in 0..FIRST {
            above = self.parent(above);
        }
        if above == NONE {
            return;
        }
        for _ in 0..SHORTEST {
            let next = self.parent(first);
            if let Some(given_up) = self.give_up(next) {
                first = given_up.first;
                break;
            }
            above = self.parent(above);
            if above == NONE || !self.is_plain(next) {
                break;
            }
            first = next;
        }
        let mut exit = node;
        for _ in 0..SHORTEST {
            let Some(Child::Node(next)) = self.nodes.get(exit).map(Node::only_name) else { break };
            exit = next;
            if let Some(given_up) = self.give_up(next) {
                exit = given_up.exit;
                break;
            }
            if !self.is_plain(next) {
                break;
            }
        }
        self.add_runs(first, exit);
    }

    fn parent(&self, node: u32) -> u32 {
        self.nodes.get(node).map_or(NONE, Node::parent)
    }

    fn is_plain(&self, node: u32) -> bool {
        self.nodes.get(node).is_some_and(Node::is_plain)
    }

    /// Makes runs of the nodes from `first` to `end`, as far as only one filter or more that differ further below go on from them.
    pub(super) fn add_runs(&mut self, mut first: u32, end: u32) {
        loop {
            let (mut exit, mut levels, mut text) = (first, 0, Vec::new());
            while exit != end
                && levels < MOST
                && let Some(node) = self.nodes.get(exit).filter(|node| node.is_plain())
                && let Child::Node(child) = node.only_name()
                && let Some(node) = self.nodes.get(child)
            {
                let level = self.symbols.text(node.symbol);
                if levels > 0 {
                    if text.len() + 1 + level.len() > LONGEST {
                        break;
                    }
                    text.push(b'/');
                }
                text.extend_from_slice(level);
                (exit, levels) = (child, levels + 1);
            }
            if levels == 0 {
                return;
            }
            if levels >= SHORTEST {
                let number = self.runs.insert(Run::Used { first, exit, levels, text: text.into() });
                self.mark(first, exit, Some(number));
            }
            first = exit;
        }
    }

    /// Notes in the nodes of a run which one it is.
    fn mark(&mut self, mut at: u32, exit: u32, number: Option<u32>) {
        while at != exit
            && let Some(node) = self.nodes.get_mut(at)
            && let Child::Node(child) = node.only_name()
        {
            node.set_run(number);
            at = child;
        }
    }
}
