"""kill -9 under load, again and again: what was acknowledged holds, whatever the moment."""
import threading
import time

import pytest

from harness.contract import contract
from harness.http import ConnectionClosed
from harness.timing import scaled, wait_until
from harness.vectors import axis, make_rng

ROUNDS, WORKERS, KEYS = 8, 4, 25
GONE = None


class Worker:
    """Writes its own keys one operation at a time and remembers what each may hold: what was acknowledged
    last, and what was on its way when the node died."""
    def __init__(self, number: int, rng):
        self.number, self.rng = number, rng
        self.acknowledged = {f"w{number}-{key}": GONE for key in range(KEYS)}
        self.in_flight: tuple[str, str | None] | None = None
        self.operations = 0
        self.problem: BaseException | None = None

    def run(self, api, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self.step(api)
        except (OSError, ConnectionClosed):
            pass  # the node was killed
        except BaseException as problem:  # noqa: B036  (shown by the test's own thread)
            self.problem = problem

    def step(self, api) -> None:
        key = self.rng.choice(list(self.acknowledged))
        self.operations += 1
        value = GONE if self.acknowledged[key] and self.rng.random() < 0.35 else f"{key}#{self.operations}"
        self.in_flight = (key, value)
        if value is GONE:
            api.delete(key)
        elif self.rng.random() < 0.2:
            api.insert_many([self.body(key, value)])
        else:
            api.call("POST", "/insert", self.body(key, value))
        self.acknowledged[key] = value
        self.in_flight = None

    def body(self, key: str, value: str) -> dict:
        return {
            "embedding": axis(8, self.number), "model_id": f"m{self.number}", "response": value,
            "query_text": key, "id": key, "tags": ["t"], "attributes": {"value": value}
        }

    def verify(self, api) -> None:
        """Every key holds what was acknowledged or what was in flight; that it must hold from now on."""
        for key, value in self.acknowledged.items():
            allowed = {value
                       } | ({self.in_flight[1]} if self.in_flight and self.in_flight[0] == key else set())
            response = api.call("GET", f"/entry/{key}", expect=(200, 404))
            found = response.json()["response"] if response.status == 200 else GONE
            assert found in allowed, f"{key}: found {found}, acknowledged {value}, in flight {self.in_flight}"
            self.acknowledged[key] = found
            asked = api.query(axis(8, 7), f"m{self.number}", query_text=key)
            assert asked.get("response") == found, f"{key}: the exact match says {asked}"
        self.in_flight = None


@contract("durable-1: after kill -9 every acknowledged insert, replace and delete holds",
          "insert-3: durable when answered")
@pytest.mark.parametrize(
    "settings",
    [{"compact_interval_inserts": 0}, {"compact_interval_inserts": 40, "wal.segment_bytes": 1 << 20}],
    ids=["log only", "with snapshots"])
def test_kill_loop(nodes, settings):
    rng = make_rng()
    workers = [Worker(number, type(rng)(rng.random())) for number in range(WORKERS)]
    node = nodes.make(settings)
    for round_number in range(ROUNDS):
        node.start()
        for worker in workers:
            worker.verify(node.api)
        live = sum(value is not GONE for worker in workers for value in worker.acknowledged.values())
        assert node.api.health()["entry_count"] == live, f"round {round_number}"
        before = sum(worker.operations for worker in workers)
        stop = threading.Event()
        threads = [
            threading.Thread(target=worker.run, args=(node.api.with_token(None), stop)) for worker in workers
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + scaled(rng.uniform(0.1, 0.6))

        def over(before=before, end=end, threads=threads):
            """After that time, and on a slow disk not before something was done."""
            done = sum(worker.operations for worker in workers) - before
            return (time.monotonic() > end and done > WORKERS) or not all(thread.is_alive() for thread in threads)

        wait_until(over, 60, "the round has done something", interval=0.005)
        node.kill()
        stop.set()
        for thread in threads:
            thread.join()
        problems = [worker.problem for worker in workers if worker.problem]
        assert not problems, problems
        assert sum(worker.operations for worker in workers) > before + WORKERS, "the round has done something"
    node.start()
    for worker in workers:
        worker.verify(node.api)


@contract("durable-1: a kill while starting loses nothing")
def test_kill_while_starting(nodes, rng):
    node = nodes.start({"wal.segment_bytes": 1 << 20})
    ids = [node.api.insert(axis(8, n % 8), "m", "x" * 20_000, id=f"e{n}") for n in range(150)]
    node.kill()
    for _ in range(10):
        node.start(wait_ready=False)
        end = time.monotonic() + rng.uniform(0.0, 0.1)
        while time.monotonic() < end:
            time.sleep(0.002)
        node.kill()
    node.start()
    assert all(node.api.has_entry(entry_id) for entry_id in ids) and node.api.health()["entry_count"] == 150


@contract("durable-1: a clean stop loses nothing either, and every field survives")
@pytest.mark.parametrize("compact", [False, True], ids=["log", "snapshot"])
@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "kill -9"])
def test_every_field_survives(nodes, compact, kill):
    node = nodes.start()
    odd = {
        "id": "!~", "tags": ["é", "b"], "attributes": {"k": "v\u0000", "l": ""}, "cost": 0.1,
        "ttl_seconds": 9999
    }
    node.api.insert([1e-30, 2e-30], "model::2", "text \u0000 é 😀" * 100, " Question\u3000? ", **odd)
    node.api.insert([1.0, 2.0], "model::2", "", "", id="plain")
    node.api.insert([3.0], "model::1", "r", "q", id="talk", cache_scope="ü:%", conversation_id="c::1")
    names = {
        "!~": {}, "plain": {},
        "talk": {"cache_scope": "ü:%", "conversation_id": "c::1", "model_id": "model::1"}
    }
    before = {
        entry_id: node.api.entry(entry_id, vector="true", **fields)
        for entry_id, fields in names.items()
    }
    if compact:
        node.api.compact()
    for _ in range(2):
        node.restart(kill=kill)
        after = {
            entry_id: node.api.entry(entry_id, vector="true", **fields)
            for entry_id, fields in names.items()
        }
        for entry_id, entry in before.items():
            kept = {k: v for k, v in after[entry_id].items() if k not in ("access_count", "last_accessed_at")}
            assert kept == {k: v for k, v in entry.items() if k not in ("access_count", "last_accessed_at")}
        assert node.api.hit([5.0, 5.0], "model::2", query_text="question ?")["id"] == "!~"
        assert node.api.invalidate(tags=["é"], dry_run=True)["uuids"] == ["!~"]
        assert node.api.hit([1.0], "model::1", cache_scope="ü:%",
                            conversation_id="c::1")["scope"] == "conversation"
        assert node.api.hit([1.0, 2.0], "model::2", threshold=1.0, attributes={"k": "v\u0000"})["id"] == "!~"


@contract("durable-1: the newest still wins and order survives a restart", "exact-5: newest wins")
@pytest.mark.parametrize("compact", [False, True], ids=["log", "snapshot"])
def test_order_survives(nodes, compact):
    node = nodes.start()
    for number in range(6):
        node.api.insert(axis(8, number), "m", f"r{number}", "same text", id=f"e{number}")
    node.api.insert(axis(8, 2), "m", "r2 again", "same text", id="e2")
    if compact:
        node.api.compact()
    node.restart(kill=True)
    for wanted in ("r2 again", "r5", "r4", "r3", "r1", "r0"):
        answer = node.api.hit(axis(8, 7), "m", query_text="same text")
        assert answer["response"] == wanted
        node.api.delete(answer["id"])
