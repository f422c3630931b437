"""The LangCache door over plain HTTP: bodies, paths, headers and connections."""

from __future__ import annotations

import json
import re
import socket
from urllib.parse import urlsplit

import pytest

from support.door import NEWER_SDK, PATIENCE_SECONDS, Cache
from support.langcache import problem


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"null", b"{'prompt': 1}", b"\xff\xfe", b'{"prompt":"\xff"}', b'{"prompt":"p"} x',
        b'{"prompt":"p","similarityThreshold":NaN}', b'{"prompt":"p","similarityThreshold":1e999}', b'\xef\xbb\xbf{"prompt":"p"}',
        b'{"prompt":"p","x":' + b"[" * 40000 + b"]" * 40000 + b"}", b'{"prompt":"p","x":' + b"9" * 5000 + b"}",
        b'{"prompt":"\\ud800"}',
    ],
)  # fmt: skip
def test_bodies_that_are_not_right_json(support, body):
    for method, path in (("POST", "/entries/search"), ("POST", "/entries"), ("DELETE", "/entries")):
        problem(support.send(method, path, content=body), 400, "invalid-data")


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("prompt", None, "required"), ("prompt", "", "minLength"), ("prompt", 5, "type"), ("prompt", ["p"], "type"),
        ("similarityThreshold", -0.1, "range"), ("similarityThreshold", 1.01, "range"), ("similarityThreshold", "0.9", "type"),
        ("similarityThreshold", True, "type"), ("searchStrategies", "exact", "enum"), ("searchStrategies", [], "enum"),
        ("searchStrategies", ["fuzzy"], "enum"), ("searchStrategies", [["exact"]], "enum"), ("searchStrategies", [None], "enum"),
        ("maxResults", 0, "range"), ("maxResults", 101, "range"), ("maxResults", "1", "type"),
    ],
)  # fmt: skip
def test_fields_of_a_search_that_cannot_be(support, field, value, rule):
    answer = support.send("POST", "/entries/search", json={"prompt": "p", field: value})
    (told,) = problem(answer, 400, "invalid-data", field)["fields"]
    assert set(told) == {"field", "rule", "message"}
    assert (told["field"], told["rule"]) == (field, rule)


@pytest.mark.parametrize("field", ["prompt", "response"])
@pytest.mark.parametrize("value", [None, 5, {}, "\ud800"])
def test_fields_of_a_set_that_cannot_be(support, field, value):
    body = json.dumps({"prompt": "p", "response": "r", field: value})
    (told,) = problem(support.send("POST", "/entries", content=body), 400, "invalid-data", field)["fields"]
    assert told["field"] == field


def test_null_means_absent_and_unknown_fields_are_ignored(support):
    support.stored("p", ttlMillis=None, attributes=None, anything={"else": [1]})
    found = support.found("p", similarityThreshold=None, attributes=None, searchStrategies=None, maxResults=None, other=1)
    assert len(found) == 1


def test_the_limit_of_a_prompt_is_in_characters(caches):
    plain = caches("plain")
    plain.flush()
    plain.stored("ü" * 40)
    assert plain.found("ü" * 40)
    for answer in (plain.set("ü" * 41), plain.search("ü" * 41)):
        (told,) = problem(answer, 400, "invalid-data", "40")["fields"]
        assert told["rule"] == "maxLength"


def test_bodies_beyond_the_limit_413(support):
    problem(support.set("p", "x" * 100_000), 413, "payload-too-large", "100000")
    problem(support.send("POST", "/entries", content=iter([b"x" * 60_000, b"x" * 60_000])), 413, "payload-too-large")
    problem(support.set("p", "x" * 60_000), 413, "payload-too-large", "max_response_bytes")  # the node's own
    assert support.found("p") == []
    support.stored("p", "x" * 50_000)


def test_json_without_a_content_type_or_with_another(support):
    support.stored("the prompt")
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = support.send("POST", "/entries/search", content=b'{"prompt":"the prompt"}', headers=headers)
        assert len(answer.json()["data"]) == 1
    assert "content-type" not in support.http.build_request("POST", "http://x", content=b"{}").headers


