//! One thread subscribes, others match, none waits for another: the writer hands out snapshots of its tree.
//!
//! `cargo run --release -p mqtt-topic --example readers`

use std::sync::{Arc, Mutex};
use std::thread;

use mqtt_topic::{Match, Subscription, SubscriptionTree, TopicName};

type Tree = SubscriptionTree<u32, u8>;

/// What the readers match in. The lock is held to copy or replace one pointer, never during a match or a change of the tree.
struct Current(Mutex<Arc<Tree>>);

impl Current {
    fn get(&self) -> Arc<Tree> {
        Arc::clone(&self.0.lock().expect("nobody panics"))
    }

    fn replace(&self, tree: Arc<Tree>) {
        let old = std::mem::replace(&mut *self.0.lock().expect("nobody panics"), tree);
        drop(old);
    }
}

fn subscribers(tree: &Tree, name: &str) -> usize {
    let name = TopicName::parse(name).expect("a Topic Name");
    tree.matches(&name)
        .map(|found| match found {
            Match::Ordinary(group) => group.members().len(),
            Match::Shared(_) => 1,
        })
        .sum()
}

fn main() {
    const SUBSCRIBERS: u32 = 100_000;
    const BATCH: u32 = 1_000;
    let current = Current(Mutex::new(Arc::new(Tree::new())));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut tree = Tree::new();
            for key in 1..=SUBSCRIBERS {
                let filter = format!("fleet/{}/status", key % 100);
                let subscription = Subscription::parse(&filter).expect("a subscription");
                tree.insert(&subscription, key, 0).expect("there is no limit");
                // A snapshot copies handles of pages only, and the tree copies what it changes from now on.
                if key % BATCH == 0 {
                    current.replace(Arc::new(tree.clone()));
                }
            }
        });
        for reader in 0..2 {
            let current = &current;
            scope.spawn(move || {
                let (mut before, mut snapshots) = (0, 0);
                loop {
                    let tree = current.get();
                    let found = subscribers(&tree, "fleet/7/status");
                    // A snapshot stays as it is, and is whole: each batch holds as many of each filter.
                    assert_eq!(found, tree.len() / 100);
                    assert!(found >= before);
                    snapshots += usize::from(found > before);
                    before = found;
                    if tree.len() == SUBSCRIBERS as usize {
                        break println!(
                            "reader {reader} has seen {snapshots} snapshots, {found} subscribers in the last"
                        );
                    }
                    thread::yield_now();
                }
            });
        }
    });
}
