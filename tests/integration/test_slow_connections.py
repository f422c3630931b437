"""Slow, half-open and too many connections do not hurt those that behave."""
import os
import threading
import time

from harness.contract import contract
from harness.http import ConnectionClosed
from harness.timing import scaled, wait_until
from harness.vectors import axis


def slowest_query(api, count=100) -> float:
    slowest = 0.0
    for _ in range(count):
        begin = time.monotonic()
        api.hit(axis(8, 0), "m")
        slowest = max(slowest, time.monotonic() - begin)
    return slowest


@contract("http-6: slow and half-open connections do not hold up others")
def test_slow_clients(nodes):
    node = nodes.start()
    node.api.insert(axis(8, 0), "m", "x" * 1_000_000)
    connections = []
    beginnings = [
        b"", b"P", b"POST /insert HTTP/1.1\r\nHost",
        b"POST /insert HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{",
        b"POST /insert HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"
    ]
    for number in range(200):
        connection = node.client.connect()
        connection.send(beginnings[number % len(beginnings)])
        connections.append(connection)
    # These ask for far more than a socket holds and read nothing.
    body = b'{"embedding":[1,0,0,0,0,0,0,0],"model_id":"m"}'
    for _ in range(10):
        connection = node.client.connect()
        connection.send(
            (b"POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) * 12)
        connections.append(connection)
    assert slowest_query(node.api) < scaled(1.0)
    node.api.insert(axis(8, 1), "m")
    for connection in connections[:100]:
        connection.send(b"X")
    assert slowest_query(node.api) < scaled(1.0)
    for connection in connections:
        connection.close()
    node.api.hit(axis(8, 1), "m")


@contract("http-6: a connection without progress is closed in time")
def test_idle_request_is_closed(nodes):
    node = nodes.start({"http.read_timeout_seconds": 1})
    for beginning in (b"POST /insert HTTP/1.1\r\nHost: x\r\n",
                      b"POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"):
        with node.client.connect() as connection:
            connection.send(beginning)
            try:
                assert connection.read_response().status == 408
            except (ConnectionClosed, ConnectionResetError):
                pass
            assert connection.is_closed_by_peer(seconds=10)
    node.api.health()


@contract("http-7: connections cannot take the descriptors that the log needs")
def test_few_descriptors(nodes, monkeypatch):
    wrapper = os.environ.get("FERRO_TEST_WRAPPER", "")
    monkeypatch.setenv("FERRO_TEST_WRAPPER", f"{wrapper} prlimit --nofile=64:64".strip())
    node = nodes.start({"wal.segment_bytes": 1 << 20})
    connections = [node.client.connect() for _ in range(100)]
    for number in range(30):  # several segments
        node.api.insert(axis(8, number % 8), "m", "x" * 100_000, id=f"e{number}")
    node.api.compact()
    for connection in connections:
        connection.close()
    node.restart(kill=True)
    assert node.api.health()["entry_count"] == 30


@contract("http-7: connections beyond http.max_connections do not harm those inside")
def test_connection_limit(nodes):
    node = nodes.start({"http.max_connections": 20})
    node.client.disconnect()
    inside = [node.client.connect() for _ in range(15)]
    assert all(connection.request("GET", "/health").status == 200 for connection in inside)
    outside = [node.client.connect() for _ in range(30)]
    assert all(connection.request("GET", "/health").status == 200 for connection in inside)
    for connection in outside + inside[5:]:
        connection.close()

    def answers():
        try:
            with node.client.connect() as connection:
                return connection.request("GET", "/health").status == 200
        except (OSError, ConnectionClosed):
            return False

    wait_until(answers, 10, "there is room for new connections again")
    assert all(connection.request("GET", "/health").status == 200 for connection in inside[:5])
    for connection in inside[:5]:
        connection.close()


@contract("error-3: 503 adds Retry-After", "error-1: with a sentence")
def test_overload(nodes):
    """With one request admitted at a time some of many inserts at once are turned away, to retry later."""
    node = nodes.start({"http.max_inflight_requests": 1})
    answers, stop = [], time.monotonic() + scaled(20)

    def hammer(worker):
        client, number = node.api.with_token(None).client, 0
        while time.monotonic() < stop and not (len(answers) > 400 and any(a.status == 503 for a in answers)):
            number += 1
            answers.append(
                client.request(
                    "POST", "/insert", {
                        "embedding": axis(8, 0), "model_id": "m", "response": "r", "query_text": "",
                        "id": f"{worker}-{number}"
                    }))

    threads = [threading.Thread(target=hammer, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if answer.status != 200]
    assert refused, "nothing was refused"
    for answer in refused:
        assert answer.status == 503 and int(answer.header("Retry-After")) >= 0 and answer.json()["error"]
    accepted = len(answers) - len(refused)
    assert wait_until(lambda: node.client.request("GET", "/health").json().get("entry_count") == accepted, 5,
                      "what was accepted is there, what was refused is not")
