#!/usr/bin/env python3
"""Three nodes that answer as one: insert anywhere, ask everywhere, kill one, ask again, bring it back.

    samples/demo_cluster.py --binary build/release/bin/ferrocached [--threshold 0.75] [--seed 7]

Two thirds of the sample questions are inserted, each at another node than the one before; every question is then asked of every
node, and the answers compared. One node is killed with -9 while questions go on: none may fail. What is inserted meanwhile must
be known to the killed node once it is back.
"""

import argparse
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from client import Client, Node, Questions, ServerError, free_port  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MODEL_ID = "all-MiniLM-L6-v2::384"
NODES = 3
TENANTS = 12  # a topic belongs to one: a namespace lies on two of the nodes, so it takes several to fill all three
SETTLE_S = 60


class Cluster:
    def __init__(self, binary):
        ports = [free_port() for _ in range(NODES)]
        seeds = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.nodes = []
        for number, port in enumerate(ports, 1):
            settings = {
                "node_id": f"n{number}",
                "cluster.enabled": "true",
                "cluster.id": "demo",
                "cluster.gossip_addr": f"127.0.0.1:{port}",
                "cluster.seed_nodes": seeds,
                "cluster.repair_interval_seconds": 2,
            }
            self.nodes.append(
                Node(binary, [word for key, value in settings.items() for word in (f"--{key}", str(value))])
            )

    def start(self):
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait_ready()
        self.wait(lambda status: status["node_count"] == NODES and status["ring_size"] == NODES)

    def wait(self, holds, nodes=None):
        """Until what /cluster/status of each node says holds."""
        deadline = time.monotonic() + SETTLE_S
        for node in nodes or self.nodes:
            client = Client(node.port)
            while not holds(client.call("GET", "/cluster/status")):
                if time.monotonic() > deadline:
                    raise ServerError(f"the cluster has not settled after {SETTLE_S} s")
                time.sleep(0.05)
            client.close()

    def clients(self):
        return [Client(node.port) for node in self.nodes if node.process.poll() is None]

    def counts(self):
        counted = []
        for client in self.clients():
            stats = client.call("GET", "/stats")
            counted.append((stats["entry_count"], stats["cluster_entry_count"]))
            client.close()
        return counted

    def remove(self):
        for node in self.nodes:
            node.remove()


def tenant(question):
    return f"tenant-{sum(question['label'].encode()) % TENANTS}"


def insert(client, questions, row):
    question = questions.rows[row]
    client.insert(
        questions.vectors[row],
        MODEL_ID,
        question["text"],
        question.get("answer", question["label"]),
        cache_scope=tenant(question),
        id=question["id"],
        attributes={"label": question["label"]},
    )


def ask(client, questions, row, threshold):
    """What an application sees of an answer, and how long it took in milliseconds."""
    question = questions.rows[row]
    fields = {"query_text": question["text"], "cache_scope": tenant(question), "threshold": threshold}
    started = time.perf_counter()
    found = client.query(questions.vectors[row], MODEL_ID, **fields)
    elapsed = (time.perf_counter() - started) * 1000
    return (found.get("id"), found.get("response"), found.get("similarity")), elapsed


def ask_everywhere(cluster, questions, threshold):
    """Asks every question of every node that runs; true if all nodes gave the same answer to each."""
    clients = cluster.clients()
    answers, times = [], []
    for client in clients:
        asked = [ask(client, questions, row, threshold) for row in range(len(questions))]
        answers.append([answer for answer, _ in asked])
        times += [elapsed for _, elapsed in asked]
        client.close()
    hits = sum(1 for answer in answers[0] if answer[0])
    same = sum(1 for given in zip(*answers) if len(set(given)) == 1)
    ordered = sorted(times)
    print(
        f"  {len(questions)} questions x {len(clients)} nodes: {hits} hits, {same} of {len(questions)} answered alike by all"
        f"   p50 {ordered[len(ordered) // 2]:.2f} ms  p99 {ordered[int(len(ordered) * 0.99)]:.2f} ms"
    )
    return same == len(questions) and hits > 0