def test_an_empty_cookie_header(support):
    answer = support.send("POST", "/entries/search", json={"prompt": "p"}, headers={"cookie": ""})
    assert answer.status_code == 200


def test_slashes_in_segments_are_split_before_they_are_decoded(caches, door):
    slash = caches("team/a")
    slash.flush()
    slash.stored("of the slash", "yes")
    assert slash.responses("of the slash") == ["yes"]
    assert slash.send("GET").json()["cacheId"] == "team/a"
    other = Cache(door.url, "team/a", "slash-key")  # not encoded: another path
    problem(other.search("p"), 404, "resource/not-found")
    encoded = Cache(door.url, "%74eam%2fa", "slash-key")
    assert encoded.responses("of the slash") == ["yes"]
    for cache in (other, encoded):
        cache.close()


def test_behind_a_base_path(door, support):
    for prefix in ("/behind/a-proxy", ""):
        cache = Cache(door.url + prefix, "support", "support-key")
        cache.stored(f"by way of {prefix}")
        assert len(cache.found(f"by way of {prefix}")) == 1
        problem(cache.send("DELETE", "/entries/nobody"), 404, "cache/entry/not-found")
        cache.close()
    for prefix in ("/behind", "/elsewhere", "/behind/a-proxyx", "/behind/a-proxy/behind/a-proxy"):
        cache = Cache(door.url + prefix, "support", "support-key")
        problem(cache.search("p"), 404, "resource/not-found")
        cache.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("POST", "/"), ("GET", "/v1"), ("POST", "/v1/caches/support"), ("GET", "/v1/caches/support/entries"),

        ("PUT", "/v1/caches/support/entries"), ("POST", "/v1/caches/support/entries/search/x"),
        ("DELETE", "/v1/caches/support/entries/"),
        ("POST", "/v1/caches//flush"), ("POST", "/v2/caches/support/flush"), ("GET", "/v1/caches/support/flush"),
        ("POST", "/v1/caches/support/flush/"), ("POST", "/v1/caches/%ff/flush"), ("POST", "/v1%2Fcaches/support/flush"),
    ],
)  # fmt: skip
def test_paths_that_are_none_404(door, http, method, path):
    answer = http.request(method, door.url + path, headers={"Authorization": "Bearer support-key"})
    problem(answer, 404, "resource/not-found")


def test_newer_sdks_are_told_types_that_they_know(support):
    def kind(method, path, agent, **options):
        return support.send(method, path, headers={"User-Agent": agent}, **options).json()["type"]

    agents = {
        NEWER_SDK: "resource-not-found",
        "speakeasy-sdk/typescript 0.12.0 2.7 1.0 @redis-ai/langcache": "resource-not-found",
        "speakeasy-sdk/python 0.11.1 2.716.16 1.0.1 langcache": "cache/entry/not-found",
        "curl/8": "cache/entry/not-found",
        "": "cache/entry/not-found",
    }
    for agent, gone in agents.items():
        assert kind("DELETE", "/entries/nobody", agent) == f"/errors/{gone}"
        assert kind("POST", "/entries", agent, json={}) == "/errors/invalid-data"


def test_requests_have_an_id(support):
    assert support.send("POST", "/flush", headers={"X-Request-Id": "my-id"}).headers["x-request-id"] == "my-id"
    made = support.send("POST", "/flush", headers={"X-Request-Id": "with blanks"}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)


def raw(door, request):
    """What is answered on a plain connection, until the server ends it."""
    parts = urlsplit(door.url)
    with socket.create_connection((parts.hostname, parts.port), PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        answered = b""
        while True:
            part = connection.recv(65536)
            if not part:
                return answered
            answered += part


def test_a_connection_stays_in_step_after_an_error(door):
    """The body of a request that was refused unread must not be taken for the next request."""
    body = b"POST /v1/caches/support/flush HTTP/1.1\r\n\r\n"
    first = (
        b"POST /v1/caches/support/entries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body  # fmt: skip
    second = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answered = raw(door, first + second)
    assert re.findall(rb"HTTP/1.1 (\d+)", answered) in ([b"401", b"200"], [b"401"])
