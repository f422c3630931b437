"""What the targets of the Makefile do, as `make -n` tells it."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def told(*words: str) -> str:
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("target", ["run", "demo", "cluster", "demo-cluster"])
def test_whoever_wants_a_node_does_not_wait_for_the_tests_to_be_built(target):
    """A merge took it back once, and nobody saw."""
    assert "tools/build.sh release ferrocached ferroctl" in told(target).splitlines()


def test_make_test_builds_everything():
    assert "tools/build.sh release" in told("test").splitlines()


def test_fuzzing_for_no_number_of_seconds_is_refused_before_anything_is_built():
    done = subprocess.run([ROOT / "tools/fuzz.sh", "soon"], cwd=ROOT, capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == 2
    assert "SECONDS_EACH: 'soon'" in done.stderr
