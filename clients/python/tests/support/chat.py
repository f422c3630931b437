"""One face for the four kinds of client, so that a test says once what holds for all of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Optional

import anthropic
import openai

from ferrocache.middleware import wrap_anthropic, wrap_openai

KINDS = ["openai", "openai-async", "anthropic", "anthropic-async"]
TOOLS = {
    "openai": [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}],
    "anthropic": [{"name": "look_up", "input_schema": {"type": "object", "properties": {}}}],
}


_CLIENTS: dict = {}


def shared_client(kind: str):
    """(event loop or None, client): made once for all tests, since making an SDK's client takes long."""
    if kind not in _CLIENTS:
        make = {
            "openai": openai.OpenAI, "openai-async": openai.AsyncOpenAI,
            "anthropic": anthropic.Anthropic, "anthropic-async": anthropic.AsyncAnthropic,
        }[kind]  # fmt: skip
        loop = asyncio.new_event_loop() if kind.endswith("async") else None
        _CLIENTS[kind] = loop, make(base_url="http://127.0.0.1:1", api_key="key", max_retries=0)
    return _CLIENTS[kind]


def close_shared() -> None:
    for loop, client in _CLIENTS.values():
        if loop is None:
            client.close()
            continue
        loop.run_until_complete(client.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    _CLIENTS.clear()


@dataclass
class Said:
    text: str
    hit: Optional[bool]
    raw: Any  # the SDK's answer, or the list of a stream's events
    stream: Any = None

    @property
    def similarity(self) -> float:
        return (self.stream if self.stream is not None else self.raw)._ferrocache_similarity


class Chat:
    """A wrapped client of one kind. ``ask`` sends a system prompt, earlier turns and a question."""

    def __init__(self, kind: str, upstream, cache_url: str, **options):
        self.sdk, _, flavour = kind.partition("-")
        self.is_async, self.upstream, self.scope = bool(flavour), upstream, options.get("cache_scope")
        self._loop, shared = shared_client(kind)
        if self.sdk == "openai":
            self.inner = shared.with_options(base_url=upstream.url + "/v1")
            self.client = wrap_openai(self.inner, cache_url=cache_url, **options)
            self.create = self.client.chat.completions.create
        else:
            self.inner = shared.with_options(base_url=upstream.url)
            self.client = wrap_anthropic(self.inner, cache_url=cache_url, **options)
            self.create = self.client.messages.create

    @property
    def flow(self):
        return self.create._ferrocache_flow

    def arguments(self, question, system="You are helpful.", history=(), **more) -> dict:
        messages = [{"role": role, "content": content} for role, content in history]
        messages.append({"role": "user", "content": question})
        if self.sdk == "openai":
            if system is not None:
                messages.insert(0, {"role": "system", "content": system})
            return {"model": "m", "messages": messages, **more}
        if system is not None:
            more["system"] = system
        return {"model": "m", "messages": messages, **{"max_tokens": 100, **more}}

    def ask(self, question, system="You are helpful.", history=(), **more) -> Said:
        answer = self.run(self.create, **self.arguments(question, system, history, **more))
        if more.get("stream"):
            events = self.drain(answer)
            return Said(self.text_of_events(events), answer._ferrocache_hit, events, answer)
        return Said(self.text_of(answer), answer._ferrocache_hit, answer)

    def ask_raw(self, question, **more) -> Optional[bool]:
        """Like ask, for answers that may have no text; returns whether it was a hit."""
        answer = self.run(self.create, **self.arguments(question, **more))
        if more.get("stream"):
            self.drain(answer)
        return answer._ferrocache_hit

    def run(self, function, *given, **named):
        result = function(*given, **named)
        return self._loop.run_until_complete(result) if self.is_async else result

    def next(self, stream):
        return self._loop.run_until_complete(stream.__anext__()) if self.is_async else next(stream)

    def drain(self, stream) -> list:
        if not self.is_async:
            return list(stream)

        async def all_of():
            return [event async for event in stream]

        return self._loop.run_until_complete(all_of())

    def text_of(self, answer) -> str:
        if self.sdk == "openai":
            return answer.choices[0].message.content
        return "".join(block.text for block in answer.content if block.type == "text")

    def text_of_events(self, events) -> str:
        if self.sdk == "openai":
            return "".join(event.choices[0].delta.content or "" for event in events if event.choices)
        return "".join(
            event.delta.text for event in events if event.type == "content_block_delta" and event.delta.type == "text_delta"
        )

    def close(self) -> None:
        self.run(self.flow.close_async if self.is_async else self.flow.close)
