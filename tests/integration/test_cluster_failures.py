"""Nodes die, hang, come back, lose their disks: answers go on, nothing acknowledged is lost, nothing deleted returns."""
import shutil
import signal
import threading
import time

from harness.cluster import Cluster, Load, is_ready
from harness.http import Client
from harness.node import HOST
from harness.timing import scaled, wait_until
from harness.vectors import random_unit

DIMENSION = 16


def fill(cluster, rng, count: int, prefix: str = "fill") -> list[dict]:
    """Entries in many namespaces, inserted through all nodes in turn."""
    entries, apis = [], [node.api for node in cluster.running()]
    for i in range(count):
        entry = {"vector": random_unit(rng, DIMENSION), "model": f"{prefix}.{i % 40}::{DIMENSION}", "answer": f"{prefix} {i}"}
        entry["id"] = apis[i % len(apis)].insert(entry["vector"], entry["model"], entry["answer"])
        entries.append(entry)
    return entries


def check_all_hit(cluster, entries) -> None:
    for node in cluster.running():
        for entry in entries:
            assert node.api.hit(entry["vector"], entry["model"])["response"] == entry["answer"], node.name


def query_of(entries):
    def make(number, round_number):
        entry = entries[(number * 7 + round_number) % len(entries)]
        return "POST", "/query", {"embedding": entry["vector"], "model_id": entry["model"]}, entry["id"]

    return make


def test_a_killed_node_fails_no_query_beyond_those_in_flight(cluster, rng):
    three = cluster(3)
    entries = fill(three, rng, 120)
    survivors = three.members[1:]
    with Load(survivors, query_of(entries)) as load:
        wait_until(lambda: len(load.answers) > 200, 20, "some load")
        three.members[0].kill()
        killed_at = time.monotonic()
        wait_until(lambda: load.answers[-1][0] > killed_at + 3, 20, "load after the kill")
    assert load.failed() == []
    # In flight on the killed node at most one hedge; later ones know.
    slow = [answer for answer in load.answers if answer[1] > scaled(1.5)]
    assert slow == []
    check_all_hit(three, entries)


def test_a_death_shows_in_status_within_15_seconds(cluster):
    three = cluster(3, {"cluster.gossip_interval_ms": 500, "cluster.re_replicate_after_seconds": 60})
    victim, watcher = three.members[2], three.members[0]
    victim.kill()
    wait_until(lambda: three.status(watcher)["dead_nodes"] == [victim.name], 15, "the death shows")
    status = three.status(watcher)
    assert victim.name not in status["nodes"] and status["node_count"] == 2
    assert status["peer_health"][victim.name]["status"] == "dead"
    assert watcher.api.metrics().value("ferrocache_peers_dead") == 1


def test_a_hung_node_costs_no_query_more_than_a_second(cluster, rng):
    three = cluster(3)
    entries = fill(three, rng, 120)
    hung, survivors = three.members[0], three.members[1:]
    try:
        with Load(survivors, query_of(entries)) as load:
            wait_until(lambda: len(load.answers) > 100, 20, "some load")
            hung.signal(signal.SIGSTOP)
            stopped_at = time.monotonic()
            wait_until(lambda: load.answers[-1][0] > stopped_at + 4, 20, "load beside the hung node")
        assert load.failed() == []
        assert max(answer[1] for answer in load.answers) < scaled(1.5)
        late = [answer for answer in load.answers if answer[0] > stopped_at + 2.5]
        assert late and max(answer[1] for answer in late) < scaled(0.5)
        started = time.monotonic()
        survivors[0].api.insert(random_unit(rng, DIMENSION), f"beside-hung::{DIMENSION}")
        assert time.monotonic() - started < scaled(2.5)
    finally:
        hung.signal(signal.SIGCONT)
    three.wait_settled()
    check_all_hit(three, entries)


