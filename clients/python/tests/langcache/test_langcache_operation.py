"""The LangCache door over plain HTTP: a failing embedder, metrics, logs, probes."""

from __future__ import annotations

import re

import pytest

from support.door import NEWER_SDK, until
from support.langcache import problem


@pytest.mark.parametrize(
    ("status", "body", "answered", "kind"),
    [
        (401, b'{"error":{"message":"bad key"}}', 424, "embeddings/unauthorized"),
        (403, b"{}", 424, "embeddings/unauthorized"),
        (500, b"{}", 424, "database/resource-database-unavailable"),
        (400, b'{"error":{"message":"too long: a secret prompt"}}', 500, "embeddings/unexpected-error"),
        (200, b"not JSON", 500, "embeddings/unexpected-error"),
        (200, b'{"data":[]}', 500, "embeddings/unexpected-error"),
        (200, b'{"data":[{"embedding":[0,0]}]}', 500, "embeddings/unexpected-error"),
        (200, b'{"data":[{"embedding":[1e300]}]}', 500, "embeddings/unexpected-error"),
        (200, b'{"data":[{"embedding":["x"]}]}', 500, "embeddings/unexpected-error"),
        (200, b'{"data":[5]}', 500, "embeddings/unexpected-error"),
    ],
)
def test_what_a_failing_embedder_becomes(support, embedder, door, status, body, answered, kind):
    prompt = f"a secret prompt {status} {body.decode()}"
    embedder.fails(status, body)
    for answer in (support.set(prompt), support.search(prompt)):
        assert "secret" not in problem(answer, answered, kind)["detail"]
    later = support.send("POST", "/entries", json={"prompt": prompt, "response": "r"}, headers={"User-Agent": NEWER_SDK})
    assert later.json()["type"] == ("/errors/resource-unavailable" if answered == 424 else "/errors/unexpected-error")
    embedder.works()
    assert "secret" not in door.log()
    support.stored(prompt)


def test_a_busy_embedder_becomes_424(support, embedder):
    embedder.fails(429)
    problem(support.set("never before asked"), 424, "embeddings/too-many-requests")


def test_an_exact_search_does_without_the_embedder(support, embedder):
    support.stored("known", "kept")
    embedder.fails(500)
    assert support.responses("KNOWN", searchStrategies=["exact", "semantic"]) == ["kept"]
    problem(support.search("unknown", searchStrategies=["exact", "semantic"]), 424, "database/resource-database-unavailable")


def test_a_prompt_is_embedded_once_for_a_search_and_the_set_behind_it(support, embedder):
    embedder.calls.clear()
    assert support.found("a new question, embedded once") == []
    support.stored("a new question, embedded once")
    assert support.found("a new question, embedded once")
    assert embedder.calls == ["a new question, embedded once"]


def test_metrics(door, http, support):
    def values():
        text = http.get(door.url + "/metrics").text
        found = {name: re.search(rf"^{re.escape(name)} (\S+)$", text, flags=re.M) for name in names}
        return {name: float(match[1]) if match else 0.0 for name, match in found.items()}

    names = {
        'ferrocache_gateway_requests_total{api="langcache",code="200",operation="search"}': 4,
        'ferrocache_gateway_requests_total{api="langcache",code="201",operation="set"}': 1,
        'ferrocache_gateway_requests_total{api="langcache",code="400",operation="delete_query"}': 1,
        'ferrocache_gateway_requests_total{api="langcache",code="404",operation="unknown"}': 1,
        'ferrocache_gateway_hits_total{cache="support",strategy="exact"}': 1,
        'ferrocache_gateway_hits_total{cache="support",strategy="semantic"}': 1,
        'ferrocache_gateway_misses_total{cache="support"}': 2,
        'ferrocache_gateway_embedding_duration_seconds_count{model="words"}': 2,
        'ferrocache_gateway_request_duration_seconds_count{api="langcache",operation="search"}': 4,
        'ferrocache_gateway_embeddings_remembered_total{model="words"}': 2,
    }
    before = values()
    support.found("counted one")
    support.stored("counted one")
    support.found("counted one")
    support.found("counted one", searchStrategies=["exact"])
    support.found("another, not there, far away")
    support.delete(attributes={})
    support.send("PATCH")
    assert {name: value - before[name] for name, value in values().items()} == names
    assert "\nferrocache_gateway_requests_in_flight 0.0\n" in http.get(door.url + "/metrics").text


def test_logs_are_json_without_what_people_wrote(door, support):
    support.send(
        "POST", "/entries", json={"prompt": "confidential one", "response": "confidential two"}, headers={"X-Request-Id": "log-1"}
    )
    support.search("confidential one", attributes={"lang": "confidential three"})
    (line,) = [line for line in door.lines() if line.get("request_id") == "log-1"]
    assert line["time"].endswith("Z")
    assert {name: line[name] for name in ("level", "message", "api", "operation", "cache", "status")} == {
        "level": "debug", "message": "answered", "api": "langcache", "operation": "set", "cache": "support", "status": 201,
    }  # fmt: skip
    assert "confidential" not in door.log()


def test_probes(door, http):
    assert http.get(door.url + "/livez").json() == {"status": "alive"}
    until(lambda: http.get(door.url + "/readyz").json() == {"status": "ready"})
