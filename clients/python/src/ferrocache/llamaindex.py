"""A LlamaIndex LLM that asks the cache before the LLM inside it.

    from ferrocache.llamaindex import FerrocacheLLM

    llm = FerrocacheLLM(OpenAI(model="gpt-4o-mini"))
    Settings.llm = llm

The inner LLM's settings, the system prompt and earlier messages must be equal for a hit; only the last user's text is compared
by meaning. Calls with tools go to the inner LLM and are not cached.
"""

from __future__ import annotations

import re
import threading
from typing import Any, AsyncGenerator, Callable, Dict, Generator, List, Optional, Sequence, Tuple, TypeVar, Union

try:
    from llama_index.core.base.llms.types import (
        ChatMessage,
        ChatResponse,
        ChatResponseAsyncGen,
        ChatResponseGen,
        CompletionResponse,
        CompletionResponseAsyncGen,
        CompletionResponseGen,
        LLMMetadata,
        MessageRole,
    )
    from llama_index.core.bridge.pydantic import PrivateAttr
    from llama_index.core.llms.function_calling import FunctionCallingLLM
    from llama_index.core.llms.llm import LLM, ToolSelection
except ImportError as error:  # pragma: no cover - depends on what is installed
    raise ImportError("the LlamaIndex LLM needs llama-index-core: pip install 'ferrocache[llamaindex]'") from error

from ._cache import DEFAULT_TIMEOUT_SECONDS, AsyncCache, Cache, Found, Options, Place
from ._finish import is_complete, reason_of
from ._key import Key, NotCacheable, is_absent, key_of, plain
from ._settings import Token
from .embeddings import Embedder, EmbedFunction
from .middleware._dialect import pieces
from .middleware._flow import mark

__all__ = ["FerrocacheLLM"]

Response = TypeVar("Response")

# Fields of an LLM that do not change what it says, or must not be looked at.
_NOT_OF_THE_ANSWER = re.compile(r"key|token$|secret|password|header|client|timeout|retr|callback|verbose|reuse|base_url$")
# Held for the making of a cache, once in an LLM's life. Not the LLM's own, which LlamaIndex copies and pickles.
_making = threading.Lock()
_TAKEN_OVER = (
    "callback_manager",
    "system_prompt",
    "messages_to_prompt",
    "completion_to_prompt",
    "output_parser",
    "pydantic_program_mode",
    "query_wrapper_prompt",
)


