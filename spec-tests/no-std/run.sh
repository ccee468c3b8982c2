#!/usr/bin/env bash
# Builds and runs the program without std; then builds the crates for a bare-metal target, where one is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

bare=thumbv7em-none-eabi

cargo build --quiet --release --locked
timeout 60 cargo run --quiet --release --locked
echo "ok   no-std program"

if [ -d "$(rustc --print sysroot)/lib/rustlib/$bare" ]; then
    cargo build --quiet --release --locked --manifest-path ../../Cargo.toml --target "$bare" \
        -p mqtt-topic -p mqtt-codec -p mqtt-session
    echo "ok   no-std $bare"
else
    echo "skip no-std $bare: target not installed"
fi
