"""GET /metrics: the names that dashboards use, the bound on labels."""
import re

import pytest

from harness.api import Metrics
from harness.contract import contract
from harness.timing import wait_until
from harness.vectors import axis

COUNTERS = [
    "queries", "queries_hit", "queries_miss", "inserts", "replication_forwards", "replication_failures",
    "replication_retries", "compactions", "ring_changes", "read_repairs", "read_repair_failures", "evictions",
    "index_rebuilds", "expirations", "deletions", "invalidations", "exact_match_hits"
]
GAUGES = ["hit_rate", "index_entries", "cluster_nodes", "ring_members", "peers_suspected", "peers_dead"]
NAMESPACE_COUNTERS = [
    "queries_hit", "queries_miss", "inserts", "evictions", "expirations", "deletions", "invalidations",
    "exact_match_hits"
]


@pytest.fixture
def busy(nodes):
    """A node with one namespace in which everything happened once or more."""
    api = nodes.start().api
    for number in range(4):
        api.insert(axis(8, number), "m::8", "r", f"q{number}", tags=["t"] if number == 3 else [],
                   id=f"e{number}")
    api.insert(axis(8, 0), "m::8", "talk", conversation_id="7")
    api.hit(axis(8, 0), "m::8")
    api.hit(axis(8, 7), "m::8", query_text="q1")
    api.miss(axis(8, 7), "m::8")
    api.delete("e2")
    api.invalidate(tags=["t"])
    return api


@contract("metrics-1: Prometheus text with every name of the contract")
def test_names_and_types(busy):
    response = busy.call("GET", "/metrics")
    assert response.header("Content-Type").startswith("text/plain")
    metrics = Metrics(response.text())
    for name in COUNTERS:
        assert metrics.types[f"ferrocache_{name}_total"] == "counter"
        assert metrics.value(f"ferrocache_{name}_total") >= 0
    for name in GAUGES:
        assert metrics.types[f"ferrocache_{name}"] == "gauge"
        assert metrics.value(f"ferrocache_{name}") >= 0
    assert metrics.types["ferrocache_namespace_entries"] == "gauge"
    for name in NAMESPACE_COUNTERS:
        assert metrics.types[f"ferrocache_namespace_{name}"] == "counter"
        assert metrics.value(f"ferrocache_namespace_{name}", namespace="m::8") >= 0
    for name in ("query", "insert"):
        assert metrics.types[f"ferrocache_{name}_duration_seconds"] == "histogram"


@contract("metrics-1: the text is well formed")
def test_well_formed(busy):
    sample = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})? '
                        r'([-+]?[0-9.eE+-]+|[-+]?Inf|NaN)( -?\d+)?')
    seen = set()
    for line in busy.call("GET", "/metrics").text().splitlines():
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* ", line), line
        elif line:
            assert sample.fullmatch(line), line
            assert line.rsplit(" ", 1)[0] not in seen, f"twice: {line}"
            seen.add(line.rsplit(" ", 1)[0])


@contract("metrics-5: namespace figures count what happened")
def test_namespace_figures(busy):
    metrics = busy.metrics()
    expected = {
        "entries": 3, "queries_hit": 2, "queries_miss": 1, "inserts": 5, "deletions": 1, "invalidations": 1,
        "exact_match_hits": 1, "evictions": 0, "expirations": 0
    }
    got = {name: metrics.value(f"ferrocache_namespace_{name}", namespace="m::8") for name in expected}
    assert got == expected


@contract("metrics-2: buckets from 0.0001 to 10")
@pytest.mark.parametrize("name, count", [("query", 3), ("insert", 5)])
def test_histograms(busy, name, count):
    metrics, full = busy.metrics(), f"ferrocache_{name}_duration_seconds"
    bounds = {float(bound) for bound in metrics.label_values(f"{full}_bucket", "le")}
    finite = sorted(bounds - {float("inf")})
    assert finite[0] == 0.0001 and finite[-1] == 10 and float("inf") in bounds and len(finite) >= 5
    assert metrics.value(f"{full}_count") == count and metrics.value(f"{full}_sum") > 0


