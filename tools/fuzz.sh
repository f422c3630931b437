#!/usr/bin/env bash
# Builds every fuzzer and runs each for a while, starting from its seed corpus: tools/fuzz.sh SECONDS_EACH [name ...]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
shift
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "SECONDS_EACH: '$seconds' is no number of seconds" >&2; exit 2; }
tools/build.sh fuzz
names=("$@")
if [[ ${#names[@]} -eq 0 ]]; then
  for binary in build/fuzz/bin/fuzz_*; do names+=("${binary##*/fuzz_}"); done
fi
for name in "${names[@]}"; do
  work=build/fuzz/corpus/$name
  findings=build/fuzz/findings/$name
  mkdir -p "$work" "$findings"
  echo "fuzz $name: $seconds s"
  build/fuzz/bin/fuzz_"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -print_final_stats=1 \
    -artifact_prefix="$findings/" "$work" "tests/fuzz/$name/corpus" 2>&1 | tail -n 12
done
