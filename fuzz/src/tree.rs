//! The model behind the target `tree`: a list of subscriptions and section 4.7 word for word, beside three trees.
//!
//! An input is a sequence of operations (see [`Input::operation`]); any bytes are one.

use std::collections::{BTreeMap, BTreeSet};

use crate::naive;
use mqtt_topic::{
    Group, Match, MatchPosition, SearchStep, Subscription, SubscriptionTree, TopicName, TreeConfig,
};

/// What happens to the trees.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A subscription as SUBSCRIBE carries it, the subscriber and the value.
    Insert(String, u16, u16),
    Remove(String, u16),
    /// Writes to the value in place.
    Change(String, u16, u16),
    RemoveSubscriber(u16),
    /// Asks for a Topic Name.
    Match(String),
    /// Asks for a Topic Name with a budget, and goes on with [`Step`](Self::Step) while other things happen.
    Search(String),
    Step(usize),
    /// From now on a clone is used, and what is done to it must not show in the original.
    Snapshot,
}

/// Few levels, so that texts collide; one is too long for the record of a level.
const LEVELS: [&str; 8] = ["a", "b", "", "a level of forty characters, some more", "$a", "é", "a", "b"];

/// Bytes that are read as operations.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    fn levels(&mut self, wildcards: bool) -> Option<String> {
        let count = self.byte()? % 5 + 1;
        let mut levels = Vec::new();
        for number in 1..=count {
            let byte = self.byte()?;
            levels.push(match byte % 12 {
                8..=10 if wildcards => "+",
                11 if wildcards && number == count => "#",
                level => LEVELS[usize::from(level) % LEVELS.len()],
            });
        }
        let text = levels.join("/");
        Some(if text.is_empty() { "/".to_owned() } else { text })
    }

    fn subscription(&mut self) -> Option<String> {
        let prefix = ["", "", "$share/g/", "$share/another name of a group/"][usize::from(self.byte()? % 4)];
        Some(prefix.to_owned() + &self.levels(true)?)
    }

    fn key(&mut self) -> Option<u16> {
        Some(u16::from(self.byte()? % 6))
    }

    /// The next operation; `None` at the end.
    pub fn operation(&mut self) -> Option<Operation> {
        Some(match self.byte()? % 16 {
            0..=4 => Operation::Insert(self.subscription()?, self.key()?, self.byte()?.into()),
            5..=7 => Operation::Remove(self.subscription()?, self.key()?),
            8 => Operation::Change(self.subscription()?, self.key()?, self.byte()?.into()),
            9 => Operation::RemoveSubscriber(self.key()?),
            10 | 11 => Operation::Match(self.levels(false)?),
            12 => Operation::Search(self.levels(false)?),
            13 | 14 => Operation::Step((self.byte()? % 4).into()),
            _ => Operation::Snapshot,
        })
    }
}

type Tree = SubscriptionTree<u16, u16>;
/// Subscription and subscriber, and the value.
type List = BTreeMap<(String, u16), u16>;

/// The trees and what they should hold.
pub struct Model {
    /// With the exact table, the same with another seed, and without.
    trees: [Tree; 3],
    list: List,
    snapshot: Option<(Tree, List)>,
    searches: Vec<Search>,
}

/// A search that goes on while the tree changes.
struct Search {
    tree: usize,
    name: String,
    position: Option<MatchPosition>,
    found: BTreeSet<String>,
    /// The groups that match and had members all the time.
    steady: BTreeSet<String>,
}

fn subscription(text: &str) -> Subscription<&[u8]> {
    Subscription::parse(text).expect("a subscription")
}

fn name(text: &str) -> TopicName<&[u8]> {
    TopicName::parse(text).expect("a name")
}

/// The Topic Filter in a subscription.
fn filter_of(subscription: &str) -> &str {
    match subscription.strip_prefix("$share/") {
        Some(rest) => rest.split_once('/').expect("a filter").1,
        None => subscription,
    }
}

/// The groups whose filter matches.
fn matching(list: &List, name: &str) -> BTreeSet<String> {
    list.keys()
        .filter(|(text, _)| naive::matches(filter_of(text), name))
        .map(|(text, _)| text.clone())
        .collect()
}

