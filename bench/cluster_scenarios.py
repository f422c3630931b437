"""Three nodes on loopback beside one node in the same run: what being a cluster costs, and what a death costs."""

import base64
import random
import struct
import threading
import time

from scenarios import RATIO, row
from client import ServerError
from servers import Client, Running, cpu_seconds, free_port, load

FORM_TIMEOUT_S = 60
# One node and three in turn: what else the machine does changes from one second to the next.
INSERT_ROUNDS = 5


class Cluster:
    """Nodes of one cluster, ready and in one ring when entered."""

    def __init__(self, count, *settings):
        self.settings, self.gossip_ports, self.nodes = settings, [], []
        for number in range(count):
            self.add(number)

    def add(self, number):
        port = free_port()
        seeds = ",".join(f"127.0.0.1:{seed}" for seed in (self.gossip_ports or [port])[:2])
        self.gossip_ports.append(port)
        node = Running(
            *("--cluster.enabled", "true", "--node_id", f"n{number + 1}", "--cluster.gossip_addr", f"127.0.0.1:{port}"),
            *("--cluster.seed_nodes", seeds, "--compact_interval_inserts", "0", *self.settings),
        )
        self.nodes.append(node)
        return node

    def __enter__(self):
        starting = [threading.Thread(target=node.start) for node in self.nodes]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        self.wait(lambda: all(self.ring(node) == len(self.nodes) for node in self.nodes), "the ring")
        return self

    def __exit__(self, *_):
        stopping = [threading.Thread(target=node.remove) for node in self.nodes]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()

    @staticmethod
    def status(node):
        client = Client(node.port)
        try:
            return client.call("GET", "/cluster/status")
        finally:
            client.close()

    def ring(self, node):
        status = self.status(node)
        return status["ring_size"] if not status["ring"]["changing"] and status["state"] == "ready" else 0

    def held(self, node):
        client = Client(node.port)
        try:
            return client.call("GET", "/health")["entry_count"]
        finally:
            client.close()

    def copies(self):
        return sum(self.held(node) for node in self.nodes if node.process.poll() is None)

    @staticmethod
    def wait(reached, what, seconds=FORM_TIMEOUT_S):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if reached():
                    return
            except (OSError, ServerError):
                pass
            time.sleep(0.02)
        raise RuntimeError(f"not within {seconds} s: {what}")


def hop(seconds):
    """One namespace of 10,000 entries: asked at an owner and at the node that owns none of it."""
    with Cluster(3) as cluster:
        load(cluster.nodes[0].port, "vector", entries=10_000, seconds=0.1, warmup=0)
        held = [cluster.held(node) for node in cluster.nodes]
        owner, other = cluster.nodes[held.index(max(held))], cluster.nodes[held.index(min(held))]
        figures = {}
        for name, node in (("owner", owner), ("other", other)):
            for connections in (1, 50):
                run = load(
                    node.port, "vector", entries=10_000, no_preload=True, seconds=seconds, connections=connections
                )
                figures[name, connections] = run
        here, there = figures["owner", 1]["query"], figures["other", 1]["query"]
        ratio = there["p50_us"] / here["p50_us"]
        yield row(
            "query at a node that has to ask an owner, p50",
            ratio,
            f"{there['p50_us']:.0f} us = {RATIO.format(ratio)} an owner's {here['p50_us']:.0f} us"
            f" (p99 {there['p99_us']:.0f} and {here['p99_us']:.0f})",
            "<= 2 x",
            2.0,
            at_least=False,
        )
        here, there = figures["owner", 50]["per_second"], figures["other", 50]["per_second"]
        yield row(
            "the same with 50 clients",
            there / here,
            f"{there:.0f}/s = {RATIO.format(there / here)} an owner's {here:.0f}/s",
        )


def syncs(node):
    """How often it has synced its log."""
    client = Client(node.port)
    try:
        [count] = [
            line.split()[-1]
            for line in client.call("GET", "/metrics").splitlines()
            if line.startswith("ferrocache_wal_sync_seconds_count ")
        ]
        return float(count)
    finally:
        client.close()


def insert_load(nodes, copies, seconds):
    """50 clients of the first node: inserts a second, CPU microseconds of the nodes an insert, writes that share a sync."""
    cpu_before = sum(cpu_seconds(node.pid) for node in nodes)
    syncs_before = sum(syncs(node) for node in nodes)
    run = load(nodes[0].port, "insert", seconds=seconds, connections=50, namespaces=30, warmup=0)
    cpu = sum(cpu_seconds(node.pid) for node in nodes) - cpu_before
    synced = sum(syncs(node) for node in nodes) - syncs_before
    answered = run["answered"]
    return run["per_second"], cpu / answered * 1e6, answered * copies / synced


