"""A network of the test's own: every node in a network namespace, between them a switch in this process that delays, loses,
repeats and cuts what passes, for each direction apart. Needs root, the `ip` program and TAP devices; no queueing discipline
of the kernel, so that it works where netem does not exist."""
import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from dataclasses import dataclass

import pytest

from .http import Client, Connection
from .node import Node

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
FRAME_BYTES = 2048
QUEUE_FRAMES_MAX = 20_000  # on their way at a time; beyond it the switch drops, as real ones do

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


@dataclass
class Way:
    """From one node to another."""
    cut: bool = False
    loss: float = 0.0  # share of the frames
    repeat: float = 0.0  # share that comes twice
    delay: float = 0.0  # seconds, and up to as much again as `jitter`: frames overtake each other then
    jitter: float = 0.0


@contextlib.contextmanager
def inside(namespace: str):
    """This thread in another network namespace: sockets made meanwhile stay there."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as there:
        _enter(there)
        try:
            yield
        finally:
            _enter(home)


def _enter(namespace) -> None:
    if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Network:
    """Owned by the test (fixture `network`); `end` after its nodes."""
    def __init__(self, count: int, seed: int):
        self._random = random.Random(seed)
        prefix = f"ferro-{os.getpid()}-{next(_numbers)}"
        self.namespaces = [f"{prefix}-{number + 1}" for number in range(count)]
        self._taps: list[int] = []
        self.ways = {(a, b): Way() for a in range(count) for b in range(count) if a != b}
        self._stop_reader, self._stop_writer = os.pipe()
        self.passed = self.dropped = 0
        try:
            for number in range(count):
                self._add(number)
        except BaseException:
            self._remove()
            raise
        self._thread = threading.Thread(target=self._switch, name="switch")
        self._thread.start()

    @staticmethod
    def address(number: int) -> str:
        return f"10.77.0.{number + 1}"

    @staticmethod
    def _mac(number: int) -> str:
        return f"02:fe:00:00:00:{number + 1:02x}"

    def _add(self, number: int) -> None:
        name = self.namespaces[number]
        _ip("netns", "add", name)
        with inside(name):
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._taps.append(tap)
            fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI))
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "set", "eth0", "address", self._mac(number))
        _ip("-n", name, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        for other in range(len(self.namespaces)):
            if other != number:  # a cut is one of the way, not of the address book
                _ip("-n", name, "neigh", "add", self.address(other), "lladdr", self._mac(other), "dev", "eth0")

    # --- what happens to frames ---

    def every_way(self, **conditions) -> None:
        for way in self.ways.values():
            vars(way).update(conditions)

    def cut(self, froms: list[int], tos: list[int], both: bool = True) -> None:
        for a, b in itertools.product(froms, tos):
            self.ways[a, b].cut = True
            if both:
                self.ways[b, a].cut = True

    def heal(self) -> None:
        self.every_way(**vars(Way()))

    def _switch(self) -> None:
        poll = select.poll()
        number_of = {tap: number for number, tap in enumerate(self._taps)}
        for tap in [*self._taps, self._stop_reader]:
            poll.register(tap, select.POLLIN)
        waiting: list[tuple[float, int, int, bytes]] = []
        order = itertools.count()
        while True:
            timeout_ms = None if not waiting else max(0.0, waiting[0][0] - time.monotonic()) * 1000
            for tap, _ in poll.poll(timeout_ms):
                if tap == self._stop_reader:
                    return
                self._take(number_of[tap], waiting, order)
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, to, frame = heapq.heappop(waiting)
                with contextlib.suppress(BlockingIOError, OSError):
                    os.write(self._taps[to], frame)

    def _take(self, sender: int, waiting, order) -> None:
        try:
            frame = os.read(self._taps[sender], FRAME_BYTES)
        except (BlockingIOError, OSError):
            return
        to = frame[5] - 1  # the last byte of the receiver's address
        if frame[:5] != b"\x02\xfe\0\0\0" or (sender, to) not in self.ways:
            return  # neither broadcasts nor IPv6's greetings are of use here
        way = self.ways[sender, to]
        if way.cut or self._random.random() < way.loss or len(waiting) >= QUEUE_FRAMES_MAX:
            self.dropped += 1
            return
        self.passed += 1
        for _ in range(2 if self._random.random() < way.repeat else 1):
            due = time.monotonic() + way.delay + self._random.random() * way.jitter
            heapq.heappush(waiting, (due, next(order), to, frame))

    # --- the end ---

    def end(self) -> None:
        os.write(self._stop_writer, b"x")
        self._thread.join()
        self._remove()

    def _remove(self) -> None:
        for tap in self._taps:
            os.close(tap)
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        os.close(self._stop_reader)
        os.close(self._stop_writer)


class InsideClient(Client):
    """Speaks to a node over the loopback of its namespace, which no fault touches."""
    def __init__(self, namespace: str, host: str, port: int, token: str | None):
        super().__init__(host, port, token)
        self._namespace = namespace

    def connect(self, timeout: float | None = None) -> Connection:
        with inside(self._namespace):
            return super().connect(timeout)


class NodeInside(Node):
    def __init__(self, folder, settings: dict, namespace: str):
        super().__init__(folder, settings)
        self.namespace = namespace
        self.prefix = ("ip", "netns", "exec", namespace)

    def make_client(self, host: str) -> Client:
        return InsideClient(self.namespace, host, self.port, self.token)


def require_network() -> None:
    """Skips the test, saying why, where this machine has no such networks."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if shutil.which("ip") is None:
        pytest.skip("network namespaces need the ip program (iproute2)")
    try:
        Network(1, 0).end()
    except (OSError, subprocess.CalledProcessError) as problem:
        detail = getattr(problem, "stderr", None) or problem
        pytest.skip(f"this machine makes no network namespaces with TAP devices: {detail}")
