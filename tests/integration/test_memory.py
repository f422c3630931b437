"""The byte budget, the per-namespace cap, and who has to go."""
import re
import time
from pathlib import Path

import pytest

from harness.contract import contract
from harness.node import binary_path
from harness.timing import wait_until
from harness.vectors import as_base64, axis, random_unit

MIB = 1 << 20


def memory_bytes(node) -> float:
    """The node's own account of its memory, from the metrics."""
    samples = node.api.metrics().samples
    return max(value for name, value in samples.items()
               if re.fullmatch(r"ferrocache_memory(_used)?_bytes", name))


@contract("memory-1: the budget holds, older entries go, inserts go on")
def test_byte_budget(nodes):
    node = nodes.start({"memory.max_bytes": 16 * MIB})
    kept = node.api.insert(axis(8, 7), "kept", "often asked for", "kept")
    for number in range(300):
        node.api.insert(axis(8, number % 7), "m", f"{number} " + "x" * 100_000, f"q{number}", id=f"e{number}")
        if number % 5 == 0:
            node.api.hit(axis(8, 7), "kept")
    present = [number for number in range(300) if node.api.has_entry(f"e{number}")]
    assert 20 <= len(present) <= 168, "what fits into 16 MiB"
    assert present[-1] == 299 and present[0] > 100, "the oldest are those that went"
    assert node.api.has_entry(kept), "what was read often is not what goes first"
    stats = node.api.stats()
    assert stats["counters"]["evictions_total"] == 300 - len(present)
    assert stats["entry_count"] == len(present) + 1
    assert memory_bytes(node) <= 16 * MIB
    assert node.api.metrics().value("ferrocache_evictions_total") == 300 - len(present)
    assert node.api.call("GET", "/readyz").status == 200


@contract("insert-23: 507 when nothing can be evicted to make room")
def test_507(nodes):
    node = nodes.start({"memory.max_bytes": 16 * MIB, "limits.max_response_bytes": 64 * MIB})
    small = node.api.insert(axis(8, 0), "m", "small", "q")
    body = {"embedding": axis(8, 1), "model_id": "m", "response": "x" * (20 * MIB), "query_text": ""}
    assert node.api.call("POST", "/insert", body, expect=507).json()["error"]
    result = node.api.call("POST", "/insert/batch", {"items": [body]}).json()["results"][0]
    assert result["status"] == 507 and result["error"]
    assert node.api.hit(axis(8, 0), "m")["id"] == small, "nobody was evicted in vain"
    node.api.insert(axis(8, 2), "m", "fits")
    node.restart(kill=True)
    assert node.api.health()["entry_count"] == 2


@contract("memory-2: the least recently used goes first, per namespace")
def test_namespace_cap(nodes):
    node = nodes.start({"hnsw.max_entries_per_namespace": 5})
    api = node.api
    for number in range(5):
        api.insert(axis(8, number), "m", f"r{number}", f"q{number}", id=f"e{number}")
    for number in range(5):
        api.insert(axis(8, number), "m", f"s{number}", id=f"s{number}", cache_scope="s")
    api.hit(axis(8, 0), "m")
    api.hit(axis(8, 7), "m", query_text="q2")
    api.insert(axis(8, 5), "m", id="e5")
    api.insert(axis(8, 6), "m", id="e6")
    present = [number for number in range(7) if api.has_entry(f"e{number}")]
    assert present == [0, 2, 4, 5, 6]
    assert all(api.has_entry(f"s{number}") for number in range(5)), "another namespace has its own cap"
    api.insert(axis(8, 6), "m", id="e6")
    assert [number for number in range(7)
            if api.has_entry(f"e{number}")] == present, "a replace needs no room"
    assert api.stats()["counters"]["evictions_total"] == 2
    assert api.miss(axis(8, 1), "m", query_text="q1") == {"hit": False}


@contract("memory-3: evicted entries stay away after a restart", "memory-2: the cap holds in a batch too")
@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "kill -9"])
def test_evicted_stay_away(nodes, rng, kill):
    node = nodes.start({"hnsw.max_entries_per_namespace": 50})
    items = [{
        "embedding": random_unit(rng, 8), "model_id": "m", "response": f"r{n}", "query_text": f"q{n}",
        "id": f"e{n}"
    } for n in range(400)]
    node.api.insert_many(items)
    assert [n for n in range(400) if node.api.has_entry(f"e{n}")] == list(range(350, 400))
    for _ in range(2):
        node.restart(kill=kill)
        assert [n for n in range(400) if node.api.has_entry(f"e{n}")] == list(range(350, 400))


@contract("memory-1: a smaller budget after a restart is kept, too")
def test_smaller_budget_after_restart(nodes):
    node = nodes.start({"memory.max_bytes": 64 * MIB})
    for number in range(300):
        node.api.insert(axis(8, number % 8), "m", "x" * 100_000, id=f"e{number}")
    assert node.api.health()["entry_count"] == 300
    node.settings["memory.max_bytes"] = 16 * MIB
    node.restart()
    node.api.insert(axis(8, 0), "m", "x" * 100_000, id="new")
    wait_until(lambda: memory_bytes(node) <= 16 * MIB, 10, "the memory is within the smaller budget")
    assert node.api.has_entry("new")


def scrape_seconds(node) -> float:
    """The median of some scrapes."""
    durations = []
    for _ in range(21):
        begin = time.monotonic()
        node.api.call("GET", "/metrics")
        durations.append(time.monotonic() - begin)
    return sorted(durations)[10]


@contract("stats-5: bytes agree with the process within 15 percent",
          "metrics-6: a scrape costs O(metrics), not O(entries)")
def test_account_agrees_with_the_process(nodes, rng):
    if any(mark in Path(binary_path()).read_bytes() for mark in (b"__asan_init", b"__tsan_init")):
        pytest.skip("a sanitizer's own memory hides the program's")
    node = nodes.start({"index.kind": "flat", "compact_interval_inserts": 0})
    node.api.insert(axis(8, 0), "first")
    empty_scrape, empty = scrape_seconds(node), node.resident_bytes()
    vectors = [as_base64([float(byte) - 128 for byte in rng.randbytes(128)]) for _ in range(2000)]
    for begin in range(0, 100_000, 1000):
        items = [{
            "embedding_b64": vectors[(begin + n) % 2000], "model_id": "m",
            "query_text": f"question {begin + n} " + "q" * 50, "response": f"answer {begin + n} " + "r" * 150
        } for n in range(1000)]
        node.api.insert_many(items)
    wait_until(lambda: node.api.health()["entry_count"] == 100_001, 5, "all are there")
    assert scrape_seconds(node) < max(0.02, 5 * empty_scrape)
    grown = node.resident_bytes() - empty
    told = sum(row["bytes"] for row in node.api.stats()["namespaces"].values())
    print(f"the process has grown by {grown / MIB:.1f} MiB, /stats tells {told / MIB:.1f} MiB")
    assert 0.85 <= told / grown <= 1.15
