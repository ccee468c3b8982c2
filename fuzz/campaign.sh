#!/usr/bin/env bash
# campaign.sh TARGET SECONDS [OPTION…]: fuzzes as fast as it goes, on all cores or on WORKERS of them, and prints how many
# executions that were in total and per second. Exits with 1 when there are findings, which are left in `artifacts`.
#
# OPTIONs go to libFuzzer. What is learnt stays in `target/corpus`, for the next campaign to begin with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

target=$1 seconds=$2
shift 2
workers=${WORKERS:-$(nproc)}
crate=. build=$PWD/target/campaign seeds=(corpus/"$target")
# Its inputs are those of `decode`.
[ "$target" = differential ] && crate=peers build=$build-peers seeds=(corpus/decode peers/corpus/differential)

corpus=$PWD/target/corpus/$target artifacts=$PWD/artifacts/$target
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
mkdir -p "$corpus" "$artifacts"

# Neither sanitizer nor comparison tracing: there is no unsafe code to sanitize, and both cost more than they find.
cargo +nightly fuzz build --fuzz-dir "$crate" --sanitizer none --no-trace-compares \
    --target-dir "$build" "$target"
binary=$(find "$build" -path "*/release/$target" -type f)

start=$SECONDS pids=()
for worker in $(seq "$workers"); do
    # The first corpus is written, the committed ones are only read.
    "$binary" "$corpus" "${seeds[@]}" -max_total_time="$seconds" -max_len=256 -use_value_profile=0 \
        -reload=30 -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$artifacts/" "$@" \
        >"$logs/$worker" 2>&1 &
    pids+=("$!")
done
findings=0
for index in "${!pids[@]}"; do
    if ! wait "${pids[$index]}"; then
        findings=$((findings + 1))
        grep -v '^#' "$logs/$((index + 1))" | tail -n 40
    fi
done

elapsed=$((SECONDS - start))
executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs"/* | awk '{ sum += $1 } END { print sum + 0 }')
echo "$target: $executions executions in $elapsed s by $workers workers," \
    "$((executions / (elapsed > 0 ? elapsed : 1))) per second, $findings findings"
[ "$executions" -gt 0 ] && [ "$findings" -eq 0 ]
