"""The LangCache door over plain HTTP: lifetimes, deletes, and what caches see of each other."""

from __future__ import annotations

import threading

import pytest

from ferrocache import FerrocacheClient
from support.langcache import problem


def test_ttl_millis_ends_an_entry_to_the_millisecond(support, store):
    support.stored("short lived", "older and lasting")
    support.stored("short lived", "newer and short", ttlMillis=1)
    assert support.responses("short lived", searchStrategies=["exact"]) == ["older and lasting"]
    support.stored("@0", "lasting")
    support.stored("@1", "gone", ttlMillis=1)
    assert support.responses("@1") == ["lasting"]
    assert support.responses("@1", maxResults=5, similarityThreshold=0.99) == ["lasting"]


def test_ttl_millis_and_the_default_reach_the_node(support, caches, store):
    with FerrocacheClient(store.url) as client:

        def left(cache, entry_id):
            entry = client.get_entry(entry_id, cache_scope=f"langcache.{cache}")
            return round(entry["expires_at"] - entry["inserted_at"]) if "expires_at" in entry else None

        assert left("support", support.stored("a", ttlMillis=60_000)) == 60
        assert left("support", support.stored("a", ttlMillis=60_001)) == 61
        assert left("support", support.stored("a", ttlMillis=31_556_952_000)) == 31_556_952
        assert left("support", support.stored("a", ttlMillis=5000.0)) == 5
        assert left("support", support.stored("a", ttlMillis=None)) is None
        half = caches("half")
        assert left("half", half.stored("a")) == 3600
        assert left("half", half.stored("a", ttlMillis=7000)) == 7


@pytest.mark.parametrize("value", [0, -1, 31_556_952_001, 1.5, True, "60000", [], {}])
def test_ttl_millis_that_cannot_be(support, value):
    body = problem(support.set("p", ttlMillis=value), 400, "invalid-data", "ttlMillis")
    assert body["fields"][0]["field"] == "ttlMillis"


def test_delete_by_id(support):
    entry_id, kept = support.stored("one"), support.stored("two")
    answer = support.send("DELETE", f"/entries/{entry_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    problem(support.send("DELETE", f"/entries/{entry_id}"), 404, "cache/entry/not-found")
    for unknown in ("0" * 32, "nobody", "a%2Fb", "%20", "x" * 200):
        problem(support.send("DELETE", f"/entries/{unknown}"), 404, "cache/entry/not-found")
    assert support.found("one") == []
    assert support.found("two")[0]["id"] == kept


def test_delete_by_query_counts_what_it_deletes(support):
    for number in range(7):
        support.stored(f"number {number}", attributes={"lang": "en" if number % 2 else "de", "tier": "gold"})
    assert support.delete(attributes={"lang": "en", "tier": "silver"}).json() == {"deletedEntriesCount": 0}
    answer = support.delete(attributes={"lang": "en", "tier": "gold"})
    assert (answer.status_code, answer.json()) == (200, {"deletedEntriesCount": 3})
    assert support.delete(attributes={"tier": "gold"}).json() == {"deletedEntriesCount": 4}
    assert support.delete(attributes={"tier": "gold"}).json() == {"deletedEntriesCount": 0}


def test_delete_by_query_without_attributes_is_refused(support):
    support.stored("still there")
    assert "flush" in problem(support.delete(attributes={}), 400, "invalid-data")["detail"]
    problem(support.delete(), 400, "invalid-data", "attributes")
    problem(support.delete(attributes=None), 400, "invalid-data", "attributes")
    problem(support.send("DELETE", "/entries"), 400, "invalid-data", "JSON")
    assert support.responses("still there") == ["an answer"]


def test_flush_removes_everything_of_its_cache_and_nothing_else(support, caches, store):
    plain = caches("plain")
    plain.stored("shared words", "of plain")
    with FerrocacheClient(store.url) as client:
        client.insert([1.0] * 64, "a program's own", "shared words", "words::64", cache_scope="support", id="own")
        for number in range(5):
            support.stored(f"shared words {number}")
        answer = support.flush()
        assert (answer.status_code, answer.content) == (204, b"")
        assert support.found("shared words", similarityThreshold=0) == []
        assert plain.responses("shared words") == ["of plain"]
        assert client.get_entry("own")["response"] == "a program's own"
        client.delete_entry("own")
    assert support.flush().status_code == 204


def test_caches_never_see_each_other(support, caches):
    entry_id = support.stored("mine", "of support", attributes={"lang": "en"})
    other = caches("team/a")
    other.flush()
    for strategies in (["exact"], ["semantic"], ["exact", "semantic"]):
        assert other.found("mine", searchStrategies=strategies, similarityThreshold=0) == []
    problem(other.send("DELETE", f"/entries/{entry_id}"), 404, "cache/entry/not-found")
    other.stored("mine", "of team/a")
    assert other.flush().status_code == 204
    assert support.responses("mine") == ["of support"]


def test_simultaneous_sets_of_one_prompt_are_all_kept(support):
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(support.stored("at once", attributes={"lang": "en"}))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 16
    assert support.delete(attributes={"lang": "en"}).json() == {"deletedEntriesCount": 16}
