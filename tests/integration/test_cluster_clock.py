"""A node whose wall clock is wrong steps back, says why, and comes back when it is right."""
import re

from harness.clock import ShiftedClock
from harness.cluster import Cluster, is_ready
from harness.timing import wait_until
from harness.vectors import random_unit

NOTICED_SECONDS = 60.0  # a second or two, unless the machine is busy
HOUR = 3600


def start_with_clocks(nodes, count: int = 3, **shifts: int) -> tuple[Cluster, dict[str, ShiftedClock]]:
    cluster, clocks = Cluster(nodes, count), {}
    for node in cluster.members:
        clocks[node.name] = ShiftedClock(node.folder / "clock", shifts.get(node.name, 0))
        node.environment = clocks[node.name].environment
        node.start(wait_ready=False)
    return cluster, clocks


def reason(node) -> str:
    response = node.client.request("GET", "/readyz")
    return response.json()["error"] if response.status == 503 else ""


def ready_names(cluster: Cluster) -> list[str]:
    return [node.name for node in cluster.members if is_ready(node)]


def insert_from_every_node(cluster: Cluster, rng, prefix: str, count: int = 30) -> list[tuple[str, list[float]]]:
    """Through every node in turn, ready or not; every one must be accepted."""
    written = []
    for number in range(count):
        vector = random_unit(rng, 8)
        node = cluster.members[number % len(cluster.members)]
        entry_id = node.api.insert(vector, f"{prefix}.{number}::8", prefix, id=f"{prefix}-{number}")
        written.append((entry_id, vector))
    return written


def check_everywhere(cluster: Cluster, written, prefix: str) -> None:
    for number, (entry_id, vector) in enumerate(written):
        for node in cluster.members:
            assert node.api.hit(vector, f"{prefix}.{number}::8")["id"] == entry_id, node.name


def test_a_clock_that_runs_ahead_and_is_set_right(nodes, rng):
    cluster, clocks = start_with_clocks(nodes)
    cluster.wait_formed()
    insert_from_every_node(cluster, rng, "before")
    first, others = cluster.members[0], cluster.members[1:]

    clocks["n1"].shift(HOUR)

    def says_an_hour():
        by = re.search(r"(\d+) s ahead", reason(first))
        return by is not None and abs(int(by[1]) - HOUR) <= 5

    wait_until(says_an_hour, NOTICED_SECONDS, "the node says that its clock is ahead, and by how much")

    def told():
        status = cluster.status(first)
        figures = [status["clock_ahead_ms"], *(peer.get("clock_ahead_ms") for peer in status["peers"])]
        return "clock" in status["reason"] and all(by is not None and abs(by - HOUR * 1000) < 2000 for by in figures)

    wait_until(told, NOTICED_SECONDS, "its status tells by how much")
    for node in others:
        wait_until(lambda: abs(cluster.status(node)["clock_ahead_ms"]) < 2000, NOTICED_SECONDS, "the others' are right")
    wait_until(lambda: ready_names(cluster) == ["n2", "n3"], NOTICED_SECONDS, "the others serve")
    assert first.api.metrics().value("ferrocache_clock_ahead_seconds") > HOUR - 2
    during = insert_from_every_node(cluster, rng, "during")
    for node in others:  # one for a slow machine's sake goes again, one that another refuses stays
        wait_until(lambda: cluster.status(node)["replication"]["hints"] == 0, NOTICED_SECONDS, "nobody refuses what was written")

    clocks["n1"].shift(0)
    wait_until(lambda: ready_names(cluster) == ["n1", "n2", "n3"], NOTICED_SECONDS, "all are ready again")
    after = insert_from_every_node(cluster, rng, "after")
    cluster.wait_settled()
    check_everywhere(cluster, during, "during")
    check_everywhere(cluster, after, "after")
    wait_until(lambda: cluster.copies() == 2 * 90, NOTICED_SECONDS, "two copies of each")


def test_a_node_that_starts_with_a_clock_far_ahead_serves_only_once_it_is_right(nodes, rng):
    cluster, clocks = start_with_clocks(nodes, n2=HOUR)
    second = cluster.members[1]
    wait_until(lambda: ready_names(cluster) == ["n1", "n3"], NOTICED_SECONDS, "the two with right clocks are ready")
    wait_until(lambda: "ahead" in reason(second), NOTICED_SECONDS, "the third says why it is not")
    written = insert_from_every_node(cluster, rng, "w")
    clocks["n2"].shift(0)
    cluster.wait_settled()
    check_everywhere(cluster, written, "w")


def test_a_clock_that_falls_behind(nodes, rng):
    cluster, clocks = start_with_clocks(nodes)
    cluster.wait_formed()
    clocks["n3"].shift(-HOUR)
    wait_until(lambda: "behind" in reason(cluster.members[2]), NOTICED_SECONDS, "the node says that it is behind")
    written = insert_from_every_node(cluster, rng, "w")
    clocks["n3"].shift(0)
    cluster.wait_settled()
    check_everywhere(cluster, written, "w")


def test_of_two_nodes_the_one_ahead_steps_back_and_the_other_serves(nodes, rng):
    cluster, clocks = start_with_clocks(nodes, 2)
    cluster.wait_formed()
    clocks["n1"].shift(HOUR)
    wait_until(lambda: ready_names(cluster) == ["n2"], NOTICED_SECONDS, "only the one behind is ready")
    written = insert_from_every_node(cluster, rng, "w")
    clocks["n1"].shift(0)
    cluster.wait_settled()
    check_everywhere(cluster, written, "w")
