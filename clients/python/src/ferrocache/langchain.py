"""A LangChain cache that finds answers by meaning.

    from langchain_core.globals import set_llm_cache
    from ferrocache.langchain import FerrocacheCache

    set_llm_cache(FerrocacheCache())

The model and its settings (LangChain's ``llm_string``), the system prompt, earlier turns and tools must be equal for a hit; only
what the human said last is compared by meaning. Tool calls, truncated and filtered answers are not stored.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

try:
    from langchain_core.caches import BaseCache
    from langchain_core.messages import AIMessage, BaseMessageChunk, message_chunk_to_message, message_to_dict, messages_from_dict
    from langchain_core.outputs import ChatGeneration, Generation
except ImportError as error:  # pragma: no cover - depends on what is installed
    raise ImportError("the LangChain cache needs langchain-core: pip install 'ferrocache[langchain]'") from error

from ._cache import DEFAULT_TIMEOUT_SECONDS, AsyncCache, Cache, Found, Options, Place
from ._calls import Json
from ._finish import is_complete, reason_of
from ._key import Key, NotCacheable, digest_of, key_of, plain
from ._settings import Token
from .embeddings import Embedder, EmbedFunction

__all__ = ["FerrocacheCache"]

log = logging.getLogger("ferrocache")

FORMAT, GENERATIONS = "ferrocache.format", "langchain.generations"
# Lookups whose answer is still being made: what they found out about their question is used when it is stored.
PENDING_MAX = 1024
# Of a message: what does not change what it says to the model.
_INCIDENTAL = frozenset({"id", "response_metadata", "usage_metadata"})


class FerrocacheCache(BaseCache):
    """Give it to ``set_llm_cache`` or to a model's ``cache``. Any thread and any event loop may use it.

    The arguments are those of ``ferrocache.middleware.wrap_openai``. ``clear`` deletes what was stored through a cache of the
    same model, scope and conversation; it needs a token that may administrate, where there are tokens.
    """

    def __init__(
        self,
        embed_fn: Union[EmbedFunction, Embedder, str, None] = None,
        cache_url: Optional[str] = None,
        threshold: Optional[float] = None,
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
        self._options = Options.of(
            cache_url, threshold, embed_fn, model_id, fail_open, auth_token, cache_scope, conversation_id,
            ttl_seconds, tags, timeout, numbers_exact,
        )  # fmt: skip
        base = self._options.model_id or self._options.embedder.name
        self._tag = "langchain:" + digest_of({"base": base, "scope": cache_scope or "", "conversation": conversation_id or ""})
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._pending: OrderedDict[str, Place] = OrderedDict()
        self._sync: Optional[Cache] = None
        self._async: Optional[AsyncCache] = None

    def __getstate__(self) -> Dict[str, Any]:
        return {"_options": self._options, "_tag": self._tag}  # what is under way, and connections, are not a copy's

    def __setstate__(self, state: Dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    # --- LangChain's interface ---

    def lookup(self, prompt: str, llm_string: str) -> Optional[List[Generation]]:
        key = self._key(prompt, llm_string)
        if key is None:
            return None
        return self._remembered(prompt, llm_string, self._sync_cache().lookup(key))

    async def alookup(self, prompt: str, llm_string: str) -> Optional[List[Generation]]:
        key = self._key(prompt, llm_string)
        if key is None:
            return None
        return self._remembered(prompt, llm_string, await self._async_cache().lookup(key))

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        stored, key = _stored(return_val), self._key(prompt, llm_string)
        if stored is None or key is None:
            return
        place = self._taken(prompt, llm_string) or self._sync_cache().lookup(key).place
        self._sync_cache().store(place, stored[0], stored[1], tags=[self._tag])

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        stored, key = _stored(return_val), self._key(prompt, llm_string)
        if stored is None or key is None:
            return
        place = self._taken(prompt, llm_string) or (await self._async_cache().lookup(key)).place
        await self._async_cache().store(place, stored[0], stored[1], tags=[self._tag])

    def clear(self, **kwargs: Any) -> None:
        """Deletes what this cache stored. Raises FerrocacheError if it could not, whatever ``fail_open`` says."""
        self._sync_cache().client.invalidate_matching(tags=[self._tag], cache_scope=self._options.cache_scope)

    async def aclear(self, **kwargs: Any) -> None:
        await self._async_cache().client.invalidate_matching(tags=[self._tag], cache_scope=self._options.cache_scope)

    def close(self) -> None:
        """Closes the connections. A later call opens new ones."""
        if self._sync is not None:
            self._sync.client.close()

    async def aclose(self) -> None:
        """The same for those of the running event loop."""
        if self._async is not None:
            await self._async.client.aclose()

    # --- parts ---

    def _sync_cache(self) -> Cache:
        with self._lock:
            if self._sync is None:
                self._sync = Cache(self._options)
            return self._sync

    def _async_cache(self) -> AsyncCache:
        with self._lock:
            if self._async is None:
                self._async = AsyncCache(self._options)
            return self._async

    def _key(self, prompt: str, llm_string: str) -> Optional[Key]:
        exact: Dict[str, Any] = {"api": "langchain", "llm": llm_string}
        messages = _chat_messages(prompt)
        if messages is None:
            return key_of(exact, prompt, self._options.numbers_exact)
        try:
            exact["messages"], text = _take_last_human_text(messages)
            return key_of(exact, text, self._options.numbers_exact)
        except NotCacheable:
            return None

    def _remembered(self, prompt: str, llm_string: str, found: Found) -> Optional[List[Generation]]:
        if found.entry is not None:
            return _generations(found.entry)
        if found.place is not None:
            with self._lock:
                self._pending[digest_of({"p": prompt, "l": llm_string})] = found.place
                while len(self._pending) > PENDING_MAX:
                    self._pending.popitem(last=False)
        return None

    def _taken(self, prompt: str, llm_string: str) -> Optional[Place]:
        with self._lock:
            return self._pending.pop(digest_of({"p": prompt, "l": llm_string}), None)


def _chat_messages(prompt: str) -> Optional[List[Json]]:
    """A chat model's prompt is the JSON of its messages; None for the text prompt of a completion model."""
    if not prompt.lstrip().startswith("["):
        return None
    try:
        messages = json.loads(prompt)
    except ValueError:
        return None
    if isinstance(messages, list) and messages and all(isinstance(m, dict) and m.get("lc") and "kwargs" in m for m in messages):
        return messages
    return None


