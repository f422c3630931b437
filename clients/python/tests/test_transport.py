"""Connections: reuse, threads, forks, time limits, repetitions, failover, servers that die or talk nonsense. Both clients."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ferrocache import AsyncFerrocacheClient, FerrocacheClient, FerrocacheError
from support.door import PATIENCE_SECONDS
from support.node import free_port
from support.odd_server import OddServer, answer

VECTOR = [1.0, 0.0, 0.0, 0.0]


class Sync:
    """Both clients behind one face: ``call(method, ...)`` returns or raises."""

    def __init__(self, url, **options):
        self.client = FerrocacheClient(url, **options)

    def call(self, method, *given, **named):
        return getattr(self.client, method)(*given, **named)

    def close(self):
        self.client.close()


class Async:
    def __init__(self, url, **options):
        self.loop = asyncio.new_event_loop()
        self.client = AsyncFerrocacheClient(url, **options)

    def call(self, method, *given, **named):
        return self.loop.run_until_complete(getattr(self.client, method)(*given, **named))

    def close(self):
        self.loop.run_until_complete(self.client.aclose())
        self.loop.close()


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def make(request):
    made = []

    def build(url, **options):
        made.append(request.param(url, **options))
        return made[-1]

    yield build
    for client in made:
        client.close()


@pytest.fixture
def odd():
    made = []

    def build(script):
        made.append(OddServer(script))
        return made[-1]

    yield build
    for server in made:
        server.close()


def reply(data, keep=True):
    def script(number, connection):
        connection.sendall(data)
        return keep

    return script


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


# --- what a fault becomes ---


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        (answer(b"not json"), 200, "JSON"),
        (answer(b"[1]"), 200, "JSON object"),
        (answer(b"\xff\xfe"), 200, "JSON"),
        (answer(b'{"error":"because"}', "400 Bad Request"), 400, "because"),
        (answer(b"<html>", "500 Oh"), 500, "<html>"),
        (answer(b"", "404 Not Found"), 404, "404"),
        (answer(b'{"error":5}', "418 Teapot"), 418, "5"),
        (answer(b"{}", "302 Found", "Location: http://elsewhere/\r\n"), 302, "302"),
        (answer(b"{}", "204 No Content")[:-2], 204, "JSON"),
    ],
)
def test_answers_that_are_no_success(make, odd, data, status, message):
    server = odd(reply(data))
    with pytest.raises(FerrocacheError, match=message) as raised:
        make(server.url).call("health")
    assert raised.value.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"SSH-2.0-nonsense\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
)  # fmt: skip
def test_answers_that_are_none(make, odd, data):
    server = odd(reply(data, keep=False))
    with pytest.raises(FerrocacheError) as raised:
        make(server.url).call("health")
    assert raised.value.status is None
    assert len(server.requests) == 3  # a safe call is repeated twice


def test_refused_and_unknown_host(make):
    for url in (f"http://127.0.0.1:{free_port()}", "http://no-such-host.invalid:3000"):
        with pytest.raises(FerrocacheError) as raised:
            make(url).call("health")
        assert raised.value.status is None
        assert url in str(raised.value)
        assert "check the address, and that a node runs there" in str(raised.value)


@pytest.mark.parametrize("host", ["\u2603.invalid", "xn--.invalid", "a..b", "\ud800.invalid", "." + "a" * 70])
def test_hosts_that_have_no_name_in_the_dns(make, host):
    """Each library has errors of its own for them, which are no errors of a connection."""
    with pytest.raises(FerrocacheError) as raised:
        make(f"http://{host}:3000", retries=0).call("health")
    assert raised.value.status is None


def test_a_path_before_the_routes_may_have_any_letters(make, odd):
    server = odd(reply(answer(b'{"status":"ok"}')))
    assert make(server.url + "/b\u00fcro/a%20b+c").call("health") == {"status": "ok"}
    assert server.requests[0].startswith(b"GET /b%C3%BCro/a%20b+c/health HTTP/1.1\r\n")


def test_https_where_nobody_speaks_it(make, node):
    with pytest.raises(FerrocacheError, match="http:// instead of https://"):
        make(node.url.replace("http", "https")).call("health")


def test_an_answer_given_while_the_body_is_still_sent(node, make):
    """Too large a body: the node answers 413 and does not read on."""
    with pytest.raises(FerrocacheError) as raised:
        make(node.url).call("insert", VECTOR, "x" * (40 << 20), "q", "large::4")
    assert raised.value.status in (413, None)


# --- time limits ---


@pytest.mark.parametrize("script", ["silent", "trickled head", "trickled body"])
def test_the_time_limit_is_for_the_whole_call(make, odd, script):
    """A server that sends a byte now and then keeps no caller: the limit is not for each byte."""
    ended = threading.Event()

    def slow(number, connection):
        data = answer(b'{"status":"ok"}' * 100)
        begin = {"silent": 0, "trickled head": 3, "trickled body": len(data) - 1000}[script]
        connection.sendall(data[:begin])
        for place in range(begin, len(data)):
            if ended.wait(0.05):
                return False
            if script != "silent":
                connection.sendall(data[place : place + 1])
        return False

    server = odd(slow)
    try:
        tried = []
        while not server.requests:  # again if the machine is so busy that the time was over before the server had heard of it
            tried.append(0.4 * 5 ** len(tried))
            assert tried[-1] < 60
            with pytest.raises(FerrocacheError, match="timed out") as raised:
                make(server.url, timeout=tried[-1]).call("health")
            assert raised.value.status is None
        assert 1 <= len(server.requests) <= len(tried)
    finally:
        ended.set()


def test_a_frozen_node(make, nodes):
    node = nodes.start()
    client = make(node.url, timeout=PATIENCE_SECONDS)
    client.call("health")
    node.freeze()
    client.client.timeout = 0.3
    for method, given in (("health", ()), ("insert", (VECTOR, "r", "q", "m::4")), ("query", (VECTOR, 0.9, "m::4"))):
        with pytest.raises(FerrocacheError, match="timed out"):
            client.call(method, *given)
    node.thaw()
    client.client.timeout = PATIENCE_SECONDS
    assert client.call("health")["status"] == "ok"


def test_no_time_limit(make, odd):
    assert make(odd(reply(answer(b'{"a":1}'))).url, timeout=None).call("health") == {"a": 1}


# --- repetitions ---


def failing_first(times, data):
    """The first requests get ``data`` (None: the connection is reset), the others a good answer."""

    def script(number, connection):
        if number <= times:
            if data is None:
                return reset(connection)
            connection.sendall(data)
            return True
        connection.sendall(answer(b'{"hit":false,"results":[],"id":"x","status":"ok","deleted":true,"deleted_count":0}'))
        return True

    return script


BUSY = answer(b'{"error":"busy"}', "503 Service Unavailable", "Retry-After: 0\r\n")
SAFE = [
    ("health", (), {}), ("stats", (), {}), ("query", (VECTOR, 0.9, "m"), {}), ("query_batch", ([],), {}),
    ("delete_entry", ("x",), {}), ("insert", (VECTOR, "r", "q", "m"), {"id": "mine"}),
    ("insert_batch", ([{"id": "a", "embedding": VECTOR}],), {}), ("get_entry", ("x",), {}),
    ("invalidate", (VECTOR, 0.9, "m"), {"dry_run": True}), ("compact", (), {}),
]  # fmt: skip
UNSAFE = [
    ("insert", (VECTOR, "r", "q", "m"), {}), ("insert_batch", ([{"embedding": VECTOR}],), {}),
    ("invalidate", (VECTOR, 0.9, "m"), {}), ("invalidate_matching", (), {"tags": ["t"]}),
    ("drop_namespace", ("n",), {}),
]  # fmt: skip


@pytest.mark.parametrize("fault", [None, BUSY, answer(b"{}", "502 Bad Gateway")], ids=["reset", "503", "502"])
@pytest.mark.parametrize(("method", "given", "named"), SAFE)
def test_safe_calls_are_repeated(make, odd, fault, method, given, named):
    server = odd(failing_first(2, fault))
    make(server.url).call(method, *given, **named)
    assert len(server.requests) == 3
    assert len(set(server.requests)) == 1


@pytest.mark.parametrize("fault", [None, BUSY], ids=["reset", "503"])
@pytest.mark.parametrize(("method", "given", "named"), UNSAFE)
def test_calls_that_may_have_had_their_effect_are_not(make, odd, fault, method, given, named):
    server = odd(failing_first(1, fault))
    with pytest.raises(FerrocacheError) as raised:
        make(server.url).call(method, *given, **named)
    assert raised.value.status == (None if fault is None else 503)
    assert len(server.requests) == 1


def test_repetitions_are_bounded_and_can_be_switched_off(make, odd):
    for options, sent in (({}, 3), ({"retries": 0}, 1), ({"retries": 4}, 5)):
        server = odd(failing_first(100, BUSY))
        with pytest.raises(FerrocacheError) as raised:
            make(server.url, **options).call("health")
        assert (raised.value.status, len(server.requests)) == (503, sent)
        assert raised.value.retry_after == 0


def test_what_the_server_asks_to_wait_beyond_the_limit_is_not_waited(make, odd):
    server = odd(failing_first(1, BUSY.replace(b"Retry-After: 0", b"Retry-After: 60")))
    with pytest.raises(FerrocacheError) as raised:
        make(server.url, timeout=59).call("health")
    assert (raised.value.retry_after, len(server.requests)) == (60, 1)


# --- several servers ---


def test_a_dead_server_is_left_for_the_next(make, node, model):
    dead = f"http://127.0.0.1:{free_port()}"
    for url in ([dead, node.url], f"{dead}, {node.url}"):
        client = make(url)
        assert client.call("health")["status"] == "ok"
        assert client.call("insert", VECTOR, "r", "q", model)["status"] == "ok"
        assert client.call("query", VECTOR, 0.9, model)["hit"] is True


def test_a_busy_server_is_left_for_the_next_and_not_asked_again_at_once(make, odd, node):
    busy = odd(failing_first(1000, BUSY))
    client = make([busy.url, node.url])
    client.client._endpoints._clock = lambda: 100.0  # however long the five calls take
    for _ in range(5):
        assert client.call("health")["status"] == "ok"
    assert len(busy.requests) == 1


def test_a_silent_server_leaves_time_for_the_next(make, nodes, node):
    silent = nodes.start()
    client = make([silent.url, node.url], timeout=PATIENCE_SECONDS)
    client.call("health")
    silent.freeze()
    client.client.timeout = 6.0  # of which half is waited in vain
    assert client.call("health")["status"] == "ok"
    silent.thaw()


def test_the_answer_of_the_last_server_counts(make, odd):
    servers = [odd(reply(BUSY)), odd(reply(answer(b'{"error":"no"}', "400 Bad Request")))]
    with pytest.raises(FerrocacheError) as raised:
        make([server.url for server in servers]).call("health")
    assert raised.value.status == 400
    assert [len(server.requests) for server in servers] == [1, 1]


# --- connections ---


def test_one_connection_serves_call_after_call(make, odd):
    server = odd(reply(answer(b'{"hit":false}')))
    client = make(server.url + "/behind/a/prefix")
    for _ in range(20):
        client.call("health")
        client.call("query", VECTOR, 0.9, "m")
    assert server.connections == 1
    assert server.requests[0].startswith(b"GET /behind/a/prefix/health HTTP/1.1\r\n")


def test_a_connection_that_the_server_closed_meanwhile_costs_nothing(odd):
    """Not even an insert without an id, which is never sent twice: the end of the connection is seen before it is used."""
    ended = threading.Event()

    def script(number, connection):
        connection.sendall(answer(b'{"id":"x","status":"ok"}'))
        connection.shutdown(socket.SHUT_RDWR)
        ended.set()
        return False

    server = odd(script)
    with FerrocacheClient(server.url) as client:
        for _ in range(5):
            ended.clear()
            assert client.insert(VECTOR, "r", "q", "m")["id"] == "x"
            assert ended.wait(60)
    assert len(server.requests) == 5


def test_a_server_that_closes_after_each_answer(make, odd):
    server = odd(reply(answer(b'{"a":1}', headers="Connection: close\r\n"), keep=False))
    client = make(server.url)
    for _ in range(3):
        assert client.call("health") == {"a": 1}
    assert server.connections == 3


def test_only_what_is_given_is_sent(make, odd):
    import json

    server = odd(reply(answer(b'{"hit":false,"id":"x","status":"ok"}')))
    client = make(server.url, auth_token="t")
    client.call("insert", VECTOR, "r", "q", "m")
    client.call("query", VECTOR, model_id="m")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"embedding": VECTOR, "response": "r", "query_text": "q", "model_id": "m"}
    lines = {line.lower() for line in head.split(b"\r\n")}
    assert {b"authorization: bearer t", b"content-type: application/json"} <= lines
    assert json.loads(server.requests[1].partition(b"\r\n\r\n")[2]) == {"embedding": VECTOR, "threshold": 0.92, "model_id": "m"}


def test_many_threads_share_a_client(node, model):
    def work(number):
        vector = [0.0] * 32
        vector[number] = 1.0
        for step in range(20):
            client.insert(vector, f"{number}/{step}", f"{number}/{step}", model, cache_scope=str(number), id=str(step))
            assert client.query(vector, 0.99, model, f"{number}/{step}", str(number))["response"] == f"{number}/{step}"
        return number

    with FerrocacheClient(node.url, timeout=60.0) as client, ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(32))) == list(range(32))
        assert sum(len(idle) for idle in client._transport._idle.values()) <= 16


async def test_many_tasks_share_a_client(node, model):
    async def work(number):
        vector = [0.0] * 32
        vector[number] = 1.0
        for step in range(10):
            await client.insert(vector, f"{number}/{step}", f"{number}/{step}", model, cache_scope=str(number))
            found = await client.query(vector, 0.99, model, f"{number}/{step}", str(number))
            assert found["response"] == f"{number}/{step}"

    async with AsyncFerrocacheClient(node.url, timeout=60.0) as client:
        await asyncio.gather(*(work(number) for number in range(32)))


def test_one_async_client_in_several_event_loops(node):
    client = AsyncFerrocacheClient(node.url)

    async def ask():
        answers = [await client.health(), await client.health()]
        await client.aclose()
        return answers

    for _ in range(3):
        assert [answered["status"] for answered in asyncio.run(ask())] == ["ok", "ok"]


async def test_a_cancelled_call_leaves_the_client_in_order(odd):
    release = threading.Event()

    def script(number, connection):
        if number == 1:
            release.wait(10)
        connection.sendall(answer(f'{{"number":{number}}}'.encode()))
        return True

    server = odd(script)
    async with AsyncFerrocacheClient(server.url) as client:
        first = asyncio.create_task(client.health())
        await asyncio.to_thread(server.seen.wait, 10)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await client.health() == {"number": 2}
        release.set()
        assert await client.health() == {"number": 3}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_uses_connections_of_its_own(node, model):
    """Parent and children ask at once; on a shared connection they would read each other's answers."""
    with FerrocacheClient(node.url) as client:
        for number in range(8):
            vector = [0.0] * 8
            vector[number] = 1.0
            client.insert(vector, str(number), str(number), model)
        children = []
        for number in range(4):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = 0 if _asks_right(client, number, model) else 2
                finally:
                    os._exit(code)
            children.append(child)
        assert _asks_right(client, 7, model)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0, 0]
        assert _asks_right(client, 6, model)


