"""What the cache has acknowledged, so that it can be held to it."""

import random
import threading

DIMENSION = 16
MODEL = f"e2e::{DIMENSION}"
SCOPES = 24  # enough namespaces for every node to own some

LIVE, DELETED, UNKNOWN = "live", "deleted", "unknown"


class Entry:
    __slots__ = ("id", "scope", "state", "busy")

    def __init__(self, identity, scope):
        self.id, self.scope, self.state, self.busy = identity, scope, UNKNOWN, True

    @property
    def response(self):
        return f"the answer to {self.id}"

    def vector(self):
        """Random by the id: of 16 dimensions, so two of them are as good as never alike."""
        source = random.Random(self.id)
        return [round(source.gauss(0, 1), 6) for _ in range(DIMENSION)]

    def place(self):
        return {"model_id": MODEL, "cache_scope": self.scope}


class Ledger:
    """Entries by what is known of them. An entry that a request is changing just now is busy and asked by nobody else."""

    def __init__(self, seed):
        self.lock, self.random = threading.Lock(), random.Random(seed)
        self.seed, self.made, self.entries, self.live = seed, 0, [], []

    def new(self):
        with self.lock:
            self.made += 1
            entry = Entry(f"{self.seed}-{self.made}", f"tenant-{self.random.randrange(SCOPES)}")
            self.entries.append(entry)
            return entry

    def settle(self, entry, state):
        with self.lock:
            entry.state, entry.busy = state, False
            if state == LIVE:
                self.live.append(entry)

    def any_live(self):
        """A live entry to ask for; somebody may delete it meanwhile, which still_live() tells afterwards."""
        with self.lock:
            return self.random.choice(self.live) if self.live else None

    def still_live(self, entry):
        with self.lock:
            return entry.state == LIVE and not entry.busy

    def take_to_delete(self):
        with self.lock:
            if len(self.live) < 20:
                return None
            entry = self.live.pop(self.random.randrange(len(self.live)))
            entry.busy = True
            return entry

    def choose(self):
        with self.lock:
            return self.random.random()

    def counts(self):
        with self.lock:
            found = {LIVE: 0, DELETED: 0, UNKNOWN: 0}
            for entry in self.entries:
                if not entry.busy:
                    found[entry.state] += 1
            return found

    def settled(self):
        with self.lock:
            return [entry for entry in self.entries if not entry.busy]
