"""What a cluster has acknowledged, and what must therefore be found when all is well again."""
import itertools
import threading
import time
from dataclasses import dataclass, field

from .http import Client, ConnectionClosed
from .node import Node
from .timing import wait_for_instant
from .vectors import axis

DIMENSION = 8
REPLACE_EVERY, DELETE_EVERY = 3, 5
# Two owners that cannot hear each other order their writes by their clocks alone, to a millisecond: so far apart are two
# requests for one entry.
APART_SECONDS = 0.002


@dataclass
class Entry:
    """One id, written by one thread, one request after the other. `possible`: the answers that it may have now; None is
    no entry. What got no answer may or may not have happened, now or (in time) never."""
    model: str
    possible: set = field(default_factory=lambda: {None})

    def acknowledged(self, response) -> None:
        self.possible = {response}

    def uncertain(self, response) -> None:
        self.possible |= {response}


class Ledger:
    """Writers that go on until told to stop, each through all nodes in turn, and what they were told."""
    def __init__(self, nodes: list[Node], writers: int = 3):
        self.entries: dict[str, Entry] = {}
        self.accepted = self.failed = 0
        self.statuses: dict[int, int] = {}
        self._nodes, self._stop, self._lock = nodes, threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._write, args=(number, )) for number in range(writers)]

    def __enter__(self) -> "Ledger":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int) -> None:
        clients = itertools.cycle([node.make_client("127.0.0.1") for node in self._nodes])
        for number in itertools.count():
            if self._stop.is_set():
                return
            entry_id = f"w{writer}-{number}"
            entry = Entry(f"ledger.{number % 50}::{DIMENSION}")
            with self._lock:
                self.entries[entry_id] = entry
            self._put(next(clients), entry_id, entry, "first")
            if number % REPLACE_EVERY == 0:
                self._put(next(clients), entry_id, entry, "second")
            if number % DELETE_EVERY == 0:
                self._delete(next(clients), entry_id, entry)

    def _put(self, client: Client, entry_id: str, entry: Entry, response: str) -> None:
        body = {"embedding": axis(DIMENSION, 0), "model_id": entry.model, "response": response, "query_text": entry_id,
                "id": entry_id}
        if self._send(client, "POST", "/insert", body) == 200:
            entry.acknowledged(response)
        else:
            entry.uncertain(response)

    def _delete(self, client: Client, entry_id: str, entry: Entry) -> None:
        # On the smaller side of a cut an entry may be unknown: 404 there says nothing about the other side.
        if self._send(client, "DELETE", f"/entry/{entry_id}?model_id={entry.model.replace(':', '%3A')}", None) == 200:
            entry.acknowledged(None)
        else:
            entry.uncertain(None)

    def _send(self, client: Client, method: str, target: str, body) -> int:
        wait_for_instant(time.time() + APART_SECONDS)
        try:
            status = client.request(method, target, body).status
        except (OSError, ConnectionClosed):
            status = 0
        with self._lock:
            self.accepted += status == 200
            self.failed += status not in (200, 404)
            self.statuses[status] = self.statuses.get(status, 0) + 1
        return status

    def wrong(self, node: Node) -> list[str]:
        """Where the node, asked after everything has settled, contradicts what was acknowledged."""
        problems = []
        for entry_id, entry in self.entries.items():
            response = node.api.call("GET", f"/entry/{entry_id}?model_id={entry.model.replace(':', '%3A')}",
                                     expect=(200, 404))
            found = response.json()["response"] if response.status == 200 else None
            if found not in entry.possible:
                problems.append(f"{node.name}: {entry_id} has {found!r}, possible are {entry.possible}")
        return problems
