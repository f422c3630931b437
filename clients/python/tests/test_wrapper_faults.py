"""What the wrappers do when the cache, the embedder or the settings are not as they should be."""

from __future__ import annotations

import asyncio
import logging
import warnings
from unittest.mock import AsyncMock, MagicMock

import openai
import pytest

from ferrocache import FerrocacheError
from ferrocache.embeddings import LocalMiniLm
from ferrocache.middleware import wrap_anthropic, wrap_openai
from support.chat import KINDS
from support.node import free_port

QUESTION = "How do I reset my password?"


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def nowhere():
    return f"http://127.0.0.1:{free_port()}"


def inner():
    return openai.OpenAI(base_url="http://127.0.0.1:1/v1", api_key="k", max_retries=0)


# --- a cache that cannot be used ---


@pytest.mark.parametrize("stream", [False, True])
def test_without_a_cache_the_model_answers(chats, kind, nowhere, upstream, stream, caplog):
    chat = chats(kind, cache_url=nowhere)
    with caplog.at_level(logging.WARNING, "ferrocache"):
        for number in (1, 2):
            said = chat.ask(QUESTION, stream=stream)
            assert (said.text.strip(), said.hit) == (f"answer {number}", None)
    assert "refused" in caplog.text or "connect" in caplog.text
    assert QUESTION not in caplog.text


def test_without_a_cache_and_fail_open_the_fault_is_raised(chats, kind, nowhere, upstream):
    chat = chats(kind, cache_url=nowhere, fail_open=False)
    for _ in range(5):
        with pytest.raises(FerrocacheError) as raised:
            chat.ask(QUESTION)
        assert raised.value.status is None
    assert upstream.calls == []


def test_a_silent_cache_costs_its_time_limit_a_few_times_and_then_nothing(chats, kind, nodes, upstream):
    node = nodes.start()
    chat = chats(kind, cache_url=node.url)
    client = chat.flow.cache.client
    patience = client.timeout
    assert chat.ask(QUESTION).hit is False
    node.freeze()
    client.timeout = 0.2
    for _ in range(6):
        assert chat.ask(QUESTION).hit is None
    assert chat.flow.cache._pause.is_on()
    node.thaw()
    client.timeout = patience
    chat.flow.cache._pause._until = 0.0  # as if the pause had passed
    assert chat.ask(QUESTION).text == "answer 1"


def test_a_cache_that_dies_between_lookup_and_store(chats, kind, nodes, upstream):
    node = nodes.start()
    chat = chats(kind, cache_url=node.url)
    reply = upstream.reply

    def reply_and_kill(body, number):
        if number == 1:
            node.kill()
        return reply(body, number)

    upstream.reply = reply_and_kill
    said = chat.ask(QUESTION)
    assert (said.text, said.hit) == ("answer 1", False)
    node.start()
    assert chat.ask(QUESTION).hit is False
    assert chat.ask(QUESTION).hit is True


def test_a_wrong_token(chats, kind, nodes, upstream):
    node = nodes.start(environment={"FERROCACHE_AUTH_TOKEN": "right"})
    assert chats(kind, cache_url=node.url, auth_token="wrong").ask(QUESTION).hit is None
    assert chats(kind, cache_url=node.url, auth_token="right").ask(QUESTION).hit is False
    with pytest.raises(FerrocacheError) as raised:
        chats(kind, cache_url=node.url, auth_token="", fail_open=False).ask(QUESTION)
    assert raised.value.status == 401


def test_several_urls(chats, kind, nodes, nowhere):
    node = nodes.start()
    chat = chats(kind, cache_url=f"{nowhere},{node.url}")
    assert [chat.ask(QUESTION).hit, chat.ask(QUESTION).hit] == [False, True]


# --- an embedder that cannot be used ---


def test_an_embedder_that_fails(chats, kind, upstream):
    def broken(text):
        raise OSError("no model today")

    assert chats(kind, embed_fn=broken, model_id="x").ask(QUESTION).hit is None
    with pytest.raises(FerrocacheError, match="no model today"):
        chats(kind, embed_fn=broken, model_id="x", fail_open=False).ask(QUESTION)