class Asking:
    """Questions that go on in the background, each at the next of some nodes."""

    def __init__(self, nodes, questions, rows, threshold):
        self.asked, self.failed, self.slowest_ms, self.stop = 0, [], 0.0, threading.Event()
        self.thread = threading.Thread(target=self.run, args=(nodes, questions, rows, threshold))

    def run(self, nodes, questions, rows, threshold):
        clients = [Client(node.port) for node in nodes]
        while not self.stop.is_set():
            row = rows[self.asked % len(rows)]
            try:
                answer, elapsed = ask(clients[self.asked % len(clients)], questions, row, threshold)
                if not answer[0]:
                    self.failed.append(f"{questions.rows[row]['id']}: a miss")
                self.slowest_ms = max(self.slowest_ms, elapsed)
            except (ServerError, OSError) as error:
                self.failed.append(str(error))
            self.asked += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def kill_and_ask(cluster, questions, known, new, threshold):
    """Kills the last node while known questions are asked of the others, and inserts new ones meanwhile."""
    *survivors, victim = cluster.nodes
    with Asking(survivors, questions, known, threshold) as asking:
        time.sleep(1)
        victim.kill()
        killed = time.perf_counter()
        clients = [Client(node.port) for node in survivors]
        for number, row in enumerate(new):
            insert(clients[number % len(clients)], questions, row)
        inserted = time.perf_counter() - killed
        while time.perf_counter() - killed < 3:
            time.sleep(0.05)
    print(
        f"  {asking.asked} questions to the other two around it: {len(asking.failed)} failed, the slowest took"
        f" {asking.slowest_ms:.0f} ms; {len(new)} inserts meanwhile in {inserted:.2f} s"
    )
    for failure in asking.failed[:3]:
        print(f"    FAILED: {failure}")
    return not asking.failed


def bring_back(cluster, questions, new, threshold):
    victim = cluster.nodes[-1]
    started = time.perf_counter()
    victim.start()
    ready = time.perf_counter() - started
    cluster.wait(lambda status: status["node_count"] == NODES and not status["ring"]["changing"])
    cluster.wait(lambda status: status["partitions_out_of_step"] == 0 and status["replication"]["hints"] == 0)
    client = Client(victim.port)
    known = sum(1 for row in new if ask(client, questions, row, threshold)[0][0] == questions.rows[row]["id"])
    client.close()
    print(
        f"  ready after {ready:.1f} s, all copies in step after {time.perf_counter() - started:.1f} s;"
        f" asked there, {known} of the {len(new)} questions inserted meanwhile are answered"
    )
    return known == len(new)


def show(counts):
    held = ", ".join(str(here) for here, _ in counts)
    print(f"  held by each node {held}; in the cluster, copies counted once, {counts[0][1]}")


def run(cluster, options):
    questions = Questions(HERE, "questions")
    order = list(range(len(questions)))
    random.Random(options.seed).shuffle(order)
    known, new = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]

    print(f"\ninsert anywhere: {len(known)} questions, each at the next node")
    clients = cluster.clients()
    for number, row in enumerate(known):
        insert(clients[number % NODES], questions, row)
    for client in clients:
        client.close()
    show(cluster.counts())

    print(f"\nask everywhere, threshold {options.threshold}")
    good = ask_everywhere(cluster, questions, options.threshold)
    print("\nkill -9 one node, ask again")
    good &= kill_and_ask(cluster, questions, known, new, options.threshold)
    good &= ask_everywhere(cluster, questions, options.threshold)
    print("\nbring it back")
    good &= bring_back(cluster, questions, new, options.threshold)
    good &= ask_everywhere(cluster, questions, options.threshold)
    counts = cluster.counts()
    show(counts)
    return good and all(total == len(questions) for _, total in counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the ferrocached to try")
    parser.add_argument("--threshold", type=float, default=0.75, help="cosine from which two questions mean the same")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if not pathlib.Path(options.binary).is_file():
        sys.exit(f"{options.binary} is not there: make build")
    cluster = Cluster(options.binary)
    try:
        cluster.start()
        ports = ", ".join(str(node.port) for node in cluster.nodes)
        print(f"{NODES} nodes form a cluster on ports {ports}; two copies of every entry")
        good = run(cluster, options)
    except (ServerError, OSError) as error:
        sys.exit(f"the demo stopped: {error}")
    finally:
        cluster.remove()
    sys.exit(0 if good else "the demo did not see what it should")


if __name__ == "__main__":
    main()
