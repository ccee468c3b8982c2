#!/usr/bin/env bash
# Shows that decoding can neither panic nor allocate: the program links although what a panic or an allocation would call
# is defined nowhere. If it does not link, lists what calls it. Then the program decodes, to show that it can.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

target=../../target/no-panic
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# build DIRECTORY FEATURE…
build() {
    local dir=$target/$1
    shift
    cargo build --quiet --release --locked --target-dir "$dir" "$@" >"$log" 2>&1
}

if ! build linked; then
    if ! grep -q 'undefined.*_is_reachable' "$log"; then
        cat "$log"
        exit 1
    fi
    echo "FAIL no-panic: the program does not link, for it reaches"
    build defined --features defined
    program=$target/defined/release/no-panic
    objdump --disassemble --demangle --no-show-raw-insn "$program" |
        awk '/^[0-9a-f]+ <.*>:$/ { function_name = $0; sub(/^[0-9a-f]+ </, "", function_name); sub(/>:$/, "", function_name) }
             /(call|jmp).*<(core::(panicking|slice::index|option|result|str::slice_error_fail|cell)|alloc::|a_panic_is|an_allocation_is)/ {
                 if (function_name !~ /^(core::panicking|core::slice::index|__rustc|rust_begin_unwind|a_panic_is|an_allocation_is)/) {
                     address = $1; sub(/:$/, "", address); callee = $0; gsub(/^[^<]*<|>$/, "", callee)
                     print address, function_name " calls " callee
                 }
             }' |
        while read -r address rest; do
            echo "     $rest at $(addr2line -e "$program" "$address")"
        done
    exit 1
fi
program=$target/linked/release/no-panic
if nm "$program" | grep -E 'panick|_is_reachable'; then
    echo "FAIL no-panic: left over in the program"
    exit 1
fi
if build reachable --features reachable || ! grep -q a_panic_is_reachable "$log"; then
    echo "FAIL no-panic: a panic that can be reached goes unnoticed"
    exit 1
fi
echo "ok   no-panic: no panicking path and no allocation in $(size -A "$program" | awk '$1 == ".text" { print $2 }') bytes of code"

# decodes CODE BYTES
decodes() {
    local code=0
    printf '%b' "$2" | timeout 10 "$program" || code=$?
    if [ "$code" -ne "$1" ]; then
        echo "FAIL no-panic: $2 ends with $code instead of $1"
        exit 1
    fi
}
decodes 0 '\x02\x10\x10\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x03abc\x82\x07\x00\x01\x00\x00\x01#\x00\xE0\x00'
decodes 0 '\x12\x30\x0B\x00\x03a/b\x03\x23\x00\x01hi\x40\x03\x00\x01\x87'
decodes 1 '\x12\x30\x0B\x00\x03a/b\x03\x23\x00\x00hi'
decodes 1 '\x01\x30\x03\x00\x01#'
decodes 2 '\x00\x30\x05\x00\x01a'
echo "ok   no-panic: the program decodes"
