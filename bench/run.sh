#!/usr/bin/env bash
# make bench: measures one node beside nginx and prints one table. bench/run.sh [--full] [--write-results]
set -euo pipefail
cd "$(dirname "$0")/.."
exec /usr/bin/python3 bench/run.py "$@"
