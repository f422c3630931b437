#!/usr/bin/env bash
# Installs what a list of Debian packages names and the machine lacks: tools/install_packages.sh [LIST, tools/packages.txt if none].
# Does nothing, and asks for nothing, when all is there.
set -euo pipefail
list="${1:-$(dirname "$0")/packages.txt}"
missing=()
while read -r package; do
  [[ -z "$package" || "$package" == \#* ]] && continue
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" == installed ]] || missing+=("$package")
done < "$list"
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "these Debian packages are missing and need root to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# nginx, containerd and etcd are only programs here: their packages must not start a server.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod +x $policy
  trap '"${as_root[@]}" rm -f $policy' EXIT
fi
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "installing the packages failed; the log is $log" >&2
  exit 1
fi
rm -f "$log"
