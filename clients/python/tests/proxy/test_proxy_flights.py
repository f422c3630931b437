"""Calls that many wait for, events that are cut anywhere, and time, which tests move by hand."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ferrocache.async_client import AsyncFerrocacheClient
from ferrocache.gateway._parts import Rate
from ferrocache.gateway.app import Gateway
from ferrocache.gateway.config import load
from ferrocache.gateway.embedding import EmbeddingService, build
from ferrocache.gateway.metrics import Metrics
from ferrocache.gateway.proxy import callers
from ferrocache.gateway.proxy.ask import ask_of
from ferrocache.gateway.proxy.callers import Caller, scope_of
from ferrocache.gateway.proxy.entries import Entries
from ferrocache.gateway.proxy.flight import Broken, Flight, Head
from ferrocache.gateway.proxy.metrics import LABELS_MAX, OTHER, ProxyMetrics
from ferrocache.gateway.proxy.routes import Routes
from ferrocache.gateway.proxy.sse import Splitter, data_of
from ferrocache.middleware._dialect import Stored
from support.chat import TOOLS
from support.door import PATIENCE_SECONDS
from support.proxy import PARAPHRASE, QUESTION, SECRET, deps_header, settings, token
from support.upstream import Reply

CHATS = Routes(keeps_calls=False, has_azure=False).find("POST", "/v1/chat/completions", False)


async def until(holds):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def configured(folder, node, upstream, embedder, more=""):
    (folder / "secret").write_text(SECRET)
    (folder / "gateway.toml").write_text(settings(node, upstream, embedder, more))
    return load(folder / "gateway.toml")


class Inside:
    """A gateway in this process, so that a test can see who waits for what."""

    def __init__(self, config, tenant):
        self.gateway = Gateway(config)
        transport = httpx.ASGITransport(self.gateway.application())
        headers = {"X-Cachecore-Token": token(tenant)}
        self.http = httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers, timeout=PATIENCE_SECONDS)

    def waiting(self):
        return self.gateway._proxy._flights.waiting()

    async def ask(self, question=QUESTION, deps=(), **more):
        body = {"model": "m", "messages": [{"role": "user", "content": question}], **more}
        headers = {"X-Cachecore-Deps": deps_header(*deps)} if deps else {}
        return await self.http.post("/v1/chat/completions", json=body, headers=headers)


@contextlib.asynccontextmanager
async def inside(config, tenant):
    made = Inside(config, tenant)
    try:
        yield made
    finally:
        await made.http.aclose()
        await made.gateway.stop()


@pytest.fixture
def gate(upstream):
    """Holds every call of the provider until it is set."""
    made = threading.Event()
    upstream.answers()
    made.then = upstream.reply

    def reply(body, number):
        made.wait(PATIENCE_SECONDS)
        return made.then(body, number)

    upstream.reply = reply
    yield made
    made.set()


# --- many who wait ---


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_who_asks_the_same_or_alike_or_in_another_form_shares_one_call(
    node, upstream, embedder, gate, tmp_path, request, stream
):
    async with inside(configured(tmp_path, node, upstream, embedder), request.node.name) as door:
        tasks = [asyncio.create_task(door.ask(stream=stream))]
        await until(lambda: upstream.calls)
        tasks += [
            asyncio.create_task(door.ask(stream=stream)),
            asyncio.create_task(door.ask(PARAPHRASE, stream=stream)),
            asyncio.create_task(door.ask(stream=not stream)),
        ]
        await until(lambda: door.waiting() == 4)
        gate.set()
        answers = await asyncio.gather(*tasks)
        assert [answer.status_code for answer in answers] == [200] * 4
        assert all("answer" in answer.text for answer in answers)
        assert ["collapsed" in answer.headers["Cache-Status"] for answer in answers] == [False, True, True, True]
        assert (answers[3].headers["content-type"] == "application/json") == stream
    assert len(upstream.calls) == 1


async def test_other_questions_and_other_dependencies_do_not_share(node, upstream, embedder, gate, tmp_path, request):
    async with inside(configured(tmp_path, node, upstream, embedder), request.node.name) as door:
        tasks = [
            asyncio.create_task(door.ask()),
            asyncio.create_task(door.ask("what will there be for dinner")),
            asyncio.create_task(door.ask(deps=[("doc:1", "v1")])),
            asyncio.create_task(door.ask(temperature=1)),
            # What a model writes for a tool, it makes from the very words: these two are not alike enough.
            asyncio.create_task(door.ask(tools=TOOLS["openai"])),
            asyncio.create_task(door.ask(PARAPHRASE, tools=TOOLS["openai"])),
        ]
        await until(lambda: len(upstream.calls) == 6)
        gate.set()
        assert [answer.status_code for answer in await asyncio.gather(*tasks)] == [200] * 6


async def test_one_of_those_who_wait_takes_over(node, upstream, embedder, gate, tmp_path, request):
    gate.then = lambda body, number: Reply(status=500) if number == 1 else Reply(f"answer {number}")
    async with inside(configured(tmp_path, node, upstream, embedder), request.node.name) as door:
        tasks = [asyncio.create_task(door.ask())]
        await until(lambda: upstream.calls)
        tasks += [asyncio.create_task(door.ask()) for _ in range(3)]
        await until(lambda: door.waiting() == 4)
        gate.set()
        answers = await asyncio.gather(*tasks)
    assert [answer.status_code for answer in answers] == [500, 200, 200, 200]
    assert len({answer.text for answer in answers[1:]}) == 1
    assert len(upstream.calls) == 2


async def test_if_all_fails_each_gets_an_error_after_a_few_calls(node, upstream, embedder, gate, tmp_path, request):
    gate.then = lambda body, number: Reply(status=500)
    async with inside(configured(tmp_path, node, upstream, embedder), request.node.name) as door:
        tasks = [asyncio.create_task(door.ask())]
        await until(lambda: upstream.calls)
        tasks += [asyncio.create_task(door.ask()) for _ in range(3)]
        await until(lambda: door.waiting() == 4)
        gate.set()
        assert [answer.status_code for answer in await asyncio.gather(*tasks)] == [500] * 4
    assert len(upstream.calls) == 4  # the first, one for all who waited, and one for each who waited twice


async def test_a_refused_request_is_not_repeated_by_others(node, upstream, embedder, gate, tmp_path, request):
    gate.then = lambda body, number: Reply(status=400)
    async with inside(configured(tmp_path, node, upstream, embedder), request.node.name) as door:
        tasks = [asyncio.create_task(door.ask())]
        await until(lambda: upstream.calls)
        tasks.append(asyncio.create_task(door.ask()))
        await until(lambda: door.waiting() == 2)
        gate.set()
        assert [answer.status_code for answer in await asyncio.gather(*tasks)] == [400, 400]
    assert len(upstream.calls) == 1


# --- a flight by itself ---


async def test_a_flight_gives_late_readers_everything():
    flight = Flight(1000)
    flight.begin(Head(200))
    await flight.add(b"one")
    reader = flight.join()
    await flight.add(b"two")
    flight.end()
    assert [part async for part in flight.parts(reader)] == [b"one", b"two"]


async def test_a_large_answer_waits_for_its_slowest_reader():
    flight = Flight(10)
    flight.begin(Head(200))
    fast, slow = flight.join(), flight.join()
    made = []

    async def write():
        for number in range(20):
            await flight.add(b"%08d" % number)
            made.append(number)
        flight.end()

    writing = asyncio.create_task(write())
    got = asyncio.create_task(collected(flight, fast))
    await until(lambda: fast.place >= 2)
    assert not flight.is_open
    assert len(made) <= 2  # the slow one has read nothing yet
    assert await collected(flight, slow) == [b"%08d" % number for number in range(20)]
    assert await got == [b"%08d" % number for number in range(20)]
    await writing


async def collected(flight, reader):
    return [part async for part in flight.parts(reader)]


async def test_a_reader_who_leaves_holds_nobody_up():
    flight = Flight(10)
    flight.begin(Head(200))
    stays, goes = flight.join(), flight.join()
    writing = asyncio.create_task(flight.add(b"x" * 20))
    assert await flight.parts(stays).__anext__() == b"x" * 20
    flight.leave(goes)
    await writing
    flight.end(is_broken=True)
    with pytest.raises(Broken):
        await collected(flight, stays)


# --- events ---

EVENTS = [b": ping\n\n", b'event: a\ndata: {"x":\n', b"data: 1}\n\n", "data: é\u2028é\r\n\r\n".encode(), b"data:[DONE]\r\r"]


def test_events_are_whole_wherever_they_are_cut():
    wire = b"".join(EVENTS)
    whole = [EVENTS[0], EVENTS[1] + EVENTS[2], EVENTS[3], EVENTS[4]]
    for cut in range(len(wire) + 1):
        for second in range(cut, len(wire) + 1):
            splitter = Splitter()
            made = splitter.add(wire[:cut]) + splitter.add(wire[cut:second]) + splitter.add(wire[second:])
            assert made == whole
            assert splitter.rest() == b""
    assert [data_of(event) for event in whole] == ["", '{"x":\n1}', "é\u2028é", "[DONE]"]


# --- time ---


async def test_windows_of_freshness(node, upstream, embedder, tmp_path, request):
    config = configured(tmp_path, node, upstream, embedder, "stale_if_error_seconds = 7200")
    now = [1_800_000_000.0]
    metrics = Metrics()
    with ThreadPoolExecutor(1) as threads:
        service = EmbeddingService(config.proxy.embedding, build(config.proxy.embedding), threads, metrics)
        async with AsyncFerrocacheClient(node.url, PATIENCE_SECONDS) as client:
            entries = Entries(config.proxy, client, service, lambda: None, lambda: now[0])
            caller = Caller("t", scope_of(request.node.name), {}, True)
            body = b'{"model": "m", "messages": [{"role": "user", "content": "what is the time"}]}'
            ask = ask_of(CHATS, caller, {}, "", body, config.proxy)
            found = await entries.lookup(ask)
            assert (found.hit, found.last_resort, found.fault) == (None, None, "")
            assert await entries.store(ask, found, Stored("noon"))
            for later, fresh in ((0, True), (2999, True), (3001, False), (3599, False)):
                now[0] = 1_800_000_000.0 + later
                hit = (await entries.lookup(ask)).hit
                assert (int(hit.age_seconds), hit.fresh_seconds > 0, hit.is_exact) == (later, fresh, True)
            now[0] = 1_800_000_000.0 + 3601
            found = await entries.lookup(ask)
            assert found.hit is None
            assert found.last_resort.entry["response"] == "noon"
            now[0] = 1_800_000_000.0 + 3000 + 7201
            assert (await entries.lookup(ask)).last_resort is None
            old = ask_of(CHATS, caller, {"cache-control": "max-age=10"}, "", body, config.proxy)
            for later, is_hit in ((10, True), (11, False)):
                now[0] = 1_800_000_000.0 + later
                assert ((await entries.lookup(old)).hit is not None) == is_hit
        service.close()


# --- bounds ---


def test_rates_of_many_are_bounded(monkeypatch):
    monkeypatch.setattr(callers, "COUNTED_MAX", 3)
    buckets = callers._Buckets(Rate(0.0001, 1))
    assert [buckets.wait_seconds(name) for name in "abc"] == [0, 0, 0]
    assert buckets.wait_seconds("a") > 0
    assert buckets.wait_seconds("d") == 0  # and b, quiet for longest, is forgotten
    assert list(buckets._buckets) == ["c", "a", "d"]


def test_labels_are_bounded():
    metrics = Metrics()
    counted = ProxyMetrics(metrics, ())
    for number in range(LABELS_MAX + 5):
        counted.outcome(f"tenant-{number}", "m\ud800", "miss")
    text = metrics.exposition().decode()
    assert f'tenant="{OTHER}"}} 5.0' in text
    assert f'tenant="tenant-{LABELS_MAX}"' not in text
