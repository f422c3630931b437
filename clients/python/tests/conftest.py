"""Real nodes, real SDKs, an upstream made for the tests. Nothing of the package is replaced."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: threads would only wait for each other

for _name in [name for name in os.environ if name.startswith("FERROCACHE_")]:
    del os.environ[_name]  # the settings of whoever runs the tests are not theirs

from ferrocache import FerrocacheClient  # noqa: E402
from support.door import Embedder  # noqa: E402
from support.node import Node, Nodes  # noqa: E402
from support.upstream import Upstream  # noqa: E402

# What others do not offer for the oldest Python: SDKs without a version for it, or with an old one that lacks what is tested.
if sys.version_info < (3, 10):
    collect_ignore = ["test_mcp_server.py", "langcache/test_langcache_sdks.py", "proxy/test_proxy_cachecore_client.py"]

# How long tests wait for a cache that answers, where the time is not what they are about: machines may be busy.
PATIENCE_SECONDS = 60.0


TYPE_CHECK = pytest.StashKey()


def pytest_collection_finish(session):
    """What checks the types takes longer than any test: it runs beside the others from the beginning."""
    is_wanted = any(item.name == "test_types_are_strict" for item in session.items) and sys.version_info >= (3, 10)
    if is_wanted and not session.config.option.collectonly:
        client = Path(__file__).resolve().parents[1]
        folder = os.environ.get("MYPY_CACHE_DIR") or tempfile.mkdtemp(prefix="mypy")
        session.config.stash[TYPE_CHECK] = subprocess.Popen(
            [sys.executable, "-m", "mypy", "--config-file", client / "pyproject.toml", "--cache-dir", folder],
            cwd=client, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def pytest_unconfigure(config):
    process = config.stash.get(TYPE_CHECK, None)
    if process is not None:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def type_check(request):
    """mypy, under way."""
    return request.config.stash[TYPE_CHECK]


@pytest.fixture
def nodes(tmp_path):
    """Makes nodes of the test's own; they are stopped at its end."""
    made = Nodes(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def node(tmp_path_factory) -> Node:
    """One node for all tests that do it no harm; they keep apart by the names of their models."""
    made = Nodes(tmp_path_factory.mktemp("node"))
    yield made.start()
    made.stop()


@pytest.fixture
def client(node):
    with FerrocacheClient(node.url, timeout=PATIENCE_SECONDS) as made:
        yield made


@pytest.fixture
def model(request) -> str:
    """A model name that no other test uses."""
    return f"{request.node.name}::4"[-200:]


@pytest.fixture(scope="module")
def provider():
    """The upstream of doors that a module's tests share; they use it by the name of ``upstream``."""
    made = Upstream()
    yield made
    made.close()


@pytest.fixture
def upstream(request):
    """An upstream that has heard nothing: the module's, if a door of the module asks that, else one of the test's own."""
    if "provider" in request.fixturenames:
        made = request.getfixturevalue("provider")
        made.as_new()
        yield made
    else:
        made = Upstream()
        yield made
        made.close()


@pytest.fixture(scope="session")
def embedder():
    """The embedder of doors, whose vectors tests choose."""
    made = Embedder()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _embedder_as_new(request):
    if "embedder" in request.fixturenames:
        request.getfixturevalue("embedder").as_new()


@pytest.fixture(scope="session")
def _shared_clients():
    from support.chat import close_shared

    yield
    close_shared()


@pytest.fixture
def chats(upstream, node, request, _shared_clients):
    """chats(kind, **options): wrapped clients, closed at the end; each test has a scope of its own."""
    from support.chat import Chat

    made = []

    def make(kind, cache_url=None, **options):
        options.setdefault("cache_scope", request.node.name[-100:])
        options.setdefault("timeout", PATIENCE_SECONDS)
        made.append(Chat(kind, upstream, cache_url or node.url, **options))
        return made[-1]

    yield make
    for chat in made:
        chat.close()
