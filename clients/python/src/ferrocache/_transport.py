"""HTTP/1.1 exchanges on the standard library: pooled connections, one deadline for a whole exchange.

A connection serves one exchange at a time and goes back to the pool, from where any thread may take it. A forked child
starts with an empty pool: it must not speak on its parent's connections.
"""

from __future__ import annotations

import http.client
import io
import os
import select
import socket
import ssl
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ._attempts import NotAnswered, NotSent
from ._endpoints import Endpoint
from ._settings import Tls

# Idle connections kept to one base URL; more are closed after use.
IDLE_CONNECTIONS_MAX = 64
# More than a node sends (a query batch is cut at 64 MiB): what is longer does not come from one.
ANSWER_BYTES_MAX = 256 << 20
READ_BYTES = 1 << 16


class _Reader(io.RawIOBase):
    """What http.client reads from: each receive gets only what is left until the deadline."""

    def __init__(self, owner: _DeadlineSocket) -> None:
        self._owner = owner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._owner.receive_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._owner.reader_closed()


class _DeadlineSocket:
    """A socket whose every operation ends at ``deadline`` (monotonic; None = no end). Closes when its readers have, too."""

    def __init__(self, inner: socket.socket) -> None:
        self.inner = inner
        self.deadline: Optional[float] = None
        self._readers = 0
        self._closed = False

    def _arm(self) -> None:
        if self.deadline is None:
            self.inner.settimeout(None)
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.inner.settimeout(left)

    def sendall(self, data: Any) -> None:
        self._arm()
        self.inner.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        self._arm()
        return self.inner.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_Reader(self), READ_BYTES)

    def reader_closed(self) -> None:
        self._readers -= 1
        if self._closed and self._readers == 0:
            self.inner.close()

    def close(self) -> None:
        self._closed = True
        if self._readers == 0:
            self.inner.close()

    def has_input(self) -> bool:
        """Something to read on an idle connection: its end, or what nobody asked for."""
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self.inner, select.POLLIN)
            return bool(poll.poll(0))
        return bool(select.select([self.inner], [], [], 0)[0])


class _Connection(http.client.HTTPConnection):
    """One connection to an endpoint. Used by one thread at a time."""

    def __init__(self, endpoint: Endpoint, tls: Optional[ssl.SSLContext]) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.auto_open = 0  # opened by open() alone, within its deadline
        self.default_port = 443 if tls else 80
        self._endpoint, self._tls = endpoint, tls
        self.channel: Optional[_DeadlineSocket] = None

    def open(self, deadline: Optional[float]) -> None:
        """Connects; every failure is NotSent."""
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise NotSent("no time left to connect")
        plain = None
        try:
            plain = socket.create_connection((self._endpoint.host, self._endpoint.port), timeout=left)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                if deadline is not None:
                    plain.settimeout(max(0.001, deadline - time.monotonic()))
                plain = self._tls.wrap_socket(plain, server_hostname=self._endpoint.host)
        except (OSError, ValueError) as error:
            if plain is not None:
                plain.close()
            raise NotSent(_told(error)) from error
        self.channel = _DeadlineSocket(plain)
        self.sock = self.channel

    def usable(self) -> bool:
        return self.channel is not None and self.sock is not None and not self.channel.has_input()

    def exchange(
        self, method: str, target: str, headers: Mapping[str, Any], body: Optional[bytes], deadline: Optional[float]
    ) -> Tuple[int, Mapping[str, str], bytes]:
        """Sends and reads to the end; every failure is NotAnswered."""
        assert self.channel is not None
        self.channel.deadline = deadline
        try:
            try:
                self.request(method, target, body=body, headers=dict(headers))
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused while it was sent: the answer may lie there and say why
            with self.getresponse() as response:
                parts: List[bytes] = []
                size = 0
                while True:
                    part = response.read(READ_BYTES)
                    if not part:
                        break
                    size += len(part)
                    if size > ANSWER_BYTES_MAX:
                        raise NotAnswered(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
                    parts.append(part)
                # Cut off inside its head, an answer looks like one without a length and without a body.
                headless = response.length is None and not response.chunked and not parts
                if response.length or headless:
                    raise NotAnswered("the connection ended inside the answer")
                return response.status, {name.lower(): value for name, value in response.getheaders()}, b"".join(parts)
        except (OSError, http.client.HTTPException) as error:
            raise NotAnswered(_told(error)) from error


def _told(error: BaseException) -> str:
    if isinstance(error, socket.timeout):
        return "timed out"
    return str(error) or type(error).__name__


class Transport:
    """Exchanges with any of the endpoints. Any thread may call; ``close`` ends the idle connections."""

    def __init__(self, tls: Optional[Tls]) -> None:
        self._tls = tls
        self._reset()

    def __reduce__(self) -> Tuple[Any, ...]:
        return Transport, (self._tls,)  # a deep copy's connections are its own

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._idle: Dict[Endpoint, List[_Connection]] = {}
        self._pid = os.getpid()

    def exchange(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        headers: Mapping[str, Any],
        body: Optional[bytes],
        connect_deadline: Optional[float],
        deadline: Optional[float],
    ) -> Tuple[int, Mapping[str, str], bytes]:
        """One request, one answer. Raises NotSent or NotAnswered."""
        connection = self._take(endpoint)
        if connection is None:
            connection = _Connection(endpoint, self._tls.context if self._tls and endpoint.scheme == "https" else None)
            connection.open(connect_deadline)
        try:
            answer = connection.exchange(method, endpoint.prefix + path, headers, body, deadline)
        except BaseException:
            connection.close()
            raise
        self._give_back(endpoint, connection)
        return answer

    def close(self) -> None:
        for connection in self._take_all():
            connection.close()

    def __del__(self) -> None:
        for idle in getattr(self, "_idle", {}).values():  # nobody else holds this object any more: no lock
            for connection in idle:
                connection.close()

    def _take_all(self) -> List[_Connection]:
        if self._pid != os.getpid():
            self._forget_parent()
        with self._lock:
            connections = [connection for idle in self._idle.values() for connection in idle]
            self._idle.clear()
        return connections

    def _take(self, endpoint: Endpoint) -> Optional[_Connection]:
        if self._pid != os.getpid():
            self._forget_parent()
        while True:
            with self._lock:
                idle = self._idle.get(endpoint)
                connection = idle.pop() if idle else None
            if connection is None or connection.usable():
                return connection
            connection.close()

    def _give_back(self, endpoint: Endpoint, connection: _Connection) -> None:
        if connection.sock is not None and self._pid == os.getpid():
            with self._lock:
                idle = self._idle.setdefault(endpoint, [])
                if len(idle) < IDLE_CONNECTIONS_MAX:
                    idle.append(connection)
                    return
        connection.close()

    def _forget_parent(self) -> None:
        """In a forked child: closes its copies of the parent's connections (which tells the server nothing) and begins anew.

        The lock is replaced unseen: another thread of the parent may have held it at the fork.
        """
        inherited = [connection for idle in self._idle.values() for connection in idle]
        self._reset()
        for connection in inherited:
            connection.close()
