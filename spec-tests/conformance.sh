#!/usr/bin/env bash
# Plays the server scripts against our example brokers and Debian's mosquitto, over TCP on the loopback. Our broker must not fail at
# all, nor the one on several threads but for Shared Subscriptions, which it does not have; the table of ours and mosquitto must be that of
# servers.md, as long as the mosquitto is the one it was made with. With --write the table is written instead of compared. Installs
# mosquitto where it is missing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
folder=${CARGO_TARGET_DIR:-$root/target}/conformance
mkdir -p "$folder"
cd "$root"

if [ ! -x /usr/sbin/mosquitto ]; then
    policy=/usr/sbin/policy-rc.d ours=0 code=0
    if [ ! -e "$policy" ]; then
        # No service may start.
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=1
    fi
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mosquitto; } \
        >"$folder/apt.log" 2>&1 || code=$?
    [ "$ours" = 0 ] || rm -f "$policy"
    [ "$code" = 0 ] || echo "no mosquitto (see $folder/apt.log)"
fi

cargo build --quiet --release -p mqtt-session --example broker --example shards
cargo build --quiet -p spec-tests --bin conformance
target=${CARGO_TARGET_DIR:-$root/target}

pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT

# Starts one of our examples on a free port, which is then in $port.
start() {
    "$target/release/examples/$1" --listen 127.0.0.1:0 "${@:2}" >"$folder/$1.log" 2>&1 &
    pids+=($!)
    until port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$folder/$1.log") && [ -n "$port" ]; do
        kill -0 "${pids[-1]}"
        sleep 0.1
    done
}

start shards --threads 3
"$target/debug/conformance" --target "shards=127.0.0.1:$port" --may-fail shards >"$folder/shards.txt"
if grep -F FAIL "$folder/shards.txt" | grep -vF ' MQTT-4.8.2-'; then
    exit 1
fi
grep '^shards: ' "$folder/shards.txt"

start broker
targets=(--target "ours=127.0.0.1:$port" --exact ours)

name=
if [ -x /usr/sbin/mosquitto ]; then
    # The help is all that tells the version; its exit code is no success.
    name="mosquitto $(/usr/sbin/mosquitto -h 2>/dev/null | sed -n '1s/^mosquitto version //p' || true)"
    for _ in 1 2 3 4 5; do
        other=$((20000 + RANDOM % 20000))
        printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence false\n' "$other" >"$folder/mosquitto.conf"
        /usr/sbin/mosquitto -c "$folder/mosquitto.conf" >"$folder/mosquitto.log" 2>&1 &
        pid=$!
        sleep 1
        if kill -0 "$pid" 2>/dev/null; then
            pids+=("$pid")
            targets+=(--target "$name=127.0.0.1:$other" --may-fail "$name")
            break
        fi
        other=
    done
    [ -n "$other" ] || { echo "mosquitto does not start (see $folder/mosquitto.log)" && exit 1; }
fi

"$target/debug/conformance" "${targets[@]}" --table "$folder/servers.md" --json "$folder/servers.json" >"$folder/verdicts.txt" || {
    grep -F FAIL "$folder/verdicts.txt" || true
    exit 1
}
grep -E '^(ours|mosquitto [0-9.]+): ' "$folder/verdicts.txt"
if [ "${1:-}" = --write ]; then
    cp "$folder/servers.md" "$here/servers.md"
elif [ -n "$name" ] && grep -qF "$name" "$here/servers.md"; then
    diff "$here/servers.md" "$folder/servers.md" || { echo "spec-tests/conformance.sh --write writes servers.md" && exit 1; }
else
    echo "servers.md is not compared: it was made with another mosquitto"
fi
