"""The SDKs of LangCache, unchanged, with the address of a door: langcache, RedisVL's and LangChain's caches on top of it."""

from __future__ import annotations

import httpx
import pytest
from langcache.errors import (
    AuthenticationErrorResponseContent,
    BadRequestErrorResponseContent,
    FailedDependencyErrorResponseContent,
    ForbiddenErrorResponseContent,
    NotFoundErrorResponseContent,
    PayloadTooLargeErrorResponseContent,
    TooManyRequestsErrorResponseContent,
    UnexpectedErrorResponseContent,
)
from langcache.models import SearchStrategy
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation
from langchain_openai import ChatOpenAI
from langchain_redis import LangCacheSemanticCache as LangChainCache
from redisvl.extensions.cache.llm import LangCacheSemanticCache

from langcache import LangCache
from support.door import PATIENCE_SECONDS, Door, embedding


@pytest.fixture(scope="module")
def door(tmp_path_factory, node, embedder):
    folder = tmp_path_factory.mktemp("door")
    for name in ("words", "minilm", "poor"):
        (folder / f"{name}.key").write_text(f"{name}-key\n")
    made = Door(
        folder,
        f"""
[server]
listen = "127.0.0.1:0"
max_body_bytes = 100000
[node]
addresses = ["{node.url}"]
timeout_seconds = {PATIENCE_SECONDS}

[[caches]]
id = "words"
threshold_scale = "normalised"
attributes = ["llm_string", "user"]
api_keys = [{{ file = "words.key" }}]
{embedding(embedder)}

[[caches]]
id = "minilm"
threshold = 0.8
attributes = ["lang", "llm_string"]
attribute_max_characters = 4000
api_keys = [{{ file = "minilm.key" }}]
embedding = {{ provider = "local", timeout_seconds = {PATIENCE_SECONDS} }}

[[caches]]
id = "bare"
api_keys = [{{ file = "words.key" }}]
{embedding(embedder)}

[[caches]]
id = "poor"
requests_per_second = 0.001
burst = 1
api_keys = [{{ file = "poor.key" }}]
{embedding(embedder)}
""",
    )
    yield made.start()
    assert made.stop() == 0


