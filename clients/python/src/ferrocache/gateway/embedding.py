"""Prompts to vectors: the package's embedders in threads, with what was embedded lately remembered."""

from __future__ import annotations

import array
import asyncio
import functools
import hashlib
import math
import time
from collections import OrderedDict
from concurrent.futures import Executor
from typing import Dict, Optional, Sequence, Type

from ..embeddings import CohereEmbeddings, Embedder, OllamaEmbeddings, OpenAIEmbeddings, VoyageEmbeddings, embedder
from ..embeddings._remote import RemoteEmbedder
from ..errors import FerrocacheError
from ._parts import Embedding
from ._table import ConfigError
from .metrics import Metrics

Vector = array.array  # of float32: a fourth of a list's size, and what the node computes with

DIMENSION_MAX = 4096
# Beyond an embedder's own time limit: how much later its thread may come back before nobody waits for it any more.
GRACE_SECONDS = 1.0
PROBE = "ready?"
# Readiness: a success is believed for a minute, so that probes cost no money; after a failure it is tried again soon.
FRESH_SECONDS, RETRY_SECONDS = 60.0, 1.0

_REMOTE: Dict[str, Type[RemoteEmbedder]] = {
    "openai": OpenAIEmbeddings,
    "voyage": VoyageEmbeddings,
    "cohere": CohereEmbeddings,
    "ollama": OllamaEmbeddings,
}


class EmbeddingFailed(Exception):
    """``kind``: unauthorized, too-many-requests, unavailable, or unusable (it answered, but with no vector)."""

    def __init__(self, kind: str, detail: str, retry_after: Optional[float] = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.retry_after = kind, detail, retry_after


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """-1 to 1; 0 for vectors of different length, or without one."""
    if len(a) != len(b):
        return 0.0
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return max(-1.0, min(1.0, sum(x * y for x, y in zip(a, b)) / lengths)) if lengths else 0.0


def build(settings: Embedding) -> Embedder:
    """The embedder of a configuration. Raises ConfigError with what to install or to set."""
    try:
        remote = _REMOTE.get(settings.provider)
        if remote is not None:
            return remote(settings.model, settings.url, settings.api_key)
        return embedder(f"{settings.provider}:{settings.model or ''}")
    except (ImportError, ValueError) as error:
        raise ConfigError(f"the embedder {settings.provider}: {error}") from error


class EmbeddingService:
    """One embedder for all caches of equal settings. Belongs to the event loop; the embedder itself runs in ``executor``."""

    def __init__(self, settings: Embedding, made: Embedder, executor: Executor, metrics: Metrics) -> None:
        self.name = made.name
        self._settings, self._embedder, self._executor = settings, made, executor
        self._failures = metrics.failures.labels("embedder")
        self._seconds = metrics.embedding_seconds.labels(made.name)
        self._remembered = metrics.embeddings_remembered.labels(made.name)
        self._known: OrderedDict[bytes, Vector[float]] = OrderedDict()  # by digest: no prompt stays in memory
        self._dimension = 0
        self._last_good = -math.inf
        self._last_bad = -math.inf
        self._last_fault = ""
        self._probing = asyncio.Lock()

    def close(self) -> None:
        """Of what an embedder keeps open, where it keeps anything."""
        if isinstance(self._embedder, RemoteEmbedder):
            self._embedder.close()

    async def vector(self, prompt: str) -> Vector[float]:
        key = hashlib.sha256(prompt.encode("utf-8")).digest()
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            self._remembered.inc()
            return known
        made = await self._embedded(prompt)
        self._known[key] = made
        while len(self._known) > self._settings.remembered_prompts:
            self._known.popitem(last=False)
        return made

    async def dimension(self) -> int:
        """Of the last vector; asks the embedder once if there was none yet."""
        if not self._dimension:
            await self._embedded(PROBE)
        return self._dimension

    async def fault(self) -> Optional[str]:
        """None if it works, else why not. Asks the embedder only if it was not heard of lately."""
        async with self._probing:
            now = time.monotonic()
            if self._last_good >= self._last_bad and now - self._last_good < FRESH_SECONDS:
                return None
            if self._last_bad > self._last_good and now - self._last_bad < RETRY_SECONDS:
                return self._last_fault
            try:
                await self._embedded(PROBE)
            except EmbeddingFailed as error:
                return error.detail
            return None

    async def _embedded(self, text: str) -> Vector[float]:
        begin = time.monotonic()
        try:
            made = await self._asked(text)
        except EmbeddingFailed as error:
            self._failures.inc()
            # What it could not embed, or not as often as somebody asked, says nothing about the prompts of others.
            if text == PROBE or error.kind in ("unauthorized", "unavailable"):
                self._last_bad, self._last_fault = time.monotonic(), error.detail
            raise
        self._seconds.observe(time.monotonic() - begin)
        self._last_good = time.monotonic()
        self._dimension = len(made)
        return made

    async def _asked(self, text: str) -> Vector[float]:
        limit = self._settings.timeout_seconds
        call = functools.partial(self._embedder.embed, text, limit)
        try:
            running = asyncio.get_running_loop().run_in_executor(self._executor, call)
            made = array.array("f", await asyncio.wait_for(running, limit + GRACE_SECONDS))
        except asyncio.TimeoutError as error:
            raise EmbeddingFailed("unavailable", f"the embedder did not answer within {limit:g} s") from error
        except FerrocacheError as error:
            raise _of_provider(error) from error
        except Exception as error:  # a library's own: a model that cannot be loaded, an answer of another shape
            raise EmbeddingFailed("unusable", f"the embedder failed: {type(error).__name__}") from error
        if not 0 < len(made) <= DIMENSION_MAX or not all(map(math.isfinite, made)) or not any(made):
            raise EmbeddingFailed("unusable", f"the embedder made no usable vector ({len(made)} numbers)")
        return made


def _of_provider(error: FerrocacheError) -> EmbeddingFailed:
    """By status alone: a provider's sentence may quote the prompt."""
    status = error.status
    if status in (401, 403):
        return EmbeddingFailed("unauthorized", f"the embedder refused its key (HTTP {status}); check the key of the embedding")
    if status == 429:
        return EmbeddingFailed("too-many-requests", "the embedder refused more requests (HTTP 429)", error.retry_after)
    if status is None or status >= 500:
        return EmbeddingFailed(
            "unavailable", "the embedder cannot be reached" if status is None else f"the embedder failed (HTTP {status})"
        )
    return EmbeddingFailed("unusable", f"the embedder answered without a vector (HTTP {status})")
