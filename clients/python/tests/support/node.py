"""ferrocached processes: FERROCACHED_BIN, or the release build of the tree that the tests stand in."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 300.0
TREE = Path(__file__).resolve().parents[4]


def binary() -> str:
    path = Path(os.environ.get("FERROCACHED_BIN") or TREE / "build/release/bin/ferrocached")
    assert path.is_file(), f"{path} is not there: set FERROCACHED_BIN to the ferrocached to test with"
    return str(path.resolve())


# Below the range from which outgoing connections get theirs; the tests of the node, which may run beside, take lower ones.
_PORTS = range(30_100, 32_700)
_next_port = itertools.cycle(random.SystemRandom().sample(_PORTS, len(_PORTS)))


def free_port() -> int:
    """A port that nobody listens on and that this process was not given lately."""
    for port in itertools.islice(_next_port, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


class Node:
    """One node with a folder of its own."""

    def __init__(self, folder: Path, settings=None, environment=None, port=None, scheme="http"):
        self.folder, self.settings, self.environment = folder, dict(settings or {}), dict(environment or {})
        self.port, self.scheme = port or free_port(), scheme
        self.process = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}"

    def start(self, wait=True) -> Node:
        settings = {"port": self.port, "http.bind": HOST, "wal_path": self.folder / "data", **self.settings}
        command = [binary(), *(f"--{key}={value}" for key, value in settings.items())]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, **self.environment},
            )  # fmt: skip
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the node ended:\n{self.log()}"
            if self._answers():
                return
            time.sleep(0.02)
        raise AssertionError(f"the node did not get ready:\n{self.log()}")

    def _answers(self) -> bool:
        if self.scheme == "https":  # the handshake is the tests' own business: an open port will do
            with socket.socket() as probe:
                return probe.connect_ex((HOST, self.port)) == 0
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def counters(self) -> dict:
        with urllib.request.urlopen(self.url + "/stats", timeout=5) as answer:
            return json.load(answer)["counters"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        """It keeps its port and its connections and says nothing."""
        self.process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
            if all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks):
                return
            time.sleep(0.01)
        raise AssertionError("the node did not stop")

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]


class Nodes:
    def __init__(self, folder: Path):
        self._folder, self._made = folder, []

    def make(self, settings=None, **options) -> Node:
        node = Node(self._folder / f"node{len(self._made)}", settings, **options)
        self._made.append(node)
        return node

    def start(self, settings=None, **options) -> Node:
        return self.make(settings, **options).start()

    def stop(self) -> None:
        for node in self._made:
            node.stop()
