#!/usr/bin/env bash
# Everything that can be said about the code without running it. Ends at the first kind of fault, listing all of it.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}

mapfile -t sources < <(git ls-files '*.h' '*.cc')
echo "clang-format: ${#sources[@]} files"
clang-format-14 --dry-run -Werror "${sources[@]}"

echo "walls, names, lengths"
/usr/bin/python3 tools/tidy.py

[[ -f build/release/compile_commands.json ]] || tools/build.sh release help >/dev/null
read -ra areas <<<"${AREAS:-common node operator clients/ferroctl}"
mapfile -t headers < <(git ls-files "${areas[@]/%//*.h}")
echo "headers alone: ${#headers[@]}"
# Each as a source of its own, so that the compiler's cache remembers the ones that were fine.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$PWD}" CCACHE_NOHASHDIR=1
compiler=g++
command -v ccache >/dev/null && compiler="ccache g++"
export compiler
rm -rf build/headers && mkdir -p build/headers
alone() {
  local source="build/headers/${1//\//__}.cc"
  printf '#include "%s"\n' "$1" >"$source"
  $compiler -std=c++20 -I. -Ibuild/release/generated -D_TURN_OFF_PLATFORM_STRING -Wall -Wextra -Werror -c "$source" -o "$source.o"
}
export -f alone
printf '%s\n' "${headers[@]}" | xargs -P "$jobs" -I{} bash -c 'alone {}'

mapfile -t units < <(git ls-files "${areas[@]/%//*.cc}")
echo "clang-tidy: ${#units[@]} files"
tools/clang_tidy.py --jobs "$jobs" "${units[@]}"
echo "lint: clean"
