"""Real processes on a network that loses, delays, repeats and cuts. Whatever was acknowledged meanwhile is there afterwards."""
import itertools
import time

import pytest

from harness.cluster import Cluster, is_ready
from harness.ledger import Ledger
from harness.network import Network, NodeInside, require_network
from harness.ports import free_port
from harness.timing import scaled, wait_until
from harness.vectors import random_unit

GOSSIP_PORT = 7000


class ClusterInside(Cluster):
    """Node n1 in the first namespace, and so on."""
    def __init__(self, nodes, network: Network, settings: dict | None = None):
        self.network = network
        super().__init__(nodes, len(network.namespaces), settings)

    def add(self) -> NodeInside:
        number = len(self.members)
        name, address = f"n{number + 1}", self.network.address(number)
        seeds = [f"{self.network.address(seed)}:{GOSSIP_PORT}" for seed in range(len(self.network.namespaces))]
        settings = {
            "node_id": name, "port": free_port(), "cluster.enabled": "true", "cluster.gossip_addr": f"{address}:{GOSSIP_PORT}",
            "cluster.seed_nodes": ",".join(seeds), "cluster.request_timeout_ms": 500, **self.settings
        }
        node = self._nodes.own(NodeInside(self._nodes.folder / name, settings, self.network.namespaces[number]))
        node.name = name
        self.members.append(node)
        return node


@pytest.fixture
def network(nodes, rng):
    require_network()
    made = []

    def make(count: int) -> Network:
        made.append(Network(count, seed=rng.randrange(1 << 32)))
        return made[-1]

    yield make
    nodes.end()
    for one in made:
        one.end()


def go_on(ledger: Ledger, seconds: float, writes: int = 0) -> None:
    """For so long, and until so many more writes were accepted."""
    before, until = ledger.accepted, time.monotonic() + scaled(seconds)
    wait_until(lambda: time.monotonic() > until and ledger.accepted - before >= writes, seconds + 30,
               f"{writes} more writes are accepted: {ledger.statuses}", interval=0.05)


def check(cluster: Cluster, ledger: Ledger) -> None:
    cluster.wait_settled(90)
    print(f"{len(ledger.entries)} ids, answers {ledger.statuses}, frames passed {cluster.network.passed}, "
          f"dropped {cluster.network.dropped}")
    for node in cluster.members:
        assert ledger.wrong(node) == []


def test_loss_delay_repetition_and_reordering(nodes, network, rng):
    cluster = ClusterInside(nodes, network(3)).start()
    with Ledger(cluster.members) as ledger:
        go_on(ledger, 1, 20)
        cluster.network.every_way(loss=0.03, repeat=0.03, delay=0.005, jitter=0.01)
        go_on(ledger, 6, 100)
        assert cluster.network.dropped > 20, "nothing was lost"
        cluster.network.every_way(loss=0.2, repeat=0.1, delay=0.03, jitter=0.06)
        go_on(ledger, 4)
        cluster.network.heal()
        go_on(ledger, 1, 20)
    check(cluster, ledger)


def test_a_slow_network_costs_time_and_no_request(nodes, network, rng):
    """80 ms to everybody and back: slower than a disk, faster than the deadlines."""
    cluster = ClusterInside(nodes, network(3)).start()
    cluster.network.every_way(delay=0.04)
    cluster.wait_settled(90)
    with Ledger(cluster.members) as ledger:
        go_on(ledger, 4, 40)
    assert ledger.failed == 0, ledger.statuses
    check(cluster, ledger)


@pytest.mark.parametrize("way", [(0, 1), (1, 0)], ids=lambda way: f"n{way[0] + 1} to n{way[1] + 1}")
def test_a_cut_of_one_direction_between_two_nodes(nodes, network, rng, way):
    cluster = ClusterInside(nodes, network(3)).start()
    with Ledger(cluster.members) as ledger:
        go_on(ledger, 1, 20)
        cluster.network.cut([way[0]], [way[1]], both=False)
        go_on(ledger, 6, 50)
        cluster.network.heal()
        go_on(ledger, 1, 20)
    check(cluster, ledger)


def test_a_node_cut_off_from_the_others(nodes, network, rng):
    cluster = ClusterInside(nodes, network(3)).start()
    with Ledger(cluster.members) as ledger:
        go_on(ledger, 1, 20)
        cluster.network.cut([2], [0, 1])
        wait_until(lambda: cluster.status(cluster.members[0])["dead_nodes"] == ["n3"], 30, "the two take the third for dead")
        wait_until(lambda: sorted(cluster.status(cluster.members[2])["dead_nodes"]) == ["n1", "n2"], 30, "and it them")
        assert all(is_ready(node) for node in cluster.members[:2])
        go_on(ledger, 4, 50)
        cluster.network.heal()
        go_on(ledger, 1, 20)
    check(cluster, ledger)