def test_an_embedder_that_changed_its_dimension(chats, kind):
    first = chats(kind, embed_fn=lambda text: [1.0, 0.0], model_id="mine")
    second = chats(kind, embed_fn=lambda text: [1.0, 0.0, 0.0], model_id="mine")
    assert first.ask(QUESTION).hit is False
    assert second.ask(QUESTION).hit is False  # another dimension is another namespace
    fixed = [chats(kind, embed_fn=lambda text, n=n: [1.0] * n, model_id="fixed::2") for n in (2, 3)]
    assert fixed[0].ask(QUESTION).hit is False
    assert fixed[1].ask(QUESTION).hit is None


def test_embed_functions_of_all_kinds(chats, kind):
    import numpy

    model = LocalMiniLm()

    async def asynchronous(text):
        await asyncio.sleep(0)
        return model(text)

    functions = [model, lambda text: tuple(model(text)), lambda text: numpy.array([model(text)], numpy.float32)]
    if kind.endswith("async"):
        functions.append(asynchronous)
    for number, function in enumerate(functions):
        name = None if number == 0 else f"model-{number}"
        chat = chats(kind, embed_fn=function, model_id=name)
        assert [chat.ask(QUESTION).hit, chat.ask("How can I reset my password?").hit] == [False, True]
    assert chats(kind, embed_fn="local:").ask(QUESTION).hit is True


def test_an_asynchronous_embed_fn_needs_an_asynchronous_client():
    async def embed(text):
        return [1.0]

    with pytest.raises(TypeError, match="asynchronous"):
        wrap_openai(inner(), embed_fn=embed, model_id="x")


# --- settings ---


@pytest.mark.parametrize("wrap", [wrap_openai, wrap_anthropic])
def test_embed_fn_needs_a_model_id(wrap):
    with pytest.raises(ValueError, match="model_id"):
        wrap(inner(), embed_fn=lambda text: [1.0])


def test_wrong_arguments_are_refused_at_once():
    with pytest.raises(ValueError, match="threshold"):
        wrap_openai(inner(), threshold=1.5)
    with pytest.raises(ValueError, match="base_url"):
        wrap_openai(inner(), cache_url="localhost:3000")
    with pytest.raises(ValueError, match="provider"):
        wrap_openai(inner(), embed_fn="nobody:model")


@pytest.mark.parametrize(
    ("kind", "says", "options"),
    [
        (TypeError, "threshold must be a number", {"threshold": "0.9"}),
        (ValueError, "threshold must be a number", {"threshold": float("nan")}),
        (TypeError, "cache_scope must be a string, not int", {"cache_scope": 42}),
        (TypeError, "conversation_id must be a string", {"conversation_id": b"7"}),
        (ValueError, "kept for conversations", {"cache_scope": " conv_1"}),
        (ValueError, "at most 256 bytes", {"conversation_id": "\u00e9" * 129}),
        (ValueError, "ttl_seconds must be", {"ttl_seconds": 0}),
        (ValueError, "ttl_seconds must be", {"ttl_seconds": 0.5}),
        (ValueError, "ttl_seconds must be", {"ttl_seconds": True}),
        (ValueError, "ttl_seconds must be", {"ttl_seconds": "3600"}),
        (TypeError, "tags must be a list", {"tags": "policy"}),
        (ValueError, "timeout must be", {"timeout": 0}),
        (ValueError, "timeout must be", {"timeout": "1"}),
    ],
)
def test_what_the_server_would_refuse_each_time_is_refused_at_once(kind, says, options):
    """Failing open, a wrapper of which every insert is a 400 would only seem to have many misses; a string is no list of tags."""
    with pytest.raises(kind, match=says):
        wrap_openai(inner(), **options)


def test_a_life_of_whole_seconds_may_be_a_float():
    options = wrap_openai(inner(), ttl_seconds=3600.0).chat.completions.create._ferrocache_flow.options
    assert (options.ttl_seconds, type(options.ttl_seconds)) == (3600, int)


def test_a_client_of_another_sdk_is_told_what_is_missing():
    with pytest.raises(
        TypeError, match=r"wrap_anthropic wraps a client of anthropic, whose messages\.create is cached; OpenAI has none"
    ):
        wrap_anthropic(inner())
    for nothing in (None, "client", inner().chat):
        with pytest.raises(TypeError, match=r"wrap_openai wraps a client of openai, whose chat\.completions\.create is cached"):
            wrap_openai(nothing)


