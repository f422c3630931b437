"""The rules of repetition by themselves, on a clock that the test turns."""

from __future__ import annotations

import pytest

from ferrocache._attempts import Attempts, NotAnswered, NotSent
from ferrocache._endpoints import DOWN_SECONDS, Endpoints, parse_endpoint, parse_endpoints
from ferrocache.errors import FerrocacheError


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def attempts(clock, urls=1, safe=True, retries=2, timeout=10.0):
    endpoints = Endpoints(parse_endpoints([f"http://host{n}" for n in range(urls)]), clock)
    return Attempts(endpoints, safe, retries, timeout, clock, jitter=lambda: 1.0)


def test_the_wait_grows_and_is_bounded(clock):
    made = attempts(clock, retries=10, timeout=100.0)
    waits = []
    for _ in range(10):
        waits.append(made.wait_before_next(made.next(), NotAnswered("x")))
    assert waits[:4] == [0.05, 0.1, 0.2, 0.4]
    assert max(waits) == 2.0
    assert made.wait_before_next(made.next(), NotAnswered("x")) is None


def test_other_servers_are_asked_without_waiting(clock):
    made = attempts(clock, urls=3)
    first, seen = made.next(), []
    seen.append(first.endpoint.host)
    for expected in (0.0, 0.0):
        assert made.wait_before_next(first, NotSent("x")) == expected
        first = made.next()
        seen.append(first.endpoint.host)
    assert seen == ["host0", "host1", "host2"]
    assert made.wait_before_next(first, NotSent("x")) is None


def test_the_time_is_shared_between_the_servers_that_may_be_asked(clock):
    made = attempts(clock, urls=2, timeout=10.0)
    first = made.next()
    assert first.deadline == 105.0
    clock.now = 105.0
    made.wait_before_next(first, NotAnswered("timed out"))
    assert made.next().deadline == 110.0
    alone = attempts(clock, urls=1, timeout=10.0).next()
    assert alone.deadline == 115.0
    unsafe = attempts(clock, urls=2, safe=False, timeout=10.0).next()
    assert (unsafe.connect_deadline, unsafe.deadline) == (110.0, 115.0)
    assert attempts(clock, timeout=None).next().deadline is None


def test_nothing_is_repeated_after_the_deadline(clock):
    made = attempts(clock, timeout=1.0)
    attempt = made.next()
    clock.now += 1.0
    assert made.wait_before_next(attempt, NotAnswered("x")) is None


def test_what_may_have_had_an_effect_is_repeated_only_if_it_was_not_sent(clock):
    made = attempts(clock, safe=False)
    assert made.wait_before_next(made.next(), NotSent("x")) is not None
    assert made.wait_before_next(made.next(), NotAnswered("x")) is None
    made = attempts(clock, safe=False)
    assert made.wait_before_next(made.next(), FerrocacheError("x", 503, 1.0)) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 500, 507])
def test_answers_that_another_try_would_not_change(clock, status):
    made = attempts(clock, urls=2)
    assert made.wait_before_next(made.next(), FerrocacheError("x", status)) is None


def test_what_the_server_asks_to_wait_is_waited(clock):
    made = attempts(clock)
    assert made.wait_before_next(made.next(), FerrocacheError("x", 429, 3.0)) == 3.0
    assert made.wait_before_next(made.next(), FerrocacheError("x", 503, 30.0)) is None


def test_a_server_that_failed_is_asked_last_for_a_while(clock):
    endpoints = Endpoints(parse_endpoints("http://a,http://b,http://c"), clock)
    endpoints.failed(0)
    assert endpoints.pick(set()) == 1
    assert endpoints.pick({1, 2}) == 0
    endpoints.answered(2)
    assert endpoints.pick(set()) == 2
    endpoints.failed(2)
    assert endpoints.pick(set()) == 1
    clock.now += DOWN_SECONDS
    assert endpoints.pick(set()) == 2


def test_base_urls():
    parsed = parse_endpoint("https://host:8443/a/b/")
    assert (parsed.scheme, parsed.host, parsed.port, parsed.prefix) == ("https", "host", 8443, "/a/b")
    assert parse_endpoint("http://[::1]:3000").host == "::1"
    assert [parse_endpoint(url).port for url in ("http://h", "https://h")] == [80, 443]