def test_a_node_that_was_stopped_answers_nothing_that_was_deleted_meanwhile(cluster, rng):
    """It wakes up with requests that waited for it, and with the view of when it was stopped."""
    three = cluster(3)
    entries = fill(three, rng, 60)
    stopped, others = three.members[0], three.members[1:]
    answers, clients = [], [Client(HOST, stopped.port) for _ in range(6)]

    def ask(number: int) -> None:
        for entry in entries[number::len(clients)]:
            answer = clients[number].request("POST", "/query", {"embedding": entry["vector"], "model_id": entry["model"]})
            answers.append((entry["id"], answer))

    threads = [threading.Thread(target=ask, args=(number, )) for number in range(len(clients))]
    stopped.signal(signal.SIGSTOP)
    stopped_at = time.monotonic()
    try:
        for i, entry in enumerate(entries):
            others[i % 2].api.delete(entry["id"])
        for thread in threads:
            thread.start()
        wait_until(lambda: time.monotonic() > stopped_at + scaled(2.5), 60, "writers have given it up")
    finally:
        stopped.signal(signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert len(answers) == len(entries)
    for entry_id, answer in answers:
        assert answer.status == 200 and answer.json()["hit"] is False, (entry_id, answer)
    three.wait_settled()
    for node in three.members:
        assert not any(node.api.has_entry(entry["id"]) for entry in entries), node.name


def test_writes_go_on_while_a_node_is_dead_and_reach_it_when_it_returns(cluster, rng):
    three = cluster(3, {"cluster.re_replicate_after_seconds": 300})
    before = fill(three, rng, 60, "before")
    dead = three.members[1]
    dead.kill()
    during = fill(three, rng, 60, "during")
    dead.start()
    three.wait_settled()
    check_all_hit(three, before + during)
    assert three.copies() == 2 * len(before + during)


def test_what_was_deleted_while_a_node_was_dead_stays_deleted(cluster, rng):
    three = cluster(3, {"cluster.re_replicate_after_seconds": 300, "cluster.hint_max_bytes": 0})
    entries = fill(three, rng, 90)
    dead, others = three.members[2], three.members[:2]
    dead.kill()
    gone, kept = entries[:45], entries[45:]
    for i, entry in enumerate(gone):
        others[i % 2].api.delete(entry["id"])
    dead.start()
    three.wait_settled()
    for _ in range(2):
        for node in three.running():
            for entry in gone:
                assert not node.api.has_entry(entry["id"]), node.name
                node.api.miss(entry["vector"], entry["model"])
        assert all(three.holders(entry["id"]) == [] for entry in gone)
        check_all_hit(three, kept)
        # Once more after everybody has started again from disk.
        for node in three.members:
            node.restart(kill=True)
        three.wait_settled()


def test_of_two_processes_with_one_node_id_the_one_started_later_counts(cluster, rng):
    """A copied configuration: the two took each other's place at every member again and again."""
    three = cluster(3, {"cluster.re_replicate_after_seconds": 300})
    entries = fill(three, rng, 40)
    first = three.members[2]
    second = three.add()
    second.settings["node_id"] = second.name = first.name
    second.start(wait_ready=False)
    others = three.members[:2]

    def told(node) -> list[str]:
        return [link["reason"] for link in three.status(node)["refused_links"] if "two processes" in link["reason"]]

    for node in (*others, first):
        wait_until(lambda node=node: told(node), 30, f"{node.name} says that two processes have one id")
        assert f"'{first.name}'" in told(node)[0] and "node_id" in told(node)[0]
    wait_until(lambda: first.client.request("GET", "/readyz").status == 503, 30, "the first one steps back")
    assert "two processes" in first.client.request("GET", "/readyz").text()
    wait_until(lambda: is_ready(second), 60, "the one that was started later takes part")
    for node in others:
        for entry in entries:
            assert node.api.hit(entry["vector"], entry["model"])["response"] == entry["answer"]
        assert node.log().count("two processes") <= 6, "once, not once a link"
    # What to do about it: one of them is stopped.
    first.kill()
    three.members.remove(first)
    three.wait_settled()
    check_all_hit(three, entries)


def test_a_dead_node_that_keeps_its_place_stays_in_status(nodes, rng):
    three = Cluster(nodes, 3, {"cluster.dead_node_removal_enabled": "false"}).start()
    gone = three.members[2]
    gone.kill()
    watcher = three.members[0]
    wait_until(lambda: three.status(watcher)["dead_nodes"] == [gone.name], 30, "the death shows")
    # Whoever starts now never hears of it through gossip alone.
    for node in three.members[:2]:
        node.kill()
    for node in three.members[:2]:
        node.start(wait_ready=False)
    wait_until(lambda: all(is_ready(node) and gone.name in three.status(node)["dead_nodes"] for node in three.running()), 60,
               "a member of the ring that nobody has heard of is shown as dead")
    assert three.status(watcher)["ring_size"] == 3


def test_copies_are_made_anew_after_a_death(cluster, rng):
    three = cluster(3, {"cluster.re_replicate_after_seconds": 1})
    entries = fill(three, rng, 100)
    three.members[0].kill()
    three.wait_settled()
    assert three.copies() == 2 * len(entries)
    three.members[1].kill()
    wait_until(lambda: three.members[2].api.health()["entry_count"] == len(entries), 10, "one node holds all")
    check_all_hit(three, entries)


def test_a_node_that_lost_its_disk_is_no_source_of_emptiness(cluster, rng):
    three = cluster(3, {"cluster.re_replicate_after_seconds": 300})
    entries = fill(three, rng, 90)
    empty = three.members[1]
    empty.kill()
    shutil.rmtree(empty.data)
    empty.start()
    three.wait_settled()
    assert three.copies() == 2 * len(entries)
    check_all_hit(three, entries)


def test_a_folder_of_another_cluster_is_refused(cluster, nodes):
    three = cluster(3)
    stranger = three.members[0]
    stranger.stop()
    stranger.settings["cluster.id"] = "another"
    said = stranger.expect_refused_start()
    assert "another" in said and "cluster" in said


def test_a_restart_of_all_nodes_at_once_keeps_everything(cluster, rng):
    three = cluster(3)
    entries = fill(three, rng, 90)
    for node in three.members:
        node.kill()
    for node in three.members:
        node.start(wait_ready=False)
    three.wait_settled()
    assert three.copies() == 2 * len(entries)
    check_all_hit(three, entries)
