"""Alerts fired by their faults: a full disk, no memory, a wrong clock, questions that stop hitting. Others: test_dashboards.py."""
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.clock import ShiftedClock
from harness.cluster import Cluster, Load
from harness.timing import wait_until
from harness.vectors import axis, random_unit

FIRE_SECONDS = 150.0  # a few seconds, unless the machine is busy


@pytest.fixture
def small_disk():
    folder = Path(tempfile.mkdtemp(prefix="ferro-it-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, text=True,
                             check=False)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # its node may still be there after a failure
    folder.rmdir()


def until(server, alerts: set, what: str):
    wait_until(lambda: alerts <= server.firing(), FIRE_SECONDS, f"{alerts} fire: {what}", interval=0.5)


def test_full_nodes_fire_their_alerts(nodes, prometheus, small_disk, rng):
    """One node has next to no disk, another next to no memory for what is stored."""
    full = nodes.make({"wal_path": str(small_disk / "data"), "wal.segment_bytes": 1 << 20})
    crowded = nodes.make({"memory.max_bytes": 16 << 20})
    for node, name in ((full, "full"), (crowded, "crowded")):
        node.name = name
        node.start()
    server = prometheus([full, crowded], speed_up=True)

    def stores(_thread, _number):
        body = {"embedding": random_unit(rng, 64), "model_id": "m::64", "response": "r" * 20_000, "query_text": ""}
        return "POST", "/insert", body, ""

    with Load([crowded], stores):
        until(server, {"FerroCacheMemoryAtBudget"}, "more is stored than there is memory for")
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - (1 << 20)))
    # Of that node: the disk of whoever runs this may be as full, and is the other one's.
    wait_until(lambda: "FerroCacheDiskFilling" in server.firing(node="full"), FIRE_SECONDS, "a twentieth of the disk is free",
               interval=0.5)
    (small_disk / "ballast").unlink()
    wait_until(lambda: "FerroCacheDiskFilling" not in server.firing(node="full"), FIRE_SECONDS, "there is room again",
               interval=0.5)


def test_a_wrong_clock_fires_its_alerts(nodes, prometheus):
    three, clocks = Cluster(nodes, 3), {}
    for node in three.members:
        clocks[node.name] = ShiftedClock(node.folder / "clock")
        node.environment = clocks[node.name].environment
    three.start()
    server = prometheus(three.members, speed_up=True)
    clocks["n2"].shift(15)
    until(server, {"FerroCacheClockSkew"}, "15 s ahead")
    clocks["n2"].shift(3600)
    until(server, {"FerroCacheClockSkew", "FerroCacheNotReady"}, "an hour ahead")
    not_ready = server.query('ALERTS{alertname="FerroCacheNotReady",alertstate="firing"}')
    assert [series["metric"]["node"] for series in not_ready] == ["n2"]
    clocks["n2"].shift(0)
    wait_until(lambda: not {"FerroCacheClockSkew", "FerroCacheNotReady"} & server.firing(), FIRE_SECONDS,
               "the clock is right again", interval=0.5)


def test_questions_that_stop_hitting_fire_their_alert(nodes, prometheus, rng):
    node = nodes.make()
    node.name = "n1"
    node.start()
    node.api.insert(axis(8, 0), "m::8", "r", "q")
    server = prometheus([node], speed_up=True)

    def asks(index):
        return lambda _thread, _number: ("POST", "/query", {"embedding": axis(8, index), "model_id": "m::8"}, "")

    with Load([node], asks(0), threads=1):
        wait_until(lambda: server.query("ferrocache:hit_rate:5m == 1"), FIRE_SECONDS, "everything hits", interval=0.5)
        assert "FerroCacheHitRateDrop" not in server.firing()
    with Load([node], asks(1), threads=1):
        until(server, {"FerroCacheHitRateDrop"}, "nothing hits any more")
