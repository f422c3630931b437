"""A cluster that a test takes for one node: every request and connection goes to the next of its members."""
import itertools

from .api import Api
from .cluster import Cluster
from .http import Connection, Response


class AnyClient:
    """As Client, towards all members in turn. Thread-safe."""
    def __init__(self, clients: list):
        self._clients, self._turn = clients, itertools.count()
        self.host, self.port, self.tls = clients[0].host, clients[0].port, clients[0].tls
        self.token = clients[0].token

    def _next(self):
        return self._clients[next(self._turn) % len(self._clients)]

    def connect(self, timeout: float | None = None) -> Connection:
        return self._next().connect(timeout)

    def disconnect(self) -> None:
        for client in self._clients:
            client.disconnect()

    def request(self, method: str, target: str, body=None, headers: dict[str, str] | None = None) -> Response:
        return self._next().request(method, target, body, headers)

    def with_token(self, token: str | None) -> "AnyClient":
        return AnyClient([client.with_token(token) for client in self._clients])


class AnyApi(Api):
    """Where one node counts its entries, this counts those of the cluster, copies once."""
    def health(self) -> dict:
        return {**super().health(), "entry_count": super().stats()["cluster_entry_count"]}

    def stats(self) -> dict:
        stats = super().stats()
        return {**stats, "entry_count": stats["cluster_entry_count"]}

    def with_token(self, token: str | None) -> "AnyApi":
        return AnyApi(self.client.with_token(token))


class AnyNode:
    """Lives and dies as a whole; what a single node shows of itself is that of the first member."""
    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self._first = cluster.members[0]
        self.folder, self.data, self.settings = self._first.folder, self._first.data, self._first.settings
        self.token = self._first.token
        self._connect()

    def _connect(self) -> None:
        self.client = AnyClient([node.client for node in self.cluster.members])
        self.api = AnyApi(self.client)
        self.port, self.process = self._first.port, self._first.process

    def stop(self) -> None:
        running = self.cluster.running()
        for node in running:
            node.ask_to_stop()
        for node in running:
            node.check_stopped()

    def kill(self) -> None:
        for node in self.cluster.running():
            node.kill()

    def start(self) -> "AnyNode":
        self.cluster.start()
        self._connect()
        return self

    def restart(self, kill: bool = False) -> "AnyNode":
        self.kill() if kill else self.stop()
        return self.start()

    def is_running(self) -> bool:
        return len(self.cluster.running()) == len(self.cluster.members)

    def log(self) -> str:
        return "\n".join(node.log() for node in self.cluster.members)