/// The group found, after a look at how it was found.
fn group(found: Match<'_, u16, u16>) -> Group<'_, u16, u16> {
    match found {
        Match::Ordinary(group) => {
            assert!(group.share_name().is_none());
            group
        }
        Match::Shared(group) => {
            assert!(group.share_name().is_some());
            group
        }
    }
}

impl Default for Model {
    fn default() -> Self {
        let tree = |seed, exact_table| {
            SubscriptionTree::with_config(TreeConfig { seed, exact_table, ..TreeConfig::default() })
        };
        Self {
            trees: [tree(0, true), tree(0xDEAD_BEEF_0123_4567, true), tree(0, false)],
            list: List::new(),
            snapshot: None,
            searches: Vec::new(),
        }
    }
}

impl Model {
    /// Does the same to all, and compares the answers.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Insert(text, key, value) => {
                let expected = self.list.insert((text.clone(), *key), *value);
                self.each(|tree| assert_eq!(tree.insert(&subscription(text), *key, *value), Ok(expected)));
            }
            Operation::Remove(text, key) => {
                let expected = self.list.remove(&(text.clone(), *key));
                self.each(|tree| assert_eq!(tree.remove(&subscription(text), key), expected));
            }
            Operation::Change(text, key, value) => {
                let change = |place: &mut u16| std::mem::replace(place, *value);
                let expected = self.list.get_mut(&(text.clone(), *key)).map(change);
                self.each(|tree| {
                    assert_eq!(tree.get_mut(&subscription(text), key).map(change), expected);
                });
            }
            Operation::RemoveSubscriber(key) => {
                let before = self.list.len();
                self.list.retain(|(_, subscriber), _| subscriber != key);
                let expected = before - self.list.len();
                self.each(|tree| assert_eq!(tree.remove_subscriber(key), expected));
            }
            Operation::Match(topic) => self.agree_on(topic),
            Operation::Search(topic) => {
                self.searches = (0..self.trees.len())
                    .map(|tree| Search {
                        tree,
                        name: topic.clone(),
                        position: None,
                        found: BTreeSet::new(),
                        steady: matching(&self.list, topic),
                    })
                    .collect();
                self.step(0);
            }
            Operation::Step(budget) => self.step(*budget),
            Operation::Snapshot => {
                let clone = self.trees[0].clone();
                let original = std::mem::replace(&mut self.trees[0], clone);
                self.agree_with_snapshot();
                self.snapshot = Some((original, self.list.clone()));
            }
        }
        for search in &mut self.searches {
            search.steady.retain(|text| {
                self.list.range((text.clone(), 0)..).next().is_some_and(|((other, _), _)| other == text)
            });
        }
    }

    fn each(&mut self, mut operation: impl FnMut(&mut Tree)) {
        self.trees.iter_mut().for_each(&mut operation);
    }

    /// What was there all the time is found once by the steps together, and nothing twice.
    fn step(&mut self, budget: usize) {
        let trees = &self.trees;
        self.searches.retain_mut(|search| {
            let tree = &trees[search.tree];
            let name = name(&search.name);
            let mut steps = match &search.position {
                None => tree.matches(&name),
                Some(position) => tree.matches_from(&name, position),
            };
            let mut budget = budget;
            loop {
                match steps.next_within(&mut budget) {
                    SearchStep::Found(found) => {
                        let text = group(found).subscription().to_string();
                        assert!(naive::matches(filter_of(&text), &search.name));
                        assert!(search.found.insert(text), "a group is found once");
                    }
                    SearchStep::OutOfBudget => {
                        search.position = steps.position();
                        assert!(search.position.is_some());
                        return true;
                    }
                    SearchStep::Done => {
                        assert_eq!(steps.position(), None);
                        assert!(search.steady.is_subset(&search.found), "{:?}", search.found);
                        return false;
                    }
                }
            }
        });
    }

    /// All that is known of each subscription.
    pub fn agree(&self) {
        for tree in &self.trees {
            agree(tree, &self.list);
        }
        let order = |tree: &Tree| -> Vec<String> {
            (0..6)
                .flat_map(|key| tree.subscriptions(&key).map(|(group, _)| group.subscription().to_string()))
                .collect()
        };
        assert_eq!(order(&self.trees[0]), order(&self.trees[1]), "the seed is not to be seen");
        assert_eq!(order(&self.trees[0]), order(&self.trees[2]), "nor is the exact table");
    }

    /// What was done since must not show in the original of a clone.
    pub fn agree_with_snapshot(&self) {
        if let Some((tree, list)) = &self.snapshot {
            agree(tree, list);
        }
    }

    /// Who wants a message.
    pub fn agree_on(&self, topic: &str) {
        let mut expected: BTreeMap<&str, BTreeMap<u16, u16>> = BTreeMap::new();
        for ((text, key), value) in
            self.list.iter().filter(|((text, _), _)| naive::matches(filter_of(text), topic))
        {
            expected.entry(text).or_default().insert(*key, *value);
        }
        let name = name(topic);
        let mut orders = Vec::new();
        for tree in &self.trees {
            let mut found = BTreeMap::new();
            let mut ids = BTreeSet::new();
            let mut order = Vec::new();
            for group in tree.matches(&name).map(group) {
                let text = group.subscription().to_string();
                assert!(ids.insert(group.id()), "each group has an id of its own");
                assert_eq!(tree.group(&subscription(&text)).map(|group| group.id()), Some(group.id()));
                let members: BTreeMap<u16, u16> =
                    group.members().map(|(key, value)| (*key, *value)).collect();
                assert_eq!(members.len(), group.members().len(), "a member is there once");
                for (at, member) in group.members().enumerate() {
                    assert_eq!(group.members().nth(at), Some(member));
                }
                assert_eq!(group.members().nth(members.len()), None);
                order.push(text.clone());
                order.extend(group.members().map(|(key, _)| key.to_string()));
                assert_eq!(found.insert(text, members), None, "a group is found once");
            }
            assert!(
                found
                    .iter()
                    .map(|(text, members)| (text.as_str(), members))
                    .eq(expected.iter().map(|(text, members)| (*text, members))),
                "{topic}: {found:?} instead of {expected:?}"
            );
            orders.push(order);
        }
        assert_eq!(orders[0], orders[1], "the seed is not to be seen");
    }
}

fn agree(tree: &Tree, list: &List) {
    assert_eq!((tree.len(), tree.is_empty()), (list.len(), list.is_empty()));
    let keys: BTreeSet<u16> = list.keys().map(|(_, key)| *key).chain(0..6).collect();
    let mut found = List::new();
    for key in keys {
        for (group, value) in tree.subscriptions(&key) {
            let text = group.subscription().to_string();
            assert_eq!(text, group.subscription().borrowed().to_string());
            assert_eq!(found.insert((text, key), *value), None, "listed twice");
        }
    }
    assert_eq!(found, *list);
    for ((text, key), value) in list {
        assert_eq!(tree.get(&subscription(text), key), Some(value));
    }
}

/// Any operations are done by the trees as by the list.
pub fn check(data: &[u8]) {
    let (mut input, mut model) = (Input(data), Model::default());
    while let Some(operation) = input.operation() {
        model.apply(&operation);
        model.agree();
    }
    model.agree_with_snapshot();
}
