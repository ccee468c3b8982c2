//! Replays the committed corpora of the fuzz targets through the checks of those targets.

#[allow(unreachable_pub, reason = "shared with the fuzz target, where it is public")]
#[path = "../../fuzz/src/broker.rs"]
mod broker;
#[allow(unreachable_pub, reason = "shared with the fuzz target, where it is public")]
#[path = "../../fuzz/src/client.rs"]
mod client;
#[allow(unreachable_pub, reason = "shared with the fuzz targets, where it is public")]
#[path = "../../fuzz/src/packets.rs"]
mod packets;
#[allow(unreachable_pub, reason = "shared with the fuzz target, where it is public")]
#[path = "../../fuzz/src/restore.rs"]
mod restore;

use std::path::Path;

use proptest::prelude::*;

fn replay(target: &str, check: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&std::fs::read(path).unwrap());
        count += 1;
    }
    assert_ne!(count, 0, "no files in {}", dir.display());
}

#[test]
fn client_corpus() {
    replay("client", client::client);
}

#[test]
fn broker_corpus() {
    replay("broker", broker::broker);
}

#[test]
fn restore_corpus() {
    replay("restore", restore::restore);
}

proptest! {
    #[test]
    fn any_history_of_a_client(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
        client::client(&data);
    }

    #[test]
    fn any_history_of_a_broker(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
        broker::broker(&data);
    }

    #[test]
    fn any_records(data in proptest::collection::vec(any::<u8>(), 0..500)) {
        restore::restore(&data);
    }
}
