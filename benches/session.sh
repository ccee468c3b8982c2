#!/usr/bin/env bash
# Instructions and allocations for each message of `session`, by callgrind: the difference between runs of different length, so
# that start-up does not count. `pair` is from Client to Client, `alone` from a Client to a broker in which nobody has subscribed, `core` the broker alone with one subscriber, `fan` one delivery
# of many. Needs valgrind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --quiet --profile bench -p benches --bin session
session() {
    target/release/session "$@"
}
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/session "$@" 2>&1 >/dev/null |
        awk '/Collected/ { print $4 }'
}
measure() {
    local what=$1 subscribers=$2 short=$3 version qos messages allocations
    for version in 4 5; do
        for qos in 0 1 2; do
            read -r messages allocations < <(session "$what" "$version" "$qos" "$short" "$subscribers")
            printf '%-5s %11d %7d %3d %12d %12s\n' "$what" "$subscribers" "$version" "$qos" \
                $((($(count "$what" "$version" "$qos" $((3 * short)) "$subscribers") -
                    $(count "$what" "$version" "$qos" "$short" "$subscribers")) / (2 * short * messages))) \
                "$allocations"
        done
    done
}

printf '%-5s %11s %7s %3s %12s %12s\n' '' subscribers version QoS instructions allocations
measure pair 1 500
measure alone 0 500
measure core 1 500
measure fan 100 20
measure fan 1000 4
