"""tools/run_node.sh, which is `make run` and `make stop`."""
import os
import subprocess
from pathlib import Path

import pytest

from harness.node import HOST, binary_path, clean_environment
from harness.ports import free_port
from harness.http import Client

pytestmark = pytest.mark.skipif(bool(os.environ.get("FERRO_TEST_WRAPPER")), reason="the script starts the program by itself")
SCRIPT = Path(__file__).resolve().parents[2] / "tools/run_node.sh"


@pytest.fixture
def tool(nodes):
    """tool(action, binary=..., path=..., at=a port): runs it; what it started is stopped at the end."""
    port, data = free_port(), nodes.folder / "run/data"

    def run(action, binary=None, path="", at=port):
        environment = clean_environment({"PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]})
        return subprocess.run([SCRIPT, action, binary or binary_path(), str(at), data], env=environment, capture_output=True,
                              text=True, timeout=120, check=False)

    run.client = Client(HOST, port)
    yield run
    assert run("stop").returncode == 0


def test_a_node_is_started_and_stopped(tool):
    started = tool("start")
    assert started.returncode == 0, started.stderr
    assert "stop it      make stop" in started.stdout
    assert tool.client.request("GET", "/health").status == 200
    assert "is already running" in tool("start").stdout
    assert tool("stop").stdout == "stopped\n"
    assert "no node of this checkout is running" in tool("stop").stdout


def test_a_node_that_is_slow_to_begin_is_waited_for(tool, nodes):
    """On a busy machine the process was looked for by its name before it had it: "did not start", and nobody could stop it."""
    programs = nodes.folder / "slow"
    programs.mkdir()
    slow = programs / "setsid"
    slow.write_text('#!/bin/sh\nsleep 1\nexec "$@"\n')
    slow.chmod(0o755)
    started = tool("start", path=programs)
    assert started.returncode == 0, started.stderr
    assert tool("stop").stdout == "stopped\n"


def test_a_node_that_ends_at_once_is_told_with_its_reason(tool, nodes):
    broken = nodes.folder / "ferrocached"
    broken.write_text("#!/bin/sh\necho the reason >&2\nexit 1\n")
    broken.chmod(0o755)
    started = tool("start", binary=broken)
    assert started.returncode == 1
    assert "the reason" in started.stderr and "the node did not start" in started.stderr


def test_who_is_on_the_port_already_is_not_taken_for_the_new_node(tool, nodes):
    """The other one answered, and `make run` told of a node that had not been able to start, with its folder and its log."""
    other = nodes.start()
    started = tool("start", at=other.port)
    assert started.returncode == 1
    assert f"port {other.port} is in use by another process" in started.stderr and started.stdout == ""
    assert tool("start").returncode == 0
    elsewhere = tool("start", at=other.port)
    assert elsewhere.returncode == 1 and "does not answer on port" in elsewhere.stderr
    assert tool("stop").stdout == "stopped\n"