def _asks_right(client, number, model) -> bool:
    vector = [0.0] * 8
    vector[number] = 1.0
    return all(client.query(vector, 0.99, model)["response"] == str(number) for _ in range(100))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_while_other_threads_hold_the_pool_does_not_hang(node):
    with FerrocacheClient(node.url) as client, ThreadPoolExecutor(8) as pool:
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                client.health()

        running = [pool.submit(busy) for _ in range(8)]
        for _ in range(10):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = 0 if client.health()["status"] == "ok" else 2
                finally:
                    os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        stop.set()
        for task in running:
            task.result()


# --- servers that go and come ---


def test_a_node_that_restarts_between_calls(make, nodes, model):
    node = nodes.start()
    client = make(node.url)
    client.call("insert", VECTOR, "r", "q", model)
    for end in (node.kill, node.stop):
        end()
        node.start()
        assert client.call("query", VECTOR, 0.9, model)["response"] == "r"


def test_a_node_that_dies_in_the_middle_of_a_request(make, nodes, model):
    """It is frozen with the request in its hands and killed; the call finds it again when it is back."""
    node = nodes.start()
    client = make(node.url, timeout=30.0)
    client.call("insert", VECTOR, "r", "q", model)
    node.freeze()
    outcome = []
    asking = threading.Thread(target=lambda: outcome.append(client.call("query", VECTOR, 0.9, model)))
    asking.start()
    asking.join(0.2)
    assert asking.is_alive()
    other = nodes.make()
    client.client._endpoints.all.append(_endpoint(other.url))  # a second node of the cluster
    client.client._endpoints._down_until.append(0.0)
    other.start()
    with FerrocacheClient(other.url) as direct:
        direct.insert(VECTOR, "from the other", "q", model)
    node.kill()
    asking.join()
    assert outcome[0]["response"] == "from the other"


def _endpoint(url):
    from ferrocache._endpoints import parse_endpoint

    return parse_endpoint(url)


def test_inserts_survive_a_cluster_node_that_dies_under_load(nodes, model):
    """Two addresses; the first is killed while inserts with ids run. Every acknowledged insert is where it was acknowledged."""
    first, second = nodes.start(), nodes.start()
    with FerrocacheClient([first.url, second.url]) as client:
        killer = threading.Thread(target=first.kill)
        acknowledged, after_the_kill = [], 0
        while after_the_kill < 100:
            number = len(acknowledged)
            assert number < 100_000, "the first node is still alive"
            if number == 100:
                killer.start()
            after_the_kill += 1 if number > 100 and not killer.is_alive() else 0
            acknowledged.append(client.insert(VECTOR, str(number), "", model, id=f"n{number}")["id"])
        killer.join()
        count = len(acknowledged)
        assert acknowledged == [f"n{number}" for number in range(count)]
    with FerrocacheClient(second.url) as client:
        held = client.health()["entry_count"]
        assert client.get_entry(f"n{count - 1}")["response"] == str(count - 1)
    first.start()
    with FerrocacheClient(first.url) as client:
        assert client.health()["entry_count"] + held >= count
