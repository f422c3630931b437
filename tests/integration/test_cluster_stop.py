"""SIGTERM: whatever the node held is with others when it exits 0, or it says what is not."""
import shutil
import signal

from harness.cluster import is_ready
from harness.timing import wait_until
from harness.vectors import random_unit
from test_cluster_failures import check_all_hit, fill

DIMENSION = 16
LEFT = "other live members hold whatever this node holds"
LEFT_BEHIND = "not everything that this node holds is known to be with others"
PATIENT = {"http.shutdown_timeout_seconds": 60, "cluster.re_replicate_after_seconds": 300}
# A node that is stopped for a moment is not taken for dead.
ALIVE_FOR_LONG = {"cluster.phi_threshold": 100, "cluster.gossip_interval_ms": 500}


def throw_away(node) -> None:
    """SIGTERM, and its disk never comes back."""
    node.stop()
    shutil.rmtree(node.data)


def waiting(cluster, node) -> str:
    return cluster.status(node)["departure"]["waits_for"]


def test_a_stop_right_after_acknowledged_writes_waits_for_an_owner_that_is_slow(cluster, rng):
    """Acknowledged by one owner; the other one was stopped for a moment, and the first one exited."""
    three = cluster(3, {**PATIENT, **ALIVE_FOR_LONG, "cluster.write_consistency": "one"})
    stopped, slow = three.members[:2]
    before = fill(three, rng, 60, "before")
    slow.signal(signal.SIGSTOP)
    try:
        burst = [{"vector": random_unit(rng, DIMENSION), "model": f"burst.{i % 40}::{DIMENSION}", "answer": f"burst {i}"}
                 for i in range(120)]
        for entry in burst:
            entry["id"] = stopped.api.insert(entry["vector"], entry["model"], entry["answer"])
        doomed = burst[:10]
        for entry in doomed:
            stopped.api.delete(entry["id"])
        stopped.signal(signal.SIGTERM)
        wait_until(lambda: waiting(three, stopped), 20, "it says what it waits for")
        assert stopped.is_running() and not is_ready(stopped)
    finally:
        slow.signal(signal.SIGCONT)
    assert stopped.wait() == 0
    assert LEFT in stopped.log()
    shutil.rmtree(stopped.data)
    wait_until(lambda: all(is_ready(node) for node in three.running()), 30, "the others are ready")
    check_all_hit(three, before + burst[10:])
    for node in three.running():
        for entry in doomed:
            node.api.miss(entry["vector"], entry["model"])
            assert not node.api.has_entry(entry["id"])


def test_a_stop_hands_over_what_no_other_live_node_owns(cluster, rng):
    """Two copies, and the other owner is dead: the entries go to whoever is left."""
    three = cluster(3, PATIENT)
    dead, stopped, taker = three.members
    written = fill(three, rng, 60, "before")
    dead.kill()
    wait_until(lambda: three.status(stopped)["dead_nodes"] == [dead.name], 30, "the death is known")
    written += fill(three, rng, 80, "beside the dead")
    throw_away(stopped)
    assert LEFT in stopped.log()
    wait_until(lambda: is_ready(taker), 30, "the last one is ready")
    check_all_hit(three, written)


def test_a_rolling_stop_moves_nothing_and_loses_nothing_with_every_disk_thrown_away(cluster, rng):
    three = cluster(3, {**PATIENT, "cluster.write_consistency": "one"})
    entries = fill(three, rng, 150)
    for node in three.members:
        epoch = three.status(node)["ring"]["epoch"]
        throw_away(node)
        assert LEFT in node.log()
        assert {three.status(other)["ring"]["epoch"] for other in three.running()} == {epoch}
        node.start()
        three.wait_settled()
    check_all_hit(three, entries)


def test_a_cluster_that_is_stopped_as_a_whole_does_not_wait_for_itself(cluster, rng):
    three = cluster(3, {**PATIENT, "cluster.replication_factor": 1, "http.shutdown_timeout_seconds": 600})
    entries = fill(three, rng, 60)
    for node in three.members:
        node.signal(signal.SIGTERM)
    for node in three.members:
        assert node.wait() == 0
    assert any(LEFT_BEHIND in node.log() for node in three.members)
    for node in three.members:
        node.start(wait_ready=False)
    three.wait_settled()
    check_all_hit(three, entries)


def test_a_stop_that_runs_out_of_time_says_what_is_not_handed_over(cluster, rng):
    two = cluster(2, {**ALIVE_FOR_LONG, "cluster.write_consistency": "one", "http.shutdown_timeout_seconds": 3})
    stopped, hung = two.members
    entries = fill(two, rng, 20, "before")
    hung.signal(signal.SIGSTOP)
    try:
        for i in range(20):
            stopped.api.insert(random_unit(rng, DIMENSION), f"late.{i}::{DIMENSION}")
        stopped.stop()
    finally:
        hung.signal(signal.SIGCONT)
    assert LEFT_BEHIND in stopped.log() and "there was no time for" in stopped.log()
    stopped.start()
    two.wait_settled()
    assert two.copies() == 2 * (len(entries) + 20)


def test_a_second_signal_ends_the_wait(cluster, rng):
    two = cluster(2, {**PATIENT, **ALIVE_FOR_LONG, "http.shutdown_timeout_seconds": 600})
    stopped, hung = two.members
    fill(two, rng, 20)
    hung.signal(signal.SIGSTOP)
    try:
        stopped.api.insert(random_unit(rng, DIMENSION), f"late::{DIMENSION}")
        stopped.signal(signal.SIGTERM)
        wait_until(lambda: waiting(two, stopped), 20, "it waits")
        stopped.signal(signal.SIGTERM)
        assert stopped.wait() == 0
    finally:
        hung.kill()


def test_requests_go_on_while_a_node_hands_over(cluster, rng):
    three = cluster(3, {**PATIENT, **ALIVE_FOR_LONG, "cluster.write_consistency": "one"})
    stopped, slow, other = three.members
    entries = fill(three, rng, 60)
    slow.signal(signal.SIGSTOP)
    try:
        for i in range(40):
            stopped.api.insert(random_unit(rng, DIMENSION), f"late.{i}::{DIMENSION}")
        stopped.signal(signal.SIGTERM)
        wait_until(lambda: waiting(three, stopped), 20, "it waits")
        entry = {"vector": random_unit(rng, DIMENSION), "model": f"during::{DIMENSION}", "answer": "during"}
        entry["id"] = stopped.api.insert(entry["vector"], entry["model"], entry["answer"])
        assert stopped.api.hit(entry["vector"], entry["model"])["response"] == "during"
    finally:
        slow.signal(signal.SIGCONT)
    assert stopped.wait() == 0
    shutil.rmtree(stopped.data)
    wait_until(lambda: all(is_ready(node) for node in three.running()), 30, "the others are ready")
    check_all_hit(three, entries + [entry])
