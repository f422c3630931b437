"""One ferrocached process: its folder, its settings, its life and death, its log."""
import os
import shlex
import signal
import socket
import subprocess
import weakref
from pathlib import Path

from .api import Api
from .http import Client, ConnectionClosed
from .ports import HOST, free_port
from .timing import scaled, wait_until

START_SECONDS = 20.0
STOP_SECONDS = 25.0
LOG_TAIL_BYTES = 6000

ALL_NODES: "weakref.WeakSet[Node]" = weakref.WeakSet()  # whose logs are shown when a test fails


class StartFailed(Exception):
    """The process ended before it was ready."""
    def __init__(self, exit_code: int, output: str):
        super().__init__(f"exit code {exit_code}: {output[-LOG_TAIL_BYTES:]}")
        self.exit_code, self.output = exit_code, output


def binary_path() -> str:
    path = os.environ.get("FERROCACHED", "")
    assert path, "set FERROCACHED (or pass --binary) to the ferrocached program to test"
    return path


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
            return True
        except OSError:
            return False


def clean_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FERROCACHE_")}
    return {**kept, **(extra or {})}


def command(*arguments: str) -> list[str]:
    """FERRO_TEST_WRAPPER goes before the program (`setarch -R` for ThreadSanitizer)."""
    return [*shlex.split(os.environ.get("FERRO_TEST_WRAPPER", "")), binary_path(), *arguments]


def run_to_end(*arguments: str, folder: Path, environment: dict[str, str] | None = None,
               seconds: float = 20.0):
    """Runs the program with arguments after which it should end by itself; returns the CompletedProcess."""
    return subprocess.run(command(*arguments), cwd=folder, env=clean_environment(environment),
                          capture_output=True, text=True, timeout=scaled(seconds), check=False)


class Node:
    """Owned by the test (see conftest.py: the `nodes` fixture stops what a test leaves running)."""
    def __init__(self, folder: Path, settings: dict | None = None, environment: dict[str, str] | None = None,
                 token: str | None = None, tls=None, arguments: tuple[str, ...] = ()):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.data = folder, folder / "data"
        self.settings = {
            "wal_path": str(self.data), "http.bind": HOST, "log.format": "json", **(settings or {})
        }
        self.environment, self.arguments = environment or {}, arguments
        self.token, self.tls = token, tls
        self.prefix: tuple[str, ...] = ()  # a command that runs the program somewhere else
        self.port = 0
        self.process: subprocess.Popen | None = None
        self.client: Client | None = None
        self.api: Api | None = None
        self.starts = 0
        ALL_NODES.add(self)

    # --- life ---

    def start(self, wait_ready: bool = True, arguments: tuple[str, ...] = ()) -> "Node":
        """Starts and waits for /readyz. A port lost to somebody else between choice and use is chosen again."""
        for attempt in range(3):
            self.port = int(self.settings.get("port") or free_port())
            self._spawn(arguments)
            if not wait_ready:
                return self
            try:
                wait_until(self._is_ready, START_SECONDS, "the node is ready")
                return self
            except StartFailed as failure:
                if "port" in self.settings or attempt == 2 or str(self.port) not in failure.output:
                    raise
        raise AssertionError("unreachable")

    def _spawn(self, arguments: tuple[str, ...]) -> None:
        assert self.process is None or self.process.poll() is not None, "already running"
        self.starts += 1
        options = [f"--{key}={value}" for key, value in {**self.settings, "port": self.port}.items()]
        with open(self.log_path(), "wb") as log:
            self.process = subprocess.Popen([*self.prefix, *command(*options, *self.arguments, *arguments)],
                                            cwd=self.folder, env=clean_environment(self.environment),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.client = self.make_client(HOST)
        self.api = Api(self.client)

    def make_client(self, host: str) -> Client:
        return Client(host, self.port, self.token, self.tls)

    def _is_ready(self) -> bool:
        if (exit_code := self.process.poll()) is not None:
            raise StartFailed(exit_code, self.log())
        try:
            return self.client.request("GET", "/readyz").status == 200
        except (OSError, ConnectionClosed):
            return False

    def stop(self) -> None:
        """SIGTERM; the process must exit 0 in time."""
        self.ask_to_stop()
        self.check_stopped()

    def ask_to_stop(self) -> None:
        self.client.disconnect()
        self.signal(signal.SIGTERM)

    def check_stopped(self) -> None:
        exit_code = self.wait()
        assert exit_code == 0, f"exit code {exit_code} after SIGTERM\n{self.log()[-LOG_TAIL_BYTES:]}"

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        try:
            return self.process.wait(scaled(seconds))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running {scaled(seconds)} s after it was told to end") from None
        finally:
            self.client.disconnect()

    def restart(self, kill: bool = False, arguments: tuple[str, ...] = ()) -> "Node":
        self.kill() if kill else self.stop()
        return self.start(arguments=arguments)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def expect_refused_start(self, arguments: tuple[str, ...] = ()) -> str:
        """The process must end by itself with a failure; returns what it said."""
        self.start(wait_ready=False, arguments=arguments)
        # Not asked over HTTP: on a port that is taken somebody else would answer.
        try:
            exit_code = self.process.wait(scaled(START_SECONDS))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the node started although it should have refused") from None
        assert exit_code > 0, f"ended by signal {-exit_code}, not by itself: {self.log()}"
        return self.log()

    # --- what it says ---

    def log_path(self) -> Path:
        return self.folder / f"log-{self.starts}.txt"

    def log(self) -> str:
        return self.log_path().read_text(encoding="utf-8", errors="replace") if self.starts else ""

    def resident_bytes(self) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")
