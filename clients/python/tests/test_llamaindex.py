"""The LlamaIndex LLM around a real one that speaks to the test's upstream through OpenAI's SDK."""

from __future__ import annotations

import asyncio
import copy
import inspect
import uuid
from typing import Any, Sequence
from unittest.mock import MagicMock

import openai
import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms import MockLLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM, ToolSelection

from ferrocache import FerrocacheError
from ferrocache.llamaindex import FerrocacheLLM
from support.node import free_port

QUESTION = "How do I reset my password?"
PARAPHRASE = "How can I reset my password?"


class Inner(FunctionCallingLLM):
    """An LLM as integrations for LlamaIndex are written, on OpenAI's SDK."""

    url: str
    temperature: float = 0.1
    api_key: str = "k"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="m", is_chat_model=True, is_function_calling_model=True)

    def _arguments(self, messages, **kwargs) -> dict:
        sent = [{"role": message.role.value, "content": message.content} for message in messages]
        return {"model": "m", "messages": sent, "temperature": self.temperature, **kwargs}

    def _client(self):
        return openai.OpenAI(base_url=self.url + "/v1", api_key=self.api_key, max_retries=0)

    def _aclient(self):
        return openai.AsyncOpenAI(base_url=self.url + "/v1", api_key=self.api_key, max_retries=0)

    @staticmethod
    def _response(raw, text, delta=None):
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), raw=raw, delta=delta)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        with self._client() as client:
            raw = client.chat.completions.create(**self._arguments(messages, **kwargs))
        return self._response(raw, raw.choices[0].message.content)

    async def achat(self, messages, **kwargs):
        async with self._aclient() as client:
            raw = await client.chat.completions.create(**self._arguments(messages, **kwargs))
        return self._response(raw, raw.choices[0].message.content)

    def stream_chat(self, messages, **kwargs):
        def parts():
            text = ""
            with self._client() as client:
                for chunk in client.chat.completions.create(**self._arguments(messages, stream=True, **kwargs)):
                    delta = chunk.choices[0].delta.content or ""
                    text += delta
                    yield self._response(chunk, text, delta)

        return parts()

    async def astream_chat(self, messages, **kwargs):
        async def parts():
            text = ""
            async with self._aclient() as client:
                async for chunk in await client.chat.completions.create(**self._arguments(messages, stream=True, **kwargs)):
                    delta = chunk.choices[0].delta.content or ""
                    text += delta
                    yield self._response(chunk, text, delta)

        return parts()

    @staticmethod
    def _completed(response):
        return CompletionResponse(text=response.message.content or "", delta=response.delta, raw=response.raw)

    def complete(self, prompt, formatted=False, **kwargs):
        return self._completed(self.chat([ChatMessage(role="user", content=prompt)], **kwargs))

    async def acomplete(self, prompt, formatted=False, **kwargs):
        return self._completed(await self.achat([ChatMessage(role="user", content=prompt)], **kwargs))

    def stream_complete(self, prompt, formatted=False, **kwargs):
        return (self._completed(part) for part in self.stream_chat([ChatMessage(role="user", content=prompt)], **kwargs))

    async def astream_complete(self, prompt, formatted=False, **kwargs):
        async def parts():
            async for part in await self.astream_chat([ChatMessage(role="user", content=prompt)], **kwargs):
                yield self._completed(part)

        return parts()

    def _prepare_chat_with_tools(self, tools, user_msg=None, chat_history=None, **kwargs):
        messages = [*(chat_history or []), ChatMessage(role="user", content=str(user_msg))]
        specs = [{"type": "function", "function": {"name": tool.metadata.name}} for tool in tools]
        return {"messages": messages, "tools": specs}

    def get_tool_calls_from_response(self, response, **kwargs):
        calls = response.raw.choices[0].message.tool_calls or []
        return [ToolSelection(tool_id=call.id, tool_name=call.function.name, tool_kwargs={}) for call in calls]


FORMS = ["complete", "chat", "stream_complete", "stream_chat", "acomplete", "achat", "astream_complete", "astream_chat"]


class Driver:
    def __init__(self, llm):
        self.llm, self.loop = llm, asyncio.new_event_loop()

    def call(self, form, text, history=(), **kwargs):
        """(text, hit, the parts of it)."""
        is_chat = "chat" in form
        given = [*history, ChatMessage(role="user", content=text)] if is_chat else text
        result = getattr(self.llm, form)(given, **kwargs)
        if form.startswith("a"):
            result = self.loop.run_until_complete(result)
        parts = [result]
        if "stream" in form:
            parts = self.loop.run_until_complete(self.drain(result)) if form.startswith("a") else list(result)
        last = parts[-1]
        return (last.message.content if is_chat else last.text), last._ferrocache_hit, parts

    @staticmethod
    async def drain(stream):
        return [part async for part in stream]

    def close(self):
        self.loop.run_until_complete(self.llm.aclose())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.llm.close()


