"""A full disk, on a small file system of its own (needs the right to mount one), and no descriptor left."""
import os
import resource
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.contract import contract
from harness.timing import wait_until
from harness.vectors import axis

DISK_MIB, BALLAST_MIB = 24, 10
MIB = 1 << 20


@pytest.fixture
def small_disk():
    folder = Path(tempfile.mkdtemp(prefix="ferro-it-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs",
                              str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


def body(number):
    return {
        "embedding": axis(8, number % 8), "model_id": "m", "response": f"r{number} " + "x" * 50_000,
        "query_text": f"q{number}", "id": f"e{number}"
    }


def fill_to_the_last_record(node, entries: list[str]) -> tuple[set[str], set[str]]:
    """Small entries until none finds room, then deletes until not even their records do: the entries that are left, and
    those that are gone. Each request is answered for what became of it."""
    def refused(response) -> bool:
        assert response.status == 200 or (response.status == 507 and "disk is full" in response.text()), response
        return response.status == 507

    entries = list(entries)
    for number in range(5000):
        small = {**body(number), "id": f"s{number:04}", "response": "r"}
        if refused(node.client.request("POST", "/insert", small)):
            break
        entries.insert(0, small["id"])
    for deleted, entry in enumerate(entries):
        if refused(node.client.request("DELETE", f"/entry/{entry}")):
            return set(entries[deleted:]), set(entries[:deleted])
    raise AssertionError("no delete was refused")


@contract("durable-5: disk full", "status-4: /readyz says why", "error-3: 503 adds Retry-After")
def test_disk_full(nodes, small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(BALLAST_MIB * MIB))
    node = nodes.make(
        {"wal_path": str(small_disk / "data"), "wal.segment_bytes": MIB, "compact_interval_inserts": 0})
    node.data = small_disk / "data"
    node.start()
    acknowledged, refusals = [], []
    for number in range(1000):
        response = node.client.request("POST", "/insert", body(number))
        if response.status == 200:
            acknowledged.append(number)
        else:
            refusals.append(response)
        if len(refusals) == 5:
            break
    assert len(acknowledged) > 50 and len(refusals) == 5
    for response in refusals:
        assert response.status == 507 and response.json()["error"], response
    # The state is told, and queries go on.
    ready = node.client.request("GET", "/readyz")
    assert ready.status == 503 and ready.header("Retry-After") is not None
    assert any(word in ready.text().lower() for word in ("space", "full", "disk")), ready.text()
    assert node.client.request("GET", "/livez").status == 200
    for number in acknowledged[::7]:
        assert node.api.hit(axis(8, 7), "m", query_text=f"q{number}")["response"].startswith(f"r{number} ")
    assert node.client.request("POST", "/insert", body(5000)).status == 507
    left, gone = fill_to_the_last_record(node, [f"e{number}" for number in acknowledged])
    assert all(node.api.has_entry(entry) for entry in left) and not any(node.api.has_entry(entry) for entry in gone)
    # Room again: writing resumes without a restart.
    ballast.unlink()
    wait_until(lambda: node.client.request("POST", "/insert", body(2000)).status == 200, 20,
               "writing has resumed", 0.2)
    wait_until(lambda: node.client.request("GET", "/readyz").status == 200, 20, "ready again", 0.1)
    node.api.call("POST", "/insert", body(2001))
    expected = left | {"e2000", "e2001"}
    for kill in (True, False):
        node.restart(kill=kill)
        missing = [entry for entry in sorted(expected) if not node.api.has_entry(entry)]
        assert not missing, f"acknowledged and lost: {missing}"
        assert not any(node.api.has_entry(entry) for entry in gone | {"e5000"})
    node.stop()


@contract("durable-5: disk full")
def test_an_owner_with_a_full_disk_hides_no_acknowledged_write(nodes, small_disk):
    """The owner that would be read from misses what the other owners took."""
    (small_disk / "ballast").write_bytes(bytes(BALLAST_MIB * MIB))
    three = Cluster(nodes, settings={"wal.segment_bytes": MIB, "compact_interval_inserts": 0})
    full = three.members[2]
    full.settings["wal_path"] = str(small_disk / "data")
    three.start()
    others = three.members[:2]

    def insert(number):
        others[number % 2].api.call("POST", "/insert", {**body(number), "model_id": f"m{number % 40}"})

    count = 0
    while full.client.request("GET", "/readyz").status == 200:
        insert(count)
        count += 1
        assert count < 2000, "the disk did not fill"
    for number in range(count, count + 60):
        insert(number)
    entries = [f"e{number}" for number in range(count + 60)]

    def all_visible():
        return all(node.api.has_entry(entry) for node in three.members for entry in entries[-60:])

    wait_until(all_visible, 30, "every node answers for what was acknowledged", 0.1)
    assert full.client.request("GET", "/readyz").status == 503, "the disk was to stay full"
    (small_disk / "ballast").unlink()
    three.wait_settled()
    assert all(node.api.has_entry(entry) for node in three.members for entry in entries)
    assert three.copies() == 2 * len(entries)
    for node in three.members:
        node.stop()


@contract("durable-5: disk full")
def test_a_full_disk_is_not_told_as_an_owner_out_of_reach(nodes, small_disk):
    """A delete without a namespace asks the owners of all partitions; what they say goes to the client."""
    (small_disk / "ballast").write_bytes(bytes(BALLAST_MIB * MIB))
    settings = {"wal_path": str(small_disk / "data"), "wal.segment_bytes": MIB, "compact_interval_inserts": 0}
    alone = Cluster(nodes, 1, settings).start().members[0]
    # Its drop takes a longer record than the delete of an entry.
    long_name = "n" * 200
    alone.api.call("POST", "/insert", {**body(0), "id": "long", "model_id": long_name})
    acknowledged = 0
    while (status := alone.client.request("POST", "/insert", body(acknowledged)).status) == 200:
        acknowledged += 1
        assert acknowledged < 1000, "the disk did not fill"
    assert status == 507
    left, _ = fill_to_the_last_record(alone, [f"e{number}" for number in range(acknowledged)])
    for target, still_there in ((f"/entry/{min(left)}", min(left)), (f"/namespaces?model_id={long_name}", "long")):
        refused = alone.client.request("DELETE", target)
        assert refused.status == 507 and "disk is full" in refused.text(), refused
        assert alone.api.has_entry(still_there)
    alone.stop()


# The owner that decides answered 507 when it was asked itself, and through another node the next owner took the same.
@contract("durable-5: a full disk of one node refuses nothing that another owner takes")
def test_inserts_through_the_node_whose_disk_is_full_go_to_the_next_owner(nodes, small_disk):
    three = Cluster(nodes, settings={"wal.segment_bytes": MIB, "compact_interval_inserts": 0})
    full = three.members[0]
    full.settings["wal_path"] = str(small_disk / "data")
    full.data = small_disk / "data"
    three.start()
    (small_disk / "ballast").write_bytes(bytes(BALLAST_MIB * MIB))
    refused_at = None
    for number in range(1000):
        response = full.client.request("POST", "/insert", {**body(number), "model_id": f"m{number % 24}"})
        assert response.status == 200, (number, response.text())
        if refused_at is None and full.client.request("GET", "/readyz").status == 503:
            refused_at = number
        if refused_at is not None and number == refused_at + 100:
            break
    assert refused_at is not None, "the disk did not fill"
    for node in three.members[1:]:
        assert all(node.api.has_entry(f"e{number}") for number in range(refused_at - 20, refused_at + 100))
    for node in three.members:
        node.stop()


@contract("durable-5: a full disk during compaction harms nothing")
def test_disk_full_while_compacting(nodes, small_disk):
    node = nodes.make(
        {"wal_path": str(small_disk / "data"), "wal.segment_bytes": MIB, "compact_interval_inserts": 0})
    node.data = small_disk / "data"
    node.start()
    for number in range(150):
        node.api.call("POST", "/insert", body(number))
    free = DISK_MIB * MIB - sum(path.stat().st_size for path in node.data.rglob("*"))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(max(0, free - 2 * MIB)))
    response = node.client.request("POST", "/admin/compact")
    assert response.status in (500, 503, 507), response
    assert all(node.api.has_entry(f"e{number}") for number in range(0, 150, 11))
    ballast.unlink()
    assert wait_until(lambda: node.client.request("POST", "/admin/compact").status == 200, 20,
                      "compacting works", 0.2)
    node.restart(kill=True)
    assert all(node.api.has_entry(f"e{number}") for number in range(150))
    node.stop()


@contract("durable-5: no room at the start is said")
def test_no_room_at_start(nodes, small_disk):
    with open(small_disk / "ballast", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    node = nodes.make({"wal_path": str(small_disk / "data")})
    said = node.expect_refused_start()
    assert "space" in said.lower(), said


@contract("status-4: /readyz says why", "error-3: 503 adds Retry-After")
def test_no_descriptor_for_the_next_log_segment_refuses_writes_until_there_is_one(nodes):
    node = nodes.make({"wal.segment_bytes": MIB, "compact_interval_inserts": 0}).start()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = {int(name) for name in os.listdir(f"/proc/{node.process.pid}/fd")}
    lowest_free = min(set(range(len(open_now) + 1)) - open_now)
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (lowest_free, hard))
    acknowledged, refused = [], None
    for number in range(200):
        response = node.client.request("POST", "/insert", body(number))
        if response.status != 200:
            refused = response
            break
        acknowledged.append(number)
    assert refused is not None and len(acknowledged) > 10
    assert refused.status == 503 and refused.header("Retry-After") is not None, refused
    ready = node.client.request("GET", "/readyz")
    assert ready.status == 503 and "open files" in ready.text(), ready.text()
    assert node.client.request("POST", "/admin/compact", {}).status == 503
    assert node.api.hit(axis(8, 7), "m", query_text="q3")["response"].startswith("r3 ")
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    wait_until(lambda: node.client.request("GET", "/readyz").status == 200, 20, "ready again", 0.1)
    for number in range(300, 340):
        node.api.call("POST", "/insert", body(number))
        acknowledged.append(number)
    node.restart(kill=True)
    missing = [number for number in acknowledged if not node.api.has_entry(f"e{number}")]
    assert not missing, f"acknowledged and lost: {missing}"
    node.stop()
