"""Uses what an extra is for: probe_extra.py EXTRA NODE_URL UPSTREAM_URL, in an environment that has the package with that extra.

Called by check_extras.py. Every import of what an extra brings stands in the function that needs it. Reads on Python 3.9.
"""

import asyncio
import json
import os
import pathlib
import sys
import tempfile
import time

QUESTION = [{"role": "user", "content": "How do I reset my password?"}]
# Between a hub that is asked for every question and one that is not, on any machine.
AGAIN_SECONDS = 1.0


def embed(text):
    return [float(len(text)), 1.0, 0.5]


OPTIONS = {"embed_fn": embed, "model_id": "probe::3", "fail_open": False, "timeout": 60.0}


def core(node, upstream):
    import ferrocache

    with ferrocache.FerrocacheClient(node) as client:
        assert client.insert([1.0, 0.0], "kept", "q", "core::2")["status"] == "ok"
        assert client.query([1.0, 0.0], model_id="core::2")["response"] == "kept"
    try:
        ferrocache.FerrocacheClient("http://127.0.0.1:1").health()
    except ferrocache.FerrocacheError as error:
        assert error.status is None
    else:
        raise AssertionError("nobody listens there")


def async_client(node, upstream):
    from ferrocache import AsyncFerrocacheClient

    async def talk():
        async with AsyncFerrocacheClient(node) as client:
            await client.insert([1.0, 0.0], "kept", "q", "async::2")
            assert (await client.query([1.0, 0.0], model_id="async::2"))["response"] == "kept"

    asyncio.run(talk())


def asked_twice(create, scope, **arguments):
    first, second = create(messages=QUESTION, **arguments), create(messages=QUESTION, **arguments)
    assert (first._ferrocache_hit, second._ferrocache_hit) == (False, True), scope
    assert type(first) is type(second)


async def asked_once(client, create, **arguments):
    async with client:
        assert (await create(client)(messages=QUESTION, **arguments))._ferrocache_hit is True


def openai_wrapper(node, upstream):
    import openai

    from ferrocache.middleware import wrap_openai

    reached = {"base_url": upstream + "/v1", "api_key": "k", "max_retries": 0}
    client = wrap_openai(openai.OpenAI(**reached), cache_url=node, cache_scope="openai", **OPTIONS)
    asked_twice(client.chat.completions.create, "openai", model="m")
    parts = client.chat.completions.create(messages=QUESTION, model="m", stream=True)
    text = "".join(part.choices[0].delta.content or "" for part in parts)
    assert text == client.chat.completions.create(messages=QUESTION, model="m").choices[0].message.content
    other = wrap_openai(openai.AsyncOpenAI(**reached), cache_url=node, cache_scope="openai", **OPTIONS)
    asyncio.run(asked_once(other, lambda made: made.chat.completions.create, model="m"))


def anthropic_wrapper(node, upstream):
    import anthropic

    from ferrocache.middleware import wrap_anthropic

    reached = {"base_url": upstream, "api_key": "k", "max_retries": 0}
    client = wrap_anthropic(anthropic.Anthropic(**reached), cache_url=node, cache_scope="anthropic", **OPTIONS)
    asked_twice(client.messages.create, "anthropic", model="m", max_tokens=9)
    other = wrap_anthropic(anthropic.AsyncAnthropic(**reached), cache_url=node, cache_scope="anthropic", **OPTIONS)
    asyncio.run(asked_once(other, lambda made: made.messages.create, model="m", max_tokens=9))


def langchain(node, upstream):
    from langchain_core.language_models import FakeListChatModel

    from ferrocache.langchain import FerrocacheCache

    cache = FerrocacheCache(cache_url=node, cache_scope="langchain", **OPTIONS)
    model = FakeListChatModel(responses=["first", "second"], cache=cache)
    assert [model.invoke("How do I reset my password?").content for _ in range(2)] == ["first", "first"]

    async def later():
        return await model.ainvoke("How do I reset my password?")

    assert asyncio.run(later()).content == "first"
    cache.clear()
    assert model.invoke("How do I reset my password?").content == "second"


def llamaindex(node, upstream):
    from llama_index.core.llms import MockLLM

    from ferrocache.llamaindex import FerrocacheLLM

    llm = FerrocacheLLM(MockLLM(), cache_url=node, cache_scope="llamaindex", **OPTIONS)
    answers = [llm.complete("How do I reset my password?") for _ in range(2)]
    assert [answer._ferrocache_hit for answer in answers] == [False, True]
    assert answers[0].text == answers[1].text


