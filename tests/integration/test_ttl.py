"""Time to live. Judged by the clock of this machine, which the server shares: an answer that came before the
earliest possible expiry must be a hit, a question sent after the latest possible one must miss."""
import time

import pytest

from harness.contract import contract
from harness.mortal import CLOCK_SLACK_S, TimedEntry, while_it_lived
from harness.timing import scaled, wait_for_instant, wait_until
from harness.vectors import axis


@contract("ttl-1: served until its TTL and not longer, without the reaper")
@pytest.mark.parametrize("question", [{}, {"query_text": "text"}, {"top_k": 3}],
                         ids=["vector", "exact", "top_k"])
def test_to_the_millisecond(api, model, question):
    entry, hit = while_it_lived(lambda: TimedEntry(api, model), lambda _: api.query(axis(8, 0), model, **question)["hit"])
    assert hit
    misses = 0
    deadline = time.monotonic() + scaled(60)  # it ends what hangs
    while misses < 100:
        assert time.monotonic() < deadline
        sent = time.time()
        hit = api.query(axis(8, 0), model, **question)["hit"]
        answered = time.time()
        assert hit or answered >= entry.earliest, f"gone {entry.earliest - answered:.4f} s early"
        assert not hit or sent <= entry.latest, f"served {sent - entry.latest:.4f} s late"
        misses += not hit


@contract("ttl-3: expired entries leave counts, listings, read-back")
def test_expired_entries_leave_everything(api, model):
    before = api.health()["entry_count"]
    api.insert(axis(8, 0), model, "stays", cache_scope="ttl-scope")
    entry, counts = while_it_lived(lambda: TimedEntry(api, model, tags=["ttl-tag"], cache_scope="ttl-scope"),
                                   lambda _: (api.health()["entry_count"], api.stats()["entry_count"]))
    assert counts == (before + 2, before + 2)
    wait_for_instant(entry.latest)
    assert api.health()["entry_count"] == api.stats()["entry_count"] == before + 1
    assert not api.has_entry(entry.id)
    api.call("GET", f"/internal/entry/{entry.id}", expect=404)
    api.call("DELETE", f"/entry/{entry.id}", expect=404)
    assert api.invalidate(tags=["ttl-tag"])["deleted_count"] == 0
    listed = [n for n in api.namespaces(prefix=model)["namespaces"]]
    assert [n["entry_count"] for n in listed] == [1]
    assert len(api.hit(axis(8, 0), model, cache_scope="ttl-scope", top_k=5)["matches"]) == 1
    assert api.invalidate(cache_scope="ttl-scope")["deleted_count"] == 1


@contract("ttl-3: a namespace whose entries have all expired is gone")
def test_expired_namespace_is_gone(api, model):
    entry, listed = while_it_lived(lambda: TimedEntry(api, model), lambda _: api.namespaces(prefix=model)["namespaces"])
    assert [n["entry_count"] for n in listed] == [1]
    wait_for_instant(entry.latest)
    assert api.namespaces(prefix=model)["namespaces"] == []
    assert model not in api.stats()["namespaces"]
    api.call("DELETE", f"/namespaces?model_id={model}", expect=404)


@contract("ttl-1: a replaced entry has the TTL of its last insert", "insert-12: none without")
def test_replacing_sets_the_ttl_anew(api, model):
    mortal = TimedEntry(api, model, id="ttl-replaced")
    api.insert(axis(8, 0), model, "immortal", id="ttl-replaced")
    TimedEntry(api, model, ttl=1, id="ttl-prolonged")
    prolonged = TimedEntry(api, model, ttl=60, id="ttl-prolonged")
    api.insert(axis(8, 0), model, "immortal", id="ttl-shortened")
    shortened = TimedEntry(api, model, id="ttl-shortened")
    wait_for_instant(max(mortal.latest, shortened.latest) + 0.05)
    assert "expires_at" not in api.entry("ttl-replaced")
    assert prolonged.earliest - 1 <= api.entry("ttl-prolonged")["expires_at"] <= prolonged.latest + 1
    assert not api.has_entry("ttl-shortened")


@contract("ttl-2: up to 315360000 seconds", "insert-12: without a TTL an entry does not expire")
def test_longest_ttl(api, model):
    entry = api.entry(api.insert(axis(8, 0), model, ttl_seconds=315_360_000))
    assert abs(entry["expires_at"] - time.time() - 315_360_000) < 5
    assert "expires_at" not in api.entry(api.insert(axis(8, 1), model))


@contract("ttl-4: default_ttl_seconds unless one is sent", "conv-3: conversation_ttl_seconds")
def test_default_ttls(nodes):
    api = nodes.start({"default_ttl_seconds": 1000, "conversation_ttl_seconds": 50}).api

    def ttl_of(**fields):
        entry = api.entry(api.insert(axis(8, 0), "m", **fields))
        return round(entry["expires_at"] - entry["inserted_at"])

    assert ttl_of() == 1000
    assert ttl_of(cache_scope="s") == 1000
    assert ttl_of(conversation_id="7") == 50
    assert ttl_of(conversation_id="7", cache_scope="s") == 50
    assert ttl_of(conversation_id="7", ttl_seconds=5000) == 5000
    assert ttl_of(ttl_seconds=5) == 5


@contract("conv-3: conversation entries only")
def test_conversation_ttl_leaves_others_alone(nodes):
    node = nodes.start({"conversation_ttl_seconds": 1})
    before_the_end = time.time() + 1 - CLOCK_SLACK_S
    talk = node.api.insert(axis(8, 0), "m", conversation_id="7")
    expired = time.time() + 1 + CLOCK_SLACK_S
    base = node.api.insert(axis(8, 0), "m")
    present = node.api.has_entry(talk)
    assert present or time.time() >= before_the_end
    wait_for_instant(expired)
    assert not node.api.has_entry(talk) and node.api.has_entry(base)
    assert "expires_at" not in node.api.entry(base)


@contract("ttl-5: a TTL goes on over a restart")
@pytest.mark.parametrize("compact", [False, True], ids=["log", "snapshot"])
def test_ttl_over_a_restart(nodes, compact):
    node = nodes.start()
    short = TimedEntry(node.api, "m", ttl=1)
    long = node.api.insert(axis(8, 1), "m", ttl_seconds=500)
    expires_at = node.api.entry(long)["expires_at"]
    if compact:
        node.api.compact()
    node.restart(kill=True)
    present = node.api.has_entry(short.id)
    assert present or time.time() >= short.earliest
    assert node.api.entry(long)["expires_at"] == expires_at
    wait_for_instant(short.latest)
    assert not node.api.has_entry(short.id) and node.api.health()["entry_count"] == 1
    node.restart()
    assert not node.api.has_entry(short.id) and node.api.health()["entry_count"] == 1


@contract("ttl-6: reaped in the background and counted")
def test_reaping(nodes):
    node = nodes.start({"expire_scan_interval_secs": 1})
    node.api.insert_many(
        [{"embedding": axis(8, i % 8), "model_id": "m", "response": "r", "query_text": "", "ttl_seconds": 1}
         for i in range(500)])
    node.api.insert(axis(8, 0), "m")
    wait_until(lambda: node.api.stats()["counters"]["expirations_total"] == 500, 10,
               "500 expirations are counted")
    assert node.api.stats()["entry_count"] == 1
    # Of three nodes any may answer, and one of them holds none of these entries.
    wait_until(lambda: node.api.metrics().value("ferrocache_expirations_total") == 500, 10,
               "the metric counts them, too")