def inserts(seconds):
    """50 clients: each entry durable on two of three nodes, which share this machine's cores and disk."""
    rounds = []
    for _ in range(INSERT_ROUNDS):
        with Running("--compact_interval_inserts", "0") as node:
            one = insert_load([node], 1, seconds / 2)
        with Cluster(3) as cluster:
            rounds.append((one, insert_load(cluster.nodes, 2, seconds / 2)))
    rounds.sort(key=lambda pair: pair[1][0] / pair[0][0])
    ratios = [three[0] / one[0] for one, three in rounds]
    (alone, cpu_alone, shared_alone), (together, cpu, shared) = rounds[INSERT_ROUNDS // 2]
    yield row(
        "inserts into three nodes, two copies, 50 clients",
        together / alone,
        f"{together:.0f}/s = {RATIO.format(together / alone)} one node's {alone:.0f}/s"
        f" (median of {INSERT_ROUNDS} in turn, {ratios[0]:.2f} to {ratios[-1]:.2f} x)",
        ">= 0.5 x",
        0.5,
    )
    yield row(
        "their CPU an insert, all nodes together",
        cpu / cpu_alone,
        f"{cpu:.0f} us = {RATIO.format(cpu / cpu_alone)} one node's {cpu_alone:.0f} us;"
        f" {shared:.0f} writes share a sync, on one node {shared_alone:.0f}",
    )


def small_entries(count, dimension=16):
    """(model, vector) pairs over fifty namespaces, each vector at a right angle to most others."""
    chance = random.Random(7)
    for number in range(count):
        vector = [chance.gauss(0, 1) for _ in range(dimension)]
        yield f"kill.{number % 50}::{dimension}", base64.b64encode(struct.pack(f"<{dimension}f", *vector)).decode()


def a_death(seconds):
    with Cluster(3, "--cluster.re_replicate_after_seconds", "60") as cluster:
        entries = list(small_entries(500))
        client = Client(cluster.nodes[0].port)
        for model, vector in entries:
            client.insert(vector, model, "", "answer")
        ports = [node.port for node in cluster.nodes[1:]]
        with Queries(ports, entries) as queries:
            time.sleep(seconds)
            cluster.nodes[0].kill()
            killed = time.monotonic()
            time.sleep(seconds + 2)
    failed = [answer for answer in queries.answers if not answer[2]]
    before = sorted(answer[1] for answer in queries.answers if answer[0] < killed)
    after = [answer for answer in queries.answers if answer[0] >= killed]
    later = sorted(answer[1] for answer in after if answer[0] > killed + 1)
    yield row(
        "a node killed: queries through the others that failed",
        len(failed),
        f"{len(failed)} of {len(after)} after the kill, slowest {max(answer[1] for answer in after) * 1000:.0f} ms",
        "0",
        0,
        at_least=False,
    )
    p99 = [times[len(times) * 99 // 100] * 1000 for times in (before, later)]
    yield row(
        "their p99 one second after the kill",
        p99[1] / p99[0],
        f"{p99[1]:.1f} ms = {RATIO.format(p99[1] / p99[0])} that before",
        "back (<= 1.5 x)",
        1.5,
        at_least=False,
    )


def copies(entries):
    """From a death to two copies of everything, and from a join to every copy where it belongs."""
    with Cluster(3, "--cluster.re_replicate_after_seconds", "1") as cluster:
        load(cluster.nodes[0].port, "vector", entries=entries, namespaces=200, dimension=64, seconds=0.1, warmup=0)
        held = [cluster.held(node) for node in cluster.nodes]
        cluster.nodes[2].kill()
        killed = time.monotonic()
        cluster.wait(lambda: cluster.copies() == 2 * entries, "two copies again", 300)
        healed = time.monotonic() - killed
        newcomer = cluster.add(9)
        joined = time.monotonic()
        newcomer.start()
        cluster.wait(lambda: cluster.ring(newcomer) == 3, "the newcomer in the ring", 300)
        ready = time.monotonic() - joined
        cluster.wait(lambda: cluster.copies() == 2 * entries, "old copies gone", 300)
        moved = cluster.held(newcomer)
    yield row(
        f"two copies of {entries:,} entries after a death",
        healed,
        f"{healed:.1f} s, of which detection and 1 s of grace; {held[2]:,} entries copied",
    )
    yield row(
        f"a join with {entries:,} entries, until ready",
        ready,
        f"{ready:.1f} s, {moved:,} entries streamed",
    )
