"""/health, /livez, /readyz, /stats and /cluster/status."""
import re

from harness.contract import contract
from harness.timing import wait_until
from harness.vectors import axis, random_unit

COUNTERS = [
    "queries", "hits", "misses", "queries_total", "queries_hit", "queries_miss", "hit_rate", "inserts_total",
    "replication_forwards", "replication_failures", "replication_retries", "compactions", "read_repairs",
    "read_repair_failures", "evictions_total", "index_rebuilds", "expirations_total", "deletions_total",
    "invalidations_total", "exact_match_hits_total"
]


@contract("status-2: /health")
def test_health(api, model):
    before = api.health()
    assert before["status"] == "ok" and isinstance(before["node_id"], str) and before["node_id"]
    entry_id = api.insert(axis(8, 0), model)
    assert api.health() == {**before, "entry_count": before["entry_count"] + 1}
    api.delete(entry_id)
    assert api.health() == before


@contract("status-3: /livez and /readyz")
def test_probes(api):
    assert api.call("GET", "/livez").status == 200
    assert api.call("GET", "/readyz").status == 200


@contract("stats-1: every field and counter, of the right type")
def test_stats_fields(api, model):
    api.insert(axis(8, 0), model, "r", "q")
    api.hit(axis(8, 0), model)
    stats = api.stats()
    assert isinstance(stats["entry_count"], int) and stats["cluster_entry_count"] == stats["entry_count"]
    assert isinstance(stats["wal_path"], str) and stats["wal_path"]
    assert {"max_nb_connection", "ef_construction", "ef_search", "dimension"} <= stats["hnsw"].keys()
    assert [stats["hnsw"][k] for k in ("max_nb_connection", "ef_construction", "ef_search")] == [16, 200, 32]
    assert set(COUNTERS) <= stats["counters"].keys()
    assert all(isinstance(stats["counters"][name], int) for name in COUNTERS if name != "hit_rate")
    row = stats["namespaces"][model]
    assert (row["entry_count"], row["dimension"], row["total_accesses"]) == (1, 8, 1)
    assert row["oldest_entry_ts"] == row["newest_entry_ts"] > 1_600_000_000
    assert isinstance(row["index"], str) and row["index"] and row["bytes"] > 0


@contract("stats-2: counters count what happened, both spellings agree", "metrics-5: and the metrics too")
def test_counters(nodes):
    api = nodes.start().api
    ids = [api.insert(axis(8, n), "m", "r", f"q{n}", tags=["t"] if n < 2 else []) for n in range(6)]
    for n in range(6):
        api.hit(axis(8, n), "m")
    for _ in range(2):
        api.hit(axis(8, 7), "m", query_text="q3")
    for _ in range(4):
        api.miss(axis(8, 7), "m")
    api.call("POST", "/query", {"embedding": axis(9, 0), "model_id": "m"}, expect=400)
    api.delete(ids[5])
    api.call("DELETE", "/entry/unknown", expect=404)
    api.invalidate(tags=["t"])
    counters = api.stats()["counters"]
    assert counters["queries"] == counters["queries_total"] == 12
    assert counters["hits"] == counters["queries_hit"] == 8
    assert counters["misses"] == counters["queries_miss"] == 4
    assert abs(counters["hit_rate"] - 8 / 12) < 1e-3
    assert counters["exact_match_hits_total"] == 2
    assert counters["inserts_total"] == 6
    assert (counters["deletions_total"], counters["invalidations_total"]) == (1, 2)
    metrics = api.metrics()
    for name, value in (("queries", 12), ("queries_hit", 8), ("queries_miss", 4), ("inserts", 6),
                        ("deletions", 1), ("invalidations", 2), ("exact_match_hits",
                                                                 2), ("evictions", 0), ("expirations", 0)):
        assert metrics.value(f"ferrocache_{name}_total") == value, name
    assert metrics.value("ferrocache_index_entries") == 3
    assert abs(metrics.value("ferrocache_hit_rate") - 8 / 12) < 1e-3


@contract("stats-3: live entries, in both places alike", "stats-1: namespace figures")
def test_entry_counts(nodes, rng):
    api = nodes.start().api
    ids = [api.insert(random_unit(rng, 8), f"m{n % 3}", id=f"e{n}") for n in range(30)]
    api.insert(random_unit(rng, 8), "m0", id="e0")
    for entry_id in ids[:5]:
        api.delete(entry_id)
    assert api.health()["entry_count"] == api.stats()["entry_count"] == 25
    rows = api.stats()["namespaces"]
    assert {name: row["entry_count"] for name, row in rows.items()} == {"m0": 8, "m1": 8, "m2": 9}
    assert all(row["oldest_entry_ts"] <= row["newest_entry_ts"] for row in rows.values())


@contract("stats-4: the common dimension, null if there are several")
def test_common_dimension(nodes):
    api = nodes.start().api
    first = api.insert(axis(8, 0), "a")
    api.insert(axis(8, 0), "b")
    assert api.stats()["hnsw"]["dimension"] == 8
    api.insert(axis(16, 0), "c")
    assert api.stats()["hnsw"]["dimension"] is None
    api.delete(first)
    api.call("DELETE", "/namespaces?model_id=b")
    assert api.stats()["hnsw"]["dimension"] == 16


@contract("status-1: /cluster/status of a single node")
def test_cluster_status(api):
    status = api.call("GET", "/cluster/status").json()
    node_id = api.health()["node_id"]
    assert status["mode"] == "single"
    assert status["node_id"] == status["self_node_id"] == node_id
    assert status["nodes"] == [node_id] and status["node_count"] == 1
    assert status["peers"] == [] and status["peer_health"] == {} and status["dead_nodes"] == []
    assert isinstance(status["ring_size"], int) and isinstance(status["read_repair_enabled"], bool)


@contract("status-1: what an operator needs: state, log and snapshot positions, token generation")
def test_cluster_status_for_operators(nodes):
    node = nodes.start()
    node.api.insert(axis(8, 0), "m")
    text = node.api.call("GET", "/cluster/status").text()
    assert re.search(r'"(state|status)":\s*"ready"', text), text
    for subject in ("wal", "snapshot", "token"):
        assert re.search(rf'"[a-z_]*{subject}[a-z_]*"\s*:', text), f"nothing about {subject} in {text}"

    def sequences():
        status = node.api.call("GET", "/cluster/status").text()
        return [int(number) for number in re.findall(r'sequence"\s*:\s*(\d+)', status)]

    before = sequences()
    assert before, text
    node.api.insert(axis(8, 1), "m")
    wait_until(lambda: sequences() > before, 5, "the log position moves with an insert")
