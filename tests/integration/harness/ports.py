"""Ports for the processes of the tests, so that no two of them, in this test process or another, get the same one.

A port that is merely free when it is looked at may be given twice before anybody listens on it, or be the `port` + 1000 on
which a node with TLS listens by itself: once in some hundred runs a node then refused to start."""
import random
import socket

HOST = "127.0.0.1"
BLOCK = 100
# Below the range from which outgoing connections get theirs. Of every other thousand none is given: that is where `port` + 1000 is.
STARTS = [start for thousand in range(10_000, 30_000, 2_000) for start in range(thousand, thousand + 1_000, BLOCK)]


def _bound(port: int) -> "socket.socket | None":
    probe = socket.socket()
    try:
        probe.bind((HOST, port))
        return probe
    except OSError:
        probe.close()
        return None


class _Ports:
    """Blocks of this process. The first port of each stays bound while the process lives, which keeps others out of the block."""
    def __init__(self):
        self._guards: list[socket.socket] = []
        self._left: list[int] = []

    def next(self) -> int:
        while True:
            if not self._left:
                self._take_block()
            port = self._left.pop()
            if probe := _bound(port):
                probe.close()
                return port

    def _take_block(self) -> None:
        for start in random.SystemRandom().sample(STARTS, len(STARTS)):
            if guard := _bound(start):
                self._guards.append(guard)
                self._left = list(range(start + BLOCK - 1, start, -1))
                return
        raise AssertionError("no block of ports is left")


_PORTS = _Ports()


def free_port() -> int:
    """A port that nobody listens on and that no other test gets; `port` + 1000 is nobody else's either."""
    return _PORTS.next()
