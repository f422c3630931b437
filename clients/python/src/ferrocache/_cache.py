"""Look up and store under a Key: what the wrappers and the framework integrations share.

With ``fail_open`` nothing that goes wrong in the cache or the embedder reaches the caller: the request goes to the model within
the time limit, and a server that has been silent several times is left alone for a moment.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from numbers import Real
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ._calls import Embedding, Json, whole
from ._key import Key, model_id_with
from ._settings import Token, threshold_from_environment, url_from_environment
from .client import FerrocacheClient
from .embeddings import CustomEmbedder, Embedder, EmbedFunction, embedder
from .errors import FerrocacheError

log = logging.getLogger("ferrocache")

# For each thing that is waited for: the embedding by a network service, the lookup, the store.
DEFAULT_TIMEOUT_SECONDS = 1.0
CLIENT_RETRIES = 1
# After so many silences in a row the cache is not asked for a while.
SILENCES_MAX = 3
PAUSE_SECONDS = 2.0
# The server's limits.
NAME_BYTES_MAX, TTL_SECONDS_MAX = 256, 315_360_000


@dataclass(frozen=True)
class Options:
    """What a wrapper was told, checked, and completed from the environment."""

    url: str
    threshold: float
    embedder: Embedder
    model_id: Optional[str]
    fail_open: bool
    auth_token: Optional[Token]
    cache_scope: Optional[str]
    conversation_id: Optional[str]
    ttl_seconds: Optional[int] = None
    tags: Tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT_SECONDS
    numbers_exact: bool = True

    @staticmethod
    def of(
        cache_url: Optional[str],
        threshold: Optional[float],
        embed_fn: Union[EmbedFunction, Embedder, str, None],
        model_id: Optional[str],
        fail_open: bool,
        auth_token: Optional[Token],
        cache_scope: Optional[str],
        conversation_id: Optional[str],
        ttl_seconds: Optional[int] = None,
        tags: Sequence[str] = (),
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        numbers_exact: bool = True,
    ) -> Options:
        _check(threshold, cache_scope, conversation_id, ttl_seconds, tags, timeout)
        if embed_fn is None or isinstance(embed_fn, str):
            made = embedder(embed_fn)
        elif isinstance(embed_fn, Embedder):
            made = embed_fn
        elif not callable(embed_fn):  # would be noticed at the first question only, and fail open there
            method = "its embed_query" if hasattr(embed_fn, "embed_query") else "a function of a text"
            raise TypeError(f"embed_fn must be a function from a text to a vector, not {type(embed_fn).__name__}: give {method}")
        elif not model_id:
            raise ValueError("embed_fn needs a model_id of your choice: entries of different models must not meet")
        else:
            made = CustomEmbedder(embed_fn)
        return Options(
            url=cache_url or url_from_environment(),
            threshold=threshold_from_environment() if threshold is None else float(threshold),
            embedder=made,
            model_id=model_id or None,
            fail_open=fail_open,
            auth_token=auth_token,
            cache_scope=cache_scope,
            conversation_id=conversation_id,
            ttl_seconds=whole(ttl_seconds),
            tags=tuple(tags),
            timeout=timeout,
            numbers_exact=numbers_exact,
        )


def _check(threshold: Any, cache_scope: Any, conversation_id: Any, ttl_seconds: Any, tags: Any, timeout: Any) -> None:
    """What the server would refuse at each question is told when a wrapper is made: failing open, nobody would notice there."""
    if threshold is not None and not (_is_number(threshold) and 0.0 <= threshold <= 1.0):
        raise (ValueError if _is_number(threshold) else TypeError)(f"threshold must be a number from 0 to 1, not {threshold!r}")
    for name, value in (("cache_scope", cache_scope), ("conversation_id", conversation_id)):
        if not (value is None or isinstance(value, str)):
            raise TypeError(f"{name} must be a string, not {type(value).__name__}")
        if len((value or "").encode("utf-8", "surrogatepass")) > NAME_BYTES_MAX:
            raise ValueError(f"{name} must have at most {NAME_BYTES_MAX} bytes")
    if (cache_scope or "").strip().startswith("conv_"):
        raise ValueError("cache_scope must not begin with conv_, which is kept for conversations: give conversation_id")
    is_whole = _is_number(ttl_seconds) and isinstance(whole(ttl_seconds), int)
    if ttl_seconds is not None and not (is_whole and 1 <= ttl_seconds <= TTL_SECONDS_MAX):
        raise ValueError(f"ttl_seconds must be a whole number from 1 to {TTL_SECONDS_MAX}, or None, not {ttl_seconds!r}")
    if isinstance(tags, str):
        raise TypeError("tags must be a list of strings, not one string")
    if timeout is not None and not (_is_number(timeout) and timeout > 0):
        raise ValueError(f"timeout must be a number of seconds above 0, not {timeout!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


@dataclass(frozen=True)
class Place:
    """Where an answer belongs: the namespace and the vector of the question."""

    model_id: str
    embedding: Embedding
    query_text: str


def place_of(base: Optional[str], embedder_name: str, key: Key, vector: Optional[Embedding]) -> Place:
    """``base``: the caller's own name of the model, which takes the place of the embedder's."""
    if vector is None or key.question is None:
        # Only ever found by its own text, which the namespace names: any vector will do.
        return Place(model_id_with(base or embedder_name, key.digest, None), [1.0], "")
    model_id = model_id_with(base or f"{embedder_name}::{len(vector)}", key.digest, len(vector))
    return Place(model_id, vector, key.question)


@dataclass(frozen=True)
class Found:
    """The outcome of a lookup. Usable: ``place`` is set, and ``entry`` on a hit. Not usable: neither."""

    place: Optional[Place] = None
    entry: Optional[Json] = None

    @property
    def hit(self) -> Optional[bool]:
        """True, False, or None if the cache could not be used."""
        return None if self.place is None else self.entry is not None


UNUSABLE = Found()


class Pause:
    """Counts silences in a row; says when not to ask. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silences = 0
        self._until = 0.0

    def __reduce__(self) -> Tuple[Any, ...]:
        return Pause, ()

    def is_on(self) -> bool:
        with self._lock:
            return time.monotonic() < self._until

    def note(self, error: Optional[BaseException]) -> None:
        """After a call: what it raised. An HTTP status is an answer, not a silence."""
        silent = error is not None and getattr(error, "status", None) is None
        with self._lock:
            self._silences = self._silences + 1 if silent else 0
            if self._silences >= SILENCES_MAX:
                self._until = time.monotonic() + PAUSE_SECONDS