def mcp_server(node, upstream):
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    settings = {"FERROCACHE_URL": node, "FERROCACHE_EMBED_MODEL": f"openai:m@{upstream}/v1"}
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "ferrocache.mcp_server"], env={**os.environ, **settings})

    async def talk():
        async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
            await session.initialize()

            async def call(name, **arguments):
                return json.loads((await session.call_tool(name, arguments)).content[0].text)

            kept = {"query_text": "How do I reset my password?", "response": "Settings."}
            assert (await call("semantic_cache_store", **kept))["status"] == "ok"
            assert (await call("semantic_cache_lookup", query_text=kept["query_text"]))["response"] == "Settings."
            assert (await call("cache_status"))["status"] == "ok"

    asyncio.run(talk())


def gateway(node, upstream):
    import subprocess

    import httpx

    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "key").write_text("k")
        embedding = f'embedding = {{ provider = "openai", model = "m", url = "{upstream}/v1" }}'
        cache = f'[[caches]]\nid = "probe"\napi_keys = [{{ file = "key" }}]\n{embedding}\n'
        proxy = f'[proxy]\n{embedding}\n[proxy.openai]\nurl = "{upstream}/v1"\n'
        text = f'[server]\nlisten = "127.0.0.1:0"\n[node]\naddresses = ["{node}"]\n{cache}{proxy}'
        path = pathlib.Path(folder, "gateway.toml")
        path.write_text(text)
        command = [sys.executable, "-m", "ferrocache.gateway", "--config", str(path)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            try:
                address = json.loads(server.stderr.readline())["url"]
                url = address + "/v1/caches/probe/entries"
                with httpx.Client(headers={"Authorization": "Bearer k"}, timeout=60) as http:
                    assert http.post(url, json={"prompt": "Where is it?", "response": "Here."}).status_code == 201
                    found = http.post(url + "/search", json={"prompt": "where IS it?", "searchStrategies": ["exact"]})
                    assert [entry["response"] for entry in found.json()["data"]] == ["Here."]
                    body = {"model": "m", "messages": [{"role": "user", "content": "Where is it?"}]}
                    answers = [http.post(address + "/v1/chat/completions", json=body) for _ in range(2)]
                    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS", "HIT_L1"]
            finally:
                server.terminate()
        assert server.returncode == 0


def local_model(node, upstream):
    from ferrocache.embeddings import LocalMiniLm, embedder

    made = embedder()
    assert type(made) is LocalMiniLm
    one, other, far = made("How do I reset my password?"), made("How can I reset my password?"), made("Do you ship abroad?")
    near = sum(a * b for a, b in zip(one, other))
    assert len(one) == 384
    assert near > 0.92 > 0.5 > sum(a * b for a, b in zip(one, far))


def sentence_transformer(node, upstream):
    """A model in a folder, made here, as one that was brought along; and the default one, whose hub may be out of reach."""
    from sentence_transformers import SentenceTransformer, models
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from ferrocache import FerrocacheError
    from ferrocache.embeddings import embedder

    with tempfile.TemporaryDirectory() as folder:
        parts, whole = pathlib.Path(folder, "parts"), pathlib.Path(folder, "tiny-model")
        parts.mkdir()
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "how", "password", "reset", "ship"]
        (parts / "vocab.txt").write_text("\n".join(words))
        BertTokenizerFast(vocab_file=str(parts / "vocab.txt")).save_pretrained(parts)
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=64, **sizes)).save_pretrained(parts)
        SentenceTransformer(modules=[models.Transformer(str(parts)), models.Pooling(16)]).save(str(whole))
        made = embedder(str(whole))
        assert made.name == "tiny-model"
        assert len(made("how reset password")) == 16
        assert made("how reset password") == made("how reset password") != made("ship")
    default = embedder()
    begun = time.monotonic()
    try:
        assert len(default("How do I reset my password?")) == 384
        print("the hub was reached", end="; ")
    except FerrocacheError as error:
        assert "ferrocache[local]" in str(error)
        waited = time.monotonic() - begun
        try:
            default("again")
        except FerrocacheError:
            pass
        assert time.monotonic() - begun - waited < AGAIN_SECONDS, "the hub was asked again at once"
        print(f"no hub after {waited:.1f} s: {str(error)[:160]}...", end="; ")


PROBES = {
    "core": [core],
    "async": [async_client],
    "openai": [openai_wrapper],
    "anthropic": [anthropic_wrapper],
    "langchain": [langchain],
    "llamaindex": [llamaindex],
    "mcp": [mcp_server],
    "gateway": [gateway],
    "local": [local_model],
    "embeddings": [sentence_transformer],
}
PROBES["all"] = [probe for name, probes in PROBES.items() if name != "local" for probe in probes]
# The oldest Python on which what they need works. Below it the package itself still has to.
OLDEST = {mcp_server: (3, 10)}


def main():
    extra, node, upstream = sys.argv[1:]
    for probe in [core, *(probe for probe in PROBES[extra] if probe is not core)]:
        if sys.version_info < OLDEST.get(probe, (3, 9)):
            print(f"no {probe.__name__} on this Python", end="; ")
        else:
            probe(node, upstream)


if __name__ == "__main__":
    main()
