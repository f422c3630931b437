#!/usr/bin/env bash
# Builds and runs test programs under a sanitizer: tools/sanitize.sh asan|tsan [PATTERN [ctest options ...]]
# PATTERN: only programs whose names match it are built and run; without one everything is.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1 pattern=${2:-}
shift $(($# > 1 ? 2 : 1))
targets=()
if [[ -n "$pattern" ]]; then
  tools/build.sh "$preset" help >/dev/null
  mapfile -t targets < <(ctest --test-dir "build/$preset" -N -R "$pattern" | sed -n 's/^ *Test *#[0-9]*: //p')
  ((${#targets[@]} > 0)) || { echo "no test program is called like $pattern" >&2; exit 1; }
fi
tools/build.sh "$preset" "${targets[@]}"
ctest --test-dir "build/$preset" --output-on-failure -j "${JOBS:-$(nproc)}" ${pattern:+-R "$pattern"} "$@"