class CacheBase:
    """What the two caches below have in common: where things go, and what a fault means."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._pause = Pause()

    def _place(self, key: Key, vector: Optional[List[float]]) -> Place:
        return place_of(self.options.model_id, self.options.embedder.name, key, vector)

    def _query(self, place: Place) -> Dict[str, Any]:
        return {
            "embedding": place.embedding,
            "threshold": self.options.threshold,
            "model_id": place.model_id,
            "query_text": place.query_text,
            "cache_scope": self.options.cache_scope,
            "conversation_id": self.options.conversation_id,
        }

    def _insert(
        self, place: Place, response: str, attributes: Mapping[str, str], cost: Optional[float], tags: Sequence[str]
    ) -> Dict[str, Any]:
        return {
            "embedding": place.embedding,
            "response": response,
            "query_text": place.query_text,
            "model_id": place.model_id,
            "ttl_seconds": self.options.ttl_seconds,
            "cache_scope": self.options.cache_scope,
            "conversation_id": self.options.conversation_id,
            "attributes": attributes or None,
            "tags": [*self.options.tags, *tags] or None,
            "cost": cost,
        }

    def _failed(self, what: str, error: Exception) -> None:
        """Raises FerrocacheError, or with fail_open says it in the log."""
        self._pause.note(error)
        if not self.options.fail_open:
            if isinstance(error, FerrocacheError):
                raise error
            raise FerrocacheError(f"{what}: {error}") from error
        log.warning("%s, the model is asked without it: %s", what, error)

    def _skipped(self) -> bool:
        return self.options.fail_open and self._pause.is_on()


class Cache(CacheBase):
    """For callers without an event loop. Any thread may call."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        if isinstance(options.embedder, CustomEmbedder) and options.embedder.is_async:
            raise TypeError("an asynchronous embed_fn needs an asynchronous client")
        self.client = FerrocacheClient(options.url, options.timeout, options.auth_token, retries=CLIENT_RETRIES)

    def lookup(self, key: Key) -> Found:
        if self._skipped():
            return UNUSABLE
        try:
            vector = None if key.question is None else self.options.embedder.embed(key.question, self.options.timeout)
        except Exception as error:
            self._failed("the question could not be embedded", error)
            return UNUSABLE
        place = self._place(key, vector)
        try:
            entry = self.client.query(**self._query(place))
        except Exception as error:
            self._failed("the cache could not be asked", error)
            return UNUSABLE
        self._pause.note(None)
        return Found(place, entry if entry.get("hit") else None)

    def store(
        self,
        place: Optional[Place],
        response: str,
        attributes: Mapping[str, str],
        cost: Optional[float] = None,
        tags: Sequence[str] = (),
    ) -> None:
        if place is None:
            return
        try:
            self.client.insert(**self._insert(place, response, attributes, cost, tags))
        except Exception as error:
            self._failed("the answer could not be stored", error)


class AsyncCache(CacheBase):
    """The same on an event loop: embedders that block run in a thread."""

    def __init__(self, options: Options) -> None:
        from .async_client import AsyncFerrocacheClient

        super().__init__(options)
        self.client = AsyncFerrocacheClient(options.url, options.timeout, options.auth_token, retries=CLIENT_RETRIES)

    async def _embed(self, text: str) -> List[float]:
        made = self.options.embedder
        if isinstance(made, CustomEmbedder) and made.is_async:
            return await asyncio.wait_for(made.embed_async(text), self.options.timeout if self.options.fail_open else None)
        return await asyncio.to_thread(made.embed, text, self.options.timeout)

    async def lookup(self, key: Key) -> Found:
        if self._skipped():
            return UNUSABLE
        try:
            vector = None if key.question is None else await self._embed(key.question)
        except Exception as error:
            self._failed("the question could not be embedded", error)
            return UNUSABLE
        place = self._place(key, vector)
        try:
            entry = await self.client.query(**self._query(place))
        except Exception as error:
            self._failed("the cache could not be asked", error)
            return UNUSABLE
        self._pause.note(None)
        return Found(place, entry if entry.get("hit") else None)

    async def store(
        self,
        place: Optional[Place],
        response: str,
        attributes: Mapping[str, str],
        cost: Optional[float] = None,
        tags: Sequence[str] = (),
    ) -> None:
        if place is None:
            return
        try:
            await self.client.insert(**self._insert(place, response, attributes, cost, tags))
        except Exception as error:
            self._failed("the answer could not be stored", error)
