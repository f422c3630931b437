"""The LangChain cache under a real ChatOpenAI, and by itself."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

from ferrocache import FerrocacheError
from ferrocache.langchain import FerrocacheCache
from support.node import free_port

QUESTION = "How do I reset my password?"
PARAPHRASE = "How can I reset my password?"


@pytest.fixture(params=["sync", "async"])
def flavour(request):
    return request.param


@pytest.fixture
def caches(node, request):
    made = []

    def make(**options):
        options.setdefault("cache_scope", request.node.name)
        options.setdefault("cache_url", node.url)
        options.setdefault("timeout", 60.0)
        made.append(FerrocacheCache(**options))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


class Model:
    """A ChatOpenAI with the cache, asked on either of its two ways; one event loop for all of a test, as the models share
    connections."""

    def __init__(self, loop, cache, upstream, **options):
        self._loop = loop
        self.cache = cache
        self.llm = ChatOpenAI(model="m", api_key="k", base_url=upstream.url + "/v1", max_retries=0, cache=cache, **options)

    def ask(self, messages, llm=None, **options):
        llm = llm or self.llm
        if self._loop is None:
            return llm.invoke(messages, **options)
        return self._loop.run_until_complete(llm.ainvoke(messages, **options))

    def run(self, method, *given):
        if self._loop is None:
            return getattr(self.cache, method)(*given)
        return self._loop.run_until_complete(getattr(self.cache, "a" + method)(*given))

    def close(self):
        if self._loop is not None:
            self._loop.run_until_complete(self.cache.aclose())
            self._loop.run_until_complete(self.llm.root_async_client.close())
        self.llm.root_client.close()


@pytest.fixture
def models(flavour, upstream):
    made = []
    loop = asyncio.new_event_loop() if flavour == "async" else None

    def make(cache, **options):
        made.append(Model(loop, cache, upstream, **options))
        return made[-1]

    yield make
    for model in made:
        model.close()
    if loop is not None:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_the_same_and_a_paraphrase_hit(models, caches, upstream):
    model = models(caches())
    first = model.ask(QUESTION)
    again, near = model.ask(QUESTION), model.ask(PARAPHRASE)
    assert isinstance(again, AIMessage)
    assert (first.content, again.content, near.content) == ("answer 1",) * 3
    assert again.response_metadata["finish_reason"] == "stop"
    assert again.response_metadata["model_name"] == first.response_metadata["model_name"]
    assert again.usage_metadata["total_tokens"] == 18
    assert model.ask("Where is my parcel right now?").content == "answer 2"
    assert len(upstream.calls) == 2


def test_what_must_not_be_confused(models, caches, upstream):
    model = models(caches())
    cats = [HumanMessage("Tell me about cats."), AIMessage("Gladly.")]
    dogs = [HumanMessage("Tell me about dogs."), AIMessage("Gladly.")]
    follow_up = HumanMessage("How long do they live?")
    tool = {"name": "look_up", "description": "d", "parameters": {"type": "object", "properties": {}}}
    variants = [
        ([SystemMessage("in English"), follow_up], None, {}),
        ([SystemMessage("in German"), follow_up], None, {}),
        ([*cats, follow_up], None, {}),
        ([*dogs, follow_up], None, {}),
        ([follow_up], None, {}),
        ([follow_up], None, {"stop": ["x"]}),
        ([follow_up], model.llm.bind_tools([tool]), {}),
        ([follow_up], model.llm.bind(response_format={"type": "json_object"}), {}),
        ([follow_up], model.llm.bind(temperature=0.9), {}),
    ]
    for number, (messages, llm, options) in enumerate(variants, 1):
        assert model.ask(messages, llm, **options).content == f"answer {number}", number
    paraphrase = HumanMessage("How long do they usually live?")
    for number, (messages, llm, options) in enumerate(variants, 1):
        assert model.ask([*messages[:-1], paraphrase], llm, **options).content == f"answer {number}", number
    assert len(upstream.calls) == len(variants)


def test_other_models_and_settings(models, caches, upstream):
    cache = caches()
    one, other = models(cache), models(cache, temperature=0.9)
    assert [one.ask(QUESTION).content, other.ask(QUESTION).content] == ["answer 1", "answer 2"]
    assert [one.ask(PARAPHRASE).content, other.ask(PARAPHRASE).content] == ["answer 1", "answer 2"]


def test_a_chain_over_documents(models, caches, upstream):
    """The usual retrieval prompt: one human message with the context in front of the question."""
    model = models(caches())
    prompt = ChatPromptTemplate.from_messages([("human", "Context:\n{context}\n\nQuestion: {question}\nAnswer:")])
    documents = "\n\n".join(f"Section {n}: the shop is open from nine to five and ships to Europe." for n in range(20))

    def ask(question, context=documents):
        return model.ask(prompt.invoke({"context": context, "question": question})).content

    assert ask("When does the shop open?") == "answer 1"
    assert ask("Where does the shop ship to?") == "answer 2"
    assert ask("At what time does the shop open?") == "answer 1"
    assert ask("When does the shop open?", documents.replace("nine", "ten")) == "answer 3"


@pytest.mark.parametrize("bad", [{"finish": "length"}, {"finish": "content_filter"}, {"tool_call": True}, {"text": ""}])
def test_answers_that_are_none_are_not_stored(models, caches, upstream, bad):
    model = models(caches())
    upstream.answers(**bad)
    model.ask(QUESTION)
    upstream.answers(text="good")
    assert model.ask(QUESTION).content == "good"
    upstream.answers(text="later")
    assert model.ask(QUESTION).content == "good"


def test_several_generations(models, caches, upstream):
    model = models(caches(), n=2)
    upstream.answers(choices=2)
    key = [HumanMessage(QUESTION)]
    first, second = (model.llm.generate([key]) for _ in range(2))
    assert len(second.generations[0]) == 2
    assert [g.text for g in first.generations[0]] == [g.text for g in second.generations[0]]
    assert len(upstream.calls) == 1


def test_clear_deletes_what_this_cache_stored_and_nothing_else(models, caches, node):
    mine, other = models(caches()), models(caches(cache_scope="somebody else's"))
    for model in (mine, other):
        model.run("update", "prompt", "llm", [Generation(text="kept")])
        assert model.run("lookup", "prompt", "llm")[0].text == "kept"
    mine.run("clear")
    assert mine.run("lookup", "prompt", "llm") is None
    assert other.run("lookup", "prompt", "llm")[0].text == "kept"


@pytest.mark.parametrize(
    "generations",
    [
        [Generation(text="plain")],
        [Generation(text="with information", generation_info={"finish_reason": "stop", "x": [1, None]})],
        [Generation(text="one"), Generation(text="two")],
        [ChatGeneration(message=AIMessage(content="chat", response_metadata={"a": 1}, additional_kwargs={"b": 2}))],
        [ChatGeneration(message=AIMessage(content=[{"type": "text", "text": "part"}, {"type": "thinking", "thinking": "t"}]))],
    ],
)
def test_generations_come_back_as_they_were(models, caches, generations):
    model = models(caches())
    model.run("update", "prompt", "llm", generations)
    found = model.run("lookup", "prompt", "llm")
    assert [type(item) for item in found] == [type(item) for item in generations]
    assert found == generations
    assert isinstance(found, list)
    assert model.run("lookup", "prompt", "another llm") is None


def test_chunks_come_back_as_whole_generations(models, caches):
    model = models(caches())
    model.run("update", "a", "llm", [ChatGenerationChunk(message=AIMessageChunk(content="chat"))])
    (found,) = model.run("lookup", "a", "llm")
    assert type(found) is ChatGeneration
    assert type(found.message) is AIMessage
    assert found.text == "chat"
    model.run("update", "b", "llm", [GenerationChunk(text="text")])
    assert type(model.run("lookup", "b", "llm")[0]) is Generation


def test_without_a_cache_the_model_answers(models, caches, upstream):
    model = models(caches(cache_url=f"http://127.0.0.1:{free_port()}"))
    assert [model.ask(QUESTION).content, model.ask(QUESTION).content] == ["answer 1", "answer 2"]
    with pytest.raises(FerrocacheError):
        model.run("clear")
    strict = models(caches(cache_url=f"http://127.0.0.1:{free_port()}", fail_open=False))
    with pytest.raises(FerrocacheError):
        strict.ask(QUESTION)


def test_the_signature_of_the_contract():
    shown = [
        (name, parameter.default)
        for name, parameter in inspect.signature(FerrocacheCache).parameters.items()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    assert shown == [
        ("embed_fn", None), ("cache_url", None), ("threshold", None), ("model_id", None), ("fail_open", True),
        ("auth_token", None), ("cache_scope", None), ("conversation_id", None),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="model_id"):
        FerrocacheCache(lambda text: [1.0])


def test_as_the_global_cache(caches, upstream):
    from langchain_core.globals import get_llm_cache, set_llm_cache

    before = get_llm_cache()
    set_llm_cache(caches())
    try:
        llm = ChatOpenAI(model="m", api_key="k", base_url=upstream.url + "/v1", max_retries=0)
        assert [llm.invoke(QUESTION).content, llm.invoke(PARAPHRASE).content] == ["answer 1", "answer 1"]
        llm.root_client.close()
    finally:
        set_llm_cache(before)