def _take_last_human_text(messages: List[Json]) -> Tuple[List[Any], str]:
    """The messages, without what is incidental and the last human's text, and that text."""
    kept = []
    for message in messages:
        kwargs = {name: value for name, value in message["kwargs"].items() if name not in _INCIDENTAL}
        kept.append({"kind": (message.get("id") or [""])[-1], "kwargs": plain(kwargs)})
    for message in reversed(kept):
        if not message["kind"].startswith("HumanMessage"):
            continue
        content = message["kwargs"].pop("content", "")
        if isinstance(content, str):
            return kept, content
        texts = [part if isinstance(part, str) else part["text"] for part in content if _is_text(part)]
        message["kwargs"]["content"] = ["text" if _is_text(part) else part for part in content]
        return kept, "\n\n".join(texts)
    return kept, ""


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str))


def _stored(generations: Sequence[Generation]) -> Optional[Tuple[str, Dict[str, str]]]:
    """(response, attributes) of an entry; None if any of the generations must not be served again."""
    if not generations or not all(_is_whole(generation) for generation in generations):
        return None
    first = generations[0]
    if len(generations) == 1 and not isinstance(first, ChatGeneration) and not first.generation_info:
        return first.text, {}
    try:
        return json.dumps([_as_json(generation) for generation in generations]), {FORMAT: GENERATIONS}
    except (TypeError, ValueError) as error:
        log.warning("a generation is not stored, it is no JSON: %s", error)
        return None


def _is_whole(generation: Generation) -> bool:
    if not generation.text.strip():
        return False
    reasons = [reason_of(generation.generation_info)]
    if isinstance(generation, ChatGeneration):
        message = generation.message
        if any(getattr(message, name, None) for name in ("tool_calls", "invalid_tool_calls", "tool_call_chunks")):
            return False
        if any(message.additional_kwargs.get(name) for name in ("tool_calls", "function_call", "refusal", "audio")):
            return False
        reasons.append(reason_of(getattr(message, "response_metadata", None)))
    return all(is_complete(reason) for reason in reasons if reason is not None)


def _as_json(generation: Generation) -> Json:
    if not isinstance(generation, ChatGeneration):
        return {"text": generation.text, "info": generation.generation_info}
    message = generation.message
    if isinstance(message, BaseMessageChunk):
        message = message_chunk_to_message(message)
    return {"message": message_to_dict(message), "info": generation.generation_info}


def _generations(entry: Json) -> Optional[List[Generation]]:
    text = entry["response"]
    if (entry.get("attributes") or {}).get(FORMAT) != GENERATIONS:
        return [Generation(text=text)]
    made: List[Generation] = []
    try:
        for item in json.loads(text):
            if "message" in item:
                (message,) = messages_from_dict([item["message"]])
                if not isinstance(message, AIMessage):
                    raise ValueError(f"a message of type {message.type}")
                made.append(ChatGeneration(message=message, generation_info=item.get("info")))
            else:
                made.append(Generation(text=item["text"], generation_info=item.get("info")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("an entry of the cache holds no generations: %s", error)
        return None
    return made or None
