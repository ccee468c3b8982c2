#!/usr/bin/env bash
# Instructions for each packet, by callgrind: the difference between 3 runs and 1 run of a workload, so that start-up and
# the making of the workload do not count. `read` decodes and looks at every field, texts as `str`; `encode` is what encoding adds
# to decoding; `received` and `built` are the encoding of packets that are there, as they came or made of values. `plain` and
# `prepared` are one more receiver of a PUBLISH at QoS 1. Needs valgrind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --quiet --profile bench -p benches --bin repeat --bin fanout
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/"$@" 2>&1 >/dev/null |
        awk '/Collected/ { print $4 }'
}

printf '%-4s %10s %10s %10s %10s %10s\n' '' decode read encode received built
for name in ${1:-a a5 b c d4 d e4 e f4 f}; do
    packets=$(target/release/repeat decode "$name" 1)
    decode=$((($(count repeat decode "$name" 3) - $(count repeat decode "$name" 1)) / 2 / packets))
    read=$((($(count repeat read "$name" 3) - $(count repeat read "$name" 1)) / 2 / packets))
    both=$((($(count repeat encode "$name" 3) - $(count repeat encode "$name" 1)) / 2 / packets))
    received=$((($(count repeat received "$name" 3) - $(count repeat received "$name" 1)) / 2 / packets))
    built=$((($(count repeat built "$name" 3) - $(count repeat built "$name" 1)) / 2 / packets))
    printf '%-4s %10d %10d %10d %10d %10d\n' "$name" "$decode" "$read" "$((both - decode))" "$received" "$built"
done

fanout() {
    echo $((($(count fanout "$@" 30000) - $(count fanout "$@" 10000)) / 20000))
}
printf '%-4s %10s %10s\n' '' plain prepared
for name in a a5 b; do
    empty=$(fanout empty "$name")
    printf '%-4s %10d %10d\n' "$name" $(($(fanout plain "$name") - empty)) $(($(fanout prepared "$name") - empty))
done
