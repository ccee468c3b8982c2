//! Runs: many levels of the trie, one below the other, that lead to one place only, are compared with a name as one text.
//!
//! The nodes stay as they are; a run is a way past them. It is given up when one of its nodes is to change. What is left is not always
//! joined again when the change is undone: then a match goes from node to node there until the filter is inserted again.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::exact::bytes_of;
use super::trie::{Child, Trie};
use crate::arena::{Arena, Record, record};

/// Runs begin below so many levels, so that they cost nothing where there are no more.
pub(super) const FIRST: u16 = 8;

/// Levels of the shortest.
const SHORTEST: u16 = 8;

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

/// A run that was given up because a node of it changes: its first node, and the one below that node.
#[derive(Clone, Copy)]
pub(super) struct GivenUp {
    first: u32,
    below: u32,
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
        Some(GivenUp { first, below })
    }

    /// Makes runs again of what is left beside a node that has changed.
    pub(super) fn renew(&mut self, given_up: Option<GivenUp>) {
        if let Some(GivenUp { first, below }) = given_up {
            self.add_runs(first);
            self.add_runs(below);
        }
    }

    /// Makes one run of those on both sides of a node that nothing branches off from any more.
    pub(super) fn join(&mut self, node: u32) {
        let Some(joint) = self.nodes.get(node).filter(|node| node.is_plain()) else { return };
        let (Child::Node(below), above) = (joint.only_name(), joint.parent()) else { return };
        if let Some(GivenUp { first, .. }) = self.give_up(above) {
            self.give_up(below);
            self.add_runs(first);
        }
    }

    /// Makes runs of the nodes from `first` on, as far as only one filter or more that differ further below go on from them.
    pub(super) fn add_runs(&mut self, mut first: u32) {
        loop {
            let (mut exit, mut levels, mut text) = (first, 0, Vec::new());
            while let Some(node) = self.nodes.get(exit).filter(|node| node.is_plain())
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
