//! Replays the committed corpus of the fuzz target `pair` through its check.

#[allow(unreachable_pub, reason = "shared with the fuzz target, where it is public")]
#[path = "../../fuzz/src/pair.rs"]
mod pair;

#[test]
fn pair_corpus() {
    let dir = spec_tests::root().join("fuzz/corpus/pair");
    let mut count = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        pair::pair(&std::fs::read(path).unwrap());
        count += 1;
    }
    assert_ne!(count, 0, "no files in {}", dir.display());
}
