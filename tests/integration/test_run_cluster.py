"""tools/run_cluster.py, which is `make cluster`."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.node import binary_path, clean_environment
from harness.ports import free_port
from harness.timing import scaled, wait_until

pytestmark = pytest.mark.skipif(bool(os.environ.get("FERRO_TEST_WRAPPER")), reason="the tool starts the program by itself")
TOOL = Path(__file__).resolve().parents[2] / "tools/run_cluster.py"
ATTEMPTS = 5  # somebody else may take a port first


def test_a_cluster_in_the_background_ends_when_asked(nodes):
    """A shell ignores SIGINT for what it starts in the background, and SIGTERM was made one: nothing stopped it."""
    said = nodes.folder / "said"
    for _ in range(ATTEMPTS):
        words = [sys.executable, TOOL, "--binary", binary_path(), "--nodes", 1, "--port", free_port(),
                 "--folder", nodes.folder / "c"]
        with said.open("w") as out:
            process = subprocess.Popen([str(word) for word in words], stdout=out, stderr=out, env=clean_environment(),
                                       preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        try:
            wait_until(lambda: "answer as one" in said.read_text() or process.poll() is not None, 60, "the node answers")
            if process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            process.wait(scaled(60))
            break
        finally:
            process.kill()
            process.wait()
    assert "n1 | ended with 0" in said.read_text()
