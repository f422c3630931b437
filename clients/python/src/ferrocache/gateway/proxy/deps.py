"""What answers were made from (CacheCore's dependencies), and which state of it is the current one.

The current state of a dependency is an entry of the cluster, found by its own text, so that all gateways agree. It has a new
generation after each invalidation. An entry of an answer keeps the generations that were current before its provider was asked,
and is served only while they still are: a delete that got lost, or an answer that was under way meanwhile, does no harm.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..._calls import Json
from ...async_client import AsyncFerrocacheClient
from ...errors import FerrocacheError
from .problems import Refusal

HEADER = "x-cachecore-deps"
# An entry of the node has up to 32 tags; a dependency is one.
DEPS_MAX = 32
ID_CHARACTERS_MAX = 1024
HEADER_CHARACTERS_MAX = 65_536
MODEL_ID = "ferrocache.deps"
COMMON_SCOPE = "proxy-common"
DIGEST_CHARACTERS = 32
# So that a node short of memory keeps these small entries longest.
KEEPING_COST = 1e9


@dataclass(frozen=True)
class Dep:
    """By digests: ids and hashes of callers may be of any length. ``hash`` is empty if the caller told none."""

    id: str
    hash: str


@dataclass(frozen=True)
class State:
    """Of a dependency, now. ``hash`` None: none was ever told."""

    generation: str = ""
    hash: Optional[str] = None


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]


def tag_of(dep_id: str) -> str:
    return f"ferrocache.dep.{dep_id}"


def deps_of(header: str) -> Tuple[Dep, ...]:
    """Of X-Cachecore-Deps: base64 of a JSON list, of either alphabet, with or without padding. Raises Refusal."""
    text = "".join(header.split())
    if not text:
        return ()
    if len(text) > HEADER_CHARACTERS_MAX:
        raise _wrong("is too long")
    try:
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        listed = json.loads(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _wrong("must be base64url of a JSON list") from error
    if not isinstance(listed, list) or len(listed) > DEPS_MAX:
        raise _wrong(f"must be a list of at most {DEPS_MAX} dependencies")
    made: Dict[str, Dep] = {}
    for one in listed:
        made_of = _dep(one)
        if made.setdefault(made_of.id, made_of) != made_of:
            raise _wrong("names one dep_id with two hashes")
    return tuple(made[name] for name in sorted(made))


def _dep(one: Any) -> Dep:
    dep_id, told = (one.get("dep_id"), one.get("expected_hash")) if isinstance(one, dict) else (None, None)
    if not isinstance(dep_id, str) or not _is_id(dep_id) or not (told is None or isinstance(told, str)):
        raise _wrong('must hold objects like {"dep_id": "doc:1", "expected_hash": "v1"}')
    return Dep(digest(dep_id), "" if told is None else digest(told))


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and len(value) <= ID_CHARACTERS_MAX


def _wrong(what: str) -> Refusal:
    return Refusal(400, "invalid_deps", f"X-Cachecore-Deps {what}")


@dataclass(frozen=True)
class Invalidation:
    dep_id: str
    new_hash: Optional[str]


def invalidation_of(body: bytes) -> Invalidation:
    """Raises Refusal."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "invalid_body", 'the body must be JSON like {"dep_id": "doc:1", "new_hash": "v2"}') from error
    told = asked.get("new_hash") if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or not _is_id(asked.get("dep_id")) or not (told is None or isinstance(told, str)):
        raise Refusal(400, "invalid_body", 'the body must be JSON like {"dep_id": "doc:1", "new_hash": "v2"}')
    return Invalidation(asked["dep_id"], told)


def to_text(deps: Sequence[Dep], states: Mapping[str, State]) -> str:
    """What an entry keeps of its dependencies."""
    return ",".join(f"{dep.id}:{dep.hash}:{states[dep.id].generation}" for dep in deps)


def from_text(text: str) -> List[Tuple[Dep, str]]:
    """Dependencies and the generations that were current. Raises ValueError."""
    made = []
    for part in text.split(",") if text else ():
        dep_id, told, generation = part.split(":")
        made.append((Dep(dep_id, told), generation))
    return made


def is_current(kept: Sequence[Tuple[Dep, str]], asked: Sequence[Dep], states: Mapping[str, State]) -> bool:
    """Whether an entry with these dependencies may answer a request with those. ``states`` has all of the entry's."""
    held = {dep.id: dep for dep, _ in kept}
    if any(held.get(dep.id) != dep for dep in asked):
        return False  # made from something else, or not known to be made from it
    declared = {dep.id for dep in asked}
    for dep, generation in kept:
        now = states[dep.id]
        if generation != now.generation:
            return False
        if dep.id not in declared and now.hash is not None and dep.hash not in ("", now.hash):
            return False  # its maker knew an older state than the current one, and this caller does not say which it wants
    return True


class DepStates:
    """The states in the cluster. Belongs to the event loop. Raises FerrocacheError."""

    def __init__(
        self,
        node: AsyncFerrocacheClient,
        life_seconds: int,
        has_common: bool,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """``life_seconds``: longer than any entry lives. ``has_common``: some invalidations are for every tenant."""
        self._node, self._life_seconds, self._has_common, self._clock = node, life_seconds, has_common, wall_clock

    async def current(self, scope: str, dep_ids: Sequence[str]) -> Dict[str, State]:
        if not dep_ids:
            return {}
        scopes = (scope, COMMON_SCOPE) if self._has_common else (scope,)
        asked = [_query(dep_id, where) for dep_id in dep_ids for where in scopes]
        found = await self._node.query_batch(asked)
        if len(found) != len(asked):
            raise FerrocacheError("the answer to a batch has another length")
        step = len(scopes)
        return {dep_id: _state(found[place * step : (place + 1) * step]) for place, dep_id in enumerate(dep_ids)}

    async def renew(self, scope: str, dep_id: str, new_hash: Optional[str]) -> None:
        """From now on all entries with that dependency are out of date."""
        state = {
            "generation": uuid.uuid4().hex,
            "hash": None if new_hash is None else digest(new_hash),
            "at_ms": int(self._clock() * 1000),
        }
        await self._node.insert(
            _vector(dep_id), json.dumps(state), dep_id, MODEL_ID, self._life_seconds, scope, id=dep_id, cost=KEEPING_COST
        )


def _vector(dep_id: str) -> List[float]:
    """Any will do that differs from those of others: the text is what is looked for."""
    return [byte - 127.5 for byte in bytes.fromhex(dep_id)[:8]]


def _query(dep_id: str, scope: str) -> Json:
    return {"embedding": _vector(dep_id), "threshold": 1.0, "model_id": MODEL_ID, "query_text": dep_id, "cache_scope": scope}


def _state(found: Sequence[Json]) -> State:
    told = []
    for one in found:
        if "error" in one:
            raise FerrocacheError(f"the state of a dependency: {one['error']}", one.get("status"))
        if not one.get("exact_match"):
            told.append(("", None, 0))
            continue
        try:
            kept = json.loads(one["response"])
            told.append((kept["generation"], kept["hash"], kept["at_ms"]))
        except (ValueError, TypeError, LookupError) as error:
            raise FerrocacheError("the state of a dependency cannot be read") from error
    newest = max(told, key=lambda one: one[2])
    return State(".".join(generation for generation, _, _ in told).strip("."), newest[1])
