"""Answers in the cluster: finding one that may still be served, storing one, invalidating what was made from a dependency.

An answer lies in its tenant's scope, in a namespace of embedding model and key. With it are kept when it was made, for how long
it is fresh, and what it was made from.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..._cache import Pause, Place, place_of
from ..._calls import Json
from ...async_client import AsyncFerrocacheClient
from ...errors import FerrocacheError
from ...middleware._dialect import Stored
from ...middleware._tool_calls import CALLS
from .._parts import TTL_SECONDS_MAX
from ..embedding import EmbeddingFailed, EmbeddingService
from ..store import from_node, to_node
from .ask import Ask
from .config import ProxySettings
from .deps import COMMON_SCOPE, DepStates, State, digest, from_text, is_current, tag_of, to_text

# Attributes of an entry: milliseconds since 1970 and seconds of freshness; the dependencies, in parts if they are many.
MADE, DEPS = "made", "deps"
# How many of the nearest entries are looked at, since the nearest may be out of date.
CANDIDATES_MAX = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hit:
    """``fresh_seconds``: how long it still is; not above zero: it is stale."""

    entry: Json
    is_exact: bool
    similarity: float
    age_seconds: float
    fresh_seconds: float


@dataclass(frozen=True)
class Lookup:
    """``place``: where a new answer belongs, None = it cannot be stored. ``hit``: what may be served. ``last_resort``: what may
    be served if the provider fails. ``fault``: why the cache could not be used, empty if it could."""

    place: Optional[Place] = None
    hit: Optional[Hit] = None
    last_resort: Optional[Hit] = None
    states: Mapping[str, State] = field(default_factory=dict)
    fault: str = ""


@dataclass
class _At:
    """How far a lookup got: whom it waits for."""

    embedding: bool = False


class Entries:
    """Belongs to the event loop. Nothing that goes wrong in here reaches a caller, ``invalidate`` apart."""

    def __init__(
        self,
        settings: ProxySettings,
        node: AsyncFerrocacheClient,
        embedding: EmbeddingService,
        count_failure: Callable[[], None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._node, self._embedding = settings, node, embedding
        self._count_failure, self._clock = count_failure, wall_clock
        # Twice as long as any answer that could need it.
        life = min(TTL_SECONDS_MAX, 2 * settings.life_seconds_max)
        self._deps = DepStates(node, life, settings.invalidate_without_token, wall_clock)
        self._pause, self._embedder_pause = Pause(), Pause()

    # --- finding ---

    async def lookup(self, ask: Ask) -> Lookup:
        if self._pause.is_on():
            return Lookup(fault="the cache is left alone for a moment")
        at = _At()
        try:
            found = await asyncio.wait_for(self._lookup(ask, at), self._settings.cache_timeout_seconds)
        except asyncio.TimeoutError as error:
            if at.embedding:  # the node has answered
                return Lookup(fault=self._not_embedded("it did not answer in time", error))
            return self._failed("it did not answer in time", error)
        except (FerrocacheError, ValueError) as error:
            return self._failed(str(error), error)
        self._pause.note(None)
        return found

    def _failed(self, why: str, error: Exception) -> Lookup:
        self._pause.note(error)
        self._count_failure()
        _log.warning("the cache could not be asked, the provider is: %s", why)
        return Lookup(fault="the cache cannot be used")

    def _not_embedded(self, why: str, error: Exception) -> str:
        self._embedder_pause.note(error)
        _log.warning("a question could not be embedded, the provider is asked: %s", why)
        return "the question could not be embedded"

    async def _lookup(self, ask: Ask, at: _At) -> Lookup:
        if ask.controls.no_cache:
            states = await self._deps.current(ask.scope, [dep.id for dep in ask.deps])
            place, fault = await self._place(ask, at)
            return Lookup(place, states=states, fault=fault)
        states, exact = await _both(self._deps.current(ask.scope, [dep.id for dep in ask.deps]), self._exact(ask))
        hit = await self._judged(ask, exact, states, True) if exact is not None else None
        if hit is not None and self._may_serve(ask, hit):
            return Lookup(None, hit, states=states)
        resort = hit if hit is not None and self._may_serve_after_failure(ask, hit) else None
        place, fault = await self._place(ask, at)
        if place is None:
            return Lookup(None, None, resort, states, fault)
        near = None if ask.key is None or ask.key.question is None else await self._near(ask, place, states)
        return Lookup(place, near, resort, states)

    async def placed(self, ask: Ask, lookup: Lookup) -> Lookup:
        """With the place that a lookup which found something left out: the caller did not have to wait for it."""
        try:
            place, fault = await asyncio.wait_for(self._place(ask, _At()), self._settings.cache_timeout_seconds)
        except asyncio.TimeoutError as error:
            place, fault = None, self._not_embedded("it did not answer in time", error)
        return dataclasses.replace(lookup, place=place, fault=fault)

    async def _place(self, ask: Ask, at: _At) -> Tuple[Optional[Place], str]:
        """None and why, if the embedder fails."""
        assert ask.key is not None
        if ask.key.question is None:
            return place_of(None, self._embedding.name, ask.key, None), ""
        if self._embedder_pause.is_on():
            return None, "the embedder is left alone for a moment"
        at.embedding = True
        try:
            vector = await self._embedding.vector(ask.key.question)
        except EmbeddingFailed as error:
            return None, self._not_embedded(error.detail, error)
        at.embedding = False
        self._embedder_pause.note(None)
        return place_of(None, self._embedding.name, ask.key, vector), ""

    async def _exact(self, ask: Ask) -> Optional[Json]:
        """The entry of that very text. Embeds nothing, so that it costs little and works while the embedder does not."""
        assert ask.key is not None
        any_vector: Optional[List[float]] = None
        if ask.key.question is not None:
            try:
                any_vector = [1.0] + [0.0] * (await self._embedding.dimension() - 1)
            except EmbeddingFailed:
                return None  # it never worked yet: nothing can be looked up
        place = place_of(None, self._embedding.name, ask.key, any_vector)
        found = await self._node.query(place.embedding, 1.0, place.model_id, place.query_text, ask.scope)
        return found if found["hit"] and (found["exact_match"] or ask.key.question is None) else None

    async def _near(self, ask: Ask, place: Place, states: Mapping[str, State]) -> Optional[Hit]:
        """The most similar entry that is fresh. A stale one is served to its own question alone."""
        found = await self._node.query(
            place.embedding, self._settings.threshold, place.model_id, None, ask.scope, top_k=CANDIDATES_MAX
        )
        for match in found["matches"]:
            if CALLS in (match.get("attributes") or {}):
                continue  # what a model writes for a tool, it makes from the very words
            hit = await self._judged(ask, match, states, False)
            if hit is not None and hit.fresh_seconds > 0 and self._may_serve(ask, hit):
                return hit
        return None

    # --- judging ---

    async def _judged(self, ask: Ask, entry: Json, states: Mapping[str, State], is_exact: bool) -> Optional[Hit]:
        """None for an entry that what it was made from has left behind, or that cannot be read."""
        kept = from_node(entry.get("attributes") or {})
        try:
            made_ms, fresh = (int(part) for part in kept[MADE].split("."))
            deps = from_text(kept.get(DEPS, ""))
        except (ValueError, LookupError):
            return None
        unknown = [dep.id for dep, _ in deps if dep.id not in states]
        known = {**states, **await self._deps.current(ask.scope, unknown)}
        if not is_current(deps, ask.deps, known):
            return None
        age = max(0.0, self._clock() - made_ms / 1000.0)
        return Hit(entry, is_exact, 1.0 if is_exact else float(entry["similarity"]), age, fresh - age)

    def _may_serve(self, ask: Ask, hit: Hit) -> bool:
        oldest = ask.controls.max_age_seconds
        if oldest is not None:
            return hit.age_seconds <= oldest and hit.fresh_seconds > 0
        return hit.fresh_seconds > 0 or -hit.fresh_seconds < self._settings.stale_seconds

    def _may_serve_after_failure(self, ask: Ask, hit: Hit) -> bool:
        return ask.controls.max_age_seconds is None and -hit.fresh_seconds < self._settings.stale_if_error_seconds

    # --- storing ---

    async def store(self, ask: Ask, lookup: Lookup, stored: Stored) -> bool:
        """Whether the cluster has it now. Waits no longer than for a lookup."""
        place = lookup.place
        if place is None or ask.controls.no_store:
            return False
        fresh = self._settings.fresh_seconds if ask.controls.ttl_seconds is None else ask.controls.ttl_seconds
        fresh = min(fresh, self._settings.max_fresh_seconds)
        attributes: Dict[str, str] = {MADE: f"{int(self._clock() * 1000)}.{fresh}"}
        if ask.deps:
            attributes[DEPS] = to_text(ask.deps, lookup.states)
        insert = self._node.insert(
            place.embedding,
            stored.response,
            place.query_text,
            place.model_id,
            max(1, fresh + max(self._settings.stale_seconds, self._settings.stale_if_error_seconds)),
            ask.scope,
            id=hashlib.sha256(place.query_text.encode("utf-8")).hexdigest()[:32],  # the same question takes the old one's place
            tags=[tag_of(dep.id) for dep in ask.deps] or None,
            attributes={**stored.attributes, **to_node(attributes)},
            cost=stored.cost,
        )
        try:
            await asyncio.wait_for(insert, self._settings.cache_timeout_seconds)
        except (asyncio.TimeoutError, FerrocacheError, ValueError) as error:
            self._pause.note(error)
            self._count_failure()
            _log.warning("an answer could not be stored: %s", error or "the cache did not answer in time")
            return False
        return True

    # --- invalidating ---

    async def invalidate(self, scope: Optional[str], dep_id: str, new_hash: Optional[str]) -> int:
        """How many entries went. None: those of every tenant. First nothing old is served any more, then it is deleted. Raises
        FerrocacheError: an invalidation that failed must be known to have failed."""
        dep = digest(dep_id)
        await self._deps.renew(COMMON_SCOPE if scope is None else scope, dep, new_hash)
        done = await self._node.invalidate_matching(tags=[tag_of(dep)], cache_scope=scope)
        return int(done["deleted_count"])


async def _both(first: Any, second: Any) -> Tuple[Dict[str, State], Optional[Json]]:
    states, entry = await asyncio.gather(first, second)
    return states, entry
