//! Where the elements of long lists are.

use super::hash::Seed;
use super::list::List;
use super::table::Table;

/// Lists that are no longer are searched from the beginning.
const SHORT: usize = 16;

/// Places in long lists, by the owner of the list and the hash of the element.
#[derive(Clone)]
pub(super) struct Positions {
    seed: Seed,
    table: Table,
}

impl Positions {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, table: Table::new() }
    }

    pub(super) fn find<T>(
        &self,
        owner: u32,
        list: &List<T>,
        hash: u32,
        is: impl Fn(&T) -> bool,
    ) -> Option<usize> {
        if list.len() <= SHORT {
            return list.chunks().position(is);
        }
        let found = self.table.find(self.seed.pair(owner, hash), |at| list.get(at as usize).is_some_and(&is));
        found.map(|at| at as usize)
    }

    pub(super) fn push<T: Clone>(
        &mut self,
        owner: u32,
        list: &mut List<T>,
        element: T,
        hash: impl Fn(&T) -> u32,
    ) {
        let len = list.len();
        if len > SHORT {
            self.table.insert(self.seed.pair(owner, hash(&element)), len as u32);
        }
        list.push(element);
        if len == SHORT {
            for (at, element) in (0..).zip(list.chunks()) {
                self.table.insert(self.seed.pair(owner, hash(element)), at);
            }
        }
    }

    /// Removes an element; the last takes its place.
    pub(super) fn swap_remove<T: Clone>(
        &mut self,
        owner: u32,
        list: &mut List<T>,
        at: usize,
        hash: impl Fn(&T) -> u32,
    ) -> Option<T> {
        let end = list.len().checked_sub(1)?;
        let hash_of = |list: &List<T>, at| list.get(at).map(|element| self.seed.pair(owner, hash(element)));
        match end {
            ..SHORT => {}
            SHORT => {
                for (at, element) in (0..).zip(list.chunks()) {
                    self.table.remove(self.seed.pair(owner, hash(element)), at);
                }
            }
            _ => {
                let (removed, moved) = (hash_of(list, at)?, hash_of(list, end)?);
                self.table.remove(removed, at as u32);
                if at < end {
                    self.table.replace(moved, end as u32, at as u32);
                }
            }
        }
        list.swap_remove(at)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.table.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn elements_are_found_and_nothing_stays_of_what_is_removed() {
        let mut positions = Positions::new(Seed::new(0));
        let hash = |element: &u32| element % 50;
        let mut settled = 0;
        for round in 0..400_usize {
            let (mut list, mut model) = (List::None, Vec::new());
            for element in 0..(round % 40) as u32 {
                positions.push(7, &mut list, element, hash);
                model.push(element);
            }
            while let Some(end) = model.len().checked_sub(1) {
                for (at, element) in model.iter().enumerate() {
                    assert_eq!(positions.find(7, &list, hash(element), |other| other == element), Some(at));
                }
                let at = if end % 3 == 0 { end } else { (round + end * 7) % model.len() };
                assert_eq!(positions.swap_remove(7, &mut list, at, hash), Some(model.swap_remove(at)));
            }
            assert_eq!(positions.swap_remove(7, &mut list, 0, hash), None);
            match round {
                40 => settled = positions.heap_bytes(),
                41.. => assert!(positions.heap_bytes() <= settled + 256, "{round}"),
                _ => {}
            }
        }
    }
}
