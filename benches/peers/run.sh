#!/usr/bin/env bash
# Ours beside published ones: `run.sh` the codecs, into RESULTS.md, `run.sh topics` the stores of subscriptions and retained
# messages, into topics/RESULTS.md, and `run.sh session` the session machines, into session/RESULTS.md; with more arguments what
# they ask for, to the terminal. `--help` shows them. Instructions need valgrind. One of the libraries declares a newer Rust than it
# needs, hence --ignore-rust-version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

package=peers results=RESULTS.md
if [[ ${1-} == topics || ${1-} == session ]]; then
    package=$1 results=$1/RESULTS.md
    shift
fi
cargo build --quiet --release --locked --ignore-rust-version --package "$package"
peers() {
    cargo run --quiet --release --locked --ignore-rust-version --package "$package" --bin "$package" -- "$@"
}
if (($# > 0)); then
    peers "$@"
    exit
fi

# Neither what is ours nor what libraries take and give.
libraries=$(cargo tree --locked --package "$package" --depth 1 --prefix none --edges normal --format '{p}' | sed 1d |
    grep -vE ' \(|^(bytes|bytestring|ntex-bytes|ntex-codec|tokio|tokio-util) ' | sed 's/ v/ /' | paste -sd, | sed 's/,/, /g')
{
    echo '# Results'
    echo
    echo 'Written by `run.sh`; [README.md](README.md) says how to read it.'
    echo
    echo "- $(date -u +%F), $(rustc --version | cut -d' ' -f1-2), release, fat LTO, $(uname -m), $(nproc) cores of$(
        sed -n 's/^model name[^:]*://p' /proc/cpuinfo | head -n 1
    )."
    echo "- Load average when it began: $(cut -d' ' -f1 /proc/loadavg). Much more than 1 means that others used the machine: times are noisy, instructions and allocations are exact."
    echo "- $libraries."
    echo
    peers
} >"$results.new"
mv "$results.new" "$results"