@pytest.fixture
def drivers(node, upstream, request):
    made = []

    def make(inner=None, **options):
        options.setdefault("cache_scope", request.node.name)
        options.setdefault("cache_url", node.url)
        options.setdefault("timeout", 60.0)
        made.append(Driver(FerrocacheLLM(inner or Inner(url=upstream.url), **options)))
        return made[-1]

    yield make
    for driver in made:
        driver.close()


@pytest.mark.parametrize("form", FORMS)
def test_the_same_and_a_paraphrase_hit(drivers, upstream, form):
    driver = drivers()
    first, again, near = (driver.call(form, text) for text in (QUESTION, QUESTION, PARAPHRASE))
    assert [hit for _, hit, _ in (first, again, near)] == [False, True, True]
    assert [text.strip() for text, _, _ in (first, again, near)] == ["answer 1"] * 3
    assert type(again[2][-1]) is type(first[2][-1])
    assert again[2][-1]._ferrocache_similarity == 1.0
    assert driver.call(form, "Where is my parcel right now?")[1] is False
    assert len(upstream.calls) == 2


def test_all_forms_of_a_call_share_their_answers(drivers, upstream):
    driver = drivers()
    driver.call("stream_chat", QUESTION)
    driver.call("complete", QUESTION)
    for form in FORMS:
        assert driver.call(form, PARAPHRASE)[1] is True, form
    assert len(upstream.calls) == 2


def test_streams_of_hits_add_up(drivers, upstream):
    driver = drivers()
    upstream.answers(text="a rather long answer that is told in more than one part, as it should be, to whoever reads it")
    whole = driver.call("chat", QUESTION)[0]
    for form in ("stream_chat", "astream_chat"):
        parts = driver.call(form, QUESTION)[2]
        assert len(parts) > 1
        assert "".join(part.delta for part in parts) == whole
        assert parts[-1].message.content == whole
        assert parts[-1].message.role == MessageRole.ASSISTANT


def test_what_must_not_be_confused(drivers, upstream):
    driver, warm = drivers(), drivers(Inner(url=upstream.url, temperature=0.9))
    system = ChatMessage(role="system", content="in English")
    german = ChatMessage(role="system", content="in German")
    earlier = [ChatMessage(role="user", content="cats"), ChatMessage(role="assistant", content="yes")]
    calls = [(driver, [], {}), (driver, [system], {}), (driver, [german], {}), (driver, earlier, {}), (driver, [], {"stop": ["x"]}),
             (warm, [], {})]  # fmt: skip
    for number, (asked, history, more) in enumerate(calls, 1):
        assert asked.call("chat", QUESTION, history, **more)[:2] == (f"answer {number}", False)
    for number, (asked, history, more) in enumerate(calls, 1):
        assert asked.call("chat", PARAPHRASE, history, **more)[:2] == (f"answer {number}", True)


def test_a_key_that_rotates_is_not_part_of_the_question(drivers, upstream):
    drivers(Inner(url=upstream.url, api_key="old")).call("chat", QUESTION)
    assert drivers(Inner(url=upstream.url, api_key="new")).call("chat", QUESTION)[1] is True


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bad", [{"finish": "length"}, {"finish": "content_filter"}, {"text": " "}])
def test_answers_that_are_none_are_not_stored(drivers, upstream, form, bad):
    driver = drivers()
    upstream.answers(**bad)
    driver.call(form, QUESTION)
    upstream.answers(text="good")
    assert driver.call(form, QUESTION)[1] is False
    assert driver.call(form, QUESTION)[1] is True


@pytest.mark.parametrize("form", [form for form in FORMS if "stream" in form])
def test_streams_that_end_early_are_not_stored(drivers, upstream, form):
    driver = drivers()
    upstream.answers(text="one two three", end_without_finish=True)
    driver.call(form, QUESTION)
    if not form.startswith("a"):
        upstream.answers(text="one two three")
        given = [ChatMessage(role="user", content=QUESTION)] if "chat" in form else QUESTION
        stream = getattr(driver.llm, form)(given)
        next(stream)
        stream.close()
    upstream.answers(text="good")
    assert driver.call(form, QUESTION)[1] is False


