"""HTTP/1.1 over plain sockets: what is sent is exactly what the test wrote.

A Connection is one socket (one thread at a time); a Client keeps one Connection for each thread that uses it.
"""
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field

from .timing import scaled

TIMEOUT_S = 60.0  # it ends what hangs: seventy thousand entries deleted by one request took 15 s on a busy machine
RECEIVE_BYTES = 1 << 16


class ConnectionClosed(Exception):
    """The peer closed before a whole answer had come."""


@dataclass
class Response:
    status: int
    reason: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    def json(self):
        return json.loads(self.body)

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.text()[:500]}"


class Connection:
    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None, timeout: float | None = None):
        raw = socket.create_connection((host, port), timeout=timeout or scaled(TIMEOUT_S))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(raw, server_hostname="localhost") if tls else raw
        self._buffer = b""

    def close(self) -> None:
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _receive(self) -> None:
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionClosed(f"closed by the peer, {len(self._buffer)} bytes of an answer read")
        self._buffer += data

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _take_line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._receive()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def read_response(self, head_only: bool = False) -> Response:
        """The next answer, interim ones (1xx) included; `head_only` for an answer to HEAD."""
        version, status, *reason = self._take_line().decode("latin-1").split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), version
        response = Response(int(status), reason[0] if reason else "")
        while line := self._take_line():
            name, _, value = line.decode("utf-8", "replace").partition(":")
            response.headers.append((name.strip(), value.strip()))
        if head_only or response.status < 200 or response.status in (204, 304):
            return response
        if (response.header("Transfer-Encoding") or "").lower() == "chunked":
            response.body = self._read_chunks()
        elif (length := response.header("Content-Length")) is not None:
            response.body = self._take(int(length))
        else:
            response.body = self._read_to_end()
        return response

    def _read_chunks(self) -> bytes:
        parts = []
        while size := int(self._take_line().split(b";")[0], 16):
            parts.append(self._take(size))
            self._take(2)
        while self._take_line():
            pass
        return b"".join(parts)

    def _read_to_end(self) -> bytes:
        try:
            while True:
                self._receive()
        except ConnectionClosed:
            data, self._buffer = self._buffer, b""
            return data

    def is_closed_by_peer(self, seconds: float = 5.0) -> bool:
        """True when the peer closes within the time; False when it keeps the connection or sends more."""
        self.socket.settimeout(scaled(seconds))
        try:
            return not self._buffer and self.socket.recv(1) == b""
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            return True
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(scaled(TIMEOUT_S))

    def request(self, method: str, target: str, body=None, headers: dict[str, str] | None = None) -> Response:
        self.send(build_request(method, target, body, headers))
        return self.read_response(head_only=method == "HEAD")


def build_request(method: str, target: str, body=None, headers: dict[str, str] | None = None) -> bytes:
    """`body`: bytes as they are, anything else as JSON; None for no body."""
    lines = {"Host": "localhost"}
    if body is not None:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            lines["Content-Type"] = "application/json"
        lines["Content-Length"] = str(len(body))
    lines.update(headers or {})
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n"
                                                       for name, value in lines.items())
    return head.encode("utf-8") + b"\r\n" + (body or b"")


class Client:
    """Thread-safe: each thread has a keep-alive connection of its own, made again after it was closed."""
    def __init__(self, host: str, port: int, token: str | None = None, tls: ssl.SSLContext | None = None):
        self.host, self.port, self.token, self.tls = host, port, token, tls
        self._local = threading.local()

    def with_token(self, token: str | None) -> "Client":
        return Client(self.host, self.port, token, self.tls)

    def connect(self, timeout: float | None = None) -> Connection:
        """A connection of the caller's own."""
        return Connection(self.host, self.port, self.tls, timeout)

    def disconnect(self) -> None:
        if connection := getattr(self._local, "connection", None):
            connection.close()
        self._local.connection = None

    def request(self, method: str, target: str, body=None, headers: dict[str, str] | None = None) -> Response:
        headers = dict(headers or {})
        if self.token is not None and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = getattr(self._local, "connection", None)
        if connection is not None and self._is_stale(connection):
            self.disconnect()
            connection = None
        if connection is None:
            connection = self._local.connection = self.connect()
        try:
            response = connection.request(method, target, body, headers)
        except BaseException:
            self.disconnect()
            raise
        if (response.header("Connection") or "").lower() == "close":
            self.disconnect()
        return response

    @staticmethod
    def _is_stale(connection: Connection) -> bool:
        connection.socket.setblocking(False)
        try:
            return connection.socket.recv(1) is not None
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            try:
                connection.socket.settimeout(scaled(TIMEOUT_S))
            except OSError:
                pass
