"""One door for all tests of the LangCache API, which takes its time to start; each begins with a cache that is empty."""

from __future__ import annotations

import pytest

from support.door import Cache, Door, plain_http
from support.langcache import KEYS, configuration
from support.node import Nodes


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    made = Nodes(tmp_path_factory.mktemp("door-node"))
    yield made.start({"limits.max_response_bytes": 50_000})
    made.stop()


@pytest.fixture(scope="session")
def door(tmp_path_factory, store, embedder):
    folder = tmp_path_factory.mktemp("door")
    (folder / "support.key").write_text("# of the support team\nsupport-key\n\n  second-key  \n")
    made = Door(folder, configuration(store.url, embedder), {"PLAIN_KEY": "plain-key", "EMBEDDINGS_API_KEY": "embedder-key"})
    yield made.start()
    assert made.stop() == 0
    for secret in (*KEYS.values(), "second-key", "embedder-key"):
        assert secret not in made.log()


@pytest.fixture(scope="session")
def http():
    with plain_http() as made:
        yield made


@pytest.fixture
def caches(door):
    """caches(id, key): a cache of the door; the key is its own unless another is given."""
    made = []

    def make(cache_id, key=None):
        made.append(Cache(door.url, cache_id.replace("/", "%2F"), KEYS[cache_id] if key is None else key))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


@pytest.fixture
def support(caches):
    """The cache of that id, empty."""
    made = caches("support")
    assert made.flush().status_code == 204
    return made
