#!/usr/bin/env bash
# Runs the interoperability cases: our broker with the clients of others, and our clients with Debian's mosquitto.
# Installs what is missing; see README.md beside this file.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${CARGO_TARGET_DIR:-$root/target}/interop
paho=2.1.0
mqtt_js=5.16.0
mkdir -p "$folder"

# What cannot be had fails the run, unless INTEROP_ALLOW_SKIP=1.
missing() {
    if [ "${INTEROP_ALLOW_SKIP:-0}" = 1 ]; then
        echo "skip interop: no $1"
        exit 0
    fi
    echo "FAIL interop: no $1 (INTEROP_ALLOW_SKIP=1 skips)"
    exit 1
}

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

packages=()
command -v mosquitto_sub >/dev/null || packages+=(mosquitto-clients)
[ -x /usr/sbin/mosquitto ] || packages+=(mosquitto)
command -v python3 >/dev/null || packages+=(python3 python3-venv)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
if [ ${#packages[@]} -gt 0 ]; then
    debian "${packages[@]}" || missing "${packages[*]} (see $folder/apt.log)"
fi

python=$folder/venv/bin/python
if ! "$python" -c "import importlib.metadata as m; assert m.version('paho-mqtt') == '$paho'" 2>/dev/null; then
    { python3 -m venv "$folder/venv" || { debian python3-venv && python3 -m venv "$folder/venv"; }; } \
        >"$folder/venv.log" 2>&1 || missing "Python venv (see $folder/venv.log)"
    "$python" -m pip install --quiet --disable-pip-version-check "paho-mqtt==$paho" >"$folder/pip.log" 2>&1 ||
        missing "paho-mqtt $paho (see $folder/pip.log)"
fi

if ! grep -qs "\"version\": \"$mqtt_js\"" "$folder/npm/node_modules/mqtt/package.json"; then
    mkdir -p "$folder/npm"
    npm install --prefix "$folder/npm" --no-audit --no-fund --loglevel=error "mqtt@$mqtt_js" \
        >"$folder/npm.log" 2>&1 || missing "npm mqtt $mqtt_js (see $folder/npm.log)"
fi

PYTHONDONTWRITEBYTECODE=1 exec "$python" "$here/runner.py" "$@"
