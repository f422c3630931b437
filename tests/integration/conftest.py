"""Fixtures and options of the black-box suite. See README.md beside this file for how to run it."""
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.any_node import AnyNode  # noqa: E402  (needs the path above)
from harness.cluster import Cluster  # noqa: E402  (needs the path above)
from harness.node import (  # noqa: E402  (needs the path above)
    ALL_NODES, HOST, LOG_TAIL_BYTES, Node, binary_path, clean_environment
)
from harness.prometheus import Prometheus  # noqa: E402
from harness.vectors import make_rng  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--binary", default=None, help="the ferrocached program to test (or FERROCACHED)")
    parser.addoption("--any-node", type=int, default=0, metavar="N",
                     help="where a test asks for a node, give it a cluster of N nodes and send every request to another one")


def pytest_configure(config):
    config.addinivalue_line("markers", "contract(promises): the promises that the test proves")
    config.addinivalue_line("markers", "one_node(reason): what the test looks at is each node's own")
    if config.getoption("--binary"):
        os.environ["FERROCACHED"] = str(Path(config.getoption("--binary")).resolve())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for node in list(ALL_NODES):
            report.sections.append((f"log of the node in {node.folder}", node.log()[-LOG_TAIL_BYTES:]))


def pytest_runtest_setup(item):
    if item.config.getoption("--any-node") and (mark := item.get_closest_marker("one_node")):
        pytest.skip(f"of one node: {mark.args[0]}")


class Nodes:
    """Makes nodes and ends them: those still running at the end are told to stop and must exit 0."""
    def __init__(self, any_node: int = 0):
        self.any_node = any_node
        self.folder = Path(tempfile.mkdtemp(prefix="ferro-it-"))
        self._made: list[Node] = []

    def make(self, settings=None, **options) -> Node:
        return self.own(Node(options.pop("folder", self.folder / f"node{len(self._made)}"), settings, **options))

    def own(self, node: Node) -> Node:
        self._made.append(node)
        return node

    def start(self, settings=None, **options):
        if self.any_node and not options:
            return AnyNode(Cluster(self, self.any_node, settings).start())
        return self.make(settings, **options).start()

    def end(self) -> None:
        running = [node for node in self._made if node.is_running()]
        try:
            # All at once: of nodes that are stopped one after the other each hands over to those that are left.
            for node in running:
                node.ask_to_stop()
            for node in running:
                node.check_stopped()
        finally:
            for node in running:
                if node.is_running():
                    node.kill()
            for node in self._made:
                ALL_NODES.discard(node)
            shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def nodes(request):
    made = Nodes(request.config.getoption("--any-node"))
    yield made
    made.end()


@pytest.fixture
def cluster(nodes):
    """cluster(count, settings, tls): a cluster of the test's own, started."""
    return lambda *arguments, **options: Cluster(nodes, *arguments, **options).start()


@pytest.fixture(scope="module")
def module_nodes(request):
    made = Nodes(request.config.getoption("--any-node"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def node(module_nodes):
    """A node with default settings, shared by the tests of one file; tests keep apart by their model names."""
    return module_nodes.start()


@pytest.fixture
def api(node):
    return node.api


@pytest.fixture
def ctl(nodes):
    """ctl(words, node=..., code=0): runs it and returns the CompletedProcess."""
    program = Path(binary_path()).parent / "ferroctl"
    assert program.is_file(), "build the target ferroctl"

    def run(*words, node=None, code=0, token=None, environment=None, stdout=subprocess.PIPE):
        extra = {"FERROCACHE_AUTH_TOKEN": token} if token else {}
        if node is not None:
            extra["FERROCACHE_URL"] = f"http://{HOST}:{node.port}"
        done = subprocess.run([str(program), *map(str, words)], cwd=nodes.folder, stdout=stdout, stderr=subprocess.PIPE, text=True,
                              timeout=60, env=clean_environment({**extra, **(environment or {})}), check=False)
        assert done.returncode == code, f"{done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture
def prometheus(nodes):
    """prometheus(members, speed_up=False): a Prometheus that scrapes them."""
    started = []

    def start(members, **options):
        started.append(Prometheus(nodes.folder / f"prometheus{len(started)}", members, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


_model_numbers = itertools.count(1)


@pytest.fixture
def model(request):
    """A model name that no other test uses."""
    return f"{request.node.originalname or request.node.name}.{next(_model_numbers)}::8"


@pytest.fixture
def rng():
    return make_rng()
