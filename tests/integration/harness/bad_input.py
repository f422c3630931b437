"""The check that follows every bad request: the server goes on as before."""
from .node import Node

CANARY_MODEL = "canary::4"
CANARY_VECTOR = [0.1, 0.2, 0.3, 0.4]


class Canary:
    """An entry that must stay and answer, a count that must not move, a process that must not change."""
    def __init__(self, node: Node):
        self.node, self.process = node, node.process.pid
        self.id = node.api.insert(CANARY_VECTOR, CANARY_MODEL, "still here", "canary", id="canary")
        self.entry_count = node.api.health()["entry_count"]

    def check(self) -> None:
        assert self.node.is_running() and self.node.process.pid == self.process, self.node.log()
        answer = self.node.api.hit(CANARY_VECTOR, CANARY_MODEL)
        assert (answer["id"], answer["response"]) == (self.id, "still here")
        assert self.node.api.health()["entry_count"] == self.entry_count
        assert self.node.api.call("GET", "/readyz").status == 200
