"""The servers under measurement: a node of ours and nginx with a constant answer, both on loopback."""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "samples"))
from client import Client, Node, free_port  # noqa: E402,F401

NODE = ROOT / "build/release/bin/ferrocached"
LOADGEN = ROOT / "build/release/bin/ferrobench"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


def load(port, workload, **options):
    """Runs ferrobench and returns its figures."""
    command = [str(LOADGEN), "--port", str(port), "--workload", workload]
    for name, value in options.items():
        if value is True:
            command.append("--" + name.replace("_", "-"))
        else:
            command += ["--" + name.replace("_", "-"), str(value)]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {answer.stderr}")
    figures = json.loads(answer.stdout)
    if figures["errors"] or figures["unexpected"] > figures["answered"] * 0.001:
        raise RuntimeError(
            f"{' '.join(command)}: {figures['errors']} errors, {figures['unexpected']} unexpected answers"
        )
    return figures


def start_load(port, workload, **options):
    """The same, beside other work: returns the process; finish_load() gives its figures."""
    command = [str(LOADGEN), "--port", str(port), "--workload", workload]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish_load(process):
    out, err = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(err)
    return json.loads(out)


class Nginx:
    """nginx that answers every POST with the same bytes as a hit of ours."""

    def __init__(self, body):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferrobench-nginx-"))
        self.port = free_port()
        quoted = body.replace("\\", "\\\\").replace("'", "\\'")
        temp = "".join(
            f"{name}_temp_path {self.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(f"""
worker_processes {os.cpu_count()}; daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_buffer_size 128k; {temp}
  server {{ listen 127.0.0.1:{self.port} reuseport backlog=1024;
    location / {{ default_type application/json; return 200 '{quoted}'; }} }} }}
""")

    def __enter__(self):
        self.process = subprocess.Popen(["nginx", "-c", str(self.folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                Client(self.port).call("POST", "/", {})
                return self
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("nginx did not start: apt-get install nginx-light")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Running(Node):
    """A node for one scenario."""

    def __init__(self, *settings):
        super().__init__(NODE, ["--log.level", "warn", *settings])

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()

    @property
    def pid(self):
        return self.process.pid

    def stats(self):
        client = Client(self.port)
        stats = client.call("GET", "/stats")
        client.close()
        return stats


def sync_write_seconds(folder, size, rounds=200):
    """Median of one write of `size` bytes and fdatasync in a file that is preallocated, as the log does it."""
    path = pathlib.Path(folder) / "probe"
    path.write_bytes(b"\0" * size * rounds)
    handle = os.open(path, os.O_WRONLY)
    os.fsync(handle)
    times, data = [], b"x" * size
    for number in range(rounds):
        started = time.perf_counter()
        os.pwrite(handle, data, number * size)
        os.fdatasync(handle)
        times.append(time.perf_counter() - started)
    os.close(handle)
    path.unlink()
    return sorted(times)[rounds // 2]


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
