#!/usr/bin/env bash
# Instructions for each packet, by callgrind: the difference between 3 runs and 1 run of a workload, so that start-up and
# the making of the workload do not count. `encode` is what encoding adds to decoding. Needs valgrind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --quiet --profile bench -p benches --bin repeat
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/repeat "$@" 2>&1 >/dev/null |
        awk '/Collected/ { print $4 }'
}

printf '%-4s %10s %10s\n' '' decode encode
for name in ${1:-a a5 b c d4 d e4 e f4 f}; do
    packets=$(target/release/repeat decode "$name" 1)
    decode=$((($(count decode "$name" 3) - $(count decode "$name" 1)) / 2 / packets))
    both=$((($(count encode "$name" 3) - $(count encode "$name" 1)) / 2 / packets))
    printf '%-4s %10d %10d\n' "$name" "$decode" "$((both - decode))"
done
