"""One cache on the node: its namespace, its attributes, its entries.

A cache lives in the scope ``langcache.<id>`` of the node, in a namespace of its embedding model: no other cache, and no program
that uses another scope, can see its entries, and a cache whose model was changed does not compare vectors of the old one.
"""

from __future__ import annotations

import time
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional

from .._calls import Json
from ..async_client import AsyncFerrocacheClient
from ..errors import FerrocacheError
from .config import NORMALISED
from .embedding import EmbeddingService, Vector, cosine
from .metrics import Metrics

SCOPE_PREFIX = "langcache."
# A value may have more bytes than an attribute of the node. A longer one is kept in parts, under names with dots, which no
# attribute of a cache can have, and with the number of parts, so that the beginning of a longer value is not taken for a shorter
# one. The node takes 16 attributes; one is for EXPIRES.
PART_BYTES_MAX, PARTS_MAX = 1024, 15
_FIRST_PARTS = frozenset(f"1.{count}" for count in range(2, PARTS_MAX + 1))
EXPIRES = ".expires_ms"
# The node counts whole seconds. What ends between two of them is deleted by whoever finds it; a search that comes upon such ones
# so many times in a row is a miss.
EXPIRED_MAX = 8


def to_node(attributes: Mapping[str, str]) -> Dict[str, str]:
    """Attributes as the node keeps them. Equal values become equal parts, others never do: entries are matched by them."""
    kept: Dict[str, str] = {}
    for name, value in attributes.items():
        parts = _parts(value.encode("utf-8"))
        if len(parts) == 1:
            kept[name] = value
        else:
            kept.update({f"{name}.{number}.{len(parts)}": part for number, part in enumerate(parts, 1)})
    return kept


def _parts(data: bytes) -> List[str]:
    made = []
    while len(data) > PART_BYTES_MAX:
        cut = PART_BYTES_MAX
        while data[cut] & 0xC0 == 0x80:  # not inside a character
            cut -= 1
        made.append(data[:cut].decode("utf-8"))
        data = data[cut:]
    return [*made, data.decode("utf-8")]


def from_node(kept: Mapping[str, str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for key, value in kept.items():
        name, dot, rest = key.partition(".")
        if not dot:
            found[name] = value
        elif rest in _FIRST_PARTS:
            count = int(rest[2:])
            found[name] = "".join(kept.get(f"{name}.{number}.{count}", "") for number in range(1, count + 1))
    return found


class CacheStore:
    """Belongs to the event loop. Raises FerrocacheError (the node's fault) and EmbeddingFailed."""

    def __init__(
        self,
        cache_id: str,
        scale: str,
        node: AsyncFerrocacheClient,
        embedding: EmbeddingService,
        metrics: Metrics,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.scope = SCOPE_PREFIX + cache_id
        self.embedding = embedding
        self._normalised = scale == NORMALISED
        self._node, self._clock = node, wall_clock
        self._failures = metrics.failures.labels("node")

    async def add(self, prompt: str, response: str, attributes: Mapping[str, str], ttl_millis: Optional[int]) -> str:
        """The new entry's id, when it is durable and every search sees it. The id is made here, so that the insert can be
        repeated when its answer was lost, and no second entry comes of it."""
        vector = await self.embedding.vector(prompt)
        kept = to_node(attributes)
        ttl_seconds = None
        if ttl_millis is not None:
            ttl_seconds = -(-ttl_millis // 1000)
            if ttl_millis % 1000:
                kept[EXPIRES] = str(int(self._clock() * 1000) + ttl_millis)
        entry_id = uuid.uuid4().hex
        with _Counted(self._failures):
            await self._node.insert(
                vector, response, prompt, self._model_id(len(vector)), ttl_seconds, self.scope, id=entry_id, attributes=kept
            )
        return entry_id

    async def exact(self, prompt: str, attributes: Mapping[str, str]) -> List[Json]:
        """The newest entry of that prompt, letter case and runs of white space aside. Embeds nothing: the node finds it by its
        text, and the vector that it wants beside it can be any."""
        dimension = await self.embedding.dimension()
        any_vector: Vector[float] = Vector("f", bytes(4 * dimension))
        any_vector[0] = 1.0
        return [match for match in await self._found(any_vector, 1.0, prompt, attributes, 1) if match["exact_match"]]

    async def similar(
        self, prompt: str, attributes: Mapping[str, str], threshold: float, count: int, exact_first: bool = False
    ) -> List[Json]:
        """The nearest entries, best first; with ``exact_first`` one of the same prompt before them."""
        vector = await self.embedding.vector(prompt)
        least = max(0.0, 2.0 * threshold - 1.0) if self._normalised else threshold
        found = await self._found(vector, least, prompt if exact_first else None, attributes, count)
        for match in found:
            match["similarity"] = await self._scaled(match, vector)
        return [match for match in found if match["exact_match"] or match["similarity"] >= threshold - 1e-6]

    async def delete(self, entry_id: str) -> bool:
        """False if there is no such entry in this cache."""
        with _Counted(self._failures):
            return bool((await self._node.delete_entry(entry_id, cache_scope=self.scope))["deleted"])

    async def delete_matching(self, attributes: Mapping[str, str]) -> int:
        with _Counted(self._failures):
            done = await self._node.invalidate_matching(attributes=to_node(attributes), cache_scope=self.scope)
        return int(done["deleted_count"])

    async def flush(self) -> int:
        with _Counted(self._failures):
            return int((await self._node.invalidate_matching(cache_scope=self.scope))["deleted_count"])

    def _model_id(self, dimension: int) -> str:
        return f"{self.embedding.name}::{dimension}"

    async def _found(
        self, vector: Vector[float], threshold: float, text: Optional[str], attributes: Mapping[str, str], count: int
    ) -> List[Json]:
        model_id, kept = self._model_id(len(vector)), to_node(attributes)
        for _ in range(EXPIRED_MAX):
            with _Counted(self._failures):
                answer = await self._node.query(vector, threshold, model_id, text, self.scope, attributes=kept or None, top_k=count)
            matches: List[Json] = answer["matches"] if count > 1 else [answer] if answer["hit"] else []
            over = [match for match in matches if self._is_over(match)]
            if not over:
                return matches
            for match in over:
                await self.delete(match["id"])
        return []

    def _is_over(self, match: Json) -> bool:
        ends = match["attributes"].get(EXPIRES, "")
        return ends.isdecimal() and int(ends) <= self._clock() * 1000

    async def _scaled(self, match: Json, vector: Vector[float]) -> float:
        """The similarity on this cache's scale, 0 to 1."""
        if match["exact_match"]:
            return 1.0
        cosine = min(1.0, float(match["similarity"]))
        if not self._normalised:
            return cosine
        if cosine <= 0.0:  # the node tells no negative cosines, which make a difference here
            cosine = await self._cosine(match["id"], vector)
        return (1.0 + cosine) / 2.0

    async def _cosine(self, entry_id: str, vector: Vector[float]) -> float:
        try:
            with _Counted(self._failures):
                entry = await self._node.get_entry(
                    entry_id, model_id=self._model_id(len(vector)), cache_scope=self.scope, vector=True
                )
        except FerrocacheError as error:
            if error.status == 404:  # gone meanwhile
                return -1.0
            raise
        return cosine(vector, entry["embedding"])


class _Counted:
    """Counts the failures of a node that pass through."""

    def __init__(self, counter: Any) -> None:
        self._counter = counter

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, FerrocacheError):
            self._counter.inc()
