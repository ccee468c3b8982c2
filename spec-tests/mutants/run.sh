#!/usr/bin/env bash
# Breaks one rule after the other, and expects the simulation to notice within 10,000 seeds. Each patch is applied to a copy
# of the committed state; patches can be named, without `.patch`, to try only these.
#
# --scopes: enumerates small scopes instead, with every order and without those that make no difference. Not every rule is noticed there;
# what is noticed with every order must be noticed without.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(git rev-parse --show-toplevel)
copy=$(mktemp -d)
trap 'git -C "$root" worktree remove --force "$copy"' EXIT
git -C "$root" worktree add --quiet --detach "$copy" HEAD
export CARGO_TARGET_DIR="$root/target/mutants"
# Many builds, short runs.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_INCREMENTAL=true

scopes=()
if [ "${1-}" = --scopes ]; then
    shift
    for scope in 1,1,1,1,0 0,1,1,2,0 0,0,1,1,1 0,1,1,0,1; do scopes+=(--scope "$scope"); done
fi
if [ $# -gt 0 ]; then
    patches=("${@/%/.patch}")
else
    patches=(*.patch)
fi
survived=()
for patch in "${patches[@]}"; do
    git -C "$copy" checkout --quiet -- .
    git -C "$copy" apply "$PWD/$patch"
    if ! (cd "$copy" && cargo build --quiet --release --package spec-tests --bin simulate 2>/dev/null); then
        echo "${patch%.patch}: does not build"
        survived+=("${patch%.patch}")
        continue
    fi
    if [ ${#scopes[@]} -gt 0 ]; then
        simulate=("$CARGO_TARGET_DIR/release/simulate" --only 5.0 "${scopes[@]}" -j "$(nproc)")
        every=noticed few=noticed
        if "${simulate[@]}" --all-orders >/dev/null 2>&1; then every=SURVIVED; fi
        if "${simulate[@]}" >/dev/null 2>&1; then few=SURVIVED; fi
        echo "${patch%.patch}: $every with every order, $few without those that make no difference"
        if [ $every = noticed ] && [ $few = SURVIVED ]; then survived+=("${patch%.patch}"); fi
        continue
    fi
    if out=$("$CARGO_TARGET_DIR/release/simulate" --seeds 0..10000 --no-shrink -j "$(nproc)"); then
        echo "${patch%.patch}: SURVIVED"
        survived+=("${patch%.patch}")
    else
        echo "${patch%.patch}: $(grep -m 1 '^seed' <<<"$out")"
    fi
done
echo "${#patches[@]} mutants, ${#survived[@]} survived${survived:+: ${survived[*]}}"
[ ${#survived[@]} -eq 0 ]