class FerrocacheLLM(FunctionCallingLLM):
    """Wraps any LLM. The other arguments are those of ``ferrocache.middleware.wrap_openai``.

    A response has ``_ferrocache_hit``: True, False, or None if the cache could not be used.
    """

    _inner: LLM = PrivateAttr()
    _options: Options = PrivateAttr()
    _sync: Optional[Cache] = PrivateAttr(default=None)
    _async: Optional[AsyncCache] = PrivateAttr(default=None)

    def __init__(
        self,
        inner: LLM,
        cache_url: Optional[str] = None,
        threshold: Optional[float] = None,
        embed_fn: Union[EmbedFunction, Embedder, str, None] = None,
        model_id: Optional[str] = None,
        fail_open: bool = True,
        auth_token: Optional[Token] = None,
        cache_scope: Optional[str] = None,
        conversation_id: Optional[str] = None,
        *,
        ttl_seconds: Optional[int] = None,
        tags: Sequence[str] = (),
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        numbers_exact: bool = True,
    ) -> None:
        options = Options.of(
            cache_url, threshold, embed_fn, model_id, fail_open, auth_token, cache_scope, conversation_id,
            ttl_seconds, tags, timeout, numbers_exact,
        )  # fmt: skip
        if isinstance(inner, type) or not callable(getattr(inner, "complete", None)):
            told = inner.__name__ + ", its class" if isinstance(inner, type) else type(inner).__name__
            raise TypeError(f"inner must be an LLM of LlamaIndex, not {told}")
        own = {}
        if isinstance(inner, LLM):  # also what only has its methods will do: a stand-in in somebody's tests
            own = {name: getattr(inner, name) for name in _TAKEN_OVER if getattr(inner, name, None) is not None}
        super().__init__(**own)
        self._inner, self._options = inner, options

    @classmethod
    def class_name(cls) -> str:
        return "FerrocacheLLM"

    @property
    def inner(self) -> LLM:
        """The LLM that is asked on a miss."""
        return self._inner

    @property
    def metadata(self) -> LLMMetadata:
        told = getattr(self._inner, "metadata", None)
        return told if isinstance(told, LLMMetadata) else LLMMetadata()

    # --- complete ---

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        found = self._lookup(self._completion_key(prompt, formatted, kwargs))
        if found.entry is not None:
            return _hit(CompletionResponse(text=found.entry["response"]), found)
        answer = self._inner.complete(prompt, formatted=formatted, **kwargs)
        self._store(found, _text_of_completion(answer))
        return _missed(answer, found)

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        found = await self._alookup(self._completion_key(prompt, formatted, kwargs))
        if found.entry is not None:
            return _hit(CompletionResponse(text=found.entry["response"]), found)
        answer = await self._inner.acomplete(prompt, formatted=formatted, **kwargs)
        await self._astore(found, _text_of_completion(answer))
        return _missed(answer, found)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        found = self._lookup(self._completion_key(prompt, formatted, kwargs))
        if found.entry is not None:
            return _replayed(found, _completion_part)
        return self._recording(self._inner.stream_complete(prompt, formatted=formatted, **kwargs), found, _text_of_completion)

    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        found = await self._alookup(self._completion_key(prompt, formatted, kwargs))
        if found.entry is not None:
            return _areplayed(found, _completion_part)
        stream = await self._inner.astream_complete(prompt, formatted=formatted, **kwargs)
        return self._arecording(stream, found, _text_of_completion)

    # --- chat ---

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        found = self._lookup(self._chat_key(messages, kwargs))
        if found.entry is not None:
            return _hit(_chat_response(found.entry["response"]), found)
        answer = self._inner.chat(messages, **kwargs)
        self._store(found, _text_of_chat(answer))
        return _missed(answer, found)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        found = await self._alookup(self._chat_key(messages, kwargs))
        if found.entry is not None:
            return _hit(_chat_response(found.entry["response"]), found)
        answer = await self._inner.achat(messages, **kwargs)
        await self._astore(found, _text_of_chat(answer))
        return _missed(answer, found)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        found = self._lookup(self._chat_key(messages, kwargs))
        if found.entry is not None:
            return _replayed(found, _chat_part)
        return self._recording(self._inner.stream_chat(messages, **kwargs), found, _text_of_chat)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        found = await self._alookup(self._chat_key(messages, kwargs))
        if found.entry is not None:
            return _areplayed(found, _chat_part)
        stream = await self._inner.astream_chat(messages, **kwargs)
        return self._arecording(stream, found, _text_of_chat)

    # --- tools: the inner LLM's business ---

    def _tool_caller(self) -> FunctionCallingLLM:
        if not isinstance(self._inner, FunctionCallingLLM):
            raise TypeError(f"{self._inner.class_name()} does not call functions")
        return self._inner

    def _prepare_chat_with_tools(self, *given: Any, **named: Any) -> Dict[str, Any]:
        return self._tool_caller()._prepare_chat_with_tools(*given, **named)

    def get_tool_calls_from_response(self, *given: Any, **named: Any) -> List[ToolSelection]:
        return self._tool_caller().get_tool_calls_from_response(*given, **named)

    def chat_with_tools(self, *given: Any, **named: Any) -> ChatResponse:
        return self._tool_caller().chat_with_tools(*given, **named)

    async def achat_with_tools(self, *given: Any, **named: Any) -> ChatResponse:
        return await self._tool_caller().achat_with_tools(*given, **named)

    def stream_chat_with_tools(self, *given: Any, **named: Any) -> ChatResponseGen:
        return self._tool_caller().stream_chat_with_tools(*given, **named)

    async def astream_chat_with_tools(self, *given: Any, **named: Any) -> ChatResponseAsyncGen:
        return await self._tool_caller().astream_chat_with_tools(*given, **named)

    # --- connections ---

    def close(self) -> None:
        """Closes the connections to the cache. A later call opens new ones."""
        if self._sync is not None:
            self._sync.client.close()

    async def aclose(self) -> None:
        """The same for those of the running event loop."""
        if self._async is not None:
            await self._async.client.aclose()

    # --- the cache ---

    def _sync_cache(self) -> Cache:
        with _making:
            if self._sync is None:
                self._sync = Cache(self._options)
            return self._sync

    def _async_cache(self) -> AsyncCache:
        with _making:
            if self._async is None:
                self._async = AsyncCache(self._options)
            return self._async

    def _lookup(self, key: Optional[Key]) -> Found:
        return NOT_FOR_THE_CACHE if key is None else self._sync_cache().lookup(key)

    async def _alookup(self, key: Optional[Key]) -> Found:
        return NOT_FOR_THE_CACHE if key is None else await self._async_cache().lookup(key)

    def _store(self, found: Found, text: Optional[str]) -> None:
        if text is not None and found is not NOT_FOR_THE_CACHE:
            self._sync_cache().store(found.place, text, {})

    async def _astore(self, found: Found, text: Optional[str]) -> None:
        if text is not None and found is not NOT_FOR_THE_CACHE:
            await self._async_cache().store(found.place, text, {})

    def _recording(
        self, stream: Generator[Any, None, None], found: Found, text_of: Callable[[Any], Optional[str]]
    ) -> Generator[Any, None, None]:
        last, reason = None, _Reason()
        for part in stream:
            last = part
            reason.see(part)
            yield _missed(part, found)
        if last is not None and reason.allows():
            self._store(found, text_of(last))

    async def _arecording(
        self, stream: AsyncGenerator[Any, None], found: Found, text_of: Callable[[Any], Optional[str]]
    ) -> AsyncGenerator[Any, None]:
        last, reason = None, _Reason()
        async for part in stream:
            last = part
            reason.see(part)
            yield _missed(part, found)
        if last is not None and reason.allows():
            await self._astore(found, text_of(last))

    # --- keys ---

    def _completion_key(self, prompt: str, formatted: bool, kwargs: Dict[str, Any]) -> Optional[Key]:
        try:
            exact = {"api": "llamaindex.complete", "llm": _settings_of(self._inner), "formatted": formatted, "more": plain(kwargs)}
            return key_of(exact, prompt, self._options.numbers_exact)
        except NotCacheable:
            return None

    def _chat_key(self, messages: Sequence[ChatMessage], kwargs: Dict[str, Any]) -> Optional[Key]:
        if kwargs.get("tools"):
            return None
        try:
            kept, text = _take_last_user_text([plain(message) for message in messages])
            exact = {"api": "llamaindex.chat", "llm": _settings_of(self._inner), "messages": kept, "more": plain(kwargs)}
            return key_of(exact, text, self._options.numbers_exact)
        except NotCacheable:
            return None


