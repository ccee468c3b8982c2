#!/usr/bin/env bash
# Our codec beside published ones: without arguments everything, into RESULTS.md; with arguments what they ask for, to the
# terminal. `run.sh --help` shows them. Instructions need valgrind. One of the libraries declares a newer Rust than it
# needs, hence --ignore-rust-version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cargo build --quiet --release --locked --ignore-rust-version
peers() {
    cargo run --quiet --release --locked --ignore-rust-version --bin peers -- "$@"
}
if (($# > 0)); then
    peers "$@"
    exit
fi

{
    echo '# Results'
    echo
    echo 'Written by `run.sh`; [README.md](README.md) says how to read it.'
    echo
    echo "- $(date -u +%F), $(rustc --version | cut -d' ' -f1-2), release, fat LTO, $(uname -m), $(nproc) cores of$(
        sed -n 's/^model name[^:]*://p' /proc/cpuinfo | head -n 1
    )."
    echo "- Load average when it began: $(cut -d' ' -f1 /proc/loadavg). Much more than 1 means that others used the machine: times are noisy, instructions and allocations are exact."
    echo "- $(cargo tree --locked --depth 1 --prefix none --edges normal --format '{p}' | sed 1d | grep -vE ' \(|^(bytes|bytestring|ntex-bytes|ntex-codec|tokio-util) ' | sed 's/ v/ /' | paste -sd, | sed 's/,/, /g')."
    echo
    peers
} >RESULTS.md.new
mv RESULTS.md.new RESULTS.md
