"""Clients and what holds them are copied and pickled: by worker processes, by frameworks that copy what they are given."""

from __future__ import annotations

import asyncio
import copy
import inspect
import os
import pickle
import ssl
import subprocess
import sys

import pytest
from langchain_core.outputs import Generation

from ferrocache import AsyncFerrocacheClient, FerrocacheClient
from ferrocache.embeddings import OpenAIEmbeddings
from ferrocache.langchain import FerrocacheCache

VECTOR = [1.0, 0.0, 0.0, 0.0]
WAYS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda one: pickle.loads(pickle.dumps(one))}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
both_clients = pytest.mark.parametrize("kind", [FerrocacheClient, AsyncFerrocacheClient])


def embed(text):
    return [float(len(text)), 1.0, 0.5]


async def used_and_closed(client):
    said = client.health()
    if inspect.isawaitable(said):
        said = await said
        await client.close()
    else:
        client.close()
    return said


@every_way
@both_clients
def test_a_copy_of_a_client_is_one(node, kind, way):
    """A lock cannot be pickled: it, and connections, are not what a client is."""
    client = kind([node.url, "http://127.0.0.1:1"], 7.0, "token", retries=1)
    asyncio.run(used_and_closed(client))
    other = way(client)
    assert (other.base_url, other.timeout, other._retries) == (node.url, 7.0, 1)
    assert other._headers(False)["Authorization"] == b"Bearer token"
    assert asyncio.run(used_and_closed(other))["status"] == "ok"
    assert asyncio.run(used_and_closed(client))["status"] == "ok"


def test_a_deep_copy_has_connections_of_its_own(node):
    with FerrocacheClient(node.url) as client:
        client.health()
        other = copy.deepcopy(client)
        assert (len(client._transport._idle), len(other._transport._idle)) == (1, 0)


@both_clients
def test_a_context_for_https_is_made_again(kind):
    """Contexts of TLS cannot be pickled."""
    client = kind("https://localhost:3000")
    assert WAYS["pickle"](client).base_url == copy.deepcopy(client).base_url == "https://localhost:3000"
    own = kind("https://localhost:3000", ssl_context=ssl.create_default_context())
    assert copy.deepcopy(own).base_url == "https://localhost:3000"
    with pytest.raises(TypeError, match="SSLContext"):
        pickle.dumps(own)


def test_a_client_goes_into_another_process(node, tmp_path):
    """As multiprocessing's spawn does it: another interpreter, which knows nothing but the pickle."""
    (tmp_path / "client").write_bytes(pickle.dumps(FerrocacheClient(node.url, timeout=60.0)))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).health()['status'])"
    command = [sys.executable, "-c", code, str(tmp_path / "client")]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.strip() == "ok", done.stderr


@every_way
def test_a_copy_of_a_langchain_cache_finds_what_the_other_stored(node, way):
    cache = FerrocacheCache(embed, node.url, model_id="copies", cache_scope="copies", fail_open=False, timeout=60.0)
    cache.clear()
    assert cache.lookup("prompt", "llm") is None
    other = way(cache)
    other.update("prompt", "llm", [Generation(text="kept")])
    assert [found[0].text for found in (cache.lookup("prompt", "llm"), other.lookup("prompt", "llm"))] == ["kept", "kept"]
    for one in (cache, other):
        one.close()


@every_way
def test_a_copy_of_a_remote_embedder_asks_the_same(upstream, monkeypatch, way):
    monkeypatch.setenv("EMBEDDINGS_API_KEY", "key")
    made = OpenAIEmbeddings("m", upstream.url + "/v1")
    other = way(made)
    assert other.name == "m"
    assert other("a text") == made("a text")
    for one in (made, other):
        one.close()
