//! Replays the committed seeds and findings of the fuzz targets through the checks of those targets.

#[allow(unreachable_pub, dead_code, reason = "shared with the fuzz targets, where it is public")]
#[path = "../../fuzz/src/codec.rs"]
mod codec;
#[allow(unreachable_pub, reason = "shared with the fuzz target, where it is public")]
#[path = "../../fuzz/src/encode.rs"]
mod encode;

use std::path::Path;

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
fn decode() {
    replay("decode", codec::decode);
}

#[test]
fn split() {
    replay("split", codec::split);
}

#[test]
fn round_trip() {
    replay("round_trip", codec::round_trip);
}

#[test]
fn encode() {
    replay("encode", encode::encode);
}