# A call that never asks the cache: its answers are misses and go nowhere.
NOT_FOR_THE_CACHE = Found(Place("", [], ""))


def _settings_of(inner: LLM) -> Dict[str, Any]:
    """What an LLM is set to, as far as it has a fixed text."""
    model = getattr(getattr(inner, "metadata", None), "model_name", None)
    kind = inner.class_name() if isinstance(inner, LLM) else None
    settings: Dict[str, Any] = {
        "class": kind if isinstance(kind, str) else type(inner).__qualname__,
        "model": model if isinstance(model, str) else None,
    }
    for name in getattr(type(inner), "model_fields", ()):
        if _NOT_OF_THE_ANSWER.search(name):
            continue
        value = getattr(inner, name, None)
        if is_absent(value):
            continue
        try:
            settings[name] = plain(value)
        except Exception as reason:  # a function, a parser: no text of its own
            settings[name] = type(reason).__name__
    return settings


def _take_last_user_text(messages: List[Any]) -> Tuple[List[Any], str]:
    """The messages without the text of the last user's, and that text."""
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].get("role") != MessageRole.USER.value:
            continue
        blocks = messages[place].get("blocks") or []
        texts = [block["text"] for block in blocks if block.get("block_type") == "text"]
        left = [{"block_type": "text"} if block.get("block_type") == "text" else block for block in blocks]
        return [*messages[:place], {**messages[place], "blocks": left}, *messages[place + 1 :]], "\n\n".join(texts)
    return messages, ""


class _Reason:
    """Why a stream ended, from the raw parts of those providers that say it."""

    def __init__(self) -> None:
        self._last: Optional[str] = None
        self._expected = False

    def see(self, part: Any) -> None:
        raw = getattr(part, "raw", None)
        has_choices = raw.get("choices") if isinstance(raw, dict) else getattr(raw, "choices", None)
        self._expected = self._expected or bool(has_choices)
        self._last = reason_of(raw) or self._last

    def allows(self) -> bool:
        return not self._expected if self._last is None else is_complete(self._last)


def _text_of_completion(answer: Any) -> Optional[str]:
    """The text to store, None if it must not be served again."""
    reason = reason_of(getattr(answer, "raw", None)) or reason_of(getattr(answer, "additional_kwargs", None))
    if reason is not None and not is_complete(reason):
        return None
    return answer.text if isinstance(answer.text, str) and answer.text.strip() else None


def _text_of_chat(answer: Any) -> Optional[str]:
    message = answer.message
    reason = reason_of(answer.raw) or reason_of(answer.additional_kwargs) or reason_of(message.additional_kwargs)
    if reason is not None and not is_complete(reason):
        return None
    if any(message.additional_kwargs.get(name) for name in ("tool_calls", "function_call", "refusal")):
        return None
    if any(getattr(block, "block_type", "text") != "text" for block in getattr(message, "blocks", [])):
        return None
    return message.content if isinstance(message.content, str) and message.content.strip() else None


def _chat_response(text: str, delta: Optional[str] = None) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=delta)


def _chat_part(text: str, delta: str) -> ChatResponse:
    return _chat_response(text, delta)


def _completion_part(text: str, delta: str) -> CompletionResponse:
    return CompletionResponse(text=text, delta=delta)


def _hit(answer: Response, found: Found) -> Response:
    mark(answer, True, found.entry)
    return answer


def _missed(answer: Response, found: Found) -> Response:
    mark(answer, None if found.place is None else False)
    return answer


def _parts(found: Found, make: Callable[[str, str], Any]) -> List[Any]:
    """The stored text as a stream gives it: each part with all the text so far."""
    assert found.entry is not None
    made, so_far = [], ""
    for piece in pieces(found.entry["response"]):
        so_far += piece
        made.append(_hit(make(so_far, piece), found))
    return made


def _replayed(found: Found, make: Callable[[str, str], Any]) -> Generator[Any, None, None]:
    yield from _parts(found, make)


async def _areplayed(found: Found, make: Callable[[str, str], Any]) -> AsyncGenerator[Any, None]:
    for part in _parts(found, make):
        yield part
