"""The routes of LangCache's API as an ASGI application: who may, what is asked, what is answered."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...errors import FerrocacheError
from ..bodies import BodyTooLarge, BodyTooSlow, read_body
from ..config import Cache, Server
from ..embedding import EmbeddingFailed
from ..limits import TokenBucket
from ..metrics import Metrics
from ..secrets import digest_of
from ..store import CacheStore, from_node
from . import requests
from .problems import UNEXPECTED, Problem, of_embedder, of_node
from .requests import EXACT, SEMANTIC, Json

API = "langcache"
RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)
_ENTRY_ID = re.compile(r"[!-~]{1,128}")  # what the node takes for an id
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_BEARER = re.compile(rb"[Bb]earer +(\S+) *")


@dataclass
class Served:
    """A cache and what serves it."""

    settings: Cache
    store: CacheStore
    bucket: TokenBucket = field(init=False)

    def __post_init__(self) -> None:
        self.bucket = TokenBucket(self.settings.rate)


@dataclass(frozen=True)
class Called:
    """What a method and a path mean. Segments are split before they are decoded, so that an id may hold a slash."""

    operation: str
    cache_id: str = ""
    entry_id: str = ""


def called(method: str, raw_path: bytes, base_path: str) -> Called:
    base = base_path.encode()
    if base and raw_path.startswith(base + b"/"):  # a proxy before this may have taken it away
        raw_path = raw_path[len(base) :]
    try:
        parts = [unquote_to_bytes(part).decode("utf-8") for part in raw_path.split(b"/")[1:]]
    except UnicodeDecodeError:
        return Called("unknown")
    if len(parts) < 3 or parts[:2] != ["v1", "caches"] or "" in parts:
        return Called("unknown")
    cache_id, rest = parts[2], parts[3:]
    if rest and rest[0] == "entries" and method == "DELETE" and len(rest) == 2:
        return Called("delete_by_id", cache_id, rest[1])
    operation = {
        ("GET", ()): "info",
        ("POST", ("entries",)): "set",
        ("POST", ("entries", "search")): "search",
        ("DELETE", ("entries",)): "delete_query",
        ("POST", ("flush",)): "flush",
    }.get((method, tuple(rest)))
    return Called(operation, cache_id) if operation else Called("unknown")


class LangCacheApi:
    """All caches of a gateway. Belongs to the event loop."""

    def __init__(self, caches: List[Served], server: Server, metrics: Metrics) -> None:
        self._caches = {served.settings.id: served for served in caches}
        self._server, self._metrics = server, metrics
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw_path = scope.get("raw_path") or scope["path"].encode()
        what = called(request.method, raw_path, self._server.base_path)
        given = request.headers.get("x-request-id", "")
        headers = {"X-Request-Id": given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex}
        begin = time.monotonic()
        self._in_flight += 1
        self._metrics.in_flight.inc()
        try:
            response = await self._answered(what, request, headers, raw_path.decode("ascii", "replace"))
        except ClientDisconnect:
            return  # nobody is there to be answered
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.dec()
        self._told(what, response.status_code, time.monotonic() - begin, headers["X-Request-Id"])
        await response(scope, receive, send)

    def _told(self, what: Called, status: int, seconds: float, request_id: str) -> None:
        self._metrics.requests.labels(API, what.operation, str(status)).inc()
        self._metrics.seconds.labels(API, what.operation).observe(seconds)
        level = logging.WARNING if status == 424 or status >= 500 else logging.DEBUG if status < 400 else logging.INFO
        if _log.isEnabledFor(level):
            fields = {
                "api": API,
                "operation": what.operation,
                "cache": what.cache_id if what.cache_id in self._caches else None,
                "status": status,
                "milliseconds": round(1000 * seconds, 3),
                "request_id": request_id,
            }
            _log.log(level, "answered", extra={"fields": fields})

    async def _answered(self, what: Called, request: Request, headers: Mapping[str, str], instance: str) -> Response:
        try:
            return await self._done(what, request, headers)
        except Problem as problem:
            found = problem
        except EmbeddingFailed as error:
            found = of_embedder(error)
        except FerrocacheError as error:
            found = of_node(error)
        except ClientDisconnect:
            raise
        except Exception:
            _log.exception("a request failed unexpectedly", extra={"fields": {"request_id": headers["X-Request-Id"]}})
            found = Problem(UNEXPECTED, "the gateway failed; its log has the request's id")
        return found.answer(instance, request.headers.get("user-agent", ""), headers)

    async def _done(self, what: Called, request: Request, headers: Mapping[str, str]) -> Response:
        if what.operation == "unknown":
            raise Problem("/errors/resource/not-found", "there is no such operation; see the routes of the LangCache API")
        if self._in_flight > self._server.max_concurrent_requests:
            raise Problem("/errors/too-many-requests", "the gateway is at its limit of requests", retry_after=RETRY_SECONDS)
        served = self._authenticated(request, what.cache_id)
        wait = served.bucket.wait_seconds()
        if wait:
            raise Problem("/errors/too-many-requests", "the cache is at its limit of requests", retry_after=wait)
        if what.operation == "info":
            return _json(200, await _info(served), headers)
        if what.operation == "flush":
            await served.store.flush()
            return Response(status_code=204, headers=dict(headers))
        if what.operation == "delete_by_id":
            if not _ENTRY_ID.fullmatch(what.entry_id) or not await served.store.delete(what.entry_id):
                raise Problem("/errors/cache/entry/not-found", "the cache has no entry of this id")
            return Response(status_code=204, headers=dict(headers))
        body = requests.parsed(await self._body(request))
        if what.operation == "search":
            return _json(200, {"data": await self._search(served, requests.search(body, served.settings))}, headers)
        if what.operation == "set":
            entry = requests.set_entry(body, served.settings)
            made = await served.store.add(entry.prompt, entry.response, entry.attributes, entry.ttl_millis)
            return _json(201, {"entryId": made}, headers)
        count = await served.store.delete_matching(requests.delete_query(body, served.settings))
        return _json(200, {"deletedEntriesCount": count}, headers)

    def _authenticated(self, request: Request, cache_id: str) -> Served:
        """The cache that is asked for, if the caller's key is its. Whether a cache exists is told to holders of some key alone."""
        given = [value for name, value in request.scope["headers"] if name == b"authorization"]
        bearer = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        if bearer is None:
            raise Problem("/errors/authentication-failed", "send the cache's API key as `Authorization: Bearer <key>`")
        digest = digest_of(bearer[1])
        opened = {name for name, served in self._caches.items() if served.settings.keys.know(digest)}
        if not opened:
            raise Problem("/errors/authentication-failed", "no cache has this API key")
        if cache_id not in self._caches:
            raise Problem("/errors/cache/not-found", "there is no cache of this id")
        if cache_id not in opened:
            raise Problem("/errors/insufficient-permissions", "the API key belongs to another cache")
        return self._caches[cache_id]

    async def _body(self, request: Request) -> bytes:
        most = self._server.max_body_bytes
        try:
            return await read_body(request, most, self._server.body_timeout_seconds)
        except BodyTooLarge as error:
            raise Problem("/errors/payload-too-large", f"the body must have at most {most} bytes") from error
        except BodyTooSlow as error:
            raise Problem("/errors/invalid-data", "the body did not arrive in time") from error

    async def _search(self, served: Served, wanted: requests.Search) -> List[Json]:
        """The first strategy that finds something answers. Where several entries are wanted, nearest ones follow an exact one."""
        found: List[Json] = []
        both_at_once = wanted.count > 1 and wanted.strategies == (EXACT, SEMANTIC)
        for strategy in (SEMANTIC,) if both_at_once else wanted.strategies:
            if strategy == EXACT:
                found = await served.store.exact(wanted.prompt, wanted.attributes)
            else:
                found = await served.store.similar(
                    wanted.prompt, wanted.attributes, wanted.threshold, wanted.count, exact_first=both_at_once
                )
            if found:
                break
        if found:
            strategy = EXACT if found[0]["exact_match"] else SEMANTIC
            self._metrics.hits.labels(served.settings.id, strategy).inc()
        else:
            self._metrics.misses.labels(served.settings.id).inc()
        return [_entry(match) for match in found]


