"""Compaction and the most-read entries."""
import threading

from harness.contract import contract
from harness.timing import wait_until
from harness.vectors import axis, random_unit


def folder_bytes(folder) -> int:
    """What the files hold on disk; preallocated files count too, so callers compare loosely."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contract("admin-1: the answer of compact")
def test_compact(nodes, rng):
    node = nodes.start()
    assert node.api.compact()["entries_snapshotted"] == 0
    ids = [node.api.insert(random_unit(rng, 8), "m", f"r{n}", conversation_id=f"c{n % 5}") for n in range(60)]
    for entry_id in ids[:10]:
        node.api.delete(entry_id)
    answer = node.api.compact()
    assert answer["status"] == "ok" and answer["entries_snapshotted"] == 50
    assert isinstance(answer["wal_sequence"], int) and answer["wal_sequence"] >= 70
    for kill in (True, False):
        node.restart(kill=kill)
        assert node.api.health()["entry_count"] == 50
        assert [node.api.has_entry(entry_id) for entry_id in ids] == [False] * 10 + [True] * 50


@contract("admin-3: the share of dead entries, and that a compaction takes it away")
def test_dead_entries(nodes, rng):
    node = nodes.start({"compact_interval_inserts": 0})

    def dead() -> int:
        return node.api.call("GET", "/cluster/status").json()["dead_entries"]

    ids = [node.api.insert(random_unit(rng, 8), "m", "r") for _ in range(20)]
    assert dead() == 0
    node.api.compact()
    for entry_id in ids[:5]:
        node.api.delete(entry_id)
    assert dead() == 5
    node.restart(kill=True)
    assert dead() >= 5  # what was deleted is still in the log, as is its removal
    node.api.compact()
    assert dead() == 0
    node.restart(kill=True)
    assert dead() == 0


@contract("admin-3: the log behind the snapshot is dropped")
def test_compact_drops_the_log(nodes):
    """The same entry is replaced until 40 MB were logged; after compacting little may be left."""
    node = nodes.start({"wal.segment_bytes": 1 << 20, "compact_interval_inserts": 0})
    for number in range(80):
        node.api.insert(axis(8, 0), "m", f"{number}" + "x" * 500_000, id="x")
    full = folder_bytes(node.data)
    assert full > 40_000_000
    node.api.compact()
    node.api.compact()
    assert folder_bytes(node.data) < full / 3
    node.restart(kill=True)
    assert node.api.hit(axis(8, 0), "m")["response"].startswith("79x")


@contract("admin-3: compaction happens by itself every compact_interval_inserts")
def test_compaction_by_count(nodes, rng):
    node = nodes.start({"compact_interval_inserts": 200})
    items = [{"embedding": random_unit(rng, 8), "model_id": "m", "response": "r", "query_text": ""}
             for _ in range(1000)]
    for begin in range(0, 1000, 100):
        node.api.insert_many(items[begin:begin + 100])
    wait_until(lambda: node.api.stats()["counters"]["compactions"] >= 1, 20, "a compaction has happened")
    node.restart(kill=True)
    assert node.api.health()["entry_count"] == 1000


@contract("admin-2: beside traffic; a second call joins")
def test_compact_beside_traffic(nodes, rng):
    node = nodes.start({"wal.segment_bytes": 1 << 20})
    node.api.insert_many(
        [{"embedding": random_unit(rng, 32), "model_id": "m", "response": "r" * 200, "query_text": f"q{n}"}
         for n in range(4000)])
    written, answers, problems, done = [], [], [], threading.Event()

    def traffic(worker):
        api, number = node.api.with_token(None), 0
        while not done.is_set():
            entry_id = f"w{worker}-{number}"
            api.insert(axis(8, worker), f"w{worker}", entry_id, entry_id, id=entry_id)
            written.append(entry_id)
            if api.query(axis(8, worker), f"w{worker}", query_text=entry_id).get("response") != entry_id:
                problems.append(entry_id)
            number += 1

    threads = [threading.Thread(target=traffic, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        joined = [
            threading.Thread(target=lambda: answers.append(node.api.with_token(None).compact()))
            for _ in range(3)
        ]
        for thread in joined:
            thread.start()
        for thread in joined:
            thread.join()
    done.set()
    for thread in threads:
        thread.join()
    assert not problems and len(answers) == 12 and len(written) > 10
    assert all(answer["status"] == "ok" and answer["entries_snapshotted"] >= 4000 for answer in answers)
    node.restart(kill=True)
    assert node.api.health()["entry_count"] == 4000 + len(written)
    assert all(node.api.has_entry(entry_id) for entry_id in written)


@contract("admin-4: the ten most read, with a short preview")
def test_entry_stats(api, model):
    reads = {}
    long_text = "ä" * 80
    for number in range(15):
        entry_id = api.insert(axis(16, number), model, "r", f"{number:02} {long_text}")
        reads[entry_id] = number
        for _ in range(number):
            api.hit(axis(16, number), model)
    rows = api.call("GET", "/admin/entry-stats").json()["namespaces"][model]
    assert [row["uuid"]
            for row in rows] == [i for i, _ in sorted(reads.items(), key=lambda item: -item[1])[:10]]
    assert [row["access_count"] for row in rows] == list(range(14, 4, -1))
    for row in rows:
        assert row["last_accessed_at"] > 1_600_000_000
        assert len(row["query_text_preview"]) <= 50
        assert row["query_text_preview"].startswith(f"{reads[row['uuid']]:02} ääää")
