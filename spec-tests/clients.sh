#!/usr/bin/env bash
# Plays the client scripts against our example client, Debian's mosquitto_pub and mosquitto_sub, and paho's Python client, over
# TCP on the loopback. Ours must not fail at all; the table of all three must be that of clients.md, as long as the programs are
# those it was made with. With --write the table is written instead of compared. Installs what is missing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
folder=$target/conformance
paho=2.1.0
mkdir -p "$folder"
cd "$root"

# Installs Debian packages, of which no service may start.
debian() {
    local policy=/usr/sbin/policy-rc.d ours=0 code=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=1
    fi
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
        >"$folder/apt.log" 2>&1 || code=$?
    [ "$ours" = 0 ] || rm -f "$policy"
    return "$code"
}

cargo build --quiet --release -p mqtt-session --example mqtt
cargo build --quiet -p spec-tests --bin conformance-client

mqtt=$target/release/examples/mqtt
common='-h {host} -p {port} -V {version} -i {id} {keep:-c -x 600} -k {keep_alive} -q {qos} -t {topic}'
clients=(--client ours
    --publish "$mqtt pub $common {retain:-r} {v5:--topic-alias} -l"
    --subscribe "$mqtt sub $common {v5:-D connect topic-alias-maximum 10}")
names=()

command -v mosquitto_sub >/dev/null || debian mosquitto-clients || echo "no mosquitto_sub (see $folder/apt.log)"
if command -v mosquitto_sub >/dev/null; then
    # The help is all that tells the version; its exit code is no success.
    name="mosquitto $(mosquitto_sub --help 2>/dev/null | sed -n 's/^mosquitto_sub version \([^ ]*\).*/\1/p' || true)"
    names+=("$name")
    clients+=(--client "$name" --may-fail "$name"
        --publish "mosquitto_pub $common {retain:-r} -l"
        --subscribe "mosquitto_sub $common")
fi

python=$folder/venv/bin/python
if ! "$python" -c "import importlib.metadata as m; assert m.version('paho-mqtt') == '$paho'" 2>/dev/null; then
    { python3 -m venv "$folder/venv" || { debian python3 python3-venv && python3 -m venv "$folder/venv"; }; } \
        >"$folder/venv.log" 2>&1 &&
        "$python" -m pip install --quiet --disable-pip-version-check "paho-mqtt==$paho" >"$folder/pip.log" 2>&1 ||
        echo "no paho-mqtt $paho (see $folder/venv.log and $folder/pip.log)"
fi
if "$python" -c 'import paho.mqtt' 2>/dev/null; then
    names+=("paho-mqtt $paho")
    common="$here/clients/paho_client.py WORK {port} {version} {id} {keep_alive} {qos} {topic} {keep:--keep} {retain:--retain}"
    clients+=(--client "paho-mqtt $paho" --may-fail "paho-mqtt $paho"
        --publish "$python ${common/WORK/publish}"
        --subscribe "$python ${common/WORK/subscribe}")
fi

"$target/debug/conformance-client" "${clients[@]}" --table "$folder/clients.md" --json "$folder/clients.json" \
    >"$folder/client-verdicts.txt" || {
    grep -F FAIL "$folder/client-verdicts.txt" || true
    exit 1
}
grep -E '^(ours|mosquitto [0-9.]+|paho-mqtt [0-9.]+): ' "$folder/client-verdicts.txt"
if [ "${1:-}" = --write ]; then
    cp "$folder/clients.md" "$here/clients.md"
elif [ ${#names[@]} = 2 ] && grep -qF "| ours | ${names[0]} | ${names[1]} |" "$here/clients.md"; then
    diff "$here/clients.md" "$folder/clients.md" || { echo "spec-tests/clients.sh --write writes clients.md" && exit 1; }
else
    echo "clients.md is not compared: it was made with other programs"
fi