def test_calls_with_tools_are_not_cached(drivers, upstream):
    from llama_index.core.tools import FunctionTool

    def look_up() -> str:
        """Looks up."""
        return "x"

    driver = drivers()
    upstream.answers(tool_call=True)
    for _ in range(2):
        response = driver.llm.chat_with_tools([FunctionTool.from_defaults(fn=look_up)], user_msg=QUESTION)
        (call,) = driver.llm.get_tool_calls_from_response(response)
        assert call.tool_name == "look_up"
    upstream.answers(text="good")
    for _ in range(2):
        driver.call("chat", QUESTION, tools=[{"type": "function", "function": {"name": "f"}}])
    assert len(upstream.calls) == 4


def test_the_framework_s_own_ways_lead_through_the_cache(drivers, upstream):
    from llama_index.core import PromptTemplate

    driver = drivers()
    template = PromptTemplate("Context: {context}\n\nQuestion: {question}\nAnswer:")
    context = "The shop opens at nine and closes at five. " * 10
    asked = [
        driver.llm.predict(template, context=context, question=q)
        for q in ("When does the shop open?", "At what time does the shop open?")
    ]
    assert asked == ["answer 1", "answer 1"]
    assert driver.llm.predict(template, context=context, question="Are returns free of charge?") == "answer 2"
    assert driver.llm.metadata.model_name == "m"
    assert driver.llm.inner.url == upstream.url


def test_without_a_cache_the_inner_llm_answers(drivers, upstream):
    driver = drivers(cache_url=f"http://127.0.0.1:{free_port()}")
    for form in FORMS:
        assert driver.call(form, QUESTION)[1] is None
    strict = drivers(cache_url=f"http://127.0.0.1:{free_port()}", fail_open=False)
    with pytest.raises(FerrocacheError):
        strict.call("chat", QUESTION)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda llm: llm.model_copy(deep=True), lambda llm: llm.model_copy()])
def test_a_copy_finds_what_the_other_stored(node, way):
    """A lock among its attributes cannot be copied."""
    options = {"cache_url": node.url, "embed_fn": lambda text: [float(len(text)), 1.0], "model_id": "copies", "timeout": 60.0}
    llm = FerrocacheLLM(MockLLM(), cache_scope=f"copies {uuid.uuid4()}", fail_open=False, **options)
    assert llm.complete(QUESTION)._ferrocache_hit is False
    other = way(llm)
    assert other.complete(QUESTION)._ferrocache_hit is True
    assert llm.complete(QUESTION)._ferrocache_hit is True
    for one in (llm, other):
        one.close()


class Stand:
    """What somebody's tests put in place of an LLM."""

    def complete(self, prompt, **kwargs):
        return CompletionResponse(text=f"to {prompt}")

    def chat(self, messages, **kwargs):
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content="hello"))


@pytest.mark.parametrize("kind", ["class", "mock", "mock of LLM"])
def test_a_stand_in_is_cached_like_an_llm(node, kind):
    inner = Stand()
    if kind != "class":
        inner = MagicMock(spec=LLM) if kind == "mock of LLM" else MagicMock()
        inner.complete.side_effect, inner.chat.side_effect = Stand().complete, Stand().chat
    options = {"cache_url": node.url, "embed_fn": lambda text: [float(len(text)), 1.0], "model_id": "stand", "timeout": 60.0}
    llm = FerrocacheLLM(inner, cache_scope=f"stand {uuid.uuid4()}", fail_open=False, **options)
    assert [llm.complete(QUESTION)._ferrocache_hit for _ in range(2)] == [False, True]
    assert [llm.chat([ChatMessage(role="user", content=QUESTION)])._ferrocache_hit for _ in range(2)] == [False, True]
    assert isinstance(llm.metadata, LLMMetadata)
    llm.close()


@pytest.mark.parametrize("inner", [None, "gpt-4o", Inner])
def test_what_is_no_llm_is_refused_at_once(inner):
    with pytest.raises(TypeError, match="inner must be an LLM of LlamaIndex"):
        FerrocacheLLM(inner, embed_fn=lambda text: [1.0], model_id="m")


def test_the_signature_of_the_contract():
    shown = [
        name
        for name, parameter in inspect.signature(FerrocacheLLM.__init__).parameters.items()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    assert shown == [
        "self", "inner", "cache_url", "threshold", "embed_fn", "model_id", "fail_open", "auth_token", "cache_scope",
        "conversation_id",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="model_id"):
        FerrocacheLLM(Inner(url="http://x"), embed_fn=lambda text: [1.0])