@contract("metrics-3: bounded labels, the rest is _other, conversations fold into their base")
def test_label_bound(nodes):
    api = nodes.start({"metrics.max_namespaces": 5}).api
    for number in range(20):
        for _ in range(3 if number < 3 else 1):
            api.insert(axis(8, 0), f"m{number}", cache_scope="s",
                       conversation_id=f"c{number}" if number % 2 else None)
    for number in range(3):
        for _ in range(10):
            api.query(axis(8, 0), f"m{number}", cache_scope="s")
    metrics = api.metrics()
    for name in ["entries", *NAMESPACE_COUNTERS]:
        labels = metrics.label_values(f"ferrocache_namespace_{name}", "namespace")
        assert "_other" in labels and len(labels) <= 6, labels
        assert {"m0::s", "m1::s", "m2::s"} <= labels, "the busiest have labels of their own"
        assert not any("conv_" in label for label in labels)
    total = sum(value for name, value in metrics.samples.items()
                if name.startswith("ferrocache_namespace_entries{"))
    assert total == api.health()["entry_count"] == 26


@contract("metrics-3: many conversations cost no labels")
def test_conversations_fold(nodes):
    api = nodes.start().api
    for number in range(150):
        api.insert(axis(8, 0), "m::8", conversation_id=f"c{number}")
    metrics = api.metrics()
    assert metrics.label_values("ferrocache_namespace_inserts", "namespace") == {"m::8"}
    assert metrics.value("ferrocache_namespace_inserts", namespace="m::8") == 150
    assert metrics.value("ferrocache_namespace_entries", namespace="m::8") == 150


@contract("metrics-3: label values are escaped")
def test_label_escaping(nodes):
    api = nodes.start().api
    api.insert(axis(8, 0), 'quote " backslash \\ newline \n end')
    text = api.call("GET", "/metrics").text()
    assert 'namespace="quote \\" backslash \\\\ newline \\n end"' in text


@contract("metrics-4: what operations need")
@pytest.mark.parametrize("subject", [
    "(wal|log).*sync", "queue", "memory.*bytes", "snapshot.*(age|time|created)", "build_info"
])
def test_operations_figures(busy, subject):
    busy.compact()  # before the first snapshot there is no age to tell
    names = busy.metrics().names()
    assert any(re.search(f"^ferrocache_.*({subject})", name) for name in names), sorted(names)


@contract("metrics-4: the token generation in use")
def test_token_generation(nodes):
    file = nodes.folder / "tokens"
    file.write_text("one generation=6\ntwo generation=7\n")
    metrics = nodes.start({"auth_token_file": str(file)}).api.metrics()
    assert any("token" in name and "generation" in name and value == 7 for name, value in metrics.samples.items())


@contract("metrics-1: what operations need: savings and similarities")
def test_hits_save_what_their_answers_cost(nodes):
    api = nodes.start().api
    api.insert(axis(8, 0), "m::8", "r" * 100, "dear", cost=0.25)
    api.insert(axis(8, 1), "m::8", "r", "free")
    api.hit(axis(8, 0), "m::8")
    api.hit(axis(8, 5), "m::8", query_text="dear")
    api.hit(axis(8, 1), "m::8")
    api.miss(axis(8, 7), "m::8")
    metrics = Metrics(api.call("GET", "/metrics").text())
    assert metrics.value("ferrocache_cost_saved_total") == 0.5
    assert metrics.value("ferrocache_namespace_cost_saved", namespace="m::8") == 0.5
    assert metrics.value("ferrocache_hit_similarity_count") == 2
    assert metrics.value("ferrocache_hit_response_bytes_total") == 201


@contract("metrics-5: The counters count what happened.")
def test_writes_sent_to_other_nodes_are_counted(cluster):
    """Of two nodes with two copies each write goes from the one that takes it to the other, as its owner or as a copy."""
    two = cluster(2)
    for number in range(12):
        two.members[0].api.insert(axis(8, 0), f"sent.{number}::8")
    wait_until(lambda: two.members[0].api.stats()["counters"]["replication_forwards"] >= 12, 20, "all are counted")
    assert two.members[0].api.metrics().value("ferrocache_replication_forwards_total") >= 12