def test_nobody_hears_one_node_that_hears_everybody(nodes, network, rng):
    cluster = ClusterInside(nodes, network(3)).start()
    with Ledger(cluster.members) as ledger:
        go_on(ledger, 1, 20)
        cluster.network.cut([0], [1, 2], both=False)
        go_on(ledger, 6, 50)
        cluster.network.heal()
        go_on(ledger, 1, 20)
    check(cluster, ledger)


def test_two_halves_go_on_apart_and_merge(nodes, network, rng):
    cluster = ClusterInside(nodes, network(4)).start()
    with Ledger(cluster.members, 4) as ledger:
        go_on(ledger, 1, 20)
        cluster.network.cut([0, 1], [2, 3])
        go_on(ledger, 8, 50)
        cluster.network.heal()
        go_on(ledger, 1, 20)
    check(cluster, ledger)


def test_cuts_that_come_and_go(nodes, network, rng):
    cluster = ClusterInside(nodes, network(3)).start()
    pairs = list(itertools.permutations(range(3), 2))
    with Ledger(cluster.members) as ledger:
        for _ in range(12):
            cluster.network.every_way(cut=False, loss=rng.choice([0.0, 0.05]), delay=rng.choice([0.0, 0.02]))
            for a, b in rng.sample(pairs, rng.randrange(0, 4)):
                cluster.network.ways[a, b].cut = True
            go_on(ledger, 0.7)
        cluster.network.heal()
        go_on(ledger, 1, 20)
    check(cluster, ledger)


def test_a_query_beside_a_silent_node_waits_at_most_a_second_once(nodes, network, rng):
    """Cut off in the middle of everything, no connection is refused: only silence tells."""
    cluster = ClusterInside(nodes, network(3), {"cluster.request_timeout_ms": 1000}).start()
    entries = [(f"q.{number}::16", random_unit(rng, 16)) for number in range(60)]
    for model, vector in entries:
        cluster.members[0].api.insert(vector, model, "there")
    cluster.wait_settled(90)
    cluster.network.cut([2], [0, 1])
    slowest = []
    for _ in range(3):
        for model, vector in entries:
            for node in cluster.members[:2]:
                started = time.monotonic()
                assert node.api.hit(vector, model)["response"] == "there"
                slowest.append(time.monotonic() - started)
    slowest.sort()
    assert slowest[-1] < scaled(1.5), slowest[-5:]
    assert slowest[-3] < scaled(0.5), f"more than one request a node was slow: {slowest[-5:]}"


def test_a_node_that_was_killed_writes_by_its_clock(nodes, network, rng):
    """Cut off right after its restart, it deletes what the other side then writes anew. It was once up to ten seconds ahead
    of its clock, and its deletes won."""
    cluster = ClusterInside(nodes, network(2)).start()
    first, second = cluster.members
    ids = [f"e{number}" for number in range(20)]  # in as many namespaces: either node decides about some
    for entry_id in ids:
        first.api.insert(random_unit(rng, 16), f"{entry_id}::16", "before", id=entry_id)
    first.kill()
    first.start()
    cluster.wait_formed(90)
    cluster.network.cut([0], [1])

    def done(node, method: str, target: str, body=None):
        """Until it says so: the first requests may find out that the other node does not answer."""
        wait_until(lambda: node.client.request(method, target, body).status in (200, 404), 30, f"{method} {target}")

    for entry_id in ids:
        done(first, "DELETE", f"/entry/{entry_id}")
    for entry_id in ids:
        body = {"embedding": random_unit(rng, 16), "model_id": f"{entry_id}::16", "response": "after"}
        done(second, "POST", "/insert", body | {"query_text": entry_id, "id": entry_id})
    cluster.network.heal()

    def all_anew():
        for node in cluster.members:
            for entry_id in ids:
                response = node.api.call("GET", f"/entry/{entry_id}", expect=(200, 404))
                if response.status != 200 or response.json()["response"] != "after":
                    return False
        return True

    wait_until(all_anew, 60, "both sides have what was written last", interval=0.2)
    cluster.wait_settled(90)
    assert all_anew(), "and keep it"