def _entry(match: Json) -> Json:
    return {
        "id": match["id"],
        "prompt": match["query_text"],
        "response": match["response"],
        "attributes": from_node(match["attributes"]),
        "similarity": min(1.0, max(0.0, match["similarity"])),
        "searchStrategy": EXACT if match["exact_match"] else SEMANTIC,
    }


async def _info(served: Served) -> Json:
    """How a cache is set up: an addition of this server, for whoever tunes a threshold."""
    settings = served.settings
    dimension: Optional[int] = None
    try:
        dimension = await served.store.embedding.dimension()
    except EmbeddingFailed:
        pass  # the rest is worth knowing all the more
    limits: Tuple[Tuple[str, Any], ...] = (("promptMaxCharacters", settings.prompt_max_characters),)
    if settings.rate.per_second:
        limits += (("requestsPerSecond", settings.rate.per_second), ("burst", settings.rate.burst))
    return {
        "cacheId": settings.id,
        "embeddingModel": served.store.embedding.name,
        "dimension": dimension,
        "similarityThreshold": settings.threshold,
        "thresholdScale": settings.threshold_scale,
        "defaultTtlMillis": settings.default_ttl_seconds * 1000 or None,
        "attributes": list(settings.attributes),
        **dict(limits),
    }


def _json(status: int, body: Dict[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False).encode("utf-8"), status, dict(headers), "application/json")
