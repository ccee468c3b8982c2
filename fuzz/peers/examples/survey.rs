//! Lists the unknown divergences in directories of inputs, one line each: `cargo run --example survey -- DIR…`.

fn main() -> std::io::Result<()> {
    for dir in std::env::args().skip(1) {
        for entry in std::fs::read_dir(dir)? {
            for divergence in fuzz_peers::unknown_divergences(&std::fs::read(entry?.path())?) {
                println!("{divergence}");
            }
        }
    }
    Ok(())
}
