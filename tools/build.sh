#!/usr/bin/env bash
# Configures (if needed) and builds one preset: tools/build.sh release [target ...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
# Any checkout folder shares one cache; nothing depends on it being there.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$PWD}" CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-5G}"
if [[ ! -f build/$preset/build.ninja ]]; then
  log=$(mktemp)
  cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; exit 1; }
  rm -f "$log"
fi
targets=()
for target in "$@"; do targets+=(--target "$target"); done
cmake --build --preset "$preset" "${targets[@]}"
