"""How the few scenarios for every change are judged: no slow machine and no bad luck may fail a change, a fault must."""

import pathlib
import sys
import time
import types

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

from scenarios import ci, runner  # noqa: E402
from scenarios.context import Context, Mercy  # noqa: E402
from scenarios.load import outside  # noqa: E402
from kube import settings  # noqa: E402
from kube.shell import Failed  # noqa: E402
from kube.state import State as StageState  # noqa: E402


class State:
    def __init__(self, folder, dead=()):
        self.folder, self.dead = folder, dead
        self.data = {"processes": {"etcd": {}, "kube-apiserver": {}}}

    def alive(self, name):
        return name not in self.dead


class Machine:
    """In place of Slowness: a machine that keeps up, or one that does not."""

    words = ""

    def __init__(self, _):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def found(self):
        return self.words


@pytest.fixture
def judged(monkeypatch, tmp_path):
    """The verdict over a scenario whose attempts end with these faults."""
    monkeypatch.setattr(ci, "Slowness", Machine)
    monkeypatch.setattr(Machine, "words", "")

    def judge(*faults, left_seconds=3600, dead=()):
        attempts = iter(faults)
        monkeypatch.setattr(runner, "run_one", lambda *_, **__: ("scale", 1.0, [], next(attempts)))
        stage = types.SimpleNamespace(state=State(tmp_path, dead))
        scenario = types.SimpleNamespace(name="scale", minutes=2)
        verdict = ci.judge(stage, scenario, Mercy(3, 240, 20, time.monotonic() + left_seconds))
        assert next(attempts, None) is None, "an attempt was left out"
        return verdict[0]

    return judge


def test_what_fails_twice_fails_the_run(judged):
    assert judged("an entry is lost", "an entry is lost") == "FAILED"


def test_what_passes_is_run_once(judged):
    assert judged(None) == "passed"


def test_what_fails_once_and_not_again_is_told_and_not_judged(judged):
    assert judged("a request failed", None) == "not judged"


def test_a_failure_without_time_for_a_second_look_is_not_judged(judged):
    assert judged("a request failed", left_seconds=60) == "not judged"


def test_a_failure_when_the_time_is_over_is_not_judged(judged):
    assert judged("after 3 s still not settled", left_seconds=-1) == "not judged"


def test_a_failure_on_a_starved_machine_is_not_judged(judged, monkeypatch):
    monkeypatch.setattr(Machine, "words", "let an idle thread wait 3.0 s")
    assert judged("a request failed") == "not judged"


def test_a_failure_of_a_stage_that_broke_is_not_judged(judged):
    assert judged("no answer", dead=("etcd",)) == "not judged"


def test_only_failures_fail_the_run(capsys):
    fine = [("passed", "create", 1, [("created", 2.0, 60)], None), ("not judged", "scale", 1, [], "starved"),
            ("left out", "delete", 0, [], "no time")]  # fmt: skip
    assert ci.tell(fine)
    said = capsys.readouterr().out
    assert "1 passed, 0 failed, 1 not judged, 1 left out" in said and "starved" in said
    assert not ci.tell([*fine, ("FAILED", "scale", 1, [], "lost")])


def test_budgets_are_judged_by_hand_and_told_in_ci():
    nothing = -1  # whatever is measured takes longer
    by_hand, in_ci = Context(types.SimpleNamespace(api=None), "scale"), Context(types.SimpleNamespace(api=None), "scale", Mercy(4))
    with pytest.raises(Failed, match="more than its budget"), by_hand.timed("scaled", nothing):
        time.monotonic()
    with in_ci.timed("scaled", nothing):
        time.monotonic()
    assert [what for what, _, _ in in_ci.measured] == [what for what, _, _ in by_hand.measured] == ["scaled"]


def test_waits_are_longer_in_ci_but_never_beyond_the_end():
    asked = []
    context = Context(types.SimpleNamespace(api=None), "scale", Mercy(4, 240, deadline=time.monotonic() - 1))
    assert [context.patient(seconds) for seconds in (30, 100, 300)] == [120, 240, 300]
    with pytest.raises(Failed, match="after 0 s still not there"):
        context.wait("there", lambda: asked.append(1), 1000, interval=0)
    assert asked, "it is asked for once at least"


def test_a_run_ends_with_the_first_failure(judged, monkeypatch):
    results, ran = [], []

    def judge(_, scenario, mercy):
        ran.append(scenario.name)
        return "FAILED", scenario.name, 1, [], "lost"

    monkeypatch.setattr(ci, "judge", judge)
    ci.run_all(None, time.monotonic() + 3600, results)
    assert ran == [ci.NAMES[0]] and results[0][0] == "FAILED"


# Cause: a request that was sent to a node while it stopped, and given up 20 s later, counted as one of the time after that.
def test_a_request_belongs_to_the_time_from_its_beginning_to_its_end():
    listed = [{"began": 3.0, "at": 9.0}, {"began": 12.0, "at": 31.0}, {"began": 15.0, "at": 16.0}]
    assert outside(listed, 10.0, 20.0, 15.0) == [listed[0]]
    assert outside(listed[1:], 10.0, 20.0, 15.0) == []
    assert outside([{"began": 21.0, "at": 22.0}], 10.0, 20.0, 21.0) and outside([], 10.0, 20.0, 21.0)
    assert outside([{"at": 25.0, "what": "missed"}], 10.0, 20.0, 25.0)


# Cause: the lock of the machine was taken twice by one process, and the run could not take down what it had brought up.
def test_who_brought_the_stage_up_may_take_it_down(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "LOCK_FILE", str(tmp_path / "lock"))
    monkeypatch.setattr(StageState, "lock", None)
    StageState.hold()
    StageState.hold()
    monkeypatch.setattr(StageState, "lock", None)  # as in another process, while this one's file is open
    with pytest.raises(Failed, match="another run"):
        StageState.hold()


def test_every_scenario_of_ci_exists():
    assert set(ci.NAMES) <= set(ci.registry.load_all())
