"""Many threads at once. Each keeps a model of its own entries, in namespaces that all share."""
import random
import threading

from harness.contract import contract
from harness.vectors import axis, make_rng, random_unit

WORKERS, STEPS = 8, 120
SHARED = ("shared::64", {}), ("shared::64", {"cache_scope": "tenant"}), ("shared::64",
                                                                         {"conversation_id": "7"})


class Worker:
    """Owns the ids and the texts that carry its number; checks every answer against what it did."""
    def __init__(self, number: int, api, seed: float):
        self.number, self.api, self.rng = number, api, random.Random(seed)
        self.entries: dict[tuple[str, int], tuple[str, list[float]]] = {}  # (id, place) -> (response, vector)
        self.problems: list[str] = []

    def run(self, steps: int) -> None:
        try:
            for step in range(steps):
                self.step(step)
        except Exception as problem:  # noqa: BLE001  (reported by the test)
            self.problems.append(repr(problem))

    def step(self, step: int) -> None:
        place = self.rng.randrange(len(SHARED))
        model, names = SHARED[place]
        entry_id = f"w{self.number}-{self.rng.randrange(12)}"
        known = self.entries.get((entry_id, place))
        action = self.rng.random()
        if known is None or action < 0.3:
            vector, response = random_unit(self.rng, 64), f"{entry_id}@{step}"
            self.api.insert(vector, model, response, f"text of {entry_id} in {place}", id=entry_id, **names)
            self.entries[entry_id, place] = (response, vector)
        elif action < 0.45:
            self.api.delete(entry_id, model_id=model, **names)
            del self.entries[entry_id, place]
            self.expect(entry_id, place, None)
        else:
            self.expect(entry_id, place, known)

    def expect(self, entry_id: str, place: int, known) -> None:
        """By vector, by text and by id: what this worker wrote, and nothing of anybody else."""
        model, names = SHARED[place]
        text = f"TEXT of  {entry_id} in {place}"
        by_text = self.api.query(axis(64, 63), model, query_text=text, threshold=1.0, **names)
        if known is None:
            if by_text.get("id") == entry_id:
                self.problems.append(f"{entry_id} was deleted and answers {by_text}")
            return
        response, vector = known
        by_vector = self.api.query(vector, model, threshold=0.999, **names)
        read = self.api.entry(entry_id, model_id=model, **names)
        for answer in (by_text, by_vector, read):
            if answer.get("response") != response or answer.get("id") != entry_id:
                self.problems.append(f"{entry_id}@{place}: wanted {response}, got {answer}")


@contract("process-4: many threads keep their meaning", "insert-2: visible at once")
def test_many_threads(nodes):
    rng = make_rng()
    node = nodes.start({"compact_interval_inserts": 100})
    workers = [Worker(number, node.api.with_token(None), rng.random()) for number in range(WORKERS)]
    threads = [threading.Thread(target=worker.run, args=(STEPS,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    problems = [problem for worker in workers for problem in worker.problems]
    assert not problems, problems[:5]
    for _ in range(2):
        for worker in workers:
            worker.api = node.api
            for (entry_id, place), known in worker.entries.items():
                worker.expect(entry_id, place, known)
            assert not worker.problems, worker.problems[:5]
        assert node.api.health()["entry_count"] == sum(len(worker.entries) for worker in workers)
        node.restart(kill=True)


@contract("process-4: many threads writing one id leave one whole entry")
def test_one_id_from_many_threads(node, model):
    def write(worker):
        api = node.api.with_token(None)
        for number in range(40):
            value = f"{worker}-{number}"
            api.insert(axis(8, worker), model, value, f"q {value}", id="x", attributes={"v": value})

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entry = node.api.entry("x", model_id=model, vector="true")
    worker = int(entry["response"].split("-")[0])
    assert entry["attributes"] == {"v": entry["response"]} and entry["query_text"] == f"q {entry['response']}"
    assert entry["embedding"] == axis(8, worker)
    matches = [
        node.api.query(axis(8, axis_number), model, top_k=10, threshold=0.5)["matches"]
        for axis_number in range(8)
    ]
    assert [len(found) for found in matches] == [1 if number == worker else 0 for number in range(8)]


@contract("process-4: dropping, invalidating and inserting at once",
          "inval-1: counts agree with what is gone")
def test_invalidate_beside_inserts(node, model):
    """Every acknowledged entry is removed by exactly one invalidation."""
    inserted, removed, done = [], [], threading.Event()

    def insert(worker):
        api = node.api.with_token(None)
        for number in range(100):
            inserted.append(api.insert(axis(8, worker), model, tags=[model]))

    def invalidate():
        api = node.api.with_token(None)
        while not done.is_set():
            removed.extend(api.invalidate(tags=[model])["uuids"])

    writers = [threading.Thread(target=insert, args=(worker,)) for worker in range(3)]
    removers = [threading.Thread(target=invalidate) for _ in range(2)]
    for thread in writers + removers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in removers:
        thread.join()
    removed.extend(node.api.invalidate(tags=[model])["uuids"])
    assert len(removed) == len(set(removed)), "an entry was reported as removed twice"
    assert sorted(removed) == sorted(inserted)