def test_signatures_of_the_contract():
    import inspect

    for wrap in (wrap_openai, wrap_anthropic):
        shown = [
            (name, parameter.default)
            for name, parameter in inspect.signature(wrap).parameters.items()
            if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
        ]
        assert shown == [
            ("client", inspect.Parameter.empty), ("cache_url", None), ("threshold", None), ("embed_fn", None),
            ("model_id", None), ("fail_open", True), ("auth_token", None), ("cache_scope", None),
            ("conversation_id", None),
        ]  # fmt: skip


def test_settings_from_the_environment(node, upstream, monkeypatch):
    monkeypatch.setenv("FERROCACHE_URL", node.url)
    monkeypatch.setenv("FERROCACHE_THRESHOLD", "0.5")
    client = wrap_openai(openai.OpenAI(base_url=upstream.url + "/v1", api_key="k"), cache_scope="environment", timeout=60.0)
    options = client.chat.completions.create._ferrocache_flow.options
    assert (options.url, options.threshold) == (node.url, 0.5)
    with client:
        for expected in (False, True):
            answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}])
            assert answer._ferrocache_hit is expected


@pytest.mark.parametrize("value", ["high", "1.2", "-0.1", "nan", "0,9"])
def test_a_bad_threshold_in_the_environment_warns_and_falls_back(monkeypatch, value):
    monkeypatch.setenv("FERROCACHE_THRESHOLD", value)
    with pytest.warns(RuntimeWarning, match="FERROCACHE_THRESHOLD") as warned:
        client = wrap_openai(inner())
    assert warned[0].filename == __file__  # the line that makes the client, not one of ours
    assert client.chat.completions.create._ferrocache_flow.options.threshold == 0.92
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wrap_openai(inner(), threshold=0.8).chat.completions.create._ferrocache_flow.options.threshold == 0.8


def test_defaults(monkeypatch):
    client = wrap_openai(inner())
    options = client.chat.completions.create._ferrocache_flow.options
    assert (options.url, options.threshold, options.fail_open) == ("http://localhost:3000", 0.92, True)
    assert options.embedder.name == "all-MiniLM-L6-v2"


def test_azure_s_client(node, upstream):
    inner = openai.AzureOpenAI(azure_endpoint=upstream.url, api_key="k", api_version="2024-10-21")
    with wrap_openai(inner, cache_url=node.url, cache_scope="azure", timeout=60.0) as client:
        for hit, question in ((False, QUESTION), (True, QUESTION), (True, "How can I reset my password?")):
            answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": question}])
            assert answer._ferrocache_hit is hit
            assert type(answer) is openai.types.chat.ChatCompletion
    assert upstream.paths == ["/openai/deployments/gpt-4o/chat/completions"]


# --- clients that are none of the SDKs' ---


class StandIn:
    """What programs' own tests use instead of a client."""

    def __init__(self, answer):
        from types import SimpleNamespace

        self.calls = 0

        def create(**arguments):
            self.calls += 1
            return answer

        self.chat = SimpleNamespace(completions=SimpleNamespace(create=create))
        self.messages = SimpleNamespace(create=create)


def test_stand_ins_for_a_client(node):
    from types import SimpleNamespace

    message = SimpleNamespace(content="from a stand-in")
    plain = StandIn(SimpleNamespace(choices=[SimpleNamespace(message=message)]))
    client = wrap_openai(plain, cache_url=node.url, cache_scope="stand-in", timeout=60.0)
    arguments = {"model": "m", "messages": [{"role": "user", "content": QUESTION}]}
    assert client.chat.completions.create(**arguments)._ferrocache_hit is False
    hit = client.chat.completions.create(**arguments)
    assert hit._ferrocache_hit is True
    assert hit.choices[0].message.content == "from a stand-in"
    assert plain.calls == 1

    blocks = StandIn(SimpleNamespace(content=[SimpleNamespace(type="text", text="from another")]))
    client = wrap_anthropic(blocks, cache_url=node.url, cache_scope="stand-in", timeout=60.0)
    assert client.messages.create(**arguments)._ferrocache_hit is False
    assert client.messages.create(**arguments).content[0].text == "from another"
    assert blocks.calls == 1


