"""Nodes join, drain, stop and start again under load: no failed request, no lost write."""
import time

from harness.cluster import Cluster, Load
from harness.timing import wait_until
from harness.vectors import random_unit
from test_cluster_failures import check_all_hit, fill, query_of

DIMENSION = 16


def test_a_node_joins_under_load(cluster, rng):
    three = cluster(3)
    entries = fill(three, rng, 300)
    with Load(three.running(), query_of(entries)) as load:
        newcomer = three.add()
        newcomer.start()
        three.wait_settled()
        wait_until(lambda: load.answers[-1][0] > time.monotonic() - 0.5, 5, "load goes on")
    assert load.failed() == []
    check_all_hit(three, entries)
    wait_until(lambda: three.copies() == 2 * len(entries), 30, "what was handed over is gone from its old owners")
    held = newcomer.api.health()["entry_count"]
    assert 0.1 * 2 * len(entries) < held < 0.4 * 2 * len(entries)


def test_drain_hands_everything_over_and_can_be_reversed(cluster, rng):
    three = cluster(3)
    entries = fill(three, rng, 150)
    leaver = three.members[0]
    with Load(three.members, query_of(entries)) as load:
        leaver.api.call("POST", "/admin/drain", expect=(200, 202))
        wait_until(lambda: three.status(leaver)["state"] == "drained", 30, "drained")
        assert leaver.api.health()["entry_count"] == 0
        assert leaver.client.request("GET", "/readyz").status == 503
        check_all_hit(three, entries[:30])  # it still routes
        leaver.api.call("DELETE", "/admin/drain", expect=(200, 202))
        three.wait_settled()
        assert leaver.api.health()["entry_count"] > 0
        leaver.api.call("POST", "/admin/drain", expect=(200, 202))
        wait_until(lambda: three.status(leaver)["state"] == "drained", 30, "drained again")
    assert load.failed() == []
    leaver.stop()
    three.wait_settled()
    assert three.copies() == 2 * len(entries)
    check_all_hit(three, entries)


def test_the_last_node_refuses_to_drain(cluster):
    alone = cluster(1)
    error = alone.members[0].api.call("POST", "/admin/drain", expect=409).json()["error"]
    assert "hand over" in error or "no other" in error


def test_a_single_node_refuses_to_drain(nodes):
    node = nodes.start()
    node.api.call("POST", "/admin/drain", expect=409)
    node.api.call("DELETE", "/admin/drain", expect=409)


def test_a_rolling_restart_under_load_fails_no_request_and_loses_no_write(cluster, rng):
    """As a balancer would: a node gets requests while its /readyz is 200."""
    three = cluster(3)
    entries = fill(three, rng, 120)
    written = []

    def make(number, round_number):
        if number == 0:
            return query_of(entries)(number, round_number)
        vector = random_unit(rng, DIMENSION)
        entry = {"vector": vector, "model": f"rolling.{round_number % 10}::{DIMENSION}", "answer": f"r{round_number}",
                 "id": f"r-{round_number}"}
        written.append(entry)
        return "POST", "/insert", {
            "embedding": vector, "model_id": entry["model"], "response": entry["answer"], "query_text": "",
            "id": entry["id"]
        }, entry["id"]

    for restarting in three.members:
        others = [node for node in three.members if node is not restarting]
        with Load(others, make) as load:
            restarting.stop()
            restarting.start()
            three.wait_formed()
        assert load.failed() == [], f"while {restarting.name} restarted"
        asked = {answer[4] for answer in load.answers}
        done = {entry["id"] for entry in written} & asked
        assert done
    three.wait_settled()
    answered = {entry["id"]: entry for entry in written}
    assert len(answered) > 20
    check_all_hit(three, entries + list(answered.values())[-200:])


def test_a_node_that_knows_no_seed_yet_finds_the_cluster_later(nodes, rng):
    """Seeds that do not answer at first: the nodes start one after the other, the seed last."""
    apart = Cluster(nodes, 3)
    late, early = apart.members[0], apart.members[1:]
    for node in early:
        node.start()
        node.api.insert(random_unit(rng, DIMENSION), f"early.{node.name}::{DIMENSION}", node.name)
    late.start()
    apart.wait_settled()
    for node in apart.members:
        names = [ns["name"] for ns in node.api.namespaces(prefix="early.")["namespaces"]]
        assert names == sorted(f"early.{one.name}::{DIMENSION}" for one in early)


def test_with_one_copy_a_stop_hands_over_first(cluster, rng):
    three = cluster(3, {"cluster.replication_factor": 1})
    entries = fill(three, rng, 90)
    assert three.copies() == len(entries)
    three.members[1].stop()
    three.wait_formed()
    check_all_hit(three, entries)
