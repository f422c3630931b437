#!/usr/bin/env bash
# Starts or stops the node of `make run`: tools/run_node.sh start|stop BINARY PORT DATA_FOLDER
set -euo pipefail
action=$1 binary=$2 port=$3 data=$4
mkdir -p "$data"
pid_file=$data/../ferrocached.pid log_file=$data/../ferrocached.log
pid_file=$(realpath -m "$pid_file") log_file=$(realpath -m "$log_file")

running() { [[ -f $pid_file ]] && kill -0 "$(<"$pid_file")" 2>/dev/null && grep -q ferrocached "/proc/$(<"$pid_file")/comm"; }
# Whether the node of this checkout was started with this port: on another one somebody else may answer.
on_this_port() { tr '\0' ' ' <"/proc/$(<"$pid_file")/cmdline" | grep -qF -- "--port $port "; }
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
ready() { curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$port/readyz" 2>/dev/null; }

stop() {
  if ! running; then echo "no node of this checkout is running"; rm -f "$pid_file"; return 0; fi
  local pid
  pid=$(<"$pid_file")
  kill -TERM "$pid"
  for _ in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || { rm -f "$pid_file"; echo "stopped"; return 0; }
    sleep 0.1
  done
  echo "the node (pid $pid) is still stopping after 30 s; see $log_file" >&2
  return 1
}

tell() {
  cat <<TXT

FerroCache is answering on http://127.0.0.1:$port
  data folder  $data/ferrocache.wal
  log          $log_file
  stop it      make stop

Try it:
  curl -s http://127.0.0.1:$port/insert -d '{"model_id":"demo::3","embedding":[0.1,0.9,0.2],"query_text":"What is your refund policy?","response":"Thirty days, no questions asked."}'
  curl -s http://127.0.0.1:$port/query  -d '{"model_id":"demo::3","embedding":[0.1,0.9,0.2]}'
TXT
}

start() {
  if running; then
    if on_this_port && ready; then echo "a node of this checkout is already running (pid $(<"$pid_file"))"; tell; return 0; fi
    echo "a node of this checkout is running (pid $(<"$pid_file")) but does not answer on port $port; stop it first: make stop" >&2
    return 1
  fi
  if [[ -n "${FOREGROUND:-}" ]]; then
    exec "$binary" --port "$port" --wal_path "$data/ferrocache.wal"
  fi
  if taken; then  # or whoever is there would be taken for the new node, which cannot start
    echo "port $port is in use by another process: stop that one, or choose another port (make run PORT=$((port + 1)))" >&2
    return 1
  fi
  setsid "$binary" --port "$port" --wal_path "$data/ferrocache.wal" </dev/null >>"$log_file" 2>&1 &
  local pid=$!
  echo "$pid" >"$pid_file"
  for _ in $(seq 600); do
    # By its id alone: until it has become the node, it goes by the name of this shell or of setsid.
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 5 "$log_file" >&2
      rm -f "$pid_file"
      echo "the node did not start; its whole log is $log_file" >&2
      return 1
    fi
    if ready; then tell; return 0; fi
    sleep 0.1
  done
  echo "the node is not ready after 60 s; see $log_file" >&2
  return 1
}

case $action in
  start) start ;;
  stop) stop ;;
  *) echo "usage: $0 start|stop BINARY PORT DATA_FOLDER" >&2; exit 2 ;;
esac