def test_stand_ins_for_streams(node):
    from types import SimpleNamespace

    def chunk(content, finish=None):
        return SimpleNamespace(choices=[SimpleNamespace(index=0, delta=SimpleNamespace(content=content), finish_reason=finish)])

    made = StandIn(None)
    made.chat.completions.create = lambda **arguments: iter([chunk("a "), chunk("b"), chunk(None, "stop")])
    client = wrap_openai(made, cache_url=node.url, cache_scope="stand-in-stream", timeout=60.0)
    arguments = {"model": "m", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    first = client.chat.completions.create(**arguments)
    assert (first._ferrocache_hit, [part.choices[0].delta.content for part in first]) == (False, ["a ", "b", None])
    assert client.chat.completions.create(**{**arguments, "stream": False}).choices[0].message.content == "a b"


def test_mocks_of_a_client_and_of_its_answers(node):
    """They have every attribute and are no mapping: nothing of theirs was stored."""
    arguments = {"model": "m", "messages": [{"role": "user", "content": QUESTION}]}

    def asked_twice(wrap, inner, scope, create):
        client = wrap(inner, cache_url=node.url, cache_scope=scope, timeout=60.0)
        first, second = create(client)(**arguments), create(client)(**arguments)
        assert (first._ferrocache_hit, second._ferrocache_hit, create(inner).call_count) == (False, True, 1)
        return second

    def completions(client):
        return client.chat.completions.create

    def messages(client):
        return client.messages.create

    listed = MagicMock()
    completions(listed).return_value = MagicMock(choices=[MagicMock(message=MagicMock(content="of a list"))])
    assert asked_twice(wrap_openai, listed, "mock-list", completions).choices[0].message.content == "of a list"
    indexed = MagicMock()
    completions(indexed).return_value.choices[0].message.content = "by its index"
    assert asked_twice(wrap_openai, indexed, "mock-index", completions).choices[0].message.content == "by its index"
    blocks = MagicMock()
    messages(blocks).return_value.content = [MagicMock(text="of a block", type="text")]
    assert asked_twice(wrap_anthropic, blocks, "mock-block", messages).content[0].text == "of a block"
    block = MagicMock()
    messages(block).return_value.content[0].text = "of the first block"
    assert asked_twice(wrap_anthropic, block, "mock-first", messages).content[0].text == "of the first block"


@pytest.mark.parametrize(
    "choice",
    [
        MagicMock(message=MagicMock(content="cut"), finish_reason="length"),
        MagicMock(message=MagicMock(content="a call", tool_calls=[MagicMock()])),
        MagicMock(message=MagicMock(content=None)),
        MagicMock(),
    ],
)
def test_mocks_of_answers_that_are_none_are_not_stored(node, choice):
    inner = MagicMock()
    inner.chat.completions.create.return_value = MagicMock(choices=[choice])
    client = wrap_openai(inner, cache_url=node.url, cache_scope="mock-none", timeout=60.0)
    for _ in range(2):
        assert client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}])._ferrocache_hit is False


async def test_mocks_of_an_asynchronous_client(node):
    inner = MagicMock()
    answer = MagicMock(choices=[MagicMock(message=MagicMock(content="later"), finish_reason="stop")])
    inner.chat.completions.create = AsyncMock(return_value=answer)
    inner.close = AsyncMock()
    client = wrap_openai(inner, cache_url=node.url, cache_scope="mock-async", timeout=60.0)
    arguments = {"model": "m", "messages": [{"role": "user", "content": QUESTION}]}
    assert (await client.chat.completions.create(**arguments))._ferrocache_hit is False
    assert (await client.chat.completions.create(**arguments)).choices[0].message.content == "later"
    assert inner.chat.completions.create.await_count == 1
    await client.close()
    assert inner.close.await_count == 1


def test_mocks_of_streams(node):
    def chunk(content, finish=None):
        return MagicMock(choices=[MagicMock(delta=MagicMock(content=content), finish_reason=finish)])

    inner = MagicMock()
    inner.chat.completions.create.return_value = iter([chunk(None), chunk("a "), chunk("b"), chunk(None, "stop")])
    client = wrap_openai(inner, cache_url=node.url, cache_scope="mock-stream", timeout=60.0)
    arguments = {"model": "m", "messages": [{"role": "user", "content": QUESTION}]}
    assert len(list(client.chat.completions.create(**arguments, stream=True))) == 4
    assert client.chat.completions.create(**arguments).choices[0].message.content == "a b"
