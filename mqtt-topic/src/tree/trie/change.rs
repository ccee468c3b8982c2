//! Filters that come and go, and the nodes that come and go with them.

use super::{
    Child, EXACT, Filter, MULTI_LEVEL, Names, NamesKind, Node, Packed, Place, ROOT, SINGLE_LEVEL, Trie,
};
use crate::arena::{Arena, NONE};
use crate::tree::exact::Exact;
use crate::tree::runs;
use crate::{Level, TopicFilter};

impl<K: Clone, V: Clone> Trie<K, V> {
    /// The filter, or the one that `make` makes.
    pub(in crate::tree) fn find_or_add(
        &mut self,
        filter: TopicFilter<&[u8]>,
        make: impl FnOnce(Place) -> Filter<K, V>,
    ) -> u32 {
        if let Some(exact) = &self.exact
            && Exact::is_for(filter)
        {
            let hash = exact.hash(filter.as_bytes());
            if let Some(id) = exact.find_hashed(hash, filter.as_bytes()) {
                return id;
            }
            if exact.is_spilled()
                && let Some(id) = self.find_path(filter)
            {
                return id;
            }
            if let Some(exact) = &mut self.exact
                && exact.make_room()
            {
                let id = self.filters.next();
                let moved = |owner, text| set_text(&mut self.filters, owner, text);
                let text = exact.insert(id, hash, filter.as_bytes(), moved);
                return self.filters.insert(make(Place { parent: EXACT, symbol: text }));
            }
        }
        let mut parent = ROOT;
        // The first node that is new and deep enough for a run.
        let mut deep = None;
        let mut levels = filter.levels().enumerate().peekable();
        while let Some((number, level)) = levels.next() {
            match (self.child_at(parent, level), levels.peek().is_none()) {
                (Child::Leaf(id), true) => return id,
                (Child::Node(id), true) => {
                    let given_up = self.give_up(id);
                    let Some(node) = self.nodes.get_mut(id) else { break };
                    if node.filter == NONE {
                        let place = Place { parent: node.parent, symbol: node.symbol };
                        node.filter = self.filters.insert(make(place));
                        self.paths += 1;
                    }
                    let filter = node.filter;
                    self.renew(given_up);
                    return filter;
                }
                (Child::Node(id), false) => parent = id,
                (Child::Leaf(id), false) => {
                    let Some(place) = self.filters.get(id).and_then(Filter::place) else { break };
                    parent = self.nodes.insert(Node { filter: id, ..Node::new(place) });
                    self.replace_child(place, Child::Leaf(id), Child::Node(parent));
                }
                (Child::None, is_last) => {
                    let symbol = match level {
                        Level::Name(name) => self.symbols.add(name),
                        Level::SingleLevel => SINGLE_LEVEL,
                        Level::MultiLevel => MULTI_LEVEL,
                    };
                    let place = Place { parent, symbol };
                    if is_last {
                        let id = self.filters.insert(make(place));
                        self.add_child(place, Child::Leaf(id));
                        self.paths += 1;
                        if let Some(first) = deep {
                            self.add_runs(first, NONE);
                        }
                        return id;
                    }
                    parent = self.nodes.insert(Node::new(place));
                    self.add_child(place, Child::Node(parent));
                    if deep.is_none() && number + 1 >= usize::from(runs::FIRST) {
                        deep = Some(parent);
                    }
                }
            }
        }
        NONE
    }

    /// Removes a filter, and the nodes that were there for it alone.
    pub(in crate::tree) fn remove(&mut self, id: u32) -> Option<Filter<K, V>> {
        let removed = self.filters.remove(id)?;
        let mut place = removed.place()?;
        if place.parent == EXACT {
            if let Some(exact) = &mut self.exact {
                exact.remove(place.symbol, |owner, text| set_text(&mut self.filters, owner, text));
            }
            return Some(removed);
        }
        self.paths -= 1;
        // `child` will not find a leaf whose filter is gone, but the node of a filter that others go on from.
        if let Child::Node(at) = self.child(place)
            && let Some(node) = self.nodes.get_mut(at)
        {
            node.filter = NONE;
            self.join(at);
            return Some(removed);
        }
        let mut child = Child::Leaf(id);
        loop {
            self.remove_child(place, child);
            let Some(node) = self.nodes.get(place.parent).copied() else { break };
            if place.parent == ROOT || !node.is_childless() {
                self.join(place.parent);
                break;
            }
            self.nodes.remove(place.parent);
            child = Child::Node(place.parent);
            place = Place { parent: node.parent, symbol: node.symbol };
            if node.filter != NONE {
                self.replace_child(place, child, Child::Leaf(node.filter));
                break;
            }
        }
        Some(removed)
    }

    fn add_edge(&mut self, place: Place, child: Child) {
        self.edges.insert(self.edge(place), Packed::new(child).0);
    }

    fn add_child(&mut self, place: Place, child: Child) {
        let given_up = self.give_up(place.parent);
        self.link_child(place, child);
        self.renew(given_up);
    }

    fn link_child(&mut self, place: Place, child: Child) {
        let Some(node) = self.nodes.get_mut(place.parent) else { return };
        match (place.symbol, child) {
            (MULTI_LEVEL, Child::Leaf(id)) => node.multi_level = id,
            (SINGLE_LEVEL, _) => node.single_level = Packed::new(child),
            _ => match node.names.kind() {
                NamesKind::Only(Child::None) => node.names = Names::only(child),
                NamesKind::Only(first) => {
                    node.names = Names::many(2);
                    if let Some(place) = self.place_of(first) {
                        self.add_edge(place, first);
                    }
                    self.add_edge(place, child);
                }
                NamesKind::Many(count) => {
                    node.names = Names::many(count + 1);
                    self.add_edge(place, child);
                }
            },
        }
    }

    fn replace_child(&mut self, place: Place, old: Child, new: Child) {
        let given_up = self.give_up(place.parent);
        let Some(node) = self.nodes.get_mut(place.parent) else { return };
        match place.symbol {
            SINGLE_LEVEL => node.single_level = Packed::new(new),
            _ => match node.names.kind() {
                NamesKind::Only(_) => node.names = Names::only(new),
                NamesKind::Many(_) => {
                    self.edges.remove(self.edge(place), Packed::new(old).0);
                    self.add_edge(place, new);
                }
            },
        }
        self.renew(given_up);
    }

    fn remove_child(&mut self, place: Place, child: Child) {
        // Nothing is left of it: its nodes were there for what is removed alone.
        self.give_up(place.parent);
        let Some(node) = self.nodes.get_mut(place.parent) else { return };
        match place.symbol {
            MULTI_LEVEL => node.multi_level = NONE,
            SINGLE_LEVEL => node.single_level = Packed::new(Child::None),
            symbol => {
                match node.names.kind() {
                    NamesKind::Only(_) => node.names = Names::NONE,
                    NamesKind::Many(count) => {
                        // What is left of many stays in the table of edges, be it one.
                        node.names = if count > 1 { Names::many(count - 1) } else { Names::NONE };
                        self.edges.remove(self.edge(place), Packed::new(child).0);
                    }
                }
                self.symbols.release(symbol);
            }
        }
    }
}

/// The text of a filter in the exact table is elsewhere now.
fn set_text<K: Clone, V: Clone>(filters: &mut Arena<Filter<K, V>>, id: u32, text: u32) {
    if let Some(place) = filters.get_mut(id).and_then(Filter::place_mut) {
        place.symbol = text;
    }
}
