"""Several ferrocached processes on loopback that form one cluster."""
import itertools
import threading
import time

from .http import Client, ConnectionClosed
from .node import HOST, Node
from .ports import free_port
from .timing import wait_until

FORM_SECONDS = 30.0
SETTLE_SECONDS = 60.0

# Faster than the defaults, so that tests need not wait: death after about two seconds, repair every two.
FAST = {
    "cluster.gossip_interval_ms": 100, "cluster.repair_interval_seconds": 2, "cluster.re_replicate_after_seconds": 3
}


class Cluster:
    """Made by the `cluster` fixture. Nodes are called n1, n2, ...; each knows the first ones as seeds."""
    def __init__(self, nodes, count: int = 3, settings: dict | None = None, tls=None):
        self._nodes, self.settings = nodes, {**FAST, **(settings or {})}
        self.tls = tls  # a function: node name -> its three cluster.tls paths
        self.members: list[Node] = []
        self.gossip_ports: list[int] = []
        self._numbers = itertools.count(1)
        for _ in range(count):
            self.add()

    def add(self) -> Node:
        """A node that is configured but not started."""
        name, port = f"n{next(self._numbers)}", free_port()
        seeds = [f"{HOST}:{seed}" for seed in (self.gossip_ports or [port])[:3]]
        settings = {
            "node_id": name, "cluster.enabled": "true", "cluster.gossip_addr": f"{HOST}:{port}",
            "cluster.seed_nodes": ",".join(seeds), **self.settings
        }
        if self.tls:
            settings |= self.tls(name)
        node = self._nodes.make(settings)
        node.name = name
        self.members.append(node)
        self.gossip_ports.append(port)
        return node

    def start(self) -> "Cluster":
        """All at once, until they are one ring and ready."""
        for node in self.members:
            node.start(wait_ready=False)
        self.wait_formed()
        return self

    def running(self) -> list[Node]:
        return [node for node in self.members if node.is_running()]

    def status(self, node: Node) -> dict:
        return node.api.call("GET", "/cluster/status").json()

    def wait_formed(self, seconds: float = FORM_SECONDS) -> None:
        """Every running node is ready and sees exactly the running ones in one unchanging ring."""
        names = sorted(node.name for node in self.running())

        def formed():
            rings = set()
            for node in self.running():
                if not is_ready(node):
                    return False
                status = self.status(node)
                if sorted(status["nodes"]) != names or status["ring_size"] != len(names):
                    return False
                rings.add((status["ring"]["epoch"], status["ring"]["fingerprint"], status["ring"]["changing"]))
            return len(rings) == 1 and not rings.pop()[2]

        wait_until(formed, seconds, f"the cluster of {names} has formed", interval=0.1)

    def wait_settled(self, seconds: float = SETTLE_SECONDS) -> None:
        """Formed, and all copies in step: nothing on its way, no hints, every partition compared."""
        self.wait_formed(seconds)

        def settled():
            for node in self.running():
                status = self.status(node)
                if status["replication"]["hints"] or status["partitions_out_of_step"] or status["partitions_uncompared"]:
                    return False
                if status["hand_over"]["running"] or status["catch_up"]["running"]:
                    return False
            return True

        wait_until(settled, seconds, "all copies are in step", interval=0.1)

    def copies(self) -> int:
        return sum(node.api.health()["entry_count"] for node in self.running())

    def holders(self, entry_id: str, **parameters) -> list[str]:
        """Names of the running nodes that hold the entry themselves."""
        held = []
        for node in self.running():
            response = node.api.call("GET", f"/internal/entry/{entry_id}", expect=(200, 404), **parameters)
            if response.status == 200:
                held.append(node.name)
        return held


def is_ready(node: Node) -> bool:
    try:
        return node.client.request("GET", "/readyz").status == 200
    except (OSError, ConnectionClosed):
        return False


class Load:
    """Queries (and inserts) that go on in the background while something happens to the cluster. Every answer
    is kept as (start, seconds, status, node); a connection that broke has status 0."""
    def __init__(self, nodes: list[Node], make_request, threads: int = 2):
        self.answers: list[tuple[float, float, int, str, object]] = []
        self._nodes, self._make_request = nodes, make_request
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(i, )) for i in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        clients = {node.name: Client(HOST, node.port, node.token) for node in self._nodes}
        for round_number in itertools.count():
            if self._stop.is_set():
                break
            node = self._nodes[(round_number + number) % len(self._nodes)]
            if not node.is_running():
                continue
            method, target, body, what = self._make_request(number, round_number)
            started = time.monotonic()
            try:
                status = clients[node.name].request(method, target, body).status
            except (OSError, ConnectionClosed):
                status = 0
            with self._lock:
                self.answers.append((started, time.monotonic() - started, status, node.name, what))
        for client in clients.values():
            client.disconnect()

    def failed(self) -> list[tuple]:
        return [answer for answer in self.answers if answer[2] != 200]

