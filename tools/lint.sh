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
mapfile -t headers < <(git ls-files 'common/*.h' 'node/*.h' 'operator/*.h' 'clients/ferroctl/*.h')
echo "headers alone: ${#headers[@]}"
printf '%s\n' "${headers[@]}" |
  xargs -P "$jobs" -I{} g++ -std=c++20 -I. -Ibuild/release/generated -Wall -Wextra -Werror -fsyntax-only -include {} -x c++ /dev/null

mapfile -t units < <(git ls-files 'common/*.cc' 'node/*.cc' 'operator/*.cc' 'clients/ferroctl/*.cc')
echo "clang-tidy: ${#units[@]} files"
printf '%s\n' "${units[@]}" |
  xargs -P "$jobs" -n 4 clang-tidy-14 -p build/release --quiet --extra-arg=-Wno-unknown-warning-option \
    --extra-arg=-Wno-unused-command-line-argument 2> >(grep -vE 'warnings? generated|^Suppressed|^Use -header-filter' >&2 || true)
echo "lint: clean"
