"""Requests that are no proper HTTP. Each gets a 4xx or a closed connection; the server goes on as before."""
import socket
import struct

import pytest

from harness.bad_input import Canary
from harness.contract import contract
from harness.http import Connection, ConnectionClosed, build_request
from harness.timing import wait_until
from harness.vectors import make_rng


def status_of(connection: Connection) -> int:
    """The status of the answer, which must be an error as the API words it; 0 when the peer closed without one."""
    try:
        response = connection.read_response()
    except (ConnectionClosed, ConnectionResetError, BrokenPipeError):
        return 0
    if response.status >= 400:
        assert response.json()["error"].strip() and response.header("X-Request-Id"), response
    return response.status


def send_raw(node, data: bytes) -> int:
    with node.client.connect() as connection:
        try:
            connection.send(data)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return status_of(connection)


POST = b"POST /query HTTP/1.1\r\nHost: x\r\n"


@contract("error-8: duplicate or contradictory body lengths", "error-1: in the form of every error",
          "general-4: with a request id")
@pytest.mark.parametrize("headers", [
    b"Content-Length: 2\r\nContent-Length: 3\r\n", b"Content-Length: 2\r\nContent-Length: 2\r\n",
    b"Content-Length: 2, 3\r\n", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", b"Content-Length: -2\r\n",
    b"Content-Length: +2\r\n", b"Content-Length: 0x2\r\n", b"Content-Length: two\r\n",
    b"Content-Length: \r\n", b"Content-Length: 99999999999999999999999\r\n", b"Content-Length: 2 2\r\n",
    b"Transfer-Encoding: gzip\r\n", b"Transfer-Encoding: chunked, identity\r\n", b"Content-Length : 2\r\n"
], ids=repr)
def test_body_lengths(node, headers):
    canary = Canary(node)
    status = send_raw(node, POST + headers + b"\r\n{}\r\n\r\n")
    assert 400 <= status < 500 or status == 501, status
    canary.check()


@contract("error-8: no second request is smuggled out of a body of two lengths")
@pytest.mark.parametrize("first", [
    b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 6\r\n"
])
def test_smuggling(node, first):
    canary = Canary(node)
    smuggled = b"DELETE /entry/canary HTTP/1.1\r\nHost: x\r\n\r\n"
    send_raw(node, POST + first + b"\r\n0\r\n\r\nX" + smuggled)
    canary.check()


@contract("error-8: broken chunks")
@pytest.mark.parametrize("chunks", [
    b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}XX0\r\n\r\n",
    b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n", b"\r\n\r\n", b"2 {}\r\n0\r\n\r\n"
], ids=repr)
def test_broken_chunks(node, chunks):
    canary = Canary(node)
    assert send_raw(node, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) in range(400, 500)
    canary.check()


@contract("error-9: oversize headers")
def test_oversize_headers(node):
    canary = Canary(node)
    for header in (b"X-Long: " + b"a" * 70_000 + b"\r\n",
                   b"".join(b"X-%d: aaaaaaaa\r\n" % n for n in range(6000)), b"a" * 200_000 + b": b\r\n"):
        assert send_raw(node, b"GET /health HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n") in (400, 431)
    assert send_raw(node, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n") in (400, 414, 431)
    with node.client.connect() as connection:
        assert connection.request("GET", "/health", headers={"X-Long": "a" * 30_000}).status == 200
    canary.check()


@contract("error-9: oversize bodies, announced or chunked")
def test_oversize_bodies(nodes):
    node = nodes.start({"http.max_body_bytes": 65536, "http.max_header_bytes": 4096})
    canary = Canary(node)
    assert send_raw(node, build_request("POST", "/insert", b"{" + b" " * 65536)) == 413
    assert send_raw(node, POST + b"Content-Length: 65537\r\n\r\n") == 413
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    assert send_raw(node, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20 + b"0\r\n\r\n") == 413
    assert node.client.request("POST", "/query",
                               b"{}" + b" " * 65534).status == 400, "exactly the limit is read"
    assert send_raw(node, build_request("GET", "/health", headers={"X": "a" * 5000})) in (400, 431)
    canary.check()


@contract("error-10: garbage instead of HTTP")
@pytest.mark.parametrize("data", [
    b"\r\n\r\n\r\n\r\nGARBAGE\r\n\r\n", b"GET\r\n\r\n", b"GET /health\r\n\r\n",
    b"GET /health HTTP/9.9\r\n\r\n", b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /hea lth HTTP/1.1\r\nHost: x\r\n\r\n", b"GET health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"G\x00T /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" +
    b"\x11" * 500, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 1000, b"\xff" * 1000, b"A" * 100_000
], ids=lambda data: repr(data[:24]))
def test_garbage(node, data):
    canary = Canary(node)
    with node.client.connect() as connection:
        try:
            connection.send(data)
            connection.socket.shutdown(socket.SHUT_WR)  # nothing more comes
        except OSError:
            pass
        assert status_of(connection) in (0, *range(400, 600))
    canary.check()


@contract("error-10: random bytes and damaged requests")
def test_random_damage(node):
    canary, rng = Canary(node), make_rng()
    # Without its `response` it is refused however it is damaged; a zero vector alone can be damaged into a good one.
    refused = build_request("POST", "/insert", {"embedding": [0.0] * 4, "model_id": "m", "query_text": "q"})
    for _ in range(150):
        data = bytearray(refused)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if rng.random() < 0.3:
            data = data[:rng.randrange(len(data))]
        with node.client.connect() as connection:
            connection.send(bytes(data))
            try:
                connection.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            assert status_of(connection) in (0, *range(400, 600)), bytes(data)
    canary.check()


@contract("error-10: truncated requests")
def test_truncated_requests(node, model):
    canary = Canary(node)
    request = build_request("POST", "/insert",
                            {"embedding": [1.0, 2.0], "model_id": model, "response": "r", "query_text": ""})
    for end in range(1, len(request), 3):
        with node.client.connect() as connection:
            connection.send(request[:end])
    canary.check()
    assert node.api.query([1.0, 2.0], model) == {"hit": False}


@contract("error-10: clients that vanish before their answer")
def test_vanishing_clients(node, model):
    def connections():
        metrics = node.api.metrics()
        return [metrics.value(f"ferrocache_http_{name}") for name in ("connections", "connections_total", "requests_in_flight")]

    open_before, accepted_before, _ = connections()
    for number in range(50):
        with node.client.connect() as connection:
            connection.send(
                build_request(
                    "POST", "/insert", {
                        "embedding": [1.0, 2.0], "model_id": model, "response": "r", "query_text": "",
                        "id": f"v{number}"
                    }))
            if number % 2:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1,
                                                                                              0))  # a reset

    def all_over():
        """Or the last inserts, which nobody waited for, would be counted between the canary's birth and its check."""
        now_open, accepted, in_flight = connections()
        return now_open <= open_before and accepted >= accepted_before + 50 and in_flight == 1  # the scrape itself

    wait_until(all_over, 30, "the node is done with all of them")
    Canary(node).check()