@pytest.fixture
def sdk(door):
    """sdk(cache): a client of the SDK, of a cache that is empty."""
    made = []

    def make(cache, key=None):
        client = LangCache(
            server_url=door.url, cache_id=cache, api_key=f"{cache}-key" if key is None else key, timeout_ms=1000 * PATIENCE_SECONDS
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.sdk_configuration.client.close()


@pytest.fixture
async def kept():
    """kept(cache): a cache of another library, whose connections this closes."""
    made = []

    def keep(cache):
        made.append(getattr(cache, "cache", cache)._client.sdk_configuration)
        made[-1].timeout_ms = 1000 * PATIENCE_SECONDS
        return cache

    yield keep
    for configuration in made:
        configuration.client.close()
        await configuration.async_client.aclose()


@pytest.fixture
def cache(sdk):
    made = sdk("minilm")
    made.flush()
    return made


def test_the_sdk_stores_finds_and_deletes(cache):
    stored = cache.set(prompt="How do I reset my password?", response="Settings.", attributes={"lang": "en"}, ttl_millis=60_000)
    assert len(stored.entry_id) == 32
    found = cache.search(prompt="How can I reset my password?", attributes={"lang": "en"})
    (entry,) = found.data
    assert (entry.id, entry.prompt, entry.response) == (stored.entry_id, "How do I reset my password?", "Settings.")
    assert (entry.attributes, entry.search_strategy) == ({"lang": "en"}, SearchStrategy.SEMANTIC)
    assert 0.8 <= entry.similarity < 1.0
    assert cache.search(prompt="How can I reset my password?", similarity_threshold=0.999).data == []
    assert cache.search(prompt="Is the earth round?").data == []
    exact = cache.search(prompt="how do i reset MY password?", search_strategies=[SearchStrategy.EXACT]).data
    assert [(one.search_strategy, one.similarity) for one in exact] == [(SearchStrategy.EXACT, 1.0)]
    assert len(cache.search(prompt="password reset", similarity_threshold=0.1, max_results=5).data) == 1
    assert cache.delete_query(attributes={"lang": "de"}).deleted_entries_count == 0
    assert cache.delete_query(attributes={"lang": "en"}).deleted_entries_count == 1
    again = cache.set(prompt="Where is my parcel?", response="On its way.")
    cache.delete_by_id(entry_id=again.entry_id)
    assert cache.search(prompt="Where is my parcel?").data == []


async def test_the_sdk_s_asynchronous_methods(door):
    async with LangCache(
        server_url=door.url + "/", cache_id="minilm", api_key="minilm-key", timeout_ms=1000 * PATIENCE_SECONDS
    ) as cache:
        await cache.flush_async()
        stored = await cache.set_async(prompt="Do you ship abroad?", response="To all of Europe.", attributes={"lang": "en"})
        strategies = [SearchStrategy.EXACT, SearchStrategy.SEMANTIC]
        found = await cache.search_async(
            prompt="Do you ship to other countries?", similarity_threshold=0.7, search_strategies=strategies
        )
        assert [entry.id for entry in found.data] == [stored.entry_id]
        assert (await cache.delete_query_async(attributes={"lang": "en"})).deleted_entries_count == 1
        with pytest.raises(NotFoundErrorResponseContent):
            await cache.delete_by_id_async(entry_id=stored.entry_id)


def test_errors_are_the_sdk_s_own(sdk, embedder, cache):
    with pytest.raises(AuthenticationErrorResponseContent):
        sdk("minilm", key="wrong").search(prompt="p")
    with pytest.raises(ForbiddenErrorResponseContent):
        sdk("minilm", key="words-key").search(prompt="p")
    with pytest.raises(NotFoundErrorResponseContent, match="no cache"):
        sdk("nobody", key="words-key").search(prompt="p")
    with pytest.raises(NotFoundErrorResponseContent, match="no entry"):
        cache.delete_by_id(entry_id="ü b%2Fc")
    with pytest.raises(BadRequestErrorResponseContent) as raised:
        cache.set(prompt="", response="r")
    assert raised.value.data.fields[0].field == "prompt"
    with pytest.raises(PayloadTooLargeErrorResponseContent):
        cache.set(prompt="p", response="x" * 100_000)
    words = sdk("words")
    embedder.fails(503)
    with pytest.raises(FailedDependencyErrorResponseContent):
        words.search(prompt="never embedded before")
    embedder.fails(200)
    with pytest.raises(UnexpectedErrorResponseContent):
        words.search(prompt="never embedded before")
    embedder.works()
    poor = sdk("poor")
    poor.flush()
    with pytest.raises(TooManyRequestsErrorResponseContent):
        poor.flush()


def test_an_api_key_may_be_left_out_and_is_then_missed(door):
    with (
        LangCache(server_url=door.url, cache_id="minilm", timeout_ms=1000 * PATIENCE_SECONDS) as cache,
        pytest.raises(AuthenticationErrorResponseContent),
    ):
        cache.flush()


async def test_redisvl_s_cache(door, kept):
    cache = kept(LangCacheSemanticCache(server_url=door.url, cache_id="words", api_key="words-key", ttl=60, distance_scale="redis"))
    cache.clear()
    awkward = {"user": "a,b / ü %2C"}
    entry_id = cache.store(prompt="at the start @0", response="the answer", metadata=awkward)
    (hit,) = cache.check(prompt="a little aside @20", distance_threshold=0.1, attributes=awkward)
    assert (hit["entry_id"], hit["response"], hit["metadata"]) == (entry_id, "the answer", awkward)
    assert hit["vector_distance"] == pytest.approx(1 - 0.939693, abs=1e-4)
    assert cache.check(prompt="farther off @30", distance_threshold=0.1) == []
    assert cache.check(prompt="AT THE START @0", distance_threshold=0.0)[0]["vector_distance"] == 0
    assert cache.delete_by_attributes(awkward) == {"deleted_entries_count": 1}
    cache.delete_by_id(cache.store(prompt="once more @0", response="r"))
    bare = kept(LangCacheSemanticCache(server_url=door.url, cache_id="bare", api_key="words-key"))
    with pytest.raises(RuntimeError, match="attributes are not configured"):
        bare.store(prompt="p", response="r", metadata={"user": "x"})
    with pytest.raises(RuntimeError, match="attributes are not configured"):
        bare.check(prompt="p", attributes={"user": "x"})


async def test_redisvl_s_asynchronous_methods(door, kept):
    cache = kept(LangCacheSemanticCache(server_url=door.url, cache_id="words", api_key="words-key"))
    await cache.aclear()
    await cache.astore(prompt="at the start @0", response="the answer")
    (hit,) = await cache.acheck(prompt="near @5")
    assert hit["response"] == "the answer"
    await cache.adelete()
    assert await cache.acheck(prompt="near @5") == []


async def test_langchain_s_cache(door, kept):
    cache = kept(LangChainCache(server_url=door.url, cache_id="minilm", api_key="minilm-key", distance_threshold=0.2))
    cache.clear()
    answer = [ChatGeneration(message=AIMessage(content="Settings, Addresses."))]
    llm = ChatOpenAI(model="gpt-4o-mini", temperature=0, api_key="k")._get_llm_string(stop=["a, b"])
    assert cache.lookup("How do I change my address?", llm) is None
    cache.update("How do I change my address?", llm, answer)
    assert cache.lookup("How can I change my address?", llm) == answer
    assert cache.lookup("How can I change my address?", llm.replace("mini", "maxi")) is None
    cache.clear()
    assert cache.lookup("How do I change my address?", llm) is None


async def test_langchain_s_asynchronous_methods(door, kept):
    cache = kept(LangChainCache(server_url=door.url, cache_id="minilm", api_key="minilm-key"))
    await cache.aclear()
    await cache.aupdate("Are returns free?", "llm", [Generation(text="In your own country.")])
    assert await cache.alookup("are returns FREE?", "llm") == [Generation(text="In your own country.")]


def test_the_sdk_s_transport_may_be_any(door):
    """A client of the program's own, with headers of its own."""
    with httpx.Client(headers={"cookie": ""}, timeout=PATIENCE_SECONDS, verify=False) as http:
        cache = LangCache(server_url=door.url, cache_id="minilm", api_key="minilm-key", client=http)
        assert cache.search(prompt="Is anybody there, at all?").data == []
